"""The whole app: its menu, what is done once per server, what stands on every page."""

import functools
import os
import threading
from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ..catalogue import LABS
from ..catalogue.links import COMPARE
from ..presentation.looks import LOOKS
from ..presentation.words import term
from .compared.sides import Pair, pair
from .front import memory
from .front.shell import ICON
from .lab import lab_page, lab_visit
from .menu import APART, FIRST, LAST, SWEEP, YOURS, document_title, menu
from .operating.counts import counts
from .operating.house import ask_to_wait, is_let_in
from .operating.signin import ask_to_sign_in, is_signed_in, offer_to_leave
from .pages.about import about
from .pages.compare import compare
from .pages.landscape import landscape
from .pages.sweep import sweep, sweep_visit
from .pages.yours.page import yours
from .pages.yours.visit import yours_visit
from .state import Watching, engine, visit

WARMING_AFTER_SECONDS = 1.6


def draw() -> None:
    """Draws the page that the visitor is on. It runs at every visit and after every change."""
    with counts.rerun():
        if not is_signed_in():
            ask_to_sign_in()
        elif is_let_in():
            _draw()
        else:
            ask_to_wait()


def _draw() -> None:
    memory.put_aside()
    pages = app_pages()
    page = st.navigation(pages, position="top")
    go_on(pages)
    go_back(page)
    follow_link(page, pages)
    open_house(page)
    leave_others(page)
    page.run()
    offer_to_leave()
    settle()


def app_pages() -> list[Any]:
    """The pages in the order of the menu."""
    other = {FIRST.name: landscape, SWEEP: sweep, YOURS: yours, COMPARE: compare, LAST: about}
    return [st.Page(other.get(entry.name) or functools.partial(lab_page, entry.name), title=term(entry.menu),
                    url_path=entry.name, default=entry is FIRST) for entry in menu().values()]


def open_house(page: Any) -> None:
    """On every page: title and word mark. At the first visit: what this process must not load."""
    # The page evaluates a few thousand points at most; numba would cost this process 100 MB for that.
    os.environ.setdefault("THERMOVIZ_NO_NUMBA", "1")
    here = visit()
    st.set_page_config(page_title=document_title(menu()[page.url_path or FIRST.name], here.preset), page_icon=ICON,
                       layout="wide", initial_sidebar_state=here.sidebar)
    look = LOOKS[here.look]
    st.logo(_word_mark(look.text, look.heat), size="medium", link=None)


def go_back(page: Any) -> None:
    """Back and Forward restore what the address says; every other address is one that the page itself has written."""
    context = get_script_run_ctx()
    if context is None or not context.is_history_navigation:
        return
    _follow(page.url_path, st.query_params.to_dict())


def _follow(page: str, query: dict[str, str]) -> None:
    """The page of that address is what the query says."""
    if not page:
        visit().follow(query)
    elif page in LABS:
        lab_visit(page).follow(query)
    elif page == SWEEP:
        sweep_visit().follow(query)
    elif page == YOURS:
        yours_visit().follow(query)
    elif page == COMPARE:
        pair().follow(query)


def go_on(pages: Sequence[Any]) -> None:
    """Opens the page that a button leads to (`state.go_to`)."""
    name, query = st.session_state.pop("go_to", ("", {}))
    wanted = next((page for page, entry in zip(pages, menu().values(), strict=True) if entry.name == name), None)
    if wanted is not None:
        _follow(wanted.url_path, query)
        st.switch_page(wanted, query_params=query)


def follow_link(page: Any, pages: Sequence[Any]) -> None:
    """Opens a lab's page for a lab's link to the first page: the links that are shared begin there.

    A browser that opens the address of any other page first looks for the server below that address, and says in its
    console that there is none.
    """
    kind = st.query_params.get("kind")
    wanted = next((other for other in pages if other.url_path == kind), None)
    if kind and wanted is not None and not page.url_path:
        asked = st.query_params.to_dict()
        if kind not in (*LABS, *APART):  # a page without an experiment, such as "about"
            del asked["kind"]
        st.switch_page(wanted, query_params=asked)


def leave_others(page: Any) -> None:
    """What was awaited on another page is not waited for any more, and frees its worker; it is asked for on return."""
    shown = f"lab_{page.url_path}" if page.url_path else "visit"
    for key, watching in st.session_state.items():
        if key != shown and isinstance(watching, (Watching, Pair)):
            watching.leave()


@st.cache_resource(show_spinner=False)
def settle() -> bool:
    """Once, when the first page is sent and everything it needs is imported.

    Workers warm up in the background, but a moment later: on a small machine the browser is drawing just now.
    """
    warming = threading.Timer(WARMING_AFTER_SECONDS, engine().warm)
    warming.daemon = True
    warming.start()
    return True


def _word_mark(text: str, heat: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 132 28" height="28" role="img" '
        'aria-label="thermoviz"><text x="0" y="21" font-family="Inter, Segoe UI, DejaVu Sans, sans-serif" '
        f'font-size="22" font-weight="700" fill="{text}">thermo<tspan fill="{heat}">viz</tspan></text></svg>')
