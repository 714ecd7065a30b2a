"""The store under many writers, without its index, without room, and as an object storage."""

import errno
import multiprocessing
import os
import sqlite3
import time
from contextlib import closing

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import NotKept
from thermoviz.engine import index as indices
from thermoviz.engine.index import Index
from thermoviz.engine.places import Entry
from thermoviz.engine.store import Store
from thermoviz.runs.run import Run

SIDE = 41


def a_run(seed: int, side: int = SIDE) -> Run:
    axis = np.linspace(0, 1, side)
    return Run(tv.Potential(seed=seed), {"xs": axis, "ys": axis, "U": np.outer(axis, axis)})


SIZE = len(a_run(0).to_bytes())


@pytest.fixture(autouse=True)
def own_machine(tmp_path, monkeypatch):
    """A temporary folder of this test's own, where the index lies."""
    (tmp_path / "machine").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "machine"))
    return tmp_path / "machine"


@pytest.fixture
def another_machine(tmp_path, monkeypatch):
    """Makes stores as another machine would: on the same folder, with an index of its own."""
    def made(*arguments, **settings):
        with monkeypatch.context() as here:
            (tmp_path / "other").mkdir(exist_ok=True)
            here.setattr("tempfile.tempdir", str(tmp_path / "other"))
            return Store(*arguments, **settings)
    return made


def bytes_in(store: Store) -> int:
    """Bytes that lay there at one moment: of what two lists one after the other both have. A single list holds files
    that were never there together, where others write meanwhile."""
    return sum(entry.size for entry in set(store.place.listing()) & set(store.place.listing()))


def kept(store: Store, seeds) -> list[bool]:
    return [a_run(seed).id in store for seed in seeds]


def write_many(folder, limit, seeds):
    store = Store(folder, limit=limit)
    for seed in seeds:
        store.put(a_run(seed))
        store.get(a_run(seed // 2).id)


def crowd(folder, limit, writers, writes) -> int:
    """Lets `writers` processes write and read; the most bytes that lay in the folder meanwhile."""
    context, store, most = multiprocessing.get_context("fork"), Store(folder, limit=limit), 0
    each = writes // writers
    processes = [context.Process(target=write_many, args=(folder, limit, range(k * each, (k + 1) * each)))
                 for k in range(writers)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        most = max(most, bytes_in(store))
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return most


@pytest.mark.parametrize("writes", [320, pytest.param(10_000, marks=pytest.mark.slow)])
def test_eight_writers_never_pass_the_limit_and_tear_nothing(tmp_path, writes):
    limit = 20 * SIZE
    most = crowd(tmp_path / "store", limit, 8, writes)
    store = Store(tmp_path / "store", limit=limit)
    assert 0.5 * limit < most <= 1.1 * limit
    left = [entry.name.partition(".")[0] for entry in store.place.listing()]
    assert len(left) > 10 and all(store.get(id) is not None for id in left)
    assert store.index.total() == bytes_in(store) and not list(store.runs.glob(".*"))


def test_the_order_of_use_decides_who_goes_also_where_the_clock_goes_back(tmp_path, monkeypatch):
    store = Store(tmp_path, limit=int(3.5 * SIZE))
    hour = iter(range(10**6, 0, -3600))
    monkeypatch.setattr(time, "time", lambda: float(next(hour)))
    for seed in (0, 1, 2):
        store.put(a_run(seed))
    assert store.get(a_run(0).id) is not None
    store.put(a_run(3))
    assert kept(store, range(4)) == [True, False, True, True]


def test_an_index_that_another_process_has_only_begun_is_finished(tmp_path):
    """It is in its journal mode, and has no tables yet."""
    store = Store(tmp_path)
    store.index.path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(store.index.path)) as begun:
        begun.execute("PRAGMA journal_mode = WAL")
        store.put(a_run(0))
        assert store.index.total() == SIZE


def test_what_goes_while_files_are_listed_is_not_counted(tmp_path):
    """A comparison lists the files, and another process removes one before the list is taken up."""
    store = Store(tmp_path, limit=100 * SIZE)
    for seed in range(4):
        store.put(a_run(seed))
    listing = store.place.listing

    def and_then_one_goes():
        found = list(listing())
        store._remove(found[0].name)
        return found

    Index(store.address, and_then_one_goes).compare()
    assert store.index.total() == bytes_in(store) == 3 * SIZE
    for seed in range(4):  # and it may be written again
        store.put(a_run(seed))
    assert store.index.total() == bytes_in(store) == 4 * SIZE


def test_a_run_written_again_counts_once(tmp_path):
    store = Store(tmp_path, limit=int(2.5 * SIZE))
    for _again in range(4):
        store.put(a_run(0))
    store.put(a_run(1))
    assert kept(store, (0, 1)) == [True, True] and store.index.total() == bytes_in(store) == 2 * SIZE


def test_one_that_is_larger_than_the_limit_stands_alone(tmp_path):
    store = Store(tmp_path, limit=SIZE // 2)
    for seed in (0, 1):
        store.put(a_run(seed))
    assert kept(store, (0, 1)) == [False, True]


# Several machines


def test_two_machines_on_one_folder_stay_within_the_limit_and_respect_what_the_other_uses(tmp_path, another_machine):
    limit = 40 * SIZE
    here, there = Store(tmp_path / "store", limit=limit), another_machine(tmp_path / "store", limit=limit)
    assert here.index.path != there.index.path
    most = 0
    for seed in range(120):
        (here, there)[seed % 2].put(a_run(seed))
        most = max(most, bytes_in(here))
    assert most <= 1.1 * limit
    assert all(store.get(a_run(seed).id) is not None for seed in (118, 119) for store in (here, there))


def test_what_another_machine_used_goes_later(tmp_path, another_machine):
    here, there = Store(tmp_path / "store", limit=int(3.5 * SIZE)), another_machine(tmp_path / "store")
    for seed in (0, 1, 2):
        here.put(a_run(seed))
        os.utime(here.path(a_run(seed).id), (seed, seed))
    here.index.path.unlink()
    here.index.compare()
    there.get(a_run(0).id)
    here.index.compare()
    here.put(a_run(3))
    assert kept(here, range(4)) == [True, False, True, True]


# The index may be lost


@pytest.mark.parametrize("harm", ["lost", "garbage", "torn"])
def test_a_lost_or_damaged_index_is_made_anew_from_the_files(tmp_path, harm):
    store = Store(tmp_path, limit=int(3.5 * SIZE))
    for seed in (0, 1, 2):
        store.put(a_run(seed))
        os.utime(store.path(a_run(seed).id), (seed, seed))
    for ending in ("-wal", "-shm"):
        (store.index.path.parent / f"{store.index.path.name}{ending}").unlink(missing_ok=True)
    if harm == "lost":
        store.index.path.unlink()
    elif harm == "garbage":
        store.index.path.write_bytes(b"\x07" * 20_000)
    else:
        contents = bytearray(store.index.path.read_bytes())
        contents[len(contents) // 3:] = b"\xff" * (len(contents) - len(contents) // 3)
        store.index.path.write_bytes(contents)
    store.put(a_run(3))
    assert kept(store, range(4)) == [False, True, True, True]
    assert store.index.total() == bytes_in(store)


def test_a_locked_index_holds_nobody_up(tmp_path, monkeypatch, caplog):
    store = Store(tmp_path, limit=int(1.5 * SIZE))
    store.index.compare()
    monkeypatch.setattr(indices, "PATIENCE_MS", 1)
    monkeypatch.setattr("thermoviz.engine.store.INDEX_RESTS_SECONDS", 0.0)
    with closing(sqlite3.connect(store.index.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for seed in (0, 1):
            store.put(a_run(seed))
            assert store.get(a_run(seed).id) is not None
        other.execute("ROLLBACK")
    assert "locked" in caplog.text
    store.index.compare()
    store.put(a_run(2))
    assert kept(store, range(3)) == [False, False, True], "what was written meanwhile is found, and counts"


def test_an_index_that_did_not_answer_is_left_alone_for_a_while(tmp_path, monkeypatch, caplog):
    """Else each of the questions that a run asks would wait as long as the first."""
    store = Store(tmp_path)
    store.index.compare()
    monkeypatch.setattr(indices, "PATIENCE_MS", 1)
    with closing(sqlite3.connect(store.index.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        store.put(a_run(0))
        assert store.get(a_run(0).id) is not None
    assert len(caplog.records) == 1 and "locked" in caplog.text


def test_a_writer_that_died_gives_its_room_back(tmp_path, monkeypatch):
    index = Index("somewhere", lambda: [], tmp_path)
    assert index.take_room("a", 10, 100, None) == []
    index.compare()
    assert index.total() == 10, "it may still be writing"
    monkeypatch.setattr(indices, "LOST_AFTER", -1.0)
    index.compare()
    assert index.total() == 0


def test_a_file_that_appears_while_files_are_listed_is_not_dropped(tmp_path):
    index = Index("somewhere", lambda: [], tmp_path)

    def meanwhile():
        assert index.take_room("new", 10, 100, None) == []
        index.written("new")
        return [Entry("old", 5, 1.0)]

    index._listing = meanwhile
    index.compare()
    assert index.names() == ["new", "old"] or index.names() == ["old", "new"]


# No room, and other trouble


def test_the_least_used_make_room_on_the_disk_and_only_where_that_is_enough(tmp_path, monkeypatch):
    store = Store(tmp_path, floor=10 * SIZE)
    for seed in range(3):
        store.put(a_run(seed))
    monkeypatch.setattr(store.place, "free", lambda: int(9.5 * SIZE))  # half a run short, and one is to come
    store.put(a_run(3))
    assert kept(store, range(4)) == [False, False, True, True]
    monkeypatch.setattr(store.place, "free", lambda: SIZE)
    with pytest.raises(NotKept, match="could not be kept in the store .*: only 0 MB are free there"):
        store.put(a_run(4))
    assert kept(store, range(5)) == [False, False, True, True, False]


def test_a_disk_that_is_full_loses_no_finished_run(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.put(a_run(0))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(NotKept, match="No space left on device"):
            store.put(a_run(1))
    assert kept(store, (0, 1)) == [True, False] and store.index.total() == bytes_in(store) == SIZE
    assert not list(store.runs.glob(".*"))
    store.put(a_run(1))
    assert store.get(a_run(1).id) is not None


def test_what_finds_no_room_is_held_and_written_as_soon_as_there_is(tmp_path, monkeypatch):
    store = Store(tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(type(store.place), "free", lambda self: 0)
        for seed in (0, 1):
            store.hold(a_run(seed).id, a_run(seed).to_bytes())
        assert kept(store, (0, 1)) == [True, True] and not list(store.runs.glob("*.safetensors"))
        assert store.get(a_run(1).id).arrays.keys() == a_run(1).arrays.keys()
    store.hold(a_run(2).id, a_run(2).to_bytes())
    assert kept(Store(tmp_path), (0, 1, 2)) == [True, True, True]


def test_what_is_held_is_bounded(tmp_path, monkeypatch):
    store = Store(tmp_path)
    monkeypatch.setattr(type(store.place), "free", lambda self: 0)
    monkeypatch.setattr("thermoviz.engine.store.MOST_HELD", 2 * SIZE)
    for seed in range(4):
        store.hold(a_run(seed).id, a_run(seed).to_bytes())
    assert kept(store, range(4)) == [False, False, True, True]


def test_a_file_that_cannot_be_read_just_now_is_not_thrown_away(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.put(a_run(0))

    def away(_):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(store.place, "read", away)
        assert store.get(a_run(0).id) is None
    assert store.get(a_run(0).id) is not None


@pytest.mark.parametrize("k", range(20))
def test_truncated_and_flipped_files_are_never_served(tmp_path, k):
    store, run, rng = Store(tmp_path), a_run(0), np.random.default_rng(k)
    store.put(run)
    contents = bytearray(store.path(run.id).read_bytes())
    if k % 2:
        del contents[int(rng.integers(len(contents))):]
    else:
        contents[int(rng.integers(len(contents)))] ^= 1 << int(rng.integers(8))
    store.path(run.id).write_bytes(contents)
    assert store.get(run.id) is None and run.id not in store
    store.put(run)
    assert store.get(run.id).content == run.content


# Object storage


def object_storage(address: str) -> None:
    store, other = Store(address, limit=int(3.5 * SIZE)), Store(address)
    assert store.get(a_run(0).id) is None and a_run(0).id not in store
    for seed in (0, 1, 2):
        store.put(a_run(seed))
    assert other.get(a_run(0).id).content == a_run(0).content
    store.put(a_run(3))
    assert kept(other, range(4)) == [True, False, True, True]
    name = f"{a_run(3).id}.safetensors"
    store.place.write(name, store.place.read(name)[:-1] + b"\x07")
    assert store.get(a_run(3).id) is None and a_run(3).id not in other
    store.index.path.unlink()
    other.index.compare()
    assert other.index.total() == 2 * SIZE


def test_an_object_storage_behind_the_same_interface(tmp_path, setting):
    setting(store="memory://here/runs")
    object_storage("memory://here/runs")
    assert Store().address == "memory://here/runs" and Store().jobs.is_dir()


def test_an_unknown_kind_of_storage_is_refused():
    with pytest.raises(tv.BadInput, match="the store nowhere://runs cannot be opened: .*nowhere"):
        Store("nowhere://runs")


def test_a_server_of_the_s3_protocol(setting, monkeypatch):
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b",
                            "DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        s3fs.S3FileSystem().mkdir("class")
        setting(store="s3://class/runs")
        object_storage("s3://class/runs")
    finally:
        server.stop()
