"""The secondary structure of an RNA as a drawing: first as data (:func:`rna_view`), then as one SVG document (:func:`rna_svg`)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.errors import InputError
from core.rna.records import RnaRecord, parse_pairs
from core.viz.colour import Scale
from core.viz.rna_colour import COLOUR_BY, ELEMENTS, NUCLEOTIDES, ColourBy, attention_log2, scale_of
from core.viz.rna_layout import RADIUS, Layout, bend, nested_pairs, place, room_for
from core.viz.rna_svg import rna_svg

if TYPE_CHECKING:
    from core.rna.elements import Elements

__all__ = ["DrawnPair", "Legend", "Mark", "RnaView", "rna_svg", "rna_view"]

PairKind = Literal["canonical", "wobble", "other"]
_HIGHEST_ARC = 600.0
"""px; higher arcs are flattened."""
_TEXT = 11.0
"""Size of the texts around the bases, px."""
_STEPS = ((300, 10), (600, 20), (1500, 50))
"""Longest RNA numbered by each step; by 100 beyond."""
_KINDS: dict[str, PairKind] = {"AU": "canonical", "UA": "canonical", "CG": "canonical", "GC": "canonical", "GU": "wobble", "UG": "wobble"}
_WORDS = {"canonical": "", "wobble": "wobble pair", "other": "non-canonical pair"}


@dataclass(frozen=True)
class DrawnPair:
    """A base pair, 0-based i < j. ``crossing`` ones lie outside the nested structure; ``probability`` is nan where unknown."""

    i: int
    j: int
    kind: PairKind
    crossing: bool
    probability: float


@dataclass(frozen=True)
class Mark:
    """A text centred at (x, y) px; ``line`` (x1, y1, x2, y2) ties it to its base, empty for none."""

    text: str
    x: float
    y: float
    size: float
    kind: Literal["number", "end", "element"]
    line: tuple[float, ...] = ()


@dataclass(frozen=True)
class Legend:
    """What the colours mean: a ``scale``, or for kinds the ``swatches`` of colour and words under a ``title``."""

    title: str
    swatches: tuple[tuple[str, str], ...] = ()
    scale: Scale | None = None


@dataclass(frozen=True, eq=False)
class RnaView:
    """A drawing of one RNA of n bases.

    Attributes:
        record: its id.
        sequence, structure: n letters and n signs.
        layout: the layout used.
        xy: [n, 2] px, y downwards.
        colours: n fills "#rrggbb".
        tooltips: n hover texts.
        pairs: all base pairs, ascending.
        marks: numbers, the two ends and, where elements are coloured, their names.
        legend: what the colours mean.
        selected: entity id "base:12" or "elem:s0", or None.
        outlined: 0-based bases of the selection.
        notes: sentences for the legend.
    """

    record: str
    sequence: str
    structure: str
    layout: Layout
    xy: np.ndarray
    colours: tuple[str, ...]
    tooltips: tuple[str, ...]
    pairs: tuple[DrawnPair, ...]
    marks: tuple[Mark, ...]
    legend: Legend
    selected: str | None
    outlined: tuple[int, ...]
    notes: tuple[str, ...]

    @property
    def flatness(self) -> float:
        """Height of an arc over half its width: 1, less where the highest would leave the page."""
        return _flatness(self.xy, self.pairs)

    @property
    def sentence(self) -> str:
        """The drawing in one sentence, for people who cannot see it."""
        crossing = sum(pair.crossing for pair in self.pairs)
        knots = f", {crossing} of them in pseudoknots" if crossing else ""
        chosen = f" Selected: {self.selected.partition(':')[2]}." if self.selected else ""
        return (
            f"Secondary structure of {self.record}: {len(self.sequence):,} bases, {len(self.pairs):,} base pairs{knots}, "
            f"{self.layout} layout, coloured by {self.legend.title}.{chosen}"
        )


def rna_view(
    record: RnaRecord,
    structure: str | None = None,
    *,
    layout: Layout = "puzzler",
    colour_by: ColourBy = "identity",
    values: Sequence[float] | np.ndarray | None = None,
    scale: Scale | None = None,
    elements: Elements | None = None,
    probabilities: np.ndarray | None = None,
    competitors: int | None = None,
    selected: str | None = None,
    over: str = "mean over layers",
) -> RnaView:
    """Draws an RNA of n bases.

    Args:
        record: the RNA.
        structure: dot-bracket to draw; default the record's own.
        layout: as in :func:`core.viz.rna_layout.place`.
        colour_by: what the fill of the bases shows.
        values: n numbers for every ``colour_by`` but identity and element; nan is grey. Attention is given as it is, summing to 1, and shown as
            log2(attention x competitors). For ``probability`` the sums of ``probabilities`` when left out.
        scale: in place of the quantity's own, for views that share one.
        elements: of the structure; needed to colour by element, to select one, and for the hover texts.
        probabilities: [n, n] pair probabilities, shown by width and opacity of the pairs.
        competitors: nodes that share the attention; default n.
        selected: "base:12" (1-based) or "elem:s0" to outline.
        over: which layers ``values`` are taken over, for the legend.

    Raises:
        InputError: no structure, one of another length, a wrong number of values, or an unknown layout or quantity.
    """
    structure = structure if structure is not None else record.structure
    n = record.length
    if structure is None:
        raise InputError(f"{record.id} has no structure yet; fold it first or give one.")
    if len(structure) != n:
        raise InputError(f"The structure has {len(structure):,} signs and {record.id} {n:,} bases; give one sign for each base.")
    placed = place(structure, layout)
    pairs = _drawn_pairs(record.sequence, parse_pairs(structure), probabilities)
    if colour_by == "probability" and values is None and probabilities is not None:
        values = probabilities.sum(axis=1)
    colours, legend, numbers = _colours(record.sequence, colour_by, values, scale, elements, competitors or n, over)
    notes = [placed.note] if placed.note else []
    if placed.layout == "arc" and _flatness(placed.xy, pairs) < 1:
        notes.append(f"Arcs are flattened to {_flatness(placed.xy, pairs):.0%} of their height.")
    if probabilities is not None:
        notes.append("Pairs: the wider and stronger the line, the more probable.")
    return RnaView(
        record.id,
        record.sequence,
        structure,
        placed.layout,
        placed.xy,
        colours,
        _tooltips(record.sequence, pairs, elements, legend, numbers),
        pairs,
        _marks(structure, placed.layout, elements if colour_by == "element" else None),
        legend,
        selected,
        _outlined(selected, n, elements),
        tuple(notes),
    )


def _drawn_pairs(sequence: str, pairs: Sequence[tuple[int, int]], probabilities: np.ndarray | None) -> tuple[DrawnPair, ...]:
    nested = set(nested_pairs(pairs))
    return tuple(
        DrawnPair(
            i,
            j,
            _KINDS.get(sequence[i] + sequence[j], "other"),
            (i, j) not in nested,
            math.nan if probabilities is None else float(probabilities[i, j]),
        )
        for i, j in pairs
    )


def _colours(
    sequence: str,
    colour_by: ColourBy,
    values: Sequence[float] | np.ndarray | None,
    scale: Scale | None,
    elements: Elements | None,
    competitors: int,
    over: str,
) -> tuple[tuple[str, ...], Legend, np.ndarray | None]:
    if colour_by not in COLOUR_BY:
        raise InputError(f"Bases cannot be coloured by {colour_by!r}; use one of {', '.join(COLOUR_BY)}.")
    if colour_by == "identity":
        swatches = tuple((NUCLEOTIDES[base], base) for base in "ACGUN" if base in sequence)
        return tuple(NUCLEOTIDES[base] for base in sequence), Legend("nucleotide", swatches), None
    if colour_by == "element":
        if elements is None:
            raise InputError("To colour by element, give the elements of the structure.")
        kind = {element.name: element.kind for element in elements.elements}
        there = Counter(element.kind for element in elements.elements)
        letters = {element.kind: element.name[0] for element in elements.elements}
        swatches = tuple((colour, f"{letters[k]} {k}") for k, colour in ELEMENTS.items() if k in there)  # type: ignore[index]
        return tuple(ELEMENTS[kind[name]] for name in elements.of_base), Legend("structural element", swatches), None
    if values is None or len(values) != len(sequence):
        given = "none" if values is None else f"{len(values):,}"
        raise InputError(f"Colouring by {colour_by} needs {len(sequence):,} values, one for each base; there are {given}.")
    numbers = np.asarray(values, dtype=float)
    if colour_by == "attention":
        numbers = attention_log2(numbers, competitors)
    scale = scale or scale_of(colour_by, numbers, over=over)
    return tuple(scale.colour(value) for value in numbers.tolist()), Legend(scale.quantity, scale=scale), numbers


def _tooltips(sequence: str, pairs: tuple[DrawnPair, ...], elements: Elements | None, legend: Legend, numbers: np.ndarray | None) -> tuple[str, ...]:
    partner = {pair.i: (pair.j, pair) for pair in pairs} | {pair.j: (pair.i, pair) for pair in pairs}
    kind = {element.name: element.kind for element in elements.elements} if elements else {}
    texts = []
    for place_, base in enumerate(sequence):
        lines = [f"{base}{place_ + 1}"]
        if place_ in partner:
            other, pair = partner[place_]
            details = [word for word in (_WORDS[pair.kind], "pseudoknot" if pair.crossing else "") if word]
            if not math.isnan(pair.probability):
                details.append(f"probability {pair.probability:.3f}")
            lines.append(f"pairs with {sequence[other]}{other + 1}" + (f" ({', '.join(details)})" if details else ""))
        else:
            lines.append("unpaired")
        if elements:
            name = elements.of_base[place_]
            lines.append(f"{name}, {kind[name]}")
        if numbers is not None:
            value = numbers[place_]
            lines.append(f"{legend.title}: {'unknown' if math.isnan(value) else format(value, '.3g')}")
        texts.append("\n".join(lines))
    return tuple(texts)


def _flatness(xy: np.ndarray, pairs: tuple[DrawnPair, ...]) -> float:
    widest = max((abs(float(xy[p.j, 0] - xy[p.i, 0])) for p in pairs), default=0.0) / 2
    return min(1.0, max(_HIGHEST_ARC, 0.1 * float(np.ptp(xy[:, 0]))) / widest) if widest else 1.0


def _outlined(selected: str | None, n: int, elements: Elements | None) -> tuple[int, ...]:
    kind, _, name = (selected or "").partition(":")
    if kind == "base" and name.isdecimal() and 1 <= int(name) <= n:
        return (int(name) - 1,)
    if kind == "elem" and elements is not None:
        return next((element.bases for element in elements.elements if element.name == name), ())
    return ()


@lru_cache(maxsize=16)
def _marks(structure: str, layout: Layout, elements: Elements | None) -> tuple[Mark, ...]:
    """Texts around the bases. The numbers of a large drawing are larger, or they could not be read before zooming in."""
    xy, n = place(structure, layout).xy, len(structure)
    step = next((step for longest, step in _STEPS if n <= longest), 100)
    extent = float(np.ptp(xy, axis=0).max()) if n > 1 else 0.0
    size = _TEXT * min(3.0, max(1.0, extent / 1100)) if layout != "arc" else _TEXT
    items: list[tuple[str, Literal["number", "end", "element"], np.ndarray]] = [("5′", "end", xy[0])]
    items += [("3′", "end", xy[-1])] if n > 1 else []
    items += [(str(at), "number", xy[at - 1]) for at in range(step, n + 1, step)]
    numbered = len(items)
    items += [(name, "element", xy[list(bases)].mean(axis=0)) for name, bases in _named(elements, whole=layout in ("puzzler", "naview"))]
    anchors = np.array([anchor for _, _, anchor in items])
    sizes = [_TEXT if kind == "element" else size for _, kind, _ in items]
    boxes = np.array([(0.62 * high * len(text) + 2, high) for high, (text, _, _) in zip(sizes, items, strict=True)])
    away = RADIUS + 6 + size / 2
    names = slice(numbered, None)
    if layout == "arc":
        spots = anchors + np.array((0.0, away))
        spots[names, 1] += 1.6 * size
    elif layout == "circle":
        rays = anchors - (xy.max(axis=0) + xy.min(axis=0)) / 2
        distance = away + (boxes[:, :1] - size) / 3
        distance[names] += 2 * size
        spots = anchors + rays / np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-9) * distance
    else:
        obstacles = np.vstack([xy, _points_of(parse_pairs(structure), xy)])
        steps = np.array([1.0, 1.35, 1.8, 2.5])
        spots = room_for(anchors[:numbered], boxes[:numbered], obstacles, radius=RADIUS, reach=(steps * away).tolist())
        obstacles = np.vstack([obstacles, spots, (spots + anchors[:numbered]) / 2])
        near = RADIUS + 6 + _TEXT / 2
        inner = room_for(anchors[names], boxes[names], obstacles, radius=RADIUS, reach=[0.0, 0.6 * near, *(steps * near).tolist()])
        spots = np.vstack([spots, inner])
    return tuple(
        Mark(text, spot[0], spot[1], box[1], kind, _tie(anchor, spot, box) if kind == "number" else ())
        for (text, kind, _), anchor, spot, box in zip(items, anchors.tolist(), np.round(spots, 1).tolist(), boxes.tolist(), strict=True)
    )


def _named(elements: Elements | None, *, whole: bool) -> list[tuple[str, tuple[int, ...]]]:
    """Names of elements with the bases they stand at: once for the whole, or at each run of neighbouring bases."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for element in elements.elements if elements else ():
        cuts = [] if whole else [k for k in range(1, len(element.bases)) if element.bases[k] != element.bases[k - 1] + 1]
        runs = [element.bases[a:b] for a, b in zip([0, *cuts], [*cuts, None])]
        found += [(element.name, run) for run in runs if run]
    return found


def _points_of(pairs: Sequence[tuple[int, int]], xy: np.ndarray) -> np.ndarray:
    """[k, 2] points of the pair lines that labels keep off: the middle of each, more of a long curve."""
    inside = nested_pairs(pairs)
    nested = np.array(inside, dtype=np.int64).reshape(-1, 2)
    knots = np.array(sorted(set(pairs) - set(inside)), dtype=np.int64).reshape(-1, 2)
    a, b = xy[knots[:, 0]], xy[knots[:, 1]]
    share = np.linspace(0, 1, 24)[:, None, None]
    curves = (1 - share) ** 2 * a + 2 * share * (1 - share) * bend(a, b) + share**2 * b
    return np.vstack([(xy[nested[:, 0]] + xy[nested[:, 1]]) / 2, curves.reshape(-1, 2)])


def _tie(anchor: list[float], spot: list[float], box: list[float]) -> tuple[float, ...]:
    """The tick from the rim of a base to its number; none where they touch."""
    dx, dy = spot[0] - anchor[0], spot[1] - anchor[1]
    length = math.hypot(dx, dy) or 1.0
    ux, uy = dx / length, dy / length
    inside = min(box[0] / 2 / (abs(ux) or 1e-9), box[1] / 2 / (abs(uy) or 1e-9)) + 1
    if length - inside <= RADIUS + 1:
        return ()
    ends = (anchor[0] + ux * RADIUS, anchor[1] + uy * RADIUS, spot[0] - ux * inside, spot[1] - uy * inside)
    return tuple(round(end, 1) for end in ends)
