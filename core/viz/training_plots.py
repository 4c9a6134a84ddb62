"""How trainings went: loss by step and held-out figures by epoch, one line for each seed of each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

COLOURS = ("#3b6fb6", "#d55e00", "#1b7f5c", "#a05195", "#b58900", "#117a8b")
"""One per run, after Okabe and Ito (2008) with darker steps; seeds of a run share it and are told apart by their dashes."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
LOWEST = -0.5
"""R² below this is drawn at the lower edge: at the start of a training it may be any negative number."""
HEIGHT = 290
"""Of a plot without its legend, px."""
_WINDOW = 25  # points of the running median


@dataclass(frozen=True, eq=False)
class Line:
    """One seed of one run: ``run`` and ``seed`` name it ("" where there is only one), ``losses`` and ``history`` as
    :class:`core.train.saved.Curves` has them."""

    run: str
    seed: str
    losses: pd.DataFrame
    history: pd.DataFrame

    @property
    def label(self) -> str:
        return ", ".join(part for part in (self.run, self.seed) if part)


def loss_plot(lines: Sequence[Line]) -> go.Figure:
    """Loss by training step on a logarithmic axis: every recorded step in faint where there is one line, and the running median."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for line, style in zip(lines, _styles(lines), strict=True):
        steps, losses = line.losses["step"].to_numpy(dtype=float), line.losses["loss"].to_numpy(dtype=float)
        if len(lines) == 1:
            figure.add_scatter(x=steps, y=losses, mode="lines", line={"color": style["color"], "width": 1}, opacity=0.35, hoverinfo="skip")
        smooth = line.losses["loss"].astype(float).rolling(_WINDOW, center=True, min_periods=1).median()
        figure.add_scatter(x=steps, y=smooth, mode="lines", name=plain(line.label), line={**style, "width": 2})
        figure.data[-1].update(hovertemplate=_hover(line, "step %{x:,}, loss %{y:.4g}"))
    figure.update_yaxes(title="loss (no unit)", type="log", automargin=True, exponentformat="power", minexponent=3, nticks=6)
    figure.update_xaxes(title="training step", rangemode="tozero")
    last = [f"{line.label or 'it'} is at {line.losses['loss'].iloc[-1]:.3g} after step {line.losses['step'].iloc[-1]:.0f}" for line in lines]
    alt = f"Loss by training step, running median; {'; '.join(last)}."
    return _legend(finished(figure, "Loss, running median", alt, height=HEIGHT), lines)


def held_out_plot(lines: Sequence[Line], column: str, title: str) -> go.Figure:
    """One figure on the validation conditions by epoch; 1 is perfect.

    Args:
        column: of the histories; title: what it is called.
    """
    import plotly.graph_objects as go

    figure, told, lowest = go.Figure(), [], 0.0
    shown = [(line, style) for line, style in zip(lines, _styles(lines), strict=True) if column in line.history]
    for line, style in shown:
        epochs, values = line.history["epoch"].to_numpy(dtype=float), line.history[column].to_numpy(dtype=float)
        known = np.isfinite(values)
        clipped = np.maximum(values, LOWEST)
        figure.add_scatter(x=epochs, y=clipped, mode="lines+markers", name=plain(line.label), line=style, customdata=values, marker={"size": 5})
        figure.data[-1].update(hovertemplate=_hover(line, f"epoch %{{x}}, {plain(title)} %{{customdata:.3f}}"))
        if known.any():
            lowest = min(lowest, float(clipped[known].min()))
            told.append(f"{line.label + ': ' if line.label else ''}{values[known][-1]:.3f} after epoch {epochs[known][-1]:.0f}")
    figure.update_yaxes(range=[lowest - 0.05, 1.05], automargin=True, title="on validation")
    figure.update_xaxes(title="epoch", rangemode="tozero")
    alt = f"{title} on held-out validation conditions by epoch; {'; '.join(told) or 'no value yet'}."
    at_edge = f"<br><sub>below {LOWEST:g} drawn at the edge</sub>" if lowest <= LOWEST else ""
    return _legend(finished(figure, plain(title) + at_edge, alt, height=HEIGHT), [line for line, _ in shown])


def _styles(lines: Sequence[Line]) -> list[dict[str, str]]:
    runs = list(dict.fromkeys(line.run for line in lines))
    if len(runs) == 1:  # the seeds of one run
        return [{"color": COLOURS[i % len(COLOURS)], "dash": DASHES[i // len(COLOURS) % len(DASHES)]} for i in range(len(lines))]
    seen: dict[str, int] = {}
    found = []
    for line in lines:
        seed = seen[line.run] = seen.get(line.run, -1) + 1
        found.append({"color": COLOURS[runs.index(line.run) % len(COLOURS)], "dash": DASHES[seed % len(DASHES)]})
    return found


def _hover(line: Line, text: str) -> str:
    return (f"{plain(line.label)}<br>" if line.label else "") + text + "<extra></extra>"


def _legend(figure: go.Figure, lines: Sequence[Line]) -> go.Figure:
    """A legend below the plot where there is more than one line, with a row of its own for each of them: the plot may be narrow."""
    room = 20 * len(lines) if len(lines) > 1 else 0
    return figure.update_layout(
        showlegend=len(lines) > 1,
        legend={"yref": "container", "yanchor": "bottom", "y": 0.01, "xanchor": "left", "x": 0, "font": {"size": 12}},
        height=HEIGHT + room,
        margin={"t": 62, "b": 50 + room},
        uirevision="training",
        hovermode="closest",
    )
