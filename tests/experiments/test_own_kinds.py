"""Modules as other libraries make them: explored as they are, and left as they were."""

import copy
import shutil

import numpy as np
import pytest

import thermoviz as tv

torch = pytest.importorskip("torch")
nn = torch.nn
F = nn.functional
torch.manual_seed(0)
X = torch.randn(48, 4)
Y = (X[:, 0] * X[:, 1] > 0).long()


def mlp():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def error(module):
    return F.cross_entropy(module(X), Y)


def trained(model, loss=error, steps=30, rate=0.3):
    recorder = tv.Recorder(model, every=3)
    optimiser = torch.optim.SGD([one for one in model.parameters() if one.requires_grad], rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(model).backward()
        optimiser.step()
        recorder.step()
    return recorder


def explored(model, loss=error, path=None, **settings):
    return tv.explore(model, loss, path, progress=False, **{"resolution": 11, **settings})


def assert_its_own(model, run, loss=error, tolerance=1e-5):
    """At some nodes the surface is the loss of the module itself."""
    moving = [one for one in model.parameters() if one.requires_grad]
    kept = nn.utils.parameters_to_vector(moving).detach().clone()
    for i, j in ((0, 0), (3, 7), (-1, -1)):
        theta = run.plane.embed([run.arrays["xs"][i], run.arrays["ys"][j]])
        with torch.no_grad():
            nn.utils.vector_to_parameters(torch.tensor(np.array(theta), dtype=torch.float32), moving)
            assert np.isclose(run.arrays["U"][i, j], float(loss(model)), rtol=tolerance)
    nn.utils.vector_to_parameters(kept, moving)


def checked(model, loss=error, **settings):
    recorder = trained(model, loss)
    before = copy.deepcopy(model.state_dict())
    run = explored(model, loss, recorder, **settings)
    assert_its_own(model, run, loss)
    assert all(torch.equal(now, then) for now, then in zip(model.state_dict().values(), before.values(), strict=True))
    return run


def test_data_parallel_and_its_checkpoints():
    model = nn.DataParallel(mlp())
    checked(model)
    states = [model.state_dict(), nn.DataParallel(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)))
              .state_dict()]
    assert_its_own(model.module, explored(model.module, path=states))


@pytest.mark.parametrize("backend", ["eager", pytest.param("inductor", marks=[pytest.mark.slow, pytest.mark.skipif(
    shutil.which("gcc") is None, reason="torch.compile needs a compiler")])])
def test_compiled_modules(backend):
    checked(torch.compile(mlp(), backend=backend))


def test_a_lightning_module_before_and_after_its_trainer():
    lightning = pytest.importorskip("lightning")

    class Task(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, index):
            found = F.cross_entropy(self.net(batch[0]), batch[1])
            self.log("loss", found)
            return found

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    task = Task()
    checked(task)
    quiet = {name: False for name in ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")}
    trainer = lightning.Trainer(max_epochs=1, accelerator="cpu", **quiet)
    trainer.fit(task, torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), 16))
    assert_its_own(task, explored(task))
    run = explored(task, lambda module, batch: module.training_step(batch, 0), data=[(X, Y)])
    assert_its_own(task, run)
    assert task.trainer is trainer


def test_hugging_face_models():
    transformers = pytest.importorskip("transformers")
    ids = torch.randint(0, 20, (4, 12))
    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "bos_token_id": 0, "eos_token_id": 0}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        n_layer=1, n_head=2, n_embd=16, n_positions=16, **sizes)).eval()
    recorder = trained(model, lambda module: module(input_ids=ids, labels=ids).loss, steps=9, rate=0.1)
    run = explored(model, lambda module: module(input_ids=ids, labels=ids), recorder)
    assert_its_own(model, run, lambda module: module(input_ids=ids, labels=ids).loss)
    batches = [{"input_ids": ids[:2], "labels": ids[:2]}, {"input_ids": ids[2:], "labels": ids[2:]}]
    again = explored(model, lambda module, batch: module(**batch), recorder, data=batches)
    assert np.allclose(again.arrays["U"], run.arrays["U"], rtol=1e-5)
    model.train()  # with dropout, held still
    assert np.isfinite(explored(model, lambda module: module(input_ids=ids, labels=ids), recorder).arrays["U"]).all()


@pytest.mark.parametrize("make", [
    lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 8)), nn.Tanh(), nn.Linear(8, 2)),
    lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.utils.parametrizations.spectral_norm(nn.Linear(8, 2))).eval()])
def test_parametrised_layers(make):
    checked(make())


def test_checkpointed_activations_have_their_hessian():
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x):
            hidden = torch.utils.checkpoint.checkpoint(lambda z: torch.tanh(self.first(z)), x, use_reentrant=False)
            return self.second(hidden)

    import torch.utils.checkpoint

    model = Checkpointed()
    checked(model)
    assert_its_own(model, explored(model, plane="hessian"))


def test_sparse_gradients_and_whole_numbers_beside():
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.Flatten(), nn.Linear(8, 2))
    model.register_parameter("shift", nn.Parameter(torch.arange(3), requires_grad=False))
    ids = torch.randint(0, 10, (48, 2))
    run = checked(model, lambda module: F.cross_entropy(module(ids), Y))
    assert run.honesty.gradient_share is not None


def test_paths_of_unequal_length_and_the_plane_through_their_ends():
    paths = {}
    for k, (name, steps) in enumerate((("a", 30), ("b", 15), ("c", 45))):
        model = mlp()
        torch.manual_seed(k)
        for one in model.parameters():
            nn.init.normal_(one, 0, 0.5)
        paths[name] = trained(model, steps=steps)
    run = explored(model, path=paths, plane="solutions")
    assert run.numbers["members"] == ["a", "b", "c"]
    residual, losses = run.arrays["residual"], run.arrays["losses"]
    for k, recorder in enumerate(paths.values()):
        known = np.flatnonzero(np.isfinite(losses[:, k]))
        assert run.arrays["steps"][known[-1]] == recorder.steps[-1] and residual[known[-1], k] < 1e-5
    assert_its_own(model, run)


def test_hundreds_of_valleys_are_counted():
    class Point(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.1, 0.2]))

    def ripples(module):
        return 0.1 * (module.w**2).sum() + torch.sin(6 * module.w).sum()

    plane = tv.Plane(np.zeros(2), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    run = tv.explore(Point(), ripples, plane=plane, extent=(-6, 6, -6, 6), resolution=81, progress=False)
    # Along an axis 0.2 w + 6 cos 6w = 0 has a minimum in each period of pi/3: 11 or 12 in 12; 144 in the plane.
    w = np.linspace(-6, 6, 100_001)
    height = 0.1 * w**2 + np.sin(6 * w)
    along = int(((height[1:-1] < height[:-2]) & (height[1:-1] < height[2:])).sum())
    assert len(run.surface.basins.minima) == along**2
    assert run.honesty.verdict == "good"
