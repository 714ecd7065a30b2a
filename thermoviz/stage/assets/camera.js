// The camera: it looks at the middle of the relief, turns, tilts and zooms, and always eases, never jumps.

import { HEIGHT } from "./frame.js";

const FIELD_OF_VIEW = 0.5; // radians, vertical: long lens, little distortion
const FIRST_ELEVATION = 55 * Math.PI / 180;
const TOP_ELEVATION = 89.9 * Math.PI / 180;
const EASE = 7; // 1/s: two thirds of the way in 0.16 s
const TARGET_HEIGHT = 0.26 * HEIGHT;

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function directions(azimuth, elevation) {
  const ce = Math.cos(elevation), se = Math.sin(elevation), ca = Math.cos(azimuth), sa = Math.sin(azimuth);
  return {
    back: [ce * sa, -ce * ca, se], // from the target to the eye
    right: [ca, sa, 0],
    up: [-se * sa, se * ca, ce],
  };
}

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Distance from which the whole box is inside the picture, `inset` (fractions of width and height) left free. */
function fitDistance(frame, azimuth, elevation, aspect, inset) {
  const { back, right, up } = directions(azimuth, elevation);
  const tangent = Math.tan(FIELD_OF_VIEW / 2);
  let distance = 0;
  for (const sx of [-1, 1]) for (const sy of [-1, 1]) for (const z of [0, 0.92 * HEIGHT]) {
    const corner = [sx * frame.halfX, sy * frame.halfY, z - TARGET_HEIGHT];
    const depth = dot(corner, back);
    distance = Math.max(distance, depth + Math.abs(dot(corner, up)) / (tangent * (1 - inset[1])),
      depth + Math.abs(dot(corner, right)) / (tangent * aspect * (1 - inset[0])));
  }
  return distance;
}

/** Whether the segment from the point to the eye stays above the drawn part of the relief. */
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

/** The first view: about 55 degrees down, from the side that sees most minima, tilted further only if it must. */
export function firstView(surface, frame, minima) {
  let best = { azimuth: -0.42, elevation: FIRST_ELEVATION, count: -1 };
  for (const degrees of [55, 61, 68]) {
    const elevation = degrees * Math.PI / 180;
    for (const azimuth of [-0.42, 0.42, -0.8, 0.8, -1.2, 1.2, 2.72, -2.72, 1.95, -1.95]) {
      const { back } = directions(azimuth, elevation);
      const eye = [4 * back[0], 4 * back[1], 4 * back[2]];
      const count = minima.filter(([x, y]) => {
        const point = [frame.wx(x), frame.wy(y), frame.wz(surface.energy(x, y)) + 0.02];
        return seen(surface, frame, point, eye);
      }).length;
      if (count > best.count) best = { azimuth, elevation, count };
    }
    if (best.count === minima.length) break;
  }
  return best;
}

export function createCamera() {
  const goal = { azimuth: -0.42, elevation: FIRST_ELEVATION, zoom: 1, panX: 0, panY: 0 };
  const now = { ...goal };
  const keep = { azimuth: goal.azimuth, elevation: goal.elevation };
  let top = false;

  const camera = {
    get top() { return top; },
    get moving() {
      return Object.keys(goal).some((key) => Math.abs(goal[key] - now[key]) > 2e-4);
    },
    /** Sets where the first picture is seen from, without easing. */
    start({ azimuth, elevation }) {
      Object.assign(keep, { azimuth, elevation });
      Object.assign(goal, { azimuth, elevation, zoom: 1, panX: 0, panY: 0 });
      Object.assign(now, goal);
      top = false;
    },
    orbit(dx, dy) {
      if (top) return camera.pan(dx, dy);
      goal.azimuth -= 2.6 * dx;
      goal.elevation = clamp(goal.elevation + 2.2 * dy, 0.12, 1.5);
    },
    /** Moves the relief by fractions of the picture's height. */
    pan(dx, dy) {
      goal.panX = clamp(goal.panX - 1.6 * dx / goal.zoom, -1.2, 1.2);
      goal.panY = clamp(goal.panY + 1.6 * dy / goal.zoom, -1.2, 1.2);
    },
    zoom(factor) { goal.zoom = clamp(goal.zoom * factor, 0.5, 8); },
    setTop(value) {
      if (value === top) return;
      if (value) Object.assign(keep, { azimuth: goal.azimuth, elevation: goal.elevation });
      top = value;
      // The nearest full turn, so that the way back is short.
      const turns = 2 * Math.PI * Math.round(goal.azimuth / (2 * Math.PI));
      Object.assign(goal, value ? { azimuth: turns, elevation: TOP_ELEVATION } : keep, { panX: 0, panY: 0, zoom: 1 });
    },
    home(view) {
      top = false;
      Object.assign(goal, { azimuth: view.azimuth, elevation: view.elevation, zoom: 1, panX: 0, panY: 0 });
    },
    /** Moves towards the goal by `seconds`; with reduced motion at once. */
    ease(seconds, still = false) {
      const w = still ? 1 : 1 - Math.exp(-EASE * Math.min(seconds, 0.1));
      for (const key of Object.keys(goal)) {
        now[key] += w * (goal[key] - now[key]);
        if (Math.abs(goal[key] - now[key]) < 2e-4) now[key] = goal[key];
      }
    },
    /** The view of a picture width x height: matrix (column-major), eye, project() and ray(). */
    view(frame, width, height, inset = [0.1, 0.12]) {
      const aspect = width / height;
      const { back, right, up } = directions(now.azimuth, now.elevation);
      const distance = fitDistance(frame, now.azimuth, now.elevation, aspect, inset) / now.zoom;
      const target = [0, 1, 2].map((i) => now.panX * right[i] + now.panY * up[i] + (i === 2 ? TARGET_HEIGHT : 0));
      const eye = [0, 1, 2].map((i) => target[i] + distance * back[i]);
      const near = Math.max(0.05, distance - 2.2), far = distance + 2.6;
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
        project(x, y, z) {
          const w = matrix[3] * x + matrix[7] * y + matrix[11] * z + matrix[15];
          return {
            x: (0.5 + 0.5 * (matrix[0] * x + matrix[4] * y + matrix[8] * z + matrix[12]) / w) * width,
            y: (0.5 - 0.5 * (matrix[1] * x + matrix[5] * y + matrix[9] * z + matrix[13]) / w) * height,
            depth: w,
          };
        },
        ray(px, py) {
          const sx = (2 * px / width - 1) * aspect / f, sy = (1 - 2 * py / height) / f;
          return [0, 1, 2].map((i) => -back[i] + sx * right[i] + sy * up[i]);
        },
      };
    },
  };
  return camera;
}
