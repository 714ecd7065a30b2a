"""The lab "Equilibrium": is history forgotten, and do replicas agree?"""

from typing import Any

from thermoviz.dashboard.lab import Chart, lab_page
from thermoviz.figures import equilibrium as figures
from thermoviz.figures import equilibrium_memory as memory
from thermoviz.words import _

CHARTS = (
    Chart("agreement", figures.agreement, figures.agreement_sentence, needs=("net_msd",), wide=True),
    Chart("curves", figures.curves, figures.curves_sentence, needs=("net_curve",)),
    Chart("starts", figures.starts, _(
        "Each group's mean against that of the cold start: difference of the loss (share of the loss), of the outputs "
        "at the test points (probability), distance of the parameters (share of their length, hidden units matched)."),
        needs=("net_msd",)),
    Chart("displacement", memory.displacement, memory.displacement_sentence, needs=("net_msd",)),
    Chart("linear_displacement", memory.linear_displacement, _(
        "Here theory is exact: once at rest, all waiting times give one curve. Only the first lines stand apart: they "
        "still come down from their start."), needs=("lin_msd",)),
    Chart("averages", memory.averages, _(
        "Ω(t): scatter between replicas of their averages over t steps, in units of the variance within each. If every "
        "replica visits all that there is, Ω falls as 1/t along its dotted line; a plateau says that replicas keep "
        "to places of their own."), needs=("net_msd",)),
    Chart("memory_of_loss", memory.memory_of_loss, _(
        "Correlation of the loss with itself some steps later, within each replica. The loss forgets in a few steps; "
        "the parameters may never."), needs=("net_msd",)),
    Chart("loop", memory.loop, memory.loop_sentence, needs=("net_loop_loss",)),
    Chart("linear_loop", memory.linear_loop, _(
        "The control has one valley. Its slow loops close; in the quickest the loss lags behind its heat, exactly as "
        "the second moments of its parameters say it must."), needs=("lin_loop_loss",)),
)


def stage_settings(run: Any) -> dict[str, Any]:
    """Few balls: the bodies to look at are the replicas."""
    return {"n_balls": 300, "seed": run.spec.seed, "title": _("Replicas on a slice through three solutions")}


lab_page(
    "equilibrium",
    try_this=_("press “Experiment” and choose a network without hidden layers: do the parameters agree now?"),
    charts=CHARTS,
    explain=_(
        "**Replicas.** Six groups of networks train as one batch. Three are compared: *own start, own data* (another "
        "random start and a resampled training set for each, drawn with replacement from the common one), *own start, "
        "same data*, and *same start, own data*. Three more see the same data and differ in where they start: *hot* "
        "(weights four times as large), *cold* (all at the lowest solution found), *far* (all at another solution). "
        "The first half of the run is not counted.\n\n"
        "**R-hat** compares replicas with themselves: √((n − 1)/n + B/W), where W is the variance of a quantity in "
        "time within each of them, B the variance of their n-step means between them. Near 1 all tell the same. "
        "*Macro* is what is seen from outside: loss, accuracy. *Micro* is inside: the parameters, and the outputs at "
        "single test points. Filled marks: own data; open marks: same data. Bars are standard errors from leaving out "
        "one replica after the other.\n\n"
        "**Matched.** Hidden units have no names: exchanging two of them, or (for tanh) turning the signs of one "
        "round, gives the same network. So each replica's units are renamed, once for its whole path, to be as near as "
        "possible to the cold solution. What still differs afterwards are really other networks.\n\n"
        "**The control** is linear regression in a hot bath (batches of one). It has one valley, so its parameters "
        "must agree as well, and all that it does is known exactly: green.\n\n"
        "**Memory.** Δ(t_w, t) is the mean squared displacement per parameter during t steps, begun at the waiting "
        "time t_w. Where it depends on t_w the system *ages*. The *correlation time* is how many steps the loss "
        "remembers.\n\n"
        "**Ergodicity.** Ω(t) is the scatter between replicas of their averages over t steps. Dotted: what their own "
        "fluctuations explain (σ²τ/t, with variance σ² and correlation time τ).\n\n"
        "**Within a basin only.** That parameters forget, that averages of parameters agree, that a start does not "
        "matter in the parameters: these hold, at best, within one valley. Across valleys only what is seen from "
        "outside agrees. The stage shows three solutions with the ridges between them; diamonds are the replicas, and "
        "the fainter one is, the farther it stands from the slice.\n\n"
        "**Where the analogy breaks.** A gas reaches equilibrium by itself and then has no direction; training is "
        "stopped long before its parameters have wandered everywhere, and its shaking follows the data. That replicas "
        "agree in the loss does not show equilibrium: two valleys equally deep agree in it for ever without ever "
        "meeting, and an R-hat near 1 for the loss certifies nothing more than that."),
    stage_settings=stage_settings,
)
