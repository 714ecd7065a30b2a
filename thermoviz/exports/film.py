"""Balls that roll on a run's surface, as a film: `simulate` moves them, numpy draws them.

The relief is drawn once; a picture of the film is that one with the balls of its moment on it.
"""

import functools
import io
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.dynamics.integrators import Overdamped
from ..core.dynamics.simulation import Trajectory, simulate
from ..core.errors import BadInput, ThermovizError
from ..core.seeds import rng
from ..experiments.presets import PRESETS, preset_of
from ..figures.paper import opacity
from ..figures.relief import CAMERA_AZIMUTH, surface3d
from ..figures.still import named_look
from ..presentation.looks import Look
from ..presentation.names import class_title
from ..presentation.numbers import number
from ..presentation.words import _, term
from ..runs import files
from ..runs.late import perhaps, room_of
from .still.colours import rgba
from .still.picture import pixels
from .still.scene import Scene

STEPS_PER_SECOND = 240  # as on the stage, at speed 1
FIRST_TEMPERATURE = 0.1  # of the surface's scale, where nobody says otherwise
STARTS = ("uniform", "boltzmann")
SEEN = 0.8  # of the way to the ceiling: uniform balls start below
MOST_BALLS, MOST_FRAMES, MOST_PIXELS = 5000, 36_000, 3840
FASTEST_GIF = 50  # pictures a second: browsers slow down what has less than 2/100 s each
ELEVATION, DISTANCE = math.radians(60), 2.05  # looks down steeply: walls hide little
FINE, OPACITIES = 4, 16  # steps of a ball's place and radius within a pixel, and of its opacity
RADIUS = 0.011  # of a ball, in sides of the scene
ENDINGS = ("gif", "mp4")
CODECS = ("libx264", "libopenh264", "mpeg4")  # of an MP4, the best that PyAV's build has
QUALITY = {"crf": "20", "preset": "fast"}
CLEAR_ROOM = 0.02  # of the picture, around what is written in it


class Told(NamedTuple):
    """What a film shows, as somebody asked for it."""

    seconds: float
    fps: int
    size: tuple[int, int]
    temperature: Any
    n_balls: int
    start: Any
    seed: int
    speed: float

    @property
    def frames(self) -> int:
        return max(1, round(self.seconds * self.fps))

    @property
    def steps(self) -> int:
        """Of the balls, between two pictures."""
        return max(1, round(STEPS_PER_SECOND * self.speed / self.fps))


def film(run: Any, form: str, *, seconds: float = 8.0, fps: int = 25, size: Sequence[int] | None = None,
         temperature: Any = None, n_balls: int = 300, start: Any = "uniform", seed: int = 0, speed: float = 1.0,
         look: str | Look = "dark", title: str | None = None,
         progress: Callable[[float], Any] | None = None) -> bytes:
    """The bytes of a "gif" or an "mp4" of `seconds` at `fps` pictures a second, `size` = (width, height) in pixels.

    temperature: a number, or a callable of the step (such as tv.Schedule); None: what the run's page starts with.
    n_balls start at `start`: "uniform", "boltzmann" (already in equilibrium), or places [n, 2]. speed: 1 is the
    stage's, 240 steps a second. seed: of start and noise. The balls are `rolled(run, ...)`'s. progress(fraction): after
    each picture. Raises BadInput for a run without a surface and for what is out of range.
    """
    told = _told(run, form, seconds, fps, size, temperature, n_balls, start, seed, speed)
    theme = named_look(look)
    pictures = _told_of(frames(run, told, theme, title), told.frames, progress)
    return _gif(pictures, told) if form == "gif" else _mp4(pictures, told)


def to_film(run: Any, path: Any, **settings: Any) -> Any:
    """Writes `film` to a file that ends in .gif or .mp4, all of it or nothing; its path. Raises BadInput as `film`."""
    file = files.path_of(path)
    if (form := file.suffix.lower().removeprefix(".")) not in ENDINGS:
        raise BadInput(f"a film ends in .gif or .mp4, and {files.brief(file.name)} does not.")
    return files.written(file, film(run, form, **settings))


def _told(run: Any, form: str, seconds: Any, fps: Any, size: Any, temperature: Any, n_balls: Any, start: Any,
          seed: Any, speed: Any) -> Told:
    if run.surface is None:
        raise BadInput("a film shows balls on a surface, and this run has none: every network diverged, or it is not "
                       "computed yet.")
    size = (640, 480) if size is None and form == "gif" else (960, 720) if size is None else tuple(size)
    if len(size) != 2 or not all(_whole(side, 64, MOST_PIXELS) and side % 2 == 0 for side in size):
        raise BadInput(f"size must be (width, height), two even numbers of pixels from 64 to {MOST_PIXELS}, got "
                       f"{size!r}.")
    most = FASTEST_GIF if form == "gif" else 120
    if not _whole(fps, 1, most):
        raise BadInput(f"fps must be a whole number from 1 to {most}, got {fps!r}.")
    if not (_number(seconds) and 0 < seconds * fps <= MOST_FRAMES):
        raise BadInput(f"seconds must be a number above 0, of at most {MOST_FRAMES:,} pictures, got {seconds!r}.")
    if not (_number(speed) and 0 < speed <= 100):
        raise BadInput(f"speed must be a number above 0 and at most 100, got {speed!r}.")
    if not _whole(n_balls, 1, MOST_BALLS):
        raise BadInput(f"n_balls must be a whole number from 1 to {MOST_BALLS:,}, got {n_balls!r}.")
    if temperature is None:
        temperature = _own_temperature(run)
    elif not callable(temperature) and not (_number(temperature) and temperature >= 0):
        raise BadInput(f"temperature must be a number >= 0, or a callable of the step, got {temperature!r}.")
    return Told(float(seconds), int(fps), (int(size[0]), int(size[1])), temperature, int(n_balls), start, seed,
                float(speed))


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(least <= value <= most)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and math.isfinite(value)


def _own_temperature(run: Any) -> float:
    page = perhaps(room_of(run.spec), "page")
    stage = page.page().stage if page else None
    return float((stage(run) if stage else {}).get("temperature") or FIRST_TEMPERATURE * run.surface.scale)


# The balls


def rolled(run: Any, told: Told) -> Trajectory:
    """The balls at each picture: `simulate` of Overdamped motion at the surface's own careful step."""
    surface, x0 = run.surface, _begun(run, told)
    highest = float(np.nanmax(surface(x0)))
    hottest = _hottest(told)
    dt = surface.suggested_dt(hottest, highest_start=highest)
    return simulate(surface, Overdamped(dt=dt), x0, steps=told.steps * (told.frames - 1),
                    temperature=told.temperature, seed=told.seed, record_every=told.steps)


def _hottest(told: Told) -> float:
    if not callable(told.temperature):
        return float(told.temperature)
    return max(float(told.temperature(step)) for step in range(0, told.steps * told.frames, told.steps))


def _begun(run: Any, told: Told) -> np.ndarray:
    surface, n = run.surface, told.n_balls
    if not isinstance(told.start, str):
        places = np.asarray(told.start, float)
        if places.ndim != 2 or places.shape[1] != 2 or bool(np.any(surface.masked(places))):
            raise BadInput("start must be places [n, 2] on the surface, 'uniform' or 'boltzmann'.")
        return places
    if told.start not in STARTS:
        raise BadInput(f"start must be places [n, 2], or one of {', '.join(STARTS)}, got {told.start!r}.")
    if told.start == "boltzmann" and (T := float(told.temperature(0) if callable(told.temperature)
                                                 else told.temperature)) > 0:
        return np.asarray(surface.equilibrium(T).sample(n, rng(told.seed, "balls")))
    return _uniform(surface, n, rng(told.seed, "balls"))


def _uniform(surface: Any, n: int, generator: np.random.Generator) -> np.ndarray:
    """n places where the relief is seen, all alike."""
    low, high = np.array(surface.bounds).T
    highest = surface.minimum + SEEN * (surface.ceiling - surface.minimum)
    found = np.empty((0, 2))
    for _try in range(1000):
        trial = low + (high - low) * generator.random((4 * n, 2))
        with np.errstate(invalid="ignore"):
            found = np.concatenate([found, trial[~surface.masked(trial) & (surface(trial) <= highest)]])
        if len(found) >= n:
            return found[:n]
    return np.concatenate([found, np.repeat(surface.basins.minima[:1], n - len(found), axis=0)])


# The pictures


def frames(run: Any, told: Told, look: Look, title: str | None = None) -> Iterator[np.ndarray]:
    """RGB uint8 [height, width, 3], one picture after another."""
    balls = rolled(run, told)
    ground, scene = _ground(run, told, look, title)
    write = _Writer(look, told.size)
    for k in range(told.frames):
        step = int(balls.steps[k])
        T = float(told.temperature(step)) if callable(told.temperature) else float(told.temperature)
        picture = ground.copy()
        _draw_balls(picture, run, scene, balls.x[k], look)
        write.on(picture, f"T = {number(T, 3)}", _("time {t}").format(t=number(float(balls.time[k]), 3)))
        yield picture


def _ground(run: Any, told: Told, look: Look, title: str | None) -> tuple[np.ndarray, Scene]:
    """The relief with the paths, and its scene, for the balls."""
    figure = surface3d(run, look).to_plotly_json()
    figure["data"][0]["showscale"] = False
    figure["data"] = [trace for trace in figure["data"] if trace.get("mode") != "markers"]
    figure["layout"]["scene"]["camera"]["eye"] = dict(zip("xyz", _eye(run), strict=True))
    said = _title(run) if title is None else title
    figure["layout"] |= {"paper_bgcolor": look.background, "title": {
        "text": said, "x": 0, "xanchor": "left", "pad": {"t": 14, "l": 16},
        "font": {"size": look.font_large, "color": look.text, "weight": 600}}}
    drawn, scene = pixels(figure, *told.size)
    assert scene is not None
    return drawn, scene


def _eye(run: Any) -> tuple[float, float, float]:
    """Where the camera stands: on the side of the still figure's, unless another one sees more of the valleys."""
    turns = sorted(range(-180, 180, 20), key=abs)
    eyes = [_at(CAMERA_AZIMUTH + math.radians(turn)) for turn in turns]
    return max(eyes, key=lambda eye: _valleys_seen(run, eye))  # of several as good the first


def _at(azimuth: float) -> tuple[float, float, float]:
    across = DISTANCE * math.cos(ELEVATION)
    return across * math.cos(azimuth), across * math.sin(azimuth), DISTANCE * math.sin(ELEVATION)


def _valleys_seen(run: Any, eye: tuple[float, float, float]) -> int:
    """How many of the valleys no ridge hides: the way from each to the eye stays above the relief."""
    surface = run.surface
    (x0, x1), (y0, y1) = surface.bounds
    low, span = np.array([x0, y0, surface.minimum]), np.array([x1 - x0, y1 - y0, surface.ceiling - surface.minimum])
    longest = max(span[:2])
    aspect = np.array([*(1.25 * span[:2] / longest), 0.55])
    valleys = np.column_stack([surface.basins.minima, surface.basins.energies])
    world = aspect * ((valleys - low) / np.where(span > 0, span, 1) - 0.5)
    way = np.linspace(0.01, 0.6, 80)[:, None, None]
    seen = low + span * ((world + way * (np.array(eye) - world)) / aspect + 0.5)
    inside = ((seen[..., :2] >= [x0, y0]) & (seen[..., :2] <= [x1, y1])).all(-1)
    relief = np.full(inside.shape, -np.inf)
    relief[inside] = surface(seen[inside][:, :2])
    relief[relief > surface.ceiling] = -np.inf  # faded
    return int((~(relief > seen[..., 2]).any(0)).sum())


def _title(run: Any) -> str:
    if (key := preset_of(run.id)) is not None:
        return term(PRESETS[key].title)
    page = perhaps(room_of(run.spec), "page")
    if page is not None:
        return str(page.page().menu)
    subject = getattr(run.spec, "potential", None) or getattr(run.spec, "dataset", run.spec)
    return class_title(type(subject))


def _draw_balls(picture: np.ndarray, run: Any, scene: Scene, u: np.ndarray, look: Look) -> None:
    """Lit spheres with a dark rim and a shadow below, the farthest first; what the relief hides is not drawn."""
    surface = run.surface
    span = (surface.ceiling - surface.minimum) or 1.0
    with np.errstate(invalid="ignore"):
        height = surface(u)
    part = (height - surface.minimum) / span
    at, front = scene.seen(np.column_stack([u, height + 0.012 * span]))
    shown = front & np.isfinite(part) & (part <= 1)
    order = np.flatnonzero(shown)[np.argsort(-at[shown, 2])]
    radius = RADIUS * scene.camera.height / (2 * math.tan(math.pi / 8)) / at[:, 2]
    for k in order:
        ball = _ball(round(FINE * radius[k]), look.heat, look.background, round(OPACITIES * opacity(float(part[k]))))
        ball.put(picture, float(at[k, 0]) + scene.left, float(at[k, 1]) + scene.top)


class _Ball(NamedTuple):
    """How one size of ball is laid over a picture, for each place within a pixel: what is kept, and what is added."""

    keeps: np.ndarray  # [FINE, FINE, side, side, 1]
    adds: np.ndarray  # [FINE, FINE, side, side, 3]
    lift: float

    def put(self, picture: np.ndarray, column: float, row: float) -> None:
        """Stands it on (column, row)."""
        reach = self.keeps.shape[2] // 2
        c, r = math.floor(FINE * column), math.floor(FINE * (row - self.lift))
        c0, r0 = c // FINE - reach, r // FINE - reach
        if c0 < 0 or r0 < 0 or c0 + 2 * reach >= picture.shape[1] or r0 + 2 * reach >= picture.shape[0]:
            return
        patch = picture[r0:r0 + 2 * reach + 1, c0:c0 + 2 * reach + 1]
        within = r % FINE, c % FINE
        patch[...] = patch * self.keeps[within] + self.adds[within]


@functools.lru_cache(maxsize=2048)
def _ball(size: int, colour: str, edge: str, opacity: int) -> _Ball:
    """A ball of size / FINE pixels' radius, opacity / OPACITIES solid."""
    radius, solid = size / FINE, opacity / OPACITIES
    reach = math.ceil(1.4 * radius) + 1
    shift = (np.arange(FINE) + 0.5) / FINE
    pixels = np.arange(2 * reach + 1) - reach + 0.5
    y = (pixels - shift[:, None])[:, None, :, None]
    x = (pixels - shift[:, None])[None, :, None, :]
    far = np.sqrt(x * x + y * y)
    inside = np.clip(radius - far + 0.5, 0, 1)[..., None]
    light = np.clip(1.3 - np.hypot(x + 0.35 * radius, y + 0.35 * radius) / (1.5 * radius), 0.45, 1.25)[..., None]
    rim = 0.75 * np.clip(far - radius + 1.5, 0, 1)[..., None]
    shadow = 0.4 * np.clip(1.2 - np.hypot(x / 1.2, (y - 0.75 * radius) / 0.6) / radius, 0, 1)[..., None]
    lit, dark = (255 * np.array(rgba(one)[:3]) for one in (colour, edge))
    body = np.clip((1 - rim) * light * lit + rim * dark, 0, 255)
    keeps = (1 - solid * shadow * (1 - inside)) * (1 - solid * inside)
    return _Ball(keeps.astype(np.float32), (solid * inside * body).astype(np.float32), 0.7 * radius)


class _Writer:
    """Words in the picture: the temperature, large, in the upper right corner, and the time below it."""

    def __init__(self, look: Look, size: tuple[int, int]) -> None:
        from matplotlib import font_manager
        from PIL import ImageFont

        path = font_manager.findfont("DejaVu Sans")
        self._fonts = [ImageFont.truetype(path, round(share * size[1])) for share in (0.052, 0.026)]
        self._colours = [tuple(round(255 * part) for part in rgba(colour)[:3]) for colour in (look.heat, look.dim)]
        self._room = round(CLEAR_ROOM * size[1])

    def on(self, picture: np.ndarray, *lines: str) -> None:
        from PIL import Image, ImageDraw

        row = self._room
        for line, font, colour in zip(lines, self._fonts, self._colours, strict=True):
            left, top, right, bottom = map(int, font.getbbox(line))
            width, height = right - left + 2, bottom + 4
            column = max(picture.shape[1] - self._room - width, 0)
            part = Image.fromarray(picture[row:row + height, column:column + width])
            ImageDraw.Draw(part).text((-left, 0), line, font=font, fill=colour)
            picture[row:row + height, column:column + width] = np.asarray(part)
            row += height + self._room // 3


# The files


def _told_of(pictures: Iterator[np.ndarray], n: int, progress: Callable[[float], Any] | None) -> Iterator[np.ndarray]:
    for k, picture in enumerate(pictures):
        yield picture
        if progress is not None:
            progress((k + 1) / n)


def _gif(pictures: Iterator[np.ndarray], told: Told) -> bytes:
    """A GIF that begins again; its pictures last whole hundredths of a second, together as long as asked."""
    from PIL import Image

    first = next(pictures)
    palette = Image.fromarray(first).quantize(256, method=Image.Quantize.MEDIANCUT)
    ends = [round(100 * k / told.fps) for k in range(told.frames + 1)]

    def reduced() -> Iterator[Any]:
        for picture in pictures:
            yield Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)

    out = io.BytesIO()
    Image.fromarray(first).quantize(palette=palette, dither=Image.Dither.NONE).save(
        out, "GIF", save_all=True, append_images=reduced(), loop=0, optimize=False, disposal=1,
        duration=[10 * (end - begin) for begin, end in zip(ends, ends[1:], strict=False)])
    return out.getvalue()


def _mp4(pictures: Iterator[np.ndarray], told: Told) -> bytes:
    """An MP4 in H.264, where PyAV has an encoder for it."""
    try:
        import av
    except ImportError:
        raise ThermovizError('an MP4 needs PyAV: pip install "thermoviz[film]"; a GIF needs nothing more.') from None
    codec = next(name for name in CODECS if name in av.codecs_available)
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream: Any = container.add_stream(codec, rate=told.fps, options=QUALITY if codec == "libx264" else {})
        stream.width, stream.height = told.size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return out.getvalue()
