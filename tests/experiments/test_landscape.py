"""Descent and Potential: what a run says agrees with the loss it came from, and its numbers with their formulas."""

import dataclasses
import threading
import time

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.__main__ import summary
from thermoviz.core.learning.networks import NetworkLoss
from thermoviz.core.specs import from_json, to_json
from thermoviz.experiments.landscape.specification import Descent, Potential
from thermoviz.runs import carried
from thermoviz.runs.carried import OwnData
from thermoviz.runs.run import Run

SMALL = Descent(tv.DATASETS["moons"](n=60), tv.MLP((6,)), (tv.SGD(0.1), tv.Adam(0.02)), replicas=3, steps=60,
                batch_size=10, resolution=41, seed=1)


@pytest.fixture(scope="module")
def run() -> Run:
    return tv.run(SMALL)


@pytest.fixture(scope="module")
def loss():
    return NetworkLoss(SMALL.network, SMALL.dataset.load(SMALL.seed), weight_decay=SMALL.weight_decay)


def test_the_same_specification_gives_the_same_bits(run):
    again = tv.run(from_json(Descent, to_json(SMALL)))
    assert again.numbers == run.numbers
    for name, array in run.arrays.items():
        assert array.tobytes() == again.arrays[name].tobytes(), name


def test_a_run_survives_its_file(run):
    again = Run.from_bytes(run.to_bytes())
    assert again.id == run.id and again.spec == run.spec and again.honesty == run.honesty
    np.testing.assert_array_equal(again.plane.u, run.plane.u)
    np.testing.assert_array_equal(again.plane.tick_scale, run.plane.tick_scale)
    assert again.plane.explained == run.plane.explained
    assert (again.surface.levels, again.surface.error) == (run.surface.levels, run.surface.error)


def test_all_dynamics_start_from_the_same_networks(run):
    u, member = run.arrays["paths_u"], run.arrays["member"]
    assert member.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(u[0, member == 0], u[0, member == 1])
    assert (u[-1, member == 0] != u[-1, member == 1]).all()


def test_all_dynamics_see_the_same_batches():
    """A Langevin step at T = 0 and SGD without momentum are the same motion, if the batches are."""
    both = tv.run(dataclasses.replace(SMALL, dynamics=(tv.Overdamped(0.1), tv.SGD(0.1))))
    losses = both.arrays["losses"]
    np.testing.assert_allclose(losses[:, :3], losses[:, 3:], rtol=1e-4)


def test_losses_belong_to_the_final_networks(run, loss):
    final = run.arrays["theta_final"].astype(float)
    assert run.arrays["theta_member"].tolist() == list(range(6)) and run.arrays["steps"][-1] == 60
    np.testing.assert_allclose(loss(final), run.arrays["losses"][-1], rtol=2e-5)
    np.testing.assert_allclose(loss.test_energy(final), run.arrays["test_losses"][-1], rtol=2e-5)
    np.testing.assert_allclose(loss.accuracy(final), run.arrays["accuracy"][-1], atol=1e-6)
    np.testing.assert_allclose(loss.accuracy(final, test=True), run.arrays["test_accuracy"][-1], atol=1e-6)


def test_like_is_recorded_beside_like(run):
    """Data loss of train and of test, and the regulariser apart; together they are what training descends."""
    tiny = dataclasses.replace(SMALL, weight_decay=0.05, l1=0.02, steps=6, resolution=9)
    regularised = tv.run(tiny)
    loss = NetworkLoss(tiny.network, tiny.dataset.load(tiny.seed), weight_decay=0.05, l1=0.02)
    a, final = regularised.arrays, regularised.arrays["theta_final"].astype(float)
    np.testing.assert_allclose(a["data_losses"][-1], loss.data_energy(final), rtol=2e-5)
    np.testing.assert_allclose(a["regulariser"][-1], 0.025 * (final**2).sum(1) + 0.02 * abs(final).sum(1), rtol=2e-5)
    for each in (a, run.arrays):
        np.testing.assert_allclose(each["data_losses"] + each["regulariser"], each["losses"], rtol=2e-5)
    free = tv.run(dataclasses.replace(tiny, weight_decay=0.0, l1=0.0))
    assert not free.arrays["regulariser"].any()


def test_paths_are_the_projections_and_pythagoras_holds(run):
    final, plane = run.arrays["theta_final"].astype(float), run.plane
    u, residual = run.arrays["paths_u"][-1], run.arrays["residual"][-1]
    np.testing.assert_allclose(plane.project(final), u, atol=1e-5)
    np.testing.assert_allclose(np.sum((final - plane.origin) ** 2, 1), np.sum(u**2, 1) + residual**2, rtol=1e-5)


def test_the_surface_is_the_loss_on_the_plane(run, loss):
    surface, plane = run.surface, run.plane
    u = np.random.default_rng(0).uniform(*np.transpose(surface.bounds), (300, 2))
    far = np.abs(surface(u) - loss(plane.embed(u))).max()
    # scan checks its error at other points, so the largest here may be a little larger.
    assert far <= 3 * max(surface.error, 1e-6) and surface.error <= SMALL.tolerance * surface.scale


def test_the_surface_holds_every_path(run):
    (x0, x1), (y0, y1) = run.surface.bounds
    u = run.arrays["paths_u"]
    assert (u[..., 0] > x0).all() and (u[..., 0] < x1).all() and (u[..., 1] > y0).all() and (u[..., 1] < y1).all()


def test_noise_numbers_agree_with_the_whole_covariance(run, loss):
    plane = run.plane
    covariance = loss.gradient_covariance(plane.embed(run.numbers["noise_at"]))
    frame = np.stack([plane.u, plane.v])
    assert run.numbers["noise_trace"] == pytest.approx(np.trace(covariance), rel=1e-4)
    assert run.numbers["noise_trace_in_plane"] == pytest.approx(np.trace(frame @ covariance @ frame.T), rel=1e-4)
    sgd, adam = run.numbers["T_sgd"]
    assert adam is None and sgd == pytest.approx(0.1 * np.trace(covariance) / (2 * 10 * loss.d), rel=1e-4)
    # Batch size 1 on the slider is where the temperature is T_of_batch_1; batch B is B times colder.
    assert run.numbers["T_slice"][0] == pytest.approx(run.numbers["T_of_batch_1"][0] / 10)


def test_without_minibatches_there_is_no_heat():
    cold = tv.run(dataclasses.replace(SMALL, batch_size=None, dynamics="gradient_descent", steps=20))
    assert cold.numbers["T_sgd"] == [0.0] and cold.numbers["T_of_batch_1"][0] > 0
    assert (np.diff(cold.arrays["losses"], axis=0) < 0).all()


def test_equilibria_are_those_of_the_surface(run):
    assert len(run.equilibria) == len(run.arrays["temperatures"])
    for equilibrium in run.equilibria[::10]:
        assert equilibrium.F == pytest.approx(run.surface.equilibrium(equilibrium.T).F, rel=1e-9)
        assert equilibrium.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("plane", tv.PLANES)
def test_every_way_of_slicing(plane):
    run = tv.run(dataclasses.replace(SMALL, plane=plane, dynamics="sgd", resolution=21, steps=20))
    assert run.surface is not None and run.honesty.d == 32
    assert Run.from_bytes(run.to_bytes()).plane.origin.tobytes() == run.plane.origin.tobytes()


@pytest.mark.parametrize("dataset", tv.DATASETS)
def test_every_dataset(dataset):
    run = tv.run(Descent(dataset, tv.MLP((4,)), replicas=3, steps=20, resolution=17, tolerance=0.5))
    assert np.isfinite(run.arrays["losses"]).all() and run.surface.scale > 0
    assert len(run.arrays["data_x"]) == len(run.arrays["data_y"])


@pytest.mark.parametrize("dynamics", tv.DYNAMICS)
def test_every_dynamics(dynamics):
    run = tv.run(dataclasses.replace(SMALL, dynamics=dynamics, temperature=1e-4, steps=20, resolution=17))
    assert np.isfinite(run.arrays["losses"]).all() and (run.arrays["diverged_at"] == -1).all()


@pytest.mark.parametrize("potential", tv.POTENTIALS)
def test_every_potential(potential):
    run = tv.run(Potential(potential, resolution=21, tolerance=0.5))
    energy = run.spec.potential
    assert run.kind == "potential" and run.plane is None and run.honesty is None and "losses" not in run.arrays
    corner = np.array([run.arrays["xs"][3], run.arrays["ys"][5]])
    assert run.arrays["U"][3, 5] == np.float32(energy(corner))


# Partial runs, cancel


def test_partial_runs_come_early_and_in_order():
    told = []
    whole = tv.run(dataclasses.replace(SMALL, steps=2000), lambda *what: told.append(what))
    fractions = [fraction for fraction, _, _ in told]
    assert fractions == sorted(fractions) and 0 <= fractions[0] and fractions[-1] <= 1
    assert [stage for stage in dict.fromkeys(stage for _, stage, _ in told)] == [
        "data", "training", "slice", "surface", "honesty", "test"]
    surfaces = [partial for _, _, partial in told if partial is not None and partial.surface is not None]
    sizes = [len(partial.surface.xs) for partial in surfaces]
    assert sizes == sorted(sizes) and sizes[0] <= 21 and sizes[-1] == len(whole.surface.xs)
    assert all(partial.id == whole.id and "paths_u" in partial.arrays for partial in surfaces)
    for partial in surfaces[:1]:
        assert Run.from_bytes(partial.to_bytes()).surface.E.tobytes() == partial.surface.E.tobytes()


def test_losses_are_shown_while_training():
    shown = []

    def progress(fraction, stage, partial):
        if partial is not None:
            assert stage == "training" and partial.surface is None
            shown.append(len(partial.arrays["losses"]))
            if shown[-1] > shown[0] > 0:
                raise tv.Cancelled("enough was seen")

    with pytest.raises(tv.Cancelled):  # long, so that it is still training then on the quickest machine
        tv.run(dataclasses.replace(SMALL, steps=50_000, replicas=64, dynamics="sgd", resolution=17), progress)


@pytest.mark.parametrize("stage", ["data", "training", "slice", "surface", "honesty", "test"])
def test_cancel_is_heard_in_every_stage(stage):
    def progress(fraction, now, partial):
        if now == stage:
            raise tv.Cancelled("enough")

    with pytest.raises(tv.Cancelled):
        tv.run(SMALL, progress)


def test_progress_is_told_at_least_every_fifty_milliseconds():
    """What cancel is polled with. The median gap of processor time, since the machine may be busy."""
    times = []
    big = Descent(tv.DATASETS["moons"](n=1000), tv.MLP((32, 32)), replicas=16, steps=300, resolution=33)
    tv.run(big, lambda *_: times.append(time.process_time()))
    assert len(times) > 10 and np.median(np.diff(times)) < 0.05


# Divergence


def test_all_diverged_still_shows_the_losses():
    wild = Descent("linear_regression", tv.MLP(()), tv.SGD(5.0), replicas=4, steps=3000, batch_size=None,
                   weight_decay=0)
    run = tv.run(wild)
    assert run.surface is None and run.plane is None and run.honesty is None and run.equilibria == ()
    assert (run.arrays["diverged_at"] > 0).all() and np.isfinite(run.arrays["losses"][0]).all()
    first = int(run.arrays["diverged_at"].min())
    assert run.lost == ((0, 4, first),) and f": 4 of 4 diverged, the first at step {first}" in summary(run)
    assert Run.from_bytes(run.to_bytes()).numbers == run.numbers


def test_the_diverged_do_not_spoil_the_others():
    mixed = Descent("linear_regression", tv.MLP(()), (tv.SGD(0.05), tv.SGD(5.0)), replicas=4, steps=3000,
                    batch_size=8, weight_decay=0, resolution=17)
    run = tv.run(mixed)
    assert (run.arrays["diverged_at"] >= 0).tolist() == [False] * 4 + [True] * 4
    assert np.isfinite(run.arrays["paths_u"][:, :4]).all() and run.surface is not None
    assert set(run.arrays["theta_member"]) <= set(range(4)) and [k for k, _, _ in run.lost] == [1]


# Own data


def own(n=40, seed=0):
    x = np.random.default_rng(seed).normal(size=(n, 3))
    return tv.Dataset(x, (x[:, 0] > 0).astype(int))


def test_own_data_enter_by_content_and_travel_in_the_file():
    spec = Descent(own(), tv.MLP((4,)), replicas=3, steps=20, resolution=17, batch_size=8)
    assert spec.dataset.content_hash == own().content_hash
    assert spec == Descent(own(), tv.MLP((4,)), replicas=3, steps=20, resolution=17, batch_size=8)
    assert Descent(own(seed=1)).dataset != spec.dataset
    contents = tv.run(spec).to_bytes()
    OwnData.shelf.forget()
    with pytest.raises(tv.BadInput, match="not at hand"):
        tv.run(spec)
    assert tv.run(Run.from_bytes(contents).spec).arrays["losses"].shape == (21, 3)


def test_own_data_reach_a_worker_through_a_folder(tmp_path, monkeypatch):
    spec = Descent(own(seed=2))
    spec.dataset.keep(tmp_path)
    OwnData.shelf.forget()
    monkeypatch.setattr(carried, "_folders", [tmp_path])
    assert spec.dataset.load() == own(seed=2)


# Refusals


@pytest.mark.parametrize("settings, words", [
    (dict(dataset="unicorns"), "moons"), (dict(dynamics=()), "dynamics"), (dict(dynamics=["sgd"] * 5), "dynamics"),
    (dict(replicas=257), "replicas"), (dict(steps=0), "steps"), (dict(resolution=162), "resolution"),
    (dict(plane="solutions", replicas=2), "three solutions"), (dict(batch_size=0), "batch_size"),
    (dict(seed=-1), "seed"), (dict(weight_decay=float("nan")), "weight_decay"), (dict(colour="red"), "colour"),
    (dict(dataset=3), "dataset"), (dict(network=tv.MLP), "network"),
])
def test_settings_out_of_range(settings, words):
    with pytest.raises(tv.BadInput) as error:
        Descent(**settings)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_too_much_to_record_is_refused_before_training():
    with pytest.raises(tv.BadInput, match="too many to record"):
        tv.run(Descent("moons", tv.MLP((128,) * 4), ["sgd"] * 4, replicas=256, steps=10))


def test_runs_in_threads_do_not_disturb_each_other():
    spec = dataclasses.replace(SMALL, steps=20, resolution=17)
    alone, found = tv.run(spec), []
    threads = [threading.Thread(target=lambda: found.append(tv.run(spec))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one.arrays["losses"].tobytes() == alone.arrays["losses"].tobytes() for one in found)
