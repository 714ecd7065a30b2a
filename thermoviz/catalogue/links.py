"""A specification as the query of a link: short, readable, only what differs from its preset; and back.

Names are the fields' own, dotted (`dataset.n=300`, `network.hidden=16_16`, `dynamics.2.lr=0.01`), so there is no
second list of settings. The kind of a member stands under the bare name (`dataset=circles`, `dynamics.2=adam`,
`dynamics.2=none` takes one out); what belongs to a newly chosen kind starts from that kind's defaults. `v` is the
version of the numerics, `T` the temperature of the balls. Nothing in a link can raise: what is out of range keeps
its default and becomes a message. A sweep's link (`kind=sweep`) is that of its experiment, whose kind is called `base`
there, with `over.batch_size=8,16,32` for each setting that it moves, and `seeds`. A link to two runs side by side
(`kind=compare`) has the names of either with `a.` and `b.` in front.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import BadInput
from ..core.flat import at, list_of, name_of, readings, text_of, values_in, with_setting, with_value
from ..core.specs import NUMERICS_VERSION, from_json, to_json
from ..experiments.presets import DEFAULT_PRESET, PRESETS
from ..experiments.presets import preset as named_preset
from ..experiments.sweep.specification import Axis, Sweep
from .kinds import EXPERIMENTS

MAX_CHARACTERS = 4000  # of one name or value: a setting may be given for each replica
MAX_SETTINGS = 100
MAX_TEMPERATURE = 1e6
OVER = "over."  # in front of the names of settings that a sweep moves
COMPARE = "compare"
SIDES = ("a", "b")  # of two runs side by side; with a dot in front of the names of their settings
# What a link says of the page and not of the experiment: in a link to two runs it stands once.
OF_THE_PAGE = ("v", "T", "look", "hide", "lost", "map")


@dataclass(frozen=True)
class Link:
    """What a query asks for. `messages`: one sentence for each thing that could not be followed.

    `temperature` is None where the link names none. `extra`: what the caller said it knows, as text.
    """

    preset: str
    spec: Any
    temperature: float | None = None
    messages: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)


# Writing


def to_query(preset: str, spec: Any, extra: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The query of `spec` beside the preset it started from; `extra`: more to keep, such as {"T": 0.05}."""
    tree, base = to_json(spec), to_json(named_preset(preset).spec)
    query = {"v": str(NUMERICS_VERSION), "preset": preset}
    if tree["kind"] != base["kind"]:
        query["kind"], base = tree["kind"], to_json(type(spec)())
    query |= _differences(type(spec), tree, (), tree, base)
    query["seed"] = text_of(tree["seed"])
    return query | {name: text_of(value) for name, value in (extra or {}).items() if value is not None}


def sweep_to_query(sweep: Sweep, extra: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The query of a sweep; `extra` as in `to_query`."""
    base = sweep.base
    tree = to_json(base)
    query = {"v": str(NUMERICS_VERSION), "kind": sweep.kind, "base": base.kind}
    query |= _differences(type(base), tree, (), tree, to_json(type(base)()))
    query |= {OVER + axis.setting: list_of(axis.values) for axis in sweep.over}
    query |= {"seeds": text_of(sweep.seeds), "seed": text_of(sweep.seed)}
    return query | {name: text_of(value) for name, value in (extra or {}).items() if value is not None}


def pair_to_query(sides: Iterable[Mapping[str, str]], extra: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The query of two experiments side by side, whose own queries are given; `extra` as in `to_query`."""
    query = {"v": str(NUMERICS_VERSION), "kind": COMPARE}
    for side, own in zip(SIDES, sides, strict=True):
        query |= {f"{side}.{name}": text for name, text in own.items() if name not in OF_THE_PAGE}
    return query | {name: text_of(value) for name, value in (extra or {}).items() if value is not None}


def side_of(query: Mapping[str, str], side: str) -> dict[str, str]:
    """What a link to two runs says of one of them, as a query of its own."""
    return {name.removeprefix(f"{side}."): text for name, text in query.items() if name.startswith(f"{side}.")}


def shortest_query(spec: Any) -> dict[str, str]:
    """The query of `spec` that says least: beside its nearest preset, a lab's beside its own defaults."""
    alike = [name for name, preset in PRESETS.items() if preset.spec.kind == spec.kind]
    if not alike:
        query = to_query(DEFAULT_PRESET, spec)
        del query["preset"]
        return query
    return min((to_query(name, spec) for name in alike), key=lambda query: len("&".join((*query, *query.values()))))


def _differences(cls: Any, whole: dict, path: tuple, value: Any, base: Any) -> Iterator[tuple[str, str]]:
    """(name, text) of everything at `path` in `whole` (where `value` stands) that is not as in `base`."""
    if isinstance(value, dict):
        if path and value.get("kind") != (base.get("kind") if isinstance(base, dict) else None):
            base = _defaults_of_kind(cls, whole, path, value["kind"])
            if base is None:  # no kind has defaults for all: one's own data stands there as a whole
                yield name_of(path), text_of(value)
                return
            yield name_of(path), value["kind"]
        for key in (key for key in value if key != "kind"):
            yield from _differences(cls, whole, (*path, key), value[key], base[key])
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        base = base if isinstance(base, list) else []
        for i, item in enumerate(value):
            yield from _differences(cls, whole, (*path, i), item, base[i] if i < len(base) else None)
        for i in range(len(value), len(base)):
            yield name_of((*path, i)), "none"
    elif value != base:
        yield name_of(path), text_of(value)


def _defaults_of_kind(cls: Any, whole: dict, path: tuple, kind: str) -> dict | None:
    """What a member of this kind holds where nothing is said, or None if something must be."""
    try:
        return at(to_json(from_json(cls, with_value(whole, path, {"kind": kind}))), path)
    except BadInput:
        return None


# Reading


def from_query(query: Mapping[str, str], known: Iterable[str] = ()) -> Link:
    """What a link asks for; never raises. `known`: names that others read, handed on in `extra`."""
    messages: list[str] = []
    asked = _sensible(query, messages)
    extra = {name: asked.pop(name) for name in tuple(known) if name in asked}
    _compare_version(asked.pop("v", None), messages)
    temperature = _temperature(asked.pop("T", None), messages)
    preset = _choice(asked.pop("preset", DEFAULT_PRESET), PRESETS, "preset", DEFAULT_PRESET, messages)
    spec = PRESETS[preset].spec
    kind = _choice(asked.pop("kind", spec.kind), EXPERIMENTS, "kind", spec.kind, messages)
    spec = spec if kind == spec.kind else EXPERIMENTS[kind]()
    return Link(preset, _follow(spec, asked, messages), temperature, tuple(messages), extra)


def sweep_from_query(query: Mapping[str, str], default: Sweep, known: Iterable[str] = ()) -> Link:
    """What a link to a sweep asks for; never raises. Without an experiment and settings of its own it is `default`."""
    messages: list[str] = []
    asked = _sensible(query, messages)
    extra = {name: asked.pop(name) for name in tuple(known) if name in asked}
    _compare_version(asked.pop("v", None), messages)
    asked.pop("kind", None)
    if not asked:
        return Link(DEFAULT_PRESET, default, None, tuple(messages), extra)
    kind = _choice(asked.pop("base", default.base.kind), EXPERIMENTS, "base", default.base.kind, messages)
    over = {name.removeprefix(OVER): values_in(asked.pop(name)) for name in list(asked) if name.startswith(OVER)}
    seeds = next(readings(asked.pop("seeds", str(default.seeds))))
    base = _follow(EXPERIMENTS[kind](), asked, messages)
    try:
        return Link(DEFAULT_PRESET, Sweep(base, _axes(over), seeds), None, tuple(messages), extra)
    except BadInput as error:
        messages.append(f"The sweep of this link was not followed: {brief(str(error), 400)}")
        return Link(DEFAULT_PRESET, default, None, tuple(messages), extra)


def sweep_over(base: Any, settings: Iterable[str], seeds: int | None = None) -> Sweep:
    """The sweep of `base`, or with more settings where it is one, over `NAME=VALUE,VALUE`. Raises BadInput."""
    given, start = {}, base.seeds if isinstance(base, Sweep) else 1
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not text:
            raise BadInput(f"--over needs NAME=VALUE,VALUE, got {brief(setting)!r}.")
        if name in given:
            raise BadInput(f"--over names {brief(name)} twice.")
        given[name] = values_in(text)
    if isinstance(base, Sweep):
        given = {axis.setting: axis.values for axis in base.over} | given
        base = base.base
    if not given:
        raise BadInput("a sweep needs at least one --over NAME=VALUE,VALUE.")
    return Sweep(base, _axes(given), start if seeds is None else seeds)


def _axes(given: Mapping[str, tuple[Any, ...]]) -> tuple[Axis, ...]:
    return tuple(Axis(name, values) for name, values in given.items())


def with_settings(spec: Any, settings: Mapping[str, str]) -> Any:
    """`spec` with dotted settings as in a link. Raises BadInput for the first that cannot be followed."""
    messages: list[str] = []
    made = _follow(spec, settings, messages, "{name}={text}: {sentence}")
    if messages:
        raise BadInput(messages[0])
    return made


def _sensible(query: Mapping[str, str], messages: list[str]) -> dict[str, str]:
    """The settings short enough to look at, and no more of them than any specification has."""
    items = [(str(name), str(value)) for name, value in query.items()]
    short = [item for item in items if max(map(len, item)) <= MAX_CHARACTERS]
    if len(short) < len(items):
        messages.append(f"Settings longer than {MAX_CHARACTERS} characters in this link were ignored.")
    if len(short) > MAX_SETTINGS:
        messages.append(f"This link has {len(short)} settings; only the first {MAX_SETTINGS} were read.")
    return dict(short[:MAX_SETTINGS])


def brief(text: str, most: int = 40) -> str:
    """What a visitor wrote, as it may stand in a sentence: short, and nothing that does not print."""
    printed = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return printed if len(printed) <= most else printed[:most - 3] + "..."


def _compare_version(text: str | None, messages: list[str]) -> None:
    if text not in (None, str(NUMERICS_VERSION)):
        messages.append(f"This link was made with version {brief(text or '')!r} of the numerics, this is version "
                        f"{NUMERICS_VERSION}: numbers may differ slightly.")


def _temperature(text: str | None, messages: list[str]) -> float | None:
    if text is None:
        return None
    value = next(readings(text))
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= MAX_TEMPERATURE:
        return float(value)
    messages.append(f"T={brief(text)} in this link: the temperature must be a number from 0 to {MAX_TEMPERATURE:g}; "
                    "the preset's is kept.")
    return None


def _choice(text: str, table: Mapping[str, Any], name: str, otherwise: str, messages: list[str]) -> str:
    if text in table:
        return text
    messages.append(f"{name}={brief(text)} in this link is not known; known are {', '.join(table)}. "
                    f"{otherwise} is kept.")
    return otherwise


_IGNORED = "{name}={text} in this link was ignored: {sentence}"


def _follow(spec: Any, asked: Mapping[str, str], messages: list[str], told: str = _IGNORED) -> Any:
    """`spec` with what is asked. Kinds come before what belongs to them, the seconds after the firsts.

    What fails is tried again after the rest, since one setting may allow another.
    """
    waiting = sorted(asked.items(), key=lambda item: [part.rjust(9, "0") if part.isdecimal() else part
                                                      for part in item[0].split(".")])
    gone = [(name, text) for name, text in waiting if text == "none" and re.search(r"\.\d+$", name)]
    waiting = [item for item in waiting if item not in gone] + gone[::-1]
    while waiting:
        failed = []
        for name, text in waiting:
            try:
                spec = with_setting(spec, name, text)
            except BadInput as error:
                failed.append((name, text, str(error)))
        if len(failed) == len(waiting):
            messages += [told.format(name=brief(name), text=brief(text), sentence=brief(sentence, 400))
                         for name, text, sentence in failed]
            break
        waiting = [(name, text) for name, text, _ in failed]
    return spec
