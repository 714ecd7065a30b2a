"""What a server says to whoever runs it: one line an event, as JSON for programs or as text for people.

    told(log, "job", id="0f3a...", outcome="done", waited=0.2)

Nothing in it is personal: no address of a network, no browser, no name. Lines go to the standard error.
"""

import datetime
import json
import logging
import sys
from typing import Any

from .settings import settings

ROOT = "thermoviz"


def told(log: logging.Logger, event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Says that something happened; `fields` are numbers, names and short sentences."""
    log.log(level, event, extra={"fields": fields})


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


class Json(logging.Formatter):
    """One JSON object a line: "at" (UTC), "level", "from", "event", the event's fields, "trace" of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds")
        line = {"at": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "from": record.name,
                "event": record.getMessage()}
        line |= {name: _rounded(value) for name, value in getattr(record, "fields", {}).items()}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class Text(logging.Formatter):
    """For people at a terminal: the time of day, the level where it matters, the event, its fields."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = "" if record.levelno <= logging.INFO else f" {record.levelname.lower()}:"
        fields = "".join(f" {name}={_word(value)}" for name, value in getattr(record, "fields", {}).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{at} thermoviz{level} {record.getMessage()}{fields}{trace}"


def _word(value: Any) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c.isspace() or c in '"\\' for c in text) else text


def formatter() -> logging.Formatter:
    """As set: where nothing is said, text for a terminal and JSON for a file or a pipe."""
    chosen = settings().log
    return Text() if chosen == "text" or chosen == "auto" and sys.stderr.isatty() else Json()


def to_standard_error() -> None:
    """From now on this process says what happens in it, from the level that is set. Once is enough."""
    root = logging.getLogger(ROOT)
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(formatter())
        root.addHandler(handler)
    root.setLevel(settings().log_level.upper())
