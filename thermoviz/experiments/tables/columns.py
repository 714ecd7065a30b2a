"""One column of a table: numbers, words or dates, recognised by its cells; what is missing in it."""

import datetime
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...core.errors import BadInput
from .limits import MOST_LETTERS, MOST_OF_A_NAME

Kind = Literal["number", "word", "date"]
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "#n/a", "<na>", "nat",
                     "inf", "+inf", "-inf", "infinity", "-infinity"})
# Python's float would also read "1_000" and digits of other scripts.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?", re.ASCII | re.IGNORECASE)
_WITH_COMMA = re.compile(r"[+-]?(?:\d+,?\d*|,\d+)(?:e[+-]?\d{1,4})?", re.ASCII | re.IGNORECASE)
_DAY = re.compile(r"(\d{4})[-/](\d\d?)[-/](\d\d?)", re.ASCII)
_DAY_LAST_YEAR = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})", re.ASCII)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, eq=False)
class Column:
    """values: float64 [n], NaN where it is missing; of words their index in `words`, of dates days since 1970."""

    name: str
    values: np.ndarray
    words: tuple[str, ...] | None = None
    dates: bool = False

    @property
    def kind(self) -> Kind:
        """What stands in it."""
        return "word" if self.words is not None else "date" if self.dates else "number"

    @property
    def missing(self) -> np.ndarray:
        """Mask [n]."""
        return np.isnan(self.values)

    @property
    def distinct(self) -> int:
        """How many different values it has."""
        return len(np.unique(self.values[~self.missing]))

    @property
    def whole(self) -> bool:
        """Whether all its numbers are whole ones."""
        there = self.values[~self.missing]
        return self.kind == "number" and bool((there == np.round(there)).all()) and bool(len(there))

    def cell(self, row: int) -> str:
        """A cell as one reads it; "" where it is missing."""
        value = self.values[row]
        if np.isnan(value):
            return ""
        if self.words is not None:
            return self.words[int(value)]
        if self.dates:
            moment = _EPOCH + datetime.timedelta(days=float(value))
            return moment.strftime("%Y-%m-%d" if value == round(value) else "%Y-%m-%d %H:%M")
        return f"{value:.10g}"


def printable(text: str, most: int) -> str:
    """A name or word as it may stand on a page: one form of each letter, nothing that does not print, not too long."""
    shown = "".join(letter for letter in unicodedata.normalize("NFC", text) if letter.isprintable())
    shown = " ".join(shown.split())
    return shown if len(shown) <= most else shown[:most - 1] + "…"


def names_of(given: Sequence[Any]) -> list[str]:
    """Names of columns: printable, none empty, none twice."""
    found: list[str] = []
    taken: set[str] = set()
    for k, one in enumerate(given):
        name = first = printable(str(one)[:10 * MOST_OF_A_NAME], MOST_OF_A_NAME) or f"column {k + 1}"
        again = 1
        while name in taken:
            again += 1
            name = f"{first} ({again})"
        taken.add(name)
        found.append(name)
    return found


def of_text(name: str, cells: Sequence[str], decimal_comma: bool = False) -> Column:
    """The column whose cells read so. Raises BadInput for a cell that is no word any more."""
    stripped = [cell.strip() for cell in cells]
    there = [cell for cell in stripped if cell.lower() not in MISSING]
    if decimal_comma and there and all(map(_WITH_COMMA.fullmatch, there)):
        stripped = [cell.replace(",", ".") for cell in stripped]
        there = [cell.replace(",", ".") for cell in there]
    if all(map(_NUMBER.fullmatch, there)):
        return Column(name, _finite([np.nan if cell.lower() in MISSING else float(cell) for cell in stripped]))
    days = _all_days(there)
    if days is not None:
        found = iter(days)
        return Column(name, np.array([np.nan if cell.lower() in MISSING else next(found) for cell in stripped]),
                      dates=True)
    return _of_words(name, stripped)


def _finite(values: Any) -> np.ndarray:
    array = np.array(values, dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    return array


def _all_days(cells: Sequence[str]) -> list[float] | None:
    """Days since 1970, where every cell is a date."""
    found: list[float] = []
    for cell in cells:
        day = _days(cell)
        if day is None:
            return None
        found.append(day)
    return found or None


def _days(cell: str) -> float | None:
    if len(cell) > 40:
        return None
    named, turned = _DAY.match(cell), _DAY_LAST_YEAR.fullmatch(cell)
    try:
        if turned:
            moment = datetime.datetime(int(turned[3]), int(turned[2]), int(turned[1]))
        elif named:
            rest = cell[named.end():]
            moment = datetime.datetime.fromisoformat(f"{named[1]}-{int(named[2]):02}-{int(named[3]):02}{rest}")
        else:
            return None
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    return (moment - _EPOCH) / datetime.timedelta(days=1)


def _of_words(name: str, cells: Sequence[str]) -> Column:
    """Words in their sorted order, so that it does not depend on that of the rows."""
    shown: dict[str, str] = {}
    for row, cell in enumerate(cells):
        if len(cell) > MOST_LETTERS:
            raise BadInput(f"row {row + 1}, column “{name}” holds a text of {len(cell):,} letters, and a word has at "
                           f"most {MOST_LETTERS}: leave that column out of the file, or see whether a quotation mark "
                           "is not closed.")
        if cell not in shown:
            shown[cell] = "" if cell.lower() in MISSING else printable(cell, MOST_LETTERS)
    words = tuple(sorted(set(shown.values()) - {""}))
    index = {word: float(k) for k, word in enumerate(words)} | {"": np.nan}
    return Column(name, np.array([index[shown[cell]] for cell in cells]), words=words)


def of_array(name: str, array: np.ndarray) -> Column:
    """The column of a one-dimensional array. Raises BadInput for what cannot stand in a table."""
    kind = array.dtype.kind
    if kind in "biuf":
        return Column(name, _finite(array))
    if kind == "M":
        days = array.astype("datetime64[us]").astype(np.int64) / (86_400 * 1e6)
        return Column(name, np.where(np.isnat(array), np.nan, days), dates=True)
    if kind == "S":
        array = np.char.decode(array, "latin-1")
    if kind in "SU":
        return of_text(name, array.tolist())
    if kind == "O":
        return _of_objects(name, array)
    raise BadInput(f"column “{name}” holds {_called(kind)}, and a table holds numbers, words and dates.")


def _called(kind: str) -> str:
    return {"c": "complex numbers", "m": "spans of time", "V": "records"}.get(kind, "what is no number or word")


def _of_objects(name: str, array: np.ndarray) -> Column:
    """Of Python's own objects, which only the library meets: no file holds them."""
    cells = [None if _absent(cell) else cell for cell in array.tolist()]
    there = [cell for cell in cells if cell is not None]
    if all(isinstance(cell, (int, float, np.number)) for cell in there):
        return Column(name, _finite([np.nan if cell is None else float(cell) for cell in cells]))
    return of_text(name, ["" if cell is None else str(cell) for cell in cells])


def _absent(cell: Any) -> bool:
    return cell is None or type(cell).__name__ in ("NAType", "NaTType") or (isinstance(cell, float) and cell != cell)
