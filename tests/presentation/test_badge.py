"""The badge: graded by stated rules, one sentence for page, stage, picture and command line; numbers behind a click."""

import dataclasses

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.__main__ import summary
from thermoviz.catalogue.shipped import load_lab
from thermoviz.core.landscape.honesty import Honesty
from thermoviz.experiments.landscape.specification import Descent, Potential
from thermoviz.presentation.badge import badge, caption
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.run import Run
from thermoviz.stage.payload import payload

FOUND = Honesty(explained=None, explained_null=None, r2=0.95, gradient_share=0.02, noise_share=0.01,
                residual_median=1.2, residual_share=0.3, d=1354, verdict="good", r2_late=0.8, error_late=0.01)
POOR = {"verdict": "poor", "reasons": ("because",)}


def run_with(found, plane="solutions"):
    arrays = {name: tv.load_preset("three-minds").arrays[name] for name in ("xs", "ys", "U", "temperatures")}
    run = Run(Descent(plane=plane), arrays, {"honesty": found.to_json()})
    run.__dict__["surface"] = tv.load_preset("three-minds").surface  # whose basins are known
    return run


@pytest.mark.parametrize("changes, grade", [
    ({}, "true"), ({"r2": 0.9, "r2_late": 0.5, "error_late": None}, "true"),
    ({"r2": 0.9, "r2_late": -3.0, "error_late": 0.02}, "true"),  # right to what one could see
    ({"r2": 0.89}, "roughly"), ({"r2_late": None, "error_late": None}, "roughly"),  # nobody looked late
    ({"r2_late": 0.49, "error_late": 0.03, **POOR}, "roughly"), ({"r2": 0.99, **POOR}, "roughly"),
    ({"r2": 0.49, **POOR}, "marks"), ({"r2": -10.4, "r2_late": -90.0, "error_late": 1.3, **POOR}, "marks"),
    ({"r2": None}, None)])
def test_grades_follow_the_stated_rule(changes, grade):
    assert dataclasses.replace(FOUND, **changes).grade == grade


@pytest.mark.parametrize("plane, changes, title, said", [
    ("pca", {}, "True here", "the height under the paths is true"),
    ("pca", {"r2": 0.7}, "Roughly true", "the height under the paths is roughly true"),
    ("pca", {"r2_late": -0.9, "error_late": 0.07, **POOR}, "Roughly true", "late in training it is not"),
    ("solutions", {"r2": -10.4, **POOR}, "True only at the marks", "at the three marks the height is true"),
    ("noise", {"r2": -0.4, **POOR}, "True only at the origin", "at the origin, u = v = 0, the height is true"),
    ("random", {"r2": 0.1, **POOR}, "True only at the origin", "the paths run beside the cut"),
    ("pca", {"r2": 0.1, **POOR}, "Not true under the paths", "where the height is another"),
    ("pca", {"r2": None}, "", "You see 2 of 1,354 directions.")])
def test_the_sentence_says_what_is_seen(plane, changes, title, said):
    run = run_with(dataclasses.replace(FOUND, **changes), plane)
    found = badge(run)
    assert found["title"] == title and said in found["sentence"]
    assert found["sentence"].startswith("You see 2 of 1,354 directions") and found["sentence"].endswith(".")
    assert not any(sign in found["sentence"] + found["title"] for sign in ("R²", "−", "-", "%"))
    assert payload(run)["honesty"] == found  # what the stage and the exported page show
    assert found["sentence"] in caption(run) and found["sentence"] in summary(run)
    assert found["sentence"] in run.figure().layout.annotations[-1].text


def test_numbers_stand_with_what_they_are_compared_with():
    pca = dataclasses.replace(FOUND, explained=0.98, explained_null=0.76, r2=0.881, r2_null=0.64, r2_late=-0.9,
                              error_late=0.065, **POOR)
    more = " ".join(badge(run_with(pca, "pca"))["more"])
    for told in ("0.88", "0.64", "−0.9", "6.5% of the barrier", "98%", "76%", "2.0% of the gradient", "1,354"):
        assert told in more
    far = " ".join(badge(run_with(dataclasses.replace(FOUND, r2=-10.4, r2_late=-89072.0, **POOR)))["more"])
    assert "worse than their mean loss" in far and "89" not in far and "−10" not in far


def test_every_preset_of_networks_has_its_grade():
    """And every point at which a sentence calls the height true is one: the surface there is the loss itself."""
    grades = {key: badge(tv.load_preset(key)) for key in tv.PRESETS}
    assert {key for key, found in grades.items() if found is None} == {"mueller-brown", "narrow-deep"}
    assert grades["the-way-down"]["grade"] == "roughly" and "late" in grades["the-way-down"]["sentence"]
    for key, found in grades.items():
        if found is not None and "three marks" in found["sentence"]:
            run = tv.load_preset(key)
            points = run.arrays["plane_points"]
            assert points.shape == (3, 2)
            spec = run.spec
            data = spec.dataset.load(spec.seed)
            loss = tv.NetworkLoss(spec.network, data, weight_decay=spec.weight_decay, l1=spec.l1)
            off = np.abs(run.surface(points) - loss(run.plane.embed(points)))
            assert off.max() <= 3 * run.surface.error


def test_what_was_compared_is_named():
    """In Interactions that is the minimum on its way; the walkers drawn beside it are warm."""
    found = badge(load_lab("interactions"))
    assert found["grade"] == "true" and "moving minimum" in found["sentence"] and "paths" not in found["sentence"]


def test_a_potential_hides_nothing_and_a_slice_without_paths_says_what_it_is():
    assert badge(tv.run(Potential(resolution=17, tolerance=0.5))) is None
    lab = Run(tv.SecondLaw(landscape="three-minds"), dict(tv.load_preset("three-minds").arrays.items()))
    found = badge(lab)
    assert found["grade"] is None and not found["more"] and "this cut only" in found["sentence"]


@pytest.mark.browser
@pytest.mark.parametrize("key", ["three-minds", "the-way-down"])
def test_the_exported_page_says_it_in_a_quiet_colour_and_counts_on_a_click(new_page, tmp_path, key):
    run = tv.load_preset(key)
    path = tmp_path / "stage.html"
    run.to_html(path)
    page = new_page()
    page.goto(path.as_uri())
    found, summary_ = badge(run), page.locator(".badge summary")
    summary_.wait_for()
    assert found["title"] in summary_.inner_text() and found["sentence"] in summary_.inner_text()
    assert not page.locator(".badge li").first.is_visible()
    alarm = page.evaluate(f"() => {{ const i = document.createElement('i'); i.style.color = {LOOKS['dark'].poor!r};"
                          "document.body.append(i); return getComputedStyle(i).color; }")
    for name in (".badge", ".badge summary", ".badge b"):
        colours = page.locator(name).first.evaluate(
            "(element) => ['color', 'borderColor'].map((part) => getComputedStyle(element)[part])")
        assert alarm not in colours
    summary_.click()
    assert page.locator(".badge li").all_inner_texts() == found["more"]
    assert not page.complaints
