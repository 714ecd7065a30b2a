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


@pytest.fixture
def diary(tmp_path):
    path = tmp_path / "diary"
    path.touch()
    return path


@pytest.fixture
def gate(tmp_path):
    """Errands that are given this path work until it is touched."""
    return tmp_path / "gate"
