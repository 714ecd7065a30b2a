"""Still pictures without a browser: every figure in every look, told by what stands in the file."""

import io
import re
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from thermoviz.catalogue.shipped import keys, specification_and_path
from thermoviz.core.errors import BadInput
from thermoviz.exports.still import raster
from thermoviz.exports.still.axes import Scale, round_places
from thermoviz.exports.still.colours import rgba, scaled
from thermoviz.exports.still.picture import FORMATS, WIDTH, picture
from thermoviz.exports.still.words import formatted, plain
from thermoviz.figures.still import default_figure, figures_of, still
from thermoviz.presentation.looks import LOOKS
from thermoviz.runs.run import open_run

SVG = "{http://www.w3.org/2000/svg}"
RUNS = {key: specification_and_path(key)[1] for key in keys()}


def shipped(key):
    return open_run(RUNS[key])


def words_of(svg):
    return [" ".join("".join(one.itertext()).split()) for one in ET.fromstring(svg).iter(f"{SVG}text")]


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("look", ["dark", *(pytest.param(name, marks=pytest.mark.slow) for name in LOOKS if
                                             name != "dark")])
@pytest.mark.parametrize("key", RUNS)
def test_every_figure_of_every_shipped_run_is_drawn_in_every_look_without_a_warning(key, look, no_warnings):
    run = shipped(key)
    assert figures_of(run)[0] == default_figure(run)
    for name in figures_of(run):
        drawn = still(run, look, name)
        found = Image.open(io.BytesIO(picture(drawn, "png", scale=0.25)))
        assert found.size == (WIDTH // 4, int(drawn.layout.height / 4)), name
        pixels = np.asarray(found.convert("RGB"), float)
        ground = 255 * np.array(rgba(LOOKS[look].background)[:3])
        assert np.abs(pixels[-1, -1] - ground).max() < 1.5 and (np.abs(pixels - ground).max(axis=-1) > 30).mean() > 0.01


@pytest.mark.parametrize("key, name", [("three-minds", "losses"), ("three-minds", "surface3d"),
                                       ("heat_bath", "thermometers"), ("interactions", "energies"),
                                       ("phase-diagram", "phase")])
def test_an_svg_holds_the_figures_words_as_text(key, name, no_warnings):
    drawn = still(shipped(key), "light", name)
    svg = picture(drawn, "svg")
    assert svg.startswith(b"<?xml") and ET.fromstring(svg).tag == f"{SVG}svg"
    words = words_of(svg)
    asked = [trace.name for trace in drawn.data if trace.name and trace.showlegend is not False and
             trace.type == "scatter"]
    if drawn.layout.title.text:
        asked.append(drawn.layout.title.text)
    for text in asked:
        assert " ".join(plain(text).split()) in words, text


def test_a_pdf_has_one_page_and_its_fonts(no_warnings):
    pdf = picture(still(shipped("mueller-brown"), figure="contour"), "pdf")
    assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF")
    assert re.search(rb"/Type /Pages[^>]*?/Count 1|/Count 1[^>]*?/Type /Pages", pdf) and b"DejaVuSans" in pdf


def test_a_picture_is_as_large_as_asked_and_always_the_same(no_warnings):
    drawn = still(shipped("three-minds"), figure="losses")
    one = picture(drawn, "png", width=500, height=300, scale=2)
    assert one[:8] == b"\x89PNG\r\n\x1a\n" and Image.open(io.BytesIO(one)).size == (1000, 600)
    for form in FORMATS:
        assert picture(drawn, form) == picture(drawn, form)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_letters_that_no_font_here_has_are_no_fault():
    drawn = still(shipped("mueller-brown"), figure="contour", title="損失 $x_1^2$ <b>50 %</b> & ∂E/∂θ")
    assert picture(drawn, "png", scale=0.5).startswith(b"\x89PNG")
    assert "損失 $x_1^2$ 50 % & ∂E/∂θ" in words_of(picture(drawn, "svg"))


def test_a_figure_of_other_traces_is_refused():
    with pytest.raises(BadInput, match="sunburst"):
        picture({"data": [{"type": "sunburst"}], "layout": {}}, "png")
    with pytest.raises(BadInput, match="png, svg, pdf"):
        picture({"data": [], "layout": {}}, "jpg")


# What is drawn is what the figure says


def ink(trace, layout=None, colour=(255, 0, 0)):
    """Pixels of that colour of a figure [rows, columns], from below."""
    axes = {"showgrid": False, "showticklabels": False}
    figure = {"data": [trace], "layout": {"margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "xaxis": axes, "yaxis": axes,
                                          "paper_bgcolor": "#ffffff", "plot_bgcolor": "#ffffff", **(layout or {})}}
    pixels = np.asarray(Image.open(io.BytesIO(picture(figure, "png", 400, 200, 1))).convert("RGB"), int)[::-1]
    return (np.abs(pixels - colour) < 90).all(-1)


def axes(x, y, **settings):
    hidden = {"showgrid": False, "showticklabels": False}
    return {"xaxis": {**hidden, "range": x, **settings}, "yaxis": {**hidden, "range": y}}


def test_a_point_stands_at_its_place_on_linear_and_logarithmic_axes():
    marker = {"color": "#ff0000", "size": 10}
    room = 8  # pixels that the frame leaves on each side
    for x, settings, share in ((2.5, {}, 0.25), (100.0, {"type": "log"}, 0.5)):
        layout = axes([0, 10] if not settings else [0, 4], [0, 1], **settings)
        found = np.argwhere(ink({"type": "scatter", "x": [x], "y": [0.5], "mode": "markers", "marker": marker}, layout))
        row, column = found.mean(0)
        assert abs(column - (room + share * (400 - 2 * room))) < 1.5 and abs(row - 100) < 5


def test_an_error_bar_is_as_long_as_its_error():
    trace = {"type": "scatter", "x": [5], "y": [0.5], "mode": "markers", "marker": {"color": "#ffffff", "size": 1},
             "error_y": {"type": "data", "array": [0.25], "color": "#ff0000", "thickness": 4, "width": 0}}
    rows = np.flatnonzero(ink(trace, axes([0, 10], [0, 1])).any(1))
    assert abs(np.ptp(rows) / 200 - 0.5) < 0.04


def test_a_band_covers_what_lies_between_its_ends():
    trace = {"type": "scatter", "x": [0, 10, 10, 0], "y": [0.2, 0.2, 0.7, 0.7], "mode": "lines", "fill": "toself",
             "fillcolor": "#ff0000", "line": {"width": 0}}
    assert abs(ink(trace, axes([0, 10], [0, 1])).mean() - 0.5 * 0.96 * 0.94) < 0.04


def test_a_map_has_its_rows_from_below():
    trace = {"type": "heatmap", "z": [[1, 0], [0, 0]], "colorscale": [[0, "#ffffff"], [1, "#ff0000"]],
             "showscale": False}
    row, column = np.argwhere(ink(trace, axes([-0.5, 1.5], [-0.5, 1.5]))).mean(0)
    assert row < 100 and column < 200


def test_an_axis_may_be_reversed():
    hidden = {"showgrid": False, "showticklabels": False}
    upright = {"type": "scatter", "mode": "markers", "x": [0, 1], "y": [0, 1],
               "marker": {"color": ["#ff0000", "#00ff00"], "size": 10}}
    layout = {"xaxis": hidden, "yaxis": {**hidden, "autorange": "reversed"}}
    assert np.argwhere(ink(upright, layout)).mean(0)[0] > 100 > np.argwhere(ink(upright, {
        "xaxis": hidden, "yaxis": hidden})).mean(0)[0]


def test_each_point_may_have_its_own_symbol():
    square = {"type": "scatter", "x": [2, 8], "y": [0.5, 0.5], "mode": "markers",
              "marker": {"color": "#ff0000", "size": [40, 40], "symbol": ["square", "circle"]}}
    found = ink(square, axes([0, 10], [0, 1]))
    one, other = found[:, :200].sum(), found[:, 200:].sum()
    assert abs(other / one - np.pi / 4) < 0.05


# A surface in three dimensions


def camera(width=200, height=150, eye=(0.0, 0.0, 3.0), up=(0.0, 1.0, 0.0)):
    return raster.Camera(np.array([0.0, 0, 0]), np.ones(3), np.ones(3), np.array(eye), np.zeros(3), np.array(up),
                         width, height)


def plate(camera, height, colour, alpha=1.0):
    xs = np.linspace(0, 1, 5)
    return raster.surface(camera, xs, xs, np.full((5, 5), height), lambda z: np.tile([*colour, alpha], (len(z), 1)),
                          np.ones((5, 5)), None)


def test_a_plate_seen_from_above_is_as_large_as_perspective_says():
    """A square of side 1 at distance 3 - 0.5: height / (2 tan(22.5 degrees)) / 2.5 pixels a side."""
    seen = plate(camera(), 1.0, (1, 0, 0))
    side = 150 / (2 * np.tan(np.pi / 8)) / 2.5
    assert abs(np.sqrt((seen.colours[..., 3] > 0).sum()) - side) < 1
    assert abs(np.median(seen.depth[np.isfinite(seen.depth)]) - 2.5) < 1e-9


def test_every_pixel_of_a_closed_surface_is_covered_once():
    seen = plate(camera(eye=(1.2, -1.4, 1.5), up=(0.0, 0.0, 1.0)), 0.5, (1, 0, 0), alpha=0.4)
    alpha = seen.colours[..., 3]
    inner = alpha[alpha > 0]
    assert np.allclose(inner, 0.4) and (np.isinf(seen.depth)).all()  # nothing so clear hides anything


def test_what_is_nearer_lies_over_what_is_farther():
    """A fold: one sheet of half-clear red above itself, of which light passes twice."""
    xs, ys = np.linspace(0, 1, 41), np.linspace(0, 1, 5)
    z = np.repeat(np.clip(0.5 + 4 * (xs - 0.5), 0.1, 0.9)[:, None], 5, axis=1)
    view = camera(eye=(3.0, 0.0, 0.1), up=(0.0, 0.0, 1.0))
    seen = raster.surface(view, xs, ys, z, lambda h: np.column_stack([h, 0 * h, 1 - h, 0 * h + 0.5]),
                          np.ones(z.shape), None)
    assert set(np.round(np.unique(seen.colours[..., 3]), 3)) <= {0.0, 0.5, 0.75, 0.875, 0.938, 0.969, 0.984}
    assert seen.colours[..., 3].max() >= 0.75


def test_contour_lines_stand_where_the_height_is_theirs():
    xs = np.linspace(0, 1, 51)
    z = np.repeat(xs[:, None], 51, axis=1)
    levels = raster.Levels(0.25, 0.75, 0.25, np.array([1.0, 1, 1, 1]), 1.0)
    view = camera(400, 400)
    seen = raster.surface(view, xs, xs, z, lambda h: np.tile([0.0, 0, 0, 1], (len(h), 1)), np.ones(z.shape), levels)
    bright = np.flatnonzero(seen.colours[200, :, 0] > 0.5)
    at = [view.project(np.array([h, 0.5, h]))[0] for h in (0.25, 0.5, 0.75)]
    assert all(np.abs(bright - place).min() < 1.5 for place in at) and len(bright) <= 9


# Words and numbers


@pytest.mark.parametrize("value, form, said", [
    (1234567.0, ",", "1,234,567"), (0.25, ".0%", "25%"), (0.25, "~%", "25%"), (12000.0, "~s", "12k"),
    (0.02, "~g", "0.02"),
    (0.123456, ".4~g", "0.1235"), (-3.0, "", "−3"), (0.0, "", "0"), (0.00002, "", "2×10⁻⁵"), (1e7, "~g", "10⁷")])
def test_numbers_are_written_as_the_page_writes_them(value, form, said):
    assert formatted(value, form) == said


def test_marks_of_html_become_plain_text():
    assert plain("<b>R<sup>2</sup></b><br>a &amp; b, 10^−5, x<sub>1</sub>") == "R²\na & b, 10⁻⁵, x₁"


def test_round_places_are_round_and_not_too_many():
    assert round_places(0, 1, 6) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert Scale("x", {"type": "log", "dtick": 1}).ticks(0.01, 10)[0] == [0.01, 0.1, 1, 10]


def test_colours_and_their_scales():
    assert rgba("rgba(255,0,0,0.5)") == (1, 0, 0, 0.5) and rgba("#00ff00") == (0, 1, 0, 1)
    found = scaled([[0, "#000000"], [1, "#ffffff"]], np.array([0.5, np.nan]))
    assert np.allclose(found[0], [0.5, 0.5, 0.5, 1]) and found[1, 3] == 0
    with pytest.raises(ValueError, match="turquoise"):
        rgba("turquoise")
