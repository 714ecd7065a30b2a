// Mouse, pen and fingers on the stage: one pointer turns, two pinch, a click without movement drops balls.

const CLICK_DISTANCE = 6; // css pixels

/** on: {orbit(dx, dy), pan(dx, dy), zoom(factor), click(x, y), hover(x, y), leave()}; distances are fractions of the height. */
export function createTouch(view, on) {
  const pointers = new Map();
  let moved = 0, pinch = 0;
  const place = (event) => {
    const box = view.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  const inside = (event) => event.target === view || event.target.tagName === "CANVAS";
  const listeners = {
    pointerdown(event) {
      if (!inside(event) || event.button > 0) return;
      pointers.set(event.pointerId, place(event));
      if (pointers.size === 1) moved = 0;
      if (pointers.size === 2) { pinch = spread(); moved = CLICK_DISTANCE + 1; }
      // A finger may be the start of a page scroll: the browser then takes it away with pointercancel.
      if (event.pointerType !== "touch") view.setPointerCapture(event.pointerId);
      view.classList.add("dragging");
    },
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
    pointerup(event) {
      const at = pointers.get(event.pointerId);
      pointers.delete(event.pointerId);
      view.classList.toggle("dragging", pointers.size > 0);
      if (at && moved <= CLICK_DISTANCE && pointers.size === 0) on.click(at.x, at.y);
    },
    pointercancel(event) { pointers.delete(event.pointerId); view.classList.remove("dragging"); },
    pointerleave(event) { if (event.pointerType === "mouse") on.leave(); },
    wheel(event) {
      if (!inside(event)) return;
      event.preventDefault();
      on.zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY * (event.deltaMode ? 20 : 1))) / 400));
    },
    // Two fingers on the stage pinch the stage, not the page.
    touchmove(event) { if (event.touches.length > 1 && event.cancelable) event.preventDefault(); },
  };
  for (const [name, listener] of Object.entries(listeners)) view.addEventListener(name, listener, { passive: false });
  return { destroy() { for (const [name, listener] of Object.entries(listeners)) view.removeEventListener(name, listener); } };
}
