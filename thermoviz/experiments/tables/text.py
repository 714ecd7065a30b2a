"""A table as text: comma, semicolon, tab or bar between its cells, quoted or not, in UTF-8, UTF-16 or Latin-1."""

import csv
import io
from collections.abc import Iterator
from typing import NoReturn

from ...core.errors import BadFile
from .columns import _NUMBER, MISSING, Column, names_of, of_text
from .limits import MOST_COLUMNS, MOST_ROWS

DELIMITERS = ",;\t|"
AT_ONCE = 16  # columns whose cells are held as words at one time
SEEN = 20  # lines that tell what stands between the cells
MOST_OF_A_CELL = 100_000  # letters; beyond it a quotation mark was not closed


def columns(contents: bytes) -> list[Column]:
    """The columns of a file's text. Raises BadFile in one sentence, for sizes before anything is parsed."""
    text = decoded(contents)
    delimiter = _delimiter(text)
    first = next(_rows(text, delimiter), None)
    if first is None:
        raise BadFile("this file is empty: a table needs a line of names and lines of values.")
    if len(first) > MOST_COLUMNS:
        raise BadFile(f"this table has {len(first):,} columns, and at most {MOST_COLUMNS} can be brought: leave out "
                      "those that you do not need.")
    if "\n" in text and text.count("\n") > 2 * MOST_ROWS:
        _refuse_rows(text)
    named = _is_header(first)
    names = names_of(first if named else [""] * len(first))
    _check(text, delimiter, len(first), named)
    found: list[Column] = []
    for start in range(0, len(first), AT_ONCE):
        some: list[list[str]] = [[] for _name in names[start:start + AT_ONCE]]
        rows = _rows(text, delimiter)
        if named:
            next(rows)
        for row in rows:
            for cells, cell in zip(some, row[start:start + AT_ONCE], strict=True):
                cells.append(cell)
        found += [of_text(name, cells, decimal_comma=delimiter != ",")
                  for name, cells in zip(names[start:start + AT_ONCE], some, strict=True)]
    return found


def decoded(contents: bytes) -> str:
    """Text of a file. Raises BadFile where it holds none."""
    if contents[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif b"\x00" in contents:
        raise BadFile("this file is no text: a table is a CSV or TSV file (text), or a NumPy file (.npy, .npz).")
    else:
        encodings = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            text = contents.decode(encoding)
        except UnicodeError:
            continue
        if sum(not (letter.isprintable() or letter in "\r\n\t\ufeff\xa0") for letter in text[:2000]) > 20:
            break
        return text.replace("\x00", "")
    raise BadFile("this file is no text in UTF-8, UTF-16 or Latin-1: save the table as CSV (UTF-8).")


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Its lines as cells; empty lines are none."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in rows:
            if any(cell.strip() for cell in row) or len(row) > 1:
                yield row
    except csv.Error as error:
        raise BadFile(f"line {rows.line_num} of this file cannot be read as a table ({error}): see whether a quotation "
                      "mark is not closed.") from None


def _delimiter(text: str) -> str:
    """What stands equally often in all the first lines; most often where several do."""
    lines = [line for line in text[:200_000].splitlines()[:SEEN] if line.strip()]

    def fits(delimiter: str) -> tuple[bool, int]:
        sizes = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return len(set(sizes)) == 1 and sizes[0] > 1, min(sizes, default=0)

    try:
        return max(DELIMITERS, key=fits)
    except csv.Error:
        return ","


def _is_header(first: list[str]) -> bool:
    """Names are words; a line with a number in it is one of values already."""
    return not any(_NUMBER.fullmatch(cell.strip().replace(",", ".")) for cell in first) and any(
        cell.strip().lower() not in MISSING for cell in first)


def _check(text: str, delimiter: str, width: int, named: bool) -> None:
    """Each line has as many cells as the first, and there are not too many lines."""
    n = -1 if named else 0
    for row in _rows(text, delimiter):
        n += 1
        if len(row) != width:
            raise BadFile(f"row {n} of this table has {len(row)} cells, and its first line {width}: give every line "
                          "as many cells, and put quotation marks around words with a comma.")
        if n > MOST_ROWS:
            _refuse_rows(text)
    if n < 1:
        raise BadFile("this table has a line of names, but no line of values.")


def _refuse_rows(text: str) -> NoReturn:
    lines = text.count("\n")
    raise BadFile(f"this table has about {lines:,} rows, and at most {MOST_ROWS:,} can be brought: take a part of it, "
                  "drawn at random.")
