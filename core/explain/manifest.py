"""Manifests of explanations: what is needed to compute one again, and its numbers. :mod:`core.explain.replay` does so."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core import __version__
from core.errors import InputError
from core.rna.ensemble import PairEnsemble
from core.storage import digest, digest_of

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked
    from core.explain.rna_targets import TargetRecipe
    from core.metabolic.condition import Medium
    from core.metabolic.hypergraph import MetabolicHypergraph
    from core.metabolic.tables import ModelTables
    from core.models.checkpoint import Card
    from core.rna.records import RnaRecord

SCHEMA = 1
EXPLANATION, REACTIONS, BASES, RNAS = "explanation", "reactions", "bases", "rnas"
"""Kinds: of one attribution; of :func:`core.explain.reaction_importance`, of :func:`core.explain.base_importance` and of several of the latter."""
METABOLIC, RNA = "metabolic", "rna"
"""The halves."""
LARGEST = 200
"""Values that are written with their names, the largest by absolute value; all have a sum and a hash."""
PACKAGES = {METABOLIC: ("torch", "captum", "cobra", "numpy"), RNA: ("torch", "torch-geometric", "captum", "numpy", "ViennaRNA")}


def heading(kind: str, half: str) -> dict[str, Any]:
    """What every manifest begins with."""
    versions = {package: version(package) for package in PACKAGES[half]} | {"python": platform.python_version()}
    return {"schema": SCHEMA, "kind": kind, "half": half, "gatescope": __version__, "versions": versions}


def explanation(masked: Masked, found: Attribution, level: str, half: str, inputs: Mapping[str, Any], *, shows: Iterable[str] = ()) -> dict[str, Any]:
    """The manifest of an attribution.

    Args:
        level: whose groups are shown.
        inputs: what the masked function is made of, :func:`metabolic_inputs` or :func:`rna_inputs`.
        shows: figures and files that are of this attribution.
    """
    values = found.at(masked, level)
    of = {"method": found.method, "asked_of": found.level, "settings": found.settings, "done": found.done, "total": found.total}
    return {
        **heading(EXPLANATION, half),
        "key": digest_of(function=masked.about["key"], level=level, **of),
        **inputs,
        "masked": masked.about["masked"],
        "words": {"target": masked.target, "unit": masked.unit, "baseline": masked.baseline},
        **of,
        "level": level,
        "device": masked.device,
        "dtype": str(masked.dtype).removeprefix("torch."),
        "shows": list(shows),
        "figures": {
            "F(1)": masked.ends[0],
            "F(0)": masked.ends[1],
            "completeness": found.completeness,
            "values": numbers(values.index, values.to_numpy()),
        },
    }


def numbers(names: Iterable[Any], values: np.ndarray) -> dict[str, Any]:
    """Values by name: how many, the sum of those that are known, sha256 of all, and the :data:`LARGEST`; None is a value that is not known."""
    known = np.asarray(values, dtype=np.float64)
    known = np.where(np.isfinite(known), known, np.nan)
    listed = [str(name) for name in names]
    order = np.argsort(-np.abs(np.nan_to_num(known)), kind="stable")[:LARGEST]
    return {
        "count": len(known),
        "sum": float(np.nansum(known)),
        "sha256": digest(json.dumps(listed).encode() + known.tobytes()),
        "largest": {listed[i]: None if np.isnan(known[i]) else float(known[i]) for i in order},
    }


def columns(names: Iterable[Any], table: pd.DataFrame, wanted: Iterable[str]) -> dict[str, Any]:
    """:func:`numbers` of some columns of a table."""
    return {column: numbers(names, np.asarray(table[column], dtype=np.float64)) for column in wanted}


def metabolic_inputs(
    graph: MetabolicHypergraph,
    card: Card,
    *,
    network: str,
    target: str,
    model: Mapping[str, Any],
    condition: Mapping[str, Any],
    other: str | Medium | None = None,
    frozen_gates: bool = False,
) -> dict[str, Any]:
    """What a masked function of :mod:`core.explain.metabolic_masks` is made of.

    Args:
        network: the name it is found by. model, condition: :func:`model_in_manifest`, :func:`condition_in_manifest`.
        other: medium of the other condition: the one that is taken off, or, where what differs is masked, the baseline.
    """
    return {
        "checkpoint": checkpoint_in_manifest(card, network),
        "model": dict(model),
        "condition": dict(condition),
        "graph": graph.key,
        "target": target,
        "other": None if other is None else {"medium": medium_in_manifest(other)},
        "gates": "frozen" if frozen_gates else "live",
    }


def rna_inputs(
    record: RnaRecord,
    ensemble: PairEnsemble | None,
    card: Card,
    recipe: TargetRecipe,
    *,
    network: str,
    fold: Mapping[str, Any],
    baseline: str = "empty",
    seed: int = 0,
) -> dict[str, Any]:
    """What a masked function of :mod:`core.explain.rna_masks` is made of.

    Args:
        record: with its structure. ensemble: what was given with it. fold: how the structure was found.
    """
    return {
        "checkpoint": checkpoint_in_manifest(card, network),
        "record": record_in_manifest(record),
        "pairs": pairs_in_manifest(ensemble),
        "fold": dict(fold),
        "target": recipe.told(),
        "baseline": baseline,
        "seed": seed,
    }


def checkpoint_in_manifest(card: Card, network: str | None = None) -> dict[str, Any]:
    """The name a network is found by, and the sha256 of its weights."""
    return {"name": card.name if network is None else network, "sha256": card.weights_sha256}


def model_in_manifest(tables: ModelTables, source: str | None = None, *, objective: str | None = None) -> dict[str, Any]:
    """A model's name and content.

    Args:
        source: the name it is found by, or that of its file. objective: that was chosen for a file that states none.
    """
    sizes = {"metabolites": len(tables.metabolites), "reactions": len(tables.reactions)}
    named = {} if source is None else {"name": source, "objective": objective}
    return {"id": tables.id, "sha256": tables.key, **sizes, **named}


def condition_in_manifest(medium: str | Medium | None, knockouts: Iterable[str], objective: str | None) -> dict[str, Any]:
    """A whole condition."""
    return {"medium": medium_in_manifest(medium), "knockouts": sorted(set(knockouts)), "objective": objective}


def medium_in_manifest(medium: str | Medium | None) -> str | dict[str, float] | None:
    """A medium's name, or its uptake bounds."""
    return medium if medium is None or isinstance(medium, str) else dict(medium)


def record_in_manifest(record: RnaRecord) -> dict[str, Any]:
    """An RNA, whole."""
    return {"id": record.id, "length": record.length, "sha256": record.key, "sequence": record.sequence, "structure": record.structure}


def pairs_in_manifest(ensemble: PairEnsemble | None) -> dict[str, Any] | None:
    """Pair probabilities, whole: "1-72:0.998", 1-based, one pair after the other."""
    if ensemble is None:
        return None
    rows = zip(ensemble.first.tolist(), ensemble.second.tolist(), ensemble.probability.tolist(), strict=True)
    return {"sha256": ensemble.key, "pairs": len(ensemble.first), "probabilities": " ".join(f"{i + 1}-{j + 1}:{p:.9g}" for i, j, p in rows)}


def pairs_of_manifest(text: str, length: int) -> PairEnsemble:
    """Reads what :func:`pairs_in_manifest` wrote of an RNA of so many bases.

    Raises:
        InputError: it is none of that, or of another RNA.
    """
    try:
        parts = [(*ends.split("-"), chance) for ends, chance in (one.split(":") for one in text.split())]
        first, second = (np.array([int(part[place]) for part in parts], dtype=np.int64) - 1 for place in (0, 1))
        chance = np.array([float(part[2]) for part in parts], dtype=np.float32)
    except (ValueError, IndexError, OverflowError):
        raise InputError("The manifest's pair probabilities cannot be read; use a manifest as Gatescope wrote it.") from None
    if not ((first >= 0) & (first < second) & (second < length) & (chance > 0) & (chance <= 1)).all():
        raise InputError("The manifest's pair probabilities are not of its RNA; use a manifest as Gatescope wrote it.")
    return PairEnsemble(length, first, second, chance)
