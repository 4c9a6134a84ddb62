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
    files: list[tuple[str, str, str, Callable[[], str | bytes]]] = [
        ("Scores and intervals, CSV", "ranking.csv", "text/csv", lambda: comparison.table.to_csv(index=False)),
        ("Every gene or reaction with its scores, CSV", "scores.csv", "text/csv", lambda: comparison.scores.to_csv(index=False)),
        ("Scores of all reactions, CSV", "reactions.csv", "text/csv", lambda: comparison.reactions.to_csv(index=False)),
        ("What was measured, CSV", "mapped.csv", "text/csv", lambda: found.table.to_csv(index=False)),
        ("Manifest, JSON", "manifest.json", "application/json", lambda: json.dumps(manifest, indent=1, default=str)),
    ]
    try:
        enriched, _ = pathways.enrichment_of(view, comparison)
        files.append(("Pathways, CSV", "pathways.csv", "text/csv", lambda: enriched.table.to_csv(index=False)))
    except InputError:
        pass  # too few reactions: the panel of pathways says so
    if references is not None:
        files.append(("FBA: genes, CSV", "fba-genes.csv", "text/csv", lambda: references.genes.to_csv(index=False)))
        files.append(("FBA: reactions, CSV", "fba-reactions.csv", "text/csv", lambda: references.reactions.to_csv(index=False)))
        wanted = view.settings.get("measurements.score")
        networks = [n for n, source in zip(comparison.labels, comparison.table["source"], strict=True) if source not in ("FBA", "model")]
        if "essential" in comparison.scores and networks:
            score = str(wanted) if wanted in networks else networks[0]
            files.append(
                (
                    f"Conflicts with {score}, CSV",
                    "conflicts.csv",
                    "text/csv",
                    lambda: disagreements(comparison, references, tables, score=score).to_csv(index=False),
                )
            )
    st.caption(f"Everything of this view, named {stem}; plots download through their own toolbar.")
    for number, (text, name, mime, make) in enumerate(files):
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
        )
