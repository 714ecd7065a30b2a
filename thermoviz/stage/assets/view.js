// The picture part of the stage: canvas, camera, labels and touch. It draws what it is given and knows no physics.

import { createCamera, firstView } from "./camera.js";
import { boxesIn, drawing, h, listen, prepare, sized } from "./dom.js";
import { meansPlace, takenPlaces, writeLabels, writeMeans, writeOverlay } from "./overlay.js";
import { createFlatRenderer } from "./flat.js";
import { createQuality } from "./quality.js";
import { createRenderer } from "./renderer.js";
import { createTouch } from "./touch.js";

/** @import * as sent from "../message" */
/** @import { View } from "./camera.js" */
/** @import { OverlayScene, Scene } from "./overlay.js" */
/** @import { Spot } from "./pointer.js" */
/** @import { Renderer } from "./renderer.js" */
/** @import { Surface } from "./surface.js" */
/** @import { Words } from "./words.js" */
/** @typedef {ReturnType<typeof viewOf>} StageView */
/**
 * click, hover: at a place of the surface, in css pixels.
 * @typedef {{click(point: Spot, px: number, py: number): void, hover(point: Spot | null): void, restored(): void}} ViewEvents
 */

const NARROW = 520; // css pixels
const FIRST = 5; // pictures: they may be coarse

// What stands at the rims of the stage: badge, buttons, colour bar, numbers on the axes.
const MARGINS = { wide: { left: 52, right: 96, top: 74, bottom: 44 }, narrow: { left: 18, right: 52, top: 66,
  bottom: 34 } };

/** Radius of a ball in world units: a single ball is large, fifty thousand are grains. @param {number} n */
const radiusFor = (n) => Math.min(0.03, 0.0135 * (1000 / Math.max(n, 1)) ** 0.22);

/**
 * What draws into a canvas, with WebGL2 or without it: {canvas, renderer}; the renderer is null where neither works.
 * @returns {{canvas: HTMLCanvasElement, renderer: Renderer | null}}
 */
function drawn() {
  const fresh = () => h("canvas", { "aria-hidden": "true" });
  let canvas = fresh();
  try {
    const renderer = createRenderer(canvas);
    if (renderer) return { canvas, renderer };
  } catch (error) {
    console.info(error); // a driver that refuses the shaders
    canvas = fresh(); // whose kind cannot be changed any more
  }
  return { canvas, renderer: createFlatRenderer(canvas) };
}

/**
 * createView(_, on) -> null where this browser cannot draw at all. on: {click(point, px, py), hover(point | null), restored()}.
 * point: {x, y, E} in slice coordinates.
 * @param {Words} _
 * @param {ViewEvents} on
 */
export function createView(_, on) {
  const { canvas, renderer } = drawn();
  return renderer && viewOf(_, on, canvas, renderer);
}

/** @param {Words} _ @param {ViewEvents} on @param {HTMLCanvasElement} canvas @param {Renderer} renderer */
function viewOf(_, on, canvas, renderer) {
  const labels = h("canvas", { class: "labels", "aria-hidden": "true" });
  const needle = h("canvas", { class: "needle", "aria-hidden": "true" });
  // The last picture, which stands while the context is with others.
  const still = h("canvas", { class: "still", "aria-hidden": "true", hidden: true });
  const element = h("div", { class: "view", tabindex: 0, role: "group",
    "aria-label": _("The stage: balls on the energy surface. Press ? for the keys.") }, canvas, still, labels, needle);
  const camera = createCamera();
  const quality = createQuality(renderer.software);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const box = sized(element);
  /** @type {Surface} */ let surface; // with `home` from the first surface on
  /** @type {ReturnType<typeof firstView>} */ let home;
  /** @type {Scene} */ let scene; // from the first picture on
  let size = { width: 0, height: 0 }, changed = true, seen = true, asleep = false, pictures = 0;
  // Nobody sees what is scrolled away.
  const watcher = new IntersectionObserver(([entry]) => { seen = entry.isIntersecting; }, { rootMargin: "200px" });
  watcher.observe(element);
  // What stands on the screen: the view it was drawn from, its labels and its marks of the mean energies.
  /** @type {View | null} */ let standing = null;
  /** @type {unknown} */ let labelled = null;
  let quiet = false, marked = "", released = false, gone = false;
  /** @type {Element[]} */ let covers = [];

  /**
   * The view of a picture of that size, of which `pixel` make one css pixel.
   * @param {number} width @param {number} height @param {number} [pixel]
   */
  const viewAt = (width, height, pixel = 1) => {
    const { left, right, top, bottom } = width / pixel < NARROW ? MARGINS.narrow : MARGINS.wide;
    return camera.view(renderer.frame, width, height,
      { left: left * pixel, right: right * pixel, top: top * pixel, bottom: bottom * pixel });
  };

  /**
   * The point of the surface under (px, py) in css pixels, or null.
   * @param {number} px @param {number} py @returns {Spot | null}
   */
  function pick(px, py) {
    if (!renderer.frame || !size.width) return null;
    const view = viewAt(size.width, size.height);
    return renderer.frame.pick(view.eye, view.ray(px, py));
  }

  const touch = createTouch(element, {
    orbit: camera.orbit, pan: camera.pan, zoom: camera.zoom,
    click(px, py) { const point = pick(px, py); if (point) on.click(point, px, py); },
    hover(px, py) { on.hover(pick(px, py)); },
    leave() { on.hover(null); },
  });

  const quieten = listen(canvas, {
    webglcontextlost(event) {
      event.preventDefault();
      // Only after this event may it be asked for again.
      setTimeout(() => {
        gone = true;
        if (!asleep) regain();
      });
    },
    webglcontextrestored() {
      if (asleep) { renderer.release(); return; }
      released = gone = false;
      renderer.restore();
      changed = true;
      on.restored();
    },
  });

  /** @param {View} view */
  function overlayScene(view) {
    return { ...scene, view, frame: renderer.frame, ticks: renderer.ticks, surface, narrow: view.width < NARROW };
  }

  /**
   * Sets the canvas's pixels and draws; `pixel` device pixels per css pixel.
   * @param {number} width @param {number} height @param {number} pixel @param {boolean} force
   */
  function paint(width, height, pixel, force) {
    const w = Math.max(1, Math.round(width * pixel)), hgt = Math.max(1, Math.round(height * pixel));
    if (canvas.width !== w || canvas.height !== hgt) { canvas.width = w; canvas.height = hgt; force = true; }
    if (force || !standing) standing = viewAt(w, hgt, pixel);
    renderer.draw(standing, { changed: force, pixel, radius: radiusFor(scene.count), now: scene.now,
      shadows: quality.shadows });
  }

  /** As it stands on the page. @param {View} view @returns {OverlayScene} */
  function standingScene(view) {
    const onScreen = overlayScene(view);
    return onScreen.narrow ? { ...onScreen, covered: boxesIn(element, covers) } : onScreen;
  }

  function writeStanding() {
    labelled = scene.basins;
    quiet = scene.quiet;
    writeLabels(prepare(labels, size.width, size.height), standingScene(viewAt(size.width, size.height)));
    marked = "";
  }

  /** A context that a browser has taken comes back by the browser's own will. */
  function regain() { if (released && gone) renderer.regain(); }

  /** Keeps the present picture where the context's own is about to go. */
  function keepPicture() {
    if (!scene || renderer.lost || !size.width || !size.height) return;
    paint(size.width, size.height, 1, true);
    prepare(still, size.width, size.height).drawImage(canvas, 0, 0, size.width, size.height);
    still.hidden = false;
  }

  const meansKey = () => `${scene.means.now} ${scene.means.equilibrium}`;

  /** The marks of the mean energies move a few times a second, so they have a small canvas of their own. */
  function writeNeedle() {
    marked = meansKey();
    const onScreen = overlayScene(viewAt(size.width, size.height));
    const { left, top, width, height } = meansPlace(onScreen);
    Object.assign(needle.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    const context = prepare(needle, width, height);
    context.translate(-left, -top);
    writeMeans(context, onScreen);
  }

  const view = {
    element, canvas, camera, renderer, quality, pick,
    get size() { return size; },
    get lost() { return renderer.lost; },
    /** Whether the next picture differs although no ball moves. */
    get busy() { return changed || camera.moving || pictures <= FIRST; },
    /** @param {sent.Look} look */
    setLook(look) { renderer.setLook(look); changed = true; },
    /**
     * A new surface: the camera stays where the viewer left it, unless this is the first one.
     * @param {Surface} next @param {Array<[number, number]>} minima
     */
    setSurface(next, minima) {
      surface = next;
      renderer.setSurface(surface, minima);
      home = firstView(surface, renderer.frame, minima);
      changed = true;
    },
    /** Whether the relief is drawn from above only. */
    get flat() { return renderer.flat; },
    /**
     * Where the first picture is seen from; `stand`: where the camera of a file was left.
     * @param {sent.Stand} [stand]
     */
    startCamera(stand) {
      camera.start(home);
      if (stand && !(renderer.flat && !stand.top)) camera.place(stand);
      if (renderer.flat && !camera.top) {
        camera.setTop(true);
        camera.ease(0, true);
      }
      changed = true;
    },
    goHome() { if (renderer.flat) view.startCamera(); else camera.home(home); },
    /** What lies on the picture, so that names where it is narrow keep clear of it. @param {Element[]} elements */
    setCovers(elements) { covers = elements; },
    /** @param {Scene} next */
    setScene(next) { scene = next; },
    /** Takes up a new size. Returns whether anybody can see the stage. */
    measure() {
      if (Math.abs(box.width - size.width) > 0.5 || Math.abs(box.height - size.height) > 0.5) {
        size = { width: box.width, height: box.height };
        changed = true;
      }
      return seen && !asleep && size.width > 0 && size.height > 0;
    },
    /**
     * What stands on the picture, in css pixels: {width, height, key, spot(x, y, E), relief, taken}. relief: its points
     * with their part of the ceiling; taken: rectangles of names and colour bar; key: changes with the view.
     */
    layout() {
      const now = viewAt(size.width, size.height), { frame } = renderer;
      /** @param {number} x @param {number} y @param {number} E */
      const spot = (x, y, E) => now.project(frame.wx(x), frame.wy(y), frame.wz(E));
      return {
        ...size, spot, key: `${size.width} ${size.height} ${now.matrix.join()}`,
        relief: () => frame.points.filter(([, , , part]) => part > 0).map(([x, y, z, part]) => ({ ...now.project(x,
          y, z), part })),
        taken: () => takenPlaces(drawing(labels), standingScene(now)),
      };
    },
    /** One picture. The labels are written anew when the camera moved or they differ. @param {number} seconds */
    draw(seconds) {
      if (renderer.lost || !scene) return;
      const moving = camera.moving;
      camera.ease(seconds, calm.matches);
      const force = changed || moving;
      changed = false;
      const coarse = moving || ++pictures <= FIRST;
      paint(size.width, size.height, coarse ? quality.movingRatio : quality.ratio, force);
      if (force || labelled !== scene.basins || quiet !== scene.quiet) writeStanding();
      if (marked !== meansKey()) writeNeedle();
      still.hidden = true;
    },
    /**
     * Draws the present moment into a 2D context scaled to css pixels: for pictures and films.
     * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height @param {number} times
     */
    shoot(context, width, height, times) {
      paint(width, height, times, true);
      context.drawImage(canvas, 0, 0, width, height);
      writeOverlay(context, overlayScene(viewAt(width, height)));
      changed = true;
    },
    /**
     * The film takes the picture that is on the screen: nothing is drawn twice.
     * @param {CanvasRenderingContext2D} context @param {number} width @param {number} height
     */
    film(context, width, height) {
      context.drawImage(canvas, 0, 0, width, height);
      writeOverlay(context, overlayScene(viewAt(width, height)));
    },
    redraw() { changed = true; },
    /** Whether it has given its context back. */
    get asleep() { return asleep; },
    /** Gives its context back; the last picture stays. */
    rest() {
      if (asleep) return;
      keepPicture();
      asleep = released = true;
      renderer.release();
    },
    /** Takes it again. */
    wake() {
      asleep = false;
      changed = true;
      regain();
    },
    destroy() {
      touch.destroy();
      asleep = true;
      quieten();
      watcher.disconnect();
      renderer.destroy();
    },
  };
  return view;
}
