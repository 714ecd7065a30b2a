"""Partial runs travel as what is new of them: written once, read once, never wrong."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.engine.scratch import Scratch, Shown, Told
from thermoviz.runs.run import Run

SPEC = tv.Potential(resolution=9)


@pytest.fixture
def scratch(tmp_path):
    return Scratch.new(tmp_path, "0" * 16)


def kept(scratch):
    return sorted(path.name for path in scratch.folder.glob("*.npy"))


def frozen(array):
    array.flags.writeable = False
    return array


def test_what_is_read_is_what_was_shown(scratch):
    run = Run(SPEC, {"a": np.arange(3.0), "b": np.zeros((0, 2), np.int8), "c": np.float32([[1, np.nan]])}, {"T": 0.1})
    assert scratch.shown(SPEC, {}) is None
    Shown(scratch).show(run)
    found, _ = scratch.shown(SPEC, {})
    assert found.numbers == run.numbers and found.id == run.id
    assert all(found.arrays[name].tobytes() == run.arrays[name].tobytes() and found.arrays[name].dtype
               == run.arrays[name].dtype and found.arrays[name].shape == run.arrays[name].shape for name in "abc")


def test_what_has_not_changed_is_neither_written_nor_read_again(scratch, monkeypatch):
    shown, written, read = Shown(scratch), [], []
    put, load = Scratch.put, Scratch._array
    monkeypatch.setattr(Scratch, "put", lambda self, digest, array: (written.append(array.size), put(
        self, digest, array)))
    monkeypatch.setattr(Scratch, "_array", lambda self, digest: (read.append(digest), load(self, digest))[1])
    same, known = np.arange(1000.0), {}
    for k in range(3):
        shown.show(Run(SPEC, {"same": same, "more": np.arange(float(k + 1))}))
        _, known = scratch.shown(SPEC, known)
    assert written == [1000, 1, 2, 3] and len(read) == 4 and len(kept(scratch)) == 2


def test_an_array_that_cannot_change_is_not_even_hashed_again(scratch, monkeypatch):
    shown, same = Shown(scratch), frozen(np.arange(1000.0))
    shown.show(Run(SPEC, {"same": same}))
    monkeypatch.setattr("thermoviz.engine.scratch.hashlib.blake2b", lambda *_, **__: pytest.fail("hashed"))
    shown.show(Run(SPEC, {"same": same}))


def test_an_array_that_changed_in_place_is_sent_again(scratch):
    shown, row = Shown(scratch), np.zeros(4)
    for value in (1.0, 2.0):
        row[:] = value
        shown.show(Run(SPEC, {"row": row}))
        assert scratch.shown(SPEC, {})[0].arrays["row"].tolist() == [value] * 4
    assert len(kept(scratch)) == 1


def test_equal_arrays_share_a_file_until_the_last_of_them_goes(scratch):
    shown = Shown(scratch)
    shown.show(Run(SPEC, {"a": np.ones(3), "b": np.ones(3)}))
    shown.show(Run(SPEC, {"b": np.ones(3)}))
    assert len(kept(scratch)) == 1 and scratch.shown(SPEC, {})[0].arrays["b"].tolist() == [1, 1, 1]


def test_nothing_is_left_behind_and_other_attempts_are_untouched(scratch):
    other = Scratch.new(scratch.folder, "0" * 16)
    for one in (scratch, other):
        Shown(one).show(Run(SPEC, {"a": np.ones(3)}))
        one.tell(Told(0.5, "surface", 1))
    scratch.remove()
    assert scratch.shown(SPEC, {}) is None and other.shown(SPEC, {}) is not None
    assert all(path.name.startswith(other.name) for path in scratch.folder.iterdir())


def test_a_disk_without_room_costs_the_picture_and_no_run(scratch, monkeypatch):
    run, later = (Run(SPEC, {"a": np.arange(3.0) + k, "b": np.ones(2)}, {}) for k in range(2))
    shown = Shown(scratch)
    assert shown.show(run)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(np, "save", full)
        disk.setattr(type(scratch.folder), "write_text", full)
        disk.setattr(type(scratch.folder), "touch", full)
        assert not shown.show(later)
        scratch.tell(Told(0.5, "training", 2))
        scratch.cancel()
    assert scratch.told() == Told() and np.array_equal(scratch.shown(SPEC, {})[0].arrays["a"], run.arrays["a"])
    assert shown.show(later) and np.array_equal(scratch.shown(SPEC, {})[0].arrays["a"], later.arrays["a"])
