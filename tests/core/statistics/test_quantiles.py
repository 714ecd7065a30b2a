"""Quantiles of the finite: numpy's own, row by row, are the other opinion."""

import numpy as np

from thermoviz.core.statistics.quantiles import finite_quantiles

SHARES = (0.0, 0.1, 0.25, 0.5, 0.9, 1.0)


def test_rows_with_and_without_gaps_agree_with_numpy_to_the_last_bit(recwarn):
    rng = np.random.default_rng(0)
    values = rng.standard_normal((200, 9)) * 10.0 ** rng.integers(-8, 8, (200, 1))
    values[rng.random(values.shape) < 0.4] = np.nan
    values[3] = np.nan
    values[4] = 0.1
    values[5, 2:] = [np.inf, -np.inf, np.nan, np.inf, np.nan, np.nan, np.nan]
    found = finite_quantiles(values, SHARES)
    assert not recwarn.list and np.isnan(found[:, 3]).all() and (found[:, 4] == 0.1).all()
    for row, quantiles in zip(values, found.T, strict=True):
        known = row[np.isfinite(row)]
        if known.size:
            np.testing.assert_array_equal(quantiles, np.quantile(known, SHARES))


def test_nothing_has_no_quantile():
    assert finite_quantiles(np.empty((0, 3)), SHARES).shape == (6, 0)
    assert np.isnan(finite_quantiles(np.empty((4, 0)), SHARES)).all()
