"""Turns go round the visitors: nobody waits for all that another has asked for."""

import random

import pytest

from thermoviz.engine.queue import Bounds, FairQueue

BOUNDS = Bounds(in_all=1000, of_one=250)


def queue_of(*wishes, bounds=BOUNDS):
    """A queue to which these (job, visitor) were added, in this order."""
    queue = FairQueue(bounds)
    for id, viewer in wishes:
        queue.add(id, viewer)
    return queue


def drained(queue):
    """The jobs in the order in which they go."""
    return list(iter(queue.take, None))


def test_one_visitors_jobs_go_in_their_order():
    assert drained(queue_of(("1", "ann"), ("2", "ann"), ("3", "ann"))) == ["1", "2", "3"]


def test_turns_go_round():
    queue = queue_of(*((f"a{k}", "ann") for k in range(4)), ("b0", "bob"), ("b1", "bob"), ("c0", "cyd"))
    assert drained(queue) == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_who_comes_late_is_next_before_whoever_had_a_turn():
    queue = queue_of(*((f"a{k}", "ann") for k in range(200)))
    assert queue.take() == "a0"
    queue.add("b0", "bob")
    assert queue.order()[:2] == ("b0", "a1")


def test_who_always_asks_for_one_more_does_not_go_before_those_who_wait():
    """A turn is remembered when the visitor has nothing in the queue any more."""
    queue = queue_of(("a0", "ann"), ("a1", "ann"), ("a2", "ann"), ("b0", "bob"))
    taken = []
    for k in range(1, 7):
        taken.append(queue.take())
        if taken[-1].startswith("b"):
            queue.add(f"b{k}", "bob")
    assert taken == ["a0", "b0", "a1", "b2", "a2", "b4"]


def test_a_job_of_several_goes_at_whichever_turn_comes_first():
    queue = queue_of(("a0", "ann"), ("a1", "ann"), ("both", "ann"), ("both", "bob"), ("b1", "bob"))
    assert drained(queue) == ["a0", "both", "a1", "b1"]


def test_a_job_is_dropped_when_its_last_visitor_leaves():
    queue = queue_of(("both", "ann"), ("a1", "ann"), ("both", "bob"))
    queue.drop("both", "ann")
    queue.drop("both", "nobody")
    assert queue.order() == ("a1", "both")
    queue.drop("both", "bob")
    queue.drop("never added")
    assert queue.order() == ("a1",) and "both" not in queue and len(queue) == 1
    queue.drop("a1")
    assert queue.take() is None and queue.order() == ()


def test_bounds_for_one_and_for_all():
    queue = queue_of(*((f"a{k}", "ann") for k in range(2)), bounds=Bounds(in_all=3, of_one=2))
    assert queue.full_for("bob") is None and "2 experiments of yours" in queue.full_for("ann")()
    queue.add("b0", "bob")
    assert "all 3 places" in queue.full_for("cyd")()
    queue.take()
    assert queue.full_for("cyd") is None and queue.full_for("ann") is None


@pytest.mark.parametrize("seed", range(300))
def test_what_is_foretold_is_what_happens(seed):
    """Whatever was added, dropped and taken: everything waiting stands in the order once, and goes in that order."""
    queue, wanted, chance = FairQueue(BOUNDS), set(), random.Random(seed)
    for _ in range(chance.randrange(60)):
        id, viewer = str(chance.randrange(12)), str(chance.randrange(5))
        act = chance.choices(["add", "drop", "drop all", "take"], [5, 2, 1, 2])[0]
        if act == "add":
            queue.add(id, viewer)
            wanted.add((id, viewer))
        elif act == "drop":
            queue.drop(id, viewer)
            wanted.discard((id, viewer))
        else:
            gone = queue.take() if act == "take" else queue.drop(id) or id
            wanted = {(other, who) for other, who in wanted if other != gone}
    order = queue.order()
    assert sorted(order) == sorted({id for id, _ in wanted}) and len(queue) == len(order)
    assert drained(queue) == list(order)


@pytest.mark.parametrize("visitors", [2, 5])
def test_while_all_have_jobs_none_gets_more_than_one_turn_above_another(visitors):
    queue = queue_of(*((f"{viewer}.{k}", str(viewer)) for viewer in range(visitors) for k in range(10 + viewer)))
    turns = dict.fromkeys(map(str, range(visitors)), 0)
    for _ in range(10 * visitors):
        turns[queue.take().split(".")[0]] += 1
        assert max(turns.values()) - min(turns.values()) <= 1
