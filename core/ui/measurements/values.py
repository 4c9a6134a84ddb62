"""Measured values carried to reactions through the gene-reaction rules, beside what the network does there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from core.ui import data
from core.ui.bind import clicked_row, take
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.ui.measurements import data as measured
from core.ui.measurements.conflicts import score_box
from core.ui.measurements.data import Asked
from core.ui.measurements.source import JOINS
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.measured_ranking import Comparison


def draw(view: ViewState, asked: Asked, comparison: Comparison) -> None:
    """The panel."""
    from core.explain.measurements import escher_data, values_of_reactions
    from core.viz import measurement_plots as plots
    from core.viz.plots import alt_text

    found = measured.measurement(asked.given.model, asked.given.model_objective, asked.file, asked.choice)
    tables = data.tables(asked.given.model, asked.given.model_objective)
    values = values_of_reactions(found, tables, alternatives=asked.join)  # type: ignore[arg-type]
    placed = values.dropna(subset=["value"])
    unit = "log2 " if asked.choice.kind == "ratio_change" else ""
    rule = f"Subunits of a complex count as the least of them, isozymes as {JOINS[asked.join]}; genes without a value are passed over. "
    st.caption(
        plain(
            f"{len(placed):,} of {len(values):,} reactions have a value. "
            + (rule if asked.choice.entity == "gene" else "")
            + f"The {len(comparison.scores):,} that are gene-associated and no exchange, biomass or ATP maintenance are compared with the scores."
        )
    )
    left, right = st.columns([3, 2])
    with right:
        score = score_box(view, comparison, st, "Score")
        if score is not None:
            title = f"measured {unit}{asked.choice.values}"
            figure = plots.value_scatter(comparison.scores, score, title, score)
            event = st.plotly_chart(figure, key="measurements-values", on_select="rerun", selection_mode="points", alt=alt_text(figure))
            take(picked_entity(event), "measurements-values", select)
            row = comparison.table.set_axis(comparison.labels).loc[score]
            st.caption(
                f"Spearman of the score with the {'size of the change' if 'change' in asked.choice.kind else 'amount'}: {row['spearman']:.3f} "
                f"({row['spearman_low']:.3f} to {row['spearman_high']:.3f}), n = {row['n']:,}."
            )
    with left:
        seeded = {f"± {name}": values for name, values in comparison.spreads.items()}
        shown = comparison.scores.rename(columns={"id": "reaction"}).assign(**seeded)
        behind = [one for c in shown.columns.drop(list(seeded)) for one in (c, f"± {c}") if one in shown]
        shown = shown[behind]
        order = shown["value"].abs().sort_values(ascending=False, kind="stable").index
        rows = shown.loc[order].reset_index(drop=True)
        chosen = clicked_row(
            rows,
            "measurements-value-rows",
            height=470,
            column_config={
                "value": st.column_config.NumberColumn(f"{unit}value", format="%.4g"),
                "measured_genes": st.column_config.NumberColumn("genes measured", help="Of the genes in the rule"),
                "genes": st.column_config.NumberColumn("genes in the rule"),
            },
            alt="Reactions with their measured value and every score",
        )
        take(None if chosen is None else f"rxn:{rows['reaction'].iloc[chosen]}", "measurements-value-rows", select)
    st.download_button(
        "Values of reactions for Escher, JSON",
        data=lambda: json.dumps(escher_data(values), indent=1),
        file_name=f"{tables.id}-measured-escher.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        key="measurements_escher",
        help="Escher: Data, Load reaction data.",
    )
