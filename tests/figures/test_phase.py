"""Phase diagrams: maps, curves, lines where a number crosses its limit, and what is said of them."""

import numpy as np
import pytest
from figure_schema import checked

import thermoviz as tv
from thermoviz.catalogue.shipped import labs, load_lab, load_sweep, phase_diagram
from thermoviz.core.specs import NUMERICS_VERSION
from thermoviz.experiments.sweep.results import Rows
from thermoviz.experiments.sweep.rows import over_seeds
from thermoviz.figures.phase import Line, claim_of, first_of, labels, lines_of, phase, summary, title_of
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.late import room_of
from thermoviz.runs.run import Run

BASE = tv.Descent(tv.DATASETS["moons"](n=60), tv.MLP((4,)), replicas=2, steps=20)


def made(over, seeds=2, **numbers):
    """The run of a sweep whose numbers are these functions of its points."""
    sweep = tv.Sweep(BASE, over=over, seeds=seeds)
    values = np.array([[f(*point) for f in numbers.values()] for point in sweep.points for _ in range(seeds)])
    return Run(sweep, *Rows(values, np.ones(sweep.n_runs, bool), list(numbers), {}).write())


RATES, SIZES = [0.1, 0.2, 0.4, 0.8], [1, 10, 100]


@pytest.fixture(scope="module")
def straight():
    """Thrown out at lr = B/100, theory's line at lr = 0.4, for known answers."""
    return made({"batch_size": [20, 40], "dynamics.1.lr": [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]},
                loss=lambda size, rate: size + rate, edge=lambda size, rate: rate / 0.4,
                lost=lambda size, rate: min(1.0, 0.5 * rate / (size / 100)))


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("over", [{"batch_size": SIZES}, {"batch_size": SIZES, "dynamics.1.lr": RATES},
                                  {"batch_size": SIZES, "dynamics.1.lr": RATES, "dataset": ["moons", "xor"]}])
def test_plotly_knows_all_that_is_drawn(look, over):
    run = made(over, loss=lambda *point: point[0] ** 2.0, lost=lambda *point: float(point[0] > 5))
    checked(phase(run, look, "loss", (Line("lost", 0.5),), third=len(over) - 2 if len(over) == 3 else 0))


def test_cells_stand_where_their_values_do():
    run = made({"batch_size": SIZES, "dynamics.1.lr": RATES}, loss=lambda size, rate: size + rate)
    figure = checked(phase(run, LOOKS["dark"], "loss"))
    shown = 10 ** np.array(figure.data[0].z)  # far apart and positive: logarithms
    np.testing.assert_allclose(shown, [[size + rate for size in SIZES] for rate in RATES], rtol=1e-4)
    assert list(figure.layout.xaxis.ticktext) == ["1", "10", "100"]
    assert figure.layout.yaxis.title.text == "learning rate"
    points = figure.data[-1]
    for x, y, point in zip(points.x, points.y, points.customdata, strict=True):
        assert run.spec.points[point] == (SIZES[x], RATES[y])


def test_a_third_setting_is_shown_value_by_value():
    run = made({"batch_size": SIZES, "dynamics.1.lr": RATES, "steps": [5, 6]}, loss=lambda *point: float(point[2]))
    for third, value in ((0, 5.0), (1, 6.0)):
        figure = checked(phase(run, LOOKS["dark"], "loss", third=third))
        assert set(np.ravel(figure.data[0].z)) == {value}
        assert {run.spec.points[point][2] for point in figure.data[-1].customdata} == {5 + third}


def test_a_line_stands_where_a_number_crosses_its_level(straight):
    figure = checked(phase(straight, LOOKS["dark"], "loss", lines_of(["loss", "edge", "lost"])))
    levels = [trace.contours.start for trace in figure.data if trace.type == "contour"]
    assert levels == [0.5, 1.0]
    beyond = checked(phase(straight, LOOKS["dark"], "loss", (Line("lost", 7.0),)))
    assert all(trace.type != "contour" for trace in beyond.data)


def test_what_is_said_is_computed(straight):
    said = summary(straight)
    assert said.startswith("In 7 of 12 combinations most networks end above the loss that they began with.")
    assert "With batch size 20 that happens at 0.5 times the learning rate of theory's line, with 40 at 1 " in said


def test_a_partial_sweep_is_drawn_with_gaps():
    sweep = tv.Sweep(BASE, over={"batch_size": SIZES, "dynamics.1.lr": RATES}, seeds=2)
    values = np.full((sweep.n_runs, 2), np.nan)
    values[:6] = 1.0
    run = Run(sweep, *Rows(values, ~np.isnan(values[:, 0]), ["loss", "lost"], {}).write())
    checked(phase(run, LOOKS["dark"], "loss", lines_of(["loss", "lost"])))
    assert summary(run).startswith("In 3 of 3 combinations")
    nothing = Run(sweep, *Rows(values[:, :0], np.zeros(sweep.n_runs, bool), [], {}).write())
    assert summary(nothing) == ""
    curve = Run(tv.Sweep(BASE, over={"batch_size": SIZES}, seeds=2),
                {"mapped": np.full((6, 1), np.nan), "computed": np.zeros(6, bool)}, {"mapped": ["loss"], "refused": {}})
    checked(phase(curve, LOOKS["dark"], "loss"))


def test_the_curve_has_the_band_of_its_seeds():
    run = made({"steps": [5, 6]}, seeds=1, loss=lambda steps: float(steps))
    figure = checked(phase(run, LOOKS["dark"], "loss"))
    assert list(figure.data[1].y) == [5.0, 6.0] and list(figure.data[1].customdata) == [0, 1]


def test_names_are_words():
    assert title_of("loss") == "mean loss" and title_of("sharpness.2") == "largest curvature at the end, optimiser 2"
    assert title_of("T.mean_over_modes") == "temperature: mean over modes"
    assert claim_of("loss", "") == "mean loss" and claim_of("verdict.no_such_claim", "thermoviz.labs.second_law") == (
        "no such claim")
    assert first_of(["barrier", "verdict.a"]) == "verdict.a" and first_of(["lost", "loss"]) == "loss"
    assert labels((None, 0.25, "xor", (8, 8))) == ["all", "0.25", "xor", "8_8"]


@pytest.mark.parametrize("kind", sorted(labs()))
def test_verdicts_are_called_by_their_claims(kind):
    run = load_lab(kind)
    assert run.verdicts
    for verdict in run.verdicts:
        assert claim_of(f"verdict.{verdict.key}", room_of(run.spec))


def test_the_shipped_diagram_is_fresh_and_says_something():
    run = load_sweep()
    assert run is not None and run.id and run.numerics_version == NUMERICS_VERSION and run.spec == phase_diagram()
    assert run.spec.base.network == tv.Descent().network and run.spec.base.dataset == tv.Descent().dataset
    lost = over_seeds(run, "lost").value
    assert (lost[:, 0] == 0).all() and (lost[:, -1] == 1).all()  # cold networks stay, those in a storm do not
    assert "theory's line" in summary(run)


def test_runs_of_the_shipped_diagram_are_those_of_today():
    """Two pieces of its grid, computed anew."""
    from thermoviz.experiments.landscape import side_by_side

    run = load_sweep()
    rows, names = Rows.expect(run), Rows.expect(run).names
    for point in (5, 60):
        found = side_by_side.measured([run.spec.run_of(point, 1)], lambda fraction: None)[0]
        kept = dict(zip(names, rows.values[point * run.spec.seeds + 1], strict=True))
        np.testing.assert_allclose(found["loss"], kept["loss"], rtol=0.02)
        np.testing.assert_allclose(found["sharpness"], kept["sharpness"], rtol=0.2)
