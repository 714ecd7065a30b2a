"""CPU of the labs whose networks train, beside the same labs at an earlier commit: each asked that commit's defaults.

Both commits keep a process, warm, and take turns; the commit's checkout is given as `--against CHECKOUT`. The later
one must still take the earlier one's specifications, as settings by name.
"""

import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from .clock import Row

LABS = ("HeatBath", "Interactions", "Equilibrium")
ROUNDS = 3
# The commit before labs were made quicker, and how many times quicker they must be.
COMMIT, GOAL = "e590a9b", 3
# A line that is nothing asks for the defaults; one that holds settings for the CPU of a run of them.
PROCESS = """
import json, resource, sys, thermoviz as tv
from thermoviz.core.specs import from_json, to_json

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(one.ru_utime + one.ru_stime for one in used)

for line in sys.stdin:
    name, settings = json.loads(line)
    lab = getattr(tv, name)
    if settings is None:
        print(json.dumps(to_json(lab(seed=1))), flush=True)
        continue
    spec, begun = from_json(lab, settings), cpu()
    tv.run(spec)
    print(cpu() - begun, flush=True)
"""

# The checkout, or None: the command line's.
against: str | None = None


class Version:
    """A process with the labs of the package in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, name: str, settings: Any = None) -> Any:
        """CPU in seconds of a run of a lab, or without settings its defaults."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([name, settings]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()


def rows() -> list[Row]:
    if against is None:
        return [Row(f"CPU of {', '.join(LABS)} against an earlier commit: `git worktree add --detach ../before "
                    f"{COMMIT}`, then `python -m benchmarks labs --against ../before`", math.nan, "s", f">= {GOAL} x")]
    before, now = Version(Path(against).resolve()), Version(Path(__file__).resolve().parents[1])
    try:
        return [_row(name, before, now) for name in LABS]
    finally:
        before.close()
        now.close()


def _row(name: str, before: Version, now: Version) -> Row:
    settings = before.ask(name)
    taken = [(before.ask(name, settings), now.ask(name, settings)) for _ in range(ROUNDS + 1)][1:]  # the first compiles
    earlier, later = (statistics.median(column) for column in zip(*taken, strict=True))
    return Row(f"{name}, defaults of {Path(against or '').name}, seed 1: CPU", later, "s", f">= {GOAL} x", earlier,
               "the same lab at that commit")
