"""What may come from outside and was not meant, drawn by Hypothesis: for the tests and, by thousands, the benchmark.

A case is a function of `draw`: it makes something malformed, hands it to the door it would come through, and asserts
that what comes back is an answer or one sentence.
"""

import asyncio
import contextlib
import functools
import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
from hypothesis import strategies as st

import thermoviz as tv
from thermoviz.__main__ import main
from thermoviz.catalogue import EXPERIMENTS
from thermoviz.catalogue.links import from_query, to_query, with_settings
from thermoviz.core.errors import ThermovizError
from thermoviz.core.specs import canonical, from_json, identity, to_json
from thermoviz.dashboard.front import files as programs
from thermoviz.dashboard.front import shell
from thermoviz.dashboard.front.addresses import BeginAtFirstPage
from thermoviz.dashboard.front.guard import Door
from thermoviz.dashboard.front.server import FirstDocument
from thermoviz.experiments.tables.table import read as read_table
from thermoviz.runs import files
from thermoviz.runs.run import Run

TRAVERSALS = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "..%252f..%252fetc", "..\\..\\windows", "/etc/passwd",
              "....//....//etc", "%2e%2e/%2e%2e/etc", "..%c0%af..", "file:///etc/passwd", "C:\\x", "~/x", "a/../../b",
              "\x00/etc", "..;/etc", ".", "..", "//evil.example/x", "/\\evil.example", "%5c%5cevil.example")
SCRIPTS = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "</title><script>",
           "{{7*7}}", "${7*7}", "<!--", "]]>", "' onload='x", "\\u003cscript\\u003e")
SQL = ("'; DROP TABLE files; --", "1 OR 1=1", "\" UNION SELECT 1--", "x'); DELETE FROM notes;--")
TRICKS = ("\u202egnp.exe", "\u200b", "\ufeff", "e\u0301" * 40, "\uff11\uff12", "\u0661", "\ud800", "\x1b[31m", "\x00",
          "I\u0307", "\U0001f9e0", "\u2028", "a\nb", "½", "−1", "1_000", "0x10", "١e٣")
NUMBERS = ("nan", "NaN", "inf", "-inf", "1e400", "-0", "1e-400", "9" * 400, "0.1.2", "1e", "--1", "+", "1,5", "true",
           "None")
LONG = ("a" * 10_000, "9" * 10_000, "[" * 10_000, "{\"a\":" * 2_000, "_1" * 5_000, "%" * 10_000)
NAMED = (*TRAVERSALS, *SCRIPTS, *SQL, *TRICKS, *NUMBERS, *LONG, "")
MOST_CHARACTERS = 700  # of a sentence about something malformed

texts = st.one_of(st.sampled_from(NAMED), st.text(max_size=60), st.sampled_from(NAMED).flatmap(
    lambda text: st.text(max_size=3).map(lambda more: more + text + more)))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts, st.sampled_from([10**400, -1, 0, 1e308])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)), max_leaves=8)


def assert_one_sentence(text):
    assert text and "\n" not in text and len(text) <= MOST_CHARACTERS and "Traceback" not in text, text


@contextlib.contextmanager
def sentence_allowed():
    """What is refused is refused by our own error, in one sentence."""
    try:
        yield
    except ThermovizError as error:
        assert_one_sentence(str(error))


# Specifications


@functools.cache
def tree_of(kind):
    return json.dumps(to_json(EXPERIMENTS[kind]()))


def places(value, path=()):
    """The paths of all values in a JSON tree."""
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def put(tree, path, value):
    if not path:
        return value
    at = tree
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return tree


def specification(draw, folder):
    """Some of a default's values are others; some settings are not known."""
    kind = draw(st.sampled_from(sorted(EXPERIMENTS)))
    tree = json.loads(tree_of(kind))
    for _ in range(draw(st.integers(1, 3))):
        if isinstance(tree, dict):
            tree = put(tree, draw(st.sampled_from(list(places(tree)))), draw(values))
    if isinstance(tree, dict) and draw(st.booleans()):
        tree[draw(texts)] = draw(values)
    with sentence_allowed():
        spec = from_json(EXPERIMENTS[kind], tree)
        assert from_json(EXPERIMENTS[kind], json.loads(canonical(spec))) == spec and len(identity(spec)) == 16


def specification_file(draw, folder):
    """A file that is meant to be a specification, for the command line."""
    contents = draw(st.one_of(st.binary(max_size=200), texts.map(lambda text: text.encode("utf-8", "surrogatepass")),
                              values.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass"))))
    (folder / "spec.json").write_bytes(contents)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        assert main(["show", str(folder / "spec.json")]) == 2
        code = main(["run", str(folder / "spec.json"), "--set", f"nonsense={draw(texts)}"])
    assert code == 2
    for line in said.getvalue().splitlines():
        assert line.startswith("thermoviz: ") and len(line) <= MOST_CHARACTERS, line


# Links


@functools.cache
def names():
    found = {"v", "T", "kind", "preset", "look", "hide", "lost", "seed"}
    for kind in EXPERIMENTS:
        found |= {".".join(str(part + 1) if isinstance(part, int) else part for part in path)
                  for path in places(json.loads(tree_of(kind))) if path}
    return sorted(found)


def query(draw):
    kinds = st.sampled_from([*EXPERIMENTS, *tv.POTENTIALS, *tv.DATASETS, *tv.DYNAMICS, "own", "landscape", "about"])
    asked = draw(st.dictionaries(st.one_of(st.sampled_from(names()), texts), st.one_of(texts, kinds, values.map(str)),
                                 max_size=6))
    return {**asked, "kind": draw(st.sampled_from(sorted(EXPERIMENTS)))} if draw(st.booleans()) else asked


def link(draw, folder):
    """A query is followed as far as it goes, and what it opens makes a link again."""
    asked = query(draw)
    found = from_query(asked, known=("look", "hide", "lost"))
    for message in found.messages:
        assert_one_sentence(message)
        assert message.isprintable()
    again = from_query(to_query(found.preset, found.spec))
    assert again.spec == found.spec and not again.messages
    for name, text in asked.items():
        with sentence_allowed():
            with_settings(found.spec, {name: text})


def document(draw, folder):
    """The first HTML has no program beside its own, whatever the address says."""
    asked = query(draw)
    text = shell.document(programs.shell(), shell.opened(asked), "https://a.example/", draw(texts))
    assert text.count("<script") == scripts() and "onerror=" not in text


@functools.cache
def scripts():
    return shell.document(programs.shell(), shell.opened({}), "https://a.example/", None).count("<script")


# Run files


@functools.cache
def whole():
    return tv.load_preset("mueller-brown").to_bytes()


@functools.cache
def bomb():
    """A megabyte that unpacks to a thousand."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"\0" * 50_000_000)
    return packed.getvalue()


def header_of(value, body=b""):
    text = value if isinstance(value, bytes) else json.dumps(value).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + body


def forged(metadata):
    arrays, before = files.unpack(whole())
    kept = {name: text for name, text in before.items() if name != "sha256"}
    return files.pack(arrays, kept | metadata)


def run_contents(draw):
    contents, n = whole(), len(whole())
    kind = draw(st.sampled_from(("cut", "flipped", "longer", "length", "shape", "header", "foreign", "random",
                                 "forged")))
    if kind == "cut":
        return contents[:draw(st.integers(0, n - 1))]
    if kind == "flipped":
        at = draw(st.integers(0, n - 1))
        return contents[:at] + bytes([contents[at] ^ 1 << draw(st.integers(0, 7))]) + contents[at + 1:]
    if kind == "longer":
        return contents + draw(st.binary(min_size=1, max_size=50))
    if kind == "length":
        return draw(st.sampled_from([0, 1, n, n - 8, 2**31, 2**63, 2**64 - 1])).to_bytes(8, "little") + contents[8:]
    if kind == "shape":
        shape = draw(st.lists(st.sampled_from([0, 1, -1, 10**12, 2**63]), max_size=4))
        offsets = draw(st.lists(st.sampled_from([0, 4, -4, 10**12, 2**64]), min_size=2, max_size=2))
        return header_of({"__metadata__": {"format": files.FORMAT}, draw(texts): {
            "dtype": draw(st.sampled_from(["F32", "F64", "BOOL", "nonsense", ""])), "shape": shape,
            "data_offsets": offsets}}, b"\0" * 4)
    if kind == "header":
        return header_of(draw(st.one_of(values, st.just(b"{" + b'"a":{' * 5000), st.just(b"{\"__metadata__\":" * 2000),
                                        st.dictionaries(st.sampled_from(["__metadata__", "a"]), values))))
    if kind == "foreign":
        return draw(st.sampled_from([pickle.dumps({"a": 1}), bomb(), gzip.compress(b"\0" * 10**6), b"", b"\x93NUMPY",
                                     b"{}", b"PK\x03\x04", b"\x89HDF\r\n"]))
    if kind == "random":
        return draw(st.binary(max_size=300))
    name = draw(st.sampled_from(["specification", "numbers", "kind", "numerics_version"]))
    text = draw(st.one_of(texts, values.map(lambda value: json.dumps(value)), texts.map(json.dumps)))
    return forged({name: text.encode("utf-8", "replace").decode()})


def run_file(draw, folder):
    contents = run_contents(draw)
    with sentence_allowed():
        found = Run.from_bytes(contents)
        assert found.id and found.to_bytes()  # whole: what was changed did not matter, or was meant


def stored_file(draw, folder):
    """The same where a store finds it: it is no run, and the question is computed anew."""
    store = kept(folder)
    id = tv.load_preset("mueller-brown").id
    contents = run_contents(draw)
    store.path(id).write_bytes(contents)
    found = store.get(id)
    assert found is None or found.id == id


def stored_name(draw, folder):
    """Only what is an id is looked for; and what an index is asked is data."""
    store, name = kept(folder), draw(texts)
    for ask in (store.get, store.path, store.__contains__):
        with sentence_allowed():
            ask(name)
    with contextlib.suppress(UnicodeEncodeError):  # no file can be called so
        store.index.forget(name)
        store.index.used(name)
    assert store.index.total() >= 0
    with sentence_allowed():
        tv.load_preset(name)
    with sentence_allowed():
        tv.open_run(folder / "runs" / name.replace("/", "_"))


@functools.cache
def kept(folder):
    from thermoviz.engine import Store

    return Store(folder / "store")


# Tables and drawings


def table_contents(draw):
    """A table of odd cells; one of NumPy's with a forged header, objects, odd names; or any bytes."""
    kind = draw(st.sampled_from(["text", "npy", "npz", "objects", "bytes", "cut"]))
    cells = st.one_of(texts, st.sampled_from(["1", "2.5", "2024-01-01", "x"]))
    rows = draw(st.lists(st.lists(cells, min_size=1, max_size=5), max_size=12))
    delimiter = draw(st.sampled_from(",;\t|"))
    text = "\n".join(delimiter.join(row) for row in rows).encode("utf-8", "surrogatepass")
    file, array = io.BytesIO(), np.arange(6.0)
    if kind == "npy":
        described = {"descr": draw(st.sampled_from(["<f8", "|O", "<U9", "<c16", "V8", "<M8[D]", "nonsense"])),
                     "fortran_order": draw(st.booleans()), "shape": draw(st.sampled_from([(6,), (10**12,), (-1,)]))}
        header = repr(described).encode().ljust(118)
        return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + array.tobytes()
    if kind in ("npz", "cut"):
        with zipfile.ZipFile(file, "w") as archive:
            for name in draw(st.lists(st.sampled_from([*TRAVERSALS, *SCRIPTS, "x"]), max_size=3, unique=True)):
                part = io.BytesIO()
                np.save(part, array)
                archive.writestr(zipfile.ZipInfo((name.replace("\x00", "") or "x") + ".npy"), part.getvalue())
        return file.getvalue()[:draw(st.integers(0, 300)) if kind == "cut" else None]
    if kind == "objects":
        np.save(file, np.array([Runs(), *rows], dtype=object), allow_pickle=True)
        return file.getvalue()
    return draw(st.binary(max_size=200)) if kind == "bytes" else text


class Runs:
    """Whose pickle would run code."""

    ran = False

    def __reduce__(self):
        return setattr, (Runs, "ran", True)


def table_file(draw, folder):
    """A table is read and may be learned from, or refused; no name of it goes anywhere, and nothing of it is run."""
    with sentence_allowed():
        table = read_table(table_contents(draw))
        assert all(name.isprintable() and 0 < len(name) <= 66 for name in table.names)
        names = draw(st.permutations(table.names))
        with sentence_allowed():
            tv.table(table, names[0], names[1:], missing=draw(st.sampled_from(["refuse", "leave out"])))
    assert not Runs.ran


# Addresses


async def behind(scope, receive, send):
    """Streamlit, which is asked what nobody else answers."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@functools.cache
def front():
    return Door(BeginAtFirstPage(FirstDocument(programs.CompressedFiles(behind))))


def address(draw, folder):
    """Whatever is asked for, something is answered, and nobody is led to another server."""
    path = "/" + draw(st.sampled_from(["", "picture/", "static/js/", "operator/", "_stcore/"])) + draw(texts)
    asked = urlencode({name.encode("utf-8", "replace"): text.encode("utf-8", "replace")
                       for name, text in query(draw).items()})
    odd = st.one_of(texts, st.sampled_from(["gzip", "*/*", "text/html", "-1", "10", "bytes=0-"]))
    headers = [(name, draw(odd).encode("utf-8", "replace")) for name in draw(st.lists(st.sampled_from(
        [b"host", b"accept", b"accept-encoding", b"accept-language", b"if-none-match", b"content-length", b"cookie",
         b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-prefix", b"range", b"authorization"])))]
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": draw(st.sampled_from(["GET", "HEAD", "POST"])), "path": path, "root_path": "",
             "query_string": draw(st.sampled_from([asked.encode(), b"\xff\xfe", b"&&==", asked.encode()])),
             "headers": headers, "scheme": "http", "raw_path": quote(path.encode("utf-8", "replace")).encode()}
    asyncio.run(front()(scope, receive, send))
    answered = dict(sent[0]["headers"])
    assert sent[0]["status"] < 500
    assert not answered.get(b"location", b"").startswith((b"//", b"http", b"/"))


CASES = {case.__name__: case for case in (specification, specification_file, link, document, run_file, stored_file,
                                          stored_name, table_file, address)}


def everything_in(folder: Path) -> set[str]:
    """What lies in a folder, below the store not."""
    return {path.name for path in folder.iterdir()}
