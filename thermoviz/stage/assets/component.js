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

// Until the server has answered a click on a page of the menu, Streamlit takes every word for one of the page that is
// left, which it then draws again instead. So what is said meanwhile is said when the other page stands.
const STATE = "data-test-script-state", LEAVING_MS = 5000;
let leaving = Promise.resolve();

function leave() {
  const app = document.querySelector(`[${STATE}]`);
  if (!app) return;
  leaving = new Promise((done) => {
    let begun = false;
    const watch = new MutationObserver(() => {
      const state = app.getAttribute(STATE);
      begun ||= state === "running";
      if (begun && state === "notRunning") stop();
    });
    const patience = setTimeout(stop, LEAVING_MS);
    watch.observe(app, { attributes: true, attributeFilter: [STATE] });
    function stop() {
      clearTimeout(patience);
      watch.disconnect();
      done();
    }
  });
}

/** @param {Event} event */
function mayLeave(event) {
  if (event.composedPath().some((one) => one instanceof HTMLAnchorElement && one.target !== "_blank")) leave();
}

addEventListener("click", mayLeave, true);
addEventListener("popstate", leave);

/** @param {HTMLElement | ShadowRoot} root @param {() => void} word Said unless the root has gone by then. */
function say(root, word) {
  moment = moment.then(() => leaving).then(() => {
    if (root.isConnected) word();
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
    if (!told.has(root)) standing.then(() => say(root, () => setTriggerValue("drawn", true)));
    told.add(root);
    return () => {};
  }
  const stage = stages.get(root);
  if (stage) stage.update(data);
  else {
    stages.set(root, createStage(root, data, {
      temperature: (T) => say(root, () => setStateValue("temperature", T)),
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
