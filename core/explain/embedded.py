"""RNAs with the vectors a network gives them and their elements, and what is known of each: what maps are drawn of and searches look in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core import storage
from core.errors import Cancelled, InputError
from core.rna.elements import walk
from core.rna.embedding import Embeddings, embed_levels, open_network, prepare
from core.rna.motifs import motifs_of_elements
from core.rna.records import RnaRecord
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

SCHEMA = 1
LEVELS = ("rna", "element")
NO_MOTIF = "none known"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class EmbeddedRnas:
    """RNAs, their vectors and tables.

    Attributes:
        name: how the collection is called.
        records: with the structures their elements come from.
        vectors: level ("rna", "element") to :class:`~core.rna.embedding.Embeddings`, rows in the order of the tables.
        families: of each RNA, "" where it is not known.
        titles: of each RNA, its id where it has none.
    """

    name: str
    records: tuple[RnaRecord, ...]
    vectors: Mapping[str, Embeddings]
    families: tuple[str, ...]
    titles: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def key(self) -> str:
        """sha256 of the RNAs and their vectors."""
        parts = {level: storage.digest(found.vectors.tobytes()) for level, found in self.vectors.items()}
        return digest_of(records=[record.key for record in self.records], names=[r.id for r in self.records], families=self.families, **parts)

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each RNA stands among ``records``, by id."""
        return {record.id: place for place, record in enumerate(self.records)}

    @cached_property
    def rnas(self) -> pd.DataFrame:
        """One row an RNA: ``name`` (its id), ``title``, ``family``, ``length`` (nt), ``gc`` (0 to 1), ``paired`` (share of bases)."""
        return pd.DataFrame(
            {
                "name": [r.id for r in self.records],
                "title": self.titles,
                "family": self.families,
                "length": [r.length for r in self.records],
                "gc": [gc_content(r.sequence) for r in self.records],
                "paired": [2 * len(r.pairs) / r.length for r in self.records],
            }
        )

    @cached_property
    def elements(self) -> pd.DataFrame:
        """One row an element: ``name`` ("id/s0"), ``rna``, ``element``, ``kind``, ``size`` (bases), ``gc``, ``motif`` (:data:`NO_MOTIF` without),
        ``family``, ``sequence`` (its bases, strands apart by "&") and ``place`` (middle of its bases, 0 to 1)."""
        rows: list[dict[str, Any]] = []
        for record, family in zip(self.records, self.families, strict=True):
            found = walk(str(record.structure))
            motifs = motifs_of_elements(record, elements=found)
            for element in found.elements:
                sequence = _strands(record.sequence, element.bases)
                rows.append(
                    {
                        "name": f"{record.id}/{element.name}",
                        "rna": record.id,
                        "element": element.name,
                        "kind": element.kind,
                        "size": len(element.bases),
                        "gc": gc_content(sequence.replace("&", "")),
                        "motif": motifs.get(element.name, NO_MOTIF),
                        "family": family,
                        "sequence": sequence,
                        "place": (np.mean(element.bases) + 0.5) / record.length if element.bases else np.nan,
                    }
                )
        return pd.DataFrame(rows)

    def table(self, level: str) -> pd.DataFrame:
        """:attr:`rnas` or :attr:`elements`."""
        return self.rnas if level == "rna" else self.elements

    def record(self, id: str) -> RnaRecord:
        """An RNA by its id.

        Raises:
            InputError: there is none of it.
        """
        if id not in self.place:
            raise InputError(f"{self.name} holds no RNA {id!r}; choose another.")
        return self.records[self.place[id]]


def embed_rnas(
    name: str,
    records: Sequence[RnaRecord],
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    *,
    families: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    device: str = "auto",
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> EmbeddedRnas:
    """Folds what has no structure, and embeds RNAs and their elements, a part at a time.

    Args:
        records: a structure of a record's own is taken as certain.
        families, titles: by id.

    Raises:
        InputError: none can be embedded, as :func:`core.rna.embedding.embed` says.
        Cancelled: ``should_stop`` said so.
    """
    network = open_network(checkpoint)
    soft = network[0].soft
    prepared = []
    for done, one in enumerate((executor.map if executor else map)(prepare, records, [soft] * len(records)), 1):
        prepared.append(one)
        if on_progress and (done % 25 == 0 or done == len(records)):
            on_progress("folding", done, len(records))
        if should_stop and should_stop():
            raise Cancelled(f"Folding was stopped after {done:,} of {len(records):,} RNAs.")
    found = embed_levels(
        [one.record for one in prepared],
        checkpoint=network,
        levels=LEVELS,
        ensembles=[one.ensemble for one in prepared],
        device=device,
        on_progress=None if on_progress is None else lambda i, n: on_progress("embedding", i, n),
        should_stop=should_stop,
    )
    ids = [record.id for record in records]
    return EmbeddedRnas(
        name,
        tuple(one.record for one in prepared),
        found,
        tuple((families or {}).get(id, "") for id in ids),
        tuple((titles or {}).get(id, id) for id in ids),
    )


def save_embedded(found: EmbeddedRnas, path: Path) -> Path:
    """Writes RNAs and vectors as npz, whole or not at all."""
    told = {
        "schema": SCHEMA,
        "name": found.name,
        "records": [[r.id, r.sequence, r.structure] for r in found.records],
        "families": found.families,
        "titles": found.titles,
        "manifest": found.vectors["rna"].manifest,
        "names": {level: own.names for level, own in found.vectors.items()},
    }
    arrays = {f"{level}_vectors": own.vectors for level, own in found.vectors.items()}
    text = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    return storage.write_atomic(path, lambda p: np.savez_compressed(p, about=text, **arrays))  # type: ignore[arg-type]


def load_embedded(path: Path) -> EmbeddedRnas | None:
    """What :func:`save_embedded` wrote; None for no file, a damaged one or one of another schema."""
    try:
        with np.load(path) as stored:
            told = json.loads(stored["about"].tobytes())
            if told["schema"] != SCHEMA:
                return None
            vectors = {
                level: Embeddings(list(told["names"][level]), stored[f"{level}_vectors"].astype(np.float32), level, manifest=told["manifest"])
                for level in LEVELS
            }
        records = tuple(RnaRecord(id, sequence, structure) for id, sequence, structure in told["records"])
        return EmbeddedRnas(told["name"], records, vectors, tuple(told["families"]), tuple(told["titles"]))
    except (OSError, ValueError, KeyError, EOFError):
        return None


def joined(first: EmbeddedRnas, second: EmbeddedRnas) -> EmbeddedRnas:
    """Two collections embedded by one network as one; RNAs of the second whose ids the first has get " (2)" behind theirs."""
    renamed = tuple(replace(r, id=f"{r.id} (2)") if r.id in first.place else r for r in second.records)
    names = {old.id: new.id for old, new in zip(second.records, renamed, strict=True)}
    vectors = {}
    for level in LEVELS:
        one, two = first.vectors[level], second.vectors[level]
        own = [names[n] if level == "rna" else "/".join((names[n.rsplit("/", 1)[0]], n.rsplit("/", 1)[1])) for n in two.names]
        vectors[level] = replace(one, names=[*one.names, *own], vectors=np.concatenate([one.vectors, two.vectors]))
    return EmbeddedRnas(
        f"{first.name} and {second.name}", (*first.records, *renamed), vectors, (*first.families, *second.families), (*first.titles, *second.titles)
    )


def gc_content(sequence: str) -> float:
    """Share of G and C, 0 for no bases."""
    return sum(base in "GC" for base in sequence) / max(1, len(sequence))


def _strands(sequence: str, bases: Sequence[int]) -> str:
    parts: list[str] = []
    for place, base in enumerate(bases):
        if place == 0 or base != bases[place - 1] + 1:
            parts.append("")
        parts[-1] += sequence[base]
    return "&".join(parts)
