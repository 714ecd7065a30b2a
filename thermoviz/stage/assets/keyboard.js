// Keys that work while the stage has the focus, and the sheet that lists them.

import { h, isIn, symbolButton } from "./dom.js";

/** @import { Words } from "./words.js" */
/**
 * @typedef {"toggle" | "step" | "zero" | "newSeed" | "reset" | "top" | "left" | "right" | "up" | "down" | "nearer"
 *   | "farther" | "help"} KeyAction
 */

// Where people write: keys are letters there.
const WRITTEN = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

/**
 * The one table of keys: [keys of the event, how they are written, what they do, action's name].
 * @type {(_: Words, anywhere: boolean) => Array<[keys: string[], shown: string, text: string, action: KeyAction]>}
 */
const keyTable = (_, anywhere) => [
  [[" "], _("space"), _("play or pause"), "toggle"],
  [["s", "S"], "S", _("one step"), "step"],
  [["0"], "0", _("no heat: temperature zero"), "zero"],
  [["n", "N"], "N", _("new seed"), "newSeed"],
  [["r", "R"], "R", _("reset: the same seed again"), "reset"],
  [["t", "T"], "T", _("from the top, or in 3D"), "top"],
  [["ArrowLeft"], "\u2190", _("turn left"), "left"],
  [["ArrowRight"], "\u2192", _("turn right"), "right"],
  [["ArrowUp"], "\u2191", _("tilt up"), "up"],
  [["ArrowDown"], "\u2193", _("tilt down"), "down"],
  [["+", "="], "+", _("nearer"), "nearer"],
  [["-"], "\u2212", _("farther"), "farther"],
  [["?"], "?", anywhere ? _("this list, and what the picture shows; anywhere on the page")
    : _("this list, and what the picture shows"), "help"],
];

/**
 * Listens on the stage; controls inside it keep their own keys. Returns the sheet, toggle() and a way to stop.
 * @param {Words} _ @param {HTMLElement} stage @param {HTMLElement} focus @param {Record<KeyAction, () => void>} actions
 * @param {HTMLElement} [among] where help is asked for; else anywhere on the page
 */
export function createKeyboard(_, stage, focus, actions, among) {
  const keys = keyTable(_, !among), around = among ?? document;
  const close = () => { sheet.hidden = true; focus.focus({ preventScroll: true }); };
  const sheet = h("div", { class: "help", role: "dialog", "aria-label": _("Keys"), hidden: true, onclick: close },
    h("div", {}, h("h3", {}, _("Keys, while the stage has the focus")),
      h("table", {}, h("tbody", {}, ...keys.map(([, shown, text]) => h("tr", {}, h("td", {}, h("kbd", {}, shown)),
        h("td", {}, text))),
        h("tr", {}, h("td", {}, _("click")), h("td", {}, _("drop a handful of balls"))),
        h("tr", {}, h("td", {}, _("drag, wheel")), h("td", {}, _("turn, zoom; with Shift: move"))))),
      symbolButton("close", _("Close"), close)));
  const toggle = () => { sheet.hidden = !sheet.hidden; };
  /** @param {KeyboardEvent} event */
  const listen = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (isIn(event.target, "button, input, select")) return;
    const row = keys.find(([keys]) => keys.includes(event.key));
    if (!row) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has keys of its own
    actions[row[3]]();
  };
  // Help is asked for, and put away, as long as nobody is writing.
  const ask = (/** @type {any} */ event) => {
    if (event.key === "Escape" && !sheet.hidden) { close(); event.preventDefault(); return; }
    if (event.key !== "?" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isIn(event.composedPath()[0], WRITTEN)) return;
    event.preventDefault();
    actions.help();
  };
  stage.addEventListener("keydown", listen);
  around.addEventListener("keydown", ask);
  return { sheet, toggle, destroy() {
    stage.removeEventListener("keydown", listen);
    around.removeEventListener("keydown", ask);
  } };
}
