"""Words of the second law's verdicts: asked where they are read, in the reader's language."""

import pytest

from thermoviz.labs.second_law.specification import SecondLaw
from thermoviz.presentation import words
from thermoviz.runs.verdict import Verdict


@pytest.fixture
def german(monkeypatch):
    class Catalogue:
        def gettext(self, message):
            return {"A whirl lifts F": "Ein Wirbel hebt F"}.get(message, message)

    monkeypatch.setattr(words, "_catalogue", lambda language: Catalogue())


def test_one_run_is_read_in_two_languages(german):
    verdict = Verdict("whirl", 1.0, 0.1, room="thermoviz.labs.second_law")
    assert verdict.name == "Ein Wirbel hebt F" and verdict.unit == "T"


def test_a_run_of_before_the_keys_opens_and_its_wells_are_drawn_by_key():
    run = SecondLaw(balls=30, steps=30).compute()
    old = [{"name": one.name, "sentence": "Older words.", "unit": one.unit, **one.to_json()} for one in run.verdicts]
    for one in old:
        del one["key"], one["values"]
    again = type(run)(run.spec, run.arrays, {**run.numbers, "verdicts": old})
    again = type(run).from_bytes(again.to_bytes())
    assert [one.key for one in again.verdicts] == [one.key for one in run.verdicts]
    assert [one.name for one in again.verdicts] == [one.name for one in run.verdicts]
    assert {one.sentence for one in again.verdicts} == {"Older words."}
