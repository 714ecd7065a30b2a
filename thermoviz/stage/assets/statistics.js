// Read-outs of the cloud: energy, free energy and entropy beside their exact equilibrium, and the shares of the basins.
// KL: plug-in estimate over K = min(n / 10, 64) cells of about equal Boltzmann mass, less its sampling floor (K - 1) / 2n;
// F = F_eq + T KL; S = (E - F) / T. At T = 0 there is no density: F = E, and S and KL are not shown.

import { equilibrium } from "./equilibrium.js";

const BALLS_PER_CELL = 10;
const MOST_CELLS = 64;

// Cuts the sub-columns (or rows) with these masses into at most `pieces` of about equal mass, none of them empty:
// indices of the cuts, ascending.
function cutsOf(masses, pieces) {
  let total = 0, seen = 0, wanted = 1;
  for (const mass of masses) total += mass;
  const cuts = [];
  for (let i = 0; i < masses.length && wanted < pieces; i++) {
    seen += masses[i];
    if (seen >= total) break;
    if (seen < (total * wanted) / pieces) continue;
    cuts.push(i + 1);
    wanted = Math.floor((seen * pieces) / total) + 1;
  }
  return cuts;
}

// Strip of a position among ascending cuts: their number <= index.
function stripOf(cuts, index) {
  let strip = 0;
  while (strip < cuts.length && index >= cuts[strip]) strip += 1;
  return strip;
}

// A partition of the box into cells of known Boltzmann mass: strips along x, each cut along y, on sub-cell lines, so that
// the masses are exact sums. `{cellOf(x, y), mass}`.
function partition(surface, state, K) {
  const { cells, rx, ry, weight } = state, columns = surface.m - 1, area = rx * ry;
  const strips = Math.max(1, Math.round(Math.sqrt(K)));
  const along = new Float64Array((surface.n - 1) * rx);
  cells.forEach((cell, k) => {
    const i = Math.floor(cell / columns) * rx;
    for (let q = 0; q < area; q++) along[i + Math.floor(q / ry)] += weight[k * area + q];
  });
  const cuts = cutsOf(along, strips), rows = columns * ry;
  const across = new Float64Array((cuts.length + 1) * rows);
  cells.forEach((cell, k) => {
    const i = Math.floor(cell / columns) * rx, j = (cell % columns) * ry;
    for (let a = 0; a < rx; a++) {
      const strip = stripOf(cuts, i + a) * rows;
      for (let b = 0; b < ry; b++) across[strip + j + b] += weight[k * area + a * ry + b];
    }
  });
  const perStrip = Math.max(1, Math.floor(K / (cuts.length + 1)));
  const mass = [], stripCuts = [], offset = [];
  for (let strip = 0; strip <= cuts.length; strip++) {
    const masses = across.subarray(strip * rows, (strip + 1) * rows), own = cutsOf(masses, perStrip);
    offset.push(mass.length);
    stripCuts.push(own);
    let from = 0;
    for (const to of [...own, rows]) {
      let sum = 0;
      for (let i = from; i < to; i++) sum += masses[i];
      mass.push(sum);
      from = to;
    }
  }
  const perX = rx / surface.hx, perY = ry / surface.hy;
  function cellOf(x, y) {
    const strip = stripOf(cuts, Math.floor((x - surface.x0) * perX));
    return offset[strip] + stripOf(stripCuts[strip], Math.floor((y - surface.y0) * perY));
  }
  return { cellOf, mass };
}

// KL(cloud | Boltzmann) in nats, sampling floor removed; null with too few balls for two cells.
function divergence(balls, { cellOf, mass }) {
  const K = mass.length, n = balls.n;
  const counts = new Float64Array(K);
  for (let k = 0; k < n; k++) counts[cellOf(balls.x[2 * k], balls.x[2 * k + 1])] += 1;
  let sum = 0;
  for (let c = 0; c < K; c++) {
    // Cells beyond the tabulated weight (exp(-40)) count with the least mass a double can divide by.
    if (counts[c]) sum += (counts[c] / n) * Math.log(counts[c] / n / Math.max(mass[c], Number.MIN_VALUE));
  }
  return sum - (K - 1) / (2 * n);
}

// `measure(balls, T)` -> `{E, S, F, KL, shares, eq: {E, S, F, shares}}`; null where a number does not exist.
export function createStatistics(surface) {
  const cut = { T: null, K: 0, value: null };

  function cellsAt(T, K) {
    if (cut.T !== T || cut.K !== K) Object.assign(cut, { T, K, value: partition(surface, equilibrium(surface, T), K) });
    return cut.value;
  }

  function sharesOf(balls) {
    const shares = new Float64Array(surface.basinCount);
    for (let k = 0; k < balls.n; k++) {
      const basin = surface.basinAt(balls.x[2 * k], balls.x[2 * k + 1]);
      if (basin >= 0) shares[basin] += 1 / balls.n;
    }
    return shares;
  }

  // At T = 0 all weight lies at the global minimum, which is basin 0.
  function frozen(E, shares) {
    const resting = shares.map((_, basin) => (basin === 0 ? 1 : 0));
    return { E, S: null, F: E, KL: null, shares, eq: { E: surface.min, S: null, F: surface.min, shares: resting } };
  }

  function measure(balls, T) {
    if (!balls.n) return null;
    let sum = 0;
    for (let k = 0; k < balls.n; k++) sum += balls.energy[k];
    const E = sum / balls.n, shares = sharesOf(balls);
    if (!(T > 0)) return frozen(E, shares);
    const eq = equilibrium(surface, T), K = Math.min(Math.floor(balls.n / BALLS_PER_CELL), MOST_CELLS);
    const KL = K > 1 ? divergence(balls, cellsAt(T, K)) : null;
    const F = KL === null ? null : eq.F + T * KL;
    const S = F === null ? null : (E - F) / T;
    return { E, S, F, KL, shares, eq: { E: eq.E, S: eq.S, F: eq.F, shares: eq.shares } };
  }

  return { measure };
}
