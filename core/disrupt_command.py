"""What ``python -m core disrupt`` does: elements masked, disrupted and folded again over many RNAs, with tables and the result in words as files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from core.errors import InputError
from core.rna.records import RnaRecord
from core.storage import write_bytes, write_json

LIBRARY = "library"
LIMIT, LONGEST = 50, 200


def export_disruption(
    source: str,
    checkpoint: str,
    folder: Path,
    *,
    limit: int = LIMIT,
    longest: int = LONGEST,
    draws: int | None = None,
    seed: int = 0,
    device: str = "auto",
    scheduler: str | None = None,
    on_notice: Callable[[str], None] = print,
) -> tuple[list[str], list[Path]]:
    """Writes elements.csv, rnas.csv, summary.csv and manifest.json; returns what came out in sentences, and their paths.

    Args:
        source: :data:`LIBRARY`, or a file :func:`core.rna.read_rna` reads.
        limit: RNAs at most; of the library one of each family first. longest: of an RNA, nt.
        draws: of random segments and of loops' bases.
        scheduler: folds on the workers of a Dask scheduler.
        on_notice: told what the reader should know: RNAs left out, a device that is not there.

    Raises:
        InputError: nothing can be read, no RNA is short enough or has elements to rank, or the checkpoint cannot be used.
    """
    from core.explain.disruption import DRAWS
    from core.explain.disruption_trial import LEAST, element_trial
    from core.models import load_checkpoint, resolve_device
    from core.train.command import Terminal, workers

    if limit < 1:
        raise InputError(f"--limit is {limit}; give the number of RNAs, at least 1.")
    given = _library() if source == LIBRARY else _file(source, on_notice)
    short = [record for record in given if record.length <= longest]
    if not short:
        raise InputError(f"No RNA of {source} has at most {longest:,} bases; give a larger --longest, or shorter RNAs.")
    records = short[:limit]
    network, card = load_checkpoint(checkpoint, kind="rna")
    place = resolve_device(device)
    terminal = Terminal(None)
    with workers(scheduler) as executor:
        found = element_trial(
            records,
            (network.to(place.device), card),
            draws=DRAWS if draws is None else draws,
            seed=seed,
            device=place.device,
            executor=executor,
            on_progress=terminal,
        )
    terminal.close()
    told = f"{len(short):,} of {len(given):,} RNAs have at most {longest:,} bases; {len(records):,} of them were taken"
    for text in [place.message, f"{told}, {len(found.left_out):,} of which have fewer than {LEAST} elements and are left out."]:
        if text:
            on_notice(text)
    tables = {"elements": found.elements, "rnas": found.rnas, "summary": found.summary}
    written = [write_bytes(folder / f"{name}.csv", table.to_csv(index=False).encode()) for name, table in tables.items()]
    settings = {"source": source if source == LIBRARY else Path(source).name, "limit": limit, "longest": longest, "taken": len(records)}
    sentences = found.sentences()
    manifest = found.manifest | settings | {"device": place.device, "sentences": sentences}
    return sentences, [*written, write_json(folder / "manifest.json", manifest)]


def _library() -> list[RnaRecord]:
    """The reference library, one RNA of each family first, then a second of each."""
    from core.rna.library import list_library

    seen: Counter[str] = Counter()
    rounds = []
    for example in list_library():
        rounds.append((seen[example.family], example.record))
        seen[example.family] += 1
    return [record for _, record in sorted(rounds, key=lambda one: one[0])]


def _file(source: str, on_notice: Callable[[str], None]) -> list[RnaRecord]:
    from core.rna import read_report

    reading = read_report(Path(source))
    for problem in reading.problems:
        on_notice(problem)
    return list(reading.records)
