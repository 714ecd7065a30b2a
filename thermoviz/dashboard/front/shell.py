"""The HTML that a browser gets first: Streamlit's own, with a title, a picture and a preview for links in its head.

Nothing of it waits for a program: on a slow line the headline and a still of the landscape stand long before the app
does. Everything that comes from an address is escaped, or chosen from a table.
"""

import dataclasses
import functools
import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from ...catalogue import EXPERIMENTS, LABS
from ...catalogue.links import from_query
from ...catalogue.shipped import labs, load_lab
from ...experiments.landscapes import surface_of
from ...experiments.presets import DEFAULT_PRESET, PRESETS, load_preset
from ...figures.preview import picture, png
from ...figures.thumbnails import data_uri
from ...presentation.looks import LOOKS, Look
from ...presentation.words import _, read_in, term
from ...stage.html import bare
from ..changes import changes
from ..menu import APART, FIRST, Entry, document_description, document_title, menu

SCRIPT = bare((Path(__file__).parent / "assets" / "shell.js").read_text(encoding="utf-8"))
CARD = (1200, 630)  # pixels of a link's picture: what the services that show links ask for
BALLS = 400
STILL = (560, 360)  # pixels of the still; the page stretches it
STILL_COLOURS = 48

ICON = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" '
        'fill="#121c2e"/><path d="M3 8C9 30 14 27 17 19S25 14 29 6" fill="none" stroke="#7fcdbb" '
        'stroke-width="3" stroke-linecap="round"/><circle cx="11.5" cy="18" r="4.5" fill="#ff8c2b"/></svg>')


@dataclasses.dataclass(frozen=True)
class Opened:
    """What an address opens: the page, its preset, whether its settings are other ones, in words which, the look, the
    link again."""

    page: Entry
    preset: str
    own: bool
    changed: str
    look: Look
    query: tuple[tuple[str, str], ...]

    @property
    def picture(self) -> str:
        """The key of its picture: a preset's, or a page's."""
        return self.preset if self.page is FIRST else self.page.name


def opened(query: Mapping[str, str]) -> Opened:
    """What a query opens; whatever it says, something."""
    page = menu().get(query.get("kind", ""), FIRST)
    look = LOOKS.get(query.get("look", ""), LOOKS["dark"])
    if page.name in APART:
        return Opened(page, DEFAULT_PRESET, False, "", look, tuple(query.items()))
    if page is not FIRST and page.name not in LABS:
        return Opened(page, DEFAULT_PRESET, False, "", look, (("kind", page.name),))
    link = from_query(query, known=("look", "hide", "lost"))
    kept = tuple((name, text) for name, text in query.items() if name != "lost")
    own = page is FIRST and link.spec != PRESETS[link.preset].spec
    return Opened(page, link.preset, own, changes(link.preset, link.spec) if own else "", look, kept)


# Pictures


def has_picture(key: str) -> bool:
    """Whether there is a preset or a page of that name."""
    return key in PRESETS or key in menu() and key != FIRST.name


def _surface(key: str) -> tuple[object, float]:
    """The surface of a preset's or a page's picture, and the heat of its balls."""
    if key in PRESETS:
        return load_preset(key).surface, PRESETS[key].temperature
    run = load_lab(key) if key in labs() else None
    if run is not None and run.surface is not None:
        return run.surface, run.surface.scale / 10
    landscape = getattr(EXPERIMENTS[key](), "landscape", None) if key in LABS else None
    if landscape is not None:
        surface = surface_of(landscape)
        return surface, surface.scale / 4
    return _surface("narrow-deep" if key in LABS else DEFAULT_PRESET)


@functools.cache
def card(key: str) -> bytes:
    """The PNG that stands beside a link in a chat: the relief with balls in equilibrium."""
    surface, temperature = _surface(key)
    return png(picture(surface, LOOKS["dark"], *CARD, temperature, BALLS), 128)


@functools.cache
def still(key: str, look: str) -> str:
    """The picture that stands where the stage will, as text; without balls, which will move."""
    return data_uri(png(picture(_surface(key)[0], LOOKS[look], *STILL), STILL_COLOURS))


# The document


def document(shell: str, here: Opened, root: str, language: str | None, programs: Sequence[str] = ()) -> str:
    """Streamlit's `shell` for what is opened. `root`: the app's absolute address ("https://host/path/"), or "" where it
    is not known; `language`: what the browser would like to read; `programs`: addresses of what the stage needs, which
    the browser would else ask for one after the other."""
    lang = read_in(language)
    title = document_title(here.page, here.preset, here.own)
    description = document_description(here.page, here.preset, here.own, here.changed)
    head = _head(here, root, title, description)
    stylesheet = re.search(r'<link rel="stylesheet"[^>]*>', shell)
    # The picture needs none of the app's style: a stylesheet at the end of the page does not keep it waiting.
    last = stylesheet[0] if stylesheet else ""
    asked = [f'<link rel="modulepreload" crossorigin href=".{html.escape(name)}">' for name in programs
             if here.page.stage]
    changes = (
        (r"<title>.*?</title>", f"<title>{html.escape(title)}</title>{head}"),
        (r'<html lang="[^"]*"', f'<html lang="{lang}"'),
        (r'(<link rel="shortcut icon" href=")[^"]*"', rf'\g<1>{_icon()}"'),
        (r'<link\s+rel="preload"[^>]*as="font"[^>]*>', ""),  # the page's own font is another
        (r'<link rel="stylesheet"[^>]*>', "\n".join(asked)),
        (r'<div id="root"></div>', f'{_painted(here)}<div id="root"></div>{last}'),
    )
    for pattern, text in changes:
        shell = re.sub(pattern, text if "\\g" in text else lambda _m, t=text: t, shell, count=1, flags=re.DOTALL)
    return shell


def _icon() -> str:
    return "data:image/svg+xml," + quote(ICON, safe="")


def _head(here: Opened, root: str, title: str, description: str) -> str:
    """Description, preview of links, the still, and the script that goes before the app's."""
    properties = {"og:title": title, "og:description": description, "og:type": "website", "og:site_name": "thermoviz"}
    if root:
        properties |= {"og:url": f"{root}?{urlencode(here.query, errors='replace')}" if here.query else root,
                       "og:image": f"{root}picture/{here.picture}.png", "og:image:type": "image/png",
                       "og:image:width": str(CARD[0]), "og:image:height": str(CARD[1]),
                       "og:image:alt": _("A relief in blue and sand, with orange balls in its valleys")}
    names = {"description": description, "twitter:card": "summary_large_image", "theme-color": here.look.background}
    metas = [f'<meta property="{name}" content="{html.escape(text)}">' for name, text in properties.items()]
    metas += [f'<meta name="{name}" content="{html.escape(text)}">' for name, text in names.items()]
    return "\n".join((*metas, f'<style id="tv-still-style">{_style(here)}</style>', f"<script>{SCRIPT}</script>"))


def _style(here: Opened) -> str:
    """Where headline and picture stand until the app is there: about where the app will put them."""
    look = here.look
    background = "" if not here.page.stage else (
        f':root {{ --tv-still: url("{still(here.picture, look.name)}"); }}')
    return f"""{background}
    html, body {{ background: {look.background}; }}
    #tv-still {{ position: fixed; inset: 0; z-index: 9; pointer-events: none; box-sizing: border-box; overflow: hidden;
        display: flex; flex-direction: column; background: {look.background}; color: {look.text};
        font-family: {look.font_family}; padding: 0 28px 1rem; }}
    #tv-still header {{ height: 56px; margin: 0 -28px 14px; padding: 15px 16px; box-sizing: border-box;
        border-bottom: 1px solid {look.line}; font-weight: 700; font-size: 18px; }}
    #tv-still header i {{ font-style: normal; color: {look.heat}; }}
    #tv-still h1 {{ font-size: {look.font_title - 2}px; font-weight: 650; line-height: 1.25; margin: 0;
        letter-spacing: -.005em; }}
    #tv-still p {{ font-size: {look.font + 1}px; color: {look.dim}; margin: .25rem 0 1rem; }}
    #tv-still nav {{ display: flex; gap: .6rem; margin-bottom: 1rem; }}
    #tv-still nav i {{ flex: 1 0 12rem; height: 64px; border: 1px solid {look.line}; border-radius: 10px;
        background: {look.panel}; }}
    #tv-still figure {{ flex: 1; margin: 0; max-height: clamp(420px, 64vh, 900px); border: 1px solid {look.line};
        border-radius: 14px; background: var(--tv-still, none) center / contain no-repeat; }}
    @media (min-width: 900px) {{ #tv-still figure {{ width: 70.5%; }}
        #tv-still :is(h1, p) {{ margin-right: 280px; }} }}
    @media (max-width: 640px) {{ #tv-still {{ padding: 0 12px 1rem; }}
        #tv-still figure {{ flex: none; height: min(92vw, 68vh); }} }}
    @media print {{ #tv-still {{ display: none; }} }}"""


def _painted(here: Opened) -> str:
    """The page as it stands before the app does. Readers of the screen wait for the app."""
    page = here.page
    preset = PRESETS[here.preset]
    title, sentence = (page.title, page.sentence) if page.title else (term(preset.sentence), term(preset.hint))
    cards = f"<nav>{'<i></i>' * len(PRESETS)}</nav>" if page is FIRST else ""
    figure = "" if not page.stage else f"{cards}<figure></figure>"
    return (f'<div id="tv-still" aria-hidden="true"><header>thermo<i>viz</i></header>'
            f"<h1>{html.escape(title)}</h1><p>{html.escape(sentence)}</p>{figure}</div>")
