"""Gradients of single samples: all of them, or evenly spread ones where all would not fit."""

import numpy as np

import thermoviz as tv
from thermoviz.core.energies import samples


def test_spread_gradients_are_rows_of_all(monkeypatch):
    loss = tv.NetworkLoss(tv.MLP((3,)), tv.load_dataset("moons", n=40, seed=0), dtype="float64")
    theta = loss.init(1)[0]
    everyone = samples.single_gradients(loss, theta)
    assert everyone.shape == (loss.n_samples, loss.d)
    np.testing.assert_allclose(everyone.mean(axis=0), -loss.force(theta), atol=1e-12)
    monkeypatch.setattr(samples, "GRADIENT_NUMBERS", 7 * loss.d)
    few = samples.single_gradients(loss, theta)
    chosen = np.linspace(0, loss.n_samples - 1, 7).round().astype(int)
    np.testing.assert_allclose(few, everyone[chosen], atol=1e-12)
