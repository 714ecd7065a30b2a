// When the captions that explain the picture stand, where they find room, and what sends them away.

import { boxesIn, isIn } from "./dom.js";

/** @import { State } from "./state.js" */

const POINTED_AT = 300; // of the balls: among them a caption chooses its own
// Keys that begin nothing: they move the focus, or ask for help.
const QUIET_KEYS = ["Tab", "Shift", "Control", "Alt", "Meta", "Escape", "?"];
const GESTURES = ["pointerdown", "pointerup", "wheel", "input"];

/** The captions came or went. @param {State} state @param {boolean} shown */
export function showCaptions(state, shown) {
  state.captioned = shown;
  state.laidOut = "";
  state.ui.thermometer.invite(shown, state.simulation.T);
  state.view.redraw();
}

/** Where ball k is on the picture. @param {State} state @param {ReturnType<State["view"]["layout"]>} layout */
const spotOn = ({ surface, simulation: { balls } }, layout) => (/** @type {number} */ k) => {
  const x = balls.x[2 * k], y = balls.x[2 * k + 1];
  return { ...layout.spot(x, y, balls.energy[k]), elsewhere: surface.basinCount < 2 || surface.basinAt(x, y) > 0 };
};

/**
 * Places the captions where the view has changed, and follows the ball that one of them points at.
 * @param {State} state
 */
export function explain(state) {
  const { ui, view, drawn } = state;
  if (!ui.captions.shown) return;
  const layout = view.layout(), spot = spotOn(state, layout);
  if (state.laidOut === layout.key) {
    ui.captions.follow(spot);
    return;
  }
  state.laidOut = layout.key;
  ui.captions.layout({ ...layout, relief: layout.relief(),
    taken: [...boxesIn(view.element, [ui.head, ui.capture.element]), ...layout.taken()],
    balls: Array.from({ length: Math.min(POINTED_AT, drawn) }, (_ball, k) => spot(k)) });
}

/** Sends the captions away with the first gesture of a visitor. Returns what stops listening. @param {State} state */
export function awaitGesture(state) {
  /** @param {Event} event */
  const begin = (event) => {
    // A finger that comes down may scroll the page.
    if (event instanceof PointerEvent && event.type === "pointerdown" && event.pointerType === "touch") return;
    if (event instanceof KeyboardEvent && QUIET_KEYS.includes(event.key)) return;
    if (isIn(event.target, ".help, [data-help]")) return;
    state.ui.captions.hide();
  };
  for (const name of GESTURES) state.frame.addEventListener(name, begin, { passive: true, capture: true });
  document.addEventListener("keydown", begin, true);
  return () => document.removeEventListener("keydown", begin, true);
}
