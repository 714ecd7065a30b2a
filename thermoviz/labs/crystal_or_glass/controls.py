"""Where everything is known: a convex well under the same cooling, and the instrument for work on two traps."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.dynamics.integrators import Overdamped
from ...core.dynamics.mala import MALA
from ...core.dynamics.simulation import simulate
from ...core.energies.driven import Trap
from ...core.energies.potentials import Harmonic
from ...core.landscape.surfaces import Surface
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate, independent_mean
from ...core.thermodynamics.annealing import harmonic_loop_area
from ...core.thermodynamics.work import dragged_trap, drive, jarzynski, stiffening_trap
from ...runs.pipeline import Report
from .cooling import cycles
from .results import Controls, Ends
from .specification import CrystalOrGlass

# Balls of the controls.
BALLS = 1000
# The convex control: cycles of so many relaxation times 1/k_min, a hold, steps of so many 1/k_max.
LOOPS = (0.3, 1.0, 3.0)
CURVE = (0.1, 100.0)
CURVE_POINTS = 40
HOLD = 5.0
STEP = 0.1
# Its well is as stiff as the deepest valley, but not softer along one axis than this share of the other.
SOFTEST = 0.1
# The two traps: stiffness, speed, time; stiffnesses and time. At T = 1.
DRAGGED = (2.0, 1.0, 2.0)
STIFFENING = (1.0, 4.0, 1.0)
TRAP_STEP = 0.02
TRAP_BALLS = 2000


def controls(spec: CrystalOrGlass, surface: Surface, ends: Ends, report: Report) -> Controls:
    """A convex well as stiff as the deepest valley, and the instrument for work against closed forms."""
    k = well_of(surface)
    loops, hold = _convex_loops(spec, k, ends.hot, ends.cold), _convex_hold(spec, k, ends.hot, ends.cold)
    report(0.6)
    return Controls(k=list(k), **loops, **hold, traps=_traps(spec.seed))


def well_of(surface: Surface) -> tuple[float, float]:
    """Curvatures of a convex well as stiff as the surface's deepest valley."""
    stiff = max(float(np.max(surface.basins.curvatures[0])), 1e-6)
    soft = float(np.min(surface.basins.curvatures[0]))
    return max(soft, SOFTEST * stiff), stiff


def _start(k: tuple[float, float], T: float) -> Callable[[int, np.random.Generator], np.ndarray]:
    return lambda n, draw: draw.standard_normal((n, 2)) * np.sqrt(T / np.array(k))


def _convex_loops(spec: CrystalOrGlass, k: tuple[float, float], hot: float, cold: float) -> dict[str, Any]:
    """Areas of linear heat-cool loops in the convex well, the error of the time step by halving it."""
    areas = []
    for refine in (1, 2):
        dt = STEP / k[1] / refine
        steps = [round(loop / k[0] / dt) for loop in LOOPS]
        found = cycles(Harmonic(k), _start(k, hot), "linear", hot, cold, steps, BALLS, dt, spec.seed + refine)
        areas.append([independent_mean(cycle.area) for cycle in found])
        times = [n * dt for n in steps]
    errors = [math.hypot(fine.stderr, fine.value - coarse.value) for coarse, fine in zip(*areas, strict=True)]
    curve = np.geomspace(CURVE[0], CURVE[1], CURVE_POINTS) / k[0]
    return {"curve_times": curve.tolist(),
            "curve_area": [harmonic_loop_area(k, hot, cold, float(time)) for time in curve],
            "loop_times": times, "loop_area": [fine.value for fine in areas[1]], "loop_area_error": errors,
            "loop_area_exact": [harmonic_loop_area(k, hot, cold, time) for time in times]}


def _convex_hold(spec: CrystalOrGlass, k: tuple[float, float], hot: float, cold: float) -> dict[str, Any]:
    """Energy after a quench minus that after slow cooling, both then held for 5/k_min at the cold temperature.

    In units of the surface's scale: measured, exact, and exact without the hold.
    """
    dt = STEP / k[1]
    cooling, hold = round(LOOPS[-1] / k[0] / dt), math.ceil(HOLD / k[0] / dt)
    group = np.repeat([0, 1], BALLS)

    def bath(step: int) -> np.ndarray:
        share = min(step / cooling, 1.0)
        return np.where(group == 0, hot if share < 1 else cold, hot + (cold - hot) * share)

    x0 = _start(k, hot)(2 * BALLS, rng(spec.seed, "control"))
    path = simulate(Harmonic(k), Overdamped(dt), x0, cooling + hold, bath, seed=spec.seed, record_every=cooling + hold)
    scale = hot / spec.hot
    fast, slow = (independent_mean(path.energy[-1, group == which]) for which in (0, 1))
    at_once, exact = (_excess(k, hot, cold, cooling * dt, held * dt) for held in (0, hold))
    gain = Estimate((fast.value - slow.value) / scale, math.hypot(fast.stderr, slow.stderr) / scale)
    return {"gain": gain, "gain_exact": exact / scale, "gain_at_once": at_once / scale}


def _excess(k: tuple[float, float], hot: float, cold: float, time: float, hold: float) -> float:
    """Energy after a quench and a hold, minus that after linear cooling in `time` and the same hold; exact.

    <k x^2>/2 = T/2 + lag, lag' = -2 k lag - T'/2: of the quench (hot - cold)/2, of the slow one its own integral.
    """
    stiffness = np.array(k)
    lag = (hot - cold) / 2 * (1 - (1 - np.exp(-2 * stiffness * time)) / (2 * stiffness * time))
    return float((lag * np.exp(-2 * stiffness * hold)).sum())


def _traps(seed: int) -> dict[str, Any]:
    """Mean work and free energy of a dragged and of a stiffening trap, measured and in closed form, T = 1."""
    (k, speed, time), (k0, k1, ramp) = DRAGGED, STIFFENING
    cases = {
        "dragged": (lambda share: Trap(k, speed * time * share), k, time, dragged_trap(k, speed, time, 1.0)),
        "stiffening": (lambda share: Trap(k0 + (k1 - k0) * share), k0, ramp, stiffening_trap(k0, k1, ramp, 1.0))}
    out: dict[str, Any] = {}
    for name, (family, stiffness, length, law) in cases.items():
        coarse, fine = (_driven(family, stiffness, length, TRAP_STEP / refine, seed + refine) for refine in (1, 2))
        mean, before = independent_mean(fine), independent_mean(coarse)
        dF = jarzynski(fine, 1.0)
        out[name] = {
            "work": mean.value, "work_error": math.hypot(mean.stderr, mean.value - before.value),
            "work_exact": law.mean, "spread": float(fine.std(ddof=1)), "spread_exact": math.sqrt(law.variance),
            "dF": dF.value, "dF_error": dF.stderr, "dF_exact": law.free_energy}
    return out


def _driven(family: Callable[[float], Any], k: float, time: float, dt: float, seed: int) -> np.ndarray:
    steps = round(time / dt)
    x0 = rng(seed, "trap").standard_normal((TRAP_BALLS, 1)) / math.sqrt(k)
    return drive(family, np.linspace(0, 1, steps + 1), MALA(dt), x0, 1.0, seed).work
