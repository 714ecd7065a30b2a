"""Patches part valleys and leave a Gaussian whole."""

import numpy as np
from cloud_cases import turned

from thermoviz.core.statistics.patches import patches


def test_patches_part_valleys_and_leave_a_gaussian_whole():
    rng = np.random.default_rng(0)
    for widths in ((1, 1), (1, 1e-3)):
        whole = rng.standard_normal((1000, 2)) @ turned(0.4, 0.1 * np.array(widths)).T
        assert patches(whole, 1e-24).max() == 0
    far = np.repeat([[0.0, 0.0], [0.5, 0.1]], (960, 40), axis=0) + 0.01 * rng.standard_normal((1000, 2))
    label = patches(far, 1e-24)
    assert len(set(label[:960])) == len(set(label[960:])) == 1 and label[0] != label[-1]
    ring = 2 * np.pi * rng.random(1000)
    assert patches(np.stack([np.cos(ring), np.sin(ring)], axis=1) / 2, 1e-24).max() > 3
