"""Langevin steps that keep Boltzmann's law exactly, by accepting or refusing each of them."""

from typing import Any, ClassVar, Literal

import numpy as np

from ..energies.protocol import value_and_force
from ..errors import BadInput
from ..replicas import column, normal, plain
from ..specs import Field, specification
from .integrators import Position, TimeStep


@specification
class MALA:
    """Overdamped Langevin steps (Euler-Maruyama), each accepted or refused so that Boltzmann's law is kept exactly.

    y = x + dt f(x) + sqrt(2 T dt) R is taken with probability min(1, e^(-(E(y) - E(x))/T) q(y -> x)/q(x -> y)), q the
    Gaussian law of the proposal; refused steps, of which a share O(dt^(3/2)) is, stand still. For numpy energies; one
    that is `confining` (a Surface) refuses steps out of its box and into cells without data. Any dt is stable. Sources:
    P. J. Rossky, J. D. Doll and H. L. Friedman, J. Chem. Phys. 69, 4628 (1978); G. O. Roberts and R. L. Tweedie,
    Bernoulli 2, 341 (1996). Raises BadInput at T = 0.
    """

    dt: TimeStep = 0.01
    kind: Literal["mala"] = Field(default="mala", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ()
    heated: ClassVar[bool] = True
    full_batch: ClassVar[bool] = True

    @property
    def step_time(self) -> Any:
        """Time per step: dt."""
        return plain(self.dt)

    def init(self, energy: Any, x: Any, rng: Any) -> Position:
        return Position(x)

    def step(self, energy: Any, state: Position, rng: Any, temperature: Any = 0.0) -> Position:
        x = state.x
        if not np.all(np.asarray(temperature) > 0):
            raise BadInput("MALA needs a temperature above 0: Boltzmann's law at 0 is a point.")
        dt, T = column(self.dt, x), column(temperature, x)
        here, force = value_and_force(energy, x)
        drift = dt * force
        trial = x + drift + (2 * T * dt) ** 0.5 * normal(rng, x)
        allowed = _allowed(energy, trial)
        trial = np.where(allowed[:, None], trial, x)
        there, back = value_and_force(energy, trial)
        away, home = ((step**2 / (4 * T * dt)).sum(axis=1)
                      for step in (trial - x - drift, x - trial - dt * back))
        gain = (here - there) / np.ravel(T) + away - home
        accepted = allowed & (-rng.standard_exponential(len(x)) <= gain)
        return Position(np.where(accepted[:, None], trial, x))


def _allowed(energy: Any, x: np.ndarray) -> np.ndarray:
    """[n]: which of x [n, d] lie where a confining energy has data; all for an energy without walls."""
    if not getattr(energy, "confining", False):
        return np.ones(len(x), dtype=bool)
    low, high = np.asarray(energy.bounds).T
    inside = ((x >= low) & (x <= high)).all(axis=1)
    if np.any(getattr(energy, "mask", False)):
        inside[inside] = ~energy.masked(x[inside])
    return inside
