"""The lab "Interactions": what do regularisers do?"""

from typing import Any

from ...presentation.page import Chart, Page
from ...presentation.words import _
from ...runs.record import Grid
from . import figures
from .results import Gaps, LinearRamps, Minima, NetworkRamp, Parts, Walkers


def page() -> Page:
    """The page as the dashboard draws it."""
    return Page(
        menu=_("Interactions"),
        title=_("What do regularisers do?"),
        sentence=_(
            "Some are an extra energy: they pull the network, and its minimum moves. Others are extra heat: they shake "
            "it. Here both are measured on one small network."),
        try_this=_("raise dropout (Experiment, on the left). The minimum stays where it is, and the number on the card "
                   "“Dropout heats the bath” grows."),
        charts=charts(),
        explain=explanation(),
        stage=stage_settings,
    )


def charts() -> tuple[Chart, ...]:
    """In the order of the page."""
    return (
        Chart("energies", figures.energies, figures.energies_sentence, wide=True,
              needs=(*Parts.needs(), *Grid.needs())),
        Chart("minima", figures.minima, figures.minima_sentence, needs=Minima.needs()),
        Chart("baths", figures.baths, figures.baths_sentence, needs=LinearRamps.needs()),
        Chart("training", figures.training, figures.training_sentence, needs=Gaps.needs()),
        Chart("linear_work", figures.linear_work, _(
            "Orange: the mean work is always above ΔF, the less the slower the ramp. Jarzynski's average of e^(−W/T) "
            "finds ΔF at any speed while enough weights count. The same average for SGD misses it, in part because its "
            "steps are large; the loop of the verdict “SGD has a free energy” takes that part away."),
            needs=LinearRamps.needs()),
        Chart("network_work", figures.network_work, figures.network_sentence, needs=NetworkRamp.needs(), when=ramped),
        Chart("ramp", figures.ramp, _(
            "The walkers' own losses on the data while weight decay grows, with standard errors over walkers: a hot "
            "network lies above its minimum."), needs=Walkers.needs(), when=ramped),
    )


def ramped(run: Any) -> bool:
    """The network's ramp is there only where there is a stretch of λ to ramp in."""
    minima = Minima.read(run)
    low, high = (0.0, 0.0) if minima is None else minima.valley
    return bool(low < high)


def stage_settings(run: Any) -> dict[str, Any]:
    """The live stage: balls on the sum of both energies, at the tenth of its height."""
    return {"n_balls": 300, "seed": run.spec.seed, "start": "uniform", "title": _("Data and regulariser together")}


def explanation() -> str:
    """Every symbol of the page, in plain words."""
    return _(
        "**The relief** is the energy that training feels: the loss on the data plus the regulariser. Weight decay "
        "adds λ|θ|²/2, where **θ** are all weights of the network, |θ|² is the sum of their squares and **λ** is the "
        "strength; Σ|θ| adds λ times the sum of their sizes. The plane is laid through three minima, at the weakest, "
        "a middle and the largest λ.\n\n"
        "**The minimum moves.** At a minimum two forces balance: the data's and the regulariser's. As λ grows the "
        "data energy there rises by −λ dR/dλ, where **R** is the regulariser at λ = 1, and the lowest total energy "
        "rises by R alone. Now and then a minimum vanishes: the network falls to another one (dotted), and turning λ "
        "back does not bring it back.\n\n"
        "**Heat.** Each sample has its own gradient; **C** is the covariance of these gradients, and its trace **tr "
        "C** says how strongly minibatches shake. Weight decay pulls all samples alike and leaves C as it is. "
        "Dropout leaves out each hidden unit with a probability p, for each sample anew; label noise shows another "
        "class now and then. Both add to C. With few units all masks can be gone through: that is the theory. What "
        "is the same in all draws is no heat but one more energy; the right half of the chart shows it. T = lr tr "
        "C/(2 B d (1 − μ)) is the bath's temperature for learning rate **lr**, **B** samples per step, **d** weights "
        "and momentum **μ**.\n\n"
        "**Work.** Walkers are networks that are shaken at a temperature **T** by a bath that is the same at each "
        "place (Langevin motion; every step is checked so that Boltzmann's law stays exact; steps are shaped to the "
        "valley, so that soft directions do not take for ever). They settle at the lower λ. Then λ is turned up: at "
        "each turn the work **W** grows by |θ|²/2 times the turn. The free energy difference **ΔF** is T/2 Σ ln((h + "
        "λ₁)/(h + λ₀)) plus the rise of the lowest loss, where **h** are the curvatures of the data's loss: exact "
        "for linear regression, and good for a network while its valley is a parabola. The average of e^(−W/T) must "
        "give the same ΔF (Jarzynski 1997).\n\n"
        "**A loop.** A free energy belongs to a place, like a height: whoever walks slowly around a loop and comes "
        "back has done no work. So two groups of weights get a weight decay each, and both strengths go around a "
        "rectangle, one way and the other. Half the difference of the two is the work of the loop itself. For heat "
        "that is alike in all directions it is 0, however large the steps; for SGD it is not.\n\n"
        "**The gap** is test minus train loss: how much was learned by heart.\n\n"
        "**Where the analogy breaks.** SGD is no such bath: its noise follows the data, changes with the place, and "
        "has no single temperature, so its work gives no free energy. Dropout's heat has the shape of the network. "
        "And minima that vanish make the path depend on history, which no equilibrium knows.")
