"""The landscape of somebody's own PyTorch model: record the path of its training, then look at the slice around it.

    rec = tv.Recorder(model, every=10)
    for batch in loader:
        ...                       # the training step, whatever it is
        rec.step()
    run = tv.explore(model, lambda model: criterion(model(x), y), trajectory=rec)
"""

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from ..core.arrays import row_blocks
from ..core.errors import BadInput
from ..core.landscape.honesty import BUFFERS_MOVED, BUFFERS_UNKNOWN, POOR_SURFACE, STRAIGHT, Honesty, honesty
from ..core.landscape.pca import leading_components, spans_plane
from ..core.landscape.planes import PLANES, AnyPlane, PathPCA, Plane, RandomPlane, ThroughSolutions
from ..core.landscape.scan import checked_extent
from ..core.landscape.surfaces import Surface
from ..core.seeds import MAX_SEED, rng
from ..core.specs import Field, specification
from ..runs.pipeline import Numbers, Pipeline, Report, Step
from ..runs.progress import Progress
from ..runs.record import Bodies, Finals, Grid, Honest, Section
from ..runs.run import Run
from .own.claims import scanned
from .own.listening import Listening
from .own.module_loss import ModuleLoss
from .own.parameters import trainable
from .own.trajectories import MOST_POINTS, Model, Snapshots, followed, read

KEPT_PARAMETERS = 50_000  # final parameters are kept in a run up to this many numbers
PROBES = 16  # points beside the path at which the loss is asked for its identity


@specification
class OwnModel:
    """What `explore` was asked: the slice, and by their sha256 the paths and the loss it was asked about.

    Unlike other specifications it cannot be computed again without the model. plane: None for a Plane of
    one's own, and where it was left to the path.
    """

    contents: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="sha256 of path, parameters and plane")]
    d: Annotated[int, Field(ge=2, description="Number of trainable parameters")]
    plane: Annotated[AnyPlane | None, Field(title="Slice", description="How the plane is chosen")] = PathPCA()
    resolution: Annotated[int, Field(ge=9, le=161, title="Resolution",
                                     description="Most points along each side of the surface")] = 61
    tolerance: Annotated[float, Field(ge=0, le=0.5, title="Tolerance",
                                      description="Largest error of the surface, as a share of the barrier")] = 5e-3
    margin: Annotated[float, Field(ge=0, le=3, title="Margin",
                                   description="Room around the path, as a share of its longer side")] = 0.3
    seed: Annotated[int, Field(ge=0, le=MAX_SEED, title="Seed")] = 0
    extent: Annotated[tuple[float, float, float, float] | None,
                      Field(title="Extent", description="Box of the surface, in place of the margin")] = None
    kind: Literal["own_model"] = Field(default="own_model", kw_only=True, repr=False)

    dynamics: ClassVar[tuple[Any, ...]] = ()  # the training was not ours

    def compute(self, progress: Progress | None = None) -> Run:
        """Raises BadInput: only `explore` has the model."""
        raise BadInput("the landscape of an own model is computed by tv.explore(model, loss_fn), where the model is.")


def explore(model: Any, loss_fn: Callable[..., Any], trajectory: Any = None, plane: Any = None,
            resolution: int = 61, margin: float = 0.3, tolerance: float = 5e-3, seed: int = 0,
            progress: Progress | bool | None = None, *, data: Any = None, extent: Any = None,
            layers: str = "all") -> Run:
    """The landscape around the training of one's own model: a Run with path, plane, surface and honesty.

    model: any torch.nn.Module; parameters, buffers, gradients, modes, whatever forward keeps on the module, and the
    generators of random numbers are as before afterwards, to the last bit. loss_fn: `loss_fn(model)`, a closure without
    arguments that uses the same module, or with `data` (a DataLoader or any batches) `loss_fn(model, batch)`, whose
    mean over the batches counts. It gives one real number, also as `.loss`, under "loss" or first in a tuple; a metric
    without gradient will do (the share of the gradient is then None). It must give one value at one point: random
    numbers drawn in it are the same every time, what it changes in the module is put back. What it returns is the
    slice's height and the run's `losses`, as it is: a regulariser in it is not split off. trajectory: a Recorder; an
    array [T, d] or [T, n, d] in the order of `torch.nn.utils.parameters_to_vector`; a list of such vectors, modules,
    state_dicts or checkpoint files; (steps, any of these); {step: state}; several paths as a list or {name: path}; None
    is the model as it is. plane: a kind or member of PLANES, or a Plane; None is "pca", completed by a random direction
    where the path is a straight line, and "random" where it is a single point. extent: (u0, u1, v0, v1) in lengths of
    parameter space around the plane's origin, in place of `margin`.
    layers: which parameters the plane's directions move: "all", or "weights" without biases and norm layers, as in Li
    et al. 2018 (not for a Plane of one's own nor "solutions"); the rest stays where the plane's origin has it.
    Around a single point the box shrinks until its valleys are those of the loss (`numbers["zoom"]`); elsewhere the
    verdict says where they are not. resolution, margin, tolerance as in `scan`. A path
    that leaves the finite numbers is shown up to there. progress: progress(fraction, stage, partial); None is a bar in
    terminals and notebooks for work of more than two seconds, False is silent. Ctrl-C leaves the module as it was and
    raises a KeyboardInterrupt whose `run` has what there was: path and plane, and the finest surface that was whole
    (None before there was a plane). Raises BadInput, also for what loss_fn raises.
    """
    listening = Listening(progress)
    how, parameters = _how(plane), followed(model, trajectory)
    loss = ModuleLoss(model, loss_fn, parameters, data, layers)
    _refuse_layers(layers, plane, how)
    named = {id(one): name for name, one in model.named_parameters()}
    moving = trainable(model) if parameters is None else parameters
    paths = read(Model([named[id(one)] for one in moving], moving, dict(model.named_buffers())), trajectory)
    _refuse_settings(resolution, margin, tolerance, seed, extent)
    with listening, loss.held(listening.tick):
        if getattr(how, "kind", None) == "hessian":
            loss.needs_gradient("the Hessian plane")
        listening(0.0, "slice", None)
        thetas = [path.theta for path in paths]
        chosen, straight = (plane, False) if isinstance(plane, Plane) else choose(how, loss, thetas, seed)
        if not isinstance(plane, Plane) and loss.theta.dtype == np.float32:
            chosen = chosen.single()
        if chosen.d != loss.d:
            raise BadInput(f"the plane has {chosen.d} parameters, the model {loss.d}.")
        losses = [loss.along(path.theta, path.buffers) for path in paths]
        if not any(np.isfinite(one).any() for one in losses):
            raise BadInput("loss_fn gives no finite number anywhere on the path.")
        spec = OwnModel(_contents(loss, paths, losses, chosen), loss.d, None if isinstance(plane, Plane) else how,
                        resolution, tolerance, margin, seed, None if extent is None else checked_extent(extent))

        def trained() -> list[Any]:
            names = {"members": [path.name for path in paths]} if len(paths) > 1 else {}
            moved = {} if layers == "all" else {"layers": layers}
            return [*_training(loss, paths, losses, chosen), Numbers({"d": loss.d, **names, **moved})]

        def surface(report: Report) -> tuple[Surface, float, int]:
            still = _stands_still(thetas)
            alone = extent is None and not isinstance(plane, Plane) and still
            return scanned(loss, chosen, resolution, margin, spec.extent, tolerance, alone, report.each_new(Grid.of))

        def grid(surface: tuple[Surface, float, int]) -> list[Any]:
            return [Grid.of(surface[0]), Numbers({"zoom": surface[1]})]

        def hidden(surface: tuple[Surface, float, int]) -> Honest:
            found = honesty(loss, chosen, thetas, surface[0])
            notes = (STRAIGHT,) if straight else ()
            return Honest(_remarked(found, surface[2], (*notes, *_of_buffers(model, paths))).to_json())

        return Pipeline(spec, listening, (Step("slice", 1, trained), Step("surface", 8, surface),
                                         Step("surface", 0, grid), Step("honesty", 1, hidden))).run()


def choose(how: Any, loss: ModuleLoss, paths: list[np.ndarray], seed: int) -> tuple[Plane, bool]:
    """The plane through or around the paths [T, d]; a single point has a random one unless it was told otherwise.

    A straight line is completed by a random direction, filter-normalised and at right angles to it: then True.
    """
    moving = paths if loss.inside is None else _only_inside(paths, loss.inside)
    still = _stands_still(moving)
    if how is None:
        how = RandomPlane() if still else PathPCA()
    if how.kind != "pca" or still:
        return how.choose(loss, paths, seed), False
    mean, axes, ratios = leading_components(moving)
    if spans_plane(moving, ratios):
        found = how.choose(loss, moving, seed)
        return found if loss.inside is None else _inside(found, paths, moving, loss.inside), False
    aside = Plane.random(paths[0][-1], loss, seed)
    frame = Plane(mean, axes[0], aside.u)
    places = np.concatenate([frame.project(path) for path in moving])
    length = np.ptp(places[:, 0])
    shown = np.concatenate([places, [[0.0, -length / 4], [0.0, length / 4]]])
    found = Plane(mean, frame.u, frame.v, shown, explained=float(ratios.sum()))
    return found if loss.inside is None else _inside(found, paths, moving, loss.inside), True


def _stands_still(paths: list[np.ndarray]) -> bool:
    """Whether all points of the paths [T, d] are one."""
    return all((block == paths[0][0]).all() for path in paths for _, block in row_blocks(path))


def _only_inside(paths: list[np.ndarray], inside: np.ndarray) -> list[np.ndarray]:
    """The paths [T, d] with all other numbers at their mean."""
    mean = np.concatenate(paths).mean(0, dtype=np.float64).astype(paths[0].dtype)
    return [np.where(inside, path, mean) for path in paths]


def _inside(plane: Plane, paths: list[np.ndarray], moving: list[np.ndarray], inside: np.ndarray) -> Plane:
    """The plane of paths that move inside only: exactly there, and its share of all that the paths move."""
    share = np.concatenate(moving).var(0, dtype=np.float64).sum() / np.concatenate(paths).var(0, dtype=np.float64).sum()
    explained = None if plane.explained is None else plane.explained * float(share)
    return Plane(plane.origin, plane.u * inside, plane.v * inside, plane.points, explained=explained)


def _remarked(found: Honesty, false_claims: int, notes: tuple[str, ...]) -> Honesty:
    if false_claims:
        found = dataclasses.replace(found, verdict="poor", reasons=(*found.reasons, POOR_SURFACE))
    return dataclasses.replace(found, notes=notes)


def _of_buffers(model: Any, paths: list[Snapshots]) -> tuple[str, ...]:
    """Notes on real buffers, such as running statistics: the surface has those that the module has now."""
    if not any(buffer.is_floating_point() and buffer.numel() for buffer in model.buffers()):
        return ()
    unknown = not all(path.own_buffers for path in paths)
    moved = any(path.buffers is not None for path in paths)
    return (BUFFERS_UNKNOWN,) * unknown + (BUFFERS_MOVED,) * moved


def _refuse_settings(resolution: Any, margin: Any, tolerance: Any, seed: Any, extent: Any) -> None:
    """Settings are judged before any work."""
    OwnModel("0" * 64, 2, None, resolution, tolerance, margin, seed)
    if extent is not None:
        checked_extent(extent)


def _refuse_layers(layers: str, plane: Any, how: Any) -> None:
    if layers != "all" and (isinstance(plane, Plane) or getattr(how, "kind", None) == "solutions"):
        raise BadInput(f"layers={layers!r} is for planes whose directions are chosen: this one is given by its points.")


def _how(plane: Any) -> Any:
    """The member of PLANES that chooses; None for a Plane of one's own, and where nobody asked for one."""
    if plane is None or isinstance(plane, Plane):
        return None
    if plane == "solutions":  # where somebody's training ended is what they want to see
        return ThroughSolutions(rest=False)
    if isinstance(plane, str) and plane in PLANES:
        return PLANES[plane]()
    if isinstance(plane, tuple(PLANES.values())):
        return plane
    raise BadInput(f"plane must be one of {', '.join(PLANES)}, or a Plane, got {plane!r}.")


def _contents(loss: ModuleLoss, paths: list[Snapshots], losses: list[np.ndarray], plane: Plane) -> str:
    """sha256 of all that was asked about: paths, plane, and the loss by its values on the paths and beside them."""
    digest = hashlib.sha256()
    beside = rng(0, "identity").uniform(-1, 1, (PROBES, 2)) * _reach(plane)
    told = [array for path, own in zip(paths, losses, strict=True) for array in (path.theta, path.steps, own)]
    for array in (*told, plane.origin, plane.u, plane.v, plane.restrict(loss)(beside)):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        for _, block in row_blocks(array):
            digest.update(np.ascontiguousarray(block).tobytes())
    digest.update("\0".join(path.name for path in paths).encode())
    return digest.hexdigest()


def _reach(plane: Plane) -> np.ndarray:
    """How far the plane's points are from its origin along each axis [2]."""
    far = np.zeros(2) if plane.points is None or not len(plane.points) else np.abs(plane.points).max(0)
    return np.where(far > 0, far, plane.tick_scale)


def _training(loss: ModuleLoss, paths: list[Snapshots], losses: list[np.ndarray], plane: Plane) -> list[Any]:
    """The paths as bodies on the slice, the plane, and where the paths ended.

    All on the steps of all of them: between two of its snapshots a path is where the earlier one was, and after its
    last one it is nowhere (NaN).
    """
    steps = np.unique(np.concatenate([path.steps for path in paths]))
    rows = [np.where(steps <= path.steps[-1], np.searchsorted(path.steps, steps, side="right") - 1, -1)
            for path in paths]

    def together(values: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.where((row >= 0).reshape(-1, *[1] * (value.ndim - 1)), value[row], np.nan)
                         for value, row in zip(values, rows, strict=True)], axis=1)

    body = Bodies(steps.astype(np.int32), together(losses), np.arange(len(paths)),
                  np.array([path.diverged_at for path in paths]), steps.astype(np.float64),
                  together([plane.project(path.theta) for path in paths]),
                  together([plane.residual(path.theta) for path in paths]))
    kept = KEPT_PARAMETERS // loss.d
    ends = [Finals(np.stack([path.theta[-1] for path in paths[:kept]]), np.arange(len(paths))[:kept])] if kept else []
    return [body, Section.of(plane, MOST_POINTS), *ends]
