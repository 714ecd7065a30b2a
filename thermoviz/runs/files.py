"""The run file: one safetensors file without pickle, whose metadata carry the meaning and a sha256 of everything.

Written by atomic replacement; on reading, sizes are checked before anything is read and the checksum before
anything is believed.
"""

import functools
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import BadFile, BadInput

FAMILY = "thermoviz-run-"  # then a number, raised when what is in a file changes its place
FORMAT = f"{FAMILY}1"
MAX_BYTES = 64 * 2**20
# How a file is called that is not yet whole.
UNFINISHED = ".tmp"
LIBRARIES = ("numpy", "scipy", "numba", "scikit-learn", "safetensors")


def plain(value: Any) -> Any:
    """Numbers as JSON holds them: numpy scalars and arrays become Python's, NaN and infinities None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dumps(value: Any) -> str:
    """JSON that reads back bit by bit (Python writes the shortest digits that round-trip)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def pack(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The file's contents. Arrays of any shape."""
    from safetensors.numpy import save

    full = {"format": FORMAT, "libraries": _libraries(), **metadata}
    full["sha256"] = checksum(arrays, full)
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, full)


@functools.cache
def _libraries() -> str:
    """Versions, as JSON. Looking them up reads files: once a process."""
    return dumps({name: version(name) for name in LIBRARIES})


def unpack(contents: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """(arrays, metadata) of a file's contents. Raises BadFile for what is too large, truncated, altered or foreign."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    _refuse_size(len(contents))
    meta = metadata(contents)
    try:
        arrays = load(contents)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BadFile(f"this run file is truncated or damaged ({' '.join(str(error).split())[:80]}).") from None
    if meta.get("sha256") != checksum(arrays, meta):
        raise BadFile("this run file was altered or damaged: its checksum does not fit its contents.")
    return arrays, meta


def path_of(path: Any) -> Path:
    """A path from outside. Raises BadInput for what is none."""
    try:
        return Path(path)
    except TypeError:
        raise BadInput(f"a file is named by a string or a path, got {type(path).__name__}.") from None


def brief(path: Any) -> str:
    """A path in a sentence."""
    text = str(path)
    return repr(text if len(text) <= 200 else text[:97] + "..." + text[-100:])[1:-1]


def read(path: Path) -> bytes:
    """A file's contents, refused before reading where it is too large. Raises BadFile."""
    try:
        _refuse_size(path.stat().st_size)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # the latter: a name that no file can have
        raise BadFile(f"{brief(path)} cannot be read: {getattr(error, 'strerror', None) or error}.") from None


def written(path: Path, contents: bytes) -> Path:
    """Writes a file, all of it or nothing; its path. Raises BadInput where that cannot be done."""
    try:
        write_atomically(path, contents)
    except (OSError, ValueError) as error:  # the latter: a name that no file can have
        raise BadInput(f"{brief(path)} cannot be written: {getattr(error, 'strerror', None) or error}.") from None
    return path


def write_atomically(path: Path, contents: bytes) -> None:
    """All of it or nothing: a temporary file beside it, flushed to disk, then renamed."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # mkstemp makes it private; a run file is to be shared
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _refuse_size(size: int) -> None:
    if size > MAX_BYTES:
        raise BadFile(f"this file has {size / 2**20:.0f} MB; a run file has at most {MAX_BYTES // 2**20} MB.")


def refuse_unreadable(size: int) -> None:
    """Raises BadInput for a file that could be written, but not opened again."""
    if size > MAX_BYTES:
        raise BadInput(f"this run has {size / 2**20:.0f} MB, and a file of more than {MAX_BYTES // 2**20} MB "
                       "could not be opened again: keep its arrays by numpy.savez(file, **run.arrays).")


def metadata(contents: bytes) -> dict[str, str]:
    """The header's metadata: 8 bytes of length, then JSON (the safetensors format)."""
    length = int.from_bytes(contents[:8], "little")
    if len(contents) < 8 or not contents[8:9] == b"{":
        raise BadFile("this is not a run file of thermoviz (it is not a safetensors file).")
    if length > len(contents) - 8:
        raise BadFile(f"this run file is truncated: {len(contents)} bytes, but its header alone has {length}.")
    try:
        found = json.loads(contents[8:8 + length]).get("__metadata__") or {}
    except (ValueError, AttributeError, RecursionError):
        raise BadFile("this run file is damaged: its header cannot be read.") from None
    if not isinstance(found, dict):
        raise BadFile("this run file is damaged: its metadata cannot be read.")
    if str(found.get("format", "")).startswith(FAMILY) and found["format"] != FORMAT:
        raise BadFile(f"this run file is of another version of thermoviz: it has the format "
                      f"{found['format'][:40]!r}, this version reads {FORMAT!r}.")
    if found.get("format") != FORMAT:
        raise BadFile(f"this is not a run file of thermoviz (its format is {found.get('format')!r}, "
                      f"not {FORMAT!r}).")
    return found


def checksum(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> str:
    """sha256 of names, types, shapes, bytes and all metadata but itself."""
    digest = hashlib.sha256()
    for key in sorted(set(metadata) - {"sha256"}):
        digest.update(f"{len(key)}:{key}={len(metadata[key])}:{metadata[key]}".encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"|{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.data)
    return digest.hexdigest()
