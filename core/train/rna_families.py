"""Synthetic families of RNAs: an ancestor, mutated relatives that keep its fold in mind, and shuffles that keep its dinucleotides.

The ancestor is a random sequence folded by ViennaRNA; for most families its sequence is then drawn again for that structure, so that
relatives fold alike as members of a real family do. Relatives change paired columns together, change, gain and lose loop bases, lengthen and
shorten stems and move branches along their loop, and are folded again. A shuffle of a member keeps its length and every dinucleotide count
(Altschul and Erickson 1985) and is folded again: a negative that composition cannot tell apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from core.errors import Cancelled
from core.storage import write_atomic

DISTRIBUTION = "rna-families-v1"
RELATIVES, SHUFFLES = 4, 2
SHORTEST, LONGEST = 40, 200
"""Lengths of ancestors (nt)."""
MARGIN = 60
"""Columns (nt) a relative may outgrow its ancestor by; what would grow further is drawn again."""
STRENGTH = (0.02, 0.25)
"""Least and greatest chance of a relative's column to be drawn again."""
BLOCK = 50
"""Families a worker makes at a time."""
PAIRS = ("GC", "CG", "AU", "UA", "GU", "UG")
PAIR_WEIGHTS = (0.28, 0.28, 0.18, 0.18, 0.04, 0.04)
LOOP_WEIGHTS = (0.4, 0.18, 0.2, 0.22)
"""Of A, C, G, U in loops: rich in A, as in structured RNAs."""


@dataclass(eq=False)
class Column:
    """A base of a growing sequence and the column it pairs with; columns are told apart by identity."""

    base: str
    partner: Column | None = None


@dataclass(frozen=True, eq=False)
class Families:
    """``sequences`` and ``folded`` [F, RELATIVES + SHUFFLES] (bytes; shuffles last), ``designed`` [F, RELATIVES]: the family's structure
    carried through each relative's mutations, as a curated consensus would be."""

    sequences: np.ndarray
    folded: np.ndarray
    designed: np.ndarray

    def __len__(self) -> int:
        return len(self.sequences)

    def lengths(self) -> np.ndarray:
        """[F] length (nt) of each family's first member."""
        return np.char.str_len(self.sequences[:, 0])


def make_families(
    count: int,
    seed: int,
    folder: Path,
    *,
    executor: Executor,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Families:
    """``count`` families of a seed, in blocks kept in ``folder``: what is on disk is not made again.

    Raises:
        Cancelled: ``should_stop`` said so; finished blocks stay.
    """
    paths = [folder / f"families-{seed}" / f"{b:05d}.npz" for b in range(-(-count // BLOCK))]
    in_blocks(paths, lambda b: executor.submit(family_block, seed, b), on_progress=on_progress, should_stop=should_stop)
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("sequences", "folded", "designed")}
    for path in paths:
        with np.load(path) as stored:
            for name, parts in found.items():
                parts.append(stored[name])
    return Families(**{name: np.concatenate(parts)[:count] for name, parts in found.items()})


def in_blocks(
    paths: Sequence[Path],
    submit: Callable[[int], Future[dict[str, np.ndarray]]],
    *,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Computes the blocks whose files are missing and writes each as it comes; progress counts families.

    Raises:
        Cancelled: ``should_stop`` said so; finished blocks stay.
    """
    waiting = {submit(b): b for b, path in enumerate(paths) if not path.exists()}
    while waiting:
        done, _ = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
        for future in done:
            arrays = future.result()
            write_atomic(paths[waiting.pop(future)], lambda p, a=arrays: np.savez_compressed(p, **a))  # type: ignore[misc]
        if on_progress:
            on_progress((len(paths) - len(waiting)) * BLOCK, len(paths) * BLOCK)
        if should_stop and should_stop():
            for future in waiting:
                future.cancel()
            raise Cancelled("Making the training data was stopped; the same command goes on from the finished blocks.")


def family_block(seed: int, block: int) -> dict[str, np.ndarray]:
    """The families of one block as byte arrays; depends on the seed and the block alone."""
    rng = random.Random(seed * 1_000_003 + block)
    made = [make_family(rng) for _ in range(BLOCK)]
    width = f"S{LONGEST + MARGIN}"
    return {
        "sequences": np.array([[s.encode() for s in sequences] for sequences, _, _ in made], dtype=width),
        "folded": np.array([[s.encode() for s in folded] for _, folded, _ in made], dtype=width),
        "designed": np.array([[s.encode() for s in designed] for _, _, designed in made], dtype=width),
    }


def make_family(rng: random.Random) -> tuple[list[str], list[str], list[str]]:
    """Sequences (relatives, then shuffles), their folds, and the relatives' designed structures."""
    sequence, structure = ancestor(rng)
    relatives = [relative(sequence, structure, rng) for _ in range(RELATIVES)]
    sequences = [s for s, _ in relatives]
    sequences += [shuffle_dinucleotides(sequences[i], rng) for i in range(SHUFFLES)]
    return sequences, [fold_mfe(s) for s in sequences], [d for _, d in relatives]


def ancestor(rng: random.Random) -> tuple[str, str]:
    """A sequence and its structure with at least two stacked pairs, :data:`SHORTEST` to :data:`LONGEST` nt."""
    while True:
        length, gc = rng.randint(SHORTEST, LONGEST), rng.uniform(0.35, 0.65)
        sequence = "".join(rng.choices("ACGU", [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2], k=length))
        structure = fold_mfe(sequence)
        if rng.random() < 0.7:
            columns = to_columns(sequence, structure)
            for column in columns:
                draw(column, rng)
            sequence = "".join(c.base for c in columns)
        if "((" in structure:
            return sequence, structure


def relative(sequence: str, structure: str, rng: random.Random) -> tuple[str, str]:
    """A mutated sequence and the structure carried along; how far it strays is drawn anew for each relative.

    A pair is met from both of its sides, so stems drift further than loops, as in families whose loops are bound by something.
    """
    strength = rng.uniform(*STRENGTH)
    while True:
        columns = to_columns(sequence, structure)
        for column in columns:
            if rng.random() < strength:
                draw(column, rng)
        for change, mean in ((change_loop, 10.0), (change_stem, 3.0), (move_branch, 2.0)):
            for _ in range(min(8, int(rng.expovariate(1 / (mean * strength + 1e-9))))):
                change(columns, rng)
        if SHORTEST // 2 <= len(columns) <= LONGEST + MARGIN:
            return "".join(c.base for c in columns), to_structure(columns)


def to_columns(sequence: str, structure: str) -> list[Column]:
    """Columns of a sequence with a nested structure."""
    columns = [Column(base) for base in sequence]
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


def draw(column: Column, rng: random.Random) -> None:
    """Draws a loop base anew, or both bases of a pair together (a compensatory change)."""
    if column.partner is None:
        column.base = rng.choices("ACGU", LOOP_WEIGHTS)[0]
    else:
        pair = rng.choices(PAIRS, PAIR_WEIGHTS)[0]
        column.base, column.partner.base = pair[0], pair[1]


def change_loop(columns: list[Column], rng: random.Random) -> None:
    """Inserts or deletes one to three loop bases next to a loop base; hairpins keep at least three."""
    loops = [i for i, c in enumerate(columns) if c.partner is None]
    if not loops:
        return
    at = rng.choice(loops)
    if rng.random() < 0.5:
        columns[at:at] = [Column(rng.choices("ACGU", LOOP_WEIGHTS)[0]) for _ in range(rng.randint(1, 3))]
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
        draw(left, rng)
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


def _holds_hairpin(columns: list[Column], at: int) -> bool:
    """Whether a loop base is one of at most three that a pair closes."""
    left, right = at, at
    while left > 0 and columns[left - 1].partner is None:
        left -= 1
    while right + 1 < len(columns) and columns[right + 1].partner is None:
        right += 1
    closed = left > 0 and right + 1 < len(columns) and columns[left - 1].partner is columns[right + 1]
    return closed and right - left + 1 <= 3


def shuffle_dinucleotides(sequence: str, rng: random.Random) -> str:
    """A random sequence with exactly the same dinucleotide counts, first and last base (Altschul and Erickson 1985).

    The sequence is an Eulerian path over its letters; a random arborescence of last edges into the last letter makes the
    other edges free to be shuffled.
    """
    if len(sequence) < 3:
        return sequence
    edges: dict[str, list[str]] = {}
    for here, there in pairwise(sequence):
        edges.setdefault(here, []).append(there)
    end = sequence[-1]
    letters = sorted(edges)
    while True:
        last = {letter: rng.choice(edges[letter]) for letter in letters if letter != end}
        if all(_reaches(letter, end, last) for letter in last):
            break
    order = {}
    for letter in letters:
        rest = list(edges[letter])
        if letter in last:
            rest.remove(last[letter])
        rng.shuffle(rest)
        order[letter] = iter([*rest, last[letter]] if letter in last else rest)
    path = [sequence[0]]
    for _ in range(len(sequence) - 1):
        path.append(next(order[path[-1]]))
    return "".join(path)


def _reaches(letter: str, end: str, last: dict[str, str]) -> bool:
    for _ in range(len(last) + 1):
        if letter == end:
            return True
        letter = last[letter]
    return letter == end


def fold_mfe(sequence: str) -> str:
    """ViennaRNA's minimum free energy structure at 37 degrees."""
    import RNA

    return str(RNA.fold_compound(sequence).mfe()[0])
