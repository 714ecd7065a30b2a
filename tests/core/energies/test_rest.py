"""Planes through solutions: what stands at their marks is at rest, and three functions that differ."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.energies.rest import STILL, at_rest, function_difference
from thermoviz.core.landscape.planes import ThroughSolutions
from thermoviz.core.learning.alignment import align
from thermoviz.core.learning.networks import NetworkLoss

PRESETS = ("three-minds", "digits")


def problem(key):
    """The preset's run, its loss in double precision, and the three networks at the marks."""
    run = tv.load_preset(key)
    spec = run.spec
    loss = NetworkLoss(spec.network, spec.dataset.load(spec.seed), weight_decay=spec.weight_decay, dtype="float64")
    return run, loss, run.plane.embed(run.plane.points)


@pytest.mark.parametrize("key", PRESETS)
def test_the_three_networks_of_a_preset_are_at_rest(key):
    """The gradient vanishes, and the Hessian is positive in every direction: weight decay leaves no symmetry flat."""
    run, loss, thetas = problem(key)
    gradient = np.linalg.norm(loss.force(thetas), axis=1)
    assert gradient.max() < STILL
    np.testing.assert_allclose(run.numbers["solutions"]["gradient"], gradient, atol=1e-9)
    for theta, softest in zip(thetas, run.numbers["solutions"]["softest"], strict=True):
        h = np.linalg.eigvalsh(loss.hessian(theta))
        assert h[0] > 1e-5 and h[0] == pytest.approx(softest, rel=1e-6)


@pytest.mark.parametrize("key", PRESETS)
def test_they_are_three_functions(key):
    """Log-odds differ by far more than nothing on the data, and no renaming of hidden units makes two of them one."""
    run, loss, thetas = problem(key)
    z = loss.predict(thetas, loss.data.x_train)
    odds = z - z.mean(axis=-1, keepdims=True)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        difference = float(np.sqrt(np.mean((odds[i] - odds[j]) ** 2)))
        assert difference > 0.5 and run.numbers["solutions"]["difference"][i][j] == pytest.approx(difference, rel=1e-6)
        matched = np.linalg.norm(align(thetas[i], thetas[j], loss.layer_slices, "tanh") - thetas[j])
        assert matched > 0.3 * np.linalg.norm(thetas[j])


@pytest.mark.parametrize("key", PRESETS)
def test_each_mark_is_the_bottom_of_its_own_valley_of_the_slice(key):
    run, loss, thetas = problem(key)
    basins = run.surface.basins
    assert sorted(basins.label_at(run.plane.points).tolist()) == [0, 1, 2] and not basins.open.any()
    np.testing.assert_allclose(np.sort(loss(thetas)), basins.energies, atol=2e-3 * run.surface.scale)


def test_descent_ends_where_newton_s_method_ends():
    from thermoviz.core.learning.minima import minimum
    loss = NetworkLoss(tv.MLP((4,), "tanh"), tv.load_dataset("moons", n=80), weight_decay=1e-2, dtype="float64")
    found = at_rest(loss, loss.init(3, seed=1))
    assert found.gradient.max() < STILL / 10
    for x in found.x:
        np.testing.assert_allclose(minimum(loss, x), x, atol=1e-5)


def test_renamed_networks_are_one_function():
    loss = NetworkLoss(tv.MLP((3,), "tanh"), tv.load_dataset("moons", n=40), dtype="float64")
    theta = loss.init(1, seed=0)[0]
    turned = theta * np.where(np.isin(np.arange(loss.d), [0, 3, 6, 9, 10]), -1, 1)  # the first unit's sign
    other = loss.init(2, seed=0)[1]
    difference = function_difference(loss, np.stack([theta, turned, other]))
    assert difference[0, 1] < 1e-7 < 0.01 < difference[0, 2]
    np.testing.assert_allclose(difference, difference.T)


def test_without_rest_the_plane_goes_through_the_ends_as_trained():
    loss = NetworkLoss(tv.MLP((4,), "tanh"), tv.load_dataset("moons", n=80), weight_decay=1e-3)
    paths = tv.simulate(loss, tv.SGD(0.1), loss.init(4, seed=0), 50, batch_size=16, record_every=50).x
    ends = ThroughSolutions(1.0, rest=False).choose(loss, paths)
    resting = ThroughSolutions(1.0).choose(loss, paths)
    trained = ends.embed(ends.points)
    assert all(np.abs(paths[-1] - theta).max(axis=1).min() < 1e-6 for theta in trained)
    exact = loss.in_double()
    assert np.linalg.norm(exact.force(resting.embed(resting.points)), axis=1).max() < STILL
    assert np.linalg.norm(exact.force(trained), axis=1).min() > 1e-3


def test_where_all_rest_at_one_place_the_trained_ends_span_the_plane():
    loss = NetworkLoss(tv.MLP((), "linear"), tv.load_dataset("moons", n=80), weight_decay=1e-2)
    paths = tv.simulate(loss, tv.SGD(0.1), loss.init(4, seed=0), 5, batch_size=16, record_every=5).x
    plane = ThroughSolutions(1.0).choose(loss, paths)
    assert all(np.abs(paths[-1] - theta).max(axis=1).min() < 1e-6 for theta in plane.embed(plane.points))
