// Geometry of the relief and of the networks' paths, as typed arrays for the graphics card.

/** @import { Frame, Vector } from "./frame.js" */
/** @import { Surface } from "./surface.js" */
/** @typedef {Record<"x" | "y", Array<{value: number, text: string}>>} Ticks along the two edges of the floor */

/** Points per side of the drawn mesh: finer than the tabulated grid, its heights are the bicubic surface itself. */
const MESH = 181;

/**
 * {vertices: Float32Array [MESH * MESH * 6] of x, y, part of ceiling, slope x, slope y, hole; orders: four index arrays}.
 * Each order walks the cells back to front for one quarter of directions, so that fading parts blend in order.
 * @param {Surface} surface @param {Frame} frame
 */
export function buildMesh(surface, frame) {
  const vertices = new Float32Array(MESH * MESH * 6);
  const force = new Float64Array(3);
  const slope = frame.unit / frame.span;
  for (let i = 0; i < MESH; i++) {
    // A hair inside the box, where the surface is surely defined.
    const x = surface.x0 + (surface.x1 - surface.x0) * (1e-6 + (1 - 2e-6) * i / (MESH - 1));
    for (let j = 0; j < MESH; j++) {
      const y = surface.y0 + (surface.y1 - surface.y0) * (1e-6 + (1 - 2e-6) * j / (MESH - 1));
      const at = 6 * (i * MESH + j);
      const hole = surface.masked(x, y);
      const part = frame.part(surface.energy(x, y));
      surface.forceInto(x, y, force);
      const flat = part <= 1 ? slope : slope / part;
      vertices[at] = frame.wx(x);
      vertices[at + 1] = frame.wy(y);
      vertices[at + 2] = Number.isFinite(part) ? Math.min(part, 1e6) : 0;
      vertices[at + 3] = Number.isFinite(force[0]) ? -force[0] * flat : 0;
      vertices[at + 4] = Number.isFinite(force[1]) ? -force[1] * flat : 0;
      vertices[at + 5] = hole ? 1 : 0;
    }
  }
  if (surface.hasMask) soften(vertices, Math.ceil(MESH / (Math.min(surface.n, surface.m) - 1)));
  return { vertices, orders: [0, 1, 2, 3].map(cellOrder) };
}

/**
 * Blurs the holes by about one cell of the table, twice along each axis: their rims are round, not stairs.
 * @param {Float32Array} vertices @param {number} reach
 */
function soften(vertices, reach) {
  const line = new Float64Array(MESH);
  for (const [along, across] of [[6, 6 * MESH], [6 * MESH, 6], [6, 6 * MESH], [6 * MESH, 6]]) {
    for (let k = 0; k < MESH; k++) {
      for (let i = 0; i < MESH; i++) line[i] = vertices[k * across + i * along + 5];
      for (let i = 0; i < MESH; i++) {
        let sum = 0;
        for (let q = -reach; q <= reach; q++) sum += line[Math.min(MESH - 1, Math.max(0, i + q))];
        vertices[k * across + i * along + 5] = sum / (2 * reach + 1);
      }
    }
  }
}

/** Triangles of all cells; bit 0: walk x downwards, bit 1: walk y downwards. @param {number} quarter */
function cellOrder(quarter) {
  const cells = MESH - 1;
  const indices = new Uint32Array(cells * cells * 6);
  let at = 0;
  for (let p = 0; p < cells; p++) {
    const i = quarter & 1 ? cells - 1 - p : p;
    for (let q = 0; q < cells; q++) {
      const j = quarter & 2 ? cells - 1 - q : q;
      const a = i * MESH + j, b = a + MESH;
      indices[at++] = a; indices[at++] = b; indices[at++] = a + 1;
      indices[at++] = b; indices[at++] = b + 1; indices[at++] = a + 1;
    }
  }
  return indices;
}

/**
 * Which order is back to front for a camera whose `back` vector points from the target to the eye.
 * @param {Vector} back
 */
export const orderFor = (back) => (back[0] < 0 ? 1 : 0) | (back[1] < 0 ? 2 : 0);

/**
 * Appends a polyline's segments (from, to, rgba, time: 11 floats each); point(k) -> [x, y, z] or null, opacity(k).
 * @param {number[]} list @param {number} length @param {(k: number) => Vector | null} point @param {Vector} colour
 * @param {(k: number) => number} opacity @param {(k: number) => number} [time]
 */
export function pushLine(list, length, point, colour, opacity, time = (k) => k) {
  /** @type {Vector | null} */
  let before = null;
  for (let k = 0; k < length; k++) {
    const here = point(k);
    if (here && before) list.push(...before, ...here, ...colour, opacity(k), time(k));
    before = here;
  }
}

/** The floor's frame and grid, in world units. @param {Frame} frame @param {Ticks} ticks @param {Vector} colour */
export function floorLines(frame, ticks, colour) {
  /** @type {number[]} */
  const list = [];
  const { x0, x1, y0, y1 } = frame.floor;
  /** @param {number} a @param {number} b @param {number} c @param {number} d @param {number} alpha */
  const line = (a, b, c, d, alpha) => list.push(a, b, 0, c, d, 0, ...colour, alpha, -1);
  const out = 0.03;
  for (const y of [y0, y1]) line(x0, y, x1, y, 0.9);
  for (const x of [x0, x1]) line(x, y0, x, y1, 0.9);
  for (const { value } of ticks.x) line(frame.wx(value), y0 - out, frame.wx(value), y1 + out, 0.5);
  for (const { value } of ticks.y) line(x0 - out, frame.wy(value), x1 + out, frame.wy(value), 0.5);
  return new Float32Array(list);
}
