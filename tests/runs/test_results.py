"""Typed results: written under a run's names, read back bit by bit, checked, and described from the same lines."""

import importlib
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import thermoviz.labs
from thermoviz.core.errors import BadInput
from thermoviz.core.statistics.estimators import Estimate
from thermoviz.runs import record, results
from thermoviz.runs.files import plain
from thermoviz.runs.results import Array, Measured, Number, Pair, Result

LABS = sorted(path.parent.name for path in Path(thermoviz.labs.__file__).parent.glob("*/results.py"))


class Kept(NamedTuple):
    arrays: dict
    numbers: dict


class Course(Result, within=("", "net")):
    """A course."""

    times: Annotated[np.ndarray, Array("T", "When", "time")]
    F: Annotated[Pair, Measured("T n", "Free energy", "energy", name="cloud_F")]
    rise: Annotated[Estimate, Number("Of the control", "T", name="control.rise")]
    found: Annotated[dict[str, Estimate | None], Number("By group", name="control.found")]
    none: Annotated[float | None, Number("Not measured")]
    places: Annotated[np.ndarray | None, Array("T n 2", "Where", dtype="float32")] = None
    note: Annotated[str | None, Number("A name")] = None


def course(**more):
    return Course(np.arange(3.0), Pair(np.ones((3, 2)), np.full((3, 2), 0.1)), Estimate(1.5, 0.5),
                  {"a": Estimate(2.0, np.nan), "b": None}, None, **more)


def kept(result, within=""):
    arrays, numbers = result.write(within)
    return Kept(arrays, plain(numbers))


def test_what_is_written_has_the_run_s_names_and_plain_numbers():
    arrays, numbers = kept(course(places=np.zeros((3, 2, 2))))
    assert list(arrays) == ["times", "cloud_F", "cloud_F_error", "places"] and arrays["places"].dtype == np.float32
    assert numbers == {"control": {"rise": [1.5, 0.5], "found": {"a": [2.0, None], "b": None}}, "none": None}


@pytest.mark.parametrize("within", ["", "net"])
def test_what_is_read_back_is_what_was_written(within):
    found = Course.read(kept(course(), within), within)
    assert np.array_equal(found.F.stderr, course().F.stderr) and np.array_equal(found.times, course().times)
    assert isinstance(found.rise, Estimate) and (found.rise.value, found.rise.stderr) == (1.5, 0.5)
    assert np.isnan(found.found["a"].stderr) and found.found["b"] is None and found.none is None
    assert found.places is None and found.note is None


@pytest.mark.parametrize("missing", ["times", "cloud_F", "cloud_F_error"])
def test_without_one_array_there_is_nothing_to_read(missing):
    whole = kept(course())
    del whole.arrays[missing]
    assert Course.read(whole) is None and missing in Course.needs()


def test_without_one_number_there_is_nothing_to_read():
    whole = kept(course())
    del whole.numbers["control"]["rise"]
    assert Course.read(whole) is None
    assert Course.needs("net") == ("net_times", "net_cloud_F", "net_cloud_F_error")


@pytest.mark.parametrize(("name", "shape", "words"), [
    ("times", (3, 1), "must have 1 axes"), ("cloud_F", (4, 2), "does not fit times"),
    ("cloud_F_error", (3, 3), "does not fit cloud_F"), ("places", (3, 2, 3), "does not fit places"),
    ("net_cloud_F", (2,), "must have 2 axes")])
def test_arrays_that_do_not_fit_are_refused_in_a_sentence(name, shape, words):
    whole = kept(course())
    with pytest.raises(BadInput, match=words):
        results.refuse_misfit((Course,), whole.arrays | {name: np.zeros(shape)})


def test_the_docstring_and_the_table_tell_the_schema():
    assert "F: Free energy, in energy [T, n]; `cloud_F, cloud_F_error`" in Course.__doc__
    assert "| `net_cloud_F`, `net_cloud_F_error` | [T, n] | energy | Free energy |" in results.table((Course,))


@pytest.mark.parametrize("lab", LABS)
def test_a_lab_says_each_thing_in_a_sentence(lab):
    kinds = results.results_of(f"thermoviz.labs.{lab}")
    assert kinds == results.results_in(importlib.import_module(f"thermoviz.labs.{lab}.results")) and kinds
    for kind in kinds:
        for entry in kind.schema:
            assert entry.kept.says[0].isupper() and len(entry.kept.says) > 3, (kind, entry.field)
            assert "|" not in entry.kept.says


def test_a_room_without_results_has_none_and_a_broken_one_says_so():
    assert results.results_of("no.such.room") == () and results.results_of("") == ()
    assert results.results_in(record) == record.KINDS
