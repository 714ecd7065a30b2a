"""Links: every specification survives its link, and no link can raise."""

import dataclasses
import random
import types
import typing
from urllib.parse import parse_qsl, urlencode

import pytest

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS
from thermoviz.catalogue.links import MAX_CHARACTERS, from_query, to_query, with_settings
from thermoviz.core.specs import NUMERICS_VERSION, from_json, to_json

# Draws of random specifications: from the fields' own annotations, so that new settings are covered by themselves.


def parts(annotation, notes=()):
    """(plain annotation, notes) without Annotated."""
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *more = typing.get_args(annotation)
        notes = (*notes, *more)
    return annotation, notes


def limits(notes):
    found = {}
    for note in notes:
        for one in (note, *getattr(note, "metadata", ())):
            for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
                if getattr(one, name, None) is not None:
                    found[name] = getattr(one, name)
    return found


def draw(annotation, notes, chance):
    annotation, notes = parts(annotation, notes)
    inside = limits(notes)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return chance.choice(arguments)
    if origin in (typing.Union, types.UnionType):
        members = [a for a in arguments if "content_hash" not in getattr(parts(a)[0], "__dataclass_fields__", {})]
        return draw(chance.choice(members), notes, chance)
    if origin is tuple:
        low = inside.get("min_length", 0)
        high = min(inside.get("max_length", 3), low + 3)
        if arguments[-1] is Ellipsis:
            return [draw(arguments[0], (), chance) for _ in range(chance.randint(low, high))]
        return [draw(a, (), chance) for a in arguments]
    if dataclasses.is_dataclass(annotation):
        return random_tree(annotation, chance)
    return {bool: lambda: chance.random() < 0.5, type(None): lambda: None,
            int: lambda: whole(inside, chance), float: lambda: real(inside, chance)}[annotation]()


def whole(inside, chance):
    low = inside.get("ge", inside.get("gt", 0) + 1)
    return chance.randint(int(low), int(min(inside.get("le", inside.get("lt", 10**6)), low + 10**6)))


def real(inside, chance):
    low, high = inside.get("ge", inside.get("gt", -10.0)), inside.get("le", inside.get("lt", 10.0))
    value = chance.choice([low + (high - low) * chance.random(), (low + high) / 2, low + (high - low) * 1e-7,
                           round(low + (high - low) * chance.random(), 2)])
    return min(max(value, low), high)


def random_tree(cls, chance):
    tree = {}
    for name, field in cls.__pydantic_fields__.items():
        tree[name] = draw(field.annotation, (field, *field.metadata), chance)
    return tree


def random_spec(chance):
    while True:
        cls = chance.choice(list(EXPERIMENTS.values()))
        try:
            return from_json(cls, random_tree(cls, chance))
        except tv.BadInput:
            continue  # settings that exclude each other


def test_random_specifications_survive_their_links():
    chance = random.Random(0)
    for _ in range(150):
        spec, preset = random_spec(chance), chance.choice(list(tv.PRESETS))
        query = to_query(preset, spec, {"T": 0.05})
        query = dict(parse_qsl(urlencode(query), keep_blank_values=True, strict_parsing=True))
        link = from_query(query)
        assert link.messages == () and link.spec == spec and to_json(link.spec) == to_json(spec)
        assert link.preset == preset and link.temperature == 0.05
        assert {"v", "seed", "preset"} <= query.keys()


@pytest.mark.parametrize("key", tv.PRESETS)
def test_an_unchanged_preset_has_the_shortest_link(key):
    query = to_query(key, tv.PRESETS[key].spec)
    assert query.keys() == {"v", "preset", "seed"}
    assert from_query(query).spec == tv.PRESETS[key].spec


def test_names_are_short_and_dotted():
    spec = tv.PRESETS["three-minds"].spec
    changed = dataclasses.replace(spec, dynamics=(*spec.dynamics, tv.Adam(lr=0.02)), seed=5)
    query = to_query("three-minds", changed, {"T": 0.1, "look": None})
    assert query == {"v": str(NUMERICS_VERSION), "preset": "three-minds", "dynamics.2": "adam",
                     "dynamics.2.lr": "0.02", "seed": "5", "T": "0.1"}


def test_a_dynamics_can_be_taken_out():
    spec = dataclasses.replace(tv.PRESETS["three-minds"].spec, dynamics=("sgd", "adam", "rmsprop"))
    assert [d.kind for d in with_settings(spec, {"dynamics.2": "none"}).dynamics] == ["sgd", "rmsprop"]
    assert [d.kind for d in with_settings(spec, {"dynamics.2": "none", "dynamics.3": "none"}).dynamics] == ["sgd"]


def test_a_new_kind_starts_from_its_own_defaults():
    link = from_query({"preset": "three-minds", "dataset": "circles", "dataset.noise": "0.2"})
    assert link.spec.dataset == tv.DATASETS["circles"](noise=0.2) and link.messages == ()


@pytest.mark.parametrize("query, words", [
    ({"steps": "99999999"}, ("steps", "less than or equal to")),
    ({"steps": "many"}, ("steps", "many")),
    ({"steps": "nan"}, ("steps",)),
    ({"weight_decay": "inf"}, ("weight_decay",)),
    ({"dataset": "unicorns"}, ("dataset", "moons")),
    ({"dataset.n": "-3"}, ("dataset", "n", "greater than or equal to")),
    ({"dynamics.1.lr": "-1"}, ("dynamics", "lr")),
    ({"dynamics.9.lr": "1"}, ("dynamics.9.lr",)),
    ({"network.hidden": "16_5000"}, ("hidden", "128")),
    ({"replicas": "2", "plane": "solutions"}, ("three solutions",)),
    ({"unheard": "1"}, ("unheard",)),
    ({"dataset.kind": "moons"}, ("dataset.kind",)),
    ({"kind": "sorcery"}, ("kind", "descent")),
    ({"preset": "nowhere"}, ("preset", "three-minds")),
    ({"T": "-1"}, ("T", "from 0")), ({"T": "nan"}, ("T",)), ({"T": "hot"}, ("T",)),
    ({"v": "0"}, ("version",)),
    ({"x" * 5000: "1"}, ("longer",)),
    ({"steps": "[" * 900 + "]" * 900}, ("steps",)),
    ({"dataset": '{"kind":"moons","n":1}'}, ("dataset",)),
])
def test_what_is_out_of_range_is_told_and_keeps_its_default(query, words):
    link = from_query(query)
    assert len(link.messages) == 1 and all(word in link.messages[0] for word in words), link.messages
    assert "\n" not in link.messages[0]
    assert link.spec == tv.PRESETS["three-minds"].spec or "replicas" in query


def test_one_bad_setting_does_not_spoil_the_others():
    link = from_query({"steps": "-1", "seed": "7", "dataset.n": "300"})
    assert len(link.messages) == 1 and link.spec.seed == 7 and link.spec.dataset.n == 300


def test_no_link_can_raise():
    chance = random.Random(1)
    names = ["v", "preset", "kind", "T", "seed", "steps", "dataset", "dataset.n", "dynamics", "dynamics.1",
             "dynamics.1.lr", "dynamics.2", "network", "network.hidden", "plane", "batch_size", "", ".", "a.b",
             "dynamics.0", "dynamics.²"]
    values = ["", "none", "true", "_", "1_", "1__2", "-0", "1e999", "9" * MAX_CHARACTERS, "nan", "{}", "[[]]",
              '"', "{", "adam", "²", "٣", "\x00", "💥", "pca", "null", "NaN", "[NaN]", "1e400_1", "Infinity", "-inf"]
    for _ in range(300):
        query = {chance.choice(names): chance.choice(values) for _ in range(chance.randint(1, 5))}
        link = from_query(query)
        assert type(link.spec) in EXPERIMENTS.values() and all("\n" not in message for message in link.messages)


def test_what_others_read_is_handed_on():
    link = from_query({"look": "light", "hide": "a_b", "seed": "3"}, known=("look", "hide"))
    assert dict(link.extra) == {"look": "light", "hide": "a_b"} and link.messages == ()


def test_settings_of_the_command_line_raise():
    with pytest.raises(tv.BadInput, match="steps=0"):
        with_settings(tv.PRESETS["three-minds"].spec, {"steps": "0"})
