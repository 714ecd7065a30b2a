"""What was changed against a preset, in the page's own words."""

import dataclasses

import thermoviz as tv
from thermoviz.dashboard.changes import changes
from thermoviz.experiments.links import with_settings

BASE = tv.PRESETS["three-minds"].spec


def told(**settings):
    return changes("three-minds", with_settings(BASE, {k.replace("__", "."): v for k, v in settings.items()}))


def test_changes_are_told_by_title_with_both_values():
    assert changes("three-minds", BASE) == ""
    assert told(dynamics__1__lr="3") == "learning rate 3 instead of 0.2"
    assert told(batch_size="none") == "batch size none instead of 32"
    assert told(seed="7") == "seed 7 instead of 0"
    assert told(dataset="spirals") == "data Spirals instead of Moons"
    assert told(network__hidden="8_") == "hidden layers 8 instead of 16, 16"
    assert told(dynamics__2="adam").startswith("optimisers Adam")
    assert changes("breast-cancer", dataclasses.replace(
        tv.PRESETS["breast-cancer"].spec, dynamics=(tv.SGD(0.1, 0.9),))) == "optimisers none instead of Adam"


def test_many_changes_are_counted_and_another_kind_has_none():
    many = told(dynamics__1__lr="3", batch_size="1", steps="10", replicas="4", seed="2")
    assert many.count(" instead of ") == 3 and many.endswith(", 2 more")
    assert changes("three-minds", tv.Potential()) == ""
