"""Below the drawings: what moved as a table, and everything as files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.ui import data
from core.ui.bind import clicked_row, option_row, take
from core.ui.conditions.card import columns, compared
from core.ui.conditions.data import Pair, chosen_media, comparison, filtered, media_matrix
from core.ui.conditions.media import MOST
from core.ui.conditions.pair import SIDES, drawn_side
from core.ui.explorer.condition import model_of
from core.ui.explorer.head import select

if TYPE_CHECKING:
    from core.explain.conditions import ConditionComparison

PANELS = ("Reactions", "Incidences", "Export")
RANKED = ("gate", "flux_fba", "ratio")
SHOWN = ("gate", "message", "attention", "flux_predicted", "flux_fba", "ratio")
File = tuple[str, str, str, str, Callable[[], str | bytes]]
"""Label, what is in it, name, type, and what makes it."""


def below(both: Pair, now: str) -> None:
    """The chosen panel."""
    panel = option_row("Panel", PANELS, "conditions.panel", unnamed=True, help="Which table of the comparison is shown below.")
    found = comparison(both)
    if panel == "Reactions":
        _reactions(both, found)
    elif panel == "Incidences":
        _incidences(both, found)
    else:
        _export(both, found, now)


def _reactions(both: Pair, found: ConditionComparison) -> None:
    rows = filtered(both, found.reactions).sort_values("rank_gate", kind="stable")
    st.caption(f"{len(rows):,} reactions, the gate that moved most first. Ranks are by |A - B|, 1 the most; mean over layers and heads.")
    known = [q for q in SHOWN if f"{q}_a" in rows and rows[f"{q}_a"].notna().any()]
    shown = ["reaction", "name"]
    for quantity in known:
        shown += [*compared(rows, quantity), *([f"rank_{quantity}"] if quantity in RANKED else [])]
    chosen = clicked_row(
        rows[[*shown, "subsystem", "equation"]],
        f"conditions-reactions-{both.given[0].model[-12:]}",
        column_config=columns(),
        height=420,
        alt="Reactions in A and B, ranked by how far their gate moved",
    )
    take(None if chosen is None else f"rxn:{rows['reaction'].iloc[chosen]}", "conditions-table", select)


def _incidences(both: Pair, found: ConditionComparison) -> None:
    rows = found.incidences[found.incidences["reaction"].isin(filtered(both, found.reactions)["reaction"])]
    rows = rows.sort_values("gate_difference", key=abs, ascending=False, kind="stable")
    kept = [c for c in rows.columns if not c.startswith("rank_") and not rows[c].isna().all()]
    st.caption(f"{len(rows):,} incidences of these reactions, the gate that moved most first; mean over layers and heads.")
    st.dataframe(rows[kept], hide_index=True, column_config=columns(), height=420, alt="Incidences in A and B, ranked by how far their gate moved")


def _export(both: Pair, found: ConditionComparison, now: str) -> None:
    stem = f"{data.tables(*model_of(both.first)).id}-compare-{found.manifest['key'][:12]}"
    st.caption(f"Everything of this view, named {stem}; plots download through their own toolbar, the network's PNG through its own button.")
    manifest = found.manifest | {"view": both.first.to_query(), "numbers": "mean over layers and heads"}
    files: list[File] = [
        _csv(
            "Reactions", "One row per reaction: each quantity in A, in B, its A - B, and the rank of that.", f"{stem}-reactions.csv", found.reactions
        ),
        _csv("Incidences", "The same for each metabolite in each reaction.", f"{stem}-incidences.csv", found.incidences),
        _csv(
            "Agreement",
            "How far changes of gates and other quantities go with those of FBA's fluxes and knock-outs: one row per pair, with its sentence.",
            f"{stem}-agreement.csv",
            found.agreement_table,
        ),
        _csv("Growth", "Growth in A and in B by network and FBA, 1/h, and FBA's status.", f"{stem}-growth.csv", found.growth.reset_index()),
        (
            "Manifest, JSON",
            "What the numbers follow from: both conditions, networks, versions, hashes and the view.",
            f"{stem}-manifest.json",
            "application/json",
            lambda: json.dumps(manifest, indent=1, default=str),
        ),
    ]
    files += _matrix_files(both, stem) if now == "media" else _figures(both, found, stem)
    for column, (label, what, name, mime, make) in zip(st.columns(2) * len(files), files, strict=False):
        column.download_button(
            label,
            data=make,
            file_name=name,
            mime=mime,
            on_click="ignore",
            key=f"conditions-{label}",
            width="stretch",
            icon=":material/download:",
            help=what,
        )


def _csv(label: str, what: str, name: str, table: pd.DataFrame) -> File:
    return f"{label}, CSV", what, name, "text/csv", lambda: table.to_csv(index=False)


def _matrix_files(both: Pair, stem: str) -> list[File]:
    chosen = chosen_media(both)[:MOST]
    if not chosen:
        return []
    found = media_matrix(both, chosen)
    files = [
        _csv(
            "Gates by medium", "One row per reaction, one column per medium: the mean gate, 0 to 1.", f"{stem}-media.csv", found.gates.reset_index()
        ),
        _csv("Growth by medium", "Growth on each medium by network and FBA, 1/h.", f"{stem}-media-growth.csv", found.growth.reset_index()),
        (
            "Manifest of the matrix, JSON",
            "What the matrix follows from: media, network, versions and hashes.",
            f"{stem}-media.json",
            "application/json",
            lambda: json.dumps(found.manifest, indent=1, default=str),
        ),
    ]
    if found.gate_sd is not None:
        spread = "Standard deviation of the mean gate over the networks of the ensemble: one row per reaction, one column per medium."
        files.append(_csv("Spread over seeds by medium", spread, f"{stem}-media-sd.csv", found.gate_sd.reset_index()))
    return files


def _figures(both: Pair, found: ConditionComparison, stem: str) -> list[File]:
    """The network of A, of B and of A - B, as SVG and as pages that open offline."""
    from core.viz.network import network_svg, standalone_html

    quantity = both.first.colour_by if both.first.colour_by in ("gate", "message", "attention") else "gate"
    files: list[File] = []
    svg = "The drawing as vectors, on the scale of this view, for a figure or a slide."
    page = "The drawing with its legend as a page to move and zoom in; it opens without internet."
    for side, words in SIDES.items():
        drawn, _ = drawn_side(both, found, quantity, side)
        if drawn is None:
            continue
        title = f"{data.tables(*model_of(both.first)).id}, {words}"
        name = f"{stem}-{side}"
        files.append((f"Network {words}, SVG", svg, f"{name}.svg", "image/svg+xml", lambda d=drawn, t=title: network_svg(d, title=t)))  # type: ignore[misc]
        files.append((f"Network {words}, HTML", page, f"{name}.html", "text/html", lambda d=drawn, t=title: standalone_html(d, t)))  # type: ignore[misc]
    return files
