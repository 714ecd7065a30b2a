"""Exact equilibrium against closed forms and other people's quadrature; samples and distances against both."""

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from thermoviz.core.errors import BadInput, TooFewSamples
from thermoviz.core.landscape.boltzmann import BoltzmannLaw, equilibrium_curve
from thermoviz.core.landscape.scan import scan
from thermoviz.core.landscape.surfaces import Surface

TEMPERATURES = (0.02, 0.1, 0.5, 2.0)


def double_well(u):
    return (u[..., 0] ** 2 - 1) ** 2 + 0.5 * u[..., 1] ** 2 + 0.2 * u[..., 0] * u[..., 1] + 0.15 * u[..., 0]


def tabulated(f, box, n=81, m=None):
    xs, ys = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], m or n)
    return Surface.from_grid(xs, ys, f(np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1)))


@pytest.fixture(scope="module")
def wells():
    return tabulated(double_well, (-1.9, 1.8, -2, 2.2))


def rounding(surface, temperature):
    """What float32 values of the surface may change in F / T: Hermite weights sum to less than 4."""
    return 4 * 2.0**-24 * float(np.abs(surface.E).max()) / temperature


@pytest.mark.parametrize("temperature", [1e-4, 1e-2, 0.3, 3.0])
@pytest.mark.parametrize("K", [((1.0, 0.0), (0.0, 1.0)), ((1.0, 0.8), (0.8, 3.0)), ((0.2, 0.0), (0.0, 20.0))])
@pytest.mark.parametrize("level", [0.0, -7.5])
def test_harmonic_closed_forms(K, temperature, level):
    K = np.array(K)
    side = 9 * np.sqrt(temperature * np.diag(np.linalg.inv(K)).max())  # e^-40 at the nearest wall
    surface = tabulated(lambda u: 0.5 * np.einsum("...i,ij,...j", u, K, u) + level, (-side, side, -side, side), 41)
    e = surface.equilibrium(temperature)
    # Only where E is within some T of the minimum does rounding matter: values there are at most a cell's rise.
    near = surface.lattice.energy.min() + (2 * side / 40) ** 2 * np.abs(K).sum() + 20 * temperature
    noise = 4 * 2.0**-24 * (abs(near) + abs(level)) / temperature + 1e-6
    assert e.T == temperature
    F = level - temperature * np.log(2 * np.pi * temperature / np.sqrt(np.linalg.det(K)))
    np.testing.assert_allclose((e.F - F) / temperature, 0, atol=noise)
    np.testing.assert_allclose((e.U - level) / temperature, 1, atol=noise)
    np.testing.assert_allclose(e.S, 1 + np.log(2 * np.pi * temperature / np.sqrt(np.linalg.det(K))), atol=2 * noise)
    np.testing.assert_allclose(e.C, 1, atol=10 * noise)
    np.testing.assert_allclose(e.shares, [1.0])
    covariance = e.mean(lambda u: u[:, :, None] * u[:, None, :])
    np.testing.assert_allclose(covariance, temperature * np.linalg.inv(K), atol=10 * noise * covariance.max())


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_double_well_against_quadrature(wells, temperature):
    (x0, x1), (y0, y1) = wells.bounds
    low = wells.basins.minimum

    def integral(g):
        # The tabulated surface itself is integrated, so that only the two quadratures are compared.
        total = 0.0
        for a, b in zip(np.linspace(x0, x1, 5)[:-1], np.linspace(x0, x1, 5)[1:], strict=True):
            for c, d in zip(np.linspace(y0, y1, 4)[:-1], np.linspace(y0, y1, 4)[1:], strict=True):
                nodes, weights = np.polynomial.legendre.leggauss(120)
                x, y = (a + b) / 2 + (b - a) / 2 * nodes, (c + d) / 2 + (d - c) / 2 * nodes
                energy = wells.on_product(x, y) - low
                inner = np.exp(-energy / temperature) * g(energy)
                total += (b - a) * (d - c) / 4 * float(weights @ inner @ weights)
        return total

    Z, first, second = integral(np.ones_like), integral(lambda e: e), integral(lambda e: e * e)
    e = wells.equilibrium(temperature)
    np.testing.assert_allclose(e.F, low - temperature * np.log(Z), atol=1e-6 * temperature)
    np.testing.assert_allclose(e.U, low + first / Z, atol=1e-6 * temperature)
    np.testing.assert_allclose(e.C, (second / Z - (first / Z) ** 2) / temperature**2, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_free_energy_against_scipy(wells, temperature):
    """The energy as a formula, integrated by somebody else: agrees up to the spline's own error."""
    (x0, x1), (y0, y1) = wells.bounds
    Z, _ = dblquad(lambda y, x: np.exp(-double_well(np.array([x, y])) / temperature), x0, x1, y0, y1, epsabs=1e-9)
    spline_error = np.abs(wells(u := np.random.default_rng(0).uniform([x0, y0], [x1, y1], (4000, 2))) - double_well(u))
    assert abs(wells.equilibrium(temperature).F + temperature * np.log(Z)) <= spline_error.max()


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_thermodynamic_identities(wells, temperature):
    h = 1e-3 * temperature
    e, below, above = (wells.equilibrium(T) for T in (temperature, temperature - h, temperature + h))
    np.testing.assert_allclose(e.F, e.U - temperature * e.S, atol=1e-12)
    # Central differences: h^2 / 6 times third derivatives of order S / T^2, and quadrature noise 1e-7 / 1e-3.
    np.testing.assert_allclose(-(above.F - below.F) / (2 * h), e.S, atol=2e-4)
    np.testing.assert_allclose((above.U - below.U) / (2 * h), e.C, atol=1e-3)


def test_entropy_is_that_of_the_density(wells):
    for temperature in TEMPERATURES:
        e = wells.equilibrium(temperature)
        assert e.mean(lambda u, e=e: -np.log(e.density_at(u))) == pytest.approx(e.S, abs=1e-9)
        assert e.mean(wells) == pytest.approx(e.U, abs=1e-9)
        us, vs = e.density_axes
        assert e.density.shape == (len(us), len(vs))
        area = (us[1] - us[0]) * (vs[1] - vs[0])
        np.testing.assert_allclose(e.density.sum() * area, 1)
        at_centres = e.density_at(np.stack(np.meshgrid(us, vs, indexing="ij"), axis=-1))
        # Mean over a sub-cell against its centre: h^2 / 24 lap p, where h <= sqrt(T / k) / 2.
        assert np.abs(e.density - at_centres).max() < 0.05 * at_centres.max()


def test_hot_limit_is_uniform_and_cold_limit_is_the_minimum(wells):
    hot, cold = wells.equilibrium(1e6), wells.equilibrium(1e-6)
    (x0, x1), (y0, y1) = wells.bounds
    np.testing.assert_allclose(hot.S, np.log((x1 - x0) * (y1 - y0)), atol=1e-4)
    np.testing.assert_allclose(hot.shares, wells.basins.areas / wells.basins.areas.sum(), atol=5e-3)
    np.testing.assert_allclose(cold.U, wells.basins.minimum, atol=1e-5)
    np.testing.assert_allclose(cold.shares, [1, 0], atol=1e-12)
    np.testing.assert_allclose(cold.mean(lambda u: u), wells.basins.minima[0], atol=1e-3)


def test_a_flat_box():
    flat = Surface.from_grid(range(5), range(9), np.full((5, 9), 2.5))
    e = flat.equilibrium(0.3)
    np.testing.assert_allclose([e.U, e.S, e.C], [2.5, np.log(32), 0], atol=1e-9)
    u = e.sample(4000, np.random.default_rng(0))
    stderr = np.array([4, 8]) / np.sqrt(12 * 4000)
    assert (np.abs(u.mean(0) - [2, 4]) < 4 * stderr).all()


def test_the_deep_against_the_wide():
    """Two harmonic basins: F_i = E_i + (T / 2) ln det H_i - T ln(2 pi T), Boltzmann shares from their difference."""
    def two(u):
        deep = -0.1 + 40 * ((u - [-1, 0]) ** 2).sum(-1)
        wide = 2 * ((u - [1, 0]) ** 2).sum(-1)
        return np.minimum(deep, wide)

    surface = tabulated(two, (-1.8, 3.5, -2.5, 2.5), 301)
    for temperature in (0.02, 0.03, 0.05):
        F = np.array([-0.1, 0]) + temperature / 2 * np.log([80.0**2, 4.0**2])
        weight = np.exp(-F / temperature)
        # The kink between the wells lies 5 T up at least and is rounded by the grid.
        np.testing.assert_allclose(surface.equilibrium(temperature).shares, weight / weight.sum(), atol=5e-3)
    assert surface.equilibrium(0.02).shares[0] > 0.5 > surface.equilibrium(0.05).shares[0]


def test_shares_of_the_wells_against_quadrature(wells):
    temperature = 0.1
    (x0, x1), (y0, y1) = wells.bounds
    axis = np.linspace(y0, y1, 401)

    def marginal(x):
        return np.trapezoid(np.exp(-double_well(np.stack([np.full(401, x), axis], -1)) / temperature), axis)

    left, right = (quad(marginal, a, b, limit=200)[0] for a, b in ((x0, 0.02), (0.02, x1)))
    deep = wells.basins.minima[0, 0] < 0
    expected = (left, right) if deep else (right, left)
    # The watershed is the pass's stable line, not x = .02; the mass between them is below e^(-barrier / T) x width.
    atol = 2 * np.exp(-(wells.basins.pass_energies[0] - wells.basins.minimum) / temperature)
    np.testing.assert_allclose(wells.equilibrium(temperature).shares, np.array(expected) / sum(expected), atol=atol)


def test_a_curve_is_many_equilibria(wells):
    temperatures = np.geomspace(1e-3, 3, 20) * wells.scale
    for together, T in zip(wells.equilibria(temperatures), temperatures, strict=True):
        alone = wells.equilibrium(T)
        assert together.T == T
        np.testing.assert_allclose([together.F, together.U], [alone.F, alone.U], atol=3e-6 * T)
        np.testing.assert_allclose([together.S, together.C], [alone.S, alone.C], atol=3e-5)
        np.testing.assert_allclose(together.shares, alone.shares, atol=1e-4)
    assert equilibrium_curve(wells, []) == ()


def test_cells_without_data_carry_no_mass():
    xs, ys = np.linspace(-2, 2, 41), np.linspace(-1, 1, 21)
    U = np.zeros((41, 21))
    U[21:] = np.nan
    surface = Surface.from_grid(xs, ys, U)
    e = surface.equilibrium(0.7)
    np.testing.assert_allclose(e.S, np.log(2 * 2), atol=1e-12)
    u = e.sample(2000, np.random.default_rng(0))
    assert not surface.masked(u).any() and (u[:, 0] <= 0).all()
    assert e.shares.sum() == pytest.approx(1) and e.density_at([1.0, 0.0]) == 0
    us, vs = e.density_axes
    assert (e.density[us > 0.05] == 0).all()
    with pytest.raises(BadInput, match="without data"):
        e.kl(np.full((100, 2), 0.5))


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf, "hot", None])
def test_temperatures_that_have_no_equilibrium(wells, temperature):
    with pytest.raises(BadInput, match="temperature"):
        wells.equilibrium(temperature)
    with pytest.raises(BadInput, match="temperature"):
        wells.equilibria([1.0, temperature])


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_sample_moments(wells, temperature):
    n = 20000
    e = wells.equilibrium(temperature)
    u = e.sample(n, np.random.default_rng(1))
    assert u.shape == (n, 2) and not wells.masked(u).any()
    for f in (lambda u: u[..., 0], lambda u: u[..., 1], lambda u: u[..., 0] * u[..., 1], wells):
        value = f(u)
        assert abs(value.mean() - e.mean(f)) < 4 * value.std() / np.sqrt(n)
    counts = np.bincount(wells.basins.label_at(u), minlength=2)
    stderr = np.sqrt(e.shares * (1 - e.shares) * n) + 1e-9
    assert (np.abs(counts - n * e.shares) < 4 * stderr + 1).all()
    assert np.array_equal(u, e.sample(n, np.random.default_rng(1)))


def test_a_seed_is_enough_to_sample(wells):
    e = wells.equilibrium(0.3)
    assert np.array_equal(e.sample(50), e.sample(50, 0)) and not np.array_equal(e.sample(50), e.sample(50, 1))
    kl = e.kl(e.sample(1000))
    assert abs(kl.value) < 4 * kl.stderr
    for wrong in (-1, "here", None):
        with pytest.raises(BadInput, match="seed"):
            e.sample(50, wrong)


@pytest.mark.parametrize("n_cells", [1, 2, 7, 30, 64])
def test_cells_of_equal_mass(wells, n_cells):
    e = wells.equilibrium(0.1)
    partition = e.partition(n_cells)
    assert partition.mass.shape == (n_cells,)
    np.testing.assert_allclose(partition.mass, 1 / n_cells, rtol=0.05)
    # The stated masses are exact: mean of each cell's indicator over samples, within 4 standard errors.
    n = 40000
    labels = e.equal_mass_labels(e.sample(n, np.random.default_rng(2)), n_cells)
    shares = np.bincount(labels, minlength=n_cells) / n
    stderr = np.sqrt(partition.mass * (1 - partition.mass) / n) + 1e-12
    assert (np.abs(shares - partition.mass) < 4 * stderr).all()
    # Two partitions of everything: the masses of the halves add up.
    assert abs(partition.mass.sum() - 1) < 1e-12


@pytest.mark.parametrize("temperature", [0.02, 0.5])
@pytest.mark.parametrize("n", [200, 5000])
def test_kl_of_exact_samples_is_zero(wells, temperature, n):
    e = wells.equilibrium(temperature)
    values = [e.kl(e.sample(n, np.random.default_rng(seed))) for seed in range(40)]
    scatter = np.std([v.value for v in values], ddof=1)
    mean = np.mean([v.value for v in values])
    # The floor leaves a bias of order (sum 1 / p) / 12 n^2 (Miller 1955, next term).
    K = min(n // 10, 64)
    assert abs(mean) < 4 * scatter / np.sqrt(40) + K**2 / (12 * n**2)
    # 40 runs know their own scatter to 1 / sqrt(80) = 11 %; four of those.
    assert np.mean([v.stderr for v in values]) == pytest.approx(scatter, rel=0.45)


def test_kl_of_another_temperature(wells):
    """Coarse-grained KL of a hotter cloud: below the exact distance of the two laws, and most of it."""
    cold, hot = wells.equilibrium(0.2), wells.equilibrium(0.4)
    exact = (hot.mean(wells) - cold.F) / cold.T - hot.S
    estimate = cold.kl(hot.sample(20000, np.random.default_rng(3)))
    assert 0.5 * exact < estimate.value < exact + 4 * estimate.stderr
    errors = [cold.kl(hot.sample(2000, np.random.default_rng(seed))) for seed in range(40)]
    scatter = np.std([v.value for v in errors], ddof=1)
    assert np.mean([v.stderr for v in errors]) == pytest.approx(scatter, rel=0.45)


def test_kl_refusals(wells):
    e = wells.equilibrium(0.2)
    with pytest.raises(TooFewSamples, match="at least 20"):
        e.kl(np.zeros((19, 2)))
    with pytest.raises(BadInput, match=r"shape \[n, 2\]"):
        e.kl(np.zeros(30))
    with pytest.raises(BadInput, match="outside"):
        e.kl(np.full((30, 2), 9.0))
    with pytest.raises(BadInput, match="whole number"):
        e.partition(0)
    with pytest.raises(BadInput, match="whole number"):
        e.sample(2.5, np.random.default_rng(0))
    with pytest.raises(BadInput, match="f must map"):
        e.mean(lambda u: u.sum())


def test_a_cut_is_not_a_projection():
    """A slice of a coupled three-dimensional well is narrower than the projection of the full cloud."""
    H = np.array([[2.0, 0.3, 1.2], [0.3, 1.5, -0.7], [1.2, -0.7, 1.8]])
    surface = scan(lambda u: 0.5 * np.einsum("...i,ij,...j", u, H[:2, :2], u), extent=(-6, 6, -6, 6), tolerance=0)
    temperature = 0.3
    cut = surface.equilibrium(temperature).mean(lambda u: u[:, :, None] * u[:, None, :])
    np.testing.assert_allclose(cut, temperature * np.linalg.inv(H[:2, :2]), atol=1e-5)
    projected = temperature * np.linalg.inv(H)[:2, :2]
    assert (np.linalg.eigvalsh(projected - cut) > -1e-5).all() and np.trace(projected) > 1.2 * np.trace(cut)


def test_steep_corners_and_a_far_minimum_cost_little():
    surface = tabulated(lambda u: 1e4 * (u**4).sum(-1) + 1e-3 * u[..., 0], (-3, 3, -3, 3))
    for temperature in (1e-3, 1.0, 1e4, 1e7):
        e = BoltzmannLaw(surface, temperature)
        assert sum(cells.energy.size for cells in e.mesh.groups) < 3e5
        assert np.isfinite([e.F, e.U, e.S, e.C]).all() and e.C > 0


def test_a_cliff_stays_within_bounds_of_time_and_memory():
    """Walls of slope 1e9, where the spline undershoots by millions of T: finite numbers, an energy near the lowest."""
    xs = np.linspace(-2, 2, 41)
    outside = np.maximum(np.abs(xs)[:, None], np.abs(xs)[None, :]) > 1.25
    surface = Surface.from_grid(xs, xs, np.where(outside, 1e8, 0.0))
    for T in (1e-3, 1.0):
        eq = surface.equilibrium(T)
        assert np.isfinite([eq.F, eq.U, eq.S, eq.C]).all()
        assert surface.minimum - 1e-6 * 1e8 < eq.U < surface.minimum + 1e-3 * 1e8
        assert eq.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("resolution", [41, 81])
def test_shares_of_equal_wells_are_equal_at_every_heat(resolution):
    """The ridge lies on lattice points, where the nearest one would count half a step of it to one side."""
    from thermoviz.core.energies.potentials import DoubleWell

    surface = scan(DoubleWell(), resolution=resolution)
    for T in (0.1, 0.5, 1.0, 3.0):
        np.testing.assert_allclose(surface.equilibrium(T).shares, 0.5, atol=2e-5)
