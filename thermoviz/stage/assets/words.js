// Words and numbers that a visitor reads. English is the source; Python may hand over another language as a dictionary.

/** @typedef {(text: string, values?: Record<string, string | number>) => string} Words */

/**
 * createWords(dictionary) -> _(text, values): the translation of `text`, with {name} replaced by values.name.
 * @param {Record<string, string>} [dictionary] @returns {Words}
 */
export function createWords(dictionary = {}) {
  return (text, values = {}) => (dictionary[text] ?? text).replace(
    /\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

const MINUS = "\u2212";

/**
 * A number with `digits` significant digits, a true minus, and no exponent where people would not expect one.
 * @param {number | null | undefined} value @param {number} [digits]
 */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "\u2013";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4
    ? value.toExponential(Math.max(0, digits - 2)).replace("e+", "e")
    : value.toFixed(Math.max(0, Math.min(6, digits - 1 - Math.floor(Math.log10(size)))));
  return text.replace("-", MINUS);
}

/**
 * A number with a fixed count of decimals and a true minus: columns of such numbers stand still.
 * @param {number | null | undefined} value @param {number} decimals
 */
export function fixed(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "\u2013";
  return value.toFixed(decimals).replace(/^-(?=.*[1-9])/, MINUS).replace(/^-/, "");
}

/** Decimals that show about three digits of a quantity whose natural size is `scale`. @param {number} scale */
export const decimalsFor = (scale) => Math.max(0, Math.min(6, 2 - Math.floor(Math.log10(scale > 0 ? scale : 1))));

/** @param {number} n */
export const count = (n) => n.toLocaleString("en-US");

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)} %`;

/**
 * A round step (1, 2 or 5 times a power of ten) that divides `span` into about `parts` parts.
 * @param {number} span @param {number} parts
 */
export function niceStep(span, parts) {
  if (!(span > 0)) return 1;
  const raw = span / parts;
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

/**
 * The round numbers inside [low, high], about `parts` of them.
 * @param {number} low @param {number} high @param {number} parts
 */
export function niceTicks(low, high, parts) {
  const step = niceStep(high - low, parts);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(k * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return ticks.map((value) => ({ value, text: fixed(value, decimals) }));
}
