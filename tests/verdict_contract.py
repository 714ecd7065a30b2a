"""What every verdict of every lab must keep, whatever it claims."""

import re

from thermoviz.presentation.verdicts import agreement, rule_words, standing, told, was_measured
from thermoviz.runs.verdict import Verdict, agrees

KEY = re.compile(r"[a-z][a-z0-9_]*")
SHORT = 40  # letters of a name among the values; a sentence is longer


def check(verdict) -> None:
    """Unit, rule and reason are there; claim and theory were decided by the rule that all share, or left open."""
    assert verdict.name and verdict.sentence, verdict
    assert verdict.unit and verdict.rule is not None, verdict.name
    if not was_measured(verdict):  # in a run None, as a file has no NaN
        assert verdict.holds is None and verdict.confirmed is None, verdict.name
        return
    decided = verdict.rule.decide(verdict.measured, verdict.stderr)
    assert verdict.holds in (decided, None), (verdict.name, verdict.holds, decided)
    if verdict.theory is None:
        assert verdict.confirmed is None, verdict.name
    else:
        control = float("nan") if verdict.control is None else verdict.control
        agreed = agrees((verdict.measured, verdict.stderr), (verdict.theory, verdict.theory_stderr), control,
                        verdict.rule.far)
        assert verdict.confirmed in (agreed, None), (verdict.name, verdict.confirmed, agreed)
    words = [standing(verdict)[0], rule_words(verdict.rule), *filter(None, [agreement(verdict)])]
    assert all(words) and verdict.name in told(verdict)


def check_no_prose(verdict) -> None:
    """What a file keeps of it is a key, numbers and names, of which the same verdict is made again."""
    kept = verdict.to_json()
    assert KEY.fullmatch(verdict.key) and not {"name", "sentence", "unit"} & set(kept), kept
    assert all(len(text) <= SHORT and not text.endswith(".") for text in _texts(kept["values"])), kept["values"]
    again = Verdict.from_json(kept, verdict.room)
    assert repr(again) == repr(verdict) and again.sentence == verdict.sentence  # repr: NaN equals NaN


def _texts(value):
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def check_all(run) -> None:
    """The contract for each verdict of a whole run, and that some can be told."""
    assert run.verdicts and len({verdict.name for verdict in run.verdicts}) == len(run.verdicts)
    for verdict in run.verdicts:
        check(verdict)
        check_no_prose(verdict)
