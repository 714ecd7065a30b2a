"""Where the free energy must rise: harmonic wells driven out of equilibrium, with their closed forms.

In all of them E = 1/2 sum k_i x_i^2 and F = <E> - T S is measured against the bath's T; the law stays Gaussian.
"""

from typing import Any

import numpy as np
import scipy

from ..energies.potentials import Harmonic
from ..errors import BadInput, TooFewSamples
from ..statistics.estimators import FEWEST, Estimate


class Swirl:
    """A harmonic well with a rigid rotation added to its force: -k x + omega J x, J (x, y) = (-y, x), in the plane.

    Not the rotation J grad E, which would leave Boltzmann's law as it is. With unequal curvatures detailed balance
    breaks and the stationary law is another, see `swirl_covariance`.
    """

    d = 2

    def __init__(self, k: Any, omega: float) -> None:
        self.k = np.broadcast_to(np.asarray(k, dtype=float), (2,)).copy()
        self.omega = float(omega)
        if not (np.isfinite(self.k) & (self.k > 0)).all() or not np.isfinite(self.omega):
            raise BadInput(f"Swirl: curvatures must be above 0 and omega finite, got {k!r} and {omega!r}.")

    @property
    def drift(self) -> np.ndarray:
        """The matrix A [2, 2] of the force -A x."""
        return np.array([[self.k[0], self.omega], [-self.omega, self.k[1]]])

    def __call__(self, x: Any) -> Any:
        return 0.5 * (self.k * np.asarray(x, dtype=float) ** 2).sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-A x [..., 2]: not the gradient of an energy unless omega = 0."""
        return -np.asarray(x, dtype=float) @ self.drift.T


def swirl_covariance(k: Any, omega: float, temperature: float, dt: float = 0.0) -> np.ndarray:
    """Stationary covariance [2, 2] of a Swirl in a bath: A C + C A^T = 2 T 1 (Lyapunov's equation).

    dt > 0: of Euler-Maruyama's chain with that step, C = (1 - A dt) C (1 - A dt)^T + 2 T dt 1. Raises BadInput where
    it is unstable.
    """
    drift, heat = Swirl(k, omega).drift, 2 * float(temperature) * np.eye(2)
    if dt == 0:
        return scipy.linalg.solve_continuous_lyapunov(drift, heat)
    step = np.eye(2) - dt * drift
    if np.abs(np.linalg.eigvals(step)).max() >= 1:
        raise BadInput(f"dt = {dt:g} is unstable for this swirl: its chain has no stationary law.")
    return scipy.linalg.solve_discrete_lyapunov(step, dt * heat)


def gaussian_rise(covariance: Any, k: Any, temperature: float) -> float:
    """F of a centred Gaussian of `covariance` [d, d] in a harmonic well, minus its Boltzmann value -T ln Z.

    T times the Kullback-Leibler distance: 1/2 [tr(K C) - T d - T ln det(K C / T)], never below 0.
    """
    scaled = np.asarray(covariance, dtype=float) * np.asarray(k, dtype=float)
    d = len(scaled)
    logarithm = np.linalg.slogdet(scaled / temperature)[1]
    return float(0.5 * (np.trace(scaled) - temperature * (d + logarithm)))


def anisotropic_rise(noise: Any, temperature: float) -> float:
    """How far F rises when diagonal noise D_i is switched on in Boltzmann of a harmonic well at T.

    1/2 sum_i [D_i - T - T ln(D_i / T)]: direction i comes to its own temperature D_i, whatever its curvature.
    """
    D, T = np.asarray(noise, dtype=float), float(temperature)
    if not (D > 0).all() or not T > 0:
        raise BadInput(f"noise and temperature must be above 0, got {noise!r} and {temperature!r}.")
    return float(0.5 * (D - T - T * np.log(D / T)).sum())


def euler_temperature_ratio(k: float, dt: float) -> float:
    """By which factor Euler-Maruyama at step dt is too hot in a harmonic well: 1 / (1 - k dt / 2). Raises BadInput."""
    if not 0 <= k * dt < 2:
        raise BadInput(f"k dt must be at least 0 and below 2, where Euler's chain is stable, got {k * dt:g}.")
    return 1 / (1 - k * dt / 2)


def measured_rise(x: Any, k: Any, temperature: float) -> Estimate:
    """`gaussian_rise` of independent balls x [n, d], with its standard error (delta method). Raises TooFewSamples."""
    points = np.asarray(x, dtype=float)
    n, d = points.shape
    if n < FEWEST * d:
        raise TooFewSamples(f"{n} balls are too few for a covariance in {d} dimensions; {FEWEST * d} are needed.")
    covariance = points.T @ points / n
    curvature = np.broadcast_to(np.asarray(k, dtype=float), (d,))
    whitened = np.einsum("ni,ij,nj->n", points, np.linalg.inv(covariance), points)
    influence = Harmonic(tuple(curvature.tolist()))(points) - 0.5 * temperature * whitened
    # <ln det> of a sampled covariance lies d (d + 1) / 2n too low.
    bias = temperature * d * (d + 1) / (4 * n)
    rise = gaussian_rise(covariance, curvature, temperature) - bias
    return Estimate(rise, float(influence.std(ddof=1)) / np.sqrt(n))
