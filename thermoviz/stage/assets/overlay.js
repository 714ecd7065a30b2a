// Everything written on the stage: axes with numbers, colour bar, names of the basins. The same function writes on
// the live stage, on a picture of any size and on a film.

import { fade } from "./colours.js";
import { niceTicks } from "./words.js";

/** @import * as sent from "../message" */
/** @import { View } from "./camera.js" */
/** @import { Pixel } from "./captions.js" */
/** @import { Frame } from "./frame.js" */
/** @import { Ticks } from "./mesh.js" */
/** @import { Surface } from "./surface.js" */
/** @typedef {{x: number, y: number, width: number, height: number}} Box in css pixels */
/** @typedef {{x: number, y: number, name: string}} Valley where a minimum is, and its name */
/** @typedef {{now: number | undefined, equilibrium: number | undefined}} Means of the energy */
/**
 * What the stage shows besides the relief. quiet: without the numbers of the axes, and where it is narrow without the
 * colour bar; count: of balls; now: record of the replay.
 * @typedef {{look: sent.Look, names: [string, string], unit: string, basins: Valley[], means: Means, quiet: boolean,
 *   count: number, now: number}} Scene
 */
/**
 * A scene, and the picture that it is written on.
 * covered: rectangles of the page's own that lie on it.
 * @typedef {Scene & {view: View, frame: Frame, ticks: Ticks, surface: Surface, narrow: boolean, covered?: Box[]}}
 *   OverlayScene
 */
/** @typedef {{colour: string, shape: "dot" | "diamond", text: string}} LegendEntry */
/**
 * What stands under a picture. facts: heat, balls, seed; badge: how much the slice hides.
 * @typedef {{title: string, facts: string, badge: string, legend: LegendEntry[], link: string}} Caption
 */
/** @typedef {{colour: string, x: number, y: number, text?: string, shape?: "dot" | "diamond", font?: string}} Part */

const NARROW_UNIT = 92; // css pixels for the colour bar's title where it is narrow

/**
 * Text with an outline in the background's colour, so that it reads on the relief as well as beside it.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y
 * @param {string} colour @param {string} halo
 */
function write(context, text, x, y, colour, halo) {
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = halo;
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}

/**
 * Numbers along the two edges of the floor that lie nearest to the viewer.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene @param {string} font
 */
function axes(context, scene, font) {
  const { view, frame, ticks, look, names } = scene;
  const { x0, x1, y0, y1 } = frame.floor;
  const midX = (x0 + x1) / 2, midY = (y0 + y1) / 2;
  const [edgeY, outY] = view.project(midX, y0, 0).y >= view.project(midX, y1, 0).y - 1e-6 ? [y0, -1] : [y1, 1];
  const [edgeX, outX] = view.project(x0, midY, 0).y > view.project(x1, midY, 0).y + 1e-6 ? [x0, -1] : [x1, 1];
  context.font = `${look.font_small}px ${font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  /** @param {string} text @param {number} x @param {number} y @param {string} colour @param {number} [shift] */
  const put = (text, x, y, colour, shift = 0) => {
    const p = view.project(x, y, 0);
    const room = context.measureText(text).width / 2 + 4;
    p.x = Math.min(Math.max(p.x + shift, shift > 0 ? room : -Infinity), shift < 0 ? view.width - room : Infinity);
    if (p.x < room || p.x > view.width - room || p.y < 12 || p.y > view.height - 10) return;
    if (isTaken(scene, p.x + room, p.y)) return;
    write(context, text, p.x, p.y, colour, fade(look.background, 0.8));
  };
  const away = 0.09;
  for (const { value, text } of ticks.x) put(text, frame.wx(value), edgeY + outY * away, look.dim);
  for (const { value, text } of ticks.y) put(text, edgeX + outX * away, frame.wy(value), look.dim);
  // A title grows away from the relief, whichever side of it the edge lies on.
  /** @param {string} text @param {[number, number]} edge @param {[number, number]} beyond */
  const title = (text, edge, beyond) => {
    const lean = view.project(...beyond, 0).x - view.project(...edge, 0).x;
    const wide = context.measureText(text).width / 2;
    put(text, ...beyond, look.dim, Math.abs(lean) < 6 ? 0 : Math.sign(lean) * Math.max(0, wide - 8));
  };
  title(names[0], [midX, edgeY], [midX, edgeY + 2.1 * outY * away]);
  title(names[1], [edgeX, midY], [edgeX + 2.1 * outX * away, midY]);
}

/**
 * Whether a text that ends at x, with its middle at y, would run into the colour bar or, where narrow, the buttons.
 * @param {OverlayScene} scene @param {number} x @param {number} y
 */
function isTaken(scene, x, y) {
  const bar = barPlace(scene), { view, narrow } = scene;
  const underBar = x > bar.x - 36 && y > bar.top - 24 && y < bar.top + bar.height + 12;
  return underBar || (narrow && x > view.width - 184 && y > view.height - 58);
}

/**
 * Words broken into lines of at most `room` css pixels in the context's font; a word that is longer is broken too.
 * @param {CanvasRenderingContext2D} context @param {string} text @param {number} room
 */
function broken(context, text, room) {
  /** @param {string} line */
  const fits = (line) => context.measureText(line).width <= room;
  const lines = [""];
  for (let word of text.split(" ")) {
    const joined = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (fits(joined)) { lines[lines.length - 1] = joined; continue; }
    if (lines[lines.length - 1]) lines.push("");
    while (!fits(word) && word.length > 1) {
      let end = word.length - 1;
      while (end > 1 && !fits(word.slice(0, end))) end--;
      lines[lines.length - 1] = word.slice(0, end);
      lines.push("");
      word = word.slice(end);
    }
    lines[lines.length - 1] = word;
  }
  return lines;
}

/** Where the colour bar stands, in css pixels, and the height of an energy on it. @param {OverlayScene} scene */
function barPlace({ view, frame, narrow }) {
  const width = 10, height = Math.min(narrow ? 100 : 260, 0.42 * view.height);
  const x = view.width - (narrow ? 20 : 26) - width, top = narrow ? 104 : 84;
  return { x, top, width, height, at: (/** @type {number} */ E) => top + height * (1 - Math.min(1, frame.part(E))) };
}

/**
 * What the colour bar measures, above it: [{text, right, y, width}], in several lines where it is narrow.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene
 */
function unitLines(context, scene) {
  const { look, unit, narrow, view } = scene, { top } = barPlace(scene), size = look.font_small;
  if (!unit) return [];
  context.font = `${size}px ${look.font_family}`;
  const lines = broken(context, unit, narrow ? NARROW_UNIT : Infinity);
  return lines.map((text, k) => ({ text, right: view.width - 8, y: top - size * (1 + 1.2 * (lines.length - 1 - k)),
    width: context.measureText(text).width }));
}

/**
 * The colours' meaning in units of energy.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene @param {string} font
 */
function colourBar(context, scene, font) {
  const { frame, look, narrow } = scene;
  const { x, top, width, height, at } = barPlace(scene), size = look.font_small;
  const gradient = context.createLinearGradient(0, top + height, 0, top);
  look.surface.forEach((colour, k) => gradient.addColorStop(k / (look.surface.length - 1), colour));
  context.fillStyle = gradient;
  context.beginPath();
  context.roundRect(x, top, width, height, width / 2);
  context.fill();
  context.font = `${size}px ${font}`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const { value, text } of niceTicks(frame.min, frame.min + frame.span, narrow ? 3 : 5)) {
    write(context, text, x - 12, at(value), look.dim, fade(look.background, 0.8));
  }
  for (const { text, right, y } of unitLines(context, scene)) {
    write(context, text, right, y, look.dim, fade(look.background, 0.8));
  }
}

/**
 * On the colour bar: the balls' mean energy as a triangle, its equilibrium value as a line.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene
 */
function means(context, scene) {
  const { look, means: { now, equilibrium } } = scene, { x, width, at } = barPlace(scene);
  if (equilibrium !== undefined && Number.isFinite(equilibrium)) {
    context.fillStyle = look.theory;
    context.fillRect(x - 4, at(equilibrium) - 1.25, width + 14, 2.5);
  }
  if (now === undefined || !Number.isFinite(now)) return;
  const y = at(now);
  context.fillStyle = look.heat;
  context.beginPath();
  context.moveTo(x + width + 2, y);
  context.lineTo(x + width + 10, y - 5);
  context.lineTo(x + width + 10, y + 5);
  context.fill();
}

/**
 * Where the names of the basins stand: [{name, foot, x, y, room}], x the middle of the text, y its line, room half of
 * its width. Above the minimum on a stem; where something covers that, at the first free place of `placesFor`.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene
 */
function namePlaces(context, { view, frame, surface, look, basins, covered }) {
  context.font = `600 ${look.font_small + 1}px ${look.font_family}`;
  const taken = [...covered ?? []];
  return basins.map(({ name, ...at }) => {
    const foot = view.project(frame.wx(at.x), frame.wy(at.y), frame.wz(surface.energy(at.x, at.y)));
    const room = context.measureText(name).width / 2 + 6, middle = Math.min(Math.max(foot.x, room), view.width - room);
    const places = placesFor(foot, middle, room, look.font_small, covered && taken);
    const { x, y } = places.find((place) => !taken.some((box) => meets(nameBox(place, room, look), box))) ?? places[0];
    if (covered) taken.push(nameBox({ x, y }, room, look));
    return { name, foot, room, x, y };
  }).filter(({ foot }) => foot.x >= 0 && foot.x <= view.width && foot.y >= 30 && foot.y <= view.height);
}

/**
 * Places for a name: above; above, but right of what is in the way, as far as its stem stays under it; close below;
 * further below. `taken`: what may be in the way; without it the first alone.
 * @param {Pixel} foot @param {number} x @param {number} room @param {number} size @param {Box[]} [taken]
 */
function placesFor(foot, x, room, size, taken) {
  const above = { x, y: foot.y - 31 };
  if (!taken) return [above];
  const beside = taken.map((box) => ({ x: box.x + box.width + room, y: above.y })).filter((place) => place.x > x
    && place.x < foot.x + room - 8);
  return [above, ...beside, { x, y: foot.y + 8 + size }, { x, y: foot.y + 29 + size }];
}

/** @param {Pixel} place @param {number} room @param {sent.Look} look @returns {Box} */
const nameBox = ({ x, y }, room, { font_small: size }) => ({ x: x - room, y: y - 1 - size, width: 2 * room, height: size + 8 });

/** @param {Box} one @param {Box} other */
const meets = (one, other) => one.x < other.x + other.width && one.x + one.width > other.x && one.y < other.y + other.height
  && one.y + one.height > other.y;

/**
 * Rectangles {x, y, width, height} in css pixels that names and colour bar take up.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene @returns {Box[]}
 */
export function takenPlaces(context, scene) {
  const bar = barPlace(scene), { look } = scene;
  const names = namePlaces(context, scene).map((place) => nameBox(place, place.room, look));
  if (scene.quiet && scene.narrow) return names;
  const unit = unitLines(context, scene).map(({ right, y, width }) => ({ x: right - width, y: y - look.font_small / 2, width,
    height: look.font_small }));
  return [{ x: bar.x - 40, y: bar.top - 10, width: 60, height: bar.height + 24 }, ...unit, ...names];
}

/**
 * Names of the basins on short stems above, or below, their minima.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene
 */
function basinNames(context, scene) {
  const { look } = scene;
  const places = namePlaces(context, scene);
  context.textAlign = "center";
  context.textBaseline = "alphabetic";
  for (const { name, foot, x, y } of places) {
    context.strokeStyle = fade(look.text, 0.7);
    context.lineWidth = 1.2;
    context.beginPath();
    if (y < foot.y) { context.moveTo(foot.x, foot.y - 6); context.lineTo(foot.x, foot.y - 26); }
    else if (y > foot.y + 28) { context.moveTo(foot.x, foot.y + 6); context.lineTo(foot.x, foot.y + 26); }
    context.stroke();
    write(context, name, x, y, look.text, fade(look.background, 0.85));
  }
}

/**
 * Writes what stands still while the camera does.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene
 */
export function writeLabels(context, scene) {
  const font = scene.look.font_family;
  context.save();
  if (!scene.quiet) axes(context, scene, font);
  basinNames(context, scene);
  if (!(scene.quiet && scene.narrow)) colourBar(context, scene, font);
  context.restore();
}

/**
 * The part of the picture that `means` may touch, {left, top, width, height} in css pixels.
 * @param {OverlayScene} scene
 */
export function meansPlace(scene) {
  const { x, top, width, height } = barPlace(scene);
  return { left: x - 6, top: top - 8, width: width + 18, height: height + 16 };
}

/**
 * Writes the marks of the mean energies, into a context whose origin is the picture's corner.
 * @param {CanvasRenderingContext2D} context @param {OverlayScene} scene
 */
export function writeMeans(context, scene) {
  if (scene.quiet && scene.narrow) return;
  context.save();
  means(context, scene);
  context.restore();
}

/** Writes all of it. @param {CanvasRenderingContext2D} context @param {OverlayScene} scene */
export function writeOverlay(context, scene) {
  writeLabels(context, scene);
  writeMeans(context, scene);
}

const PAD = 18; // css pixels around a caption's text
const WORD_MARK = "thermoviz";

/**
 * The caption under a picture, laid out for a width: {height, draw(y)}.
 * @param {CanvasRenderingContext2D} context @param {Caption & {look: sent.Look}} caption @param {number} width
 */
export function layCaption(context, { look, title, facts, badge, legend, link }, width) {
  const size = look.font_small + 1;
  const font = (/** @type {number} */ weight, /** @type {number} */ pixels) => `${weight} ${pixels}px ${look.font_family}`;
  context.font = font(650, look.font);
  const mark = context.measureText(WORD_MARK).width;
  /** @type {Part[]} */
  const parts = [];
  let y = 0.75 * look.font;
  /** @param {string} text @param {number} pixels @param {number} weight @param {string} colour @param {number} room */
  const put = (text, pixels, weight, colour, room) => {
    if (!text) return;
    context.font = font(weight, pixels);
    for (const line of broken(context, text, room)) {
      y += 1.45 * pixels;
      parts.push({ text: line, font: context.font, colour, x: PAD, y });
    }
  };
  const room = width - 2 * PAD;
  put(title, look.font + 2, 650, look.text, room - mark - PAD);
  parts.push({ text: WORD_MARK, font: font(650, look.font), colour: look.dim, x: width - PAD - mark,
    y: 0.75 * look.font + 1.45 * (look.font + 2) });
  y += 0.2 * size;
  put(facts, size, 400, look.heat, room);
  put(badge, size, 400, look.dim, room);
  context.font = font(400, size);
  let x = Infinity;
  for (const { colour, shape, text } of legend) {
    const wide = 16 + context.measureText(text).width;
    if (x + wide > width - PAD) { x = PAD; y += 1.45 * size; }
    parts.push({ shape, colour, x: x + 5, y: y - 0.35 * size }, { text, font: context.font, colour: look.dim, x: x + 16, y });
    x += wide + 16;
  }
  put(link, look.font_small, 400, look.dim, room);
  const height = Math.round(y + 0.9 * look.font);

  /** @param {Part} part @param {number} top */
  function drawPart({ text, shape, font: shown, colour, x: left, y: base }, top) {
    context.fillStyle = colour;
    if (text && shown) {
      context.font = shown;
      context.fillText(text, left, top + base);
      return;
    }
    context.beginPath();
    if (shape === "dot") context.arc(left, top + base, 4.5, 0, 7);
    else for (const [dx, dy] of [[0, -5.5], [5.5, 0], [0, 5.5], [-5.5, 0]]) context.lineTo(left + dx, top + base + dy);
    context.fill();
  }

  return {
    height,
    /** @param {number} top */
    draw(top) {
      context.save();
      context.fillStyle = look.panel;
      context.fillRect(0, top, width, height);
      context.fillStyle = look.line;
      context.fillRect(0, top, width, 1);
      context.textBaseline = "alphabetic";
      context.textAlign = "left";
      for (const part of parts) drawPart(part, top);
      context.restore();
    },
  };
}
