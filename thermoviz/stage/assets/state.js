// The state of a stage: everything that changes while it stands, in one object. The other modules read and write it.

import { createTrails } from "./paths.js";
import { USUAL } from "./schemes.js";
import { named } from "./starts.js";
import { createWords } from "./words.js";

/** @import * as sent from "../message" */
/** @import { Actions } from "./actions.js" */
/** @import { Film } from "./capture.js" */
/** @import { Valley } from "./overlay.js" */
/** @import { Network } from "./network.js" */
/** @import { Panels } from "./panels.js" */
/** @import { Paths } from "./paths.js" */
/** @import { Spot } from "./pointer.js" */
/** @import { History } from "./readouts.js" */
/** @import { Settings, Simulation } from "./simulation.js" */
/** @import { createStatistics, Measurement } from "./statistics.js" */
/** @import { Surface } from "./surface.js" */
/** @import { StageView } from "./view.js" */
/** @import { Words } from "./words.js" */
/**
 * What the stage tells the page, and where it finds its own source for the file that runs by itself. among: where keys
 * are for this stage, beyond which others stand on the page.
 * @typedef {{temperature?: (T: number) => void, clicked?: (x: number, y: number) => void,
 *   camera?: (stand: sent.Stand) => void, drawn?: () => void, program?: () => Promise<string>,
 *   among?: HTMLElement}} Callbacks
 */
/**
 * Milliseconds of the page's clock when each of these was last done; -Infinity: do it now.
 * @typedef {Record<"ticked" | "painted" | "measured" | "pointed" | "trailed", number>} Clock
 */
/**
 * @typedef {object} State
 * @property {sent.Message} payload the message that is shown
 * @property {Words} _
 * @property {Callbacks} callbacks
 * @property {boolean} reduced the viewer wants little motion
 * @property {HTMLElement} frame around everything
 * @property {HTMLElement} note a sentence that comes and goes
 * @property {HTMLElement} probe what lies under the pointer
 * @property {Settings} settings what the viewer has chosen
 * @property {sent.Shown} shown
 * @property {boolean} playing
 * @property {number} speed
 * @property {number | null} following the ball that is followed
 * @property {Film | null} film
 * @property {{fraction: number, playing: boolean}} replay of the networks' training
 * @property {StageView} view
 * @property {Actions} actions
 * @property {Panels} ui built anew with each message
 * @property {Surface} surface
 * @property {Valley[]} basins
 * @property {Network | null} network
 * @property {Paths | null} paths
 * @property {Simulation} simulation
 * @property {ReturnType<typeof createStatistics>} statistics
 * @property {Measurement | null} measurement the last one
 * @property {History} history
 * @property {ReturnType<typeof createTrails>} trails
 * @property {Spot | null} hovered the place under the pointer
 * @property {string} spotKey what the network panel shows
 * @property {Clock} clock
 * @property {number} drawn balls in the last picture
 * @property {number} pictures
 * @property {boolean} handsOn the viewer has set a temperature
 * @property {Set<number>} released temperatures that the page was told
 * @property {Set<string>} told what was said about slow graphics
 * @property {boolean | null} captioned whether the captions stand; null until the page has asked for them once
 * @property {string} laidOut the view for which they found their places
 * @property {string} stood where the camera was last told to stand
 * @property {number | null} headsAt the replay's fraction for which the marks on the relief stand there
 */

/**
 * The state of a new stage. What follows from the message (surface, balls, panels) is not there before it is loaded.
 * @param {sent.Message} payload @param {Callbacks} callbacks
 * @param {Record<"frame" | "note" | "probe", HTMLElement>} elements
 */
export function createState(payload, callbacks, elements) {
  const { left } = payload, reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  return /** @type {State} */ ({
    payload, callbacks, reduced, ...elements,
    _: createWords(payload.words),
    settings: {
      n: payload.n_balls, seed: payload.seed, T: payload.temperature, start: named(payload.start), law: payload.law,
      programmeSteps: payload.programme_steps, scheme: left?.scheme ?? USUAL, friction: left?.friction ?? 1,
    },
    shown: { trails: false, paths: true, names: true, ...left?.shown },
    playing: !reduced && !payload.paused, speed: left?.speed ?? 1, following: null, film: null,
    replay: { fraction: 1, playing: !reduced },
    measurement: null, history: {}, trails: createTrails(), hovered: null, spotKey: "",
    clock: { ticked: 0, painted: -Infinity, measured: -Infinity, pointed: -Infinity, trailed: 0 },
    drawn: 0, pictures: 0, handsOn: false, released: new Set(), told: new Set(),
    captioned: null, laidOut: "", stood: "", headsAt: null,
  });
}

/** The record of the training that the replay shows, between two of them a fraction. @param {State} state */
export const recordOf = ({ replay, paths }) => replay.fraction * (paths ? paths.T - 1 : 0);
