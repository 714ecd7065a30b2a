"""10,000 balls x 1000 steps of Leimkuhler-Matthews on a tabulated surface, beside the same steps one by one."""

import numpy as np

import thermoviz as tv

from .clock import Row, median_seconds


class Stepwise(tv.Surface):
    """A surface that offers no blocks of steps: its force is compiled, the loop over time is Python's."""

    def mover(self, walls: object) -> None:
        return None


def rows() -> list[Row]:
    surface = tv.scan(tv.MuellerBrown(), resolution=81, tolerance=0)
    temperature = 0.2 * surface.barrier
    start = surface.equilibrium(temperature).sample(10_000, np.random.default_rng(0))
    dynamics = tv.Overdamped(dt=surface.suggested_dt(temperature))

    stepwise = Stepwise(surface.xs, surface.ys, surface.E)

    def seconds(energy: tv.Surface) -> float:
        return median_seconds(lambda: tv.simulate(energy, dynamics, start, steps=1000, temperature=temperature,
                                                  record_every=1000), repeats=3)

    return [Row("10,000 balls x 1000 steps on a surface", seconds(surface), "s", "2 x, aim 3 x", seconds(stepwise),
                "the same, step by step")]
