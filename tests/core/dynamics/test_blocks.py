"""Blocks of compiled steps against the same steps taken one by one."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics import blocks, simulation
from thermoviz.core.dynamics.kernels import steps as kernel
from thermoviz.core.learning import compiled
from thermoviz.core.learning.perturbed import factors

N, STEPS = 5, 51


class Stepwise:
    """An energy that offers no compiled blocks."""

    def __init__(self, energy):
        self.energy = energy

    def __getattr__(self, name):
        if name == "mover":
            raise AttributeError(name)
        return getattr(self.energy, name)

    def __call__(self, x):
        return self.energy(x)


def each(*values):
    """One setting per replica."""
    return np.resize(values, N)


DYNAMICS = {
    "gradient descent": tv.GradientDescent(each(0.05, 0.1)), "sgd": tv.SGD(0.05),
    "sgd each": tv.SGD(each(0.05, 0.1)),
    "momentum": tv.SGD(0.02, 0.9), "momentum each": tv.SGD(0.02, each(0.0, 0.5, 0.9)),
    "adam": tv.Adam(each(0.01, 0.02)), "rmsprop": tv.RMSProp(0.003),
    "overdamped": tv.Overdamped(0.02), "overdamped each": tv.Overdamped(each(0.02, 0.01)),
    "euler-maruyama": tv.Overdamped(0.02, "euler-maruyama"), "baoab": tv.BAOAB(0.1, 0.7),
    "baoab each": tv.BAOAB(0.1, each(0.0, 1.0, 4.0)),
}
BATCHING = {
    "all": {}, "replacement": {"batch_size": 8}, "fresh": {"batch_size": 7, "batching": "fresh"},
    "epochs": {"batch_size": 16, "batching": "epochs"},
    "each": {"batch_size": [1, None, 4, 33, 33], "batching": ["replacement", "fresh", "epochs", "fresh", "epochs"]},
}
TEMPERATURES = {
    "number": 0.001, "each": each(0.0, 0.001, 0.01), "programme": tv.Schedule("linear", 0.001, 0.01, 30),
    "programme each": lambda step: 0.001 * (1 + step) * np.arange(N),
}


@pytest.fixture(params=["one by one", "side by side"])
def loss(request, monkeypatch):
    """Whose blocks move replicas one by one, or in groups with one in each lane."""
    monkeypatch.setattr(compiled, "_NARROW", 0 if request.param == "one by one" else 200)
    data = tv.load_dataset("moons", n=80, seed=0)
    return tv.NetworkLoss(tv.MLP(hidden=(9, 6)), data, weight_decay=1e-3, l1=1e-4, dtype="float64")


def both_ways(loss, dynamics, steps=STEPS, **settings):
    x0 = loss.init(N, seed=3)
    return (tv.simulate(loss, dynamics, x0, steps, seed=5, **settings),
            tv.simulate(Stepwise(loss), dynamics, x0, steps, seed=5, **settings))


def equal(together, single, rtol=1e-9, atol=1e-11):
    np.testing.assert_allclose(together.x, single.x, rtol, atol)
    np.testing.assert_allclose(together.energy, single.energy, rtol, atol)
    np.testing.assert_array_equal(together.diverged_at, single.diverged_at)
    np.testing.assert_array_equal(together.steps, single.steps)


@pytest.mark.parametrize("batching", BATCHING)
@pytest.mark.parametrize("name", DYNAMICS)
def test_the_same_seed_is_the_same_trajectory(loss, name, batching):
    dynamics = DYNAMICS[name]
    temperature = {"temperature": 0.002} if dynamics.heated else {}
    equal(*both_ways(loss, dynamics, record_every=7, **BATCHING[batching], **temperature))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("name", [name for name, one in DYNAMICS.items() if one.heated])
def test_temperatures_per_replica_and_programmes(loss, name, temperature):
    equal(*both_ways(loss, DYNAMICS[name], temperature=TEMPERATURES[temperature]))


def test_every_dynamics_has_a_form():
    assert {one.__name__ for one in blocks.FORMS} == {type(one).__name__ for one in DYNAMICS.values()}
    assert set(blocks.FORMS) == set(tv.core.dynamics.integrators.DYNAMICS.values())
    for name in ("DESCENT", "MOMENTUM", "ADAPTIVE", "HEATED", "INERTIAL"):
        assert getattr(blocks, name) == getattr(kernel, name)


def test_in_single_precision_too():
    data = tv.load_dataset("moons", n=80, seed=0)
    loss = tv.NetworkLoss(tv.MLP(hidden=(9, 6)), data, weight_decay=1e-3)
    # Each step rounds its forces, of size 1, by 2^-24 in each of some hundred sums.
    equal(*both_ways(loss, tv.SGD(0.05, 0.5), batch_size=8), rtol=0, atol=STEPS * 0.1 * 100 * 2.0**-24)
    equal(*both_ways(loss, tv.GradientDescent(0.1)), rtol=0, atol=STEPS * 0.1 * 100 * 2.0**-24)


@pytest.mark.parametrize("name", ["blobs", "sine"])
@pytest.mark.parametrize("activation", ["linear", "relu", "gelu", "sigmoid"])
def test_every_activation_and_head(activation, name):
    data = tv.load_dataset(name, n=100, seed=0)
    loss = tv.NetworkLoss(tv.MLP(hidden=(9, 16), activation=activation), data, weight_decay=1e-3, dtype="float64")
    equal(*both_ways(loss, tv.SGD(0.01, 0.5), batch_size=[1, 5, 16, 70, None]))


def test_a_long_run_is_the_same_in_distribution():
    """Mean energies of 200 replicas each, other seeds: within 4 standard errors of their difference."""
    data = tv.load_dataset("moons", n=80, seed=0)
    loss = tv.NetworkLoss(tv.MLP(hidden=(4,)), data, weight_decay=1e-3)
    x0 = loss.init(200, seed=1)
    ends = [tv.simulate(energy, tv.SGD(0.2), x0[rows], 300, seed=seed, record_every=300, batch_size=4).energy[-1]
            for energy, seed, rows in ((loss, 1, slice(None)), (Stepwise(loss), 2, slice(None)))]
    error = np.hypot(*(end.std(ddof=1) / len(end) ** 0.5 for end in ends))
    assert abs(ends[0].mean() - ends[1].mean()) < 4 * error < 0.1 * ends[0].mean()


def test_who_diverges_does_so_at_the_same_step(loss):
    """Weight decay of 1e-3 at a rate of 1e5: from one step to the next 100 times as far away."""
    together, single = both_ways(loss, tv.SGD(each(0.05, 1e5, 0.1, 1e4)), batch_size=8)
    equal(together, single)
    assert (together.diverged_at >= 0).tolist() == [False, True, False, True, False]
    assert 1 < together.diverged_at[1] < together.diverged_at[3] < STEPS
    for i in (1, 3):
        assert np.isfinite(together.x[together.diverged_at[i] - 1, i]).all()
        assert np.isnan(together.x[together.diverged_at[i]:, i]).all()


class Seen:
    """An observer that may be handed the observed steps of a block in one call."""

    def __init__(self):
        self.steps, self.before, self.after, self.calls = [], [], [], 0

    def __call__(self, step, before, after):
        self.together([step], before[None], after[None])

    def together(self, steps, before, after):
        self.calls += 1
        for kept, new in ((self.steps, steps), (self.before, before), (self.after, after)):
            kept.extend(np.array(one) for one in new)


@pytest.mark.parametrize("every", [1, 3, 10, 60])
def test_what_is_observed_is_what_single_steps_show(loss, every):
    seen, one_by_one, listed = Seen(), Seen(), []
    x0, settings = loss.init(N, seed=3), {"seed": 5, "batch_size": 8, "record_every": 4, "observe_every": every}
    dynamics = tv.SGD(0.05, 0.9)
    path = tv.simulate(loss, dynamics, x0, STEPS, observe=seen, **settings)
    tv.simulate(Stepwise(loss), dynamics, x0, STEPS, observe=one_by_one, **settings)
    tv.simulate(loss, dynamics, x0, STEPS, observe=lambda step, before, after: listed.append(step), **settings)
    assert [int(step) for step in seen.steps] == listed == list(range(0, STEPS, every))
    np.testing.assert_allclose(seen.before, one_by_one.before, 1e-9, 1e-11)
    np.testing.assert_allclose(seen.after, one_by_one.after, 1e-9, 1e-11)
    assert seen.calls <= one_by_one.calls
    if every == 1:
        np.testing.assert_array_equal(np.array(seen.after)[3::4], path.x[1:-1])


def test_progress_is_heard_at_the_ends_of_blocks_and_cancels(loss, monkeypatch):
    monkeypatch.setattr(simulation, "PROGRESS_EVERY", -1.0)
    monkeypatch.setattr(blocks, "MOST_AHEAD", 10 * N * loss.d)
    heard, x0 = [], loss.init(N, seed=3)
    tv.simulate(loss, tv.SGD(0.05), x0, STEPS, record_every=STEPS, progress=heard.append)
    done = np.array(heard) * STEPS
    assert done[0] == pytest.approx(1) and done[-1] == STEPS and (np.diff(done) <= 10 + 1e-9).all()
    assert len(heard) < STEPS

    def cancel(fraction):
        if fraction > 0.3:
            raise tv.Cancelled("nobody looks")

    with pytest.raises(tv.Cancelled):
        tv.simulate(loss, tv.SGD(0.05), x0, STEPS, record_every=STEPS, progress=cancel)


def test_a_block_is_bounded_by_work_by_time_and_by_numbers():
    first = blocks.Pace(1e6, 10).ahead()
    assert first * 1e6 <= blocks.AIM * blocks.SLOWEST
    assert blocks.Pace(1e12, 10).ahead() == 1
    assert blocks.Pace(1.0, blocks.MOST_AHEAD // 3).ahead() == 3
    pace = blocks.Pace(1e6, 10)
    pace.took(4, 4e-6)
    assert pace.ahead() == 4 * blocks.GROWTH
    pace.took(100, 0.1)
    assert pace.ahead() == int(blocks.AIM / 1e-3)


def test_tensors_walls_and_what_is_not_in_the_table_take_single_steps(loss):
    torch = pytest.importorskip("torch")
    x0 = loss.init(2, seed=3)
    assert blocks.mover_of(loss, tv.SGD(), x0, None) is not None
    assert blocks.mover_of(loss, tv.SGD(), torch.tensor(x0), None) is None
    assert blocks.mover_of(tv.Harmonic(), tv.SGD(), x0, None) is None
    walled = tv.simulate(loss, tv.SGD(0.5), x0, 20, bounds=(-0.8, 0.8))
    assert np.abs(walled.x).max() <= 0.8


def moved_once(loss, x, indices, **more):
    """x after one compiled step of SGD at rate 0.1."""
    state = tv.core.dynamics.integrators.Moving(x, 0 * x)
    block, _ = blocks.block_of(tv.SGD(0.1), state, 1, 1, np.zeros((1, 1)), None, indices[None], np.zeros(0, np.int64),
                               np.full(len(x), -1), None, False)
    loss.mover(None).move_under(block, **more)
    return block.x


def test_a_mover_takes_regularisers_pushes_and_dropout_of_each_replica(loss):
    random, x = np.random.default_rng(0), loss.init(N, seed=3)
    indices = random.integers(0, loss.n_samples, (N, 6)).astype(np.int32)
    l2, l1, push = random.random(N), random.random(N), random.normal(size=(1, 2, loss.d))
    pushed = np.zeros_like(x)
    pushed[[1, 3]] = push[0]
    force = loss.minibatch(indices).force(x) - l2[:, None] * x - l1[:, None] * np.sign(x) + pushed
    rows = np.array([-1, 0, -1, 1, -1])
    np.testing.assert_allclose(moved_once(loss, x, indices, l2=l2, l1=l1, push=push, push_rows=rows), x + 0.1 * force,
                               1e-12, 1e-13)
    kept, p = random.random((1, 2, 6, 15)) < 0.7, 0.3
    force = loss.minibatch(indices).force(x)
    bare = tv.NetworkLoss(loss.mlp, loss.data, dtype="float64")
    for k, i in enumerate((1, 3)):
        F = factors(loss, kept[0, k], p)
        each_sample = bare.minibatch(indices[i][:, None]).force(F * x[i])
        force[i] = (F * each_sample).mean(axis=0) - loss.weight_decay * x[i] - loss.l1 * np.sign(x[i])
    thinned = moved_once(loss, x, indices, keep=kept.astype(np.uint8), keep_rows=rows, scale=1 / (1 - p))
    np.testing.assert_allclose(thinned, x + 0.1 * force, 1e-12, 1e-13)


def test_energies_of_a_block_s_records_are_asked_for_together(loss):
    """Once for all records; the numbers are those of each asked alone, after a replica has diverged too."""
    asked = []

    class Counted:
        def __init__(self):
            self.d, self.n_samples, self.force = loss.d, loss.n_samples, loss.force
            self.minibatch, self.mover = loss.minibatch, loss.mover

        def __call__(self, x):
            asked.append(len(x))
            return loss(x)

        def of_records(self, x):
            asked.append(x.shape[0] * x.shape[1])
            return loss(x)

    x0 = loss.init(5, seed=0)
    x0[3] *= 1e4
    path = tv.simulate(Counted(), tv.SGD(0.5), x0, 40, batch_size=3, record_every=2)
    assert len(asked) < len(path.steps) and sum(asked) == path.energy.size
    np.testing.assert_allclose(path.energy, np.where(np.isfinite(path.x).all(-1), [loss(x) for x in path.x], np.nan))
