"""What belongs to a specification, found by its place: the package in which its class stands is its room.

What computes, judges, draws, words and presents it are its siblings there, each under the name of its role. This is
the only import by name in the house, so that no lower room has to know a higher one.
"""

import importlib
from types import ModuleType
from typing import Any

# What a run asks of the rooms above it, by name: its pictures, its words, and the kinds that a file may be of.
ABOVE = {
    "figure": ("figures.still", "still"),
    "html": ("exports.page", "to_html"),
    "widget": ("stage.notebook.shown", "widget"),
    "cell": ("stage.notebook.shown", "mimebundle"),
    "still": ("stage.notebook.still", "still_html"),
    "chart": ("exports.page", "chart_html"),
    "export": ("exports.formats", "export"),
    "film": ("exports.film", "to_film"),
    "tables": ("exports.tables", "tables"),
    "reading": ("presentation.reading", "reading"),
    "summary": ("presentation.report", "summary"),
    "live": ("presentation.report", "live"),
    "kinds": ("catalogue", "known_kinds"),
    "experiments": ("catalogue", "all_experiments"),
    "table": ("exports.tables", "table"),
}


def room_of(spec: Any) -> str:
    """The package of a specification, or of its class: `thermoviz.labs.heat_bath`."""
    home = spec if isinstance(spec, type) else type(spec)
    return home.__module__.rpartition(".")[0]


def sibling(spec: Any, role: str) -> ModuleType:
    """The module `role` ("measurement", "figures", "page", "words") beside a specification (or its class).

    Raises ImportError where the room has no such module.
    """
    return in_room(room_of(spec), role)


def in_room(room: str, role: str) -> ModuleType:
    """The module `role` of the package `room`. Raises ImportError where it has none."""
    return importlib.import_module(f"{room}.{role}")


def perhaps(room: str, role: str) -> ModuleType | None:
    """The module `role` of the package `room`; None where it has none, or where there is no such package."""
    try:
        return in_room(room, role) if room else None
    except ModuleNotFoundError as error:
        if not f"{room}.{role}.".startswith(f"{error.name}."):
            raise
        return None


def above(name: str) -> Any:
    """The function of ABOVE, loaded on first use."""
    module, function = ABOVE[name]
    return getattr(importlib.import_module(f"...{module}", __name__), function)
