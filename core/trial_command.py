"""What ``python -m core trial`` does: every explanation of a network put on trial, under conditions of a model or on RNAs, with tables as files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from core import __version__
from core.errors import InputError
from core.explain.whole_trial import Trial, bases_on_trial, control_of, reactions_on_trial
from core.models import load_checkpoint, load_members, resolve_device
from core.models.checkpoint import Card
from core.storage import write_bytes, write_json

MOST_RNAS = 20
Notice = Callable[[str], None]
Progress = Callable[[str, int, int], None]


def try_reactions(
    source: str,
    checkpoints: Sequence[str],
    folder: Path,
    *,
    media: Sequence[str | None] = (None,),
    knockouts: Sequence[str] = (),
    target: str = "growth",
    fba: bool = True,
    seed: int = 0,
    device: str = "auto",
    on_notice: Notice = print,
    on_progress: Progress | None = None,
) -> tuple[list[str], list[Path]]:
    """Writes rankings.csv (one row a checkpoint, medium and ranking), randomisation.csv, stability.csv, agreement.csv, gates.csv and manifest.json.

    Args:
        source: what :func:`core.metabolic.load_model` reads. media: named media, None for the model's own.
        fba: also how well each ranking agrees with the knock-outs of flux balance analysis (``spearman``, ``average_precision``): plausibility.

    Returns:
        The verdicts, one sentence for each checkpoint and medium, and the files.

    Raises:
        InputError: the model, a medium or a checkpoint cannot be used.
    """
    from core.explain.judged_by_fba import agreement_with_knockouts
    from core.explain.metabolic_masks import incidence_masks
    from core.explain.reactions import INSTANT, reaction_importance
    from core.metabolic import knockout_growth, load_tables

    place, tables = resolve_device(device), load_tables(source)
    if place.message:
        on_notice(place.message)
    kept, lost = _Kept(), {}
    for name in checkpoints:
        network, *seeds = [(one.to(place.device), card) for one, card in load_members(name, kind="metabolic")]
        shuffled = _shuffled(network[1])
        for medium in media:
            where = {"checkpoint": name, "medium": medium or "as the model has it"}
            factors = reaction_importance(tables, network, medium=medium, knockouts=knockouts, target=target, methods=INSTANT, device=place.device)
            masked = incidence_masks(network, factors.graph, target=target, device=place.device)
            trial = reactions_on_trial(masked, network, factors, target=target, seeds=seeds, control=shuffled, seed=seed, on_progress=on_progress)
            beside = None
            if fba and target == "growth":
                if medium not in lost:
                    lost[medium] = knockout_growth(tables, medium=medium, knockouts=knockouts)
                beside = agreement_with_knockouts(trial.values, lost[medium]).rename(columns={"score": "ranking"})
            kept.add(where, trial, beside)
    about = {"model": {"id": tables.id, "sha256": tables.key}, "knockouts": list(knockouts), "target": target, "seed": seed, "device": place.device}
    return kept.written(folder, about)


def try_bases(
    source: str,
    checkpoints: Sequence[str],
    folder: Path,
    *,
    limit: int = MOST_RNAS,
    seed: int = 0,
    device: str = "auto",
    on_notice: Notice = print,
    on_progress: Progress | None = None,
) -> tuple[list[str], list[Path]]:
    """The same for RNAs: likeness to itself, by bases.

    Args:
        source: a file :func:`core.rna.read_rna` reads. limit: RNAs at most, the first of the file.

    Raises:
        InputError: nothing can be read, or a checkpoint cannot be used.
    """
    from core.explain.bases import base_importance
    from core.explain.rna_masks import like_itself, rna_masks
    from core.rna import read_rna
    from core.rna.embedding import prepare

    place = resolve_device(device)
    path = Path(source)
    if not path.is_file():
        raise InputError(f"There is no file {source}; give a file with RNAs.")
    records = read_rna(path)
    for text in (place.message, f"{len(records):,} RNAs; the first {limit} stand trial." if len(records) > limit else ""):
        if text:
            on_notice(text)
    kept = _Kept()
    for name in checkpoints:
        network, *seeds = [(one.to(place.device), card) for one, card in load_members(name, kind="rna")]
        opened = network[0]
        for record in records[:limit]:
            folded, ensemble = prepare(record, opened.config.ensemble, None)
            itself = like_itself(network, folded, ensemble=ensemble, device=place.device)
            masked = rna_masks(network, folded, target=itself, ensemble=ensemble, device=place.device)
            factors = base_importance(folded, network, ensemble=ensemble, device=place.device)
            trial = bases_on_trial(masked, network, factors, seeds=seeds, control=_shuffled(network[1]), seed=seed, on_progress=on_progress)
            kept.add({"checkpoint": name, "rna": record.id}, trial)
    return kept.written(folder, {"file": path.name, "target": "likeness to itself", "seed": seed, "device": place.device})


def _shuffled(card: Card) -> tuple[str, Any] | None:
    """The control of a network by name, and opened."""
    name = control_of(card)
    return (name, load_checkpoint(name)) if name else None


class _Kept:
    """Tables of several trials, told apart by columns in front."""

    def __init__(self) -> None:
        self._tables: dict[str, list[pd.DataFrame]] = {}
        self._told: list[dict[str, Any]] = []

    def add(self, where: dict[str, str], trial: Trial, beside: pd.DataFrame | None = None) -> None:
        """One more trial. beside: further columns by ``ranking``."""
        table = trial.table if beside is None else trial.table.merge(beside, on="ranking", how="left")
        found = {"rankings": table, "randomisation": trial.randomisation, "stability": trial.stability, "agreement": trial.agreement}
        found["gates"] = None if trial.gates is None else trial.gates.table
        for name, one in found.items():
            if one is not None:
                front = pd.DataFrame(where, index=one.index)
                self._tables.setdefault(name, []).append(pd.concat([front, one], axis=1))
        skill = None if trial.skill is None else asdict(trial.skill)
        control = {"name": trial.control, "spearman": trial.control_alike} if trial.control else None
        self._told.append({**where, "verdict": trial.sentence(), "skill": skill, "control": control, "completeness": trial.completeness})

    def written(self, folder: Path, about: dict[str, Any]) -> tuple[list[str], list[Path]]:
        """The sentences and the files."""
        files = [
            write_bytes(folder / f"{name}.csv", pd.concat(tables, ignore_index=True).to_csv(index=False).encode())
            for name, tables in self._tables.items()
        ]
        peak = _peak()
        files.append(write_json(folder / "manifest.json", {"gatescope": __version__, **about, "trials": self._told, "peak_memory_bytes": peak}))
        sentences = [f"{', '.join(list(told.values())[:2])}: {told['verdict']}" for told in self._told]
        return sentences + ([f"Peak memory {peak / 2**30:.2f} GiB."] if peak else []), files


def _peak() -> int | None:
    """Bytes of memory this process held at most; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
