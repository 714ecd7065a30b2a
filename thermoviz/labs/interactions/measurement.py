"""What do regularisers do? They are extra energies, or better: extra interactions; or else they are extra heat.

Weight decay and |theta|_1 add an energy: the minimum moves, and its data energy pays. Dropout and label noise change
the bath. And turning weight decay up is work, from which a free energy follows (Jarzynski).
"""

from typing import NamedTuple

import numpy as np

from ...core.errors import BadInput
from ...core.landscape.honesty import honesty
from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.learning.data import Dataset
from ...core.learning.networks import MLP, NetworkLoss
from ...core.learning.perturbed import LabelStates
from ...core.seeds import rng
from ...core.statistics.estimators import Estimate
from ...runs.carried import Travelling, in_run
from ...runs.pipeline import Pipeline, Report, Step
from ...runs.progress import Progress
from ...runs.record import Bodies, Grid, Honest, Sample, Section, lost_by_group
from ...runs.results import Pair, Result
from ...runs.run import Run
from .baths import baths, expansion_at
from .loop import loop_work
from .minimum_path import (
    Followed,
    Minimum,
    Regularised,
    data_hessian,
    first_descent,
    follow,
    imbalance,
    response,
    settled,
)
from .ramps import Valley, Walked, linear_data, linear_problem, ramp_linear, ramp_network, valley_below
from .results import BATHS, Baths, Forces, Gaps, LinearRamps, Loops, Minima, Outcome, Parts, Training, Walkers
from .specification import Interactions
from .training import gaps, train
from .verdicts import verdicts

# Strengths at which the minimum is followed (fewer beyond so many parameters), and the least as a share of the largest.
STRENGTHS, FEWER, LARGE = {"l2": 25, "l1": 9}, 9, 300
LEAST = {"l2": 1 / 30, "l1": 1 / 10}
RESOLUTION, MARGIN, TOLERANCE = 41, 0.45, 5e-3
# What the first path on the slice is called, and what all others are.
MEMBERS = ("the minimum as λ grows", "walkers in the ramp")
# The derivative along the minima: by steps of these shares of the strength.
STEPS = (0.02, 0.01)


def measure(spec: Interactions, progress: Progress | None = None) -> Run:
    """A Run of kind "interactions"; U is the total energy at the largest strength, on the plane of three minima.

    The results of `.results`, a `Sample` of the data, the `Grid` and `Section` of the slice, `Bodies` on it (member 0:
    the minimum, over all strengths; 1: walkers, over as many moments of the ramp; losses at the largest strength), and
    verdicts. What the first steps find is shown once there is a slice to show it on: until then they weigh nothing.
    Raises BadInput, also beyond 1000 parameters.
    """
    return Pipeline(spec, progress, (
        Step("data", 0, data), Step("data", 0, sample), Step("data", 0, loss), Step("data", 0, exact),
        Step("minima", 18, path), Step("minima", 0, minima), Step("minima", 0, forces), Step("slice", 8, cut),
        Step("baths", 0, labels), Step("baths", 10, shaken), Step("ramps of linear regression", 10, linear),
        Step("training", 22, trained), Step("ramp of the network", 30, ramped),
        Step("ramp of the network", 0, verdicts))).run()


# Data and network


def data(dataset: object, problem: int) -> Dataset:
    """All samples."""
    return dataset.load(problem)  # type: ignore[attr-defined, no-any-return]


def sample(spec: Interactions, data: Dataset) -> list[Sample | Travelling]:
    """What the run keeps of them: some, and all where they are somebody's own."""
    return [Sample.of(data), Travelling(in_run(spec))]


def loss(network: MLP, data: Dataset) -> NetworkLoss:
    """The loss on the data, in working precision."""
    return NetworkLoss(network, data)


def exact(network: MLP, data: Dataset) -> NetworkLoss:
    """The same in double precision."""
    return NetworkLoss(network, data, dtype="float64")


# The minima


class Path(NamedTuple):
    """The minima of the asked regulariser at `strengths` [k], and the valley in which weight decay can be ramped."""

    regularised: Regularised
    strengths: np.ndarray
    followed: Followed
    valley: Valley


def path(loss: NetworkLoss, exact: NetworkLoss, regulariser: str, strength: float, problem: int, report: Report
         ) -> Path:
    """Followed from a random start."""
    decay, strengths = Regularised(exact, "l2"), _strengths(loss, "l2", strength)
    start = first_descent(decay, loss.init(1, problem)[0], float(strengths[0]), lambda f: report(0.2 * f))
    found = follow(decay, start, strengths, lambda f: report(0.2 + 0.4 * f))
    top = Minimum(found.thetas[-1], found.h[-1])
    valley = valley_below(decay, top, strength, lambda f: report(0.6 + 0.1 * f))
    if regulariser == "l2":
        return Path(decay, strengths, found, valley)
    sparse, strengths = Regularised(exact, "l1"), _strengths(loss, "l1", strength)
    return Path(sparse, strengths, follow(sparse, start, strengths, lambda f: report(0.7 + 0.25 * f)), valley)


def _strengths(loss: NetworkLoss, regulariser: str, strength: float) -> np.ndarray:
    count = FEWER if loss.d > LARGE else STRENGTHS[regulariser]
    return np.geomspace(LEAST[regulariser] * strength, strength, count)


def minima(data: Dataset, exact: NetworkLoss, path: Path) -> Minima:
    """What they are worth."""
    thetas = path.followed.thetas
    test = exact.test_energy(thetas) if data.n_test else np.full(len(thetas), np.nan)
    unbalanced = [imbalance(path.regularised, theta, s) for theta, s in zip(thetas, path.strengths, strict=True)]
    return Minima(path.strengths, path.followed.jumped, exact(thetas), test, path.regularised.energy(thetas),
                  np.array(unbalanced), exact.d, path.valley.strengths[[0, -1]].tolist(), list(MEMBERS))


def forces(exact: NetworkLoss, path: Path, regulariser: str, strength: float, problem: int, report: Report) -> Forces:
    """Derivatives by the strength along the minima: from neighbouring minima, and from one minimum alone."""
    regularised, decays = path.regularised, regulariser == "l2"
    if decays:
        at = path.valley.middle()
        theta, s = path.valley.thetas[at], float(path.valley.strengths[at])
    else:
        s = 0.8 * strength
        theta = settled(regularised, path.followed.thetas[-1], s, lambda f: report(0.0)).theta
    H = data_hessian(exact, theta)
    slopes = []
    for share in STEPS:
        low, high = ((settled(regularised, theta, s * (1 + side * share), lambda f: report(0.0)).theta,
                      s * (1 + side * share)) for side in (-1, 1))
        width = 2 * share * s
        slopes.append([(float(exact(high[0])) - float(exact(low[0]))) / width,
                       (regularised.total(*high) - regularised.total(*low)) / width])
    gradient = regularised.gradient(theta)
    push = rng(problem, "slope").standard_normal(len(theta))
    push *= np.linalg.norm(theta if decays else np.sign(theta)) / np.linalg.norm(push)
    pushed = np.linalg.lstsq(H + (s if decays else 1e-6) * np.eye(len(theta)), push, rcond=1e-10)[0]
    data, total = (Estimate(fine, abs(fine - coarse)) for coarse, fine in zip(*slopes, strict=True))
    return Forces(s, data, float(gradient @ response(regularised, theta, s, H)), -float(gradient @ pushed), total,
                  float(regularised.energy(theta)))


# The slice


class Cut(NamedTuple):
    """The slice, the total energy, and what the run keeps of both."""

    plane: Plane
    total: NetworkLoss
    kept: list[Result]


def cut(spec: Interactions, data: Dataset, loss: NetworkLoss, path: Path, report: Report) -> Cut:
    """The plane through three minima, the total energy on it, and both parts on the same grid."""
    thetas = path.followed.thetas
    plane = plane_through(thetas, spec.problem)
    total = NetworkLoss(spec.network, data, weight_decay=spec.weight_decay, l1=spec.l1)
    places = plane.project(thetas)
    surface = scan(total, plane, RESOLUTION, extent=_extent(places), tolerance=TOLERANCE,
                   progress=lambda fraction, surface: report(fraction))
    at = plane.embed(np.stack(np.meshgrid(surface.xs, surface.ys, indexing="ij"), axis=-1))
    return Cut(plane, total, [
        Section.of(plane, most_points=0), Grid.of(surface),
        Parts(places, plane.residual(thetas), loss.on_plane(plane, surface.xs, surface.ys),
              path.regularised.energy(at))])


# The bath


def labels(loss: NetworkLoss, label_noise: float) -> LabelStates:
    """All labels that a sample may show."""
    return LabelStates(loss, label_noise)


def shaken(spec: Interactions, exact: NetworkLoss, path: Path, labels: LabelStates, report: Report) -> Baths:
    """What each regulariser does to the bath, at a minimum of the valley."""
    at = path.valley.middle()
    here = expansion_at(exact, path.valley.thetas[at], path.valley.hessians[at])
    return baths(here, labels, spec.dropout, (spec.strength, spec.strength), spec.rate, spec.seed, report)


class Trained(NamedTuple):
    """The trainings, and what they came to."""

    training: Training
    gaps: Gaps
    outcome: Outcome


def trained(spec: Interactions, loss: NetworkLoss, labels: LabelStates, report: Report) -> Trained:
    """Networks under every condition, from the same starts."""
    found = train(loss, labels, spec.strength, spec.dropout, spec.rate, spec.networks, spec.steps, spec.problem,
                  spec.seed, report)
    ends = gaps(found)
    group = np.repeat(np.arange(len(BATHS)), spec.networks)
    return Trained(found, ends, Outcome(lost_by_group(BATHS, group, found.diverged_at.reshape(-1))))


# The ramps


def linear(problem: int, ramp_steps: int, walkers: int, seed: int, report: Report) -> tuple[LinearRamps, Loops]:
    """Work on linear regression, where all is known exactly: of ramps, and around a loop."""
    bare = linear_problem(linear_data(problem))
    ramps = ramp_linear(bare, min(ramp_steps, 300), 2 * walkers, seed, lambda f: report(0.5 * f))
    return ramps, loop_work(bare, min(ramp_steps, 100), 8 * walkers, seed, lambda f: report(0.5 + 0.5 * f))


def ramped(spec: Interactions, data: Dataset, loss: NetworkLoss, exact: NetworkLoss, path: Path, minima: Minima,
           cut: Cut, report: Report) -> list[Result]:
    """Walkers in the network's valley while weight decay is ramped; nothing where no valley lasts."""
    if not path.valley.lasting:
        return []
    walked = ramp_network(loss, Regularised(exact, "l2"), path.valley, spec.temperature, spec.ramp_steps, spec.walkers,
                          spec.seed, lambda f: report(0.75 * f))
    moments = np.linspace(0, len(walked.strengths) - 1, len(minima.strengths)).round().astype(int)
    return [walked.kept, _walkers(data, loss, walked, moments, report.part(0.75, 0.95)),
            _bodies(spec, path, cut, walked.thetas[moments]),
            Honest(honesty(cut.total, cut.plane, path.followed.thetas).to_json())]


def _walkers(data: Dataset, loss: NetworkLoss, walked: Walked, moments: np.ndarray, report: Report) -> Walkers:
    """Their losses along the ramp."""
    thetas = walked.thetas[moments]
    train, test = (np.full(thetas.shape[:2], np.nan) for _ in range(2))
    for k, walkers in enumerate(thetas):
        train[k] = loss(walkers)
        if data.n_test:
            test[k] = loss.test_energy(walkers)
        report((k + 1) / len(thetas))
    return Walkers(walked.strengths[moments], *(
        Pair(values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]))
        for values in (train, test, test - train)))


def _bodies(spec: Interactions, path: Path, cut: Cut, thetas: np.ndarray) -> Bodies:
    """The walkers on the slice, beside the minimum."""
    paths = np.concatenate([path.followed.thetas[:, None], thetas], axis=1)
    return Bodies(
        np.linspace(0, spec.ramp_steps, len(paths)).round().astype(np.int32),
        np.stack([cut.total(row) for row in paths]), np.arange(paths.shape[1]) > 0, np.full(paths.shape[1], -1),
        paths_u=cut.plane.project(paths), residual=cut.plane.residual(paths))


def plane_through(thetas: np.ndarray, problem: int = 0) -> Plane:
    """The plane through the first, a middle and the last of the minima [k, d]; if they span none, with 0 or at random.

    Its points are all of the minima, projected.
    """
    first, middle, last = thetas[0], thetas[len(thetas) // 2], thetas[-1]
    for three in ((first, middle, last), (first, np.zeros_like(first), last)):
        try:
            found = Plane.through(*three)
        except BadInput:
            continue
        return Plane(found.origin, found.u, found.v, found.project(thetas))
    found = Plane.random(first if np.any(first) else first + 1e-3, seed=problem)
    return Plane(found.origin, found.u, found.v, found.project(thetas))


def _extent(u: np.ndarray) -> tuple[float, float, float, float]:
    """A box around the minima [k, 2], at least a third as high as wide, and of some size where they stand still."""
    low, high = u.min(axis=0), u.max(axis=0)
    side = max(float((high - low).max()), 0.5)
    centre, half = (low + high) / 2, np.maximum((high - low) / 2 + MARGIN * side, 0.6 * side)
    (a, c), (b, d) = centre - half, centre + half
    return float(a), float(b), float(c), float(d)
