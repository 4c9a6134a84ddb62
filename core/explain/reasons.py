"""Why flux balance analysis can or cannot do without a gene or a reaction, as far as the model itself can tell."""

from __future__ import annotations

from core.explain.flux_references import References
from core.explain.gene_rules import GeneRules, counted_reactions, gene_rules
from core.metabolic.flux_balance import FLOWING
from core.metabolic.programme import INFEASIBLE
from core.metabolic.rules import closed_by
from core.metabolic.tables import ModelTables

UNKNOWN = "not known"
NAMED = 6
"""Ids listed in a reason before the rest is counted."""


class Reasons:
    """Reasons for what FBA says of losing a gene or a reaction, from rules, fluxes and biomass components.

    Args:
        references: of the condition. gene_level: entities are genes, else reactions.
    """

    def __init__(self, tables: ModelTables, references: References, *, gene_level: bool) -> None:
        self._tables, self._gene_level = tables, gene_level
        self._gone = frozenset(references.lost_genes)
        self._rules: GeneRules = gene_rules(tables)
        self._counted = counted_reactions(tables)
        self._index = tables.reaction_index()
        self._flux = references.reactions["flux"].abs().to_numpy()
        self._blocked = references.reactions["blocked"].to_numpy(dtype=bool)
        self._symbols = dict(zip(tables.genes, tables.gene_names, strict=True))
        self._knockouts = references.genes.set_index("gene") if gene_level else references.reactions.set_index("reaction")

    def reactions(self, entity: str) -> list[str]:
        """The reactions that count of a gene, or the reaction itself where it counts."""
        rows = self._rules.reactions_of.get(entity, ()) if self._gene_level else (self._index[entity],)
        return [self._tables.reactions[e] for e in rows if self._counted[e]]

    def function(self, entity: str) -> str:
        """The names of its reactions."""
        names = [self._tables.reaction_names[self._index[r]] or r for r in self.reactions(entity)]
        return _listed(list(dict.fromkeys(names)))

    def isozymes(self, entity: str) -> list[str]:
        """The genes that stand in for a gene; of a reaction all genes of its rule, where that offers more than one enzyme."""
        if not self._gene_level:
            e = self._index[entity]
            return sorted(self._rules.genes[e]) if self._rules.alternatives(e) > 1 else []
        return sorted({g for r in self.reactions(entity) for g in self._rules.isozymes(self._index[r], entity)} - self._gone)

    def closing_genes(self, reaction: str) -> list[str]:
        """The genes whose loss alone closes a reaction: no other stands in for them in its rule."""
        e = self._index[reaction]
        return sorted(g for g in self._rules.genes[e] if not self._rules.isozymes(e, g))

    def of(self, entity: str, fba: bool) -> str:
        """Why FBA says what it says: that is what the model can tell."""
        return self._needed(entity) if fba else self._spared(entity)

    def blocked(self, entity: str) -> bool:
        """Whether nothing that it closes can carry a flux in this condition."""
        return all(self._blocked[e] for e in self._closed(entity))

    def idle(self, entity: str) -> bool:
        """Whether nothing that it closes carries a flux in the optimum of least total flux."""
        return all(self._flux[e] < FLOWING for e in self._closed(entity))

    def _closed(self, entity: str) -> list[int]:
        """What it closes, beside what the condition's lost genes closed before."""
        if not self._gene_level:
            return [self._index[entity]]
        return sorted(set(closed_by(self._tables, {entity, *self._gone})) - set(closed_by(self._tables, self._gone)))

    def _needed(self, entity: str) -> str:
        """Why the model cannot grow without it."""
        closed = _listed([self._tables.reactions[e] for e in self._closed(entity)])
        row = self._knockouts.loc[entity]
        if row["components_lost"]:
            return f"without {closed} the model cannot make {_listed(row['components_lost'].split(', '))}, which its biomass needs"
        if row["status"] == INFEASIBLE:
            return f"without {closed} the model cannot carry a flux it is forced to (such as ATP maintenance)"
        return UNKNOWN

    def _spared(self, entity: str) -> str:
        """Why the model grows without it."""
        mine = [self._index[r] for r in self.reactions(entity)]
        closed = self._closed(entity)
        names = _listed([self._tables.reactions[e] for e in (closed or mine)])
        if not closed:
            return f"isozymes ({_listed([self._called(g) for g in self.isozymes(entity)])}) keep {names}"
        if self.blocked(entity):
            return f"{names} can carry no flux in this medium"
        if self.idle(entity):
            return f"the model grows without flux through {names}"
        return f"the model has another route beside {names} (growth ratio {self._knockouts.loc[entity, 'ratio']:.2f})"

    def _called(self, gene: str) -> str:
        symbol = self._symbols.get(gene, "")
        return f"{symbol} ({gene})" if symbol and symbol != gene else gene


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
