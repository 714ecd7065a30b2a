"""The six landscapes that are there from the start: `PRESETS`, and the run files that come with the package.

`python -m thermoviz presets` computes the files anew; a test proves them fresh.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.datasets import BreastCancer, Digits, Moons
from ..core.dynamics import SGD, Adam
from ..core.energies import MuellerBrown, TwoBasins
from ..core.errors import BadFile, BadInput
from ..core.networks import MLP
from ..core.planes import PathPCA, ThroughSolutions
from ..core.specs import identity
from .landscape import Descent, Potential
from .run import Run, open_run

FOLDER = Path(__file__).parent.parent / "presets"
DEFAULT_PRESET = "three-minds"


@dataclass(frozen=True)
class Preset:
    """A specification with the words around it.

    sentence: what is seen. hint: what to try. temperature: of the balls, where the story shows. start: where
    the balls begin ("uniform", "boltzmann", "training" or "basin").
    """

    key: str
    title: str
    subtitle: str
    sentence: str
    hint: str
    spec: Any
    temperature: float
    start: str

    @property
    def path(self) -> Path:
        """The run file that comes with the package."""
        return FOLDER / f"{self.key}.safetensors"


_MOONS = Descent(Moons(n=500, noise=0.2), MLP((16, 16), "tanh"), (SGD(0.2, 0.9),), weight_decay=1e-3, batch_size=32,
                 replicas=32, steps=1000, plane=ThroughSolutions())

PRESETS: dict[str, Preset] = {preset.key: preset for preset in (
    Preset(
        "three-minds", "Three minds", "one task, three solutions",
        "Three networks learned the same task in three ways; heat lets the balls choose between them.",
        "Turn the temperature up: the deepest valley wins while it is cold, the widest once it is warm.",
        _MOONS, 0.06, "uniform"),
    Preset(
        "the-way-down", "The way down", "one training, step by step",
        "One network's way from a random start into a valley, on the plane in which it moved most.",
        "Drop balls at the start of the path: do they find the same valley without the other dimensions?",
        Descent(Moons(n=500, noise=0.2), MLP((16, 16), "tanh"), (SGD(0.05, 0.9),), weight_decay=1e-3, batch_size=32,
                replicas=1, steps=600, plane=PathPCA(), seed=2), 0.01, "training"),
    Preset(
        "digits", "Handwritten digits", "1797 small pictures",
        "Networks that learned to read digits: every point of this land is one reader, the valleys read best.",
        "Point at a valley and then at a slope: see how the answers to the same pictures change.",
        Descent(Digits(), MLP((32,), "relu"), (SGD(0.1, 0.9),), weight_decay=1e-3, batch_size=64, replicas=8, steps=800,
                plane=ThroughSolutions(), seed=3), 0.04, "uniform"),
    Preset(
        "breast-cancer", "Tumours", "two optimisers, one start",
        "Two optimisers leave the same start and end in two valleys, equally deep, of the same landscape.",
        "Follow the two colours; then warm the balls until they cross the pass between the two ends.",
        Descent(BreastCancer(), MLP((8,), "tanh"), (SGD(0.1, 0.9), Adam(0.01)), weight_decay=1e-3, batch_size=32,
                replicas=1, steps=1500, plane=PathPCA()), 0.001, "training"),
    Preset(
        "mueller-brown", "Müller-Brown", "a chemist's landscape",
        "A classic of chemistry: a molecule must pass two passes to react, and waits long in between.",
        "Warm it until balls begin to cross, then cool: where do they end up?",
        Potential(MuellerBrown()), 20.0, "basin"),
    Preset(
        "narrow-deep", "Deep or wide?", "depth against volume",
        "A narrow deep valley against a wide shallow one: cold prefers depth, warmth prefers room.",
        "Find the temperature at which both hold half of the balls.",
        Potential(TwoBasins(depth=0.4, narrow=16, wide=2, distance=1.1)), 0.15, "uniform"),
)}


def preset(key: str) -> Preset:
    """The preset called `key`. Raises BadInput for an unknown one."""
    if key not in PRESETS:
        raise BadInput(f"there is no preset {key!r}; known are {', '.join(PRESETS)}.")
    return PRESETS[key]


@functools.cache
def load_preset(key: str) -> Run:
    """The run of a preset, from its file. Raises BadInput for an unknown key, BadFile for a stale or missing file."""
    run = open_run(preset(key).path)
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
