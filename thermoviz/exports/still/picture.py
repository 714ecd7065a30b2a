"""A figure as a picture: its parts in their places, then the bytes of a PNG, an SVG or a PDF."""

import dataclasses
import functools
import io
import textwrap
import threading
from typing import Any

import numpy as np

from ...core.errors import BadInput
from . import bar
from . import legend as legends
from . import scene as scenes
from .axes import GAP, INCH, POINTS, Properties, Scale, dress
from .colours import rgba
from .traces import BACK, MARKS, TRACES, Pen, dashes, unpacked
from .words import is_bold, plain

WIDTH, HEIGHT = 700, 450  # of a figure that does not say, as Plotly's
FLAT, DEEP = tuple(TRACES), ("surface", "scatter3d")
LETTER = 0.56  # of the font's size: how wide a letter is, amply
FONT = "DejaVu Sans"  # comes with matplotlib: the same picture everywhere
MORE_LETTERS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans", "Microsoft YaHei",
                "PingFang SC", "Hiragino Sans", "Noto Sans Devanagari", "Arial Unicode MS")
FORMATS = ("png", "svg", "pdf")
_one_at_a_time = threading.Lock()  # matplotlib's settings are everybody's
_SETTINGS: Any = {"text.parse_math": False, "svg.fonttype": "none", "pdf.fonttype": 42,
             "svg.hashsalt": "thermoviz", "image.composite_image": False}


@dataclasses.dataclass
class Painted:
    """A figure in matplotlib's hands, and its scene where it has one."""

    figure: Any
    scene: scenes.Scene | None
    scale: float
    ground: tuple[float, float, float, float]


def picture(figure: Any, form: str, width: int | None = None, height: int | None = None, scale: float = 2.0) -> bytes:
    """A Plotly figure, or its dictionary, as the bytes of a "png", "svg" or "pdf".

    width, height: CSS pixels (None: the figure's own height, 700 across). scale: pixels of a PNG for each of them, and
    how fine the relief of any picture is. Raises BadInput for what this renderer does not know.
    """
    if form not in FORMATS:
        raise BadInput(f"a picture is one of {', '.join(FORMATS)}, got {form!r}.")
    with _one_at_a_time:
        import matplotlib

        with matplotlib.rc_context({**_SETTINGS, "font.family": _fonts()}):
            return _bytes(painted(figure, width, height, scale), form)


def pixels(figure: Any, width: int, height: int, scale: float = 1.0) -> tuple[Any, scenes.Scene | None]:
    """RGB uint8 [height, width, 3] of a figure, and its scene, for who draws more on it."""
    with _one_at_a_time:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with matplotlib.rc_context({**_SETTINGS, "font.family": _fonts()}):
            made = painted(figure, width, height, scale)
            made.figure.set_dpi(INCH * scale)
            canvas = FigureCanvasAgg(made.figure)
            canvas.draw()
            return np.asarray(canvas.buffer_rgba())[..., :3].copy(), made.scene


@functools.cache
def _fonts() -> list[str]:
    """Our font, and of those that know more letters the ones that this machine has."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return [FONT, *(name for name in MORE_LETTERS if name in there)]


def _bytes(made: Painted, form: str) -> bytes:
    out = io.BytesIO()
    told = {"png": {"Software": "thermoviz"}, "svg": {"Date": None, "Creator": "thermoviz"},
            "pdf": {"CreationDate": None, "Creator": "thermoviz"}}[form]
    made.figure.savefig(out, format=form, dpi=INCH * made.scale, facecolor=made.ground, metadata=told)
    return out.getvalue()


def painted(figure: Any, width: int | None, height: int | None, scale: float) -> Painted:
    """The figure, drawn. Raises BadInput for traces of other kinds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = unpacked(figure if isinstance(figure, dict) else figure.to_plotly_json())
    layout, traces = found["layout"], [trace for trace in found["data"] if _is_drawn(trace)]
    layout = {**layout, "font": {"size": 12, "color": "#444444", **(layout.get("font") or {})}}
    if unknown := sorted({trace.get("type", "scatter") for trace in traces} - {*FLAT, *DEEP}):
        raise BadInput(f"pictures without a browser know no traces of the kind {', '.join(unknown)}; export the figure "
                       "as HTML.")
    ground = rgba(layout.get("paper_bgcolor", "#ffffff"))
    size = (width or layout.get("width") or WIDTH, height or layout.get("height") or HEIGHT)
    page = Figure(figsize=(size[0] / INCH, size[1] / INCH), dpi=INCH, facecolor=ground)
    FigureCanvasAgg(page)  # which measures words
    sheet = Sheet(page, layout, traces, scale)
    sheet.draw()
    return Painted(page, sheet.scene, scale, ground)


class Sheet:
    """One figure while it is put together: margins first as the layout has them, then as its parts need them."""

    def __init__(self, page: Any, layout: Properties, traces: list[Properties], scale: float) -> None:
        self.page, self.layout, self.traces, self.scale = page, layout, traces, scale
        self.width, self.height = page.get_size_inches() * INCH
        self.font = layout["font"]
        self.scene: scenes.Scene | None = None
        margin = layout.get("margin") or {}
        self.margin = {"l": margin.get("l", 80), "r": margin.get("r", 80), "t": margin.get("t", 100),
                       "b": margin.get("b", 80)}
        self.axes: dict[tuple[str, str], Any] = {}
        self.scales: dict[str, Scale] = {}

    def draw(self) -> None:
        flat = [trace for trace in self.traces if trace.get("type", "scatter") in FLAT]
        deep = [trace for trace in self.traces if trace.get("type") in DEEP]
        self._title()
        legend = legends.make(self.page, self.layout, self.traces)
        bars = [trace for trace in self.traces if trace.get("type") in ("surface", "heatmap", "contour")
                and trace.get("showscale", True)]
        side = bar.room(bars[0], self.font) if bars else 0.0
        if flat or not deep:
            self._charts(flat, legend, side)
        else:
            self._scene(deep, legend, side)
        if bars:
            self._bar(bars[0])

    # Places in the picture, in CSS pixels from the left and from below

    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, width and height of what lies within the margins."""
        left, bottom = self.margin["l"], self.margin["b"]
        return left, bottom, max(self.width - left - self.margin["r"], 20), max(
            self.height - bottom - self.margin["t"], 20)

    def _fraction(self, left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
        return left / self.width, bottom / self.height, width / self.width, height / self.height

    def _extent(self, artist: Any) -> Any:
        """A box in CSS pixels, from the left and from below."""
        return artist.get_window_extent(self.page.canvas.get_renderer())

    # Parts

    def _title(self) -> None:
        title = self.layout.get("title") or {}
        if not (text := plain(title.get("text") or "")):
            return
        font, pad = {**self.font, **(title.get("font") or {})}, title.get("pad") or {}
        x = float(title.get("x", 0.05))
        side = title.get("xanchor", "auto")
        self.page.text(
            (x * self.width + pad.get("l", 0)) / self.width, 1 - pad.get("t", 10) / self.height, text, va="top",
            ha=side if side in ("left", "right", "center") else "left", fontsize=font["size"] * POINTS,
            color=rgba(font["color"]), fontweight="bold" if int(font.get("weight", 400) or 400) >= 600 else "normal")

    def _charts(self, traces: list[Properties], legend: Any, side: float) -> None:
        self.layout["bars"] = [trace for trace in traces if trace.get("type") == "bar"]
        cells = list(dict.fromkeys((trace.get("xaxis") or "x", trace.get("yaxis") or "y") for trace in traces)) or [
            ("x", "y")]
        for cell in cells:
            self._cell(cell)
        for trace in traces:
            cell = trace.get("xaxis") or "x", trace.get("yaxis") or "y"
            TRACES[trace.get("type", "scatter")](
                Pen(self.axes[cell], self.scales[cell[0]], self.scales[cell[1]], self.layout), trace)
        self._see_shapes()
        self._match()
        for (x, y), ax in self.axes.items():
            dress(ax, self.scales[x], self.scales[y], self.font)
            if self.scales[y].settings.get("scaleanchor") and not self.scales[x].log:
                ax.set_aspect(float(self.scales[y].settings.get("scaleratio", 1)), adjustable="box")
        self._shapes()
        self._fit(legend, side)
        self._annotations()

    def _scale(self, name: str) -> Scale:
        if name not in self.scales:
            self.scales[name] = Scale(name[0], self.layout.get(f"{name[0]}axis{name[1:]}") or {})
        return self.scales[name]

    def _cell(self, cell: tuple[str, str]) -> None:
        x, y = map(self._scale, cell)
        below = next((ax for (one, _y), ax in self.axes.items() if one == cell[0] and y.settings.get("overlaying")),
                     None)
        ax = below.twinx() if below is not None else self.page.add_axes((0.1, 0.1, 0.8, 0.8))
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set_facecolor(rgba(self.layout.get("plot_bgcolor", "#ffffff")) if below is None else "none")
        ax.set_axisbelow(True)
        for scale, side in ((x, ax.xaxis), (y, ax.yaxis)):
            if (where := scale.settings.get("side")) in ("right", "top"):
                side.set_ticks_position(where)
                side.set_label_position(where)
        self.axes[cell] = ax

    def _match(self) -> None:
        for scale in self.scales.values():
            if (other := self.scales.get(str(scale.settings.get("matches")))) is not None:
                scale.joined(other)

    def _fit(self, legend: Any, side: float) -> None:
        """The margins that all words need, and no more: what stands beside the charts, the legend, what is below."""
        at_least = dict(self.margin)
        caption = self._below()
        low = legend is not None and legend[1] == "below"
        high = legend is not None and legend[1] == "above"
        legend_height = self._extent(legend[0]).height if low or high else 0.0
        self.margin["r"] += side
        for _again in range(2):
            self._place()
            left, bottom, width, height = self.box()
            boxes = [ax.get_tightbbox(self.page.canvas.get_renderer()) for ax in self.axes.values()]
            need = {"l": left - min(box.x0 for box in boxes), "b": bottom - min(box.y0 for box in boxes),
                    "r": max(box.x1 for box in boxes) - left - width,
                    "t": max(box.y1 for box in boxes) - bottom - height}
            self.margin = {
                "l": max(at_least["l"], need["l"] + GAP), "r": max(at_least["r"], need["r"] + GAP) + side,
                "t": max(at_least["t"], need["t"] + GAP / 2) + (legend_height if high else 0),
                "b": max(at_least["b"], need["b"] + GAP / 2 + (legend_height + GAP if low else 0) + caption)}
        self._place()
        if legend is not None:
            self._put(legend, caption)

    def _below(self) -> float:
        """Height that a caption takes, which stands below all else."""
        return max((self._caption_height(one) for one in self.layout.get("annotations") or () if _is_caption(one)),
                   default=0.0)

    def _caption_height(self, one: Properties) -> float:
        size = float({**self.font, **(one.get("font") or {})}["size"])
        return 1.35 * (self._caption(one, size).count("\n") + 1) * size + GAP / 2

    def _caption(self, one: Properties, size: float) -> str:
        """Its lines, broken where they would go over the picture's edge."""
        letters = int((self.width - 2 * GAP) / (LETTER * size))
        return "\n".join(textwrap.fill(line, letters) for line in plain(one.get("text", "")).split("\n"))

    def _place(self) -> None:
        left, bottom, width, height = self.box()
        for (x, y), ax in self.axes.items():
            (x0, x1), (y0, y1) = self.scales[x].domain, self.scales[y].domain
            ax.set_position(self._fraction(left + x0 * width, bottom + y0 * height, (x1 - x0) * width,
                                           (y1 - y0) * height))

    def _scene(self, traces: list[Properties], legend: Any, side: float) -> None:
        self.margin["r"] += side
        self.scene = scenes.draw(self.page, self.layout, traces, self.box(), self.scale)
        if legend is not None:
            self._put(legend, self._below())
        self._annotations()

    def _bar(self, trace: Properties) -> None:
        """The bar beside the charts; an aspect may have made them narrower than their room."""
        left, bottom, width, height = self.box()
        for ax in self.axes.values():
            ax.apply_aspect()
        if self.axes:
            width = max(ax.get_window_extent().x1 for ax in self.axes.values()) - left
        bar.draw(self.page, trace, self.font, (left + width + GAP, bottom, height))

    # The legend

    def _put(self, legend: tuple[Any, str], caption: float) -> None:
        drawn, where = legend
        box, told = self._extent(drawn), self.layout.get("legend") or {}
        left, bottom, width, height = self.box()
        side = {"right": 1.0, "center": 0.5}.get(str(told.get("xanchor")), 0.0)
        beginning = max(min(left + float(told.get("x", 0)) * width - side * box.width,
                            self.width - box.width - GAP), 2)
        if where == "below":
            at = (beginning, caption + GAP / 2 + box.height)
        elif where == "above":
            at = (beginning, self.height - self.margin["t"] + box.height + GAP / 2)
        else:
            x, y = float(told.get("x", 1.02)), float(told.get("y", 1))
            right = told.get("xanchor") == "right" or (told.get("xanchor", "auto") == "auto" and x > 2 / 3)
            anchor = told.get("yanchor", "auto")
            below = anchor == "bottom" or (anchor == "auto" and y < 1 / 3)
            middle = anchor == "middle"
            at = (left + x * width - (box.width if right and x <= 1 else 0),
                  bottom + y * height + (box.height if below else box.height / 2 if middle else 0))
        drawn.set_loc("upper left")
        drawn.set_bbox_to_anchor((max(at[0], 2) / self.width, at[1] / self.height), transform=self.page.transFigure)

    # Shapes and words

    def _shapes(self) -> None:
        for shape in self.layout.get("shapes") or ():
            for ax, x, y in self._at(shape):
                line = shape.get("line") or {}
                transform = _transform(ax, shape)
                order = BACK if shape.get("layer") == "below" else MARKS - 0.2
                style = {"color": rgba(line.get("color", "#444444")), "linewidth": float(line.get("width", 2)) * POINTS,
                         "linestyle": dashes(line, float(line.get("width", 2)))}
                if shape.get("type") == "line":
                    from matplotlib.lines import Line2D

                    ax.add_line(Line2D(x, y, transform=transform, zorder=order, **style))
                else:
                    from matplotlib.patches import Rectangle

                    ax.add_patch(Rectangle(
                        (x[0], y[0]), x[1] - x[0], y[1] - y[0], transform=transform, zorder=order,
                        facecolor=rgba(shape.get("fillcolor", "rgba(0,0,0,0)")), edgecolor=style["color"],
                        linewidth=style["linewidth"], linestyle=style["linestyle"]))

    def _see_shapes(self) -> None:
        """Axes reach as far as the lines that are drawn across."""
        for shape in self.layout.get("shapes") or ():
            for letter in "xy":
                name = str(shape.get(f"{letter}ref", letter))
                if name in self.scales and not self.scales[name].categories:
                    self.scales[name].see([float(shape[f"{letter}0"]), float(shape[f"{letter}1"])], roomy=False)

    def _at(self, shape: Properties) -> list[tuple[Any, list[float], list[float]]]:
        x, y = (str(shape.get(name, name[0])).split(" ")[0] for name in ("xref", "yref"))
        found = self.axes.get((x, y)) or next(
            (ax for (one, other), ax in self.axes.items() if one == x or other == y), None) or next(
            iter(self.axes.values()), None)
        if found is None:
            return []
        return [(found, [_number(self.scales, x, shape[name]) for name in ("x0", "x1")],
                 [_number(self.scales, y, shape[name]) for name in ("y0", "y1")])]

    def _annotations(self) -> None:
        for one in self.layout.get("annotations") or ():
            if one.get("visible", True) and one.get("text"):
                self._annotation(one)

    def _annotation(self, one: Properties) -> None:
        font = {**self.font, **(one.get("font") or {})}
        column, row = self._pixel(one, 0), self._pixel(one, 1)
        if column is None or row is None:
            return
        column += float(one.get("xshift", 0))
        row += float(one.get("yshift", 0))
        if _is_caption(one):
            column, row = GAP, GAP / 2
        sides = {"auto": "center", "middle": "center"}
        x, y = (str(one.get(name, "auto")) for name in ("xanchor", "yanchor"))
        if x == "auto" and one.get("xref") == "paper":
            x = "left" if float(one.get("x", 0)) < 1 / 3 else "right" if float(one.get("x", 0)) > 2 / 3 else "center"
        text = one.get("text")
        said = self._caption(one, font["size"]) if _is_caption(one) else plain(text)
        self.page.text(column / self.width, row / self.height, said, ha=sides.get(x, x),
                       va=sides.get(y, y), fontsize=font["size"] * POINTS, color=rgba(font["color"]),
                       fontweight="bold" if is_bold(text) else "normal", rotation=-float(one.get("textangle", 0)),
                       multialignment=one.get("align", "center"), zorder=6)

    def _pixel(self, one: Properties, side: int) -> float | None:
        """Pixels from the left (side 0) or from below (1) of what stands at x and y."""
        name, box = "xy"[side], self.box()
        reference = str(one.get(f"{name}ref", name))
        if reference == "paper" or not self.axes:
            return box[side] + float(one[name]) * box[side + 2]
        return self._along(reference, one[name], side)

    def _along(self, reference: str, value: Any, side: int) -> float | None:
        """Pixels from the left (side 0) or from below (1) of a value on an axis, or of a share of its domain."""
        name, _space, domain = reference.partition(" ")
        ax = next((ax for cell, ax in self.axes.items() if cell[side] == name), None)
        if ax is None:
            return None
        ax.apply_aspect()
        box = ax.get_window_extent()
        if domain:
            return float((box.x0, box.y0)[side] + float(value) * (box.width, box.height)[side])
        scale = self.scales[name]
        # A figure names a place on a logarithmic axis by its logarithm, in annotations alone.
        at = 10.0 ** float(value) if scale.log else float(scale.places([value])[0])
        return float(ax.transData.transform((at, at))[side])


def _is_drawn(trace: Properties) -> bool:
    """Not what is hidden, nor a curve without points."""
    return trace.get("visible", True) is True and (trace.get("x") is None or len(trace["x"]) > 0)


def _is_caption(one: Properties) -> bool:
    """Words in the margin below everything (see `figures.still`)."""
    return one.get("xref") == one.get("yref") == "paper" and one.get("y") == 0 and float(one.get("yshift", 0)) < 0


def _number(scales: dict[str, Scale], name: str, value: Any) -> float:
    return float(scales[name].places([value])[0]) if name in scales else float(value)


def _transform(ax: Any, shape: Properties) -> Any:
    from matplotlib.transforms import blended_transform_factory

    sides = ["domain" in str(shape.get(ref, "")) or shape.get(ref) == "paper" for ref in ("xref", "yref")]
    x, y = (ax.transAxes if side else ax.transData for side in sides)
    return blended_transform_factory(x, y)
