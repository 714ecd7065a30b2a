// Where the balls are: the share of each valley beside its exact value, large; and when the balls need longer than
// anybody would watch, a sentence that says so and shows the way.

import { h, write } from "./dom.js";
import { number, percent } from "./words.js";

/** @import * as sent from "../message" */
/** @import { Measurement } from "./statistics.js" */
/** @import { Words } from "./words.js" */

const MOST = 5; // valleys shown one by one
const WINDOW = 240; // steps over which the way to equilibrium is watched: one second at the usual pace
const SLOW = 0.15; // of the distance: what closes by less within the window counts as slow
const ERRORS = 4; // binomial standard errors, and
const LEAST = 0.03; // at least this: nobody sees less
const SAME_HEAT = 0.02; // two temperatures that differ by less than this share of themselves are one
const NEAR = 0.2; // |ln(T / T*)| below which T is near the crossing

/**
 * Half the sum of all differences: the share of the balls that stand in the wrong valley.
 * @param {number[]} shares @param {number[]} exact
 */
const distance = (shares, exact) => shares.reduce((sum, p, k) => sum + Math.abs(p - exact[k]), 0) / 2;

/**
 * Whether n balls with these shares stand away from equilibrium, beyond chance.
 * @param {number[]} shares @param {number[]} exact @param {number} n
 */
const isAway = (shares, exact, n) => shares.some((p, k) => Math.abs(p - exact[k])
  > Math.max(LEAST, ERRORS * Math.sqrt(exact[k] * (1 - exact[k]) / n)));

/**
 * Watches how fast the shares go to equilibrium: note({steps, T, shares, exact, n}) -> "" | "slow" | "still".
 * "still": without heat, away from equilibrium. "slow": over the last WINDOW steps at this temperature less than SLOW of
 * the distance was closed. forget(): the balls were placed anew.
 */
function createWatch() {
  let seen = /** @type {Array<{steps: number, far: number}>} */ ([]), told = false;
  let heat = /** @type {number | null} */ (null);
  return {
    forget() { seen = []; told = false; },
    /** @param {{steps: number, T: number, shares: number[], exact: number[], n: number}} seen */
    note({ steps, T, shares, exact, n }) {
      if (heat === null || Math.abs(T - heat) > SAME_HEAT * heat) { seen = []; told = false; heat = T; }
      if (!isAway(shares, exact, n)) { told = false; seen = []; return ""; }
      if (!(T > 0)) return "still";
      const far = distance(shares, exact);
      seen.push({ steps, far });
      while (seen.length > 1 && steps - seen[1].steps >= WINDOW) seen.shift();
      const [before] = seen, passed = steps - before.steps;
      if (passed >= WINDOW) told = far > before.far * (1 - SLOW * passed / WINDOW);
      return told ? "slow" : "";
    },
  };
}

/**
 * The valleys shown: all of them, or the deepest ones and the rest together.
 * @param {Words} _ @param {string[]} names
 */
function rowsOf(_, names) {
  if (names.length <= MOST) return names.map((name, k) => ({ name, of: [k] }));
  return [...names.slice(0, MOST - 1).map((name, k) => ({ name, of: [k] })),
    { name: _("other valleys"), of: names.slice(MOST - 1).map((_name, k) => k + MOST - 1) }];
}

/**
 * The panel. update(measured, {T, steps, n}), forget(). crossing: {T} where two valleys hold the same, or null.
 * @param {Words} _ @param {sent.Look} look @param {string[]} names @param {sent.Crossing | null} crossing
 * @param {{equilibrate(): void}} on
 */
export function createShares(_, look, names, crossing, on) {
  const watch = createWatch();
  const rows = rowsOf(_, names).map(({ name, of }, k) => {
    const bar = h("i"), mark = h("b"), now = h("td", { class: "now", "data-share": name });
    const exact = h("td", { class: "eq", "data-exact": name });
    bar.style.background = look.basins[k % look.basins.length];
    return { of, bar, mark, now, exact, element: h("tr", {}, h("th", { scope: "row" }, name),
      h("td", { class: "meter", "aria-hidden": "true" }, h("div", {}, bar, mark)), now, exact) };
  });
  const text = h("span");
  const slow = h("p", { class: "slow", role: "status", hidden: true }, text, " ",
    h("button", { type: "button", class: "wanted", onclick: on.equilibrate }, _("jump to equilibrium")));
  /** @param {string} words @param {Record<string, string>} [more] */
  const head = (words, more = {}) => h("th", { scope: "col", ...more }, words);
  const element = h("section", { class: "card places", "aria-label": _("Where the balls are"), hidden: true },
    h("table", {}, h("thead", {}, h("tr", {}, h("th", { colspan: 2, class: "title" }, h("h3", {}, _("Where the balls are"))),
      head(_("now")), head(_("at equilibrium"), { class: "eq" }))),
    h("tbody", {}, ...rows.map((row) => row.element))), slow);

  /** @param {string} why @param {number} T */
  const sentence = (why, T) => (why === "still" ? _("Without heat no ball crosses a pass: each stays in its valley.")
    : crossing && Math.abs(Math.log(T / crossing.T)) < NEAR
      ? _("Near T* = {T} the two valleys come to hold the same, but few balls cross the pass: they need longer.",
        { T: number(crossing.T, 2) })
      : _("At this heat few balls cross the pass: they need longer."));

  return {
    element,
    forget() { watch.forget(); slow.hidden = true; },
    /** @param {Measurement} measured @param {{T: number, steps: number, n: number, held: boolean}} balls */
    update({ shares, eq }, { T, steps, n, held }) {
      element.hidden = !(shares.length > 1);
      if (element.hidden) return;
      const exact = Array.from(eq.shares);
      /** @param {ArrayLike<number>} values @param {number[]} of */
      const whole = (values, of) => of.reduce((sum, k) => sum + values[k], 0);
      for (const { of, bar, mark, now, exact: goal } of rows) {
        const value = whole(shares, of);
        bar.style.width = `${(100 * value).toFixed(1)}%`;
        write(now, percent(value));
        write(goal, percent(whole(exact, of)));
        mark.style.left = `${(100 * whole(exact, of)).toFixed(1)}%`;
      }
      const why = held ? watch.note({ steps, T, shares: Array.from(shares), exact, n }) : "";
      if (slow.hidden === Boolean(why)) slow.hidden = !why;
      if (why) write(text, sentence(why, T));
    },
  };
}
