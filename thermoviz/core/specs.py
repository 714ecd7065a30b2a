"""What is asked is data: frozen, validated settings with a hash, a JSON form and a flat form for links.

`@specification` turns a class with annotated fields into such a setting. Ranges stand in the annotations
(`Annotated[float, Field(gt=0, le=10, description="...")]`) and everything else (error messages, widgets, links,
captions, command line) reads them there. A member of a family carries `kind`, its name in the family's table.
"""

import dataclasses
import functools
import hashlib
import json
import typing
from typing import Any, TypeVar, dataclass_transform

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import ArgsKwargs, PydanticCustomError

from .errors import BadInput

# Raised by one whenever the same specification would give other numbers than before.
NUMERICS_VERSION = 4

# The type of a refusal (a PydanticCustomError) that says itself what was given.
TOLD = "told"

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(Field, dataclasses.field))
def specification(cls: type[T]) -> type[T]:
    """Class decorator: a frozen pydantic dataclass whose mistakes raise BadInput with one sentence."""
    before: Any = pydantic.model_validator(mode="before")
    cls._refuse_truth = before(classmethod(_refuse_truth))  # type: ignore[attr-defined]
    made: Any = pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid", validate_default=False))(cls)
    construct = made.__init__

    @functools.wraps(construct)
    def checked(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            construct(self, *args, **kwargs)
        except ValidationError as error:
            raise BadInput(sentence(made.__name__, error, tuple(made.__dataclass_fields__))) from None
        except TypeError as error:  # a wrong number of positional arguments
            raise BadInput(f"{made.__name__}: {error}.") from None

    made.__init__ = checked
    return made


def _refuse_truth(cls: Any, given: Any) -> Any:
    """True and False are no numbers, though Python counts them among these. (A validator of every specification.)"""
    if isinstance(given, ArgsKwargs):
        settings = dict(zip(cls.__dataclass_fields__, given.args or (), strict=False)) | (given.kwargs or {})
    else:
        settings = given if isinstance(given, dict) else {}
    for name, value in settings.items():
        members = value if isinstance(value, (tuple, list)) else (value,)
        if bool in map(type, members) and name in _never_true(cls):
            raise PydanticCustomError("truth", name, {"value": repr(value)[:60]})  # type: ignore[arg-type]
    return given


def _never_true(cls: Any) -> list[str]:
    """The fields of a specification that are neither true nor false."""
    return [field.name for field in dataclasses.fields(cls) if bool not in (field.type, *typing.get_args(field.type))]


def family(union: Any) -> dict[str, Any]:
    """The table of a family: its members by `kind`, from `Annotated[A | B | ..., Field(discriminator="kind")]`.

    So a member stands in one list only, the union.
    """
    members = typing.get_args(typing.get_args(union)[0])
    return {typing.get_args(member.__annotations__["kind"])[0]: member for member in members}


def sentence(name: str, error: ValidationError, fields: tuple[str, ...] = ()) -> str:
    """The first validation error as one sentence: field, what is allowed, what was given.

    `fields`: names of positional arguments, where the error may name one by its index.
    """
    first = error.errors(include_url=False)[0]
    place = list(first["loc"])
    if place and isinstance(place[0], int) and place[0] < len(fields):
        place[0] = fields[place[0]]
    path = ".".join(str(part)[:60] for part in (name, *place) if str(part).isidentifier() or isinstance(part, int))
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    message = message if len(message) <= 400 else f"{message[:200]} ... {message[-200:]}"  # it may hold what was given
    given = " ".join(repr(first["input"]).split())
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument", "unexpected_positional_argument"):
        return f"{path} is not a setting that {name} knows."
    if first["type"] == TOLD:
        return f"{path}: {message}."
    if first["type"] == "truth":
        return f"{path}.{message}: true and false are not allowed here, got {first['ctx']['value']}."
    return f"{path}: {message[:1].lower()}{message[1:]}, got {given if len(given) <= 60 else given[:57] + '...'}."


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(cls: Any) -> TypeAdapter[Any]:
    """The adapter of a class, made once; that of a union, which has no hash, each time."""
    if not isinstance(cls, type):
        return TypeAdapter(cls)
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


def to_json(spec: Any) -> dict[str, Any]:
    """The specification as plain JSON values, `kind` included."""
    return _adapter(type(spec)).dump_python(spec, mode="json")


def from_json(cls: type[T], value: Any) -> T:
    """The specification of class (or tagged union) `cls` from its JSON form. Raises BadInput."""
    try:
        return _adapter(cls).validate_python(value)
    except ValidationError as error:
        raise BadInput(sentence(getattr(cls, "__name__", "specification"), error)) from None


def canonical(spec: Any) -> str:
    """The one text form of a specification: JSON with sorted keys and no white space."""
    return json.dumps(to_json(spec), sort_keys=True, separators=(",", ":"), allow_nan=False)


def identity(spec: Any) -> str:
    """16 hex digits that name the numbers this specification gives: sha256 of it and NUMERICS_VERSION."""
    return hashlib.sha256(f"{NUMERICS_VERSION}:{canonical(spec)}".encode()).hexdigest()[:16]


__all__ = [
    "NUMERICS_VERSION", "TOLD", "Field", "canonical", "family", "from_json", "identity", "pydantic", "sentence",
    "specification", "to_json",
]
