"""Entropy, free energy and distance to Boltzmann on the stage: the same numbers as `tv.cloud`, on the same balls."""

import numpy as np
import pytest
import stage_scene
from cloud_cases import KINDS, five, surfaces
from test_stage_physics import SURFACES, message

import thermoviz as tv
from thermoviz.core.thermodynamics.clouds import MOST
from thermoviz.core.thermodynamics.evolution import MasterEquation

pytestmark = pytest.mark.browser

MEASURE = """
    const s = surface.createSurface(argument.message.surface, argument.message.basins);
    const b = physics.createBalls(s, { n: argument.x.length, seed: 1 });
    b.place('list', { array: argument.x });
    const found = statistics.createStatistics(s).measure(b, argument.T);
    return found && { ...found, shares: null, eq: { ...found.eq, shares: null } };"""


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
    found = measured(modules, surface, 0.3, x)
    assert_same(found, tv.cloud(surface, 0.3, x), float(surface.scale), 0.3)
    assert (found["n"], found["counted"]) == (len(x), MOST)


def test_few_balls_and_no_heat_have_no_entropy(modules):
    surface = SURFACES["analytic"]()
    x = surface.equilibrium(0.3).sample(100, np.random.default_rng(0))
    few, cold = measured(modules, surface, 0.3, x[:19]), measured(modules, surface, 0, x)
    assert [few[name] for name in ("S", "F", "KL")] == [None] * 3 and np.isfinite(few["E"])
    assert cold["S"] is None and cold["KL"] is None and cold["F"] == cold["E"]


def test_the_equilibrium_is_exact_to_a_part_of_the_heat(modules):
    """F_eq within 1e-3 T of Python's quadrature at any temperature: a distance is not the stage's own error."""
    for name, surface in (surfaces() | {kind: SURFACES[kind]() for kind in ("masked", "oblong", "cliff")}).items():
        for heat in (0.003, 0.02, 0.1, 1, 10):
            T = heat * float(surface.scale)
            F = modules("const s = surface.createSurface(argument.message.surface, argument.message.basins);"
                        "return equilibrium.equilibrium(s, argument.T).F;", {"message": message(surface), "T": T})
            assert abs(F - surface.equilibrium(T).F) < 1e-3 * T, (name, heat, (F - surface.equilibrium(T).F) / T)


def test_a_dot_on_the_saddle_follows_the_exact_evolution(modules):
    """Second law: S rises by two nats and falls again, F only falls; each within 4 errors of the master equation."""
    surface, T, n, width = surfaces()["double well"], 0.1, 3000, 0.1
    cells = MasterEquation(surface, T, 200)
    times = np.array([0.02, 0.1, 0.3, 0.6, 1.2, 3.0])
    exact = cells.thermodynamics(cells.evolve(cells.gaussian((0, 0), width), times))
    x = width * np.random.default_rng(1).standard_normal((n, 2))
    found = modules("""
        const s = surface.createSurface(argument.message.surface, argument.message.basins);
        const b = physics.createBalls(s, { n: argument.x.length, seed: 3, scheme: "euler-maruyama" });
        const { measure } = statistics.createStatistics(s);
        b.setStep(0.002);
        b.place('list', { array: argument.x });
        return argument.times.map((time) => {
            b.step(argument.T, Math.round((time - b.time) / 0.002));
            const { S, F, stderr } = measure(b, argument.T);
            return { S, F, errorS: stderr.S, errorF: stderr.F };
        });""", {"message": message(surface), "x": x.tolist(), "T": T, "times": times.tolist()})
    for name in "SF":
        pulls = np.array([one[name] - true for one, true in zip(found, getattr(exact, name), strict=True)])
        pulls /= [one["error" + name] for one in found]
        assert np.abs(pulls).max() < 4, (name, pulls)
    S, F = ([one[name] for one in found] for name in "SF")
    assert max(S) - S[0] > 10 * found[0]["errorS"] and max(S) - S[-1] > 10 * found[0]["errorS"]
    assert (np.diff(F) < 4 * found[0]["errorF"]).all()


def test_entropy_falls_on_cooling_and_a_wrong_valley_is_far_away(modules):
    """Annealed from the barrier to a twentieth of it: S falls by nats, and the distance is that of the shares."""
    surface = surfaces()["Mueller-Brown"]
    barrier = surface.barrier
    hot, cold = modules("""
        const s = surface.createSurface(argument.message.surface, argument.message.basins);
        const b = physics.createBalls(s, { n: 1000, seed: 3 }), { measure } = statistics.createStatistics(s);
        const programme = { kind: "exponential", T0: argument.hot, T1: argument.cold, steps: 6000 };
        b.place('boltzmann', { T: argument.hot });
        const shown = ({ S, KL, stderr, shares }) => ({ S, KL, errorKL: stderr.KL, shares: [...shares] });
        const before = shown(measure(b, argument.hot));
        b.step((step) => programmes.temperatureAt(programme, step), 6000);
        return [before, shown(measure(b, argument.cold))];""",
        {"message": message(surface), "hot": barrier, "cold": barrier / 20})
    assert cold["S"] < hot["S"] - 2 and abs(hot["KL"]) < 4 * hot["errorKL"]
    law = surface.equilibrium(barrier / 20)
    caught = np.array(cold["shares"])
    # In equilibrium within each valley: KL of the shares alone, to the errors of both.
    held = caught > 0
    of_shares = float((caught * np.log(np.where(held, caught, 1) / law.shares))[held].sum())
    error = np.hypot(cold["errorKL"], np.sqrt((caught * np.log(np.where(held, caught, 1) / law.shares)**2)[held].sum()
                                              / 1000))
    assert of_shares > 1 and abs(cold["KL"] - of_shares) < 4 * error


# What the panel says


def row(page, name):
    cells = page.stage.locator(".readouts tbody tr", has_text=name).locator("td.now, td.error, td.eq").all_inner_texts()
    return [text.replace("\u2212", "-") for text in cells]


def panel(open_stage, **more):
    page = open_stage(stage_scene.message(stage_scene.bowl, **more), reduced_motion="reduce")
    page.wait_for_function("(element) => element.thermoviz.state().measurement", arg=page.stage.element_handle())
    return page


def again(page, body):
    """Runs `body` on the stage's `simulation` and waits until it has been measured anew."""
    page.stage.evaluate(f"""async (element) => {{
        const stage = element.thermoviz, {{ simulation }} = stage, before = stage.state().measurement;
        {body}
        while (stage.state().measurement === before) await new Promise(requestAnimationFrame);
    }}""")


def test_the_panel_shows_each_number_with_its_error(open_stage):
    page = panel(open_stage)
    measured = page.state()["measurement"]
    S, F, KL = row(page, "S entropy"), row(page, "F ="), row(page, "distance to Boltzmann")
    assert float(S[0]) == pytest.approx(measured["S"], abs=0.006) and S[1] == f"\u00b1{measured['stderr']['S']:.2f}"
    assert float(S[2]) == pytest.approx(measured["eq"]["S"], abs=0.006) and float(F[1][1:]) > 0
    assert float(KL[0]) == pytest.approx(max(measured["KL"], 0), abs=0.006) and KL[1].startswith("\u00b1")
    heads = page.stage.locator(".readouts thead th").all_text_contents()
    assert heads == ["quantity", "its last minute", "now", "standard error", "at equilibrium"]
    assert page.stage.locator(".readouts tbody th").count() == 4 and page.complaints == []


def test_the_panel_shows_bounds_as_bounds_and_dashes_where_it_cannot_tell(open_stage):
    page = panel(open_stage)
    again(page, "simulation.balls.place('list', { array: [[0.3, 0.2]] });")
    assert row(page, "S entropy")[0].startswith("\u2264 -") and row(page, "F =")[0].startswith("\u2265 ")
    assert row(page, "distance")[:2][0].startswith("\u2265 ") and row(page, "S entropy")[1] == ""
    note = page.stage.locator(".readouts .of")
    assert "at most" in note.inner_text()
    again(page, "simulation.setTemperature(0);")
    assert row(page, "S entropy") == ["\u2013", "", "\u2013"] and row(page, "distance")[0] == "\u2013"
    assert row(page, "F =")[0] == row(page, "energy")[0] and note.is_hidden()


def test_the_panel_says_of_how_many_balls_the_entropy_is(open_stage):
    page = panel(open_stage, n_balls=8000)
    page.stage.locator(".readouts .of", has_text="S and F from 3,000 of the 8,000 balls.").wait_for()
    assert page.complaints == []
