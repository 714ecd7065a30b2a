// One sentence for screen readers: said once the numbers have come to rest, taken away as soon as it is not so any more.

import { h } from "./dom.js";
import { decimalsFor, fixed } from "./words.js";

/** @import { Words } from "./words.js" */

const REST = 4; // measurements within which the energy must stand still: one second
const STILL = 0.03; // of the surface's scale: the energy stands still
const OUTDATED = 0.08; // of the scale: what was said is not so any more
const PATIENCE = 40; // measurements after which a restless cloud is told all the same: ten seconds

/**
 * createSpoken(_, scale) -> {element, note({T, E, exact})}: once for each measurement.
 * @param {Words} _ @param {number} scale
 */
export function createSpoken(_, scale) {
  const element = h("p", { class: "quiet", "aria-live": "polite", "aria-atomic": "true" });
  const decimals = decimalsFor(scale), unit = scale > 0 ? scale : 1;
  /** @typedef {{T: number, E: number}} One */
  let said = /** @type {One | null} */ (null), last = /** @type {One[]} */ ([]), waited = 0;
  return {
    element,
    /** @param {{T: number, E: number, exact: number}} measured */
    note({ T, E, exact }) {
      if (said && (said.T !== T || Math.abs(said.E - E) > OUTDATED * unit)) {
        said = null;
        element.textContent = "";
      }
      if (said) return;
      last = [...last, { T, E }].slice(-REST);
      waited++;
      const heats = last.map((one) => one.T), energies = last.map((one) => one.E);
      const rests = last.length === REST && Math.max(...heats) === Math.min(...heats)
        && Math.max(...energies) - Math.min(...energies) < STILL * unit;
      if (!rests && waited < PATIENCE) return;
      said = { T, E };
      last = [];
      waited = 0;
      element.textContent = _("Temperature {T}. Mean energy {E}, at equilibrium {G}.", { T: fixed(T, decimals + 1),
        E: fixed(E, decimals), G: fixed(exact, decimals) });
    },
  };
}
