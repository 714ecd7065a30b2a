// Read-outs of the cloud: energy, entropy, free energy and distance to Boltzmann with their standard errors, beside the
// exact equilibrium, and the shares of the basins: the same numbers as core/thermodynamics/clouds.py. S: nearest neighbours;
// F = E - T S; KL = (F - F_eq) / T. At T = 0: F = E, and S and KL are not shown.

import { equilibrium } from "./equilibrium.js";
import { FEWEST, createRegion, localEntropies } from "./neighbours.js";

/** @import { Surface } from "./surface.js" */
/**
 * @typedef {{n: number, x: Float64Array, energy: Float64Array}} Cloud positions, interleaved, and energies of n balls
 */
/**
 * @typedef {{E: number | null, S: number | null, F: number | null, KL: number | null}} Readings null: it does not exist
 */
/**
 * @typedef {object} Measurement
 * @property {number} E
 * @property {number | null} S
 * @property {number | null} F
 * @property {number | null} KL
 * @property {Readings} stderr
 * @property {boolean} bound balls coincide, so that S is at most, F and KL are at least what is given
 * @property {number} n
 * @property {number} counted of the n balls, those that S is taken of
 * @property {Float64Array} shares
 * @property {{E: number, S: number | null, F: number, shares: Float64Array}} eq
 */

const MOST = 3000; // balls whose entropy is taken, evenly chosen

// Mean and variance of values[0..n), covariance with `others`.
/** @param {Float64Array} values @param {Float64Array} others @param {number} n */
function moments(values, others, n) {
  let a = 0, b = 0, aa = 0, bb = 0, ab = 0;
  for (let k = 0; k < n; k++) {
    a += values[k] / n;
    b += others[k] / n;
  }
  for (let k = 0; k < n; k++) {
    const u = values[k] - a, v = others[k] - b;
    aa += u * u;
    bb += v * v;
    ab += u * v;
  }
  return { means: [a, b], variances: [aa / (n - 1), bb / (n - 1)], covariance: ab / (n - 1) };
}

// `measure(balls, T)`: a Measurement, null without balls.
/** @param {Surface} surface */
export function createStatistics(surface) {
  const region = createRegion(surface);

  /** @param {Cloud} balls */
  function sharesOf(balls) {
    const shares = new Float64Array(surface.basinCount);
    for (let k = 0; k < balls.n; k++) {
      const basin = surface.basinAt(balls.x[2 * k], balls.x[2 * k + 1]);
      if (basin >= 0) shares[basin] += 1 / balls.n;
    }
    return shares;
  }

  // At T = 0 all weight lies at the global minimum, which is basin 0.
  /**
   * @param {number} n @param {number} E @param {number | null} error @param {Float64Array} shares
   * @returns {Measurement}
   */
  function frozen(n, E, error, shares) {
    const resting = shares.map((_, basin) => (basin === 0 ? 1 : 0));
    return { E, S: null, F: E, KL: null, stderr: { E: error, S: null, F: error, KL: null }, bound: false, n, counted: n,
      shares, eq: { E: surface.min, S: null, F: surface.min, shares: resting } };
  }

  // S, and its error with that of F = E - T S.
  /** @param {Cloud} balls @param {number} T */
  function entropyOf(balls, T) {
    const { n } = balls, m = Math.min(n, MOST), [x, y, energy] = [0, 1, 2].map(() => new Float64Array(m));
    for (let i = 0; i < m; i++) {
      const k = Math.floor((i * n) / m);
      x[i] = balls.x[2 * k];
      y[i] = balls.x[2 * k + 1];
      energy[i] = balls.energy[k];
    }
    const { terms, shared, bias, resolved } = localEntropies(x, y, region);
    const { means, variances, covariance } = moments(terms, energy, m), own = (variances[0] + shared) / m + bias * bias;
    const free = T * T * own + (variances[1] - 2 * T * covariance) / n;
    return { S: means[0], ofS: Math.sqrt(own), ofF: Math.sqrt(Math.max(free, 0)), bound: !resolved, counted: m };
  }

  /** @param {Cloud} balls @param {number} T @returns {Measurement | null} */
  function measure(balls, T) {
    const { n } = balls;
    if (!n) return null;
    const { means, variances } = moments(balls.energy, balls.energy, n), E = means[0], shares = sharesOf(balls);
    const ofE = n > 1 ? Math.sqrt(variances[0] / n) : null;
    if (!(T > 0)) return frozen(n, E, ofE, shares);
    const eq = equilibrium(surface, T), known = { n, E, eq: { E: eq.E, S: eq.S, F: eq.F, shares: eq.shares }, shares };
    const none = { S: null, F: null, KL: null };
    if (n < FEWEST) return { ...known, ...none, stderr: { E: ofE, ...none }, bound: false, counted: n };
    const { S, ofS, ofF, ...rest } = entropyOf(balls, T), F = E - T * S;
    return { ...known, S, F, KL: (F - eq.F) / T, stderr: { E: ofE, S: ofS, F: ofF, KL: ofF / T }, ...rest };
  }

  return { measure };
}
