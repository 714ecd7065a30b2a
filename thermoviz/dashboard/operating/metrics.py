"""Metrics for Prometheus, on a port of their own that only this machine reaches as long as nothing else is set.

The names follow Prometheus' conventions: base units, counters end in _total. Its client takes a quarter of a second to
load, and is loaded only where the port is set.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from ...engine.accounts import Standing
from ..state import engine
from .counts import Spread, counts
from .report import kept, sessions

PREFIX = "thermoviz_"
log = logging.getLogger("thermoviz.server")


class Families:
    """Prometheus' families of numbers, under our prefix."""

    def __init__(self) -> None:
        from prometheus_client import core

        self._core = core

    def gauge(self, name: str, help: str, value: float) -> Any:
        """A number of this moment."""
        return self._core.GaugeMetricFamily(PREFIX + name, help, value=value)

    def counter(self, name: str, help: str, value: float) -> Any:
        """A number that only grows."""
        return self._core.CounterMetricFamily(PREFIX + name, help, value=value)

    def by(self, name: str, help: str, label: str, values: Mapping[str, int]) -> Any:
        """Numbers that only grow, one for each value of a label."""
        family = self._core.CounterMetricFamily(PREFIX + name, help, labels=[label])
        for key, value in sorted(values.items()):
            family.add_metric([key], value)
        return family

    def spread(self, name: str, help: str, spread: Spread) -> Any:
        """A histogram."""
        return self._core.HistogramMetricFamily(PREFIX + name, help, buckets=spread.buckets(), sum_value=spread.total)


class Collector:
    """Asks all for their numbers when Prometheus asks."""

    def collect(self) -> Iterator[Any]:
        """One family after the other."""
        made, of = engine(), Families()
        yield from _standing(of, made.standing())
        yield from _counted(of)
        store = kept(made)
        yield of.gauge("sessions", "Browsers that are connected", sessions())
        yield of.gauge("store_bytes", "Of finished runs", store.bytes)
        yield of.gauge("store_limit_bytes", "That finished runs may take", store.limit)
        yield of.counter("store_evictions_total", "Runs that went for others", store.evicted)


def _standing(of: Families, standing: Standing) -> Iterator[Any]:
    yield of.gauge("queue_length", "Jobs that wait for a worker", standing.queued)
    yield of.gauge("workers", "Jobs that may be computed at once", standing.places)
    yield of.gauge("workers_busy", "Jobs that a worker has", len(standing.underway))
    yield of.gauge("healthy", "1 where a job could begin", float(not standing.ailing))
    yield of.by("questions_total", "Questions by how they were met", "met", standing.asked)


def _counted(of: Families) -> list[Any]:
    with counts.lock:
        return [
            of.by("jobs_total", "Jobs by what became of them", "outcome", counts.jobs),
            of.counter("job_cpu_seconds_total", "Of processors, of all jobs", counts.cpu),
            of.spread("job_seconds", "From the first worker to the end", counts.computed),
            of.spread("wait_seconds", "In the queue", counts.waited),
            of.spread("rerun_seconds", "To draw a page anew", counts.reruns),
            of.counter("sessions_opened_total", "Browsers that connected", counts.opened),
            of.counter("sessions_turned_away_total", "For whom there was no place", counts.turned_away),
            of.counter("page_errors_total", "Pages that could not be drawn", counts.errors)]


def registry() -> Any:
    """Ours, and what Prometheus' own client knows of this process: memory, processor, files."""
    from prometheus_client import CollectorRegistry, ProcessCollector

    made = CollectorRegistry()
    made.register(Collector())
    ProcessCollector(registry=made)
    return made


def listen(port: int, address: str) -> None:
    """Answers Prometheus from a thread of its own; where the port is taken, the log says so and the server goes on."""
    from prometheus_client import start_http_server

    try:
        start_http_server(port, address, registry())
    except OSError as error:
        log.error("no metrics: port %d of %s cannot be opened: %s", port, address, error.strerror or error)
