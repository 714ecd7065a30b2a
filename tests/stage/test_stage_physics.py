"""The stage's own physics in a real browser: the same equations as Python's, and the statistics that they must have."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics import simulation
from thermoviz.core.landscape.surfaces import Surface
from thermoviz.stage.payload import _follows_from_energies as may_leave_out_derivatives
from thermoviz.stage.payload import payload

pytestmark = pytest.mark.browser

SCHEMES = ("leimkuhler-matthews", "euler-maruyama", "baoab")


# Surfaces, one of each kind


def grid(function, xs, ys):
    x, y = np.meshgrid(xs, ys, indexing="ij")
    return Surface.from_grid(xs, ys, function(x, y))


def double_well(x, y):
    return (x**2 - 1) ** 2 + y**2


def smooth_random(x, y):
    """A sum of waves with random phases on a high floor: nothing is symmetric, and the energies are not near zero."""
    generator = np.random.default_rng(5)
    waves = [(generator.normal(size=2), generator.uniform(0, 2 * np.pi)) for _ in range(12)]
    return 7.3 + sum(np.cos(k[0] * x + k[1] * y + phase) for k, phase in waves) / 4


def with_hole(x, y):
    return np.where((x - 0.4) ** 2 + (y + 0.3) ** 2 < 0.09, np.nan, double_well(x, y))


SURFACES = {
    "analytic": lambda: grid(double_well, np.linspace(-1.7, 1.7, 41), np.linspace(-1.2, 1.2, 41)),
    "oblong": lambda: grid(smooth_random, np.linspace(-5, 4, 61), np.linspace(10, 13, 23)),
    "masked": lambda: grid(with_hole, np.linspace(-1.7, 1.7, 41), np.linspace(-1.2, 1.2, 41)),
    "cliff": lambda: grid(lambda x, y: -40 * x + y**2, np.linspace(0, 1, 17), np.linspace(-1, 1, 17)),
    "steep": lambda: grid(lambda x, y: np.exp(3 * (x**2 + y**2)), np.linspace(-2, 2, 81), np.linspace(-2, 2, 81)),
    "flat": lambda: grid(lambda x, y: 0 * x + 0.7, np.linspace(0, 1, 9), np.linspace(0, 2, 9)),
    "tiny": lambda: grid(lambda x, y: 1e-3 * x + y**2, np.linspace(0, 1e-3, 4), np.linspace(0, 2e-3, 5)),
}


@pytest.fixture(params=SURFACES)
def surface(request):
    return SURFACES[request.param]()


def run_of(surface, **more):
    """What the stage asks of a Run that is a surface alone."""
    scale = surface.scale or 1.0
    states = tuple(surface.equilibrium(scale * t) for t in (0.1, 1.0))
    return SimpleNamespace(**{"id": "0" * 16, "kind": "potential", "surface": surface, "plane": None, "honesty": None,
                              "arrays": {}, "numbers": {}, "equilibria": states, "crossing": None,
                              "spec": SimpleNamespace(potential=surface), **more})


def message(surface):
    return payload(run_of(surface), "dark", words={})


def random_points(surface, n, seed=0):
    """Points of the box that lie in cells with data [n, 2]."""
    low, high = np.array(surface.bounds).T
    points = np.random.default_rng(seed).uniform(low, high, (4 * n, 2))
    return points[~surface.masked(points)][:n]


CREATE = "const s = surface.createSurface(argument.message.surface, argument.message.basins);"


# The same function


@pytest.mark.parametrize("derivatives", ["sent", "recomputed"])
def test_energy_and_force_are_the_same_function(modules, surface, derivatives):
    sent = message(surface)
    if derivatives == "recomputed":
        if not may_leave_out_derivatives(surface):  # such a surface always travels with them
            assert None not in (sent["surface"]["Ex"], sent["surface"]["Ey"], sent["surface"]["Exy"])
            return
        sent["surface"].update(Ex=None, Ey=None, Exy=None)
    points = random_points(surface, 2000)
    got = np.array(modules(CREATE + """
        const out = new Float64Array(3);
        return argument.points.map(([x, y]) => { s.forceInto(x, y, out); return [...out, s.energy(x, y)]; });
        """, {"message": sent, "points": points.tolist()}))
    energy, force = surface(points), surface.force(points)
    span = max(float(surface.ceiling - surface.minimum), 1e-300)
    assert np.abs(got[:, 2] - energy).max() <= 1e-5 * span or span == 1e-300
    assert np.array_equal(got[:, 2], got[:, 3])
    assert np.abs(got[:, :2] - force).max() <= 1e-5 * np.abs(force).max() + 1e-9


def test_masked_cells_and_basins_agree(modules, surface):
    low, high = np.array(surface.bounds).T
    points = np.random.default_rng(1).uniform(low, high, (2000, 2))
    got = modules(CREATE + "return argument.points.map(([x, y]) => [s.masked(x, y), s.basinAt(x, y)]);",
                  {"message": message(surface), "points": points.tolist()})
    assert [bool(masked) for masked, _ in got] == surface.masked(points).tolist()
    assert [basin for _, basin in got] == surface.basins.label_at(points).tolist()


def test_stiffness_bounds_the_step(modules, surface):
    T = 0.1 * (surface.scale or 1.0)
    got = modules(CREATE + """
        return ["leimkuhler-matthews", "euler-maruyama", "baoab"].map((scheme) => [s.kMax(argument.T),
          s.stepFor(argument.T, scheme), s.stepFor(0, scheme)]);""", {"message": message(surface), "T": T})
    side = np.diff(surface.bounds, axis=1).min()
    for (k, dt, dt_cold), fraction, power in zip(got, (0.5, 0.1, 0.5), (1, 1, 0.5), strict=True):
        assert k >= 0.98 * surface.k_max(T) and np.isfinite([k, dt, dt_cold]).all() and dt > 0 and dt_cold > 0
        assert dt * k**power <= fraction * (1 + 1e-12)
        kick = np.sqrt(2 * T * dt) if power == 1 else np.sqrt(T) * dt
        assert kick <= side / 20 * (1 + 1e-12)


# Random numbers


def test_normals_have_the_moments_of_a_normal(modules):
    """Mean, variance, skewness, kurtosis, shares beyond 3 and 4 sigma, neighbours' correlation: standard errors."""
    n = 4_000_000
    sums = modules("""
        const r = random.createRandom(argument.seed), z = new Float64Array(1e5), sums = new Float64Array(7);
        let before = 0;
        for (let k = 0; k < argument.n / 1e5; k++) {
          r.fill(z, 1e5);
          for (const x of z) {
            sums[0] += x; sums[1] += x * x; sums[2] += x ** 3; sums[3] += x ** 4;
            sums[4] += Math.abs(x) > 3; sums[5] += Math.abs(x) > 4; sums[6] += x * before; before = x;
          }
        }
        return [...sums];""", {"n": n, "seed": 11})
    from scipy.stats import norm

    beyond = [2 * norm.sf(3), 2 * norm.sf(4)]
    expected = np.array([0, 1, 0, 3, *beyond, 0])
    variance = np.array([1, 2, 15, 96, *beyond, 1])
    assert np.abs((np.array(sums) / n - expected) / np.sqrt(variance / n)).max() < 4


def test_the_same_seed_replays_and_seeds_differ(modules):
    draws = modules("""return [1, 1, 2, 4294967295].map((seed) => {
        const r = random.createRandom(seed); return [r.next(), r.normal(), r.next(), r.normal()]; });""")
    assert draws[0] == draws[1]
    assert len({json.dumps(draw) for draw in draws}) == 3


def test_uniform_numbers_fill_the_unit_interval(modules):
    n = 50_000
    draws = np.array(modules("""
        const r = random.createRandom(3);
        return Array.from({ length: argument }, () => r.next());""", n))
    counts, _ = np.histogram(draws, bins=64, range=(0, 1))
    chi2 = ((counts - n / 64) ** 2 / (n / 64)).sum()
    assert draws.min() >= 0 and draws.max() < 1 and abs(chi2 - 63) < 4 * np.sqrt(2 * 63)


# Balls


SIMULATE = CREATE + """
    const b = physics.createBalls(s, { n: argument.n, seed: argument.seed ?? 1, scheme: argument.scheme });
    const report = () => ({ x: [...b.x.subarray(0, 2 * b.n)], energy: [...b.energy.subarray(0, b.n)], steps: b.steps,
      time: b.time, dt: b.dt });"""


class Injected:
    """A generator whose normal numbers are given beforehand, in order."""

    def __init__(self, normals):
        self.normals, self.used = normals, 0

    def standard_normal(self, size=None, dtype=np.float64):
        count = int(np.prod(size))
        self.used += count
        return self.normals[self.used - count:self.used].reshape(size).astype(dtype)


def moved_in_python(surface, dynamics, x0, noise, temperatures):
    """Positions after len(temperatures) single steps of `simulate` with injected noise, and those that met a wall."""
    reflections = []

    def fold(x, walls):
        folded, sign = real(x, walls)
        reflections.append(sign is not None)
        return folded, sign

    with pytest.MonkeyPatch.context() as patch:
        real = simulation.fold
        patch.setattr(simulation, "fold", fold)
        patch.setattr(simulation, "mover_of", lambda *_: None)  # the reference, one step at a time
        patch.setattr(simulation, "_noise", lambda seed, x: noise)
        x = tv.simulate(surface, dynamics, x0, len(temperatures), temperature=lambda step: temperatures[step],
                        record_every=len(temperatures)).x[-1]
    return x, sum(reflections)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_positions_agree_with_python_given_the_same_noise(modules, surface, scheme):
    """100 steps, walls hit, the temperature changing from step to step: equal to 1e-5 of the box."""
    scale = float(surface.scale) or 1.0
    n, steps = 200, 100
    temperatures = scale * np.geomspace(3, 0.3, steps)
    x0 = random_points(surface, n, seed=3)
    k = surface.k_max(temperatures[0], float(surface(x0).max()))
    side = np.diff(surface.bounds, axis=1).min()
    if scheme == "baoab":
        dt = min(0.3 / np.sqrt(max(k, 1e-300)), 0.05 * side / np.sqrt(scale))
        dynamics = tv.BAOAB(dt=dt, friction=0.7)
    else:
        dt = min(0.2 / max(k, 1e-300), (0.2 * side) ** 2 / scale)
        dynamics = tv.Overdamped(dt=dt, scheme=scheme)
    start = 0 if scheme == "euler-maruyama" else 1
    normals = np.random.default_rng(9).standard_normal((start + steps) * n * 2)
    got = modules(SIMULATE + """
        b.setFriction(0.7); b.setStep(argument.dt);
        b.place('list', { array: argument.x0 });
        b.injectNoise(argument.normals);
        b.step((step) => argument.temperatures[step], argument.temperatures.length);
        return report().x;""", {"message": message(surface), "n": n, "scheme": scheme, "dt": dt, "x0": x0.tolist(),
                                "normals": normals.tolist(), "temperatures": temperatures.tolist()})
    noise = Injected(normals)
    expected, walls_met = moved_in_python(surface, dynamics, x0, noise, temperatures)
    # The steep bowl keeps every ball from its walls, which is what it is for.
    assert walls_met > 3 or surface.E.max() > 1e9
    assert noise.used == len(normals)
    assert np.abs(np.array(got).reshape(-1, 2) - expected).max() <= 1e-5 * side


@pytest.mark.parametrize("kind", ["cliff", "oblong"])
@pytest.mark.parametrize("scheme", SCHEMES[:2])
def test_a_quench_settles_at_the_walls_as_in_python(modules, kind, scheme):
    """Heat, then none: what the force presses to a wall stays there to the last bit, on both sides alike."""
    surface, n, hot, cold = SURFACES[kind](), 100, 20, 80
    scale, side = float(surface.scale), np.diff(surface.bounds, axis=1).min()
    x0 = random_points(surface, n, seed=4)
    dt = min(0.2 / surface.k_max(scale, float(surface(x0).max())), 0.2 * side / np.abs(surface.force(x0)).max())
    normals = np.random.default_rng(9).standard_normal((1 + hot + cold) * n * 2)
    temperatures = [scale] * hot + [0.0] * cold
    before, after = (np.array(x).reshape(-1, 2) for x in modules(SIMULATE + """
        b.setStep(argument.dt);
        b.place('list', { array: argument.x0 });
        b.injectNoise(argument.normals);
        b.step((step) => argument.temperatures[step], argument.temperatures.length - 1);
        const before = report().x;
        b.step(0, 1);
        return [before, report().x];""", {
            "message": message(surface), "n": n, "scheme": scheme, "dt": dt, "x0": x0.tolist(),
            "normals": normals.tolist(), "temperatures": temperatures}))
    expected, _ = moved_in_python(surface, tv.Overdamped(dt=dt, scheme=scheme), x0, Injected(normals), temperatures)
    assert np.abs(after - expected).max() <= 1e-5 * side
    low, high = np.array(surface.bounds).T
    pressed = ((before == low) & (surface.force(before) < 0)) | ((before == high) & (surface.force(before) > 0))
    assert pressed.sum() > 3 and np.array_equal(after[pressed], before[pressed])


@pytest.mark.parametrize("kind", ["hold", "quench", "linear", "exponential", "cycle"])
def test_programmes_are_python_s(modules, kind):
    schedule = tv.Schedule(kind=kind, T0=0.3, T1=0.02, steps=7)
    got = modules("return Array.from({ length: 30 }, (_, step) => programmes.temperatureAt(argument, step));",
                  {"kind": kind, "T0": 0.3, "T1": 0.02, "steps": 7})
    assert np.allclose(got, [schedule(step) for step in range(30)], rtol=1e-14)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_balls_stay_in_the_box_and_out_of_holes(modules, surface, scheme):
    """At any temperature: positions in the box, in cells with data, energies finite and those of the surface."""
    for T in (0.0, 0.3 * (surface.scale or 1.0), 1e3 * (surface.scale or 1.0)):
        got = modules(SIMULATE + "b.place('uniform'); b.step(argument.T, 200); return report();",
                      {"message": message(surface), "n": 300, "scheme": scheme, "T": T})
        x = np.array(got["x"]).reshape(-1, 2)
        low, high = np.array(surface.bounds).T
        assert ((x >= low) & (x <= high)).all() and not surface.masked(x).any()
        assert np.allclose(got["energy"], surface(x), rtol=1e-9, atol=1e-9 * np.abs(surface.ceiling))
        assert got["steps"] == 200 and got["time"] > 0


@pytest.mark.parametrize("scheme", ["leimkuhler-matthews", "euler-maruyama"])
@pytest.mark.parametrize("kind", ["analytic", "masked", "steep"])
def test_without_heat_balls_only_roll_down(modules, kind, scheme):
    """Where no wall throws them back: at T = 0 both schemes are steepest descent, and dt k <= 1/2."""
    surface = SURFACES[kind]()
    got = modules(SIMULATE + """
        b.place('uniform');
        let worst = 0;
        for (let k = 0; k < 300; k++) {
          const before = b.energy.slice(0, b.n);
          b.step(0, 1);
          for (let i = 0; i < b.n; i++) worst = Math.max(worst, b.energy[i] - before[i]);
        }
        return worst;""", {"message": message(surface), "n": 200, "scheme": scheme})
    assert got <= 1e-9 * max(1.0, abs(surface.ceiling))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("T", [0.1, 0.6])
def test_stationary_mean_energy(modules, scheme, T):
    """<E> of balls over a long run against the exact equilibrium, within 3 standard errors of independent blocks.

    Steps are a tenth of the largest, so that the schemes' own bias stays far below the standard error.
    """
    surface = SURFACES["analytic"]()
    blocks = np.array(modules(SIMULATE + """
        b.place('boltzmann', { T: argument.T });
        b.setStep(s.stepFor(argument.T, argument.scheme) / argument.finer);
        b.step(argument.T, 400);
        return Array.from({ length: 16 }, () => {
          b.step(argument.T, argument.steps);
          let sum = 0;
          for (let k = 0; k < b.n; k++) sum += b.energy[k];
          return sum / b.n;
        });""", {"message": message(surface), "n": 4000, "scheme": scheme, "T": T, "seed": 4,
                 "finer": 1 if scheme == "leimkuhler-matthews" else 2 if scheme == "baoab" else 5,
                 "steps": 60 if scheme == "baoab" else 200}))
    standard_error = np.sqrt(surface.equilibrium(T).C * T**2 / 4000 / 16)
    scatter = blocks.std(ddof=1) / 4
    assert abs(blocks.mean() - surface.equilibrium(T).U) < 3 * max(standard_error, scatter)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_gas_between_walls_is_uniform(modules, scheme):
    """E = constant: every region keeps its share, at the walls too."""
    surface = SURFACES["flat"]()
    x = np.array(modules(SIMULATE + "b.place('uniform'); b.step(5, 400); return report().x;",
                         {"message": message(surface), "n": 20_000, "scheme": scheme})).reshape(-1, 2)
    for axis, (low, high) in enumerate(surface.bounds):
        counts, _ = np.histogram(x[:, axis], bins=40, range=(low, high))
        expected = len(x) / 40
        assert np.abs((counts - expected) / np.sqrt(expected)).max() < 4.5
        assert abs(((counts - expected) ** 2 / expected).sum() - 39) < 4 * np.sqrt(78)


def test_boltzmann_starts_are_boltzmann(modules, surface):
    """Mean energy of the draws within 4 standard errors of the exact one, KL of the cloud within 4 of its own."""
    scale = surface.scale or 1.0
    for T in (0.02 * scale, 0.5 * scale):
        n = 20_000
        got = modules(SIMULATE + "b.place('boltzmann', { T: argument.T });"
                      "return statistics.createStatistics(s).measure(b, argument.T);",
                      {"message": message(surface), "n": n, "scheme": SCHEMES[0], "T": T, "seed": 8})
        exact = surface.equilibrium(T)
        assert abs(got["E"] - exact.U) < 4 * np.sqrt(exact.C * T**2 / n) + 1e-12
        assert abs(got["KL"]) < 4 * got["stderr"]["KL"] < 0.2


def test_balls_start_in_one_basin(modules):
    surface = SURFACES["analytic"]()
    for basin in (0, 1):
        x = modules(SIMULATE + "b.place('basin', { basin: argument.basin, T: 0.1 }); return report().x;",
                    {"message": message(surface), "n": 500, "scheme": SCHEMES[0], "basin": basin})
        assert (surface.basins.label_at(np.array(x).reshape(-1, 2)) == basin).all()


def test_a_handful_moves_and_the_others_stay(modules):
    surface = SURFACES["analytic"]()
    got = modules(SIMULATE + """
        b.place('uniform');
        const before = report().x;
        b.place('point', { x: 0.3, y: -0.2, first: 10, count: 30 });
        b.place('list', { array: [[0.5, 0.5], [-0.5, 0.25]], first: 30, count: 33 });
        return { before, after: report().x };""", {"message": message(surface), "n": 100, "scheme": SCHEMES[0]})
    before, after = (np.array(got[name]).reshape(-1, 2) for name in ("before", "after"))
    same = (before == after).all(axis=1)
    assert same[:10].all() and same[33:].all() and not same[10:33].any()
    assert after[30:33].tolist() == [[0.5, 0.5], [-0.5, 0.25], [0.5, 0.5]]
    # A Gaussian two cells wide: 20 draws lie within 5 widths.
    assert np.abs(after[10:30] - [0.3, -0.2]).max() < 5 * 2 * 3.4 / 40


def test_a_start_at_a_point_is_as_wide_as_it_is_told(modules):
    """10,000 balls: variance within 4 of its standard errors, sqrt(2/n) of it; without a word, two cells wide."""
    surface, n = SURFACES["analytic"](), 10_000
    for width in (0.05, None):
        x = modules(CREATE + """
            const { createSimulation } = await import("/simulation.js");
            const simulation = createSimulation(s, { n: argument.n, seed: 1, T: 0.1, start: argument.start,
                scheme: "leimkuhler-matthews", friction: 1, law: "exponential", programmeSteps: 100 });
            return Array.from(simulation.balls.x).slice(0, 2 * argument.n);""",
                    {"message": message(surface), "n": n,
                     "start": "point:0,0" if width is None else f"point:0,0,{width}"})
        x = np.reshape(x, (-1, 2))
        variance = (width or 2 * 3.4 / 40) ** 2
        assert np.abs(x.var(axis=0) / variance - 1).max() < 4 * np.sqrt(2 / n)


def test_counts_grow_and_shrink_without_touching_others(modules):
    got = modules(SIMULATE + """
        b.step(0.1, 10);
        const kept = report().x.slice(0, 40);
        b.setCount(50); b.setCount(20);
        const same = report().x.every((value, i) => value === kept[i]);
        b.setCount(80000); b.step(0.1, 1);
        return { same, n: b.n, finite: b.x.every(Number.isFinite) };""",
                  {"message": message(SURFACES["analytic"]()), "n": 20, "scheme": SCHEMES[0]})
    assert got == {"same": True, "n": 50_000, "finite": True}


def test_the_same_seed_gives_the_same_balls(modules):
    argument = {"message": message(SURFACES["analytic"]()), "n": 50, "scheme": SCHEMES[0]}
    runs = [modules(SIMULATE + "b.place('boltzmann', { T: 0.3 }); b.step(0.3, 50); return report().x;", argument)
            for _ in range(2)]
    assert runs[0] == runs[1]


# Read-outs


def test_exact_equilibrium_agrees_with_python(modules, surface):
    scale = float(surface.scale) or 1.0
    for T in (1e-3 * scale, 0.03 * scale, scale, 30 * scale):
        got = modules(CREATE + "const { E, S, F, shares } = equilibrium.equilibrium(s, argument.T);"
                      "return { E, S, F, shares: [...shares] };", {"message": message(surface), "T": T})
        exact = surface.equilibrium(T)
        # Energies to 1e-4 of the scale where the scale decides, of T where heat does.
        allowed = 1e-4 * max(scale, T)
        assert abs(got["E"] - exact.U) < allowed and abs(got["F"] - exact.F) < allowed
        assert abs(T * (got["S"] - exact.S)) < 2 * allowed
        assert np.abs(np.array(got["shares"]) - exact.shares).max() <= 1e-5 + weight_of_borders(surface, T)


def weight_of_borders(surface, T):
    """Boltzmann weight of the lattice points whose neighbour has another basin: the lattice decides no finer."""
    _, _, energy, _ = surface.lattice
    weight = np.nan_to_num(np.exp(-(energy - np.nanmin(energy)) / T))
    labels, border = surface.basins.labels, np.zeros(energy.shape, bool)
    for axis in (0, 1):
        here, there = (labels.take(range(k, labels.shape[axis] - 1 + k), axis) for k in (0, 1))
        border |= np.insert(here != there, 0, False, axis) | np.insert(here != there, here.shape[axis], False, axis)
    return weight[border].sum() / weight.sum()


def test_read_outs_at_zero_temperature(modules):
    surface = SURFACES["analytic"]()
    got = modules(SIMULATE + "b.place('basin', { basin: 1, T: 0 });"
                  "const q = statistics.createStatistics(s).measure(b, 0);"
                  "return { ...q, shares: [...q.shares], eq: { ...q.eq, shares: [...q.eq.shares] } };",
                  {"message": message(surface), "n": 100, "scheme": SCHEMES[0]})
    assert got["S"] is None and got["KL"] is None and got["F"] == got["E"]
    assert np.allclose(got["shares"], [0, 1]) and got["eq"]["shares"] == [1, 0]
    assert abs(got["E"] - surface.basins.energies[1]) < 1e-9


def test_free_energy_of_a_cloud_far_from_equilibrium(modules):
    """All balls in one of two equal valleys: KL = ln 2 and F = F_eq + T ln 2, to the sampling noise."""
    surface, n, T = SURFACES["analytic"](), 40_000, 0.05
    got = modules(SIMULATE + "b.place('basin', { basin: 0, T: argument.T });"
                  "return statistics.createStatistics(s).measure(b, argument.T);",
                  {"message": message(surface), "n": n, "scheme": SCHEMES[0], "T": T})
    assert abs(got["KL"] - np.log(2)) < 4 * got["stderr"]["KL"] < 0.2
    assert abs(got["F"] - (surface.equilibrium(T).F + T * got["KL"])) < 1e-4
    assert abs(T * got["S"] - (got["E"] - got["F"])) < 1e-12
