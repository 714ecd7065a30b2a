"""What errands are given: where they note that they run, and what lets them end."""

import pytest


@pytest.fixture
def diary(tmp_path):
    path = tmp_path / "diary"
    path.touch()
    return path


@pytest.fixture
def gate(tmp_path):
    """Errands that are given this path work until it is touched."""
    return tmp_path / "gate"
