"""Directions without biases and norm layers, beside planes constructed by hand as Li et al. 2018 do."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.landscape.planes import Plane

torch = pytest.importorskip("torch")
nn = torch.nn
SHOWN = {"resolution": 17, "tolerance": 0}


@pytest.fixture
def x():
    torch.manual_seed(3)
    return torch.randn(32, 3, dtype=torch.float64)


@pytest.fixture
def net():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Unflatten(1, (2, 2)), nn.LayerNorm((2, 2)),
                         nn.Flatten(), nn.Linear(4, 2)).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made


@pytest.fixture
def loss(x):
    return lambda model: (model(x) - x[:, :2] ** 2).square().mean()


def weights(net):
    """Li's rule by hand: True for the two matrices of the linear layers only."""
    linear = ("0.weight", "6.weight")
    return np.concatenate([np.full(one.numel(), name in linear) for name, one in net.named_parameters()])


def path_of(net, loss):
    recorder = tv.Recorder(net, every=1)
    optimiser = torch.optim.Adam(net.parameters(), 0.03)
    for _ in range(12):
        optimiser.zero_grad()
        loss(net).backward()
        optimiser.step()
        recorder.step()
    return recorder.path


def test_random_directions_are_as_long_as_each_filter_and_zero_elsewhere(net, loss):
    theta = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    plane = tv.explore(net, loss, plane="random", layers="weights", **SHOWN).plane
    assert np.array_equal(plane.origin, theta)
    for axis, tick in ((plane.u, plane.tick_scale[0]), (plane.v, plane.tick_scale[1])):
        assert not axis[~weights(net)].any()
        for rows in (*np.arange(12).reshape(4, 3), *np.flatnonzero(weights(net))[12:].reshape(2, 4)):
            assert np.isclose(np.linalg.norm(axis[rows]) * tick, np.linalg.norm(theta[rows]))


def test_principal_axes_are_those_of_the_weights_alone(net, loss):
    path, mask = path_of(net, loss), weights(net)
    run = tv.explore(net, loss, path, layers="weights", **SHOWN)
    centred = path - path.mean(0)
    axes = np.linalg.svd(centred[:, mask], full_matrices=False)[2][:2]
    for axis, direct in zip((run.plane.u, run.plane.v), axes, strict=True):
        assert not axis[~mask].any() and np.isclose(abs(axis[mask] @ direct), 1, atol=1e-9)
    assert np.allclose(run.plane.origin, path.mean(0), atol=1e-12)
    inside = np.sum((centred[:, mask] @ axes.T) ** 2)
    assert np.isclose(run.plane.explained, inside / np.sum(centred**2), rtol=1e-9)
    assert np.isclose(run.honesty.explained, run.plane.explained, rtol=1e-6)
    assert run.numbers["layers"] == "weights"


def test_the_surface_is_the_loss_with_biases_and_norms_at_the_origin(net, loss):
    path = path_of(net, loss)
    run = tv.explore(net, loss, path, layers="weights", **SHOWN)
    u, v = run.arrays["xs"][3], run.arrays["ys"][11]
    nn.utils.vector_to_parameters(torch.as_tensor(run.plane.embed([u, v])), net.parameters())
    assert np.isclose(run.arrays["U"][3, 11], float(loss(net).detach()), rtol=1e-6)


def test_stiff_directions_are_those_of_the_weights_block(net, loss):
    theta, mask = nn.utils.parameters_to_vector(net.parameters()).detach(), weights(net)
    names = [name for name, _ in net.named_parameters()]
    sizes = [one.shape for one in net.parameters()]

    def at(vector):
        parts = vector.split([shape.numel() for shape in sizes])
        values = {name: part.reshape(shape) for name, part, shape in zip(names, parts, sizes, strict=True)}
        return loss(lambda x: torch.func.functional_call(net, values, x))

    hessian = torch.func.hessian(at)(theta).numpy()[np.ix_(mask, mask)]
    plane = tv.explore(net, loss, plane="hessian", layers="weights", **SHOWN).plane
    direct = np.linalg.eigh(hessian)[1][:, ::-1].T[:2]
    for axis, true in zip((plane.u, plane.v), direct, strict=True):
        assert not axis[~mask].any() and np.isclose(abs(axis[mask] @ true), 1, atol=1e-5)


def test_the_default_moves_all_and_is_what_it_was(net, loss):
    path = path_of(net, loss)
    run, named = tv.explore(net, loss, path, **SHOWN), tv.explore(net, loss, path, layers="all", **SHOWN)
    direct = Plane.pca(path)
    assert np.array_equal(run.plane.u, direct.u) and np.array_equal(run.plane.v, direct.v)
    assert run.id == named.id and "layers" not in run.numbers
    assert run.id != tv.explore(net, loss, path, layers="weights", **SHOWN).id


def test_a_path_of_biases_alone_has_a_random_plane_of_weights(net, loss):
    theta = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    path = theta + np.arange(4)[:, None] * np.where(weights(net), 0, 0.1)
    plane = tv.explore(net, loss, path, layers="weights", **SHOWN).plane
    assert not plane.u[~weights(net)].any() and not plane.v[~weights(net)].any()


@pytest.mark.parametrize("asked, said", [
    ({"layers": "biases"}, "all, weights"), ({"layers": None}, "all, weights"),
    ({"layers": "weights", "plane": "solutions"}, "given by its points")])
def test_what_cannot_be_left_out_is_refused(net, asked, said):
    with pytest.raises(tv.BadInput, match=said):
        tv.explore(net, lambda m: pytest.fail("asked"), **asked)


def test_a_model_without_weights_is_refused():
    with pytest.raises(tv.BadInput, match="fewer than two"):
        tv.explore(nn.LayerNorm(4), lambda m: pytest.fail("asked"), layers="weights")
