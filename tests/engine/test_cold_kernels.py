"""A job that comes before the kernels are compiled says what it waits for, and is answered."""

import time

import pytest

import thermoviz as tv
from thermoviz.core.learning.datasets import Moons
from thermoviz.engine import Engine
from thermoviz.engine.scratch import Scratch
from thermoviz.engine.worker import COMPILING, Reporter

QUICK = tv.Descent(Moons(n=20), steps=2, replicas=3, resolution=9)


def test_a_compilation_is_told_until_the_work_goes_on(tmp_path):
    scratch = Scratch(tmp_path, "one")
    reporter = Reporter(Scratch(tmp_path, "one"))
    reporter(0.25, "training")
    reporter.compiling()
    assert scratch.told()[:2] == (0.25, COMPILING)
    reporter(0.25, "training")
    assert scratch.told()[:2] == (0.25, "training")


@pytest.mark.slow
def test_a_job_that_meets_cold_kernels_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))
    with Engine(tmp_path / "store", workers=1) as engine:
        id, told = engine.submit(QUICK, "ann"), set()
        while not (state := engine.state(id)).finished:
            told.add(state.stage)
            time.sleep(0.02)
        assert state.status == "done" and COMPILING in told
