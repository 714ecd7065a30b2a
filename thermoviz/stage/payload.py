"""A Run as the one message that the stage needs: JSON, its arrays in base64, small enough for a full room."""

import base64
import functools
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import numpy as np

from ..core.errors import BadInput
from ..core.landscape.surfaces import Surface
from ..core.seeds import MAX_SEED
from ..experiments.presets import PRESETS, preset_of
from ..presentation import minibatches
from ..presentation.badge import badge
from ..presentation.looks import LOOKS, Look
from ..presentation.names import axis_titles, basin_names, class_title, energy_title, member_names
from ..presentation.words import term
from . import message as sent

Plain = TypeVar("Plain")
ASSETS = Path(__file__).parent / "assets"
# A message larger than this leaves out what the browser can compute again (bytes of JSON).
ROOMY = 160_000
MOST_NODES = 81  # per side of the surface
MOST_NETWORKS = 64  # whose paths travel
PATH_POINTS = 3000  # of all paths together
MOST_PARAMETERS = 5000  # of the network under the pointer
MOST_SAMPLES = 500
SAMPLE_BYTES = 12_000  # of the inputs of these samples
MOST_BALLS = 50_000
LAWS: tuple[sent.Law, ...] = get_args(sent.Law)
MOST_PROGRAMME_STEPS = 100_000
NO_SURFACE = "this run has no surface to show: it is still computed, or every network diverged."
STARTS: tuple[sent.StartKind, ...] = get_args(sent.StartKind)
FIRST_TEMPERATURE = 0.1  # of the surface's scale
# The browser's own spline is the same surface if it differs by less than this share of (ceiling - minimum).
SAME_SPLINE = 5e-6
ROUNDING = 2.0**-23  # of float32
SENTENCE = re.compile(r'_\(\s*"((?:[^"\\]|\\.)*)"')


def payload(
    run: Any, look: str | Look = "dark", words: dict[str, str] | None = None, *, temperature: float | None = None,
    seed: int = 0, n_balls: int = 1000, start: str = "boltzmann", at: Sequence[float] | None = None,
    width: float | None = None, paused: bool = False, title: str | None = None, link: str = "",
    sentence: str | None = None, captions: bool = False, law: str = "exponential", programme_steps: int = 10_000,
    shown: tuple[float, float] | None = None, coupled: sent.Coupling | None = None,
) -> sent.Message:
    """The stage's message for a Run with a surface: plain JSON, no NaN, arrays as `{shape, dtype, data}`.

    `look`: a Look or its name. `words`: translations of the stage's English sentences; None takes the
    reader's language. `temperature`: at the start, None: a tenth of the surface's scale (its barrier).
    `n_balls`: 1..50,000. `start`: where they begin: "boltzmann", "uniform", "training" (where the networks did),
    "basin" (the deepest) or "point", crowded at u = `at`: normally distributed, of standard deviation `width` (None:
    two cells). `paused`: the balls wait at their start until the viewer presses play. `title`, `sentence`: what
    is seen, None: a preset's own. `link`: to the page; its {T} becomes the present temperature. `captions`: explain the
    picture on a visitor's first visit. `law`, `programme_steps`: how "anneal" cools ("linear" or "exponential") and in
    how many steps, 1..100,000. `shown`: energies at the bottom and the top of heights and colours, None: the surface's
    own. `coupled`: with which stages on the same page this one shares camera and temperature. At most 180
    kB for 81 x 81 nodes; finer surfaces are sent at 81 x 81. Raises BadInput for a run without a surface and for
    values out of range.
    """
    surface = run.surface
    if surface is None:
        raise BadInput(NO_SURFACE)
    _refuse_out_of_range(temperature, seed, n_balls)
    if start not in STARTS:
        raise BadInput(f"start must be one of {', '.join(STARTS)}, got {start!r}.")
    if start == "point":
        if at is None or np.shape(at) != (2,) or bool(surface.masked(np.asarray(at, dtype=float))):
            raise BadInput(f"a start at a point needs `at`, a place on the surface, got {at!r}.")
        if width is not None and not 0 < width < math.inf:
            raise BadInput(f"the width of a start at a point must be a number above 0, got {width!r}.")
        start = f"point:{at[0]:.6g},{at[1]:.6g}" + ("" if width is None else f",{width:.6g}")
    if law not in LAWS or not 1 <= programme_steps <= MOST_PROGRAMME_STEPS:
        raise BadInput(f"annealing must be one of {', '.join(LAWS)}, in 1 to {MOST_PROGRAMME_STEPS:,} steps, got "
                       f"{law!r} in {programme_steps!r}.")
    whole: sent.Message = {
        "id": run.id, "title": _title(run) if title is None else title,
        "sentence": _sentence(run) if sentence is None else sentence,
        "look": look_message(look),
        "words": stage_words() if words is None else dict(words), "axes": axis_titles(run),
        "surface": _surface(surface, energy_title(run)), "basins": _basins(run),
        "paths": _paths(run), "network": _network(run), "honesty": cast("sent.Honesty | None", badge(run)),
        "temperature": FIRST_TEMPERATURE * surface.scale if temperature is None else float(temperature),
        "batch": _batch(run), "crossing": _crossing(run), "heat": _heat(run),
        "seed": int(seed), "n_balls": int(n_balls), "start": start, "paused": bool(paused),
        "link": link, "captions": bool(captions), "law": law, "programme_steps": int(programme_steps),
    }
    if shown is not None:
        whole["surface"]["shown"] = (float(shown[0]), float(shown[1]))
    if coupled is not None:
        whole["coupled"] = coupled
    message = _plain(whole)
    if len(json.dumps(message)) > ROOMY and _follows_from_energies(surface):
        message["surface"].update({"Ex": None, "Ey": None, "Exy": None})
    return message


def refuse_temperature(value: Any) -> None:
    """Raises BadInput for what is no temperature of the stage."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not (number and 0 <= value < math.inf):
        raise BadInput(f"temperature must be a finite number >= 0, got {value!r}.")


def _refuse_out_of_range(temperature: Any, seed: Any, n_balls: Any) -> None:
    if temperature is not None:
        refuse_temperature(temperature)
    for name, value, least, most in (("seed", seed, 0, MAX_SEED), ("n_balls", n_balls, 1, MOST_BALLS)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not (whole and least <= value <= most):
            raise BadInput(f"{name} must be a whole number from {least} to {most}, got {value!r}.")


def stage_words() -> dict[str, str]:
    """English sentence of the stage -> the reader's language, for those that differ."""
    return {text: term(text) for text in sentences() if term(text) != text}


@functools.cache
def sentences() -> tuple[str, ...]:
    """Every sentence that the stage's modules show: the literals of `_("...")` in assets/*.js."""
    sources = (path.read_text(encoding="utf-8") for path in sorted(ASSETS.glob("*.js")))
    return tuple(sorted({json.loads(f'"{match}"') for text in sources for match in SENTENCE.findall(text)}))


def encoded(array: Any, dtype: sent.Dtype = "float32") -> sent.Encoded:
    """An array as `{shape, dtype, data}`, data being base64 of little-endian numbers in C order."""
    values = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder("<"))
    return {"shape": list(values.shape), "dtype": dtype, "data": base64.b64encode(values.tobytes()).decode()}


def quantised(array: np.ndarray, dtype: sent.Dtype = "uint16") -> sent.Quantised:
    """An array [..., k] as whole numbers q for low[k] + step[k] q, the largest q for NaN. Error: step / 2."""
    values = np.asarray(array, float)
    finite = np.isfinite(values)
    none = int(np.iinfo(dtype).max)
    columns = tuple(range(values.ndim - 1))
    low = np.where(finite, values, np.inf).min(axis=columns)
    high = np.where(finite, values, -np.inf).max(axis=columns)
    low, high = np.where(low <= high, low, 0.0), np.where(low <= high, high, 0.0)
    step = np.where(high > low, (high - low) / (none - 1), 1.0)
    q = np.where(finite, np.rint((np.where(finite, values, 0.0) - low) / step), none)
    return {**encoded(q, dtype), "low": low.tolist(), "step": step.tolist(), "none": none}


def _surface(surface: Any, unit: str) -> sent.Surface:
    """Nodes and scales. `mask` [n - 1, m - 1]: cells that touch a node without data."""
    xs, ys, nodes, mask = _nodes(surface)
    ceiling = float(surface.ceiling)
    # E, E_x, E_y, E_xy; what stands at nodes without data is never evaluated, but must be a number.
    E, Ex, Ey, Exy = (encoded(np.where(np.isfinite(nodes[k]), nodes[k], ceiling if k == 0 else 0.0)) for k in range(4))
    return {
        "xs": (float(xs[0]), float(xs[-1]), len(xs)), "ys": (float(ys[0]), float(ys[-1]), len(ys)),
        "E": E, "Ex": Ex, "Ey": Ey, "Exy": Exy,
        "mask": encoded(mask, "uint8") if mask.any() else None,
        "min": float(surface.minimum), "ceiling": ceiling, "barrier": surface.barrier,
        "scale": float(surface.scale), "unit": unit,
    }


def _nodes(surface: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """xs, ys, (E, E_x, E_y, E_xy) [4, n, m] and the mask of cells; a finer surface is read off at 81 x 81."""
    nodes = np.stack([surface.E, surface.Ex, surface.Ey, surface.Exy])
    if max(nodes.shape[1:]) <= MOST_NODES:
        return surface.xs, surface.ys, nodes, surface.mask
    (x0, x1), (y0, y1) = surface.bounds
    xs = np.linspace(x0, x1, min(len(surface.xs), MOST_NODES))
    ys = np.linspace(y0, y1, min(len(surface.ys), MOST_NODES))
    nodes = np.stack([surface.on_product(xs, ys, orders) for orders in ((0, 0), (1, 0), (0, 1), (1, 1))])
    bad = ~np.isfinite(nodes).all(axis=0)
    return xs, ys, nodes, bad[1:, 1:] | bad[:-1, 1:] | bad[1:, :-1] | bad[:-1, :-1]


def _follows_from_energies(surface: Any) -> bool:
    """Whether the spline through the float32 energies alone has the surface's derivatives, within float32."""
    if max(surface.E.shape) > MOST_NODES or not np.isfinite(surface.E).all():
        return False
    again = Surface.from_grid(surface.xs, surface.ys, surface.E)
    hx, hy = surface.xs[1] - surface.xs[0], surface.ys[1] - surface.ys[0]
    pairs = ((again.Ex, surface.Ex, hx), (again.Ey, surface.Ey, hy), (again.Exy, surface.Exy, hx * hy))
    difference = sum(width * (np.abs(new - old) + ROUNDING * np.abs(old)) for new, old, width in pairs)
    return float(np.max(difference)) <= SAME_SPLINE * (surface.ceiling - surface.minimum)


def _basins(run: Any) -> sent.Basins:
    """Minima, deepest first, their names, and the basin of each lattice point as runs of equal labels."""
    basins = run.surface.basins
    flat = np.asarray(basins.labels).ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1])
    runs = np.diff(np.concatenate([starts, [flat.size]]))
    return {
        "minima": [(float(x), float(y)) for x, y in basins.minima], "names": list(basin_names(run)),
        "labels": {"shape": list(basins.labels.shape), "values": encoded(flat[starts], "int16"),
                   "runs": encoded(runs, "int32")},
    }


def _paths(run: Any) -> sent.Paths | None:
    """Projected paths of the networks: u [T, n, 2], distance from the plane and energy [T, n], quantised."""
    arrays = run.arrays
    if "paths_u" not in arrays:
        return None
    T, n = arrays["paths_u"].shape[:2]
    chosen = _spread(n, MOST_NETWORKS)
    at = _spread(T, max(2, PATH_POINTS // len(chosen)))
    pick = np.ix_(at, chosen)
    return {
        "u": quantised(arrays["paths_u"][pick]),
        "residual": _without_axis(quantised(arrays["residual"][pick][..., None], "uint8")),
        "energy": _without_axis(quantised(arrays["losses"][pick][..., None])),
        "steps": arrays["steps"][at].tolist(), "member": arrays["member"][chosen].tolist(), "names": member_names(run),
    }


def _spread(n: int, most: int) -> np.ndarray:
    """At most `most` of the indices 0..n-1, first and last among them, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _without_axis(message: sent.Quantised) -> sent.Quantised:
    """A quantised [..., 1] as [...]."""
    return {**message, "shape": message["shape"][:-1]}


def _network(run: Any) -> sent.Network | None:
    """Parameters on the slice, origin + u U + v V, and a sample of the data; None beyond 5000 parameters."""
    arrays = run.arrays
    if "plane_u" not in arrays or "data_x" not in arrays or len(arrays["plane_u"]) > MOST_PARAMETERS:
        return None
    spec, data = run.spec, _samples(run)
    sizes = [arrays["data_x"].shape[1], *spec.network.hidden]
    before_last = sum((fan_in + 1) * fan_out for fan_in, fan_out in zip(sizes, sizes[1:], strict=False))
    outputs = (len(arrays["plane_u"]) - before_last) // (sizes[-1] + 1)
    return {
        "sizes": [*sizes, outputs], "activation": spec.network.activation,
        "task": "classification" if _classifies(run) else "regression",
        "origin": encoded(arrays["plane_origin"]),
        "u": encoded(arrays["plane_u"]), "v": encoded(arrays["plane_v"]), "data": data,
    }


def _classifies(run: Any) -> bool:
    return bool(np.issubdtype(run.arrays["data_y"].dtype, np.integer))


def _samples(run: Any) -> sent.Samples:
    """The first training points. Inputs that were small whole numbers (pixels) travel as such."""
    x, y = run.arrays["data_x"], run.arrays["data_y"]
    center, scale = run.arrays["data_center"], run.arrays["data_scale"]
    raw = x * scale + center
    whole = bool((np.abs(raw - np.rint(raw)) < 1e-3).all() and raw.min() > -0.5 and raw.max() < 255.5)
    n = min(len(x), MOST_SAMPLES, max(20, SAMPLE_BYTES // (x.shape[1] * (1 if whole else 4))))
    side = math.isqrt(x.shape[1])
    return {
        "x": encoded(np.rint(raw[:n]), "uint8") if whole else encoded(x[:n]), "raw": whole,
        "y": encoded(y[:n], "int16" if _classifies(run) else "float32"),
        "center": encoded(center), "scale": encoded(scale),
        "pictures": whole and side >= 4 and side * side == x.shape[1],
        **_unit_of_targets(run.arrays),  # type: ignore[typeddict-item]
    }


def _unit_of_targets(arrays: Any) -> dict[str, sent.Encoded]:
    """Mean and spread of targets that were scaled for training."""
    if "data_y_scale" not in arrays:
        return {}
    return {"y_center": encoded(arrays["data_y_center"]), "y_scale": encoded(arrays["data_y_scale"])}


def _batch(run: Any) -> sent.Batch | None:
    """What minibatches heat, where the run has any."""
    heat = minibatches.temperatures(run)
    return None if heat is None else {"T_of_batch_1": heat.get("T_of_batch_1"), "T_slice": heat.get("T_slice")}


def _crossing(run: Any) -> sent.Crossing | None:
    """Where, as it grows warmer, the largest share first passes from valley `cold` to valley `hot`."""
    return None if run.crossing is None else run.crossing._asdict()


def _heat(run: Any) -> sent.Heat:
    """What the marks on the slider mean, in words: `sentence`, and one click further `more`."""
    return {"sentence": minibatches.crossing_sentence(run), "more": minibatches.network_sentences(run)}


def _title(run: Any) -> str:
    if (key := preset_of(run.id)) is not None:
        return term(PRESETS[key].title)
    subject = getattr(run.spec, "potential", None) or getattr(run.spec, "dataset", run.spec)
    return class_title(type(subject))


def _sentence(run: Any) -> str:
    key = preset_of(run.id)
    return "" if key is None else term(PRESETS[key].sentence)


def look_message(look: str | Look) -> sent.Look:
    """What the stage draws with, of a Look or of the one of that name."""
    if isinstance(look, str) and look not in LOOKS:
        raise BadInput(f"look must be one of {', '.join(LOOKS)}, got {look!r}.")
    whole = (LOOKS[look] if isinstance(look, str) else look).to_json()
    return cast(sent.Look, {name: whole[name] for name in sent.Look.__annotations__})


def _plain(value: Plain) -> Plain:
    """Every number that is not finite as None, so that strict JSON holds it; a tuple as JSON's list."""
    return cast(Plain, _strict(value))


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
