// The real networks of a run: their projected paths as lines on the relief, and their heads as diamonds. They are
// bodies of another kind than the balls: they feel all dimensions, so they fade with their distance from the plane.

import { rgb } from "./colours.js";
import { decode } from "./surface.js";

/** @import * as sent from "../message" */
/** @import { Frame, Vector } from "./frame.js" */
/** @import { Cloud } from "./statistics.js" */
/** @import { Surface } from "./surface.js" */
/** @typedef {NonNullable<ReturnType<typeof readPaths>>} Paths */
/**
 * @typedef {{length: number, point: (t: number) => Vector | null, colour: string, opacity: (t: number) => number}} Line
 */
/**
 * What is drawn at a place of the world; size: css pixels; kind 0: a network's diamond, 1: a minimum, 2: the followed ball.
 * @typedef {{x: number, y: number, z: number, colour: string, alpha: number, kind: 0 | 1 | 2, size: number}} Mark
 */

const LIFT = 0.012; // above the relief, in world units
const FAINTEST = 0.12;

/**
 * Paths of a payload, or null: {T, n, names, colourOf(member), colour(k), visible(t, k), place(t, k), steps, starts}.
 * @param {sent.Paths | null} paths @param {sent.Look} look
 */
export function readPaths(paths, look) {
  if (!paths) return null;
  const [T, n] = paths.u.shape;
  const u = decode(paths.u);
  const residual = decode(paths.residual), energy = decode(paths.energy), { member, names, steps } = paths;
  const members = names.length;
  const known = residual.filter(Number.isFinite).sort();
  // A network one third as far from the plane as the farthest one is shown at half strength.
  const reach = Math.max(1e-12, (known[known.length - 1] ?? 0) / 3);
  /** @param {number} m */
  const colourOf = (m) => (members > 1 ? look.optimisers[m % look.optimisers.length] : look.path);
  /** @param {number} k */
  const colour = (k) => colourOf(member[k]);
  /** @param {number} t @param {number} k */
  const visible = (t, k) => FAINTEST + (1 - FAINTEST) * 0.5 ** (Math.max(0, residual[t * n + k]) / reach);
  /** @param {number} t @param {number} k @returns {[number, number]} */
  const place = (t, k) => [u[2 * (t * n + k)], u[2 * (t * n + k) + 1]];
  /**
   * The network whose head at record t lies nearest to (x, y), `within` a distance: its {name, loss}, or null.
   * @param {number} t @param {number} x @param {number} y @param {number} within
   */
  function nearest(t, x, y, within) {
    let best = -1, least = within * within;
    for (let k = 0; k < n; k++) {
      const [u, v] = place(t, k), far = (u - x) ** 2 + (v - y) ** 2;
      if (far < least) { least = far; best = k; }
    }
    if (best < 0 || !Number.isFinite(energy[t * n + best])) return null;
    return { name: names[member[best]] ?? "", loss: energy[t * n + best] };
  }
  return {
    nearest, T, n, members, names, colour, colourOf, visible, place, steps,
    starts: Array.from({ length: n }, (_, k) => place(0, k)).filter(([x,
      y]) => Number.isFinite(x) && Number.isFinite(y)),
  };
}

/**
 * Where a network stands on the relief, or null outside the box and after it diverged.
 * @param {Surface} surface @param {Frame} frame @param {[number, number]} place @returns {Vector | null}
 */
function onRelief(surface, frame, [x, y]) {
  if (!(x >= surface.x0 && x <= surface.x1 && y >= surface.y0 && y <= surface.y1) || surface.masked(x, y)) return null;
  return [frame.wx(x), frame.wy(y), frame.wz(surface.energy(x, y)) + LIFT];
}

/** The lines for the renderer. @type {(paths: Paths | null, surface: Surface, frame: Frame) => Line[]} */
export const pathLines = (paths, surface, frame) => (paths ? Array.from({ length: paths.n }, (_, k) => ({
  length: paths.T,
  point: (t) => onRelief(surface, frame, paths.place(t, k)),
  colour: paths.colour(k),
  opacity: (t) => 0.95 * paths.visible(t, k),
})) : []);

/**
 * The heads at record `t` (a fraction between two records is interpolated).
 * @param {Paths | null} paths @param {Surface} surface @param {Frame} frame @param {number} t
 */
export function pathHeads(paths, surface, frame, t) {
  if (!paths) return [];
  const low = Math.min(paths.T - 1, Math.floor(t)), high = Math.min(paths.T - 1, low + 1), w = t - low;
  /** @type {Mark[]} */
  const heads = [];
  for (let k = 0; k < paths.n; k++) {
    const a = paths.place(low, k), b = paths.place(high, k);
    const at = onRelief(surface, frame, [a[0] + w * (b[0] - a[0]), a[1] + w * (b[1] - a[1])]);
    if (!at) continue;
    heads.push({ x: at[0], y: at[1], z: at[2], colour: paths.colour(k), alpha: Math.max(0.45, paths.visible(low, k)),
      kind: 0, size: paths.n > 8 ? 12 : 17 });
  }
  return heads;
}

/**
 * Trails of the first balls: their last positions, as segments that fade with age.
 * @param {number} [most] @param {number} [length]
 */
export function createTrails(most = 300, length = 24) {
  /** @type {Float32Array[]} */
  let history = [];
  const out = new Float32Array(11 * most * (length - 1));
  return {
    clear() { history = []; },
    /** @param {Cloud} balls @param {Frame} frame */
    record(balls, frame) {
      const n = Math.min(most, balls.n);
      const now = new Float32Array(3 * n);
      for (let k = 0; k < n; k++) {
        now[3 * k] = frame.wx(balls.x[2 * k]);
        now[3 * k + 1] = frame.wy(balls.x[2 * k + 1]);
        now[3 * k + 2] = frame.wz(balls.energy[k]) + 0.006;
      }
      history.push(now);
      if (history.length > length) history.shift();
    },
    /** @param {string} colour */
    segments(colour) {
      const [red, green, blue] = rgb(colour);
      let end = 0;
      for (let t = 1; t < history.length; t++) {
        const a = history[t - 1], b = history[t], n = Math.min(a.length, b.length) / 3;
        const alpha = 0.55 * (t / history.length) ** 1.5;
        for (let k = 0; k < n; k++) {
          const jump = Math.hypot(a[3 * k] - b[3 * k], a[3 * k + 1] - b[3 * k + 1]);
          if (jump > 0.15) continue; // placed anew, not moved
          for (let i = 0; i < 3; i++) {
            out[end + i] = a[3 * k + i];
            out[end + 3 + i] = b[3 * k + i];
          }
          out[end + 6] = red; out[end + 7] = green; out[end + 8] = blue;
          out[end + 9] = alpha; out[end + 10] = -1;
          end += 11;
        }
      }
      return out.subarray(0, end);
    },
  };
}
