"""Measurements from a file: a table of text in any common spelling, and which of its columns mean what."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.errors import InputError
from core.metabolic.tables import ModelTables

MAX_BYTES = 50 * 2**20
MAX_COLUMNS = 500
MAX_ROWS = 500_000
DELIMITERS = ("\t", ";", ",", "|")
CUTOFF = 0.01
"""Growth ratio below which a gene counts as essential when nothing else is asked for."""

Entity = Literal["gene", "reaction"]
Kind = Literal["yes_no", "cutoff", "log_change", "ratio_change", "level"]
KINDS: dict[Kind, str] = {
    "yes_no": "yes or no",
    "cutoff": "a number with a cut-off (growth ratio, fitness, score)",
    "log_change": "log fold change",
    "ratio_change": "fold change as a ratio (log2 is taken)",
    "level": "amount (expression, abundance, flux)",
}
"""What a value column can hold."""
OMICS: tuple[Kind, ...] = ("log_change", "ratio_change", "level")

YES = frozenset({"yes", "y", "true", "t", "1", "essential", "e", "ess", "lethal", "+", "positive"})
NO = frozenset({"no", "n", "false", "f", "0", "non-essential", "nonessential", "non essential", "not essential", "ne", "viable", "dispensable", "-"})
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "#n/a", "#na", "?", "."})
_TITLES = frozenset({"essential", "lethal", "viable", "positive"})
"""Words of both kinds: values, and names of columns."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_WORDS = 12
"""A column with more distinct texts than this is no yes or no."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table as text.

    Attributes:
        columns: C distinct names, "column 1" where the file names none.
        rows: N tuples of C cells, stripped.
        notices: what was mended while reading, one sentence each.
        decimal_comma: numbers are written 0,5.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notices: tuple[str, ...] = ()
    decimal_comma: bool = False

    def column(self, name: str) -> list[str]:
        """The cells of a column.

        Raises:
            InputError: there is none of that name.
        """
        if name not in self.columns:
            raise InputError(f"The file has no column {name[:60]!r}; choose one of {', '.join(self.columns[:12])}.")
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def number(self, cell: str) -> float:
        """A cell as a number, nan where it is none."""
        text = cell.replace(",", ".") if self.decimal_comma else cell
        return float(text) if _NUMBER.fullmatch(text) else math.nan


@dataclass(frozen=True)
class Choice:
    """Which columns are read, and how.

    Attributes:
        ids, values: column names.
        entity: what the ids name.
        kind: what the values are.
        yes: with "yes_no", the word that means essential.
        cutoff, below: with "cutoff", essential is a value below (else above) this number.
    """

    ids: str
    values: str
    entity: Entity = "gene"
    kind: Kind = "yes_no"
    yes: str = ""
    cutoff: float = CUTOFF
    below: bool = True

    @property
    def sentence(self) -> str:
        """What is taken from the file, in words."""
        if self.kind == "yes_no":
            return f"A {self.entity} is essential where {self.values} is {self.yes!r}"
        if self.kind == "cutoff":
            return f"A {self.entity} is essential where {self.values} is {'below' if self.below else 'above'} {self.cutoff:g}"
        return f"{self.values} of every {self.entity}, {KINDS[self.kind]}"


@dataclass(frozen=True, eq=False)
class Names:
    """What a model calls its genes and reactions: any spelling in lower case to the id, None where it stands for several."""

    gene: dict[str, str | None]
    reaction: dict[str, str | None]

    def find(self, entity: Entity, name: str) -> str | None:
        """The id of a gene or reaction by id, symbol or database identifier."""
        known = self.gene if entity == "gene" else self.reaction
        text = name.strip().lower()
        return known.get(text) or known.get(text.removeprefix("g_" if entity == "gene" else "r_"))


def model_names(tables: ModelTables) -> Names:
    """The spellings a measurement may use: ids first, then symbols and names, then annotations."""
    genes = _spellings(tables.genes, tables.gene_names, tables.gene_annotations)
    return Names(genes, _spellings(tables.reactions, tables.reaction_names, tables.reaction_annotations))


def _spellings(ids: Sequence[str], names: Sequence[str], annotations: Sequence[dict[str, list[str]]]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    annotated = [[v for db, values in a.items() if db not in ("sbo", "ec-code") for v in values] for a in annotations]
    for spellings in ([[i] for i in ids], [[n] for n in names], annotated):
        level: dict[str, str | None] = {}
        for entity, words in zip(ids, spellings, strict=True):
            for word in {w.strip().lower() for w in words} - {""}:
                level[word] = entity if level.get(word, entity) == entity else None
        found = level | found
    return found


def read_sheet(data: bytes, known: Iterable[str] = ()) -> Sheet:
    """A CSV or TSV file as text: encoding, delimiter, quotes, header and decimal comma are found out.

    Args:
        data: the file's bytes.
        known: ids of the model's genes and reactions: a first row that names one is no header.

    Raises:
        InputError: empty, too large, no text, or no table.
    """
    text, notices = _decoded(data)
    delimiter = _delimiter(text)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)]
    except csv.Error as error:
        raise InputError(f"The table cannot be read ({error}); look for a quotation mark that is not closed, and save it as CSV again.") from None
    rows = [row for row in rows if any(row)]
    if not rows:
        raise InputError("The file holds no rows; choose a table with a column of ids and one of values.")
    if len(rows) > MAX_ROWS:
        raise InputError(f"The file has {len(rows):,} rows and at most {MAX_ROWS:,} are read; keep one row per gene or reaction.")
    header = _is_header(rows, frozenset(map(str.lower, known)))
    width = len(rows[0]) if header else Counter(map(len, rows)).most_common(1)[0][0]
    if width > MAX_COLUMNS:
        raise InputError(f"The file has {width:,} columns and at most {MAX_COLUMNS} are read; keep the ids and the values you want to compare.")
    if width < 2:
        raise InputError("The file has one column only; give a column of gene or reaction ids and one of values, separated by commas or tabs.")
    columns = _column_names(rows[0] if header else [""] * width)
    body = rows[1:] if header else rows
    if not body:
        raise InputError("The file holds a header and no rows; choose a table with one row per gene or reaction.")
    ragged = sum(len(row) != width for row in body)
    if ragged:
        notices.append(f"{ragged:,} of {len(body):,} rows have another number of cells than the header; cells beyond it are left out.")
    cells = tuple((*row[:width], *[""] * (width - len(row))) for row in body)
    with_comma = delimiter != "," and any(re.fullmatch(r"[+-]?\d*,\d+(e[+-]?\d+)?", c, re.IGNORECASE) for row in cells for c in row)
    return Sheet(columns, cells, tuple(notices), with_comma)


def guess(sheet: Sheet, names: Names) -> Choice:
    """The likeliest reading of a sheet: the ids are in the column most of which the model knows; measured beats modelled."""
    shares = {
        (column, entity): sum(names.find(entity, cell) is not None for cell in sheet.column(column))
        for column in sheet.columns
        for entity in ("gene", "reaction")
    }
    ids, entity = max(shares, key=lambda key: shares[key])  # the first of equals
    others = [column for column in sheet.columns if column != ids]
    values = max(others, key=lambda column: _worth(column, sheet))
    return guess_values(sheet, Choice(ids, values, "gene" if entity == "gene" else "reaction"))


def guess_values(sheet: Sheet, choice: Choice) -> Choice:
    """The choice with kind, word and cut-off guessed for its value column."""
    name = choice.values.lower()
    cells = [cell for cell in sheet.column(choice.values) if cell.lower() not in MISSING]
    words = value_words(sheet, choice.values)
    lowered = {w.lower() for w in words}
    numbers = [x for x in map(sheet.number, cells) if not math.isnan(x)]
    if words and (lowered <= YES | NO or len(numbers) < len(cells) / 2):
        return replace(choice, kind="yes_no", yes=_likely_yes(words, cells))
    if not numbers:
        return replace(choice, kind="yes_no", yes=words[0] if words else "")
    if "log" in name or min(numbers) < 0:
        return replace(choice, kind="log_change")
    if re.search(r"fold|\bfc\b|change", name):
        return replace(choice, kind="ratio_change")
    if re.search(r"tpm|[fr]pkm|count|abundan|expression|intensity|level|flux|mean", name):
        return replace(choice, kind="level")
    rising = bool(re.search(r"essential|probab|score|lethal", name))
    return replace(choice, kind="cutoff", cutoff=0.5 if rising else CUTOFF, below=not rising)


def value_words(sheet: Sheet, column: str) -> list[str]:
    """The distinct values of a column that may mean yes and no, the commonest first; empty where there are too many."""
    cells = [cell for cell in sheet.column(column) if cell.lower() not in MISSING]
    spelled = {cell.lower(): cell for cell in reversed(cells)}  # as it is written first
    counts = Counter(cell.lower() for cell in cells)
    return [spelled[word] for word, _ in counts.most_common()] if len(counts) <= _WORDS else []


def _likely_yes(words: Sequence[str], cells: Sequence[str]) -> str:
    """The word that means essential: one known to, else one that says so, else the rarest."""
    for test in (lambda w: w in YES, lambda w: w.startswith(("ess", "leth")), lambda w: w not in NO):
        found = [word for word in words if test(word.lower())]
        if found:
            return min(found, key=lambda word: sum(cell.lower() == word.lower() for cell in cells))
    return words[-1]


def _worth(column: str, sheet: Sheet) -> float:
    """How likely a column holds the values meant."""
    cells = [cell for cell in sheet.column(column) if cell.lower() not in MISSING]
    if not cells:
        return -10.0
    numeric = sum(not math.isnan(sheet.number(c)) for c in cells) / len(cells)
    distinct = {c.lower() for c in cells}
    usable = numeric > 0.5 or len(distinct) <= _WORDS
    name = column.lower()
    worth = 0.0 if usable else -5.0
    worth += 3.0 * bool(re.search(r"exper|measur|observ|vivo", name))
    worth += 1.0 * bool(re.search(r"ess|leth|growth|fitness|fold|log|\bfc\b|ratio|phenotype|tpm|value|score", name))
    worth -= 3.0 * bool(re.search(r"model|predict|simul|silico|fba", name))
    worth -= 2.0 * bool(re.search(r"p[._ -]?val|padj|fdr|q[._ -]?val|lfcse|std|stderr|start|end|length|strand", name))
    return worth + 0.5 * (distinct <= YES | NO)


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if not data.strip():
        raise InputError("The file is empty; choose a table with a column of ids and one of values.")
    if len(data) > MAX_BYTES:
        raise InputError(f"The file has {len(data) / 2**20:.0f} MB and at most {MAX_BYTES // 2**20} MB are read; keep the ids and the values.")
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError("The file is a workbook or an archive and not a text table; save the sheet as CSV and choose that.")
    if data.startswith(b"\x1f\x8b"):
        raise InputError("The file is compressed; unpack it and choose the table inside.")
    notices: list[str] = []
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
        notices.append("The file is not UTF-8; it was read as Windows-1252, so look at names with accents.")
    odd = sum(ord(c) < 32 and c not in "\t\r\n\f\v" for c in text[:100_000])
    if odd or text.count("�") > 0.01 * len(text):
        raise InputError("The file is not a text table; save it as CSV or TSV and choose that.")
    return text, notices


def _delimiter(text: str) -> str:
    """The separator that gives the first rows the same number of cells, more than one; the comma when none does."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    best, found = 0.0, ","
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
        except csv.Error:
            continue
        width, count = widths.most_common(1)[0]
        share = count / sum(widths.values())
        if width > 1 and share > best:
            best, found = share, delimiter
    return found


def _is_header(rows: Sequence[Sequence[str]], known: frozenset[str]) -> bool:
    """Whether the first row names the columns: it holds no number, no id of the model, and no yes or no that its column goes on to hold."""
    for place, cell in enumerate(map(str.lower, rows[0])):
        if cell in known or _NUMBER.fullmatch(cell.replace(",", ".")):
            return False
        if cell in (YES | NO) - _TITLES and any(cell == row[place].lower() for row in rows[1:] if place < len(row)):
            return False
    return True


def _column_names(row: Sequence[str]) -> tuple[str, ...]:
    names: list[str] = []
    for number, cell in enumerate(row, 1):
        name = " ".join(cell.split())[:100] or f"column {number}"
        names.append(name if name not in names else f"{name} ({number})")
    return tuple(names)
