"""Runs and parts of runs that tests share: each is computed once for a state of the code, then read.

They lie in pytest's cache, for all test files, all worker processes and the next local run; a fresh clone computes
each once, and of runs that differ in one setting only the steps that depend on it. Whatever could change a number (our
code, the libraries that count) is in the folder's name, and other folders are removed. A test that asks whether the
same seed gives the same numbers computes `afresh`.
"""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import importlib
import inspect
import pickle
import platform
import shutil
import sys
import types
from importlib.metadata import version
from pathlib import Path

import numpy as np

import thermoviz as tv
from thermoviz.core.specs import identity
from thermoviz.runs.pipeline import remembering

ROOT = Path(__file__).parent.parent
ROOMS = ("core", "runs", "experiments", "labs", "catalogue")
LIBRARIES = ("numpy", "scipy", "numba", "torch", "scikit-learn", "pydantic", "safetensors")
# Parameters that only hear how far a computation has come.
LISTENERS = ("report", "progress", "show")
# What objects keep of what they were asked last, beside cached properties.
CACHES = ("_latest", "_laws_of_tests")
# What a known part tells: its end, but by rounding never beyond it.
NEARLY = 1 - 1e-9


@functools.cache
def folder() -> Path:
    """Where what belongs to this state of the code lies."""
    state = hashlib.sha256(repr((sys.version, platform.machine(), [version(name) for name in LIBRARIES])).encode())
    for path in sorted(path for room in ROOMS for path in (ROOT / "thermoviz" / room).rglob("*.py")):
        state.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    here = ROOT / ".pytest_cache" / "runs" / state.hexdigest()[:16]
    here.mkdir(parents=True, exist_ok=True)
    for other in here.parent.iterdir():
        if other != here:
            shutil.rmtree(other, ignore_errors=True)
    return here


@contextlib.contextmanager
def alone(path: Path):
    """Other processes that ask for the same wait until it is there."""
    with open(path.with_suffix(".lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Latest(dict):
    """What the last steps of pipelines gave: beyond `most` the oldest is forgotten."""

    def __init__(self, most):
        self.most = most

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        if len(self) > self.most:
            del self[next(iter(self))]

    def __getitem__(self, key):
        value = self.pop(key)
        super().__setitem__(key, value)
        return value


# Of this process: about twenty runs, so that both ends of all controls of a lab find the steps of its first run.
STEPS = Latest(300)


def computed(spec) -> tv.Run:
    """The run of a specification, as a file gives it back; whoever asks first computes it, but for the steps that an
    earlier run of this process did with the same settings."""
    return _opened(identity(spec), type(spec), spec)


def _opened(id, cls, spec, _kept={}):  # noqa: B006
    if id not in _kept:
        path = folder() / f"{id}.safetensors"
        with alone(path):
            if not path.exists():
                with remembering(STEPS):
                    tv.run(spec).save(path)
        _kept[id] = tv.open_run(path)
    return _kept[id]


# Parts of measurements that depend on few settings, so that runs which differ in others share them. Where a part is
# handed a whole specification: the fields that it may read.
PARTS: dict[str, tuple[str, ...]] = {
    "labs.heat_bath.conditions.best_minimum": (),
    "labs.heat_bath.regression.linear_bath": (),
    "labs.equilibrium.solutions.three_minima": (),
    "core.landscape.paths.lowest_path": (),
    "labs.equilibrium.controls.train_control": (),
    "labs.equilibrium.controls.expected_r_hat": (),
    "labs.equilibrium.heat_loop.loops": (),
    "labs.interactions.minimum_path.first_descent": (),
    "labs.interactions.minimum_path.follow": (),
    "labs.interactions.loop.loop_work": (),
    "labs.interactions.ramps.ramp_linear": (),
    "labs.crystal_or_glass.controls._traps": (),
    "labs.second_law.controls.driven": (),
    "labs.crystal_or_glass.networks.networks_cooled": ("problem", "problems", "network", "network_hot", "seed"),
}


class Afresh:
    """While it is `on`, parts are computed although they are known."""

    on = False


@contextlib.contextmanager
def afresh():
    """What runs in here is computed from the beginning, as if nothing were kept."""
    Afresh.on = True
    try:
        yield
    finally:
        Afresh.on = False


def once(function, fields=()):
    """`function`, whose answers are kept by what it is given, reports of progress apart."""
    asked, known = inspect.signature(function), {}

    @functools.wraps(function)
    def kept(*args, **kwargs):
        given = asked.bind(*args, **kwargs).arguments
        if "spec" in given and fields:
            given["spec"] = types.SimpleNamespace(**{name: getattr(given["spec"], name) for name in fields})
        if Afresh.on:
            return function(**given)
        key = _key([function.__module__, function.__qualname__,
                    {name: value for name, value in given.items() if name not in LISTENERS}])
        if key not in known:
            known[key] = _on_disk(folder() / f"{function.__name__}-{key}.pickle", lambda: function(**given))
        elif "report" in given:
            given["report"](NEARLY)
        return pickle.loads(known[key])  # each its own copy

    return kept


def _on_disk(path, compute):
    with alone(path):
        if not path.exists():
            made = path.with_suffix(".new")
            made.write_bytes(pickle.dumps(compute()))
            made.replace(path)
    return path.read_bytes()


def _key(value):
    told = hashlib.sha256()
    _tell(value, told.update)
    return told.hexdigest()[:24]


def _tell(value, say, within=()):
    """Says all that a value consists of; caches of an object are no part of it, nor is what it is itself a part of."""
    say(type(value).__qualname__.encode())
    if isinstance(value, np.ndarray):
        say(repr((value.dtype.str, value.shape)).encode())
        say(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (str, bytes, int, float, bool, np.generic, type(None), type, types.FunctionType)):
        say(repr(value).encode())
    elif isinstance(value, (list, tuple)):
        say(str(len(value)).encode())
        for one in value:
            _tell(one, say, within)
    elif isinstance(value, dict) or hasattr(value, "__dict__"):
        if id(value) not in within:
            _tell(sorted(_own(value).items()), say, (*within, id(value)))
    else:
        assert " at 0x" not in repr(value), f"{value!r} does not say what it is"
        say(repr(value).encode())


def _own(value):
    if isinstance(value, dict):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    lazy = functools.cached_property
    return {name: one for name, one in vars(value).items()
            if name not in CACHES and not isinstance(getattr(type(value), name, None), lazy)}


def part(name):
    """The function that one of PARTS names."""
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"thermoviz.{module}"), function)


@contextlib.contextmanager
def parts_once():
    """Puts `once` around every one of PARTS, wherever its name is known."""
    changed = []
    for name, fields in PARTS.items():
        try:
            function = part(name)
        except (AttributeError, ImportError):  # `test_every_part_has_its_place` tells; runs are whole without it
            continue
        kept = once(function, fields)
        for module in [module for key, module in sys.modules.items() if key.startswith("thermoviz.")]:
            for there in [there for there, value in vars(module).items() if value is function]:
                setattr(module, there, kept)
                changed.append((module, there, function))
    try:
        yield
    finally:
        for module, there, function in changed:
            setattr(module, there, function)


_SURFACES: dict[str, object] = {}


@contextlib.contextmanager
def surfaces_once():
    """A surface on the same grid is the same object, so that its valleys and its laws are found once."""
    from thermoviz.core.landscape.surfaces import Surface

    from_grid, equilibrium, equilibria = Surface.__dict__["from_grid"], Surface.equilibrium, Surface.equilibria
    known = _SURFACES

    def shared(cls, xs, ys, U, *, levels=None, error=None):
        grid = (xs, ys, U)
        if not all(isinstance(one, np.ndarray) and one.dtype.kind in "fiu" for one in grid):
            return from_grid.__func__(cls, *grid, levels=levels, error=error)
        key = _key([cls.__name__, *grid, levels, error])
        if key not in known:
            known[key] = from_grid.__func__(cls, xs, ys, U, levels=levels, error=error)
        return known[key]

    @functools.wraps(equilibrium)
    def law(self, temperature):
        laws = self.__dict__.setdefault("_laws_of_tests", {})
        if not isinstance(temperature, float):
            return equilibrium(self, temperature)
        if temperature not in laws:
            laws[temperature] = equilibrium(self, temperature)
        return laws[temperature]

    @functools.wraps(equilibria)
    def curve(self, temperatures):
        laws, asked = self.__dict__.setdefault("_laws_of_tests", {}), tuple(temperatures)
        if not all(isinstance(one, float) for one in asked):
            return equilibria(self, asked)
        if asked not in laws:
            laws[asked] = equilibria(self, asked)
        return laws[asked]

    Surface.from_grid, Surface.equilibrium, Surface.equilibria = classmethod(shared), law, curve
    try:
        yield
    finally:
        Surface.from_grid, Surface.equilibrium, Surface.equilibria = from_grid, equilibrium, equilibria
