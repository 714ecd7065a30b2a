"""Products with Hessian and gradient covariance beside curvlinops' linear operators, an independent implementation."""

import numpy as np
import pytest

from thermoviz.experiments.own.module_loss import ModuleLoss
from thermoviz.experiments.report.samples import Sampled

torch = pytest.importorskip("torch")
curvlinops = pytest.importorskip("curvlinops")
nn = torch.nn


def losses(model, batch):
    return nn.functional.cross_entropy(model(batch[0]), batch[1], reduction="none")


@pytest.fixture(scope="module")
def case():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(4 * 36, 5)).double()
    x, y = torch.randn(30, 1, 8, 8, dtype=torch.float64), torch.randint(0, 5, (30,))
    batches = [(x[:16], y[:16]), (x[16:], y[16:])]
    loss = ModuleLoss(model, losses, data=batches, samples=True)
    with loss.held():
        sampled = Sampled(loss, model, list(model.parameters()), lambda: None)
        yield model, batches, sampled.at(loss.theta)


def block(d, n=3):
    return np.random.default_rng(0).standard_normal((n, d))


def test_hessian_vector_products(case):
    model, batches, point = case
    theirs = curvlinops.HessianLinearOperator(model, nn.CrossEntropyLoss(), list(model.parameters()), batches,
                                              check_deterministic=False)
    vectors = block(point.d)
    expected = np.stack([(theirs @ torch.as_tensor(vector)).detach().numpy() for vector in vectors])
    np.testing.assert_allclose(point.hessian(vectors), expected, rtol=1e-9, atol=1e-12)


def test_covariance_vector_products(case):
    """C is the uncentred empirical Fisher matrix less the outer product of the mean gradient."""
    model, batches, point = case
    theirs = curvlinops.EFLinearOperator(model, nn.CrossEntropyLoss(), list(model.parameters()), batches,
                                         check_deterministic=False)
    vectors = block(point.d)
    expected = np.stack([(theirs @ torch.as_tensor(vector)).detach().numpy() for vector in vectors])
    expected -= np.outer(vectors @ point.gradient, point.gradient)
    np.testing.assert_allclose(point.noise(vectors), expected, rtol=1e-8, atol=1e-12)
