"""forgi's decomposition in time linear in the length: one pass for the stems, one for what lies between them.

The rules are forgi 2.2.3's, found by comparing results; only the way to them differs (forgi compares every pair of stems).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Strands = tuple[int, int, int, int]
"""A stem: first and last base of its 5' strand, then of its 3' strand."""

Parts = tuple[list[tuple[str, tuple[int, ...]]], list[tuple[str, str]]]
"""Elements as (name, ascending 0-based bases), then the pairs of names that touch."""


def walk_parts(partner: Sequence[int]) -> Parts:
    """Elements and connections of a structure, as forgi names them.

    A run of stacked pairs is a stem; pseudoknots are stems like any other. Going along the backbone, what lies between one
    stem's strand and the next is: a hairpin (``h``) between the two strands of one stem, half of an interior loop (``i``) when
    the way back joins the same two stems, and a multiloop segment (``m``) otherwise, also between exterior or knotted
    stems. Segments without a base exist, hairpins without a base do not: they only use up a number, as in forgi.

    Args:
        partner: [n] 0-based partner of each base, -1 for none; n >= 1.

    Returns:
        Elements in the order ``f0``, ``t0``, stems, interior loops, multiloop segments, hairpins, and the connections, each
        as (stem, other element).
    """
    strands, stem_of = _stems(partner)
    paired = [base for base, stem in enumerate(stem_of) if stem >= 0]
    n = len(partner)
    if not paired:
        return [("f0", tuple(range(n)))], []
    interior, multiloop, hairpin = _between(strands, stem_of, paired)
    found: list[tuple[str, tuple[int, ...]]] = []
    touching: list[tuple[str, str]] = []
    if paired[0] > 0:
        found.append(("f0", tuple(range(paired[0]))))
        touching.append((f"s{stem_of[paired[0]]}", "f0"))
    if paired[-1] < n - 1:
        found.append(("t0", tuple(range(paired[-1] + 1, n))))
        touching.append((f"s{stem_of[paired[-1]]}", "t0"))
    found += [(f"s{number}", (*range(a, b + 1), *range(c, d + 1))) for number, (a, b, c, d) in enumerate(strands)]
    for letter, group in (("i", interior), ("m", multiloop), ("h", hairpin)):
        for number, (bases, stems) in enumerate(group):
            if bases or letter != "h":
                found.append((f"{letter}{number}", bases))
                touching += [(f"s{stem}", f"{letter}{number}") for stem in stems]
    return found, touching


def _stems(partner: Sequence[int]) -> tuple[list[Strands], list[int]]:
    """Stems in the order of their first base, and [n] the stem of each base, -1 for unpaired ones."""
    strands: list[Strands] = []
    stem_of = [-1] * len(partner)
    for first, last in enumerate(partner):
        if last <= first or stem_of[first] >= 0:
            continue
        i, j = first, last
        stem_of[i] = stem_of[j] = len(strands)
        while i + 1 < j - 1 and partner[i + 1] == j - 1:
            i, j = i + 1, j - 1
            stem_of[i] = stem_of[j] = len(strands)
        strands.append((first, i, j, last))
    return strands, stem_of


Loop = tuple[tuple[int, ...], tuple[int, ...]]
"""Bases of a loop and the stems it touches."""


def _between(strands: list[Strands], stem_of: list[int], paired: list[int]) -> tuple[list[Loop], list[Loop], list[Loop]]:
    """Interior loops, multiloop segments and hairpins (empty ones too), each in the order of forgi's numbers."""
    gaps: dict[int, int] = {}  # last base of a strand -> first base of the next strand, which belongs to another stem
    hairpin: list[Loop] = []
    for left, right in pairwise(paired):
        stem = stem_of[left]
        if stem != stem_of[right]:
            gaps[left] = right
        elif strands[stem][1] == left and strands[stem][2] == right:
            hairpin.append((tuple(range(left + 1, right)), (stem,)))
    interior: list[Loop] = []
    multiloop: list[Loop] = []
    ways_back: set[int] = set()
    for left, right in gaps.items():
        if left in ways_back:
            continue
        outer, inner = stem_of[left], stem_of[right]
        back = strands[inner][3]
        if left == strands[outer][1] and right == strands[inner][0] and gaps.get(back) == strands[outer][2]:
            ways_back.add(back)
            interior.append(((*range(left + 1, right), *range(back + 1, gaps[back])), (outer, inner)))
        else:
            multiloop.append((tuple(range(left + 1, right)), (outer, inner)))
    interior.sort()  # by the first base: a bulge on the 3' strand is numbered where it is
    return interior, multiloop, hairpin
