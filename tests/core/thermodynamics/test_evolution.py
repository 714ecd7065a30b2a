"""The master equation on cells: against closed forms, another integrator, and what it must keep."""

import numpy as np
import pytest
from scipy.sparse.linalg import expm_multiply

import thermoviz as tv
from thermoviz.core.thermodynamics.evolution import MasterEquation, bernoulli
from thermoviz.core.thermodynamics.propagation import CHI


def double_well(n=81):
    return tv.scan(tv.DoubleWell(), resolution=n, tolerance=0)


def harmonic(k=1.0, half=6.0, n=81):
    return tv.scan(tv.Harmonic(k), resolution=n, extent=(-half, half, -half, half), tolerance=0)


def start(equation, name):
    return {"saddle": lambda: equation.gaussian((0, 0), 0.09), "uniform": equation.uniform,
            "corner": lambda: equation.gaussian((-1.7, 1.7), 0.1), "basin": lambda: equation.in_basin(1)}[name]()


def test_bernoulli_function():
    z = np.array([-800.0, -30, -1, -1e-9, 0, 1e-14, 1e-5, 2, 40, 800])
    assert np.allclose(bernoulli(-z) - bernoulli(z), z, rtol=1e-15, atol=1e-15)
    near = z[np.abs(z) < 100]
    assert np.allclose(bernoulli(near) * np.exp(near), bernoulli(-near), rtol=1e-13)
    assert bernoulli(0.0) == 1.0 and bernoulli(1.0) == pytest.approx(1 / (np.e - 1), rel=1e-15)


@pytest.mark.parametrize("T", [0.05, 0.25, 2.0])
@pytest.mark.parametrize("name", ["saddle", "uniform", "corner", "basin"])
def test_mass_is_kept_free_energy_falls_and_boltzmann_is_the_end(name, T):
    equation = MasterEquation(double_well(41), T, cells=48)
    p = equation.evolve(start(equation, name), np.concatenate([[0], np.geomspace(1e-4, 1e3, 36)]))
    assert np.abs(p.sum(axis=(1, 2)) - 1).max() < 1e-12
    assert p.min() > -1e-12
    numbers = equation.thermodynamics(p)
    assert np.diff(numbers.F).max() < 1e-12 * max(1, numbers.F[0] - equation.F)
    assert np.allclose(numbers.E - T * numbers.S, numbers.F, rtol=1e-14)
    hold = equation.evolve(equation.boltzmann, [1.0, 1e6])
    assert np.abs(hold - equation.boltzmann).max() < 1e-14
    if T > 0.2:  # colder, the barrier is not passed within this time
        assert np.abs(p[-1] - equation.boltzmann).max() < 1e-8
        assert abs(numbers.F[-1] - equation.F) < 1e-8


@pytest.mark.parametrize("name", ["saddle", "uniform", "corner"])
def test_agrees_with_another_matrix_exponential(name):
    equation = MasterEquation(double_well(41), 0.25, cells=(30, 36))
    p0, times = start(equation, name), np.array([1e-3, 0.02, 0.2, 1.0])
    p = equation.evolve(p0, times)
    for row, t in zip(p, times, strict=True):
        other = expm_multiply(equation.generator * t, p0[equation.inside]).reshape(equation.shape)
        assert np.abs(row - other).max() < 1e-9 * other.max()


def test_both_expansions_agree_where_both_serve():
    equation = MasterEquation(double_well(41), 0.25, cells=32)
    propagator, p = equation._propagator, equation.gaussian((0.3, 0.2), 0.3)[equation.inside]
    assert propagator._distance(p) < CHI
    spans = np.array([0.0, 0.3, 5.0, 200.0, 1500.0])
    assert np.abs(propagator._uniform(p, spans) - propagator._chebyshev(p, spans)).max() < 1e-13


def test_detailed_balance_of_the_generator():
    equation = MasterEquation(double_well(41), 0.2, cells=24)
    flow = equation.generator.toarray() * equation.boltzmann[equation.inside]
    assert np.abs(flow - flow.T).max() < 1e-14 * np.abs(flow).max()
    assert np.abs(equation.generator.sum(axis=0)).max() < 1e-9


def test_a_gaussian_in_a_harmonic_well_follows_its_closed_form_at_second_order():
    k, T, width, centre = 1.0, 0.5, 0.6, 1.2
    times = np.array([0.1, 0.5, 1.5])
    decay = np.exp(-k * times)
    variance = T / k + (width**2 - T / k) * decay**2
    E = 0.5 * k * (2 * variance + (centre * decay) ** 2)
    S = np.log(2 * np.pi * np.e * variance)
    errors = []
    for cells in (40, 80):
        equation = MasterEquation(harmonic(k), T, cells)
        numbers = equation.thermodynamics(equation.evolve(equation.gaussian((centre, 0), width), times))
        errors.append([np.abs(numbers.E - E).max(), np.abs(numbers.S - S).max()])
    order = np.log2(np.array(errors[0]) / errors[1])
    assert (order > 1.8).all() and max(errors[1]) < 2e-2


def test_relaxation_of_free_diffusion_to_uniform():
    """No force: cosine modes decay at T (pi/L)^2; on n cells at 4 T/h^2 sin^2(pi/2n), exactly."""
    flat = tv.Surface.from_grid(np.linspace(0, 1, 9), np.linspace(0, 1, 9), np.zeros((9, 9)))
    n, T, t = 20, 0.3, 0.7
    equation = MasterEquation(flat, T, n)
    mode = np.cos(np.pi * (np.arange(n) + 0.5) / n)[:, None] * np.ones(n)
    p = equation.evolve((1 + 0.5 * mode) / n**2, [t])[0]
    rate = 4 * T * n**2 * np.sin(np.pi / (2 * n)) ** 2
    assert np.allclose(p * n**2, 1 + 0.5 * np.exp(-rate * t) * mode, atol=1e-13)


@pytest.mark.parametrize("T", [0.1, 0.25, 1.0])
def test_equilibrium_values_at_three_temperatures(T):
    surface = double_well()
    exact = surface.equilibrium(T)
    errors = []
    for cells in (80, 160):
        equation = MasterEquation(surface, T, cells)
        numbers = equation.thermodynamics(equation.boltzmann)
        errors.append([abs(equation.F - exact.F), abs(numbers.E - exact.U), abs(numbers.S - exact.S)])
        assert numbers.F == pytest.approx(equation.F, abs=1e-12)
    # Second order at least, down to the float32 rounding of the surface's values.
    assert np.max(errors[1]) < 1e-3 * T and np.all(np.array(errors[1]) <= np.array(errors[0]) / 3 + 1e-6), errors


def test_far_above_equilibrium_nothing_is_lost():
    """chi overflows every float here: the chain must begin with what adds positive numbers only."""
    surface = tv.scan(tv.MuellerBrown(), resolution=41, tolerance=0)
    equation = MasterEquation(surface, 5.0, cells=40)
    p = equation.evolve(equation.gaussian((1.1, 2.0), 0.1), np.geomspace(1e-6, 1e-2, 12), products=2e4)
    assert len(p) > 3 and np.abs(p.sum(axis=(1, 2)) - 1).max() < 1e-12 and p.min() > -1e-12
    F = equation.thermodynamics(p).F
    assert np.diff(F).max() < 1e-9 * abs(F[0])


def test_products_limit_how_far_time_reaches():
    equation = MasterEquation(double_well(41), 0.25, cells=40)
    times = np.geomspace(1e-3, 1e6, 40)
    assert 0 < len(equation.evolve(equation.gaussian((0.5, 0), 0.1), times, products=300)) < 40


def test_holes_carry_no_mass():
    surface = double_well(41)
    U = surface.E.copy()
    U[5:9, 20:24] = np.nan
    holed = tv.Surface.from_grid(surface.xs, surface.ys, U)
    equation = MasterEquation(holed, 0.5, cells=40)
    p = equation.evolve(equation.uniform(), [0.5, 50.0])
    assert np.abs(p.sum(axis=(1, 2)) - 1).max() < 1e-12 and not p[:, ~equation.inside].any()
    assert not equation.inside.all()


@pytest.mark.parametrize(("call", "said"), [
    (lambda s: MasterEquation(s, 0), "temperature"), (lambda s: MasterEquation(s, 1, 1), "cells"),
    (lambda s: MasterEquation(s, 1, "many"), "cells"), (lambda s: MasterEquation(s, 1, highest=-9), "highest"),
    (lambda s: MasterEquation(s, 1).evolve(np.ones(3), [1]), "shape"),
    (lambda s: MasterEquation(s, 1).evolve(-np.ones((80, 80)), [1]), "masses"),
    (lambda s: MasterEquation(s, 1).evolve(np.ones((80, 80)), [2, 1]), "increasing"),
    (lambda s: MasterEquation(s, 1).in_basin(7), "basin"),
    (lambda s: MasterEquation(s, 1).gaussian((90, 0), 0.1), "no mass"),
])
def test_bad_input_is_refused_in_one_sentence(call, said):
    with pytest.raises(tv.BadInput, match=said):
        call(double_well(21))
