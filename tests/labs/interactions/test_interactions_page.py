"""The page "Interactions": its figures, at default, at the ends of its controls, by good and bad links."""

import functools

import pytest

import thermoviz as tv
from thermoviz.core.specs import canonical
from thermoviz.dashboard.controls import describe
from thermoviz.dashboard.lab import opened
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.interactions import figures
from thermoviz.labs.interactions.specification import Interactions
from thermoviz.presentation.looks import LOOKS
from thermoviz.stage.payload import payload

DRAWINGS = page_of("interactions").drawings
QUICK = dict(network=tv.MLP((4,)), steps=60, networks=4, ramp_steps=30, walkers=16)
ENDS = [(setting.name, end) for setting in describe(Interactions) if setting.ladder and setting.form == "number"
        for end in (setting.ladder[0], setting.ladder[-1])]
# Beyond these a run is left to the browser and to patience.
CHEAP = {"steps": 300, "ramp_steps": 300, "walkers": 64, "networks": 12}


@pytest.fixture(scope="module")
def quick():
    return tv.run(Interactions(**QUICK))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", DRAWINGS)
def test_figures(quick, name, look):
    drawn = DRAWINGS[name](quick, LOOKS[look])
    assert drawn.data and drawn.layout.title.text
    assert quick.figure(figure=name, look=look).data


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
    few = tv.run(Interactions(**{**QUICK, "walkers": 4}))
    names = [trace.name for trace in figures.linear_work(few, LOOKS["dark"]).data]
    assert "refused: too few weights count" in names


def test_first_partial_can_be_drawn():
    partials = []
    tv.run(Interactions(**QUICK), lambda fraction, stage, partial: partials.append(partial))
    first = next(partial for partial in partials if partial is not None)
    assert figures.energies(first, LOOKS["dark"]).data and figures.energies_sentence(first)
    assert figures.minima(first, LOOKS["dark"]).data and payload(first)


def test_sentences(quick):
    for sentence in (figures.energies_sentence, figures.minima_sentence, figures.baths_sentence,
                     figures.training_sentence, figures.network_sentence):
        said = sentence(quick)
        assert said.endswith(".") and "nan" not in said and "{" not in said
    lost = tv.run(Interactions(**{**QUICK, "network": tv.MLP((4,), "relu")}, dataset="sine", rate=300.0))
    assert "Diverged, and left out" in figures.training_sentence(lost)
    assert figures.training(lost, LOOKS["dark"]).data


def test_walkers_are_bodies_on_the_stage(quick):
    sent = payload(quick)
    assert sent["paths"]["of"] == 17 and len(sent["paths"]["names"]) == 2
    assert sent["network"]["weight_decay"] == quick.spec.strength
    assert f"of {quick.numbers['d']} directions" in sent["honesty"]["sentence"]


@pytest.fixture
def app(whole_app):
    return functools.partial(whole_app, "interactions")


def test_default_page_stands_at_once(app):
    made = app()
    assert not made.error and not made.warning
    assert "lab_interactions" in made.session_state


@pytest.mark.parametrize("name, end", ENDS)
def test_both_ends_of_every_control_give_a_run(name, end):
    """The specification at the end of a ladder; where it is cheap, its run and every chart of it."""
    spec = Interactions(**{**QUICK, name: end})
    assert canonical(spec)
    if end <= CHEAP.get(name, end):
        run = tv.run(spec)
        assert len(run.verdicts) == 10
        for key, draw in DRAWINGS.items():
            if key not in ("network_work", "ramp") or "network" in run.numbers:
                assert draw(run, LOOKS["dark"]).data


@pytest.mark.parametrize("query, word", [
    ({"strength": "-5"}, "strength"), ({"dropout": "2"}, "dropout"), ({"dataset": "none"}, "dataset"),
    ({"walkers": "many"}, "walkers"), ({"regulariser": "l7"}, "regulariser")])
def test_a_bad_link_becomes_a_sentence(app, query, word):
    visit = opened("interactions", query)
    assert visit.messages and any(word in message for message in visit.messages)
    made = app(**query, kind="interactions")
    assert not made.exception


def test_a_good_link_opens_what_it_says():
    visit = opened("interactions", {"regulariser": "l1", "strength": "0.01", "dataset": "sine", "seed": "3"})
    assert not visit.messages
    assert visit.base == Interactions(regulariser="l1", strength=0.01, dataset="sine", seed=3)


def test_a_network_that_was_not_ramped_says_so(quick):
    numbers = {name: value for name, value in quick.numbers.items() if name != "network"}
    bare = tv.Run(quick.spec, quick.arrays, numbers)
    for name in ("network_work", "ramp"):
        with pytest.raises(tv.BadInput, match="not ramped"):
            bare.figure(figure=name)
