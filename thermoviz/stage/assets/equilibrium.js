// Exact Boltzmann equilibrium of a surface in its box, by sums over sub-cells: Z = sum exp(-E/T) dA and its kin.
// Differential entropy S = -sum p ln p dA (depends on the unit of the slice's coordinates). Energies of the loss, k_B = 1.

import { countUpTo } from "./surface.js";

/** @import { Surface } from "./surface.js" */
/** @typedef {ReturnType<typeof compute>} Equilibrium */

// Beyond 40 T above the minimum a cell holds less than exp(-40) of the weight.
const NEGLIGIBLE = 40;
const MOST_POINTS = 250000;
const FINEST = 2048; // sub-cells per side of a cell
const COARSEST = 160; // sub-cells per side of the box, at least
const PER_WIDTH = 4; // sub-cells per thermal width sqrt(T/k)
const PER_SLOPE = 8; // and per length T/|force|, where a minimum lies at a wall

// Sub-cells per cell along x and y, as fine as the weight at T varies, as far as they are affordable.
/** @param {Surface} surface @param {number} T @param {number} activeCells */
function refinement(surface, T, activeCells) {
  const width = Math.sqrt(T / Math.max(surface.kMax(T), Number.MIN_VALUE)), out = new Float64Array(3);
  const push = [0, 0];
  for (const [x, y] of [surface.lowest, ...surface.minima]) {
    surface.forceInto(x, y, out);
    if (out[2] > surface.min + 10 * T) continue;
    push[0] = Math.max(push[0], Math.abs(out[0]));
    push[1] = Math.max(push[1], Math.abs(out[1]));
  }
  const wanted = [[surface.hx, surface.n], [surface.hy, surface.m]].map(([h, nodes], axis) => Math.min(FINEST, Math.max(
    Math.ceil(COARSEST / (nodes - 1)), Math.ceil((PER_WIDTH * h) / width), Math.ceil((PER_SLOPE * h * push[axis]) / T))));
  const excess = Math.sqrt((wanted[0] * wanted[1] * Math.max(activeCells, 1)) / MOST_POINTS);
  return excess > 1 ? wanted.map((r) => Math.max(1, Math.floor(r / excess))) : wanted;
}

// Energies of the rx x ry sub-cell centres of one cell, into out[at...]; s runs slowest.
/**
 * @param {Float64Array} coefficients @param {number} base @param {number} rx @param {number} ry
 * @param {Float64Array} out @param {number} at
 */
function tabulate(coefficients, base, rx, ry, out, at) {
  const c = coefficients;
  for (let b = 0; b < ry; b++) {
    const t = (b + 0.5) / ry;
    const p0 = ((c[base + 3] * t + c[base + 2]) * t + c[base + 1]) * t + c[base];
    const p1 = ((c[base + 7] * t + c[base + 6]) * t + c[base + 5]) * t + c[base + 4];
    const p2 = ((c[base + 11] * t + c[base + 10]) * t + c[base + 9]) * t + c[base + 8];
    const p3 = ((c[base + 15] * t + c[base + 14]) * t + c[base + 13]) * t + c[base + 12];
    for (let a = 0; a < rx; a++) {
      const s = (a + 0.5) / rx;
      out[at + a * ry + b] = ((p3 * s + p2) * s + p1) * s + p0;
    }
  }
}

/** @param {Surface} surface @param {number} T */
function activeCells(surface, T) {
  const { bounds, maskedCell, min } = surface;
  const cells = [];
  for (let cell = 0; cell < bounds.length; cell++) {
    if (!maskedCell[cell] && bounds[cell] <= min + NEGLIGIBLE * T) cells.push(cell);
  }
  return cells;
}

/** @type {WeakMap<Surface, Equilibrium>} */
const LAST = new WeakMap();

// Equilibrium at T > 0, the last one of each surface remembered. See `compute` for what it holds.
/** @param {Surface} surface @param {number} T @returns {Equilibrium} */
export function equilibrium(surface, T) {
  const last = LAST.get(surface);
  if (last && last.T === T) return last;
  const made = compute(surface, T);
  LAST.set(surface, made);
  return made;
}

// Equilibrium at T > 0: `{T, E, S, F, shares, cells, rx, ry, weight}`; weight[(k * rx + a) * ry + b] is
// the probability of sub-cell (a, b) of cell cells[k].
/** @param {Surface} surface @param {number} T */
function compute(surface, T) {
  const cells = activeCells(surface, T), [rx, ry] = refinement(surface, T, cells.length), area = rx * ry;
  const energy = new Float64Array(cells.length * area), weight = new Float64Array(cells.length * area);
  let least = Infinity;
  cells.forEach((cell, k) => tabulate(surface.coefficients, cell * 16, rx, ry, energy, k * area));
  for (let i = 0; i < energy.length; i++) if (energy[i] < least) least = energy[i];
  let Z = 0, first = 0;
  for (let i = 0; i < energy.length; i++) {
    const w = Math.exp((least - energy[i]) / T);
    weight[i] = w;
    Z += w;
    first += w * (energy[i] - least);
  }
  for (let i = 0; i < weight.length; i++) weight[i] /= Z;
  const dA = (surface.hx * surface.hy) / area;
  const E = least + first / Z, F = least - T * Math.log(Z * dA);
  return { T, E, F, S: (E - F) / T, cells, rx, ry, weight, shares: basinShares(surface, cells, rx, ry, weight) };
}

// Centre of sub-cell (a, b) of a cell, into out.
/**
 * @param {Surface} surface @param {number} cell @param {number} a @param {number} b @param {number} rx
 * @param {number} ry @param {number[]} out
 */
function centreInto(surface, cell, a, b, rx, ry, out) {
  const columns = surface.m - 1, i = Math.floor(cell / columns), j = cell % columns;
  out[0] = surface.x0 + (i + (a + 0.5) / rx) * surface.hx;
  out[1] = surface.y0 + (j + (b + 0.5) / ry) * surface.hy;
}

/**
 * @param {Surface} surface @param {number[]} cells @param {number} rx @param {number} ry @param {Float64Array} weight
 */
function basinShares(surface, cells, rx, ry, weight) {
  const shares = new Float64Array(surface.basinCount), centre = [0, 0];
  if (!surface.basinCount) return shares;
  let at = 0;
  for (const cell of cells) {
    for (let a = 0; a < rx; a++) {
      for (let b = 0; b < ry; b++, at++) {
        centreInto(surface, cell, a, b, rx, ry, centre);
        const basin = surface.basinAt(centre[0], centre[1]);
        if (basin >= 0) shares[basin] += weight[at];
      }
    }
  }
  return shares;
}

// Where the ball of T = 0 lies: the minimum of the basin, or of the whole surface.
/** @param {Surface} surface @param {number | null} basin @returns {() => [number, number]} */
function resting(surface, basin) {
  const minimum = basin === null ? surface.lowest : surface.minima[basin] ?? surface.lowest;
  return () => minimum;
}

// Draws positions from the Boltzmann density at T, of one basin if `basin` is given: `sampler() -> [x, y]`.
// A sub-cell is drawn with the weight of a lower bound of its energy, a point in it uniformly, and accepted with the
// ratio of the densities, so that the draws are exact and not smeared over the sub-cells.
/**
 * @param {Surface} surface @param {number} T @param {{next(): number}} random @param {number | null} [basin]
 * @returns {() => [number, number]}
 */
export function boltzmannSampler(surface, T, random, basin = null) {
  if (!(T > 0)) return resting(surface, basin);
  const { cells, rx, ry, E } = equilibrium(surface, T), area = rx * ry;
  const sum = new Float64Array(cells.length * area), lower = new Float64Array(cells.length * area);
  const wide = surface.hx / rx, high = surface.hy / ry, bend = (surface.kMax(T) * (wide * wide + high * high)) / 8;
  const out = new Float64Array(3);
  /** @type {[number, number]} */
  const centre = [0, 0];
  let total = 0, at = 0;
  for (const cell of cells) {
    for (let a = 0; a < rx; a++) {
      for (let b = 0; b < ry; b++, at++) {
        centreInto(surface, cell, a, b, rx, ry, centre);
        if (basin === null || surface.basinAt(centre[0], centre[1]) === basin) {
          surface.forceInto(centre[0], centre[1], out);
          lower[at] = out[2] - (Math.abs(out[0]) * wide + Math.abs(out[1]) * high) / 2 - bend;
          total += Math.exp((E - lower[at]) / T);
        }
        sum[at] = total;
      }
    }
  }
  if (!(total > 0)) return resting(surface, basin);
  return () => {
    for (;;) {
      const drawn = countUpTo(sum, random.next() * total), k = Math.floor(drawn / area);
      const a = Math.floor((drawn % area) / ry), b = drawn % ry;
      centreInto(surface, cells[k], a + random.next() - 0.5, b + random.next() - 0.5, rx, ry, centre);
      surface.forceInto(centre[0], centre[1], out);
      if (random.next() < Math.exp((lower[drawn] - out[2]) / T)) return [centre[0], centre[1]];
    }
  };
}
