"""Messages for the stage from analytic surfaces, for the browser tests: no training, no run, the same format."""

import numpy as np

from thermoviz.core.landscape.surfaces import Surface
from thermoviz.stage.message import Message
from thermoviz.stage.payload import encoded, look_message


def valleys(x, y):
    """Four valleys of different depth and width in a rising bowl."""
    def well(a, b, depth, sx, sy):
        return -depth * np.exp(-(x - a)**2 / sx - (y - b)**2 / sy)

    return (.9 + .012 * (x**2 + y**2) + .004 * (x**4 + y**4) + .05 * np.sin(2 * x) * np.sin(1.7 * y)
            + well(-1.4, .9, .62, 1.6, 1.2) + well(1.9, -1.3, .74, .5, .45)
            + well(1.6, 1.6, .45, 1.3, .5) + well(-1.6, -1.7, .3, .5, .5))


def flat(x, y):
    return np.full_like(x, .3)


def bowl(x, y):
    return .5 * (x**2 + 2 * y**2)


def steep(x, y):
    """A shallow double well between walls a million times as high."""
    return .2 * (x**2 - 1)**2 + .3 * y**2 + 1e4 * np.maximum(0, np.hypot(x, y) - 2.6)**4


def holed(x, y):
    """The valleys with a round region without data."""
    return np.where(np.hypot(x - .2, y + .2) < .8, np.nan, valleys(x, y))


def surface_of(function=valleys, n=41, side=4.0):
    xs = np.linspace(-side, side, n)
    ys = np.linspace(-.85 * side, .85 * side, n)
    return Surface.from_grid(xs, ys, function(*np.meshgrid(xs, ys, indexing="ij")))


def message(function=valleys, look="dark", temperature=None, with_networks=True, n=41, **more) -> Message:
    """A complete stage message of an analytic surface: dict of plain JSON."""
    surface = surface_of(function, n)
    basins = surface.basins
    (x0, x1), (y0, y1) = surface.bounds
    fields = {name: encoded(np.nan_to_num(getattr(surface, name))) for name in ("E", "Ex", "Ey", "Exy")}
    return {
        "id": f"scene-{function.__name__}", "title": "Heat lets the balls choose between the valleys.", "sentence": "",
        "look": look_message(look), "words": {}, "axes": ["u₁", "u₂"],
        "surface": {"xs": [x0, x1, n], "ys": [y0, y1, n], **fields,
                    "mask": encoded(surface.mask, "uint8") if surface.mask.any() else None,
                    "min": float(basins.minimum), "ceiling": float(surface.ceiling),
                    "barrier": surface.barrier, "scale": float(surface.scale), "unit": "nats"},
        "basins": {"minima": np.asarray(basins.minima).tolist(), "labels": _labels(basins.labels),
                   "names": ["deepest", "widest", "narrow", "small"][:len(basins.minima)]},
        "paths": _paths(basins.minima) if with_networks else None,
        "network": _network() if with_networks else None,
        "honesty": {"grade": "roughly", "title": "Roughly true", "more": ["R² 0.86.", "2.0% of the gradient."],
                    "sentence": "You see 2 of 354 directions; the height under the paths is roughly true."}
        if with_networks else None,
        "temperature": .1 * float(surface.scale) if temperature is None else temperature,
        "batch": {"T_of_batch_1": 4e-4, "T_slice": None} if with_networks else None, "crossing": None,
        "heat": {"sentence": "", "more": []}, "seed": 7, "n_balls": 1000, "start": "boltzmann", "paused": False,
        "captions": False, "law": "exponential", "programme_steps": 10_000,
        "link": "http://localhost:8501/?seed=7&v=1", **more,
    }


def _labels(labels):
    flat_labels = np.asarray(labels).ravel()
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat_labels)) + 1])
    runs = np.diff(np.concatenate([starts, [flat_labels.size]]))
    return {"shape": list(np.shape(labels)), "values": encoded(flat_labels[starts], "int16"),
            "runs": encoded(runs, "int32")}


def _paths(minima):
    """Four networks of three optimisers that spiral into the minima, from outside of the box for one of them."""
    T, ends = 120, np.array([minima[k % len(minima)] for k in range(4)])
    starts = np.array([[-3, -2.6], [3, 4.0], [-2.8, 2.8], [2.9, -.2]])
    w = np.exp(-np.linspace(0, 6, T))[:, None, None]
    u = starts * w + ends * (1 - w) + .25 * w * np.sin(np.linspace(0, 9, T))[:, None, None]
    residual = np.linspace(2.5, .2, T)[:, None] * np.array([1, .4, .7, .2])
    return {"u": encoded(u), "residual": encoded(residual), "energy": encoded(residual),
            "member": [0, 1, 2, 1], "names": ["SGD", "Adam", "RMSProp"], "steps": list(range(0, 10 * T, 10))}


def _network():
    """A small random network on the plane and two hundred points to classify."""
    draw = np.random.default_rng(0)
    sizes = [2, 16, 16, 2]
    d = sum((a + 1) * b for a, b in zip(sizes, sizes[1:], strict=False))
    x = draw.normal(size=(200, 2))
    origin, u, v = (encoded(scale * draw.normal(size=d)) for scale in (.5, .2, .2))
    return {"sizes": sizes, "activation": "tanh", "task": "classification",
            "origin": origin, "u": u, "v": v,
            "data": {"x": encoded(x), "y": encoded(x[:, 0] * x[:, 1] > 0, "int16"), "raw": False,
                     "center": encoded([0, 0]), "scale": encoded([1, 1]), "pictures": False}}
