"""Networks as standalone SVG, written from their coordinates: no browser needed, every text escaped."""

from __future__ import annotations

import html
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from core.viz.colour import ACCENT, BLOCKED_BORDER, BLOCKED_FILL, BORDER, CASING, METABOLITE_FILL, REACTION_FILL, Scale
from core.viz.rna_colour import letter_on
from core.viz.view import NetworkView, ViewEdge, ViewLink, ViewNode

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif"
_ARROW = 9.0


def escape(text: str) -> str:
    """Text for XML and HTML, in content and in attributes; characters XML does not know become a question mark."""
    known = "".join(c if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff") else "?" for c in text)
    return html.escape(known, quote=True)


def coefficient_text(coefficient: float) -> str:
    """ "-1", "+2", "+0.0709": the sign always shown, four digits at most."""
    return f"{coefficient:+.4g}"


def _stoich(coefficient: float) -> str:
    return f"stoich:[{coefficient_text(coefficient)}]"


def network_svg(view: NetworkView, *, title: str = "", background: str = "#ffffff", stoich: bool = False) -> str:
    """The drawing with its legend underneath, as one standalone SVG document.

    Args:
        stoich: a spoke carries ``stoich:[+2]``, as in the box of one reaction, in place of "+2"; for drawings with room for it.
    """
    xs = [n.x for n in view.nodes] or [0.0]
    ys = [n.y for n in view.nodes] or [0.0]
    left, right, top, bottom = min(xs) - 90, max(xs) + 90, min(ys) - 50, max(ys) + 60
    width, legend_height = max(right - left, 820.0 if view.of_rna else 700.0), 84.0 + 16 * len(view.notes)
    head = 34.0 if title else 0.0
    height = bottom - top + legend_height + head
    nodes = {node.id: node for node in view.nodes}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' font-family="{escape(FONT)}" role="img"><title>{escape(title or view.sentence)}</title><desc>{escape(view.sentence)}</desc>',
        f'<rect width="100%" height="100%" rx="8" fill="{escape(background)}"/>',
    ]
    if title:
        parts.append(f'<text x="16" y="24" font-size="17" font-weight="600" fill="#111">{escape(title)}</text>')
    shift_x = -left + (width - (right - left)) / 2
    parts.append(f'<g transform="translate({shift_x:.2f} {head - top:.2f})">')
    ordered = sorted(view.edges, key=lambda e: e.selected)
    parts += [_link(link, nodes[link.source], nodes[link.target]) for link in view.links]
    parts += [_spoke(e, nodes[e.source], nodes[e.target]) for e in ordered]
    parts += [_shape(n) for n in view.nodes]
    parts += [_coefficient(e, nodes[e.source], nodes[e.target], stoich) for e in ordered]
    parts.append("</g>")
    parts.append(f'<g transform="translate(16 {bottom - top + head + 8:.2f})">{_legend(view)}</g></svg>')
    return "\n".join(parts)


def reaction_box_svg(tables: ModelTables, values: dict[tuple[str, str], float] | None, reaction: str, *, scale: Scale | None = None) -> str:
    """A reaction opened: one box holding its reactants, its products, ``stoich:[-1]`` on each, and the equation.

    Args:
        tables: the model.
        values: (reaction, metabolite) to the value that colours its spoke on ``scale``; None leaves the spokes grey.
        reaction: id of a reaction of this model.
        scale: as in a :class:`NetworkView`; default the gate's.
    """
    from core.viz.colour import scale_for

    scale = scale or scale_for("gate")
    e = tables.reaction_index()[reaction]
    mine = [(tables.metabolites[v], float(s)) for v, s, c in zip(tables.rows, tables.stoich, tables.cols, strict=True) if c == e]
    sides = [[item for item in mine if item[1] < 0], [item for item in mine if item[1] > 0]]
    column = max([176.0] + [8.0 * len(m) + 40 for m, _ in mine])
    rows = max(1, *(len(side) for side in sides))
    equation = _wrapped(tables.equation(e), int((2 * column + 190) / 7.2))
    width, body = 2 * column + 230, rows * 62.0 + 30
    height = 62 + body + 30 + 18 * len(equation)
    middle, axis = width / 2, 62 + body / 2
    name = tables.reaction_names[e]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
        f' style="max-width:100%;height:auto" font-family="{escape(FONT)}" role="img">',
        f"<title>{escape(f'Reaction {reaction}: {tables.equation(e)}')}</title>",
        f'<rect x="1" y="1" width="{width - 2:.0f}" height="{height - 2:.0f}" rx="8" fill="{REACTION_FILL}" stroke="{BORDER}" stroke-width="1.5"/>',
        f'<text x="{middle:.1f}" y="26" text-anchor="middle" font-size="15" font-weight="600" fill="#111">{escape(reaction)}</text>',
        f'<text x="{middle:.1f}" y="45" text-anchor="middle" font-size="12" fill="#333">{escape(name[:80])}</text>' if name else "",
    ]
    for side, (items, word) in enumerate(zip(sides, ("reactants", "products"), strict=True)):
        x = 16.0 if side == 0 else width - column - 16
        parts.append(
            f'<rect x="{x:.1f}" y="58" width="{column:.1f}" height="{body:.1f}" rx="6" fill="#ffffff" stroke="{BORDER}" stroke-dasharray="4 3"/>'
        )
        parts.append(f'<text x="{x + column / 2:.1f}" y="75" text-anchor="middle" font-size="12" fill="#333">{word}</text>')
        for i, (m, s) in enumerate(items):
            y = 58 + 26 + (i + 0.5) * (body - 26) / len(items)
            value = math.nan if values is None else values.get((reaction, m), math.nan)
            start, end = ((x + column, y), (middle - 22, axis)) if side == 0 else ((middle + 22, axis), (x, y))
            parts.append(_line(start, end, scale.colour(value), scale.width(value), dashed=s < 0, casing=CASING))
            stoich = _stoich(s)
            shown = "" if math.isnan(value) else f"  {scale.quantity.split(',')[0]} {value:.2f}"
            parts.append(f'<circle cx="{x + 18:.1f}" cy="{y:.1f}" r="9" fill="{METABOLITE_FILL}" stroke="{BORDER}"/>')
            parts.append(f'<text x="{x + 33:.1f}" y="{y - 2:.1f}" font-size="13" fill="#111">{escape(m)}</text>')
            parts.append(f'<text x="{x + 33:.1f}" y="{y + 14:.1f}" font-size="11" fill="#333">{escape(stoich + shown)}</text>')
        if not items:
            parts.append(f'<text x="{x + column / 2:.1f}" y="{axis:.1f}" text-anchor="middle" font-size="13" fill="#555">none in the model</text>')
    parts.append(
        f'<rect x="{middle - 20:.1f}" y="{axis - 12:.1f}" width="40" height="24" rx="4" fill="{REACTION_FILL}" stroke="{BORDER}" stroke-width="1.5"/>'
    )
    for i, line in enumerate(equation):
        parts.append(
            f'<text x="{middle:.1f}" y="{62 + body + 24 + 18 * i:.1f}" text-anchor="middle" font-size="13" fill="#111">{escape(line)}</text>'
        )
    return "\n".join(part for part in parts if part) + "</svg>"


def _wrapped(text: str, length: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > length:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _border_point(node: ViewNode, towards: tuple[float, float], room: float = 0.0) -> tuple[float, float]:
    """Where the line to ``towards`` leaves the node's shape, ``room`` px outside it."""
    dx, dy = towards[0] - node.x, towards[1] - node.y
    length = math.hypot(dx, dy) or 1.0
    reach = node.width / 2 if not node.boxed else min(node.width / 2 / (abs(dx) or 1e-09), node.height / 2 / (abs(dy) or 1e-09)) * length
    reach = min(reach + room, length)
    return node.x + dx / length * reach, node.y + dy / length * reach


def _link(link: ViewLink, source: ViewNode, target: ViewNode) -> str:
    ends = ((source.x, source.y), (target.x, target.y))
    if link.arrow:
        ends = (_border_point(source, ends[1]), _border_point(target, ends[0], 0.5))
    return f"<g><title>{escape('; '.join(link.tooltip))}</title>{_link_line(link, *ends)}</g>"


def _link_line(link: ViewLink, start: tuple[float, float], end: tuple[float, float]) -> str:
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    dash = f' stroke-dasharray="{" ".join(f"{d:g}" for d in link.dashes)}"' if link.dashes else ""
    under = f'<line {ends} stroke="{link.rim}" stroke-width="{link.width + link.rim_width:.2f}"{dash}/>' if link.rim else ""
    head = ""
    if link.arrow:
        length = math.hypot(end[0] - start[0], end[1] - start[1]) or 1.0
        ux, uy, half = (end[0] - start[0]) / length, (end[1] - start[1]) / length, 1.5 + link.width / 2
        base = (end[0] - ux * 2 * half, end[1] - uy * 2 * half)
        corners = (end, (base[0] - uy * half, base[1] + ux * half), (base[0] + uy * half, base[1] - ux * half))
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        head = f'<polygon points="{points}" fill="{link.colour}" stroke="{link.rim or CASING}" stroke-width="0.7"/>'
    return f'{under}<line {ends} stroke="{link.colour}" stroke-width="{link.width:.2f}"{dash}/>{head}'


def rna_lines(view: NetworkView) -> list[tuple[ViewLink, str]]:
    """A line of each kind in the graph of an RNA, in the middle of the scale, with its words."""
    return [
        (replace(link, colour=view.scale.colour((view.scale.low + view.scale.high) / 2), width=3.0, arrow=False), link.kind)
        for link in {link.kind: link for link in view.links}.values()
    ]


def line_key(link: ViewLink, width: float, height: float) -> str:
    """A piece of a line as a small SVG for a legend."""
    drawn = _link_line(link, (0.0, height / 2), (width, height / 2))
    return f'<svg width="{width:g}" height="{height:g}" aria-hidden="true">{drawn}</svg>'


def _spoke(edge: ViewEdge, source: ViewNode, target: ViewNode) -> str:
    start = _border_point(source, (target.x, target.y))
    end = _border_point(target, (source.x, source.y), 1.0)
    line = _line(start, end, edge.colour, edge.width, dashed=edge.consumed, casing=ACCENT if edge.selected else CASING)
    return f'<g opacity="{0.45 if edge.blocked else 1}"><title>{escape("; ".join(edge.tooltip))}</title>{line}</g>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str, width: float, *, dashed: bool, casing: str) -> str:
    """A cased line with an arrow head at its end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    head = min(_ARROW + width * 0.6, length)
    base = (end[0] - ux * head, end[1] - uy * head)
    half = 3.0 + width * 0.55
    corners = f"{end[0]:.1f},{end[1]:.1f} {base[0] - uy * half:.1f},{base[1] + ux * half:.1f} {base[0] + uy * half:.1f},{base[1] - ux * half:.1f}"
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{base[0]:.1f}" y2="{base[1]:.1f}"'
    dash = ' stroke-dasharray="7 5"' if dashed else ""
    return (
        f'<line {ends} stroke="{casing}" stroke-width="{width + 2:.2f}"{dash}/><line {ends} stroke="{colour}" stroke-width="{width:.2f}"{dash}/>'
        f'<polygon points="{corners}" fill="{colour}" stroke="{casing}" stroke-width="1"/>'
    )


def _coefficient(edge: ViewEdge, source: ViewNode, target: ViewNode, stoich: bool) -> str:
    share = 0.4 if edge.consumed else 0.6
    x, y = source.x + (target.x - source.x) * share, source.y + (target.y - source.y) * share
    text, font = (_stoich(edge.coefficient), 13) if stoich else (coefficient_text(edge.coefficient), 10)
    halo = 'stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
    return f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-size="{font}" fill="#111" {halo}>{escape(text)}</text>'


def _shape(node: ViewNode) -> str:
    border = ACCENT if node.selected else BLOCKED_BORDER if node.blocked else BORDER
    thick = 3.5 if node.selected else 1.5
    tooltip = f"<title>{escape(chr(10).join(node.tooltip))}</title>"
    label = escape(node.label)
    text = f'text-anchor="middle" font-size="{node.font:g}" fill="#111"'
    if node.boxed:
        fill = node.fill or (BLOCKED_FILL if node.blocked else REACTION_FILL)
        if node.kind == "element":
            text = f'text-anchor="middle" font-size="{node.font:g}" fill="{letter_on(fill)}"'
        x, y = node.x - node.width / 2, node.y - node.height / 2
        size = f'width="{node.width:.1f}" height="{node.height:.1f}"'
        box = f'<rect x="{x:.1f}" y="{y:.1f}" {size} rx="4" fill="{fill}" stroke="{border}" stroke-width="{thick}"/>'
        return f'<g>{tooltip}{box}<text x="{node.x:.1f}" y="{node.y + 5:.1f}" {text}>{label}</text></g>'
    fill = node.fill or METABOLITE_FILL
    circle = f'<circle cx="{node.x:.1f}" cy="{node.y:.1f}" r="{node.width / 2:.1f}" fill="{fill}" stroke="{border}" stroke-width="{thick}"/>'
    if node.kind == "base":
        letter = (
            f'<text x="{node.x:.1f}" y="{node.y + 0.36 * node.font:.1f}" text-anchor="middle" font-size="{node.font:g}" fill="{letter_on(fill)}">'
        )
        return f"<g>{tooltip}{circle}{letter}{label}</text></g>"
    below = node.y + node.height / 2 + node.font + 1
    halo = 'stroke="#ffffff" stroke-width="3" stroke-linejoin="round" paint-order="stroke"'
    first, *others = (escape(line) for line in node.label.split("\n"))
    lines = first + "".join(f'<tspan x="{node.x:.1f}" dy="{node.font + 2:g}">{line}</tspan>' for line in others)
    return f'<g>{tooltip}{circle}<text x="{node.x:.1f}" y="{below:.1f}" {text} {halo}>{lines}</text></g>'


def _legend(view: NetworkView) -> str:
    scale = view.scale
    stops = "".join(f'<stop offset="{100 * i / (len(scale.colours) - 1):.1f}%" stop-color="{c}"/>' for i, c in enumerate(scale.colours))
    unit = f", {scale.unit}" if scale.unit else ""
    grey = f'stroke="{CASING}" stroke-width="4"'
    notes = "".join(f'<text x="0" y="{78 + 16 * i}" font-size="12" fill="#333">{escape(note)}</text>' for i, note in enumerate(view.notes))
    word = '<text x="{}" y="{}" font-size="12" fill="#333">{}</text>'
    if view.of_rna:
        samples = [(_link_line(link, (0.0, 6.0), (40.0, 6.0)), words) for link, words in rna_lines(view)]
        key = "".join(
            f'<g transform="translate({260 + 180 * (i % 2)} {19 + 16 * (i // 2)})">{line}{word.format(48, 10, escape(words))}</g>'
            for i, (line, words) in enumerate(samples)
        )
    elif view.of_subsystems:
        key = word.format(230, 29, "circles: subsystems, by number of reactions; lines: shared metabolites")
    else:
        key = (
            f'<line x1="230" y1="25" x2="275" y2="25" {grey} stroke-dasharray="7 5"/><line x1="375" y1="25" x2="420" y2="25" {grey}/>'
            + word.format(282, 29, "consumed (-)")
            + word.format(427, 29, "produced (+)")
            + word.format(230, 48, "circles: metabolites; boxes: reactions; numbers: stoichiometric coefficients")
        )
    return (
        f'<defs><linearGradient id="scale">{stops}</linearGradient></defs>'
        f'<text x="0" y="12" font-size="12" fill="#111">{escape(f"{view.coloured}: {scale.quantity}{unit} ({scale.note})")}</text>'
        f'<rect x="0" y="20" width="200" height="10" fill="url(#scale)" stroke="{CASING}"/>'
        f'<text x="0" y="44" font-size="11" fill="#333">{scale.low:.3g}</text>'
        f'<text x="200" y="44" text-anchor="end" font-size="11" fill="#333">{scale.high:.3g}</text>'
        f"{key}{notes}"
    )
