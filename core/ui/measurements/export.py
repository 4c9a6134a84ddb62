"""Everything of the page as files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import data
from core.ui.measurements import data as measured
from core.ui.measurements import pathways
from core.ui.measurements.data import Asked
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.measured_ranking import Comparison


def draw(view: ViewState, asked: Asked, comparison: Comparison) -> None:
    """The panel."""
    from core.explain.disagreements import disagreements

    tables = data.tables(asked.given.model, asked.given.model_objective)
    found = measured.measurement(asked.given.model, asked.given.model_objective, asked.file, asked.choice)
    references = measured.known_references(asked.given)
    stem = f"{tables.id}-measured-{comparison.manifest['key'][:12]}"
    measured_on = view.settings.get("measurements.medium")
    manifest = comparison.manifest | {"view": view.to_query(), "measured_on": measured_on, "notices": list(found.notices)}
    files: list[tuple[str, str, str, str, Callable[[], str | bytes]]] = [
        (
            "Scores and intervals, CSV",
            "One row per score: AUROC, average precision and Spearman, each with its 95% interval and its spread over seeds.",
            "ranking.csv",
            "text/csv",
            lambda: comparison.table.to_csv(index=False),
        ),
        (
            "Every gene or reaction with its scores, CSV",
            "One row for each that was compared: what was measured of it, beside every score.",
            "scores.csv",
            "text/csv",
            lambda: comparison.scores.to_csv(index=False),
        ),
        (
            "Scores of all reactions, CSV",
            "One row for each gene-associated reaction, measured or not; no exchange, biomass or ATP maintenance.",
            "reactions.csv",
            "text/csv",
            lambda: comparison.reactions.to_csv(index=False),
        ),
        (
            "What was measured, CSV",
            "One row for each gene or reaction of the model: its id, how the file names it, the value as it was read, and whether it is essential.",
            "mapped.csv",
            "text/csv",
            lambda: found.table.to_csv(index=False),
        ),
        (
            "Manifest, JSON",
            "What the numbers follow from, the medium you say it was measured on, and what was noticed of the file.",
            "manifest.json",
            "application/json",
            lambda: json.dumps(manifest, indent=1, default=str),
        ),
    ]
    try:
        enriched, _ = pathways.enrichment_of(view, comparison)
        tested = "One row per pathway: its reactions at the top, how many were expected, fold, p and q of the hypergeometric test."
        files.append(("Pathways, CSV", tested, "pathways.csv", "text/csv", lambda: enriched.table.to_csv(index=False)))
    except InputError:
        pass  # too few reactions: the panel of pathways says so
    if references is not None:
        genes = "One row per gene: growth without it (1/h), its ratio, how many reactions close, and biomass components that can no longer be made."
        reactions = "One row per reaction: growth ratio without it, pFBA flux and least size of its flux (mmol/gDW/h), and whether it is blocked."
        files.append(("FBA: genes, CSV", genes, "fba-genes.csv", "text/csv", lambda: references.genes.to_csv(index=False)))
        files.append(("FBA: reactions, CSV", reactions, "fba-reactions.csv", "text/csv", lambda: references.reactions.to_csv(index=False)))
        wanted = view.settings.get("measurements.score")
        networks = [n for n, source in zip(comparison.labels, comparison.table["source"], strict=True) if source not in ("FBA", "model")]
        if "essential" in comparison.scores and networks:
            score = str(wanted) if wanted in networks else networks[0]
            files.append(
                (
                    f"Conflicts with {score}, CSV",
                    "One row for each on which measurement, FBA and this score disagree, with the reason as far as the model can tell.",
                    "conflicts.csv",
                    "text/csv",
                    lambda: disagreements(comparison, references, tables, score=score).to_csv(index=False),
                )
            )
    st.caption(f"Everything of this view, named {stem}; plots download through their own toolbar.")
    for number, (text, what, name, mime, make) in enumerate(files):
        if number % 2 == 0:
            columns = st.columns(2)
        columns[number % 2].download_button(
            text,
            data=make,
            file_name=f"{stem}-{name}",
            mime=mime,
            on_click="ignore",
            key=f"measurements-{name}",
            width="stretch",
            icon=":material/download:",
            help=what,
        )
