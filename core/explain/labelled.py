"""RNAs with known families: what a score of similarity is measured on."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.explain.pairs import identity
from core.rna.folding import MFE_LIMIT
from core.rna.records import RnaRecord, parse_pairs
from core.storage import digest_of

SHORTEST, LONGEST, MEMBERS, FEWEST = 40, 250, 8, 3
"""Members that are measured: nt, most and fewest a family."""
SPLIT_SEED = 11
MOST_RNAS = 10_000
_NAMES = {
    "family": ("family", "label", "class"),
    "id": ("accession", "id", "name"),
    "sequence": ("sequence",),
    "structure": ("structure",),
    "row": ("aligned_sequence", "aligned", "row"),
    "group": ("group", "clan"),
}
_GROUPS = (
    ("microRNA precursors", r"^(mir-|miR-|MIR\d|let-7|lin-4|bantam)"),
    ("box H/ACA RNAs", r"^(SNORA|ACA\d|snopsi|SCARNA(1|11|13|15|16|23)$|snR(5|8|9|10|3\d|4[2-9]|161|189|191)$|snoR2$)"),
    ("box C/D RNAs", r"^(SNORD|SCARNA|sno|snR|sR\d|U3$|U8$|ACEA_U3|Afu_|TB\d)"),
    ("signal recognition particle RNAs", r"SRP"),
    ("transfer RNAs", r"^(tRNA|mt-tRNA|mascRNA)"),
    ("SAM riboswitches", r"^SAM[-_]"),
    ("SAH riboswitches", r"^SAH"),
    ("RNase P and MRP", r"^RNase_?(P|MRP)"),
    ("hammerhead ribozymes", r"^Hammerhead"),
    ("preQ1 riboswitches", r"^[pP]re[qQ]1"),
    ("cobalamin riboswitches", r"^(Cobalamin|AdoCbl)"),
    ("CRISPR repeats", r"^CRISPR"),
    ("spliceosomal RNAs U1 to U6", r"^U(1|2|4|5|6|7|11|12|4atac|6atac)(_yeast)?$"),
    ("ribosomal RNAs", r"^(SSU|LSU)_rRNA"),
    ("5S ribosomal RNAs", r"^(5S_rRNA|mtPerm-5S)"),
    ("transfer-messenger RNAs", r"tmRNA"),
    ("group II introns", r"^(Intron_gpII|group-II)"),
    ("group I introns", r"^(Intron_gpI|group-I)$"),
    ("selenocysteine insertion elements", r"^SECIS"),
    ("internal ribosome entry sites of viruses", r"^IRES_(HCV|Pesti|Picorna|Aptho|HepA|Cripavirus|Kaposi|Tobamo)"),
    ("CsrA-binding RNAs", r"^(CsrB|CsrC|RsmY|RsmX|rsmX|PrrB_RsmZ)"),
    ("cyclic di-GMP riboswitches", r"^c-di-GMP"),
    ("HDV-like ribozymes", r"^HDV"),
    ("telomerase RNAs", r"[Tt]elomerase"),
    ("6S RNAs", r"^6S"),
    ("vault and Y RNAs", r"^(Vault|Y_RNA)"),
)


@dataclass(frozen=True, eq=False)
class LabelledRnas:
    """N RNAs and their families.

    Attributes:
        records: each with its family's structure where one is known.
        families: [N] labels; groups: [N] what is related, members of one group are no negatives of each other.
        rows: [N] rows of each family's alignment, or None where it is not known.
        names: what families are called, by label, where that is known.
        notices: sentences on what was left out.
    """

    records: tuple[RnaRecord, ...]
    families: tuple[str, ...]
    groups: tuple[str, ...]
    rows: tuple[str | None, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    @cached_property
    def lengths(self) -> np.ndarray:
        """[N] nt."""
        return np.array([record.length for record in self.records])

    @cached_property
    def key(self) -> str:
        """sha256 of RNAs, labels and alignments."""
        return digest_of(records=[r.key for r in self.records], families=self.families, groups=self.groups, rows=self.rows)

    def identity(self, one: int, other: int) -> float:
        """Share of equal alignment columns of two members of a family; nan where their alignment is not known."""
        first, second = self.rows[one], self.rows[other]
        return float("nan") if first is None or second is None or len(first) != len(second) else identity(first, second)

    def take(self, rows: Sequence[int] | np.ndarray) -> LabelledRnas:
        """Some of them, in the order given."""
        kept = [int(row) for row in rows]
        return LabelledRnas(
            tuple(self.records[i] for i in kept),
            tuple(self.families[i] for i in kept),
            tuple(self.groups[i] for i in kept),
            tuple(self.rows[i] for i in kept),
            self.names,
            self.notices,
        )

    def half(self, which: str) -> LabelledRnas:
        """The families of the "tuning" or of the "reporting" half: a fixed draw by family, so that what is chosen on one is quoted on the other.

        Families of fewer than :data:`FEWEST` members of :data:`SHORTEST` to :data:`LONGEST` nt are left out, and of larger ones more than
        :data:`MEMBERS` members.
        """
        rng = np.random.default_rng(SPLIT_SEED)
        measured = np.flatnonzero((self.lengths >= SHORTEST) & (self.lengths <= LONGEST))
        of_family: dict[str, list[int]] = {}
        for i in measured:
            of_family.setdefault(self.families[i], []).append(int(i))
        names = sorted(name for name, own in of_family.items() if len(own) >= FEWEST)
        order = rng.permutation(names)
        wanted = set(order[{"tuning": 0, "reporting": 1}[which] :: 2])
        chosen = {name: sorted(rng.permutation(len(of_family[name]))[:MEMBERS]) for name in names}
        return self.take([of_family[name][i] for name in names if name in wanted for i in chosen[name]])


def related_group(name: str) -> str:
    """The group of visibly related families an Rfam family belongs to by its name, like its clan but wider; the name itself when there is none."""
    return next((group for group, pattern in _GROUPS if re.search(pattern, name)), name)


def read_labelled(source: Path | bytes) -> LabelledRnas:
    """RNAs with labels from a table (CSV or TSV with a header).

    Columns: ``family`` (or label, class) and ``sequence``; optionally ``accession`` (id, name), ``structure`` (dot-bracket), ``aligned_sequence``
    (row of the family's alignment, for identities) and ``group`` (or clan): families that are related and no negatives of each other. Without it,
    families named as in Rfam are grouped by name (:func:`related_group`), from a column ``name`` beside ``accession`` where there is one.
    RNAs too long to be folded (:data:`core.rna.folding.MFE_LIMIT`) are left out with a notice.

    Raises:
        InputError: no such columns, an unreadable row, too many RNAs, or fewer than two families.
    """
    data = source.read_bytes() if isinstance(source, Path) else source
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("The labelled set is no text in UTF-8; save the table as CSV or TSV.") from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in first else ",")
    columns = {key: next((c for c in names if c in (reader.fieldnames or ())), None) for key, names in _NAMES.items()}
    for needed in ("family", "sequence"):
        if columns[needed] is None:
            raise InputError(f"The labelled set has no column {needed!r}; name its columns family and sequence in the first line.")
    named = "name" if columns["id"] == "accession" and "name" in (reader.fieldnames or ()) else None
    records: list[RnaRecord] = []
    families: list[str] = []
    groups: list[str] = []
    rows: list[str | None] = []
    names: dict[str, str] = {}
    seen: dict[str, int] = {}
    for line, row in enumerate(reader, 2):
        if len(records) >= MOST_RNAS:
            raise InputError(f"The labelled set has more than {MOST_RNAS:,} RNAs; keep at most {MOST_RNAS:,}.")
        records.append(_record(row, columns, line, seen))
        family = str(row[columns["family"]]).strip()  # type: ignore[index]
        if not family:
            raise InputError(f"Line {line} of the labelled set has no family; give each RNA one.")
        families.append(family)
        if named and row[named]:
            names[family] = str(row[named]).strip()
        groups.append(str(row[columns["group"]]).strip() if columns["group"] else related_group(str(row[named] if named else family)))
        rows.append((row[columns["row"]] or None) if columns["row"] else None)
    found = LabelledRnas(tuple(records), tuple(families), tuple(groups), tuple(rows), names)
    if (long := found.lengths > MFE_LIMIT).any():
        example = records[int(long.argmax())]
        why = f"longer than {MFE_LIMIT:,} nt, too long to fold ({example.id} with {example.length:,})"
        told = f"{long.sum():,} of {len(records):,} RNAs left out: {why}."
        found = replace(found.take(np.flatnonzero(~long)), notices=(told,))
    if len(set(found.families)) < 2:
        raise InputError(f"The labelled set needs RNAs of two families or more, of at most {MFE_LIMIT:,} nt.")
    return found


def _record(row: dict[str, str | None], columns: dict[str, str | None], line: int, seen: dict[str, int]) -> RnaRecord:
    sequence = "".join(b if b in "ACGU" else "N" for b in str(row[columns["sequence"]] or "").upper().replace("T", "U"))  # type: ignore[index]
    if not sequence:
        raise InputError(f"Line {line} of the labelled set has no sequence; give each RNA one.")
    name = str(row[columns["id"]] or f"rna{line - 1}") if columns["id"] else f"rna{line - 1}"
    seen[name] = seen.get(name, 0) + 1
    structure = str(row[columns["structure"]] or "") if columns["structure"] else ""
    try:
        if structure:
            parse_pairs(structure)
        return RnaRecord(name if seen[name] == 1 else f"{name}_{seen[name]}", sequence, structure or None)
    except InputError as error:
        raise InputError(f"Line {line} of the labelled set: {error}") from None
