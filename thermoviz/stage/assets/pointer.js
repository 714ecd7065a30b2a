// The network under the pointer: the network that a point of the slice *is*. For two inputs its decision regions over
// the data, for pictures its answers beside the drawn digits, for others a few answers in words.

import { fade, rgb } from "./colours.js";
import { drawing, h, prepare } from "./dom.js";
import { fixed, number, percent } from "./words.js";

/** @import * as sent from "../message" */
/** @import { Answers, Decision, Network } from "./network.js" */
/** @import { Words } from "./words.js" */
/** @typedef {{x: number, y: number, E: number}} Spot a place of the slice and its energy */

const REGION = 44; // points per side of the decision picture
const ANSWERS = 9;

/** @type {HTMLCanvasElement | null} */
let small = null; // where regions are drawn before they are enlarged

/**
 * Colour of an output in 0..1 (two classes, or a regression's range): one basin colour to the other through the panel.
 * @param {sent.Look} look @param {number} share
 */
function between(look, share) {
  const low = rgb(look.basins[1]), high = rgb(look.basins[2]), ground = rgb(look.background);
  const strength = Math.min(1, Math.abs(2 * share - 1) * 1.15);
  const side = share < 0.5 ? low : high;
  return ground.map((c, k) => 255 * (c + (0.15 + 0.55 * strength) * (side[k] - c)));
}

/** @param {HTMLCanvasElement} canvas @param {Network} network @param {Decision} decision @param {sent.Look} look */
function drawRegions(canvas, network, decision, look) {
  const size = canvas.clientWidth || 124;
  const context = prepare(canvas, size, size);
  small ??= h("canvas", { width: REGION, height: REGION });
  const pixels = drawing(small);
  const image = pixels.createImageData(REGION, REGION);
  decision.values.forEach((value, k) => {
    // values run along x first inside rows of growing y; pictures grow downwards.
    const row = REGION - 1 - Math.floor(k / REGION), column = k % REGION;
    const colour = decision.classes > 2 ? rgb(look.basins[value % look.basins.length]).map((c,
      i) => 255 * (0.5 * c + 0.5 * rgb(look.background)[i]))
      : between(look, value);
    image.data.set([...colour, 255], 4 * (row * REGION + column));
  });
  pixels.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = decision.classes <= 2;
  context.drawImage(small, 0, 0, size, size);
  const [x0, x1, y0, y1] = decision.box;
  const { points, targets } = network;
  const every = Math.max(1, Math.floor(targets.length / 160));
  for (let k = 0; k < targets.length; k += every) {
    const px = size * (points[2 * k] - x0) / (x1 - x0), py = size * (1 - (points[2 * k + 1] - y0) / (y1 - y0));
    const [r, g, b] = decision.classes > 2 ? rgb(look.basins[targets[k] % look.basins.length]).map((c) => 255 * c)
      : rgb(look.basins[decision.share(targets[k]) < 0.5 ? 1 : 2]).map((c) => 255 * c);
    context.beginPath();
    context.arc(px, py, 2.1, 0, 7);
    context.fillStyle = `rgb(${r}, ${g}, ${b})`;
    context.fill();
    context.lineWidth = 0.8;
    context.strokeStyle = fade(look.background, 0.8);
    context.stroke();
  }
}

/**
 * A grid of drawn digits with the network's answer under each; wrong answers in the warning colour.
 * @param {HTMLCanvasElement} canvas @param {Answers} answers @param {sent.Look} look
 */
function drawDigits(canvas, answers, look) {
  const size = canvas.clientWidth || 124;
  const context = prepare(canvas, size, size);
  const side = 3, cell = size / side;
  answers.slice(0, side * side).forEach(({ x, answer, target }, k) => {
    const left = (k % side) * cell, top = Math.floor(k / side) * cell;
    const n = Math.round(Math.sqrt(x.length)), dot = (cell - 14) / n;
    const low = Math.min(...x), high = Math.max(...x);
    x.forEach((value, p) => {
      context.fillStyle = fade(look.text, Math.max(0, (value - low) / (high - low || 1)));
      context.fillRect(left + 3 + (p % n) * dot, top + 2 + Math.floor(p / n) * dot, dot + 0.3, dot + 0.3);
    });
    context.font = `650 ${look.font_small}px ${look.font_family}`;
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillStyle = answer === target ? look.good : look.poor;
    context.fillText(String(answer), left + cell - 3, top + cell - 1);
  });
}

/**
 * One input: the network's answer as a curve through the data.
 * @param {HTMLCanvasElement} canvas @param {Network} network @param {ReturnType<Network["curve"]>} curve
 * @param {sent.Look} look
 */
function drawCurve(canvas, network, { x, y }, look) {
  const size = canvas.clientWidth || 124;
  const context = prepare(canvas, size, size);
  const all = [...y, ...network.targets];
  const low = Math.min(...all), high = Math.max(...all), left = x[0], right = x[x.length - 1];
  /** @param {number} value */
  const px = (value) => 6 + (size - 12) * (value - left) / (right - left || 1);
  /** @param {number} value */
  const py = (value) => size - 6 - (size - 12) * (value - low) / (high - low || 1);
  context.fillStyle = fade(look.basins[1], 0.75);
  network.points.forEach((value, k) => {
    context.beginPath();
    context.arc(px(value), py(network.targets[k * network.outputs]), 1.8, 0, 7);
    context.fill();
  });
  context.strokeStyle = look.path;
  context.lineWidth = 2;
  context.beginPath();
  x.forEach((value, k) => (k ? context.lineTo(px(value), py(y[k])) : context.moveTo(px(value), py(y[k]))));
  context.stroke();
}

/**
 * A few answers as bars: what the network says against what is true.
 * @param {HTMLCanvasElement} canvas @param {Answers} answers @param {sent.Look} look
 */
function drawAnswers(canvas, answers, look) {
  const size = canvas.clientWidth || 124;
  const context = prepare(canvas, size, size);
  const line = size / answers.length;
  context.font = `${Math.min(look.font_small, line - 2)}px ${look.font_family}`;
  context.textBaseline = "middle";
  answers.forEach(({ answer, target }, k) => {
    const y = (k + 0.5) * line, right = typeof target === "number" && Number.isInteger(target) && Number.isInteger(answer);
    context.textAlign = "left";
    context.fillStyle = look.dim;
    context.fillText(right ? String(target) : number(target, 2), 10, y);
    context.fillStyle = right ? (answer === target ? look.good : look.poor) : look.text;
    context.textAlign = "right";
    context.fillText(right ? `${answer} ${answer === target ? "\u2713" : "\u2717"}` : number(answer, 2), size - 10, y);
  });
}

/**
 * A canvas on which draw({x, y}) shows what the network at this point of the slice does.
 * @param {Network} network @param {sent.Look} look @param {string} label
 */
export function networkPicture(network, look, label) {
  const element = h("canvas", { role: "img", "aria-label": label });
  return {
    element,
    /** @param {{x: number, y: number}} place */
    draw({ x, y }) {
      if (network.inputs === 2) drawRegions(element, network, network.decision(x, y, REGION), look);
      else if (network.inputs === 1 && network.task === "regression") drawCurve(element, network, network.curve(x, y, 80),
        look);
      else (network.pictures ? drawDigits : drawAnswers)(element, network.answers(x, y, ANSWERS), look);
    },
  };
}

/**
 * The panel. show({x, y, E, where}) draws the network there; on.follow() toggles following one ball.
 * @param {Words} _ @param {Network} network @param {sent.Look} look @param {{follow(): void}} on
 */
export function createPointerPanel(_, network, look, on) {
  const picture = networkPicture(network, look, _("What the network at this point decides"));
  /** @param {string} label */
  const value = (label) => {
    const dd = h("dd", {}, "\u2013");
    return { dd, parts: [h("dt", {}, label), dd] };
  };
  const energy = value(_("energy")), loss = value(_("data loss"));
  const score = value(network.task === "regression" ? "R\u00b2" : _("accuracy"));
  const title = h("h3", {}, "");
  const follow = h("button", { type: "button", "aria-pressed": "false", onclick: on.follow }, _("follow one ball"));
  const element = h("section", { class: "card under", "aria-label": _("The network under the pointer") }, title, picture.element,
    h("div", {}, h("dl", {}, ...energy.parts, ...loss.parts, ...score.parts), follow));
  return {
    element,
    /** @param {boolean} following */
    setFollowing: (following) => follow.setAttribute("aria-pressed", String(following)),
    /** @param {Spot & {where: string}} point */
    show(point) {
      title.textContent = point.where;
      energy.dd.textContent = number(point.E, 3);
      loss.dd.textContent = number(network.dataLoss(point.x, point.y), 3);
      const accuracy = network.accuracy(point.x, point.y);
      score.dd.textContent = network.task === "regression" ? fixed(accuracy, 2) : percent(accuracy ?? NaN);
      picture.draw(point);
    },
  };
}
