"""Plots of scores against measurements: intervals of the metrics, precision and recall, values against scores, enriched pathways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.viz.colour import CASING, UNKNOWN
from core.viz.plots import finished, plain

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

METRICS = {"auroc": "AUROC", "ap": "average precision", "spearman": "Spearman's correlation"}
SOURCE_COLOURS = {"FBA": "#1b7f5c", "model": UNKNOWN}
"""Of FBA and of plain structure; networks share :data:`NETWORK_COLOUR`."""
NETWORK_COLOUR = "#3b6fb6"
SEEDS_COLOUR = "#b35806"
_LINES = ("#3b6fb6", "#d55e00", "#1b7f5c", "#a05195", "#b58900", "#117a8b", "#8c564b", "#707173")
"""Okabe and Ito's idea with darker steps, told apart by dashes too."""
_DASHES = ("solid", "dash", "dot", "dashdot")


def interval_plot(table: pd.DataFrame, metric: str, *, chance: float) -> go.Figure:
    """One metric of every score as a dot with its 95% interval; a dashed line marks chance.

    Args:
        table: columns source, score, ``metric``, ``<metric>_low`` and ``<metric>_high``, ``<metric>_seed_mean`` and ``<metric>_seed_sd``; where the
            last are known, mean and standard deviation over the seeds stand below the dot.
        metric: of :data:`METRICS`; chance: what a random order gives.
    """
    import plotly.graph_objects as go

    known = table[table[metric].notna()]
    values = known[metric].to_numpy(dtype=float)
    names = [_named(source, score) for source, score in zip(known["source"], known["score"], strict=True)]
    places = np.arange(len(names), dtype=float)
    seeded = known[f"{metric}_seed_sd"].notna().to_numpy()
    dots = go.Scatter(
        x=values,
        y=places - 0.12 * seeded,
        name="shown, 95% over genes",
        mode="markers",
        marker={"size": 10, "color": [SOURCE_COLOURS.get(s, NETWORK_COLOUR) for s in known["source"]], "line": {"color": CASING, "width": 1}},
        error_x={
            "array": known[f"{metric}_high"] - values,
            "arrayminus": values - known[f"{metric}_low"],
            "symmetric": False,
            "color": CASING,
            "thickness": 2,
        },
        customdata=np.column_stack([known[[f"{metric}_low", f"{metric}_high", "n"]].to_numpy(dtype=object), names]),
        hovertemplate="%{customdata[3]}<br>%{x:.3f}, interval %{customdata[0]:.3f} to %{customdata[1]:.3f}<br>n = %{customdata[2]}<extra></extra>",
    )
    figure = go.Figure(dots)
    if seeded.any():
        figure.add_scatter(
            x=known.loc[seeded, f"{metric}_seed_mean"],
            y=places[seeded] + 0.22,
            name="mean ± sd over seeds",
            mode="markers",
            marker={"size": 8, "symbol": "diamond-open", "color": SEEDS_COLOUR},
            error_x={"array": known.loc[seeded, f"{metric}_seed_sd"], "color": SEEDS_COLOUR, "thickness": 1.5},
            hovertemplate="over seeds %{x:.3f} ± %{error_x.array:.3f}<extra></extra>",
        )
    figure.add_vline(x=chance, line={"dash": "dash", "color": CASING}, annotation={"text": f"chance {chance:.2f}", "font": {"size": 11}})
    ends = [-1.0, 1.0] if metric == "spearman" else [0.0, 1.0]
    figure.update_xaxes(title=f"{METRICS[metric]}, 95% bootstrap interval", range=[ends[0] - 0.02, ends[1] + 0.02])
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], automargin=True, tickvals=places, ticktext=names, zeroline=False)
    best = names[int(np.argmax(values))] if len(values) else ""
    alt = f"{METRICS[metric]} of {len(known)} scores with intervals" + (f"; highest {best} with {values.max():.3f}." if best else ".")
    title = f"{METRICS[metric].capitalize() if metric == 'ap' else METRICS[metric]} by score"
    figure = finished(figure, title, alt, height=(170 if seeded.any() else 130) + 28 * max(4, len(known)))
    legend = {"orientation": "h", "yanchor": "top", "y": -0.32, "x": 0}
    return figure.update_layout(showlegend=True, legend=legend) if seeded.any() else figure


def precision_recall_plot(curves: Mapping[str, tuple[np.ndarray, np.ndarray, float]], *, prevalence: float) -> go.Figure:
    """Precision against recall, a line per score whose area is the average precision; the dashed line is the share of positives.

    Args:
        curves: name to recall, precision and average precision.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (name, (recall, precision, average)) in enumerate(curves.items()):
        figure.add_scatter(
            x=recall,
            y=precision,
            mode="lines",
            line={"color": _LINES[number % len(_LINES)], "dash": _DASHES[number // len(_LINES) % len(_DASHES)], "width": 2, "shape": "vh"},
            name=f"{plain(name)} ({average:.2f})",
            hovertemplate=f"{plain(name)}<br>recall %{{x:.2f}}, precision %{{y:.2f}}<extra></extra>",
        )
    figure.add_hline(y=prevalence, line={"dash": "dash", "color": CASING}, annotation={"text": f"chance {prevalence:.2f}", "font": {"size": 11}})
    figure.update_xaxes(title="recall", range=[0, 1.01])
    figure.update_yaxes(title="precision", range=[0, 1.02])
    told = ", ".join(f"{name} {average:.2f}" for name, (_, _, average) in curves.items())
    alt = f"Precision-recall curves of {len(curves)} scores; average precision {told}; chance {prevalence:.2f}."
    figure = finished(figure, "Precision and recall (average precision)", alt, height=480)
    return figure.update_layout(showlegend=True, legend={"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0})


def value_scatter(table: pd.DataFrame, score: str, value_title: str, score_title: str) -> go.Figure:
    """Measured values of reactions against a score; customdata holds the entity id "rxn:ID".

    Args:
        table: columns id, name, value and ``score``.
    """
    import plotly.graph_objects as go

    known = table[table[score].notna() & table["value"].notna()]
    draw = go.Scattergl if len(known) > 1500 else go.Scatter
    points = draw(
        x=known[score],
        y=known["value"],
        mode="markers",
        customdata=[[f"rxn:{r}"] for r in known["id"]],
        hovertext=[plain(f"{r}: {n}") for r, n in zip(known["id"], known["name"], strict=True)],
        hovertemplate="%{hovertext}<br>score %{x:.3g}, measured %{y:.3g}<extra></extra>",
        marker={"size": 7, "color": NETWORK_COLOUR, "opacity": 0.7, "line": {"color": CASING, "width": 0.5}},
    )
    figure = go.Figure(points)
    figure.update_xaxes(title=plain(score_title))
    figure.update_yaxes(title=plain(value_title))
    alt = f"Scatter of {value_title} against {score_title} for {len(known)} reactions."
    return finished(figure, "Measured against scored", alt, height=420).update_layout(clickmode="event+select")


def enrichment_bars(table: pd.DataFrame, *, level: float = 0.05, top: int = 20) -> go.Figure:
    """The pathways with a reaction at the top, most over-represented first, as -log10 q.

    Those at or below the ``level`` are coloured; the dashed line is the level.

    Args:
        table: columns pathway, in_top, size, fold, p and q.
    """
    import plotly.graph_objects as go

    shown = table[table["in_top"] > 0].head(top)
    q = shown["q"].to_numpy(dtype=float)
    height = -np.log10(np.maximum(q, 1e-300))
    bars = go.Bar(
        x=height,
        y=[_short(name) for name in shown["pathway"]],
        orientation="h",
        hovertext=[plain(name) for name in shown["pathway"]],
        customdata=np.column_stack([shown["in_top"], shown["size"], shown["fold"], q]),
        hovertemplate="%{hovertext}<br>%{customdata[0]:.0f} of %{customdata[1]:.0f} at the top, %{customdata[2]:.2f} times the expected<br>"
        "q = %{customdata[3]:.3g}<extra></extra>",
        marker={"color": [NETWORK_COLOUR if value <= level else UNKNOWN for value in q], "line": {"color": CASING, "width": 1}},
    )
    figure = go.Figure(bars)
    figure.add_vline(
        x=-np.log10(level), line={"dash": "dash", "color": CASING}, annotation={"text": f"q = {level:g}", "font": {"size": 11}, "yanchor": "bottom"}
    )
    figure.update_xaxes(title="-log10 q", range=[0, max(1.1 * float(height.max(initial=0)), 2.0)])
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    count = int((q <= level).sum())
    alt = f"Bars of {len(shown)} pathways by -log10 q; {count} at or below {level:g}."
    return finished(figure, "Pathways among the top reactions", alt, height=130 + 24 * max(4, len(shown)))


def _short(name: str, most: int = 38) -> str:
    return plain(name if len(name) <= most else f"{name[: most - 1].rstrip()}…")


def _named(source: str, score: str) -> str:
    return plain(score if source in ("FBA", "model") else f"{source}: {score}")
