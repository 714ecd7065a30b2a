// The network that a point of the slice *is*: theta(u, v) = origin + u U + v V, its loss, accuracy and answers on a
// sample of the training data. Parameters layer by layer: weights [fan_in, fan_out] in C order, then biases [fan_out].

import { decode } from "./surface.js";

/** @import * as sent from "../message" */
/** @import { Numbers } from "./surface.js" */
/** @typedef {ReturnType<typeof layersOf>[number]} Layer */
/** @typedef {ReturnType<typeof createNetwork>} Network */
/** @typedef {ReturnType<Network["decision"]>} Decision */
/** @typedef {ReturnType<Network["answers"]>} Answers */

// Error function, absolute error 1.5e-7 (Abramowitz & Stegun 7.1.26).
/** @param {number} x */
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

/** @type {Record<sent.Activation, (z: number) => number>} */
const ACTIVATIONS = {
  tanh: Math.tanh,
  relu: (z) => (z > 0 ? z : 0),
  gelu: (z) => 0.5 * z * (1 + erf(z * Math.SQRT1_2)),
  sigmoid: (z) => 1 / (1 + Math.exp(-z)),
  linear: (z) => z,
};

/** @param {number[]} sizes */
function layersOf(sizes) {
  let at = 0;
  return sizes.slice(1).map((fanOut, k) => {
    const fanIn = sizes[k], weights = at, biases = at + fanIn * fanOut;
    at = biases + fanOut;
    return { fanIn, fanOut, weights, biases };
  });
}

// Outputs [n, K] of the network theta for inputs x [n, p].
/**
 * @param {Float64Array} theta @param {Layer[]} layers @param {(z: number) => number} activation @param {Float64Array} x
 * @param {number} n
 */
function forward(theta, layers, activation, x, n) {
  let values = x;
  layers.forEach(({ fanIn, fanOut, weights, biases }, depth) => {
    const next = new Float64Array(n * fanOut), last = depth === layers.length - 1;
    for (let i = 0; i < n; i++) {
      for (let o = 0; o < fanOut; o++) next[i * fanOut + o] = theta[biases + o];
      for (let q = 0; q < fanIn; q++) {
        const value = values[i * fanIn + q], row = weights + q * fanOut;
        if (value !== 0) for (let o = 0; o < fanOut; o++) next[i * fanOut + o] += value * theta[row + o];
      }
    }
    if (!last) for (let i = 0; i < next.length; i++) next[i] = activation(next[i]);
    values = next;
  });
  return values;
}

// Turns logits [n, K] into probabilities, in place.
/** @param {Float64Array} outputs @param {number} n @param {number} K */
function softmax(outputs, n, K) {
  for (let i = 0; i < n; i++) {
    const row = outputs.subarray(i * K, i * K + K);
    let most = -Infinity, sum = 0;
    for (let k = 0; k < K; k++) if (row[k] > most) most = row[k];
    for (let k = 0; k < K; k++) sum += row[k] = Math.exp(row[k] - most);
    for (let k = 0; k < K; k++) row[k] /= sum;
  }
  return outputs;
}

/** @param {ArrayLike<number>} row */
function largest(row) {
  let best = 0;
  for (let k = 1; k < row.length; k++) if (row[k] > row[best]) best = k;
  return best;
}

// Mean cross-entropy in nats of logits [n, K] against labels [n].
/** @param {Float64Array} outputs @param {Numbers} labels @param {number} n @param {number} K */
function crossEntropy(outputs, labels, n, K) {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let most = -Infinity, total = 0;
    for (let k = 0; k < K; k++) most = Math.max(most, outputs[i * K + k]);
    for (let k = 0; k < K; k++) total += Math.exp(outputs[i * K + k] - most);
    sum += most + Math.log(total) - outputs[i * K + labels[i]];
  }
  return sum / n;
}

// Half the squared error, averaged over samples and outputs.
/** @param {Float64Array} outputs @param {Numbers} targets */
function halfSquare(outputs, targets) {
  let sum = 0;
  for (let i = 0; i < outputs.length; i++) sum += (outputs[i] - targets[i]) ** 2;
  return sum / (2 * outputs.length);
}

// Share of variance explained, 1 - residual / total sum of squares about each output's mean.
/** @param {Float64Array} outputs @param {Numbers} targets @param {number} n @param {number} K */
function explained(outputs, targets, n, K) {
  let residual = 0, total = 0;
  for (let k = 0; k < K; k++) {
    let mean = 0;
    for (let i = 0; i < n; i++) mean += targets[i * K + k] / n;
    for (let i = 0; i < n; i++) {
      residual += (outputs[i * K + k] - targets[i * K + k]) ** 2;
      total += (targets[i * K + k] - mean) ** 2;
    }
  }
  return total > 0 ? 1 - residual / total : null;
}

// Standardised inputs [n * p]; where the raw numbers travel (small whole ones), they are standardised here.
/** @param {sent.Samples} samples */
function inputsOf({ x, center, scale, raw }) {
  const sent = Float64Array.from(decode(x));
  if (!raw) return sent;
  const middle = decode(center), spread = decode(scale), p = middle.length;
  return sent.map((value, i) => (spread[i % p] > 0 ? (value - middle[i % p]) / spread[i % p] : 0));
}

// Least and largest of every second number from `offset` on, with a margin around.
/** @param {Float64Array} points @param {number} offset @param {number} [margin] @returns {[number, number]} */
function range(points, offset, margin = 0.15) {
  let low = Infinity, high = -Infinity;
  for (let i = offset; i < points.length; i += 2) {
    low = Math.min(low, points[i]);
    high = Math.max(high, points[i]);
  }
  const room = margin * (high - low || 1);
  return [low - room, high + room];
}

// The networks of a slice, from `payload.network`. u, v are slice coordinates. Losses in nats or half squared errors on
// the `n` samples that travel with the page.
/** @param {sent.Network} message */
export function createNetwork(message) {
  const origin = decode(message.origin), U = decode(message.u), V = decode(message.v);
  const d = origin.length, layers = layersOf(message.sizes), activation = ACTIVATIONS[message.activation];
  const p = message.sizes[0], K = message.sizes[message.sizes.length - 1];
  const classifies = message.task === "classification";
  const x = inputsOf(message.data), targets = decode(message.data.y), n = x.length / p;
  const center = decode(message.data.center), scale = decode(message.data.scale);
  // Targets that were scaled for training are shown in their own unit.
  const { y_center: middle, y_scale: spread } = message.data;
  const [first, unit] = middle && spread ? [decode(middle)[0], decode(spread)[0]] : [0, 1];
  const parameters = new Float64Array(d);

  /** @param {number} u @param {number} v */
  function fillParameters(u, v) {
    for (let i = 0; i < d; i++) parameters[i] = origin[i] + u * U[i] + v * V[i];
    return parameters;
  }

  /** @param {number} u @param {number} v */
  const theta = (u, v) => Float32Array.from(fillParameters(u, v));
  /** @param {number} u @param {number} v @param {Float64Array} [inputs] */
  const outputs = (u, v, inputs = x) => forward(fillParameters(u, v), layers, activation, inputs, inputs.length / p);

  // Mean loss over the samples, without regularisers.
  /** @param {number} u @param {number} v */
  function dataLoss(u, v) {
    const out = outputs(u, v);
    return classifies ? crossEntropy(out, targets, n, K) : halfSquare(out, targets);
  }

  // Share of right answers; for regression R^2.
  /** @param {number} u @param {number} v */
  function accuracy(u, v) {
    const out = outputs(u, v);
    if (!classifies) return explained(out, targets, n, K);
    let right = 0;
    for (let i = 0; i < n; i++) if (largest(out.subarray(i * K, i * K + K)) === targets[i]) right += 1;
    return right / n;
  }

  const box = p === 2 ? [...range(x, 0), ...range(x, 1)] : []; // of two inputs
  const [lowest, highest] = classifies ? [0, 1] : [Math.min(...targets), Math.max(...targets)];
  /** @param {number} target */
  const share = (target) => (target - lowest) / (highest - lowest || 1);

  // What the network decides on a size x size lattice of a box of two inputs, x running first in rows of growing y.
  // `values`: the winning class for more than two classes, else P(class 1), or the first output as a share of the
  // targets' range. `probabilities` [size * size * K] for classification.
  /** @param {number} u @param {number} v @param {number} size @param {number[]} [within] */
  function decision(u, v, size, within = box) {
    const [left, right, bottom, top] = within;
    const lattice = new Float64Array(2 * size * size);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        lattice[2 * (row * size + column)] = left + ((column + 0.5) / size) * (right - left);
        lattice[2 * (row * size + column) + 1] = bottom + ((row + 0.5) / size) * (top - bottom);
      }
    }
    const out = outputs(u, v, lattice), values = new Float32Array(size * size);
    const probabilities = classifies ? Float32Array.from(softmax(out, size * size, K)) : null;
    for (let i = 0; i < values.length; i++) {
      if (!classifies) values[i] = Math.min(Math.max(share(out[i * K]), 0), 1);
      else values[i] = K > 2 ? largest(out.subarray(i * K, i * K + K)) : out[i * K + 1];
    }
    return { values, probabilities, classes: classifies ? K : 1, box: [left, right, bottom, top], share };
  }

  // `k` samples, evenly spread over those sent: `{x (in their own units), target, answer, probability}`.
  /** @param {number} u @param {number} v @param {number} k */
  function answers(u, v, k) {
    const count = Math.min(k, n), picked = Array.from({ length: count }, (_, i) => Math.floor((i * n) / count));
    const inputs = new Float64Array(count * p);
    picked.forEach((i, row) => inputs.set(x.subarray(i * p, i * p + p), row * p));
    const out = outputs(u, v, inputs);
    if (classifies) softmax(out, count, K);
    return picked.map((i, row) => {
      const own = out.subarray(row * K, row * K + K), best = classifies ? largest(own) : 0;
      return {
        x: Array.from(x.subarray(i * p, i * p + p), (value, q) => value * scale[q] + center[q]),
        target: classifies ? targets[i] : first + unit * targets[i * K], answer: classifies ? best : first + unit * own[0],
        probability: classifies ? own[best] : null,
      };
    });
  }

  // The answer along one input: `{x, y}` on `size` points of the samples' range.
  /** @param {number} u @param {number} v @param {number} size */
  function curve(u, v, size) {
    const ends = [Math.min(...x), Math.max(...x)];
    const along = Float64Array.from({ length: size }, (_, i) => ends[0] + ((ends[1] - ends[0]) * i) / (size - 1));
    const out = outputs(u, v, along);
    return { x: along, y: Float64Array.from({ length: size }, (_, i) => out[i * K]) };
  }

  return {
    d, n, inputs: p, outputs: K, task: message.task, pictures: message.data.pictures,
    points: x, targets, theta, dataLoss, accuracy, decision, answers, curve,
  };
}
