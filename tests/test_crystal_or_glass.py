"""Crystal or glass: balls against the exact evolution, loops and work against closed forms, honest verdicts."""

import math

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.annealing import anneal, harmonic_loop_area
from thermoviz.core.errors import BadInput, Cancelled
from thermoviz.core.estimators import independent_mean
from thermoviz.core.specs import from_json, to_json
from thermoviz.experiments.cooling import bath, cycles
from thermoviz.experiments.crystal_or_glass import CrystalOrGlass, lengths, share_error
from thermoviz.experiments.crystal_verdicts import agrees, gained, well_of


@pytest.fixture(scope="module")
def run():
    return tv.run(CrystalOrGlass())


def named(run, start):
    return next(v for v in run.verdicts if v.name.startswith(start))


def test_mass_against_cooling_time_follows_the_exact_evolution():
    """2000 balls for each cooling time, to 4 standard errors and the exact evolution's own."""
    found = tv.run(CrystalOrGlass(balls=2000, steps=1000, seed=5)).arrays
    allowed = 4 * found["mass_error"] + found["mass_exact_error"]
    assert (np.abs(found["mass"] - found["mass_exact"]) < allowed).all()
    assert (np.diff(found["mass_exact"]) > 0).all()
    allowed = 4 * found["energy_cold_error"] + 0.01 * abs(found["energy_cold_exact"])
    assert (np.abs(found["energy_cold"] - found["energy_cold_exact"]) < allowed).all()


@pytest.mark.parametrize("programme", ["linear", "exponential"])
def test_mass_in_a_double_well_with_a_tilt(programme):
    """Another landscape, another programme: a group of 3000 balls against the exact evolution."""
    energy, n, hot, cold, steps = tv.TiltedDoubleWell(1.0, 0.4), 3000, 0.8, 0.1, 500
    surface = tv.scan(energy, resolution=81, tolerance=0)
    dt = surface.suggested_dt(hot) / 2
    (found,) = cycles(surface, surface.equilibrium(hot).sample, programme, hot, cold, [steps], n, dt, seed=2)
    share = (surface.basins.label_at(found.cold_x) == 0).mean()
    T = bath(programme, hot, cold, 10**6)
    exact = anneal(surface, lambda s: T(round(2e6 * s)), 2 * steps * dt)
    half = len(exact.mass) // 2
    assert abs(share - exact.mass[half]) < 4 * share_error(share, n) + exact.error_mass
    cold_E = independent_mean(found.cold_E)
    assert abs(cold_E.value - exact.E[half]) < 4 * cold_E.stderr + exact.error_E


def test_groups_of_one_batch_are_the_loops_of_a_harmonic_well():
    """Three speeds in one batch; each group has the area of its own cycle, the step's error measured by halving it."""
    k, hot, cold, n = (1.0, 3.0), 1.0, 0.2, 3000

    def areas(dt):
        steps = [round(time / dt) for time in (0.5, 2.0, 1.0)]
        found = cycles(tv.Harmonic(k), lambda m, draw: draw.standard_normal((m, 2)) * np.sqrt(hot / np.array(k)),
                       "linear", hot, cold, steps, n, dt, seed=1)
        assert [cycle.steps for cycle in found] == steps
        return [independent_mean(cycle.area) for cycle in found]

    for coarse, fine, time in zip(areas(0.02), areas(0.01), (0.5, 2.0, 1.0), strict=True):
        exact = harmonic_loop_area(k, hot, cold, time)
        assert abs(fine.value - exact) < 4 * fine.stderr + abs(fine.value - coarse.value)
        assert fine.value > 4 * fine.stderr


def test_a_cycle_comes_back_to_where_its_bath_began():
    for programme in ("linear", "exponential"):
        T = bath(programme, 2.0, 0.5, 10)
        assert T(0) == T(20) == 2.0 and T(10) == 0.5 and T(3) == pytest.approx(T(17))
    assert bath("exponential", 2.0, 0.5, 10)(5) == pytest.approx(1.0)


def test_verdicts_of_the_default(run):
    assert all(v.holds for v in run.verdicts if v.name != "Replica exchange, a tenth of the steps")
    gain = named(run, "Gain")
    assert abs(gain.measured - gain.theory) < 4 * gain.stderr and abs(gain.control) < gain.measured / 10
    work = named(run, "Free energy")
    assert abs(work.measured - work.theory) < 4 * work.stderr and work.control > work.theory
    traps = run.numbers["traps"]
    for trap in traps.values():
        assert abs(trap["work"] - trap["work_exact"]) < 4 * trap["work_error"]
        assert abs(trap["dF"] - trap["dF_exact"]) < 4 * trap["dF_error"]
    assert run.numbers["exchange"]["mass"] > run.arrays["mass"][-1]
    assert all(v.sentence and math.isfinite(v.measured) for v in run.verdicts)


def test_second_law_of_every_drive(run):
    """Mean work is no less than the free energy, and every stated average agrees with the exact one."""
    a, exact = run.arrays, run.numbers["drive"]["dF_exact"]
    assert (a["work_mean"] > exact - 4 * a["work_error"]).all()
    stated = np.isfinite(a["drive_dF"])
    assert (np.abs(a["drive_dF"] - exact)[stated] < 4 * a["drive_dF_error"][stated]).all()
    assert (stated == (a["drive_kish"] >= 50)).all()


def test_the_same_seed_gives_the_same_verdict(run):
    again = tv.run(CrystalOrGlass())
    assert again.verdicts == run.verdicts
    assert all(np.array_equal(again.arrays[name], run.arrays[name], equal_nan=True) for name in run.arrays)
    assert tv.run(CrystalOrGlass(seed=1)).verdicts != run.verdicts


def test_too_small_a_sample_cannot_tell():
    found = tv.run(CrystalOrGlass(balls=10, steps=300))
    for start in ("Gain", "Replica", "Free energy"):
        assert named(found, start).holds is None
    assert named(tv.run(CrystalOrGlass(pull=10.0, steps=300)), "Free energy").holds is None


def test_one_valley_gains_nothing():
    found = tv.run(CrystalOrGlass(tv.Harmonic((1.0, 2.0)), steps=300))
    assert named(found, "Gain").holds is False and named(found, "Gain").measured == 0
    assert named(found, "Free energy").holds


def test_slices_of_presets_and_of_runs_are_landscapes():
    found = tv.run(CrystalOrGlass("three-minds", steps=300, balls=30))
    assert found.surface.basins.n == 3 and np.isfinite(found.arrays["mass"]).all()
    own = CrystalOrGlass(tv.run(tv.Potential("himmelblau")), steps=100, balls=4)
    assert len(tv.run(own).arrays["mass"]) == len(own_steps := lengths(100, 6)) and own_steps[-1] == 100


def test_networks_cooled_slowly_reach_lower_losses():
    found = tv.run(CrystalOrGlass(steps=100, networks=True))
    final = found.arrays["net_final"]
    assert final.shape == (4, 32) and named(found, "Networks: gain").holds and named(found, "Networks: more").holds
    control = named(found, "Linear")
    assert control.holds and abs(control.measured) < named(found, "Networks: gain").measured / 10
    few = tv.run(CrystalOrGlass(steps=100, balls=4, networks=True, replicas=4))
    assert named(few, "Networks: gain").holds is None


def test_progress_shows_charts_early_and_hears_a_cancel():
    seen = []
    tv.run(CrystalOrGlass(steps=100, balls=10), lambda fraction, stage, partial: seen.append((fraction, partial)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    first = next(partial for _, partial in seen if partial is not None)
    assert "mass_exact" in first.arrays and "mass" not in first.arrays and first.surface is not None

    def cancel(fraction, stage, partial):
        if stage == "cooling":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        tv.run(CrystalOrGlass(steps=100, balls=10), cancel)


def test_specification_and_file(run, tmp_path):
    assert from_json(CrystalOrGlass, to_json(run.spec)) == run.spec
    again = tv.open_run(run.save(tmp_path / "run.safetensors"))
    assert again.id == run.id and again.verdicts == run.verdicts
    with pytest.raises(BadInput, match="below the hot"):
        CrystalOrGlass(hot=0.1, cold=0.3)
    with pytest.raises(BadInput, match="balls"):
        CrystalOrGlass(balls=1)


def test_rules_of_verdicts():
    assert gained(0.3, 0.1, 0.05) and gained(0.0, 0.01, 0.05) is False and gained(0.1, 0.08, 0.05) is None
    assert agrees(1.0, 0.1, 1.2) and not agrees(1.0, 0.1, 1.4)
    assert lengths(3000, 6) == [9, 30, 95, 300, 949, 3000] and lengths(2, 6) == [1, 2]
    assert share_error(0.5, 100) == pytest.approx(0.05) and share_error(1.0, 100) > 0
    soft = tv.scan(tv.Harmonic((0.001, 1.0)), resolution=41, tolerance=0)
    assert well_of(soft) == pytest.approx((0.1, 1.0), rel=1e-3)
