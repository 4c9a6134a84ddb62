"""What ``python -m core replay`` does: a manifest's numbers beside the same computed now."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError, MissingObjective
from core.explain.manifest import METABOLIC
from core.explain.replay import MOST_BYTES, TOLERANCE, Figure, Told, other_weights, read_manifest, replay
from core.metabolic import BUNDLED, load_tables
from core.metabolic.kinetics import read_kinetics
from core.metabolic.tables import ModelTables
from core.models import load_card, load_checkpoint, resolve_device
from core.storage import read_given
from core.ui import kinetics as kept_kinetics
from core.ui import networks
from core.uploads import PREFIX

if TYPE_CHECKING:
    from core.explain.attribution import Progress
    from core.metabolic.kinetics import Kinetics
    from core.models.checkpoint import Card


def replay_manifest(
    path: Path,
    *,
    model: Path | None = None,
    checkpoint: Path | None = None,
    kinetics: Sequence[Path] = (),
    device: str = "auto",
    on_notice: Callable[[str], None] = print,
    on_progress: Progress | None = None,
) -> list[Figure]:
    """Computes a manifest's numbers again.

    Args:
        model, checkpoint, kinetics: files, where the manifest's are not shipped and not stored on this computer.
        on_notice: told what the reader should know.

    Raises:
        InputError: no manifest, other weights, or a model that is not there.
    """
    too_large = InputError(f"{path.name} is larger than {MOST_BYTES // 2**20} MB and no manifest; choose a manifest.json or attribution.json.")
    told = read_manifest(read_given(path, path.name, limit=MOST_BYTES, too_large=too_large))
    place = resolve_device(device)
    if place.message:
        on_notice(place.message)
    network, card = _network(told, checkpoint)
    tables = _tables(told, model) if told.half == METABOLIC else None
    chosen = (network.to(place.device), card)
    return replay(told, chosen, tables=tables, kinetics=_kinetics(told, kinetics), device=place.device, on_progress=on_progress)


def report(figures: Sequence[Figure], tolerance: float = TOLERANCE) -> tuple[str, int]:
    """Every number, stored and again, with what they come to; and the exit code, 1 where any differs."""
    width = max(len(figure.name) for figure in figures)
    head = f"{'':<{width}}  {'stored':>13}  {'again':>13}"
    lines = [f"{f.name:<{width}}  {_written(f.stored)}  {_written(f.again)}  {'agrees' if f.agrees(tolerance) else 'DIFFERS'}" for f in figures]
    other = [figure.name for figure in figures if not figure.agrees(tolerance)]
    allowed = f"{tolerance:g} of the largest"
    if not other:
        return "\n".join([head, *lines, f"All {len(figures):,} numbers agree within {allowed}."]), 0
    named = ", ".join(other[:10]) + (f" and {len(other) - 10:,} more" if len(other) > 10 else "")
    verb = "differs" if len(other) == 1 else "differ"
    return "\n".join([head, *lines, f"{len(other):,} of {len(figures):,} numbers {verb} by more than {allowed}: {named}."]), 1


def _written(value: float | None) -> str:
    return f"{'unknown':>13}" if value is None else f"{value:>13.6g}"


def _network(told: Told, given: Path | None) -> tuple[Any, Card]:
    """The network of a manifest: the file a person gave, or a shipped or stored one by its name or weights; a manifest opens no path."""
    if given is not None:
        return load_checkpoint(given, kind=told.half)
    known = networks.choices(told.half, controls=True)
    for name in sorted(known, key=lambda name: name != told.network):
        if load_card(networks.source(name, told.half)).weights_sha256 == told.weights:
            return load_checkpoint(networks.source(name, told.half), kind=told.half)
    if told.network in known:
        raise other_weights(told)
    raise InputError(f"The manifest's network {told.network[:60]!r} is none of this computer; give it with --checkpoint.")


def _tables(told: Told, given: Path | None) -> ModelTables:
    """The model of a manifest: the file a person gave, a bundled or a stored one."""
    model = told.model
    name, objective = str(model["name"]), model["objective"]
    if given is None and name not in BUNDLED and not name.startswith(PREFIX):
        raise InputError(f"The manifest's model {name[:60]!r} is none of this computer; give its file with --model.")
    source = name if given is None else given
    try:
        return load_tables(source, objective=objective)
    except MissingObjective:
        stated = told.content.get("condition", {}).get("objective")
        if not isinstance(stated, str):
            raise
        return load_tables(source, objective=stated)


def _kinetics(told: Told, given: Sequence[Path]) -> Kinetics | None:
    if told.half != METABOLIC or told.kinetics is None:
        return None
    if given:
        return read_kinetics(*given)
    stored = told.kinetics["stored"]
    return kept_kinetics.stored(stored) if re.fullmatch(r"[0-9a-f]{64}", stored) else None
