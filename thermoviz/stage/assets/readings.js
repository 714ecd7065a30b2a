// What is read off the balls a few times a second, and where the panels show it.

import { tellQuality } from "./notes.js";
import { watched } from "./places.js";
import { recordOf } from "./state.js";
import { count } from "./words.js";

/** @import { State } from "./state.js" */

export const MEASURE_EVERY = 250; // ms
const POINTER_EVERY = 90; // ms

/** Something was placed anew: the old measurements say nothing about it. @param {State} state */
export function afresh({ ui, simulation, trails, clock }) {
  ui.thermometer.show(simulation.T);
  ui.thermometer.showProgramme(simulation.programme);
  ui.readouts.clear();
  ui.shares.forget();
  trails.clear();
  clock.measured = -Infinity;
}

/** @param {State} state */
function showMeasurement({ ui, measurement, simulation, settings }) {
  const { T, balls, programme } = simulation;
  ui.transport.showTime(balls.time);
  if (measurement) {
    ui.readouts.update(measurement, T);
    ui.spoken.note({ T, E: measurement.E, exact: measurement.eq.E });
    ui.shares.update(measurement, { T, steps: balls.steps, n: settings.n, held: ["hold", "quench"].includes(programme) });
  }
  if (programme !== "hold") ui.thermometer.show(T);
}

/** @param {State} state */
function showReplay(state) {
  const { _, ui, paths, replay } = state;
  if (!paths) return;
  const step = paths.steps[Math.round(recordOf(state))];
  ui.startRow.showReplay(replay.fraction, _("step {n}", { n: count(step) }), replay.playing);
}

/** Measures the cloud, four times a second. @param {State} state @param {number} now */
export function readOut(state, now) {
  const { clock, statistics, simulation } = state;
  if (now - clock.measured < MEASURE_EVERY) return;
  clock.measured = now;
  state.measurement = statistics.measure(simulation.balls, simulation.T);
  showMeasurement(state);
  showReplay(state);
  tellQuality(state);
}

/** The network at the place that is watched, where that is another one. @param {State} state @param {number} now */
export function showPointed(state, now) {
  const { ui, clock } = state;
  if (!ui.pointer || now - clock.pointed < POINTER_EVERY) return;
  const spot = watched(state), key = `${spot.x},${spot.y},${spot.where}`;
  if (key === state.spotKey && clock.pointed !== -Infinity) return;
  state.spotKey = key;
  clock.pointed = now;
  ui.pointer.show(spot);
}
