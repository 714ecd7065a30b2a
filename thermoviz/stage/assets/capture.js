// What leaves the stage: a picture with its caption, a film, a file that runs by itself.

import { drawing, h } from "./dom.js";
import { layCaption } from "./overlay.js";
import { ENTRY, PAGE } from "./page.js";

/** @import * as sent from "../message" */
/** @import { Caption } from "./overlay.js" */
/** @typedef {NonNullable<ReturnType<typeof createFilm>>} Film */
/**
 * Draws a picture of that size in css pixels into a context that is scaled to them.
 * @typedef {(context: CanvasRenderingContext2D, width: number, height: number, times: number) => void} Shoot
 */

/** Hands a blob to the browser as a download called `name`. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 20000);
}

/** A file name from a title: letters, digits and hyphens. @param {string} title @param {string} ending */
export function fileName(title, ending) {
  const name = (title || "").normalize("NFKD").replace(/[^\w]+/g, "-").slice(0, 60).replace(/^-+|-+$/g, "");
  return `${name.toLowerCase() || "thermoviz"}.${ending}`;
}

/**
 * A PNG of the stage, `times` as large as on the screen, caption below. shoot(context, width, height, times) draws the
 * stage into a canvas already scaled to css pixels. Resolves to a Blob.
 * @param {{width: number, height: number, times: number, look: sent.Look, caption: Caption, shoot: Shoot}} order
 * @returns {Promise<Blob>}
 */
export function picture({ width, height, times, look, caption, shoot }) {
  const canvas = h("canvas"), context = drawing(canvas);
  const below = layCaption(context, { look, ...caption }, width);
  canvas.width = Math.round(width * times);
  canvas.height = Math.round((height + below.height) * times);
  context.scale(times, times);
  shoot(context, width, height, times);
  below.draw(height);
  return new Promise((resolve, reject) => canvas.toBlob(
    (blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for this browser"))), "image/png"));
}

const FILM_TYPES = ["video/mp4;codecs=avc1.640028", "video/mp4;codecs=avc1.4d0028", "video/mp4",
  "video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/** The first kind of film that this browser can record: MP4 before WebM; null if it can record none. */
export const filmType = () => (typeof MediaRecorder === "undefined" ? null
  : FILM_TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null);

/**
 * Records a canvas of its own: frame(shoot) paints the next picture, stop() resolves to {blob, ending}.
 * @param {{width: number, height: number, look: sent.Look, caption: () => Caption}} order
 */
export function createFilm({ width, height, look, caption }) {
  const type = filmType();
  if (!type) return null;
  const canvas = h("canvas");
  const scale = Math.min(2, Math.max(1, 1280 / width));
  /** @param {number} value */
  const even = (value) => 2 * Math.round(value / 2); // encoders want even sizes
  const context = drawing(canvas);
  const room = layCaption(context, { look, ...caption() }, width).height;
  canvas.width = even(width * scale);
  canvas.height = even((height + room) * scale);
  const stream = canvas.captureStream(30);
  const recorder = new MediaRecorder(stream, { mimeType: type, videoBitsPerSecond: 12e6 });
  /** @type {Blob[]} */
  const chunks = [];
  recorder.ondataavailable = (event) => { if (event.data.size) chunks.push(event.data); };
  recorder.start(500);
  return {
    scale,
    /** @param {Shoot} shoot */
    frame(shoot) {
      context.setTransform(scale, 0, 0, scale, 0, 0);
      shoot(context, width, height, scale);
      layCaption(context, { look, ...caption() }, width).draw(height);
    },
    /** @returns {Promise<{blob: Blob, ending: string}>} */
    stop() {
      return new Promise((resolve) => {
        recorder.onstop = () => {
          for (const track of stream.getTracks()) track.stop();
          resolve({ blob: new Blob(chunks, { type }), ending: type.startsWith("video/mp4") ? "mp4" : "webm" });
        };
        recorder.stop();
      });
    },
  };
}

/** Text that may stand between <script> and </script>. @param {string} text */
const inScript = (text) => text.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");

/** @param {string} text */
const asText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");

/**
 * The page that runs by itself: the stage's own program and this run's data in one file, no requests.
 * @param {string} program @param {sent.Message} payload
 */
export function standalonePage(program, payload) {
  /** @type {Record<string, string>} */
  const parts = {
    TITLE: asText(payload.title || "thermoviz"),
    BACKGROUND: asText(payload.look.background),
    PAYLOAD: JSON.stringify(payload).replace(/</g, "\\u003c"),
    PROGRAM: inScript(`${program.split(ENTRY)[0]}${ENTRY}thermoviz.open();\n`),
  };
  return PAGE.replace(/@(TITLE|BACKGROUND|PAYLOAD|PROGRAM)@/g, (_all, name) => parts[name]);
}
