// The stage: puts state, picture, panels and loop together.

import { createActions, drop } from "./actions.js";
import { leave } from "./coupling.js";
import { h } from "./dom.js";
import { awaitGesture } from "./introduction.js";
import { applyLook, load, update } from "./loading.js";
import { startLoop } from "./loop.js";
import { showProbe } from "./notes.js";
import { uploadPaths } from "./painting.js";
import { readOut } from "./readings.js";
import { createState } from "./state.js";
import { CSS } from "./styles.js";
import { createView } from "./view.js";

/** @import * as sent from "../message" */
/** @import { Callbacks, State } from "./state.js" */

const REPORTED = 50; // balls whose places are told

/** What the stage shows now, for tests and for the page. @param {State} state */
const report = ({ simulation, settings, view, surface, ...state }) => ({
  webgl: !view.flat, playing: state.playing, speed: state.speed, T: simulation.T, programme: simulation.programme,
  seed: settings.seed, n: settings.n, drawn: state.drawn, pictures: state.pictures,
  steps: simulation.balls.steps, time: simulation.balls.time,
  positions: Array.from(simulation.balls.x.subarray(0, 2 * Math.min(REPORTED, settings.n))),
  measurement: state.measurement, names: state.basins.map(({ name }) => name), scale: surface.scale,
  crossing: state.payload.crossing, camera: view.camera.stand, following: state.following,
  replay: state.replay.fraction, quality: view.quality.level, lost: view.lost,
});

/** The picture, whose gestures reach the state. @param {State} state */
const viewFor = (state) => createView(state._, {
  click(point, px, py) {
    drop(state, point, px, py);
    state.callbacks.clicked?.(point.x, point.y);
  },
  hover(point) {
    state.hovered = point;
    showProbe(state);
  },
  restored() { uploadPaths(state); },
});

/** Where nothing can be drawn: a sentence that says so. @param {State} state @param {() => void} destroy */
function without({ frame, _, callbacks }, destroy) {
  frame.classList.remove("waiting");
  frame.append(h("div", { class: "card without", role: "status" }, _("This browser cannot draw the stage.")));
  callbacks.drawn?.();
  return { update() {}, state: () => ({ drawn: 0 }), destroy };
}

/**
 * A stage in `root`: {update(payload), destroy(), state(), ...}.
 * @param {Element | ShadowRoot} root @param {sent.Message} first @param {Callbacks} [callbacks]
 */
export function createStage(root, first, callbacks = {}) {
  const style = h("style", {}, CSS);
  // Until the first picture is there, what the page shows in this place stays seen.
  const frame = h("div", { class: "tv waiting" });
  root.append(style, frame);
  const clear = () => {
    style.remove();
    frame.remove();
  };
  const state = createState(first, callbacks, {
    frame, note: h("div", { class: "note", role: "status", hidden: true }), probe: h("div", { class: "note", hidden: true }),
  });
  applyLook(state);
  const view = viewFor(state);
  if (!view) return without(state, clear);
  state.view = view;
  state.actions = createActions(state);
  const unlisten = awaitGesture(state);
  load(state, false);
  view.startCamera(first.left?.camera);
  const stop = startLoop(state);

  const stage = {
    update: (/** @type {sent.Message} */ next) => update(state, next),
    destroy() {
      stop();
      leave(state);
      unlisten();
      state.ui.keyboard.destroy();
      view.destroy();
      clear();
    },
    /** What a click at a place of the slice does. @param {number} x @param {number} y */
    point(x, y) {
      const E = state.surface.energy(x, y), spot = view.layout().spot(x, y, E);
      drop(state, { x, y, E }, spot.x, spot.y);
    },
    /** Takes exactly so many steps, however long the pictures take, and measures. @param {number} steps */
    pass(steps) {
      state.simulation.balls.step(() => state.simulation.T, steps);
      state.clock.measured = -Infinity;
      readOut(state, performance.now());
    },
    state: () => report(state),
    view, actions: state.actions,
    get simulation() { return state.simulation; },
  };
  return Object.assign(frame, { thermoviz: stage }).thermoviz;
}
