// The stage: puts surface, balls, picture and panels together. createStage(root, payload, callbacks) ->
// {update(payload), destroy(), state()}. callbacks: {temperature(T) on release, program() -> Promise of
// the stage's own source (for the file that runs by itself)}.

import { createCaptions, isFirstVisit } from "./captions.js";
import { createCaptureMenu } from "./export.js";
import { createDrawer, createStartRow, createTransport, LADDER } from "./controls.js";
import { h } from "./dom.js";
import { createKeyboard } from "./keyboard.js";
import { createNetwork } from "./network.js";
import { createTrails, pathHeads, pathLines, readPaths } from "./paths.js";
import { createPointerPanel } from "./pointer.js";
import { createBadge, createLegend, createReadouts, legendOf } from "./readouts.js";
import { createShares } from "./shares.js";
import { createSimulation } from "./simulation.js";
import { createSpoken } from "./spoken.js";
import { createStatistics } from "./statistics.js";
import { CSS, lookVariables } from "./styles.js";
import { createSurface } from "./surface.js";
import { createThermometer, rounded } from "./thermometer.js";
import { createView } from "./view.js";
import { count, createWords, number } from "./words.js";

const MEASURE_EVERY = 250; // ms
const POINTER_EVERY = 90; // ms
const REPLAY_SECONDS = 9;
const HEAD_REACH = 0.05; // of half of the box: a pointer so near means the network
const NO_NAMES = [];
const NOTE_MS = 6000;
const RING_MS = 900; // of the ring where balls fall
const POINTED_AT = 300; // of the balls: among them a caption chooses its own
// Keys that begin nothing: they move the focus, or ask for help.
const QUIET_KEYS = ["Tab", "Shift", "Control", "Alt", "Meta", "Escape", "?"];

/** Whether two payloads show the same surface: then the balls stay. */
const sameSurface = (a, b) => a.surface.E.data === b.surface.E.data
  && String(a.surface.xs) === String(b.surface.xs) && String(a.surface.ys) === String(b.surface.ys);

/** Where the balls of a payload begin, as the simulation names it; a plain "basin" is the deepest. */
const startOf = ({ start = "boltzmann" }) => (start === "basin" ? "basin:0" : start);

export function createStage(root, first, callbacks = {}) {
  let payload = first, _ = createWords(payload.words), destroyed = false, request = 0;
  const reduced = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const settings = {
    n: payload.n_balls ?? 1000, seed: payload.seed ?? 0, T: payload.temperature ?? 0,
    scheme: payload.left?.scheme ?? "leimkuhler-matthews", friction: payload.left?.friction ?? 1,
    start: startOf(payload), law: payload.law ?? "exponential", programmeSteps: payload.programme_steps ?? 10000,
  };
  const shown = { trails: false, paths: true, names: true, ...payload.left?.shown };
  let playing = !reduced && !payload.paused, speed = payload.left?.speed ?? 1, following = null, film = null;
  const replay = { fraction: 1, playing: !reduced };
  let surface, simulation, statistics, network, paths, basins, ui, view;
  // Times of the last picture, measurement and so on, in milliseconds of the page's clock.
  let last = 0, painted = -Infinity, measured = -Infinity, pointed = -Infinity, trailed = 0;
  let measurement = null, hovered = null, drawn = 0, pictures = 0, handsOn = false;
  const told = new Set(); // what was said about slow graphics
  const released = new Set(); // temperatures that the page was told
  let captioned = null; // whether the captions stand; null until the page has asked for them once
  let laidOut = ""; // the view for which they found their places
  let headsAt = null; // the replay's fraction for which the marks on the relief stand there
  const trails = createTrails(), history = {};

  const style = h("style", {}, CSS);
  // Until the first picture is there, what the page shows in this place stays seen.
  const frame = h("div", { class: "tv waiting" });
  root.append(style, frame);
  applyLook();

  function applyLook() {
    for (const [name, value] of Object.entries(lookVariables(payload.look))) frame.style.setProperty(name, value);
  }

  view = createView(_, {
    click(point, px, py) { drop(point, px, py); },
    hover(point) { hovered = point; showProbe(); },
    restored() { uploadPaths(); },
  });
  if (!view) {
    frame.classList.remove("waiting");
    frame.append(h("div", { class: "card without", role: "status" },
      _("This browser cannot draw the stage.")));
    return { update() {}, state: () => ({ drawn: 0 }), destroy() { style.remove(); frame.remove(); } };
  }

  const note = h("div", { class: "note", role: "status", hidden: true });
  const probe = h("div", { class: "note", hidden: true });
  const actions = {
    toggle() { playing = !playing; ui.transport.showPlaying(playing); },
    step() { playing = false; ui.transport.showPlaying(false); simulation.step(); measured = -Infinity; },
    reset() { simulation.reset(); afresh(); },
    newSeed() {
      // Never the seed that is shown.
      simulation.setSeed((settings.seed + 1 + Math.floor(9999 * Math.random())) % 10000);
      ui.startRow.showSeed(settings.seed);
      afresh();
    },
    speed(value) { speed = value; ui.transport.showSpeed(value); },
    top(value) { view.camera.setTop(value); ui.transport.showTop(value); },
    ladder(direction) {
      const above = LADDER.findIndex((n) => (direction > 0 ? n > settings.n : n >= settings.n));
      const k = direction > 0 ? above : above - 1;
      simulation.setCount(LADDER[Math.max(0, Math.min(LADDER.length - 1, k < 0 ? LADDER.length - 1 : k))]);
      if (following !== null && following >= settings.n) follow(null);
      ui.transport.showCount(settings.n);
      afresh();
    },
    start(kind) { simulation.setStart(kind); ui.startRow.showStart(kind); afresh(); },
    replay(fraction) { replay.fraction = fraction; replay.playing = false; },
    toggleReplay() {
      if (!replay.playing && replay.fraction >= 1) replay.fraction = 0;
      replay.playing = !replay.playing;
    },
    more() { ui.drawer.toggle(); },
    home() { view.goHome(); ui.transport.showTop(false); },
    scheme(key) { simulation.setScheme(key); },
    friction(value) { simulation.setFriction(value); },
    law(key) { settings.law = key; if (simulation.programme === "anneal") actions.programme("anneal"); },
    programmeSteps(steps) {
      settings.programmeSteps = steps;
      if (simulation.programme !== "hold") actions.programme(simulation.programme);
    },
    show(key, value) {
      shown[key] = value;
      if (key === "trails") {
        trails.clear();
        view.renderer.setTrails(new Float32Array(0));
      }
      uploadPaths();
    },
    change(T) {
      handsOn = true;
      simulation.setTemperature(T);
      ui.thermometer.showProgramme("hold");
      ui.thermometer.show(T);
    },
    release(T) {
      actions.change(T);
      released.add(T);
      callbacks.temperature?.(T);
    },
    zero() { actions.release(0); },
    programme(kind) {
      handsOn = true;
      simulation.setProgramme(kind);
      ui.thermometer.showProgramme(kind);
    },
    equilibrate() { simulation.equilibrate(); afresh(); },
    follow() { follow(following === null ? nearestBall() : null); },
    /** The list of keys, and what explains the picture. */
    help() {
      ui.keyboard.toggle();
      if (payload.captions) ui.captions.show();
    },
  };

  /** A handful of balls falls at a place; a ring and a word say so, also where they lie still. */
  function drop(point, px, py) {
    const dropped = simulation.drop(point.x, point.y);
    const ring = h("div", { class: "dropped", "aria-hidden": "true", style: `left: ${px}px; top: ${py}px` });
    view.element.append(ring);
    setTimeout(() => ring.remove(), RING_MS);
    say(dropped === 1 ? _("1 ball dropped") : _("{n} balls dropped", { n: dropped }), 2 * RING_MS);
    ui.shares.forget();
    measured = -Infinity;
  }

  /** The first gesture of a visitor: what explained the picture makes room for it. */
  function begin(event) {
    if (event.type === "pointerdown" && event.pointerType === "touch") return; // it may scroll the page
    if (event.key && QUIET_KEYS.includes(event.key)) return;
    if (event.target.closest?.(".help, [data-help]")) return;
    ui.captions.hide();
  }
  const gestures = ["pointerdown", "pointerup", "wheel", "input"];
  for (const name of gestures) frame.addEventListener(name, begin, { passive: true, capture: true });
  document.addEventListener("keydown", begin, true);

  function showCaptions(shown) {
    captioned = shown;
    laidOut = "";
    ui.thermometer.invite(shown, simulation.T);
    view.redraw();
  }

  /** Places the captions where the view has changed, and follows the ball that one of them points at. */
  function explain() {
    if (!ui.captions.shown) return;
    const layout = view.layout(), { balls } = simulation;
    const spot = (k) => ({ ...layout.spot(balls.x[2 * k], balls.x[2 * k + 1], balls.energy[k]),
      elsewhere: surface.basinCount < 2 || surface.basinAt(balls.x[2 * k], balls.x[2 * k + 1]) > 0 });
    if (laidOut !== layout.key) {
      laidOut = layout.key;
      const beside = view.element.getBoundingClientRect();
      const others = [ui.head, ui.capture.element].map((element) => element.getBoundingClientRect())
        .map(({ x, y, width, height }) => ({ x: x - beside.x, y: y - beside.y, width, height }));
      ui.captions.layout({ ...layout, relief: layout.relief(), taken: [...others, ...layout.taken()],
        balls: Array.from({ length: Math.min(POINTED_AT, drawn) }, (_ball, k) => spot(k)) });
    } else ui.captions.follow(spot);
  }

  function nearestBall() {
    const { balls } = simulation;
    if (!hovered) return 0;
    let best = 0, least = Infinity;
    for (let k = 0; k < balls.n; k++) {
      const d = (balls.x[2 * k] - hovered.x) ** 2 + (balls.x[2 * k + 1] - hovered.y) ** 2;
      if (d < least) { least = d; best = k; }
    }
    return best;
  }

  function follow(k) {
    following = k;
    pointed = -Infinity;
    ui.pointer?.setFollowing(k !== null);
  }

  /** Something was placed anew: the old measurements say nothing about it. */
  function afresh() {
    ui.thermometer.show(simulation.T);
    ui.thermometer.showProgramme(simulation.programme);
    ui.readouts.clear();
    ui.shares.forget();
    trails.clear();
    measured = -Infinity;
  }

  const starts = () => [["boltzmann", _("start: Boltzmann")], ["uniform", _("start: everywhere")],
    ...(paths?.starts.length ? [["training", _("start: where training does")]] : []),
    ...(startOf(payload).startsWith("point:") ? [[startOf(payload), _("start: at a point")]] : []),
    ...basins.map(({ name }, k) => [`basin:${k}`, _("start: {name}", { name })])];

  /** Panels are built once per surface and language; their state lives in `settings`, so nothing is lost. */
  function buildPanels() {
    ui?.keyboard.destroy();
    const stage = h("section", { class: "card stage", "aria-label": _("Live stage") });
    ui = {
      stage,
      transport: createTransport(_, view.flat, actions),
      startRow: createStartRow(_, starts(), Boolean(paths), actions),
      drawer: createDrawer(_, { ...settings, show: shown, hasPaths: Boolean(paths) }, actions),
      thermometer: createThermometer(_, actions),
      readouts: createReadouts(_, payload.look, surface.scale, history),
      shares: createShares(_, payload.look, basins.map(({ name }) => name), payload.crossing ?? null, actions),
      spoken: createSpoken(_, surface.scale),
      pointer: network && createPointerPanel(_, network, payload.look, actions),
      keyboard: createKeyboard(_, stage, view.element, { ...actions, top: () => actions.top(!view.camera.top),
        left: () => view.camera.orbit(0.06, 0), right: () => view.camera.orbit(-0.06, 0),
        up: () => view.camera.orbit(0, -0.05), down: () => view.camera.orbit(0, 0.05),
        nearer: () => view.camera.zoom(1.2), farther: () => view.camera.zoom(1 / 1.2) }),
      capture: createCaptureMenu(_, { view, caption, payload: exported, program: callbacks.program,
        help: actions.help,
        say, filming(value) { film = value; } }),
    };
    ui.head = h("div", { class: "head" }, createBadge(_, payload), createLegend(legendOf(_, payload.look, paths)),
      view.flat ? h("div", { class: "flat", role: "status" }, _("This browser has no WebGL2: you see the relief from above."))
        : null);
    ui.captions = createCaptions(_, { look: payload.look, network, hasNetworks: Boolean(network || paths), flat: view.flat,
      home: home(),
      again: captioned === true, shown: captioned ??= Boolean(payload.captions) && isFirstVisit(),
      onchange: showCaptions });
    laidOut = "";
    view.element.append(...[ui.head, ui.captions.element, ui.capture.element, ui.capture.menu, probe, note, ui.drawer.element,
      ui.keyboard.sheet]);
    stage.append(view.element, ui.transport.element, ui.startRow.element);
    frame.replaceChildren(h("div", { class: "column" }, h("div", { class: "room" }, stage,
      h("div", { class: "side" }, ui.thermometer.element, ui.shares.element, ui.thermometer.landmark, ui.pointer?.element,
        ui.readouts.element, ui.spoken.element))));
    ui.thermometer.setSurface(surface, payload);
    ui.thermometer.show(simulation.T);
    ui.thermometer.showProgramme(simulation.programme);
    ui.thermometer.invite(captioned, simulation.T);
    ui.transport.showPlaying(playing);
    ui.transport.showSpeed(speed);
    ui.transport.showTop(view.camera.top);
    ui.startRow.showSeed(settings.seed);
    ui.transport.showCount(settings.n);
    ui.startRow.showStart(settings.start);
  }

  function clearView() {
    for (const child of [...view.element.children]) if (child.tagName !== "CANVAS") child.remove();
  }

  function readSurface() {
    surface = createSurface(payload.surface, payload.basins);
    statistics = createStatistics(surface);
    const names = payload.basins?.names ?? [];
    basins = (payload.basins?.minima ?? []).map(([x, y], k) => ({ x, y, name: names[k] ?? _("valley {k}",
      { k: k + 1 }) }));
  }

  function uploadPaths() {
    headsAt = null;
    view.renderer.setPaths(shown.paths ? pathLines(paths, surface, view.renderer.frame) : []);
  }

  function readRun() {
    network = payload.network ? createNetwork(payload.network) : null;
    paths = readPaths(payload.paths, payload.look);
  }

  /**
   * Everything that follows from a payload. keep: the surface is the same, so balls and clocks stay. refined: it is the
   * same run's surface, tabulated more finely, so the balls stay where they are.
   */
  function load(keep, refined = false) {
    applyLook();
    view.setLook(payload.look);
    if (!keep) {
      readSurface();
      readRun();
      const [kind, index] = settings.start.split(":");
      if (kind === "basin" && Number(index) >= basins.length) settings.start = "boltzmann";
      // On a surface without any height Boltzmann is everywhere, at T = 0 too.
      if (settings.start === "boltzmann" && !(surface.scale > 0)) settings.start = "uniform";
      if (settings.start === "training" && !paths) settings.start = "boltzmann";
      // A point of another surface may lie nowhere on this one.
      if (kind === "point" && settings.start !== startOf(payload)) settings.start = "boltzmann";
      const former = simulation;
      simulation = createSimulation(surface, settings, paths?.starts);
      if (refined) simulation.adopt(former);
      for (const { series, goals } of Object.values(history)) series.length = goals.length = 0;
      view.setSurface(surface, basins.map(({ x, y }) => [x, y]));
      following = null;
      hovered = null;
      Object.assign(replay, { fraction: reduced ? 1 : 0, playing: !reduced && Boolean(paths) });
    } else readRun();
    clearView();
    buildPanels();
    uploadPaths();
    measured = pointed = -Infinity;
  }

  /** The link to what is shown, with the heat that is felt now. */
  const link = () => (payload.link ?? "").replace("{T}", String(rounded(simulation.T)));

  function caption() {
    const { title = "", sentence = "" } = payload.honesty ?? {};
    return {
      title: payload.title ?? "", link: link(), badge: [title && `${title}.`, sentence].filter(Boolean).join(" "),
      legend: legendOf(_, payload.look, paths),
      facts: [_("temperature {T}", { T: number(simulation.T, 3) }), settings.n === 1 ? _("1 ball") : _("{n} balls",
        { n: count(settings.n) }),
        _("seed {s}", { s: settings.seed }), payload.caption].filter(Boolean).join(" \u00b7 "),
    };
  }

  /** The payload as it stands now, for the file that runs by itself. */
  const exported = () => ({ ...payload, temperature: simulation.T, seed: settings.seed, n_balls: settings.n,
    start: settings.start, link: link(), captions: false, paused: false, law: settings.law,
    programme_steps: settings.programmeSteps,
    left: { speed, shown: { ...shown }, camera: view.camera.stand, scheme: settings.scheme, friction: settings.friction } });

  function say(text, milliseconds = 0) {
    note.textContent = text;
    note.hidden = !text;
    showProbe();
    if (milliseconds) setTimeout(() => { if (note.textContent === text) note.hidden = true; }, milliseconds);
  }

  /** Says, once for a visit, what was given up for slow graphics; not over what explains the picture. */
  function tellQuality() {
    if (ui.captions.shown || !note.hidden) return;
    const most = view.quality.balls;
    const news = {
      balls: most < settings.n && _("Slow graphics: {k} of {n} balls are drawn; all of them move.",
        { k: count(most), n: count(settings.n) }),
      simple: view.quality.reduced && _("Slow graphics: drawn more simply, so that the page stays responsive."),
      behind: simulation.behind && _("Time runs slower than asked for: this machine takes fewer steps per picture."),
    };
    const key = Object.keys(news).find((name) => news[name] && !told.has(name));
    if (!key) return;
    told.add(key);
    say(news[key], NOTE_MS);
  }

  /** Where the network panel looks: the followed ball, else the pointer, else the deepest valley. */
  function watched() {
    if (following !== null) {
      const { balls } = simulation;
      const k = Math.min(following, balls.n - 1);
      return { x: balls.x[2 * k], y: balls.x[2 * k + 1], E: balls.energy[k],
        where: _("The network that this ball is") };
    }
    if (hovered) return { ...hovered, where: _("The network under the pointer") };
    const { name, ...place } = home();
    return { ...place, where: _("The network at \u201c{name}\u201d", { name }) };
  }

  /** The deepest valley, or the middle where there is none. */
  function home() {
    const place = basins[0] ?? { x: (surface.x0 + surface.x1) / 2, y: (surface.y0 + surface.y1) / 2, name: _("the middle") };
    return { ...place, E: surface.energy(place.x, place.y) };
  }

  /** The networks' heads and the followed ball, as far as they moved. */
  function showMarks() {
    if (following === null && headsAt === replay.fraction) return;
    headsAt = following === null ? replay.fraction : null;
    const heads = shown.paths ? pathHeads(paths, surface, view.renderer.frame,
      replay.fraction * (paths ? paths.T - 1 : 0)) : [];
    if (following !== null) {
      const spot = watched(), f = view.renderer.frame;
      heads.push({ x: f.wx(spot.x), y: f.wy(spot.y), z: f.wz(spot.E) + 0.012, colour: payload.look.text, alpha: 1,
        kind: 2, size: 26 });
    }
    view.renderer.setMarks(heads);
  }

  function readOut(now) {
    if (now - measured < MEASURE_EVERY) return;
    measured = now;
    measurement = statistics.measure(simulation.balls, simulation.T);
    ui.transport.showTime(simulation.balls.time);
    if (measurement) {
      ui.readouts.update(measurement, simulation.T);
      ui.spoken.note({ T: simulation.T, E: measurement.E, exact: measurement.eq?.E });
      ui.shares.update(measurement, { T: simulation.T, steps: simulation.balls.steps, n: settings.n,
        held: ["hold", "quench"].includes(simulation.programme) });
    }
    if (simulation.programme !== "hold") ui.thermometer.show(simulation.T);
    if (paths) {
      const record = Math.round(replay.fraction * (paths.T - 1));
      const text = paths.steps ? _("step {n}", { n: count(paths.steps[record]) }) : `${record} / ${paths.T - 1}`;
      ui.startRow.showReplay(replay.fraction, text, replay.playing);
    }
    tellQuality();
  }

  /** The energy under the pointer, for every surface. */
  function showProbe() {
    probe.hidden = !hovered || !note.hidden;
    if (!hovered) return;
    const names = payload.axes ?? ["u\u2081", "u\u2082"];
    const head = shown.paths && paths?.nearest(Math.round(replay.fraction * (paths.T - 1)), hovered.x, hovered.y,
      HEAD_REACH * view.renderer.frame.unit);
    probe.textContent = [`${_("energy")} ${number(hovered.E, 3)}`, `${names[0]} ${number(hovered.x, 3)}`,
      `${names[1]} ${number(hovered.y, 3)}`,
      // A head is drawn at the slice's height; what the network itself loses is another number.
      head && _("{name} itself, off this slice: energy {E}", { name: head.name || _("network"), E: number(head.loss, 3) }),
    ].filter(Boolean).join(" \u00b7 ");
  }

  function showPointed(now) {
    if (!ui.pointer || now - pointed < POINTER_EVERY) return;
    const spot = watched();
    const key = `${spot.x},${spot.y},${spot.where}`;
    if (key === showPointed.key && pointed !== -Infinity) return;
    showPointed.key = key;
    pointed = now;
    ui.pointer.show(spot);
  }

  function tick(now) {
    if (destroyed) return;
    request = requestAnimationFrame(tick);
    if (document.hidden || !frame.isConnected || !view.measure()) { last = 0; return; }
    const seconds = last ? Math.min(0.25, (now - last) / 1000) : 0;
    if (last && view.quality.record(now - last)) view.redraw();
    last = now;
    if (playing && seconds > 0) simulation.advance(seconds, speed, view.quality.budget);
    if (replay.playing && paths) {
      replay.fraction = Math.min(1, replay.fraction + seconds / REPLAY_SECONDS);
      if (replay.fraction >= 1) replay.playing = false;
    }
    readOut(now);
    showPointed(now);
    // When nothing moves, four pictures a second are enough.
    if (!playing && !replay.playing && !view.busy && !film && now - painted < MEASURE_EVERY) return;
    painted = now;
    paint(seconds, now);
  }

  function paint(seconds, now) {
    const { balls } = simulation;
    drawn = Math.min(balls.n, view.quality.balls);
    view.renderer.setBalls(balls.x, balls.energy, drawn);
    showMarks();
    if (shown.trails && playing && now - trailed > 40) {
      trailed = now;
      trails.record(balls, view.renderer.frame);
      view.renderer.setTrails(trails.segments(payload.look.heat));
    }
    view.setScene({
      look: payload.look, names: payload.axes ?? ["u\u2081", "u\u2082"], unit: payload.surface.unit ?? "",
      basins: shown.names ? basins : NO_NAMES, means: { now: measurement?.E, equilibrium: measurement?.eq?.E },
      quiet: ui.captions.shown, count: balls.n, now: replay.fraction * (paths ? paths.T - 1 : 0),
    });
    view.draw(seconds);
    if (!pictures++) frame.classList.remove("waiting");
    explain();
    film?.frame((context, width, height) => view.film(context, width, height));
  }

  load(false);
  view.startCamera(payload.left?.camera);
  request = requestAnimationFrame(tick);

  /**
   * Whether the temperature of a new message is the page's own word. What the viewer has set on the stage stays,
   * however slow the server is: neither the former message's temperature nor an echo of the viewer's own undoes it.
   */
  function bringsTemperature(next) {
    if (!Number.isFinite(next.temperature)) return false;
    return !handsOn || (next.title !== payload.title && next.temperature !== payload.temperature
      && !released.has(next.temperature));
  }

  const stage = {
    /** New data: balls stay if the surface is the same; the camera always stays. */
    update(next) {
      const keep = sameSurface(payload, next), refined = !keep && payload.id === next.id;
      // What the viewer chose on the stage stays, unless the page itself now says otherwise.
      const counted = next.n_balls !== payload.n_balls;
      const begins = next.seed !== payload.seed || next.start !== payload.start;
      const heated = !refined && bringsTemperature(next) && !(keep && next.temperature === payload.temperature);
      if (counted) settings.n = next.n_balls;
      if (next.seed !== payload.seed) settings.seed = next.seed;
      if (next.start !== payload.start) settings.start = startOf(next);
      if (next.law !== payload.law) settings.law = next.law;
      if (next.programme_steps !== payload.programme_steps) settings.programmeSteps = next.programme_steps;
      if (heated) {
        settings.T = next.temperature;
        handsOn = false;
        released.clear();
      }
      // Where the page wants it, what begins anew waits for the viewer.
      if (next.paused && !refined && (begins || !keep)) playing = false;
      if (keep && heated) simulation.setTemperature(settings.T);
      if (keep && begins) simulation.setStart(settings.start);
      else if (keep && counted) simulation.setCount(settings.n);
      if (JSON.stringify(next.words) !== JSON.stringify(payload.words)) _ = createWords(next.words);
      payload = next;
      load(keep, refined);
      if (keep && begins) afresh();
    },
    destroy() {
      destroyed = true;
      cancelAnimationFrame(request);
      document.removeEventListener("keydown", begin, true);
      ui.keyboard.destroy();
      view.destroy();
      style.remove();
      frame.remove();
    },
    /** Takes exactly so many steps, however long the pictures take, and measures. */
    pass(steps) {
      simulation.balls.step(() => simulation.T, steps);
      measured = -Infinity;
      readOut(performance.now());
    },
    /** What the stage shows now, for tests and for the page. */
    state: () => ({
      webgl: !view.flat, playing, speed, T: simulation.T, programme: simulation.programme,
      seed: settings.seed, n: settings.n, drawn, pictures,
      steps: simulation.balls.steps, time: simulation.balls.time, positions: Array.from(simulation.balls.x.subarray(0,
        2 * Math.min(50, settings.n))),
      measurement, names: basins.map(({ name }) => name), scale: surface.scale, crossing: payload.crossing ?? null,
      camera: { top: view.camera.top }, following, replay: replay.fraction,
      quality: view.quality.level, lost: view.lost,
    }),
    view, actions,
    get simulation() { return simulation; },
  };
  frame.thermoviz = stage;
  return stage;
}
