// Draws the stage without WebGL2: the relief from above, as colours and contour lines, with everything that moves on
// it. The same interface as renderer.js, so that camera, names, balls, paths and marks are those of the live stage.

import { fade, ramp } from "./colours.js";
import { drawing, h } from "./dom.js";
import { createFrame } from "./frame.js";
import { niceStep, niceTicks } from "./words.js";

/** @import * as sent from "../message" */
/** @import { View } from "./camera.js" */
/** @import { Frame } from "./frame.js" */
/** @import { Ticks } from "./mesh.js" */
/** @import { Line, Mark } from "./paths.js" */
/** @import { Renderer } from "./renderer.js" */
/** @import { Surface } from "./surface.js" */

const SIDE = 480; // points per side of the relief's picture
const LEVELS = 22; // contour lines up to the ceiling
const FADES = [0.86, 1]; // of the ceiling: above, nothing is drawn
const SUN = [-0.5, 0.6]; // where the light comes from
const BALL = 32; // pixels of a ball's picture

/** A frame whose world is flat, so that perspective moves nothing sideways. @param {Surface} surface */
function flattened(surface) {
  const frame = createFrame(surface);
  frame.wz = () => 0;
  for (const point of frame.points) point[2] = 0;
  return frame;
}

/**
 * The relief from above as a canvas, north up.
 * @param {Surface} surface @param {Frame} frame @param {sent.Look} look
 */
function reliefPicture(surface, frame, look) {
  const canvas = h("canvas", { width: SIDE, height: SIDE }), context = drawing(canvas);
  const image = context.createImageData(SIDE, SIDE), colours = ramp(look.surface), force = new Float64Array(3);
  const spacing = niceStep(frame.span, LEVELS) / frame.span, width = surface.x1 - surface.x0, depth = surface.y1 - surface.y0;
  const line = [1, 3, 5].map((k) => parseInt(look.contour.slice(k, k + 2), 16));
  for (let row = 0; row < SIDE; row++) for (let column = 0; column < SIDE; column++) {
    const x = surface.x0 + width * (column + 0.5) / SIDE, y = surface.y1 - depth * (row + 0.5) / SIDE;
    if (surface.masked(x, y)) continue;
    surface.forceInto(x, y, force);
    const part = (force[2] - frame.min) / frame.span;
    if (!(part < FADES[1])) continue;
    // Slopes per pixel of the picture, in units of the ceiling: they shade, and keep contour lines one pixel wide.
    const slope = [-force[0] * width / SIDE / frame.span, -force[1] * depth / SIDE / frame.span];
    const steep = Math.hypot(...slope), level = part / spacing;
    const away = Math.abs(level - Math.round(level)) * spacing / Math.max(steep, 1e-9);
    const contour = Math.max(0, 0.45 * Math.min(1, 1.4 - away));
    const shade = 1 - 14 * (SUN[0] * slope[0] + SUN[1] * slope[1]) / Math.hypot(1, 14 * steep);
    const at = 4 * (row * SIDE + column), from = 4 * Math.round(255 * Math.max(0, part));
    for (let c = 0; c < 3; c++) {
      const lit = Math.min(255, colours[from + c] * Math.min(1.35, Math.max(0.6, shade)));
      image.data[at + c] = lit + contour * (line[c] - lit);
    }
    image.data[at + 3] = 255 * Math.min(1, (FADES[1] - part) / (FADES[1] - FADES[0]));
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A shaded ball as a small picture. @param {sent.Look} look */
function ballPicture(look) {
  const canvas = h("canvas", { width: BALL, height: BALL }), context = drawing(canvas), r = BALL / 2;
  const gradient = context.createRadialGradient(0.75 * r, 0.65 * r, 0.1 * r, r, r, r);
  gradient.addColorStop(0, "#fff1dc");
  gradient.addColorStop(0.35, look.heat);
  gradient.addColorStop(1, fade(look.heat, 0.9));
  context.fillStyle = gradient;
  context.strokeStyle = fade(look.halo, 0.75);
  context.lineWidth = 3;
  context.beginPath();
  context.arc(r, r, r - 2, 0, 7);
  context.fill();
  context.stroke();
  return canvas;
}

/**
 * createFlatRenderer(canvas) -> a renderer, or null where a browser draws nothing at all.
 * @param {HTMLCanvasElement} canvas @returns {Renderer | null}
 */
export function createFlatRenderer(canvas) {
  const context = canvas.getContext("2d");
  return context && rendererOn(context, canvas);
}

/** @param {CanvasRenderingContext2D} context @param {HTMLCanvasElement} canvas @returns {Renderer} */
function rendererOn(context, canvas) {
  // Look and surface are there before the first picture, and with them the pictures of relief and ball.
  /** @type {Surface} */ let surface;
  /** @type {Frame} */ let frame;
  /** @type {sent.Look} */ let look;
  /** @type {HTMLCanvasElement} */ let relief;
  /** @type {HTMLCanvasElement} */ let ball;
  /** @type {Array<[number, number]>} */ let minima = [];
  /** @type {Ticks} */ let ticks = { x: [], y: [] };
  /** @type {Line[]} */ let paths = [];
  /** @type {Mark[]} */ let marks = [];
  /** @type {Float32Array} */ let trails = new Float32Array(0);
  const balls = { places: new Float64Array(0), n: 0 };

  function pictures() {
    if (!surface || !look) return;
    relief = reliefPicture(surface, frame, look);
    ball = ballPicture(look);
  }

  /** Puts the relief's picture on the ground that it shows. @param {View} view */
  function drawRelief(view) {
    const { halfX, halfY } = frame;
    const corner = view.project(-halfX, halfY, 0), right = view.project(halfX, halfY, 0), below = view.project(-halfX, -halfY, 0);
    context.save();
    context.setTransform((right.x - corner.x) / SIDE, (right.y - corner.y) / SIDE, (below.x - corner.x) / SIDE,
      (below.y - corner.y) / SIDE, corner.x, corner.y);
    context.drawImage(relief, 0, 0);
    context.restore();
  }

  /** @param {View} view @param {number} pixel @param {number} now */
  function drawPaths(view, pixel, now) {
    context.lineWidth = 1.35 * pixel;
    context.lineJoin = "round";
    for (const { length, point, colour, opacity } of paths) {
      /** @type {{x: number, y: number} | null} */
      let before = null;
      for (let t = 0; t < length; t++) {
        const place = point(t), at = place && view.project(place[0], place[1], 0);
        if (at && before) {
          context.strokeStyle = fade(colour, opacity(t) * (t <= now ? 1 : 0.25));
          context.beginPath();
          context.moveTo(before.x, before.y);
          context.lineTo(at.x, at.y);
          context.stroke();
        }
        before = at;
      }
    }
  }

  /** @param {View} view @param {number} pixel */
  function drawTrails(view, pixel) {
    context.lineWidth = 0.9 * pixel;
    for (let k = 0; k < trails.length; k += 11) {
      const a = view.project(trails[k], trails[k + 1], 0), b = view.project(trails[k + 3], trails[k + 4], 0);
      context.strokeStyle = fade(look.heat, trails[k + 9]);
      context.beginPath();
      context.moveTo(a.x, a.y);
      context.lineTo(b.x, b.y);
      context.stroke();
    }
  }

  /** @param {View} view @param {number} radius */
  function drawBalls(view, radius) {
    const middle = view.project(0, 0, 0), beside = view.project(1, 0, 0);
    const r = Math.max(1.5, radius * Math.hypot(beside.x - middle.x, beside.y - middle.y));
    for (let k = 0; k < balls.n; k++) {
      const { x, y } = view.project(frame.wx(balls.places[2 * k]), frame.wy(balls.places[2 * k + 1]), 0);
      context.drawImage(ball, x - r, y - r, 2 * r, 2 * r);
    }
  }

  /**
   * Rings at the minima (kind 1) and at the followed ball (2), diamonds for the networks (0).
   * @param {View} view @param {number} pixel
   */
  function drawMarks(view, pixel) {
    for (const { x, y, colour, alpha, kind, size } of marks) {
      const at = view.project(x, y, 0), r = 0.5 * size * pixel;
      context.beginPath();
      if (kind === 0) {
        for (const [dx, dy] of [[0, -r], [r, 0], [0, r], [-r, 0]]) context.lineTo(at.x + dx, at.y + dy);
        context.closePath();
        context.fillStyle = fade(colour, alpha);
        context.fill();
      } else context.arc(at.x, at.y, r, 0, 7);
      context.lineWidth = (kind === 0 ? 1 : 1.8) * pixel;
      context.strokeStyle = kind === 0 ? look.halo : fade(colour, alpha);
      context.stroke();
    }
  }

  return {
    flat: true,
    software: true,
    lost: false,
    get frame() { return frame; },
    get ticks() { return ticks; },
    restore() {},
    release() {},
    regain() {},
    setLook(next) { look = next; pictures(); },
    setSurface(next, points) {
      surface = next;
      minima = points;
      frame = flattened(surface);
      const { x0, x1, y0, y1 } = frame.floor;
      ticks = { x: niceTicks(frame.x(x0), frame.x(x1), 5), y: niceTicks(frame.y(y0), frame.y(y1), 5) };
      pictures();
    },
    setPaths(next) { paths = next; },
    setBalls(positions, _energies, n) { Object.assign(balls, { places: positions, n }); },
    setTrails(segments) { trails = segments; },
    setMarks(list) {
      /** @type {Mark[]} */
      const bottoms = minima.map(([x, y]) => ({ x: frame.wx(x), y: frame.wy(y), z: 0, colour: look.text, alpha: 0.8, kind: 1,
        size: 11 }));
      marks = bottoms.concat(list);
    },
    draw(view, { pixel, radius, now }) {
      context.fillStyle = look.background;
      context.fillRect(0, 0, canvas.width, canvas.height);
      drawRelief(view);
      drawPaths(view, pixel, now);
      drawTrails(view, pixel);
      drawBalls(view, radius);
      drawMarks(view, pixel);
    },
    destroy() {},
  };
}
