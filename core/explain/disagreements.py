"""Where measurement, FBA and a network's ranking conflict, and why, as far as the model itself can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.flux_references import LETHAL, References
from core.explain.gene_rules import GeneRules, counted_reactions, gene_rules
from core.explain.measured_ranking import Comparison
from core.metabolic.flux_balance import FLOWING
from core.metabolic.programme import INFEASIBLE
from core.metabolic.rules import closed_by
from core.metabolic.tables import ModelTables

UNKNOWN = "not known"
NAMED = 6
"""Ids listed in a reason before the rest is counted."""


def disagreements(comparison: Comparison, references: References, tables: ModelTables, *, score: str) -> pd.DataFrame:
    """The genes (or reactions) on which measurement, FBA knock-out and a network's ranking do not all agree.

    FBA calls essential what leaves less than :data:`LETHAL` of growth. A ranking has no threshold of its own: it calls as many essential as were
    measured to be, those with the highest score (equal scores in the order of the file).

    Args:
        score: a column of ``comparison.scores``, such as "core: gate".

    Returns:
        Columns id, name, function (names of its reactions), measured, fba, network (bool: essential or not), growth_ratio (FBA), rank (1 is the
        highest score), score, score_seed_sd (over the networks of an ensemble, else nan), conflict (in words), reactions (of the gene, joined by
        commas), isozymes (genes that stand in for it), reason.

    Raises:
        InputError: omics values, which call nothing essential, or a score that is not there.
    """
    if "essential" not in comparison.scores:
        raise InputError(
            "Amounts and changes call nothing essential, so there is no such disagreement; choose a yes or no, or a number with a cut-off."
        )
    if score not in comparison.scores:
        raise InputError(f"There is no score {score!r}; choose one of {', '.join(comparison.labels)}.")
    gene_level = comparison.targets.level == "gene"
    source = references.genes if gene_level else references.reactions
    left = source.set_index("gene" if gene_level else "reaction")["ratio"]
    table = comparison.scores[["id", "name", score]].rename(columns={score: "score"})
    table["score_seed_sd"] = comparison.spreads.get(score, np.nan)
    table["measured"] = comparison.scores["essential"].astype(bool)
    table["growth_ratio"] = table["id"].map(left)
    table = table.dropna(subset=["growth_ratio", "score"])
    table["fba"] = table["growth_ratio"] < LETHAL
    table["rank"] = table["score"].rank(ascending=False, method="first").astype(int)
    table["network"] = table["rank"] <= int(table["measured"].sum())
    agreed = (table["measured"] == table["fba"]) & (table["fba"] == table["network"])
    table = table[~agreed].copy()
    why = _Why(tables, references, gene_level)
    table["conflict"] = [_conflict(m, f, n) for m, f, n in zip(table["measured"], table["fba"], table["network"], strict=True)]
    table["reactions"] = [", ".join(why.reactions(entity)) for entity in table["id"]]
    table["function"] = [why.function(entity) for entity in table["id"]]
    table["isozymes"] = [", ".join(why.isozymes(entity)) for entity in table["id"]]
    table["reason"] = [why.of(entity, bool(f)) for entity, f in zip(table["id"], table["fba"], strict=True)]
    table["_order"] = (table["measured"] == table["fba"]).astype(int)  # a measurement against FBA comes before a network alone
    table = table.sort_values(["_order", "measured", "rank"], ascending=[True, False, True], kind="stable")
    about = ["id", "name", "function"]
    calls = ["measured", "fba", "network", "growth_ratio", "rank", "score", "score_seed_sd", "conflict"]
    return table[[*about, *calls, "reactions", "isozymes", "reason"]].reset_index(drop=True)


def _conflict(measured: bool, fba: bool, network: bool) -> str:
    calls = {"the measurement": measured, "FBA": fba, "the network": network}
    essential = [who for who, call in calls.items() if call]
    others = [who for who, call in calls.items() if not call]
    return f"essential for {' and '.join(essential)}, not for {' and '.join(others)}"


class _Why:
    """Reasons, from rules, fluxes and biomass components."""

    def __init__(self, tables: ModelTables, references: References, gene_level: bool) -> None:
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
        rows = self._rules.reactions_of.get(entity, ()) if self._gene_level else (self._index[entity],)
        return [self._tables.reactions[e] for e in rows if self._counted[e]]

    def function(self, entity: str) -> str:
        names = [self._tables.reaction_names[self._index[r]] or r for r in self.reactions(entity)]
        return _listed(list(dict.fromkeys(names)))

    def isozymes(self, entity: str) -> list[str]:
        if not self._gene_level:
            e = self._index[entity]
            return sorted(self._rules.genes[e]) if self._rules.alternatives(e) > 1 else []
        return sorted({g for r in self.reactions(entity) for g in self._rules.isozymes(self._index[r], entity)} - self._gone)

    def of(self, entity: str, fba: bool) -> str:
        """Why FBA says what it says: that is what the model can tell."""
        return self._needed(entity) if fba else self._spared(entity)

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
        if all(self._blocked[e] for e in closed):
            return f"{names} can carry no flux in this medium"
        if all(self._flux[e] < FLOWING for e in closed):
            return f"the model grows without flux through {names}"
        return f"the model has another route beside {names} (growth ratio {self._knockouts.loc[entity, 'ratio']:.2f})"

    def _called(self, gene: str) -> str:
        symbol = self._symbols.get(gene, "")
        return f"{symbol} ({gene})" if symbol and symbol != gene else gene


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Columns conflict, count, and with_reason: how many of them have a reason that the model can tell."""
    groups = table.groupby("conflict", sort=False)["reason"]
    counts = groups.agg(count="size", with_reason=lambda reasons: int(np.sum(reasons != UNKNOWN)))
    return counts.reset_index().sort_values("count", ascending=False, kind="stable", ignore_index=True)
