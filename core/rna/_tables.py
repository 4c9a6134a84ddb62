"""RNAs in a table, CSV or TSV with a first line of names: what users' own labelled sets come as."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from core.errors import InputError
from core.rna._formats import Raw

COLUMNS = {
    "sequence": ("sequence",),
    "id": ("id", "accession", "name"),
    "label": ("family", "label", "class"),
    "structure": ("structure",),
    "row": ("aligned_sequence", "aligned", "row"),
}
"""What is read and the names its column may have, the preferred first; case does not matter."""


def is_table(text: str) -> bool:
    """Whether a text is a table of RNAs: its first line that is not blank names a column for the sequence."""
    return _delimiter(text) is not None


def parse_table(text: str) -> Iterator[Raw]:
    """The rows of a table as records; an empty cell is as if it were not there.

    Raises:
        InputError: the table cannot be taken apart.
    """
    delimiter = _delimiter(text)
    assert delimiter is not None
    rows = csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower() for name in next(rows)]
        place = {what: next((names.index(name) for name in known if name in names), None) for what, known in COLUMNS.items()}
        for row in rows:
            cells = {what: row[at].strip() if at is not None and at < len(row) else "" for what, at in place.items()}
            if any(row):
                yield _raw(cells, rows.line_num)
    except csv.Error:
        raise InputError(f"Line {rows.line_num:,} of the table cannot be read; look for a quotation mark that is never closed.") from None


def _delimiter(text: str) -> str | None:
    first = text.lstrip().partition("\n")[0].partition("\r")[0]
    for delimiter in "\t,;":
        names = [name.strip().strip('"').lower() for name in first.split(delimiter)]
        if len(names) > 1 and any(name in names for name in COLUMNS["sequence"]):
            return delimiter
    return None


def _raw(cells: dict[str, str], line: int) -> Raw:
    if not cells["sequence"]:
        return Raw(cells["id"], problem=f"Line {line:,} of the table has no sequence; give each RNA one.")
    return Raw(cells["id"], cells["sequence"], cells["structure"] or None, label=cells["label"], row=cells["row"])
