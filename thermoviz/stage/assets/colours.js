// Colours from the look that Python hands over. Nothing here chooses a colour.

/** "#rrggbb" -> [r, g, b] in 0..1. @param {string} hex @returns {[number, number, number]} */
export function rgb(hex) {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

/** CSS colour of `hex` with opacity `alpha`. @param {string} hex @param {number} alpha */
export function fade(hex, alpha) {
  const [r, g, b] = rgb(hex).map((c) => Math.round(255 * c));
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

/**
 * 256 RGBA bytes per step of the surface's colours, given at equal steps from the minimum to the ceiling.
 * @param {string[]} stops
 */
export function ramp(stops) {
  const bytes = new Uint8Array(256 * 4);
  const last = stops.length - 1;
  for (let i = 0; i < 256; i++) {
    const k = Math.min(last - 1, Math.floor(i / 255 * last));
    const w = i / 255 * last - k;
    const a = rgb(stops[k]), b = rgb(stops[k + 1]);
    for (let c = 0; c < 3; c++) bytes[4 * i + c] = Math.round(255 * (a[c] + w * (b[c] - a[c])));
    bytes[4 * i + 3] = 255;
  }
  return bytes;
}
