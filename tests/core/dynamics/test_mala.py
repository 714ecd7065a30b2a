"""MALA keeps Boltzmann's law exactly, at any step, in many dimensions, on the data."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics.mala import MALA
from thermoviz.core.errors import BadInput
from thermoviz.core.seeds import rng
from thermoviz.core.statistics.estimators import independent_mean

T = 0.5


@pytest.mark.parametrize("energy, dt", [(tv.DoubleWell(), 0.1), (tv.Harmonic(2.0), 0.8),
                                        (tv.TwoBasins(0.3, 4.0, 2.0, 2.0, 0.3), 0.2)])
def test_mala_keeps_boltzmann_at_large_steps(energy, dt):
    """Mean energy in the box by quadrature; Euler at the same step is off by far more than the error."""
    surface = tv.scan(energy, resolution=81, tolerance=0)
    equilibrium = surface.equilibrium(T)
    x0 = equilibrium.sample(4000, rng(0, "balls"))
    path = tv.simulate(surface, MALA(dt), x0, 60, temperature=T, seed=3, record_every=60)
    found = independent_mean(path.energy[-1])
    assert abs(found.value - equilibrium.U) < 4 * found.stderr
    assert 0.2 < np.mean((path.x[-1] != x0).any(axis=1))


def test_mala_in_many_dimensions_and_at_many_temperatures():
    d, temperatures = 20, np.repeat([0.2, 1.0], 3000)
    x0 = rng(0, "start").standard_normal((6000, d)) * np.sqrt(temperatures)[:, None]
    path = tv.simulate(tv.Harmonic(1.0), MALA(0.3), x0, 30, temperature=temperatures, seed=1, record_every=30)
    for value in (0.2, 1.0):
        found = independent_mean(path.energy[-1][temperatures == value])
        assert abs(found.value - d * value / 2) < 4 * found.stderr


def test_mala_refuses_no_heat_and_stays_on_the_data():
    with pytest.raises(BadInput, match="above 0"):
        tv.simulate(tv.Harmonic(1.0), MALA(0.1), np.zeros((3, 1)), 2)
    xs = np.linspace(-2, 2, 41)
    U = 0.5 * (xs[:, None] ** 2 + xs[None] ** 2)
    U[25:28, 15:25] = np.nan
    surface = tv.Surface.from_grid(xs, xs, U)
    equilibrium = surface.equilibrium(T)
    x0 = equilibrium.sample(2000, rng(0, "balls"))
    path = tv.simulate(surface, MALA(0.05), x0, 100, temperature=T, seed=0, record_every=100)
    assert not surface.masked(path.x[-1]).any()
    found = independent_mean(path.energy[-1])
    assert abs(found.value - equilibrium.U) < 4 * found.stderr
