"""Pairs of RNAs of one family and of different ones, and how well a score tells them apart.

Alike in length, or length alone would tell; the share of equal alignment columns is known, so that the pairs of a family that are alike in
sequence can be left out: those any k-mer count finds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

LENGTH_MATCH = 0.07
"""Two RNAs are compared when their lengths differ by at most this share of the longer."""
DISTANT, REMOTE = 0.6, 0.5
"""Members whose aligned rows agree in fewer columns than this share are distant, or remote."""
BOOTSTRAPS = 1000


@dataclass(frozen=True, eq=False)
class Pairs:
    """P positives and their negatives: row ``a[i]`` with ``b[i]`` of its family, and with ``other[i]`` of another.

    ``family`` [P] numbers the family of ``a``, which a bootstrap draws by; ``identity`` [P] is that of the positive, nan where no alignment is known.
    """

    a: np.ndarray
    b: np.ndarray
    other: np.ndarray
    family: np.ndarray
    identity: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    def below(self, identity: float) -> Pairs:
        """Positives of less than this identity, with their negatives."""
        kept = self.identity < identity
        return Pairs(self.a[kept], self.b[kept], self.other[kept], self.family[kept], self.identity[kept])


def matched_pairs(
    lengths: np.ndarray,
    families: Sequence[str] | np.ndarray,
    *,
    seed: int,
    groups: Sequence[str] | np.ndarray | None = None,
    alike: Callable[[int, int], float] | None = None,
) -> Pairs:
    """All pairs within families whose lengths match within :data:`LENGTH_MATCH`, and for each a negative: its first member with a random one of
    another family that matches it in length as well.

    Args:
        lengths: [N] nt; families: [N] names.
        groups: [N] names of what is related, like Rfam's clans: members of one group are no negatives of each other. None: the families.
        alike: identity of two rows, from 0 to 1.
    """
    rng = np.random.default_rng(seed)
    names, number = np.unique(np.asarray(families), return_inverse=True)
    group = number if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    found: list[tuple[int, int, int, int, float]] = []
    for family in range(len(names)):
        for a, b in combinations(np.flatnonzero(number == family), 2):
            if not length_match(lengths[a], lengths[b]):
                continue
            strangers = np.flatnonzero((number != family) & (group != group[a]) & length_match(lengths[a], lengths))
            if len(strangers):
                found.append((int(a), int(b), int(rng.choice(strangers)), family, np.nan if alike is None else alike(int(a), int(b))))
    table = np.array(found, dtype=float).reshape(-1, 5)
    a, b, other, family = table[:, :4].astype(np.int64).T
    return Pairs(a, b, other, family, table[:, 4])


def length_match(one: np.ndarray | int, other: np.ndarray | int) -> np.ndarray:
    """Whether lengths (nt) differ by at most :data:`LENGTH_MATCH` of the longer."""
    return np.asarray(np.abs(one - other) <= LENGTH_MATCH * np.maximum(one, other))


def identity(one: str, other: str) -> float:
    """Share of alignment columns in which two rows agree, columns that are gaps in both left out."""
    columns = [(a, b) for a, b in zip(one, other, strict=True) if a not in "-." or b not in "-."]
    return sum(a == b for a, b in columns) / max(1, len(columns))


def auc(related: np.ndarray, strange: np.ndarray) -> float:
    """Probability that a related pair's score is higher than an unrelated pair's, ties counted half; nan without either."""
    from scipy.stats import rankdata

    if not len(related) or not len(strange):
        return float("nan")
    ranks = rankdata(np.concatenate([related, strange]))[: len(related)].sum()
    return float((ranks - len(related) * (len(related) + 1) / 2) / (len(related) * len(strange)))


@dataclass(frozen=True)
class Auc:
    """An AUC with its 95% interval over families drawn again, and the number of positives and families it rests on."""

    value: float
    low: float
    high: float
    pairs: int
    families: int


def auc_over_families(related: np.ndarray, strange: np.ndarray, family: np.ndarray, *, seed: int = 0, draws: int = BOOTSTRAPS) -> Auc:
    """AUC of scores of positives and of negatives [P], with a bootstrap over the families [P] they belong to.

    Members of a family are not independent, families are: each draw takes as many families as there are, with replacement, and all pairs of each.
    """
    names, number = np.unique(family, return_inverse=True)
    if not len(names):
        return Auc(float("nan"), float("nan"), float("nan"), 0, 0)
    wins = _wins(related, strange, number, len(names))
    size = np.bincount(number, minlength=len(names)).astype(float)
    rng = np.random.default_rng(seed)
    weights = np.stack([np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)) for _ in range(draws)]).astype(float)
    drawn = np.einsum("df,fg,dg->d", weights, wins, weights) / (weights @ size) ** 2
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Auc(auc(related, strange), float(low), float(high), len(related), len(names))


def _wins(related: np.ndarray, strange: np.ndarray, family: np.ndarray, count: int) -> np.ndarray:
    """[F, F] how many positives of a family beat how many negatives of another, ties counted half."""
    order = np.argsort(strange, kind="stable")
    by_family = np.zeros((len(strange) + 1, count))
    np.cumsum(np.eye(count)[family[order]], axis=0, out=by_family[1:])
    below, upto = (np.searchsorted(strange[order], related, side=side) for side in ("left", "right"))
    beaten = (by_family[below] + by_family[upto]) / 2
    wins = np.zeros((count, count))
    np.add.at(wins, family, beaten)
    return wins


class Hits(NamedTuple):
    """``queries`` [Q] rows that were asked about, and for each k whether it was a hit [Q]."""

    queries: np.ndarray
    near: dict[int, np.ndarray]


def hits(
    scores: Callable[[int], np.ndarray],
    families: Sequence[str] | np.ndarray,
    *,
    groups: Sequence[str] | np.ndarray | None = None,
    alike: Callable[[int, int], float] | None = None,
    within: float = DISTANT,
    k: Sequence[int] = (1, 5),
    least: int = 3,
) -> Hits:
    """Whether a member of a query's family is among its nearest k neighbours, for every RNA of a family of ``least`` members or more.

    Members that are alike (an identity of ``within`` or more) are taken away first, and a query is left out when none remain; so are members of other
    families of its group, which would be neither right nor wrong.

    Args:
        scores: of a row, its scores [N] with all rows; higher is nearer.
    """
    queries: list[int] = []
    family, group = np.asarray(families), np.asarray(families if groups is None else groups)
    found: dict[int, list[bool]] = {count: [] for count in k}
    for row in range(len(family)):
        own = np.flatnonzero(family == family[row])
        if len(own) < least:
            continue
        relatives = [o for o in own if o != row and (alike is None or alike(row, int(o)) < within)]
        if not relatives:
            continue
        allowed = group != group[row]
        allowed[relatives] = True
        candidates = np.flatnonzero(allowed)
        order = candidates[np.argsort(-scores(row)[candidates], kind="stable")]
        near = np.isin(order[: max(k)], relatives)
        queries.append(row)
        for count in k:
            found[count].append(bool(near[:count].any()))
    return Hits(np.array(queries, dtype=np.int64), {count: np.array(values) for count, values in found.items()})
