// Outlines every spoke so that both ends of a colour scale show on any background. vis-network does this for curved edges only.
// The dash starts at the centre of the source node, as vis-network's own does, so the two stay in phase.
function drawCasing(net, nodes, edges) {
  let dragging = false;
  net.on("dragStart", () => { dragging = true; });
  net.on("dragEnd", () => { dragging = false; });
  net.on("beforeDrawing", (brush) => {
    if (dragging && edges.length > 800) return;
    brush.save();
    edges.forEach((edge) => {
      const from = nodes.get(edge.from);
      const to = nodes.get(edge.to);
      if (!from || !to) return;
      brush.globalAlpha = edge.color.opacity;
      brush.strokeStyle = edge.casing;
      brush.lineWidth = edge.width + (edge.rim ?? 2);
      brush.lineCap = edge.dashes ? "round" : "butt";
      brush.setLineDash(edge.dashes || []);
      brush.beginPath();
      brush.moveTo(from.x, from.y);
      brush.lineTo(to.x, to.y);
      brush.stroke();
    });
    brush.restore();
  });
}
