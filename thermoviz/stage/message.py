"""What passes between page and stage, in both directions: the one place that names its fields.

`message.d.ts` is written from this module (`python -m tests.stage_types`; a test compares the two), and `tsc` holds the
stage's modules to it. Everything is strict JSON: no NaN, a tuple is an array of that length.
"""

from typing import Literal, NotRequired, TypedDict

from ..core.dynamics.integrators import Scheme
from ..core.learning.networks import Activation

# Where balls begin: "basin" is the deepest, "basin:K" the valley K, "point:X,Y" or "point:X,Y,WIDTH" a place.
StartKind = Literal["boltzmann", "uniform", "training", "basin", "point"]
# How "anneal" cools.
Law = Literal["exponential", "linear"]
# What moves the balls.
BallScheme = Literal[Scheme, "baoab"]
Dtype = Literal["float32", "uint8", "int16", "uint16", "int32"]


class Encoded(TypedDict):
    """An array: `data` is base64 of little-endian numbers in C order."""

    shape: list[int]
    dtype: Dtype
    data: str


class Quantised(Encoded):
    """An array [..., k] of whole numbers q that stand for low[k] + step[k] q, and for NaN where q is `none`."""

    low: list[float]
    step: list[float]
    none: int


class Look(TypedDict):
    """What of a theme the stage draws with: colours "#rrggbb", sizes in css pixels."""

    scheme: Literal["dark", "light"]
    background: str
    panel: str
    line: str
    text: str
    dim: str
    heat: str
    theory: str
    path: str
    halo: str
    contour: str
    good: str
    poor: str
    surface: list[str]
    optimisers: list[str]
    basins: list[str]
    font_family: str
    font_small: int
    font: int
    font_title: int
    font_number: int


class Surface(TypedDict):
    """Nodes (first, last, how many along an axis), scales in energy, and the energy's title with its unit.

    E and its derivatives at the nodes [n, m]; None for all three derivatives: the spline through E has them. mask
    [n - 1, m - 1]: cells without data, None where there are none. shown: the energies at the bottom and at the top of
    heights and colours, where these are not the surface's own minimum and ceiling.
    """

    xs: tuple[float, float, int]
    ys: tuple[float, float, int]
    E: Encoded
    Ex: Encoded | None
    Ey: Encoded | None
    Exy: Encoded | None
    mask: Encoded | None
    min: float
    ceiling: float
    barrier: float | None
    scale: float
    unit: str
    shown: NotRequired[tuple[float, float]]


class Labels(TypedDict):
    """The basin of each lattice point of `shape`, as runs of equal values; -1: no data."""

    shape: list[int]
    values: Encoded
    runs: Encoded


class Basins(TypedDict):
    """The valleys, deepest first: where their minima are, their names, and what belongs to each."""

    minima: list[tuple[float, float]]
    names: list[str]
    labels: Labels


class Paths(TypedDict):
    """Projected paths of networks: u [T, n, 2], distance from the plane and energy [T, n], and whose each one is.

    steps [T] of the training; member [n]: the dynamics of each network, an index of `names` where these are several.
    """

    u: Encoded | Quantised
    residual: Encoded | Quantised
    energy: Encoded | Quantised
    steps: list[int]
    member: list[int]
    names: list[str]


class Samples(TypedDict):
    """The first training points. raw: x are small whole numbers (pixels), to be centred and scaled by the reader.

    y_center, y_scale: of targets that were scaled for training; answers are shown in their own unit.
    """

    x: Encoded
    raw: bool
    y: Encoded
    center: Encoded
    scale: Encoded
    pictures: bool
    y_center: NotRequired[Encoded]
    y_scale: NotRequired[Encoded]


class Network(TypedDict):
    """The network at (u, v) of the slice, theta = origin + u U + v V, and data to ask it about."""

    sizes: list[int]
    activation: Activation
    task: Literal["classification", "regression"]
    origin: Encoded
    u: Encoded
    v: Encoded
    data: Samples


class Honesty(TypedDict):
    """How much the slice hides: read at once (title, sentence), one click further (more), and in one word (grade)."""

    grade: str | None
    title: str
    sentence: str
    more: list[str]


class Batch(TypedDict):
    """Temperatures that minibatches make: of a batch of one, and on the slice by this run's own."""

    T_of_batch_1: NotRequired[float | None]
    T_slice: NotRequired[float | None]


class Crossing(TypedDict):
    """At T the valleys `cold` and `hot` hold the same; above it `hot` holds more."""

    cold: int
    hot: int
    T: float


class Heat(TypedDict):
    """What the marks on the slider mean: a sentence, and one click further more."""

    sentence: str
    more: list[str]


class Shown(TypedDict):
    """What of the picture is shown."""

    trails: bool
    paths: bool
    names: bool


class Stand(TypedDict):
    """Where the camera stands: angles in radians, zoom, shift in the world's units, whether it looks from the top."""

    azimuth: float
    elevation: float
    zoom: float
    panX: float
    panY: float
    top: bool


class Left(TypedDict):
    """How a viewer left the stage: what the stage itself adds to the file that it saves."""

    speed: float
    shown: Shown
    camera: Stand
    scheme: BallScheme
    friction: float


class Coupling(TypedDict):
    """Stages on one page that have this `group` share camera and temperature; `scale`: of all their sliders of it."""

    group: str
    scale: float


class Message(TypedDict):
    """All that the stage needs of a run, and how it begins. `stage.payload.payload` says what each setting means."""

    id: str
    title: str
    sentence: str
    look: Look
    words: dict[str, str]
    axes: tuple[str, str]
    surface: Surface
    basins: Basins
    paths: Paths | None
    network: Network | None
    honesty: Honesty | None
    temperature: float
    batch: Batch | None
    crossing: Crossing | None
    heat: Heat
    seed: int
    n_balls: int
    start: str
    paused: bool
    link: str
    captions: bool
    law: Law
    programme_steps: int
    left: NotRequired[Left]
    coupled: NotRequired[Coupling]


class Said(TypedDict):
    """What the stage tells the page: the temperature that was last released, None before; that a stage stands drawn."""

    temperature: float | None
    drawn: NotRequired[bool]
