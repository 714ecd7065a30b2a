"""What a sweep asks: an experiment, one to three of its settings with the values they take, and how many seeds."""

import functools
import itertools
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ...core.errors import BadInput
from ...core.flat import at, names_in, path_of, text_of, with_setting
from ...core.specs import TOLD, Field, from_json, specification, to_json
from ...runs.experiment import Experiment
from ...runs.late import above
from ..landscape.specification import Descent

MOST_RUNS = 20_000  # of one sweep
MOST_VALUES = 1000  # of one setting
SEED = "seed"
_NAMED = 40  # settings that a refusal lists
Value = int | float | str | None


def _experiment(value: Any) -> Any:
    """An experiment, its name, or its JSON form. Raises ValueError for all else."""
    known = above("experiments")()
    kind = value.get("kind") if isinstance(value, dict) else value if isinstance(value, str) else None
    if kind in known:
        try:
            return from_json(known[kind], value) if isinstance(value, dict) else known[kind]()
        except BadInput as error:
            raise _refusal(str(error)) from None
    if type(value) not in known.values():
        raise ValueError(f"should be an experiment, one of {', '.join(known)}")
    return value


def _refusal(sentence: str) -> PydanticCustomError:
    return PydanticCustomError(TOLD, "{said}", {"said": sentence.rstrip(".")})


def _frozen(value: Any) -> Any:
    """Lists become tuples; numpy's numbers plain ones."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def _values(value: Any) -> Any:
    value = _frozen(value)
    return value if isinstance(value, tuple) else (value,)


AnyExperiment = Annotated[Any, BeforeValidator(_experiment), PlainSerializer(to_json)]


@specification
class Axis:
    """One setting, called as in a link (`batch_size`, `dynamics.1.lr`, `dataset`), and the values it takes."""

    setting: Annotated[str, Field(min_length=1, max_length=100, title="Setting")]
    values: Annotated[tuple[Value | tuple[Value, ...], ...], BeforeValidator(_values),
                      Field(min_length=1, max_length=MOST_VALUES, title="Values")]


def _axes(value: Any) -> Any:
    """{"lr": [0.1, 0.2]} stands for its axes."""
    if isinstance(value, Mapping) and "setting" not in value:
        return tuple(Axis(str(name), values) for name, values in value.items())
    return tuple(value) if isinstance(value, (list, tuple)) else value


class _Many(Experiment):
    """Runs of `base` with other values at `places`, some paths in its JSON form."""

    base: Any

    @functools.cached_property
    def _tree(self) -> dict[str, Any]:
        return to_json(self.base)

    def _made(self, places: tuple[tuple, ...], values: tuple[Any, ...]) -> Any:
        """The experiment with these values, what holds others first. Raises BadInput where there is none such."""
        tree = deepcopy(self._tree)
        for place, value in sorted(zip(places, values, strict=True), key=lambda one: len(one[0])):
            at(tree, place[:-1])[place[-1]] = deepcopy(value)
        return from_json(type(self.base), tree)


@specification
class Sweep(_Many):
    """`base` for every combination of the values in `over`, each with `seeds` seeds from the base's own on."""

    base: Annotated[AnyExperiment, Field(title="Experiment", description="Of which all runs are made")] = Descent()
    over: Annotated[tuple[Axis, ...], BeforeValidator(_axes), Field(
        min_length=1, max_length=3, title="Over", description="One to three settings and the values they take")] = (
        Axis("dynamics.1.lr", (0.1, 0.3, 1.0)),)
    seeds: Annotated[int, Field(ge=1, le=10_000, title="Seeds",
                                description="Runs for each combination, with seeds from the experiment's own on")] = 8
    kind: Literal["sweep"] = Field(default="sweep", kw_only=True, repr=False)

    @field_validator("over", mode="after")
    @classmethod
    def _known(cls, over: tuple[Axis, ...], others: ValidationInfo) -> tuple[Axis, ...]:
        if "base" in others.data:
            over = tuple(_meant(others.data["base"], axis) for axis in over)
        if len({axis.setting for axis in over}) < len(over):
            raise _refusal("each setting may be named once only")
        return over

    @model_validator(mode="after")
    def _possible(self) -> "Sweep":
        if self.n_runs > MOST_RUNS:
            raise _refusal(f"at most {MOST_RUNS:,} runs can be asked for at once, these are {self.n_runs:,}")
        try:
            for point in range(self.n_points):
                self.run_of(point, self.seeds - 1)
        except BadInput as error:
            raise _refusal(str(error)) from None
        return self

    @property
    def seed(self) -> int:
        """The first of the seeds."""
        return int(self.base.seed)

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the settings that differ from run to run, but for the seed."""
        return tuple(axis.setting for axis in self.over)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each setting takes."""
        return tuple(len(axis.values) for axis in self.over)

    @property
    def n_points(self) -> int:
        """Combinations of values."""
        return functools.reduce(lambda n, values: n * values, self.shape, 1)

    @property
    def n_runs(self) -> int:
        """All runs, `seeds` for each combination."""
        return self.n_points * self.seeds

    @functools.cached_property
    def points(self) -> tuple[tuple[Value | tuple[Value, ...], ...], ...]:
        """The combinations of values, the last setting's changing first."""
        return tuple(itertools.product(*(axis.values for axis in self.over)))

    @functools.cached_property
    def _places(self) -> tuple[tuple, ...]:
        return tuple(path_of(self._tree, name) for name in (*self.settings, SEED))

    @functools.cached_property
    def _meanings(self) -> tuple[tuple[Any, ...], ...]:
        """The JSON forms that the values of each setting have in the experiment. Raises BadInput."""
        return tuple(tuple(_meaning(self.base, axis.setting, value) for value in axis.values) for axis in self.over)

    @functools.cached_property
    def _means(self) -> tuple[tuple[Any, ...], ...]:
        return tuple(itertools.product(*self._meanings))

    def row(self, point: int, seed: int) -> tuple[Any, ...]:
        """The JSON forms of all settings, and the seed, of the `seed`-th run of a combination."""
        return (*self._means[point], self.seed + seed)

    def run_of(self, point: int, seed: int = 0) -> Any:
        """The experiment of one run: what its link asks for. `point` counts `points`, `seed` from 0."""
        return self._made(self._places, self.row(point, seed))


@specification
class Piece(_Many):
    """Some of a sweep's runs, computed by one worker: in each row the values of `settings`, in their JSON form."""

    base: AnyExperiment
    settings: Annotated[tuple[str, ...], Field(min_length=1, max_length=4)]
    rows: Annotated[tuple[tuple[Any, ...], ...], Field(min_length=1, max_length=MOST_RUNS)]
    kind: Literal["piece"] = Field(default="piece", kw_only=True, repr=False)

    @property
    def seed(self) -> int:
        """The base's."""
        return int(self.base.seed)

    def specifications(self) -> Iterator[Any]:
        """The experiment of each row. Raises BadInput where there is none such."""
        places = tuple(path_of(self._tree, name) for name in self.settings)
        for row in self.rows:
            yield self._made(places, row)


def _refuse_unknown(base: Any, setting: str) -> None:
    """Raises ValueError for a name that no setting of the experiment has, or that `seeds` moves."""
    names = [name for name in names_in(to_json(base)) if name != SEED]
    if setting == SEED:
        raise _refusal("seed is moved by seeds, and cannot be a setting of its own")
    if setting not in names:
        listed = ", ".join(names[:_NAMED]) + (" and others" if len(names) > _NAMED else "")
        raise _refusal(f"{type(base).__name__} has no setting called {setting[:40]!r}; it has {listed}")


def _meant(base: Any, axis: Axis) -> Axis:
    """The axis with its values as the experiment has them: 1 is 1.0 where it is a number with a point."""
    _refuse_unknown(base, axis.setting)
    try:
        means = [_meaning(base, axis.setting, value) for value in axis.values]
    except BadInput as error:
        raise _refusal(str(error)) from None
    return Axis(axis.setting, tuple(value if isinstance(mean, dict) else mean
                                    for value, mean in zip(axis.values, means, strict=True)))


def _meaning(base: Any, setting: str, value: Any) -> Any:
    """What stands in the experiment's JSON form where the setting has this value. Raises BadInput."""
    text = text_of(list(value) if isinstance(value, tuple) else value)
    made = to_json(with_setting(base, setting, text))
    return at(made, path_of(made, setting))
