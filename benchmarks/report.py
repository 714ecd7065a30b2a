"""`report` beside PyHessian 0.1 and curvlinops 3.0.1: leading eigenvalues, trace and spectral density of one Hessian.

Times are CPU seconds on a CNN of 104,938 parameters and 64 images; errors are against the exact spectrum of a network
of 971 parameters. curvlinops comes with what tests need. PyHessian is unpacked by hand into a temporary
folder (it is pure Python, and its build fails on some machines); where it cannot be had, its rows say so.
"""

import math
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from torch import nn

import thermoviz as tv
from thermoviz.core.spectra.lanczos import leading
from thermoviz.core.spectra.traces import probed
from thermoviz.experiments.own.module_loss import ModuleLoss
from thermoviz.experiments.report import measurement
from thermoviz.experiments.report.samples import Sampled

from .clock import Row

K, PROBES, STEPS, RUNS = 10, 32, 24, 8
SEEDS = 10  # for the error of a trace
criterion = nn.CrossEntropyLoss()


def losses(model: Any, batch: Any) -> Any:
    return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")


def trained(model: Any, x: Any, y: Any, steps: int) -> tuple[Any, Any]:
    """After some training, so that its Hessian has outliers."""
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        optimiser.zero_grad()
        criterion(model(x), y).backward()
        optimiser.step()
    return model, (x, y)


def small() -> tuple[Any, Any]:
    torch.manual_seed(0)
    x = torch.randn(256, 20)
    y = (x[:, :10] + 0.5 * torch.randn(256, 10)).argmax(1)
    return trained(nn.Sequential(nn.Linear(20, 31), nn.Tanh(), nn.Linear(31, 10)), x, y, 200)


def large() -> tuple[Any, Any]:
    torch.manual_seed(0)
    x = torch.randn(64, 1, 28, 28)
    y = (x.mean((1, 2, 3)) * 280 + 5).long().clamp(0, 9)
    return trained(nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 49, 130), nn.ReLU(), nn.Linear(130, 10)), x, y, 20)


def pyhessian() -> Any:
    """Its class, or None where it cannot be had."""
    folder = Path(tempfile.mkdtemp(prefix="pyhessian-"))
    done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
                           "pyhessian==0.1", "-d", str(folder)], capture_output=True)
    archives = list(folder.glob("*.tar.gz"))
    if done.returncode or not archives:
        return None
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    sys.path.insert(0, str(next(folder.glob("*/pyhessian")).parent))
    try:
        from pyhessian import hessian
    except ImportError:
        return None
    finally:
        del sys.path[0]
        shutil.rmtree(folder)  # what was needed of it is loaded
    return hessian


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds, and what it found."""
    started = time.process_time()
    found = work()
    return time.process_time() - started, found


class Ours:
    """The steps of `report`, one by one."""

    def __init__(self, model: Any, data: Any) -> None:
        self._loss = ModuleLoss(model, losses, data=[data], samples=True)
        self._model = model

    def __call__(self, seed: int = 0) -> tuple[Any, Any]:
        """(top eigenvalues, trace with its error)."""
        with self._loss.held():
            sampled = Sampled(self._loss, self._model, list(self._model.parameters()), lambda: None)
            point = sampled.at(self._loss.theta)
            pairs = leading(point.hessian, point.d, K, point.dtype)
            traces = probed(point.hessian, None, pairs.vectors, PROBES, seed)
            return pairs.values, traces.estimate(lambda a, *others: a)


def curvlinops_of(model: Any, data: Any, seed: int = 0) -> tuple[Any, Any]:
    """The same by curvlinops: ARPACK, and Hutch++ with as many products as ours has."""
    import curvlinops

    H = curvlinops.HessianLinearOperator(model, criterion, list(model.parameters()), [data], check_deterministic=False)
    values = scipy.sparse.linalg.eigsh(H.to_scipy(), k=K, which="LA", tol=1e-3)[0][::-1]
    torch.manual_seed(seed)
    products = 3 * math.ceil((PROBES + K) / 3)
    return values, float(curvlinops.hutchpp_trace(H, num_matvecs=products))


def pyhessian_of(hessian: Any, model: Any, data: Any, seed: int = 0) -> tuple[Any, Any]:
    """The same by PyHessian, at its defaults."""
    torch.manual_seed(seed)
    found = hessian(model, criterion, data=data, cuda=False)
    values = found.eigenvalues(top_n=K)[0]
    return np.array(values), float(np.mean(found.trace()))


def density_off(at: np.ndarray, density: np.ndarray, exact: np.ndarray, width: float) -> float:
    """Half of the area between two densities: the share that stands where it should not."""
    true = np.exp(-((at[:, None] - exact) / width) ** 2 / 2).mean(axis=1) / (width * np.sqrt(2 * np.pi))
    return float(np.trapezoid(np.abs(density - true), at) / 2)


def densities(model: Any, data: Any, exact: np.ndarray) -> tuple[float, float]:
    """How far ours and curvlinops' are off the exact one, each at its own width."""
    import curvlinops

    whole, measurement.EXACT = measurement.EXACT, 0
    try:
        run = tv.report(model, losses, [data], k=K, density=STEPS, progress=False)
    finally:
        measurement.EXACT = whole
    ours = density_off(run.arrays["density_at"], run.arrays["density"], exact, run.numbers["density_width"])
    H = curvlinops.HessianLinearOperator(model, criterion, list(model.parameters()), [data], check_deterministic=False)
    ends = (float(exact.min()), float(exact.max()))
    grid, theirs = curvlinops.lanczos_approximate_spectrum(H, STEPS, num_repeats=RUNS, boundaries=ends, margin=0.05)
    # Its curves on [-1, 1] have the width 2 / (ncv - 1) / sqrt(8 log kappa) (its documentation), kappa = 3.
    half = (ends[1] - ends[0]) / 2 * 1.05
    width = half * 2 / (STEPS - 1) / math.sqrt(8 * math.log(3))
    return ours, density_off(np.asarray(grid), np.asarray(theirs), exact, width)


def rows() -> list[Row]:
    torch.set_num_threads(1)
    hessian = pyhessian()
    model, data = large()
    ours, mine = seconds(Ours(model, data))
    theirs, other = seconds(lambda: curvlinops_of(model, data))
    what = f"report: {K} eigenvalues and trace, CNN of {sum(p.numel() for p in model.parameters()):,} parameters"
    found = [Row(what, ours, "CPU s", "", theirs, "curvlinops 3.0.1")]
    if hessian is None:
        found.append(Row(f"{what}: PyHessian 0.1 cannot be had from this registry", math.nan, "CPU s", ""))
    else:
        slow, _ = seconds(lambda: pyhessian_of(hessian, model, data))
        found.append(Row(what, ours, "CPU s", "", slow, "PyHessian 0.1"))
    print(f"traces: ours {mine[1]}, curvlinops {other[1]:.6g}")
    return found + accuracy(hessian)


def accuracy(hessian: Any) -> list[Row]:
    """Errors against the exact spectrum."""
    model, data = small()
    exact = np.linalg.eigvalsh(_matrix(model, data))
    peers: dict[str, Callable[[int], Any]] = {"curvlinops 3.0.1": lambda seed: curvlinops_of(model, data, seed)}
    if hessian is not None:
        peers["PyHessian 0.1"] = lambda seed: pyhessian_of(hessian, model, data, seed)
    ours, found = off(Ours(model, data), exact), []
    for name, peer in peers.items():
        theirs = off(peer, exact)
        found += [Row(f"largest error of {K} eigenvalues of {len(exact)}, relative to the first", ours[0], "", "",
                      theirs[0], name),
                  Row(f"error of the trace, relative, rms of {SEEDS} seeds", ours[1], "", "", theirs[1], name)]
    mine, theirs = densities(model, data, exact)
    return [*found, Row("error of the spectral density, share misplaced", mine, "", "", theirs, "curvlinops 3.0.1")]


def off(ask: Callable[[int], Any], exact: np.ndarray) -> tuple[float, float]:
    """(largest relative error of the leading eigenvalues, rms relative error of the trace)."""
    top, answers = np.sort(exact)[::-1][:K], [ask(seed) for seed in range(SEEDS)]
    worst = max(float(np.abs(values[:K] - top).max()) for values, _ in answers) / top[0]
    return worst, float(np.sqrt(np.mean([(float(trace) / exact.sum() - 1) ** 2 for _, trace in answers])))


def _matrix(model: Any, data: Any) -> np.ndarray:
    """The whole Hessian by torch's own function."""
    names = [name for name, _ in model.named_parameters()]
    parameters = [p.detach().double() for p in model.parameters()]
    x, y = data[0].double(), data[1]
    sizes = [p.numel() for p in parameters]

    def loss(flat: Any) -> Any:
        parts = [part.reshape(p.shape) for part, p in zip(flat.split(sizes), parameters, strict=True)]
        return criterion(torch.func.functional_call(model, dict(zip(names, parts, strict=True)), (x,)), y)

    whole = torch.autograd.functional.hessian(loss, torch.cat([p.reshape(-1) for p in parameters]))
    return np.asarray(whole.numpy())
