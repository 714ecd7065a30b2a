"""Verdicts: whether a claim is true and whether theory agrees are two questions, decided by one rule for all."""

import json
import math

import numpy as np
import pytest
from scipy.stats import norm
from verdict_contract import check

from thermoviz.core.statistics.estimators import Estimate
from thermoviz.presentation import verdicts
from thermoviz.runs.verdict import FAR, Verdict, above, agrees, among, below, equals, judge, within

RULES = (above(1.0), below(1.0), equals(1.0, unlike=3.0), within(1.0, margin=0.5))


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
    verdict = judge("The bath has one temperature", Estimate(3.9, 0.05), equals(0.3, unlike=3.95), unit="of the mean",
                    sentence="Spread.", theory=3.95, control=0.3)
    assert (verdict.holds, verdict.confirmed) == (False, True)
    assert verdicts.standing(verdict)[0] == "false" and verdicts.agreement(verdict) == ("theory confirmed", "good")
    missed = judge("One", (3.8, 0.01), above(1.0), unit="ratio", sentence="-", theory=(3.9, 0.02), control=0.3)
    assert (missed.holds, missed.confirmed) == (True, False)
    check(verdict), check(missed)


def test_theory_counts_its_own_error_and_a_control_that_agrees_tests_nothing():
    assert agrees((1.0, 0.1), 1.5) is False and agrees((1.0, 0.1), (1.5, 0.2)) is True
    assert agrees((1.0, 0.1), 1.1, control=1.2) is None and agrees((1.0, 0.1), None) is None
    assert agrees((math.nan, 0.1), 1.0) is None


def test_what_is_not_known_claims_nothing_and_shows_no_dashes():
    verdict = judge("Settled", None, above(0.0), unit="nats", sentence="Too few copies.", theory=1.0)
    assert verdict.holds is None and verdict.confirmed is None and math.isnan(verdict.measured)
    assert verdicts.agreement(verdict) is None
    assert not any(blank in verdicts.told(verdict) for blank in ("nan", "–"))
    unsettled = judge("Settled", (5.0, 0.1), above(0.0), unit="nats", sentence="Not at rest.", theory=5.0, known=False)
    assert unsettled.holds is None and unsettled.confirmed is None and unsettled.measured == 5.0
    check(verdict), check(unsettled)


def test_a_verdict_survives_json_and_older_files_open():
    verdict = judge("Wide wins", (0.21, 0.01), equals(0.2, unlike=0.4), unit="T", sentence="-", theory=(0.2, 0.01))
    assert Verdict(**json.loads(json.dumps(verdict.to_json()))) == verdict
    old = Verdict("volume wins", 0.21, 0.01, 0.2, None, True, "The widest valley wins.")
    assert old.rule is None and old.confirmed is None and verdicts.rule_words(old.rule) == ""
    assert verdicts.told(old).startswith("volume wins: true, theory: cannot tell. 0.210 ± 0.010 (theory 0.2).")


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
