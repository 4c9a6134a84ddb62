"""What training runs left in their folders: settings, curves and held-out figures, of one run and of several side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from core.runs.record import RunInfo, read_json, read_lines

SETTINGS = "settings.json"
"""What a run was asked for, written before its start; ``training.json`` is what it made of it."""
KINDS = {"train-metabolic": "metabolic", "train-rna": "rna"}
FIGURES = {
    "metabolic": {"growth_r2": "growth R²", "growth_r2_growing": "growth R², growing only", "flux_r2_median": "flux R², median"},
    "rna": {"folded": "pair AUC, folded", "given": "pair AUC, structures given", "shuffles": "pair AUC, against shuffles"},
}
"""Held-out figures by kind of run, as they stand in the history and on the card."""
SELECTS = {"metabolic": ("growth_r2", "flux_r2_median"), "rna": ("folded", "given", "shuffles")}
"""The figures whose sum on validation decides which epoch's weights are kept."""


@dataclass(frozen=True, eq=False)
class Curves:
    """How the training of one seed went.

    Attributes:
        label: "seed 11" in an ensemble, else "".
        losses: columns step, loss (of that step's batch).
        history: one row per epoch: epoch, loss, seconds and figures on the validation conditions.
    """

    label: str
    losses: pd.DataFrame
    history: pd.DataFrame


def kind_of(run: RunInfo) -> str | None:
    """ "metabolic" or "rna"; None for a run that trains nothing."""
    return KINDS.get(run.kind)


def asked_for(run: RunInfo) -> dict[str, Any]:
    """The settings a run was given; what is missing there it took from the defaults. Empty when none were written."""
    return read_json(run.folder / SETTINGS) or read_json(run.folder / "training.json")


def settings(run: RunInfo) -> dict[str, Any]:
    """The settings of a run in full, once it has started; before, those it was given."""
    made, given = read_json(run.folder / "training.json"), read_json(run.folder / SETTINGS)
    if not made:
        return given
    # Each seed of an ensemble is a training of one seed for itself; how many there are stands in what was asked for.
    several = {"members": given.get("members", made.get("members"))} if "members" in made else {}
    return {**made, **several, "network": {**made.get("network", {}), **about(run).get("network", {})}}


def about(run: RunInfo) -> dict[str, Any]:
    """``device``, ``parameters`` and every choice of the ``network``, as far as the run has got to saying so."""
    return read_json(run.folder / "about.json")


def card(run: RunInfo) -> dict[str, Any]:
    """The content of the model card a finished training wrote; empty before."""
    return read_json(run.folder / "checkpoint.json")


def curves(run: RunInfo) -> list[Curves]:
    """One for each seed that has begun."""
    others = sorted(run.folder.glob("seed-*"), key=lambda f: (len(f.name), f.name))
    seeds = [str(settings(run).get("seed", "")), *(folder.name.removeprefix("seed-") for folder in others)]
    several = bool(others) or int(settings(run).get("members", 1)) > 1
    found = [_curves(folder, f"seed {seed}" if several else "") for folder, seed in zip([run.folder, *others], seeds, strict=True)]
    return [one for one in found if len(one.losses) or len(one.history)]


def _curves(folder: Path, label: str) -> Curves:
    losses, history = (pd.DataFrame(read_lines(folder / name)) for name in ("losses.jsonl", "history.jsonl"))
    return Curves(label, losses if {"step", "loss"} <= set(losses) else pd.DataFrame({"step": [], "loss": []}), history)


def best_epoch(kind: str, history: pd.DataFrame) -> pd.Series | None:
    """The row of the epoch whose weights are kept so far; None before the first validation."""
    chosen = [f for f in SELECTS[kind] if f in history]
    scores = history[chosen].astype(float).sum(axis=1, skipna=False).dropna() if chosen else pd.Series(dtype=float)
    return None if scores.empty else history.iloc[int(history.index.get_indexer(pd.Index([scores.idxmax()]))[0])]


def figures(run: RunInfo) -> dict[str, tuple[str, float]]:
    """Figure to (where it was measured, value): on the test conditions once finished, until then on validation at the epoch kept so far."""
    kind = kind_of(run)
    if kind is None:
        return {}
    tested = card(run).get("test", {})
    if tested:
        return {f: ("test", float(tested[f])) for f in FIGURES[kind] if tested.get(f) is not None}
    known = curves(run)
    row = best_epoch(kind, known[0].history) if known else None
    return {} if row is None else {f: ("validation", float(row[f])) for f in FIGURES[kind] if pd.notna(row.get(f))}


def overview(runs: Sequence[RunInfo]) -> pd.DataFrame:
    """One row per run: id, name, kind, state, trained_on, gate, headline (growth R² or pair AUC), measured_on, parameters, created, seconds,
    notes."""
    rows = []
    for run in runs:
        kind, given = kind_of(run), settings(run)
        headline = figures(run).get(SELECTS[kind][0]) if kind else None
        rows.append(
            {
                "id": run.id,
                "name": run.name,
                "kind": kind or run.kind,
                "state": run.state,
                "trained_on": given.get("model", "RNA families" if kind == "rna" else None),
                "gate": given.get("network", {}).get("gate"),
                "headline": headline[1] if headline else None,
                "measured_on": headline[0] if headline else None,
                "parameters": about(run).get("parameters"),
                "created": run.created,
                "seconds": run.seconds(),
                "notes": run.notes,
            }
        )
    return pd.DataFrame(rows)


def labels(runs: Sequence[RunInfo]) -> dict[str, str]:
    """Run id to a name that is its own: of runs with the same name, with the id behind it."""
    names = [run.name for run in runs]
    return {run.id: run.name if names.count(run.name) == 1 else f"{run.name} ({run.id})" for run in runs}


def comparison(runs: Sequence[RunInfo]) -> pd.DataFrame:
    """Runs side by side: columns part, quantity and one for each run by its label; None where a run has no such thing.

    The parts are "figures" (test figures of finished runs, validation figures of all at the epoch kept), "run" (state, parameters, device,
    seconds, epochs, last loss) and "settings", of which only those that differ.
    """
    names = labels(runs)
    columns = {names[run.id]: {**_figures(run), **_run(run), **_settings(run)} for run in runs}
    rows = list(dict.fromkeys(key for values in columns.values() for key in values))
    rows = [key for key in rows if key[0] != "settings" or any(v.get(key) != next(iter(columns.values())).get(key) for v in columns.values())]
    rows.sort(key=lambda key: ("figures", "run", "settings").index(key[0]))
    head = {"part": [part for part, _ in rows], "quantity": [quantity for _, quantity in rows]}
    return pd.DataFrame({**head, **{name: pd.Series([values.get(key) for key in rows], dtype=object) for name, values in columns.items()}})


def _figures(run: RunInfo) -> dict[tuple[str, str], Any]:
    kind = kind_of(run)
    if kind is None:
        return {}
    tested, known = card(run).get("test", {}), curves(run)
    row = best_epoch(kind, known[0].history) if known else None
    found: dict[tuple[str, str], Any] = {("figures", f"test, {title}"): tested.get(f) for f, title in FIGURES[kind].items()}
    return found | {("figures", f"validation, {title}"): None if row is None else _plain(row.get(f)) for f, title in FIGURES[kind].items()}


def _run(run: RunInfo) -> dict[tuple[str, str], Any]:
    known = curves(run)
    losses = known[0].losses["loss"].dropna() if known else pd.Series(dtype=float)
    return {
        ("run", "state"): run.state,
        ("run", "parameters"): about(run).get("parameters"),
        ("run", "device"): about(run).get("device"),
        ("run", "seconds"): round(run.seconds(), 1),
        ("run", "epochs done, all seeds"): sum(len(one.history) for one in known),
        ("run", "last loss"): float(losses.iloc[-1]) if len(losses) else None,
    }


def _settings(run: RunInfo) -> dict[tuple[str, str], Any]:
    return {("settings", name): value for name, value in flat(settings(run)).items() if name != "device"}


def flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings under dotted names, such as ``network.gate``."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {above + name: value}
    return found


def _plain(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
