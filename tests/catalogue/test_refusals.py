"""Bad input from outside: one clear sentence, whatever it is, and nothing silently wrong."""

import json
import warnings

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.catalogue.links import from_query, to_query
from thermoviz.core.arrays import real
from thermoviz.engine import Store
from thermoviz.runs import files

COMPLEX = np.ones((3, 2)) * 1j
RAGGED = [[1, 2], [3]]
SURFACE = tv.Surface.from_grid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9), np.add.outer(np.arange(9.0), np.ones(9)))
PLANE = tv.Plane(np.zeros(3), [1, 0, 0], [0, 1, 0])
LOSS = tv.NetworkLoss(tv.MLP((3,)), tv.load_dataset("moons", n=40, seed=0))
THETA = LOSS.init(1, seed=0)[0]
RUN = tv.load_preset("mueller-brown")


def forged(**metadata):
    """The preset's file with other metadata and a checksum that fits."""
    arrays, before = files.unpack(RUN.to_bytes())
    return files.pack(arrays, {name: text for name, text in before.items() if name != "sha256"} | metadata)


REFUSED = {
    "potential": lambda bad: tv.DoubleWell()(bad),
    "force": lambda bad: tv.MuellerBrown().force(bad),
    "simulate": lambda bad: tv.simulate(tv.DoubleWell(), tv.Overdamped(0.01), bad, 2),
    "reflect": lambda bad: tv.reflect(bad, ((0, 1), (0, 1))),
    "loss": lambda bad: LOSS(bad),
    "hvp": lambda bad: LOSS.hvp(THETA, bad),
    "predict": lambda bad: LOSS.predict(THETA, bad),
    "plane": lambda bad: tv.Plane(bad, [1, 0], [0, 1]),
    "points": lambda bad: tv.Plane(np.zeros(2), [1, 0], [0, 1], points=bad),
    "embed": lambda bad: PLANE.embed(bad),
    "in_plane": lambda bad: PLANE.in_plane(bad),
    "pca": lambda bad: tv.Plane.pca(bad),
    "honesty": lambda bad: tv.honesty(LOSS, PLANE, bad),
    "surface": lambda bad: SURFACE(bad),
    "grid": lambda bad: tv.Surface.from_grid(np.arange(9.0), np.arange(9.0), bad),
    "kl": lambda bad: SURFACE.equilibrium(1.0).kl(bad),
    "tau": lambda bad: tv.autocorrelation_time(bad),
    "r_hat": lambda bad: tv.r_hat(bad),
}


@pytest.mark.parametrize("bad", [COMPLEX, RAGGED, None, "words", {"a": 1}],
                         ids=["complex", "ragged", "None", "str", "dict"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_real_numbers_is_refused_in_a_sentence(name, bad):
    if name == "points" and bad is None:
        return  # none is the default
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(tv.BadInput) as refusal:
            REFUSED[name](bad)
    assert "\n" not in str(refusal.value) and 10 < len(str(refusal.value)) < 300


def test_real_takes_what_numpy_reads_and_keeps_float64():
    array = np.arange(3.0)
    assert real(array) is array and real([1, 2]).dtype == np.float64 and real(True).tolist() == 1.0


@pytest.mark.parametrize("ask", [
    lambda: tv.Harmonic(True), lambda: tv.MLP((True,)), lambda: tv.Descent(replicas=True),
    lambda: tv.Descent(network={"hidden": [True]}), lambda: tv.SGD(()), lambda: tv.SGD(np.ones((2, 2))),
    lambda: SURFACE.equilibrium([1.0]), lambda: SURFACE.equilibrium(1e-300), lambda: SURFACE.equilibrium(1e300),
    lambda: SURFACE.equilibrium(1e-14),
    lambda: tv.scan(tv.DoubleWell(), resolution=9, tolerance="a"),
    lambda: tv.scan(tv.DoubleWell(), resolution=9, margin=1j),
    lambda: tv.scan(tv.DoubleWell(), resolution=9, progress=3), lambda: tv.run(tv.Potential(resolution=9), "a"),
    lambda: tv.simulate(tv.DoubleWell(), tv.Overdamped(0.01), [[0.0, 0]], 2, progress="a"),
    lambda: LOSS.init(10**9), lambda: tv.simulate(LOSS, tv.SGD(0.1), THETA, 2, batch_size=10**12),
    lambda: tv.Plane.random(np.ones(5), LOSS), lambda: tv.honesty(LOSS, None, [THETA]), lambda: PLANE.restrict(None),
    lambda: tv.Run(None, {}), lambda: tv.Run(tv.Potential(), None), lambda: RUN.band("losses", 0),
    lambda: tv.open_run(None), lambda: tv.open_run("a\0b"), lambda: tv.open_run("x" * 5000), lambda: RUN.save(3),
])
def test_settings_out_of_range_are_refused_in_a_sentence(ask):
    with pytest.raises(tv.BadInput) as refusal:
        ask()
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400


@pytest.mark.parametrize("metadata", [
    {"numbers": "[]"}, {"numbers": "null"}, {"numbers": '{"surface": 3}'}, {"numbers": '{"verdicts": [{"a": 1}]}'},
    {"specification": "null"}, {"specification": "[1]"}, {"specification": '{"kind": ["a"]}'},
    {"numerics_version": "x"},
])
def test_files_with_odd_metadata_are_bad_files(metadata):
    with pytest.raises(tv.BadFile):
        tv.Run.from_bytes(forged(**metadata))


@pytest.mark.parametrize("metadata", [[1], "x"])
def test_a_header_whose_metadata_is_no_mapping_is_a_bad_file(metadata):
    header = json.dumps({"__metadata__": metadata}).encode()
    with pytest.raises(tv.BadFile):
        tv.Run.from_bytes(len(header).to_bytes(8, "little") + header)


def test_links_to_own_data_can_be_written_again():
    own = '{"kind":"own","content_hash":"' + "a" * 64 + '"}'
    link = from_query({"dataset": own})
    assert not link.messages
    assert from_query(to_query(link.preset, link.spec)).spec == link.spec


@pytest.mark.parametrize("query", [{"T": "9" * 3000}, {"seed": "9" * 3999}, {"network": "[" * 3999}, {"T": "\0"},
                                   {"network.hidden": "1_" * 1999}, {"v": "1" * 3999}])
def test_messages_about_links_stay_short_and_printable(query):
    messages = from_query(query).messages
    assert messages and all(len(message) < 600 and message.isprintable() for message in messages)


def test_a_store_that_cannot_be_written(tmp_path, monkeypatch, setting, caplog):
    (tmp_path / "file").touch()
    with pytest.raises(tv.BadInput, match="cannot be made"):
        Store(tmp_path / "file")
    setting(store=tmp_path / "file" / "store")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert Store().folder.parent == tmp_path and "cannot be written" in caplog.text
