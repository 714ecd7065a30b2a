// A browser keeps about 16 WebGL contexts alive on a page and takes the oldest away from whoever asks for one more. Where
// many stages stand on one page they share fewer: those that nobody sees have none, and of those in sight beyond MOST
// some show their last picture, until somebody points at them.

export const MOST = 8;

/**
 * A stage that shares. pictured: whether it has drawn what it leaves when it goes to sleep.
 * @typedef {{pictured: boolean, wake(): void, rest(): void}} Sleeper
 */

/** @type {Sleeper[]} the one that has been awake for longest first */
const awake = [];
/** @type {Sleeper[]} in sight, without a context */
const waiting = [];

/** @param {Sleeper[]} list @param {Sleeper} one */
function without(list, one) {
  const k = list.indexOf(one);
  if (k >= 0) list.splice(k, 1);
  return k >= 0;
}

/** @param {Sleeper} one */
function rouse(one) {
  without(waiting, one);
  awake.push(one);
  one.wake();
}

/** Makes room for one more, where a picture can stand for what goes. Returns whether there is room. */
function makeRoom() {
  const oldest = awake.length < MOST ? undefined : awake.find(({ pictured }) => pictured);
  if (oldest) {
    without(awake, oldest);
    oldest.rest();
    waiting.push(oldest);
  }
  return awake.length < MOST;
}

/** Those that wait and have no picture at all come first; the others where there is room anyway. */
export function serve() {
  for (let one; (one = waiting.find(({ pictured }) => !pictured)) && makeRoom();) rouse(one);
  while (waiting.length && awake.length < MOST) rouse(waiting[0]);
}

/** A stage has come into sight. @param {Sleeper} one */
export function enter(one) {
  if (awake.includes(one) || waiting.includes(one)) return;
  waiting.push(one);
  serve();
}

/** Somebody points at a stage: it is the next. @param {Sleeper} one */
export function insist(one) {
  if (waiting.includes(one) && makeRoom()) rouse(one);
}

/** A stage has gone out of sight, or altogether. @param {Sleeper} one */
export function leave(one) {
  without(waiting, one);
  if (without(awake, one)) one.rest();
  serve();
}
