"""Minibatches are drawn as they are named, every set of samples alike."""

import itertools
import math

import numpy as np
import pytest
from made_energies import Samples

import thermoviz as tv
from thermoviz.core.dynamics.batches import DRAWS


def test_batches_are_drawn_as_named():
    energy, x0 = Samples(), np.zeros((3, 2))
    drawn = {}
    for batching in ("replacement", "fresh", "epochs"):
        energy.asked.clear()
        tv.simulate(energy, tv.SGD(0.1), x0, 400, batch_size=8, batching=batching)
        drawn[batching] = np.stack(energy.asked)
        counts = np.bincount(drawn[batching].ravel(), minlength=40)
        # Multinomial at most: 4 standard deviations of a count, the largest of 40.
        expected = 400 * 3 * 8 / 40
        assert np.abs(counts - expected).max() < 4.5 * np.sqrt(expected)
    repeats = {name: np.mean([len(set(b)) < 8 for b in a.reshape(-1, 8)]) for name, a in drawn.items()}
    none = np.prod(1 - np.arange(8) / 40)
    assert repeats["fresh"] == repeats["epochs"] == 0
    assert abs(repeats["replacement"] - (1 - none)) < 4 * np.sqrt(none * (1 - none) / 1200)
    epoch = drawn["epochs"].reshape(80, 5, 3, 8)
    for e, r in itertools.product(range(80), range(3)):
        assert sorted(epoch[e, :, r].ravel()) == list(range(40))
    assert (epoch[0, :, 0] != epoch[0, :, 1]).any() and (epoch[0] != epoch[1]).any()


@pytest.mark.parametrize("size", [1, 3, 8])
def test_fresh_batches_are_all_subsets_alike(size):
    """Every subset of `size` of 9 samples equally often, by Floyd's draws or by permutations."""
    draws = 20_000
    batches = np.sort(DRAWS["fresh"](np.random.default_rng(0), draws, size, 9)(1)[0], axis=1)
    counts = np.unique(batches, axis=0, return_counts=True)[1]
    subsets = math.comb(9, size)
    assert batches.shape == (draws, size) and len(counts) == subsets
    chi2 = ((counts - draws / subsets) ** 2 / (draws / subsets)).sum()
    assert abs(chi2 - (subsets - 1)) < 4 * np.sqrt(2 * (subsets - 1))


@pytest.mark.parametrize("samples", [7, 64, 1000])
def test_indices_do_not_depend_on_how_many_are_drawn_at_once(samples):
    draw, beside = (DRAWS["replacement"](np.random.default_rng(3), 5, 3, samples) for _ in range(2))
    together = draw(12)
    np.testing.assert_array_equal(np.concatenate([beside(steps) for steps in (1, 4, 7)]), together)
