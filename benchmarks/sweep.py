"""A sweep of 2,000 small runs by two workers beside an ideal batch: one `simulate` over all networks at once.

The batch trains the same networks on one data set and measures nothing; the sweep draws each seed's data, measures
losses, temperatures and curvature of every run, cuts, keeps and joins. CPU time of all that work; seconds beside it.
"""

import tempfile
import time

import numpy as np

import thermoviz as tv
from thermoviz.core.learning.networks import NetworkLoss
from thermoviz.engine import Engine, Store
from thermoviz.engine.ask import waited_for
from thermoviz.experiments.landscape import measurement
from thermoviz.experiments.sweep.pieces import parts

from .clock import Row

WORKERS = 2
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


def by_workers() -> tuple[float, float]:
    """Seconds of the sweep, and of CPU, this process's share of it included."""
    with tempfile.TemporaryDirectory() as folder, Engine(Store(folder), WORKERS) as engine:
        engine.wait_until_warm()
        accounts = []
        engine.hear(accounts.append)
        begun, spent = time.perf_counter(), time.process_time()
        waited_for(engine, SWEEP)
        return time.perf_counter() - begun, time.process_time() - spent + sum(one.cpu for one in accounts)


def rows() -> list[Row]:
    ideal()  # compiles
    batches = sorted(ideal() for _ in range(3))[1]
    sweep = by_workers()
    print(f"sweep: {sweep[0]:.1f} s by {WORKERS} workers in {len(parts(SWEEP))} pieces; "
          f"ideal batch: {batches[0]:.1f} s")
    return [Row(f"sweep of {SWEEP.n_runs:,} small runs, {WORKERS} workers, everything measured", sweep[1], "s of CPU",
                ">= 0.5 x", batches[1], "one simulate over all, nothing measured")]
