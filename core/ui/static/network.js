// One drawing per mounted component, kept between runs: a rerun updates it instead of building it again.
const drawings = new WeakMap();
// The latest run of each: a run that still waits for vis-network must not draw over a newer one.
const latest = new WeakMap();
// Below this zoom labels cannot be read, so a drawing opens on its selection or, without one, on its middle.
const READABLE = 0.45;
// Canvases narrower than this take the narrow places of a drawing that has them.
const NARROW = 560;

function css(element, name, fallback) {
  return getComputedStyle(element).getPropertyValue(name).trim() || fallback;
}

function colours(element) {
  return { text: css(element, "--st-text-color", "#111111"), ground: css(element, "--st-background-color", "#ffffff") };
}

function themed(options, shade) {
  const font = { color: shade.text, strokeWidth: 3, strokeColor: shade.ground };
  const copy = structuredClone(options);
  copy.nodes.font = font;
  copy.edges.font = { ...copy.edges.font, ...font };
  return copy;
}

// Boxes have text of their own colour on their own fill: no outline around it.
function dressed(data, slim) {
  const placed = (node) => (slim && data.narrow[node.id] ? { ...node, x: data.narrow[node.id][0], y: data.narrow[node.id][1] } : node);
  return data.nodes.map(placed).map((node) => (node.shape === "box" ? { ...node, font: { ...node.font, strokeWidth: 0 } } : node));
}

function isSlim(canvas, data) {
  return canvas.clientWidth < NARROW && Object.keys(data.narrow).length > 0;
}

function heightOf(canvas, data) {
  if (!isSlim(canvas, data)) return Math.min(data.height, Math.max(360, 1.1 * (canvas.clientWidth || data.height)));
  const xs = Object.values(data.narrow).map((at) => at[0]);
  const ys = Object.values(data.narrow).map((at) => at[1]);
  return (canvas.clientWidth * (Math.max(...ys) - Math.min(...ys) + 120)) / (Math.max(...xs) - Math.min(...xs) + 90);
}

// The node nearest to all others.
function middle(nodes) {
  const all = nodes.get();
  const far = (node) => all.reduce((sum, other) => sum + Math.hypot(node.x - other.x, node.y - other.y), 0);
  return all.map((node) => [far(node), node.id]).sort((a, b) => a[0] - b[0])[0]?.[1];
}

function build(vis, canvas, data, shade, pick) {
  const nodes = new vis.DataSet(dressed(data, isSlim(canvas, data)));
  const edges = new vis.DataSet(data.edges);
  const net = new vis.Network(canvas, { nodes, edges }, themed(data.options, shade));
  const drawing = { net, nodes, edges, structure: data.structure, selected: data.selected.join(), clicked: null, entities: data.entities };
  drawCasing(net, nodes, edges);
  let picked = 0;
  const take = (hit) => {
    net.unselectAll();
    if (!drawing.entities[hit] || performance.now() - picked < 400) return;
    picked = performance.now();
    drawing.clicked = drawing.entities[hit];
    pick(drawing.clicked);
  };
  // vis-network's own click is a tap of at most 250 ms, which a busy browser misses: the mouse is heard from the canvas itself.
  net.on("click", (event) => take(event.nodes[0] ?? event.edges[0]));
  const surface = canvas.querySelector("canvas");
  let down = null;
  surface.addEventListener("pointerdown", (event) => (down = event));
  surface.addEventListener("click", (event) => {
    if (down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > 5) return;
    const at = { x: event.offsetX, y: event.offsetY };
    take(net.getNodeAt(at) ?? net.getEdgeAt(at));
  });
  net.once("afterDrawing", () => centre(drawing, data, false));
  return drawing;
}

function centre(drawing, data, animated) {
  if (!animated) drawing.net.fit({ animation: false });
  const chosen = data.selected[0] ?? (animated ? undefined : middle(drawing.nodes));
  if (chosen !== undefined && (animated || drawing.net.getScale() < READABLE)) {
    const scale = Math.max(drawing.net.getScale(), 0.8);
    const still = !animated || matchMedia("(prefers-reduced-motion: reduce)").matches;
    drawing.net.focus(chosen, { scale, animation: still ? false : { duration: 400, easingFunction: "easeInOutQuad" } });
  }
}

function update(drawing, data, shade, slim) {
  drawing.entities = data.entities;
  drawing.net.setOptions(themed(data.options, shade));
  const selected = data.selected.join();
  if (drawing.structure === data.structure) {
    drawing.nodes.update(dressed(data, slim));
    drawing.edges.update(data.edges);
    const own = drawing.clicked !== null && data.selected.some((id) => data.entities[id] === drawing.clicked);
    if (selected !== drawing.selected && !own) centre(drawing, data, true);
    if (selected !== drawing.selected) drawing.clicked = null;
  } else {
    drawing.nodes.clear();
    drawing.edges.clear();
    drawing.nodes.add(dressed(data, slim));
    drawing.edges.add(data.edges);
    drawing.structure = data.structure;
    centre(drawing, data, false);
  }
  drawing.selected = selected;
}

function download(canvas, shade) {
  const drawn = canvas.querySelector("canvas");
  const copy = document.createElement("canvas");
  copy.width = drawn.width;
  copy.height = drawn.height;
  const brush = copy.getContext("2d");
  brush.fillStyle = shade.ground;
  brush.fillRect(0, 0, copy.width, copy.height);
  brush.drawImage(drawn, 0, 0);
  copy.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "network.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

function wire(parent, canvas) {
  const act = {
    fit: (net) => net.fit({ animation: false }),
    in: (net) => net.moveTo({ scale: net.getScale() * 1.3 }),
    out: (net) => net.moveTo({ scale: net.getScale() / 1.3 }),
    png: () => download(canvas, colours(canvas)),
  };
  for (const button of parent.querySelectorAll("button[data-do]")) {
    button.onclick = () => {
      const drawing = drawings.get(parent);
      if (drawing) act[button.dataset.do](drawing.net);
    };
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const canvas = parentElement.querySelector(".gs-canvas");
  if (!data || !canvas) return;
  canvas.style.height = `${heightOf(canvas, data)}px`;
  canvas.setAttribute("aria-label", data.sentence);
  // Written by the app from escaped text only.
  parentElement.querySelector(".gs-legend").innerHTML = data.legend;
  wire(parentElement, canvas);
  let timer = 0;
  latest.set(parentElement, data);
  const draw = () => {
    if (latest.get(parentElement) !== data) return;
    const vis = globalThis.gatescopeVis;
    if (!vis || canvas.clientWidth === 0) {
      timer = setTimeout(draw, 50);
      return;
    }
    const shade = colours(canvas);
    const drawing = drawings.get(parentElement);
    if (drawing) update(drawing, data, shade, isSlim(canvas, data));
    else drawings.set(parentElement, build(vis, canvas, data, shade, (entity) => setTriggerValue("picked", entity)));
    canvas.dataset.selected = data.selected.length ? data.entities[data.selected[0]] : "";
  };
  draw();
  return () => {
    clearTimeout(timer);
    drawings.get(parentElement)?.net.destroy();
    drawings.delete(parentElement);
  };
}
