"""Potentials: exact forces, published minima and saddles, and the one place where a derivative is taken."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.energies.potentials import POTENTIALS
from thermoviz.core.energies.protocol import as_energy
from thermoviz.core.specs import from_json, to_json


def takes(name: str, d: int) -> bool:
    """Whether a potential is defined in d dimensions; those of two only say so of others."""
    try:
        POTENTIALS[name]()(np.zeros((1, d)))
    except tv.BadInput:
        return False
    return True


CASES = [(name, d) for d in (2, 5, 300) for name in POTENTIALS if takes(name, d)]


def points(d: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(d).uniform(-1.2, 1.2, size=(*shape, d))


@pytest.mark.parametrize("name, d", CASES)
def test_force_is_the_derivative(name, d):
    """Fourth-order differences at step h err by h^4 E^(5)/30 and by rounding eps |E|/h: far below 1e-7 of the scale."""
    energy, x, h = POTENTIALS[name](), points(d, 3), 1e-3
    for axis in range(min(d, 6)):
        e = np.zeros(d)
        e[axis] = h
        slope = (8 * (energy(x + e) - energy(x - e)) - (energy(x + 2 * e) - energy(x - 2 * e))) / (12 * h)
        scale = np.abs(energy.force(x)).max() + np.abs(energy(x)).max()
        assert np.abs(slope + energy.force(x)[:, axis]).max() < 1e-7 * scale


@pytest.mark.parametrize("name, d", CASES)
def test_a_stack_is_the_stack_of_singles_and_the_input_stays(name, d):
    energy, x = POTENTIALS[name](), points(d, 2, 3)
    kept = x.copy()
    assert energy(x).shape == (2, 3) and energy.force(x).shape == x.shape
    for index in np.ndindex(2, 3):
        assert energy(x[index]) == pytest.approx(energy(x)[index], rel=1e-13, abs=1e-13)
        np.testing.assert_allclose(energy.force(x[index].tolist()), energy.force(x)[index], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("name", POTENTIALS)
def test_specifications_survive_json(name):
    energy = POTENTIALS[name]()
    assert from_json(type(energy), to_json(energy)) == energy
    assert to_json(energy)["kind"] == name


@pytest.mark.parametrize("name", POTENTIALS)
def test_minima_are_minima_within_the_drawn_box(name):
    energy = POTENTIALS[name]()
    minima = np.asarray(energy.minima)
    (x0, x1), (y0, y1) = energy.bounds
    assert ((minima > [x0, y0]) & (minima < [x1, y1])).all()
    ring = 0.02 * np.stack([np.cos(np.arange(16)), np.sin(np.arange(16))], axis=1)
    assert (energy(minima[:, None] + ring) > energy(minima)[:, None]).all()
    # Held to the last digit: what is left of the force is curvature (at most 1e4) times rounding.
    assert np.abs(energy.force(minima)).max() < 1e-11


def test_mueller_brown_has_the_published_energies():
    """K. Mueller and L. D. Brown 1979: three minima, two saddles."""
    energy = tv.MuellerBrown()
    minima = [[-0.558224, 1.441726], [0.623499, 0.028038], [-0.050011, 0.466694]]
    np.testing.assert_allclose(energy(minima), [-146.69952, -108.16672, -80.76782], atol=1e-4)
    np.testing.assert_allclose(energy([[-0.822002, 0.624314], [0.212487, 0.292988]]), [-40.66484, -72.24894], atol=1e-4)


def test_curvatures_of_the_two_basins_are_the_chosen_ones():
    """Each basin is harmonic up to exp(-gap/rounding): here gap = 8, rounding .05, so nothing is left in float64."""
    energy = tv.TwoBasins(depth=0.5, narrow=(40.0, 7.0, 3.0), wide=(4.0, 2.0, 1.0), distance=2.0)
    for centre, curvatures, lowest in (([1.0, 0, 0], (40.0, 7.0, 3.0), -0.5), ([-1.0, 0, 0], (4.0, 2.0, 1.0), 0.0)):
        x = np.array(centre)
        assert energy(x) == pytest.approx(lowest, abs=1e-12)
        for axis, k in enumerate(curvatures):
            e = np.eye(3)[axis] * 1e-2
            np.testing.assert_allclose(energy.force(x + e), -k * e, atol=1e-12)
    assert energy.crossing_temperature == pytest.approx(0.5 / (0.5 * np.log(40 * 7 * 3 / (4 * 2))))
    assert tv.TwoBasins(narrow=4.0, wide=4.0).crossing_temperature is None


def test_force_of_a_plain_callable_comes_from_torch():
    import torch

    x = points(3, 5)
    np.testing.assert_allclose(tv.force(lambda t: (t**4).sum(-1), x), -4 * x**3, rtol=1e-12)
    tensor = torch.as_tensor(x)
    assert torch.allclose(tv.force(lambda t: (t**4).sum(-1), tensor), -4 * tensor**3)
    np.testing.assert_array_equal(tv.force(tv.Harmonic(2.0), x), -2 * x)


def test_flat_energies_have_no_force():
    x = points(3, 5)
    for flat in (lambda t: np.zeros(t.shape[:-1]), lambda t: 0 * t[..., 0], tv.Harmonic(0.0)):
        np.testing.assert_array_equal(tv.force(flat, x), np.zeros_like(x))
    np.testing.assert_array_equal(tv.Harmonic([0, 2.0]).force([3.0, 3.0]), [0.0, -6.0])


@pytest.mark.filterwarnings("error")
def test_mueller_brown_is_infinitely_high_far_away():
    assert tv.MuellerBrown()([40.0, 40.0]) == np.inf


@pytest.mark.parametrize("attempt, words", [
    (lambda: tv.Harmonic(-1), "greater than or equal to 0"),
    (lambda: tv.Harmonic((1.0, 2.0))(np.zeros(3)), "2 curvatures"),
    (lambda: tv.MuellerBrown()(np.zeros(3)), "length 2"),
    (lambda: tv.Himmelblau()("no"), "array of numbers"),
    (lambda: tv.Rosenbrock()(np.zeros((4, 1))), "at least 2"),
    (lambda: tv.DoubleWell()(3.0), "last axis"),
    (lambda: tv.force(lambda x: np.asarray(x).sum(-1), [1.0, 2.0]), "torch cannot differentiate"),
    (lambda: tv.force(lambda x: x.sum(), [[1.0], [2.0]]), "energies of shape"),
    (lambda: as_energy(3), "callable"),
    (lambda: tv.force(lambda x: (x**2).sum(-1), "here"), "array of numbers"),
    (lambda: tv.force(lambda x: x.detach().sum(-1), [1.0]), "torch cannot differentiate"),
    (lambda: tv.TwoBasins(depth=50.0, narrow=1.0), "within the narrow one"),
    (lambda: tv.Schedule("exponential", T0=1.0), "above 0"),
    (lambda: tv.DoubleWell(width=2), "not a setting"),
])
def test_bad_input_gets_one_sentence(attempt, words):
    with pytest.raises(tv.BadInput, match=words) as caught:
        attempt()
    assert "\n" not in str(caught.value)
