"""Widgets out of specifications: ranges, steps, titles and help come from the fields, none is listed here.

`describe(cls)` reads a specification's fields into `Setting`s; `controls(...)` draws them and returns the
changed specification. Widgets start from `base` and keep their own state until `generation` changes (a preset
is chosen, a link is followed).
"""

import contextlib
import dataclasses
import functools
import re
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from ..core.errors import BadInput
from ..core.specs import from_json, to_json
from ..presentation.names import class_title
from ..presentation.numbers import number
from ..presentation.words import _, term

# The order of the experiment's fields on the page. A field that stands in no section comes in the last one.
SECTIONS = (
    ("data", ("dataset", "potential")),
    ("network", ("network", "weight_decay", "l1")),
    ("training", ("dynamics", "batch_size", "batching", "temperature", "replicas", "steps")),
    ("slice", ("plane", "resolution", "margin", "tolerance")),
    ("chance", ("seed",)),
)


def section_title(key: str) -> str:
    """The title of a section, or of the rest."""
    return {"data": _("The problem"), "network": _("The network"), "training": _("Training"),
            "slice": _("The slice"), "chance": _("Chance")}.get(key, _("More"))


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


def controls(spec_class: Any, base: Any, generation: int) -> Any:
    """Draws all controls of an experiment and returns its specification as the widgets say.

    `base`: the specification that the widgets of this `generation` start from. Raises BadInput where the
    settings do not fit together.
    """
    tree, refused = to_json(base), list[BadInput]()
    settings = {setting.name: setting for setting in describe(spec_class)}
    placed = {name for _key, names in SECTIONS for name in names}
    sections = (*SECTIONS, ("more", tuple(name for name in settings if name not in placed)))
    for key, names in sections:
        shown = [settings[name] for name in names if name in settings]
        if shown:
            with st.expander(section_title(key), expanded=key in ("data", "training")), _later(refused):
                _draw_all(shown, tree, f"{generation}/")
    _refuse(refused)
    return from_json(spec_class, tree)


def plain_controls(spec_class: Any, base: Any, prefix: str) -> Any:
    """The controls of an experiment with few settings: one below the other, in the order of its fields.

    `prefix`: of the widgets' keys; widgets start anew from `base` when it changes. Raises BadInput.
    """
    tree = to_json(base)
    _draw_all(describe(spec_class), tree, f"{prefix}/")
    return from_json(spec_class, tree)


def _draw_all(settings: Iterable[Setting], tree: dict[str, Any], prefix: str) -> None:
    """Draws the controls and writes what they say into `tree`. The first refusal is raised when all are drawn: those
    that stand below would vanish otherwise, and forget what they were set to."""
    refused: list[BadInput] = []
    for setting in settings:
        with _later(refused):
            tree[setting.name] = _draw(setting, tree[setting.name], f"{prefix}{setting.name}")
    _refuse(refused)


@contextlib.contextmanager
def _later(refused: list[BadInput]) -> Iterator[None]:
    """Keeps a refusal for later."""
    try:
        yield
    except BadInput as error:
        refused.append(error)


def _refuse(refused: list[BadInput]) -> None:
    if refused:
        raise refused[0]


def _draw(setting: Setting, value: Any, key: str) -> Any:
    """One widget, or the widgets of a member; the value as JSON.

    A content's hash and a setting that each replica has its own of stay as they are: no widget can say them.
    """
    if setting.form == "fixed" or (setting.form == "number" and isinstance(value, (list, tuple))):
        return value
    return _WIDGETS[setting.form](setting, value, key)


def _number(setting: Setting, value: Any, key: str) -> Any:
    if setting.ladder or setting.optional:
        return _ladder(setting, value, key)
    label: dict[str, Any] = {"label": term(setting.title), "help": term(setting.help) or None, "key": key}
    if setting.whole:
        return st.number_input(**label, value=int(value), min_value=_bound(setting.low, int), step=1,
                               max_value=_bound(setting.high, int))
    if _fits_a_slider(setting, value):
        return st.slider(**label, value=float(value), min_value=float(setting.low),  # type: ignore[arg-type]
                         max_value=float(setting.high))  # type: ignore[arg-type]
    return st.number_input(**label, value=float(value), min_value=_bound(setting.low, float),
                           max_value=_bound(setting.high, float), format="%g")


def _fits_a_slider(setting: Setting, value: Any) -> bool:
    """Whether steps of a hundredth can say the value: 0.999 and 10^-8 would be shown as 1 and 0."""
    if setting.low is None or setting.high is None or setting.high - setting.low > 1:
        return False
    return abs(100 * value - round(100 * value)) < 1e-9


def _bound(bound: float | None, kind: type[int] | type[float]) -> Any:
    """A range's end in the widget's own type, which Streamlit insists on."""
    return None if bound is None else kind(bound)


def _ladder(setting: Setting, value: Any, key: str) -> Any:
    """Steps 1-3-10 rather than every number; a value that stands between two rungs is one more."""
    rungs = sorted({*setting.ladder, value} - {None})
    options = [*rungs, None] if setting.optional else rungs
    if len(options) == 1:
        return options[0]
    return st.select_slider(term(setting.title), options, value=value, key=key,
                            help=term(setting.help) or None, format_func=_rung)


def _rung(value: Any) -> str:
    """A whole number in full, another to three digits, None as "all"."""
    return _("all") if value is None else str(value) if isinstance(value, int) else number(value)


def _choice(setting: Setting, value: Any, key: str) -> Any:
    options = list(setting.choices)
    return st.selectbox(term(setting.title), options, index=options.index(value), key=key,
                        help=term(setting.help) or None, format_func=choice_title)


def choice_title(value: Any) -> str:
    """A choice in plain words."""
    return {"replacement": _("each drawn from all samples"), "fresh": _("each without repeats"),
            "epochs": _("shuffled epochs")}.get(value) or term(str(value).replace("_", " "))


def _switch(setting: Setting, value: Any, key: str) -> bool:
    return st.toggle(term(setting.title), value=bool(value), key=key, help=term(setting.help) or None)


def _list(setting: Setting, value: Any, key: str) -> list[Any]:
    """Numbers in a row, such as the widths of the hidden layers: "16, 16"."""
    title, written = term(setting.title), ", ".join(str(v) for v in value)
    text = st.text_input(title, value=written, key=key, help=term(setting.help) or None)
    st.caption(_limits(setting))
    words = [word for word in re.split(r"[,;\s]+", text.strip()) if word]
    try:
        numbers = [int(word) if setting.whole else float(word) for word in words]
    except ValueError:
        numbers = None
    if numbers is None or not _allowed(setting, numbers):
        raise BadInput(_("{title}: use commas, such as {example}; {limits} (not “{text}”).").format(
            title=title, example=written or "16, 16", limits=_limits(setting), text=text[:40]))
    return numbers


def _limits(setting: Setting) -> str:
    """What a list may hold."""
    parts = [_("at most {n} numbers").format(n=setting.most)] if setting.most > 1 else []
    if setting.low is not None and setting.high is not None:
        parts.append(_("each from {low} to {high}").format(low=number(setting.low), high=number(setting.high)))
    return ", ".join(parts) or _("numbers")


def _allowed(setting: Setting, numbers: list[Any]) -> bool:
    """Whether each number, and how many they are, is within the limits."""
    few = setting.most <= 1 or len(numbers) <= setting.most
    return few and all((setting.low is None or n >= setting.low) and (setting.high is None or n <= setting.high)
                       for n in numbers)


def _member(setting: Setting, value: dict[str, Any], key: str) -> dict[str, Any]:
    """A choice among classes, then the chosen one's settings; a newly chosen one starts from its defaults."""
    cls = _chosen_class(setting, value, key)
    tree = dict(value) if _kind(cls) == value.get("kind") else to_json(cls())
    _draw_all(describe(cls), tree, f"{key}.{_kind(cls)}.")
    return tree


def _kind(cls: Any) -> str | None:
    field = cls.__pydantic_fields__.get("kind")
    return None if field is None else field.default


def _chosen_class(setting: Setting, value: dict[str, Any], key: str) -> Any:
    by_kind = {_kind(cls): cls for cls in setting.choices}
    if len(by_kind) == 1:
        return setting.choices[0]
    ready = [kind for kind, cls in by_kind.items() if kind == value["kind"] or _has_defaults(cls)]
    chosen = st.selectbox(term(setting.title), ready, index=ready.index(value["kind"]), key=f"{key}.kind",
                          help=term(setting.help) or None,
                          format_func=lambda kind: class_title(by_kind[kind]))
    return by_kind[chosen]


def _has_defaults(cls: Any) -> bool:
    """Whether a member can be chosen on the page: one that needs a user's own arrays cannot."""
    return not any(field.is_required() for field in cls.__pydantic_fields__.values())


def _members(setting: Setting, value: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Several members to compare; a further one starts as the first class that is not yet among them."""
    count = st.select_slider(_("How many to compare"), list(range(1, setting.most + 1)), value=len(value),
                             key=f"{key}.count") if setting.most > 1 else 1
    drawn: list[dict[str, Any]] = []
    for i in range(count):
        one = dataclasses.replace(setting, form="member", title=_("Optimiser {n}").format(n=i + 1))
        drawn.append(_member(one, value[i] if i < len(value) else _another(setting, drawn), f"{key}.{i}"))
    return drawn


def _another(setting: Setting, drawn: list[dict[str, Any]]) -> dict[str, Any]:
    """The defaults of the first class that is not among the members drawn so far."""
    used = {member["kind"] for member in drawn}
    fresh = [cls for cls in setting.choices if _has_defaults(cls) and _kind(cls) not in used]
    return to_json((fresh or setting.choices)[0]())


_WIDGETS = {"number": _number, "choice": _choice, "switch": _switch, "list": _list, "member": _member,
            "members": _members}
