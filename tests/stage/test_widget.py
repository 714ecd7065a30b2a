"""The notebook's widget on Python's side: what its traits take, what it brings, what a cell shows."""

import base64
import gzip
import importlib.util
import json
import re
import struct

import numpy as np
import pytest
import widget_host

import thermoviz as tv
from thermoviz.presentation.looks import LOOKS
from thermoviz.stage.notebook import shown
from thermoviz.stage.notebook.picture import still_png
from thermoviz.stage.payload import payload


@pytest.fixture(scope="module")
def run():
    return tv.load_preset("three-minds")


@pytest.fixture
def widget(run):
    return run.widget()


@pytest.fixture(scope="module")
def lost():
    return widget_host.lost_run()


@pytest.fixture
def analytic():
    return tv.load_preset("mueller-brown")


def test_it_brings_the_stage_s_own_message(run, widget):
    sent = json.loads(gzip.decompress(widget._message))
    assert sent == json.loads(json.dumps(payload(run)))
    assert set(widget._looks) == {"dark", "light"}
    assert b"export const render" in gzip.decompress(widget._program)


@pytest.mark.parametrize("key", tv.PRESETS)
def test_what_travels_is_binary_and_smaller_than_the_file(key):
    run = tv.load_preset(key)
    state = run.widget().get_state()
    brought = sum(len(value if isinstance(value, (bytes, memoryview)) else json.dumps(value).encode())
                  for value in state.values())
    assert brought < 0.55 * len(run.to_html())
    assert max(len(value) for value in state.values() if isinstance(value, str)) < 2000


def test_settings_reach_the_message(run):
    widget = run.widget(look="light", temperature=.25, n_balls=7, seed=3)
    sent = json.loads(gzip.decompress(widget._message))
    assert (sent["temperature"], sent["n_balls"], sent["seed"]) == (.25, 7, 3) and widget.temperature == .25
    assert list(widget._looks) == ["light"] and sent["look"] == widget._looks["light"]


def test_widgets_of_one_run_share_nothing_that_changes(run):
    one, other = run.widget(), run.widget()
    one.temperature, one.camera, one.clicked = .3, {"zoom": 2}, (0, 0)
    one._looks["dark"]["heat"] = "#000000"
    assert other.temperature == run.widget().temperature != .3
    assert other.camera == {} and other.clicked is None and other._looks["dark"]["heat"] != "#000000"


@pytest.mark.parametrize("name, value", [
    ("temperature", -1), ("temperature", float("nan")), ("temperature", float("inf")), ("temperature", "hot"),
    ("temperature", None), ("temperature", True), ("temperature", [1]), ("camera", 3), ("camera", None),
    ("camera", {"zom": 2}), ("camera", {"zoom": 99}), ("camera", {"zoom": float("nan")}), ("camera", {"elevation": -1}),
    ("camera", {"top": "yes"}), ("camera", {"azimuth": "north"}), ("clicked", (99, 0)), ("clicked", (0, float("nan"))),
    ("clicked", None), ("clicked", 7), ("clicked", "ab"), ("clicked", (1, 2, 3)), ("clicked", {"x": 0}),
])
def test_what_cannot_be_is_refused_in_one_sentence_and_changes_nothing(widget, name, value):
    before = getattr(widget, name)
    with pytest.raises(tv.BadInput) as told:
        setattr(widget, name, value)
    assert re.fullmatch(r"[^\n]+\.", str(told.value)) and getattr(widget, name) == before


@pytest.mark.parametrize("settings", [{"look": "pink"}, {"temperature": -1}, {"n_balls": 0}, {"start": "nowhere"},
                                      {"seed": -1}])
def test_settings_out_of_range_are_refused(run, settings):
    with pytest.raises(tv.BadInput):
        run.widget(**settings)


def test_a_part_of_the_camera_may_be_set(widget):
    whole = {"azimuth": .5, "elevation": 1.0, "zoom": 1.0, "panX": .0, "panY": .0, "top": True}
    widget.camera = whole
    widget.camera = {"zoom": 2}
    assert widget.camera == {**whole, "zoom": 2}
    widget.camera = {"elevation": .7}  # nothing that looks from the top has it
    assert widget.camera == {**whole, "zoom": 2, "elevation": .7, "top": False}


def test_a_click_tells_loss_valley_and_the_nearest_step(run, widget):
    basins, paths = run.surface.basins, run.arrays["paths_u"]
    t, k = 5, 2
    x, y = (float(one) for one in paths[t, k])
    widget.clicked = (x, y)
    found = widget.clicked
    away = np.hypot(paths[..., 0] - x, paths[..., 1] - y)
    assert found["loss"] == pytest.approx(float(run.surface((x, y)))) and found["count"] == 1
    assert found["valley"]["index"] == basins.label_at((x, y)) and found["step"]["distance"] == away.min() == 0
    at, network = np.unravel_index(away.argmin(), away.shape)
    assert found["step"]["step"] == run.arrays["steps"][at] and found["step"]["network"] == network
    assert found["step"]["loss"] == pytest.approx(float(run.arrays["losses"][at, network]))
    widget.clicked = tuple(basins.minima[1])
    assert widget.clicked["valley"]["index"] == 1 and widget.clicked["count"] == 2
    assert widget.clicked["loss"] == pytest.approx(basins.energies[1])
    json.dumps(widget.clicked, allow_nan=False)


def test_a_potential_has_no_steps(analytic):
    widget = analytic.widget()
    widget.clicked = tuple(analytic.surface.basins.minima[0])
    assert widget.clicked["step"] is None and widget.clicked["valley"]["index"] == 0


def test_clicks_of_the_browser_and_of_python_are_told_apart_by_their_count(widget):
    heard = []
    widget.observe(lambda change: heard.append(change["new"]["count"]), "clicked")
    widget.set_state({"_click": [.1, .2, 1]})  # as the browser sends it
    assert widget.clicked["x"] == .1 and widget._click == [.1, .2, 1]
    widget.clicked = (.1, .2)  # the same place once more is another click
    assert widget._click == [.1, .2, 2] and heard == [1, 2]


def test_the_still_picture_is_a_png_of_the_surface_s_shape(run):
    (x0, x1), (y0, y1) = run.surface.bounds
    for look in LOOKS.values():
        picture = still_png(run, look)
        assert picture.startswith(b"\x89PNG\r\n\x1a\n") and len(picture) < 60_000
        width, height = struct.unpack(">II", picture[16:24])
        assert width / height == pytest.approx((x1 - x0) / (y1 - y0), rel=.01)


def test_the_still_picture_is_darkest_where_the_valleys_are(run):
    """Its palette goes from the valleys' colour to the ceiling's."""
    from thermoviz.stage.notebook.picture import NOTHING, PATH, SHADES, _relief

    pixels, (x0, x1), (y0, y1) = _relief(run.surface), *run.surface.bounds
    height, width = pixels.shape
    for (x, y), energy in zip(run.surface.basins.minima, run.surface.basins.energies, strict=True):
        got = pixels[round((y1 - y) / (y1 - y0) * (height - 1)), round((x - x0) / (x1 - x0) * (width - 1))]
        part = (energy - run.surface.minimum) / (run.surface.ceiling - run.surface.minimum)
        assert got // (SHADES + 1) == pytest.approx(39 * part, abs=1)
    assert NOTHING in pixels and PATH not in pixels


def test_a_saved_cell_has_a_picture_for_readers_without_a_kernel(run, widget):
    data, _ = widget._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    assert data["text/plain"].startswith("StageWidget(Run(") and "<script" not in data["text/html"]
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', data["text/html"])[1]
    assert base64.b64decode(picture) == still_png(run, LOOKS["dark"]) and len(data["text/html"]) < 60_000


def test_outside_a_notebook_a_run_shows_what_it_did(run):
    assert run._repr_mimebundle_() is None and "<iframe" in run._repr_html_()


def test_without_anywidget_the_extra_is_named(run, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name, *more: find(name, *more) if name != "anywidget" else None)
    with pytest.raises(tv.BadInput, match=re.escape('pip install "thermoviz[notebook]"')):
        run.widget()
    monkeypatch.setattr(shown, "in_notebook", lambda: True)
    assert run._repr_mimebundle_() is None  # the page in a frame, as before


def test_a_run_without_a_surface_shows_what_became_of_it(lost):
    widget = lost.widget()
    data, _ = widget._repr_mimebundle_()
    assert widget._message == b"" and widget.temperature is None
    for text in (widget._reading, data["text/html"], lost._repr_html_()):
        assert lost.reading[:20] in text and "no surface" in text
    with pytest.raises(tv.BadInput, match="temperature"):
        lost.widget(temperature=-1)
    with pytest.raises(tv.BadInput):
        widget.clicked = (0, 0)
