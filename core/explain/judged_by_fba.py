"""Biology as the judge: what a network's growth leans on, beside what flux balance analysis needs.

This is plausibility, whether a network leans on what the model's stoichiometry needs. Faithfulness, whether a ranking says what the network does, is
another matter (:mod:`core.explain.trial`). A network that was trained on FBA with knock-outs is no independent witness of either.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.errors import Cancelled, InputError
from core.explain.flux_references import LETHAL, References, share_left
from core.explain.gene_rules import counted_reactions
from core.explain.masked import EPS, Masked, Stop
from core.explain.measured_ranking import DECIMALS
from core.explain.metabolic_masks import REACTION, incidence_masks
from core.explain.network_knockouts import network_knockouts
from core.explain.ranking_metrics import DRAWS, evaluate_ranking
from core.explain.reasons import UNKNOWN, Reasons
from core.metabolic import build_hypergraph, fba, knockout_growth
from core.metabolic.flux_balance import NO_GROWTH
from core.metabolic.subsystems import assign_subsystems
from core.metabolic.tables import ModelTables
from core.models.prediction import Checkpoint, open_checkpoint

if TYPE_CHECKING:
    from core.metabolic.condition import Medium
    from core.metabolic.kinetics import Kinetics

NEEDED = 0.1
"""A reaction is needed, or leaned on, from this share on: of FBA's growth, or of the network's F(1) - F(0)."""
BOTH, ONLY_FBA, ONLY_NETWORK, NEITHER = "both need it", "only FBA needs it", "only the network leans on it", "neither"
UNTOLD = "cannot be told"
QUADRANTS = (BOTH, ONLY_FBA, ONLY_NETWORK, NEITHER, UNTOLD)
FBA, CLOSED, MASKED = "knock-outs by FBA", "knock-outs by the network", "reactions masked"
"""What is done, in this order."""
DEGREE = "degree"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Judged:
    """A network beside FBA, reaction by reaction.

    Attributes:
        table: one row a reaction: ``reaction``, ``name``, ``subsystem``, ``ablation`` (1/h of the network's growth lost with the reaction's messages
            masked) and ``ablation_share`` (of F(1) - F(0)), ``network_ratio`` (the network's growth with its bounds closed, as a share; nan where
            it predicts none to begin with), ``fba_ratio`` (the same by FBA; 0 where nothing is feasible, nan where the solver failed) and
            ``fba_lost`` (1/h), ``quadrant`` of :data:`QUADRANTS`.
        growth: by FBA, 1/h.
        ends: the network's growth before its bounds hold it, with all messages and with none, 1/h.
    """

    table: pd.DataFrame
    growth: float
    ends: tuple[float, float]

    @property
    def counts(self) -> pd.Series:
        """[5] reactions by quadrant, in the order of :data:`QUADRANTS`."""
        return self.table["quadrant"].value_counts().reindex(list(QUADRANTS), fill_value=0)

    def sentence(self) -> str:
        """What came out, a null result as one."""
        told = self.table[self.table["quadrant"] != UNTOLD]
        by_fba, by_network = (told["quadrant"].isin([BOTH, other]) for other in (ONLY_FBA, ONLY_NETWORK))
        both, chance = int((by_fba & by_network).sum()), by_fba.sum() * by_network.sum() / max(1, len(told))
        closed = int((told.loc[by_fba, "network_ratio"] <= 1 - NEEDED).sum())
        said = (
            f"Of {len(told):,} reactions FBA needs {by_fba.sum():,} and the network leans on {by_network.sum():,}; {both:,} are the same, where "
            f"chance gives {chance:.1f}."
        )
        if by_fba.any() and told["network_ratio"].notna().any():
            said += f" With bounds closed instead of messages masked, the network loses as much without {closed:,} of FBA's {by_fba.sum():,}."
        return said


def judged_by_fba(
    tables: ModelTables,
    checkpoint: Checkpoint,
    reactions: Sequence[str] | None = None,
    *,
    medium: str | Medium | None = None,
    knockouts: Sequence[str] = (),
    objective: str | None = None,
    kinetics: Kinetics | None = None,
    masked: Masked | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> Judged:
    """What growth loses without each reaction: by the network with its messages masked, by the network with its bounds closed, and by FBA.

    Args:
        reactions: ids; None is all that count (:func:`core.explain.gene_rules.counted_reactions`).
        masked: the network's growth under this condition, at hand; made by :func:`core.explain.metabolic_masks.incidence_masks` otherwise.
        on_progress: called with (one of :data:`FBA`, :data:`CLOSED` and :data:`MASKED`, done, total).

    Raises:
        InputError: the condition or a reaction is not of this model, or there is no growth to lose, by FBA or by the network's messages.
        Cancelled: ``should_stop`` said so.
    """
    network = open_checkpoint(checkpoint)
    condition = {"medium": medium, "knockouts": tuple(knockouts), "objective": objective}
    chosen = counted(tables) if reactions is None else list(reactions)
    growth = fba(tables, **condition).growth  # type: ignore[arg-type]
    if not growth > NO_GROWTH:
        raise InputError("FBA finds no growth under this condition, so there is nothing to judge by; choose a medium on which the model grows.")
    function = masked or incidence_masks(network, build_hypergraph(tables, **condition, kinetics=kinetics), device=device)  # type: ignore[arg-type]
    if function.effect < EPS:
        raise InputError(
            f"The network's messages bring no growth here (F(1) - F(0) = {function.effect:+.2g} {function.unit}), so there is nothing it could lean "
            "on; choose another network or condition."
        )

    def told(what: str) -> Callable[[int, int], None] | None:
        return None if on_progress is None else lambda done, total: on_progress(what, done, total)

    how = {"should_stop": should_stop, **condition}
    solved = knockout_growth(tables, reactions=chosen, on_progress=told(FBA), **how)  # type: ignore[arg-type]
    left = network_knockouts(
        tables,
        network,
        chosen,
        level=REACTION,
        kinetics=kinetics,
        device=device,
        on_progress=told(CLOSED),
        **how,  # type: ignore[arg-type]
    )
    lost = _ablations(function, chosen, told(MASKED), should_stop)
    rows = [tables.reaction_index()[r] for r in chosen]
    subsystems = assign_subsystems(tables).names
    ratio = share_left(solved).to_numpy(dtype=float)
    table = pd.DataFrame(
        {
            "reaction": chosen,
            "name": [tables.reaction_names[e] for e in rows],
            "subsystem": [subsystems[e] for e in rows],
            "ablation": lost,
            "ablation_share": lost / function.effect,
            "network_ratio": left.reindex(chosen).to_numpy(dtype=float),
            "fba_ratio": ratio,
            "fba_lost": growth * (1 - ratio),
        }
    )
    table["quadrant"] = quadrants(1 - ratio, lost / function.effect)
    return Judged(table, growth, function.ends)


def counted(tables: ModelTables) -> list[str]:
    """Ids of the reactions that count."""
    return [r for r, counts in zip(tables.reactions, counted_reactions(tables), strict=True) if counts]


def quadrants(by_fba: np.ndarray, by_network: np.ndarray) -> list[str]:
    """One of :data:`QUADRANTS` for each pair of shares lost, [N] each: both are held against :data:`NEEDED`."""
    found = np.select(
        [~np.isfinite(by_fba + by_network), (by_fba >= NEEDED) & (by_network >= NEEDED), by_fba >= NEEDED, by_network >= NEEDED],
        [UNTOLD, BOTH, ONLY_FBA, ONLY_NETWORK],
        NEITHER,
    )
    return [str(one) for one in found]


def _ablations(masked: Masked, reactions: Sequence[str], told: Callable[[int, int], None] | None, should_stop: Stop | None) -> np.ndarray:
    """[N] F less F with the messages of one reaction masked; nothing is lost of a reaction without any."""
    place = {name: row for row, name in enumerate(masked.groups(REACTION)[1])}
    rows = [i for i, reaction in enumerate(reactions) if reaction in place]
    lost, whole = np.zeros(len(reactions)), masked.ends[0]
    for start in range(0, len(rows), masked.rows):
        if should_stop and should_stop():
            raise Cancelled("The comparison was stopped.")
        batch = rows[start : start + masked.rows]
        lost[batch] = whole - masked.of(masked.without(REACTION, [place[reactions[i]] for i in batch]))
        if told:
            told(start + len(batch), len(rows))
    return lost


def hypotheses(judged: Judged, references: References, tables: ModelTables) -> pd.DataFrame:
    """The reactions on which FBA and the network disagree, each with what may be so and what could be checked.

    First those on which the network's own knock-out disagrees with FBA too, among them the widest apart.

    Args:
        references: FBA's answers under the same condition, which hold why.

    Returns:
        Columns reaction, name, subsystem, quadrant, hypothesis (a sentence), ablation_share, network_ratio, fba_ratio.
    """
    why = Reasons(tables, references, gene_level=False)
    table = judged.table[judged.table["quadrant"].isin([ONLY_FBA, ONLY_NETWORK])].copy()
    write = {ONLY_FBA: _only_fba, ONLY_NETWORK: _only_network}
    table["hypothesis"] = [write[row["quadrant"]](row, why) for row in table.to_dict("records")]
    apart = (1 - table["fba_ratio"] - table["ablation_share"]).abs()
    known = (table["network_ratio"] <= 1 - NEEDED) == (table["quadrant"] == ONLY_FBA)
    table = table.loc[pd.DataFrame({"known": known, "near": -apart}).sort_values(["known", "near"], kind="stable").index]
    about = ["reaction", "name", "subsystem", "quadrant", "hypothesis"]
    return table[[*about, "ablation_share", "network_ratio", "fba_ratio"]].reset_index(drop=True)


def _only_fba(row: Mapping[Hashable, Any], why: Reasons) -> str:
    reaction, ratio = str(row["reaction"]), float(row["fba_ratio"])
    reason = why.of(reaction, True) if ratio < LETHAL else f"the best flux without {reaction} keeps only {ratio:.0%} of growth"
    if reason == UNKNOWN:
        reason = f"nothing grows without {reaction}, for a reason the model does not tell"
    lead = f"By FBA {reason}, yet masking its messages {_costs(float(row['ablation_share']))}"
    closed = 1 - float(row["network_ratio"])
    if not np.isfinite(closed):
        return f"{lead}; it predicts no growth here to begin with, so check a condition in which it does."
    if closed >= NEEDED:
        return (
            f"{lead} while closing its bounds {_costs(closed)}: the network may read the loss from the bounds and not from what passes through "
            f"{reaction}; check by masking its features instead of its messages."
        )
    lead = f"{lead} and closing its bounds {_costs(closed)}: the network may not have learned that {reaction} is needed"
    genes = why.isozymes(reaction)
    if genes and not why.closing_genes(reaction):
        return (
            f"{lead}, as isozymes stand in for each of its genes and no knock-out of one gene closes it in training; check a condition without "
            f"all of {_few(genes)}."
        )
    return f"{lead}; check whether its training held conditions in which {reaction} is closed, and whether the same holds in another medium."


def _only_network(row: Mapping[Hashable, Any], why: Reasons) -> str:
    reaction, closed = str(row["reaction"]), 1 - float(row["network_ratio"])
    lead = f"By FBA {why.of(reaction, False)}, yet masking its messages {_costs(float(row['ablation_share']))}"
    if not np.isfinite(closed):
        return f"{lead}; it predicts no growth here to begin with, so check a condition in which it does."
    if closed < NEEDED:
        return (
            f"{lead} while closing its bounds {_costs(closed)}: the network may know that growth goes on without {reaction} and use its messages for "
            "what they tell of its neighbours; check which of its single messages counts, in the ledger."
        )
    lead = f"{lead} and closing its bounds {_costs(closed)}"
    if why.blocked(reaction) or why.idle(reaction):
        return f"{lead}: the network may take {reaction} for what it is where it carries flux; check a medium in which it does."
    return (
        f"{lead}: the network may not have learned that route; check which fluxes FBA takes with {reaction} knocked out, and whether the network "
        "leans on those."
    )


def _costs(share: float) -> str:
    return (
        f"costs the network {share:.0%}" if share >= 0.005 else "costs the network nothing" if share > -0.005 else f"brings the network {-share:.0%}"
    )


def _few(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def agreement_with_knockouts(
    scores: Mapping[str, pd.Series], knockouts: pd.DataFrame, *, tables: ModelTables | None = None, draws: int = DRAWS, seed: int = 0
) -> pd.DataFrame:
    """How well scores of reactions rank what FBA loses without them; all scores on the same reactions, by absolute value.

    This is plausibility. Reactions that FBA's knock-outs or one of the scores do not know are left out (a score that knows none leaves out none).
    What an order by chance gives is 0 of Spearman's correlation and ``prevalence`` of average precision.

    Args:
        scores: by name, values by reaction id.
        knockouts: columns ``reaction``, ``ratio`` and ``status``, of :func:`core.metabolic.knockout_growth` or
            :attr:`core.explain.flux_references.References.reactions`.
        tables: adds the number of metabolites in a reaction as the score :data:`DEGREE`, which knows nothing of a network, unless it is there.
        draws, seed: of the bootstrap over reactions.

    Returns:
        One row a score, in their order: ``score``, ``n``, ``essential`` (reactions that leave less than :data:`LETHAL` of growth), ``prevalence``
        (their share), ``spearman`` (with the growth lost) and ``average_precision`` (for the essential ones), both with ``_low`` and ``_high``,
        the ends of their 95% bootstrap intervals; nan where not defined.
    """
    given = dict(scores)
    if tables is not None and DEGREE not in given:
        given[DEGREE] = pd.Series(np.bincount(tables.cols, minlength=len(tables.reactions)).astype(float), index=list(tables.reactions))
    ratio = pd.Series(share_left(knockouts).to_numpy(dtype=float), index=knockouts["reaction"].to_numpy()).dropna()
    sizes = pd.DataFrame({name: values.reindex(ratio.index).abs() for name, values in given.items()}, index=ratio.index)
    known = sizes.dropna(axis=1, how="all").dropna().index
    lost = (1 - ratio.loc[known]).round(DECIMALS).to_numpy()
    essential = (ratio.loc[known] < LETHAL).to_numpy()
    rows = []
    for name in given:
        values = sizes.loc[known, name].to_numpy(dtype=float)
        n = len(known) if np.isfinite(values).all() else 0
        row = {"score": name, "n": n, "essential": int(essential.sum()), "prevalence": float(essential.mean()) if len(known) else np.nan}
        found = evaluate_ranking(values if n else values[:0], lost if n else lost[:0], essential if n else essential[:0], draws=draws, seed=seed)
        for metric, estimate in (("spearman", found.spearman), ("average_precision", found.precision)):
            row |= {metric: estimate.value, f"{metric}_low": estimate.low, f"{metric}_high": estimate.high}
        rows.append(row)
    metrics = [f"{m}{end}" for m in ("spearman", "average_precision") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["score", "n", "essential", "prevalence", *metrics])
