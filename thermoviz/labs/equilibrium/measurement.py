"""Equilibrium: do replicas agree in what is seen from outside, while they differ inside, and is history forgotten?

Replicas of one network with other starts and other samples of the data, in one batch. Controls: the same two starts in
isotropic heat as strong as SGD's, the path of least energy between them, and linear regression.
"""

from typing import Any

import numpy as np

from ...core.dynamics.integrators import SGD
from ...core.fluctuations.chain import linear_chain
from ...core.landscape.honesty import honesty
from ...core.landscape.paths import lowest_path, straight_path
from ...core.landscape.scan import scan
from ...core.learning.networks import NetworkLoss
from ...experiments.landscape.measurement import plane_arrays, sample_arrays
from ...experiments.landscape.specification import surface_arrays, surface_numbers
from ...runs.carried import in_run
from ...runs.progress import Progress, Stages
from ...runs.run import Run
from .agreement import ALIKE, agreement, meeting, observables, shaking, spreads, together
from .controls import (
    BATCH,
    LR,
    compared,
    control_steps,
    expected_memory,
    expected_r_hat,
    heated,
    noise_temperature,
    train_control,
)
from .heat_loop import expected_loops, loops
from .memory import ergodicity, memory
from .replicas import COLD, FAR, GROUPS, HOT, OWN, SAME_DATA, curves, diverged_sentence, own_samples, starts, train
from .solutions import pass_on_slice, plane_of, three_minima
from .specification import Equilibrium
from .verdicts import verdicts

# Points of the paths on the slice.
SHOWN = 60
RESOLUTION = 81
# Step of the images of a path, in units of 1 / the largest curvature at the cold solution.
PATH_RATE = 0.5
# A curvature below which an energy is flat.
TINY = 1e-9


def measure(spec: Equilibrium, progress: Progress | None = None) -> Run:
    """A Run of kind "equilibrium".

    Arrays with the prefix `net_` (the network) and `lin_` (linear regression): `curve_steps` [p], `curve`
    [6, 3, p] (`replicas.curves`); those of `memory.memory` and `ergodicity`, of `heat_loop.loops`;
    `lin_msd_theory`, `lin_omega_theory`, `lin_loop_theory`. Of both baths those of `controls.compared`; of
    the way from the cold to the far solution `way_along`, `way`, `line_along`, `line` [p]: energies above the cold
    one along the path found and along the straight line. Of the slice: `xs`, `ys`, `U`, the plane, its `points`;
    `steps`, `times` [T], `losses`, `paths_u`, `residual` [T, n], `member`, `diverged_at` [n] of the groups
    `numbers["members"]`, `theta_final`, `data_x`, `data_y`. Numbers: `net`, `lin`: `r_hat`
    (`agreement.agreement`), `spread` {group: ...}, `met`, `ageing`, `tau`, `omega`, `shaking`; `lin` also
    `r_hat_theory`; `heat`: those of `controls.compared`; `way`: `climbs`, `line`, `slice` [from the cold end,
    from the far one], None where there is no other solution; `slope`: the largest |grad E| of the solutions;
    `another`, `d`, `diverged` (a sentence, or None), `honesty`, `verdicts`. Raises BadInput.
    """
    return _Experiment(spec, Stages(progress)).run()


class _Experiment:
    """One computation: it fills `arrays` and `numbers`, showing what it has."""

    def __init__(self, spec: Equilibrium, stages: Stages) -> None:
        stages.tell(0.0, "data")
        self.spec, self.stages = spec, stages
        data = spec.dataset.load(spec.problem)
        self.loss = NetworkLoss(spec.network, data, weight_decay=spec.weight_decay)
        self.arrays: dict[str, np.ndarray] = sample_arrays(data)
        self.arrays |= in_run(spec)
        self.numbers: dict[str, Any] = {"d": self.loss.d, "net": {}, "lin": {}, "diverged": None}

    def run(self) -> Run:
        self._slice()
        self._way()
        self._networks()
        self._heat()
        self._control()
        self._loops()
        self.numbers["verdicts"] = [one.to_json() for one in verdicts(self.spec, self.arrays, self.numbers)]
        return self._so_far()

    def _so_far(self) -> Run:
        return Run(self.spec, dict(self.arrays), dict(self.numbers))

    def _put(self, system: str, arrays: dict[str, np.ndarray], numbers: dict[str, Any] | None = None) -> None:
        self.arrays |= {f"{system}_{name}": array for name, array in arrays.items()}
        self.numbers[system] = {**self.numbers[system], **(numbers or {})}

    def _slice(self) -> None:
        """Three solutions that belong to the problem, and the surface through them."""
        self.minima = three_minima(self.loss, self.spec.problem, self.stages.part("three solutions", 0.0, 0.04))
        self.plane = plane_of(self.minima)
        surface = scan(self.loss, self.plane, RESOLUTION, 0.4,
                       progress=self.stages.each_new("slice", 0.04, 0.05, lambda level: None))
        self.arrays |= plane_arrays(self.plane) | surface_arrays(surface)
        self.numbers |= {**surface_numbers(surface), "another": self.minima.another,
                         "slope": self.minima.slope}
        self.surface = surface
        self.stages.tell(0.05, "slice", self._so_far, now=True)

    def _way(self) -> None:
        """How high one must climb from one solution to the other: along the best path found, the line, the slice."""
        cold, far = self.minima.cold, self.minima.far
        curvature = float(self.loss.leading_eigenpairs(cold, 1)[0][0])
        self.stiffest = max(curvature, self.spec.weight_decay, TINY)
        self.numbers["way"] = None
        if not self.minima.another:
            return
        line = straight_path(self.loss, cold, far)
        path = lowest_path(self.loss, cold, far, PATH_RATE / self.stiffest,
                           report=self.stages.part("way between solutions", 0.05, 0.08))
        bottom = float(path.energy[0])
        self.arrays |= {"way_along": path.along, "way": path.energy - bottom, "line_along": line.along,
                        "line": line.energy - bottom}
        self.numbers["way"] = {"climbs": path.climbs, "line": line.climbs,
                               "slice": pass_on_slice(self.surface, self.plane, self.minima)}

    def _networks(self) -> None:
        spec = self.spec
        x0 = starts(self.loss, spec.replicas, spec.seed, spec.problem, self.minima.cold, self.minima.far)

        def show(curves: dict[str, np.ndarray]) -> Run:
            self._put("net", curves)
            return self._so_far()

        self.found = train(self.loss, x0, own_samples(self.loss, spec.replicas, spec.seed), SGD(spec.lr, spec.momentum),
                           spec.batch_size, spec.steps, spec.seed, self.minima.cold,
                           self.stages.part("networks", 0.08, 0.42), show)
        self.numbers["diverged"] = diverged_sentence(self.found)
        self._on_slice()
        self._measure("net", self.found, 0.42, 0.46)

    def _heat(self) -> None:
        """The cold and the far start once more, in isotropic heat as strong as SGD's."""
        report = self.stages.part("isotropic heat", 0.46, 0.63)
        heat = noise_temperature(self.found, self.spec.rate, self.spec.batch_size)
        copies = heated(self.found, heat, self.spec.rate, self.stiffest, self.spec.seed, report)
        arrays, self.numbers["heat"] = compared(self.found, self.spec.rate, copies)
        self.arrays |= arrays
        self.stages.tell(0.63, "isotropic heat", self._so_far, now=True)

    def _on_slice(self) -> None:
        """The replicas as bodies on the slice, and how much it hides of them."""
        found, members = self.found, (SAME_DATA, HOT, COLD, FAR)
        self.numbers["members"] = ["usual start", *(GROUPS[group] for group in members[1:])]
        each = np.arange(found.each)
        rows = np.concatenate([group * found.each + each for group in members])
        at = np.unique(np.geomspace(1, len(found.steps), SHOWN).round().astype(int)) - 1
        paths = np.full((len(at), len(rows), self.loss.d), np.nan, np.float32)
        fine = found.diverged_at[rows] < 0
        if not fine.any():
            return
        paths[:, fine] = found.aligned(rows[fine])[at]
        u, residual = (np.full((len(at), len(rows), *tail), np.nan, np.float32) for tail in ((2,), ()))
        u[:, fine], residual[:, fine] = self.plane.project(paths[:, fine]), self.plane.residual(paths[:, fine])
        self.arrays |= {
            "steps": found.steps[at].astype(np.int32), "times": found.steps[at] * self.spec.rate, "paths_u": u,
            "residual": residual, "losses": found.losses[at][:, rows].astype(np.float32),
            "member": np.repeat(np.arange(len(members)), found.each).astype(np.int8),
            "diverged_at": found.diverged_at[rows].astype(np.int32),
            "theta_final": paths[-1, fine], "theta_member": np.flatnonzero(fine).astype(np.int32)}
        self.stages.tell(0.42, "slice")
        self.numbers["honesty"] = honesty(self.loss, self.plane, paths[:, fine]).to_json()

    def _measure(self, system: str, found: Any, start: float, end: float) -> dict[int, dict[str, np.ndarray]]:
        """All that is read off the replicas of one system; shown at once."""
        report = self.stages.part("agreement", start, end)
        seen = {}
        for group in range(len(GROUPS)):
            seen[group] = observables(found, group)
            report(0.9 * group / len(GROUPS))
        agreed, of_groups = agreement(seen), {GROUPS[group]: spreads(seen[group]) for group in (OWN, SAME_DATA)}
        report(0.95)
        ages, memory_numbers = memory(found)
        report(0.97)
        averages, average_numbers = ergodicity(found, together(seen))
        self._put(system, curves(found.steps, found.losses) | ages | averages, {
            "r_hat": agreed, "spread": of_groups, "met": meeting(seen),
            "shaking": shaking(seen),
            "loss": [float(np.mean(seen[SAME_DATA]["loss"])) if seen[SAME_DATA]["loss"].size else np.nan],
            "replicas": [len(found.rows(group)) for group in range(len(GROUPS))], **memory_numbers, **average_numbers})
        self.stages.tell(end, "agreement", self._so_far, now=True)
        return seen

    def _control(self) -> None:
        spec = self.spec
        self.linear, samples = train_control(spec.replicas, control_steps(spec.steps), spec.seed, spec.problem,
                                             self.stages.part("linear regression", 0.63, 0.78))
        self._measure("lin", self.linear, 0.78, 0.81)
        times = self.arrays.get("lin_omega_steps_aligned", np.ones(0))
        self._put("lin", expected_memory(self.linear, self.arrays["lin_lags"], times))
        expected = expected_r_hat(self.linear, samples)
        self.numbers["lin"] |= {"r_hat_theory": [float(np.median(expected)), float(expected.max())]}

    def _loops(self) -> None:
        spec = self.spec
        self._put("net", loops(
            self.loss, self.found.x[-1, self.found.rows(SAME_DATA)], spec.lr, spec.momentum, spec.batch_size,
            spec.steps, spec.seed, self.stages.part("heating and cooling", 0.81, 0.9)))
        self.stages.tell(0.9, "heating and cooling", self._so_far, now=True)
        loss = self.linear.loss
        alike = np.concatenate([self.linear.rows(group) for group in ALIKE])
        steps = control_steps(spec.steps)
        expected = expected_loops(loss, linear_chain(loss, LR, BATCH), BATCH, steps)
        self._put("lin", loops(
            loss, self.linear.x[-1, alike], LR, 0.0, BATCH, steps, spec.seed,
            self.stages.part("heating and cooling", 0.9, 0.99), expected) | {"loop_theory": expected})
