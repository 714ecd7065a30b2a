"""Data are a heat bath: how hot is it, is it the same in all directions, and is SGD in equilibrium with it?

One network is brought to its best minimum; from there many copies are shaken by minibatches in several ways side by
side. Beside them: copies under isotropic heat (the control), and linear regression, where all is known exactly.
"""

from typing import Any

import numpy as np

from ...core.dynamics.integrators import GradientDescent
from ...core.dynamics.simulation import Trajectory, simulate
from ...core.energies.samples import single_gradients
from ...core.fluctuations.gradient_noise import (
    bath_at,
    centred_gradients,
    dark,
    expected_dark,
    shape_of_noise,
    turning_plane,
    with_copies,
)
from ...core.landscape.honesty import honesty
from ...core.landscape.planes import Plane
from ...core.landscape.scan import scan
from ...core.learning.alignment import distinct_units
from ...core.learning.networks import NetworkLoss
from ...experiments.landscape.measurement import plane_arrays, sample_arrays
from ...experiments.landscape.specification import surface_arrays, surface_numbers
from ...runs.carried import in_run
from ...runs.progress import Progress, Stages
from ...runs.run import Run
from .conditions import Stationary, best_minimum, refuse_large_batches
from .rate_law import rate_law
from .regression import linear_bath
from .specification import HeatBath
from .stationary import Measured
from .verdicts import verdicts

# The slice reaches so many thermal spreads of this batch size (or of a smaller one that is asked for) from the minimum:
# one window for all, so that what is hotter looks hotter. The copies' paths on it have so many points: more would hide
# it, since a shaken copy is somewhere else at each of them.
REACH, WIDEST, RESOLUTION, SHOWN = 4.0, 4, 41, 12


def measure(spec: HeatBath, progress: Progress | None = None) -> Run:
    """A Run of kind "heat_bath".

    Arrays: of the bath at the start, half-way down, at the minimum: `bath_noise`, `bath_h` [3, k], `bath_loss` [3];
    `shape_z` [N], single samples' noise along its leading direction; `copied_noise` [d], eigenvalues of C once half
    of the hidden units are copies of the others. `law_k` [a], `law_lr`, `law_B`, `law_excess`, `law_error` [2, a]
    of the pairs with equal lr/B and of those with equal B, `law_curve_time` [t], `law_curve` [2, a, t]. `fdr_steps`
    [b], `fdr`, `fdr_error`, `fdr_identity` [conditions, b]: FDR1 over growing times. `modes_h`, `modes_theory` [m],
    `modes_T`, `modes_T_error` [2, m], <y dE/dy> of SGD and of isotropic heat, `modes_lit`, `modes_kept` [m];
    `thermometers`, `thermometers_error` [2, 4], `thermometers_theory` [4]. `area_pairs` [p, 2], `area`,
    `area_error` [2, p], `area_theory` [p]. Of linear regression: `linear`, `linear_error`, `linear_exact`,
    `linear_additive` [q]. Of the slice: `xs`, `ys`, `U`, the plane; `steps`, `times` [T], `losses`, `paths_u`,
    `residual` [T, n], `member`, `diverged_at` [n], `theta_final`, `data_x`, `data_y`. Numbers: `d`, `T` (lr tr C /
    2 B over the directions that samples push in), `dark` ([measured, theory]), `dark_copied`, `dark_begun`
    (measured once half of the units are copies, and of the random network that training began with), `distinct`
    (units, layer by layer), `step` (lr times the largest curvature), `loss`, `bath` (a list), `kurtosis`,
    `plane_modes`, `burn_in`, `settled`, `stationary`, `law`, `linear`, `members`, `conditions`, `diverged` (a
    sentence, or None), `honesty`, `T_of_batch_1`, `T_slice`, `verdicts`. Raises BadInput.
    """
    return _Experiment(spec, Stages(progress)).run()


class _Experiment:
    """One computation: it fills `arrays` and `numbers`, showing what it has."""

    def __init__(self, spec: HeatBath, stages: Stages) -> None:
        stages.tell(0.0, "data")
        self.spec, self.stages = spec, stages
        data = spec.dataset.load(spec.problem)
        self.loss = NetworkLoss(spec.network, data, weight_decay=spec.weight_decay)
        refuse_large_batches(spec, self.loss.n_samples)
        self.arrays: dict[str, np.ndarray] = sample_arrays(data)
        self.arrays |= in_run(spec)
        self.numbers: dict[str, Any] = {"d": self.loss.d, "diverged": None}

    def run(self) -> Run:
        self._rest()
        self._look_at_the_bath()
        self._slice()
        self._shake()
        self._compare_rates()
        self._regress()
        self.stages.tell(0.99, "verdicts")
        self.numbers["verdicts"] = [one.to_json() for one in verdicts(self.spec, self.arrays, self.numbers)]
        return self._so_far()

    def _so_far(self) -> Run:
        return Run(self.spec, dict(self.arrays), dict(self.numbers))

    def _rest(self) -> None:
        """The best minimum that noisy training finds, and the random network that led to it."""
        self.start, self.minimum = best_minimum(self.loss, self.spec.problem, self.stages.part("training", 0.0, 0.06))
        self.numbers["loss"] = float(self.loss(self.minimum))

    def _look_at_the_bath(self) -> None:
        points = [self.start, self._half_way(), self.minimum]
        report = self.stages.part("the bath", 0.06, 0.1)
        baths = []
        for k, theta in enumerate(points):
            baths.append(bath_at(self.loss, theta))
            report((k + 1) / len(points))
        self.bath = baths[-1]
        shape = shape_of_noise(single_gradients(self.loss, self.minimum),
                               self.loss.leading_eigenpairs(self.minimum, 1, of="noise")[1][0], self.spec.batch_size,
                               self.spec.seed)
        self.arrays |= {
            "bath_noise": np.stack([bath.noise for bath in baths]), "bath_h": np.stack([bath.h for bath in baths]),
            "bath_loss": np.asarray(self.loss(np.stack(points))), "shape_z": shape.z}
        pairs = ("participation", "alignment", "chance", "trace_H")
        lit = self.loss.d - (self.bath.dark or 0)
        self.numbers |= {
            "bath": [{"trace_C": bath.trace_C} | {name: [getattr(bath, name).value, getattr(bath, name).stderr]
                                                  for name in pairs} for bath in baths],
            "kurtosis": shape.kurtosis, "kicks": [shape.kicks.value, shape.kicks.stderr],
            "step": self.spec.lr * float(self.bath.h[0]),
            "T": self.spec.lr * self.bath.trace_C / (2 * self.spec.batch_size * max(lit, 1))}
        self._look_for_the_dark()

    def _look_for_the_dark(self) -> None:
        """In how many directions no sample pushes, here and where half of the hidden units are copies."""
        self.numbers["distinct"] = distinct_units(self.minimum, self.loss).tolist()
        self.numbers["dark"] = [self.bath.dark, expected_dark(self.loss, self.minimum)]
        self.numbers |= {"dark_copied": None, "dark_begun": None}
        if self.bath.dark is None:
            return
        self.numbers["dark_begun"] = dark(centred_gradients(self.loss, self.start))
        if (copied := with_copies(self.loss, self.minimum)) is not None:
            pushes = centred_gradients(self.loss, copied)
            self.numbers["dark_copied"] = dark(pushes)
            self.arrays["copied_noise"] = np.linalg.svd(pushes, compute_uv=False) ** 2 / len(pushes)

    def _half_way(self) -> np.ndarray:
        """Where plain descent from the start has lost half of its excess loss."""
        path = simulate(self.loss, GradientDescent(self.spec.lr), self.start, 400, record_every=2)
        alive = np.nan_to_num(path.energy[:, 0], nan=np.inf)
        half = 0.5 * (alive[0] + self.numbers["loss"])
        return path.x[int(np.argmax(alive <= half)), 0] if (alive <= half).any() else self.minimum

    def _slice(self) -> None:
        """The plane of the two Hessian directions in which the cloud turns most, wide enough for the hottest cloud."""
        i, j = turning_plane(self.bath)
        strength = np.maximum(np.diag(self.bath.covariance)[[i, j]], self.bath.trace_C / self.loss.d)
        spread = np.sqrt(self.spec.lr / (2 * min(self.spec.batch_size, WIDEST)) * strength / np.maximum(
            self.bath.h[[i, j]], self.spec.weight_decay))
        u, v = REACH * spread
        self.plane = Plane(self.minimum, self.bath.axes[:, i], self.bath.axes[:, j])
        surface = scan(self.loss, self.plane, RESOLUTION, extent=(-u, u, -v, v))
        in_plane = float(np.trace(self.bath.covariance[np.ix_([i, j], [i, j])]))
        self.arrays |= plane_arrays(self.plane) | surface_arrays(surface)
        self.numbers |= {
            **surface_numbers(surface), "plane_modes": [i, j], "T_of_batch_1": [self.spec.lr * in_plane / 4],
            "T_slice": [self.spec.lr * in_plane / (4 * self.spec.batch_size)]}
        self.stages.tell(0.1, "slice", self._so_far, now=True)

    def _shake(self) -> None:
        """The copies, all conditions in one batch; what they do in the stationary state."""
        state = Stationary(self.spec, self.loss, self.minimum, self.bath, self.numbers["T"])
        self.numbers |= {"conditions": state.names, "burn_in": state.burn_in, "settled": state.settled}

        def show() -> Run:
            self.arrays |= state.courses()
            return self._so_far()

        report = self.stages.part("copies", 0.1, 0.65)
        path = state.run(SHOWN, lambda fraction: report(fraction, show))
        arrays, self.numbers["stationary"] = Measured(state).all(self.stages.part("thermometers", 0.65, 0.7))
        self.arrays |= state.courses() | arrays
        self.numbers["diverged"] = state.diverged_sentence()
        self._bodies(state, path)
        self.stages.tell(0.7, "copies", self._so_far, now=True)

    def _bodies(self, state: Stationary, path: Trajectory) -> None:
        """Copies under SGD and under isotropic heat as bodies on the slice, and how much it hides of them."""
        rows, member = state.bodies()
        fine = path.diverged_at[rows] < 0
        self.numbers["members"] = state.body_names
        if not fine.any():
            return
        paths = path.x[:, rows].astype(np.float32)
        self.arrays |= {
            "steps": path.steps, "times": path.steps * self.spec.lr, "losses": path.energy[:, rows].astype(np.float32),
            "paths_u": np.stack([self.plane.project(theta) for theta in paths]).astype(np.float32),
            "residual": np.stack([self.plane.residual(theta) for theta in paths]).astype(np.float32),
            "member": member, "diverged_at": path.diverged_at[rows].astype(np.int32),
            "theta_final": paths[-1][fine], "theta_member": np.flatnonzero(fine).astype(np.int32)}
        self.numbers["honesty"] = honesty(self.loss, self.plane, paths[:, fine]).to_json()

    def _compare_rates(self) -> None:
        """The lr/B law: training from one start at equal lr x steps."""
        arrays, self.numbers["law"] = rate_law(self.spec, self.loss, self.start, self.numbers["loss"],
                                               self.stages.part("lr / B", 0.7, 0.9))
        self.arrays |= arrays
        self.stages.tell(0.9, "lr / B", self._so_far, now=True)

    def _regress(self) -> None:
        """Linear regression and a known whirl: the instrument where every number is known."""
        arrays, self.numbers["linear"] = linear_bath(self.spec, self.stages.part("linear regression", 0.9, 0.99))
        self.arrays |= arrays
