"""A model under a condition with fewer variables: the same flux distributions, many times cheaper to solve again and again.

Reactions that cannot flow are left out, and where a metabolite has just two reactions, the flux of one is a multiple of the other's: both become
one group, until no such metabolite is left. What is joined is part of the enzyme subsets of Pfeiffer et al., Bioinformatics 15:251 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.metabolic.condition import ConditionBounds
from core.metabolic.flux_balance import dead_ends
from core.metabolic.tables import ModelTables

if TYPE_CHECKING:
    from scipy.sparse import csc_matrix, csr_matrix

_CANCELLED = 1e-10  # share of its terms below which a sum of coefficients is rounding


@dataclass(frozen=True, eq=False)
class Compressed:
    """G groups of reactions instead of a model's E reactions: flux of a reaction = its ratio x flux of its group.

    Attributes:
        tables: the groups as reactions, without names and annotations.
        lower, upper, objective: [G], as in :class:`core.metabolic.condition.ConditionBounds`.
        group: [E] the group of each reaction, -1 where it cannot flow.
        ratio: [E], of size at most 1; 0 where it cannot flow.
        forced: [E] bool, True where the reaction's own bounds leave no zero flux.
    """

    tables: ModelTables
    lower: np.ndarray
    upper: np.ndarray
    objective: np.ndarray
    group: np.ndarray
    ratio: np.ndarray
    forced: np.ndarray

    def groups_of(self, reactions: tuple[int, ...]) -> tuple[int, ...]:
        """The groups of reactions by their rows, each once, without those that cannot flow."""
        found = np.unique(self.group[list(reactions)])
        return tuple(found[found >= 0].tolist())


def compress(tables: ModelTables, bounds: ConditionBounds) -> Compressed:
    """The groups of a model under a condition."""
    from scipy.sparse import csc_matrix, csr_matrix

    forced = (bounds.lower > 0) | (bounds.upper < 0)
    count = len(tables.reactions)
    # A forced reaction that cannot flow stays: it makes the condition infeasible, and its loss would not.
    kept = np.flatnonzero(~dead_ends(tables, bounds) | forced)
    matrix = csr_matrix((tables.stoich, (tables.rows, tables.cols)), shape=tables.shape[:2])
    member = csc_matrix((np.ones(len(kept)), (kept, np.arange(len(kept)))), shape=(count, len(kept)))
    while True:
        balance = _balance(matrix, member)
        joined = _joined(balance)
        if joined is None:
            break
        member = (member @ joined).tocsc()
    groups = member.shape[1]
    reactions, of, ratios = member.indices, np.repeat(np.arange(groups), np.diff(member.indptr)), member.data
    group, ratio = np.full(count, -1), np.zeros(count)
    group[reactions], ratio[reactions] = of, ratios
    lower, upper = np.full(groups, -np.inf), np.full(groups, np.inf)
    first, second = bounds.lower[reactions] / ratios, bounds.upper[reactions] / ratios
    np.maximum.at(lower, of, np.where(ratios > 0, first, second))
    np.minimum.at(upper, of, np.where(ratios > 0, second, first))
    objective = np.bincount(of, weights=ratios * bounds.objective[reactions], minlength=groups)
    return Compressed(_small_tables(tables, balance, objective), lower, upper, objective, group, ratio, forced)


def _small_tables(tables: ModelTables, balance: csr_matrix, objective: np.ndarray) -> ModelTables:
    """The groups as the reactions of a model that has only what a linear programme needs."""
    used = np.flatnonzero(np.diff(balance.indptr))
    entries = balance[used].tocsc().tocoo()
    changed: dict[str, Any] = {name: () for name in ModelTables.__dataclass_fields__ if isinstance(getattr(tables, name), tuple)}
    changed |= {"metabolites": tuple(tables.metabolites[v] for v in used), "reactions": tuple(map(str, range(len(objective))))}
    changed |= {"rows": entries.row, "cols": entries.col, "stoich": entries.data, "objective": objective}
    return replace(tables, **changed)


def _balance(matrix: csr_matrix, member: csc_matrix) -> csr_matrix:
    """[V, G] coefficients of the groups, sums that cancel set to nothing."""
    balance, size = (matrix @ member).tocsr(), (abs(matrix) @ abs(member)).tocsr()
    kept = (abs(balance) > _CANCELLED * size).astype(float)
    return balance.multiply(kept).tocsr()


def _joined(balance: csr_matrix) -> csc_matrix | None:
    """[G, fewer] ratio of each group to the one it joins: disjoint pairs that a metabolite ties together; None when there is none."""
    from scipy.sparse import csc_matrix

    groups = balance.shape[1]
    into, ratio, paired = np.arange(groups), np.ones(groups), np.zeros(groups, dtype=bool)
    for metabolite in np.flatnonzero(np.diff(balance.indptr) == 2):
        here = slice(balance.indptr[metabolite], balance.indptr[metabolite + 1])
        (a, b), (in_a, in_b) = balance.indices[here], balance.data[here]
        if paired[a] or paired[b]:
            continue
        larger, smaller, share = (a, b, -in_a / in_b) if abs(in_a) <= abs(in_b) else (b, a, -in_b / in_a)
        into[smaller], ratio[smaller] = larger, share  # the larger flux stands for both, so that no tolerance grows
        paired[a] = paired[b] = True
    if not paired.any():
        return None
    stays = np.flatnonzero(into == np.arange(groups))
    place = np.empty(groups, dtype=int)
    place[stays] = np.arange(len(stays))
    return csc_matrix((ratio, (np.arange(groups), place[into])), shape=(groups, len(stays)))
