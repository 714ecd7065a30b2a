"""The lab "second law": a cloud against its exact evolution, verdicts that can fail, and the slices it works on."""

import numpy as np
import pytest
from computed_runs import computed
from verdict_contract import check_all

import thermoviz as tv
from thermoviz.core.specs import from_json, to_json
from thermoviz.dashboard.menu import page_of
from thermoviz.experiments.landscapes import LANDSCAPES, Slice, surface_of
from thermoviz.figures.still import still
from thermoviz.labs.second_law import figures as second_law
from thermoviz.labs.second_law import words
from thermoviz.labs.second_law.specification import SecondLaw
from thermoviz.labs.second_law.verdicts import FALL, RISE, largest_rise, step_error
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs import carried
from thermoviz.runs.carried import OwnSlice, own_slice


@pytest.fixture(scope="module")
def run():
    return computed(tv.SecondLaw())


def verdict(run, name):
    return next(v for v in run.verdicts if v.name == name)


DRAWINGS = page_of("second_law").drawings
NAMES = ("The free energy never rises", "F falls to −T ln Z", "Balls and exact evolution agree",
         "The entropy never falls", "Unequal heat lifts F", "A whirl lifts F", "Large steps are too hot")
STANDING = [True, True, True, False, True, True, True]


def test_default_starts_on_the_saddle_of_the_double_well_at_a_tenth_of_its_barrier(run):
    assert run.kind == "second_law" and run.numbers["T"] == pytest.approx(0.1, abs=1e-6)
    assert run.arrays["cloud_E"][0] == pytest.approx(1.0, abs=0.1)
    assert run.numbers["F_eq"] == pytest.approx(tv.scan(tv.DoubleWell(), tolerance=0).equilibrium(0.1).F, abs=1e-6)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("start", ["saddle", "uniform", "basin", "point"])
def test_e_s_and_f_agree_with_the_exact_evolution_at_every_moment(start, seed):
    found = computed(SecondLaw(start=start, seed=seed, steps=300))
    known = np.isfinite(found.arrays["cloud_F"])
    assert known.sum() == 25
    for name in "ESF":
        away = (found.arrays[f"cloud_{name}"] - found.arrays[f"exact_{name}"])[known]
        assert np.abs(away / found.arrays[f"cloud_{name}_error"][known]).max() < 4.5  # of 25 moments, each to 4


def test_free_energy_of_the_density_falls_to_its_rest_and_mass_stays(run):
    F = run.arrays["exact_F"]
    assert np.diff(F).max() < 1e-12 and run.numbers["arrived"]
    assert F[-1] - run.numbers["F_eq"] < 1.1e-3 * run.numbers["T"]
    area = np.diff(run.arrays["snapshot_xs"])[0] * np.diff(run.arrays["snapshot_ys"])[0]
    assert np.allclose(run.arrays["snapshot_density"].sum(axis=(1, 2)) * area, 1, atol=1e-5)


def test_entropy_falls_from_everywhere_alike():
    found = computed(SecondLaw(start="uniform"))
    S = found.arrays["exact_S"]
    assert S[0] == pytest.approx(2 * np.log(3.6), abs=1e-9) and S[-1] < S[0] - 1
    told = verdict(found, "The entropy never falls")
    assert told.holds is False and told.measured > 10 * told.stderr and told.confirmed


def test_the_entropy_of_the_default_rises_and_then_falls(run):
    """What refutes "entropy never falls" is a fall that was measured, between two moments of the balls."""
    told, S = verdict(run, "The entropy never falls"), run.arrays["cloud_S"][:25]
    assert S.max() - S[0] > 1.5 and told.measured <= S.max() - S.min() + 1e-12
    assert told.measured - told.rule.far * told.stderr > FALL
    exact = run.arrays["exact_S"]
    assert exact.max() - exact[-1] == pytest.approx(0.64, abs=0.01) and exact.argmax() < 24


def test_the_hint_says_what_s_will_do(run):
    assert second_law.answer(run).startswith("No.")
    assert "rises from −1.2 to 0.88, then falls to 0.23" in second_law.try_this(run)


def test_the_wells_that_a_figure_shows_have_words():
    assert set(second_law.RISES) <= set(words.VERDICTS)


def test_verdicts_of_the_default(run):
    assert tuple(v.name for v in run.verdicts) == NAMES
    assert [v.holds for v in run.verdicts] == STANDING
    assert all(v.confirmed and v.stderr > 0 and v.control is not None for v in run.verdicts)
    check_all(run)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))])
def test_other_seeds_say_the_same_words(seed):
    found = computed(SecondLaw(seed=seed))
    assert [v.holds for v in found.verdicts] == STANDING and all(v.confirmed for v in found.verdicts)


@pytest.mark.parametrize("settings", [
    {"balls": 20, "steps": 30}, {"heat": 0.0, "balls": 30}, {"heat": 0.01, "balls": 100, "steps": 30},
    {"start": "basin", "balls": 300}, {"start": "uniform", "steps": 100, "balls": 100}, {"heat": 3.0, "balls": 100},
    {"landscape": "breast-cancer", "start": "point", "balls": 100, "steps": 60},
])
def test_every_verdict_keeps_the_contract(settings):
    check_all(computed(SecondLaw(**settings)))


def test_a_cloud_behind_a_barrier_is_not_at_rest_as_theory_says():
    """Started in one of two equal valleys: F stays T ln 2 above -T ln Z."""
    told = verdict(computed(SecondLaw(start="basin")), "F falls to −T ln Z")
    assert told.holds is False and told.confirmed and told.theory == pytest.approx(np.log(2), abs=0.01)


def test_too_few_balls_cannot_tell():
    found = computed(SecondLaw(balls=20, steps=100))
    assert None in [v.holds for v in found.verdicts]
    assert not any(v.holds is False for v in found.verdicts if v.name != "F falls to −T ln Z")


def test_cold_the_cells_are_too_coarse_and_nothing_is_claimed():
    found = computed(SecondLaw(heat=0.01, steps=30, balls=100))
    assert found.numbers["coarseness"] > 2 and verdict(found, "Balls and exact evolution agree").holds is None


def test_without_heat_the_energy_is_all():
    found = computed(SecondLaw(heat=0.0, balls=200))
    assert "cloud_S" not in found.arrays and "exact_F" not in found.arrays
    assert np.array_equal(found.arrays["cloud_F"], found.arrays["cloud_E"])
    assert [v.holds for v in found.verdicts] == [True] and np.diff(found.arrays["cloud_E"]).max() <= 0


def test_a_law_that_is_broken_is_seen():
    F, error = np.linspace(5, 0, 21), np.full(21, 0.02)
    assert largest_rise(F, error).size < 0
    F[11:] += 1.0
    found = largest_rise(F, error)
    assert (found.start, found.end) == (10, 11) and found.size.value == pytest.approx(0.75)
    assert found.size.value - found.far * found.size.stderr > RISE
    # Spread over many moments, where no single step shows it.
    slow = largest_rise(np.concatenate([np.zeros(5), np.linspace(0, 1, 21)]), np.full(26, 0.1))
    assert slow.size.value == pytest.approx(1.0) and slow.size.value > slow.far * slow.size.stderr


def test_chance_alone_is_called_a_rise_no_more_often_than_three_errors_say():
    """The largest of 300 differences of 25 noisy moments: it exceeds `far` in fewer than 1 of 740 series."""
    rng, n = np.random.default_rng(0), 3000
    exceeds = []
    for _ in range(n):
        found = largest_rise(rng.standard_normal(25), np.ones(25))
        exceeds.append(found.size.value > found.far * found.size.stderr)
    p = 0.00135  # of a normal number beyond 3
    assert np.mean(exceeds) <= p + 4 * np.sqrt(p / n) and found.far == pytest.approx(4.44, abs=0.01)


def test_step_error_in_a_harmonic_well_is_that_of_its_closed_form():
    """Variance T / (k (1 - k dt/2)): T [r - 1 - ln r] of two directions, at dt less at dt/2."""
    surface, T, k = tv.scan(tv.Harmonic(2.0), extent=(-6, 6, -6, 6), resolution=81, tolerance=0), 0.5, 2.0
    for dt in (0.02, 0.01):
        ratios = np.array([1 / (1 - k * dt / 2), 1 / (1 - k * dt / 4)])
        whole, half = T * (ratios - 1 - np.log(ratios))
        assert step_error(surface, T, dt) == pytest.approx(whole - half, rel=3 * k * dt)


@pytest.mark.parametrize("landscape", ["tilted_double_well", "two_basins", "mueller-brown", "three-minds", "digits",
                                       "breast-cancer", "himmelblau"])
def test_other_landscapes(landscape):
    start = "saddle" if landscape != "breast-cancer" else "point"
    found = computed(SecondLaw(landscape=landscape, start=start, steps=60, balls=500))
    assert np.isfinite(found.arrays["cloud_F"][:25]).all()
    assert verdict(found, "The free energy never rises").holds is not False
    assert verdict(found, "Balls and exact evolution agree").holds is not False


def test_progress_shows_parts_and_hears_a_cancel():
    seen = []
    SecondLaw(balls=200, steps=100).compute(lambda *told: seen.append(told))
    fractions = [fraction for fraction, _, _ in seen]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    parts = [partial for _, _, partial in seen if partial is not None]
    assert parts[0].surface is not None and any("exact_F" in part.arrays for part in parts)

    def impatient(fraction, stage, partial):
        if stage == "balls":
            raise tv.Cancelled("enough")

    with pytest.raises(tv.Cancelled):
        SecondLaw(balls=200, steps=100).compute(impatient)


def test_a_run_survives_its_file_and_has_figures(run, tmp_path):
    again = tv.open_run(run.save(tmp_path / "run.safetensors"))
    assert again.spec == run.spec and again.verdicts == run.verdicts
    for name in DRAWINGS:
        for look in LOOKS:
            assert len(still(again, look, name).data) > 0
    assert "<html" in again.to_html().lower()
    for spec in (SecondLaw(heat=0.0, balls=50, steps=30), SecondLaw(balls=50, steps=30, start="uniform")):
        part = spec.compute()
        assert all(draw(part, LOOKS["dark"]).layout.title.text for draw in DRAWINGS.values())


@pytest.mark.parametrize("settings", [
    {"landscape": "nowhere"}, {"heat": -1}, {"balls": 5}, {"start": "above"}, {"at": (2, 0)}, {"steps": 1},
    {"landscape": {"kind": "slice", "preset": "none such"}}, {"seed": -1},
])
def test_bad_settings_are_refused(settings):
    with pytest.raises(tv.BadInput):
        SecondLaw(**settings)


def test_no_saddle_is_said_in_one_sentence():
    with pytest.raises(tv.BadInput, match="one valley"):
        SecondLaw(landscape=tv.Harmonic()).compute()


# Slices


def a_surface():
    x = np.linspace(-2, 2, 21)
    return tv.Surface.from_grid(x, x, tv.DoubleWell()(np.stack(np.meshgrid(x, x, indexing="ij"), -1)))


def test_a_slice_is_named_by_its_preset():
    spec = SecondLaw(landscape="digits")
    assert spec.landscape == Slice("digits") and from_json(SecondLaw, to_json(spec)) == spec
    assert SecondLaw(landscape=tv.load_preset("digits")) == spec
    assert surface_of(spec.landscape) is tv.load_preset("digits").surface


def test_any_surface_travels_by_its_hash(tmp_path, monkeypatch):
    surface = a_surface()
    spec = SecondLaw(landscape=surface, balls=50, steps=30)
    assert isinstance(spec.landscape, OwnSlice) and SecondLaw(landscape=a_surface(), balls=50, steps=30) == spec
    run = computed(spec)
    spec.landscape.keep(tmp_path)
    saved = run.to_bytes()
    OwnSlice.shelf.forget()
    with pytest.raises(tv.BadInput, match="not at hand"):
        surface_of(spec.landscape)
    monkeypatch.setattr(carried, "_folders", [tmp_path])
    assert np.array_equal(surface_of(spec.landscape).E, surface.E)
    monkeypatch.setattr(carried, "_folders", [])
    tv.Run.from_bytes(saved)
    assert computed(spec).verdicts == run.verdicts


def test_a_kept_slice_that_was_altered_is_refused(tmp_path, monkeypatch):
    one, other = own_slice(a_surface()), own_slice(tv.scan(tv.Harmonic(), resolution=21, tolerance=0))
    for spec in (one, other):
        spec.keep(tmp_path)
    names = [OwnSlice.shelf.path(tmp_path, spec.content_hash) for spec in (one, other)]
    names[0].write_bytes(names[1].read_bytes())
    OwnSlice.shelf.forget()
    monkeypatch.setattr(carried, "_folders", [tmp_path])
    with pytest.raises(tv.BadFile, match="another surface"):
        one.surface()


@pytest.mark.parametrize("name", LANDSCAPES)
def test_every_named_landscape_has_a_surface(name):
    assert surface_of(SecondLaw(landscape=name).landscape).basins.n >= 1
