"""What the ablation says: its table, paired intervals over seeds, and a plain sentence for every question, the null ones too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.errors import InputError
from core.storage import digest
from core.train.ablation_variants import REFERENCE, VARIANTS

SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "ablation"
RESULT, JOBS, TABLE, SUMMARY = "result.json", "jobs", "core.csv", "summary.json"
SCHEMA = 1
HELD_OUT = ("nutrient", "gene", "both")
CONFIDENCE = 0.95
NAMES = ("variant", "title", "group")
"""Columns of the table that hold text."""

MEASURES = {
    "growth_r2": "growth R²",
    "flux_r2_median": "flux R², median",
    "essentiality_ap": "essential reactions, average precision",
    "nutrient_growth_r2": "growth R², a nutrient never seen (pyruvate)",
    "gene_growth_r2": "growth R², unseen knock-outs",
    "both_growth_r2": "growth R², unseen both",
}
"""What variants are compared on; higher is better for all."""
SAID = {"growth_r2": "growth", "flux_r2_median": "fluxes", "essentiality_ap": "essential reactions"}
"""Those a sentence speaks of, and its word for each."""


@dataclass(frozen=True)
class Question:
    """``first`` against ``second``, both names of variants."""

    text: str
    first: str
    second: str = REFERENCE


QUESTIONS = (
    Question("Does a gate per incidence help?", REFERENCE, "none"),
    Question("Does a gate per metabolite help?", "metabolite", "none"),
    Question("Is a gate per incidence better than one per metabolite?", REFERENCE, "metabolite"),
    Question("Does ReLU lose anything against GELU?", "relu"),
    Question("Does LeakyReLU lose anything against GELU?", "leaky_relu"),
    Question("Does tanh do better than GELU?", "tanh"),
    Question("Is an activation needed at all?", "identity"),
    Question("Are messages better weighed by |s| than by its root?", "linear"),
    Question("Are messages better weighed by ln(1 + |s|) than by the root of |s|?", "log1p"),
    Question("Does normalising by count do as well as by stoichiometry?", "count"),
    Question("Is normalising needed?", "unnormalised"),
    Question("Does attention help beside gates?", REFERENCE, "no-attention"),
    Question("Do messages help at all?", REFERENCE, "no-messages"),
    Question("Do layers need weights of their own?", "tied"),
    Question("Does twice the depth help, at no cost in parameters?", "tied-12", "tied"),
    Question("What does mild gate sparsity cost?", "sparse-0.01"),
    Question("What does strong gate sparsity cost?", "sparse-0.1"),
    Question("What does a steady-state penalty cost?", "steady"),
    Question("Does a network that imitates the solver do better?", "primal-dual"),
    Question("Do gates help the network that imitates the solver?", "primal-dual", "primal-dual-ungated"),
    Question("Is the gated network better than PyG's hypergraph convolution?", REFERENCE, "hypergraph-conv"),
    Question("Is the gated network better than a graph convolution on the bipartite graph?", REFERENCE, "gcn"),
    Question("Is the gated network better than a plain network on the bounds?", REFERENCE, "mlp"),
    Question("Is the gated network better than gradient boosting on the bounds?", REFERENCE, "boosting"),
)


class Paired(NamedTuple):
    """``first`` and ``second`` are means over the n seeds; ``difference`` = first - second, [``low``, ``high``] its interval, ``p`` two-sided."""

    n: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, eq=False)
class Ablation:
    """A finished ablation: ``table``, one row per variant and seed (see :func:`results`), and ``summary``
    (see :func:`core.train.ablation_summary.summarise`)."""

    table: pd.DataFrame
    summary: Mapping[str, Any]


def job_folder(root: Path, name: str, seed: int) -> Path:
    """Where a job keeps its state and its result."""
    return root / JOBS / name / str(seed)


def results(root: Path) -> pd.DataFrame:
    """What is finished below ``root``: columns variant, title, group, seed and every figure of the jobs; nan where a figure does not apply."""
    order = {variant.name: place for place, variant in enumerate(VARIANTS)}
    rows = []
    for path in (root / JOBS).glob(f"*/*/{RESULT}"):
        row = json.loads(path.read_text())
        if row["variant"] in order:
            variant = VARIANTS[order[row["variant"]]]
            rows.append({"variant": variant.name, "title": variant.title, "group": variant.group, **row})
    rows.sort(key=lambda row: (order[row["variant"]], row["seed"]))
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=[*NAMES, "seed"])
    return table.assign(**{column: pd.to_numeric(table[column]) for column in table.columns if column not in NAMES})


def shipped(folder: Path | None = None) -> Ablation | None:
    """The ablation that came with this release (or lies in a folder), None when none is installed.

    Raises:
        InputError: its files are damaged or of another version.
    """
    folder = folder or SHIPPED
    if not (folder / SUMMARY).is_file():
        return None
    try:
        content = (folder / TABLE).read_bytes()
        summary = json.loads((folder / SUMMARY).read_text())
        table = pd.read_csv(folder / TABLE)
        known = summary["schema"] == SCHEMA and summary["table_sha256"] == digest(content)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"The measured ablation in {folder.name} cannot be read ({type(error).__name__}); restore it from the release.") from None
    if not known:
        raise InputError(f"The table {TABLE} of the ablation is not the one its summary describes; restore both from the release.")
    return Ablation(table, summary)


def by_variant(table: pd.DataFrame) -> pd.DataFrame:
    """One row per variant: its names, how many seeds, and the mean of every figure over them; ``<measure>_low`` and ``<measure>_high`` are the ends
    of the 95% interval of each of :data:`MEASURES`."""
    rows = []
    for _, seeds in table.groupby("variant", sort=False):
        row: dict[str, Any] = {name: seeds[name].iloc[0] for name in NAMES} | {"seeds": len(seeds)}
        for figure in seeds.columns.difference([*NAMES, "seed"], sort=False):
            row[figure], low, high = mean_interval(seeds[figure].astype(float).tolist())
            row |= {f"{figure}_low": low, f"{figure}_high": high} if figure in MEASURES else {}
        rows.append(row)
    return pd.DataFrame(rows)


def verdict(pair: Mapping[str, float]) -> str:
    """What a :class:`Paired` shows: "better", "worse", "no difference" that its seeds can show, or "one seed", which can show none."""
    if pair["n"] < 2:
        return "one seed"
    if pair["low"] <= 0 <= pair["high"]:
        return "no difference"
    return "better" if pair["difference"] > 0 else "worse"


def group_of(question: Mapping[str, Any]) -> str:
    """The section of the table a question belongs to: that of whichever of its two variants is not the reference."""
    groups = {variant.name: variant.group for variant in VARIANTS}
    return groups[question["second"] if question["first"] == REFERENCE else question["first"]]


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and its 95% t interval (n - 1 degrees of freedom); nan ends for fewer than two values."""
    known = np.asarray([v for v in values if np.isfinite(v)], dtype=float)
    if len(known) < 2:
        return (float(known.mean()) if len(known) else float("nan")), float("nan"), float("nan")
    half = _t(len(known)) * known.std(ddof=1) / np.sqrt(len(known))
    return float(known.mean()), float(known.mean() - half), float(known.mean() + half)


def paired(table: pd.DataFrame, first: str, second: str, measure: str) -> Paired | None:
    """The paired difference of two variants over the seeds both have, with a t interval on n - 1 degrees of freedom; None without a common seed.

    Seeds alike share the order of the batches, so the pairing removes what both have of it. A variant without seeds (gradient boosting) is
    the same number for every seed of the other. The interval is over seeds alone: all variants see the same conditions.
    """
    if measure not in table:
        return None
    a, b = (table[table["variant"] == name].set_index("seed")[measure].astype(float).dropna() for name in (first, second))
    deterministic = {v.name for v in VARIANTS if v.kind == "boosting"}
    if second in deterministic and len(b):
        b = pd.Series(float(b.iloc[0]), index=a.index)
    both = a.index.intersection(b.index)
    if not len(both):
        return None
    gap = (a[both] - b[both]).to_numpy()
    centre, low, high = mean_interval(gap.tolist())
    return Paired(len(both), float(a[both].mean()), float(b[both].mean()), centre, low, high, _p(gap))


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for how many there are (Holm, 1979); nan stays nan and does not count."""
    found = [float("nan")] * len(values)
    known = sorted((p, place) for place, p in enumerate(values) if np.isfinite(p))
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        found[place] = highest
    return found


def answers(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Every question both sides of which were measured: text, first, second, measures (each a :class:`Paired` with p_holm), sentence."""
    asked = [q for q in QUESTIONS if {q.first, q.second} <= set(table["variant"])]
    found = [{m: pair for m in MEASURES if (pair := paired(table, q.first, q.second, m)) is not None} for q in asked]
    corrected = {m: holm([pairs[m].p if m in pairs else float("nan") for pairs in found]) for m in MEASURES}
    told = []
    for place, (question, pairs) in enumerate(zip(asked, found, strict=True)):
        measures = {m: {**pair._asdict(), "p_holm": corrected[m][place]} for m, pair in pairs.items()}
        told.append({**asdict(question), "measures": measures, "sentence": sentence(question, measures, len(asked))})
    return told


def sentence(question: Question, measures: Mapping[str, Mapping[str, float]], asked: int = 1) -> str:
    """What the measures say, in words."""
    titles = {variant.name: variant.title for variant in VARIANTS}
    said = [_clause(SAID[m], measures[m], asked) for m in SAID if m in measures]
    first = titles[question.first]
    return f"{first[:1].upper()}{first[1:]} against {titles[question.second]}. {' '.join(said)}"


def _clause(word: str, pair: Mapping[str, float], asked: int) -> str:
    values, shown = f"{pair['first']:.3f} against {pair['second']:.3f}", verdict(pair)
    if shown == "one seed":
        return f"{word.capitalize()}: {values}; one seed cannot tell a difference from chance."
    interval = f"95% interval {pair['low']:+.3f} to {pair['high']:+.3f}"
    if shown == "no difference":
        return f"{word.capitalize()}: no difference that {_number(pair['n'])} seeds can show ({values}, {interval})."
    chance = f", which {asked} questions may bring about by chance" if not pair["p_holm"] <= 1 - CONFIDENCE else ""
    return f"{word.capitalize()}: {shown} by {abs(pair['difference']):.3f} ({values}, {interval}{chance})."


def _number(count: float) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[int(count)] if count < len(words) else str(int(count))


def _t(count: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, count - 1))


def _p(gap: np.ndarray) -> float:
    from scipy.stats import t

    if len(gap) < 2:
        return float("nan")
    spread = gap.std(ddof=1) / np.sqrt(len(gap))
    if spread == 0:
        return 1.0 if gap.mean() == 0 else 0.0
    return float(2 * t.sf(abs(gap.mean() / spread), len(gap) - 1))
