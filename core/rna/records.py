"""One RNA: its sequence and, when known, which bases pair; dot-bracket strings in and out.

Base positions are 0-based in the code and 1-based in every sentence for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase

import numpy as np

from core import storage
from core.errors import InputError

ALPHABET = "ACGUN"
"""The letters of a sequence: the four nucleotides, and N for one that is not known."""

OPENING = "([{<" + ascii_uppercase
CLOSING = ")]}>" + ascii_lowercase
"""Brackets by level: a pair that crosses one of a level stands in a later level."""

UNPAIRED = ".,:_-~"
"""Signs of a base without partner: the dot, and those of WUSS, RNA's consensus notation (Infernal User's Guide)."""

_CLOSES = dict(zip(CLOSING, OPENING))


@dataclass(frozen=True)
class RnaRecord:
    """One RNA.

    Attributes:
        id: its name, unique among the records read together.
        sequence: n letters of :data:`ALPHABET`.
        structure: dot-bracket of length n, pseudoknots in ``[]{}<>Aa``; None when only the sequence is known.
        notices: sentences on what was changed or looks unusual, for people.
        energy: kcal/mol, when the file gave one.
        description: what followed the name in the file.

    Raises:
        InputError: no letter, a letter outside :data:`ALPHABET`, or a structure of another length.
    """

    id: str
    sequence: str
    structure: str | None = None
    notices: tuple[str, ...] = ()
    energy: float | None = None
    description: str = ""

    def __post_init__(self) -> None:
        if not self.sequence:
            raise InputError("The RNA has no bases; give at least one of A, C, G, U or N.")
        if foreign := set(self.sequence) - set(ALPHABET):
            place = min(self.sequence.index(letter) for letter in foreign)
            raise InputError(f"Letter {self.sequence[place]!r} at position {place + 1} is no base; use A, C, G, U or N in upper case.")
        if self.structure is not None and len(self.structure) != len(self.sequence):
            raise InputError(
                f"The structure has {len(self.structure):,} signs and the sequence {len(self.sequence):,} bases; give one sign for each base."
            )

    @property
    def length(self) -> int:
        """Number of bases n."""
        return len(self.sequence)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """0-based (i, j) with i < j, ascending; empty without a structure."""
        return parse_pairs(self.structure) if self.structure is not None else ()

    @cached_property
    def key(self) -> str:
        """sha256 of sequence and structure: equal for equal RNAs, whatever their names."""
        return storage.digest_of(sequence=self.sequence, structure=self.structure)


def parse_pairs(structure: str) -> tuple[tuple[int, int], ...]:
    """The base pairs of a dot-bracket string, each bracket type matched by itself.

    Args:
        structure: signs of :data:`UNPAIRED` and the brackets ``()[]{}<>`` and ``Aa`` to ``Zz``.

    Returns:
        0-based (i, j) with i < j, ascending.

    Raises:
        InputError: an unknown sign or an unmatched bracket, with its 1-based position.
    """
    waiting: dict[str, list[int]] = {}
    found = []
    for place, sign in enumerate(structure):
        if sign in UNPAIRED:
            continue
        if sign in OPENING:
            waiting.setdefault(sign, []).append(place)
        elif sign in _CLOSES:
            stack = waiting.get(_CLOSES[sign])
            if not stack:
                raise InputError(f"Bracket {sign!r} at position {place + 1} of the structure closes nothing; add its opening bracket or remove it.")
            found.append((stack.pop(), place))
        else:
            raise InputError(
                f"Sign {sign!r} at position {place + 1} of the structure is no bracket; use dots and the brackets ()[]{{}}<> or Aa to Zz."
            )
    open_still = [(stack[-1], sign) for sign, stack in waiting.items() if stack]
    if open_still:
        place, sign = min(open_still)
        raise InputError(f"Bracket {sign!r} at position {place + 1} of the structure is never closed; add its closing bracket or remove it.")
    return tuple(sorted(found))


def partners(structure: str) -> np.ndarray:
    """[n] int64: the 0-based partner of each base, -1 for none. Errors as in :func:`parse_pairs`."""
    partner = np.full(len(structure), -1, dtype=np.int64)
    pairs = parse_pairs(structure)
    if pairs:
        left, right = np.array(pairs, dtype=np.int64).T
        partner[left], partner[right] = right, left
    return partner


def dot_bracket(pairs: Iterable[tuple[int, int]], n: int) -> str:
    """The dot-bracket string of ``n`` bases with these pairs.

    From 5' to 3', each pair takes the first bracket type in which it crosses no earlier one, as ViennaRNA's
    ``db_from_ptable`` does: ``()`` first, then ``[]``, ``{}``, ``<>``, ``Aa`` and on.

    Args:
        pairs: 0-based (i, j), in any order.
        n: number of bases.

    Raises:
        InputError: a pair beyond the sequence or with itself, a base in two pairs, or more crossings than bracket types.
    """
    signs = ["."] * n
    closers: list[list[int]] = [[] for _ in OPENING]  # per bracket type the ends still to come, nearest last
    for i, j in sorted((min(pair), max(pair)) for pair in pairs):
        if not 0 <= i < j < n:
            raise InputError(f"Pair {i + 1}-{j + 1} does not join two of the {n:,} bases; correct its positions.")
        for place in (i, j):
            if signs[place] != ".":
                raise InputError(f"Base {place + 1} is in two pairs; a base pairs at most once, so remove one of them.")
        for level, stack in enumerate(closers):
            while stack and stack[-1] < i:
                stack.pop()
            if not stack or j < stack[-1]:
                stack.append(j)
                signs[i], signs[j] = OPENING[level], CLOSING[level]
                break
        else:
            raise InputError(f"Pair {i + 1}-{j + 1} crosses more helices than there are bracket types ({len(OPENING)}); remove some pseudoknots.")
    return "".join(signs)


def nested_part(structure: str, *, hairpin: int = 0) -> str:
    """The pairs that energy models know: without pseudoknots, in ``()``.

    The first bracket type is kept whole; pairs of later types are kept where they cross none of it.

    Args:
        structure: dot-bracket with n signs.
        hairpin: fewest bases a hairpin loop may have; smaller ones are opened, pair by pair.

    Returns:
        Dot-bracket with n signs, ``.()`` only. Errors as in :func:`parse_pairs`.
    """
    by_level: dict[int, list[tuple[int, int]]] = {}
    for i, j in parse_pairs(structure):
        by_level.setdefault(OPENING.index(structure[i]), []).append((i, j))
    kept: set[tuple[int, int]] = set()
    for level in sorted(by_level):
        loop = _loops(kept, len(structure))
        kept.update((i, j) for i, j in by_level[level] if loop[i] == loop[j])
    ends = dict(kept)
    for i in sorted(ends, reverse=True):  # inner pairs come before the pairs around them
        inside = range(i + 1, ends[i])
        if len(inside) < hairpin and not any(k in ends for k in inside):
            del ends[i]
    signs = ["."] * len(structure)
    for i, j in ends.items():
        signs[i], signs[j] = "()"
    return "".join(signs)


def _loops(nested: set[tuple[int, int]], n: int) -> list[int]:
    """For each base the 5' end of the nested pair that encloses it most closely, -1 outside; a pair counts to its own loop."""
    ends = dict(nested)
    loops, stack = [-1] * n, [(-1, n)]
    for place in range(n):
        while stack[-1][1] < place:
            stack.pop()
        if place in ends:
            stack.append((place, ends[place]))
        loops[place] = stack[-1][0]
    return loops
