"""Sweeps behind the engine: pieces are jobs like any other, what is known is not computed again, turns are shared."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.specs import identity
from thermoviz.engine import Engine
from thermoviz.engine import sweeps as gathering
from thermoviz.engine.ask import waited_for
from thermoviz.engine.workers import DONE, FAILED, LOST, Outcome, Told
from thermoviz.experiments.sweep.pieces import parts

PATIENCE_S = 600.0
BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=4, steps=40)
SWEEP = tv.Sweep(BASE, over={"batch_size": [8, 16], "dynamics.1.lr": [0.1, 0.3]}, seeds=6)


class Attempt:
    """Computes in a thread when the test lets it."""

    def __init__(self, workers, id, spec):
        self.workers, self.id, self.spec = workers, id, spec

    def begin(self, ended):
        threading.Thread(target=self._compute, args=(ended,), daemon=True).start()

    def _compute(self, ended):
        self.workers.gate.wait(PATIENCE_S)
        how = self.workers.fate.pop(0) if self.workers.fate else DONE
        if how == DONE:
            self.workers.store.put(self.spec.compute())
        ended(Outcome(how, lambda: "the moon was full." if how == FAILED else "", seconds=0.1))

    def told(self):
        return Told(0.0, "runs", 0, 0.1)

    def shown(self, known):
        return None

    def cancel(self):
        """It ends when it is done."""

    def remove(self):
        """It leaves nothing."""


class InThreads:
    """Workers that remember what they were given; `fate`: how the next attempts end."""

    def __init__(self, places=1):
        self.places, self.given, self.fate = places, [], []
        self.gate = threading.Event()
        self.gate.set()

    def watch(self, changed):
        """Their places stay."""

    def notice(self):
        return ""

    def ailing(self):
        return ""

    def prepare(self, spec):
        """Everything is there."""

    def attempt(self, id, spec):
        self.given.append(spec)
        return Attempt(self, id, spec)

    def warm(self):
        """They are."""

    def wait_until_warm(self, timeout):
        """They are."""

    def close(self):
        self.gate.set()


@pytest.fixture
def workers():
    return InThreads()


@pytest.fixture
def engine(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(gathering, "LOOK_SECONDS", 0.002)
    with Engine(tmp_path, workers=workers) as engine:
        workers.store = engine.store
        yield engine


@pytest.fixture(scope="module")
def alone():
    return SWEEP.compute()


def wait_for(condition):
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < PATIENCE_S, "waited too long"
        time.sleep(0.005)


def finished(engine, id):
    wait_for(lambda: engine.state(id).finished)
    return engine.state(id)


def test_a_sweep_is_gathered_from_its_pieces(engine, workers, alone):
    id = engine.submit(SWEEP, "somebody")
    assert id == identity(SWEEP)
    assert finished(engine, id).status == DONE
    assert engine.result(id).content == alone.content
    assert workers.given == [part.piece for part in parts(SWEEP)]


def test_what_was_computed_is_not_computed_again(engine, workers, alone, tmp_path):
    cut = parts(SWEEP)
    for part in cut[:3]:
        engine.store.put(part.piece.compute())
    id = engine.submit(SWEEP, "somebody")
    finished(engine, id)
    assert workers.given == [part.piece for part in cut[3:]]
    again = engine.submit(SWEEP, "other")
    assert engine.state(again).status == DONE and len(workers.given) == len(cut) - 3
    assert engine.result(id).content == alone.content


def test_a_lost_worker_changes_no_number(engine, workers, alone):
    workers.fate += [DONE, LOST, LOST, DONE, LOST]
    id = engine.submit(SWEEP, "somebody")
    assert finished(engine, id).status == DONE
    assert engine.result(id).content == alone.content


def test_it_is_shown_while_pieces_come(engine, workers):
    workers.gate.clear()
    id = engine.submit(SWEEP, "somebody")
    wait_for(lambda: workers.given)
    assert engine.state(id).fraction == 0
    seen = []

    def look():
        state = engine.state(id)
        partial = engine.partial(id)
        if partial is not None and not state.finished:
            seen.append((state.version, state.fraction, int(partial.arrays["computed"].sum())))
        return state.finished

    workers.gate.set()
    wait_for(look)
    known = [runs for _, _, runs in seen]
    assert known == sorted(known) and any(0 < runs < SWEEP.n_runs for runs in known)


def test_pieces_of_one_visitor_do_not_hold_up_another(engine, workers):
    """Whoever comes while a sweep is computed waits for one piece at most."""
    workers.gate.clear()
    engine.submit(SWEEP, "somebody")
    wait_for(lambda: len(engine._queue) == gathering.WAITING)
    other = tv.Potential(resolution=9, tolerance=0.5)
    id = engine.submit(other, "other")
    assert engine.state(id).place == 1
    workers.gate.set()
    assert finished(engine, id).status == DONE
    assert workers.given.index(other) == 1


def test_two_sweeps_share_pieces(engine, workers):
    """The same pieces are the same questions, whoever asks."""
    ids = [engine.submit(SWEEP, viewer) for viewer in ("one", "two")]
    assert ids[0] == ids[1]
    engine.leave(ids[0], "one")
    assert finished(engine, ids[0]).status == DONE and len(workers.given) == len(parts(SWEEP))


def test_a_sweep_that_nobody_wants_ends(engine, workers):
    workers.gate.clear()
    id = engine.submit(SWEEP, "somebody")
    wait_for(lambda: workers.given)
    engine.leave(id, "somebody")
    wait_for(lambda: engine.sweeps.state(id) is None)
    wait_for(lambda: not len(engine._queue))
    assert all(job.over for job in engine._jobs.values())
    workers.gate.set()
    engine.submit(SWEEP, "somebody")
    assert finished(engine, id).status == DONE


def test_what_cannot_be_computed_is_said_and_asked_again(engine, workers, alone):
    workers.fate += [DONE, FAILED]
    id = engine.submit(SWEEP, "somebody")
    state = finished(engine, id)
    assert state.status == FAILED and state.again
    assert state.message.endswith("could not be computed. the moon was full.")
    before = len(workers.given)
    engine.submit(SWEEP, "somebody")
    wait_for(lambda: engine.state(id).status == DONE)
    assert len(workers.given) == before + 1
    assert engine.result(id).content == alone.content


def test_waiting_tells_progress_and_passes_on_what_it_raises(engine, workers):
    told = []
    run = waited_for(engine, SWEEP, lambda *said: told.append(said))
    assert run.id == identity(SWEEP) and [fraction for fraction, *_ in told] == sorted(said[0] for said in told)

    def leaves(fraction, stage, partial):
        raise KeyboardInterrupt

    other = tv.Sweep(BASE, over={"steps": [20, 30]}, seeds=2)
    workers.gate.clear()
    with pytest.raises(KeyboardInterrupt):
        waited_for(engine, other, leaves)
    wait_for(lambda: engine.sweeps.state(identity(other)) is None)


def test_tv_run_computes_by_workers_what_one_process_computes(tmp_path, setting, alone):
    setting(store=tmp_path / "store", workers=1)
    run = tv.run(SWEEP)
    np.testing.assert_array_equal(run.arrays["mapped"], alone.arrays["mapped"])
    with pytest.raises(tv.BadInput, match="progress must be callable"):
        tv.run(SWEEP, progress=3)


@pytest.mark.slow
def test_killed_processes_change_no_number(tmp_path, alone):
    with Engine(tmp_path, workers=2) as engine:
        id = engine.submit(SWEEP, "somebody")
        killed = set()
        while not engine.state(id).finished:
            for process in engine.workers.processes:
                pids = list(process.pool._pool_manager.worker_manager.workers) if process.pool else []
                busy = [one for one in engine.standing().underway if one.fraction > 0]
                if pids and busy and len(killed) < 3 and pids[0] not in killed:
                    os.kill(pids[0], signal.SIGKILL)
                    killed.add(pids[0])
            time.sleep(0.01)
        assert engine.state(id).status == DONE
        np.testing.assert_array_equal(engine.result(id).arrays["mapped"], alone.arrays["mapped"])
