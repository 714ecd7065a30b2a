"""What a rerun of the page script does, and does not do again: counted, not timed."""

import gc

import pytest
from test_drawn import first_page, shown

from thermoviz.catalogue import LABS
from thermoviz.dashboard import lab, menu, style
from thermoviz.dashboard.front import memory
from thermoviz.presentation import settings, words
from thermoviz.runs import late


@pytest.fixture
def counted(monkeypatch):
    """Counts the calls of functions from now on: `counts = counted((module, "name"), ...)`, a dictionary."""
    def count(*functions):
        counts = {name: 0 for _module, name in functions}
        for module, name in functions:
            monkeypatch.setattr(module, name, counting(counts, name, getattr(module, name)))
        return counts

    def counting(counts, name, do):
        def called(*args, **settings):
            counts[name] += 1
            return do(*args, **settings)
        return called

    return count


def test_a_rerun_reads_no_specification_makes_no_page_no_card_and_no_rules(counted, at_once, lab_page):
    app = lab_page("second_law", balls="100", steps="100")
    shown(app)
    counts = counted((settings, "_setting"), (late, "in_room"), (lab, "_card"), (lab, "_said"), (style, "_page"))
    shown(app)
    assert set(counts.values()) == {0}


def test_pages_are_made_once_in_each_language(monkeypatch):
    monkeypatch.setattr(words, "languages", lambda: ["en", "de"])
    try:
        pages = {}
        for _round in range(2):
            for language in ("en", "de"):
                words.read_in(language)
                found = menu.lab_pages()
                assert list(found) == list(LABS)
                assert all(page is pages.setdefault((language, kind), page) for kind, page in found.items())
        assert pages["en", "heat_bath"] is not pages["de", "heat_bath"]
    finally:
        words.read_in("en")


def test_a_link_to_a_lab_is_followed_before_anything_is_drawn(at_once, counted, monkeypatch):
    from thermoviz.dashboard import chrome

    counts = counted((chrome, "open_house"))
    first_page(kind="second_law", balls="100", steps="100")
    assert counts["open_house"] == 1


class _Clock:
    now = 0.0

    def monotonic(self):
        return self.now


def test_everything_is_searched_for_garbage_from_time_to_time(monkeypatch):
    clock, done = _Clock(), []
    monkeypatch.setattr(memory, "time", clock)
    monkeypatch.setattr(memory, "_search", memory._Search())
    for name in ("unfreeze", "collect", "freeze"):
        monkeypatch.setattr(gc, name, lambda name=name: done.append((clock.now, name)))
    for clock.now in (0.0, 59.0, 60.0, 61.0, 121.0):
        memory.put_aside()
    assert [now for now, name in done if name == "freeze"] == [0.0, 59.0, 60.0, 61.0, 121.0]
    assert [now for now, name in done if name == "collect"] == [60.0, 121.0]
    assert [name for now, name in done if now == 60.0] == ["unfreeze", "collect", "freeze"]


class Ring:
    """Something that only a search finds to be garbage."""

    alive = 0

    def __init__(self):
        self.self, Ring.alive = self, Ring.alive + 1

    def __del__(self):
        Ring.alive -= 1


def test_garbage_among_what_was_put_aside_is_found_by_the_next_search(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr(memory, "time", clock)
    monkeypatch.setattr(memory, "_search", memory._Search())
    try:
        ring = Ring()
        memory.put_aside()
        assert gc.get_freeze_count() > 0
        del ring
        gc.collect()
        assert Ring.alive == 1
        clock.now = memory.SEARCH_SECONDS
        memory.put_aside()
        assert Ring.alive == 0
    finally:
        gc.unfreeze()


def test_after_a_rerun_only_what_it_left_is_searched_not_all_that_is_alive():
    try:
        visitors = [first_page(), first_page()]  # their widgets stay alive
        shown(visitors[0])
        assert len(gc.get_objects()) < gc.get_freeze_count() / 5
    finally:
        gc.unfreeze()
