// GLSL of the stage. The world's height is HEIGHT * level(e), e the energy in units of the ceiling above the minimum.

import { HEIGHT } from "./frame.js";

const HEAD = `#version 300 es
precision highp float;
const float HEIGHT = ${HEIGHT.toFixed(4)};
// The light stands to the left, behind the viewer's shoulder, and turns with the camera only a little.
uniform vec3 uLight;
`;

// How much of the surface is there: 1 in valleys and passes, 0 at the ceiling, at holes and at the rim of the box.
const PRESENCE = `
float presence(float e, float hole, vec2 place, vec2 halfBox) {
  vec2 rim = (halfBox - abs(place)) / 0.035;
  float edge = smoothstep(0., 1., clamp(min(rim.x, rim.y), 0., 1.));
  float ceiling = 1. - smoothstep(.70, 1., e);
  return ceiling * edge * (1. - smoothstep(.02, .5, hole));
}`;

const LEVEL = `
float level(float e) { return e <= 1. ? e : 1. + log(e); }`;

// Manual depth test against the surface's depth picture, soft over a small distance: no jagged waterlines.
const HIDDEN = `
uniform highp sampler2D uDepth;
uniform vec2 uSize;
uniform vec2 uClip;
float distanceOf(float z) { return 2. * uClip.x * uClip.y / (uClip.y + uClip.x - (2. * z - 1.) * (uClip.y - uClip.x)); }
float visible(float bias) {
  float wall = distanceOf(texture(uDepth, gl_FragCoord.xy / uSize).r);
  return smoothstep(-.012, .012, wall - distanceOf(gl_FragCoord.z) + bias);
}`;

export const background = {
  vertex: `${HEAD}
out vec2 at;
void main() {
  at = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(at * 2. - 1., .99999, 1.);
}`,
  fragment: `${HEAD}
in vec2 at;
uniform vec3 uCentre;
uniform vec3 uOuter;
uniform float uAspect;
out vec4 colour;
void main() {
  vec2 d = (at - vec2(.5, .52)) * vec2(uAspect, 1.);
  float noise = fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - .5;
  colour = vec4(mix(uCentre, uOuter, smoothstep(.0, .85, length(d))) + noise / 255., 1.);
}`,
};

export const surface = {
  vertex: `${HEAD}
layout(location = 0) in vec3 aPlace;
layout(location = 1) in vec3 aSlope;
uniform mat4 uMatrix;
out vec3 world;
out float e;
out float hole;
out vec3 normal;
${LEVEL}
void main() {
  e = aPlace.z;
  hole = aSlope.z;
  world = vec3(aPlace.xy, HEIGHT * level(e));
  normal = vec3(-HEIGHT * aSlope.xy, 1.);
  gl_Position = uMatrix * vec4(world, 1.);
}`,
  fragment: `${HEAD}
in vec3 world;
in float e;
in float hole;
in vec3 normal;
uniform bool uDepthOnly;
uniform vec2 uHalf;
uniform vec3 uEye;
uniform sampler2D uRamp;
uniform vec3 uContour;
uniform float uContourStrength;
uniform float uSpacing;
uniform vec2 uAmbient;
out vec4 colour;
${PRESENCE}
float lines(float value, float width) {
  float slope = fwidth(value);
  float off = abs(fract(value - .5) - .5) / max(slope, 1e-6);
  // Neither where lines would merge on a steep wall nor where there is no slope at all.
  return (1. - smoothstep(width - .6, width + .6, off)) * clamp(.55 / max(slope, 1e-6) - .9, 0., 1.) * smoothstep(1e-5, 1e-4, slope);
}
void main() {
  float there = presence(e, hole, world.xy, uHalf);
  if (uDepthOnly) {
    if (there < .55) discard;
    colour = vec4(1.);
    return;
  }
  float line = max(lines(e / uSpacing, .45) * .62, lines(e / (5. * uSpacing), .75));
  if (there < .004) discard;
  vec3 n = normalize(normal);
  vec3 view = normalize(uEye - world);
  float facing = dot(n, uLight);
  float shade = uAmbient.x + uAmbient.y * pow(clamp(.5 + .5 * facing, 0., 1.), 1.6);
  vec3 base = texture(uRamp, vec2(clamp(e, 0., 1.), .5)).rgb;
  float gloss = pow(max(dot(normalize(uLight + view), n), 0.), 48.);
  float grazing = pow(1. - max(dot(n, view), 0.), 3.);
  vec3 lit = base * shade + vec3(.9, .95, 1.) * (.10 * gloss + .05 * grazing);
  lit = mix(lit, uContour, line * uContourStrength);
  colour = vec4(lit, there);
}`,
};

export const copy = {
  vertex: background.vertex,
  fragment: `${HEAD}
in vec2 at;
uniform sampler2D uPicture;
out vec4 colour;
void main() { colour = vec4(texture(uPicture, at).rgb, 1.); }`,
};

export const ball = {
  vertex: `${HEAD}
layout(location = 0) in vec3 aPlace;
uniform mat4 uMatrix;
uniform float uRadius;
uniform float uScale;
uniform vec2 uHalf;
uniform bool uShadow;
out float there;
${LEVEL}${PRESENCE}
void main() {
  float e = aPlace.z;
  // Balls do not vanish at the rim or above the ceiling, where the surface does: they only dim.
  there = mix(.3, 1., 1. - smoothstep(.70, 1., e));
  vec3 world = vec3(aPlace.xy, HEIGHT * level(e) + (uShadow ? 0. : .8 * uRadius));
  if (uShadow) world.xy -= uLight.xy * .5 * uRadius;
  gl_Position = uMatrix * vec4(world, 1.);
  gl_PointSize = max(2.5, 2. * uRadius * uScale / gl_Position.w) * (uShadow ? 1.9 : 1.) + 1.;
}`,
  fragment: `${HEAD}
in float there;
uniform bool uShadow;
uniform vec3 uColour;
uniform vec3 uView[3];
uniform float uRadius;
uniform float uSquash;
out vec4 colour;
${HIDDEN}
void main() {
  vec2 d = vec2(2., -2.) * gl_PointCoord + vec2(-1., 1.);
  if (uShadow) {
    d.y /= uSquash;
    float dark = exp(-3.2 * dot(d, d)) - .04;
    if (dark <= 0.) discard;
    colour = vec4(0., 0., 0., .62 * dark * there * visible(.03));
    return;
  }
  float r2 = dot(d, d);
  float width = fwidth(r2);
  float cover = 1. - smoothstep(1. - width, 1., r2);
  if (cover < .15) discard;
  float z = sqrt(max(0., 1. - r2));
  vec3 n = d.x * uView[0] + d.y * uView[1] + z * uView[2];
  float diffuse = clamp(.5 + .5 * dot(n, uLight), 0., 1.);
  float gloss = pow(max(dot(n, normalize(uLight + uView[2])), 0.), 28.);
  // Balls behind a wall shine through a little, so that no valley hides its own.
  float seen = mix(.16, 1., visible(uRadius * (.7 + .6 * z)));
  vec3 lit = uColour * mix(.34, 1.12, pow(diffuse, 1.3)) + vec3(1., .93, .8) * .55 * gloss;
  colour = vec4(lit, cover * there * seen);
}`,
};

export const ribbon = {
  vertex: `${HEAD}
layout(location = 0) in vec3 aFrom;
layout(location = 1) in vec3 aTo;
layout(location = 2) in vec4 aColour;
layout(location = 3) in float aTime;
uniform mat4 uMatrix;
uniform vec2 uSize;
uniform float uWidth;
uniform float uNow;
uniform float uLater;
out vec4 tint;
out float across;
void main() {
  vec4 a = uMatrix * vec4(aFrom, 1.), b = uMatrix * vec4(aTo, 1.);
  vec2 pa = a.xy / a.w * uSize, pb = b.xy / b.w * uSize;
  vec2 along = pb - pa;
  float length2 = dot(along, along);
  along = length2 > 1e-8 ? along * inversesqrt(length2) : vec2(1., 0.);
  bool end = (gl_VertexID & 1) == 1;
  float side = (gl_VertexID & 2) == 2 ? 1. : -1.;
  float reach = uWidth + 2.;
  vec4 p = end ? b : a;
  vec2 offset = side * vec2(-along.y, along.x) * reach + (end ? along : -along) * .6;
  p.xy += offset / uSize * p.w;
  gl_Position = p;
  across = side * reach;
  tint = aColour;
  if (aTime > uNow) tint.a *= uLater;
}`,
  fragment: `${HEAD}
in vec4 tint;
in float across;
uniform float uWidth;
out vec4 colour;
${HIDDEN}
void main() {
  float cover = 1. - smoothstep(uWidth - 1., uWidth + 1., abs(across));
  float a = tint.a * cover * mix(.12, 1., visible(.03));
  if (a < .004) discard;
  colour = vec4(tint.rgb, a);
}`,
};

// Marks are not balls: 0 a bevelled diamond (a network), 1 a thin ring (a minimum), 2 a wide ring (the ball followed).
export const mark = {
  vertex: `${HEAD}
layout(location = 0) in vec3 aPlace;
layout(location = 1) in vec4 aColour;
layout(location = 2) in vec2 aKind;
uniform mat4 uMatrix;
uniform float uPixel;
out vec4 tint;
out float kind;
out float size;
void main() {
  gl_Position = uMatrix * vec4(aPlace, 1.);
  tint = aColour;
  kind = aKind.x;
  size = aKind.y * uPixel;
  gl_PointSize = size + 4.;
}`,
  fragment: `${HEAD}
in vec4 tint;
in float kind;
in float size;
uniform vec3 uOutline;
out vec4 colour;
${HIDDEN}
void main() {
  vec2 d = (gl_PointCoord - .5) * (size + 4.);
  float reach = .5 * size, thin = max(1.1, .1 * size);
  float a;
  vec3 c = tint.rgb;
  if (kind < .5) {
    float off = (abs(d.x) + abs(d.y)) * .7071 - reach * .74;
    a = 1. - smoothstep(-.7, .7, off);
    float facet = d.x < 0. ? (d.y < 0. ? 1.18 : .95) : (d.y < 0. ? .98 : .72);
    c = mix(c * facet, uOutline, smoothstep(-thin - .7, -thin + .5, off));
  } else {
    float off = abs(length(d) - (reach - thin)) - .62 * thin;
    a = 1. - smoothstep(-.7, .7, off);
  }
  a *= tint.a * mix(.2, 1., visible(.06));
  if (a < .01) discard;
  colour = vec4(c, a);
}`,
};
