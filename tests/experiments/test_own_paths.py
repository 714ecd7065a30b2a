"""Paths that people bring: whatever their form, the snapshots, steps and losses are theirs."""

import copy

import numpy as np
import pytest

import thermoviz as tv

torch = pytest.importorskip("torch")
nn = torch.nn


@pytest.fixture
def problem():
    torch.manual_seed(0)
    x = torch.randn(40, 3)
    return x, x[:, :1] * x[:, 1:2]


def net(seed=1):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def error_on(x, y):
    return lambda model: (model(x) - y).square().mean()


def trained(model, loss, steps=24, every=4, lr=0.2, recorder=None):
    """(recorder, state_dicts at the recorded steps)."""
    recorder = recorder or tv.Recorder(model, every=every)
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr)
    states = [copy.deepcopy(model.state_dict())]
    for step in range(1, steps + 1):
        optimiser.zero_grad()
        loss(model).backward()
        optimiser.step()
        recorder.step()
        if step % every == 0:
            states.append(copy.deepcopy(model.state_dict()))
    return recorder, states


def quick(model, loss, trajectory=None, **asked):
    return tv.explore(model, loss, trajectory, **{"resolution": 9, "tolerance": 0, **asked})


def test_one_path_in_every_form_is_one_path(problem, tmp_path):
    model, loss = net(), error_on(*problem)
    recorder, states = trained(model, loss)
    for k, state in enumerate(states):
        torch.save({"model_state_dict": state, "epoch": k}, tmp_path / f"{k}.pt")
    from safetensors.torch import save_file
    for k, state in enumerate(states):
        save_file(state, str(tmp_path / f"{k}.safetensors"))
    steps, whole = recorder.steps, quick(model, loss, recorder)
    vectors = [nn.utils.parameters_to_vector(list(state.values())).requires_grad_() for state in states]
    forms = [(steps, recorder.path), (steps, states), dict(zip(steps.tolist(), states, strict=True)),
             (steps, vectors), (steps, [tmp_path / f"{k}.pt" for k in range(len(states))]),
             (steps, [str(tmp_path / f"{k}.safetensors") for k in range(len(states))]),
             (steps, torch.tensor(recorder.path))]
    for form in forms:
        run = quick(model, loss, form)
        assert run.id == whole.id and run.arrays["steps"].tolist() == [0, 4, 8, 12, 16, 20, 24]
        assert np.array_equal(run.arrays["losses"], whole.arrays["losses"])


def test_several_paths_have_names_and_end_where_they_end(problem):
    models, loss = [net(k) for k in range(3)], error_on(*problem)
    lengths = {"slow": 8, "middling": 16, "fast": 24}
    paths = {name: trained(model, loss, n)[0] for model, (name, n) in zip(models, lengths.items(), strict=True)}
    run = quick(models[0], loss, paths)
    assert run.numbers["members"] == list(lengths) and run.arrays["member"].tolist() == [0, 1, 2]
    for k, (model, n) in enumerate(zip(models, lengths.values(), strict=True)):
        known = np.isfinite(run.arrays["losses"][:, k])
        assert run.arrays["steps"][known].max() == n
        assert np.isclose(run.arrays["losses"][known, k][-1], float(loss(model).detach()), rtol=1e-6)
    through = quick(models[0], loss, list(paths.values()), plane="solutions")
    last = [np.flatnonzero(np.isfinite(column))[-1] for column in through.arrays["residual"].T]
    assert max(through.arrays["residual"][row, k] for k, row in enumerate(last)) < 1e-5
    run.figure(), run._repr_html_()


@pytest.mark.parametrize("shape", ["none", "single", "identical", "straight"])
def test_what_spans_no_plane_is_completed(problem, shape):
    model, loss = net(), error_on(*problem)
    here = nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    path = {"none": None, "single": here[None], "identical": np.stack([here] * 4),
            "straight": here * np.linspace(0.5, 1, 5)[:, None]}[shape]
    run = quick(model, loss, path)
    assert np.isfinite(run.arrays["U"]).all() and run.arrays["residual"].max() < 1e-5
    assert np.isclose(run.arrays["losses"][-1, 0], float(loss(model).detach()), rtol=1e-6)
    if shape != "straight" and path is not None:
        with pytest.raises(tv.BadInput, match="span no plane"):
            quick(model, loss, path, plane="pca")


def test_restored_weights_are_no_step_of_training(problem):
    model, loss = net(), error_on(*problem)
    recorder, states = trained(model, loss, steps=22, every=4)
    end = recorder.path[-1]
    assert recorder.steps.tolist() == [0, 4, 8, 12, 16, 20, 22]
    assert np.array_equal(end, nn.utils.parameters_to_vector(model.parameters()).detach().numpy())
    model.load_state_dict(states[2])
    assert recorder.steps.tolist() == [0, 4, 8, 12, 16, 20]
    run = quick(model, loss, recorder)
    assert np.isclose(run.arrays["losses"][2, 0], float(loss(model).detach()), rtol=1e-6)


def test_layers_that_thaw_are_followed_from_the_start(problem):
    model, loss = net(), error_on(*problem)
    model[0].requires_grad_(False)
    start = copy.deepcopy(model)
    recorder, _ = trained(model, loss, 8)
    model[0].requires_grad_(True)
    trained(model, loss, 8, recorder=recorder)
    model[2].requires_grad_(False)  # frozen again at the end: it is on the path all the same
    run = quick(model, loss, recorder)
    assert run.spec.d == 21 and run.arrays["steps"].tolist() == [0, 4, 8, 12, 16]
    assert np.isclose(run.arrays["losses"][0, 0], float(loss(start).detach()), rtol=1e-6)
    assert [p.requires_grad for p in model.parameters()] == [True, True, False, False]
    model.append(nn.Linear(1, 1))
    with pytest.raises(tv.BadInput, match="new Recorder"):
        recorder.step()
    assert len(recorder.path) == 5


def test_statistics_along_the_path_are_its_own(problem):
    x, y = problem
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, momentum=0.05), nn.Tanh(), nn.Linear(4, 1))
    loss, recorder, logged = error_on(x, y), tv.Recorder(model, every=1), []
    optimiser = torch.optim.SGD(model.parameters(), 0.1)

    def log():
        model.eval()
        logged.append(float(loss(model).detach()))
        model.train()

    log()
    for _ in range(12):
        optimiser.zero_grad()
        loss(model).backward()
        optimiser.step()
        recorder.step()
        log()
    model.eval()
    before = copy.deepcopy(model.state_dict())
    assert np.allclose(quick(model, loss, recorder).arrays["losses"][:, 0], logged, rtol=1e-6)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_double_precision_is_kept():
    torch.manual_seed(0)
    model, x = nn.Linear(3, 1, dtype=torch.float64), torch.randn(50, 3, dtype=torch.float64)
    target = model(x).detach()
    run = quick(model, error_on(x, target))
    assert run.arrays["losses"][-1, 0] < 1e-30
    assert tv.Recorder(model).path.dtype == np.float64


def test_identity_tells_losses_data_and_settings_apart(problem):
    x, y = problem
    model = net()
    recorder, _ = trained(model, error_on(x, y))
    asked = [dict(), dict(resolution=17), dict(margin=0.5), dict(seed=1), dict(extent=(-1, 1, -1, 1))]
    runs = [quick(model, error_on(x, y), recorder, **one) for one in asked]
    runs += [quick(model, error_on(x, y + 0.1), recorder), quick(model, lambda m: (m(x) - y).abs().mean(), recorder)]
    assert len({run.id for run in runs}) == len(runs)
    assert quick(model, error_on(x, y), recorder).id == runs[0].id


def test_a_box_of_ones_own(problem):
    model, loss = net(), error_on(*problem)
    run = quick(model, loss, extent=(-0.1, 0.1, -0.2, 0.2))
    assert [run.arrays["xs"][0], run.arrays["xs"][-1], run.arrays["ys"][-1]] == [-0.1, 0.1, 0.2]


@pytest.mark.parametrize("trajectory, words", [
    ([], "empty"), ({}, "empty"), ([np.zeros(21), np.zeros(20)], "same number"),
    (([0, 4], np.zeros((3, 21))), "as many steps"), (([0, 4, 4], np.zeros((3, 21))), "beyond the one before"),
    ([{"0.weight": torch.zeros(4, 3)}], "no parameter '0.bias'"), ("nowhere.pt", "cannot be read"),
    ([{"0.weight": torch.zeros(3, 4), "0.bias": torch.zeros(4)}], "shape"),
    ({"a": np.zeros((4, 21)), "b": np.zeros((4, 20))}, "trajectory 'b'"),
    ({"a": np.zeros((4, 21)), "b": np.full((4, 21), np.nan)}, "'b' starts outside"),
])
def test_a_path_that_is_none_gets_one_sentence_before_the_work(problem, trajectory, words):
    calls = []

    def loss(model):
        calls.append(1)
        return error_on(*problem)(model)

    with pytest.raises(tv.BadInput, match=words):
        quick(net(), loss, trajectory)
    assert not calls


def test_what_cannot_be_opened_again_is_not_saved(problem, tmp_path, monkeypatch):
    from thermoviz.runs import files
    run = quick(net(), error_on(*problem))
    size = run.save(tmp_path / "fits.safetensors").stat().st_size
    monkeypatch.setattr(files, "MAX_BYTES", size - 1)
    with pytest.raises(tv.BadInput, match="opened again"):
        run.save(tmp_path / "large.safetensors")
    assert not (tmp_path / "large.safetensors").exists()


def test_a_file_of_another_version_is_called_so(problem, tmp_path, monkeypatch):
    from thermoviz.runs import files
    monkeypatch.setattr(files, "FORMAT", "thermoviz-run-999")
    path = quick(net(), error_on(*problem)).save(tmp_path / "later.safetensors")
    monkeypatch.undo()
    with pytest.raises(tv.BadFile, match="another version.*run-999"):
        tv.open_run(path)


def test_a_large_recorder_names_the_way_out():
    with pytest.raises(tv.BadInput, match="max_bytes=") as refused:
        tv.Recorder(nn.Linear(100, 100), max_bytes=2**18)
    needed = int(str(refused.value).split("max_bytes=")[1].split()[0])
    assert tv.Recorder(nn.Linear(100, 100), max_bytes=needed).path.shape == (1, 10100)


@pytest.mark.parametrize("form", ["state_dicts", "files", "modules"])
def test_checkpoints_carry_the_statistics_that_belong_to_their_losses(form, tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))
    x = torch.randn(64, 4)
    y = (x[:, 0] > 0).long()
    optimiser = torch.optim.SGD(model.parameters(), 0.3)
    states, logged = [], []
    for k in range(8):
        model.train()
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimiser.step()
        model.eval()
        logged.append(float(nn.functional.cross_entropy(model(x), y)))
        states.append(copy.deepcopy(model if form == "modules" else model.state_dict()))
        if form == "files":
            torch.save({"state_dict": states[-1], "epoch": k}, tmp_path / f"{k}.pt")
            states[-1] = tmp_path / f"{k}.pt"
    run = tv.explore(model, lambda m: nn.functional.cross_entropy(m(x), y), states, resolution=11)
    assert np.allclose(run.arrays["losses"][:, 0], logged, rtol=1e-5)
    assert run.honesty.notes == ("buffers moved",)
    bare = tv.explore(model, lambda m: nn.functional.cross_entropy(m(x), y), run.plane.embed([[0, 0], [1, 1], [1, 0]]),
                      resolution=11)
    assert bare.honesty.notes == ("buffers unknown",)


@pytest.mark.parametrize("made, said", [
    (lambda path: path.astype(object), "got object with shape"), (lambda path: path + 1j, "got complex"),
    (lambda path: ["nowhere.pt"], "no such file")])
def test_what_is_wrong_with_a_path_is_what_is_said(problem, made, said):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    path = np.zeros((4, 13), np.float32)
    with pytest.raises((tv.BadInput, tv.BadFile), match=said):
        tv.explore(model, lambda m: m(torch.ones(2, 2)).mean(), made(path))


def test_a_loss_without_numbers_on_the_path_is_refused_before_the_scan():
    model, calls = nn.Linear(3, 1), []

    def loss_fn(module):
        calls.append(1)
        return module(torch.ones(2, 3)).mean() * float("nan")

    with pytest.raises(tv.BadInput, match="no finite number"):
        tv.explore(model, loss_fn)
    assert len(calls) < 20
