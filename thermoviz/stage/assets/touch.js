// Mouse, pen and fingers on the stage: one pointer turns, two pinch, a click without movement drops balls.

import { listen } from "./dom.js";

/**
 * Distances are fractions of the height, places css pixels.
 * @typedef {object} Gestures
 * @property {(dx: number, dy: number) => void} orbit
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number) => void} zoom
 * @property {(x: number, y: number) => void} click
 * @property {(x: number, y: number) => void} hover
 * @property {() => void} leave
 */

const CLICK_DISTANCE = 6; // css pixels

/** @param {HTMLElement} view @param {Gestures} on */
export function createTouch(view, on) {
  /** @type {Map<number, {x: number, y: number}>} */
  const pointers = new Map();
  let moved = 0, pinch = 0;
  /** @param {PointerEvent} event */
  const place = (event) => {
    const box = view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  /** @param {Event} event */
  const inside = (event) => event.target === view || event.target instanceof HTMLCanvasElement;
  const listeners = {
    /** @param {PointerEvent} event */
    pointerdown(event) {
      if (!inside(event) || event.button > 0) return;
      pointers.set(event.pointerId, place(event));
      if (pointers.size === 1) moved = 0;
      if (pointers.size === 2) { pinch = spread(); moved = CLICK_DISTANCE + 1; }
      // A finger may be the start of a page scroll: the browser then takes it away with pointercancel.
      if (event.pointerType !== "touch") view.setPointerCapture(event.pointerId);
      view.classList.add("dragging");
    },
    /** @param {PointerEvent} event */
    pointermove(event) {
      const at = place(event);
      const before = pointers.get(event.pointerId);
      if (!before) { if (inside(event)) on.hover(at.x, at.y); return; }
      const size = view.clientHeight || 1;
      const dx = (at.x - before.x) / size, dy = (at.y - before.y) / size;
      pointers.set(event.pointerId, at);
      moved += Math.hypot(at.x - before.x, at.y - before.y);
      if (pointers.size === 2) {
        const now = spread();
        if (pinch > 0) on.zoom(now / pinch);
        pinch = now;
        on.pan(dx / 2, dy / 2);
      } else if (moved > CLICK_DISTANCE) {
        if (event.shiftKey) on.pan(dx, dy); else on.orbit(dx, dy);
      }
    },
    /** @param {PointerEvent} event */
    pointerup(event) {
      const at = pointers.get(event.pointerId);
      pointers.delete(event.pointerId);
      view.classList.toggle("dragging", pointers.size > 0);
      if (at && moved <= CLICK_DISTANCE && pointers.size === 0) on.click(at.x, at.y);
    },
    /** @param {PointerEvent} event */
    pointercancel(event) { pointers.delete(event.pointerId); view.classList.remove("dragging"); },
    /** @param {PointerEvent} event */
    pointerleave(event) { if (event.pointerType === "mouse") on.leave(); },
    /** @param {WheelEvent} event */
    wheel(event) {
      if (!inside(event)) return;
      event.preventDefault();
      on.zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY * (event.deltaMode ? 20 : 1))) / 400));
    },
    // Two fingers on the stage pinch the stage, not the page.
    /** @param {TouchEvent} event */
    touchmove(event) { if (event.touches.length > 1 && event.cancelable) event.preventDefault(); },
  };
  return { destroy: listen(view, listeners, { passive: false }) };
}
