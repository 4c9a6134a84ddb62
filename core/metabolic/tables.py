"""A metabolic model as plain arrays: what the app needs of it without COBRApy in memory, cached on disk by content."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.storage import digest, write_atomic

if TYPE_CHECKING:
    import cobra

SCHEMA = 1
"""Version of the npz layout; files of another version are parsed anew."""

_TEXT = "text"
_ARRAYS = ("charges", "lower", "upper", "objective", "exchange", "rows", "cols", "stoich")


@dataclass(frozen=True, eq=False)
class ModelTables:
    """A parsed metabolic model with V metabolites, E reactions, G genes and K incidences.

    Attributes:
        key: sha256 of the model's content; everything derived is keyed by it.
        id, name: as the model states them.
        metabolites, metabolite_names, formulas, compartments: V strings each ("" where the model says nothing);
            ``compartments`` is the compartment id of each metabolite.
        charges: [V] float64, nan where unknown.
        metabolite_annotations: V dicts, database name to a list of identifiers.
        reactions, reaction_names, gprs, subsystems: E strings each ("" where the model says nothing).
        lower, upper: [E] float64 flux bounds, mmol/gDW/h.
        objective: [E] float64 objective coefficients (maximised).
        exchange: [E] bool, True for exchange reactions (COBRApy's ``model.exchanges``).
        reaction_annotations: E dicts like ``metabolite_annotations``.
        genes, gene_names: G strings each.
        gene_annotations: G dicts.
        compartment_names: compartment id to its name.
        rows, cols, stoich: [K] metabolite index, reaction index and coefficient of every incidence, ordered by
            reaction, then metabolite; negative coefficients are consumed.
        minimised: the model minimises its objective; ``objective`` holds its coefficients with their sign turned, to be maximised.
    """

    key: str
    id: str
    name: str
    metabolites: tuple[str, ...]
    metabolite_names: tuple[str, ...]
    formulas: tuple[str, ...]
    compartments: tuple[str, ...]
    charges: np.ndarray
    metabolite_annotations: tuple[dict[str, list[str]], ...]
    reactions: tuple[str, ...]
    reaction_names: tuple[str, ...]
    gprs: tuple[str, ...]
    subsystems: tuple[str, ...]
    lower: np.ndarray
    upper: np.ndarray
    objective: np.ndarray
    exchange: np.ndarray
    reaction_annotations: tuple[dict[str, list[str]], ...]
    genes: tuple[str, ...]
    gene_names: tuple[str, ...]
    gene_annotations: tuple[dict[str, list[str]], ...]
    compartment_names: dict[str, str]
    rows: np.ndarray
    cols: np.ndarray
    stoich: np.ndarray
    minimised: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(V, E, K): metabolites, reactions, incidences."""
        return len(self.metabolites), len(self.reactions), len(self.stoich)

    def reaction_index(self) -> dict[str, int]:
        """Reaction id to its row in the reaction tables."""
        return self._reaction_index

    def metabolite_index(self) -> dict[str, int]:
        """Metabolite id to its row in the metabolite tables."""
        return self._metabolite_index

    @cached_property
    def _reaction_index(self) -> dict[str, int]:
        return {r: i for i, r in enumerate(self.reactions)}

    @cached_property
    def _metabolite_index(self) -> dict[str, int]:
        return {m: i for i, m in enumerate(self.metabolites)}

    def stoichiometric_matrix(self) -> np.ndarray:
        """S, [V, E] float64, rebuilt from the incidences."""
        matrix = np.zeros(self.shape[:2])
        matrix[self.rows, self.cols] = self.stoich
        return matrix

    def equation(self, reaction: int) -> str:
        """The chemical equation of a reaction by metabolite id, with an arrow that follows its bounds."""
        here = slice(*np.searchsorted(self.cols, [reaction, reaction + 1]))
        sides: dict[bool, list[str]] = {False: [], True: []}
        for row, s in zip(self.rows[here], self.stoich[here], strict=True):
            amount = "" if abs(s) == 1 else f"{abs(s):g} "
            sides[bool(s > 0)].append(amount + self.metabolites[row])
        backward, forward = self.lower[reaction] < 0, self.upper[reaction] > 0
        arrow = "⇌" if backward and forward else "←" if backward else "→"
        return f"{' + '.join(sides[False]) or '∅'} {arrow} {' + '.join(sides[True]) or '∅'}"


def tables_from_model(model: cobra.Model, *, key: str | None = None) -> ModelTables:
    """The tables of a COBRApy model. Without ``key`` the content itself is hashed."""
    from cobra.util.solver import linear_reaction_coefficients

    index = {m: i for i, m in enumerate(model.metabolites)}
    incidences = sorted((e, index[m], float(s)) for e, r in enumerate(model.reactions) for m, s in r.metabolites.items() if s != 0)
    coefficients = linear_reaction_coefficients(model)
    sign = -1.0 if model.objective.direction == "min" else 1.0
    exchanges = set(model.exchanges)
    reactions, metabolites, genes = model.reactions, model.metabolites, model.genes
    groups = {member.id: group.name or group.id for group in model.groups for member in group.members}
    content: dict[str, Any] = {
        "id": model.id or "model",
        "name": model.name or "",
        "metabolites": tuple(m.id for m in metabolites),
        "metabolite_names": tuple(m.name or "" for m in metabolites),
        "formulas": tuple(m.formula or "" for m in metabolites),
        "compartments": tuple(m.compartment or "" for m in metabolites),
        "charges": np.array([np.nan if m.charge is None else float(m.charge) for m in metabolites], dtype=float),
        "metabolite_annotations": tuple(_annotation(m) for m in metabolites),
        "reactions": tuple(r.id for r in reactions),
        "reaction_names": tuple(r.name or "" for r in reactions),
        "gprs": tuple(r.gene_reaction_rule or "" for r in reactions),
        "subsystems": tuple(r.subsystem or groups.get(r.id, "") for r in reactions),
        "lower": np.array([r.lower_bound for r in reactions], dtype=float),
        "upper": np.array([r.upper_bound for r in reactions], dtype=float),
        "objective": np.array([sign * coefficients.get(r, 0.0) for r in reactions], dtype=float),
        "exchange": np.array([r in exchanges for r in reactions], dtype=bool),
        "reaction_annotations": tuple(_annotation(r) for r in reactions),
        "genes": tuple(g.id for g in genes),
        "gene_names": tuple(g.name or "" for g in genes),
        "gene_annotations": tuple(_annotation(g) for g in genes),
        "compartment_names": dict(model.compartments),
        "rows": np.array([row for _, row, _ in incidences], dtype=np.int64),
        "cols": np.array([col for col, _, _ in incidences], dtype=np.int64),
        "stoich": np.array([s for _, _, s in incidences], dtype=float),
        **({"minimised": True} if sign < 0 else {}),
    }
    return ModelTables(key=key or digest(_pack(content)), **content)


def known_tables(model: cobra.Model | ModelTables) -> ModelTables:
    """The tables of what a function was given."""
    return model if isinstance(model, ModelTables) else tables_from_model(model)


def minimises(model: cobra.Model | ModelTables, objective: str | None) -> bool:
    """Whether the objective's value is to be read with its sign turned: tables maximise the negative of what a COBRApy model minimises."""
    if objective is not None:
        return False
    return model.minimised if isinstance(model, ModelTables) else bool(model.objective.direction == "min")


def save_tables(tables: ModelTables, path: Path) -> Path:
    """Writes the tables as npz (arrays and one JSON text, never pickle), whole or not at all."""
    content = {f.name: getattr(tables, f.name) for f in fields(tables)}
    arrays = {name: content.pop(name) for name in _ARRAYS}
    text = np.frombuffer(json.dumps({"schema": SCHEMA, **content}).encode(), dtype=np.uint8)

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as out:
            np.savez_compressed(out, allow_pickle=False, **arrays, **{_TEXT: text})

    return write_atomic(path, write)


def load_tables_file(path: Path) -> ModelTables | None:
    """Reads what :func:`save_tables` wrote; None when the file is absent, damaged or of another schema version."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            text = json.loads(bytes(stored[_TEXT]))
            arrays = {name: stored[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return None
    if text.pop("schema", None) != SCHEMA:
        return None
    plain = {"key", "id", "name", "compartment_names", "minimised"}
    content: dict[str, Any] = {name: value if name in plain else tuple(value) for name, value in text.items()}
    return ModelTables(**content, **arrays)


def _annotation(item: Any) -> dict[str, list[str]]:
    return {str(db): [str(v) for v in (value if isinstance(value, (list, tuple)) else [value])] for db, value in item.annotation.items()}


def _pack(content: dict[str, Any]) -> bytes:
    return json.dumps({k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in content.items()}, sort_keys=True).encode()
