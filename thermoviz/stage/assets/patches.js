// A cloud cut into patches that a Gaussian describes well, each with its own measure of distance: the same computation as
// core/statistics/patches.py. A tree: patches are cut along their longest axis where two means fit best, down to few
// points; then cuts are taken back, from the leaves up, unless they shorten the description by Gaussians.

/** @typedef {ReturnType<typeof shapes>} Shapes */

const DEEPEST = 12;
const FEWEST_TO_CUT = 16, FEWEST_FOR_SHAPE = 12, FEWEST_FOR_SIZE = 3;
const LLOYD_STEPS = 5;
const NATS_PER_PATCH = 2.5;

// Of `groups` groups of the points (x, y) listed in `points`, numbered by group[point]: n, mean, variances along the
// principal axes (at least `least`), first axis. Lengths are in units in which the cloud's world is about 1 wide.
/**
 * @param {Float64Array} x @param {Float64Array} y @param {Int32Array} points @param {Int32Array} group
 * @param {number} groups @param {number} least
 */
export function shapes(x, y, points, group, groups, least) {
  const make = () => new Float64Array(groups);
  const n = make(), meanX = make(), meanY = make(), xx = make(), yy = make(), xy = make();
  const long = make(), short = make(), cos = make(), sin = make();
  for (const k of points) {
    const g = group[k];
    n[g] += 1;
    meanX[g] += x[k];
    meanY[g] += y[k];
  }
  for (let g = 0; g < groups; g++) {
    meanX[g] /= Math.max(n[g], 1);
    meanY[g] /= Math.max(n[g], 1);
  }
  for (const k of points) {
    const g = group[k], u = x[k] - meanX[g], v = y[k] - meanY[g];
    xx[g] += u * u;
    yy[g] += v * v;
    xy[g] += u * v;
  }
  for (let g = 0; g < groups; g++) {
    const count = Math.max(n[g], 1), round = n[g] < FEWEST_FOR_SHAPE;
    const middle = n[g] < FEWEST_FOR_SIZE ? 1 : (xx[g] / count + yy[g] / count) / 2;
    const half = round ? 0 : (xx[g] / count - yy[g] / count) / 2, cross = round ? 0 : xy[g] / count;
    const length = Math.hypot(half, cross), angle = Math.atan2(cross, half) / 2;
    long[g] = Math.max(middle + length, least);
    short[g] = Math.max(middle - length, least);
    cos[g] = Math.cos(angle);
    sin[g] = Math.sin(angle);
  }
  return { n, meanX, meanY, long, short, cos, sin };
}

// Whether each of the points lies in the upper of two means of its group along the group's first axis, into upper[point].
/**
 * @param {Float64Array} x @param {Float64Array} y @param {Int32Array} points @param {Int32Array} group
 * @param {number} groups @param {Shapes} shape @param {Float64Array} along @param {Uint8Array} upper
 */
function upperHalf(x, y, points, group, groups, shape, along, upper) {
  const middle = new Float64Array(groups), sum = new Float64Array(2 * groups), count = new Float64Array(2 * groups);
  for (const k of points) {
    const g = group[k];
    along[k] = (x[k] - shape.meanX[g]) * shape.cos[g] + (y[k] - shape.meanY[g]) * shape.sin[g];
  }
  for (let step = 0; step < LLOYD_STEPS; step++) {
    sum.fill(0);
    count.fill(0);
    for (const k of points) {
      const side = 2 * group[k] + (along[k] >= middle[group[k]] ? 1 : 0);
      sum[side] += along[k];
      count[side] += 1;
    }
    let still = true;
    for (let g = 0; g < groups; g++) {
      const now = (sum[2 * g] / Math.max(count[2 * g], 1) + sum[2 * g + 1] / Math.max(count[2 * g + 1], 1)) / 2;
      if (now !== middle[g]) still = false;
      middle[g] = now;
    }
    if (still) break;
  }
  for (const k of points) upper[k] = along[k] >= middle[group[k]] ? 1 : 0;
}

// The node of each point after all cuts that do not shorten the description have been taken back.
/** @param {Int32Array} node @param {Float64Array} cost */
function pruned(node, cost) {
  const best = cost.slice(), cut = new Uint8Array(cost.length);
  for (let parent = (cost.length - 3) / 2; parent >= 0; parent--) {
    const together = best[2 * parent + 1] + best[2 * parent + 2];
    if (together < best[parent]) {
      best[parent] = together;
      cut[parent] = 1;
    }
  }
  return node.map((own) => {
    let kept = own;
    for (let above = own; above > 0;) {
      above = (above - 1) >> 1;
      if (!cut[above]) kept = above;
    }
    return kept;
  });
}

// `{patch, count}`: the patch of each of the points (x, y), numbered from 0; a variance of `least` counts as none.
/** @param {Float64Array} x @param {Float64Array} y @param {number} least */
export function patches(x, y, least) {
  const n = x.length, node = new Int32Array(n), place = new Int32Array(n), cost = new Float64Array(2 ** (DEEPEST + 1) - 1);
  const along = new Float64Array(n), upper = new Uint8Array(n);
  let fresh = Int32Array.from({ length: n }, (_, k) => k);
  cost.fill(Infinity);
  for (let depth = 0; depth <= DEEPEST && fresh.length; depth++) {
    const first = 2 ** depth - 1, groups = 2 ** depth;
    for (const k of fresh) place[k] = node[k] - first;
    const shape = shapes(x, y, fresh, place, groups, least);
    for (let g = 0; g < groups; g++) {
      const count = shape.n[g];
      if (!count) continue;
      cost[first + g] = count * (Math.log(shape.long[g] * shape.short[g]) / 2 + Math.log(n / count))
        + NATS_PER_PATCH * Math.log(n);
    }
    if (depth === DEEPEST) break;
    fresh = fresh.filter((k) => shape.n[place[k]] >= FEWEST_TO_CUT && shape.long[place[k]] > least);
    upperHalf(x, y, fresh, place, groups, shape, along, upper);
    for (const k of fresh) node[k] = 2 * node[k] + 1 + upper[k];
  }
  const kept = pruned(node, cost), numbers = new Int32Array(cost.length), used = [...new Set(kept)].sort((a, b) => a - b);
  used.forEach((own, k) => { numbers[own] = k; });
  return { patch: kept.map((own) => numbers[own]), count: used.length };
}
