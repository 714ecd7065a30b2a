// What a viewer can do: buttons, sliders, keys and the pointer call these.

import { LADDER } from "./controls.js";
import { heated } from "./coupling.js";
import { h } from "./dom.js";
import { say } from "./notes.js";
import { uploadPaths } from "./painting.js";
import { nearestBall } from "./places.js";
import { afresh } from "./readings.js";

/** @import * as sent from "../message" */
/** @import { ProgrammeKind } from "./programmes.js" */
/** @import { Spot } from "./pointer.js" */
/** @import { State } from "./state.js" */
/** @typedef {ReturnType<typeof createActions>} Actions */

const RING_MS = 900; // of the ring where balls fall
const SEEDS = 10000;

/**
 * A handful of balls falls at a place; a ring and a word say so, also where they lie still.
 * @param {State} state @param {Spot} point @param {number} px @param {number} py
 */
export function drop(state, point, px, py) {
  const { _, simulation, view, ui, clock } = state, dropped = simulation.drop(point.x, point.y);
  const ring = h("div", { class: "dropped", "aria-hidden": "true", style: `left: ${px}px; top: ${py}px` });
  view.element.append(ring);
  setTimeout(() => ring.remove(), RING_MS);
  say(state, dropped === 1 ? _("1 ball dropped") : _("{n} balls dropped", { n: dropped }), 2 * RING_MS);
  ui.shares.forget();
  clock.measured = -Infinity;
}

/** @param {State} state @param {number | null} k */
function follow(state, k) {
  state.following = k;
  state.clock.pointed = -Infinity;
  state.ui.pointer?.setFollowing(k !== null);
}

/** The next number of balls up or down the ladder. @param {number} n @param {1 | -1} direction */
function rung(n, direction) {
  const above = LADDER.findIndex((known) => (direction > 0 ? known > n : known >= n));
  const k = direction > 0 ? above : above - 1;
  return LADDER[Math.max(0, Math.min(LADDER.length - 1, k < 0 ? LADDER.length - 1 : k))];
}

/** @param {State} state */
export function createActions(state) {
  const { settings, replay, view } = state;

  /** @param {boolean} playing */
  function play(playing) {
    state.playing = playing;
    state.ui.transport.showPlaying(playing);
  }

  const actions = {
    toggle() { play(!state.playing); },
    step() {
      play(false);
      state.simulation.step();
      state.clock.measured = -Infinity;
    },
    reset() {
      state.simulation.reset();
      afresh(state);
    },
    newSeed() {
      // Never the seed that is shown.
      state.simulation.setSeed((settings.seed + 1 + Math.floor((SEEDS - 1) * Math.random())) % SEEDS);
      state.ui.startRow.showSeed(settings.seed);
      afresh(state);
    },
    /** @param {number} value */
    speed(value) {
      state.speed = value;
      state.ui.transport.showSpeed(value);
    },
    /** @param {boolean} value */
    top(value) {
      view.camera.setTop(value);
      state.ui.transport.showTop(value);
    },
    /** @param {1 | -1} direction */
    ladder(direction) {
      state.simulation.setCount(rung(settings.n, direction));
      if (state.following !== null && state.following >= settings.n) follow(state, null);
      state.ui.transport.showCount(settings.n);
      afresh(state);
    },
    /** @param {string} start */
    start(start) {
      state.simulation.setStart(start);
      state.ui.startRow.showStart(start);
      afresh(state);
    },
    /** @param {number} fraction */
    replay(fraction) { Object.assign(replay, { fraction, playing: false }); },
    toggleReplay() {
      if (!replay.playing && replay.fraction >= 1) replay.fraction = 0;
      replay.playing = !replay.playing;
    },
    more() { state.ui.drawer.toggle(); },
    home() {
      view.goHome();
      state.ui.transport.showTop(false);
    },
    /** @param {sent.BallScheme} key */
    scheme(key) { state.simulation.setScheme(key); },
    /** @param {number} value */
    friction(value) { state.simulation.setFriction(value); },
    /** @param {sent.Law} key */
    law(key) {
      settings.law = key;
      if (state.simulation.programme === "anneal") actions.programme("anneal");
    },
    /** @param {number} steps */
    programmeSteps(steps) {
      settings.programmeSteps = steps;
      if (state.simulation.programme !== "hold") actions.programme(state.simulation.programme);
    },
    /** @param {keyof sent.Shown} key @param {boolean} value */
    show(key, value) {
      state.shown[key] = value;
      if (key === "trails") {
        state.trails.clear();
        view.renderer.setTrails(new Float32Array(0));
      }
      uploadPaths(state);
    },
    /** @param {number} T */
    change(T) {
      state.handsOn = true;
      heated(state);
      state.simulation.setTemperature(T);
      state.ui.thermometer.showProgramme("hold");
      state.ui.thermometer.show(T);
    },
    /** @param {number} T */
    release(T) {
      actions.change(T);
      state.released.add(T);
      state.callbacks.temperature?.(T);
    },
    zero() { actions.release(0); },
    /** @param {ProgrammeKind} kind */
    programme(kind) {
      state.handsOn = true;
      heated(state);
      state.simulation.setProgramme(kind);
      state.ui.thermometer.showProgramme(kind);
    },
    equilibrate() {
      state.simulation.equilibrate();
      afresh(state);
    },
    follow() { follow(state, state.following === null ? nearestBall(state) : null); },
    /** The list of keys, and what explains the picture. */
    help() {
      state.ui.keyboard.toggle();
      if (state.payload.captions) state.ui.captions.show();
    },
  };
  return actions;
}
