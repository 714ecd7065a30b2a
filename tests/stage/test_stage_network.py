"""The network under the pointer: what the browser computes for a point of the slice, against NetworkLoss."""

from types import SimpleNamespace

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.runs.record import Sample
from thermoviz.stage.payload import _network as network_message

pytestmark = pytest.mark.browser

CREATE = "const net = network.createNetwork(argument.message);"


class Case:
    """A slice through the loss of random networks, its message, and the same loss in Python on the samples sent."""

    def __init__(self, dataset, hidden, activation):
        spec = tv.DATASETS[dataset]()
        data = spec.load(0)
        mlp = tv.MLP(hidden=hidden, activation=activation)
        full = tv.NetworkLoss(mlp, data)
        generator = np.random.default_rng(3)
        origin, a, b = full.init(3, seed=1)
        self.plane = tv.Plane.through(origin + 0.1 * generator.standard_normal(full.d), a, b)
        arrays = {**Sample.of(data).write()[0], "plane_origin": self.plane.origin, "plane_u": self.plane.u,
                  "plane_v": self.plane.v}
        run_spec = SimpleNamespace(network=mlp, dataset=spec)
        self.message = network_message(SimpleNamespace(arrays=arrays, spec=run_spec))
        n = self.message["data"]["y"]["shape"][0]
        sent = tv.Dataset(data.x_train[:n], data.y_train[:n], data.task)
        self.sizes_agree = self.message["sizes"] == list(full.sizes)
        # The first samples may lack a class, so the logits' number comes from the whole problem.
        self.loss = tv.NetworkLoss(mlp, sent, dtype="float64")
        self.data, self.n = data, n
        self.points = generator.uniform(-6, 6, (12, 2))

    @property
    def thetas(self):
        return self.plane.embed(self.points)


CASES = [
    ("moons", (16, 16), "tanh"), ("spirals", (8,), "relu"), ("blobs", (), "tanh"),
    ("xor", (5, 4, 3), "gelu"), ("circles", (6, 6), "sigmoid"),
    ("sine", (12, 12), "tanh"),
    ("teacher_student", (8,), "linear"), ("linear_regression", (), "relu"),
    ("digits", (32,), "relu"), ("breast_cancer", (16,), "gelu"),
    ("wine", (8, 8), "tanh"),
]


@pytest.mark.parametrize("dataset,hidden,activation", CASES)
def test_loss_and_accuracy_agree_with_python(modules, dataset, hidden, activation):
    case = Case(dataset, hidden, activation)
    assert case.sizes_agree
    got = modules(CREATE + """
        return { points: argument.points.map(([u, v]) => [net.dataLoss(u, v), net.accuracy(u, v)]),
          d: net.d, n: net.n, theta: [...net.theta(...argument.points[0])], inputs: net.inputs };""",
                  {"message": case.message, "points": case.points.tolist()})
    values = np.array(got["points"], float)
    thetas = case.thetas
    assert got["d"] == case.loss.d and got["n"] == case.n and got["inputs"] == case.data.n_inputs
    assert np.abs(np.array(got["theta"]) - thetas[0]).max() <= 1e-5 * np.abs(thetas[0]).max()
    assert np.abs(values[:, 0] - case.loss.data_energy(thetas)).max() <= 1e-4
    # An answer may flip where two logits agree to float32.
    assert np.abs(values[:, 1] - case.loss.accuracy(thetas)).max() <= (1.01 / case.n if case.data.classes is not None
                                                                       else 1e-4)


def test_decision_regions_are_the_network_s_probabilities(modules):
    case, size = Case("moons", (16, 16), "tanh"), 9
    got = modules(CREATE + "const q = net.decision(1, -2, argument.size); return { ...q, share: q.share(1),"
                  "values: [...q.values], probabilities: [...q.probabilities] };",
                  {"message": case.message, "size": size})
    left, right, bottom, top = got["box"]
    assert left < case.data.x_train[:case.n, 0].min() and right > case.data.x_train[:case.n, 0].max()
    xs = left + (np.arange(size) + 0.5) / size * (right - left)
    ys = bottom + (np.arange(size) + 0.5) / size * (top - bottom)
    lattice = np.stack(np.meshgrid(xs, ys, indexing="xy"), axis=-1).reshape(-1, 2)
    logits = case.loss.predict(case.plane.embed(np.array([1.0, -2.0])), lattice)
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert np.abs(np.array(got["probabilities"]).reshape(-1, 2) - expected).max() < 1e-5
    assert np.abs(np.array(got["values"]) - expected[:, 1]).max() < 1e-5 and got["classes"] == 2


def test_more_than_two_classes_and_regression_have_regions_too(modules):
    winners = modules(CREATE + "const q = net.decision(0, 0, 8); return [...q.values];",
                      {"message": Case("blobs", (), "tanh").message})
    assert set(winners) <= {0, 1, 2, 3, 4, 5, 6, 7, 8, 9} and len(winners) == 64
    case = Case("sine", (12, 12), "tanh")
    curve = modules(CREATE + "const q = net.curve(1, 1, 5); return [[...q.x], [...q.y]];", {"message": case.message})
    outputs = case.loss.predict(case.plane.embed(np.ones(2)), np.array(curve[0])[:, None])[:, 0]
    assert np.abs(np.array(curve[1]) - outputs).max() < 1e-5


def test_answers_show_the_samples_in_their_own_units(modules):
    case = Case("digits", (32,), "relu")
    got = modules(CREATE + "return { pictures: net.pictures, answers: net.answers(0.5, 0.5, 9) };",
                  {"message": case.message})
    assert got["pictures"] and len(got["answers"]) == 9
    rows = [k * case.n // 9 for k in range(9)]
    raw = case.data.raw(case.data.x_train[rows])
    logits = case.loss.predict(case.plane.embed(np.full(2, 0.5)), case.data.x_train[rows])
    for answer, pixels, target, row in zip(got["answers"], raw, case.data.y_train[rows], logits, strict=True):
        assert np.abs(np.array(answer["x"]) - pixels).max() < 1e-4 and answer["target"] == target
        assert answer["answer"] == int(np.argmax(row)) and 0 < answer["probability"] <= 1


def test_large_networks_are_left_out():
    arrays = {"plane_u": np.ones(5001), "data_x": np.ones((3, 2), np.float32)}
    assert network_message(SimpleNamespace(arrays=arrays, spec=None)) is None
