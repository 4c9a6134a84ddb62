"""What ``python -m core compare`` does: two conditions, or two networks, side by side as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.commands import read_medium, tables_with_objective
from core.explain.conditions import ConditionComparison, compare
from core.metabolic import knockout_growth
from core.metabolic.condition import Condition
from core.models import checkpoint_warnings, load_members, resolve_device
from core.storage import write_bytes, write_json


def export_comparison(
    source: str,
    checkpoints: tuple[str, str],
    media: tuple[str | None, str | None],
    folder: Path,
    *,
    knockouts: tuple[Sequence[str], Sequence[str]] = ((), ()),
    objective: str | None = None,
    essentiality: bool = False,
    device: str = "auto",
    on_notice: Callable[[str], None] = print,
) -> list[Path]:
    """Writes comparison.csv, incidences.csv and agreement.json into ``folder`` and returns their paths.

    Args:
        source: what :func:`core.metabolic.load_model` reads.
        checkpoints, media, knockouts: of A and of B; a medium as :func:`core.commands.read_medium` takes it.
        essentiality: also knock out every reaction in both conditions.
        on_notice: told what the reader should know: extrapolation, a device that is not there, a condition without growth, the agreement.

    Raises:
        InputError: the model, a condition or a checkpoint cannot be used.
    """
    place = resolve_device(device)
    if place.message:
        on_notice(place.message)
    tables = tables_with_objective(source, objective)
    a, b = (Condition(read_medium(medium), tuple(lost), objective) for medium, lost in zip(media, knockouts))
    loaded = {name: [(network.to(place.device), card) for network, card in load_members(name)] for name in dict.fromkeys(checkpoints)}
    losses = None
    if essentiality:
        first, second = (knockout_growth(tables, medium=c.medium, knockouts=c.knockouts, objective=objective) for c in (a, b))
        losses = (first, second)
    networks = [loaded[name] for name in checkpoints]
    found = compare(tables, networks[0], a, networks[1], b, knockouts=losses, device=place.device)
    warnings = [text for name, seen in zip(checkpoints, (found.a, found.b)) for text in checkpoint_warnings(loaded[name][0][1], seen.found.graph)]
    headline = [one.sentence for one in found.agreements if one.quantity == "gate"]
    for text in dict.fromkeys([*warnings, *found.notes, *headline]):
        on_notice(text)
    return [
        write_bytes(folder / "comparison.csv", found.reactions.to_csv(index=False).encode()),
        write_bytes(folder / "incidences.csv", found.incidences.to_csv(index=False).encode()),
        write_json(folder / "agreement.json", _summary(found, warnings)),
    ]


def _summary(found: ConditionComparison, warnings: list[str]) -> dict[str, Any]:
    """The manifest with growth, how many gates moved, and what was warned of."""
    return found.manifest | {"moved": found.moved, "steady": found.steady if found.seeds > 1 else None, "warnings": warnings}
