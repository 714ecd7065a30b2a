// Balls on a surface: three integrators, walls by folding, cells without data, seeded noise.
// The same equations as Python's `Overdamped` and `BAOAB`; positions in slice coordinates, energies of the loss.

import { boltzmannSampler } from "./equilibrium.js";
import { createRandom } from "./random.js";

const MOST_BALLS = 50000;

// Each scheme moves balls `first`..`count` of state b between two evaluations of the force: `move` before it,
// `finish` after it. `memory` holds what a wall reverses: the kept noise or the velocity.
const SCHEMES = {
  // x += -dt grad E + (kick_n R_n + kick_{n+1} R_{n+1}) / 2, kick = sqrt(2 T dt) with each R's own T and dt.
  // Second-order stationary law (Leimkuhler & Matthews 2013).
  "leimkuhler-matthews": {
    massless: true,
    move(b, dt, T, count) {
      const { x, force, memory, noise } = b;
      const fresh = Math.sqrt(2 * T * dt) / 2;
      for (let i = 0; i < 2 * count; i++) {
        const kick = fresh * noise[i];
        x[i] += dt * force[i] + memory[i] + kick;
        memory[i] = kick;
      }
    },
    finish() {},
    // The first R_0 has the temperature of the first step.
    begin(b, dt, T, first, count) {
      const half = Math.sqrt(2 * T * dt) / 2;
      for (let i = 2 * first; i < 2 * count; i++) b.memory[i] = half * b.random.normal();
    },
  },
  // x += -dt grad E + sqrt(2 T dt) R: what SGD does.
  "euler-maruyama": {
    massless: true,
    move(b, dt, T, count) {
      const { x, force, noise } = b;
      const kick = Math.sqrt(2 * T * dt);
      for (let i = 0; i < 2 * count; i++) x[i] += dt * force[i] + kick * noise[i];
    },
    finish() {},
    begin() {},
  },
  // v += dt F/2; x += dt v/2; v = c v + sqrt(T (1 - c^2)) R, c = exp(-friction dt); x += dt v/2; v += dt F/2.
  // Exact position variance in a harmonic well (Leimkuhler & Matthews 2013).
  baoab: {
    massless: false,
    move(b, dt, T, count) {
      const { x, force, memory, noise } = b;
      const decay = Math.exp(-b.friction * dt), kick = Math.sqrt(T * (1 - decay * decay)), half = dt / 2;
      for (let i = 0; i < 2 * count; i++) {
        const v = memory[i] + half * force[i];
        const turned = decay * v + kick * noise[i];
        x[i] += half * (v + turned);
        memory[i] = turned;
      }
    },
    finish(b, dt, count) {
      const { force, memory } = b, half = dt / 2;
      for (let i = 0; i < 2 * count; i++) memory[i] += half * force[i];
    },
    // Velocities of mass 1 at the temperature of the first step.
    begin(b, dt, T, first, count) {
      const width = Math.sqrt(T);
      for (let i = 2 * first; i < 2 * count; i++) b.memory[i] = width * b.random.normal();
    },
  },
};

// Folds coordinate i of the balls into [low, high]: specular reflection, right for any overshoot. After an odd number of
// folds, taken from the whole number (comparing floats would cool the gas), what the wall reverses changes sign.
function fold(x, memory, i, low, high) {
  if (x[i] >= low && x[i] <= high) return;
  const side = high - low;
  const folds = Math.floor((x[i] - low) / side);
  const rest = Math.min(Math.max(x[i] - low - folds * side, 0), side);
  const odd = folds % 2 !== 0;
  x[i] = odd ? high - rest : low + rest;
  if (odd) memory[i] = -memory[i];
}

// Without heat and inertia nothing throws a ball back: it stops at the wall, in that coordinate.
function stop(x, memory, i, low, high) {
  x[i] = Math.min(Math.max(x[i], low), high);
}

// Puts `meet` (fold or stop) to work on every ball that has left the box.
function meetWalls(meet, x, memory, count, { x0, x1, y0, y1 }) {
  for (let i = 0; i < 2 * count; i += 2) {
    const u = x[i], v = x[i + 1];
    if (u >= x0 && u <= x1 && v >= y0 && v <= y1) continue;
    meet(x, memory, i, x0, x1);
    meet(x, memory, i + 1, y0, y1);
  }
}

// `count` balls on `surface`. Settings: n, seed, scheme, dt (null: the largest safe one, kept up to date), friction
// (BAOAB), capacity. `step(T, substeps)` takes a number or a function of the step number.
export function createBalls(surface, settings = {}) {
  const { seed = 0, capacity = MOST_BALLS } = settings;
  const b = {
    x: new Float64Array(2 * capacity), force: new Float64Array(2 * capacity), energy: new Float64Array(capacity),
    memory: new Float64Array(2 * capacity), noise: new Float64Array(2 * capacity), previous: null,
    friction: settings.friction ?? 1, random: createRandom(seed),
  };
  if (surface.hasMask) b.previous = new Float64Array(2 * capacity);
  let scheme = settings.scheme ?? "leimkuhler-matthews";
  let fixedStep = settings.dt ?? null, fresh = [], highest = surface.min;
  const { x0, x1, y0, y1 } = surface;

  const balls = {
    n: 0, x: b.x, energy: b.energy, steps: 0, time: 0, T: 0, dt: 0, scheme,
    setCount, place, step, setScheme, setFriction, setStep, injectNoise, reseed,
  };

  // Balls first..end stand somewhere new: their energies, and what drives them is drawn again before they move.
  function settle(first, end) {
    surface.forcesInto(b.x, b.force, b.energy, first, end);
    fresh.push([first, end]);
    if (first === 0 && end === balls.n) renew();
    for (let k = first; k < end; k++) if (b.energy[k] > highest) highest = b.energy[k];
  }

  // All balls draw anew what drives them; the step adapts to where they stand now.
  function renew() {
    fresh = [[0, balls.n]];
    highest = surface.min;
    for (let k = 0; k < balls.n; k++) if (b.energy[k] > highest) highest = b.energy[k];
  }

  function putAt(k, [x, y]) {
    b.x[2 * k] = Math.min(Math.max(x, x0), x1);
    b.x[2 * k + 1] = Math.min(Math.max(y, y0), y1);
  }

  // Balls first..count at draws of `sampler`, where a draw without data is drawn again.
  function putDraws(first, end, sampler) {
    for (let k = first; k < end; k++) {
      let where = sampler();
      for (let tries = 0; surface.masked(where[0], where[1]) && tries < 1000; tries++) where = sampler();
      putAt(k, surface.masked(where[0], where[1]) ? surface.lowest : where);
    }
  }

  const uniform = () => [x0 + (x1 - x0) * b.random.next(), y0 + (y1 - y0) * b.random.next()];

  const STARTS = {
    uniform: () => uniform,
    boltzmann: ({ T }) => boltzmannSampler(surface, T, b.random),
    basin: ({ basin, T }) => boltzmannSampler(surface, T, b.random, basin),
    // A Gaussian, two cells wide unless told otherwise, so that a cloud has a density from the start.
    point: ({ x, y, width = 2 * Math.max(surface.hx, surface.hy) }) => {
      const inside = ([u, v]) => u >= x0 && u <= x1 && v >= y0 && v <= y1;
      return () => {
        let where = [x + width * b.random.normal(), y + width * b.random.normal()];
        while (!inside(where)) where = [x + width * b.random.normal(), y + width * b.random.normal()];
        return where;
      };
    },
    // Given positions, interleaved or in pairs, one ball each in turn.
    list: ({ array }) => {
      const flat = array.length && array[0].length ? array.flatMap((pair) => Array.from(pair)) : array;
      let k = -2;
      return () => { k = (k + 2) % flat.length; return [flat[k], flat[k + 1]]; };
    },
  };

  // All balls anew, or balls first..count: "uniform" | "boltzmann" {T} | "basin" {basin, T} | "point" {x, y, width}
  // | "list" {array}.
  function place(kind, options = {}) {
    const first = options.first ?? 0, end = Math.min(options.count ?? balls.n, balls.n);
    putDraws(first, end, STARTS[kind](options));
    settle(first, end);
  }

  // More balls start uniformly; fewer: the last ones go.
  function setCount(count) {
    const before = balls.n;
    balls.n = Math.min(Math.max(Math.round(count), 0), capacity);
    fresh = fresh.map(([first, end]) => [Math.min(first, balls.n), Math.min(end, balls.n)]);
    if (balls.n > before) place("uniform", { first: before });
  }

  function setScheme(name) {
    if (!(name in SCHEMES)) throw new RangeError(`scheme must be one of ${Object.keys(SCHEMES).join(", ")}`);
    balls.scheme = scheme = name;
    renew();
  }

  function setFriction(friction) { b.friction = friction; }

  function setStep(dt) { fixedStep = dt; }

  // The same seed replays: the noise starts again from its beginning.
  function reseed(value) {
    b.random = createRandom(value);
    renew();
  }

  // Normals to use instead of the generator's, in order: first what the scheme's start takes (R_0 or the velocities,
  // [n, 2]), then [n, 2] for each step.
  function injectNoise(array) {
    let at = 0;
    const normal = () => array[at++];
    const fill = (out, count) => { for (let i = 0; i < count; i++) out[i] = normal(); };
    b.random = { next: b.random.next, normal, fill };
    renew();
  }

  // A step into a cell without data is refused: the ball stays and what drove it turns round.
  function refuseMasked() {
    const { x, memory, previous } = b;
    for (let k = 0; k < balls.n; k++) {
      if (!surface.masked(x[2 * k], x[2 * k + 1])) continue;
      for (let i = 2 * k; i < 2 * k + 2; i++) {
        x[i] = previous[i];
        memory[i] = -memory[i];
      }
    }
  }

  // One step. Energies are asked for after the last one only: nothing that moves the balls needs them.
  function advance(T, last) {
    const { move, finish, begin, massless } = SCHEMES[scheme], count = balls.n;
    const dt = fixedStep ?? surface.stepFor(T, scheme, highest);
    for (const [first, end] of fresh) begin(b, dt, T, first, end);
    fresh = [];
    if (b.previous) b.previous.set(b.x.subarray(0, 2 * count));
    if (T > 0) b.random.fill(b.noise, 2 * count);
    else b.noise.fill(0, 0, 2 * count);
    move(b, dt, T, count);
    meetWalls(massless && !(T > 0) ? stop : fold, b.x, b.memory, count, surface);
    if (b.previous) refuseMasked();
    surface.forcesInto(b.x, b.force, last ? b.energy : null, 0, count);
    finish(b, dt, count);
    balls.steps += 1;
    balls.time += dt;
    balls.T = T;
    balls.dt = dt;
  }

  function step(T, substeps = 1) {
    for (let k = 1; k <= substeps; k++) advance(typeof T === "function" ? T(balls.steps) : T, k === substeps);
  }

  setScheme(scheme);
  setCount(settings.n ?? 1000);
  return balls;
}
