"""How a specification takes a member of a family: an instance, its name in the family's table, or its JSON form."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BeforeValidator


def named(table: Mapping[str, Any], prepare: Callable[[Any], Any] | None = None) -> BeforeValidator:
    """Lets a name in `table` stand for that member with its defaults; `prepare` is applied to all else first."""

    def read(value: Any) -> Any:
        if isinstance(value, str):
            if value not in table:
                raise ValueError(f"should be one of {', '.join(table)}")
            return table[value]()
        return prepare(value) if prepare else value

    return BeforeValidator(read)


def one_or_many(value: Any) -> Any:
    """A single member counts as a list of one."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
