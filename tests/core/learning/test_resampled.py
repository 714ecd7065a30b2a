"""Conditions side by side in one batch: other batch sizes, other draws, other data, other noise, each as if alone."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.fluctuations.relations import FluctuationSums
from thermoviz.core.learning.perturbed import LabelStates, PerturbedLoss
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


class OnlySingleSteps:
    """The same energy without blocks of steps."""

    def __init__(self, energy):
        self.energy, self.d, self.n_samples = energy, energy.d, energy.n_samples

    def __call__(self, x):
        return self.energy(x)

    def force(self, x):
        return self.energy.force(x)

    def minibatch(self, indices):
        return self.energy.minibatch(indices)


def walked(energy, theta, **settings):
    return tv.simulate(energy, tv.SGD(0.1, 0.9), theta, 50, seed=4, record_every=7, **settings)


def perturbed(loss, n):
    """Decay, dropout, redrawn labels, both at once, and nothing, in turn."""
    kind = np.arange(n) % 5
    return PerturbedLoss(loss, LabelStates(loss, 0.3), 0.02 * (kind == 0), 0.01 * (kind == 0),
                         0.1 * (kind == 1) + 0.3 * (kind == 3), (kind == 2) | (kind == 3), rng(7, "masks"))


@pytest.mark.parametrize("n", [3, 40])  # one by one, and side by side
@pytest.mark.parametrize("batch_size", [None, 5])
@pytest.mark.parametrize("make", [
    lambda loss, n: Bootstrapped(loss, bootstrap(n, loss.n_samples, rng(0, "bootstrap"))),
    lambda loss, n: WithLangevinNoise(loss, 0.3 * (np.arange(n) % 3), rng(1, "push")),
    perturbed,
], ids=["resampled", "pushed", "perturbed"])
def test_blocks_of_steps_are_the_single_steps(loss, make, batch_size, n):
    plain = tv.NetworkLoss(loss.mlp, loss.data, dtype="float64")
    theta = loss.init(n, seed=5)
    blocks = walked(make(plain, n), theta, batch_size=batch_size)
    single = walked(OnlySingleSteps(make(plain, n)), theta, batch_size=batch_size)
    np.testing.assert_allclose(blocks.x, single.x, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(blocks.energy, single.energy, rtol=1e-9)
    assert np.abs(single.x[-1] - theta).max() > 0.1


@pytest.mark.parametrize("task", ["moons", "linear_regression"])
def test_labels_and_masks_of_many_steps_are_those_of_single_ones(task):
    loss = tv.NetworkLoss(tv.MLP((4, 3)), tv.load_dataset(task, n=60, seed=1), dtype="float64")
    indices = rng(2, "indices").integers(0, loss.n_samples, (6, 10, 4))
    many, single = perturbed(loss, 10), perturbed(loss, 10)
    chosen, kept = many.draws(indices)
    for step, batch in enumerate(indices):
        one = single.minibatch(batch)
        np.testing.assert_array_equal(chosen[step], one.chosen)
        assert (one.F[:, loss.layer_slices[1].weight].reshape(-1, 4, 3)[..., 0] > 0).tolist() == kept[
            step, ..., :4].reshape(-1, 4).tolist()
    assert not kept.all() and (chosen != many.labels.own(indices)).any()


@pytest.mark.parametrize("centre", [None, 0.1])
def test_sums_over_blocks_are_sums_over_single_observations(loss, centre):
    axes = np.linalg.qr(rng(3, "axes").normal(size=(loss.d, 5)))[0]
    settings = {"centre": centre if centre is None else np.full(loss.d, centre), "axes": axes,
                "hessian": loss.hessian(loss.init(1)[0])}
    together, single = (FluctuationSums(loss, 0.1, 0.9, 200, 60, **settings) for _ in range(2))
    path = tv.simulate(loss, tv.SGD(0.1, 0.9), loss.init(3, seed=2), 200, batch_size=8, seed=3)
    for first in range(0, 200, 33):
        steps = np.arange(first, min(first + 33, 200))
        together.together(steps, path.x[steps], path.x[steps + 1])
    for step in range(200):
        single(step, path.x[step], path.x[step + 1])
    assert together.records == single.records == 140
    np.testing.assert_array_equal(together.count, single.count)
    for name in ("energy", "left", "right", "minibatch", "square", "bent", "spread", "first", "second", "pulled",
                 "slope", "steep"):
        ours, theirs = getattr(together, name), getattr(single, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12 * np.abs(theirs).max(), err_msg=name)
        assert np.abs(theirs).max() > 0
