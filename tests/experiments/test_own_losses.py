"""What a loss may be and what a module may hold: the surface is the loss, and nothing is changed by looking."""

import copy
import random

import numpy as np
import pytest

import thermoviz as tv

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional


@pytest.fixture
def problem():
    torch.manual_seed(0)
    x = torch.randn(48, 3)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def net():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def path_of(model, n=6):
    torch.manual_seed(5)
    start = nn.utils.parameters_to_vector(model.parameters()).detach()
    return torch.cumsum(torch.randn(n, start.numel()) * 0.1, 0).numpy() + start.numpy()


def surface_is(run, model, loss, tolerance=1e-5):
    """Nodes in an order of our own, each by a fresh copy of the model that nobody touched."""
    U = run.arrays["U"]
    for i, j in ((8, 8), (0, 0), (4, 3), (0, 7)):
        other = copy.deepcopy(model)
        theta = torch.tensor(run.plane.embed([run.arrays["xs"][i], run.arrays["ys"][j]]))
        nn.utils.vector_to_parameters(theta.to(next(other.parameters()).dtype), other.parameters())
        assert np.isclose(U[i, j], float(loss(other)), rtol=tolerance, atol=1e-7)


def quick(model, loss, trajectory=None, **asked):
    return tv.explore(model, loss, trajectory, **{"resolution": 9, "tolerance": 0, **asked})


class Output:
    def __init__(self, loss):
        self.loss = loss


def entropy(x, y):
    return lambda model: functional.cross_entropy(model(x), y)


FORMS = {
    "no gradient": lambda value: torch.no_grad()(lambda m: value(m)),
    "item": lambda value: lambda m: value(m).item(),
    "numpy": lambda value: lambda m: value(m).detach().numpy(),
    "inference": lambda value: torch.inference_mode()(lambda m: value(m)),
    "output": lambda value: lambda m: Output(value(m)),
    "dictionary": lambda value: lambda m: {"loss": value(m), "logits": None},
    "tuple": lambda value: lambda m: (value(m), {"accuracy": 1.0}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_loss_in_any_form(problem, form):
    model, loss = net(), entropy(*problem)
    path = path_of(model)
    run = quick(model, FORMS[form](loss), path)
    surface_is(run, model, loss)
    known = quick(model, loss, path).honesty.gradient_share
    without = form in ("no gradient", "item", "numpy", "inference")
    assert run.honesty.gradient_share == (None if without else known) and known is not None


def test_a_metric_has_a_surface_and_no_hessian_plane(problem):
    x, y = problem
    model, calls = net(), []

    def accuracy(m):
        calls.append(1)
        return (m(x).argmax(1) == y).float().mean()

    run = quick(model, accuracy, path_of(model))
    surface_is(run, model, accuracy)
    assert run.honesty.gradient_share is None
    calls.clear()
    with pytest.raises(tv.BadInput, match="Hessian plane needs gradients"):
        quick(model, accuracy, plane="hessian")
    assert len(calls) < 10  # before the scan


class NoBackward(torch.autograd.Function if hasattr(torch, "autograd") else object):
    @staticmethod
    def forward(ctx, x):
        return x.sin()


def test_what_cannot_be_differentiated_is_still_drawn(problem):
    x, _ = problem
    model = net()

    def loss(m):
        return NoBackward.apply(m(x)).square().mean()

    run = quick(model, loss)
    surface_is(run, model, loss)
    assert run.honesty.gradient_share is None


def test_a_loss_that_differentiates_inside():
    model = nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1))
    t = torch.linspace(0, 1, 20)[:, None].requires_grad_()

    def residual(m):
        slope = torch.autograd.grad(m(t).sum(), t, create_graph=True)[0]
        return (slope + m(t)).square().mean() + (m(t[:1]) - 1).square().mean()

    run = quick(model, residual, path_of(model))
    surface_is(run, model, residual)
    assert run.honesty.gradient_share is not None and t.grad is None


def test_batches_are_averaged(problem):
    x, y = problem
    model = net()
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=12, shuffle=True)
    run = quick(model, lambda m, batch: entropy(*batch)(m), path_of(model), data=loader)
    surface_is(run, model, entropy(x, y))
    whole = quick(model, entropy(x, y), path_of(model))
    assert np.isclose(run.honesty.gradient_share, whole.honesty.gradient_share, rtol=1e-4)
    named = [{"x": x[:24], "y": y[:24]}, {"x": x[24:], "y": y[24:]}]
    surface_is(quick(model, lambda m, b: entropy(b["x"], b["y"])(m), data=iter(named)), model, entropy(x, y))
    for bad in ([], iter([])):
        with pytest.raises(tv.BadInput, match="no batch"):
            quick(model, lambda m, b: 0.0, data=bad)
    with pytest.raises(tv.BadInput, match="must give batches"):
        quick(model, lambda m, b: 0.0, data=3)


@pytest.mark.parametrize("source", ["torch", "numpy", "python", "own torch", "own numpy", "module"])
def test_randomness_is_held_and_given_back(problem, source):
    x, y = problem
    model = net()
    own_torch, own_numpy = torch.Generator().manual_seed(3), np.random.default_rng(3)
    if source == "module":
        model.generator = own_torch
    draw = {"torch": lambda: torch.randn(1), "numpy": lambda: float(np.random.randn()), "python": random.random,
            "own torch": lambda: torch.randn(1, generator=own_torch), "own numpy": own_numpy.normal,
            "module": lambda: torch.randn(1, generator=model.generator)}[source]

    def loss(m):
        return entropy(x, y)(m) + draw() * m[0].weight.sum()

    def states():
        return [torch.get_rng_state().tolist(), repr(np.random.get_state()), random.getstate(),
                own_torch.get_state().tolist(), own_numpy.bit_generator.state]

    before = states()
    run = quick(model, loss)
    assert states() == before
    assert np.ptp(run.arrays["U"] - quick(model, loss).arrays["U"]) == 0


def test_data_that_move_on_are_refused_at_the_start(problem):
    model, batches = net(), iter([torch.randn(8, 3) for _ in range(500)])
    with pytest.raises(tv.BadInput, match="two values at one point.*data="):
        quick(model, lambda m: m(next(batches)).square().mean())
    assert len(list(batches)) > 480


def test_a_complex_loss_is_refused_at_the_start(problem):
    with pytest.raises(tv.BadInput, match="real number"):
        quick(net(), lambda m: torch.complex(m(problem[0]).mean(), torch.ones(())))


class Busy(nn.Module):
    """Keeps whatever a forward can keep."""

    def __init__(self):
        super().__init__()
        self.inner, self.norm, self.out = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
        self.register_buffer("mean", torch.zeros(4))
        self.calls, self.outputs, self.cache, self.h = 0, [], {}, None
        self.trace = np.zeros(4)
        hooked = self.hooked = []
        self.inner.register_forward_hook(lambda module, given, out: hooked.append(out.detach()))

    def forward(self, x):
        z = self.norm(self.inner(x))
        self.mean = 0.9 * self.mean + 0.1 * z.mean(0).detach()
        self.calls += 1
        self.outputs.append(z)
        self.cache["last"] = z
        self.trace += z.detach().mean(0).numpy()
        self.h = z.detach() if self.h is None else 0.5 * self.h + z.detach()
        self.late = self.h.mean()
        return self.out(z - self.mean + 0.1 * self.h) * (1 + 0.01 * self.calls) + float(self.trace.mean())


def kept(model):
    return {key: value for key, value in vars(model).items() if not key.startswith("_")}


@pytest.mark.parametrize("training", [True, False])
def test_whatever_forward_keeps_is_as_before(problem, training):
    x, y = problem
    model = Busy().train(training)
    entropy(x, y)(model).backward()
    fresh = copy.deepcopy(Busy().train(training))
    fresh.load_state_dict(model.state_dict())
    for name in ("calls", "h", "trace"):
        setattr(fresh, name, copy.deepcopy(getattr(model, name)))
    tensors = [t.clone() for t in model.state_dict().values()]
    objects = {key: (value, copy.copy(value)) for key, value in kept(model).items()}
    gradients = [(p.grad, p.grad.clone()) for p in model.parameters()]
    run = quick(model, entropy(x, y))
    assert all(torch.equal(a, b) for a, b in zip(tensors, model.state_dict().values(), strict=True))
    assert kept(model).keys() == objects.keys()
    for key, value in kept(model).items():
        assert value is objects[key][0], key
        same = np.array_equal if isinstance(value, np.ndarray) else lambda a, b: len(a) == len(b)
        assert not isinstance(value, (list, dict, np.ndarray)) or same(value, objects[key][1]), key
    assert all(p.grad is g and torch.equal(g, v) for p, (g, v) in zip(model.parameters(), gradients, strict=True))
    surface_is(run, fresh, entropy(x, y))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.complex64])
def test_any_number_type(dtype):
    torch.manual_seed(0)
    model = nn.Linear(3, 2, dtype=dtype)
    x = torch.randn(20, 3).to(dtype)
    before = copy.deepcopy(model.state_dict())
    run = quick(model, lambda m: m(x).abs().square().mean().float() if dtype.is_complex else m(x).square().mean())
    assert run.spec.d == (16 if dtype.is_complex else 8) and np.isfinite(run.arrays["U"]).all()
    assert all(torch.equal(before[k], v) and v.dtype == dtype for k, v in model.state_dict().items())
    if dtype.itemsize == 2:
        with pytest.raises(tv.BadInput, match="half-precision"):
            quick(model, lambda m: m(x).square().mean(), plane="hessian")


def test_tied_parameters_count_once(problem):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.b(torch.tanh(self.a(x)))

    model = Tied()
    run = quick(model, entropy(*problem))
    surface_is(run, model, entropy(*problem))
    assert run.spec.d == 15 and model.a.weight is model.b.weight


@pytest.mark.parametrize("made, words", [
    (lambda: nn.Sequential(nn.LazyLinear(3)), "lazy"), (lambda: nn.Linear(3, 2, device="meta"), "meta device")])
def test_parameters_without_values_get_one_sentence(made, words):
    for ask in (lambda: tv.Recorder(made()), lambda: tv.explore(made(), lambda m: 0.0)):
        with pytest.raises(tv.BadInput, match=words):
            ask()


def test_autocast_and_inference_mode_outside_change_nothing(problem):
    model, loss = net(), entropy(*problem)
    plain = quick(model, loss, path_of(model))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = quick(model, loss, path_of(model))
    with torch.no_grad():
        without = quick(model, loss, path_of(model))
    with torch.inference_mode():
        inside = quick(model, loss, path_of(model))
    assert len({plain.id, cast.id, without.id, inside.id}) == 1
    assert without.honesty.gradient_share == plain.honesty.gradient_share


def test_the_hessian_plane_beyond_a_thousand_parameters(problem):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 60), nn.Tanh(), nn.Linear(60, 30), nn.Tanh(), nn.Linear(30, 2)).double()
    x, y = problem[0].double(), problem[1]
    run = quick(model, entropy(x, y), plane="hessian")
    flat = nn.utils.parameters_to_vector(model.parameters()).detach()
    names, sizes = zip(*[(n, p.shape) for n, p in model.named_parameters()], strict=True)

    def at(vector):
        parts = torch.split(vector, [s.numel() for s in sizes])
        given = {n: part.reshape(s) for n, part, s in zip(names, parts, sizes, strict=True)}
        return functional.cross_entropy(torch.func.functional_call(model, given, (x,)), y)

    top = torch.linalg.eigh(torch.autograd.functional.hessian(at, flat))[1][:, -2:].numpy()
    assert np.linalg.svd(top.T @ np.stack([run.plane.u, run.plane.v], 1))[1].min() > 0.999


def test_a_flat_landscape_is_shown(problem, tmp_path):
    run = quick(net(), lambda m: functional.relu(m(problem[0]) - 1e6).mean() + 0.7)
    assert np.ptp(run.arrays["U"]) == 0 and run.surface.basins.n == 1
    run.figure(), run.figure(figure="contour"), run._repr_html_(), run.to_html(tmp_path / "flat.html")
