"""What a run of VolumeOrDepth keeps. F is counted from one common well; NaN where there are too few samples."""

from typing import Annotated

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.results import Array, Measured, Number, Pair, Result


class Line(Result):
    """The energy along the axis that joins the two minima, for drawing, and its pass."""

    x: Annotated[np.ndarray, Array("m", "Places on the line", name="line_x")]
    E: Annotated[np.ndarray, Array("m", "Energy there", "energy", name="line_E")]
    ridge: Annotated[float, Number("Where E is highest between the minima")]
    barrier: Annotated[float, Number("How far the pass lies above the deep minimum", "energy")]


class Curves(Result):
    """Free energies of the deep and the wide basin, and the deep one's share, against temperature."""

    T: Annotated[np.ndarray, Array("t", "Temperatures, the coldest first", "energy")]
    F: Annotated[Pair, Measured("t 2", "Free energies, measured without a hop", "energy", error="_stderr")]
    F_exact: Annotated[np.ndarray, Array("t 2", "The same by quadrature", "energy")]
    F_harmonic: Annotated[np.ndarray, Array("t 2", "The same of harmonic theory", "energy")]
    share: Annotated[Pair, Measured("t", "Share of the deep basin, from F", error="_stderr")]
    share_exact: Annotated[np.ndarray, Array("t", "The same by quadrature")]
    share_harmonic: Annotated[np.ndarray, Array("t", "The same of harmonic theory")]


class Crossing(Result):
    """T*, at which both basins hold half; None where there is none, or none is seen."""

    predicted: Annotated[float | None, Number("Of harmonic theory", "energy", name="crossing.predicted")]
    exact: Annotated[float | None, Number("By quadrature", "energy", name="crossing.exact")]
    measured: Annotated[Estimate | None, Number("Measured", "energy", name="crossing.measured", error="stderr")]


class EqualWidths(Result):
    """The control: the deep basin's share where both are equally wide."""

    share: Annotated[Pair, Measured("t", "Measured", name="control_share", error="control_stderr")]
    exact: Annotated[np.ndarray, Array("t", "By quadrature", name="control_exact")]


class Overtaking(Result):
    """On the slice, exactly: where the largest share changes its valley, and where harmonic theory says so.

    The two valleys of the coldest crossing; without one the deepest, and the largest at T = the surface's scale.
    """

    deepest: Annotated[int, Number("The valley that wins in the cold", name="slice.deepest")]
    widest: Annotated[int, Number("The valley that wins in the heat", name="slice.widest")]
    crossing: Annotated[float | None, Number("Temperature, None where none is seen", "energy", name="slice.crossing")]
    predicted: Annotated[float | None, Number("The same of harmonic theory; None where one valley is both, or is not "
                                              "harmonic", "energy", name="slice.predicted")]


class FreeWalkers(Result):
    """Shares of the deep basin seen by walkers that hop, by where they began: in the deep or in the wide one."""

    T: Annotated[np.ndarray, Array("k", "Temperatures, the coldest first", "energy", name="hop_T")]
    share: Annotated[Pair, Measured("k 2", "Share of the deep basin", name="hop_share", error="hop_stderr")]
    claimed: Annotated[np.ndarray, Array("k", "Whether the barrier allows hops and both starts tell the same",
                                         name="hop_claimed", dtype="int8")]


class Solutions(Result):
    """Two solutions of one learning problem, A of small and B of large batches, and their heated copies.

    F = L + T/2 sum ln h - T ln copies, lengths in units of a weight and the parabola taken to its end: it means
    something up to `harmonic_up_to`, and is NaN where some h <= 0.
    """

    h: Annotated[np.ndarray, Array("2 d", "Hessian eigenvalues of the loss with its weight decay", name="net_h")]
    width: Annotated[np.ndarray, Array("2 d", "How far each direction stays harmonic", name="net_width")]
    T: Annotated[np.ndarray, Array("t", "Temperatures", "nats", name="net_T")]
    F: Annotated[np.ndarray, Array("t 2", "Free energies", "nats", name="net_F")]
    heat: Annotated[np.ndarray, Array("k", "Temperatures of the copies", "nats", name="net_heat")]
    fate: Annotated[np.ndarray, Array("k 2 3", "How many copies of A and of B ended back in A, in B, elsewhere",
                                      name="net_fate")]
    loss: Annotated[list[float], Number("L of both", "nats", name="networks.loss")]
    test_loss: Annotated[list[float], Number("Loss of the test samples", "nats", name="networks.test_loss")]
    accuracy: Annotated[list[float], Number("On the test samples", name="networks.accuracy")]
    half_ln_det: Annotated[list[float | None], Number("Half the sum of ln h", name="networks.half_ln_det")]
    ln_copies: Annotated[list[float], Number("Logarithm of how many renamings", name="networks.ln_copies")]
    harmonic_up_to: Annotated[list[float], Number("Largest heat of a harmonic basin; 0: some h <= 0", "nats",
                                                  name="networks.harmonic_up_to")]
    distance: Annotated[float, Number("Between A and B as they stand", name="networks.distance")]
    aligned: Annotated[float, Number("The same with hidden units renamed", name="networks.aligned")]
    same: Annotated[bool, Number("Whether both are one solution", name="networks.same")]
    crossing: Annotated[float | None, Number("T* of harmonic theory; None where the deeper is the wider", "nats",
                                             name="networks.crossing")]
    d: Annotated[int, Number("Parameters", name="networks.d")]
    copies: Annotated[int, Number("Copies per heat and solution", name="networks.copies")]
    batches: Annotated[list[int], Number("Samples per step of A and of B", name="networks.batches")]
