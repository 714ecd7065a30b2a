// A plane to draw points on: two classes, or a curve. Pointer, touch and keyboard; what is drawn is sent by "train".

const planes = new WeakMap();
const MOST = 1000, NEAR = 0.07, STEP = 0.05, FEWEST = 8;

export default function plane({ data, parentElement, setTriggerValue }) {
  let here = planes.get(parentElement);
  if (!here) planes.set(parentElement, here = create(parentElement));
  here.take(data[0], setTriggerValue);
  return () => setTimeout(() => { if (!parentElement.isConnected) here.end(); }, 50);
}

function create(root) {
  let told, send, points = [], undone = [], mode = "classification", of = 0, cursor = null, drawing = false;
  const box = document.createElement("div");
  box.className = "plane";
  const style = document.createElement("style");
  root.replaceChildren(style, box);
  const bar = add(box, "div", "bar"), modes = add(bar, "div", "group"), classes = add(bar, "div", "group");
  modes.setAttribute("role", "radiogroup");
  classes.setAttribute("role", "radiogroup");
  const canvas = add(box, "canvas", "sheet"), said = add(box, "p", "said"), below = add(box, "div", "bar");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  said.setAttribute("aria-live", "polite");
  const choices = [["classification", modes], ["regression", modes], [0, classes], [1, classes]].map(([value, group]) => {
    const button = add(group, "button", "choice");
    button.setAttribute("role", "radio");
    button.addEventListener("click", () => {
      if (group === modes) mode = value; else of = value;
      draw();
    });
    return { value, group, button };
  });
  const undo = add(below, "button", ""), clear = add(below, "button", ""), train = add(below, "button", "train");
  undo.addEventListener("click", back);
  clear.addEventListener("click", () => { if (points.length) undone.push(points); points = []; draw(); });
  train.addEventListener("click", () => send("train", { points, task: mode }));
  const watch = new ResizeObserver(draw);
  watch.observe(canvas);

  function back() {
    if (points.length) points = points.slice(0, -1);
    else if (undone.length) points = undone.pop();
    draw();
  }

  function put(x, y) {
    const inside = (value) => Math.round(1000 * Math.min(1, Math.max(-1, value))) / 1000;
    if (points.length < MOST) points = [...points, [inside(x), inside(y), of]];
    draw();
  }

  function place(event) {
    const at = canvas.getBoundingClientRect();
    return [2 * (event.clientX - at.left) / at.width - 1, 1 - 2 * (event.clientY - at.top) / at.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    drawing = true;
    cursor = null;
    put(...place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event), last = points[points.length - 1];
    if (drawing && last && Math.hypot(x - last[0], y - last[1]) > NEAR) put(x, y);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { drawing = false; });
  canvas.addEventListener("focus", () => { if (!drawing && canvas.matches(":focus-visible")) cursor ??= [0, 0]; draw(); });
  canvas.addEventListener("blur", () => { cursor = null; draw(); });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const step = event.shiftKey ? STEP / 5 : STEP;
    cursor ??= [0, 0];
    if (way) cursor = cursor.map((value, k) => Math.min(1, Math.max(-1, value + step * way[k])));
    else if (event.key === " " || event.key === "Enter") put(...cursor);
    else if (event.key === "1" || event.key === "2") of = Number(event.key) - 1;
    else if (event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey))) back();
    else return;
    event.preventDefault();
    event.stopPropagation();
    draw();
  });

  function reason() {
    if (points.length < FEWEST) return told.words.more;
    const both = new Set(points.map((point) => point[2])).size > 1;
    return mode === "classification" && !both ? told.words.other : "";
  }

  function say() {
    const words = told.words, n = [0, 1].map((k) => points.filter((point) => point[2] === k).length);
    const counted = mode === "classification" ? words.classes : words.points;
    const filled = counted.replace("{a}", n[0]).replace("{b}", n[1]).replace("{n}", points.length);
    const why = reason();
    said.textContent = points.length ? `${filled} ${why}` : words.hint;
    train.disabled = Boolean(why);
    undo.disabled = !points.length && !undone.length;
    clear.disabled = !points.length;
    classes.hidden = mode !== "classification";
    for (const { value, group, button } of choices) {
      button.setAttribute("aria-checked", String(value === (group === modes ? mode : of)));
    }
  }

  function draw() {
    if (!told) return;
    say();
    const ratio = window.devicePixelRatio || 1, side = canvas.clientWidth, look = told.look;
    if (!side) return;
    canvas.width = canvas.height = Math.round(side * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const at = (x, y) => [(x + 1) / 2 * side, (1 - y) / 2 * side];
    context.strokeStyle = look.line;
    for (let k = 1; k < 8; k++) {
      context.globalAlpha = k === 4 ? 1 : 0.45;
      line(context, [k * side / 8, 0], [k * side / 8, side]);
      line(context, [0, k * side / 8], [side, k * side / 8]);
    }
    context.globalAlpha = 1;
    for (const [x, y, k] of points) {
      const [left, top] = at(x, y), r = look.radius, square = mode === "classification" && k === 1;
      context.fillStyle = mode === "regression" ? look.curve : look.classes[k];
      context.strokeStyle = look.background;
      context.lineWidth = 1.5;
      context.beginPath();
      if (square) context.rect(left - r * 0.9, top - r * 0.9, 1.8 * r, 1.8 * r);
      else context.arc(left, top, r, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
    if (cursor) {
      const [left, top] = at(...cursor);
      context.strokeStyle = look.heat;
      context.lineWidth = 2;
      line(context, [left - 11, top], [left + 11, top]);
      line(context, [left, top - 11], [left, top + 11]);
    }
  }

  function take(message, trigger) {
    const first = !told;
    told = message;
    send = trigger;
    if (first) {
      points = message.points;
      mode = message.task;
    }
    style.textContent = rules(message.look);
    const words = message.words;
    [words.two, words.curve, words.round, words.square].forEach((text, k) => { choices[k].button.textContent = text; });
    choices[2].button.dataset.sign = "●";
    choices[3].button.dataset.sign = "■";
    modes.setAttribute("aria-label", words.what);
    classes.setAttribute("aria-label", words.which);
    canvas.setAttribute("aria-label", words.keys);
    undo.textContent = words.undo;
    clear.textContent = words.clear;
    train.textContent = words.train;
    draw();
  }

  return { take, end: () => watch.disconnect() };
}

function add(parent, tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  if (tag === "button") made.type = "button";
  parent.append(made);
  return made;
}

function line(context, from, to) {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function rules(look) {
  return `
    .plane { display: flex; flex-direction: column; gap: .6rem; color: ${look.text};
      font: ${look.font}px ${look.family}; }
    .bar { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
    .group { display: flex; border: 1px solid ${look.line}; border-radius: 9px; overflow: hidden; }
    .group[hidden] { display: none; }
    button { font: inherit; color: ${look.text}; background: ${look.panel}; border: 1px solid ${look.line};
      border-radius: 8px; padding: .42rem .8rem; min-height: 2.3rem; cursor: pointer; }
    .group button { border: 0; border-radius: 0; }
    .group button + button { border-left: 1px solid ${look.line}; }
    .group button[aria-checked="true"] { background: ${look.line}; font-weight: 650; }
    button[data-sign]::before { content: attr(data-sign) " "; color: ${look.classes[0]}; }
    button[data-sign="■"]::before { color: ${look.classes[1]}; }
    button:hover:not(:disabled) { border-color: ${look.heat}; }
    button:focus-visible, canvas:focus-visible { outline: 2px solid ${look.heat}; outline-offset: 2px; }
    button:disabled { opacity: .45; cursor: default; }
    .train { margin-left: auto; font-weight: 650; }
    .train:not(:disabled) { background: ${look.heat}; border-color: ${look.heat}; color: ${look.background}; }
    .sheet { width: 100%; max-width: min(460px, 46vh); aspect-ratio: 1; align-self: center; background: ${look.background};
      border: 1px solid ${look.line}; border-radius: 10px; touch-action: none; cursor: crosshair; }
    .said { margin: 0; min-height: 1.5em; color: ${look.dim}; }
    .bar > button:first-child:not(.train) { margin-left: 0; }`;
}
