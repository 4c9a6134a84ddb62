"""What is measured on RNAs: our walk against forgi's decomposition, and building graphs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from core.rna.elements import Elements, decompose, walk
from core.rna.graph import build_graph
from core.rna.records import RnaRecord

if TYPE_CHECKING:
    from torch_geometric.data import Data

LENGTHS = (75, 500, 3000, 10_000)
"""nt: a transfer RNA, a ribozyme, a large ribosomal RNA, a viral genome."""

BOUNDS = {3000: 10.0}
"""Times faster than forgi that is asked for, by nt."""

REPETITIONS = {75: 31, 500: 9, 3000: 3, 10_000: 1}


@dataclass(frozen=True)
class RnaCase:
    """Two ways to the same result: what it is called, over how many nt, in how many turns, and what is asked for (nan: nothing)."""

    task: str
    nt: int
    peer: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    repetitions: int
    bound: float
    difference: Callable[[], float]


def random_fold(n: int, seed: int = 0) -> str:
    """A nested structure of n bases with helices of 3 to 8 pairs, bulges, interior loops and multiloops of two to four branches."""
    draw = random.Random(seed)
    return "".join(_region(draw, n))


def _region(draw: random.Random, n: int) -> Iterator[str]:
    """n signs: unpaired when short, otherwise helices side by side. Calls itself for what a helix encloses."""
    branches = draw.choices((1, 2, 3), weights=(13, 3, 4))[0] if n >= 60 else 1
    cuts = sorted(draw.sample(range(1, n), branches - 1)) if branches > 1 else []
    for start, end in zip([0, *cuts], [*cuts, n], strict=True):
        yield from _branch(draw, end - start)


def _branch(draw: random.Random, n: int) -> Iterator[str]:
    left, right, pairs = draw.choice((0, 0, 1, 2, 3)), draw.choice((0, 0, 1, 2, 3)), draw.randint(3, 8)
    inside = n - left - right - 2 * pairs
    if inside < 3:
        yield "." * n
        return
    yield "." * left + "(" * pairs
    yield from _region(draw, inside) if inside > 12 else "." * inside
    yield ")" * pairs + "." * right


def rna_cases(lengths: tuple[int, ...]) -> Iterator[RnaCase]:
    """For each length the elements, walk against forgi; then the graph of 100 nt, with the walk's elements and with forgi's."""
    for n in lengths:
        structure = random_fold(n)
        yield RnaCase(
            task=f"RNA elements, {n:,} nt",
            nt=n,
            peer="forgi",
            ours=lambda s=structure: walk(s),  # type: ignore[misc]
            theirs=lambda s=structure: decompose(s, method="forgi"),  # type: ignore[misc]
            repetitions=REPETITIONS.get(n, 3),
            bound=BOUNDS.get(n, float("nan")),
            difference=lambda s=structure: _differing(walk(s), decompose(s, method="forgi")),  # type: ignore[misc]
        )
    record = RnaRecord("random", "".join(random.Random(0).choices("ACGU", k=100)), random_fold(100))
    yield RnaCase(
        task="RNA graph, 100 nt",
        nt=record.length,
        peer="the same with forgi's elements",
        ours=lambda: _graph(record, "walk"),
        theirs=lambda: _graph(record, "forgi"),
        repetitions=31,
        bound=float("nan"),
        difference=lambda: float((_graph(record, "walk").x - _graph(record, "forgi").x).abs().max()),
    )


def _graph(record: RnaRecord, method: Literal["forgi", "walk"]) -> Data:
    return build_graph(record, elements=decompose(record.structure or "", method=method))


def _differing(ours: Elements, theirs: Elements) -> float:
    """Number of elements and connections that only one of them has."""
    return float(len(set(ours.elements) ^ set(theirs.elements)) + len(set(ours.connections) ^ set(theirs.connections)))
