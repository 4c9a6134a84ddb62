"""The graph that a network reads of an RNA, drawn over its secondary structure: bases, elements, and what passes along each edge."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from core.errors import InputError
from core.viz.colour import CASING, Scale
from core.viz.rna_colour import ELEMENTS, NUCLEOTIDES, edge_scale
from core.viz.rna_layout import RADIUS, room_for
from core.viz.view import NetworkView, ViewLink, ViewNode

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.bases import BaseImportance
    from core.rna.elements import Elements
    from core.rna.records import RnaRecord

EDGE_KINDS = ("backbone", "pair", "pair+backbone", "element to base", "base to element", "element to element")
"""Kinds of directed edges, as ``core.explain`` names them."""
_BOX_HEIGHT = 18.0
_SPREAD = 1.5
"""The drawing of the structure is stretched by this, for boxes and lines to have room between the bases."""
_MEMBER = "membership"
_LOOKS: dict[str, tuple[str, tuple[float, ...], str, float, float]] = {
    "backbone": ("backbone", (), CASING, 2.0, 0.7),
    "pair": ("base pair", (), "#111111", 3.0, 1.0),
    "pair+backbone": ("pair of neighbours", (), "#111111", 3.0, 1.0),
    "element to base": (_MEMBER, (1.0, 3.0), "", 0.0, 0.4),
    "base to element": (_MEMBER, (1.0, 3.0), "", 0.0, 0.4),
    "element to element": ("element to element", (8.0, 6.0), "#0072b2", 3.0, 1.0),
}
"""Kind to its words in the legend, dashes, outline and what it adds to the width, and the share of the scale's width it takes."""


def graph_view(
    record: RnaRecord,
    importance: BaseImportance,
    xy: np.ndarray,
    *,
    colour_by: Literal["openness", "message"] = "openness",
    layer: int | None = None,
    kinds: Collection[str] | None = None,
    collapse: bool = False,
    selected: str | None = None,
    elements: Elements | None = None,
    message_max: float | None = None,
) -> NetworkView:
    """Draws the graph of an RNA of n bases.

    The two directions of an edge are one line with their mean; where ``kinds`` leaves one of them, the line points along it. Entities are
    "base:1" and "elem:s0"; a click on a line selects its first end.

    Args:
        record: the RNA with its structure.
        importance: what a network passes along its edges: ``edges`` with one row per directed edge (source, target, kind of
            :data:`EDGE_KINDS`, openness and message as means over layers) and ``trace`` with openness and message [L, edges].
        xy: [n, 2] px of the bases in the drawing of the structure.
        colour_by: what colour and width of the lines show.
        layer: which layer, from 0; None takes the mean over layers.
        kinds: kinds of edges to keep; None keeps all.
        collapse: elements only.
        selected: entity to outline.
        elements: of the structure; worked out when not given.
        message_max: upper end of the |message| scale; default the largest of all edges, over all layers where one is shown, so that
            another layer is on the same scale.

    Raises:
        InputError: no structure, an unknown quantity or kind, an edge that names no node, or a layer that is not there.
    """
    from core.rna.elements import decompose

    if unknown := sorted(set(kinds or ()) - set(EDGE_KINDS)):
        raise InputError(f"Unknown kind of edge {unknown[0]!r}; use {', '.join(EDGE_KINDS)}.")
    if record.structure is None:
        raise InputError(f"{record.id} has no structure yet; fold it first or give one.")
    edges, over, highest = _values(importance, layer)
    scale = edge_scale(colour_by, message_max=highest if message_max is None else message_max, over=over)
    elements = elements or decompose(record.structure)
    typed = edges["source"].str.startswith("elem:").any()  # the standard encoding knows bases only
    nodes = _nodes(record.sequence, elements, _SPREAD * np.asarray(xy, dtype=float), collapse, selected, with_elements=bool(typed))
    if kinds is not None:
        edges = edges[edges["kind"].isin(list(kinds))]
    if collapse:
        edges = edges[edges["kind"] == "element to element"]
    if strange := sorted((set(edges["source"]) | set(edges["target"])) - {node.id for node in nodes}):
        raise InputError(f"Edge end {strange[0]!r} is no base or element of this RNA; give the edges of this RNA.")
    notes = () if collapse else ("Membership lines take 40% and backbone lines 70% of the width.",)
    return NetworkView(tuple(nodes), (), scale, notes, selected, tuple(_links(edges, scale, colour_by)))


def _values(importance: BaseImportance, layer: int | None) -> tuple[pd.DataFrame, str, float]:
    """The edges with the values of a layer or their means, what these are, and the largest |message|."""
    edges = importance.edges
    if layer is None:
        message, over = edges["message"].to_numpy(dtype=float), "mean over layers"
    else:
        openness, message = (_array(getattr(importance.trace, name)) for name in ("openness", "message"))
        if not 0 <= layer < len(openness):
            raise InputError(f"The network has no layer {layer + 1}; choose one of its {len(openness)} layers or the mean.")
        edges, over = edges.assign(openness=openness[layer], message=message[layer]), f"layer {layer + 1}"
    highest = float(np.nanmax(message)) if message.size and np.isfinite(message).any() else 1.0
    return edges, f"{over}, mean of both directions", highest


def _array(values: Any) -> np.ndarray:
    """[L, M] of a trace: a tensor or an array."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, dtype=float)


def _nodes(sequence: str, elements: Elements, xy: np.ndarray, collapse: bool, selected: str | None, *, with_elements: bool) -> list[ViewNode]:
    kind = {element.name: element.kind for element in elements.elements}
    nodes = []
    if not collapse:
        for i, (base, (x, y), name) in enumerate(zip(sequence, xy.tolist(), elements.of_base, strict=True)):
            entity = f"base:{i + 1}"
            words = (f"{base}{i + 1}", f"in {name}, {kind[name]}")
            size = 2 * RADIUS
            nodes.append(
                ViewNode(
                    entity,
                    entity,
                    "base",
                    base,
                    round(x, 1),
                    round(y, 1),
                    size,
                    size,
                    9.0,
                    False,
                    False,
                    entity == selected,
                    words,
                    NUCLEOTIDES[base],
                )
            )
    if not with_elements:
        return nodes
    anchors = _centres(elements, xy)
    widths = [9.0 * len(element.name) + 12 for element in elements.elements]
    boxes = np.array([(width, _BOX_HEIGHT) for width in widths]).reshape(-1, 2)
    reach = [0.0, 16.0, 22.0, 30.0, 40.0, 55.0]
    spots = room_for(anchors, boxes + 2, xy if not collapse else np.full((1, 2), 1e9), radius=RADIUS, reach=reach)
    for element, (x, y), width in zip(elements.elements, np.round(spots, 1).tolist(), widths, strict=True):
        entity = f"elem:{element.name}"
        words = (f"{element.name}, {element.kind}", f"{len(element.bases)} bases")
        fill = ELEMENTS[element.kind]
        nodes.append(ViewNode(entity, entity, "element", element.name, x, y, width, _BOX_HEIGHT, 12.0, False, False, entity == selected, words, fill))
    return nodes


def _centres(elements: Elements, xy: np.ndarray) -> np.ndarray:
    """[m, 2] where each element belongs: the middle of its bases, or for one without bases the middle of the ends of its neighbours."""
    found = np.zeros((len(elements.elements), 2))
    bases = {element.name: element.bases for element in elements.elements}
    middle = {name: xy[list(own)].mean(axis=0) for name, own in bases.items() if own}
    for i, element in enumerate(elements.elements):
        if element.bases:
            found[i] = middle[element.name]
            continue
        beside = [b if a == element.name else a for a, b in elements.connections if element.name in (a, b)]
        ends = [xy[list(bases[name])] for name in beside if bases.get(name)]
        if len(ends) == 2:  # the pair of bases, one of each neighbour, that are nearest
            apart = np.linalg.norm(ends[0][:, None] - ends[1][None, :], axis=2)
            a, b = np.unravel_index(int(apart.argmin()), apart.shape)
            found[i] = (ends[0][a] + ends[1][b]) / 2
        else:
            found[i] = np.vstack(ends).mean(axis=0) if ends else xy.mean(axis=0)
    return found


def _links(edges: pd.DataFrame, scale: Scale, colour_by: str) -> list[ViewLink]:
    """One line for each joined pair of nodes, membership first so that the others lie above."""
    together: dict[tuple[str, str], dict[tuple[str, str], tuple[str, float, float]]] = {}
    for source, target, *rest in zip(*(edges[column].tolist() for column in ("source", "target", "kind", "openness", "message")), strict=True):
        key = (source, target) if source < target else (target, source)
        together.setdefault(key, {})[(source, target)] = (rest[0], rest[1], rest[2])
    links = []
    for directions in together.values():
        (source, target), (kind, _, _) = next(iter(directions.items()))
        words, dashes, rim, rim_width, share = _LOOKS[kind]
        tooltip = [f"{words}: {_name(source)} and {_name(target)}"]
        tooltip += [f"{_name(a)} to {_name(b)}: openness {each[1]:.3f}, |message| {each[2]:.3g}" for (a, b), each in directions.items()]
        value = sum(each[1] if colour_by == "openness" else each[2] for each in directions.values()) / len(directions)
        colour, width = scale.colour(value), round(share * scale.width(value), 2)
        links.append(
            ViewLink(source, target, width, tuple(tooltip), colour, dashes, rim, rim_width, arrow=len(directions) == 1, entity=source, kind=words)
        )
    return sorted(links, key=lambda link: link.kind != _MEMBER)


def _name(entity: str) -> str:
    kind, _, name = entity.partition(":")
    return f"base {name}" if kind == "base" else name
