"""What a sweep measures: each row is that of the same specification alone; means over seeds; the table."""

import dataclasses

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.learning.networks import NetworkLoss
from thermoviz.core.specs import identity
from thermoviz.experiments.landscape import side_by_side
from thermoviz.experiments.sweep.results import Rows
from thermoviz.experiments.sweep.rows import over_seeds, rows_of
from thermoviz.runs.pipeline import Report
from thermoviz.runs.run import Run

BASE = tv.Descent(tv.DATASETS["moons"](n=80), tv.MLP((6,)), replicas=4, steps=50, resolution=9, tolerance=0.5)
OVER = {"batch_size": [4, 16, None], "dynamics.1.lr": [0.05, 0.4]}


@pytest.fixture(scope="module")
def run():
    return tv.Sweep(BASE, over=OVER, seeds=2).compute()


def test_rows_are_those_of_single_runs(run):
    """Losses, test losses and who diverged, against the whole experiment: 50 steps, equal to rounding."""
    table, sweep = run.table(), run.spec
    for point, seed in ((0, 1), (3, 0), (5, 1)):
        alone = tv.run(sweep.run_of(point, seed))
        row = table.iloc[point * sweep.seeds + seed]
        late = alone.arrays["steps"] >= alone.arrays["steps"][-1] / 2
        assert row["id"] == alone.id and row["diverged"] == 0
        np.testing.assert_allclose(row["loss"], alone.arrays["losses"][late].mean(), rtol=1e-5)
        np.testing.assert_allclose(row["test_loss"], alone.arrays["test_losses"][late].mean(), rtol=1e-5)
        ends = alone.arrays["theta_final"][:side_by_side.MEASURED].astype(float)
        loss = NetworkLoss(BASE.network, BASE.dataset.load(alone.spec.seed), weight_decay=BASE.weight_decay)
        np.testing.assert_allclose(row["sharpness"], np.mean([np.linalg.eigvalsh(loss.hessian(end))[-1]
                                                              for end in ends]), rtol=1e-3)


@pytest.mark.parametrize("dynamics", [tv.SGD(0.1, 0.9), tv.Adam(0.02), tv.RMSProp(0.01), tv.GradientDescent(0.2),
                                      tv.Overdamped(0.02), tv.BAOAB(0.05, 2.0)], ids=lambda one: one.kind)
@pytest.mark.parametrize("batching", ["replacement", "fresh", "epochs"])
def test_every_mapped_number_is_that_of_the_run_alone(dynamics, batching):
    """Side by side with others, or by itself: every number, for every dynamics and batching."""
    base = dataclasses.replace(BASE, dynamics=(dynamics,), batching=batching, temperature=1e-3, steps=30)
    sweep = tv.Sweep(base, over={"batch_size": [8, 16], "temperature": [1e-4, 1e-3]}, seeds=1)
    specs = [sweep.run_of(point) for point in range(sweep.n_points)]
    together = side_by_side.measured(specs, lambda fraction: None)
    for spec, found in zip(specs, together, strict=True):
        alone = side_by_side.measured([spec], lambda fraction: None)[0]
        assert found.keys() == alone.keys() and {"loss", "test_loss", "sharpness", "diverged"} <= found.keys()
        for name in alone:
            np.testing.assert_allclose(found[name], alone[name], rtol=2e-3, atol=1e-7, err_msg=name)


def test_training_side_by_side_is_the_training_of_the_experiment():
    """The same record of losses and places as the experiment's own step of training."""
    from thermoviz.experiments.landscape import measurement

    sweep = tv.Sweep(BASE, over={"batch_size": [8, 32], "dynamics.1.lr": [0.1, 0.3]}, seeds=1)
    specs = [sweep.run_of(point) for point in range(4)]
    loss = side_by_side.loss_of(specs[0])
    parts = side_by_side.trained(specs, loss, lambda fraction: None)
    for k, spec in enumerate(specs):
        record = measurement.Record.of(spec, parts, slice(k * spec.replicas, (k + 1) * spec.replicas))
        alone = measurement.trained(spec, loss, Report(lambda *told: None))
        np.testing.assert_array_equal(record.steps, alone.steps)
        np.testing.assert_allclose(record.losses, alone.losses, rtol=1e-4)
        np.testing.assert_allclose(record.thetas, alone.thetas, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(record.times, alone.times)


def test_settings_that_have_no_replicas_are_computed_one_by_one():
    sweep = tv.Sweep(BASE, over={"network.hidden": [[3], [6, 2]], "weight_decay": [0.0, 0.01]}, seeds=1)
    assert len(list(side_by_side.batches([sweep.run_of(point) for point in range(4)]))) == 4
    table = sweep.compute().table()
    assert list(table["network.hidden"]) == ["3", "3", "6_2", "6_2"] and table["loss"].notna().all()


def test_several_dynamics_have_numbers_each():
    base = dataclasses.replace(BASE, dynamics=(tv.SGD(0.1), tv.Adam(0.01)), steps=10)
    table = tv.Sweep(base, over={"dynamics.1.lr": [0.1, 0.2]}, seeds=1).compute().table()
    assert {"loss.1", "loss.2", "sharpness.2"} <= set(table) and "edge.2" not in table
    np.testing.assert_allclose(table["loss.2"].iloc[0], table["loss.2"].iloc[1], rtol=1e-6)


def test_in_a_parabola_the_edge_is_one_where_steps_begin_to_grow():
    """Linear regression: lr x curvature = 2 decides, in the closed form, and in who ends above where they began."""
    base = tv.Descent(tv.DATASETS["linear_regression"](), tv.MLP(()), tv.GradientDescent(0.1), weight_decay=0.0,
                      batch_size=None, replicas=2, steps=200)
    loss = NetworkLoss(base.network, base.dataset.load(0))
    limit = 2 / float(np.linalg.eigvalsh(loss.hessian(np.zeros(loss.d)))[-1])
    rates = [0.5 * limit, 0.97 * limit, 1.03 * limit, 1.5 * limit]
    table = tv.Sweep(base, over={"dynamics.1.lr": rates}, seeds=1).compute().table()
    np.testing.assert_allclose(table["edge"][:3], [0.5, 0.97, 1.03], rtol=1e-4)
    assert list(table["lost"]) == [0, 0, 1, 1]


def test_equipartition_reads_the_temperature_of_a_bath():
    """Overdamped motion on a parabola: the mean of theta dE/dtheta is T, within the error of its moments."""
    base = tv.Descent(tv.DATASETS["linear_regression"](), tv.MLP(()), tv.Overdamped(0.02), weight_decay=0.1,
                      batch_size=None, temperature=0.05, replicas=64, steps=4000)
    found = side_by_side.measured([base], lambda fraction: None)[0]
    d = NetworkLoss(base.network, base.dataset.load(0)).d
    error = np.sqrt(2 / (d * base.replicas))  # of one moment; each mode's x dE/dx is T chi^2 of one degree
    assert abs(found["T_equipartition"] / 0.05 - 1) < 4 * error + 0.05
    assert found["temperature"] == 0.05


def test_a_run_that_cannot_be_leaves_a_sentence(run):
    base = dataclasses.replace(BASE, batching="fresh")
    sweep = tv.Sweep(base, over={"batch_size": [8, 5000]}, seeds=1)
    found = Rows.expect(sweep.compute())
    assert np.isfinite(found.values[0]).any() and np.isnan(found.values[1]).all() and found.computed.all()
    assert "at most" in found.refused["1"]


def test_means_over_seeds_are_those_of_the_table(run):
    grouped = run.table().groupby(["batch_size", "dynamics.1.lr"], dropna=False, sort=False)["loss"]
    mean, error = over_seeds(run, "loss")
    np.testing.assert_allclose(mean.ravel(), grouped.mean())
    np.testing.assert_allclose(error.ravel(), grouped.sem())
    with pytest.raises(tv.BadInput, match="no number called 'los'; it has "):
        over_seeds(run, "los")


def test_the_table_has_one_row_per_run(run):
    table = run.table()
    assert len(table) == 12 and list(table.columns[:4]) == ["batch_size", "dynamics.1.lr", "seed", "id"]
    assert table.columns[-1] == "diverged"
    assert list(table["id"]) == [identity(run.spec.run_of(point, seed)) for point in range(6) for seed in range(2)]
    with pytest.raises(tv.BadInput, match="no table 'runs'"):
        Run(BASE, {}).table("runs")


def test_a_file_gives_it_back(run):
    again = Run.from_bytes(run.to_bytes())
    assert again.id == run.id and again.table().equals(run.table())


def test_verdicts_of_a_lab_are_mapped():
    sweep = tv.Sweep(tv.SecondLaw(**tv.SecondLaw.WARM_UP), over={"heat": [0.1]}, seeds=1)
    run = sweep.compute()
    alone = tv.run(sweep.run_of(0))
    row = run.table().iloc[0]
    for verdict in alone.verdicts:
        np.testing.assert_allclose(row[f"verdict.{verdict.key}"], verdict.measured, rtol=1e-9)


def test_rows_of_nothing_have_no_numbers():
    rows = rows_of([None, "because", {"a": 1.0}])
    assert rows.names == ["a"] and list(rows.computed) == [False, True, True] and rows.refused == {"1": "because"}
