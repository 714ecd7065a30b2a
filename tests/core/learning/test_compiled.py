"""The compiled kernels by themselves: matrix tiles against numpy, activations against scipy, threads against none."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from scipy.special import expit, ndtr

from thermoviz.core.kernels_options import EntryCompiler
from thermoviz.core.learning.compiled import ACTIVATIONS
from thermoviz.core.learning.data import Dataset
from thermoviz.core.learning.kernels import activations, tiles, units
from thermoviz.core.learning.kernels.activations import GELU, LINEAR, RELU, SIGMOID, TANH
from thermoviz.core.learning.networks import MLP, NetworkLoss


def for_python(part):
    """A part of kernels as a function that Python may call."""
    return numba.njit(pipeline_class=EntryCompiler)(lambda *arguments: part(*arguments))


product, add_outer = for_python(tiles.product), for_python(tiles.add_outer)
product_on, transpose = for_python(units.product_on), for_python(units.transpose)
activate, multiply_by_slope = for_python(activations.activate), for_python(activations.multiply_by_slope)
# (fan_in, fan_out): one, odd, even, around the tiles of 8, 4 and 2, and the largest layer.
SHAPES = [(1, 1), (3, 2), (5, 7), (8, 8), (13, 16), (33, 31), (65, 10), (129, 128)]


@pytest.mark.parametrize("dtype, unit", [(np.float32, 2.0**-24), (np.float64, 2.0**-53)])
@pytest.mark.parametrize("width, ld", [(32, 32), (32, 96), (96, 96), (128, 256)])
def test_products_are_those_of_numpy(dtype, unit, width, ld):
    """Rounding of a sum of K products: at most (K + 1) u sum |a b| each (Higham 2002, section 3.1)."""
    random = np.random.default_rng(0)
    for K, M in SHAPES:
        A, B = random.normal(size=(K, M)).astype(dtype), random.normal(size=(K, ld)).astype(dtype)
        C = np.full((M, ld), 7, dtype)
        product(C.ravel(), 0, A.ravel(), 0, 1, M, B.ravel(), 0, ld, M, K, width)
        exact, bound = A.T.astype(float) @ B, (K + 1) * unit * (np.abs(A).T.astype(float) @ np.abs(B))
        assert (np.abs(C - exact) <= bound)[:, :width].all() and (C[:, width:] == 7).all()
        D = np.zeros((K, ld), dtype)
        product(D.ravel(), 0, A.ravel(), 0, M, 1, C.ravel(), 0, ld, K, M, width)
        exact, bound = A.astype(float) @ C, (M + 1) * unit * (np.abs(A).astype(float) @ np.abs(C))
        assert (np.abs(D - exact) <= bound)[:, :width].all()
        G = np.ones((K, M), dtype)
        add_outer(G.ravel(), 0, B.ravel(), 0, C.ravel(), ld, K, M, width)
        left, right = B[:, :width].astype(float), C[:, :width].T.astype(float)
        assert (np.abs(G - 1 - left @ right) <= (width + 2) * unit * (1 + np.abs(left) @ np.abs(right))).all()


@pytest.mark.parametrize("dtype, unit", [(np.float32, 2.0**-24), (np.float64, 2.0**-53)])
def test_products_along_the_units_are_those_of_numpy(dtype, unit):
    """The same bound, for one sample and more; rows of S, A as it is and turned."""
    random = np.random.default_rng(0)
    for rows, columns, K in [(1, 8, 1), (2, 16, 5), (3, 24, 2), (4, 32, 33), (13, 40, 8), (33, 72, 129), (9, 64, 3)]:
        A, B = random.normal(size=(rows, K)).astype(dtype), random.normal(size=(K, columns)).astype(dtype)
        S, C = random.normal(size=columns).astype(dtype), np.full((rows, columns + 8), 7, dtype)
        exact, bound = S + A.astype(float) @ B, (K + 2) * unit * (np.abs(S) + np.abs(A).astype(float) @ np.abs(B))
        for flat, row, step in ((A.ravel(), K, 1), (A.T.ravel(), 1, rows)):
            product_on(C.ravel(), 0, columns + 8, S, 0, 0, flat, 0, row, step, B.ravel(), 0, columns, rows, columns, K)
            assert (np.abs(C[:, :columns] - exact) <= bound).all() and (C[:, columns:] == 7).all()
    matrix, turned = random.normal(size=(16, 40)).astype(dtype), np.zeros((40, 16), dtype)
    transpose(matrix.ravel(), 0, 40, turned.ravel(), 0, 16, 16, 40)
    np.testing.assert_array_equal(turned, matrix.T)


def curve(kind, z):
    """Exact activation and derivative."""
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return {LINEAR: (z, np.ones_like(z)), TANH: (np.tanh(z), 1 - np.tanh(z) ** 2),
            RELU: (np.maximum(z, 0), (z > 0).astype(float)), GELU: (z * ndtr(z), ndtr(z) + z * density),
            SIGMOID: (expit(z), expit(z) * expit(-z))}[kind]


@pytest.mark.parametrize("kind", range(5), ids=ACTIVATIONS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 3e-7), (np.float64, 1e-15)])
def test_activations_and_their_slopes(kind, dtype, tolerance):
    """Stated error: 3e-7 of max(1, |activation|) in single precision, the C library's in double; slopes 6 x that."""
    z = np.concatenate([np.linspace(-12, 12, 20011), np.geomspace(1e-12, 1e4, 2000), -np.geomspace(1e-12, 1e4, 2000)])
    z = z.astype(dtype)
    h, slope, g = z.copy(), np.zeros_like(z), np.ones_like(z)
    activate(kind, h, slope, True)
    multiply_by_slope(kind, g, h, slope)
    value, derivative = curve(kind, z.astype(float))
    assert (np.abs(h - value) <= tolerance * np.maximum(1, np.abs(value))).all()
    assert np.abs(g - derivative).max() <= 6 * tolerance
    again = z.copy()
    activate(kind, again, slope, False)
    assert np.array_equal(again, h)


@pytest.mark.parametrize("kind", range(5), ids=ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_pass_nan_on(kind, dtype):
    h = np.full(40, np.nan, dtype)
    activate(kind, h, h.copy(), True)
    assert np.isnan(h).all()


def test_python_cannot_call_a_part_of_kernels():
    """It has no machine code of its own: numba would jump to nowhere, also once it is compiled."""
    h = np.zeros(32, np.float32)
    activate(TANH, h, h.copy(), True)
    with pytest.raises(TypeError, match="part of compiled code"):
        activations.activate(TANH, h, h.copy(), True)


def test_threads_change_no_bit(setting):
    random = np.random.default_rng(0)
    loss = NetworkLoss(MLP((32, 32)), Dataset(random.normal(size=(500, 2)), np.arange(500) % 2))
    theta = loss.init(70)
    indices = random.integers(0, 500, (70, 64))
    results = []
    for threads in ("1", "2", "3"):
        setting(threads=threads)
        results.append((*loss.value_and_force(theta), *loss.minibatch(indices).value_and_force(theta)))
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"},
                                      {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}],
                         ids=["256 bits", "128 bits"])
def test_narrower_processors_get_the_same_numbers(settings):
    """The vectors of the tiles follow the processor; energies and forces differ by rounding only."""
    code = ("import numpy as np; from thermoviz.core.learning.data import Dataset;"
            "from thermoviz.core.learning.networks import *;"
            "x = np.random.default_rng(0).normal(size=(70, 3)); y = np.arange(70) % 3;"
            "loss = NetworkLoss(MLP((13, 6)), Dataset(x, y)); theta = loss.init(2);"
            "e, f = loss.value_and_force(theta); print(*e, *f.ravel())")
    answers = [np.array(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True,
                                       env=os.environ | extra).stdout.split(), float)
               for extra in ({}, settings)]
    assert np.abs(answers[0] - answers[1]).max() < 1e-6


def test_no_writable_folder_is_no_error():
    """Numba then refuses to cache; the kernels compile without."""
    code = ("import numba\n"
            "numba.config.CACHE_LOCATOR_CLASSES = 'IPythonCacheLocator'\n"  # which is for notebooks alone
            "from thermoviz.core.kernels_options import ENTRY\n"
            "import thermoviz.core.learning.kernels.networks\n"
            "assert ENTRY['cache'] is False")
    subprocess.run([sys.executable, "-c", code], check=True)
