"""What ``python -m core gates`` does: the test of one metabolite's gates, with tables and the verdict as files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from core.explain.atp import MetaboliteGateTest, controls_of, metabolite_gate_test
from core.explain.gate_replacement import SAMPLES
from core.metabolic import load_tables
from core.models import load_checkpoint, load_members, resolve_device
from core.storage import write_bytes, write_json


def export_gates(
    source: str,
    checkpoint: str,
    folder: Path,
    *,
    metabolite: str = "atp_c",
    controls: Sequence[str] | None = None,
    samples: int = SAMPLES,
    device: str = "auto",
    on_notice: Callable[[str], None] = print,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> tuple[MetaboliteGateTest, list[Path]]:
    """Writes gates.csv, spread.csv, networks.csv, comparisons.csv, replacement.csv and manifest.json (with the verdict) into ``folder``.

    Args:
        source: what :func:`core.metabolic.load_model` reads.
        controls: checkpoints to compare with; None takes the shipped controls of ``checkpoint``.
        samples: conditions on which the gates are replaced by their mean; 0 leaves the replacement and its file out.
        on_notice: told what the reader should know: no control, a device that is not there.

    Raises:
        InputError: the model, metabolite or a checkpoint cannot be used.
    """
    seeds = load_members(checkpoint, kind="metabolic")
    card, place = seeds[0][1], resolve_device(device)
    names = controls_of(card) if controls is None else list(controls)
    if place.message:
        on_notice(place.message)
    if not names:
        on_notice(f"No control of {card.name!r} is installed: it is compared with untrained networks only.")
    opened = [(other.to(place.device), described) for other, described in (load_checkpoint(name, kind="metabolic") for name in names)]
    test = metabolite_gate_test(
        load_tables(source),
        [(network.to(place.device), described) for network, described in seeds],
        metabolite,
        controls=opened,
        samples=samples,
        device=place.device,
        on_progress=on_progress,
    )
    tables = {"gates": test.gates, "spread": test.spread, "networks": test.networks, "comparisons": test.comparisons}
    if test.replacement is not None:
        tables["replacement"] = test.replacement.table
    written = [write_bytes(folder / f"{name}.csv", table.to_csv(index=False).encode()) for name, table in tables.items()]
    return test, [*written, write_json(folder / "manifest.json", test.manifest | {"verdict": test.verdict})]
