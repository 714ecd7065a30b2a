"""What a page looks like, made once for all visitors: the elements of a card, the message of the stage, the style.

Building a figure takes a hundred times as long as sending it again, and nine reruns of ten show what the one before
showed. Streamlit keeps the elements that a cached function drew, as they went to the browser, and sends them again
where it is called with the same key; of all ways to show a figure twice this one costs least.
"""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import streamlit as st

from ..presentation.looks import Look
from ..presentation.words import language
from ..runs.run import Run

MOST_BYTES = 32 * 2**20  # of all that is kept; every preset and shipped lab in one look is about 2 MB

Key = tuple[str, ...]


class Shelf:
    """Which keys are kept and how much they weigh; above `most` bytes the least lately used are dropped. For threads.

    `drop(key)` is told what goes; whatever alone weighs more than `most` goes at once.
    """

    def __init__(self, most: int, drop: Callable[[Key], None]) -> None:
        self.most, self.drop = most, drop
        self._weights: OrderedDict[Key, int] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def weight(self) -> int:
        """Bytes of all that is kept."""
        with self._lock:
            return sum(self._weights.values())

    def use(self, key: Key, weight: int) -> None:
        """`key`, which weighs that many bytes, was used just now."""
        with self._lock:
            self._weights[key] = weight
            self._weights.move_to_end(key)
            total, gone = sum(self._weights.values()), []
            while total > self.most:
                key, weight = self._weights.popitem(last=False)
                total -= weight
                gone.append(key)
        for key in gone:
            self.drop(key)

    def clear(self) -> None:
        with self._lock:
            self._weights.clear()


def drawn(run: Run, look: str | Look, key: str, make: Callable[[], tuple[Any, int]], *settings: str) -> Any:
    """What make() = (value, bytes that it and its elements weigh) gives, and the elements that it draws here.

    Made once per content of the run (a partial one is another than the whole), look, language, key and settings; drawn
    again for every visitor. `make` must depend on nothing else, and draw no widget.
    """
    return kept((run.content, _named(look), key, *settings), make)


class _Sheet:
    """A style sheet, in the form that Streamlit neither searches for a file's name nor indents anew."""

    def __init__(self, rules: str) -> None:
        self.text = f"<style>{rules}</style>"

    def _repr_html_(self) -> str:
        return self.text


def style(look: Look, key: str, make: Callable[[], str]) -> None:
    """Puts on the page the rules make(), which depend on the key, look and language alone.

    Streamlit keeps rules of style apart from the page's elements, so that they cannot be replayed as those are.
    """
    st.html(kept((_named(look), key), lambda: _weighed(_Sheet(make()))))


def _weighed(sheet: _Sheet) -> tuple[_Sheet, int]:
    return sheet, len(sheet.text)


def kept(key: Key, make: Callable[[], tuple[Any, int]]) -> Any:
    """As `drawn`, of whatever depends on its key and the language alone."""
    full = language(), *key
    value, weight = _made("\n".join(full), make)
    SHELF.use(full, weight)
    return value


@functools.lru_cache(maxsize=64)
def _named(look: str | Look) -> str:
    return str(look)


@st.cache_resource(show_spinner=False)
def _made(key: str, _make: Callable[[], tuple[Any, int]]) -> tuple[Any, int]:
    return _make()


def _nothing() -> tuple[None, int]:
    return None, 0


SHELF = Shelf(MOST_BYTES, lambda key: _made.clear("\n".join(key), _nothing))


def forget() -> None:
    """Makes everything anew from now on."""
    _made.clear()
    SHELF.clear()
