// Takes up a message: surface, networks, balls and panels; what the viewer has chosen on the stage stays.

import { join } from "./coupling.js";
import { createNetwork } from "./network.js";
import { uploadPaths } from "./painting.js";
import { buildPanels, groundOf } from "./panels.js";
import { readPaths } from "./paths.js";
import { afresh } from "./readings.js";
import { createSimulation } from "./simulation.js";
import { fitting, named } from "./starts.js";
import { createStatistics } from "./statistics.js";
import { lookVariables } from "./styles.js";
import { createSurface } from "./surface.js";
import { createWords } from "./words.js";

/** @import * as sent from "../message" */
/** @import { State } from "./state.js" */

/** Whether two messages show the same surface: then the balls stay. @param {sent.Message} a @param {sent.Message} b */
const sameSurface = (a, b) => a.surface.E.data === b.surface.E.data
  && String(a.surface.xs) === String(b.surface.xs) && String(a.surface.ys) === String(b.surface.ys);

/** Colours and letters of the look, as far as style sheets have them. @param {State} state */
export function applyLook({ payload, frame }) {
  for (const [name, value] of Object.entries(lookVariables(payload.look))) frame.style.setProperty(name, value);
}

/** @param {State} state */
function readSurface(state) {
  const { surface, basins: { minima, names } } = state.payload;
  state.surface = createSurface(surface, state.payload.basins);
  state.statistics = createStatistics(state.surface);
  state.basins = minima.map(([x, y], k) => ({ x, y, name: names[k] }));
}

/** The same surface, drawn between other energies. @param {State} state */
function rescale(state) {
  const { min, ceiling, shown = [min, ceiling] } = state.payload.surface;
  if (String(shown) === String(state.surface.shown)) return;
  state.surface = { ...state.surface, shown };
  showSurface(state);
}

/** @param {State} state */
const showSurface = ({ view, surface, basins }) => view.setSurface(surface, basins.map(({ x, y }) => [x, y]));

/** @param {State} state */
function readRun(state) {
  const { network, paths, look } = state.payload;
  state.network = network && createNetwork(network);
  state.paths = paths && readPaths(paths, look);
}

/**
 * New balls on a new surface; those of a refined one stand where the former ones stood.
 * @param {State} state @param {boolean} refined
 */
function place(state, refined) {
  const { settings, surface, paths, reduced } = state, former = state.simulation;
  settings.start = fitting(settings.start, groundOf(state));
  state.simulation = createSimulation(surface, settings, paths?.starts);
  if (refined) state.simulation.adopt(former);
  for (const { series, goals } of Object.values(state.history)) series.length = goals.length = 0;
  showSurface(state);
  Object.assign(state, { following: null, hovered: null });
  Object.assign(state.replay, { fraction: reduced ? 1 : 0, playing: !reduced && paths !== null });
}

/**
 * Everything that follows from the message. keep: the surface is the same, so balls and clocks stay. refined: it is the
 * same run's surface, tabulated more finely, so the balls stay where they are.
 * @param {State} state @param {boolean} keep @param {boolean} [refined]
 */
export function load(state, keep, refined = false) {
  const { view, payload, clock } = state;
  applyLook(state);
  view.setLook(payload.look);
  join(state);
  if (!keep) readSurface(state);
  else rescale(state);
  readRun(state);
  if (!keep) place(state, refined);
  for (const child of [...view.element.children]) if (child.tagName !== "CANVAS") child.remove();
  buildPanels(state);
  uploadPaths(state);
  clock.measured = clock.pointed = -Infinity;
}

/**
 * Whether the temperature of a new message is the page's own word. What the viewer has set on the stage stays,
 * however slow the server is: neither the former message's temperature nor an echo of the viewer's own undoes it.
 * @param {State} state @param {sent.Message} next
 */
const bringsTemperature = ({ handsOn, payload, released }, next) => !handsOn || (next.title !== payload.title
  && next.temperature !== payload.temperature && !released.has(next.temperature));

/** What the page itself now says otherwise than before. @param {State} state @param {sent.Message} next */
function takeUp({ settings, payload }, next) {
  if (next.n_balls !== payload.n_balls) settings.n = next.n_balls;
  if (next.seed !== payload.seed) settings.seed = next.seed;
  if (next.start !== payload.start) settings.start = named(next.start);
  if (next.law !== payload.law) settings.law = next.law;
  if (next.programme_steps !== payload.programme_steps) settings.programmeSteps = next.programme_steps;
}

/** The page's temperature counts again. @param {State} state @param {number} T */
function warm(state, T) {
  state.settings.T = T;
  state.handsOn = false;
  state.released.clear();
}

/**
 * New data: balls stay if the surface is the same; the camera always stays.
 * @param {State} state @param {sent.Message} next
 */
export function update(state, next) {
  const { payload, settings } = state;
  const keep = sameSurface(payload, next), refined = !keep && payload.id === next.id;
  const counted = next.n_balls !== payload.n_balls;
  const begins = next.seed !== payload.seed || next.start !== payload.start;
  const heated = !refined && bringsTemperature(state, next) && !(keep && next.temperature === payload.temperature);
  takeUp(state, next);
  if (heated) warm(state, next.temperature);
  // Where the page wants it, what begins anew waits for the viewer.
  if (next.paused && !refined && (begins || !keep)) state.playing = false;
  if (keep && heated) state.simulation.setTemperature(settings.T);
  if (keep && begins) state.simulation.setStart(settings.start);
  else if (keep && counted) state.simulation.setCount(settings.n);
  if (JSON.stringify(next.words) !== JSON.stringify(payload.words)) state._ = createWords(next.words);
  state.payload = next;
  load(state, keep, refined);
  if (keep && begins) afresh(state);
}
