"""`tv.report`: numbers of one's own model against closed forms, within the errors that it states."""

import signal

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadInput
from thermoviz.experiments.own.listening import Interrupted
from thermoviz.experiments.report import measurement

torch = pytest.importorskip("torch")
nn = torch.nn


class Bowl(nn.Module):
    """f = theta A theta / 2 for a matrix of known spectrum; each sample shifts its minimum."""

    def __init__(self, values, seed=0, dtype=torch.float64):
        super().__init__()
        made = torch.Generator().manual_seed(seed)
        d = len(values)
        axes = torch.linalg.qr(torch.randn(d, d, generator=made, dtype=torch.float64))[0]
        self.theta = nn.Parameter(torch.randn(d, generator=made, dtype=torch.float64).to(dtype))
        self.register_buffer("A", ((axes * torch.as_tensor(values)) @ axes.T).to(dtype))

    def forward(self, shifts):
        away = self.theta - shifts
        return 0.5 * (away * (away @ self.A)).sum(-1)


def bowl_loss(model, shifts):
    return model(shifts)


def shifted(n, d, seed=1, dtype=torch.float64):
    return 0.3 * torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def within(pair, true, errors=1.0, rounding=0.0):
    return abs(pair[0] - true) <= errors * pair[1] + rounding * abs(true)


class Regression:
    """Linear regression, all of whose numbers are known: f = mean (x w - y)^2 / 2."""

    def __init__(self, n=300, p=5, seed=0, dtype=torch.float64):
        made = torch.Generator().manual_seed(seed)
        self.x = (torch.randn(n, p, generator=made, dtype=torch.float64) * torch.linspace(0.7, 1.6, p)).to(dtype)
        self.y = (self.x.double() @ torch.randn(p, 1, generator=made, dtype=torch.float64)
                  + 0.5 * torch.randn(n, 1, generator=made, dtype=torch.float64)).to(dtype)
        self.model = nn.Linear(p, 1, bias=False).to(dtype)
        with torch.no_grad():
            self.model.weight.copy_(torch.linalg.lstsq(self.x, self.y).solution.T + 0.1)
        self.batches = [(self.x[i:i + 64], self.y[i:i + 64]) for i in range(0, n, 64)]

    @staticmethod
    def loss(model, batch):
        x, y = batch
        return 0.5 * (model(x) - y).squeeze(1) ** 2

    @property
    def law(self):
        """H, C and the gradient, by their closed forms."""
        x, y = self.x.double().numpy(), self.y.double().numpy()
        pushes = x * (x @ self.model.weight.detach().double().numpy().T - y)
        return x.T @ x / len(x), np.cov(pushes.T, bias=True), pushes.mean(axis=0)

    def trained(self, lr, batch, steps, every, seed=0):
        made, optimiser = torch.Generator().manual_seed(seed), torch.optim.SGD(self.model.parameters(), lr=lr)
        record = tv.Recorder(self.model, every=every)
        for _ in range(steps):
            chosen = torch.randint(0, len(self.x), (batch,), generator=made)
            optimiser.zero_grad()
            self.loss(self.model, (self.x[chosen], self.y[chosen])).mean().backward()
            optimiser.step()
            record.step()
        return record


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("values", [np.linspace(-1, 6, 40), np.repeat([5.0, 2.0, 0.0], 10)], ids=["spread", "multiple"])
def test_a_quadratic_of_known_spectrum_whole(values, dtype):
    model = Bowl(values, dtype=dtype)
    run = tv.report(model, bowl_loss, [shifted(30, len(values), dtype=dtype)])
    numbers = run.numbers
    assert numbers["exact"]
    for pair, true in zip(numbers["eigenvalues"], np.sort(values)[::-1], strict=False):
        assert within(pair, true)
    assert within(numbers["smallest"], values.min()) and within(numbers["trace"], values.sum())
    for name, true in (("mean", values.mean()), ("square", (values**2).mean()), ("negative", (values < 0).mean())):
        assert within(numbers["spectral_density"][name], true), name
    at, density = run.arrays["density_at"], run.arrays["density"]
    assert abs(np.trapezoid(density, at) - 1) < 0.02


@pytest.mark.slow
def test_a_quadratic_of_1500_parameters_by_products():
    """Leading ones within their residuals; traces and moments of 12 seeds as often as their errors say."""
    values = np.concatenate([[40.0, 20.0, 20.0, 9.0], np.linspace(-0.3, 1.2, 1496)])
    model, shifts = Bowl(values), shifted(12, 1500)
    C = np.cov((shifts @ model.A).numpy().T, bias=True)
    A = model.A.numpy()
    aligned = (A * C).sum() / np.sqrt((A**2).sum() * (C**2).sum())
    off = []
    for seed in range(12):
        numbers = tv.report(model, bowl_loss, [shifts[:5], shifts[5:]], k=4, probes=24, density=16, seed=seed).numbers
        assert not numbers["exact"]
        for pair, true in zip(numbers["eigenvalues"], np.sort(values)[::-1], strict=False):
            assert within(pair, true)
        assert within(numbers["smallest"], values.min(), 1.0)
        for pair, true in ((numbers["trace"], values.sum()), (numbers["noise_trace"], np.trace(C)),
                           (numbers["alignment"], aligned), (numbers["spectral_density"]["mean"], values.mean()),
                           (numbers["spectral_density"]["square"], (values**2).mean())):
            off.append((pair[0] - true) / pair[1])
    assert 0.5 < np.mean(np.abs(off) < 1) < 0.9 and np.abs(off).max() < 6


def test_noise_temperature_and_batch_size_of_linear_regression():
    """tr C, its alignment, lr tr C / (2 B d (1 - mu)) and tr C / |g|^2 by their closed forms."""
    case = Regression()
    run = tv.report(case.model, case.loss, case.batches, lr=0.05, momentum=0.5, batch_size=16)
    H, C, g = case.law
    numbers = run.numbers
    for name, true in (
            ("noise_trace", np.trace(C)), ("trace", np.trace(H)), ("participation", np.trace(C) ** 2 / (C**2).sum()),
            ("alignment", (C * H).sum() / np.sqrt((C**2).sum() * (H**2).sum())),
            ("temperature", 0.05 * np.trace(C) / (2 * 16 * 5 * 0.5)), ("critical_batch_size", np.trace(C) / (g @ g))):
        assert within(numbers[name], true, rounding=1e-12), name
    assert numbers["samples"] == 300 and np.isclose(numbers["gradient"], np.linalg.norm(g))
    assert numbers["left_out"] == dict.fromkeys(("sharpness", "edge_of_stability", "fluctuation_dissipation"),
                                                "no_path") | {"line_barrier": "one_solution"}


def test_what_needs_samples_is_left_out_of_a_mean():
    case = Regression()
    run = tv.report(case.model, lambda model, batch: case.loss(model, batch).mean(), case.batches[:4])
    assert run.numbers["samples"] is None and run.numbers["left_out"]["noise_trace"] == "mean_only"
    assert "without averaging" in str(run) and "noise_trace" not in run.numbers
    H = sum((x.T @ x / len(x)).numpy() for x, _ in case.batches[:4]) / 4
    assert within(run.numbers["trace"], np.trace(H))


def test_at_a_minimum_there_is_no_critical_batch_size():
    case = Regression()
    with torch.no_grad():
        case.model.weight.copy_(torch.linalg.lstsq(case.x, case.y).solution.T)
    numbers = tv.report(case.model, case.loss, case.batches).numbers
    assert numbers["left_out"]["critical_batch_size"] == "no_gradient" and numbers["noise_trace"][0] > 0


def test_a_network_s_numbers_do_not_depend_on_its_batches_and_the_two_ways_agree(monkeypatch):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3))
    x, y = torch.randn(90, 4), torch.randint(0, 3, (90,))

    def loss(model, batch):
        return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")

    whole = tv.report(model, loss, [(x, y)], k=5).numbers
    parts = tv.report(model, loss, [(x[:50], y[:50]), (x[50:], y[50:])], k=5).numbers
    monkeypatch.setattr(measurement, "EXACT", 0)
    probed = tv.report(model, loss, [(x, y)], k=5, density=40).numbers
    for name in ("trace", "noise_trace", "alignment", "participation", "critical_batch_size"):
        assert np.isclose(whole[name][0], parts[name][0], rtol=1e-4), name
        assert within(probed[name], whole[name][0], 4.0, 1e-4), name
    for one, other, third in zip(whole["eigenvalues"], parts["eigenvalues"], probed["eigenvalues"], strict=True):
        assert abs(one[0] - other[0]) <= one[1] + other[1] + 1e-5 * whole["eigenvalues"][0][0]
        assert abs(one[0] - third[0]) <= one[1] + third[1]


def test_the_leading_one_of_1200_parameters_by_products():
    values = np.concatenate([[40.0, 20.0, 20.0, 9.0], np.linspace(-0.3, 1.2, 1196)])
    numbers = tv.report(Bowl(values), bowl_loss, [shifted(8, 1200)], k=3, probes=8, density=8).numbers
    assert not numbers["exact"] and within(numbers["trace"], values.sum(), 4.0)
    for pair, true in zip(numbers["eigenvalues"], (40.0, 20.0, 20.0), strict=True):
        assert within(pair, true)


def test_the_edge_of_stability_on_a_quadratic_of_known_sharpness():
    values = np.array([8.0, 3.0, 1.0])
    model, shifts = Bowl(values), torch.zeros(4, 3, dtype=torch.float64)
    path = np.random.default_rng(0).standard_normal((20, 3))
    for lr, momentum, limit in ((0.25, 0.0, 8.0), (0.1, 0.0, 20.0), (0.4, 0.6, 8.0)):
        numbers = tv.report(model, bowl_loss, [shifts], path, lr=lr, momentum=momentum).numbers
        assert np.isclose(numbers["stability_limit"], limit)
        assert within(numbers["edge_of_stability"], 8.0 / limit, rounding=1e-12)
    assert "edge of stability" in tv.report(model, bowl_loss, [shifts], path, lr=0.25).reading


@pytest.mark.slow
def test_fluctuation_and_dissipation_balance_in_stationary_regression():
    """FDR1 is 1: over 12 trainings within three errors each, and on average within three of its own."""
    off, ratios = [], []
    for seed in range(12):
        case = Regression(seed=seed)
        record = case.trained(0.1, 8, 6000, 30, seed)
        numbers = tv.report(case.model, case.loss, case.batches, record, lr=0.1, batch_size=8, density=0,
                            snapshots=100).numbers
        value, error = numbers["fluctuation_dissipation"]
        off.append((value - 1) / error)
        ratios.append(value)
    assert np.mean(np.abs(off) < 2) >= 0.75 and np.abs(off).max() < 6
    assert abs(np.mean(ratios) - 1) < 3 * np.std(ratios, ddof=1) / np.sqrt(len(ratios))


def test_training_on_its_way_down_is_not_stationary():
    case = Regression()
    with torch.no_grad():
        case.model.weight.add_(5.0)
    record = case.trained(2e-3, 32, 400, 5)
    run = tv.report(case.model, case.loss, case.batches, record, lr=2e-3, batch_size=32)
    value, error = run.numbers["fluctuation_dissipation"]
    assert value < 0 or abs(value - 1) > 3 * error
    assert "stationary within" not in run.reading


def test_the_line_between_two_solutions_is_exact_at_its_ends():
    """In f = (1 - |w|^2)^2 along one axis there is a barrier of 1 at 0."""
    class Wells(nn.Module):
        def __init__(self, at):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([at, 0.0], dtype=torch.float64))

    def loss(model):
        return (1 - (model.w**2).sum()) ** 2

    run = tv.report(Wells(1.0), loss, other=Wells(-1.0))
    assert run.arrays["line_losses"][[0, -1]].tolist() == [0.0, 0.0]
    assert within(run.numbers["line_barrier"], 1.0, rounding=1e-12) and run.numbers["line_ends"] == ["model", "other"]
    lower = tv.report(Wells(1.0), loss, other=Wells(-0.9))
    at = np.linspace(0, 1, 100001)
    w = 1 - 1.9 * at
    heights = (1 - w**2) ** 2 - at * (1 - 0.81) ** 2
    assert within(lower.numbers["line_barrier"], heights.max(), 2.0, 1e-9)
    assert np.isclose(lower.arrays["line_losses"][-1], (1 - 0.81) ** 2, rtol=1e-15)


def test_the_module_is_given_back_to_the_last_bit():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 1))
    x = torch.randn(20, 3)
    model(x).sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    slopes, state = [one.grad.clone() for one in model.parameters()], torch.get_rng_state()
    run = tv.report(model, lambda model, batch: model(batch).squeeze(1) ** 2, [x[:10], x[10:]])
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    assert all(torch.equal(one.grad, slope) for one, slope in zip(model.parameters(), slopes, strict=True))
    assert torch.equal(torch.get_rng_state(), state) and model.training
    assert run.numbers["notes"] == ["batch_norm"] and "eval()" in str(run)


def test_a_report_is_saved_opened_said_and_drawn(tmp_path):
    case = Regression()
    record = case.trained(0.1, 8, 400, 5)
    run = tv.report(case.model, case.loss, case.batches, record, lr=0.1, batch_size=8)
    again = tv.open_run(run.save(tmp_path / "report.safetensors"))
    assert again.id == run.id and again.numbers == run.numbers and str(again) == str(run)
    for name in ("spectrum", "sharpness", "balance", "line"):
        assert again.figure(name).data
    assert again.figure().layout.title.text == again.figure("spectrum").layout.title.text
    assert "Trace of the gradient noise" in str(run) and "<pre>" in run._repr_html_()
    with pytest.raises(BadInput, match="figure must be"):
        tv.report(case.model, case.loss, case.batches, density=0).figure("spectrum")
    other = tv.report(case.model, lambda model, batch: 2 * case.loss(model, batch), case.batches, record, lr=0.1)
    assert other.id != run.id


@pytest.mark.parametrize("settings, said", [
    ({"lr": -1.0}, "lr"), ({"k": 0}, "k"), ({"momentum": 1.0}, "momentum"), ({"batch_size": 0}, "batch_size"),
    ({"probes": 1}, "probes"), ({"trajectory": []}, "empty"), ({"other": np.zeros(3)}, "trajectory|parameters"),
    ({"progress": 3}, "progress"), ({"data": 5}, "batches"), ({"loss_fn": 3}, "function"),
    ({"loss_fn": lambda model, batch: model(batch[0]).detach()}, "gradient"),
    ({"loss_fn": lambda model, batch: model(batch[0]).reshape(1, -1)}, "single samples"),
], ids=lambda one: one if isinstance(one, str) else next(iter(one)))
def test_bad_input_is_one_sentence(settings, said):
    case = Regression()
    asked = {"loss_fn": case.loss, "data": case.batches} | settings
    with pytest.raises(BadInput, match=said) as refused:
        tv.report(case.model, **asked)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("width", [3, 40], ids=["dense", "Lanczos"])
@pytest.mark.parametrize("what, power", [("loss", None), ("gradient", 0.5), ("second derivative", 1.5)])
def test_what_cannot_be_differentiated_twice_is_one_sentence(what, power, width, monkeypatch):
    """NaN, or a cusp |w|^p at the model's parameters: which derivative is missing is said."""
    monkeypatch.setattr(measurement, "EXACT", 20)
    model = nn.Linear(width, 1, bias=False)
    nn.init.zeros_(model.weight)

    def loss(model):
        return model.weight.sum() * float("nan") if power is None else (model.weight.abs() ** power).sum()

    with pytest.raises(BadInput, match=f"the {what} of loss_fn is not finite"):
        tv.report(model, loss)


def test_half_precision_is_refused():
    with pytest.raises(BadInput, match="half-precision"):
        tv.report(nn.Linear(3, 1).half(), lambda model: model.weight.sum())


def test_an_interrupted_report_leaves_what_there_is():
    case = Regression()
    kept = case.model.weight.detach().clone()

    def interrupt(fraction, stage, partial):
        if stage == "spectral density":
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(Interrupted) as stopped:
            tv.report(case.model, case.loss, case.batches, progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped.value.run.numbers["eigenvalues"] and stopped.value.run.numbers["interrupted"]
    assert torch.equal(case.model.weight, kept)


def test_attention_and_recurrence_are_differentiated_twice():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    lstm = nn.LSTM(4, 5, batch_first=True)
    for model, x, loss in (
            (layer, torch.randn(6, 5, 8), lambda model, x: model(x).square().mean((1, 2))),
            (lstm, torch.randn(6, 5, 4), lambda model, x: model(x)[0].square().mean((1, 2)))):
        numbers = tv.report(model, loss, [x], k=3, density=0).numbers
        assert numbers["exact"] and numbers["noise_trace"][0] > 0 and "differences" not in numbers["notes"]


def test_the_page_and_other_forms_show_a_report(tmp_path):
    """Its charts and numbers, and no word of a slice that it does not have."""
    from streamlit.testing.v1 import AppTest

    case = Regression()
    file = tv.report(case.model, case.loss, case.batches, case.trained(0.1, 8, 400, 5), lr=0.1, batch_size=8).save(
        tmp_path / "report.safetensors")

    def page(path):
        import thermoviz as tv
        from thermoviz.dashboard import panels
        from thermoviz.presentation.looks import LOOKS

        run = tv.open_run(path)
        panels.honesty(run, LOOKS["dark"])
        panels.run_charts(run, LOOKS["dark"])

    shown = AppTest.from_function(page, args=(str(file),), default_timeout=120).run()
    assert not shown.exception
    said = " ".join(one.proto.body for one in shown.get("html"))
    assert "Critical batch size" in said and "slice hides" not in said
    assert len(shown.get("plotly_chart")) == 4
    run = tv.open_run(file)
    assert run.tables == ["spectrum", "sharpness", "balance", "line"] and len(run.table("line")) > 20
