"""Training and evaluation from the command line: progress on the terminal and in the run's folder."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import InputError
from core.runs import ProgressWriter
from core.runs.parent import end_with_parent
from core.storage import sweep, write_json
from core.train.resume import ABOUT, HISTORY

if TYPE_CHECKING:
    from core.explain.ginfinity_scores import Opened

PROCESSES = min(8, os.cpu_count() or 1)
"""How many local processes solve or fold side by side."""


class Terminal:
    """One progress bar per stage on standard error, and the same numbers in the run's folder."""

    def __init__(self, folder: Path | None) -> None:
        self._writer = ProgressWriter(folder) if folder else None
        self._bar: Any = None
        self._stage = ""
        self.stage_note, self.ahead = "", 0
        if self._writer:
            self._writer.go_on()

    def __call__(self, stage: str, done: int, total: int, **metrics: float) -> None:
        from tqdm import tqdm

        stage = f"{stage}, {self.stage_note}" if self.stage_note else stage
        if stage != self._stage:
            self.close()
            self._stage, self._bar = stage, tqdm(total=total, desc=stage, file=sys.stderr, mininterval=1.0, dynamic_ncols=True)
        self._bar.n = done
        self._bar.set_postfix({k: f"{v:.4g}" for k, v in metrics.items()}, refresh=False)
        self._bar.update(0)
        if self._writer:
            self._writer.update(done, total, stage, ahead=self.ahead, **metrics)

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
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=spawn, initializer=end_with_parent) as pool:
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


def train_metabolic(
    values: Mapping[str, Any], folder: Path, *, name: str, command: str = "", member: int | None = None, scheduler: str | None = None
) -> Path:
    """Samples, trains every seed, evaluates and writes ``<name>.safetensors`` and its card into ``folder``; resumes what is there.

    Args:
        command: what the card gives as the way to make it again.
        member: train this seed of the ensemble alone (counted from 0) and write no card: for several processes side by side.
    """
    from core.models.network import ReactionNetwork
    from core.train.evaluate import build_card
    from core.train.metabolic import Run, TrainConfig

    config = TrainConfig.from_dict(values)
    sweep(folder)
    terminal = Terminal(folder)
    members = config.each_member()
    runs = [Run(one, folder if i == 0 else folder / f"seed-{one.seed}", data=folder) for i, one in enumerate(members)]
    chosen = chosen_runs(runs, member)
    note_about(folder, runs[0].device, ReactionNetwork(config.build()))
    with workers(scheduler) as executor:
        splits = runs[0].samples(executor, terminal, terminal.should_stop, only=("train", "validation"))
    networks = []
    for i, run in enumerate(chosen):
        terminal.stage_note, terminal.ahead = f"seed {run.config.seed}" if len(members) > 1 else "", len(chosen) - 1 - i
        networks.append(run.fit(splits["train"], splits["validation"], terminal, terminal.should_stop).cpu())
    terminal.stage_note = ""
    if member is not None:
        terminal.close()
        return chosen[0].folder
    with workers(scheduler) as executor:
        splits = runs[0].samples(executor, terminal, terminal.should_stop)
    card = build_card(name, config, runs[0].tables, networks, splits, seconds=seconds_of(runs), command=command, on_progress=terminal)
    path = save_ensemble(networks, card, [one.seed for one in members], folder)
    terminal.close()
    print(summary(card))
    print(f"written: {path}")
    return path


def note_about(folder: Path, device: str, network: Any) -> None:
    """Writes what a run computes on, and its network with all its choices and their number of parameters, for whoever watches."""
    from core.models.device import device_name

    size = sum(p.numel() for p in network.parameters())
    write_json(folder / ABOUT, {"device": device_name(device), "parameters": size, "network": asdict(network.config)})


def save_ensemble(networks: Sequence[Any], card: Mapping[str, Any], seeds: Sequence[int], folder: Path) -> Path:
    """Writes a checkpoint and, as checkpoints of their own that name it, the other seeds of its ensemble; returns the path of its weights."""
    from core.models.checkpoint import save_checkpoint

    kept = ("kind", "network", "parameters", "trained_on", "data")
    names = [f"{card['name']}.seed{seed}" for seed in seeds[1:]]
    drawn = card["training"].get("data_seed")
    shared = {**card["training"], "data_seed": seeds[0] if drawn is None else drawn}
    for network, seed, name in zip(networks[1:], seeds[1:], names, strict=True):
        own = {key: card[key] for key in kept if key in card} | {"training": {**shared, "seed": seed}}
        summary = f"Seed {seed} of the ensemble {card['name']!r}; its figures are on that card."
        save_checkpoint(network, {"name": name, "summary": summary, "member_of": card["name"], **own}, folder)
    return save_checkpoint(networks[0], {**card, **({"members": names} if names else {})}, folder)


def train_rna(
    values: Mapping[str, Any],
    folder: Path,
    *,
    name: str,
    command: str = "",
    member: int | None = None,
    scheduler: str | None = None,
    rfam: Path | None = None,
    ginfinity: Opened | None = None,
) -> Path:
    """Makes families, trains every seed, evaluates and writes ``<name>.safetensors`` and its card into ``folder``; resumes what is there.

    Args:
        command: what the card gives as the way to make it again.
        member: as for :func:`train_metabolic`.
        ginfinity: what :func:`core.rna.ginfinity.open_ginfinity` gave, for its figures on the card.
    """
    from core.models.rna import RnaGine
    from core.train.rna import RnaRun, RnaTrainConfig
    from core.train.rna_card import build_card
    from core.train.rna_evaluate import synthetic_figures

    config = RnaTrainConfig.from_dict(values)
    sweep(folder)
    terminal = Terminal(folder)
    members = config.each_member()
    runs = [RnaRun(one, folder if i == 0 else folder / f"seed-{one.seed}", data=folder) for i, one in enumerate(members)]
    chosen = chosen_runs(runs, member)
    note_about(folder, runs[0].device, RnaGine(config.build()))
    with workers(scheduler) as executor:
        train, validation = (runs[0].split(split, executor, terminal, terminal.should_stop) for split in ("train", "validation"))
    networks = []
    for i, run in enumerate(chosen):
        terminal.stage_note, terminal.ahead = f"seed {run.config.seed}" if len(members) > 1 else "", len(chosen) - 1 - i
        networks.append(run.fit(train, validation, terminal, terminal.should_stop).cpu())
    terminal.stage_note = ""
    if member is not None:
        terminal.close()
        return chosen[0].folder
    with workers(scheduler) as executor:
        test = runs[0].split("test", executor, terminal, terminal.should_stop)
        selected = synthetic_figures(networks[0], validation)
        measured: dict[str, Any] = {"seconds": seconds_of(runs), "executor": executor, "rfam": rfam, "ginfinity": ginfinity, "on_progress": terminal}
        card = build_card(name, config, networks, test, selected, command=command, **measured)
    path = save_ensemble(networks, card, [one.seed for one in members], folder)
    terminal.close()
    print(rna_summary(card))
    print(f"written: {path}")
    return path


def chosen_runs(runs: Sequence[Any], member: int | None) -> Sequence[Any]:
    """All seeds of an ensemble, or one of them.

    Raises:
        InputError: there is no such one.
    """
    if member is not None and not 0 <= member < len(runs):
        raise InputError(f"There is no member {member} of {len(runs)}; count from 0.")
    return runs if member is None else [runs[member]]


def seconds_of(runs: Sequence[Any]) -> float:
    """Of training, all seeds together."""
    return float(sum(json.loads((run.folder / HISTORY).read_text().splitlines()[-1])["seconds"] for run in runs))


def make_held_out_families() -> Path:
    """Writes the shipped families that no network learns from; returns their path."""
    from core.train.rna_families import HELD_OUT, HELD_OUT_COUNT, HELD_OUT_SEED, make_families

    terminal = Terminal(None)
    with workers() as executor, tempfile.TemporaryDirectory() as folder:
        told = partial(terminal, "making families")
        make_families(HELD_OUT_COUNT, HELD_OUT_SEED, Path(folder), executor=executor, on_progress=told).save(HELD_OUT)
    terminal.close()
    return HELD_OUT


def evaluate_checkpoint(
    checkpoint: str,
    folder: Path,
    *,
    with_baselines: bool = True,
    scheduler: str | None = None,
    rfam: Path | None = None,
    ginfinity: Opened | None = None,
) -> int:
    """Recomputes a card's figures into ``folder``/evaluation.json; returns 1 when they differ from the card's."""
    from core.models.checkpoint import load_card, load_members

    card = load_card(checkpoint)
    if whole := card.content.get("member_of"):
        raise InputError(f"{card.name} is one seed of the ensemble {whole!r}, whose card has the figures of all of them; evaluate {whole} instead.")
    terminal, seeds = Terminal(None), [one for one, _ in load_members(checkpoint)]
    with workers(scheduler) as executor:
        if card.kind == "rna":
            from core.train.rna_card import evaluate as evaluate_rna

            found = evaluate_rna(seeds, card, folder, executor=executor, rfam=rfam, ginfinity=ginfinity, on_progress=terminal)
        else:
            from core.train.evaluate import evaluate

            found = evaluate(seeds, card, folder, executor=executor, with_baselines=with_baselines, on_progress=terminal)
    terminal.close()
    write_json(folder / "evaluation.json", found)
    print((rna_summary if card.kind == "rna" else summary)({**card.content, **found}))
    if left := found.get("not_recomputed"):
        print(f"{len(left)} of the card's rows not computed again: {'; '.join(left)}")
    if found["differences"]:
        print(f"{len(found['differences'])} figures differ from the card's by more than 0.001:")
        for figure, (then, now) in found["differences"].items():
            print(f"  {figure}: card {then}, now {now}")
        return 1
    print(f"every figure {'computed again ' if left else ''}agrees with the card to 0.001")
    return 0


def summary(card: Mapping[str, Any]) -> str:
    """The card's headline figures as text."""
    columns = {"growth_r2": "growth R2", "growth_r2_growing": "growing only", "flux_r2_median": "flux R2 (median)"}

    def row(name: str, figures: Mapping[str, Any]) -> str:
        values = ("-" if figures.get(c) is None else f"{figures[c]:.3f}" for c in columns)
        return f"{name:44s}" + "  ".join(f"{v:>{len(title)}s}" for v, title in zip(values, columns.values(), strict=True))

    lines = [f"held out: {card['test']['samples']:,} conditions of {card['data']['distribution']}", f"{'':44s}" + "  ".join(columns.values())]
    lines.append(row(f"{card['name']} ({card['parameters']:,} parameters)", card["test"]))
    if "ensemble" in card:
        lines.append(row(f"mean of {card['ensemble']['seeds']} seeds", card["ensemble"]["mean"]))
    lines += [row(peer, figures) for peer, figures in card.get("baselines", {}).items()]
    lines += [row(f"held out by {split}", figures) for split, figures in card.get("held_out", {}).items()]
    lines += [row(f"on {model}, never seen", figures) for model, figures in card.get("transfer", {}).items()]
    found = card["essentiality"]
    scores = {"its knock-outs": "ap_knockout", "|flux|": "ap_flux", "degree": "ap_degree"}
    told = ", ".join(f"{name} {_shown(found[figure])}" for name, figure in scores.items())
    lines.append(f"essential reactions ({found['share_essential']:.1%} of {found['reactions']:,}), average precision: {told}")
    return "\n".join(lines)


def _shown(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.3f}"


def rna_summary(card: Mapping[str, Any]) -> str:
    """The headline figures of an RNA card as text: pair AUC of the network and of untrained scores."""
    from core.train.rna_evaluate import FIGURES

    names = {f: f.replace("_", ", ") for f in FIGURES}
    rows = [(f"{card['name']} ({card['parameters']:,} parameters)", card["test"]), *card["baselines"].items()]
    rows[1:1] = [(f"  seed {one['seed']}", one["test"]) for one in card.get("ensemble", {}).get("others", ())]
    lines = [f"pair AUC: {card['test']['families']:,} held-out families of {card['data']['distribution']}; pairs of like length"]
    lines += [" " * 36 + "  ".join(names.values()), *(_figures(name, own, names) for name, own in rows)]
    rfam = card["rfam"]
    if "skipped" in rfam:
        return "\n".join([*lines, f"Rfam was left out: {rfam['skipped']}"])
    counts = rfam["pairs"]
    lines.append(
        f"Rfam: {rfam['rnas']:,} members of {rfam['families']:,} families, {counts['all']:,} pairs, {counts['distant']:,} of them distant "
        "(rows of the seed alignment agree in under 60% of columns)"
    )
    for source in dict.fromkeys(row["structures"] for row in rfam["scores"]):
        shown = {"all": "all", "distant": "distant", "remote": "under 50%", "hit_1": "hit@1", "hit_5": "hit@5"}
        lines.append(f"{'structures: ' + source:36s}" + "  ".join(shown.values()))
        lines += [_figures(row["score"], row, shown) for row in rfam["scores"] if row["structures"] == source]
        of_seeds = [(one["seed"], row) for one in card.get("ensemble", {}).get("others", ()) for row in one.get("rfam", ())]
        lines += [_figures(f"seed {seed}", row, shown) for seed, row in of_seeds if row["structures"] == source]
    return "\n".join(lines)


def _figures(name: str, figures: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    values = ("-" if figures.get(f) is None else f"{figures[f]:.3f}" for f in titles)
    return f"{name:36s}" + "  ".join(f"{value:>{len(title)}s}" for value, title in zip(values, titles.values(), strict=True))
