"""The reference library put together again from its sources: ``python -m core library rebuild``.

``assets/rna/library_sources.tsv`` names each RNA and the entry it is taken from; :mod:`core.rna._library_sources` names the archives. The same
archives give the same ``library.json`` and the same table in ``assets/rna/README.md``, byte for byte.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import storage
from core.errors import InputError
from core.rna._library_sources import ARCHIVES, SOURCES
from core.rna.examples import SHIPPED
from core.rna.family_check import FamilyCheck, Member, check_family, members_for, read_members
from core.rna.reading import read_rna
from core.rna.records import RnaRecord

ASSETS = SHIPPED.parent
LIBRARY, RECIPES, README = "library.json", "library_sources.tsv", "README.md"
BEGIN, END = "<!-- written by python -m core library rebuild -->", "<!-- end of what is written -->"

LEAD = 3
"""How much better than every other family the claimed one must score (:func:`core.rna.family_check.check_family`)."""

Entry = dict[str, Any]
"""One RNA as ``library.json`` has it: the text attributes of :class:`core.rna.examples.Example`, check, sequence and structure."""

Found = tuple[str, str, str, RnaRecord]
"""Accession, source and structure source in words, and the record."""


def rebuild(sources: Path, checks: Sequence[Path] = (), *, place: Path = ASSETS) -> list[Path]:
    """Extracts every RNA again, checks it and writes the library and its table; returns the files written.

    Args:
        sources: folder with the archives.
        checks: files of known family members (:func:`core.rna.family_check.read_members`). A family is checked by the first that holds it, together
            with those before. Without any the checks in the present library are kept, as long as their sequences are the same.
        place: folder with the list of RNAs and the README, into which the library is written.

    Raises:
        InputError: an archive or an entry is missing, two RNAs are alike, or one is not of the family it claims.
    """
    entries = extract(sources, place / RECIPES)
    if checks:
        files = [read_members(path) for path in checks]
        for entry in entries:
            entry["check"] = _shown(_checked(entry, files))
    else:
        _keep_checks(entries, place / LIBRARY)
    readme = (place / README).read_text(encoding="utf-8")
    return [
        storage.write_bytes(place / LIBRARY, (json.dumps(entries, indent=1, ensure_ascii=False) + "\n").encode()),
        storage.write_bytes(place / README, with_table(readme, entries).encode()),
    ]


def extract(sources: Path, recipes: Path) -> list[Entry]:
    """The RNAs that a list names, from the archives in a folder; ``check`` is still empty."""
    with recipes.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if unknown := {row["source"] for row in rows} - set(SOURCES):
        raise InputError(f"There is no source {min(unknown)}; choose one of {', '.join(SOURCES)} in {recipes.name}.")
    contents = {name: SOURCES[name].read(sources) for name in sorted({row["source"] for row in rows})}
    seen: dict[str, str] = {}
    entries: list[Entry] = []
    for row in rows:
        name, family = row["source"], row["family"]
        accession, source, structure_source, record = _READERS[name](contents[name], name, family, row["entry"])
        if twin := seen.get(record.sequence):
            raise InputError(f"{row['id']} has the sequence of {twin}; keep one of them in {recipes.name}.")
        seen[record.sequence] = row["id"]
        if not record.pairs:
            raise InputError(f"{row['id']} has no base pairs in its source; take it out of {recipes.name}.")
        entries.append(
            {
                "id": row["id"],
                "title": row["title"],
                "family": family,
                "accession": accession,
                "source": f"{source}.{' ' + row['remark'] if row['remark'] else ''}",
                "licence": SOURCES[name].licence,
                "structure_source": structure_source,
                "check": {},
                "sequence": record.sequence,
                "structure": record.structure,
            }
        )
    return entries


def _checked(entry: Entry, files: Sequence[Sequence[Member]]) -> FamilyCheck:
    try:
        found = check_family(entry["sequence"], members_for(entry["family"], files), lead=LEAD)
    except InputError as error:
        raise InputError(f"{entry['id']}: {error}") from None
    if found.family != entry["family"]:
        raise InputError(
            f"{entry['id']} claims to be {entry['family']}, but its best hit is {found.hit} of {found.family}; take it out of {RECIPES}."
        )
    return found


def _shown(check: FamilyCheck) -> dict[str, Any]:
    return {**asdict(check), "identity": round(check.identity, 3)}


def _keep_checks(entries: list[Entry], library: Path) -> None:
    present = json.loads(library.read_text(encoding="utf-8")) if library.is_file() else []
    known = {(entry["family"], entry["sequence"]): entry["check"] for entry in present}
    for entry in entries:
        check = known.get((entry["family"], entry["sequence"]))
        if check is None:
            raise InputError(f"{entry['id']} was not checked before; give known family members with --check.")
        entry["check"] = check


# Readers of the sources: contents by file name, the source's name, the claimed family and the entry in; what is known of the RNA out.


def _seed(contents: dict[str, bytes], name: str, family: str, entry: str) -> Found:
    """A member of an Rfam seed alignment among several in a file."""
    text = next(iter(contents.values())).decode("latin-1")
    accession = family.split()[0]
    block = next((part for part in text.split("\n//") if re.search(rf"^#=GF AC\s+{accession}$", part, re.MULTILINE)), None)
    if block is None:
        raise InputError(f"There is no alignment of {family} in {next(iter(contents))}; correct {RECIPES}.")
    origin = re.search(r"^#=GF SS\s+(.+)$", block, re.MULTILINE)
    published = _phrase(origin[1]) if origin else "of unknown origin"
    record = _row(block, entry, family)
    knots = ", pseudoknots included," if _crosses(record) else ""
    return (
        _database(entry),
        f"{entry} of {accession} in the Rfam seed alignments in the source distribution of ViennaRNA 2.7.2 (tests/data)",
        f"Family consensus: {accession} ({published}){knots} projected onto this member in the same alignment.",
        record,
    )


def _phrase(origin: str) -> str:
    """How a structure was found, as Rfam says it: 'Published; PMID:8256282' or 'Predicted; PFOLD; Griffiths-Jones SR'."""
    how, *by = [part.strip() for part in origin.split(";") if part.strip()]
    return f"{how.lower()}, {', '.join(by).replace('PMID:', 'PMID ')}" if by else how.lower()


def _seed_member(contents: dict[str, bytes], name: str, family: str, entry: str) -> Found:
    """A member of an Rfam seed alignment in a file of its own."""
    if f"{entry}.json" not in contents:
        raise InputError(f"There is no {entry} in rna-structure-audit; correct {RECIPES}.")
    found = json.loads(contents[f"{entry}.json"])
    member = re.search(r"^Rfam (RF\d+) seed alignment member \((\S+)\)$", found["source"])
    if member is None or not member[1] == found["rfam_id"] == family.split()[0]:
        raise InputError(f"{entry} of rna-structure-audit is no member of {family} by its own words; correct {RECIPES}.")
    return (
        _database(member[2]),
        f"{member[2]} of the Rfam seed alignment of {member[1]}, {entry} in rna-structure-audit 0.2.1 (PyPI)",
        f"Family consensus: {member[1]}, its nested pairs projected onto this member, from the same file.",
        RnaRecord(entry, found["sequence"].replace("T", "U"), found["dot_bracket"]),
    )


def _chain(contents: dict[str, bytes], name: str, family: str, entry: str) -> Found:
    """A chain of a structure in the PDB; the entry is its identifier and the chain's name.

    Headers read ``>1Y26 [71],1.X.C.13.:1.X.G.83.``: length, and stretches from a first to a last base as model.chain.base.number.insertion.
    """
    pdb, chain = entry.split()
    lines = next(iter(contents.values())).decode("ascii").splitlines()
    at = next((k for k, line in enumerate(lines) if line.startswith(f">{pdb} ") and _bases(line)[0][1] == chain), None)
    if at is None:
        raise InputError(f"There is no chain {chain} of {pdb} in {name} of SQUARNA; correct {RECIPES}.")
    bases = _bases(lines[at])
    record = RnaRecord(pdb, lines[at + 1], lines[at + 2])
    knots = ", pseudoknots included" if _crosses(record) else ""
    return (
        f"PDB {pdb} chain {chain}, {bases[0][3]}-{bases[-1][3]}",
        f"Chain {chain} of {pdb} in dataset {name} of SQUARNA 3.2.2 (PyPI)",
        f"Published: base pairs of the three-dimensional structure {pdb} as listed in SQUARNA 3.2.2{knots}.",
        record,
    )


def _bases(header: str) -> list[list[str]]:
    """The first and last base of each stretch of a chain, taken apart."""
    return [base.split(".") for base in re.split("[,:]", header.partition("],")[2])]


def _aligned(contents: dict[str, bytes], name: str, family: str, entry: str) -> Found:
    """A row of an alignment in Infernal's test suite; its consensus is taken, since the rows' own structures are written in another notation."""
    record = _row(next(iter(contents.values())).decode("ascii"), entry, family)
    knots = ", pseudoknots included," if _crosses(record) else ""
    return (
        f"{entry} in {name}.sto of Infernal 1.1.4",
        f"{entry} in Debian package infernal 1.1.4, examples/testsuite/{name}.sto",
        f"Family consensus of the alignment in the same file{knots} projected onto this sequence.",
        record,
    )


_READERS = {
    "seed-long": _seed,
    "seed-short": _seed,
    "seed-member": _seed_member,
    "SRtrain150": _chain,
    "SRtest150": _chain,
    "srp-euk": _aligned,
    "rnaseP-eubact": _aligned,
}


def _row(alignment: str, name: str, family: str) -> RnaRecord:
    """One row of an alignment in Stockholm format, with the consensus structure projected onto it."""
    kept = [line for line in alignment.splitlines() if line.startswith("#=GC SS_cons") or line.split(maxsplit=1)[:1] == [name]]
    if not any(line.startswith(name) for line in kept):
        raise InputError(f"There is no {name} in the alignment of {family}; correct {RECIPES}.")
    return read_rna("\n".join(["# STOCKHOLM 1.0", *kept, "//"]))[0]


def _database(member: str) -> str:
    return f"{'RNAcentral' if member.startswith('URS') else 'GenBank'} {member}"


def _crosses(record: RnaRecord) -> bool:
    return bool(set(record.structure or "") - set(".()"))


def with_table(readme: str, entries: Sequence[Entry]) -> str:
    """The README with the table of these RNAs between :data:`BEGIN` and :data:`END`.

    Raises:
        InputError: the README has no such place.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{README} has no place for the table; put the lines {BEGIN} and {END} into it.")
    return f"{before}{BEGIN}\n\n{_table(entries)}\n\n{END}{after}"


def _table(entries: Sequence[Entry]) -> str:
    families = {entry["family"] for entry in entries}
    lines = [
        f"{len(entries)} RNAs of {len(families)} families. Archives, each by the command that fetches it:",
        "",
        *(f"- `{archive.fetch}`" for archive in ARCHIVES.values()),
        "",
        "| id | molecule | nt | family | accession | best hit among known members | licence |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        check = entry["check"]
        hit = f"{check['hit']}: {check['identity']:.1%} of {check['columns']:,}"
        cells = [f"`{entry['id']}`", entry["title"], f"{len(entry['sequence']):,}", entry["family"], entry["accession"], hit, entry["licence"]]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
