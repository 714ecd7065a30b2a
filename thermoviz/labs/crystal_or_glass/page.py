"""The lab "Crystal or glass": is it worth while to cool slowly?"""

from typing import Any

from ...presentation.page import Chart, Page
from ...presentation.words import _
from . import figures
from .results import Cooled, Drives, Exact, Networks


def page() -> Page:
    """The page as the dashboard draws it."""
    return Page(
        menu=_("Crystal or glass"),
        title=_("Is it worth while to cool slowly?"),
        sentence=_(
            "Cooled slowly, a melt becomes a crystal; cooled at once, a glass. Here balls, or networks, are cooled: "
            "slowly enough, most of them find the deepest valley."),
        answer=figures.answer,
        try_this=figures.try_this,
        charts=charts(),
        explain=explanation(),
        stage=stage_settings,
    )


def charts() -> tuple[Chart, ...]:
    """In the order of the page."""
    return (
        Chart("mass", figures.mass, figures.mass_sentence, needs=Exact.needs()),
        Chart("loops", figures.loops, _(
            "A quick cycle cannot follow its bath: on the way down the energy stays too high, on the way up it rises "
            "too late. The slower the cycle, the nearer both ways come to equilibrium. Thin lines: the exact "
            "evolution."),
            needs=Cooled.needs()),
        Chart("areas", figures.areas, _(
            "Between both ways lies an area. Very quick cycles move nothing, very slow ones close the loop; in between "
            "it is largest. A convex well closes its loop soon; a landscape with passes keeps it open for long."),
            needs=Cooled.needs()),
        Chart("work", figures.work, _(
            "The landscape is tilted towards another valley. The work W it takes is larger on average than the free "
            "energy ΔF; Jarzynski's average of e^(−W/T) gives ΔF back, at any speed, while enough weights count."),
            needs=Drives.needs()),
        Chart("network_losses", figures.network_losses, _(
            "Quenched networks stay in the valley that they fall into; heat lets the others leave a poor one in time. "
            "Means over all problems."),
            needs=Networks.needs(), when=with_networks),
        Chart("network_finals", figures.network_finals, figures.network_sentence, needs=Networks.needs(),
              when=with_networks),
    )


def with_networks(run: Any) -> bool:
    """Charts of the networks are there only where they were asked for."""
    return bool(run.spec.networks)


def stage_settings(run: Any) -> dict[str, Any]:
    """The live stage starts hot and in equilibrium, where a quench and an anneal begin; it anneals as the slowest does.

    As many balls as one cooling time has, but so many that shares can be read, at most what runs smoothly anywhere.
    """
    return {"temperature": run.spec.hot * run.surface.scale, "n_balls": min(max(run.spec.balls, 300), 3000),
            "seed": run.spec.seed, "title": _("The cloud, hot"), "start": "boltzmann", "law": run.spec.programme,
            "programme_steps": run.spec.steps}


def explanation() -> str:
    """Every symbol of the page, in plain words."""
    return _(
        "**Cooling.** The balls start hot: they are shaken at a temperature **T** at which they cross the passes "
        "between valleys again and again. Then T falls. Below some temperature the crossings cease, and each ball "
        "stays in the valley where it happens to be. Slow cooling leaves more time before that, so more balls are in "
        "the deepest valley: a *crystal*. After a quench they are where heat had put them: a *glass*.\n\n"
        "**The green lines** throw no dice. They move probability from cell to cell of a grid under the same "
        "temperatures (a master equation), so they say what infinitely many balls would do; the orange points, with "
        "their standard errors, must agree. *Equilibrium when cold* is where endlessly slow cooling would end.\n\n"
        "**The loop.** Each group is cooled and then heated in the same way. ⟨E⟩ is its mean energy. What does not "
        "come back on the same way encloses the area −∮ E dT; it is the mark of a system that lags behind its bath. "
        "Even a single round valley (*convex well*) has a loop, of known area, but only for cycles as quick as the "
        "valley itself.\n\n"
        "**Replica exchange** keeps balls at eight temperatures at once and lets neighbours trade places. It is the "
        "strong alternative that a claim about slow cooling must be measured against.\n\n"
        "**Work.** When the landscape is changed by hand, each ball is lifted or lowered: that is work **W**. Its mean "
        "is at least the free energy **ΔF** that the change is worth; the rest is lost as heat. Yet the average of "
        "e^(−W/T) gives ΔF exactly (Jarzynski 1997), if the balls started in equilibrium. Rare balls count most in it; "
        "where fewer than 50 weights count in effect, the page says *cannot tell*.\n\n"
        "**Where the analogy breaks.** Slow cooling helps where there are several valleys and heat is the same in all "
        "directions. In training, falling learning rates do something similar, but the heat of minibatches follows the "
        "slope and the data; and in large networks most valleys are equally good, so there is little to gain.")
