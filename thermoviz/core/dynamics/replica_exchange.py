"""Replica exchange: balls at a ladder of temperatures that trade places, so that the cold ones get over barriers.

Source: R. H. Swendsen and J.-S. Wang, Phys. Rev. Lett. 57, 2607 (1986); K. Hukushima and K. Nemoto, J. Phys. Soc. Jpn.
65, 1604 (1996).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import whole
from ..errors import BadInput
from .between import Between
from .integrators import Position
from .mala import MALA
from .simulation import simulate


@dataclass(frozen=True, eq=False)
class Exchange:
    """What replica exchange recorded of m independent ladders of k rungs, coldest first.

    x [T, m, k, d] and energy [T, m, k] by rung; temperatures [k]; accepted [k - 1]: share of the trades that took place
    between each rung and the next (NaN where none was tried); steps [T].
    """

    x: np.ndarray
    energy: np.ndarray
    temperatures: np.ndarray
    accepted: np.ndarray
    steps: np.ndarray


class _Trading(Between):
    """A dynamics for ladders of replicas: after every `every`-th step neighbours trade places."""

    def __init__(self, dynamics: MALA, temperatures: np.ndarray, every: int) -> None:
        super().__init__(dynamics)
        self.every, self.beta = every, 1 / temperatures
        self.round = 0
        self.tried = np.zeros(len(temperatures) - 1)
        self.done = np.zeros(len(temperatures) - 1)

    def after(self, energy: Any, state: Position, rng: Any) -> Position:
        return state if self.taken % self.every else Position(self._traded(energy, state.x, rng))

    def _traded(self, energy: Any, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Even and odd pairs of rungs take turns; min(1, e^((1/T_i - 1/T_j)(E_i - E_j))) keeps Boltzmann's law."""
        k = len(self.beta)
        lower = np.arange(self.round % 2, k - 1, 2)
        self.round += 1
        ladders = x.reshape(-1, k, x.shape[1]).copy()
        E = np.asarray(energy(x)).reshape(-1, k)
        gain = (self.beta[lower] - self.beta[lower + 1]) * (E[:, lower] - E[:, lower + 1])
        trade = -rng.standard_exponential(gain.shape) <= gain
        self.tried[lower] += len(ladders)
        self.done[lower] += trade.sum(axis=0)
        cold, hot = ladders[:, lower], ladders[:, lower + 1]
        ladders[:, lower] = np.where(trade[..., None], hot, cold)
        ladders[:, lower + 1] = np.where(trade[..., None], cold, hot)
        return ladders.reshape(x.shape)


def replica_exchange(
    energy: Any, temperatures: Any, x0: Any, steps: int, dt: float | Any, every: int = 10, seed: int = 0,
    record_every: int = 1, progress: Callable[[float], Any] | None = None,
) -> Exchange:
    """m independent ladders of balls at `temperatures` [k] > 0, increasing; neighbours trade every `every` steps.

    x0 [m, k, d]. dt: a number, or one per rung [k] (a hotter ball may need shorter steps). Steps are MALA's and trades
    Metropolis': Boltzmann's law of every rung is kept exactly. The first ladder's trades alternate between even and odd
    pairs. energy, seed, record_every, progress as in `simulate`. Raises BadInput.
    """
    T = _ladder(temperatures)
    start = np.asarray(x0, dtype=np.float64)
    if start.ndim != 3 or start.shape[1] != len(T):
        raise BadInput(f"x0 must have shape [m, {len(T)}, d]: one ball for each of {len(T)} temperatures in each of m "
                       f"ladders; got {list(start.shape)}.")
    every = whole("every", every, 1)
    m, k, d = start.shape
    step = dt if np.ndim(dt) == 0 else tuple(np.tile(np.asarray(dt, dtype=np.float64), m).tolist())
    trading = _Trading(MALA(step), T, every)
    path = simulate(energy, trading, start.reshape(m * k, d), steps, temperature=np.tile(T, m), seed=seed,
                    record_every=record_every, progress=progress)
    with np.errstate(invalid="ignore"):
        accepted = trading.done / trading.tried
    return Exchange(path.x.reshape(-1, m, k, d), path.energy.reshape(-1, m, k), T, accepted, path.steps)


def geometric_ladder(cold: float, hot: float, rungs: int) -> np.ndarray:
    """Temperatures [rungs] from cold to hot at equal ratios: equal acceptance where the heat capacity is constant."""
    rungs = whole("rungs", rungs, 2)
    return _ladder(np.geomspace(cold, hot, rungs) if 0 < cold < hot < np.inf else [cold, hot])


def _ladder(temperatures: Any) -> np.ndarray:
    try:
        T = np.asarray(temperatures, dtype=np.float64)
    except (TypeError, ValueError):
        T = np.empty(0)
    if T.ndim != 1 or len(T) < 2 or not np.isfinite(T).all() or not (T > 0).all() or not (np.diff(T) > 0).all():
        raise BadInput("temperatures must be at least two finite numbers > 0, each larger than the one before, "
                       f"got {temperatures!r}.")
    return T
