"""E, S, F and KL of clouds: against quadrature, exact evolution and closed forms, in their own stated errors."""

import numpy as np
import pytest
from cloud_cases import BOXES, KINDS, WIDE, five, surfaces

import thermoviz as tv
from thermoviz.core.landscape.surfaces import Surface
from thermoviz.core.statistics.nearest_neighbours import Region, local_entropies
from thermoviz.core.thermodynamics import clouds
from thermoviz.core.thermodynamics.clouds import cloud_numbers


@pytest.fixture(scope="module")
def well():
    return tv.scan(tv.DoubleWell(), resolution=81)


@pytest.mark.parametrize("name", surfaces())
def test_five_clouds_have_their_numbers(name):
    """S, F, KL within 4 of their errors; the error of S at most .3 nat for 300 balls and .1 for 3000."""
    rng = np.random.default_rng(4)
    for law in five(surfaces()[name]):
        F = law.E - law.T * law.S
        KL = (F - law.surface.equilibrium(law.T).F) / law.T
        for n, most in ((300, 0.3), (3000, 0.1)):
            found = tv.cloud(law.surface, law.T, law.draw(rng, n))
            assert not any(isinstance(number, tv.Bound) for number in found), law.name
            for number, exact in zip(found, (law.E, law.S, F, KL), strict=True):
                assert abs(number - exact) < 4 * number.stderr, (law.name, n, number, exact)
            assert abs(found.S - law.S) < most and found.S.stderr < most, (law.name, n)
            assert found.F == pytest.approx(found.E - law.T * found.S, rel=1e-12)


@pytest.mark.parametrize("n, least, most", [(100, 0.9, 1.15), (300, 0.9, 1.15), (1000, 0.8, 1.1)])
def test_errors_of_the_entropy_are_its_scatter_far_from_equilibrium(n, least, most):
    """240 clouds of four kinds in three boxes: pulls have mean 0 and scatter 1, few are large."""
    rng = np.random.default_rng(12)
    pulls = []
    for k in range(240):
        box = BOXES[k % 3]
        draw, S = KINDS[k % 4](rng, box)
        found = cloud_numbers(rng.standard_normal(n), draw(rng, n), 1.0, Region(box)).S
        pulls.append((found - S) / found.stderr)
    pulls = np.array(pulls)
    # Scatter and mean of 240 pulls are known to .05 and .065; a quarter of an error is left for the bias.
    assert least < pulls.std() < most
    assert abs(pulls.mean()) < 0.25 + 3 / np.sqrt(240)
    assert (np.abs(pulls) > 2).mean() < 0.046 + 4 * np.sqrt(0.046 / 240) and np.abs(pulls).max() < 4


def test_errors_of_all_numbers_are_their_scatter(well):
    rng, bath = np.random.default_rng(2), 0.25
    for own in (0.5, 0.25, 0.12):
        law = well.equilibrium(own)
        many = [tv.cloud(well, bath, law.sample(1000, rng)) for _ in range(80)]
        F = law.U - bath * law.S
        exact = (law.U, law.S, F, (F - well.equilibrium(bath).F) / bath)
        for numbers, true in zip(zip(*many, strict=True), exact, strict=True):
            pulls = [(number - true) / number.stderr for number in numbers]
            # 80 pulls: their mean is known to .11, their scatter to 8 %; the stated errors hold a share for bias.
            assert abs(np.mean(pulls)) < 0.25 + 4 / np.sqrt(80) and abs(np.std(pulls) - 0.95) < 4 / np.sqrt(160)


def test_all_balls_in_one_of_two_wells_are_ln_2_away(well):
    x = well.equilibrium(0.1).sample(3000, np.random.default_rng(0))
    x[:, 0] = np.abs(x[:, 0])
    found = tv.cloud(well, 0.1, x)
    assert abs(found.KL - np.log(2)) < 4 * found.KL.stderr and found.KL > 10 * found.KL.stderr


def test_holes_hold_no_balls():
    x, y = np.linspace(-1.7, 1.7, 41), np.linspace(-1.2, 1.2, 41)
    energy = np.where((x[:, None] - 0.4) ** 2 + (y + 0.3) ** 2 < 0.09, np.nan, (x[:, None]**2 - 1) ** 2 + y**2)
    holed, rng = Surface.from_grid(x, y, energy), np.random.default_rng(1)
    pulls = []
    for T in (0.05, 0.3, 100.0):
        law = holed.equilibrium(T)
        found = [tv.cloud(holed, T, law.sample(1000, rng)) for _ in range(12)]
        pulls += [(one.S - law.S) / one.S.stderr for one in found] + [one.KL / one.KL.stderr for one in found]
    assert np.abs(pulls).max() < 4 and abs(np.mean(pulls)) < 0.25 + 4 / np.sqrt(36)
    with pytest.raises(tv.BadInput, match="30 of 30 points lie outside the surface or in cells without data"):
        tv.cloud(holed, 0.1, np.full((30, 2), (0.4, -0.3)))


def test_units_shift_the_entropy_and_nothing_else():
    rng, sides = np.random.default_rng(3), np.array([50.0, 3.0])
    x = rng.beta(2, 3, (500, 2))
    one, other = (cloud_numbers(np.arange(500.0), x * unit, 1.0, Region(((0, unit[0]), (0, unit[1])))).S
                  for unit in (np.ones(2), sides))
    assert other - one == pytest.approx(np.log(sides).sum(), abs=1e-9) and other.stderr == pytest.approx(one.stderr)


def test_balls_in_a_point_or_on_a_line_have_a_bound(well):
    rng = np.random.default_rng(0)
    point, line = np.full((200, 2), 0.3), np.stack([rng.uniform(-1, 1, 200), np.full(200, 0.1)], axis=1)
    twins = np.repeat(rng.uniform(-0.5, 0.5, (100, 2)), 2, axis=0)
    for x in (point, line, twins):
        found = tv.cloud(well, 0.25, x)
        assert [number.side for number in found[1:]] == ["<=", ">=", ">="] and not isinstance(found.E, tv.Bound)
        assert all(np.isfinite([number, number.stderr]).all() for number in found)
    # A dot that is still resolved: 1e-9 wide.
    tight = tv.cloud(well, 0.25, 0.3 + 1e-9 * rng.standard_normal((300, 2)))
    assert not isinstance(tight.S, tv.Bound) and abs(tight.S - WIDE - 2 * np.log(1e-9)) < 4 * tight.S.stderr
    assert tv.cloud(well, 0.25, point).S < tight.S


def test_without_heat_and_below_what_the_surface_resolves(well):
    x = well.equilibrium(0.1).sample(100, np.random.default_rng(0))
    cold = tv.cloud(well, 0.0, x)
    assert cold.S is None and cold.KL is None and cold.F == cold.E
    colder = tv.cloud(well, 1e-14, x)
    assert colder.KL is None and colder.S is not None and colder.F == pytest.approx(colder.E)


def test_of_many_balls_the_entropy_is_taken_of_a_part(well):
    rng, law, n = np.random.default_rng(5), well.equilibrium(0.25), 4 * clouds.MOST
    many = [tv.cloud(well, 0.25, law.sample(n, rng)) for _ in range(12)]
    for name, exact in (("E", law.U), ("S", law.S), ("F", law.F), ("KL", 0.0)):
        pulls = [(getattr(one, name) - exact) / getattr(one, name).stderr for one in many]
        assert np.abs(pulls).max() < 4 and abs(np.mean(pulls)) < 0.25 + 4 / np.sqrt(12)
    assert many[0].E.stderr < 0.6 * tv.cloud(well, 0.25, law.sample(clouds.MOST, rng)).E.stderr


@pytest.mark.parametrize("attempt, error", [
    (lambda: tv.cloud(None, 0.1, np.zeros((5, 2))), tv.TooFewSamples),
    (lambda: tv.cloud(None, 0.1, np.zeros(5)), tv.BadInput),
    (lambda: tv.cloud(None, 0.1, "balls"), tv.BadInput),
    (lambda: tv.cloud(None, 0.1, np.full((30, 2), np.nan)), tv.BadInput),
    (lambda: tv.cloud(None, -1, np.zeros((30, 2))), tv.BadInput),
    (lambda: tv.cloud(tv.scan(tv.DoubleWell()), 0.1, np.full((30, 2), 99.0)), tv.BadInput),
    (lambda: local_entropies(np.zeros((5, 2))), tv.TooFewSamples),
    (lambda: local_entropies(np.zeros((30, 3))), tv.BadInput),
    (lambda: local_entropies(np.full((30, 2), np.nan)), tv.BadInput),
])
def test_refusals_are_one_sentence(attempt, error):
    with pytest.raises(error) as caught:
        attempt()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
