"""Entropy from nearest neighbours: extrapolation, and the constants of its noise."""

import numpy as np
import pytest

from thermoviz.core.statistics.nearest_neighbours import extrapolation


@pytest.mark.parametrize("n", [50, 72, 1000])
def test_the_extrapolation_takes_a_root_of_k_away(n):
    weights = extrapolation(n)
    roots = np.sqrt(np.arange(1, len(weights) + 1))
    assert len(weights) == min(12, n // 6) and weights.sum() == pytest.approx(1)
    assert weights @ roots == pytest.approx(0, abs=1e-12)
    assert extrapolation(35).tolist() == [1]


def test_the_constants_of_the_shared_noise():
    """n Var of the entropy of uniform balls on a torus, of 400 clouds, whose own error is 7 %."""
    from scipy.spatial import cKDTree

    from thermoviz.core.statistics.nearest_neighbours import SHARED_FITTED, SHARED_ONE

    rng, n = np.random.default_rng(0), 1000
    logs = np.array([2 * np.log(cKDTree(x, boxsize=1).query(x, k=np.arange(2, 14))[0])
                     for x in (rng.random((n, 2)) for _ in range(400))])
    for fit, shared in ((extrapolation(6), SHARED_ONE), (extrapolation(n), SHARED_FITTED / 12)):
        terms = logs[:, :, :len(fit)] @ fit
        stated = terms.var(axis=1).mean() + shared
        assert n * terms.mean(axis=1).var() == pytest.approx(stated, rel=4 * np.sqrt(2 / 400))
