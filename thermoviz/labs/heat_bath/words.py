"""What a visitor reads of this lab's verdicts and conditions, by their keys."""

from collections.abc import Callable

from ...presentation.words import _
from ...runs.verdict import Told, Verdict
from .results import EPOCHS, EQUAL, FASTER, FRESH, FULL_BATCH, ISOTROPIC, MOMENTUM, SGD, SLOWER


def condition(name: str) -> str:
    """How copies are shaken, in the reader's language; `name`: under which a run keeps it."""
    return {SGD: _("SGD"), FRESH: _("fresh draws"), MOMENTUM: _("momentum"), EPOCHS: _("shuffled epochs"),
            ISOTROPIC: _("isotropic heat"), FULL_BATCH: _("full batch"), SLOWER: _("half the rate"),
            FASTER: _("twice the rate"), EQUAL: _("equal lr/B")}[name]


def _stationary(verdict: Verdict, name: str, sentence: str, unit: str) -> Told:
    """A claim on the stationary state; where nothing is claimed, the sentence begins with the reason."""
    why = {"unsettled": _("The copies had too few steps to settle, so nothing is claimed."),
           "diverged": _("Copies diverged, so nothing is claimed."),
           "few": _("Too few copies, or nothing to measure, so nothing is claimed.")}
    return Told(name, _joined(why.get(verdict.values["why"], ""), sentence), unit)


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _bent() -> str:
    """How theory is said where it can be followed to the first order in lr/B."""
    return _("Theory: the exact law at this learning rate, every sample's loss a parabola, and twice what it misses at "
             "half the rate: the bend of the valley.")


# Fluctuation-dissipation


def _sgd_relation(verdict: Verdict) -> Told:
    return _stationary(verdict, _("SGD obeys fluctuation-dissipation"), _(
        "What the noise adds to the distance from the minimum, descent takes away: both sides of FDR1, with the "
        "gradient of all samples. Control: shuffled epochs, whose batches know of each other. It says that the state "
        "stands still, not that it is an equilibrium."), _("ratio"))


def _momentum_relation(verdict: Verdict) -> Told:
    return _stationary(verdict, _("Momentum obeys fluctuation-dissipation in its own form"), _(
        "The same relation with (1 + μ)/(2 lr) times the squared step on its right side. Control: shuffled epochs. It "
        "breaks while velocities or soft directions still remember the start."), _("ratio"))


def _fresh_relation(verdict: Verdict) -> Told:
    return _stationary(verdict, _("Batches without repetition obey fluctuation-dissipation"), _(
        "Every batch is drawn afresh, no sample twice in it: batches stay independent, the relation holds with less "
        "noise. Control: shuffled epochs. It breaks once a batch depends on the one before."), _("ratio"))


def _epochs_relation(verdict: Verdict) -> Told:
    return _stationary(verdict, _("Shuffled epochs obey fluctuation-dissipation"), _(
        "Within an epoch every sample comes once, so the noise of one batch is paid back by the others, and the ratio "
        "falls short of 1. Theory: the closed form for noise that does not depend on the place. Control: independent "
        "batches. It fades as an epoch gets longer than the memory of the soft directions."), _("ratio"))


# Temperatures


def _one_temperature(verdict: Verdict) -> Told:
    measured = _("How much ⟨y ∂E/∂y⟩ differs between the {n} directions that samples push in: standard deviation over "
                 "mean, 0 in equilibrium, whatever the shape of the valley.").format(n=verdict.values["directions"])
    control = _("Control: isotropic heat, of which the finite step alone makes {step:.2g}.").format(
        step=verdict.values["step"])
    return _stationary(verdict, _("The bath has one temperature"), _joined(measured, _bent(), control),
                       _("of the mean"))


def _thermometers(verdict: Verdict) -> Told:
    measured = _("Squared slope over curvature reads stiff directions, the mean over directions reads all alike: one "
                 "over the other, 1 in equilibrium.")
    control = _("Control: isotropic heat. Both are averages of the same directions: this is the verdict above as two "
                "instruments see it, not a second proof.")
    return _stationary(verdict, _("Different thermometers agree"), _joined(measured, _bent(), control), _("ratio"))


# The noise itself


def _every_direction(verdict: Verdict) -> Told:
    unseen = "" if verdict.values["counted"] else _("There is too much to count here, so temperatures divide by all.")
    counted = _("Directions in which no sample pushes at all, so that no batch is noisy there. Theory counts them: "
                "softmax does not feel an equal shift of all outputs, and hidden units that are copies of each other "
                "are never pulled apart.")
    control = {"copied": _("Control: the same network with half of its units made copies."),
               "begun": _("Control: the same network as it began.")}.get(verdict.values["control"], "")
    means = _("Temperatures are means over the other directions.")
    return Told(_("The noise reaches every direction"), _joined(unseen, counted, control, means),
                _("of {d} directions").format(d=verdict.values["d"]))


def _gaussian_kicks(verdict: Verdict) -> Told:
    return Told(_("Kicks of a batch are Gaussian"), _(
        "Along the noisiest direction, of batches drawn at random: 0 for Gaussian kicks, above it where few samples "
        "push hard. Theory: that of one sample over the batch size {B}. Control: one sample. With small batches the "
        "bath is not one of many small kicks.").format(B=verdict.values["batch_size"]), _("excess kurtosis"))


def _equal_ratio(verdict: Verdict) -> Told:
    return _stationary(verdict, _("Equal lr/B, equal loss"), _(
        "Excess loss over the minimum, over that at half the learning rate and half the batch. Theory: the exact law "
        "of both, every sample's loss a parabola: a finite step makes a difference of about lr × curvature. Control: "
        "half the rate at the same batch."), _("ratio"))


# Currents


def _detailed_balance(verdict: Verdict) -> Told:
    return _stationary(verdict, _("SGD breaks detailed balance"), _(
        "Entropy produced in the plane of the slice: how far two places in a row differ from the same two in reverse, "
        "its bias taken off. 0 in equilibrium. Theory: the exact law at this learning rate, every sample's loss a "
        "parabola; the bend of the valley changes it by a share of lr/B. Control: isotropic heat. What looks still "
        "turns without end. For SGD without momentum only: velocities turn in equilibrium too."),
        _("nats per lr × steps"))


def _turning(verdict: Verdict) -> Told:
    return _stationary(verdict, _("The cloud turns"), _(
        "Areas that a copy sweeps per unit of time in all planes of the stiffest directions, over those of the exact "
        "law of parabolas at this learning rate: 0 if they do not turn. Theory: 1, and twice what is missing to 1 at "
        "half the rate: the bend of the valley. Control: isotropic heat. It needs noise that is not aligned with the "
        "curvature."), _("of the exact law"))


# Where all is known


def _second_relation(verdict: Verdict) -> Told:
    return Told(_("Linear regression obeys the second relation"), _(
        "⟨|∇f|²⟩ against the curvature felt by the steps, exact where the loss is quadratic: 48 samples, 3 inputs, "
        "large steps. Control: shuffled epochs. In networks the curvature changes from place to place, and it is only "
        "near."), _("ratio"))


def _linear_excess(verdict: Verdict) -> Told:
    return Told(_("Linear regression is as hot as computed"), _(
        "Excess loss in the stationary state over that of the exact law, in which noise depends on the place. Control: "
        "the usual theory, in which it does not, and which breaks at steps as large as these."), _("of the exact law"))


def _linear_equal_ratio(verdict: Verdict) -> Told:
    return Told(_("Linear regression: equal lr/B, equal loss"), _(
        "Excess loss over that at a quarter of learning rate and batch. Theory: the exact law of both. Control: a "
        "quarter of the rate alone. Steps are large here, lr × curvature about a half, and the law is one for small "
        "steps."), _("ratio"))


def _whirl(verdict: Verdict) -> Told:
    return Told(_("The instrument sees a known whirl"), _(
        "Entropy production of balls in a well with a rotation added to its force, against its closed form for these "
        "steps. Control: no rotation. Gradients alone never whirl: in SGD it is the unequal noise that does."),
        _("nats per unit of time"))


VERDICTS: dict[str, Callable[[Verdict], Told]] = {
    "sgd_relation": _sgd_relation, "momentum_relation": _momentum_relation, "fresh_relation": _fresh_relation,
    "epochs_relation": _epochs_relation, "one_temperature": _one_temperature, "thermometers": _thermometers,
    "every_direction": _every_direction, "gaussian_kicks": _gaussian_kicks, "equal_ratio": _equal_ratio,
    "detailed_balance": _detailed_balance, "turning": _turning, "second_relation": _second_relation,
    "linear_excess": _linear_excess, "linear_equal_ratio": _linear_equal_ratio, "whirl": _whirl,
}
