"""Numbers from samples, each with its standard error, refused when there are too few independent samples."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np

from ..arrays import real
from ..errors import BadInput, TooFewSamples

# A correlation time is reported only for series this many times as long (D. Foreman-Mackey, emcee).
LENGTHS_OF_TAU = 50
# Sokal's window: the sum of correlations stops at the first lag beyond this many correlation times.
WINDOW = 5.0
# Independent samples below which no standard error is stated.
FEWEST = 4


class Estimate(float):
    """A number with its standard error: a float with `value` and `stderr`, in the same unit."""

    stderr: float

    def __new__(cls, value: float, stderr: float) -> "Estimate":
        made = super().__new__(cls, value)
        made.stderr = float(stderr)
        return made

    @property
    def value(self) -> float:
        """The number without its error."""
        return float(self)

    def __repr__(self) -> str:
        return f"Estimate({self.value:.6g} +- {self.stderr:.2g})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Estimate, (self.value, self.stderr)


class Bound(Estimate):
    """A number that the true one cannot exceed (side "<=") or fall below (">="); `stderr`: of the bound itself."""

    side: str

    def __new__(cls, value: float, stderr: float, side: str) -> "Bound":
        made: Any = super().__new__(cls, value, stderr)
        made.side = side
        return made

    def __repr__(self) -> str:
        return f"Bound({self.side} {self.value:.6g} +- {self.stderr:.2g})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Bound, (self.value, self.stderr, self.side)


def series_of(values: Any, name: str, dims: tuple[int, ...]) -> np.ndarray:
    """values as float64 with one of the allowed numbers of axes. Raises BadInput."""
    try:
        array = real(values)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be an array of numbers.") from None
    if array.ndim not in dims or array.size == 0:
        shapes = " or ".join({1: "[n]", 2: "[m, n]"}[k] for k in dims)
        raise BadInput(f"{name} must have shape {shapes}, got {list(array.shape)}.")
    if not np.isfinite(array).all():
        raise BadInput(f"{name} must be finite: it holds NaN or infinite values.")
    return array


def autocorrelation(series: Any) -> np.ndarray:
    """Normalised autocorrelation rho [n] of a series [n] or of replicas [m, n], which share mean and variance.

    The mean over all pairs at each lag, by FFT. Raises BadInput, also for a constant series.
    """
    chains = np.atleast_2d(series_of(series, "series", (1, 2)))
    if np.ptp(chains) == 0:
        raise BadInput("series is constant: it has no correlation time.")
    n = chains.shape[1]
    centred = chains - chains.mean()
    centred /= np.abs(centred).max()
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(centred, size, axis=1)) ** 2
    # Divided by the number of pairs: a common 1/n would shorten the tau of many short replicas.
    covariance = np.fft.irfft(spectrum.mean(axis=0), size)[:n] / np.arange(n, 0, -1)
    return covariance / covariance[0]


def autocorrelation_time(series: Any) -> Estimate:
    """Integrated autocorrelation time tau = 1 + 2 sum_k rho_k, in samples, of a series [n] or of replicas [m, n].

    The sum stops at the first lag W >= 5 max(1, largest tau so far, also of |rho| above its noise) (A. Sokal, Monte
    Carlo methods in statistical mechanics, 1996); its bias -(2 W + 1) tau / N is taken off (U. Wolff, Comput. Phys.
    Commun. 156, 143 (2004), eq. 49); stderr tau sqrt(2 (2 W + 1) / N) with N samples in all (N. Madras and A. Sokal,
    J. Stat. Phys. 50, 109 (1988), eq. A.7). A series that alternates (rho_1 < 0) is first averaged in pairs, which
    keeps the variance of its mean. Raises TooFewSamples for series shorter than 50 tau, BadInput for constant ones.
    """
    array = np.atleast_2d(series_of(series, "series", (1, 2)))
    rho, size = autocorrelation(array), array.size
    if rho.size >= 8 and rho[1] < -3 / math.sqrt(size):
        pairs = array[:, :rho.size // 2 * 2].reshape(len(array), -1, 2).mean(axis=2)
        share = 2 * pairs.var() / array.var()
        tau_of_pairs = autocorrelation_time(pairs)
        return Estimate(share * tau_of_pairs.value, share * tau_of_pairs.stderr)
    sums = 2 * np.cumsum(rho) - 1
    longest = np.maximum(np.maximum.accumulate(sums), 1.0)
    # Where correlations oscillate their sum is short but they last: what counts is how long they exceed the noise.
    lasting = 2 * np.cumsum(np.maximum(np.abs(rho) - 2 * np.sqrt(longest / size), 0)) - 1
    reached = np.arange(len(sums)) >= WINDOW * np.maximum(longest, lasting)
    window = int(np.argmax(reached)) if reached.any() else len(sums) - 1
    tau = float(sums[window]) * (1 + (2 * window + 1) / size)
    if not reached.any() or tau <= 0 or size < LENGTHS_OF_TAU * tau:
        raise TooFewSamples(
            f"series: {size} samples are too few for a correlation time of about {max(tau, float(sums.max())):.3g}; "
            f"at least {LENGTHS_OF_TAU} correlation times are needed.")
    return Estimate(tau, tau * math.sqrt(2 * (2 * window + 1) / size))


def effective_sample_size(series: Any) -> Estimate:
    """Independent samples that a series [n] or replicas [m, n] are worth: N / tau. Raises as autocorrelation_time."""
    tau = autocorrelation_time(series)
    size = np.asarray(series).size
    return Estimate(size / tau.value, size / tau.value * tau.stderr / tau.value)


def mean(series: Any) -> Estimate:
    """Mean of a series in time [n], its standard error through the correlation time; of replicas [m, n] through their
    means, which are independent. Raises TooFewSamples, BadInput.
    """
    array = series_of(series, "series", (1, 2))
    if array.ndim == 2:
        return independent_mean(array.mean(axis=1))
    if np.ptp(array) == 0:
        return Estimate(array[0], 0.0)
    independent = array.size / autocorrelation_time(array).value
    # The variance is taken around a mean that itself scatters by variance / independent.
    return Estimate(array.mean(), math.sqrt(array.var() / (independent - 1)))


def independent_mean(samples: Any) -> Estimate:
    """Mean of independent samples [n] with its standard error s / sqrt n. Raises TooFewSamples below 4."""
    array = series_of(samples, "samples", (1,))
    _enough(array.size, "independent samples")
    return Estimate(array.mean(), array.std(ddof=1) / math.sqrt(array.size))


def share_error(share: Any, n: int) -> Any:
    """Standard error of a share, or of each in an array, of n independent things.

    As if one more stood on each side (Laplace's rule of succession), so that it is not 0 where all or none do.
    """
    smoothed = (np.asarray(share) * n + 1) / (n + 2)
    return np.sqrt(smoothed * (1 - smoothed) / n)


def _enough(n: int, what: str) -> None:
    if n < FEWEST:
        raise TooFewSamples(f"{n} {what} are too few for a standard error; at least {FEWEST} are needed.")


def rare(n: int, sigmas: float = 3.0) -> float:
    """How many standard errors, stated from n independent samples, are as rare as `sigmas` of a normal number.

    Student's law with n - 1 degrees of freedom ("Student", Biometrika 6, 1 (1908)): more than `sigmas`, and many more
    for few samples, whose own scatter is known badly. Infinite below 2.
    """
    if n < 2:
        return math.inf
    wanted, low, high = 2 * NormalDist().cdf(-sigmas), 0.0, 1.0
    while beyond(high, n - 1) > wanted:
        high *= 2
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if beyond(middle, n - 1) > wanted else (low, middle)
    return high


def beyond(t: float, freedom: int) -> float:
    """The probability that |T| > t >= 0 by Student's law with so many degrees of freedom.

    The finite sums of M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4.
    """
    angle = math.atan2(t, math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    i = np.arange(1.0, freedom // 2)
    ratios = 2 * i / (2 * i + 1) if freedom % 2 else (2 * i - 1) / (2 * i)
    terms = 1 + float(np.cumprod(ratios * cosine**2).sum())
    if freedom % 2 == 0:
        return 1 - sine * terms
    return 1 - 2 / math.pi * (angle + (sine * cosine * terms if freedom > 1 else 0.0))


def jackknife(statistic: Callable[..., float], *samples: Any) -> Estimate:
    """statistic(*samples) with its jackknife error over the first axis of all samples (independent replicas).

    For ratios of means and other smooth functions of means. Source: B. Efron and C. Stein, Ann. Stat. 9, 586 (1981).
    Raises TooFewSamples below 4 replicas, BadInput for samples of unequal length.
    """
    arrays = [np.asarray(sample, dtype=np.float64) for sample in samples]
    sizes = {len(array) for array in arrays}
    if len(sizes) != 1:
        raise BadInput(f"jackknife: all samples must hold equally many replicas, got {sorted(sizes)}.")
    n = sizes.pop()
    _enough(n, "replicas")
    left_out = np.array([statistic(*(np.delete(array, k, axis=0) for array in arrays)) for k in range(n)])
    return Estimate(statistic(*arrays), math.sqrt((n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()))


def ratio_of_means(numerator: Any, denominator: Any) -> Estimate:
    """<numerator> / <denominator> over independent replicas [n], with its jackknife error. Raises TooFewSamples."""
    a, b = (series_of(values, name, (1,)) for values, name in ((numerator, "numerator"), (denominator, "denominator")))
    if a.size != b.size:
        raise BadInput(f"ratio_of_means: both need one value per replica, got {a.size} and {b.size}.")
    _enough(a.size, "replicas")
    left_out = (a.sum() - a) / (b.sum() - b)
    return Estimate(a.mean() / b.mean(), math.sqrt((a.size - 1) * left_out.var()))


def ergodicity_metric(series: Any) -> np.ndarray:
    """Thirumalai-Mountain metric Omega(t) [n] of replicas [m, n]: population variance over replicas of running means.

    An ergodic observable falls as sigma^2 tau / t, tau = 1 + 2 sum rho; a plateau says that replicas keep apart.
    Source: D. Thirumalai and R. Mountain, Phys. Rev. A 42, 4574 (1990). Raises TooFewSamples, BadInput.
    """
    array = series_of(series, "series", (2,))
    if array.shape[0] < 2:
        raise TooFewSamples(f"the ergodicity metric needs at least 2 replicas, got {array.shape[0]}.")
    # Around the common mean, so that a large one does not eat the digits of small differences.
    running = np.cumsum(array - array.mean(), axis=1) / np.arange(1, array.shape[1] + 1)
    return running.var(axis=0)


def ergodic_reference(series: Any) -> np.ndarray:
    """What `ergodicity_metric` of [m, n] would be on average if all replicas were ergodic: [n].

    (m - 1)/m sigma^2/t (1 + 2 sum_k (1 - k/t) rho_k), which falls as sigma^2 tau/t; sigma and rho (up to 5 tau) from
    all replicas together. Raises TooFewSamples as `autocorrelation_time`, BadInput.
    """
    array = series_of(series, "series", (2,))
    m, n = array.shape
    tau = autocorrelation_time(array)
    lags = np.arange(1, min(n, math.ceil(WINDOW * max(tau.value, 1.0)) + 1))
    rho = autocorrelation(array)[lags]
    t = np.arange(1, n + 1)
    inside = np.minimum(t - 1, len(lags))
    plain, weighted = (np.append(0.0, np.cumsum(part))[inside] for part in (rho, lags * rho))
    variance = array.var() / (1 - tau.value / array.size)
    return (m - 1) / m * variance / t * (1 + 2 * (plain - weighted / t))
