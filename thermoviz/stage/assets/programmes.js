// Temperature programmes: the same five as Python's Schedule, in steps, never frames.

/** @import * as sent from "../message" */
/** @import { Words } from "./words.js" */
/** @typedef {sent.Law | "hold" | "quench" | "cycle"} Shape */
/** @typedef {{kind: Shape, T0: number, T1: number, steps: number}} Programme */

/** How "anneal" cools. @type {Record<sent.Law, {title: (_: Words) => string}>} */
export const LAWS = {
  exponential: { title: (_) => _("exponential") },
  linear: { title: (_) => _("linear") },
};

/** @type {Record<Shape, (p: Programme, step: number) => number>} */
const SHAPES = {
  hold: (p) => p.T0,
  quench: (p, step) => (step < p.steps ? p.T0 : p.T1),
  linear: (p, step) => p.T0 + (p.T1 - p.T0) * Math.min(step / p.steps, 1),
  exponential: (p, step) => p.T0 * (p.T1 / p.T0) ** Math.min(step / p.steps, 1),
  cycle: (p, step) => p.T0 + (p.T1 - p.T0) * (1 - Math.abs(1 - (2 * (step % p.steps)) / p.steps)),
};

// Temperature before step `step` of `{kind, T0, T1, steps}`.
/** @param {Programme} programme @param {number} step */
export function temperatureAt(programme, step) {
  return SHAPES[programme.kind](programme, step);
}
