"""RNA in: plain text, FASTA, Vienna dot-bracket, CT, BPSEQ and Stockholm, checked record by record.

A record that cannot be used does not spoil the others: it becomes a problem, one sentence with place and remedy.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import InputError
from core.rna._formats import GAPS, Raw, parse
from core.rna.records import RnaRecord, parse_pairs
from core.storage import read_given

MAX_BYTES = 20 * 2**20
"""Largest text or file, bytes."""
MAX_RECORDS = 10_000
"""Most records of one text."""
MAX_LINES = 1_000_000
"""Most lines of one text."""
MAX_LENGTH = 32_000
"""Longest sequence, nt: longer than any known RNA virus's genome segment but a handful."""

FORMATS = "plain text, FASTA, Vienna dot-bracket, CT, BPSEQ or Stockholm"

_MAX_PROBLEMS = 100
_SMALLEST_LOOP = 3
_CANONICAL = frozenset({"AU", "UA", "GC", "CG", "GU", "UG"})
_AMBIGUOUS = "RYSWKMBDHVX"  # IUPAC nucleotide codes for more than one base
_AMINO = set("EFILPQ*")  # amino acid codes that are no nucleotide code
_TO_SEQUENCE = str.maketrans("acgutnryswkmbdhvxT" + "efilpqjoz", "ACGUUNRYSWKMBDHVXU" + "EFILPQJOZ")
_MAGIC = ((b"\x1f\x8b", "gzip data"), (b"BZh", "bzip2 data"), (b"PK\x03\x04", "a zip archive"), (b"%PDF", "a PDF document"), (b"\x89PNG", "an image"))


@dataclass(frozen=True)
class RnaReading:
    """What a text held: the usable ``records``, and a sentence for each that is not."""

    records: tuple[RnaRecord, ...]
    problems: tuple[str, ...]


def read_rna(source: str | Path | bytes) -> list[RnaRecord]:
    """The usable records of a text (``str``, ``bytes``) or file (``Path``), each with an id of its own.

    Args:
        source: any of :data:`FORMATS`, recognised by content. T counts as U, case does not matter, other IUPAC codes
            are kept as N with a notice.

    Raises:
        InputError: no record can be used; the sentence says what is wrong with the first one.
    """
    return list(read_report(source).records)


def read_report(source: str | Path | bytes) -> RnaReading:
    """As :func:`read_rna`, with the problems of the records left out."""
    found, problems, _ = checked(parse(text_of(source)), most=MAX_RECORDS)
    return RnaReading(tuple(record for record, _ in found), problems)


def checked(raws: Iterable[Raw], *, most: int) -> tuple[list[tuple[RnaRecord, Raw]], tuple[str, ...], int]:
    """The usable records, each with an id of its own and beside it what the file said; a sentence for each that is not; and how many those are.

    Raises:
        InputError: no record can be used, or there are more than ``most``.
    """
    found: list[tuple[RnaRecord, Raw]] = []
    problems: dict[str, None] = {}
    taken: dict[str, int] = {}
    count = 0
    for count, raw in enumerate(raws, 1):
        if count > most:
            raise InputError(f"There are more than {most:,} records; split the file into smaller ones.")
        try:
            record = _record(raw)
        except InputError as error:
            if len(problems) < _MAX_PROBLEMS:
                problems[str(error)] = None
            continue
        found.append((replace(record, id=_unique(record.id, taken)), raw))
    if found:
        return found, tuple(problems), count - len(found)
    if not problems:
        raise InputError(f"There is no RNA in the text, only comments or headers; give sequences as {FORMATS}.")
    raise InputError(next(iter(problems)))


def text_of(source: str | Path | bytes, name: str = "") -> str:
    """The text, without byte order mark; ends of lines stay as they are. ``name`` is for the sentences on bytes.

    Raises:
        InputError: missing, empty, binary, or larger than :data:`MAX_BYTES` or :data:`MAX_LINES`.
    """
    if isinstance(source, str):
        text, name = source, "The text"
        if len(text) > MAX_BYTES:
            raise _too_large(name)
    else:
        name = clean(source.name if isinstance(source, Path) else name) or "The file"
        text = _decode(read_given(source, name, limit=MAX_BYTES, too_large=_too_large(name)) if isinstance(source, Path) else source, name)
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise InputError(f"{name} is empty; give at least one sequence, as {FORMATS}.")
    if text.count("\n") + text.count("\r") > 2 * MAX_LINES or len(text.splitlines()) > MAX_LINES:
        raise InputError(f"{name} has more than {MAX_LINES:,} lines; split it into smaller files.")
    return text


def _decode(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise _too_large(name)
    for magic, what in _MAGIC:
        if data.startswith(magic):
            raise InputError(f"{name} holds {what}, not text; unpack or convert it and give {FORMATS}.")
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        if b"\0" not in data:
            return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        if not any(byte < 9 or 13 < byte < 32 for byte in data[:4096]) and _mostly_ascii(data):
            return data.decode("latin-1")  # an accent in a name written by an old program
    raise InputError(f"{name} is binary data, not text; give sequences as {FORMATS}.")


def _mostly_ascii(data: bytes) -> bool:
    return sum(byte > 127 for byte in data[:4096]) < len(data[:4096]) / 10


def _too_large(name: str) -> InputError:
    return InputError(f"{name} is larger than {MAX_BYTES // 2**20} MiB; split it into smaller files.")


def clean(text: str, width: int = 80) -> str:
    """A name as sentences and drawings carry it: one line, printable, at most ``width`` characters."""
    plain = "".join(c if c.isprintable() else "?" for c in text.strip()[: 4 * width])
    return plain if len(plain) <= width else f"{plain[: width - 1]}…"


def _unique(name: str, taken: dict[str, int]) -> str:
    """``name``, or with -2, -3 behind it when another record has it."""
    if name not in taken:
        taken[name] = 1
        return name
    while True:
        taken[name] += 1
        candidate = f"{name}-{taken[name]}"
        if candidate not in taken:
            taken[candidate] = 1
            return candidate


def _record(raw: Raw) -> RnaRecord:
    """A checked record. Raises InputError with the sentence that says what is wrong."""
    if raw.problem is not None:
        raise InputError(clean(raw.problem, 400))
    name = clean(raw.name)
    of = f" of {name}" if name else ""
    if not raw.sequence.strip(GAPS):
        raise InputError(f"The record {name or 'given'} has no bases; put its sequence below its name.")
    if "&" in raw.sequence:
        place = raw.sequence.index("&") + 1
        raise InputError(
            f"The & at position {place}{of} joins two strands, which is not supported; fold each alone, or join them by a linker such as NNNNN."
        )
    sequence = raw.sequence.translate(_TO_SEQUENCE)
    structure, notices = raw.structure, list(raw.notices)
    if structure is not None and len(structure) != len(sequence):
        raise InputError(f"The structure{of} has {len(structure):,} signs and the sequence {len(sequence):,} bases; give one sign for each base.")
    if len(sequence) - sum(map(sequence.count, GAPS)) > MAX_LENGTH:
        raise InputError(f"The sequence{of} has more than {MAX_LENGTH:,} bases; give the part that you want to look at.")
    _check_letters(sequence, of)
    if structure is not None:
        try:
            parse_pairs(structure)
        except InputError as error:
            raise InputError(str(error).replace("the structure", f"the structure{of}", 1)) from None
    sequence, structure = _without_gaps(sequence, structure, notices)
    sequence = _without_ambiguity(sequence, notices)
    record = RnaRecord(name or "rna", sequence, structure, (), raw.energy, clean(raw.description, 200))
    return replace(record, notices=(*notices, *_unusual(record)))


def _check_letters(sequence: str, of: str) -> None:
    """Raises InputError at the first letter that no nucleic acid has, and for what is mostly ambiguous."""
    foreign = set(sequence) - set("ACGUN" + _AMBIGUOUS + GAPS)
    letters = [letter for letter in sequence if letter not in GAPS]
    if foreign:
        place = min(map(sequence.index, foreign))
        protein = bool(foreign & _AMINO) and foreign <= _AMINO | set("JOZ")
        remedy = "this looks like a protein, so give the RNA or DNA sequence instead" if protein else "use A, C, G, U or T, and N for an unknown base"
        raise InputError(f"Letter {sequence[place]!r} at position {place + 1}{of or ' of the sequence'} is no base; {remedy}.")
    if sum(letter in _AMBIGUOUS for letter in letters) > len(letters) / 2:
        place = next(at for at, letter in enumerate(sequence) if letter in _AMBIGUOUS)
        raise InputError(
            f"Most letters{of or ' of the sequence'}, from {sequence[place]!r} at position {place + 1} on, are not A, C, G, U or T; "
            "this looks like a protein, so give the RNA or DNA sequence instead."
        )


def _without_gaps(sequence: str, structure: str | None, notices: list[str]) -> tuple[str, str | None]:
    """An aligned sequence as it is alone: gaps out, pairs with a gap opened."""
    gaps = {place for place, letter in enumerate(sequence) if letter in GAPS}
    if not gaps:
        return sequence, structure
    notices.append(f"{_count(len(gaps), 'gap')} of the alignment left out.")
    if structure is not None:
        signs = list(structure)
        halves = 0
        for i, j in parse_pairs(structure):
            if i in gaps or j in gaps:
                signs[i] = signs[j] = "."
                halves += not (i in gaps and j in gaps)
        if halves:
            notices.append(f"{_count(halves, 'pair')} of the given structure left out: one of the two bases is a gap.")
        structure = "".join(sign for place, sign in enumerate(signs) if place not in gaps)
    return "".join(letter for letter in sequence if letter not in GAPS), structure


def _without_ambiguity(sequence: str, notices: list[str]) -> str:
    places = [place for place, letter in enumerate(sequence) if letter in _AMBIGUOUS]
    if places:
        first = f"{sequence[places[0]]} at position {places[0] + 1}"
        notices.append(f"{_count(len(places), 'ambiguous letter')} read as N, the first {first}.")
    return sequence.translate(str.maketrans(_AMBIGUOUS, "N" * len(_AMBIGUOUS)))


def _unusual(record: RnaRecord) -> list[str]:
    """Notices on pairs that curated structures have and energy models do not; the pairs stay."""
    paired = {end: other for pair in record.pairs for end, other in (pair, pair[::-1])}
    sharp = [(i, j) for i, j in record.pairs if j - i <= _SMALLEST_LOOP and not any(i < paired.get(k, -1) < j for k in range(i + 1, j))]
    odd = [(i, j) for i, j in record.pairs if (two := record.sequence[i] + record.sequence[j]) not in _CANONICAL and "N" not in two]
    sentences = []
    if sharp:
        i, j = sharp[0]
        what = "hairpin loop of fewer than three bases is" if len(sharp) == 1 else "hairpin loops of fewer than three bases are"
        sentences.append(f"{len(sharp):,} {what} kept, the first closed by pair {i + 1}-{j + 1}.")
    if odd:
        i, j = odd[0]
        what = f"{record.sequence[i]}{i + 1}-{record.sequence[j]}{j + 1}"
        sentences.append(f"{_count(len(odd), 'non-canonical pair')} kept, the first {what}.")
    return sentences


def _count(number: int, what: str) -> str:
    """The start of a sentence: 1 gap is, 2 gaps are."""
    return f"1 {what} is" if number == 1 else f"{number:,} {what}s are"
