"""Refusals in the page's words: controls by the titles that stand beside them, limits as people say them."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..experiments.presets import PRESETS
from ..presentation.settings import Setting, describe
from ..presentation.words import _, term

# What `core.specs.sentence` writes: "Descent.network.hidden.0: input should be at most 3, got 5."
_REFUSAL = re.compile(r"(?P<path>\w+(?:\.\w+)*): (?P<what>.*?)(?:, got (?P<given>(?:(?!, got ).)*?))?\.?", re.DOTALL)
_FOLLOWED = re.compile(r"(?P<name>\S+)=(?P<text>.*?) in this link was ignored: (?P<why>.*)", re.DOTALL)
_UNKNOWN = re.compile(r"(?P<name>preset|kind)=(?P<text>.*?) in this link is not known; known are .*", re.DOTALL)
_LIMIT = re.compile(r"input should be (?P<limit>greater than or equal to|less than or equal to|greater than|less than) "
                    r"(?P<bound>\S+)")


def plain(cls: type, refusal: str) -> str:
    """The refusal of a specification of class `cls` in the page's words; what it does not know stays as it is."""
    found = _REFUSAL.fullmatch(refusal)
    titles = _titles(cls, found["path"].split(".")[1:]) if found else []
    if not found or not titles:
        return refusal
    given = f" ({_('not {value}').format(value=found['given'])})" if found["given"] else ""
    return f"{titles[-1]}: {_allowed(found['what'])}{given}."


def plain_link(cls: type, message: str) -> str:
    """What a link asked for and did not get, likewise."""
    if unknown := _UNKNOWN.fullmatch(message):
        here = ", ".join(f"“{term(preset.title)}”" for preset in PRESETS.values())
        return (_("There is no landscape “{name}” here; there are {names}.") if unknown["name"] == "preset" else
                _("There is no experiment “{name}” here; this is the first page.")).format(
                    name=unknown["text"], names=here)
    found = _FOLLOWED.fullmatch(message)
    if not found:
        return message
    if found["why"].startswith("there is no setting"):
        return _("“{name}” in this link is no setting of this page.").format(name=found["name"])
    return _("{refusal} ({name}={text} in this link).").format(
        refusal=plain(cls, found["why"]).rstrip("."), name=found["name"], text=found["text"])


def in_short(message: str) -> str:
    """What of a link a message is about, as the link says it; "" where it is about the whole link."""
    found = re.match(r"(\S+=.*?) in this link", message, re.DOTALL)
    return found[1] if found else ""


def _allowed(what: str) -> str:
    """What pydantic says of a limit or a type, in fewer and plainer words."""
    if found := _LIMIT.fullmatch(what):
        bound = found["bound"]
        return {"greater than or equal to": _("at least {bound} is needed"),
                "less than or equal to": _("at most {bound} is allowed"),
                "greater than": _("more than {bound} is needed"),
                "less than": _("less than {bound} is needed")}[found["limit"]].format(bound=bound)
    if "valid integer" in what:
        return _("a whole number is needed")
    if "valid number" in what or "finite number" in what:
        return _("a number is needed")
    if "valid boolean" in what:
        return _("yes or no (true or false) is needed")
    return what.replace("input should be", _("known are")) if re.match(r"input should be '", what) else what


def _titles(cls: type, path: Iterable[str]) -> list[str]:
    """The titles of the settings on the way along a path of names, numbers and kinds."""
    titles: list[str] = []
    inside: tuple[Any, ...] = (cls,)
    for part in path:
        setting = _first(inside, lambda one, name=part: one.name == name)  # type: ignore[misc]
        if setting is not None:
            titles.append(term(setting.title))
            inside = setting.choices if setting.form in ("member", "members") else ()
        else:
            inside = tuple(one for one in inside if part in (one.__name__, _kind(one))) or inside
    return titles


def _first(classes: Iterable[type], wanted: Callable[[Setting], bool]) -> Setting | None:
    return next((one for cls in classes for one in describe(cls) if wanted(one)), None)


def _kind(cls: Any) -> Any:
    field = cls.__pydantic_fields__.get("kind")
    return None if field is None else field.default
