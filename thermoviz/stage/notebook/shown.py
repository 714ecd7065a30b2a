"""What a cell of a notebook shows of a run: the widget where it can be had."""

import importlib.util
from typing import Any

from ...core.errors import BadInput
from ...presentation.looks import LOOKS, Look
from ..message import Message
from ..payload import look_message, payload, refuse_temperature
from .still import in_notebook

GROUNDS = ("dark", "light")  # the looks that "auto" chooses between


def widget(run: Any, look: str | Look = "auto", **settings: Any) -> Any:
    """The live stage of a run as a widget (anywidget). See `Run.widget`."""
    if not _has_anywidget():
        raise BadInput('a widget needs anywidget, which is not installed here: pip install "thermoviz[notebook]".')
    from .widget import StageWidget

    looks = _looks(look)
    message = _message(run, next(iter(looks.values())), settings)
    return StageWidget(run, message, looks)


def _has_anywidget() -> bool:
    return importlib.util.find_spec("anywidget") is not None


def _looks(look: str | Look) -> dict[str, Any]:
    """The looks that travel, by the ground on which each is drawn."""
    if isinstance(look, str) and look not in (*LOOKS, "auto"):
        raise BadInput(f"look must be auto or one of {', '.join(LOOKS)}, got {look!r}.")
    sent = [look_message(one) for one in (GROUNDS if look == "auto" else (look,))]
    return {one["scheme"]: one for one in sent}


def _message(run: Any, look: Any, settings: dict[str, Any]) -> Message | None:
    """The stage's message; None where there is no surface."""
    if run.surface is None:
        if settings.get("temperature") is not None:
            refuse_temperature(settings["temperature"])
        return None
    return {**payload(run, **settings), "look": look}


def mimebundle(run: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What a cell shows: in the kernel of a notebook that has anywidget the widget, else None: then `_repr_html_`."""
    if not (in_notebook() and _has_anywidget()):
        return None
    data, metadata = widget(run)._repr_mimebundle_()
    return {**data, "text/plain": repr(run)}, metadata
