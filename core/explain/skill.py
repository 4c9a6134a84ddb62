"""Does a network know what it predicts? What it says is compared with the truth it was made for, beside the same network with weights drawn anew.

An attribution can be true of a network that knows nothing; it is then an explanation of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Skill:
    """``measure`` in words, its ``value`` for the network, ``floor`` that it has to pass whatever the others do, and ``redrawn``, the same measure of
    networks with weights drawn anew. ``over``: what it was measured on. ``control``: name and value of the network of
    shuffled labels, if there is one.
    """

    measure: str
    value: float
    floor: float
    redrawn: tuple[float, ...]
    over: str
    control: tuple[str, float] | None = None

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
    """Area under the ROC curve with which cosines of embeddings tell pairs of one family from pairs of two, in the reference library."""
    from core.rna.embedding import embed_levels
    from core.rna.library import list_library

    examples = list_library()
    records = [replace(example.record, id=str(n)) for n, example in enumerate(examples)]
    families = np.array([example.family for example in examples])
    opened, card = network
    networks = [network, *((drawn_anew(opened, seed=seed + number), card) for number in range(redrawn)), *([] if control is None else [control[1]])]
    scores: list[float] = []
    for one in networks:
        if should_stop and should_stop():
            raise Cancelled("The trial was stopped.")
        vectors = embed_levels(records, checkpoint=one, levels=("rna",), device=device)["rna"].vectors.astype(np.float64)
        scores.append(_auc(vectors, families))
        if told:
            told(len(scores), len(networks))
    return _skill("AUC of family members", scores, 0.6, f"the {len(records)} RNAs of the reference library", redrawn, control)


def _skill(measure: str, scores: list[float], floor: float, over: str, redrawn: int, control: tuple[str, object] | None) -> Skill:
    """From the scores of the network, of those with weights drawn anew and of the control."""
    beside = None if control is None else (control[0], scores[-1])
    return Skill(measure, scores[0], floor, tuple(scores[1 : redrawn + 1]), over, beside)


def _auc(vectors: np.ndarray, families: Sequence[str] | np.ndarray) -> float:
    from scipy.stats import mannwhitneyu

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    first, second = np.triu_indices(len(unit), 1)
    cosine = (unit[first] * unit[second]).sum(1)
    same = np.asarray(families)[first] == np.asarray(families)[second]
    return float(mannwhitneyu(cosine[same], cosine[~same]).statistic / (same.sum() * (~same).sum()))


def _spearman(truth: np.ndarray, said: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return 0.0 if np.ptp(said) < 1e-9 or np.ptp(truth) < 1e-9 else float(spearmanr(truth, said).statistic)
