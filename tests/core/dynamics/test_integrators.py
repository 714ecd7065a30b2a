"""Optimisers against torch.optim; thermostats against their stationary laws, walls, orders of convergence."""

import math

import numpy as np
import pytest
from made_energies import Flat, Samples
from scipy.integrate import quad
from scipy.interpolate import CubicSpline, RectBivariateSpline

import thermoviz as tv
from thermoviz.core.dynamics import simulation
from thermoviz.core.dynamics.walls import fold, walls_for
from thermoviz.core.specs import from_json, to_json

THERMOSTATS = {
    "leimkuhler-matthews": lambda dt: tv.Overdamped(dt=dt),
    "euler-maruyama": lambda dt: tv.Overdamped(dt=dt, scheme="euler-maruyama"),
    "baoab": lambda dt: tv.BAOAB(dt=dt, friction=1.5),
}
SAMPLES = 20_000


@pytest.mark.parametrize("kd", [0.05, 0.4, 1.2])
@pytest.mark.parametrize("name", THERMOSTATS)
def test_stationary_variance_in_a_harmonic_well(name, kd):
    """Leimkuhler-Matthews and BAOAB are exact; Euler-Maruyama is too hot by 1/(1 - k dt/2)."""
    k, T = 2.0, 0.35
    dt = kd / k
    x0 = np.random.default_rng(0).standard_normal((SAMPLES, 3)) * np.sqrt(T / k)
    steps = int(np.ceil(6 / (kd if name != "baoab" else dt)))
    traj = tv.simulate(tv.Harmonic(k), THERMOSTATS[name](dt), x0, steps, temperature=T, seed=1, record_every=steps)
    expected = T / k / (1 - kd / 2) if name == "euler-maruyama" else T / k
    error = expected * np.sqrt(2 / (3 * SAMPLES))
    assert abs(traj.x[-1].var() - expected) < 4 * error
    assert abs(traj.energy[-1].mean() - 1.5 * k * expected) < 4 * 1.5 * k * error


@pytest.mark.parametrize("name, dt", [("leimkuhler-matthews", 0.02), ("baoab", 0.05)])
def test_boltzmann_moments_of_the_double_well(name, dt):
    """Against quadrature. Both start inside one well's symmetric law; the even moments do not need to hop."""
    T, energy = 0.25, tv.DoubleWell()
    weight = lambda x: np.exp(-energy([x]) / T)  # noqa: E731
    Z = quad(weight, -3, 3)[0]
    x0 = np.random.default_rng(0).choice([-1.0, 1.0], size=(SAMPLES, 1))
    x = tv.simulate(energy, THERMOSTATS[name](dt), x0, 400, temperature=T, seed=2, record_every=400).x[-1, :, 0]
    for power in (2, 4):
        exact = quad(lambda x: x**power * weight(x), -3, 3)[0] / Z  # noqa: B023
        got = x**power
        assert abs(got.mean() - exact) < 4 * got.std() / np.sqrt(SAMPLES)


def koopman_mean(dynamics, energy, f, T, steps):
    """Stationary <f> with no noise at all: the step itself, its normals replaced by Gauss-Hermite nodes.

    Iterates (P f)(state) = sum_k w_k f(step(state, R_k)) on a grid of states until it is constant.
    Twice as many nodes and places change the biases that are asked for by less than 0.3 %.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    weights = weights / weights.sum()
    xs = np.linspace(-2.6, 2.6, 161)
    inertial = isinstance(dynamics, tv.BAOAB)
    keeps = dynamics.init(energy, np.zeros((1, 1)), np.random.default_rng(0))[1] is not None
    memory = nodes if keeps else np.zeros(1)
    others = np.linspace(-4.5, 4.5, 101) if inertial else memory
    grid_x, grid_o = (a.reshape(-1, 1) for a in np.meshgrid(xs, others, indexing="ij"))
    example = dynamics.init(energy, grid_x, np.random.default_rng(0))
    if inertial:
        state = example._replace(x=grid_x, velocity=grid_o, started=True)
    else:
        state = example._replace(x=grid_x, kept=None if example.kept is None else grid_o)

    class Fixed:
        def __init__(self, value):
            self.value = value

        def standard_normal(self, shape, dtype):
            return np.full(shape, self.value, dtype)

    after = [dynamics.step(energy, state, Fixed(node), T) for node in nodes]
    values = f(grid_x).reshape(len(xs), len(others))
    for _ in range(steps):
        if inertial:
            spline = RectBivariateSpline(xs, others, values)
            mapped = [spline.ev(np.clip(s.x[:, 0], *xs[[0, -1]]), np.clip(s.velocity[:, 0], *others[[0, -1]]))
                      for s in after]
        else:
            # Column k: the state whose kept normal number is node k (one column, where nothing is kept).
            columns = [CubicSpline(xs, column) for column in values.T]
            mapped = [columns[k % len(columns)](np.clip(s.x[:, 0], *xs[[0, -1]])) for k, s in enumerate(after)]
        values = sum(w * m for w, m in zip(weights, mapped, strict=True)).reshape(values.shape)
    middle = np.abs(xs - 1) < 0.3
    return values[middle][:, len(others) // 2].mean(), np.ptp(values[middle][:, len(others) // 2])


@pytest.mark.parametrize("name, steps_of, order", [
    ("euler-maruyama", (0.02, 0.01), 1), ("leimkuhler-matthews", (0.06, 0.03), 2),
    pytest.param("baoab", (0.3, 0.15), 2, marks=pytest.mark.slow),
])
def test_order_of_convergence_of_the_stationary_law(name, steps_of, order):
    """Bias of <x^2> in the double well, deterministic, so that the order is that of the step and of nothing else."""
    T, energy = 0.25, tv.DoubleWell()
    weight = lambda x: np.exp(-energy([x]) / T)  # noqa: E731
    exact = quad(lambda x: x * x * weight(x), -3, 3)[0] / quad(weight, -3, 3)[0]
    biases = []
    for dt in steps_of:
        time = 18 if name == "baoab" else 5
        value, spread = koopman_mean(THERMOSTATS[name](dt), energy, lambda x: x**2, T, int(time / dt))
        biases.append(value - exact)
        assert spread < 0.02 * abs(biases[-1])  # converged to a constant
    measured = np.log2(biases[0] / biases[1])
    # The next order contributes a relative O(dt k): .16 to .5 of an order here at most.
    assert abs(measured - order) < 0.35


def test_free_displacements_of_both_schemes():
    """Euler 2 T t; Leimkuhler-Matthews 2 T (t - dt/2): half a noise is missing at either end."""
    T, dt, steps = 0.3, 0.1, 20
    for scheme, time in (("euler-maruyama", dt * steps), ("leimkuhler-matthews", dt * (steps - 0.5))):
        expected, x0 = 2 * T * time, np.zeros((SAMPLES, 2))
        traj = tv.simulate(Flat(), tv.Overdamped(dt=dt, scheme=scheme), x0, steps, T, record_every=steps)
        assert abs((traj.x[-1] ** 2).mean() - expected) < 4 * expected * np.sqrt(2 / (2 * SAMPLES))


@pytest.mark.parametrize("name", THERMOSTATS)
def test_walls_keep_a_gas_uniform_and_warm(name):
    """E = 0 in a box that is hit every other step: uniform in the box, Maxwell's width for the velocities."""
    bounds, T = ((0.0, 1.0), (-2.0, 0.5)), 1.0
    dynamics = THERMOSTATS[name](0.4)
    x0 = np.random.default_rng(3).uniform([0, -2], [1, 0.5], size=(SAMPLES, 2))
    traj = tv.simulate(Flat(), dynamics, x0, 60, T, seed=4, record_every=60, bounds=bounds)
    unit = (traj.x[-1] - [0, -2]) / [1, 2.5]
    assert ((unit >= 0) & (unit <= 1)).all()
    counts = np.histogramdd(unit, bins=(10, 10), range=((0, 1), (0, 1)))[0].ravel()
    chi2 = ((counts - SAMPLES / 100) ** 2 / (SAMPLES / 100)).sum()
    assert abs(chi2 - 99) < 4 * np.sqrt(2 * 99)
    if name == "baoab":
        walls = walls_for(bounds, x0)
        rng = np.random.default_rng(5)
        state = dynamics.init(Flat(), x0, rng)
        for _ in range(40):
            state = simulation._reflected(dynamics, dynamics.step(Flat(), state, rng, T), walls)
        assert abs(state.velocity.var() - T) < 4 * T * np.sqrt(2 / (2 * SAMPLES))


@pytest.mark.parametrize("name", THERMOSTATS)
def test_far_walls_change_nothing(name):
    x0 = np.random.default_rng(0).standard_normal((200, 2))
    free, boxed = (tv.simulate(tv.Harmonic(), THERMOSTATS[name](0.1), x0, 300, 0.5, bounds=bounds)
                   for bounds in (None, ((-50, 50), (-50, 50))))
    np.testing.assert_array_equal(free.x, boxed.x)


@pytest.mark.parametrize("scheme", ["leimkuhler-matthews", "euler-maruyama"])
def test_masked_cells_are_never_entered_and_the_rest_stays_uniform(scheme):
    xs = np.linspace(0, 1, 21)
    U = np.zeros((21, 21))
    U[8:13, 8:13] = np.nan
    surface = tv.Surface.from_grid(xs, xs, U)
    rng = np.random.default_rng(0)
    x0 = rng.uniform(size=(3 * SAMPLES, 2))
    x0 = x0[~surface.masked(x0)][:SAMPLES]
    traj = tv.simulate(surface, tv.Overdamped(dt=0.01, scheme=scheme), x0, 100, 0.1, record_every=20)
    assert not surface.masked(traj.x).any()
    inside = ~surface.mask.ravel()
    counts = np.histogramdd(traj.x[-1], bins=(20, 20), range=((0, 1), (0, 1)))[0].ravel()[inside]
    expected = SAMPLES / inside.sum()
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi2 - (inside.sum() - 1)) < 4 * np.sqrt(2 * inside.sum())


def test_balls_on_a_surface_reach_its_boltzmann_law():
    """Through tabulation, spline, walls and integrator, at two temperatures."""
    surface = tv.scan(tv.TiltedDoubleWell(barrier=0.3, tilt=0.1), resolution=41)
    for T in (0.1, 0.4):
        eq = surface.equilibrium(T)
        start = eq.sample(SAMPLES, np.random.default_rng(0))
        dt = 0.2 * surface.suggested_dt(T)
        energy = tv.simulate(surface, tv.Overdamped(dt=dt), start, 300, T, record_every=300).energy[-1]
        # The O(dt) error at a wall with force is the difference to dt/2.
        half = tv.simulate(surface, tv.Overdamped(dt=dt / 2), start, 600, T, record_every=600).energy[-1]
        error = energy.std() / np.sqrt(SAMPLES)
        assert abs(energy.mean() - eq.U) < 4 * error + abs(energy.mean() - half.mean())


def torch_path(make, steps=50):
    """Positions of a torch optimiser on Rosenbrock's valley, float64."""
    import torch

    theta = torch.tensor([[-1.2, 1.0, 0.3], [0.4, -0.3, 0.9]], dtype=torch.float64, requires_grad=True)
    optimiser, path = make([theta]), [theta.detach().clone()]
    for _ in range(steps):
        optimiser.zero_grad()
        head, tail = theta[:, :-1], theta[:, 1:]
        (100 * (tail - head**2) ** 2 + (1 - head) ** 2).sum().backward()
        optimiser.step()
        path.append(theta.detach().clone())
    return torch.stack(path).numpy()


@pytest.mark.parametrize("dynamics, name, settings", [
    (tv.GradientDescent(1e-3), "SGD", {"lr": 1e-3}),
    (tv.SGD(1e-4, momentum=0.9), "SGD", {"lr": 1e-4, "momentum": 0.9}),
    (tv.Adam(0.05, beta1=0.8, beta2=0.99, eps=1e-6), "Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-6}),
    (tv.RMSProp(0.02, alpha=0.9, eps=1e-7), "RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-7}),
])
def test_optimisers_equal_torch_step_by_step(dynamics, name, settings):
    import torch

    expected = torch_path(lambda p: getattr(torch.optim, name)(p, **settings))
    got = tv.simulate(tv.Rosenbrock(), dynamics, expected[0], 50).x
    np.testing.assert_allclose(got, expected, atol=1e-10, rtol=1e-10)


def test_energy_conservation_without_friction_is_of_second_order():
    energy, errors = tv.DoubleWell(), []
    for dt in (0.02, 0.01):
        dynamics = tv.BAOAB(dt=dt, friction=0.0)
        state = dynamics.init(energy, np.array([[0.4, 0.7]]), np.random.default_rng(0))
        start = state._replace(velocity=np.array([[0.3, -0.2]]))
        state, totals = start, []
        for _ in range(int(4 / dt)):
            state = dynamics.step(energy, state, np.random.default_rng(0), 1.0)
            v = state.velocity + 0.5 * dt * energy.force(state.x)
            totals.append(float(energy(state.x)[0] + 0.5 * (v**2).sum()))
        errors.append(np.abs(np.array(totals) - float(energy(start.x)[0]) - 0.5 * 0.13).max())
    assert abs(np.log2(errors[0] / errors[1]) - 2) < 0.05


@pytest.mark.parametrize("name", tv.DYNAMICS)
def test_contract_of_every_dynamics(name):
    """Survives JSON; the same seed gives the same bits; the start stays; a record more changes nothing."""
    dynamics = tv.DYNAMICS[name]()
    assert from_json(type(dynamics), to_json(dynamics)) == dynamics
    x0 = np.random.default_rng(0).uniform(-1, 1, size=(5, 4))
    T = 0.3 if dynamics.heated else 0.0
    runs = [tv.simulate(tv.DoubleWell(), dynamics, x0, 30, T, seed=7, record_every=every) for every in (1, 1, 10)]
    np.testing.assert_array_equal(runs[0].x, runs[1].x)
    np.testing.assert_array_equal(runs[0].x[::10], runs[2].x)
    np.testing.assert_array_equal(runs[0].x[0], x0)
    np.testing.assert_allclose(runs[0].energy, tv.DoubleWell()(runs[0].x))
    np.testing.assert_array_equal(runs[2].steps, [0, 10, 20, 30])
    np.testing.assert_allclose(runs[2].time, runs[2].steps * dynamics.step_time)
    rate = dynamics.noise_rate  # every dynamics says whether noise in the gradient gives it a temperature
    assert rate is None or np.isfinite(rate) and rate > 0
    if dynamics.heated:
        assert (tv.simulate(tv.DoubleWell(), dynamics, x0, 5, T, seed=8).x[-1] != runs[0].x[5]).all()


class Noisy:
    """A harmonic well, curvature h [d], whose every gradient carries noise of variance `noise` [d]."""

    def __init__(self, h, noise):
        self.h, self.noise, self.rng = np.asarray(h), noise, np.random.default_rng(11)

    def __call__(self, x):
        return 0.5 * (self.h * x**2).sum(-1)

    def force(self, x):
        return -self.h * x + self.noise**0.5 * self.rng.standard_normal(x.shape)


WARMED = {**{name: kind() for name, kind in tv.DYNAMICS.items()}, "momentum": tv.SGD(0.02, 0.9),
          "euler-maruyama": tv.Overdamped(0.05, scheme="euler-maruyama"), "coarse baoab": tv.BAOAB(0.3, 10.0)}


@pytest.mark.parametrize("name", WARMED)
def test_noise_in_the_gradient_heats_as_the_dynamics_says(name):
    """h <x^2> = rate * noise / 2 in every direction, wherever a rate is claimed; none is where directions differ."""
    dynamics, noise, n = WARMED[name], np.array([0.7, 0.2]), 10_000
    rate = dynamics.noise_rate or dynamics.step_time
    h = np.array([0.01, 0.03]) / rate  # slow against a step, and against the memory of momentum
    T = rate * noise / 2
    x0 = np.random.default_rng(0).standard_normal((n, 2)) * np.sqrt(T / h)
    steps = math.ceil(3 / 0.01)
    x = tv.simulate(Noisy(h, noise), dynamics, x0, steps, seed=3, record_every=steps).x[-1]
    heats = h * (x**2).mean(0)
    # Steps of finite length: of relative order rate h. What is left of the start is right already.
    tolerance = 4 * T * np.sqrt(2 / n) + T * rate * h
    if dynamics.noise_rate is None:  # the rate of one direction is not that of the other
        assert abs(np.log(heats[0] / T[0]) - np.log(heats[1] / T[1])) > 4 * np.sqrt(4 / n) + (rate * h).sum()
    else:
        assert (abs(heats - T) < tolerance).all()


def test_without_friction_noise_heats_without_end():
    assert tv.BAOAB(friction=0.0).noise_rate is None and tv.BAOAB(friction=[0.0, 1.0]).noise_rate is None
    np.testing.assert_allclose(tv.BAOAB(0.1, [1.0, 2.0]).noise_rate, [0.1, 0.05], rtol=4e-3)
    np.testing.assert_allclose(tv.SGD(0.1, [0.0, 0.9]).noise_rate, [0.1, 1.0])


@pytest.mark.parametrize("name", tv.DYNAMICS)
def test_tensors_stay_tensors_and_agree_at_zero_temperature(name):
    import torch

    class Quartic:
        def __call__(self, x):
            return (x**4).sum(-1)

        def force(self, x):
            assert isinstance(x, torch.Tensor)
            return -4 * x**3

    dynamics = tv.DYNAMICS[name]()
    x0 = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(3, 4)
    tensors = tv.simulate(Quartic(), dynamics, x0, 20)
    arrays = tv.simulate(lambda x: (x**4).sum(-1), dynamics, x0.numpy(), 20)
    np.testing.assert_allclose(tensors.x, arrays.x, atol=1e-13)
    if dynamics.heated:
        warm = tv.simulate(Quartic(), dynamics, x0, 20, temperature=0.1, bounds=((-1, 1),) * 4)
        assert (np.abs(warm.x) <= 1).all() and (warm.x[-1] != tensors.x[-1]).all()


def test_sgd_on_a_quadratic_has_its_exact_stationary_variance():
    """theta <- theta - lr (theta - mean of a batch): variance lr^2 C/B / (1 - (1 - lr)^2), with replacement."""
    energy, lr, B = Samples(), 0.3, 5
    n = 6000
    traj = tv.simulate(energy, tv.SGD(lr), np.zeros((n, 2)), 60, batch_size=B, record_every=60)
    C = energy.a.var(axis=0)
    expected = lr * C / B / (2 - lr)
    assert (np.abs(traj.x[-1].var(axis=0) - expected) < 4 * expected * np.sqrt(2 / n)).all()
    fresh = tv.simulate(energy, tv.SGD(lr), np.zeros((n, 2)), 60, batch_size=B, record_every=60, batching="fresh")
    expected = expected * (40 - B) / (40 - 1)
    assert (np.abs(fresh.x[-1].var(axis=0) - expected) < 4 * expected * np.sqrt(2 / n)).all()


def test_reflection_is_repeated_reflection():
    rng = np.random.default_rng(0)
    x = rng.uniform(-40, 40, size=(500, 2))
    bounds = np.array([[-1.0, 2.0], [0.0, 0.5]])
    expected, sign = x.copy(), np.ones_like(x)
    for i, (low, high) in enumerate(bounds):
        for row in range(len(x)):
            while not low <= expected[row, i] <= high:
                expected[row, i] = 2 * (low if expected[row, i] < low else high) - expected[row, i]
                sign[row, i] *= -1
    np.testing.assert_allclose(tv.reflect(x, bounds), expected, atol=1e-12)
    np.testing.assert_allclose(tv.reflect(x, bounds.ravel()), expected, atol=1e-12)
    np.testing.assert_array_equal(fold(x, walls_for(bounds, x))[1], sign)
    half = tv.reflect([[-3.0, 7.0]], ((0, np.inf), (-np.inf, np.inf)))
    np.testing.assert_allclose(half, [[3.0, 7.0]])


def test_bad_settings_get_one_sentence():
    for attempt in (lambda: tv.SGD(-0.1), lambda: tv.SGD(0.1, 1.0), lambda: tv.Overdamped(0.1, scheme="magic"),
                    lambda: tv.Schedule("exponential", 1.0, 0.0), lambda: tv.Adam(float("nan")),
                    lambda: tv.reflect(3.0, ((0, 1),)), lambda: tv.reflect([1.0, 2.0], "box")):
        with pytest.raises(tv.BadInput) as caught:
            attempt()
        assert "\n" not in str(caught.value)
