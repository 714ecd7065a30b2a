"""Every kind of experiment: the general ones, the labs of this house, and labs that stand in packages of their own.

A lab outside is a package with the same files as one in `labs/`. It is announced by one entry point of its installation

    [project.entry-points."thermoviz.labs"]
    pendulum = "my_package.pendulum"

which server, workers, command line and library read when this module is imported; or, for one process, by
`register("my_package.pendulum")`. A lab that cannot be used is left out, and the log says in one sentence why.
"""

import dataclasses
import importlib.metadata
import logging
import multiprocessing
from typing import Any

from ..core.errors import BadInput
from ..core.specs import canonical
from ..experiments.landscape.specification import Descent, Potential
from ..experiments.own_model import OwnModel
from ..experiments.report.specification import ModelReport
from ..experiments.sweep.specification import Piece, Sweep
from ..labs import LABS as OF_THE_HOUSE
from ..labs import class_name
from ..runs.late import in_room

GROUP = "thermoviz.labs"
log = logging.getLogger("thermoviz.catalogue")

# kind -> specification class; its `compute(progress) -> Run` answers the question.
EXPERIMENTS: dict[str, Any] = {"descent": Descent, "potential": Potential}
# The labs among them, in the order of the menu: kind -> the package that is its room.
LABS: dict[str, str] = {}
# Many runs of one of them, and a part of these.
OF_MANY: dict[str, Any] = {"sweep": Sweep, "piece": Piece}
# What a run file may hold besides: of one's own model, which only `explore` and `report` have.
OPENED_ONLY: dict[str, Any] = {"own_model": OwnModel, "model_report": ModelReport}


def register(package: str, kind: str | None = None) -> Any:
    """Makes the lab in `package` one of the experiments, the last in the menu; its specification's class.

    `kind`: as its runs and links are called; by default the package's last name. The class stands in the package's
    module `specification`, under that name in camel case. Raises BadInput, in one sentence, for what is no lab.
    """
    kind = kind or package.rpartition(".")[2]
    try:
        cls = getattr(in_room(package, "specification"), class_name(kind), None)
        fault = _fault(kind, cls)
    except (Exception, SystemExit) as error:  # whatever a stranger's module does at import
        fault = in_one_line(error)
    if fault:
        raise BadInput(f"The lab “{kind}” of {package} is left out: {fault}.")
    EXPERIMENTS[kind], LABS[kind] = cls, package
    return cls


def _fault(kind: str, cls: Any) -> str:
    """Why a class cannot be the experiment `kind`; "" where it can."""
    if kind in EXPERIMENTS and EXPERIMENTS[kind] is not cls:
        return "there is another experiment of that name"
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls) and hasattr(cls, "compute")):
        return f"its module specification has no experiment {class_name(kind)}"
    canonical(cls())  # what a link to the bare page asks for
    found = getattr(cls(), "kind", None)
    return "" if found == kind else f"{cls.__name__}.kind is {found!r}"


def in_one_line(error: BaseException) -> str:
    """An exception in one line."""
    said = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__


def known_kinds() -> dict[str, Any]:
    """All specifications of which a run file may be, by kind."""
    return {**EXPERIMENTS, **OF_MANY, **OPENED_ONLY}


def askable() -> dict[str, Any]:
    """All specifications that anybody may ask for, by kind: experiments and sweeps of them."""
    return {**EXPERIMENTS, "sweep": Sweep}


def all_experiments() -> dict[str, Any]:
    """Every kind of experiment of which a sweep may be made."""
    return EXPERIMENTS


def leave_out(kind: str, why: str) -> None:
    """Takes a lab out again, whose other files turn out to be unusable, and says so in the log."""
    package = LABS.pop(kind)
    del EXPERIMENTS[kind]
    log.warning("The lab “%s” of %s is left out: %s.", kind, package, why)


def register_installed() -> None:
    """The labs of installed packages, by their names; why one cannot be used goes to the log."""
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            register(entry.value, entry.name)
        except BadInput as error:
            if multiprocessing.parent_process() is None:  # a worker need not say it once more
                log.warning("%s", error)


for _kind in OF_THE_HOUSE:
    register(f"thermoviz.labs.{_kind}")
register_installed()
