"""What an engine asks of whatever computes for it: processes of this machine, or of others.

The engine decides what is computed, for whom, in which order, how often and for how long it is wanted. Workers decide
how a question gets to a process, how its answer and its progress come back, and how a process is told to stop.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:  # a worker loads this before it has set its threads, which numpy reads when it is loaded
    from ..runs.run import Run

DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
LOST = "lost"  # the process died, or nobody knows what became of it: another may try
BACK = "back"  # not done, through no fault of its own: it waits for its turn again


class Told(NamedTuple):
    """The worker's last word: fraction 0..1, stage, partial runs written so far, and seconds since it began."""

    fraction: float = 0.0
    stage: str = ""
    version: int = 0
    seconds: float = 0.0


def nothing() -> str:
    """What is said of what went well."""
    return ""


class Outcome(NamedTuple):
    """How an attempt ended: DONE (the run is in the store), FAILED, CANCELLED, LOST or BACK.

    `say` gives the reason in the language of whoever reads it; `again`: whether asking once more may help.
    `seconds`: how long the worker was at it, by the clock; `cpu`: of processors, 0 where nobody measured.
    """

    status: str
    say: Callable[[], str] = nothing
    again: bool = False
    seconds: float = 0.0
    cpu: float = 0.0


class Attempt(Protocol):
    """One worker's attempt at one run. Until `begin` it costs nothing."""

    def begin(self, ended: Callable[[Outcome], None]) -> None:
        """Hands the question to a worker. `ended` is called once, by any thread, also by this one."""

    def told(self) -> Told:
        """The last progress; Told() until a worker has begun."""

    def shown(self, known: Mapping[str, Any]) -> "tuple[Run, dict[str, Any]] | None":
        """The latest partial run and its arrays by digest, of which those in `known` need not come again; or None."""

    def cancel(self) -> None:
        """Nobody wants it any more: the worker should return soon, and is stopped if it does not."""

    def remove(self) -> None:
        """Leaves nothing behind. Called once it has ended."""


class Workers(Protocol):
    """Processes that compute: at most `places` attempts are under way at once."""

    @property
    def places(self) -> int:
        """How many questions they take at once, just now."""

    def watch(self, changed: Callable[[], None]) -> None:
        """From now on `changed` is called, by any thread, whenever there are other `places`."""

    def notice(self) -> str:
        """What visitors should know of how it is computed just now, in their language; "" as a rule."""

    def prepare(self, spec: Any) -> None:
        """Puts what the specification only names by its hash where workers find it. Raises BadInput if it cannot."""

    def attempt(self, id: str, spec: Any) -> Attempt:
        """A new attempt at the run of `spec`, which is called `id`."""

    def warm(self) -> None:
        """Makes ready what a first question would wait for, in the background."""

    def wait_until_warm(self, timeout: float) -> None:
        """Blocks until the workers are ready."""

    def ailing(self) -> str:
        """Why no question could be taken up just now, in one line for whoever runs the server; "" where one could.

        Asked every few seconds, at no cost: it looks, and does not wait."""

    def close(self) -> None:
        """Ends them, and what they compute."""
