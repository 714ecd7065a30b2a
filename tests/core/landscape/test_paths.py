"""Paths between minima: known passes, renamed networks, and bounds that bound."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.energies.potentials import DoubleWell, MuellerBrown
from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.paths import lowest_path, straight_path
from thermoviz.core.learning.alignment import align
from thermoviz.core.learning.minima import bottom

# Of Mueller and Brown's surface, by Newton's method: the higher saddle and the two deep minima.
SADDLE, DEEPEST, OTHER = -40.6648435, -146.6995172, -108.1667241


def test_mueller_brown():
    """The barrier, from both ends, to the curvature of the pass between two scanned points; the line is no way."""
    energy = MuellerBrown()
    a, b, _third = energy.minima
    path = lowest_path(energy, a, b, 2e-4, images=41, steps=2000)
    climbs = np.array(path.climbs)
    # Scanned points are apart by length / 320; the energy falls off from the pass by at most 1/2 |h| (half of that)^2.
    apart = np.linalg.norm(np.diff(path.x, axis=0), axis=1).sum() / 320
    slack = 0.5 * 1000 * (apart / 2) ** 2
    exact = np.array([SADDLE - DEEPEST, SADDLE - OTHER])
    assert (climbs > exact - slack).all() and (climbs < exact + 0.15).all()
    coarse = lowest_path(energy, a, b, 2e-4, images=21, steps=2000)
    assert abs(coarse.climbs[0] - exact[0]) > abs(climbs[0] - exact[0])
    assert straight_path(energy, a, b).climbs[0] > 150


def test_a_straight_valley_is_its_own_path():
    energy = DoubleWell()
    a, b = energy.minima[:2]
    path = lowest_path(energy, a, b, 0.01)
    assert path.climbs == pytest.approx((energy.barrier, energy.barrier), rel=1e-3)
    np.testing.assert_allclose(path.along[[0, -1]], [0, 1])
    np.testing.assert_allclose(path.x[[0, -1]], [a, b])


def test_a_path_is_never_higher_than_the_straight_line():
    energy = MuellerBrown()
    a, b, _third = energy.minima
    line = straight_path(energy, a, b)
    for rate in (1e-9, 1e-4, 10.0):  # nothing happens; it descends; it diverges
        assert lowest_path(energy, a, b, rate, steps=50).energy.max() <= line.energy.max()


@pytest.fixture(scope="module")
def network():
    """(loss, a minimum [d], the same network with its units in another order [d])"""
    loss = tv.NetworkLoss(tv.MLP((6,)), tv.load_dataset("moons", n=100, seed=0), weight_decay=1e-3)
    theta = bottom(loss, loss.init(1, 3)[0].astype(np.float64))
    out = theta.copy()
    incoming, outgoing = loss.layer_slices
    W, V = out[incoming.weight].reshape(incoming.shape), out[outgoing.weight].reshape(outgoing.shape)
    order = np.roll(np.arange(6), 1)
    W[:], V[:] = W[:, order], V[order]
    out[incoming.bias] = out[incoming.bias][order]
    return loss, theta, out


def test_a_renamed_copy_is_the_same_place_once_matched(network):
    loss, theta, other = network
    matched = align(other, theta, loss.layer_slices, loss.mlp.activation)
    rounding = 1e-6 * float(loss(theta))  # of float32 losses
    assert max(lowest_path(loss, theta, matched, 0.5).climbs) <= rounding
    assert max(straight_path(loss, theta, other).climbs) > 1000 * rounding


def test_the_way_to_a_renamed_copy_is_lower_than_the_line_and_alike_from_both_ends(network):
    loss, theta, other = network
    path, line = lowest_path(loss, theta, other, 0.5), straight_path(loss, theta, other)
    assert path.climbs[0] < 0.5 * line.climbs[0]
    assert path.climbs[0] == pytest.approx(path.climbs[1], abs=1e-6)


@pytest.mark.parametrize("wrong", [
    dict(end=np.zeros(3)), dict(end=np.array([0.0, np.nan])), dict(rate=0.0), dict(images=2), dict(momentum=1.0)])
def test_refusals(wrong):
    with pytest.raises(BadInput):
        lowest_path(MuellerBrown(), **{**dict(start=np.zeros(2), end=np.ones(2), rate=1e-4), **wrong})
