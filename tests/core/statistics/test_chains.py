"""R-hat: known answers, one observable as many, and refusals in one sentence."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.statistics.chains import Chains, r_hats


def test_r_hat_of_equal_and_of_shifted_chains():
    """Independent samples: R-hat^2 = (n-1)/n + (var of means)/W; means shifted by s scatter by s^2 more."""
    rng = np.random.default_rng(0)
    chains = rng.standard_normal((50, 400))
    expected = np.sqrt(399 / 400 + 1 / 400)
    assert abs(tv.r_hat(chains) - expected) < 4 * tv.r_hat(chains).stderr
    shifted = chains + rng.standard_normal(50)[:, None]
    r = tv.r_hat(shifted)
    assert abs(r - np.sqrt(399 / 400 + 1 / 400 + 1)) < 4 * r.stderr
    drifting = chains + np.linspace(-2, 2, 400)
    assert tv.r_hat(drifting) < 1.01
    # Halves of a line from -2 to 2: means +-200 h, variance (200^2 - 1) h^2 / 12 within, h = 4/399 the step.
    h = 4 / 399
    within, between = 1 + (200**2 - 1) * h**2 / 12 * 200 / 199, (100 * h) ** 2 * 100 / 99 + 1 / 200
    split = tv.r_hat(drifting, split=True)
    assert abs(split - np.sqrt(199 / 200 + between / within)) < 4 * split.stderr


def plain_r_hat(chains):
    """sqrt(((n - 1)/n W + B/n) / W) of chains [m, n], as the books write it."""
    n = chains.shape[1]
    W = np.mean([np.var(one, ddof=1) for one in chains])
    B = n * np.var([np.mean(one) for one in chains], ddof=1)
    return np.sqrt(((n - 1) / n * W + B / n) / W)


@pytest.mark.parametrize("split", [False, True])
def test_many_observables_at_once_are_each_as_alone(split):
    draw = np.random.default_rng(3)
    values = draw.standard_normal((50, 6, 3)) + 0.3 * draw.standard_normal((6, 3)) + [0.0, 1e3, 0.0]
    chains = Chains(values, split)
    found = r_hats(chains.means, chains.variances, chains.n)
    for q in range(3):
        alone = values[..., q].T
        parts = np.concatenate([alone[:, :25], alone[:, 25:]]) if split else alone
        assert found[q] == pytest.approx(plain_r_hat(parts), rel=1e-9)
        core = tv.r_hat(alone, split=split)
        assert found[q] == pytest.approx(core.value, rel=1e-9)
        assert chains.estimate(lambda all_, q=q: float(all_[q])).stderr == pytest.approx(core.stderr, rel=1e-9)


@pytest.mark.parametrize("attempt, error", [
    (lambda: tv.r_hat(np.zeros(5)), tv.BadInput),
    (lambda: tv.r_hat(np.zeros((3, 5))), tv.BadInput),
    (lambda: tv.r_hat(np.zeros((1, 5))), tv.TooFewSamples),
])
def test_refusals_are_one_sentence(attempt, error):
    with pytest.raises(error) as caught:
        attempt()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
