"""Clusters and servers for the tests beside this file."""

import contextlib

import pytest
from clusters import cluster
from errand import Errand

from thermoviz.catalogue import EXPERIMENTS
from thermoviz.engine import Engine, Store
from thermoviz.engine.cluster.workers import ClusterWorkers


@pytest.fixture(autouse=True)
def errands(monkeypatch):
    """Every server here knows errands, as the workers do."""
    monkeypatch.setitem(EXPERIMENTS, "errand", Errand)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """(address, folder) of a cluster with one worker, for all tests of a file."""
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder) as address:
        yield address, folder


@pytest.fixture
def server():
    """Makes engines that a cluster computes for: `server(address, store folder)`."""
    with contextlib.ExitStack() as ending:
        def made(address, store, **settings):
            place = Store(store)
            return ending.enter_context(Engine(place, ClusterWorkers(place, address, **settings)))
        yield made
