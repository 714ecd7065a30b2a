// Entry for notebooks (anywidget): one stage for each place where a widget is shown. Temperature, camera and clicks stand
// in the widget's model, where Python reads and writes them.

import { enter, insist, leave, serve } from "./contexts.js";
import { h, listen } from "./dom.js";
import { schemeAt, watchGround } from "./ground.js";
import { createStage } from "./stage.js";

/** @import * as sent from "../message" */
/** @typedef {[x: number, y: number, count: number]} Click the place of the slice, and how many clicks there were */
/**
 * What a widget's model holds. _message: the stage's message, packed; empty where there is nothing to show.
 * @typedef {object} Traits
 * @property {DataView} _message
 * @property {Partial<Record<"dark" | "light", sent.Look>>} _looks
 * @property {string} _reading what became of the run, in words
 * @property {string} _still names the picture that stands for the widget where there is no kernel
 * @property {number | null} temperature
 * @property {Partial<sent.Stand>} camera
 * @property {Click | null} _click
 */
/**
 * @typedef {object} Model
 * @property {<Name extends keyof Traits>(name: Name) => Traits[Name]} get
 * @property {<Name extends keyof Traits>(name: Name, value: Traits[Name]) => void} set
 * @property {() => void} save_changes
 * @property {(event: string, call: () => void) => void} on
 * @property {(event: string, call: () => void) => void} off
 */
/** @typedef {ReturnType<typeof createStage>} Stage */
/** @typedef {Extract<Stage, {point: unknown}>} Drawing */

const NEAR = "200px"; // of what is seen: there the picture is made ready
const PATIENCE_MS = 1500;

/**
 * Calls when the page has nothing else to do: a stage takes its time to begin, and a notebook that brings many widgets at
 * once gives each of them little to be ready. Returns what takes it back.
 * @param {() => void} call
 */
function whenIdle(call) {
  if (!window.requestIdleCallback) {
    const timer = setTimeout(call);
    return () => clearTimeout(timer);
  }
  const asked = requestIdleCallback(call, { timeout: PATIENCE_MS });
  return () => cancelIdleCallback(asked);
}

/** @param {DataView} packed @returns {Promise<sent.Message>} */
const unpacked = (packed) => new Response(new Blob([/** @type {DataView<ArrayBuffer>} */ (packed)]).stream()
  .pipeThrough(new DecompressionStream("gzip"))).json();

/** The look for the ground on which the widget stands. @param {Model} model @param {Element} host */
function lookAt(model, host) {
  const looks = model.get("_looks");
  return /** @type {sent.Look} */ (looks[schemeAt(host)] ?? Object.values(looks)[0]);
}

/** Sends values to Python. @param {Model} model @param {Partial<Traits>} values */
function tell(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(/** @type {keyof Traits} */ (name), value);
  model.save_changes();
}

/** Listens to what Python sets. Returns what ends it. @param {Model} model @param {Record<string, () => void>} calls */
function heed(model, calls) {
  const all = Object.entries(calls);
  for (const [name, call] of all) model.on(`change:${name}`, call);
  return () => { for (const [name, call] of all) model.off(`change:${name}`, call); };
}

/** The reading, in the colours of the page. @param {string} text */
const sentence = (text) => h("p", { class: "reading", style: "margin: 0 0 8px", hidden: !text }, text);

/** Hides or shows the picture that stands in the notebook for a widget without a kernel. @param {Model} model */
const showStill = (model, shown = true) => document.querySelectorAll(`[data-thermoviz="${model.get("_still")}"]`)
  .forEach((one) => one.toggleAttribute("hidden", !shown));

/**
 * A stage that comes to life when it is seen first, and sleeps when it is not.
 * @param {Model} model @param {HTMLElement} host @param {sent.Message} message @param {string} program
 */
function createSleeper(model, host, message, program) {
  const root = host.attachShadow({ mode: "open" });
  let clicks = model.get("_click")?.[2] ?? 0;
  /** @type {Drawing | null} */
  let stage = null, cancel = () => {};
  let shown = message; // as the stage began with it
  const callbacks = {
    among: host, program: async () => program,
    temperature: (/** @type {number} */ temperature) => tell(model, { temperature }),
    camera: (/** @type {sent.Stand} */ camera) => tell(model, { camera }),
    clicked(/** @type {number} */ x, /** @type {number} */ y) {
      clicks = (model.get("_click")?.[2] ?? 0) + 1;
      tell(model, { _click: [x, y, clicks] });
    },
    drawn() {
      sleeper.pictured = true;
      serve();
    },
  };

  function begin() {
    const temperature = model.get("temperature") ?? message.temperature;
    shown = { ...message, temperature, look: lookAt(model, host) };
    const made = createStage(root, shown, callbacks);
    if (!("point" in made)) return; // a browser that cannot draw has been told so
    stage = made;
    const { camera } = stage.view;
    camera.place({ ...camera.stand, ...model.get("camera") });
  }

  const sleeper = {
    pictured: false,
    wake() { if (stage) stage.view.wake(); else cancel = whenIdle(begin); },
    rest() {
      cancel();
      stage?.view.rest();
    },
    destroy() { stage?.destroy(); },
    recolour() {
      const look = lookAt(model, host);
      if (!stage || look.scheme === shown.look.scheme) return;
      shown = { ...shown, look };
      stage.update(shown);
    },
    heat() {
      const T = model.get("temperature");
      if (stage && T !== null && T !== stage.simulation.T) stage.actions.change(T);
    },
    aim() { stage?.view.camera.aim(model.get("camera")); },
    drop() {
      const [x, y, count] = model.get("_click") ?? [0, 0, clicks];
      if (count === clicks) return; // its own
      clicks = count;
      stage?.point(x, y);
    },
  };
  return sleeper;
}

/**
 * Shows the widget in `el`. program: the stage's own source. Returns what ends it.
 * @param {{model: Model, el: HTMLElement}} place @param {string} program
 */
export async function render({ model, el }, program) {
  // Notebooks have keys of their own, which they do not heed in here.
  const host = h("div", { class: "thermoviz", "data-lm-suppress-shortcuts": "true", style: "min-height: 420px" });
  showStill(model, false);
  el.append(sentence(model.get("_reading")));
  if (!model.get("_message").byteLength) return () => {};
  el.append(host);
  const sleeper = createSleeper(model, host, await unpacked(model.get("_message")), program);
  const sight = new IntersectionObserver((entries) => {
    (entries[entries.length - 1].isIntersecting ? enter : leave)(sleeper);
  }, { rootMargin: NEAR });
  sight.observe(host);
  const wanted = () => insist(sleeper);
  const ends = [
    heed(model, { temperature: sleeper.heat, camera: sleeper.aim, _click: sleeper.drop }),
    watchGround(sleeper.recolour),
    listen(host, { pointerenter: wanted, focusin: wanted }),
    // The wheel scrolls the notebook, unless the stage has been chosen.
    listen(host, { wheel(/** @type {Event} */ event) {
      if (!host.matches(":focus-within")) event.stopPropagation();
    } }, { capture: true }),
    () => sight.disconnect(), () => leave(sleeper), sleeper.destroy, () => el.replaceChildren(), () => showStill(model),
  ];
  return () => { for (const end of ends) end(); };
}
