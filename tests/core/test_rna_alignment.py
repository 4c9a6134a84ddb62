"""Local alignment of bases: the textbook's recursion gives the same scores, a planted segment is found, and chance stays chance."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import Cancelled, InputError
from core.rna import alignment
from core.rna.alignment import align, best_path, best_sums


def textbook(scores: np.ndarray, gap_open: float, gap_extend: float) -> float:
    """Gotoh's recursion, cell by cell."""
    n, m = scores.shape
    best = np.zeros((n + 1, m + 1))
    across, down = np.full((n + 1, m + 1), -np.inf), np.full((n + 1, m + 1), -np.inf)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            across[i, j] = max(best[i, j - 1] - gap_open, across[i, j - 1] - gap_extend)
            down[i, j] = max(best[i - 1, j] - gap_open, down[i - 1, j] - gap_extend)
            best[i, j] = max(0, best[i - 1, j - 1] + scores[i - 1, j - 1], across[i, j], down[i, j])
    return float(best.max())


def worth(scores: np.ndarray, pairs: np.ndarray, gap_open: float, gap_extend: float) -> tuple[float, int]:
    """Score and gap bases of given pairs, counted anew."""
    skipped = [int(length) for step in np.diff(pairs, axis=0) - 1 for length in step if length]
    return scores[pairs[:, 0], pairs[:, 1]].sum() - sum(gap_open + gap_extend * (length - 1) for length in skipped), sum(skipped)


@pytest.mark.parametrize(("gap_open", "gap_extend"), [(0.0, 0.0), (0.5, 0.1), (1.0, 1.0), (3.0, 0.5)])
def test_scores_are_the_textbooks_and_the_path_is_worth_its_score(gap_open: float, gap_extend: float) -> None:
    draw = np.random.default_rng(0)
    gapped = 0
    for _ in range(40):
        scores = draw.normal(-0.2, 1, size=draw.integers(1, 22, size=2))
        score, pairs, gaps = best_path(scores, gap_open, gap_extend)
        assert score == pytest.approx(textbook(scores, gap_open, gap_extend))
        assert best_sums(scores[None], gap_open, gap_extend)[0] == pytest.approx(score)
        assert (np.diff(pairs, axis=0) >= 1).all()
        if len(pairs):
            assert (score, gaps) == pytest.approx(worth(scores, pairs, gap_open, gap_extend))
        gapped += gaps
    assert gapped or gap_open == 3.0


def test_many_matrices_at_once_are_each_alone() -> None:
    scores = np.random.default_rng(1).normal(-0.3, 1, size=(6, 9, 14))
    assert best_sums(scores, 1.0, 0.5) == pytest.approx([textbook(one, 1.0, 0.5) for one in scores])


def test_nothing_above_zero_aligns_nothing() -> None:
    score, pairs, gaps = best_path(np.full((3, 4), -1.0), 1, 1)
    assert (score, len(pairs), gaps) == (0, 0, 0)


def planted(n: int = 60, m: int = 70, d: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Two RNAs of unrelated bases, but bases 11-40 of the first are bases 31-62 of the second with two (46, 47) put in."""
    draw = np.random.default_rng(2)
    first, second = draw.normal(size=(n, d)), draw.normal(size=(m, d))
    second[30:45], second[47:62] = first[10:25], first[25:40]
    return first, second


def test_a_planted_segment_is_found_with_its_gap() -> None:
    first, second = planted()
    found = align(first, second, piece=5)
    inside = [(i, i + 20) for i in range(11, 26)] + [(i, i + 22) for i in range(26, 41)]
    assert set(inside) <= set(map(tuple, found.pairs.tolist())) and len(found.pairs) <= len(inside) + 4
    assert found.cosines[[tuple(pair) in inside for pair in found.pairs.tolist()]] == pytest.approx(np.ones(30))
    assert found.gaps >= 2
    assert found.p == pytest.approx(1 / 51) and len(found.shuffled) == 50 and found.shuffled.max() < found.score
    turned = align(second, first, shuffles=0)
    assert turned.pairs[:, ::-1].tolist() == found.pairs.tolist() and turned.score == pytest.approx(found.score)
    assert np.isnan(turned.p)


def test_the_score_follows_its_formula() -> None:
    first, second = planted()
    found = align(first, second, offset=0.8, gap_open=2.0, gap_extend=0.3, shuffles=0)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (first, second)]
    cosines = unit[0] @ unit[1].T
    assert (found.mean, found.deviation) == pytest.approx((cosines.mean(), cosines.std()), abs=1e-6)
    scores = (cosines - cosines.mean()) / cosines.std() - 0.8
    assert found.score == pytest.approx(worth(scores, found.pairs - 1, 2.0, 0.3)[0], rel=1e-5)
    assert found.score == pytest.approx(textbook(scores, 2.0, 0.3), rel=1e-5)


def test_unrelated_bases_are_not_unusual() -> None:
    """p of 40 unrelated pairs is spread over 0 to 1, as that of a fair test is."""
    draw = np.random.default_rng(5)
    p = [align(draw.normal(size=(30, 8)), draw.normal(size=(34, 8)), piece=1, shuffles=39, seed=i).p for i in range(40)]
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.1) < 0.25


def test_shuffles_are_seeded_keep_pieces_and_are_the_same_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = planted()
    found = align(first, second, seed=3)
    assert np.array_equal(found.shuffled, align(first, second, seed=3).shuffled)
    assert not np.array_equal(found.shuffled, align(first, second, seed=4).shuffled)
    monkeypatch.setattr(alignment, "_BATCH", 3 * 60 * 70)
    assert align(first, second, seed=3).shuffled == pytest.approx(found.shuffled)
    order = alignment._order(np.random.default_rng(0), 70, 10)
    assert sorted(order) == list(range(70)) and order.tolist() != list(range(70))
    assert (np.diff(order) != 1).sum() <= 7
    assert align(first, second[:40], shuffles=1).settings["piece"] == 10


def test_the_key_follows_vectors_and_settings() -> None:
    first, second = planted()
    key = align(first, second, shuffles=0).key
    assert key == align(first, second, shuffles=0).key
    assert key not in {align(second, first, shuffles=0).key, align(first, second, shuffles=0, offset=0.7).key}


def test_equal_bases_everywhere_align_nothing() -> None:
    found = align(np.ones((5, 3)), np.ones((6, 3)), shuffles=5)
    assert (found.score, len(found.pairs), found.p) == (0, 0, 1.0)


def test_progress_and_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = planted()
    monkeypatch.setattr(alignment, "_BATCH", 20 * 60 * 70)
    told: list[tuple[int, int]] = []
    align(first, second, on_progress=lambda i, n: told.append((i, n)))
    assert told == [(1, 51), (21, 51), (41, 51), (51, 51)]
    answers = iter([False, True])
    with pytest.raises(Cancelled, match="after 20 of 50 shuffles"):
        align(first, second, should_stop=lambda: next(answers))


def test_what_cannot_be_aligned_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = planted()
    with pytest.raises(InputError, match="16 numbers in one RNA and 3 in the other"):
        align(first, np.ones((4, 3)))
    with pytest.raises(InputError, match="second RNA has no bases"):
        align(first, np.empty((0, 16)))
    with pytest.raises(InputError, match="first RNA holds 1 vectors with numbers that are not finite"):
        align(np.vstack([first, np.full(16, np.nan)]), second)
    for wrong in ({"offset": 0}, {"gap_open": 0.1}, {"gap_extend": -1}, {"shuffles": -1}, {"piece": 0}):
        with pytest.raises(InputError, match="an offset above 0"):
            align(first, second, **wrong)
    monkeypatch.setattr(alignment, "LIMIT", 4199)
    with pytest.raises(InputError, match="60 x 70 bases are too many"):
        align(first, second)
