"""Stiffness of a relief: of all of it, and of what balls can reach."""

import numpy as np
import pytest
from rippled import grid

from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.scan import scan
from thermoviz.core.landscape.surfaces import Surface


def test_stiffness_of_a_quadratic():
    curvature = np.array([[3.0, 1.0], [1.0, 2.0]])
    bowl = Surface.from_grid(*grid(lambda u: 0.5 * np.einsum("...i,ij,...j", u, curvature, u), 21))
    largest = np.linalg.eigvalsh(curvature)[-1]
    for k in (bowl.k_max(), bowl.k_max(0.01), bowl.k_max(0.0, highest_start=1.0)):
        np.testing.assert_allclose(k, largest, rtol=1e-4)  # from single-precision values, h = .1
    np.testing.assert_allclose(bowl.suggested_dt(1e-6), 0.5 / largest, rtol=1e-4)
    np.testing.assert_allclose(bowl.suggested_dt(1e-6, "euler-maruyama"), 0.1 / largest, rtol=1e-4)
    np.testing.assert_allclose(bowl.suggested_dt(10.0), (2.4 / 20) ** 2 / 20, rtol=1e-12)
    with pytest.raises(BadInput, match="scheme must be one of"):
        bowl.suggested_dt(0.1, "heun")
    with pytest.raises(BadInput, match="temperature"):
        bowl.suggested_dt(-1)


def test_stiffness_grows_with_what_balls_can_reach():
    quartic = scan(lambda u: (u**4).sum(-1), extent=(-2, 2, -2, 2), tolerance=0)
    near, far = quartic.k_max(0.001), quartic.k_max(0.1)
    # E <= 20 T allows |x| <= (20 T)^(1/4), where E'' = 12 x^2; the region is read on a lattice of step 1/40.
    np.testing.assert_allclose(far, 12 * np.sqrt(2.0), rtol=2 * 2 / 40 / 2**0.25)
    assert near < far < quartic.k_max() == pytest.approx(48, rel=1e-3)
    assert quartic.k_max(0.001, highest_start=2.0) == far
    flat = Surface.from_grid(range(5), range(5), np.ones((5, 5)))
    assert flat.k_max() == 0 and flat.suggested_dt(0.5) == (4 / 20) ** 2 and flat.suggested_dt(0) > 0
