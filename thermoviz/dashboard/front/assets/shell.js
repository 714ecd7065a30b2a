// Before the app's own program: which addresses are entries of the history, and when the painted still goes.

// Pages and presets make an entry each; what a control changes, and what completes an address, replaces it.
(() => {
  const push = history.pushState.bind(history);
  /** @typedef {{pathname: string, preset: string | null, kind: string | null}} Parts */
  /** @param {string | URL} address @returns {Parts} */
  const parts = (address) => {
    const { pathname, searchParams } = new URL(address, document.baseURI);
    return { pathname, preset: searchParams.get("preset"), kind: searchParams.get("kind") };
  };
  /** @type {(here: Parts, next: Parts) => boolean} */
  const same = (here, next) => (here.pathname === next.pathname
    ? !here.preset || here.preset === next.preset
    : here.kind !== null && next.pathname === here.pathname + here.kind); // a link that leads on to its own page
  history.pushState = (state, title, address) => {
    const replaces = address != null && same(parts(location.href), parts(address));
    return replaces ? history.replaceState(state, title, address) : push(state, title, address);
  };
})();

// The headline and the still leave when the app's own are there, or it has nothing more to draw; behind the stage the
// still stays until that has drawn.
(() => {
  /** @typedef {Element & {thermoviz?: {state(): {drawn: number}}}} Stage what stands on the stage's frame */
  const found = (/** @type {string} */ selector) => document.querySelector(`#root :is(${selector})`) !== null;
  const stages = () => [...document.querySelectorAll('[class*="st-key-stage"] *')]
    .map((e) => /** @type {Stage | null | undefined} */ (e.shadowRoot?.querySelector(".tv")));
  const drawn = () => stages().some((stage) => (stage?.thermoviz?.state().drawn ?? 0) > 0 || stage?.querySelector(".without"));
  const there = () => found("[role=dialog], [data-testid=stAlert], [data-testid=stException]")
    || (found("h1") && found('[class*="st-key-stage"], [data-test-script-state="notRunning"]'));
  const look = () => {
    if (there()) document.getElementById("tv-still")?.remove();
    if (drawn()) {
      document.getElementById("tv-still-style")?.remove();
      clearInterval(waiting);
    }
  };
  const waiting = setInterval(look, 100);
})();
