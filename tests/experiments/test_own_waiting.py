"""Who waits for `explore`: a bar where there is somebody to see it, and Ctrl-C, after which all is as before."""

import io
import os
import signal
import sys

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.experiments.own.listening import PATIENCE, Bar

torch = pytest.importorskip("torch")
nn = torch.nn


@pytest.fixture(autouse=True)
def interruptible():
    """Ctrl-C is heard as at a terminal: what is started in the background, as tests may be, ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def a_terminal(monkeypatch):
    """In place of the error stream; called in the test itself, since pytest takes streams back after fixtures."""
    made = Terminal()
    monkeypatch.setattr(sys, "stderr", made)
    return made


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))


def clock(seconds):
    """One that stands at each of these in turn, then at the last."""
    told = list(seconds)
    return lambda: told.pop(0) if len(told) > 1 else told[0]


def test_a_bar_comes_when_the_wait_is_long_and_names_the_stage(monkeypatch):
    terminal = a_terminal(monkeypatch)
    bar = Bar(clock([0.0, PATIENCE / 2, PATIENCE + 1]))
    bar(0.1, "slice")
    assert not terminal.getvalue()
    bar.tick()
    bar(0.5, "surface")
    bar(0.9, "honesty")
    bar.close(whole=True)
    said = terminal.getvalue()
    assert "slice" in said and "honesty: 100%" in said and "1 losses" in said


def test_where_nobody_looks_no_bar_is_made(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    bar = Bar(clock([0.0, PATIENCE + 1]))
    bar(0.5, "surface")
    bar.close(whole=False)
    assert not sys.stderr.getvalue()


@pytest.mark.parametrize("progress, seen", [(None, True), (True, True), (False, False)])
def test_explore_shows_its_bar_unless_it_is_silenced(net, monkeypatch, progress, seen):
    terminal = a_terminal(monkeypatch)
    monkeypatch.setattr("thermoviz.experiments.own.listening.PATIENCE", 0.0)
    tv.explore(net, lambda m: m(torch.ones(8, 3)).mean() ** 2, resolution=9, tolerance=0, progress=progress)
    said = terminal.getvalue()
    assert "honesty: 100%" in said if seen else not said


def test_a_callable_hears_what_it_heard(net, monkeypatch):
    terminal = a_terminal(monkeypatch)
    told = []
    tv.explore(net, lambda m: m(torch.ones(8, 3)).mean() ** 2, resolution=9, tolerance=0,
               progress=lambda fraction, stage, partial: told.append((fraction, stage)))
    assert told[0] == (0.0, "slice") and told == sorted(told, key=lambda one: one[0])
    assert {stage for _, stage in told} == {"slice", "surface", "honesty"}
    assert not terminal.getvalue()


def test_progress_that_cannot_be_told_is_refused_before_the_work(net):
    with pytest.raises(tv.BadInput, match="progress"):
        tv.explore(net, lambda m: pytest.fail("asked"), progress="yes")


def interrupting(x, after):
    """A loss at whose call number `after` somebody presses Ctrl-C."""
    calls = []

    def loss(model):
        calls.append(None)
        if len(calls) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return model(x).square().mean()

    return loss


@pytest.mark.parametrize("after", [1, 2, 100, 1200])
def test_ctrl_c_leaves_the_module_as_it_was_and_keeps_what_there_was(net, tmp_path, after):
    x = torch.randn(16, 3)
    net(x).sum().backward()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in net.parameters()]
    state, numpys = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(KeyboardInterrupt) as stopped:
        tv.explore(net, interrupting(x, after), resolution=41, tolerance=1e-12, extent=(-1, 1, -1, 1))
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert all(torch.equal(one, parameter.grad) for one, parameter in zip(gradients, net.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state()) and (numpys == np.random.get_state()[1]).all()  # noqa: NPY002
    assert net.training and all(parameter.requires_grad for parameter in net.parameters())
    run = stopped.value.run
    if after < 3:
        assert run is None
        return
    assert run.numbers["interrupted"] and run.plane.d == 29
    if after < 1000:
        return
    assert run.surface.E.shape == (21, 21)  # of the 41 x 41 that were asked for
    assert "".join(map(str, stopped.value.args)).endswith("sys.last_value.run).")
    opened = tv.open_run(run.save(tmp_path / "part.safetensors"))
    assert np.array_equal(opened.arrays["U"], run.arrays["U"]) and opened.numbers["interrupted"]


def test_a_surface_in_two_parts_is_the_same_as_without_an_interruption(net):
    x = torch.randn(16, 3)
    whole = tv.explore(net, lambda m: m(x).square().mean(), resolution=41, tolerance=1e-12, extent=(-1, 1, -1, 1))
    with pytest.raises(KeyboardInterrupt) as stopped:
        tv.explore(net, interrupting(x, 1200), resolution=41, tolerance=1e-12, extent=(-1, 1, -1, 1))
    assert np.array_equal(stopped.value.run.arrays["U"], whole.arrays["U"][::2, ::2])
