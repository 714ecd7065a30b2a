// The loop of pictures: what happens between two of them, as long as anybody sees the stage.

import { agree, sharing } from "./coupling.js";
import { paint } from "./painting.js";
import { MEASURE_EVERY, readOut, showPointed } from "./readings.js";

/** @import * as sent from "../message" */
/** @import { State } from "./state.js" */

const REPLAY_SECONDS = 9;
const LONGEST = 0.25; // seconds: a longer pause is not made up for

/** The networks' training moves on. @param {State} state @param {number} seconds */
function advanceReplay({ replay, paths }, seconds) {
  if (!replay.playing || !paths) return;
  replay.fraction = Math.min(1, replay.fraction + seconds / REPLAY_SECONDS);
  if (replay.fraction >= 1) replay.playing = false;
}

const PLACES = 1e4; // to which the camera's stand is told

/** Where the camera stands, in numbers that can be written. @param {State} state @returns {sent.Stand} */
export function standOf({ view: { camera } }) {
  const { top, ...numbers } = camera.stand;
  const rounded = Object.entries(numbers).map(([key, value]) => [key, Math.round(PLACES * value) / PLACES]);
  return { .../** @type {Omit<sent.Stand, "top">} */ (Object.fromEntries(rounded)), top };
}

/** Tells where the camera has come to rest. @param {State} state */
function tellCamera(state) {
  const { callbacks, view } = state;
  if (!callbacks.camera || view.camera.moving || !state.pictures) return;
  const stand = standOf(state), key = JSON.stringify(stand);
  if (key === state.stood) return;
  state.stood = key;
  callbacks.camera(stand);
}

/** One round: time passes, numbers are read, a picture is drawn. @param {State} state @param {number} now */
function tick(state, now) {
  const { view, clock, simulation, replay } = state;
  if (document.hidden || !state.frame.isConnected || !view.measure()) { clock.ticked = 0; return; }
  const since = clock.ticked ? now - clock.ticked : 0, seconds = Math.min(LONGEST, since / 1000);
  if (clock.ticked && view.quality.record(since)) view.redraw();
  clock.ticked = now;
  agree(state);
  if (state.playing && seconds > 0) simulation.advance(seconds, state.speed, view.quality.budget / sharing(state));
  advanceReplay(state, seconds);
  tellCamera(state);
  readOut(state, now);
  showPointed(state, now);
  // When nothing moves, four pictures a second are enough.
  const still = !state.playing && !replay.playing && !view.busy && !state.film;
  if (still && now - clock.painted < MEASURE_EVERY) return;
  clock.painted = now;
  paint(state, seconds, now);
}

/** Starts the loop. Returns what ends it. @param {State} state */
export function startLoop(state) {
  let request = requestAnimationFrame(next);
  /** @param {number} now */
  function next(now) {
    request = requestAnimationFrame(next);
    tick(state, now);
  }
  return () => cancelAnimationFrame(request);
}
