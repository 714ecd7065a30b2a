"""A program that asks the engine's workers needs no `if __name__ == "__main__"`, and is not run again by them."""

import os
import subprocess
import sys

import threadpoolctl

import thermoviz as tv
from thermoviz.engine import Engine

BARE = """
import thermoviz as tv
print("begun")
sweep = tv.Sweep(tv.Descent(steps=20, replicas=2), over={"batch_size": [8, 16]}, seeds=1)
print(len(tv.run(sweep).table()))
"""
OWN = """

import thermoviz as tv
from thermoviz.engine import Engine
from thermoviz.core.specs import specification

@specification
class Mine(tv.Potential):
    pass

with Engine() as engine:
    print(engine.state(engine.submit(Mine(seed=5), "me")).message)
"""


def said(program, folder, monkeypatch):
    monkeypatch.setenv("THERMOVIZ_STORE", str(folder / "store"))
    (folder / "program.py").write_text(program)
    ran = subprocess.run([sys.executable, str(folder / "program.py")], capture_output=True, text=True,
                         env={**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))})
    assert not ran.returncode, ran.stderr
    return ran.stdout


def test_a_bare_program_is_run_once(tmp_path, monkeypatch):
    assert said(BARE, tmp_path, monkeypatch) == "begun\n2\n"


def test_an_experiment_of_the_program_itself_is_refused_in_one_sentence(tmp_path, monkeypatch):
    assert "Mine is defined in the program that is run" in said(OWN, tmp_path, monkeypatch)


def test_a_worker_has_one_thread_for_matrices(tmp_path):
    """Its threads are set before numpy is loaded, whatever starting it has to unpickle."""
    with Engine(tmp_path, workers=1) as engine:
        engine.wait_until_warm()
        engine.submit(tv.Potential(resolution=9, tolerance=0.5), "somebody")
        [process] = engine.workers.processes
        libraries = process.schedule(threadpoolctl.threadpool_info).result()
    assert {one["num_threads"] for one in libraries if one["user_api"] == "blas"} == {1}
