"""The engine: one question is computed once, cancelling is quick and leaves nothing behind, a crash costs one job."""

import os
import signal
import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest
from errand import Errand

import thermoviz as tv
from thermoviz.catalogue import EXPERIMENTS
from thermoviz.core.specs import identity
from thermoviz.engine import Engine, Store
from thermoviz.engine.engine import ATTEMPTS, FORGOTTEN_SECONDS
from thermoviz.engine.local import LocalWorkers
from thermoviz.engine.scratch import Scratch
from thermoviz.engine.workers import Told
from thermoviz.runs.run import Run

PATIENCE_S = 600.0  # after which a process must have hung


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """One engine for all tests of this file, since a worker takes seconds to start."""
    EXPERIMENTS["errand"] = Errand
    with Engine(tmp_path_factory.mktemp("store"), workers=1) as engine:
        engine.wait_until_warm()
        yield engine
    del EXPERIMENTS["errand"]


@pytest.fixture
def engine(pool):
    yield pool
    assert not list(pool.store.jobs.iterdir()), "a job left files behind"


def wait_for(condition):
    """Returns as soon as it holds; gives up where a process must have hung."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < PATIENCE_S, "waited too long"
        time.sleep(0.005)


def finish(engine, id):
    wait_for(lambda: engine.state(id).finished)
    wait_for(lambda: not list(engine.store.jobs.iterdir()))
    return engine.state(id)


def computations(diary):
    return len(diary.read_text().splitlines())


def test_a_run_is_computed_kept_and_given(engine, diary, gate):
    spec = Errand(str(diary), str(gate))
    id = engine.submit(spec, "ann")
    assert id == identity(spec) and engine.state(id).status in ("queued", "running")
    wait_for(lambda: engine.state(id).stage == "walking")
    gate.touch()
    assert finish(engine, id).status == "done"
    assert engine.result(id).spec == spec and engine.partial(id) is engine.result(id)
    assert engine.store.get(id).numbers["rounds"] > 0


def test_progress_and_partial_runs_come_while_it_runs(engine, diary, gate):
    id = engine.submit(Errand(str(diary), str(gate)), "ann")
    wait_for(lambda: engine.state(id).version > 0)
    first = engine.partial(id)
    state = engine.state(id)
    assert first.surface is not None and 0 < state.fraction < 1 and state.stage == "walking"
    wait_for(lambda: engine.state(id).version > state.version)
    assert engine.partial(id).numbers["rounds"] > first.numbers["rounds"]
    engine.leave(id, "ann")
    assert finish(engine, id).status == "cancelled" and engine.partial(id) is None


def test_the_same_question_from_many_threads_is_computed_once(engine, diary, gate):
    spec = Errand(str(diary), str(gate), seed=1)
    ids = []
    threads = [threading.Thread(target=lambda k=k: ids.append(engine.submit(spec, f"viewer {k}"))) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(ids) == {identity(spec)}
    gate.touch()
    assert finish(engine, ids[0]).status == "done"
    engine.submit(spec, "a late one")
    assert engine.state(ids[0]).status == "done" and computations(diary) == 1


def test_a_cancelled_job_ends_by_itself_and_the_worker_stays_warm(engine, diary, gate):
    """It is asked to leave, not killed: the same process answers the next question."""
    for k in range(3):
        id = engine.submit(Errand(str(diary), str(gate), seed=k), "ann")
        wait_for(lambda id=id: engine.state(id).stage == "walking")
        engine.leave(id, "ann")
        assert engine.state(id).status == "cancelled"
        wait_for(lambda: not list(engine.store.jobs.iterdir()))
        other = engine.submit(Errand(str(diary), seed=20 + k), "ann")
        assert finish(engine, other).status == "done"
        assert id not in engine.store
    pids = diary.read_text().split()
    assert len(pids) == 6 and len(set(pids)) == 1


def test_a_second_viewer_keeps_the_job_alive(engine, diary, gate):
    id = engine.submit(Errand(str(diary), str(gate), seed=3), "ann")
    engine.submit(Errand(str(diary), str(gate), seed=3), "bob")
    wait_for(lambda: engine.state(id).status == "running")
    engine.leave(id, "ann")
    engine.leave(id, "ann")
    assert engine.state(id).status == "running"
    gate.touch()
    assert finish(engine, id).status == "done" and computations(diary) == 1


def test_a_job_that_nobody_asks_after_makes_room_for_another(engine, diary, gate, monkeypatch):
    """A browser that is closed says no good-bye."""
    left = engine.submit(Errand(str(diary), str(gate), seed=6), "gone")
    wait_for(lambda: computations(diary) == 1)
    monkeypatch.setattr(engine, "_clock", lambda: time.monotonic() + FORGOTTEN_SECONDS + 1)  # they were silent since
    other = engine.submit(Errand(str(diary), seed=7), "ann")
    assert engine.state(left).status == "cancelled"
    assert finish(engine, other).status == "done"


def test_a_queued_job_can_be_cancelled_before_it_starts(engine, diary, gate):
    first = engine.submit(Errand(str(diary), str(gate), seed=4), "ann")
    second = engine.submit(Errand(str(diary), str(gate), seed=5), "bob")
    wait_for(lambda: engine.state(first).status == "running")
    assert engine.state(second).status == "queued"
    engine.leave(second, "bob")
    assert engine.state(second).status == "cancelled"
    gate.touch()
    assert finish(engine, first).status == "done" and computations(diary) == 1


@pytest.mark.parametrize("begun", [0, 1], ids=["at once", "when begun"])
def test_rapid_changes_end_with_the_last(engine, diary, gate, begun):
    """Whether those before had begun when they were left, or were still in the queue."""
    last = None
    for k in range(6):
        if last:
            wait_for(lambda seen=k: computations(diary) >= begun * seen)
            engine.leave(last, "ann")
        last = engine.submit(Errand(str(diary), str(gate), seed=10 + k), "ann")
    gate.touch()
    assert finish(engine, last).status == "done"


def test_a_cancelled_run_can_be_asked_for_again(engine, diary, gate):
    spec = Errand(str(diary), str(gate), seed=6)
    id = engine.submit(spec, "ann")
    wait_for(lambda: engine.state(id).status == "running")
    engine.leave(id, "ann")
    engine.submit(spec, "ann")
    gate.touch()
    assert finish(engine, id).status == "done"


def test_mistakes_travel_as_their_sentence(engine, diary):
    id = engine.submit(Errand(str(diary), mood="refuses"), "ann")
    state = finish(engine, id)
    assert (state.status, state.message) == ("failed", "the errand cannot be run on a Sunday.")
    assert engine.result(id) is None


def test_a_failure_is_not_computed_at_every_rerun_of_the_page(engine, diary):
    spec = Errand(str(diary), mood="refuses", seed=1)
    id = engine.submit(spec, "ann")
    finish(engine, id)
    engine.submit(spec, "ann")
    assert engine.state(id).status == "failed" and computations(diary) == 1
    engine.leave(id, "ann")
    engine.submit(spec, "ann")
    finish(engine, id)
    assert computations(diary) == 2


def test_other_exceptions_tell_no_details(engine, diary):
    state = finish(engine, engine.submit(Errand(str(diary), mood="raises"), "ann"))
    assert state.status == "failed" and "secret" not in state.message and "reference" in state.message


def worker_of(diary):
    """The process that computes the last errand in this diary."""
    return int(diary.read_text().split()[-1])


def test_a_killed_worker_costs_no_click_and_no_run(engine, diary, gate):
    """The job begins again in a new process; what waited behind it comes next."""
    id = engine.submit(Errand(str(diary), str(gate), seed=30), "ann")
    after = engine.submit(Errand(str(diary), seed=31), "bob")
    wait_for(lambda: engine.state(id).version > 0)
    shown = engine.partial(id)
    os.kill(worker_of(diary), signal.SIGKILL)
    wait_for(lambda: computations(diary) == 2)
    assert engine.state(id).attempt == 2 and engine.state(after).place == 1
    assert engine.partial(id).numbers["rounds"] >= shown.numbers["rounds"] or engine.state(id).version > 1
    gate.touch()
    assert finish(engine, id).status == "done" and finish(engine, after).status == "done"
    assert engine.result(id).spec == Errand(str(diary), str(gate), seed=30) and computations(diary) == 3


def test_a_worker_that_is_killed_while_idle_is_replaced(engine, diary):
    finish(engine, engine.submit(Errand(str(diary), seed=32), "ann"))
    os.kill(worker_of(diary), signal.SIGKILL)
    assert finish(engine, engine.submit(Errand(str(diary), seed=33), "ann")).status == "done"
    assert len(set(diary.read_text().split())) == 2


class Forgetful:
    """A process whose pool breaks while it is given a task, which it forgets."""

    active = False

    def schedule(self, *task, **settings):
        self.pool = self
        return Future()


def test_a_task_that_a_breaking_pool_forgot_is_lost(tmp_path):
    workers = LocalWorkers(Store(tmp_path), places=1)
    workers.free, outcomes = [Forgetful()], []
    workers.attempt("0" * 16, Errand("")).begin(outcomes.append)
    assert [outcome.status for outcome in outcomes] == ["lost"] and len(workers.free) == 1


@pytest.mark.slow
@pytest.mark.parametrize("idle", [True, False], ids=["idle", "at work"])
def test_twenty_killed_workers_cost_nothing(engine, diary, gate, idle):
    for k in range(20):
        opened = gate.with_name(f"gate {k}")
        id = engine.submit(Errand(str(diary), str(opened), seed=100 + k + 100 * idle), "ann")
        wait_for(lambda id=id: engine.state(id).version > 0)
        if not idle:
            os.kill(worker_of(diary), signal.SIGKILL)
        opened.touch()
        assert finish(engine, id).status == "done" and engine.result(id).spec.seed == 100 + k + 100 * idle
        if idle:
            os.kill(worker_of(diary), signal.SIGKILL)
    assert len(set(diary.read_text().split())) == (20 if idle else 21)


def test_a_job_that_kills_its_worker_every_time_is_refused_and_remembered(engine, diary):
    """Tried three times; the next job is computed; asked for again, here or by another server, it is not begun."""
    spec = Errand(str(diary), mood="dies")
    id = engine.submit(spec, "ann")
    after = engine.submit(Errand(str(diary), seed=7), "bob")
    state = finish(engine, id)
    assert state.status == "failed" and "not tried again today" in state.message and not state.again
    assert finish(engine, after).status == "done" and computations(diary) == ATTEMPTS + 1
    engine.leave(id, "ann")
    with Engine(engine.store.folder) as other:
        for one in (engine, other):
            assert one.submit(spec, "eve") == id and one.state(id).message == state.message
        assert not other.workers.processes[0].started
    assert computations(diary) == ATTEMPTS + 1


@pytest.mark.parametrize("moved", [False, True], ids=["", "the clock was moved back"])
def test_a_worker_that_does_not_answer_a_cancel_is_killed(engine, diary, gate, moved):
    id = engine.submit(Errand(str(diary), str(gate), mood="silent"), "ann")
    wait_for(lambda: computations(diary) == 1)
    if moved:  # what was written a moment ago is of the future
        progress, = engine.store.jobs.glob("*.progress")
        os.utime(progress, (time.time() + 3600, time.time() + 3600))
    engine.leave(id, "ann")
    assert engine.state(id).status == "cancelled"
    wait_for(lambda: not list(engine.store.jobs.iterdir()))
    assert finish(engine, engine.submit(Errand(str(diary), seed=8), "ann")).status == "done"
    silent, next_one = diary.read_text().split()
    assert silent != next_one and not gate.exists()


def test_data_that_are_not_at_hand_fail_the_run_not_the_page(engine):
    spec = tv.Descent(dataset={"kind": "own", "content_hash": "0123" * 16})
    id = engine.submit(spec, "viewer")
    state = engine.state(id)
    assert state.status == "failed" and "not at hand" in state.message
    engine.leave(id, "viewer")
    assert engine.partial(id) is None and engine.submit(spec, "viewer") == id


def test_unknown_and_malformed_ids(engine):
    for id in ("0" * 16, "../../etc/passwd", "", "A" * 16):
        with pytest.raises(tv.BadInput):
            engine.state(id)
    engine.leave("0" * 16, "nobody")


def test_presets_need_no_worker(tmp_path):
    with Engine(tmp_path) as engine:
        for key, preset in tv.PRESETS.items():
            id = engine.submit(preset.spec, "ann")
            assert engine.state(id).status == "done" and engine.result(id) is tv.load_preset(key)
        assert not any(process.started for process in engine.workers.processes)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_worker_has_loaded_the_kernels_before_its_first_job_unless_nobody_waits(pool, tmp_path, diary, setting,
                                                                                wanted):
    setting(warm=int(wanted))
    with Engine(tmp_path / "store", workers=1) as engine:
        engine.warm()
        assert engine.workers.processes[0].started == wanted
        id = engine.submit(Errand(str(diary), seed=20), "ann")
        assert finish(engine, id).status == "done" and engine.result(id).numbers["warm"] is wanted


def test_a_closed_engine_says_so(tmp_path):
    engine = Engine(tmp_path)
    engine.close()
    with pytest.raises(tv.BadInput, match="closed"):
        engine.submit(Errand("", seed=9), "ann")
    with pytest.raises(tv.BadInput, match="at least one worker"):
        Engine(tmp_path, workers=0)


# The store


def errand_run(seed=0, size=9) -> Run:
    axis = np.linspace(0, 1, size)
    return Run(tv.Potential(seed=seed), {"xs": axis, "ys": axis, "U": np.outer(axis, axis)})


def test_the_store_prunes_the_least_recently_used(tmp_path):
    size = len(errand_run(size=81).to_bytes())
    store = Store(tmp_path, limit=int(3.5 * size))
    runs = [errand_run(seed, 81) for seed in range(5)]
    for k, run in enumerate(runs[:3]):
        store.put(run)
        os.utime(store.path(run.id), (k, k))
    assert store.get(runs[0].id) is not None  # now the most recently used
    store.put(runs[3])
    assert [run.id in store for run in runs[:4]] == [True, False, True, True]


def test_a_damaged_file_is_not_served(tmp_path):
    store, run = Store(tmp_path), errand_run()
    store.put(run)
    path = store.path(run.id)
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    assert store.get(run.id) is None and run.id not in store
    store.put(run)
    os.replace(path, store.path("0" * 16))
    assert store.get("0" * 16) is None


def test_many_writers_of_one_run(tmp_path):
    store, run = Store(tmp_path), errand_run()
    threads = [threading.Thread(target=store.put, args=(run,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(run.id).arrays["U"].tobytes() == run.arrays["U"].tobytes()
    assert len(list(store.runs.iterdir())) == 1


def test_stale_scratch_is_swept(tmp_path):
    store = Store(tmp_path)
    old, new = store.jobs / "old.partial", store.jobs / "new.partial"
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    Store(tmp_path)
    assert not old.exists() and new.exists()


def test_the_store_lies_where_it_is_told(tmp_path, setting):
    setting(store=tmp_path / "here")
    assert Store().folder == tmp_path / "here" and (tmp_path / "here" / "runs").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(tv.BadInput, match="cannot be made"):
        Store(tmp_path / "file")


def test_stores_open_while_others_finish_their_scratch(tmp_path):
    """Files that vanish between being listed and being looked at belong to somebody else's finished job."""
    store, stop = Store(tmp_path), threading.Event()

    def come_and_go():
        while not stop.is_set():
            scratches = [Scratch.new(store.jobs, f"{i:016x}") for i in range(20)]
            for scratch in scratches:
                scratch.tell(Told(0.5, "surface", 1))
            for scratch in scratches:
                scratch.remove()

    others = [threading.Thread(target=come_and_go) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for _ in range(200):
            Store(tmp_path)
    finally:
        stop.set()
        for other in others:
            other.join()


def test_a_disk_without_room_costs_nobody_a_finished_run(engine, monkeypatch, diary, gate):
    gate.touch()
    spec = Errand(str(diary), str(gate))
    engine.workers.processes[0].close()  # the next one is told, at its start, that all of the disk is to stay free
    with monkeypatch.context() as full:
        full.setenv("THERMOVIZ_FREE_MEGABYTES", str(10**9))
        full.setattr(engine.store, "floor", 10**15)
        id = engine.submit(spec, "ann")
        assert finish(engine, id).status == "done" and not engine.store.path(id).exists()
        assert engine.result(id).id == id and engine.submit(spec, "bob") == id and computations(diary) == 1
    engine.workers.processes[0].close()
    finish(engine, engine.submit(tv.Potential(resolution=21, seed=8), "ann"))
