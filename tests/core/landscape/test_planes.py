"""Planes: in and out of them is exact, they contain what they were made from, and PCA shows what it must."""

import numpy as np
import pytest

from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.pca import as_paths, leading_components, random_walk_ratios
from thermoviz.core.landscape.planes import PLANES, AnyPlane, Plane
from thermoviz.core.seeds import rng
from thermoviz.core.specs import from_json, to_json

EPS = np.finfo(float).eps


class Quadratic:
    """E = x.H x/2, an Energy without layers or samples."""

    def __init__(self, hessian):
        self.hessian = np.asarray(hessian, float)

    def __call__(self, x):
        return np.einsum("...i,ij,...j->...", x, self.hessian, x) / 2

    def force(self, x):
        return -np.asarray(x) @ self.hessian


class Trajectory:
    """Stand-in for a recorded trajectory: x [T, n, d], energy [T, n]."""

    def __init__(self, x, energy):
        self.x, self.energy = x, energy


def normal(*shape, seed=0):
    return rng(seed, "test").standard_normal(shape)


def random_plane(d, seed=0):
    return Plane(*normal(3, d, seed=seed))


@pytest.mark.parametrize("d", [2, 3, 30, 3000])
class TestFrame:
    def test_directions_are_orthonormal_whatever_was_given(self, d):
        plane = random_plane(d)
        gram = np.array([plane.u, plane.v]) @ np.array([plane.u, plane.v]).T
        assert np.abs(gram - np.eye(2)).max() < 10 * EPS  # a dot product of unit vectors
        assert plane.u.dtype == plane.v.dtype == plane.origin.dtype == np.float64
        origin, u, v = normal(3, d)
        assert np.allclose(plane.tick_scale, [np.linalg.norm(u), np.linalg.norm(v)], rtol=1e-14)

    def test_project_undoes_embed(self, d):
        plane, u = random_plane(d), 3 * normal(4, 5, 2)
        size = np.abs(u).max() + np.linalg.norm(plane.origin)
        assert np.abs(plane.project(plane.embed(u)) - u).max() < 4 * np.sqrt(d) * EPS * size
        assert plane.residual(plane.embed(u)).max() < 4 * np.sqrt(d) * EPS * size

    def test_residual_and_projection_are_the_legs_of_a_right_triangle(self, d):
        plane, theta = random_plane(d), normal(7, d, seed=1)
        whole = np.sum((theta - plane.origin) ** 2, axis=-1)
        legs = np.sum(plane.project(theta) ** 2, axis=-1) + plane.residual(theta) ** 2
        assert np.allclose(legs, whole, rtol=d * EPS)

    def test_shapes_lists_and_single_points(self, d):
        plane = random_plane(d)
        assert plane.embed([1, 2]).shape == (d,) and plane.embed(np.zeros((3, 4, 2))).shape == (3, 4, d)
        assert plane.project(plane.origin.tolist()).shape == (2,) and plane.residual(plane.origin) == 0
        assert plane.project(np.zeros((0, d))).shape == (0, 2)

    def test_an_orthonormal_frame_is_kept_bit_by_bit(self, d):
        plane = random_plane(d)
        again = Plane(plane.origin, plane.u, plane.v)
        assert np.array_equal([plane.origin, plane.u, plane.v], [again.origin, again.u, again.v])
        assert again.tick_scale.tolist() == [1, 1]


@pytest.mark.parametrize("d", [2, 5, 300])
def test_restricted_force_is_the_slope_of_the_restricted_energy(d):
    factor = normal(d, d)
    restricted = random_plane(d).restrict(Quadratic(factor @ factor.T / d))
    u, h = normal(6, 2, seed=2), 1e-5
    slope = np.stack([(restricted(u + h * e) - restricted(u - h * e)) / (2 * h) for e in np.eye(2)], axis=-1)
    # Central differences of a quadratic are exact; rounding of the energies over h remains.
    assert np.abs(restricted.force(u) + slope).max() < 100 * EPS * np.abs(restricted(u)).max() / h
    assert restricted(u).shape == (6,) and restricted.force(u[0]).shape == (2,)
    assert not hasattr(restricted, "minibatch") and not hasattr(restricted, "n_samples")


# PCA

@pytest.mark.parametrize("m, d", [(3, 50), (50, 3), (40, 40), (300, 700), (500, 450)])
def test_pca_agrees_with_scikit_learn(m, d):
    from sklearn.decomposition import PCA
    points = normal(m, d) @ np.diag(1 / np.arange(1, d + 1)) + 7
    mean, directions, ratios = leading_components(points, 2)
    theirs = PCA(2, svd_solver="full").fit(points)
    assert np.allclose(mean, theirs.mean_, rtol=1e-12)
    assert np.allclose(ratios, theirs.explained_variance_ratio_, rtol=1e-9)
    # Eigenvectors of a Gram matrix: rounding over the gap of (squared) singular values, of order 1 here.
    assert np.abs(np.abs(np.sum(directions * theirs.components_, axis=1)) - 1).max() < 1e-9
    assert (directions[[0, 1], np.abs(directions).argmax(1)] > 0).all()


def test_pca_takes_trajectories_arrays_and_lists_and_drops_what_diverged():
    x = np.cumsum(normal(40, 3, 9), axis=0)
    plane = Plane.pca(x)
    assert np.array_equal(Plane.pca(Trajectory(x, np.zeros((40, 3)))).u, plane.u)
    for same in ([x[:, 0], x[:, 1], x[:, 2]], (x[:, :2], x[:, 2])):
        assert np.allclose(Plane.pca(same).u, plane.u, atol=1e-12)
    broken = np.concatenate([x, x[:, :1]], axis=1)
    broken[20:, 3] = np.nan
    assert np.array_equal(Plane.pca(broken).u, plane.u)
    assert np.allclose(plane.origin, x.reshape(-1, 9).mean(0), atol=1e-14)
    assert plane.points.shape == (120, 2) and np.abs(plane.points.mean(0)).max() < 1e-12
    assert np.isclose(plane.explained, plane.points.var(0).sum() / x.reshape(-1, 9).var(0).sum(), rtol=1e-10)
    assert Plane.pca(x[:, 0].tolist()).d == 9


def test_pca_of_a_planar_path_contains_it():
    source = random_plane(60)
    path = source.embed(np.cumsum(normal(30, 2), axis=0))
    plane = Plane.pca(path)
    assert plane.residual(path).max() < 1e-12 and np.isclose(plane.explained, 1, atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 10, 200])
def test_random_walk_ratios_are_the_eigenvalues_of_the_expected_covariance(n):
    time = np.arange(n)
    gram = np.minimum(time[:, None], time[None]).astype(float)  # <x_s . x_t> of a walk with unit steps
    centre = np.eye(n) - 1 / n
    values = np.linalg.eigvalsh(centre @ gram @ centre)[::-1]
    assert np.allclose(random_walk_ratios(n, min(n, 4)), (values / values.sum())[:min(n, 4)], atol=1e-12)
    assert np.isclose(random_walk_ratios(n, n).sum(), 1)


def test_random_walk_ratios_tend_to_six_over_pi_squared():
    assert np.allclose(random_walk_ratios(10_000, 3), 6 / np.pi**2 / np.arange(1, 4) ** 2, rtol=1e-6)
    assert round(random_walk_ratios(10_000).sum(), 2) == 0.76


def test_random_walks_show_the_predicted_ratios():
    n, d, walks = 20, 4000, 24
    paths = [np.cumsum(normal(n, d, seed=s), axis=0) for s in range(walks)]
    shares = np.array([leading_components(path)[2] for path in paths])
    stderr = shares.std(0, ddof=1) / np.sqrt(walks)
    # 4 standard errors, and the finite-d correction of order n/d to the expectation of a ratio.
    assert (np.abs(shares.mean(0) - random_walk_ratios(n)) < 4 * stderr + n / d).all()


@pytest.mark.parametrize("path", [np.ones((5, 4)), np.outer(np.arange(6), [1, 2, 3]), np.zeros((1, 7))])
def test_pca_refuses_points_and_lines(path):
    with pytest.raises(BadInput, match="span no plane"):
        Plane.pca(path)


@pytest.mark.parametrize("path", [np.full((4, 2, 3), np.nan), np.zeros(4), "path", np.zeros((0, 3)),
                                  [np.zeros((3, 4)), np.zeros((3, 5))]])
def test_pca_refuses_what_is_no_path(path):
    with pytest.raises(BadInput):
        Plane.pca(path)


# through

@pytest.mark.parametrize("d", [2, 3, 400])
def test_plane_through_three_solutions_contains_them(d):
    a, b, c = solutions = normal(3, d)
    plane = Plane.through(a, b, c)
    bound = 10 * EPS * np.sqrt(d)  # rounding of dot products of vectors of length sqrt(d)
    assert plane.residual(solutions).max() < bound
    assert np.abs(plane.embed(plane.points) - solutions).max() < bound
    assert np.abs(plane.points.mean(0)).max() < bound and abs(plane.points[1] - plane.points[0])[1] < bound
    distances = [np.linalg.norm(p - q) for p, q in ((a, b), (b, c), (c, a))]
    seen = [np.linalg.norm(plane.points[i] - plane.points[j]) for i, j in ((0, 1), (1, 2), (2, 0))]
    assert np.allclose(seen, distances, rtol=1e-13)


@pytest.mark.parametrize("a, b, c, words", [
    ([0, 0, 0], [0, 0, 0], [1, 0, 0], "a and b coincide"),
    ([0, 0, 0], [1, 0, 0], [0, 0, 0], "a and c coincide"),
    ([1, 0, 0], [0, 1, 0], [0, 1, 0], "b and c coincide"),
    ([0, 0, 0], [1, 1, 1], [2, 2, 2], "on a line"),
    ([0, 0], [1, 1], [2, 0, 1], "same length"),
    ([0, np.nan], [1, 1], [2, 0], "finite"),
])
def test_dependent_solutions_are_refused(a, b, c, words):
    with pytest.raises(BadInput, match=words):
        Plane.through(a, b, c)


@pytest.mark.parametrize("arguments, words", [
    (([0, 0], [1, 1], [2, 2]), "parallel"), (([0, 0], [0, 0], [1, 0]), "zero"),
    (([0, 0], [1, 0, 0], [0, 1]), "same length"), (([0], [1], [1]), "d >= 2"),
    (([0, np.inf], [1, 0], [0, 1]), "finite"), (([[0, 0]], [1, 0], [0, 1]), "shape"),
    (([0, 0], [1, 0], [0, 1], [[1, 2, 3]]), r"\[m, 2\]"),
])
def test_impossible_frames_are_refused(arguments, words):
    with pytest.raises(BadInput, match=words):
        Plane(*arguments)


@pytest.mark.parametrize("method, value", [("embed", [1, 2, 3]), ("project", [1, 2, 3]), ("residual", 1.0),
                                           ("project", "theta")])
def test_wrong_shapes_are_refused(method, value):
    with pytest.raises(BadInput, match="shape"):
        getattr(random_plane(5), method)(value)


# random

class ReluNet:
    """Mean squared output of a relu network with biases on fixed inputs, and its layers in theta."""

    def __init__(self, widths):
        self.widths, at, self.layer_slices = widths, 0, []
        for fan_in, fan_out in zip(widths[:-1], widths[1:], strict=True):
            middle, end = at + fan_in * fan_out, at + fan_in * fan_out + fan_out
            self.layer_slices.append((slice(at, middle), (fan_in, fan_out), slice(middle, end)))
            at = end
        self.d = at
        self.x = normal(11, widths[0], seed=9)

    def __call__(self, theta):
        out = np.empty(theta.shape[:-1])
        for at in np.ndindex(out.shape):
            h = self.x
            for i, (weight, shape, bias) in enumerate(self.layer_slices):
                h = (np.maximum(h, 0) if i else h) @ theta[at][weight].reshape(shape) + theta[at][bias]
            out[at] = np.mean(h**2)
        return out

    def rescaled(self, theta, factor):
        """The same function: first layer times factor, second layer's W over factor."""
        theta = theta.copy()
        (w1, _, b1), (w2, _, _) = self.layer_slices[:2]
        theta[w1] *= factor
        theta[b1] *= factor
        theta[w2] /= factor
        return theta


@pytest.mark.parametrize("widths", [(2, 6, 5, 3), (1, 6, 1), (4, 1, 2)])
@pytest.mark.parametrize("factor", [0.01, 7.0, 1000.0])
def test_filter_normalisation_is_invariant_to_a_factor_per_layer(widths, factor):
    net = ReluNet(widths)
    theta = normal(net.d)
    grid = np.stack(np.meshgrid([-1, -0.3, 0, 0.5, 1], [-1, 0, 0.2, 1], indexing="ij"), axis=-1)
    planes = [Plane.random(theta, net, seed=4), Plane.random(net.rescaled(theta, factor), net, seed=4)]
    surfaces = [net(plane.embed(grid * plane.tick_scale)) for plane in planes]
    assert np.allclose(*surfaces, rtol=1e-10)  # rounding through three layers, times |tick|/|block| up to 1e6
    assert np.ptp(surfaces[0]) > 0.1


def test_filters_of_the_directions_are_as_long_as_those_of_theta():
    net = ReluNet((3, 4, 2))
    theta = normal(net.d)
    plane = Plane.random(theta, net, seed=1)
    for direction, tick in ((plane.u, plane.tick_scale[0]), (plane.v, plane.tick_scale[1])):
        for weight, shape, bias in net.layer_slices:
            lengths = np.linalg.norm(theta[weight].reshape(shape), axis=0)
            assert np.allclose(np.linalg.norm(tick * direction[weight].reshape(shape), axis=0), lengths)
            assert np.isclose(np.linalg.norm(tick * direction[bias]), np.linalg.norm(theta[bias]))
    assert np.allclose(np.abs(plane.points), plane.tick_scale)


def test_random_plane_depends_on_the_seed_only_and_needs_a_point_off_zero():
    net = ReluNet((3, 4, 2))
    theta = normal(net.d)
    assert np.array_equal(Plane.random(theta, net, seed=1).v, Plane.random(theta, net, seed=1).v)
    assert not np.array_equal(Plane.random(theta, net, seed=1).v, Plane.random(theta, net, seed=2).v)
    assert np.allclose(Plane.random(theta).tick_scale, np.linalg.norm(theta))  # no layers: one filter
    with pytest.raises(BadInput, match="zero"):
        Plane.random(np.zeros(net.d), net)


# stiff and noisy

@pytest.mark.parametrize("d", [2, 12])
def test_hessian_plane_of_a_quadratic_is_its_two_stiffest_directions(d):
    values = np.arange(1, d + 1.0)
    basis = np.linalg.qr(normal(d, d))[0]
    plane = Plane.hessian(Quadratic(basis @ np.diag(values) @ basis.T), normal(d, seed=3))
    # Rounding of a difference quotient (eps / 1e-5) over a gap of 1.
    assert np.abs(np.abs([plane.u @ basis[:, -1], plane.v @ basis[:, -2]]) - 1).max() < 1e-9
    assert (plane.points[2] > 0).all()


def test_noise_plane_refuses_an_energy_without_samples():
    with pytest.raises(BadInput, match="no samples"):
        Plane.noise(Quadratic(np.eye(3)), np.ones(3))


# the table

def descent(loss, n=8, d=6):
    """Gradient descent paths [T, n, d]."""
    x = [normal(n, d, seed=5)]
    for _ in range(30):
        x.append(x[-1] + 0.05 * loss.force(x[-1]))
    return np.stack(x)


@pytest.mark.parametrize("kind", [kind for kind in PLANES if kind != "noise"])
def test_every_kind_chooses_a_plane_from_paths(kind):
    loss = Quadratic(np.diag([1e-3, 1e-3, 1e-3, 1e-3, 5, 9]))
    paths = descent(loss)
    spec = PLANES[kind]()
    plane = spec.choose(loss, paths, seed=2)
    assert plane.d == 6 and plane.points.shape[1] == 2 and np.isfinite(plane.points).all()
    again = spec.choose(loss, Trajectory(paths, None), seed=2)
    assert np.array_equal(plane.u, again.u) and np.array_equal(plane.v, again.v)
    assert from_json(AnyPlane, to_json(spec)) == spec and spec.kind == kind
    assert (plane.explained is not None) == (kind == "pca")


def test_solutions_are_the_good_ones_that_lie_farthest_apart():
    valleys = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [9, 1, 0], [1, 9, 0], [0, 0, 50.0]])
    heights = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 5.0])

    def loss(x):
        nearest = ((x[..., None, :] - valleys) ** 2).sum(-1).argmin(-1)
        return np.where((x == 7).all(-1), 10.0, heights[nearest])


def test_solutions_need_three_different_ends():
    loss = Quadratic(np.eye(4))
    with pytest.raises(BadInput, match="3 replicas"):
        PLANES["solutions"]().choose(loss, normal(5, 2, 4))
    with pytest.raises(BadInput, match="coincide"):
        PLANES["solutions"]().choose(loss, np.stack([normal(5, 4), np.ones((5, 4))]))


def test_paths_come_out_replica_by_replica():
    x = normal(5, 3, 4)
    assert np.array_equal(np.stack(as_paths(x), axis=1), x)


class TestOnNetworks:
    """The planes that ask a network's loss for more than its value."""

    def loss(self, activation="tanh", weight_decay=1e-3):
        from thermoviz.core.learning.datasets import load_dataset
        from thermoviz.core.learning.networks import MLP, NetworkLoss
        data = load_dataset("moons", n=100, seed=1)
        return NetworkLoss(MLP((6, 5), activation), data, weight_decay=weight_decay, dtype="float64")

    def test_stiffest_and_noisiest_directions(self):
        loss = self.loss()
        theta = loss.init(1, seed=2)[0]
        for _ in range(300):
            theta = theta + 0.5 * loss.force(theta)
        for plane, matrix in ((Plane.hessian(loss, theta), loss.hessian(theta)),
                              (Plane.noise(loss, theta), loss.gradient_covariance(theta))):
            values, vectors = np.linalg.eigh(matrix)
            assert np.diff(values)[-2:].min() > 0.01 * values[-1]
            # Two eigensolvers of one matrix, each with rounding over the relative gap of at least 1/100.
            assert np.abs(np.abs([plane.u @ vectors[:, -1], plane.v @ vectors[:, -2]]) - 1).max() < 1e-9
            corner = plane.points[2] * np.eye(2)
            assert (loss(plane.embed(np.concatenate([corner, -corner]))) <= loss(np.zeros(loss.d)) + 1e-12).all()

    def test_relu_networks_that_differ_by_a_factor_per_layer_show_one_surface(self):
        loss = self.loss("relu", weight_decay=0.0)
        theta = loss.init(1, seed=3)[0]
        twin = theta.copy()
        first, second = loss.layer_slices[:2]
        twin[first.weight] *= 50
        twin[first.bias] *= 50
        twin[second.weight] /= 50
        grid = np.stack(np.meshgrid(*2 * [np.linspace(-1, 1, 7)]), axis=-1)
        planes = [Plane.random(point, loss, seed=8) for point in (theta, twin)]
        assert np.allclose(*(loss(plane.embed(grid * plane.tick_scale)) for plane in planes), rtol=1e-11)

    def test_restriction_keeps_samples_and_minibatches(self):
        loss = self.loss()
        theta = loss.init(3, seed=4)
        plane = Plane.through(*theta)
        restricted, u = plane.restrict(loss), normal(5, 2)
        batches = np.arange(5 * 8).reshape(5, 8)
        assert restricted.n_samples == loss.n_samples
        few, force = restricted.minibatch(batches), loss.minibatch(batches).force(plane.embed(u))
        assert np.allclose(few(u), loss.minibatch(batches)(plane.embed(u)), rtol=1e-12)
        assert np.allclose(few.force(u), np.stack([force @ plane.u, force @ plane.v], axis=-1), rtol=1e-12)

    def test_noise_plane_is_chosen_at_the_best_solution(self):
        loss = self.loss()
        paths = np.stack([loss.init(4, seed=5), loss.init(4, seed=6)])
        best = paths[-1][np.argmin(loss(paths[-1]))]
        assert np.array_equal(PLANES["noise"]().choose(loss, paths).origin, best)
