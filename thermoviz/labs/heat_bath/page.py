"""The lab "Heat bath": are data a heat bath, and how hot is it?"""

from typing import Any

from ...presentation.page import Chart, Page
from ...presentation.words import _
from . import figures
from .results import Courses, Currents, Kicks, Linear, Modes, Noise, RateLaw, Slice, Thermometers


def page() -> Page:
    """The page as the dashboard draws it."""
    return Page(
        menu=_("Heat bath"),
        title=_("Are data a heat bath?"),
        sentence=_(
            "Every minibatch pushes the network a little to the side, as water molecules push a pollen grain. Here "
            "copies of one trained network are shaken by their data, and the shaking is measured."),
        answer=figures.answer,
        try_this=figures.try_this,
        charts=charts(),
        explain=explanation(),
        stage=stage_settings,
        alone="modes",
    )


def charts() -> tuple[Chart, ...]:
    """In the order of the page."""
    return (
        Chart("spectrum", figures.spectrum, figures.spectrum_sentence, needs=Noise.needs()),
        Chart("shape", figures.shape, figures.shape_sentence, needs=Kicks.needs()),
        Chart("ratios", figures.ratios, figures.ratios_sentence, needs=Courses.needs(), wide=True),
        Chart("modes", figures.modes, figures.modes_sentence, needs=Modes.needs()),
        Chart("thermometers", figures.thermometers, figures.thermometers_sentence, needs=Thermometers.needs()),
        Chart("rate_curves", figures.rate_curves, figures.rate_curves_sentence, needs=RateLaw.needs()),
        Chart("rate_law", figures.rate_law, figures.rate_law_sentence, needs=RateLaw.needs()),
        Chart("turning", figures.turning, figures.turning_sentence, needs=Currents.needs()),
        Chart("linear", figures.linear, figures.linear_sentence, needs=Linear.needs()),
    )


def stage_settings(run: Any) -> dict[str, Any]:
    """The balls of the stage feel the data's own heat in this slice; white and coloured paths are the networks."""
    return {"temperature": Slice.expect(run).T_slice[0], "n_balls": 1000, "seed": run.spec.seed, "start": "boltzmann",
            "title": _("Copies of one network, shaken by its data")}


def explanation() -> str:
    """Every symbol of the page, in plain words."""
    return _(
        "**The bath.** At one place in parameter space each sample of the data has its own gradient. They differ, and "
        "their covariance **C** is the strength and direction of the noise: a batch of **B** samples pushes with C/B. "
        "*tr C* is all of it; the participation ratio says in how many directions it lives; **H** is the curvature "
        "(Hessian), **h** its eigenvalues. Noise that follows the curvature heats stiff directions only. In some "
        "directions no sample pushes at all: an equal shift of all outputs, and whatever would tell copies of one "
        "hidden unit apart.\n\n**Temperature.** SGD with learning rate **lr** is shaken as if by heat T = lr tr C/(2 "
        "B d), d the number of directions that samples push in. In equilibrium every direction y of the Hessian would "
        "read the same ⟨y ∂E/∂y⟩ = T, however the valley bends; ⟨…⟩ is the mean over time and copies. In a parabola "
        "that is h⟨y²⟩. The headline's T is the mean over all these directions; the balls on the stage feel the heat "
        "of its two directions only, which were chosen because the cloud turns there, and that is another number. The "
        "grey points are copies that feel isotropic heat of the same strength instead of batches: the control, uneven "
        "only by the finite step.\n\n**The exact law.** If every sample's loss is a parabola with a curvature of its "
        "own, the covariance of the copies is known for any learning rate and batch size. Real losses bend away from "
        "parabolas, by a share of lr/B.\n\n**Fluctuation-dissipation.** When nothing grows or shrinks any more, the "
        "step noise must add to the distance from the minimum θ* exactly what descent takes away: ⟨(θ − θ*)·∇f⟩ = (1 "
        "+ μ)/(2 lr)⟨|step|²⟩, with the gradient ∇f of *all* samples and momentum μ (Yaida 2018). Put the batch's own "
        "gradient on both sides and it becomes an identity that tests nothing but standstill. Shuffled epochs use "
        "each sample once per round, so that batches pay each other back; full batches make no noise at all, and "
        "there is nothing to tell.\n\n**lr/B.** The heat depends on lr/B, so that four times the rate with four times "
        "the batch is the same bath. It breaks when a single step is no longer small against the curvature.\n\n"
        "**Detailed balance.** In equilibrium a film of the cloud looks the same backwards. Unequal noise makes it "
        "turn: each copy sweeps an **area** per unit of time (lr × steps), and turning produces **entropy**, here in "
        "the plane of the slice, with the bias of squared noise taken off: per step, how far two places in a row "
        "differ from the same two in reverse. With momentum this test means nothing, as velocities turn in "
        "equilibrium too. So a trained network under SGD is *stationary*, not in equilibrium (Chaudhari and Soatto "
        "2018).\n\n**The instrument** is tested where everything is known: linear regression, whose stationary "
        "covariance is computed exactly (with noise that depends on the place), and a well with a rotation added to "
        "its force.\n\n**Where the analogy breaks.** There is a bath, and it obeys exact relations; but it has no "
        "single temperature, its kicks are not Gaussian in small batches, and it keeps a current going. All of this "
        "holds within one valley: the copies start at one minimum and stay there.")
