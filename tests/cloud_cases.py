"""Clouds of balls whose entropy is known, near and far from equilibrium, for Python and for the stage."""

from typing import NamedTuple

import numpy as np

import thermoviz as tv
from thermoviz.core.dynamics.walls import reflect
from thermoviz.core.landscape.surfaces import Surface
from thermoviz.core.thermodynamics.evolution import MasterEquation

WIDE = np.log(2 * np.pi * np.e)  # entropy of a Gaussian of variance 1 in the plane


class Law(NamedTuple):
    """A law on a surface: draw(rng, n) -> [n, 2], its entropy S and mean energy E."""

    name: str
    surface: Surface
    T: float
    draw: object
    S: float
    E: float


def surfaces():
    return {"double well": tv.scan(tv.DoubleWell(), resolution=81),
            "Mueller-Brown": tv.scan(tv.MuellerBrown(), resolution=81),
            "three minds": tv.load_preset("three-minds").surface}


def on_cells(name, surface, T, cells, p):
    """Masses p on cells of a master equation, uniform in each: its entropy is exact, its energy to the cell's width."""
    numbers = cells.thermodynamics(p)

    def draw(rng, n):
        at = np.stack(np.unravel_index(rng.choice(p.size, n, p=p.ravel() / p.sum()), p.shape), axis=1)
        return np.array([edges[0] for edges in cells.edges]) + (at + rng.random((n, 2))) * cells.size

    return Law(name, surface, T, draw, float(numbers.S), float(numbers.E))


def gaussian_energy(surface, centre, width):
    """<E> of a round Gaussian, by Gauss and Hermite's rule."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    places = centre + width * np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1)
    return float(weights @ surface(reflect(places, np.array(surface.bounds))) @ weights / weights.sum() ** 2)


def five(surface):
    """A dot on the saddle, quenched into the wrong valley, annealed, uniform, Boltzmann."""
    T, side = 0.25 * surface.barrier, np.ptp(surface.bounds, axis=1)
    saddle, width = surface.basins.passes[0], 0.005 * side.min()
    bounds = np.array(surface.bounds)
    halved = np.log(2) * (saddle[:, None] == bounds).sum()  # a pass may lie on a wall, which reflects the dot
    yield Law("dot", surface, T, lambda rng, n: reflect(saddle + width * rng.standard_normal((n, 2)), bounds),
              WIDE + 2 * np.log(width) - halved, gaussian_energy(surface, saddle, width))
    cold = MasterEquation(surface, surface.barrier / 20, 300)
    yield on_cells("quenched", surface, cold.T, cold, cold.in_basin(1))
    yield annealed(surface)
    flat = MasterEquation(surface, T, 300)
    yield on_cells("uniform", surface, T, flat, flat.uniform())
    law = surface.equilibrium(T)
    yield Law("Boltzmann", surface, T, lambda rng, n: law.sample(n, rng), law.S, law.U)


def annealed(surface):
    """Cooled in five steps from the barrier to a twentieth of it, three relaxations of the deepest valley in each."""
    p, cells, time = None, None, 3 / surface.basins.curvatures[0].min()
    for T in surface.barrier * np.geomspace(1, 0.05, 5):
        cells = MasterEquation(surface, float(T), 96)
        p = cells.boltzmann if p is None else np.maximum(cells.evolve(p, [time])[0], 0)
    return on_cells("annealed", surface, cells.T, cells, p)


# Far from equilibrium, of all shapes: draw(rng, n), entropy, box


def turned(angle, widths):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]]) * widths


def gaussian(rng, box):
    """One Gaussian, of any width and tilt, away from the walls."""
    low, side = box[:, 0], np.ptp(box, axis=1)
    width = 10 ** rng.uniform(-5, -1.2) * side.min()
    shape = turned(rng.uniform(0, np.pi), width * np.array([1, 10 ** -rng.uniform(0, 2)]))
    centre = low + side * rng.uniform(0.4, 0.6, 2)
    return lambda r, n: centre + r.standard_normal((n, 2)) @ shape.T, WIDE + np.log(np.linalg.det(shape))


def mixture(rng, box):
    """Narrow Gaussians in several valleys, of unequal shares and widths."""
    low, side, k = box[:, 0], np.ptp(box, axis=1), rng.integers(2, 5)
    shares = rng.dirichlet(np.full(k, 2.0)) * 0.8 + 0.2 / k
    centres = low + side * (np.array([[1, 1], [3, 3], [1, 3], [3, 1]]) / 4)[:k]
    shapes = [turned(rng.uniform(0, np.pi), 10 ** rng.uniform(-4, -1.7, 2) * side.min()) for _ in range(k)]

    def draw(r, n):
        which = r.choice(k, n, p=shares)
        return centres[which] + np.einsum("nij,nj->ni", np.array(shapes)[which], r.standard_normal((n, 2)))

    within = [WIDE + np.log(np.linalg.det(shape)) for shape in shapes]
    return draw, float(shares @ (within - np.log(shares)))


def patch(rng, box):
    """Uniform in a rectangle of the box, which may touch its walls."""
    low, side = box[:, 0], np.ptp(box, axis=1)
    size = side * 10 ** rng.uniform(-2, 0, 2)
    corner = low + (side - size) * rng.choice([0, rng.random(), 1], 2)
    return lambda r, n: corner + size * r.random((n, 2)), float(np.log(size).sum())


def against_walls(rng, box):
    """An exponential law along each axis, from a corner into the box."""
    low, side = box[:, 0], np.ptp(box, axis=1)
    length = side * 10 ** rng.uniform(-3, 0, 2)
    within = -np.expm1(-side / length)
    mean = length - side * (1 - within) / within
    return (lambda r, n: low - length * np.log1p(-r.random((n, 2)) * within),
            float((np.log(length * within) + mean / length).sum()))


KINDS = (gaussian, mixture, patch, against_walls)
BOXES = (np.array([[-2, 2], [-1.5, 1.5]]), np.array([[0, 50], [7, 10]]), np.array([[0, 1e-3], [0, 1e-3]]))
