"""The presets: fresh, small, quick to open, and each shows what it says it shows."""

import math

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.catalogue.shipped import is_shipped, labs, load_lab, shipped, specification_and_path
from thermoviz.core.learning.networks import NetworkLoss
from thermoviz.core.specs import NUMERICS_VERSION, identity
from thermoviz.experiments.presets import DEFAULT_PRESET, preset_of

ISSUED = ("three-minds", "the-way-down", "digits", "breast-cancer", "mueller-brown", "narrow-deep")


def test_the_six_are_there():
    assert tuple(tv.PRESETS) == ISSUED and DEFAULT_PRESET == "three-minds"


def energy_on_slice(run, u):
    """The energy at slice coordinates u [m, 2], from the specification's own data and the stored plane."""
    if run.kind == "potential":
        return run.spec.potential(u)
    loss = NetworkLoss(run.spec.network, run.spec.dataset.load(run.spec.seed), weight_decay=run.spec.weight_decay,
                       l1=run.spec.l1)
    return loss(run.plane.embed(u))


@pytest.mark.parametrize("key", ISSUED)
def test_presets_are_fresh(key):
    run, preset = tv.load_preset(key), tv.PRESETS[key]
    assert run.numerics_version == NUMERICS_VERSION and run.id == identity(preset.spec) and run.spec == preset.spec
    assert preset_of(run.id) == key
    chosen = np.random.default_rng(0).integers(0, run.arrays["U"].shape, (60, 2))
    u = np.stack([run.arrays["xs"][chosen[:, 0]], run.arrays["ys"][chosen[:, 1]]], axis=1)
    stored = run.arrays["U"][chosen[:, 0], chosen[:, 1]]
    np.testing.assert_allclose(energy_on_slice(run, u), stored, rtol=1e-4, atol=1e-4 * run.surface.scale)


@pytest.mark.parametrize("key", [key for key in ISSUED if tv.PRESETS[key].spec.kind == "descent"])
def test_losses_belong_to_the_stored_networks(key):
    run = tv.load_preset(key)
    loss = NetworkLoss(run.spec.network, run.spec.dataset.load(run.spec.seed), weight_decay=run.spec.weight_decay)
    final = loss(run.arrays["theta_final"].astype(float))
    np.testing.assert_allclose(final, run.arrays["losses"][-1, run.arrays["theta_member"]], rtol=1e-4)


@pytest.mark.parametrize("key", ISSUED)
def test_presets_are_small_and_have_their_words(key):
    preset = tv.PRESETS[key]
    assert preset.path.stat().st_size < 400_000
    assert all((preset.title, preset.subtitle, preset.sentence, preset.hint)) and len(preset.sentence) < 120
    assert preset.temperature > 0 and preset.start in ("uniform", "boltzmann", "training", "basin")


def test_unknown_presets_are_refused():
    with pytest.raises(tv.BadInput, match="three-minds"):
        tv.load_preset("four-minds")
    assert preset_of("0" * 16) is None


def widths(surface):
    """Widths of the valleys as harmonic volumes: 2 pi / sqrt(det H) at each minimum."""
    return 2 * np.pi / np.sqrt(np.prod(surface.basins.curvatures, axis=1))


def test_three_minds_has_three_valleys_and_the_widest_is_not_the_deepest():
    surface = tv.load_preset("three-minds").surface
    basins = surface.basins
    assert len(basins.energies) == 3 and not any(basins.open) and 0.05 < basins.barrier < 1
    deepest = int(np.argmin(basins.energies))
    hot = surface.equilibrium(surface.scale).shares
    widest = int(np.argmax(hot))
    assert widest != deepest
    cold = surface.equilibrium(0.01 * surface.scale).shares
    assert np.argmax(cold) == deepest and cold[deepest] > 0.5 and hot[widest] > hot[deepest] + 0.05
    assert tv.PRESETS["three-minds"].temperature < basins.barrier


def test_deep_or_wide_crosses_where_harmonic_theory_says():
    """F_i = E_i + T/2 sum ln k_i: equal shares at T* up to the anharmonic rounding of the ridge."""
    run = tv.load_preset("narrow-deep")
    predicted = run.spec.potential.crossing_temperature
    temperatures = np.geomspace(predicted / 4, 4 * predicted, 81)
    deep = np.array([law.shares[0] for law in run.surface.equilibria(temperatures)])
    assert (np.diff(deep) < 0).all()
    measured = np.interp(0.5, deep[::-1], temperatures[::-1])
    barrier = run.surface.barrier
    assert measured == pytest.approx(predicted, rel=2 * np.exp(-barrier / predicted) + 0.1)
    assert 2 < barrier / predicted < 6  # balls do cross at T*, and the valleys are still two


def test_every_preset_but_the_way_down_has_several_valleys():
    for key in ISSUED:
        n = len(tv.load_preset(key).surface.basins.energies)
        assert n == 1 if key == "the-way-down" else n >= 2, key


@pytest.mark.slow
@pytest.mark.parametrize("key", ISSUED)
def test_presets_are_what_their_specification_gives_here(key):
    """Retrained on this machine: the same story; digits may differ in the last places between processors."""
    run, stored = tv.run(tv.PRESETS[key].spec), tv.load_preset(key)
    assert len(run.surface.basins.energies) == len(stored.surface.basins.energies)
    np.testing.assert_allclose(run.surface.basins.energies, stored.surface.basins.energies,
                               atol=0.05 * stored.surface.scale)


# Default runs of labs


@pytest.mark.parametrize("kind", labs())
def test_default_runs_of_slow_labs_are_there_at_once(kind):
    """Of these numerics and this specification, small, with charts and verdicts; the engine finds them."""
    spec = tv.EXPERIMENTS[kind]()
    run = load_lab(kind)
    assert run is not None, f"the shipped run of {kind} is missing or stale: run `make presets`"
    assert run.spec == spec and run.numerics_version == NUMERICS_VERSION and is_shipped(identity(spec))
    assert shipped(identity(spec)) is run and run.verdicts and run.surface is not None
    assert specification_and_path(kind)[1].stat().st_size < 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", labs())
def test_default_runs_of_slow_labs_are_what_is_computed(kind):
    """Anew on this machine, whose rounding may differ from that of the machine that made them: within 4 errors."""
    for stored, fresh in zip(load_lab(kind).verdicts, tv.run(tv.EXPERIMENTS[kind]()).verdicts, strict=True):
        assert stored.name == fresh.name and (stored.holds == fresh.holds or None in (stored.holds, fresh.holds))
        if stored.measured is not None and stored.stderr:
            assert abs(stored.measured - fresh.measured) <= 4 * math.hypot(stored.stderr, fresh.stderr)
