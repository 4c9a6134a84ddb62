"""How well scores tell relatives from strangers, in one table: a network's embedding beside what needs no network.

Every score is asked about the same pairs (:mod:`core.explain.pairs`) and the same neighbours; intervals come from families drawn again. Folding is
the larger part of the problem, so each figure says where its structures came from: folded by ViennaRNA from the sequence alone, or the family's
structure, which was projected from one annotation and is shared by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from core import __version__
from core.errors import Cancelled, InputError
from core.explain.labelled import LabelledRnas
from core.explain.pairs import DISTANT, REMOTE, Hits, Pairs, auc_over_families, hits, matched_pairs
from core.rna.embedding import Prepared, embed_levels, prepare
from core.rna.ensemble import PairEnsemble
from core.rna.fingerprints import FINGERPRINTS, KMER_WEIGHT, FoldedRnas, Score, joined
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.models.rna import RnaGine

SEED = 7
SOURCES = ("folded", "family")
"""Where structures come from: folded by ViennaRNA, or the family's own."""
JOINED = ("4-mers", "4-mers by place")
"""What is joined to a network's embedding, each as a row of its own."""
BESIDE = ("profile + 4-mers by place", "4-mers", "length")
"""Untrained scores that stand beside a network family by family."""
FOLDED_AT_ONCE = 64

Progress = Callable[[str, int, int], None]
Encoder = Callable[[LabelledRnas, Sequence[Prepared]], Mapping[str, Score]]
"""From RNAs, prepared for the structures in question, to one score or more by name."""


@dataclass(frozen=True, eq=False)
class Scoreboard:
    """A table of scores.

    Attributes:
        table: one row a score and source of structures: ``score``, ``kind`` ("untrained", "network", "hybrid", "peer"), ``structures`` (of
            :data:`SOURCES`), for each of ``all``, ``distant`` (identity under 60%) and ``remote`` (under 50%) the AUC, ``_low`` and ``_high``
            (95%), and ``hit_1`` and ``hit_5``: share of queries whose nearest, or one of five nearest, is of their family, members under 60%
            identity only.
        nearest: the hits family by family, one row a score, source of structures and family: ``score``, ``structures``, ``family``, ``name``,
            ``queries``, ``hit_1``, ``hit_5``.
        manifest: counts, seeds, versions, key.
    """

    table: pd.DataFrame
    nearest: pd.DataFrame
    manifest: dict[str, Any]


def scoreboard(
    labelled: LabelledRnas,
    encoders: Mapping[str, tuple[RnaGine, Card] | Encoder],
    *,
    sources: Sequence[str] = SOURCES,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Scoreboard:
    """Measures every untrained score and every encoder on the same pairs.

    Args:
        encoders: networks by name, or functions for peers. A network also gets rows with 4-mers joined to it, as hybrids.
        sources: the family's structures are left out, with a note in the manifest, when some RNA has none.
        executor: folds on its workers.

    Raises:
        InputError: no pair of one family matches in length.
        Cancelled: ``should_stop`` said so.
    """
    pairs = matched_pairs(labelled.lengths, labelled.families, seed=SEED, groups=labelled.groups, alike=labelled.identity)
    if not len(pairs):
        raise InputError("No two RNAs of a family match in length (7%), with a stranger as long: nothing can be measured; add RNAs.")
    notes = []
    rows: list[dict[str, Any]] = []
    nearest: list[pd.DataFrame] = []
    for source in sources:
        if source == "family" and any(record.structure is None for record in labelled.records):
            notes.append("The family's structures are not measured: some RNAs have none.")
            continue
        prepared = prepare_all(labelled, source, executor=executor, on_progress=on_progress, should_stop=should_stop)
        for kind, name, score in _scores(labelled, prepared, encoders, on_progress):
            if should_stop and should_stop():
                raise Cancelled("The scoreboard was stopped.")
            near = hits(score.of_row, labelled.families, groups=labelled.groups, alike=labelled.identity)
            rows.append({"score": name, "kind": kind, "structures": source, **_figures(score, pairs, near)})
            nearest.append(_by_family(near, labelled).assign(score=name, structures=source))
    manifest = {
        "key": digest_of(rnas=labelled.key, encoders=sorted(encoders), sources=list(sources)),
        "gatescope": __version__,
        "rnas": len(labelled),
        "families": len(set(labelled.families)),
        "groups": len(set(labelled.groups)),
        "pairs": {name: len(chosen) for name, chosen in _cuts(pairs).items()},
        "seed": SEED,
        "notes": notes,
    }
    return Scoreboard(pd.DataFrame(rows), pd.concat(nearest, ignore_index=True), manifest)


def prepare_all(
    labelled: LabelledRnas,
    source: str,
    *,
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[Prepared]:
    """Structure and pair probabilities of every RNA: folded anew, or the family's structure as certain."""
    bare = source == "folded"
    records = [replace(record, structure=None) if bare else record for record in labelled.records]
    found: list[Prepared] = []
    for start in range(0, len(records), FOLDED_AT_ONCE):
        part = records[start : start + FOLDED_AT_ONCE]
        found += (executor.map if executor else map)(prepare, part, [True] * len(part))
        if on_progress:
            on_progress(f"structures: {source}", len(found), len(records))
        if should_stop and should_stop():
            raise Cancelled("The scoreboard was stopped.")
    return found


def folded_rnas(prepared: Sequence[Prepared]) -> FoldedRnas:
    """What fingerprints look at."""
    ensembles = [PairEnsemble.certain(str(p.record.structure)) if p.ensemble is None else p.ensemble for p in prepared]
    return FoldedRnas([p.record.sequence for p in prepared], [str(p.record.structure) for p in prepared], ensembles)


def network_score(network: tuple[RnaGine, Card], prepared: Sequence[Prepared]) -> Score:
    """Cosine of a network's whole-RNA embeddings."""
    records = [replace(p.record, id=str(i)) for i, p in enumerate(prepared)]
    found = embed_levels(records, checkpoint=network, levels=("rna",), ensembles=[p.ensemble for p in prepared], device="cpu")
    return Score(found["rna"].vectors)


def _scores(
    labelled: LabelledRnas, prepared: Sequence[Prepared], encoders: Mapping[str, tuple[RnaGine, Card] | Encoder], on_progress: Progress | None
) -> list[tuple[str, str, Score]]:
    rnas = folded_rnas(prepared)
    untrained = {name: score(rnas) for name, score in FINGERPRINTS.items()}
    found = [("untrained", name, score) for name, score in untrained.items()]
    for done, (name, encoder) in enumerate(encoders.items(), 1):
        if callable(encoder):
            found += [
                ("hybrid" if " + " in peer and "4-mers" in peer else "peer", peer, score) for peer, score in encoder(labelled, prepared).items()
            ]
        else:
            own = network_score(encoder, prepared)
            found.append(("network", name, own))
            found += [("hybrid", f"{name} + {counts}", hybrid(own, untrained[counts])) for counts in JOINED]
        if on_progress:
            on_progress("embedding", done, len(encoders))
    return found


def hybrid(network: Score, counts: Score) -> Score:
    """A network's embeddings and k-mer counts side by side, each about its mean."""
    return joined((replace_centred(network), 1.0), (replace_centred(counts), KMER_WEIGHT / 2))


def replace_centred(score: Score) -> Score:
    """The score with the mean taken off."""
    return Score(score.vectors, score.measure, centred=True)


def _cuts(pairs: Pairs) -> dict[str, Pairs]:
    return {"all": pairs, "distant": pairs.below(DISTANT), "remote": pairs.below(REMOTE)}


def _by_family(near: Hits, labelled: LabelledRnas) -> pd.DataFrame:
    found = pd.DataFrame({"family": [labelled.families[row] for row in near.queries], **{f"hit_{k}": values for k, values in near.near.items()}})
    means = {"queries": ("hit_1", "size"), "hit_1": ("hit_1", "mean"), "hit_5": ("hit_5", "mean")}
    families = found.groupby("family", as_index=False).agg(**means)
    families.insert(1, "name", [labelled.names.get(family, "") for family in families["family"]])
    return families


def _figures(score: Score, pairs: Pairs, near: Hits) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, chosen in _cuts(pairs).items():
        found = auc_over_families(score.of_pairs(chosen.a, chosen.b), score.of_pairs(chosen.a, chosen.other), chosen.family)
        figures |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return figures | {f"hit_{k}": float(values.mean()) if len(values) else float("nan") for k, values in near.near.items()}


def beside(nearest: pd.DataFrame, network: str, source: str = "folded") -> pd.DataFrame:
    """Hits of a network family by family, beside those of :data:`BESIDE`.

    Returns:
        One row a family: ``family``, ``name``, ``queries``, and ``<score> @1`` and ``<score> @5`` of each score.
    """
    rows = nearest[nearest["structures"] == source]
    shown = rows.loc[rows["score"] == network, ["family", "name", "queries"]].reset_index(drop=True)
    for score in (network, *BESIDE):
        own = rows[rows["score"] == score].set_index("family")
        for k in (1, 5):
            shown[f"{score} @{k}"] = own[f"hit_{k}"].reindex(shown["family"]).to_numpy()
    return shown


WORDS = {"folded": "folded from the sequence alone", "family": "with the family's structure"}
CUTS = {"all": "all pairs", "distant": "under 60% identity", "remote": "under 50% identity"}


def verdict(table: pd.DataFrame, network: str, *, source: str = "folded", cut: str = "distant") -> str:
    """In words, whether a network's embedding tells relatives from strangers better than what needs no training.

    Args:
        table: of :class:`Scoreboard`; network: the name of one of its rows.
    """
    rows = table[(table["structures"] == source) & table[cut].notna()]
    own = rows[rows["score"] == network]
    untrained = rows[rows["kind"] == "untrained"]
    if own.empty or untrained.empty:
        return f"There are no pairs {CUTS[cut]} here to compare {network} on."
    mine, best = own.iloc[0], untrained.loc[untrained[cut].idxmax()]
    apart = mine[f"{cut}_low"] > best[cut] or best[f"{cut}_low"] > mine[cut]
    said = "tells relatives from strangers better than" if mine[cut] > best[cut] else "does not tell relatives from strangers better than"
    doubt = "" if apart else " The intervals hold both figures: the difference may be chance."
    return (
        f"{WORDS[source][:1].upper()}{WORDS[source][1:]}, {CUTS[cut]}, the embedding of {network} alone {said} the best score that needs no "
        f"training: AUC {mine[cut]:.3f} [{mine[f'{cut}_low']:.3f}, {mine[f'{cut}_high']:.3f}] against {best[cut]:.3f} "
        f"[{best[f'{cut}_low']:.3f}, {best[f'{cut}_high']:.3f}] of {best['score']}.{doubt}"
    )
