"""Rankings of signed attributions on a scale that is symmetric about zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.viz.colour import CASING, DIVERGING
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go

TOP, LETTERS = 20, 26


def signed_bars(
    values: pd.Series, *, level: str, title: str, unit: str, prefix: str, words: Mapping[str, str] | None = None, top: int = TOP
) -> go.Figure:
    """The ``top`` groups by absolute value, the largest first; customdata holds [entity], the sign is written beside the bar.

    Args:
        values: by name, nan where not known yet. prefix: of entities: "rxn:" makes "rxn:PFK"; "" makes none, unless names are entities (words).
        words: what groups are called, their names unless given.
    """
    import plotly.graph_objects as go

    known = values[np.isfinite(values.to_numpy(dtype=float))]
    best = known.reindex(known.abs().sort_values(ascending=False, kind="stable").index[:top])
    numbers = best.to_numpy(dtype=float)
    limit = float(np.abs(numbers).max(initial=0.0)) or 1.0
    names = [str(name) for name in best.index]
    called = [(words or {}).get(name, name) for name in names]
    bars = go.Bar(
        x=numbers,
        y=[plain(name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…") for name in called],
        orientation="h",
        marker={"color": numbers, "cmin": -limit, "cmax": limit, "colorscale": list(DIVERGING), "line": {"color": CASING, "width": 1}},
        text=[f"{value:+.3g}" for value in numbers],
        textposition="outside",
        cliponaxis=False,
        customdata=[[f"{prefix}{name}" if prefix or words else ""] for name in names],
        hovertext=[plain(name) for name in called],
        hovertemplate="%{hovertext}: %{x:+.4g}<extra></extra>",
    )
    figure = go.Figure(bars)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    figure.update_xaxes(title=plain(f"attribution ({unit})" if unit else "attribution"), range=[-1.5 * limit, 1.5 * limit], zerolinecolor=CASING)
    told = "; ".join(f"{name} {value:+.3g}" for name, value in zip(called[:3], numbers[:3], strict=True))
    alt = f"{title}: bars of the {len(best)} largest of {len(values):,}, {told}."
    return finished(figure, plain(title), plain(alt), height=130 + 24 * max(1, len(best)))
