"""How long somebody waits, in plain words."""

import pytest

from thermoviz.presentation.waits import about, in_line


@pytest.mark.parametrize(("seconds", "said"), [
    (0.0, "a few seconds"), (7.4, "a few seconds"), (7.5, "about 10 s"), (22.0, "about 20 s"), (57.4, "about 55 s"),
    (57.5, "about a minute"), (89.0, "about a minute"), (91.0, "about 2 minutes"), (3600.0, "about 60 minutes"),
])
def test_a_wait_is_told_no_finer_than_it_is_known(seconds, said):
    assert about(seconds) == said


def test_no_wait_is_told_in_two_ways():
    """Longer is never said to be shorter, and the words change one after the other."""
    said = [about(seconds / 10) for seconds in range(2400)]
    assert [words for k, words in enumerate(said) if not k or said[k - 1] != words] == list(dict.fromkeys(said))


@pytest.mark.parametrize(("place", "wait", "said"), [
    (1, None, "Next in line"), (2, 3.0, "Second in line, a few seconds"), (3, 20.0, "Third in line, about 20 s"),
    (12, 130.0, "Number 12 in line, about 2 minutes"), (0, None, "getting ready to compute"),
])
def test_where_a_job_stands(place, wait, said):
    assert in_line(place, wait) == said
