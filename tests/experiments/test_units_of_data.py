"""Inputs and targets of any size: networks learn from them, and what is shown is in the unit that they came in."""

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.learning.networks import MLP
from thermoviz.presentation.reading import reading
from thermoviz.stage.payload import payload

UNITS = [(80_000.0, 250_000.0, 1.0), (1e-6, 3e-5, 1.0), (80_000.0, 250_000.0, 1e4), (1.0, 0.0, 1e-3)]


def linear(spread: float, middle: float, of_inputs: float):
    """Houses: a linear price [n] of five columns [n, 5], explained to 96 %."""
    draw = np.random.default_rng(0)
    z = draw.normal(size=(300, 5))
    price = z @ np.array([0.5, 0.5, 0.3, -0.4, 0.5]) + 0.2 * draw.normal(size=300)
    return of_inputs * (z + 2), middle + spread * price


@pytest.mark.parametrize("spread, middle, of_inputs", UNITS)
def test_a_linear_problem_in_any_unit_is_learned(spread, middle, of_inputs):
    x, y = linear(spread, middle, of_inputs)
    spec = tv.Descent(dataset=tv.Dataset(x, y, "regression"), network=MLP(()), dynamics=(tv.SGD(0.05),), steps=500,
                      replicas=2, plane="random", resolution=17)
    assert tv.run(spec).arrays["accuracy"][-1].min() > 0.9


def test_answers_are_in_the_unit_that_targets_came_in():
    x, y = linear(*UNITS[0])
    data = tv.Dataset(x, y, "regression")
    scaled = data.learnable()
    assert np.allclose(scaled.y_train.mean(0), 0) and np.allclose(scaled.y_train.std(0), 1)
    assert np.allclose(scaled.raw_targets(scaled.y)[:, 0], y, rtol=1e-12)
    assert tv.Dataset.from_arrays(scaled.to_arrays()) == scaled != data
    run = tv.run(tv.Descent(dataset=data, network=MLP(()), steps=300, replicas=2,
                            plane="random", resolution=17))
    assert np.allclose([run.arrays["data_y_center"][0], run.arrays["data_y_scale"][0]], [y.mean(), y.std()])
    assert payload(run)["network"]["data"].keys() >= {"y_center", "y_scale"}
    # 20 000 of noise: the error that is told lies within a tenth of what is left.
    left = y.std() * np.sqrt(1 - run.arrays["accuracy"][-1, 0])
    told = [word for word in str(reading(run)).replace("(", " ").split() if word.count(",") == 1 and word[-1].isdigit()]
    assert any(abs(float(word.replace(",", "")) / left - 1) < 0.1 for word in told), (told, left)


def test_data_of_order_one_stay_as_they_are():
    x, y = linear(1.0, 0.0, 1.0)
    data = tv.Dataset(x - 2, y, "regression")
    assert data.learnable() is data
    assert np.allclose(tv.Dataset(x, y, "regression").learnable().x_train.mean(0), 0)
    classes = tv.Dataset(x * 1e5, (y > 0).astype(int)).learnable()
    assert np.allclose(classes.x_train.std(0), 1) and classes.y_scale is None
