"""Further columns of users' tables (organism, Kd, year ...): what type each has, and how they stand beside the tables of RNAs and elements."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from core.rna._tables import is_table, read_table
from core.rna.reading import MAX_RECORDS, checked, clean, read_report, text_of
from core.rna.records import RnaRecord

_OF_TABLES = ("name", "title", "family", "length", "gc", "paired", "kind", "motif", "size", "place", "sequence", "rna", "element")
_OF_FILES = ("alike", "percentile", "same", "measure", "compared_by", "_index")  # of a search; and of AnnData
RESERVED = frozenset((*_OF_TABLES, *_OF_FILES))
"""Names of columns that are ours."""

_OURS = re.compile(r"unit \d+|x_\w+ \d+")  # numbers of a vector and places on a map, in a CSV of vectors
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_MISSING = frozenset(("", "na", "n/a", "n.a.", "nan"))
"""Cells without a value in a column of numbers, in small letters."""
_LARGEST = 1e300  # sums and differences of such numbers are still numbers


class WithColumns(NamedTuple):
    """RNAs of a file: families by id where a table has them, further columns by id (:func:`told_apart`), and what the reader should know."""

    records: tuple[RnaRecord, ...]
    families: Mapping[str, str]
    columns: pd.DataFrame
    notices: tuple[str, ...]


def read_with_columns(source: Path) -> WithColumns:
    """RNAs of a file that :func:`core.rna.reading.read_rna` reads, or of a table, CSV or TSV, with its families and further columns.

    Raises:
        InputError: no record can be used; the sentence says what is wrong with the first one.
    """
    text = text_of(source)
    if not is_table(text):
        reading = read_report(text)
        return WithColumns(reading.records, {}, pd.DataFrame(), reading.problems)
    table = read_table(text)
    found, problems, _ = checked(table.rows, most=MAX_RECORDS)
    columns = frame([record.id for record, _ in found], table.columns, [raw.cells for _, raw in found])
    families = {record.id: clean(raw.label) for record, raw in found if raw.label}
    return WithColumns(tuple(record for record, _ in found), families, told_apart(columns), (*problems, *table.notices))


def typed(cells: Sequence[str]) -> np.ndarray:
    """A column's cells: float64 with nan for what is missing where all others are numbers (``3``, ``-0.5``, ``1e-3``), else as they are (object)."""
    known = [cell for cell in cells if cell.lower() not in _MISSING]
    if not known or not all(_NUMBER.fullmatch(cell) and abs(float(cell)) <= _LARGEST for cell in known):
        return np.array(cells, dtype=object)
    return np.array([math.nan if cell.lower() in _MISSING else float(cell) + 0.0 for cell in cells])  # -0 is 0


def frame(ids: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Columns by id.

    Args:
        ids: [N] unique. names: [M] unique. rows: [N][M] cells.
    """
    found = {name: typed(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}
    return pd.DataFrame(found, index=pd.Index(np.array(ids, dtype=object), name="id"))


def told_apart(columns: pd.DataFrame) -> pd.DataFrame:
    """The columns with "(yours)" behind each name that our own tables have too, in whatever letters."""
    taken, names = set(columns.columns), []
    for name in columns.columns:
        if name.lower() in RESERVED or _OURS.fullmatch(name.lower()):
            taken.discard(name)
            while (name := f"{name} (yours)") in taken:
                pass
            taken.add(name)
        names.append(name)
    return columns.set_axis(names, axis=1)


def beside(table: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    """A table of RNAs (column ``name``) or elements (column ``rna``) with each row's values of the columns behind its own.

    An RNA that has none gets nan or "". Text is categorical: of a hundred thousand rows that is many times faster to take apart.

    Args:
        columns: by id, with names that :func:`told_apart` gave.
    """
    rows = columns.index.get_indexer(pd.Index(table["rna" if "rna" in table else "name"]))
    values: dict[Hashable, np.ndarray | pd.Categorical] = {}
    for name, column in columns.items():
        if column.dtype.kind == "f":
            values[name] = np.append(column.to_numpy(), math.nan)[rows]  # row -1, of none, is the last
        else:
            values[name] = pd.Categorical(np.append(column.to_numpy(), "")).take(rows)
    return pd.concat([table, pd.DataFrame(values, index=table.index)], axis=1)


def of_few_values(values: np.ndarray, *, most: int = 8) -> bool:
    """Whether numbers are a kind written as a number (0 and 1, a cluster): whole, of at most ``most`` values, each on average of two RNAs or more."""
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    return 0 < len(distinct) <= most and 2 * len(distinct) <= len(known) and bool((distinct == np.round(distinct)).all())
