"""The default preset recomputed by a warm worker: from request to the coarse surface, and to the complete run."""

import statistics
import tempfile
import time
from dataclasses import replace

import thermoviz as tv
from thermoviz.engine import Engine, Store

from .clock import Row

REPEATS = 5


def _one(engine: Engine, seed: int) -> tuple[float, float]:
    """Seconds from request to coarse surface and to the complete run, polled as the page does."""
    spec = replace(tv.PRESETS["three-minds"].spec, seed=seed)
    start = time.perf_counter()
    job = engine.submit(spec, viewer="bench")
    coarse = None
    while (state := engine.state(job)).status in ("queued", "running"):
        if coarse is None and (partial := engine.partial(job)) is not None and partial.surface is not None:
            coarse = time.perf_counter() - start
        time.sleep(0.01)
    if state.status != "done":
        raise SystemExit(f"The default preset did not finish: {state.message}")
    complete = time.perf_counter() - start
    return coarse or complete, complete


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(Store(folder), workers=1)
        try:
            _one(engine, seed=1000)
            times = [_one(engine, seed=1001 + k) for k in range(REPEATS)]
        finally:
            engine.close()
    coarse, complete = (statistics.median(column) for column in zip(*times, strict=True))
    return [Row("default preset, warm worker: request to coarse surface", coarse, "s", "1.2 s, aim 0.8 s"),
            Row("default preset, warm worker: request to complete", complete, "s", "1.8 s, aim 1.2 s")]
