"""Points of a landscape in batches, where the module allows it: the same numbers as one by one, and nothing left."""

import copy

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.experiments.own import module_loss
from thermoviz.experiments.own.module_loss import ModuleLoss

torch = pytest.importorskip("torch")
nn = torch.nn
F = nn.functional


class Tied(nn.Module):
    """One matrix in two places."""

    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(6, 6), nn.Linear(6, 6, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x):
        return self.out(self.embed((x[:, 0] > 0).long()))


class Branching(nn.Module):
    """Looks at its numbers: no batch of points can."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 6)

    def forward(self, x):
        out = self.net(x)
        return out * 2 if out.mean().item() > 0 else out


class Counting(nn.Module):
    """Keeps what it gave and how often it was asked."""

    def __init__(self):
        super().__init__()
        self.net, self.calls, self.kept = nn.Linear(4, 6), 0, []

    def forward(self, x):
        self.calls += 1
        self.kept.append(self.net(x))
        return self.kept[-1]


def plain():
    return nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 6))


def normed():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 6))


MODULES = {"plain": (plain, True), "batch norm in eval mode": (lambda: normed().eval(), True),
           "double": (lambda: plain().double(), True), "tied": (Tied, True), "counting": (Counting, True),
           "batch norm in train mode": (normed, False), "branching": (Branching, False)}


@pytest.mark.parametrize("name", MODULES)
def test_batches_are_what_single_points_are(name):
    make, batched = MODULES[name]
    torch.manual_seed(0)
    model = make()
    x = torch.randn(32, 4).to(next(model.parameters()).dtype)
    y = torch.randint(0, 6, (32,))
    state, attributes = copy.deepcopy(model.state_dict()), dict(model.__dict__)
    objects = [id(one) for one in model.parameters()]

    def loss_fn(module):
        return F.cross_entropy(module(x), y) + 1e-3 * sum((one**2).sum() for one in module.parameters())

    loss = ModuleLoss(model, loss_fn)
    points = loss.theta + np.random.default_rng(1).standard_normal((150, loss.d)) * 0.3
    with loss.held():
        found = loss(points)
        assert bool(loss._at_once) == batched
        single = np.array([loss(point) for point in points])
    assert np.allclose(found, single, rtol=1e-5, atol=0)
    assert all(torch.equal(model.state_dict()[key], state[key]) for key in state)
    assert [id(one) for one in model.parameters()] == objects and model.__dict__ == attributes
    assert not getattr(model, "kept", []) and not getattr(model, "calls", 0)


def test_what_is_random_is_the_same_in_a_batch():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    x = torch.randn(32, 4)
    loss = ModuleLoss(model, lambda m: m(x).square().mean())
    points = loss.theta + np.random.default_rng(1).standard_normal((30, loss.d))
    with loss.held():
        assert np.allclose(loss(points), [loss(point) for point in points], rtol=1e-5, atol=0)


def test_a_batch_that_is_wrong_is_not_believed(monkeypatch):
    model = plain()
    x = torch.randn(16, 4)
    loss = ModuleLoss(model, lambda m: m(x).square().mean())
    monkeypatch.setattr(module_loss, "together", lambda model, parameters, batch, value: np.full(len(batch), 7.0))
    points = loss.theta + np.random.default_rng(1).standard_normal((20, loss.d))
    with loss.held():
        found = loss(points)
        assert not loss._at_once and np.array_equal(found, [loss(point) for point in points])


def test_the_surface_needs_few_calls():
    torch.manual_seed(0)
    model, x, calls = plain(), torch.randn(32, 4), []

    def loss_fn(module):
        calls.append(1)
        return module(x).square().mean()

    run = tv.explore(model, loss_fn, resolution=41, tolerance=0)
    # 1681 nodes in batches of 64 or less, each with one point beside; the rest is path, identity and honesty.
    assert run.arrays["U"].size == 1681 and len(calls) < 500
