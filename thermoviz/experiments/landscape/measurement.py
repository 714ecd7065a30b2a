"""How a Descent is computed: train, choose the plane, project, scan level by level, measure what the slice hides.

A Potential is scanned at once: there nothing is learned and nothing hidden.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.dynamics.simulation import Trajectory, simulate
from ...core.errors import BadInput
from ...core.landscape.honesty import honesty
from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.landscape.surfaces import Surface
from ...core.learning.data import Dataset
from ...core.learning.networks import NetworkLoss
from ...runs.pipeline import Numbers, Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Bodies, Finals, Grid, Honest, Sample, Section
from ...runs.run import Run
from .noise import noise_numbers
from .solutions import solution_numbers
from .specification import Descent, Potential

RECORDS = 120  # points of a path beside its start
RECORDED_BYTES = 160 * 2**20  # of parameters kept while training
KEPT_PARAMETERS = 50_000  # numbers of final parameters kept in a run
PER_REPLICA = ("lr", "momentum", "dt", "friction")  # settings of a dynamics that may differ from replica to replica
SCORED_AT_ONCE = 64  # networks, so that a cancel is heard soon


@dataclass
class Record:
    """What training leaves: member-major columns, n = dynamics x replicas. thetas [T, n, d] float32."""

    steps: np.ndarray
    times: np.ndarray
    thetas: np.ndarray
    losses: np.ndarray
    diverged_at: np.ndarray
    member: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """[n]: which replicas never left the finite numbers."""
        return self.diverged_at < 0

    @classmethod
    def of(cls, spec: Descent, parts: Sequence[Trajectory], rows: slice = slice(None)) -> "Record":
        """Of one trajectory per dynamics, whose `rows` belong to the run."""
        time = np.asarray(parts[0].time, float)
        return cls(
            np.asarray(parts[0].steps, np.int32), time if time.ndim == 1 else time[:, rows].mean(1),
            np.concatenate([part.x[:, rows] for part in parts], axis=1),
            np.concatenate([part.energy[:, rows] for part in parts], axis=1),
            np.concatenate([part.diverged_at[rows] for part in parts]), _members(spec))

    def bodies(self, **more: Any) -> Bodies:
        """As a run keeps them, with what is known of them besides."""
        return Bodies(self.steps, self.losses, self.member, self.diverged_at, self.times, **more)


def measure(spec: Potential | Descent, progress: Progress | None = None) -> Run:
    """The surface alone, or a Run of kind "descent": without a surface, but with losses, where every replica diverged.

    Of a descent the arrays of `runs.record`, and the numbers `d`, `honesty`, the heat of the data as
    `noise.noise_numbers` documents it, and of a plane through solutions `solutions.solution_numbers`.
    """
    if isinstance(spec, Potential):
        return Pipeline(spec, progress, (Step("surface", 1, tabulated),)).run()
    return Pipeline(spec, progress, (
        Step("data", 0, data), Step("data", 0, sample), Step("data", 0, loss), Step("training", 48, trained),
        Step("training", 2, followed), Step("slice", 0, plane), Step("slice", 0, projected),
        Step("surface", 40, surface), Step("surface", 0, grid), Step("honesty", 0, hidden), Step("honesty", 5, heat),
        Step("test", 5, scored), Step("test", 0, finals))).run()


def tabulated(potential: Any, resolution: int, tolerance: float, report: Report) -> Grid:
    """The surface of an analytic energy."""
    return Grid.of(scan(potential, resolution=resolution, tolerance=tolerance, progress=report.each_new(Grid.of)))


def data(dataset: Any, seed: int) -> Dataset:
    """What the networks learn."""
    loaded: Dataset = dataset.load(seed)
    return loaded


def sample(data: Dataset) -> Sample:
    """What the run keeps of it."""
    return Sample.of(data)


def loss(network: Any, data: Dataset, weight_decay: float, l1: float) -> NetworkLoss:
    """What training descends."""
    return NetworkLoss(network, data, weight_decay=weight_decay, l1=l1)


def trained(spec: Descent, loss: NetworkLoss, report: Report) -> Record:
    """All dynamics from the same starts; one seed, hence the same batches and the same heat for all of them."""
    every = record_every(spec, loss.d)
    watched, n = Watched(loss, spec, every), len(spec.dynamics)
    parts = [simulate(watched, **together((spec,), k, loss, every),
                      progress=watched.reporting(report.part(k / n, (k + 1) / n))) for k in range(n)]
    return Record.of(spec, parts)


def together(specs: Sequence[Descent], k: int, loss: NetworkLoss, every: int) -> dict[str, Any]:
    """What `simulate` is asked for the k-th dynamics of one run, or of several side by side, on one loss.

    They may differ in seed, batches, temperature and in whatever a dynamics may be given per replica.
    """
    dynamics = [spec.dynamics[k] for spec in specs]
    replicas = specs[0].replicas
    own = {name: _each([getattr(one, name) for one in dynamics], replicas) for name in PER_REPLICA
           if hasattr(dynamics[0], name)}
    return {
        "dynamics": dataclasses.replace(dynamics[0], **own), "steps": specs[0].steps, "record_every": every,
        "x0": np.concatenate([loss.init(replicas, seed=spec.seed) for spec in specs]).astype(np.float32),
        "seed": [spec.seed for spec in specs],
        "temperature": _each([spec.temperature if dynamics[0].heated else 0.0 for spec in specs], replicas),
        "batch_size": _each([spec.batch_size for spec in specs], replicas),
        "batching": _each([spec.batching for spec in specs], replicas),
    }


def _each(values: list[Any], replicas: int) -> Any:
    """One value where all runs have it, or that of each replica."""
    if all(value == values[0] for value in values) and (len(values) == 1 or not isinstance(values[0], tuple)):
        return values[0]
    return tuple(one for value in values for one in (value if isinstance(value, tuple) else (value,) * replicas))


def _members(spec: Descent) -> np.ndarray:
    return np.repeat(np.arange(len(spec.dynamics)), spec.replicas)


class Watched:
    """The loss as `simulate` sees it, remembering what it said at the records, so that losses show while training.

    `simulate` asks for energies at its records only, replica by replica in rows; steps ask for forces.
    """

    def __init__(self, loss: Any, spec: Descent, every: int) -> None:
        self._loss, self._spec, self._every = loss, spec, every
        self._rows: list[np.ndarray] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loss, name)

    def __call__(self, theta: Any) -> Any:
        """[n, d] -> [n]."""
        energies = self._loss(theta)
        self._rows.append(np.asarray(energies, np.float32))
        return energies

    def reporting(self, report: Callable[..., None]) -> Callable[[float], None]:
        """A progress callback for `simulate` that can show the losses so far."""
        return lambda fraction: report(fraction, self.so_far)

    def so_far(self) -> Bodies:
        """Losses up to now, NaN for dynamics whose turn comes later."""
        records = math.ceil(self._spec.steps / self._every) + 1
        done, current = divmod(len(self._rows), records)
        losses = np.full((records, len(_members(self._spec))), np.nan, np.float32)
        for k in range(done + (current > 0)):
            rows = np.stack(self._rows[k * records:(k + 1) * records])
            losses[:len(rows), k * self._spec.replicas:(k + 1) * self._spec.replicas] = rows
        kept = records if done else current
        steps = np.minimum(np.arange(records) * self._every, self._spec.steps)
        return Bodies(steps[:kept].astype(np.int32), losses[:kept], _members(self._spec), np.full(losses.shape[1], -1))


def record_every(spec: Descent, d: int) -> int:
    """Steps between records: about 120 of them, or as many as fit in memory."""
    n = spec.replicas * len(spec.dynamics)
    records = min(RECORDS, spec.steps, RECORDED_BYTES // (4 * n * d) - 1)
    if records < 1:
        raise BadInput(f"{n} networks of {d} parameters are too many to record "
                       f"(at most {RECORDED_BYTES // 8:,} numbers): choose fewer replicas or a smaller network.")
    return math.ceil(spec.steps / records)


def followed(loss: NetworkLoss, trained: Record, report: Report) -> list[Any]:
    """The networks along their paths: `losses` and the two parts of it; the number of parameters."""
    parts = along(trained.thetas, {
        "data_losses": loss.data_energy, "regulariser": lambda theta: loss.l2_energy(theta) + loss.l1_energy(theta),
    }, report)
    return [trained.bodies(**parts), Numbers({"d": loss.d})]


def plane(spec: Descent, loss: NetworkLoss, trained: Record) -> Plane | None:
    """Where the slice is cut; None where every replica diverged: then there is nothing to see but the losses."""
    if not trained.finite.any():
        return None
    chosen: Plane = spec.plane.choose(loss, trained.thetas[:, trained.finite], spec.seed)
    return chosen


def projected(plane: Plane | None, trained: Record) -> list[Any]:
    """The plane and the paths on it."""
    return [] if plane is None else [Section.of(plane), trained.bodies(**Bodies.on(plane, trained.thetas))]


def surface(spec: Descent, loss: NetworkLoss, plane: Plane | None, report: Report) -> Surface | None:
    """The energy on the slice, level by level."""
    if plane is None:
        return None
    return scan(loss, plane, spec.resolution, spec.margin, tolerance=spec.tolerance,
                progress=report.each_new(Grid.of))


def grid(surface: Surface | None) -> Grid | None:
    """What the run keeps of it."""
    return None if surface is None else Grid.of(surface)


def hidden(loss: NetworkLoss, plane: Plane | None, trained: Record, surface: Surface | None) -> Honest | None:
    """What the slice hides."""
    if plane is None:
        return None
    return Honest(honesty(loss, plane, trained.thetas[:, trained.finite], surface).to_json())


def heat(spec: Descent, loss: NetworkLoss, plane: Plane | None, surface: Surface | None) -> Numbers | None:
    """The heat of the data, and what the solutions at the marks are."""
    if plane is None:
        return None
    numbers = noise_numbers(spec.dynamics, spec.batch_size, spec.batching, loss, plane, surface)
    return Numbers(numbers | solution_numbers(loss, plane, surface) if spec.plane.kind == "solutions" else numbers)


def scored(loss: NetworkLoss, data: Dataset, plane: Plane | None, trained: Record, report: Report) -> Bodies | None:
    """Accuracy (R^2 for regression) and the data loss of the test samples [T, n] along the paths."""
    if plane is None:
        return None
    kinds: dict[str, Callable[[Any], Any]] = {"accuracy": loss.accuracy}
    if data.n_test:
        kinds["test_losses"] = loss.test_energy
        kinds["test_accuracy"] = functools.partial(loss.accuracy, test=True)
    return trained.bodies(**along(trained.thetas, kinds, report))


def along(thetas: np.ndarray, kinds: dict[str, Callable[[Any], Any]],
           report: Callable[..., None]) -> dict[str, np.ndarray]:
    """Each score [T, n] of thetas [T, n, d]; NaN where a replica has diverged."""
    scores = {name: np.full(thetas.shape[:2], np.nan, np.float32) for name in kinds}
    rows = max(1, SCORED_AT_ONCE // thetas.shape[1])
    for start in range(0, len(thetas), rows):
        some = thetas[start:start + rows]
        alive = np.isfinite(some).all(-1)
        for name, score in kinds.items() if alive.any() else ():
            with np.errstate(over="ignore"):  # on the way out a loss may be more than float32 holds
                scores[name][start:start + rows][alive] = score(some[alive])
        report(min(1.0, (start + rows) / len(thetas)))
    return scores


def finals(plane: Plane | None, trained: Record) -> Finals | None:
    """Final parameters: all, or where that is too much, those nearest to the plane (which define it)."""
    if plane is None:
        return None
    thetas = trained.thetas[-1]
    kept = np.flatnonzero(trained.finite)
    room = max(1, KEPT_PARAMETERS // thetas.shape[1])
    if len(kept) > room:
        distance = plane.residual(thetas[kept]).round(6)
        order = np.lexsort((trained.losses[-1, kept], distance))
        kept = np.sort(kept[order[:room]])
    return Finals(thetas[kept], kept)
