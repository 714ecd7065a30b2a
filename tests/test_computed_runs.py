"""What tests share is what they would compute themselves: nothing undeclared is in it, and all is told apart."""

import types

import numpy as np
import pytest
from computed_runs import NEARLY, PARTS, _key, afresh, computed, folder, once, part

import thermoviz as tv


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_its_place(name):
    assert callable(part(name))


def test_a_run_is_computed_once_and_read_from_its_file(monkeypatch):
    spec = tv.Potential("double_well", resolution=9, tolerance=0.5, seed=12)
    first = computed(spec)
    monkeypatch.setattr(tv, "run", None)
    assert computed(tv.Potential("double_well", resolution=9, tolerance=0.5, seed=12)) is first
    assert (folder() / f"{first.id}.safetensors").exists() and first.spec == spec


def test_a_part_is_told_apart_by_all_that_it_is_given():
    calls = []

    def counted(loss, at, report=None):
        calls.append(at)
        return {"sum": at.sum() + loss.d}

    kept, loss = once(counted), tv.NetworkLoss(tv.MLP((2,)), tv.load_dataset("moons", n=20, seed=0))
    same = tv.NetworkLoss(tv.MLP((2,)), tv.load_dataset("moons", n=20, seed=0))
    other = tv.NetworkLoss(tv.MLP((2,)), tv.load_dataset("moons", n=20, seed=1))
    heard = []
    answers = [kept(loss, np.ones(3)), kept(same, np.ones(3), heard.append), kept(other, np.ones(3)),
               kept(loss, np.zeros(3))]
    assert len(calls) <= 3 and heard[-1:] == [NEARLY]  # known from an earlier session they are not computed at all
    assert answers[0] == answers[1] and answers[0] is not answers[1] and answers[3] != answers[0]
    assert _key([loss, np.ones(3)]) == _key([same, np.ones(3)]) != _key([other, np.ones(3)])
    before = len(calls)
    with afresh():
        assert kept(loss, np.ones(3)) == answers[0]
    assert len(calls) == before + 1


def test_a_part_may_read_the_fields_that_it_declares_only():
    kept = once(lambda spec: spec.seed + spec.steps, ("seed",))
    with pytest.raises(AttributeError, match="steps"):
        kept(types.SimpleNamespace(seed=1, steps=2))
