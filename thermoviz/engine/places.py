"""Where run files lie: a folder, shared by processes and machines, or a bucket of an object storage.

Both hold flat names and replace a file whole or not at all. Their errors of input and output are OSErrors.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..core.errors import BadInput
from ..runs import files


def temporary_folder() -> Path:
    """This user's folder on this machine for what can be lost."""
    return Path(tempfile.gettempdir()) / f"thermoviz-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


class Entry(NamedTuple):
    """A file: its name, bytes, and when it was last written or read, in seconds since the epoch."""

    name: str
    size: int
    modified: float


class Place(Protocol):
    """What a store asks of the place where its files lie."""

    def __contains__(self, name: str) -> bool: ...

    def read(self, name: str) -> bytes | None:
        """Contents, None where there is no such file."""
        ...

    def write(self, name: str, contents: bytes) -> None:
        """All of it, or OSError and nothing."""
        ...

    def remove(self, name: str) -> None:
        """Whether or not it is there."""
        ...

    def touch(self, name: str) -> None:
        """Lets all that share the place know that the file was used, where it can be told."""
        ...

    def modified(self, name: str) -> float | None:
        """When it was last written or read, in seconds since the epoch; None where there is no such file."""
        ...

    def listing(self) -> Iterator[Entry]:
        """All files."""
        ...

    def free(self) -> int | None:
        """Bytes that may still be written, None where there is no end."""
        ...


class Folder:
    """Files with one ending in a folder of this machine or of a network."""

    def __init__(self, folder: Path, ending: str) -> None:
        self.folder, self.ending = folder, ending

    def __contains__(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def read(self, name: str) -> bytes | None:
        try:
            with open(self.folder / name, "rb") as file:
                return file.read(files.MAX_BYTES + 1)  # what is larger is refused by whoever unpacks it
        except FileNotFoundError:
            return None

    def write(self, name: str, contents: bytes) -> None:
        files.write_atomically(self.folder / name, contents)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)

    def touch(self, name: str) -> None:
        try:
            os.utime(self.folder / name)
        except OSError:
            pass  # pruned meanwhile, or a store that may only be read

    def modified(self, name: str) -> float | None:
        try:
            return (self.folder / name).stat().st_mtime
        except FileNotFoundError:
            return None

    def listing(self) -> Iterator[Entry]:
        for entry in os.scandir(self.folder):
            if entry.name.endswith(self.ending):
                try:
                    status = entry.stat()
                except FileNotFoundError:  # another process prunes
                    continue
                yield Entry(entry.name, status.st_size, status.st_mtime)

    def free(self) -> int | None:
        return shutil.disk_usage(self.folder).free


class Bucket:
    """Files with one ending below an address such as s3://bucket/prefix, through fsspec. Raises BadInput."""

    def __init__(self, address: str, ending: str) -> None:
        import fsspec

        self.address, self.ending = address, ending
        try:
            self._system, self._root = fsspec.core.url_to_fs(address, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise BadInput(f"the store {address} cannot be opened: {str(error).splitlines()[0].rstrip('.')}.") from None

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def __contains__(self, name: str) -> bool:
        return bool(self._system.exists(self._path(name)))

    def read(self, name: str) -> bytes | None:
        try:
            contents: bytes = self._system.cat_file(self._path(name))
        except FileNotFoundError:
            return None
        return contents

    def write(self, name: str, contents: bytes) -> None:
        self._system.pipe_file(self._path(name), contents)

    def remove(self, name: str) -> None:
        try:
            self._system.rm_file(self._path(name))
        except FileNotFoundError:
            pass

    def touch(self, name: str) -> None:
        """An object's time cannot be moved: each machine remembers for itself what it used."""

    def modified(self, name: str) -> float | None:
        try:
            one = self._system.info(self._path(name))
        except FileNotFoundError:
            return None
        return _seconds(one.get("LastModified") or one.get("created") or 0.0)

    def listing(self) -> Iterator[Entry]:
        try:
            found: list[dict[str, Any]] = self._system.ls(self._root, detail=True)
        except FileNotFoundError:  # a prefix without objects
            return
        for one in found:
            name = one["name"].rpartition("/")[2]
            if name.endswith(self.ending):
                yield Entry(name, int(one["size"]), _seconds(one.get("LastModified") or one.get("created") or 0.0))

    def free(self) -> int | None:
        return None


def _seconds(time: Any) -> float:
    """A time of fsspec's (a datetime or a number) in seconds since the epoch."""
    return float(time.timestamp()) if hasattr(time, "timestamp") else float(time)
