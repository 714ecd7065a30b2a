"""What is mapped of a run of any experiment: its verdicts' numbers, losses, who diverged, and thermometers."""

import math
from collections.abc import Mapping

import numpy as np

from .late import perhaps, room_of
from .run import Run

VERDICT = "verdict."


def numbers(run: Run) -> dict[str, float]:
    """By name. A room may add its own: `mapped(run)` in its module `mapped`."""
    found: dict[str, float] = {}
    own = perhaps(room_of(run.spec), "mapped")
    if own is not None:
        found |= own.mapped(run)
    found |= losses(run.arrays)
    if run.surface is not None and run.surface.basins.barrier is not None:
        found["barrier"] = float(run.surface.basins.barrier)
    found |= {VERDICT + verdict.key: float(verdict.measured) for verdict in run.verdicts}
    return {name: value if math.isfinite(value) else math.nan for name, value in found.items()}


def losses(arrays: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Means over the second half of training, of the networks that stayed finite; the share of those that did not."""
    if "diverged_at" not in arrays:
        return {}
    kept = arrays["diverged_at"] < 0
    found: dict[str, float] = {}
    if "steps" in arrays:
        late = arrays["steps"] >= arrays["steps"][-1] / 2
        for name, array in (("loss", "losses"), ("test_loss", "test_losses")):
            if array in arrays and kept.any():
                found[name] = float(np.mean(arrays[array][late][:, kept], dtype=np.float64))
    return found | {"diverged": 1 - float(kept.mean())}
