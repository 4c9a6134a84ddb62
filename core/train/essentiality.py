"""Does a network know which reactions growth needs? Its own knock-outs against those of flux balance analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.metabolic.condition import apply_condition
from core.metabolic.tables import ModelTables
from core.models.network import ReactionNetwork
from core.train.arrays import predict_samples
from core.train.metrics import ESSENTIAL, average_precision
from core.train.samples import Samples


@dataclass(frozen=True, eq=False)
class Essentiality:
    """Single knock-outs of N gene-associated reactions on a model's own medium.

    ``essential`` [N] bool: flux balance analysis leaves less than 1% of the growth; ``degree`` [N]; ``knockouts``: the conditions, solved.
    """

    reactions: tuple[str, ...]
    essential: np.ndarray
    degree: np.ndarray
    knockouts: Samples

    def figures(self, network: ReactionNetwork, tables: ModelTables, device: str = "cpu") -> dict[str, Any]:
        """Average precision of the network's predicted loss of growth and of |predicted flux|, beside degree and the share that is essential."""
        growth, fluxes = predict_samples(network, tables, self.knockouts, device=device)
        own = [tables.reaction_index()[r] for r in self.reactions]
        # The flux each reaction carries while another is knocked out, averaged over all of them but its own knock-out.
        size = (np.abs(fluxes[:, own]).sum(0) - np.abs(fluxes[np.arange(len(own)), own])) / max(1, len(own) - 1)
        return {
            "reactions": len(self.reactions),
            "share_essential": float(self.essential.mean()),
            "ap_knockout": average_precision(self.essential, -growth),
            "ap_flux": average_precision(self.essential, size),
            "ap_degree": average_precision(self.essential, self.degree),
        }


def gene_associated(tables: ModelTables) -> list[str]:
    """Reactions with a gene rule that are no exchange, no biomass and not ATP maintenance."""
    return [
        r
        for e, r in enumerate(tables.reactions)
        if tables.gprs[e] and not tables.exchange[e] and not tables.objective[e] and "biomass" not in r.lower() and r != "ATPM"
    ]


def essentiality(tables: ModelTables) -> Essentiality:
    """The truth by flux balance analysis (see :func:`core.metabolic.knockout_growth`)."""
    from core.metabolic import knockout_growth

    chosen = gene_associated(tables)
    table = knockout_growth(tables, reactions=chosen)  # type: ignore[arg-type]
    lost = table["ratio"].fillna(0.0).to_numpy() < ESSENTIAL
    base = apply_condition(tables)
    rows = np.array([tables.reaction_index()[r] for r in chosen])
    lower, upper, closed = (np.tile(a, (len(chosen), 1)) for a in (base.lower, base.upper, base.knocked_out))
    each = np.arange(len(chosen))
    lower[each, rows] = upper[each, rows] = 0.0
    closed[each, rows] = True
    samples = Samples(
        lower,
        upper,
        closed,
        np.tile(base.uptake, (len(chosen), 1)),
        np.full(len(chosen), int(np.argmax(base.objective))),
        table["growth"].fillna(0.0).to_numpy(),
        np.zeros_like(lower),
    )
    degree = np.bincount(tables.cols, minlength=len(tables.reactions))[rows]
    return Essentiality(tuple(chosen), lost, degree, samples)
