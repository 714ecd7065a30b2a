"""How many visitors are let in at once: whoever comes when the house is full waits at the door, and is let in later."""

import functools
import threading
from collections.abc import Callable

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ...core.settings import settings
from ...presentation.words import _, counted
from .counts import counts

AGAIN_SECONDS = 10.0
ADMITTED = "admitted"  # in the session's state, which outlives a lost connection for two minutes


class House:
    """At most `most` sessions that are here at once; is_here(session) -> whether its browser is connected."""

    def __init__(self, most: int, is_here: Callable[[str], bool]) -> None:
        self.most, self._is_here = most, is_here
        self._lock = threading.Lock()
        self._inside: set[str] = set()

    def admit(self, session: str, known: bool = False) -> bool:
        """Whether this session is inside, now at the latest. Who was let in before (`known`) and comes back, is."""
        with self._lock:
            if session in self._inside:
                return True
            if not known and len(self._inside) >= self.most:
                self._inside = set(filter(self._is_here, self._inside))
            if known or len(self._inside) < self.most:
                self._inside.add(session)
                return True
            return False

    def inside(self) -> int:
        """How many are."""
        with self._lock:
            self._inside = set(filter(self._is_here, self._inside))
            return len(self._inside)


def _is_here(session: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session)


@functools.cache
def house() -> House:
    """This server's."""
    return House(settings().sessions, _is_here)


def is_let_in() -> bool:
    """Whether this visitor may see the page; always without a server, as in tests of a page."""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return True
    if not house().admit(context.session_id, ADMITTED in st.session_state):
        return False
    st.session_state[ADMITTED] = True
    return True


def ask_to_wait() -> None:
    """What stands at the door. It asks again by itself."""
    st.set_page_config(page_title="thermoviz")
    if "turned_away" not in st.session_state:
        st.session_state["turned_away"] = True
        counts.turned_away += 1
    st.title(_("Just a moment"))
    st.markdown(counted("Somebody else is here just now, and this server has one place.",
                        "Very many are curious just now: all {n} places here are taken.", house().most) + " "
                + _("You are let in as soon as somebody leaves: this page tries again by itself, every few seconds."))
    st.button(_("Try again"))
    _try_again()


@st.fragment(run_every=AGAIN_SECONDS)
def _try_again() -> None:
    if is_let_in():
        st.rerun()
