"""RNA files taken apart: every format becomes :class:`Raw` records, which :mod:`core.rna.reading` checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.errors import InputError
from core.rna.records import CLOSING, OPENING, UNPAIRED, dot_bracket, parse_pairs

GAPS = "-.~_"
"""Signs of a gap in an aligned sequence."""

Lines = Sequence[tuple[int, str]]
"""1-based line number and its text, blank lines left out."""

_ENERGY = r"[-+]?\d{1,6}(?:\.\d{0,9})?"
_BEHIND_STRUCTURE = re.compile(rf"[(\[{{]?\s*({_ENERGY})(?=[\s)\]}}]|$)")
_CT_HEADER = re.compile(rf"\s*(\d{{1,9}})\b\s*(?:(?:ENERGY|dG)\s*=\s*({_ENERGY})\b)?(.*)$", re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?\d{1,9}$")
_NUMBERED = re.compile(r"\A\s*\d{1,9}\s+(?=[A-Za-z])")  # GenBank's line numbers
_BRACKETS = set("()[]{}<>")
_SIGNS = set(OPENING + CLOSING + UNPAIRED + "|")


@dataclass
class Raw:
    """One record as the file has it: ``sequence`` and ``structure`` unchecked, or the ``problem`` that spoils it.

    ``label`` is the family it is said to belong to, ``row`` its row of that family's alignment; empty where the file says neither.
    ``cells`` are those of a table's further columns (:attr:`core.rna._tables.Table.columns`).
    """

    name: str
    sequence: str = ""
    structure: str | None = None
    energy: float | None = None
    description: str = ""
    notices: list[str] = field(default_factory=list)
    problem: str | None = None
    label: str = ""
    row: str = ""
    cells: tuple[str, ...] = ()


def parse(text: str) -> Iterator[Raw]:
    """The records of a text in any of the formats, recognised by their first lines."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if lines and lines[0][1].lstrip().upper().startswith("# STOCKHOLM"):
        return _stockholm(lines)
    for _, line in lines[:50]:
        tokens = line.split()
        if line.lstrip().startswith(">"):
            break
        if len(tokens) in (3, 5, 6) and len(tokens[1]) == 1 and all(map(_number, (tokens[0], *tokens[2:]))):
            return _bpseq(lines) if len(tokens) == 3 else _ct(lines)
    return _text(lines)


def _number(token: str) -> bool:
    return token.lstrip("+-").isdecimal()


def _whole(token: str) -> int | None:
    """A whole number of at most nine digits: more is no position, and Python refuses to read thousands of digits."""
    return int(token) if _WHOLE.match(token) and token.isascii() else None


# Plain text, FASTA and Vienna dot-bracket: an optional header, sequence lines, structure lines.


def _text(lines: Lines) -> Iterator[Raw]:
    name, description = "", ""
    sequence: list[str] = []
    structures: list[tuple[str, float | None]] = []
    named = False

    def block() -> Iterator[Raw]:
        if named or sequence or structures:
            yield from _block(name, description, "".join(sequence), structures)

    for _, line in lines:
        stripped = line.strip()
        if stripped.startswith(">"):
            yield from block()
            name, _, description = stripped[1:].strip().partition(" ")
            named, sequence, structures = True, [], []
        elif stripped.startswith(("#", ";")):
            continue
        elif not stripped.isalpha() and (found := _structure_line(stripped)):  # letters alone are sequence: most lines by far
            structures.append(found)
        elif sequence and structures:
            if stripped.lower().startswith("frequency of mfe"):
                continue  # the last line that RNAfold -p prints
            yield from block()
            name, description, named, sequence, structures = "", "", False, [_letters(line)], []
        else:
            sequence.append(_letters(line))
    yield from block()


def _letters(line: str) -> str:
    return line if line.isalpha() else "".join(_NUMBERED.sub("", line, count=1).split())


def _structure_line(line: str) -> tuple[str, float | None] | None:
    """The structure a line holds and the energy behind it; None for a line of sequence."""
    signs, *behind = line.split(maxsplit=1)
    energy = _BEHIND_STRUCTURE.match(behind[0]) if behind else None
    if not set(signs) <= _SIGNS or (behind and energy is None and not set(signs) & _BRACKETS):
        return None
    letters = sum(sign.isalpha() for sign in signs)
    if letters:
        try:
            if not parse_pairs(signs):
                return None
        except InputError:  # a sequence with gaps, or a broken structure: by what it has more of
            if not set(signs) & _BRACKETS or letters > len(signs) / 2:
                return None
    elif not set(signs) & (_BRACKETS | {"."}):
        return None
    return signs, None if energy is None else float(energy[1])


def _block(name: str, description: str, sequence: str, structures: list[tuple[str, float | None]]) -> Iterator[Raw]:
    """The records of one sequence: itself, or one for each of its structures."""
    if not sequence:
        what = "a structure but no sequence" if structures else "no sequence"
        yield Raw(name, problem=f"{_called(name)} has {what}; put the sequence in the line before its structure.")
        return
    whole: list[tuple[str, float | None]] = []
    parts: list[str] = []  # long structures are wrapped like sequences
    held = 0
    for at, (signs, energy) in enumerate(structures):
        parts.append(signs)
        held += len(signs)
        last = at + 1 == len(structures)
        if last or energy is not None or held + len(structures[at + 1][0]) > len(sequence):
            whole.append(("".join(parts), energy))
            parts, held = [], 0
    notices = []
    if len(whole) > 1 and any("|" in signs for signs, _ in whole):
        whole = [one for one in whole if "|" not in one[0]] or whole
        notices = ["The line of pairing propensities that RNAfold -p prints was skipped."]
    for signs, energy in whole:
        yield Raw(name, sequence, plain_dots(signs), energy, description, list(notices))
    if not whole:
        yield Raw(name, sequence, None, None, description)


def _called(name: str) -> str:
    return name if name else "The text"


def plain_dots(structure: str) -> str:
    """The structure with every unpaired base as a dot."""
    return structure.translate(dict.fromkeys(map(ord, UNPAIRED), "."))


# Connectivity tables: CT (index, base, previous, next, partner, index) and BPSEQ (index, base, partner).


def _ct(lines: Lines) -> Iterator[Raw]:
    current: tuple[Raw, int] | None = None
    rows: list[tuple[int, list[str]]] = []
    for number, line in lines:
        tokens = line.split()
        if line.lstrip().startswith("#"):
            continue
        if len(tokens) >= 5 and len(tokens[1]) == 1 and all(map(_number, (tokens[0], *tokens[2:5]))):
            rows.append((number, [tokens[0], tokens[1], tokens[4]]))
        elif header := _CT_HEADER.match(line):
            if current:
                yield _table(current[0], rows, current[1])
            name, _, description = header[3].strip().partition(" ")
            current, rows = (Raw(name, energy=float(header[2]) if header[2] else None, description=description.strip()), int(header[1])), []
        else:
            rows.append((number, []))
    yield _table(current[0], rows, current[1]) if current else _table(Raw(""), rows, len(rows))


def _bpseq(lines: Lines) -> Iterator[Raw]:
    name = ""
    rows: list[tuple[int, list[str]]] = []
    for number, line in lines:
        tokens = line.split()
        header = re.match(r"\s*(?:#|[A-Za-z][A-Za-z ]*:)\s*(.*)", line)
        if header:
            if rows:
                yield _table(Raw(name), rows, len(rows))
                name, rows = "", []
            if not name and not line.lstrip().lower().startswith(("organism", "accession", "citation")):
                name = header[1].split(" ")[0]
            continue
        if rows and tokens[0] == "1":
            yield _table(Raw(name), rows, len(rows))
            rows = []
        rows.append((number, tokens if len(tokens) == 3 and len(tokens[1]) == 1 else []))
    yield _table(Raw(name), rows, len(rows))


def _table(raw: Raw, rows: list[tuple[int, list[str]]], announced: int) -> Raw:
    """Fills ``raw`` from rows of (index, base, partner), or says what is wrong with them."""
    try:
        raw.sequence, pairs = _connect(rows, announced)
        raw.structure = dot_bracket(pairs, len(rows))
    except InputError as error:
        raw.problem = f"{raw.name}: {error}" if raw.name else str(error)
    return raw


def _connect(rows: list[tuple[int, list[str]]], announced: int) -> tuple[str, list[tuple[int, int]]]:
    if announced != len(rows):
        raise InputError(f"The header announces {announced:,} bases but {len(rows):,} rows follow; correct the header or add the missing rows.")
    partner = []
    for place, (number, row) in enumerate(rows, 1):
        if not row:
            raise InputError(f"Line {number} is no row of a table; write the index, the base and the partner's index, 0 for none.")
        if _whole(row[0]) != place:
            raise InputError(f"Line {number} has index {row[0][:12]} where {place} is due; number the bases 1, 2, 3 without gaps.")
        other = _whole(row[2])
        if other is None or not 0 <= other <= len(rows) or other == place:
            raise InputError(f"Line {number} pairs base {place} with {row[2][:12]}; name another base from 1 to {len(rows):,}, or 0 for none.")
        partner.append(other)
    named: dict[int, int] = {}
    for place, other in enumerate(partner, 1):
        if not other:
            continue
        if other in named:
            raise InputError(f"Base {other} is in two pairs, with {named[other]} and {place}; a base pairs at most once, so remove one of them.")
        named[other] = place
    for place, other in enumerate(partner, 1):
        if other and partner[other - 1] != place:
            raise InputError(
                f"Base {place} names {other} as its partner, but base {other} names {partner[other - 1] or 'none'}; make the two rows agree."
            )
    return "".join(row[1] for _, row in rows), [(place - 1, other - 1) for place, other in enumerate(partner, 1) if place < other]


# Stockholm alignments with a consensus structure in WUSS notation.


def _stockholm(lines: Lines) -> Iterator[Raw]:
    sequences: dict[str, str] = {}
    own: dict[str, str] = {}
    about: dict[str, str] = {}
    consensus = ""
    for number, line in lines:
        tokens = line.split()
        if tokens[0] == "//":
            yield from _alignment(sequences, own, consensus, about)
            sequences, own, consensus, about = {}, {}, "", {}
        elif tokens[0] == "#=GF" and len(tokens) > 2:
            about.setdefault(tokens[1], tokens[2])
        elif tokens[0] == "#=GC" and len(tokens) > 2 and tokens[1] == "SS_cons":
            consensus += "".join(tokens[2:])
        elif tokens[0] == "#=GR" and len(tokens) > 3 and tokens[2] == "SS":
            own[tokens[1]] = own.get(tokens[1], "") + "".join(tokens[3:])
        elif tokens[0].startswith("#"):
            continue
        elif len(tokens) < 2:
            yield Raw(tokens[0], problem=f"Line {number} of the alignment has a name and no sequence; write both, with a space between.")
        else:
            sequences[tokens[0]] = sequences.get(tokens[0], "") + "".join(tokens[1:])
    yield from _alignment(sequences, own, consensus, about)


def _alignment(sequences: dict[str, str], own: dict[str, str], consensus: str, about: dict[str, str]) -> Iterator[Raw]:
    shared = _from_wuss(consensus, "alignment's SS_cons") if consensus else (None, None)
    for name, aligned in sequences.items():
        structure, problem = _from_wuss(own[name], f"SS line of {name}") if name in own else shared
        yield Raw(name, aligned, structure, problem=problem, label=about.get("AC", about.get("ID", "")), row=aligned)


def _from_wuss(structure: str, source: str) -> tuple[str | None, str | None]:
    """WUSS as dot-bracket, or the problem with it: its four nested bracket types become ``()``, its letters those for pseudoknots."""
    try:
        pairs = parse_pairs(structure)
    except InputError as error:
        return None, str(error).replace("the structure", f"the {source}", 1)
    letters = sorted({sign.upper() for sign in structure if sign.isalpha()}, key=structure.upper().index)
    change = dict(zip(UNPAIRED, "." * len(UNPAIRED)))
    change.update(dict.fromkeys("([{<", "("), **dict.fromkeys(")]}>", ")"))
    for level, letter in enumerate(letters, 1):
        change[letter], change[letter.lower()] = OPENING[level], CLOSING[level]
    mapped = "".join(change[sign] for sign in structure)
    try:
        if parse_pairs(mapped) == pairs:
            return mapped, None
    except InputError:
        pass
    return dot_bracket(pairs, len(structure)), None  # brackets of different types that cross, which WUSS does not allow
