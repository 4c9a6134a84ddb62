"""Folding a long RNA by its local pairs: probabilities in a sliding window, then the structure of maximum expected accuracy.

Bernhart, Hofacker & Stadler (2006), Local RNA base pairing probabilities in large sequences, Bioinformatics 22:614.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputError
from core.rna.folding import FoldResult, eval_only
from core.rna.records import RnaRecord, dot_bracket

if TYPE_CHECKING:
    import RNA

NARROWEST, WIDEST = 20, 600
"""Bounds of the window, nt."""
DENSE_LIMIT = 4000
"""Longest sequence whose pair probabilities are returned as a matrix (64 MB there)."""

_LEAST = 1e-3  # pairs below this probability are not considered

Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]
"""0-based i < j and the probability, one entry per pair, ascending."""


def local_fold(record: RnaRecord, window: int, details: RNA.md) -> FoldResult:
    """The structure of maximum expected accuracy among pairs at most three quarters of ``window`` apart.

    A sequence no longer than the window is one window, and every pair is considered.

    ``method`` names the window. ``energy`` is that of the whole structure, ``entropy`` and ``ensemble_defect`` follow from
    the local probabilities, and there is no ensemble energy: the windows are ensembles of their own.

    Args:
        record: the RNA, of any length.
        window: nt over which probabilities are averaged, :data:`NARROWEST` to :data:`WIDEST`.
        details: ViennaRNA's settings; window and span are set here.

    Raises:
        InputError: the window is out of bounds.
    """
    if not NARROWEST <= window <= WIDEST:
        raise InputError(f"A window of {window:,} bases is not possible; choose one from {NARROWEST} to {WIDEST}.")
    n = record.length
    span = n if n <= window else window * 3 // 4
    window = min(window, n)
    found = _probabilities(record.sequence, window, span, details)
    i, j, p = found
    chosen = most_accurate(found, n, span)
    structure = dot_bracket(chosen, n)
    paired = np.bincount(i, p, n) + np.bincount(j, p, n)
    notes: tuple[str, ...] = (f"Only pairs at most {span:,} bases apart are considered, each averaged over windows of {window:,} bases.",)
    dense = None
    if n <= DENSE_LIMIT:
        dense = np.zeros((n, n), dtype=np.float32)
        dense[i, j] = dense[j, i] = p
    else:
        notes = (*notes, f"Pair probabilities are not kept as a matrix beyond {DENSE_LIMIT:,} bases.")
    return FoldResult(
        structure=structure,
        energy=round(float(eval_only(record.sequence, details).eval_structure(structure)), 2),
        method=f"mea, windows of {window} nt",
        temperature=details.temperature,
        ensemble_defect=_defect(chosen, found, paired),
        entropy=_entropy(found, paired, n),
        pair_probabilities=dense,
        notes=notes,
    )


def most_accurate(pairs: Pairs, n: int, span: int) -> list[tuple[int, int]]:
    """The nested pairs with the greatest sum of 2 p(i, j) over pairs plus the unpaired probability over the other bases.

    Args:
        pairs: candidates; j - i < ``span`` + 1 and at least four.
        n: number of bases.
        span: greatest j - i.

    Returns:
        0-based (i, j). Time grows with the number of candidates times ``span``, memory with n times ``span``.

    Source: Lu, Gloor & Mathews (2009), RNA 15:1805, with gamma 1.
    """
    i, j, p = pairs
    alone = np.clip(1 - np.bincount(i, p, n) - np.bincount(j, p, n), 0, 1)
    inside = np.zeros((n + 2, span + 2), dtype=np.float64)  # inside[a, m]: best of the m bases from a on
    rest = np.zeros(n + 2)  # rest[a]: best of all bases from a on
    starts = np.searchsorted(i, np.arange(n + 1))
    for a in range(n - 1, -1, -1):
        inside[a, 1:] = alone[a] + inside[a + 1, :-1]
        rest[a] = alone[a] + rest[a + 1]
        for at in range(starts[a], starts[a + 1]):
            size = j[at] - a + 1
            gain = 2 * p[at] + inside[a + 1, size - 2]
            np.maximum(inside[a, size:], gain + inside[j[at] + 1, : span + 2 - size], out=inside[a, size:])
            rest[a] = max(rest[a], gain + rest[j[at] + 1])
    chosen, tasks = [], [(0, -1)]  # stretches still to trace: first base and number of bases, -1 to the end
    while tasks:
        a, size = tasks.pop()
        while a < n and size != 0:
            best = rest[a] if size < 0 else inside[a, size]
            next_best = rest[a + 1] if size < 0 else inside[a + 1, size - 1]
            if best <= alone[a] + next_best + 1e-12:
                a, size = a + 1, size - (size > 0)
                continue
            at = _reaches(best, a, size, pairs, starts, inside, rest)
            length = int(j[at]) - a + 1
            chosen.append((a, int(j[at])))
            tasks.append((a + 1, length - 2))
            a, size = a + length, size - length if size > 0 else size
    return chosen


def _reaches(best: float, a: int, size: int, pairs: Pairs, starts: np.ndarray, inside: np.ndarray, rest: np.ndarray) -> int:
    """The candidate from base ``a`` whose choice gives ``best`` (up to rounding)."""
    _, j, p = pairs

    def value(at: int) -> float:
        length = j[at] - a + 1
        after = rest[j[at] + 1] if size < 0 else inside[j[at] + 1, size - length]
        return float(2 * p[at] + inside[a + 1, length - 2] + after)

    fitting = [at for at in range(starts[a], starts[a + 1]) if size < 0 or j[at] - a + 1 <= size]
    return min(fitting, key=lambda at: abs(value(at) - best))


def _probabilities(sequence: str, window: int, span: int, details: RNA.md) -> Pairs:
    """Local pair probabilities by ViennaRNA, as its RNAplfold computes them."""
    import RNA

    details.window_size, details.max_bp_span = window, span
    rows: list[tuple[int, int, float]] = []

    def collect(values: Any, size: int, i: int, most: int, what: int, rows: list[tuple[int, int, float]]) -> None:
        rows.extend((i - 1, j - 1, value) for j, value in enumerate(values) if value is not None and value > _LEAST)

    RNA.fold_compound(sequence, details, RNA.OPTION_WINDOW).probs_window(0, RNA.PROBS_WINDOW_BPP, collect, rows)
    rows.sort()
    i, j, p = (np.array(column) for column in zip(*rows)) if rows else (np.zeros(0, int), np.zeros(0, int), np.zeros(0))
    return i, j, p


def _entropy(pairs: Pairs, paired: np.ndarray, n: int) -> np.ndarray:
    """[n] bits: the entropy of each base's partner, "none" included."""
    i, j, p = pairs
    terms = -p * np.log2(p)
    alone = np.clip(1 - paired, 1e-300, 1)
    return np.maximum(np.bincount(i, terms, n) + np.bincount(j, terms, n) - alone * np.log2(alone), 0.0)


def _defect(chosen: list[tuple[int, int]], pairs: Pairs, paired: np.ndarray) -> float:
    """Expected share of bases that pair otherwise than in the structure of the pairs ``chosen``."""
    probability = {(i, j): p for i, j, p in zip(*(column.tolist() for column in pairs))}
    alone = np.clip(1 - paired, 0, 1)
    alone[[place for pair in chosen for place in pair]] = 0
    return float(np.clip(1 - (2 * sum(probability[pair] for pair in chosen) + alone.sum()) / len(paired), 0, 1))
