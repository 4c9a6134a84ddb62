"""Search by cosine: exact against plain float64, ties by row, what cannot be searched is said; random pairs and percentiles."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.rna import neighbours
from core.rna.embedding import Embeddings
from core.rna.neighbours import Index, percentile, random_pairs

SQUARE = np.array([[1, 0], [0, 2], [-3, 0], [1, 1], [0, 0], [5, 5]], dtype=np.float32)
"""East, north, west, north-east, nowhere, north-east again."""


def drawn(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def cosines_of(query: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    query, vectors = query.astype(float), vectors.astype(float)
    return vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)


def test_known_angles() -> None:
    found = Index(SQUARE).nearest(np.array([10.0, 0.0]), 10)
    assert found.rows.tolist() == [0, 3, 5, 1, 2]  # equal cosines in the order of rows; nowhere is found by nobody
    assert found.cosines == pytest.approx([1, 0.5**0.5, 0.5**0.5, 0, -1], abs=1e-7)
    assert found.same.tolist() == [True, False, False, False, False]
    assert Index(SQUARE).nearest(np.array([0.2, 0.2]), 3).same.tolist() == [True, True, False]
    assert Index(SQUARE).searchable.tolist() == [True, True, True, True, False, True]


@pytest.mark.parametrize("block", [neighbours.BLOCK, 1000])
def test_exact_for_one_and_for_many_queries(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", block)
    library, queries = drawn(300, 17), drawn(11, 17, seed=1)
    index = Index(library)
    many = index.nearest(queries, 7)
    for query, rows, cosines in zip(queries, many.rows, many.cosines, strict=True):
        truth = cosines_of(query, library)
        assert rows.tolist() == np.argsort(-truth)[:7].tolist()
        assert cosines == pytest.approx(truth[rows], abs=1e-6)
        alone = index.nearest(query, 7)
        assert np.array_equal(alone.rows, rows) and np.array_equal(alone.cosines, cosines)


def test_the_planted_neighbour_is_found_and_can_be_excluded() -> None:
    library = drawn(500, 32)
    library[123] = 3 * library[7] + 0.05 * drawn(1, 32, seed=9)[0]
    index = Index(library)
    assert index.nearest(library[7], 2).rows.tolist() == [7, 123]
    assert index.nearest(library[7], 1, exclude=[7]).rows.tolist() == [123]
    assert 7 not in index.nearest(library[7], 499, exclude=[7, 123]).rows
    assert index.nearest(library[7], 1000, exclude=[7, 123]).rows.shape == (498,)


def test_identical_vectors_stand_in_the_order_of_their_rows_whatever_their_place() -> None:
    """A product may round the last rows of a matrix otherwise than the first."""
    library = np.tile(drawn(1, 33), (1003, 1))
    found = Index(library).nearest(library[0], 1003)
    assert found.rows.tolist() == list(range(1003)) and found.same.all()
    assert Index(library).nearest(library[:3], 5).rows.tolist() == [[0, 1, 2, 3, 4]] * 3


def test_lengths_beyond_float32s_squares_are_no_obstacle() -> None:
    library = np.array([[1e30, 0], [0, 1e-30], [1e30, 1e30]], dtype=np.float32)
    found = Index(library).nearest(np.array([1e-25, 1e-25]), 3)
    assert found.rows.tolist() == [2, 0, 1] and found.cosines == pytest.approx([1, 0.5**0.5, 0.5**0.5])


def test_the_key_follows_names_and_vectors() -> None:
    named = Embeddings(["a", "b"], drawn(2, 4))
    key = Index.of(named).key
    assert key == Index(named.vectors, named.names).key and len(key) == 64
    assert key not in {Index(named.vectors, ["a", "c"]).key, Index(drawn(2, 4, seed=1), named.names).key}


def test_progress_and_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "BLOCK", 200)
    index, told = Index(drawn(100, 4)), []
    index.nearest(drawn(5, 4), 1, on_progress=lambda i, n: told.append((i, n)))
    assert told == [(2, 5), (4, 5), (5, 5)]
    answers = iter([False, True])
    with pytest.raises(Cancelled, match="after 2 of 5 queries"):
        index.nearest(drawn(5, 4), 1, should_stop=lambda: next(answers))


def test_what_cannot_be_searched_is_said() -> None:
    index = Index(SQUARE)
    with pytest.raises(InputError, match="library is empty"):
        Index(np.empty((0, 4)))
    with pytest.raises(InputError, match="holds 1 vectors with numbers that are not finite"):
        Index(np.array([[1, 2], [np.nan, 1]]))
    with pytest.raises(InputError, match="not an array of shape"):
        Index(np.ones(3))
    with pytest.raises(InputError, match="2 names for 6 vectors"):
        Index(SQUARE, ["a", "b"])
    with pytest.raises(InputError, match="query has 3 numbers and the library's vectors 2"):
        index.nearest(np.ones(3))
    with pytest.raises(InputError, match="vector of zeros"):
        index.nearest(np.zeros(2))
    with pytest.raises(InputError, match="not finite"):
        index.nearest(np.array([1, np.inf]))
    with pytest.raises(InputError, match="at least 1"):
        index.nearest(np.ones(2), 0)
    with pytest.raises(InputError, match="all are excluded or zero"):
        index.nearest(np.ones(2), exclude=[0, 1, 2, 3, 5])


def test_random_pairs_are_all_pairs_in_the_long_run() -> None:
    library = drawn(5, 3)
    true = sorted(cosines_of(library[i], library[j : j + 1])[0] for i in range(5) for j in range(i))
    found = random_pairs(library, seed=3, count=20_000)
    values, counts = np.unique(found.round(6), return_counts=True)
    assert values == pytest.approx(true, abs=1e-5)
    assert (np.abs(counts / 2000 - 1) < 0.1).all()  # ten pairs, 2,000 each
    assert (np.diff(found) >= 0).all()
    assert np.array_equal(found, random_pairs(library, seed=3)) and not np.array_equal(found, random_pairs(library, seed=4))


def test_random_pairs_are_never_of_one_group() -> None:
    """Groups point along axes of their own: only pairs of one group would have a cosine above zero."""
    sizes = {"a": 40, "b": 1, "c": 9}
    groups = np.random.default_rng(0).permutation([name for name, size in sizes.items() for _ in range(size)])
    vectors = np.eye(3, dtype=np.float32)["abc".index("a") + np.array(["abc".index(g) for g in groups])]
    assert random_pairs(vectors, groups=groups).max() == 0
    assert random_pairs(vectors).max() == 1
    vectors[groups == "c"] = 0
    marked = vectors + np.where(groups == "b", 2.0, 0.0)[:, None]  # only a-b pairs are left
    a, b = np.array([1.0, 0, 0]), np.array([2.0, 3, 2])
    assert random_pairs(marked, groups=groups, count=100) == pytest.approx(np.full(100, a @ b / np.linalg.norm(b)))


def test_random_pairs_need_two_groups() -> None:
    with pytest.raises(InputError, match="no pair of vectors"):
        random_pairs(drawn(4, 3), groups=["a"] * 4)
    with pytest.raises(InputError, match="no pair of vectors"):
        random_pairs(np.array([[1.0, 0], [0, 0]]))
    with pytest.raises(InputError, match="2 groups for 4 vectors"):
        random_pairs(drawn(4, 3), groups=["a", "b"])
    with pytest.raises(InputError, match="at least 1"):
        random_pairs(drawn(4, 3), count=0)


def test_percentiles_count_what_is_less_alike() -> None:
    background = np.array([0.1, 0.2, 0.2, 0.9])
    assert percentile(np.array([0.0, 0.1, 0.2, 0.5, 1.0]), background).tolist() == [0, 0, 25, 75, 100]
    assert float(percentile(0.95, background)) == 100
    with pytest.raises(InputError, match="no random pairs"):
        percentile(0.5, np.empty(0))
