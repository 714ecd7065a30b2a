"""The only loop over time, for balls on a surface and for networks in parameter space alike."""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import as_numpy, is_tensor, library, real, single_or_double, whole
from ..energies.protocol import as_energy
from ..errors import BadInput, Unstable
from ..seeds import rng as seeded
from .batches import Batching, batches_of
from .walls import Walls, fold, stop, walls_for

# Beyond this a position counts as diverged: float32 losses are no longer finite there.
FAR = 1e15
# Seconds between calls of `progress`, which is also where a job hears that it is cancelled.
PROGRESS_EVERY = 0.04
# Bytes of recorded positions beyond which a run is refused before it starts.
MOST_RECORDED = 2**34
# Steps at which a programme of temperatures is asked how hot it gets, before it starts.
PROBES = 64


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
    steps, record_every = whole("steps", steps, 0), whole("record_every", record_every, 1)
    observe_every = whole("observe_every", observe_every, 1)
    x = _start(energy, x0)
    temperatures = _temperatures(temperature, dynamics, len(x))
    walls = _walls(energy, bounds, x)
    _refuse_unstable(energy, dynamics, x, temperatures, steps if callable(temperature) else 1)
    masked = _mask(energy)
    batches = batches_of(energy, dynamics, len(x), batch_size, batching, seed)
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
            T = temperatures(step)
            moved = dynamics.step(now, state, noise, T)
            if walls is not None:
                moved = _reflected(dynamics, moved, walls, massless & (np.asarray(T) == 0))
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
        self.x = np.empty((len(self.steps), *x.shape), dtype=np.asarray(as_numpy(x[:0])).dtype)
        self.values = np.empty((len(self.steps), len(x)))
        self.diverged_at = np.full(len(x), -1)
        self.any_diverged = False
        self.filled = 0

    def record(self, step: int, x: Any) -> None:
        values = as_numpy(self.energy(x))
        if values.shape != (len(x),):
            raise BadInput(f"energy must map x [n, d] to [n]: for {list(x.shape)} it gave {list(values.shape)}.")
        self.x[self.filled], self.values[self.filled] = as_numpy(x), values
        if self.any_diverged:
            self.values[self.filled, self.diverged_at >= 0] = np.nan
        self.filled += 1

    def mark_diverged(self, step: int, state: Any) -> Any:
        """The state with every replica that has left the finite numbers set to NaN, for good."""
        x = state.x
        if not self.any_diverged and float(x.max()) < FAR and float(x.min()) > -FAR:
            return state
        gone = ~as_numpy((abs(x) < FAR).all(-1))
        self.diverged_at[gone & (self.diverged_at < 0)] = step
        self.any_diverged = bool(gone.any())
        x = x + 0
        x[gone] = float("nan")
        return state._replace(x=x)

    def trajectory(self, step_time: Any) -> Trajectory:
        return Trajectory(self.x, self.values, np.multiply.outer(self.steps, step_time), self.steps, self.diverged_at)


def _start(energy: Any, x0: Any) -> Any:
    """x0 as [n, d], numpy in float64 (or float32 if it is) or the given tensor. Raises BadInput."""
    if is_tensor(x0):
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
    outside = as_numpy((x < walls.low) | (x > walls.high))
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
    k_max = energy.k_max(hottest, float(np.nanmax(as_numpy(energy(x)))))
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
    if not is_tensor(x):
        return generator
    return library(x).Generator(device=x.device).manual_seed(int(generator.integers(2**63 - 1)))


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
