"""The loop over steps: divergence, progress, cancel, refusals before the work is done."""

import numpy as np
import pytest
from made_energies import Flat, Samples

import thermoviz as tv


class Misshapen(Flat):
    def __call__(self, x):
        return np.zeros(7)


def test_settings_per_replica_are_separate_runs():
    x0 = np.array([[0.4, 0.7], [0.4, 0.7], [-0.2, 0.1]])
    lrs, momenta = (0.01, 0.05, 0.02), (0.0, 0.9, 0.5)
    together = tv.simulate(tv.DoubleWell(), tv.SGD(np.array(lrs), momenta), x0, 40)
    for i, (lr, momentum) in enumerate(zip(lrs, momenta, strict=True)):
        alone = tv.simulate(tv.DoubleWell(), tv.SGD(lr, momentum), x0[i], 40)
        np.testing.assert_array_equal(together.x[:, i], alone.x[:, 0])
        np.testing.assert_allclose(together.time[:, i], alone.time)
    frictions = tv.BAOAB(dt=0.1, friction=[0.0, 1.0, 4.0])
    cold = tv.simulate(tv.DoubleWell(), frictions, x0, 20)
    for i, friction in enumerate(frictions.friction):
        alone = tv.simulate(tv.DoubleWell(), tv.BAOAB(dt=0.1, friction=friction), x0[i], 20)
        np.testing.assert_array_equal(cold.x[:, i], alone.x[:, 0])
    T = np.array([0.0, 0.5, 2.0])
    heated = tv.simulate(tv.Harmonic(), tv.Overdamped(dt=0.1), np.zeros((3, 4000)), 200, T, record_every=200).x[-1]
    assert (heated[0] == 0).all()
    for variance, t in zip(heated[1:].var(axis=1), T[1:], strict=True):
        assert abs(variance - t) < 4 * t * np.sqrt(2 / 4000)


@pytest.mark.parametrize("dynamics", [tv.Overdamped, tv.SGD, "overdamped", None])
def test_a_dynamics_is_made_before_it_is_used(dynamics):
    with pytest.raises(tv.BadInput, match="dynamics must be one such as SGD"):
        tv.simulate(tv.Harmonic(), dynamics, [[1.0]], 3)


def test_a_programme_that_will_be_too_hot_is_refused_at_once():
    class Quartic(tv.DoubleWell):
        def k_max(self, temperature, highest_start):
            """12 x^2 - 4 where E = 20 T."""
            return 12 * (1 + (20 * temperature) ** 0.5) - 4

    settings = dict(x0=[[1.0]], steps=100)
    heating = tv.Schedule("linear", 0.01, 100.0, 100)
    dynamics = tv.Overdamped(dt=0.01)
    tv.simulate(Quartic(), dynamics, temperature=0.01, **settings)
    with pytest.raises(tv.Unstable, match="curvature"):
        tv.simulate(Quartic(), dynamics, temperature=heating, **settings)


def test_gradient_descent_takes_all_samples_and_energies_are_of_all():
    energy = Samples()
    traj = tv.simulate(energy, tv.GradientDescent(0.5), np.ones((2, 2)), 60, batch_size=4)
    assert not energy.asked
    np.testing.assert_allclose(traj.x[-1], np.broadcast_to(energy.a.mean(0), (2, 2)), atol=1e-12)
    noisy = tv.simulate(energy, tv.SGD(0.5), np.ones((2, 2)), 60, batch_size=4)
    np.testing.assert_allclose(noisy.energy, energy(noisy.x))


def test_divergence_is_noted_and_harms_nobody_else():
    x0 = np.array([[0.5, 0.1], [30.0, 0.0], [-0.2, 0.4]])
    traj = tv.simulate(tv.DoubleWell(), tv.GradientDescent(0.01), x0, 60)
    assert traj.diverged_at[0] == traj.diverged_at[2] == -1 and 1 <= traj.diverged_at[1] < 10
    at = traj.diverged_at[1]
    assert np.isfinite(traj.x[at - 1, 1]).all()
    assert np.isnan(traj.x[at:, 1]).all() and np.isnan(traj.energy[at:, 1]).all()
    alone = tv.simulate(tv.DoubleWell(), tv.GradientDescent(0.01), x0[[0, 2]], 60)
    np.testing.assert_array_equal(traj.x[:, [0, 2]], alone.x)
    assert list(traj.finite) == [True, False, True]


def test_progress_is_heard_and_cancels():
    seen = []
    tv.simulate(tv.Harmonic(), tv.GradientDescent(0.1), np.zeros((2, 2)), 10, progress=seen.append)
    assert seen == [1.0]

    def cancel(fraction):
        raise tv.Cancelled("nobody looks")

    with pytest.raises(tv.Cancelled):
        tv.simulate(tv.Harmonic(), tv.GradientDescent(0.1), np.zeros((2, 2)), 10**9 // 500, progress=cancel,
                    record_every=10**7)


@pytest.mark.parametrize("settings, words", [
    ({"x0": [[np.nan, 0]]}, "finite"), ({"x0": np.zeros((2, 2, 2))}, "shape"), ({"x0": np.zeros((0, 2))}, "shape"),
    ({"steps": -1}, "steps"), ({"steps": 2.5}, "steps"), ({"record_every": 0}, "record_every"),
    ({"temperature": -1}, "temperature"), ({"temperature": np.nan}, "temperature"),
    ({"temperature": [1.0, 2.0, 3.0]}, "per replica"), ({"temperature": "hot"}, "temperature"),
    ({"dynamics": tv.SGD(0.1), "temperature": 1.0},
     "knows no temperature"),
    ({"dynamics": tv.SGD((0.1, 0.2, 0.3))}, "per replica"), ({"dynamics": tv.Overdamped(dt=2.0)}, "unstable"),
    ({"dynamics": tv.BAOAB(dt=2.0)}, "unstable"), ({"bounds": ((0, 1),) * 3}, "2 pairs"),
    ({"bounds": ((1, 0), (0, 1))}, "smaller"), ({"bounds": ((0.5, 1), (0, 1))}, "outside the bounds"),
    ({"batch_size": 3}, "none"), ({"seed": -1}, "seed"), ({"energy": 3}, "callable"),
    ({"dynamics": "sgd"}, "such as SGD"), ({"steps": 10**13}, "GiB"), ({"energy": Misshapen()}, "it gave"),
    ({"energy": Samples(), "batch_size": 0}, "batch_size"),
    ({"energy": Samples(), "dynamics": tv.SGD(), "batch_size": 99, "batching": "fresh"}, "at most 40"),
    ({"energy": Samples(), "dynamics": tv.SGD(), "batch_size": 2, "batching": "some"}, "batching"),
])
def test_bad_input_gets_one_sentence(settings, words):
    given = {"energy": tv.Harmonic(), "dynamics": tv.Overdamped(dt=0.1), "x0": np.zeros((2, 2)), "steps": 3} | settings
    with pytest.raises(tv.BadInput, match=words) as caught:
        tv.simulate(**given)
    assert "\n" not in str(caught.value)
