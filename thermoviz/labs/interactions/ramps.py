"""Work of ramping weight decay: on linear regression, where all is known exactly, and on walkers around a network.

Each ramp runs forth and back, slowly and quickly, all replicas in one batch. Free energies: Jarzynski's average
against T/2 sum ln((h + l1)/(h + l0)) + L*(l1) - L*(l0), h the data's curvatures and L* the lowest total loss.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.energies.driven import Paraboloid, WithDecay, half_square
from ...core.errors import TooFewSamples
from ...core.fluctuations.gradient_noise import noise_temperature
from ...core.learning.data import Dataset
from ...core.learning.networks import MLP, NetworkLoss
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate, independent_mean
from ...core.thermodynamics.free_energy import bennett
from ...core.thermodynamics.ramps import ShapedMALA, ramp
from ...core.thermodynamics.work import jarzynski, kish_size
from .minimum_path import Minimum, Regularised, data_hessian, settled, told_at
from .results import LinearRamps, NetworkRamp, Work

# Linear regression: samples and inputs, the two strengths, what SGD takes, and its replicas.
SAMPLES, SIZES, NOISE = 96, (1.5, 1.0, 0.5, 0.3), 1.0
LINEAR_RANGE = (0.03, 0.3)
LINEAR_RATE, LINEAR_BATCH, LINEAR_DT = 0.3, 12, 0.3
# Lengths of the linear ramps, as shares of the slowest; the last runs back as well.
SPEEDS = (0.1, 0.18, 0.32, 0.56, 1.0)
# Steps in which walkers settle before they are driven, and the time step, in relaxation times of the valley.
SETTLE, DT = 60, 0.3
# Records of the network's ramp.
RECORDS = 48
# Places drawn from a parabola, to see how far it is from the valley.
DRAWN = 2000
# A valley's stretch: so many strengths down to this share of the largest; none where it is softer than this share.
STRETCH, LOWEST, SOFT = 9, 0.9, 0.1
SHORTEST = 1.05


# One valley, as far down as it lasts


class Valley(NamedTuple):
    """A minimum that moves without a jump: strengths [k] growing, thetas [k, d], data Hessians [k, d, d]."""

    strengths: np.ndarray
    thetas: np.ndarray
    hessians: np.ndarray

    @property
    def lasting(self) -> bool:
        """Whether the strengths reach far enough apart for a ramp."""
        return bool(self.strengths[-1] >= SHORTEST * self.strengths[0])

    def middle(self) -> int:
        return len(self.strengths) // 2


def valley_below(regularised: Regularised, top: Minimum, strength: float, report: Callable[[float], Any]) -> Valley:
    """The valley of the minimum at the largest strength, followed down while it neither vanishes nor grows soft."""
    found = [(strength, top.theta, data_hessian(regularised.loss, top.theta))]
    for k, lower in enumerate(np.geomspace(strength, LOWEST * strength, STRETCH)[1:]):
        heard = functools.partial(told_at, report, k / STRETCH)
        one = settled(regularised, found[-1][1], float(lower), heard)
        back = settled(regularised, one.theta, found[-1][0], heard)
        if one.h[0] < SOFT * lower or np.linalg.norm(back.theta - found[-1][1]) > 1e-4:
            break
        found.append((float(lower), one.theta, data_hessian(regularised.loss, one.theta, heard)))
        report((k + 1) / STRETCH)
    strengths, thetas, hessians = zip(*reversed(found), strict=True)
    return Valley(np.array(strengths), np.stack(thetas), np.stack(hessians))


def harmonic_difference(low: np.ndarray, high: np.ndarray, rise: float, T: float) -> float:
    """T/2 sum ln(high/low) + rise of the lowest total loss: dF between parabolas of curvatures [d] each."""
    return 0.5 * T * float(np.log(high / low).sum()) + rise


# What a group of work values says


def summary(work: np.ndarray, T: float) -> Work:
    """Mean work and Jarzynski's dF with their errors (None: refused), and how many weights count."""
    finite = work[np.isfinite(work)]
    lost = int(len(work) - len(finite))
    if len(finite) < 4:
        return Work(None, None, None, None, 0.0, lost)
    mean = independent_mean(finite)
    known = Work(mean.value, mean.stderr, None, None, kish_size(-finite / T), lost)
    try:
        dF = jarzynski(finite, T)
    except TooFewSamples:
        return known
    return known._replace(dF=dF.value, dF_error=dF.stderr)


def turned(found: Work) -> Work:
    """The numbers of a ramp back, as those of the way forth: -W and -dF."""
    return found._replace(work=None if found.work is None else -found.work, dF=None if found.dF is None else -found.dF)


def programmes(first: float, last: float, lengths: Sequence[int], backward: Sequence[bool]) -> np.ndarray:
    """Strengths [SETTLE + longest + 1, groups]: settle at one end, go to the other in geometric steps, stay there."""
    steps, columns = np.arange(-SETTLE, max(lengths) + 1), []
    for length, back in zip(lengths, backward, strict=True):
        share = np.clip(steps / length, 0.0, 1.0)
        columns.append(first * (last / first) ** (1 - share if back else share))
    return np.stack(columns, axis=1)


def boltzmann(centre: np.ndarray, curvature: np.ndarray, T: float, n: int, generator: np.random.Generator
              ) -> np.ndarray:
    """n draws [n, d] from Boltzmann's law of a parabola."""
    h, axes = np.linalg.eigh(curvature)
    return centre + (generator.standard_normal((n, len(h))) * np.sqrt(T / h)) @ axes.T


# Linear regression


class Linear(NamedTuple):
    """The problem: its loss in double precision and as SGD walks in it, that loss as a parabola, data curvatures h
    [d], temperature and the exact dF."""

    loss: NetworkLoss
    walked: NetworkLoss
    parabola: Paraboloid
    h: np.ndarray
    T: float
    dF: float

    def lowest(self, strength: float) -> np.ndarray:
        """The minimum [d] of the loss with weight decay."""
        H, c = self.parabola.H, self.parabola.centre
        return np.linalg.solve(H + strength * np.eye(len(c)), H @ c)


def linear_data(problem: int) -> Dataset:
    """y = w . x + noise with inputs of unequal sizes, so that curvatures differ; not standardised."""
    draw = rng(problem, "linear regression")
    x = draw.standard_normal((SAMPLES, len(SIZES))) * SIZES
    return Dataset(x, x @ draw.standard_normal(len(SIZES)) + NOISE * draw.standard_normal(SAMPLES), "regression")


def linear_problem(data: Dataset, ends: tuple[float, float] = LINEAR_RANGE) -> Linear:
    """Linear regression on data, at the temperature that lr tr C/(2 B d) gives SGD in the middle of the ramp."""
    loss = NetworkLoss(MLP(()), data, dtype="float64")
    H = loss.hessian(np.zeros(loss.d))
    centre = np.linalg.solve(H, np.asarray(loss.force(np.zeros(loss.d))))
    parabola = Paraboloid(H, centre, float(loss(centre)))
    made = Linear(loss, NetworkLoss(loss.mlp, data), parabola, np.linalg.eigvalsh(H), 0.0, 0.0)
    middle = made.lowest(math.sqrt(ends[0] * ends[1]))
    T = noise_temperature(LINEAR_RATE, 1 / LINEAR_BATCH, loss.gradient_noise_trace(middle), loss.d)
    low, high = (float(WithDecay(parabola, strength)(made.lowest(strength))) for strength in ends)
    return made._replace(T=T, dF=harmonic_difference(made.h + ends[0], made.h + ends[1], high - low, T))


def ramp_linear(linear: Linear, steps: int, walkers: int, seed: int, report: Callable[[float], Any],
                ends: tuple[float, float] = LINEAR_RANGE) -> LinearRamps:
    """Ramps of all lengths, the quickest first; the slowest runs back as well."""
    lengths = sorted({max(1, round(share * steps)) for share in SPEEDS})
    groups, back = [*lengths, lengths[-1]], [False] * len(lengths) + [True]
    T, draw = linear.T, rng(seed, "linear walkers")
    x0 = np.concatenate([boltzmann(linear.lowest(ends[b]), linear.parabola.H + ends[b] * np.eye(len(linear.h)), T,
                                   walkers, draw) for b in back])
    programme = np.repeat(programmes(*ends, groups, back)[SETTLE:], walkers, axis=1)
    nodes = np.geomspace(*ends, 9)
    shaped = ShapedMALA(LINEAR_DT, nodes, [linear.parabola.H + s * np.eye(len(linear.h)) for s in nodes])
    seeds = rng(seed, "linear ramps").integers(0, 2**32, size=2)
    work = ramp(linear.parabola, programme, shaped, x0, T, int(seeds[0]), record_every=len(programme),
                progress=lambda f: report(0.6 * f)).work.reshape(len(groups), walkers)
    sudden = independent_mean((ends[1] - ends[0]) * half_square(x0[:walkers]))
    driven = ramp(linear.walked, programmes(*ends, [lengths[-1]], [False])[:, 0], SGD(LINEAR_RATE), x0[:walkers],
                  seed=int(seeds[1]), batch_size=LINEAR_BATCH, record_every=SETTLE + lengths[-1],
                  progress=lambda f: report(0.6 + 0.4 * f))
    return LinearRamps(
        np.stack([work[-2], -work[-1]]), lengths, [summary(one, T) for one in work[:-1]], turned(summary(work[-1], T)),
        summary(driven.work, T), sudden, T, linear.dF, linear.h.tolist(), list(ends))


# Walkers around a network


class Walked(NamedTuple):
    """A ramp of the slow walkers: what the run keeps of it, strengths [r], thetas [r, n, d]."""

    kept: NetworkRamp
    strengths: np.ndarray
    thetas: np.ndarray


def ramp_network(loss: NetworkLoss, regularised: Regularised, valley: Valley, T: float, steps: int, walkers: int,
                 seed: int, report: Callable[[float], Any]) -> Walked:
    """Langevin walkers in one valley while weight decay grows, and others while it falls; one batch.

    loss: the data's, in working precision. Sudden: the walkers that have settled, switched at once. What the harmonic
    formula lacks is not known where walkers and parabolas hardly overlap.
    """
    first, last = float(valley.strengths[0]), float(valley.strengths[-1])
    back = [False, True]
    curvatures = [H + s * np.eye(len(H)) for H, s in zip(valley.hessians, valley.strengths, strict=True)]
    draw = rng(seed, "walkers")
    x0 = np.concatenate([boltzmann(valley.thetas[-1 if b else 0], curvatures[-1 if b else 0], T, walkers, draw)
                         for b in back])
    programme = np.repeat(programmes(first, last, [steps, steps], back), walkers, axis=1)
    every = max(1, round(steps / RECORDS))
    done = ramp(loss, programme, ShapedMALA(DT, valley.strengths, curvatures), x0, T,
                int(rng(seed, "ramps").integers(2**32)), record_every=every, progress=lambda f: report(0.9 * f))
    work = done.work.reshape(2, walkers)
    slow, again = (summary(one, T) for one in work)
    driven = done.path.steps >= SETTLE
    rested = done.path.x[driven][0].reshape(2, walkers, -1)
    sudden = summary((last - first) * half_square(rested[0]), T)
    exact = harmonic_of(regularised, valley, curvatures, T)
    anharmonic = _anharmonic(loss, regularised, valley, curvatures, T, rested, seed)
    report(1.0)
    kept = NetworkRamp(np.stack([work[0], -work[1]]), slow, turned(again), sudden.mean, exact, T, [first, last], steps,
                       anharmonic)
    return Walked(kept, programme[done.path.steps[driven], 0], done.path.x[driven, :walkers])


def harmonic_of(regularised: Regularised, valley: Valley, curvatures: Sequence[np.ndarray], T: float) -> float:
    """dF of the two ends by the harmonic formula."""
    low, high = (np.linalg.eigvalsh(curvatures[k]) for k in (0, -1))
    totals = [regularised.total(valley.thetas[k], float(valley.strengths[k])) for k in (0, -1)]
    return harmonic_difference(low, high, totals[1] - totals[0], T)


def _anharmonic(loss: NetworkLoss, regularised: Regularised, valley: Valley, curvatures: Sequence[np.ndarray], T: float,
                rested: np.ndarray, seed: int) -> Estimate | None:
    """dF minus its harmonic value, by Bennett's method between parabola and rested walkers [2, n, d] at both ends."""
    parts = []
    for k, walkers in ((0, rested[0]), (-1, rested[1])):
        theta, strength = valley.thetas[k], float(valley.strengths[k])
        parabola = Paraboloid(curvatures[k], theta, regularised.total(theta, strength))
        drawn = boltzmann(theta, curvatures[k], T, DRAWN, rng(seed, f"parabola {k}"))
        ahead, back = (np.asarray(loss(x)) + strength * half_square(x) - parabola(x)
                       for x in (drawn, walkers[np.isfinite(walkers).all(axis=1)]))
        try:
            parts.append(bennett(ahead, back, T))
        except TooFewSamples:
            return None
    return Estimate(parts[1].value - parts[0].value, math.hypot(parts[0].stderr, parts[1].stderr))
