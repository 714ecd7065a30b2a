// What each widget brings to a notebook. The stage's program is large: it comes packed, and the first widget of a page
// unpacks it for all of them.

/** @import { render } from "../assets/widget.js" */
/** @typedef {Parameters<typeof render>[0]} Place */
/** @typedef {(place: Place) => ReturnType<typeof render>} Render */
/** @typedef {{get(name: "_program"): DataView<ArrayBuffer>, get(name: "_program_name"): string}} Brought */

const SHELF = Symbol.for("thermoviz.programs");
const page = /** @type {Record<symbol, Map<string, Promise<Render>>>} */ (/** @type {unknown} */ (globalThis));
const programs = (page[SHELF] ??= new Map());

/** @param {DataView<ArrayBuffer>} packed @returns {Promise<Render>} */
async function unpacked(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).text();
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    const program = await import(address);
    return (place) => program.render(place, text);
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** @param {Place & {model: Brought}} place */
async function start({ model, el }) {
  const name = model.get("_program_name");
  if (!programs.has(name)) programs.set(name, unpacked(model.get("_program")));
  const render = await /** @type {Promise<Render>} */ (programs.get(name));
  return render({ model, el });
}

export default { render: start };
