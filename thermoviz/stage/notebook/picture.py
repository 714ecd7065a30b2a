"""A still picture of a surface from above, for notebooks that are read without a kernel: PNG, from numpy alone."""

import struct
import zlib
from typing import Any

import numpy as np

from ...presentation.looks import Look

LONGER_SIDE = 480  # pixels
CONTOURS = 14  # between the lowest energy and the ceiling
NETWORKS, RECORDS = 32, 400  # whose paths are drawn, and of how many points each
LEVELS, SHADES = 40, 5  # of colour and of light: few, so that the file is small
SHADE = 0.3  # of the colour: from slopes away from the light to those towards it
# Colours of the file: each level in its shades and as a contour line, then these two.
NOTHING = LEVELS * (SHADES + 1)
PATH = NOTHING + 1


def still_png(run: Any, look: Look) -> bytes:
    """The run's surface in the look's colours, contour lines and the networks' paths on it, as a PNG file."""
    pixels = _relief(run.surface)
    if "paths_u" in run.arrays:
        _draw_paths(pixels, run)
    return _png(pixels, _palette(look))


def _relief(surface: Any) -> np.ndarray:
    """Colours [height, width] as numbers in the palette; the top row is the largest y."""
    (x0, x1), (y0, y1) = surface.bounds
    unit = max(x1 - x0, y1 - y0) / LONGER_SIDE
    width, height = (max(8, round(side / unit)) for side in (x1 - x0, y1 - y0))
    energy = surface.on_product(np.linspace(x0, x1, width), np.linspace(y0, y1, height)).T[::-1]
    span = max(surface.ceiling - surface.minimum, np.finfo(float).tiny)
    part = (np.where(np.isfinite(energy), energy, np.inf) - surface.minimum) / span
    height_of = part.clip(0, 1)
    level = np.rint(height_of * (LEVELS - 1)).astype(np.uint8)
    kind = np.where(_edges(np.floor(height_of * CONTOURS)), SHADES, _shade(height_of))
    return np.where(part > 1, NOTHING, level * (SHADES + 1) + kind).astype(np.uint8)


def _shade(heights: np.ndarray) -> np.ndarray:
    """0 .. SHADES - 1: how much light falls on each pixel from the upper left."""
    down, right = np.gradient(heights * LONGER_SIDE / 4)
    light = (down + right) / np.sqrt(2 * (1 + down**2 + right**2))
    return np.rint((1 + light) / 2 * (SHADES - 1)).astype(np.uint8)


def _edges(bands: np.ndarray) -> np.ndarray:
    """Where a band ends below or on the right."""
    edges = np.zeros(bands.shape, dtype=bool)
    edges[:-1] |= bands[1:] != bands[:-1]
    edges[:, :-1] |= bands[:, 1:] != bands[:, :-1]
    return edges


def _draw_paths(pixels: np.ndarray, run: Any) -> None:
    """Points along each path, into `pixels`."""
    (x0, x1), (y0, y1) = run.surface.bounds
    height, width = pixels.shape
    for path in np.moveaxis(np.asarray(run.arrays["paths_u"][:, :NETWORKS], float), 1, 0):
        records = np.linspace(0, len(path) - 1, RECORDS)
        dense = np.stack([np.interp(records, np.arange(len(path)), path[:, k]) for k in (0, 1)], axis=-1)
        x, y = dense[np.isfinite(dense).all(axis=-1)].T
        column, row = (x - x0) / (x1 - x0) * (width - 1), (y1 - y) / (y1 - y0) * (height - 1)
        inside = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
        pixels[np.rint(row[inside]).astype(int), np.rint(column[inside]).astype(int)] = PATH


def _palette(look: Look) -> np.ndarray:
    """Colours [PATH + 1, 3] of uint8."""
    ramp = np.stack([_rgb(one) for one in look.surface])
    at = np.linspace(0, len(ramp) - 1, LEVELS)
    levels = np.stack([np.interp(at, np.arange(len(ramp)), ramp[:, k]) for k in range(3)], axis=-1)
    lights = 1 + SHADE * np.linspace(-1, 1, SHADES)
    shaded = levels[:, None] * lights[:, None]
    lines = 0.7 * levels + 0.3 * _rgb(look.contour)
    colours = np.concatenate([shaded, lines[:, None]], axis=1).reshape(-1, 3)
    colours = np.concatenate([colours, [_rgb(look.background), _rgb(look.path)]])
    return np.rint(255 * colours.clip(0, 1)).astype(np.uint8)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[k:k + 2], 16) for k in (1, 3, 5)]) / 255


def _png(pixels: np.ndarray, palette: np.ndarray) -> bytes:
    """The file of pixels [height, width], numbers of colours in `palette` [n, 3] (PNG, sections 5, 11)."""
    height, width = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)  # unfiltered

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", head), chunk(b"PLTE", palette.tobytes()),
                     chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)), chunk(b"IEND", b"")])
