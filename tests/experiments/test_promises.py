"""Every hint of a preset comes true: played in Python by the stage's own rule of motion, number by number."""

import itertools

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.figures import charts
from thermoviz.presentation import minibatches
from thermoviz.presentation.names import basin_names
from thermoviz.stage.payload import payload

BALLS = 1000
ANNEALED = 10_000  # steps of the stage's programme, from T to a hundredth of it (or of the scale)
KEYS = tuple(tv.PRESETS)


class Played:
    """Balls on a preset's surface, moved by Leimkuhler and Matthews' rule at the stage's own step."""

    def __init__(self, key, seed=0):
        self.run, preset = tv.load_preset(key), tv.PRESETS[key]
        self.surface, self.rng, self.T = self.run.surface, np.random.default_rng(seed), preset.temperature
        self.program = None
        self.x = self._start(preset.start)

    def _start(self, start):
        (x0, x1), (y0, y1) = self.surface.bounds
        if start == "uniform":
            return self.rng.uniform((x0, y0), (x1, y1), (BALLS, 2))
        if start == "training":
            starts = self.run.arrays["paths_u"][0].astype(float)
            return np.resize(starts, (BALLS, 2))
        drawn = self.surface.equilibrium(self.T).sample(4 * BALLS, self.rng)
        return drawn[:BALLS] if start == "boltzmann" else drawn[self.surface.basins.label_at(drawn) == 0][:BALLS]

    def heat(self, T):
        self.T = T

    def press(self, words):
        if words == "jump to equilibrium":
            self.x = self.surface.equilibrium(self.T).sample(BALLS, self.rng)
        elif words == "anneal":
            self.program = self.T, 0.01 * min(self.T, self.surface.scale)

    def steps(self, n):
        low, high = np.array(self.surface.bounds).T
        half, memory = None, self.rng.standard_normal(self.x.shape)
        for k in range(n):
            if self.program:
                hot, cold = self.program
                self.T = hot * (cold / hot) ** min(1.0, k / ANNEALED)
            if half is None or self.program and k % 50 == 0:
                dt = self.surface.suggested_dt(self.T, "leimkuhler-matthews", float(self.surface(self.x).max()))
            fresh = self.rng.standard_normal(self.x.shape)
            half = np.sqrt(2 * self.T * dt) / 2
            self.x = self.x - dt * self.surface.gradient(self.x) + half * (memory + fresh)
            memory = fresh
            turned = (self.x - low) % (2 * (high - low))
            self.x = low + np.minimum(turned, 2 * (high - low) - turned)

    def number(self, name):
        if name == "E":
            return float(self.surface(self.x).mean())
        k = basin_names(self.run).index(name.removeprefix("share "))
        return float(np.mean(self.surface.basins.label_at(self.x) == k))


@pytest.mark.slow
@pytest.mark.parametrize(("key", "k"), [(key, k) for key in KEYS for k in range(len(tv.PRESETS[key].promises))])
def test_the_number_moves_as_the_hint_says(key, k):
    promise, played = tv.PRESETS[key].promises[k], Played(key)
    for what, how in promise.first:
        getattr(played, what)(how)
    least, most = promise.before
    assert least <= played.number(promise.number) <= most
    for what, how in promise.do:
        getattr(played, what)(how)
    least, most = promise.after
    assert least <= played.number(promise.number) <= most


@pytest.mark.parametrize("key", KEYS)
def test_every_preset_promises_something(key):
    names = basin_names(tv.load_preset(key))
    assert tv.PRESETS[key].promises
    for promise in tv.PRESETS[key].promises:
        assert promise.number == "E" or promise.number.removeprefix("share ") in names
        (least, most), (low, high) = promise.before, promise.after
        assert most < low or high < least  # else nothing need move


def test_the_default_opens_cold_and_in_equilibrium():
    preset, surface = tv.PRESETS["three-minds"], tv.load_preset("three-minds").surface
    assert preset.start == "boltzmann" and preset.temperature < surface.crossings[0].T / 3
    assert surface.equilibrium(preset.temperature).shares[0] >= 0.75


# One crossing, and what it means for this training


@pytest.mark.parametrize("key", KEYS)
def test_run_sentence_stage_and_lab_name_one_crossing(key):
    run = tv.load_preset(key)
    told, sentence = payload(run)["crossing"], charts.crossing_sentence(run)
    if run.crossing is None:
        assert told is None and "One valley" in sentence
        return
    assert told == {"cold": run.crossing.cold, "hot": run.crossing.hot, "T": run.crossing.T}
    assert f"T = {run.crossing.T:.3g}" in sentence and f"“{basin_names(run)[run.crossing.hot]}”" in sentence
    assert run.crossing == run.surface.crossings[0]
    from thermoviz.labs.volume_or_depth.measurement import overtaking
    assert overtaking(run.surface).crossing == run.crossing.T
    for one, other in itertools.pairwise(run.crossings):
        assert one.T < other.T


def test_what_the_slider_says_of_the_network_s_own_heat_follows_from_the_formulas():
    """T = lr/(1 - momentum) tr C / 2Bd and its share in the slice, computed anew from single gradients."""
    run = tv.load_preset("three-minds")
    spec, loss = run.spec, None
    from thermoviz.core.learning.networks import NetworkLoss
    loss = NetworkLoss(spec.network, spec.dataset.load(spec.seed), weight_decay=spec.weight_decay, dtype="float64")
    basins = run.surface.basins
    g = loss.per_sample_gradients(run.plane.embed(basins.minima[0]))
    g = g - g.mean(axis=0)
    rate = 0.2 / (1 - 0.9) / (2 * spec.batch_size)
    T_sgd = rate * (g**2).sum() / len(g) / loss.d
    frame = np.stack([run.plane.u, run.plane.v])
    T_slice = rate * ((g @ frame.T) ** 2).sum() / len(g) / 2
    heat = minibatches.temperatures(run)
    assert heat["T_sgd"] == pytest.approx(T_sgd, rel=1e-6) and heat["T_slice"] == pytest.approx(T_slice, rel=1e-6)
    sentence, more = minibatches.crossing_sentence(run), " ".join(minibatches.network_sentences(run))
    assert T_slice < run.crossing.T and "below T*" in sentence and f"T = {T_slice:.2g}" in sentence
    assert f"T = {T_sgd:.2g}" in more and f"T = {2 * run.surface.barrier / loss.d:.2g}" in more


def test_the_network_s_own_crossing_is_that_of_two_parabolas_in_all_directions():
    run = tv.load_preset("three-minds")
    from thermoviz.core.learning.networks import NetworkLoss
    loss = NetworkLoss(run.spec.network, run.spec.dataset.load(run.spec.seed), weight_decay=run.spec.weight_decay,
                       dtype="float64")
    marks = run.plane.embed(run.plane.points)
    valley = run.surface.basins.label_at(run.plane.points).tolist()
    deep, wide = (marks[valley.index(k)] for k in (run.crossing.cold, run.crossing.hot))
    half = [0.5 * np.linalg.slogdet(loss.hessian(theta))[1] for theta in (deep, wide)]
    expected = (loss(wide) - loss(deep)) / (half[0] - half[1])
    assert run.numbers["solutions"]["T_full"] == pytest.approx(expected, rel=1e-6)
