// Balls on a surface: moved by a scheme, walls by folding, cells without data, seeded noise. Positions in slice
// coordinates, energies of the loss.

import { boltzmannSampler } from "./equilibrium.js";
import { createRandom } from "./random.js";
import { SCHEMES, USUAL } from "./schemes.js";

/** @import * as sent from "../message" */
/** @import { Surface } from "./surface.js" */
/** @typedef {(x: Float64Array, memory: Float64Array, i: number, low: number, high: number) => void} Meet */
/** @typedef {() => ArrayLike<number>} Sampler a place (x, y) at each call */
/** @typedef {ArrayLike<number> | number[][]} Places */
/** @typedef {number | ((step: number) => number)} Heat a temperature, or that of each step */
/**
 * Where balls are placed. T: of "boltzmann" and "basin"; x, y, width: of "point"; array: of "list", positions in pairs or
 * interleaved; first, count: which balls.
 * @typedef {{T?: number, basin?: number, x?: number, y?: number, width?: number,
 *   array?: Places, first?: number, count?: number}} Where
 */
/** @typedef {ReturnType<typeof createBalls>} Balls */

const MOST_BALLS = 50000;

// Folds coordinate i of the balls into [low, high]: specular reflection, right for any overshoot. After an odd number of
// folds, taken from the whole number (comparing floats would cool the gas), what the wall reverses changes sign.
/** @type {Meet} */
function fold(x, memory, i, low, high) {
  if (x[i] >= low && x[i] <= high) return;
  const side = high - low;
  const folds = Math.floor((x[i] - low) / side);
  const rest = Math.min(Math.max(x[i] - low - folds * side, 0), side);
  const odd = folds % 2 !== 0;
  x[i] = odd ? high - rest : low + rest;
  if (odd) memory[i] = -memory[i];
}

/** Positions in pairs, or interleaved, as interleaved ones. @type {(array: Places) => ArrayLike<number>} */
function interleaved(array) {
  const pairs = Array.isArray(array) && Array.isArray(array[0]);
  return pairs ? array.flat() : /** @type {ArrayLike<number>} */ (array);
}

// Without heat and inertia nothing throws a ball back: it stops at the wall, in that coordinate.
/** @type {Meet} */
function stop(x, _memory, i, low, high) {
  x[i] = Math.min(Math.max(x[i], low), high);
}

// Puts `meet` (fold or stop) to work on every ball that has left the box.
/**
 * @param {Meet} meet @param {Float64Array} x @param {Float64Array} memory @param {number} count
 * @param {Surface} surface
 */
function meetWalls(meet, x, memory, count, { x0, x1, y0, y1 }) {
  for (let i = 0; i < 2 * count; i += 2) {
    const u = x[i], v = x[i + 1];
    if (u >= x0 && u <= x1 && v >= y0 && v <= y1) continue;
    meet(x, memory, i, x0, x1);
    meet(x, memory, i + 1, y0, y1);
  }
}

// `count` balls on `surface`. Settings: n, seed, scheme, dt (null: the largest safe one, kept up to date), friction
// (BAOAB), capacity. `step(T, substeps)` takes a number or a function of the step number.
/**
 * @param {Surface} surface
 * @param {{n?: number, seed?: number, scheme?: sent.BallScheme, dt?: number | null, friction?: number,
 *   capacity?: number}} [settings]
 */
export function createBalls(surface, settings = {}) {
  const { seed = 0, capacity = MOST_BALLS } = settings;
  const b = {
    x: new Float64Array(2 * capacity), force: new Float64Array(2 * capacity), energy: new Float64Array(capacity),
    memory: new Float64Array(2 * capacity), noise: new Float64Array(2 * capacity),
    friction: settings.friction ?? 1, random: createRandom(seed),
  };
  const previous = surface.hasMask ? new Float64Array(2 * capacity) : null;
  let scheme = settings.scheme ?? USUAL;
  /** @type {Array<[first: number, end: number]>} */
  let fresh = [];
  let fixedStep = settings.dt ?? null, highest = surface.min;
  const { x0, x1, y0, y1 } = surface;

  const balls = {
    n: 0, x: b.x, energy: b.energy, steps: 0, time: 0, T: 0, dt: 0, scheme,
    setCount, place, step, setScheme, setFriction, setStep, injectNoise, reseed,
  };

  // Balls first..end stand somewhere new: their energies, and what drives them is drawn again before they move.
  /** @param {number} first @param {number} end */
  function settle(first, end) {
    surface.forcesInto(b.x, b.force, b.energy, first, end);
    fresh.push([first, end]);
    if (first === 0 && end === balls.n) renew();
    for (let k = first; k < end; k++) if (b.energy[k] > highest) highest = b.energy[k];
  }

  // All balls draw anew what drives them; the step adapts to where they stand now.
  function renew() {
    fresh = [[0, balls.n]];
    highest = surface.min;
    for (let k = 0; k < balls.n; k++) if (b.energy[k] > highest) highest = b.energy[k];
  }

  /** @param {number} k @param {ArrayLike<number>} where */
  function putAt(k, where) {
    b.x[2 * k] = Math.min(Math.max(where[0], x0), x1);
    b.x[2 * k + 1] = Math.min(Math.max(where[1], y0), y1);
  }

  // Balls first..count at draws of `sampler`, where a draw without data is drawn again.
  /** @param {number} first @param {number} end @param {Sampler} sampler */
  function putDraws(first, end, sampler) {
    for (let k = first; k < end; k++) {
      let where = sampler();
      for (let tries = 0; surface.masked(where[0], where[1]) && tries < 1000; tries++) where = sampler();
      putAt(k, surface.masked(where[0], where[1]) ? surface.lowest : where);
    }
  }

  const uniform = () => [x0 + (x1 - x0) * b.random.next(), y0 + (y1 - y0) * b.random.next()];

  /** @type {Record<string, (where: Where) => Sampler>} */
  const DRAWS = {
    uniform: () => uniform,
    boltzmann: ({ T = 0 }) => boltzmannSampler(surface, T, b.random),
    basin: ({ basin = 0, T = 0 }) => boltzmannSampler(surface, T, b.random, basin),
    // A Gaussian, two cells wide unless told otherwise, so that a cloud has a density from the start.
    point: ({ x = 0, y = 0, width = 2 * Math.max(surface.hx, surface.hy) }) => {
      const draw = () => [x + width * b.random.normal(), y + width * b.random.normal()];
      return () => {
        let [u, v] = draw();
        while (!(u >= x0 && u <= x1 && v >= y0 && v <= y1)) [u, v] = draw();
        return [u, v];
      };
    },
    // Given positions, interleaved or in pairs, one ball each in turn.
    list: ({ array = [] }) => {
      const flat = interleaved(array);
      let k = -2;
      return () => { k = (k + 2) % flat.length; return [flat[k], flat[k + 1]]; };
    },
  };

  // All balls anew, or balls first..count: "uniform" | "boltzmann" {T} | "basin" {basin, T} | "point" {x, y, width}
  // | "list" {array}.
  /** @param {string} kind @param {Where} [options] */
  function place(kind, options = {}) {
    const first = options.first ?? 0, end = Math.min(options.count ?? balls.n, balls.n);
    putDraws(first, end, DRAWS[kind](options));
    settle(first, end);
  }

  // More balls start uniformly; fewer: the last ones go.
  /** @param {number} count */
  function setCount(count) {
    const before = balls.n;
    balls.n = Math.min(Math.max(Math.round(count), 0), capacity);
    for (const range of fresh) range.forEach((end, k) => { range[k] = Math.min(end, balls.n); });
    if (balls.n > before) place("uniform", { first: before });
  }

  /** @param {sent.BallScheme} name */
  function setScheme(name) {
    if (!(name in SCHEMES)) throw new RangeError(`scheme must be one of ${Object.keys(SCHEMES).join(", ")}`);
    balls.scheme = scheme = name;
    renew();
  }

  /** @param {number} friction */
  function setFriction(friction) { b.friction = friction; }

  /** @param {number | null} dt */
  function setStep(dt) { fixedStep = dt; }

  // The same seed replays: the noise starts again from its beginning.
  /** @param {number} value */
  function reseed(value) {
    b.random = createRandom(value);
    renew();
  }

  // Normals to use instead of the generator's, in order: first what the scheme's start takes (R_0 or the velocities,
  // [n, 2]), then [n, 2] for each step.
  /** @param {ArrayLike<number>} array */
  function injectNoise(array) {
    let at = 0;
    const normal = () => array[at++];
    /** @param {Float64Array} out @param {number} count */
    const fill = (out, count) => { for (let i = 0; i < count; i++) out[i] = normal(); };
    b.random = { next: b.random.next, normal, fill };
    renew();
  }

  // A step into a cell without data is refused: the ball stays and what drove it turns round.
  /** @param {Float64Array} previous */
  function refuseMasked(previous) {
    const { x, memory } = b;
    for (let k = 0; k < balls.n; k++) {
      if (!surface.masked(x[2 * k], x[2 * k + 1])) continue;
      for (let i = 2 * k; i < 2 * k + 2; i++) {
        x[i] = previous[i];
        memory[i] = -memory[i];
      }
    }
  }

  // One step. Energies are asked for after the last one only: nothing that moves the balls needs them.
  /** @param {number} T @param {boolean} last */
  function advance(T, last) {
    const { move, finish, begin, massless } = SCHEMES[scheme], count = balls.n;
    const dt = fixedStep ?? surface.stepFor(T, scheme, highest);
    for (const [first, end] of fresh) begin(b, dt, T, first, end);
    fresh = [];
    if (previous) previous.set(b.x.subarray(0, 2 * count));
    if (T > 0) b.random.fill(b.noise, 2 * count);
    else b.noise.fill(0, 0, 2 * count);
    move(b, dt, T, count);
    meetWalls(massless && !(T > 0) ? stop : fold, b.x, b.memory, count, surface);
    if (previous) refuseMasked(previous);
    surface.forcesInto(b.x, b.force, last ? b.energy : null, 0, count);
    finish(b, dt, count);
    balls.steps += 1;
    balls.time += dt;
    balls.T = T;
    balls.dt = dt;
  }

  /** @param {Heat} T @param {number} [substeps] */
  function step(T, substeps = 1) {
    for (let k = 1; k <= substeps; k++) advance(typeof T === "function" ? T(balls.steps) : T, k === substeps);
  }

  setScheme(scheme);
  setCount(settings.n ?? 1000);
  return balls;
}
