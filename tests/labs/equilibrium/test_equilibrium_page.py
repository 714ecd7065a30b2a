"""The page "Equilibrium": its figures, at default, at the ends of its controls, by good and bad links."""

import json

import pytest
from computed_runs import computed

import thermoviz as tv
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.equilibrium import figures
from thermoviz.labs.equilibrium import figures_memory as memory
from thermoviz.labs.equilibrium import figures_starts as starts
from thermoviz.labs.equilibrium.specification import Equilibrium
from thermoviz.presentation.looks import LOOKS
from thermoviz.stage.payload import payload

DRAWINGS = page_of("equilibrium").drawings
QUICK = dict(steps=200, replicas=4)
SENTENCES = (starts.left_sentence, starts.way_sentence, starts.units_sentence, figures.agreement_sentence,
             figures.curves_sentence, memory.displacement_sentence, memory.loop_sentence)


@pytest.fixture(scope="module")
def quick():
    return computed(Equilibrium(**QUICK))


def test_measured_is_warm_and_theory_is_theory(quick):
    look = LOOKS["dark"]
    traces = {trace.name: trace for trace in figures.agreement(quick, look).data}
    assert traces["linear regression, exact"].marker.line.color == look.theory
    mine = traces["networks, own start, own data"]
    assert mine.marker.line.color == look.heat and len(mine.x) == 6
    assert mine.customdata[0][0] == pytest.approx(quick.numbers["net"]["r_hat"]["own start, own data"]["loss"][0])
    curve = {trace.name: trace for trace in memory.linear_displacement(quick, look).data}["exact, at rest"]
    assert list(curve.y) == pytest.approx(quick.arrays["lin_msd_theory"])


def test_starts_wear_the_colours_of_the_stage(quick):
    drawn = {trace.name: trace.line.color for trace in figures.curves(quick, LOOKS["dark"]).data if trace.name}
    assert list(drawn) == quick.numbers["members"] and tuple(drawn.values()) == LOOKS["dark"].optimisers
    message = payload(quick)
    assert message["paths"]["names"] == quick.numbers["members"] and message["network"]["sizes"][1:-1] == [8]
    json.dumps(message, allow_nan=False)


def test_every_partial_can_be_drawn():
    """As soon as a run has the array that a chart waits for, the chart and its sentence can be drawn."""
    needs = {"left": "left", "way": "way", "units": "units", "curves": "net_curve",
             "linear_displacement": "lin_msd", "loop": "net_loop_loss",
             "linear_loop": "lin_loop_loss"}
    said = {"left": starts.left_sentence, "way": starts.way_sentence, "units": starts.units_sentence,
            "agreement": figures.agreement_sentence, "curves": figures.curves_sentence,
            "displacement": memory.displacement_sentence, "loop": memory.loop_sentence}
    partials = []
    final = tv.run(Equilibrium(**QUICK), lambda fraction, stage, partial: partials.append(partial))
    drawn = []
    for partial in (*(partial for partial in partials if partial is not None), final):
        for name, draw in DRAWINGS.items():
            if needs.get(name, "net_msd") in partial.arrays:
                assert draw(partial, LOOKS["dark"]).data
                assert name not in said or said[name](partial)
                drawn.append(name)
    assert drawn[0] == "way" and set(drawn) == set(DRAWINGS)


def test_sentences_count_who_diverged(quick):
    assert all(sentence(quick) for sentence in SENTENCES)
    assert "diverged" not in figures.agreement_sentence(quick)
    lost = computed(Equilibrium("sine", lr=1.0, steps=400, replicas=8))
    assert "cold start: 8 of 8 diverged" in figures.curves_sentence(lost)
    everyone = computed(Equilibrium("sine", lr=50.0, **QUICK))
    for name, draw in DRAWINGS.items():
        assert draw(everyone, LOOKS["dark"]).layout.title.text, name
    assert all("nan" not in sentence(everyone) for sentence in SENTENCES)
    assert "Too few" in figures.agreement_sentence(everyone)

