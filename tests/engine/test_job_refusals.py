"""What killed its worker every time is remembered, for a day and for one state of the program."""

import pytest

from thermoviz.engine import refusals
from thermoviz.engine.refusals import FORGOTTEN_AFTER, Refusals, program

ID, NOW = "0123456789abcdef", 1e9


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def refused(tmp_path, clock):
    """One question is refused."""
    found = Refusals(tmp_path, clock)
    found.remember(ID)
    return found


def test_it_is_remembered_after_a_restart(refused, tmp_path, clock):
    assert ID in refused and ID in Refusals(tmp_path, clock) and "f" * 16 not in refused


@pytest.mark.parametrize("later", [FORGOTTEN_AFTER, -1.0], ids=["a day later", "the clock was moved back"])
def test_time_forgets(refused, tmp_path, clock, later):
    clock.now = NOW + later
    assert ID not in refused and not list(tmp_path.iterdir())


def test_another_state_of_the_program_forgets(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(refusals, "program", lambda: "another")
    assert ID not in refused and not list(tmp_path.iterdir())


def test_the_program_is_known_by_all_its_files(tmp_path):
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("1")
    before = program.__wrapped__(tmp_path)
    (tmp_path / "room" / "a.py").write_text("2")
    assert program.__wrapped__(tmp_path) != before and program() == program()


@pytest.mark.parametrize("contents", [b"", b"{", b"[]", b"{}", b'{"at": "noon", "program": ""}', b"\xff"])
def test_a_damaged_file_refuses_nothing(refused, tmp_path, contents):
    path, = tmp_path.iterdir()
    path.write_bytes(contents)
    assert ID not in refused and not path.exists()


def test_a_folder_that_is_gone_refuses_nothing_and_breaks_nothing(refused, tmp_path, caplog):
    lost = Refusals(tmp_path / "nowhere")
    lost.remember(ID)
    assert ID not in lost and "could not be written down" in caplog.text
