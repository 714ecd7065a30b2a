"""Minibatches: which samples each replica sees at each step, drawn in one of three ways."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from ..arrays import whole
from ..errors import BadInput
from ..seeds import rng as seeded

Batching = Literal["replacement", "fresh", "epochs"]
# Random minibatch indices drawn at once.
INDEX_BLOCK = 2**17
# Sample indices that several groups draw ahead: a call of each costs as much as a thousand numbers.
DRAWN_AHEAD = 2**20
# Sample indices of one step of all replicas: half a GiB.
MOST_DRAWN = 2**27


def batches_of(
    energy: Any, dynamics: Any, n: int, batch_size: Any, batching: Any, seeds: Sequence[int]
) -> "Batches | None":
    """Indices [n, largest batch] step after step, -1 behind a smaller batch; None: all samples. Raises BadInput.

    seeds: of runs side by side, to each of which an equal share of the n replicas belongs.
    """
    sizes, kinds = _each("batch_size", batch_size, n), _each("batching", batching, n)
    if dynamics.full_batch or all(size is None for size in sizes):
        return None
    if not hasattr(energy, "minibatch"):
        raise BadInput("batch_size is for energies with samples, such as NetworkLoss; this energy has none.")
    samples = energy.n_samples
    checked = [_checked_batch(size, kind, samples) for size, kind in zip(sizes, kinds, strict=True)]
    largest, share = max(size for _, size in checked), n // len(seeds)
    if n * largest > MOST_DRAWN:
        raise BadInput(f"batch_size must be at most {MOST_DRAWN // n} for {n} replicas, got {largest}.")
    return Batches([group for k, seed in enumerate(seeds)
                    for group in _groups(checked[k * share:(k + 1) * share], k * share, samples, seed)], n, samples)


def _groups(checked: list[tuple[str, int]], first: int, samples: int, seed: int) -> "Iterator[_Group]":
    """The replicas of one run, from row `first` on, by how they draw; each group from a stream of its own."""
    rows: dict[tuple[str, int], list[int]] = {}
    for i, how in enumerate(checked, first):
        rows.setdefault(how, []).append(i)
    for kind, size in rows:
        alone, own = len(rows) == 1, rows[kind, size]
        rng = seeded(seed, "batches" if alone else f"batches {kind} {size}")
        yield _Group(slice(first, first + len(own)) if alone else np.array(own), kind, size,
                     DRAWS[kind](rng, len(own), size, samples))


class _Group(NamedTuple):
    """Replicas `rows` [m] that draw `size` samples in one way; draw(steps): those of the next [steps, m, size]."""

    rows: Any
    kind: str
    size: int
    draw: Callable[[int], np.ndarray]


class Batches:
    """Draws without end: `next` is one step's, `ahead` those of many steps.

    Each group has its own stream, so that one more changes no other's. largest: samples of the largest batch that is
    drawn; replicas that see all do not count there, if others draw.
    """

    def __init__(self, groups: list[_Group], n: int, samples: int) -> None:
        self.groups, self.n, self.samples = groups, n, samples
        self.largest = max([one.size for one in groups if one.kind != ALL])
        self._ready = np.empty((0, n, self.largest), np.int32)

    def __next__(self) -> np.ndarray:
        """[n, largest of all], -1 behind a smaller batch."""
        return everyone(self.ahead(1), self.samples)[0]

    def ahead(self, steps: int) -> np.ndarray:
        """The samples of the next steps [steps, n, largest], int32; -1 behind a smaller batch, and nothing but -1 for a
        replica that sees all (`everyone`)."""
        if len(self.groups) == 1:
            return np.ascontiguousarray(self.groups[0].draw(steps))
        missing = steps - len(self._ready)
        if missing > 0:
            some = max(missing, DRAWN_AHEAD // max(1, self.n * self.largest))
            self._ready = np.concatenate([self._ready, self._drawn(some)])
        taken, self._ready = self._ready[:steps], self._ready[steps:]
        return taken

    def _drawn(self, steps: int) -> np.ndarray:
        drawn = np.full((steps, self.n, self.largest), -1, np.int32)
        for group in self.groups:
            if group.kind != ALL:
                drawn[:, group.rows, :group.size] = group.draw(steps)
        return drawn


def everyone(indices: np.ndarray, samples: int) -> np.ndarray:
    """Batches [steps, n, B] of which those without any sample become all `samples`; as wide as that needs."""
    if not indices.shape[2]:
        return indices
    seeing = indices[0, :, 0] < 0  # -1 stands behind a batch: where it comes first, there is none
    if not seeing.any():
        return indices
    wide = np.full((*indices.shape[:2], max(samples, indices.shape[2])), -1, np.int32)
    wide[:, :, :indices.shape[2]] = indices
    wide[:, seeing, :samples] = np.arange(samples, dtype=np.int32)
    return wide


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
    size = whole("batch_size", size, 1)
    if kind != "replacement" and size > samples:
        raise BadInput(f"batch_size must be at most {samples}, the number of samples, got {size}.")
    return kind, size


def _one_by_one(draws: Iterator[np.ndarray]) -> Callable[[int], np.ndarray]:
    return lambda steps: np.stack(list(itertools.islice(draws, steps)))


def _with_replacement(rng: np.random.Generator, n: int, size: int, samples: int) -> Callable[[int], np.ndarray]:
    """However many are drawn at once, the numbers are the same."""
    return lambda steps: rng.integers(0, samples, size=(steps, n, size), dtype=np.int32)


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
DRAWS: dict[str, Callable[..., Callable[[int], np.ndarray]]] = {
    "replacement": _with_replacement, "fresh": lambda *how: _one_by_one(_fresh(*how)),
    "epochs": lambda *how: _one_by_one(_epochs(*how)), ALL: lambda *how: _one_by_one(_everyone(*how)),
}
