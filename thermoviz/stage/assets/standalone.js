// Entry for the file that runs by itself, from disk and with no requests. It may hold several stages, side by side.

import { createStage } from "./stage.js";
import { createWords } from "./words.js";

/** @import * as sent from "../message" */

/** @param {sent.Message} payload */
const style = ({ look }) => `margin: 12px 2px 0; font: ${look.font}px/1.5 ${look.font_family}; color: ${look.dim}`;

/**
 * Where the file comes from: what it shows, and the way back to the page that made it.
 * @param {sent.Message} payload
 */
function origin(payload) {
  const _ = createWords(payload.words), parts = [];
  if (payload.sentence) {
    const sentence = document.createElement("p");
    sentence.textContent = payload.sentence;
    sentence.style.cssText = style(payload);
    parts.push(sentence);
  }
  const from = document.createElement("p");
  from.style.cssText = style(payload);
  from.append(_("Made with thermoviz."));
  if (/^https?:/.test(payload.link)) {
    const link = document.createElement("a");
    link.href = payload.link;
    link.textContent = _("Open this experiment where it was made");
    link.style.cssText = "color: inherit;";
    from.append(" ", link);
  }
  return [...parts, from];
}

/** One stage below its title. @param {HTMLElement} around @param {sent.Message} payload @param {string} program */
function mount(around, payload, program) {
  const place = document.createElement("section");
  place.style.cssText = "min-width: 0;";
  if (payload.title) {
    const title = document.createElement("h1");
    title.textContent = payload.title;
    title.style.cssText = `margin: 0 0 14px; font: 650 ${payload.look.font_title}px/1.25 ${payload.look.font_family}; color: ${payload.look.text}`;
    place.append(title);
  }
  const room = document.createElement("div");
  place.append(room, ...origin(payload));
  around.append(place);
  return createStage(room.attachShadow({ mode: "open" }), payload, { program: async () => program });
}

/** Mounts the stages of the payloads that stand in this page. Returns the first. */
export function open(body = document.body) {
  const text = (/** @type {string} */ id) => document.getElementById(id)?.textContent ?? "";
  /** @type {sent.Message[]} */
  const payloads = [JSON.parse(text("thermoviz-payload"))].flat();
  const program = text("thermoviz-program");
  const place = document.createElement("main");
  place.style.cssText = `max-width: ${1760 * Math.min(payloads.length, 2)}px; margin: 0 auto; padding: clamp(8px, 1.6vw, 24px);
    box-sizing: border-box; display: grid; gap: 18px; grid-template-columns: ${payloads.length > 1
    ? "repeat(auto-fit, minmax(min(100%, 560px), 1fr))" : "minmax(0, 1fr)"};`;
  body.append(place);
  return payloads.map((payload) => mount(place, payload, program))[0];
}
