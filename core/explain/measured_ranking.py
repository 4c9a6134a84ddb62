"""Every score against a measurement: how well gates, messages, attention, FBA and plain structure rank what was measured.

This is plausibility, not faithfulness: a network may predict growth well for reasons that have nothing to do with what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core import __version__
from core.explain.conditions import SURE, Networks, members
from core.explain.flux_references import LETHAL, References
from core.explain.gene_rules import Alternatives, counted_reactions, gene_rules
from core.explain.measurements import Measurement, Targets, scores_of_genes, targets
from core.explain.ranking_metrics import DRAWS, Estimate, draw_counts, evaluate_ranking, precision_recall
from core.explain.reactions import INSTANT, reaction_importance
from core.metabolic.tables import ModelTables
from core.storage import digest_of

if TYPE_CHECKING:
    from core.metabolic.condition import Medium

MEASURED = "measured"
"""The column of measured strength among the scores of reactions."""
NETWORK = ("gate", "message", "attention")
METRICS = {"auroc": "auroc", "ap": "precision", "spearman": "spearman"}
"""A metric's name in the table and in :class:`core.explain.ranking_metrics.Ranking`."""
WORDS = {"gate": "gate", "message": "|message|", "attention": "attention", "knockout": "predicted knock-out"}
DECIMALS = 6
"""FBA's numbers are rounded to this many decimals before they rank: below the solver's own accuracy their order is noise."""
FBA_KNOCKOUT, PFBA, FORCED, DEGREE, ISOZYMES = "FBA knock-out", "pFBA |v|", "FVA-forced |v|", "degree", "1/isozymes"
SOURCES = {FBA_KNOCKOUT: "FBA", PFBA: "FBA", FORCED: "FBA", DEGREE: "model", ISOZYMES: "model"}
MEANING = {
    "gate": "mean gate of the reaction's incidences, over layers and heads",
    "|message|": "mean message length of the reaction's incidences",
    "attention": "mean log2(attention x competitors) of the reaction's incidences",
    "predicted knock-out": "1 - the network's growth without it, as a share of its growth with it",
    FBA_KNOCKOUT: "1 - growth ratio after the knock-out; a gene's goes through the rules",
    PFBA: "|flux| of least total flux at optimal growth",
    FORCED: "least |flux| over all optimal flux distributions",
    DEGREE: "number of metabolites in the reaction",
    ISOZYMES: "1 / number of enzymes the reaction's rule offers",
}
"""What each score is; a gene's is the maximum over its reactions, but for knock-outs."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Scores against a measurement.

    Attributes:
        table: one row per score: ``source`` (a network, "FBA", "model"), ``score``, ``n``, ``positives``, and ``auroc``, ``ap``, ``spearman`` each
            with ``_low`` and ``_high``, the ends of its interval (over genes, of the shown network), and ``_seed_mean`` and ``_seed_sd``, its mean
            and standard deviation over the networks of an ensemble (ddof 1); nan where not defined.
        scores: one row per gene or reaction: ``id``, ``name``, what was measured, and one column per row of ``table``, named by :func:`label`.
        reactions: one row per gene-associated reaction that counts: ``reaction``, ``name``, ``subsystem``, the scores that reactions have, and
            :data:`MEASURED` where reactions were ranked.
        spreads: standard deviation of each score of an ensemble over its networks, rows as ``scores``, columns as there.
        targets: what was ranked.
        prevalence: share of positives, the average precision of chance; nan for omics.
        manifest: hashes, settings, versions.
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    reactions: pd.DataFrame
    spreads: pd.DataFrame
    targets: Targets
    prevalence: float
    manifest: dict[str, Any] = field(repr=False)

    @property
    def labels(self) -> list[str]:
        """The score columns of :attr:`scores`, in the order of :attr:`table`."""
        return [label(s, n) for s, n in zip(self.table["source"], self.table["score"], strict=True)]


def label(source: str, score: str) -> str:
    """How a score is called where its source has to be told: ``core: gate``; FBA's and the model's own go by themselves."""
    return score if source in ("FBA", "model") else f"{source}: {score}"


def compare_scores(
    measurement: Measurement,
    tables: ModelTables,
    *,
    checkpoints: Mapping[str, Networks] | Sequence[str] = (),
    references: References | None = None,
    predicted: Mapping[str, pd.DataFrame] | None = None,
    medium: str | Medium | None = None,
    knockouts: Sequence[str] = (),
    objective: str | None = None,
    alternatives: Alternatives = "max",
    draws: int = DRAWS,
    seed: int = 0,
    device: str = "cpu",
) -> Comparison:
    """Every score against a measurement, on the same genes (or reactions) and the same bootstrap draws.

    Args:
        checkpoints: networks by name, or names; each gives gate, |message| and, where it has one, attention. An ensemble, by its name or as the
            list of its networks, gives those of its first network, and how far its networks disagree.
        references: of :func:`core.explain.flux_references.flux_references` under the same condition; without them FBA's rows are absent.
        predicted: by network, growth left after each knock-out (:func:`core.explain.network_knockouts.knockouts_over_seeds`).
        alternatives: how values of isozymes join where omics values are carried to reactions.
        draws, seed: of the bootstrap.

    Raises:
        InputError: the condition is not of this model, or a checkpoint cannot be read.
    """
    ranked = targets(measurement, tables, alternatives=alternatives)
    named = checkpoints if isinstance(checkpoints, Mapping) else {name: name for name in checkpoints}
    columns: dict[tuple[str, str], np.ndarray] = {}
    condition = {"medium": medium, "knockouts": knockouts, "objective": objective}
    each = {name: _of_networks(tables, checkpoint, device, condition) for name, checkpoint in named.items()}
    hashes = {name: [weights for weights, _ in found] for name, found in each.items()}
    for name, found in each.items():
        columns |= {(name, WORDS[m]): values for m, values in found[0][1].items()}
    if references is not None:
        solved = references.reactions.round(DECIMALS)
        columns |= {("FBA", PFBA): solved["flux"].abs().to_numpy(), ("FBA", FORCED): solved["forced"].to_numpy()}
    columns |= structure_scores(tables)
    by_reaction = pd.DataFrame(columns)
    scores = _of_targets(by_reaction, ranked, tables)
    if references is not None:
        scores.insert(0, ("FBA", FBA_KNOCKOUT), _knockouts(references, ranked))
    seeds: dict[tuple[str, str], np.ndarray] = {}
    for name, found in each.items():
        stacked = [_of_targets(pd.DataFrame({(name, WORDS[m]): v for m, v in values.items()}), ranked, tables) for _, values in found]
        seeds |= {column: np.stack([one[column].to_numpy(dtype=float) for one in stacked]) for column in _columns(stacked[0])}
    for name, left in (predicted or {}).items():
        lost = 1.0 - left.reindex(scores.index)
        column = (name, WORDS["knockout"])
        scores[column], seeds[column] = lost.iloc[:, 0], lost.to_numpy(dtype=float).T
    scores = scores.loc[:, scores.notna().any()]
    seeds = {column: values for column, values in seeds.items() if len(values) > 1 and column in scores}
    order = sorted(_columns(scores), key=lambda column: (column[0] == "model", column[0] != "FBA"))
    scores = scores[order]
    table = _table(scores, seeds, ranked, draws, seed)
    labels = ranked.table.get("essential")
    manifest = {
        "key": digest_of(measurement=measurement.key, references=references.key if references else None, checkpoints=hashes, draws=draws, seed=seed),
        "gatescope": __version__,
        "model": {"id": tables.id, "sha256": tables.key},
        "measurement": {"sha256": measurement.key, "read_as": measurement.choice.sentence, "unmatched": list(measurement.unmatched)},
        "condition": {"medium": medium if medium is None or isinstance(medium, str) else dict(medium), "knockouts": list(knockouts)},
        "checkpoints": hashes,
        "references": references.key if references else None,
        "predicted": sorted(predicted or ()),
        "essential_by_fba": f"growth ratio below {LETHAL:g}",
        "isozymes_joined_by": alternatives if measurement.is_omics else None,
        "bootstrap": {"draws": draws, "seed": seed, "stratified": labels is not None, "interval": "95%, percentiles"},
        "scores": MEANING,
    }
    prevalence = float(labels.mean()) if labels is not None and len(labels) else float("nan")
    if references is not None:
        by_reaction.insert(0, ("FBA", FBA_KNOCKOUT), 1.0 - references.reactions["ratio"].round(DECIMALS))
    reactions = _reactions(by_reaction, tables)
    if ranked.level == "reaction":
        reactions[MEASURED] = reactions["reaction"].map(ranked.table.set_index("id")["strength"])
    spreads = pd.DataFrame({label(*column): seeds[column].std(axis=0, ddof=1) for column in _columns(scores) if column in seeds}, range(len(scores)))
    return Comparison(table, _described(scores, ranked, tables), reactions, spreads, ranked, prevalence, manifest)


def _of_networks(tables: ModelTables, checkpoint: Networks, device: str, condition: dict[str, Any]) -> list[tuple[str, dict[str, np.ndarray]]]:
    """(sha256 of the weights, scores by method [E]) of each network of an ensemble, the shown one first."""
    found = [reaction_importance(tables, one, methods=INSTANT, device=device, **condition) for one in members(checkpoint)]
    return [(one.manifest["checkpoint"]["sha256"], {m: one.table[m].to_numpy(dtype=float) for m in NETWORK}) for one in found]


def structure_scores(tables: ModelTables) -> dict[tuple[str, str], np.ndarray]:
    """[E] each, what the model's structure alone gives: degree, and 1/isozymes (nan without a rule)."""
    rules = gene_rules(tables)
    count = np.array([rules.alternatives(e) for e in range(len(tables.reactions))], dtype=float)
    degree = np.bincount(tables.cols, minlength=len(tables.reactions)).astype(float)
    return {("model", DEGREE): degree, ("model", ISOZYMES): np.where(count > 0, 1.0 / np.maximum(count, 1.0), np.nan)}


def recall_curves(comparison: Comparison, labels: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Recall, precision and average precision by score, for the scores that have an average precision."""
    average = dict(zip(comparison.labels, comparison.table["ap"], strict=True))
    curves = {}
    for name in labels:
        values = comparison.scores[name].to_numpy(dtype=float)
        known = np.isfinite(values)
        if not np.isnan(average[name]):
            truth = comparison.scores["essential"].to_numpy(dtype=bool)[known]
            curves[name] = (*precision_recall(values[known], truth), float(average[name]))
    return curves


def verdicts(comparison: Comparison) -> list[str]:
    """What the intervals allow to say of the networks' scores, one sentence each, the null results too."""
    said = []
    by_label = comparison.table.set_axis(comparison.labels)
    chance, metric = (0.5, "auroc") if not np.isnan(comparison.prevalence) else (0.0, "spearman")
    word = {"auroc": "AUROC", "spearman": "Spearman"}[metric]
    for name, row in by_label.iterrows():
        if row["source"] in ("FBA", "model") or np.isnan(row[metric]):
            continue
        numbers = f"{word} {row[metric]:.2f}, {row[f'{metric}_low']:.2f} to {row[f'{metric}_high']:.2f}"
        if row[f"{metric}_low"] > chance:
            rest = ""
            if "FBA knock-out" in by_label.index and row[f"{metric}_high"] < by_label.loc["FBA knock-out", f"{metric}_low"]:
                rest = ", and below the FBA knock-out"
            said.append(f"{name} ranks the measurement better than chance ({numbers}){rest}.")
        elif row[f"{metric}_high"] < chance:
            said.append(f"{name} ranks the measurement the wrong way round ({numbers}).")
        else:
            said.append(f"{name} ranks the measurement no better than chance ({numbers}).")
        said[-1] += _over_seeds(row, metric, chance)
    return said


def _over_seeds(row: pd.Series, metric: str, chance: float) -> str:
    """What the networks of an ensemble say together: the interval over genes knows nothing of training's own randomness."""
    mean, sd = row[f"{metric}_seed_mean"], row[f"{metric}_seed_sd"]
    if np.isnan(sd):
        return ""
    apart = mean - SURE * sd > chance or mean + SURE * sd < chance
    rest = "" if apart else ": that is not clear of chance, so that another training may say otherwise"
    return f" Over the seeds it is {mean:.2f} ± {sd:.2f}{rest}."


def _columns(scores: pd.DataFrame) -> list[tuple[str, str]]:
    """(source, score) of each column."""
    return [(str(column[0]), str(column[1])) for column in scores.columns.tolist()]


def _of_targets(scores: pd.DataFrame, ranked: Targets, tables: ModelTables) -> pd.DataFrame:
    """Scores of reactions as scores of what is ranked."""
    ids = list(ranked.table["id"])
    if ranked.level == "gene":
        return scores_of_genes(scores, ids, tables)
    index = tables.reaction_index()
    return scores.iloc[[index[r] for r in ids]].set_axis(ids)


def _knockouts(references: References, ranked: Targets) -> np.ndarray:
    table = references.genes if ranked.level == "gene" else references.reactions
    left = table.set_index(ranked.level)["ratio"].reindex(ranked.table["id"])
    return np.asarray(1.0 - left.to_numpy(dtype=float).round(DECIMALS))


def _table(scores: pd.DataFrame, seeds: Mapping[tuple[str, str], np.ndarray], ranked: Targets, draws: int, seed: int) -> pd.DataFrame:
    strength = ranked.table["strength"].to_numpy(dtype=float)
    labels = ranked.table["essential"].to_numpy(dtype=bool) if "essential" in ranked.table else None
    rows, drawn = [], {}
    for source, score in _columns(scores):
        values = scores[(source, score)].to_numpy(dtype=float)
        known = np.isfinite(values)
        kept = None if labels is None else labels[known]
        if known.tobytes() not in drawn:
            drawn[known.tobytes()] = draw_counts(kept, int(known.sum()), draws, seed)
        found = evaluate_ranking(values[known], strength[known], kept, counts=drawn[known.tobytes()])
        row: dict[str, Any] = {"source": source, "score": score, "n": int(known.sum()), "positives": 0 if kept is None else int(kept.sum())}
        once = np.ones((1, int(known.sum())))
        others = [evaluate_ranking(one[known], strength[known], kept, counts=once) for one in seeds.get((source, score), ())]
        for name, field_name in METRICS.items():
            each = [getattr(one, field_name).value for one in others] or [np.nan, np.nan]
            row |= _ends(name, getattr(found, field_name))
            row |= {f"{name}_seed_mean": float(np.mean(each)), f"{name}_seed_sd": float(np.std(each, ddof=1))}
        rows.append(row)
    metrics = [f"{name}{end}" for name in METRICS for end in ("", "_low", "_high", "_seed_mean", "_seed_sd")]
    return pd.DataFrame(rows, columns=["source", "score", "n", "positives", *metrics])


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _reactions(scores: pd.DataFrame, tables: ModelTables) -> pd.DataFrame:
    """The scores of reactions that count, with names and pathways."""
    from core.metabolic.subsystems import assign_subsystems

    about = pd.DataFrame({"reaction": tables.reactions, "name": tables.reaction_names, "subsystem": assign_subsystems(tables).names})
    plain = scores.loc[:, scores.notna().any()]
    found = pd.concat([about, plain.set_axis([label(*column) for column in _columns(plain)], axis=1)], axis=1)
    return found[counted_reactions(tables)].reset_index(drop=True)


def _described(scores: pd.DataFrame, ranked: Targets, tables: ModelTables) -> pd.DataFrame:
    """Scores beside what was measured, with names."""
    ids, names = (tables.genes, tables.gene_names) if ranked.level == "gene" else (tables.reactions, tables.reaction_names)
    called = dict(zip(ids, names, strict=True))
    table = ranked.table.drop(columns="strength")
    table.insert(1, "name", table["id"].map(called))
    plain = scores.set_axis([label(*column) for column in _columns(scores)], axis=1).reset_index(drop=True)
    return pd.concat([table.reset_index(drop=True), plain], axis=1)
