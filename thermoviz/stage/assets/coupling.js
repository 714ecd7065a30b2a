// Stages that stand side by side on one page: whoever turns one of them turns all, and one heat warms them all.

/** @import * as sent from "../message" */
/** @import { State } from "./state.js" */
/** @typedef {{T: number, programme: State["simulation"]["programme"]}} Heat */
/**
 * stand, heat: what they share now; heater: whose programme the temperature follows.
 * @typedef {{members: Set<State>, stand: string, heat: Heat | null, heater: State | null}} Group
 */

/** @type {Map<string, Group>} */
const groups = new Map();
/** Where each stage's camera stood when it last agreed with the others. @type {WeakMap<State, string>} */
const agreed = new WeakMap();

/** @param {State} state @returns {Group | undefined} */
const groupOf = ({ payload: { coupled } }) => (coupled ? groups.get(coupled.group) : undefined);

/** Joins the group that the message names, and leaves any other. @param {State} state */
export function join(state) {
  const name = state.payload.coupled?.group;
  for (const [other, { members }] of groups) if (other !== name && members.has(state)) leave(state);
  if (!name) return;
  const group = groups.get(name) ?? { members: new Set(), stand: "", heat: null, heater: null };
  groups.set(name, group);
  group.members.add(state);
}

/** @param {State} state */
export function leave(state) {
  for (const [name, group] of groups) {
    if (group.heater === state) group.heater = null;
    if (group.members.delete(state) && !group.members.size) groups.delete(name);
  }
  agreed.delete(state);
}

/** The viewer has set this stage's temperature, or its programme: the others follow. @param {State} state */
export function heated(state) {
  const group = groupOf(state);
  if (group) group.heater = state;
}

/** How many stages share the time between two pictures. @param {State} state */
export const sharing = (state) => groupOf(state)?.members.size ?? 1;

/** The camera that was moved since it last agreed leads. @param {State} state @param {Group} group */
function turn(state, group) {
  const { view, ui } = state, before = agreed.get(state), now = JSON.stringify(view.camera.stand);
  if (!group.stand || (before !== undefined && now !== before)) group.stand = now;
  else if (now !== group.stand) {
    /** @type {sent.Stand} */
    const stand = JSON.parse(group.stand);
    if (view.flat && !stand.top) return; // it sees from above only
    view.camera[before === undefined ? "place" : "follow"](stand);
    ui.transport.showTop(stand.top);
    view.redraw();
  }
  agreed.set(state, group.stand);
}

/** @param {State} state @param {Group} group */
function warm(state, group) {
  const { simulation, ui } = state, { T, programme } = simulation;
  if (group.heater === state) {
    group.heat = { T, programme };
    return;
  }
  const { heat } = group;
  if (!heat || (heat.T === T && heat.programme === programme)) return;
  state.handsOn = true;
  simulation.setTemperature(heat.T, heat.programme);
  ui.thermometer.showProgramme(heat.programme);
  ui.thermometer.show(heat.T);
}

/** What the stages of a group share, once between two pictures. @param {State} state */
export function agree(state) {
  const group = groupOf(state);
  if (!group) return;
  turn(state, group);
  warm(state, group);
}
