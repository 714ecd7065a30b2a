"""Crystal or glass? Cool a cloud of balls slowly or quickly, and see how much of it finds the deepest valley.

Slow cooling lets it get over the passes while they still can be crossed; quick cooling freezes it where it is. Beside
it: heat-cool loops, replica exchange as the strong alternative, and the work of pulling the landscape (Jarzynski).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.dynamics.mala import MALA
from ...core.dynamics.replica_exchange import geometric_ladder, replica_exchange
from ...core.dynamics.schedules import Schedule
from ...core.energies.driven import Tilted
from ...core.errors import TooFewSamples
from ...core.landscape.surfaces import Surface
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate, independent_mean, share_error
from ...core.thermodynamics.annealing import anneal, loop_area
from ...core.thermodynamics.work import drive, jarzynski, kish_size
from ...experiments.landscapes import surface_of
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Grid
from ...runs.results import Pair
from ...runs.run import Run
from .controls import controls
from .cooling import cycles
from .networks import networks_cooled
from .results import Cooled, Drives, Ends, Exact, Exchange
from .specification import CrystalOrGlass
from .verdicts import network_verdicts, verdicts

# Cooling times: each 10^(1/2) times shorter than the one before.
SPEEDS = 6
DRIVES = 5
# Replica exchange and the slowest drive get this share of the slowest cooling's steps.
SHARE = 10
RUNGS = 8
EXCHANGE_EVERY = 5
# The live stage anneals down to this share of its heat (simulation.js); its step is looked up at so many moments.
STAGE_END, STAGE_POINTS = 0.01, 61
# Points of the loops that are drawn.
LOOP_POINTS = 61


def measure(spec: CrystalOrGlass, progress: Progress | None = None) -> Run:
    """A Run of kind "crystal_or_glass": the results of `.results`, the landscape's `Grid`, and verdicts. Raises
    BadInput."""
    networks = (Step("networks", 150, networks_cooled), Step("networks", 0, network_verdicts)) if spec.networks else ()
    return Pipeline(spec, progress, (
        Step("surface", 0, surface), Step("surface", 0, grid), Step("surface", 0, ends),
        Step("exact evolution", 35, exact), Step("cooling", 40, cooled), Step("replica exchange", 5, exchange),
        Step("work", 10, drives), Step("controls", 10, controls), Step("controls", 0, verdicts), *networks)).run()


def lengths(longest: int, count: int) -> list[int]:
    """Steps, quickest first: each about three times shorter than the next, none below 1 and none twice."""
    return sorted({max(1, round(longest * 10 ** (-k / 2))) for k in range(count)})


def surface(landscape: object) -> Surface:
    """On which the balls roll."""
    return surface_of(landscape)


def grid(surface: Surface) -> Grid:
    """What the run keeps of it."""
    return Grid.of(surface)


def ends(hot: float, cold: float, surface: Surface) -> Ends:
    """Both temperatures, given in barriers, and the time step that the hot one allows."""
    return Ends(hot * surface.scale, cold * surface.scale, surface.suggested_dt(hot * surface.scale))


# Cooling, exactly


def exact(programme: Any, steps: int, surface: Surface, ends: Ends, report: Report) -> Exact:
    """The evolution of the density for each cooling time, there and back."""
    bath = _cycle(programme, ends)
    speeds = np.array(lengths(steps, SPEEDS))
    times = speeds * ends.dt
    mass, energy, area, errors = (np.empty(len(times)) for _ in range(4))
    courses = []
    for k, time in enumerate(times):
        course = anneal(surface, bath, 2 * time)
        half = len(course.E) // 2
        mass[k], energy[k], errors[k] = course.mass[half], course.E[half], course.error_mass
        area[k] = loop_area(course.temperatures, course.E)
        courses.append(np.interp(np.linspace(0, 1, LOOP_POINTS), np.linspace(0, 1, len(course.E)), course.E))
        report((k + 1) / len(times))
    # One mesh for both ends of the programme and for all that lies between.
    T = np.array([bath(share) for share in np.linspace(0, 1, LOOP_POINTS)])
    equilibria = surface.equilibria(T[:LOOP_POINTS // 2 + 1].tolist())
    U = np.array([eq.U for eq in equilibria])
    return Exact(
        speeds, times, Pair(mass, errors), energy, area, np.linspace(0, 2, LOOP_POINTS), T, np.stack(_three(courses)),
        np.concatenate([U, U[-2::-1]]), float(equilibria[0].shares[0]), float(equilibria[-1].shares[0]),
        _waited(surface, ends, float(times[-1])), _on_stage(surface, ends, programme, steps))


def _cycle(programme: Any, ends: Ends) -> Callable[[float], float]:
    """Temperature at a cycle's share, 0 to 1: hot, cold half-way, hot."""
    schedule = Schedule(programme, ends.hot, ends.cold, 1)
    return lambda share: schedule(1 - abs(1 - 2 * share))


def _on_stage(surface: Surface, ends: Ends, programme: Any, n: int) -> float:
    """Mass in the deepest valley after the live stage's own annealing in as many steps as the slowest cooling.

    It ends at STAGE_END of its heat, and its steps grow longer as it cools (`suggested_dt`). Of the exact
    evolution: steps so long bring the stage's balls over the passes a little less often.
    """
    schedule = Schedule(programme, ends.hot, STAGE_END * min(ends.hot, surface.scale), n)
    T = np.array([schedule(step) for step in range(n + 1)])
    seen = np.unique(np.linspace(0, n, STAGE_POINTS).round().astype(int))
    dt = np.interp(np.arange(n), seen, [surface.suggested_dt(float(T[step])) for step in seen])
    times = np.concatenate([[0.0], dt.cumsum()])
    course = anneal(surface, lambda share: float(np.interp(share * times[-1], times, T)), float(times[-1]))
    return float(course.mass[-1])


def _waited(surface: Surface, ends: Ends, time: float) -> float:
    """What a quench gains by waiting in the cold for `time`: mass in the deepest valley, later minus at once."""
    course = anneal(surface, lambda share: ends.cold if share else ends.hot, time)
    return float(course.mass[-1] - course.mass[0])


def _three(cycles: Sequence[Any]) -> list[Any]:
    """The quickest, a middle and the slowest of them."""
    return [cycles[k] for k in (0, len(cycles) // 2, -1)]


# Cooling, ball by ball


def cooled(programme: Any, balls: int, seed: int, surface: Surface, ends: Ends, exact: Exact, report: Report) -> Cooled:
    """A group of balls for each cooling time, cooled and heated again."""
    found = cycles(surface, surface.equilibrium(ends.hot).sample, programme, ends.hot, ends.cold, exact.steps.tolist(),
                   balls, ends.dt, seed, report)
    deep = np.array([(surface.basins.label_at(cycle.cold_x) == 0).mean() for cycle in found])
    return Cooled(
        Pair(deep, share_error(deep, balls)), _pair([independent_mean(cycle.cold_E) for cycle in found]),
        _pair([independent_mean(cycle.area) for cycle in found]),
        np.stack([np.interp(exact.loop_share, cycle.share, cycle.E) for cycle in _three(found)]))


def _pair(estimates: list[Estimate]) -> Pair:
    return Pair(np.array([one.value for one in estimates]), np.array([one.stderr for one in estimates]))


def exchange(balls: int, steps: int, seed: int, surface: Surface, ends: Ends, report: Report) -> Exchange:
    """Mass in the deepest valley that replica exchange finds at the cold end in a tenth of the steps."""
    ladder = geometric_ladder(ends.cold, ends.hot, RUNGS)
    m, few = max(4, balls // RUNGS), max(steps // SHARE, 10 * EXCHANGE_EVERY)
    start = surface.equilibrium(ends.hot).sample(m * RUNGS, rng(seed, "ladders")).reshape(m, RUNGS, 2)
    dt = [surface.suggested_dt(float(T), highest_start=float(surface(start).max())) for T in ladder]
    found = replica_exchange(surface, ladder, start, few, dt, EXCHANGE_EVERY, seed, EXCHANGE_EVERY, report)
    late = found.x[found.steps > few // 2, :, 0]
    mass = independent_mean((surface.basins.label_at(late) == 0).mean(axis=0))
    least = float(share_error(mass.value, late.shape[0] * m))
    return Exchange(Estimate(mass.value, max(mass.stderr, least)), few, m, ladder.tolist(), found.accepted.tolist())


# Work


def drives(spec: CrystalOrGlass, surface: Surface, ends: Ends, report: Report) -> Drives:
    """Work of tilting the landscape, from equilibrium at the hot temperature, at several speeds."""
    T, slope = ends.hot, _slope(surface, spec.pull)
    tilted = Surface.from_grid(
        surface.xs, surface.ys, surface.E + slope[0] * surface.xs[:, None] + slope[1] * surface.ys[None])
    start = surface.equilibrium(T)
    steps = lengths(max(spec.steps // SHARE, 1), DRIVES)
    x0 = start.sample(spec.balls * len(steps), rng(spec.seed, "driven")).reshape(len(steps), spec.balls, 2)
    seeds = rng(spec.seed, "drives").integers(0, 2**32, size=len(steps))
    work = []
    for k, n in enumerate(steps):
        done = drive(lambda share: Tilted(surface, share * slope), np.linspace(0, 1, n + 1), MALA(ends.dt), x0[k], T,
                     int(seeds[k]))
        work.append(done.work)
        report(sum(steps[:k + 1]) / sum(steps))
    return Drives(
        np.array(steps), np.array(steps) * ends.dt, _pair([independent_mean(W) for W in work]),
        _pair([_free_energy(W, T) for W in work]), np.array([kish_size(-W / T) for W in work]),
        np.stack([work[0], work[-1]]), T, tilted.equilibrium(T).F - start.F, slope.tolist())


def _slope(surface: Surface, pull: float) -> np.ndarray:
    """Tilts the landscape by `pull` between the two deepest valleys; along the longer side where there is one."""
    basins = surface.basins
    if basins.n > 1:
        away = basins.minima[1] - basins.minima[0]
    else:
        sides = np.array([high - low for low, high in surface.bounds])
        away = np.where(np.arange(2) == np.argmax(sides), sides / 2, 0.0)
    return -(pull * surface.scale) * away / (away @ away)


def _free_energy(work: np.ndarray, T: float) -> Estimate:
    """Jarzynski's dF; NaN where too few weights count."""
    try:
        return jarzynski(work, T)
    except TooFewSamples:
        return Estimate(math.nan, math.nan)
