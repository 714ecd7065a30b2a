// Temperature programmes: the same five as Python's Schedule, in steps, never frames.

const SHAPES = {
  hold: (p) => p.T0,
  quench: (p, step) => (step < p.steps ? p.T0 : p.T1),
  linear: (p, step) => p.T0 + (p.T1 - p.T0) * Math.min(step / p.steps, 1),
  exponential: (p, step) => p.T0 * (p.T1 / p.T0) ** Math.min(step / p.steps, 1),
  cycle: (p, step) => p.T0 + (p.T1 - p.T0) * (1 - Math.abs(1 - (2 * (step % p.steps)) / p.steps)),
};

// Temperature before step `step` of `{kind, T0, T1, steps}`.
export function temperatureAt(programme, step) {
  return SHAPES[programme.kind](programme, step);
}
