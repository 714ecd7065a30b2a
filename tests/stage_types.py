"""The stage's message in TypeScript, from its TypedDicts: `python -m tests.stage_types` writes message.d.ts anew."""

import inspect
import types
import typing
from pathlib import Path

from thermoviz.stage import message

FILE = Path(message.__file__).with_name("message.d.ts")
HEAD = "// Written from message.py by `python -m tests.stage_types`: change that file, not this one.\n"
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def own_types() -> dict[str, typing.Any]:
    """The module's TypedDicts and names for sets of words, in their order."""
    return {name: value for name, value in vars(message).items() if not name.startswith("_")
            and (typing.is_typeddict(value) or typing.get_origin(value) is typing.Literal)}


def typescript(kind: typing.Any) -> str:
    """A Python type as TypeScript writes it."""
    if kind in PLAIN:
        return PLAIN[kind]
    known = [name for name, value in own_types().items() if value == kind]
    return known[0] if known else _composed(typing.get_origin(kind), typing.get_args(kind))


def _composed(origin: typing.Any, parts: tuple[typing.Any, ...]) -> str:
    if origin is typing.Literal:
        return " | ".join(f'"{word}"' for word in parts)
    inner = [typescript(part) for part in parts]
    if origin in (typing.Union, types.UnionType):
        return " | ".join(inner)
    if origin is list:
        return f"Array<{inner[0]}>"
    if origin is tuple:
        return f"[{', '.join(inner)}]"
    if origin is dict:
        return f"Record<{', '.join(inner)}>"
    raise TypeError(f"the message may not hold {origin} of {parts}")


def _comment(kind: typing.Any) -> str:
    lines = inspect.cleandoc(kind.__doc__).splitlines()
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def _field(name: str, kind: typing.Any) -> str:
    if typing.get_origin(kind) is typing.NotRequired:
        return f"  {name}?: {typescript(typing.get_args(kind)[0])};\n"
    return f"  {name}: {typescript(kind)};\n"


def _declaration(name: str, kind: typing.Any) -> str:
    if not typing.is_typeddict(kind):
        return f"export type {name} = {_composed(typing.Literal, typing.get_args(kind))};\n"
    fields = "".join(_field(*item) for item in typing.get_type_hints(kind, include_extras=True).items())
    return f"{_comment(kind)}export interface {name} {{\n{fields}}}\n"


def declarations() -> str:
    """The whole of message.d.ts."""
    return "\n".join([HEAD, *(_declaration(name, kind) for name, kind in own_types().items())])


if __name__ == "__main__":
    FILE.write_text(declarations(), encoding="utf-8")
