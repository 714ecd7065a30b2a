"""Who is next: turns go round the visitors, so that nobody waits for all that another has asked for."""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..presentation.words import counted

VISITORS_REMEMBERED = 10_000


class Bounds(NamedTuple):
    """How many jobs may wait: in all, and of one visitor."""

    in_all: int
    of_one: int


class FairQueue:
    """Jobs (by id) that wait for a worker, and who wants each of them.

    The next turn is that of the visitor whose last turn is longest ago, whoever never had one first; of a visitor's
    jobs the oldest goes first. A job that several want goes at the first turn that any of them has. Not thread safe.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._wanted: dict[str, dict[str, None]] = {}  # job: its visitors
        self._lines: dict[str, dict[str, None]] = {}  # visitor: their jobs, the oldest first
        self._turns: OrderedDict[str, int] = OrderedDict()  # visitor: the number of their last turn
        self._order: tuple[str, ...] | None = ()
        self._next = ""  # whose turn the first of them takes

    def __len__(self) -> int:
        return len(self._wanted)

    def __contains__(self, id: str) -> bool:
        return id in self._wanted

    def full_for(self, viewer: str) -> Callable[[], str] | None:
        """Why `viewer` cannot add a job, as a sentence in the language of whoever reads it; None where they can."""
        in_all, of_one = self.bounds
        if len(self._lines.get(viewer, ())) >= of_one:
            return lambda: counted(
                "One experiment of yours is waiting here already, and no visitor may have more; please ask again "
                "when it is done.",
                "{n} experiments of yours are waiting here already, and no visitor may have more; please ask again "
                "when some of them are done.", of_one)
        if len(self) >= in_all:
            return lambda: counted(
                "Somebody else is waiting here just now, and the queue has one place; please try again in a moment.",
                "Very many are curious just now: all {n} places in the queue are taken. Please try again in a few "
                "minutes; what was computed before opens at once.", in_all)
        return None

    def add(self, id: str, viewer: str) -> None:
        """`viewer` wants this job, new or waiting already."""
        self._wanted.setdefault(id, {})[viewer] = None
        self._lines.setdefault(viewer, {})[id] = None
        self._order = None

    def drop(self, id: str, viewer: str | None = None) -> None:
        """`viewer` (None: nobody) wants this job any more; what nobody wants leaves the queue."""
        wanted = self._wanted.get(id, {})
        for one in [viewer] if viewer is not None else list(wanted):
            if one in wanted:
                del wanted[one], self._lines[one][id]
                if not self._lines[one]:
                    del self._lines[one]
        if id in self._wanted and not wanted:
            del self._wanted[id]
        self._order = None

    def take(self) -> str | None:
        """The next job, which leaves the queue; None where nothing waits."""
        if not self._wanted:
            return None
        id, viewer = self.order()[0], self._next
        self._turns[viewer] = self._newest() + 1
        self._turns.move_to_end(viewer)
        while len(self._turns) > VISITORS_REMEMBERED:
            self._turns.popitem(last=False)
        self.drop(id)
        return id

    def order(self) -> tuple[str, ...]:
        """All waiting jobs, the next first, as they go if nothing is added or dropped. The same tuple until then."""
        if self._order is None:
            rounds = tuple(self._rounds())
            self._order, self._next = tuple(id for id, _ in rounds), rounds[0][1] if rounds else ""
        return self._order

    def _newest(self) -> int:
        return next(reversed(self._turns.values()), 0)

    def _rounds(self) -> Iterator[tuple[str, str]]:
        """(job, whose turn it takes), the next first."""
        lines = {viewer: iter(line) for viewer, line in self._lines.items()}
        turns = [(self._turns.get(viewer, 0), arrival, viewer) for arrival, viewer in enumerate(lines)]
        heapq.heapify(turns)
        turn, gone = self._newest(), set[str]()
        while turns:
            _, arrival, viewer = turns[0]
            id = next((id for id in lines[viewer] if id not in gone), None)
            if id is None:
                heapq.heappop(turns)
                continue
            turn += 1
            heapq.heapreplace(turns, (turn, arrival, viewer))
            gone.add(id)
            yield id, viewer
