"""A cluster that is away, comes, goes and comes again; one that does not fit; one that asks for certificates."""

import importlib.util
import os
import signal
import subprocess
import sys

import distributed
import psutil
import pytest
import trustme
from clusters import cluster, environment, free_port, scheduler_pid, strange_worker, supervised, wait_for, worker
from errand import Errand

import thermoviz as tv
from thermoviz.engine.cluster import here

NEVER = 1e6  # seconds of patience
NOBODY = f"tcp://{here.LOCALHOST}:1"


def finish(engine, id):
    wait_for(lambda: engine.state(id).finished)
    return engine.state(id)


def test_without_a_cluster_the_server_starts_at_once_and_computes_by_itself(server, tmp_path, diary):
    engine = server(NOBODY, tmp_path, patience=0)
    assert "cannot be reached" in engine.notice() and "computes by itself" in engine.notice()
    assert finish(engine, engine.submit(Errand(str(diary)), "ann")).status == "done"


def test_as_long_as_it_is_waited_for_questions_stand_in_the_queue(server, tmp_path, diary):
    engine = server(NOBODY, tmp_path, patience=NEVER)
    id = engine.submit(Errand(str(diary)), "ann")
    assert engine.state(id).place == 1 and engine.state(id).wait is None and "waits a moment" in engine.notice()
    engine.leave(id, "ann")
    assert engine.state(id).status == "cancelled" and not diary.read_text()


def test_a_cluster_that_comes_late_takes_over(server, tmp_path, diary):
    """The server begins by itself; what comes after the cluster has been found is computed there."""
    port = free_port()
    engine = server(f"tcp://{here.LOCALHOST}:{port}", tmp_path / "ours", patience=0)
    assert finish(engine, engine.submit(Errand(str(diary)), "ann")).status == "done"
    with cluster(tmp_path, port=port):
        wait_for(lambda: not engine.notice())
        assert finish(engine, engine.submit(Errand(str(diary), seed=1), "ann")).status == "done"
    wait_for(engine.notice)
    assert finish(engine, engine.submit(Errand(str(diary), seed=2), "ann")).status == "done"
    mine, theirs, again = diary.read_text().split()
    assert mine == again != theirs


def test_a_killed_scheduler_costs_no_click_and_no_run(server, tmp_path, diary, gate):
    with cluster(tmp_path) as address:
        engine = server(address, tmp_path / "ours", patience=NEVER)
        wait_for(lambda: not engine.notice())
        id = engine.submit(Errand(str(diary), str(gate)), "ann")
        wait_for(lambda: engine.state(id).version > 0)
        os.kill(scheduler_pid(address), signal.SIGKILL)
        wait_for(engine.notice)
        assert engine.state(id).status == "queued" and engine.partial(id) is not None, "the picture stays"
        wait_for(lambda: not engine.notice())
        gate.touch()
        state = finish(engine, id)
        assert state.status == "done" and state.attempt == 1


def test_a_killed_supervisor_leaves_no_process(tmp_path):
    """Neither the scheduler nor a worker goes on when `thermoviz cluster` itself was killed."""
    port = free_port()
    command = [sys.executable, "-m", "thermoviz", "cluster", "--processes", "1", "--port", str(port)]
    with subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.DEVNULL) as supervisor:
        wait_for(lambda: len(psutil.Process(supervisor.pid).children()) == 2)
        started = psutil.Process(supervisor.pid).children()
        with distributed.Client(f"tcp://{here.LOCALHOST}:{port}") as client:  # both have begun
            client.wait_for_workers(1)
        supervisor.kill()
    wait_for(lambda: not any(map(lives, started)))


def lives(process):
    """Whether it runs: one that ended may still stand in the table of processes."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_places_follow_the_cluster(server, tmp_path, diary, gate):
    with cluster(tmp_path) as address:
        engine = server(address, tmp_path / "ours", patience=NEVER)
        ids = [engine.submit(Errand(str(diary), str(gate), seed=k), "ann") for k in range(2)]
        wait_for(lambda: engine.state(ids[0]).status == "running")
        assert engine.workers.places == 1 and engine.state(ids[1]).place == 1
        (tmp_path / "more").mkdir()
        with supervised([worker(address, tmp_path / "more")], tmp_path / "more"):
            wait_for(lambda: engine.state(ids[1]).status == "running")
            assert engine.workers.places == 2
            gate.touch()
            assert [finish(engine, id).status for id in ids] == ["done", "done"]


@pytest.mark.parametrize("options, said", [
    (["--resources", "thermoviz-numerics-3=1"], "with version 3 of the numerics, this server with version"),
    ([], "started without thermoviz"),
])
def test_workers_that_do_not_fit_get_nothing_and_are_named(server, tmp_path, diary, options, said):
    """The server computes by itself; who asks for a cluster alone is told."""
    with cluster(tmp_path, of=strange_worker, options=options) as address:
        engine = server(address, tmp_path / "ours", patience=NEVER)
        alone = server(address, tmp_path / "mine", patience=NEVER, alone=False)
        for one in (engine, alone):
            wait_for(lambda one=one: said in one.notice())
        assert "install the same" in engine.notice() or "thermoviz worker" in engine.notice()
        assert finish(engine, engine.submit(Errand(str(diary)), "ann")).status == "done"
        state = finish(alone, alone.submit(Errand(str(diary), seed=1), "ann"))
        assert state.status == "failed" and said in state.message
    assert len(diary.read_text().split()) == 1


def test_another_version_of_dask_is_named(server, tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "__version__", "2025.1.0")
    with cluster(tmp_path) as address:
        engine = server(address, tmp_path / "ours", patience=NEVER)
        wait_for(lambda: "this server 2025.1.0; install the same version" in engine.notice())


def test_the_extra_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(tv.BadInput, match=r'pip install "thermoviz\[cluster\]"'):
        tv.run(tv.Potential(), scheduler=NOBODY)


@pytest.mark.parametrize("address", ["", "localhost", "http://a:80", "tcp://host", "tcp://host:port", "tcp://",
                                     "x" * 999])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(tv.BadInput, match=r"tcp://HOST:PORT or tls://HOST:PORT, got") as refusal:
        tv.run(tv.Potential(), scheduler=address)
    assert len(str(refusal.value)) < 200


def test_nobody_there_is_one_sentence(setting, tmp_path):
    setting(store=tmp_path, scheduler_seconds=0)
    with pytest.raises(tv.ThermovizError, match=f"^{NOBODY}: The cluster cannot be reached.$"):
        tv.run(tv.Potential(seed=3), scheduler=NOBODY)


@pytest.fixture
def authority(tmp_path):
    """Makes certificates: `authority(name)` gives the settings of one who has them."""
    made = trustme.CA()

    def certified(name, by=made):
        folder = tmp_path / name
        folder.mkdir()
        certificate = by.issue_cert(here.LOCALHOST, "localhost")
        by.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        return {"tls_ca": folder / "ca.pem", "tls_cert": folder / "cert.pem", "tls_key": folder / "key.pem"}
    return certified


def test_mutual_tls(server, tmp_path, diary, authority, setting):
    """With a certificate of the cluster's authority it computes; with another's, or by tcp://, nothing is asked."""
    setting(**authority("cluster"))
    with cluster(tmp_path, protocol="tls") as address:
        setting(**authority("server"))
        engine = server(address, tmp_path / "ours", patience=NEVER)
        wait_for(lambda: not engine.notice())
        assert finish(engine, engine.submit(Errand(str(diary)), "ann")).status == "done"
        setting(**authority("stranger", trustme.CA()))
        stranger = server(address, tmp_path / "theirs", patience=NEVER)
        wait_for(lambda: "does not accept this server's certificate" in stranger.notice())
        plain = server(address.replace("tls", "tcp"), tmp_path / "plain", patience=0)
        assert finish(plain, plain.submit(Errand(str(diary), seed=2), "ann")).status == "done", "by itself"
    assert str(os.getpid()) not in diary.read_text()


def test_tls_without_certificates_is_refused_in_a_sentence(authority, setting, tmp_path):
    with pytest.raises(tv.BadInput, match="THERMOVIZ_TLS_CA, THERMOVIZ_TLS_CERT, THERMOVIZ_TLS_KEY must name files"):
        tv.run(tv.Potential(), scheduler="tls://host:8786")
    setting(**{**authority("one"), "tls_key": tmp_path / "nowhere"})
    with pytest.raises(tv.BadInput, match="THERMOVIZ_TLS_KEY=.*nowhere cannot be read: No such file"):
        tv.run(tv.Potential(), scheduler="tls://host:8786")
