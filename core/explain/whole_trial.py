"""The whole trial of a network's explanations under one condition or of one RNA: curves, true deletion, faithfulness, controls, gates, and verdicts.

Every test is one of :mod:`core.explain.faithfulness`, :mod:`core.explain.controls`, :mod:`core.explain.gate_tests` and :mod:`core.explain.skill`.
None of them knows biology.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.errors import Cancelled
from core.explain.attribution import FAIR, INPUT_X_GRADIENT, INTEGRATED_GRADIENTS, OCCLUSION, SALIENCY, Attribution, attribute, without_slope
from core.explain.controls import Network, attributed, randomisation, stability
from core.explain.faithfulness import (
    Curves,
    alike,
    curves,
    faithfulness_correlation,
    fidelity,
    infidelity,
    random_subsets,
    robust_fidelity,
    sensitivity_max,
    sparsity,
)
from core.explain.gate_tests import GateTests, gate_tests
from core.explain.masked import EPS, Masked, Stop
from core.explain.skill import Skill, family_skill, growth_skill
from core.explain.trial import BETTER, WORDS, Progress, RankingTrial, base_rankings, reaction_rankings, try_rankings

if TYPE_CHECKING:
    from core.explain.bases import BaseImportance
    from core.explain.reactions import ReactionImportance
    from core.models.checkpoint import Card

Told = Callable[[int, int], None]
FAITHFUL, NOT_FAITHFUL, UNTOLD, BASELINE = "faithful", "not faithful", "cannot be told", "knows no network"
UNCHANGED = 0.9
"""Rank correlation with the ranking of drawn-anew weights from which a ranking does not depend on what was learned."""
KNOW_NOTHING = ("degree", "edges")
SIGNED = (INTEGRATED_GRADIENTS, INPUT_X_GRADIENT, OCCLUSION, "deep_lift", "shapley", "noise_tunnel")
"""Rankings in the target's unit, of which infidelity can be asked."""
MOVED = 8
"""Midpoints of integrated gradients where their sensitivity to the mask is asked for."""
SHARE = 0.1
"""Share of groups at which fidelity is told."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What came out, by ranking.

    Attributes:
        rankings: deletion and insertion by masking.
        deletion: curves of true deletion, None where nothing can be deleted.
        tests: one row a ranking: ``ranking``, ``correlation`` (faithfulness), ``infidelity`` (by E[dF^2], of signed rankings), ``fid_plus``,
            ``fid_minus`` and ``characterization`` of the top :data:`SHARE`, ``robust_plus`` and ``robust_minus`` (per group taken away),
            ``sensitivity``, ``gini``, ``effective``.
        agreement: one row a pair of rankings: ``first``, ``second``, ``spearman``, ``overlap`` (top 20), ``signs``.
        randomisation: see :func:`core.explain.controls.randomisation`; None where no other network can be asked.
        stability: over seeds, see :func:`core.explain.controls.stability`; None as there.
        control: name of the network with shuffled labels, "" for none; control_alike: Spearman's correlation with its ranking by method.
        gates: None where there are none. skill: None where the network was made for nothing that can be checked.
        completeness: of integrated gradients, relative.
        values: the rankings that stood trial, by name of a group.
    """

    rankings: RankingTrial
    deletion: Curves | None
    tests: pd.DataFrame
    agreement: pd.DataFrame
    randomisation: pd.DataFrame | None
    stability: pd.DataFrame | None
    control: str
    control_alike: dict[str, float]
    gates: GateTests | None
    skill: Skill | None
    completeness: float
    values: dict[str, pd.Series] = field(repr=False)

    @property
    def level(self) -> str:
        """Of the groups."""
        return self.rankings.level

    @property
    def table(self) -> pd.DataFrame:
        """One row a ranking, the best first: ``ranking``, ``verdict``, ``why``, areas and z scores by masking, ``deleted`` and ``deleted_z`` by true
        deletion, and the columns of :attr:`tests`."""
        found = self.rankings.table.drop(columns="verdict")
        if self.deletion is not None:
            gone = self.deletion.areas.set_index("ranking")
            found["deleted"], found["deleted_z"] = (found["ranking"].map(gone[column]) for column in ("area", "z"))
        found = found.merge(self.tests, on="ranking")
        judged = [self.judged(name) for name in found["ranking"]]
        found.insert(1, "verdict", [verdict for verdict, _ in judged])
        found.insert(2, "why", [why for _, why in judged])
        return found

    def judged(self, ranking: str) -> tuple[str, str]:
        """The verdict on a ranking and the reason, in words."""
        if abs(self.rankings.effect) < EPS:
            return UNTOLD, "the prediction does not depend on what is masked"
        row = self.rankings.table.set_index("ranking").loc[ranking]
        z = f"z {row['deletion_z']:.1f} taken away, {row['insertion_z']:.1f} added"
        if ranking in KNOW_NOTHING:
            return BASELINE, f"{row['verdict']} ({z})"
        if self._without_slope(ranking):
            return UNTOLD, "its values are rounding errors: with nothing masked the target has no slope"
        against = []
        if self.skill is not None and not self.skill.knows:
            against.append("the network does not know what it predicts")
        if row["verdict"] != BETTER:
            against.append(f"ranks {self.level}s {row['verdict']} ({z})")
        if ranking == INTEGRATED_GRADIENTS and self.completeness > FAIR:
            against.append(f"does not add up (misses {self.completeness:.0%})")
        if self.randomisation is not None and ranking in self.randomisation and (same := float(self.randomisation[ranking].iloc[-1])) > UNCHANGED:
            against.append(f"stays the same when all weights are drawn anew (rank correlation {same:.2f})")
        return (NOT_FAITHFUL, "; ".join(against)) if against else (FAITHFUL, f"ranks {self.level}s better than chance ({z})")

    @property
    def unlearned(self) -> list[str]:
        """Methods whose ranking is as alike to that of a network which learned nothing (all weights drawn anew, or shuffled labels) as seeds are to
        each other: over all groups it says little of what was learned. Empty for a single seed."""
        if self.randomisation is None or self.stability is None:
            return []
        between = self.stability.set_index("method")["spearman"]
        nothing = {name: max(float(self.randomisation[name].iloc[-1]), self.control_alike.get(name, -1.0)) for name in between.index}
        return [str(name) for name, value in between.items() if value <= nothing[name] and not self._without_slope(str(name))]

    def _without_slope(self, ranking: str) -> bool:
        return ranking in self.values and without_slope(ranking, self.values[ranking].to_numpy(dtype=float), self.rankings.effect)

    def sentence(self) -> str:
        """The verdict in plain words."""
        table = self.table
        if (table["verdict"] == UNTOLD).all():
            return "The prediction does not depend on what is masked: there is no effect to explain."
        said = []
        if self.skill is not None and not self.skill.knows:
            said.append(f"Not faithful. {self.skill.sentence} Whatever a ranking says here, it explains nothing that was learned.")
        good = [WORDS.get(r, r) for r in table.loc[table["verdict"] == FAITHFUL, "ranking"]]
        bad = [WORDS.get(r, r) for r in table.loc[table["verdict"] == NOT_FAITHFUL, "ranking"]]
        if good:
            said.append(f"True of this network: {', '.join(good)}." + (f" Not: {', '.join(bad)}." if bad else ""))
        elif not said:
            said.append(f"On this network no ranking of {self.level}s is told from chance both ways; use leave-one-out for single {self.level}s.")
        if flat := [WORDS.get(r, r) for r in table.loc[table["verdict"] == UNTOLD, "ranking"]]:
            said.append(f"Cannot be told of {' and '.join(flat)}: with nothing masked the target has no slope, as at a maximum.")
        known = [name for name in KNOW_NOTHING if name in set(table["ranking"])]
        judged = table[~table["verdict"].isin([BASELINE, UNTOLD])]
        for name in known:
            row = table.set_index("ranking").loc[name]
            sums = judged["deletion_z"] + judged["insertion_z"]
            beaten = [WORDS.get(r, r) for r in judged.loc[sums < row["deletion_z"] + row["insertion_z"], "ranking"]]
            if beaten:
                said.append(f"Behind the mere {WORDS[name]}, which knows no network: {', '.join(beaten)}.")
        if weak := [WORDS.get(name, name) for name in self.unlearned]:
            said.append(
                f"Over all {self.level}s the order by {', '.join(weak)} is as alike to that of a network which learned nothing as seeds are to each "
                "other: below its top it follows from the graph and the features."
            )
        if self.gates is not None and not self.gates.matter:
            said.append("Which incidence has which gate does not matter to this prediction.")
        return " ".join(said)


def whole_trial(
    masked: Masked,
    network: Network,
    rankings: Mapping[str, pd.Series],
    *,
    level: str,
    found: Attribution | None = None,
    seeds: Sequence[Network] = (),
    control: tuple[str, Network] | None = None,
    gates: Callable[[Told], GateTests | None] | None = None,
    skill: Callable[[Told], Skill] | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> Trial:
    """Every test on every ranking that it can be asked of.

    Args:
        masked: the function. network: of which it is. rankings: values by name of a group (:func:`core.explain.trial.reaction_rankings`).
        found: integrated gradients as they were made, for their completeness.
        seeds: the other networks of its ensemble. control: name and network with shuffled labels.
        gates, skill: run their tests; they are given what to tell of progress.
        on_progress: called with (what, done, total).

    Raises:
        Cancelled: ``should_stop`` said so.
    """

    def told(what: str) -> Told:
        def tell(done: int, total: int) -> None:
            if should_stop and should_stop():
                raise Cancelled("The trial was stopped.")
            if on_progress:
                on_progress(what, done, total)

        return tell

    names = masked.groups(level)[1]
    values = {name: ranking.reindex(names).to_numpy(dtype=float) for name, ranking in rankings.items()}
    tried = try_rankings(masked, rankings, level=level, seed=seed, on_progress=on_progress, should_stop=should_stop)
    deletion = None
    if masked.deleted is not None:
        deletion = curves(masked.deleted(), level, values, seed=seed, on_progress=told("deleting"), should_stop=should_stop)
    tests = _tests(masked, level, values, seed, told("asking of random subsets"), should_stop)
    own = attributed(masked, level, should_stop=should_stop)
    drawn, stable, like_control = None, None, {}
    if masked.like is not None:
        drawn = randomisation(masked, network, level, own, seed=seed, told=told("drawing weights anew"), should_stop=should_stop)
        others = []
        for count, other in enumerate(seeds, 1):
            others.append(attributed(masked.like(other), level, should_stop=should_stop))
            told("asking the other seeds")(count, len(seeds))
        stable = stability([own, *others])
        if control is not None:
            shuffled = attributed(masked.like(control[1]), level, should_stop=should_stop)
            like_control = {method: alike(own[method], shuffled[method]).spearman for method in own}
    return Trial(
        tried,
        deletion,
        tests,
        _agreement(values),
        drawn,
        stable,
        "" if control is None or masked.like is None else control[0],
        like_control,
        None if gates is None else gates(told("exchanging gates")),
        None if skill is None else skill(told("asking what the network knows")),
        float("nan") if found is None or found.completeness is None else found.completeness["relative"],
        dict(rankings),
    )


def _tests(masked: Masked, level: str, values: Mapping[str, np.ndarray], seed: int, told: Told, should_stop: Stop | None) -> pd.DataFrame:
    subsets = random_subsets(masked, level, seed=seed, should_stop=should_stop)
    known: dict[bytes, np.ndarray] = {}

    def slope(mask: Tensor) -> np.ndarray:
        """[K], once for each of the few masks near the whole that two methods are asked at."""
        key = mask.cpu().numpy().tobytes()
        if key not in known:
            known[key] = masked.slopes(mask, should_stop=should_stop)[0]
        return known[key]

    sensitive = {
        SALIENCY: lambda mask: np.abs(slope(mask)),
        INPUT_X_GRADIENT: lambda mask: slope(mask) * mask[0].double().cpu().numpy(),
        INTEGRATED_GRADIENTS: lambda mask: _on_the_way(masked, mask, should_stop),
    }
    rows: list[dict[str, Any]] = []
    for done, (name, ranking) in enumerate(values.items(), 1):
        near = fidelity(masked, level, ranking, shares=(SHARE,), should_stop=should_stop).iloc[0]
        robust = robust_fidelity(masked, level, ranking, share=SHARE, seed=seed, should_stop=should_stop)
        rows.append(
            {
                "ranking": name,
                "correlation": faithfulness_correlation(subsets, ranking if name in SIGNED else np.abs(ranking)),
                "infidelity": infidelity(subsets, ranking)["relative"] if name in SIGNED else float("nan"),
                "fid_plus": near["fid_plus"],
                "fid_minus": near["fid_minus"],
                "characterization": near["characterization"],
                "robust_plus": robust["plus_each"],
                "robust_minus": robust["minus_each"],
                "sensitivity": sensitivity_max(masked, sensitive[name], seed=seed) if name in sensitive else float("nan"),
                **sparsity(ranking),
            }
        )
        told(done, len(values))
    return pd.DataFrame(rows)


def _on_the_way(masked: Masked, mask: Tensor, should_stop: Stop | None) -> np.ndarray:
    """[K] integrated gradients from the baseline to a mask [1, K], by :data:`MOVED` midpoints."""
    places = (torch.arange(MOVED, device=masked.device, dtype=masked.dtype) + 0.5) / MOVED
    mean: np.ndarray = masked.slopes(places.unsqueeze(1) * mask, should_stop=should_stop).mean(0)
    return mean * mask[0].double().cpu().numpy()


def _agreement(values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    names = list(values)
    rows = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            both = first in SIGNED and second in SIGNED
            rows.append((first, second, *alike(values[first], values[second], signed=both)))
    return pd.DataFrame(rows, columns=["first", "second", "spearman", "overlap", "signs"])


def reactions_on_trial(
    masked: Masked,
    network: Network,
    factors: ReactionImportance,
    *,
    target: str = "growth",
    found: Attribution | None = None,
    seeds: Sequence[Network] = (),
    control: tuple[str, Network] | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> Trial:
    """The whole trial of rankings of reactions: :func:`whole_trial` with the gate tests and what the network knows of growth.

    Args:
        masked: incidences of the hypergraph of ``factors``. factors: of the same network on the same condition.
        found: an attribution that was made already, which joins those that stand trial.
    """
    graph = factors.graph
    own = found if found is not None and found.method == INTEGRATED_GRADIENTS else attribute(masked, on_progress=on_progress, should_stop=should_stop)
    rankings = reaction_rankings(masked, factors, own)
    if found is not None and found.method not in rankings and found.level in (masked.part, "reaction"):
        rankings[found.method] = found.at(masked, "reaction")

    def gates(told: Told) -> GateTests | None:
        beside = {name: rankings[name] for name in ("gate", "message", INTEGRATED_GRADIENTS, OCCLUSION) if name in rankings}
        return gate_tests(masked, network, graph, target=target, beside=beside, seeds=seeds, seed=seed, told=told, should_stop=should_stop)

    live = masked.deleted is not None and "gate" in rankings and masked.about.get("other") is None
    return whole_trial(
        masked,
        network,
        rankings,
        level="reaction",
        found=own,
        seeds=seeds,
        control=control,
        gates=gates if live else None,
        skill=lambda told: growth_skill(network, graph.tables, control=control, seed=seed, device=masked.device, told=told, should_stop=should_stop),
        seed=seed,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def bases_on_trial(
    masked: Masked,
    network: Network,
    factors: BaseImportance,
    *,
    found: Attribution | None = None,
    seeds: Sequence[Network] = (),
    control: tuple[str, Network] | None = None,
    seed: int = 0,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> Trial:
    """The whole trial of rankings of bases: :func:`whole_trial` with what the network knows of families.

    Args:
        masked: the bases of the RNA of ``factors``. factors: of the same network on the same structure.
        found: an attribution that was made already, which joins those that stand trial. seeds: the other networks of its ensemble.
        control: name and network with shuffled labels.
    """
    own = found if found is not None and found.method == INTEGRATED_GRADIENTS else attribute(masked, on_progress=on_progress, should_stop=should_stop)
    rankings = base_rankings(masked, factors, own)
    if found is not None and found.method not in rankings and found.level == masked.part:
        rankings[found.method] = found.at(masked, masked.part)
    return whole_trial(
        masked,
        network,
        rankings,
        level=masked.part,
        found=own,
        seeds=seeds,
        control=control,
        skill=lambda told: family_skill(network, control=control, seed=seed, device=masked.device, told=told, should_stop=should_stop),
        seed=seed,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def control_of(card: Card) -> str:
    """The shipped network that was trained on shuffled labels of the same model, or over the same encoding of RNAs, "" for none."""
    from core.models.checkpoint import list_checkpoints, load_card

    def learned_on(one: Card) -> tuple[str, object]:
        return one.kind, one.content["network"].get("encoding") if one.kind == "rna" else one.content.get("trained_on", {}).get("model")

    shipped = map(load_card, list_checkpoints(kind=card.kind, controls=True))
    same = [one.name for one in shipped if one.content.get("control") == "shuffled labels" and learned_on(one) == learned_on(card)]
    return same[0] if same and card.name not in same else ""
