"""thermoviz: loss landscapes as energy surfaces. `import thermoviz as tv` is light: each name loads on first use.

Labs' specifications follow from `labs.LABS`; of the other public names this module says where they live.
"""

import importlib
from typing import Any

from .labs import LABS, class_name

# Public name -> the module that defines it.
_HOME = {
    "core.energies.potentials": ("Harmonic", "DoubleWell", "TiltedDoubleWell", "MuellerBrown", "TwoBasins",
                                 "Rosenbrock", "Himmelblau", "POTENTIALS"),
    "core.energies.protocol": ("force",),
    "core.learning.data": ("Dataset",),
    "core.learning.datasets": ("load_dataset", "DATASETS"),
    "core.learning.networks": ("MLP", "NetworkLoss"),
    "core.dynamics.integrators": ("DYNAMICS", "GradientDescent", "SGD", "Adam", "RMSProp", "Overdamped", "BAOAB"),
    "core.dynamics.simulation": ("Trajectory", "simulate"),
    "core.dynamics.walls": ("reflect",),
    "core.dynamics.schedules": ("Schedule",),
    "core.landscape.planes": ("PLANES", "Plane"),
    "core.landscape.honesty": ("Honesty", "honesty"),
    "core.landscape.surfaces": ("Surface",),
    "core.landscape.scan": ("scan",),
    "core.landscape.boltzmann": ("BoltzmannLaw",),
    "core.thermodynamics.clouds": ("CloudNumbers", "cloud"),
    "core.statistics.estimators": ("Bound", "Estimate", "autocorrelation_time", "effective_sample_size",
                                   "ergodicity_metric"),
    "core.statistics.chains": ("r_hat",),
    "core.thermodynamics.first_passage": ("first_passage", "mean_first_passage_time"),
    "core.errors": ("ThermovizError", "BadInput", "BadFile", "Cancelled", "Diverged", "TooFewSamples", "Unstable"),
    "core.fluctuations.relations": ("FluctuationDissipation", "fluctuation_dissipation"),
    "core.fluctuations.regression": ("RegressionLaw", "epoch_law", "regression_law"),
    "core.fluctuations.currents": ("LinearCurrent", "entropy_production", "linear_current", "sgd_current",
                                   "stochastic_area"),
    "core.dynamics.mala": ("MALA",),
    "core.thermodynamics.work": ("drive", "jarzynski"),
    "core.dynamics.replica_exchange": ("replica_exchange",),
    "catalogue": ("EXPERIMENTS",),
    "comparison.pair": ("compare",),
    "engine.ask": ("run",),
    "experiments.landscape.specification": ("Descent", "Potential"),
    "experiments.own.recorder": ("Recorder",),
    "experiments.own_model": ("explore",),
    "experiments.report.asking": ("report",),
    "experiments.presets": ("PRESETS", "load_preset"),
    "experiments.tables.table": ("table",),
    "experiments.sweep.specification": ("Axis", "Sweep"),
    "runs.run": ("Run", "open_run"),
    "runs.verdict": ("Verdict",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
_MODULE |= {class_name(kind): f"labs.{kind}.specification" for kind in LABS}
__all__ = [*_MODULE, "__version__"]
__version__ = "0.1.0"
# Tables of families: a member that is not listed above is found there by its class's name.
_FAMILIES = {"POTENTIALS": "core.energies.potentials", "DYNAMICS": "core.dynamics.integrators"}


def __getattr__(name: str) -> Any:
    home = _MODULE.get(name) or _family_of(name)
    if home is None:
        raise AttributeError(f"module 'thermoviz' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"thermoviz.{home}"), name)
    globals()[name] = value
    return value


def _family_of(name: str) -> str | None:
    """The module of the potential or dynamics of this class name; no other name loads anything."""
    for table, module in _FAMILIES.items() if name[:1].isupper() else ():
        members = getattr(importlib.import_module(f"thermoviz.{module}"), table).values()
        if name in {member.__name__ for member in members}:
            return module
    return None


def __dir__() -> list[str]:
    return sorted(__all__)
