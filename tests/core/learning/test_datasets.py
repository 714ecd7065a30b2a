"""Data sets: the same seed gives the same bits, the split is disjoint and stratified, inputs are standardised
by the training part, label noise is what it says, and bad arrays are refused with one sentence."""

import numpy as np
import pytest

from thermoviz.core.errors import BadInput
from thermoviz.core.learning.data import Dataset
from thermoviz.core.learning.datasets import DATASETS, AnyDataset, Circles, Moons, load_dataset, make_dataset
from thermoviz.core.specs import from_json, identity, to_json

MADE_UP = [name for name, kind in DATASETS.items() if kind().n is not None]  # of real ones n is all that there are
WITH_CLASSES = [name for name, kind in DATASETS.items() if kind.task == "classification"]


@pytest.mark.parametrize("name", DATASETS)
class TestEveryDataset:
    def test_same_seed_same_bits_and_another_seed_other_data(self, name):
        first, again, other = (load_dataset(name, seed=seed) for seed in (3, 3, 4))
        assert first == again and first.content_hash == again.content_hash and hash(first) == hash(again)
        assert first != other

    def test_parts_make_up_the_whole(self, name):
        data = load_dataset(name, seed=1)
        assert data.x.shape == (data.n_train + data.n_test, data.n_inputs)
        assert np.array_equal(data.x[data.train], data.x_train)
        assert np.array_equal(data.x[~data.train], data.x_test)
        assert np.array_equal(data.y[data.train], data.y_train) and len(data.y_test) == data.n_test
        assert np.isfinite(data.x).all()
        assert data.n_test == round(0.25 * len(data.x))

    def test_inputs_are_standardised_by_the_training_part(self, name):
        data = load_dataset(name, seed=1)
        varies = data.x_train.any(0)
        # Rounding: a sum of n values of order 1, each good to half an ulp, of columns 1e3 deviations off 0.
        bound = 1e3 * len(data.x) * np.finfo(float).eps
        assert np.abs(data.x_train.mean(0)).max() < bound
        assert np.abs(data.x_train[:, varies].std(0) - 1).max() < bound
        assert not data.x[:, ~varies].any()

    def test_arrays_are_read_only(self, name):
        data = load_dataset(name)
        for array in (data.x, data.y, data.x_train, data.y_test):
            with pytest.raises(ValueError):
                array[0] = 0
        with pytest.raises(AttributeError):
            data.x = np.zeros((2, 2))

    def test_arrays_and_specification_survive_storage(self, name):
        data = load_dataset(name, seed=2)
        assert Dataset.from_arrays({key: value.copy() for key, value in data.to_arrays().items()}) == data
        spec = DATASETS[name]()
        assert from_json(AnyDataset, to_json(spec)) == spec and spec.kind == name
        assert make_dataset(spec, 2) == data and make_dataset(name, 2) == data
        assert make_dataset(data, 9) is data

    def test_names_its_source(self, name):
        assert "Source" in DATASETS[name].__doc__

    def test_test_fraction_may_be_zero(self, name):
        data = load_dataset(name, test_fraction=0)
        assert data.n_test == 0 and data.train.all() and data.x_test.shape == (0, data.n_inputs)

    def test_more_label_noise_leaves_points_split_and_test_alone(self, name):
        clean, noisy = load_dataset(name, seed=5), load_dataset(name, seed=5, label_noise=0.3)
        assert np.array_equal(clean.x, noisy.x) and np.array_equal(clean.y_test, noisy.y_test)
        assert not np.array_equal(clean.y_train, noisy.y_train)


@pytest.mark.parametrize("name", MADE_UP)
@pytest.mark.parametrize("n", [10, 101, 2000])
def test_n_counts_all_points(name, n):
    assert len(load_dataset(name, n=n).x) == n


@pytest.mark.parametrize("name", WITH_CLASSES)
def test_split_is_stratified(name):
    data = load_dataset(name, seed=7)
    share = np.bincount(data.y) * data.n_test / len(data.y)
    # Largest remainders: each class's share of the test part is off by less than one point.
    assert (np.abs(np.bincount(data.y_test, minlength=data.n_classes) - share) < 1).all()
    assert (np.bincount(data.y_train, minlength=data.n_classes) > 0).all()


def test_split_is_disjoint_and_complete():
    from sklearn.datasets import load_digits
    data = load_dataset("digits", seed=11)
    pixels = load_digits().data
    varies = data.scale > 0
    raw = data.raw(data.x)
    # Every digit once, by its pixels that vary over the training part (constant ones become their mean).
    assert sorted(map(tuple, np.rint(raw[:, varies]))) == sorted(map(tuple, pixels[:, varies]))
    assert np.abs(raw[:, varies] - np.rint(raw[:, varies])).max() < 1e-12


def test_order_is_shuffled():
    data = load_dataset("wine", seed=0)  # scikit-learn's own order is by class
    assert 0 < np.abs(np.diff(data.y_train)).astype(bool).sum() > 2 * data.n_classes


@pytest.mark.parametrize("name", WITH_CLASSES)
@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_label_noise_flips_that_share_to_other_classes(name, fraction):
    clean, noisy = load_dataset(name, seed=5), load_dataset(name, seed=5, label_noise=fraction)
    assert np.sum(clean.y_train != noisy.y_train) == round(fraction * clean.n_train)


def test_label_noise_reaches_all_other_classes_equally():
    clean = load_dataset("blobs", n=20_000, classes=4, test_fraction=0)
    noisy = load_dataset("blobs", n=20_000, classes=4, test_fraction=0, label_noise=1)
    turn = np.bincount((noisy.y - clean.y) % 4, minlength=4)
    n = 20_000
    assert turn[0] == 0
    assert np.abs(turn[1:] - n / 3).max() < 4 * np.sqrt(n * (1 / 3) * (2 / 3))  # 4 binomial standard errors


def test_label_noise_of_regression_has_the_stated_deviation():
    settings = dict(n=20_000, test_fraction=0, seed=1)
    clean, noisy = load_dataset("sine", **settings), load_dataset("sine", label_noise=0.5, **settings)
    added = (noisy.y - clean.y)[:, 0] / clean.y.std()
    assert abs(added.std() - 0.5) < 4 * 0.5 / np.sqrt(2 * len(added))  # a Gaussian's deviation


def test_sine_is_a_sine_with_the_stated_noise():
    data = load_dataset("sine", n=20_000, noise=0.2, frequency=1.5, test_fraction=0)
    error = data.y[:, 0] - np.sin(2 * np.pi * 1.5 * data.raw(data.x)[:, 0])
    assert abs(error.std() - 0.2) < 4 * 0.2 / np.sqrt(2 * len(error))
    assert abs(error.mean()) < 4 * 0.2 / np.sqrt(len(error))


def test_linear_regression_leaves_only_the_noise():
    data = load_dataset("linear_regression", n=5000, noise=0.3, inputs=6, test_fraction=0)
    design = np.column_stack([data.x, np.ones(len(data.x))])
    _, squares, rank, _ = np.linalg.lstsq(design, data.y, rcond=None)
    freedom = len(data.x) - 7
    assert rank == 7 and abs(squares[0] / freedom - 0.09) < 4 * 0.09 * np.sqrt(2 / freedom)  # chi-squared


def test_teacher_without_noise_is_a_function_of_the_inputs():
    data = load_dataset("teacher_student", n=400, inputs=1, hidden=2, test_fraction=0)
    y = data.y[np.argsort(data.x[:, 0]), 0]
    assert np.sum(np.diff(np.sign(np.diff(y))) != 0) <= 3  # two tanh turn at most three times


def test_xor_without_noise_is_the_sign_of_the_product():
    data = load_dataset("xor", noise=0)
    raw = data.raw(data.x)
    assert np.array_equal(data.y, (raw[:, 0] * raw[:, 1] < 0).astype(int))


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_spirals_without_noise_lie_on_their_arms(classes):
    data = load_dataset("spirals", noise=0, turns=1.5, classes=classes)
    raw = data.raw(data.x)
    radius = np.hypot(*raw.T)
    turned = np.arctan2(raw[:, 1], raw[:, 0]) - 2 * np.pi * (1.5 * radius + data.y / classes)
    phase = np.angle(np.exp(1j * turned))
    assert np.abs(phase).max() < 1e-10  # radius is at least 0.05: rounding of 1e-15 over that


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [10, 21, 500])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_moons_and_circles_are_those_of_scikit_learn_to_the_bit(seed, n, noise):
    from sklearn.datasets import make_circles, make_moons
    state = int(np.random.default_rng(seed).integers(2**32))
    for ours, theirs in ((Moons(n=n, noise=noise), make_moons(n, noise=noise, random_state=state)),
                         (Circles(n=n, noise=noise, factor=0.3),
                          make_circles(n, noise=noise, factor=0.3, random_state=state))):
        for a, b in zip(ours._points(np.random.default_rng(seed)), theirs, strict=True):
            assert a.dtype == b.dtype and np.array_equal(a, b)


def test_moons_and_circles_without_noise_have_their_shape():
    moons = load_dataset("moons", noise=0)
    raw, upper = moons.raw(moons.x), moons.y == 0
    assert np.abs(np.hypot(*raw[upper].T) - 1).max() < 1e-12
    assert np.abs(np.hypot(raw[~upper, 0] - 1, raw[~upper, 1] - 0.5) - 1).max() < 1e-12
    circles = load_dataset("circles", noise=0, factor=0.3)
    radius = np.hypot(*circles.raw(circles.x).T)
    assert np.abs(radius - np.where(circles.y == 0, 1, 0.3)).max() < 1e-12


def test_real_data_take_all_points_or_a_stratified_part():
    assert [len(load_dataset(name).x) for name in ("digits", "breast_cancer", "wine")] == [1797, 569, 178]
    part = load_dataset("digits", n=200)
    assert len(part.x) == 200 and (np.abs(np.bincount(part.y) - 20) <= 1).all()
    assert load_dataset("digits").n_inputs == 64 and load_dataset("digits").n_outputs == 10


def test_users_arrays_are_kept_as_given():
    x, y = np.array([[1, 2], [3, 4], [5, 6]]), np.array(["cat", "dog", "cat"])
    data = Dataset(x=x, y=y, task="classification")
    assert np.array_equal(data.x, x) and data.x.dtype == np.float64 and data.train.all()
    assert data.y.tolist() == [0, 1, 0] and data.classes.tolist() == ["cat", "dog"]
    x[0] = 9
    assert data.x[0, 0] == 1
    assert Dataset.from_arrays(data.to_arrays()) == data


def test_users_test_part_comes_last():
    data = Dataset([[0.0], [1.0]], [5, 7], "classification", x_test=[[2.0]], y_test=[7])
    assert data.x.tolist() == [[0], [1], [2]] and data.y.tolist() == [0, 1, 1]
    assert data.x_test.tolist() == [[2]] and data.y_test.tolist() == [1] and data.train.tolist() == [1, 1, 0]


def test_tensors_are_taken_with_or_without_a_gradient():
    torch = pytest.importorskip("torch")
    data = Dataset(torch.eye(2, requires_grad=True), torch.tensor([3, 4]))
    assert data.x.tolist() == [[1, 0], [0, 1]] and data.classes.tolist() == [3, 4]


@pytest.mark.parametrize("y", [[1, 2, 3], [[1], [2], [3]], [[1, 2], [3, 4], [5, 6]]])
def test_regression_targets_become_columns(y):
    data = Dataset(np.eye(3), y, "regression")
    k = np.size(y) // 3
    assert data.y.shape == (3, k) and data.n_outputs == k and data.n_classes is None


@pytest.mark.parametrize("labels", [[3, 8, 3], [-1, 1, -1], [1.0, 2.0, 1.0], [False, True, False]])
def test_labels_become_counts_from_zero(labels):
    data = Dataset(np.eye(3), labels)
    assert data.y.dtype == np.int64 and data.y.tolist() == [0, 1, 0]
    assert data.classes.tolist() == sorted(set(labels))


def test_constant_columns_become_zero():
    x = np.array([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]])
    data = Dataset(x, [0, 1, 0], x_test=[[4.0, 7.0]], y_test=[1]).standardised()
    assert not data.x[:, 1].any() and np.isfinite(data.x).all()
    assert np.allclose(data.raw(data.x)[:, 0], [1, 2, 3, 4], rtol=1e-15)


NAN = [[0.0, 1.0], [2.0, np.nan], [np.inf, 3.0]]


@pytest.mark.parametrize("arguments, words", [
    (dict(x=NAN, y=[0, 1, 0]), ["x", "nan", "row 1", "column 1", "2 such"]),
    (dict(x=[[np.inf], [1]], y=[0, 1]), ["inf", "row 0, column 0"]),
    (dict(x=[[1], [2]], y=[np.nan, 1.0], task="regression"), ["y", "row 0"]),
    (dict(x=[[1], [2]], y=[np.nan, 1.0]), ["y", "row 0"]),
    (dict(x=np.zeros((0, 2)), y=[]), ["empty"]),
    (dict(x=np.zeros((2, 0)), y=[0, 1]), ["empty"]),
    (dict(x=[], y=[]), ["empty"]),
    (dict(x=[1, 2, 3], y=[0, 1, 0]), ["[n, p]", "[3]"]),
    (dict(x=np.zeros((2, 2, 2)), y=[0, 1]), ["[n, p]", "[2, 2, 2]"]),
    (dict(x=[[1], [2]], y=[1, 1]), ["one class only"]),
    (dict(x=[[1], [2]], y=[0, 1, 1]), ["2 rows", "3"]),
    (dict(x=[[1], [2]], y=3), ["single value"]),
    (dict(x=[[1], [2]], y=[0.5, 1]), ["0.5", "row 0", "whole numbers"]),
    (dict(x=[[1], [2]], y=[[0, 1], [1, 0]]), ["[n]"]),
    (dict(x=[[1], [2]], y=np.zeros((2, 1, 1)), task="regression"), ["[n, k]"]),
    (dict(x=[[1], [2]], y=["a", "b"], task="regression"), ["real numbers"]),
    (dict(x=[["a"], ["b"]], y=[0, 1]), ["real numbers"]),
    (dict(x=[[1j], [2]], y=[0, 1]), ["real numbers"]),
    (dict(x=[[1], [2, 3]], y=[0, 1]), ["real numbers"]),
    (dict(x=[[1], [2]], y=[0, 1], task="clustering"), ["task", "clustering"]),
    (dict(x=[[1], [2]], y=[0, 1], x_test=[[1]]), ["together"]),
    (dict(x=[[1], [2]], y=[0, 1], x_test=[[1, 2]], y_test=[0]), ["x_test", "columns"]),
    (dict(x=[[1], [2]], y=[0, 1], x_test=[[1]], y_test=[2]), ["y_test", "label 2"]),
    (dict(x=[[1], [2]], y=[0, 1], x_test=[[np.nan]], y_test=[1]), ["x_test", "nan"]),
    (dict(x=[[1], [2]], y=[0, 1], task="regression", x_test=[[1]], y_test=[[1, 2]]), ["y_test", "columns"]),
])
def test_bad_arrays_get_one_sentence(arguments, words):
    with pytest.raises(BadInput) as caught:
        Dataset(**arguments)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert message.endswith(".") and "\n" not in message


@pytest.mark.parametrize("name, settings", [
    ("nonsense", {}), ("moons", {"n": 3}), ("moons", {"noise": -1}), ("moons", {"noise": float("nan")}),
    ("moons", {"colour": 1}), ("digits", {"n": 1798}), ("moons", {"seed": -1}), ("moons", {"seed": 1.5}),
    ("moons", {"label_noise": 1.1}), ("moons", {"test_fraction": 1.0}), (None, {}),
])
def test_bad_requests_get_one_sentence(name, settings):
    with pytest.raises(BadInput) as caught:
        load_dataset(name, **settings)
    assert str(caught.value).endswith(".")


def test_damaged_arrays_are_refused():
    arrays = load_dataset("moons", n=20).to_arrays()
    for damage in ({"n_train": np.array([0])}, {"n_train": np.array([99])}, {"center": np.zeros(3)},
                   {"classes": np.frombuffer(b"[0", np.uint8)}, {"y": np.full(20, 7)},
                   {"x": np.full((20, 2), np.nan)}):
        with pytest.raises(BadInput):
            Dataset.from_arrays({**arrays, **damage})
    with pytest.raises(BadInput):
        Dataset.from_arrays({})


def test_settings_change_the_identity_and_positions_follow_the_signature():
    assert Moons(300, 0.1) == Moons(n=300, noise=0.1)
    assert identity(Moons()) != identity(Moons(noise=0.21))


def test_import_loads_neither_scikit_learn_nor_any_part_of_scipy():
    import subprocess
    import sys
    code = ("import sys, thermoviz.core.learning.datasets, thermoviz.core.landscape.planes; "
            "heavy = ('sklearn', 'torch', 'numba', 'scipy.linalg', 'scipy.sparse', 'scipy.special', 'scipy.optimize'); "
            "print([m for m in heavy if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
