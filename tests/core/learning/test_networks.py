"""Networks as points in parameter space: the same numbers as torch, exact derivatives, honest refusals."""

import itertools
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from thermoviz.core.errors import BadInput
from thermoviz.core.learning.data import Dataset
from thermoviz.core.learning.networks import MLP, NetworkLoss

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # matrices this small lose by threads

ACTIVATIONS = ("tanh", "relu", "gelu", "sigmoid", "linear")
DEPTHS = ((), (5,), (7, 3), (4, 8, 2), (3, 1, 6, 5))
TASKS = (("classification", 2), ("classification", 4), ("regression", 1), ("regression", 3))
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


def problem(task="classification", outputs=2, n=150, p=3, seed=0, test=0):
    """A learning problem without structure: oracles do not need any."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n + test, p))
    if task == "classification":
        y = random.integers(0, outputs, n + test)
        y[:outputs] = np.arange(outputs)
    else:
        y = random.normal(size=(n + test, outputs))
    return Dataset(x[:n], y[:n], task, x[n:] if test else None, y[n:] if test else None)


def make(hidden=(6, 5), activation="tanh", task="classification", outputs=2, dtype="float64", n=150, p=3, test=0,
         **settings):
    return NetworkLoss(MLP(hidden, activation), problem(task, outputs, n, p, test=test), dtype=dtype, **settings)


def torch_loss(loss, x, y):
    """The loss of flat parameters, from torch's own layers and losses only."""
    x, y = torch.tensor(x), torch.tensor(y)
    act = {"tanh": torch.tanh, "relu": torch.relu, "gelu": torch.nn.functional.gelu, "sigmoid": torch.sigmoid,
           "linear": lambda z: z}[loss.mlp.activation]

    def of(theta):
        h, at = x, 0
        for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(loss.sizes)):
            W = theta[at:at + fan_in * fan_out].reshape(fan_in, fan_out)
            b = theta[at + fan_in * fan_out:at + (fan_in + 1) * fan_out]
            at += (fan_in + 1) * fan_out
            h = torch.nn.functional.linear(h, W.T, b)
            h = act(h) if layer < len(loss.sizes) - 2 else h
        if loss.data.task == "classification":
            data = torch.nn.functional.cross_entropy(h, y)
        else:
            data = 0.5 * torch.nn.functional.mse_loss(h, y)
        return data + 0.5 * loss.weight_decay * theta.square().sum() + loss.l1 * theta.abs().sum()

    return of


def torch_value_and_gradient(loss, theta, x=None, y=None):
    of = torch_loss(loss, loss.data.x_train if x is None else x, loss.data.y_train if y is None else y)
    point = torch.tensor(theta, requires_grad=True)
    value = of(point)
    value.backward()
    return value.item(), point.grad.numpy()


# Agreement with torch

@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("task, outputs", TASKS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_loss_and_gradient_are_those_of_torch(activation, task, outputs, dtype):
    """Issue 2: to 1e-5 in float32 and 1e-10 in float64, for every depth; theta float32-representable."""
    for hidden in DEPTHS:
        loss = make(hidden, activation, task, outputs, dtype, weight_decay=0.03, l1=0.002)
        theta = 1.5 * loss.init(3, seed=4)
        energy, force = loss.value_and_force(theta)
        assert energy.shape == (3,) and force.shape == theta.shape and force.dtype == np.float64
        for i in range(3):
            value, gradient = torch_value_and_gradient(loss, theta[i])
            assert abs(energy[i] - value) < TOLERANCE[dtype] * max(1, abs(value))
            assert np.abs(force[i] + gradient).max() < TOLERANCE[dtype] * max(1, np.abs(gradient).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("task, outputs", TASKS)
def test_tensors_stay_tensors_and_agree(activation, task, outputs):
    loss = make((7, 4), activation, task, outputs, weight_decay=0.03, l1=0.002, test=20)
    theta = loss.init(4, seed=1)
    indices = np.random.default_rng(0).integers(0, loss.n_samples, (4, 9))
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-10)):
        point = torch.tensor(theta, dtype=dtype)
        for of_numpy, of_torch in (
                (loss.value_and_force(theta), loss.value_and_force(point)),
                (loss.minibatch(indices).value_and_force(theta), loss.minibatch(indices).value_and_force(point)),
                (loss.minibatch(indices).force(theta),
                 loss.minibatch(torch.tensor(indices)).force(point)),
                ((loss.data_energy(theta), loss.l2_energy(theta), loss.l1_energy(theta), loss.test_energy(theta)),
                 (loss.data_energy(point), loss.l2_energy(point), loss.l1_energy(point), loss.test_energy(point))),
                ((loss.accuracy(theta), loss.accuracy(theta, test=True), loss.predict(theta, loss.data.x_test)),
                 (loss.accuracy(point), loss.accuracy(point, test=True), loss.predict(point, loss.data.x_test))),
                (loss.hvp(theta[0], theta), loss.hvp(point[0], point))):
            pairs = [(of_numpy, of_torch)] if isinstance(of_torch, torch.Tensor) else zip(of_numpy, of_torch,
                                                                                         strict=True)
            for expected, found in pairs:
                assert found.dtype == dtype and tuple(found.shape) == np.shape(expected)
                assert np.allclose(found.numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("hidden", [(), (128, 128), (33, 1), (1,)])
@pytest.mark.parametrize("n", [1 + 1, 31, 128, 129, 700])
def test_every_width_and_number_of_samples(hidden, n):
    """Edges of the kernels' tiles and blocks, with 64 inputs and 10 outputs."""
    loss = make(hidden, "tanh", "regression", 10, "float64", n=n, p=64)
    theta = loss.init(1, seed=2)[0]
    value, gradient = torch_value_and_gradient(loss, theta)
    energy, force = loss.value_and_force(theta)
    assert abs(energy - value) < 1e-10 and np.abs(force + gradient).max() < 1e-10


def test_numpy_on_a_torch_device():
    """"cpu:0" names the processor to torch, so that this is the way of a GPU without one."""
    compiled, on_device = (make(activation="gelu", outputs=3, weight_decay=0.1, test=20, device=device)
                           for device in ("cpu", "cpu:0"))
    theta, indices = compiled.init(4, seed=0), np.arange(12).reshape(4, 3)
    plane = SimpleNamespace(origin=theta[0], u=theta[1], v=theta[2])
    for ask in (lambda loss: loss(theta), lambda loss: loss.force(theta), lambda loss: loss.l2_energy(theta[0]),
                lambda loss: loss.minibatch(indices).force(theta), lambda loss: loss.on_plane(plane, [0, 1], [2]),
                lambda loss: loss.predict(theta, loss.data.x_test), lambda loss: loss.test_energy(theta),
                lambda loss: loss.accuracy(theta), lambda loss: loss.hvp(theta[0], theta)):
        expected, found = ask(compiled), ask(on_device)
        assert isinstance(found, (np.ndarray, np.float64)) and np.shape(found) == np.shape(expected)
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_parts_add_up_and_shapes_follow():
    loss = make(weight_decay=0.1, l1=0.01)
    theta = loss.init(6, seed=0).reshape(2, 3, loss.d)
    total = loss.data_energy(theta) + loss.l2_energy(theta) + loss.l1_energy(theta)
    assert loss(theta).shape == (2, 3) and np.allclose(loss(theta), total, rtol=1e-14)
    assert np.allclose(loss.l2_energy(theta), 0.05 * (theta**2).sum(-1), rtol=1e-14)
    assert np.allclose(loss.l1_energy(theta), 0.01 * np.abs(theta).sum(-1), rtol=1e-14)
    assert np.ndim(loss(theta[0, 0])) == 0 and loss(theta[0, 0]) == loss(theta)[0, 0]
    assert loss(theta[0, 0].tolist()) == loss(theta)[0, 0]
    assert np.allclose(loss.force(theta)[1, 2], loss.force(theta[1, 2]), rtol=1e-13, atol=1e-16)  # in a group, alone
    assert loss(np.zeros((0, loss.d))).shape == (0,) and loss.force(np.zeros((0, loss.d))).shape == (0, loss.d)


def test_input_is_left_alone():
    loss = make(dtype="float32")
    theta = loss.init(3, seed=0)
    before = theta.copy()
    loss.value_and_force(theta)
    loss.minibatch([0, 1]).force(theta)
    assert np.array_equal(theta, before)


def test_force_is_minus_the_slope_of_the_energy():
    """Central differences: error h^2/6 E''' + eps/h, about 1e-9 at h = 1e-5."""
    loss = make((5,), "gelu", weight_decay=0.1, l1=0.05)
    theta = loss.init(1, seed=3)[0]
    h = 1e-5
    steps = h * np.eye(loss.d)
    slope = (loss(theta + steps) - loss(theta - steps)) / (2 * h)
    assert np.abs(loss.force(theta) + slope).max() < 1e-8


def test_cross_entropy_of_far_outputs_is_exact():
    """A linear network with outputs +-z: the loss of sample i is ln(1 + exp(-2 z_i)), small or large."""
    data = Dataset([[-40.0], [1.0], [9.0], [40.0]], [0, 1, 1, 0])
    for dtype in ("float32", "float64"):
        loss = NetworkLoss(MLP(()), data, dtype=dtype)
        theta = np.array([-1.0, 1.0, 0, 0])
        expected = (2 * np.log1p(np.exp(-80.0)) + np.log1p(np.exp(-2.0)) - np.log1p(np.exp(-80.0))
                    + np.log1p(np.exp(-18.0)) + 80) / 4
        assert abs(loss(theta) - expected) < 1e-6
    three = Dataset([[1.0], [2.0], [1.0]], [0, 1, 2])
    for dtype in ("float32", "float64"):
        loss = NetworkLoss(MLP(()), three, dtype=dtype)
        assert abs(loss(np.array([900.0, 0, -900.0, 0, 0, 0])) - (0 + 1800 + 1800) / 3) < 1e-3


# Batches

@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("size", [1, 32, 33, 300])
def test_each_network_sees_its_own_batch(dtype, size):
    loss = make(dtype=dtype, outputs=3, weight_decay=0.02)
    theta = loss.init(5, seed=0)
    indices = np.random.default_rng(1).integers(0, loss.n_samples, (5, size))
    energy, force = loss.minibatch(indices).value_and_force(theta)
    for i in range(5):
        chosen = indices[i]
        value, gradient = torch_value_and_gradient(loss, theta[i], loss.data.x_train[chosen],
                                                   loss.data.y_train[chosen])
        assert abs(energy[i] - value) < TOLERANCE[dtype]
        assert np.abs(force[i] + gradient).max() < TOLERANCE[dtype]
    assert np.array_equal(loss.minibatch(indices)(theta), energy)
    assert np.array_equal(loss.minibatch(indices).force(theta), force)


def test_the_batch_of_all_samples_is_the_loss():
    loss = make(weight_decay=0.1, l1=0.01)
    theta = loss.init(3, seed=0)
    everything = loss.minibatch(np.arange(loss.n_samples))
    assert np.allclose(everything(theta), loss(theta), rtol=1e-13)
    assert np.allclose(everything.force(theta), loss.force(theta), atol=1e-14)
    assert everything.force(theta[0]).shape == (loss.d,)


def test_batches_are_checked():
    loss = make()
    for bad in ([0, loss.n_samples], [-1], [0.5], [], [[[0]]]):
        with pytest.raises(BadInput):
            loss.minibatch(bad)
    with pytest.raises(BadInput, match="2 batches"):
        loss.minibatch([[0], [1]])(loss.init(3))


# Slices

@pytest.mark.parametrize("hidden", [(), (6,), (6, 5)])
@pytest.mark.parametrize("task, outputs", TASKS)
@pytest.mark.parametrize("dtype, tolerance", [("float32", 3e-6), ("float64", 1e-13)])
def test_on_plane_is_the_loss_on_the_plane(hidden, task, outputs, dtype, tolerance):
    """Rounding: a few units in the last place of sums over 150 samples."""
    loss = make(hidden, "tanh", task, outputs, dtype, weight_decay=0.1, l1=0.02)
    origin, u, v = loss.init(3, seed=5)
    plane = SimpleNamespace(origin=origin, u=u, v=v)
    us, vs = np.linspace(-2, 2, 5), np.linspace(-1, 3, 4)
    grid = loss.on_plane(plane, us, vs)
    direct = loss(origin + us[:, None, None] * u + vs[:, None] * v)
    assert grid.shape == (5, 4) and np.abs(grid - direct).max() < tolerance * max(1, np.abs(direct).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype, tolerance", [("float32", 3e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("steepness", [0.1, 30, 1e4])
@pytest.mark.parametrize("outputs", [2, 3])
def test_on_plane_holds_for_flat_and_for_steep_directions(activation, dtype, tolerance, steepness, outputs):
    """More columns than share their factors, and sums so far apart that exp of one and of the other leaves float32."""
    loss = make((6, 5), activation, "classification", outputs, dtype)
    origin, u, v = loss.init(3, seed=5)
    plane = SimpleNamespace(origin=origin, u=u, v=steepness * v)
    us, vs = np.linspace(-2, 2, 3), np.linspace(-1, 3, 70)
    grid = loss.on_plane(plane, us, vs)
    direct = loss(origin + us[:, None, None] * u + vs[:, None] * (steepness * v))
    # Rounding of the parameters themselves grows with them.
    assert (np.abs(grid - direct) < tolerance * max(1, steepness) * np.maximum(1, np.abs(direct))).all()


@pytest.mark.parametrize("outputs", [2, 3, 1000])
def test_on_plane_the_logarithm_of_a_product_over_thousands_of_samples_is_taken_in_time(outputs):
    """At the origin all classes are as likely, so that the product would be outputs^5000."""
    loss = make((), outputs=outputs, n=5000)
    plane = SimpleNamespace(origin=np.zeros(loss.d), u=np.ones(loss.d), v=np.ones(loss.d))
    assert loss.on_plane(plane, [0], [0]) == pytest.approx(np.log(outputs), rel=1e-12)


# What is not finite

@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_broken_theta_has_a_broken_loss_and_its_neighbours_do_not(activation, bad):
    loss = make((6, 5), activation, dtype="float32")
    theta = loss.init(3, seed=0)
    indices = np.zeros((3, 4), int)
    for place in (0, 3 * 6 + 6, loss.d - 1):
        broken = theta.copy()
        broken[1, place] = bad
        for energy in (loss, loss.minibatch(indices)):
            for point in (broken, torch.tensor(broken)):
                value = np.asarray(energy(point))
                assert np.isfinite(value).tolist() == [True, False, True]
                assert not np.isfinite(np.asarray(energy.force(point))[1]).all()
                assert np.isfinite(np.asarray(energy.force(point))[[0, 2]]).all()


def test_numbers_beyond_single_precision_are_not_finite_there():
    loss = make(dtype="float32")
    assert not np.isfinite(loss(np.full(loss.d, 1e39)))


# Modules

@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", DEPTHS)
def test_modules_round_trip_and_answer_the_same(activation, hidden):
    for dtype in ("float32", "float64"):
        loss = make(hidden, activation, outputs=3, dtype=dtype)
        theta = loss.init(1, seed=0)[0]
        module = loss.to_module(theta)
        assert np.array_equal(loss.from_module(module), theta)
        again = loss.to_module(loss.from_module(module))
        for (name, a), (other, b) in zip(module.state_dict().items(), again.state_dict().items(), strict=True):
            assert name == other and torch.equal(a, b)
        x = torch.tensor(loss.data.x_train, dtype=getattr(torch, dtype))
        answers = module(x).detach().numpy()
        assert np.abs(answers - loss.predict(theta, loss.data.x_train)).max() < 1e-5 * max(1, np.abs(answers).max())


def test_other_modules_are_refused_with_one_sentence():
    loss = make((4,))
    nn = torch.nn
    good = [nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)]
    assert loss.from_module(nn.Sequential(nn.Sequential(*good[:2]), good[2])).shape == (loss.d,)
    for bad in (nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), nn.Sequential(*good, nn.Tanh()),
                nn.Sequential(good[0], nn.ReLU(), good[2]), nn.Sequential(good[0], good[2]), nn.Conv2d(1, 1, 1),
                nn.Sequential(nn.Linear(3, 4, bias=False), *good[1:]), nn.Sequential(), "module",
                nn.Sequential(good[0], nn.BatchNorm1d(4), *good[1:])):
        with pytest.raises(BadInput) as caught:
            loss.from_module(bad)
        assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="exact"):
        make((4,), "gelu").from_module(nn.Sequential(good[0], nn.GELU(approximate="tanh"), good[2]))


# Scores, starts, layout

def test_accuracy_counts_right_answers():
    for outputs in (2, 4):
        loss = make(outputs=outputs, test=40)
        theta = loss.init(7, seed=0)
        for part in ("train", "test"):
            x, y = (loss.data.x_test, loss.data.y_test) if part == "test" else (loss.data.x_train, loss.data.y_train)
            expected = (loss.predict(theta, x).argmax(-1) == y).mean(-1)
            assert np.allclose(loss.accuracy(theta, test=part == "test"), expected, rtol=0, atol=1e-15)


def test_r_squared_of_regression():
    loss = make(task="regression", outputs=3, test=40)
    theta = loss.init(2, seed=0)
    y = loss.data.y_test
    error = ((loss.predict(theta, loss.data.x_test) - y) ** 2).sum((1, 2))
    expected = 1 - error / ((y - y.mean(0)) ** 2).sum()
    assert np.allclose(loss.accuracy(theta, test=True), expected, atol=1e-12)
    mean = np.zeros(NetworkLoss(MLP(()), loss.data).d)
    mean[-3:] = loss.data.y_train.mean(0)
    assert abs(NetworkLoss(MLP(()), loss.data, dtype="float64").accuracy(mean)) < 1e-12


def test_starts_have_the_stated_law_and_their_own_stream():
    """Uniform in +-1/sqrt(fan_in): variance 1/(3 fan_in); 4 standard errors of a uniform's variance, sqrt(4/5N)."""
    loss = make((16,), p=9)
    theta = loss.init(500, seed=3)
    assert np.array_equal(loss.init(20, seed=3), theta[:20])
    assert not np.array_equal(loss.init(20, seed=4), theta[:20])
    for layer in loss.layer_slices:
        for part in (layer.weight, layer.bias):
            values = theta[:, part].ravel() * np.sqrt(3 * layer.shape[0])
            assert abs((values**2).mean() - 1) < 4 * np.sqrt(0.8 / values.size)
            assert np.abs(values).max() <= np.sqrt(3) * (1 + 1e-7)


def test_layers_tile_theta():
    loss = make((6, 5), outputs=4)
    at = 0
    for layer, shape in zip(loss.layer_slices, ((3, 6), (6, 5), (5, 4)), strict=True):
        assert layer.shape == shape and layer.weight == slice(at, at + shape[0] * shape[1])
        assert layer.bias == slice(layer.weight.stop, layer.weight.stop + shape[1])
        at = layer.bias.stop
    assert at == loss.d == 3 * 6 + 6 + 6 * 5 + 5 + 5 * 4 + 4


# Refusals

def test_bad_input_gets_one_sentence():
    loss = make()
    d = loss.d
    attempts = (
        lambda: MLP((8,) * 5), lambda: MLP((0,)), lambda: MLP((129,)), lambda: MLP((8,), "swish"), lambda: MLP(8),
        lambda: NetworkLoss((8,), loss.data), lambda: NetworkLoss(MLP(), "moons"),
        lambda: make(weight_decay=-1), lambda: make(l1=np.nan), lambda: make(dtype="float16"),
        lambda: make(device="toaster"), lambda: make(device="cuda:99"),
        lambda: loss.on_plane(SimpleNamespace(origin=np.full(d, np.nan), u=np.ones(d), v=np.ones(d)), [0], [0]),
        lambda: loss(np.zeros(d + 1)), lambda: loss(0.0), lambda: loss("theta"), lambda: loss(torch.zeros(3)),
        lambda: loss.hvp(np.zeros(d), np.zeros(3)), lambda: loss.hessian(np.zeros((2, d))),
        lambda: loss.predict(np.zeros(d), np.zeros((4, 7))), lambda: loss.test_energy(np.zeros(d)),
        lambda: loss.init(0), lambda: loss.init(3, seed=-1), lambda: loss.leading_eigenpairs(np.zeros(d), 0),
        lambda: loss.leading_eigenpairs(np.zeros(d), d + 1), lambda: loss.leading_eigenpairs(np.zeros(d), 2, "loss"),
        lambda: loss.leading_eigenpairs(np.full(d, np.nan), 2),
        lambda: make((40, 40)).hessian(np.zeros(1882)), lambda: make((40, 40)).gradient_covariance(np.zeros(1882)),
    )
    for attempt in attempts:
        with pytest.raises(BadInput) as caught:
            attempt()
        assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_importing_is_light():
    code = ("import sys, thermoviz.core.learning.networks, thermoviz.core.learning.compiled;"
            "import thermoviz.core.learning.derivatives;"
            "heavy = {'numba', 'torch', 'sklearn', 'scipy.linalg', 'scipy.sparse', 'scipy.special', 'scipy.optimize'};"
            "assert not heavy & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_numpy_never_loads_torch():
    code = ("import sys; from thermoviz.core.learning.data import Dataset;"
            "from thermoviz.core.learning.networks import MLP, NetworkLoss;"
            "loss = NetworkLoss(MLP((4,)), Dataset([[0.], [1.]], [0, 1])); theta = loss.init(2);"
            "loss.value_and_force(theta); loss.minibatch([0]).force(theta); loss.leading_eigenpairs(theta[0]);"
            "assert 'torch' not in sys.modules")
    subprocess.run([sys.executable, "-c", code], check=True)
