// One picture of the stage: what moves, and what is handed to the view.

import { explain } from "./introduction.js";
import { pathHeads, pathLines } from "./paths.js";
import { watched } from "./places.js";
import { recordOf } from "./state.js";

/** @import { State } from "./state.js" */

const TRAIL_EVERY = 40; // ms
const STANDS = 8; // pictures after which the page hears of it: what follows there takes the browser's time
/** @type {State["basins"]} */
const NO_NAMES = [];

/** Hands the networks' lines to the graphics card. @param {State} state */
export function uploadPaths(state) {
  const { paths, surface, view: { renderer } } = state;
  state.headsAt = null;
  renderer.setPaths(state.shown.paths ? pathLines(paths, surface, renderer.frame) : []);
}

/** The networks' heads and the followed ball, as far as they moved. @param {State} state */
function showMarks(state) {
  const { following, replay, paths, surface, payload: { look }, view: { renderer } } = state, { frame } = renderer;
  if (following === null && state.headsAt === replay.fraction) return;
  state.headsAt = following === null ? replay.fraction : null;
  const heads = state.shown.paths ? pathHeads(paths, surface, frame, recordOf(state)) : [];
  if (following !== null) {
    const spot = watched(state);
    heads.push({ x: frame.wx(spot.x), y: frame.wy(spot.y), z: frame.wz(spot.E) + 0.012, colour: look.text, alpha: 1,
      kind: 2, size: 26 });
  }
  renderer.setMarks(heads);
}

/** @param {State} state @param {number} now */
function showTrails({ shown, playing, clock, trails, simulation, payload, view: { renderer } }, now) {
  if (!shown.trails || !playing || now - clock.trailed <= TRAIL_EVERY) return;
  clock.trailed = now;
  trails.record(simulation.balls, renderer.frame);
  renderer.setTrails(trails.segments(payload.look.heat));
}

/**
 * Draws the stage as it is, `seconds` after the last picture.
 * @param {State} state @param {number} seconds @param {number} now
 */
export function paint(state, seconds, now) {
  const { view, payload, measurement, film, simulation: { balls } } = state;
  state.drawn = Math.min(balls.n, view.quality.balls);
  view.renderer.setBalls(balls.x, balls.energy, state.drawn);
  showMarks(state);
  showTrails(state, now);
  view.setScene({
    look: payload.look, names: payload.axes, unit: payload.surface.unit,
    basins: state.shown.names ? state.basins : NO_NAMES,
    means: { now: measurement?.E, equilibrium: measurement?.eq.E },
    quiet: state.ui.captions.shown, count: balls.n, now: recordOf(state),
  });
  view.draw(seconds);
  if (!state.pictures++) state.frame.classList.remove("waiting");
  if (state.pictures === STANDS) state.callbacks.drawn?.();
  explain(state);
  film?.frame(view.film);
}
