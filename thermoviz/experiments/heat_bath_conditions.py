"""The copies of one network at its minimum, shaken in several ways side by side: one batch of one simulation."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.currents import debiased_production, sgd_current
from ..core.dynamics import SGD, simulate
from ..core.ensembles import Shaken
from ..core.errors import BadInput, TooFewSamples
from ..core.estimators import FEWEST, Estimate, jackknife
from ..core.fluctuations import BLOCKS, FluctuationSums, forgetting_steps
from ..core.networks import NetworkLoss
from ..core.regression_law import epoch_law
from ..core.seeds import rng
from ..core.simulation import Trajectory
from .bath import TOP, Bath, turning_plane
from .minima import bottom

if TYPE_CHECKING:
    from .heat_bath import HeatBath

# Noisy training that looks for the best minimum: networks, steps, learning rate, batch.
STARTS, TRAINING_STEPS, TRAINING = 16, 1500, (0.3, 16)
# Copies of the condition that has no noise.
SILENT = 4
# The stationary state must last so many times as long as it took to settle.
LASTS = 1.5
# A mode counts as followed where curvature x learning rate x steps is at least this.
FOLLOWED = 5.0
# A mode that holds less than this share of the mean heat is cold: no noise reaches it, and it has no entropy to grow.
COLD = 1e-3
# Hessians of the copies' last places are taken up to this many parameters; beyond, the minimum's trace stands for them.
MOST_HESSIANS = 256
SGD_ROW, ISOTROPIC = "SGD", "isotropic heat"
THERMOMETERS = ("noise strength", "mean over modes", "configurational", "energy by entropy")


def refuse_large_batches(spec: "HeatBath", n_samples: int) -> None:
    """Raises BadInput where batches without replacement cannot be drawn."""
    if 2 * spec.batch_size > n_samples:
        raise BadInput(f"batch_size must be at most {n_samples // 2}, half of the training samples, got "
                       f"{spec.batch_size}.")


def best_minimum(loss: NetworkLoss, problem: int, report: Callable[[float], Any]) -> tuple[np.ndarray, np.ndarray]:
    """(start, minimum) [d]: of STARTS networks trained with noise the one that ends lowest, brought to rest."""
    lr, size = TRAINING
    starts = loss.init(STARTS, problem)
    path = simulate(loss, SGD(lr), starts, TRAINING_STEPS, seed=problem, record_every=TRAINING_STEPS,
                    batch_size=min(size, loss.n_samples), progress=lambda f: report(0.4 * f))
    energies = np.where(path.finite, path.energy[-1], np.inf)
    best = int(np.argmin(energies))
    if not np.isfinite(energies[best]):
        raise BadInput("every network diverged in training: choose smaller layers, or other data.")
    return starts[best], bottom(loss, path.x[-1, best], lambda f: report(0.4 + 0.6 * f))


@dataclass(frozen=True)
class Condition:
    """How a group of copies is shaken. heat: isotropic temperature beside (or instead of) the batches."""

    name: str
    lr: float
    momentum: float = 0.0
    batch_size: int | None = None
    batching: str = "replacement"
    heat: float = 0.0


def conditions(spec: "HeatBath", T: float) -> list[Condition]:
    """All of them; those of one experiment differ in one thing each from the first."""
    lr, B = spec.lr, spec.batch_size
    return [
        Condition(SGD_ROW, lr, 0.0, B), Condition("fresh draws", lr, 0.0, B, "fresh"),
        Condition("momentum", lr * (1 - spec.momentum), spec.momentum, B),
        Condition("shuffled epochs", lr, 0.0, B, "epochs"), Condition(ISOTROPIC, lr, heat=T),
        Condition("full batch", lr), Condition("half the rate", lr / 2, 0.0, B),
        Condition("twice the rate", 2 * lr, 0.0, B)]


class Stationary:
    """The run of all copies and what is measured in their stationary state."""

    def __init__(self, spec: "HeatBath", loss: NetworkLoss, minimum: np.ndarray, bath: Bath, T: float) -> None:
        self.spec, self.loss, self.minimum, self.bath, self.T = spec, loss, minimum, bath, T
        self.conditions = conditions(spec, T)
        self.names = [one.name for one in self.conditions]
        sizes = [SILENT if one.batch_size is None and not one.heat else spec.replicas for one in self.conditions]
        self.group = np.repeat(np.arange(len(sizes)), sizes)
        soft = max(float(bath.h.min()), spec.weight_decay / 2) if bath.complete else spec.weight_decay
        need = forgetting_steps(spec.lr, 0.0, soft)
        self.settled = need * (1 + LASTS) <= spec.steps
        self.burn_in = need if self.settled else spec.steps // 2
        self.sums = FluctuationSums(loss, self._each("lr"), self._each("momentum"), spec.steps, self.burn_in, minimum,
                                    bath.axes)
        self.alive = np.ones(len(self.group), bool)

    def _each(self, name: str) -> np.ndarray:
        return np.array([getattr(self.conditions[k], name) for k in self.group])

    def rows(self, name: str) -> np.ndarray:
        """Indices of the copies of a condition that have not diverged."""
        return np.flatnonzero((self.group == self.names.index(name)) & self.alive)

    # Running

    def run(self, shown: int, report: Callable[[float], Any]) -> Trajectory:
        """All copies for all steps; about `shown` records of their places."""
        spec = self.spec
        push = np.sqrt(2 * self._each("heat") / self._each("lr"))
        shaken = Shaken(self.loss, push, rng(spec.seed, "push"))
        every = max(spec.steps // shown, 1)
        path = simulate(
            shaken, SGD(tuple(self._each("lr").tolist()), tuple(self._each("momentum").tolist())),
            np.tile(self.minimum, (len(self.group), 1)), spec.steps, seed=spec.seed, record_every=every,
            batch_size=[self.conditions[k].batch_size for k in self.group],
            batching=[self.conditions[k].batching for k in self.group], progress=report,  # type: ignore[misc]
            observe=self.sums)
        self.alive, self.last = path.finite, path.x[-1]
        self.diverged_at = path.diverged_at
        return path

    def diverged_sentence(self) -> str | None:
        """Who diverged, and when first; None if nobody did."""
        parts = []
        for k, name in enumerate(self.names):
            at = self.diverged_at[(self.group == k) & (self.diverged_at >= 0)]
            if len(at):
                parts.append(f"{name}: {len(at)} of {(self.group == k).sum()} diverged, the first at step {at.min()}")
        return "; ".join(parts) or None

    body_names = (SGD_ROW, ISOTROPIC)

    def bodies(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, member): the copies that are drawn on the slice."""
        rows = [np.flatnonzero(self.group == self.names.index(name)) for name in self.body_names]
        return np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(part) for part in rows]).astype(np.int8)

    # Fluctuation-dissipation over time

    def courses(self) -> dict[str, np.ndarray]:
        """FDR1 and the identity from the end of the burn-in up to growing times, as far as the run has come."""
        done = int(np.count_nonzero(self.sums.count)) if self.sums.records else 0
        span = (self.spec.steps - self.burn_in) / BLOCKS
        found = np.full((3, len(self.names), BLOCKS), np.nan)
        for k, name in enumerate(self.names):
            for b in range(done):
                for row, relation in ((0, "fdr1"), (2, "identity")):
                    try:
                        ratio = self.sums.ratio(relation, self.rows(name), slice(0, b + 1))
                    except TooFewSamples:
                        continue
                    found[row, k, b] = ratio.value
                    if row == 0:
                        found[1, k, b] = ratio.stderr
        return {"fdr_steps": self.burn_in + span * np.arange(1, BLOCKS + 1), "fdr": found[0], "fdr_error": found[1],
                "fdr_identity": found[2]}

    # Thermometers and currents

    def measure(self, report: Callable[[float], Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and numbers of the stationary state, as HeatBath.compute documents them."""
        followed = self.bath.h * self.spec.lr * (self.spec.steps - self.burn_in) >= FOLLOWED
        arrays, numbers = self._modes(followed)
        report(0.3)
        thermometers = [self._thermometers(name, followed) for name in self.body_names]
        arrays |= {"thermometers": np.array([[one.value for one in row] for row in thermometers]),
                   "thermometers_error": np.array([[one.stderr for one in row] for row in thermometers])}
        report(0.7)
        more, currents = self._currents()
        numbers |= {"ratios": {name: self._ratio(name) for name in self.names}, "epochs": self._epoch_theory(),
                    **currents}
        return arrays | more, numbers

    def _ratio(self, name: str) -> list[float]:
        try:
            ratio = self.sums.ratio("fdr1", self.rows(name))
        except TooFewSamples:
            return [math.nan, math.nan]
        return [ratio.value, ratio.stderr]

    def _epoch_theory(self) -> float | None:
        """FDR1 of shuffled epochs with the noise of the minimum, where its whole covariance is at hand."""
        if not self.bath.complete or not (self.bath.h > 0).all():
            return None
        try:
            return epoch_law(np.diag(self.bath.h), self.bath.heat, self.spec.lr, self.spec.batch_size,
                             self.loss.n_samples, every=10).fdr1
        except BadInput:
            return None

    def _seconds(self, rows: np.ndarray) -> np.ndarray:
        """Mean squares about the minimum along every mode, per copy: [r, m]."""
        second = self.sums.second[rows]
        square = np.einsum("nii->ni", second) if second.ndim == 3 else second
        return square / self.sums.records

    def _modes(self, followed: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """h <y^2> per mode, and how much it differs from mode to mode."""
        h, spec = self.bath.h, self.spec
        theory = spec.lr / (2 * spec.batch_size) * np.diag(self.bath.heat) / np.maximum(1 - spec.lr * h / 2, 1e-9)
        T, error, spread = np.full((2, len(h)), np.nan), np.full((2, len(h)), np.nan), {}
        for k, name in enumerate(self.body_names):
            each = h * self._seconds(self.rows(name))
            if len(each) >= FEWEST:
                T[k], error[k] = each.mean(axis=0), each.std(axis=0, ddof=1) / math.sqrt(len(each))
                found = jackknife(lambda part: _variation(part[:, followed]), each)
                spread[name] = [found.value, found.stderr]
            else:
                spread[name] = [math.nan, math.nan]
        return ({"modes_h": h, "modes_theory": theory, "modes_T": T, "modes_T_error": error,
                 "modes_followed": followed.astype(np.int8)},
                {"spread": spread, "spread_theory": _variation(theory[None, followed]),
                 "followed": int(followed.sum())})

    def _thermometers(self, name: str, followed: np.ndarray) -> list[Estimate]:
        """Readings in the order of THERMOMETERS; NaN where one cannot be read."""
        nothing = Estimate(math.nan, math.nan)
        rows = self.rows(name)
        if len(rows) < FEWEST:
            return [nothing] * len(THERMOMETERS)
        each = self.bath.h * self._seconds(rows)
        modes = jackknife(lambda part: float(part.mean()), each) if self.bath.complete else nothing
        square = self.sums.square[:, rows].sum(axis=0) / self.sums.records
        laplacian = self._laplacians(rows)
        configurational = jackknife(lambda a, b: float(a.mean() / b.mean()), square, laplacian)
        slope = self._slope(followed) if name == SGD_ROW else nothing
        return [Estimate(self.T, 0.0), modes, configurational, slope]

    def _laplacians(self, rows: np.ndarray) -> np.ndarray:
        """Trace of the Hessian at the copies' last places, or at the minimum where that is too much work."""
        if self.loss.d <= MOST_HESSIANS:
            return np.array([np.trace(self.loss.hessian(theta)) for theta in self.last[rows]])
        return np.full(len(rows), self.bath.trace_H.value)

    def _slope(self, followed: np.ndarray) -> Estimate:
        """dU/dS between half and twice the learning rate, S = 1/2 ln det of the covariance of the modes with noise.

        Source: I. Sadrtdinov et al. 2025, with S = 1/2 ln det(2 pi e Sigma) of the Gaussian of equal covariance.
        """
        groups = [self.rows(name) for name in ("half the rate", "twice the rate")]
        if self.sums.second.ndim == 2 or min(len(rows) for rows in groups) < FEWEST:
            return Estimate(math.nan, math.nan)
        warm = np.diag(self.bath.heat) > COLD * self.bath.trace_C / self.loss.d
        kept = np.flatnonzero(followed & warm)
        if not len(kept):
            return Estimate(math.nan, math.nan)
        moments = [self.sums.second[rows][:, kept][:, :, kept] / self.sums.records for rows in groups]
        firsts = [self.sums.first[rows][:, kept] / self.sums.records for rows in groups]
        energies = [self.sums.energy[:, rows].sum(axis=0) / self.sums.records for rows in groups]
        n = min(len(rows) for rows in groups)
        return jackknife(_energy_by_entropy, *[part[:n] for part in (*moments, *firsts, *energies)])

    def _currents(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Stochastic areas of all pairs of leading modes, and the entropy production in the plane of the slice."""
        h, spec = self.bath.h, self.spec
        top = min(TOP, len(h))
        pairs = np.array([(i, j) for i in range(top) for j in range(i + 1, top)])
        diffusion = spec.lr / (2 * spec.batch_size) * self.bath.heat
        theory = np.array([diffusion[i, j] * (h[i] - h[j]) / (h[i] + h[j]) if h[i] + h[j] > 0 else np.nan
                           for i, j in pairs])
        area, error = np.full((2, len(pairs)), np.nan), np.full((2, len(pairs)), np.nan)
        numbers: dict[str, Any] = {}
        i, j = turning_plane(self.bath)
        for k, name in enumerate(self.body_names):
            rows = self.rows(name)
            if len(rows) < FEWEST or self.sums.pulled.ndim == 2:
                numbers[f"production_{k}"] = [math.nan, math.nan]
                continue
            # <x_i dx_j - x_j dx_i>/2 dt with dx = -grad f dt: what the noise adds is 0 on average, and left out.
            pulled = self.sums.pulled[rows] / self.sums.records
            each = np.stack([0.5 * (pulled[:, b, a] - pulled[:, a, b]) for a, b in pairs], axis=1)
            area[k], error[k] = each.mean(axis=0), each.std(axis=0, ddof=1) / math.sqrt(len(rows))
            D = diffusion[np.ix_([i, j], [i, j])] if name == SGD_ROW else self.T * np.eye(2)
            S = (self.sums.second[rows] / self.sums.records).mean(axis=0)[np.ix_([i, j], [i, j])]
            turning = 0.5 * (pulled[:, j, i] - pulled[:, i, j])[:, None]
            found = _production(turning, S, D)
            numbers[f"production_{k}"] = [found.value, found.stderr]
        numbers["production_theory"] = self._production_theory(diffusion, i, j)
        return {"area_pairs": pairs, "area": area, "area_error": error, "area_theory": theory}, numbers

    def _production_theory(self, diffusion: np.ndarray, i: int, j: int) -> float | None:
        chosen = np.ix_([i, j], [i, j])
        try:
            return sgd_current(self.bath.h[[i, j]], diffusion[chosen]).entropy_production
        except BadInput:
            return None


def _production(areas: np.ndarray, covariance: np.ndarray, diffusion: np.ndarray) -> Estimate:
    """Debiased, NaN where a direction has no noise."""
    if np.linalg.eigvalsh(diffusion)[0] <= 0 or np.linalg.eigvalsh(covariance)[0] <= 0:
        return Estimate(math.nan, math.nan)
    return debiased_production(areas, covariance, diffusion)


def _variation(T: np.ndarray) -> float:
    """Standard deviation of the mode temperatures over their mean, of copies' T [r, m]: 0 in equilibrium."""
    mean = T.mean(axis=0)
    return float(mean.std() / mean.mean()) if mean.size and mean.mean() > 0 else math.nan


def _energy_by_entropy(cold: np.ndarray, hot: np.ndarray, cold_mean: np.ndarray, hot_mean: np.ndarray,
                       cold_U: np.ndarray, hot_U: np.ndarray) -> float:
    """(U_hot - U_cold) / (S_hot - S_cold) from second moments [r, m, m], means [r, m] and energies [r]."""
    entropy = []
    for second, first in ((cold, cold_mean), (hot, hot_mean)):
        mean = first.mean(axis=0)
        entropy.append(0.5 * np.linalg.slogdet(second.mean(axis=0) - np.outer(mean, mean))[1])
    return float((hot_U.mean() - cold_U.mean()) / (entropy[1] - entropy[0]))
