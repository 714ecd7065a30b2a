"""Optimisers and thermostats as pure steps: each maps a state to a state under an energy.

A dynamics is a frozen specification: its fields are its settings (one value, or one per replica). Contract:
`init(energy, x, rng) -> State`, `step(energy, state, rng, temperature) -> State` with x [n, d] in numpy or torch;
`step_time`: time per step; `noise_rate`: the learning rate that noise in the gradient meets, common to all
directions, or None where they differ (it decides whether the data have a temperature); `reverses`: the fields of the
state that change sign, coordinate by coordinate, when a wall reflects x; `massless`: whether it moves without inertia,
so that at T = 0 a wall stops it instead of throwing it back; `heated`: whether it knows a temperature; `full_batch`:
whether it asks for the gradient of all samples.
`simulate` is the only loop over steps, for balls and networks alike.
"""

import math
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np

from ..replicas import column, normal, per_replica, plain
from ..specs import Field, family, specification

Rate = Annotated[float, Field(gt=0, le=1e6)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Friction = Annotated[float, Field(ge=0, le=1e6)]
Rates = Annotated[tuple[Rate, ...], Field(min_length=1)]
Fractions = Annotated[tuple[Fraction, ...], Field(min_length=1)]
LearningRate = Annotated[
    Rate | Rates, per_replica,
    Field(title="Learning rate", description="Length of a step per gradient.",
          json_schema_extra={"ladder": [1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0]}),
]
TimeStep = Annotated[
    Rate | Rates, per_replica,
    Field(title="Time step", description="Time per step.",
          json_schema_extra={"ladder": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0]}),
]
Small = Annotated[float, Field(gt=0, le=1, title="eps", description="Keeps the division finite.")]
Scheme = Literal["leimkuhler-matthews", "euler-maruyama"]


class Position(NamedTuple):
    """The state of a dynamics without memory."""

    x: Any


class Moving(NamedTuple):
    """Position and a running sum of gradients (SGD)."""

    x: Any
    velocity: Any


class Scaled(NamedTuple):
    """Position, running means of the gradient and of its square, and the steps taken (Adam, RMSProp)."""

    x: Any
    mean: Any
    square: Any
    taken: int


class Heated(NamedTuple):
    """Position, the normal numbers kept for the next step, and sqrt(2 T dt) that belongs to them (None: not yet)."""

    x: Any
    kept: Any
    spread: Any


class Inertial(NamedTuple):
    """Position, velocity half a kick behind it, and whether the first step has been taken."""

    x: Any
    velocity: Any
    started: bool


@specification
class GradientDescent:
    """Steepest descent on the energy of all samples: x <- x - lr grad E. The T = 0 line of overdamped Langevin."""

    lr: LearningRate = 0.1
    kind: Literal["gradient_descent"] = Field(default="gradient_descent", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ()
    massless: ClassVar[bool] = True
    heated: ClassVar[bool] = False
    full_batch: ClassVar[bool] = True

    @property
    def step_time(self) -> Any:
        """Time per step: lr."""
        return plain(self.lr)

    @property
    def noise_rate(self) -> Any:
        """lr: gradient noise of covariance C heats every direction to T = noise_rate tr C / 2d, for lr h << 1."""
        return self.step_time

    def init(self, energy: Any, x: Any, rng: Any) -> Position:
        return Position(x)

    def step(self, energy: Any, state: Position, rng: Any, temperature: Any = 0.0) -> Position:
        return Position(state.x + column(self.lr, state.x) * energy.force(state.x))


@specification
class SGD:
    """Stochastic gradient descent with momentum: v <- mu v + g, x <- x - lr v, as torch.optim.SGD.

    Time per step is lr / (1 - mu): what a constant force moves x by in the long run.
    """

    lr: LearningRate = 0.1
    momentum: Annotated[
        Fraction | Fractions, per_replica,
        Field(title="Momentum", description="Share of the last step that is kept.",
              json_schema_extra={"ladder": [0.0, 0.5, 0.9, 0.99]}),
    ] = 0.0
    kind: Literal["sgd"] = Field(default="sgd", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ("velocity",)
    massless: ClassVar[bool] = False
    heated: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False

    @property
    def step_time(self) -> Any:
        """Time per step: lr / (1 - momentum)."""
        return plain(self.lr) / (1 - plain(self.momentum))

    @property
    def noise_rate(self) -> Any:
        """lr / (1 - momentum): a force that acts once moves x by so much of it in the end."""
        return self.step_time

    def init(self, energy: Any, x: Any, rng: Any) -> Moving:
        return Moving(x, 0 * x)

    def step(self, energy: Any, state: Moving, rng: Any, temperature: Any = 0.0) -> Moving:
        force = energy.force(state.x)
        velocity = force if self.momentum == 0.0 else column(self.momentum, state.x) * state.velocity + force
        return Moving(state.x + column(self.lr, state.x) * velocity, velocity)


class _Adaptive:
    """What holds where every direction has a learning rate of its own, which changes with the gradients."""

    lr: Any

    @property
    def step_time(self) -> Any:
        """Time per step: lr (in the optimiser's own scaled metric)."""
        return plain(self.lr)

    @property
    def noise_rate(self) -> None:
        """None: no learning rate is common to all directions."""
        return None


@specification
class Adam(_Adaptive):
    """Adam: a step scaled by running means of the gradient and of its square, with bias correction.

    Source: D. P. Kingma and J. Ba, ICLR 2015, algorithm 1; as torch.optim.Adam.
    """

    lr: LearningRate = 0.01
    beta1: Annotated[Fraction, Field(title="beta 1", description="Memory of the mean gradient.")] = 0.9
    beta2: Annotated[Fraction, Field(title="beta 2", description="Memory of its square.")] = 0.999
    eps: Small = 1e-8
    kind: Literal["adam"] = Field(default="adam", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ("mean",)
    massless: ClassVar[bool] = False
    heated: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False

    def init(self, energy: Any, x: Any, rng: Any) -> Scaled:
        return Scaled(x, 0 * x, 0 * x, 0)

    def step(self, energy: Any, state: Scaled, rng: Any, temperature: Any = 0.0) -> Scaled:
        gradient = -energy.force(state.x)
        taken = state.taken + 1
        mean = self.beta1 * state.mean + (1 - self.beta1) * gradient
        square = self.beta2 * state.square + (1 - self.beta2) * gradient**2
        root = square**0.5 / math.sqrt(1 - self.beta2**taken) + self.eps
        rate = column(self.lr, state.x) / (1 - self.beta1**taken)
        return Scaled(state.x - rate * mean / root, mean, square, taken)


@specification
class RMSProp(_Adaptive):
    """RMSProp: a step scaled by the running root mean square of the gradient; as torch.optim.RMSprop.

    Source: T. Tieleman and G. Hinton, Coursera lecture 6.5 (2012).
    """

    lr: LearningRate = 0.01
    alpha: Annotated[Fraction, Field(title="alpha", description="Memory of the squared gradient.")] = 0.99
    eps: Small = 1e-8
    kind: Literal["rmsprop"] = Field(default="rmsprop", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ()
    massless: ClassVar[bool] = True
    heated: ClassVar[bool] = False
    full_batch: ClassVar[bool] = False

    def init(self, energy: Any, x: Any, rng: Any) -> Scaled:
        return Scaled(x, None, 0 * x, 0)

    def step(self, energy: Any, state: Scaled, rng: Any, temperature: Any = 0.0) -> Scaled:
        gradient = -energy.force(state.x)
        square = self.alpha * state.square + (1 - self.alpha) * gradient**2
        x = state.x - column(self.lr, state.x) * gradient / (square**0.5 + self.eps)
        return Scaled(x, None, square, state.taken + 1)


@specification
class Overdamped:
    """Overdamped Langevin motion dx = -grad E dt + sqrt(2 T dt) N(0, 1), mobility 1.

    leimkuhler-matthews: x += -dt grad E + (sqrt(2 T dt) R + sqrt(2 T' dt) R')/2, R' kept for the next step, each R with
    its own T. Stationary law right to O(dt^2), exact in a harmonic well; free displacement 2 T (t - dt/2). Source:
    B. Leimkuhler and C. Matthews, Appl. Math. Res. Express 2013, 34, eq. (1.4).
    euler-maruyama: x += -dt grad E + sqrt(2 T dt) R, what SGD does with dt = lr. Harmonic variance
    T / (k (1 - k dt/2)): the chain is AR(1); O(dt) elsewhere. Both diverge at k dt > 2.
    """

    dt: TimeStep = 0.01
    scheme: Annotated[
        Scheme, Field(title="Scheme", description="How noise enters a step; the first is the more accurate."),
    ] = "leimkuhler-matthews"
    kind: Literal["overdamped"] = Field(default="overdamped", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ("kept",)
    massless: ClassVar[bool] = True
    heated: ClassVar[bool] = True
    full_batch: ClassVar[bool] = False

    @property
    def step_time(self) -> Any:
        """Time per step: dt."""
        return plain(self.dt)

    @property
    def noise_rate(self) -> Any:
        """dt: at T = 0 a step is one of gradient descent."""
        return self.step_time

    def unstable_dt(self, k_max: float) -> float:
        """From this dt on the stiffest direction diverges: k dt = 2."""
        return 2 / k_max if k_max > 0 else math.inf

    def init(self, energy: Any, x: Any, rng: Any) -> Heated:
        return Heated(x, normal(rng, x) if self.scheme == "leimkuhler-matthews" else None, None)

    def step(self, energy: Any, state: Heated, rng: Any, temperature: Any = 0.0) -> Heated:
        x, kept, before = state
        moved = x + column(self.dt, x) * energy.force(x)
        spread = column((2 * np.asarray(temperature) * np.asarray(self.dt)) ** 0.5, x)
        if kept is None:
            return Heated(moved + spread * normal(rng, x), None, None)
        fresh = normal(rng, x)
        half = 0.5 * (spread if before is None else before)
        return Heated(moved + (half * kept + (0.5 * spread) * fresh), fresh, spread)


@specification
class BAOAB:
    """Langevin motion with momentum, mass 1: dx = v dt, dv = (-grad E - friction v) dt + sqrt(2 friction T dt) N(0, 1).

    One step is B A O A B: half a kick, half a drift, exact friction and noise for dt, half a drift, half a kick. Two
    half kicks at one x are one, so that a step asks for one force. Position variance exact in a harmonic well for
    k dt^2 < 4; O(dt^2) elsewhere. Velocities start from Maxwell's law. Source: B. Leimkuhler and C. Matthews,
    J. Chem. Phys. 138, 174102 (2013), eq. (9).
    """

    dt: TimeStep = 0.1
    friction: Annotated[
        Friction | tuple[Friction, ...], per_replica,
        Field(title="Friction", description="How fast momentum is forgotten.",
              json_schema_extra={"ladder": [0.0, 0.1, 0.3, 1.0, 3.0, 10.0]}),
    ] = 1.0
    kind: Literal["baoab"] = Field(default="baoab", kw_only=True, repr=False)

    reverses: ClassVar[tuple[str, ...]] = ("velocity",)
    massless: ClassVar[bool] = False
    heated: ClassVar[bool] = True
    full_batch: ClassVar[bool] = False

    @property
    def step_time(self) -> Any:
        """Time per step: dt."""
        return plain(self.dt)

    @property
    def noise_rate(self) -> Any:
        """(dt^2/2) coth(friction dt/2), near dt / friction: what a force that acts once moves x by in the end.

        None without friction: noise of the gradient heats it without end.
        """
        friction, dt = np.asarray(self.friction), np.asarray(self.dt)
        return None if (friction == 0).any() else 0.5 * dt**2 / np.tanh(0.5 * friction * dt)

    def unstable_dt(self, k_max: float) -> float:
        """From this dt on the stiffest direction diverges: k dt^2 = 4."""
        return 2 / math.sqrt(k_max) if k_max > 0 else math.inf

    def init(self, energy: Any, x: Any, rng: Any) -> Inertial:
        return Inertial(x, normal(rng, x), False)

    def step(self, energy: Any, state: Inertial, rng: Any, temperature: Any = 0.0) -> Inertial:
        x, velocity, started = state
        dt = column(self.dt, x)
        if started:
            velocity = velocity + dt * energy.force(x)
        else:  # the unit normals of `init` get Maxwell's width, and half a kick is still to come
            velocity = column(np.asarray(temperature) ** 0.5, x) * velocity + (0.5 * dt) * energy.force(x)
        keep = np.exp(-np.asarray(self.friction) * np.asarray(self.dt))
        noise = column((np.asarray(temperature) * (1 - keep**2)) ** 0.5, x)
        x = x + (0.5 * dt) * velocity
        velocity = column(keep, x) * velocity + noise * normal(rng, x)
        return Inertial(x + (0.5 * dt) * velocity, velocity, True)


AnyDynamics = Annotated[
    GradientDescent | SGD | Adam | RMSProp | Overdamped | BAOAB, Field(discriminator="kind"),
]
DYNAMICS: dict[str, Any] = family(AnyDynamics)
