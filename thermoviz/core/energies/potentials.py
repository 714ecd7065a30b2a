"""Analytic energies with exact forces.

The potentials here are specifications at the same time: their fields are their settings. All compute in numpy float64;
k_B = 1.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import ValidationInfo, field_validator

from ..errors import BadInput
from ..specs import Field, family, specification
from .protocol import positions

Bounds = tuple[tuple[float, float], ...]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Curvatures = Positive | Annotated[tuple[Positive, ...], Field(min_length=1, max_length=100_000)]
Stiffness = Annotated[float, Field(ge=0, le=1e6)]
Stiffnesses = Stiffness | Annotated[tuple[Stiffness, ...], Field(min_length=1, max_length=100_000)]


def _curvatures(k: float | tuple[float, ...], d: int, name: str) -> np.ndarray:
    """Curvatures [d] from a number or one per dimension. Raises BadInput if their number is not d."""
    if isinstance(k, tuple) and len(k) != d:
        raise BadInput(f"{name} has {len(k)} curvatures, but x has {d} dimensions.")
    return np.broadcast_to(np.asarray(k, dtype=np.float64), (d,))


@specification
class Harmonic:
    """A harmonic well in any d: E = 1/2 sum_i k_i x_i^2.

    `k`: one curvature >= 0 for all dimensions, or one each (0: free). Source: exact; stationary variance T/k_i,
    F = -T sum ln sqrt(2 pi T/k_i).
    """

    k: Annotated[Stiffnesses, Field(title="Curvature", description="Stiffness, for all dimensions or one each.")] = 1.0
    kind: Literal["harmonic"] = Field(default="harmonic", kw_only=True, repr=False)

    bounds: ClassVar[Bounds] = ((-3.0, 3.0), (-3.0, 3.0))

    def __call__(self, x: Any) -> Any:
        x = positions(x, "Harmonic")
        return 0.5 * (_curvatures(self.k, x.shape[-1], "Harmonic") * x**2).sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-k x [..., d]."""
        x = positions(x, "Harmonic")
        return -_curvatures(self.k, x.shape[-1], "Harmonic") * x

    @property
    def minima(self) -> np.ndarray:
        """[1, d]: the origin (d = 2 where one curvature serves all)."""
        return np.zeros((1, len(self.k) if isinstance(self.k, tuple) else 2))

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature: the same everywhere."""
        return float(np.max(self.k))


@specification
class DoubleWell:
    """Two equal wells in any d: E = barrier (x_0^2 - 1)^2 + 1/2 k sum_{i>0} x_i^2.

    Minima at x_0 = -1 and +1 with E = 0, saddle at the origin with E = barrier; curvature along x_0 is 8 barrier in
    the minima and -4 barrier on the saddle. Source: the quartic of Landau theory.
    """

    barrier: Annotated[Positive, Field(title="Barrier", description="Height of the pass between the two wells.")] = 1.0
    k: Annotated[Positive, Field(title="Curvature across", description="Stiffness of every other dimension.")] = 1.0
    kind: Literal["double_well"] = Field(default="double_well", kw_only=True, repr=False)

    bounds: ClassVar[Bounds] = ((-1.8, 1.8), (-1.8, 1.8))
    minima: ClassVar[np.ndarray] = np.array([[-1.0, 0.0], [1.0, 0.0]])

    def __call__(self, x: Any) -> Any:
        x = positions(x, "DoubleWell")
        return self.barrier * (x[..., 0] ** 2 - 1) ** 2 + 0.5 * self.k * (x[..., 1:] ** 2).sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-grad E [..., d]."""
        x = positions(x, "DoubleWell")
        out = -self.k * x
        out[..., 0] = -4 * self.barrier * x[..., 0] * (x[..., 0] ** 2 - 1)
        return out


@specification
class TiltedDoubleWell:
    """A double well on a slope: E = barrier (x_0^2 - 1)^2 + tilt x_0 + 1/2 k sum_{i>0} x_i^2, any d.

    With tilt > 0 the left well is the deeper one. It keeps both wells while |tilt| < 8 barrier / sqrt 27.
    """

    barrier: Annotated[Positive, Field(title="Barrier", description="Height of the pass without tilt.")] = 1.0
    tilt: Annotated[float, Field(ge=-100, le=100, title="Tilt", description="Slope; makes one well deeper.")] = 0.3
    k: Annotated[Positive, Field(title="Curvature across", description="Stiffness of every other dimension.")] = 1.0
    kind: Literal["tilted_double_well"] = Field(default="tilted_double_well", kw_only=True, repr=False)

    bounds: ClassVar[Bounds] = ((-1.8, 1.8), (-1.8, 1.8))

    def _level(self) -> DoubleWell:
        return DoubleWell(self.barrier, self.k)

    def __call__(self, x: Any) -> Any:
        x = positions(x, "TiltedDoubleWell")
        return self._level()(x) + self.tilt * x[..., 0]

    def force(self, x: Any) -> np.ndarray:
        """-grad E [..., d]."""
        out = self._level().force(positions(x, "TiltedDoubleWell"))
        out[..., 0] -= self.tilt
        return out

    @property
    def minima(self) -> np.ndarray:
        """[1 or 2, 2]: real roots of 4 barrier (x^3 - x) + tilt = 0 with positive curvature."""
        roots = np.roots([4 * self.barrier, 0.0, -4 * self.barrier, self.tilt])
        real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
        lowest = real[12 * self.barrier * real**2 > 4 * self.barrier]
        return np.stack([lowest, np.zeros_like(lowest)], axis=1)


@specification
class MuellerBrown:
    """The Mueller-Brown surface, chemistry's test of reaction paths: four Gaussians in two dimensions.

    Minima -146.700 at (-0.558, 1.442), -108.167 at (0.623, 0.028), -80.768 at (-0.050, 0.467); saddles -40.665 and
    -72.249. Source: K. Mueller and L. D. Brown, Theor. Chim. Acta 53, 75 (1979), table 1.
    """

    kind: Literal["mueller_brown"] = Field(default="mueller_brown", kw_only=True, repr=False)

    bounds: ClassVar[Bounds] = ((-1.5, 1.2), (-0.4, 2.1))
    minima: ClassVar[np.ndarray] = np.array([
        [-0.5582236346330243, 1.4417258418046686], [0.6234994049308765, 0.028037758528685668],
        [-0.0500108229982061, 0.4666941048719721]])
    AMPLITUDE: ClassVar[np.ndarray] = np.array([-200.0, -100.0, -170.0, 15.0])
    XX: ClassVar[np.ndarray] = np.array([-1.0, -1.0, -6.5, 0.7])
    XY: ClassVar[np.ndarray] = np.array([0.0, 0.0, 11.0, 0.6])
    YY: ClassVar[np.ndarray] = np.array([-10.0, -10.0, -6.5, 0.7])
    CENTRE: ClassVar[np.ndarray] = np.array([[1.0, 0.0], [0.0, 0.5], [-0.5, 1.5], [-1.0, 1.0]])

    def _terms(self, x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Distances to the four centres [..., 4] along both axes, and the four terms [..., 4]."""
        dx, dy = np.moveaxis(positions(x, "MuellerBrown", 2)[..., None, :] - self.CENTRE, -1, 0)
        # Far outside the fourth term rises beyond the largest float: infinite, without a warning.
        with np.errstate(over="ignore"):
            return dx, dy, self.AMPLITUDE * np.exp(self.XX * dx**2 + self.XY * dx * dy + self.YY * dy**2)

    def __call__(self, x: Any) -> Any:
        return self._terms(x)[2].sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-grad E [..., 2]."""
        dx, dy, terms = self._terms(x)
        along_x = (terms * (2 * self.XX * dx + self.XY * dy)).sum(axis=-1)
        along_y = (terms * (self.XY * dx + 2 * self.YY * dy)).sum(axis=-1)
        return -np.stack([along_x, along_y], axis=-1)


@specification
class TwoBasins:
    """A narrow deep basin against a wide shallow one, both harmonic, in any d.

    E = -s ln(e^(-q_1/s) + e^(-q_2/s)), q_1 = -depth + 1/2 sum k_narrow (x - a)^2, q_2 = 1/2 sum k_wide (x + a)^2,
    a = (distance/2, 0, ..., 0): the lower of two paraboloids, rounded over an energy s = `rounding`. Narrow basin at
    +a, deeper by `depth`; each is harmonic up to e^(-gap/s) where gap is how far the other paraboloid lies above.
    Curvatures: a number for all dimensions, or one each. Harmonic theory: F_i = E_i + T/2 sum ln k_i + const, equal
    at T* = depth / (1/2 ln(det k_narrow / det k_wide)).
    """

    depth: Annotated[float, Field(ge=0, le=1e3, title="Depth", description="How much deeper the narrow one is.")] = 0.5
    narrow: Annotated[Curvatures, Field(title="Narrow", description="Curvatures of the deep basin.")] = 40.0
    wide: Annotated[Curvatures, Field(title="Wide", description="Curvatures of the shallow basin.")] = 4.0
    distance: Annotated[float, Field(gt=0, le=100, validate_default=True, title="Distance",
                                     description="Between the two minima.")] = 2.0
    rounding: Annotated[float, Field(gt=0, le=10, title="Rounding", description="Energy that rounds the ridge.")] = 0.05
    kind: Literal["two_basins"] = Field(default="two_basins", kw_only=True, repr=False)

    @field_validator("distance", mode="after")
    @classmethod
    def _apart(cls, distance: float, others: ValidationInfo) -> float:
        if not {"depth", "narrow"} <= others.data.keys():
            return distance
        least = float(np.sqrt(2 * others.data["depth"] / np.ravel(others.data["narrow"])[0]))
        if distance <= least:
            raise ValueError(f"must be above sqrt(2 depth / narrow) = {least:.4g}, or the wide basin lies within the "
                             "narrow one")
        return distance

    @property
    def bounds(self) -> Bounds:
        """A box in which both basins stand free, up to about one distance beyond the wide one."""
        a = self.distance / 2
        return ((-2.4 * a, 1.8 * a), (-1.6 * a, 1.6 * a))

    @property
    def minima(self) -> np.ndarray:
        """[2, 2]: of the two paraboloids, narrow first; those of E lie within e^(-gap/rounding) of them."""
        a = self.distance / 2
        return np.array([[a, 0.0], [-a, 0.0]])

    @property
    def crossing_temperature(self) -> float | None:
        """T* of harmonic theory for x of the curvatures' length (2 where one serves all); None if it does not exist."""
        sizes = [len(k) for k in (self.narrow, self.wide) if isinstance(k, tuple)]
        d = sizes[0] if sizes else 2
        narrow, wide = (_curvatures(k, d, "TwoBasins") for k in (self.narrow, self.wide))
        log_ratio = float(np.log(narrow).sum() - np.log(wide).sum())
        return 2 * self.depth / log_ratio if log_ratio > 0 else None

    def _paraboloids(self, x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """q_1, q_2 [...] and their gradients [..., d]."""
        x = positions(x, "TwoBasins")
        d = x.shape[-1]
        shift = np.zeros(d)
        shift[0] = self.distance / 2
        narrow = _curvatures(self.narrow, d, "TwoBasins") * (x - shift)
        wide = _curvatures(self.wide, d, "TwoBasins") * (x + shift)
        q1 = 0.5 * (narrow * (x - shift)).sum(axis=-1) - self.depth
        return q1, 0.5 * (wide * (x + shift)).sum(axis=-1), narrow, wide

    def __call__(self, x: Any) -> Any:
        q1, q2, _, _ = self._paraboloids(x)
        return -self.rounding * np.logaddexp(-q1 / self.rounding, -q2 / self.rounding)

    def force(self, x: Any) -> np.ndarray:
        """-grad E [..., d]: the two forces weighted by the shares e^(-q_i/s)."""
        q1, q2, narrow, wide = self._paraboloids(x)
        share = 0.5 * (1 + np.tanh((q2 - q1) / (2 * self.rounding)))[..., None]
        return -(share * narrow + (1 - share) * wide)

    def k_max(self, temperature: float | None = None, highest_start: float | None = None) -> float:
        """Largest curvature of the two basins (between them the rounded ridge only bends downwards)."""
        return float(max(np.max(self.narrow), np.max(self.wide)))


@specification
class Rosenbrock:
    """Rosenbrock's banana valley in any d >= 2: E = sum_i [b (x_{i+1} - x_i^2)^2 + (a - x_i)^2].

    Minimum 0 at (a, a^2, ...), for a = 1 at (1, ..., 1). Source: H. H. Rosenbrock, Computer J. 3, 175 (1960).
    """

    a: Annotated[float, Field(ge=-10, le=10, title="a", description="Where the minimum lies.")] = 1.0
    b: Annotated[Positive, Field(title="b", description="Steepness of the valley's walls.")] = 100.0
    kind: Literal["rosenbrock"] = Field(default="rosenbrock", kw_only=True, repr=False)

    bounds: ClassVar[Bounds] = ((-2.0, 2.0), (-1.0, 3.0))

    @property
    def minima(self) -> np.ndarray:
        """[1, 2]: (a, a^2), in two dimensions."""
        return np.array([[self.a, self.a**2]])

    def __call__(self, x: Any) -> Any:
        x = positions(x, "Rosenbrock", at_least=2)
        head, tail = x[..., :-1], x[..., 1:]
        return (self.b * (tail - head**2) ** 2 + (self.a - head) ** 2).sum(axis=-1)

    def force(self, x: Any) -> np.ndarray:
        """-grad E [..., d]."""
        x = positions(x, "Rosenbrock", at_least=2)
        head, tail = x[..., :-1], x[..., 1:]
        out = np.zeros_like(x)
        out[..., :-1] += 4 * self.b * head * (tail - head**2) + 2 * (self.a - head)
        out[..., 1:] -= 2 * self.b * (tail - head**2)
        return out


@specification
class Himmelblau:
    """Four equal wells in two dimensions: E = (x^2 + y - 11)^2 + (x + y^2 - 7)^2.

    Minima 0 at (3, 2), (-2.805118, 3.131313), (-3.779310, -3.283186), (3.584428, -1.848127).
    Source: D. M. Himmelblau, Applied Nonlinear Programming (1972).
    """

    kind: Literal["himmelblau"] = Field(default="himmelblau", kw_only=True, repr=False)

    bounds: ClassVar[Bounds] = ((-5.5, 5.5), (-5.5, 5.5))
    minima: ClassVar[np.ndarray] = np.array([
        [3.0, 2.0], [-2.805118086952745, 3.131312518250573], [-3.779310253377747, -3.2831859912861696],
        [3.5844283403304917, -1.8481265269644034]])

    def __call__(self, x: Any) -> Any:
        x, y = np.moveaxis(positions(x, "Himmelblau", 2), -1, 0)
        return (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2

    def force(self, x: Any) -> np.ndarray:
        """-grad E [..., 2]."""
        x, y = np.moveaxis(positions(x, "Himmelblau", 2), -1, 0)
        first, second = x**2 + y - 11, x + y**2 - 7
        return -np.stack([4 * x * first + 2 * second, 2 * first + 4 * y * second], axis=-1)


AnyPotential = Annotated[
    Harmonic | DoubleWell | TiltedDoubleWell | MuellerBrown | TwoBasins | Rosenbrock | Himmelblau,
    Field(discriminator="kind"),
]
POTENTIALS: dict[str, Any] = family(AnyPotential)
