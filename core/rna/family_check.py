"""A sequence held against known members of RNA families: is it the molecule it claims to be?

The best local alignment (Smith and Waterman 1981: match 1, mismatch -1, gap -2 a base) among the members of like length names the family.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.errors import InputError

KEPT, KEPT_LONG, LONG = 60, 3, 500
"""How many members are aligned, those that share most words of six: fewer for sequences of :data:`LONG` nt or more."""

_MATCH, _MISMATCH, _GAP = 1, -1, -2
_WORD = 6
_COLUMNS = ("family", "name", "accession", "sequence")


@dataclass(frozen=True)
class FamilyCheck:
    """How a sequence was held against known members of RNA families: its best local alignment among them.

    Attributes:
        family: Rfam accession and name of the family of the best hit, among members of half to twice the length.
        hit: accession and positions of that member.
        identity: share of equal columns of the alignment, in (0, 1].
        columns: length of the alignment, gaps included.
    """

    family: str
    hit: str
    identity: float
    columns: int


@dataclass(frozen=True)
class Member:
    """A known member: ``family`` is its family's Rfam accession and name, ``accession`` its own with positions."""

    family: str
    accession: str
    sequence: str


def read_members(path: Path) -> tuple[Member, ...]:
    """The members a TSV file lists in its columns family, name, accession and sequence.

    Raises:
        InputError: there is no such file, or it lacks one of the columns.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path.name} of known family members; check the path and its spelling.")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        if missing := [name for name in _COLUMNS if name not in (rows.fieldnames or ())]:
            raise InputError(f"{path.name} has no column {missing[0]}; give a TSV with the columns {', '.join(_COLUMNS)}.")
        return tuple(Member(f"{row['family']} {row['name']}", row["accession"], row["sequence"]) for row in rows)


def members_for(family: str, files: Iterable[Sequence[Member]]) -> tuple[Member, ...]:
    """The members to hold a sequence of this family against: those of as many files, from the first on, as it takes to reach one with the family.

    Raises:
        InputError: no file holds the family.
    """
    pool: tuple[Member, ...] = ()
    for members in files:
        pool += tuple(members)
        if any(member.family == family for member in members):
            return pool
    raise InputError(f"No file of known members holds the family {family}; give one that does.")


def check_family(sequence: str, members: Iterable[Member], *, lead: int = 0) -> FamilyCheck:
    """The best local alignment of a sequence with known members.

    Args:
        sequence: n letters of A, C, G and U.
        members: known members of any families; those of half to twice the length are considered, and of these the :data:`KEPT` are aligned
            that share most words of six letters.
        lead: by how much the best score must exceed that of every other family, to be more than chance.

    Raises:
        InputError: no member is of like length, or another family comes closer than ``lead``.
    """
    near = _nearest(sequence, members, KEPT if len(sequence) < LONG else KEPT_LONG)
    if not near:
        raise InputError(f"No known member is half to twice as long as {len(sequence):,} bases; give a file that holds some.")
    scores = best_scores(sequence, [member.sequence for member in near])
    best = near[int(scores.argmax())]
    others = [int(score) for score, member in zip(scores, near) if member.family != best.family]
    if others and scores.max() - max(others) < lead:
        raise InputError(f"The best hit, {best.accession} of {best.family}, is hardly better than one of another family; leave the sequence out.")
    equal, columns = local_identity(sequence, best.sequence)
    return FamilyCheck(best.family, best.accession, equal / columns if columns else 0.0, columns)


def _nearest(sequence: str, members: Iterable[Member], keep: int) -> list[Member]:
    own = _words(sequence)
    alike = [member for member in members if len(sequence) <= 2 * len(member.sequence) <= 4 * len(sequence)]
    return sorted(alike, key=lambda member: -(own & _words(member.sequence)).total())[:keep]


@lru_cache(maxsize=20_000)
def _words(sequence: str) -> Counter[str]:
    return Counter(sequence[place : place + _WORD] for place in range(len(sequence) - _WORD + 1))


def best_scores(query: str, targets: Sequence[str]) -> np.ndarray:
    """[len(targets)] int32: the score of the best local alignment of ``query`` with each target."""
    best = np.zeros(len(targets), dtype=np.int32)
    for row in _score_rows(query, targets):
        np.maximum(best, row.max(axis=1), out=best)
    return best


def local_identity(query: str, target: str) -> tuple[int, int]:
    """Equal columns and all columns of one best local alignment; (0, 0) when no letter is shared."""
    scores = np.stack([np.zeros(len(target) + 1, dtype=np.int32), *(row[0] for row in _score_rows(query, [target]))])
    i, j = (int(place) for place in np.unravel_index(scores.argmax(), scores.shape))
    equal = columns = 0
    while scores[i, j] > 0:
        same = query[i - 1] == target[j - 1]
        columns += 1
        if scores[i, j] == scores[i - 1, j - 1] + (_MATCH if same else _MISMATCH):
            i, j, equal = i - 1, j - 1, equal + same
        elif scores[i, j] == scores[i - 1, j] + _GAP:
            i -= 1
        else:
            j -= 1
    return equal, columns


def _score_rows(query: str, targets: Sequence[str]) -> Iterator[np.ndarray]:
    """Scores [targets, longest target + 1] for each letter of the query in turn; shorter targets end in zero bytes, which match nothing."""
    longest = max(map(len, targets))
    letters = np.zeros((len(targets), longest), dtype=np.uint8)
    for row, target in enumerate(targets):
        letters[row, : len(target)] = np.frombuffer(target.encode("ascii"), dtype=np.uint8)
    slope = -_GAP * np.arange(longest + 1, dtype=np.int32)
    above = np.zeros((len(targets), longest + 1), dtype=np.int32)
    for letter in query.encode("ascii"):
        best = np.zeros_like(above)
        step = np.where(letters == letter, np.int32(_MATCH), np.int32(_MISMATCH))
        best[:, 1:] = np.maximum(above[:, :-1] + step, above[:, 1:] + _GAP).clip(0)
        above = np.maximum.accumulate(best + slope, axis=1) - slope  # gaps in the query, all lengths at once
        yield above
