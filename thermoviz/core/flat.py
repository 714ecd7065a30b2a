"""A specification as flat names and short texts, and back: what links, the command line and sweeps call its settings.

Names are the fields' own, dotted (`dataset.n`, `dynamics.2.lr`); the kind of a member stands under the bare name
(`dataset` = `circles`). A value is written as short text (`0.1`, `16_16`, `none`), or as JSON where that is not enough.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from .errors import BadInput
from .specs import from_json, to_json

_WORDS = {"none": None, "true": True, "false": False}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def name_of(path: tuple) -> str:
    """The dotted name of a place in a specification's JSON form; members are counted from 1."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in path)


def text_of(value: Any) -> str:
    """A JSON value as short text that `readings` leads back."""
    if isinstance(value, str):
        return value if next(readings(value)) == value else json.dumps(value)
    if value is None or isinstance(value, bool):
        return next(word for word, meaning in _WORDS.items() if meaning is value)
    if isinstance(value, (int, float)):
        whole = isinstance(value, float) and value == round(value) and abs(value) < 1e15
        return str(int(value)) if whole and not (value == 0 and math.copysign(1, value) < 0) else repr(value)
    if isinstance(value, list) and all(type(item) in (int, float) for item in value):
        return "_".join(map(text_of, value)) + ("_" if len(value) < 2 else "")
    return json.dumps(value, separators=(",", ":"))


def names_in(tree: Any, path: tuple = ()) -> Iterator[str]:
    """The names of all settings in a specification's JSON form, those of members' kinds too."""
    if isinstance(tree, dict):
        if path:
            yield name_of(path)
        for key in (key for key in tree if key != "kind"):
            yield from names_in(tree[key], (*path, key))
    elif isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        for i, item in enumerate(tree):
            yield from names_in(item, (*path, i))
    else:
        yield name_of(path)


def values_in(text: str) -> tuple[Any, ...]:
    """The values of a list such as `8,16,none` or `8_8,16_16`, or of a JSON list."""
    whole = next(readings(text)) if text[:1] == "[" else None
    return tuple(whole) if isinstance(whole, list) else tuple(next(readings(one.strip())) for one in text.split(","))


def list_of(values: Iterable[Any]) -> str:
    """Values, lists among them, as a text that `values_in` leads back."""
    texts = [text_of(list(value) if isinstance(value, tuple) else value) for value in values]
    return json.dumps(list(values), separators=(",", ":")) if any("," in text for text in texts) else ",".join(texts)


def with_setting(spec: Any, name: str, text: str) -> Any:
    """`spec` with the setting `name` read from `text`. Raises BadInput naming the field and its range."""
    tree = to_json(spec)
    path = path_of(tree, name)
    refusals = []
    for value in _values(tree, path, text):
        try:
            return from_json(type(spec), with_value(tree, path, value))
        except BadInput as error:
            refusals.append(error)
    raise refusals[0]


def path_of(tree: Any, name: str) -> tuple:
    """The place of a dotted name in a specification's JSON form; one past the end of a list of members is a place."""
    path: list = []
    here = tree
    for part in name.split("."):
        if isinstance(here, list) and part.isdecimal() and 1 <= int(part) <= len(here) + 1:
            path.append(int(part) - 1)
        elif isinstance(here, dict) and part in here and part != "kind":
            path.append(part)
        else:
            raise BadInput(f"there is no setting called {name!r}.")
        here = None if path[-1] == len(here) else here[path[-1]]
    return tuple(path)


def _values(tree: Any, path: tuple, text: str) -> Iterator[Any]:
    """What `text` may mean at this place, the likeliest first. A list's `none` means: take this one out."""
    here = at(tree, path)
    if isinstance(here, dict) and here.get("kind") == text:
        yield here
        return
    if isinstance(path[-1], int) and text == "none":
        yield _REMOVED
        return
    tagged = here is _MISSING or (isinstance(here, dict) and "kind" in here)
    if tagged:  # the bare name first: a family's own refusal names its members
        yield from (text, {"kind": text})
    yield from (value for value in readings(text) if not (tagged and value == text))
    if not tagged:
        yield {"kind": text}


def readings(text: str) -> Iterator[Any]:
    """The JSON values that a text may stand for; the text itself is the last of them."""
    if text in _WORDS:
        yield _WORDS[text]
    elif _NUMBER.fullmatch(text):
        yield _number(text)
    elif text == "_":
        yield []
    elif "_" in text and all(map(_NUMBER.fullmatch, text.removesuffix("_").split("_"))):
        yield [_number(part) for part in text.removesuffix("_").split("_")]
    elif text[:1] in ("[", "{", '"'):
        try:
            yield json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            pass
    if text.lower().strip("+-") not in ("nan", "inf", "infinity"):
        yield text
    else:
        yield None


def _number(text: str) -> int | float:
    whole = text.lstrip("+-").isdecimal() and len(text) <= MOST_DIGITS
    return int(text) if whole else float(text)  # so many digits are beyond every range, and infinite to a float


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


MOST_DIGITS = 400
_MISSING = object()
_REMOVED = object()


def at(tree: Any, path: tuple) -> Any:
    """What stands there; one past the end of a list something that is nothing else."""
    for part in path:
        if isinstance(part, int) and part >= len(tree):
            return _MISSING
        tree = tree[part]
    return tree


def with_value(tree: Any, path: tuple, value: Any) -> Any:
    """A copy of `tree` with `value` at `path`."""
    copy = deepcopy(tree)
    holder = at(copy, path[:-1])
    if value is _REMOVED:
        del holder[path[-1]:path[-1] + 1]
    elif isinstance(path[-1], int) and path[-1] == len(holder):
        holder.append(value)
    else:
        holder[path[-1]] = value
    return copy
