"""GINFINITY's rows of a scoreboard and of the table of elements and bases: a peer, measured as the networks are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.explain.labelled import LabelledRnas
from core.explain.motif_scores import motif_scores
from core.explain.scoreboard import JOINED, Encoder, folded_rnas, replace_centred
from core.rna.embedding import Prepared
from core.rna.fingerprints import FINGERPRINTS, KMER_WEIGHT, Score, joined
from core.rna.ginfinity import embed_ginfinity

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.models.nucleotide_gine import NucleotideGine

    Opened = tuple[NucleotideGine, Card]

PEER = "GINFINITY"
MEAN, MEAN_STD = f"{PEER}, mean", f"{PEER}, mean + std (L1)"
ROWS = (MEAN, MEAN_STD, *(f"{MEAN} + {counts}" for counts in JOINED))
"""Names of its rows: its two poolings, and its mean with 4-mers joined to it as they are to networks."""
AT_ONCE = 256
"""RNAs whose bases' vectors are held side by side."""


def ginfinity_scores(opened: Opened) -> Encoder:
    """What :func:`core.explain.scoreboard.scoreboard` asks for the scores :data:`ROWS`.

    Args:
        opened: what :func:`core.rna.ginfinity.open_ginfinity` gave.
    """

    def scores(labelled: LabelledRnas, prepared: Sequence[Prepared]) -> Mapping[str, Score]:
        records = [replace(p.record, id=str(i)) for i, p in enumerate(prepared)]
        parts = [records[start : start + AT_ONCE] for start in range(0, len(records), AT_ONCE)]
        both = np.concatenate([embed_ginfinity(part, opened, pooling="mean_std", device="cpu")["rna"].vectors for part in parts])
        mean = Score(both[:, : both.shape[1] // 2])
        rnas, own = folded_rnas(prepared), (replace_centred(mean), 1.0)
        hybrids = {f"{MEAN} + {name}": joined(own, (replace_centred(FINGERPRINTS[name](rnas)), KMER_WEIGHT / 2)) for name in JOINED}
        return {MEAN: mean, MEAN_STD: Score(both, "l1"), **hybrids}

    return scores


def ginfinity_motifs(labelled: LabelledRnas, prepared: Sequence[Prepared], opened: Opened) -> pd.DataFrame:
    """Its rows of :func:`core.explain.motif_scores.motif_scores`, of the kind "peer"."""
    found = motif_scores(labelled, prepared, opened)
    return found[found["score"] == opened[1].name].assign(score=PEER, kind="peer")


def about(card: Card) -> dict[str, Any]:
    """What stands beside its figures: which weights, and the credit their licence asks for."""
    licence = card.content["licence"]
    return {"version": card.content["version"], "weights_sha256": card.weights_sha256, "licence": licence["name"], "credit": licence["credit"]}
