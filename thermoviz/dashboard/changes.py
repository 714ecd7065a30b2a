"""What was changed against a preset, in words: "learning rate 3 instead of 0.2"."""

from collections.abc import Iterator
from typing import Any

from ..catalogue.links import to_query
from ..core.specs import to_json
from ..experiments.presets import preset as named_preset
from ..presentation.names import class_title
from ..presentation.words import _, term
from .controls import Setting, describe

MOST = 3  # changes told; more are counted
NOT_SETTINGS = ("v", "preset", "kind")


def changes(preset: str, spec: Any) -> str:
    """The settings of `spec` that are not those of the preset; "" where there are none, or all are others."""
    base = named_preset(preset).spec
    if type(spec) is not type(base):
        return ""
    query = to_query(preset, spec)
    found = [said for name, text in query.items() if name not in NOT_SETTINGS
             for said in _change(type(spec), to_json(base), name.split("."), text)]
    more = [_("{n} more").format(n=len(found) - MOST)] if len(found) > MOST else []
    return ", ".join([*found[:MOST], *more])


def _change(cls: type, base: Any, path: list[str], text: str) -> Iterator[str]:
    """The one change at a path of a link, if it is one (a seed stands in every link)."""
    settings = _on_the_way(cls, base, path)
    if not settings:
        return
    setting, before = settings[-1]
    new = _shown(setting, text)
    old = None if before is None and not setting.optional else _shown(setting, before)
    if new == old:
        return
    title = term(setting.title)
    title = title if title[1:2].isupper() else title[:1].lower() + title[1:]
    yield (_("{title} {new}") if old is None else _("{title} {new} instead of {old}")).format(
        title=title, new=new, old=old)


def _on_the_way(cls: type, base: Any, path: list[str]) -> list[tuple[Setting, Any]]:
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


def _shown(setting: Setting, value: Any) -> str:
    """A value as it stands on the page: members by their names, lists with commas, None as a word."""
    if isinstance(value, dict):
        value = value["kind"]
    if setting.form in ("member", "members"):
        titles = {one.__pydantic_fields__["kind"].default: class_title(one) for one in setting.choices
                  if "kind" in one.__pydantic_fields__}
        return titles.get(value, str(value))
    if isinstance(value, list):
        return ", ".join(_shown(setting, one) for one in value)
    if value is None or value == "none":
        return _("none")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    return str(value).strip("_").replace("_", ", ") if setting.form == "list" else term(str(value).replace("_", " "))
