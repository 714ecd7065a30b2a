"""The pages in the order of the menu: how each is called there, what it asks, and what it shows, in one sentence."""

import dataclasses
from pathlib import Path

from ..experiments.presets import PRESETS
from ..presentation.words import _, term

FOLDER = Path(__file__).parent / "pages"


@dataclasses.dataclass(frozen=True)
class Page:
    """One page. `name`: of its script, and of its address. `title`, `sentence`: its headline, and what is seen there.

    The first page has neither: it says what its preset says.
    """

    name: str
    menu: str
    title: str = ""
    sentence: str = ""

    @property
    def script(self) -> str:
        """The path of its script, as Streamlit wants it."""
        own = FOLDER / f"{self.name}.py"
        return str(own if own.exists() else FOLDER.parents[1] / "labs" / self.name / "page.py")


FIRST = Page("landscape", "Landscape")
MENU: dict[str, Page] = {page.name: page for page in (
    FIRST,
    Page("heat_bath", "Heat bath", "Are data a heat bath?",
         "Every minibatch pushes the network a little to the side, as water molecules push a pollen grain. Here copies "
         "of one trained network are shaken by their data, and the shaking is measured."),
    Page("interactions", "Interactions", "What do regularisers do?",
         "Some are an extra energy: they pull the network, and its minimum moves. Others are extra heat: they shake "
         "it. Here both are measured on one small network."),
    Page("volume_or_depth", "Volume or depth", "Does the deepest valley always win?",
         "No: with heat a wide shallow valley wins, because it offers more places to be."),
    Page("second_law", "Second law", "Does entropy always rise?",
         "A cloud of balls spreads in a heat bath. What falls, always, is its free energy; its entropy may rise or "
         "fall."),
    Page("equilibrium", "Equilibrium", "Is history forgotten?",
         "From outside, yes: networks from different starts end with the same loss and the same answers. Inside, the "
         "noise of SGD keeps where they began, and heat of the same strength forgets it."),
    Page("crystal_or_glass", "Crystal or glass", "Is it worth while to cool slowly?",
         "Cooled slowly, a melt becomes a crystal; cooled at once, a glass. Here balls, or networks, are cooled: "
         "slowly enough, most of them find the deepest valley."),
    Page("about", "About", "A loss landscape is an energy surface, and data are a heat bath",
         "thermoviz trains small networks, cuts slices through their loss landscapes, and lets particles roll on them "
         "under heat that you turn up and down. It makes a physicist's view of machine learning visible, and measures "
         "where that view holds and where it breaks."),
)}


def document_title(page: Page, preset: str, own: bool = False) -> str:
    """What the browser's tab, its history and a link's preview call a page. `own`: it is not the preset as it is."""
    name = term(page.title or PRESETS[preset].title)
    if own and not page.title:
        name = _("An experiment from “{preset}”").format(preset=name)
    return f"{name} · thermoviz"


def document_description(page: Page, preset: str, own: bool = False, changed: str = "") -> str:
    """One or two sentences for who has not opened the link yet. `changed`: against the preset, in words."""
    if page.title:
        return term(page.sentence)
    landscape = PRESETS[preset]
    if not own:
        return f"{term(landscape.sentence)} {term(landscape.hint)}"
    started = _("Balls on the loss landscape of networks, under heat that you turn up and down. Started from "
                "“{preset}”").format(preset=term(landscape.title))
    return f"{started}{': ' if changed else ''}{changed}."
