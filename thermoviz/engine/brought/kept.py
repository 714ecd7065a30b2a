"""The folder of what visitors bring: data sets, surfaces and run files, by the sha256 of their contents.

It lies beside the store's runs (in its bucket, where the store is one), so that all servers of a store have it. Whoever
knows a hash has the thing: 64 hex digits that nobody can guess. A thing goes after some hours or when it is deleted,
with all that was computed of it; what other servers still hold of it goes at their next look.
"""

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...core.errors import BadFile, BadInput, NotKept
from ...core.settings import settings
from ...presentation.words import _
from ...runs import files
from ...runs.carried import Carried, carried_by, named_in
from ...runs.run import Run
from ..places import Bucket, Folder, Place
from ..store import ENDING, MIB, Store

FOLDER = "brought"
DATA, SLICE, RUN, GONE = "data", "slice", "run", "gone"
# For so long a thing that was there a moment ago is taken to be there still: pages ask at every rerun.
BELIEVED_SECONDS = 5.0
MOST_SHOWN = 1000  # runs whose files can be saved from their page
_NAME = re.compile(rf"({DATA}|{SLICE}|{RUN}|{GONE})-([0-9a-f]{{64}}){re.escape(ENDING)}")


class About(NamedTuple):
    """What a visitor said of it: `title`; `more`, such as the names of columns. `until`: seconds since the epoch."""

    title: str
    more: Mapping[str, Any]
    until: float


class Brought:
    """What lies in the store's folder of brought things. hours, most (bytes): as set where None."""

    def __init__(self, store: Store, hours: float | None = None, most: int | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self.store, self._clock = store, clock
        self.seconds = 3600 * (settings().brought_hours if hours is None else hours)
        self._most = settings().brought_megabytes * MIB if most is None else most
        self._place = self._placed(store)
        self._believed: dict[str, float] = {}
        self._shown: OrderedDict[str, str] = OrderedDict()  # of runs, by their contents: under which key they lie
        self._lock = threading.Lock()

    @staticmethod
    def _placed(store: Store) -> Place:
        if "://" in store.address:
            return Bucket(f"{store.address.rstrip('/')}/{FOLDER}", ENDING)
        folder = store.folder / FOLDER
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"the store {store.folder} cannot be written: {error.strerror or error}.") from None
        return Folder(folder, ENDING)

    # Bringing

    def bring(self, member: Carried, title: str, more: Mapping[str, Any] | None = None) -> None:
        """Keeps what a member of a specification names. Raises NotKept where there is no room."""
        about = json.dumps({"title": title[:200], "more": more or {}})
        self._keep(member.shelf.kind, member.content_hash, member.shelf.packed(member.content_hash, {"about": about}))

    def bring_run(self, contents: bytes, run: Run) -> str:
        """Keeps a run's file, and whatever data it carries; its hash. Raises NotKept where there is no room."""
        key = run.content
        for member in carried_by(run.spec):
            if member.shelf.knows(member.content_hash) and not self.has(member.shelf.kind, member.content_hash):
                self.bring(member, "")
        self._keep(RUN, key, contents)
        return key

    def _keep(self, kind: str, key: str, contents: bytes) -> None:
        held = sum(entry.size for entry in self._place.listing())
        free = self._place.free()
        if held + len(contents) > self._most or (free is not None and free - len(contents) < self.store.floor):
            raise NotKept(_("This server holds as much of what people brought as it may just now: please come back "
                            "later."))
        try:
            self._place.write(_name(kind, key), contents)
            self._place.remove(_name(GONE, key))
        except OSError:
            raise NotKept(_("This could not be kept just now: please come back later.")) from None

    # Finding

    def has(self, kind: str, key: str) -> bool:
        """Whether it is here, and its time is not over."""
        name = _name(kind, key)
        now = self._clock()
        if self._believed.get(name, 0.0) > now:
            return True
        at = self._modified(name)
        here = at is not None and now - at < self.seconds
        with self._lock:
            if here:
                if len(self._believed) > 1000:
                    self._believed.clear()
                self._believed[name] = now + BELIEVED_SECONDS
        return here

    def _modified(self, name: str) -> float | None:
        try:
            return self._place.modified(name)
        except OSError:  # a bucket that does not answer
            return None

    def lend(self, spec: Any) -> bool:
        """Takes up what a specification names by its hash; False where that is not here any more."""
        return all(self._at_hand(member) for member in carried_by(spec))

    def _at_hand(self, member: Carried) -> bool:
        shelf, key = member.shelf, member.content_hash
        if not self.has(shelf.kind, key):
            shelf.forget(key)
            return False
        if not shelf.knows(key):
            contents = self._read(shelf.kind, key)
            if contents is None:
                return False
            try:
                shelf.take_up(key, files.unpack(contents)[0])
            except BadInput:  # damaged on the disk
                return False
        return shelf.knows(key)

    def about(self, kind: str, key: str) -> About | None:
        """What was said of it; None where it is not here any more."""
        if not self.has(kind, key):
            return None
        contents, at = self._read(kind, key), self._modified(_name(kind, key))
        if contents is None or at is None:
            return None
        try:
            said = json.loads(files.metadata(contents).get("about", "{}"))
        except (BadFile, ValueError):
            return None
        return About(str(said.get("title", "")), said.get("more") or {}, at + self.seconds)

    def run(self, key: str) -> Run | None:
        """The run of a file that was brought; None where it is not here any more."""
        contents = self._read(RUN, key) if self.has(RUN, key) else None
        try:
            run = None if contents is None else Run.from_bytes(contents)
        except BadFile:
            return None
        if run is not None:
            with self._lock:
                self._shown[run.content] = key
                while len(self._shown) > MOST_SHOWN:
                    self._shown.popitem(last=False)
        return run

    def shown(self, content: str) -> Run | None:
        """The run of these contents (`Run.content`), if it was brought and this process has shown it."""
        with self._lock:
            key = self._shown.get(content)
        return None if key is None else self.run(key)

    def _read(self, kind: str, key: str) -> bytes | None:
        try:
            return self._place.read(_name(kind, key))
        except OSError:
            return None

    # Going

    def delete(self, kind: str, key: str) -> list[str]:
        """Removes it, and what this store holds that was computed of it; the ids of these runs."""
        self._believed.pop(_name(kind, key), None)
        for data in self._only_of_run(key) if kind == RUN else ():
            self.delete(DATA, data)
        try:
            self._place.remove(_name(kind, key))
            if kind in (DATA, SLICE):
                self._place.write(_name(GONE, key), b"")  # for the other servers, and for what is being computed
        except OSError:
            raise NotKept(_("This could not be deleted just now: please try again.")) from None
        return self._forget(key) if kind in (DATA, SLICE) else []

    def _only_of_run(self, key: str) -> list[str]:
        """The data that came with this run file, and not by themselves."""
        contents = self._read(RUN, key)
        named = [] if contents is None else named_in(contents)
        return [data for data in named if (about := self.about(DATA, data)) is not None and not about.title]

    def _forget(self, key: str) -> list[str]:
        for member in Carried.__subclasses__():
            member.shelf.forget(key)
        return self.store.forget(key)

    def sweep(self) -> list[str]:
        """Removes all whose time is over, here and in the store; the ids of runs that went."""
        now, alive, gone = self._clock(), set[str](), set[str]()
        ids: list[str] = []
        for entry in list(self._place.listing()):
            found = _NAME.fullmatch(entry.name)
            if found is None:
                continue
            over = now - entry.modified >= self.seconds
            if found[1] == GONE:
                gone.add(found[2])
                if now - entry.modified >= 2 * self.seconds:
                    self._place.remove(entry.name)
            elif over:
                ids += self.delete(found[1], found[2])
            else:
                alive.add(found[2])
        left = (self.store.carried() & gone) | (self.store.carried(now - self.seconds) - alive)
        return ids + [id for key in sorted(left) for id in self._forget(key)]


def _name(kind: str, key: str) -> str:
    """Its file. Raises BadInput for what is no hash."""
    name = f"{kind}-{key}{ENDING}"
    if not _NAME.fullmatch(name):
        raise BadInput(f"what was brought is called by 64 hex digits, got {str(key)[:40]!r}.")
    return name
