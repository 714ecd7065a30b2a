"""What a run of CrystalOrGlass keeps. Over cooling times (m) and drives (q) the quickest stands first."""

from typing import Annotated

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.results import Array, Measured, Number, Pair, Result


class Ends(Result):
    """The temperatures between which everything is cooled and heated, and the balls' time step."""

    hot: Annotated[float, Number("Temperature at the start", "energy", name="T_hot")]
    cold: Annotated[float, Number("Temperature at the end", "energy", name="T_cold")]
    dt: Annotated[float, Number("Step of the balls", "time")]


class Exact(Result):
    """What infinitely many balls would do, without an error of the time step."""

    steps: Annotated[np.ndarray, Array("m", "Steps of cooling", name="cool_steps")]
    times: Annotated[np.ndarray, Array("m", "The same as time", "time", name="cool_times")]
    mass: Annotated[Pair, Measured("m", "Share in the deepest valley at the coldest moment, and its numerical error",
                                   name="mass_exact")]
    energy_cold: Annotated[np.ndarray, Array("m", "Mean energy then", "energy", name="energy_cold_exact")]
    area: Annotated[np.ndarray, Array("m", "Signed area of the loop", "energy^2", name="area_exact")]
    loop_share: Annotated[np.ndarray, Array("p", "Share of a cycle, 0 to 2, coldest at 1")]
    loop_T: Annotated[np.ndarray, Array("p", "Temperature of the bath then", "energy")]
    loop_E: Annotated[np.ndarray, Array("3 p", "Mean energy of the quickest, a middle and the slowest cycle", "energy",
                                        name="loop_E_exact")]
    loop_E_equilibrium: Annotated[np.ndarray, Array("p", "The same in equilibrium", "energy")]
    share_hot: Annotated[float, Number("Share of the deepest valley in hot equilibrium")]
    share_cold: Annotated[float, Number("The same in cold equilibrium")]
    waited: Annotated[float, Number("What a quench gains by waiting in the cold as long as the slowest cooling takes")]
    stage: Annotated[float, Number("What the stage's annealing leaves in the deepest valley")]


class Cooled(Result):
    """The same of the balls."""

    mass: Annotated[Pair, Measured("m", "Share in the deepest valley at the coldest moment")]
    energy_cold: Annotated[Pair, Measured("m", "Mean energy then", "energy")]
    area: Annotated[Pair, Measured("m", "Signed area of the loop", "energy^2")]
    loop_E: Annotated[np.ndarray, Array("3 p", "Mean energy of the quickest, a middle and the slowest cycle", "energy")]


class Exchange(Result):
    """Replica exchange: the strong alternative."""

    mass: Annotated[Estimate, Number("Share in the deepest valley at the cold end", name="exchange.mass",
                                     error="_error")]
    steps: Annotated[int, Number("Steps of each ball", name="exchange.steps")]
    ladders: Annotated[int, Number("Independent ladders of temperatures", name="exchange.ladders")]
    temperatures: Annotated[list[float], Number("Rungs of a ladder", "energy", name="exchange.temperatures")]
    accepted: Annotated[list[float], Number("Share of exchanges between neighbouring rungs", name="exchange.accepted")]


class Drives(Result):
    """Work of tilting the landscape, from equilibrium at the hot temperature."""

    steps: Annotated[np.ndarray, Array("q", "Steps of the pull", name="drive_steps")]
    times: Annotated[np.ndarray, Array("q", "The same as time", "time", name="drive_times")]
    mean: Annotated[Pair, Measured("q", "Mean work", "energy", name="work_mean", error="work_error")]
    dF: Annotated[Pair, Measured("q", "Jarzynski's free energy; NaN: refused", "energy", name="drive_dF")]
    kish: Annotated[np.ndarray, Array("q", "How many weights count", name="drive_kish")]
    work: Annotated[np.ndarray, Array("2 n", "Work of each ball, of the quickest and of the slowest pull", "energy")]
    T: Annotated[float, Number("Temperature", "energy", name="drive.T")]
    dF_exact: Annotated[float, Number("Exact free energy", "energy", name="drive.dF_exact")]
    slope: Annotated[list[float], Number("Of the tilt", name="drive.slope")]


class Controls(Result):
    """Where everything is known: a convex well under the same cooling, and work on two traps."""

    k: Annotated[list[float], Number("Curvatures of the convex well", name="control.k")]
    curve_times: Annotated[list[float], Number("Cooling times of the closed form", "time", name="control.curve_times")]
    curve_area: Annotated[list[float], Number("Areas of its loops", "energy^2", name="control.curve_area")]
    loop_times: Annotated[list[float], Number("Cooling times", "time", name="control.loop_times")]
    loop_area: Annotated[list[float], Number("Areas of the loops of balls", "energy^2", name="control.loop_area")]
    loop_area_error: Annotated[list[float], Number("Their standard errors", "energy^2", name="control.loop_area_error")]
    loop_area_exact: Annotated[list[float], Number("Their closed form", "energy^2", name="control.loop_area_exact")]
    gain: Annotated[Estimate, Number("Energy after a quench minus that after slow cooling, both then held", "barriers",
                                     name="control.gain", error="_error")]
    gain_exact: Annotated[float, Number("The same, exactly", "barriers", name="control.gain_exact")]
    gain_at_once: Annotated[float, Number("The same without the hold", "barriers", name="control.gain_at_once")]
    traps: Annotated[dict[str, dict[str, float]], Number(
        "Of the dragged and the stiffening trap: work, its spread and the free energy dF, measured and exact", "T")]


class Networks(Result):
    """Groups of networks, each cooled in its own time, the quenched one first, on several problems."""

    steps: Annotated[np.ndarray, Array("T", "Steps", name="net_steps")]
    T: Annotated[np.ndarray, Array("T g", "Temperature of each group", "nats", name="net_T")]
    loss_mean: Annotated[np.ndarray, Array("T g", "Mean loss of those that did not diverge", "nats",
                                           name="net_loss_mean")]
    final: Annotated[np.ndarray, Array("g p r", "Loss at the end, by problem; NaN: diverged", "nats", name="net_final")]
    control: Annotated[np.ndarray, Array("2 p r", "The same of linear networks, quenched and slowest", "nats",
                                         name="net_control")]
    d: Annotated[int, Number("Parameters", name="networks.d")]
    cooled: Annotated[list[float], Number("Steps over which each group is cooled", name="networks.cooled")]
    crystal: Annotated[list[float | None], Number("Share of each group near the best of its problem",
                                                  name="networks.crystal")]
    crystal_error: Annotated[list[float | None], Number("Its standard error", name="networks.crystal_error")]
