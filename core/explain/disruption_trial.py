"""Over many RNAs: does the importance of elements follow what masking them does (faithfulness), and what disrupting them does (plausibility)?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.attribution import INTEGRATED_GRADIENTS
from core.explain.disruption import DRAWS, Disruption, Progress, Stop, disrupt
from core.explain.ranking_metrics import DRAWS as RESAMPLES
from core.explain.ranking_metrics import LEVEL, draw_counts
from core.rna.elements import walk
from core.rna.embedding import open_network, prepare
from core.rna.records import RnaRecord
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

LEAST = 4
"""With fewer elements than this an RNA ranks nothing."""
FAITHFULNESS, PLAUSIBILITY, EXCESS, RESCUE = "faithfulness", "plausibility", "excess", "rescue"
MASK, LENGTH = "mask", "length"
RANKINGS = (INTEGRATED_GRADIENTS, "attention", "message", LENGTH)
JUDGES = {MASK: FAITHFULNESS, "disrupted": PLAUSIBILITY, "excess": PLAUSIBILITY}
"""What rankings are held against; the effect of a mask is itself one against the other two."""
WORDS = {
    INTEGRATED_GRADIENTS: "|integrated gradients|",
    "attention": "attention",
    "message": "|message|",
    LENGTH: "length alone",
    MASK: "mask effect",
}
LEAD = f"{INTEGRATED_GRADIENTS} - {LENGTH}"
"""How much better integrated gradients rank than length, which knows no network."""
ALL, KEPT, LOSE_LESS = "all stems", "stems that the fold keeps", "share that loses less"


@dataclass(frozen=True, eq=False)
class ElementTrial:
    """Rankings of elements against masks and disruptions, over RNAs.

    Attributes:
        elements: one row an element, ``rna`` and the columns of :attr:`core.explain.disruption.Disruption.elements`.
        rnas: one row an RNA, ranking and judge: ``rna``, ``length`` (nt), ``elements``, ``measure``, ``ranking``, ``judge``, ``spearman`` (nan
            where one side is constant).
        summary: one row a figure: ``measure``, ``ranking``, ``judge``, ``value``, ``low``, ``high`` (bootstrap over RNAs, 95%) and ``rnas``.
            "faithfulness" and "plausibility": means of Spearman's correlation; "excess": mean loss of stems and of loops less that of random
            segments as long; "rescue": 1 - summed loss of compensated stems / summed loss of disrupted ones, and the share of stems that lose less.
        left_out: RNAs with fewer than :data:`LEAST` elements.
        manifest: versions, checkpoint, settings, RNAs.
    """

    elements: pd.DataFrame
    rnas: pd.DataFrame
    summary: pd.DataFrame
    left_out: tuple[str, ...]
    manifest: dict[str, Any]

    def figure(self, measure: str, ranking: str, judge: str = "") -> pd.Series:
        """A row of :attr:`summary`."""
        rows = self.summary[(self.summary["measure"] == measure) & (self.summary["ranking"] == ranking) & (self.summary["judge"] == judge)]
        found: pd.Series = rows.iloc[0]
        return found

    def sentences(self) -> list[str]:
        """What came out, one sentence on faithfulness, one on plausibility and one on compensated stems; a null result is said as one."""
        return [self._faithfulness(), self._plausibility(), self._rescue()]

    def _faithfulness(self) -> str:
        own, lead = self.figure(FAITHFULNESS, INTEGRATED_GRADIENTS, MASK), self.figure(FAITHFULNESS, LEAD, MASK)
        beside = ", ".join(f"{WORDS[r]} {_told(self.figure(FAITHFULNESS, r, MASK))}" for r in RANKINGS[1:])
        return (
            f"Faithfulness, over {_count(own['rnas'], 'RNA')} and {len(self.elements):,} elements: {WORDS[INTEGRATED_GRADIENTS]} and the effect of "
            f"masking an element have a Spearman correlation of {_told(own)}; beside it {beside}; its lead over length is {_told(lead)}."
        )

    def _plausibility(self) -> str:
        loss, excess = (self.figure(PLAUSIBILITY, INTEGRATED_GRADIENTS, judge) for judge in ("disrupted", "excess"))
        length, lead = (self.figure(PLAUSIBILITY, ranking, "disrupted") for ranking in (LENGTH, LEAD))
        stems, loops = (self.figure(EXCESS, kind) for kind in ("stems", "loops"))
        return (
            f"Plausibility: with the loss when an element is disrupted and the RNA folded again {WORDS[INTEGRATED_GRADIENTS]} correlate by "
            f"{_told(loss)}, length alone by {_told(length)}, a lead of {_told(lead)}; with the excess of that loss over random segments as long by "
            f"{_told(excess)}. Stems lose {_told(stems)} more than such segments, loops {_told(loops)}."
        )

    def _rescue(self) -> str:
        every, kept, share = (self.figure(RESCUE, which) for which in (ALL, KEPT, LOSE_LESS))
        if not every["rnas"]:
            return "Compensatory double mutants: there is no stem to exchange."
        stems = self.elements["rescue"].notna()
        stays = int((stems & (self.elements["pairs_kept"] == self.elements["pairs"])).sum())
        inside = f", and {_told(kept)} for the {_count(stays, 'stem')} that the fold then keeps whole" if stays else ""
        return (
            f"Compensatory double mutants: exchanging both strands of a stem takes back a share of {_told(every)} of the loss of the one-sided "
            f"mutants of {_count(int(stems.sum()), 'stem')}{inside}; a share of {share['value']:.2f} ({share['low']:.2f} to {share['high']:.2f}) of "
            "stems loses less."
        )


def element_trial(
    records: Sequence[RnaRecord],
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    device: str = "cpu",
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> ElementTrial:
    """Disrupts every element of every RNA and holds what ranks elements against the effects.

    Args:
        records: their own structures are not used: elements are those of the fold that disruptions change.
        draws, seed, executor: as in :func:`core.explain.disruption.disrupt`.
        on_progress: called with ("RNAs", done, total).

    Raises:
        InputError: no RNA has :data:`LEAST` elements, or one is too long.
        Cancelled: ``should_stop`` said so.
    """
    network = open_network(checkpoint)
    found: list[Disruption] = []
    left_out = []
    for done, record in enumerate(records):
        if on_progress:
            on_progress("RNAs", done, len(records))
        folded = prepare(replace(record, structure=None), network[0].soft)
        if sum(bool(element.bases) for element in walk(str(folded.record.structure)).elements) < LEAST:
            left_out.append(record.id)
            continue
        given = {"draws": draws, "seed": seed, "device": device, "executor": executor, "should_stop": should_stop}
        found.append(disrupt(folded.record, network, ensemble=folded.ensemble, **given))  # type: ignore[arg-type]
    if not found:
        raise InputError(f"None of the {_count(len(records), 'RNA')} has {LEAST} elements or more to rank; give RNAs that fold into more.")
    if on_progress:
        on_progress("RNAs", len(records), len(records))
    elements = pd.concat([one.elements.assign(rna=one.record.id) for one in found], ignore_index=True)
    elements.insert(0, "rna", elements.pop("rna"))
    rnas = pd.DataFrame([row for one in found for row in _rankings(one)])
    manifest = {name: found[0].manifest[name] for name in ("gatescope", "versions", "checkpoint", "target", "draws", "seed")}
    manifest |= {
        "key": digest_of(rnas=[one.manifest["key"] for one in found], left_out=left_out),
        "rnas": [one.manifest["record"] for one in found],
        "left_out": left_out,
        "least_elements": LEAST,
        "structures": "folded at 37 °C by ViennaRNA",
    }
    return ElementTrial(elements, rnas, _summary(elements, rnas, seed), tuple(left_out), manifest)


def rankings_of(elements: pd.DataFrame) -> pd.DataFrame:
    """What there is to rank elements by, a column each; length knows no network."""
    told = {INTEGRATED_GRADIENTS: elements[INTEGRATED_GRADIENTS].abs(), LENGTH: elements["size"].astype(float), MASK: elements[MASK].abs()}
    return pd.DataFrame(told | {name: elements[name] for name in ("attention", "message")})


def spearman(first: pd.Series, second: pd.Series) -> float:
    """Over the elements that have both; nan with fewer than :data:`LEAST` of them, or where one side is constant."""
    from scipy.stats import spearmanr

    known = first.notna() & second.notna()
    one, other = first[known], second[known]
    return float(spearmanr(one, other).statistic) if len(one) >= LEAST and one.nunique() > 1 and other.nunique() > 1 else np.nan


def told_of_one(found: Disruption) -> str:
    """What one RNA says, faithfulness and plausibility apart; a single RNA has too few elements for intervals."""
    elements, ranked = found.elements, rankings_of(found.elements)
    said = []
    if len(elements) < LEAST:
        said.append(f"The RNA has {_count(len(elements), 'element')}, too few to rank: at least {LEAST} are needed.")
    else:
        for lead, what, judge in (
            ("Faithfulness", "the effect of masking them", ranked[MASK]),
            ("Plausibility", "the loss when they are disrupted and the RNA is folded again", elements["disrupted"]),
        ):
            own, length = (f"{round(spearman(ranked[name], judge), 2) + 0.0:.2f}" for name in (INTEGRATED_GRADIENTS, LENGTH))
            said.append(
                f"{lead}: over {len(elements)} elements {WORDS[INTEGRATED_GRADIENTS]} and {what} have a Spearman correlation of {own}; length alone "
                f"has {length}."
            )
    stems = elements[elements["rescue"].notna()]
    if len(stems):
        rescue = 1 - stems["compensated"].sum() / stems["disrupted"].sum()
        less = int((stems["compensated"] < stems["disrupted"]).sum())
        taken = f"takes back a share of {rescue:.2f} of" if rescue >= 0 else f"adds a share of {-rescue:.2f} to"
        verb = "loses" if less == 1 else "lose"
        said.append(f"Exchanging both strands {taken} the loss of {_count(len(stems), 'disrupted stem')}; {less} of them {verb} less.")
    return " ".join([*said, "One RNA proves little: python -m core disrupt measures many, with intervals."])


def _rankings(one: Disruption) -> list[dict[str, Any]]:
    ranked = rankings_of(one.elements)
    judges = {MASK: ranked[MASK], "disrupted": one.elements["disrupted"], "excess": one.elements["excess"]}
    about = {"rna": one.record.id, "length": one.record.length, "elements": len(one.elements)}
    return [
        {**about, "measure": JUDGES[judge], "ranking": ranking, "judge": judge, "spearman": spearman(ranked[ranking], judges[judge])}
        for judge in JUDGES
        for ranking in (*RANKINGS, *([MASK] if judge != MASK else []))
    ]


def _summary(elements: pd.DataFrame, rnas: pd.DataFrame, seed: int) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []

    def add(measure: str, ranking: str, judge: str, above: pd.Series, below: pd.Series) -> None:
        rows.append({"measure": measure, "ranking": ranking, "judge": judge, **_ratio(above, below, seed)})

    for judge, measure in JUDGES.items():
        table = rnas[rnas["judge"] == judge].pivot(index="rna", columns="ranking", values="spearman")
        table[LEAD] = table[INTEGRATED_GRADIENTS] - table[LENGTH]
        for ranking in (*RANKINGS, LEAD, *([MASK] if judge != MASK else [])):
            known = table[ranking].dropna()
            add(measure, ranking, judge, known, known * 0 + 1)
    stem = elements["kind"] == "stem"
    for kind, chosen in (("stems", stem), ("loops", ~stem)):
        by = elements[chosen & elements["excess"].notna()].groupby("rna")["excess"]
        add(EXCESS, kind, "", by.sum(), by.count())
    stems = elements[elements["rescue"].notna()]
    for kind, table in ((ALL, stems), (KEPT, stems[stems["pairs_kept"] == stems["pairs"]])):
        by_rna = table.groupby("rna")
        add(RESCUE, kind, "", by_rna["disrupted"].sum() - by_rna["compensated"].sum(), by_rna["disrupted"].sum())
    less = (stems["compensated"] < stems["disrupted"]).groupby(stems["rna"])
    add(RESCUE, LOSE_LESS, "", less.sum(), less.count())
    return pd.DataFrame(rows)


def _ratio(above: pd.Series, below: pd.Series, seed: int) -> dict[str, float]:
    """A ratio of sums over RNAs and the ends of its percentile interval when RNAs are drawn with replacement; nan where there is none."""
    n = len(above)
    if not n:
        return {"value": np.nan, "low": np.nan, "high": np.nan, "rnas": 0}
    counts = draw_counts(None, n, RESAMPLES, seed)
    up, down = above.to_numpy(dtype=float), below.to_numpy(dtype=float)
    low, high = np.quantile((counts @ up) / (counts @ down), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": float(up.sum() / down.sum()), "low": float(low), "high": float(high), "rnas": n}


def _told(row: pd.Series) -> str:
    """A figure with its interval; that it includes 0, or that there is none, is said."""
    if not row["rnas"]:
        return "cannot be told"
    value, low, high = (f"{round(row[name], 2) + 0.0:.2f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high}{', not told from 0' if row['low'] <= 0 <= row['high'] else ''})"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
