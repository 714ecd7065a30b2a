// Seeded random numbers: sfc32 for the bits, a 256-layer ziggurat for the normals.
// Sources: Doty-Humphrey's "small fast counting" generator (PractRand); Marsaglia & Tsang (2000), with layer, sign
// and magnitude taken from disjoint bits of one word (Doornik 2005 shows why).

/** @typedef {ReturnType<typeof createRandom>} Random */

const LAYERS = 256;
const TAIL = 3.6541528853610088; // start of the tail for 256 layers of equal area (Marsaglia & Tsang 2000)
const MAGNITUDES = 2 ** 23;

// Layer i is the rectangle [0, edge_i] x [height_i, height_{i+1}]; layer 0 holds the tail as well.
function zigguratTables() {
  const accept = new Int32Array(LAYERS);
  const width = new Float64Array(LAYERS);
  const height = new Float64Array(LAYERS + 1);
  /** @param {number} x */
  const density = (x) => Math.exp(-0.5 * x * x);
  const tailArea = tailMass(TAIL);
  const area = TAIL * density(TAIL) + tailArea;
  let edge = TAIL;
  width[0] = area / density(TAIL) / MAGNITUDES;
  accept[0] = Math.floor((TAIL / (area / density(TAIL))) * MAGNITUDES);
  height[1] = density(TAIL);
  for (let i = 1; i < LAYERS; i++) {
    height[i] = density(edge);
    const above = height[i] + area / edge;
    const next = above >= 1 ? 0 : Math.sqrt(-2 * Math.log(above));
    width[i] = edge / MAGNITUDES;
    accept[i] = Math.floor((next / edge) * MAGNITUDES);
    edge = next;
  }
  height[LAYERS] = 1;
  return { accept, width, height };
}

// Integral of exp(-x^2/2) from a to infinity by the continued fraction a + 1/(a + 2/(a + 3/...)).
/** @param {number} a */
function tailMass(a) {
  let fraction = a;
  for (let k = 60; k >= 1; k--) fraction = a + k / fraction;
  return Math.exp(-0.5 * a * a) / fraction;
}

const ZIGGURAT = zigguratTables();

// A generator with `next()` uniform in [0, 1), `normal()`, and `fill(array, count)`: `count` normals at once.
/** @param {number} seed */
export function createRandom(seed) {
  let a = 0, b = 0, c = 0, counter = 1;
  const { accept, width, height } = ZIGGURAT;

  function word() {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum | 0;
    return sum;
  }

  function next() {
    return (word() >>> 0) / 4294967296;
  }

  // A word whose layer and magnitude fall outside the layer's certain part.
  /** @type {(layer: number, value: number) => number} */
  function hard(layer, value) {
    if (layer === 0) {
      const size = tail();
      return value < 0 ? -size : size;
    }
    const y = height[layer] + next() * (height[layer + 1] - height[layer]);
    return y < Math.exp(-0.5 * value * value) ? value : normal();
  }

  /** @returns {number} */
  function tail() {
    for (;;) {
      const x = -Math.log(1 - next()) / TAIL;
      if (-2 * Math.log(1 - next()) > x * x) return TAIL + x;
    }
  }

  /** @returns {number} */
  function normal() {
    const bits = word();
    const layer = bits & 255;
    const magnitude = bits >>> 9;
    const value = (bits & 256 ? -magnitude - 0.5 : magnitude + 0.5) * width[layer];
    return magnitude < accept[layer] ? value : hard(layer, value);
  }

  // As `normal`, with the state in local variables. "| 0" tells the compiler that what comes back is a whole number:
  // without it each draw would allocate, at eight times the cost.
  /** @param {Float64Array} array @param {number} count */
  function fill(array, count) {
    let p = a | 0, q = b | 0, r = c | 0, n = counter | 0;
    for (let i = 0; i < count; i++) {
      const bits = (p + q + n) | 0;
      n = (n + 1) | 0;
      p = q ^ (q >>> 9);
      q = (r + (r << 3)) | 0;
      r = (((r << 21) | (r >>> 11)) + bits) | 0;
      const layer = bits & 255, magnitude = bits >>> 9;
      const value = (bits & 256 ? -magnitude - 0.5 : magnitude + 0.5) * width[layer];
      if (magnitude < accept[layer]) array[i] = value;
      else {
        a = p; b = q; c = r; counter = n;
        array[i] = hard(layer, value);
        p = a | 0; q = b | 0; r = c | 0; n = counter | 0;
      }
    }
    a = p; b = q; c = r; counter = n;
  }

  a = 0x9e3779b9 | 0;
  b = seed | 0;
  c = Math.floor(seed / 4294967296) | 0;
  for (let i = 0; i < 16; i++) word();
  return { next, normal, fill };
}
