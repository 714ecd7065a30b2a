"""The lab "Equilibrium": is history forgotten, and do replicas agree?"""

from typing import Any

from ...presentation.page import Chart, Page
from ...presentation.words import _
from . import figures
from . import figures_memory as memory
from . import figures_starts as starts
from .figures_memory import known
from .results import Baths, Course, Loops, Memory, Units


def page() -> Page:
    """The page as the dashboard draws it."""
    return Page(
        menu=_("Equilibrium"),
        title=_("Is history forgotten?"),
        sentence=_(
            "From outside, yes: networks from different starts end with the same loss and the same answers. Inside, "
            "the noise of SGD keeps where they began, and heat of the same strength forgets it."),
        answer=answer,
        try_this=try_this,
        charts=charts(),
        explain=explanation(),
        stage=stage_settings,
    )


def charts() -> tuple[Chart, ...]:
    """In the order of the page."""
    return (
        Chart("left", starts.left, starts.left_sentence, needs=Baths.needs()),
        Chart("way", starts.way, starts.way_sentence, needs=("way",), when=two_solutions),
        Chart("units", starts.units, starts.units_sentence, needs=Units.needs(), when=hidden_units),
        Chart("starts", figures.starts, _(
            "Each group's mean against that of the cold start, in units of what one network shakes by. Below one half "
            "(dotted) the shaking hides the start. Outputs: at the test points. Parameters: hidden units matched."),
            needs=Memory.needs("net")),
        Chart("agreement", figures.agreement, figures.agreement_sentence, needs=Memory.needs("net"), wide=True),
        Chart("curves", figures.curves, figures.curves_sentence, needs=Course.needs("net")),
        Chart("displacement", memory.displacement, memory.displacement_sentence, needs=Memory.needs("net")),
        Chart("linear_displacement", memory.linear_displacement, _(
            "Here theory is exact: once at rest, all waiting times give one curve. Only the first lines stand apart: "
            "they still come down from their start."), needs=Memory.needs("lin")),
        Chart("averages", memory.averages, _(
            "Ω(t): scatter between networks of their averages over t steps, in units of the variance within each. If "
            "every network visits all that there is, Ω falls as 1/t along its dotted line. A plateau says that each "
            "keeps to places of its own."), needs=Memory.needs("net")),
        Chart("memory_of_loss", memory.memory_of_loss, _(
            "Correlation of the loss with itself some steps later, within each replica. The loss forgets in a few "
            "steps; the parameters may never."), needs=Memory.needs("net")),
        Chart("loop", memory.loop, memory.loop_sentence, needs=Loops.needs("net")),
        Chart("linear_loop", memory.linear_loop, _(
            "Linear regression has one valley. Its slow loops close; in the quickest the loss lags behind its heat, as "
            "theory (green) says it must."), needs=Loops.needs("lin")),
    )


def two_solutions(run: Any) -> bool:
    """Where no second solution was found there is no way to it."""
    return run.numbers.get("another") is not False


def hidden_units(run: Any) -> bool:
    """Without hidden units there is nothing to compare them by."""
    return bool(run.spec.network.hidden)


def stage_settings(run: Any) -> dict[str, Any]:
    """Few balls, as hot as the noise of SGD once that is known: the bodies to look at are the replicas."""
    return {"n_balls": 300, "seed": run.spec.seed, "title": _("Networks on a slice through three solutions"),
            "temperature": starts.temperature(run)}


def answer(run: Any) -> str:
    """Whether history is forgotten, from outside, inside, and in even heat; as far as this run can tell."""
    told = {verdict.key: verdict.holds for verdict in run.verdicts}
    if not told:
        return _("Networks train from different starts. Does it show in the end where they began?")
    outside = [told.get(key) for key in ("loss_start", "function_start")]
    inside, heat = told.get("parameter_start"), told.get("heat_start")
    said = [_("From outside, yes: loss and answers do not show where a network began.") if all(outside) else
            _("Not even from outside: loss or answers still show where a network began.") if False in outside else
            _("From outside this run cannot tell.")]
    if inside is False:
        said.append(_("Inside, no: SGD keeps {share} % of the squared distance between two starts.").format(
            share=share(run, "sgd")))
    elif inside:
        said.append(_("Inside, too: SGD keeps {share} % of the squared distance between two starts.").format(
            share=share(run, "sgd")))
    if heat and inside is False:
        said.append(_("Heat as strong, but alike in all directions, forgets it ({share} ± {error} %).").format(
            share=share(run, "heat"), error=starts.percent(Baths.expect(run).late["heat"].stderr)))
    return " ".join(said)


def share(run: Any, bath: str) -> str:
    """What a bath leaves of the squared distance between both starts, in per cent."""
    return starts.percent(Baths.expect(run).late[bath])


def try_this(run: Any) -> str:
    """The number that moves is the one in the answer."""
    baths = Baths.read(run)
    if baths is None or not known(baths.late["sgd"]) or not run.spec.network.hidden:
        return _("open “Experiment” and give the network a hidden layer of 8: does SGD still forget the start inside?")
    return _("open “Experiment” and empty “Hidden layers”: what SGD keeps of the squared distance falls from {share} % "
             "to 0.").format(share=share(run, "sgd"))


def explanation() -> str:
    """Every symbol of the page, in plain words."""
    return _(
        "**Replicas.** Six groups of networks train as one batch. Three are compared: *own start, own data* (another "
        "random start and a resampled training set for each, drawn with replacement from the common one), *own start, "
        "same data*, and *same start, own data*. Three more see the same data and differ in where they start: *hot* "
        "(weights four times as large), *cold* (all at the lowest solution found), *far* (all at another solution). "
        "The first half of the run is not counted.\n\n"
        "**What holds a start?** In the picture a ridge stands between the solutions. But the picture is a cut. With "
        "all directions free a path leads over a pass of only a few **T**. **T** = lr tr C/(2 B d) is how strongly SGD "
        "shakes each direction on average (lr the learning rate, C the covariance of the samples' gradients, B the "
        "batch size, d the number of parameters). So two groups start once more in *isotropic heat*: the same T in "
        "every direction. In the experiment that stands here first they forget where they began. SGD does not.\n\n"
        "**Copies.** The solutions differ in how many hidden units are *copies* of one another: same weights, up to "
        "sign. Every sample pulls copies alike, so the noise of SGD has no part that could separate them: those "
        "directions are dark. Isotropic heat lights them, and all units become different. That the darkness is *why* "
        "SGD remembers is what we infer from the low pass, the heat and the copies together. It is not proved here: "
        "heat is also stronger than SGD in all soft directions, not only in the dark ones.\n\n"
        "**R-hat** compares replicas with themselves: √((n − 1)/n + B/W), where W is the variance of a quantity in "
        "time within each of them, B the variance of their n-step means between them. Near 1 all tell the same. "
        "*Macro* is what is seen from outside: loss, accuracy. *Micro* is inside: the parameters, and the outputs at "
        "single test points. Filled marks: own data; open marks: same data. Bars are standard errors from leaving out "
        "one replica after the other.\n\n"
        "**Matched.** Hidden units have no names: exchanging two of them, or (for tanh) turning the signs of one "
        "round, gives the same network. So each replica's units are renamed, once for its whole path, to be as near as "
        "possible to the cold solution. What still differs afterwards are really other networks.\n\n"
        "**The control** is linear regression in a hot bath (batches of one, fewer steps, for it forgets sooner). It "
        "has one valley, so its parameters must agree as well, and all that it does is known exactly: green.\n\n"
        "**Memory.** Δ(t_w, t) is the mean squared displacement per parameter during t steps, begun at the waiting "
        "time t_w. Where it depends on t_w the system *ages*. The *correlation time* is how many steps the loss "
        "remembers.\n\n"
        "**Ergodicity.** Ω(t) is the scatter between networks of their averages over t steps: those from usual, hot, "
        "cold and far starts, all on the same data. Dotted: what their own fluctuations explain (σ²τ/t, with variance "
        "σ² and correlation time τ).\n\n"
        "**Where the analogy breaks.** A gas is shaken alike in all directions, and forgets. Training is stopped long "
        "before its parameters have wandered everywhere, and its shaking follows the data. That replicas agree in the "
        "loss does not show equilibrium: two places equally good agree in it for ever without ever meeting, and an "
        "R-hat near 1 for the loss certifies nothing more than that. All of this was found for one small network on "
        "one draw of the data; “Problem” in the experiment draws others.")
