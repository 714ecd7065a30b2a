"""Aligned networks are the same functions, and networks that differ by names only come out equal."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.alignment import ODD, align
from thermoviz.core.errors import BadInput


def problem(hidden, activation):
    return tv.NetworkLoss(tv.MLP(hidden, activation), tv.load_dataset("moons", n=40))


def renamed(loss, theta, seed, odd):
    """The same function with hidden units in another order, and some turned round where that is allowed."""
    rng, out = np.random.default_rng(seed), theta.copy()
    for incoming, outgoing in zip(loss.layer_slices, loss.layer_slices[1:], strict=False):
        order = rng.permutation(incoming.shape[1])
        sign = rng.choice([-1.0, 1.0], len(order)) if odd else np.ones(len(order))
        W, V = out[incoming.weight].reshape(incoming.shape), out[outgoing.weight].reshape(outgoing.shape)
        W[:], V[:] = W[:, order] * sign, V[order] * sign[:, None]
        out[incoming.bias] = out[incoming.bias][order] * sign
    return out


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "sigmoid", "linear"])
@pytest.mark.parametrize("hidden", [(7,), (6, 5), (4, 4, 4)])
def test_networks_that_differ_by_names_come_out_equal(hidden, activation):
    loss = problem(hidden, activation)
    theta = loss.init(1, 3)[0]
    others = np.stack([renamed(loss, theta, seed, activation in ODD) for seed in range(5)])
    np.testing.assert_allclose(loss(others), loss(theta), rtol=1e-5)  # sums in float32, in another order
    aligned = align(others, theta, loss.layer_slices, activation)
    if len(hidden) == 1:
        np.testing.assert_array_equal(aligned, np.broadcast_to(theta, aligned.shape))
    assert (np.linalg.norm(aligned - theta, axis=1) <= np.linalg.norm(others - theta, axis=1) + 1e-12).all()


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
def test_the_function_stays_and_the_distance_does_not_grow(hidden, activation):
    loss = problem(hidden, activation)
    thetas = loss.init(6, 1)
    aligned = align(thetas[1:], thetas[0], loss.layer_slices, activation)
    np.testing.assert_allclose(loss.predict(aligned, loss.data.x), loss.predict(thetas[1:], loss.data.x), atol=1e-5)
    before, after = (np.linalg.norm(x - thetas[0], axis=1) for x in (thetas[1:], aligned))
    assert (after <= before + 1e-12).all()
    assert align(thetas[1], thetas[0], loss.layer_slices, activation).shape == (loss.d,)


def test_one_hidden_layer_is_aligned_as_well_as_trying_every_order():
    from itertools import permutations, product
    loss = problem((3,), "tanh")
    theta, reference = loss.init(2, 5)
    incoming, outgoing = loss.layer_slices

    def tried(order, sign):
        out = theta.copy()
        W, V = theta[incoming.weight].reshape(incoming.shape), theta[outgoing.weight].reshape(outgoing.shape)
        out[incoming.weight] = (W[:, order] * sign).ravel()
        out[incoming.bias] = theta[incoming.bias][list(order)] * sign
        out[outgoing.weight] = (V[list(order)] * np.array(sign)[:, None]).ravel()
        return np.linalg.norm(out - reference)

    best = min(tried(order, sign) for order in permutations(range(3)) for sign in product((-1, 1), repeat=3))
    found = np.linalg.norm(align(theta, reference, loss.layer_slices, "tanh") - reference)
    assert found == pytest.approx(best, rel=1e-12)


def test_shapes_that_do_not_fit_are_refused():
    loss = problem((3,), "tanh")
    with pytest.raises(BadInput, match="align needs"):
        align(np.zeros(loss.d + 1), np.zeros(loss.d), loss.layer_slices, "tanh")
