// Small building blocks of the page inside the stage. Text only ever enters as text, never as markup.

/** @import { Words } from "./words.js" */
/** @typedef {keyof typeof ICONS} Icon */

/**
 * An element: h("button", {class: "key", onclick}, "text", child). Properties starting with "on" are listeners.
 * @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined)} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * What draws into a canvas. Where this is asked, a browser that cannot draw has already been told so.
 * @param {HTMLCanvasElement} canvas
 */
export const drawing = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

/** Rectangles of elements, within another one. @param {Element} within @param {Element[]} elements */
export function boxesIn(within, elements) {
  const beside = within.getBoundingClientRect();
  return elements.map((element) => element.getBoundingClientRect())
    .map(({ x, y, width, height }) => ({ x: x - beside.x, y: y - beside.y, width, height }));
}

const ICONS = {
  play: "M7 4.5v15l13-7.5z",
  pause: "M6 4.5h4.2v15H6zM13.8 4.5H18v15h-4.2z",
  step: "M5 4.5v15l10-7.5zM16.5 4.5h2.8v15h-2.8z",
  reset: "M12 4a8 8 0 1 1-7.6 5.5l2.1.7A5.8 5.8 0 1 0 12 6.2V9.6L6.6 5.1 12 .6z",
  picture: "M4 5h4l1.6-2h4.8L16 5h4a1.5 1.5 0 0 1 1.5 1.5v12A1.5 1.5 0 0 1 20 20H4a1.5 1.5 0 0 1-1.5-1.5v-12A1.5 1.5 0 0 1 4 5zm8 3.2a4.3 4.3 0 1 0 0 8.6 4.3 4.3 0 0 0 0-8.6zm0 2a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 0 1 0-4.6z",
  film: "M3 5h12.5A1.5 1.5 0 0 1 17 6.500v3l4.5-3v11l-4.5-3v3a1.5 1.5 0 0 1-1.5 1.500H3A1.5 1.5 0 0 1 1.5 17.500v-11A1.5 1.5 0 0 1 3 5z",
  stop: "M6 6h12v12H6z",
  file: "M11 2.500h2V12l3.6-3.600L18 9.800l-6 6-6-6 1.4-1.400L11 12zM4 17h2v3h12v-3h2v5H4z",
  more: "M4 7h9.200a3 3 0 0 1 5.6 0H20v2h-1.200a3 3 0 0 1-5.6 0H4zM4 15h1.200a3 3 0 0 1 5.6 0H20v2h-9.200a3 3 0 0 1-5.6 0H4z",
  home: "M12 3 3 10.500h2.500V20h5v-6h3v6h5v-9.500H21z",
  close: "M5 6.4 6.4 5 12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.600L6.4 19 5 17.6 10.6 12z",
};

/** A drawn symbol, so that no font has to know it. @param {Icon} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with a symbol, and the words that say what it does.
 * @param {Icon} name @param {string} label @param {(event: MouseEvent) => unknown} onclick
 * @param {Record<string, any>} [extra]
 */
export function symbolButton(name, label, onclick, extra = {}) {
  const { class: more = "", ...rest } = extra;
  return h("button", { type: "button", class: `symbol ${more}`, title: label, "aria-label": label, onclick, ...rest },
    icon(name));
}

/** @param {HTMLElement} button @param {Icon} name @param {string} label */
export function setSymbol(button, name, label) {
  if (button.dataset.symbol === name) return;
  button.dataset.symbol = name;
  button.replaceChildren(icon(name));
  button.title = label;
  button.setAttribute("aria-label", label);
}

/**
 * A row of buttons of which one is chosen: choices [[key, text, help?]]; returns {element, choose(key)}.
 * @template {string | number} Key @param {string} label @param {Array<[key: Key, text: string, help?: string]>} choices
 * @param {(key: Key) => void} onchoice
 */
export function choiceRow(label, choices, onchoice) {
  const buttons = new Map(choices.map(([key, text, help]) => [key,
    h("button", { type: "button", title: help, "aria-pressed": "false", onclick: () => onchoice(key) }, text)]));
  return {
    element: h("div", { class: "choices", role: "group", "aria-label": label }, ...buttons.values()),
    /** @param {Key} key */
    choose(key) {
      for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(name === key));
    },
  };
}

/**
 * The rows of a table as choices.
 * @template {string} Key @param {Words} _
 * @param {Record<Key, {title: (_: Words) => string, help?: (_: Words) => string}>} table
 */
export const choicesOf = (_, table) => /** @type {Key[]} */ (Object.keys(table)).map(
  (key) => /** @type {[key: Key, text: string, help?: string]} */ ([key, table[key].title(_), table[key].help?.(_)]));

/**
 * A labelled list of choices.
 * @template {string} Key
 * @param {string} label @param {Array<[key: Key, text: string, help?: string]>} choices
 * @param {(key: Key) => void} onchange
 */
export function picker(label, choices, onchange) {
  const select = h("select", { "aria-label": label, onchange: () => onchange(/** @type {Key} */ (select.value)) },
    ...choices.map(([key, text]) => h("option", { value: key }, text)));
  return { element: h("label", { class: "picker" }, h("span", {}, label), select), select };
}

/**
 * Whether what an event befell stands in an element that the selector names.
 * @type {(target: EventTarget | null, selector: string) => boolean}
 */
export const isIn = (target, selector) => target instanceof Element && target.closest(selector) !== null;

/**
 * Adds listeners by the names of their events. Returns what takes them away.
 * @param {EventTarget} target @param {Record<string, (event: any) => void>} listeners
 * @param {AddEventListenerOptions} [options]
 */
export function listen(target, listeners, options) {
  const all = Object.entries(listeners);
  for (const [name, listener] of all) target.addEventListener(name, listener, options);
  return () => { for (const [name, listener] of all) target.removeEventListener(name, listener, options); };
}

/**
 * Text of an element, written only where it differs: a write costs a layout.
 * @param {HTMLElement} element @param {string} text
 */
export function write(element, text) {
  if (element.firstChild?.nodeValue !== text || element.childNodes.length > 1) element.textContent = text;
}

/**
 * The size of an element in css pixels as the browser last laid it out; reading it costs no layout.
 * @param {Element} element
 */
export function sized(element) {
  const size = { width: 0, height: 0 };
  new ResizeObserver(([{ borderBoxSize: [box] }]) => {
    size.width = box.inlineSize;
    size.height = box.blockSize;
  }).observe(element);
  return size;
}

/**
 * A drawing area that follows its own size and the screen's pixels: prepare() -> a context scaled to css pixels.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 */
export function prepare(canvas, width, height) {
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const w = Math.max(1, Math.round(width * ratio)), hgt = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== w || canvas.height !== hgt) { canvas.width = w; canvas.height = hgt; }
  const context = drawing(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
