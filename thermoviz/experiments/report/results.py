"""What a report keeps. Numbers that have an error are [value, error]; what was left out is missing, and says why."""

from typing import Annotated

import numpy as np

from ...core.statistics.estimators import Estimate
from ...runs.results import Array, Measured, Number, Pair, Result


class Here(Result):
    """Where it was asked."""

    loss: Annotated[float, Number("Mean over the samples given", "energy")]
    gradient: Annotated[float, Number("|grad f|", "energy per length")]
    d: Annotated[int, Number("Trainable parameters")]
    samples: Annotated[int | None, Number("Samples given; missing where loss_fn gives a mean alone")]
    left_out: Annotated[dict[str, str], Number("Why a number is missing, by its name: a key of REASONS, or what the "
                                               "model said")]
    notes: Annotated[list[str], Number("Keys of what is to be said beside the numbers")]


class Leading(Result):
    """Largest eigenvalues of the Hessian. Errors: residuals, within which there is an eigenvalue."""

    eigenvalues: Annotated[list[Estimate], Number("Largest ones, falling", "energy per length^2")]
    exact: Annotated[bool, Number("Whether the whole Hessian was computed")]


class Sums(Result):
    """Traces of Hessian H and covariance C of single samples' gradients."""

    trace: Annotated[Estimate, Number("tr H", "energy per length^2")]
    noise_trace: Annotated[Estimate | None, Number("tr C", "energy^2 per length^2")] = None
    participation: Annotated[Estimate | None, Number("(tr C)^2 / tr C^2")] = None
    alignment: Annotated[Estimate | None, Number("tr C H / (|C| |H|)")] = None
    alignment_of_chance: Annotated[Estimate | None, Number("What directions of chance give: tr C tr H / (d |C| |H|)")] \
        = None
    temperature: Annotated[Estimate | None, Number("lr tr C / (2 B d (1 - mu))", "energy")] = None
    critical_batch_size: Annotated[Estimate | None, Number("tr C / |grad f|^2", "samples")] = None


class Density(Result):
    """Spectral density of the Hessian: each eigenvalue a normal curve of width `density_width`; the area is 1."""

    at: Annotated[np.ndarray, Array("g", "Eigenvalues", "energy per length^2", name="density_at")]
    density: Annotated[Pair, Measured("g", "Share of directions per eigenvalue", "length^2 per energy")]
    width: Annotated[float, Number("Of each normal curve", name="density_width")]
    smallest: Annotated[Estimate, Number("The smallest eigenvalue found", "energy per length^2", name="smallest")]
    moments: Annotated[dict[str, Estimate], Number(
        "mean = tr H / d and square = tr H^2 / d of the eigenvalues, and the share of negative ones",
        name="spectral_density")]


class Edge(Result):
    """The largest eigenvalue along the path, against the step's stability limit (2 + 2 momentum) / lr."""

    steps: Annotated[np.ndarray, Array("p", "Training steps", name="sharpness_steps")]
    along: Annotated[Pair, Measured("p", "Largest eigenvalue", "energy per length^2", name="path_sharpness")]
    sharpness: Annotated[Estimate, Number("The last of them", "energy per length^2")]
    limit: Annotated[float | None, Number("(2 + 2 momentum) / lr", name="stability_limit")] = None
    ratio: Annotated[Estimate | None, Number("sharpness / limit", name="edge_of_stability")] = None


class Balance(Result):
    """<(theta - a) grad f> over (lr/2) <|g|^2> in stretches of the path: 1 where training stands still on average."""

    steps: Annotated[np.ndarray, Array("w", "Training steps, the middle of each stretch", name="balance_steps")]
    along: Annotated[Pair, Measured("w", "The ratio", name="balance")]
    ratio: Annotated[Estimate, Number("Over the second half of the path", name="fluctuation_dissipation")]


class Line(Result):
    """The loss on the straight line between two points of parameter space."""

    at: Annotated[np.ndarray, Array("l", "0 at the first point, 1 at the second", name="line_at")]
    losses: Annotated[np.ndarray, Array("l", "Loss", "energy", name="line_losses")]
    barrier: Annotated[Estimate, Number("How far it rises above the line between its ends", "energy",
                                        name="line_barrier")]
    ends: Annotated[list[str], Number("What its ends are: keys, or names of paths", name="line_ends")]
