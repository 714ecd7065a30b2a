// Entry for Streamlit: mount(component, source) is called again with the same root whenever the data changes. Without a
// message it mounts no stage, but tells the page when one stands.

import { createStage } from "./stage.js";

const stages = new WeakMap(), told = new WeakSet();
/** @type {() => void} */
let stands;
const standing = /** @type {Promise<void>} */ (new Promise((resolve) => { stands = resolve; }));
// Streamlit sends together what is said in one moment, as if one part of the page had said all of it: each word of this
// program has a moment of its own, longer than the one that Streamlit waits.
const MOMENT_MS = 30;
/** @type {Promise<unknown>} */
let moment = Promise.resolve();

/** @param {() => void} word */
function say(word) {
  moment = moment.then(() => {
    word();
    return new Promise((done) => { setTimeout(done, MOMENT_MS); });
  });
}

/** @import * as sent from "../message" */
/**
 * What Streamlit hands over. data: in a list, since it looks for data frames among a dictionary's values.
 * @typedef {object} Component
 * @property {[sent.Message | null]} data
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {(name: "temperature", value: sent.Said["temperature"]) => void} setStateValue
 * @property {(name: "drawn", value: sent.Said["drawn"]) => void} setTriggerValue
 */

/**
 * source: address of this program, from which the file that runs by itself takes it.
 * @param {Component} component @param {string} source
 */
export function mount({ data: [data], parentElement: root, setStateValue, setTriggerValue }, source) {
  if (data === null) {
    if (!told.has(root)) standing.then(() => say(() => setTriggerValue("drawn", true)));
    told.add(root);
    return () => {};
  }
  const stage = stages.get(root);
  if (stage) stage.update(data);
  else {
    stages.set(root, createStage(root, data, {
      temperature: (T) => say(() => setStateValue("temperature", T)),
      drawn: stands,
      program: async () => (await fetch(source)).text(),
    }));
  }
  // New data may arrive while the first call still loads; its clean-up must not end a mounted stage.
  return () => setTimeout(() => {
    if (root.isConnected) return;
    stages.get(root)?.destroy();
    stages.delete(root);
  }, 50);
}
