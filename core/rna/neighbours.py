"""Exact search for near vectors: every cosine is computed, nothing is approximated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import Cancelled, InputError
from core.rna.embedding import Embeddings
from core.storage import digest, digest_of

BLOCK = 16_000_000
"""Cosines of a block of queries at most: 64 MB in float32, and twice that while the largest are picked out."""
ROUNDING = 1e-5
"""How far float32 cosines of up to some thousand numbers may lie from those in float64, with room to spare."""
SAME = 1e-5
"""Unit vectors count as the same when no number of them differs by more: batches of another make differ by about 1e-6."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest vectors, nearest first; [k] for one query, [Q, k] for several.

    Attributes:
        rows: int64, of the library.
        cosines: float64.
        same: where the library's vector is the query's own (:data:`SAME`): the same RNA, or one the encoder cannot tell from it.
    """

    rows: np.ndarray
    cosines: np.ndarray
    same: np.ndarray


class Index:
    """Vectors made ready for search.

    Args:
        vectors: [N, D]; rows of zeros (elements without bases have them) point nowhere and are found by no query.
        names: of the rows; part of the key.

    Attributes:
        unit: [N, D] float32, rows of length 1 (or 0), contiguous.
        names: of the rows.
        searchable: [N] bool, False for rows of zeros.
        key: sha256 of names and vectors.

    Raises:
        InputError: no vectors, numbers that are not finite, or another number of names.
    """

    def __init__(self, vectors: np.ndarray, names: Sequence[str] | None = None) -> None:
        vectors = checked(vectors, "The library")
        if not len(vectors):
            raise InputError("The library is empty; add RNAs to it before searching.")
        if names is not None and len(names) != len(vectors):
            raise InputError(f"There are {len(names):,} names for {len(vectors):,} vectors; give one name for each.")
        self.unit = unit_rows(vectors)
        self.names = list(names) if names is not None else [str(row) for row in range(len(vectors))]
        self.searchable: np.ndarray = np.asarray(self.unit.any(axis=1))
        self.key = digest_of(names=self.names, vectors=digest(self.unit.tobytes()), shape=self.unit.shape)

    @classmethod
    def of(cls, embeddings: Embeddings) -> Index:
        """The index of embeddings with their names."""
        return cls(embeddings.vectors, embeddings.names)

    def __len__(self) -> int:
        return len(self.unit)

    def __repr__(self) -> str:
        return f"Index({len(self.unit):,} x {self.unit.shape[1]})"

    def nearest(
        self,
        query: np.ndarray,
        k: int = 10,
        *,
        exclude: Sequence[int] | np.ndarray = (),
        on_progress: Callable[[int, int], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Neighbours:
        """The ``k`` rows with the largest cosines, all of them when there are fewer.

        Candidates come from one float32 product; their cosines are computed again in float64, so that the answer depends neither on
        the number of threads nor on what else is asked for. Equal cosines stand in the order of their rows.

        Args:
            query: [D], or [Q, D] for several.
            k: at least 1.
            exclude: rows to leave out, such as the query's own or those of its RNA.
            on_progress: called with (queries done, queries in all).
            should_stop: asked between blocks of queries.

        Raises:
            InputError: another width than the library's, numbers that are not finite, a vector of zeros, or no row left.
            Cancelled: ``should_stop`` said so.
        """
        single = np.ndim(query) == 1
        queries = self._queries(np.atleast_2d(query))
        if k < 1:
            raise InputError(f"{k} neighbours were asked for; ask for at least 1.")
        allowed = self.searchable.copy()
        allowed[np.asarray(exclude, dtype=np.int64)] = False
        k = min(k, int(allowed.sum()))
        if not k:
            raise InputError("No vector of the library is left to search: all are excluded or zero; add RNAs or exclude fewer.")
        found = Neighbours(np.empty((len(queries), k), np.int64), np.empty((len(queries), k)), np.empty((len(queries), k), bool))
        size = max(1, BLOCK // len(self.unit))
        for start in range(0, len(queries), size):
            if should_stop and should_stop():
                raise Cancelled(f"The search was stopped after {start:,} of {len(queries):,} queries.")
            block = queries[start : start + size]
            for offset, cosines in enumerate(self._cosines(block, allowed), start):
                found.rows[offset], found.cosines[offset], found.same[offset] = self._best(queries[offset], cosines, k)
            if on_progress:
                on_progress(min(start + size, len(queries)), len(queries))
        return Neighbours(found.rows[0], found.cosines[0], found.same[0]) if single else found

    def _queries(self, query: np.ndarray) -> np.ndarray:
        query = checked(query, "The query")
        if query.shape[1] != self.unit.shape[1]:
            raise InputError(f"The query has {query.shape[1]} numbers and the library's vectors {self.unit.shape[1]}; embed both by one network.")
        unit = unit_rows(query)
        if not unit.any(axis=1).all():
            raise InputError("A query is a vector of zeros, which is near to nothing; choose an RNA, element or base with a vector of its own.")
        return unit

    def _cosines(self, queries: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """[Q, N] float32, -inf for rows that are left out."""
        cosines = queries @ self.unit.T if len(queries) > 1 else (self.unit @ queries[0])[None]
        cosines[:, ~allowed] = -np.inf
        return cosines

    def _best(self, query: np.ndarray, cosines: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        kth = np.partition(cosines, len(cosines) - k)[len(cosines) - k]
        rows = np.flatnonzero(cosines >= kth - 2 * ROUNDING)
        exact = _products(self.unit, query[None], rows, np.zeros_like(rows))
        order = np.lexsort((rows, -exact))[:k]
        same = np.abs(self.unit[rows[order]] - query).max(axis=1) <= SAME
        return rows[order], exact[order], same


def random_pairs(vectors: np.ndarray, *, groups: Sequence[str] | np.ndarray | None = None, seed: int = 0, count: int = 20_000) -> np.ndarray:
    """Cosines of random pairs of different rows, ascending: what :func:`percentile` compares with.

    Pairs are drawn with replacement, each allowed pair as likely as any other. Rows of zeros are left out.

    Args:
        vectors: [N, D].
        groups: [N], such as the RNA an element or base belongs to; no pair is of one group.
        seed: of the draw.
        count: of pairs.

    Returns:
        [count] float64.

    Raises:
        InputError: numbers that are not finite, another number of groups, or no pair to draw.
    """
    vectors = checked(vectors, "The library")
    if groups is not None and len(groups) != len(vectors):
        raise InputError(f"There are {len(groups):,} groups for {len(vectors):,} vectors; give one for each.")
    if count < 1:
        raise InputError(f"{count} random pairs were asked for; ask for at least 1.")
    unit = unit_rows(vectors)
    kept = np.flatnonzero(unit.any(axis=1))
    label = np.arange(len(kept)) if groups is None else np.unique(np.asarray(groups)[kept], return_inverse=True)[1].ravel()
    order = kept[np.argsort(label, kind="stable")]  # rows of one group side by side
    sizes = np.bincount(label, minlength=1)
    first = (np.cumsum(sizes) - sizes).repeat(sizes)  # of the place's own group
    own = sizes.repeat(sizes)
    others = np.cumsum(len(order) - own)
    if not len(others) or not others[-1]:
        raise InputError("There is no pair of vectors to compare: fewer than two RNAs have one; add RNAs to the library.")
    draw = np.random.default_rng(seed)
    one = np.searchsorted(others, draw.integers(others[-1], size=count), side="right")  # as often as it has partners
    two = draw.integers(len(order) - own[one])
    two += np.where(two >= first[one], own[one], 0)  # past its own group
    return np.sort(_products(unit, unit, order[one], order[two]))


def percentile(cosine: float | np.ndarray, background: np.ndarray) -> np.ndarray:
    """Share of random pairs that are less alike, 0 to 100, of each cosine.

    Args:
        cosine: any shape.
        background: of :func:`random_pairs`, ascending.

    Raises:
        InputError: the background is empty.
    """
    if not len(background):
        raise InputError("There are no random pairs to compare with; draw at least one.")
    return np.asarray(100.0 * np.searchsorted(background, cosine, side="left") / len(background))


def checked(vectors: np.ndarray, whose: str) -> np.ndarray:
    """[N, D] finite float32 vectors.

    Raises:
        InputError: another number of dimensions, no columns, or numbers that are not finite.
    """
    vectors = np.asarray(vectors, dtype=np.float32)
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise InputError(f"{whose} has to be one row of numbers for each vector, not an array of shape {vectors.shape}.")
    bad = int((~np.isfinite(vectors).all(axis=1)).sum())
    if bad:
        raise InputError(f"{whose} holds {bad:,} vectors with numbers that are not finite; embed those RNAs again or leave them out.")
    return vectors


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """[N, D] float32, contiguous: each row at length 1, rows of zeros as they are."""
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0.0)  # first by the largest, lest squares over- or underflow
    scaled = vectors / np.where(largest > 0, largest, 1)
    length = np.sqrt(np.einsum("nd,nd->n", scaled, scaled, dtype=np.float64))[:, None]
    return np.ascontiguousarray(scaled / np.where(length > 0, length, 1), dtype=np.float32)


def _products(left: np.ndarray, right: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Cosines of rows ``i`` of one and ``j`` of the other unit matrix, each summed alone and in one order: equal vectors, equal numbers."""
    found = np.empty(len(i))
    for start in range(0, len(i), 4096):
        part = slice(start, start + 4096)
        found[part] = (left[i[part]].astype(np.float64) * right[j[part]]).sum(axis=1)
    return np.clip(found, -1.0, 1.0)
