// The energy surface: a bicubic polynomial in each cell, fixed by (E, E_x, E_y, E_xy) at its four corners, so that
// Python and browser evaluate one and the same function. Grids are in C order: E[i * m + j] belongs to (x_i, y_j).

import { SCHEMES } from "./schemes.js";

/** @import * as sent from "../message" */
/** @typedef {Float32Array | Uint8Array | Int16Array | Uint16Array | Int32Array} Numbers */
/** @typedef {Record<"E" | "Ex" | "Ey" | "Exy", Numbers>} Grids the energies at the nodes and their derivatives */
/** @typedef {ReturnType<typeof createSurface>} Surface */

const ARRAY_TYPES = {
  float32: Float32Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array,
};

// The numbers of an array as it is sent. Where `step` is given, whole numbers q stand for low + step q (one low and step
// for each index of the last axis), and q = none for NaN.
/** @param {sent.Encoded | sent.Quantised} array @returns {Numbers} */
export function decode(array) {
  const text = atob(array.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const numbers = new ARRAY_TYPES[array.dtype](bytes.buffer);
  if (!("step" in array)) return numbers;
  const { low, step, none } = array, k = step.length;
  return Float32Array.from(numbers, (q, i) => (q === none ? NaN : low[i % k] + step[i % k] * q));
}

// First derivatives [n] along a line of equally spaced values: the C2 cubic spline with not-a-knot ends.
// Source: continuity of the second derivative, m_{i-1} + 4 m_i + m_{i+1} = 3 (f_{i+1} - f_{i-1}) / h; at the ends
// m_0 + 2 m_1 = (-5 f_0 + 4 f_1 + f_2) / 2h (de Boor, A Practical Guide to Splines, ch. IV).
/** @param {ArrayLike<number>} f @param {number} h */
function splineSlopes(f, h) {
  const n = f.length;
  const diagonal = new Float64Array(n).fill(4);
  const upper = new Float64Array(n).fill(1);
  const m = new Float64Array(n);
  for (let i = 1; i < n - 1; i++) m[i] = (3 * (f[i + 1] - f[i - 1])) / h;
  m[0] = (-5 * f[0] + 4 * f[1] + f[2]) / (2 * h);
  m[n - 1] = (5 * f[n - 1] - 4 * f[n - 2] - f[n - 3]) / (2 * h);
  diagonal[0] = 1;
  upper[0] = 2;
  for (let i = 1; i < n; i++) {
    const lower = i === n - 1 ? 2 : 1;
    if (i === n - 1) diagonal[i] = 1;
    const factor = lower / diagonal[i - 1];
    diagonal[i] -= factor * upper[i - 1];
    m[i] -= factor * m[i - 1];
  }
  m[n - 1] /= diagonal[n - 1];
  for (let i = n - 2; i >= 0; i--) m[i] = (m[i] - upper[i] * m[i + 1]) / diagonal[i];
  return m;
}

// Slopes of a grid along its first (axis 0) or second (axis 1) index.
/** @param {ArrayLike<number>} grid @param {number} n @param {number} m @param {0 | 1} axis @param {number} h */
function gridSlopes(grid, n, m, axis, h) {
  const out = new Float64Array(n * m);
  const [lines, length, stride, jump] = axis === 0 ? [m, n, m, 1] : [n, m, 1, m];
  const line = new Float64Array(length);
  for (let k = 0; k < lines; k++) {
    for (let i = 0; i < length; i++) line[i] = grid[k * jump + i * stride];
    const slopes = splineSlopes(line, h);
    for (let i = 0; i < length; i++) out[k * jump + i * stride] = slopes[i];
  }
  return out;
}

// The four grids at the nodes. A large message leaves the derivatives out: the spline through E gives them back.
/**
 * @param {sent.Surface} message @param {number} n @param {number} m @param {number} hx @param {number} hy
 * @returns {Grids}
 */
function nodeGrids(message, n, m, hx, hy) {
  const E = decode(message.E);
  if (message.Ex && message.Ey && message.Exy) {
    return { E, Ex: decode(message.Ex), Ey: decode(message.Ey), Exy: decode(message.Exy) };
  }
  const Ex = gridSlopes(E, n, m, 0, hx);
  // Rounded to float32, as Python's are: the rounded values are the surface.
  const [alongX, alongY, both] = [Ex, gridSlopes(E, n, m, 1, hy), gridSlopes(Ex, n, m, 1, hy)].map((a) => Float32Array.from(a));
  return { E, Ex: alongX, Ey: alongY, Exy: both };
}

// Cubic coefficients from (f0, f1, f0', f1') on [0, 1]: rows of the Hermite matrix.
const HERMITE = [[1, 0, 0, 0], [0, 0, 1, 0], [-3, 3, -2, -1], [2, -2, 1, 1]];

// 16 coefficients a[k * 4 + l] of s^k t^l for each cell, s and t running from 0 to 1.
/** @param {Grids} grids @param {number} n @param {number} m @param {number} hx @param {number} hy */
function cellCoefficients({ E, Ex, Ey, Exy }, n, m, hx, hy) {
  const coefficients = new Float64Array((n - 1) * (m - 1) * 16);
  const G = new Float64Array(16);
  const half = new Float64Array(16);
  let base = 0;
  for (let i = 0; i < n - 1; i++) {
    for (let j = 0; j < m - 1; j++) {
      for (let a = 0; a < 2; a++) {
        for (let b = 0; b < 2; b++) {
          const node = (i + a) * m + j + b;
          G[a * 4 + b] = E[node];
          G[a * 4 + b + 2] = Ey[node] * hy;
          G[(a + 2) * 4 + b] = Ex[node] * hx;
          G[(a + 2) * 4 + b + 2] = Exy[node] * hx * hy;
        }
      }
      for (let k = 0; k < 4; k++) {
        const row = HERMITE[k];
        for (let l = 0; l < 4; l++) {
          half[k * 4 + l] = row[0] * G[l] + row[1] * G[4 + l] + row[2] * G[8 + l] + row[3] * G[12 + l];
        }
      }
      for (let k = 0; k < 4; k++) {
        for (let l = 0; l < 4; l++) {
          const row = HERMITE[l];
          coefficients[base + k * 4 + l] = row[0] * half[k * 4] + row[1] * half[k * 4 + 1]
            + row[2] * half[k * 4 + 2] + row[3] * half[k * 4 + 3];
        }
      }
      base += 16;
    }
  }
  return coefficients;
}

// Lowest Bernstein coefficient of each cell: a true lower bound of its energy (the convex-hull property).
/** @param {Float64Array} coefficients @param {number} count */
function lowerBounds(coefficients, count) {
  const bounds = new Float64Array(count);
  const C = new Float64Array(16);
  // Power to Bernstein basis of degree 3: b_i = sum_k binomial(i, k) / binomial(3, k) a_k.
  const toBernstein = [[1, 0, 0, 0], [1, 1 / 3, 0, 0], [1, 2 / 3, 1 / 3, 0], [1, 1, 1, 1]];
  for (let cell = 0; cell < count; cell++) {
    const base = cell * 16;
    let least = Infinity;
    for (let i = 0; i < 4; i++) {
      for (let l = 0; l < 4; l++) {
        C[l] = 0;
        for (let k = 0; k <= i; k++) C[l] += toBernstein[i][k] * coefficients[base + k * 4 + l];
      }
      for (let j = 0; j < 4; j++) {
        let value = 0;
        for (let l = 0; l <= j; l++) value += toBernstein[j][l] * C[l];
        if (value < least) least = value;
      }
    }
    bounds[cell] = least;
  }
  return bounds;
}

// Second derivatives by (s, t) at the corners, edge midpoints and centre of a cell, as weights of its coefficients.
const CURVATURES = Array.from({ length: 9 }, (_, place) => {
  const s = Math.floor(place / 3) / 2, t = (place % 3) / 2;
  /** @type {(x: number, k: number, order: number) => number} */
  const slope = (x, k, order) => (order === 0 ? x ** k : order === 1 ? (k > 0 ? k * x ** (k - 1) : 0)
    : k > 1 ? k * (k - 1) * x ** (k - 2) : 0);
  /** @param {number} a @param {number} b */
  const weights = (a, b) => Float64Array.from({ length: 16 }, (__, q) => slope(s, q >> 2, a) * slope(t, q & 3, b));
  return { ss: weights(2, 0), st: weights(1, 1), tt: weights(0, 2) };
});

// Largest Hessian eigenvalue of a cell over these nine places.
/** @param {Float64Array} coefficients @param {number} base @param {number} hx @param {number} hy */
function stiffest(coefficients, base, hx, hy) {
  let largest = 0;
  for (const { ss, st, tt } of CURVATURES) {
    let xx = 0, xy = 0, yy = 0;
    for (let q = 0; q < 16; q++) {
      const c = coefficients[base + q];
      xx += ss[q] * c;
      xy += st[q] * c;
      yy += tt[q] * c;
    }
    xx /= hx * hx;
    xy /= hx * hy;
    yy /= hy * hy;
    const mean = (xx + yy) / 2, half = (xx - yy) / 2, eigenvalue = mean + Math.sqrt(half * half + xy * xy);
    if (eigenvalue > largest) largest = eigenvalue;
  }
  return largest;
}

// Stiffness as a function of height: cells sorted by their lowest energy, with the running largest eigenvalue.
/**
 * @param {Float64Array} coefficients @param {Float64Array} bounds @param {Numbers} masked @param {number} hx
 * @param {number} hy
 */
function stiffnessTable(coefficients, bounds, masked, hx, hy) {
  const open = [];
  for (let cell = 0; cell < bounds.length; cell++) if (!masked[cell]) open.push(cell);
  open.sort((a, b) => bounds[a] - bounds[b]);
  const heights = Float64Array.from(open, (cell) => bounds[cell]);
  const stiffness = new Float64Array(open.length);
  let largest = 0;
  open.forEach((cell, rank) => {
    largest = Math.max(largest, stiffest(coefficients, cell * 16, hx, hy));
    stiffness[rank] = largest;
  });
  return { heights, stiffness };
}

// Number of entries of a sorted array that are <= value.
/** @param {Float64Array} sorted @param {number} value */
export function countUpTo(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Basin numbers (-1: no data) on a lattice over the box, its edges included, sent as runs of equal values.
/** @param {sent.Basins | null} basins */
function basinLabels(basins) {
  if (!basins) return null;
  const { shape, values, runs } = basins.labels;
  const labels = new Int16Array(shape[0] * shape[1]);
  const value = decode(values), run = decode(runs);
  let at = 0;
  for (let k = 0; k < run.length; k++) {
    labels.fill(value[k], at, at + run[k]);
    at += run[k];
  }
  return { labels, rows: shape[0], columns: shape[1] };
}

const LONGEST_KICK = 1 / 20; // of the shorter side of the box, per step

// A surface from its message and its basins. Energies of the loss, lengths of the slice's own coordinates.
// `energy(x, y)`; `forceInto(x, y, out)` writes (f_x, f_y, E); `masked(x, y)`; `basinAt(x, y)` -> 0.. or -1;
// `kMax(T, highest)` largest Hessian eigenvalue where E <= max(E_min + 20 T, highest);
// `stepFor(T, scheme, highest)` the largest step that the scheme takes safely there.
/** @param {sent.Surface} message @param {sent.Basins | null} basins */
export function createSurface(message, basins) {
  const [x0, x1, n] = message.xs;
  const [y0, y1, m] = message.ys;
  const hx = (x1 - x0) / (n - 1), hy = (y1 - y0) / (m - 1);
  const grids = nodeGrids(message, n, m, hx, hy);
  const coefficients = cellCoefficients(grids, n, m, hx, hy);
  const { mask } = message, hasMask = mask !== null; // cells without data, [n - 1, m - 1]
  const maskedCell = mask ? decode(mask) : new Uint8Array((n - 1) * (m - 1));
  const bounds = lowerBounds(coefficients, maskedCell.length);
  const { heights, stiffness } = stiffnessTable(coefficients, bounds, maskedCell, hx, hy);
  const labelled = basinLabels(basins);
  const { min, ceiling, scale, barrier, shown = [min, ceiling] } = message;

  /** @param {number} x @param {number} y */
  function cellOf(x, y) {
    const i = Math.min(Math.max(Math.floor((x - x0) / hx), 0), n - 2);
    const j = Math.min(Math.max(Math.floor((y - y0) / hy), 0), m - 2);
    return i * (m - 1) + j;
  }

  /** @param {number} x @param {number} y @param {Float64Array} out */
  function forceInto(x, y, out) {
    const i = Math.min(Math.max(Math.floor((x - x0) / hx), 0), n - 2);
    const j = Math.min(Math.max(Math.floor((y - y0) / hy), 0), m - 2);
    const s = (x - x0) / hx - i, t = (y - y0) / hy - j;
    const c = coefficients, b = (i * (m - 1) + j) * 16;
    const p0 = ((c[b + 3] * t + c[b + 2]) * t + c[b + 1]) * t + c[b];
    const p1 = ((c[b + 7] * t + c[b + 6]) * t + c[b + 5]) * t + c[b + 4];
    const p2 = ((c[b + 11] * t + c[b + 10]) * t + c[b + 9]) * t + c[b + 8];
    const p3 = ((c[b + 15] * t + c[b + 14]) * t + c[b + 13]) * t + c[b + 12];
    const q0 = (3 * c[b + 3] * t + 2 * c[b + 2]) * t + c[b + 1];
    const q1 = (3 * c[b + 7] * t + 2 * c[b + 6]) * t + c[b + 5];
    const q2 = (3 * c[b + 11] * t + 2 * c[b + 10]) * t + c[b + 9];
    const q3 = (3 * c[b + 15] * t + 2 * c[b + 14]) * t + c[b + 13];
    out[0] = -((3 * p3 * s + 2 * p2) * s + p1) / hx;
    out[1] = -(((q3 * s + q2) * s + q1) * s + q0) / hy;
    out[2] = ((p3 * s + p2) * s + p1) * s + p0;
  }

  // The same for balls first..count at once: x and force interleaved, energy null if nobody asks for it. Kept apart from forceInto because a call
  // per ball would cost half of the frame.
  /**
   * @param {Float64Array} x @param {Float64Array} force @param {Float64Array | null} energy @param {number} first
   * @param {number} count
   */
  function forcesInto(x, force, energy, first, count) {
    const c = coefficients, rows = n - 2, columns = m - 2, perX = 1 / hx, perY = 1 / hy;
    for (let k = first; k < count; k++) {
      const X = (x[2 * k] - x0) * perX, Y = (x[2 * k + 1] - y0) * perY;
      const i = X < rows ? X | 0 : rows, j = Y < columns ? Y | 0 : columns;
      const s = X - i, t = Y - j, b = (i * (columns + 1) + j) * 16;
      const c1 = c[b + 1], c2 = c[b + 2], c3 = c[b + 3], c5 = c[b + 5], c6 = c[b + 6], c7 = c[b + 7];
      const c9 = c[b + 9], c10 = c[b + 10], c11 = c[b + 11], c13 = c[b + 13], c14 = c[b + 14], c15 = c[b + 15];
      const p1 = ((c7 * t + c6) * t + c5) * t + c[b + 4];
      const p2 = ((c11 * t + c10) * t + c9) * t + c[b + 8];
      const p3 = ((c15 * t + c14) * t + c13) * t + c[b + 12];
      const q0 = (3 * c3 * t + 2 * c2) * t + c1, q1 = (3 * c7 * t + 2 * c6) * t + c5;
      const q2 = (3 * c11 * t + 2 * c10) * t + c9, q3 = (3 * c15 * t + 2 * c14) * t + c13;
      force[2 * k] = -((3 * p3 * s + 2 * p2) * s + p1) * perX;
      force[2 * k + 1] = -(((q3 * s + q2) * s + q1) * s + q0) * perY;
      if (energy !== null) energy[k] = ((p3 * s + p2) * s + p1) * s + ((c3 * t + c2) * t + c1) * t + c[b];
    }
  }

  const scratch = new Float64Array(3);
  /** @param {number} x @param {number} y */
  function energy(x, y) {
    forceInto(x, y, scratch);
    return scratch[2];
  }

  /** @param {number} x @param {number} y */
  const masked = (x, y) => hasMask && maskedCell[cellOf(x, y)] === 1;

  /** @param {number} x @param {number} y */
  function basinAt(x, y) {
    if (!labelled) return -1;
    const { labels, rows, columns } = labelled;
    const a = ((x - x0) / (x1 - x0)) * (rows - 1), b = ((y - y0) / (y1 - y0)) * (columns - 1);
    const i = Math.min(Math.max(Math.round(a), 0), rows - 1), j = Math.min(Math.max(Math.round(b), 0), columns - 1);
    // Beside a hole the nearest lattice point may be across its rim; the one below shares the position's cell.
    const below = labels[Math.min(Math.max(Math.floor(a), 0), rows - 1) * columns
      + Math.min(Math.max(Math.floor(b), 0), columns - 1)];
    const near = labels[i * columns + j];
    return below < 0 || near < 0 ? below : near;
  }

  /** @param {number} T @param {number} [highest] */
  function kMax(T, highest = min) {
    const count = countUpTo(heights, Math.max(min + 20 * T, highest));
    return count ? stiffness[count - 1] : 0;
  }

  /** @param {number} T @param {sent.BallScheme} scheme @param {number} [highest] */
  function stepFor(T, scheme, highest = min) {
    const k = kMax(T, highest), kick = Math.min(x1 - x0, y1 - y0) * LONGEST_KICK;
    const { fraction, massless } = SCHEMES[scheme];
    if (!massless) return Math.min(fraction / Math.sqrt(k), kick / Math.sqrt(T), kick * 20);
    // A flat surface without heat moves nothing: any finite step will do.
    return Math.min(fraction / k, (kick * kick) / (2 * T), k > 0 ? Infinity : kick * kick);
  }

  let lowestNode = -1;
  for (let node = 0; node < n * m; node++) {
    const i = Math.floor(node / m), j = node % m;
    const x = x0 + i * hx, y = y0 + j * hy;
    if (!masked(x, y) && (lowestNode < 0 || grids.E[node] < grids.E[lowestNode])) lowestNode = node;
  }
  const minima = basins ? basins.minima : [];
  /** @type {[number, number]} */
  const lowest = minima.length ? minima[0] : [x0 + Math.floor(lowestNode / m) * hx, y0 + (lowestNode % m) * hy];

  return {
    n, m, x0, x1, y0, y1, hx, hy, min, ceiling, shown, scale, barrier, E: grids.E, coefficients, bounds, maskedCell, hasMask,
    minima, basinCount: minima.length, lowest,
    energy, forceInto, forcesInto, masked, basinAt, kMax, stepFor,
  };
}
