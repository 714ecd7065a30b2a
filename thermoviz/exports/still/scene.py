"""A figure's scene in three dimensions: the relief as pixels, paths and points as lines where nothing hides them."""

import dataclasses
from typing import Any

import numpy as np

from .axes import POINTS, Properties, Scale
from .colours import rgba, scaled
from .raster import Camera, Drawn, Levels, surface
from .traces import SYMBOLS, array, range_of
from .words import plain

FINER = 2  # the relief is drawn this much larger and averaged, where the picture is small
LARGE = 900_000  # pixels from which it is not
NEARER = 0.004  # of the distance: what lies on the surface is not hidden by it
LABELS, TITLES = 13, 34  # pixels between the box and what is written beside it
SHORTEST = 3.0  # pixels between the points at which a line asks whether it is seen
LAMP = (0.45, 0.89)  # upwards, and towards the viewer
ALONG = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)  # shares of an edge, where its title may stand
VERTICES = 161  # of the surface, each way, at least: its edges and lines run smoothly


@dataclasses.dataclass(frozen=True)
class Scene:
    """What was drawn of a scene, for who adds to it: the camera in pixels of the picture, the depths behind which
    things are hidden, and how far its left upper corner is from the picture's, in pixels."""

    camera: Camera
    depth: np.ndarray
    left: float
    top: float

    def seen(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Column, row and depth [n, 3] in this scene, and whether each is in front of the relief."""
        at = self.camera.project(places)
        with np.errstate(invalid="ignore"):
            inside = np.asarray(((at[:, :2] >= 0) & (at[:, :2] < [self.camera.width, self.camera.height])).all(1))
        column, row = np.where(inside[:, None], at[:, :2], 0).astype(int).T
        return at, inside & (at[:, 2] * (1 - NEARER) <= self.depth[row, column])


def draw(figure: Any, layout: Properties, traces: list[Properties], box: tuple[float, float, float, float],
         scale: float) -> Scene:
    """Draws a scene into box = (left, bottom, width, height) of the matplotlib figure, in CSS pixels."""
    left, bottom, width, height = box
    whole_width, whole_height = figure.get_size_inches() * 100
    told = layout.get("scene") or {}
    camera = _camera(told, traces, round(width * scale), round(height * scale))
    ax = figure.add_axes((left / whole_width, bottom / whole_height, width / whole_width, height / whole_height))
    ax.set_axis_off()
    ax.set_xlim(0, camera.width)
    ax.set_ylim(camera.height, 0)
    _box(ax, camera, told, layout["font"])
    depth = np.full((camera.height, camera.width), np.inf)
    for trace in traces:
        if trace["type"] == "surface":
            drawn = _relief(camera, trace, scale)
            ax.imshow(drawn.colours, extent=(0, camera.width, camera.height, 0), aspect="auto", zorder=1)
            depth = np.minimum(depth, drawn.depth)
    scene = Scene(camera, depth, left * scale, (whole_height - bottom - height) * scale)
    for trace in traces:
        if trace["type"] == "scatter3d":
            _points(ax, scene, trace, scale)
    return scene


def _camera(told: Properties, traces: list[Properties], width: int, height: int) -> Camera:
    ends = []
    for letter in "xyz":
        given = (told.get(f"{letter}axis") or {}).get("range")
        values = np.concatenate([np.asarray(array(trace[letter]), float).ravel() for trace in traces])
        ends.append(tuple(map(float, given)) if given else (float(np.nanmin(values)), float(np.nanmax(values))))
    aspect, camera = told.get("aspectratio") or {}, told.get("camera") or {}

    def vector(name: str, x: float, y: float, z: float) -> np.ndarray:
        found = camera.get(name) or {}
        return np.array([found.get("x", x), found.get("y", y), found.get("z", z)], float)

    return Camera(np.array([low for low, _ in ends]), np.array([high for _, high in ends]),
                  np.array([float(aspect.get(letter, 1)) for letter in "xyz"]), vector("eye", 1.25, 1.25, 1.25),
                  vector("center", 0, 0, 0), vector("up", 0, 0, 1), width, height)


def _relief(camera: Camera, trace: Properties, scale: float) -> Drawn:
    """The surface, drawn larger and averaged where that is cheap."""
    finer = FINER if camera.width * camera.height < LARGE else 1
    large = dataclasses.replace(camera, width=camera.width * finer, height=camera.height * finer)
    xs, ys = (np.asarray(array(trace[letter]), float) for letter in "xy")
    xs, ys, z = _smooth(xs, ys, np.asarray(array(trace["z"]), float).T)
    low, high = range_of(trace, z)
    span = (high - low) or 1.0

    def colours(heights: np.ndarray) -> np.ndarray:
        return scaled(trace["colorscale"], (heights - low) / span, trace.get("opacityscale"))

    drawn = surface(large, xs, ys, z, colours, _light(camera, xs, ys, z, trace), _levels(trace, finer * scale))
    shape = (camera.height, finer, camera.width, finer)
    alpha = drawn.colours[..., 3:]
    colour = (drawn.colours[..., :3] * alpha).reshape(*shape, 3).mean((1, 3))
    alpha = alpha.reshape(*shape, 1).mean((1, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        colour = np.where(alpha > 0, colour / alpha, 0)
    return Drawn(np.concatenate([colour, alpha], -1), drawn.depth.reshape(shape).max((1, 3)))


def _smooth(xs: np.ndarray, ys: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A coarse grid with more nodes between its own, by cubic (Catmull-Rom) pieces; holes stay holes."""
    for axis in (0, 1):
        n = z.shape[axis]
        if 4 <= n < VERTICES:
            at = np.linspace(0, n - 1, (n - 1) * -(-(VERTICES - 1) // (n - 1)) + 1)
            z = _cubic(z, at, axis)
            places = np.interp(at, np.arange(n), xs if axis == 0 else ys)
            xs, ys = (places, ys) if axis == 0 else (xs, places)
    return xs, ys, z


def _cubic(z: np.ndarray, at: np.ndarray, axis: int) -> np.ndarray:
    n = z.shape[axis]
    first = np.minimum(at.astype(int), n - 2)
    t = (at - first)[(slice(None), None) if axis == 0 else (None, slice(None))]
    a, b, c, d = (z.take(np.clip(first + shift, 0, n - 1), axis) for shift in (-1, 0, 1, 2))
    a, d = np.where(np.isfinite(a), a, b), np.where(np.isfinite(d), d, c)
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def _light(camera: Camera, xs: np.ndarray, ys: np.ndarray, z: np.ndarray, trace: Properties) -> np.ndarray:
    """How bright each node is: ambient light, and what falls on it from a lamp over the viewer's head, at most 1."""
    told = trace.get("lighting") or {}
    span = np.where(camera.high > camera.low, camera.high - camera.low, 1.0)
    height = np.clip(z, camera.low[2] - span[2], camera.high[2] + span[2])
    with np.errstate(invalid="ignore"):
        dx = np.gradient(height, xs, axis=0) * (camera.aspect[2] / span[2]) * (span[0] / camera.aspect[0])
        dy = np.gradient(height, ys, axis=1) * (camera.aspect[2] / span[2]) * (span[1] / camera.aspect[1])
    _right, up, away = camera.axes()
    toward = LAMP[0] * up - LAMP[1] * away
    falls = (-dx * toward[0] - dy * toward[1] + toward[2]) / np.sqrt(1 + dx * dx + dy * dy)
    return np.minimum(told.get("ambient", 0.8) + told.get("diffuse", 0.8) * np.clip(np.nan_to_num(falls), 0, 1), 1)


def _levels(trace: Properties, scale: float) -> Levels | None:
    told = ((trace.get("contours") or {}).get("z")) or {}
    if not told.get("show") or not told.get("size"):
        return None
    return Levels(told["start"], told["end"], told["size"], np.array(rgba(told.get("color", "#444444"))),
                  float(told.get("width", 2)) * scale)


def _points(ax: Any, scene: Scene, trace: Properties, scale: float) -> None:
    """A path, or points, where the relief does not hide them."""
    places = np.stack([np.asarray(array(trace[letter]), float) for letter in "xyz"], 1)
    mode = trace.get("mode", "lines+markers")
    if "lines" in mode:
        line = trace.get("line") or {}
        at = scene.camera.project(places)
        fine = _denser(places, at, SHORTEST * scale)
        seen, front = scene.seen(fine)
        ax.plot(*np.where(front[:, None], seen[:, :2], np.nan).T, color=rgba(line.get("color", "#808080")),
                linewidth=float(line.get("width", 2)) * POINTS * 0.5, zorder=2, solid_joinstyle="round")
    if "markers" in mode:
        marker = trace.get("marker") or {}
        seen, front = scene.seen(places)
        size = np.asarray(array(marker.get("size", 8)), float)
        ring = marker.get("line") or {}
        ax.scatter(*seen[front, :2].T, s=(np.broadcast_to(size, len(places))[front] * POINTS * 1.6) ** 2, zorder=3,
                   marker=SYMBOLS[str(marker.get("symbol", "circle")).removesuffix("-open")],
                   c=[rgba(marker.get("color", "#808080"))], linewidths=float(ring.get("width", 0)) * POINTS,
                   edgecolors=[rgba(ring["color"])] if ring.get("color") else None)


def _denser(places: np.ndarray, at: np.ndarray, longest: float) -> np.ndarray:
    """A path with points between its own, so that none is longer than so many pixels; gaps stay gaps."""
    if len(places) < 2:
        return places
    length = np.nan_to_num(np.hypot(*np.diff(at[:, :2], axis=0).T))
    count = np.maximum(1, np.ceil(np.minimum(length, 4000) / longest)).astype(int)
    which = np.repeat(np.arange(len(count)), count)
    share = (np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    between = places[which] + share[:, None] * (places[which + 1] - places[which])
    return np.concatenate([np.where((share == 0)[:, None], places[which], between), places[-1:]])


# The box around it


def _box(ax: Any, camera: Camera, told: Properties, font: Properties) -> None:
    """Grids on the sides that face the viewer from behind, numbers and titles along the nearest edges."""
    scales = [Scale(letter, told.get(f"{letter}axis") or {}) for letter in "xyz"]
    back = np.where(camera.eye > 0, camera.low, camera.high)
    front = np.where(camera.eye > 0, camera.high, camera.low)
    ticks = []
    for k, scale in enumerate(scales):
        places, said = scale.ticks(float(camera.low[k]), float(camera.high[k]))
        within = (np.array(places) >= camera.low[k] - 1e-9) & (np.array(places) <= camera.high[k] + 1e-9)
        ticks.append([(place, text) for place, text, ok in zip(places, said, within, strict=True) if ok])
    for k, scale in enumerate(scales):
        colour = rgba(scale.settings.get("gridcolor", "#808080"))
        for other in (i for i in range(3) if i != k):
            third = 3 - k - other
            for place in (*(place for place, _ in ticks[k]), camera.low[k], camera.high[k]):
                ends = np.array([back, back], float)
                ends[:, k], ends[:, other] = place, (camera.low[other], camera.high[other])
                ends[:, third] = back[third]
                ax.plot(*camera.project(ends)[:, :2].T, color=colour, linewidth=POINTS, zorder=0)
        _beside(ax, camera, k, scale, ticks[k], _edge(camera, k, back, front), font)


def _edge(camera: Camera, k: int, back: np.ndarray, front: np.ndarray) -> np.ndarray:
    """[2, 3]: the ends of the edge along axis k beside which its numbers stand."""
    if k < 2:
        corner = front.copy()
        corner[2] = back[2]
    else:
        corners = np.array([[x, y, back[2]] for x in (camera.low[0], camera.high[0])
                            for y in (camera.low[1], camera.high[1])])
        corner = corners[np.argmin(camera.project(corners)[:, 0])]
    ends = np.array([corner, corner], float)
    ends[:, k] = camera.low[k], camera.high[k]
    return ends


def _beside(ax: Any, camera: Camera, k: int, scale: Scale, ticks: list[tuple[float, str]], ends: np.ndarray,
            font: Properties) -> None:
    per = camera.height / (ax.get_position().height * ax.figure.get_size_inches()[1] * 100)
    middle = camera.project((camera.low + camera.high) / 2)[:2]
    one, two = camera.project(ends)[:, :2]
    along = (two - one) / max(float(np.hypot(*(two - one))), 1e-9)
    out = np.array([-along[1], along[0]])
    out *= np.sign(out @ ((one + two) / 2 - middle)) or 1
    side = "right" if k == 2 else "center"
    tick = {**font, **(scale.settings.get("tickfont") or {})}
    for place, text in ticks:
        at = ends[0].copy()
        at[k] = place
        column, row = camera.project(at)[:2] + out * LABELS * per
        _within(ax.text(column, row, text, ha=side, va="center", fontsize=tick["size"] * POINTS,
                        color=rgba(tick["color"])))
    title = scale.settings.get("title") or {}
    if text := plain(title.get("text") or ""):
        named = {**font, **(title.get("font") or {})}
        room = TITLES + (0.5 * named["size"] * max((len(said) for _, said in ticks), default=0) if k == 2 else 0)
        angle = -np.degrees(np.arctan2(along[1], along[0]))
        upright = angle - 180 * np.round(angle / 180) if k < 2 else 90
        for share in ALONG:
            column, row = one + share * (two - one) + out * room * per
            if _within(ax.text(column, row, text, ha="center", va="center", fontsize=named["size"] * POINTS,
                               rotation=upright, rotation_mode="anchor", color=rgba(named["color"]))):
                break


def _within(text: Any) -> bool:
    """Whether words lie within the scene; those that do not go away."""
    frame, box = text.axes.get_window_extent(), text.get_window_extent(text.figure.canvas.get_renderer())
    fits = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
    if not fits:
        text.remove()
    return bool(fits)
