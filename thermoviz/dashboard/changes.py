"""What was changed against a preset, in words: "learning rate 3 instead of 0.2"."""

from collections.abc import Iterator
from typing import Any

from ..catalogue.links import to_query
from ..core.specs import to_json
from ..experiments.presets import preset as named_preset
from ..presentation.settings import on_the_way, shown
from ..presentation.words import _, term

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
    settings = on_the_way(cls, base, path)
    if not settings:
        return
    setting, before = settings[-1]
    new = shown(setting, text)
    old = None if before is None and not setting.optional else shown(setting, before)
    if new == old:
        return
    title = term(setting.title)
    title = title if title[1:2].isupper() else title[:1].lower() + title[1:]
    yield (_("{title} {new}") if old is None else _("{title} {new} instead of {old}")).format(
        title=title, new=new, old=old)
