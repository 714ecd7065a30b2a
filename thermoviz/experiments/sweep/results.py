"""What a sweep, and each of its pieces, keeps: a row of numbers for each run."""

from typing import Annotated

import numpy as np

from ...runs.results import Array, Number, Result


class Rows(Result):
    """What was measured of each run. Rows of a sweep are numbered point by point, `seeds` rows for each."""

    values: Annotated[np.ndarray, Array("r k", "Numbers of each run; NaN where one has none", name="mapped",
                                        dtype="float64")]
    computed: Annotated[np.ndarray, Array("r", "Whether the run is computed", dtype="bool")]
    names: Annotated[list[str], Number("Of the numbers", name="mapped")]
    refused: Annotated[dict[str, str], Number("Why runs have no numbers, by their row")]
