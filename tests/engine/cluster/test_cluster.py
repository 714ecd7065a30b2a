"""Workers of a cluster do for an engine what those of its own machine do, and several engines share them."""

import os
import signal

import numpy as np
import pytest
from clusters import wait_for
from errand import Errand

import thermoviz as tv
from thermoviz.core.specs import identity
from thermoviz.engine.engine import ATTEMPTS


@pytest.fixture
def engine(running, server, tmp_path):
    """A server whose store the workers do not see."""
    return server(running[0], tmp_path / "ours")


def computations(diary):
    return diary.read_text().split()


def finish(engine, id):
    wait_for(lambda: engine.state(id).finished)
    return engine.state(id)


def test_a_run_comes_back_as_its_worker_wrote_it(engine, running, diary, gate):
    spec = Errand(str(diary), str(gate))
    id = engine.submit(spec, "ann")
    wait_for(lambda: engine.state(id).version > 0)
    first, state = engine.partial(id), engine.state(id)
    assert first.surface is not None and 0 < state.fraction < 1 and state.stage == "walking"
    wait_for(lambda: engine.state(id).version > state.version)
    assert engine.partial(id).numbers["rounds"] > first.numbers["rounds"]
    assert engine.partial(id).arrays["U"].base is first.arrays["U"].base, "what has not changed does not come again"
    gate.touch()
    assert finish(engine, id).status == "done" and engine.result(id).spec == spec
    there = running[1] / "store" / "runs" / f"{id}.safetensors"
    assert engine.store.path(id).read_bytes() == there.read_bytes() and len(computations(diary)) == 1


def test_where_workers_write_into_the_server_s_store_nothing_comes_back(running, server, diary, monkeypatch):
    engine = server(running[0], running[1] / "store")
    monkeypatch.setattr(engine.store, "keep", None)
    id = engine.submit(Errand(str(diary)), "ann")
    assert finish(engine, id).status == "done" and engine.result(id).id == id


def test_fifty_identical_questions_of_two_servers_are_computed_once(running, server, tmp_path, diary, gate):
    servers = [server(running[0], tmp_path / name) for name in ("one", "other")]
    spec = Errand(str(diary), str(gate))
    for k in range(50):
        id = servers[k % 2].submit(spec, f"viewer {k}")
    for one in servers:
        wait_for(lambda one=one: one.state(id).version > 0)
    gate.touch()
    assert [finish(one, id).status for one in servers] == ["done", "done"]
    assert len(computations(diary)) == 1
    assert len({one.store.path(id).read_bytes() for one in servers}) == 1


def test_who_leaves_does_not_end_it_for_others_and_the_last_one_does(running, server, tmp_path, diary, gate):
    servers = one, other = [server(running[0], tmp_path / name) for name in ("one", "other")]
    spec = Errand(str(diary), str(gate))
    id = identity(spec)
    for engine in servers:
        engine.submit(spec, "ann")
        wait_for(lambda engine=engine: engine.state(id).stage == "walking")
    one.leave(id, "ann")
    version = other.state(id).version
    wait_for(lambda: other.partial(id) and other.state(id).version > version + 5)
    other.leave(id, "ann")
    after = other.submit(Errand(str(diary), seed=1), "ann")
    assert finish(other, after).status == "done", "the worker is free again"
    assert len(set(computations(diary))) == 1, "it was asked to leave, not killed"
    assert one.submit(spec, "ann") == id
    gate.touch()
    assert finish(one, id).status == "done"


def test_one_that_does_not_answer_a_cancel_ends_with_its_process(engine, diary, gate):
    id = engine.submit(Errand(str(diary), str(gate), "silent"), "ann")
    wait_for(lambda: computations(diary))
    engine.leave(id, "ann")
    after = engine.submit(Errand(str(diary), seed=1), "ann")
    state = finish(engine, after)
    assert state.status == "done" and state.attempt == 1
    assert len(set(computations(diary))) == 2


def test_a_killed_worker_costs_no_click_and_no_run(engine, diary, gate):
    id = engine.submit(Errand(str(diary), str(gate)), "ann")
    wait_for(lambda: engine.state(id).version > 0)
    shown = engine.partial(id).numbers["rounds"]
    os.kill(int(computations(diary)[0]), signal.SIGKILL)
    wait_for(lambda: engine.state(id).attempt == 2)
    assert engine.partial(id).numbers["rounds"] >= shown, "the picture stays"
    wait_for(lambda: len(computations(diary)) == 2)
    gate.touch()
    assert finish(engine, id).status == "done" and engine.state(id).attempt == 1


def test_a_job_that_kills_its_worker_every_time_is_refused_and_remembered(engine, diary):
    id = engine.submit(Errand(str(diary), mood="dies"), "ann")
    state = finish(engine, id)
    assert state.status == "failed" and not state.again and f"All {ATTEMPTS} processes" in state.message
    assert id in engine._refusals
    before = len(computations(diary))
    assert ATTEMPTS <= before <= ATTEMPTS + 1  # Dask may begin it once more before it hears that nobody wants it
    after = engine.submit(Errand(str(diary), seed=1), "ann")
    assert finish(engine, after).status == "done"


@pytest.mark.parametrize("mood, said", [("refuses", "on a Sunday"), ("raises", "reference")])
def test_mistakes_travel_as_their_sentence(engine, diary, mood, said):
    state = finish(engine, engine.submit(Errand(str(diary), mood=mood), "ann"))
    assert state.status == "failed" and said in state.message and "secret" not in state.message


def test_what_takes_too_long_is_stopped(running, server, tmp_path, diary, gate):
    engine = server(running[0], tmp_path / "ours", seconds=0.5)
    state = finish(engine, engine.submit(Errand(str(diary), str(gate)), "ann"))
    assert state.status == "failed" and "took longer than 0.5 s" in state.message


def test_what_people_brought_travels_along(engine):
    generator = np.random.default_rng(0)
    data = tv.Dataset(generator.normal(size=(40, 2)), generator.integers(0, 2, 40))
    spec = tv.Descent(dataset=data, network=tv.MLP((4,)), steps=4, replicas=3, resolution=33)
    assert finish(engine, engine.submit(spec, "ann")).status == "done"
    assert engine.result(identity(spec)).spec == spec


def test_the_library_asks_a_cluster(running, diary, tmp_path, setting):
    setting(store=tmp_path / "mine")
    heard = []
    spec = tv.Potential(resolution=21, seed=11)
    run = tv.run(spec, lambda *told: heard.append(told), scheduler=running[0])
    assert run.to_bytes() and run.spec == spec
    assert np.array_equal(run.arrays["U"], tv.run(spec).arrays["U"]) and heard
    with pytest.raises(tv.ThermovizError, match="on a Sunday"):
        tv.run(Errand(str(diary), mood="refuses"), scheduler=running[0])


def test_a_sweep_is_computed_by_a_cluster_piece_by_piece(running, tmp_path, setting):
    """The same numbers as without one; the engine hands its pieces to the workers."""
    setting(store=tmp_path / "mine")
    base = tv.Descent(tv.DATASETS["moons"](n=40), tv.MLP((4,)), steps=10, replicas=3)
    sweep = tv.Sweep(base, over={"batch_size": [4, 8], "dynamics.1.lr": [0.1, 0.3]}, seeds=2)
    table = tv.run(sweep, scheduler=running[0]).table()
    np.testing.assert_allclose(table["loss"], sweep.compute().table()["loss"], rtol=1e-5)
    assert list((tmp_path / "mine" / "runs").iterdir())
