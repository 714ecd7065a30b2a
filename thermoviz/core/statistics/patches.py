"""A cloud of points cut into patches that a Gaussian describes well, so that each has its own measure of distance.

A tree: each patch is cut in two along its longest axis, where two means fit best (Lloyd's algorithm), down to few
points; then cuts are taken back, from the leaves up, unless they shorten the description by Gaussians (G. Schwarz,
Ann. Stat. 6, 461 (1978)). So far valleys part, bent ones become chains, and one Gaussian of any width stays whole.
"""

from typing import NamedTuple

import numpy as np

DEEPEST = 12
# Fewer points are not cut, have no shape but a round one, no size but 1.
FEWEST_TO_CUT, FEWEST_FOR_SHAPE, FEWEST_FOR_SIZE = 16, 12, 3
LLOYD_STEPS = 5
# ln n nats / 2 for each of a Gaussian's five parameters.
NATS_PER_PATCH = 2.5


class Shapes(NamedTuple):
    """Of g groups: how many points n [g], mean [g, 2], variances along principal axes [g, 2], the first axis [g, 2]."""

    n: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    axis: np.ndarray


def shapes(y: np.ndarray, group: np.ndarray, groups: int, least: float) -> Shapes:
    """Shapes of the groups 0 ... groups - 1 of points y [n, 2], numbered by group [n]; variances at least `least`.

    Lengths are in units in which the cloud's world is about 1 wide.
    """
    n = np.bincount(group, minlength=groups)
    mean = _sums(y, group, groups) / np.maximum(n, 1)[:, None]
    apart = y - mean[group]
    products = np.stack([apart[:, 0] ** 2, apart[:, 1] ** 2, apart[:, 0] * apart[:, 1]], axis=1)
    xx, yy, xy = (_sums(products, group, groups) / np.maximum(n, 1)[:, None]).T
    half, xy = np.where(n < FEWEST_FOR_SHAPE, 0.0, (xx - yy) / 2), np.where(n < FEWEST_FOR_SHAPE, 0.0, xy)
    middle = np.where(n < FEWEST_FOR_SIZE, 1.0, (xx + yy) / 2)
    length, angle = np.hypot(half, xy), np.arctan2(xy, half) / 2
    variance = np.maximum(np.stack([middle + length, middle - length], axis=1), least)
    return Shapes(n, mean, variance, np.stack([np.cos(angle), np.sin(angle)], axis=1))


def patches(y: np.ndarray, least: float) -> np.ndarray:
    """The patch [n] of each point y [n, 2], numbered from 0; a variance of `least` counts as none."""
    node, cost = np.zeros(len(y), dtype=np.intp), np.full(2 ** (DEEPEST + 1) - 1, np.inf)
    fresh = np.arange(len(y))
    for depth in range(DEEPEST + 1):
        first, count = 2**depth - 1, 2**depth
        place = node[fresh] - first
        shape = shapes(y[fresh], place, count, least)
        cost[first : first + count] = _nats(shape, len(y))
        divisible = (shape.n >= FEWEST_TO_CUT) & (shape.variance[:, 0] > least)
        chosen = divisible[place]
        fresh, place = fresh[chosen], place[chosen]
        if depth == DEEPEST or not len(fresh):
            break
        along = ((y[fresh] - shape.mean[place]) * shape.axis[place]).sum(axis=1)
        node[fresh] = 2 * node[fresh] + 1 + _upper_half(along, place, count)
    return np.unique(_pruned(node, cost), return_inverse=True)[1]


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Sums [g, k] of values [n, k] over groups."""
    return np.stack([np.bincount(group, column, groups) for column in values.T], axis=1)


def _nats(shape: Shapes, n: int) -> np.ndarray:
    """Length of the description [g] of each group as a Gaussian with its share of n points; infinite for no points."""
    with np.errstate(divide="ignore", invalid="ignore"):
        length = shape.n * (np.log(shape.variance.prod(axis=1)) / 2 + np.log(n / shape.n)) + NATS_PER_PATCH * np.log(n)
    return np.where(shape.n > 0, length, np.inf)


def _upper_half(along: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Which points [n] lie in the upper of two means of their group, from the group's mean (0) on."""
    middle = np.zeros(groups)
    for _ in range(LLOYD_STEPS):
        side = 2 * group + (along >= middle[group])
        mean = np.bincount(side, along, 2 * groups) / np.maximum(np.bincount(side, minlength=2 * groups), 1)
        middle = (mean[::2] + mean[1::2]) / 2
    return along >= middle[group]


def _pruned(node: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """The node [n] of each point after all cuts that do not shorten the description have been taken back."""
    best, cut = cost.copy(), np.zeros(len(cost), dtype=bool)
    for depth in range(DEEPEST - 1, -1, -1):
        parents, halves = slice(2**depth - 1, 2 ** (depth + 1) - 1), slice(2 ** (depth + 1) - 1, 2 ** (depth + 2) - 1)
        together = best[halves].reshape(-1, 2).sum(axis=1)
        cut[parents] = together < best[parents]
        best[parents] = np.minimum(together, best[parents])
    kept, above = node.copy(), node.copy()
    while above.any():
        above = np.maximum(above - 1, 0) // 2
        kept = np.where(cut[above], kept, above)
    return kept
