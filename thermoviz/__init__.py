"""thermoviz: loss landscapes as energy surfaces. `import thermoviz as tv` is light: each name loads on first use.

This module is the composition root: the only place where the rooms are put together, so that no room has to import
one that stands above it.
"""

import importlib
from typing import Any

# Public name -> the module that defines it.
_HOME = {
    "core.energies": ("Harmonic", "DoubleWell", "TiltedDoubleWell", "MuellerBrown", "TwoBasins", "Rosenbrock",
                      "Himmelblau", "POTENTIALS", "force"),
    "core.datasets": ("Dataset", "load_dataset", "DATASETS"),
    "core.networks": ("MLP", "NetworkLoss"),
    "core.dynamics": ("DYNAMICS", "GradientDescent", "SGD", "Adam", "RMSProp", "Overdamped", "BAOAB",
                      "Trajectory", "simulate", "reflect"),
    "core.schedules": ("Schedule",),
    "core.planes": ("PLANES", "Plane", "Honesty", "honesty"),
    "core.surfaces": ("Surface", "scan"),
    "core.equilibrium": ("BoltzmannLaw",),
    "core.clouds": ("CloudNumbers", "cloud"),
    "core.estimators": ("Bound", "Estimate", "autocorrelation_time", "effective_sample_size", "ergodicity_metric",
                        "r_hat"),
    "core.first_passage": ("first_passage", "mean_first_passage_time"),
    "core.errors": ("ThermovizError", "BadInput", "BadFile", "Cancelled", "Diverged", "TooFewSamples", "Unstable"),
    "core.fluctuations": ("FluctuationDissipation", "fluctuation_dissipation"),
    "core.regression_law": ("RegressionLaw", "epoch_law", "regression_law"),
    "core.currents": ("LinearCurrent", "entropy_production", "linear_current", "sgd_current", "stochastic_area"),
    "core.work": ("MALA", "drive", "jarzynski"),
    "core.replica_exchange": ("replica_exchange",),
    "experiments": ("EXPERIMENTS", "run"),
    "experiments.crystal_or_glass": ("CrystalOrGlass",),
    "experiments.equilibrium": ("Equilibrium",),
    "experiments.interactions": ("Interactions",),
    "experiments.heat_bath": ("HeatBath",),
    "experiments.landscape": ("Descent", "Potential"),
    "experiments.own_model": ("Recorder", "explore"),
    "experiments.presets": ("PRESETS", "load_preset"),
    "experiments.second_law": ("SecondLaw",),
    "experiments.run": ("Run", "open_run"),
    "experiments.verdict": ("Verdict",),
    "experiments.volume_or_depth": ("VolumeOrDepth",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}
__all__ = [*_MODULE, "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module 'thermoviz' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"thermoviz.{_MODULE[name]}"), name)
    if _MODULE[name].startswith("experiments"):
        _connect_views()
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _connect_views() -> None:
    """Gives Run its pictures: figures and stage stand above experiments, which therefore cannot import them."""
    from .experiments.run import VIEWS

    def figure(run: Any, **settings: Any) -> Any:
        from .figures import still
        return still(run, **settings)

    def html(run: Any, **settings: Any) -> str:
        from .stage.html import to_html
        return to_html(run, **settings)

    def reading(run: Any) -> str:
        from .figures.reading import reading
        return reading(run)

    VIEWS.update(figure=figure, html=html, reading=reading)
