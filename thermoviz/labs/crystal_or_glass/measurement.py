"""Crystal or glass? Cool a cloud of balls slowly or quickly, and see how much of it finds the deepest valley.

Slow cooling lets it get over the passes while they still can be crossed; quick cooling freezes it where it is. Beside
it: heat-cool loops, replica exchange as the strong alternative, and the work of pulling the landscape (Jarzynski).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.mala import MALA
from ...core.dynamics.replica_exchange import geometric_ladder, replica_exchange
from ...core.dynamics.schedules import Schedule
from ...core.energies.driven import Tilted
from ...core.errors import TooFewSamples
from ...core.landscape.surfaces import Surface
from ...core.seeds import rng
from ...core.statistics.estimators import independent_mean, share_error
from ...core.thermodynamics.annealing import anneal, loop_area
from ...core.thermodynamics.work import drive, jarzynski, kish_size
from ...experiments.landscape.specification import surface_arrays, surface_numbers
from ...experiments.landscapes import surface_of
from ...runs.progress import Progress, Stages
from ...runs.run import Run
from .controls import controls
from .cooling import Cycle, cycles
from .networks import cooled_networks
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
    """A Run of kind "crystal_or_glass".

    Arrays over the cooling times, quickest first: `cool_steps`, `cool_times` [m]; `mass`, `mass_error` in the
    deepest valley at the coldest moment, `mass_exact`; `energy_cold`, `energy_cold_error`, `energy_cold_exact`;
    `area`, `area_error`, `area_exact` of the loop. `loop_share` [p], `loop_T` [p], `loop_E` [3, p] of the
    quickest, a middle and the slowest cycle, `loop_E_exact` [3, p], `loop_E_equilibrium` [p]. Over the drives,
    quickest first: `drive_steps`, `drive_times`, `work_mean`, `work_error`, `drive_dF`, `drive_dF_error` (NaN:
    refused), `drive_kish` [q]; `work` [2, n] of the quickest and the slowest. With `networks` those of
    `networks.cooled_networks`. Numbers: `T_hot`, `T_cold`, `dt`, `share_hot`, `share_cold`, `stage` (what
    the stage's annealing leaves in the deepest valley), `waited`, `exchange`, `drive`, `control`, `traps`,
    `networks`. Raises BadInput.
    """
    return _Experiment(spec, Stages(progress)).run()


def lengths(longest: int, count: int) -> list[int]:
    """Steps, quickest first: each about three times shorter than the next, none below 1 and none twice."""
    return sorted({max(1, round(longest * 10 ** (-k / 2))) for k in range(count)})


class _Experiment:
    """One computation: it fills `arrays` and `numbers` from the exact to the sampled, showing what it has."""

    def __init__(self, spec: CrystalOrGlass, stages: Stages) -> None:
        self.spec, self.stages = spec, stages
        self.surface = surface_of(spec.landscape)
        scale = self.surface.scale
        self.hot, self.cold = spec.hot * scale, spec.cold * scale
        self.dt = self.surface.suggested_dt(self.hot)
        self.arrays: dict[str, np.ndarray] = surface_arrays(self.surface)
        self.numbers: dict[str, Any] = {
            **surface_numbers(self.surface), "T_hot": self.hot, "T_cold": self.cold, "dt": self.dt}

    def run(self) -> Run:
        end = 0.4 if self.spec.networks else 1.0
        self._cool_exactly(self.stages.part("exact evolution", 0.0, 0.35 * end))
        self.stages.tell(0.35 * end, "exact evolution", self._so_far, now=True)
        self._cool_balls(self.stages.part("cooling", 0.35 * end, 0.75 * end))
        self.stages.tell(0.75 * end, "cooling", self._so_far, now=True)
        self._exchange(self.stages.part("replica exchange", 0.75 * end, 0.8 * end))
        self._drive(self.stages.part("work", 0.8 * end, 0.9 * end))
        self.stages.tell(0.9 * end, "work", self._so_far, now=True)
        report = self.stages.part("controls", 0.9 * end, end)
        self.numbers |= controls(self.spec, self.surface, self.hot, self.cold, report)
        self.numbers["verdicts"] = [one.to_json() for one in verdicts(self.arrays, self.numbers)]
        if self.spec.networks:
            self.stages.tell(end, "networks", self._so_far, now=True)
            self._cool_networks(self.stages.part("networks", end, 1.0))
        return self._so_far()

    def _cool_networks(self, report: Callable[[float], Any]) -> None:
        arrays, self.numbers["networks"] = cooled_networks(self.spec, report)
        self.arrays |= arrays
        found = network_verdicts(arrays, self.spec.network_hot)
        self.numbers["verdicts"] = [*self.numbers["verdicts"], *(one.to_json() for one in found)]

    def _so_far(self) -> Run:
        return Run(self.spec, dict(self.arrays), dict(self.numbers))

    def _bath(self, share: float) -> float:
        """Temperature of a cycle's share, 0 to 1: hot, cold half-way, hot."""
        cooled = 1 - abs(1 - 2 * share)
        if self.spec.programme == "linear":
            return self.hot + (self.cold - self.hot) * cooled
        return float(self.hot * (self.cold / self.hot) ** cooled)

    def _cool_exactly(self, report: Callable[[float], Any]) -> None:
        """What infinitely many balls would do, without an error of the time step."""
        steps = np.array(lengths(self.spec.steps, SPEEDS))
        times = steps * self.dt
        mass, energy, area, errors = (np.empty(len(times)) for _ in range(4))
        courses = []
        for k, time in enumerate(times):
            course = anneal(self.surface, self._bath, 2 * time)
            half = len(course.E) // 2
            mass[k], energy[k], errors[k] = course.mass[half], course.E[half], course.error_mass
            area[k] = loop_area(course.temperatures, course.E)
            courses.append(np.interp(np.linspace(0, 1, LOOP_POINTS), np.linspace(0, 1, len(course.E)), course.E))
            report((k + 1) / len(times))
        # One mesh for both ends of the programme and for all that lies between.
        T = np.array([self._bath(share) for share in np.linspace(0, 1, LOOP_POINTS)])
        half = LOOP_POINTS // 2 + 1
        equilibria = self.surface.equilibria(T[:half].tolist())
        U = np.array([eq.U for eq in equilibria])
        self.arrays |= {
            "cool_steps": steps, "cool_times": times, "mass_exact": mass, "mass_exact_error": errors,
            "energy_cold_exact": energy, "area_exact": area, "loop_share": np.linspace(0, 2, LOOP_POINTS), "loop_T": T,
            "loop_E_exact": np.stack(_three(courses)),
            "loop_E_equilibrium": np.concatenate([U, U[-2::-1]])}
        self.numbers |= {"share_hot": float(equilibria[0].shares[0]), "share_cold": float(equilibria[-1].shares[0]),
                         "waited": self._waited(float(times[-1])), "stage": self._on_stage()}

    def _on_stage(self) -> float:
        """Mass in the deepest valley after the live stage's own annealing in as many steps as the slowest cooling.

        It ends at STAGE_END of its heat, and its steps grow longer as it cools (`suggested_dt`). Of the exact
        evolution: steps so long bring the stage's balls over the passes a little less often.
        """
        n, end = self.spec.steps, STAGE_END * min(self.hot, self.surface.scale)
        T = np.array([Schedule(self.spec.programme, self.hot, end, n)(step) for step in range(n + 1)])
        seen = np.unique(np.linspace(0, n, STAGE_POINTS).round().astype(int))
        dt = np.interp(np.arange(n), seen, [self.surface.suggested_dt(float(T[step])) for step in seen])
        times = np.concatenate([[0.0], dt.cumsum()])
        course = anneal(self.surface, lambda share: float(np.interp(share * times[-1], times, T)), float(times[-1]))
        return float(course.mass[-1])

    def _waited(self, time: float) -> float:
        """What a quench gains by waiting in the cold for `time`: mass in the deepest valley, later minus at once."""
        course = anneal(self.surface, lambda share: self.cold if share else self.hot, time)
        return float(course.mass[-1] - course.mass[0])

    def _cool_balls(self, report: Callable[[float], Any]) -> None:
        spec, surface = self.spec, self.surface
        found = cycles(surface, surface.equilibrium(self.hot).sample, spec.programme, self.hot, self.cold,
                       self.arrays["cool_steps"].tolist(), spec.balls, self.dt, spec.seed, report)
        deep = np.array([(surface.basins.label_at(cycle.cold_x) == 0).mean() for cycle in found])
        cold = [independent_mean(cycle.cold_E) for cycle in found]
        area = [independent_mean(cycle.area) for cycle in found]
        self.arrays |= {
            "mass": deep, "mass_error": share_error(deep, spec.balls),
            "energy_cold": np.array([e.value for e in cold]), "energy_cold_error": np.array([e.stderr for e in cold]),
            "area": np.array([e.value for e in area]), "area_error": np.array([e.stderr for e in area]),
            "loop_E": np.stack([self._on_loop(cycle) for cycle in _three(found)])}

    def _on_loop(self, cycle: Cycle) -> np.ndarray:
        return np.interp(self.arrays["loop_share"], cycle.share, cycle.E)

    def _exchange(self, report: Callable[[float], Any]) -> None:
        """Mass in the deepest valley that replica exchange finds at the cold end in a tenth of the steps."""
        spec, surface = self.spec, self.surface
        ladder = geometric_ladder(self.cold, self.hot, RUNGS)
        m, steps = max(4, spec.balls // RUNGS), max(spec.steps // SHARE, 10 * EXCHANGE_EVERY)
        start = surface.equilibrium(self.hot).sample(m * RUNGS, rng(spec.seed, "ladders")).reshape(m, RUNGS, 2)
        dt = [surface.suggested_dt(float(T), highest_start=float(surface(start).max())) for T in ladder]
        found = replica_exchange(surface, ladder, start, steps, dt, EXCHANGE_EVERY, spec.seed, EXCHANGE_EVERY, report)
        late = found.x[found.steps > steps // 2, :, 0]
        mass = independent_mean((surface.basins.label_at(late) == 0).mean(axis=0))
        least = float(share_error(mass.value, late.shape[0] * m))
        self.numbers["exchange"] = {
            "mass": mass.value, "mass_error": max(mass.stderr, least), "steps": steps, "ladders": m,
            "temperatures": ladder.tolist(), "accepted": found.accepted.tolist()}

    def _drive(self, report: Callable[[float], Any]) -> None:
        """Work of tilting the landscape, from equilibrium at the hot temperature, at several speeds."""
        spec, surface, T = self.spec, self.surface, self.hot
        slope = self._slope()
        tilted = Surface.from_grid(
            surface.xs, surface.ys, surface.E + slope[0] * surface.xs[:, None] + slope[1] * surface.ys[None])
        start = surface.equilibrium(T)
        exact = tilted.equilibrium(T).F - start.F
        steps = lengths(max(spec.steps // SHARE, 1), DRIVES)
        x0 = start.sample(spec.balls * len(steps), rng(spec.seed, "driven")).reshape(len(steps), spec.balls, 2)
        seeds = rng(spec.seed, "drives").integers(0, 2**32, size=len(steps))
        work = []
        for k, n in enumerate(steps):
            done = drive(lambda share: Tilted(surface, share * slope), np.linspace(0, 1, n + 1), MALA(self.dt), x0[k],
                         T, int(seeds[k]))
            work.append(done.work)
            report(sum(steps[:k + 1]) / sum(steps))
        averages = [independent_mean(W) for W in work]
        dF = np.array([_free_energy(W, T) for W in work])
        self.arrays |= {
            "drive_steps": np.array(steps), "drive_times": np.array(steps) * self.dt,
            "work_mean": np.array([e.value for e in averages]), "work_error": np.array([e.stderr for e in averages]),
            "drive_dF": dF[:, 0], "drive_dF_error": dF[:, 1], "drive_kish": np.array([kish_size(-W / T) for W in work]),
            "work": np.stack([work[0], work[-1]])}
        self.numbers["drive"] = {"T": T, "dF_exact": exact, "slope": slope.tolist()}

    def _slope(self) -> np.ndarray:
        """Tilts the landscape by `pull` between the two deepest valleys; along the longer side where there is one."""
        basins, energy = self.surface.basins, self.spec.pull * self.surface.scale
        if basins.n > 1:
            away = basins.minima[1] - basins.minima[0]
        else:
            sides = np.array([high - low for low, high in self.surface.bounds])
            away = np.where(np.arange(2) == np.argmax(sides), sides / 2, 0.0)
        return -energy * away / (away @ away)


def _three(cycles: list[Any]) -> list[Any]:
    """The quickest, a middle and the slowest of them."""
    return [cycles[k] for k in (0, len(cycles) // 2, -1)]


def _free_energy(work: np.ndarray, T: float) -> tuple[float, float]:
    """Jarzynski's dF and its error, NaN where too few weights count."""
    try:
        found = jarzynski(work, T)
    except TooFewSamples:
        return math.nan, math.nan
    return found.value, found.stderr
