"""Networks that people train, in their own loops: recorded, explored, saved and opened; the surface is their loss."""

import copy

import numpy as np
import pytest

import thermoviz as tv

torch = pytest.importorskip("torch")
nn = torch.nn
F = nn.functional


class Encoder(nn.Module):
    """A transformer of two layers that says which digit of a sequence is the largest."""

    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Embedding(10, 16), nn.Parameter(0.1 * torch.randn(6, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(16, 10)

    def forward(self, x):
        return self.out(self.layers(self.embed(x) + self.place).mean(1))


class Reader(nn.Module):
    """An LSTM that says the parity of a sequence's sum."""

    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(1, 12, batch_first=True), nn.Linear(12, 2)

    def forward(self, x):
        return self.out(self.lstm(x[..., None].float())[0][:, -1])


def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    x = torch.tensor(found.images[:256], dtype=torch.float32)[:, None] / 16
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(128, 10))
    return model, x, torch.tensor(found.target[:256])


def largest():
    x = torch.randint(0, 10, (96, 6))
    return Encoder(), x, x.max(1).values


def parity():
    x = torch.randint(0, 2, (96, 5))
    return Reader(), x, x.sum(1) % 2


def million():
    y = torch.randint(10, (512,))
    x = torch.randn(10, 1, 28, 28)[y] + torch.randn(512, 1, 28, 28)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
                          nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(),
                          nn.Linear(32 * 7 * 7, 620), nn.ReLU(), nn.Linear(620, 10))
    return model, x, y


@pytest.mark.parametrize("make, rate", [
    (digits, 0.1), (largest, 0.1), (parity, 0.3), pytest.param(million, 0.05, marks=pytest.mark.slow)])
def test_a_network_from_its_own_loop_to_a_file(make, rate, tmp_path):
    torch.manual_seed(0)
    model, x, y = make()
    recorder = tv.Recorder(model, every=5)
    optimiser = torch.optim.SGD(model.parameters(), rate, momentum=0.9)
    model.train()
    for _ in range(60):
        chosen = torch.randperm(len(x))[:64]
        optimiser.zero_grad()
        F.cross_entropy(model(x[chosen]), y[chosen]).backward()
        optimiser.step()
        recorder.step()
    model.eval()

    def loss_fn(module):
        return F.cross_entropy(module(x), y)

    run = tv.explore(model, loss_fn, recorder, progress=False)
    surface, fresh = run.surface, copy.deepcopy(model)

    def at(u):
        theta = torch.as_tensor(np.array(run.plane.embed(u)), dtype=torch.float32)
        with torch.no_grad():
            nn.utils.vector_to_parameters(theta, fresh.parameters())
            return float(loss_fn(fresh))

    draw = np.random.default_rng(7)
    i, j = (draw.integers(0, len(axis), 100) for axis in (surface.xs, surface.ys))
    nodes = [at([surface.xs[a], surface.ys[b]]) for a, b in zip(i, j, strict=True)]
    assert np.allclose(run.arrays["U"][i, j], nodes, rtol=1e-5, atol=0)
    places = np.array([[surface.xs[0], surface.ys[0]]]) + draw.random((30, 2)) * [
        np.ptp(surface.xs), np.ptp(surface.ys)]
    assert np.abs(surface(places) - [at(u) for u in places]).max() <= max(surface.error, 1e-5 * max(nodes))
    # Down on the slice where training was down: the loss at the start is that of knowing nothing.
    assert run.arrays["losses"][-1, 0] < run.arrays["losses"][0, 0]
    opened = tv.open_run(run.save(tmp_path / "own.safetensors"))
    assert opened.id == run.id and np.array_equal(opened.arrays["U"], run.arrays["U"])
    assert np.array_equal(opened.plane.u, run.plane.u) and opened.plane.u.dtype == np.float32
