"""What is told of the engine's work: one account a job, what each visitor has used, how things stand."""

import os
import signal
import time

import pytest
from test_turns import ByHand, Clock, ask

import thermoviz as tv
from thermoviz.engine import Engine
from thermoviz.engine.accounts import Budget
from thermoviz.engine.local import MISSED
from thermoviz.engine.workers import CANCELLED, FAILED, LOST, Told


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def workers():
    return ByHand()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def engine(workers, clock, heard, tmp_path):
    with Engine(tmp_path, workers=workers, clock=clock, budget=Budget(100, 600, clock)) as engine:
        engine.hear(heard.append)
        yield engine


def test_each_job_has_one_account_with_its_waits(engine, workers, clock, heard):
    first, second = ask(engine, "visitor-one", 1, 2)
    clock.now += 5
    workers.last.end(FAILED, say=lambda: "No.", cpu=4.0)
    assert (heard[0].id, heard[0].waited, heard[0].computed, heard[0].cpu) == (first, 0, 5, 4)
    assert (heard[0].visitor, heard[0].attempts, heard[0].outcome, heard[0].reason) == ("visito", 1, "failed", "No.")
    clock.now += 2
    workers.last.end(cpu=1.0)
    assert (heard[1].id, heard[1].waited, heard[1].computed, heard[1].outcome) == (second, 5, 2, "done")
    assert len(heard) == 2


def test_lost_attempts_are_counted_and_what_they_used(engine, workers, heard):
    ask(engine, "a", 1)
    workers.last.now = Told(0.5, "descent", 0, 7.0)
    workers.last.end(LOST)
    workers.last.end(cpu=3.0)
    assert [(one.attempts, one.cpu, one.outcome) for one in heard] == [(2, 10.0, "done")]


def test_who_leaves_is_told_once_the_worker_is_free_again(engine, workers, heard):
    first, second = ask(engine, "a", 1, 2)
    engine.leave(second, "a")  # it never began
    assert [(one.id, one.attempts, one.outcome) for one in heard] == [(second, 0, "cancelled")]
    engine.leave(first, "a")
    assert len(heard) == 1
    workers.last.end(CANCELLED, cpu=2.0)
    assert [(one.id, one.cpu, one.outcome) for one in heard[1:]] == [(first, 2.0, "cancelled")]


def test_what_never_stood_in_the_queue_is_told_as_refused(engine, workers, heard):
    workers.cannot = "Too large."
    ask(engine, "a", 1)
    assert [(one.outcome, one.reason, one.attempts) for one in heard] == [("refused", "Too large.", 0)]


# The budget


def test_who_has_used_their_share_is_told_when_they_can_go_on(engine, workers, clock):
    ask(engine, "a", 1)
    workers.last.end(cpu=99.0)
    ask(engine, "a", 2)
    clock.now += 60
    workers.last.end(cpu=30.0)
    [third] = ask(engine, "a", 3)
    state = engine.state(third)
    assert (state.status, state.again, len(workers.attempts)) == ("failed", True, 2)
    assert state.message == ("You have used the 100 seconds of computing that each visitor has here in 10 minutes. "
                             "You can go on in 9 minutes; what was computed before opens at once.")
    clock.now += 8.5 * 60
    assert "in one minute" in engine.state(third).message, "it counts the minutes left"
    ask(engine, "b", 4)
    assert len(workers.attempts) == 3, "others go on"
    workers.last.end()
    clock.now += 31
    engine.leave(third, "a")
    ask(engine, "a", 3)
    assert len(workers.attempts) == 4


def test_what_waits_already_is_not_begun_when_nothing_is_left(engine, workers, heard):
    ids = ask(engine, "a", 1, 2, 3)
    engine.submit(tv.Potential(seed=1003), "b")
    workers.last.end(cpu=200.0)
    assert workers.last.id == ids[2], "somebody else wants it too, who has used nothing"
    workers.last.end()
    assert engine.state(ids[1]).status == "failed" and "You can go on in 10 minutes" in engine.state(ids[1]).message
    assert [one.outcome for one in heard] == ["done", "done", "refused"]


def test_what_is_known_opens_at_once_whatever_was_used(engine, workers, tmp_path):
    ask(engine, "a", 1)
    workers.last.end(cpu=1e6)
    for preset in tv.PRESETS.values():
        assert engine.state(engine.submit(preset.spec, "a")).status == "done"


def test_without_a_budget_nothing_is_counted(clock):
    budget = Budget(None, 60, clock)
    budget.spend("a", 1e9)
    assert budget.wait("a") == 0 and budget.refusal("a") is None


@pytest.mark.parametrize("spent, waits", [([], 0), ([(0, 9)], 0), ([(0, 10)], 60), ([(0, 5), (20, 5)], 60),
                                          ([(0, 5), (20, 15)], 80), ([(0, 1), (20, 5), (30, 6)], 80)])
def test_the_window_slides(clock, spent, waits):
    """Seconds after the first use at which less than all 10 lie within the last 60."""
    budget, begun = Budget(10, 60, clock), clock.now
    for at, seconds in spent:
        clock.now = begun + at
        budget.spend("a", seconds)
    assert budget.wait("a") == max(0, begun + waits - clock.now)
    clock.now = begun + waits
    assert budget.wait("a") == 0


# How things stand


def test_how_things_stand(engine, workers):
    ask(engine, "somebody", 1, 2, 3)
    ask(engine, "other", 2)
    workers.last.now = Told(0.25, "descent", 0, 3.0)
    standing = engine.standing()
    assert (standing.queued, standing.places, standing.ailing) == (2, 1, "")
    assert standing.underway[0][1:] == ("potential", "somebo", 0.25, 3.0)
    assert standing.asked == {"new": 3, "joined": 1}


def test_a_dead_pool_is_seen_and_a_killed_process_is_not_one(tmp_path, monkeypatch):
    from thermoviz.engine import local

    monkeypatch.setattr(local, "ASK_SECONDS", 0.0)
    with Engine(tmp_path, workers=1) as engine:
        [process] = engine.workers.processes

        def seen():
            """What is said once the next sign has come or was missed."""
            engine.standing()
            sign = process._sign
            while process._sign is sign:
                time.sleep(0.05)
                said = engine.standing().ailing
            return said

        assert seen() == ""
        [pid] = process.pool._pool_manager.worker_manager.workers
        os.kill(pid, signal.SIGKILL)
        assert seen() == "" and seen() == ""
        monkeypatch.setattr(local.worker, "ready", _dies)
        assert [bool(seen()) for _ in range(MISSED + 2)][-1]
        monkeypatch.undo()
        monkeypatch.setattr(local, "ASK_SECONDS", 0.0)
        seen()
        assert [seen(), seen()][-1] == ""
    assert engine.standing().ailing == "the engine is closed"


def _dies():
    os._exit(1)
