"""The page "About": the idea in eight claims, what is measured, what a slice is not, where it comes from."""

import streamlit as st

from ... import __version__
from ...core.specs import NUMERICS_VERSION
from ...presentation.looks import LOOKS
from ...presentation.words import _, read_in
from ..drawn import style
from ..menu import LAST, menu
from ..state import visit
from ..style import stylesheet


def about() -> None:
    """Draws the page."""
    read_in(st.context.locale)
    look = LOOKS[visit().look]
    style(look, "style", lambda: stylesheet(look))

    here = menu()[LAST]
    st.title(here.title)
    st.markdown(here.sentence)
    st.markdown("\n".join(f"{i}. **{name}:** {text}" for i, (name, text) in enumerate(claims(), 1)))

    st.subheader(_("What a slice is not"))
    st.markdown(_(
        "A slice is a flat cut through a space of hundreds or thousands of dimensions. Balls feel this fixed "
        "cut; the network feels all dimensions. A cut is not a projection: valleys that are apart on the slice "
        "may be joined around it, and a path drawn on it has a height of its own. Two numbers tell how far to "
        "trust what is drawn: how much of the paths lies in the plane, beside what a mere random walk would "
        "show, and how well the loss on the slice below a path agrees with the path's true loss."))

    st.subheader(_("How the numbers come about"))
    st.markdown(_(
        "- Energies are mean losses over the training data: cross-entropy in nats, or half the squared error. "
        "Boltzmann's constant is 1, so temperatures are in units of the loss.\n- The surface is a smooth "
        "bicubic spline through the computed grid, and the force on a ball is its exact derivative. The grid is "
        "refined until the spline's measured error is small.\n- Balls move by overdamped Langevin dynamics "
        "(Leimkuhler and Matthews, 2013) in your browser; the same equations in Python are the reference that "
        "they are tested against.\n- Equilibrium values are sums over the surface, exact for the slice."))

    st.subheader(_("Sources"))
    st.markdown(_(
        "The idea: “A physicist's view of machine learning: the thermodynamics of machine learning”, Towards "
        "Data Science, an essay that calls itself not rigorous. Slices: Li et al. 2018 (filter-normalised "
        "directions), Garipov et al. 2018 (planes through three solutions), Antognini and Sohl-Dickstein 2018 "
        "(random walks in principal components). Temperature of minibatches: Mandt, Hoffman and Blei 2017, "
        "Jastrzębski et al. 2017, Smith and Le 2018. Fluctuation and dissipation: Yaida 2018; currents: Chaudhari and "
        "Soatto 2018. Work: Jarzynski 1997. Ergodicity: Thirumalai and Mountain 1990. Width against depth: Hochreiter "
        "and Schmidhuber 1997, Zhang et al. 2018."))
    st.caption(_("thermoviz {version}, numerics {numerics}. Nothing that you do here leaves this server.").format(
        version=__version__, numerics=NUMERICS_VERSION))


def claims() -> tuple[tuple[str, str], ...]:
    """The idea: each claim, and what is meant by it."""
    return (
        (_("A model is a physical system"),
         _("many small parts that interact. The landscape is their space of configurations, cut by a "
           "plane.")),
        (_("The loss is an energy"),
         _("what a system tends to lower, though not blindly. At temperature zero the balls only roll "
           "downhill.")),
        (_("Data are a heat bath"),
         _("samples strike the model at random, as water strikes a pollen grain. Batch size and learning rate "
           "set its strength. The page “Heat bath” finds exact relations, but no single temperature and no detailed "
           "balance.")),
        (_("Regularisers are extra energies"),
         _("extra interactions, by which one shapes the landscape. The page “Interactions” turns one on and measures "
           "the work; dropout and label noise turn out to be heat.")),
        (_("The second law"),
         _("in a heat bath it is the free energy F = E − TS that falls; the entropy itself may fall or rise. "
           "A wide valley can win over a deep one: the pages “Second law” and “Volume or depth”.")),
        (_("Thermal equilibrium"),
         _("single balls go on moving while shares and averages stand still, and how they started is "
           "forgotten. The page “Equilibrium” finds this of a network's loss and answers. Its parameters remember "
           "under the noise of SGD, and forget in heat of the same strength.")),
        (_("Metrics are small windows"),
         _("a few numbers miss most of a system. Every slice therefore says how much it hides.")),
        (_("We design the environment"),
         _("the model takes its own shape in it, as a snowflake does. The page “Crystal or glass” cools it slowly and "
           "quickly.")),
    )
