"""How it is measured."""

import numpy as np

from thermoviz.core.seeds import rng
from thermoviz.runs.pipeline import Pipeline, Step
from thermoviz.runs.progress import Progress
from thermoviz.runs.results import Pair
from thermoviz.runs.run import Run
from thermoviz.runs.verdict import Verdict, equals, judge

from .results import Walk
from .specification import RandomWalk


def measure(spec: RandomWalk, progress: Progress | None = None) -> Run:
    """A Run of kind "random_walk" with a `Walk` and one verdict."""
    return Pipeline(spec, progress, (Step("walk", 1, walk), Step("walk", 0, verdicts))).run()


def walk(walkers: int, steps: int, seed: int) -> Walk:
    """All of them at once."""
    places = np.cumsum(rng(seed, "walk").choice([-1, 1], (steps, walkers)), axis=0)
    squares = places**2.0
    return Walk(np.arange(1, steps + 1), Pair(squares.mean(1), squares.std(1, ddof=1) / np.sqrt(walkers)))


def verdicts(walk: Walk) -> list[Verdict]:
    """Einstein's law: a distance that grew as a flight's does would be as many times larger as there are steps."""
    n = len(walk.steps)
    found = (walk.squared.value[-1] / n, walk.squared.stderr[-1] / n)
    return [judge("diffusion", found, equals(1.0, unlike=float(n)), theory=1.0, values={"n": n})]
