"""Plots of gates, messages and attention: plotly figures on fixed scales, each with quantity, unit and alternative text."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.viz.colour import ATTENTION_LIMIT, CASING, CIVIDIS, DIVERGING

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

AXIS = {
    "gate": "gate, mean over incidences (0 to 1)",
    "gate_max": "gate, maximum over incidences (0 to 1)",
    "gate_spread": "gate, standard deviation over incidences",
    "message": "|message|, mean (network units)",
    "attention": "log2(attention x competitors), mean",
    "flux_predicted": "predicted flux (mmol/gDW/h)",
    "integrated_gradients": "integrated gradients (change of the target)",
    "occlusion": "change of the target when the reaction is masked",
}
"""Axis title of each column of the reaction table; which layers and heads it is taken over stands beside the figure."""
_UNIT_COLUMNS = ("gate", "gate_max")
_BINS = np.linspace(0, 1, 21)


def plain(text: str) -> str:
    """Text for plotly, which reads a little HTML: shown as it is."""
    return html.escape(str(text), quote=False)


def alt_text(figure: go.Figure) -> str:
    """The figure in one sentence, for people who cannot see it."""
    meta = figure.layout.meta
    return html.unescape(str(meta["alt"])) if isinstance(meta, dict) and "alt" in meta else ""


def finished(figure: go.Figure, title: str, alt: str, *, height: int) -> go.Figure:
    """Title, alternative text and margins, the same for every figure."""
    return figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0.01, "xanchor": "left"},
        meta={"alt": alt},
        height=height,
        margin={"l": 10, "r": 10, "t": 50, "b": 10},
        showlegend=False,
        plot_bgcolor="rgba(0,0,0,0)",
    )


def gate_histogram(per_layer: pd.DataFrame) -> go.Figure:
    """Share of incidences by gate, one panel per layer and head, all on [0, 1] with one vertical scale.

    ``per_layer`` has columns layer, head, gate.
    """
    from plotly.subplots import make_subplots

    layers, heads = sorted(per_layer["layer"].unique()), sorted(per_layer["head"].unique())
    titles = [f"layer {layer}, head {head}" for layer in layers for head in heads]
    figure = make_subplots(rows=len(layers), cols=len(heads), subplot_titles=titles, shared_xaxes=True, vertical_spacing=0.28 / max(2, len(layers)))
    groups = {key: frame["gate"].to_numpy(dtype=float) for key, frame in per_layer.groupby(["layer", "head"])}
    shares = {key: np.histogram(gates, _BINS)[0] / max(1, len(gates)) for key, gates in groups.items()}
    highest = max((float(share.max()) for share in shares.values()), default=1.0)
    for i, layer in enumerate(layers):
        for j, head in enumerate(heads):
            share = shares.get((layer, head), np.zeros(len(_BINS) - 1))
            figure.add_bar(x=(_BINS[:-1] + _BINS[1:]) / 2, y=share, width=0.05, marker={"color": "#3b6fb6"}, row=i + 1, col=j + 1)
            figure.data[-1].update(hovertemplate="gate %{x:.3f} ± 0.025<br>share %{y:.1%}<extra></extra>")
    figure.update_xaxes(range=[0, 1])
    figure.update_xaxes(title="gate (0 to 1)", row=len(layers))
    figure.update_yaxes(range=[0, 1.08 * highest], tickformat=".0%")
    figure.update_yaxes(title="incidences", col=1)
    figure.update_annotations(font_size=12)
    mean = float(per_layer["gate"].mean())
    alt = f"Histograms of the gate of every incidence for {len(layers)} layers and {len(heads)} heads; mean over all {mean:.3f}."
    return finished(figure, "Gates by layer and head", alt, height=110 + 150 * len(layers))


def ranking_bars(table: pd.DataFrame, column: str, top: int = 25) -> go.Figure:
    """The ``top`` reactions by the magnitude of ``column``, largest first; customdata holds the entity id "rxn:ID".

    Mean gates and fluxes of an ensemble carry their standard deviation over seeds (columns ``gate_seed_sd``, ``flux_seed_sd``) as error bars.
    """
    import plotly.graph_objects as go

    known = table[table[column].notna()]
    order = known[column].abs().sort_values(ascending=False, kind="stable").index[:top]
    best = known.loc[order]
    values = best[column].to_numpy(dtype=float)
    fixed = column in _UNIT_COLUMNS
    if fixed:
        colour: dict[str, Any] = {"color": values, "cmin": 0, "cmax": 1, "colorscale": list(CIVIDIS)}
    elif (values < 0).any():
        limit = float(np.abs(values).max())
        colour = {"color": values, "cmin": -limit, "cmax": limit, "colorscale": list(DIVERGING)}
    else:
        colour = {"color": "#3b6fb6"}
    sd = {"gate": "gate_seed_sd", "flux_predicted": "flux_seed_sd"}.get(column, "")
    spread = sd in best
    names = [f"{plain(name)}" for name in best["reaction"]]
    full = [plain(name) for name in (best["name"] if "name" in best else best["reaction"])]
    bars = go.Bar(
        x=values,
        y=names,
        orientation="h",
        customdata=[[f"rxn:{name}"] for name in best["reaction"]],
        hovertext=full,
        hovertemplate="%{y}: %{hovertext}<br>%{x:.4g}<extra></extra>",
        marker=colour | {"line": {"color": CASING, "width": 1}},
        error_x={"type": "data", "array": best[sd], "color": CASING, "thickness": 1.5, "width": 3} if spread else None,
    )
    title = AXIS.get(column, column)
    figure = go.Figure(bars)
    figure.update_yaxes(autorange="reversed", automargin=True, tickmode="array", tickvals=names, type="category")
    figure.update_xaxes(title=title, range=[0, 1] if fixed else None)
    alt = f"Bars of the {len(best)} reactions with the largest {title}{', with error bars over seeds' if spread else ''}" + (
        f"; first {best['reaction'].iloc[0]} with {values[0]:.3g}." if len(best) else "."
    )
    heading = f"Reactions ranked by {title.split(',')[0].split(' (')[0]}{', ± over seeds' if spread else ''}"
    figure = finished(figure, heading, alt, height=120 + 21 * max(4, len(best)))
    return figure.update_layout(clickmode="event+select")


def gate_matrix(incidences: pd.DataFrame, reactions: Sequence[str], metabolites: Sequence[str]) -> go.Figure:
    """Gate of each incidence as a square, metabolites down and reactions across, on [0, 1]; blank where there is no incidence.

    Squares are points, so that a click selects; customdata holds the reaction's entity id. The hover text has the standard deviation over seeds
    where there is one (column ``gate_seed_sd``).
    """
    import plotly.graph_objects as go

    from core.viz.view import over_seeds

    shown = incidences[incidences["reaction"].isin(reactions) & incidences["metabolite"].isin(metabolites)]
    spreads = [over_seeds(sd) for sd in shown["gate_seed_sd"]] if "gate_seed_sd" in shown else [""] * len(shown)
    side = float(np.clip(520 / max(1, len(reactions)), 6, 18))
    squares = go.Scatter(
        x=[plain(r) for r in shown["reaction"]],
        y=[plain(m) for m in shown["metabolite"]],
        mode="markers",
        customdata=[[f"rxn:{r}", f"{s:+.4g}", sd] for r, s, sd in zip(shown["reaction"], shown["coefficient"], spreads, strict=True)],
        hovertemplate="%{y} in %{x}<br>coefficient %{customdata[1]}<br>gate %{marker.color:.3f}%{customdata[2]}<extra></extra>",
        marker={
            "symbol": "square",
            "size": side,
            "color": shown["gate"],
            "cmin": 0,
            "cmax": 1,
            "colorscale": list(CIVIDIS),
            "line": {"color": CASING, "width": 1},
            "colorbar": {"title": {"text": "gate (0 to 1, fixed)", "side": "right"}, "thickness": 10},
        },
    )
    figure = go.Figure(squares)
    across, down = [plain(r) for r in reactions], [plain(m) for m in metabolites]
    figure.update_xaxes(
        type="category",
        categoryorder="array",
        categoryarray=across,
        range=[-0.5, len(across) - 0.5],
        title="reaction",
        tickangle=-60,
        automargin=True,
    )
    figure.update_yaxes(
        type="category", categoryorder="array", categoryarray=down, range=[len(down) - 0.5, -0.5], title="metabolite", automargin=True
    )
    alt = f"Matrix of {len(metabolites)} metabolites and {len(reactions)} reactions with the gate of {len(shown)} incidences."
    figure = finished(figure, "Gate of each incidence", alt, height=160 + int(max(side + 4, 13) * max(4, len(metabolites))))
    return figure.update_layout(clickmode="event+select")


def message_vs_gate(table: pd.DataFrame) -> go.Figure:
    """Mean |message| against mean gate, a point per reaction; customdata holds the entity id. Logarithmic where |message| spans decades."""
    import plotly.graph_objects as go

    known = table[table["gate"].notna() & table["message"].notna()]
    message = known["message"].to_numpy(dtype=float)
    decades = len(message) > 0 and message.min() > 0 and message.max() / message.min() > 100
    draw = go.Scattergl if len(known) > 1500 else go.Scatter
    points = draw(
        x=known["gate"],
        y=message,
        mode="markers",
        customdata=[[f"rxn:{r}"] for r in known["reaction"]],
        hovertext=[plain(f"{r}: {n}") for r, n in zip(known["reaction"], known["name"] if "name" in known else known["reaction"], strict=True)],
        hovertemplate="%{hovertext}<br>gate %{x:.3f}, |message| %{y:.3g}<extra></extra>",
        marker={"size": 8, "color": "#3b6fb6", "opacity": 0.75, "line": {"color": CASING, "width": 0.5}},
    )
    figure = go.Figure(points)
    figure.update_xaxes(title=AXIS["gate"], range=[0, 1])
    figure.update_yaxes(title=AXIS["message"], type="log" if decades else "linear", rangemode="normal" if decades else "tozero")
    if decades:
        figure.update_yaxes(dtick=1)
    alt = f"Scatter of mean |message| against mean gate for {len(known)} reactions."
    return finished(figure, "A large gate is not a large message", alt, height=420).update_layout(clickmode="event+select")


def attention_bars(incidences: pd.DataFrame, entity: str) -> go.Figure:
    """log2(attention x competitors) of every incidence of a reaction ("rxn:ID") or metabolite ("met:ID"), on [-3, 3]; 0 is the uniform share."""
    import plotly.graph_objects as go

    kind, _, name = entity.partition(":")
    mine, other = ("reaction", "metabolite") if kind == "rxn" else ("metabolite", "reaction")
    shown = incidences[(incidences[mine] == name) & incidences["attention_log2"].notna()].sort_values(
        "attention_log2", ascending=False, kind="stable"
    )
    prefix = "met:" if other == "metabolite" else "rxn:"
    values = shown["attention_log2"].to_numpy(dtype=float)
    bars = go.Bar(
        x=np.clip(values, -ATTENTION_LIMIT, ATTENTION_LIMIT),
        y=[plain(f"{item} ({s:+.4g})") for item, s in zip(shown[other], shown["coefficient"], strict=True)],
        orientation="h",
        customdata=[[prefix + str(item), value] for item, value in zip(shown[other], values, strict=True)],
        hovertemplate="%{y}<br>log2(attention x competitors) %{customdata[1]:.3f}<extra></extra>",
        marker={
            "color": values,
            "cmin": -ATTENTION_LIMIT,
            "cmax": ATTENTION_LIMIT,
            "colorscale": list(DIVERGING),
            "line": {"color": CASING, "width": 1},
        },
    )
    figure = go.Figure(bars)
    figure.update_xaxes(title="log2(attention x competitors), 0 = uniform share", range=[-ATTENTION_LIMIT, ATTENTION_LIMIT], zeroline=True)
    figure.update_yaxes(autorange="reversed", automargin=True, type="category")
    alt = f"Bars of the attention of {len(shown)} incidences of {name}, relative to the uniform share."
    return finished(figure, f"Attention within {plain(name)}", alt, height=130 + 24 * max(3, len(shown))).update_layout(clickmode="event+select")


def held_out_bars(name: str, content: Mapping[str, Any]) -> go.Figure:
    """Growth R2 and median flux R2 on held-out conditions, of a network and the baselines on its model card."""
    import plotly.graph_objects as go

    rows = {name: content["test"], **content["baselines"]}
    labels = [plain(label) for label in rows]
    bars = [
        go.Bar(x=[figures[key] for figures in rows.values()], y=labels, orientation="h", name=title, texttemplate="%{x:.2f}", marker_color=colour)
        for key, title, colour in (("flux_r2_median", "flux R², median", CIVIDIS[5]), ("growth_r2", "growth R²", "#2f8aa8"))
    ]
    figure = finished(go.Figure(bars), "Held-out accuracy", f"Held-out growth and flux R2 of {name} beside its baselines.", height=340)
    figure.update_layout(barmode="group", showlegend=True, legend={"orientation": "h", "traceorder": "reversed", "yanchor": "bottom", "y": 1.0})
    figure.update_xaxes(range=[0, 1.05], title="R², 1 is perfect")
    return figure.update_yaxes(autorange="reversed")
