"""The six landscapes that are there from the start: `PRESETS`, and the run files that come with the package.

`python -m thermoviz presets` computes the files anew; a test proves them fresh.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.dynamics.integrators import SGD, Adam
from ..core.energies.potentials import MuellerBrown, TwoBasins
from ..core.errors import BadFile, BadInput
from ..core.landscape.planes import PathPCA, ThroughSolutions
from ..core.learning.datasets import BreastCancer, Digits, Moons, Spirals
from ..core.learning.networks import MLP
from ..core.specs import identity
from ..runs.run import Run, open_run
from .landscape.specification import Descent, Potential

FOLDER = Path(__file__).parent.parent / "presets"
DEFAULT_PRESET = "three-minds"


@dataclass(frozen=True)
class Promise:
    """What a hint says will happen, for tests to play: a number on the page, and where it lies before and after.

    number: "E" (mean energy of the balls) or "share NAME" of the valley NAME. do: in turn ("heat", T) the slider,
    ("press", WORDS) a button of the stage, ("steps", n) of the balls. before, after: (least, most). first: what is done
    before the number is read at all.
    """

    number: str
    before: tuple[float, float]
    do: tuple[tuple[str, Any], ...]
    after: tuple[float, float]
    first: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Preset:
    """A specification with the words around it.

    sentence: what is seen. hint: what to try; promises: that it comes true. temperature: of the balls, where the story
    begins. start: where the balls begin ("uniform", "boltzmann", "training" or "basin", the deepest).
    """

    key: str
    title: str
    subtitle: str
    sentence: str
    hint: str
    spec: Any
    temperature: float
    start: str
    promises: tuple[Promise, ...]

    @property
    def path(self) -> Path:
        """The run file that comes with the package."""
        return FOLDER / f"{self.key}.safetensors"


# Ten seconds at the usual pace.
WATCHED = ("steps", 2400)

PRESETS: dict[str, Preset] = {preset.key: preset for preset in (
    Preset(
        "three-minds", "Three minds", "one task, three solutions",
        "Three networks solved one task in three ways. Heat decides which of their valleys the balls prefer.",
        "Warm the balls to “1 × barrier”: on this slice “deepest” falls from 84% to about 25%, “widest” rises to half.",
        Descent(Spirals(n=300, noise=0.1), MLP((4,), "tanh"), (SGD(0.2, 0.9),), weight_decay=1e-3, batch_size=32,
                replicas=16, steps=600, plane=ThroughSolutions(margin=0.06), seed=7), 0.0055, "boltzmann",
        (Promise("share deepest", (0.75, 0.95), (("heat", 0.55), WATCHED), (0.15, 0.35)),
         Promise("share widest", (0.0, 0.1), (("heat", 0.55), WATCHED), (0.4, 0.6)),
         Promise("share deepest", (0.75, 0.95), (("heat", 0.0248), ("press", "jump to equilibrium")), (0.26, 0.4)),
         Promise("share widest", (0.0, 0.1), (("heat", 0.0248), ("press", "jump to equilibrium")), (0.26, 0.4)))),
    Preset(
        "the-way-down", "The way down", "one training, step by step",
        "One network's way from a random start into a valley, on the plane in which it moved most.",
        "Let the balls go where training began: their mean energy ⟨E⟩ falls to about 0.1, as low as training came.",
        Descent(Moons(n=500, noise=0.2), MLP((16, 16), "tanh"), (SGD(0.05, 0.9),), weight_decay=1e-3, batch_size=32,
                replicas=1, steps=600, plane=PathPCA(), seed=2), 0.01, "training",
        (Promise("E", (0.3, 0.8), (WATCHED,), (0.08, 0.12)),)),
    Preset(
        "digits", "Handwritten digits", "1797 small pictures",
        "Networks that learned to read digits. Every place here is one reader; the valleys read best.",
        "Balls roll down from everywhere: ⟨E⟩ falls to about 0.1. Point at a valley and at a slope: who reads better?",
        Descent(Digits(), MLP((10,), "tanh"), (SGD(0.1, 0.9),), weight_decay=1e-3, batch_size=64, replicas=6, steps=800,
                plane=ThroughSolutions(margin=0.06), seed=0), 0.002, "uniform",
        (Promise("E", (0.3, 10.0), (WATCHED,), (0.08, 0.13)),)),
    Preset(
        "breast-cancer", "Tumours", "two optimisers, one start",
        "Two optimisers leave one start and end in two valleys, equally deep, of the same landscape.",
        "Warm the balls to “1 × barrier”: they cross the pass, and soon “valley 2” holds about half of them.",
        Descent(BreastCancer(), MLP((8,), "tanh"), (SGD(0.1, 0.9), Adam(0.01)), weight_decay=1e-3, batch_size=32,
                replicas=1, steps=1500, plane=PathPCA()), 0.0005, "basin",
        (Promise("share valley 2", (0.0, 0.1), (("heat", 0.0049), WATCHED), (0.38, 0.58)),)),
    Preset(
        "mueller-brown", "Müller-Brown", "a chemist's landscape",
        "A classic of chemistry: a molecule must cross two passes to react, and waits long in between.",
        "Warm the balls to “1 × barrier”: half leave the deepest valley. Then “anneal”: it ends with three quarters.",
        Potential(MuellerBrown()), 10.0, "basin",
        (Promise("share deepest and widest", (0.97, 1.001), (("heat", 106.0), WATCHED), (0.4, 0.6)),
         Promise("share deepest and widest", (0.4, 0.6), (("press", "anneal"), ("steps", 10000)), (0.65, 0.85),
                 first=(("heat", 106.0), WATCHED)))),
    Preset(
        "narrow-deep", "Deep or wide?", "depth against volume",
        "A narrow deep valley against a wide shallow one: cold prefers depth, warmth prefers room.",
        "Warm the balls to T* (0.194): the deepest valley's share falls from 95% to half. Warmer, the widest wins.",
        Potential(TwoBasins(depth=0.4, narrow=16, wide=2, distance=1.1)), 0.08, "boltzmann",
        (Promise("share deepest", (0.9, 1.0), (("heat", 0.194), WATCHED), (0.42, 0.64)),
         Promise("share widest", (0.0, 0.1), (("heat", 0.94), WATCHED), (0.68, 0.86)))),
)}


def preset(key: str) -> Preset:
    """The preset called `key`. Raises BadInput for an unknown one."""
    if key not in PRESETS:
        raise BadInput(f"there is no preset {str(key)[:40]!r}; known are {', '.join(PRESETS)}.")
    return PRESETS[key]


@functools.cache
def load_preset(key: str) -> Run:
    """The run of a preset, from its file. Raises BadInput for an unknown key, BadFile for a stale or missing file."""
    run = open_run(preset(key).path, {"descent": Descent, "potential": Potential})
    if run.id != identity(PRESETS[key].spec):
        raise BadFile(f"the file of the preset {key} is stale: run `python -m thermoviz presets`.")
    return run


@functools.cache
def preset_of(id: str) -> str | None:
    """The key of the preset whose file holds the run `id`, or None."""
    for key, preset in PRESETS.items():
        if identity(preset.spec) == id:
            try:
                load_preset(key)
            except BadFile:
                return None  # stale: it is computed like any other
            return key
    return None
