"""Many trainings as one batch, for sweeps: what is measured of each run, without a slice.

Runs that differ only in what may be given per replica (`measurement.together`) are one `simulate`; each draws from the
streams of its own seed, so that its networks are those of the same specification alone, up to rounding.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.dynamics.simulation import simulate
from ...core.errors import BadInput
from ...core.fluctuations.gradient_noise import batch_factor, noise_temperature
from ...core.learning.networks import NetworkLoss
from ...core.specs import canonical
from ...runs.mapped import losses
from .measurement import PER_REPLICA, RECORDED_BYTES, Record, along, record_every, together
from .specification import Descent

NETWORKS = 512  # of one batch: more do not make a step quicker
MEASURED = 2  # networks of a run whose curvature and gradient noise are measured at the end
FORCES = 12  # moments at which forces are computed for the temperature by equipartition
Found = Mapping[str, float] | str


def measured(specs: Sequence[Descent], report: Callable[[float], None]) -> list[Found]:
    """The numbers of each run by name, see `numbers`; a sentence where it cannot be computed."""
    found: list[Found] = [""] * len(specs)
    done = 0
    for rows in batches(specs):
        batch = [specs[row] for row in rows]
        start, share = done / len(specs), len(rows) / len(specs)
        for row, numbers_of_run in zip(rows, _measured(batch, _part(report, start, share)), strict=True):
            found[row] = numbers_of_run
        done += len(rows)
        report(done / len(specs))
    return found


def _part(report: Callable[[float], None], start: float, share: float) -> Callable[[float], None]:
    return lambda fraction: report(start + share * min(fraction, 1.0))


def batches(specs: Sequence[Descent]) -> Iterator[list[int]]:
    """Rows of the runs that are computed together, in parts that fit into memory."""
    groups: dict[Any, list[int]] = {}
    for row, spec in enumerate(specs):
        groups.setdefault(_in_common(spec), []).append(row)
    for rows in groups.values():
        most = max(1, NETWORKS // specs[rows[0]].replicas)
        yield from (rows[first:first + most] for first in range(0, len(rows), most))


def _in_common(spec: Descent) -> tuple[str, bool]:
    """Equal for runs that may be one batch. The seed is there, for it draws the data."""
    dynamics: Any = tuple(_without(one) for one in spec.dynamics)
    whole = spec.batch_size is None  # whoever sees all samples at each step would make all others as slow
    common = dataclasses.replace(spec, dynamics=dynamics, batch_size=1, batching="replacement", temperature=0.0)
    return canonical(common), whole


def _without(dynamics: Any) -> Any:
    """The dynamics without what may differ from replica to replica."""
    return dataclasses.replace(dynamics, **{name: 0.5 for name in PER_REPLICA if hasattr(dynamics, name)})


def _measured(specs: list[Descent], report: Callable[[float], None]) -> list[Found]:
    """Of runs that are one batch; one after the other where one of them cannot be computed."""
    try:
        loss, records = trained(specs, report)
        return [numbers(spec, loss, record) for spec, record in zip(specs, records, strict=True)]
    except BadInput as error:
        return [str(error)] if len(specs) == 1 else [_measured([spec], report)[0] for spec in specs]


def trained(specs: Sequence[Descent], report: Callable[[float], None]) -> tuple[NetworkLoss, list[Record]]:
    """The loss, and what the training of each run leaves."""
    first = specs[0]
    loss = NetworkLoss(first.network, first.dataset.load(first.seed), weight_decay=first.weight_decay, l1=first.l1)
    every, n = record_every(first, loss.d), len(first.dynamics)
    most = max(1, RECORDED_BYTES // (4 * (first.steps // every + 2) * first.replicas * n * loss.d))
    records: list[Record] = []
    for start in range(0, len(specs), most):
        some = specs[start:start + most]

        share = len(some) / len(specs)
        parts = [simulate(loss, **together(some, k, loss, every),
                          progress=_part(report, start / len(specs) + share * k / n, share / n)) for k in range(n)]
        records += [Record.of(spec, parts, slice(i * spec.replicas, (i + 1) * spec.replicas))
                    for i, spec in enumerate(some)]
    return loss, records


def numbers(spec: Descent, loss: NetworkLoss, record: Record) -> dict[str, float]:
    """Of one run, dynamics by dynamics (`loss.1`, `loss.2` where there are several), over the second half of training.

    loss, test_loss: means over the networks that stayed finite. diverged: share of those that did not. lost: share of
    networks that ended above where they began, or diverged. temperature: lr tr C / 2 B d by the noise of gradients
    (`noise_temperature`). T_equipartition: mean of (theta - its mean) grad E / d, which is T where every direction has
    T/2. heat_capacity: variance of the energy over T^2, in units of k_B, from differences of neighbouring records, in
    which a slow drift hardly counts (J. von Neumann, Ann. Math. Stat. 12, 367 (1941)). sharpness: leading eigenvalue
    of the Hessian at the end. edge: step x sharpness over the value at which a parabola throws everything out (2
    without momentum), so that theory's line is edge = 1.
    """
    found: dict[str, float] = {}
    for k, dynamics in enumerate(spec.dynamics):
        columns = record.member == k
        part = dataclasses.replace(record, thetas=record.thetas[:, columns], losses=record.losses[:, columns],
                                   diverged_at=record.diverged_at[columns], member=record.member[columns])
        suffix = f".{k + 1}" if len(spec.dynamics) > 1 else ""
        found |= {name + suffix: value for name, value in _of_one(spec, dynamics, loss, part).items()}
    return found


def _of_one(spec: Descent, dynamics: Any, loss: NetworkLoss, record: Record) -> dict[str, float]:
    late = record.steps >= record.steps[-1] / 2
    arrays = {"steps": record.steps[late], "losses": record.losses[late], "diverged_at": record.diverged_at}
    if loss.data.n_test:
        arrays |= along(record.thetas[late], {"test_losses": loss.test_energy}, lambda fraction: None)
    means = losses({**arrays, "steps": np.full(late.sum(), record.steps[-1])})
    above = ~(np.mean(record.losses[late], axis=0) <= record.losses[0])
    found = {**means, "lost": float(np.mean(above | ~record.finite))}
    if record.finite.any():
        found |= _heat(spec, dynamics, loss, record, late)
    return found


def _heat(spec: Descent, dynamics: Any, loss: NetworkLoss, record: Record, late: np.ndarray) -> dict[str, float]:
    """Temperatures, heat capacity and curvature, of the networks that stayed finite."""
    kept = np.flatnonzero(record.finite)
    ends = record.thetas[-1, kept[:MEASURED]].astype(np.float64)
    sharp = float(np.mean([loss.leading_eigenpairs(theta, 1)[0][0] for theta in ends]))
    found = {"sharpness": sharp, "T_equipartition": _equipartition(loss, record.thetas[late][:, kept])}
    edge = _edge(dynamics)
    if edge is not None:
        found["edge"] = sharp / edge
    T = _temperature(spec, dynamics, loss, ends)
    if T is not None:
        found["temperature"] = T
        if T > 0:
            steps = np.diff(record.losses[late][:, kept].astype(np.float64), axis=0)
            found["heat_capacity"] = float(np.mean(steps**2)) / 2 / T**2
    return found


def _temperature(spec: Descent, dynamics: Any, loss: NetworkLoss, ends: np.ndarray) -> float | None:
    """That of the bath where the dynamics knows one, added to that of the gradients' noise."""
    share = 0.0 if dynamics.full_batch else batch_factor(spec.batch_size, spec.batching, loss.n_samples)
    trace = float(np.mean([loss.gradient_noise_trace(theta) for theta in ends]))
    noise = noise_temperature(dynamics.noise_rate, share, trace, loss.d)
    return None if noise is None else noise + (spec.temperature if dynamics.heated else 0.0)


def _edge(dynamics: Any) -> float | None:
    """The curvature from which on a parabola throws everything out; None where steps have no common length.

    SGD with momentum mu: 2 (1 + mu) / lr (B. T. Polyak, 1964).
    """
    if hasattr(dynamics, "unstable_dt"):
        dt = float(np.mean(dynamics.dt))
        return 2 / dt if dynamics.massless else 4 / dt**2
    if dynamics.noise_rate is None:
        return None
    return float(np.mean(2 * (1 + np.asarray(getattr(dynamics, "momentum", 0.0))) / np.asarray(dynamics.lr)))


def _equipartition(loss: NetworkLoss, thetas: np.ndarray) -> float:
    """Mean over moments and networks of (theta - mean) grad E / d."""
    moments = thetas[np.unique(np.linspace(0, len(thetas) - 1, min(FORCES, len(thetas))).astype(int))]
    forces = loss.force(moments.reshape(-1, loss.d)).reshape(moments.shape)
    away = moments - thetas.mean(axis=0, dtype=np.float64)
    return float(-(away * forces).sum(-1).mean() / loss.d)
