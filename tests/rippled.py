"""A double well with a ripple that no grid resolves exactly, its force, and grids of it."""

import numpy as np

BOX = (-1.6, 1.8, -1.1, 1.3)


def rippled(u):
    """A double well with a ripple that no grid of this file resolves exactly."""
    x, y = u[..., 0], u[..., 1]
    return (x * x - 1) ** 2 + 0.7 * y * y + 0.3 * np.sin(2 * x + 3 * y)


def rippled_force(u):
    x, y = u[..., 0], u[..., 1]
    wave = np.cos(2 * x + 3 * y)
    return -np.stack([4 * x * (x * x - 1) + 0.6 * wave, 1.4 * y + 0.9 * wave], axis=-1)


def grid(f, n, m=None, box=BOX):
    xs, ys = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], m or n)
    return xs, ys, f(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1))


def inside(n, seed=0, box=BOX):
    return np.random.default_rng(seed).uniform(box[::2], box[1::2], (n, 2))
