// Temperature programmes: the same five as Python's Schedule, in steps, never frames.

/** @import * as sent from "../message" */
/** @import { Settings } from "./simulation.js" */
/** @import { Words } from "./words.js" */
/** @typedef {"hold" | "quench" | "anneal" | "cycle"} ProgrammeKind what a viewer chooses */
/** @typedef {sent.Law | "hold" | "quench" | "cycle"} Shape */
/** @typedef {{kind: Shape, T0: number, T1: number, steps: number}} Programme */

/** How "anneal" cools. @type {Record<sent.Law, {title: (_: Words) => string}>} */
export const LAWS = {
  exponential: { title: (_) => _("exponential") },
  linear: { title: (_) => _("linear") },
};

/**
 * What a viewer chooses among, with words; `from`: what it does from temperature T on a surface of that scale.
 * @type {Record<ProgrammeKind, {title: (_: Words) => string, help: (_: Words) => string,
 *   from: (T: number, scale: number, settings: Settings) => Programme}>}
 */
export const PROGRAMMES = {
  hold: {
    title: (_) => _("hold"), help: (_) => _("Keep the temperature"),
    from: (T) => ({ kind: "hold", T0: T, T1: T, steps: 1 }),
  },
  quench: {
    title: (_) => _("quench"), help: (_) => _("Down to zero at once"),
    from: (T) => ({ kind: "quench", T0: T, T1: 0, steps: 0 }),
  },
  anneal: {
    title: (_) => _("anneal"), help: (_) => _("Cool slowly"),
    from(T, scale, { law, programmeSteps }) {
      const hot = T > 0 ? T : scale;
      return { kind: law, T0: hot, T1: 0.01 * Math.min(hot, scale), steps: programmeSteps };
    },
  },
  cycle: {
    title: (_) => _("cycle"), help: (_) => _("Heat, then cool, again and again"),
    from: (T, scale, { programmeSteps }) => ({ kind: "cycle", T0: T, T1: Math.max(3 * T, scale), steps: programmeSteps }),
  },
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
