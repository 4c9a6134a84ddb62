"""Does a network know what it predicts? What it says is compared with the truth it was made for, beside the same network with weights drawn anew.

An attribution can be true of a network that knows nothing; it then explains nothing that was learned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.errors import Cancelled
from core.explain.controls import drawn_anew
from core.explain.masked import Stop

if TYPE_CHECKING:
    from core.explain.metabolic_masks import Network
    from core.explain.rna_masks import Network as RnaNetwork
    from core.metabolic.tables import ModelTables

CONDITIONS, REDRAWN = 32, 5
SURE = 3.0
"""Standard deviations of the networks with new weights above which a network knows something."""
COUNTED = "4-mers by place"
"""What a network that knows families has to do better than (:data:`core.rna.fingerprints.FINGERPRINTS`)."""
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Skill:
    """``measure`` in words, its ``value`` for the network, ``floor`` that it has to pass whatever the others do, and ``redrawn``, the same measure of
    networks with weights drawn anew. ``over``: what it was measured on. ``control``: name and value of the network of
    shuffled labels, if there is one. ``reached_by``: what reaches the floor without any network, "" where the floor is a mere limit.
    """

    measure: str
    value: float
    floor: float
    redrawn: tuple[float, ...]
    over: str
    control: tuple[str, float] | None = None
    reached_by: str = ""

    @property
    def knows(self) -> bool:
        """Above the floor, and above the others by more than :data:`SURE` of their standard deviations."""
        mean, sd = float(np.mean(self.redrawn)), float(np.std(self.redrawn, ddof=1))
        return bool(self.value > self.floor and self.value > mean + SURE * sd)

    @property
    def sentence(self) -> str:
        """What came out."""
        others = f"{np.mean(self.redrawn):.2f} ± {np.std(self.redrawn, ddof=1):.2f}"
        found = f"{self.measure} {self.value:.2f} over {self.over}, {others} with weights drawn anew"
        if self.reached_by:
            found += f", {self.floor:.2f} by {self.reached_by}, which needs no network"
        if self.control is not None:
            found += f", {self.control[1]:.2f} by {self.control[0]}, which learned from labels dealt out at random"
        return f"The network knows what it predicts: {found}." if self.knows else f"The network does not know what it predicts: {found}."


def growth_skill(
    network: Network,
    tables: ModelTables,
    *,
    control: tuple[str, Network] | None = None,
    conditions: int = CONDITIONS,
    redrawn: int = REDRAWN,
    seed: int = 0,
    device: str = "cpu",
    told: Told | None = None,
    should_stop: Stop | None = None,
) -> Skill:
    """Spearman's correlation of the predicted growth with that of flux balance analysis over sampled conditions of a model.

    The conditions are drawn from the distribution the network was trained on, with another seed.

    Raises:
        InputError: a model on which no condition can be sampled. Cancelled: ``should_stop`` said so.
    """
    from core.explain.gate_replacement import distribution_of, growth_of
    from core.metabolic.programme import OPTIMAL, FluxProgramme
    from core.train.conditions import bounds_of, sample_conditions

    opened, card = network
    distribution, split = distribution_of(card)
    drawn = [bounds_of(tables, c) for c in sample_conditions(tables, conditions, seed + 7919, distribution=distribution, split=split)]
    programme, truth = FluxProgramme(tables), np.zeros(conditions)
    for n, one in enumerate(drawn):
        found = programme.maximise(one.lower, one.upper, one.objective)
        truth[n] = found.value if found.status == OPTIMAL else 0.0
        if should_stop and should_stop():
            raise Cancelled("The trial was stopped.")
    networks = [opened, *(drawn_anew(opened, seed=seed + number) for number in range(redrawn)), *([] if control is None else [control[1][0]])]
    scores: list[float] = []
    for other in networks:
        scores.append(_spearman(truth, growth_of(other, tables, drawn, device=device, should_stop=should_stop)))
        if told:
            told(len(scores), len(networks))
    measure, over = "rank correlation of growth with flux balance analysis", f"{conditions} sampled conditions"
    return _skill(measure, scores, 0.5, over, redrawn, control)


def family_skill(
    network: RnaNetwork,
    *,
    control: tuple[str, RnaNetwork] | None = None,
    redrawn: int = REDRAWN,
    seed: int = 0,
    device: str = "cpu",
    told: Told | None = None,
    should_stop: Stop | None = None,
) -> Skill:
    """Area under the ROC curve with which cosines of embeddings tell relatives from strangers of like length, as they fold, over the shipped families
    that no network has seen.

    The floor is the area of counting 4-mers by place, the best that counting alone does. Untrained layers pass much of their input on, and a
    last map fitted without labels makes more of it than weights drawn anew do: who only beats those has learned nothing of who is related.

    Raises:
        InputError: the families are missing. Cancelled: ``should_stop`` said so.
    """
    from core.explain.pairs import auc
    from core.rna.fingerprints import FINGERPRINTS, Score
    from core.train.rna_evaluate import relatives, synthetic_pairs
    from core.train.rna_families import RELATIVES, held_out_families
    from core.train.rna_graphs import FamilyGraphs, View, embed_parts

    families, (opened, _) = held_out_families(), network
    pairs, folded = synthetic_pairs(families), relatives(families)
    config = opened.config
    graphs = FamilyGraphs(families, encoding=config.encoding, sequence_weight=config.sequence_weight, ensemble=config.ensemble)
    parts = [graphs.parts(View(f, m)) for f in range(len(families)) for m in range(RELATIVES)]

    def area(score: Score) -> float:
        return auc(score.of_pairs(pairs.a, pairs.b), score.of_pairs(pairs.a, pairs.other))

    networks = [opened, *(drawn_anew(opened, seed=seed + number) for number in range(redrawn)), *([] if control is None else [control[1][0]])]
    scores: list[float] = []
    for one in networks:
        if should_stop and should_stop():
            raise Cancelled("The trial was stopped.")
        scores.append(area(Score(embed_parts(one, parts, device))))
        if told:
            told(len(scores), len(networks))
    counted = area(FINGERPRINTS[COUNTED](folded))
    measure, over = "AUC of relatives", f"{len(pairs):,} pairs of {len(families)} held-out families"
    return replace(_skill(measure, scores, counted, over, redrawn, control), reached_by=f"counting {COUNTED}")


def _skill(measure: str, scores: list[float], floor: float, over: str, redrawn: int, control: tuple[str, object] | None) -> Skill:
    """From the scores of the network, of those with weights drawn anew and of the control."""
    beside = None if control is None else (control[0], scores[-1])
    return Skill(measure, scores[0], floor, tuple(scores[1 : redrawn + 1]), over, beside)


def _spearman(truth: np.ndarray, said: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return 0.0 if np.ptp(said) < 1e-9 or np.ptp(truth) < 1e-9 else float(spearmanr(truth, said).statistic)
