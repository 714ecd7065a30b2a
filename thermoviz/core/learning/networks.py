"""Small fully connected networks as points theta in parameter space, and their loss as an energy there.

theta [..., d] holds, layer by layer, the weights W [fan_in, fan_out] in C order and then the biases b [fan_out];
a layer computes activation(h W + b), the last one without activation. Arrays of numpy are computed by compiled
kernels (`compiled`), torch tensors by torch on their own device (`tensors`); second derivatives and
the noise of single samples are float64 (`derivatives`).
"""

import itertools
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from ..arrays import as_numpy, is_tensor, library, not_negative, real, whole
from ..errors import BadInput
from ..seeds import rng
from ..specs import Field, specification
from .compiled import CompiledNetworks
from .derivatives import ExactNetwork
from .movers import NetworkMover

Width = Annotated[int, Field(ge=1, le=128)]
Activation = Literal["tanh", "relu", "gelu", "sigmoid", "linear"]
# Parameters drawn at once: 2 GiB.
MOST_NUMBERS = 2**28


@specification
class MLP:
    """A fully connected network: 0-4 hidden layers of 1-128 units."""

    hidden: Annotated[tuple[Width, ...], Field(
        max_length=4, title="Hidden layers", description="Units in each hidden layer, from input to output",
        json_schema_extra={"ladder": [[], [8], [8, 8], [16, 16], [32, 32], [16, 16, 16]]})] = (16, 16)
    activation: Annotated[Activation, Field(
        title="Activation", description="What a hidden unit does with its sum of inputs")] = "tanh"

    def sizes(self, inputs: int, outputs: int) -> tuple[int, ...]:
        """Layer widths from input to output."""
        return (inputs, *self.hidden, outputs)


class LayerSlice(NamedTuple):
    """Where a layer lies in theta: weights (of `shape` [fan_in, fan_out], C order), then biases."""

    weight: slice
    shape: tuple[int, int]
    bias: slice


class NetworkLoss:
    """The loss of an MLP on a dataset's training part: an Energy on theta [..., d].

    E = mean over samples of the cross-entropy (nats) or of half the squared error averaged over outputs,
    + (weight_decay/2) |theta|^2 + l1 |theta|_1, biases included. dtype: working precision ("float32",
    "float64") of numpy input, whose results are float64; torch tensors keep their dtype and device. device:
    where numpy input is computed ("cpu": compiled kernels; else a torch device).

    A theta that is not finite has a loss that is not finite (NaN or infinite), never an exception.
    Raises BadInput for wrong shapes and settings.
    """

    def __init__(self, mlp: MLP, data: Any, weight_decay: float = 0.0, l1: float = 0.0,
                 dtype: str = "float32", device: str = "cpu") -> None:
        if not isinstance(mlp, MLP):
            raise BadInput(f"the network must be an MLP, got {type(mlp).__name__}.")
        if getattr(data, "task", None) not in ("classification", "regression"):
            raise BadInput("the data must be a Dataset with task 'classification' or 'regression', "
                           f"got {type(data).__name__}.")
        if dtype not in ("float32", "float64"):
            raise BadInput(f"dtype must be 'float32' or 'float64', got {dtype!r}.")
        self.mlp, self.data, self.dtype, self.device = mlp, data, dtype, _device(device)
        self.weight_decay = not_negative("weight_decay", weight_decay)
        self.l1 = not_negative("l1", l1)
        self.sizes = mlp.sizes(data.x.shape[1], data.n_outputs)
        self.layer_slices = _layer_slices(self.sizes)
        self.d = self.layer_slices[-1].bias.stop
        self.n_samples = len(data.x_train)

    def __repr__(self) -> str:
        return (f"NetworkLoss({self.mlp!r}, {self.data!r}, weight_decay={self.weight_decay!r}, "
                f"l1={self.l1!r}, dtype={self.dtype!r}, device={self.device!r})")

    def in_double(self) -> "NetworkLoss":
        """The same loss in double precision."""
        return NetworkLoss(self.mlp, self.data, self.weight_decay, self.l1, "float64", self.device)

    # Energies and forces

    def __call__(self, theta: Any) -> Any:
        """Data energy and regularisers together, [..., d] -> [...]."""
        rows = self._rows(theta)
        return rows.back(self._networks(rows).energy(rows.values, self.weight_decay, self.l1))

    of_records = __call__

    def data_energy(self, theta: Any) -> Any:
        """Mean loss over the training samples, without regularisers, [..., d] -> [...]."""
        rows = self._rows(theta)
        return rows.back(self._networks(rows).energy(rows.values, 0.0, 0.0))

    def l2_energy(self, theta: Any) -> Any:
        """(weight_decay/2) |theta|^2, [..., d] -> [...]."""
        rows = self._rows(theta)
        with np.errstate(over="ignore"):
            return rows.back(0.5 * self.weight_decay * (rows.values**2).sum(-1))

    def l1_energy(self, theta: Any) -> Any:
        """l1 |theta|_1, [..., d] -> [...]."""
        rows = self._rows(theta)
        return rows.back(self.l1 * abs(rows.values).sum(-1))

    def force(self, theta: Any) -> Any:
        """-dE/dtheta, regularisers included, [..., d] -> [..., d] (|theta|_1: sign, 0 at 0)."""
        return self.value_and_force(theta)[1]

    def value_and_force(self, theta: Any) -> tuple[Any, Any]:
        """(E [...], -dE/dtheta [..., d]) in one pass."""
        rows = self._rows(theta)
        energy, force = self._networks(rows).energy_and_force(rows.values, self.weight_decay, self.l1)
        return rows.back(energy), rows.back(force)

    def minibatch(self, indices: Any) -> "Minibatch":
        """The Energy in which row i of theta [n, d] sees only the training samples indices[i] of [n, B].

        indices [B]: the same batch for every row. Repeated samples count as often as they are named; -1 at the end of
        a row stands for no sample, so that batches may differ in size.
        """
        return Minibatch(self, indices)

    def mover(self, walls: Any) -> NetworkMover | None:
        """Compiled blocks of steps for `simulate`: on the CPU, without walls."""
        if walls is not None or self.device != "cpu":
            return None
        return NetworkMover(self._compiled, self.weight_decay, self.l1)

    def on_plane(self, plane: Any, us: Any, vs: Any) -> np.ndarray:
        """E at plane.origin + us[i] plane.u + vs[j] plane.v, as [m, k] for us [m], vs [k].

        The same numbers as calling the loss there, faster: the first layer's sums are affine in them.
        """
        origin, u, v = (self._point(vector) for vector in (plane.origin, plane.u, plane.v))
        us, vs = np.atleast_1d(np.asarray(us, float)), np.atleast_1d(np.asarray(vs, float))
        if us.ndim != 1 or vs.ndim != 1 or not (np.isfinite(us).all() and np.isfinite(vs).all()):
            raise BadInput("us and vs must be lists of finite coordinates.")
        if self.device != "cpu":
            return np.stack([self(origin + a * u + vs[:, None] * v) for a in us])
        return self._compiled.plane(origin, u, v, us, vs) + self._plane_regularisers(origin, u, v, us, vs)

    def _plane_regularisers(self, origin: np.ndarray, u: np.ndarray, v: np.ndarray, us: np.ndarray,
                            vs: np.ndarray) -> np.ndarray:
        a, b = us[:, None], vs[None, :]
        square = (origin @ origin + a * a * (u @ u) + b * b * (v @ v)
                  + 2 * (a * (origin @ u) + b * (origin @ v) + a * b * (u @ v)))
        energy = 0.5 * self.weight_decay * square
        if self.l1:
            rows = (np.abs(origin + s * u + vs[:, None] * v).sum(-1) for s in us)
            energy += self.l1 * np.stack(list(rows))
        return energy

    # What the networks do

    def predict(self, theta: Any, x: Any) -> Any:
        """Outputs (logits, or values) for inputs x [m, p]: theta [..., d] -> [..., m, k]."""
        rows = self._rows(theta)
        return rows.back(self._networks(rows).outputs(rows.values, self._inputs(x, rows)))

    def test_energy(self, theta: Any) -> Any:
        """Mean loss over the test part, without regularisers, [..., d] -> [...]."""
        rows = self._rows(theta)
        return rows.back(self._networks(rows, test=True).energy(rows.values, 0.0, 0.0))

    def accuracy(self, theta: Any, test: bool = False) -> Any:
        """Share of right answers, or R^2 (1 - squared error/variance, outputs pooled): [..., d] -> [...]."""
        rows = self._rows(theta)
        networks = self._networks(rows, test)
        if self.data.task == "classification":
            return rows.back(networks.correct(rows.values))
        y = self.data.y_test if test else self.data.y_train
        variance = float(np.mean((y - y.mean(0)) ** 2))
        if variance == 0:
            raise BadInput("R^2 needs targets that differ from each other.")
        return rows.back(1 - 2 * networks.energy(rows.values, 0.0, 0.0) / variance)

    def init(self, n: int, seed: int = 0) -> np.ndarray:
        """Random starts [n, d]: weights and biases uniform in +-1/sqrt(fan_in), the law of torch.nn.Linear.

        Row i does not depend on n. Values are rounded to float32, so that a module holds them exactly.
        """
        n = whole("the number of networks", n, 1)
        if n * self.d > MOST_NUMBERS:
            raise BadInput(f"{n} networks of {self.d} parameters are too many: at most {MOST_NUMBERS // self.d}.")
        width = np.empty(self.d)
        for layer in self.layer_slices:
            width[layer.weight.start:layer.bias.stop] = layer.shape[0] ** -0.5
        return (rng(seed, "init").uniform(-1, 1, (n, self.d)) * width).astype(np.float32).astype(np.float64)

    def from_module(self, module: Any) -> np.ndarray:
        """theta [d] of a torch.nn.Sequential of Linear layers and this network's activation."""
        from .tensors import parameters_of
        return parameters_of(module, self.sizes, self.mlp.activation)

    def to_module(self, theta: Any) -> Any:
        """The torch.nn.Sequential of parameters theta [d] in this loss's dtype (exact where theta fits it)."""
        from .tensors import module_of
        return module_of(self._point(theta), self.layer_slices, self.mlp.activation, self.dtype)

    # Second derivatives and the noise of single samples, in float64

    def per_sample_gradients(self, theta: Any) -> Any:
        """Gradient of each training sample's own data loss at theta [d]: [n_samples, d]."""
        return self._like(theta, self._exact.per_sample_gradients(self._point(theta)))

    def gradient_covariance(self, theta: Any) -> Any:
        """C [d, d]: covariance of single-sample gradients, centred, divided by n_samples. d <= 1000."""
        return self._like(theta, self._exact.gradient_covariance(self._point(theta)))

    def gradient_noise_trace(self, theta: Any) -> Any:
        """tr C at theta [..., d] -> [...], for any d, without forming the gradients."""
        return self._shaped(theta, self._exact.gradient_noise_trace(self._points(theta)))

    def hvp(self, theta: Any, v: Any) -> Any:
        """Hessian of E at theta [d] times v [..., d], exact (curvature at the kinks of l1 and relu: 0)."""
        directions = self._array(v)
        product = self._exact.hvp(self._point(theta), directions) + self.weight_decay * directions
        return self._like(v, product.reshape(np.shape(v)))

    def cvp(self, theta: Any, v: Any) -> Any:
        """`gradient_covariance` at theta [d] times v [..., d], for any d."""
        return self._like(v, self._exact.cvp(self._point(theta), self._array(v)).reshape(np.shape(v)))

    def hessian(self, theta: Any) -> Any:
        """Hessian of E at theta [d]: [d, d], symmetric, for d <= 1000."""
        return self._like(theta, self._exact.hessian(self._point(theta)) + self.weight_decay * np.eye(self.d))

    def sample_hessians(self, theta: Any) -> Any:
        """Hessian of each training sample's own data loss at theta [d]: [n_samples, d, d]."""
        return self._like(theta, self._exact.sample_hessians(self._point(theta)))

    def leading_eigenpairs(self, theta: Any, k: int = 2, of: str = "hessian") -> tuple[Any, Any]:
        """(values [k], largest first; vectors [k, d], one per row) at theta [d].

        of="hessian": Hessian of E, regularisers included; of="noise": `gradient_covariance`. Lanczos, any d.
        """
        values, vectors = self._exact.leading_eigenpairs(self._point(theta), k, of)
        if of == "hessian":
            values = values + self.weight_decay
        return self._like(theta, values), self._like(theta, vectors)

    def sharpness(self, theta: Any) -> Any:
        """The largest eigenvalue of the Hessian of E, regularisers included, at theta [..., d] -> [...], for any d."""
        return self._shaped(theta, self._exact.sharpness(self._points(theta)) + self.weight_decay)

    # Backends

    @cached_property
    def _exact(self) -> Any:
        data, y = self.data, _targets(self.data, self.data.y_train)
        return ExactNetwork(self.sizes, self.mlp.activation, data.task, data.x_train, y)

    @cached_property
    def _compiled(self) -> Any:
        return self._compile(self.data.x_train, self.data.y_train)

    @cached_property
    def _compiled_test(self) -> Any:
        return self._compile(self.data.x_test, self.data.y_test)

    def _compile(self, x: np.ndarray, y: np.ndarray) -> Any:
        return CompiledNetworks(self.sizes, self.mlp.activation, self.data.task, x, _targets(self.data, y),
                                np.dtype(self.dtype))

    def _networks(self, rows: "Rows", test: bool = False) -> Any:
        """The backend that computes these rows on the training (or test) part."""
        if test and (self.data.x_test is None or not len(self.data.x_test)):
            raise BadInput("this dataset has no test part: choose a test_fraction above 0.")
        if not rows.tensor:
            return self._compiled_test if test else self._compiled
        from .tensors import TorchNetworks
        key = ("test" if test else "train", str(rows.values.device), str(rows.values.dtype))
        if key not in self._tensors:
            data = self.data
            x, y = (data.x_test, data.y_test) if test else (data.x_train, data.y_train)
            self._tensors[key] = TorchNetworks(self.layer_slices, self.mlp.activation, data.task, x,
                                               _targets(data, y), rows.values)
        return self._tensors[key]

    @cached_property
    def _tensors(self) -> dict[tuple[str, str, str], Any]:
        return {}

    # Shapes in and out

    def _rows(self, theta: Any) -> "Rows":
        """theta [..., d] as rows [n, d] for the backend that will compute them."""
        if is_tensor(theta):
            self._check_shape(tuple(theta.shape))
            values = theta.detach()
            if not values.is_floating_point():
                values = values.double()
            return Rows(values.reshape(-1, self.d), tuple(theta.shape), True, False)
        values, shape = self._array(theta), np.shape(theta)
        if self.device == "cpu":
            return Rows(values, shape, False, False)
        import torch
        return Rows(torch.as_tensor(values, dtype=getattr(torch, self.dtype), device=self.device), shape, True, True)

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        if not shape or shape[-1] != self.d:
            raise BadInput(f"theta must have shape [..., {self.d}] (widths {'-'.join(map(str, self.sizes))}), "
                           f"got {list(shape)}.")

    def _array(self, theta: Any) -> np.ndarray:
        """theta [..., d] as numpy float64 [n, d], which nobody writes to, from arrays, lists or tensors."""
        try:
            values = real(theta)
        except (TypeError, ValueError):
            raise BadInput(f"theta must be an array of numbers [..., {self.d}].") from None
        self._check_shape(values.shape)
        return np.require(values.reshape(-1, self.d), requirements=["C_CONTIGUOUS", "WRITEABLE"])

    def _point(self, theta: Any) -> np.ndarray:
        """One network as numpy float64 [d], all numbers finite."""
        values = self._points(theta)
        if len(values) != 1:
            raise BadInput(f"one network is needed here, theta [{self.d}], got {len(values)}.")
        return values[0]

    def _points(self, theta: Any) -> np.ndarray:
        """Networks as numpy float64 [m, d] of their own, all numbers finite."""
        values = self._array(theta).copy()
        if not np.isfinite(values).all():
            raise BadInput("this theta holds numbers that are not finite.")
        return values

    @staticmethod
    def _shaped(theta: Any, values: np.ndarray) -> Any:
        """One number for each network of theta [..., d]."""
        return values.reshape(np.shape(theta)[:-1])[()]

    def _inputs(self, x: Any, rows: "Rows") -> Any:
        try:
            values = x if is_tensor(x) else real(x)
        except (TypeError, ValueError):
            raise BadInput(f"x must be an array of numbers [m, {self.sizes[0]}].") from None
        shape = tuple(values.shape)
        if len(shape) != 2 or shape[1] != self.sizes[0]:
            raise BadInput(f"x must have shape [m, {self.sizes[0]}], got {list(shape)}.")
        if not rows.tensor:
            return real(values)
        values = values if is_tensor(values) else values.copy()  # torch wants to be able to write
        return library(rows.values).as_tensor(values, dtype=rows.values.dtype, device=rows.values.device)

    @staticmethod
    def _like(theta: Any, result: np.ndarray) -> Any:
        """A float64 result as a tensor where theta is one."""
        if not is_tensor(theta):
            return result
        return library(theta).as_tensor(result, dtype=theta.dtype, device=theta.device)


class Rows(NamedTuple):
    """Networks as rows [n, d], and how their results go back to the caller's shape and kind."""

    values: Any
    shape: tuple[int, ...]
    tensor: bool
    from_numpy: bool

    def back(self, result: Any) -> Any:
        """[n, ...] -> leading axes of the caller; [n, d] keeps d; a single number becomes a float64."""
        result = result.reshape(self.shape[:-1] + tuple(result.shape[1:]))
        if self.from_numpy:
            result = result.double().cpu().numpy()
        return result if self.tensor and not self.from_numpy else np.asarray(result, np.float64)[()]


class Minibatch:
    """The loss seen through one batch per network: an Energy, regularisers included; of `NetworkLoss.minibatch`."""

    def __init__(self, loss: NetworkLoss, indices: Any) -> None:
        try:
            chosen = indices if is_tensor(indices) else np.asarray(indices)
        except ValueError:
            raise BadInput("indices must be whole numbers of shape [n, B] or [B].") from None
        is_whole = chosen.dtype.kind in "iu" if isinstance(chosen, np.ndarray) else not chosen.is_floating_point()
        if not is_whole or chosen.ndim not in (1, 2) or 0 in chosen.shape:
            raise BadInput("indices must be whole numbers of shape [n, B] or [B], at least one sample per batch, "
                           f"got shape {list(chosen.shape)}.")
        least = int(chosen.min())
        if least < -1 or int(chosen.max()) >= loss.n_samples:
            raise BadInput(f"indices must lie in 0..{loss.n_samples - 1}, the training samples.")
        if least < 0 and bool((chosen[..., 0] < 0).any() or ((chosen[..., :-1] < 0) & (chosen[..., 1:] >= 0)).any()):
            raise BadInput("indices: -1 may only fill up the end of a batch that holds a sample at least.")
        self.loss, self.indices, self.d = loss, chosen, loss.d

    def __call__(self, theta: Any) -> Any:
        """[..., d] -> [...]."""
        return self._batch(theta, with_force=False)[0]

    def force(self, theta: Any) -> Any:
        """[..., d] -> [..., d]."""
        return self._batch(theta, with_force=True)[1]

    def value_and_force(self, theta: Any) -> tuple[Any, Any]:
        """(E [...], force [..., d]) in one pass."""
        return self._batch(theta, with_force=True)

    def _batch(self, theta: Any, with_force: bool) -> tuple[Any, Any]:
        loss = self.loss
        rows = loss._rows(theta)
        indices = self.indices if self.indices.ndim == 2 else self.indices[None]
        if not rows.tensor:
            indices = np.ascontiguousarray(as_numpy(indices), np.int64)
        if len(indices) != len(rows.values):
            if len(indices) != 1:
                raise BadInput(f"{len(indices)} batches are for {len(indices)} networks, got {len(rows.values)}.")
            indices = indices.repeat(len(rows.values), 0) if not rows.tensor else indices[0]
        networks = loss._networks(rows)
        energy, force = networks.batch(rows.values, indices, loss.weight_decay, loss.l1, with_force)
        return rows.back(energy), rows.back(force) if with_force else None


def _layer_slices(sizes: tuple[int, ...]) -> tuple[LayerSlice, ...]:
    slices, at = [], 0
    for fan_in, fan_out in itertools.pairwise(sizes):
        end = at + fan_in * fan_out
        slices.append(LayerSlice(slice(at, end), (fan_in, fan_out), slice(end, end + fan_out)))
        at = end + fan_out
    return tuple(slices)


def _targets(data: Any, y: np.ndarray) -> np.ndarray:
    """Targets [n, k]: values, or classes as rows of zeros and a one."""
    return np.eye(data.n_outputs)[y] if data.task == "classification" else np.asarray(y, np.float64)


def _device(name: Any) -> str:
    """The device's name, if it is one that this machine has. "cpu" is taken without loading torch."""
    if str(name) == "cpu":
        return "cpu"
    if name is None:
        raise BadInput("device must be 'cpu' or a torch device of this machine, got None.")
    import torch
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, TypeError):
        raise BadInput(f"device must be 'cpu' or a torch device of this machine, got {name!r}.") from None
    return str(name)
