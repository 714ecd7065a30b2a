"""One class per real mistake. Every message is one sentence: what, where, what is allowed.

All are module-level classes, since an exception defined inside a function cannot travel between processes.
"""


class ThermovizError(Exception):
    """Base of everything thermoviz raises on purpose."""


class BadInput(ThermovizError, ValueError):
    """An argument, a specification, a file or a link asks for something outside the allowed range."""


class Unstable(BadInput):
    """A time step too large for the stiffest direction: the integrator would diverge for certain."""


class BadFile(BadInput):
    """A file that is truncated, altered, or not one of ours."""


class NotKept(ThermovizError):
    """A finished run that the store could not keep: no room on the disk, or a place that cannot be written."""


class TooFewSamples(ThermovizError, ValueError):
    """An estimator was given too few independent samples to state an uncertainty."""


class Diverged(ThermovizError, ArithmeticError):
    """Every replica of a training left the finite numbers, so that no landscape can be drawn."""


class Cancelled(ThermovizError):
    """The last viewer of a job left; raised by the progress callback and caught by the worker."""
