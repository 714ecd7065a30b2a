"""All that a visitor reads, ready for a second language: English is the source, gettext holds the rest.

`_("...")` takes a literal, so that a test (or a translator) can find every sentence; `term(text)` takes the
texts that stand in tables (titles and descriptions of specifications, sentences of presets). A second
language is one more catalogue: `thermoviz/locale/<language>/LC_MESSAGES/thermoviz.mo`.
"""

import contextvars
import functools
import gettext
from pathlib import Path

LOCALE = Path(__file__).parent.parent / "locale"
SOURCE = "en"
# One page of one visitor runs in one context, so two visitors may read two languages in one process.
_language = contextvars.ContextVar("language", default=SOURCE)


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("thermoviz", localedir=LOCALE, languages=[language], fallback=True)


def languages() -> list[str]:
    """The languages that can be read: the source, and each that has a catalogue."""
    return [SOURCE, *sorted(path.parts[-3] for path in LOCALE.glob("*/LC_MESSAGES/thermoviz.mo"))]


def read_in(locale: str | None) -> str:
    """Sets the language of what follows from a browser's locale ("de-CH"); what is unknown reads English."""
    wanted = (locale or SOURCE).replace("_", "-").split("-")[0].lower()
    language = wanted if wanted in languages() else SOURCE
    _language.set(language)
    return language


def language() -> str:
    """The language that is read in just now."""
    return _language.get()


def _(message: str) -> str:
    """The sentence in the reader's language. `message` must be a literal: `_("... {n} ...").format(n=3)`."""
    return _catalogue(_language.get()).gettext(message)


def term(text: str) -> str:
    """A text out of a table (a field's title, a preset's sentence) in the reader's language."""
    return _catalogue(_language.get()).gettext(text) if text else text


def counted(one: str, many: str, n: int) -> str:
    """The form that fits the number n, with {n} filled in: `counted("{n} ball", "{n} balls", 3)`."""
    return _catalogue(_language.get()).ngettext(one, many, n).format(n=n)
