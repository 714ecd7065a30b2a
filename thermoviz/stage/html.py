"""The stage as one program, and a Run as one HTML file that runs by itself: no requests, no third-party code."""

import functools
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from .message import Message
from .payload import payload

ASSETS = Path(__file__).parent / "assets"

# What the modules of the stage may use of the ES module language; anything else is refused by `_wrapped`.
_IMPORT = re.compile(r'^import\s+(?:\{([^}]*)\}|\*\s+as\s+(\w+))\s+from\s+"\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|const|class)\s+(\w+))", re.MULTILINE)
# Lines that hold a comment alone, types inside of lines, and what indents the rest: a third of the program that nobody
# runs.
_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)
_TYPE = re.compile(r"/\*\*(?:(?!\*/).)*\*/ ?", re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
ENTRY = "\n//# entry\n"  # the same line as ENTRY in assets/page.js
_PAGE = re.compile(r"export const PAGE = `(.*?)`;", re.DOTALL)


def bare(source: str) -> str:
    """What a browser needs of a script: no lines of comment, no types, no indentation."""
    return _INDENT.sub("", _TYPE.sub("", _COMMENT.sub("", source)))


def _wrapped(name: str, source: str) -> str:
    """A module as a function that returns its exports, so that modules keep their own names inside one script."""
    exports = ", ".join(match[1] for match in _EXPORT.finditer(source))

    def binding(match: re.Match[str]) -> str:
        names, whole, origin = match.groups()
        if whole:
            return f"const {whole} = m_{origin};\n"
        parts = [part.strip().replace(" as ", ": ") for part in names.split(",") if part.strip()]
        return f"const {{ {', '.join(parts)} }} = m_{origin};\n"

    body = _EXPORT.sub("", bare(_IMPORT.sub(binding, source)))
    if left := _LEFT_OVER.search(body):
        raise ValueError(f"stage module {name}.js: the bundler does not know {left[0]!r}")
    return f"const m_{name} = (() => {{\n{body}return {{ {exports} }};\n}})();\n"


def _ordered(entries: tuple[str, ...], folder: Path) -> dict[str, str]:
    """Module name -> source, each after the modules that it imports."""
    ordered: dict[str, str] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"stage modules import each other in a circle: {' -> '.join((*above, name))}")
        if name in ordered:
            return
        source = (folder / f"{name}.js").read_text(encoding="utf-8")
        for match in _IMPORT.finditer(source):
            visit(match[3], (*above, name))
        ordered[name] = source

    for entry in entries:
        visit(entry, ())
    return ordered


@functools.cache
def program() -> str:
    """The whole stage as one classic script that defines `thermoviz = {mount, open, render}` and starts nothing."""
    modules = _ordered(("component", "standalone", "widget"), ASSETS)
    body = "".join(_wrapped(name, source) for name, source in modules.items())
    return (f'"use strict";\nconst thermoviz = (() => {{\n{body}'
            "return { mount: m_component.mount, open: m_standalone.open, render: m_widget.render };\n})();\n")


@functools.cache
def component_file() -> tuple[str, str]:
    """The stage as an ES module whose default export mounts it in Streamlit: (name of its file, text). The name holds a
    hash of the text, so that no cache takes it for that of another version."""
    text = f"{program()}{ENTRY}export default (component) => thermoviz.mount(component, import.meta.url);\n"
    return f"stage-{hashlib.sha256(text.encode()).hexdigest()[:12]}.js", text


@functools.cache
def widget_program() -> str:
    """The stage as an ES module that exports `render`, for notebooks (`notebook/loader.js` calls it)."""
    return f"{program()}{ENTRY}export const render = thermoviz.render;\n"


def page(*messages: Message, title: str = "") -> str:
    """The HTML file of a stage payload, or of several side by side. It makes no requests and works from disk; the text
    is UTF-8. `title`: the file's, else the first message's.
    """
    found = _PAGE.search((ASSETS / "page.js").read_text(encoding="utf-8"))
    assert found is not None
    script = re.sub(r"</(script)", r"<\\/\1", f"{program()}{ENTRY}thermoviz.open();\n", flags=re.IGNORECASE)
    parts = {
        "TITLE": html.escape(title or messages[0]["title"] or "thermoviz"),
        "BACKGROUND": html.escape(messages[0]["look"]["background"]),
        # "<" may not stand in a script element's text, whatever a title or a link says.
        "PAYLOAD": json.dumps(messages[0] if len(messages) == 1 else messages, ensure_ascii=False,
                              allow_nan=False).replace("<", "\\u003c"),
        "PROGRAM": script.replace("<!--", "<\\!--"),
    }
    return re.sub("@(TITLE|BACKGROUND|PAYLOAD|PROGRAM)@", lambda match: parts[match[1]], found[1])


def to_html(run: Any, look: Any = "dark", **settings: Any) -> str:
    """A Run as one HTML page with the live stage: surface, paths, networks and balls, below 400 kB.

    `look`: "dark", "light", "projector" or a Look; `settings`: what `payload.payload` takes (temperature,
    seed, n_balls, start, title, link, words). Raises BadInput as `payload` does.
    """
    return page(payload(run, look, **settings))
