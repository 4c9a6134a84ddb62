"""What ``python -m core embed`` and ``python -m core scoreboard`` do: core's functions joined, with files as their result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.models import load_checkpoint
from core.rna.embedding import open_network
from core.storage import write_atomic, write_bytes, write_json

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.models.nucleotide_gine import NucleotideGine


def export_embeddings(
    source: Path,
    checkpoint: str,
    level: str,
    folder: Path,
    *,
    device: str = "auto",
    scheduler: str | None = None,
    on_notice: Callable[[str], None] = print,
) -> list[Path]:
    """Writes embeddings.npz, .csv and .h5ad of every RNA of a file, or of its elements, with tables of what each is, and returns their paths.

    The further columns of a table of RNAs stand in the .csv and in ``obs`` of the .h5ad. RNAs are folded on all cores and embedded a part at a time;
    memory holds the vectors of RNAs and elements.

    Args:
        source: what :func:`core.rna.columns.read_with_columns` reads.
        level: "rna" or "element".
        on_notice: told what the reader should know.

    Raises:
        InputError: nothing in the file can be read, an RNA is too long to fold, or the checkpoint cannot be used.
    """
    from core.explain.embedded import embed_rnas
    from core.rna.columns import beside, read_with_columns
    from core.rna.embedding_files import csv_parts, h5ad, npz
    from core.train.command import Terminal, workers

    given = read_with_columns(source)
    network = open_network(checkpoint)
    terminal = Terminal(None)
    with workers(scheduler) as executor:
        found = embed_rnas(source.stem, given.records, network, families=given.families, device=device, executor=executor, on_progress=terminal)
    terminal.close()
    vectors = found.vectors[level]
    for text in (*given.notices, *vectors.notices):
        on_notice(text)
    obs = beside(found.table(level), given.columns)
    obs = obs if given.families else obs.drop(columns="family")
    return [
        write_bytes(folder / "embeddings.npz", npz({level: vectors})),
        write_atomic(folder / "embeddings.csv", lambda path: _write(path, csv_parts(vectors, obs=obs.drop(columns="name")))),
        write_bytes(folder / "embeddings.h5ad", h5ad(vectors, obs=obs)),
        write_json(folder / "manifest.json", vectors.manifest | {"source": source.name, "level": level}),
    ]


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(parts)


def export_scoreboard(
    source: Path,
    checkpoints: Sequence[str],
    folder: Path,
    *,
    half: str | None = None,
    ginfinity: tuple[NucleotideGine, Card] | None = None,
    scheduler: str | None = None,
    on_notice: Callable[[str], None] = print,
) -> list[Path]:
    """Writes scoreboard.csv, families.csv (hits), motifs.csv (of RNAs with alignments) and manifest.json, and returns their paths; says the verdicts.

    Args:
        source: what :func:`core.explain.labelled.read_labelled` reads.
        half: "tuning" or "reporting", the families of one half alone.
        ginfinity: what :func:`core.rna.ginfinity.open_ginfinity` gave, to measure it too.

    Raises:
        InputError: the file or a checkpoint cannot be used.
    """
    import pandas as pd

    from core.explain.ginfinity_scores import MEAN, PEER, about, ginfinity_motifs, ginfinity_scores
    from core.explain.labelled import read_labelled
    from core.explain.motif_scores import motif_scores
    from core.explain.scoreboard import prepare_all, scoreboard, verdict
    from core.train.command import Terminal, workers

    labelled = read_labelled(source) if half is None else read_labelled(source).half(half)
    for notice in labelled.notices:
        on_notice(notice)
    networks = {name: load_checkpoint(name, kind="rna") for name in checkpoints}
    terminal = Terminal(None)
    with workers(scheduler) as executor:
        peers = {} if ginfinity is None else {PEER: ginfinity_scores(ginfinity)}
        found = scoreboard(labelled, {**networks, **peers}, executor=executor, on_progress=terminal)
        tables = []
        if all(row is not None for row in labelled.rows):
            for structures in found.table["structures"].unique():
                prepared = prepare_all(labelled, structures, executor=executor, on_progress=terminal)
                made = [motif_scores(labelled, prepared, network) for network in networks.values()]
                made += [] if ginfinity is None else [ginfinity_motifs(labelled, prepared, ginfinity)]
                tables += [table.assign(structures=structures) for table in made]
    terminal.close()
    for name in (*networks, *([] if ginfinity is None else [MEAN])):
        on_notice(verdict(found.table, name))
    written = [
        write_bytes(folder / "scoreboard.csv", found.table.to_csv(index=False).encode()),
        write_bytes(folder / "families.csv", found.nearest.to_csv(index=False).encode()),
    ]
    if tables:
        written.append(write_bytes(folder / "motifs.csv", pd.concat(tables).to_csv(index=False).encode()))
    cards = {name: card.weights_sha256 for name, (_, card) in networks.items()}
    beside = {} if ginfinity is None else {"peers": {PEER: about(ginfinity[1])}}
    told = found.manifest | {"source": source.name, "half": half, "checkpoints": cards} | beside
    return [*written, write_json(folder / "manifest.json", told)]
