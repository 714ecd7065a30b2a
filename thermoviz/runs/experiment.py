"""The base of everything that can be asked: a specification whose answer is computed by the module beside it."""

from .late import sibling
from .progress import Progress
from .run import Run


class Experiment:
    """Base of the specifications of experiments: fields, ranges and cross-checks only.

    How it is answered stands in its sibling `measurement`: `measure(spec, progress) -> Run`, loaded on first use.
    """

    def compute(self, progress: Progress | None = None) -> Run:
        """The Run that answers the question. Raises BadInput, Cancelled and what the measurement raises."""
        run: Run = sibling(self, "measurement").measure(self, progress)
        return run
