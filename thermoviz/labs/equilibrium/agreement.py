"""How far replicas agree: R-hat and plain spreads of what is macroscopic and what is microscopic."""

import math
from collections.abc import Callable

import numpy as np

from ...core.statistics.chains import Chains, r_hats
from ...core.statistics.estimators import FEWEST, Estimate, jackknife
from .replicas import Replicas, functions
from .results import COLD, FAR, GROUPS, HOT, NOTHING, OWN, SAME_DATA, SAME_START

# Groups whose R-hat is shown.
COMPARED = (OWN, SAME_DATA, SAME_START)
# Groups that should meet the one that starts cold.
MET = (HOT, FAR, SAME_DATA)
# Groups that see the same data: where there is one valley, they are alike in the end.
ALIKE = (SAME_DATA, HOT, COLD, FAR)
MACRO, MICRO = ("loss", "test_loss", "accuracy"), ("raw", "aligned", "function")
# Every how-manieth record is asked for its function and test scores.
STRIDE = 3


def estimate(reduce: Callable[[np.ndarray], float], chains: Chains) -> Estimate:
    """A number read from all R-hats, such as their median, with its jackknife error over replicas."""
    return NOTHING if chains.n < 4 else chains.estimate(reduce)


def middle(values: np.ndarray) -> float:
    """Median over observables that move."""
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def largest(values: np.ndarray) -> float:
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def observables(replicas: Replicas, group: int) -> dict[str, np.ndarray]:
    """What a group shows after burn-in, [T', m] or [T', m, q]: "loss", "test_loss", "accuracy" (on test data where
    there are any), "raw", "aligned" (parameters), "function"."""
    rows, loss, first = replicas.rows(group), replicas.loss, replicas.settled
    x = replicas.x[first::STRIDE, rows]
    if not len(rows):
        said = functions(loss, np.zeros((1, loss.d))).shape[-1]
        return {"loss": np.empty((len(replicas.losses) - first, 0)), "test_loss": np.empty((len(x), 0)),
                "accuracy": np.empty((len(x), 0)), "raw": np.empty((len(x), 0, loss.d)),
                "aligned": np.empty((len(x), 0, loss.d)), "function": np.empty((len(x), 0, said))}
    tested = loss.data.n_test > 0
    return {
        "loss": replicas.losses[first:, rows], "test_loss": loss.test_energy(x) if tested else loss.data_energy(x),
        "accuracy": loss.accuracy(x, test=tested), "raw": x, "aligned": replicas.aligned(rows, first, STRIDE),
        "function": functions(loss, x)}


def together(seen: dict[int, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """All groups that see the same data as one: for a system with a single valley, where they are alike."""
    return {name: np.concatenate([seen[group][name] for group in ALIKE], axis=1) for name in seen[SAME_DATA]}


def shaking(seen: dict[int, dict[str, np.ndarray]]) -> dict[str, float]:
    """What networks from usual starts shake by in time, each about its own mean; units and names as in `meeting`."""

    def own(name: str) -> np.ndarray:
        values = np.asarray(seen[SAME_DATA][name], np.float64)
        return values.var(axis=0, ddof=1) if values.size and len(values) > 1 else np.full(values.shape[1:], np.nan)

    if not seen[SAME_DATA]["loss"].size or not seen[COLD]["loss"].size:
        return dict.fromkeys(("loss", "function", "parameters"), float("nan"))
    length = float(np.linalg.norm(seen[COLD]["aligned"].mean(axis=(0, 1), dtype=np.float64)))
    return {"loss": float(np.sqrt(own("loss").mean())), "function": float(np.sqrt(own("function").mean())),
            "parameters": float(np.sqrt(own("aligned").sum(axis=-1).mean())) / length}


def agreement(seen: dict[int, dict[str, np.ndarray]]) -> dict[str, dict[str, Estimate]]:
    """R-hat of each observable in each compared group: {group name: {observable: R-hat}}.

    Of many observables (parameters, functions) the median, and as "..._max" the largest; "loss_split": split R-hat;
    "ratio": R-hat of the aligned parameters (median) over that of the loss, errors shared.
    """
    return {GROUPS[group]: _of_group(seen[group]) for group in COMPARED}


def _of_group(seen: dict[str, np.ndarray]) -> dict[str, Estimate]:
    if seen["loss"].shape[1] < FEWEST:
        return dict.fromkeys((*MACRO, *MICRO, *(f"{one}_max" for one in MICRO), "loss_split", "aligned_split", "ratio"),
                             NOTHING)
    chains = {name: Chains(values) for name, values in seen.items()}
    found = {name: estimate(middle, one) for name, one in chains.items()}
    found |= {f"{name}_max": estimate(largest, chains[name]) for name in MICRO}
    found |= {"loss_split": estimate(middle, Chains(seen["loss"], split=True)),
              "aligned_split": estimate(middle, Chains(seen["aligned"], split=True)),
              "ratio": _ratio(chains["aligned"], chains["loss"])}
    return found


def _ratio(micro: Chains, macro: Chains) -> Estimate:
    if micro.n < 4:
        return NOTHING
    return jackknife(
        lambda a, b, c, d: middle(r_hats(a, b, micro.n)) / middle(r_hats(c, d, macro.n)),
        micro.means, micro.variances, macro.means, macro.variances)


def spreads(seen: dict[str, np.ndarray]) -> dict[str, Estimate]:
    """Plain spreads between replicas: of the loss and test loss over their mean, of the accuracy (as it
    is), and the root mean square distance of aligned parameters from their mean over their length."""
    means = {name: np.asarray(values, np.float64).mean(axis=0) for name, values in seen.items()}
    if len(means["loss"]) < FEWEST:
        return dict.fromkeys(("loss", "test_loss", "accuracy", "parameters"), NOTHING)

    def relative(v: np.ndarray) -> float:
        return float(v.std(ddof=1) / abs(v.mean()))

    def distance(theta: np.ndarray) -> float:
        return float(np.sqrt(theta.var(axis=0, ddof=1).sum() / (theta**2).sum(axis=1).mean()))

    return {"loss": jackknife(relative, means["loss"]), "test_loss": jackknife(relative, means["test_loss"]),
            "accuracy": jackknife(lambda v: float(v.std(ddof=1)), means["accuracy"]),
            "parameters": jackknife(distance, means["aligned"])}


# Do starts matter?


def meeting(seen: dict[int, dict[str, np.ndarray]]) -> dict[str, dict[str, list[float]]]:
    """How far each group's mean is from that of the cold start: {group name: {"loss", "function", "parameters"}}.

    loss: difference, in its own unit; function: root mean square difference of what they say at the test points;
    parameters: distance over the length of the cold start's mean. Distances are freed of what the scatter of replicas
    adds; value, error (by jackknife over pairs of replicas) and what was tested in its own errors.
    """
    return {GROUPS[group]: _met(seen[group], seen[COLD]) for group in MET}


def _met(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> dict[str, list[float]]:
    m = min(a["loss"].shape[1], b["loss"].shape[1])
    if m < FEWEST:
        return {name: _tested(NOTHING, NOTHING) for name in ("loss", "function", "parameters")}
    mine, cold = ({name: np.asarray(one[name], np.float64)[:, :m].mean(axis=0)
                   for name in ("loss", "function", "aligned")} for one in (a, b))
    apart = jackknife(lambda u, v: float(u.mean() - v.mean()), mine["loss"], cold["loss"])
    length = float(np.linalg.norm(cold["aligned"].mean(axis=0)))
    places = mine["function"].shape[1]
    return {"loss": _tested(apart, apart),
            "function": _distance(mine["function"], cold["function"], 1 / places),
            "parameters": _distance(mine["aligned"], cold["aligned"], 1 / length**2)}


def _tested(found: Estimate, tested: Estimate) -> list[float]:
    """[value, error] of what was found, and what was tested in its standard errors."""
    return [found.value, found.stderr, tested.value / tested.stderr if tested.stderr > 0 else math.nan]


def squared_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Of two groups' means, from their members [m, d]; freed of what the scatter adds, so that it may be below 0."""
    noise = sum(group.var(axis=0, ddof=1).sum() / len(group) for group in (a, b))
    return float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() - noise)


def _distance(a: np.ndarray, b: np.ndarray, scale: float) -> list[float]:
    """[distance, error, squared distance in standard errors] of two groups' means; 0 where the scatter explains it."""

    found = jackknife(lambda u, v: scale * squared_distance(u, v), a, b)
    value = np.sqrt(max(found.value, 0.0))
    error = found.stderr / (2 * value) if value > 0 and found.value > found.stderr else np.sqrt(found.stderr)
    return _tested(Estimate(value, error), found)

