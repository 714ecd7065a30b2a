"""Interactions: moving minima, dropout and label noise against all masks and labels, work against free energies."""

import itertools
import math

import numpy as np
import pytest
from computed_runs import computed
from verdict_contract import check_all

import thermoviz as tv
from thermoviz.core.dynamics.mala import MALA
from thermoviz.core.dynamics.simulation import simulate
from thermoviz.core.energies.driven import Paraboloid, WithDecay, half_square
from thermoviz.core.errors import BadInput
from thermoviz.core.learning.data import Dataset
from thermoviz.core.learning.perturbed import LabelStates, PerturbedLoss, all_masks, factors, hidden_units
from thermoviz.core.seeds import rng
from thermoviz.core.specs import from_json, to_json
from thermoviz.core.thermodynamics.ramps import ShapedMALA, ramp
from thermoviz.core.thermodynamics.work import drive, jarzynski
from thermoviz.labs.interactions import baths as noisy_baths
from thermoviz.labs.interactions import loop as loops
from thermoviz.labs.interactions.measurement import plane_through
from thermoviz.labs.interactions.minimum_path import (
    Regularised,
    data_hessian,
    first_descent,
    follow,
    imbalance,
    response,
    settled,
)
from thermoviz.labs.interactions.ramps import linear_data, linear_problem, programmes, ramp_linear, summary
from thermoviz.labs.interactions.specification import Interactions
from thermoviz.labs.interactions.training import late, train
from thermoviz.presentation.names import who_diverged

QUICK = dict(network=tv.MLP((4,)), steps=60, networks=4, ramp_steps=30, walkers=16)


@pytest.fixture(scope="module")
def run():
    return computed(Interactions())


@pytest.fixture(scope="module")
def quick():
    return computed(Interactions(**QUICK))


def named(run, start):
    return next(v for v in run.verdicts if v.name.startswith(start))


def silent(fraction):
    pass


# Minima


@pytest.fixture(scope="module")
def moons():
    data = tv.load_dataset("moons", n=200, noise=0.3, test_fraction=0.5)
    return tv.NetworkLoss(tv.MLP((4,)), data, dtype="float64")


def regression(n=60, p=3, seed=3):
    draw = rng(seed, "test")
    x = draw.standard_normal((n, p)) * [2.0, 1.0, 0.4]
    return Dataset(x, x @ [1.0, -0.5, 2.0] + 0.3 + draw.standard_normal(n), "regression")


def test_linear_regression_has_the_minima_of_ridge_and_lasso():
    """Weight decay: solved directly. |theta|: scikit-learn's Lasso, which meets the same objective in 1e-7."""
    from sklearn.linear_model import Lasso

    data = regression()
    loss = tv.NetworkLoss(tv.MLP(()), data, dtype="float64")
    wide = np.column_stack([data.x, np.ones(len(data.x))])
    for strength in (0.03, 0.3, 3.0):
        ridge = np.linalg.solve(wide.T @ wide / len(wide) + strength * np.eye(4), wide.T @ data.y[:, 0] / len(wide))
        assert settled(Regularised(loss, "l2"), np.zeros(4), strength).theta == pytest.approx(ridge, abs=1e-8)
        lasso = Lasso(strength, fit_intercept=False, tol=1e-12, max_iter=100_000).fit(wide, data.y[:, 0])
        found = settled(Regularised(loss, "l1"), np.full(4, 0.1), strength).theta
        assert found == pytest.approx(lasso.coef_, abs=1e-6) and ((found == 0) == (lasso.coef_ == 0)).all()


@pytest.mark.parametrize("regulariser", ["l2", "l1"])
def test_at_the_minimum_both_forces_balance(moons, regulariser):
    problem, strengths = Regularised(moons, regulariser), np.array([3e-3, 5e-3, 8e-3])
    start = first_descent(problem, moons.init(1, 0)[0], 3e-3, silent)
    found = follow(problem, start, strengths)
    assert max(imbalance(problem, t, s) for t, s in zip(found.thetas, strengths, strict=True)) < 1e-6
    off = found.thetas[1] + 0.01 * rng(0, "off").standard_normal(moons.d)
    assert imbalance(problem, off, strengths[1]) > 1e-2


@pytest.mark.parametrize("regulariser", ["l2", "l1"])
def test_response_and_envelope_are_the_derivatives_along_the_minima(moons, regulariser):
    """dE = -strength dR, dL* = R: from neighbouring minima, the error of the step by halving it."""
    problem, s = Regularised(moons, regulariser), 6e-3
    theta = settled(problem, first_descent(problem, moons.init(1, 0)[0], s, silent), s).theta
    moved = response(problem, theta, s, data_hessian(moons, theta))

    def slopes(share):
        low, high = (settled(problem, theta, s * (1 + sign * share)).theta for sign in (-1, 1))
        width = 2 * share * s
        return np.array([(moons(high) - moons(low)) / width,
                         (problem.total(high, s * (1 + share)) - problem.total(low, s * (1 - share))) / width,
                         (problem.energy(high) - problem.energy(low)) / width])

    coarse, fine = slopes(0.01), slopes(0.005)
    error = np.abs(fine - coarse) + 1e-5 * np.abs(fine)
    assert abs(fine[0] - problem.gradient(theta) @ moved) < error[0]
    assert abs(fine[1] - problem.energy(theta)) < error[1]
    assert abs(fine[0] + s * fine[2]) < error[0] + s * error[2]
    assert abs(fine[1] - fine[0]) > 10 * error[1]


def test_a_network_too_large_for_its_curvatures_is_refused():
    with pytest.raises(BadInput, match="1000 parameters"):
        tv.run(Interactions(network=tv.MLP((64, 64)), **{k: v for k, v in QUICK.items() if k != "network"}))


def test_a_plane_is_found_whatever_the_minima():
    line = np.outer(np.linspace(0, 1, 5), np.ones(6))
    for thetas in (line, np.ones((5, 6)), np.zeros((5, 6)), rng(0, "three").standard_normal((5, 6))):
        plane = plane_through(thetas)
        assert plane.points.shape == (5, 2)
    bent = rng(0, "three").standard_normal((5, 6))
    assert plane_through(bent).residual(bent[[0, 2, 4]]) == pytest.approx(0, abs=1e-9)


# Dropout and labels


@pytest.fixture(scope="module")
def deep():
    data = tv.load_dataset("blobs", n=40, classes=3, seed=1, test_fraction=0.25)
    return tv.NetworkLoss(tv.MLP((3, 2)), data, dtype="float64")


def dropped_loss(loss, theta, kept, p):
    """The mean loss with inverted dropout, layer by layer, as it is usually written."""
    h, at = loss.data.x_train, 0
    for k, layer in enumerate(loss.layer_slices):
        h = h @ theta[layer.weight].reshape(layer.shape) + theta[layer.bias]
        if k < len(loss.layer_slices) - 1:
            h = np.tanh(h) * kept[at:at + h.shape[1]] / (1 - p)
            at += h.shape[1]
    picked = h[np.arange(len(h)), loss.data.y_train]
    return float(np.mean(np.log(np.exp(h).sum(1)) - picked))


def test_dropout_is_a_change_of_weights(deep):
    """Values against the usual formulation, gradients against finite differences of it, for every mask."""
    theta, p = deep.init(1, 2)[0], 0.3
    assert hidden_units(deep) == 5
    for kept in itertools.product((False, True), repeat=5):
        mask = np.array(kept)
        F = factors(deep, mask[None], p)[0]
        assert float(deep(F * theta)) == pytest.approx(dropped_loss(deep, theta, mask, p), abs=1e-9)
    gradient = -F * deep.force(F * theta)
    for i in range(0, deep.d, 3):
        step = 1e-5 * np.eye(deep.d)[i]
        slope = (dropped_loss(deep, theta + step, mask, p) - dropped_loss(deep, theta - step, mask, p)) / 2e-5
        assert gradient[i] == pytest.approx(slope, abs=1e-7)


def test_all_masks_have_probability_one_and_the_right_mean(deep):
    cases = list(all_masks(deep, 0.3))
    assert len(cases) == 32 and sum(weight for weight, _ in cases) == pytest.approx(1)
    assert sum(weight * F for weight, F in cases) == pytest.approx(np.ones(deep.d))
    (_, whole), = all_masks(deep, 0.0)
    assert (whole == 1).all()
    with pytest.raises(BadInput, match="too many masks"):
        next(all_masks(tv.NetworkLoss(tv.MLP((16,)), deep.data), 0.1))


def bath_at(loss, seed=0):
    theta = 1.5 * loss.init(1, seed)[0]
    return noisy_baths.expansion_at(loss, theta, loss.hessian(theta))


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_drawn_dropout_agrees_with_all_masks(deep, p):
    """Every number of the bath, to four jackknife errors."""
    here = bath_at(deep)
    labels = LabelStates(deep, 0.0)
    bare = noisy_baths._moments(here.value, deep.per_sample_gradients(here.theta))
    plain = bare.covariance()
    seen = noisy_baths.described(here, plain, noisy_baths.drawn(here, labels, p, False, rng(5, "m"), silent), 0.1)
    exact = noisy_baths.described(here, plain, noisy_baths.all_dropout(here, p, silent), 0.1)
    for name in ("trace", "ratio", "T", "participation", "alignment", "leading", "loss_shift", "pull"):
        assert abs(seen.found(name) - getattr(exact, name)) < 4 * seen.found(name).stderr, name
    assert exact.ratio > 1


@pytest.mark.parametrize("p", [0.1, 0.4])
def test_drawn_labels_agree_with_all_labels_and_with_the_closed_form(deep, p):
    """Three classes. Mean loss of flips: (1 - p) L + p/2 (sum of the losses with the two other labels)."""
    here, labels = bath_at(deep), LabelStates(deep, p)
    plain = noisy_baths._moments(here.value, deep.per_sample_gradients(here.theta)).covariance()
    exact = noisy_baths.all_labels(here, labels, silent)
    seen = noisy_baths.described(here, plain, noisy_baths.drawn(here, labels, 0.0, True, rng(6, "l"), silent), 0.1)
    told_exactly = noisy_baths.described(here, plain, exact, 0.1)
    for name in ("ratio", "participation", "loss_shift", "pull"):
        assert abs(seen.found(name) - getattr(told_exactly, name)) < 4 * seen.found(name).stderr, name
    logits = deep.predict(here.theta, deep.data.x_train)
    each = np.log(np.exp(logits).sum(1))[:, None] - logits
    own = each[np.arange(len(each)), deep.data.y_train]
    assert exact.loss == pytest.approx(np.mean((1 - p) * own + p / 2 * (each.sum(1) - own)), abs=1e-9)


def test_label_noise_of_regression_is_pure_heat():
    """Linear network, two targets: C grows by p^2 Var(y_j)/k^2 <x x^T> for each target j, the mean gradient not."""
    draw, p = rng(4, "two targets"), 0.5
    x = draw.standard_normal((30, 2))
    data = Dataset(x, x @ draw.standard_normal((2, 2)) + draw.standard_normal((30, 2)), "regression")
    loss = tv.NetworkLoss(tv.MLP(()), data, dtype="float64")
    here, labels = bath_at(loss), LabelStates(loss, p)
    exact = noisy_baths.all_labels(here, labels, silent)
    assert exact.mean == pytest.approx(here.gradient, abs=1e-12)
    wide = np.column_stack([x, np.ones(30)])
    added = p**2 * np.kron(wide.T @ wide / 30, np.diag(data.y.var(axis=0)) / 4)
    assert exact.covariance() - loss.gradient_covariance(here.theta) == pytest.approx(added, abs=1e-12)
    assert exact.loss - here.value == pytest.approx(p**2 * data.y.var(axis=0).sum() / 4)


def test_weight_decay_adds_no_heat_at_all(deep):
    found = noisy_baths.baths(bath_at(deep), LabelStates(deep, 0.2), 0.2, (0.1, 0.1), 0.1, 0, silent).baths
    for name in ("none", "l2", "l1"):
        assert found[name].measured.ratio == pytest.approx(1, abs=1e-12)
    assert found["l2"].measured.loss_shift == pytest.approx(0.1 * half_square(bath_at(deep).theta))


def test_forces_of_a_step_are_those_of_its_condition(deep):
    """Weight decay and |theta| exactly; dropout and labels in the mean over 3000 replicas, to 4.5 standard errors."""
    theta, n = deep.init(1, 0)[0], 3000
    indices = np.tile(np.arange(10), (n, 1))
    plain = deep.minibatch(indices[:1]).force(theta[None])[0]
    pulled = PerturbedLoss(deep, LabelStates(deep, 0.0), [0.1], [0.0], [0.0], [False], rng(0, "c"))
    assert pulled.minibatch(indices[:1]).force(theta[None])[0] == pytest.approx(plain - 0.1 * theta, abs=1e-9)
    signs = PerturbedLoss(deep, LabelStates(deep, 0.0), [0.0], [0.1], [0.0], [False], rng(0, "c"))
    assert signs.minibatch(indices[:1]).force(theta[None])[0] == pytest.approx(plain - 0.1 * np.sign(theta), abs=1e-9)
    half = PerturbedLoss(deep, LabelStates(deep, 0.3), np.zeros(n), np.zeros(n),
                         np.where(np.arange(n) < n // 2, 0.4, 0),
                         np.arange(n) >= n // 2, rng(1, "c"))
    forces = half.minibatch(indices).force(np.tile(theta, (n, 1)))
    masks = -sum(w * F * deep.minibatch(indices[:1]).force((F * theta)[None])[0] for w, F in all_masks(deep, 0.4))
    wide = LabelStates(deep, 0.3)
    mixed = -sum(np.einsum("i,ij->j", wide.weights[:10, s], wide.loss.minibatch(
        (np.arange(10) * 3 + s)[:, None]).force(np.tile(theta, (10, 1)))) / 10 for s in range(3))
    for part, expected in ((forces[:n // 2], -masks), (forces[n // 2:], -mixed)):
        error = part.std(axis=0) / math.sqrt(len(part))
        assert (np.abs(part.mean(axis=0) - expected) < 4.5 * error + 1e-9).all()


# Work


class Drawn:
    """A generator whose numbers are given: normals [n, d] and exponentials [n]."""

    def __init__(self, normals, exponentials):
        self.normals, self.exponentials = normals, exponentials

    def standard_normal(self, dtype, out):
        out[:] = self.normals

    def standard_exponential(self, n):
        return self.exponentials


def test_shaped_steps_do_not_ask_who_stands_beside_whom():
    H = np.array([[2.0, 0.5], [0.5, 1.0]])
    shaped = ShapedMALA(0.9, (0.05, 0.5), [H + s * np.eye(2) for s in (0.05, 0.5)])
    draw, n = rng(3, "shaped"), 40
    x, normals, wait = draw.normal(size=(n, 2)), draw.normal(size=(n, 2)), draw.exponential(size=n)
    strength, mixed = np.repeat([0.04, 0.1, 0.3, 0.6], n // 4), draw.permutation(n)
    energy = Paraboloid(H, np.zeros(2))

    def stepped(rows):
        state = shaped.init(energy, x[rows], None)
        return shaped.step(WithDecay(energy, strength[rows]), state, Drawn(normals[rows], wait[rows]), 0.5)

    for together, apart in zip(stepped(np.arange(n)), stepped(mixed), strict=True):
        np.testing.assert_allclose(together[mixed], apart, rtol=1e-13, atol=1e-14)
    found = stepped(mixed)
    np.testing.assert_allclose(found.half, half_square(found.x), rtol=1e-14)
    np.testing.assert_allclose(found.value, energy(found.x), rtol=1e-13)
    assert 0 < (found.x == x[mixed]).all(axis=1).sum() < n


def test_steps_shaped_to_a_valley_keep_boltzmanns_law():
    """Two strengths at once, from equilibrium: every covariance stays within 4.5 standard errors after 60 steps."""
    H, T, n = np.array([[3.0, 0.2], [0.2, 0.02]]), 0.3, 8000
    strengths = np.repeat([0.05, 0.5], n)
    draw = rng(0, "start")
    x = np.concatenate([draw.multivariate_normal([0, 0], T * np.linalg.inv(H + s * np.eye(2)), n) for s in (0.05, 0.5)])
    shaped = ShapedMALA(0.5, (0.05, 0.5), [H + s * np.eye(2) for s in (0.05, 0.5)])
    done = ramp(Paraboloid(H, np.zeros(2)), np.tile(strengths, (61, 1)), shaped, x, T, 1, record_every=60)
    assert (done.work == 0).all() and (done.path.x[-1] != x).any(axis=1).mean() > 0.99
    for part, s in ((done.path.x[-1, :n], 0.05), (done.path.x[-1, n:], 0.5)):
        exact = T * np.linalg.inv(H + s * np.eye(2))
        error = np.sqrt((np.outer(np.diag(exact), np.diag(exact)) + exact**2) / n)
        assert (np.abs(part.T @ part / n - exact) < 4.5 * error).all()


def test_decay_is_that_of_the_loss(moons):
    theta = moons.init(5, 1)
    decayed = tv.NetworkLoss(moons.mlp, moons.data, weight_decay=0.2, dtype="float64")
    with_decay = WithDecay(moons, 0.2)
    assert with_decay(theta) == pytest.approx(decayed(theta)) and with_decay.force(theta) == pytest.approx(
        decayed.force(theta))
    batch = np.arange(12).reshape(4, 3)
    each = WithDecay(moons, np.full(4, 0.2)).minibatch(batch)
    assert each.force(theta[:4]) == pytest.approx(decayed.minibatch(batch).force(theta[:4]))
    assert each.value_and_force(theta[:4])[0] == pytest.approx(decayed.minibatch(batch)(theta[:4]))


def test_a_ramp_is_a_drive():
    """The same switches as `work.drive`: one free energy, T/2 ln ratio, by both, to 4 standard errors."""
    H, T, n = np.diag([0.5, 2.0]), 0.2, 4000
    strengths = np.geomspace(0.1, 1.0, 41)
    exact = T / 2 * np.log((np.diag(H) + 1.0) / (np.diag(H) + 0.1)).sum()
    x0 = rng(2, "x").standard_normal((n, 2)) * np.sqrt(T / (np.diag(H) + 0.1))
    parabola = Paraboloid(H, np.zeros(2))
    by_drive = drive(lambda s: WithDecay(parabola, s), strengths, MALA(0.1), x0, T, 1).work
    by_ramp = ramp(parabola, strengths, MALA(0.1), x0, T, 1, record_every=40).work
    for work in (by_drive, by_ramp):
        found = jarzynski(work, T)
        assert abs(found - exact) < 4 * found.stderr and work.mean() > exact
    assert by_ramp == pytest.approx(by_drive)


@pytest.mark.parametrize("problem, ends, steps", [(0, (0.03, 0.3), 200), (3, (0.2, 2.0), 300), (7, (0.01, 0.05), 100)])
def test_free_energy_of_linear_regression(problem, ends, steps):
    """Forth and back, against the exact one by determinants; mean work on the right sides; SGD's average misses."""
    linear = linear_problem(linear_data(problem), ends)
    H = linear.parabola.H
    low, high = (H + s * np.eye(len(H)) for s in ends)
    rise = np.subtract(*(float(WithDecay(linear.parabola, s)(linear.lowest(s))) for s in ends[::-1]))
    exact = linear.T / 2 * (np.linalg.slogdet(high)[1] - np.linalg.slogdet(low)[1]) + rise
    assert linear.dF == pytest.approx(exact)
    assert linear.parabola(linear.lowest(0.1)) == pytest.approx(float(linear.loss(linear.lowest(0.1))))
    found = ramp_linear(linear, steps, 600, 1, silent, ends)
    for group in [*found.groups, found.back]:
        assert group.dF is None or abs(group.dF - exact) < 4 * group.dF_error
    assert found.groups[-1].dF is not None and found.back.dF is not None
    assert all(group.work > exact - 4 * group.work_error for group in found.groups)
    assert found.back.work < exact + 4 * found.back.work_error
    sudden = 0.5 * (ends[1] - ends[0]) * (linear.lowest(ends[0]) @ linear.lowest(ends[0]) +
                                          linear.T * np.trace(np.linalg.inv(low)))
    assert abs(found.sudden - sudden) < 4 * found.sudden.stderr


def test_programmes_settle_then_ramp_then_stay():
    rows = programmes(0.1, 0.4, [2, 4], [False, True])
    assert rows[:-4, 0] == pytest.approx(0.1) and rows[-5:, 0] == pytest.approx([0.1, 0.2, 0.4, 0.4, 0.4])
    assert rows[-5:, 1] == pytest.approx(0.1 * 4 ** (1 - np.arange(5) / 4))


def test_few_weights_are_refused_and_lost_walkers_counted():
    spread = summary(np.append(30 * rng(0, "w").standard_normal(100), np.nan), 1.0)
    assert spread.dF is None and spread.kish < 50 and spread.lost == 1
    assert summary(np.full(3, 1.0), 1.0).work is None


def test_decay_of_each_direction_is_a_sum_of_parabolas():
    """Equal strengths: the plain ramp, to the last bits. Unequal ones: energy, force and work written out."""
    x, strength = rng(0, "x").standard_normal((5, 3)), np.array([[0.1, 0.5, 2.0]])
    bare = Paraboloid(np.diag([1.0, 2.0, 3.0]), np.zeros(3))
    decayed = WithDecay(bare, strength)
    assert decayed(x) == pytest.approx(bare(x) + 0.5 * (strength * x**2).sum(axis=1), rel=1e-12)
    assert decayed.force(x) == pytest.approx(bare.force(x) - strength * x, rel=1e-12)
    rising = np.geomspace(0.1, 1.0, 21)
    plain = ramp(bare, rising, tv.SGD(0.1), x, record_every=20).work
    each = ramp(bare, np.tile(rising[:, None, None], (1, 1, 3)), tv.SGD(0.1), x, record_every=20).work
    assert each == pytest.approx(plain, rel=1e-12)


@pytest.fixture(scope="module")
def straight():
    """Linear regression, its parabolas, and H theta at the minimum."""
    linear = linear_problem(linear_data(0))
    return linear, loops.quadratic(linear.loss), linear.parabola.H @ linear.parabola.centre


def test_the_state_at_rest_is_that_of_the_exact_law(straight):
    linear, problem, centre = straight
    decayed = tv.NetworkLoss(tv.MLP(()), linear_data(0), weight_decay=0.1, dtype="float64")
    law = tv.regression_law(decayed, loops.LINEAR_RATE, loops.LINEAR_BATCH)
    mean, covariance = loops.at_rest(problem.hessian + 0.1 * np.eye(5), centre, loops.sgd_noise(linear, problem))
    assert mean == pytest.approx(law.minimum, rel=1e-9) and covariance == pytest.approx(law.covariance, rel=1e-8)
    K = problem.hessian + 0.1 * np.eye(5)
    euler = linear.T * np.linalg.inv(K @ (np.eye(5) - loops.LINEAR_RATE / 2 * K))
    assert loops.at_rest(K, centre, loops.isotropic_noise(linear))[1] == pytest.approx(euler, rel=1e-9)


def test_a_slow_loop_costs_isotropic_heat_nothing_and_sgd_something(straight):
    """Quasi-static work by Gauss-Legendre along the four sides; mean work at a finite pace comes to it as 1/steps."""
    linear, problem, centre = straight
    low, high = loops.ENDS
    nodes, weights = np.polynomial.legendre.leggauss(16)

    def around(shaken, group):
        def force(strength, which):
            mean, covariance = loops.at_rest(problem.hessian + np.diag(strength), centre, shaken)
            return 0.5 * (mean**2 + np.diag(covariance))[which].sum()

        total = 0.0
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            s = low * (high / low) ** node
            ds = s * math.log(high / low) * weight
            total += ds * (force(np.where(group, s, low), group) - force(np.where(group, s, high), group)
                           + force(np.where(group, high, s), ~group) - force(np.where(group, low, s), ~group))
        return total / linear.T

    for shaken in (loops.sgd_noise(linear, problem), loops.isotropic_noise(linear)):
        group = loops.most_twisted(problem.hessian, centre, loops.sgd_noise(linear, problem))
        exact = around(shaken, group)
        off = []
        for steps in (100, 200, 400):
            way = loops.rectangle(group, steps)
            both = [loops.mean_work(problem.hessian, centre, shaken, w) for w in (way, way[::-1])]
            off.append(abs(0.5 * (both[0] - both[1]) / linear.T - exact))
        assert off[2] < off[1] / 1.5 < off[0] / 2.25 and off[2] < 0.02
    assert abs(exact) < 1e-9  # isotropic heat, in steps as large as SGD's


@pytest.mark.slow
@pytest.mark.parametrize("problem", [0, 1, 2])
def test_the_work_of_a_loop_is_that_of_the_exact_moments(problem):
    found = loops.loop_work(linear_problem(linear_data(problem)), 100, 1024, problem, silent)
    for bath in (found.loop.sgd, found.loop.isotropic):
        assert abs(bath.work - bath.exact) < 4 * bath.error


@pytest.mark.parametrize("strengths", [[0.1], [0.1, -1.0], [0.1, np.inf]])
def test_a_ramp_refuses_what_is_no_ramp(strengths):
    with pytest.raises(BadInput, match="strengths"):
        ramp(Paraboloid(np.eye(2), np.zeros(2)), strengths, MALA(0.1), np.zeros((3, 2)), 0.1)


# The whole


def test_verdicts_of_the_default(run):
    """All claims are true and theory confirmed, but that SGD has a free energy: false, as theory says."""
    check_all(run)
    words = {v.name: (v.holds, v.confirmed) for v in run.verdicts}
    assert words.pop("SGD has a free energy") == (False, True)
    assert words.pop("An interaction closes the gap") == (True, None)
    assert set(words.values()) == {(True, True)}, words
    gap = named(run, "An interaction")
    assert abs(gap.control) < 3 * gap.control_stderr


def test_the_slice_is_the_sum_of_its_parts(run):
    a = run.arrays
    assert a["U"] == pytest.approx(a["slice_data"] + run.spec.strength * a["slice_added"], abs=1e-4)
    total = run.surface(a["minimum_u"][-1])
    assert total == pytest.approx(a["minimum_data"][-1] + run.spec.strength * a["minimum_added"][-1], abs=2e-3)
    assert a["minimum_residual"][[0, -1]] == pytest.approx(0, abs=1e-6)
    assert a["paths_u"].shape == (25, 257, 2) and run.honesty.d == run.numbers["d"] == 42


@pytest.mark.slow
def test_two_seeds_agree_on_one_problem(run):
    other = computed(Interactions(seed=1))
    assert np.array_equal(other.arrays["minimum_u"], run.arrays["minimum_u"])
    assert not np.array_equal(other.arrays["train_loss"], run.arrays["train_loss"])
    for one, two in zip(run.verdicts, other.verdicts, strict=True):
        assert one.holds == two.holds
        assert abs(one.measured - two.measured) <= 4 * math.hypot(one.stderr, two.stderr) + 1e-9, one.name


def test_too_few_cannot_tell():
    found = computed(Interactions(**{**QUICK, "walkers": 4, "networks": 2}))
    for start in ("Linear regression: the work", "Linear regression: the same", "Network", "SGD", "An interaction"):
        assert named(found, start).holds is None, start
    check_all(found)
    none = computed(Interactions(**QUICK, dropout=0.0, label_noise=0.0))
    assert named(none, "Dropout").holds is None and named(none, "Label noise heats").holds is None
    check_all(none)


def test_diverged_networks_are_counted_and_left_out():
    found = computed(Interactions(**{**QUICK, "network": tv.MLP((4,), "relu")}, dataset="sine", rate=300.0))
    lost = found.arrays["lost"]
    assert lost.sum() == sum(one["n"] for one in found.numbers["diverged"]) > 0
    assert "diverged, the first at step" in who_diverged(found)
    gone = found.arrays["train_diverged_at"] >= 0
    assert np.isnan(late(found.arrays["test_loss"] - found.arrays["train_loss"])[gone]).all()
    assert (lost == gone.sum(axis=1)).all()


@pytest.mark.parametrize("settings", [
    {"regulariser": "l1"}, {"dataset": "sine", "label_noise": 0.5}, {"network": tv.MLP(())},
    {"dataset": tv.DATASETS["moons"](n=60, test_fraction=0.0)}, {"strength": 0.3}, {"network": tv.MLP((2, 2), "relu")}])
def test_other_problems_come_to_verdicts(settings):
    found = computed(Interactions(**{**QUICK, **settings}))
    assert len(found.verdicts) == 10
    check_all(found)
    assert found.surface is not None and np.isfinite(found.arrays["U"]).all()
    if "network" in settings and not settings["network"].hidden:
        assert named(found, "Dropout").holds is None


def test_starts_belong_to_the_problem(moons):
    a, b = (train(moons, LabelStates(moons, 0.1), 1e-3, 0.2, 0.1, 3, 20, 0, seed, silent) for seed in (0, 1))
    assert np.array_equal(a.train[0], b.train[0])
    assert (a.train[0] == a.train[0, :1]).all() and not np.array_equal(a.train, b.train)


def test_the_slice_is_shown_first():
    def listen(fraction, stage, partial):
        if partial is not None:
            seen.append(partial)
            raise tv.Cancelled("enough")

    seen = []
    with pytest.raises(tv.Cancelled):
        tv.run(Interactions(**QUICK), listen)
    first, = seen
    assert first.surface is not None and "slice_data" in first.arrays and "end_train" not in first.arrays


def test_specification_and_file(quick, tmp_path):
    assert from_json(Interactions, to_json(quick.spec)) == quick.spec
    again = tv.open_run(quick.save(tmp_path / "run.safetensors"))
    assert again.id == quick.id and [str(v) for v in again.verdicts] == [str(v) for v in quick.verdicts]
    for wrong in ({"strength": 0.0}, {"dropout": 1.0}, {"walkers": 1}, {"regulariser": "l3"}, {"dataset": "none"}):
        with pytest.raises(BadInput, match=next(iter(wrong))):
            Interactions(**wrong)


def test_one_simulation_moves_all_conditions(moons):
    """Replicas of one condition move alike, whoever else is in the batch."""
    labels = LabelStates(moons, 0.0)
    n = 3
    conditions = PerturbedLoss(moons, labels, [0.0, 0.1, 0.0], np.zeros(n), np.zeros(n), np.zeros(n, bool), rng(0, "c"))
    path = simulate(conditions, tv.SGD(0.1), np.tile(moons.init(1, 0), (n, 1)), 30, seed=1, batch_size=moons.n_samples,
                    batching="fresh", record_every=30)
    assert path.x[-1, 0] == pytest.approx(path.x[-1, 2], abs=1e-6) and not np.allclose(path.x[-1, 0], path.x[-1, 1])
