"""Small learning problems, made up and real: what networks see, split and standardised, with label noise.

Every problem is a specification in `DATASETS`; `.load(seed)` draws it, shuffles, splits (stratified by
class), standardises the inputs by the training part and spoils a share of the training labels, in this order
and from one stream: the same seed with more label noise has the same points and the same split.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from ..errors import BadInput
from ..seeds import rng
from ..specs import Field, family, specification
from .data import Dataset

Arrays = tuple[np.ndarray, np.ndarray]

_Noise = Annotated[float, Field(ge=0, le=2, title="Noise",
                                json_schema_extra={"ladder": [0, 0.03, 0.1, 0.2, 0.3, 1]},
                                description="Standard deviation of the Gaussian noise")]
_Classes = Annotated[int, Field(ge=2, le=10, title="Classes", description="Number of classes")]
_Columns = Annotated[int, Field(ge=1, le=100, title="Inputs", description="Number of input columns")]


@specification
class _Problem:
    """What all problems share: how many points, how many of them for the test, how many spoiled labels.

    `n` counts all points, training and test; None takes all that there are (real data only).
    """

    n: Annotated[int, Field(ge=10, le=100_000, title="Points",
                            json_schema_extra={"ladder": [100, 300, 500, 1000, 3000]},
                            description="Number of points, training and test")] = 500
    label_noise: Annotated[float, Field(
        ge=0, le=1, title="Label noise", json_schema_extra={"ladder": [0, 0.03, 0.1, 0.3]},
        description="Share of training labels turned into another class; for regression Gaussian noise in "
                    "units of the target's standard deviation")] = Field(default=0.0, kw_only=True)
    test_fraction: Annotated[float, Field(
        ge=0, le=0.9, title="Test share",
        description="Share of the points kept for the test")] = Field(default=0.25, kw_only=True)

    task: ClassVar[str] = "classification"

    def load(self, seed: int = 0) -> Dataset:
        """Draws the problem; the same seed gives the same bits. Raises BadInput for a seed out of range."""
        generator = rng(seed, "data")
        x, y = self._points(generator)
        labels = y if self.task == "classification" else None
        chosen, rest = split(labels, len(x), round(self.test_fraction * len(x)), generator)
        data = Dataset(x[chosen], y[chosen], self.task, x[rest], y[rest]).standardised()
        return data.with_label_noise(self.label_noise, generator) if self.label_noise else data

    def _points(self, generator: np.random.Generator) -> Arrays:
        raise NotImplementedError


def split(labels: np.ndarray | None, n: int, n_rest: int, generator: np.random.Generator) -> Arrays:
    """Indices (chosen, rest), shuffled, `n_rest` of them in the rest.

    With labels each class gives its share to the rest by largest remainders, and keeps at least one point.
    """
    order = generator.permutation(n)
    if labels is None:
        return order[n_rest:], order[:n_rest]
    _, member, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = n_rest * counts / n
    quota = np.floor(share).astype(int)
    quota[np.argsort(quota - share, kind="stable")[:n_rest - quota.sum()]] += 1
    quota = np.minimum(quota, counts - 1)
    rank = np.empty(n, int)  # the how-manieth of its class a point is, in shuffled order
    for k in range(len(counts)):
        of_class = order[member[order] == k]
        rank[of_class] = np.arange(len(of_class))
    in_rest = rank[order] < quota[member[order]]
    return order[~in_rest], order[in_rest]


def _balanced(n: int, classes: int) -> np.ndarray:
    """Labels [n] with class sizes that differ by one at most."""
    return np.arange(n) % classes


def _state(generator: np.random.Generator) -> int:
    """A seed for scikit-learn, drawn from the stream."""
    return int(generator.integers(2**32))


def _two_curves(x: np.ndarray, y: np.ndarray, first: int, noise: float, generator: np.random.Generator) -> Arrays:
    """Points of two classes, the `first` ones of class 0, shuffled, with noise: to the bit as scikit-learn draws them.

    scikit-learn itself takes a second to load, and these are what a page opens with.
    """
    drawn = np.random.RandomState(_state(generator))
    order = np.arange(len(x))
    drawn.shuffle(order)
    points = np.stack([x, y], axis=1)[order]
    return points + drawn.normal(scale=noise, size=points.shape), (np.arange(len(x)) >= first).astype(int)[order]


@specification
class Moons(_Problem):
    """Two interleaved half circles. Source: scikit-learn, make_moons, whose numbers these are."""

    noise: _Noise = 0.2
    kind: Literal["moons"] = Field(default="moons", kw_only=True, repr=False)

    def _points(self, generator: np.random.Generator) -> Arrays:
        upper = np.linspace(0, np.pi, self.n // 2)
        lower = np.linspace(0, np.pi, self.n - self.n // 2)
        x = np.concatenate([np.cos(upper), 1 - np.cos(lower)])
        y = np.concatenate([np.sin(upper), 1 - np.sin(lower) - 0.5])
        return _two_curves(x, y, len(upper), self.noise, generator)


@specification
class Circles(_Problem):
    """A small circle inside a large one. Source: scikit-learn, make_circles, whose numbers these are."""

    noise: _Noise = 0.1
    factor: Annotated[float, Field(gt=0, lt=1, title="Inner radius",
                                   description="Inner radius over the outer one")] = 0.5
    kind: Literal["circles"] = Field(default="circles", kw_only=True, repr=False)

    def _points(self, generator: np.random.Generator) -> Arrays:
        outer = np.linspace(0, 2 * np.pi, self.n // 2, endpoint=False)
        inner = np.linspace(0, 2 * np.pi, self.n - self.n // 2, endpoint=False)
        x = np.concatenate([np.cos(outer), np.cos(inner) * self.factor])
        y = np.concatenate([np.sin(outer), np.sin(inner) * self.factor])
        return _two_curves(x, y, len(outer), self.noise, generator)


@specification
class Spirals(_Problem):
    """Archimedean spirals, one arm per class, radius proportional to angle. Source: Lang & Witbrock 1988."""

    noise: _Noise = 0.05
    turns: Annotated[float, Field(gt=0, le=4, title="Turns", description="Turns of each arm")] = 1.0
    classes: _Classes = 2
    kind: Literal["spirals"] = Field(default="spirals", kw_only=True, repr=False)

    def _points(self, generator: np.random.Generator) -> Arrays:
        label = _balanced(self.n, self.classes)
        radius = np.sqrt(generator.uniform(0.0025, 1, self.n))  # even in area, off the common centre
        angle = 2 * np.pi * (self.turns * radius + label / self.classes)
        clean = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return clean + self.noise * generator.standard_normal(clean.shape), label


@specification
class Xor(_Problem):
    """Points in a square, class: their coordinates differ in sign. Source: Minsky & Papert 1969."""

    noise: _Noise = 0.1
    kind: Literal["xor"] = Field(default="xor", kw_only=True, repr=False)

    def _points(self, generator: np.random.Generator) -> Arrays:
        quadrant = _balanced(self.n, 4)
        signs = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]])[quadrant]
        clean = signs * generator.uniform(0, 1, (self.n, 2))
        return clean + self.noise * generator.standard_normal(clean.shape), quadrant // 2


@specification
class Blobs(_Problem):
    """Gaussian clouds around random centres. Source: scikit-learn, make_blobs."""

    spread: Annotated[float, Field(gt=0, le=10, title="Spread",
                                   description="Standard deviation of a cloud")] = 1.5
    classes: _Classes = 3
    inputs: _Columns = 2
    kind: Literal["blobs"] = Field(default="blobs", kw_only=True, repr=False)

    def _points(self, generator: np.random.Generator) -> Arrays:
        from sklearn.datasets import make_blobs
        return make_blobs(self.n, self.inputs, centers=self.classes, cluster_std=self.spread,
                          random_state=_state(generator))[:2]


@specification
class Sine(_Problem):
    """Regression on y = sin(2 pi f x) + noise, x uniform in [-1, 1]. Source: Bishop 2006, section 1.1."""

    noise: _Noise = 0.1
    frequency: Annotated[float, Field(gt=0, le=10, title="Frequency",
                                      description="Periods per unit of x")] = 1.0
    kind: Literal["sine"] = Field(default="sine", kw_only=True, repr=False)
    task: ClassVar[str] = "regression"

    def _points(self, generator: np.random.Generator) -> Arrays:
        x = generator.uniform(-1, 1, (self.n, 1))
        return x, np.sin(2 * np.pi * self.frequency * x) + self.noise * generator.standard_normal(x.shape)


@specification
class TeacherStudent(_Problem):
    """Regression on a random network: y = a . tanh(W x / sqrt(p)) / sqrt(m) + noise, x, W, a ~ N(0, 1).

    p inputs, m hidden units of the teacher. Source: Gardner & Derrida 1989; Saad & Solla 1995.
    """

    noise: _Noise = 0.0
    inputs: _Columns = 4
    hidden: Annotated[int, Field(ge=1, le=128, title="Teacher's width",
                                 description="Hidden units of the teacher")] = 4
    kind: Literal["teacher_student"] = Field(default="teacher_student", kw_only=True, repr=False)
    task: ClassVar[str] = "regression"

    def _points(self, generator: np.random.Generator) -> Arrays:
        weights = generator.standard_normal((self.inputs, self.hidden)) / np.sqrt(self.inputs)
        readout = generator.standard_normal((self.hidden, 1)) / np.sqrt(self.hidden)
        x = generator.standard_normal((self.n, self.inputs))
        return x, np.tanh(x @ weights) @ readout + self.noise * generator.standard_normal((self.n, 1))


@specification
class LinearRegression(_Problem):
    """Regression on y = w . x + noise, x, w ~ N(0, 1): convex, the control. Source: Gauss 1821."""

    noise: _Noise = 0.3
    inputs: _Columns = 4
    kind: Literal["linear_regression"] = Field(default="linear_regression", kw_only=True, repr=False)
    task: ClassVar[str] = "regression"

    def _points(self, generator: np.random.Generator) -> Arrays:
        weights = generator.standard_normal((self.inputs, 1))
        x = generator.standard_normal((self.n, self.inputs))
        return x, x @ weights + self.noise * generator.standard_normal((self.n, 1))


class _Real(_Problem):
    """A data set that comes with scikit-learn; a smaller `n` is a stratified random part of it."""

    def _points(self, generator: np.random.Generator) -> Arrays:
        x, y = self._whole()
        if self.n is None:
            return x, y
        chosen, _ = split(y, len(x), len(x) - self.n, generator)
        return x[chosen], y[chosen]

    def _whole(self) -> Arrays:
        raise NotImplementedError


def _up_to(n: int) -> Any:
    return Field(ge=20, le=n, title="Points", description=f"Number of points, training and test (all: {n})",
                 json_schema_extra={"ladder": [step for step in (100, 300, 1000) if step < n]})


@specification
class Digits(_Real):
    """1797 handwritten digits, 8 x 8 pixels, 10 classes. Source: Alpaydin & Kaynak 1998, by scikit-learn."""

    n: Annotated[int | None, _up_to(1797)] = None  # type: ignore[assignment]
    kind: Literal["digits"] = Field(default="digits", kw_only=True, repr=False)

    def _whole(self) -> Arrays:
        from sklearn.datasets import load_digits
        return load_digits(return_X_y=True)


@specification
class BreastCancer(_Real):
    """569 tumours, 30 measures of cell nuclei, 2 classes. Source: Street, Wolberg & Mangasarian 1993."""

    n: Annotated[int | None, _up_to(569)] = None  # type: ignore[assignment]
    kind: Literal["breast_cancer"] = Field(default="breast_cancer", kw_only=True, repr=False)

    def _whole(self) -> Arrays:
        from sklearn.datasets import load_breast_cancer
        return load_breast_cancer(return_X_y=True)


@specification
class Wine(_Real):
    """178 wines, 13 chemical measures, 3 growers. Source: Aeberhard & Forina 1992, by scikit-learn."""

    n: Annotated[int | None, _up_to(178)] = None  # type: ignore[assignment]
    kind: Literal["wine"] = Field(default="wine", kw_only=True, repr=False)

    def _whole(self) -> Arrays:
        from sklearn.datasets import load_wine
        return load_wine(return_X_y=True)


AnyDataset = Annotated[
    Moons | Circles | Spirals | Xor | Blobs | Sine | TeacherStudent | LinearRegression | Digits | BreastCancer
    | Wine,
    Field(discriminator="kind"),
]
DATASETS: dict[str, Any] = family(AnyDataset)


def load_dataset(name: str, seed: int = 0, **settings: Any) -> Dataset:
    """The data set called `name` in DATASETS: x [n, p] standardised, y, and a train/test split.

    `settings` are the fields of its specification (`n`, `noise`, `label_noise`, `test_fraction`, ...); `n`
    counts training and test points together. Raises BadInput for an unknown name, setting or value.
    """
    if not isinstance(name, str) or name not in DATASETS:
        raise BadInput(f"there is no data set {name!r}; known are {', '.join(DATASETS)}.")
    return DATASETS[name](**settings).load(seed)


def make_dataset(source: Any, seed: int = 0) -> Dataset:
    """A Dataset from a Dataset, a specification or a name in DATASETS."""
    if isinstance(source, Dataset):
        return source
    if isinstance(source, _Problem):
        return source.load(seed)
    return load_dataset(source, seed)
