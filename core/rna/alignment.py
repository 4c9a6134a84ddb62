"""Local alignment of two RNAs by the embeddings of their bases: Smith-Waterman (1981) with affine gaps (Gotoh, 1982).

Two bases score by how much more alike they are than bases of these two RNAs usually are. With c the cosines of all n x m pairs,

.. math:: s_{ij} = (c_{ij} - \\mu) / \\sigma - \\text{offset},

where :math:`\\mu` and :math:`\\sigma` are the mean and standard deviation of c. The score of a pair picked at random is then -offset on
average, as a local alignment needs it to be, and gap costs are in the same unit, standard deviations, whatever the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from core.errors import Cancelled, InputError
from core.rna.neighbours import checked, unit_rows
from core.storage import digest, digest_of

OFFSET, GAP_OPEN, GAP_EXTEND = 0.5, 3.0, 0.5
"""Standard deviations: taken off every pair, lost by the first and by each further base of a gap.

On 70 pairs of Rfam relatives the offset 0.5 finds 88% of the pairs of the seed alignment (90% of what it finds is in it), 1.0 finds 79%;
gaps of 1.5 to 5 to open and 0.5 to 1 to extend differ little (the shipped network "rna").
"""
LIMIT = 4_000_000
"""Pairs of bases at most, 2,000 x 2,000: seconds, and 64 MB for each matrix of scores."""
PIECE = 20
"""Bases that stay together where the other RNA is shuffled.

Of 210 pairs of different Rfam families 8% then have p <= 0.05, about what chance gives; all have where bases are shuffled one by one.
"""
_BATCH = 8_000_000  # scores of shuffled RNAs that are held at once: 32 MB in float32
_EQUAL, _FLOAT32 = 1e-6, 1e-3  # a deviation that is rounding only; how far sums in float32 may be off


@dataclass(frozen=True, eq=False)
class Alignment:
    """The best local alignment of two RNAs, and how usual its score is.

    Attributes:
        pairs: [P, 2] int64, places (1-based) in the first and the second RNA, ascending; empty when no pair scores above zero.
        cosines: [P] float64, of the pairs.
        score: standard deviations above the background, gaps taken off.
        gaps: bases of either RNA opposite a gap, between the first and the last pair.
        mean, deviation: of the cosines of all pairs of bases, the background.
        shuffled: scores against the second RNA shuffled, in the order drawn.
        p: (1 + shuffled scores at least as high) / (1 + shuffled scores); nan without shuffles. It cannot be below 1 / (1 + shuffles).
        settings: offset, gap costs, shuffles, bases that stayed together, seed.
        key: sha256 of vectors and settings.
    """

    pairs: np.ndarray
    cosines: np.ndarray
    score: float
    gaps: int
    mean: float
    deviation: float
    shuffled: np.ndarray
    p: float
    settings: dict[str, float]
    key: str


def align(
    first: np.ndarray,
    second: np.ndarray,
    *,
    offset: float = OFFSET,
    gap_open: float = GAP_OPEN,
    gap_extend: float = GAP_EXTEND,
    shuffles: int = 50,
    piece: int = PIECE,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Alignment:
    """Aligns the bases of two RNAs locally.

    The scores to compare with are of the second RNA cut into pieces and put in random order. Neighbouring bases have similar vectors, and
    every RNA has strands and loops: against bases shuffled one by one almost any two RNAs would look unusually alike. What is shorter
    than a piece stays whole in a shuffle, so p asks whether more is shared than that.

    Args:
        first: [n, D], vectors of the bases of one RNA in their order.
        second: [m, D], of the other.
        offset: above 0; see the formula above.
        gap_open, gap_extend: what the first and each further base of a gap costs, at least 0.
        shuffles: alignments with the second RNA shuffled; 0 for none.
        piece: bases that stay together in a shuffle, fewer where the second RNA would not make four pieces; 1 shuffles them one by one.
        seed: of the shuffles.
        on_progress: called with (alignments done, alignments in all).
        should_stop: asked between alignments.

    Raises:
        InputError: other widths, numbers that are not finite, no bases, more than :data:`LIMIT` pairs, or settings outside their range.
        Cancelled: ``should_stop`` said so.
    """
    one, two = _bases(first, "first"), _bases(second, "second")
    if one.shape[1] != two.shape[1]:
        raise InputError(f"The bases have {one.shape[1]} numbers in one RNA and {two.shape[1]} in the other; embed both by one network.")
    if len(one) * len(two) > LIMIT:
        raise InputError(f"{len(one):,} x {len(two):,} bases are too many to align; give RNAs or parts with a product of at most {LIMIT:,}.")
    if not offset > 0 or not gap_open >= gap_extend >= 0 or shuffles < 0 or piece < 1:
        raise InputError("An alignment needs an offset above 0, a gap that costs no less to open than to extend, and pieces of at least 1 base.")
    piece = min(piece, max(1, len(two) // 4))
    settings = {"offset": offset, "gap_open": gap_open, "gap_extend": gap_extend, "shuffles": shuffles, "piece": piece, "seed": seed}
    cosines = np.clip(one.astype(np.float64) @ two.T.astype(np.float64), -1.0, 1.0)
    mean, deviation = float(cosines.mean()), float(cosines.std())
    scores = (cosines - mean) / (deviation if deviation > _EQUAL else 1.0) - offset  # all pairs equally alike: none stands out
    score, places, gaps = best_path(scores, gap_open, gap_extend)
    if on_progress:
        on_progress(1, 1 + shuffles)
    shuffled = _shuffled(scores.astype(np.float32), settings, on_progress, should_stop)
    return Alignment(
        pairs=places + 1,
        cosines=cosines[places[:, 0], places[:, 1]],
        score=score,
        gaps=gaps,
        mean=mean,
        deviation=deviation,
        shuffled=shuffled,
        p=float((1 + (shuffled >= score - _FLOAT32).sum()) / (1 + shuffles)) if shuffles else float("nan"),
        settings=settings,
        key=digest_of(first=digest(one.tobytes()), second=digest(two.tobytes()), shapes=[one.shape, two.shape], settings=settings),
    )


def best_path(scores: np.ndarray, gap_open: float, gap_extend: float) -> tuple[float, np.ndarray, int]:
    """The local path with the largest sum through a matrix of scores; of equal ones that which ends in the first row, pairs before gaps.

    Args:
        scores: [n, m] float64.
        gap_open, gap_extend: costs of the first and of each further step of a gap.

    Returns:
        Its sum (0 when no pair scores above zero), its pairs [P, 2] int64, 0-based and ascending, and the steps inside gaps.
    """
    n, m = scores.shape
    best = np.zeros((n + 1, m + 1))  # largest sum of a path that ends here, with a margin of zeros above and to the left
    for row, column, values in _diagonals(scores[None], gap_open, gap_extend):
        first = (row + 1) * (m + 1) + column + 1
        best.reshape(-1)[first : first + (values.shape[1] - 1) * m + 1 : m] = values[0]
    i, j = divmod(int(best.argmax()), m + 1)
    total, gaps, pairs = float(best[i, j]), 0, []
    costs = gap_open + gap_extend * np.arange(max(n, m))
    while best[i, j] > 0:
        across = best[i, j - 1 :: -1] - costs[:j]  # back over 1, 2, ... bases of the second RNA
        down = best[i - 1 :: -1, j] - costs[:i]
        left, up = int(across.argmax()), int(down.argmax())
        if best[i - 1, j - 1] + scores[i - 1, j - 1] >= max(across[left], down[up]) - _EQUAL:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif across[left] >= down[up]:
            j, gaps = j - left - 1, gaps + left + 1
        else:
            i, gaps = i - up - 1, gaps + up + 1
    return total, np.array(pairs[::-1], dtype=np.int64).reshape(-1, 2), gaps


def best_sums(scores: np.ndarray, gap_open: float, gap_extend: float) -> np.ndarray:
    """[K] the sums of :func:`best_path` for K matrices of scores [K, n, m] at once."""
    best = np.zeros(len(scores), dtype=scores.dtype)
    for _, _, values in _diagonals(scores, gap_open, gap_extend):
        np.maximum(best, values.max(axis=1), out=best)
    return best


def _diagonals(scores: np.ndarray, gap_open: float, gap_extend: float) -> Iterator[tuple[int, int, np.ndarray]]:
    """Gotoh's recursion on the anti-diagonals of K matrices [K, n, m], whose cells do not depend on each other.

    Yields the first row of each, its column there (columns fall as rows rise), and [K, L] the largest sum of a path that ends in each cell.
    """
    k, n, m = scores.shape
    flat, stride = scores.reshape(k, n * m), max(m - 1, 1)
    # Place i + 1 holds row i; place 0 and what was never written are the margin.
    before, last, here = (np.zeros((k, n + 1), dtype=scores.dtype) for _ in range(3))
    across, down = (np.full((k, n + 1), -np.inf, dtype=scores.dtype) for _ in range(2))
    for number in range(n + m - 1):
        low, high = max(0, number - m + 1), min(n, number + 1)
        own, above = slice(low + 1, high + 1), slice(low, high)
        first = low * m + number - low
        pair = before[:, above] + flat[:, first : first + (high - low - 1) * stride + 1 : stride]
        across[:, own] = np.maximum(last[:, own] - gap_open, across[:, own] - gap_extend)
        down[:, own] = np.maximum(last[:, above] - gap_open, down[:, above] - gap_extend)
        values = np.maximum(np.maximum(pair, 0), np.maximum(across[:, own], down[:, own]))
        here[:, own] = values
        yield low, number - low, values
        before, last, here = last, here, before


def _shuffled(
    scores: np.ndarray,
    settings: dict[str, float],
    on_progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool] | None,
) -> np.ndarray:
    """[shuffles] float64 best sums with the second RNA in pieces, in random order."""
    n, m = scores.shape
    piece, shuffles = int(settings["piece"]), int(settings["shuffles"])
    draw = np.random.default_rng(int(settings["seed"]))
    found: list[np.ndarray] = []
    size = max(1, _BATCH // (n * m))
    for start in range(0, shuffles, size):
        if should_stop and should_stop():
            raise Cancelled(f"The alignment was stopped after {start} of {shuffles} shuffles.")
        orders = np.stack([_order(draw, m, piece) for _ in range(min(size, shuffles - start))])
        found.append(best_sums(np.ascontiguousarray(scores[:, orders].transpose(1, 0, 2)), settings["gap_open"], settings["gap_extend"]))
        if on_progress:
            on_progress(1 + min(start + size, shuffles), 1 + shuffles)
    return np.concatenate(found).astype(np.float64) if found else np.empty(0)


def _order(draw: np.random.Generator, m: int, piece: int) -> np.ndarray:
    """0 to m - 1, cut into pieces (the first and the last may be shorter) that are put in random order."""
    cuts = np.arange(draw.integers(1, piece + 1), m, piece)
    pieces = np.split(np.arange(m), cuts)
    return np.concatenate([pieces[i] for i in draw.permutation(len(pieces))])


def _bases(vectors: np.ndarray, which: str) -> np.ndarray:
    if not np.size(vectors):
        raise InputError(f"The {which} RNA has no bases to align; give one with a sequence.")
    return unit_rows(checked(vectors, f"The {which} RNA"))
