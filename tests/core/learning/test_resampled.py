"""Conditions side by side in one batch: other batch sizes, other draws, other data, other noise, each as if alone."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.learning.resampled import Bootstrapped, WithLangevinNoise, bootstrap
from thermoviz.core.seeds import rng


@pytest.fixture(scope="module")
def loss():
    return tv.NetworkLoss(tv.MLP((4,)), tv.load_dataset("moons", n=80, seed=1), weight_decay=0.01, dtype="float64")


def test_a_batch_filled_up_is_the_shorter_batch(loss):
    theta = loss.init(3, seed=2)
    ragged = np.array([[5, 6, 7], [9, -1, -1], [0, 0, -1]])
    energy = loss.minibatch(ragged)
    for i, batch in enumerate(([5, 6, 7], [9], [0, 0])):
        alone = loss.minibatch(np.array([batch]))
        np.testing.assert_allclose(energy(theta)[i], alone(theta[i:i + 1])[0], rtol=1e-13)
        np.testing.assert_allclose(energy.force(theta)[i], alone.force(theta[i:i + 1])[0], rtol=1e-12, atol=1e-15)


def test_torch_agrees_on_batches_of_unequal_size(loss):
    import torch

    theta = loss.init(2, seed=2)
    ragged = np.array([[5, 6, 7], [9, 1, -1]])
    energy, force = loss.minibatch(ragged).value_and_force(torch.from_numpy(theta))
    np.testing.assert_allclose(energy.numpy(), loss.minibatch(ragged)(theta), rtol=1e-12)
    np.testing.assert_allclose(force.numpy(), loss.minibatch(ragged).force(theta), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("bad", [[[-1, 3]], [[2, -1, 3]], [[2, -2]], [[2, 10**6]]])
def test_what_is_no_batch_is_refused(loss, bad):
    with pytest.raises(tv.BadInput):
        loss.minibatch(np.array(bad))


def test_replicas_with_their_own_batches_walk_as_they_would_alone(loss):
    """Full batch among others is gradient descent; a group's noise has the variance of its own batch size."""
    theta = np.repeat(loss.init(1, seed=3), 9, axis=0)
    sizes, kinds = (None, *[2] * 4, *[8] * 4), ("replacement", *["fresh"] * 4, *["epochs"] * 4)
    path = tv.simulate(loss, tv.SGD(0.1), theta, 10, batch_size=sizes, batching=kinds, seed=1)
    alone = tv.simulate(loss, tv.GradientDescent(0.1), theta[:1], 10)
    np.testing.assert_allclose(path.x[:, 0], alone.x[:, 0], rtol=1e-12)
    assert len(np.unique(path.x[-1], axis=0)) == 9
    # Another condition beside them does not change their noise.
    again = tv.simulate(loss, tv.SGD(0.1), theta[:5], 10, batch_size=sizes[:5], batching=kinds[:5], seed=1)
    np.testing.assert_array_equal(again.x, path.x[:, :5])


@pytest.mark.parametrize(("size", "kind"), [((1, 2), "fresh"), (3, ("fresh",)), ((1, 2, 0), "fresh"),
                                            (3, ("fresh", "all", "fresh")), ((1, 2, 10**4), "epochs")])
def test_what_does_not_fit_the_replicas_is_refused(loss, size, kind):
    with pytest.raises(tv.BadInput, match="batch"):
        tv.simulate(loss, tv.SGD(0.1), loss.init(3), 2, batch_size=size, batching=kind)


def test_an_observer_sees_every_tenth_step_from_before_to_after(loss):
    seen = []
    path = tv.simulate(loss, tv.SGD(0.1, 0.9), loss.init(2), 21, batch_size=4,
                       observe=lambda step, before, after: seen.append((step, before.copy(), after.copy())))
    assert [step for step, _, _ in seen] == [0, 10, 20]
    for step, before, after in seen:
        np.testing.assert_array_equal(before, path.x[step])
        np.testing.assert_array_equal(after, path.x[step + 1])


def test_each_replica_has_its_own_resampled_data(loss):
    samples = bootstrap(3, loss.n_samples, rng(0, "bootstrap"))
    own, theta = Bootstrapped(loss, samples), loss.init(3, seed=1)
    gradients = loss.per_sample_gradients(theta[1])
    np.testing.assert_allclose(own.force(theta)[1], -gradients[samples[1]].mean(0) - 0.01 * theta[1], atol=1e-13)
    np.testing.assert_allclose(own.minibatch(np.array([[0], [4], [7]])).force(theta)[1],
                               -gradients[samples[1, 4]] - 0.01 * theta[1], atol=1e-13)
    np.testing.assert_array_equal(own.minibatch(np.array([[0, -1], [4, 5], [7, 7]])).indices[0], [samples[0, 0], -1])


def test_a_shaken_full_batch_is_isotropic_langevin_motion():
    """Linear regression: variance T / (h (1 - lr h / 2)) along every eigenvector, and nothing for the unshaken."""
    loss = tv.NetworkLoss(tv.MLP(()), tv.load_dataset("linear_regression", n=60, seed=0), dtype="float64")
    n, lr, T = 3000, 0.2, 0.1
    h, axes = np.linalg.eigh(loss.hessian(np.zeros(loss.d)))
    shaken = WithLangevinNoise(loss, np.r_[np.full(n, np.sqrt(2 * T / lr)), 0.0], rng(1, "push"))
    theta = tv.simulate(loss, tv.GradientDescent(0.5), np.zeros(loss.d), 500).x[-1, 0]
    path = tv.simulate(shaken, tv.SGD(lr), np.tile(theta, (n + 1, 1)), 200, record_every=200,
                       batch_size=[None] * n + [1], batching="fresh")
    variance = ((path.x[-1, :n] - theta) @ axes).var(axis=0)
    expected = T / (h * (1 - lr * h / 2))
    assert (np.abs(variance - expected) < 4 * expected * np.sqrt(2 / n)).all()
