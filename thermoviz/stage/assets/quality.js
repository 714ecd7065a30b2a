// Keeps the stage responsive on slow graphics: first fewer pixels per css pixel, then no contact shadows, then fewer
// drawn balls, then a coarser picture. It only ever looks at how long the pictures take.

const LEVELS = [
  { ratio: 2, shadows: true, balls: 50000, budget: 10 },
  { ratio: 1.5, shadows: true, balls: 50000, budget: 10 },
  { ratio: 1, shadows: true, balls: 50000, budget: 10 },
  { ratio: 1, shadows: false, balls: 10000, budget: 10 },
  { ratio: 1, shadows: false, balls: 3000, budget: 8 },
  { ratio: 0.75, shadows: false, balls: 1000, budget: 6 },
];
const SOFTWARE = 2; // the level at which a driver that draws in software starts
const SLOW = 66; // ms per picture: below 15 pictures per second something gives way
const FAST = 20;

/** @param {boolean} software */
export function createQuality(software) {
  let level = software ? SOFTWARE : 0, mean = 0, seen = 0;
  const start = level;
  return {
    get ratio() { return Math.min(LEVELS[level].ratio, Math.max(0.6, window.devicePixelRatio || 1)); },
    /** At first, and while the camera moves, the whole relief is drawn: coarser, where drawing is slow. */
    get movingRatio() { return Math.min(this.ratio, software || level > SOFTWARE ? 0.6 : 2); },
    get shadows() { return LEVELS[level].shadows; },
    get balls() { return LEVELS[level].balls; },
    get budget() { return LEVELS[level].budget; },
    /** Whether something visible was given up. */
    get reduced() { return level > SOFTWARE + 1; },
    get level() { return level; },
    /** One more picture took so many milliseconds. Returns whether the level changed. @param {number} milliseconds */
    record(milliseconds) {
      if (milliseconds > 1000) return false; // a hidden tab, not a slow one
      mean = seen ? mean + 0.08 * (milliseconds - mean) : milliseconds;
      if (++seen < 24) return false;
      if (mean > SLOW && level < LEVELS.length - 1) { level++; seen = 0; mean = 0; return true; }
      if (mean < FAST && level > start && seen > 600) { level--; seen = 0; mean = 0; return true; }
      return false;
    },
  };
}
