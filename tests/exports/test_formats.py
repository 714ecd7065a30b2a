"""A file is what its name says, or there is none: from Python and from the shell."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas
import pytest
from PIL import Image

import thermoviz as tv
from thermoviz.__main__ import main
from thermoviz.catalogue.shipped import keys, specification_and_path
from thermoviz.experiments.presets import load_preset
from thermoviz.exports.formats import FORMATS
from thermoviz.exports.tables import csv, parquet, tables
from thermoviz.figures.phase import title_of
from thermoviz.runs.run import open_run

SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-1.", "html": b"<!doctype html",
              "csv": b"series,training steps", "parquet": b"PAR1", "gif": b"GIF89a"}


@pytest.fixture(scope="module")
def run():
    return load_preset("three-minds")


@pytest.mark.parametrize("form", ["png", "svg", "pdf", "html", "csv", "parquet"])
def test_a_file_is_what_its_name_says(run, form, tmp_path):
    out = run.export(tmp_path / f"losses.{form.upper() if form == 'png' else form}", "losses")
    contents = out.read_bytes()
    assert contents.lower().startswith(SIGNATURES[form].lower()) or (form == "html" and b"plotly" in contents.lower())
    if form == "svg":
        assert ET.fromstring(contents).tag.endswith("svg")
    if form == "png":
        assert Image.open(io.BytesIO(contents)).size[0] == 1400


def test_every_format_is_known_to_the_tests():
    assert set(FORMATS) == {*SIGNATURES, "mp4"}


def test_a_page_is_the_stage_unless_a_figure_is_named(run, tmp_path):
    stage = run.export(tmp_path / "stage.html").read_text()
    assert stage == run.to_html() and "plotly" not in stage.lower()
    assert "plotly" in run.export(tmp_path / "chart.html", "losses").read_text().lower()


@pytest.mark.parametrize("name, figure", [("a.jpg", None), ("a", None), ("a.png", "nonsense"), ("a.csv", "nonsense"),
                                          ("a.mp4", "losses"), ("a.html", "nonsense"), ("a.tar.gz", None)])
def test_what_cannot_be_written_is_refused_and_leaves_no_file(run, tmp_path, name, figure):
    with pytest.raises(tv.BadInput):
        run.export(tmp_path / name, figure)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_one_sentence(run, tmp_path):
    with pytest.raises(tv.BadInput, match="cannot be written"):
        run.export(tmp_path / "nowhere" / "a.csv", "losses")


def exported(*arguments):
    return main(["export", *map(str, arguments)])


def test_the_shell_writes_what_the_ending_says(tmp_path, capsys):
    for arguments, start in ((("a.png", "--figure"), b"\x89PNG"), (("--figure", "losses", "b.svg"), b"<?xml"),
                             (("c.csv", "--figure", "losses"), b"series,"), (("d.html",), b"<!doctype html")):
        out = tmp_path / next(one for one in arguments if "." in one)
        assert exported("three-minds", *(out if one == out.name else one for one in arguments)) == 0
        assert out.read_bytes()[:20].lower().startswith(start.lower())
        assert f"written to {out}" in capsys.readouterr().out


def test_the_shell_reads_a_figure_without_a_name_in_front(tmp_path):
    assert exported("--figure", "mueller-brown", tmp_path / "a.svg") == 0
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize("name, figure", [("a.jpeg", ()), ("a.png", ("--figure", "nonsense")),
                                          ("a.bmp", ("--figure",))])
def test_the_shell_refuses_in_one_sentence(tmp_path, capsys, name, figure):
    assert exported("three-minds", tmp_path / name, *figure) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("thermoviz: ") and not list(tmp_path.iterdir())


# Those who all diverged


@pytest.fixture(scope="module")
def diverged():
    return tv.run(tv.Descent(dataset="sine", network=tv.MLP((4,), "relu"), dynamics=tv.SGD(50.0), steps=40, replicas=2))


def test_a_run_without_a_surface_is_shown(diverged, tmp_path):
    assert diverged.surface is None
    text = diverged.to_html(tmp_path / "a.html")
    assert "diverged" in text.lower() and "<svg" in text and "<script" not in text
    assert "training steps" in text and (tmp_path / "a.html").read_text() == text
    cell = diverged._repr_html_()
    (svg,) = re.findall(r"data:image/svg\+xml;base64,([^\"]*)", cell)
    assert "did not learn" in cell and b"training steps" in base64.b64decode(svg)
    assert diverged.figure().layout.title.text == "Loss of the networks"


def test_a_run_without_a_surface_leaves_what_it_has(diverged, tmp_path):
    assert "losses" in diverged.tables and "surface3d" not in diverged.tables
    assert diverged.export(tmp_path / "a.png").read_bytes().startswith(SIGNATURES["png"])
    for name in ("a.gif", "b.mp4"):
        with pytest.raises(tv.BadInput, match="diverged"):
            diverged.export(tmp_path / name)
    assert [one.name for one in tmp_path.iterdir()] == ["a.png"]


# Numbers as tables


@pytest.mark.parametrize("key", keys())
def test_every_figure_of_every_shipped_run_has_its_numbers(key):
    run = open_run(specification_and_path(key)[1])
    for name in run.tables:
        table = run.table(name)
        assert len(table) and all(isinstance(column, str) and column for column in table.columns)
        assert table.columns.is_unique and not table.isna().all(axis=None)
        again = pandas.read_parquet(io.BytesIO(parquet(table)))
        pandas.testing.assert_frame_equal(again, table, check_dtype=False)
        assert csv(table).decode().splitlines()[0].count(",") >= len(table.columns) - 1


def test_numbers_are_the_runs_own(run):
    table = run.table("losses")
    one = table[table["series"] == "SGD lr 0.2, train"]
    low, median, high = run.band("data_losses", 0)
    np.testing.assert_array_equal(one["training steps"], run.arrays["steps"])
    np.testing.assert_array_equal(one["loss, nats"], median)
    np.testing.assert_array_equal(one["loss, nats, low end"], low)
    np.testing.assert_array_equal(one["loss, nats, high end"], high)


def test_a_map_has_a_row_for_each_place(run):
    table = run.table("surface3d")
    grid = table[table["series"].isna()].pivot(index="u, length in parameter space",
                                               columns="v, length in parameter space",
                                               values="loss + weight decay, nats")
    np.testing.assert_array_equal(grid.to_numpy(), run.surface.E)


def test_charts_of_one_figure_are_told_apart():
    table = open_run(specification_and_path("interactions")[1]).table("energies")
    assert set(table["chart"]) == {"data", "regulariser", "both"}


def test_a_sweep_has_its_runs_and_its_map():
    run = open_run(specification_and_path("phase-diagram")[1])
    assert run.tables[0] == "runs" and len(run.table()) == run.spec.n_runs
    phase, rows = run.table("phase"), run.table()
    assert len(phase) == np.prod(run.spec.shape)
    mean = rows.groupby(list(run.spec.settings), sort=False)["loss"].mean()
    np.testing.assert_allclose(phase[title_of("loss")], mean)


def test_unknown_tables_are_answered_with_those_there_are(run):
    assert tables(run) == run.tables
    with pytest.raises(tv.BadInput, match=r"no table 'nonsense'; it has .*losses"):
        run.table("nonsense")
