"""What a visitor reads of the verdict."""

from collections.abc import Callable

from thermoviz.presentation.words import _
from thermoviz.runs.verdict import Told, Verdict


def _diffusion(verdict: Verdict) -> Told:
    return Told(_("Walkers diffuse"), _(
        "Mean squared distance per step after {n} steps. Who never turned round would be at {n}.").format(
            n=verdict.values["n"]), _("squared steps"))


VERDICTS: dict[str, Callable[[Verdict], Told]] = {"diffusion": _diffusion}
