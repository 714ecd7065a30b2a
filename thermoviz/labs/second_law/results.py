"""What a run of SecondLaw keeps."""

from typing import Annotated

import numpy as np

from ...runs.results import Array, Measured, Number, Pair, Result


class Bath(Result):
    """The bath, and the moments of the cloud (of the exact evolution, once that is known: it goes further)."""

    times: Annotated[np.ndarray, Array("T", "Moments: 0, then evenly in log t", "time")]
    T: Annotated[float, Number("Temperature", "energy")]
    dt: Annotated[float, Number("Step of the balls", "time")]


class Evolution(Result):
    """The exactly evolved density: its thermodynamics over time, and that of equilibrium. Not at T = 0."""

    times: Annotated[np.ndarray, Array("T", "Moments: 0, then evenly in log t, beyond the cloud's last moment", "time")]
    E: Annotated[np.ndarray, Array("T", "Mean energy", "energy", name="exact_E")]
    S: Annotated[np.ndarray, Array("T", "Entropy", "nats", name="exact_S")]
    F: Annotated[np.ndarray, Array("T", "Free energy E - TS", "energy", name="exact_F")]
    E_eq: Annotated[float, Number("Mean energy in equilibrium", "energy")]
    S_eq: Annotated[float, Number("Entropy in equilibrium", "nats")]
    F_eq: Annotated[float, Number("Free energy in equilibrium, -T ln Z", "energy")]
    cells: Annotated[list[int], Number("Cells along each side")]
    coarseness: Annotated[float, Number("Largest change of energy between neighbouring cells that matter", "T")]
    reached: Annotated[float, Number("Time that the exact evolution reached", "time")]
    arrived: Annotated[bool, Number("Whether it came to rest")]
    cells_error: Annotated[float, Number("Error of F at rest, of the cells", "energy")]


class Density(Result):
    """The exact density at a few moments."""

    times: Annotated[np.ndarray, Array("s", "Moments of the pictures", "time", name="snapshot_times")]
    xs: Annotated[np.ndarray, Array("nx", "Places along the first side", name="snapshot_xs")]
    ys: Annotated[np.ndarray, Array("ny", "Places along the second side", name="snapshot_ys")]
    density: Annotated[np.ndarray, Array("p nx ny", "Probability per area at the first p of the moments",
                                         name="snapshot_density", dtype="float32")]


class Cloud(Result):
    """The balls, with standard errors; NaN beyond their last moment. Without heat F = E, and there is no S."""

    E: Annotated[Pair, Measured("T", "Mean energy", "energy", name="cloud_E")]
    F: Annotated[Pair, Measured("T", "Free energy E - TS", "energy", name="cloud_F")]
    S: Annotated[Pair | None, Measured("T", "Entropy", "nats", name="cloud_S")] = None


class Balls(Result):
    """Some of the balls at a few moments."""

    times: Annotated[np.ndarray, Array("s", "Moments of the pictures", "time", name="snapshot_times")]
    places: Annotated[np.ndarray, Array("s b 2", "Where they are", name="snapshot_balls", dtype="float32")]
