"""A surface in three dimensions as pixels: every triangle of its grid, nearest first, up to a few lying over another.

Numpy alone. Perspective and axes are Plotly's (gl-plot3d): a box of the scene's aspect around the origin, a camera
that looks from `eye` to `center` with `up` above, with an opening of 45 degrees.
"""

import dataclasses
import math
from typing import Any

import numpy as np

OPENING = math.pi / 4
LAYERS = 6  # of translucent surface over one pixel
CHUNK = 2_000_000  # pixels of triangles' boxes at a time
SOLID = 0.5  # what is at least so opaque hides what is behind it


@dataclasses.dataclass(frozen=True)
class Camera:
    """From a box of data to the pixels of a picture: rows from above, depth growing away from the eye.

    low, high [3]: the data's box; aspect [3]: its sides in the scene.
    """

    low: np.ndarray
    high: np.ndarray
    aspect: np.ndarray
    eye: np.ndarray
    center: np.ndarray
    up: np.ndarray
    width: int
    height: int

    def world(self, places: np.ndarray) -> np.ndarray:
        """Places of the scene [..., 3] of places in the data."""
        span = np.where(self.high > self.low, self.high - self.low, 1.0)
        return self.aspect * ((places - self.low) / span - 0.5)

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors to the right, up, and away from the eye."""
        away = _unit(self.center - self.eye)
        right = _unit(np.cross(away, self.up))
        return right, np.cross(right, away), away

    def project(self, places: np.ndarray) -> np.ndarray:
        """Column, row and depth [..., 3] of places in the data [..., 3]."""
        right, up, away = self.axes()
        seen = self.world(np.asarray(places, float)) - self.eye
        depth = seen @ away
        scale = self.height / (2 * math.tan(OPENING / 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            columns = self.width / 2 + scale * (seen @ right) / depth
            rows = self.height / 2 - scale * (seen @ up) / depth
        return np.stack([columns, rows, depth], axis=-1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@dataclasses.dataclass(frozen=True)
class Levels:
    """Lines at equal steps of height: the first, the last, the step; colour [4] and width in pixels."""

    start: float
    end: float
    size: float
    colour: np.ndarray
    width: float


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Colours [height, width, 4], and the depth at which the surface hides what is behind it (infinite: nowhere)."""

    colours: np.ndarray
    depth: np.ndarray


def surface(camera: Camera, xs: np.ndarray, ys: np.ndarray, z: np.ndarray, colours: Any, light: np.ndarray,
            levels: Levels | None) -> Drawn:
    """The surface of heights z [len(xs), len(ys)], clipped to the camera's box.

    colours(heights [k]) -> [k, 4]; light [len(xs), len(ys)]: by which the colours are multiplied.
    """
    x, y = np.meshgrid(xs, ys, indexing="ij")
    seen = camera.project(np.stack([x, y, z], axis=-1))
    pixel, depth, height, bright, slope = _fragments(seen, z, light, camera)
    inside = (height >= camera.low[2]) & (height <= camera.high[2])
    pixel, depth, height, bright, slope = (part[inside] for part in (pixel, depth, height, bright, slope))
    order = np.lexsort((depth, pixel))
    pixel, depth, height, bright, slope = (part[order] for part in (pixel, depth, height, bright, slope))
    paint = colours(height)
    paint[:, :3] = np.clip(paint[:, :3] * bright[:, None], 0, 1)
    if levels is not None:
        cover = levels.colour[3] * _on_level(height, slope, levels)[:, None]
        paint[:, :3] = (1 - cover) * paint[:, :3] + cover * levels.colour[:3]
    return _composed(camera, pixel, depth, paint)


def _on_level(height: np.ndarray, slope: np.ndarray, levels: Levels) -> np.ndarray:
    """How much of each pixel a line covers; slope: of the height, per pixel."""
    at = (height - levels.start) / levels.size
    nearest = np.clip(np.round(at), 0, round((levels.end - levels.start) / levels.size))
    far = np.abs(at - nearest) * levels.size / np.maximum(slope, 1e-12)
    return np.clip(levels.width / 2 + 0.5 - far, 0, 1)


def _fragments(seen: np.ndarray, z: np.ndarray, light: np.ndarray, camera: Camera) -> tuple[np.ndarray, ...]:
    """Pixel, depth, height, light and slope wherever a triangle of the grid covers the middle of a pixel."""
    n, m = z.shape
    index = np.arange(n * m).reshape(n, m)
    a, b, c, d = (part.ravel() for part in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    corners = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    points, heights = seen.reshape(-1, 3), z.ravel()
    known = np.isfinite(points[corners]).all((1, 2)) & np.isfinite(heights[corners]).all(1)
    known &= (heights[corners].min(1) <= camera.high[2]) & (heights[corners].max(1) >= camera.low[2])
    corners = corners[known]
    place = points[corners]
    low = np.maximum(np.floor(place[..., :2].min(1) - 0.5), 0).astype(np.int64)
    high = np.minimum(np.ceil(place[..., :2].max(1) - 0.5), [camera.width - 1, camera.height - 1]).astype(np.int64)
    sides = np.maximum(high - low + 1, 0)
    count = sides[:, 0] * sides[:, 1]
    ends, found, first = np.cumsum(count), [], 0
    while first < len(corners):
        last = max(first + 1, int(np.searchsorted(ends, (ends[first - 1] if first else 0) + CHUNK, "right")))
        part = slice(first, last)
        found.append(_of_triangles(place[part], heights[corners[part]], light.ravel()[corners[part]], low[part],
                                   sides[part], count[part], camera.width))
        first = last
    if not found:
        return tuple(np.empty(0, kind) for kind in (np.int64, float, float, float, float))
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def _of_triangles(place: np.ndarray, heights: np.ndarray, light: np.ndarray, low: np.ndarray, sides: np.ndarray,
                  count: np.ndarray, width: int) -> tuple[np.ndarray, ...]:
    which = np.repeat(np.arange(len(place)), count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    column = low[which, 0] + within % sides[which, 0]
    row = low[which, 1] + within // sides[which, 0]
    (x0, y0), (x1, y1), (x2, y2) = (place[:, k, :2].T for k in range(3))
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Shares of the second and third corner grow linearly over the picture.
        s = np.stack([(y2 - y0), -(x2 - x0)], 1) / area[:, None]
        t = np.stack([-(y1 - y0), (x1 - x0)], 1) / area[:, None]
        dx, dy = column + 0.5 - x0[which], row + 0.5 - y0[which]
        two, three = s[which, 0] * dx + s[which, 1] * dy, t[which, 0] * dx + t[which, 1] * dy
        covered = (two >= 0) & (three >= 0) & (two + three <= 1)
        rise = np.hypot(*(s.T * (heights[:, 1] - heights[:, 0]) + t.T * (heights[:, 2] - heights[:, 0])))
    which, two, three = which[covered], two[covered], three[covered]

    def between(values: np.ndarray) -> np.ndarray:
        first, second, third = values.T
        return first[which] + two * (second - first)[which] + three * (third - first)[which]

    return (row[covered] * width + column[covered], between(place[..., 2]), between(heights), between(light),
            rise[which])


def _composed(camera: Camera, pixel: np.ndarray, depth: np.ndarray, paint: np.ndarray) -> Drawn:
    """Fragments, sorted by pixel and then by depth, laid over each other from the nearest on."""
    size = camera.width * camera.height
    colour, left = np.zeros((size, 3)), np.ones(size)
    hides = np.full(size, np.inf)
    begins = np.flatnonzero(np.diff(pixel, prepend=-1))
    ends = np.append(begins[1:], len(pixel))
    for layer in range(LAYERS):
        here = (begins + layer)[begins + layer < ends]
        if not len(here):
            break
        at, alpha = pixel[here], paint[here, 3]
        colour[at] += (left[at] * alpha)[:, None] * paint[here, :3]
        solid = (alpha >= SOLID) & ~np.isfinite(hides[at])
        hides[at[solid]] = depth[here[solid]]
        left[at] *= 1 - alpha
    opacity = 1 - left
    shape = (camera.height, camera.width)
    with np.errstate(invalid="ignore", divide="ignore"):
        colour = np.where(opacity[:, None] > 0, colour / opacity[:, None], 0)
    return Drawn(np.concatenate([colour, opacity[:, None]], 1).reshape(*shape, 4), hides.reshape(shape))
