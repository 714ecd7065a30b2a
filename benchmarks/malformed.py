"""Malformed specifications, links, run files and addresses by the thousand: `python -m benchmarks.malformed [10000]`.

The cases are those of tests/test_malformed.py, drawn anew each time. What it says: how many were tried of each, that
none crashed, and how much memory the process took at most beside what it had before.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from malformed_cases import CASES, everything_in  # noqa: E402


def peak_mb() -> float:
    """The most that this process had in memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tried(case: str, folder: Path, n: int) -> float:
    """Tries n of a case; seconds."""

    @settings(max_examples=n, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def one(data: st.DataObject) -> None:
        CASES[case](data.draw, folder)

    begun = time.perf_counter()
    one()
    return time.perf_counter() - begun


def main(n: int) -> None:
    each = -(-n // len(CASES))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in CASES:  # what is loaded and kept at the first use is no malformed input's doing
            tried(case, folder, 5)
        before = peak_mb()
        for case in CASES:
            print(f"{case:20} {each} cases, {tried(case, folder, each):5.1f} s, peak {peak_mb():.0f} MB", flush=True)
        outside = everything_in(folder) - {"store", "spec.json"}
    print(f"{each * len(CASES)} cases: no crash; written outside the store: {len(outside)} files; "
          f"peak memory {peak_mb() / before:.2f} x the normal {before:.0f} MB")
    sys.exit(bool(outside) or peak_mb() > 2 * before)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
