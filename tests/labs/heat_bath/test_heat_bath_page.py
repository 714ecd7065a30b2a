"""The page "Heat bath": its figures in every look, the page at default, its controls at both ends, bad links."""

import functools

import numpy as np
import pytest
from computed_runs import computed
from test_heat_bath import LOST, QUICK

from thermoviz.dashboard import state
from thermoviz.dashboard.lab import opened
from thermoviz.dashboard.menu import page_of
from thermoviz.labs.heat_bath import figures
from thermoviz.labs.heat_bath.specification import HeatBath
from thermoviz.presentation.looks import LOOKS
from thermoviz.presentation.numbers import number
from thermoviz.stage.payload import payload

DRAWINGS = page_of("heat_bath").drawings
FEW = QUICK | {"steps": 400, "replicas": 4}
SENTENCES = (figures.answer, figures.try_this, figures.spectrum_sentence, figures.shape_sentence,
             figures.ratios_sentence, figures.modes_sentence, figures.thermometers_sentence,
             figures.rate_law_sentence, figures.turning_sentence, figures.linear_sentence)


@pytest.fixture(scope="module")
def quick():
    return computed(HeatBath(**FEW))


def test_measured_is_warm_and_theory_is_theory(quick):
    look = LOOKS["dark"]
    traces = {trace.name: trace for trace in figures.modes(quick, look).data}
    assert traces["exact law"].marker.color == look.theory
    assert traces["SGD"].marker.color == look.heat
    assert len(figures.turning(quick, look).data[1].x) == len(quick.arrays["area_pairs"])


def test_sentences_and_stage(quick):
    assert all(sentence(quick) for sentence in SENTENCES)
    told = payload(quick)
    assert told["paths"]["names"] == ["SGD", "isotropic heat"] and told["network"]["sizes"] == [2, 3, 2]
    assert told["batch"]["T_of_batch_1"] == pytest.approx(quick.spec.batch_size * told["batch"]["T_slice"])


def test_the_slice_is_the_same_window_for_hotter_and_colder_batches(quick):
    """What is hotter looks hotter: same axes, and the heat in it as 1/B."""
    small = computed(HeatBath(**FEW | {"batch_size": 4}))
    for name in ("xs", "ys", "U"):
        np.testing.assert_array_equal(small.arrays[name], quick.arrays[name])
    for name in ("T", "T_slice"):
        assert np.allclose(small.numbers[name], 4 * np.array(quick.numbers[name]))
    assert number(small.numbers["T"], 2) in figures.try_this(quick)


def test_what_diverges_can_be_drawn():
    lost = computed(HeatBath(**LOST))
    for name in DRAWINGS:
        assert DRAWINGS[name](lost, LOOKS["dark"]).layout.title.text
    assert all(sentence(lost) for sentence in SENTENCES)


@pytest.fixture
def app(whole_app):
    return functools.partial(whole_app, "heat_bath")


def test_default_page_stands_at_once(app):
    """The run that comes with the package: verdicts and charts without a wait."""
    made = app()
    assert not made.error and not made.warning and not made.get("progress")
    shown = made.session_state["lab_heat_bath"].shown
    assert shown.spec == HeatBath() and len(made.get("plotly_chart")) == 9
    assert "without a single temperature" in figures.answer(shown)


def test_the_answer_claims_no_more_than_the_verdict(quick):
    """Copies that had no time to settle leave it at the strength of the push."""
    verdict = next(v for v in quick.verdicts if v.name == "The bath has one temperature")
    assert verdict.holds is None and "Here the push is as strong as heat of T" in figures.answer(quick)


def test_something_else_is_computed_over_the_default(app):
    made = app(kind="heat_bath", lr="0.1")
    assert made.get("progress") and made.session_state["lab_heat_bath"].shown.spec == HeatBath()
    made = made.button(key="cancel").click().run()
    assert not made.exception and not made.get("progress") and not made.error
    assert made.session_state["lab_heat_bath"].asked == HeatBath()


def test_a_cancel_leads_from_a_part_back_to_the_last_whole_run(quick, monkeypatch):
    """Also where the page already shows a part of what is cancelled."""
    class Engine:
        def leave(self, id, viewer):
            """Nothing runs."""

    monkeypatch.setattr(state, "engine", Engine)
    visit = opened("heat_bath", {})
    visit.preview(visit.base)
    visit._show(quick, complete=False)
    visit.waiting = quick.id
    visit.cancel()
    assert visit.shown.spec == visit.base == HeatBath() and visit.complete and visit.waiting is None

