"""A pipeline: steps with declared inputs, weights, partial runs, cancel, and a memory of what was done."""

from typing import Annotated

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.runs.pipeline import Pipeline, Step, remembering
from thermoviz.runs.results import Array, Number, Result
from thermoviz.runs.verdict import above, judge

SPEC = tv.Potential(resolution=9, seed=3)


class Row(Result, within=("", "net")):
    """A row of numbers."""

    row: Annotated[np.ndarray, Array("n", "Numbers")]
    total: Annotated[float, Number("Their sum", name="sums.total")]


def first(seed):
    return Row(np.arange(seed), float(sum(range(seed))))


def second(first, report):
    for k in range(4):
        report(k / 4, lambda k=k: {"net": Row(first.row + k, 0.0)})
    return {"net": Row(first.row + 10.0, 1.0)}


def told(first, second):
    return [judge("much", (second["net"].row.sum(), 0.1), above(first.total))]


def other(spec):
    return judge("more", (1.0, 0.1), above(0.0))


STEPS = (Step("one", 1, first), Step("two", 3, second), Step("words", 0, told), Step("words", 0, other))


def heard(steps, spec=SPEC):
    said = []
    return Pipeline(spec, lambda *what: said.append(what), steps).run(), said


def test_the_run_holds_what_the_steps_wrote():
    run, _ = heard(STEPS)
    assert run.arrays["row"].tolist() == [0, 1, 2] and run.arrays["net_row"].tolist() == [10, 11, 12]
    assert run.numbers["sums"] == {"total": 3.0} and run.numbers["net"] == {"sums": {"total": 1.0}}
    assert [verdict.key for verdict in run.verdicts] == ["much", "more"] and run.spec == SPEC


def test_fractions_follow_the_weights_and_never_fall():
    _, said = heard(STEPS)
    fractions = [fraction for fraction, _, _ in said]
    assert fractions == sorted(fractions) and {0.0, 0.25, 1.0} <= set(fractions)
    assert [name for _, name, _ in said if name == "one"] and 0.25 + 0.75 / 2 in fractions


def test_partial_runs_show_what_is_known_and_do_not_change_afterwards(monkeypatch):
    monkeypatch.setattr("thermoviz.runs.pipeline.INTERVAL", 0.0)
    run, said = heard(STEPS)
    partials = [partial for _, name, partial in said if name == "two" and partial is not None]
    assert [partial.arrays["net_row"][0] for partial in partials] == [0, 1, 2, 3, 10]
    assert all("verdicts" not in partial.numbers for partial in partials) and run.arrays["row"].tolist() == [0, 1, 2]


def test_nothing_is_made_for_nobody():
    def step(report):
        report(0.5, lambda: pytest.fail("nobody listens"), now=True)

    assert Pipeline(SPEC, None, (Step("alone", 1, step),)).run().arrays == {}


def test_a_new_thing_is_shown_once(monkeypatch):
    monkeypatch.setattr("thermoviz.runs.pipeline.INTERVAL", 1e9)

    def levels(report):
        level = report.part(0.5, 1.0).each_new(lambda n: Row(np.arange(n), 0.0))
        for fraction, n in ((0.0, None), (0.2, 1), (0.4, 1), (0.6, 2)):
            level(fraction, n)

    _, said = heard((Step("levels", 1, levels),))
    assert [(fraction, partial.arrays["row"].size) for fraction, _, partial in said if partial] == [(0.6, 1), (0.8, 2)]


def test_who_listens_may_cancel():
    def cancel(fraction, name, partial):
        if name == "two" and fraction > 0.3:
            raise tv.Cancelled("enough")

    with pytest.raises(tv.Cancelled):
        Pipeline(SPEC, cancel, STEPS).run()


def test_a_step_that_needs_what_nobody_gives_is_refused_before_the_work():
    with pytest.raises(TypeError, match="step told needs first"):
        Pipeline(SPEC, None, (Step("words", 0, told),))


def test_a_remembered_step_is_done_again_only_where_what_it_depends_on_differs():
    done = []

    def drawn(seed):
        done.append(("drawn", seed))
        return Row(np.arange(seed), 0.0)

    def doubled(drawn, resolution):
        done.append(("doubled", resolution))
        return {"net": Row(2 * drawn.row, 0.0)}

    steps = (Step("one", 1, drawn), Step("two", 1, doubled))
    with remembering({}):
        runs = [Pipeline(spec, None, steps).run() for spec in (
            SPEC, SPEC, tv.Potential(resolution=11, seed=3), tv.Potential(resolution=9, seed=4))]
    assert done == [("drawn", 3), ("doubled", 9), ("doubled", 11), ("drawn", 4), ("doubled", 9)]
    assert [run.arrays["net_row"].tolist() for run in runs] == [[0, 2, 4]] * 3 + [[0, 2, 4, 6]]
    Pipeline(SPEC, None, steps).run()
    assert len(done) == 7
