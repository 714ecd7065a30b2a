"""A sweep of 2,000 small runs by two workers beside an ideal batch: one `simulate` over all networks at once.

The batch trains the same networks on one data set and measures nothing; the sweep draws each seed's data, measures
losses, temperatures and curvature of every run, cuts, keeps and joins. CPU time of all that work; seconds beside it.
"""

import contextlib
import dataclasses
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import thermoviz as tv
from thermoviz.core.learning.networks import NetworkLoss
from thermoviz.engine import Engine, Store
from thermoviz.engine.ask import waited_for
from thermoviz.experiments.landscape import measurement
from thermoviz.experiments.sweep.pieces import parts

from . import clusters
from .clock import Row

WORKERS = 2
KILLED_AFTER = 0.4  # of the time that the sweep takes
BASE = tv.Descent(tv.DATASETS["moons"](n=200), tv.MLP((8,)), replicas=1, steps=2000)
SIZES, RATES = tuple(range(4, 44, 2)), tuple(np.geomspace(0.01, 1.0, 20).tolist())
SWEEP = tv.Sweep(BASE, over={"batch_size": SIZES, "dynamics.1.lr": RATES}, seeds=5)


def ideal() -> tuple[float, float]:
    """Seconds, and of CPU, of one batch of all runs."""
    loss = NetworkLoss(BASE.network, BASE.dataset.load(0), weight_decay=BASE.weight_decay)
    rates, sizes = zip(*((rate, size) for size, rate in SWEEP.points for _ in range(SWEEP.seeds)), strict=True)
    starts = loss.init(SWEEP.n_runs, seed=0).astype(np.float32)
    begun, spent = time.perf_counter(), time.process_time()
    tv.simulate(loss, tv.SGD(rates), starts, BASE.steps, batch_size=sizes,
                record_every=measurement.record_every(BASE, loss.d))
    return time.perf_counter() - begun, time.process_time() - spent


@contextlib.contextmanager
def here() -> Iterator[Engine]:
    """An engine with two processes of this machine, ready."""
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), WORKERS) as engine:
        engine.wait_until_warm()
        yield engine


@contextlib.contextmanager
def on_a_cluster() -> Iterator[Engine]:
    """An engine that asks a Dask cluster of two workers on this machine, ready."""
    with tempfile.TemporaryDirectory() as name, clusters.cluster(folder := Path(name)) as address, \
            clusters.supervised([clusters.worker(address, folder)] * (WORKERS - 1), folder), \
            clusters.server(address, folder / "server") as engine:
        while engine.workers.places < WORKERS:
            time.sleep(0.05)
        for seed in range(WORKERS):  # what a first run loads
            waited_for(engine, dataclasses.replace(BASE, steps=10, seed=10_000 + seed))
        yield engine


def swept(engine: Engine) -> tuple[float, float, Any]:
    """Seconds of the sweep, of CPU (this process's share included), and its table."""
    accounts: list[Any] = []
    engine.hear(accounts.append)
    begun, spent = time.perf_counter(), time.process_time()
    run = waited_for(engine, SWEEP)
    return (time.perf_counter() - begun, time.process_time() - spent + sum(one.cpu for one in accounts), run.table())


def disturbed(engine: Engine, after: float) -> Any:
    """The table of the sweep, one of whose workers is killed after so many seconds."""
    victim = next(iter(clusters.processes(engine).values()))
    killing = threading.Timer(after, os.kill, (victim, signal.SIGKILL))
    killing.start()
    try:
        return swept(engine)[2]
    finally:
        killing.join()


def rows() -> list[Row]:
    ideal()  # compiles
    batches = sorted(ideal() for _ in range(3))[1]
    with here() as engine:
        local, spent, table = swept(engine)
    with on_a_cluster() as engine:
        remote, _, there = swept(engine)
    with on_a_cluster() as engine:
        after_death = disturbed(engine, KILLED_AFTER * remote)
    different = sum(not table.equals(other) for other in (there, after_death))
    print(f"sweep: {local:.1f} s by {WORKERS} workers in {len(parts(SWEEP))} pieces; ideal batch: {batches[0]:.1f} s")
    what = f"sweep of {SWEEP.n_runs:,} small runs, {WORKERS} workers"
    return [Row(f"{what}, everything measured", spent, "s of CPU", ">= 0.5 x", batches[1],
                "one simulate over all, nothing measured"),
            Row(f"{what}, on Dask", remote, "s", ">= 0.87 x", local, "the local engine"),
            Row(f"{what}: tables that differ, on Dask and with a worker killed midway", different, "", "0")]
