// The review's page: what is judged, how it is drawn, mended and decided. Every decision goes to the server at once.

const token = new URLSearchParams(location.search).get("token") ?? "";
const at = (id) => document.getElementById(id);
const canvas = at("canvas"), context = canvas.getContext("2d");
const WORDS = { keep: "kept", reject: "rejected", mend: "mended" };
const COLOURS = { keep: "--good", reject: "--bad", mend: "--mended" };

const state = {
  classes: [], className: null, list: [], key: null, shown: null, image: null,
  mask: null, path: null, others: [], tool: null, strokes: [], polygon: [], decided: [],
  view: { scale: 1, x: 0, y: 0 }, hidden: false, pointer: null, showsRefined: null, queue: Promise.resolve(),
};

// ---- the server

async function ask(path, body) {
  const options = { headers: { "x-token": token } };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Start empaste review again and open the address that it prints.");
  }
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

// One action after the other, in the order of the keys.
function guarded(action) {
  state.queue = state.queue.then(async () => {
    try {
      await action();
      at("trouble").hidden = true;
    } catch (error) {
      at("trouble").textContent = error.message;
      at("trouble").hidden = false;
    }
  });
  return state.queue;
}

const say = (text) => { at("status").textContent = text; };

// ---- masks: one byte per pixel, row by row; the server's are lengths of runs down the columns

function decode(runs, [height, width]) {
  const mask = new Uint8Array(width * height);
  let place = 0, value = 0;
  for (const length of runs) {
    if (value) for (let end = place + length, i = place; i < end; i++) mask[(i % height) * width + Math.floor(i / height)] = 1;
    place += length;
    value = 1 - value;
  }
  return mask;
}

function encode(mask, [height, width]) {
  const runs = [];
  let value = 0, length = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (mask[y * width + x] !== value) {
        runs.push(length);
        value = 1 - value;
        length = 0;
      }
      length++;
    }
  }
  runs.push(length);
  return runs;
}

// The edges between pixels of the mask and others, as lines in the image's pixels.
function outline(mask, [height, width]) {
  const path = new Path2D();
  const on = (x, y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] === 1;
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (on(x, y) !== on(x, y - 1)) { path.moveTo(x, y); path.lineTo(x + 1, y); }
      if (on(x, y) !== on(x - 1, y)) { path.moveTo(x, y); path.lineTo(x, y + 1); }
    }
  }
  return path;
}

// What is outside the mask is dimmed; where there is nothing to judge yet, the image must stay easy to see.
function shade(mask, [height, width]) {
  const dimmed = !mask.includes(1) ? 0 : state.shown.chosen ? 130 : 60;
  const shadow = new OffscreenCanvas(width, height), pixels = new ImageData(width, height);
  for (let i = 0; i < mask.length; i++) pixels.data[4 * i + 3] = mask[i] ? 0 : dimmed;
  shadow.getContext("2d").putImageData(pixels, 0, 0);
  return shadow;
}

// The mask under the brush changes often; its outline is made once per picture.
function refreshSoon() {
  if (state.isDue) return;
  state.isDue = true;
  requestAnimationFrame(() => {
    state.isDue = false;
    if (state.mask) setMask(state.mask);
  });
}

function setMask(mask) {
  state.mask = mask;
  state.path = outline(mask, state.shown.size);
  state.shadow = shade(mask, state.shown.size);
  draw();
}

// ---- the picture

function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

function draw() {
  const ratio = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  if (!state.image || !state.mask) return;
  const { scale, x, y } = state.view;
  context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x, ratio * y);
  context.imageSmoothingEnabled = scale < 3;
  context.drawImage(state.image, 0, 0);
  if (!state.hidden) drawOthers(scale);
  if (!state.hidden) drawMask(scale);
  if (!state.hidden && state.showsRefined) drawRefined(scale);
  drawPolygon(scale);
  drawPointer(scale);
}

function drawMask(scale) {
  context.drawImage(state.shadow, 0, 0);
  const main = isChanged() ? "--mended" : COLOURS[state.shown.verdict] ?? "--accent";
  for (const [line, style] of [[4, "#000000aa"], [2, colour(main)]]) {
    context.lineWidth = line / scale;
    context.strokeStyle = style;
    context.stroke(state.path);
  }
}

// What stands for the class in the image already, so that nobody draws it twice.
function drawOthers(scale) {
  for (const [line, style] of [[4, "#000000aa"], [2, "#ffffff"]]) {
    context.lineWidth = line / scale;
    context.strokeStyle = style;
    for (const path of state.others) context.stroke(path);
  }
}

function drawRefined(scale) {
  for (const [line, style] of [[3, "#000000aa"], [1.5, colour("--refined")]]) {
    context.setLineDash([6 / scale, 4 / scale]);
    context.lineWidth = line / scale;
    context.strokeStyle = style;
    for (const path of state.refined) context.stroke(path);
  }
  context.setLineDash([]);
}

function drawPolygon(scale) {
  if (!state.polygon.length) return;
  context.beginPath();
  state.polygon.forEach(([x, y]) => context.lineTo(x, y));
  if (state.pointer) context.lineTo(...state.pointer);
  context.lineWidth = 2 / scale;
  context.strokeStyle = "#ffffff";
  context.stroke();
  for (const [x, y] of state.polygon) {
    context.fillStyle = colour("--mended");
    context.fillRect(x - 3 / scale, y - 3 / scale, 6 / scale, 6 / scale);
  }
}

function drawPointer(scale) {
  if (!state.pointer || !["b", "e"].includes(state.tool)) return;
  context.beginPath();
  context.arc(...state.pointer, radius(), 0, 2 * Math.PI);
  context.lineWidth = 1.5 / scale;
  context.strokeStyle = "#ffffff";
  context.stroke();
}

function showWhole() {
  if (!state.shown) return;
  const [height, width] = state.shown.size;
  const scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height);
  state.view = { scale, x: (canvas.clientWidth - width * scale) / 2, y: (canvas.clientHeight - height * scale) / 2 };
  draw();
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const { view } = state, scale = Math.min(64, Math.max(0.05, view.scale * factor)), by = scale / view.scale;
  state.view = { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by };
  draw();
}

const inImage = (event) => [
  (event.offsetX - state.view.x) / state.view.scale, (event.offsetY - state.view.y) / state.view.scale,
];

// ---- mending

const radius = () => Number(at("size").value) / 2;
const original = () => decode(state.shown.mended ?? state.shown.mask, state.shown.size);
const isChanged = () => state.strokes.length > 0;

function remember() { state.strokes.push(state.mask.slice()); }

function paint([fromX, fromY], [toX, toY], value) {
  const [height, width] = state.shown.size, reach = radius(), mask = state.mask;
  const steps = Math.max(1, Math.ceil(Math.hypot(toX - fromX, toY - fromY)));
  for (let step = 0; step <= steps; step++) {
    const x = fromX + (toX - fromX) * step / steps, y = fromY + (toY - fromY) * step / steps;
    for (let row = Math.max(0, Math.floor(y - reach)); row <= Math.min(height - 1, Math.ceil(y + reach)); row++) {
      for (let column = Math.max(0, Math.floor(x - reach)); column <= Math.min(width - 1, Math.ceil(x + reach)); column++) {
        if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= Math.max(reach, 0.71)) mask[row * width + column] = value;
      }
    }
  }
  refreshSoon();
}

function closePolygon(value) {
  if (state.polygon.length < 3) { say("A polygon has at least three corners."); return; }
  const [height, width] = state.shown.size, area = new OffscreenCanvas(width, height).getContext("2d");
  area.beginPath();
  state.polygon.forEach(([x, y]) => area.lineTo(x, y));
  remember();
  const mask = state.mask;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) if (area.isPointInPath(x + 0.5, y + 0.5)) mask[y * width + x] = value;
  }
  state.polygon = [];
  setMask(mask);
}

function take(tool) {
  state.tool = state.tool === tool ? null : tool;
  state.polygon = [];
  for (const button of document.querySelectorAll("[aria-label='Mend the mask'] [aria-pressed]")) {
    button.setAttribute("aria-pressed", String(button.dataset.key === state.tool));
  }
  canvas.style.cursor = state.tool ? "crosshair" : "grab";
  draw();
}

// ---- what refine drew

const PASTED = {
  refined: "This run pastes what refine drew. A mask that you keep or draw stays as it is: refine learns from it, and does not draw it anew.",
  fem: "This run pastes it, and not what refine drew.",
};

function showRefined(shows) {
  state.showsRefined = shows;
  document.querySelector("[data-key=v]").setAttribute("aria-pressed", String(shows));
  draw();
}

function describeRefined({ refined, size, pasted, chosen }) {
  at("refined").hidden = refined === null;
  if (refined === null) { state.refined = []; return; }
  state.refined = refined.map((runs) => outline(decode(runs, size), size));
  const drew = refined.length ? `refine drew ${refined.length} here (dashed)` : "refine drew nothing here";
  const what = PASTED[pasted] ?? `This run pastes other masks (paste.foregrounds is ${pasted}).`;
  at("masks").textContent = `${chosen ? "The full outline is F-EM's mask" : "F-EM chose no mask"}; ${drew}. ${what}`;
  showRefined(state.showsRefined ?? pasted === "refined");
}

function drawOnFromRefined() {
  const { refined, size } = state.shown ?? {};
  if (!state.mask || !refined?.length) { say("refine drew nothing here."); return; }
  remember();
  const mask = new Uint8Array(state.mask.length);
  for (const runs of refined) decode(runs, size).forEach((value, place) => { if (value) mask[place] = 1; });
  setMask(mask);
}

function drop() {
  state.strokes = [];
  state.polygon = [];
  setMask(original());
}

// ---- deciding

const NOT_DRAWN = "Nothing is drawn: draw the object with b or g, then press k. If the image does not show the class, correct its labels with l.";
const DRAW_ANOTHER = "Draw the other object of the class with b or g, then press k; n goes on without it. White lines show what is there already.";
const NOTHING_TO_REJECT = "Nothing was chosen, so there is nothing to reject. If the image does not show the class, correct its labels with l.";
const word = (verdict, { chosen, instance }) =>
  chosen ? WORDS[verdict] ?? "undecided" : verdict ? "drawn" : instance ? "to be drawn" : "nothing chosen";

// Acts on what was shown when the key went down; a key that comes too soon must not judge what nobody has seen.
function soon(action) {
  const { key } = state;
  return guarded(async () => {
    if (key === state.key) await action();
    else say("That key came before this foreground was shown; press it again.");
  });
}

async function decide(verdict) {
  if (!await record(verdict)) return;
  if (verdict === null) await openClass(state.className, state.key);
  else await go(1, true);
}

// Keeps what is shown, unless it is decided already, and opens an empty mask of the class in the same image.
async function another() {
  if (!state.shown) return;
  if ((isChanged() || !state.shown.verdict || state.shown.gone) && !await record("keep")) return;
  const one = await ask("/api/another", { key: state.key });
  const here = state.list.findIndex((other) => other.key === state.key);
  state.list.splice(at("order").value === "most" ? here : here + 1, 0, one);
  await open(one.key);
  say(DRAW_ANOTHER);
}

// The decision is in the file; false, with the reason said, where there is none to make.
async function record(verdict) {
  if (!state.shown) return false;
  if (state.shown.gone && verdict) { say("This foreground is gone; clear its decision with c, or go on."); return false; }
  const mends = verdict === "keep" && isChanged();
  if (!state.shown.chosen && verdict && !mends && !(verdict === "keep" && state.shown.verdict)) {
    say(verdict === "keep" ? NOT_DRAWN : NOTHING_TO_REJECT);
    return false;
  }
  if (mends && !state.mask.includes(1)) {
    say(state.shown.chosen ? "The mask is empty: draw the object, or reject with r." : NOT_DRAWN);
    return false;
  }
  // What was mended already, and is kept as it is, stays mended.
  const stays = verdict === "keep" && !isChanged() && state.shown.verdict === "mend";
  const body = { key: state.key, verdict: mends || stays ? "mend" : verdict };
  if (verdict === null && !state.shown.verdict) { say("Nothing is decided here."); return false; }
  if (mends) body.mended = encode(state.mask, state.shown.size);
  if (stays) body.mended = state.shown.mended;
  const before = {
    key: state.key, className: state.className, verdict: state.shown.verdict, mended: state.shown.mended,
    made: body.verdict, one: state.shown,
  };
  await ask("/api/decide", body);
  state.decided.push(before);
  const made = body.verdict ? word(body.verdict, state.shown) : "the decision is taken back";
  say(`${state.shown.class_name} in ${state.shown.image}: ${made}`);
  state.list.find((one) => one.key === state.key).verdict = body.verdict;
  count(state.className, state.shown, before.verdict, body.verdict);
  state.strokes = [];
  return true;
}

async function undo() {
  if (state.polygon.length) { state.polygon.pop(); draw(); return; }
  if (isChanged()) { setMask(state.strokes.pop()); return; }
  const last = state.decided.at(-1);
  if (!last) { say("There is nothing to undo."); return; }
  await ask("/api/decide", { key: last.key, verdict: last.verdict, mended: last.mended });
  state.decided.pop();
  count(last.className, last.one, last.made, last.verdict);
  await openClass(last.className, last.key, last.one);
  say("The last decision is undone.");
}

const FILTERS = {
  all: (one) => one.chosen || one.verdict,
  undecided: (one) => one.chosen && !one.verdict,
  missing: (one) => !one.chosen && (one.of_run || one.verdict),
};
const shows = (one) => FILTERS[at("filter").value](one);

// The foregrounds in the order that is shown; what is open stays among them.
function order() {
  const wanted = state.list.filter((one) => one.key === state.key || shows(one));
  return at("order").value === "most" ? wanted.toReversed() : wanted;
}

async function go(by, skipsDecided = false) {
  if (isChanged()) { say("The mask is changed: keep it as drawn with k, or drop what was drawn with Esc."); return; }
  const all = order(), here = all.findIndex((one) => one.key === state.key);
  const next = all.find((one, place) => place > here && !(skipsDecided && one.verdict)) ?? null;
  const target = by < 0 ? all[here - 1] : skipsDecided ? next : all[here + 1];
  if (target && !skipsDecided) say("");  // what was decided stays said, until the next one is looked at
  if (target) { await open(target.key); return; }
  if (skipsDecided) await open(state.key);
  const left = all.filter((one) => !one.verdict).length;
  const then = left ? `${left} before it are undecided.` : "choose another class.";
  say(by < 0 ? "This is the first one of the class." : `This is the last one of the class; ${then}`);
}

// ---- what is open

// Keeps the counts up to date; what is not of the run and not decided is no more there.
function count(className, one, from, to) {
  const row = state.classes.find((other) => other.name === className);
  const column = (verdict) => one.chosen ? verdict ?? "undecided" : verdict ? "drawn" : "missing";
  if (from || one.of_run) row[column(from)] -= 1;
  if (to || one.of_run) row[column(to)] += 1;
  showClasses();
}

function showClasses() {
  const total = { undecided: 0, keep: 0, reject: 0, mend: 0, missing: 0, drawn: 0 };
  at("classes").replaceChildren(...state.classes.map((one) => {
    for (const name of Object.keys(total)) total[name] += one[name];
    const item = document.createElement("li"), button = document.createElement("button");
    const name = document.createElement("span"), counts = document.createElement("span");
    button.type = "button";
    name.textContent = one.name;
    name.dir = "auto";
    counts.className = "counts";
    const decided = Object.keys(WORDS).filter((verdict) => one[verdict]).map((verdict) => `${one[verdict]} ${WORDS[verdict]}`);
    if (one.missing) decided.push(`${one.missing} without a mask`);
    if (one.drawn) decided.push(`${one.drawn} drawn`);
    counts.textContent = [`${one.undecided} undecided`, ...decided].join(" · ");
    button.append(name, counts);
    if (one.name === state.className) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => guarded(() => changeClass(one.name)));
    item.append(button);
    return item;
  }));
  const done = total.keep + total.reject + total.mend;
  const drawn = total.missing + total.drawn ? ` · ${total.drawn} drawn, ${total.missing} without a mask` : "";
  at("progress").textContent =
    `${done} of ${done + total.undecided} decided: ${total.keep} kept, ${total.reject} rejected, ${total.mend} mended${drawn}`;
}

async function changeClass(name) {
  if (isChanged()) { say("The mask is changed: keep it as drawn with k, or drop what was drawn with Esc."); return; }
  await openClass(name);
}

// `begun` is what is listed although nothing is decided on it: what a person had begun to draw beside others.
async function openClass(name, key, begun) {
  state.className = name;
  state.list = await ask(`/api/foregrounds?class=${encodeURIComponent(name)}`);
  if (begun?.instance && !state.list.some((one) => one.key === begun.key)) state.list.push({ ...begun, verdict: null });
  const wanted = state.list.find((one) => one.key === key);
  key = wanted ? key : null;
  if (wanted && !wanted.instance && !shows(wanted)) at("filter").value = wanted.chosen ? "all" : "missing";
  state.key = key;
  for (const button of at("classes").querySelectorAll("button")) {
    if (button.firstChild.textContent === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  const all = order(), first = key ? { key } : all.find((one) => !one.verdict) ?? all[0];
  if (first) await open(first.key); else showNothing();
}

function showNothing() {
  Object.assign(state, { key: null, shown: null, image: null, mask: null });
  at("name").textContent = state.className;
  at("verdict").textContent = "";
  const { missing } = state.classes.find((one) => one.name === state.className);
  const further = missing ? ` Nothing was chosen in ${missing} of its images: Show, nothing chosen, or drawn.` : "";
  at("facts").textContent = at("filter").value === "missing"
    ? "No image of this class is without a mask." : `There is no foreground of this class to judge.${further}`;
  at("labels").textContent = "";
  at("refined").hidden = true;
  canvas.setAttribute("aria-label", "No foreground is shown");
  draw();
}

async function open(key) {
  const shown = await ask(`/api/foreground?key=${key}`);
  const image = shown.gone ? null : await load(key);
  const others = shown.others.map((runs) => outline(decode(runs, shown.size), shown.size));
  Object.assign(state, { key, shown, image, others, mask: null, strokes: [], polygon: [] });
  at("gone").hidden = !shown.gone;
  at("refined").hidden = true;
  canvas.hidden = Boolean(shown.gone);
  at("gone").textContent = shown.gone ? `${shown.gone} The decision has no effect; clear it with c, or leave it.` : "";
  if (!shown.gone) {
    setMask(original());
    describeRefined(shown);
    showWhole();
  }
  describe();
  const all = order(), next = all[all.findIndex((one) => one.key === key) + 1];
  if (next) load(next.key).catch(() => {});  // so that it is there when it is asked for
}

function load(key) {
  const image = new Image();
  image.src = `/image?key=${key}&token=${encodeURIComponent(token)}`;
  return image.decode().then(() => image, () => { throw new Error("The image cannot be shown; run: dvc repro prepare"); });
}

function describe() {
  const { shown } = state, all = order(), place = all.findIndex((one) => one.key === state.key) + 1;
  const verdict = word(shown.verdict, shown);
  const beside = shown.instance ? "another object of the class" : "F-EM chose no mask";
  const outside = shown.chosen ? "not in the pool of the last run" : beside;
  const sure = shown.confidence === null ? outside : `confidence ${shown.confidence.toFixed(2)}`;
  at("name").textContent = shown.class_name;
  at("verdict").textContent = verdict;
  at("verdict").className = `verdict ${shown.verdict ?? ""}`;
  at("facts").textContent = `${place} of ${all.length} · ${sure} · ${shown.image}`;
  at("labels").textContent = shown.labels.join(", ") || "none";
  const outlined = shown.chosen || shown.verdict ? "its mask is outlined" : "no mask is outlined";
  canvas.setAttribute("aria-label", `${shown.class_name} in ${shown.image}: ${outlined}; ${sure}, ${verdict}`);
}

// ---- labels

function showLabels() {
  if (!state.shown) return;
  const names = state.classes.map((one) => one.name);
  at("label-list").replaceChildren(...names.map((name) => {
    const item = document.createElement("li"), label = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox";
    box.checked = state.shown.labels.includes(name);
    box.addEventListener("change", () => guarded(async () => {
      state.shown.labels = await ask("/api/label", { key: state.key, class: name, present: box.checked });
      box.checked = state.shown.labels.includes(name);
      describe();
      state.isRelabelled = true;
      say(`Labels of ${state.shown.image}: ${state.shown.labels.join(", ") || "none"}`);
    }));
    label.append(box, ` ${name}`);
    item.append(label);
    return item;
  }));
  at("label-dialog").showModal();
}

// What is without a mask depends on the labels; what is drawn and not kept yet stays.
async function listAgain() {
  if (!state.isRelabelled) return;
  state.isRelabelled = false;
  state.classes = await ask("/api/classes");
  const list = await ask(`/api/foregrounds?class=${encodeURIComponent(state.className)}`);
  showClasses();
  const open = state.list.find((one) => one.key === state.key);
  const isBegun = open?.instance && !open.verdict && state.shown.labels.includes(state.className);
  if (isBegun) list.unshift(open);
  if (list.some((one) => one.key === state.key)) { state.list = list; describe(); } else await openClass(state.className);
}

// ---- keys and pointer

const KEYS = {
  k: () => soon(() => decide("keep")),
  r: () => soon(() => decide("reject")),
  a: () => soon(another),
  n: () => guarded(() => go(1)),
  p: () => guarded(() => go(-1)),
  c: () => soon(() => decide(null)),
  z: () => guarded(undo),
  b: () => take("b"),
  e: () => take("e"),
  g: () => take("g"),
  x: () => { if (state.mask) { remember(); setMask(new Uint8Array(state.mask.length)); } },
  v: () => { if (at("refined").hidden) say("This run has no refined masks."); else showRefined(!state.showsRefined); },
  u: drawOnFromRefined,
  l: showLabels,
  "?": () => at("help").showModal(),
  "+": () => zoom(1.25),
  "-": () => zoom(0.8),
  0: showWhole,
  "[": () => { at("size").stepDown(2); draw(); },
  "]": () => { at("size").stepUp(2); draw(); },
  Enter: (event) => { if (state.polygon.length) closePolygon(event.shiftKey ? 0 : 1); },
  Escape: () => { if (state.polygon.length || state.tool) take(null); else if (isChanged()) drop(); },
};
KEYS.ArrowRight = KEYS.n;
KEYS.ArrowLeft = KEYS.p;
KEYS["="] = KEYS["+"];

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.matches("select, input") || event.repeat && "kraczxu".includes(event.key)) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (name === "h") { state.hidden = true; draw(); return; }
  if (!Object.hasOwn(KEYS, name) || (name === "Enter" && event.target.matches("button") && !state.polygon.length)) return;
  event.preventDefault();
  KEYS[name](event);
});
document.addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "h") { state.hidden = false; draw(); }
});

for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", (event) => KEYS[button.dataset.key](event));
}
at("help-button").addEventListener("click", KEYS["?"]);
at("labels-button").addEventListener("click", KEYS.l);
for (const id of ["filter", "order"]) at(id).addEventListener("change", () => guarded(() => changeClass(state.className)));
at("label-dialog").addEventListener("close", () => guarded(listAgain));
at("size").addEventListener("input", draw);

canvas.addEventListener("pointerdown", (event) => {
  if (!state.mask || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  const point = inImage(event);
  if (state.tool === "g") { state.polygon.push(point); draw(); return; }
  if (state.tool) { remember(); paint(point, point, state.tool === "b" ? 1 : 0); }
  state.held = [event.offsetX, event.offsetY];
  state.pointer = point;
});
canvas.addEventListener("pointermove", (event) => {
  if (!state.mask) return;
  const point = inImage(event);
  if (state.held && state.tool) paint(state.pointer, point, state.tool === "b" ? 1 : 0);
  else if (state.held) {
    state.view.x += event.offsetX - state.held[0];
    state.view.y += event.offsetY - state.held[1];
    state.held = [event.offsetX, event.offsetY];
  }
  state.pointer = point;
  draw();
});
for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { state.held = null; });
canvas.addEventListener("pointerleave", () => { state.pointer = null; draw(); });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.offsetX, event.offsetY);
}, { passive: false });
addEventListener("resize", showWhole);
addEventListener("beforeunload", (event) => { if (isChanged()) event.preventDefault(); });

take(null);
await guarded(async () => {
  state.classes = await ask("/api/classes");
  showClasses();
  const judged = ["undecided", "keep", "reject", "mend"];
  if (!state.classes.some((one) => judged.some((column) => one[column]))) at("filter").value = "missing";
  const first = state.classes.find((one) => one.undecided) ?? state.classes.find((one) => one.missing) ?? state.classes[0];
  if (first) await openClass(first.name);
});
document.body.dataset.ready = "yes";
