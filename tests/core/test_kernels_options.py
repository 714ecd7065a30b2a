"""What compiled code makes of loops, indices and rows is what Python makes of them."""

import numba
import numpy as np
import pytest

from thermoviz.core.kernels_options import EntryCompiler


def compiled(function, counts=False):
    """counts: whether arrays are counted, as where any is made."""
    return numba.njit(pipeline_class=EntryCompiler, _nrt=counts)(function)


@compiled
def counted(first, last, step, found):
    """How often each of five loops has been run through, and the sums of their numbers; ranges in ranges too."""
    for i in range(last):
        found[0] += 1 + 100 * i
    for i in range(first, last):
        found[1] += 1 + 100 * i
    for i in range(first, last, 3):
        found[2] += 1 + 100 * i
    for i in range(first, last, step):
        found[3] += 1 + 100 * i
    for i in range(last, first, -1):
        for _ in range(2):
            found[4] += 1 + 100 * i


@pytest.mark.parametrize("first", [-4, 0, 3])
@pytest.mark.parametrize("last", [-5, 0, 1, 3, 7, 12])
@pytest.mark.parametrize("step", [1, 2, 5])
def test_a_range_has_the_numbers_of_pythons(first, last, step):
    found, wanted = np.zeros((2, 5), np.int64)
    counted(first, last, step, found)
    counted.py_func(first, last, step, wanted)
    assert np.array_equal(found, wanted)


def taken(table, row, places, out):
    """Numbers by variable and by literal indices, from the front and the end; rows, and rows of rows."""
    for k in range(places.size):
        out[k] = table[row][1][places[k]] + table[row, 0, places[k]]
    out[-1] = table[-1][-1][-1] + table[0][1][-2] + out.size + table.shape[1]
    out[places.size] = table[row].size + table[row].shape[1] + table[row].shape[0]


@pytest.mark.parametrize("counts", [False, True])
def test_rows_and_numbers_are_those_that_python_finds(counts):
    table = np.random.default_rng(0).normal(size=(3, 2, 5)).astype(np.float32)
    places = np.array([4, 0, 2], np.int32)
    fast = compiled(taken, counts)
    for row in range(3):
        found, wanted = np.zeros((2, 6))
        fast(table, row, places, found)
        taken(table, row, places, wanted)
        assert found == pytest.approx(wanted, rel=1e-6)


def test_numbers_change_type_where_they_are_written():
    @compiled
    def written(values, to, kept):
        for k in range(values.size):
            to[k] = values[k] + 1
            kept[k] = values[k] > 1

    values, to, kept = np.array([0.5, 1.5, 2.5]), np.zeros(3, np.float32), np.zeros(3, bool)
    written(values, to, kept)
    assert to.tolist() == [1.5, 2.5, 3.5] and kept.tolist() == [False, True, True]
