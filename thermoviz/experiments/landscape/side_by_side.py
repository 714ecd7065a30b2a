"""Many trainings as one batch, for sweeps: what is measured of each run, without a slice.

Runs that differ only in what may be given per replica (`measurement.together`) are one `simulate`; each draws from the
streams of its own seed, so that its networks are those of the same specification alone, up to rounding.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...core.dynamics.simulation import Trajectory, simulate
from ...core.errors import BadInput
from ...core.fluctuations.gradient_noise import batch_factor, noise_temperature
from ...core.learning.networks import NetworkLoss
from ...core.specs import canonical
from ...runs.mapped import losses
from .measurement import PER_REPLICA, RECORDED_BYTES, along, record_every, together
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
        loss, found = loss_of(specs[0]), []
        most = _most_recorded(specs[0], loss.d)
        for start in range(0, len(specs), most):
            some = specs[start:start + most]
            part = _part(report, start / len(specs), len(some) / len(specs))
            found += numbers(some, loss, trained(some, loss, part))
        return found
    except BadInput as error:
        return [str(error)] if len(specs) == 1 else [_measured([spec], report)[0] for spec in specs]


def loss_of(spec: Descent) -> NetworkLoss:
    """What its networks descend, and all that are computed with it."""
    return NetworkLoss(spec.network, spec.dataset.load(spec.seed), weight_decay=spec.weight_decay, l1=spec.l1)


def _most_recorded(spec: Descent, d: int) -> int:
    """Runs whose records fit into memory together."""
    records = spec.steps // record_every(spec, d) + 2
    return max(1, RECORDED_BYTES // (4 * records * spec.replicas * len(spec.dynamics) * d))


def trained(specs: Sequence[Descent], loss: NetworkLoss, report: Callable[[float], None]) -> list[Trajectory]:
    """What each dynamics leaves of all runs; its replicas [n] are those of one run after the other."""
    every, n = record_every(specs[0], loss.d), len(specs[0].dynamics)
    return [simulate(loss, **together(specs, k, loss, every), progress=_part(report, k / n, 1 / n)) for k in range(n)]


def numbers(specs: Sequence[Descent], loss: NetworkLoss, parts: Sequence[Trajectory]) -> list[Found]:
    """Of each run, dynamics by dynamics (`loss.1`, `loss.2` where there are several), over the second half of training.

    loss, test_loss: means over the networks that stayed finite. diverged: share of those that did not. lost: share of
    networks that ended above where they began, or diverged. temperature: lr tr C / 2 B d by the noise of gradients
    (`noise_temperature`). T_equipartition: mean of (theta - its mean) grad E / d, which is T where every direction has
    T/2. heat_capacity: variance of the energy over T^2, in units of k_B, from differences of neighbouring records, in
    which a slow drift hardly counts (J. von Neumann, Ann. Math. Stat. 12, 367 (1941)). sharpness: leading eigenvalue
    of the Hessian at the end. edge: step x sharpness over the value at which a parabola throws everything out (2
    without momentum), so that theory's line is edge = 1.
    """
    found: list[dict[str, float]] = [{} for _ in specs]
    for k, part in enumerate(parts):
        suffix = f".{k + 1}" if len(parts) > 1 else ""
        own = _of_dynamics(specs, [spec.dynamics[k] for spec in specs], loss, part)
        for one, more in zip(found, own, strict=True):
            one |= {name + suffix: value for name, value in more.items()}
    return list(found)


def _of_dynamics(specs: Sequence[Descent], dynamics: Sequence[Any], loss: NetworkLoss,
                 part: Trajectory) -> list[dict[str, float]]:
    """Of one dynamics, which has its own settings in each run. What can be is measured of all networks at once."""
    runs, late = _each_run(specs), part.steps >= part.steps[-1] / 2
    arrays = {"losses": part.energy[late]}
    if loss.data.n_test:
        arrays |= along(part.x[late], {"test_losses": loss.test_energy}, lambda fraction: None)
    ended = np.full(late.sum(), part.steps[-1])  # all of these records are late
    finite = part.diverged_at < 0
    lost = ~(arrays["losses"].mean(axis=0) <= part.energy[0]) | ~finite
    found = [losses({"steps": ended, "diverged_at": part.diverged_at[run],
                     **{name: array[:, run] for name, array in arrays.items()}}) | {"lost": float(lost[run].mean())}
             for run in runs]
    warm = [k for k, run in enumerate(runs) if finite[run].any()]
    kept = [np.flatnonzero(finite[runs[k]]) + runs[k].start for k in warm]
    if warm:
        heats = _heats([specs[k] for k in warm], [dynamics[k] for k in warm], loss, part, late, kept)
        for k, heat in zip(warm, heats, strict=True):
            found[k] |= heat
    return found


def _each_run(specs: Sequence[Descent]) -> list[slice]:
    """The replicas of each run; all have as many."""
    n = specs[0].replicas
    return [slice(k * n, (k + 1) * n) for k in range(len(specs))]


def _heats(specs: Sequence[Descent], dynamics: Sequence[Any], loss: NetworkLoss, part: Trajectory, late: np.ndarray,
           kept: Sequence[np.ndarray]) -> Iterator[dict[str, float]]:
    """Temperatures, heat capacity and curvature of each run, of its networks `kept`: those that stayed finite."""
    measured = [columns[:MEASURED] for columns in kept]
    ends = part.x[-1, np.concatenate(measured)].astype(np.float64)
    sharp, traces = (_means(of_ends, measured) for of_ends in (loss.sharpness(ends), loss.gradient_noise_trace(ends)))
    of_bath = _means(_equipartition(loss, part.x[late][:, np.concatenate(kept)]), kept)
    for k, (spec, one, columns) in enumerate(zip(specs, dynamics, kept, strict=True)):
        found = {"sharpness": sharp[k], "T_equipartition": of_bath[k]}
        edge = _edge(one)
        if edge is not None:
            found["edge"] = sharp[k] / edge
        T = _temperature(spec, one, loss, traces[k])
        if T is not None:
            found["temperature"] = T
            if T > 0:
                steps = np.diff(part.energy[late][:, columns].astype(np.float64), axis=0)
                found["heat_capacity"] = float(np.mean(steps**2)) / 2 / T**2
        yield found


def _means(values: np.ndarray, groups: Sequence[np.ndarray]) -> list[float]:
    """Of values [m], which are those of one group after the other."""
    return [float(part.mean()) for part in np.split(values, np.cumsum([len(group) for group in groups])[:-1])]


def _temperature(spec: Descent, dynamics: Any, loss: NetworkLoss, trace: float) -> float | None:
    """That of the bath where the dynamics knows one, added to that of the gradients' noise."""
    share = 0.0 if dynamics.full_batch else batch_factor(spec.batch_size, spec.batching, loss.n_samples)
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


def _equipartition(loss: NetworkLoss, thetas: np.ndarray) -> np.ndarray:
    """[n]: mean over moments of (theta - mean) grad E / d of each network, thetas [T, n, d]."""
    moments = thetas[np.unique(np.linspace(0, len(thetas) - 1, min(FORCES, len(thetas))).astype(int))]
    away = moments - thetas.mean(axis=0, dtype=np.float64)
    return -np.mean([np.einsum("nd,nd->n", *pair) for pair in zip(away, map(loss.force, moments), strict=True)],
                    axis=0) / loss.d
