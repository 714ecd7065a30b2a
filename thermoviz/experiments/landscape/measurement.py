"""How a Descent is computed: train, choose the plane, project, scan level by level, measure what the slice hides."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.errors import BadInput
from ...runs.carried import in_run
from ...runs.progress import Progress, Stages
from ...runs.record import Bodies, Sample, Section
from ...runs.run import Run
from .noise import noise_numbers
from .solutions import solution_numbers
from .specification import surface_arrays, surface_numbers

if TYPE_CHECKING:
    from .specification import Descent

RECORDS = 120  # points of a path beside its start
RECORDED_BYTES = 160 * 2**20  # of parameters kept while training
KEPT_PARAMETERS = 50_000  # numbers of final parameters kept in a run
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

    def arrays(self) -> dict[str, np.ndarray]:
        return {"steps": self.steps, "times": self.times, "losses": self.losses.astype(np.float32),
                "diverged_at": self.diverged_at.astype(np.int32), "member": self.member.astype(np.int8)}


def compute(spec: "Descent", progress: Progress | None = None) -> Run:
    """See `Descent.compute`."""
    from ...core.landscape.honesty import honesty
    from ...core.landscape.scan import scan
    from ...core.learning.networks import NetworkLoss

    stages = Stages(progress)
    stages.tell(0.0, "data")
    data = spec.dataset.load(spec.seed)
    loss = NetworkLoss(spec.network, data, weight_decay=spec.weight_decay, l1=spec.l1)
    record = train(spec, loss, stages)
    arrays = record.arrays() | sample_arrays(data) | parts_of_energy(loss, record.thetas, stages.part(
        "training", 0.48, 0.5))
    arrays |= in_run(spec)
    numbers: dict[str, Any] = {"d": loss.d, "diverged": diverged_sentence(spec, record)}
    if not record.finite.any():
        return Run(spec, arrays, numbers)

    stages.tell(0.5, "slice")
    plane = spec.plane.choose(loss, record.thetas[:, record.finite], spec.seed)
    arrays |= plane_arrays(plane) | Bodies.on(plane, record.thetas)
    level = stages.each_new("surface", 0.5, 0.9, lambda surface: Run(
        spec, arrays | surface_arrays(surface), numbers | surface_numbers(surface)))
    surface = scan(loss, plane, spec.resolution, spec.margin, tolerance=spec.tolerance, progress=level)
    arrays |= surface_arrays(surface)
    numbers |= surface_numbers(surface)
    stages.tell(0.9, "honesty", lambda: Run(spec, arrays, numbers), now=True)
    numbers["honesty"] = honesty(loss, plane, record.thetas[:, record.finite], surface).to_json()
    numbers |= noise_numbers(spec, loss, plane, surface)
    if spec.plane.kind == "solutions":
        numbers |= solution_numbers(loss, plane, surface)
    scores = _scores(loss, data, record.thetas, stages.part("test", 0.95, 1.0))
    return Run(spec, arrays | scores | _finals(plane, record), numbers)


def train(spec: "Descent", loss: Any, stages: Stages) -> Record:
    """All dynamics from the same starts; one seed, hence the same batches and the same heat for all of them."""
    from ...core.dynamics.simulation import simulate

    starts = loss.init(spec.replicas, seed=spec.seed).astype(np.float32)
    every = _record_every(spec, loss.d)
    watched, n = Watched(loss, spec, every), len(spec.dynamics)
    parts = []
    for k, dynamics in enumerate(spec.dynamics):
        report = watched.reporting(stages.part("training", 0.48 * k / n, 0.48 * (k + 1) / n))
        parts.append(simulate(
            watched, dynamics, starts, spec.steps, temperature=spec.temperature if dynamics.heated else 0.0,
            seed=spec.seed, record_every=every, batch_size=spec.batch_size, batching=spec.batching,
            progress=report))
    time = np.asarray(parts[0].time, float)
    return Record(
        np.asarray(parts[0].steps, np.int32), time if time.ndim == 1 else time.mean(1),
        np.concatenate([part.x for part in parts], axis=1), np.concatenate([part.energy for part in parts], axis=1),
        np.concatenate([part.diverged_at for part in parts]), _members(spec))


def _members(spec: "Descent") -> np.ndarray:
    return np.repeat(np.arange(len(spec.dynamics)), spec.replicas)


class Watched:
    """The loss as `simulate` sees it, remembering what it said at the records, so that losses show while training.

    `simulate` asks for energies at its records only, replica by replica in rows; steps ask for forces.
    """

    def __init__(self, loss: Any, spec: "Descent", every: int) -> None:
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

    def so_far(self) -> Run:
        """A partial run: losses up to now, NaN for dynamics whose turn comes later."""
        records = math.ceil(self._spec.steps / self._every) + 1
        done, current = divmod(len(self._rows), records)
        losses = np.full((records, len(_members(self._spec))), np.nan, np.float32)
        for k in range(done + (current > 0)):
            rows = np.stack(self._rows[k * records:(k + 1) * records])
            losses[:len(rows), k * self._spec.replicas:(k + 1) * self._spec.replicas] = rows
        kept = records if done else current
        steps = np.minimum(np.arange(records) * self._every, self._spec.steps)
        return Run(self._spec, {"steps": steps[:kept].astype(np.int32), "losses": losses[:kept],
                                "member": _members(self._spec).astype(np.int8),
                                "diverged_at": np.full(losses.shape[1], -1, np.int32)})


def _record_every(spec: "Descent", d: int) -> int:
    """Steps between records: about 120 of them, or as many as fit in memory."""
    n = spec.replicas * len(spec.dynamics)
    records = min(RECORDS, spec.steps, RECORDED_BYTES // (4 * n * d) - 1)
    if records < 1:
        raise BadInput(f"{n} networks of {d} parameters are too many to record "
                       f"(at most {RECORDED_BYTES // 8:,} numbers): choose fewer replicas or a smaller network.")
    return math.ceil(spec.steps / records)


def diverged_sentence(spec: "Descent", record: Record) -> str | None:
    """Who diverged, and when first; None if nobody did."""
    parts = []
    for k, dynamics in enumerate(spec.dynamics):
        at = record.diverged_at[(record.member == k) & (record.diverged_at >= 0)]
        if len(at):
            who = "all" if len(at) == spec.replicas else f"{len(at)} of {spec.replicas}"
            parts.append(f"{dynamics.kind}: {who} diverged, the first at step {at.min()}")
    return "; ".join(parts) or None


def plane_arrays(plane: Any) -> dict[str, np.ndarray]:
    """What a Run keeps of a plane in parameter space."""
    return Section.of(plane).write()[0]


def parts_of_energy(loss: Any, thetas: np.ndarray, report: Callable[..., None]) -> dict[str, np.ndarray]:
    """The two parts of `losses` [T, n] along the paths: `data_losses` of the training samples, and `regulariser`."""
    return _along(thetas, {
        "data_losses": loss.data_energy, "regulariser": lambda theta: loss.l2_energy(theta) + loss.l1_energy(theta),
    }, report)


def _scores(loss: Any, data: Any, thetas: np.ndarray, report: Callable[..., None]) -> dict[str, np.ndarray]:
    """Accuracy (R^2 for regression) and the data loss of the test samples [T, n] along the paths."""
    kinds: dict[str, Callable[[Any], Any]] = {"accuracy": loss.accuracy}
    if data.n_test:
        kinds["test_losses"] = loss.test_energy
        kinds["test_accuracy"] = functools.partial(loss.accuracy, test=True)
    return _along(thetas, kinds, report)


def _along(thetas: np.ndarray, kinds: dict[str, Callable[[Any], Any]],
           report: Callable[..., None]) -> dict[str, np.ndarray]:
    """Each score [T, n] of thetas [T, n, d]; NaN where a replica has diverged."""
    scores = {name: np.full(thetas.shape[:2], np.nan, np.float32) for name in kinds}
    rows = max(1, SCORED_AT_ONCE // thetas.shape[1])
    for start in range(0, len(thetas), rows):
        some = thetas[start:start + rows]
        alive = np.isfinite(some).all(-1)
        for name, score in kinds.items():
            scores[name][start:start + rows][alive] = score(some[alive])
        report(min(1.0, (start + rows) / len(thetas)))
    return scores


def _finals(plane: Any, record: Record) -> dict[str, np.ndarray]:
    """Final parameters: all, or where that is too much, those nearest to the plane (which define it)."""
    finals = record.thetas[-1]
    kept = np.flatnonzero(record.finite)
    room = max(1, KEPT_PARAMETERS // finals.shape[1])
    if len(kept) > room:
        distance = plane.residual(finals[kept]).round(6)
        order = np.lexsort((record.losses[-1, kept], distance))
        kept = np.sort(kept[order[:room]])
    return {"theta_final": finals[kept], "theta_member": kept.astype(np.int32)}


def sample_arrays(data: Any) -> dict[str, np.ndarray]:
    """The first training points (they are shuffled), for a page that loads no data sets itself."""
    return Sample.of(data).write()[0]
