"""Structures to try decompositions and encodings on: drawn at random with a seed, and real ones when the development data is there."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.rna.records import dot_bracket

DEV_DATA = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).parents[2].parent / "shared" / "data"))


def random_structure(draw: random.Random, n: int) -> str:
    """A structure of n bases whose helices fall anywhere: nested, side by side, knotted, sharp, without loops, or none at all."""
    free = set(range(n))
    pairs = []
    for _ in range(draw.randint(0, max(1, n // 3))):
        i, j = sorted((draw.randrange(n), draw.randrange(n)))
        for step in range(draw.choice([1, 1, 2, 3, 5, 8])):
            a, b = i + step, j - step
            if a >= b or a not in free or b not in free:
                break
            free -= {a, b}
            pairs.append((a, b))
    return dot_bracket(pairs, n)


def random_nested(draw: random.Random, n: int) -> str:
    """A nested structure of n bases with loops of any length, zero included."""
    signs, waiting = [], 0
    for place in range(n):
        left = n - place
        choice = ")" if waiting >= left else draw.choice("((.))." if waiting and left > waiting + 1 else "(." if left > waiting + 1 else ").")
        choice = "." if choice == ")" and not waiting else choice
        waiting += (choice == "(") - (choice == ")")
        signs.append(choice)
    return "".join(signs)


def random_structures(count: int, *, seed: int, longest: int = 60) -> Iterator[str]:
    """Half of them knotted as it comes, half nested, of 1 to ``longest`` bases."""
    draw = random.Random(seed)
    for number in range(count):
        yield (random_nested if number % 2 else random_structure)(draw, draw.randint(1, longest))


def every_structure(n: int) -> Iterator[str]:
    """All ways in which n bases can pair, each with at most one other."""

    def pair_up(bases: tuple[int, ...]) -> Iterator[list[tuple[int, int]]]:
        if not bases:
            yield []
            return
        first, rest = bases[0], bases[1:]
        yield from pair_up(rest)
        for place, partner in enumerate(rest):
            for others in pair_up(rest[:place] + rest[place + 1 :]):
                yield [(first, partner), *others]

    for pairs in pair_up(tuple(range(n))):
        yield dot_bracket(pairs, n)


def is_knotted(structure: str) -> bool:
    return bool(set(structure) - set("(.)"))


def family_structures() -> list[str]:
    """The distinct structures of the RNA families among the development data; skips the test where they are not at hand."""
    files = [DEV_DATA / "rna" / name for name in ("rfam_families_dev.tsv", "known_families_check.tsv")]
    if missing := [str(file) for file in files if not file.exists()]:
        pytest.skip(f"real RNA families are not there: {', '.join(missing)}")
    found: dict[str, None] = {}
    for file in files:
        with file.open(encoding="utf-8", newline="") as lines:
            found.update((row["structure"], None) for row in csv.DictReader(lines, delimiter="\t"))
    return list(found)
