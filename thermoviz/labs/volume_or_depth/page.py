"""The page "Volume or depth": when a wide shallow valley wins over a narrow deep one."""

from typing import Any

from ...presentation.page import Chart, Page
from ...presentation.words import _
from ...runs.record import Grid
from . import figures
from .results import Curves, EqualWidths, Line, Solutions


def page() -> Page:
    """The page as the dashboard draws it."""
    return Page(
        menu=_("Volume or depth"),
        title=_("Does the deepest valley always win?"),
        sentence=_(
            "No: with heat a wide shallow valley wins, because it offers more places to be."),
        answer=figures.answer,
        try_this=figures.try_this,
        charts=charts(),
        explain=explanation(),
        alone="basin_shares",
    )


def charts() -> tuple[Chart, ...]:
    """In the order of the page."""
    return (
        Chart("energy_line", figures.energy_line, _(
            "Along every other direction both basins are alike: in 1 or in 128 dimensions T* stays the same."),
            needs=Line.needs()),
        Chart("basin_shares", figures.basin_shares, figures.shares_sentence,
              needs=Curves.needs() + EqualWidths.needs()),
        Chart("basin_free_energies", figures.basin_free_energies, figures.free_energies_sentence, needs=Curves.needs()),
        Chart("slice_shares", figures.slice_shares, figures.slice_sentence, needs=Grid.needs()),
        Chart("network_free_energies", figures.network_free_energies, figures.network_sentence, needs=Solutions.needs(),
              when=with_networks),
        Chart("fates", figures.fates, _(
            "Copies of each solution are heated (isotropic Langevin motion), then cooled. Back means: the same "
            "solution, after putting its hidden units in the same order and sign."),
            needs=Solutions.needs(), when=with_networks),
        Chart("spectra", figures.spectra, _(
            "Most directions are nearly flat and held by weight decay alone: width lies in many directions at once."),
            needs=Solutions.needs(), wide=True, when=with_networks),
    )


def with_networks(run: Any) -> bool:
    """Charts of the networks are there only where they were asked for."""
    return bool(run.spec.networks)


def explanation() -> str:
    """Every symbol of the page, in plain words."""
    return _(
        "**Two valleys compete.** One is deep and narrow, the other shallow and wide. A ball that is shaken at "
        "temperature **T** (the strength of the shaking, in units of energy) is found in the valley with the lower "
        "**free energy F = E − TS**, not in the one with the lower energy **E**. The entropy **S** counts how much "
        "room a valley offers: the wider, the more.\n\n"
        "**The prediction.** A valley that is a parabola along each direction, with curvatures **h**, has F = E + "
        "(T/2) Σ ln h, up to what is the same for both. Both are equal at **T\\* = ΔE / (½ ln(det H of the deep one / "
        "det H of the wide one))**; ΔE is the difference in depth and det H the product of all curvatures h.\n\n"
        "**The measurement.** Between deep valleys hardly anything hops: the time grows as e to the power of barrier "
        "/ T. So each valley is compared with a well whose free energy is known, sample by sample (Bennett's "
        "acceptance ratio), and no hop is needed. Shares seen among freely moving walkers are claimed only where the "
        "barrier is at most 5 T and walkers from both valleys tell the same.\n\n"
        "**For networks** E is the loss with its weight decay, and a valley is a solution together with its copies: "
        "networks whose hidden units are renamed or turned round. More copies are more room, **−T ln (copies)**; a "
        "solution in which some units are alike has fewer. Two choices enter F of one valley: the unit of length is "
        "one unit of weight, and the edge is left open (the parabola is taken to its end); both drop out of "
        "differences at equal d. With relu, longer incoming and shorter outgoing weights leave the function as it is "
        "but change det H; only weight decay settles which of them counts. The formula is honest only "
        "where the valley is a parabola as far as heat reaches; elsewhere the page says *not harmonic*. It is about a "
        "bath that shakes all directions alike, which minibatches do not.")
