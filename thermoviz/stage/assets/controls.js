// The transport below the stage and the drawer with what is needed less often. They call `on`, and know no physics.

import { choiceRow, choicesOf, h, picker, setSymbol, symbolButton, write } from "./dom.js";
import { LAWS } from "./programmes.js";
import { SCHEMES } from "./schemes.js";
import { count, number } from "./words.js";

/** @import * as sent from "../message" */
/** @import { Settings } from "./simulation.js" */
/** @import { Words } from "./words.js" */
/**
 * @typedef {object} TransportActions
 * @property {() => void} toggle
 * @property {() => void} step
 * @property {() => void} reset
 * @property {() => void} equilibrate
 * @property {(value: number) => void} speed
 * @property {(value: boolean) => void} top
 * @property {(direction: 1 | -1) => void} ladder
 */
/**
 * @typedef {object} StartActions
 * @property {() => void} newSeed
 * @property {(start: string) => void} start
 * @property {(fraction: number) => void} replay
 * @property {() => void} toggleReplay
 * @property {() => void} more
 * @property {() => void} home
 */
/**
 * @typedef {object} DrawerActions
 * @property {(key: sent.BallScheme) => void} scheme
 * @property {(value: number) => void} friction
 * @property {(key: sent.Law) => void} law
 * @property {(steps: number) => void} programmeSteps
 * @property {(key: keyof sent.Shown, value: boolean) => void} show
 */

/** Numbers of balls, in steps of 1-3-10. */
export const LADDER = [1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 50000];

/** @type {Array<[key: number, text: string]>} */
const SPEEDS = [[0.25, "\u00bc\u00d7"], [1, "1\u00d7"], [4, "4\u00d7"]];
const PROGRAMME_STEPS = [1000, 3000, 10000, 30000, 100000];

/** flat: the relief can be seen from above only. @param {Words} _ @param {boolean} flat @param {TransportActions} on */
export function createTransport(_, flat, on) {
  const play = symbolButton("pause", _("Pause (space)"), on.toggle, { class: "main" });
  const speed = choiceRow(_("Speed"), SPEEDS, on.speed);
  const camera = choiceRow(_("View"), [["3d", "3D"], ["top", _("top")]], (key) => on.top(key === "top"));
  const balls = h("span", { class: "value", "aria-live": "polite" });
  const clock = h("span", { class: "clock", title: _("Time t of the balls: the sum of their steps dt") });
  const fewer = h("button", { type: "button", "aria-label": _("Fewer balls"), title: _("Fewer balls"),
    onclick: () => on.ladder(-1) }, "\u2212");
  const more = h("button", { type: "button", "aria-label": _("More balls"), title: _("More balls"),
    onclick: () => on.ladder(1) }, "+");
  const element = h("div", { class: "bar" },
    symbolButton("reset", _("Reset: the same seed again"), on.reset), play,
    symbolButton("step", _("One step (S)"), on.step), clock, speed.element, flat ? null : camera.element,
    h("span", { class: "gap" }),
    h("button", { type: "button", onclick: on.equilibrate,
      title: _("Draw every ball anew from the Boltzmann distribution") },
      _("jump to equilibrium")),
    h("span", { class: "pair" }, fewer, balls, more));
  return {
    element,
    /** @param {boolean} playing */
    showPlaying: (playing) => setSymbol(play, playing ? "pause" : "play",
      playing ? _("Pause (space)") : _("Play (space)")),
    /** @param {number} value */
    showSpeed: (value) => speed.choose(value),
    /** @param {number} t */
    showTime: (t) => write(clock, _("t = {t}", { t: number(t, 3) })),
    /** @param {boolean} top */
    showTop: (top) => camera.choose(top ? "top" : "3d"),
    /** @param {number} n */
    showCount(n) {
      balls.textContent = n === 1 ? _("1 ball") : _("{n} balls", { n: count(n) });
      fewer.disabled = n <= LADDER[0];
      more.disabled = n >= LADDER[LADDER.length - 1];
    },
  };
}

/**
 * Second row: the seed, where balls start, the networks' replay, and the drawer's button. starts: [[key, text]].
 * @param {Words} _ @param {Array<[key: string, text: string]>} starts @param {boolean} replay @param {StartActions} on
 */
export function createStartRow(_, starts, replay, on) {
  const seed = h("span", { class: "value" });
  const start = h("select", { "aria-label": _("Where the balls start"), title: _("Where the balls start"),
    onchange: () => on.start(start.value) },
    ...starts.map(([key, text]) => h("option", { value: key }, text)));
  const slider = h("input", { type: "range", min: 0, max: 1000, value: 1000, "aria-label": _("Replay of the training"),
    oninput: () => on.replay(Number(slider.value) / 1000) });
  const play = symbolButton("play", _("Replay the training of the networks"), on.toggleReplay);
  const label = h("span", {});
  const element = h("div", { class: "bar" },
    h("span", { class: "pair" }, seed,
      h("button", { type: "button", onclick: on.newSeed, title: _("Start anew with another seed (N)") },
        _("new"))), start,
    replay ? h("div", { class: "replay" }, play, slider, label) : h("span", { class: "gap" }),
    symbolButton("more", _("More settings"), on.more), symbolButton("home", _("First view again"), on.home));
  return {
    element,
    /** @param {number} value */
    showSeed: (value) => { seed.textContent = _("seed {s}", { s: value }); },
    /** @param {string} key */
    showStart: (key) => { start.value = key; },
    /** @param {number} fraction @param {string} text @param {boolean} playing */
    showReplay(fraction, text, playing) {
      const position = String(Math.round(1000 * fraction));
      if (slider.value !== position) slider.value = position;
      write(label, text);
      setSymbol(play, playing ? "pause" : "play",
        playing ? _("Pause the replay") : _("Replay the training of the networks"));
    },
  };
}

/**
 * The drawer: integrator, friction, law and length of cooling, what is drawn.
 * @param {Words} _ @param {Settings & {show: sent.Shown, hasPaths: boolean}} state @param {DrawerActions} on
 */
export function createDrawer(_, state, on) {
  const scheme = picker(_("integrator"), choicesOf(_, SCHEMES),
    (key) => { on.scheme(key); friction.element.hidden = SCHEMES[key].massless; });
  const friction = picker(_("friction"), [0.1, 0.3, 1, 3, 10].map((value) => [String(value), String(value)]),
    (key) => on.friction(Number(key)));
  const law = picker(_("cooling"), choicesOf(_, LAWS), on.law);
  const lengths = [...new Set([...PROGRAMME_STEPS, state.programmeSteps])].sort((a, b) => a - b);
  const length = picker(_("programme's steps"), lengths.map((n) => [String(n), count(n)]),
    (key) => on.programmeSteps(Number(key)));
  /** @param {keyof sent.Shown} key @param {string} text */
  const check = (key, text) => {
    const box = h("input", { type: "checkbox", onchange: () => on.show(key, box.checked) });
    box.checked = state.show[key];
    return h("label", { class: "check" }, box, text);
  };
  const element = h("div", { class: "drawer", role: "dialog", "aria-label": _("More settings"), hidden: true },
    h("h3", {}, _("More settings")), scheme.element, friction.element, law.element, length.element,
    check("trails", _("trails behind the balls")), state.hasPaths ? check("paths", _("the networks' own paths")) : null,
    check("names", _("names of the valleys")));
  scheme.select.value = state.scheme;
  friction.select.value = String(state.friction);
  friction.element.hidden = SCHEMES[state.scheme].massless;
  law.select.value = state.law;
  length.select.value = String(state.programmeSteps);
  return { element, toggle(open = element.hidden) { element.hidden = !open; } };
}
