// The panels around the picture. They are built anew with each message; what they show lives in the state.

import { createCaptions, isFirstVisit } from "./captions.js";
import { createDrawer, createStartRow, createTransport } from "./controls.js";
import { h } from "./dom.js";
import { createCaptureMenu } from "./export.js";
import { showCaptions } from "./introduction.js";
import { createKeyboard } from "./keyboard.js";
import { caption, exported } from "./leaving.js";
import { say } from "./notes.js";
import { home } from "./places.js";
import { createPointerPanel } from "./pointer.js";
import { createBadge, createLegend, createReadouts, legendOf } from "./readouts.js";
import { createShares } from "./shares.js";
import { createSpoken } from "./spoken.js";
import { named, offered } from "./starts.js";
import { createThermometer } from "./thermometer.js";

/** @import { Ground } from "./starts.js" */
/** @import { State } from "./state.js" */
/** @typedef {ReturnType<typeof createPanels>} Panels */

const TURN = 0.06, TILT = 0.05, NEARER = 1.2; // of a key press

/** What starts depend on. @param {State} state @returns {Ground} */
export const groundOf = ({ surface, basins, paths, payload }) => ({ surface, valleys: basins, training: paths?.starts ?? [],
  asked: named(payload.start) });

/** What the keys do. @param {State} state */
const keysOf = ({ actions, view: { camera } }) => ({
  ...actions, top: () => actions.top(!camera.top),
  left: () => camera.orbit(TURN, 0), right: () => camera.orbit(-TURN, 0),
  up: () => camera.orbit(0, -TILT), down: () => camera.orbit(0, TILT),
  nearer: () => camera.zoom(NEARER), farther: () => camera.zoom(1 / NEARER),
});

/** Badge, legend, and that there is no third dimension. @param {State} state */
const headOf = ({ _, payload, paths, view }) => h("div", { class: "head" }, createBadge(_, payload.honesty),
  createLegend(legendOf(_, payload.look, paths)),
  view.flat ? h("div", { class: "flat", role: "status" }, _("This browser has no WebGL2: you see the relief from above."))
    : null);

/** The captions, which stand on a first visit. @param {State} state */
function captionsOf(state) {
  const { _, payload: { look, captions }, network, paths, view: { flat } } = state, again = state.captioned === true;
  const shown = state.captioned ??= captions && isFirstVisit();
  return createCaptions(_, { look, network, hasNetworks: Boolean(network || paths), flat, home: home(state), again, shown,
    onchange: (now) => showCaptions(state, now) });
}

/** @param {State} state */
function createPanels(state) {
  const { _, payload, settings, actions, view, network, paths, surface } = state, { look } = payload;
  const stage = h("section", { class: "card stage", "aria-label": _("Live stage") });
  return {
    stage,
    transport: createTransport(_, view.flat, actions),
    startRow: createStartRow(_, offered(_, groundOf(state)), paths !== null, actions),
    drawer: createDrawer(_, { ...settings, show: state.shown, hasPaths: paths !== null }, actions),
    thermometer: createThermometer(_, actions),
    readouts: createReadouts(_, look, surface.scale, state.history),
    shares: createShares(_, look, state.basins.map(({ name }) => name), payload.crossing, actions),
    spoken: createSpoken(_, surface.scale),
    pointer: network && createPointerPanel(_, network, look, actions),
    keyboard: createKeyboard(_, stage, view.element, keysOf(state), state.callbacks.among),
    capture: createCaptureMenu(_, { view, caption: () => caption(state), payload: () => exported(state),
      program: state.callbacks.program, help: actions.help, say: (text, milliseconds) => say(state, text, milliseconds),
      filming(film) { state.film = film; } }),
    head: headOf(state),
    // Where it is narrow there is no room for a legend beside the relief: it stands below the picture.
    legend: createLegend(legendOf(_, look, state.paths), "below"),
    captions: captionsOf(state),
  };
}

/** Puts the panels into the page. @param {State} state */
function arrange({ ui, view, frame, note, probe }) {
  view.element.append(ui.head, ui.captions.element, ui.capture.element, ui.capture.menu, probe, note, ui.drawer.element,
    ui.keyboard.sheet);
  view.setCovers([...ui.head.querySelectorAll(":scope > :not(.legend), .legend > *")]);
  ui.stage.append(view.element, ...(ui.legend ? [ui.legend] : []), ui.transport.element, ui.startRow.element);
  frame.replaceChildren(h("div", { class: "column" }, h("div", { class: "room" }, ui.stage,
    h("div", { class: "side" }, ui.thermometer.element, ui.shares.element, ui.thermometer.landmark, ui.pointer?.element,
      ui.readouts.element, ui.spoken.element))));
}

/** Shows in the panels what is so. @param {State} state */
function showAll({ ui, surface, payload, simulation, settings, playing, speed, view, captioned }) {
  ui.thermometer.setSurface(surface, payload);
  ui.thermometer.show(simulation.T);
  ui.thermometer.showProgramme(simulation.programme);
  ui.thermometer.invite(captioned === true, simulation.T);
  ui.transport.showPlaying(playing);
  ui.transport.showSpeed(speed);
  ui.transport.showTop(view.camera.top);
  ui.startRow.showSeed(settings.seed);
  ui.transport.showCount(settings.n);
  ui.startRow.showStart(settings.start);
}

/** Builds all panels in place of the former ones. @param {State} state */
export function buildPanels(state) {
  state.ui?.keyboard.destroy();
  state.ui = createPanels(state);
  state.laidOut = "";
  arrange(state);
  showAll(state);
}
