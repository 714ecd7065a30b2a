// What is measured, beside what equilibrium would give: numbers, small strip charts, the badge.

import { h, prepare, sized, write } from "./dom.js";
import { count, decimalsFor, fixed } from "./words.js";

/** @import * as sent from "../message" */
/** @import { LegendEntry } from "./overlay.js" */
/** @import { Paths } from "./paths.js" */
/** @import { Measurement } from "./statistics.js" */
/** @import { Words } from "./words.js" */
/** @typedef {{key: "E" | "S" | "F", label: string, help: string, decimals: number, side: string}} Row */
/** @typedef {Partial<Record<"E" | "S" | "F", {series: number[], goals: number[]}>>} History */

const HISTORY = 240; // measurements kept: one minute at 4 Hz

/**
 * Lowest and highest finite value of both series together, as [low, high]; null with fewer than two of them.
 * @param {number[]} series @param {number[]} goals @returns {[number, number] | null}
 */
function rangeOf(series, goals) {
  let low = Infinity, high = -Infinity, known = 0;
  for (const values of [series, goals]) {
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      known++;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return known < 2 ? null : [low, high];
}

/**
 * A strip chart: the series in one colour, its present equilibrium value dashed.
 * @param {HTMLCanvasElement} canvas @param {{width: number, height: number}} size @param {number[]} series
 * @param {number[]} goals @param {string} colour @param {string} theory
 */
function drawStrip(canvas, { width, height }, series, goals, colour, theory) {
  if (!width || !height) return;
  const context = prepare(canvas, width, height), range = rangeOf(series, goals);
  if (!range) return;
  const room = Math.max(1e-12, 0.12 * (range[1] - range[0]), 1e-3 * Math.abs(range[1]));
  const low = range[0] - room, high = range[1] + room;
  /** @param {number} k */
  const x = (k) => 1 + (width - 4) * k / Math.max(40, series.length - 1);
  /** @param {number} value */
  const y = (value) => height - 1 - (height - 2) * (value - low) / (high - low);
  /** @param {number[]} values @param {string} style @param {number} line @param {number[]} dash */
  const trace = (values, style, line, dash) => {
    context.setLineDash(dash);
    context.strokeStyle = style;
    context.lineWidth = line;
    context.beginPath();
    let pen = false;
    for (let k = 0; k < values.length; k++) {
      const value = values[k];
      if (!Number.isFinite(value)) { pen = false; continue; }
      // Along a level stretch only its ends are corners.
      if (pen && value === values[k - 1] && value === values[k + 1]) continue;
      if (pen) context.lineTo(x(k), y(value)); else context.moveTo(x(k), y(value));
      pen = true;
    }
    context.stroke();
  };
  trace(goals, theory, 1, [3, 3]);
  trace(series, colour, 1.6, []);
  const last = series[series.length - 1];
  if (Number.isFinite(last)) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(x(series.length - 1), y(last), 2.3, 0, 7);
    context.fill();
  }
}

/**
 * A measured number and its error as they are shown: a bound has its sign and no error, what is not known a dash. An error
 * below the last decimal gets as many as it needs, at most two more.
 * @param {number} value @param {number | null} error @param {number} decimals @param {string} sign
 */
export function told(value, error, decimals, sign) {
  if (!Number.isFinite(value)) return ["\u2013", ""];
  if (sign || error === null || !Number.isFinite(error)) return [sign + fixed(value, decimals), ""];
  const needed = [decimals, decimals + 1].find((digits) => Number(error.toFixed(digits)) > 0) ?? decimals + 2;
  return [fixed(value, decimals), `\u00b1${fixed(error, needed)}`];
}

/**
 * The panel "Now, and at equilibrium": update(measured, T), clear(). `history` keeps the series when it is built anew.
 * @param {Words} _ @param {sent.Look} look @param {number} scale @param {History} history
 */
export function createReadouts(_, look, scale, history) {
  const ofEnergy = decimalsFor(scale), cells = () => ({ now: h("td", { class: "now" }), error: h("td", { class: "error" }) });
  const rows = /** @type {Row[]} */ ([
    { key: "E", label: _("\u27e8E\u27e9 energy"), help: _("Mean energy of the balls"), decimals: ofEnergy, side: "" },
    { key: "S", label: _("S entropy"), decimals: 2, side: "\u2264 ",
      help: _("Entropy of the cloud of balls, from how near each has its neighbours; its zero depends on the unit of length") },
    { key: "F", label: _("F = \u27e8E\u27e9 \u2212 TS"), help: _("Free energy: in a bath, this is what falls"),
      decimals: ofEnergy, side: "\u2265 " },
  ]).map((row) => ({ ...row, ...cells(), eq: h("td", { class: "eq" }), chart: h("canvas", { "aria-hidden": "true" }),
    ...(history[row.key] ??= { series: [], goals: [] }) })).map((row) => ({ ...row, size: sized(row.chart) }));
  const distance = cells(), note = h("p", { class: "of", hidden: true });
  /** @param {string} text */
  const heading = (text) => h("th", { scope: "col" }, h("span", { class: "quiet" }, text));
  const element = h("section", { class: "card grow readouts", "aria-label": _("Read-outs") },
    h("h3", {}, _("Now, and at equilibrium")),
    h("table", {},
      h("thead", {}, h("tr", {}, ...[_("quantity"), _("its last minute"), _("now"), _("standard error"),
        _("at equilibrium")].map(heading))),
      h("tbody", {},
        ...rows.map((row) => h("tr", { title: row.help }, h("th", { scope: "row" }, row.label),
          h("td", { class: "chart" }, row.chart), row.now, row.error, row.eq)),
        h("tr", { title: _("Kullback-Leibler distance to the Boltzmann distribution: what F has left to fall, divided by T") },
          h("th", { scope: "row", colspan: 2 }, _("distance to Boltzmann")), distance.now, distance.error,
          h("td", { class: "eq" }, _("nats"))))),
    note);

  /**
   * @param {Record<"now" | "error", HTMLElement>} cells @param {number} value @param {number | null} stderr
   * @param {number} decimals @param {string} sign
   */
  function show({ now, error }, value, stderr, decimals, sign) {
    const [number, uncertain] = told(value, stderr, decimals, sign);
    write(now, number);
    write(error, uncertain);
  }

  /**
   * Where S cannot be told from all balls, or not at all, it says so.
   * @param {Measurement} measured @param {number} T
   */
  function explain({ n, counted, bound, S }, T) {
    const text = bound ? _("Balls lie on one another: S is at most, F and the distance are at least what is shown.")
      : T > 0 && S === null ? _("Too few balls for an entropy.")
        : counted < n ? _("S and F from {m} of the {n} balls.", { m: count(counted), n: count(n) }) : "";
    write(note, text);
    note.hidden = !text;
  }

  return {
    element,
    clear() { for (const row of rows) { row.series.length = 0; row.goals.length = 0; } },
    /** @param {Measurement} measured @param {number} T */
    update(measured, T) {
      const { stderr, bound } = measured;
      for (const row of rows) {
        const { key, decimals } = row, value = measured[key] ?? NaN, goal = measured.eq?.[key] ?? NaN;
        show(row, value, stderr[key], decimals, bound ? row.side : "");
        write(row.eq, fixed(goal, decimals));
        row.series.push(value);
        row.goals.push(goal);
        if (row.series.length > HISTORY) { row.series.shift(); row.goals.shift(); }
        drawStrip(row.chart, row.size, row.series, row.goals, key === "F" ? look.heat : look.text, look.theory);
      }
      // A distance is never negative; its estimate may be, by chance, within the error beside it.
      const { KL } = measured;
      show(distance, KL === null ? NaN : Math.max(KL, 0), stderr.KL, 2, bound ? "\u2265 " : "");
      explain(measured, T);
    },
  };
}

/**
 * How much the slice hides, a sentence in Python's words; opened, the numbers. Null where there is nothing to say.
 * @param {Words} _ @param {sent.Honesty | null} said
 */
export function createBadge(_, said) {
  if (!said?.sentence) return null;
  const sentence = [said.title && h("b", {}, `${said.title}.`), " ", h("span", { class: "said" }, said.sentence)];
  if (!said.more.length) return h("div", { class: "badge" }, ...sentence);
  return h("details", { class: "badge", "data-grade": said.grade ?? "" },
    h("summary", {}, ...sentence, " ", h("span", { class: "numbers" }, _("numbers"))),
    h("ul", {}, ...said.more.map((line) => h("li", {}, line))));
}

/**
 * What is drawn: balls, and the networks of each optimiser in its colour: [{colour, shape, text}].
 * @type {(_: Words, look: sent.Look, paths: Paths | null) => LegendEntry[]}
 */
export const legendOf = (_, look, paths) => (!paths ? [] : [
  { colour: look.heat, shape: /** @type {const} */ ("dot"), text: _("balls on this slice") },
  ...(paths.names.length ? paths.names : [_("networks")]).map((text, k) => ({ colour: paths.colourOf(k), shape: /** @type {const} */ ("diamond"),
    text })),
]);

/**
 * The legend of the stage; null where there is nothing to tell apart.
 * @param {LegendEntry[]} entries @param {"on" | "below"} [where] the picture
 */
export function createLegend(entries, where = "on") {
  if (!entries.length) return null;
  return h("div", { class: `legend ${where}` }, ...entries.map(({ colour, shape, text }) => {
    const mark = h("i", { class: shape, "aria-hidden": "true" });
    mark.style.background = colour;
    return h("span", {}, mark, text);
  }));
}
