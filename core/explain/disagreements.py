"""Where measurement, FBA and a network's ranking conflict, and why, as far as the model itself can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.flux_references import LETHAL, References
from core.explain.measured_ranking import Comparison
from core.explain.reasons import UNKNOWN, Reasons
from core.metabolic.tables import ModelTables


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
    why = Reasons(tables, references, gene_level=gene_level)
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


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Columns conflict, count, and with_reason: how many of them have a reason that the model can tell."""
    groups = table.groupby("conflict", sort=False)["reason"]
    counts = groups.agg(count="size", with_reason=lambda reasons: int(np.sum(reasons != UNKNOWN)))
    return counts.reset_index().sort_values("count", ascending=False, kind="stable", ignore_index=True)
