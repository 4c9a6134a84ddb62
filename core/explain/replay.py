"""Computes again what a manifest of :mod:`core.explain.manifest` tells, and sets its numbers beside the new ones.

A manifest may come from anybody: what it asks for is checked and bounded, and it opens no file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.attribution import METHODS, Attribution, Progress, attributions
from core.explain.bases import base_importance
from core.explain.manifest import BASES, EXPLANATION, METABOLIC, REACTIONS, RNA, RNAS, SCHEMA, pairs_of_manifest
from core.explain.masked import Masked
from core.explain.metabolic_masks import condition_masks, feature_masks, incidence_masks
from core.explain.reactions import reaction_importance
from core.explain.rna_masks import rna_masks
from core.explain.rna_targets import TargetRecipe
from core.metabolic.hypergraph import MetabolicHypergraph, build_hypergraph
from core.models.checkpoint import Card
from core.rna.ensemble import PairEnsemble
from core.rna.records import RnaRecord

if TYPE_CHECKING:
    from core.metabolic.kinetics import Kinetics
    from core.metabolic.tables import ModelTables

TOLERANCE = 1e-3
MOST_BYTES = 50 * 2**20
MOST_STEPS, MOST_NAMES, MOST_TEXT, MOST_BASES = 10_000, 2_000, 100_000, 32_000
"""Points, orders or draws, names in a list, letters of a text, and bases of an RNA that a manifest may ask for."""
_KINDS = {EXPLANATION: None, REACTIONS: METABOLIC, BASES: RNA, RNAS: RNA}
_LEAST = 1e-9
"""Where all numbers are smaller than this they agree."""


@dataclass(frozen=True)
class Figure:
    """A number of a manifest and the same computed now; None where it is not known.

    ``scale`` is the largest absolute value of the numbers it stands among.
    """

    name: str
    stored: float | None
    again: float | None
    scale: float

    def agrees(self, tolerance: float) -> bool:
        """Whether they differ by at most this share of the largest."""
        if self.stored is None or self.again is None:
            return self.stored is self.again
        return abs(self.stored - self.again) <= tolerance * max(self.scale, _LEAST)


@dataclass(frozen=True)
class Told:
    """A manifest that was read; ``content`` is checked where it is used.

    Attributes:
        kind, half: of :mod:`core.explain.manifest`.
        network, weights: the name of the network, and sha256 of its weights.
    """

    kind: str
    half: str
    network: str
    weights: str
    content: Mapping[str, Any]

    @property
    def model(self) -> Mapping[str, Any]:
        """A model's ``name`` (its id where it has none), ``sha256`` and ``objective``."""
        model = _part(self.content, "model")
        name = _text(model, "name") if "name" in model else _text(model, "id")
        return {"name": name, "sha256": _text(model, "sha256"), "objective": _optional(model, "objective")}

    @property
    def kinetics(self) -> Mapping[str, str] | None:
        """``sha256`` of kinetic parameters, and the id they are ``stored`` by, "" for none; None where none were given."""
        if self.content.get("kinetics") is None:
            return None
        part = _part(self.content, "kinetics")
        return {"sha256": _text(part, "sha256"), "stored": _optional(part, "stored") or ""}


def read_manifest(data: bytes) -> Told:
    """A manifest's bytes.

    Raises:
        InputError: it is none of an explanation, or of a newer schema.
    """
    try:
        content = json.loads(data, parse_constant=_not_a_number)
    except (ValueError, RecursionError):
        raise InputError("This is no manifest that can be replayed: it is not JSON; choose a manifest.json or attribution.json.") from None
    kind, half = (content.get("kind"), content.get("half")) if isinstance(content, dict) else (None, None)
    if not isinstance(kind, str) or kind not in _KINDS or half not in (METABOLIC, RNA) or _KINDS[kind] not in (None, half):
        raise InputError("This is no manifest that can be replayed; choose one of the explain pages, or of python -m core reactions or rna.")
    if content.get("schema") != SCHEMA:
        raise InputError(f"The manifest is of schema {str(content.get('schema'))[:20]!r} and this version reads {SCHEMA}; use the version of it.")
    checkpoint = _part(content, "checkpoint")
    return Told(kind, half, _text(checkpoint, "name"), _text(checkpoint, "sha256"), content)


def replay(
    told: Told,
    network: tuple[Any, Card],
    *,
    tables: ModelTables | None = None,
    kinetics: Kinetics | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> list[Figure]:
    """Every number of a manifest beside the same computed now.

    Args:
        network: the manifest's, on ``device``. tables: of its model, for the metabolic half; kinetics: its kinetic parameters.

    Raises:
        InputError: other weights, another model, or something that is asked for cannot be.
    """
    _, card = network
    if card.weights_sha256 != told.weights:
        raise other_weights(told)
    if told.half == METABOLIC:
        if tables is None or tables.key != told.model["sha256"]:
            raise InputError(f"The manifest is of another content of model {told.model['name']} than this one; give its file with --model.")
        if (asked := told.kinetics) is not None and (kinetics is None or kinetics.key != asked["sha256"]):
            raise InputError("The manifest is of other kinetic parameters; give their files with --kinetics.")
    if told.kind == EXPLANATION:
        return _explanation(told.content, _function(told, network, tables, kinetics, device), on_progress)
    if told.kind == REACTIONS:
        assert tables is not None
        return _reactions(told.content, network, tables, kinetics, device, on_progress)
    if told.kind == BASES:
        return _bases(told.content, network, device, on_progress, "")
    many = told.content.get("rnas")
    if not isinstance(many, list) or not many:
        raise _damaged("rnas")
    parts = [_part(rna, "explanation") for rna in many]
    names = [_text(_part(part, "record"), "id") for part in parts]
    return [one for part, name in zip(parts, names) for one in _bases(part, network, device, on_progress, f"{name}: " if len(parts) > 1 else "")]


def _function(told: Told, network: tuple[Any, Card], tables: ModelTables | None, kinetics: Kinetics | None, device: str) -> Masked:
    """The masked function a manifest is of."""
    content, over = told.content, _text(told.content, "masked")
    if told.half == RNA:
        record, ensemble = _rna(content)
        recipe, baseline = TargetRecipe.read(_part(content, "target")), _text(content, "baseline")
        target = recipe.made(network, record, ensemble=ensemble, device=device)
        seed = _whole(content, "seed", 2**31)
        return rna_masks(network, record, over=over, target=target, baseline=baseline, ensemble=ensemble, seed=seed, device=device)  # type: ignore[arg-type]
    assert tables is not None
    condition, target_id = _condition(content), _text(content, "target")
    graph, other = _graph(tables, condition, kinetics), None
    if content.get("other") is not None:
        other = _graph(tables, condition | {"medium": _medium(_part(content, "other"))}, kinetics)
    if over == "incidences":
        return incidence_masks(network, graph, target=target_id, minus=other, frozen_gates=content.get("gates") == "frozen", device=device)
    if over == "features" and other is None:
        return feature_masks(network, graph, target=target_id, device=device)
    if over == "condition" and other is not None:
        return condition_masks(network, graph, other, target=target_id, device=device)
    raise _damaged("masked")


def _explanation(content: Mapping[str, Any], masked: Masked, on_progress: Progress | None) -> list[Figure]:
    method, level, settings = _text(content, "method"), _text(content, "level"), _part(content, "settings")
    if method not in METHODS:
        raise _damaged("method")
    how: dict[str, Any] = {name: _whole(settings, name, MOST_STEPS) for name in ("steps", "orders", "draws") if name in settings}
    if settings.get("chosen") is True:
        how["steps"] = None
    how |= {"seed": _whole(settings, "seed", 2**31)} if "seed" in settings else {}
    how |= {"noise": _number(settings, "noise")} if "noise" in settings else {}
    found = _as_far(attributions(masked, method, level=_text(content, "asked_of"), on_progress=on_progress, **how), _whole(content, "done", 10**7))
    values, figures = found.at(masked, level), _part(content, "figures")
    listed = _listed(_part(figures, "values"), values.index, values.to_numpy())
    ends = [(name, _number(figures, name), value) for name, value in zip(("F(1)", "F(0)"), masked.ends)]
    scale = max(abs(value) for value in masked.ends)
    rows = [Figure(name, stored, value, scale) for name, stored, value in ends]
    if (stored := figures.get("completeness")) is not None or found.completeness is not None:
        missed = _number(stored, "delta") if isinstance(stored, dict) else None
        rows.append(Figure("sum less F(1) - F(0)", missed, None if found.completeness is None else found.completeness["delta"], listed[0].scale))
    return [*rows, *listed]


def _as_far(parts: Iterator[Attribution], done: int) -> Attribution:
    """An attribution as far as it was when it was stopped, or the whole."""
    last = None
    for last in parts:
        if last.done == done and not last.whole:
            return last
    assert last is not None
    return last


def _reactions(
    content: Mapping[str, Any], network: tuple[Any, Card], tables: ModelTables, kinetics: Kinetics | None, device: str, on_progress: Progress | None
) -> list[Figure]:
    found = reaction_importance(
        tables,
        network,
        **_condition(content),
        kinetics=kinetics,
        target=_text(content, "target"),
        methods=_names(content, "methods"),
        steps=_steps(content),
        device=device,
        on_progress=on_progress,
    )
    growth = Figure("predicted growth", _number(content, "predicted_growth"), found.prediction, abs(found.prediction))
    return [growth, *_columns(content, found.table["reaction"], found.table)]


def _bases(content: Mapping[str, Any], network: tuple[Any, Card], device: str, on_progress: Progress | None, prefix: str) -> list[Figure]:
    record, ensemble = _rna(content)
    methods = _names(content, "methods")
    found = base_importance(
        record,
        network,
        target=_text(content, "target"),
        methods=methods,
        steps=_steps(content),
        ensemble=ensemble,
        device=device,
        on_progress=on_progress,
    )
    value = float(found.manifest["value"])
    rows = [Figure("length of the embedding", _number(content, "value"), value, abs(value)), *_columns(content, found.bases["name"], found.bases)]
    return [Figure(f"{prefix}{row.name}", row.stored, row.again, row.scale) for row in rows]


def _columns(content: Mapping[str, Any], names: Iterable[Any], table: pd.DataFrame) -> list[Figure]:
    rows = []
    for column in _part(content, "figures"):
        if column not in table:
            raise _damaged("figures")
        rows += _listed(_part(content["figures"], column), names, np.asarray(table[column], dtype=np.float64), f"{column} ")
    return rows


def _listed(stored: Mapping[str, Any], names: Iterable[Any], values: np.ndarray, prefix: str = "") -> list[Figure]:
    """The count, the sum and the largest values that a manifest holds."""
    known = np.where(np.isfinite(values), values, np.nan)
    scale = float(np.nanmax(np.abs(known), initial=0.0)) if not np.isnan(known).all() else 0.0
    total = float(np.nansum(known))
    by_name = {str(name): None if np.isnan(value) else float(value) for name, value in zip(names, known, strict=True)}
    largest = _part(stored, "largest")
    if len(largest) > MOST_NAMES or not all(name.isprintable() for name in largest):
        raise _damaged("largest")
    return [
        Figure(f"{prefix}sum of all", _number(stored, "sum"), total, max(abs(total), scale)),
        Figure(f"{prefix}count", float(_whole(stored, "count", 10**8)), float(len(known)), 0.0),
        *(Figure(f"{prefix}{name}", None if largest[name] is None else _number(largest, name), by_name.get(name), scale) for name in largest),
    ]


def _graph(tables: ModelTables, condition: Mapping[str, Any], kinetics: Kinetics | None) -> MetabolicHypergraph:
    return build_hypergraph(tables, **condition, kinetics=kinetics)


def _condition(content: Mapping[str, Any]) -> dict[str, Any]:
    condition = _part(content, "condition")
    return {"medium": _medium(condition), "knockouts": _names(condition, "knockouts"), "objective": _optional(condition, "objective")}


def _medium(part: Mapping[str, Any]) -> str | dict[str, float] | None:
    if not isinstance(part.get("medium"), dict):
        return _optional(part, "medium")
    medium: dict[str, Any] = part["medium"]
    if len(medium) > MOST_NAMES:
        raise _damaged("medium")
    return {exchange: _number(medium, exchange) for exchange in medium}


def _rna(content: Mapping[str, Any]) -> tuple[RnaRecord, PairEnsemble | None]:
    told = _part(content, "record")
    sequence, structure = _text(told, "sequence"), _text(told, "structure")
    if len(sequence) > MOST_BASES:
        raise InputError(f"The manifest's RNA has {len(sequence):,} bases and at most {MOST_BASES:,} are read; use a shorter one.")
    record = RnaRecord(_text(told, "id"), sequence, structure)
    if record.key != told.get("sha256"):
        raise InputError(
            "The manifest's RNA is not the one it was made of: its sequence or structure was changed; use the manifest as it was written."
        )
    if content.get("pairs") is None:
        return record, None
    pairs = _part(content, "pairs")
    ensemble = pairs_of_manifest(_text(pairs, "probabilities", MOST_BYTES) if pairs.get("probabilities") else "", record.length)
    if ensemble.key != pairs.get("sha256"):
        raise InputError("The manifest's pair probabilities are not those it was made of; use the manifest as it was written.")
    return record, ensemble


def _part(content: Any, name: str) -> dict[str, Any]:
    part = content.get(name) if isinstance(content, dict) else None
    if not isinstance(part, dict):
        raise _damaged(name)
    return part


def _text(content: Mapping[str, Any], name: str, most: int = MOST_TEXT) -> str:
    text = content.get(name)
    if not isinstance(text, str) or not 0 < len(text) <= most or not text.isprintable():
        raise _damaged(name)
    return text


def _optional(content: Mapping[str, Any], name: str) -> str | None:
    return None if content.get(name) is None else _text(content, name)


def _names(content: Mapping[str, Any], name: str) -> list[str]:
    names = content.get(name)
    if not isinstance(names, list) or len(names) > MOST_NAMES or not all(isinstance(one, str) and one.isprintable() for one in names):
        raise _damaged(name)
    return names


def _number(content: Mapping[str, Any], name: str) -> float:
    value = content.get(name)
    try:
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise _damaged(name)
    return number


def _whole(content: Mapping[str, Any], name: str, most: int) -> int:
    value = content.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _damaged(name)
    return value


def _steps(content: Mapping[str, Any]) -> int | None:
    return None if content.get("asked_steps") is None else _whole(content, "asked_steps", MOST_STEPS)


def other_weights(told: Told) -> InputError:
    """Why a network of the manifest's name is not the manifest's."""
    return InputError(
        f"The manifest is of other weights ({told.weights[:12]}) than those of {told.network[:60]} here; give its file with --checkpoint."
    )


def _damaged(name: str) -> InputError:
    plain = "".join(c if c.isprintable() else "?" for c in name[:60])
    return InputError(f"The manifest's entry {plain!r} is missing or cannot be used; use a manifest as Gatescope wrote it.")


def _not_a_number(text: str) -> Callable[..., Any]:
    raise ValueError(text)
