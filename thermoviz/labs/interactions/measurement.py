"""What do regularisers do? They are extra energies, or better: extra interactions; or else they are extra heat.

Weight decay and |theta|_1 add an energy: the minimum moves, and its data energy pays. Dropout and label noise change
the bath. And turning weight decay up is work, from which a free energy follows (Jarzynski).
"""

from typing import Any

import numpy as np

from ...core.errors import BadInput
from ...core.landscape.honesty import honesty
from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.learning.data import Dataset
from ...core.learning.networks import NetworkLoss
from ...core.learning.perturbed import LabelStates
from ...core.seeds import rng
from ...experiments.landscape.measurement import sample_arrays
from ...experiments.landscape.specification import surface_arrays, surface_numbers
from ...runs.carried import in_run
from ...runs.progress import Progress, Stages
from ...runs.run import Run
from .baths import BATHS, baths, expansion_at
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
from .ramps import linear_data, linear_problem, ramp_linear, ramp_network, valley_below
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

    Arrays. Along the minima, over `strengths` [k]: `minimum_u` [k, 2], `minimum_residual`, `minimum_data`,
    `minimum_test` (NaN without a test part), `minimum_added` (the regulariser at strength 1), `minimum_imbalance`
    [k]; `jumped` [k - 1]. On the grid: `slice_data`, `slice_added` [nx, ny]. Of training:
    `interactions_training.train` and `.gaps`. Of ramps: `linear_work`, `network_work` [2, n] (forth; back with its
    sign turned); over `ramp_strengths` [T] means over walkers and errors: `ramp_train`, `ramp_test`, `ramp_gap`,
    `..._error`. As of a descent, over T moments of the ramp: `steps`, `losses` (at the largest strength),
    `paths_u`, `residual`, `member` (0: the minimum, over all strengths; 1: walkers).
    Numbers: `d`, `diverged`, `honesty`, `forces`, `baths` (see `noisy_baths.baths`), `linear` and `network` (see
    `interactions_ramps`; `loop` of linear: `interactions_loop`), `valley` (strengths between which the minimum
    moves without a jump), `members`, `verdicts`. Raises BadInput, also beyond 1000 parameters.
    """
    return _Experiment(spec, Stages(progress)).run()


class _Experiment:
    """One computation: it fills `arrays` and `numbers` from the exact to the sampled, showing what it has."""

    def __init__(self, spec: Interactions, stages: Stages) -> None:
        self.spec, self.stages = spec, stages
        stages.tell(0.0, "data")
        self.data = spec.dataset.load(spec.problem)
        self.loss = NetworkLoss(spec.network, self.data)
        self.exact = NetworkLoss(spec.network, self.data, dtype="float64")
        self.arrays: dict[str, np.ndarray] = _sample_of(spec, self.data)
        self.numbers: dict[str, Any] = {"d": self.loss.d, "diverged": None, "members": list(MEMBERS)}

    def run(self) -> Run:
        tell = self.stages.tell
        self._follow(self.stages.part("minima", 0.02, 0.2))
        self._cut(0.2, 0.28)
        tell(0.28, "slice", self._so_far, now=True)
        self._measure_baths(self.stages.part("baths", 0.28, 0.38))
        tell(0.38, "baths", self._so_far, now=True)
        self._ramp_linear(self.stages.part("ramps of linear regression", 0.38, 0.48))
        tell(0.48, "ramps of linear regression", self._so_far, now=True)
        self._train(self.stages.part("training", 0.48, 0.7))
        tell(0.7, "training", self._so_far, now=True)
        self._ramp_network(self.stages.part("ramp of the network", 0.7, 0.98))
        self.numbers["verdicts"] = [one.to_json() for one in verdicts(self.spec, self.arrays, self.numbers)]
        return self._so_far()

    def _so_far(self) -> Run:
        return Run(self.spec, dict(self.arrays), dict(self.numbers))

    # The minima

    def _follow(self, report: Any) -> None:
        """The minima of the asked regulariser, and the valley in which weight decay can be ramped."""
        spec = self.spec
        decay = Regularised(self.exact, "l2")
        strengths = self._strengths("l2")
        start = first_descent(decay, self.loss.init(1, spec.problem)[0], float(strengths[0]),
                              lambda f: report(0.2 * f))
        found = follow(decay, start, strengths, lambda f: report(0.2 + 0.4 * f))
        top = Minimum(found.thetas[-1], found.h[-1])
        self.valley = valley_below(decay, top, spec.strength, lambda f: report(0.6 + 0.1 * f))
        self.regularised, self.decay = decay, decay
        if spec.regulariser == "l1":
            self.regularised, strengths = Regularised(self.exact, "l1"), self._strengths("l1")
            found = follow(self.regularised, start, strengths, lambda f: report(0.7 + 0.25 * f))
        self.followed = found
        self._keep_minima(found, strengths)
        self.numbers["valley"] = self.valley.strengths[[0, -1]].tolist()
        self.numbers["forces"] = self._forces(report)

    def _strengths(self, regulariser: str) -> np.ndarray:
        count = FEWER if self.loss.d > LARGE else STRENGTHS[regulariser]
        return np.geomspace(LEAST[regulariser] * self.spec.strength, self.spec.strength, count)

    def _keep_minima(self, found: Followed, strengths: np.ndarray) -> None:
        thetas, loss = found.thetas, self.exact
        test = loss.test_energy(thetas) if self.data.n_test else np.full(len(thetas), np.nan)
        self.arrays |= {
            "strengths": strengths, "jumped": found.jumped, "minimum_data": loss(thetas), "minimum_test": test,
            "minimum_added": self.regularised.energy(thetas), "minimum_imbalance": np.array(
                [imbalance(self.regularised, theta, s) for theta, s in zip(thetas, strengths, strict=True)])}

    def _forces(self, report: Any) -> dict[str, Any]:
        """Derivatives by the strength along the minima: from neighbouring minima, and from one minimum alone."""
        regularised, decays = self.regularised, self.spec.regulariser == "l2"
        if decays:
            at = self.valley.middle()
            theta, s = self.valley.thetas[at], float(self.valley.strengths[at])
        else:
            s = 0.8 * self.spec.strength
            theta = settled(regularised, self.followed.thetas[-1], s, lambda f: report(0.95)).theta
        H = data_hessian(self.exact, theta)
        slopes = []
        for share in STEPS:
            low, high = ((settled(regularised, theta, s * (1 + side * share), lambda f: report(0.97)).theta,
                          s * (1 + side * share)) for side in (-1, 1))
            width = 2 * share * s
            slopes.append([(float(self.exact(high[0])) - float(self.exact(low[0]))) / width,
                           (regularised.total(*high) - regularised.total(*low)) / width])
        gradient = regularised.gradient(theta)
        push = rng(self.spec.problem, "slope").standard_normal(len(theta))
        push *= np.linalg.norm(theta if decays else np.sign(theta)) / np.linalg.norm(push)
        pushed = np.linalg.lstsq(H + (s if decays else 1e-6) * np.eye(len(theta)), push, rcond=1e-10)[0]
        return {"strength": s, "data": slopes[1][0], "data_error": abs(slopes[1][0] - slopes[0][0]),
                "data_theory": float(gradient @ response(regularised, theta, s, H)),
                "random": -float(gradient @ pushed),
                "total": slopes[1][1], "total_error": abs(slopes[1][1] - slopes[0][1]),
                "total_theory": float(regularised.energy(theta))}

    # The slice

    def _cut(self, start: float, end: float) -> None:
        """The plane through three minima, the total energy on it, and both parts on the same grid."""
        spec, thetas = self.spec, self.followed.thetas
        self.plane = plane_through(thetas, spec.problem)
        total = NetworkLoss(spec.network, self.data, weight_decay=spec.weight_decay, l1=spec.l1)
        self.arrays |= {"plane_origin": self.plane.origin, "plane_u": self.plane.u, "plane_v": self.plane.v,
                        "plane_tick_scale": self.plane.tick_scale, "minimum_u": self.plane.project(thetas),
                        "minimum_residual": self.plane.residual(thetas)}
        report = self.stages.part("slice", start, end)
        surface = scan(total, self.plane, RESOLUTION, extent=_extent(self.arrays["minimum_u"]), tolerance=TOLERANCE,
                       progress=lambda fraction, surface: report(fraction))
        at = self.plane.embed(np.stack(np.meshgrid(surface.xs, surface.ys, indexing="ij"), axis=-1))
        self.arrays |= surface_arrays(surface) | {
            "slice_data": self.loss.on_plane(self.plane, surface.xs, surface.ys).astype(np.float32),
            "slice_added": self.regularised.energy(at).astype(np.float32)}
        self.numbers |= surface_numbers(surface)
        self.total = total

    # The bath

    def _measure_baths(self, report: Any) -> None:
        spec, at = self.spec, self.valley.middle()
        self.labels = LabelStates(self.loss, spec.label_noise)
        here = expansion_at(self.exact, self.valley.thetas[at], self.valley.hessians[at])
        self.numbers["baths"] = baths(here, self.labels, spec.dropout, (spec.strength, spec.strength), spec.rate,
                                      spec.seed, report)

    def _train(self, report: Any) -> None:
        spec = self.spec
        found = train(self.loss, self.labels, spec.strength, spec.dropout, spec.rate, spec.networks, spec.steps,
                      spec.problem, spec.seed, report)
        ends = gaps(found)
        self.arrays |= found | ends
        self.numbers["diverged"] = _diverged(ends["lost"], found["train_diverged_at"], spec.networks)

    # The ramps

    def _ramp_linear(self, report: Any) -> None:
        spec = self.spec
        linear = linear_problem(linear_data(spec.problem))
        found = ramp_linear(linear, min(spec.ramp_steps, 300), 2 * spec.walkers, spec.seed,
                            lambda f: report(0.5 * f))
        self.arrays["linear_work"] = found.pop("work")
        self.numbers["linear"] = found | {"loop": loop_work(linear, min(spec.ramp_steps, 100), 8 * spec.walkers,
                                                            spec.seed, lambda f: report(0.5 + 0.5 * f))}

    def _ramp_network(self, report: Any) -> None:
        spec = self.spec
        if not self.valley.lasting:
            return
        walked = ramp_network(self.loss, self.decay, self.valley, spec.temperature, spec.ramp_steps, spec.walkers,
                              spec.seed, lambda f: report(0.8 * f))
        self.numbers["network"] = walked.numbers
        self.arrays["network_work"] = walked.work
        moments = np.linspace(0, len(walked.strengths) - 1, len(self.arrays["strengths"])).round().astype(int)
        self._keep_walkers(walked.strengths[moments], walked.thetas[moments], report)

    def _keep_walkers(self, strengths: np.ndarray, thetas: np.ndarray, report: Any) -> None:
        """Losses of the walkers along the ramp, and their paths on the slice beside that of the minimum."""
        train, test = (np.full(thetas.shape[:2], np.nan) for _ in range(2))
        for k, walkers in enumerate(thetas):
            train[k] = self.loss(walkers)
            if self.data.n_test:
                test[k] = self.loss.test_energy(walkers)
            report(0.8 + 0.15 * (k + 1) / len(thetas))
        self.arrays["ramp_strengths"] = strengths
        measured: tuple[tuple[str, np.ndarray], ...] = (("train", train), ("test", test), ("gap", test - train))
        for name, values in measured:
            self.arrays[f"ramp_{name}"] = values.mean(axis=1)
            self.arrays[f"ramp_{name}_error"] = values.std(axis=1, ddof=1) / np.sqrt(values.shape[1])
        paths = np.concatenate([self.followed.thetas[:, None], thetas], axis=1)
        self.arrays |= {
            "steps": np.linspace(0, self.spec.ramp_steps, len(paths)).round().astype(np.int32),
            "paths_u": self.plane.project(paths).astype(np.float32),
            "residual": self.plane.residual(paths).astype(np.float32),
            "losses": np.stack([self.total(row) for row in paths]).astype(np.float32),
            "member": (np.arange(paths.shape[1]) > 0).astype(np.int8),
            "diverged_at": np.full(paths.shape[1], -1, np.int32)}
        self.numbers["honesty"] = honesty(self.total, self.plane, self.followed.thetas).to_json()
        report(1.0)


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


def _sample_of(spec: Interactions, data: Dataset) -> dict[str, np.ndarray]:
    """The training points that a run carries, all of them where they are a user's own."""
    return sample_arrays(data) | in_run(spec)


def _diverged(lost: np.ndarray, at: np.ndarray, networks: int) -> str | None:
    """Who diverged in training, and when first; None if nobody did."""
    parts = [f"{name}: {count} of {networks} diverged, the first at step {int(row[row >= 0].min())}"
             for name, count, row in zip(BATHS, lost, at, strict=True) if count]
    return "; ".join(parts) or None
