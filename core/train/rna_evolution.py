"""How relatives of an RNA come about: an ancestor with a structure, and its columns evolving.

A column is a base and the column it pairs with. Columns evolve at rates of their own, alike for neighbours and equal for the two bases of a
pair: real families keep some stretches and lose others, and which ones is what their distant members share.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SHORTEST, LONGEST = 40, 250
"""Lengths of ancestors (nt)."""
MARGIN = 50
"""Columns (nt) a relative may outgrow its ancestor by; what would grow further is drawn again."""
REDRAWN, TRIES, CLOSE = 0.75, 4, 0.1
"""Share of ancestors whose sequence is drawn again for their structure, how often it is tried, and the share of signs in which its fold may differ
from the structure for the first try that is good enough."""
PAIRS = ("GC", "CG", "AU", "UA", "GU", "UG")
PAIR_WEIGHTS = (0.28, 0.28, 0.18, 0.18, 0.04, 0.04)
A_RICH = (0.4, 0.18, 0.2, 0.22)
"""Of A, C, G, U in loops of half of the families: rich in A, as in structured RNAs; the others keep the ancestor's composition."""
BROKEN = 0.06
"""Share of a pair's changes that change one base only."""
SPREAD = (1.5, 4.5)
"""Standard deviation of the logarithm of a family's rates lies in this range: most columns hardly change while some are free, as in real families."""
LOOP_CHANGES, STEM_CHANGES, BRANCH_MOVES, HAIRPIN_CHANGES = 0.036, 0.012, 1.2, 0.3
"""Rearrangements of a relative at strength 1: of loops and stems per nt, of branches and hairpins per RNA."""
END_CHANGES = 0.3
"""Chance of each end to be lengthened or cut."""


@dataclass(eq=False, slots=True)
class Column:
    """A base of a growing sequence and the column it pairs with; columns are told apart by identity.

    ``rate`` is relative to the mean of the family; ``origin`` is the 0-based place in the ancestor, -1 for what came later.
    """

    base: str
    partner: Column | None = None
    rate: float = 1.0
    origin: int = -1


@dataclass(frozen=True, eq=False)
class Ancestor:
    """``sequence`` and ``structure`` of n bases, [n] ``rates`` with mean 1, and the ``composition`` of new loop bases (A, C, G, U)."""

    sequence: str
    structure: str
    rates: np.ndarray
    composition: tuple[float, ...]


def draw_ancestor(rng: random.Random) -> Ancestor:
    """A random sequence with the structure it folds into, of at least two stacked pairs; lengths are uniform on a logarithmic scale."""
    while True:
        length = round(math.exp(rng.uniform(math.log(SHORTEST), math.log(LONGEST))))
        own = _composition(rng)
        sequence = "".join(rng.choices("ACGU", own, k=length))
        structure = fold_mfe(sequence)
        loops = own if rng.random() < 0.5 else A_RICH
        if "((" in structure:
            if rng.random() < REDRAWN:
                sequence = _designed(sequence, structure, loops, rng)
            return Ancestor(sequence, structure, _rates(structure, rng), loops)


def evolve(ancestor: Ancestor, strength: float, rng: random.Random) -> tuple[str, str, list[int]]:
    """A relative: its sequence, the ancestor's structure carried along, and for each base its place in the ancestor (-1: new).

    Args:
        strength: mean chance of a column to be drawn again, in (0, 1).
    """
    pace = _pace(ancestor.rates, strength)
    while True:
        columns = to_columns(ancestor.sequence, ancestor.structure, ancestor.rates)
        _substitute(columns, pace, ancestor.composition, rng)
        _rearrange(columns, strength, ancestor.composition, rng)
        if SHORTEST // 2 <= len(columns) <= LONGEST + MARGIN:
            return "".join(c.base for c in columns), to_structure(columns), [c.origin for c in columns]


def to_columns(sequence: str, structure: str, rates: Sequence[float] | np.ndarray | None = None) -> list[Column]:
    """Columns of a sequence with a nested structure."""
    columns = [Column(base, None, 1.0 if rates is None else float(rates[i]), i) for i, base in enumerate(sequence)]
    opened: list[Column] = []
    for column, mark in zip(columns, structure, strict=True):
        if mark == "(":
            opened.append(column)
        elif mark == ")":
            column.partner = opened.pop()
            column.partner.partner = column
    return columns


def to_structure(columns: Sequence[Column]) -> str:
    """Dot-bracket of columns."""
    seen: set[int] = set()
    marks = []
    for column in columns:
        if column.partner is None:
            marks.append(".")
        else:
            marks.append(")" if id(column.partner) in seen else "(")
            seen.add(id(column))
    return "".join(marks)


def draw(column: Column, composition: Sequence[float], rng: random.Random) -> None:
    """Draws a loop base anew, or both bases of a pair together (a compensatory change)."""
    if column.partner is None:
        column.base = rng.choices("ACGU", composition)[0]
    else:
        a, c, g, u = composition
        favour = {"GC": g + c, "AU": a + u, "GU": 0.35}
        weights = [w * favour["".join(sorted(pair, key="GAUC".index)) if pair != "UG" else "GU"] for pair, w in zip(PAIRS, PAIR_WEIGHTS)]
        pair = rng.choices(PAIRS, weights)[0]
        column.base, column.partner.base = pair[0], pair[1]


def change_loop(columns: list[Column], rng: random.Random) -> None:
    """Inserts or deletes one to three loop bases next to a loop base; hairpins keep at least three."""
    loops = [i for i, c in enumerate(columns) if c.partner is None]
    if not loops:
        return
    at = rng.choice(loops)
    if rng.random() < 0.5:
        columns[at:at] = [Column(rng.choices("ACGU", A_RICH)[0]) for _ in range(rng.randint(1, 3))]
        return
    for _ in range(rng.randint(1, 3)):
        if at < len(columns) and columns[at].partner is None and not _holds_hairpin(columns, at):
            del columns[at]


def change_stem(columns: list[Column], rng: random.Random) -> None:
    """Lengthens a stem by a pair stacked inside one of its pairs, or takes a pair of a stem of three or more away."""
    where = {id(c): i for i, c in enumerate(columns)}
    opening = [(i, where[id(c.partner)]) for i, c in enumerate(columns) if c.partner is not None and where[id(c.partner)] > i]
    if not opening:
        return
    i, j = rng.choice(opening)
    if rng.random() < 0.5:
        left, right = Column("A"), Column("U")
        left.partner, right.partner = right, left
        draw(left, A_RICH, rng)
        columns[j:j] = [right]
        columns[i + 1 : i + 1] = [left]
    elif (i - 1, j + 1) in opening and (i + 1, j - 1) in opening:
        del columns[j], columns[i]


def move_branch(columns: list[Column], rng: random.Random) -> None:
    """Slides a branch along its loop: up to six loop bases right before it go right behind it, or the other way."""
    where = {id(c): i for i, c in enumerate(columns)}
    branches = []
    for i, column in enumerate(columns):
        j = where[id(column.partner)] if column.partner is not None else -1
        if j > i:
            before = i > 0 and columns[i - 1].partner is None
            behind = j + 1 < len(columns) and columns[j + 1].partner is None
            branches += [(i, j, True)] * before + [(i, j, False)] * behind
    if not branches:
        return
    i, j, rightward = rng.choice(branches)
    count = rng.randint(1, 6)
    if rightward:
        start = i
        while start > 0 and i - start < count and columns[start - 1].partner is None:
            start -= 1
        columns[start : j + 1] = columns[i : j + 1] + columns[start:i]
    else:
        end = j + 1
        while end < len(columns) and end - j - 1 < count and columns[end].partner is None:
            end += 1
        columns[i:end] = columns[j + 1 : end] + columns[i : j + 1]


def change_hairpin(columns: list[Column], composition: Sequence[float], rng: random.Random) -> None:
    """Puts a small hairpin into a loop, or takes one of several hairpins out."""
    where = {id(c): i for i, c in enumerate(columns)}
    loops = [i for i, c in enumerate(columns) if c.partner is None]
    if rng.random() < 0.5 and loops:
        stem = rng.randint(3, 6)
        left, right = ([Column("A") for _ in range(stem)] for _ in range(2))
        for one, other in zip(left, reversed(right), strict=True):
            one.partner, other.partner = other, one
            draw(one, composition, rng)
        loop = [Column(b) for b in rng.choices("ACGU", composition, k=rng.randint(3, 7))]
        at = rng.choice(loops)
        columns[at:at] = [*left, *loop, *right]
        return
    ends = [(i, where[id(c.partner)]) for i, c in enumerate(columns) if c.partner is not None and where[id(c.partner)] > i]
    hairpins = [(i, j) for i, j in ends if all(c.partner is None for c in columns[i + 1 : j])]
    if len(hairpins) > 1:
        i, j = rng.choice(hairpins)
        while i > 0 and j + 1 < len(columns) and columns[i - 1].partner is columns[j + 1]:
            i, j = i - 1, j + 1
        if j - i < min(40, len(columns) // 3):
            del columns[i : j + 1]


def change_end(columns: list[Column], at_end: bool, composition: Sequence[float], rng: random.Random) -> None:
    """Lengthens an end by background, or takes bases of it away; their partners are left unpaired."""
    length = len(columns)
    count = min(int(rng.expovariate(1 / (0.04 * length))) + 1, length // 8)
    if rng.random() < 0.5:
        flank = [Column(b) for b in rng.choices("ACGU", composition, k=count)]
        columns[length if at_end else 0 : length if at_end else 0] = flank
        return
    for column in columns[length - count :] if at_end else columns[:count]:
        if column.partner is not None:
            column.partner.partner = None
    del columns[length - count if at_end else 0 : length if at_end else count]


def fold_mfe(sequence: str) -> str:
    """ViennaRNA's minimum free energy structure at 37 degrees."""
    import RNA

    return str(RNA.fold_compound(sequence).mfe()[0])


def _composition(rng: random.Random) -> tuple[float, ...]:
    """Shares of A, C, G, U: GC content about one half, strands skewed by up to a quarter."""
    gc = min(0.8, max(0.2, rng.gauss(0.5, 0.1)))
    au, cg = rng.uniform(-0.25, 0.25), rng.uniform(-0.25, 0.25)
    return (1 - gc) / 2 * (1 + au), gc / 2 * (1 + cg), gc / 2 * (1 - cg), (1 - gc) / 2 * (1 - au)


def _designed(sequence: str, structure: str, composition: Sequence[float], rng: random.Random) -> str:
    """The sequence drawn again for its structure: of a few, the one whose fold comes nearest to it."""
    found = []
    for _ in range(TRIES):
        columns = to_columns(sequence, structure)
        for column in columns:
            draw(column, composition, rng)
        new = "".join(c.base for c in columns)
        found.append((sum(a != b for a, b in zip(fold_mfe(new), structure, strict=True)), new))
        if found[-1][0] < CLOSE * len(sequence):
            break
    return min(found)[1]


def _rates(structure: str, rng: random.Random) -> np.ndarray:
    """[n] rates with mean 1: the exponential of noise smoothed along the sequence and shared by the two bases of a pair."""
    n = len(structure)
    spread, width = rng.uniform(*SPREAD), math.exp(rng.uniform(math.log(1.5), math.log(10)))
    numbers = np.random.default_rng(rng.randrange(2**32))
    reach = int(3 * width) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    smooth = np.convolve(numbers.normal(size=n + 2 * reach), kernel / np.sqrt((kernel**2).sum()), "valid")
    noise = 0.9 * smooth + 0.44 * numbers.normal(size=n)
    partner = np.array([i if c.partner is None else c.partner.origin for i, c in enumerate(to_columns("N" * n, structure))])
    paired = partner != np.arange(n)
    noise = np.where(paired, (noise + noise[partner]) / math.sqrt(2), noise)
    rates = np.exp(spread * noise) * np.where(paired, math.exp(rng.uniform(-0.6, 0.6)), 1)
    return rates / rates.mean()


def _pace(rates: np.ndarray, strength: float) -> float:
    """t with mean(1 - exp(-t rate)) = strength."""
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 - np.exp(-middle * rates)).mean() < strength else (low, middle)
    return high


def _substitute(columns: list[Column], pace: float, composition: Sequence[float], rng: random.Random) -> None:
    met: set[int] = set()
    for column in columns:
        if id(column) in met:
            continue
        if column.partner is not None:
            met.add(id(column.partner))
        if rng.random() < 1 - math.exp(-pace * column.rate):
            if column.partner is not None and rng.random() < BROKEN:
                (column if rng.random() < 0.5 else column.partner).base = rng.choices("ACGU", composition)[0]
            else:
                draw(column, composition, rng)


def _rearrange(columns: list[Column], strength: float, composition: Sequence[float], rng: random.Random) -> None:
    n = len(columns)
    for change, mean in ((change_loop, LOOP_CHANGES * n), (change_stem, STEM_CHANGES * n), (move_branch, BRANCH_MOVES)):
        for _ in range(min(12, int(rng.expovariate(1 / (mean * strength))))):
            change(columns, rng)
    if rng.random() < HAIRPIN_CHANGES * strength:
        change_hairpin(columns, composition, rng)
    for at_end in (False, True):
        if rng.random() < END_CHANGES:
            change_end(columns, at_end, composition, rng)


def _holds_hairpin(columns: list[Column], at: int) -> bool:
    """Whether a loop base is one of at most three that a pair closes."""
    left, right = at, at
    while left > 0 and columns[left - 1].partner is None:
        left -= 1
    while right + 1 < len(columns) and columns[right + 1].partner is None:
        right += 1
    closed = left > 0 and right + 1 < len(columns) and columns[left - 1].partner is columns[right + 1]
    return closed and right - left + 1 <= 3
