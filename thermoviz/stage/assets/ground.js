// On what ground a stage stands on somebody else's page: dark or light, and when that changes.

/** Red, green, blue and opacity in 0..1 of a colour as a browser computes it. @param {string} colour */
function parts(colour) {
  const numbers = (colour.match(/-?[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
  const [red, green, blue, opacity = 1] = numbers;
  const whole = colour.startsWith("rgb") ? 255 : 1;
  return { light: (0.2126 * red + 0.7152 * green + 0.0722 * blue) / whole, opacity };
}

/** The element above, also out of a shadow root. @param {Element} element */
function above(element) {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/**
 * By the nearest ground that is not transparent; where there is none, by the colour of the text.
 * @param {Element} element @returns {"dark" | "light"}
 */
export function schemeAt(element) {
  for (let one = /** @type {Element | null} */ (element); one; one = above(one)) {
    const { light, opacity } = parts(getComputedStyle(one).backgroundColor);
    if (opacity > 0.5) return light < 0.5 ? "dark" : "light";
  }
  return parts(getComputedStyle(element).color).light > 0.5 ? "dark" : "light";
}

/** Calls back where the page may have changed its ground. Returns what stops it. @param {() => void} changed */
export function watchGround(changed) {
  const watch = new MutationObserver(changed);
  for (const one of [document.documentElement, document.body]) watch.observe(one, { attributes: true });
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    watch.disconnect();
    system.removeEventListener("change", changed);
  };
}
