"""What was changed against a preset, in the page's own words."""

import dataclasses

import thermoviz as tv
from thermoviz.catalogue.links import with_settings
from thermoviz.dashboard.changes import changes

BASE = tv.PRESETS["three-minds"].spec


def told(**settings):
    return changes("three-minds", with_settings(BASE, {k.replace("__", "."): v for k, v in settings.items()}))


def test_changes_are_told_by_title_with_both_values():
    assert changes("three-minds", BASE) == ""
    before = {"lr": BASE.dynamics[0].lr, "batch": BASE.batch_size, "seed": BASE.seed,
              "hidden": ", ".join(map(str, BASE.network.hidden))}
    assert told(dynamics__1__lr="3") == f"learning rate 3 instead of {before['lr']:g}"
    assert told(batch_size="none") == f"batch size none instead of {before['batch']}"
    assert told(seed="1234") == f"seed 1234 instead of {before['seed']}"
    assert told(dataset="circles") == f"data Circles instead of {type(BASE.dataset).__name__}"
    assert told(network__hidden="9_5") == f"hidden layers 9, 5 instead of {before['hidden']}"
    assert told(dynamics__2="adam").startswith("optimisers Adam")
    assert changes("breast-cancer", dataclasses.replace(
        tv.PRESETS["breast-cancer"].spec, dynamics=(tv.SGD(0.1, 0.9),))) == "optimisers none instead of Adam"


def test_many_changes_are_counted_and_another_kind_has_none():
    many = told(dynamics__1__lr="3", batch_size="1", steps="10", replicas="4", seed="1234")
    assert many.count(" instead of ") == 3 and many.endswith(", 2 more")
    assert changes("three-minds", tv.Potential()) == ""
