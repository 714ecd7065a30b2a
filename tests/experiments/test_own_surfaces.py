"""What a landscape may be: no valley is shown that the loss has not, and small ones are found below walls."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.landscape.honesty import Honesty
from thermoviz.core.landscape.planes import Plane
from thermoviz.presentation.badge import badge

torch = pytest.importorskip("torch")
nn = torch.nn


class Point(nn.Module):
    """Two parameters and any energy of them."""

    def __init__(self, energy, start=(1.0, -0.5), dtype=torch.float32):
        super().__init__()
        self.energy, self.w = energy, nn.Parameter(torch.tensor(start, dtype=dtype))

    def forward(self):
        return self.energy(*self.w)


def plane(side):
    return Plane(np.zeros(2), [1, 0], [0, 1], points=[[-side, -side], [side, side]])


def explored(energy, side=1.5, **asked):
    model = Point(energy)
    return tv.explore(model, lambda m: m(), plane=plane(side), **{"resolution": 81, **asked})


@pytest.mark.parametrize("steep", [4, 8])
def test_small_valleys_below_high_walls(steep):
    run = explored(lambda a, b: 0.05 * (a * a - 1) ** 2 + 0.05 * b * b + torch.exp(steep * b), resolution=161)
    basins = run.surface.basins
    # The pass is at a = 0, where the first term is .05, and both valleys have the same b.
    assert basins.n == 2 and np.isclose(run.surface.barrier, 0.05, rtol=1e-3)
    assert np.allclose(np.sort(basins.minima[:, 0]), [-1, 1], atol=1e-3)


@pytest.mark.parametrize("dtype, offset", [(torch.float32, 3.0), (torch.float32, 0.1)])
def test_the_last_digits_are_no_valleys(dtype, offset):
    torch.manual_seed(0)
    rough = torch.rand(64, dtype=dtype)

    def energy(a, b):  # a bowl as deep as the rounding of the numbers that are averaged
        return (offset + rough + 1e-7 * (a * a + b * b)).mean()

    for n in (41, 61):
        assert explored(energy, resolution=n).surface.basins.n <= 1


def test_a_valley_between_nodes_that_the_loss_has_not_is_named():
    def wall(a, b):  # a step of 1e4 beside a floor: the spline swings below zero before it
        return 1e4 * torch.sigmoid(400 * (a - 0.3)) + 0.01 * (a * a + b * b)

    run = explored(wall, resolution=17, tolerance=0)
    assert run.surface.minimum < -1  # what the loss never is
    assert run.honesty.verdict == "poor" and "valleys" in " ".join(run.honesty.reasons)
    said = badge(run)
    assert "not there" in said["sentence"] and "asked at the valleys" in said["more"][0]
    assert explored(lambda a, b: a * a + b * b, resolution=17).honesty.verdict == "good"


def test_around_a_point_the_box_shrinks_until_its_valleys_are_true():
    def floor(a, b):  # a bowl, and 1e5 higher beyond a rim that the first box's grid cannot show
        r = (a - 1.6) ** 2 + (b + 1.8) ** 2
        return r + 1e5 * torch.sigmoid(60 * (r - 0.3))

    model = Point(floor, start=(1.6, -1.8))
    run = tv.explore(model, lambda m: m(), resolution=21)
    basins = run.surface.basins
    assert run.numbers["zoom"] < 0.5 and run.honesty.verdict == "good"
    assert basins.n == 1 and np.allclose(run.plane.embed(basins.minima[0]), [1.6, -1.8], atol=0.02)
    assert abs(basins.energies[0] - float(floor(*model.w).detach())) < 0.01
    assert explored(lambda a, b: a * a + b * b, resolution=17).numbers["zoom"] == 1


def test_where_there_are_no_numbers_is_a_hole():
    run = explored(lambda a, b: torch.log(a + 0.7) ** 2 + b * b, resolution=41)
    U, xs = run.arrays["U"], run.arrays["xs"]
    assert np.isnan(U[xs < -0.7]).all() and np.isfinite(U[xs > -0.7]).all()
    assert run.surface.basins.n == 1 and abs(run.surface.basins.minima[0, 0] - 0.3) < 0.01


def test_a_loss_without_any_number_gets_one_sentence():
    with pytest.raises(tv.BadInput):
        explored(lambda a, b: (a + b) * float("nan"), resolution=17)


def test_what_a_slice_cannot_show_is_told_beside_it():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    x = torch.randn(32, 3)
    states = [torch.cat([(tensor + k * 0.1 * ("weight" in name)).detach().ravel()
                         for name, tensor in model.named_parameters()]) for k in range(5)]

    @torch.no_grad()
    def error(model):
        return model(x).square().mean().item()

    run = tv.explore(model, error, states, resolution=17, tolerance=0)
    more = " ".join(badge(run)["more"])
    assert run.honesty.notes == ("straight", "buffers unknown")
    for told in ("second direction of this plane is a random one", "without the model's buffers",
                 "How much of the gradient lies in this plane is not known: loss_fn"):
        assert told in more
    assert run.honesty.gradient_share is None and ".." not in more
    assert Honesty.from_json(run.honesty.to_json()) == run.honesty


def test_a_recorder_knows_the_buffers_and_what_moves_is_told():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    x = torch.randn(32, 3)
    recorder = tv.Recorder(model, every=1)
    for _ in range(6):
        model(x).square().mean().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad * torch.rand_like(parameter)
        recorder.step()
    run = tv.explore(model.eval(), lambda m: m(x).square().mean(), recorder, resolution=17, tolerance=0)
    assert run.honesty.notes == ("buffers moved",) and "moved along the paths" in " ".join(badge(run)["more"])


def test_where_there_is_nothing_to_add_nothing_is_written():
    run = explored(lambda a, b: a * a + b * b, resolution=17)
    assert run.honesty.notes == () and not {"notes", "without_gradient"} & run.numbers["honesty"].keys()
