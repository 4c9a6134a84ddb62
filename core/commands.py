"""What the commands of ``python -m core`` do: core's functions joined, with files as their result."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, MissingObjective
from core.explain.interchange import escher_metabolites, escher_reactions, to_graphml, to_hif
from core.explain.manifest import RNAS, model_in_manifest
from core.explain.reactions import ReactionImportance, reaction_importance
from core.metabolic import blocked_reactions, currency_metabolites, fba, load_tables
from core.metabolic.condition import Medium
from core.metabolic.kinetics import ignored, read_kinetics, reads_kinetics
from core.metabolic.tables import ModelTables
from core.models import checkpoint_warnings, load_checkpoint, load_members, resolve_device
from core.storage import digest_of, safe_name, write_bytes, write_json
from core.viz import network as drawing
from core.viz.view import pathway_view

if TYPE_CHECKING:
    from core.rna import FoldResult, RnaRecord

_OF_ONE_RNA = ("key", "record", "structure", "pairs", "elements", "value", "completeness", "figures")
"""Parts of an explanation's manifest that speak of one RNA."""

DRAWN = 120
"""The standalone drawing shows at most this many reactions, those with the largest mean gate."""


def export_reactions(
    source: str,
    checkpoint: str,
    folder: Path,
    *,
    medium: str | None = None,
    knockouts: Sequence[str] = (),
    objective: str | None = None,
    target: str = "growth",
    methods: Sequence[str] = ("gate", "message", "attention"),
    device: str = "auto",
    kinetics: Sequence[Path] = (),
    on_notice: Callable[[str], None] = print,
) -> list[Path]:
    """Writes reactions.csv, incidences.csv, manifest.json, network.html, hypergraph.hif.json, network.graphml and Escher's data (escher-gates.json,
    escher-fluxes.json, escher-metabolites.json) into ``folder`` and returns their paths.

    Args:
        source: what :func:`core.metabolic.load_model` reads.
        medium: a named medium, or the path of a JSON object or two-column CSV of exchange reaction and uptake bound (mmol/gDW/h).
        kinetics: CSV files of kinetic parameters (:func:`core.metabolic.read_kinetics`).
        on_notice: told what the reader should know: extrapolation, a device that is not there, kinetic parameters that are ignored.

    Raises:
        InputError: the model, condition, checkpoint or target cannot be used.
    """
    chosen = read_medium(medium)
    parameters = read_kinetics(*kinetics) if kinetics else None
    (network, card), *seeds = load_members(checkpoint)
    place = resolve_device(device)
    if place.message:
        on_notice(place.message)
    tables = tables_with_objective(source, objective)
    found = reaction_importance(
        tables,
        (network.to(place.device), card),
        medium=chosen,
        knockouts=knockouts,
        objective=objective,
        kinetics=parameters,
        target=target,
        methods=methods,
        device=place.device,
        members=[(other.to(place.device), described) for other, described in seeds],
    )
    warnings = checkpoint_warnings(card, found.graph)
    notes = [] if seeds else [f"{card.name!r} is a single network: its gates and predictions have no error bar over seeds."]
    if parameters is not None:
        notes.append(parameters.coverage(tables).sentence)
        notes += [] if reads_kinetics(network.config.reaction_channels) else [ignored(card.name)]
    for text in [*warnings, *notes]:
        on_notice(text)
    solved = fba(tables, medium=chosen, knockouts=knockouts, objective=objective, parsimonious=True)
    fluxes = solved.fluxes.reindex(found.table["reaction"])
    blocked = blocked_reactions(tables, medium=chosen, knockouts=knockouts)
    table = found.table.assign(flux_fba=fluxes.to_numpy(), blocked=found.table["reaction"].isin(blocked))
    growth = None if solved.status != "optimal" else solved.growth
    manifest = found.manifest | {
        "model": model_in_manifest(tables, Path(source).name),
        "fba": {"growth": growth, "status": solved.status, "fluxes": solved.method},
        "warnings": warnings,
    }
    view = pathway_view(
        tables,
        found.incidences,
        reactions=_drawn(found, tables),
        currency=currency_metabolites(tables),
        blocked=blocked,
        fluxes=fluxes,
    )
    return [
        write_bytes(folder / "reactions.csv", table.to_csv(index=False).encode()),
        write_bytes(folder / "incidences.csv", found.incidences.to_csv(index=False).encode()),
        write_json(folder / "manifest.json", manifest),
        write_bytes(folder / "network.html", drawing.standalone_html(view, tables.name or tables.id).encode()),
        write_json(folder / "hypergraph.hif.json", to_hif(found)),
        write_bytes(folder / "network.graphml", to_graphml(found)),
        write_json(folder / "escher-gates.json", escher_reactions(found, "gate")),
        write_json(folder / "escher-fluxes.json", escher_reactions(found, "flux_predicted")),
        write_json(folder / "escher-metabolites.json", escher_metabolites(found)),
    ]


def export_rna(
    source: Path,
    checkpoint: str,
    folder: Path,
    *,
    method: str | None = None,
    temperature: float = 37.0,
    device: str = "auto",
    on_notice: Callable[[str], None] = print,
) -> list[Path]:
    """Writes bases.csv, elements.csv, edges.csv, embeddings.npz, manifest.json and drawing.svg into ``folder`` and returns their paths.

    The tables of several RNAs stand below each other, told apart by the column ``rna``; each then has a drawing of its own,
    drawing-<id>.svg, and drawing.svg is the first.

    Args:
        source: a file :func:`core.rna.read_rna` reads.
        checkpoint: a shipped network of kind "rna", or the path of one.
        method: "given", "mfe", "centroid", "mea" or "windowed"; None takes the structure a record came with, else "mfe".
        temperature: of the fold, °C.
        on_notice: told what the reader should know: records left out, notices on a record, a device that is not there.

    Raises:
        InputError: no record can be read, one cannot be folded as asked, or the checkpoint cannot be used.
    """
    import pandas as pd

    from core.explain import base_importance
    from core.rna import decompose, embed_levels, read_report
    from core.rna.embedding_files import h5ad, npz, stacked, what_is_embedded
    from core.viz.rna_drawing import rna_svg, rna_view

    reading = read_report(source)
    network, card = load_checkpoint(checkpoint)
    if card.kind != "rna":
        raise InputError(f"The checkpoint {card.name!r} reads metabolic models and not RNAs; choose one of kind rna.")
    place = resolve_device(device)
    notices = [*([place.message] if place.message else []), *reading.problems]
    chosen = (network.to(place.device), card)
    folded = [fold_as_asked(record, method, temperature) for record in reading.records]
    notices += [f"{record.id}: {note}" for record, fold in zip(reading.records, folded) for note in (*record.notices, *fold.notes)]
    for text in notices:
        on_notice(text)
    records = [replace(record, structure=fold.structure) for record, fold in zip(reading.records, folded)]
    found = [base_importance(record, chosen, ensemble=fold.ensemble, device=place.device) for record, fold in zip(records, folded)]
    tables = {
        name: pd.concat([getattr(one, name).assign(rna=record.id) for record, one in zip(records, found)], ignore_index=True)
        for name in ("bases", "elements", "edges")
    }
    drawings = [
        rna_svg(rna_view(record, colour_by="element", elements=decompose(fold.structure), probabilities=fold.pair_probabilities))
        for record, fold in zip(records, folded)
    ]
    manifest = {
        **{key: value for key, value in found[0].manifest.items() if key not in _OF_ONE_RNA},
        "kind": RNAS,
        "key": digest_of(rnas=[one.manifest for one in found], folds=[fold.key for fold in folded]),
        "source": source.name,
        "rnas": [
            {"id": record.id, "key": record.key, "structure": fold.structure, "energy": None if isnan(fold.energy) else fold.energy}
            | {"method": fold.method, "temperature": fold.temperature, "explanation": one.manifest}
            for record, fold, one in zip(records, folded, found)
        ],
        "notices": notices,
    }
    written = [write_bytes(folder / f"{name}.csv", table.to_csv(index=False).encode()) for name, table in tables.items()]
    levels = embed_levels(records, checkpoint=chosen, ensembles=[fold.ensemble for fold in folded], device=place.device)
    written.append(write_bytes(folder / "embeddings.npz", npz(levels)))
    uns = {"checkpoint": card.name, "weights_sha256": card.weights_sha256}
    written.append(write_bytes(folder / "embeddings.h5ad", h5ad(stacked(levels), obs=what_is_embedded(records), uns=uns)))
    written.append(write_json(folder / "manifest.json", manifest))
    written.append(write_bytes(folder / "drawing.svg", drawings[0].encode()))
    if len(records) > 1:
        written += [write_bytes(folder / name, text.encode()) for name, text in zip(_drawing_names(records), drawings)]
    return written


def fold_as_asked(record: RnaRecord, method: str | None, temperature: float) -> FoldResult:
    """The structure by a method; None takes the record's own where it has one, else the one of minimum free energy."""
    from core.rna import fold, fold_windowed, given_structure

    method = method or ("given" if record.structure is not None else "mfe")
    if method == "given":
        return given_structure(record, temperature)
    if method == "windowed":
        return fold_windowed(record, temperature=temperature)
    return fold(record, temperature=temperature, method=method)  # type: ignore[arg-type]


def _drawing_names(records: Sequence[RnaRecord]) -> list[str]:
    """One file name for each record, also where ids differ only in signs that file names cannot hold."""
    names: list[str] = []
    for number, record in enumerate(records, 1):
        stem = safe_name(record.id.replace("/", "_").replace("\\", "_"))
        taken = {other.lower() for other in names}
        names.append(f"drawing-{stem}.svg" if f"drawing-{stem}.svg".lower() not in taken else f"drawing-{stem}-{number}.svg")
    return names


def tables_with_objective(source: str, objective: str | None) -> ModelTables:
    """The tables of a model; ``objective`` becomes the model's own where its file states none.

    Raises:
        InputError: as in :func:`core.metabolic.load_model`.
    """
    try:
        return load_tables(source)
    except MissingObjective:
        return load_tables(source, objective=objective)


def read_medium(medium: str | None) -> str | Medium | None:
    """A named medium as it is; a path to JSON or CSV as uptake bounds.

    Raises:
        InputError: the file cannot be read or holds no numbers.
    """
    path = Path(medium) if medium else None
    if path is None or path.suffix.lower() not in (".json", ".csv"):
        return medium
    try:
        if path.suffix.lower() == ".json":
            given: Mapping[str, float] = json.loads(path.read_text())
            return {str(r): float(b) for r, b in given.items()}
        with open(path, newline="") as lines:
            rows = [row for row in csv.reader(lines) if row]
        return {row[0].strip(): float(row[1]) for row in rows[_has_header(rows) :]}
    except (OSError, ValueError, AttributeError, IndexError, TypeError):
        raise InputError(
            f"The medium {path.name} cannot be read; give a JSON object or a two-column CSV of exchange reaction id and uptake bound (mmol/gDW/h)."
        ) from None


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    try:
        float(rows[0][1])
    except ValueError:
        return True
    except IndexError:
        return False
    return False


def _drawn(found: ReactionImportance, tables: ModelTables) -> list[str]:
    if len(tables.reactions) <= DRAWN:
        return list(tables.reactions)
    return list(found.table.sort_values("gate", ascending=False, kind="stable")["reaction"].head(DRAWN))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error, where that is a terminal; gives what to tell it: (what, done, total)."""
    import sys

    from tqdm import tqdm

    with tqdm(disable=None, leave=False, file=sys.stderr) as bar:

        def told(what: str, done: int, total: int) -> None:
            bar.set_description(what.replace("_", " "))
            bar.total, bar.n = total, done
            bar.refresh()

        yield told
