"""The arithmetic of docs/sizing.md, and the script that writes its table."""

import pytest

from benchmarks import sizing

COSTS = sizing.Costs(rerun=0.06, run=3.0, web_mb=160, visitor_mb=0.2, worker_mb=375)


def test_the_arithmetic_is_that_of_the_document():
    found = sizing.size(100, COSTS, sizing.Habits())
    assert found.page_cores == pytest.approx(100 * 0.06 / 10 / 0.6)
    assert found.servers == 1 and found.workers == 5  # 100 x .5 x 3 / 60 / .6 = 4.2
    assert found.cores == 6 and found.memory_mb == pytest.approx(160 + 20 + 5 * 375 + 500)


def test_more_people_never_need_less():
    found = [sizing.size(people, COSTS, sizing.Habits()) for people in sizing.PEOPLE]
    assert [one.people for one in found] == [20, 50, 100, 500] and found[0].servers == found[0].workers == 1
    assert all(a.cores <= b.cores and a.memory_mb < b.memory_mb for a, b in zip(found, found[1:], strict=False))


def test_the_table_stands_between_its_marks(tmp_path, monkeypatch):
    whole = sizing.DOCUMENT.read_text()
    begin, end = sizing.MARKS
    assert whole.index(begin) < whole.index(end)
    monkeypatch.setattr(sizing, "DOCUMENT", tmp_path / "sizing.md")
    sizing.DOCUMENT.write_text(whole)
    sizing.write(sizing.text(COSTS, {"descent": 3.0}, sizing.Habits()))
    written = sizing.DOCUMENT.read_text()
    assert written.partition(begin)[0] == whole.partition(begin)[0]
    assert written.partition(end)[2] == whole.partition(end)[2] and "| 500 | 5.0 | 5 | 21 |" in written
