"""How the second law is measured: the exact evolution of a density, a cloud of balls beside it, and the controls."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.simulation import simulate
from ...core.dynamics.walls import reflect
from ...core.errors import BadInput
from ...core.seeds import rng
from ...core.statistics.nearest_neighbours import Region
from ...core.thermodynamics.clouds import cloud_numbers
from ...core.thermodynamics.evolution import CELLS, CUTOFF, RESOLVED, MasterEquation
from ...experiments.landscape.specification import surface_arrays, surface_numbers
from ...experiments.landscapes import surface_of
from ...runs.progress import Progress, Stages
from ...runs.run import Run
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
    """A Run of kind "second_law".

    Arrays over `times` [T] (0, then evenly in log t): `exact_E`, `exact_S`, `exact_F` of the density; `cloud_E`,
    `cloud_S`, `cloud_F` of the balls and their standard errors `..._error`, NaN beyond the balls' last moment.
    At `snapshot_times` [s]: `snapshot_density` [s, nx, ny] on `snapshot_xs`, `snapshot_ys`, and `snapshot_balls`
    [s, b, 2]. Numbers: `T`, `E_eq`, `S_eq`, `F_eq`, `dt`, `cells`, `coarseness`, `reached` (time of the exact
    evolution), `arrived` (whether it came to rest), `cells_error` (of F at rest).
    At T = 0 there is only the cloud, F = E, and S is not defined. Raises BadInput.
    """
    return _Experiment(spec, Stages(progress)).run()


class _Experiment:
    """One computation: it fills `arrays` and `numbers` from the exact to the sampled, showing what it has."""

    def __init__(self, spec: SecondLaw, stages: Stages) -> None:
        self.spec, self.stages = spec, stages
        self.surface = surface_of(spec.landscape)
        self.T = spec.heat * self.surface.scale
        self.arrays: dict[str, np.ndarray] = surface_arrays(self.surface)
        self.numbers: dict[str, Any] = {**surface_numbers(self.surface), "T": self.T}
        self.cells: MasterEquation | None = None
        self.density: np.ndarray | None = None

    def run(self) -> Run:
        x = self._first_cloud()
        self.times, self.dt = self._moments(x)
        self.arrays["times"] = self.times
        self.numbers["dt"] = self.dt
        self.stages.tell(0.02, "surface", self._so_far, now=True)
        if self.T > 0:
            self._evolve()
            self.stages.tell(0.3, "exact evolution", self._so_far, now=True)
        self._walk(x, self.stages.part("balls", 0.3, 0.85))
        found = verdicts(self.spec, self.surface, self.T, self.arrays, self.numbers,
                         self.stages.part("controls", 0.85, 1.0))
        self.numbers["verdicts"] = [verdict.to_json() for verdict in found]
        return self._so_far()

    def _so_far(self) -> Run:
        return Run(self.spec, dict(self.arrays), dict(self.numbers))

    # Where it starts

    def _first_cloud(self) -> np.ndarray:
        """The balls' places [n, 2] at time 0; none in cells without data."""
        draw, n = rng(self.spec.seed, "start"), self.spec.balls
        x, missing = np.empty((0, 2)), n
        for _attempt in range(100):
            candidates = self._draw(draw, 2 * missing)
            x = np.concatenate([x, candidates[~self.surface.masked(candidates)]])[:n]
            missing = n - len(x)
            if not missing:
                return x
        raise BadInput("this start lies where the landscape has no data: choose another.")

    def _draw(self, draw: np.random.Generator, n: int) -> np.ndarray:
        bounds = np.array(self.surface.bounds)
        if self.spec.start in ("saddle", "point"):
            spread = self.spec.width(self.surface) * draw.standard_normal((n, 2))
            return reflect(self.spec.centre(self.surface) + spread, bounds)
        places = bounds[:, 0] + draw.random((n, 2)) * (bounds[:, 1] - bounds[:, 0])
        if self.spec.start == "basin":
            if self.T > 0:
                places = self.surface.equilibrium(self.T).sample(n, draw)
            places = places[self.surface.basins.label_at(places) == 0]
        return places

    def _first_density(self, cells: MasterEquation) -> np.ndarray:
        if self.spec.start == "uniform":
            return cells.uniform()
        if self.spec.start == "basin":
            return cells.in_basin(0)
        return cells.gaussian(self.spec.centre(self.surface), self.spec.width(self.surface))

    # How far it goes

    def _moments(self, x: np.ndarray) -> tuple[np.ndarray, float]:
        """The cloud's moments [1 + RECORDS] from 0 on, and the time step."""
        dt = self.surface.suggested_dt(self.T, "euler-maruyama", float(np.max(self.surface(x))))
        return np.concatenate([[0.0], dt * np.geomspace(1.0, self.spec.steps, RECORDS)]), dt

    def _matters(self, cells: MasterEquation, density: np.ndarray) -> float:
        """The highest energy for which the cells must be fine: of the start at a point, or a few T up."""
        lowest = float(cells.energy[cells.inside].min())
        local = self.spec.start in ("saddle", "point")
        mean = float((density * np.nan_to_num(cells.energy)).sum()) if local else lowest
        return max(lowest + MATTERS * self.T, mean + 2 * self.T)

    def _evolve(self) -> None:
        """The exact density at the cloud's moments and beyond, and its thermodynamics."""
        cells = MasterEquation(self.surface, self.T)
        density = self._first_density(cells)
        coarse = cells.coarseness(self._matters(cells, density)) / RESOLVED
        size = CELLS if coarse <= 1 else min(int(np.ceil(CELLS * coarse)), MOST_CELLS)
        highest = float(cells.energy[density > 1e-12].max()) + CUTOFF * self.T
        cells = MasterEquation(self.surface, self.T, size, highest)
        density = self._first_density(cells)
        ratio = self.times[-1] / self.times[-2]
        later = self.times[-1] * ratio ** np.arange(1, BEYOND + 1)
        report = self.stages.part("exact evolution", 0.02, 0.3)
        p = cells.evolve(density, np.concatenate([self.times, later]), WORK / size**2, report)
        numbers = cells.thermodynamics(p)
        equilibrium = self.surface.equilibrium(self.T)
        near = np.flatnonzero(numbers.F - cells.F < ARRIVED * self.T)
        last = max(len(self.times), (near[0] + 3) if len(near) else len(p))
        p, numbers = p[:last], type(numbers)(*(values[:last] for values in numbers))
        self.cells, self.density = cells, p[:len(self.times)]
        moments = np.concatenate([self.times, later])[:max(last, len(self.times))]
        exact = {"exact_E": numbers.E, "exact_S": numbers.S, "exact_F": numbers.F}
        self.arrays |= {"times": moments} | {name: _filled(values, len(moments)) for name, values in exact.items()}
        self.numbers |= {
            "E_eq": equilibrium.U, "S_eq": equilibrium.S, "F_eq": equilibrium.F, "cells": list(cells.shape),
            "coarseness": cells.coarseness(self._matters(cells, density)), "reached": float(moments[len(p) - 1]),
            "arrived": bool(len(near)), "cells_error": abs(cells.F - equilibrium.F)}
        self._snapshots()

    # The balls

    def _walk(self, x: np.ndarray, report: Callable[..., None]) -> None:
        """Moves the balls from moment to moment and measures them at each."""
        n, names = len(self.arrays["times"]), ("E", "S", "F") if self.T > 0 else ("E", "F")
        rows = {f"cloud_{name}{end}": np.full(n, np.nan) for name in names for end in ("", "_error")}
        shown = []
        for k, place in enumerate(self._places(x, report)):
            numbers = cloud_numbers(self.surface(place), place, self.T, Region.of(self.surface))
            for name in names:
                value = getattr(numbers, name)
                rows[f"cloud_{name}"][k], rows[f"cloud_{name}_error"][k] = value.value, value.stderr
            shown.append(place[:BALLS_SHOWN])
            self.arrays |= {name: values.copy() for name, values in rows.items()}
            report(k / RECORDS, self._so_far)
        at = _snapshot_moments(len(self.times))
        self.arrays |= {"snapshot_times": self.times[at],
                        "snapshot_balls": np.stack([shown[k] for k in at]).astype(np.float32)}

    def _places(self, x: np.ndarray, report: Callable[..., None]) -> Iterator[np.ndarray]:
        """The balls at each moment [n, 2]. Euler's chain remembers nothing, so that it may be walked in pieces."""
        seeds = rng(self.spec.seed, "balls")
        yield x
        for k, span in enumerate(np.diff(self.times)):
            steps = max(SUBSTEPS, int(np.ceil(span / self.dt - 1e-9)))
            heard = functools.partial(lambda k, fraction: report((k + fraction) / RECORDS), k)
            x = simulate(self.surface, Overdamped(span / steps, "euler-maruyama"), x, steps, self.T,
                         int(seeds.integers(2**32)), record_every=steps, progress=heard).x[-1]
            yield x

    def _snapshots(self) -> None:
        """The exact density at a few moments, as probability per area."""
        assert self.cells is not None and self.density is not None
        at = [k for k in _snapshot_moments(len(self.times)) if k < len(self.density)]
        self.arrays |= {
            "snapshot_times": self.times[at], "snapshot_xs": self.cells.us, "snapshot_ys": self.cells.vs,
            "snapshot_density": (self.density[at] / self.cells.area).astype(np.float32)}


def _snapshot_moments(n: int) -> list[int]:
    """The first moment, the last, and some between."""
    return np.unique(np.linspace(0, n - 1, SNAPSHOTS).round().astype(int)).tolist()


def _filled(values: np.ndarray, n: int) -> np.ndarray:
    """values [k] as [n], NaN where there are none."""
    out = np.full(n, np.nan)
    out[:len(values)] = values
    return out
