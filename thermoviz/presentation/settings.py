"""The settings of a specification in words: titles, ranges and help come from its fields, none is listed here."""

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from .names import class_title
from .words import _, term


@dataclasses.dataclass(frozen=True)
class Setting:
    """One field as a widget needs it. `form`: number, choice, switch, list, member or members."""

    name: str
    title: str
    help: str
    form: str
    ladder: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False
    optional: bool = False
    choices: tuple[Any, ...] = ()  # values of a choice, or classes of a member
    most: int = 1  # of members


@functools.lru_cache(maxsize=256)
def describe(cls: Any) -> tuple[Setting, ...]:
    """The settings of a specification class, in the order of its fields, without `kind`."""
    fields: dict[str, FieldInfo] = cls.__pydantic_fields__
    return tuple(_setting(name, field) for name, field in fields.items() if name != "kind")


def _setting(name: str, field: FieldInfo) -> Setting:
    notes = [field, *field.metadata]
    annotation, optional = _without_none(field.annotation, notes)
    for note in notes[1:]:
        if isinstance(note, FieldInfo):
            notes.extend(note.metadata)
    title = _noted(notes, "title") or name.replace("_", " ")
    extras = [n.json_schema_extra for n in notes if isinstance(getattr(n, "json_schema_extra", None), dict)]
    form, choices, whole = _form(annotation)
    if form == "list":
        notes += _notes_of_items(annotation)
    return Setting(
        name, title[:1].upper() + title[1:], _noted(notes, "description") or "", form,
        ladder=tuple(next((extra["ladder"] for extra in extras if "ladder" in extra), ())),
        low=_noted(notes, "ge", "gt"), high=_noted(notes, "le", "lt"), whole=whole, optional=optional,
        choices=choices, most=_noted(notes, "max_length") or 1)


def _notes_of_items(annotation: Any) -> list[Any]:
    """What limits each number of a list: it stands in the annotation of its items."""
    notes: list[Any] = []
    _without_none(typing.get_args(annotation)[0], notes)
    return [part for note in notes for part in getattr(note, "metadata", [note])]


def _noted(notes: list[Any], *names: str) -> Any:
    """The first of these attributes that any of the notes gives, or None."""
    found = (getattr(note, name, None) for note in notes for name in names)
    return next((value for value in found if value is not None), None)


def _without_none(annotation: Any, notes: list[Any]) -> tuple[Any, bool]:
    """The annotation without `None` and without `Annotated`, whose notes are added to `notes`."""
    optional = False
    while True:
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            notes.extend(arguments[1:])
            annotation = arguments[0]
        elif origin in (typing.Union, types.UnionType) and type(None) in arguments:
            rest = tuple(a for a in arguments if a is not type(None))
            annotation, optional = typing.Union[rest], True  # noqa: UP007
        else:
            return annotation, optional


def _form(annotation: Any) -> tuple[str, tuple[Any, ...], bool]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is bool:
        return "switch", (), False
    if origin is typing.Literal:
        return "choice", arguments, False
    if origin is tuple:
        inner, _optional = _without_none(arguments[0], [])
        form, choices, whole = _form(inner)
        return ("members", choices, False) if form == "member" else ("list", (), whole)
    classes = tuple(_classes(annotation))
    specifications = tuple(c for c in classes if dataclasses.is_dataclass(c))
    if specifications:
        return "member", specifications, False
    if classes == (str,):
        return "fixed", (), False
    return "number", (), float not in classes


def _classes(annotation: Any) -> Iterator[Any]:
    """All classes of a union, and of the unions within it."""
    plain, _optional = _without_none(annotation, [])
    if typing.get_origin(plain) in (typing.Union, types.UnionType):
        for part in typing.get_args(plain):
            yield from _classes(part)
    else:
        yield plain


def on_the_way(cls: type, base: Any, path: list[str]) -> list[tuple[Setting, Any]]:
    """(setting, value in the preset) of each setting that a path goes through; numbers choose a member of several."""
    found: list[tuple[Setting, Any]] = []
    inside: tuple[Any, ...] = (cls,)
    for part in path:
        if part.isdecimal():
            base = base[int(part) - 1] if isinstance(base, list) and int(part) <= len(base) else None
        else:
            setting = next((one for each in inside for one in describe(each) if one.name == part), None)
            if setting is None:
                return []
            base = base.get(part) if isinstance(base, dict) else None
            inside = setting.choices if setting.form in ("member", "members") else ()
        if part.isdecimal() and found:
            found[-1] = (found[-1][0], base)
        elif not part.isdecimal():
            found.append((setting, base))  # type: ignore[arg-type]
    return found


def shown(setting: Setting, value: Any) -> str:
    """A value as it stands on the page: members by their names, lists with commas, None as a word."""
    if isinstance(value, dict):
        value = value["kind"]
    if setting.form in ("member", "members"):
        titles = {one.__pydantic_fields__["kind"].default: class_title(one) for one in setting.choices
                  if "kind" in one.__pydantic_fields__}
        return titles.get(value, str(value))
    if isinstance(value, list):
        return ", ".join(shown(setting, one) for one in value)
    if value is None or value == "none":
        return _("none")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    return str(value).strip("_").replace("_", ", ") if setting.form == "list" else term(str(value).replace("_", " "))
