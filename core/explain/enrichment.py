"""Which pathways stand at the top of a ranking of reactions more often than chance puts them there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import InputError

TOP = 100
"""Reactions at the top of a genome-scale ranking, unless asked for otherwise."""


def usual_top(background: int) -> int:
    """How many reactions to look at when nothing else is asked for: :data:`TOP`, of a small model a fifth."""
    return max(1, min(TOP, background // 5))


@dataclass(frozen=True, eq=False)
class Enrichment:
    """Pathways at the top of a ranking.

    Attributes:
        table: one row per pathway, the least p first: ``pathway``, ``in_top`` (k), ``size`` (K), ``expected`` (n K / N), ``fold`` (k / expected),
            ``p``, ``q`` and ``reactions`` (those at the top, joined by commas).
        top: reactions at the top (n); background: reactions in all (N).
    """

    table: pd.DataFrame
    top: int
    background: int


def pathway_enrichment(reactions: Sequence[str], scores: np.ndarray, pathways: Sequence[str], *, top: int) -> Enrichment:
    """Over-representation of pathways among the ``top`` reactions, by the hypergeometric distribution.

    The background is the reactions given: of N of them, n at the top, K in the pathway, k in both, p = P(X >= k) for X hypergeometric (Fisher's
    exact test, one-sided); q is p after Benjamini and Hochberg (1995) over all pathways with a reaction in the background.

    Args:
        reactions, pathways: N ids and the pathway of each. scores: [N], the highest first; reactions without a score (nan) are left out.
        top: how many reactions are wanted at the top. All with the score of the last one are at the top too, so n may be larger: an order
            among equals would be arbitrary.

    Raises:
        InputError: nothing is left outside the top.
    """
    from scipy.stats import false_discovery_control, hypergeom

    table = pd.DataFrame({"reaction": reactions, "score": scores, "pathway": pathways}).dropna(subset=["score"])
    table = table.sort_values(["score", "reaction"], ascending=[False, True], kind="stable")
    best = table[table["score"] >= table["score"].iloc[top - 1]] if 1 <= top < len(table) else table
    if len(best) == len(table):
        raise InputError(
            f"With the top {top:,} of {len(table):,} scored reactions, equal scores counted, nothing is left to compare with; "
            "choose fewer or another score."
        )
    n = len(best)
    sizes, hits = table["pathway"].value_counts(), best["pathway"].value_counts()
    found = pd.DataFrame({"size": sizes, "in_top": hits.reindex(sizes.index, fill_value=0)})
    found["expected"] = n * found["size"] / len(table)
    found["fold"] = found["in_top"] / found["expected"]
    found["p"] = hypergeom.sf(found["in_top"] - 1, len(table), found["size"], n)
    found["q"] = false_discovery_control(found["p"].clip(0, 1), method="bh")
    members = best.groupby("pathway")["reaction"].apply(lambda ids: ", ".join(ids))
    found["reactions"] = members.reindex(found.index, fill_value="")
    found = found.rename_axis("pathway").reset_index().sort_values(["p", "pathway"], kind="stable", ignore_index=True)
    return Enrichment(found[["pathway", "in_top", "size", "expected", "fold", "p", "q", "reactions"]], n, len(table))
