"""What a condition rules out by dead ends alone, without solving anything.

At steady state a reaction that uses a metabolite needs another one that makes it, and the other way round. Taking away the directions for which there
is none, again and again until nothing changes, leaves the directions dead ends do not rule out (gap propagation, as in Kumar et al., 2007,
`doi:10.1186/1471-2105-8-212 <https://doi.org/10.1186/1471-2105-8-212>`_). It is a necessary condition only: what is left may still carry no flux.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.metabolic.condition import ConditionBounds
from core.metabolic.tables import ModelTables

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def live_directions(tables: ModelTables, bounds: ConditionBounds) -> tuple[np.ndarray, np.ndarray]:
    """[..., E] bool each: whether a reaction may run forward, and backward, as far as bounds and dead ends say.

    Sound: a direction that is False carries no flux in any steady state within the bounds.
    """
    at_reaction, at_metabolite = _incidences(tables)
    shape = bounds.lower.shape
    forward, backward = (m.reshape(-1, shape[-1]).T for m in (bounds.upper > 0, bounds.lower < 0))
    used_forward = (tables.stoich < 0)[:, None]
    while True:
        ahead, back = forward[tables.cols], backward[tables.cols]
        makes, uses = np.where(used_forward, back, ahead).astype(np.float32), np.where(used_forward, ahead, back).astype(np.float32)
        unmade = (at_metabolite @ makes)[tables.rows] - makes < 0.5  # no other reaction makes what this one might use
        unused = (at_metabolite @ uses)[tables.rows] - uses < 0.5
        stopped = (at_reaction @ np.where(used_forward, unmade, unused).astype(np.float32)) > 0
        stopped_back = (at_reaction @ np.where(used_forward, unused, unmade).astype(np.float32)) > 0
        left, left_back = forward & ~stopped, backward & ~stopped_back
        if left.sum() == forward.sum() and left_back.sum() == backward.sum():
            return forward.T.reshape(shape), backward.T.reshape(shape)
        forward, backward = left, left_back


@lru_cache(maxsize=4)
def _incidences(tables: ModelTables) -> tuple[csr_matrix, csr_matrix]:
    """[E, K] and [V, K], 1 where an incidence is the reaction's, and the metabolite's."""
    from scipy.sparse import csr_matrix

    count = len(tables.rows)
    reaction, metabolite = (
        csr_matrix((np.ones(count, dtype=np.float32), (of, np.arange(count))), shape=(size, count))
        for of, size in ((tables.cols, len(tables.reactions)), (tables.rows, len(tables.metabolites)))
    )
    return reaction, metabolite
