"""How the second law is measured: the exact evolution of a density, a cloud of balls beside it, and the controls."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.dynamics.walls import reflect
from ...core.errors import BadInput
from ...core.landscape.surfaces import Surface
from ...core.seeds import rng
from ...core.statistics.nearest_neighbours import Region
from ...core.thermodynamics.clouds import cloud_numbers
from ...core.thermodynamics.evolution import CELLS, CUTOFF, RESOLVED, MasterEquation
from ...experiments.landscapes import surface_of
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Grid
from ...runs.results import Pair
from ...runs.run import Run
from .controls import driven
from .results import Balls, Bath, Cloud, Density, Evolution
from .specification import SecondLaw
from .verdicts import verdicts

# Moments at which the cloud is measured, evenly spread in log t; each is reached in at least so many steps.
RECORDS = 24
SUBSTEPS = 4
# Moments of the exact evolution beyond the cloud's last, and how near to equilibrium it may stop, in T.
BEYOND = 48
ARRIVED = 1e-3
# Work of the exact evolution: cells times products with its generator.
WORK = 6e7
MOST_CELLS = 160
# Energies that matter for the cells' size: up to so many T above the minimum (and above a start at a point).
MATTERS = 10.0
SNAPSHOTS = 6
BALLS_SHOWN = 400


def measure(spec: SecondLaw, progress: Progress | None = None) -> Run:
    """A Run of kind "second_law": the results of `.results`, the surface's `Grid`, and verdicts. Raises BadInput."""
    return Pipeline(spec, progress, (
        Step("surface", 0, surface), Step("surface", 0, grid), Step("surface", 0, start), Step("surface", 2, bath),
        Step("exact evolution", 28, exact), Step("balls", 55, walked), Step("controls", 15, driven),
        Step("controls", 0, verdicts))).run()


# Where it starts, and how far it goes


def surface(landscape: object) -> Surface:
    """On which the balls roll."""
    return surface_of(landscape)


def grid(surface: Surface) -> Grid:
    """What the run keeps of it."""
    return Grid.of(surface)


def start(spec: SecondLaw, surface: Surface) -> np.ndarray:
    """The balls' places [n, 2] at time 0; none in cells without data. Raises BadInput."""
    draw, n = rng(spec.seed, "start"), spec.balls
    x, missing = np.empty((0, 2)), n
    for _attempt in range(100):
        candidates = _draw(spec, surface, draw, 2 * missing)
        x = np.concatenate([x, candidates[~surface.masked(candidates)]])[:n]
        missing = n - len(x)
        if not missing:
            return x
    raise BadInput("this start lies where the landscape has no data: choose another.")


def _draw(spec: SecondLaw, surface: Surface, draw: np.random.Generator, n: int) -> np.ndarray:
    bounds = np.array(surface.bounds)
    if spec.start in ("saddle", "point"):
        spread = spec.width(surface) * draw.standard_normal((n, 2))
        return reflect(spec.centre(surface) + spread, bounds)
    places = bounds[:, 0] + draw.random((n, 2)) * (bounds[:, 1] - bounds[:, 0])
    if spec.start == "basin":
        if spec.heat > 0:
            places = surface.equilibrium(spec.heat * surface.scale).sample(n, draw)
        places = places[surface.basins.label_at(places) == 0]
    return places


def bath(spec: SecondLaw, surface: Surface, start: np.ndarray) -> Bath:
    """Its temperature, the balls' time step, and their moments [1 + RECORDS] from 0 on."""
    T = spec.heat * surface.scale
    dt = surface.suggested_dt(T, "euler-maruyama", float(np.max(surface(start))))
    return Bath(np.concatenate([[0.0], dt * np.geomspace(1.0, spec.steps, RECORDS)]), T, dt)


# The exact evolution


class Exact(NamedTuple):
    """The exact evolution, and pictures of it."""

    course: Evolution
    pictures: Density


def exact(spec: SecondLaw, surface: Surface, bath: Bath, report: Report) -> Exact | None:
    """The exact density at the cloud's moments and beyond, and its thermodynamics; None without heat."""
    if bath.T == 0:
        return None
    T, times = bath.T, bath.times
    cells, density = _fine_cells(spec, surface, T)
    later = times[-1] * (times[-1] / times[-2]) ** np.arange(1, BEYOND + 1)
    p = cells.evolve(density, np.concatenate([times, later]), WORK / max(cells.shape) ** 2, report)
    numbers = cells.thermodynamics(p)
    near = np.flatnonzero(numbers.F - cells.F < ARRIVED * T)
    last = max(len(times), (near[0] + 3) if len(near) else len(p))
    p = p[:last]
    moments = np.concatenate([times, later])[:max(last, len(times))]
    E, S, F = (_filled(values[:last], len(moments)) for values in (numbers.E, numbers.S, numbers.F))
    equilibrium = surface.equilibrium(T)
    course = Evolution(
        moments, E, S, F, equilibrium.U, equilibrium.S, equilibrium.F, list(cells.shape),
        cells.coarseness(_matters(spec, cells, density, T)), float(moments[len(p) - 1]), bool(len(near)),
        abs(cells.F - equilibrium.F))
    return Exact(course, _pictures(cells, p[:len(times)], times))


def _fine_cells(spec: SecondLaw, surface: Surface, T: float) -> tuple[MasterEquation, np.ndarray]:
    """Cells as fine as the cold asks for, as far as the work allows, and the density at time 0."""
    cells = MasterEquation(surface, T)
    density = _first_density(spec, surface, cells)
    coarse = cells.coarseness(_matters(spec, cells, density, T)) / RESOLVED
    size = CELLS if coarse <= 1 else min(int(np.ceil(CELLS * coarse)), MOST_CELLS)
    highest = float(cells.energy[density > 1e-12].max()) + CUTOFF * T
    cells = MasterEquation(surface, T, size, highest)
    return cells, _first_density(spec, surface, cells)


def _first_density(spec: SecondLaw, surface: Surface, cells: MasterEquation) -> np.ndarray:
    if spec.start == "uniform":
        return cells.uniform()
    if spec.start == "basin":
        return cells.in_basin(0)
    return cells.gaussian(spec.centre(surface), spec.width(surface))


def _matters(spec: SecondLaw, cells: MasterEquation, density: np.ndarray, T: float) -> float:
    """The highest energy for which the cells must be fine: of the start at a point, or a few T up."""
    lowest = float(cells.energy[cells.inside].min())
    local = spec.start in ("saddle", "point")
    mean = float((density * np.nan_to_num(cells.energy)).sum()) if local else lowest
    return max(lowest + MATTERS * T, mean + 2 * T)


def _pictures(cells: MasterEquation, p: np.ndarray, times: np.ndarray) -> Density:
    """The exact density at a few moments, as probability per area."""
    at = [k for k in _picture_moments(len(times)) if k < len(p)]
    return Density(times[at], cells.us, cells.vs, p[at] / cells.area)


# The balls


class Walked(NamedTuple):
    """The balls' numbers over time, and pictures of them."""

    cloud: Cloud
    balls: Balls


def walked(spec: SecondLaw, surface: Surface, start: np.ndarray, bath: Bath, exact: Exact | None,
           report: Report) -> Walked:
    """Moves the balls from moment to moment and measures them at each."""
    n, names = len(exact.course.times if exact else bath.times), ("E", "S", "F") if bath.T > 0 else ("E", "F")
    rows = {name: Pair(np.full(n, np.nan), np.full(n, np.nan)) for name in names}
    shown = []
    for k, x in enumerate(_places(spec, surface, start, bath, report)):
        numbers = cloud_numbers(surface(x), x, bath.T, Region.of(surface))
        for name, row in rows.items():
            value = getattr(numbers, name)
            row.value[k], row.stderr[k] = value.value, value.stderr
        shown.append(x[:BALLS_SHOWN])
        report(k / RECORDS, lambda: Cloud(**{name: Pair(*map(np.copy, row)) for name, row in rows.items()}))
    at = _picture_moments(len(bath.times))
    return Walked(Cloud(**rows), Balls(bath.times[at], np.stack([shown[k] for k in at])))


def _places(spec: SecondLaw, surface: Surface, x: np.ndarray, bath: Bath, report: Report) -> Iterator[np.ndarray]:
    """The balls at each moment [n, 2]. Euler's chain remembers nothing, so that it may be walked in pieces."""
    seeds = rng(spec.seed, "balls")
    yield x
    for k, span in enumerate(np.diff(bath.times)):
        steps = max(SUBSTEPS, int(np.ceil(span / bath.dt - 1e-9)))
        heard = functools.partial(lambda k, fraction: report((k + fraction) / RECORDS), k)
        x = simulate(surface, Overdamped(span / steps, "euler-maruyama"), x, steps, bath.T,
                     int(seeds.integers(2**32)), record_every=steps, progress=heard).x[-1]
        yield x


def _picture_moments(n: int) -> list[int]:
    """The first moment, the last, and some between."""
    return np.unique(np.linspace(0, n - 1, SNAPSHOTS).round().astype(int)).tolist()


def _filled(values: np.ndarray, n: int) -> np.ndarray:
    """values [k] as [n], NaN where there are none."""
    out = np.full(n, np.nan)
    out[:len(values)] = values
    return out
