"""What cooling and driving show, as verdicts: each with its error, its theory and the case in which it must fail."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.annealing import harmonic_loop_area
from ..core.dynamics import Overdamped
from ..core.energies import Harmonic
from ..core.estimators import independent_mean
from ..core.seeds import rng
from ..core.simulation import simulate
from ..core.work import MALA, Trap, dragged_trap, drive, jarzynski, stiffening_trap
from .cooling import cycles
from .verdict import Verdict

if TYPE_CHECKING:
    from ..core.surfaces import Surface
    from .crystal_or_glass import CrystalOrGlass

# Balls of the controls, fewer than which no verdict on a share is given, and standard errors that agree.
BALLS = 1000
FEWEST = 20
AGREE = 3.0
# A gain below this share of the balls counts as none.
NO_GAIN = 0.05
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


# Controls


def controls(
    spec: "CrystalOrGlass", surface: "Surface", hot: float, cold: float, report: Callable[[float], Any],
) -> dict[str, Any]:
    """Numbers `control` (a convex well) and `traps` (the instrument against closed forms)."""
    k = well_of(surface)
    control = {"k": list(k), **_convex_loops(spec, k, hot, cold), **_convex_hold(spec, k, hot, cold)}
    report(0.6)
    return {"control": control, "traps": _traps(spec.seed)}


def well_of(surface: "Surface") -> tuple[float, float]:
    """Curvatures of a convex well as stiff as the surface's deepest valley."""
    stiff = max(float(np.max(surface.basins.curvatures[0])), 1e-6)
    soft = float(np.min(surface.basins.curvatures[0]))
    return max(soft, SOFTEST * stiff), stiff


def _start(k: tuple[float, float], T: float) -> Callable[[int, np.random.Generator], np.ndarray]:
    return lambda n, draw: draw.standard_normal((n, 2)) * np.sqrt(T / np.array(k))


def _convex_loops(spec: "CrystalOrGlass", k: tuple[float, float], hot: float, cold: float) -> dict[str, Any]:
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


def _convex_hold(spec: "CrystalOrGlass", k: tuple[float, float], hot: float, cold: float) -> dict[str, Any]:
    """Energy after a quench minus that after slow cooling, both then held for 5/k_min at the cold temperature."""
    dt = STEP / k[1]
    cooling, hold = round(LOOPS[-1] / k[0] / dt), math.ceil(HOLD / k[0] / dt)
    group = np.repeat([0, 1], BALLS)

    def bath(step: int) -> np.ndarray:
        share = min(step / cooling, 1.0)
        return np.where(group == 0, hot if share < 1 else cold, hot + (cold - hot) * share)

    x0 = _start(k, hot)(2 * BALLS, rng(spec.seed, "control"))
    path = simulate(Harmonic(k), Overdamped(dt), x0, cooling + hold, bath, seed=spec.seed, record_every=cooling + hold)
    fast, slow = (independent_mean(path.energy[-1, group == which]) for which in (0, 1))
    return {"gain": fast.value - slow.value, "gain_error": math.hypot(fast.stderr, slow.stderr)}


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


# Verdicts


def verdicts(
    spec: "CrystalOrGlass", arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any],
) -> list[Verdict]:
    """The claims of the lab, from the numbers of a whole run."""
    return [_gain(spec, arrays, numbers), _exchange(spec, numbers), _work(arrays, numbers), _no_gain(numbers),
            _loop(numbers), _dragged(numbers), _stiffening(numbers)]


def gained(gain: float, error: float, threshold: float) -> bool | None:
    """True: above 0 by two errors; False: surely below the threshold; None: cannot tell."""
    if gain > 2 * error:
        return True
    return False if gain + 2 * error < threshold else None


def agrees(found: float, error: float, theory: float) -> bool:
    """Within three standard errors."""
    return abs(found - theory) <= AGREE * error


def _gain(spec: "CrystalOrGlass", arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    mass, error, exact = arrays["mass"], arrays["mass_error"], arrays["mass_exact"]
    gain, stderr = float(mass[-1] - mass[0]), math.hypot(error[0], error[-1])
    scale = numbers["T_hot"] / spec.hot
    return Verdict(
        "Gain of slow over fast cooling", gain, stderr, float(exact[-1] - exact[0]), numbers["control"]["gain"] / scale,
        None if spec.balls < FEWEST else gained(gain, stderr, NO_GAIN),
        "Share of the balls in the deepest valley, slowest minus quickest cooling; theory is the exact evolution, the "
        "control what is gained in a convex well (energy, in barriers). The analogy breaks where slow cooling only has "
        "more steps: a network trained longer at one temperature may gain as much.")


def _exchange(spec: "CrystalOrGlass", numbers: Mapping[str, Any]) -> Verdict:
    found, theory = numbers["exchange"], numbers["share_cold"]
    enough = found["ladders"] >= FEWEST
    return Verdict(
        "Replica exchange, a tenth of the steps", found["mass"], found["mass_error"], theory, None,
        found["mass"] > theory - AGREE * found["mass_error"] if enough else None,
        "Share in the deepest valley at the cold end, where balls at eight temperatures trade places; theory is "
        "Boltzmann's share. It is a way to sample, not something that training does.")


def _work(arrays: Mapping[str, np.ndarray], numbers: Mapping[str, Any]) -> Verdict:
    dF, error, exact = float(arrays["drive_dF"][-1]), float(arrays["drive_dF_error"][-1]), numbers["drive"]["dF_exact"]
    refused = math.isnan(dF)
    return Verdict(
        "Free energy from work (Jarzynski)", dF, error, exact, float(arrays["work_mean"][0]),
        None if refused else agrees(dF, error, exact),
        "From the work of the slowest pull; the control is the mean work of the quickest, which dissipates and is no "
        "free energy. Where fewer than 50 weights count it is refused. Exact for steps that keep Boltzmann's law; SGD "
        "does not.")


def _no_gain(numbers: Mapping[str, Any]) -> Verdict:
    control = numbers["control"]
    return Verdict(
        "Convex well: cooling slowly gains nothing", control["gain"], control["gain_error"], 0.0, None,
        agrees(control["gain"], control["gain_error"], 0.0),
        "Energy after a quench minus that after slow cooling, both held for five relaxation times: with one valley "
        "there is no glass.")


def _loop(numbers: Mapping[str, Any]) -> Verdict:
    control = numbers["control"]
    area, error, exact = (control[name][1] for name in ("loop_area", "loop_area_error", "loop_area_exact"))
    return Verdict(
        "Convex well: area of the heat-cool loop", area, error, exact, None, agrees(area, error, exact),
        "Even one valley lags behind its bath, by a known area. So a loop alone is no sign of a glass: what counts is "
        "whether it outlasts the slowest relaxation of a valley.")


def _trap(numbers: Mapping[str, Any], name: str, title: str, sentence: str) -> Verdict:
    found = numbers["traps"][name]
    right = agrees(found["work"], found["work_error"], found["work_exact"]) and agrees(
        found["dF"], found["dF_error"], found["dF_exact"])
    return Verdict(title, found["work"], found["work_error"], found["work_exact"], found["dF"], right, sentence)


def _dragged(numbers: Mapping[str, Any]) -> Verdict:
    return _trap(numbers, "dragged", "The instrument: a dragged trap",
                 "Mean work of dragging a trap, against its closed form; the control is Jarzynski's free energy of the "
                 "same pulls, which must be 0: moving a trap changes nothing but the place.")


def _stiffening(numbers: Mapping[str, Any]) -> Verdict:
    return _trap(numbers, "stiffening", "The instrument: a stiffening trap",
                 "Mean work of stiffening a trap fourfold, against its closed form; the control is Jarzynski's free "
                 "energy of the same pulls, which must be 1/2 ln 4 = 0.693 at T = 1, below the work.")

