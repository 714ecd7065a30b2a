// The schemes that move balls, in one table: the same equations as Python's `Overdamped` and `BAOAB`.

/** @import * as sent from "../message" */
/** @import { Random } from "./random.js" */
/** @import { Words } from "./words.js" */
/**
 * What a scheme moves: positions, forces and fresh normals, interleaved; memory: what a wall reverses, the kept noise or
 * the velocity.
 * @typedef {{x: Float64Array, force: Float64Array, memory: Float64Array, noise: Float64Array, friction: number,
 *   random: Random}} Bodies
 */
/**
 * Between two evaluations of the force: `move` before it, `finish` after it; `begin` where balls first..count start.
 * @typedef {object} Scheme
 * @property {(_: Words) => string} title
 * @property {boolean} massless without velocities
 * @property {number} fraction the largest stable step: dt k <= it without mass, dt sqrt(k) <= it with mass; k: stiffness
 * @property {(b: Bodies, dt: number, T: number, count: number) => void} move
 * @property {(b: Bodies, dt: number, count: number) => void} finish
 * @property {(b: Bodies, dt: number, T: number, first: number, count: number) => void} begin
 */

/** @type {Record<sent.BallScheme, Scheme>} */
export const SCHEMES = {
  // x += -dt grad E + (kick_n R_n + kick_{n+1} R_{n+1}) / 2, kick = sqrt(2 T dt) with each R's own T and dt.
  // Second-order stationary law (Leimkuhler & Matthews 2013).
  "leimkuhler-matthews": {
    title: () => "Leimkuhler\u2013Matthews",
    massless: true,
    fraction: 0.5,
    move(b, dt, T, count) {
      const { x, force, memory, noise } = b;
      const fresh = Math.sqrt(2 * T * dt) / 2;
      for (let i = 0; i < 2 * count; i++) {
        const kick = fresh * noise[i];
        x[i] += dt * force[i] + memory[i] + kick;
        memory[i] = kick;
      }
    },
    finish() {},
    // The first R_0 has the temperature of the first step.
    begin(b, dt, T, first, count) {
      const half = Math.sqrt(2 * T * dt) / 2;
      for (let i = 2 * first; i < 2 * count; i++) b.memory[i] = half * b.random.normal();
    },
  },
  // x += -dt grad E + sqrt(2 T dt) R: what SGD does.
  "euler-maruyama": {
    title: (_) => _("Euler (what SGD does)"),
    massless: true,
    fraction: 0.1,
    move(b, dt, T, count) {
      const { x, force, noise } = b;
      const kick = Math.sqrt(2 * T * dt);
      for (let i = 0; i < 2 * count; i++) x[i] += dt * force[i] + kick * noise[i];
    },
    finish() {},
    begin() {},
  },
  // v += dt F/2; x += dt v/2; v = c v + sqrt(T (1 - c^2)) R, c = exp(-friction dt); x += dt v/2; v += dt F/2.
  // Exact position variance in a harmonic well (Leimkuhler & Matthews 2013).
  baoab: {
    title: (_) => _("BAOAB (momentum)"),
    massless: false,
    fraction: 0.5,
    move(b, dt, T, count) {
      const { x, force, memory, noise } = b;
      const decay = Math.exp(-b.friction * dt), kick = Math.sqrt(T * (1 - decay * decay)), half = dt / 2;
      for (let i = 0; i < 2 * count; i++) {
        const v = memory[i] + half * force[i];
        const turned = decay * v + kick * noise[i];
        x[i] += half * (v + turned);
        memory[i] = turned;
      }
    },
    finish(b, dt, count) {
      const { force, memory } = b, half = dt / 2;
      for (let i = 0; i < 2 * count; i++) memory[i] += half * force[i];
    },
    // Velocities of mass 1 at the temperature of the first step.
    begin(b, _dt, T, first, count) {
      const width = Math.sqrt(T);
      for (let i = 2 * first; i < 2 * count; i++) b.memory[i] = width * b.random.normal();
    },
  },
};

/** @type {sent.BallScheme} */
export const USUAL = "leimkuhler-matthews";
