"""The page "Crystal or glass": its figures, at default, at the ends of its controls, by good and bad links."""

import functools

import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.core.specs import canonical
from thermoviz.dashboard.controls import describe
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.crystal_or_glass import figures
from thermoviz.labs.crystal_or_glass.specification import CrystalOrGlass
from thermoviz.presentation.looks import LOOKS

DRAWINGS = page_of("crystal_or_glass").drawings
QUICK = dict(steps=100, balls=10)
ENDS = [(setting.name, end) for setting in describe(CrystalOrGlass) if setting.ladder and setting.form == "number"
        for end in (setting.ladder[0], setting.ladder[-1])]


@pytest.fixture(scope="module")
def quick():
    return tv.run(CrystalOrGlass(**QUICK, networks=True, problems=4))


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", DRAWINGS)
def test_figures(quick, name, look):
    drawn = DRAWINGS[name](quick, LOOKS[look])
    assert drawn.data and drawn.layout.title.text
    assert quick.figure(figure=name, look=look).data


def test_measured_is_warm_and_theory_is_theory(quick):
    look = LOOKS["dark"]
    traces = {trace.name: trace for trace in figures.mass(quick, look).data}
    assert traces["exact evolution"].line.color == look.theory
    assert traces["10 balls each"].marker.color == look.heat
    assert list(traces["10 balls each"].y) == pytest.approx(quick.arrays["mass"])


def test_refused_averages_are_marked_and_not_drawn():
    run = tv.run(CrystalOrGlass(**QUICK))
    names = [trace.name for trace in figures.work(run, LOOKS["dark"]).data]
    assert "refused: too few weights count" in names


def test_first_partial_can_be_drawn():
    partials = []
    tv.run(CrystalOrGlass(**QUICK), lambda fraction, stage, partial: partials.append(partial))
    first = next(partial for partial in partials if partial is not None)
    assert figures.mass(first, LOOKS["dark"]).data and figures.mass_sentence(first)


def test_sentences(quick):
    assert "deepest valley" in figures.mass_sentence(quick) and "%" in figures.network_sentence(quick)
    convex = tv.run(CrystalOrGlass(tv.Harmonic(), **QUICK))
    assert "one valley" in figures.mass_sentence(convex)
    with pytest.raises(BadInput, match="no networks"):
        convex.figure(figure="network_finals")


@pytest.fixture
def app(whole_app):
    return functools.partial(whole_app, "crystal_or_glass")


def test_default_page_stands_at_once(app):
    made = app()
    assert not made.error and not made.warning
    assert "lab_crystal_or_glass" in made.session_state


@pytest.mark.parametrize("name, end", ENDS)
def test_both_ends_of_every_control_give_a_run(name, end):
    """The specification at the end of a ladder; where it is cheap, its run."""
    settings = {**QUICK, name: end}
    if name == "hot" and end <= 0.05:
        settings["cold"] = end / 3
    if name == "cold" and end >= 0.5:
        settings["hot"] = 3 * end
    spec = CrystalOrGlass(**settings)
    assert canonical(spec)
    if name not in ("steps", "balls") or end <= 300:
        assert tv.run(spec).verdicts


@pytest.mark.parametrize("query, word", [
    ({"steps": "-5"}, "steps"), ({"cold": "7"}, "cold"), ({"landscape": "none"}, "landscape"),
    ({"balls": "many"}, "balls")])
def test_a_bad_link_becomes_a_sentence(app, query, word):
    from thermoviz.dashboard.lab import opened
    visit = opened("crystal_or_glass", query)
    assert visit.messages and any(word in message for message in visit.messages)
    made = app(**query, kind="crystal_or_glass")
    assert not made.exception
