"""The page "Crystal or glass": its figures, at default, at the ends of its controls, by good and bad links."""


import pytest
from computed_runs import computed

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.crystal_or_glass import figures
from thermoviz.labs.crystal_or_glass.specification import CrystalOrGlass
from thermoviz.presentation.looks import LOOKS

DRAWINGS = page_of("crystal_or_glass").drawings
QUICK = dict(steps=100, balls=10)


@pytest.fixture(scope="module")
def quick():
    return computed(CrystalOrGlass(**QUICK, networks=True, problems=4))


def test_measured_is_warm_and_theory_is_theory(quick):
    look = LOOKS["dark"]
    traces = {trace.name: trace for trace in figures.mass(quick, look).data}
    assert traces["exact evolution"].line.color == look.theory
    assert traces["10 balls each"].marker.color == look.heat
    assert list(traces["10 balls each"].y) == pytest.approx(quick.arrays["mass"])


def test_refused_averages_are_marked_and_not_drawn():
    run = computed(CrystalOrGlass(**QUICK))
    names = [trace.name for trace in figures.work(run, LOOKS["dark"]).data]
    assert "refused: too few weights count" in names


def test_sentences(quick):
    assert "deepest valley" in figures.mass_sentence(quick) and "%" in figures.network_sentence(quick)
    convex = computed(CrystalOrGlass(tv.Harmonic(), **QUICK))
    assert "one valley" in figures.mass_sentence(convex)
    with pytest.raises(BadInput, match="no networks"):
        convex.figure(figure="network_finals")

