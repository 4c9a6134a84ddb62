"""RNAs with the vectors a network gives them and their elements, and what is known of each: what maps are drawn of and searches look in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from core import __version__, storage
from core.errors import InputError
from core.rna.elements import walk
from core.rna.embedding import Embeddings, Prepared, embed_levels
from core.rna.ensemble import PackedEnsembles
from core.rna.motifs import motifs_of_elements
from core.rna.records import RnaRecord
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

SCHEMA = 1
LEVELS = ("rna", "element")
NO_MOTIF = "none known"

_PACKED = ("lengths", "starts", "first", "second", "probability")
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
        ensembles: pair probabilities of the RNAs that were folded for a network that reads them; None where all structures are certain.
    """

    name: str
    records: tuple[RnaRecord, ...]
    vectors: Mapping[str, Embeddings]
    families: tuple[str, ...]
    titles: tuple[str, ...]
    ensembles: PackedEnsembles | None = None

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
    batch_size: int | None = None,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> EmbeddedRnas:
    """Folds what has no structure, and embeds RNAs and their elements, batch by batch: memory holds the result and one batch.

    Args:
        records: a structure of a record's own is taken as certain.
        families, titles: by id.
        batch_size: RNAs between two looks at ``should_stop``; None chooses by their size.

    Raises:
        InputError: none can be embedded, as :func:`core.rna.embedding.embed` says.
        Cancelled: ``should_stop`` said so.
    """
    given = iter(records)
    kept: list[RnaRecord] = []
    packed: list[PackedEnsembles] = []

    def take(batch: Sequence[Prepared]) -> None:
        kept.extend(one.record for one in batch)
        packed.append(PackedEnsembles.of(one.ensemble if record.structure is None else None for one, record in zip(batch, given)))

    found = embed_levels(
        records,
        checkpoint=checkpoint,
        levels=LEVELS,
        device=device,
        batch_size=batch_size,
        executor=executor,
        on_progress=None if on_progress is None else lambda i, n: on_progress("folding and embedding", i, n),
        should_stop=should_stop,
        on_prepared=take,
    )
    return EmbeddedRnas(
        name,
        tuple(kept),
        found,
        tuple((families or {}).get(record.id, "") for record in records),
        tuple((titles or {}).get(record.id, record.id) for record in records),
        PackedEnsembles.of(ensemble for part in packed for ensemble in part),
    )


def save_embedded(found: EmbeddedRnas, path: Path, *, table: bool = False) -> Path:
    """Writes RNAs and vectors as npz, whole or not at all.

    Args:
        table: the table of elements too, whose motifs take half a minute for 100,000 elements; it is read again by this version only.
    """
    told = {
        "schema": SCHEMA,
        "name": found.name,
        "records": [[r.id, r.sequence, r.structure] for r in found.records],
        "families": found.families,
        "titles": found.titles,
        "manifest": found.vectors["rna"].manifest,
        "names": {level: own.names for level, own in found.vectors.items()},
        "table": __version__ if table else "",
    }
    arrays = {f"{level}_vectors": own.vectors for level, own in found.vectors.items()}
    if found.ensembles is not None:
        arrays |= {f"pairs_{name}": getattr(found.ensembles, name) for name in _PACKED}
    if table:
        arrays["elements"] = np.frombuffer(found.elements.to_parquet(index=False), dtype=np.uint8)
    text = np.frombuffer(json.dumps(told).encode(), dtype=np.uint8)
    return storage.write_atomic(path, lambda p: np.savez(p, about=text, **arrays))  # type: ignore[arg-type]


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
            ensembles = PackedEnsembles(*(stored[f"pairs_{name}"] for name in _PACKED)) if "pairs_starts" in stored else None
            table = pd.read_parquet(io.BytesIO(stored["elements"].tobytes())) if told.get("table") == __version__ else None
        records = tuple(RnaRecord(id, sequence, structure) for id, sequence, structure in told["records"])
        found = EmbeddedRnas(told["name"], records, vectors, tuple(told["families"]), tuple(told["titles"]), ensembles)
        if table is not None:
            found.__dict__["elements"] = table  # where the cached property would keep it
        return found
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


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
