"""What people keep: links and ids in their notes, names in their programs. All of `pins.json` means what it meant."""

import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest

import thermoviz as tv
from thermoviz.catalogue.links import from_query, to_query
from thermoviz.core import specs

# Links with the ids and the specifications that they had, and public names. More may join; none may change or go.
PINS = json.loads((Path(__file__).parent / "pins.json").read_text())


@pytest.mark.parametrize("pin", PINS["links"], ids=lambda pin: pin["link"][:60])
def test_a_link_means_what_it_meant(pin, monkeypatch):
    monkeypatch.setattr(specs, "NUMERICS_VERSION", PINS["numerics_version"])  # an id is of one version of the numerics
    link = from_query(dict(parse_qsl(pin["link"])))
    assert link.messages == ()
    assert specs.to_json(link.spec) == pin["specification"]
    assert specs.identity(link.spec) == pin["id"]


@pytest.mark.parametrize("pin", PINS["links"], ids=lambda pin: pin["link"][:60])
def test_a_link_is_written_as_it_was(pin):
    link = from_query(dict(parse_qsl(pin["link"])))
    query = to_query(link.preset, link.spec, {"T": link.temperature})
    assert urlencode({name: text for name, text in query.items() if name != "v"}) == pin["back"]


def test_an_id_is_no_longer_the_same_when_anything_is_changed(monkeypatch):
    assert len({pin["id"] for pin in PINS["links"]}) == len(PINS["links"])
    spec = tv.PRESETS["three-minds"].spec
    before = specs.identity(spec)
    monkeypatch.setattr(specs, "NUMERICS_VERSION", specs.NUMERICS_VERSION + 1)
    assert specs.identity(spec) != before


def test_no_public_name_is_gone():
    assert set(PINS["names"]) <= set(tv.__all__)
    assert all(hasattr(tv, name) for name in PINS["names"])
