"""How regularisers change the bath of a network: the covariance C of its single-sample gradients, and their mean.

Weight decay and |theta|_1 add the same pull to every sample, so C stays as it is. Dropout and label noise are drawn
anew for each sample: they add to C (heat), and also shift the mean loss and its gradient (an energy). Both parts are
measured by drawing masks and labels, and where there are few of them also by going through all.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ...core.fluctuations.gradient_noise import alignment, noise_temperature, participation
from ...core.learning.networks import NetworkLoss
from ...core.learning.perturbed import MOST_UNITS, LabelStates, all_masks, factors, hidden_units
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate
from .results import Bath, BathNumbers, Baths

# Independent draws of all masks or labels, fewer where matrices are large; numbers that an enumeration may touch.
DRAWS, FEWEST_DRAWS, MATRIX_NUMBERS, MOST_ENUMERATED = 24, 8, 5e6, 4e8
# The stiffest directions, in which the share of C is told.
LEADING = 2
# The batch and momentum of the temperature T = lr tr C / (2 B d (1 - mu)), and of the training.
BATCH, MOMENTUM = 10, 0.9


class Moments(NamedTuple):
    """Of all single-sample gradients, or of each of several draws (a leading axis): mean loss, mean g, mean g g^T."""

    loss: Any
    mean: np.ndarray
    second: np.ndarray

    def covariance(self) -> np.ndarray:
        """C [d, d]."""
        return self.second - np.outer(self.mean, self.mean)


class Expansion(NamedTuple):
    """Where the bath is measured: data loss, theta [d], its loss there, mean gradient [d], data Hessian [d, d]."""

    loss: NetworkLoss
    theta: np.ndarray
    value: float
    gradient: np.ndarray
    hessian: np.ndarray


def expansion_at(loss: NetworkLoss, theta: np.ndarray, hessian: np.ndarray) -> Expansion:
    return Expansion(loss, theta, float(loss(theta)), loss.per_sample_gradients(theta).mean(axis=0), hessian)


# Drawn


def draws_of(d: int) -> int:
    """How many independent draws of all masks or labels are made for d parameters."""
    return int(min(DRAWS, max(FEWEST_DRAWS, MATRIX_NUMBERS // d**2)))


def drawn(here: Expansion, labels: LabelStates, dropout: float, noisy: bool, generator: np.random.Generator,
          report: Callable[[float], Any]) -> Moments:
    """Moments [r] of `draws_of` draws: each sample with a mask of its own, or a label drawn anew."""
    loss, n = labels.loss, labels.n_samples
    samples, kept = np.arange(n), []
    count = draws_of(here.loss.d)
    for k in range(count):
        F = factors(here.loss, generator.random((n, hidden_units(here.loss))) >= dropout, dropout)
        chosen = labels.drawn(samples, generator.random(samples.shape)) if noisy else labels.own(samples)
        energy, force = loss.minibatch(chosen[:, None]).value_and_force(F * here.theta)
        gradients = -F * force
        kept.append((energy.mean(), gradients.mean(axis=0), gradients.T @ gradients / n))
        report((k + 1) / count)
    return Moments(*(np.stack(part) for part in zip(*kept, strict=True)))


# Enumerated


def all_dropout(here: Expansion, p: float, report: Callable[[float], Any]) -> Moments | None:
    """Exact moments over all masks and samples; None where there are too many masks."""
    units, loss = hidden_units(here.loss), here.loss
    if units == 0 or units > MOST_UNITS or 2**units * loss.n_samples * loss.d > MOST_ENUMERATED:
        return None
    return _collected(((weight, F, None) for weight, F in all_masks(loss, p)), here, loss, 2**units, report)


def all_labels(here: Expansion, labels: LabelStates, report: Callable[[float], Any]) -> Moments | None:
    """Exact moments over all labels and samples; None where there are too many."""
    if labels.loss.n_samples * here.loss.d > MOST_ENUMERATED / 4:
        return None
    weights = labels.weights.ravel() / labels.n_samples
    return _collected(iter([(1.0, np.ones(here.loss.d), weights)]), here, labels.loss, 1, report)


def _collected(cases: Iterator[tuple[float, np.ndarray, np.ndarray | None]], here: Expansion, loss: NetworkLoss,
               count: int, report: Callable[[float], Any]) -> Moments:
    """Sum over cases (probability, factors, weights of the samples) of the moments at factors times theta."""
    d = here.loss.d
    value, mean, second = 0.0, np.zeros(d), np.zeros((d, d))
    for k, (weight, F, weights) in enumerate(cases):
        at = F * here.theta
        gradients = loss.per_sample_gradients(at) * F
        each = np.full(len(gradients), 1 / len(gradients)) if weights is None else weights
        value += weight * _mean_loss(loss, at, weights)
        mean += weight * (each @ gradients)
        second += weight * ((gradients * each[:, None]).T @ gradients)
        report((k + 1) / count)
    return Moments(value, mean, second)


def _mean_loss(loss: NetworkLoss, theta: np.ndarray, weights: np.ndarray | None) -> float:
    if weights is None:
        return float(loss(theta))
    single = loss.minibatch(np.arange(len(weights))[:, None])
    return float(weights @ single(np.broadcast_to(theta, (len(weights), len(theta)))))


# What moments say


def leading_share(C: np.ndarray, stiff: np.ndarray) -> float:
    """Share of tr C in the stiffest directions, the rows of `stiff`."""
    return float(np.einsum("ki,ij,kj->", stiff, C, stiff) / np.trace(C))


def left_out(moments: Moments, statistic: Callable[[float, np.ndarray, np.ndarray], float]) -> Estimate:
    """statistic(mean loss, mean g, C) of all draws with its jackknife error, and its bias of first order taken off.

    Source: B. Efron and C. Stein, Ann. Stat. 9, 586 (1981); M. Quenouille, Biometrika 43, 353 (1956).
    """
    n, sums = len(moments.mean), tuple(part.sum(axis=0) for part in moments)

    def of(parts: tuple[Any, ...], count: int) -> float:
        value, mean, second = (part / count for part in parts)
        return statistic(float(value), mean, second - np.outer(mean, mean))

    whole = of(sums, n)
    without = np.array([of(tuple(total - part[k] for total, part in zip(sums, moments, strict=True)), n - 1)
                        for k in range(n)])
    spread = math.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    return Estimate(n * whole - (n - 1) * float(without.mean()), spread)


def described(here: Expansion, plain: np.ndarray, moments: Moments, rate: float) -> BathNumbers:
    """The numbers of one bath with their errors: `ratio` of tr C to that of the plain bath [d, d], `trace`, `T`,
    `participation`, `alignment`, `leading`, and the energy part: `loss_shift` and `pull` (squared length of the mean
    gradient's shift, over that of the plain bath's tr C)."""
    _, axes = np.linalg.eigh(here.hessian)
    stiff, whole = axes.T[::-1][:LEADING], float(np.trace(plain))
    statistics: dict[str, Callable[[float, np.ndarray, np.ndarray], float]] = {
        "trace": lambda value, mean, C: float(np.trace(C)),
        "ratio": lambda value, mean, C: float(np.trace(C)) / whole,
        "T": lambda value, mean, C: noise_temperature(rate / (1 - MOMENTUM), 1 / BATCH, float(np.trace(C)),
                                                      here.loss.d),
        "participation": lambda value, mean, C: participation(C),
        "alignment": lambda value, mean, C: alignment(C, here.hessian),
        "leading": lambda value, mean, C: leading_share(C, stiff),
        "loss_shift": lambda value, mean, C: value - here.value,
        "pull": lambda value, mean, C: float(((mean - here.gradient) ** 2).sum()) / whole,
    }
    exact = moments.mean.ndim == 1
    out: dict[str, Any] = {}
    for name, statistic in statistics.items():
        if exact:
            out[name], out[f"{name}_error"] = statistic(moments.loss, moments.mean, moments.covariance()), 0.0
        else:
            found = left_out(moments, statistic)
            out[name], out[f"{name}_error"] = found.value, found.stderr
    return BathNumbers(**out)


def baths(here: Expansion, labels: LabelStates, dropout: float, strengths: tuple[float, float], rate: float, seed: int,
          report: Callable[[float], Any]) -> Baths:
    """Each of BATHS at one place.

    strengths: of weight decay and of |theta|_1. theory is None where masks or labels are too many; for l2 and l1 it is
    the plain bath itself.
    """
    gradients = here.loss.per_sample_gradients(here.theta)
    bare = _moments(here.value, gradients)
    plain = bare.covariance()
    out = {"none": Bath(described(here, plain, bare, rate), None)}
    pulls = {"l2": strengths[0] * here.theta, "l1": strengths[1] * np.sign(here.theta)}
    costs = {"l2": 0.5 * strengths[0] * float(here.theta @ here.theta),
             "l1": strengths[1] * float(np.abs(here.theta).sum())}
    for name, pull in pulls.items():
        pulled = _moments(here.value + costs[name], gradients + pull)
        out[name] = Bath(described(here, plain, pulled, rate), None)
    cases: tuple[tuple[str, float, bool], ...] = (
        ("dropout", dropout if hidden_units(here.loss) else 0.0, False), ("labels", 0.0, True))
    for k, (name, p, noisy) in enumerate(cases):
        seen = drawn(here, labels, p, noisy, rng(seed, name), functools.partial(_from, report, 0.5 * k))
        exact = (all_labels(here, labels, lambda f: report(1.0)) if noisy
                 else all_dropout(here, p, lambda f: report(0.25 + 0.25 * f)))
        out[name] = Bath(described(here, plain, seen, rate),
                         None if exact is None else described(here, plain, exact, rate))
    return Baths(out)


def _from(report: Callable[[float], Any], start: float, fraction: float) -> None:
    report(start + 0.25 * fraction)


def _moments(value: float, gradients: np.ndarray) -> Moments:
    return Moments(value, gradients.mean(axis=0), gradients.T @ gradients / len(gradients))
