"""What a run of HeatBath keeps, and what its conditions are called."""

import math
from typing import Annotated, NamedTuple

import numpy as np

from ...core.errors import BadInput, TooFewSamples
from ...core.statistics.estimators import Estimate, ratio_of_means
from ...runs.record import Lost
from ...runs.results import Array, Measured, Number, Pair, Result

# How copies are shaken, by the names under which a run keeps them; `words.condition` says them to a visitor.
SGD, FRESH, MOMENTUM, EPOCHS = "SGD", "fresh draws", "momentum", "shuffled epochs"
ISOTROPIC, FULL_BATCH = "isotropic heat", "full batch"
SLOWER, FASTER, EQUAL = "half the rate", "twice the rate", "equal lr/B"
# Of linear regression alone.
QUARTER_OF_BOTH, QUARTER_OF_RATE = "a quarter of rate and batch", "a quarter of the rate"
# Conditions whose rows stand side by side in arrays [2, ...], and whose copies are drawn on the slice.
SHOWN = (SGD, ISOTROPIC)


NOTHING = Estimate(math.nan, math.nan)


def ratio_or_nothing(numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
    """The ratio of the means over copies; NOTHING where they are too few, or some have diverged."""
    try:
        return ratio_of_means(numerator, denominator)
    except (TooFewSamples, BadInput):
        return NOTHING


class Place(NamedTuple):
    """The noise at one place, in numbers; see `core.fluctuations.gradient_noise.Bath`."""

    trace_C: float
    participation: Estimate
    alignment: Estimate
    chance: Estimate
    trace_H: Estimate


class Noise(Result):
    """The noise of single samples at three places: the start, half-way down, and the minimum."""

    eigenvalues: Annotated[np.ndarray, Array("3 k", "Of the gradient covariance C, largest first", name="bath_noise")]
    curvatures: Annotated[np.ndarray, Array("3 m", "Eigenvalues of the Hessian, largest first", name="bath_h")]
    losses: Annotated[np.ndarray, Array("3", "The energy there", "energy", name="bath_loss")]
    places: Annotated[list[Place], Number("Traces, participation and alignment there", name="bath")]
    d: Annotated[int, Number("Parameters")]
    loss: Annotated[float, Number("Energy of the minimum", "energy")]
    T: Annotated[float, Number("Temperature lr tr C / 2 B n, over the n directions that samples push in", "energy")]
    step: Annotated[float, Number("Learning rate times the largest curvature")]


class Kicks(Result):
    """The shape of the noise along its leading direction at the minimum."""

    z: Annotated[np.ndarray, Array("N", "Pushes of single samples", "standard deviations", name="shape_z")]
    kurtosis: Annotated[float, Number("Excess kurtosis of single samples")]
    kicks: Annotated[Estimate, Number("Excess kurtosis of a batch's mean")]


class Dark(Result):
    """Directions in which no sample pushes."""

    counts: Annotated[list[int | None], Number("At the minimum: counted, and computed", name="dark")]
    copied: Annotated[int | None, Number("Once half of the hidden units are copies of others", name="dark_copied")]
    begun: Annotated[int | None, Number("Of the random network that training began with", name="dark_begun")]
    distinct: Annotated[list[int], Number("Hidden units that differ at the minimum, layer by layer")]
    copied_noise: Annotated[np.ndarray | None, Array("k", "Eigenvalues of C once half of the units are copies")] = None

    @property
    def counted(self) -> int | None:
        """At the minimum; None where it is too much work to count."""
        return self.counts[0]

    @property
    def computed(self) -> int | None:
        """At the minimum, by theory; None where there is none."""
        return self.counts[1]


class Slice(Result):
    """The plane of two Hessian directions, and the heat of the data in it."""

    modes: Annotated[list[int], Number("Which directions, the stiffest being 0", name="plane_modes")]
    T_of_batch_1: Annotated[list[float], Number("Temperature in the plane at batch size 1", "energy")]
    T_slice: Annotated[list[float], Number("Temperature in the plane", "energy")]


class Courses(Result):
    """Fluctuation-dissipation (FDR1) over growing times, for each condition; 1 where it holds."""

    steps: Annotated[np.ndarray, Array("b", "Steps up to which is averaged", name="fdr_steps")]
    ratios: Annotated[Pair, Measured("c b", "Left side over right side, with the gradient of all samples", name="fdr")]
    identities: Annotated[np.ndarray, Array("c b", "The same with the batch's own gradient", name="fdr_identity")]
    conditions: Annotated[list[str], Number("Their names")]
    burn_in: Annotated[int, Number("Steps that are not counted")]
    settled: Annotated[bool, Number("Whether the softest direction forgot the start")]

    def row(self, condition: str) -> int:
        """Of a condition in the arrays."""
        return self.conditions.index(condition)


class Outcome(Result):
    """What became of the copies."""

    diverged: Annotated[list[Lost] | None, Number("Who diverged, and when first")]
    members: Annotated[list[str], Number("Conditions whose copies are drawn on the slice")]


class Relations(Result):
    """FDR1 of the whole stationary state."""

    ratios: Annotated[dict[str, Estimate], Number("For each condition", name="stationary.ratios")]
    epochs: Annotated[float | None, Number("Theory for shuffled epochs", name="stationary.epochs")]


class Modes(Result):
    """<y dE/dy> of each direction y of the Hessian, of the conditions SHOWN: T in equilibrium."""

    h: Annotated[np.ndarray, Array("m", "Curvatures, largest first", name="modes_h")]
    theory: Annotated[np.ndarray, Array("m", "By the exact law of SGD", "energy", name="modes_theory")]
    T: Annotated[Pair, Measured("2 m", "Means of y dE/dy", "energy", name="modes_T")]
    kept: Annotated[np.ndarray, Array("m", "Whether the run was long enough for it", name="modes_kept", dtype="int8")]
    lit: Annotated[np.ndarray, Array("m", "Whether samples push in it", name="modes_lit", dtype="int8")]
    directions: Annotated[int, Number("How many are kept", name="stationary.kept")]
    spread: Annotated[dict[str, Estimate], Number("Standard deviation over mean of the kept ones",
                                                  name="stationary.spread")]
    spread_theory: Annotated[Estimate | None, Number("Of SGD, with the bend of the valley",
                                                     name="stationary.spread_theory")]
    spread_law: Annotated[float, Number("Of SGD, by the law of parabolas", name="stationary.spread_law")]
    spread_step: Annotated[float, Number("Of isotropic heat, by the finite step", name="stationary.spread_step")]


class Thermometers(Result):
    """Readings of four thermometers, of the conditions SHOWN."""

    readings: Annotated[Pair, Measured("2 4", "Readings, in the order of `stationary.THERMOMETERS`", "energy",
                                       name="thermometers")]
    theory: Annotated[np.ndarray, Array("4", "By the exact law of SGD", "energy", name="thermometers_theory")]
    uneven: Annotated[dict[str, Estimate], Number("The third over the second", name="stationary.uneven")]
    uneven_theory: Annotated[Estimate | None, Number("Of SGD, with the bend of the valley",
                                                     name="stationary.uneven_theory")]


class EqualRatio(Result):
    """Excess loss over that of another condition."""

    measured: Annotated[Estimate, Number("Over the pair with equal lr/B", name="stationary.equal")]
    theory: Annotated[float | None, Number("The same by the exact law", name="stationary.equal_theory")]
    control: Annotated[Estimate, Number("Over half the rate at the same batch", name="stationary.equal_control")]


class Currents(Result):
    """Areas that copies sweep per unit of time in planes of leading directions, of the conditions SHOWN."""

    pairs: Annotated[np.ndarray, Array("p 2", "The planes' directions", name="area_pairs")]
    area: Annotated[Pair, Measured("2 p", "Areas", "energy")]
    theory: Annotated[np.ndarray, Array("p", "By the exact law of SGD", "energy", name="area_theory")]
    production: Annotated[Estimate, Number("Entropy production in the slice", "nats per lr × steps",
                                           name="stationary.production_0")]
    production_control: Annotated[Estimate, Number("The same under isotropic heat", "nats per lr × steps",
                                                   name="stationary.production_1")]
    production_theory: Annotated[float | None, Number("The same by the exact law", "nats per lr × steps",
                                                      name="stationary.production_theory")]
    turning: Annotated[Estimate, Number("All areas over those of the law", name="stationary.turning_0")]
    turning_control: Annotated[Estimate, Number("The same under isotropic heat", name="stationary.turning_1")]
    turning_theory: Annotated[Estimate | None, Number("By the exact law it is 1; with the bend of the valley",
                                                      name="stationary.turning_theory")]


class RateLaw(Result):
    """Training at equal lr x steps: of pairs with equal lr/B, and of rates at one batch size."""

    factors: Annotated[np.ndarray, Array("a", "Of the learning rate", name="law_k")]
    lr: Annotated[np.ndarray, Array("2 a", "Learning rates", name="law_lr")]
    B: Annotated[np.ndarray, Array("2 a", "Batch sizes", name="law_B")]
    excess: Annotated[np.ndarray, Array("2 a", "Loss above the minimum, late", "energy", name="law_excess")]
    excess_error: Annotated[np.ndarray, Array("2 a", "Its standard error", "energy", name="law_error")]
    time: Annotated[np.ndarray, Array("t", "Learning rate x steps", name="law_curve_time")]
    curves: Annotated[np.ndarray, Array("2 a t", "Median loss", "energy", name="law_curve")]
    breaks_at: Annotated[float | None, Number("The first rate at which equal lr/B is off", name="law.breaks_at")]
    diverged: Annotated[dict[str, int], Number("How many, by rate and batch", name="law.diverged")]


class Whirl(NamedTuple):
    """Entropy production in a well with a rotation added, and without: measured, and exact."""

    production: Estimate
    production_exact: float
    control: Estimate
    control_exact: float


class Linear(Result):
    """Linear regression: covariances in units of their diagonals, of three conditions; relations of all `names`."""

    covariances: Annotated[Pair, Measured("q", "Measured entries", name="linear")]
    exact: Annotated[np.ndarray, Array("q", "By the exact law", name="linear_exact")]
    additive: Annotated[np.ndarray, Array("q", "By noise that is the same everywhere", name="linear_additive")]
    names: Annotated[list[str], Number("Conditions", name="linear.names")]
    epochs: Annotated[float, Number("Theory of FDR1 for shuffled epochs", name="linear.epochs")]
    diverged: Annotated[int, Number("Copies that diverged", name="linear.diverged")]
    fdr1: Annotated[list[Estimate], Number("First relation, for each condition", name="linear.fdr1")]
    fdr2: Annotated[list[Estimate], Number("Second relation, for each condition", name="linear.fdr2")]
    entries: Annotated[int, Number("Covariances with an error", name="linear.entries")]
    away: Annotated[float, Number("Root mean square distance from the exact law", "standard errors",
                                  name="linear.away")]
    away_additive: Annotated[float, Number("The same from additive noise", "standard errors",
                                           name="linear.away_additive")]
    excess: Annotated[Estimate, Number("Excess loss over the exact law's", name="linear.heat")]
    excess_additive: Annotated[float, Number("The additive theory's over the exact law's",
                                             name="linear.heat_additive")]
    equal: Annotated[Estimate, Number("Excess loss over that at a quarter of rate and batch", name="linear.law")]
    equal_theory: Annotated[float, Number("The same by the exact laws", name="linear.law_theory")]
    equal_control: Annotated[Estimate, Number("Over that at a quarter of the rate", name="linear.law_control")]
    equal_control_theory: Annotated[float, Number("The same by the exact laws", name="linear.law_control_theory")]
    whirl: Annotated[Whirl, Number("A known rotation", name="linear.whirl")]
