"""Verdicts: whether a claim is true and whether theory agrees are two questions, decided by one rule for all."""

import json
import math
import pickle
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import norm
from verdict_contract import check

from thermoviz.core.statistics.estimators import Estimate
from thermoviz.presentation import verdicts
from thermoviz.presentation.words import _
from thermoviz.runs.verdict import FAR, Told, Verdict, above, agrees, among, below, equals, judge, within

ROOM = "a_room_of_tests"
RULES = (above(1.0), below(1.0), equals(1.0, unlike=3.0), within(1.0, margin=0.5))


@pytest.fixture(autouse=True)
def room(monkeypatch):
    """A lab's package whose words know three claims, one of them with a value."""
    words = ModuleType(f"{ROOM}.words")
    words.VERDICTS = {
        "one": lambda verdict: Told(_("The bath has one temperature"), _("Spread."), _("of the mean")),
        "settled": lambda verdict: Told(_("Settled"), _("Too few copies."), _("nats")),
        "wide": lambda verdict: Told(_("{n} wide wins").format(n=verdict.values["n"]), _("Of {n}.").format(
            n=verdict.values["n"]), _("T"))}
    monkeypatch.setitem(sys.modules, ROOM, ModuleType(ROOM))
    monkeypatch.setitem(sys.modules, f"{ROOM}.words", words)


def judged(key, found, rule, **settings):
    """As a run hands it out: with the words of its room."""
    return Verdict.from_json(judge(key, found, rule, **settings).to_json(), ROOM)


@pytest.mark.parametrize(("rule", "number", "error", "holds"), [
    (above(0.0), 1.0, 0.3, True), (above(0.0), 1.0, 0.34, None), (above(0.0), -1.0, 0.3, False),
    (below(2.0), 1.0, 0.3, True), (below(2.0), 1.0, 0.34, None), (below(2.0), 3.0, 0.3, False),
    (equals(1.0, unlike=0.0), 1.1, 0.05, True), (equals(1.0, unlike=0.0), 1.2, 0.05, False),
    (equals(1.0, unlike=0.0), 0.9, 0.4, None),  # 0 is as near: this could not have been refuted
    (within(1.0, margin=0.5), 1.2, 0.09, True), (within(1.0, margin=0.5), 1.2, 0.11, None),
    (within(1.0, margin=0.5), 1.9, 0.1, False), (above(0.0), math.nan, 0.1, None), (above(0.0), 1.0, math.nan, None),
    (above(0.0, far=5.0), 1.0, 0.3, None), (equals(1.0, unlike=0.0), 1 + 1e-12, 0.0, True),
])
def test_rules(rule, number, error, holds):
    assert rule.decide(number, error) is holds


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_larger_error_tells_less(rule):
    """What is open at one error stays open at each larger one; only "equals" may pass from false to true in between."""
    for number in np.linspace(-2, 5, 71):
        told = [rule.decide(float(number), error) for error in np.geomspace(1e-4, 10, 60)]
        changed = [(a, b) for a, b in zip(told, told[1:], strict=False) if a is not b]
        allowed = {(True, None), (False, None)} | ({(False, True), (True, None)} if rule.kind == "equals" else set())
        assert set(changed) <= allowed, (number, changed)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_true_claims_are_called_false_no_more_often_than_three_errors_say(rule):
    """At the edge of the claim, 100,000 measurements: the share of wrong words within 4 of its own standard errors."""
    edge = {"above": 1.0, "below": 1.0, "equals": 1.0, "within": 1.5}[rule.kind]
    draws = np.random.default_rng(0).normal(edge, 0.1, 100_000)
    wrong = np.mean([rule.decide(float(draw), 0.1) is False for draw in draws])
    p = norm.sf(FAR) * (2 if rule.kind == "equals" else 1)
    assert abs(wrong - p) <= 4 * math.sqrt(p * (1 - p) / len(draws))


@pytest.mark.parametrize("n", [1, 10, 300])
def test_the_largest_of_many_numbers_is_beyond_its_errors_as_seldom_as_one_number(n):
    assert n * norm.sf(among(n)) == pytest.approx(norm.sf(FAR), rel=1e-9)


def test_claim_and_theory_are_two_questions():
    """The bath has no single temperature, as theory says: the claim is false and theory confirmed."""
    verdict = judged("one", Estimate(3.9, 0.05), equals(0.3, unlike=3.95), theory=3.95, control=0.3)
    assert (verdict.holds, verdict.confirmed) == (False, True)
    assert verdicts.standing(verdict)[0] == "false" and verdicts.agreement(verdict) == ("theory confirmed", "good")
    missed = judged("one", (3.8, 0.01), above(1.0), theory=(3.9, 0.02), control=0.3)
    assert (missed.holds, missed.confirmed) == (True, False)
    check(verdict), check(missed)


def test_theory_counts_its_own_error_and_a_control_that_agrees_tests_nothing():
    assert agrees((1.0, 0.1), 1.5) is False and agrees((1.0, 0.1), (1.5, 0.2)) is True
    assert agrees((1.0, 0.1), 1.1, control=1.2) is None and agrees((1.0, 0.1), None) is None
    assert agrees((math.nan, 0.1), 1.0) is None


def test_what_is_not_known_claims_nothing_and_shows_no_dashes():
    verdict = judged("settled", None, above(0.0), theory=1.0)
    assert verdict.holds is None and verdict.confirmed is None and math.isnan(verdict.measured)
    assert verdicts.agreement(verdict) is None
    assert not any(blank in verdicts.told(verdict) for blank in ("nan", "–"))
    unsettled = judged("settled", (5.0, 0.1), above(0.0), theory=5.0, known=False)
    assert unsettled.holds is None and unsettled.confirmed is None and unsettled.measured == 5.0
    check(verdict), check(unsettled)


def test_a_verdict_survives_json_and_pickle_without_its_words():
    verdict = judged("wide", (0.21, 0.01), equals(0.2, unlike=0.4), theory=(0.2, 0.01), values={"n": np.int64(3)})
    kept = json.dumps(verdict.to_json())
    again = Verdict(**json.loads(kept))
    assert again == verdict == pickle.loads(pickle.dumps(verdict)) and hash(again) == hash(verdict)
    assert "wins" not in kept and again.values == {"n": 3}
    assert (verdict.name, verdict.sentence, verdict.unit) == ("3 wide wins", "Of 3.", "T")
    assert pickle.loads(pickle.dumps(verdict)).name == "3 wide wins"


def test_a_verdict_without_a_lab_is_called_by_its_key():
    verdict = judge("volume", (0.21, 0.01), above(0.0))
    assert (verdict.name, verdict.sentence, verdict.unit) == ("volume", "", "")
    assert Verdict.from_json(verdict.to_json(), "no.such.lab").name == "volume"


OLD = {"measured": 0.21, "stderr": 0.01, "theory": 0.2, "control": None, "holds": True}


def test_older_files_show_the_words_that_they_hold():
    old = Verdict.from_json({"name": "volume wins", "sentence": "The widest valley wins.", **OLD}, ROOM)
    assert old.rule is None and old.confirmed is None and verdicts.rule_words(old.rule) == ""
    assert verdicts.told(old).startswith("volume wins: true, theory: cannot tell. 0.210 ± 0.010 (theory 0.2).")
    assert old.sentence == "The widest valley wins." and old.key == "volume wins" and old.unit == ""
    assert Verdict.from_json(old.to_json(), ROOM) == old


def test_an_older_claim_is_found_by_its_key_where_a_lab_still_has_it():
    old = Verdict.from_json({"name": "Settled", "sentence": "As it was put then.", "unit": "bits", **OLD}, ROOM)
    assert old.key == "settled" and (old.sentence, old.unit) == ("As it was put then.", "bits")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_the_rule_is_said_with_its_numbers(rule):
    words = verdicts.rule_words(rule)
    assert "3 standard errors" in words and "{" not in words and words.startswith("True if")


@pytest.mark.parametrize(("value", "error", "words"), [
    (18.03834, 0.00017, "18.03834"), (2.21, 0.081, "2.21"), (29.8317, 0.032, "29.832"), (542.2041, 0.06, "542.204"),
    (-18.03834, 0.00017, "−18.03834"), (1e-9, 0.1, "0"), (0.5, 0.1, "0.5"), (28.563, None, "28.6"), (None, 0.1, "–"),
    (28.563, 0.0, "28.6"), (2e-9, 3e-13, "2 × 10^−9")])
def test_theory_is_told_to_the_place_of_the_error(value, error, words):
    assert verdicts.reference(value, error) == words
