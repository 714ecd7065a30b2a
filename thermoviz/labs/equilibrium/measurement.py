"""Equilibrium: do replicas agree in what is seen from outside, while they differ inside, and is history forgotten?

Replicas of one network with other starts and other samples of the data, in one batch. Controls: the same two starts in
isotropic heat as strong as SGD's, the path of least energy between them, and linear regression.
"""

from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.fluctuations.chain import linear_chain
from ...core.landscape.honesty import honesty
from ...core.landscape.paths import lowest_path, straight_path
from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.landscape.surfaces import Surface
from ...core.learning.networks import NetworkLoss
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Bodies, Finals, Grid, Sample, Section, lost_by_group
from ...runs.results import Result
from ...runs.run import Run
from ...runs.verdict import Verdict
from . import agreement as agreeing
from .controls import (
    BATCH,
    LR,
    Compared,
    bath_temperature,
    compared,
    control_steps,
    heated,
    linear_theory,
    train_control,
)
from .heat_loop import expected_loops, loops
from .memory import ergodicity, memory
from .replicas import Replicas, curves, own_samples, starts, train
from .results import (
    GROUPS,
    ON_SLICE,
    OWN,
    SAME_DATA,
    Agreement,
    Averages,
    Course,
    Ends,
    LinearTheory,
    Loops,
    Memory,
    Problem,
    Shown,
    Way,
)
from .solutions import Minima, pass_on_slice, plane_of, three_minima
from .specification import Equilibrium
from .verdicts import System, verdicts

# Points of the paths on the slice.
SHOWN = 60
RESOLUTION = 81
# Step of the images of a path, in units of 1 / the largest curvature at the cold solution.
PATH_RATE = 0.5
# A curvature below which an energy is flat.
TINY = 1e-9


def measure(spec: Equilibrium, progress: Progress | None = None) -> Run:
    """A Run of kind "equilibrium": the results of `.results`, a `Sample` of the data, the `Grid` and `Section` of the
    slice, `Bodies` and `Finals` of the replicas on it, and verdicts. Raises BadInput."""
    return Pipeline(spec, progress, (
        Step("data", 0, loss), Step("data", 0, problem_of), Step("three solutions", 4, minima), Step("slice", 1, cut),
        Step("way between solutions", 0, stiffest), Step("way between solutions", 3, way),
        Step("networks", 34, networks), Step("slice", 0, bodies), Step("agreement", 4, outside_and_inside),
        Step("isotropic heat", 17, baths), Step("linear regression", 15, linear), Step("agreement", 3, of_linear),
        Step("heating and cooling", 9, network_loops), Step("heating and cooling", 9, linear_loops),
        Step("verdicts", 1, judged))).run()


def loss(dataset: Any, problem: int, network: Any, weight_decay: float) -> NetworkLoss:
    """What the networks descend."""
    return NetworkLoss(network, dataset.load(problem), weight_decay=weight_decay)


class About(NamedTuple):
    """What is known before anything has trained."""

    sample: Sample
    problem: Problem


def problem_of(loss: NetworkLoss) -> About:
    """A sample of the data, and how many parameters there are."""
    return About(Sample.of(loss.data), Problem(loss.d, None))


# The slice through three solutions, and the way between two of them


def minima(loss: NetworkLoss, problem: int, report: Report) -> Minima:
    """Three solutions that belong to the problem."""
    return three_minima(loss, problem, report)


class Cut(NamedTuple):
    """The slice through the solutions."""

    plane: Plane
    surface: Surface
    kept: tuple[Section, Grid, Ends]


def cut(loss: NetworkLoss, minima: Minima, report: Report) -> Cut:
    """The surface through three solutions."""
    plane = plane_of(minima)
    surface = scan(loss, plane, RESOLUTION, 0.4, progress=report.each_new(
        lambda level: (Section.of(plane), Grid.of(level))))
    return Cut(plane, surface, (Section.of(plane), Grid.of(surface), Ends(minima.another, minima.slope)))


def stiffest(loss: NetworkLoss, minima: Minima, weight_decay: float) -> float:
    """The largest curvature at the cold solution."""
    return max(float(loss.leading_eigenpairs(minima.cold, 1)[0][0]), weight_decay, TINY)


def way(loss: NetworkLoss, minima: Minima, cut: Cut, stiffest: float, report: Report) -> Way:
    """How high one must climb from one solution to the other: along the best path found, the line, the slice."""
    if not minima.another:
        return Way(None)
    line = straight_path(loss, minima.cold, minima.far)
    path = lowest_path(loss, minima.cold, minima.far, PATH_RATE / stiffest, report=report)
    bottom = float(path.energy[0])
    return Way({"climbs": path.climbs, "line": line.climbs, "slice": pass_on_slice(cut.surface, cut.plane, minima)},
               path.along, path.energy - bottom, line.along, line.energy - bottom)


# Networks


def networks(spec: Equilibrium, loss: NetworkLoss, minima: Minima, report: Report) -> Replicas:
    """All groups of replicas, trained."""
    x0 = starts(loss, spec.replicas, spec.seed, spec.problem, minima.cold, minima.far)
    return train(loss, x0, own_samples(loss, spec.replicas, spec.seed), SGD(spec.lr, spec.momentum), spec.batch_size,
                 spec.steps, spec.seed, minima.cold, _of_networks(report))


def _of_networks(report: Report) -> Any:
    """report(fraction, make), which shows what `make()` gives as the networks'."""
    return lambda fraction, make: report(fraction, lambda: {"net": make()})


def bodies(spec: Equilibrium, loss: NetworkLoss, cut: Cut, networks: Replicas) -> tuple[Result, ...]:
    """The replicas as bodies on the slice, and how much it hides of them."""
    found, names = networks, ["usual start", *(GROUPS[group] for group in ON_SLICE[1:])]
    of_group = np.repeat(np.arange(len(GROUPS)), found.each)
    problem = Problem(loss.d, lost_by_group(GROUPS, of_group, found.diverged_at))
    rows = np.concatenate([group * found.each + np.arange(found.each) for group in ON_SLICE])
    at = np.unique(np.geomspace(1, len(found.steps), SHOWN).round().astype(int)) - 1
    fine = found.diverged_at[rows] < 0
    if not fine.any():
        return problem, Shown(names)
    paths = np.full((len(at), len(rows), loss.d), np.nan, np.float32)
    paths[:, fine] = found.aligned(rows[fine])[at]
    u, residual = (np.full((len(at), len(rows), *tail), np.nan, np.float32) for tail in ((2,), ()))
    u[:, fine], residual[:, fine] = cut.plane.project(paths[:, fine]), cut.plane.residual(paths[:, fine])
    return (problem, Shown(names, honesty(loss, cut.plane, paths[:, fine]).to_json()),
            Bodies(found.steps[at].astype(np.int32), found.losses[at][:, rows],
                   np.repeat(np.arange(len(ON_SLICE)), found.each), found.diverged_at[rows],
                   found.steps[at] * spec.rate, u, residual),
            Finals(paths[-1, fine], np.flatnonzero(fine)))


class Seen(NamedTuple):
    """All that is read off the replicas of one system, under its name."""

    course: dict[str, Course]
    agreement: dict[str, Agreement]
    memory: dict[str, Memory]
    averages: dict[str, Averages]


def _seen(system: str, found: Replicas, report: Report) -> Seen:
    seen = {}
    for group in range(len(GROUPS)):
        seen[group] = agreeing.observables(found, group)
        report(0.9 * group / len(GROUPS))
    usual = seen[SAME_DATA]["loss"]
    agreed = Agreement(
        agreeing.agreement(seen), {GROUPS[group]: agreeing.spreads(seen[group]) for group in (OWN, SAME_DATA)},
        agreeing.meeting(seen), agreeing.shaking(seen), [float(np.mean(usual)) if usual.size else np.nan],
        [len(found.rows(group)) for group in range(len(GROUPS))])
    report(0.95)
    remembered = memory(found)
    report(0.97)
    return Seen({system: curves(found.steps, found.losses)}, {system: agreed}, {system: remembered},
                {system: ergodicity(found, agreeing.together(seen))})


def outside_and_inside(networks: Replicas, report: Report) -> Seen:
    """What is read off the networks."""
    return _seen("net", networks, report)


def baths(spec: Equilibrium, networks: Replicas, stiffest: float, report: Report) -> Compared:
    """The cold and the far start once more, in isotropic heat as strong as SGD's."""
    temperature = bath_temperature(networks, spec.rate, spec.batch_size)
    copies = heated(networks, temperature, spec.rate, stiffest, spec.seed, report)
    return compared(networks, spec.rate, copies)


# Linear regression


class Linear(NamedTuple):
    """The control's replicas, and what each of them saw [6 R, N]."""

    found: Replicas
    samples: np.ndarray


def linear(replicas: int, steps: int, seed: int, problem: int, report: Report) -> Linear:
    """All groups of linear models, trained."""
    return Linear(*train_control(replicas, control_steps(steps), seed, problem,
                                 lambda fraction, make=None: report(fraction)))


class OfLinear(NamedTuple):
    """What is read off linear regression, beside what must come out."""

    seen: Seen
    theory: dict[str, LinearTheory]


def of_linear(linear: Linear, report: Report) -> OfLinear:
    """What linear regression shows, and the closed forms for it."""
    seen = _seen("lin", linear.found, report)
    times = seen.averages["lin"].aligned_steps
    theory = linear_theory(linear.found, linear.samples, seen.memory["lin"].lags,
                           np.ones(0) if times is None else times)
    return OfLinear(seen, {"lin": theory})


# Heating and cooling


def network_loops(spec: Equilibrium, loss: NetworkLoss, networks: Replicas, report: Report) -> dict[str, Loops]:
    """The learning rate of the networks turned up and down."""
    return {"net": loops(loss, networks.x[-1, networks.rows(SAME_DATA)], spec.lr, spec.momentum, spec.batch_size,
                         spec.steps, spec.seed, report)}


def linear_loops(steps: int, seed: int, linear: Linear, report: Report) -> dict[str, Loops]:
    """The same of linear regression, and its exact evolution."""
    found, length = linear.found, control_steps(steps)
    alike = np.concatenate([found.rows(group) for group in agreeing.ALIKE])
    expected = expected_loops(found.loss, linear_chain(found.loss, LR, BATCH), BATCH, length)
    return {"lin": loops(found.loss, found.x[-1, alike], LR, 0.0, BATCH, length, seed, report, expected)}


def judged(spec: Equilibrium, cut: Cut, way: Way, outside_and_inside: Seen, baths: Compared, of_linear: OfLinear,
           network_loops: dict[str, Loops], linear_loops: dict[str, Loops]) -> list[Verdict]:
    """What replicas show."""
    ends = cut.kept[-1]
    net, lin = _system("net", outside_and_inside, network_loops), _system("lin", of_linear.seen, linear_loops)
    return verdicts(spec, ends, way, baths.baths, baths.units, net, lin, of_linear.theory["lin"])


def _system(name: str, seen: Seen, loops: dict[str, Loops]) -> System:
    return System(seen.agreement[name], seen.memory[name], seen.averages[name], loops[name])
