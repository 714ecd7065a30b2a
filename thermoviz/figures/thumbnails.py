"""Small pictures of surfaces: a palette PNG of a few kilobytes, drawn from a run's own grid."""

import base64
import struct
import zlib
from typing import Any

import numpy as np

from ..presentation.looks import Look

N_COLOURS = 255  # palette entry 255 is the clear one: no data


def thumbnail(run: Any, look: Look, size: int = 72) -> bytes:
    """The surface from above as a PNG of size x size pixels: colours up to the ceiling, v upwards."""
    surface = run.surface
    (x0, x1), (y0, y1) = surface.bounds
    energies = surface.on_product(np.linspace(x0, x1, size), np.linspace(y0, y1, size)).T[::-1]
    low, ceiling = surface.minimum, surface.ceiling
    height = np.clip((energies - low) / max(ceiling - low, np.finfo(float).tiny), 0, 1)
    index = np.where(np.isfinite(height), np.nan_to_num(height) * (N_COLOURS - 1), N_COLOURS)
    return palette_png(index.astype(np.uint8), _palette(look), clear=N_COLOURS)


def _palette(look: Look) -> list[str]:
    """Between the look's stops colours are mixed in sRGB: 255 steps, too fine to be told apart."""
    stops = np.array([[int(c[i:i + 2], 16) for i in (1, 3, 5)] for c in look.surface], float)
    at = np.linspace(0, len(stops) - 1, N_COLOURS)
    mixed = np.stack([np.interp(at, np.arange(len(stops)), stops[:, k]) for k in range(3)], axis=1).round()
    return ["#" + "".join(f"{int(v):02x}" for v in colour) for colour in mixed]


def palette_png(index: np.ndarray, palette: list[str], clear: int | None = None) -> bytes:
    """A PNG of palette indices [height, width] (uint8), `clear` its transparent entry (colour type 3)."""
    height, width = index.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), index], axis=1).tobytes()  # filter 0 per row
    colours = b"".join(bytes.fromhex(c[1:]) for c in palette)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)), (b"PLTE", colours)]
    if clear is not None:
        parts[1] = (b"PLTE", colours + b"\0\0\0" * (clear + 1 - len(palette)))
        parts.append((b"tRNS", b"\xff" * clear + b"\0"))
    parts += [(b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
        for tag, data in parts)


def data_uri(png: bytes) -> str:
    """The picture as text that CSS and HTML can show without a request."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
