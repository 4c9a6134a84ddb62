"""A measurement of genes or reactions mapped onto a model: what was measured, of what, and what could not be placed.

Scores of reactions become scores of genes as the maximum over a gene's reactions; values of genes become values of reactions through the
gene-reaction rule (:meth:`core.explain.gene_rules.GeneRules.combine`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.gene_rules import Alternatives, counted_reactions, gene_rules
from core.explain.measurement_file import MISSING, NO, OMICS, YES, Choice, Sheet, guess, model_names, read_sheet
from core.metabolic.tables import ModelTables
from core.storage import digest, digest_of


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a file says of a model's genes or reactions.

    Attributes:
        table: one row per gene or reaction of the model that was measured: ``id``, ``given`` (as the file names it), ``value`` (a number;
            1 and 0 for yes and no; log2 for fold changes) and ``essential`` (1, 0; nan for omics).
        choice: how the file was read.
        unmatched: ids of the file that the model does not know, or that stand for several of its genes.
        notices: what was left out or joined, one sentence each.
        key: sha256 of the file, the model and the choice.
    """

    table: pd.DataFrame
    choice: Choice
    unmatched: tuple[str, ...]
    notices: tuple[str, ...]
    key: str

    @property
    def is_omics(self) -> bool:
        """Whether the values are amounts or changes, which no cut-off calls essential."""
        return self.choice.kind in OMICS

    @property
    def level(self) -> str:
        """What is ranked: "gene", or "reaction" when reactions were measured or values of genes are carried to reactions."""
        return "gene" if self.choice.entity == "gene" and not self.is_omics else "reaction"


@dataclass(frozen=True, eq=False)
class Targets:
    """What is ranked: entities with what was measured of them.

    Attributes:
        table: ``id``, ``value``, ``strength`` (grows with essentiality or with the size of the change), ``essential`` (bool; absent for omics);
            for values of genes carried to reactions also ``measured_genes`` and ``genes``.
        level: "gene" or "reaction".
        left_out: measured, but with no reaction that counts.
    """

    table: pd.DataFrame
    level: str
    left_out: tuple[str, ...] = field(default=())


def open_measurement(data: bytes, tables: ModelTables, choice: Choice | None = None) -> tuple[Sheet, Measurement]:
    """A file read and mapped; without a choice it is guessed.

    Raises:
        InputError: no table, or none of its ids is of this model.
    """
    names = model_names(tables)
    sheet = read_sheet(data, known=(*tables.genes, *tables.reactions, *filter(None, tables.gene_names)))
    return sheet, measure(sheet, choice or guess(sheet, names), tables, source=digest(data))


def measure(sheet: Sheet, choice: Choice, tables: ModelTables, *, source: str) -> Measurement:
    """A sheet's chosen columns mapped onto a model's ids.

    Rows of one gene are joined: numbers to their mean; a yes and a no of one gene cancel and the gene is left out.

    Args:
        source: sha256 of the file.

    Raises:
        InputError: a column is absent, or no row has an id of the model and a value.
    """
    names = model_names(tables)
    given, cells = sheet.column(choice.ids), sheet.column(choice.values)
    found = [names.find(choice.entity, name) if name else None for name in given]
    notices = list(sheet.notices)
    unmatched = tuple(dict.fromkeys(name for name, entity in zip(given, found, strict=True) if name and entity is None))
    rows = pd.DataFrame({"id": found, "given": given, "value": _values(sheet, choice, cells, notices)})
    rows = rows[rows["id"].notna()]
    if rows.empty:
        first = next(filter(None, given), "")
        raise InputError(
            f"None of the {len(unmatched):,} ids in column {choice.ids!r} is a {choice.entity} of {tables.id} (the first is {first[:40]!r}); "
            "choose another column of ids, or the model that was measured."
        )
    if len(unmatched) > rows["id"].nunique():
        notices.append(f"Most ids are no {choice.entity}s of {tables.id}; is this the model that was measured?")
    without = int(rows["value"].isna().sum())
    if without:
        notices.append(f"{without:,} rows have no usable value in {choice.values!r} and are left out.")
    rows = rows.dropna(subset=["value"])
    if rows.empty:
        raise InputError(f"Column {choice.values!r} has no value that can be used as {choice.kind.replace('_', ' ')}; choose another column or kind.")
    table = _joined(rows, choice, notices)
    if choice.kind == "yes_no":
        table["essential"] = table["value"]
    elif choice.kind == "cutoff":
        table["essential"] = ((table["value"] < choice.cutoff) if choice.below else (table["value"] > choice.cutoff)).astype(float)
    else:
        table["essential"] = np.nan
    key = digest_of(source=source, model=tables.key, choice=asdict(choice))
    return Measurement(table, choice, unmatched, tuple(notices), key)


def targets(measurement: Measurement, tables: ModelTables, *, alternatives: Alternatives = "max") -> Targets:
    """The genes or reactions to rank: those with a gene-associated reaction that is no exchange, no biomass and not ATP maintenance.

    Args:
        alternatives: how values of isozymes join where values of genes are carried to reactions.
    """
    rules, counted = gene_rules(tables), counted_reactions(tables)
    table = measurement.table
    if measurement.level == "reaction" and measurement.choice.entity == "gene":
        table = values_of_reactions(measurement, tables, alternatives=alternatives)
        table = table.dropna(subset=["value"]).rename(columns={"reaction": "id"})
        keep = table["id"].map(tables.reaction_index()).map(lambda e: bool(counted[e]))
    elif measurement.level == "reaction":
        keep = table["id"].map(tables.reaction_index()).map(lambda e: bool(counted[e]))
    else:
        keep = table["id"].map(lambda gene: any(counted[e] for e in rules.reactions_of.get(gene, ())))
    keep = keep.astype(bool)
    kept = table[keep].drop(columns="given", errors="ignore").reset_index(drop=True)
    kind = measurement.choice.kind
    signed = -kept["value"] if kind == "cutoff" and measurement.choice.below else kept["value"]
    kept["strength"] = signed.abs() if kind in ("log_change", "ratio_change") else signed
    if measurement.is_omics:
        kept = kept.drop(columns="essential", errors="ignore")
    else:
        kept["essential"] = kept["essential"].astype(bool)
    return Targets(kept, measurement.level, tuple(table.loc[~keep, "id"]))


def values_of_reactions(measurement: Measurement, tables: ModelTables, *, alternatives: Alternatives = "max") -> pd.DataFrame:
    """The measured values carried to every reaction they reach: the least over ``and``, ``alternatives`` over ``or``.

    Returns:
        Columns reaction, value (nan where nothing was measured), measured_genes and genes (of the rule); all reactions of the model.
    """
    values = dict(zip(measurement.table["id"], measurement.table["value"].astype(float), strict=True))
    rules = gene_rules(tables)
    if measurement.choice.entity == "reaction":
        found = [(values.get(r, np.nan), 0) for r in tables.reactions]
    else:
        found = [rules.combine(e, values, alternatives) for e in range(len(tables.reactions))]
    return pd.DataFrame(
        {
            "reaction": tables.reactions,
            "value": [value for value, _ in found],
            "measured_genes": [known for _, known in found],
            "genes": [len(genes) for genes in rules.genes],
        }
    )


def template_csv(tables: ModelTables) -> str:
    """The model's genes as a table to fill in: gene, name and an empty column of values."""
    return pd.DataFrame({"gene": tables.genes, "name": tables.gene_names, "essential": ""}).to_csv(index=False)


def escher_data(values: pd.DataFrame) -> dict[str, float]:
    """Reaction data for Escher (reaction id to value) of :func:`values_of_reactions`; reactions without a value are absent."""
    known = values.dropna(subset=["value"])
    return dict(zip(known["reaction"], known["value"].astype(float), strict=True))


def scores_of_genes(scores: pd.DataFrame, genes: Sequence[str], tables: ModelTables) -> pd.DataFrame:
    """Scores of reactions carried to genes: the maximum over a gene's reactions that count (:func:`counted_reactions`).

    Args:
        scores: one row per reaction of the model, in its order; any number of columns.

    Returns:
        One row per gene, nan where none of its reactions has a score.
    """
    rules, counted = gene_rules(tables), counted_reactions(tables)
    values = scores.to_numpy(dtype=float)
    rows = []
    for gene in genes:
        mine = values[[e for e in rules.reactions_of.get(gene, ()) if counted[e]]]
        known = np.where(np.isnan(mine), -np.inf, mine).max(0, initial=-np.inf)
        rows.append(np.where(np.isinf(known), np.nan, known))
    return pd.DataFrame(rows, index=list(genes), columns=scores.columns)


def _values(sheet: Sheet, choice: Choice, cells: Sequence[str], notices: list[str]) -> list[float]:
    if choice.kind == "yes_no":
        return _called(choice, cells, notices)
    numbers = [sheet.number(cell) for cell in cells]
    odd = list(dict.fromkeys(c for c, n in zip(cells, numbers, strict=True) if np.isnan(n) and c.lower() not in MISSING))
    if odd:
        notices.append(f"{len(odd):,} texts in {choice.values!r} are no numbers (such as {odd[0][:40]!r}) and are left out.")
    if choice.kind != "ratio_change":
        return numbers
    if any(n <= 0 for n in numbers):
        notices.append(f"{sum(n <= 0 for n in numbers):,} ratios in {choice.values!r} are 0 or less, have no logarithm and are left out.")
    return [float(np.log2(n)) if n > 0 else np.nan for n in numbers]


def _called(choice: Choice, cells: Sequence[str], notices: list[str]) -> list[float]:
    """1 for yes and 0 for no; every spelling of yes is one where the chosen word is. A word that is neither is left out where others say no plainly,
    and counts as no where none does; the notices tell."""
    chosen = choice.yes.lower()
    yes = YES if not chosen or chosen in YES else {chosen}
    words = [cell.lower() for cell in cells]
    others = list(dict.fromkeys(w for w in words if w not in MISSING | yes))
    odd = [w for w in others if w not in NO] if len(others) > 1 else []
    plainly = len(odd) < len(others)
    if odd:
        count, named = sum(w in odd for w in words), ", ".join(repr(w[:40]) for w in odd[:3])
        notices.append(f"{count:,} values in {choice.values!r} are neither yes nor no ({named}) and {'are left out' if plainly else 'count as no'}.")
    left_out = (MISSING - yes) | set(odd if plainly else ())
    return [np.nan if w in left_out else float(w in yes) for w in words]


def _joined(rows: pd.DataFrame, choice: Choice, notices: list[str]) -> pd.DataFrame:
    """One row per gene or reaction, in the file's order."""
    groups = rows.groupby("id", sort=False)
    table = groups.agg(given=("given", "first"), value=("value", "mean"), rows=("value", "size")).reset_index()
    several = int((table["rows"] > 1).sum())
    if choice.kind == "yes_no":
        torn = ~table["value"].isin((0.0, 1.0))
        if torn.any():
            notices.append(f"{int(torn.sum()):,} ids are both yes and no (the first is {table.loc[torn, 'given'].iloc[0]}) and are left out.")
        table = table[~torn].reset_index(drop=True)
    if several:
        how = "rows that agree count once" if choice.kind == "yes_no" else "their values are averaged"
        notices.append(f"{several:,} ids stand in several rows; {how}.")
    return table.drop(columns="rows")
