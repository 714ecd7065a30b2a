"""How much a slice hides, in words: one sentence with a grade, and the numbers behind it. The same wherever it stands.

Grades are `core.honesty.Honesty.grade`: "true", "roughly", or "marks" (at most where a network lies in the plane).
"""

from typing import Any

from ..core.landscape.honesty import BUFFERS_MOVED, BUFFERS_UNKNOWN, POOR_SURFACE, STRAIGHT
from .names import analytic
from .words import _

# Ways of slicing whose plane holds whole networks: through three of them, or around one. Labs that choose their own.
THROUGH, AROUND = ("solutions",), ("random", "hessian", "noise")
OF_LABS = {"equilibrium": "solutions", "heat_bath": "hessian"}
FAR_BELOW = -9.0  # an R2 below this is only said to be so: how far below is no matter


def badge(run: Any) -> dict[str, Any] | None:
    """{grade, title, sentence, more}: what is read at once, and the lines behind a click. None: nothing is hidden."""
    if analytic(run):
        return None
    found = run.honesty
    if found is None:
        return {"grade": None, "title": "", "more": [],
                "sentence": _("A slice: the balls feel this cut only, the networks all dimensions.")}
    seen = _("You see 2 of {d} directions").format(d=f"{found.d:,}")
    said = "; ".join(filter(None, (_said(run), _false_claims(run))))
    return {"grade": found.grade, "title": _title(run), "sentence": f"{seen}; {said}." if said else f"{seen}.",
            "more": _numbers(run)}


def caption(run: Any) -> str:
    """The sentence alone; for a potential, that nothing is hidden."""
    said = badge(run)
    if said is None:
        return _("The whole energy: nothing is hidden by a slice.")
    return f"{said['title']}. {said['sentence']}" if said["title"] else str(said["sentence"])


def short_numbers(run: Any) -> str:
    """The leading numbers in one line, for a picture that cannot be opened; "" where there are none."""
    found = run.honesty
    if found is None:
        return ""
    parts = [_("Of all {d} dimensions").format(d=f"{found.d:,}")]
    if found.explained is not None and found.explained_null is not None:
        parts.append(_("this plane shows {share:.0%} of the paths (a random walk: {null:.0%})").format(
            share=found.explained, null=found.explained_null))
    if found.r2 is not None:
        parts.append(_("R² {r2} between the loss on the slice and the paths' true loss").format(r2=_r2(found.r2)))
    return " · ".join(parts) if len(parts) > 1 else ""


def _plane(run: Any) -> str:
    return str(getattr(getattr(run.spec, "plane", None), "kind", OF_LABS.get(run.kind, "")))


def _title(run: Any) -> str:
    grade = run.honesty.grade
    if grade == "true":
        return _("True here")
    if grade == "roughly":
        return _("Roughly true")
    if grade is None:
        return ""
    if _plane(run) in THROUGH:
        return _("True only at the marks")
    return _("True only at the origin") if _plane(run) in AROUND else _("Not true under the paths")


def _said(run: Any) -> str:
    """What the grade means for what is seen."""
    found = run.honesty
    if found.grade is None:
        return ""
    if found.grade == "roughly" and found.late is False:
        return _("on the way down the height is roughly true, late in training it is not")
    if found.grade == "marks":
        return _beside(run)
    # The line of the minimum is what was compared there; the walkers beside it are warm.
    line = run.kind == "interactions"
    if found.grade == "true":
        return _("the height under the moving minimum is true") if line else _("the height under the paths is true")
    return _("the height under the moving minimum is roughly true") if line else _(
        "the height under the paths is roughly true")


def _false_claims(run: Any) -> str:
    """Of an own model's surface whose valleys were asked of the loss."""
    return _("some valleys or passes shown are not there") if POOR_SURFACE in run.honesty.reasons else ""


def _beside(run: Any) -> str:
    if _plane(run) in THROUGH:
        return _("at the three marks the height is true; the paths run beside the cut")
    if _plane(run) in AROUND:
        return _("at the origin, u = v = 0, the height is true; the paths run beside the cut")
    return _("the paths run beside the cut, where the height is another")


def _numbers(run: Any) -> list[str]:
    """One line for each number that is known, with what it is to be compared with."""
    found = run.honesty
    lines = _of_own_models(found)
    if found.r2 is not None:
        lines.append(_of_the_whole_path(found))
    if found.r2_late is not None or found.error_late is not None:
        lines.append(_late(run))
    if found.explained is not None and found.explained_null is not None:
        lines.append(_("{share:.0%} of the paths' variance lies in this plane; of random walks it would be {null:.0%}."
                       ).format(share=found.explained, null=found.explained_null))
    if found.residual_share is not None:
        lines.append(_("The paths' distance from this plane is {share:.0%} of that from its origin (medians)."
                       ).format(share=found.residual_share))
    if found.gradient_share is not None:
        lines.append(_("{share:.1%} of the gradient lies in this plane.").format(share=found.gradient_share))
    if found.noise_share is not None:
        lines.append(_("{share:.1%} of the gradient noise lies in this plane.").format(share=found.noise_share))
    return [*lines, _("Balls feel a fixed cut; the network feels all {d} dimensions.").format(d=f"{found.d:,}")]


def _of_own_models(found: Any) -> list[str]:
    """What else is to be known of the slice of a model that somebody brought."""
    said = {
        STRAIGHT: _("The paths lie on a straight line: the second direction of this plane is a random one."),
        BUFFERS_UNKNOWN: _("The paths came without the model's buffers, such as running averages of normalisation: "
                           "their losses and the surface use those that the model has now."),
        BUFFERS_MOVED: _("The model's buffers, such as running averages of normalisation, moved along the paths: "
                         "the paths' losses use those of their time, the surface those that the model has now.")}
    lines = [said[note] for note in found.notes if note in said]
    if POOR_SURFACE in found.reasons:
        lines.insert(0, _(
            "The loss was asked at the valleys and passes shown and has others there: it is steeper than the grid can "
            "show. A smaller box or a higher resolution shows what is there."))
    if found.without_gradient is not None:
        lines.append(_("How much of the gradient lies in this plane is not known: {reason}.").format(
            reason=_plain(found.without_gradient)))
    return lines


def _plain(said: Any) -> str:
    """What torch or somebody's code said, from a file perhaps: without signs that a page would read as its own."""
    return "".join(sign for sign in str(said)[:300] if sign not in "<>[]`*$\\\n")


def _of_the_whole_path(found: Any) -> str:
    said = _("R² {r2} (1: the height under the paths predicts their true loss, 0: no better than their mean loss does)."
             ).format(r2=_r2(found.r2))
    if found.r2 < 0:
        said = _("R² {r2}: the height under the paths predicts their true loss worse than their mean loss does (1 "
                 "would be exact).").format(r2=_r2(found.r2))
    null = "" if found.r2_null is None else _("Random walks, each on its own plane: {null}.").format(
        null=_r2(found.r2_null))
    return f"{said} {null}".strip()


def _late(run: Any) -> str:
    """Of the second half of the training: the error in the unit in which one sees it, and R2 beside it."""
    found = run.honesty
    parts = []
    if found.error_late is not None:
        unit = _("the relief's height") if run.surface is None or run.surface.barrier is None else _("the barrier")
        parts.append(_("the height is off by {share} of {unit}").format(
            share=f"{found.error_late:{'.0%' if found.error_late > 0.1 else '.1%'}}", unit=unit))
    if found.r2_late is not None:
        parts.append(_("R² is {r2}").format(r2=_r2(found.r2_late)))
    return _("Late in training: {parts}.").format(parts=", ".join(parts))


def _r2(value: float) -> str:
    return _("far below 0") if value < FAR_BELOW else f"{value:.2f}".replace("-", "−")
