// What is this? Three short captions that point into the picture: what a place is, what its height is, what a ball is.
// They stand on a visitor's first visit, until the first gesture; "?" brings them back.

import { h } from "./dom.js";
import { networkPicture } from "./pointer.js";
import { percent } from "./words.js";

/** @import * as sent from "../message" */
/** @import { Network } from "./network.js" */
/** @import { Box } from "./overlay.js" */
/** @import { Spot } from "./pointer.js" */
/** @import { Words } from "./words.js" */
/** @typedef {{x: number, y: number}} Pixel a point of the picture, in css pixels */
/** @typedef {[Pixel, Pixel]} Segment */
/** @typedef {Pixel & {k?: number, elsewhere?: boolean}} Target what a caption may point at; k: number of a ball */
/** @typedef {Box & {target: Target}} Placed */
/**
 * What the captions explain. home: the deepest valley; flat: the relief is seen from above; again: they were there before,
 * and do not come in slowly.
 * @typedef {{look: sent.Look, network: Network | null, hasNetworks: boolean, flat: boolean, home: Spot, shown: boolean,
 *   again: boolean, onchange: (shown: boolean) => void}} Explained
 */
/**
 * The picture. relief: its points there, part of the ceiling; balls: the first ones; taken: rectangles to be left free.
 * @typedef {{width: number, height: number, spot: (x: number, y: number, E: number) => Pixel,
 *   relief: Array<Pixel & {part: number}>, balls: Target[], taken: Box[]}} Layout
 */

const SEEN = "thermoviz.seen";
const SVG = "http://www.w3.org/2000/svg";
const GRID = 10; // css pixels between two places that are tried for a caption
const ROOM = 6; // css pixels kept free around captions
const LONELY = 12; // balls among which the best to point at is found
const SAMPLE = 5; // of the relief's points, every so many is kept free where that is possible
// What a place costs, in css pixels of a longer line: hiding a point of the relief, crossing another line.
const HIDES = 14, CROSSES = 500;
const HIGH = [0.62, 0.88]; // of the ceiling: what the caption about height points at

/** Whether this browser has never been here; one without a memory has not. */
export function isFirstVisit() {
  try {
    return !window.localStorage.getItem(SEEN);
  } catch {
    return true;
  }
}

function remember() {
  try {
    window.localStorage.setItem(SEEN, "1");
  } catch { /* it comes for the first time again */ }
}

/** @param {Box} a @param {Box} b @param {number} [room] */
const overlap = (a, b, room = ROOM) => a.x < b.x + b.width + room && b.x < a.x + a.width + room
  && a.y < b.y + b.height + room && b.y < a.y + a.height + room;

/** Where a line from the box to the point leaves the box. @param {Box} box @param {Pixel} point @returns {Pixel} */
function edge(box, point) {
  return { x: Math.min(Math.max(point.x, box.x), box.x + box.width),
    y: Math.min(Math.max(point.y, box.y), box.y + box.height) };
}

/** @param {Pixel} a @param {Pixel} b @param {Pixel} c */
const side = (a, b, c) => Math.sign((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x));
/** @param {Segment} one @param {Segment} other */
const cross = ([a, b], [c, d]) => side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);

/** Whether the line from a to b runs through the box. @param {Segment} line @param {Box} box */
const through = ([a, b], { x, y, width, height }) => {
  const corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]].map(([u, v]) => ({ x: u, y: v }));
  return corners.some((corner, k) => cross([a, b], [corner, corners[(k + 1) % 4]]));
};

/**
 * Whether a box, or its line, is in the way of another's.
 * @type {(line: Segment, box: Box, other: Placed) => boolean}
 */
function meet(line, box, other) {
  /** @type {Segment} */
  const its = [edge(other, other.target), other.target];
  return cross(line, its) || through(line, other) || through(its, box);
}

/** Whether a point lies in the box, or within `room` of it. @param {Box} box @param {Pixel} point @param {number} room */
const covers = ({ x, y, width, height }, point, room) => point.x > x - room && point.x < x + width + room
  && point.y > y - room && point.y < y + height + room;

/** How many of the points a box hides. @param {Box} box @param {Pixel[]} dots */
function hidden(box, dots) {
  let n = 0;
  for (const dot of dots) if (covers(box, dot, 0)) n++;
  return n;
}

/**
 * What stands in the way of a box whose line goes to the target. @param {Box} box @param {Segment} line
 * @param {Box[]} taken @param {Placed[]} done
 */
const crossings = (box, line, taken, done) => done.filter((other) => meet(line, box, other)).length
  + taken.filter((other) => through(line, other)).length;

/**
 * Places boxes one after the other: the first free place whose line to one of its points is short and clear.
 * boxes: [{width, height, targets: [{x, y}]}]; taken: rectangles that nobody may cover; dots: points that should stay
 * seen. Returns [{x, y, width, height, target}], null for a box without a free place.
 * @param {Array<{width: number, height: number, targets: Target[]}>} boxes @param {Box[]} taken @param {Pixel[]} dots
 * @param {number} width @param {number} height
 */
export function arrange(boxes, taken, dots, width, height) {
  /** @type {Array<Placed | null>} */
  const places = [];
  for (const { width: w, height: tall, targets } of boxes) {
    const done = places.filter((place) => place !== null), obstacles = [...taken, ...done];
    /** @type {Placed | null} */
    let best = null;
    let least = Infinity;
    for (let x = ROOM; x <= width - w - ROOM; x += GRID) for (let y = ROOM; y <= height - tall - ROOM; y += GRID) {
      const box = { x, y, width: w, height: tall };
      if (obstacles.some((other) => overlap(box, other))) continue;
      const hides = HIDES * hidden(box, dots);
      for (const target of targets) {
        const from = edge(box, target), near = Math.hypot(from.x - target.x, from.y - target.y) + hides;
        // What is in the way makes a place only worse, and takes longest to find.
        if (near >= least || covers(box, target, 14)) continue;
        const cost = near + CROSSES * crossings(box, [from, target], taken, done);
        if (cost < least) { least = cost; best = { ...box, target }; }
      }
    }
    places.push(best);
  }
  return places;
}

/**
 * The balls that stand most alone, so that a line can point at one of them; those in other valleys than the deepest.
 * @param {Target[]} balls @returns {Target[]}
 */
function lonely(balls) {
  const far = balls.map((a) => Math.min(...balls.map((b) => (a === b ? Infinity : (a.x - b.x) ** 2 + (a.y - b.y) ** 2))));
  return balls.map((ball, k) => ({ ...ball, k })).filter(({ elsewhere }) => elsewhere)
    .sort((a, b) => far[b.k] - far[a.k]).slice(0, LONELY);
}

/** @param {Words} _ @param {Pick<Explained, "network" | "hasNetworks" | "flat" | "home">} explained */
function wordsFor(_, { network, hasNetworks, flat, home }) {
  if (!hasNetworks) return [_("Each place is a state; in a valley it has little energy."),
    flat ? _("Colour is energy: dark is where it likes to be.") : _("Height is energy: low is where it likes to be."),
    _("A ball is a particle that heat kicks about.")];
  const first = network?.task === "classification"
    ? _("Each place is a whole neural network. This one: {p} right.",
      { p: percent(network.accuracy(home.x, home.y) ?? NaN) })
    : network ? _("Each place is a whole neural network. This one answers so.") : _("Each place is a whole neural network.");
  return [first, flat ? _("Colour is how wrong it is: dark blue is good.") : _("Height is how wrong it is: low is good."),
    _("A ball is a network shaken by data.")];
}

/**
 * The captions: {element, shown, show(), hide(), layout(...), follow()}.
 * @param {Words} _ @param {Explained} explained
 */
export function createCaptions(_, { look, network, hasNetworks, flat, home, shown, again, onchange }) {
  const picture = network ? networkPicture(network, look, _("What this network decides")) : null;
  const texts = wordsFor(_, { network, hasNetworks, flat, home });
  const boxes = texts.map((text, k) => h("p", { class: k === 0 && picture ? "caption pictured" : "caption" },
    k === 0 && picture ? picture.element : null, h("span", {}, text)));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  /** @template {"line" | "circle" | "g"} Tag @param {Tag} tag @param {Element} parent */
  const draw = (tag, parent) => parent.appendChild(document.createElementNS(SVG, tag));
  const marks = texts.map(() => {
    const group = draw("g", svg);
    return { group, halo: draw("line", group), line: draw("line", group), dot: draw("circle", group) };
  });
  for (const { halo, dot } of marks) { halo.setAttribute("class", "halo"); dot.setAttribute("r", "6"); }
  const element = h("div", { class: again ? "captions again" : "captions", role: "note",
    "aria-label": _("What is this?"), hidden: !shown }, svg, ...boxes);
  let places = /** @type {Array<Placed | null>} */ ([]), ball = 0, drawn = false;

  /** @param {number} k @param {Pixel | undefined} target */
  function point(k, target) {
    const place = places[k], { group, halo, line, dot } = marks[k];
    group.style.display = place ? "" : "none";
    if (!place || !target) return;
    const from = edge(place, target), far = Math.hypot(target.x - from.x, target.y - from.y) || 1;
    const to = { x: target.x - 6 * (target.x - from.x) / far, y: target.y - 6 * (target.y - from.y) / far };
    const ends = Object.entries({ x1: from.x, y1: from.y, x2: to.x, y2: to.y });
    for (const one of [halo, line]) for (const [name, value] of ends) one.setAttribute(name, value.toFixed(1));
    dot.setAttribute("cx", target.x.toFixed(1));
    dot.setAttribute("cy", target.y.toFixed(1));
  }

  const captions = {
    element,
    get shown() { return !element.hidden; },
    show() { element.hidden = false; onchange(true); },
    /** The visitor has begun: they go, and do not come again by themselves. */
    hide() {
      if (element.hidden) return;
      element.hidden = true;
      remember();
      onchange(false);
    },
    /**
     * Finds places for the captions.
     * @param {Layout} layout
     */
    layout({ width, height, spot, relief, balls, taken }) {
      if (element.hidden || !width) return;
      if (picture && !drawn) { picture.draw(home); drawn = true; }
      for (const one of boxes) one.hidden = false;
      const alone = lonely(balls);
      const high = relief.filter(({ part }) => part > HIGH[0] && part < HIGH[1]);
      /** @type {Target[][]} */
      const targets = [[spot(home.x, home.y, home.E)], high.length ? high : relief, alone.length ? alone : [spot(home.x, home.y, home.E)]];
      const dots = relief.filter((_point, k) => k % SAMPLE === 0);
      // Where there is little room, the network's picture, which also stands beside the stage, is left out.
      for (const plain of [false, true]) {
        boxes[0].classList.toggle("plain", plain);
        places = arrange(boxes.map((one, k) => ({ width: one.offsetWidth, height: one.offsetHeight, targets: targets[k] })),
          taken, dots, width, height);
        if (places.every(Boolean)) break;
      }
      ball = places[2]?.target.k ?? 0;
      places.forEach((place, k) => {
        boxes[k].hidden = !place;
        if (place) Object.assign(boxes[k].style, { left: `${place.x}px`, top: `${place.y}px` });
        point(k, place?.target);
      });
    },
    /**
     * The ball that a caption points at has moved: its number -> the line's new end.
     * @param {(ball: number) => Pixel} where
     */
    follow(where) { if (!element.hidden && places[2]) point(2, where(ball)); },
  };
  return captions;
}
