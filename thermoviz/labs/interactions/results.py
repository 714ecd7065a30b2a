"""What a run of Interactions keeps, and the conditions that it compares."""

from typing import Annotated, NamedTuple

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.record import Lost
from ...runs.results import Array, Measured, Number, Pair, Result

# Regularisers, by the names under which a run keeps them, in the order of the arrays [5, ...].
BATHS = ("none", "l2", "l1", "dropout", "labels")


class Minima(Result):
    """The minimum, over k growing strengths of the regulariser."""

    strengths: Annotated[np.ndarray, Array("k", "Of the regulariser", "energy")]
    jumped: Annotated[np.ndarray, Array("j", "Whether the minimum vanished on the way to the next strength")]
    data: Annotated[np.ndarray, Array("k", "Train loss", "energy", name="minimum_data")]
    test: Annotated[np.ndarray, Array("k", "Test loss; NaN without a test part", "energy", name="minimum_test")]
    added: Annotated[np.ndarray, Array("k", "The regulariser at strength 1", name="minimum_added")]
    imbalance: Annotated[np.ndarray, Array("k", "Total force over the regulariser's", name="minimum_imbalance")]
    d: Annotated[int, Number("Parameters")]
    valley: Annotated[list[float], Number("Strengths between which the minimum moves without a jump", "energy")]
    members: Annotated[list[str], Number("What the first path on the slice is called, and what all others are")]


class Forces(Result):
    """Derivatives by the strength along the minima; errors from halving the step."""

    strength: Annotated[float, Number("Where", "energy", name="forces.strength")]
    data: Annotated[Estimate, Number("Of the train loss", name="forces.data", error="_error")]
    data_theory: Annotated[float, Number("The same from one minimum alone", name="forces.data_theory")]
    random: Annotated[float, Number("The same for a random force as long as the regulariser's", name="forces.random")]
    total: Annotated[Estimate, Number("Of the lowest total energy", name="forces.total", error="_error")]
    total_theory: Annotated[float, Number("The regulariser's own energy", name="forces.total_theory")]


class Parts(Result):
    """Both energies on the slice, and the minima there."""

    places: Annotated[np.ndarray, Array("k 2", "The minima", name="minimum_u")]
    residual: Annotated[np.ndarray, Array("k", "Their distance from the slice", name="minimum_residual")]
    data: Annotated[np.ndarray, Array("nx ny", "Train loss", "energy", name="slice_data", dtype="float32")]
    added: Annotated[np.ndarray, Array("nx ny", "The regulariser at strength 1", name="slice_added", dtype="float32")]


class BathNumbers(NamedTuple):
    """One bath in numbers, with their errors; see `baths.described`."""

    trace: float
    trace_error: float
    ratio: float
    ratio_error: float
    T: float
    T_error: float
    participation: float
    participation_error: float
    alignment: float
    alignment_error: float
    leading: float
    leading_error: float
    loss_shift: float
    loss_shift_error: float
    pull: float
    pull_error: float

    def found(self, name: str) -> Estimate:
        """The number `name` with its error."""
        return Estimate(getattr(self, name), getattr(self, f"{name}_error"))


class Bath(NamedTuple):
    """What was drawn, and the same from going through all masks or labels (None: too many)."""

    measured: BathNumbers
    theory: BathNumbers | None


class Baths(Result):
    """The bath of each of BATHS, at one place."""

    baths: Annotated[dict[str, Bath], Number("By the name of what is added")]


class Work(NamedTuple):
    """What a group of work values says; None: refused."""

    work: float | None
    work_error: float | None
    dF: float | None
    dF_error: float | None
    kish: float
    lost: int

    @property
    def mean(self) -> Estimate | None:
        """Mean work."""
        return None if self.work is None or self.work_error is None else Estimate(self.work, self.work_error)

    @property
    def free_energy(self) -> Estimate | None:
        """Jarzynski's dF."""
        return None if self.dF is None or self.dF_error is None else Estimate(self.dF, self.dF_error)


class LoopWork(NamedTuple):
    """Work of a loop over T: measured, its error, and exact."""

    work: float
    error: float
    exact: float


class Loop(NamedTuple):
    """Work around a loop of two strengths; group: the weights with the first strength."""

    group: list[int]
    ends: list[float]
    steps: int
    walkers: int
    sgd: LoopWork
    isotropic: LoopWork


class LinearRamps(Result):
    """Ramps of weight decay on linear regression: over q lengths, the quickest first."""

    work: Annotated[np.ndarray, Array("2 n", "Of the slowest: forth; back with its sign turned", "energy",
                                      name="linear_work")]
    steps: Annotated[list[int], Number("Lengths", name="linear.steps")]
    groups: Annotated[list[Work], Number("What each says", name="linear.groups")]
    back: Annotated[Work, Number("The slowest on the way back, its sign turned", name="linear.back")]
    sgd: Annotated[Work, Number("The same ramp for SGD", name="linear.sgd")]
    sudden: Annotated[Estimate, Number("Mean work of switching at once", "energy", name="linear.sudden",
                                       error="_error")]
    T: Annotated[float, Number("Temperature", "energy", name="linear.T")]
    dF: Annotated[float, Number("Exact", "energy", name="linear.dF")]
    h: Annotated[list[float], Number("Curvatures of the data", name="linear.h")]
    ends: Annotated[list[float], Number("First and last strength", "energy", name="linear.ends")]


class Loops(Result):
    """Work around a loop on linear regression."""

    loop: Annotated[Loop, Number("In units of T", name="linear.loop")]


class Training(Result):
    """Networks trained under each of BATHS, m of them each, from the same starts."""

    steps: Annotated[np.ndarray, Array("T", "Training steps", name="train_steps")]
    train: Annotated[np.ndarray, Array("T 5 m", "Train loss; NaN once diverged", "energy", name="train_loss")]
    test: Annotated[np.ndarray, Array("T 5 m", "Test loss; NaN without a test part", "energy", name="test_loss")]
    diverged_at: Annotated[np.ndarray, Array("5 m", "Step; -1: never", name="train_diverged_at")]


class Gaps(Result):
    """Means over the networks that stayed finite, late in training."""

    gap: Annotated[Pair, Measured("5", "Test minus train loss", "energy")]
    train: Annotated[Pair, Measured("5", "Train loss", "energy", name="end_train")]
    test: Annotated[Pair, Measured("5", "Test loss", "energy", name="end_test")]
    lost: Annotated[np.ndarray, Array("5", "How many diverged")]


class Outcome(Result):
    """What became of the trainings."""

    diverged: Annotated[list[Lost] | None, Number("Who diverged, and when first")]


class NetworkRamp(Result):
    """Walkers around the network, while weight decay is ramped."""

    work: Annotated[np.ndarray, Array("2 n", "Forth; back with its sign turned", "energy", name="network_work")]
    slow: Annotated[Work, Number("What the way forth says", name="network.slow")]
    back: Annotated[Work, Number("The same of the way back, its sign turned", name="network.back")]
    sudden: Annotated[Estimate | None, Number("Mean work of switching at once", "energy", name="network.sudden",
                                              error="_error")]
    dF: Annotated[float, Number("By the harmonic formula", "energy", name="network.dF")]
    T: Annotated[float, Number("Temperature", "energy", name="network.T")]
    ends: Annotated[list[float], Number("First and last strength", "energy", name="network.ends")]
    steps: Annotated[int, Number("Of the ramp", name="network.steps")]
    anharmonic: Annotated[Estimate | None, Number("What the harmonic formula lacks; None: not known", "energy",
                                                  name="network.anharmonic", error="_error")]


class Walkers(Result):
    """Means over the walkers, along the ramp."""

    strengths: Annotated[np.ndarray, Array("T", "Of weight decay", "energy", name="ramp_strengths")]
    train: Annotated[Pair, Measured("T", "Train loss", "energy", name="ramp_train")]
    test: Annotated[Pair, Measured("T", "Test loss; NaN without a test part", "energy", name="ramp_test")]
    gap: Annotated[Pair, Measured("T", "Test minus train loss", "energy", name="ramp_gap")]
