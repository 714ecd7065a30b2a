"""The page "Interactions": its figures, at default, at the ends of its controls, by good and bad links."""


import pytest
from computed_runs import computed

import thermoviz as tv
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.interactions import figures
from thermoviz.labs.interactions.specification import Interactions
from thermoviz.presentation.looks import LOOKS
from thermoviz.stage.payload import payload

DRAWINGS = page_of("interactions").drawings
QUICK = dict(network=tv.MLP((4,)), steps=60, networks=4, ramp_steps=30, walkers=16)


@pytest.fixture(scope="module")
def quick():
    return computed(Interactions(**QUICK))


def test_three_energies_share_one_scale_and_the_minima(quick):
    drawn = figures.energies(quick, LOOKS["dark"])
    contours = [trace for trace in drawn.data if trace.type == "contour"]
    assert len(contours) == 3
    spans = [trace.zmax - trace.zmin for trace in contours]
    assert spans == pytest.approx([spans[0]] * 3)
    marks = [trace for trace in drawn.data if trace.type == "scatter" and trace.mode == "markers"]
    assert all(list(trace.x) == pytest.approx(quick.arrays["minimum_u"][:, 0]) for trace in marks) and len(marks) == 3


def test_heat_is_warm_and_theory_is_theory(quick):
    look = LOOKS["dark"]
    bars = [trace for trace in figures.baths(quick, look).data if trace.type == "bar"]
    assert len(bars) == 2 and list(bars[0].x) == figures.bath_names()
    shown = {trace.name: trace for trace in figures.linear_work(quick, look).data}
    exact = next(trace for name, trace in shown.items() if name.startswith("exact"))
    assert exact.line.color == look.theory and shown["mean work ⟨W⟩/T"].marker.color == look.heat


def test_refused_averages_are_marked_and_not_drawn():
    few = computed(Interactions(**{**QUICK, "walkers": 4}))
    names = [trace.name for trace in figures.linear_work(few, LOOKS["dark"]).data]
    assert "refused: too few weights count" in names


def test_sentences(quick):
    for sentence in (figures.energies_sentence, figures.minima_sentence, figures.baths_sentence,
                     figures.training_sentence, figures.network_sentence):
        said = sentence(quick)
        assert said.endswith(".") and "nan" not in said and "{" not in said
    lost = computed(Interactions(**{**QUICK, "network": tv.MLP((4,), "relu")}, dataset="sine", rate=300.0))
    assert "Diverged, and left out" in figures.training_sentence(lost)
    assert figures.training(lost, LOOKS["dark"]).data


def test_walkers_are_bodies_on_the_stage(quick):
    sent = payload(quick)
    assert quick.arrays["member"].tolist() == [0] + 16 * [1] and len(sent["paths"]["names"]) == 2
    assert sent["network"] is not None and quick.spec.weight_decay == quick.spec.strength
    assert f"of {quick.numbers['d']} directions" in sent["honesty"]["sentence"]


def test_a_network_that_was_not_ramped_says_so(quick):
    numbers = {name: value for name, value in quick.numbers.items() if name != "network"}
    bare = tv.Run(quick.spec, quick.arrays, numbers)
    for name in ("network_work", "ramp"):
        with pytest.raises(tv.BadInput, match="not ramped"):
            bare.figure(figure=name)
