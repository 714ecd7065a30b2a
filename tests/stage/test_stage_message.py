"""The message between page and stage: one type in two languages, nothing sent unread, nothing read unsent."""

import json
import typing
from types import NoneType

import pytest
import stage_scene
import stage_types

import thermoviz as tv
from thermoviz.core.dynamics.integrators import BAOAB, Overdamped
from thermoviz.core.landscape.relief import STEP_OF_STIFFNESS
from thermoviz.stage import message as sent
from thermoviz.stage.payload import payload

SCENES = {
    "all": lambda: stage_scene.message(),
    "a surface alone": lambda: stage_scene.message(stage_scene.bowl, with_networks=False),
    "holes": lambda: stage_scene.message(stage_scene.holed, "light"),
    **{key: lambda key=key: payload(tv.load_preset(key)) for key in tv.PRESETS},
}


def test_the_browser_s_types_are_those_of_python():
    assert stage_types.FILE.read_text(encoding="utf-8") == stage_types.declarations(), (
        "write it anew: python -m tests.stage_types")


def hints(kind):
    """Field -> type of a TypedDict, and the fields that may be missing."""
    found = typing.get_type_hints(kind, include_extras=True)
    optional = {name for name, hint in found.items() if typing.get_origin(hint) is typing.NotRequired}
    return {name: typing.get_args(hint)[0] if name in optional else hint for name, hint in found.items()}, optional


def strays(value, kind, path="message"):
    """Where a value as JSON holds it is not of its type: a list of sentences."""
    if typing.is_typeddict(kind):
        return _strays_of_dict(value, kind, path)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return [] if value in parts else [f"{path}: {value!r} is none of {parts}"]
    if origin is list:
        return [stray for k, item in enumerate(value) for stray in strays(item, parts[0], f"{path}[{k}]")]
    if origin is tuple:
        return [stray for item, part in zip(value, parts, strict=True) for stray in strays(item, part, path)]
    if origin is dict:
        return [stray for item in value.values() for stray in strays(item, parts[1], path)]
    if parts:
        return min((strays(value, part, path) for part in parts), key=len)
    numbers = {float: (int, float), int: int, str: str, bool: bool, NoneType: NoneType}[kind]
    fits = isinstance(value, numbers) and (kind is bool or not isinstance(value, bool))
    return [] if fits else [f"{path}: {value!r} is no {kind}"]


def _strays_of_dict(value, kind, path):
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no {kind}", path]
    fields, optional = hints(kind)
    unknown = [f"{path}.{name} has no type" for name in value.keys() - fields.keys()]
    missing = [f"{path}.{name} is missing" for name in fields.keys() - optional - value.keys()]
    return unknown + missing + [stray for name in fields.keys() & value.keys()
                                for stray in strays(value[name], fields[name], f"{path}.{name}")]


@pytest.mark.parametrize("scene", SCENES)
def test_what_is_sent_has_the_message_s_fields_and_no_others(scene):
    assert strays(json.loads(json.dumps(SCENES[scene](), allow_nan=False)), sent.Message) == []


def test_a_message_of_another_shape_is_noticed():
    whole = stage_scene.message()
    for spoiled in ({**whole, "caption": ""}, {key: value for key, value in whole.items() if key != "axes"},
                    {**whole, "seed": 1.5}, {**whole, "law": "square"}, {**whole, "network": {}}):
        assert strays(spoiled, sent.Message)


@pytest.mark.browser
def test_schemes_are_those_of_python_and_as_long_are_their_steps(modules):
    """One table in each language: the same names, and the same share of the stability limit."""
    table = modules("""const { SCHEMES } = await import("/schemes.js"), rows = Object.entries(SCHEMES);
        return Object.fromEntries(rows.map(([name, { fraction, massless }]) => [name, [fraction, massless]]));""")
    assert set(table) == set(typing.get_args(sent.BallScheme)) == set(STEP_OF_STIFFNESS) | {BAOAB(dt=0.1).kind}
    assert {name: fraction for name, (fraction, massless) in table.items() if massless} == STEP_OF_STIFFNESS
    assert Overdamped(dt=0.1).scheme in STEP_OF_STIFFNESS


# JSON.parse hands out objects that remember which of their fields somebody asks for.
RECORD = """
(() => {
  const parse = JSON.parse.bind(JSON), known = new WeakMap();
  window.asked = new Set();
  const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const watched = (object, path) => {
    if (!known.has(object)) known.set(object, new Proxy(object, { get(target, field) {
      if (typeof field === "symbol") return target[field];
      const here = path ? `${path}.${field}` : field;
      window.asked.add(here);
      return isPlain(target[field]) && field !== "words" ? watched(target[field], here) : target[field];
    } }));
    return known.get(object);
  };
  JSON.parse = (text) => watched(parse(text), "");
})();
"""


def fields_at(kinds, path):
    """(type, field) of each step of a path below the given TypedDicts; a field that has no type is (None, path)."""
    name, _, rest = path.partition(".")
    known = [(kind, hints(kind)[0][name]) for kind in kinds if name in hints(kind)[0]]
    found = {(kind.__name__, name) for kind, _hint in known} or {(None, path)}
    below = [part for _kind, hint in known for part in (typing.get_args(hint) or (hint,)) if typing.is_typeddict(part)]
    return found | (fields_at(below, rest) if rest and below else set())


def all_fields(kind):
    """(type, field) of everything that may stand in a message."""
    own = hints(kind)[0]
    below = {part for hint in own.values() for part in (typing.get_args(hint) or (hint,)) if typing.is_typeddict(part)}
    return {(kind.__name__, name) for name in own}.union(*(all_fields(part) for part in below))


def left():
    """A message as the stage itself saves it."""
    stand = {"azimuth": 0.3, "elevation": 0.9, "zoom": 1.0, "panX": 0.0, "panY": 0.0, "top": False}
    return stage_scene.message(left={"speed": 1, "shown": {"trails": True, "paths": True, "names": True},
                                     "camera": stand, "scheme": "baoab", "friction": 1})


def coupled():
    """A message of a stage that stands beside another one, both drawn between the same energies."""
    return payload(tv.load_preset("narrow-deep"), shown=(-1, 2), coupled={"group": "two", "scale": 1.0})


@pytest.mark.browser
def test_every_field_that_is_sent_is_read_and_every_field_that_is_read_has_a_type(open_stage):
    """Over a slice with a crossing, one with pictures, a saved file, one of two stages and a surface with holes."""
    asked, slices = set(), [payload(tv.load_preset(key), captions=True) for key in ("three-minds", "digits")]
    for message in (*slices, left(), coupled(), SCENES["holes"]()):
        page = open_stage(message, script=RECORD)
        page.wait_for_function("(stage) => stage.thermoviz.state().pictures > 2", arg=page.stage.element_handle())
        page.stage.evaluate("(stage, text) => stage.thermoviz.update(JSON.parse(text))",
                            json.dumps(stage_scene.message(stage_scene.bowl, n=21)))
        asked |= set(page.evaluate("[...window.asked]"))
        assert page.complaints == []
    read = set().union(*(fields_at([sent.Message], path) for path in asked))
    assert {field for kind, field in read if kind is None} == set()
    assert all_fields(sent.Message) - read == set()
