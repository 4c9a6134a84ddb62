"""Rankings on trial: does taking the groups away in a ranking's order, or adding them, move the prediction sooner than in random orders?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core.explain.attribution import INPUT_X_GRADIENT, INTEGRATED_GRADIENTS, SALIENCY, Attribution, attribute
from core.explain.faithfulness import RANDOM, Curves, curves
from core.explain.masked import EPS, Masked, Stop

if TYPE_CHECKING:
    from core.explain.bases import BaseImportance
    from core.explain.reactions import ReactionImportance

SURE = 2.0
"""Standard deviations of the random orders beyond which a ranking is told from chance."""
BETTER, CHANCE, WORSE, UNTOLD = "better than chance", "no better than chance", "worse than chance", "cannot be told"
WORDS = {
    "gate": "gate",
    "message": "|message|",
    "attention": "attention",
    SALIENCY: "saliency",
    INPUT_X_GRADIENT: "input x gradient",
    INTEGRATED_GRADIENTS: "integrated gradients",
    "occlusion": "occlusion",
    "degree": "number of metabolites",
    "openness": "openness",
    "edges": "number of edges",
}
"""Rankings in words; the numbers of metabolites and of edges know nothing of the network."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class RankingTrial:
    """Deletion and insertion curves of rankings.

    Attributes:
        level: of the groups; groups: how many; effect: F1 - F0, in the target's unit.
        deletion, insertion: :class:`~core.explain.faithfulness.Curves`.
    """

    level: str
    groups: int
    effect: float
    deletion: Curves
    insertion: Curves

    @property
    def table(self) -> pd.DataFrame:
        """One row a ranking, the best first: ``ranking``, ``deletion`` and ``insertion`` (areas), ``deletion_z``, ``insertion_z``, ``verdict``."""
        gone, come = self.deletion.areas, self.insertion.areas
        found = pd.DataFrame(
            {
                "ranking": gone["ranking"],
                "deletion": gone["area"],
                "deletion_z": gone["z"],
                "insertion": come["area"],
                "insertion_z": come["z"],
            }
        )
        found["verdict"] = [self._judged(d, i) for d, i in zip(found["deletion_z"], found["insertion_z"], strict=True)]
        order = (found["deletion_z"] + found["insertion_z"]).sort_values(ascending=False, kind="stable").index
        return found.loc[order].reset_index(drop=True)

    def verdict(self, ranking: str) -> str:
        """Of :data:`BETTER`, :data:`CHANCE`, :data:`WORSE` and :data:`UNTOLD`."""
        return str(self.table.set_index("ranking").loc[ranking, "verdict"])

    def sentence(self) -> str:
        """What came out, a null result as one."""
        if abs(self.effect) < EPS:
            return "The prediction does not depend on what is masked: there is no effect to explain."
        table = self.table
        best = table.iloc[0]
        z = f"z {best['deletion_z']:.1f} taken away, {best['insertion_z']:.1f} added, against {RANDOM} random orders"
        lead = "is best" if best["verdict"] == BETTER else "comes first, and none is better than chance"
        said = [f"Of {len(table)} rankings {WORDS.get(best['ranking'], best['ranking'])} {lead} ({z})."]
        for verdict in (BETTER, CHANCE, WORSE, UNTOLD):
            names = [WORDS.get(r, r) for r in table.loc[table["verdict"] == verdict, "ranking"]]
            if names:
                listed = _listed(names)
                said.append(f"{listed[0].upper()}{listed[1:]} {'ranks' if len(names) == 1 else 'rank'} {self.level}s {verdict}.")
        return " ".join(said)

    def _judged(self, deletion: float, insertion: float) -> str:
        if abs(self.effect) < EPS or not np.isfinite([deletion, insertion]).all():
            return UNTOLD
        if min(deletion, insertion) > SURE:
            return BETTER
        return WORSE if max(deletion, insertion) < -SURE else CHANCE


def try_rankings(
    masked: Masked,
    rankings: Mapping[str, pd.Series],
    *,
    level: str,
    seed: int = 0,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> RankingTrial:
    """Puts rankings on trial, all against the same random orders.

    Deletion curves favour occlusion by construction: both take one thing away and look.

    Args:
        rankings: values by name of a group; groups without one come last.

    Raises:
        Cancelled: ``should_stop`` said so.
    """
    names = masked.groups(level)[1]
    values = {name: ranking.reindex(names).to_numpy(dtype=float) for name, ranking in rankings.items()}

    def told(what: str) -> Callable[[int, int], None] | None:
        return None if on_progress is None else lambda done, total: on_progress(what, done, total)

    gone = curves(masked, level, values, seed=seed, on_progress=told("taking away"), should_stop=should_stop)
    come = curves(masked, level, values, insertion=True, mirrored=gone, on_progress=told("adding"), should_stop=should_stop)
    return RankingTrial(level, len(names), masked.effect, gone, come)


def reaction_rankings(masked: Masked, factors: ReactionImportance, found: Attribution | None = None) -> dict[str, pd.Series]:
    """What there is to rank reactions by: gate, |message| and attention of a forward pass, slopes, integrated gradients, what else was attributed,
    and their number of metabolites, which knows nothing of the network.

    Args:
        factors: of the same network on the same condition. found: an attribution that was made already.
    """
    table = factors.table.set_index("reaction")
    rankings = {name: table[name] for name in ("gate", "message", "attention") if table[name].notna().any()}
    made = {SALIENCY: attribute(masked, SALIENCY), INPUT_X_GRADIENT: attribute(masked, INPUT_X_GRADIENT)}
    if found is not None and found.level in (masked.part, "reaction"):
        made[found.method] = found
    if INTEGRATED_GRADIENTS not in made:
        made[INTEGRATED_GRADIENTS] = attribute(masked, INTEGRATED_GRADIENTS)
    rankings |= {name: one.at(masked, "reaction") for name, one in made.items()}
    return rankings | {"degree": masked.parts.groupby("reaction").size().astype(float)}


def base_rankings(masked: Masked, factors: BaseImportance, found: Attribution | None = None) -> dict[str, pd.Series]:
    """What there is to rank bases by: attention, |message| and openness of a forward pass, slopes, integrated gradients, what else was attributed,
    and the number of a base's edges, which knows nothing of the network.

    Args:
        factors: of the same network on the same structure. found: an attribution that was made already.
    """
    table = factors.bases.set_index("name")
    rankings = {name: table[name] for name in ("attention", "message", "openness") if table[name].notna().any()}
    made = {SALIENCY: attribute(masked, SALIENCY), INPUT_X_GRADIENT: attribute(masked, INPUT_X_GRADIENT)}
    if found is not None and found.level == masked.part:
        made[found.method] = found
    if INTEGRATED_GRADIENTS not in made:
        made[INTEGRATED_GRADIENTS] = attribute(masked, INTEGRATED_GRADIENTS)
    rankings |= {name: one.at(masked, masked.part) for name, one in made.items()}
    edges = factors.edges["target"].value_counts()
    return rankings | {"edges": edges.reindex(table.index).fillna(0).astype(float)}


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
