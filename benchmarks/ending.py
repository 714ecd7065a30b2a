"""How long a server takes to end on a SIGTERM while workers compute for browsers: `python -m benchmarks.ending`."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from .first_picture import ROOT

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "dashboard")]
import asyncio  # noqa: E402
import signal  # noqa: E402

from test_life import Served, ended_while_computing, is_there  # noqa: E402

TIMES, MOST_S = 5, 5.0


def seconds() -> float:
    """Of one server with two workers."""
    with tempfile.TemporaryDirectory() as folder:
        server, at = Served(Path(folder), workers=2), []
        send = server.process.send_signal
        server.process.send_signal = lambda number: (at.append(time.perf_counter()), send(number))
        workers = asyncio.run(ended_while_computing(server, signal.SIGTERM))
        took = time.perf_counter() - at[0]
        assert workers and not any(map(is_there, workers)), "a worker was left"
        return took


if __name__ == "__main__":
    found = [seconds() for _ in range(TIMES)]
    print(f"SIGTERM with jobs running, {TIMES} times: median {statistics.median(found):.2f} s, most {max(found):.2f} s "
          f"(at most {MOST_S:g} s)")
    sys.exit(max(found) > MOST_S)
