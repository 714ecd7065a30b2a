"""Data are a heat bath: how hot is it, is it the same in all directions, and is SGD in equilibrium with it?

One network is brought to its best minimum; from there many copies are shaken by minibatches in several ways side by
side. Beside them: copies under isotropic heat (the control), and linear regression, where all is known exactly.
"""

from typing import NamedTuple

import numpy as np

from ...core.dynamics.integrators import GradientDescent
from ...core.dynamics.simulation import Trajectory, simulate
from ...core.energies.samples import single_gradients
from ...core.fluctuations.gradient_noise import (
    Bath,
    bath_at,
    centred_gradients,
    expected_dark,
    noise_temperature,
    shape_of_noise,
    turning_plane,
    with_copies,
)
from ...core.fluctuations.gradient_noise import dark as count_dark
from ...core.landscape.honesty import honesty
from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.learning.alignment import distinct_units
from ...core.learning.data import Dataset
from ...core.learning.networks import MLP, NetworkLoss
from ...runs.carried import Travelling, in_run
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Bodies, Finals, Grid, Honest, Sample, Section, lost_by_group
from ...runs.results import Result
from ...runs.run import Run
from .conditions import Copies, best_minimum, refuse_large_batches
from .rate_law import rate_law
from .regression import linear_bath
from .results import SHOWN, Dark, Kicks, Linear, Noise, Outcome, Place, RateLaw, Slice
from .specification import HeatBath
from .stationary import Measured, Stationary
from .verdicts import verdicts

# The slice reaches so many thermal spreads of this batch size (or of a smaller one that is asked for) from the minimum:
# one window for all, so that what is hotter looks hotter. The copies' paths on it have so many points: more would hide
# it, since a shaken copy is somewhere else at each of them.
REACH, WIDEST, RESOLUTION, SHOWN_POINTS = 4.0, 4, 41, 12


def measure(spec: HeatBath, progress: Progress | None = None) -> Run:
    """A Run of kind "heat_bath": the results of `.results`, a `Sample` of the data, the `Grid` and `Section` of the
    slice, `Bodies` and `Finals` of the copies on it, and verdicts. Raises BadInput.

    What the first steps find is shown once there is a slice to show it on: until then they weigh nothing.
    """
    return Pipeline(spec, progress, (
        Step("data", 0, data), Step("data", 0, sample), Step("data", 0, loss), Step("data", 0, checked),
        Step("training", 6, rested), Step("the bath", 3.9, baths), Step("the bath", 0, kicks),
        Step("the bath", 0, noise), Step("the bath", 0, dark), Step("slice", 0.1, cut), Step("copies", 55, shaken),
        Step("thermometers", 5, stationary), Step("lr / B", 20, rates), Step("linear regression", 9, linear),
        Step("verdicts", 1, verdicts))).run()


# Data and network


def data(dataset: object, problem: int) -> Dataset:
    """All samples."""
    return dataset.load(problem)  # type: ignore[attr-defined, no-any-return]


def sample(spec: HeatBath, data: Dataset) -> list[Sample | Travelling]:
    """What the run keeps of them: some, and all where they are somebody's own."""
    return [Sample.of(data), Travelling(in_run(spec))]


def loss(network: MLP, data: Dataset, weight_decay: float) -> NetworkLoss:
    """The energy in which everything happens."""
    return NetworkLoss(network, data, weight_decay=weight_decay)


def checked(spec: HeatBath, loss: NetworkLoss) -> None:
    """Raises BadInput where batches are too large for the data."""
    refuse_large_batches(spec, loss.n_samples)


class Rested(NamedTuple):
    """The best minimum [d] that noisy training finds, its energy, and the random network [d] that led to it."""

    start: np.ndarray
    minimum: np.ndarray
    energy: float


def rested(loss: NetworkLoss, problem: int, report: Report) -> Rested:
    """The network that everything happens to."""
    start, minimum = best_minimum(loss, problem, report)
    return Rested(start, minimum, float(loss(minimum)))


# The noise itself


class Baths(NamedTuple):
    """The baths at three places [3, d]: the start, half-way down, and the minimum."""

    places: np.ndarray
    all: tuple[Bath, ...]

    @property
    def last(self) -> Bath:
        """That of the minimum."""
        return self.all[-1]


def baths(loss: NetworkLoss, rested: Rested, lr: float, report: Report) -> Baths:
    """The noise on the way down."""
    places, found = [rested.start, half_way(loss, rested, lr), rested.minimum], []
    for k, theta in enumerate(places):
        found.append(bath_at(loss, theta))
        report((k + 1) / len(places))
    return Baths(np.stack(places), tuple(found))


def half_way(loss: NetworkLoss, rested: Rested, lr: float) -> np.ndarray:
    """Where plain descent from the start has lost half of its excess loss [d]."""
    path = simulate(loss, GradientDescent(lr), rested.start, 400, record_every=2)
    alive = np.nan_to_num(path.energy[:, 0], nan=np.inf)
    half = 0.5 * (alive[0] + rested.energy)
    return path.x[int(np.argmax(alive <= half)), 0] if (alive <= half).any() else rested.minimum


def kicks(loss: NetworkLoss, rested: Rested, batch_size: int, seed: int) -> Kicks:
    """How normal single samples and batches push along the noisiest direction."""
    direction = loss.leading_eigenpairs(rested.minimum, 1, of="noise")[1][0]
    return Kicks(*shape_of_noise(single_gradients(loss, rested.minimum), direction, batch_size, seed))


def noise(spec: HeatBath, loss: NetworkLoss, rested: Rested, baths: Baths) -> Noise:
    """Spectra and temperature."""
    here = baths.last
    lit = max(loss.d - (here.dark or 0), 1)
    return Noise(
        np.stack([bath.noise for bath in baths.all]), np.stack([bath.h for bath in baths.all]),
        np.asarray(loss(baths.places)), [Place(*(getattr(bath, name) for name in Place._fields)) for bath in baths.all],
        loss.d, rested.energy, noise_temperature(spec.lr, 1 / spec.batch_size, here.trace_C, lit),
        spec.lr * float(here.h[0]))


def dark(loss: NetworkLoss, rested: Rested, baths: Baths) -> Dark:
    """In how many directions no sample pushes, here and where half of the hidden units are copies."""
    counts = [baths.last.dark, expected_dark(loss, rested.minimum)]
    distinct = distinct_units(rested.minimum, loss).tolist()
    if baths.last.dark is None:
        return Dark(counts, None, None, distinct)
    begun = count_dark(centred_gradients(loss, rested.start))
    if (copied := with_copies(loss, rested.minimum)) is None:
        return Dark(counts, None, begun, distinct)
    pushes = centred_gradients(loss, copied)
    return Dark(counts, count_dark(pushes), begun, distinct,
                np.linalg.svd(pushes, compute_uv=False) ** 2 / len(pushes))


# The slice


class Cut(NamedTuple):
    """The slice, and what the run keeps of it."""

    plane: Plane
    kept: list[Result]


def cut(spec: HeatBath, loss: NetworkLoss, rested: Rested, baths: Baths) -> Cut:
    """The plane of the two Hessian directions in which the cloud turns most, wide enough for the hottest cloud."""
    bath = baths.last
    i, j = turning_plane(bath)
    strength = np.maximum(np.diag(bath.covariance)[[i, j]], bath.trace_C / loss.d)
    spread = np.sqrt(spec.lr / (2 * min(spec.batch_size, WIDEST)) * strength / np.maximum(
        bath.h[[i, j]], spec.weight_decay))
    u, v = REACH * spread
    plane = Plane(rested.minimum, bath.axes[:, i], bath.axes[:, j])
    in_plane = spec.lr * float(np.trace(bath.covariance[np.ix_([i, j], [i, j])]))
    return Cut(plane, [Section.of(plane), Grid.of(scan(loss, plane, RESOLUTION, extent=(-u, u, -v, v))),
                       Slice([i, j], [in_plane / 4], [in_plane / (4 * spec.batch_size)])])


# The copies


class Shaken(NamedTuple):
    """The copies, and what the run keeps of them."""

    copies: Copies
    kept: list[Result]


def shaken(spec: HeatBath, loss: NetworkLoss, rested: Rested, baths: Baths, noise: Noise, cut: Cut,
           report: Report) -> Shaken:
    """The copies, all conditions in one batch."""
    copies = Copies(spec, loss, rested.minimum, baths.last, noise.T)
    path = copies.run(SHOWN_POINTS, lambda fraction: report(fraction, copies.courses))
    outcome = Outcome(lost_by_group(copies.names, copies.group, copies.diverged_at), list(SHOWN))
    return Shaken(copies, [copies.courses(), outcome, *bodies(copies, path, cut.plane)])


def bodies(copies: Copies, path: Trajectory, plane: Plane) -> list[Result]:
    """Copies under SGD and under isotropic heat as bodies on the slice, and how much it hides of them."""
    rows, member = copies.bodies()
    fine = path.diverged_at[rows] < 0
    if not fine.any():
        return []
    paths = path.x[:, rows].astype(np.float32)
    return [Bodies(path.steps, path.energy[:, rows], member, path.diverged_at[rows], path.steps * copies.spec.lr,
                   **Bodies.on(plane, paths)),
            Finals(paths[-1][fine], np.flatnonzero(fine)),
            Honest(honesty(copies.loss, plane, paths[:, fine]).to_json())]


def stationary(shaken: Shaken, report: Report) -> Stationary:
    """What the copies do once they have settled."""
    return Measured(shaken.copies).all(report)


# Laws


def rates(spec: HeatBath, loss: NetworkLoss, rested: Rested, report: Report) -> RateLaw:
    """The lr/B law: training from one start at equal lr x steps."""
    return rate_law(spec, loss, rested.start, rested.energy, report)


def linear(replicas: int, seed: int, report: Report) -> Linear:
    """Linear regression and a known whirl: the instrument where every number is known."""
    return linear_bath(replicas, seed, report)
