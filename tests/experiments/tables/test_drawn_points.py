"""Points drawn by hand: what a browser sends is looked at before it is believed."""

import numpy as np
import pytest

from thermoviz.core.errors import BadInput
from thermoviz.experiments.tables.drawn import MOST, drawn

POINTS = [[x / 10 - 0.9, np.sin(x) / 2, int(x > 9)] for x in range(19)]


def test_two_classes_and_a_curve():
    classes, curve = drawn(POINTS, "classification"), drawn(POINTS, "regression")
    assert classes.classes.tolist() == ["round", "square"] and classes.n_inputs == 2
    assert curve.n_inputs == curve.n_outputs == 1 and len(curve.x) == len(classes.x) == 19
    assert classes.n_test == curve.n_test == 4


@pytest.mark.parametrize("points, told", [
    ([], "0 points"), (None, "0 points"), ("abc", "0 points"), (POINTS[:5], "5 points"),
    ([[0, 0, 0]] * 20, "one class"),
    ([[0, 0, 0]] * (MOST + 1), "at most"), ([*POINTS, [2, 0, 0]], "no points"), ([*POINTS, [0, 0, 2]], "no points"),
    ([*POINTS, [float("nan"), 0, 0]], "no points"), ([*POINTS, [0, 0]], "no points"), ([*POINTS, "x"], "no points"),
    ([*POINTS, [True, 0, 0]], "no points"), ([*POINTS, [0, "0", 0]], "no points")])
def test_what_is_no_drawing_is_refused(points, told):
    with pytest.raises(BadInput, match=told):
        drawn(points, "classification")


def test_a_curve_goes_from_left_to_right():
    with pytest.raises(BadInput, match="left to right"):
        drawn([[0, k / 20, 0] for k in range(20)], "regression")
