"""What is measured of shaken copies in their stationary state, and what exact theory says of the same numbers.

Theory: the law of SGD at this learning rate where each sample's loss is a parabola (`fluctuations.parabolas`). Networks
bend away from it by a relative O(lr/B).
"""

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import BadInput, TooFewSamples, Unstable
from ...core.fluctuations.currents import Chain, debiased_production, entropy_production_of, gaussian_chain
from ...core.fluctuations.gradient_noise import TOP, turning_plane
from ...core.fluctuations.parabolas import Parabolas, parabola_law, parabolas_at
from ...core.fluctuations.regression import epoch_law
from ...core.statistics.estimators import FEWEST, Estimate, jackknife
from ...runs.results import Pair
from .conditions import Copies
from .results import (
    EQUAL,
    FASTER,
    ISOTROPIC,
    NOTHING,
    SGD,
    SHOWN,
    SLOWER,
    Currents,
    EqualRatio,
    Modes,
    Relations,
    Thermometers,
    ratio_or_nothing,
)

# A mode counts as followed where curvature x learning rate x steps is at least this.
FOLLOWED = 5.0
# Hessians of the copies' last places are taken up to this many parameters; beyond, the minimum's stands for them.
MOST_HESSIANS = 256
# Numbers in the Hessians of all samples, for the exact theory.
MOST_NUMBERS = 2e7
THERMOMETERS = ("noise strength", "mean over modes", "configurational", "energy by entropy")
# Between T/2 and 2 T a secant of the energy over the entropy reads T 1.5/ln 4 in equilibrium: (T2 - T1)/ln(T2/T1).
LOGARITHMIC_MEAN = 1.5 / math.log(4)


class Moments(NamedTuple):
    """Of copies in one condition, along the modes: covariance about the common mean and pulled, <y (grad f)^T>
    [r, m, m]; steep, <(grad f)^2> [r, m]."""

    covariance: np.ndarray
    pulled: np.ndarray
    steep: np.ndarray

    @property
    def mode_T(self) -> np.ndarray:
        """<y dE/dy> of each mode [r, m]: T in equilibrium, exactly, whatever the shape of the valley."""
        return np.einsum("nii->ni", self.pulled)


class Stationary(NamedTuple):
    """What the copies do once they have settled."""

    modes: Modes
    thermometers: Thermometers
    currents: Currents
    relations: Relations
    equal: EqualRatio


class Measured:
    """The results of the stationary state."""

    def __init__(self, state: Copies) -> None:
        self.state, self.spec, self.bath, self.T = state, state.spec, state.bath, state.T
        lasted = self.spec.steps - state.burn_in
        self.kept = (self.bath.h * self.spec.lr * lasted >= FOLLOWED) & self.bath.lit
        self.groups = {name: self._moments(name) for name in (*SHOWN, SLOWER, FASTER)}

    def all(self, report: Callable[[float], Any]) -> Stationary:
        """Everything."""
        modes = self._modes()
        report(0.3)
        thermometers = self._thermometers()
        report(0.7)
        return Stationary(modes, thermometers, self._currents(), self._relations(), self._equal_ratio())

    def _moments(self, name: str) -> Moments | None:
        """None where copies are too few for an error."""
        rows, sums = self.state.rows(name), self.state.sums
        if len(rows) < FEWEST:
            return None
        n = sums.records
        mean, slope = sums.first[rows].mean(axis=0) / n, sums.slope[rows] / n
        # The mean slope is 0 but for what the copies have drifted: taken off, for its noise.
        return Moments(sums.second[rows] / n - np.outer(mean, mean),
                       sums.pulled[rows] / n - mean[:, None] * slope[:, None, :], sums.steep[rows] / n)

    # Theory

    @cached_property
    def _parabolas(self) -> Parabolas | None:
        loss = self.state.loss
        if not self.bath.complete or loss.n_samples * loss.d**2 > MOST_NUMBERS:
            return None
        return parabolas_at(loss, self.state.minimum, self.bath.axes)

    def _law(self, name: str) -> Moments | None:
        """Of this condition's SGD, as moments of one copy; None where they are not known or diverge."""
        if self._parabolas is None:
            return None
        try:
            how = self.state.conditions[self.state.names.index(name)]
            law = parabola_law(self._parabolas, how.lr, how.batch_size or 1)
        except Unstable:
            return None
        steep = np.diag(law.pulled) * self.bath.h
        return Moments(law.covariance[None], law.pulled[None], steep[None])

    @cached_property
    def laws(self) -> dict[str, Moments | None]:
        """Theory for SGD at its rates and, up to Euler's step, for isotropic heat."""
        h, lr = self.bath.h, self.spec.lr
        T = self.T / np.maximum(1 - lr * h / 2, 1e-9)
        even = Moments(np.diag(T / h)[None], np.diag(T)[None], (T * h)[None]) if (h > 0).all() else None
        return {name: self._law(name) for name in (SGD, SLOWER, FASTER, EQUAL)} | {ISOTROPIC: even}

    def _of(self, name: str, statistic: Callable[[Moments], float]) -> float:
        """The statistic of a law, NaN where there is none."""
        law = self.laws[name]
        return math.nan if law is None else statistic(law)

    # Fluctuation-dissipation

    def _relations(self) -> Relations:
        return Relations({name: self._ratio(name) for name in self.state.names}, self._epoch_theory())

    def _ratio(self, name: str) -> Estimate:
        try:
            return self.state.sums.ratio("fdr1", self.state.rows(name))
        except TooFewSamples:
            return NOTHING

    def _epoch_theory(self) -> float | None:
        """FDR1 of shuffled epochs with the noise of the minimum, where its whole covariance is at hand."""
        if not self.bath.complete or not (self.bath.h > 0).all():
            return None
        try:
            return epoch_law(np.diag(self.bath.h), self.bath.covariance, self.spec.lr, self.spec.batch_size,
                             self.state.loss.n_samples, every=10).fdr1
        except BadInput:
            return None

    # Temperatures

    def _modes(self) -> Modes:
        """<y dE/dy> per mode, and how much it differs from mode to mode."""
        m, law = len(self.bath.h), self.laws[SGD]
        T, error = np.full((2, m), np.nan), np.full((2, m), np.nan)
        for k, name in enumerate(SHOWN):
            if (moments := self.groups[name]) is not None:
                T[k], error[k] = moments.mode_T.mean(axis=0), _error(moments.mode_T)
        theory = {name: self._of(name, lambda law: _variation(law.mode_T[:, self.kept]))
                  for name in (SGD, SLOWER, ISOTROPIC)}
        return Modes(
            self.bath.h, np.full(m, np.nan) if law is None else law.mode_T[0], Pair(T, error), self.kept,
            self.bath.lit, int(self.kept.sum()), {name: self._spread(name) for name in SHOWN},
            _bent(theory[SGD], self._spread(SLOWER), theory[SLOWER]), theory[SGD], theory[ISOTROPIC])

    def _spread(self, name: str) -> Estimate:
        moments = self.groups[name]
        return NOTHING if moments is None else jackknife(_variation, moments.mode_T[:, self.kept])

    def _thermometers(self) -> Thermometers:
        readings = [self._readings(name) for name in SHOWN]
        uneven = {name: self._of(name, lambda law: _uneven(self.bath.lit, law.steep, self.bath.h[None], law.mode_T))
                  for name in (SGD, SLOWER)}
        return Thermometers(
            Pair(np.array(readings, float), np.array([[one.stderr for one in row] for row in readings])),
            self._thermometer_theory(), {name: self._uneven(name) for name in SHOWN},
            _bent(uneven[SGD], self._uneven(SLOWER), uneven[SLOWER]))

    def _readings(self, name: str) -> list[Estimate]:
        """Readings over lit directions in the order of THERMOMETERS; NaN where one cannot be read."""
        moments = self.groups[name]
        if moments is None or not self.bath.complete:
            return [NOTHING] * len(THERMOMETERS)
        mean = jackknife(lambda T: float(T[:, self.bath.lit].mean()), moments.mode_T)
        slope = self._slope() if name == SGD else NOTHING
        return [Estimate(self.T, 0.0), mean, self._weighted(name), slope]

    def _weighted(self, name: str) -> Estimate:
        """<|grad E|^2>/<tr H>, over lit directions."""
        moments, lit = self.groups[name], self.bath.lit
        assert moments is not None
        curvature = self._curvatures(name)
        return jackknife(lambda square, curved: float(square[:, lit].sum() / curved[:, lit].sum()), moments.steep,
                         curvature)

    def _uneven(self, name: str) -> Estimate:
        """The thermometer that looks at stiff directions over the one that looks at all lit ones alike."""
        moments, lit = self.groups[name], self.bath.lit
        if moments is None or not self.bath.complete or not lit.any():
            return NOTHING
        return jackknife(lambda *each: _uneven(lit, *each), moments.steep, self._curvatures(name), moments.mode_T)

    def _curvatures(self, name: str) -> np.ndarray:
        """Curvature along each mode at the copies' last places [r, m], or at the minimum where that is much work."""
        rows, axes = self.state.rows(name), self.bath.axes
        if self.state.loss.d > MOST_HESSIANS:
            return np.tile(self.bath.h, (len(rows), 1))
        hessians = (self.state.loss.hessian(theta) for theta in self.state.last[rows])
        return np.array([(axes * (H @ axes)).sum(axis=0) for H in hessians])

    def _slope(self) -> Estimate:
        """dU/dS between half and twice the learning rate, over the kept directions, in equilibrium T of the middle.

        Source: I. Sadrtdinov et al. 2025, with S = 1/2 ln det(2 pi e Sigma) of the Gaussian of equal covariance.
        """
        cold, hot = self.groups[SLOWER], self.groups[FASTER]
        if cold is None or hot is None or not self.kept.any():
            return NOTHING
        n = min(len(cold.mode_T), len(hot.mode_T))
        parts = (cold.covariance, hot.covariance, cold.mode_T, hot.mode_T)
        return jackknife(lambda *each: _energy_by_entropy(self.kept, *each), *(part[:n] for part in parts))

    def _thermometer_theory(self) -> np.ndarray:
        """Of SGD, [4]; NaN where there is none."""
        law, cold, hot = (self.laws[name] for name in (SGD, SLOWER, FASTER))
        lit, h, found = self.bath.lit, self.bath.h, np.full(len(THERMOMETERS), np.nan)
        found[0] = self.T
        if law is not None:
            found[1], found[2] = law.mode_T[:, lit].mean(), law.steep[:, lit].sum() / h[lit].sum()
        if cold is not None and hot is not None and self.kept.any():
            found[3] = _energy_by_entropy(self.kept, cold.covariance, hot.covariance, cold.mode_T, hot.mode_T)
        return found

    # Equal lr/B

    def _equal_ratio(self) -> EqualRatio:
        """Excess loss of SGD over that of the pair with equal lr/B, and over that at half the rate alone."""
        excess = {name: self.state.sums.energy[:, self.state.rows(name)].sum(axis=0) / self.state.sums.records
                  - float(self.state.loss(self.state.minimum)) for name in (SGD, EQUAL, SLOWER)}

        def over(name: str) -> Estimate:
            n = min(len(excess[SGD]), len(excess[name]))
            return ratio_or_nothing(excess[SGD][:n], excess[name][:n])

        ours, equal = self.laws[SGD], self.laws[EQUAL]
        theory = None if ours is None or equal is None else float(ours.mode_T.sum() / equal.mode_T.sum())
        return EqualRatio(over(EQUAL), theory, over(SLOWER))

    # Currents

    def _currents(self) -> Currents:
        """Stochastic areas of all pairs of leading modes, and the entropy production in the plane of the slice."""
        top = min(TOP, len(self.bath.h))
        pairs = np.array([(i, j) for i in range(top) for j in range(i + 1, top)]).reshape(-1, 2)
        area, error = np.full((2, len(pairs)), np.nan), np.full((2, len(pairs)), np.nan)
        for k, name in enumerate(SHOWN):
            if (moments := self.groups[name]) is not None:
                each = _areas(moments.pulled, pairs)
                area[k], error[k] = each.mean(axis=0), _error(each)
        production = self._production_theory(SGD)
        return Currents(
            pairs, Pair(area, error), self._area_theory(SGD, pairs), self._production(SGD), self._production(ISOTROPIC),
            production if math.isfinite(production) else None, self._turning(SGD, SGD, pairs),
            self._turning(ISOTROPIC, SGD, pairs), _bent(1.0, self._turning(SLOWER, SLOWER, pairs), 1.0))

    def _area_theory(self, name: str, pairs: np.ndarray) -> np.ndarray:
        law = self.laws[name]
        return np.full(len(pairs), np.nan) if law is None else _areas(law.pulled, pairs)[0]

    def _turning(self, name: str, law: str, pairs: np.ndarray) -> Estimate:
        """Slope of the copies' areas over those of a law, each pair of lit modes by its error: 1 if they turn so."""
        moments = self.groups[name]
        if moments is None:
            return NOTHING
        each, theory = _areas(moments.pulled, pairs), self._area_theory(law, pairs)
        known = np.isfinite(theory) & self.bath.lit[pairs].all(axis=1)
        weight = theory[known] / _error(each[:, known]) ** 2
        if not known.any() or not (theory[known] ** 2).sum() > 0:
            return NOTHING
        slopes = each[:, known] @ weight / float(weight @ theory[known])
        return Estimate(slopes.mean(), float(_error(slopes)))

    def _chain(self, moments: Moments, name: str) -> Chain:
        """The chain of steps in the plane of the slice, of all copies together."""
        chosen = np.ix_(*2 * [turning_plane(self.bath)])
        lr = self.state.conditions[self.state.names.index(name)].lr
        return gaussian_chain(moments.covariance.mean(axis=0)[chosen], moments.pulled.mean(axis=0)[chosen], lr)

    def _production(self, name: str) -> Estimate:
        """Debiased, NaN where a direction has no noise."""
        moments = self.groups[name]
        if moments is None:
            return NOTHING
        chain = self._chain(moments, name)
        if min(np.linalg.eigvalsh(part)[0] for part in (chain.covariance, chain.diffusion)) <= 0:
            return NOTHING
        areas = _areas(moments.pulled, np.array([turning_plane(self.bath)]))
        return debiased_production(areas, chain.covariance, chain.diffusion)

    def _production_theory(self, name: str) -> float:
        law = self.laws[name]
        return math.nan if law is None else entropy_production_of(*self._chain(law, name))


def _bent(law: float, slower: Estimate, slower_law: float) -> Estimate | None:
    """What a law of parabolas says once the bend of the valley, which grows as the rate, is added: twice what the law
    missed at half the rate. None where it is not known."""
    bent = law + 2 * (slower.value - slower_law)
    return Estimate(bent, 2 * slower.stderr) if math.isfinite(bent) and math.isfinite(slower.stderr) else None


def _error(each: np.ndarray) -> np.ndarray:
    """Standard error of the mean over copies, of [r, ...]."""
    return each.std(axis=0, ddof=1) / math.sqrt(len(each))


def _variation(T: np.ndarray) -> float:
    """Standard deviation of the mode temperatures over their mean, of copies' T [r, m]; 0 in equilibrium.

    The scatter that few copies' errors add is taken off.
    """
    mean = T.mean(axis=0)
    if not mean.size or not mean.mean() > 0:
        return math.nan
    scatter = (_error(T) ** 2).mean() if len(T) > 1 else 0.0
    return math.sqrt(max(float(mean.var() - scatter), 0.0)) / float(mean.mean())


def _uneven(lit: np.ndarray, steep: np.ndarray, curved: np.ndarray, T: np.ndarray) -> float:
    """<|grad E|^2>/<tr H> over the mean of <y dE/dy>, all over lit modes, of [r, m] each."""
    return float(steep[:, lit].sum() / curved[:, lit].sum() / T[:, lit].mean())


def _energy_by_entropy(kept: np.ndarray, cold: np.ndarray, hot: np.ndarray, cold_T: np.ndarray,
                       hot_T: np.ndarray) -> float:
    """Energy (1/2 sum <y dE/dy>) over entropy gained from cold to hot by the same kept modes, from covariances
    [r, m, m] and temperatures [r, m]; over LOGARITHMIC_MEAN."""
    entropies = [0.5 * np.linalg.slogdet(part.mean(axis=0)[np.ix_(kept, kept)])[1] for part in (cold, hot)]
    energies = [0.5 * part[:, kept].sum(axis=1).mean() for part in (cold_T, hot_T)]
    return float((energies[1] - energies[0]) / (entropies[1] - entropies[0])) / LOGARITHMIC_MEAN


def _areas(pulled: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """<x_i dx_j - x_j dx_i>/2 dt of each copy [r, pairs]: dx = -grad f dt, as what the noise adds is 0 on average."""
    i, j = pairs.T
    return 0.5 * (pulled[:, j, i] - pulled[:, i, j])
