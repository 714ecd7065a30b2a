"""A relief as a still picture, drawn by numpy alone: for a link's preview, and until the live stage is there.

The view is the stage's first one, without perspective. Column by column the surface is walked from the front to the
back; what rises above all that stands before it is seen.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from ..presentation.looks import Look
from .thumbnails import palette_png

AZIMUTH, ELEVATION, HEIGHT = -0.42, math.radians(55), 0.55  # as in stage/assets/camera.js and frame.js
FADE_FROM, SOLID, DRAWN = 0.7, 0.94, 0.9  # shares of the way to the ceiling, as in the stage
GRID = 241  # energies along each side, from which the picture is drawn
N_LEVELS = 18
FINER = 2  # the picture is drawn this much larger, and then averaged
COLOURS = 64
MARGIN = 0.04  # of the picture, on every side
LIGHT = np.array([-0.45, -0.35, 0.82])


@dataclasses.dataclass(frozen=True)
class _Scene:
    """A surface in the world of the stage: `part` [GRID, GRID] is the share of the way to the ceiling (NaN: none).

    `shade` [GRID, GRID]: how bright its light makes it.
    """

    part: np.ndarray
    shade: np.ndarray
    half: tuple[float, float]

    def at(self, x: np.ndarray, y: np.ndarray, what: np.ndarray | None = None) -> np.ndarray:
        """`part` (or another grid) at places of the world, between grid points linearly; NaN outside."""
        flat = (self.part if what is None else what).ravel()
        i, j = (((a / h + 1) * ((GRID - 1) / 2)).astype(np.float32) for a, h in zip((x, y), self.half, strict=True))
        inside = (i >= 0) & (i < GRID - 1) & (j >= 0) & (j < GRID - 1)
        i, j = np.where(inside, i, 0), np.where(inside, j, 0)
        i0, j0 = i.astype(np.int32), j.astype(np.int32)
        a, b, first = i - i0, j - j0, i0 * GRID + j0
        corner = [flat.take(first + shift) for shift in (0, 1, GRID, GRID + 1)]
        near, far = (corner[k] + b * (corner[k + 1] - corner[k]) for k in (0, 2))
        return np.where(inside, near + a * (far - near), np.float32(np.nan))


def _scene(surface: Any) -> _Scene:
    (x0, x1), (y0, y1) = surface.bounds
    energies = surface.on_product(np.linspace(x0, x1, GRID), np.linspace(y0, y1, GRID))
    unit = max(x1 - x0, y1 - y0) / 2 or 1.0
    span = (surface.ceiling - surface.minimum) or 1.0
    part = np.where(np.isfinite(energies), np.maximum(energies - surface.minimum, 0) / span, np.nan)
    half = ((x1 - x0) / 2 / unit, (y1 - y0) / 2 / unit)
    return _Scene(part.astype(np.float32), _shade(part, half).astype(np.float32), half)


def _shade(part: np.ndarray, half: tuple[float, float]) -> np.ndarray:
    """A soft light from the left, behind the viewer."""
    slopes = np.gradient(np.nan_to_num(_height(part), nan=HEIGHT), *(2 * h / (GRID - 1) for h in half))
    normal = np.stack([-slopes[0], -slopes[1], np.ones_like(part)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return 0.72 + 0.38 * np.clip(normal @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)


def _height(part: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return HEIGHT * np.where(part <= 1, part, 1 + np.log(np.maximum(part, 1)))


def _project(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the world in the picture's plane: to the right, and up."""
    ca, sa, ce, se = math.cos(AZIMUTH), math.sin(AZIMUTH), math.cos(ELEVATION), math.sin(ELEVATION)
    return ca * x + sa * y, se * (-sa * x + ca * y) + ce * z


def _window(scene: _Scene, width: int, height: int) -> tuple[np.ndarray, np.ndarray, float]:
    """The plane's coordinates of the pixels' columns and rows (from below), and pixels per unit: all that is drawn."""
    x, y = np.meshgrid(*(np.linspace(-h, h, GRID) for h in scene.half), indexing="ij")
    s, t = (a[scene.part < DRAWN] for a in _project(x, y, _height(scene.part)))
    scale = (1 - 2 * MARGIN) * min(width / np.ptp(s), height / np.ptp(t))
    middle = (s.min() + s.max()) / 2, (t.min() + t.max()) / 2
    columns = middle[0] + (np.arange(width) + 0.5 - width / 2) / scale
    rows = middle[1] + (np.arange(height) + 0.5 - height / 2) / scale
    return columns, rows, scale


def _seen(scene: _Scene, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """[height, width] of the picture, from below: where on its column's way back each pixel is met; NaN: nowhere."""
    ca, sa = math.cos(AZIMUTH), math.sin(AZIMUTH)
    back = np.linspace(-1.5, 1.5, len(rows))
    t, s = np.meshgrid(back, columns, indexing="ij")
    part = scene.at(ca * s - sa * t, sa * s + ca * t)
    solid = part < SOLID
    up = np.where(solid, math.sin(ELEVATION) * t + math.cos(ELEVATION) * _height(part), -np.inf)
    horizon = np.maximum.accumulate(up, axis=0)
    met = np.full((len(rows), len(columns)), np.nan)
    for k in range(len(columns)):
        far = np.searchsorted(horizon[:, k], rows)
        inside = np.flatnonzero((far > 0) & (far < len(back)))
        far = far[inside]
        low, high = up[far - 1, k], up[far, k]
        joined = solid[far - 1, k] & solid[far, k]
        with np.errstate(invalid="ignore", divide="ignore"):
            met[inside, k] = np.where(joined, back[far] - (high - rows[inside]) / (high - low) * (back[1] - back[0]),
                                      np.nan)
    return met


def _colour(scene: _Scene, look: Look, columns: np.ndarray, met: np.ndarray) -> np.ndarray:
    """RGB [height, width, 3] from 0 to 255, from below: the ramp, a soft light, contour lines, the fade."""
    ca, sa = math.cos(AZIMUTH), math.sin(AZIMUTH)
    x, y = ca * columns - sa * met, sa * columns + ca * met
    part = scene.at(x, y)
    colour = _ramp(look, part) * scene.at(x, y, scene.shade)[..., None]
    line = 0.3 * _lines(part)[..., None]
    colour = (1 - line) * colour + line * _rgb(look.contour)
    solid = np.nan_to_num(1 - _smooth((part - FADE_FROM) / (1 - FADE_FROM)))[..., None]
    return np.where(np.isfinite(part)[..., None], solid * np.nan_to_num(colour) + (1 - solid) * _rgb(look.background),
                    _rgb(look.background))


def _lines(part: np.ndarray) -> np.ndarray:
    """How much of each pixel a contour line covers."""
    level = part * N_LEVELS
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.hypot(*np.gradient(level))
        return np.nan_to_num(np.clip(1.4 - np.abs(level - np.round(level)) / np.maximum(slope, 1e-6), 0, 1)
                             * (slope < 0.4))


def _smooth(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)], float)


def _ramp(look: Look, part: np.ndarray) -> np.ndarray:
    stops = np.array([_rgb(colour) for colour in look.surface])
    at = np.clip(np.nan_to_num(part), 0, 1) * (len(stops) - 1)
    return np.stack([np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)], axis=-1)


def _balls(scene: _Scene, surface: Any, temperature: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of n balls in equilibrium at this temperature, one seed; where T is 0, none."""
    if temperature <= 0 or n == 0:
        return np.empty(0), np.empty(0)
    generator = np.random.default_rng(0)
    weights = np.exp(-np.nan_to_num(scene.part, nan=np.inf) * (surface.ceiling - surface.minimum) / temperature)
    cells = generator.choice(weights.size, n, p=(weights / weights.sum()).ravel())
    jitter = generator.random((2, n)) - 0.5
    places = [(index + shift) / (GRID - 1) * 2 - 1
              for index, shift in zip(np.unravel_index(cells, weights.shape), jitter, strict=True)]
    x, y = (np.clip(place, -1, 1) * half for place, half in zip(places, scene.half, strict=True))
    return x, y


def _stamp(picture: np.ndarray, column: float, row: float, radius: float, colour: np.ndarray, edge: np.ndarray) -> None:
    """One ball: a lit disc with a dark rim."""
    c0, r0 = int(column - radius - 1), int(row - radius - 1)
    size = int(2 * radius + 3)
    if c0 < 0 or r0 < 0 or c0 + size > picture.shape[1] or r0 + size > picture.shape[0]:
        return
    dc, dr = np.meshgrid(np.arange(size) + c0 + 0.5 - column, np.arange(size) + r0 + 0.5 - row)
    far = np.hypot(dc, dr)
    inside = np.clip(radius - far, 0, 1)[..., None]
    rim = np.clip(far - 0.72 * radius, 0, 1)[..., None]
    lit = np.clip(1.25 - np.hypot(dc + 0.35 * radius, dr - 0.35 * radius) / (1.6 * radius), 0.55, 1.2)[..., None]
    patch = picture[r0:r0 + size, c0:c0 + size]
    patch += inside * (np.clip((1 - 0.7 * rim) * colour * lit + 0.7 * rim * edge, 0, 255) - patch)


def picture(surface: Any, look: Look, width: int, height: int, temperature: float = 0.0, balls: int = 0) -> np.ndarray:
    """The relief of `surface` seen as on the stage, on the look's background: RGB uint8 [height, width, 3].

    temperature: of the `balls`, which lie as in equilibrium.
    """
    scene = _scene(surface)
    columns, rows, scale = _window(scene, FINER * width, FINER * height)
    drawn = _colour(scene, look, columns, _seen(scene, columns, rows))
    x, y = _balls(scene, surface, temperature, balls)
    part = scene.at(x, y)
    s, t = _project(x, y, _height(part) + 0.012)
    radius = FINER * max(2.2, 0.0065 * height)
    for k in np.flatnonzero(part < DRAWN):
        _stamp(drawn, (s[k] - columns[0]) * scale, (t[k] - rows[0]) * scale, radius, _rgb(look.heat),
               _rgb(look.background))
    averaged = drawn.reshape(height, FINER, width, FINER, 3).mean(axis=(1, 3))
    return averaged[::-1].round().astype(np.uint8)


def png(picture: np.ndarray, colours: int = COLOURS) -> bytes:
    """RGB uint8 [height, width, 3] as a PNG with a palette of so many colours, chosen by k-means."""
    coarse = picture >> 2  # 6 bits of each channel: few enough different colours to group
    code = (coarse.astype(np.uint32) @ np.array([4096, 64, 1], np.uint32)).ravel()
    found, inverse, counts = np.unique(code, return_inverse=True, return_counts=True)
    points = np.stack([found >> 12 & 63, found >> 6 & 63, found & 63], axis=1).astype(float) * 4 + 2
    centres, nearest = _k_means(points, np.sqrt(counts), min(colours, len(points)))
    palette = ["#" + "".join(f"{int(v):02x}" for v in centre) for centre in np.clip(centres.round(), 0, 255)]
    return palette_png(nearest[inverse].reshape(picture.shape[:2]).astype(np.uint8), palette)


def _k_means(points: np.ndarray, weights: np.ndarray, k: int, rounds: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Centres [k, 3] and the nearest one of each point [n]; the first centres are spread by brightness."""
    order = np.argsort(points.sum(axis=1), kind="stable")
    share = np.cumsum(weights[order])
    centres = points[order[np.searchsorted(share, share[-1] * (np.arange(k) + 0.5) / k)]]
    for _round in range(rounds):
        nearest = np.argmin(((points[:, None] - centres[None]) ** 2).sum(axis=2), axis=1)
        total = np.bincount(nearest, weights, minlength=k)
        for channel in range(3):
            sums = np.bincount(nearest, weights * points[:, channel], minlength=k)
            centres[:, channel] = np.where(total > 0, sums / np.maximum(total, 1e-12), centres[:, channel])
    return centres, nearest
