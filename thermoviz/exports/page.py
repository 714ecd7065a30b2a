"""A run as a page that needs no network: the live stage, or where there is no surface what the run says without one."""

import base64
import html
from typing import Any

from ..figures.still import figures_of, named_look, still
from ..presentation.looks import Look
from ..presentation.names import who_diverged
from ..presentation.words import _
from ..stage.html import to_html as stage
from .still.picture import picture


def to_html(run: Any, look: str | Look = "dark", **settings: Any) -> str:
    """A Run as one HTML page: the live stage with its surface; of a run without one, its words and its charts.

    `look`: "dark", "light", "projector" or a Look; `settings`: what the stage takes (temperature, seed, n_balls, start,
    title, link, words). Raises BadInput for values out of range.
    """
    if run.surface is not None:
        return stage(run, look, **settings)
    theme = named_look(look)
    title = settings.get("title") or _("A run without a landscape")
    said = [run.reading or _("There is no surface to show: it is still computed, or every network diverged.")]
    if diverged := who_diverged(run):
        said.append(_("Diverged: {who}.").format(who=diverged))
    charts = [_inline(run, name, theme) for name in figures_of(run)]
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
            f"<style>{_style(theme)}</style></head><body><h1>{html.escape(title)}</h1>"
            f'{"".join(f"<p>{html.escape(line)}</p>" for line in said)}{"".join(charts)}</body></html>')


def chart_html(run: Any, look: str | Look = "dark") -> str:
    """The figure that stands for a run as an image in HTML; "" where it has none."""
    if not (names := figures_of(run)):
        return ""
    told = base64.b64encode(picture(still(run, look, names[0]), "svg")).decode()
    return f'<img alt="{html.escape(names[0])}" src="data:image/svg+xml;base64,{told}" style="max-width:100%">'


def _inline(run: Any, name: str, look: Look) -> str:
    svg = picture(still(run, look, name), "svg").decode()
    return f"<figure>{svg[svg.index('<svg'):]}</figure>"


def _style(look: Look) -> str:
    return (f"body{{background:{look.background};color:{look.text};font-family:{look.font_family};"
            f"font-size:{look.font}px;max-width:760px;margin:2rem auto;padding:0 1rem}}"
            f"h1{{font-size:{look.font_title}px}}figure{{margin:1.5rem 0}}svg{{max-width:100%;height:auto}}")
