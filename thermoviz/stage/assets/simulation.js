// The experiment on the stage: balls, temperature and its programme, pace. It knows no page and draws nothing.

import { createBalls } from "./physics.js";
import { temperatureAt } from "./programmes.js";

const STEPS_PER_SECOND = 240; // at speed 1: four steps per picture at 60 pictures per second
const MOST_STEPS = 64; // per picture, so that a long pause is not made up for
const HANDFUL = 60;

/** What a programme of a given kind does from temperature T on a surface of that scale. */
function programmeFor(kind, law, T, scale, steps) {
  const hot = T > 0 ? T : scale;
  if (kind === "quench") return { kind: "quench", T0: T, T1: 0, steps: 0 };
  if (kind === "anneal") return { kind: law, T0: hot, T1: 0.01 * Math.min(hot, scale), steps };
  if (kind === "cycle") return { kind: "cycle", T0: T, T1: Math.max(3 * T, scale), steps };
  return { kind: "hold", T0: T, T1: T, steps: 1 };
}

/**
 * settings: {n, seed, T, scheme, friction, start, law, programmeSteps}; T: the temperature that was last held.
 * start: "uniform", "boltzmann", "training", "basin:k" or "point:x,y,width".
 */
export function createSimulation(surface, settings, trainingStart = null) {
  let balls = null, carried = 0, handful = 0, pace = null;
  let cost = 0; // milliseconds of one step of all balls, smoothed
  let short = 0; // share of the last pictures that had to do with fewer steps than wanted
  let programme = { kind: "hold", T0: settings.T, T1: settings.T, steps: 1 }, begun = 0, name = "hold";
  const temperature = (step) => temperatureAt(programme, step - begun);

  function place() {
    const [kind, index] = settings.start.split(":");
    const T = simulation.T;
    if (kind === "basin") balls.place("basin", { basin: Number(index), T });
    else if (kind === "boltzmann") balls.place("boltzmann", { T });
    else if (kind === "training" && trainingStart) balls.place("list", { array: trainingStart });
    else if (kind === "point") {
      const [x, y, width] = index.split(",").map(Number);
      balls.place("point", { x, y, width });
    }
    else balls.place("uniform");
  }

  /** Every beginning has the temperature that was last held: what a programme did to it is undone. */
  function begin() {
    begun = 0;
    name = "hold";
    programme = programmeFor("hold", settings.law, settings.T);
    balls = createBalls(surface, { n: settings.n, seed: settings.seed, scheme: settings.scheme,
      friction: settings.friction });
    carried = 0;
    place();
  }

  const simulation = {
    settings,
    get balls() { return balls; },
    get T() { return temperature(balls ? balls.steps : 0); },
    get programme() { return name; },
    get surface() { return surface; },
    reset() { begin(); },
    setTemperature(T) {
      settings.T = T;
      programme = programmeFor("hold", settings.law, T);
      name = "hold";
    },
    setProgramme(kind) {
      if (kind === "hold") settings.T = simulation.T;
      name = kind;
      programme = programmeFor(kind, settings.law, settings.T, surface.scale || 1, settings.programmeSteps);
      begun = balls.steps;
    },
    /** Puts the balls where those of another simulation stood, as far as they are in the box. */
    adopt(other) { balls.place("list", { array: other.balls.x.slice(0, 2 * other.balls.n) }); },
    setCount(n) { settings.n = n; balls.setCount(n); },
    setScheme(scheme) { settings.scheme = scheme; balls.setScheme(scheme); },
    setFriction(friction) { settings.friction = friction; balls.setFriction(friction); },
    setStart(start) { settings.start = start; begin(); },
    setSeed(seed) { settings.seed = seed; begin(); },
    /** Every ball drawn anew from the Boltzmann distribution at the present temperature. */
    equilibrate() { balls.place("boltzmann", { T: simulation.T }); },
    /** A handful of balls moves to (x, y), the longest undisturbed first. Returns how many. */
    drop(x, y) {
      const size = Math.min(balls.n, Math.max(1, Math.min(HANDFUL, Math.round(balls.n / 15))));
      if (handful + size > balls.n) handful = 0;
      balls.place("point", { x, y, first: handful, count: handful + size });
      handful += size;
      return size;
    },
    step() { balls.step(temperature, 1); },
    /** Exactly this many steps for every picture, however long it took; null: by the viewer's clock. */
    setPace(steps) { pace = steps; },
    /** Whether this machine was too slow for the pace that the viewer asked for. */
    behind: false,
    /** Moves on by `seconds` of the viewer's time, at most `budget` milliseconds of work. Returns the steps taken. */
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
