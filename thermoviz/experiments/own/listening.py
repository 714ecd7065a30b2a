"""Who waits for `explore` sees how far it is, and keeps what there was when it is interrupted."""

import sys
import time
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ...core.errors import BadInput
from ...runs.progress import silent
from ...runs.run import Run

PATIENCE = 2.0  # seconds of work before a bar is shown
EACH = 0.1  # seconds between two looks of it
WHOLE = 1000  # units of a bar


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while a landscape was computed. run: what there was, with `numbers["interrupted"]`, or None."""

    def __init__(self, said: str, run: Run | None) -> None:
        super().__init__(said)
        self.run = run


class Bar:
    """A bar of tqdm with the stage's name, in terminals and notebooks, once the work takes longer than PATIENCE.

    seen: whether there is anybody to see it (default: whether this is a terminal or a notebook).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, seen: bool | None = None) -> None:
        self._clock, self._next = clock, clock() + PATIENCE
        self._seen = _is_seen() if seen is None else seen
        self._bar: Any = None
        self._fraction, self._stage, self._losses = 0.0, "", 0

    def __call__(self, fraction: float, stage: str, partial: Run | None = None) -> None:
        """The progress of a Pipeline."""
        self._fraction, self._stage = fraction, stage
        self._show()

    def tick(self) -> None:
        """The loss was asked at one more point."""
        self._losses += 1
        self._show()

    def close(self, whole: bool) -> None:
        """The bar, if there is one, stays where it is; at its end where the work is whole."""
        if self._bar is not None:
            self._fraction = 1.0 if whole else self._fraction
            self._show(now=True)
            self._bar.close()

    def _show(self, now: bool = False) -> None:
        at = self._clock()
        if not self._seen or at < self._next and not now:
            return
        if self._bar is None:
            self._bar = _new_bar(self._stage)
        self._next = at + EACH
        self._bar.n = round(WHOLE * self._fraction)
        self._bar.set_description(self._stage, refresh=False)
        self._bar.set_postfix_str(f"{self._losses} losses")


class Listening:
    """The progress that `explore` reports to: a bar, nobody, or a callable; within it Ctrl-C raises Interrupted."""

    def __init__(self, progress: Any) -> None:
        if progress is not None and not isinstance(progress, bool) and not callable(progress):
            raise BadInput(f"progress must be a callable progress(fraction, stage, partial), False or None, "
                           f"got {progress!r}.")
        self._bar = Bar() if progress is None or progress is True else None
        self._told: Callable[..., None] = self._bar or (progress if callable(progress) else silent)
        self._run: Run | None = None

    def __call__(self, fraction: float, stage: str, partial: Run | None) -> None:
        self._run = self._run if partial is None else partial
        self._told(fraction, stage, partial)

    def tick(self) -> None:
        """The loss was asked at one more point."""
        if self._bar is not None:
            self._bar.tick()

    def __enter__(self) -> "Listening":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close(whole=kind is None)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            if self._run is None:
                raise Interrupted("interrupted before there was anything to keep.", None) from None
            raise Interrupted("interrupted: what there was is this error's .run (at a prompt: sys.last_value.run).",
                              self._so_far(self._run)) from None

    @staticmethod
    def _so_far(run: Run) -> Run:
        return Run(run.spec, run.arrays, {**run.numbers, "interrupted": True})


def _is_seen() -> bool:
    """In a terminal or a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ()) or bool(getattr(sys.stderr, "isatty", lambda: False)())


def _new_bar(stage: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a notebook without widgets gets a bar of text
        from tqdm.auto import tqdm
    return tqdm(desc=stage, total=WHOLE, bar_format="{desc}{percentage:3.0f}%|{bar}| {elapsed}{postfix}")
