"""Coordinates from an Escher map (King et al., 2015): where its author placed reactions and metabolites, matched by BiGG id."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError

if TYPE_CHECKING:
    from core.metabolic.tables import ModelTables

NEAREST = 62.0
"""Median distance of a drawn node to its nearest neighbour after scaling, px: maps differ in scale, our labels do not."""

Point = tuple[float, float]


@dataclass(frozen=True)
class MapReaction:
    """A reaction of a map: its id, the place of its marker, and (metabolite id, place, map node) of each metabolite it is joined to."""

    id: str
    at: Point
    metabolites: tuple[tuple[str, Point, str], ...]


@dataclass(frozen=True)
class EscherMap:
    """A map as its name and its reactions, in map coordinates (y downwards)."""

    name: str
    reactions: tuple[MapReaction, ...]


@dataclass(frozen=True)
class Coverage:
    """How much of a map and of a model met."""

    matched_reactions: int
    map_reactions: int
    model_reactions: int

    @property
    def sentence(self) -> str:
        """The coverage for the page."""
        return (
            f"{self.matched_reactions} of the map's {self.map_reactions} reactions are in the model, "
            f"which places {self.matched_reactions} of the model's {self.model_reactions} reactions."
        )


def read_escher(data: bytes) -> EscherMap:
    """Reads an Escher map JSON.

    Raises:
        InputError: not JSON, a model instead of a map, a damaged map, or a map without reactions.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("The map is not a JSON file; export it from Escher with Map > Save map JSON.") from None
    if isinstance(content, dict) and "metabolites" in content and "reactions" in content:
        raise InputError("This JSON file is a metabolic model, not a map; load it as the model and give the Escher map JSON here.")
    if not (isinstance(content, list) and len(content) == 2 and isinstance(content[1], dict) and "reactions" in content[1] and "nodes" in content[1]):
        raise InputError(
            "This JSON file is not an Escher map, which holds a heading and then reactions and nodes; export it with Map > Save map JSON."
        )
    head, body = content
    try:
        reactions = tuple(_reaction(item, body["nodes"]) for item in body["reactions"].values())
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"The Escher map is damaged: a reaction or node misses or misstates {error}; save the map again in Escher.") from None
    if not reactions:
        raise InputError("The Escher map has no reactions, so there is nothing to place; choose a map with reactions.")
    name = head.get("map_name") if isinstance(head, dict) else None
    return EscherMap(str(name or "map"), reactions)


def map_positions(escher: EscherMap, tables: ModelTables) -> tuple[dict[str, Point], Coverage]:
    """Positions by drawing id for a pathway view, and the coverage.

    A metabolite drawn several times on the map gives "met:ID" for the node most reactions share and "met:ID@REACTION" for the
    reactions joined to another node. Reactions drawn twice count once, where they come first.
    """
    reactions, metabolites = tables.reaction_index(), tables.metabolite_index()
    matched = list({r.id: r for r in reversed(escher.reactions) if r.id in reactions}.values())[::-1]
    uses = Counter((m, node) for r in matched for m, _, node in r.metabolites)
    main: dict[str, str] = {}
    for (m, node), _ in sorted(uses.items(), key=lambda item: (-item[1], item[0])):
        main.setdefault(m, node)
    positions: dict[str, Point] = {f"rxn:{r.id}": r.at for r in matched}
    for r in matched:
        for m, at, node in r.metabolites:
            if m in metabolites:
                positions[f"met:{m}" if node == main[m] else f"met:{m}@{r.id}"] = at
    total = len({r.id for r in escher.reactions})
    return _scaled(positions), Coverage(len(matched), total, len(tables.reactions))


def _reaction(item: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> MapReaction:
    ends = [str(segment[end]) for segment in item["segments"].values() for end in ("from_node_id", "to_node_id")]
    touched = dict.fromkeys(ends)
    kinds = {node: nodes[node]["node_type"] for node in touched}
    marks = [node for node in touched if kinds[node] == "midmarker"] or list(touched)
    centre = np.mean([_point(nodes[node]) for node in marks], axis=0)
    joined = tuple((str(nodes[n]["bigg_id"]), _point(nodes[n]), n) for n in touched if kinds[n] == "metabolite")
    return MapReaction(str(item["bigg_id"]), (float(centre[0]), float(centre[1])), joined)


def _point(node: dict[str, Any]) -> Point:
    x, y = float(node["x"]), float(node["y"])
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError("a finite x or y")
    return x, y


def _scaled(positions: dict[str, Point]) -> dict[str, Point]:
    """One factor for all, so that neighbours stand :data:`NEAREST` apart in the median."""
    from scipy.spatial import cKDTree

    if len(positions) < 2:
        return positions
    places = np.array(list(positions.values()))
    nearest = cKDTree(np.unique(places, axis=0))
    distance = np.median(nearest.query(nearest.data, k=2)[0][:, 1]) if len(nearest.data) > 1 else 0.0
    factor = NEAREST / distance if distance > 0 else 1.0
    return {name: (round(float(x), 2), round(float(y), 2)) for name, (x, y) in zip(positions, places * factor, strict=True)}
