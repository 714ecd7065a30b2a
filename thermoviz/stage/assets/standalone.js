// Entry for the file that runs by itself, from disk and with no requests.

import { createStage } from "./stage.js";

/** Mounts the stage of the payload that stands in this page. Returns the stage. */
export function open(body = document.body) {
  const payload = JSON.parse(document.getElementById("thermoviz-payload").textContent);
  const program = document.getElementById("thermoviz-program").textContent;
  const place = document.createElement("main");
  place.style.cssText = "max-width: 1760px; margin: 0 auto; padding: clamp(8px, 1.6vw, 24px); box-sizing: border-box;";
  if (payload.title) {
    const title = document.createElement("h1");
    title.textContent = payload.title;
    title.style.cssText = `margin: 0 0 14px; font: 650 ${payload.look.font_title}px/1.25 ${payload.look.font_family}; color: ${payload.look.text}`;
    place.append(title);
  }
  const room = document.createElement("div");
  place.append(room);
  body.append(place);
  return createStage(room.attachShadow({ mode: "open" }), payload, { program: async () => program });
}
