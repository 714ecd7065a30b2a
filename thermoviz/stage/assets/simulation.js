// The experiment on the stage: balls, temperature and its programme, pace. It knows no page and draws nothing.

import { createBalls } from "./physics.js";
import { PROGRAMMES, temperatureAt } from "./programmes.js";
import { placeAll } from "./starts.js";

/** @import * as sent from "../message" */
/** @import { Balls, Places } from "./physics.js" */
/** @import { ProgrammeKind } from "./programmes.js" */
/** @import { Surface } from "./surface.js" */
/** @typedef {ReturnType<typeof createSimulation>} Simulation */
/**
 * What a viewer has chosen for the balls. T: the temperature that was last held; start: as starts.js names it.
 * @typedef {object} Settings
 * @property {number} n
 * @property {number} seed
 * @property {number} T
 * @property {sent.BallScheme} scheme
 * @property {number} friction
 * @property {string} start
 * @property {sent.Law} law how "anneal" cools, and in how many steps:
 * @property {number} programmeSteps
 */

const STEPS_PER_SECOND = 240; // at speed 1: four steps per picture at 60 pictures per second
const MOST_STEPS = 64; // per picture, so that a long pause is not made up for
const HANDFUL = 60;

/**
 * training: where the networks' training began.
 * @param {Surface} surface @param {Settings} settings @param {Places} [training]
 */
export function createSimulation(surface, settings, training = []) {
  /** @type {Balls} */ let balls; // from the first beginning on
  let carried = 0, handful = 0;
  let pace = /** @type {number | null} */ (null);
  let cost = 0; // milliseconds of one step of all balls, smoothed
  let short = 0; // share of the last pictures that had to do with fewer steps than wanted
  let programme = programmeOf("hold"), begun = 0;
  /** @type {ProgrammeKind} */ let name = "hold";
  /** @param {number} step */
  const temperature = (step) => temperatureAt(programme, step - begun);

  /** @param {ProgrammeKind} kind */
  function programmeOf(kind) { return PROGRAMMES[kind].from(settings.T, surface.scale || 1, settings); }

  /** Every beginning has the temperature that was last held: what a programme did to it is undone. */
  function begin() {
    begun = 0;
    name = "hold";
    programme = programmeOf("hold");
    balls = createBalls(surface, { n: settings.n, seed: settings.seed, scheme: settings.scheme,
      friction: settings.friction });
    carried = 0;
    placeAll(balls, settings.start, settings.T, training);
  }

  const simulation = {
    settings,
    get balls() { return balls; },
    get T() { return temperature(balls.steps); },
    get programme() { return name; },
    get surface() { return surface; },
    reset() { begin(); },
    /** `following`: the programme of another stage, whose temperature of now this is. @param {number} T @param {ProgrammeKind} [following] */
    setTemperature(T, following = "hold") {
      settings.T = T;
      programme = programmeOf("hold");
      name = following;
    },
    /** @param {ProgrammeKind} kind */
    setProgramme(kind) {
      if (kind === "hold") settings.T = simulation.T;
      name = kind;
      programme = programmeOf(kind);
      begun = balls.steps;
    },
    /**
     * Puts the balls where those of another simulation stood, as far as they are in the box.
     * @param {{balls: Balls}} other
     */
    adopt(other) { balls.place("list", { array: other.balls.x.slice(0, 2 * other.balls.n) }); },
    /** @param {number} n */
    setCount(n) { settings.n = n; balls.setCount(n); },
    /** @param {sent.BallScheme} scheme */
    setScheme(scheme) { settings.scheme = scheme; balls.setScheme(scheme); },
    /** @param {number} friction */
    setFriction(friction) { settings.friction = friction; balls.setFriction(friction); },
    /** @param {string} start */
    setStart(start) { settings.start = start; begin(); },
    /** @param {number} seed */
    setSeed(seed) { settings.seed = seed; begin(); },
    /** Every ball drawn anew from the Boltzmann distribution at the present temperature. */
    equilibrate() { balls.place("boltzmann", { T: simulation.T }); },
    /**
     * A handful of balls moves to (x, y), the longest undisturbed first. Returns how many.
     * @param {number} x @param {number} y
     */
    drop(x, y) {
      const size = Math.min(balls.n, Math.max(1, Math.min(HANDFUL, Math.round(balls.n / 15))));
      if (handful + size > balls.n) handful = 0;
      balls.place("point", { x, y, first: handful, count: handful + size });
      handful += size;
      return size;
    },
    step() { balls.step(temperature, 1); },
    /**
     * Exactly this many steps for every picture, however long it took; null: by the viewer's clock.
     * @param {number | null} steps
     */
    setPace(steps) { pace = steps; },
    /** Whether this machine was too slow for the pace that the viewer asked for. */
    behind: false,
    /**
     * Moves on by `seconds` of the viewer's time, at most `budget` milliseconds of work. Returns the steps taken.
     * @param {number} seconds @param {number} speed @param {number} budget
     */
    advance(seconds, speed, budget) {
      if (pace !== null) {
        balls.step(temperature, pace);
        return pace;
      }
      carried = Math.min(MOST_STEPS, carried + STEPS_PER_SECOND * speed * seconds);
      let steps = Math.floor(carried);
      if (steps < 1) return 0;
      carried -= steps;
      const wanted = steps;
      if (cost > 0) steps = Math.max(1, Math.min(steps, Math.floor(budget / cost)));
      short += 0.05 * ((steps < wanted ? 1 : 0) - short);
      simulation.behind = short > (simulation.behind ? 0.2 : 0.6);
      const start = performance.now();
      balls.step(temperature, steps);
      const spent = (performance.now() - start) / steps;
      cost = cost ? cost + 0.1 * (spent - cost) : spent;
      return steps;
    },
  };
  begin();
  return simulation;
}
