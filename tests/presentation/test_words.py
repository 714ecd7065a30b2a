"""Words: every sentence a visitor reads can be found by a tool, and translated by a catalogue."""

import ast
import gettext
from pathlib import Path
from string import Formatter

import pytest

from thermoviz.presentation import words

ROOT = Path(words.__file__).parents[1]
FILES = sorted(ROOT.rglob("*.py"))
# What a visitor reads of a lab stands in these of its files (results: in the documents); all its others compute.
SPEAKING = ("specification.py", "words.py", "page.py", "results.py")
SILENT = [path for path in FILES if path.relative_to(ROOT).parent.parent.name in ("labs", "experiments")
          and path.name not in SPEAKING and not path.name.startswith("figures")]
MOST_WORDS = 6  # a name, the title of a step; more are a sentence
NAMES = {"_": 1, "counted": 2}  # how many leading arguments are messages


def calls(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
            yield node, node.args[:NAMES[node.func.id]]


def literal(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def messages():
    return {argument.value for path in FILES for _, arguments in calls(path) for argument in arguments}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_message_is_a_literal_that_a_tool_can_find(path):
    for node, arguments in calls(path):
        assert arguments and all(map(literal, arguments)), f"{path}:{node.lineno}: _() needs a literal"


def prose(path):
    """(line, text) of every text that is a sentence, but docstrings and refusals of settings."""
    tree = ast.parse(path.read_text())
    spared = {id(child) for node in ast.walk(tree) for child in ast.walk(node) if isinstance(node, ast.Raise)
              or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in spared:
            if len(node.value.split()) > MOST_WORDS:
                yield node.lineno, node.value


@pytest.mark.parametrize("path", SILENT, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_measures_holds_no_sentences(path):
    """They would be in one language only, and in the files of runs."""
    assert not list(prose(path)) and not list(calls(path))


def test_messages_are_sentences_with_named_places():
    assert len(messages()) > 300
    for message in messages():
        assert message.strip() == message and message, repr(message)
        places = [name for _, name, _, _ in Formatter().parse(message) if name is not None]
        assert all(place.isidentifier() for place in places), message


def test_english_is_the_source():
    assert words.read_in("fr-CH") == "en" and words._("the valley") == "the valley"
    assert words.read_in(None) == "en" and words.term("") == ""
    assert words.counted("{n} ball", "{n} balls", 1) == "1 ball"
    assert words.counted("{n} ball", "{n} balls", 2) == "2 balls"


def catalogue(pairs):
    """A compiled catalogue (.mo, GNU gettext manual, section 10.3) of message -> translation."""
    import struct
    pairs = {"": "Content-Type: text/plain; charset=UTF-8\n", **pairs}
    keys = sorted(pairs)
    ids = b"".join(key.encode() + b"\0" for key in keys)
    texts = b"".join(pairs[key].encode() + b"\0" for key in keys)
    start = 28 + 16 * len(keys)
    tables, offset = [], start
    for values in (keys, [pairs[key] for key in keys]):
        for value in values:
            tables += [len(value.encode()), offset]
            offset += len(value.encode()) + 1
    return struct.pack("<7I", 0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, start) + struct.pack(
        f"<{len(tables)}I", *tables) + ids + texts


def test_a_second_language_is_one_more_catalogue(tmp_path, monkeypatch):
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "thermoviz.mo").write_bytes(catalogue({"the valley": "das Tal"}))
    assert gettext.translation("thermoviz", tmp_path, ["de"]).gettext("the valley") == "das Tal"
    monkeypatch.setattr(words, "LOCALE", tmp_path)
    words._catalogue.cache_clear()
    try:
        assert words.languages() == ["en", "de"]
        assert words.read_in("de-AT") == "de"
        assert words._("the valley") == "das Tal" and words._("untranslated") == "untranslated"
    finally:
        words.read_in("en")
        words._catalogue.cache_clear()
