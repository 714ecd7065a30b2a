"""A table in NumPy's own files. Objects, which are pickles, are never read, nor is more than a file says it holds."""

import ast
import io
import math
import re
import zipfile
import zlib
from typing import Any, NoReturn

import numpy as np

from ...core.errors import BadFile
from .columns import Column, names_of, of_array
from .limits import MIB, MOST_COLUMNS, MOST_EXPANDED, MOST_ROWS

MAGIC, ARCHIVE = b"\x93NUMPY", b"PK\x03\x04"
MOST_HEADER = 10_000  # bytes
MOST_ARRAYS = MOST_COLUMNS


def columns(contents: bytes) -> list[Column]:
    """The columns of an .npy or .npz file's arrays. Raises BadFile in one sentence, for sizes before it is read."""
    arrays = _archive(contents) if contents.startswith(ARCHIVE) else {"": _array(contents, "this file")}
    parts = [(name, part) for key, array in arrays.items() for name, part in _parts(key, array)]
    rows = {len(part) for _name, part in parts}
    if len(rows) > 1:
        sizes = ", ".join(f"{key[:40]} {len(array):,}" for key, array in list(arrays.items())[:6])
        raise BadFile(f"the arrays of this file have different numbers of rows ({sizes}): a table needs the same of "
                      "each.")
    if not parts or not rows or rows == {0}:
        raise BadFile("this file holds no rows.")
    if max(rows) > MOST_ROWS:
        raise BadFile(f"this table has {max(rows):,} rows, and at most {MOST_ROWS:,} can be brought: take a part of "
                      "it, drawn at random.")
    if len(parts) > MOST_COLUMNS:
        raise BadFile(f"this table has {len(parts):,} columns, and at most {MOST_COLUMNS} can be brought: leave out "
                      "those that you do not need.")
    names = names_of([name for name, _part in parts])
    return [of_array(name, part) for name, (_name, part) in zip(names, parts, strict=True)]


def _parts(key: str, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Its columns by name: the fields of records, the columns of a matrix, a vector as it is."""
    if array.ndim == 0:
        raise BadFile("a single number is no table: each array needs a row for each sample.")
    if array.dtype.names:
        return [(f"{key} {name}".strip(), array[name].ravel()) for name in array.dtype.names]
    if array.ndim == 1:
        return [(key, array)]
    flat = array.reshape(len(array), -1)
    if flat.shape[1] > MOST_COLUMNS:
        return [(key, flat[:, 0])] * flat.shape[1]  # counted, and refused
    return [(f"{key or 'column'} {k + 1}", flat[:, k]) for k in range(flat.shape[1])]


def _archive(contents: bytes) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            members = archive.infolist()
            if any(one.filename == "[Content_Types].xml" for one in members):
                raise BadFile("this is an office file: save the table as CSV (UTF-8) there, and bring that.")
            if not members or not all(one.filename.endswith(".npy") for one in members):
                raise BadFile("this archive is no NumPy file: it holds other things than arrays (.npy).")
            if len(members) > MOST_ARRAYS:
                raise BadFile(f"this file holds {len(members):,} arrays, and at most {MOST_ARRAYS} can be brought.")
            if sum(one.file_size for one in members) > MOST_EXPANDED:
                raise BadFile(f"this file would take {sum(one.file_size for one in members) / MIB:,.0f} MB once "
                              f"unpacked, and at most {MOST_EXPANDED // MIB} MB are.")
            found = {}
            for one in members:
                with archive.open(one) as file:
                    part = file.read(one.file_size + 1)  # whatever it says, no more than that
                name = re.sub(r"\.npy$", "", one.filename.replace("\\", "/").rpartition("/")[2])
                found[name] = _array(part, f"the array “{name[:40]}”")
            return found
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        if isinstance(error, BadFile):
            raise
        raise BadFile("this .npz file is truncated or damaged.") from None


def _array(contents: bytes, called: str) -> np.ndarray:
    """An .npy file's array, its header read by the letter (a Python literal), its numbers as they lie there."""
    if not contents.startswith(MAGIC) or len(contents) < 12:
        _damaged(called)
    wide = contents[6] > 1
    start = 12 if wide else 10
    length = int.from_bytes(contents[8:start], "little")
    if length > MOST_HEADER or start + length > len(contents):
        raise BadFile(f"{called} says that its header has {length:,} bytes, and at most {MOST_HEADER:,} are read.")
    try:
        header = ast.literal_eval(contents[start:start + length].decode("utf-8" if contents[6] > 2 else "latin-1"))
        dtype, shape = _dtype(header["descr"]), tuple(int(side) for side in header["shape"])
        fortran = bool(header["fortran_order"])
    except (ValueError, SyntaxError, KeyError, TypeError, MemoryError, RecursionError, AttributeError):
        _damaged(called)
    if dtype.hasobject:
        raise BadFile(f"{called} holds Python objects (a pickle), which could run code and are never read: save plain "
                      "numbers, words or dates.")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size > MOST_EXPANDED or size != len(contents) - start - length:
        raise BadFile(f"{called} says that it holds {size:,} bytes of numbers, and has "
                      f"{len(contents) - start - length:,}.")
    if size == 0:
        raise BadFile(f"{called} holds no rows.")
    return np.frombuffer(contents, dtype, offset=start + length).reshape(shape, order="F" if fortran else "C")


def _damaged(called: str) -> NoReturn:
    raise BadFile(f"{called} is truncated or damaged: it is no NumPy array.") from None


def _dtype(described: Any) -> np.dtype:
    """A type as NumPy writes it: a word, or (name, word) of each field."""
    if isinstance(described, str):
        return np.dtype(described)
    return np.dtype([(str(one[0]), str(one[1]), *one[2:3]) for one in described])
