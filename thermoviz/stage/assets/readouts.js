// What is measured, beside what equilibrium would give: numbers, small strip charts, the badge.

import { h, prepare, sized, write } from "./dom.js";
import { decimalsFor, fixed, percent } from "./words.js";

const HISTORY = 240; // measurements kept: one minute at 4 Hz

/** Lowest and highest finite value of both series together, as [low, high]; null with fewer than two of them. */
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

/** A strip chart: the series in one colour, its present equilibrium value dashed. */
function drawStrip(canvas, { width, height }, series, goals, colour, theory) {
  if (!width || !height) return;
  const context = prepare(canvas, width, height), range = rangeOf(series, goals);
  if (!range) return;
  const room = Math.max(1e-12, 0.12 * (range[1] - range[0]), 1e-3 * Math.abs(range[1]));
  const low = range[0] - room, high = range[1] + room;
  const x = (k) => 1 + (width - 4) * k / Math.max(40, series.length - 1);
  const y = (value) => height - 1 - (height - 2) * (value - low) / (high - low);
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

/** The panel "Now, and at equilibrium": update(measured, T), clear(). `history` keeps the series when it is built anew. */
export function createReadouts(_, look, scale, history) {
  const rows = [
    { key: "E", label: _("\u27e8E\u27e9 energy"), help: _("Mean energy of the balls") },
    { key: "S", label: _("S entropy"),
      help: _("Entropy of the cloud of balls; its zero depends on the unit of length") },
    { key: "F", label: _("F = \u27e8E\u27e9 \u2212 TS"), help: _("Free energy: in a bath, this is what falls") },
  ].map((row) => ({ ...row, now: h("td", { class: "now" }), eq: h("td", { class: "eq" }), chart: h("canvas",
    { "aria-hidden": "true" }),
    ...(history[row.key] ??= { series: [], goals: [] }) }));
  for (const row of rows) row.size = sized(row.chart);
  const distance = h("td", { class: "now" });
  const element = h("section", { class: "card grow", "aria-label": _("Read-outs") },
    h("h3", {}, _("Now, and at equilibrium")),
    h("table", {},
      h("tbody", {},
        ...rows.map((row) => h("tr", { title: row.help }, h("td", {}, row.label), h("td", { class: "chart" },
          row.chart), row.now, row.eq)),
        h("tr", { title: _("Kullback-Leibler distance to the Boltzmann distribution, its sampling floor taken off") },
          h("td", { colspan: 2 }, _("distance to Boltzmann")), distance, h("td", { class: "eq" }, _("nats"))))));
  const decimals = decimalsFor(scale);

  return {
    element,
    clear() { for (const row of rows) { row.series.length = 0; row.goals.length = 0; } },
    update(measured, T) {
      for (const row of rows) {
        const value = measured[row.key], goal = measured.eq?.[row.key];
        const shown = T > 0 || row.key !== "S";
        write(row.now, shown ? fixed(value, row.key === "S" ? 2 : decimals) : "\u2013");
        write(row.eq, shown ? fixed(goal, row.key === "S" ? 2 : decimals) : "\u2013");
        row.series.push(shown ? value : NaN);
        row.goals.push(shown ? goal : NaN);
        if (row.series.length > HISTORY) { row.series.shift(); row.goals.shift(); }
        drawStrip(row.chart, row.size, row.series, row.goals, row.key === "F" ? look.heat : look.text, look.theory);
      }
      write(distance, T > 0 ? fixed(measured.KL, 3) : "\u2013");
    },
  };
}

/** How much the slice hides, a sentence in Python's words; opened, the numbers. Null where there is nothing to say. */
export function createBadge(_, payload) {
  const said = payload.honesty;
  if (!said?.sentence) return null;
  const sentence = [said.title && h("b", {}, `${said.title}.`), " ", h("span", { class: "said" }, said.sentence)];
  if (!said.more?.length) return h("div", { class: "badge" }, ...sentence);
  return h("details", { class: "badge", "data-grade": said.grade ?? "" },
    h("summary", {}, ...sentence, " ", h("span", { class: "numbers" }, _("numbers"))),
    h("ul", {}, ...said.more.map((line) => h("li", {}, line))));
}

/** What is drawn: balls, and the networks of each optimiser in its colour: [{colour, shape, text}]. */
export const legendOf = (_, look, paths) => (!paths ? [] : [
  { colour: look.heat, shape: "dot", text: _("balls on this slice") },
  ...(paths.names.length ? paths.names : [_("networks")]).map((text, k) => ({ colour: paths.colourOf(k), shape: "diamond",
    text })),
]);

/** The legend on the stage; null where there is nothing to tell apart. */
export function createLegend(entries) {
  if (!entries.length) return null;
  return h("div", { class: "legend" }, ...entries.map(({ colour, shape, text }) => {
    const mark = h("i", { class: shape, "aria-hidden": "true" });
    mark.style.background = colour;
    return h("span", {}, mark, text);
  }));
}
