"""What visitors bring: kept for its time, found by its hash, gone with all that was computed of it."""

import dataclasses

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput, NotKept
from thermoviz.core.specs import identity
from thermoviz.engine import Engine
from thermoviz.engine.brought.kept import DATA, RUN, SLICE, Brought
from thermoviz.engine.local import lay_out
from thermoviz.engine.store import Store
from thermoviz.experiments.landscapes import as_spec
from thermoviz.runs.carried import OwnData, OwnSlice, own_data, own_slice

HOUR = 3600.0


class Clock:
    def __init__(self, place):
        self.place, self.ahead = place, 0.0

    def __call__(self):
        import time

        return time.time() + self.ahead


@pytest.fixture
def data():
    generator = np.random.default_rng(7)
    x = generator.standard_normal((40, 2))
    return tv.Dataset(x, (x[:, 0] > 0).astype(int))


@pytest.fixture
def brought(tmp_path):
    clock = Clock(tmp_path)
    made = Brought(Store(tmp_path), hours=24, clock=clock)
    made.clock = clock
    yield made
    OwnData.shelf.forget()
    OwnSlice.shelf.forget()


def computed(spec):
    """A run of this specification that is in the store, as a worker leaves it."""
    return tv.Run(spec, {"losses": np.zeros((1, 1))}, {})


def test_data_come_back_by_their_hash_alone(brought, data):
    member = own_data(data)
    brought.bring(member, "flowers.csv", {"inputs": ["a", "b"]})
    OwnData.shelf.forget()
    again = OwnData(member.content_hash)
    assert brought.lend(tv.Descent(dataset=again)) and again.load() == data
    about = brought.about(DATA, member.content_hash)
    assert (about.title, about.more) == ("flowers.csv", {"inputs": ["a", "b"]})
    assert about.until == pytest.approx(brought.clock() + 24 * HOUR, abs=60)


def test_another_server_of_the_same_store_has_it(brought, data, tmp_path):
    member = own_data(data)
    brought.bring(member, "")
    OwnData.shelf.forget()
    other = Brought(Store(tmp_path))
    assert other.lend(tv.HeatBath(dataset=OwnData(member.content_hash)))
    lay_out(tv.HeatBath(dataset=OwnData(member.content_hash)), other.store)  # for the workers
    assert (other.store.data / f"{member.content_hash}.safetensors").is_file()


def test_what_is_not_here_is_not_lent_though_this_process_remembers_it(brought, data):
    spec = tv.Descent(dataset=data)
    assert not brought.lend(spec) and brought.lend(tv.Descent())
    brought.bring(own_data(data), "")
    assert brought.lend(spec)
    brought.clock.ahead = 24.1 * HOUR
    assert not brought.lend(spec)
    with pytest.raises(BadInput):
        spec.dataset.load()


def test_it_is_gone_after_its_time_with_all_that_was_computed_of_it(brought, data):
    spec = tv.Descent(dataset=data)
    brought.bring(spec.dataset, "")
    brought.store.put(computed(spec))
    brought.store.put(computed(tv.Descent()))
    lay_out(spec, brought.store)
    assert brought.sweep() == []
    brought.clock.ahead = 25 * HOUR
    assert brought.sweep() == [identity(spec)]
    assert identity(spec) not in brought.store and identity(tv.Descent()) in brought.store
    assert not list(brought.store.data.iterdir())
    assert brought.about(DATA, spec.dataset.content_hash) is None


def test_deleted_at_once_and_what_was_still_being_computed_at_the_next_look(brought, data):
    spec, later = tv.Descent(dataset=data), tv.Descent(dataset=data, seed=1)
    key = spec.dataset.content_hash
    brought.bring(spec.dataset, "")
    brought.store.put(computed(spec))
    assert brought.delete(DATA, key) == [identity(spec)]
    assert not brought.has(DATA, key) and not brought.lend(spec) and identity(spec) not in brought.store
    brought.store.put(computed(later))
    assert brought.sweep() == [identity(later)] and identity(later) not in brought.store
    brought.bring(own_data(data), "again")
    brought.store.put(computed(spec))
    assert brought.sweep() == [] and identity(spec) in brought.store


def test_a_run_file_is_kept_as_it_is_with_the_data_it_carries(brought, data):
    spec = tv.Descent(dataset=data)
    member = spec.dataset
    run = tv.Run(spec, {"losses": np.ones((1, 1)), **member.in_run()}, {})
    key = brought.bring_run(run.to_bytes(), run)
    assert brought.run(key).content == run.content and brought.has(DATA, member.content_hash)
    assert run.id not in brought.store, "what somebody brings is nobody's answer to a question"
    brought.delete(RUN, key)
    assert brought.run(key) is None and not brought.has(DATA, member.content_hash)


def test_a_surface_is_brought_for_the_labs(brought):
    run = dataclasses.replace(tv.load_preset("mueller-brown"))
    surface = run.surface
    member = own_slice(surface)
    brought.bring(member, "a slice")
    OwnSlice.shelf.forget()
    assert brought.lend(tv.SecondLaw(landscape=OwnSlice(member.content_hash)))
    assert brought.has(SLICE, member.content_hash) and as_spec(surface) == member


def test_what_does_not_fit_is_not_taken(tmp_path, data):
    with pytest.raises(NotKept, match="come back later"):
        Brought(Store(tmp_path), most=1000).bring(own_data(data), "")


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "a" * 63, "A" * 64, "0" * 64 + "/..", None])
def test_only_hashes_name_anything(brought, key):
    for ask in (brought.has, brought.about, brought.delete):
        with pytest.raises(BadInput, match="64 hex digits"):
            ask(DATA, key)


def test_a_file_that_was_altered_is_not_believed(brought, data, tmp_path):
    member = own_data(data)
    brought.bring(member, "")
    OwnData.shelf.forget()
    path = next((tmp_path / "brought").iterdir())
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert not brought.lend(tv.Descent(dataset=OwnData(member.content_hash)))


def test_the_engine_forgets_what_it_showed(tmp_path, data):
    engine = Engine(tmp_path, workers=1)
    try:
        spec = tv.Descent(dataset=data)
        engine.brought.bring(spec.dataset, "")
        engine.store.put(computed(spec))
        assert engine.result(identity(spec)) is not None
        engine.delete(DATA, spec.dataset.content_hash)
        assert engine.result(identity(spec)) is None
    finally:
        engine.close()
