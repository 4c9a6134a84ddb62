"""Reaction networks for the browser: pyvis builds nodes and edges, vis-network (the copy inside pyvis) draws them, offline.

pyvis' own page template is not used: it loads scripts from foreign hosts and lets a node title run as script. What leaves
this module is data (:func:`payload`) or a page of our own (:func:`standalone_html`), every text escaped.
"""

from __future__ import annotations

import html
import json
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.viz.colour import ACCENT, BLOCKED_BORDER, BLOCKED_FILL, BORDER, CASING, METABOLITE_FILL, REACTION_FILL
from core.viz.rna_colour import letter_on
from core.viz.svg import FONT, coefficient_text, escape, line_key, network_svg, reaction_box_svg, rna_lines
from core.viz.view import Neighbourhood, NetworkView, ViewEdge, ViewLink, ViewNode, neighbourhood, pathway_view

if TYPE_CHECKING:
    from pyvis.network import Network

__all__ = [
    "Neighbourhood",
    "NetworkView",
    "ViewEdge",
    "ViewNode",
    "legend_html",
    "neighbourhood",
    "network_svg",
    "pathway_view",
    "payload",
    "reaction_box_svg",
    "standalone_html",
    "to_pyvis",
    "vis_network_source",
]

_STATIC = Path(__file__).parent / "static"
_HIDE_EDGES_ON_DRAG = 800


def to_pyvis(view: NetworkView) -> Network:
    """The drawing as a pyvis network: directed, positions given, physics off, opaque node ids, every title escaped."""
    from pyvis.network import Network

    network = Network(directed=True, cdn_resources="in_line")
    ids = {node.id: f"n{i}" for i, node in enumerate(view.nodes)}
    for node in view.nodes:
        network.add_node(ids[node.id], **_node_options(node))
    for i, edge in enumerate(view.edges):
        network.add_edge(ids[edge.source], ids[edge.target], id=f"e{i}", **_edge_options(edge))
    for i, link in enumerate(view.links):
        network.add_edge(ids[link.source], ids[link.target], id=f"l{i}", **_link_options(link))
    network.set_options(json.dumps(_options(view)))
    return network


def payload(view: NetworkView) -> dict[str, Any]:
    """What the browser component draws, JSON-able: nodes, edges and options of the pyvis network, and what they stand for.

    Keys: ``nodes``, ``edges``, ``options`` as vis-network wants them (titles are plain text: vis-network shows them as text, not as
    markup); ``entities`` vis id to entity id; ``selected`` vis ids of the selected nodes; ``structure`` a hash that changes only when
    nodes, spokes or positions do; ``legend`` safe HTML; ``sentence`` the drawing in words; ``narrow`` vis id to [x, y] on a narrow screen,
    empty where the places are the same on all.
    """
    network = to_pyvis(view)
    nodes = [{**node, "title": html.unescape(node["title"])} for node in network.nodes]
    edges = [{**edge, "title": html.unescape(edge["title"])} for edge in network.edges]
    entities = {f"n{i}": node.entity for i, node in enumerate(view.nodes)}
    entities |= {f"e{i}": f"rxn:{edge.reaction}" for i, edge in enumerate(view.edges)}
    entities |= {f"l{i}": link.entity for i, link in enumerate(view.links) if link.entity}
    ends = [(e.source, e.target) for e in view.edges] + [(link.source, link.target) for link in view.links]
    shape = [[(n.id, n.x, n.y) for n in view.nodes], ends]
    return {
        "nodes": nodes,
        "edges": edges,
        "options": _options(view),
        "entities": entities,
        "selected": [f"n{i}" for i, node in enumerate(view.nodes) if node.selected],
        "structure": sha256(json.dumps(shape).encode()).hexdigest(),
        "legend": legend_html(view),
        "sentence": view.sentence,
        "narrow": {f"n{i}": list(node.narrow) for i, node in enumerate(view.nodes) if node.narrow},
    }


def legend_html(view: NetworkView) -> str:
    """The legend: quantity, scale with its ends, what dashes and shapes mean, notes. Text takes the colour around it."""
    scale = view.scale
    unit = f", {scale.unit}" if scale.unit else ""
    middle = "<span>0</span>" if scale.diverging else ""
    line = f'<svg width="44" height="10" aria-hidden="true"><line x1="0" y1="5" x2="44" y2="5" stroke="{CASING}" stroke-width="4"'
    outline = 'stroke="{b}" stroke-width="1.5"'
    shape = f'<svg width="{{w}}" height="16" aria-hidden="true"><rect x="1" y="1" width="{{i}}" height="14" rx="{{r}}" fill="{{f}}" {outline}/></svg>'
    items = [
        shape.format(w=16, i=14, r=7, f=METABOLITE_FILL, b=CASING) + " size: number of reactions",
        f"{line}/></svg> shared metabolites; the strongest of each",
    ]
    spokes = [
        f'{line} stroke-dasharray="7 5"/></svg> consumed (-)',
        f"{line}/></svg> produced (+)",
        shape.format(w=16, i=14, r=7, f=METABOLITE_FILL, b=CASING) + " metabolite",
        shape.format(w=28, i=26, r=3, f=REACTION_FILL, b=CASING) + " reaction",
    ]
    if view.of_rna:
        items = [f"{line_key(sample, 44, 12)} {escape(words)}" for sample, words in rna_lines(view)]
        if any(node.kind == "base" for node in view.nodes):
            items.append(shape.format(w=16, i=14, r=7, f=METABOLITE_FILL, b=CASING) + " base")
        items.append(shape.format(w=28, i=26, r=3, f=REACTION_FILL, b=CASING) + " element")
    elif not view.of_subsystems:
        items = spokes
    if any(node.blocked for node in view.nodes):
        items.append(shape.format(w=28, i=26, r=3, f=BLOCKED_FILL, b=BLOCKED_BORDER) + " blocked")
    entries = "".join(f'<span class="gs-item">{item}</span>' for item in items)
    notes = "".join(f"<li>{escape(note)}</li>" for note in view.notes)
    return (
        f'<div class="gs-scale"><div>{view.coloured}: <b>{escape(scale.quantity + unit)}</b> ({escape(scale.note)})</div>'
        f'<div class="gs-bar" style="background:linear-gradient(to right,{",".join(scale.colours)})"></div>'
        f'<div class="gs-ends"><span>{scale.low:.3g}</span>{middle}<span>{scale.high:.3g}</span></div></div>'
        f'<div class="gs-items">{entries}</div>' + (f'<ul class="gs-notes">{notes}</ul>' if notes else "")
    )


def standalone_html(view: NetworkView, title: str) -> str:
    """One HTML file with the drawing, its legend and vis-network inside: opens without a network, asks no host for anything."""
    data = payload(view)
    shown = {key: data[key] for key in ("nodes", "edges", "options", "selected")}
    return (
        (_STATIC / "standalone.html")
        .read_text(encoding="utf-8")
        .replace("$FONT", FONT)
        .replace("$STYLE", (_STATIC / "network.css").read_text(encoding="utf-8"))
        .replace("$LEGEND", data["legend"])
        .replace("$SENTENCE", escape(data["sentence"]))
        .replace("$TITLE", escape(title))
        .replace("$DATA", _script_safe(json.dumps(shown)))
        .replace("$CASING", (_STATIC / "casing.js").read_text(encoding="utf-8"))
        .replace("$VIS", vis_network_source())
    )


@lru_cache(maxsize=1)
def vis_network_source() -> str:
    """vis-network 9.1.2 as pyvis ships it (Apache 2.0 or MIT), without the pointer to its source map, which no file answers."""
    import importlib.util

    spec = importlib.util.find_spec("pyvis")
    assert spec is not None and spec.origin is not None
    folder = Path(spec.origin).parent / "lib"
    newest = sorted(folder.glob("vis-9.1.*/vis-network.min.js"))[-1]
    source = newest.read_text(encoding="utf-8")
    return source.partition("//# sourceMappingURL")[0]


def _script_safe(text: str) -> str:
    """JSON that cannot end the script element around it, nor break a line of JavaScript."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _node_options(node: ViewNode) -> dict[str, Any]:
    border = ACCENT if node.selected else BLOCKED_BORDER if node.blocked else BORDER
    fill = node.fill or (METABOLITE_FILL if node.kind == "metabolite" else BLOCKED_FILL if node.blocked else REACTION_FILL)
    shown = {"border": border, "background": fill}
    options: dict[str, Any] = {
        "label": node.label,
        "title": html.escape("\n".join(node.tooltip), quote=True),
        "x": node.x,
        "y": node.y,
        "color": {**shown, "highlight": shown, "hover": shown},
        "borderWidth": 4 if node.selected else 1.5,
    }
    if node.kind == "base":
        # Its letter stands in the circle: text of one colour on its own fill, in any theme.
        return options | {
            "shape": "circle",
            "margin": 1.5,
            "borderWidth": 3 if node.selected else 1,
            "font": {"size": node.font, "color": letter_on(fill), "face": FONT, "strokeWidth": 0},
        }
    if node.kind == "element":
        return options | {"shape": "box", "margin": 3, "font": {"size": node.font, "color": letter_on(fill), "face": FONT, "strokeWidth": 0}}
    if node.boxed:
        return options | {"shape": "box", "margin": 6, "font": {"size": node.font, "color": "#111111", "face": FONT}}
    return options | {"shape": "dot", "size": node.width / 2, "font": {"size": node.font, "face": FONT}}


def _edge_options(edge: ViewEdge) -> dict[str, Any]:
    colour = {"color": edge.colour, "highlight": edge.colour, "hover": edge.colour, "inherit": False, "opacity": 0.45 if edge.blocked else 1.0}
    # vis-network rounds the ends of dashes, so a gap must exceed the width of the spoke and of its outline to be seen.
    dashes: bool | list[float] = [round(5 + edge.width / 2, 2), round(7 + 1.5 * edge.width, 2)] if edge.consumed else False
    return {
        "label": coefficient_text(edge.coefficient),
        "title": html.escape("\n".join(edge.tooltip), quote=True),
        "width": round(edge.width, 4),
        "color": colour,
        "dashes": dashes,
        "casing": ACCENT if edge.selected else CASING,
        "arrows": {"to": {"enabled": True, "scaleFactor": round(min(0.8, 2.2 / edge.width), 3)}},
    }


def _link_options(link: ViewLink) -> dict[str, Any]:
    return {
        "title": html.escape("\n".join(link.tooltip), quote=True),
        "width": link.width,
        "color": {"color": link.colour, "highlight": link.colour, "hover": link.colour, "inherit": False, "opacity": 1.0},
        "dashes": list(link.dashes) or False,
        "casing": link.rim or "rgba(0,0,0,0)",
        "rim": link.rim_width,
        "arrows": {"to": {"enabled": link.arrow, "scaleFactor": 0.35}},
    }


def _options(view: NetworkView) -> dict[str, Any]:
    return {
        "physics": {"enabled": False},
        "layout": {"improvedLayout": False},
        "nodes": {"shapeProperties": {"borderRadius": 4}},
        "edges": {
            "smooth": False,
            "font": {"size": 11, "face": FONT, "strokeWidth": 3, "align": "horizontal"},
            "scaling": {"label": {"drawThreshold": 8}},
            "selectionWidth": 0,
            "hoverWidth": 0,
        },
        "interaction": {
            "hover": True,
            "tooltipDelay": 120,
            "dragNodes": False,
            "hideEdgesOnDrag": len(view.edges) + len(view.links) > _HIDE_EDGES_ON_DRAG,
            "keyboard": {"enabled": True, "bindToWindow": False},
        },
    }
