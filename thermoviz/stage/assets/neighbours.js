// Entropy of a cloud from the distances to its nearest neighbours: the same computation as core/statistics/nearest_neighbours.py,
// where its source and its constants stand.

import { patches, shapes } from "./patches.js";

/** @import { Surface } from "./surface.js" */
/** @typedef {ReturnType<typeof createRegion>} Region */

export const FEWEST = 20;
const MOST_NEIGHBOURS = 12, BALLS_PER_NEIGHBOUR = 6, FITTED = 6;
const SHARED_ONE = 0.54, SHARED_FITTED = 6.5;
const UNSURE = 0.2;
const SPIRAL = 64;
const RESOLVED = 2 ** -40;
const EULER = 0.5772156649015329;
// Cells of the search: of this side, in units of 1 / sqrt(balls of the patch); out to so many of its widths.
const CELL = 4, REACH = 5;

const DISC = Array.from({ length: SPIRAL }, (_, k) => {
  const radius = Math.sqrt((k + 0.5) / SPIRAL), angle = k * Math.PI * (3 - Math.sqrt(5));
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
});

// psi(n) of a whole number.
/** @param {number} n */
function digamma(n) {
  let sum = -EULER;
  for (let k = 1; k < n; k++) sum += 1 / k;
  return sum;
}

// Weights of the entropies from neighbours 1 ... K of a patch of n balls, at which a + b sqrt(k) is a.
/** @param {number} n */
export function extrapolation(n) {
  const K = Math.min(MOST_NEIGHBOURS, Math.floor(n / BALLS_PER_NEIGHBOUR));
  if (K < FITTED) return Float64Array.of(1);
  const steps = Float64Array.from({ length: K - 1 }, (_, k) => Math.sqrt(k + 1) - Math.sqrt(k + 2));
  const total = steps.reduce((sum, step, k) => sum + (k + 1) ** 2 * step ** 2, 0);
  const weights = new Float64Array(K);
  weights[K - 1] = 1;
  steps.forEach((step, k) => {
    const share = (Math.sqrt(K) * (k + 1) ** 2 * step) / total;
    weights[k] -= share;
    weights[k + 1] += share;
  });
  return weights;
}

// Where balls can be: the box of a surface without its cells that have no data. `holds(x, y)`; `cuts(x, y, dx, dy)`:
// whether the box about (x, y) with these half sides is not in the region altogether.
/** @param {Surface} surface */
export function createRegion({ x0, x1, y0, y1, n, m, maskedCell, hasMask, masked }) {
  const rows = n - 1, columns = m - 1, shut = hasMask ? new Int32Array(n * m) : null;
  for (let i = 0; shut && i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      shut[(i + 1) * m + j + 1] = maskedCell[i * columns + j] + shut[i * m + j + 1] + shut[(i + 1) * m + j] - shut[i * m + j];
    }
  }
  /** @param {number} value @param {number} low @param {number} high @param {number} cells */
  const cell = (value, low, high, cells) => Math.trunc(Math.min(Math.max((value - low) / (high - low) * cells, 0), cells - 1));
  /** @param {number} x @param {number} y @param {number} dx @param {number} dy */
  function cuts(x, y, dx, dy) {
    if (x - dx < x0 || x + dx > x1 || y - dy < y0 || y + dy > y1) return true;
    if (!shut) return false;
    const a = cell(x - dx, x0, x1, rows), c = cell(x + dx, x0, x1, rows) + 1;
    const b = cell(y - dy, y0, y1, columns), d = cell(y + dy, y0, y1, columns) + 1;
    return shut[c * m + d] - shut[a * m + d] - shut[c * m + b] + shut[a * m + b] > 0;
  }
  /** @param {number} x @param {number} y */
  const holds = (x, y) => x >= x0 && x <= x1 && y >= y0 && y <= y1 && !masked(x, y);
  return { x0, x1, y0, y1, holds, cuts };
}

// Squared distances to the K nearest others, ascending: `search(member, into)`. (u, v): all points where the patch is a round
// Gaussian of variance 1. Cells on a square grid; what lies beyond it is kept in the cells of its rim.
/**
 * @param {Float64Array} u @param {Float64Array} v @param {number} balls @param {number} K
 * @returns {(member: number, into: Float64Array) => void}
 */
function nearest(u, v, balls, K) {
  const side = CELL / Math.sqrt(balls), across = Math.max(1, Math.ceil((2 * REACH) / side)), n = u.length;
  /** @param {number} value */
  const line = (value) => Math.min(Math.max(Math.floor((value + REACH) / side), 0), across - 1);
  const home = new Int32Array(n), first = new Int32Array(across * across + 1), listed = new Int32Array(n);
  for (let k = 0; k < n; k++) first[(home[k] = line(u[k]) * across + line(v[k])) + 1] += 1;
  for (let c = 0; c < across * across; c++) first[c + 1] += first[c];
  const next = first.slice();
  for (let k = 0; k < n; k++) listed[next[home[k]]++] = k;

  return (member, into) => {
    const x = u[member], y = v[member], row = line(x), column = line(y);
    into.fill(Infinity);
    for (let ring = 0; ring < across; ring++) {
      const top = Math.max(row - ring, 0), bottom = Math.min(row + ring, across - 1);
      const left = column - ring, right = column + ring;
      for (let i = top; i <= bottom; i++) {
        // Of the rows between only the two ends belong to the ring.
        const whole = i === row - ring || i === row + ring, step = whole || ring === 0 ? 1 : 2 * ring;
        for (let j = left; j <= right; j += step) {
          if (j < 0 || j >= across) continue;
          const c = i * across + j;
          for (let at = first[c]; at < first[c + 1]; at++) {
            const k = listed[at], dx = u[k] - x, dy = v[k] - y, squared = dx * dx + dy * dy;
            if (squared >= into[K - 1] || k === member) continue;
            let slot = K - 1;
            for (; slot > 0 && into[slot - 1] > squared; slot--) into[slot] = into[slot - 1];
            into[slot] = squared;
          }
        }
      }
      // What is not in the rings so far lies this far away or farther.
      if (into[K - 1] <= (ring * side) ** 2) return;
    }
  };
}

// Entropy -int p ln p of the balls at (x[k], y[k]): `{terms, shared, bias, resolved}`, whose mean is the entropy in nats;
// shared: n Var of the mean beyond theirs; not resolved: balls coincide to rounding, and the mean is an upper bound.
/** @param {Float64Array} x @param {Float64Array} y @param {Region} region */
export function localEntropies(x, y, region) {
  const n = x.length, wide = region.x1 - region.x0, high = region.y1 - region.y0;
  const finest = RESOLVED * Math.max(Math.abs(region.x0), Math.abs(region.x1), Math.abs(region.y0), Math.abs(region.y1));
  const least = (finest / Math.min(wide, high)) ** 2, floor = Math.log(Math.PI * finest * finest);
  const meanX = x.reduce((sum, value) => sum + value, 0) / n, meanY = y.reduce((sum, value) => sum + value, 0) / n;
  const p = x.map((value) => (value - meanX) / wide), q = y.map((value) => (value - meanY) / high);
  const { patch, count } = patches(p, q, least), all = Int32Array.from({ length: n }, (_, k) => k);
  const shape = shapes(p, q, all, patch, count, least), terms = new Float64Array(n);
  const ofAll = digamma(n);
  let taken = 0, shared = 0, resolved = true;
  for (let g = 0; g < count; g++) {
    const fit = extrapolation(shape.n[g]), K = fit.length, ofNeighbour = fit.map((_, k) => ofAll - digamma(k + 1));
    const { meanX: a, meanY: b, cos, sin } = shape, c = cos[g], s = sin[g];
    const long = Math.sqrt(shape.long[g]), short = Math.sqrt(shape.short[g]);
    const u = p.map((value, k) => (c * (value - a[g]) + s * (q[k] - b[g])) / long);
    const v = p.map((value, k) => (-s * (value - a[g]) + c * (q[k] - b[g])) / short);
    // From the unit circle back to the ellipse in the box, its half sides, and ln of its area.
    const xu = wide * c * long, xv = -wide * s * short, yu = high * s * long, yv = high * c * short;
    const dx = Math.hypot(xu, xv), dy = Math.hypot(yu, yv);
    const area = Math.log(Math.PI) + Math.log(wide) + Math.log(high) + Math.log(long) + Math.log(short);
    const search = nearest(u, v, shape.n[g], K), squared = new Float64Array(K);
    if (!(shape.short[g] > least)) resolved = false;
    for (let k = 0; k < n; k++) {
      if (patch[k] !== g) continue;
      search(k, squared);
      let sum = 0, last = 0;
      for (let j = 0; j < K; j++) {
        const radius = Math.max(Math.sqrt(squared[j]), 1e-150);
        let size = area + 2 * Math.log(radius);
        if (region.cuts(x[k], y[k], radius * dx, radius * dy)) {
          let held = 0;
          for (const [e, f] of DISC) {
            if (region.holds(x[k] + radius * (e * xu + f * xv), y[k] + radius * (e * yu + f * yv))) held += 1;
          }
          size += Math.log(Math.max(held, 0.5) / SPIRAL);
        }
        if (!(size > floor)) resolved = false;
        last = ofNeighbour[j] + Math.max(size, floor);
        sum += fit[j] * last;
      }
      terms[k] = sum;
      taken += last - sum;
    }
    shared += ((K > 1 ? SHARED_FITTED / K : SHARED_ONE) * shape.n[g]) / n;
  }
  return { terms, shared, bias: UNSURE * Math.abs(taken / n), resolved };
}
