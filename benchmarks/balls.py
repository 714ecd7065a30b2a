"""10,000 balls x 1000 steps of Leimkuhler-Matthews on a tabulated surface, in Python."""

import numpy as np

import thermoviz as tv

from .clock import Row, median_seconds


def rows() -> list[Row]:
    surface = tv.scan(tv.MuellerBrown(), resolution=81, tolerance=0)
    temperature = 0.2 * surface.barrier
    start = surface.equilibrium(temperature).sample(10_000, np.random.default_rng(0))
    dynamics = tv.Overdamped(dt=surface.suggested_dt(temperature))

    def ours() -> None:
        tv.simulate(surface, dynamics, start, steps=1000, temperature=temperature, record_every=1000)

    return [Row("10,000 balls x 1000 steps on a surface", median_seconds(ours, repeats=3), "s", "3 s, aim 1 s")]
