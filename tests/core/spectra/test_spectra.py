"""Spectra by products with vectors, against matrices whose eigenvalues are known."""

import numpy as np
import pytest

from thermoviz.core.spectra import lanczos, traces

D = 1200


def rotated(values, seed=0):
    """A symmetric matrix with these eigenvalues in directions of chance."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    return (axes * values) @ axes.T


def bulk(top, seed=1):
    rng = np.random.default_rng(seed)
    return np.concatenate([top, rng.uniform(-0.2, 1.0, D - len(top))])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("top", [[50, 30, 20, 10, 5], [9, 9, 9, 4, 4], [3, 3, 3, 3, 3]], ids=str)
def test_leading_eigenvalues_lie_within_their_errors_multiple_ones_too(top, dtype):
    values = bulk(np.array(top, float))
    A = rotated(values).astype(dtype)
    found = lanczos.leading(lambda block: block @ A, D, 5, dtype)
    true = np.sort(values)[::-1][:5]
    assert (np.abs(found.values - true) <= found.residuals + 1e-5 * true).all()
    assert (found.residuals < 0.05 * true).all()


@pytest.mark.parametrize("d", [2, 7, 60])
def test_few_dimensions_are_asked_whole(d):
    values = np.arange(d) - 1.0
    found = lanczos.leading(lambda block: block * values, d, 10)
    np.testing.assert_allclose(found.values, values[::-1][:10], atol=1e-12)
    assert len(found.values) == min(10, d)


def test_traces_cover_the_truth_as_often_as_their_errors_say():
    """Of 60 independent runs of 24 probes each lie within one error 68 %, within three nearly all."""
    values = bulk(np.array([50.0, 20.0]))
    A = rotated(values)
    noise = np.abs(values) ** 1.5
    C = rotated(noise, seed=0) + 0.3 * rotated(np.random.default_rng(5).uniform(0, 1, D), seed=9)
    pairs = lanczos.leading(lambda block: block @ A, D, 2)
    true = {"A": values.sum(), "C": np.trace(C), "aligned": (A * C).sum() / np.sqrt((A**2).sum() * (C**2).sum()),
            "spread": np.trace(C) ** 2 / (C**2).sum()}
    ask = {"A": lambda a, aa, c, cc, ac: a, "C": lambda a, aa, c, cc, ac: c,
           "aligned": lambda a, aa, c, cc, ac: ac / np.sqrt(aa * cc), "spread": lambda a, aa, c, cc, ac: c * c / cc}
    off = {name: [] for name in true}
    for seed in range(60):
        found = traces.probed(lambda block: block @ A, lambda block: block @ C, pairs.vectors, 24, seed)
        for name, function in ask.items():
            one = found.estimate(function)
            off[name].append((one.value - true[name]) / one.stderr)
    for name, z in off.items():
        within, n = np.abs(z) < 1, len(z)
        assert abs(within.mean() - 0.68) < 3 * np.sqrt(0.68 * 0.32 / n), name
        assert np.abs(z).max() < 5, name


def test_density_has_the_moments_of_the_spectrum_within_its_errors():
    values = bulk(np.array([50.0, 20.0]))
    A = rotated(values)
    pairs = lanczos.leading(lambda block: block @ A, D, 2)
    off = []
    for seed in range(20):
        found = lanczos.quadrature(lambda block: block @ A, D, pairs.vectors, 8, 24, np.float64, seed)
        for power in (1, 2, 3):
            each = (found.weights * found.nodes**power).sum(axis=1)
            true = (np.sort(values)[::-1][2:] ** power).sum()
            error = max(each.std(ddof=1) / np.sqrt(8), 1e-9 * abs(true))
            off.append((each.mean() - true) / error)
    assert np.mean(np.abs(off) < 2) > 0.85 and np.abs(off).max() < 8
    assert abs(found.smallest - values.min()) < found.residual + 1e-9


def test_a_density_of_known_shape():
    """Eigenvalues spread evenly over [-.2, 1]: the density there is one over the length, within three errors."""
    values = np.linspace(-0.2, 1, D)
    found = lanczos.quadrature(lambda block: block * values, D, np.zeros((0, D)), 12, 40, np.float64)
    at = np.linspace(0, 0.8, 9)
    each = lanczos.broadened(at, found.nodes, found.weights / D, 0.04)
    exact = lanczos.broadened(at, values, np.full(D, 1 / D), 0.04)
    error = each.std(axis=0, ddof=1) / np.sqrt(len(each))
    assert (np.abs(each.mean(axis=0) - exact) < 4 * error + 0.01 * exact).all()


def test_a_run_that_spans_few_directions_ends_early():
    values = np.repeat([2.0, 5.0], D // 2)
    found = lanczos.quadrature(lambda block: block * values, D, np.zeros((0, D)), 4, 20, np.float64)
    assert np.allclose(found.weights.sum(axis=1), D)
    assert np.allclose((found.weights * found.nodes).sum(axis=1), values.sum())
