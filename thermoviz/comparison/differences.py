"""In what two runs differ: their settings in the words of the controls, their numbers with errors.

A difference is judged in standard errors where any are computed. Runs with the same seed, network and data begin with
the same networks: then the error is that of the differences between the networks that began alike, which is smaller
than that of two independent means wherever the start matters to both.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.specs import to_json
from ..core.statistics.estimators import rare
from ..presentation import names, report
from ..presentation.settings import on_the_way, shown
from ..presentation.verdicts import standing
from ..presentation.words import _, term
from ..runs.verdict import FAR

REPORT = "model_report"  # the kind of runs that `tv.report` gives
NOTHING = "–"  # where one of the two has no such setting or number


@dataclasses.dataclass(frozen=True)
class Number:
    """A number of one run. `error`: its standard error, or by how much it may be off; None: nobody has computed one."""

    value: float
    error: float | None = None
    words: str = ""  # what a verdict says of it


@dataclasses.dataclass(frozen=True)
class Difference:
    """One line of the table: the number of either run, by how much b exceeds a, and the error of that.

    far: how many errors tell two numbers apart. alike: both are of one quantity. None where a number or its error is
    not known.
    """

    what: str
    a: Number | None
    b: Number | None
    error: float | None = None
    far: float = FAR
    alike: bool = True

    @property
    def difference(self) -> float | None:
        return None if self.a is None or self.b is None or not self.alike else self.b.value - self.a.value

    @property
    def in_errors(self) -> float | None:
        """The difference in units of its error."""
        if self.difference is None or self.error is None:
            return None
        if self.error == 0:
            return 0.0 if self.difference == 0 else math.copysign(math.inf, self.difference)
        return self.difference / self.error

    @property
    def differs(self) -> bool | None:
        """Whether the difference exceeds its error by far; None where that cannot be told."""
        found = self.in_errors
        return None if found is None or not math.isfinite(self.far) else abs(found) > self.far


# Settings


@dataclasses.dataclass(frozen=True)
class Setting:
    """A setting that differs, in words; `name`: as links and the command line call it."""

    name: str
    title: str
    a: str
    b: str


def settings(a: Any, b: Any) -> list[Setting]:
    """What differs between two specifications; of two kinds, of what both of them have."""
    return [_in_words(a, b, path) for path in _differing(to_json(a), to_json(b), ())]


def _differing(a: Any, b: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places at which two specifications differ; where kinds do, nothing below."""
    if isinstance(a, dict) and isinstance(b, dict):
        if path and a.get("kind") != b.get("kind"):
            yield path
            return
        for key in (key for key in a if key in b and key != "kind"):
            yield from _differing(a[key], b[key], (*path, key))
    elif _members(a) and _members(b):
        for i, (one, other) in enumerate(itertools.zip_longest(a, b)):
            yield from _differing(one, other, (*path, str(i + 1)))
    elif a != b:
        yield path


def _members(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _in_words(a: Any, b: Any, path: tuple[str, ...]) -> Setting:
    ways = [on_the_way(type(one), to_json(one), list(path)) for one in (a, b)]
    titles = [term(setting.title) for setting, _value in ways[0]] or [path[-1].replace("_", " ").capitalize()]
    title, of_dynamics = titles[-1], path[0] == "dynamics" and len(path) > 1
    if of_dynamics:
        several = max(len(one.dynamics) for one in (a, b)) > 1
        member = _("Optimiser {n}").format(n=path[1]) if several else _("Optimiser")
        title = member if len(path) == 2 else f"{member}: {title[:1].lower()}{title[1:]}" if several else title
    said = [_dynamics(one, int(path[1])) if of_dynamics and len(path) == 2 else _said(way)
            for one, way in zip((a, b), ways, strict=True)]
    return Setting(".".join(path), title, *said)


def _dynamics(spec: Any, number: int) -> str:
    """The n-th optimiser by its name and pace."""
    return names.dynamics_names((spec.dynamics[number - 1],))[0] if number <= len(spec.dynamics) else NOTHING


def _said(way: list[tuple[Any, Any]]) -> str:
    if not way or (way[-1][1] is None and not way[-1][0].optional):
        return NOTHING
    return shown(*way[-1])


# Numbers

Pair = Sequence[Number | None]


def numbers(a: Any, b: Any) -> list[Difference]:
    """What was measured of both: losses and scores where training ended, heat, the surface, verdicts.

    Of two kinds of experiments: what both of them have.
    """
    if a.kind == b.kind == REPORT:
        return list(_reported(a, b))
    rows = [*_ends(a, b), *_heat(a, b), *_surfaces(a, b), *_verdicts(a, b)]
    return rows if type(a.spec) is type(b.spec) else [row for row in rows if row.a is not None and row.b is not None]


def same_start(a: Any, b: Any) -> bool:
    """Whether the networks of both began alike, one by one, on the same data."""
    alike = ("seed", "network", "dataset", "replicas")
    return all(hasattr(a, name) and getattr(a, name) == getattr(b, name, None) for name in alike)


def _line(what: str, name: str, pair: Pair, error: float | None = None, far: float = FAR,
          alike: bool = True) -> Iterator[Difference]:
    """One line, of the networks of that name; nothing where neither run has the number."""
    if any(one is not None for one in pair):
        yield Difference(f"{what}, {name}" if name else what, pair[0], pair[1], error, far, alike)


def _ends(a: Any, b: Any) -> Iterator[Difference]:
    """Mean over the last tenth of the records, network by network, and over the networks that stayed finite."""
    for what, keys, alike in _scores(a, b):
        for i, k, name in _pairs(a, b):
            ends = [None if j is None else _end(run, key, j) for run, key, j in zip((a, b), keys, (i, k), strict=True)]
            yield from _of_means(what, name, ends, same_start(a.spec, b.spec), alike)
    for i, k, name in _pairs(a, b):
        lost = [None if j is None else Number(float((run.arrays["diverged_at"][run.arrays["member"] == j] >= 0).sum()))
                for run, j in ((a, i), (b, k))]
        if any(one is not None and one.value for one in lost):
            yield from _line(_("Networks that diverged"), name, lost)


def _scores(a: Any, b: Any) -> list[tuple[str, tuple[str, str], bool]]:
    """(name, array of either run, whether they are of one quantity) of what both recorded, or one of them."""
    def trained(run: Any) -> str:
        return "data_losses" if "data_losses" in run.arrays else "losses"

    alike = names.loss_title(a) == names.loss_title(b)
    right, tested = (_("R² at the end"), _("Test R² at the end")) if names.task(a) == "regression" else (
        _("Accuracy at the end"), _("Test accuracy at the end"))
    rows = [(_("Loss at the end"), (trained(a), trained(b))), (_("Test loss at the end"), ("test_losses",) * 2),
            (right, ("accuracy",) * 2), (tested, ("test_accuracy",) * 2)]
    return [(what, keys, alike) for what, keys in rows if keys[0] in a.arrays or keys[1] in b.arrays]


def _pairs(a: Any, b: Any) -> list[tuple[int | None, int | None, str]]:
    """Whose networks are compared: index in either run and a name, "" where each has one; by names, else in order."""
    first, second = (names.member_names(run) if "member" in run.arrays and "losses" in run.arrays else []
                     for run in (a, b))
    if len(first) == len(second) == 1:
        return [(0, 0, "")]
    if len(first) == len(second) and not set(first) & set(second):
        return [(k, k, f"{one} / {other}") for k, (one, other) in enumerate(zip(first, second, strict=True))]
    return [(first.index(name) if name in first else None, second.index(name) if name in second else None, name)
            for name in dict.fromkeys((*first, *second))]


def _end(run: Any, key: str, k: int) -> np.ndarray | None:
    """[n]: of each network of dynamics k; NaN where it diverged. None: the run has not recorded it."""
    if key not in run.arrays or not len(run.arrays[key]):
        return None
    values = np.asarray(run.arrays[key], float)[:, run.arrays["member"] == k]
    ends = values[-max(1, len(values) // 10):].mean(axis=0)
    return np.where(run.arrays["diverged_at"][run.arrays["member"] == k] < 0, ends, np.nan)


def _of_means(what: str, name: str, ends: Sequence[np.ndarray | None], began_alike: bool,
              alike: bool) -> Iterator[Difference]:
    """The difference of two means over networks, which began alike or did not."""
    kept = [np.empty(0) if one is None else one[np.isfinite(one)] for one in ends]
    pair = [Number(float(one.mean()), _stderr(one)) if len(one) else None for one in kept]
    first, second = ends
    if began_alike and first is not None and second is not None and np.array_equal(
            np.isfinite(first), np.isfinite(second)):
        error = _stderr((second - first)[np.isfinite(first)])
    else:
        errors = [None if one is None else one.error for one in pair]
        error = None if None in errors else math.hypot(*(one for one in errors if one is not None))
    yield from _line(what, name, pair, error, rare(min(map(len, kept))), alike)


def _stderr(values: np.ndarray) -> float | None:
    """Of the mean of independent values; None for fewer than two."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None


def _heat(a: Any, b: Any) -> Iterator[Difference]:
    """What minibatches heat: computed from all gradients at one place, without a scatter to take an error from."""
    rows = (("T_sgd", _("Temperature by minibatches, all directions")), ("T_slice", _("Temperature on the slice")))
    for key, what in rows:
        found = [run.numbers.get(key) or () for run in (a, b)]
        for i, k, name in _pairs(a, b):
            yield from _line(what, name, [_entry(one, j) for one, j in zip(found, (i, k), strict=True)])
    yield from _line(_("Noise of the gradients, tr C"), "", [_number(run.numbers.get("noise_trace")) for run in (a, b)])


def _reported(a: Any, b: Any) -> Iterator[Difference]:
    """Of two reports on models: every number that one of them gives, [value, error] where it has one."""
    for key, title in report.titles().items():
        pair = [_stated(run.numbers.get(key)) for run in (a, b)]
        errors = [one.error for one in pair if one is not None and one.error is not None]
        yield from _line(title, "", pair, math.hypot(*errors) if len(errors) == 2 else None)


def _stated(value: Any) -> Number | None:
    """A number of a report; of several the first, which is the largest."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        value = value[0]
    if isinstance(value, list):
        return Number(float(value[0]), float(value[1])) if len(value) == 2 and None not in value else None
    return Number(float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _entry(values: Sequence[float | None], k: int | None) -> Number | None:
    return None if k is None or k >= len(values) else _number(values[k])


def _number(value: float | None, error: float | None = None) -> Number | None:
    return Number(float(value), error) if isinstance(value, (int, float)) else None


def _surfaces(a: Any, b: Any) -> Iterator[Difference]:
    """Depth, pass and heat of the surfaces. The errors of heights are bounds: they add up, and beyond one is far."""
    if a.surface is None or b.surface is None:
        return
    surfaces, alike = (a.surface, b.surface), names.energy_title(a) == names.energy_title(b)
    bounds = [float(one.error or 0.0) for one in surfaces]
    low = [Number(float(one.minimum), error) for one, error in zip(surfaces, bounds, strict=True)]
    passes = [_number(one.barrier, 2 * error) for one, error in zip(surfaces, bounds, strict=True)]
    yield from _line(_("Lowest energy on the surface"), "", low, sum(bounds), 1.0, alike)
    yield from _line(_("Barrier out of the deepest valley"), "", passes, 2 * sum(bounds), 1.0, alike)
    yield from _line(_("Valleys"), "", [Number(float(len(one.basins.energies))) for one in surfaces])
    yield from _line(_("Sharpness: steepest curvature where it is lowest"), "",
                     [Number(_sharpest(one)) for one in surfaces], alike=alike)
    yield from _line(_("T*, where the largest share passes to another valley"), "",
                     [None if run.crossing is None else Number(float(run.crossing.T)) for run in (a, b)], alike=alike)


def _sharpest(surface: Any) -> float:
    """The larger eigenvalue of the surface's second derivatives where it is lowest."""
    x, y = (np.array([float(one)]) for one in surface.basins.minima[0])
    xx, xy, yy = (float(surface.on_product(x, y, orders)[0, 0]) for orders in ((2, 0), (1, 1), (0, 2)))
    return (xx + yy) / 2 + math.hypot((xx - yy) / 2, xy)


def _verdicts(a: Any, b: Any) -> Iterator[Difference]:
    """Of two runs of one lab, claim by claim."""
    if type(a.spec) is not type(b.spec):
        return
    known = [{verdict.key: verdict for verdict in run.verdicts} for run in (a, b)]
    for key in dict.fromkeys(itertools.chain(*known)):
        given = [one[key] for one in known if key in one]
        pair = [_measured(one.get(key)) for one in known]
        errors = [one.error for one in pair if one is not None and one.error is not None]
        rules = [verdict.rule.far for verdict in given if verdict.rule is not None]
        yield from _line(term(given[0].name), "", pair, math.hypot(*errors) if len(errors) == 2 else None,
                         max(rules, default=FAR))


def _measured(verdict: Any) -> Number | None:
    if verdict is None or not math.isfinite(verdict.measured):
        return None
    error = float(verdict.stderr)
    return Number(float(verdict.measured), error if math.isfinite(error) else None, standing(verdict)[0])
