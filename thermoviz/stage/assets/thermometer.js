// Temperature, the largest control: a logarithmic slider with T = 0 at its left end, and programmes of heating.

import { choiceRow, choicesOf, h } from "./dom.js";
import { PROGRAMMES } from "./programmes.js";
import { number } from "./words.js";

/** @import * as sent from "../message" */
/** @import { ProgrammeKind } from "./programmes.js" */
/** @import { Surface } from "./surface.js" */
/** @import { Words } from "./words.js" */

const STEPS = 600; // positions of the slider above zero
const DECADES = [-3, 1]; // of T / scale
const MOST_INVITING = 0.7; // of the slider's length: beyond it is warm

/** Three digits: what the page shows, what a link carries and what the balls feel are one number. @param {number} T */
export const rounded = (T) => Number(T.toPrecision(3));

/**
 * Slider position <-> temperature, in units of the surface's scale (its barrier, where it has one).
 * @param {number} T @param {number} scale
 */
const positionOf = (T, scale) => (T <= 0 ? 0
  : Math.min(STEPS, Math.max(1, Math.round(
    1 + (STEPS - 1) * (Math.log10(T / scale) - DECADES[0]) / (DECADES[1] - DECADES[0])))));
/** @param {number} k @param {number} scale */
const temperatureAtPosition = (k, scale) => (k <= 0 ? 0
  : rounded(scale * 10 ** (DECADES[0] + (DECADES[1] - DECADES[0]) * (k - 1) / (STEPS - 1))));

/**
 * What this temperature means for training: the batch size whose noise would be this hot.
 * @param {Words} _ @param {number} T @param {sent.Batch | null} batch
 */
function batchMeaning(_, T, batch) {
  const hot = batch?.T_of_batch_1 ?? 0;
  if (!(hot > 0) || !(T > 0)) return null;
  const B = hot / T;
  return B >= 1 ? _("like batch {B}", { B: number(B, B < 10 ? 2 : 3) })
    : _("hotter than batch size 1 (T\u00a0=\u00a0{T})", { T: number(hot, 2) });
}

/**
 * on: {change(T) while sliding, release(T), programme(kind)}. landmark: what the marks mean, a card of its own.
 * @param {Words} _
 * @param {{change(T: number): void, release(T: number): void, programme(kind: ProgrammeKind): void}} on
 */
export function createThermometer(_, on) {
  const output = h("output", { "aria-hidden": "true" });
  const meaning = h("span", { class: "meaning" });
  const ruler = h("div", { class: "ruler", "aria-hidden": "true" });
  const invitation = h("span", { class: "invitation", "aria-hidden": "true", hidden: true }, _("warm it"), " \u2192");
  const landmark = h("section", { class: "card landmark", "aria-label": _("The marks on the slider") });
  const slider = h("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": _("Temperature"),
    oninput: () => on.change(temperatureAtPosition(Number(slider.value), scale)),
    onchange: () => on.release(temperatureAtPosition(Number(slider.value), scale)) });
  const programmes = choiceRow(_("Programme of the temperature"), choicesOf(_, PROGRAMMES), on.programme);
  const element = h("section", { class: "card temperature", "aria-label": _("Temperature") },
    h("h3", {}, _("Temperature")), h("div", { class: "big" }, output, meaning), h("div", { class: "track" }, slider,
      invitation), ruler,
    h("div", { class: "programmes" }, programmes.element));
  let scale = 1, barrier = 0, fontScale = 1; // a barrier of 0: there is none
  let batch = /** @type {sent.Batch | null} */ (null), crossing = /** @type {sent.Crossing | null} */ (null);

  /** Marks below the slider: T*, the training's own heat, zero, a tenth of the barrier and the barrier, round values.
   *  Those that would collide are left out, the last ones first. */
  function mark() {
    /** @type {Array<{at: number, room: number}>} */
    const taken = [];
    /** @param {number} T @param {string} text @param {string} [more] */
    const place = (T, text, more) => {
      if (T > scale * 10 ** DECADES[1]) return; // beyond the slider's end
      const at = positionOf(T, scale) / STEPS;
      const room = 0.019 * text.length * fontScale + 0.03;
      if (at < 0 || at > 1 || taken.some((other) => Math.abs(other.at - at) < (other.room + room) / 2)) return;
      taken.push({ at, room });
      const tick = h("span", { class: more ?? "" }, text);
      tick.style.left = `${100 * at}%`;
      ruler.append(tick);
    };
    ruler.replaceChildren();
    if (crossing) place(crossing.T, "T*", "crossing");
    const data = batch?.T_slice ?? 0;
    if (data > scale * 10 ** DECADES[0]) place(data, _("data"), "data");
    place(0, "0");
    if (barrier > 0) {
      place(0.1 * barrier, ".1 \u00d7", "barrier");
      place(barrier, _("1 \u00d7 barrier"), "barrier");
    }
    for (let k = -8; k <= 8; k++) {
      const T = 10 ** k;
      if (T > scale * 10 ** DECADES[0] * 1.5 && T < scale * 10 ** DECADES[1] * 0.9) place(T, number(T, 1));
    }
  }

  /**
   * What the landmarks mean: where volume beats depth, and whether data are as warm; the whole network one click on.
   * @param {string[]} names @param {boolean} slice @param {sent.Heat} heat
   */
  function explain(names, slice, { sentence, more }) {
    const said = crossing && { T: number(crossing.T, 3), hot: names[crossing.hot], cold: names[crossing.cold] };
    const here = said && (slice
      ? _("T* = {T}: on this slice \u201c{hot}\u201d takes over from \u201c{cold}\u201d.", said)
      : _("T* = {T}: here \u201c{hot}\u201d takes over from \u201c{cold}\u201d.", said));
    landmark.replaceChildren(...[here, sentence].filter(Boolean).map((text) => h("p", {}, text)),
      ...(more.length ? [h("details", {}, h("summary", {}, _("And the whole network?")),
        ...more.map((text) => h("p", {}, text)))] : []));
    landmark.hidden = !landmark.children.length;
  }

  return {
    element, landmark, slider,
    /**
     * The surface and what its temperatures mean: {batch, crossing, heat, look, basins: {names}} of the payload.
     * @param {Surface} surface @param {sent.Message} payload
     */
    setSurface(surface, payload) {
      const { scale: own } = surface;
      scale = payload.coupled?.scale ?? (own > 0 ? own : 1);
      barrier = surface.barrier ?? 0;
      batch = payload.batch;
      crossing = payload.crossing;
      fontScale = payload.look.font_small / 12;
      mark();
      explain(payload.basins.names, Boolean(payload.honesty), payload.heat);
    },
    /** @param {number} T */
    show(T) {
      const shown = T > 0 ? number(T, 2 + (T >= 0.1 ? 1 : 0)) : "0";
      output.textContent = shown;
      output.classList.toggle("long", shown.length > 6);
      const parts = T > 0
        ? [barrier > 0 ? _("{r} \u00d7 barrier", { r: number(T / barrier, 2) }) : null, batchMeaning(_, T, batch)]
        : [_("no heat: steepest descent")];
      meaning.textContent = parts.filter(Boolean).join(", ");
      slider.value = String(positionOf(T, scale));
      slider.setAttribute("aria-valuetext", `${output.textContent}; ${meaning.textContent}`);
    },
    /** @param {ProgrammeKind} kind */
    showProgramme: (kind) => programmes.choose(kind),
    /**
     * Shows that this slider is the thing to move, as long as there is room to the right.
     * @param {boolean} wanted @param {number} T
     */
    invite(wanted, T) {
      const at = positionOf(T, scale) / STEPS;
      invitation.hidden = !wanted || at > MOST_INVITING;
      invitation.style.left = `${100 * at}%`;
    },
  };
}
