"""Gradient noise as a heat bath: how strong single samples' gradients scatter, in which directions, how normally, and
the temperature that it gives (S. Mandt, M. Hoffman and D. Blei, J. Mach. Learn. Res. 18, 134 (2017); docs/physics).
"""

import math
from typing import Any, NamedTuple, overload

import numpy as np

from ..learning.alignment import dark_directions
from ..learning.derivatives import LARGEST_MATRIX
from ..learning.networks import NetworkLoss
from ..seeds import rng
from ..statistics.estimators import Estimate, jackknife

# Beyond LARGEST_MATRIX parameters: leading directions by Lanczos, and random probes for the traces (Hutchinson).
LEADING, PROBES = 20, 32
# Directions whose second moments are followed in time.
MOST_MODES = 128
# Directions of the Hessian among which the plane is looked for that turns most.
TOP = 8
# A direction is dark where samples push less than this share of the noisiest direction's push: rounding, not noise.
DARK = 1e-7
# Numbers in all samples' pushes up to which dark directions are counted.
MOST_PUSHES = 4e6
# Batches drawn for the shape of their kicks, in blocks that give its error; the samples in them at most.
KICKS, BLOCKS, MOST_DRAWN = 2**18, 64, 2**24


# Temperature


def batch_factor(batch_size: int | None, batching: str, n: int) -> float:
    """1/B, or (N - B)/(B (N - 1)) without replacement; 0 for the whole data set at once."""
    if batch_size is None:
        return 0.0
    if batching == "replacement" or n == 1:
        return 1 / batch_size
    b = min(batch_size, n)
    return (n - b) / (b * (n - 1))


@overload
def noise_temperature(rate: None, share: float, trace: float, d: int) -> None: ...
@overload
def noise_temperature(rate: float | np.ndarray, share: float, trace: float, d: int) -> float: ...
def noise_temperature(rate: Any, share: float, trace: float, d: int) -> float | None:
    """T = rate share tr C / 2d of noise of covariance C (of single samples) in d directions; share: `batch_factor`.

    rate: the dynamics' `noise_rate`, of which the mean counts where replicas have their own; None, as is T, where
    directions have no learning rate in common. Within shuffled epochs noise partly cancels: there T is an upper bound.
    """
    return None if rate is None else float(np.mean(rate)) * share * (trace / (2 * d))


# Shape


class Bath(NamedTuple):
    """Hessian H and gradient covariance C at theta. Traces are Estimates, of error 0 where they are exact.

    h [m]: curvatures, largest first; axes [d, m]: their directions; covariance [m, m]: C in these directions; noise
    [k]: eigenvalues of C, largest first. m = d (at most MOST_MODES) and k = d up to 1000 parameters, else LEADING.
    participation: (tr C)^2 / tr C^2, how many directions carry the noise. alignment: tr(C H) / (|C| |H|), 1 where C is
    a multiple of H, against `chance`, what a random orientation gives on average: tr C tr H / (d |C| |H|). lit [m]:
    which modes samples push in; dark: number of directions, of all d, in which no sample pushes (None: not counted).
    """

    h: np.ndarray
    axes: np.ndarray
    covariance: np.ndarray
    noise: np.ndarray
    trace_C: float
    trace_H: Estimate
    participation: Estimate
    alignment: Estimate
    chance: Estimate
    lit: np.ndarray
    dark: int | None

    @property
    def complete(self) -> bool:
        """Whether every direction of parameter space is among the modes."""
        return len(self.h) == len(self.axes)


def bath_at(loss: NetworkLoss, theta: np.ndarray) -> Bath:
    """The bath at theta [d]: exact up to 1000 parameters, beyond with the errors of random probes."""
    return _exact(loss, theta) if loss.d <= LARGEST_MATRIX else _probed(loss, theta)


def _exact(loss: NetworkLoss, theta: np.ndarray) -> Bath:
    H, C = loss.hessian(theta), loss.gradient_covariance(theta)
    h, axes = np.linalg.eigh(H)
    h, axes = h[::-1], axes[:, ::-1]
    kept = axes[:, :MOST_MODES]
    participates, aligned, chance = (Estimate(value, 0.0) for value in ratios(loss.d, *_traces(C, H)))
    return Bath(h[:MOST_MODES], kept, kept.T @ C @ kept, np.linalg.eigvalsh(C)[::-1], float(np.trace(C)),
                Estimate(np.trace(H), 0.0), participates, aligned, chance, *_lit(loss, theta, kept))


def _traces(C: np.ndarray, H: np.ndarray) -> tuple[float, float, float, float, float]:
    """tr C, tr H, tr C^2, tr H^2 and tr(C H) of symmetric matrices [d, d]."""
    return float(np.trace(C)), float(np.trace(H)), float((C**2).sum()), float((H**2).sum()), float((C * H).sum())


def participation(C: np.ndarray) -> float:
    """(tr C)^2 / tr C^2: in how many directions a covariance [d, d] shakes; NaN where it does not."""
    return _participation(float(np.trace(C)), float((C**2).sum()))


def alignment(C: np.ndarray, H: np.ndarray) -> float:
    """tr(C H) / (|C| |H|), Frobenius norms: 1 where C [d, d] is a multiple of the Hessian H [d, d]."""
    return ratios(len(C), *_traces(C, H))[1]


def _lit(loss: NetworkLoss, theta: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, int | None]:
    """Which of the axes [d, m] samples push along [m], and the number of dark directions of all d, where countable."""
    if loss.n_samples * loss.d > MOST_PUSHES:
        return np.ones(axes.shape[1], bool), None
    pushes = centred_gradients(loss, theta)
    strength = np.sqrt(((pushes @ axes) ** 2).mean(axis=0))
    return strength > DARK * strength.max(initial=0.0), dark(pushes)


def centred_gradients(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray:
    """What each sample pushes beyond the mean, [N, d]."""
    gradients = loss.per_sample_gradients(theta)
    return gradients - gradients.mean(axis=0)


def dark(pushes: np.ndarray) -> int:
    """In how many of the d directions no row of pushes [N, d] points: exact zeros of their covariance.

    Counted by the singular values of the pushes, whose squares the covariance's eigenvalues are: rounding at 1e-16 of
    the largest, where eigenvalues would have it at 1e-8 of the push.
    """
    sizes = np.linalg.svd(pushes, compute_uv=False)
    return pushes.shape[1] - int((sizes > DARK * sizes.max(initial=0.0)).sum())


def expected_dark(loss: NetworkLoss, theta: np.ndarray) -> int | None:
    """How many directions copies, softmax and too few samples leave dark; None where there is no exact count."""
    if loss.mlp.activation == "linear" and loss.mlp.hidden:
        return None
    return max(int(dark_directions(theta, loss)), loss.d - (loss.n_samples - 1))


def with_copies(loss: NetworkLoss, theta: np.ndarray) -> np.ndarray | None:
    """theta [d] with the later half of the first hidden layer's units made copies of the earlier ones, or None."""
    if not loss.mlp.hidden or loss.mlp.hidden[0] < 2:
        return None
    copied, half = theta.copy(), loss.mlp.hidden[0] // 2
    into, out = loss.layer_slices[:2]
    W, b, V = (copied[into.weight].reshape(into.shape), copied[into.bias], copied[out.weight].reshape(out.shape))
    W[:, half:2 * half], b[half:2 * half], V[half:2 * half] = W[:, :half], b[:half], V[:half]
    return copied


def _probed(loss: NetworkLoss, theta: np.ndarray) -> Bath:
    """Source of the traces: M. F. Hutchinson, Commun. Stat. Simul. 19, 433 (1990)."""
    h, axes = loss.leading_eigenpairs(theta, LEADING)
    noise, _ = loss.leading_eigenpairs(theta, LEADING, of="noise")
    z = np.sign(rng(0, "probes").standard_normal((PROBES, loss.d)))
    Cz, Hz = loss.cvp(theta, z), loss.hvp(theta, z)
    trace_C = loss.gradient_noise_trace(theta)
    sums = [np.full(PROBES, trace_C), (z * Hz).sum(axis=1), (Cz**2).sum(axis=1), (Hz**2).sum(axis=1),
            (Cz * Hz).sum(axis=1)]
    participates, aligned, chance = (
        jackknife(lambda *parts, k=k: float(ratios(loss.d, *parts)[k]), *sums) for k in range(3))
    trace_H = sums[1]
    return Bath(h, axes.T, axes @ loss.cvp(theta, axes).T, noise, trace_C,
                Estimate(trace_H.mean(), trace_H.std(ddof=1) / math.sqrt(PROBES)), participates, aligned, chance,
                *_lit(loss, theta, axes.T))


def ratios(d: int, trace_C: Any, trace_H: Any, square_C: Any, square_H: Any, both: Any) -> tuple[float, float, float]:
    """Participation, alignment and its chance value from (means of) the traces."""
    c, h, cc, hh, ch = (float(np.mean(part)) for part in (trace_C, trace_H, square_C, square_H, both))
    if cc <= 0 or hh <= 0:
        return math.nan, math.nan, math.nan
    size = math.sqrt(cc * hh)
    return _participation(c, cc), ch / size, c * h / (d * size)


def _participation(trace: float, square: float) -> float:
    return trace**2 / square if square > 0 else math.nan


class Shape(NamedTuple):
    """Single-sample gradients along one direction, centred, in their own standard deviation: z [N]; their excess
    kurtosis, exact for these samples; kicks: that of the mean of a batch, measured."""

    z: np.ndarray
    kurtosis: float
    kicks: Estimate


def shape_of_noise(gradients: np.ndarray, direction: np.ndarray, batch_size: int = 1, seed: int = 0) -> Shape:
    """How normal the noise of single samples [N, d] is along a direction [d], and of batches drawn from them.

    Independent draws make the excess of a batch's mean that of one sample over batch_size. Error: between blocks.
    """
    along = gradients @ direction
    centred = along - along.mean()
    spread = float(centred.std())
    z = centred / spread if spread > 0 else centred
    draw, n = rng(seed, "kicks"), min(KICKS, MOST_DRAWN // batch_size) // BLOCKS
    blocks = (z[draw.integers(0, len(z), (n, batch_size))].mean(axis=1) for _ in range(BLOCKS))
    moments = np.array([((block**2).mean(), (block**4).mean()) for block in blocks])
    kicks = jackknife(lambda square, fourth: _kurtosis(float(square.mean()), float(fourth.mean())), *moments.T)
    return Shape(z, excess_kurtosis(z), kicks)


def excess_kurtosis(z: np.ndarray) -> float:
    """<z^4>/<z^2>^2 - 3 about the mean: 0 for normal noise; of a mean over B independent samples 1/B of it."""
    centred = z - z.mean()
    return _kurtosis(float((centred**2).mean()), float((centred**4).mean()))


def _kurtosis(square: float, fourth: float) -> float:
    return fourth / square**2 - 3 if square > 0 else math.nan


def turning_plane(bath: Bath) -> tuple[int, int]:
    """Which two of the leading modes turn most visibly where D is proportional to C: indices i < j.

    Visible: correlation of the two times the rate at which it is renewed, |rho_ij| |h_i - h_j| / sqrt(h_i + h_j).
    """
    h, noise = bath.h[:TOP], np.diag(bath.covariance)[:TOP]
    alive = (h > 0) & (noise > 1e-6 * noise.max())
    best, chosen = -1.0, (0, 1)
    for i in range(len(h)):
        for j in range(i + 1, len(h)):
            if alive[i] and alive[j]:
                total = h[i] + h[j]
                rho = 2 * bath.covariance[i, j] / total / math.sqrt(noise[i] * noise[j] / (h[i] * h[j]))
                seen = abs(rho * (h[i] - h[j])) / math.sqrt(total)
                if seen >= best:
                    best, chosen = seen, (i, j)
    return chosen
