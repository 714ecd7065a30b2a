"""A lab's page as data: its words, its charts, what its stage starts with. No widget and no plot is imported here.

`labs/<lab>/page.py: page() -> Page` says it, as a function, so that every sentence is in the language of the visitor of
that moment. `dashboard/lab.py` draws any Page; `figures/still.py` takes single charts from it.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from ..runs.run import Run
from .looks import Look

Draw = Callable[[Run, Look], Any]
# A text, or a function of the run that is shown.
Said = str | Callable[[Run], str]


def always(run: Run) -> bool:
    """The chart belongs to every run of its lab."""
    return True


@dataclasses.dataclass(frozen=True)
class Chart:
    """One chart of a lab: `draw(run, look)` a Plotly figure, `caption` a sentence or a function of the run.

    `needs`: names of the arrays that it draws; until a run has them all the chart's place is held free.
    `wide`: it takes the whole width instead of half of it. `when(run)`: whether the page of that run has it at all.
    """

    key: str
    draw: Draw
    caption: Said = ""
    needs: tuple[str, ...] = ()
    wide: bool = False
    when: Callable[[Run], bool] = always

    def ready(self, run: Run) -> bool:
        return all(name in run.arrays for name in self.needs)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Page:
    """The page of one lab.

    `menu`: its name there. `title`: its question. `sentence`: what is seen there, for who has seen no run yet.
    `charts`: all that there are, in the page's order. `explain`: Markdown, every symbol of the page among it.
    `try_this`: one thing to do. `answer`: the answer in plain words; None: the sentence.
    `stage(run)`: what the live stage starts with (temperature, n_balls, title, seed ...); None: the page has no stage.
    `alone`: the key of the chart that stands for a run where only one is shown; "": the first.
    """

    menu: str
    title: str
    sentence: str
    charts: tuple[Chart, ...]
    explain: str
    try_this: Said = ""
    answer: Said | None = None
    stage: Callable[[Run], dict[str, Any]] | None = None
    alone: str = ""

    def shown(self, run: Run) -> list[Chart]:
        """The charts that the page of this run has."""
        return [chart for chart in self.charts if chart.when(run)]

    @property
    def drawings(self) -> dict[str, Draw]:
        """Every chart by its key, the one that stands for a run alone first."""
        first = sorted(self.charts, key=lambda chart: chart.key != self.alone)
        return {chart.key: chart.draw for chart in first}
