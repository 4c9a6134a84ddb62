// One drawing per mounted component, kept between runs: a rerun with the same picture keeps zoom and place.
const drawings = new WeakMap();
const SVG = "http://www.w3.org/2000/svg";
const NEAREST = 40; // px of the drawing across the whole canvas: as near as one may come
const CLICK = 5; // px a pointer may move and still click

const READABLE = 0.6; // screen px to a px of the drawing from which letters can be read

// The document is written by the app with every text escaped; scripts are left out all the same.
function parsed(text) {
  const root = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  for (const node of root.querySelectorAll("script, foreignObject")) node.remove();
  return root;
}

function viewBox(picture) {
  const [x, y, w, h] = picture.getAttribute("viewBox").split(/[\s,]+/).map(Number);
  return { x, y, w, h };
}

// The bases fill the canvas and can be zoomed; the legend stands below in its own size.
function apart(drawing, root) {
  const stage = root.querySelector(".rna-stage");
  const legend = root.querySelector(".rna-legend");
  for (const name of ["x", "y", "width", "height"]) stage.removeAttribute(name);
  stage.setAttribute("font-family", root.getAttribute("font-family"));
  drawing.far = root.classList.contains("rna-far");
  drawing.canvas.replaceChildren(stage);
  const sheet = document.createElementNS(SVG, "svg");
  sheet.setAttribute("font-family", root.getAttribute("font-family"));
  legend.removeAttribute("transform");
  sheet.append(legend);
  drawing.legend.replaceChildren(sheet);
  const bounds = legend.getBBox();
  sheet.setAttribute("viewBox", `${bounds.x - 2} ${bounds.y - 2} ${bounds.width + 4} ${bounds.height + 4}`);
  sheet.setAttribute("width", bounds.width + 4);
  sheet.setAttribute("height", bounds.height + 4);
  return stage;
}

function show(drawing) {
  const { box } = drawing;
  drawing.picture.setAttribute("viewBox", `${box.x} ${box.y} ${box.w} ${box.h}`);
  drawing.canvas.classList.toggle("gr-near", box.w < drawing.full.w * 0.98);
  drawing.canvas.dataset.zoom = (drawing.full.w / box.w).toFixed(2);
  const scale = Math.min((drawing.canvas.clientWidth || 800) / box.w, (drawing.canvas.clientHeight || 600) / box.h);
  drawing.picture.classList.toggle("rna-far", drawing.far && scale < READABLE);
}

// Where a point of the screen lies in the drawing.
function place(drawing, event) {
  const matrix = drawing.picture.getScreenCTM();
  return matrix ? new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()) : { x: drawing.full.x, y: drawing.full.y };
}

function zoom(drawing, factor, at) {
  const { box, full } = drawing;
  const w = Math.min(full.w * 1.5, Math.max(NEAREST, box.w / factor));
  const by = w / box.w;
  const centre = at ?? { x: box.x + box.w / 2, y: box.y + box.h / 2 };
  drawing.box = { x: centre.x - (centre.x - box.x) * by, y: centre.y - (centre.y - box.y) * by, w, h: box.h * by };
  show(drawing);
}

function fit(drawing) {
  drawing.box = { ...drawing.full };
  show(drawing);
}

function entityOf(event) {
  return event.target.closest?.("[data-entity]") ?? null;
}

// Middle and reach of a base's sign, in the drawing's own coordinates.
function spot(drawing, node) {
  const bounds = node.getBBox();
  const to = drawing.picture.getCTM().inverse().multiply(node.getCTM());
  const middle = new DOMPoint(bounds.x + bounds.width / 2, bounds.y + bounds.height / 2).matrixTransform(to);
  return { x: middle.x, y: middle.y, r: Math.max(7, Math.min(14, Math.max(bounds.width, bounds.height) / 2 + 2)) };
}

function ring(drawing, node, name) {
  const at = spot(drawing, node);
  const circle = document.createElementNS(SVG, "circle");
  circle.setAttribute("cx", at.x);
  circle.setAttribute("cy", at.y);
  circle.setAttribute("r", at.r);
  circle.setAttribute("class", name);
  drawing.picture.append(circle);
  return at;
}

function mark(drawing, wanted, bringNear) {
  for (const old of drawing.picture.querySelectorAll(".gr-mark")) old.remove();
  const spots = wanted.map((index) => drawing.bases.get(index)).filter(Boolean).map((node) => ring(drawing, node, "gr-mark"));
  if (!bringNear || !spots.length) return;
  const x = spots.reduce((sum, at) => sum + at.x, 0) / spots.length;
  const y = spots.reduce((sum, at) => sum + at.y, 0) / spots.length;
  const { box } = drawing;
  if (x > box.x && x < box.x + box.w && y > box.y && y < box.y + box.h) return;
  drawing.box = { ...box, x: x - box.w / 2, y: y - box.h / 2 };
  show(drawing);
}

function tell(drawing, node, event) {
  const tip = drawing.tip;
  if (!node || !node.dataset.tip) {
    tip.style.visibility = "hidden";
    return;
  }
  if (tip.textContent !== node.dataset.tip) tip.textContent = node.dataset.tip;
  const frame = drawing.canvas.getBoundingClientRect();
  const at = event ?? { clientX: node.getBoundingClientRect().right, clientY: node.getBoundingClientRect().bottom };
  const x = Math.min(at.clientX - frame.left + 14, frame.width - tip.offsetWidth - 4);
  tip.style.left = `${Math.max(4, x)}px`;
  tip.style.top = `${drawing.canvas.offsetTop + at.clientY - frame.top + 14}px`;
  tip.style.visibility = "visible";
}

function walk(drawing, step) {
  const order = [...drawing.bases.keys()].sort((a, b) => a - b);
  if (!order.length) return;
  const from = drawing.at ?? drawing.selected[0] ?? (step > 0 ? order[0] - 1 : order.at(-1) + 1);
  drawing.at = Math.min(order.at(-1), Math.max(order[0], from + step));
  for (const old of drawing.picture.querySelectorAll(".gr-walk")) old.remove();
  const node = drawing.bases.get(drawing.at);
  if (!node) return;
  ring(drawing, node, "gr-walk");
  tell(drawing, node);
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// The document as a file of its own: dark on white, every letter shown.
function file(drawing) {
  const root = new DOMParser().parseFromString(drawing.source, "image/svg+xml").documentElement;
  root.classList.remove("rna-far");
  root.setAttribute("color", "#111111");
  root.setAttribute("style", "background: #ffffff");
  return new Blob([new XMLSerializer().serializeToString(root)], { type: "image/svg+xml" });
}

function asPng(drawing) {
  const { name } = drawing;
  const image = new Image();
  image.onload = () => {
    const sheet = document.createElement("canvas");
    const scale = Math.min(3, 8000 / Math.max(image.width, image.height));
    sheet.width = Math.round(image.width * scale);
    sheet.height = Math.round(image.height * scale);
    const brush = sheet.getContext("2d");
    brush.fillStyle = "#ffffff";
    brush.fillRect(0, 0, sheet.width, sheet.height);
    brush.drawImage(image, 0, 0, sheet.width, sheet.height);
    sheet.toBlob((blob) => save(blob, `${name}.png`));
    URL.revokeObjectURL(image.src);
  };
  image.src = URL.createObjectURL(file(drawing));
}

function listen(drawing) {
  const { canvas } = drawing;
  const fingers = new Map();
  let down = null;
  let spread = 0;
  let moved = false;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(drawing, Math.exp(-event.deltaY / 400), place(drawing, event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    spread = 0;
    moved = fingers.size > 1;
    down = { x: event.clientX, y: event.clientY, box: { ...drawing.box } };
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) {
      tell(drawing, entityOf(event), event);
      return;
    }
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      const apart = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
      if (spread) zoom(drawing, apart / spread, place(drawing, middle));
      spread = apart;
      return;
    }
    if (!down || (!moved && Math.hypot(event.clientX - down.x, event.clientY - down.y) <= CLICK)) return;
    moved = true;
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("gr-moving");
    tell(drawing, null);
    const scale = drawing.picture.getScreenCTM()?.a || 1;
    drawing.box = { ...down.box, x: down.box.x - (event.clientX - down.x) / scale, y: down.box.y - (event.clientY - down.y) / scale };
    show(drawing);
  });
  const lift = (event) => {
    fingers.delete(event.pointerId);
    canvas.classList.remove("gr-moving");
    if (!fingers.size) down = null;
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("pointerleave", () => tell(drawing, null));
  canvas.addEventListener("click", (event) => {
    const node = entityOf(event);
    if (node && !moved) drawing.pick(node.dataset.entity);
    moved = false;
  });
  const keys = {
    "+": () => zoom(drawing, 1.3),
    "=": () => zoom(drawing, 1.3),
    "-": () => zoom(drawing, 1 / 1.3),
    0: () => fit(drawing),
    ArrowRight: () => walk(drawing, 1),
    ArrowDown: () => walk(drawing, 1),
    ArrowLeft: () => walk(drawing, -1),
    ArrowUp: () => walk(drawing, -1),
    Enter: () => drawing.at && drawing.pick(`base:${drawing.at}`),
    Escape: () => tell(drawing, null),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  canvas.addEventListener("blur", () => tell(drawing, null));
}

function load(drawing, data) {
  const before = drawing.full;
  drawing.source = data.svg;
  drawing.picture = apart(drawing, parsed(data.svg));
  drawing.full = viewBox(drawing.picture);
  drawing.bases = new Map();
  for (const node of drawing.picture.querySelectorAll("[data-entity]")) {
    const title = node.querySelector(":scope > title");
    if (title) {
      node.dataset.tip = title.textContent;
      title.remove();
    }
    if (node.dataset.index && !drawing.bases.has(Number(node.dataset.index))) drawing.bases.set(Number(node.dataset.index), node);
  }
  // Another colour on the same places keeps the zoom.
  const same = before && drawing.box && ["x", "y", "w", "h"].every((side) => Math.abs(before[side] - drawing.full[side]) < 1);
  if (!same) {
    drawing.box = { ...drawing.full };
    drawing.at = null;
  }
  show(drawing);
}

function wire(parent, drawing) {
  const act = {
    fit: () => fit(drawing),
    in: () => zoom(drawing, 1.3),
    out: () => zoom(drawing, 1 / 1.3),
    svg: () => save(file(drawing), `${drawing.name}.svg`),
    png: () => asPng(drawing),
  };
  for (const button of parent.querySelectorAll("button[data-do]")) button.onclick = act[button.dataset.do];
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const canvas = parentElement.querySelector(".gr-canvas");
  if (!data || !canvas) return;
  let drawing = drawings.get(parentElement);
  if (!drawing) {
    drawing = { canvas, tip: parentElement.querySelector(".gr-tip"), legend: parentElement.querySelector(".gr-legend"), at: null, source: null, selected: [] };
    drawings.set(parentElement, drawing);
    listen(drawing);
    wire(parentElement, drawing);
  }
  drawing.pick = (entity) => setTriggerValue("picked", entity);
  drawing.name = data.name;
  const fresh = drawing.source !== data.svg;
  if (fresh) load(drawing, data);
  canvas.setAttribute("aria-label", data.sentence);
  // Narrow screens: no taller than the drawing needs.
  const needed = (canvas.clientWidth || 800) * (drawing.full.h / drawing.full.w);
  canvas.style.height = `${Math.round(Math.min(data.height, Math.max(240, needed)))}px`;
  const chosen = data.selected.join();
  if (fresh || chosen !== drawing.selected.join()) mark(drawing, data.selected, chosen !== drawing.selected.join());
  drawing.selected = data.selected;
  canvas.dataset.selected = data.entity;
  return () => drawings.delete(parentElement);
}
