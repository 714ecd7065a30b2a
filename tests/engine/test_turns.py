"""The engine's own decisions, with workers that do what the test says: who is next, what is tried again, what is told.

`ByHand` is also the second thing that stands behind the engine: all it knows of workers is `workers.Workers`.
"""

import pytest

import thermoviz as tv
from thermoviz.core.specs import identity
from thermoviz.engine import Engine, JobState
from thermoviz.engine.engine import ATTEMPTS, FORECAST_SECONDS, FORGOTTEN_SECONDS, GONE_SECONDS
from thermoviz.engine.queue import Bounds
from thermoviz.engine.workers import BACK, DONE, FAILED, LOST, Outcome, Told
from thermoviz.runs.run import Run


class Attempt:
    """Ends when the test says so."""

    def __init__(self, id):
        self.id = id
        self.now, self.run = Told(), None
        self.cancelled = self.removed = False

    def begin(self, ended):
        self._ended = ended

    def told(self):
        return self.now

    def shown(self, known):
        return None if self.run is None else (self.run, {})

    def cancel(self):
        self.cancelled = True

    def remove(self):
        self.removed = True

    def end(self, status=DONE, **more):
        self._ended(Outcome(status, **more))


class ByHand:
    """Workers that remember what they were given."""

    def __init__(self, places=1):
        self.places = places
        self.attempts = []
        self.cannot = ""

    def watch(self, changed):
        self.changed = changed

    def notice(self):
        return ""

    def prepare(self, spec):
        if self.cannot:
            raise tv.BadInput(self.cannot)

    def attempt(self, id, spec):
        self.attempts.append(Attempt(id))
        return self.attempts[-1]

    def warm(self):
        """They are."""

    def wait_until_warm(self, timeout):
        """They are."""

    def ailing(self):
        """They are well."""
        return ""

    def close(self):
        """Nothing runs."""

    @property
    def last(self):
        return self.attempts[-1]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def workers():
    return ByHand()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engine(workers, clock, tmp_path):
    with Engine(tmp_path, workers=workers, clock=clock, bounds=Bounds(in_all=240, of_one=200)) as engine:
        yield engine


def ask(engine, viewer, *seeds):
    """The ids of potentials with these seeds, asked for by `viewer`."""
    return [engine.submit(tv.Potential(seed=1000 + seed), viewer) for seed in seeds]


def begun(workers):
    return [attempt.id for attempt in workers.attempts]


def partial(seed=1000):
    return Run(tv.Potential(seed=seed), {}, {"rounds": 1})


def test_two_hundred_jobs_of_one_visitor_let_another_wait_for_one(engine, workers):
    """The other waits for the one that runs, and for no more."""
    ann = ask(engine, "ann", *range(200))
    bob, = ask(engine, "bob", 500)
    assert begun(workers) == ann[:1] and engine.state(bob).place == 1
    workers.last.end()
    assert begun(workers) == [ann[0], bob] and engine.state(bob) == JobState("queued", place=0)
    workers.last.end()
    assert begun(workers)[-1] == ann[1] and engine.state(ann[199]).place == 198


def test_as_many_are_handed_over_as_there_are_workers(engine, workers):
    workers.places = 3
    ids = ask(engine, "ann", *range(5))
    assert begun(workers) == ids[:3]
    workers.attempts[1].end()
    assert begun(workers) == ids[:4] and [engine.state(id).place for id in ids] == [0, None, 0, 0, 1]


def test_a_cancelled_job_holds_its_worker_until_that_has_returned(engine, workers):
    first, second, third = ask(engine, "ann", 0, 1, 2)
    engine.leave(first, "ann")
    assert engine.state(first).status == "cancelled" and workers.last.cancelled and begun(workers) == [first]
    engine.leave(second, "ann")
    assert engine.state(second).status == "cancelled" and engine.state(third).place == 1
    workers.last.end("cancelled")
    assert begun(workers) == [first, third] and workers.attempts[0].removed


def test_a_job_of_two_visitors_stays_when_one_leaves_and_goes_at_the_turn_of_the_other(engine, workers):
    ask(engine, "ann", 0, 1)
    both, = ask(engine, "ann", 2)
    ask(engine, "bob", 2)
    engine.leave(both, "ann")
    assert engine.state(both).place == 1
    engine.leave(both, "bob")
    assert engine.state(both).status == "cancelled"


def test_places_and_waits_are_kept_up_to_date(engine, workers, clock):
    first, second, third = ask(engine, "ann", 0, 1, 2)
    assert engine.state(third) == JobState("queued", place=2)  # nothing was measured yet
    workers.last.now = Told(0.1, "surface", 0, 1.0)
    workers.last.end(seconds=8.0)
    assert engine.state(third) == JobState("queued", place=1, wait=8.0)
    workers.last.now = Told(0.25, "surface", 0, 2.0)
    clock.now += 2 * FORECAST_SECONDS
    assert engine.state(second).status == "running" and engine.state(third).wait == pytest.approx(6.0)
    ask(engine, "bob", 3)
    assert engine.state(third) == JobState("queued", place=2, wait=pytest.approx(14.0))
    engine.leave(second, "ann")
    clock.now += 2 * FORECAST_SECONDS
    assert engine.state(third).wait == pytest.approx(8.0)  # a cancelled worker is free at once


def test_a_lost_job_is_tried_again_before_all_others_and_keeps_its_picture(engine, workers):
    id, other = ask(engine, "ann", 0, 1)
    workers.last.now, workers.last.run = Told(0.5, "surface", 3), partial()
    workers.last.end(LOST)
    assert begun(workers) == [id, id] and workers.attempts[0].removed
    assert engine.state(id) == JobState("queued", place=0, version=3, attempt=2)
    assert engine.partial(id) is workers.attempts[0].run  # though nobody had looked at it
    workers.last.now = Told(0.1, "surface")
    assert engine.state(id) == JobState("running", 0.1, "surface", version=3, attempt=2)
    assert engine.partial(id) is workers.attempts[0].run
    workers.last.now, workers.last.run = Told(0.2, "surface", 1), partial()
    assert engine.state(id).version == 4 and engine.partial(id) is workers.last.run
    workers.last.end(FAILED, say=lambda: "no")
    assert engine.state(id).message == "no" and begun(workers) == [id, id, other]


def test_who_leaves_a_lost_job_cancels_the_attempt_that_runs(engine, workers):
    id, = ask(engine, "ann", 0)
    workers.last.end(LOST)
    engine.leave(id, "ann")
    assert workers.last.cancelled and engine.state(id).status == "cancelled"
    workers.last.end(LOST)
    assert len(workers.attempts) == 2 and id not in engine._refusals


def test_what_kills_its_workers_is_refused_and_remembered(engine, workers):
    id, other = ask(engine, "ann", 0, 1)
    for _ in range(ATTEMPTS):
        workers.last.now = Told(0.5, "surface")
        workers.last.end(LOST)
    state = engine.state(id)
    assert state.status == "failed" and "not tried again today" in state.message and not state.again
    assert begun(workers) == [id] * ATTEMPTS + [other]
    ask(engine, "bob", 0)
    assert engine.state(id).message == state.message and engine.state(other).place == 0
    with Engine(engine.store, workers=ByHand()) as restarted:
        restarted.submit(tv.Potential(seed=1000), "cyd")
        assert restarted.state(id).message == state.message and not restarted.workers.attempts


def test_workers_that_die_before_they_begin_are_not_the_jobs_fault(engine, workers):
    id, = ask(engine, "ann", 0)
    for _ in range(ATTEMPTS):
        workers.last.end(LOST)
    state = engine.state(id)
    assert state.status == "failed" and "cannot be started" in state.message and state.again
    ask(engine, "bob", 0)
    assert engine.state(id) == JobState("queued", place=0)


def test_a_full_queue_says_so_kindly_and_takes_more_when_there_is_room(engine, workers):
    ann = ask(engine, "ann", *range(201))
    late, = ask(engine, "ann", 300)
    state = engine.state(late)
    assert state.status == "failed" and state.again and "200 experiments of yours" in state.message
    assert engine.state(ask(engine, "bob", 300)[0]).place == 1  # another may
    ask(engine, "bob", *range(301, 340))
    turned_away, = ask(engine, "cyd", 400)
    assert "all 240 places" in engine.state(turned_away).message
    assert engine.state(ask(engine, "cyd", 200)[0]).place == 2  # what waits already takes no place
    engine.leave(turned_away, "cyd")
    engine.leave(ann[7], "ann")
    ask(engine, "cyd", 400)
    assert engine.state(turned_away).place is not None


def test_who_went_without_a_word_makes_room_for_those_who_ask(engine, workers, clock):
    first, gone, here = ask(engine, "ann", 0, 1, 2)
    clock.now += FORGOTTEN_SECONDS
    for id in (first, here):
        engine.state(id)
    clock.now += 1.0
    workers.last.end()
    assert engine.state(gone).status == "cancelled" and begun(workers) == [first, here]


def test_who_waits_ends_what_nobody_wants_any_more(engine, workers, clock):
    """No new job comes: that the one in the queue is asked after is enough."""
    forgotten, waiting = ask(engine, "ann", 0)[0], ask(engine, "bob", 1)[0]
    clock.now += FORGOTTEN_SECONDS + 1.0
    assert engine.state(waiting).place == 1 and workers.last.cancelled
    assert engine.state(forgotten).status == "cancelled"
    workers.last.end("cancelled")
    assert begun(workers) == [forgotten, waiting]


def test_whose_browser_has_gone_makes_room_soon(workers, clock, tmp_path):
    here = {"ann", "bob", "cyd"}
    with Engine(tmp_path, workers=workers, clock=clock, is_here=here.__contains__) as engine:
        ask(engine, "ann", 0)
        shared, = ask(engine, "cyd", 0)
        waiting, = ask(engine, "bob", 1)
        here.remove("ann")
        clock.now += GONE_SECONDS + 1.0
        assert engine.state(waiting).place == 1 and not workers.last.cancelled  # another wants it still
        here.remove("cyd")
        engine.state(waiting)
        assert workers.last.cancelled and engine.state(shared).status == "cancelled"


def test_who_comes_back_from_a_short_cut_keeps_the_worker(workers, clock, tmp_path):
    with Engine(tmp_path, workers=workers, clock=clock, is_here=lambda viewer: False) as engine:
        cut, waiting = ask(engine, "ann", 0)[0], ask(engine, "bob", 1)[0]
        clock.now += GONE_SECONDS - 1.0
        engine.state(waiting)
        engine.state(cut)  # the line is up again
        clock.now += 2.0
        engine.state(waiting)
        assert not workers.last.cancelled


def test_what_another_server_has_computed_meanwhile_is_not_computed_again(engine, workers):
    first, second, third = ask(engine, "ann", 0, 1, 2)
    engine.store.put(tv.run(tv.Potential(seed=1001)))
    workers.last.end()
    assert engine.state(second).status == "done" and begun(workers) == [first, third]
    assert engine.result(second).id == second


def test_a_damaged_file_is_found_when_it_is_asked_for(engine, workers):
    run = tv.run(tv.Potential(seed=1001))
    engine.store.put(run)
    path = engine.store.path(run.id)
    path.write_bytes(path.read_bytes()[:-1])
    id, = ask(engine, "ann", 1)
    assert begun(workers) == [id] and engine.state(id) == JobState("queued", place=0)


def test_what_cannot_be_handed_over_fails_with_its_sentence(engine, workers):
    workers.cannot = "these data are not at hand."
    id, = ask(engine, "ann", 0)
    assert engine.state(id).message == "these data are not at hand." and not workers.attempts


def test_a_run_whose_file_has_gone_can_be_asked_for_again(engine, workers):
    id, = ask(engine, "ann", 0)
    workers.last.end()
    assert engine.state(id).status == "failed" and engine.state(id).again
    assert id == identity(tv.Potential(seed=1000)) and engine.partial(id) is None
    ask(engine, "ann", 0)
    assert engine.state(id).place == 0


def test_what_comes_back_waits_for_its_turn_again_and_counts_as_no_fault(engine, workers):
    """As when a cluster goes away: there is no place until another is found."""
    workers.places = 2
    first, second = ask(engine, "ann", 0, 1)
    one, two = workers.attempts
    one.now, one.run = Told(0.5, "training", 1), partial()
    workers.places = 0
    one.end(BACK), two.end(BACK)
    assert one.removed and [engine.state(id).place for id in (first, second)] == [1, 2]
    assert engine.state(first).attempt == 1 and engine.state(first).version == 1
    engine.leave(second, "ann")
    workers.places = 1
    workers.changed()
    assert begun(workers) == [first, second, first] and engine.partial(first).numbers["rounds"] == 1
    workers.last.end()
    assert engine.state(second).status == "cancelled"


def test_more_places_are_filled_at_once(engine, workers):
    ids = ask(engine, "ann", *range(4))
    workers.places = 3
    workers.changed()
    assert begun(workers) == ids[:3]
