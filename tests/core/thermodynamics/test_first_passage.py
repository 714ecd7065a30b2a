"""First passages: quadrature against closed forms and scipy, simulation against quadrature."""

import numpy as np
import pytest
from scipy import integrate

import thermoviz as tv
from thermoviz.core.thermodynamics.first_passage import first_passage, mean_first_passage_time


class Slope:
    """E = g x."""

    def __init__(self, g):
        self.g = g

    def __call__(self, x):
        return self.g * np.asarray(x)[..., 0]

    def force(self, x):
        return np.full_like(np.asarray(x, float), -self.g)


def direct(energy, a, b, T, wall):
    def outer(y):
        inner = integrate.quad(lambda z: np.exp(-float(energy(np.array([z]))) / T), wall, y, epsabs=0, epsrel=1e-11)[0]
        return np.exp(float(energy(np.array([y]))) / T) * inner
    return integrate.quad(outer, a, b, epsabs=0, epsrel=1e-9)[0] / T


@pytest.mark.parametrize(("a", "b", "wall"), [(0, 1, 0), (0.5, 3, -1), (2, -1, 4)])
def test_free_diffusion_from_a_wall(a, b, wall):
    """tau = ((b - wall)^2 - (a - wall)^2) / 2T."""
    T = 0.7
    expected = ((b - wall) ** 2 - (a - wall) ** 2) / (2 * T)
    assert mean_first_passage_time(Slope(0.0), a, b, T, wall) == pytest.approx(expected, rel=1e-11)


def test_downhill_and_uphill_slopes():
    """E = g x from the wall at 0: tau = (T/g^2)(e^(g b/T) - 1) - b/g; downhill without a wall: b / |g|."""
    g, b, T = 1.5, 2.0, 0.4
    uphill = T / g**2 * np.expm1(g * b / T) - b / g
    assert mean_first_passage_time(Slope(g), 0, b, T, wall=0) == pytest.approx(uphill, rel=1e-10)
    assert mean_first_passage_time(Slope(-g), 0, b, T) == pytest.approx(b / g, rel=1e-10)


@pytest.mark.parametrize("T", [0.1, 0.25, 1.0])
@pytest.mark.parametrize(("a", "b"), [(-1, 1), (-1, 0), (1, -1), (0, 1)])
def test_double_well_against_scipy(T, a, b):
    energy, wall = tv.DoubleWell(), -6.0 if b > a else 6.0
    mirrored = direct(energy, min(a, b), max(a, b), T, -6.0) if b > a else direct(energy, -a, -b, T, -6.0)
    assert mean_first_passage_time(energy, a, b, T) == pytest.approx(mirrored, rel=1e-8)
    assert mean_first_passage_time(energy, a, b, T, wall) == pytest.approx(mirrored, rel=1e-8)


def test_tilt_breaks_the_symmetry():
    energy = tv.TiltedDoubleWell(tilt=0.3)
    there, back = mean_first_passage_time(energy, -1, 1, 0.25), mean_first_passage_time(energy, 1, -1, 0.25)
    assert there == pytest.approx(direct(energy, -1, 1, 0.25, -6.0), rel=1e-8) and there > 4 * back


def test_cold_approaches_kramers():
    """2 pi / sqrt(8 x 4) e^(1/T) to the saddle's other side; corrections are O(T)."""
    ratios = [mean_first_passage_time(tv.DoubleWell(), -1, 1, T) / (2 * np.pi / np.sqrt(32) * np.exp(1 / T))
              for T in (0.04, 0.02, 0.01)]
    errors = np.abs(np.array(ratios) - 1)
    assert errors[0] < 0.1 and np.allclose(errors[:-1] / errors[1:], 2, rtol=0.2)


@pytest.mark.parametrize(("a", "b"), [(-1, 1), (1, -1)])
def test_simulated_double_well_agrees_with_quadrature(a, b):
    energy, T, dt = tv.DoubleWell(), 0.25, 0.01
    exact = mean_first_passage_time(energy, a, b, T)
    coarse = first_passage(energy, a, b, T, 2 * dt, n=800, seed=1).mean
    fine = first_passage(energy, a, b, T, dt, n=800, seed=2).mean
    # The remaining bias is O(dt): what the coarser step adds is what the finer one still has, within its own noise.
    bias = max(0.0, abs(coarse - fine) - 2 * np.hypot(coarse.stderr, fine.stderr))
    assert abs(fine - exact) < 4 * fine.stderr + bias


def test_without_the_bridge_balls_are_late():
    """Free diffusion from a wall, coarse steps: as if b lay 0.5826 sqrt(2 T dt) further (a walk's mean overshoot)."""
    T, dt, b = 0.5, 0.01, 1.0
    exact = b**2 / (2 * T)
    late = first_passage(Slope(0.0), 0.0, b, T, dt, n=4000, seed=3, wall=0.0, bridge=False).mean
    right = first_passage(Slope(0.0), 0.0, b, T, dt, n=4000, seed=3, wall=0.0).mean
    shift = 0.5826 * np.sqrt(2 * T * dt)
    expected = (b + shift) ** 2 / (2 * T)
    assert abs(right - exact) < 4 * right.stderr + dt
    assert abs(late - expected) < 4 * late.stderr + dt and late - exact > 4 * late.stderr


def test_a_plane_in_more_dimensions():
    """The first coordinate of the double well does not feel the others."""
    exact = mean_first_passage_time(tv.DoubleWell(), -1, 0, 0.5)
    found = first_passage(tv.DoubleWell(), [-1.0, 0.3, 0.0], 0.0, 0.5, 0.004, n=1500, seed=4)
    assert found.arrived == 1500 and abs(found.mean - exact) < 4 * found.mean.stderr + 0.01 * exact


def test_who_does_not_arrive_is_said():
    found = first_passage(tv.DoubleWell(), -1.0, 1.0, 0.1, 0.02, n=50, seed=0, longest=20.0)
    assert found.mean is None and found.arrived < 50 and np.isnan(found.times).sum() == 50 - found.arrived
    again = first_passage(tv.DoubleWell(), -1.0, 1.0, 0.1, 0.02, n=50, seed=0, longest=20.0)
    assert np.array_equal(found.times, again.times, equal_nan=True)


@pytest.mark.parametrize(("call", "said"), [
    (lambda: mean_first_passage_time(Slope(0.0), 0, 1, 1.0), "wall"),
    (lambda: mean_first_passage_time(tv.DoubleWell(), 0, 1, 0.0), "temperature"),
    (lambda: mean_first_passage_time(tv.DoubleWell(), 0, np.nan, 0.1), "b must"),
    (lambda: mean_first_passage_time(tv.DoubleWell(), 0, 1, 0.3, wall=0.5), "wall"),
    (lambda: mean_first_passage_time(tv.MuellerBrown(), 0, 1, 0.3), "last axis"),
    (lambda: first_passage(tv.DoubleWell(), 1.0, 1.0, 0.3, 0.01), "a must"),
])
def test_bad_input_is_refused(call, said):
    with pytest.raises(tv.BadInput, match=said):
        call()


def test_nowhere_to_go():
    assert mean_first_passage_time(tv.DoubleWell(), 1, 1, 0.3) == 0.0
