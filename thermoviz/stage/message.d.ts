// Written from message.py by `python -m tests.stage_types`: change that file, not this one.

export type Scheme = "leimkuhler-matthews" | "euler-maruyama";

export type Activation = "tanh" | "relu" | "gelu" | "sigmoid" | "linear";

export type StartKind = "boltzmann" | "uniform" | "training" | "basin" | "point";

export type Law = "exponential" | "linear";

export type BallScheme = "leimkuhler-matthews" | "euler-maruyama" | "baoab";

export type Dtype = "float32" | "uint8" | "int16" | "uint16" | "int32";

/**
 * An array: `data` is base64 of little-endian numbers in C order.
 */
export interface Encoded {
  shape: Array<number>;
  dtype: Dtype;
  data: string;
}

/**
 * An array [..., k] of whole numbers q that stand for low[k] + step[k] q, and for NaN where q is `none`.
 */
export interface Quantised {
  shape: Array<number>;
  dtype: Dtype;
  data: string;
  low: Array<number>;
  step: Array<number>;
  none: number;
}

/**
 * What of a theme the stage draws with: colours "#rrggbb", sizes in css pixels.
 */
export interface Look {
  scheme: "dark" | "light";
  background: string;
  panel: string;
  line: string;
  text: string;
  dim: string;
  heat: string;
  theory: string;
  path: string;
  halo: string;
  contour: string;
  good: string;
  poor: string;
  surface: Array<string>;
  optimisers: Array<string>;
  basins: Array<string>;
  font_family: string;
  font_small: number;
  font: number;
  font_title: number;
  font_number: number;
}

/**
 * Nodes (first, last, how many along an axis), scales in energy, and the energy's title with its unit.
 *
 * E and its derivatives at the nodes [n, m]; None for all three derivatives: the spline through E has them. mask
 * [n - 1, m - 1]: cells without data, None where there are none. shown: the energies at the bottom and at the top of
 * heights and colours, where these are not the surface's own minimum and ceiling.
 */
export interface Surface {
  xs: [number, number, number];
  ys: [number, number, number];
  E: Encoded;
  Ex: Encoded | null;
  Ey: Encoded | null;
  Exy: Encoded | null;
  mask: Encoded | null;
  min: number;
  ceiling: number;
  barrier: number | null;
  scale: number;
  unit: string;
  shown?: [number, number];
}

/**
 * The basin of each lattice point of `shape`, as runs of equal values; -1: no data.
 */
export interface Labels {
  shape: Array<number>;
  values: Encoded;
  runs: Encoded;
}

/**
 * The valleys, deepest first: where their minima are, their names, and what belongs to each.
 */
export interface Basins {
  minima: Array<[number, number]>;
  names: Array<string>;
  labels: Labels;
}

/**
 * Projected paths of networks: u [T, n, 2], distance from the plane and energy [T, n], and whose each one is.
 *
 * steps [T] of the training; member [n]: the dynamics of each network, an index of `names` where these are several.
 */
export interface Paths {
  u: Encoded | Quantised;
  residual: Encoded | Quantised;
  energy: Encoded | Quantised;
  steps: Array<number>;
  member: Array<number>;
  names: Array<string>;
}

/**
 * The first training points. raw: x are small whole numbers (pixels), to be centred and scaled by the reader.
 *
 * y_center, y_scale: of targets that were scaled for training; answers are shown in their own unit.
 */
export interface Samples {
  x: Encoded;
  raw: boolean;
  y: Encoded;
  center: Encoded;
  scale: Encoded;
  pictures: boolean;
  y_center?: Encoded;
  y_scale?: Encoded;
}

/**
 * The network at (u, v) of the slice, theta = origin + u U + v V, and data to ask it about.
 */
export interface Network {
  sizes: Array<number>;
  activation: Activation;
  task: "classification" | "regression";
  origin: Encoded;
  u: Encoded;
  v: Encoded;
  data: Samples;
}

/**
 * How much the slice hides: read at once (title, sentence), one click further (more), and in one word (grade).
 */
export interface Honesty {
  grade: string | null;
  title: string;
  sentence: string;
  more: Array<string>;
}

/**
 * Temperatures that minibatches make: of a batch of one, and on the slice by this run's own.
 */
export interface Batch {
  T_of_batch_1?: number | null;
  T_slice?: number | null;
}

/**
 * At T the valleys `cold` and `hot` hold the same; above it `hot` holds more.
 */
export interface Crossing {
  cold: number;
  hot: number;
  T: number;
}

/**
 * What the marks on the slider mean: a sentence, and one click further more.
 */
export interface Heat {
  sentence: string;
  more: Array<string>;
}

/**
 * What of the picture is shown.
 */
export interface Shown {
  trails: boolean;
  paths: boolean;
  names: boolean;
}

/**
 * Where the camera stands: angles in radians, zoom, shift in the world's units, whether it looks from the top.
 */
export interface Stand {
  azimuth: number;
  elevation: number;
  zoom: number;
  panX: number;
  panY: number;
  top: boolean;
}

/**
 * How a viewer left the stage: what the stage itself adds to the file that it saves.
 */
export interface Left {
  speed: number;
  shown: Shown;
  camera: Stand;
  scheme: BallScheme;
  friction: number;
}

/**
 * Stages on one page that have this `group` share camera and temperature; `scale`: of all their sliders of it.
 */
export interface Coupling {
  group: string;
  scale: number;
}

/**
 * All that the stage needs of a run, and how it begins. `stage.payload.payload` says what each setting means.
 */
export interface Message {
  id: string;
  title: string;
  sentence: string;
  look: Look;
  words: Record<string, string>;
  axes: [string, string];
  surface: Surface;
  basins: Basins;
  paths: Paths | null;
  network: Network | null;
  honesty: Honesty | null;
  temperature: number;
  batch: Batch | null;
  crossing: Crossing | null;
  heat: Heat;
  seed: number;
  n_balls: number;
  start: string;
  paused: boolean;
  link: string;
  captions: boolean;
  law: Law;
  programme_steps: number;
  left?: Left;
  coupled?: Coupling;
}

/**
 * What the stage tells the page: the temperature that was last released, None before; that a stage stands drawn.
 */
export interface Said {
  temperature: number | null;
  drawn?: boolean;
}
