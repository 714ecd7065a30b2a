"""The temperatures that minibatches make, and what they mean for the slider, in words."""

from typing import Any

from . import names
from .numbers import number
from .words import _


def temperatures(run: Any) -> dict[str, Any] | None:
    """Of the first dynamics whose minibatches make one: T_sgd, T_slice, T_of_batch_1 and batch_size; else None."""
    known = [k for k, value in enumerate(run.numbers.get("T_of_batch_1", ())) if value is not None]
    if not known:
        return None
    heat = {name: run.numbers[name][known[0]] for name in ("T_of_batch_1", "T_slice", "T_sgd") if name in run.numbers}
    return {**heat, "batch_size": run.spec.batch_size}


def crossing_sentence(run: Any) -> str:
    """Whether the minibatches of this training are warm enough for the crossing on its slice; "" where nobody asks."""
    heat = temperatures(run)
    if heat is None or run.crossing is None:
        return ""
    T, crossing = heat["T_slice"], run.crossing.T
    if T == 0:
        told = _("This training used all its data at once, which makes no heat: T* = {crossing} is out of its reach.")
    elif T < crossing:
        told = _("Minibatches of {batch} heat this slice to T = {T}, below T* = {crossing}: "
                 "data alone would not make “{hot}” win.")
    else:
        told = _("Minibatches of {batch} heat this slice to T = {T}, above T* = {crossing}: "
                 "data alone make “{hot}” win.")
    return told.format(batch=heat["batch_size"], T=number(T, 2), crossing=number(crossing),
                       hot=names.basin_names(run)[run.crossing.hot])


def network_sentences(run: Any) -> list[str]:
    """What the slider's temperatures mean for the whole network, which moves in all d directions."""
    heat = temperatures(run)
    if heat is None or "T_sgd" not in heat or run.surface is None:
        return []
    d, barrier = run.numbers["d"], run.surface.barrier
    told = [_("The slice has 2 directions, the whole network {d}. Its minibatches keep it at T = {T}: "
              "lr tr C / 2Bd, the mean over all directions.").format(d=f"{d:,}", T=number(heat["T_sgd"], 2))]
    if barrier is not None:
        told.append(_("In {d} directions heat raises the loss by about T × {d}/2. At T = {T} that is the height of the "
                      "pass on this slice: warmer, the network melts out of its valley.").format(
                          d=f"{d:,}", T=number(2 * float(barrier) / d, 2)))
    full = run.numbers.get("solutions", {}).get("T_full")
    if full is not None:
        told.append(_("In all directions the same two valleys would hold equally much at T = {T}, if both were "
                      "parabolas.").format(T=number(full, 2)))
    told.append(_("“Like batch B” and the slice's T are the mean of two directions at the deepest bottom. Where the "
                  "loss is higher, data push harder. On a slice that was chosen for its noise they are hotter than the "
                  "network."))
    return told
