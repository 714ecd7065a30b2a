"""The popover "Share": a link as text, the run as a file, the stage as HTML, how to get a picture."""

import hashlib
import hmac
import html
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st
from streamlit import config

from ..catalogue import EXPERIMENTS
from ..catalogue.links import COMPARE
from ..presentation.words import _
from .compared.sides import with_another
from .state import go_to

# As what each chart can be saved: its name on the page, and how a browser is told what it is.
SAVED = {"png": ("PNG", "image/png"), "svg": ("SVG", "image/svg+xml"), "pdf": ("PDF", "application/pdf"),
         "csv": ("CSV", "text/csv; charset=utf-8"), "parquet": ("Parquet", "application/vnd.apache.parquet")}


def address(query: dict[str, str], page: str | None = None) -> str:
    """The full address of what is on the page. A lab's is the first page's, which opens the lab's (`follow_link`).

    page: the name of the page that it is asked for on, where that is another than the query's.
    """
    scheme, place, path, _query, _fragment = urlsplit(st.context.url or "")
    path = path.removesuffix(query.get("kind", "") if page is None else page) or "/"
    return urlunsplit((scheme, place, path, urlencode(query), ""))


def _here_only(link: str) -> bool:
    """Whether an address names the computer that it is opened on, whichever that is."""
    host = urlsplit(link).hostname or ""
    return host in ("localhost", "::1", "0.0.0.0") or host.startswith("127.") or host.endswith(".localhost")


def key_of(id: str) -> str:
    """What opens the files of a run: the page says it, and it cannot be guessed."""
    secret = str(config.get_option("server.cookieSecret")).encode()
    return hmac.new(secret, f"export {id}".encode(), hashlib.sha256).hexdigest()[:32]


def saved(run: Any, look: str, figure: str, **settings: str) -> int:
    """A line below a chart: it as a picture, and its numbers as tables, made when they are asked for; its bytes.

    Plain links, which cost a rerun nothing. settings: of the figure.
    """
    query = html.escape(urlencode({"key": key_of(run.id), "content": run.content, "look": look, **settings}))
    links = [f'<a href="./export/{html.escape(run.id)}/{figure}.{form}?{query}" download>{word}</a>'
             for form, (word, _type) in SAVED.items()]
    said = f'{_("Picture:")} {" ".join(links[:3])}<i></i>{_("Numbers:")} {" ".join(links[3:])}'
    st.html(f'<p class="tv-saved">{said}</p>')
    return len(said)


def share(run: Any, query: dict[str, str]) -> Any:
    """A popover with everything that can be carried away. Links are text, since browsers keep the clipboard
    from pages on plain-HTTP addresses. Returns the container of the link, for who changes it (`show`)."""
    with st.popover(_("Share"), icon=":material/ios_share:"):
        st.markdown(_("**Link** to exactly this experiment, with its seed:"))
        place = st.container()
        if _here_only(address(query)):
            st.caption(_("This address opens on this computer only. For others, put this computer's name or "
                         "address in the network in its place."))
        st.download_button(
            _("Run file (.safetensors)"), data=run.to_bytes, file_name=f"thermoviz-{run.id}.safetensors",
            mime="application/octet-stream", on_click="ignore", width="stretch", icon=":material/database:",
            help=_("All numbers and the specification; `tv.open_run(path)` reads it."))
        if run.surface is not None:
            st.download_button(
                _("Live stage (.html)"), data=lambda: run.to_html().encode(),
                file_name=f"thermoviz-{run.id}.html", mime="text/html", on_click="ignore", width="stretch",
                icon=":material/deployed_code:", help=_("One file that needs no network."))
        if run.surface is not None and type(run.spec) in EXPERIMENTS.values():
            st.button(_("Compare with another run"), key="compare_with", icon=":material/compare:", width="stretch",
                      on_click=lambda: go_to(COMPARE, with_another(run.spec)),
                      help=_("Both side by side, under one camera and one heat"))
        st.caption(_("A picture or a film of the balls: the buttons on the stage. A chart as a picture, and its "
                     "numbers: the links below it."))
    return place


def show(query: dict[str, str], place: Any) -> None:
    """The link as text, in its place in the popover."""
    place.code(address(query), language=None, wrap_lines=True)
