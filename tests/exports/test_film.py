"""Films of balls: their places are `simulate`'s, and the files hold what was asked for."""

import io

import numpy as np
import pytest
from PIL import Image

import thermoviz as tv
from thermoviz.core.dynamics.integrators import Overdamped
from thermoviz.experiments.presets import load_preset
from thermoviz.exports import film as films
from thermoviz.figures.still import named_look

SMALL = dict(seconds=0.5, fps=10, size=(160, 120), n_balls=40)


@pytest.fixture(scope="module")
def run():
    return load_preset("three-minds")


@pytest.fixture(scope="module")
def gif(run):
    return films.film(run, "gif", temperature=0.1, seed=3, **SMALL)


def told(run, **changed):
    settings = dict(seconds=0.5, fps=10, size=(160, 120), temperature=0.1, n_balls=40, start="uniform", seed=3,
                    speed=1.0) | changed
    return films._told(run, "gif", *(settings[name] for name in (
        "seconds", "fps", "size", "temperature", "n_balls", "start", "seed", "speed")))


def test_the_balls_are_those_of_simulate_with_the_same_seed(run):
    asked = told(run)
    balls = films.rolled(run, asked)
    x0 = balls.x[0]
    dt = run.surface.suggested_dt(0.1, highest_start=float(run.surface(x0).max()))
    again = tv.simulate(run.surface, Overdamped(dt=dt), x0, steps=4 * 24, temperature=0.1, seed=3, record_every=24)
    assert len(balls.x) == asked.frames == 5
    np.testing.assert_array_equal(balls.x[-1], again.x[-1])
    np.testing.assert_array_equal(balls.x, films.rolled(run, asked).x)
    assert not np.array_equal(balls.x[-1], films.rolled(run, told(run, seed=4)).x[-1])


def test_balls_in_equilibrium_stay_there(run):
    """Mean energy of 4000 balls that began in equilibrium, within 5 standard errors of the exact one, to the end."""
    asked = told(run, start="boltzmann", n_balls=4000, seconds=2)
    energy = run.surface(films.rolled(run, asked).x)
    exact = run.surface.equilibrium(0.1).U
    assert (np.abs(energy.mean(1) - exact) < 5 * energy.std(1) / np.sqrt(4000)).all()


def test_every_ball_that_is_drawn_stands_where_its_place_is_seen(run):
    """One ball on an otherwise equal picture: the pixels that differ are around its projection."""
    look, asked = named_look("dark"), told(run, size=(320, 240))
    ground, scene = films._ground(run, asked, look, "")
    place = run.surface.basins.minima[:1]
    at, front = scene.seen(np.column_stack([place, run.surface(place) + 0.012]))
    picture = ground.copy()
    films._draw_balls(picture, run, scene, place, look)
    rows, columns = np.nonzero((picture != ground).any(-1))
    radius = films.RADIUS * scene.camera.height / (2 * np.tan(np.pi / 8)) / at[0, 2]
    assert front[0] and len(rows) and np.abs(columns - at[0, 0] - scene.left).max() < 2 * radius + 2
    assert np.abs(rows - at[0, 1] - scene.top).max() < 3 * radius + 2


@pytest.mark.parametrize("preset", ["three-minds", "mueller-brown", "digits"])
def test_the_camera_stands_where_it_sees_every_valley(preset):
    run = load_preset(preset)
    _ground, scene = films._ground(run, told(run, size=(320, 240)), named_look("dark"), "")
    minima, energies = np.asarray(run.surface.basins.minima), run.surface.basins.energies
    above = 0.012 * (run.surface.ceiling - run.surface.minimum)
    assert scene.seen(np.column_stack([minima, np.array(energies) + above]))[1].all()


def test_a_gif_has_its_pictures_and_lasts_as_long_as_asked(gif):
    assert gif.startswith(b"GIF89a")
    found = Image.open(io.BytesIO(gif))
    assert found.size == (160, 120) and found.n_frames == 5
    pictures, spent = [], 0
    for k in range(5):
        found.seek(k)
        spent += found.info["duration"]
        pictures.append(np.asarray(found.convert("RGB"), int))
    assert spent == 500 and all((np.abs(a - b) > 20).any() for a, b in zip(pictures, pictures[1:], strict=False))


def test_odd_rates_last_exactly_as_long_together(run):
    found = Image.open(io.BytesIO(films.film(run, "gif", seconds=1, fps=7, size=(96, 64), n_balls=3)))
    spent = 0
    for k in range(found.n_frames):
        found.seek(k)
        spent += found.info["duration"]
    assert found.n_frames == 7 and spent == 1000


def test_an_mp4_has_its_pictures_and_lasts_as_long_as_asked(run, tmp_path):
    av = pytest.importorskip("av")
    heard = []
    path = run.to_film(tmp_path / "balls.mp4", temperature=0.1, seed=3, progress=heard.append, **SMALL)
    assert path.read_bytes()[4:8] == b"ftyp" and heard == [0.2, 0.4, 0.6, 0.8, 1.0]
    with av.open(str(path)) as film:
        (stream,) = film.streams.video
        assert (stream.width, stream.height, stream.average_rate) == (160, 120, 10)
        assert stream.codec_context.name == "h264" or "libx264" not in av.codecs_available
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(stream)]
        assert film.duration == 500_000
    assert len(pictures) == 5 and np.abs(pictures[0] - pictures[-1]).max() > 60


def test_a_schedule_is_told_picture_by_picture(run, monkeypatch):
    written = []
    monkeypatch.setattr(films._Writer, "on", lambda self, picture, *lines: written.append(lines[0]))
    asked = told(run, temperature=lambda step: 0.1 + step / 1000)
    list(films.frames(run, asked, named_look("light")))
    assert written == ["T = 0.1", "T = 0.124", "T = 0.148", "T = 0.172", "T = 0.196"]


def test_without_pyav_the_way_out_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(tv.ThermovizError, match=r"thermoviz\[film\].*GIF"):
        run.to_film(tmp_path / "a.mp4", **SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [
    {"seconds": 0}, {"seconds": "2"}, {"fps": 0}, {"fps": 51}, {"fps": 2.5}, {"size": (161, 120)}, {"size": (10, 10)},
    {"temperature": -1}, {"temperature": float("nan")}, {"n_balls": 0}, {"start": "nowhere"}, {"start": [[1e9, 0]]},
    {"speed": 0}, {"look": "pink"}, {"seed": -1}])
def test_what_is_out_of_range_is_refused_and_no_file_is_left(run, tmp_path, wrong):
    with pytest.raises(tv.BadInput):
        run.to_film(tmp_path / "a.gif", **{**SMALL, **wrong})
    assert not list(tmp_path.iterdir())


def test_a_film_is_no_picture(run, tmp_path):
    with pytest.raises(tv.BadInput, match=r"\.gif or \.mp4"):
        run.to_film(tmp_path / "a.png")
