"""What `tv.report` measured of somebody's own model, in words: each number with its error and what it says."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from .numbers import number
from .words import _, counted

ERRORS = 3  # standard errors beyond which a difference counts
VAGUE = 0.5  # a ratio of 1 with a larger error says nothing
AT_EDGE = 0.1  # how near the stability limit is at it


class Row(NamedTuple):
    """A number's name, the number with its error, and what it says; text alone where it was left out."""

    title: str
    value: str
    says: str


def titles() -> dict[str, str]:
    """How the numbers are called, in the order in which they are told."""
    return {
        "eigenvalues": _("Largest eigenvalues of the Hessian"), "smallest": _("Smallest eigenvalue found"),
        "trace": _("Trace of the Hessian"), "noise_trace": _("Trace of the gradient noise"),
        "participation": _("Directions that carry the noise"),
        "alignment": _("Alignment of noise and curvature"), "temperature": _("Temperature of the noise"),
        "critical_batch_size": _("Critical batch size"), "sharpness": _("Sharpness at the path's end"),
        "edge_of_stability": _("Sharpness over its stability limit"),
        "fluctuation_dissipation": _("Fluctuation over dissipation"),
        "line_barrier": _("Barrier on the straight line"),
    }


def reasons() -> dict[str, str]:
    """Why a number was left out, by its key."""
    return {
        "mean_only": _("loss_fn gives a mean alone: return the losses [B] of single samples, without averaging."),
        "one_sample": _("one sample has no noise."),
        "not_twice": _("this model cannot be differentiated twice, sample by sample."),
        "no_noise": _("all samples push alike: there is no noise beyond the error of measuring."),
        "no_gradient": _("the gradient is zero here: noise outweighs it at any batch size."),
        "no_lr": _("the learning rate is not known: give it as lr."),
        "no_batch_size": _("the batch size of the training is not known: give it as batch_size."),
        "no_path": _("there is no path: give a Recorder as trajectory."),
        "short_path": _("the path has too few snapshots: at least 32 are needed."),
        "momentum": _("with momentum it takes every single step: tv.Recorder's callbacks follow it live."),
        "one_solution": _("there is one point only: give a second solution as other, or a path."),
    }


def notes() -> dict[str, str]:
    """What is to be said beside all numbers, by its key."""
    return {
        "batch_norm": _("Batch norm is in training mode: a sample's loss depends on the others in its batch, so the "
                        "noise is not that of independent samples. model.eval() separates them."),
        "buffers": _("The path carries no buffers: all its losses are with the buffers that the model has now."),
        "differences": _("The model could not be differentiated twice: curvatures are from differences of gradients."),
    }


def reading(run: Any) -> str:
    """The sentences that a report comes down to."""
    return " ".join(filter(None, (_stationary(run.numbers), _edge(run.numbers), _batch(run.numbers))))


def summary(run: Any) -> str:
    """All of a report as text, a line for each number; "" for a run of another kind."""
    if run.kind != "model_report":
        return ""
    found = rows(run)
    width = max((len(row.title) for row in found), default=0)
    lines = [f"{row.title:<{width}}  {row.value}{'  ' if row.value and row.says else ''}{row.says}" for row in found]
    beside = [notes()[key] for key in run.numbers.get("notes", ()) if key in notes()]
    return "\n".join([headline(run), *lines, *beside, *filter(None, [reading(run)])])


def headline(run: Any) -> str:
    """Of what the report is."""
    numbers = run.numbers
    if "loss" not in numbers:
        return _("Report on an own model: nothing measured yet.")
    if numbers.get("samples") is None:
        return _("Own model of {d} parameters, loss {loss}. Errors are those of measuring, not of other data.").format(
            d=f"{numbers['d']:,}", loss=number(numbers["loss"], 4))
    return _("Own model of {d} parameters, loss {loss} of {samples}. Errors are those of measuring, not of other data."
             ).format(d=f"{numbers['d']:,}", loss=number(numbers["loss"], 4), samples=counted(
                 "{n} sample", "{n} samples", numbers["samples"]))


def rows(run: Any) -> list[Row]:
    """Each number in turn; those left out with the reason."""
    found, left, why = [], run.numbers.get("left_out", {}), reasons()
    for key, title in titles().items():
        if run.numbers.get(key) is not None:
            value = run.numbers[key]
            found.append(Row(title, shown(value), SAYS[key](run.numbers) if key in SAYS else ""))
        elif key in left:
            found.append(Row(title, "", _("left out: {why}").format(why=why.get(left[key], left[key]))))
    return found


def shown(value: Any) -> str:
    """A number with its error, or several, without theirs."""
    if value and isinstance(value[0], (list, tuple)):
        more = [_("and {n} more").format(n=len(value) - 3)] if len(value) > 4 else []
        return ", ".join([*(number(one, 4) for one, _error in value[:3 if more else 4]), *more])
    measured, error = value
    if measured is None:
        return _("not finite")
    if not error or error < 1e-6 * abs(measured):
        return number(measured, 4)
    digits = max(2, min(6, 2 + math.floor(math.log10(max(abs(measured), error))) - math.floor(math.log10(error))))
    return f"{number(measured, digits)} ± {number(error, 2)}"


def _exact(numbers: Any) -> str:
    if numbers.get("exact"):
        return _("(exact)")
    return _("(Lanczos; off by at most {error})").format(error=number(max(error for _value, error in numbers[
        "eigenvalues"]), 2))


def _aligned(numbers: Any) -> str:
    chance = numbers.get("alignment_of_chance")
    return "" if chance is None or chance[0] is None else _(
        "(1: noise follows curvature; by chance {chance})").format(chance=number(chance[0], 2))


def _warm(numbers: Any) -> str:
    return _("(of independent batches; a mean over all directions)")


def _batch(numbers: Any) -> str:
    value, samples = (numbers.get("critical_batch_size") or [None])[0], numbers.get("samples")
    if value is None:
        return ""
    if samples and value > samples:
        return _("Noise outweighs the gradient even for batches of all samples.")
    return _("Batches beyond about {n} samples gain little.").format(n=f"{float(f'{max(value, 1):.2g}'):,.0f}")


def _edge(numbers: Any) -> str:
    value, error = numbers.get("edge_of_stability") or (None, None)
    if value is None or error is None:
        return ""
    if abs(value - 1) <= AT_EDGE + ERRORS * error:
        return _("Training is at the edge of stability.")
    return _("Sharper than steps of this size bear: training cannot stay here.") if value > 1 else ""


def _stationary(numbers: Any) -> str:
    value, error = numbers.get("fluctuation_dissipation") or (None, None)
    if value is None or error is None:
        return ""
    said = stationary(value, error)
    return said[:1].upper() + said[1:]


def stationary(value: float, error: float) -> str:
    """Whether a ratio of fluctuation to dissipation says that training stands still on average."""
    told = f"{number(value, 2)} ± {number(error, 1)}"
    if not math.isfinite(value) or not math.isfinite(error):
        return ""
    if abs(value - 1) <= ERRORS * error:
        if error > VAGUE:
            return _("cannot tell whether training is stationary: ratio {told}.").format(told=told)
        return _("stationary within its error: ratio {told}.").format(told=told)
    return _("not yet stationary: ratio {told}.").format(told=told) if value < 1 else \
        _("not stationary: ratio {told}; batches that are not drawn independently do that too.").format(told=told)


def live(step: int, ratio: Any, cost: float, report: Any) -> str:
    """One sentence at a step of a training that goes on."""
    said = _("step {n}: {told} Asking took {cost} of the time.").format(
        n=f"{step:,}", told=stationary(ratio.value, ratio.stderr), cost=f"{cost:.1%}")
    return said if report is None else " ".join(filter(None, (said, _measured(report.numbers))))


def _measured(numbers: Any) -> str:
    known = [f"{titles()[key]} {shown(value[0] if key == 'eigenvalues' else value)}" for key in (
        "eigenvalues", "edge_of_stability", "temperature", "critical_batch_size") if (value := numbers.get(key))]
    return "; ".join(known) + "." if known else ""


def _moving(numbers: Any) -> str:
    return _("(1 in a stationary state)")


def _line(numbers: Any) -> str:
    ends = {"model": _("this model"), "other": _("the other"), "start": _("the path's start"), "end": _("its end")}
    one, other = (ends.get(name, name) for name in numbers.get("line_ends") or ("", ""))
    return _("(from {one} to {other})").format(one=one, other=other)


SAYS: dict[str, Callable[[Any], str]] = {
    "eigenvalues": _exact, "alignment": _aligned, "temperature": _warm, "fluctuation_dissipation": _moving,
    "line_barrier": _line}
