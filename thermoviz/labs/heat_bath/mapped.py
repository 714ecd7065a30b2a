"""What a sweep maps of a HeatBath besides its verdicts: the temperature of SGD by each thermometer."""

from ...runs.run import Run
from .stationary import THERMOMETERS


def mapped(run: Run) -> dict[str, float]:
    """T.noise_strength, T.mean_over_modes, ...: readings in the valley; nothing before they are there."""
    if "thermometers" not in run.arrays:
        return {}
    return {f"T.{name.replace(' ', '_')}": float(reading)
            for name, reading in zip(THERMOMETERS, run.arrays["thermometers"][0], strict=True)}
