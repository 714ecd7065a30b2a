// Where balls begin, in one table. A start is "KIND" or "KIND:more": page, list of choices and saved files name it so.

/** @import * as sent from "../message" */
/** @import { Balls, Places } from "./physics.js" */
/** @import { Surface } from "./surface.js" */
/** @import { Words } from "./words.js" */
/**
 * What there is to begin on: valleys, starts of the networks' training, and the start that the page asks for.
 * @typedef {{surface: Surface, valleys: Array<{name: string}>, training: Array<[number, number]>, asked: string}} Ground
 */
/**
 * `offered`: the choices [[start, words]] that a ground has; `possible`: whether a start of this kind is among them, or
 * may stay from another ground; `place`: puts all balls there.
 * @typedef {object} Start
 * @property {(_: Words, ground: Ground) => Array<[start: string, words: string]>} offered
 * @property {(ground: Ground, start: string) => boolean} possible
 * @property {(balls: Balls, T: number, training: Places, more: string) => void} place
 */

/** @type {(start: string) => [kind: sent.StartKind, more: string]} */
const parts = (start) => {
  const [kind, more = ""] = start.split(":");
  return [/** @type {sent.StartKind} */ (kind), more];
};

/** @type {Record<sent.StartKind, Start>} */
const STARTS = {
  boltzmann: {
    offered: (_) => [["boltzmann", _("start: Boltzmann")]],
    // On a surface without any height Boltzmann is everywhere, at T = 0 too.
    possible: ({ surface }) => surface.scale > 0,
    place(balls, T) { balls.place("boltzmann", { T }); },
  },
  uniform: {
    offered: (_) => [["uniform", _("start: everywhere")]],
    possible: () => true,
    place(balls) { balls.place("uniform"); },
  },
  training: {
    offered: (_, { training }) => (training.length ? [["training", _("start: where training does")]] : []),
    possible: ({ training }) => training.length > 0,
    place(balls, _T, training) { balls.place("list", { array: training }); },
  },
  point: {
    offered: (_, { asked }) => (parts(asked)[0] === "point" ? [[asked, _("start: at a point")]] : []),
    // A point of another surface may lie nowhere on this one.
    possible: ({ asked }, start) => start === asked,
    place(balls, _T, _training, more) {
      const [x, y, width] = more.split(",").map(Number);
      balls.place("point", { x, y, width });
    },
  },
  basin: {
    offered: (_, { valleys }) => valleys.map(({ name }, k) => [`basin:${k}`, _("start: {name}", { name })]),
    possible: ({ valleys }, start) => Number(parts(start)[1]) < valleys.length,
    place(balls, T, _training, more) { balls.place("basin", { basin: Number(more), T }); },
  },
};

/** The start of a message as it is named here: a plain "basin" is the deepest. @param {string} start */
export const named = (start) => (start === "basin" ? "basin:0" : start);

/** The list of choices. @param {Words} _ @param {Ground} ground */
export const offered = (_, ground) => Object.values(STARTS).flatMap((start) => start.offered(_, ground));

/**
 * The start itself, or what takes its place where there is none of its kind.
 * @type {(start: string, ground: Ground) => string}
 */
export const fitting = (start, ground) => [start, "boltzmann"].find((one) => STARTS[parts(one)[0]].possible(ground, one))
  ?? "uniform";

/** Puts all balls at a start. @type {(balls: Balls, start: string, T: number, training: Places) => void} */
export function placeAll(balls, start, T, training) {
  const [kind, more] = parts(start);
  STARTS[kind].place(balls, T, training, more);
}
