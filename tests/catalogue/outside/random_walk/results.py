"""What a run of RandomWalk keeps."""

from typing import Annotated

import numpy as np

from thermoviz.runs.results import Array, Measured, Pair, Result


class Walk(Result):
    """How far the walkers are from where they began, with standard errors."""

    steps: Annotated[np.ndarray, Array("s", "Steps done")]
    squared: Annotated[Pair, Measured("s", "Mean squared distance")]
