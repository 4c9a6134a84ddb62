"""An RNA drawing as SVG text: the export and what the page shows. Every text is escaped; nothing in it runs or is loaded."""

from __future__ import annotations

import math
import textwrap
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from core.viz.colour import ACCENT, CASING, Scale
from core.viz.rna_colour import PSEUDOKNOT, letter_on
from core.viz.rna_layout import RADIUS, bend
from core.viz.svg import FONT, escape

if TYPE_CHECKING:
    from core.viz.rna_drawing import DrawnPair, RnaView

_LETTERS_UP_TO = 1000
"""nt above which an interactive drawing hides its letters (class ``rna-far``) until the page has zoomed in."""
_LEAST_WIDTH = 560.0
_ROOM = 34.0
"""px around the bases for numbers and the outline of a selection."""
_DASHES = {"canonical": "", "wobble": ' stroke-dasharray="0.1 4" stroke-linecap="round"', "other": ' stroke-dasharray="3 2.5"'}


def rna_svg(view: RnaView, *, interactive: bool = False, background: str = "#ffffff", title: str | None = None) -> str:
    """The drawing with its legend underneath, as one standalone SVG document.

    Each base is a group of class ``rna-base`` with ``data-index`` (1-based) and ``data-entity`` ("base:12") and its hover text as ``<title>``.

    Args:
        view: the drawing.
        interactive: for a page: no background, lines and text in ``currentColor``, the drawn part in a nested ``<svg class="rna-stage">`` whose
            viewBox the page may change to zoom and pan while the legend stays; the root has class ``rna-far`` where letters are hidden
            until it is taken off.
        background: "#rrggbb" of an export; text is dark or light by it.
        title: heading of an export; default the id of the RNA, "" for none.
    """
    ink = "currentColor" if interactive else letter_on(background) if background.startswith("#") and len(background) == 7 else "#111111"
    left, top, right, bottom = _frame(view)
    stage_width, stage_height = right - left, bottom - top
    width = max(stage_width, _LEAST_WIDTH)
    unit = max(1.0, width / 1000)  # a large drawing is seen from afar: its legend grows with it
    legend, legend_height = _legend(view, width / unit - 32, ink)
    heading = "" if interactive else view.record if title is None else title
    head = 34 * unit if heading else 0.0
    height = head + stage_height + legend_height * unit
    far = " rna-far" if interactive and len(view.sequence) > _LETTERS_UP_TO else ""
    about = f' aria-label="{escape(view.sentence)}"' if interactive else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="rna-svg{far}" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" font-family="{escape(FONT)}" role="img"{about}>',
        "" if interactive else f"<title>{escape(heading or view.record)}</title>",
        f"<desc>{escape(view.sentence)}</desc>",
        "<style>.rna-far .rna-letter{display:none}.rna-base{cursor:pointer}</style>"
        if interactive
        else f'<rect width="100%" height="100%" fill="{escape(background)}"/>',
    ]
    if heading:
        words = f'<text x="16" y="24" font-size="17" font-weight="600" fill="{ink}">{escape(heading)}</text>'
        parts.append(f'<g transform="scale({unit:.3f})">{words}</g>')
    if interactive:
        parts.append(
            f'<svg class="rna-stage" x="0" y="0" width="{width:.0f}" height="{stage_height:.1f}"'
            f' viewBox="{left - (width - stage_width) / 2:.1f} {top:.1f} {width:.1f} {stage_height:.1f}" overflow="hidden">'
        )
    else:
        parts.append(f'<g class="rna-stage" transform="translate({(width - stage_width) / 2 - left:.1f} {head - top:.1f})">')
    parts += [_backbone(view.xy, ink), *_pair_lines(view, ink), *_bases(view), *_texts(view, ink)]
    parts.append("</svg>" if interactive else "</g>")
    below = head + stage_height
    parts.append(f'<g class="rna-legend" transform="translate({16 * unit:.1f} {below:.1f}) scale({unit:.3f})">{legend}</g></svg>')
    return "\n".join(part for part in parts if part)


def _frame(view: RnaView) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in px of all that is drawn."""
    low, high = view.xy.min(axis=0) - _ROOM / 2, view.xy.max(axis=0) + _ROOM / 2
    for mark in view.marks:
        half = 0.35 * mark.size * len(mark.text) + 4
        low = np.minimum(low, (mark.x - half, mark.y - mark.size))
        high = np.maximum(high, (mark.x + half, mark.y + mark.size))
    if view.layout == "arc" and view.pairs:
        low[1] = min(low[1], -view.flatness * max(abs(view.xy[p.j, 0] - view.xy[p.i, 0]) for p in view.pairs) / 2 - 12)
    return float(low[0]) - 6, float(low[1]) - 6, float(high[0]) + 6, float(high[1]) + 6


def _backbone(xy: np.ndarray, ink: str) -> str:
    points = " L".join(f"{x:.1f} {y:.1f}" for x, y in xy.tolist())
    return f'<path class="rna-backbone" d="M{points}" fill="none" stroke="{ink}" stroke-opacity="0.5" stroke-width="1.6" stroke-linejoin="round"/>'


def _pair_lines(view: RnaView, ink: str) -> list[str]:
    flat = view.flatness if view.layout == "arc" and view.pairs else 1.0
    xy = view.xy.tolist()
    lines = ['<g class="rna-pairs" fill="none">']
    # crossing pairs last, over the others
    lines += [_pair(view, pair, xy[pair.i], xy[pair.j], flat, ink) for pair in sorted(view.pairs, key=lambda p: p.crossing)]
    return [*lines, "</g>"]


def _pair(view: RnaView, pair: DrawnPair, a: list[float], b: list[float], flat: float, ink: str) -> str:
    known = not math.isnan(pair.probability)
    width = 1.0 + 2.2 * pair.probability if known else 2.0
    least = 0.6 if pair.crossing else 0.35  # pseudoknots have next to no share in an ensemble of nested structures
    faint = f' stroke-opacity="{least + (1 - least) * pair.probability:.2f}"' if known else ""
    colour = PSEUDOKNOT if pair.crossing else ink
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    short = view.layout in ("puzzler", "naview") and not pair.crossing and length < 45
    middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
    dashes = _DASHES[pair.kind]
    if short and pair.kind == "wobble":
        opacity = faint.replace("stroke", "fill")
        shape = f'<circle cx="{middle[0]:.1f}" cy="{middle[1]:.1f}" r="{1.2 + width / 2:.1f}" fill="{colour}"{opacity}>'
        return f"{shape}<title>{_about(view, pair)}</title></circle>"
    start = f"M{a[0]:.1f} {a[1]:.1f}"
    if view.layout == "arc":
        drawn = f"{start} A{length / 2:.1f} {flat * length / 2:.1f} 0 0 1 {b[0]:.1f} {b[1]:.1f}"
    elif pair.crossing and view.layout != "circle":
        x, y = bend(np.array(a), np.array(b)).tolist()
        drawn = f"{start} Q{x:.1f} {y:.1f} {b[0]:.1f} {b[1]:.1f}"
    else:
        drawn = f"{start} L{b[0]:.1f} {b[1]:.1f}"
    return f'<path d="{drawn}" stroke="{colour}" stroke-width="{width:.1f}"{faint}{dashes}><title>{_about(view, pair)}</title></path>'


def _about(view: RnaView, pair: DrawnPair) -> str:
    ends = f"{view.sequence[pair.i]}{pair.i + 1}-{view.sequence[pair.j]}{pair.j + 1}"
    likely = "" if math.isnan(pair.probability) else f", probability {pair.probability:.3f}"
    return f"{ends}{', pseudoknot' if pair.crossing else ''}{likely}"


def _bases(view: RnaView) -> list[str]:
    chosen = set(view.outlined)
    letters = {colour: letter_on(colour) for colour in set(view.colours)}
    lines = [f'<g class="rna-bases" font-size="9.5" font-weight="600" text-anchor="middle" stroke-width="1" stroke="{CASING}">']
    for i, ((x, y), base, colour, words) in enumerate(zip(view.xy.tolist(), view.sequence, view.colours, view.tooltips, strict=True)):
        ring = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS + 2.5}" fill="none" stroke="{ACCENT}" stroke-width="3.5"/>'
        lines.append(
            f'<g class="rna-base{" rna-selected" if i in chosen else ""}" data-index="{i + 1}" data-entity="base:{i + 1}">'
            f"<title>{escape(words)}</title>"
            f'{ring if i in chosen else ""}<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS:g}" fill="{colour}"/>'
            f'<text class="rna-letter" x="{x:.1f}" y="{y + 3.4:.1f}" fill="{letters[colour]}" stroke="none">{base}</text></g>'
        )
    return [*lines, "</g>"]


def _texts(view: RnaView, ink: str) -> list[str]:
    lines = [f'<g class="rna-marks" text-anchor="middle" fill="{ink}" pointer-events="none">']
    for mark in view.marks:
        if mark.line:
            x1, y1, x2, y2 = mark.line
            lines.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{ink}" stroke-opacity="0.6" stroke-width="1"/>')
        weight = {"end": ' font-weight="700"', "element": ' font-weight="700" font-style="italic"'}.get(mark.kind, "")
        lines.append(f'<text x="{mark.x:g}" y="{mark.y + 0.35 * mark.size:.1f}" font-size="{mark.size:.1f}"{weight}>{escape(mark.text)}</text>')
    return [*lines, "</g>"]


def _legend(view: RnaView, width: float, ink: str) -> tuple[str, float]:
    """The legend ``width`` px wide at most, and its height."""
    legend = view.legend
    parts: list[str] = []
    word = f'<text x="{{:.1f}}" y="{{:.1f}}" font-size="12" fill="{ink}">{{}}</text>'
    y = 14.0
    if legend.scale is not None:
        unit = f", {legend.scale.unit}" if legend.scale.unit else ""
        for line in textwrap.wrap(f"Base colour: {legend.scale.quantity}{unit} ({legend.scale.note})", int(width / 6.3)):
            parts.append(word.format(0, y, escape(line)))
            y += 15
        parts.append(_bar(legend.scale, y - 6, ink))
        y += 36
    else:
        parts.append(word.format(0, y, f"Base colour: {escape(legend.title)}"))
        items = [(f'<circle cx="7" cy="-4" r="6.5" fill="{colour}" stroke="{CASING}"/>', 20.0, words) for colour, words in legend.swatches]
        y = _flow(items, y + 19, width, parts, ink) + 8
    y = _flow(_pair_key(view, ink), y + 14, width, parts, ink) + 6
    for note in view.notes:
        for line in textwrap.wrap(note, int(width / 6.3)):
            y += 15
            parts.append(word.format(0, y, escape(line)))
    return "".join(parts), y + 14


def _bar(scale: Scale, y: float, ink: str) -> str:
    stops = "".join(f'<stop offset="{100 * i / (len(scale.colours) - 1):.1f}%" stop-color="{c}"/>' for i, c in enumerate(scale.colours))
    name = "rna-scale-" + sha256("".join(scale.colours).encode()).hexdigest()[:8]  # equal ids on one page hold equal colours
    middle = f'<text x="110" y="{y + 24}" text-anchor="middle" font-size="11" fill="{ink}">0</text>' if scale.diverging else ""
    return (
        f'<defs><linearGradient id="{name}">{stops}</linearGradient></defs>'
        f'<rect x="0" y="{y}" width="220" height="11" fill="url(#{name})" stroke="{CASING}"/>'
        f'<text x="0" y="{y + 24}" font-size="11" fill="{ink}">{scale.low:.3g}</text>{middle}'
        f'<text x="220" y="{y + 24}" text-anchor="end" font-size="11" fill="{ink}">{scale.high:.3g}</text>'
    )


def _pair_key(view: RnaView, ink: str) -> list[tuple[str, float, str]]:
    """Symbol, its width and its words for each kind of line in the drawing."""
    line = '<line x1="0" y1="-4" x2="24" y2="-4" stroke="{}" stroke-width="2"{}/>'
    kinds = {(pair.kind, pair.crossing) for pair in view.pairs}
    dots = view.layout in ("puzzler", "naview")
    items = []
    if any(kind == "canonical" for kind, _ in kinds):
        items.append((line.format(ink, ""), 30.0, "A-U or G-C pair"))
    if any(kind == "wobble" for kind, _ in kinds):
        dot = f'<circle cx="12" cy="-4" r="2.3" fill="{ink}"/>'
        items.append((dot if dots else line.format(ink, _DASHES["wobble"]), 30.0, "G-U pair"))
    if any(kind == "other" for kind, _ in kinds):
        items.append((line.format(ink, _DASHES["other"]), 30.0, "non-canonical pair"))
    if any(crossing for _, crossing in kinds):
        items.append((f'<path d="M0 -1 Q12 -12 24 -1" fill="none" stroke="{PSEUDOKNOT}" stroke-width="2"/>', 30.0, "pseudoknot pair"))
    if view.outlined:
        items.append((f'<circle cx="8" cy="-4" r="6.5" fill="none" stroke="{ACCENT}" stroke-width="3"/>', 22.0, "selected"))
    return items


def _flow(items: list[tuple[str, float, str]], y: float, width: float, parts: list[str], ink: str) -> float:
    """Appends symbols with their words, row by row; returns the y of the last row."""
    x = 0.0
    for symbol, room, words in items:
        wide = room + 6.4 * len(words) + 16
        if x and x + wide > width:
            x, y = 0.0, y + 19
        parts.append(
            f'<g transform="translate({x:.1f} {y:.1f})">{symbol}<text x="{room:g}" y="0" font-size="12" fill="{ink}">{escape(words)}</text></g>'
        )
        x += wide
    return y
