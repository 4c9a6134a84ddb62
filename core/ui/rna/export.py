"""Everything of the RNA page as files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import InputError
from core.ui import device
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.drawing import Numbers, base_numbers, chosen, file_stem, svg_view
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.rna import Embeddings, FoldResult

PARQUET = "application/vnd.apache.parquet"


def draw(given: Given, folded: FoldResult, view: ViewState) -> None:
    """A button for each file."""
    stem = file_stem(given)
    st.caption(f"Everything of this view, named {stem}; plots download through their own toolbar, PNG through the drawing's own buttons.")
    files = [*_tables(given, folded, view, stem), *_texts(given, folded, view, stem)]
    for column, (label, what, name, mime, make) in zip(st.columns(2) * len(files), files, strict=False):
        column.download_button(
            label,
            data=device.kept(make),
            file_name=name,
            mime=mime,
            on_click="ignore",
            key=f"rna-download-{label}",
            width="stretch",
            icon=":material/download:",
            help=what,
        )


File = tuple[str, str, str, str, Callable[[], str | bytes]]
"""Label, what is in it, name, type, and what makes it."""
ROWS = {
    "Bases": "One row per base: nucleotide, element, partner and, where they are known, pairing probability, entropy and the network's numbers.",
    "Elements": "One row per element: kind, size, bases and, where a network is there, openness, message and attention.",
    "Edges": "One row per directed edge of the graph: its kind, openness and message.",
}


def _tables(given: Given, folded: FoldResult, view: ViewState, stem: str) -> list[File]:
    from core.ui.rna.tables import base_table, element_table

    made: dict[str, Callable[[], pd.DataFrame]] = {
        "Bases": lambda: base_table(given, folded, view.rna_net),
        "Elements": lambda: element_table(given, folded, view.rna_net),
    }
    if _has_network(view):
        made["Edges"] = lambda: data.importance(given, folded, view.rna_net).edges
    files: list[File] = []
    same = "The same rows and columns as the CSV, for programs that read Parquet."
    for what, make in made.items():
        files.append((f"{what}, CSV", ROWS[what], f"{stem}-{what.lower()}.csv", "text/csv", lambda make=make: make().to_csv(index=False)))  # type: ignore[misc]
        files.append((f"{what}, Parquet", same, f"{stem}-{what.lower()}.parquet", PARQUET, lambda make=make: make().to_parquet(index=False)))  # type: ignore[misc]
    return files


def _texts(given: Given, folded: FoldResult, view: ViewState, stem: str) -> list[File]:
    files: list[File] = [
        (
            "Drawing, SVG",
            "As it is on the page, in vectors, with its colours and selection.",
            f"{stem}-drawing.svg",
            "image/svg+xml",
            lambda: drawing(given, folded, view),
        ),
        (
            "Structure, Vienna dot-bracket",
            "Three lines: name, sequence, and the structure with its energy in kcal/mol where that is known.",
            f"{stem}.dbn",
            "text/plain",
            lambda: vienna(given, folded),
        ),
        (
            "Manifest, JSON",
            "What the numbers follow from: sequence, fold and its temperature, network, versions, hashes and the view.",
            f"{stem}-manifest.json",
            "application/json",
            lambda: json.dumps(manifest(given, folded, view), indent=1, default=str),
        ),
    ]
    if _has_network(view):
        told = "What was asked, the drawing, tables of elements and bases, methods with references, and the manifest."
        files.append(("Report, HTML that opens offline", told, f"{stem}-report.html", "text/html", lambda: report(given, folded, view)))
        from core.ui.rna.graph import graph
        from core.viz.network import network_svg, standalone_html

        title = data.record(given.source, given.record).id
        files += [
            (
                "Embeddings, npz",
                "Names and vectors of the RNA, its elements and its bases, as arrays of NumPy.",
                f"{stem}-embeddings.npz",
                "application/octet-stream",
                lambda: embeddings(given, folded, view),
            ),
            (
                "Embeddings, AnnData .h5ad",
                "The same vectors one below another, with level, kind, size and sequence of each in obs.",
                f"{stem}-embeddings.h5ad",
                "application/x-hdf5",
                lambda: anndata(given, folded, view),
            ),
            (
                "Graph, SVG",
                "The graph the network reads, as it is drawn on the page, in vectors.",
                f"{stem}-graph.svg",
                "image/svg+xml",
                lambda: network_svg(graph(given, folded, view), title=title),
            ),
            (
                "Graph, HTML that opens offline",
                "The same drawing with its legend as a page to move and zoom in.",
                f"{stem}-graph.html",
                "text/html",
                lambda: standalone_html(graph(given, folded, view), title),
            ),
        ]
    return files


def _has_network(view: ViewState) -> bool:
    try:
        data.network(view.rna_net)
    except InputError:
        return False
    return True


def drawing(given: Given, folded: FoldResult, view: ViewState) -> str:
    """The drawing as it is on the page, standalone."""
    from core.viz.rna_drawing import rna_svg

    _, colour = chosen(view)
    try:
        found = base_numbers(given, folded, view, colour)
    except InputError as error:
        found = Numbers(None, str(error))
    return rna_svg(svg_view(given, folded, view, colour=colour, found=found, selected=view.selection))


def report(given: Given, folded: FoldResult, view: ViewState) -> str:
    """Everything of the page in one document."""
    from core.explain.reports import bases_report
    from core.ui.rna.tables import base_table, element_table

    record = data.record(given.source, given.record)
    about = {
        "RNA": record.id,
        "Sequence": record.sequence,
        "Structure": folded.structure,
        "Found by": data.METHODS[given.method],
        "Network": view.rna_net,
        "Free energy (kcal/mol)": folded.energy,
    }
    tables = (base_table(given, folded, view.rna_net), element_table(given, folded, view.rna_net))
    card = data.network(view.rna_net)[1].content
    said = f"The structure of {record.id}"
    return bases_report(*tables, manifest(given, folded, view), about=about, card=card, drawn=drawing(given, folded, view), said=said)


def vienna(given: Given, folded: FoldResult) -> str:
    """Name, sequence and structure with its energy."""
    record = data.record(given.source, given.record)
    energy = "" if folded.energy != folded.energy else f" ({folded.energy:.2f})"
    return f">{record.id}\n{record.sequence}\n{folded.structure}{energy}\n"


def embeddings(given: Given, folded: FoldResult, view: ViewState) -> bytes:
    """Vectors of the RNA, its elements and its bases with their names."""
    from core.rna.embedding_files import npz

    return npz(_levels(given, folded, view))


def anndata(given: Given, folded: FoldResult, view: ViewState) -> bytes:
    """The same vectors as AnnData, with what each row is."""
    from core.rna.embedding_files import h5ad, stacked, what_is_embedded

    card = data.network(view.rna_net)[1]
    uns = {"checkpoint": card.name, "weights_sha256": card.weights_sha256}
    return h5ad(stacked(_levels(given, folded, view)), obs=what_is_embedded([data.with_structure(given, folded)]), uns=uns)


def _levels(given: Given, folded: FoldResult, view: ViewState) -> dict[str, Embeddings]:
    from core.rna import embed_levels

    record, network = data.with_structure(given, folded), data.network(view.rna_net)
    return embed_levels([record], checkpoint=network, ensembles=[folded.ensemble], device=device.choice().device)


def manifest(given: Given, folded: FoldResult, view: ViewState) -> dict[str, Any]:
    """What the numbers were made from."""
    record = data.record(given.source, given.record)
    made = data.importance(given, folded, view.rna_net).manifest if _has_network(view) else {}
    fold = {name: getattr(folded, name) for name in ("structure", "energy", "method", "temperature", "ensemble_energy", "ensemble_defect", "notes")}
    return {
        **made,
        "rna": {"id": record.id, "sequence": record.sequence, "key": record.key, "source": given.source},
        "fold": fold | {"reactivities": given.shape, "key": folded.key},
        "view": view.to_query(),
    }
