"""Turnover numbers and Michaelis constants from a CSV, as masked features of reactions: what is not measured is not known, never zero.

Kinetic parameters are features a network may learn from, never fixed weights. They are kept per reaction (kcat by direction, the mean of the known
Km) because an incidence carries no features of its own: a gate reads those of its metabolite and of its reaction.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from core.errors import InputError
from core.metabolic.features import FeatureSpec
from core.metabolic.tables import ModelTables
from core.storage import digest_of

KINETIC_FEATURES: tuple[FeatureSpec, ...] = (
    FeatureSpec("kcat forward", "1/s", "log10(x), 0 where unknown"),
    FeatureSpec("kcat forward known", "flag", "0 or 1"),
    FeatureSpec("kcat backward", "1/s", "log10(x), 0 where unknown"),
    FeatureSpec("kcat backward known", "flag", "0 or 1"),
    FeatureSpec("Km", "mM, over the known incidences", "mean of log10(x), 0 where none is known"),
    FeatureSpec("Km known", "share of incidences", "as it is"),
)
"""Columns behind those of :data:`core.metabolic.features.REACTION_FEATURES`, read only by a network that was built for them."""

FORWARD, BACKWARD, KM = "kcat_forward", "kcat_backward", "km"
COLUMNS = ("reaction", "metabolite", FORWARD, BACKWARD, KM)
UNITS = {FORWARD: "1/s", BACKWARD: "1/s", KM: "mM"}
Id = TypeVar("Id", str, tuple[str, str])
MAX_BYTES = 20 * 2**20
NAMED = 5
"""Unmatched ids named in a sentence at most."""


@dataclass(frozen=True)
class Coverage:
    """What of a model is known: reactions with a kcat in either direction, incidences with a Km, and ids of the file the model does not have."""

    reactions: int
    all_reactions: int
    incidences: int
    all_incidences: int
    unmatched: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """In plain words."""
        lost = ""
        if self.unmatched:
            named = ", ".join(self.unmatched[:NAMED]) + (", ..." if len(self.unmatched) > NAMED else "")
            count = "1 entry of the file is" if len(self.unmatched) == 1 else f"{len(self.unmatched):,} entries of the file are"
            lost = f" {count} not in this model: {named}."
        return (
            f"kcat is known for {self.reactions:,} of {self.all_reactions:,} reactions and Km for {self.incidences:,} of "
            f"{self.all_incidences:,} incidences.{lost}"
        )


@dataclass(frozen=True, eq=False)
class Kinetics:
    """Kinetic parameters by id, of no particular model.

    Attributes:
        forward, backward: reaction id to kcat, 1/s. km: (reaction id, metabolite id) to Km, mM. Everything positive and finite.
    """

    forward: Mapping[str, float] = field(default_factory=dict)
    backward: Mapping[str, float] = field(default_factory=dict)
    km: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """sha256 of the values."""
        return digest_of(forward=dict(self.forward), backward=dict(self.backward), km=sorted((*pair, value) for pair, value in self.km.items()))

    def to_csv(self) -> str:
        """Both kinds of rows as one file that :func:`read_kinetics` reads back, the same text for the same values."""
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(COLUMNS)
        for reaction in sorted({*self.forward, *self.backward}):
            rows.writerow([reaction, "", self.forward.get(reaction, ""), self.backward.get(reaction, ""), ""])
        rows.writerows([reaction, metabolite, "", "", value] for (reaction, metabolite), value in sorted(self.km.items()))
        return out.getvalue()

    def features(self, tables: ModelTables) -> np.ndarray:
        """[E, 6] float32 in the order of :data:`KINETIC_FEATURES`; a row without any known value is zero."""
        columns = np.zeros((len(tables.reactions), len(KINETIC_FEATURES)), dtype=np.float32)
        index = tables.reaction_index()
        for at, values in ((0, self.forward), (2, self.backward)):
            for reaction, value in values.items():
                if (e := index.get(_of_model(reaction, index))) is not None:
                    columns[e, at : at + 2] = math.log10(value), 1.0
        known = self._known_km(tables)
        rows = np.flatnonzero(np.isfinite(known))
        count = np.bincount(tables.cols[rows], minlength=len(tables.reactions))
        total = np.bincount(tables.cols[rows], np.log10(known[rows]), minlength=len(tables.reactions))
        size = np.bincount(tables.cols, minlength=len(tables.reactions))
        columns[:, 4] = np.where(count > 0, total / np.maximum(count, 1), 0.0)
        columns[:, 5] = count / np.maximum(size, 1)
        return columns

    def coverage(self, tables: ModelTables) -> Coverage:
        """What of a model these parameters cover."""
        index = tables.reaction_index()
        known = self.features(tables)
        incidences = self._km_rows(tables)
        lost = [r for r in (*self.forward, *self.backward) if _of_model(r, index) not in index]
        lost += [f"{m} in {r}" for (r, m), row in incidences.items() if row is None]
        found = sum(row is not None for row in incidences.values())
        measured = int(((known[:, 1] > 0) | (known[:, 3] > 0)).sum())
        return Coverage(measured, len(tables.reactions), found, len(tables.stoich), tuple(dict.fromkeys(lost)))

    def _known_km(self, tables: ModelTables) -> np.ndarray:
        """[K] Km of every incidence, nan where unknown."""
        values = np.full(len(tables.stoich), np.nan)
        for pair, row in self._km_rows(tables).items():
            if row is not None:
                values[row] = self.km[pair]
        return values

    def _km_rows(self, tables: ModelTables) -> dict[tuple[str, str], int | None]:
        """The incidence of every Km, None where the model has none."""
        reactions, metabolites = tables.reaction_index(), tables.metabolite_index()
        pairs = {(reactions[_of_model(r, reactions)], metabolites[_of_model(m, metabolites)]): (r, m) for r, m in self.km if _both(r, m, tables)}
        found: dict[tuple[str, str], int | None] = dict.fromkeys(self.km)
        for row, (v, e) in enumerate(zip(tables.rows.tolist(), tables.cols.tolist(), strict=True)):
            if (e, v) in pairs:
                found[pairs[e, v]] = row
        return found


def read_kinetics(*sources: Path | tuple[bytes, str]) -> Kinetics:
    """Kinetic parameters from CSV files: rows with ``reaction`` and ``kcat_forward``, ``kcat_backward`` (1/s), and rows with ``reaction``,
    ``metabolite`` and ``km`` (mM); both kinds in one file or in two. Empty cells are unknown.

    Args:
        sources: paths, or the bytes of a file with its name. Commas, semicolons or tabs part the cells; column names in any case and order.

    Raises:
        InputError: a file cannot be read, lacks a column, or a number is none, is not positive, or contradicts another; the sentence names the line.
    """
    forward: dict[str, float] = {}
    backward: dict[str, float] = {}
    km: dict[tuple[str, str], float] = {}
    for source in sources:
        data, name = (_bytes_of(source), source.name) if isinstance(source, Path) else source
        for line, row in _rows(data, name):
            place = f"{name}, line {line}"
            reaction, metabolite = row.get("reaction", ""), row.get("metabolite", "")
            if not reaction:
                raise InputError(f"{place} names no reaction; give its id in the column 'reaction'.")
            for column, values in ((FORWARD, forward), (BACKWARD, backward)):
                _keep(values, reaction, row.get(column, ""), column, place)
            if row.get(KM, ""):
                if not metabolite:
                    raise InputError(f"{place} gives a Km without a metabolite; give its id in the column 'metabolite'.")
                _keep(km, (reaction, metabolite), row[KM], KM, place)
    if not (forward or backward or km):
        raise InputError(f"{' and '.join(_name(s) for s in sources) or 'Nothing'} holds no kcat and no Km; give at least one value.")
    return Kinetics(forward, backward, km)


def reads_kinetics(reaction_channels: int) -> bool:
    """Whether a network built for so many columns of reactions reads kinetic parameters."""
    from core.metabolic.features import REACTION_FEATURES

    return reaction_channels > len(REACTION_FEATURES)


def hidden_at_random(features: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Features with a share of the known values taken away, each kind of value of a reaction on its own: how training meets gaps."""
    kept = features.copy()
    for at in (0, 2, 4):
        lost = rng.random(len(features)) < share
        kept[lost, at : at + 2] = 0.0
    return kept


def _keep(values: dict[Id, float], item: Id, text: str, column: str, place: str) -> None:
    if not text:
        return
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"{place}: {column} is {text[:30]!r}; give a positive number ({UNITS[column]}), or leave the cell empty where none is known."
        )
    if values.setdefault(item, value) != value:
        named = item if isinstance(item, str) else f"{item[1]} in {item[0]}"
        raise InputError(f"{place}: {column} of {named} is {value:g} here and {values[item]:g} further up; keep one of them.")


def _rows(data: bytes, name: str) -> Iterable[tuple[int, dict[str, str]]]:
    """(line, cells by column in lower case) of every row that is not empty."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{name} is larger than {MAX_BYTES // 2**20} MB; keep the rows of one organism.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise InputError(f"{name} is not a text file; give a CSV with the columns {', '.join(COLUMNS)}.")
    first = text.lstrip().partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise InputError(f"{name} cannot be read as a CSV ({error}); save it again as one.") from None
    filled = [(number, row) for number, row in lines if any(row)]
    header = [_column(cell) for cell in filled[0][1]] if filled else []
    if "reaction" not in header or not {FORWARD, BACKWARD, KM} & set(header):
        raise InputError(
            f"{name} has no column 'reaction' with '{FORWARD}', '{BACKWARD}' (1/s) or, beside 'metabolite', '{KM}' (mM); name its columns so."
        )
    return [(number, dict(zip(header, row, strict=False))) for number, row in filled[1:]]


def _column(cell: str) -> str:
    """A column's name in lower case without its unit: "Km (mM)" is km."""
    return cell.lower().partition("(")[0].strip().replace(" ", "_")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or error}); give the path of a CSV of kinetic parameters.") from None


def _name(source: Path | tuple[bytes, str]) -> str:
    return source.name if isinstance(source, Path) else source[1]


def _of_model(identifier: str, known: Mapping[str, int]) -> str:
    """An id as the model spells it: SBML's prefixes R_ and M_ may be there or not."""
    return identifier if identifier in known or identifier[:2] not in ("R_", "M_") else identifier[2:]


def _both(reaction: str, metabolite: str, tables: ModelTables) -> bool:
    reactions, metabolites = tables.reaction_index(), tables.metabolite_index()
    return _of_model(reaction, reactions) in reactions and _of_model(metabolite, metabolites) in metabolites


def ignored(network: str) -> str:
    """That a network does not read kinetic parameters, in one sentence."""
    return f"The network {network} was never trained on kinetic parameters and ignores them: its gates and predictions are the same without."
