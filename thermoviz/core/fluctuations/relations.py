"""Fluctuation-dissipation relations of SGD: in a stationary state what the noise adds, the descent takes away.

FDR1: <(theta - a) . grad f> = (1 + mu)/(2 lr) <|step|^2>, for any fixed a and any loss: |theta - a|^2 stands still.
FDR2: <|grad f|^2> = (1 + mu)/(2 lr) <step . H step>, exact for quadratic losses. grad f is the gradient of *all*
samples at theta before the step, regularisers included; the step is what SGD then takes, -lr g without momentum. With
the minibatch's g on both sides FDR1 is an identity that tests only whether the state stands still. Source: S. Yaida,
ICLR 2019 (arXiv:1810.00004), eqs. (FDR1), (FDR2); with momentum in this form derived here.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..dynamics.integrators import SGD
from ..dynamics.simulation import simulate
from ..errors import BadInput, TooFewSamples, Unstable
from ..statistics.estimators import Estimate, ratio_of_means
from .regression import Quadratic, quadratic, regression_law

# Blocks of time in which sums are kept apart, so that their course can be shown.
BLOCKS = 40
# The slowest mode has forgotten its start after this many of its times 1/(lr h).
FORGOTTEN = 3.0
# Share of a single step's noise below which the memory of a start is lost in it.
FAINT = 1e-3
# Replicas that move less than this share of their length stand still: rounding, not noise.
STANDSTILL = 1e-6
# Steps whose products of modes are summed in one multiplication of matrices.
TOGETHER = 16
# Modes beyond which second moments are kept as their diagonal only.
MOST_PAIRS = 128


def forgetting_steps(lr: float, momentum: float, softest: float) -> int:
    """Steps after which SGD has forgotten its start: of the softest curvature, and of the velocity itself."""
    return math.ceil(FORGOTTEN * max((1 - momentum) / (lr * softest), 2 * momentum / (1 - momentum)))


class FluctuationSums:
    """Sums over time for replicas under SGD; an instance is an `observe` for `simulate`, which hands it whole blocks of
    steps.

    loss: an Energy with value_and_force; lr, momentum: numbers or [n]; centre: a [d], or None for each replica's mean
    over the second half of the burn-in. axes [d, m]: directions (columns) whose moments are kept, about the centre;
    hessian [d, d]: for FDR2. Steps before `burn_in` are left out; `steps` in all, in BLOCKS blocks.

    Arrays: count [b]; energy, left, right, minibatch, square, bent, spread [b, n]: sums over the records of a block of
    f, (theta - a).grad f, (1 + mu)/(2 lr)|step|^2, (theta - a).g (without momentum), |grad f|^2, (1 + mu)/(2 lr)
    step.H step, |theta - a|^2. records: their number; first [n, m], second [n, m, m] (or [n, m] beyond MOST_PAIRS
    directions), pulled [n, m, m] (the same), slope, steep [n, m]: sums of y, y y^T, y (grad f)^T, grad f and its
    squares along the axes.
    """

    def __init__(self, loss: Any, lr: Any, momentum: Any, steps: int, burn_in: int, centre: Any = None,
                 axes: np.ndarray | None = None, hessian: np.ndarray | None = None) -> None:
        self.loss, self.steps, self.burn_in = loss, steps, burn_in
        self.lr, self.momentum = np.asarray(lr, np.float64), np.asarray(momentum, np.float64)
        self.centre, self.axes, self.hessian = centre, axes, hessian
        self.records = 0
        self.count = np.zeros(BLOCKS)
        self._mean: Any = 0.0
        self._averaged = 0
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []

    def _begin(self, n: int) -> None:
        self.energy, self.left, self.right, self.minibatch, self.square, self.bent, self.spread = np.zeros(
            (7, BLOCKS, n))
        if self.axes is not None:
            m = self.axes.shape[1]
            shape = (n, m, m) if m <= MOST_PAIRS else (n, m)
            self.first, self.slope, self.steep = np.zeros((3, n, m))
            self._second, self._pulled = np.zeros(shape), np.zeros(shape)

    def __call__(self, step: int, before: np.ndarray, after: np.ndarray) -> None:
        self.together(np.array([step]), before[None], after[None])

    def together(self, steps: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
        """Several steps [k] at once, before and after [k, n, d]."""
        late = steps >= self.burn_in
        if self.centre is None:
            settling = before[~late & (2 * steps >= self.burn_in)]
            for one in settling:
                self._mean, self._averaged = self._mean + one, self._averaged + 1
        if not late.any():
            return
        steps, before, after = steps[late], before[late], after[late]
        if not self.records:
            self._begin(before.shape[1])
            if self.centre is None:
                self.centre = self._mean / self._averaged if self._averaged else before[0].copy()
        blocks = np.minimum(BLOCKS - 1, BLOCKS * (steps - self.burn_in) // max(self.steps - self.burn_in, 1))
        for b in np.unique(blocks):
            self._add(b, before[blocks == b], after[blocks == b])

    def _add(self, b: int, before: np.ndarray, after: np.ndarray) -> None:
        """Steps [k, n, d] of one block of time."""
        k, n, d = before.shape
        energy, force = (part.reshape(k, n, *part.shape[1:])
                         for part in self.loss.value_and_force(before.reshape(k * n, d)))
        away, move = before - self.centre, after - before
        weight = (1 + self.momentum) / (2 * self.lr)
        self.records += k
        self.count[b] += k
        _add_each(self.energy[b], energy)
        _add_each(self.left[b], -_products(away, force))
        _add_each(self.right[b], weight * _products(move, move))
        _add_each(self.minibatch[b], -_products(away, move) / self.lr)
        _add_each(self.square[b], _products(force, force))
        _add_each(self.spread[b], _products(away, away))
        if self.hessian is not None:
            _add_each(self.bent[b], weight * _products(move @ self.hessian, move))
        if self.axes is not None:
            self._add_moments(away @ self.axes, -(force @ self.axes))

    def _add_moments(self, y: np.ndarray, slope: np.ndarray) -> None:
        """Places and slopes [k, n, m] along the axes."""
        _add_each(self.first, y)
        _add_each(self.slope, slope)
        _add_each(self.steep, slope**2)
        if self._second.ndim == 2:
            _add_each(self._second, y**2)
            _add_each(self._pulled, y * slope)
            return
        self._waiting += zip(y, slope, strict=True)
        while len(self._waiting) >= TOGETHER:
            first, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            self._second += _outer(first, 0)
            self._pulled += _outer(first, 1)

    @property
    def second(self) -> np.ndarray:
        """Sums of y y^T [n, m, m], or of squares [n, m]."""
        return self._second + _outer(self._waiting, 0) if self._waiting else self._second

    @property
    def pulled(self) -> np.ndarray:
        """Sums of y (grad f)^T, in the same form."""
        return self._pulled + _outer(self._waiting, 1) if self._waiting else self._pulled

    def ratio(self, name: str, rows: Any = slice(None), blocks: Any = slice(None)) -> Estimate:
        """"fdr1", "fdr2" or "identity" of the replicas `rows` over `blocks`: left over right side, 1 where it holds.

        Error: jackknife over replicas. Raises TooFewSamples below 4 finite replicas, or where nothing moves.
        """
        over, under = {"fdr1": (self.left, self.right), "fdr2": (self.square, self.bent),
                       "identity": (self.minibatch, self.right)}[name]
        a, b = (part[blocks][:, rows].sum(axis=0) for part in (over, under))
        alive = np.isfinite(a) & np.isfinite(b)
        if not alive.any() or not self.count[blocks].any():
            raise TooFewSamples("no replica was observed over this time.")
        size = (np.asarray(self.centre) ** 2).sum(axis=-1)
        moved = self.spread[blocks][:, rows].sum(axis=0) / self.count[blocks].sum()
        if moved[alive].mean() <= STANDSTILL**2 * float(np.mean(size)):
            raise TooFewSamples("nothing moves here: without noise both sides are 0, and their ratio says nothing.")
        return ratio_of_means(a[alive], b[alive])


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Scalar products of vectors [k, n, d]: [k, n]."""
    return np.asarray((a * b).sum(axis=2))


def _outer(pairs: list[tuple[np.ndarray, np.ndarray]], which: int) -> np.ndarray:
    """Sum over pairs (y, slope) [n, m] of y y^T (which = 0) or of y slope^T (1): [n, m, m]."""
    y = np.stack([pair[0] for pair in pairs], axis=2)
    other = y.transpose(0, 2, 1) if which == 0 else np.stack([pair[1] for pair in pairs], axis=1)
    return np.asarray(y @ other)


def _add_each(sums: np.ndarray, steps: np.ndarray) -> None:
    """sums += steps [k, ...], one after the other: the same numbers however the steps are cut into blocks."""
    for one in steps:
        sums += one


class FluctuationDissipation(NamedTuple):
    """What `fluctuation_dissipation` measured. Ratios left/right, 1 where the relation holds.

    fdr1; fdr2 (None unless the loss is quadratic); identity: FDR1 with the minibatch's own gradient (None with
    momentum); covariance, covariance_stderr [d, d] about the centre, between replicas; centre [d] or [n, d]; burn_in:
    steps left out; diverged: replicas lost, which count nowhere.
    """

    fdr1: Estimate
    fdr2: Estimate | None
    identity: Estimate | None
    covariance: np.ndarray
    covariance_stderr: np.ndarray
    centre: np.ndarray
    burn_in: int
    diverged: int


def fluctuation_dissipation(
    loss: Any, dynamics: SGD, theta0: Any, steps: int, batch_size: int | None = 32, batching: str = "replacement",
    burn_in: int | None = None, seed: int = 0, every: int = 10, progress: Callable[[float], Any] | None = None,
) -> FluctuationDissipation:
    """Both fluctuation-dissipation relations of SGD on a NetworkLoss, over replicas theta0 [n, d] run side by side.

    steps: in all, burn-in included. burn_in: None takes 3 (1 - momentum)/(lr h) steps of the softest direction:
    of the exact Hessian for linear regression (and more for a start far away), else of weight decay, the least that
    every direction has. every: sums
    are kept at every so many steps; with shuffled epochs choose 1 or see `epoch_law`. For linear regression the centre
    is the minimum, else each replica's mean during burn-in. Raises TooFewSamples for batch_size None (nothing moves),
    fewer than 4 replicas or a burn-in that is too short; Unstable where the fourth moments of linear regression
    diverge, so that no standard error exists; BadInput for other dynamics and for a network without weight decay.
    """
    if not isinstance(dynamics, SGD) or isinstance(dynamics.lr, tuple) or isinstance(dynamics.momentum, tuple):
        raise BadInput("fluctuation_dissipation is for SGD with one learning rate and one momentum.")
    if batch_size is None:
        raise TooFewSamples("all samples at once make no noise: both sides are 0, and their ratio says nothing.")
    lr, momentum = float(dynamics.lr), float(dynamics.momentum)  # type: ignore[arg-type]
    known = _known_law(loss, lr, momentum, batch_size, batching)
    softest = loss.weight_decay if known is None else float(np.linalg.eigvalsh(known.hessian)[0])
    if softest <= 0:
        raise BadInput("a network needs weight decay to settle: without it flat directions never come to rest.")
    least = forgetting_steps(lr, momentum, softest)
    if burn_in is None:
        burn_in = least if known is None else math.ceil(least * max(1.0, _times_to_forget(known, lr, theta0)))
    if known is not None and burn_in < least:
        raise TooFewSamples(f"a burn-in of {burn_in} steps is too short: the softest direction needs {least}.")
    if steps <= burn_in:
        raise TooFewSamples(f"{steps} steps end within the burn-in of {burn_in}.")
    axes = np.eye(loss.d)
    sums = FluctuationSums(loss, lr, momentum, steps, burn_in,
                           None if known is None else known.minimum, axes, None if known is None else known.hessian)
    path = simulate(loss, dynamics, theta0, steps, seed=seed, record_every=steps, batch_size=batch_size,
                    batching=batching, progress=progress, observe=sums, observe_every=every)  # type: ignore[arg-type]
    alive = path.finite
    covariance, stderr = _covariance(sums, alive)
    return FluctuationDissipation(
        sums.ratio("fdr1", alive), None if known is None else sums.ratio("fdr2", alive),
        None if momentum else sums.ratio("identity", alive), covariance, stderr, np.asarray(sums.centre),
        burn_in, int((~alive).sum()))


def _times_to_forget(known: Quadratic, lr: float, theta0: Any) -> float:
    """How many times FORGOTTEN it takes until a start far away weighs less than FAINT of the noise of one step."""
    away = np.asarray(theta0, dtype=np.float64) - known.minimum
    noise = lr**2 * np.trace(known.noise) / len(known.factors)
    return 0.5 * math.log(max((away**2).sum(axis=-1).mean() / (FAINT * max(noise, 1e-300)), 1.0)) / FORGOTTEN


def _known_law(loss: Any, lr: float, momentum: float, batch_size: int, batching: str) -> Quadratic | None:
    """The parabolas of linear regression once their fourth moments are seen to be finite, None for another loss."""
    try:
        problem = quadratic(loss)
    except BadInput:
        return None
    drawn = "fresh" if batching == "epochs" else batching
    growth = regression_law(loss, lr, batch_size, drawn, momentum).fourth_moment
    if growth >= 1:
        raise Unstable(f"fourth moments grow by {growth:.3g} per step here, so that no standard error exists: take "
                       "larger batches or a lower learning rate.")
    return problem


def _covariance(sums: FluctuationSums, alive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance about the centre and its error between replicas; diagonal where that is all that was kept."""
    each = sums.second[alive] / sums.records
    return each.mean(axis=0), each.std(axis=0, ddof=1) / math.sqrt(len(each))
