"""Own models: the recorded path is the path, the surface is the model's loss, and the model is left as it was."""

import copy

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.landscape.planes import Plane
from thermoviz.experiments.own.module_loss import ModuleLoss
from thermoviz.experiments.own_model import OwnModel

torch = pytest.importorskip("torch")


@pytest.fixture
def problem():
    torch.manual_seed(0)
    x = torch.randn(60, 2)
    return x, (x[:, :1] * x[:, 1:] > 0).float()


def make_model():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))


def loss_on(x, y):
    return lambda model: torch.nn.functional.binary_cross_entropy_with_logits(model(x), y)


def trained(model, x, y, steps=60, every=5):
    rec, optimiser = tv.Recorder(model, every=every), torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(steps):
        optimiser.zero_grad()
        loss_on(x, y)(model).backward()
        optimiser.step()
        rec.step()
    return rec


def vector(model):
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()


def state_of(model):
    return ([t.clone() for t in model.state_dict().values()],
            [None if p.grad is None else p.grad.clone() for p in model.parameters()],
            [m.training for m in model.modules()], torch.get_rng_state())


def same(one, other):
    tensors, gradients, modes, state = zip(one, other, strict=True)
    return (all(torch.equal(a, b) for a, b in zip(*tensors, strict=True))
            and all((a is None and b is None) or torch.equal(a, b) for a, b in zip(*gradients, strict=True))
            and modes[0] == modes[1] and torch.equal(*state))


def test_recorder_keeps_start_every_tenth_step_and_the_end():
    model = make_model()
    rec = tv.Recorder(model, every=10)
    expected = [vector(model)]
    for step in range(1, 35):
        with torch.no_grad():
            model[0].weight += 1
        rec.step()
        if step % 10 == 0 or step == 34:
            expected.append(vector(model))
    assert rec.steps.tolist() == [0, 10, 20, 30, 34]
    assert np.array_equal(rec.path, expected)


def test_recorder_thins_instead_of_growing():
    model = make_model()
    d = vector(model).size
    rec = tv.Recorder(model, every=1, max_bytes=4 * d * 20)
    for step in range(1, 1001):
        with torch.no_grad():
            model[2].bias.fill_(step)
        rec.step()
    assert len(rec.path) <= 22 and rec.every == 64
    assert np.array_equal(rec.path[1:, -1], rec.steps[1:])  # each record is of the step that it claims
    assert rec.steps[0] == 0 and rec.steps[-1] == 1000
    with pytest.raises(tv.BadInput, match="too many to record"):
        tv.Recorder(model, max_bytes=4 * d * 15)


@pytest.mark.parametrize("plane", ["pca", "random", "hessian"])
def test_surface_is_the_loss_on_the_plane_and_the_model_is_left_alone(problem, plane):
    model, loss_fn = make_model(), loss_on(*problem)
    rec = trained(model, *problem)
    before = state_of(model)
    run = tv.explore(model, loss_fn, trajectory=rec, plane=plane, resolution=17, tolerance=0, seed=3)
    assert same(before, state_of(model))
    assert run.kind == "own_model" and run.arrays["U"].shape == (17, 17)
    for i, j in ((0, 0), (3, 11), (16, 5)):
        theta = run.plane.embed([run.arrays["xs"][i], run.arrays["ys"][j]])
        other = copy.deepcopy(model)
        torch.nn.utils.vector_to_parameters(torch.tensor(theta, dtype=torch.float32), other.parameters())
        # The grid is kept in float32 and so is the model: a few units in the last place of sums over 60 samples.
        assert np.isclose(run.arrays["U"][i, j], float(loss_fn(other).detach()), rtol=1e-5)
    assert np.isclose(run.arrays["losses"][-1, 0], float(loss_fn(model).detach()), rtol=1e-6)
    assert run.arrays["steps"].tolist() == rec.steps.tolist()
    assert np.allclose(run.arrays["paths_u"][:, 0], run.plane.project(rec.path), rtol=1e-5, atol=1e-6)
    assert run.honesty.d == run.numbers["d"] == vector(model).size
    assert (run.honesty.explained is not None) == (plane == "pca")


def test_gradients_agree_with_finite_differences(problem):
    model = make_model().double()
    loss = ModuleLoss(model, loss_on(*(part.double() for part in problem)))
    theta, h = loss.theta.astype(float), 1e-5
    slope = [(loss(theta + h * e) - loss(theta - h * e)) / (2 * h) for e in np.eye(loss.d)]
    assert np.abs(loss.force(theta) + slope).max() < 1e-9  # h^2 times a third derivative of order 1
    assert loss(np.stack([theta, theta])[None]).shape == (1, 2)


def test_dropout_and_batch_norm_are_held_still(problem):
    x, y = problem
    model = torch.nn.Sequential(torch.nn.Linear(2, 6), torch.nn.BatchNorm1d(6), torch.nn.ReLU(),
                                torch.nn.Dropout(0.3), torch.nn.Linear(6, 1))
    model[0].weight.requires_grad_(True)
    loss_on(x, y)(model).backward()
    before = state_of(model)
    loss = ModuleLoss(model, loss_on(x, y))
    theta = loss.theta
    assert loss(theta) == loss(theta)
    loss.force(theta)
    assert same(before, state_of(model))


def test_a_closure_that_calls_backward_itself(problem):
    model, loss_fn = make_model(), loss_on(*problem)

    def closure():
        model.zero_grad()
        value = loss_fn(model)
        value.backward()
        return value

    closure()
    before = state_of(model)
    theirs, ours = ModuleLoss(model, closure), ModuleLoss(model, loss_fn)
    theta = ours.theta + 0.1
    assert theirs(theta) == ours(theta) and np.array_equal(theirs.force(theta), ours.force(theta))
    assert same(before, state_of(model))


def test_the_model_is_restored_after_an_error(problem):
    model, calls = make_model(), []

    def failing(_):
        calls.append(1)
        if len(calls) > 20:
            raise KeyError("their own mistake")
        return loss_on(*problem)(model)

    before = state_of(model)
    with pytest.raises(tv.BadInput, match="KeyError: 'their own mistake'"):
        tv.explore(model, failing, plane="random", resolution=17)
    assert same(before, state_of(model))


def test_frozen_parameters_stay_out(problem):
    model = make_model()
    model[0].requires_grad_(False)
    loss = ModuleLoss(model, loss_on(*problem))
    assert loss.d == 6 and np.array_equal(loss.theta, vector(model)[-6:])


def test_filters_are_what_enters_a_unit():
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 2), torch.nn.Flatten(), torch.nn.Linear(3, 4))
    loss = ModuleLoss(model, lambda m: m(torch.ones(1, 2, 2, 2)).square().mean())
    plane = Plane.random(loss.theta, loss, seed=0)
    shown = torch.as_tensor(plane.v * plane.tick_scale[1])
    twin = copy.deepcopy(model).double()
    torch.nn.utils.vector_to_parameters(shown, twin.parameters())
    for direction, parameter in zip(twin.parameters(), model.parameters(), strict=True):
        axes = tuple(range(1, parameter.ndim)) if parameter.ndim > 1 else (0,)
        lengths = [torch.linalg.vector_norm(one.float(), dim=axes) for one in (direction, parameter)]
        assert torch.allclose(*lengths, rtol=1e-5)


def test_a_diverged_path_is_shown_up_to_there(problem):
    model = make_model()
    path = np.cumsum(np.random.default_rng(0).normal(size=(12, vector(model).size)), axis=0)
    path[8:] = np.nan
    run = tv.explore(model, loss_on(*problem), trajectory=path, resolution=17)
    assert len(run.arrays["steps"]) == 8 and run.arrays["diverged_at"].tolist() == [8]


def test_a_plane_of_ones_own_and_settings_in_the_identity(problem):
    model, loss_fn = make_model(), loss_on(*problem)
    theta = vector(model)
    own = Plane(theta, *np.eye(theta.size)[:2], points=[[-1, -1], [1, 1]])
    run = tv.explore(model, loss_fn, plane=own, resolution=17)
    assert run.spec.plane is None and np.array_equal(run.plane.u, own.u)
    assert tv.explore(model, loss_fn, plane=own, resolution=17).id == run.id
    assert tv.explore(model, loss_fn, plane=own, resolution=17, margin=0.5).id != run.id


@pytest.mark.parametrize("arguments, words", [
    (dict(model=3), "torch.nn.Module"), (dict(loss_fn=3), "function"), (dict(plane="sideways"), "plane"),
    (dict(trajectory=np.zeros((4, 3))), r"\[T, 21\]"), (dict(trajectory=np.full((4, 21), np.nan)), "outside"),
    (dict(loss_fn=lambda model: model(torch.ones(3, 2))), "single number"), (dict(plane="noise"), "no samples"),
    (dict(model=torch.nn.ReLU()), "trainable"), (dict(plane="solutions"), "3 replicas"),
    (dict(plane="pca"), "span no plane"),
])
def test_what_cannot_be_explored_gets_one_sentence(problem, arguments, words):
    asked = dict(model=make_model(), loss_fn=loss_on(*problem), plane="random") | arguments
    with pytest.raises(tv.BadInput, match=words):
        tv.explore(**asked)


def test_bad_intervals_and_recomputation_are_refused():
    with pytest.raises(tv.BadInput, match="every"):
        tv.Recorder(make_model(), every=0)
    with pytest.raises(tv.BadInput, match="tv.explore"):
        tv.run(OwnModel("0" * 64, 21))


def test_a_saved_landscape_opens_again_and_exports(tmp_path):
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    x = torch.randn(40, 2)
    recorder = tv.Recorder(model, every=1)
    optimiser = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(30):
        optimiser.zero_grad()
        ((model(x) - x.prod(1, keepdim=True)) ** 2).mean().backward()
        optimiser.step()
        recorder.step()
    run = tv.explore(model, lambda m: ((m(x) - x.prod(1, keepdim=True)) ** 2).mean(), recorder, resolution=21)
    opened = tv.open_run(run.save(tmp_path / "own.safetensors"))
    assert opened.id == run.id and opened.surface.barrier == run.surface.barrier
    assert opened.arrays["steps"].dtype == np.int32  # whatever a recorder counts with
    run.to_html(tmp_path / "own.html")
    assert "<canvas" in (tmp_path / "own.html").read_text() or "createElement" in (tmp_path / "own.html").read_text()
