"""Training and evaluation from the command line: progress on the terminal and in the run's folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.runs import ProgressWriter
from core.storage import write_json


class Terminal:
    """One progress bar per stage on standard error, and the same numbers in the run's folder."""

    def __init__(self, folder: Path | None) -> None:
        self._writer = ProgressWriter(folder) if folder else None
        self._bar: Any = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int, **metrics: float) -> None:
        from tqdm import tqdm

        if stage != self._stage:
            self.close()
            self._stage, self._bar = stage, tqdm(total=total, desc=stage, file=sys.stderr, mininterval=1.0, dynamic_ncols=True)
        self._bar.n = done
        self._bar.set_postfix({k: f"{v:.4g}" for k, v in metrics.items()}, refresh=False)
        self._bar.update(0)
        if self._writer:
            self._writer.update(done, total, stage, **metrics)

    def should_stop(self) -> bool:
        """Whether the run was asked to stop."""
        return self._writer is not None and self._writer.should_stop()

    def close(self) -> None:
        """Ends the bar of the stage."""
        if self._bar is not None:
            self._bar.close()


@contextmanager
def workers(scheduler: str | None = None) -> Iterator[Executor]:
    """Processes for solving: local ones, or those of a Dask scheduler at an address (needs the ``distributed`` package)."""
    if scheduler:
        try:
            from distributed import Client
        except ImportError:
            raise InputError("--scheduler needs the 'distributed' package; install it with: pip install distributed") from None
        with Client(scheduler) as client:
            yield client.get_executor()
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(min(8, os.cpu_count() or 1), mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def read_config(path: str | None, changes: Mapping[str, Any], network: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a JSON file, with the command line's on top."""
    values: dict[str, Any] = {}
    if path:
        try:
            values = json.loads(Path(path).read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"The configuration {path} cannot be read ({error}); give a JSON file of training settings.") from None
        if not isinstance(values, dict):
            raise InputError(f"The configuration {path} is not a JSON object; give training settings by name.")
    values |= {k: v for k, v in changes.items() if v is not None}
    values["network"] = {**values.get("network", {}), **{k: v for k, v in network.items() if v is not None}}
    return values


def train_metabolic(values: Mapping[str, Any], folder: Path, *, name: str, scheduler: str | None = None) -> Path:
    """Samples, trains, evaluates and writes ``<name>.safetensors`` and its card into ``folder``; resumes what is there."""
    from core.models.checkpoint import save_checkpoint
    from core.train.evaluate import build_card
    from core.train.metabolic import Run, TrainConfig

    config = TrainConfig.from_dict(values)
    terminal = Terminal(folder)
    run = Run(config, folder)
    with workers(scheduler) as executor:
        splits = run.samples(executor, terminal, terminal.should_stop)
    network = run.fit(splits["train"], splits["validation"], terminal, terminal.should_stop).cpu()
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    card = build_card(name, config, run.tables, network, splits, seconds=history[-1]["seconds"], on_progress=terminal)
    path = save_checkpoint(network, card, folder)
    terminal.close()
    print(summary(card))
    print(f"written: {path}")
    return path


def train_rna(values: Mapping[str, Any], folder: Path, *, name: str, scheduler: str | None = None, rfam: Path | None = None) -> Path:
    """Makes families, trains, evaluates and writes ``<name>.safetensors`` and its card into ``folder``; resumes what is there."""
    from core.models.checkpoint import save_checkpoint
    from core.train.resume import HISTORY
    from core.train.rna import RnaRun, RnaTrainConfig
    from core.train.rna_evaluate import build_card, synthetic_figures
    from core.train.rna_graphs import embed_packed

    config = RnaTrainConfig.from_dict(values)
    terminal = Terminal(folder)
    run = RnaRun(config, folder)
    with workers(scheduler) as executor:
        train, validation = (run.split(split, executor, terminal, terminal.should_stop) for split in ("train", "validation"))
    network = run.fit(train, validation, terminal, terminal.should_stop).cpu()
    seconds = json.loads((folder / HISTORY).read_text().splitlines()[-1])["seconds"]
    with workers(scheduler) as executor:
        test = run.split("test", executor, terminal, terminal.should_stop)
        selected = synthetic_figures(embed_packed(network, validation.graphs), validation.families)
        card = build_card(name, config, network, test, selected, seconds=seconds, executor=executor, rfam=rfam, on_progress=terminal)
    path = save_checkpoint(network, card, folder)
    terminal.close()
    print(rna_summary(card))
    print(f"written: {path}")
    return path


def evaluate_checkpoint(checkpoint: str, folder: Path, *, with_baselines: bool = True, scheduler: str | None = None, rfam: Path | None = None) -> int:
    """Recomputes a card's figures into ``folder``/evaluation.json; returns 1 when they differ from the card's."""
    from core.models.checkpoint import load_checkpoint

    network, card = load_checkpoint(checkpoint)
    terminal = Terminal(None)
    with workers(scheduler) as executor:
        if card.kind == "rna":
            from core.train.rna_evaluate import evaluate as evaluate_rna

            found = evaluate_rna(network, card, folder, executor=executor, rfam=rfam, on_progress=terminal)
        else:
            from core.train.evaluate import evaluate

            found = evaluate(network, card, folder, executor=executor, with_baselines=with_baselines, on_progress=terminal)
    terminal.close()
    write_json(folder / "evaluation.json", found)
    print((rna_summary if card.kind == "rna" else summary)({**card.content, **found}))
    if found["differences"]:
        print(f"{len(found['differences'])} figures differ from the card's by more than 0.001:")
        for figure, (then, now) in found["differences"].items():
            print(f"  {figure}: card {then}, now {now}")
        return 1
    print("every figure agrees with the card to 0.001")
    return 0


def summary(card: Mapping[str, Any]) -> str:
    """The card's headline figures as text."""
    head = f"{'':38s} growth R2  growing only  flux R2 (median)"
    rows = [(f"{card['name']} ({card['parameters']:,} parameters)", card["test"]), *card.get("baselines", {}).items()]
    body = [f"{n:38s} {f['growth_r2']:9.3f}  {f['growth_r2_growing']:12.3f}  {f['flux_r2_median']:16.3f}" for n, f in rows]
    return "\n".join([f"held out: {card['test']['samples']:,} conditions of {card['data']['distribution']}", head, *body])


def rna_summary(card: Mapping[str, Any]) -> str:
    """The headline figures of an RNA card as text: pair AUC of the network and its baselines."""
    from core.train.rna_evaluate import FIGURES

    names = {f: f.replace("rfam_", "Rfam ").replace("_", ", ") for f in FIGURES}
    rows = [(f"{card['name']} ({card['parameters']:,} parameters)", card["test"]), *card["baselines"].items()]
    lines = [f"pair AUC: {card['test']['families']:,} held-out families of {card['data']['distribution']}; pairs of like length"]
    if "skipped" in card["rfam"]:
        lines.append(f"Rfam was left out: {card['rfam']['skipped']}")
    else:
        rfam = card["rfam"]
        lines.append(
            f"Rfam: {rfam['members']:,} members of {rfam['families']:,} families, {rfam['pairs']:,} pairs, {rfam['distant_pairs']:,} of them distant "
            "(rows of the seed alignment agree in under 60% of columns)"
        )
    lines.append(" " * 36 + "  ".join(names.values()))
    for name, figures in rows:
        values = ("-" if figures.get(f) is None else f"{figures[f]:.3f}" for f in FIGURES)
        lines.append(f"{name:36s}" + "  ".join(f"{value:>{len(title)}s}" for value, title in zip(values, names.values(), strict=True)))
    return "\n".join(lines)
