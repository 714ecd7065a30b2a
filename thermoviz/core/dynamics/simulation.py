"""The only loop over time, for balls on a surface and for networks in parameter space alike."""

import itertools
import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..arrays import real, single_or_double
from ..energies.potentials import as_energy
from ..errors import BadInput, Unstable
from ..seeds import rng as seeded
from .walls import Walls, fold, stop, walls_for

Batching = Literal["replacement", "fresh", "epochs"]
# Beyond this a position counts as diverged: float32 losses are no longer finite there.
FAR = 1e15
# Seconds between calls of `progress`, which is also where a job hears that it is cancelled.
PROGRESS_EVERY = 0.04
# Random minibatch indices drawn at once.
INDEX_BLOCK = 2**17
# Bytes of recorded positions beyond which a run is refused before it starts.
MOST_RECORDED = 2**34
# Steps at which a programme of temperatures is asked how hot it gets, before it starts.
PROBES = 64
# Sample indices of one step of all replicas: half a GiB.
MOST_DRAWN = 2**27


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What `simulate` recorded. T records of n replicas in d dimensions; record 0 is the start.

    x [T, n, d]; energy [T, n], of all samples; time [T] (or [T, n] where replicas have their own time step); steps [T];
    diverged_at [n]: the step after which a replica left the finite numbers (it is NaN from then on), or -1.
    """

    x: np.ndarray
    energy: np.ndarray
    time: np.ndarray
    steps: np.ndarray
    diverged_at: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """[n]: which replicas never diverged."""
        return self.diverged_at < 0


def simulate(
    energy: Any, dynamics: Any, x0: Any, steps: int, temperature: Any = 0.0, seed: int = 0, record_every: int = 1,
    bounds: Any = None, batch_size: int | Sequence[int | None] | None = None,
    batching: Batching | Sequence[Batching] = "replacement", progress: Callable[[float], Any] | None = None,
    observe: Callable[[int, Any, Any], Any] | None = None, observe_every: int = 10,
) -> Trajectory:
    """Moves n replicas for `steps` steps of `dynamics` on `energy` and records every `record_every`-th (and the last).

    energy: an object with `__call__` and `force`, or a plain callable that torch can differentiate. x0 [n, d] (or [d]:
    one replica), numpy or torch (a tensor's simulation stays on its device). temperature: a number, one per replica
    [n], or a callable step -> either, evaluated before each step. bounds: ((lo, hi), ...) or flat; None means no walls,
    except for an energy that is `confining` (a Surface); at T = 0 what has no inertia stops at a wall instead of being
    reflected. A step into a cell without data (the energy's `masked`) is undone and turned round. batch_size: samples
    per step for an energy with `minibatch`, drawn with "replacement", "fresh" (without replacement within a batch) or
    by shuffled "epochs" (the incomplete last batch of an epoch is dropped); None: all. Both may differ from replica to
    replica: sequences of n. `progress(fraction)` is called every 40 ms; what it raises passes through. `observe(step,
    before [n, d], after [n, d])` is called at step 0, observe_every, ..., with the positions before and after that
    step: for sums that need no records. Streams "noise" and "batches" of `seed`. Raises BadInput, Unstable.
    """
    energy = as_energy(energy)
    if isinstance(dynamics, type) or not hasattr(dynamics, "step"):
        raise BadInput(f"dynamics must be one such as SGD(lr=0.1) or Overdamped(dt=0.01), got {dynamics!r}.")
    if progress is not None and not callable(progress):
        raise BadInput(f"progress must be callable, progress(fraction), or None, got {progress!r}.")
    if observe is not None and not callable(observe):
        raise BadInput(f"observe must be callable, observe(step, before, after), or None, got {observe!r}.")
    steps, record_every = _whole("steps", steps, 0), _whole("record_every", record_every, 1)
    observe_every = _whole("observe_every", observe_every, 1)
    x = _start(energy, x0)
    temperatures = _temperatures(temperature, dynamics, len(x))
    walls = _walls(energy, bounds, x)
    _refuse_unstable(energy, dynamics, x, temperatures, steps if callable(temperature) else 1)
    masked = _mask(energy)
    batches = _batches(energy, dynamics, len(x), batch_size, batching, seed)
    # Without inertia, heat and minibatches (which are heat too) nothing throws a replica back from a wall.
    massless = getattr(dynamics, "massless", False) and batches is None
    noise = _noise(seed, x)
    tape = _Tape(energy, x, steps, record_every)
    state = dynamics.init(energy, x, noise)
    tape.record(0, state.x)
    heard = clock.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(steps):
            now = energy if batches is None else energy.minibatch(next(batches))
            heat = temperatures(step)
            moved = dynamics.step(now, state, noise, heat)
            if walls is not None:
                moved = _reflected(dynamics, moved, walls, massless & (np.asarray(heat) == 0))
            if masked is not None:
                moved = _turned_back(dynamics, state, moved, masked)
            moved = tape.mark_diverged(step + 1, moved)
            if observe is not None and step % observe_every == 0:
                observe(step, state.x, moved.x)
            state = moved
            if (step + 1) % record_every == 0 or step + 1 == steps:
                tape.record(step + 1, state.x)
            if progress is not None and clock.perf_counter() - heard > PROGRESS_EVERY:
                progress((step + 1) / steps)
                heard = clock.perf_counter()
    if progress is not None:
        progress(1.0)
    return tape.trajectory(dynamics.step_time)


class _Tape:
    """Records positions and energies, and who has diverged."""

    def __init__(self, energy: Any, x: Any, steps: int, record_every: int) -> None:
        self.energy = energy
        size = (steps // record_every + 2) * len(x) * x[0].nbytes
        if size > MOST_RECORDED:
            raise BadInput(f"the records would take {size / 2**30:.3g} GiB, at most {MOST_RECORDED // 2**30} are "
                           "allowed: choose a larger record_every.")
        self.steps = np.unique(np.append(np.arange(0, steps + 1, record_every), steps))
        self.x = np.empty((len(self.steps), *x.shape), dtype=np.asarray(_numpy(x[:0])).dtype)
        self.values = np.empty((len(self.steps), len(x)))
        self.diverged_at = np.full(len(x), -1)
        self.any_diverged = False
        self.filled = 0

    def record(self, step: int, x: Any) -> None:
        values = _numpy(self.energy(x))
        if values.shape != (len(x),):
            raise BadInput(f"energy must map x [n, d] to [n]: for {list(x.shape)} it gave {list(values.shape)}.")
        self.x[self.filled], self.values[self.filled] = _numpy(x), values
        if self.any_diverged:
            self.values[self.filled, self.diverged_at >= 0] = np.nan
        self.filled += 1

    def mark_diverged(self, step: int, state: Any) -> Any:
        """The state with every replica that has left the finite numbers set to NaN, for good."""
        x = state.x
        if not self.any_diverged and float(x.max()) < FAR and float(x.min()) > -FAR:
            return state
        gone = ~_numpy((abs(x) < FAR).all(-1))
        self.diverged_at[gone & (self.diverged_at < 0)] = step
        self.any_diverged = bool(gone.any())
        x = x + 0
        x[gone] = float("nan")
        return state._replace(x=x)

    def trajectory(self, step_time: Any) -> Trajectory:
        return Trajectory(self.x, self.values, np.multiply.outer(self.steps, step_time), self.steps, self.diverged_at)


def _numpy(array: Any) -> np.ndarray:
    return np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise BadInput(f"{name} must be a whole number of at least {least}, got {value!r}.")
    return int(value)


def _start(energy: Any, x0: Any) -> Any:
    """x0 as [n, d], numpy in float64 (or float32 if it is) or the given tensor. Raises BadInput."""
    if hasattr(x0, "detach"):
        x = x0.detach()
    else:
        try:
            x = single_or_double(x0)
        except (TypeError, ValueError):
            raise BadInput("x0 must be an array of numbers, [n, d] or [d].") from None
    x = x[None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape:
        raise BadInput(f"x0 must have shape [n, d] or [d] with n, d > 0, got {tuple(x.shape)}.")
    if not bool((abs(x) < FAR).all()):
        raise BadInput("x0 must be finite: some of its numbers are NaN or infinite.")
    d = getattr(energy, "d", None)
    if isinstance(d, int) and x.shape[1] != d:
        raise BadInput(f"x0 must have {d} numbers per replica, as many as the energy has dimensions, got {x.shape[1]}.")
    return x


def _temperatures(temperature: Any, dynamics: Any, n: int) -> Callable[[int], Any]:
    """The temperature as a function of the step, checked where it is constant. Raises BadInput."""
    if callable(temperature):
        if not dynamics.heated:
            raise BadInput(f"{type(dynamics).__name__} knows no temperature: leave it out, or use Overdamped or BAOAB.")
        return lambda step: _checked_temperature(temperature(step), n)
    constant = _checked_temperature(temperature, n)
    if not dynamics.heated and np.any(constant):
        raise BadInput(f"{type(dynamics).__name__} knows no temperature: leave it at 0, or use Overdamped or BAOAB.")
    return lambda step: constant


def _checked_temperature(value: Any, n: int) -> Any:
    try:
        array = real(value)
    except (TypeError, ValueError):
        raise BadInput(f"temperature must be a number of at least 0, got {value!r}.") from None
    if array.shape not in ((), (n,)) or not (np.isfinite(array) & (array >= 0)).all():
        raise BadInput(f"temperature must be a finite number of at least 0, or one per replica [{n}], got {value!r}.")
    return float(array) if array.ndim == 0 else array


def _walls(energy: Any, bounds: Any, x: Any) -> Walls | None:
    if bounds is None and not getattr(energy, "confining", False):
        return None
    walls = walls_for(energy.bounds if bounds is None else bounds, x)
    outside = _numpy((x < walls.low) | (x > walls.high))
    if outside.any():
        rows = np.flatnonzero(outside.any(axis=1))
        raise BadInput(f"x0: {len(rows)} of {len(x)} replicas start outside the bounds, replica {rows[0]} first.")
    return walls


def _refuse_unstable(
    energy: Any, dynamics: Any, x: Any, temperatures: Callable[[int], Any], steps: int
) -> None:
    """Refuses a time step that diverges for certain in the stiffest direction that will be visited."""
    if not (hasattr(energy, "k_max") and hasattr(dynamics, "unstable_dt")):
        return
    probed = np.linspace(0, max(steps - 1, 0), min(max(steps, 1), PROBES)).astype(int)
    hottest = max(float(np.max(temperatures(int(step)))) for step in probed)
    k_max = energy.k_max(hottest, float(np.nanmax(_numpy(energy(x)))))
    dt, limit = float(np.max(dynamics.dt)), dynamics.unstable_dt(k_max)
    if dt >= limit:
        raise Unstable(f"{type(dynamics).__name__}: dt = {dt:g} is unstable where the curvature reaches {k_max:.3g}; "
                       f"it must be below {limit:.3g}.")


def _mask(energy: Any) -> Callable[[Any], Any] | None:
    """The energy's test for cells without data, or None if it has none such."""
    masked = getattr(energy, "masked", None)
    return masked if masked is not None and np.any(getattr(energy, "mask", True)) else None


def _noise(seed: int, x: Any) -> Any:
    """The generator of the stream "noise" that fits x: numpy's, or torch's on x's device."""
    generator = seeded(seed, "noise")
    if isinstance(x, np.ndarray):
        return generator
    import torch

    return torch.Generator(device=x.device).manual_seed(int(generator.integers(2**63 - 1)))


def _reflected(dynamics: Any, state: Any, walls: Walls, cold: Any = np.False_) -> Any:
    """The state inside the walls: `cold` replicas (bool or [n]) stop at them, all others are reflected."""
    inside = stop(state.x, walls, cold) if cold.any() else state.x
    x, sign = fold(inside, walls)
    return state._replace(x=x) if sign is None else state._replace(x=x, **_times(dynamics, state, sign))


def _turned_back(dynamics: Any, before: Any, after: Any, masked: Callable[[Any], Any]) -> Any:
    """Replicas that stepped into a cell without data stay where they were, what they carry turned round."""
    bad = masked(after.x)
    if not bad.any():
        return after
    sign = 1 - 2 * bad[:, None].astype(np.float64)
    x = after.x + 0
    x[bad] = before.x[bad]
    return after._replace(x=x, **_times(dynamics, after, sign))


def _times(dynamics: Any, state: Any, sign: Any) -> dict[str, Any]:
    """The fields that a wall reverses, times the sign (a field that is not in use stays None)."""
    fields = {name: getattr(state, name) for name in dynamics.reverses}
    return {name: value if value is None else value * sign for name, value in fields.items()}


def _batches(
    energy: Any, dynamics: Any, n: int, batch_size: Any, batching: Any, seed: int
) -> Iterator[np.ndarray] | None:
    """Indices [n, largest batch] step after step, -1 behind a smaller batch; None: all samples. Raises BadInput."""
    sizes, kinds = _each("batch_size", batch_size, n), _each("batching", batching, n)
    if dynamics.full_batch or all(size is None for size in sizes):
        return None
    if not hasattr(energy, "minibatch"):
        raise BadInput("batch_size is for energies with samples, such as NetworkLoss; this energy has none.")
    samples = energy.n_samples
    groups: dict[tuple[str, int], list[int]] = {}
    for i, (size, kind) in enumerate(zip(sizes, kinds, strict=True)):
        groups.setdefault(_checked_batch(size, kind, samples), []).append(i)
    largest = max(size for _, size in groups)
    if n * largest > MOST_DRAWN:
        raise BadInput(f"batch_size must be at most {MOST_DRAWN // n} for {n} replicas, got {largest}.")
    if len(groups) == 1:
        (kind, size), = groups
        return DRAWS[kind](seeded(seed, "batches"), n, size, samples)
    return _in_groups(groups, n, largest, samples, seed)


def _each(name: str, value: Any, n: int) -> list[Any]:
    """One value for all replicas, or one each, as a list of n. Raises BadInput."""
    if isinstance(value, (tuple, list, np.ndarray)):
        values = [one.item() if isinstance(one, np.generic) else one for one in value]
        if len(values) != n:
            raise BadInput(f"{name} must be one value, or one for each of the {n} replicas, got {len(values)}.")
        return values
    return [value] * n


def _checked_batch(size: Any, kind: Any, samples: int) -> tuple[str, int]:
    """How a replica draws and how many samples. Raises BadInput."""
    if kind not in DRAWS or kind == ALL:
        raise BadInput(f"batching must be one of {', '.join(name for name in DRAWS if name != ALL)}, got {kind!r}.")
    if size is None:
        return ALL, samples
    size = _whole("batch_size", size, 1)
    if kind != "replacement" and size > samples:
        raise BadInput(f"batch_size must be at most {samples}, the number of samples, got {size}.")
    return kind, size


def _in_groups(
    groups: dict[tuple[str, int], list[int]], n: int, largest: int, samples: int, seed: int
) -> Iterator[np.ndarray]:
    """Batches of all groups as one array. Each group has its own stream, so that one more changes no other's."""
    draws = [(rows, size, DRAWS[kind](seeded(seed, f"batches {kind} {size}"), len(rows), size, samples))
             for (kind, size), rows in groups.items()]
    while True:
        indices = np.full((n, largest), -1, dtype=np.int32)
        for rows, size, draw in draws:
            indices[rows, :size] = next(draw)
        yield indices


def _with_replacement(rng: np.random.Generator, n: int, size: int, samples: int) -> Iterator[np.ndarray]:
    block = max(1, INDEX_BLOCK // (n * size))
    while True:
        yield from rng.integers(0, samples, size=(block, n, size), dtype=np.int32)


def _fresh(rng: np.random.Generator, n: int, size: int, samples: int) -> Iterator[np.ndarray]:
    if size**2 < 8 * samples:
        block = max(1, INDEX_BLOCK // (n * size))
        while True:
            yield from _distinct(rng, block * n, size, samples).reshape(block, n, size)
    everyone = np.broadcast_to(np.arange(samples, dtype=np.int32), (n, samples))
    while True:
        yield rng.permuted(everyone, axis=1)[:, :size]


def _distinct(rng: np.random.Generator, rows: int, size: int, samples: int) -> np.ndarray:
    """Rows of `size` different indices, every set equally likely: [rows, size].

    Source: R. Floyd, in J. Bentley, Commun. ACM 30, 754 (1987): a draw that is there already becomes the new top.
    """
    chosen = np.empty((size, rows), dtype=np.int32)
    for k, top in enumerate(range(samples - size, samples)):
        draw = rng.integers(0, top, size=rows, dtype=np.int32, endpoint=True)
        chosen[k] = np.where((chosen[:k] == draw).any(axis=0), top, draw)
    return np.ascontiguousarray(chosen.T)


def _epochs(rng: np.random.Generator, n: int, size: int, samples: int) -> Iterator[np.ndarray]:
    everyone = np.broadcast_to(np.arange(samples, dtype=np.int32), (n, samples))
    while True:
        order = rng.permuted(everyone, axis=1)
        for first in range(0, samples - size + 1, size):
            yield order[:, first:first + size]


def _everyone(rng: np.random.Generator, n: int, size: int, samples: int) -> Iterator[np.ndarray]:
    yield from itertools.repeat(np.broadcast_to(np.arange(samples, dtype=np.int32), (n, samples)))


# All samples at once: how a replica without a batch size stands among others with one.
ALL = "all"
DRAWS: dict[str, Callable[..., Iterator[np.ndarray]]] = {
    "replacement": _with_replacement, "fresh": _fresh, "epochs": _epochs, ALL: _everyone,
}
