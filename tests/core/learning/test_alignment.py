"""Aligned networks are the same functions, and networks that differ by names only come out equal."""

import itertools

import numpy as np
import pytest
import scipy

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.core.learning.alignment import ODD, align, dark_directions, distinct_units, log_copies, matchings


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


def matched_one_by_one(theta, reference, layers, odd):
    """Order and signs [d] unit by unit: the algorithm as it is written down."""
    order, sign, d = np.arange(len(theta)), np.ones(len(theta)), len(theta)
    for _sweep in range(50):
        before = order.copy(), sign.copy()
        for incoming, outgoing in zip(layers, layers[1:], strict=False):
            def units(x, incoming=incoming, outgoing=outgoing):
                return np.concatenate([x[incoming.weight].reshape(incoming.shape).T, x[incoming.bias][:, None],
                                       x[outgoing.weight].reshape(outgoing.shape)], axis=1)
            overlap = units(theta[order] * sign) @ units(reference).T
            unit, place = scipy.optimize.linear_sum_assignment(np.abs(overlap) if odd else overlap, maximize=True)
            index, turn = np.arange(d), np.ones(d)
            W, b, V = (np.arange(d)[incoming.weight].reshape(incoming.shape), np.arange(d)[incoming.bias],
                       np.arange(d)[outgoing.weight].reshape(outgoing.shape))
            for old, new in zip(unit, place, strict=True):
                flip = -1.0 if odd and overlap[old, new] < 0 else 1.0
                for mine, his in ((W[:, new], W[:, old]), (b[new], b[old]), (V[new], V[old])):
                    index[mine], turn[mine] = his, flip
            order, sign = order[index], sign[index] * turn
        if (order == before[0]).all() and (sign == before[1]).all():
            break
    return order, sign


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (7,), (6, 5), (4, 4, 4)])
def test_many_networks_are_matched_as_each_alone_ties_included(hidden, activation):
    loss = problem(hidden, activation)
    thetas = loss.init(8, 4)
    thetas[2] = 0.0  # every order is as good
    thetas[3] = with_copies(loss, thetas[3], 1, activation in ODD, 2)
    thetas[4] = np.round(thetas[4])  # few different values: many equal overlaps
    thetas[5] = thetas[0]
    for reference in (thetas[0], thetas[3], np.round(2 * thetas[1])):
        for theta, found in zip(thetas, matchings(thetas, reference, loss.layer_slices, activation), strict=True):
            order, sign = matched_one_by_one(theta, reference, loss.layer_slices, activation in ODD)
            np.testing.assert_array_equal(found.order, order)
            np.testing.assert_array_equal(found.sign, sign)
    assert matchings(thetas[:0], thetas[0], loss.layer_slices, activation) == []


def test_shapes_that_do_not_fit_are_refused():
    loss = problem((3,), "tanh")
    with pytest.raises(BadInput, match="align needs"):
        align(np.zeros(loss.d + 1), np.zeros(loss.d), loss.layer_slices, "tanh")
    with pytest.raises(BadInput, match="matchings needs"):
        matchings(np.zeros(loss.d), np.zeros(loss.d), loss.layer_slices, "tanh")


def with_copies(loss, theta, seed, odd, distinct):
    """theta with every hidden layer's units replaced by copies of its first `distinct` ones, signs at random."""
    rng, out = np.random.default_rng(seed), theta.copy()
    for incoming, outgoing in zip(loss.layer_slices, loss.layer_slices[1:], strict=False):
        names = np.concatenate([np.arange(distinct), rng.integers(0, distinct, incoming.shape[1] - distinct)])
        sign = rng.choice([-1.0, 1.0], len(names)) if odd else np.ones(len(names))
        W, V = out[incoming.weight].reshape(incoming.shape), out[outgoing.weight].reshape(outgoing.shape)
        W[:], V[:] = W[:, names] * sign, V[names] * sign[:, None]
        out[incoming.bias] = out[incoming.bias][names] * sign
    return out


def rank(loss, theta):
    """Rank of the gradient noise, from the samples' gradients: their singular values fall to rounding at once."""
    gradients = loss.per_sample_gradients(theta)
    values = np.linalg.svd(gradients - gradients.mean(0), compute_uv=False)
    at = int((values > 1e-11 * values[0]).sum())
    assert at == len(values) or values[at] < 1e-4 * values[at - 1]
    return at


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("dataset", ["wine", "teacher_student"])
@pytest.mark.parametrize(("hidden", "distinct"), [((), 0), ((5,), 5), ((5,), 2), ((4, 4), 3)])
def test_the_noise_is_dark_in_as_many_directions_as_its_rank_leaves(activation, dataset, hidden, distinct):
    loss = tv.NetworkLoss(tv.MLP(hidden, activation), tv.load_dataset(dataset, test_fraction=0.0), dtype="float64")
    theta = with_copies(loss, 2 * loss.init(1, 4)[0], 1, activation in ODD, distinct)
    assert distinct_units(theta, loss).tolist() == [distinct] * len(hidden)
    assert dark_directions(theta, loss) == loss.d - rank(loss, theta)


def test_one_hidden_layer_with_softmax_follows_the_formula():
    loss = problem((8,), "tanh")
    for distinct in range(1, 9):
        theta = with_copies(loss, loss.init(1, 2)[0], 3, True, distinct)
        assert dark_directions(theta, loss) == (8 - distinct) * (2 + 1 + 2) + distinct + 1


def test_silent_units_do_not_count_and_rows_are_counted_one_by_one():
    loss = problem((4,), "tanh")
    thetas = np.stack([loss.init(1, 2)[0], np.zeros(loss.d), with_copies(loss, loss.init(1, 2)[0], 3, True, 2)])
    assert distinct_units(thetas, loss).tolist() == [[4], [0], [2]]
    assert dark_directions(thetas, loss).tolist() == [5, 21, 13]
    assert rank(loss, np.zeros(loss.d)) == loss.d - 21


def test_opposite_units_are_copies_only_where_the_activation_is_odd():
    for activation, counted in (("tanh", 1), ("sigmoid", 2)):
        loss = problem((2,), activation)
        theta = with_copies(loss, loss.init(1, 0)[0], 0, False, 1)
        theta[1:4:2] *= -1  # the second unit's two incoming weights
        theta[5] *= -1  # its bias
        theta[8:10] *= -1  # its outgoing weights
        assert distinct_units(theta, loss).tolist() == [counted]


def test_linear_units_have_no_count():
    loss = problem((3,), "linear")
    with pytest.raises(BadInput, match="mixed at will"):
        dark_directions(loss.init(1)[0], loss)
    with pytest.raises(BadInput, match="distinct_units needs"):
        distinct_units(np.zeros(3), loss)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("case", ["all differ", "three alike", "alike and silent"])
def test_log_copies_counts_the_renamings_that_are_other_networks(activation, case):
    """Against a list of all of them: 4 units, every order and every sign, those that are equal counted once."""
    loss = tv.NetworkLoss(tv.MLP((4,), activation), tv.load_dataset("moons", n=20, seed=0), dtype="float64")
    theta = np.random.default_rng(0).normal(size=loss.d)
    first, last = loss.layer_slices
    W, b, V = (theta[first.weight].reshape(first.shape), theta[first.bias], theta[last.weight].reshape(last.shape))
    if case != "all differ":
        same = {"three alike": [(1, 0, 1.0), (2, 0, 1.0)], "alike and silent": [(1, 0, 1.0), (2, 0, 0.0)]}[case]
        for unit, other, size in same:
            sign = -1.0 if activation == "tanh" and unit == 1 else 1.0
            W[:, unit], b[unit], V[unit] = size * sign * W[:, other], size * sign * b[other], size * sign * V[other]
    signs = list(itertools.product((1.0, -1.0), repeat=4)) if activation == "tanh" else [(1.0,) * 4]
    seen = set()
    for order in itertools.permutations(range(4)):
        for sign in signs:
            units = np.concatenate([W[:, order] * sign, (b[list(order)] * sign)[None], (V[list(order)].T * sign)])
            seen.add(tuple(np.round(units, 9).ravel() + 0.0))
    assert log_copies(theta, loss) == pytest.approx(np.log(len(seen)), abs=1e-12)
