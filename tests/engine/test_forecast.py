"""When a job will begin: what is known of others like it, and of what runs now."""

import pytest

from thermoviz.engine.forecast import KEPT, Durations, begins
from thermoviz.engine.workers import Told


def measured(*seconds, kind="heat_bath"):
    durations = Durations()
    for one in seconds:
        durations.add(kind, one)
    return durations


def test_the_typical_run_is_the_median_of_the_latest():
    assert measured(3.0, 1.0, 2.0, 1000.0, 2.5).typical("heat_bath") == 2.5
    assert measured(*[9.0] * KEPT, *[1.0] * KEPT).typical("heat_bath") == 1.0
    assert measured(1.0).typical("second_law") is None


@pytest.mark.parametrize(("told", "left"), [
    (Told(0.0), 8.0),  # nothing said yet: as the others
    (Told(0.25, seconds=2.0), 6.0),  # as fast as the others: the fraction that is left of them
    (Told(0.5, seconds=60.0), 0.5 * (60.0 + 0.5 * 8.0)),  # a slow one: half its whole is its own, half the others'
    (Told(1.0, seconds=60.0), 0.0),
], ids=str)
def test_what_is_left_of_a_running_job(told, left):
    assert measured(8.0).left("heat_bath", told) == pytest.approx(left)


def test_a_kind_that_was_never_measured_tells_by_its_own_progress_or_not_at_all():
    assert Durations().left("heat_bath", Told(0.25, seconds=2.0)) == pytest.approx(6.0)
    assert Durations().left("heat_bath", Told()) is None


def test_who_begins_when():
    """Two places: free after 1 and 5 seconds. The first job takes the first place until 4, the next until 6."""
    assert begins([5.0, 1.0], [3.0, 2.0, 7.0, 1.0], places=2) == [1.0, 4.0, 5.0, 6.0]
    assert begins([2.0], [1.0, 1.0], places=2) == [0.0, 1.0]  # a place is free


def test_what_waits_for_the_unknown_is_unknown():
    assert begins([None], [1.0], places=1) == [None]
    assert begins([1.0], [None, 1.0], places=1) == [1.0, None]
    assert begins([None, 2.0], [1.0, 1.0], places=2) == [2.0, 3.0]  # the other place is known
    assert begins([], [1.0], places=0) == [None] and begins([1.0], [], places=1) == []
