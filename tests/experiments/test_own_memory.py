"""Paths beyond memory: recorded to a temporary file and read in blocks, with the same numbers as in memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core import arrays
from thermoviz.core.landscape import pca
from thermoviz.core.landscape.pca import leading_components
from thermoviz.experiments.own import records

torch = pytest.importorskip("torch")
nn = torch.nn
ROOT = Path(__file__).parents[2]


MEMORY = """
import sys
from benchmarks.own_memory import peak_of
print(*peak_of(int(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.slow
def test_a_path_beyond_memory_stays_on_disk():
    """200 000 parameters x 1500 snapshots are 1200 MB. Beside the recorder's 64 MB stand about a dozen float64 vectors
    of the plane (20 MB), blocks of 16 MB, and a walk of 10 float32 vectors (8 MB): 160 MB in all, and far from 1200.
    """
    done = subprocess.run([sys.executable, "-c", MEMORY, "200000", "1500"], cwd=ROOT, capture_output=True, text=True,
                          check=True)
    assert float(done.stdout.split()[0]) < 160


def test_records_in_a_file_are_those_in_memory():
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 3, generator=draw), torch.randn(40, 1, generator=draw)
    recorders = [tv.Recorder(model, every=2, in_memory=size) for size in (2**20, 0, 700)]
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(41):
        optimiser.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimiser.step()
        for recorder in recorders:
            recorder.step()
    first, *others = [(one.path, one.buffers, one.steps) for one in recorders]
    assert len(first[0]) == 22 and first[2][-1] == 41 and first[1] is not None
    for path, buffers, steps in others:
        assert isinstance(path, np.memmap) and not path.flags.writeable
        assert np.array_equal(path, first[0]) and np.array_equal(buffers, first[1]) and np.array_equal(steps, first[2])
    runs = [tv.explore(model, lambda m: nn.functional.mse_loss(m(x), y), one, resolution=17) for one in recorders[:2]]
    assert recorders[0].steps[-1] == recorders[1].steps[-1] == 41  # the model is as after its last step
    assert runs[0].id == runs[1].id and np.array_equal(runs[0].arrays["U"], runs[1].arrays["U"])


def test_a_full_disk_thins_the_record(monkeypatch):
    model = nn.Linear(4, 3)
    recorder = tv.Recorder(model, every=1, in_memory=0)
    written = records._write

    def full(file, row):
        if file.tell() >= 10 * 15 * 4:
            raise OSError(28, "No space left on device")
        written(file, row)

    monkeypatch.setattr(records, "_write", full)
    for step in range(1, 65):
        with torch.no_grad():
            model.bias.fill_(step)
        recorder.step()
    assert 5 <= len(recorder.path) <= 10 and recorder.every == 8
    assert np.array_equal(recorder.path[:, -1][1:], recorder.steps[1:])


def test_principal_components_in_blocks_are_those_in_memory(monkeypatch, tmp_path):
    draw = np.random.default_rng(3)
    for m, d in ((30, 4000), (4000, 30), (300, 500)):
        points = (draw.standard_normal((m, d)) * np.linspace(3, 0.1, d) + 1).astype(np.float32)
        expected = leading_components(points)
        np.save(tmp_path / "path.npy", points)
        mapped = np.load(tmp_path / "path.npy", mmap_mode="r")
        for gram in (pca._GRAM, 10):  # by the smaller Gram matrix, and by Lanczos
            with monkeypatch.context() as small:
                small.setattr(pca, "_DOUBLE", 0)
                small.setattr(pca, "_GRAM", gram)
                small.setattr(arrays, "BLOCK", 3000)
                found = leading_components([mapped[: m // 3], mapped[m // 3:]])
            for one, other in zip(found, expected, strict=True):
                assert np.allclose(one, other, atol=1e-6)
        assert np.array_equal(mapped, points)
