// The frame of the drawing: slice coordinates and energies <-> the world that the camera sees.
// The longer side of the box spans [-1, 1]; the height spans [0, HEIGHT] from the lowest to the highest energy shown: by
// itself, from the surface's minimum to its ceiling.

/** @import { Surface } from "./surface.js" */
/** @typedef {ReturnType<typeof createFrame>} Frame */
/** @typedef {[number, number, number]} Vector */
/** @typedef {{x0: number, x1: number, y0: number, y1: number}} Rectangle */
/**
 * @typedef {Record<"wx" | "wy" | "wz" | "part", (value: number) => number>} Axes slice coordinates and energies -> world
 */

export const HEIGHT = 0.55;

/**
 * Height in units of the ceiling: linear below it, logarithmic above, where the surface has faded anyway.
 * @param {number} e
 */
export const level = (e) => (e <= 1 ? e : 1 + Math.log(e));

const SAMPLES = 40; // per side: the points of the relief that the camera must have in its picture
const CORNER = 0.82;
const DRAWN = 0.9; // of the ceiling: what lies above has nearly faded

/**
 * What of the relief is drawn: its points [x, y, z, part of the ceiling] in the world (the floor's corners lack a part),
 * and the rectangle of the floor below them.
 * @param {Surface} surface @param {Axes & {halfX: number, halfY: number}} frame
 */
function drawnPart(surface, frame) {
  /** @type {number[][]} */
  const points = [];
  const rect = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
  for (let i = 0; i <= SAMPLES; i++) for (let j = 0; j <= SAMPLES; j++) {
    const x = surface.x0 + (surface.x1 - surface.x0) * Math.min(i / SAMPLES, 1 - 1e-9);
    const y = surface.y0 + (surface.y1 - surface.y0) * Math.min(j / SAMPLES, 1 - 1e-9);
    const E = surface.energy(x, y);
    if (!(frame.part(E) < DRAWN) || surface.masked(x, y)) continue;
    const wx = frame.wx(x), wy = frame.wy(y);
    points.push([wx, wy, frame.wz(E), frame.part(E)]);
    rect.x0 = Math.min(rect.x0, wx); rect.x1 = Math.max(rect.x1, wx);
    rect.y0 = Math.min(rect.y0, wy); rect.y1 = Math.max(rect.y1, wy);
  }
  const room = 2.5 / SAMPLES;
  const whole = { x0: -frame.halfX, x1: frame.halfX, y0: -frame.halfY, y1: frame.halfY };
  /** @type {Rectangle} */
  const floor = points.length < 12 ? whole : {
    x0: Math.max(whole.x0, rect.x0 - room), x1: Math.min(whole.x1, rect.x1 + room),
    y0: Math.max(whole.y0, rect.y0 - room), y1: Math.min(whole.y1, rect.y1 + room),
  };
  // The floor's corners may leave the picture a little: what matters is the relief.
  const mx = (floor.x0 + floor.x1) / 2, my = (floor.y0 + floor.y1) / 2;
  for (const x of [floor.x0, floor.x1]) for (const y of [floor.y0, floor.y1]) {
    points.push([mx + CORNER * (x - mx), my + CORNER * (y - my), 0]);
  }
  return { floor, points };
}

/** @param {Surface} surface */
export function createFrame(surface) {
  const cx = (surface.x0 + surface.x1) / 2;
  const cy = (surface.y0 + surface.y1) / 2;
  const unit = Math.max(surface.x1 - surface.x0, surface.y1 - surface.y0) / 2 || 1;
  const [min, top] = surface.shown, span = top > min ? top - min : 1;
  const frame = {
    cx,
    cy,
    unit,
    span,
    min,
    halfX: (surface.x1 - surface.x0) / 2 / unit,
    halfY: (surface.y1 - surface.y0) / 2 / unit,
    wx: (/** @type {number} */ x) => (x - cx) / unit,
    wy: (/** @type {number} */ y) => (y - cy) / unit,
    /** Energy -> fraction of the way to the ceiling. */
    part: (/** @type {number} */ E) => Math.max(0, (E - min) / span),
    wz: (/** @type {number} */ E) => HEIGHT * level(Math.max(0, (E - min) / span)),
    x: (/** @type {number} */ wx) => wx * unit + cx,
    y: (/** @type {number} */ wy) => wy * unit + cy,
    /**
     * Where a ray from the eye meets the surface below its ceiling: {x, y, E}, or null. Marched, then bisected.
     * @param {number[]} eye @param {number[]} ray
     */
    pick(eye, ray) {
      const above = (/** @type {number} */ t) => {
        const x = frame.x(eye[0] + t * ray[0]), y = frame.y(eye[1] + t * ray[1]);
        if (x < surface.x0 || x > surface.x1 || y < surface.y0 || y > surface.y1 || surface.masked(x, y)) return null;
        const E = surface.energy(x, y);
        return frame.part(E) > 1 ? null : eye[2] + t * ray[2] - frame.wz(E);
      };
      if (ray[2] >= -1e-6) return null;
      const near = (1.05 * HEIGHT - eye[2]) / ray[2], far = -eye[2] / ray[2] + 1e-3;
      const steps = 240;
      let before = null;
      for (let k = 0; k <= steps; k++) {
        const t = near + (far - near) * k / steps;
        const gap = above(t);
        if (gap !== null && gap <= 0 && before !== null) {
          let low = t - (far - near) / steps, high = t;
          for (let i = 0; i < 24; i++) {
            const middle = (low + high) / 2;
            const value = above(middle);
            if (value === null || value > 0) low = middle; else high = middle;
          }
          const x = frame.x(eye[0] + high * ray[0]), y = frame.y(eye[1] + high * ray[1]);
          return { x, y, E: surface.energy(x, y) };
        }
        before = gap;
      }
      return null;
    },
  };
  return Object.assign(frame, drawnPart(surface, frame));
}
