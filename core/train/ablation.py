"""Does gating help? Networks that differ in one choice, trained on the same samples with the same budget, over several seeds.

Every pair of variant and seed is a job with a folder of its own; a grid that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import Cancelled
from core.runs import ProgressWriter
from core.runs.progress import PROGRESS_FILE
from core.runs.record import read_json
from core.storage import write_bytes, write_json
from core.train.ablation_report import HELD_OUT, JOBS, RESULT, SUMMARY, TABLE, job_folder, results
from core.train.ablation_summary import spoken, summarise, table_bytes
from core.train.ablation_variants import FULL, QUICK, QUICK_SEEDS, QUICK_VARIANTS, REFERENCE, Budget, Variant, jobs_of, variants
from core.train.samples import Samples

if TYPE_CHECKING:
    import pandas as pd

    from core.train.metabolic import TrainConfig

DATA, HALT = "data", "halt"
INSPECTED = 200
"""Test conditions on which activations are looked at."""
ITERATIONS = (10, 30, 100, 300, 1000, 3000)
"""After how many iterations of the plain primal-dual method its growth is compared with the truth."""
POLL_SECONDS = 1.0

Progress = Callable[..., None]


def config_of(variant: Variant, seed: int, budget: Budget) -> TrainConfig:
    """The training settings of a job."""
    from core.train.metabolic import TrainConfig

    network: dict[str, Any] = {"hidden": budget.hidden, "heads": budget.heads, "layers": budget.layers, "attention": "reaction"}
    if variant.kind == "gated":
        network |= variant.network
    shared = {k: getattr(budget, k) for k in ("model", "samples", "validation", "test", "held_out", "epochs", "batch", "learning_rate", "average")}
    given = {"split": "seen", "seed": seed, "data_seed": budget.data_seed, "device": "cpu", "network": network}
    return TrainConfig.from_dict({**shared, **given, **variant.training})


def network_of(variant: Variant, config: TrainConfig, reactions: int) -> Any:
    """The untrained network of a variant."""
    from core.models.network import ReactionNetwork
    from core.models.primal_dual import PrimalDualConfig, PrimalDualNetwork
    from core.train.ablation_peers import BipartitePeer, BoundsPeer, HypergraphPeer

    built = config.build()
    if variant.kind == "primal_dual":
        shared = {k: getattr(built, k) for k in ("metabolite_channels", "reaction_channels", "hidden", "heads", "activation")}
        return PrimalDualNetwork(PrimalDualConfig(**shared, **variant.network))
    if variant.kind == "bounds":
        return BoundsPeer(reactions)
    return {"gated": ReactionNetwork, "hypergraph": HypergraphPeer, "bipartite": BipartitePeer}[variant.kind](built)


def run_job(name: str, seed: int, budget: Budget, root: Path, on_progress: Progress, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Trains and measures one variant with one seed, or reads what an earlier run of the job found.

    The samples have to lie in ``root`` already. Everything is computed on one thread, so that seconds can be compared.

    Raises:
        Cancelled: ``should_stop`` said so; the same call goes on from where it stopped.
    """
    import torch

    folder = job_folder(root, name, seed)
    if (folder / RESULT).exists():
        return dict(json.loads((folder / RESULT).read_text()))
    (variant,) = variants([name])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measure = _boosting if variant.kind == "boosting" else _network
        found = measure(variant, seed, budget, root, on_progress, should_stop)
    finally:
        torch.set_num_threads(threads)
    plain = {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in found.items()}
    write_json(folder / RESULT, {"variant": name, "seed": seed, **plain})
    return dict(json.loads((folder / RESULT).read_text()))


def _network(variant: Variant, seed: int, budget: Budget, root: Path, on_progress: Progress, should_stop: Callable[[], bool]) -> dict[str, Any]:
    from core.metabolic import load_tables
    from core.train.ablation_inspect import activation_figures, gate_figures
    from core.train.essentiality import essentiality
    from core.train.evaluate import figures, report_on
    from core.train.metabolic import Run
    from core.train.resume import HISTORY

    config = config_of(variant, seed, budget)
    tables = load_tables(config.model)
    run = Run(config, job_folder(root, variant.name, seed), build=lambda: network_of(variant, config, tables.shape[1]))
    parts = samples_of(budget, root, Executor(), on_progress, should_stop)
    network = run.fit(parts["train"], parts["validation"], on_progress, should_stop).requires_grad_(False)
    history = [json.loads(line) for line in (run.folder / HISTORY).read_text().splitlines()]
    found: dict[str, Any] = {k: v for k, v in figures(tables, network, parts["test"]).items() if not isinstance(v, dict) and k != "samples"}
    for split in HELD_OUT:
        if split in parts:
            told = report_on(tables, network, parts[split])
            found |= {f"{split}_{figure}": told[figure] for figure in ("growth_r2", "flux_r2_median")}
    needed = essentiality(tables).figures(network, tables)
    found |= {"essentiality_ap": needed["ap_knockout"], "essentiality_ap_flux": needed["ap_flux"]}
    found |= activation_figures(network, tables, parts["test"].take(slice(INSPECTED)))
    found |= gate_figures(network, tables, parts["validation"], parts["test"])
    return found | {
        "parameters": sum(p.numel() for p in network.parameters()),
        "seconds_per_step": run.seconds_per_step(parts["train"]),
        "seconds": history[-1]["seconds"],
        "steps": budget.steps,
        "selected_epoch": max(history, key=lambda line: line["growth_r2"] + line["flux_r2_median"])["epoch"],
    }


def _boosting(variant: Variant, seed: int, budget: Budget, root: Path, on_progress: Progress, should_stop: Callable[[], bool]) -> dict[str, Any]:
    """Gradient boosting has no steps, gates or messages; what it shares with the networks is measured alike."""
    from core.metabolic import load_tables
    from core.train.baselines import BOOSTING, baselines, boosted_growth
    from core.train.essentiality import essentiality
    from core.train.metrics import average_precision

    parts = samples_of(budget, root, Executor(), on_progress, should_stop)
    started = time.monotonic()
    figures = baselines(parts["train"], {s: parts[s] for s in ("test", *HELD_OUT) if s in parts}, on_progress)[BOOSTING]
    seconds = time.monotonic() - started
    found: dict[str, Any] = dict(figures["test"])
    for split in HELD_OUT:
        if split in figures:
            found |= {f"{split}_{figure}": figures[split][figure] for figure in ("growth_r2", "flux_r2_median")}
    asked = essentiality(load_tables(budget.model))
    return found | {"essentiality_ap": average_precision(asked.essential, -boosted_growth(parts["train"])(asked.knockouts)), "seconds": seconds}


def ablate(
    root: Path,
    chosen: Sequence[Variant],
    *,
    seeds: int,
    budget: Budget = FULL,
    executor: Executor,
    processes: int = 1,
    on_progress: Progress,
    should_stop: Callable[[], bool],
) -> pd.DataFrame:
    """Every variant with every seed; what an earlier call finished is read, what it began goes on.

    Args:
        root: keeps the samples and a folder for each job; its budget is fixed by the first call.
        seeds: at most, see :attr:`Variant.seeds`.
        executor: solves the conditions. processes: trainings side by side; one runs in this process.

    Returns:
        One row per job, see :func:`results`.

    Raises:
        InputError: ``root`` holds an ablation with another budget. Cancelled: ``should_stop`` said so.
    """
    from core.train.resume import pin_settings

    pin_settings(root / JOBS, asdict(budget))
    (root / HALT).unlink(missing_ok=True)
    every = jobs_of(chosen, seeds)
    waiting = [(v, s) for v, s in every if not (job_folder(root, v.name, s) / RESULT).exists()]
    if waiting:
        samples_of(budget, root, executor, on_progress, should_stop)
        run = _one_by_one if processes == 1 else _side_by_side
        run(root, waiting, len(every), budget, processes, on_progress, should_stop)
    return results(root)


def samples_of(budget: Budget, root: Path, executor: Executor, on_progress: Progress, should_stop: Callable[[], bool]) -> dict[str, Samples]:
    """The conditions all variants share, solved once and read afterwards."""
    from core.train.metabolic import solved_split

    config = config_of(variants([REFERENCE])[0], 0, budget)
    return {name: solved_split(config, name, *split, root / DATA, executor, on_progress, should_stop) for name, split in config.splits().items()}


def _one_by_one(
    root: Path, waiting: list[tuple[Variant, int]], count: int, budget: Budget, processes: int, on_progress: Progress, should_stop: Callable[[], bool]
) -> None:
    for number, (variant, seed) in enumerate(waiting):
        before = count - len(waiting) + number

        def told(_: str, done: int, total: int, before: int = before, **__: float) -> None:
            on_progress("training", round((before + done / max(1, total)) * budget.steps), count * budget.steps, finished=before)

        run_job(variant.name, seed, budget, root, told, should_stop)
    on_progress("training", count * budget.steps, count * budget.steps, finished=count)


def _side_by_side(
    root: Path, waiting: list[tuple[Variant, int]], count: int, budget: Budget, processes: int, on_progress: Progress, should_stop: Callable[[], bool]
) -> None:
    from core.train.command import end_with_parent

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent) as pool:
        pending = {pool.submit(_in_worker, v.name, s, budget, root): job_folder(root, v.name, s) for v, s in waiting}
        try:
            while pending:
                for ended in wait(pending, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED).done:
                    ended.result()
                    del pending[ended]
                if should_stop():
                    raise Cancelled("The ablation was stopped; the same command resumes it.")
                under_way = [read_json(folder / PROGRESS_FILE) for folder in pending.values()]
                share = sum(p.get("done", 0) / max(1, p.get("total", 1)) for p in under_way)
                done = round((count - len(pending) + share) * budget.steps)
                on_progress("training", done, count * budget.steps, finished=count - len(pending))
        except BaseException:
            (root / HALT).touch()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _in_worker(name: str, seed: int, budget: Budget, root: Path) -> None:
    writer = ProgressWriter(job_folder(root, name, seed))

    def told(stage: str, done: int, total: int, **metrics: float) -> None:
        writer.update(done, total, stage, **metrics)

    run_job(name, seed, budget, root, told, (root / HALT).exists)


def plain_iterations(budget: Budget, root: Path) -> list[dict[str, Any]]:
    """The primal-dual method without learning on the validation and test conditions: growth by FBA against growth after some iterations.

    Three rules of step size: one number for all, 1 / ||S||; :func:`core.models.primal_dual.step_sizes`; and these with the primal weight (tau divided
    and sigma multiplied by it) that does best on validation after the most iterations. Each row: rule, iterations, growth_r2, growth_mae
    (1/h), growth_error_median (1/h), imbalance.
    """
    import torch

    from core.metabolic import load_tables
    from core.models.primal_dual import pdhg, step_sizes
    from core.train.arrays import Hyperedges
    from core.train.metrics import r2

    tables = load_tables(budget.model)
    parts = samples_of(budget, root, Executor(), lambda *_, **__: None, lambda: False)
    edges = Hyperedges.of(tables, "cpu")
    matrix = torch.from_numpy(tables.stoichiometric_matrix())
    tau, sigma = step_sizes(edges.index, edges.stoich.double(), *tables.shape[:2])
    one = float(1 / torch.linalg.matrix_norm(matrix, 2))

    def after(part: Samples, tau: Any, sigma: Any) -> dict[int, Any]:
        bounds = part.bounds()
        lower, upper, objective = (torch.from_numpy(bound) for bound in (bounds.lower, bounds.upper, bounds.objective))
        return pdhg(matrix, lower, upper, objective, tau, sigma, ITERATIONS)

    def grown(part: Samples, fluxes: Any) -> np.ndarray:
        return fluxes.numpy()[np.arange(len(part)), part.objective]

    def score(weight: float) -> float:
        part = parts["validation"]
        return r2(part.growth, grown(part, after(part, tau / weight, sigma * weight)[max(ITERATIONS)]))

    weight = max((1.0, 1e-1, 1e-2, 1e-3, 1e-4), key=score)
    test, rows = parts["test"], []
    rules = {
        "one step size": (one, one),
        "step sizes of Pock and Chambolle": (tau, sigma),
        f"step sizes of Pock and Chambolle, primal weight {weight:g}": (tau / weight, sigma * weight),
    }
    for rule, steps in rules.items():
        for iterations, fluxes in after(test, *steps).items():
            error = np.abs(grown(test, fluxes) - test.growth)
            told = {"growth_r2": r2(test.growth, grown(test, fluxes)), "growth_mae": error.mean(), "growth_error_median": np.median(error)}
            rows.append({"rule": rule, "iterations": iterations, **told, "imbalance": float(edges.imbalance(fluxes).mean())})
    return rows


def train_ablation(folder: Path, *, names: Sequence[str] | None = None, seeds: int = 5, processes: int = 2, quick: bool = False) -> Path:
    """The command ``train ablation``: the grid, its table and what it says, written into ``folder``; resumes what is there."""
    from core.train.command import Terminal, workers

    budget = QUICK if quick else FULL
    chosen = variants(names or (QUICK_VARIANTS if quick else None))
    terminal = Terminal(folder)
    with workers() as executor:  # ended before the trainings start: they need the processors
        samples_of(budget, folder, executor, terminal, terminal.should_stop)
    table = ablate(
        folder,
        chosen,
        seeds=min(seeds, QUICK_SEEDS) if quick else seeds,
        budget=budget,
        executor=Executor(),
        processes=min(processes, os.cpu_count() or 1),
        on_progress=terminal,
        should_stop=terminal.should_stop,
    )
    terminal.close()
    command = " ".join(["python -m core train ablation", *(["--quick"] if quick else []), *([f"--variants {' '.join(names)}"] if names else [])])
    said = summarise(table, budget, command=f"{command} --seeds {seeds} --out DIR", iterations=[] if quick else plain_iterations(budget, folder))
    path = write_bytes(folder / TABLE, table_bytes(table))
    write_json(folder / SUMMARY, said)
    print(spoken(table, said))
    print(f"written: {path}")
    return path
