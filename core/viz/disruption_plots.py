"""Elements by what masking and disrupting them does, and stems by what exchanging their strands gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.viz.colour import ACCENT, CASING
from core.viz.labels import DIRECTIONS, free_sides
from core.viz.plots import finished, plain
from core.viz.rna_colour import ELEMENTS

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

DISRUPTED, COMPENSATED, GREY = "#d55e00", "#0072b2", "#8a8a8a"
PLOT, RADIUS = (320.0, 300.0), 6.0
"""Size of the scatter's plane on a narrow page and of its dots, px: what names beside them are placed by."""


def effect_scatter(elements: pd.DataFrame, *, selected: str | None = None) -> go.Figure:
    """Loss when disrupted and folded again against loss when masked, one dot an element in the colour of its kind; customdata holds [entity].

    Hollow grey marks are the mean loss of random segments as long as what is replaced in the element, a line joins them with it. Names that find no
    room are left to the hover text.

    Args:
        elements: of :class:`core.explain.disruption.Disruption`. selected: an element to ring.
    """
    import plotly.graph_objects as go

    known = elements[elements["random"].notna()]
    joins = go.Scatter(
        x=np.repeat(known["mask"].to_numpy(dtype=float), 3),
        y=np.column_stack([known["disrupted"], known["random"], np.full(len(known), np.nan)]).ravel(),
        mode="lines",
        line={"color": GREY, "width": 1},
        opacity=0.5,
        hoverinfo="skip",
        showlegend=False,
    )
    random = go.Scatter(
        x=known["mask"],
        y=known["random"],
        mode="markers",
        name="random segments as long, mean",
        customdata=[[name] for name in known["name"]],
        hovertext=[plain(name) for name in known["element"]],
        hovertemplate="segments as long as %{hovertext}: %{y:.3f}<extra></extra>",
        marker={"symbol": "circle-open", "size": 8, "color": GREY, "line": {"width": 1.5}},
    )
    figure = go.Figure([joins, random])
    sides = _sides(elements)
    for kind, rows in elements.groupby("kind", sort=False):
        figure.add_scatter(
            x=rows["mask"],
            y=rows["disrupted"],
            mode="markers+text",
            name=plain(str(kind)),
            text=[plain(element) if sides[name] else "" for name, element in zip(rows["name"], rows["element"], strict=True)],
            textposition=[sides[name] or "top center" for name in rows["name"]],
            textfont={"size": 11},
            cliponaxis=False,
            customdata=[[name, size] for name, size in zip(rows["name"], rows["size"], strict=True)],
            hovertext=[plain(name) for name in rows["element"]],
            hovertemplate="%{hovertext}, %{customdata[1]} bases<br>masked %{x:.3f}<br>disrupted %{y:.3f}<extra></extra>",
            marker={"size": 11, "color": ELEMENTS.get(str(kind), ELEMENTS["other"]), "line": {"color": CASING, "width": 1}},
        )
    ringed = elements[elements["name"] == selected]
    figure.add_scatter(
        x=ringed["mask"],
        y=ringed["disrupted"],
        mode="markers",
        hoverinfo="skip",
        showlegend=False,
        marker={"symbol": "circle-open", "size": 20, "color": ACCENT, "line": {"width": 3}},
    )
    figure.update_xaxes(title="loss when masked (1 - cosine)", rangemode="tozero")
    figure.update_yaxes(title="loss when disrupted, folded again", rangemode="tozero")
    first = elements.sort_values("disrupted", ascending=False, kind="stable").head(3)
    told = ", ".join(
        f"{name} {masked:.3f} masked and {lost:.3f} disrupted"
        for name, masked, lost in zip(first["element"], first["mask"], first["disrupted"], strict=True)
    )
    alt = f"Scatter of {len(elements)} elements, loss when disrupted and folded again against loss when masked; most is lost by {told}."
    legend = {"orientation": "h", "yanchor": "top", "y": -0.16, "x": 0}
    figure = finished(figure, "Elements masked and disrupted", plain(alt), height=520)
    return figure.update_layout(showlegend=True, legend=legend, clickmode="event+select")


def _sides(elements: pd.DataFrame) -> dict[str, str | None]:
    """Where each element's name stands, by entity, the elements that lose most first."""
    ordered = elements.sort_values("disrupted", ascending=False, kind="stable")
    dots, marks = (ordered[["mask", column]].to_numpy(dtype=float) for column in ("disrupted", "random"))
    both = np.concatenate([dots, marks])
    placed = both / np.maximum(np.nanmax(both, axis=0, initial=0.0), 1e-12) * PLOT
    found = free_sides(placed, [*ordered["element"], *[""] * len(ordered)], radius=RADIUS)
    words = {side: f"middle {side}" if side in ("left", "right") else side if " " in side else f"{side} center" for side in DIRECTIONS}
    return {name: words[side] if side else None for name, side in zip(ordered["name"], found)}


def compensation_bars(elements: pd.DataFrame) -> go.Figure:
    """Loss of every stem with one strand replaced and with both exchanged, the largest first; customdata holds [entity].

    Beside the pair stand its rescue and how many of its pairs the fold then keeps.
    """
    import plotly.graph_objects as go

    stems = elements[elements["pairs"].notna()].sort_values("disrupted", ascending=False, kind="stable")
    kept = [f"{left:.0f}/{pairs:.0f}" for left, pairs in zip(stems["pairs_kept"], stems["pairs"], strict=True)]
    rescue = [f"{value:+.0%}" if np.isfinite(value) else "" for value in stems["rescue"]]
    figure = go.Figure()
    for column, name, colour in (("disrupted", "one strand replaced", DISRUPTED), ("compensated", "both strands exchanged", COMPENSATED)):
        own = column == "compensated"
        figure.add_bar(
            x=stems[column],
            y=[plain(name) for name in stems["element"]],
            orientation="h",
            name=name,
            marker={"color": colour},
            text=[f"{share} ({pairs})" for share, pairs in zip(rescue, kept, strict=True)] if own else None,
            textposition="outside",
            cliponaxis=False,
            customdata=[[name] for name in stems["name"]],
            hovertemplate=f"%{{y}}, {name}: %{{x:.3f}}<extra></extra>",
        )
    most = float(np.nanmax(stems[["disrupted", "compensated"]].to_numpy(dtype=float), initial=0.0)) or 1.0
    figure.update_xaxes(title="loss, folded again (1 - cosine)", range=[0, 1.35 * most])
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    told = ", ".join(
        f"{name} {one:.3f} and {both:.3f}"
        for name, one, both in zip(stems["element"].head(3), stems["disrupted"].head(3), stems["compensated"].head(3), strict=True)
    )
    alt = f"Bars of {len(stems)} stems, loss with one strand replaced and with both exchanged: {told}."
    figure = finished(figure, "Compensatory double mutants of stems", plain(alt), height=max(300, 185 + 44 * len(stems)))
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0, "traceorder": "normal"}
    return figure.update_layout(
        barmode="group", showlegend=True, legend=legend, clickmode="event+select", margin={"t": 95}, title_y=0.97, title_yanchor="top"
    )
