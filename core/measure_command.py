"""The command that compares a measurement with every score, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from core.commands import read_medium
from core.errors import InputError
from core.explain.disagreements import disagreements
from core.explain.enrichment import pathway_enrichment, usual_top
from core.explain.flux_references import References, flux_references
from core.explain.measured_ranking import Comparison, compare_scores, verdicts
from core.explain.measurement_file import KINDS, Choice, guess, guess_values, model_names, read_sheet
from core.explain.measurements import Measurement, measure, targets
from core.explain.network_knockouts import knockouts_over_seeds
from core.metabolic import load_tables
from core.metabolic.tables import ModelTables
from core.models import checkpoint_warnings, list_checkpoints, load_members, resolve_device
from core.storage import digest, write_bytes, write_json

Progress = Callable[[str, int, int], None]


def export_measurements(
    source: str,
    file: Path,
    folder: Path,
    *,
    medium: str | None = "aerobic glucose",
    checkpoints: Sequence[str] = (),
    ids: str | None = None,
    values: str | None = None,
    kind: str | None = None,
    essential: str | None = None,
    cutoff: float | None = None,
    above: bool = False,
    predict: bool = False,
    draws: int = 1000,
    seed: int = 0,
    device: str = "auto",
    on_notice: Callable[[str], None] = print,
    on_table: Callable[[str], None] = print,
    on_progress: Progress | None = None,
) -> list[Path]:
    """Writes ranking.csv, scores.csv, reactions.csv, conflicts.csv, pathways.csv, unmatched.csv and manifest.json; returns their paths.

    Args:
        source: what :func:`core.metabolic.load_model` reads; file: the measurement.
        medium: everything is computed on it; a name or a file as for :func:`core.commands.read_medium`.
        checkpoints: networks; all shipped ones when empty.
        ids, values, kind, essential, cutoff, above: how the file is read (:class:`core.explain.measurement_file.Choice`); what is None is guessed.
        predict: also let each network predict the growth without each gene.
        draws, seed: of the bootstrap.
        on_notice: told what the reader should know; on_table: told the table of scores; on_progress: (what, done, total).

    Raises:
        InputError: the model, the file, the medium or a network cannot be used, or nothing grows on the medium.
    """
    try:
        data = file.read_bytes()
    except OSError:
        raise InputError(f"The measurement {file} cannot be read; give the path of a CSV or TSV file.") from None
    tables = load_tables(source)
    measurement = _read(data, tables, ids, values, kind, essential, cutoff, above)
    if targets(measurement, tables).table.empty:
        raise InputError(f"Nothing in {file.name} has a gene-associated reaction in {tables.id}; choose the model that was measured.")
    chosen = read_medium(medium)
    place = resolve_device(device)
    named = checkpoints or list_checkpoints(kind="metabolic")
    opened = {name: [(network.to(place.device), card) for network, card in load_members(name, kind="metabolic")] for name in named}
    for text in (*([place.message] if place.message else []), f"{measurement.choice.sentence}.", *measurement.notices):
        on_notice(text)
    references = flux_references(tables, medium=chosen, on_progress=on_progress)
    predicted = {}
    for name, networks in opened.items() if predict else ():
        told = None if on_progress is None else (lambda done, total, name=name: on_progress(f"knock-outs by {name}", done, total))
        predicted[name] = knockouts_over_seeds(tables, networks, level=measurement.level, medium=chosen, device=place.device, on_progress=told)
    found = compare_scores(
        measurement,
        tables,
        checkpoints=opened,
        references=references,
        predicted=predicted,
        medium=chosen,
        draws=draws,
        seed=seed,
        device=place.device,
    )
    warned = _warnings(tables, opened, chosen)
    for text in (*warned, *verdicts(found)):
        on_notice(text)
    on_table(printed(found))
    notices = [*measurement.notices, *warned]
    return _write(folder, measurement, found, references, tables, notices)


def printed(found: Comparison) -> str:
    """The table of scores for a terminal: each metric with its interval."""
    rows = []
    for row in found.table.to_dict("records"):
        cells = {"score": row["score"], "of": row["source"]}
        for metric, name in (("auroc", "AUROC"), ("ap", "average precision"), ("spearman", "Spearman")):
            value = row[metric]
            cells[name] = "" if value != value else f"{value:.3f} [{row[f'{metric}_low']:.3f}, {row[f'{metric}_high']:.3f}]"
            mean, spread = row[f"{metric}_seed_mean"], row[f"{metric}_seed_sd"]
            cells[f"{name}, seeds"] = "" if spread != spread else f"{mean:.3f} ± {spread:.3f}"
        rows.append(cells | {"n": row["n"], "essential": row["positives"]})
    return pd.DataFrame(rows).to_string(index=False)


def _read(
    data: bytes,
    tables: ModelTables,
    ids: str | None,
    values: str | None,
    kind: str | None,
    essential: str | None,
    cutoff: float | None,
    above: bool,
) -> Measurement:
    names = model_names(tables)
    sheet = read_sheet(data, known=(*tables.genes, *tables.reactions, *filter(None, tables.gene_names)))
    choice = guess(sheet, names)
    for column in filter(None, (ids, values)):
        sheet.column(column)  # tells which columns there are
    if ids:
        mine = sheet.column(ids)
        reactions, genes = (sum(names.find(entity, cell) is not None for cell in mine) for entity in ("reaction", "gene"))
        choice = replace(choice, ids=ids, entity="reaction" if reactions > genes else "gene")
    if values:
        choice = guess_values(sheet, replace(choice, values=values))
    return measure(sheet, _told(choice, kind, essential, cutoff, above), tables, source=digest(data))


def _told(choice: Choice, kind: str | None, essential: str | None, cutoff: float | None, above: bool) -> Choice:
    """The choice with what was asked for; a word means yes or no, a cut-off numbers."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"There is no kind of value {kind!r}; choose one of {', '.join(KINDS)}.")
    changes: dict[str, Any] = {} if kind is None else {"kind": kind}
    if essential is not None:
        changes |= {"kind": "yes_no", "yes": essential}
    if cutoff is not None:
        changes |= {"kind": "cutoff", "cutoff": cutoff, "below": not above}
    return replace(choice, **changes)


def _warnings(tables: ModelTables, opened: dict[str, Any], medium: Any) -> list[str]:
    from core.metabolic import build_hypergraph

    graph = build_hypergraph(tables, medium=medium)
    return [text for networks in opened.values() for text in checkpoint_warnings(networks[0][1], graph)]


def _write(
    folder: Path, measurement: Measurement, found: Comparison, references: References, tables: ModelTables, notices: Sequence[str]
) -> list[Path]:
    networks = [n for n, source in zip(found.labels, found.table["source"], strict=True) if source not in ("FBA", "model")]
    conflicts = []
    if "essential" in found.scores:
        conflicts = [disagreements(found, references, tables, score=name).assign(ranking=name) for name in networks]
    top = usual_top(len(found.reactions))
    about = [c for c in found.reactions.columns if c not in ("reaction", "name", "subsystem")]
    pathways = []
    for name in about:
        try:
            enriched = pathway_enrichment(
                found.reactions["reaction"].tolist(), found.reactions[name].to_numpy(dtype=float), found.reactions["subsystem"].tolist(), top=top
            )
        except InputError:
            continue  # fewer reactions than the top holds, or all of one score
        pathways.append(enriched.table.assign(score=name, top=enriched.top, background=enriched.background))
    written = {"ranking": found.table, "scores": found.scores, "reactions": found.reactions}
    written |= {"conflicts": pd.concat(conflicts)} if conflicts else {}
    written |= {"pathways": pd.concat(pathways)} if pathways else {}
    written["unmatched"] = pd.DataFrame({"id": measurement.unmatched})
    paths = [write_bytes(folder / f"{name}.csv", table.to_csv(index=False).encode()) for name, table in written.items()]
    manifest = found.manifest | {"fba_growth": references.growth, "prevalence": found.prevalence, "notices": list(notices)}
    return [*paths, write_json(folder / "manifest.json", manifest)]
