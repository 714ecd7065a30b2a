"""Estimators: known answers, and a standard error that is one."""

import math
import pickle

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.statistics import estimators


def ar1(phi: float, m: int, n: int, seed: int = 0) -> np.ndarray:
    """Stationary AR(1) chains [m, n] of variance 1: tau = (1 + phi) / (1 - phi)."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((m, n)) * np.sqrt(1 - phi**2)
    noise[:, 0] = rng.standard_normal(m)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, -0.4])
def test_correlation_time_of_an_autoregressive_chain(phi):
    tau = tv.autocorrelation_time(ar1(phi, 1, 200_000)[0])
    assert abs(tau - (1 + phi) / (1 - phi)) < 4 * tau.stderr
    many = tv.autocorrelation_time(ar1(phi, 20, 10_000))
    assert abs(many - (1 + phi) / (1 - phi)) < 4 * many.stderr


def test_correlation_times_error_is_the_scatter_over_repetitions():
    taus = [tv.autocorrelation_time(chain) for chain in ar1(0.8, 60, 20_000)]
    scatter = np.std(taus, ddof=1)
    stated = np.mean([tau.stderr for tau in taus])
    # The scatter of 60 values is known to 1/sqrt(2 * 59) = 9 %: four of those.
    assert abs(scatter / stated - 1) < 4 / np.sqrt(2 * 59)


def test_correlation_time_of_many_short_replicas_is_not_shortened():
    """20 samples each, tau = 3: sums divided by n instead of n - t would lose 2 sum t rho_t / n = 0.2 of it."""
    tau = tv.autocorrelation_time(ar1(0.5, 20_000, 20))
    assert abs(tau - 3) < 3 * tau.stderr < 0.2


def test_alternating_and_oscillating_series_have_a_positive_correlation_time():
    alternating = tv.autocorrelation_time(ar1(-0.8, 1, 100_000)[0])
    assert abs(alternating - 0.2 / 1.8) < 4 * alternating.stderr
    # AR(2) with roots r e^(+-i w): variance of the mean over variance, from the closed form of its autocovariance.
    from scipy.signal import lfilter

    r, w = 0.9, 0.5
    a1, a2 = 2 * r * np.cos(w), -r * r
    x = lfilter([1.0], [1.0, -a1, -a2], np.random.default_rng(4).standard_normal(201_000))[1000:]
    variance = (1 - a2) / ((1 + a2) * ((1 - a2) ** 2 - a1**2))
    exact = 1 / (1 - a1 - a2) ** 2 / variance
    got = tv.autocorrelation_time(x)
    assert abs(got - exact) < 4 * got.stderr


def test_effective_sample_size_and_the_error_of_a_mean():
    chains = ar1(0.9, 200, 5000)
    ess = tv.effective_sample_size(chains)
    assert abs(ess - chains.size / 19) < 4 * ess.stderr
    pulls = [m.value / m.stderr for m in map(estimators.mean, ar1(0.9, 200, 5000, seed=1))]
    # Pulls have variance 1; that of 200 is known to sqrt(2/199), and each error to a few percent more.
    assert abs(np.var(pulls) - 1) < 4 * np.sqrt(2 / 199) + 0.05
    assert abs(np.mean(pulls)) < 4 / np.sqrt(200)
    assert estimators.mean(chains).stderr == pytest.approx(chains.mean(axis=1).std(ddof=1) / np.sqrt(200))


def test_ergodicity_metric_falls_as_theory_says_or_stays():
    chains = ar1(0.8, 400, 4000)
    omega = tv.ergodicity_metric(chains)
    assert omega.shape == (4000,)
    # A variance over m replicas scatters by sqrt(2/m); tau / t is exact up to the end effect 2 phi / ((1-phi)^2 t^2).
    theory = 9 / 4000 - 2 * 0.8 / 0.2**2 / 4000**2
    assert abs(omega[-1] / theory - 1) < 4 * np.sqrt(2 / 400)
    apart = chains + np.repeat([-1.0, 1.0], 200)[:, None]
    assert abs(tv.ergodicity_metric(apart)[-1] - 1 - theory) < 4 * np.sqrt(2 * theory**2 / 400 + 4 * theory / 400)


def test_jackknife_of_a_mean_is_the_usual_error_and_ratios_have_theirs():
    rng = np.random.default_rng(1)
    a = rng.standard_normal(40)
    assert estimators.jackknife(lambda x: x.mean(), a).stderr == pytest.approx(a.std(ddof=1) / np.sqrt(40))
    ratios = [estimators.ratio_of_means(3 + rng.standard_normal(50), 2 + 0.5 * rng.standard_normal(50))
              for _ in range(300)]
    pulls = np.array([(r - 1.5) / r.stderr for r in ratios])
    assert abs(pulls.mean()) < 4 / np.sqrt(300) + 0.05 and abs(pulls.var() - 1) < 4 * np.sqrt(2 / 299) + 0.05


def test_ergodic_reference_is_the_metric_of_ergodic_replicas_at_every_length():
    chains = ar1(0.8, 400, 4000)
    reference, omega = estimators.ergodic_reference(chains), tv.ergodicity_metric(chains)
    at = np.array([1, 3, 10, 30, 100, 1000, 4000]) - 1
    # Independent replicas: each variance of 400 scatters by sqrt(2/400); the reference itself knows tau to 3 %.
    assert np.abs(omega[at] / reference[at] - 1).max() < 4 * np.sqrt(2 / 400) + 4 * 0.03
    apart = chains + np.repeat([-1.0, 1.0], 200)[:, None]
    assert tv.ergodicity_metric(apart)[-1] > 100 * reference[-1]


def test_estimates_are_numbers_that_travel():
    estimate = tv.Estimate(2.0, 0.1)
    assert estimate + 1 == 3 and estimate.value == 2 and "+-" in repr(estimate)
    copy = pickle.loads(pickle.dumps(estimate))
    assert copy == estimate and copy.stderr == 0.1
    bound = pickle.loads(pickle.dumps(tv.Bound(-3.0, 0.2, "<=")))
    assert isinstance(bound, tv.Estimate) and (bound.value, bound.stderr, bound.side) == (-3.0, 0.2, "<=")
    assert "<= -3" in repr(bound)


@pytest.mark.parametrize("attempt, error", [
    (lambda: tv.autocorrelation_time(ar1(0.99, 1, 500)[0]), tv.TooFewSamples),
    (lambda: tv.autocorrelation_time(np.ones(100)), tv.BadInput),
    (lambda: tv.autocorrelation_time([1.0, np.nan, 2.0]), tv.BadInput),
    (lambda: tv.autocorrelation_time([]), tv.BadInput),
    (lambda: tv.ergodicity_metric(np.zeros((1, 5))), tv.TooFewSamples),
    (lambda: estimators.independent_mean([1.0, 2.0]), tv.TooFewSamples),
    (lambda: estimators.jackknife(np.mean, [1.0] * 5, [1.0] * 4), tv.BadInput),
])
def test_refusals_are_one_sentence(attempt, error):
    with pytest.raises(error) as caught:
        attempt()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_rarity_of_standard_errors_from_few_samples():
    """Against 40,000 groups of 5 normal numbers, counted; and the normal law for many."""
    groups = np.random.default_rng(3).standard_normal((40_000, 5))
    t = groups.mean(axis=1) / (groups.std(axis=1, ddof=1) / math.sqrt(5))
    beyond, p = (np.abs(t) > estimators.rare(5, 2.0)).mean(), 0.0455
    assert abs(beyond - p) < 4 * math.sqrt(p * (1 - p) / len(t))
    assert estimators.rare(10**6) == pytest.approx(3, abs=1e-4) and estimators.rare(1) == math.inf


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 9, 16, 101, 10_001])
@pytest.mark.parametrize("sigmas", [1.0, 3.0, 5.0])
def test_students_law_in_finite_sums_is_that_of_another_library(n, sigmas):
    from scipy import special

    known = -special.stdtrit(n - 1, special.ndtr(-sigmas))
    assert estimators.rare(n, sigmas) == pytest.approx(known, rel=1e-8)  # 1 - a probability, of rounding 1e-16 / 6e-7
