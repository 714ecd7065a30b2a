"""A Recorder in a plain loop, in Lightning's and in Hugging Face's: its path, and honest sentences on the way."""

import contextlib
import os
import sys

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.experiments.own.following import SAMPLES, ratio

torch = pytest.importorskip("torch")
nn = torch.nn


def data(n=64, p=4):
    made = torch.Generator().manual_seed(0)
    x = torch.randn(n, p, generator=made)
    return torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True) + 0.5 * torch.randn(n, 1, generator=made))


def sgd(steps, lr=0.1, momentum=0.0, batch=4, start=0.0, seed=0, d=20, **settings):
    """A noisy bowl in d directions, followed."""
    torch.manual_seed(seed)
    model = nn.Linear(d, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(start)
    optimiser = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    said: list[str] = []
    record = tv.Recorder(model, every=100).follow(say=said.append, **settings)
    for _ in range(steps):
        x = torch.randn(batch, d)
        optimiser.zero_grad()
        (0.5 * (model(x) - torch.randn(batch, 1)) ** 2).mean().backward()
        optimiser.step()
        record.step()
    return record, said


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_a_stationary_training_is_called_so_for_any_momentum(momentum):
    record, said = sgd(6000, lr=0.05, momentum=momentum, batch=16, every=5)
    late = record.told[4:]  # the start is forgotten
    off = np.array([(one.ratio.value - 1) / one.ratio.stderr for one in late])
    assert len(late) >= 20 and np.mean(np.abs(off) < 2) > 0.8
    assert abs(np.mean([one.ratio.value for one in late]) - 1) < 0.1
    assert sum("stationary within its error" in one for one in said[4:]) > 0.8 * len(late)
    assert all("of the time" in one for one in said) and all(0 < one.cost < 1 for one in late)


def test_a_training_on_its_way_is_not_yet_stationary():
    """Far from its minimum it is pulled in: steps go the same way, and the ratio is far from 1."""
    record, said = sgd(1200, lr=1e-3, batch=16, start=5.0, every=5)
    assert all(abs(one.ratio.value - 1) > 3 * one.ratio.stderr for one in record.told[:3])
    assert "not yet stationary: ratio" in said[0] or "not stationary: ratio" in said[0]


def test_the_ratio_of_a_known_course():
    """|theta - a|^2 that grows by all that steps push: a random walk, ratio 0; by none of it: 1."""
    pushed = np.full(SAMPLES, 2.0)
    walk = 2.0 * 10 * np.arange(SAMPLES)
    assert abs(ratio(pushed, walk, 10).value) < 1e-9 and abs(ratio(pushed, np.full(SAMPLES, 7.0), 10).value - 1) < 1e-12


def test_a_report_is_made_on_the_way():
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    x, y = data().tensors
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    said: list[str] = []

    def losses(model):
        return (model(x) - y).squeeze(1) ** 2 / 2

    record = tv.Recorder(model).follow(1, lambda: tv.report(model, losses, k=1, density=0, progress=False), said.append)
    for _ in range(90):
        optimiser.zero_grad()
        losses(model).mean().backward()
        optimiser.step()
        record.step()
    assert record.told and record.told[0].report.numbers["eigenvalues"][0][0] > 0
    assert "Largest eigenvalues" in said[0]


@contextlib.contextmanager
def quiet(path):
    """Where these libraries leave their files."""
    before = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_lightning_s_loop_records_each_step_of_the_optimiser(tmp_path, accumulate):
    pl = pytest.importorskip("lightning.pytorch")

    class Net(pl.LightningModule):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.layer = nn.Linear(4, 1)

        def training_step(self, batch, index):
            return nn.functional.mse_loss(self.layer(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.05)

    net = Net()
    record = tv.Recorder(net, every=2)
    with quiet(tmp_path):
        trainer = pl.Trainer(max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False,
                             enable_progress_bar=False, enable_model_summary=False, callbacks=[record.lightning()],
                             accumulate_grad_batches=accumulate)
        trainer.fit(net, torch.utils.data.DataLoader(data(), batch_size=8))
    assert record.n_steps == trainer.global_step == 24 // accumulate
    assert np.array_equal(record.path[-1], torch.nn.utils.parameters_to_vector(net.parameters()).detach().numpy())
    run = tv.explore(net, lambda net, batch: nn.functional.mse_loss(net.layer(batch[0]), batch[1]), record,
                     data=[data().tensors], resolution=9)
    assert run.surface is not None
    report = tv.report(net, lambda net, batch: (net.layer(batch[0]) - batch[1]).squeeze(1) ** 2,
                       torch.utils.data.DataLoader(data(), batch_size=16), record, lr=0.05)
    assert report.numbers["edge_of_stability"][0] > 0


def test_hugging_face_s_trainer_records_each_step_and_its_model_is_reported(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=11, n_positions=8, n_embd=8, n_layer=1, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))
    words = torch.randint(0, 11, (32, 8), generator=torch.Generator().manual_seed(0))
    rows = [{"input_ids": row, "labels": row} for row in words]
    record = tv.Recorder(model, every=1)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), max_steps=8, per_device_train_batch_size=8, learning_rate=1e-2, report_to=[],
        save_strategy="no", disable_tqdm=True, use_cpu=True)
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=rows,
                                   callbacks=[record.hugging_face()])
    trainer.train()
    assert record.n_steps == 8 and record.path.shape == (9, sum(p.numel() for p in model.parameters()))

    def losses(model, batch):
        logits = model(batch).logits[:, :-1]
        return nn.functional.cross_entropy(logits.transpose(1, 2), batch[:, 1:], reduction="none").mean(1)

    run = tv.report(model, losses, [words], record, k=2, probes=4, density=0, snapshots=2)
    assert run.numbers["samples"] == 32 and run.numbers["noise_trace"][0] > 0
    mean = tv.report(model, lambda model, batch: model(batch, labels=batch), [words], k=2, probes=4, density=0)
    assert mean.numbers["samples"] is None
    assert np.isclose(mean.numbers["eigenvalues"][0][0], run.numbers["eigenvalues"][0][0], rtol=1e-2)


@pytest.mark.parametrize("library, method", [("lightning", "lightning"), ("transformers", "hugging_face")])
def test_a_missing_library_is_named(monkeypatch, library, method):
    for name in [name for name in sys.modules if name.split(".")[0] in (library, "pytorch_lightning")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None) if library == "lightning" else None
    with pytest.raises(BadInput, match="pip install"):
        getattr(tv.Recorder(nn.Linear(2, 1)), method)()


@pytest.mark.parametrize("settings", [{"every": 0}, {"say": 3}, {"measure": 3}], ids=str)
def test_bad_settings_of_following_are_refused(settings):
    with pytest.raises(BadInput, match=next(iter(settings))):
        tv.Recorder(nn.Linear(2, 1)).follow(**settings)
