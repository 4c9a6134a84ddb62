"""What the commands of ``python -m core`` do: core's functions joined, with files as their result."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core.errors import InputError, MissingObjective
from core.explain.reactions import ReactionImportance, reaction_importance
from core.metabolic import blocked_reactions, currency_metabolites, fba, load_model, load_tables
from core.metabolic.condition import Medium
from core.metabolic.tables import ModelTables
from core.models import checkpoint_warnings, load_checkpoint, resolve_device
from core.storage import write_bytes, write_json
from core.viz import network as drawing
from core.viz.view import pathway_view

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
    on_notice: Callable[[str], None] = print,
) -> list[Path]:
    """Writes reactions.csv, incidences.csv, manifest.json and network.html into ``folder`` and returns their paths.

    Args:
        source: what :func:`core.metabolic.load_model` reads.
        medium: a named medium, or the path of a JSON object or two-column CSV of exchange reaction and uptake bound (mmol/gDW/h).
        on_notice: told what the reader should know: extrapolation, a device that is not there.

    Raises:
        InputError: the model, condition, checkpoint or target cannot be used.
    """
    chosen = read_medium(medium)
    network, card = load_checkpoint(checkpoint)
    place = resolve_device(device)
    if place.message:
        on_notice(place.message)
    given = objective if _lacks_objective(source) else None
    tables = load_tables(source, objective=given)
    found = reaction_importance(
        tables,
        (network.to(place.device), card),
        medium=chosen,
        knockouts=knockouts,
        objective=objective,
        target=target,
        methods=methods,
        device=place.device,
    )
    warnings = checkpoint_warnings(card, found.graph)
    for text in warnings:
        on_notice(text)
    model = load_model(source, objective=given)
    solved = fba(model, medium=chosen, knockouts=knockouts, objective=objective, parsimonious=True, tables=tables)
    fluxes = solved.fluxes.reindex(found.table["reaction"])
    blocked = blocked_reactions(tables, medium=chosen, knockouts=knockouts)
    table = found.table.assign(flux_fba=fluxes.to_numpy(), blocked=found.table["reaction"].isin(blocked))
    growth = None if solved.status != "optimal" else solved.growth
    manifest = found.manifest | {"fba": {"growth": growth, "status": solved.status, "fluxes": solved.method}, "warnings": warnings}
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
    ]


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


def _lacks_objective(source: str) -> bool:
    try:
        load_tables(source)
    except MissingObjective:
        return True
    return False


def _drawn(found: ReactionImportance, tables: ModelTables) -> list[str]:
    if len(tables.reactions) <= DRAWN:
        return list(tables.reactions)
    return list(found.table.sort_values("gate", ascending=False, kind="stable")["reaction"].head(DRAWN))
