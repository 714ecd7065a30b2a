"""Values that are missing, in whatever form: refused with their row and column, never made a class or a number."""

import datetime

import numpy as np
import pytest

import thermoviz as tv

X = [[0.0], [1.0], [2.0], [3.0]]
NAN = float("nan")


@pytest.mark.parametrize("missing", [None, NAN, np.float32("nan"), "", "  ", np.datetime64("NaT")])
@pytest.mark.parametrize("made", [list, lambda labels: np.array(labels, dtype=object)])
def test_a_missing_label_is_no_class(missing, made):
    with pytest.raises(tv.BadInput, match="y has a missing value in row 2: "):
        tv.Dataset(X, made(["a", "b", missing, "a"]))
    assert list(tv.Dataset(X, made(["a", "b", "b", "a"])).classes) == ["a", "b"]


def test_labels_and_tables_of_pandas():
    pandas = pytest.importorskip("pandas")
    for kind in ("object", "string", "category"):
        with pytest.raises(tv.BadInput, match=r"y has a missing value in row 1 \(2 such values in all\)"):
            tv.Dataset(X, pandas.Series(["a", None, "b", None], dtype=kind))
        assert list(tv.Dataset(X, pandas.Series(["b", "a", "b", "a"], dtype=kind)).classes) == ["a", "b"]
    with pytest.raises(tv.BadInput, match="y holds nan in row 3"):
        tv.Dataset(X, pandas.Series([0, 1, 1, None], dtype="Int64"))
    table = pandas.DataFrame({"age": [1.0, 2, 3, 4], "height": pandas.array([1, None, 3, 4], dtype="Int64")})
    with pytest.raises(tv.BadInput, match="x has a missing value in row 1, column height: "):
        tv.Dataset(table, [0, 1, 0, 1])
    table["height"] = ["170", "180", "tall", "160"]
    with pytest.raises(tv.BadInput, match="row 2, column height holds 'tall'"):
        tv.Dataset(table, [0, 1, 0, 1])
    table["height"] = [170, 180, 175, 160]
    assert np.array_equal(tv.Dataset(table, [0, 1, 0, 1]).x, [[1, 170], [2, 180], [3, 175], [4, 160]])


@pytest.mark.parametrize("x, said", [
    ([[0, 1], [2, None], [3, 4]], "x has a missing value in row 1, column 1: "),
    ([[0, 1], ["", 2], [3, ""]], "x has a missing value in row 1, column 0 (2 such values in all): "),
    ([[0, 1], [2, NAN], [3, 4]], "x holds nan in row 1, column 1"),
    (np.ma.masked_equal([[0, 1], [2, 99], [3, 4]], 99), "x has a missing value in row 1, column 1: "),
    ([[0, 1], [2, "red"], [3, 4]], "but row 1, column 1 holds 'red'"),
    ([[0, 1], [2, 5], [datetime.date(2026, 1, 2), 4]], "but row 2, column 0 holds '2026-01-02'")])
def test_inputs_that_are_missing_or_no_numbers_are_named(x, said):
    with pytest.raises(tv.BadInput) as refused:
        tv.Dataset(x, [0, 1, 0])
    assert said in str(refused.value) and str(refused.value).count(".") == 1 and str(refused.value).endswith(".")


def test_a_missing_target_is_named():
    for y, said in (([1.0, None, 2.0], "y has a missing value in row 1: "),
                    ([[1, 2], [3, None], [4, 5]], "y has a missing value in row 1, column 1: "),
                    (np.ma.masked_equal([1, 99, 2], 99), "y has a missing value in row 1: ")):
        with pytest.raises(tv.BadInput) as refused:
            tv.Dataset([[0.0], [1.0], [2.0]], y, "regression")
        assert said in str(refused.value)


def test_a_masked_array_without_a_mask_is_an_array():
    data = tv.Dataset(np.ma.masked_array([[0.0], [1.0], [2.0]]), [0, 1, 0])
    assert np.array_equal(data.x, [[0], [1], [2]])
