// Sentences that come and go on the stage: what was done, what lies under the pointer, what slow graphics cost.

import { recordOf } from "./state.js";
import { count, number } from "./words.js";

/** @import { State } from "./state.js" */

const NOTE_MS = 6000;
const HEAD_REACH = 0.05; // of half of the box: a pointer so near means the network

/**
 * Says a sentence, for a while or until the next one.
 * @param {State} state @param {string} text @param {number} [milliseconds]
 */
export function say(state, text, milliseconds = 0) {
  const { note } = state;
  note.textContent = text;
  note.hidden = !text;
  showProbe(state);
  if (milliseconds) setTimeout(() => { if (note.textContent === text) note.hidden = true; }, milliseconds);
}

/** The energy under the pointer, for every surface. @param {State} state */
export function showProbe(state) {
  const { _, probe, note, hovered, paths, payload: { axes }, view } = state;
  probe.hidden = !hovered || !note.hidden;
  if (!hovered) return;
  const head = state.shown.paths && paths?.nearest(Math.round(recordOf(state)), hovered.x, hovered.y,
    HEAD_REACH * view.renderer.frame.unit);
  probe.textContent = [`${_("energy")} ${number(hovered.E, 3)}`, `${axes[0]} ${number(hovered.x, 3)}`,
    `${axes[1]} ${number(hovered.y, 3)}`,
    // A head is drawn at the slice's height; what the network itself loses is another number.
    head && _("{name} itself, off this slice: energy {E}", { name: head.name || _("network"), E: number(head.loss, 3) }),
  ].filter(Boolean).join(" \u00b7 ");
}

/**
 * What was given up for slow graphics: [[which, sentence or false]].
 * @type {(state: State) => Array<[string, string | false]>}
 */
const lossesOf = ({ _, view: { quality }, settings: { n }, simulation: { behind } }) => [
  ["balls", quality.balls < n && _("Slow graphics: {k} of {n} balls are drawn; all of them move.",
    { k: count(quality.balls), n: count(n) })],
  ["simple", quality.reduced && _("Slow graphics: drawn more simply, so that the page stays responsive.")],
  ["behind", behind && _("Time runs slower than asked for: this machine takes fewer steps per picture.")],
];

/** Tells each loss once for a visit; not over what explains the picture. @param {State} state */
export function tellQuality(state) {
  if (state.ui.captions.shown || !state.note.hidden) return;
  for (const [which, sentence] of lossesOf(state)) {
    if (!sentence || state.told.has(which)) continue;
    state.told.add(which);
    say(state, sentence, NOTE_MS);
    return;
  }
}
