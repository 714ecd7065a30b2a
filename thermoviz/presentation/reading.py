"""A run of trainings read for the visitor: what happened, in one sentence, and what to change.

Computed from the arrays. Losses are those of the data where a run holds them apart. Start: the first record; end: the
mean over the last tenth of the records; both as medians over the replicas that stayed finite. Rules, the first that
fits, per optimiser:

- diverged: every replica left the finite numbers (some: said before what became of the others);
- not learned: end >= 0.9 start, or >= 0.9 of what the best single answer to all training samples would lose. The rate
  is too high if the loss rose by a twentieth or jumps (changes from record to record, over the last quarter, by 0.3 of
  the end on average); the regulariser is too strong if its own energy began above 0.3 of the
  loss and halved; the steps are too small if the loss still falls; else the network cannot;
- by heart: not so, but the test loss ends no lower than it began;
- overfitted: the test loss ends 1.5 times, and by a twentieth of its start, above the lowest of its tenths;
- not finished: the energy falls by 3 standard errors of its slope over the last third, and either by more than 0.1 %
  of itself in a tenth of the training while more than 0.2 of the loss is left, or by more than 10 %;
- noisy: jumps of more than 0.06 of the start;
- learned: all else.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from . import names, report
from .numbers import number
from .words import _, counted

LEARNED, ROSE, JUMPS, NOISY, HEAVY = 0.9, 1.05, 0.3, 0.06, 0.3
OVERFITTED, BY_AT_LEAST = 1.5, 0.05
ERRORS, FALLS, LEFT, FALLS_FAST = 3, 1e-3, 0.2, 0.1
FEWEST_RECORDS = 8  # for slopes and jumps
SMALL_BATCH = 8
FEW = 4  # replicas below which the error of a slope is read off its own residuals


@dataclass(frozen=True)
class Reading:
    """What became of the networks of one optimiser: a kind of the rules above, and the sentence that says it."""

    kind: str
    sentence: str


def reading(run: Any) -> str:
    """All that is to be said of a run of trainings; "" for a run of none."""
    if run.kind == "model_report":
        return report.reading(run)
    return " ".join(one.sentence for one in readings(run))


def readings(run: Any) -> list[Reading]:
    """One per optimiser; none for a run without trainings that began at a start."""
    if run.kind not in ("descent", "own_model") or "losses" not in run.arrays or not len(run.arrays["losses"]):
        return []
    titles = names.member_names(run)
    return [_read(Course(run, k), titles[k] if len(titles) > 1 else "") for k in range(len(titles))]


class Course:
    """The trainings of one optimiser, as numbers. Arrays [T, n] of the n replicas that stayed finite."""

    def __init__(self, run: Any, k: int) -> None:
        arrays = run.arrays
        mine = arrays["member"] == k
        kept = mine & (arrays["diverged_at"] < 0)
        self.run, self.spec, self.of, self.n = run, run.spec, int(mine.sum()), int(kept.sum())
        self.dynamics = run.spec.dynamics[k] if run.spec.dynamics else None
        self.first_lost = int(arrays["diverged_at"][mine & ~kept].min()) if self.n < self.of else None
        self.steps = np.asarray(arrays["steps"], float)

        def course(*keys: str) -> np.ndarray | None:
            known = next((key for key in keys if key in arrays), None)
            return None if known is None else np.asarray(arrays[known], float)[:, kept]

        losses, energies = course("data_losses", "losses"), course("losses")
        assert losses is not None and energies is not None
        self.losses, self.energies = losses, energies
        self.tests, self.added = course("test_losses"), course("regulariser")
        self.right = course("test_accuracy", "accuracy")

    @property
    def tenth(self) -> int:
        return max(1, len(self.steps) // 10)

    @cached_property
    def start(self) -> float:
        return float(np.median(self.losses[0]))

    @cached_property
    def ends(self) -> np.ndarray:
        """[n]: the loss over the last tenth."""
        return self.losses[-self.tenth:].mean(axis=0)

    @cached_property
    def end(self) -> float:
        return float(np.median(self.ends))

    @property
    def left(self) -> float:
        """The end as a share of the start."""
        return self.end / self.start if self.start > 0 else 0.0

    @cached_property
    def nothing(self) -> float:
        """The loss of knowing nothing: that of the start, or of the best single answer if it is lower."""
        y = self.run.arrays.get("data_y")
        if y is None or not len(y):
            return self.start
        if names.task(self.run) == "regression":
            return min(self.start, 0.5 * float(np.mean((y - y.mean(axis=0)) ** 2)))
        shares = np.bincount(y.ravel().astype(int)) / y.size
        return min(self.start, -float(np.sum(shares[shares > 0] * np.log(shares[shares > 0]))))

    @cached_property
    def jump(self) -> float:
        """Mean change of the loss from record to record over the last quarter, in its own unit."""
        if len(self.steps) < FEWEST_RECORDS:
            return 0.0
        return float(np.median(np.abs(np.diff(self.losses[self._late(4)], axis=0)).mean(axis=0)))

    def _late(self, parts: int) -> slice:
        """The last of so many parts of the records."""
        return slice(-max(FEWEST_RECORDS // 2, len(self.steps) // parts), None)

    @cached_property
    def falling(self) -> tuple[float, float]:
        """(share, standard error): by which share of itself the energy falls in the last tenth of the training.

        The slope of a straight line through the last third: the median over replicas, its error from their scatter;
        with few of them from the residuals, of which every second is taken to be new.
        """
        if len(self.steps) < FEWEST_RECORDS:
            return 0.0, np.inf
        late = self.energies[self._late(3)]
        t = self.steps[self._late(3)] - self.steps[self._late(3)].mean()
        slopes = t @ late / (t @ t)
        unit = 0.1 * self.steps[-1] / self.energies[-self.tenth:].mean(axis=0)
        if self.n >= FEW:
            error = np.sqrt(np.pi / 2 / self.n) * np.std(-slopes * unit, ddof=1)
        else:
            residuals = late - late.mean(axis=0) - t[:, None] * slopes
            error = np.median(np.sqrt(2 / (t @ t)) * residuals.std(axis=0) * unit) / np.sqrt(self.n)
        return float(np.median(-slopes * unit)), float(error)

    def still_falls(self, least: float) -> bool:
        """Whether it falls by more than that share of itself in a tenth of the training, beyond its errors."""
        share, error = self.falling
        return share > least and share > ERRORS * error

    @cached_property
    def lowest_test(self) -> tuple[float, float]:
        """(test loss, step) of the tenth of the training in which it was lowest."""
        assert self.tests is not None
        parts = np.array_split(np.arange(len(self.steps)), min(10, len(self.steps)))
        values = [float(np.median(self.tests[part].mean(axis=0))) for part in parts]
        best = int(np.argmin(values))
        return values[best], float(self.steps[parts[best]].mean())

    @cached_property
    def last_test(self) -> float | None:
        return None if self.tests is None else float(np.median(self.tests[-self.tenth:].mean(axis=0)))


def _read(course: Course, name: str) -> Reading:
    who = name or (_("Your model") if course.dynamics is None else counted(
        "This network", "These networks", course.of))
    if course.n == 0:
        return Reading("diverged", _("{who} did not learn: all left the finite numbers, the first at step {step}. "
                                     "{advice}").format(who=who, step=course.first_lost, advice=_slower(course)))
    kind = _kind(course)
    sentence = _SENTENCES[kind](course, who)
    if course.n < course.of:
        sentence = _("{n} of {of} networks left the finite numbers, the first at step {step}. {advice} The others: "
                     "{rest}").format(n=course.of - course.n, of=course.of, step=course.first_lost,
                                      advice=_slower(course), rest=sentence)
    return Reading(kind, sentence)


def _kind(course: Course) -> str:
    if not course.end < LEARNED * course.nothing:
        return _why_not(course)
    if course.tests is not None and course.last_test is not None:
        start, (lowest, _step) = float(np.median(course.tests[0])), course.lowest_test
        if course.last_test >= start:
            return "by heart"
        if course.last_test > OVERFITTED * lowest and course.last_test - lowest > BY_AT_LEAST * start:
            return "overfitted"
    if course.still_falls(FALLS if course.left > LEFT else FALLS_FAST):
        return "not finished"
    return "noisy" if course.jump > NOISY * course.start else "learned"


def _why_not(course: Course) -> str:
    if _decayed(course):
        return "held down"
    if not course.left <= ROSE or course.jump > JUMPS * course.end:
        return "too fast"
    return "too slow" if course.still_falls(FALLS) else "stuck"


def _decayed(course: Course) -> bool:
    """Whether the regulariser's own energy was of the loss's order and halved."""
    if course.added is None or not len(course.added):
        return False
    first, last = (float(np.median(course.added[at])) for at in (0, -1))
    return first > HEAVY * course.start and last < 0.5 * first


def _from_to(course: Course) -> dict[str, str]:
    return {"start": _loss(course.start), "end": _loss(course.end)}


def _loss(value: float) -> str:
    """Two digits, the last one also where it is 0."""
    if not 1e-3 <= abs(value) < 1e4:
        return number(value, 2)
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:#.2g}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%"


def _pace(course: Course, factor: float) -> str | None:
    """The optimiser's pace times a factor, as text; None where it is not one number."""
    value = getattr(course.dynamics, "lr", getattr(course.dynamics, "dt", None))
    return number(factor * value, 2) if isinstance(value, (int, float)) else None


def _slower(course: Course) -> str:
    rose = course.left if course.n and np.isfinite(course.left) else 1.0
    pace = _pace(course, 0.1 ** max(1, math.floor(math.log10(max(rose, 1.0)))))
    batch = getattr(course.spec, "batch_size", None)
    if pace is None:
        return _("The learning rate is too high.")
    if batch is not None and batch <= SMALL_BATCH and not getattr(course.dynamics, "full_batch", True):
        return _("The learning rate is too high for batches of {n}: try {pace}, or larger batches.").format(
            n=batch, pace=pace)
    return _("The learning rate is too high: try {pace}.").format(pace=pace)


def _too_fast(course: Course, who: str) -> str:
    return _("{who} did not learn: the loss went from {start} to {end}. {advice}").format(
        who=who, advice=_slower(course), **_from_to(course))


def _held_down(course: Course, who: str) -> str:
    decay = getattr(course.spec, "weight_decay", 0.0)
    advice = _("Try a weight decay of {decay}.").format(decay=number(0.01 * decay, 2)) if decay else _(
        "Try a weaker regulariser.")
    return _("{who} did not learn: the loss went from {start} to {end}. The regulariser pulls all weights to zero. "
             "{advice}").format(who=who, advice=advice, **_from_to(course))


def _too_slow(course: Course, who: str) -> str:
    pace = _pace(course, 10)
    faster = "" if pace is None else _("The steps are small: try a learning rate of {pace}.").format(pace=pace)
    return _("{who} hardly learned yet: the loss went from {start} to {end}, and still falls by {share} in the last "
             "tenth. {faster}").format(who=who, share=_percent(course.falling[0]), faster=faster or _(
                 "Take more steps."), **_from_to(course))


def _stuck(course: Course, who: str) -> str:
    return _("{who} did not learn: the loss went from {start} to {end} and stays there; one answer for all would lose "
             "{nothing}. Try a larger network, or another seed.").format(
                 who=who, nothing=_loss(course.nothing), **_from_to(course))


def _by_heart(course: Course, who: str) -> str:
    assert course.tests is not None and course.last_test is not None
    return _("{who} learned the examples by heart: their loss fell from {start} to {end}, that of unseen data went "
             "from {before} to {after}. More data, more weight decay or fewer steps help.").format(
                 who=who, before=_loss(float(np.median(course.tests[0]))), after=_loss(course.last_test),
                 **_from_to(course))


def _overfitted(course: Course, who: str) -> str:
    assert course.last_test is not None
    lowest, step = course.lowest_test
    return _("{who} learned too long: the loss of unseen data was lowest, {lowest}, near step {step}, and rose to "
             "{last}. Take as many steps, or more weight decay.").format(
                 who=who, lowest=_loss(lowest), step=f"{step:,.0f}", last=_loss(course.last_test))


def _unfinished(course: Course, who: str) -> str:
    pace = _pace(course, 10) if course.jump < 0.1 * NOISY * course.start else None
    advice = _("Take more steps.") if pace is None else _("Take more steps, or a learning rate of {pace}.").format(
        pace=pace)
    return _("{who} did not finish: the loss fell from {start} to {end}, and what training descends still falls by "
             "{share} in the last tenth. {advice}").format(
                 who=who, share=_percent(course.falling[0]), advice=advice, **_from_to(course))


def _noisy(course: Course, who: str) -> str:
    return _("{who} learned in part: the loss fell from {start} to {end} and still jumps by {jump} from record to "
             "record. {advice}").format(
                 who=who, jump=_loss(course.jump), advice=_calmer(course), **_from_to(course))


def _calmer(course: Course) -> str:
    pace = _pace(course, 0.1)
    batches = getattr(course.spec, "batch_size", None) is not None and not getattr(course.dynamics, "full_batch", True)
    if batches and pace is not None:
        return _("Larger batches or a learning rate of {pace} would calm it.").format(pace=pace)
    return _("A lower learning rate would calm it.") if batches or not getattr(course.dynamics, "heated", False) else _(
        "Less heat in training would calm it.")


def _learned(course: Course, who: str) -> str:
    said = _("{who} learned: the loss fell from {start} to {end}").format(who=who, **_from_to(course))
    failed = int((course.ends >= LEARNED * np.minimum(course.losses[0], course.nothing)).sum())
    others = _("{n} of {of} did not.").format(n=failed, of=course.n) if failed else ""
    return f"{said}{_how_right(course)}. {others}".strip()


def _own_unit(course: Course) -> str:
    """The error of one target that was scaled for training, in the unit in which it came."""
    spread, losses = (course.run.arrays.get(name) for name in ("data_y_scale", "data_losses"))
    if spread is None or losses is None or len(spread) > 1:
        return ""
    error = float(spread[0] * np.sqrt(2 * np.nanmedian(losses[-course.tenth:])))
    return _(", with a typical error of {error} in the target's own unit").format(error=f"{error:,.3g}" if error < 1000
                                                                              else f"{error:,.0f}")


def _how_right(course: Course) -> str:
    if course.right is None:
        return ""
    share = float(np.median(course.right[-course.tenth:].mean(axis=0)))
    unseen = course.tests is not None
    if names.task(course.run) == "regression":
        text = _(", and they explain {share:.0%} of the variance of unseen data") if unseen else _(
            ", and they explain {share:.0%} of the variance")
        text += _own_unit(course)
    else:
        text = _(", and {share:.0%} of the answers to unseen data are right") if unseen else _(
            ", and {share:.0%} of the answers are right")
    return text.format(share=share)


_SENTENCES = {"too fast": _too_fast, "held down": _held_down, "too slow": _too_slow, "stuck": _stuck,
              "by heart": _by_heart, "overfitted": _overfitted, "not finished": _unfinished, "noisy": _noisy,
              "learned": _learned}
