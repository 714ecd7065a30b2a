"""Work, Jarzynski and exact Metropolis steps against closed forms, to 4 computed standard errors."""

import math

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics.mala import MALA
from thermoviz.core.energies.driven import Tilted, Trap
from thermoviz.core.errors import BadInput, TooFewSamples
from thermoviz.core.seeds import rng
from thermoviz.core.statistics.estimators import independent_mean
from thermoviz.core.thermodynamics.work import LEAST_KISH, dragged_trap, drive, jarzynski, kish_size, stiffening_trap

T = 0.5


def equilibrated(k, n, d=1, seed=0):
    return rng(seed, "start").standard_normal((n, d)) * math.sqrt(T / k)


def variance_within(samples, expected):
    """4 standard errors of a sample variance, from the sample's own fourth moment."""
    centred = (samples - samples.mean()) ** 2
    estimate = independent_mean(centred)
    return abs(estimate.value - expected) < 4 * estimate.stderr


def discrete_dragged(k, speed, dt, steps):
    """Mean and variance of the work of Euler's chain: y = x - centre is AR(1), the work linear in it."""
    a, shift = 1 - k * dt, speed * dt
    # Before switch j stands y_j: dW_j = k/2 ((y_j - shift)^2 - y_j^2), then y_{j+1} = a (y_j - shift) + noise.
    mean_y, mean = 0.0, 0.0
    for _ in range(steps):
        mean += -k * shift * mean_y + k * shift**2 / 2
        mean_y = a * (mean_y - shift)
    var_y, variance = T / k, 0.0
    for j in range(steps):
        reach = (1 - a ** (steps - j)) / (1 - a)  # how the fluctuation of y_j enters all later works
        variance += (k * shift * reach) ** 2 * (var_y if j == 0 else 2 * T * dt)
    return mean, variance


@pytest.mark.parametrize("k, speed, time", [(1.0, 1.0, 2.0), (4.0, -0.7, 0.5), (0.3, 2.0, 3.0)])
def test_dragged_trap_has_the_work_of_the_discrete_chain_and_nears_the_closed_form(k, speed, time):
    steps, n = 200, 20_000
    dt = time / steps
    path = drive(lambda centre: Trap(k, centre), speed * dt * np.arange(steps + 1),
                 tv.Overdamped(dt, scheme="euler-maruyama"), equilibrated(k, n), T, seed=1)
    mean, variance = discrete_dragged(k, speed, dt, steps)
    found = independent_mean(path.work)
    assert abs(found.value - mean) < 4 * found.stderr
    assert variance_within(path.work, variance)
    law = dragged_trap(k, speed, time, T)
    # The discrete chain converges to the closed form at first order in dt.
    errors = [abs(discrete_dragged(k, speed, time / m, m)[0] - law.mean) for m in (200, 400)]
    assert 1.9 < errors[0] / errors[1] < 2.1
    assert abs(found.value - law.mean) < 4 * found.stderr + errors[0]
    assert law.variance == pytest.approx(2 * T * law.mean) and law.free_energy == 0


@pytest.mark.parametrize("speed", [0.3, 0.9])
def test_dragging_a_trap_costs_no_free_energy(speed):
    """Exactly so at a coarse time step, because each step keeps Boltzmann's law."""
    k, dt, steps = 2.0, 0.2, 10
    path = drive(lambda centre: Trap(k, centre), speed * dt * np.arange(steps + 1), MALA(dt),
                 equilibrated(k, 40_000), T, seed=2)
    found = jarzynski(path.work, T)
    assert abs(found.value) < 4 * found.stderr and found.stderr < T / 10
    assert independent_mean(path.work).value > 0


@pytest.mark.parametrize("k0, k1, time, d", [(1.0, 3.0, 1.0, 1), (4.0, 1.0, 0.3, 2), (1.0, 2.0, 5.0, 1)])
def test_stiffening_trap(k0, k1, time, d):
    steps, n = 150, 20_000
    law = stiffening_trap(k0, k1, time, T, d)

    def at(refine, seed):
        lambdas = np.linspace(k0, k1, refine * steps + 1)
        path = drive(Trap, lambdas, MALA(time / (refine * steps)), equilibrated(k0, n, d), T, seed=seed)
        return path.work

    coarse, fine = at(1, 3), at(2, 4)
    one, two = independent_mean(coarse), independent_mean(fine)
    step_error = abs(one.value - two.value)
    assert abs(two.value - law.mean) < 4 * two.stderr + step_error
    squares = independent_mean((fine - fine.mean()) ** 2)
    coarse_squares = independent_mean((coarse - coarse.mean()) ** 2)
    assert abs(squares.value - law.variance) < 4 * squares.stderr + abs(squares.value - coarse_squares.value)
    assert law.free_energy == pytest.approx(d * T / 2 * math.log(k1 / k0))
    found = jarzynski(fine, T)
    assert abs(found.value - law.free_energy) < 4 * found.stderr
    assert law.mean > law.free_energy


def test_stiffening_limits():
    """Sudden: the work is gamma distributed; slow: it tends to the free energy with Var W = 2 T (<W> - dF)."""
    sudden, fast = stiffening_trap(1.0, 3.0, 0.0, T), stiffening_trap(1.0, 3.0, 1e-6, T)
    assert sudden.mean == pytest.approx(T) and sudden.variance == pytest.approx(2 * T**2)
    assert fast.mean == pytest.approx(sudden.mean, rel=1e-4) and fast.variance == pytest.approx(2 * T**2, rel=1e-4)
    slow = stiffening_trap(1.0, 3.0, 1e4, T)
    assert slow.mean == pytest.approx(slow.free_energy, rel=1e-3)
    assert slow.variance == pytest.approx(2 * T * (slow.mean - slow.free_energy), rel=1e-2)
    x = equilibrated(1.0, 50_000)
    work = Trap(3.0)(x) - Trap(1.0)(x)
    found = jarzynski(work, T)
    assert abs(found.value - sudden.free_energy) < 4 * found.stderr


def test_tilting_a_surface_gives_the_free_energy_of_the_tilted_grid():
    surface = tv.scan(tv.DoubleWell(0.8), resolution=81, tolerance=0)
    slope = np.array([0.6, -0.2])
    tilted = tv.Surface.from_grid(surface.xs, surface.ys, surface.E + surface.xs[:, None] * slope[0]
                                  + surface.ys[None] * slope[1])
    exact = tilted.equilibrium(T).F - surface.equilibrium(T).F
    x0 = surface.equilibrium(T).sample(4000, rng(1, "balls"))
    for steps in (5, 100):
        path = drive(lambda share: Tilted(surface, share * slope), np.linspace(0, 1, steps + 1), MALA(0.05), x0, T)
        found = jarzynski(path.work, T)
        assert abs(found.value - exact) < 4 * found.stderr
        assert independent_mean(path.work).value > exact


def test_replicas_may_be_driven_at_different_speeds():
    """One batch, two speeds: each group has the work of its own speed."""
    k, n, steps, dt = 2.0, 8000, 100, 0.01
    speeds = np.repeat([0.5, 2.0], n)
    centres = np.multiply.outer(dt * np.arange(steps + 1), speeds)[:, :, None]
    path = drive(lambda centre: Trap(k, centre), centres, tv.Overdamped(dt, scheme="euler-maruyama"),
                 equilibrated(k, 2 * n), T)
    for speed in (0.5, 2.0):
        found = independent_mean(path.work[speeds == speed])
        assert abs(found.value - discrete_dragged(k, speed, dt, steps)[0]) < 4 * found.stderr


def test_jarzynski_of_normal_work_and_its_refusals():
    """Normal work: dF = <W> - Var W / 2T, exactly; broad work is refused, not guessed."""
    W = 1.0 + math.sqrt(0.6) * rng(5, "work").standard_normal(20_000)
    found = jarzynski(W, T)
    assert abs(found.value - (1.0 - 0.6 / (2 * T))) < 4 * found.stderr
    with pytest.raises(TooFewSamples, match="Kish"):
        jarzynski(20 * rng(5, "work").standard_normal(1000), T)
    with pytest.raises(TooFewSamples):
        jarzynski(np.zeros(int(LEAST_KISH) - 1), T)
    assert jarzynski([0.3] * 60, T).value == pytest.approx(0.3)
    for bad in ([], [np.nan] * 60, "many", [[1.0]]):
        with pytest.raises(BadInput):
            jarzynski(bad, T)
    with pytest.raises(BadInput, match="temperature"):
        jarzynski([0.1] * 60, 0.0)


def test_kish_size():
    assert kish_size(np.zeros(7)) == pytest.approx(7)
    assert kish_size([0.0, -1000.0, -1000.0]) == pytest.approx(1)
    assert kish_size(np.log([1.0, 3.0])) == pytest.approx(16 / 10)


def test_the_error_of_jarzynski_is_right():
    """The scatter of many estimates agrees with the error they state, and their mean with the truth."""
    W = 0.2 + 0.5 * rng(6, "work").standard_normal((400, 500))
    estimates = [jarzynski(row, T) for row in W]
    values = np.array([e.value for e in estimates])
    stated = np.mean([e.stderr for e in estimates])
    scatter = values.std(ddof=1)
    assert abs(scatter - stated) < 4 * scatter / math.sqrt(2 * 399)
    assert abs(values.mean() - (0.2 - 0.25 / (2 * T))) < 4 * scatter / 20


def test_drive_refuses_what_is_no_drive():
    with pytest.raises(BadInput, match="at least two"):
        drive(Trap, [1.0], MALA(0.1), np.zeros((3, 1)), T)
    with pytest.raises(BadInput):
        dragged_trap(0.0, 1.0, 1.0, T)
    with pytest.raises(BadInput):
        stiffening_trap(1.0, -2.0, 1.0, T)
