"""What a run of Equilibrium keeps, of the networks ("net") and of linear regression ("lin"), and of both baths.

Groups of replicas stand in the order of GROUPS; each has R of them. NaN: too few replicas, or too few records.
"""

import math
from typing import Annotated, Any

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.record import Lost
from ...runs.results import Array, Measured, Number, Pair, Result

# In the order in which they train. A group is shown under its name, through `term`.
GROUPS = ("own start, own data", "own start, same data", "same start, own data", "hot start", "cold start", "far start")
OWN, SAME_DATA, SAME_START, HOT, COLD, FAR = range(len(GROUPS))
# The groups that are bodies on the slice, and whose loss is drawn over time; the first is called the usual start.
ON_SLICE = (SAME_DATA, HOT, COLD, FAR)
SYSTEMS = ("net", "lin")
NOTHING = Estimate(math.nan, math.nan)


class Problem(Result):
    """The networks that train."""

    d: Annotated[int, Number("Parameters")]
    diverged: Annotated[list[Lost] | None, Number("Who diverged, and when first")]


class Ends(Result):
    """The solutions through which the slice is cut."""

    another: Annotated[bool, Number("Whether there is a second one; else the far start is a place far away")]
    slope: Annotated[float, Number("Largest gradient of the energy at the solutions")]


class Way(Result):
    """From the cold to the far solution: energies above the cold one."""

    climbs: Annotated[dict[str, Any] | None, Number(
        "From the cold end and from the far one: climbs of the best path found, of the straight line, and of the "
        "slice; None where there is no other solution", "energy", name="way")]
    along: Annotated[np.ndarray | None, Array("p", "Share of the best path found", name="way_along")] = None
    energy: Annotated[np.ndarray | None, Array("p", "Energy on it", "energy", name="way")] = None
    line_along: Annotated[np.ndarray | None, Array("q", "Share of the straight line")] = None
    line: Annotated[np.ndarray | None, Array("q", "Energy on it", "energy")] = None


class Shown(Result):
    """Which groups are bodies on the slice, and how much it hides of them."""

    members: Annotated[list[str], Number("Names of the groups")]
    honesty: Annotated[dict[str, Any] | None, Number("How much the slice hides")] = None


class Course(Result, within=SYSTEMS):
    """The loss over time."""

    steps: Annotated[np.ndarray, Array("p", "Training steps, evenly in their logarithm", name="curve_steps")]
    loss: Annotated[np.ndarray, Array("6 3 p", "Quantiles 0.1, 0.5, 0.9 over the finite replicas of each group",
                                      "energy", name="curve")]


class Agreement(Result, within=SYSTEMS):
    """Whether replicas agree, and what they are worth."""

    r_hat: Annotated[dict[str, dict[str, Estimate]], Number(
        "R-hat by group and observable: of many the median, as ..._max the largest, as ..._split of halves; ratio: of "
        "the aligned parameters over that of the loss")]
    spread: Annotated[dict[str, dict[str, Estimate]], Number(
        "Spread between replicas by group: of loss and test loss over their mean, of the accuracy, and the distance of "
        "aligned parameters from their mean over their length")]
    met: Annotated[dict[str, dict[str, list[float]]], Number(
        "Distance of each group's mean from that of the cold start in loss, function and parameters: value, standard "
        "error, and (squared) in standard errors")]
    shaking: Annotated[dict[str, float], Number("What one replica shakes by in each of these")]
    loss: Annotated[list[float], Number("Mean loss from usual starts", "energy")]
    replicas: Annotated[list[int], Number("Replicas of each group that did not diverge")]

    def apart(self, group: str, name: str) -> Estimate:
        """How far the mean of this group is from that of the cold start, in its own unit."""
        return Estimate(*self.met[group][name][:2])


class Memory(Result, within=SYSTEMS):
    """What replicas remember, from usual starts on the same data."""

    waits: Annotated[np.ndarray, Array("w", "Waiting times", "steps")]
    lags: Annotated[np.ndarray, Array("k", "Lags", "steps")]
    msd: Annotated[Pair, Measured("w k", "Mean squared displacement per parameter; NaN: the record ends before")]
    acf_lags: Annotated[np.ndarray, Array("a", "Lags of the autocorrelation", "steps")]
    acf: Annotated[np.ndarray, Array("a", "Autocorrelation of the loss within replicas")]
    ageing: Annotated[Estimate, Number("Displacement at the end over the early one, own data as well")]
    ageing_lag: Annotated[int, Number("At this lag", "steps")]
    tau: Annotated[Estimate, Number("Correlation time of the loss", "steps")]


class Averages(Result, within=SYSTEMS):
    """Averages over time of three observables (Thirumalai and Mountain); none where replicas or records are too few."""

    omega: Annotated[dict[str, list[float]], Number(
        "By observable: ratio to ergodic chains, its error, whether they are long enough, correlation time in steps")]
    loss_steps: Annotated[np.ndarray | None, Array("l", "Averaged over so many", "steps",
                                                   name="omega_steps_loss")] = None
    loss: Annotated[np.ndarray | None, Array("l", "Scatter of the loss", name="omega_loss")] = None
    loss_ergodic: Annotated[np.ndarray | None, Array("l", "The same of ergodic chains", name="omega_ref_loss")] = None
    function_steps: Annotated[np.ndarray | None, Array("f", "Averaged over so many", "steps",
                                                       name="omega_steps_function")] = None
    function: Annotated[np.ndarray | None, Array("f", "Scatter of the outputs", name="omega_function")] = None
    function_ergodic: Annotated[np.ndarray | None, Array("f", "The same of ergodic chains",
                                                         name="omega_ref_function")] = None
    aligned_steps: Annotated[np.ndarray | None, Array("p", "Averaged over so many", "steps",
                                                      name="omega_steps_aligned")] = None
    aligned: Annotated[np.ndarray | None, Array("p", "Scatter of the matched parameters", name="omega_aligned")] = None
    aligned_ergodic: Annotated[np.ndarray | None, Array("p", "The same of ergodic chains",
                                                        name="omega_ref_aligned")] = None

    def ratio(self, name: str) -> Estimate:
        """Scatter of this observable over that of ergodic chains; NOTHING where it was not measured."""
        return Estimate(*self.omega[name][:2]) if name in self.omega else NOTHING

    def long_enough(self, name: str) -> bool:
        """Whether the chains of this observable are long for its correlation time."""
        return name in self.omega and bool(self.omega[name][2])


class Loops(Result, within=SYSTEMS):
    """The learning rate turned up and down again in stairs, quickest loop first."""

    lr: Annotated[np.ndarray, Array("s", "Learning rates of the stairs", name="loop_lr")]
    holds: Annotated[np.ndarray, Array("v", "Steps on each stair", name="loop_holds")]
    loss: Annotated[Pair, Measured("v s", "Mean loss", "energy", name="loop_loss", error="loop_error")]
    area: Annotated[Pair, Measured("v", "Signed area between both ways", "energy", name="loop_area")]
    diverged: Annotated[np.ndarray, Array("v", "Replicas that diverged on the way", name="loop_diverged")]
    copies: Annotated[np.ndarray, Array("1", "Replicas that never do", name="loop_copies")]
    lag: Annotated[Pair | None, Measured("v", "Share of the expected gap that is seen", name="loop_lag")] = None
    theory: Annotated[np.ndarray | None, Array("v s", "Exact mean loss", "energy", name="loop_theory")] = None


class LinearTheory(Result, within=("lin",)):
    """What linear regression must give."""

    msd: Annotated[np.ndarray, Array("k", "Displacement at the lags, at rest", name="msd_theory")]
    omega: Annotated[np.ndarray, Array("p", "Scatter of averages of the parameters", name="omega_theory")]
    r_hat: Annotated[list[float], Number("R-hat of the parameters: median, largest", name="r_hat_theory")]


class Baths(Result):
    """The cold and the far start under SGD (first) and in isotropic heat."""

    left: Annotated[Pair, Measured("2 w", "Squared distance of both groups' means, of that of the starts")]
    left_times: Annotated[np.ndarray, Array("2 w", "Middle of each part of the run", "time")]
    late: Annotated[dict[str, Estimate], Number("The same over the second half, by bath", name="heat.left")]
    temperature: Annotated[Estimate | None, Number("Of both; None where it is not known", "energy",
                                                   name="heat.temperature")]
    time: Annotated[float, Number("In isotropic heat", "time", name="heat.time")]


class Units(Result):
    """Hidden units that are no copies of one another, under SGD from usual, cold and far starts, in heat from cold and
    far ones. Networks without hidden units have none."""

    units: Annotated[Pair, Measured("5 c", "Distinct units per network")]
    times: Annotated[np.ndarray, Array("5 c", "When they are counted", "time", name="units_times")]
    gained: Annotated[dict[str, Estimate], Number("Distinct units at the end minus at the start, by bath",
                                                  name="heat.gained")]
