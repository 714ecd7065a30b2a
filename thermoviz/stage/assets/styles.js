// Styles of the stage. They live in its shadow root (or in its own page); colours come from the look.

/** @import * as sent from "../message" */

/** CSS custom properties of a look, to be set on the stage's outermost element. @param {sent.Look} look */
export function lookVariables(look) {
  const { background: bg, panel, line, text, dim, heat, theory, path, good, poor } = look;
  const colours = Object.entries({ bg, panel, line, text, dim, heat, theory, path, good, poor });
  const variables = Object.fromEntries(colours.map(([name, colour]) => [`--${name}`, colour]));
  const cold = look.surface[Math.round(0.3 * (look.surface.length - 1))];
  return {
    ...variables, "--cold": cold, "--font": look.font_family, "--size": `${look.font}px`,
    "--small": `${look.font_small}px`, "--number": `${look.font_number}px`, "color-scheme": look.scheme,
  };
}

export const CSS = `
.tv { container-type: inline-size; color: var(--text); font: var(--size)/1.4 var(--font); text-align: left;
  font-variant-numeric: tabular-nums; -webkit-font-smoothing: antialiased; }
.tv { transition: opacity .4s ease-out; } .tv.waiting { opacity: 0; }
.tv *, .tv *::before { box-sizing: border-box; }
.tv [hidden] { display: none !important; }
.tv .room { display: grid; grid-template-columns: minmax(0, 1fr) minmax(max(304px, 21 * var(--size)), 27%); gap: 14px; align-items: start; }
.tv .card { background: var(--panel); border: 1px solid var(--line); border-radius: 14px; }
.tv .side { display: flex; flex-direction: column; gap: 11px; min-width: 0; }
.tv .side .card { padding: 11px 15px; }
.tv .side .card.grow { flex: 1; }
.tv h3 { margin: 0 0 8px; font-size: var(--small); font-weight: 650; letter-spacing: .09em; text-transform: uppercase;
  color: var(--dim); line-height: 1.3; padding: 0; }

.tv .stage { position: relative; display: flex; flex-direction: column; overflow: hidden; background: var(--bg); outline: none;
  min-width: 0; }
.tv .stage:has(.view:focus-visible) { border-color: var(--theory); }
.tv .view { position: relative; flex: 1; min-height: clamp(420px, 64vh, 900px); outline: none; touch-action: pan-y; cursor: grab;
  user-select: none; -webkit-user-select: none; }
.tv .view.dragging { cursor: grabbing; }
.tv .view canvas { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.tv .view .labels, .tv .view .needle { pointer-events: none; }
.tv .view .needle { inset: auto; }
.tv .head { position: absolute; left: 14px; top: 14px; max-width: calc(100% - 210px); display: grid; gap: 8px; justify-items: start; pointer-events: none; }
.tv .badge { pointer-events: auto; }
.tv .badge summary { cursor: pointer; list-style: none; } .tv .badge summary::-webkit-details-marker { display: none; }
.tv .badge ul { margin: 6px 0 2px; padding-left: 1.2em; } .tv .badge li { margin: 2px 0; }
.tv .legend { display: flex; flex-wrap: wrap; gap: 2px 14px; padding: 0 4px; font-size: var(--small); color: var(--dim);
  text-shadow: 0 0 4px var(--bg), 0 0 8px var(--bg); }
.tv .legend span { display: inline-flex; align-items: center; gap: 6px; }
.tv .legend i { width: 9px; height: 9px; } .tv .legend .dot { border-radius: 50%; } .tv .legend .diamond { transform: rotate(45deg) scale(.85); }
.tv .legend.below { display: none; }
.tv .badge, .tv .note { padding: 7px 12px; border-radius: 10px;
  border: 1px solid var(--line); background: color-mix(in srgb, var(--panel) 84%, transparent); font-size: var(--small); color: var(--dim); }
.tv .badge b { color: var(--text); font-weight: 650; }
.tv .badge .numbers { text-decoration: underline dotted; text-underline-offset: 3px; white-space: nowrap; }
.tv .note { position: absolute; left: 14px; bottom: 12px; max-width: calc(100% - 28px); color: var(--text); pointer-events: none; }
.tv .corner { position: absolute; right: 12px; top: 12px; display: flex; gap: 6px; }
.tv .flat { padding: 0 4px; font-size: var(--small); color: var(--text); text-shadow: 0 0 4px var(--bg), 0 0 8px var(--bg), 0 0 8px var(--bg); }
.tv .film { color: var(--heat); }
.tv .recording svg { color: var(--heat); animation: tv-pulse 1.2s ease-in-out infinite; }
@keyframes tv-pulse { 50% { opacity: .35; } }

.tv button, .tv select { font: inherit; color: var(--text); background: var(--panel); border: 1px solid var(--line); border-radius: 9px;
  min-height: 36px; min-width: 36px; padding: 0 11px; margin: 0; cursor: pointer; line-height: 1.2; white-space: nowrap;
  transition: border-color .12s, background-color .12s; touch-action: manipulation; }
.tv button:hover, .tv select:hover { border-color: var(--dim); }
.tv button:disabled { opacity: .45; cursor: default; }
.tv button:focus-visible, .tv select:focus-visible, .tv input:focus-visible, .tv summary:focus-visible
  { outline: 2px solid var(--theory); outline-offset: 2px; }
.tv .choices button:focus-visible { outline-offset: -3px; }
.tv .symbol { padding: 0; width: 38px; display: inline-grid; place-items: center; }
.tv .symbol svg { width: 17px; height: 17px; fill: currentColor; display: block; }
.tv .symbol.main { width: 48px; background: var(--heat); border-color: var(--heat); color: #14100a; }
.tv .choices { display: inline-flex; border: 1px solid var(--line); border-radius: 9px; overflow: hidden; background: var(--panel); }
.tv .choices button { border: 0; border-radius: 0; min-height: 34px; padding: 0 10px; background: none; color: var(--dim); }
.tv .choices button + button { border-left: 1px solid var(--line); }
.tv .choices button[aria-pressed="true"] { color: var(--text); font-weight: 650; background: color-mix(in srgb, var(--text) 10%, transparent); }
.tv .bar { display: flex; flex-wrap: wrap; gap: 8px; padding: 10px 12px; border-top: 1px solid var(--line); align-items: center;
  background: color-mix(in srgb, var(--panel) 70%, var(--bg)); }
.tv .bar + .bar { border-top: 0; padding-top: 0; }
.tv .bar .gap { flex: 1; }
.tv .bar .clock { min-width: 5.2em; color: var(--dim); white-space: nowrap; }
.tv .bar select { max-width: 210px; min-width: 90px; flex: 0 1 auto; }
.tv .pair { display: inline-flex; align-items: center; }
.tv .pair > * { border-radius: 0; }
.tv .pair > :first-child { border-radius: 9px 0 0 9px; }
.tv .pair > :last-child { border-radius: 0 9px 9px 0; border-left: 0; }
.tv .pair .value { display: inline-grid; place-items: center; min-height: 36px; min-width: 72px; padding: 0 9px; white-space: nowrap; border: 1px solid var(--line);
  background: var(--panel); }
.tv .pair .value + button { border-left: 0; }
.tv .pair button:first-child { border-right: 0; }
.tv .picker { display: inline-flex; align-items: center; gap: 7px; color: var(--dim); font-size: var(--small); }
.tv .picker select { font-size: var(--size); max-width: 190px; }
.tv .replay { display: flex; align-items: center; gap: 8px; flex: 1 1 170px; min-width: 0; color: var(--dim); font-size: var(--small); }
.tv .replay input { flex: 1; min-width: 60px; }

.tv .temperature .big { display: grid; grid-template-columns: auto minmax(0, 1fr); align-items: center; gap: 0 14px; margin: -2px 0 2px; }
.tv .temperature output { font-size: var(--number); line-height: 1.1; font-weight: 700; letter-spacing: -.02em; color: var(--heat); min-width: 2.5em; }
.tv .temperature output.long { font-size: calc(.78 * var(--number)); line-height: 1.41; }
.tv .temperature .meaning { color: var(--dim); font-size: var(--small); line-height: 1.3; height: 3.9em; display: grid; align-content: center; }
.tv .temperature .meaning b { color: var(--text); font-weight: 600; }
.tv .ruler { position: relative; height: 34px; margin: -7px 13px 4px; font-size: var(--small); color: var(--dim); }
.tv .ruler span { position: absolute; top: 7px; transform: translateX(-50%); white-space: nowrap; }
.tv .ruler span::before { content: ""; position: absolute; left: 50%; top: -6px; width: 1px; height: 6px; background: var(--dim); }
.tv .ruler span.barrier { color: var(--theory); }
.tv .ruler span.barrier::before { background: var(--theory); width: 2px; }
.tv .ruler span.crossing { color: var(--heat); font-weight: 600; }
.tv .ruler span.crossing::before { background: var(--heat); width: 3px; }
.tv .ruler span.data { color: var(--text); }
.tv .ruler span.data::before { background: var(--text); width: 2px; }
.tv .landmark { color: var(--dim); font-size: var(--small); line-height: 1.35; }
.tv .landmark p { margin: 0 0 4px; } .tv .landmark p:last-child { margin: 0; }
.tv .landmark summary { cursor: pointer; }
.tv input[type=range] { -webkit-appearance: none; appearance: none; width: 100%; height: 36px; margin: 0; background: none; cursor: pointer;
  touch-action: pan-y; }
.tv input[type=range]::-webkit-slider-runnable-track { height: 6px; border-radius: 3px; background: var(--line); }
.tv input[type=range]::-moz-range-track { height: 6px; border-radius: 3px; background: var(--line); }
.tv input[type=range]::-webkit-slider-thumb { -webkit-appearance: none; width: 18px; height: 18px; margin-top: -6px; border-radius: 50%;
  background: var(--text); border: 0; }
.tv input[type=range]::-moz-range-thumb { width: 18px; height: 18px; border-radius: 50%; background: var(--text); border: 0; }
.tv .temperature input[type=range]::-webkit-slider-runnable-track { height: 10px; border-radius: 5px;
  background: linear-gradient(90deg, var(--cold), color-mix(in oklab, var(--cold), var(--heat) 35%) 45%, var(--heat)); }
.tv .temperature input[type=range]::-moz-range-track { height: 10px; border-radius: 5px;
  background: linear-gradient(90deg, var(--cold), color-mix(in oklab, var(--cold), var(--heat) 35%) 45%, var(--heat)); }
.tv .temperature input[type=range]::-webkit-slider-thumb { width: 26px; height: 26px; margin-top: -8px; background: #fff; border: 4px solid var(--heat);
  box-shadow: 0 0 0 5px color-mix(in srgb, var(--heat) 22%, transparent); }
.tv .temperature input[type=range]::-moz-range-thumb { width: 18px; height: 18px; background: #fff; border: 4px solid var(--heat);
  box-shadow: 0 0 0 5px color-mix(in srgb, var(--heat) 22%, transparent); }
.tv .programmes { display: flex; flex-wrap: wrap; gap: 8px; }
.tv .programmes > * { flex: 1 1 auto; }
.tv .programmes .choices button { flex: 1 1 auto; padding: 0 5px; }

.tv table { border-collapse: collapse; width: 100%; margin: 0; }
.tv td, .tv th { padding: 3px 0; border: 0; font-weight: 400; text-align: left; vertical-align: middle; }
.tv td.now { text-align: right; font-weight: 600; padding-left: 8px; white-space: nowrap; }
.tv td.eq { text-align: right; color: var(--theory); padding-left: 10px; font-size: var(--small); white-space: nowrap; }
.tv .readouts td.error { color: var(--dim); font-size: var(--small); padding-left: 3px; white-space: nowrap; }
.tv .readouts thead th { padding: 0; line-height: 0; }
.tv .readouts tbody th { white-space: nowrap; }
.tv .readouts tbody th[colspan] { white-space: normal; }
.tv .readouts .of { margin: 6px 0 0; font-size: var(--small); color: var(--dim); line-height: 1.4; }
.tv td.chart { width: 36%; padding-left: 10px; }
.tv tr > td:first-child { white-space: nowrap; }
.tv tr > td[colspan] { white-space: normal; }
.tv td.chart canvas { display: block; width: 100%; height: 26px; }
.tv thead td { color: var(--dim); font-size: var(--small); font-weight: 400 !important; padding: 0; }
.tv .places h3 { margin: 0; }
.tv .places thead th { font-size: var(--small); color: var(--dim); padding-bottom: 4px; text-align: right; vertical-align: bottom; line-height: 1.25; }
.tv .places thead th.title { text-align: left; }
.tv .places thead th.eq { color: var(--theory); padding-left: 10px; }
.tv .places tbody th { padding-right: 10px; line-height: 1.2; min-width: 4.6em; overflow-wrap: break-word; }
.tv .places .meter { width: 46%; }
.tv .places .meter div { position: relative; height: 18px; border-radius: 5px; background: color-mix(in srgb, var(--line) 60%, transparent); }
.tv .places .meter i { position: absolute; inset: 0 auto 0 0; border-radius: 5px; transition: width .25s linear; }
.tv .places .meter b { position: absolute; top: -3px; bottom: -3px; width: 3px; margin-left: -1.5px; border-radius: 2px; background: var(--theory);
  box-shadow: 0 0 0 1.5px var(--panel); }
.tv .places td.now { font-size: calc(1.35 * var(--size)); font-weight: 700; line-height: 1.15; min-width: 2.6em; }
.tv .places td { padding-left: 8px; }
.tv .places .slow { margin: 8px 0 0; font-size: var(--small); color: var(--text); line-height: 1.45; }
.tv .wanted { border-color: var(--heat); color: var(--heat); min-height: 34px; white-space: normal; }

.tv .captions { position: absolute; inset: 0; pointer-events: none; z-index: 1; }
.tv .captions svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.tv .captions line { stroke: var(--text); stroke-width: 1.6; stroke-linecap: round; }
.tv .captions .halo { stroke: var(--bg); stroke-width: 5; opacity: .65; }
.tv .captions circle { fill: none; stroke: var(--text); stroke-width: 1.8; }
.tv .caption { position: absolute; margin: 0; width: max-content; max-width: 15.5em; padding: 9px 13px; border-radius: 12px; font-size: calc(var(--size) + 1px);
  line-height: 1.35; color: var(--text); background: color-mix(in srgb, var(--panel) 92%, transparent); border: 1px solid color-mix(in srgb, var(--text) 35%, transparent);
  box-shadow: 0 8px 28px rgba(0,0,0,.28); animation: tv-appear .5s ease-out backwards; }
.tv .caption.pictured { display: flex; gap: 12px; align-items: center; max-width: 22em; }
.tv .view .caption canvas { position: static; flex: none; width: 84px; height: 84px; border-radius: 8px; background: var(--bg); }
.tv .captions.again :is(.caption, g) { animation: none !important; }
.tv .caption.plain canvas { display: none; }
.tv .captions g { animation: tv-appear .5s ease-out backwards; }
.tv .captions g:nth-of-type(2), .tv .caption:nth-of-type(2) { animation-delay: .5s; }
.tv .captions g:nth-of-type(3), .tv .caption:nth-of-type(3) { animation-delay: 1s; }
@keyframes tv-appear { from { opacity: 0; transform: translateY(5px); } }
.tv .temperature:has(.invitation:not([hidden])) .meaning { max-height: 2.7em; overflow: hidden; align-content: start; }
.tv .track { position: relative; }
.tv .invitation { position: absolute; top: -9px; margin-left: 20px; pointer-events: none; white-space: nowrap; font-weight: 650; font-size: var(--small);
  color: var(--heat); animation: tv-nudge 1.3s ease-in-out infinite; }
@keyframes tv-nudge { 50% { transform: translateX(9px); } }
.tv .track:has(.invitation:not([hidden])) input { animation: tv-glow 1.3s ease-in-out infinite; border-radius: 18px; }
@keyframes tv-glow { 50% { background: color-mix(in srgb, var(--heat) 13%, transparent); } }
.tv .dropped { position: absolute; width: 46px; height: 46px; margin: -23px 0 0 -23px; border-radius: 50%; border: 2px solid var(--heat); pointer-events: none;
  animation: tv-ring .9s ease-out forwards; }
@keyframes tv-ring { from { transform: scale(.2); } to { transform: scale(1.5); opacity: 0; } }

.tv .under { display: grid; grid-template-columns: 112px minmax(0, 1fr); gap: 0 14px; align-items: start; }
.tv .under h3 { grid-column: 1 / -1; }
.tv .under canvas { width: 112px; height: 112px; border-radius: 8px; display: block; background: var(--bg); }
.tv .under dl { margin: 0; display: grid; grid-template-columns: 1fr auto; gap: 2px 8px; align-content: start; }
.tv .under dt { color: var(--dim); margin: 0; } .tv .under dd { margin: 0; text-align: right; font-weight: 600; }
.tv .under button { margin-top: 8px; padding: 0 8px; width: 100%; font-size: var(--small); }
.tv .under button[aria-pressed="true"] { border-color: var(--heat); color: var(--heat); }

.tv .drawer { position: absolute; right: 12px; bottom: 12px; width: 300px; max-width: calc(100% - 24px); max-height: calc(100% - 24px); overflow: auto;
  padding: 14px 16px; border-radius: 14px; border: 1px solid var(--line); background: var(--panel); box-shadow: 0 12px 40px rgba(0,0,0,.35);
  cursor: default; z-index: 3; touch-action: pan-y; }
.tv .drawer .picker { display: flex; justify-content: space-between; margin-bottom: 8px; }
.tv .drawer .check { display: flex; align-items: center; gap: 9px; min-height: 36px; cursor: pointer; }
.tv .drawer input[type=checkbox] { width: 18px; height: 18px; accent-color: var(--theory); margin: 0; }
.tv .help { position: absolute; inset: 0; display: grid; place-items: center; background: color-mix(in srgb, var(--bg) 72%, transparent); z-index: 4; cursor: default; }
.tv .help > div { background: var(--panel); border: 1px solid var(--line); border-radius: 14px; padding: 18px 24px; max-width: min(440px, 92%);
  max-height: 94%; overflow: auto; }
.tv .help td { padding: 3px 16px 3px 0; }
.tv kbd { font: inherit; font-weight: 650; border: 1px solid var(--line); border-radius: 6px; padding: 1px 8px; background: var(--bg); }
.tv .menu { position: absolute; right: 12px; top: 56px; display: grid; gap: 6px; padding: 8px; border: 1px solid var(--line); border-radius: 12px;
  background: var(--panel); box-shadow: 0 12px 40px rgba(0,0,0,.35); z-index: 3; }
.tv .menu button { text-align: left; border-color: transparent; }
.tv .quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.tv .without { padding: 40px 28px; color: var(--dim); }

@container (max-width: 860px) {
  .tv .room, .tv .stage, .tv .side { display: contents; }
  .tv .column { display: flex; flex-direction: column; gap: 10px; }
  .tv .view, .tv .bar { border: 1px solid var(--line); border-radius: 14px; }
  .tv .view { order: 1; overflow: hidden; background: var(--bg); flex: none; height: min(92cqw, 68vh); min-height: 300px; }
  .tv .view:focus-visible { border-color: var(--theory); }
  .tv .temperature { order: 2; }
  .tv .bar { order: 3; }
  .tv .bar + .bar { border-top: 1px solid var(--line); padding-top: 10px; }
  .tv .side .card { order: 4; }
  .tv .side :is(.card.temperature, .card.places, .card.landmark) { order: 2; }
  .tv .side .card.grow { flex: none; }
}
@container (max-width: 520px) {
  .tv .head { max-width: calc(100% - 20px); top: 8px; left: 8px; gap: 5px; }
  .tv .badge { padding: 5px 9px; } .tv .head .legend { display: none; }
  .tv .legend.below { display: flex; order: 1; padding: 0 6px; margin: -6px 0; text-shadow: none; }
  .tv .corner { top: auto; bottom: 8px; right: 8px; }
  .tv .menu { top: auto; bottom: 52px; }
  .tv .bar { padding: 8px; gap: 7px; }
  .tv .bar > :not(.gap, .symbol) { flex: 1 1 auto; max-width: none; }
  .tv .bar .choices button, .tv .pair button { flex: 1 0 auto; padding: 0 5px; min-width: 33px; }
  .tv .pair .value { flex: 2 0 auto; padding: 0 6px; }
  .tv .bar .gap { display: none; }
  .tv .picker select { flex: 1; }
  .tv .note { bottom: 54px; }
  .tv .view:has(.captions:not([hidden])) :is(.head, .corner) { display: none; }
  .tv .caption { max-width: 11em; padding: 6px 9px; font-size: min(var(--small), 13px); line-height: 1.3; }
  .tv .caption.pictured { max-width: 17em; gap: 9px; } .tv .view .caption canvas { width: 54px; height: 54px; }
}
@media (prefers-reduced-motion: reduce) { .tv, .tv * { animation: none !important; transition: none !important; } }
`;
