"""Energies made for tests: a flat one, and a mean over samples that remembers which were asked for."""

import numpy as np


class Flat:
    """E = 0 everywhere."""

    def __call__(self, x):
        return np.zeros(x.shape[:-1])

    def force(self, x):
        return np.zeros_like(x)


class Samples:
    """A mean over samples, E_i = 1/2 |x - a_i|^2, that remembers which were asked for."""

    def __init__(self, n_samples=40, d=2):
        self.n_samples, self.a, self.asked = n_samples, np.random.default_rng(5).standard_normal((n_samples, d)), []

    def __call__(self, x):
        return 0.5 * ((x[..., None, :] - self.a) ** 2).sum(-1).mean(-1)

    def force(self, x):
        return self.a.mean(0) - x

    def minibatch(self, indices):
        self.asked.append(indices)
        return Part(self.a[indices].mean(1))


class Part:
    def __init__(self, centre):
        self.centre = centre

    def __call__(self, x):
        return 0.5 * ((x - self.centre) ** 2).sum(-1)

    def force(self, x):
        return self.centre - x
