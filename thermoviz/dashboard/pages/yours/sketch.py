"""The data as a small picture: what stands on the page until their landscape does."""

import base64

import numpy as np

from ....core.learning.data import Dataset
from ....presentation.looks import Look

MOST = 400  # points
SIDE, EDGE, RADIUS = 320.0, 14.0, 4.0  # pixels


def sketch(data: Dataset, look: Look) -> str:
    """A picture as a data URI: the first two inputs, coloured by class or value; of one input its curve."""
    x, y = data.x[:MOST], data.y[:MOST]
    one = data.n_inputs == 1
    across, up = x[:, 0], (y.reshape(len(y), -1)[:, 0] if one and data.classes is None else x[:, 0 if one else 1])
    left, top = EDGE + _share(across) * (SIDE - 2 * EDGE), SIDE - EDGE - _share(up) * (SIDE - 2 * EDGE)
    if data.classes is not None:
        colours = [look.basins[int(k) % len(look.basins)] for k in y]
    else:
        stops = len(look.surface) - 1
        colours = [look.surface[round(share * stops)] for share in _share(y.reshape(len(y), -1)[:, 0])]
    marks = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{RADIUS}" fill="{colour}" fill-opacity=".9"/>'
                    for a, b, colour in zip(left, top, colours, strict=True))
    text = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE:g} {SIDE:g}"><rect width="100%" height="100%" '
            f'rx="12" fill="{look.panel}" stroke="{look.line}"/>{marks}</svg>')
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


def _share(values: np.ndarray) -> np.ndarray:
    """Where each lies between the least and the largest, 0 to 1."""
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
