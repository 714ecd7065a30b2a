"""Where F must rise: closed forms against simulation, and against each other."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.thermodynamics.driven_wells import (
    Swirl,
    anisotropic_rise,
    euler_temperature_ratio,
    gaussian_rise,
    measured_rise,
    swirl_covariance,
)


def boltzmann(n, k, T, seed=0):
    return np.random.default_rng(seed).normal(size=(n, len(k))) * np.sqrt(T / np.asarray(k))


def test_the_rise_of_a_gaussian_is_t_times_its_distance():
    k, T = np.array([1.0, 4.0]), 0.5
    assert gaussian_rise(np.diag(T / k), k, T) == pytest.approx(0, abs=1e-15)
    D = np.array([0.2, 1.5])
    assert gaussian_rise(np.diag(D / k), k, T) == pytest.approx(anisotropic_rise(D, T), rel=1e-14)
    C = np.array([[0.7, 0.2], [0.2, 0.3]])
    F = 0.5 * (k * np.diag(C)).sum() - T * 0.5 * np.log(np.linalg.det(2 * np.pi * np.e * C))
    assert gaussian_rise(C, k, T) == pytest.approx(F + T * np.log(np.sqrt(np.prod(2 * np.pi * T / k))), rel=1e-13)


def test_lyapunov_of_a_swirl_solves_its_equation_and_is_the_limit_of_euler():
    k, omega, T = (1.0, 5.0), 2.0, 0.7
    A, C = Swirl(k, omega).drift, swirl_covariance(k, omega, T)
    assert np.allclose(A @ C + C @ A.T, 2 * T * np.eye(2), atol=1e-14)
    errors = [np.abs(swirl_covariance(k, omega, T, dt) - C).max() for dt in (0.02, 0.01)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.1)
    assert np.allclose(swirl_covariance(3.0, 9.0, T), T / 3 * np.eye(2), atol=1e-14)  # isotropic: no rise
    assert gaussian_rise(C, k, T) > 0


@pytest.mark.parametrize(("k", "omega"), [((1.0, 4.0), 3.0), ((0.5, 8.0), -2.0)])
def test_a_swirl_raises_f_by_lyapunovs_amount(k, omega):
    T, dt, n = 0.4, 0.01, 4000
    x = tv.simulate(Swirl(k, omega), tv.Overdamped(dt, "euler-maruyama"), boltzmann(n, k, T), 800, T, seed=3,
                    record_every=800).x[-1]
    rise = measured_rise(x, k, T)
    assert abs(rise - gaussian_rise(swirl_covariance(k, omega, T, dt), k, T)) < 4 * rise.stderr
    assert rise > 4 * rise.stderr


@pytest.mark.parametrize("noise", [(1.6, 0.1), (0.2, 0.2), (0.4, 4.0)])
def test_anisotropic_noise_raises_f_by_the_known_amount(noise):
    T, k, n = 0.4, 2.0, 4000
    heat = np.repeat(noise, n)
    x0 = boltzmann(2 * n, (k,), T, seed=1)
    x = tv.simulate(tv.Harmonic(k), tv.Overdamped(0.1 / k), x0, 80, heat, seed=5, record_every=80).x[-1, :, 0]
    rise = measured_rise(x.reshape(2, n).T, k, T)
    assert abs(rise - anisotropic_rise(noise, T)) < 4 * rise.stderr


def test_measured_rise_of_boltzmann_is_zero_within_its_error_and_the_error_is_right():
    k, T = (1.0, 3.0), 0.3
    D = np.array([0.6, 0.2])
    found = [measured_rise(boltzmann(500, k, 1.0, seed) * np.sqrt(D), k, T) for seed in range(300)]
    values, errors = np.array(found), np.array([f.stderr for f in found])
    assert abs(values.mean() - anisotropic_rise(D, T)) < 4 * values.std() / np.sqrt(300)
    assert errors.mean() == pytest.approx(values.std(), rel=4 / np.sqrt(2 * 300))
    still = measured_rise(boltzmann(20000, k, T), k, T)
    assert abs(still) < 1e-3


@pytest.mark.parametrize("kdt", [0.1, 1.0, 1.6])
def test_euler_is_too_hot_by_the_known_factor(kdt):
    T, k, n = 0.5, 2.0, 20000
    dynamics = tv.Overdamped(kdt / k, "euler-maruyama")
    x = tv.simulate(tv.Harmonic(k), dynamics, boltzmann(n, (k,), T), 200, T, seed=2, record_every=200).x[-1, :, 0]
    ratio = (x**2).mean() * k / T
    assert abs(ratio - euler_temperature_ratio(k, kdt / k)) < 4 * ratio * np.sqrt(2 / n)


@pytest.mark.parametrize("call", [
    lambda: euler_temperature_ratio(2, 1), lambda: anisotropic_rise((0, 1), 1), lambda: Swirl((-1, 1), 1),
    lambda: swirl_covariance((1, 4), 3, 1, dt=2.0), lambda: Swirl(1, np.nan),
])
def test_bad_input_is_refused(call):
    with pytest.raises(tv.BadInput):
        call()


def test_too_few_balls():
    with pytest.raises(tv.TooFewSamples):
        measured_rise(np.zeros((3, 2)), 1.0, 1.0)
