"""A drawing as data: which nodes and spokes, where, in which colour, with which words."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.errors import InputError
from core.viz.colour import LINK, Quantity, Scale, scale_for

if TYPE_CHECKING:
    import pandas as pd

    from core.metabolic.tables import ModelTables

CurrencyMode = Literal["hide", "clone", "show"]
COPY_ABOVE = 12
"""A reaction with more metabolites than this (a biomass reaction) is drawn with copies of them: its spokes would cross everything."""
LABEL_LENGTH = 18


@dataclass(frozen=True)
class ViewNode:
    """A drawn node. ``id`` is unique in the drawing, ``entity`` is what it stands for ("met:atp_c" for the copy "met:atp_c@PFK").

    ``x``, ``y`` are the centre of the box or circle in px (y downwards); ``width`` and ``height`` its size without the label under a circle.
    ``fill`` is the colour of a subsystem's circle, a base or an element, and ``narrow`` its place on a narrow screen; the others have neither.
    """

    id: str
    entity: str
    kind: Literal["reaction", "metabolite", "subsystem", "base", "element"]
    label: str
    x: float
    y: float
    width: float
    height: float
    font: float
    copy: bool
    blocked: bool
    selected: bool
    tooltip: tuple[str, ...]
    fill: str = ""
    narrow: tuple[float, float] | None = None

    @property
    def boxed(self) -> bool:
        """True for what is drawn as a box; the others are circles."""
        return self.kind in ("reaction", "element")


@dataclass(frozen=True)
class ViewEdge:
    """A spoke. It runs from a consumed metabolite to its reaction, and from a reaction to what it produces.

    ``attention`` is log2(attention x competitors); values are nan where unknown. ``value`` is the one that is coloured.
    """

    reaction: str
    metabolite: str
    source: str
    target: str
    coefficient: float
    gate: float
    attention: float
    message: float
    value: float
    colour: str
    width: float
    blocked: bool
    selected: bool
    tooltip: tuple[str, ...]

    @property
    def consumed(self) -> bool:
        """True for a substrate, which is drawn dashed."""
        return self.coefficient < 0


@dataclass(frozen=True)
class ViewLink:
    """A line between two subsystems, as wide as they share metabolites, or between two nodes of an RNA's graph.

    ``dashes`` are px drawn and left out, empty for a full line; ``rim`` is the colour of its outline, "" for none, ``rim_width`` what the
    outline adds to the width; ``entity`` is what a click selects, "" for nothing; with ``arrow`` it points to its target; ``kind`` is its entry
    in the legend of an RNA's graph.
    """

    source: str
    target: str
    width: float
    tooltip: tuple[str, ...]
    colour: str = LINK
    dashes: tuple[float, ...] = ()
    rim: str = ""
    rim_width: float = 2.0
    arrow: bool = False
    entity: str = ""
    kind: str = ""


@dataclass(frozen=True)
class NetworkView:
    """A drawing: nodes, spokes, the scale of its colours, notes for its legend, and the entity that is selected.

    A drawing of subsystems or of an RNA's graph has ``links`` instead of spokes.
    """

    nodes: tuple[ViewNode, ...]
    edges: tuple[ViewEdge, ...]
    scale: Scale
    notes: tuple[str, ...]
    selected: str | None
    links: tuple[ViewLink, ...] = ()

    @property
    def of_subsystems(self) -> bool:
        """Whether this is an overview of subsystems and not a network of reactions."""
        return any(node.kind == "subsystem" for node in self.nodes)

    @property
    def of_rna(self) -> bool:
        """Whether this is the graph of an RNA."""
        return any(node.kind in ("base", "element") for node in self.nodes)

    @property
    def coloured(self) -> str:
        """What carries the colours of :attr:`scale`, for the legend."""
        if self.of_rna:
            return "Line colour and width"
        return "Circle colour" if self.of_subsystems else "Spoke colour and width"

    @property
    def sentence(self) -> str:
        """The drawing in one sentence, for people who cannot see it."""
        if self.of_subsystems:
            return f"Overview of {len(self.nodes)} subsystems as circles sized by their number of reactions and coloured by {self.scale.quantity}."
        if self.of_rna:
            bases, elements = (sum(node.kind == kind for node in self.nodes) for kind in ("base", "element"))
            chosen = f" Selected: {self.selected.partition(':')[2]}." if self.selected else ""
            return f"RNA graph of {bases} bases and {elements} elements joined by {len(self.links)} lines, coloured by {self.scale.quantity}.{chosen}"
        reactions = sum(node.kind == "reaction" for node in self.nodes)
        metabolites = len({node.entity for node in self.nodes if node.kind == "metabolite"})
        chosen = f" Selected: {self.selected.partition(':')[2]}." if self.selected else ""
        counts = f"{reactions} reactions and {metabolites} metabolites joined by {len(self.edges)} spokes"
        return f"Reaction network of {counts}, coloured by {self.scale.quantity}.{chosen}"


@dataclass(frozen=True)
class Neighbourhood:
    """Reactions near an entity, nearest first; ``left_out`` more lie within reach but over the limit."""

    reactions: tuple[str, ...]
    left_out: int

    @property
    def sentence(self) -> str:
        """What is shown of what there is."""
        shown = f"{len(self.reactions)} reaction{'s' if len(self.reactions) != 1 else ''}"
        return f"{shown}; {self.left_out} more within reach are left out." if self.left_out else f"{shown}."


def pathway_view(
    tables: ModelTables,
    incidences: pd.DataFrame | None,
    *,
    reactions: Sequence[str],
    currency: Collection[str] = (),
    currency_mode: CurrencyMode = "hide",
    selected: str | None = None,
    colour_by: Quantity = "gate",
    positions: Mapping[str, tuple[float, float]] | None = None,
    blocked: Collection[str] = (),
    fluxes: pd.Series | None = None,
    message_max: float | None = None,
    gate_sd: pd.Series | None = None,
    over: str = "mean over heads and layers",
) -> NetworkView:
    """Draws some reactions of a model with their metabolites.

    Args:
        tables: the model.
        incidences: one row per incidence: reaction, metabolite, and any of gate, gate_seed_sd, attention_log2, message. None draws grey spokes.
        reactions: ids of what to draw; must be in the model.
        currency: metabolite ids that ``currency_mode`` speaks of: left out, copied for every reaction, or drawn like any other.
            A reaction that has no other metabolites keeps copies of them.
        selected: entity id to highlight, "rxn:PFK" or "met:atp_c".
        colour_by: what colour and width of the spokes show.
        positions: drawing id to (x, y) in px, from an Escher map; the rest is placed beside.
        blocked: reaction ids to grey out.
        fluxes: flux by reaction id, mmol/gDW/h, for the hover text.
        message_max: upper end of the |message| scale; default the maximum over ``incidences``.
        gate_sd: standard deviation over seeds of each reaction's mean gate, by reaction id, for the hover text.
        over: which layers and heads ``incidences`` speaks of, for the legend.

    Raises:
        InputError: a reaction is not in the model.
    """
    index = tables.reaction_index()
    missing = [r for r in reactions if r not in index]
    if missing:
        raise InputError(f"Reaction {missing[0]!r} is not in the model {tables.id}; choose reactions of this model.")
    rows = sorted({index[r] for r in reactions})
    scale = scale_for(colour_by, message_max=_message_max(incidences, message_max), over=over)
    spokes, notes = _spokes(tables, rows, set(currency), currency_mode, positions or {})
    entity = {name: name for name in [f"rxn:{tables.reactions[e]}" for e in rows]}
    for _, v, _, node in spokes:
        entity[node] = f"met:{tables.metabolites[v]}"
    place = _place(list(entity), spokes, entity, tables, positions or {})
    words = _Words(
        tables,
        index,
        tables.metabolite_index(),
        np.bincount(tables.rows, minlength=tables.shape[0]),
        _values(incidences),
        fluxes,
        gate_sd,
        frozenset(blocked),
    )
    nodes = tuple(_node(name, entity[name], place[name], selected, words) for name in entity)
    edges = tuple(_edge(spoke, scale, colour_by, selected, words) for spoke in spokes)
    return NetworkView(nodes, edges, scale, tuple(notes), selected)


def neighbourhood(tables: ModelTables, centre: str, hops: int, currency: Collection[str] = (), *, limit: int = 150) -> Neighbourhood:
    """Reactions within ``hops`` of an entity. Two reactions are one hop apart when they share a metabolite that is no currency.

    The reactions of a centre metabolite (currency or not) count as one hop; a centre reaction comes first and always.

    Raises:
        InputError: the centre is no reaction or metabolite of this model.
    """
    kind, _, name = centre.partition(":")
    table = tables.reaction_index() if kind == "rxn" else tables.metabolite_index() if kind == "met" else {}
    if name not in table:
        raise InputError(f"{centre!r} is no reaction or metabolite of the model {tables.id}; choose one from the search.")
    passing = ~np.isin(np.array(tables.metabolites), list(currency))
    start = [table[name]] if kind == "rxn" else sorted(set(tables.cols[tables.rows == table[name]].tolist()))
    found = list(dict.fromkeys(start))
    seen, front = set(found), found
    for _ in range(hops if kind == "rxn" else hops - 1):
        reached = np.unique(tables.rows[np.isin(tables.cols, front)])
        near = np.unique(tables.cols[np.isin(tables.rows, reached[passing[reached]])])
        front = [e for e in near.tolist() if e not in seen]
        found += front
        seen.update(front)
    kept = tuple(tables.reactions[e] for e in found[:limit])
    return Neighbourhood(kept, len(found) - len(kept))


def short(label: str, length: int = LABEL_LENGTH) -> str:
    """A label cut to ``length`` characters."""
    return label if len(label) <= length else label[: length - 1] + "…"


_Spoke = tuple[int, int, float, str]
"""Reaction row, metabolite row, coefficient, drawing id of the metabolite."""


def _spokes(
    tables: ModelTables, rows: list[int], currency: set[str], mode: CurrencyMode, positions: Mapping[str, tuple[float, float]]
) -> tuple[list[_Spoke], list[str]]:
    spokes: list[_Spoke] = []
    hidden: set[str] = set()
    copied: list[str] = []
    at: dict[tuple[int, tuple[float, float]], str] = {}
    for e in rows:
        here = slice(*np.searchsorted(tables.cols, [e, e + 1]))
        mine = [(int(v), float(s), tables.metabolites[v]) for v, s in zip(tables.rows[here], tables.stoich[here], strict=True)]
        others = [m for _, _, m in mine if m not in currency]
        wide = mode != "show" and len(rows) > 1 and len(others) > COPY_ABOVE
        if wide:
            copied.append(tables.reactions[e])
        for v, s, m in mine:
            common = m in currency and mode != "show"
            if common and mode == "hide" and others:
                hidden.add(m)
                continue
            own = f"met:{m}@{tables.reactions[e]}"
            node = own if wide or common else f"met:{m}"
            if own in positions and not common:
                node = at.setdefault((v, positions[own]), own)
            spokes.append((e, v, s, node))
    notes = [f"{len(hidden)} currency metabolite{'s' if len(hidden) != 1 else ''} hidden"] if hidden else []
    if mode == "clone" and currency:
        notes.append("currency metabolites are drawn once per reaction")
    return spokes, notes + [f"{r} is drawn with its own copies of its metabolites" for r in copied]


def _place(
    ids: list[str], spokes: list[_Spoke], entity: dict[str, str], tables: ModelTables, positions: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    from core.viz.layout import place_beside

    index = {name: i for i, name in enumerate(ids)}
    reaction = np.array([name.startswith("rxn:") for name in ids], dtype=bool)
    boxes: list[tuple[float, float]] = []
    lift: list[float] = []
    for name in ids:
        width, height, font = _size(name, entity[name])
        text = font * 0.58 * len(short(entity[name][4:]))
        boxes.append((width, height) if name.startswith("rxn:") else (max(width, text), height + font + 5))
        lift.append(0.0 if name.startswith("rxn:") else (font + 5) / 2)
    ends = [(a, b) if s < 0 else (b, a) for a, b, s in ((index[node], index[f"rxn:{tables.reactions[e]}"], s) for e, _, s, node in spokes)]
    joined = np.array(ends, dtype=np.int64).reshape(-1, 2)
    known = {index[name]: np.array(positions[name], dtype=float) + np.array((0.0, lift[index[name]])) for name in ids if name in positions}
    centres = place_beside(known, np.array(boxes), joined) if known else _flow(tuple(boxes), tuple(ends), int(reaction.sum()))
    return {name: (round(float(x), 2), round(float(y - lift[i]), 2)) for i, (name, (x, y)) in enumerate(zip(ids, centres, strict=True))}


@lru_cache(maxsize=32)
def _flow(boxes: tuple[tuple[float, float], ...], spokes: tuple[tuple[int, int], ...], reactions: int) -> np.ndarray:
    """Remembered :func:`flow_layout` (reactions come first): a click or another colour must not cost a new layout."""
    from core.viz.layout import flow_layout

    return flow_layout(np.array(boxes), np.array(spokes), np.arange(len(boxes)) < reactions)


def _size(name: str, entity: str) -> tuple[float, float, float]:
    """Width and height of the shape, and font size of the label, px."""
    if name.startswith("rxn:"):
        return 14 * 0.6 * len(short(entity[4:])) + 16, 26.0, 14.0
    return (12.0, 12.0, 11.0) if "@" in name[len(entity) :] else (20.0, 20.0, 13.0)


def _values(incidences: pd.DataFrame | None) -> dict[tuple[str, str], tuple[float, float, float, float]]:
    if incidences is None or incidences.empty:
        return {}
    nothing = np.full(len(incidences), math.nan)
    columns = [incidences[c].to_numpy(dtype=float) if c in incidences else nothing for c in ("gate", "attention_log2", "message", "gate_seed_sd")]
    keys = zip(incidences["reaction"], incidences["metabolite"], strict=True)
    return dict(zip(keys, zip(*(c.tolist() for c in columns), strict=True), strict=True))


def over_seeds(sd: float) -> str:
    """A standard deviation over seeds as it stands behind a number; "" for nan."""
    return "" if math.isnan(sd) else f" ± {sd:.3f} over seeds"


def _message_max(incidences: pd.DataFrame | None, given: float | None) -> float:
    if given is not None:
        return given
    if incidences is None or "message" not in incidences or not incidences["message"].notna().any():
        return 1.0
    return float(incidences["message"].max())


@dataclass(frozen=True)
class _Words:
    """What the hover texts are made of."""

    tables: ModelTables
    reaction_index: dict[str, int]
    metabolite_index: dict[str, int]
    degree: np.ndarray
    values: dict[tuple[str, str], tuple[float, float, float, float]]
    fluxes: pd.Series | None
    gate_sd: pd.Series | None
    blocked: frozenset[str]

    def metabolite(self, name: str) -> tuple[str, ...]:
        tables, v = self.tables, self.metabolite_index[name]
        where = tables.compartment_names.get(tables.compartments[v]) or tables.compartments[v]
        return (
            f"{name}: {tables.metabolite_names[v] or 'no name'}",
            f"{tables.formulas[v] or 'no formula'}, {where}",
            f"in {self.degree[v]} reactions of the model",
        )

    def reaction(self, name: str) -> tuple[str, ...]:
        tables, e = self.tables, self.reaction_index[name]
        here = slice(*np.searchsorted(tables.cols, [e, e + 1]))
        gates = [self.values.get((name, tables.metabolites[v]), (math.nan,))[0] for v in tables.rows[here]]
        lines = [
            f"{name}: {tables.reaction_names[e] or 'no name'}",
            short(tables.equation(e), 160),
            f"bounds {tables.lower[e]:g} to {tables.upper[e]:g} mmol/gDW/h",
        ]
        if self.fluxes is not None and name in self.fluxes.index:
            lines.append(f"flux by FBA {self.fluxes[name]:.4g} mmol/gDW/h")
        if gates and not any(map(math.isnan, gates)):
            lines.append(f"mean gate {sum(gates) / len(gates):.3f}" + over_seeds(math.nan if self.gate_sd is None else self.gate_sd[name]))
        return (*lines, "blocked: it cannot carry flux here") if name in self.blocked else tuple(lines)


def _node(name: str, entity: str, at: tuple[float, float], selected: str | None, words: _Words) -> ViewNode:
    plain = entity[4:]
    width, height, font = _size(name, entity)
    if entity.startswith("rxn:"):
        blocked = plain in words.blocked
        return ViewNode(name, entity, "reaction", short(plain), *at, width, height, font, False, blocked, entity == selected, words.reaction(plain))
    return ViewNode(
        name, entity, "metabolite", short(plain), *at, width, height, font, name != entity, False, entity == selected, words.metabolite(plain)
    )


def _edge(spoke: _Spoke, scale: Scale, colour_by: Quantity, selected: str | None, words: _Words) -> ViewEdge:
    e, v, s, node = spoke
    reaction, metabolite = words.tables.reactions[e], words.tables.metabolites[v]
    gate, attention, message, spread = words.values.get((reaction, metabolite), (math.nan,) * 4)
    value = {"gate": gate, "attention": attention, "message": message}[colour_by]
    ends = (node, f"rxn:{reaction}") if s < 0 else (f"rxn:{reaction}", node)
    tooltip = [f"{reaction} {'consumes' if s < 0 else 'produces'} {abs(s):g} {metabolite}"]
    said = (("gate", gate, over_seeds(spread)), ("log2(attention x competitors)", attention, ""), ("|message|", message, ""))
    tooltip += [f"{name} {x:.3f}{sd}" for name, x, sd in said if not math.isnan(x)]
    chosen = selected in (f"rxn:{reaction}", f"met:{metabolite}")
    grey = reaction in words.blocked
    colour = scale.colour(math.nan if grey else value)
    return ViewEdge(reaction, metabolite, *ends, s, gate, attention, message, value, colour, scale.width(value), grey, chosen, tuple(tooltip))
