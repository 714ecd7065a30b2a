"""The only loop over time, for balls on a surface and for networks in parameter space alike."""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..arrays import as_numpy, is_tensor, library, real, single_or_double, whole
from ..energies.protocol import as_energy
from ..errors import BadInput, Unstable
from ..seeds import Beside
from ..seeds import rng as seeded
from .batches import Batches, Batching, batches_of
from .blocks import Mover, Normals, Pace, block_of, mover_of
from .tape import FAR, Tape, Watch
from .walls import Walls, fold, stop, walls_for

# Seconds between calls of `progress`, which is also where a job hears that it is cancelled.
PROGRESS_EVERY = 0.04
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
    energy: Any, dynamics: Any, x0: Any, steps: int, temperature: Any = 0.0, seed: int | Sequence[int] = 0,
    record_every: int = 1, bounds: Any = None, batch_size: int | Sequence[int | None] | None = None,
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
    replica: sequences of n. `progress(fraction)` is called every 40 ms or so; what it raises passes through.
    `observe(step, before [n, d], after [n, d])` is called at step 0, observe_every, ..., with the positions before and
    after that step: for sums that need no records (with a method `together` for many steps in one call: `tape.Watch`).
    Where the energy offers it, steps are taken in blocks of compiled code (`blocks`), at most tens of milliseconds at
    a time; the same seed is the same trajectory up to rounding. Streams "noise" and "batches" of `seed`. Raises
    BadInput, Unstable.
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
    temperatures = _Temperatures(temperature, dynamics, len(x))
    walls, seeds = _walls(energy, bounds, x), _seeds(seed, x)
    _refuse_unstable(energy, dynamics, x, temperatures, steps if callable(temperature) else 1)
    batches = batches_of(energy, dynamics, len(x), batch_size, batching, seeds)
    tape = Tape(energy, x, steps, record_every)
    course = _Course(energy, dynamics, temperatures, batches, _noise(seeds, x), walls, _mask(energy), tape,
                     Watch(observe, observe_every))
    with np.errstate(over="ignore", invalid="ignore"):
        _follow(course, x, steps, progress)
    if progress is not None:
        progress(1.0)
    return Trajectory(tape.x, tape.values, np.multiply.outer(tape.steps, dynamics.step_time), tape.steps,
                      tape.diverged_at)


class _Course(NamedTuple):
    """All that a step asks for, and where its results go."""

    energy: Any
    dynamics: Any
    temperatures: "_Temperatures"
    batches: Batches | None
    noise: Any
    walls: Walls | None
    masked: Callable[[Any], Any] | None
    tape: Tape
    watch: Watch

    @property
    def massless(self) -> bool:
        """Without inertia, heat and minibatches (which are heat too) nothing throws a replica back from a wall."""
        return getattr(self.dynamics, "massless", False) and self.batches is None


def _follow(course: _Course, x: Any, steps: int, progress: Callable[[float], Any] | None) -> None:
    """All steps: the first one by itself, the others in blocks where the energy can move replicas so."""
    mover = mover_of(course.energy, course.dynamics, x, course.walls)
    state = course.dynamics.init(course.energy, x, course.noise)
    course.tape.record(0, state.x)
    pace: Pace | None = None
    normals = Normals(course.noise, state.x.shape, steps - 1)
    done, heard = 0, clock.perf_counter()
    while done < steps:
        if mover is None or done == 0:
            state, done = _single(course, state, done), done + 1
        else:
            pace = pace or _pace(course, mover, state.x)
            ahead = min(pace.ahead(), steps - done)
            begun, spent = clock.perf_counter(), clock.process_time()
            state, done = _block(course, mover, state, normals, done, ahead), done + ahead
            # While others have the processor nothing is computed: that makes no block too long.
            pace.took(ahead, min(clock.perf_counter() - begun, clock.process_time() - spent))
        if progress is not None and clock.perf_counter() - heard > PROGRESS_EVERY:
            progress(done / steps)
            heard = clock.perf_counter()


def _single(course: _Course, state: Any, step: int) -> Any:
    """The state after one more step, by the dynamics' own `step`."""
    energy = course.energy if course.batches is None else course.energy.minibatch(next(course.batches))
    T = course.temperatures(step)
    moved = course.dynamics.step(energy, state, course.noise, T)
    if course.walls is not None:
        moved = _reflected(course.dynamics, moved, course.walls, course.massless & (np.asarray(T) == 0))
    if course.masked is not None:
        moved = _turned_back(course.dynamics, state, moved, course.masked)
    moved = course.tape.mark_diverged(step + 1, moved)
    course.watch.see(step, state.x, moved.x)
    course.tape.record(step + 1, moved.x)
    return moved


def _block(course: _Course, mover: Mover, state: Any, normals: Normals, first: int, steps: int) -> Any:
    """The state after `steps` more steps in compiled code, all random numbers drawn ahead in the usual order."""
    recorded, seen = course.tape.due(first, first + steps), course.watch.due(first, first + steps)
    times = np.unique(np.concatenate([recorded, seen, seen + 1])) - first
    T = course.temperatures.ahead(first, steps)
    indices = np.zeros((1, len(state.x), 0), np.int32) if course.batches is None else course.batches.ahead(steps)
    block, form = block_of(course.dynamics, state, first, steps, T, normals, indices, times,
                           course.tape.diverged_at, course.walls, course.massless)
    mover.move(block)
    if len(seen):
        at = np.searchsorted(times, seen - first)
        course.watch.see_all(seen, block.kept[at], block.kept[at + 1])
    course.tape.record_all(recorded, block.kept[np.searchsorted(times, recorded - first)])
    return form.state(block.x, block.memory, block.square)


def _pace(course: _Course, mover: Mover, x: np.ndarray) -> Pace:
    """A first guess at how long a step takes, and how many numbers it draws or keeps."""
    n, d = x.shape
    samples = 0 if course.batches is None else course.batches.largest
    kept = 1 / course.tape.every + (2 / course.watch.every if course.watch.observe else 0)
    return Pace(n * mover.work(samples), int(n * max(d, samples, d * kept)))


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


class _Temperatures:
    """The temperature as a function of the step, checked where it is constant. Raises BadInput."""

    def __init__(self, temperature: Any, dynamics: Any, n: int) -> None:
        self.programme, self.n = temperature if callable(temperature) else None, n
        self.constant = None if self.programme else _checked_temperature(temperature, n)
        if not dynamics.heated and (self.programme or np.any(self.constant)):
            raise BadInput(f"{type(dynamics).__name__} knows no temperature: leave it "
                           f"{'out' if self.programme else 'at 0'}, or use Overdamped or BAOAB.")

    def __call__(self, step: int) -> Any:
        """In front of a step: a number, or [n]."""
        return _checked_temperature(self.programme(step), self.n) if self.programme else self.constant

    def ahead(self, first: int, steps: int) -> np.ndarray:
        """In front of each of the next steps: [steps or 1, n or 1]."""
        each = [self(step) for step in range(first, first + (steps if self.programme else 1))]
        rows = np.broadcast_arrays(*each) if len(each) > 1 else each
        return np.stack([np.atleast_1d(np.asarray(row, np.float64)) for row in rows])


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
    energy: Any, dynamics: Any, x: Any, temperatures: _Temperatures, steps: int
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


def _seeds(seed: Any, x: Any) -> tuple[Any, ...]:
    """One seed, or one for each of the runs that x holds side by side. Raises BadInput."""
    seeds = tuple(seed) if isinstance(seed, (tuple, list, np.ndarray)) else (seed,)
    if not seeds or len(x) % len(seeds):
        raise BadInput(f"seed must be one, or as many as divide {len(x)} replicas into equal runs, got {len(seeds)}.")
    if len(seeds) > 1 and is_tensor(x):
        raise BadInput("runs side by side are computed in numpy arrays: x0 must not be a tensor.")
    return seeds


def _noise(seeds: tuple[Any, ...], x: Any) -> Any:
    """The generator of the stream "noise" that fits x: numpy's, or torch's on x's device."""
    if len(seeds) > 1:
        return Beside([seeded(seed, "noise") for seed in seeds])
    generator = seeded(seeds[0], "noise")
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
