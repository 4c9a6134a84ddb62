"""RNAs that come with the app: each with its accession, its sources, and how its sequence was checked.

They lie in ``assets/rna/examples.json``; ``assets/rna/README.md`` says how each was put together.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.errors import InputError
from core.rna.family_check import FamilyCheck
from core.rna.records import RnaRecord

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "rna" / "examples.json"
DEFAULT_EXAMPLE = "trna-phe"
"""The example a new session opens with: yeast tRNA-Phe."""


@dataclass(frozen=True)
class Example:
    """One bundled RNA.

    Attributes:
        id: short name for links and the command line, like ``trna-phe``.
        title: name for people.
        family: Rfam accession and name of the family it is a member of.
        accession: entry of a public database and the positions in it.
        source: where the sequence was taken from.
        licence: of that source.
        structure_source: where the structure was taken from, and whether it is published for this RNA or its family's consensus.
        check: the best hit among known family members.
        record: sequence and structure.
    """

    id: str
    title: str
    family: str
    accession: str
    source: str
    licence: str
    structure_source: str
    check: FamilyCheck
    record: RnaRecord


@lru_cache(maxsize=1)
def list_examples() -> tuple[Example, ...]:
    """All bundled RNAs, the default one first, the long one last."""
    return read_examples(SHIPPED)


def read_examples(path: Path) -> tuple[Example, ...]:
    """The RNAs of a JSON file of this schema: a list of objects with the text attributes of :class:`Example`, check, sequence and structure."""
    return tuple(
        Example(
            **{name: text for name, text in entry.items() if name not in {"check", "sequence", "structure"}},
            check=FamilyCheck(**entry["check"]),
            record=RnaRecord(entry["id"], entry["sequence"], entry["structure"], description=f"{entry['title']}, {entry['accession']}"),
        )
        for entry in json.loads(path.read_text(encoding="utf-8"))
    )


def load_example(id: str) -> RnaRecord:
    """The bundled RNA of this id, with its structure.

    Raises:
        InputError: there is none of that id.
    """
    found = {example.id: example.record for example in list_examples()}
    if id not in found:
        raise InputError(f"There is no bundled RNA {id!r}; choose one of {', '.join(found)}.")
    return found[id]
