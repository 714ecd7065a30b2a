"""Malformed input of every kind: an answer or one sentence, nothing outside the store, no memory for mere claims."""

import json
import pickle
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malformed_cases import CASES, NAMED, bomb, everything_in, forged, header_of, sentence_allowed

import thermoviz as tv
from thermoviz.__main__ import main
from thermoviz.catalogue.links import from_query
from thermoviz.runs import files

FEW, MANY = 40, 1250  # of each case: 10,000 in all
HOLD_BYTES = 100e6  # what reading a malformed file may take, beside the file: half of what the web process weighs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("malformed")


def tried(case, folder, n):
    @settings(max_examples=n, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def one(data):
        CASES[case](data.draw, folder)

    one()
    assert everything_in(folder) <= {"store", "spec.json"}, "something was written outside the store"


@pytest.mark.parametrize("case", CASES)
def test_what_is_malformed_gets_an_answer_or_a_sentence(case, folder):
    tried(case, folder, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_so_do_ten_thousand(case, folder):
    tried(case, folder, MANY)


def claims(n):
    """A file of a few bytes that says it holds n numbers."""
    return header_of({"__metadata__": {"format": files.FORMAT},
                      "a": {"dtype": "F64", "shape": [n], "data_offsets": [0, 8 * n]}})


FILES = {
    "pickle": pickle.dumps([1]), "zip bomb": bomb(), "claims a terabyte": claims(10**11),
    "claims 2**62": claims(2**62), "huge header": (2**40).to_bytes(8, "little") + b"{" + b" " * 1000,
    "deep header": header_of(b'{"a":' * 100_000), "NaN in numbers": forged({"numbers": '{"d": NaN}'}),
    "deep numbers": forged({"numbers": "[" * 100_000}),
    "deep specification": forged({"specification": '{"a":' * 10**5}),
    "too large": b"\0" * (files.MAX_BYTES + 1),
}


@pytest.mark.parametrize("name", FILES)
def test_named_files_are_refused_without_the_memory_that_they_claim(name):
    tracemalloc.start()
    try:
        with sentence_allowed():
            tv.Run.from_bytes(FILES[name])
            assert name == "NaN in numbers", "it was no run"
        assert tracemalloc.get_traced_memory()[1] < HOLD_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ['{"a":' * 100_000, "[" * 100_000, "\ufeff{}", "NaN", '{"kind": NaN}', "9" * 10_000,
                                  '{"kind": "descent", "seed": ' + "9" * 5000 + "}",
                                  '{"kind": "descent", "seed": 1, "seed": "<script>"}'], ids=range(8))
def test_specification_files(text, tmp_path, capsys):
    (tmp_path / "spec.json").write_text(text)
    assert main(["run", str(tmp_path / "spec.json"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("thermoviz: ") and said.count("\n") == 1 and len(said) < 700
    assert {path.name for path in tmp_path.iterdir()} == {"spec.json"}


@pytest.mark.parametrize("text", NAMED, ids=range(len(NAMED)))
def test_own_data_is_named_by_its_hash_alone(text):
    """What a file would be looked for by comes from a link as well."""
    for name in ("content_hash", "data", "x"):
        with sentence_allowed():
            found = from_query({"dataset": json.dumps({"kind": "own", name: text})})
            assert getattr(found.spec.dataset, "content_hash", "") != text or not text
