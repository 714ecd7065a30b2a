"""How soon the engine lets go and is ready again, and how soon what comes with the package is there."""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import thermoviz as tv
from thermoviz.engine import Engine, Store

from .clock import Row, median_seconds

REPEATS = 5
LONG = tv.Descent(steps=50_000, replicas=100)
QUICK = tv.Potential(resolution=21)
OPEN_ALL = "import thermoviz as tv\nfor key in tv.PRESETS: tv.load_preset(key).surface"
IMPORT_PEER = "import numpy, scipy.interpolate, plotly.graph_objects"


def _cancelled_and_answered(engine: Engine, seed: int) -> float:
    """Seconds from leaving a long run to the answer to the next question, by the same worker."""
    long = engine.submit(replace(LONG, seed=seed), "bench")
    while engine.state(long).stage != "training":
        time.sleep(0.005)
    begun = time.perf_counter()
    engine.leave(long, "bench")
    job = engine.submit(replace(QUICK, seed=seed), "bench")
    while not (state := engine.state(job)).finished:
        time.sleep(0.005)
    if state.status != "done":
        raise SystemExit(f"The question after a cancel did not finish: {state.message}")
    return time.perf_counter() - begun


def _new_worker() -> float:
    """Seconds until a fresh worker is ready: what killing it instead of asking would cost."""
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        begun = time.perf_counter()
        engine.wait_until_warm()
        return time.perf_counter() - begun


def _process(code: str) -> float:
    return median_seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True), repeats=3)


def rows() -> list[Row]:
    fresh = _new_worker()
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), workers=1) as engine:
        engine.wait_until_warm()
        seconds = sorted(_cancelled_and_answered(engine, seed) for seed in range(REPEATS))
    return [Row("cancel a long run, answer the next question", seconds[REPEATS // 2], "s", ">= 5 x", fresh,
                "starting a new worker"),
            Row("a new process opens all presets, surfaces too", _process(OPEN_ALL), "s", ">= 0.5 x",
                _process(IMPORT_PEER), "importing numpy, scipy.interpolate and plotly")]
