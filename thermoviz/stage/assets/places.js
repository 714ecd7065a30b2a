// Which place of the slice the stage speaks of: the followed ball, the pointer, or the deepest valley.

/** @import { Spot } from "./pointer.js" */
/** @import { State } from "./state.js" */

/** The deepest valley, or the middle where there is none. @param {State} state @returns {Spot & {name: string}} */
export function home({ _, basins, surface }) {
  const place = basins[0] ?? { x: (surface.x0 + surface.x1) / 2, y: (surface.y0 + surface.y1) / 2, name: _("the middle") };
  return { ...place, E: surface.energy(place.x, place.y) };
}

/** Where the network panel looks, and in words. @param {State} state @returns {Spot & {where: string}} */
export function watched(state) {
  const { _, following, hovered, simulation: { balls } } = state;
  if (following !== null) {
    const k = Math.min(following, balls.n - 1);
    return { x: balls.x[2 * k], y: balls.x[2 * k + 1], E: balls.energy[k], where: _("The network that this ball is") };
  }
  if (hovered) return { ...hovered, where: _("The network under the pointer") };
  const { name, ...place } = home(state);
  return { ...place, where: _("The network at \u201c{name}\u201d", { name }) };
}

/** The ball nearest to the pointer, or the first one. @param {State} state */
export function nearestBall({ hovered, simulation: { balls } }) {
  if (!hovered) return 0;
  let best = 0, least = Infinity;
  for (let k = 0; k < balls.n; k++) {
    const d = (balls.x[2 * k] - hovered.x) ** 2 + (balls.x[2 * k + 1] - hovered.y) ** 2;
    if (d < least) { least = d; best = k; }
  }
  return best;
}
