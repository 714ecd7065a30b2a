// The camera: it looks at the middle of the relief, turns, tilts and zooms, and always eases, never jumps.

import { HEIGHT } from "./frame.js";

/** @import * as sent from "../message" */
/** @import { Frame, Vector } from "./frame.js" */
/** @import { Surface } from "./surface.js" */
/** @typedef {Record<"left" | "right" | "top" | "bottom", number>} Margins */
/** @typedef {{azimuth: number, elevation: number}} FirstView */
/** @typedef {ReturnType<typeof createCamera>} Camera */
/** @typedef {ReturnType<Camera["view"]>} View how a picture of some size is seen */

const FIELD_OF_VIEW = 0.5; // radians, vertical: long lens, little distortion
const FIRST_ELEVATION = 55 * Math.PI / 180;
const TOP_ELEVATION = 89.9 * Math.PI / 180;
/** @type {Array<"azimuth" | "elevation" | "zoom" | "panX" | "panY">} */
const KEYS = ["azimuth", "elevation", "zoom", "panX", "panY"]; // what moves
/** @type {Record<(typeof KEYS)[number], [number, number]>} */
const REACH = { azimuth: [-Infinity, Infinity], elevation: [0.12, TOP_ELEVATION], zoom: [0.5, 8], panX: [-1.2, 1.2],
  panY: [-1.2, 1.2] };
const EASE = 7; // 1/s: two thirds of the way in 0.16 s

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** @param {number} azimuth @param {number} elevation @returns {Record<"back" | "right" | "up", Vector>} */
function directions(azimuth, elevation) {
  const ce = Math.cos(elevation), se = Math.sin(elevation), ca = Math.cos(azimuth), sa = Math.sin(azimuth);
  return {
    back: [ce * sa, -ce * ca, se], // from the target to the eye
    right: [ca, sa, 0],
    up: [-se * sa, se * ca, ce],
  };
}

/** @type {(component: (i: number) => number) => Vector} */
const vector = (component) => [component(0), component(1), component(2)];

/** @param {Vector} a @param {Vector} b */
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/**
 * Distance, and shift to the right and up, that put the drawn part of the relief inside the margins (css-like pixels).
 * @param {Frame} frame @param {number} azimuth @param {number} elevation @param {number} width @param {number} height
 * @param {Margins} margins
 */
function fit(frame, azimuth, elevation, width, height, margins) {
  const { back, right, up } = directions(azimuth, elevation);
  const tanY = Math.tan(FIELD_OF_VIEW / 2), tanX = tanY * width / height;
  const halfX = 1 - (margins.left + margins.right) / width, halfY = 1 - (margins.top + margins.bottom) / height;
  const middleX = (margins.left - margins.right) / width, middleY = (margins.bottom - margins.top) / height;
  let distance = 4, shiftX = 0, shiftY = 0;
  for (let round = 0; round < 5; round++) {
    let left = Infinity, most = -Infinity, low = Infinity, high = -Infinity, far = 0;
    for (const p of frame.points) {
      const depth = p[0] * back[0] + p[1] * back[1] + p[2] * back[2], away = distance - depth;
      const a = p[0] * right[0] + p[1] * right[1] - shiftX, b = p[0] * up[0] + p[1] * up[1] + p[2] * up[2] - shiftY;
      left = Math.min(left, a / away); most = Math.max(most, a / away);
      low = Math.min(low, b / away); high = Math.max(high, b / away);
      far = Math.max(far, depth);
    }
    const wanted = Math.max((most - left) / (2 * tanX * halfX), (high - low) / (2 * tanY * halfY));
    shiftX += distance * ((left + most) / 2 - middleX * tanX);
    shiftY += distance * ((low + high) / 2 - middleY * tanY);
    // Sizes shrink as 1 / (distance - depth): a damped step towards the distance where they just fit.
    distance = Math.max(far + 0.3, 0.5 * far + (distance - 0.5 * far) * wanted);
  }
  return { distance, shiftX, shiftY };
}

/**
 * Whether the segment from the point to the eye stays above the drawn part of the relief.
 * @param {Surface} surface @param {Frame} frame @param {number[]} point @param {number[]} eye
 */
function seen(surface, frame, point, eye) {
  const steps = 60;
  for (let k = 2; k < steps; k++) {
    const t = k / steps;
    const z = point[2] + t * (eye[2] - point[2]);
    if (z > HEIGHT) return true;
    const x = frame.x(point[0] + t * (eye[0] - point[0])), y = frame.y(point[1] + t * (eye[1] - point[1]));
    if (x < surface.x0 || x > surface.x1 || y < surface.y0 || y > surface.y1) continue;
    const part = frame.part(surface.energy(x, y));
    if (part < 0.85 && z < HEIGHT * part) return false;
  }
  return true;
}

/**
 * The first view: about 55 degrees down, from the side that sees every minimum and most of the valleys around them.
 * @param {Surface} surface @param {Frame} frame @param {Array<[number, number]>} minima
 */
export function firstView(surface, frame, minima) {
  const bottoms = minima.map(([x, y]) => [frame.wx(x), frame.wy(y), frame.wz(surface.energy(x, y)) + 0.02]);
  const valleys = frame.points.filter(([, , z], k) => k % 3 === 0 && z > 0 && z < 0.45 * HEIGHT);
  /** @param {number[][]} points @param {number[]} eye */
  const share = (points, eye) => (points.length ? points.filter((point) => seen(surface, frame, point,
    eye)).length / points.length : 1);
  let best = { azimuth: -0.42, elevation: FIRST_ELEVATION, score: -1 };
  for (const degrees of [55, 62, 70]) {
    const elevation = degrees * Math.PI / 180;
    for (const azimuth of [-0.42, 0.42, -0.8, 0.8, -1.2, 1.2, 2.72, -2.72, 1.95, -1.95]) {
      const { back } = directions(azimuth, elevation);
      const eye = [4 * back[0], 4 * back[1], 4 * back[2]];
      const score = 10 * share(bottoms, eye) + share(valleys, eye);
      if (score > best.score + 0.01) best = { azimuth, elevation, score };
    }
    if (best.score > 10.9) break;
  }
  return best;
}

export function createCamera() {
  const goal = { azimuth: -0.42, elevation: FIRST_ELEVATION, zoom: 1, panX: 0, panY: 0 };
  const now = { ...goal };
  const keep = { azimuth: goal.azimuth, elevation: goal.elevation };
  let top = false;

  // A resting camera is asked for the same few views again and again.
  /** @type {Map<string, {frame: Frame, whole: ReturnType<typeof fit>}>} */
  const fits = new Map();
  /** @param {Frame} frame @param {number} width @param {number} height @param {Margins} margins */
  function remembered(frame, width, height, margins) {
    const key = [now.azimuth, now.elevation, width, height, ...Object.values(margins)].join();
    let known = fits.get(key);
    if (!known || known.frame !== frame) {
      if (fits.size > 4) fits.clear();
      known = { frame, whole: fit(frame, now.azimuth, now.elevation, width, height, margins) };
      fits.set(key, known);
    }
    return known.whole;
  }

  const camera = {
    get top() { return top; },
    get moving() {
      return KEYS.some((key) => Math.abs(goal[key] - now[key]) > 2e-4);
    },
    /** Sets where the first picture is seen from, without easing. @param {FirstView} view */
    start({ azimuth, elevation }) {
      Object.assign(keep, { azimuth, elevation });
      Object.assign(goal, { azimuth, elevation, zoom: 1, panX: 0, panY: 0 });
      Object.assign(now, goal);
      top = false;
    },
    /** Where it is going to stand, for a file that opens as it was left; place() puts it there at once. */
    get stand() { return { ...goal, top }; },
    /** @param {sent.Stand} stand */
    place(stand) {
      camera.follow(stand);
      Object.assign(now, goal);
    },
    /** Goes there as if the viewer had turned it. @param {sent.Stand} stand */
    follow(stand) {
      if (stand.top && !top) Object.assign(keep, { azimuth: goal.azimuth, elevation: goal.elevation });
      for (const key of KEYS) if (Number.isFinite(stand[key])) goal[key] = stand[key];
      top = Boolean(stand.top);
    },
    /** Where it shall go; what is not named stays as it is. @param {Partial<sent.Stand>} stand */
    aim(stand) {
      if (typeof stand.top === "boolean") camera.setTop(stand.top);
      for (const key of KEYS) goal[key] = clamp(stand[key] ?? goal[key], ...REACH[key]);
    },
    /** @param {number} dx @param {number} dy */
    orbit(dx, dy) {
      if (top) return camera.pan(dx, dy);
      goal.azimuth -= 2.6 * dx;
      goal.elevation = clamp(goal.elevation + 2.2 * dy, 0.12, 1.5);
    },
    /** Moves the relief by fractions of the picture's height. @param {number} dx @param {number} dy */
    pan(dx, dy) {
      goal.panX = clamp(goal.panX - 1.6 * dx / goal.zoom, ...REACH.panX);
      goal.panY = clamp(goal.panY + 1.6 * dy / goal.zoom, ...REACH.panY);
    },
    /** @param {number} factor */
    zoom(factor) { goal.zoom = clamp(goal.zoom * factor, ...REACH.zoom); },
    /** @param {boolean} value */
    setTop(value) {
      if (value === top) return;
      if (value) Object.assign(keep, { azimuth: goal.azimuth, elevation: goal.elevation });
      top = value;
      // The nearest full turn, so that the way back is short.
      const turns = 2 * Math.PI * Math.round(goal.azimuth / (2 * Math.PI));
      Object.assign(goal, value ? { azimuth: turns, elevation: TOP_ELEVATION } : keep, { panX: 0, panY: 0, zoom: 1 });
    },
    /** @param {FirstView} view */
    home(view) {
      top = false;
      Object.assign(goal, { azimuth: view.azimuth, elevation: view.elevation, zoom: 1, panX: 0, panY: 0 });
    },
    /**
     * Moves towards the goal by `seconds`; with reduced motion at once.
     * @param {number} seconds @param {boolean} [still]
     */
    ease(seconds, still = false) {
      const w = still ? 1 : 1 - Math.exp(-EASE * Math.min(seconds, 0.1));
      for (const key of KEYS) {
        now[key] += w * (goal[key] - now[key]);
        if (Math.abs(goal[key] - now[key]) < 2e-4) now[key] = goal[key];
      }
    },
    /**
     * The view of a picture width x height with margins left free: matrix (column-major), eye, project(), ray().
     * @param {Frame} frame @param {number} width @param {number} height @param {Margins} margins
     */
    view(frame, width, height, margins) {
      const aspect = width / height;
      const { back, right, up } = directions(now.azimuth, now.elevation);
      const whole = remembered(frame, width, height, margins);
      const distance = whole.distance / now.zoom;
      // Zooming in turns to the middle of the relief; panning moves from there.
      const x = whole.shiftX / now.zoom + now.panX, y = whole.shiftY / now.zoom + now.panY;
      const middle = (1 - 1 / now.zoom), cx = (frame.floor.x0 + frame.floor.x1) / 2, cy = (frame.floor.y0 + frame.floor.y1) / 2;
      const target = vector((i) => x * right[i] + y * up[i] + middle * [cx, cy, 0.1][i]);
      const eye = vector((i) => target[i] + distance * back[i]);
      const near = Math.max(0.05, distance - 2.6), far = distance + 3;
      const f = 1 / Math.tan(FIELD_OF_VIEW / 2);
      const a = (far + near) / (near - far), b = 2 * far * near / (near - far);
      const matrix = new Float32Array(16);
      for (let i = 0; i < 3; i++) {
        matrix[4 * i] = f / aspect * right[i];
        matrix[4 * i + 1] = f * up[i];
        matrix[4 * i + 2] = a * back[i];
        matrix[4 * i + 3] = -back[i];
      }
      matrix[12] = -f / aspect * dot(right, eye);
      matrix[13] = -f * dot(up, eye);
      matrix[14] = -a * dot(back, eye) + b;
      matrix[15] = dot(back, eye);
      return {
        matrix, eye, near, far, width, height, back, right, up, azimuth: now.azimuth, elevation: now.elevation,
        /** Pixels per unit of length at unit depth. */
        scale: 0.5 * height * f,
        /** @param {number} x @param {number} y @param {number} z */
        project(x, y, z) {
          const w = matrix[3] * x + matrix[7] * y + matrix[11] * z + matrix[15];
          return {
            x: (0.5 + 0.5 * (matrix[0] * x + matrix[4] * y + matrix[8] * z + matrix[12]) / w) * width,
            y: (0.5 - 0.5 * (matrix[1] * x + matrix[5] * y + matrix[9] * z + matrix[13]) / w) * height,
            depth: w,
          };
        },
        /** @param {number} px @param {number} py */
        ray(px, py) {
          const sx = (2 * px / width - 1) * aspect / f, sy = (1 - 2 * py / height) / f;
          return vector((i) => -back[i] + sx * right[i] + sy * up[i]);
        },
      };
    },
  };
  return camera;
}
