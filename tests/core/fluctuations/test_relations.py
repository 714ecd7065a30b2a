"""Fluctuation-dissipation relations of SGD, each in its own form, and their refusals."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.fluctuations.regression import epoch_law, regression_law
from thermoviz.core.fluctuations.relations import fluctuation_dissipation

SIGMAS = 4


def problem(n=60, inputs=3, seed=0, weight_decay=0.0):
    data = tv.load_dataset("linear_regression", n=n, inputs=inputs, noise=0.5, seed=seed, test_fraction=0.2)
    return tv.NetworkLoss(tv.MLP(()), data, weight_decay=weight_decay)


def measured(loss, lr, B, batching="replacement", momentum=0.0, steps=5000, every=10, seed=1):
    return fluctuation_dissipation(loss, tv.SGD(lr, momentum), loss.init(48, seed=seed), steps, B, batching, seed=seed,
                                   every=every)


@pytest.mark.parametrize(("loss", "lr", "B", "batching", "momentum"), [
    (problem(), 0.1, 4, "replacement", 0.0), (problem(), 0.1, 4, "fresh", 0.0),
    (problem(), 0.02, 4, "replacement", 0.9), (problem(100, 5, 3, 0.05), 0.1, 8, "fresh", 0.5),
    (problem(250, 2, 7), 0.3, 2, "replacement", 0.0)])
def test_both_relations_and_the_covariance_on_linear_regression(loss, lr, B, batching, momentum):
    found = measured(loss, lr, B, batching, momentum)
    for ratio in (found.fdr1, found.fdr2):
        assert abs(ratio - 1) < SIGMAS * ratio.stderr and ratio.stderr < 0.05
    law = regression_law(loss, lr, B, batching, momentum)
    assert (np.abs(found.covariance - law.covariance) < SIGMAS * found.covariance_stderr).all()
    assert found.diverged == 0 and (found.identity is None) == (momentum > 0)


def test_shuffled_epochs_stay_below_one_by_their_own_formula():
    loss = problem()
    law = regression_law(loss, 0.01, 6, "fresh")
    found = measured(loss, 0.01, 6, "epochs", steps=6000, every=1)
    exact = epoch_law(law.hessian, law.noise, 0.01, 6, loss.n_samples)
    assert exact.fdr1 < 0.1 and abs(found.fdr1 - exact.fdr1) < SIGMAS * found.fdr1.stderr
    assert abs(found.identity - 1) < 10 / 6000  # a sum that telescopes: only its two ends are left


def test_a_network_obeys_the_first_relation():
    """No quadratic loss: FDR1 still holds in the stationary state, about any centre."""
    loss = tv.NetworkLoss(tv.MLP((4,)), tv.load_dataset("moons", n=100, seed=0), weight_decay=0.05)
    found = measured(loss, 0.3, 8, steps=6000)
    assert found.fdr2 is None and abs(found.fdr1 - 1) < SIGMAS * found.fdr1.stderr and found.fdr1.stderr < 0.1
    first, second = (measured(loss, 0.3, 8, steps=1000) for _ in range(2))
    np.testing.assert_array_equal(first.covariance, second.covariance)


@pytest.mark.parametrize(("ask", "error", "words"), [
    (dict(batch_size=None), tv.TooFewSamples, "no noise"),
    (dict(steps=20), tv.TooFewSamples, "burn-in"),
    (dict(burn_in=3), tv.TooFewSamples, "too short"),
    (dict(dynamics=tv.Adam()), tv.BadInput, "SGD"),
    (dict(dynamics=tv.SGD(0.62), batch_size=2), tv.Unstable, "no standard error"),
    (dict(theta0=np.zeros((3, 4))), tv.TooFewSamples, "replicas"),
])
def test_what_cannot_be_told_is_refused(ask, error, words):
    settings = dict(loss=problem(), dynamics=tv.SGD(0.1), theta0=np.zeros((8, 4)), steps=2000, batch_size=4) | ask
    with pytest.raises(error, match=words):
        fluctuation_dissipation(**settings)


def test_a_network_without_weight_decay_never_settles():
    loss = tv.NetworkLoss(tv.MLP((4,)), tv.load_dataset("moons", n=100, seed=0))
    with pytest.raises(tv.BadInput, match="weight decay"):
        fluctuation_dissipation(loss, tv.SGD(0.1), loss.init(8), 1000)
