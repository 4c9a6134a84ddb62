"""The ablation in plain words: what was measured beside accuracy, how it was made, and all of it as one JSON object and on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from core import __version__
from core.storage import digest
from core.train.ablation_report import MEASURES, SAID, SCHEMA, answers, mean_interval
from core.train.ablation_variants import REFERENCE, VARIANTS, Budget

ACTIVATIONS = {REFERENCE: "GELU", "relu": "ReLU", "leaky_relu": "LeakyReLU", "tanh": "tanh", "identity": "no activation"}
SPARSE = {REFERENCE: "without a penalty on gates", "sparse-0.01": "with a penalty of weight 0.01", "sparse-0.1": "with one of weight 0.1"}


def table_bytes(table: pd.DataFrame) -> bytes:
    """The table as the CSV file that is shipped."""
    return table.to_csv(index=False).encode()


def summarise(table: pd.DataFrame, budget: Budget, *, command: str, iterations: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Everything but the table: how it was made, every question with its intervals and sentence, findings, and the plain iterations.

    Args:
        table: of :func:`core.train.ablation_report.results`.
        command: what makes it again. iterations: rows of :func:`core.train.ablation.plain_iterations`.
    """
    from core.train.conditions import DISTRIBUTION

    return {
        "schema": SCHEMA,
        "budget": {**asdict(budget), "steps": budget.steps, "distribution": DISTRIBUTION, "split": "seen"},
        "seeds": {str(name): int(count) for name, count in table["variant"].value_counts(sort=False).items()},
        "device": "CPU",
        "threads": 1,
        "seconds": round(float(table["seconds"].sum())),
        "torch": version("torch"),
        "gatescope": __version__,
        "command": command,
        "questions": answers(table),
        "findings": findings(table, iterations),
        "iterations": [dict(row) for row in iterations],
        "table_sha256": digest(table_bytes(table)),
    }


def findings(table: pd.DataFrame, iterations: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, str]]:
    """What was measured beside accuracy, a sentence each with the group of variants it is about; only of what the table holds."""
    means = table.groupby("variant", sort=False).mean(numeric_only=True)
    said = [("Gate", _cost(means)), ("Activation", _activations(means)), *(("Penalties", text) for text in _closed(means))]
    said += [("Penalties", _steady(means)), ("Other networks", _solver(means, iterations))]
    return [{"group": group, "sentence": text} for group, text in said if text]


def spoken(table: pd.DataFrame, summary: Mapping[str, Any]) -> str:
    """The table and the sentences as text."""
    measures = [m for m in SAID if m in table and table[m].notna().any()]
    lines = [f"{'':44s}seeds  " + "  ".join(MEASURES[m] for m in measures)]
    for variant in VARIANTS:
        rows = table[table["variant"] == variant.name]
        if len(rows):
            cells = (f"{mean_interval(rows[m].tolist())[0]:>{len(MEASURES[m])}.3f}" for m in measures)
            lines.append(f"{variant.title:44s}{len(rows):5d}  " + "  ".join(cells))
    return "\n".join(
        [*lines, "", *(f"{q['text']} {q['sentence']}" for q in summary["questions"]), "", *(one["sentence"] for one in summary["findings"])]
    )


def _activations(means: pd.DataFrame) -> str:
    known = [(word, means.loc[name]) for name, word in ACTIVATIONS.items() if _has(means, name, "zeroed")]
    if len(known) < 2:
        return ""
    zeroed = ", ".join(f"{word} {row['zeroed']:.1%}" for word, row in known)
    kept = ", ".join(f"{word} {row['negative_kept']:.0%}" for word, row in known)
    return (
        f"Between the two passes, the share of hidden units that are exactly 0: {zeroed}. Of the size of the negative ones, the share that passes: "
        f"{kept}. A hidden unit's sign is not that of consumption, and each update is added to the state it starts from, so a unit that is 0 loses "
        "news, not the state."
    )


def _has(means: pd.DataFrame, name: str, figure: str) -> bool:
    return figure in means and name in means.index and bool(np.isfinite(means[figure][name]))


def _closed(means: pd.DataFrame) -> list[str]:
    said = []
    for name, word in SPARSE.items():
        if not _has(means, name, "gate_closed"):
            continue
        row = means.loc[name]
        said.append(
            f"Gates {word}: mean {row['gate_mean']:.2f}, {row['gate_closed']:.1%} below 0.05. Growth R² is {row['growth_r2']:.3f}, and "
            f"{row['growth_r2_shut']:.3f} with those held at 0. {row['droppable']:.0f} incidences are closed in every layer, head and validation "
            f"condition: masking them gives {row['growth_r2_masked']:.3f}, deleting them from the hypergraph {row['growth_r2_deleted']:.3f}."
        )
    return said


def _steady(means: pd.DataFrame) -> str:
    if not {"steady", REFERENCE} <= set(means.index):
        return ""
    return (
        f"Distance of predicted fluxes from steady state, |S v| / |S||v| (0 is balanced, 1 is not at all): {means.loc[REFERENCE, 'imbalance']:.3f} "
        f"without and {means.loc['steady', 'imbalance']:.3f} with the penalty."
    )


def _cost(means: pd.DataFrame) -> str:
    if not {"none", REFERENCE} <= set(means.index):
        return ""
    gated, plain = means.loc[REFERENCE], means.loc["none"]
    return (
        f"Gates per incidence cost {gated['parameters'] - plain['parameters']:,.0f} parameters "
        f"({gated['parameters'] / plain['parameters'] - 1:+.1%}) and "
        f"{gated['seconds_per_step'] / plain['seconds_per_step'] - 1:+.0%} time per training step ({1000 * gated['seconds_per_step']:.0f} ms against "
        f"{1000 * plain['seconds_per_step']:.0f} ms on one thread)."
    )


def _solver(means: pd.DataFrame, iterations: Sequence[Mapping[str, Any]]) -> str:
    if not iterations or "primal-dual" not in means.index:
        return ""
    best = max(iterations, key=lambda row: (row["iterations"], row["growth_r2"]))
    near = max((row for row in iterations if row["iterations"] <= 30), key=lambda row: (row["iterations"], row["growth_r2"]))
    return (
        f"The solver's iteration without learning ({best['rule']}) is at growth R² {near['growth_r2']:.3f} after {near['iterations']} iterations "
        f"and {best['growth_r2']:.3f} after {best['iterations']:,} (median error {best['growth_error_median']:.3f} /h); 16 learned ones reach "
        f"{means.loc['primal-dual', 'growth_r2']:.3f} with {means.loc['primal-dual', 'parameters']:,.0f} parameters."
    )
