// Draws the stage with WebGL2. The relief is drawn only when the camera, the size or the surface change, into a
// picture with its depth; each frame copies that picture and adds what moves. So even software GL keeps up.

import { ramp, rgb } from "./colours.js";
import { createFrame } from "./frame.js";
import { buildMesh, floorLines, orderFor, pushLine } from "./mesh.js";
import * as shaders from "./shaders.js";
import { niceStep, niceTicks } from "./words.js";

/** @import * as sent from "../message" */
/** @import { View } from "./camera.js" */
/** @import { Frame, Vector } from "./frame.js" */
/** @import { Ticks } from "./mesh.js" */
/** @import { Line, Mark } from "./paths.js" */
/** @import { Surface } from "./surface.js" */
/** @typedef {{array: WebGLVertexArrayObject, buffer: WebGLBuffer, count: number, stride: number}} Layout */
/** @typedef {{made: WebGLProgram, at: Record<string, WebGLUniformLocation | null>, view: View | null}} Program */
/**
 * What a picture is drawn with: pixel: device pixels per css pixel; radius of a ball; now: record of the replay.
 * @typedef {{changed: boolean, pixel: number, radius: number, now: number, shadows: boolean}} Picture
 */
/**
 * What draws the stage into its canvas, with WebGL2 (here) or without (flat.js). Look and surface are set before
 * anything is drawn.
 * @typedef {object} Renderer
 * @property {boolean} flat the relief is drawn from above only
 * @property {boolean} software it is slow: start modestly
 * @property {boolean} lost nothing can be drawn at present
 * @property {Frame} frame
 * @property {Ticks} ticks
 * @property {WebGL2RenderingContext} [gl]
 * @property {() => void} restore after a lost context has come back
 * @property {() => void} release gives the context back to the browser
 * @property {() => void} regain asks for it again
 * @property {(look: sent.Look) => void} setLook
 * @property {(surface: Surface, minima: Array<[number, number]>) => void} setSurface
 * @property {(paths: Line[]) => void} setPaths
 * @property {(positions: Float64Array, energies: Float64Array, n: number) => void} setBalls interleaved x, y of the
 *   slice; one energy per ball; n: how many are drawn
 * @property {(segments: Float32Array) => void} setTrails
 * @property {(marks: Mark[]) => void} setMarks the minima come along by themselves
 * @property {(view: View, picture: Picture) => void} draw
 * @property {() => void} destroy
 */

const SHADOWS_UP_TO = 10000; // balls; above, contact shadows only darken the picture

/** @param {HTMLCanvasElement} canvas @returns {Renderer | null} */
export function createRenderer(canvas) {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: true,
    powerPreference: "high-performance" });
  return gl && rendererOn(gl, canvas);
}

/** @param {WebGL2RenderingContext} gl @param {HTMLCanvasElement} canvas @returns {Renderer} */
function rendererOn(gl, canvas) {
  /** @type {ReturnType<typeof built>} */ let gpu; // everything that a lost context takes away
  /** @type {Surface} */ let surface;
  /** @type {Frame} */ let frame;
  /** @type {sent.Look} */ let look;
  /** @type {Line[]} */ let paths = [];
  /** @type {Array<[number, number]>} */ let minima = [];
  let spacing = 0.05, dirty = true;
  /** @type {Vector} */ let warm = [1, 1, 1];
  /** @type {Vector} */ let outline = [0, 0, 0];
  /** @type {{view: View | null, light: number[]}} */ const lit = { view: null, light: [] };
  /** @type {Ticks} */ let ticks = { x: [], y: [] };
  const moving = { balls: new Float32Array(0) };
  const keeper = gl.getExtension("WEBGL_lose_context"); // asked for now: a lost context has no extensions

  /** @param {{vertex: string, fragment: string}} sources */
  function program({ vertex, fragment }) {
    const made = gl.createProgram();
    for (const { type, source } of [{ type: gl.VERTEX_SHADER, source: vertex },
      { type: gl.FRAGMENT_SHADER, source: fragment }]) {
      const shader = /** @type {WebGLShader} */ (gl.createShader(type));
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) {
      const logs = (gl.getAttachedShaders(made) ?? []).map((shader) => gl.getShaderInfoLog(shader)).join(" ");
      throw new Error(`stage shader: ${gl.getProgramInfoLog(made)} ${logs}`);
    }
    /** @type {Record<string, WebGLUniformLocation | null>} */
    const at = {};
    const n = gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS) ?? 0;
    for (let k = 0; k < n; k++) {
      const name = (gl.getActiveUniform(made, k)?.name ?? "").replace("[0]", "");
      at[name] = gl.getUniformLocation(made, name);
    }
    return { made, at, view: /** @type {View | null} */ (null) };
  }

  /**
   * A vertex array over one interleaved float buffer; sizes are the floats of each attribute.
   * @param {number[]} sizes @param {boolean} [perInstance]
   */
  function layout(sizes, perInstance = false) {
    const array = gl.createVertexArray(), buffer = gl.createBuffer();
    const stride = 4 * sizes.reduce((a, b) => a + b, 0);
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    let offset = 0;
    sizes.forEach((size, k) => {
      gl.enableVertexAttribArray(k);
      gl.vertexAttribPointer(k, size, gl.FLOAT, false, stride, offset);
      if (perInstance) gl.vertexAttribDivisor(k, 1);
      offset += 4 * size;
    });
    gl.bindVertexArray(null);
    return { array, buffer, count: 0, stride };
  }

  /** @param {Layout} shape @param {Float32Array} data @param {number} [usage] */
  function fill(shape, data, usage = gl.STATIC_DRAW) {
    gl.bindBuffer(gl.ARRAY_BUFFER, shape.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, usage);
    shape.count = 4 * data.length / shape.stride;
  }

  function built() {
    return {
      programs: /** @type {Record<keyof typeof shaders, Program>} */ (Object.fromEntries(
        Object.entries(shaders).map(([name, source]) => [name, program(source)]))),
      relief: layout([3, 3]),
      floor: layout([3, 3, 4, 1], true),
      paths: layout([3, 3, 4, 1], true),
      trails: layout([3, 3, 4, 1], true),
      balls: layout([3]),
      marks: layout([3, 4, 2]),
      nothing: gl.createVertexArray(),
      orders: /** @type {WebGLBuffer[]} */ ([]),
      indices: 0,
      ramp: gl.createTexture(),
      picture: /** @type {ReturnType<typeof picture> | null} */ (null),
    };
  }

  function build() {
    gpu = built();
    if (look) uploadLook();
    if (surface) uploadSurface();
    uploadPaths();
  }

  /**
   * @param {number} internal @param {number} width @param {number} height @param {number} format @param {number} type
   * @param {Uint8Array | null} data @param {number} filter
   */
  function texture(internal, width, height, format, type, data, filter) {
    const made = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, type, data);
    for (const [key, value] of [[gl.TEXTURE_MIN_FILTER, filter], [gl.TEXTURE_MAG_FILTER, filter],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE]]) {
      gl.texParameteri(gl.TEXTURE_2D, key, value);
    }
    return made;
  }

  function uploadLook() {
    gl.deleteTexture(gpu.ramp);
    gpu.ramp = texture(gl.RGBA8, 256, 1, gl.RGBA, gl.UNSIGNED_BYTE, ramp(look.surface), gl.LINEAR);
    if (frame) fill(gpu.floor, floorLines(frame, ticks, rgb(look.line)));
    dirty = true;
  }

  function uploadSurface() {
    const mesh = buildMesh(surface, frame);
    fill(gpu.relief, mesh.vertices);
    for (const buffer of gpu.orders) gl.deleteBuffer(buffer);
    gpu.orders = mesh.orders.map((indices) => {
      const buffer = gl.createBuffer();
      gl.bindVertexArray(null);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
      return buffer;
    });
    gpu.indices = mesh.orders[0].length;
    fill(gpu.floor, floorLines(frame, ticks, rgb(look.line)));
    dirty = true;
  }

  function uploadPaths() {
    /** @type {number[]} */
    const list = [];
    for (const path of paths) pushLine(list, path.length, path.point, rgb(path.colour), path.opacity, (k) => k);
    fill(gpu.paths, new Float32Array(list));
  }

  /**
   * Targets of the still picture: multisampled colour, resolved colour, and depth as a texture.
   * @param {number} width @param {number} height
   */
  function targets(width, height) {
    if (gpu.picture?.width === width && gpu.picture.height === height) return gpu.picture;
    if (gpu.picture) {
      for (const t of [gpu.picture.colour, gpu.picture.depth]) gl.deleteTexture(t);
      for (const b of gpu.picture.buffers) gl.deleteRenderbuffer(b);
      for (const f of [gpu.picture.many, gpu.picture.one, gpu.picture.deep]) gl.deleteFramebuffer(f);
    }
    gpu.picture = picture(width, height);
    dirty = true;
    return gpu.picture;
  }

  /** @param {number} width @param {number} height */
  function picture(width, height) {
    const samples = Math.min(4, gl.getParameter(gl.MAX_SAMPLES));
    /** @param {number} format */
    const renderbuffer = (format) => {
      const made = gl.createRenderbuffer();
      gl.bindRenderbuffer(gl.RENDERBUFFER, made);
      gl.renderbufferStorageMultisample(gl.RENDERBUFFER, samples, format, width, height);
      return made;
    };
    const buffers = [renderbuffer(gl.RGBA8), renderbuffer(gl.DEPTH_COMPONENT24)];
    const many = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, many);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, buffers[0]);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.RENDERBUFFER, buffers[1]);
    const colour = texture(gl.RGBA8, width, height, gl.RGBA, gl.UNSIGNED_BYTE, null, gl.LINEAR);
    const one = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, one);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, colour, 0);
    const depth = texture(gl.DEPTH_COMPONENT24, width, height, gl.DEPTH_COMPONENT, gl.UNSIGNED_INT, null, gl.NEAREST);
    const deep = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, deep);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.DEPTH_ATTACHMENT, gl.TEXTURE_2D, depth, 0);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, depth);
    gl.activeTexture(gl.TEXTURE0);
    return { width, height, buffers, many, one, deep, colour, depth };
  }

  /**
   * Makes a program current; what follows from the view alone is handed over when that is a new one.
   * @param {keyof typeof shaders} name @param {View} view @param {number[]} light
   */
  function use(name, view, light) {
    const one = gpu.programs[name], { made, at } = one;
    gl.useProgram(made);
    if (one.view === view) return at;
    one.view = view;
    if (at.uMatrix) gl.uniformMatrix4fv(at.uMatrix, false, view.matrix);
    if (at.uLight) gl.uniform3fv(at.uLight, light);
    if (at.uHalf) gl.uniform2f(at.uHalf, frame.halfX, frame.halfY);
    if (at.uSize) gl.uniform2f(at.uSize, canvas.width, canvas.height);
    if (at.uClip) gl.uniform2f(at.uClip, view.near, view.far);
    if (at.uDepth) gl.uniform1i(at.uDepth, 1);
    if (at.uView) gl.uniform3fv(at.uView, [...view.right, ...view.up, ...view.back]);
    return at;
  }

  /** @param {View} view */
  const lightOf = (view) => {
    // From the viewer's upper left: mostly fixed in the world's height, turning with the camera.
    const v = [0, 1, 2].map((i) => -0.62 * view.right[i] + 0.28 * view.back[i] + (i === 2 ? 0.72 : 0));
    const size = Math.hypot(...v);
    return v.map((c) => c / size);
  };

  /** @param {View} view @param {number[]} light @param {boolean} depthOnly */
  function drawRelief(view, light, depthOnly) {
    const at = use("surface", view, light);
    const dark = look.scheme === "dark";
    gl.uniform1i(at.uDepthOnly, depthOnly ? 1 : 0);
    gl.uniform3fv(at.uEye, view.eye);
    gl.uniform3fv(at.uContour, rgb(look.contour));
    gl.uniform1f(at.uContourStrength, dark ? 0.36 : 0.34);
    gl.uniform1f(at.uSpacing, spacing);
    gl.uniform2f(at.uAmbient, dark ? 0.46 : 0.66, dark ? 0.68 : 0.46);
    gl.bindTexture(gl.TEXTURE_2D, gpu.ramp);
    gl.uniform1i(at.uRamp, 0);
    gl.bindVertexArray(gpu.relief.array);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gpu.orders[orderFor(view.back)]);
    gl.drawElements(gl.TRIANGLES, gpu.indices, gl.UNSIGNED_INT, 0);
  }

  /**
   * @param {Layout} shape @param {View} view @param {number[]} light @param {number} width @param {number} now
   * @param {number} later
   */
  function drawRibbons(shape, view, light, width, now, later) {
    if (!shape.count) return;
    const at = use("ribbon", view, light);
    gl.uniform1f(at.uWidth, width);
    gl.uniform1f(at.uNow, now);
    gl.uniform1f(at.uLater, later);
    gl.bindVertexArray(shape.array);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, shape.count);
  }

  /**
   * The relief's own picture: depth first, then floor, then the surface blended from back to front.
   * @param {View} view @param {number[]} light @param {number} pixel
   */
  function drawStill(view, light, pixel) {
    const { width, height, many, one, deep } = targets(canvas.width, canvas.height);
    gl.viewport(0, 0, width, height);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.disable(gl.BLEND);
    gl.bindFramebuffer(gl.FRAMEBUFFER, deep);
    gl.depthMask(true);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    drawRelief(view, light, true);
    gl.bindFramebuffer(gl.FRAMEBUFFER, many);
    gl.clear(gl.DEPTH_BUFFER_BIT);
    gl.depthMask(false);
    const at = use("background", view, light);
    gl.uniform3fv(at.uCentre, rgb(look.panel));
    gl.uniform3fv(at.uOuter, rgb(look.background));
    gl.uniform1f(at.uAspect, width / height);
    gl.bindVertexArray(gpu.nothing);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.enable(gl.BLEND);
    drawRibbons(gpu.floor, view, light, 0.5 * pixel, 0, 1);
    gl.colorMask(false, false, false, false);
    gl.depthMask(true);
    drawRelief(view, light, true);
    gl.colorMask(true, true, true, true);
    gl.depthMask(false);
    drawRelief(view, light, false);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, many);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, one);
    gl.blitFramebuffer(0, 0, width, height, 0, 0, width, height, gl.COLOR_BUFFER_BIT, gl.NEAREST);
    dirty = false;
  }

  /**
   * @param {View} view @param {number[]} light @param {number} radius @param {number[]} colour @param {boolean} shadows
   */
  function drawBalls(view, light, radius, colour, shadows) {
    if (!gpu.balls.count) return;
    const at = use("ball", view, light);
    gl.uniform1f(at.uRadius, radius);
    gl.uniform1f(at.uScale, view.scale);
    gl.uniform3fv(at.uColour, colour);
    gl.uniform1f(at.uSquash, Math.max(0.35, Math.sin(view.elevation)));
    gl.bindVertexArray(gpu.balls.array);
    for (const shadow of shadows ? [1, 0] : [0]) {
      gl.uniform1i(at.uShadow, shadow);
      gl.depthMask(!shadow);
      gl.drawArrays(gl.POINTS, 0, gpu.balls.count);
    }
    gl.depthMask(true);
  }

  /** @param {View} view @param {number[]} light @param {number} pixel */
  function drawMarks(view, light, pixel) {
    if (!gpu.marks.count) return;
    const at = use("mark", view, light);
    gl.uniform1f(at.uPixel, pixel);
    gl.uniform3fv(at.uOutline, outline);
    gl.bindVertexArray(gpu.marks.array);
    gl.disable(gl.DEPTH_TEST);
    gl.drawArrays(gl.POINTS, 0, gpu.marks.count);
    gl.enable(gl.DEPTH_TEST);
  }

  /** @type {Renderer} */
  const renderer = {
    gl,
    flat: false,
    get frame() { return frame; },
    get ticks() { return ticks; },
    get lost() { return gl.isContextLost(); },
    restore() { build(); dirty = true; },
    release() { if (!gl.isContextLost()) keeper?.loseContext(); },
    regain() { if (gl.isContextLost()) keeper?.restoreContext(); },
    setLook(next) {
      look = next;
      warm = rgb(look.heat);
      outline = rgb(look.halo);
      uploadLook();
    },
    setSurface(next, points) {
      surface = next;
      frame = createFrame(surface);
      minima = points;
      spacing = niceStep(frame.span, 22) / frame.span;
      const { x0, x1, y0, y1 } = frame.floor;
      ticks = { x: niceTicks(frame.x(x0), frame.x(x1), 5), y: niceTicks(frame.y(y0), frame.y(y1), 5) };
      uploadSurface();
    },
    setPaths(next) { paths = next; uploadPaths(); },
    setBalls(positions, energies, n) {
      if (moving.balls.length < 3 * n) moving.balls = new Float32Array(3 * n);
      const { cx, cy, unit, min, span } = frame, out = moving.balls;
      for (let k = 0; k < n; k++) {
        out[3 * k] = (positions[2 * k] - cx) / unit;
        out[3 * k + 1] = (positions[2 * k + 1] - cy) / unit;
        out[3 * k + 2] = Math.max(0, (energies[k] - min) / span);
      }
      fill(gpu.balls, moving.balls.subarray(0, 3 * n), gl.DYNAMIC_DRAW);
    },
    setTrails(segments) { fill(gpu.trails, segments, gl.DYNAMIC_DRAW); },
    setMarks(marks) {
      /** @type {Mark[]} */
      const bottoms = minima.map(([x, y]) => ({
        x: frame.wx(x), y: frame.wy(y), z: frame.wz(surface.energy(x, y)) + 0.004,
        colour: look.text, alpha: 0.8, kind: 1, size: 11,
      }));
      const list = bottoms.concat(marks);
      const data = new Float32Array(9 * list.length);
      list.forEach((m, k) => data.set([m.x, m.y, m.z, ...rgb(m.colour), m.alpha, m.kind, m.size], 9 * k));
      fill(gpu.marks, data, gl.DYNAMIC_DRAW);
    },
    draw(view, { changed, pixel, radius, now, shadows }) {
      if (gl.isContextLost() || !frame) return;
      const { width, height } = canvas;
      const { colour } = targets(width, height);
      if (lit.view !== view) Object.assign(lit, { view, light: lightOf(view) });
      const { light } = lit;
      gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      if (changed || dirty) drawStill(view, light, pixel);
      gl.bindFramebuffer(gl.FRAMEBUFFER, null);
      gl.viewport(0, 0, width, height);
      gl.disable(gl.BLEND);
      gl.disable(gl.DEPTH_TEST);
      gl.depthMask(true);
      gl.clear(gl.DEPTH_BUFFER_BIT);
      const at = use("copy", view, light);
      gl.bindTexture(gl.TEXTURE_2D, colour);
      gl.uniform1i(at.uPicture, 0);
      gl.bindVertexArray(gpu.nothing);
      gl.drawArrays(gl.TRIANGLES, 0, 3);
      gl.enable(gl.BLEND);
      drawRibbons(gpu.paths, view, light, 1.35 * pixel, now, 0.25);
      drawRibbons(gpu.trails, view, light, 0.9 * pixel, 0, 1);
      gl.enable(gl.DEPTH_TEST);
      gl.depthFunc(gl.LESS);
      drawBalls(view, light, radius, warm, shadows && gpu.balls.count <= SHADOWS_UP_TO);
      drawMarks(view, light, pixel);
      gl.bindVertexArray(null);
    },
    /** Whether the driver draws in software (it says so itself): then start modestly. */
    get software() {
      const info = gl.getExtension("WEBGL_debug_renderer_info");
      return /swiftshader|llvmpipe|software|basic render/i.test(
        gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER) ?? "");
    },
    destroy() { renderer.release(); },
  };
  build();
  return renderer;
}
