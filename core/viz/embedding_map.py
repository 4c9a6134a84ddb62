"""The map of embeddings: a point for every vector, drawn by WebGL, coloured by a kind or by a number, with one's own RNA on top."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.rna.projection import Projection
from core.viz.colour import ACCENT, CASING, UNKNOWN, Scale
from core.viz.crowds import drawn
from core.viz.labels import DIRECTIONS, free_sides
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

KINDS = ("#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#92dadd")
"""Petroff (2021), "Accessible color sequences for data visualization", without its greys; kinds differ in their symbol too."""
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star", "hexagon")
LABELLED = 40
"""Placed points up to which names stand beside them."""
LEGEND = 40
"""Letters of a kind in the legend; on hovering all are told."""
HEIGHT = 640
OWN = 8
"""How much larger the marks of placed points are, px."""
PANEL = (270.0, 400.0)
"""Width and height, px, of a plot on a small screen: labels that have room there have it everywhere."""
_WEBGL, _OUTLINED = 1500, 5000
"""Points above which the browser draws with WebGL, and up to which each has an outline that stands out on light and dark, and its kind's symbol."""


@dataclass(frozen=True)
class Kinds:
    """Colour by kind.

    Attributes:
        of: [N], each point's kind; None where it is not known.
        title: what the kinds are, in words.
        colours: hex colours of kinds that have one everywhere; the others take :data:`KINDS` by how many points they have.
        order: kinds that come before the others and in this order, however many points they have.
    """

    of: Sequence[str | None]
    title: str
    colours: Mapping[str, str] | None = None
    order: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Values:
    """Colour by a number: [N] values (nan where not known) on a scale whose limits the caller has set.

    ``digits`` is how they are written on hovering, in d3's words.
    """

    of: np.ndarray
    scale: Scale
    digits: str = ".3g"


def embedding_map(
    projection: Projection,
    names: Sequence[str],
    *,
    colour: Kinds | Values | None = None,
    placed: tuple[Sequence[str], np.ndarray] | None = None,
    labels: Sequence[str] | None = None,
    selected: Sequence[str] = (),
    shown: np.ndarray | None = None,
    others: bool = True,
    title: str = "Map of embeddings",
) -> go.Figure:
    """A scatter of all points; customdata holds [name] of each, and the lasso selects.

    Points without a place (nan) are left out and counted in the alternative text. Of very many, those are drawn that
    :func:`core.viz.crowds.drawn` chooses; ``meta["drawn"]`` then holds how many. Where a name holds signs that plotly reads as
    markup, customdata of its trace is [name, name to be shown].

    Args:
        projection: of N vectors.
        names: [N] entity ids.
        colour: by kind (at most eight, the most frequent, and "other"; each with its count in the legend), by value, or one for all.
        placed: names and points [M, 2] of one's own, drawn larger and outlined on top.
        labels: [M] what stands beside the placed points, their names unless given. Up to :data:`LABELLED` points have labels, each where it lies
            on no other label and no other placed point; those without room have their name on hovering only.
        selected: names to ring, of the map or placed; their labels come first.
        shown: [N] bool, the points in colour. The others are faint and grey and have no names.
        others: whether the points that are not ``shown`` are drawn at all.

    Raises:
        InputError: other numbers of names, kinds, values, placed points or labels than of points.
    """
    import plotly.graph_objects as go

    points = projection.points
    own_names, own_points = ([], np.empty((0, 2))) if placed is None else (list(placed[0]), np.asarray(placed[1], dtype=np.float32))
    for what, count, asked in (
        ("names", len(names), len(points)),
        ("colours", len(points) if colour is None else len(colour.of), len(points)),
        ("points to show or not", len(points) if shown is None else len(shown), len(points)),
        ("placed points", len(own_points), len(own_names)),
        ("labels", len(own_names if labels is None else labels), len(own_names)),
    ):
        if count != asked:
            raise InputError(f"There are {count:,} {what} for {asked:,} vectors; give one for each.")
    ids = np.asarray(names, dtype=object)
    placeable = np.isfinite(points).all(axis=1)
    here = placeable if shown is None else placeable & np.asarray(shown, dtype=bool)
    visible = drawn(np.where((placeable if others else here)[:, None], points, np.nan), here)
    count = int(visible.sum())
    size = float(np.clip(14 - 2.3 * np.log10(max(count, 1)), 3, 8))
    look = _Look(go.Scattergl if count > _WEBGL else go.Scatter, size, 0.5 if count <= _OUTLINED else 0.0, count <= _OUTLINED)
    if isinstance(colour, Kinds):
        traces, told = _by_kind(look, points, ids, here, visible, colour)
    elif isinstance(colour, Values):
        traces, told = _by_value(look, points, ids, here, visible, colour)
    else:
        traces, told = (
            [look.trace(points[here & visible], ids[here & visible], f"all ({here.sum():,})", marker={"color": KINDS[0]})],
            "all in one colour",
        )
    rest = placeable & ~here
    figure = go.Figure([look.faint(points[rest & visible], int(rest.sum())), *traces] if others and rest.any() else traces)
    if own_names:
        figure.add_trace(look.own(own_points, own_names))
        if len(own_names) <= LABELLED:
            ringed = [row for row, name in enumerate(own_names) if name in set(selected)]
            _label(figure, own_points, labels or own_names, points[placeable if others else here], (size + OWN) / 2 + 1, ringed)
    _ring(figure, look, np.concatenate([points, own_points]), [*names, *own_names], selected)
    _axes(figure, projection)
    missing = f" {int((~placeable).sum()):,} have no place." if not placeable.all() else ""
    if rest.any():
        told = f"{int(here.sum()):,} of them {told}, the others {'grey' if others else 'not drawn'}"
    own = f" {len(own_names)} placed on top." if own_names else ""
    crowded = int((placeable if others else here).sum()) - count
    thinned = f" Where points lie on each other one stands for several: {count:,} are drawn." if crowded else ""
    alt = f"Map of {len(points):,} vectors by {_METHODS[projection.method]}, {told}.{missing}{own}{thinned}"
    figure = finished(figure, plain(title), alt, height=HEIGHT)
    legend = {"itemsizing": "constant", "title": {"text": plain(colour.title) if isinstance(colour, Kinds) else ""}}
    below = {"orientation": "h", "yanchor": "top", "y": -0.1, "x": 0}  # beside the map it would leave a small screen no room
    return figure.update_layout(
        showlegend=len(figure.data) > 1 or isinstance(colour, Kinds),
        legend=legend | below,
        dragmode="pan",
        clickmode="event+select",
        hovermode="closest",
        meta={"alt": alt, "drawn": count if crowded else None},
        uirevision=projection.key,  # a new colour leaves the part that is looked at
    )


_METHODS = {"pca": "PCA", "umap": "UMAP"}


@dataclass(frozen=True)
class _Look:
    """How points are drawn: with WebGL or without, their diameter and the width of their outline in px, and whether kinds differ in their symbol."""

    draw: Any
    size: float
    outline: float
    symbols: bool

    def trace(self, points: np.ndarray, names: np.ndarray, legend: str, *, marker: dict[str, Any], hover: str = "") -> Any:
        shown = [plain(name) for name in names]
        same = all(a == b for a, b in zip(shown, names, strict=True))
        return self.draw(
            x=points[:, 0].astype(np.float32),
            y=points[:, 1].astype(np.float32),
            mode="markers",
            name=legend,
            customdata=[[name] for name in names] if same else [[name, text] for name, text in zip(names, shown, strict=True)],
            hovertemplate=f"%{{customdata[{0 if same else 1}]}}{hover}<extra></extra>",
            marker={"size": self.size, "opacity": 0.8, "line": {"width": self.outline, "color": CASING}} | marker,
            unselected={"marker": {"opacity": 0.15}},
        )

    def faint(self, points: np.ndarray, count: int) -> Any:
        """Points that are there to see where the others lie: without names, so that no pick finds them."""
        return self.draw(
            x=points[:, 0].astype(np.float32),
            y=points[:, 1].astype(np.float32),
            mode="markers",
            name=f"filtered out, {count:,}",
            hoverinfo="skip",
            marker={"size": self.size, "opacity": 0.2, "color": UNKNOWN},
            unselected={"marker": {"opacity": 0.15}},
        )

    def own(self, points: np.ndarray, names: Sequence[str]) -> Any:
        marker = {"symbol": "diamond", "size": self.size + OWN, "color": ACCENT, "opacity": 1, "line": {"width": 1.5, "color": CASING}}
        return self.trace(points, np.asarray(names, dtype=object), f"yours ({len(names):,})", marker=marker)


def _label(figure: go.Figure, points: np.ndarray, labels: Sequence[str], cloud: np.ndarray, radius: float, first: Sequence[int]) -> None:
    """Names beside placed points, where there is room; as notes, since WebGL would draw them beneath its points.

    Args:
        cloud: [N, 2], all that set the scale; radius: of the marks, px; first: rows whose labels come first.
    """
    known = points[np.isfinite(points).all(axis=1)]
    extent = np.ptp(np.concatenate([cloud, known]), axis=0) if len(known) else np.zeros(2)
    scale = min((room / span for room, span in zip(PANEL, extent, strict=True) if span > 0), default=1.0)
    for at, label, side in zip(points, labels, free_sides(points * scale, labels, radius=radius, first=first), strict=True):
        if side is not None:
            across, up = DIRECTIONS[side]
            figure.add_annotation(
                x=float(at[0]),
                y=float(at[1]),
                text=plain(label),
                showarrow=False,
                xanchor={-1: "right", 0: "center", 1: "left"}[across],
                yanchor={-1: "top", 0: "middle", 1: "bottom"}[up],
                xshift=across * radius,
                yshift=up * radius,
                font={"size": 11, "color": "#ffffff"},
                bgcolor=ACCENT,
                borderpad=1,
                opacity=0.9,
            )


def _by_kind(look: _Look, points: np.ndarray, names: np.ndarray, here: np.ndarray, visible: np.ndarray, colour: Kinds) -> tuple[list[Any], str]:
    """A trace for each of the most frequent kinds, below them one for the others and one for what has none; counts are of all that is ``here``."""
    kinds = np.array([None if kind is None or kind != kind else str(kind) for kind in colour.of], dtype=object)
    counts = Counter(kind for kind in kinds[here] if kind is not None)
    rank = {kind: place for place, kind in enumerate(colour.order)}
    order = sorted(counts, key=lambda kind: (rank.get(kind, len(rank)), -counts[kind], kind))
    top, others = order[: len(KINDS)], set(order[len(KINDS) :])
    fixed = colour.colours or {}
    free = [one for one in KINDS if one not in fixed.values()]
    parts = [
        (np.array([kind is None for kind in kinds], dtype=bool), "not known", UNKNOWN, "circle-open"),
        (np.array([kind in others for kind in kinds], dtype=bool), f"other ({len(others)} kinds)", UNKNOWN, "circle"),
    ]
    for place, kind in enumerate(top):
        fill = fixed.get(kind) or free[place % len(free)]
        parts.append((kinds == kind, kind, fill, SYMBOLS[place]))
    traces = []
    for mask, label, fill, symbol in parts:
        count = int((mask & here).sum())
        if count:
            legend, hover = f"{plain(_short(label))}, {count:,}", "" if label.startswith("other (") else f"<br>{plain(label)}"
            rows = mask & here & visible
            marker = {"color": fill, "symbol": symbol if look.symbols else "circle"}
            traces.append(look.trace(points[rows], names[rows], legend, marker=marker, hover=hover))
    told = ", ".join(f"{_short(kind)} {counts[kind]:,}" for kind in top)
    return traces, f"coloured by {colour.title}: {told}" + (f" and {len(others)} others" if others else "")


def _by_value(look: _Look, points: np.ndarray, names: np.ndarray, here: np.ndarray, visible: np.ndarray, colour: Values) -> tuple[list[Any], str]:
    """One trace on the scale, below it one for what has no value; counts are of all that is ``here``."""
    values, scale = np.asarray(colour.of, dtype=float), colour.scale
    known = np.isfinite(values)
    traces = []
    if (here & ~known).any():
        legend = f"no value, {int((here & ~known).sum()):,}"
        rows = here & ~known & visible
        traces.append(look.trace(points[rows], names[rows], legend, marker={"color": UNKNOWN, "symbol": "circle-open"}))
    unit = f" ({scale.unit})" if scale.unit else ""
    rows = here & known & visible
    marker = {
        "color": values[rows],
        "cmin": scale.low,
        "cmax": scale.high,
        "colorscale": list(scale.colours),
        "colorbar": {"title": {"text": plain(f"{scale.quantity}{unit}, {scale.note}"), "side": "right"}, "thickness": 10},
    }
    hover = f"<br>{plain(scale.quantity)} %{{marker.color:{colour.digits}}}{plain(scale.unit and ' ' + scale.unit)}"
    legend = f"with a value, {int((here & known).sum()):,}"
    traces.append(look.trace(points[rows], names[rows], legend, marker=marker, hover=hover))
    return traces, f"coloured by {scale.quantity}{unit}, from {scale.low:g} to {scale.high:g}"


def _short(label: str) -> str:
    return label if len(label) <= LEGEND else f"{label[: LEGEND - 1]}…"


def _ring(figure: go.Figure, look: _Look, points: np.ndarray, names: Sequence[str], selected: Sequence[str]) -> None:
    """A ring around each selected point that has a place."""
    wanted = set(selected)
    rows = [row for row, name in enumerate(names) if name in wanted and np.isfinite(points[row]).all()] if wanted else []
    if rows:
        marker = {"symbol": "circle-open", "size": look.size + 10, "color": ACCENT, "opacity": 1, "line": {"width": 2.5, "color": ACCENT}}
        chosen = np.array([names[row] for row in rows], dtype=object)
        figure.add_trace(look.trace(points[rows], chosen, f"selected ({len(rows):,})", marker=marker))


def _axes(figure: go.Figure, projection: Projection) -> None:
    """PCA's axes with their share of the variance; UMAP's have no numbers, for they mean nothing. One unit is as long on both."""
    titles = ["UMAP 1", "UMAP 2"]
    if projection.explained is not None:
        titles = [f"PC {axis} ({share:.1%} of the variance)" for axis, share in enumerate(projection.explained, 1)]
    quiet = {"zeroline": False} | ({} if projection.explained is not None else {"showticklabels": False, "showgrid": False, "ticks": ""})
    figure.update_xaxes(title=titles[0], **quiet)
    figure.update_yaxes(title=titles[1], scaleanchor="x", scaleratio=1, **quiet)
