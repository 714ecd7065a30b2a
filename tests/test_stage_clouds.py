"""Entropy, free energy and distance to Boltzmann on the stage: the same numbers as `tv.cloud`, on the same balls."""

import numpy as np
import pytest
from cloud_cases import KINDS, five, surfaces
from stage_browser import Modules
from test_stage_physics import SURFACES, message

import thermoviz as tv
from thermoviz.core.clouds import MOST

pytestmark = pytest.mark.browser

MEASURE = """
    const s = surface.createSurface(argument.message.surface, argument.message.basins);
    const b = physics.createBalls(s, { n: argument.x.length, seed: 1 }), measure = statistics.createStatistics(s).measure;
    b.place('list', { array: argument.x });
    const found = measure(b, argument.T);
    return found && { ...found, shares: null, eq: { ...found.eq, shares: null } };"""


@pytest.fixture(scope="module")
def modules(chromium):
    page = chromium.new_page()
    made = Modules(page)
    yield made
    made.close()
    page.close()


def measured(modules, surface, T, x):
    return modules(MEASURE, {"message": message(surface), "T": T, "x": np.asarray(x).tolist()})


def assert_same(found, expected, scale, T):
    """To the rounding of sums, and to the accuracy of the stage's own energies and equilibrium."""
    for name in ("E", "S", "F", "KL"):
        number = getattr(expected, name)
        unit = {"E": scale, "F": max(scale, T), "S": 1.0, "KL": 1.0 + scale / T}[name]
        assert found[name] == pytest.approx(float(number), abs=1e-8 * unit if name == "S" else 1e-4 * unit), name
        assert found["stderr"][name] == pytest.approx(number.stderr, rel=1e-3, abs=1e-6 * unit), name
    assert found["bound"] == isinstance(expected.S, tv.Bound)


@pytest.mark.parametrize("kind", ["analytic", "masked", "oblong", "tiny"])
def test_the_same_numbers_as_python_far_from_equilibrium(modules, kind):
    """Clouds of four kinds in any box, with and without holes; also where balls coincide."""
    surface, rng = SURFACES[kind](), np.random.default_rng(8)
    scale, box = float(surface.scale), np.array(surface.bounds)
    draws = [kind(rng, box)[0] for kind in KINDS for _ in range(2)]
    clouds = [x[(x > box[:, 0]).all(axis=1) & (x < box[:, 1]).all(axis=1) & ~surface.masked(x)]
              for x in (draw(rng, n) for draw in draws for n in (150, 1000))]
    clouds = [x for x in clouds if len(x) >= 20] + [np.full((40, 2), box.mean(axis=1) + 0.1 * np.ptp(box, axis=1))]
    assert len(clouds) > 12
    for x in clouds:
        T = 0.3 * scale
        assert_same(measured(modules, surface, T, x), tv.cloud(surface, T, x), scale, T)


@pytest.mark.parametrize("name", surfaces())
def test_five_clouds_have_their_numbers_on_the_stage(modules, name):
    """S, F, KL within 4 of their errors; the error of S at most .3 nat for 300 balls and .1 for 3000."""
    rng = np.random.default_rng(4)
    for law in five(surfaces()[name]):
        F = law.E - law.T * law.S
        exact = {"S": law.S, "F": F, "KL": (F - law.surface.equilibrium(law.T).F) / law.T}
        for n, most in ((300, 0.3), (3000, 0.1)):
            found = measured(modules, law.surface, law.T, law.draw(rng, n))
            for number, true in exact.items():
                assert abs(found[number] - true) < 4 * found["stderr"][number], (law.name, n, number)
            assert abs(found["S"] - law.S) < most and not found["bound"], (law.name, n)
            assert found["F"] == pytest.approx(found["E"] - law.T * found["S"], rel=1e-12)


def test_of_many_balls_the_same_part_is_taken_as_in_python(modules):
    surface = SURFACES["analytic"]()
    x = surface.equilibrium(0.3).sample(2 * MOST + 1001, np.random.default_rng(0))
    assert_same(measured(modules, surface, 0.3, x), tv.cloud(surface, 0.3, x), float(surface.scale), 0.3)


def test_few_balls_and_no_heat_have_no_entropy(modules):
    surface = SURFACES["analytic"]()
    x = surface.equilibrium(0.3).sample(100, np.random.default_rng(0))
    few, cold = measured(modules, surface, 0.3, x[:19]), measured(modules, surface, 0, x)
    assert [few[name] for name in ("S", "F", "KL")] == [None] * 3 and np.isfinite(few["E"])
    assert cold["S"] is None and cold["KL"] is None and cold["F"] == cold["E"]


def test_the_equilibrium_is_exact_to_a_part_of_the_heat(modules):
    """F_eq within 1e-3 T of Python's quadrature, so that a distance is not the stage's own error, at any temperature."""
    for name, surface in (surfaces() | {kind: SURFACES[kind]() for kind in ("masked", "oblong", "cliff")}).items():
        for heat in (0.003, 0.02, 0.1, 1, 10):
            T = heat * float(surface.scale)
            F = modules("const s = surface.createSurface(argument.message.surface, argument.message.basins);"
                        "return equilibrium.equilibrium(s, argument.T).F;", {"message": message(surface), "T": T})
            assert abs(F - surface.equilibrium(T).F) < 1e-3 * T, (name, heat, (F - surface.equilibrium(T).F) / T)
