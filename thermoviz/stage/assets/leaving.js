// What leaves the stage: the words under a picture, and the message of the file that runs by itself.

import { legendOf } from "./readouts.js";
import { rounded } from "./thermometer.js";
import { count, number } from "./words.js";

/** @import * as sent from "../message" */
/** @import { Caption } from "./overlay.js" */
/** @import { State } from "./state.js" */

/** The link to what is shown, with the heat that is felt now. @param {State} state */
const link = ({ payload, simulation }) => payload.link.replace("{T}", String(rounded(simulation.T)));

/** @param {State} state @returns {Caption} */
export function caption(state) {
  const { _, payload, settings: { n, seed } } = state, { title = "", sentence = "" } = payload.honesty ?? {};
  return {
    title: payload.title, link: link(state), badge: [title && `${title}.`, sentence].filter(Boolean).join(" "),
    legend: legendOf(_, payload.look, state.paths),
    facts: [_("temperature {T}", { T: number(state.simulation.T, 3) }), n === 1 ? _("1 ball") : _("{n} balls",
      { n: count(n) }), _("seed {s}", { s: seed })].join(" \u00b7 "),
  };
}

/** The message as it stands now. @param {State} state @returns {sent.Message} */
export function exported(state) {
  const { payload, settings, speed, shown, view, simulation } = state;
  return { ...payload, temperature: simulation.T, seed: settings.seed, n_balls: settings.n, start: settings.start,
    link: link(state), captions: false, paused: false, law: settings.law, programme_steps: settings.programmeSteps,
    left: { speed, shown: { ...shown }, camera: view.camera.stand, scheme: settings.scheme, friction: settings.friction } };
}
