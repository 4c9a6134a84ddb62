"""Searching near vectors beside scikit-learn's ``NearestNeighbors``: both exact, by cosine, on one thread."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.bench.rna_walk import RnaCase

VECTORS, WIDTH, NEAREST = 100_000, 128, 10
QUERIES = ((1, 31), (100, 3))
"""Queries at once, and how often."""


class SearchPair:
    """The nearest of random vectors to the first ``queries`` of them, each found moved a little; both indexes are built beforehand."""

    def __init__(self, vectors: int, queries: int) -> None:
        from sklearn.neighbors import NearestNeighbors

        from core.rna.neighbours import Index, Neighbours

        draw = np.random.default_rng(0)
        library = draw.standard_normal((vectors, WIDTH), dtype=np.float32)
        self._query = library[:queries] + np.float32(0.1) * draw.standard_normal((queries, WIDTH), dtype=np.float32)
        self._index = Index(library)
        self._peer = NearestNeighbors(n_neighbors=NEAREST, metric="cosine", algorithm="brute").fit(library)
        self._ours: Neighbours | None = None
        self._theirs: tuple[np.ndarray, np.ndarray] | None = None

    def ours(self) -> None:
        """The nearest of every query by our index."""
        self._ours = self._index.nearest(self._query, NEAREST)

    def theirs(self) -> None:
        """The nearest of every query by scikit-learn."""
        self._theirs = self._peer.kneighbors(self._query)

    def difference(self) -> float:
        """Largest difference between the cosines of the last results; infinite where the nearest itself is another."""
        assert self._ours is not None and self._theirs is not None
        distances, rows = self._theirs
        if not np.array_equal(rows[:, 0], self._ours.rows[:, 0]):
            return float("inf")
        return float(np.abs(1 - distances - self._ours.cosines).max())


def search_cases(vectors: int = VECTORS) -> Iterator[RnaCase]:
    """One query and many; numpy's and scikit-learn's thread pools are held at one thread while a case is out."""
    from threadpoolctl import threadpool_limits

    for queries, repetitions in QUERIES:
        pair = SearchPair(vectors, queries)
        with threadpool_limits(1):
            yield RnaCase(
                task=f"search, {queries} of {vectors:,} x {WIDTH}, 1 thread",
                nt=0,
                peer="scikit-learn NearestNeighbors, brute force by cosine",
                ours=pair.ours,
                theirs=pair.theirs,
                repetitions=repetitions,
                bound=float("nan"),
                difference=pair.difference,
            )
