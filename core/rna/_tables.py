"""RNAs in a table, CSV or TSV with a first line of names: what users' own labelled sets come as."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import InputError
from core.rna._formats import Raw
from core.rna.reading import clean

COLUMNS = {
    "sequence": ("sequence",),
    "id": ("id", "accession", "name"),
    "label": ("family", "label", "class"),
    "structure": ("structure",),
    "row": ("aligned_sequence", "aligned", "row"),
}
"""What is read and the names its column may have, the preferred first; case does not matter."""
MOST_COLUMNS = 50
"""Further columns that are kept, the first ones of the table."""

_CELL = 200
"""Characters kept of a cell of a further column."""
_BLANK_LINES = re.compile(r"\A(?:[ \t]*[\r\n]+)* *")  # a tab before the first name is a column without one


@dataclass(frozen=True)
class Table:
    """A table taken apart.

    Attributes:
        rows: its RNAs, each with its cells of the further columns; an empty cell is as if it were not there. Raises InputError on the way where the
            table cannot be taken apart.
        columns: names of the further columns, at most :data:`MOST_COLUMNS`: those that have a name and at least one cell with something in it.
        notices: sentences on further columns that were left out.
    """

    rows: Iterator[Raw]
    columns: tuple[str, ...]
    notices: tuple[str, ...]


def is_table(text: str) -> bool:
    """Whether a text is a table of RNAs: its first line that is not blank names a column for the sequence."""
    return _delimiter(text) is not None


def read_table(text: str) -> Table:
    """Takes a table apart.

    Raises:
        InputError: it cannot be taken apart.
    """
    names, rows = _lines(text)
    known = [name.lower() for name in names]
    place = {what: next((known.index(name) for name in allowed if name in known), None) for what, allowed in COLUMNS.items()}
    filled = _filled(rows, {at for at, name in enumerate(names) if name} - set(place.values()))
    further: dict[str, int] = {}
    twice: dict[str, None] = {}
    for at in filled:
        if names[at] in further:
            twice[names[at]] = None
        else:
            further[names[at]] = at
    kept = list(further.items())[:MOST_COLUMNS]
    notices = [f"More than one column is called {some(list(twice))}; the first was kept."] if twice else []
    if left_out := list(further)[MOST_COLUMNS:]:
        notices.append(f"{len(left_out):,} of {len(further):,} further columns left out, as a library keeps {MOST_COLUMNS}: {some(left_out)}.")
    return Table(_records(text, place, [at for _, at in kept]), tuple(name for name, _ in kept), tuple(notices))


def _records(text: str, place: dict[str, int | None], further: list[int]) -> Iterator[Raw]:
    for line, row in _lines(text)[1]:
        cells = {what: row[at].strip() if at is not None and at < len(row) else "" for what, at in place.items()}
        yield _raw(cells, tuple(_cell(row[at]) if at < len(row) else "" for at in further), line)


def _lines(text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The names of the columns, and the rows that are not empty with the number of their line."""
    rows = csv.reader(io.StringIO(_BLANK_LINES.sub("", text), newline=""), delimiter=_delimiter(text) or ",", strict=True)

    def walk() -> Iterator[tuple[int, list[str]]]:
        try:
            for row in rows:
                if any(row):
                    yield rows.line_num, row
        except csv.Error:
            raise InputError(f"Line {rows.line_num:,} of the table cannot be read; look for a quotation mark that is never closed.") from None

    lines = walk()
    return [clean(name) for name in next(lines)[1]], lines


def _filled(rows: Iterator[tuple[int, list[str]]], asked: set[int]) -> list[int]:
    """Places, ascending, of the columns with something in them; looks no further than it has to."""
    empty = set(asked)
    for _, row in rows:
        empty = {at for at in empty if at >= len(row) or not row[at].strip()}
        if not empty:
            break
    return sorted(asked - empty)


def _delimiter(text: str) -> str | None:
    first = _BLANK_LINES.sub("", text).partition("\n")[0].partition("\r")[0]
    for delimiter in "\t,;":
        names = [name.strip().strip('"').lower() for name in first.split(delimiter)]
        if len(names) > 1 and any(name in names for name in COLUMNS["sequence"]):
            return delimiter
    return None


def _raw(cells: dict[str, str], further: tuple[str, ...], line: int) -> Raw:
    if not cells["sequence"]:
        return Raw(cells["id"], problem=f"Line {line:,} of the table has no sequence; give each RNA one.")
    return Raw(cells["id"], cells["sequence"], cells["structure"] or None, label=cells["label"], row=cells["row"], cells=further)


def _cell(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _CELL and text.isprintable() else clean(text, _CELL)


def some(names: Sequence[str]) -> str:
    """The first names in a sentence, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
