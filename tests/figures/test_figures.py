"""Looks and figures: colours that keep their order for every eye, figures that show the run's numbers."""

import dataclasses
import itertools
import json

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.dynamics.integrators import SGD, Adam
from thermoviz.core.energies.potentials import DoubleWell
from thermoviz.core.errors import BadInput
from thermoviz.core.landscape.honesty import Honesty
from thermoviz.experiments.landscape.specification import Descent, Potential, surface_run
from thermoviz.figures import charts
from thermoviz.figures.contour import contour
from thermoviz.figures.paper import opacity, ticks
from thermoviz.figures.relief import surface3d
from thermoviz.figures.still import FIGURES, NETWORK_FIGURES, still
from thermoviz.figures.thumbnails import palette_png, thumbnail
from thermoviz.presentation import names
from thermoviz.presentation.looks import LOOKS, hex_colour, rgba
from thermoviz.presentation.numbers import number
from thermoviz.runs.record import Grid
from thermoviz.runs.run import Run

# Full dichromacy, linear sRGB (Machado, Oliveira & Fernandes 2009, table 1, severity 1).
DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                         [-0.011820, 0.042940, 0.968881]])
PROTANOPIA = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                       [-0.003882, -0.048116, 1.051998]])
EYES = {"full": np.eye(3), "deuteranopia": DEUTERANOPIA, "protanopia": PROTANOPIA}
SRGB_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                        [0.0193339, 0.1191920, 0.9503041]])
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour):
    c = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def cielab(colour, eye=EYES["full"]):
    """CIE L*a*b* (D65) as that eye sees it: another colour space than the one the looks were computed in."""
    t = SRGB_TO_XYZ @ np.clip(eye @ linear(colour), 0, 1) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one, other):
    """WCAG 2.1 contrast ratio."""
    light, dark = sorted((float(SRGB_TO_XYZ[1] @ linear(c)) for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(params=LOOKS)
def look(request):
    return LOOKS[request.param]


def test_hex_colour_gives_white_and_black():
    assert hex_colour(1, 0, 0) == "#ffffff" and hex_colour(0, 0, 0) == "#000000"
    assert rgba("#ff8000", 0.5) == "rgba(255,128,0,0.5)"


def test_a_look_is_plain_json(look):
    assert json.loads(json.dumps(look.to_json()))["surface"] == list(look.surface)


@pytest.mark.parametrize("eye", EYES)
def test_surface_lightness_rises_at_every_step_and_nearly_linearly(look, eye):
    lightness = np.array([cielab(colour, EYES[eye])[0] for colour in look.surface])
    steps = np.diff(lightness)
    assert (steps > 0).all()
    line = np.linspace(lightness[0], lightness[-1], len(lightness))
    assert np.abs(lightness - line).max() < 0.05 * (lightness[-1] - lightness[0])


def test_equal_steps_of_energy_look_like_equal_steps(look):
    lab = np.array([cielab(colour) for colour in look.surface])
    steps = np.linalg.norm(np.diff(lab[::4], axis=0), axis=1)  # every fourth: 8-bit rounding averages out
    assert steps.max() < 2 * steps.min()


@pytest.mark.parametrize("eye", EYES)
def test_optimisers_heat_and_theory_stay_apart_for_every_eye(look, eye):
    """More than 10 CIE76 units: several just-noticeable differences (2.3)."""
    colours = [*look.optimisers, look.heat, look.theory]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(cielab(one, EYES[eye]) - cielab(other, EYES[eye])) > 10, (one, other)


def test_text_is_readable_on_both_grounds(look):
    for ground in (look.background, look.panel):
        assert contrast(look.text, ground) >= 7  # WCAG AAA
        for colour in (look.dim, look.heat, look.theory, look.good, look.poor):
            assert contrast(colour, ground) >= 4.5, (colour, ground)  # WCAG AA
    assert all(contrast(colour, look.panel) >= 2.5 for colour in look.optimisers)


def test_the_projector_is_larger_and_higher_in_contrast():
    dark, projector = LOOKS["dark"], LOOKS["projector"]
    assert projector.font_small > dark.font_small and projector.stroke > dark.stroke
    assert contrast(projector.dim, projector.background) > contrast(dark.dim, dark.background)


# Figures, of two runs made by hand: a potential, and networks whose numbers are known.



def double_well_surface():
    from thermoviz.core.landscape.surfaces import Surface

    xs, ys = np.linspace(-1.6, 1.6, 41), np.linspace(-1.2, 1.2, 31)
    points = np.stack(np.meshgrid(xs, ys, indexing="ij"), axis=-1)
    # The left well is the deeper by 0.1.
    return Surface.from_grid(xs, ys, DoubleWell()(points) + 0.05 * points[..., 0])


@pytest.fixture(scope="module")
def potential():
    return surface_run(Potential(), double_well_surface())


N_RECORDS = 30


@pytest.fixture(scope="module")
def networks():
    """Two optimisers of three replicas; the last replica of Adam diverges at step 100."""
    rng = np.random.default_rng(0)
    steps = np.arange(N_RECORDS) * 10
    losses = np.exp(-steps / 100)[:, None] * np.array([1.0, 2.0, 3.0, 1.0, 1.0, 5.0])
    losses[steps >= 100, 5] = np.nan
    added = np.full_like(losses, 0.25)
    arrays = Grid.of(double_well_surface()).write()[0] | {
        "steps": steps, "losses": losses + added, "data_losses": losses, "regulariser": added,
        "test_losses": 2 * losses, "accuracy": 1 - losses / 10,
        "test_accuracy": 1 - losses / 5, "member": np.array([0, 0, 0, 1, 1, 1]),
        "diverged_at": np.array([-1, -1, -1, -1, -1, 100]),
        "paths_u": rng.uniform(-1, 1, (N_RECORDS, 6, 2)), "residual": np.ones((N_RECORDS, 6)),
    }
    spec = Descent(dynamics=(SGD(0.1), Adam(0.01)), replicas=3)
    honesty = Honesty(explained=0.71, explained_null=0.6, r2=0.86, gradient_share=0.02, noise_share=0.01,
                      residual_median=1.2, residual_share=0.3, d=354, verdict="good")
    return Run(spec, arrays, {"honesty": honesty.to_json()})


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_in_every_look_with_named_axes(networks, look, name):
    figure = FIGURES[name](networks, look)
    json.loads(figure.to_json())
    axes = [figure.layout.scene.xaxis, figure.layout.scene.yaxis, figure.layout.scene.zaxis] \
        if name == "surface3d" else [figure.layout.yaxis]
    assert all(axis.title.text for axis in axes)
    assert figure.layout.font.size == look.font
    hovering = [trace for trace in figure.data if trace.hoverinfo != "skip"]
    assert hovering and all(trace.hovertemplate for trace in hovering)


@pytest.mark.parametrize("name", [n for n in FIGURES if n not in NETWORK_FIGURES])
def test_a_potential_has_every_figure_but_those_of_networks(potential, look, name):
    FIGURES[name](potential, look)


@pytest.mark.parametrize("name", NETWORK_FIGURES)
def test_a_figure_of_networks_asked_of_a_potential_is_refused(potential, name):
    with pytest.raises(BadInput, match="networks"):
        still(potential, figure=name)


def test_still_refuses_what_it_does_not_know(potential):
    with pytest.raises(BadInput, match="dark, light, projector"):
        still(potential, look="pink")
    with pytest.raises(BadInput, match="contour"):
        still(potential, figure="pie")


def test_where_all_diverged_the_losses_stand_for_the_run_and_its_surface_is_refused(networks):
    losses = np.where(np.arange(N_RECORDS)[:, None] < 3, networks.arrays["losses"], np.nan)
    run = Run(networks.spec, {"steps": networks.arrays["steps"], "member": networks.arrays["member"],
                              "losses": losses, "diverged_at": np.full(6, 30)})
    figure = run.figure()
    assert "Loss" in figure.layout.title.text
    assert any("diverged at step 30" in annotation.text for annotation in figure.layout.annotations)
    for name in FIGURES.keys() - set(NETWORK_FIGURES):
        with pytest.raises(BadInput, match=f"'{name}' shows a surface, and this run has none: every network diverged"):
            run.figure(figure=name)


def test_a_chart_of_a_lab_that_is_not_measured_yet_is_refused_in_one_sentence():
    with pytest.raises(BadInput, match="lacks Cloud: it was not asked for, or is not measured yet"):
        Run(tv.SecondLaw(), {"times": np.arange(3.0)}).figure()


def test_still_says_how_much_the_slice_hides(networks, potential):
    captions = [a.text for a in still(networks).layout.annotations]
    assert any("354 dimensions" in c and "71%" in c and "60%" in c and "0.86" in c for c in captions)
    assert still(networks).layout.paper_bgcolor == LOOKS["dark"].background
    assert any("nothing is hidden" in a.text for a in still(potential).layout.annotations)
    assert not still(networks, caption=False).layout.annotations
    assert still(networks, title="Mine").layout.title.text == "Mine"


def test_run_figure_goes_through_the_package(potential):
    import thermoviz

    assert thermoviz.Run is Run
    assert potential.figure(look="light").layout.paper_bgcolor == LOOKS["light"].background


def test_relief_shows_the_grid_itself_and_fades_to_the_ceiling(potential, look):
    trace = surface3d(potential, look).data[0]
    surface = potential.surface
    np.testing.assert_array_equal(trace.z, surface.E.T)
    assert (trace.cmin, trace.cmax) == (surface.minimum, surface.ceiling)
    solidity = np.array(trace.opacityscale, float)
    assert solidity[0, 1] == 1 and solidity[-1, 1] == 0 and (np.diff(solidity[:, 1]) <= 0).all()


def test_no_data_is_a_hole(look):
    surface = double_well_surface()
    arrays = Grid.of(surface).write()[0]
    arrays["U"][3, 4] = np.nan
    run = Run(Potential(), arrays)
    assert np.isnan(np.asarray(surface3d(run, look).data[0].z, float)).any()
    assert np.isnan(np.asarray(contour(run, look).data[0].z, float)).any()


def test_paths_lie_just_above_the_surface_inside_it_and_nowhere_else(networks):
    from thermoviz.figures.relief import lifted

    surface = networks.surface
    u = np.array([[0.3, 0.2], [5.0, 0.0], [np.nan, np.nan]])
    heights = lifted(networks, u)
    assert 0 < heights[0] - surface(u[0]) < 0.02 * (surface.ceiling - surface.minimum)
    assert np.isnan(heights[1:]).all()


def test_losses_draw_median_and_band_of_the_replicas_that_are_still_finite(networks, look):
    figure = charts.losses(networks, look)
    curves = {trace.name: trace for trace in figure.data if trace.name}
    decay = np.exp(-np.arange(N_RECORDS) / 10)
    sgd, adam = names.dynamics_names(networks.spec.dynamics)
    np.testing.assert_allclose(curves[f"{sgd}, train"].y, 2 * decay)
    np.testing.assert_allclose(curves[f"{sgd}, test"].y, 4 * decay)
    np.testing.assert_allclose(curves[f"{adam}, train"].y, decay)  # median of 1, 1, 5, and then of 1, 1
    np.testing.assert_allclose(curves[f"{adam}, weight decay"].y, 0.25)  # a line of its own, in no other
    assert curves[f"{sgd}, train"].line.color == look.optimisers[0]
    assert figure.layout.yaxis.title.text == "loss, nats"
    assert [(one.name, one.n, one.first) for one in names.lost_bodies(networks)] == [(adam, 1, 100)]
    assert any("diverged at step 100" in a.text for a in figure.layout.annotations)


def test_what_is_not_the_loss_of_data_alone_says_so(networks, look):
    """Old files hold the regulariser within the losses; of somebody's own model nothing but that is known."""
    older = {k: v for k, v in networks.arrays.items() if k not in ("data_losses", "regulariser")}
    sgd = names.dynamics_names(networks.spec.dynamics)[0]
    drawn = {trace.name for trace in charts.losses(Run(networks.spec, older), look).data}
    assert {f"{sgd}, train, with weight decay", f"{sgd}, test"} <= drawn and f"{sgd}, train" not in drawn
    free = Run(dataclasses.replace(networks.spec, weight_decay=0.0), older)
    assert f"{sgd}, train" in {trace.name for trace in charts.losses(free, look).data}
    for decay, l1, title in ((1e-3, 0.0, "loss + weight decay, nats"), (0.0, 1e-3, "loss + L1, nats"),
                             (1e-3, 1e-3, "loss + weight decay and L1, nats"), (0.0, 0.0, "loss, nats")):
        run = Run(dataclasses.replace(networks.spec, weight_decay=decay, l1=l1), networks.arrays)
        assert names.energy_title(run) == title == surface3d(run, look).layout.scene.zaxis.title.text
        assert names.loss_title(run) == "loss, nats"


def test_all_replicas_diverged_still_draws_the_curves_up_to_there(networks, look):
    losses = np.where(np.arange(N_RECORDS)[:, None] < 3, networks.arrays["losses"], np.nan)
    arrays = {k: v for k, v in networks.arrays.items() if k in ("steps", "member", "accuracy")}
    run = Run(networks.spec, arrays | {"losses": losses, "diverged_at": np.full(6, 30)})
    assert run.surface is None
    figure = charts.losses(run, look)
    assert np.isfinite(np.asarray(figure.data[1].y, float)).sum() == 3


def test_equilibrium_figures_show_the_runs_own_numbers(potential, look):
    traces = charts.free_energy(potential, look).data
    energy, free, entropy = (np.asarray(t.y, float) for t in traces)
    temperatures = np.asarray(traces[0].x, float)
    np.testing.assert_allclose(temperatures, potential.arrays["temperatures"])
    np.testing.assert_allclose(free, energy - temperatures * entropy, atol=1e-9)  # F = U - TS
    shares = np.array([t.y for t in charts.shares(potential, look).data], float)
    np.testing.assert_allclose(shares.sum(axis=0), 1, atol=1e-9)


def test_valleys_are_named_by_depth_and_width():
    run = surface_run(Potential(), double_well_surface())
    titles = names.basin_names(run)
    assert len(titles) == 2 and titles[int(np.argmin(run.surface.basins.energies))].startswith("deepest")
    equal = Potential(potential="double_well").compute()
    assert names.basin_names(equal) == ["valley 1", "valley 2"]


def test_dynamics_are_told_apart_by_name():
    pairs = names.dynamics_names((SGD(0.1), SGD(0.1, momentum=0.9), Adam(0.001)))
    assert len(set(pairs)) == 3 and pairs[0].startswith("SGD lr 0.1") and "0.9" in pairs[1]
    assert "momentum" not in names.dynamics_names((SGD(0.1),))[0]


def test_numbers_are_written_for_reading():
    assert number(-0.0312) == "−0.0312" and number(1234567) == "1.23 × 10^6" and number(0.5) == "0.5"
    for low, high in ((0.12, 0.85), (-146.7, 75.3), (0, 1e-5), (3, 4000)):
        marks = ticks(low, high)
        assert 2 <= len(marks) <= 6 and low <= marks[0] and marks[-1] <= high
    assert opacity(0) == opacity(0.5) == 1 and opacity(1) == opacity(2) == 0


def test_thumbnail_is_a_png_with_the_minimum_in_the_darkest_colour(potential, look):
    import io

    from PIL import Image

    image = np.asarray(Image.open(io.BytesIO(thumbnail(potential, look, size=81))).convert("RGBA"))
    assert image.shape == (81, 81, 4) and (image[..., 3] == 255).all()
    (x0, x1), (y0, y1) = potential.surface.bounds
    basins = potential.surface.basins
    u = np.asarray(basins.minima)[np.argmin(basins.energies)]
    column, row = round(80 * (u[0] - x0) / (x1 - x0)), round(80 * (y1 - u[1]) / (y1 - y0))
    darkest = image[..., :3].astype(int).sum(axis=-1)
    expected = np.array([int(look.surface[0][i:i + 2], 16) for i in (1, 3, 5)])
    assert np.abs(image[row, column, :3].astype(int) - expected).max() <= 8
    assert darkest[row, column] <= np.quantile(darkest, 0.05)


def test_palette_png_is_read_back_bit_by_bit():
    import io

    from PIL import Image

    index = np.arange(12, dtype=np.uint8).reshape(3, 4)
    palette = [f"#{i:02x}{2 * i:02x}{3 * i:02x}" for i in range(12)]
    image = np.asarray(Image.open(io.BytesIO(palette_png(index, palette, clear=12))).convert("RGBA"))
    np.testing.assert_array_equal(image[..., 0], index)
    np.testing.assert_array_equal(image[..., 2], 3 * index)
