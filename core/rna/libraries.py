"""Users' own libraries of RNAs, kept between visits: ``libraries/<sha256 of the RNAs>.jsonl`` in the user-data folder.

The first line of such a file says what it is, each further one is an RNA. A library comes from any text that :mod:`core.rna.reading` reads, or from a
table (:data:`core.rna._tables.COLUMNS`). Where the families are known they come along, for scoreboards: from the table's column ``family``, from the
word ``family=NAME`` behind a FASTA name, or from the accession (else the ID) of a Stockholm alignment. Further columns of a table are kept too: their
names and a sha256 in an optional entry ``columns`` of the first line, their cells as an optional seventh entry of each RNA's line, so that a library
without them is stored as it was before there were any. They are no part of its key.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from core import storage
from core.errors import InputError
from core.rna._formats import GAPS, Raw, parse
from core.rna._tables import is_table, read_table, some
from core.rna.reading import checked, clean, text_of
from core.rna.records import RnaRecord

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
"""Version of the files; those of another one are not listed."""
MOST, LONGEST = 20_000, 3_000
"""Most RNAs of a library, and nt of its longest."""
MAX_BYTES = 500 * 2**20
"""Bytes of all libraries together; they are the user's own, so a new one is refused rather than an old one dropped."""

_FOLDER = "libraries"
_KEY = re.compile(r"[0-9a-f]{64}")
_FAMILY = re.compile(r"(?:^|\s)family=(\S+)")


class Row(NamedTuple):
    """An RNA as it is stored.

    ``label`` is its family and ``aligned`` its row in the family's alignment, empty where not known; ``cells`` are those of the further columns.
    """

    id: str
    sequence: str
    structure: str | None
    description: str
    label: str
    aligned: str
    cells: Sequence[str] = ()


@dataclass(frozen=True)
class Library:
    """A stored library; its RNAs are read when they are asked for.

    Attributes:
        key: sha256 of ids, sequences, structures, families and alignments: the same for the same RNAs, whatever the library is called.
        name: what the user calls it; file: name of the file it came from.
        count: number of RNAs; nt: of all bases; labelled: how many have a family.
        notices: sentences on what was left out or looks unusual; those on further columns are told when it is added and not stored.
        created: Unix time in seconds.
        path: where it is stored.
        column_names: of the further columns; columns_key: sha256 of names and cells, "" without any.
    """

    key: str
    name: str
    count: int
    nt: int
    labelled: int
    notices: tuple[str, ...]
    file: str
    created: float
    path: Path = field(repr=False)
    column_names: tuple[str, ...] = ()
    columns_key: str = ""

    @property
    def records(self) -> tuple[RnaRecord, ...]:
        """The RNAs, with unique ids. Raises InputError when the file is gone or damaged."""
        return self._contents[0]

    @property
    def labels(self) -> dict[str, str] | None:
        """Family by id, of the RNAs that have one; None when none has. Errors as for :attr:`records`."""
        return {row.id: row.label for row in self._contents[1] if row.label} or None

    @property
    def alignments(self) -> dict[str, str] | None:
        """Row of its family's alignment by id, of the RNAs that have one; None when none has. Errors as for :attr:`records`."""
        return {row.id: row.aligned for row in self._contents[1] if row.aligned} or None

    @property
    def columns(self) -> pd.DataFrame | None:
        """The table's further columns by id, numbers as float and the rest as text (:func:`core.rna.columns.typed`); None when there are none.

        Errors as for :attr:`records`.
        """
        if not self.column_names:
            return None
        from core.rna.columns import frame

        rows = self._contents[1]
        return frame([row.id for row in rows], self.column_names, [row.cells for row in rows])

    @cached_property
    def _contents(self) -> tuple[tuple[RnaRecord, ...], tuple[Row, ...]]:
        try:
            with self.path.open(encoding="utf-8") as lines:
                next(lines)
                rows = tuple(Row(*json.loads(line)) for line in lines)
            if _key(rows) == self.key and _columns_key(self.column_names, rows) == self.columns_key:
                return tuple(RnaRecord(row.id, row.sequence, row.structure, description=row.description) for row in rows), rows
        except FileNotFoundError:
            raise InputError(_gone()) from None
        except (OSError, ValueError, TypeError, StopIteration):  # an InputError of a record is a ValueError
            pass
        raise InputError(f"The library {self.name} is damaged on disk; remove it and add its file again.")


def add_library(name: str, source: bytes, filename: str = "", *, most: int = MOST, longest: int = LONGEST) -> Library:
    """Reads a library, stores it and returns it; the same RNAs again give the library that is there, and a notice.

    A table of the same RNAs with other further columns puts these in the place of those that are there, and changes nothing else.

    RNAs of a sequence that came before, too long ones and records that cannot be read are left out, each kind with a notice. A name that another
    library has gets a number.

    Args:
        name: what to call it; the file's name when empty.
        source: contents of the file, any format :func:`core.rna.reading.read_rna` reads or a table.
        filename: its name, for sentences. most: RNAs; longest: nt of one.

    Raises:
        InputError: no RNA in it, a protein, too many RNAs, only too long ones, or no room left.
    """
    text = text_of(source, filename)
    table = read_table(text) if is_table(text) else None
    found, problems, unusable = checked(parse(text) if table is None else table.rows, most=most)
    notices = [f"{_of(unusable, unusable + len(found), 'record')} left out, the first because: {problems[0]}"] if unusable else []
    on_columns = [] if table is None else list(table.notices)
    rows = _rows(found, longest, notices, on_columns)
    columns, rows = _with_cells(() if table is None else table.columns, rows)
    key, path, columns_key = _key(rows), _path(_key(rows)), _columns_key(columns, rows)
    if (there := _intact(path)) is not None:
        if columns_key in ("", there.columns_key):
            told = "nothing was added"
        else:
            told = f"their further columns are now those of this file: {some(columns)}"
            own = (row._replace(cells=new.cells) for row, new in zip(there._contents[1], rows, strict=True))
            there = _write(replace(there, column_names=columns, columns_key=columns_key), own)
        return replace(there, notices=(f"These RNAs are stored already, as {there.name}; {told}.", *on_columns, *there.notices))
    wanted = clean(name) or clean(PurePath(filename).stem) or "Library"
    given = _free(wanted, {library.name.lower() for library in list_libraries()})
    if given != wanted:
        notices.append(f"Another library is called {wanted}, so this one is called {given}.")
    nt, labelled = sum(len(row.sequence) for row in rows), sum(bool(row.label) for row in rows)
    library = Library(key, given, len(rows), nt, labelled, tuple(notices), clean(filename), time.time(), path, columns, columns_key)
    return replace(_write(library, rows), notices=(*notices, *on_columns))


def adopt_library(key: str, data: bytes) -> Library:
    """Stores a library as another computer stored it; one of these RNAs that is here stays as it is.

    Raises:
        InputError: the file is not the library of this key, or there is no room for it.
    """
    library = check_library(key, data)
    there = _intact(path := _path(key))
    return there or _write(replace(library, path=path), data.decode("utf-8").splitlines()[1:])


def check_library(key: str, data: bytes) -> Library:
    """A library as another computer stored it, not stored here.

    Raises:
        InputError: the file is not the library of this key.
    """
    with tempfile.TemporaryDirectory() as place:
        (given := Path(place) / f"{key}.jsonl").write_bytes(data)
        if (library := _intact(given)) is None:
            raise InputError("The library in the file is damaged; ask for the file again.")
        return library


def list_libraries(on_notice: Callable[[str], None] | None = None) -> list[Library]:
    """All stored libraries, the newest first; one that cannot be read is left out and told of by ``on_notice``."""
    found = []
    for path in storage.folder(_FOLDER).glob("*.jsonl"):
        if path.name.startswith("."):
            continue  # being written
        library = _read(path)
        if library is not None:
            found.append(library)
        elif on_notice is not None and path.exists():
            on_notice(f"The stored library {clean(path.name)} cannot be read and was left out; remove it or add its file again.")
    return sorted(found, key=lambda library: (-library.created, library.key))


def open_library(key: str) -> Library:
    """The stored library of this key.

    Raises:
        InputError: it is not stored, or cannot be read.
    """
    path = _path(key)
    library = _read(path)
    if library is None:
        raise InputError("This library cannot be read; remove it and add its file again." if path.is_file() else _gone())
    return library


def rename_library(key: str, name: str) -> Library:
    """Gives a library another name and returns it. The RNAs and the key stay.

    Raises:
        InputError: the name is empty or another library has it, or the library is not stored.
    """
    library, wanted = open_library(key), clean(name)
    if not wanted:
        raise InputError("The library's name is empty; give at least one letter.")
    if wanted.lower() in {other.name.lower() for other in list_libraries() if other.key != key}:
        raise InputError(f"Another library is called {wanted}; choose another name.")
    try:
        lines = library.path.read_text(encoding="utf-8").splitlines()[1:]
    except FileNotFoundError:
        raise InputError(_gone()) from None
    return _write(replace(library, name=wanted), lines)


def remove_library(key: str) -> None:
    """Removes a library, also one that cannot be read.

    Raises:
        InputError: it is not stored.
    """
    try:
        _path(key).unlink()
    except FileNotFoundError:
        raise InputError(_gone()) from None


def _rows(found: list[tuple[RnaRecord, Raw]], longest: int, notices: list[str], on_columns: list[str]) -> tuple[Row, ...]:
    """The RNAs to keep; ``notices`` and ``on_columns`` get a sentence for each kind of those left out and of what is unusual."""
    rows: dict[str, Row] = {}
    too_long: list[RnaRecord] = []
    twins = torn = other_cells = other_rows = 0
    for record, raw in found:
        label = clean(raw.label or (m[1] if (m := _FAMILY.search(record.description)) else ""))
        if record.length > longest:
            too_long.append(record)
        elif (first := rows.get(record.sequence)) is not None:
            twins += 1
            torn += label != first.label
            other_cells += raw.cells != first.cells
        else:
            aligned = raw.row.upper().replace("T", "U")
            fits = "".join(sign for sign in aligned if sign not in GAPS) == record.sequence
            other_rows += bool(aligned) and not fits
            own_row = aligned if fits else ""
            rows[record.sequence] = Row(record.id, record.sequence, record.structure, record.description, label, own_row, raw.cells)
    if too_long and not rows:
        raise InputError(
            f"{too_long[0].id} has {too_long[0].length:,} bases; a library holds RNAs of at most {longest:,}, so give their parts of interest."
        )
    total, kept = len(found), rows.values()
    if too_long:
        notices.append(f"{_of(len(too_long), total, 'RNA')} longer than {longest:,} nt and left out, the first {too_long[0].id}.")
    if twins:
        notices.append(f"{_of(twins, total, 'RNA')} duplicates by sequence and kept once.")
    if torn:
        notices.append(f"{_of(torn, twins, 'duplicate')} of another family than the first of the same sequence, whose family was kept.")
    if other_cells:
        on_columns.append(f"{_of(other_cells, twins, 'duplicate')} with other values in further columns than the first, whose values were kept.")
    if unknown := sum("N" in row.sequence for row in kept):
        notices.append(f"{_of(unknown, len(kept), 'RNA')} with bases that are not known, read as N.")
    if other_rows:
        notices.append(f"{_of(other_rows, total, 'alignment row')} not of the RNA beside them and left out.")
    if 0 < (bare := sum(not row.label for row in kept)) < len(kept):
        notices.append(f"{_of(bare, len(kept), 'RNA')} without a family.")
    return tuple(kept)


def _with_cells(columns: tuple[str, ...], rows: tuple[Row, ...]) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """The columns with something in them in these rows, and the rows with their cells of those."""
    filled = [at for at in range(len(columns)) if any(row.cells[at] for row in rows)]
    return tuple(columns[at] for at in filled), tuple(row._replace(cells=tuple(row.cells[at] for at in filled)) for row in rows)


def _of(count: int, total: int, what: str) -> str:
    """The beginning of a sentence: '1 of 40 RNAs is', '3 of 40 RNAs are'."""
    return f"{count:,} of {total:,} {what}{'' if total == 1 else 's'} {'is' if count == 1 else 'are'}"


def _key(rows: Iterable[Row]) -> str:
    return storage.digest_of(schema=SCHEMA, rnas=[[row.id, row.sequence, row.structure, row.label, row.aligned] for row in rows])


def _columns_key(names: Sequence[str], rows: Sequence[Row]) -> str:
    return storage.digest_of(schema=SCHEMA, names=names, cells=[row.cells for row in rows]) if names else ""


def _free(name: str, taken: set[str]) -> str:
    """``name``, or with (2), (3) behind it."""
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate


def _path(key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise InputError(_gone())
    return storage.folder(_FOLDER) / f"{key}.jsonl"


def _gone() -> str:
    return "This library is no longer stored on this computer; add its file again."


def _write(library: Library, rows: Iterable[Row | str]) -> Library:
    """Stores a library; its RNAs are given, or their lines as they are stored."""
    head = {"schema": SCHEMA} | {name: getattr(library, name) for name in ("name", "count", "nt", "labelled", "notices", "file", "created")}
    if library.column_names:
        head["columns"] = {"names": library.column_names, "key": library.columns_key}
    lines = (row if isinstance(row, str) else json.dumps(row if row.cells else row[:-1]) for row in rows)
    data = "\n".join([json.dumps(head), *lines, ""]).encode()
    held = storage.usage()[_FOLDER] - (library.path.stat().st_size if library.path.is_file() else 0)
    if held + len(data) > MAX_BYTES:
        raise InputError(f"The stored libraries fill their {MAX_BYTES // 2**20} MiB; remove one that you no longer need.")
    storage.write_bytes(library.path, data)
    return library


def _intact(path: Path) -> Library | None:
    """A stored library whose RNAs can be read; None when there is none."""
    library = _read(path)
    try:
        return library if library is not None and library.records else None
    except InputError:
        return None


def _read(path: Path) -> Library | None:
    """A stored library by its first line; None when there is none that can be read."""
    try:
        with path.open(encoding="utf-8") as lines:
            head: dict[str, Any] = json.loads(next(lines))
        if head.pop("schema") != SCHEMA or not _KEY.fullmatch(path.stem):
            return None
        notices = tuple(str(notice) for notice in head.pop("notices"))
        name, file = str(head.pop("name")), str(head.pop("file"))
        count, nt, labelled = (int(head.pop(number)) for number in ("count", "nt", "labelled"))
        columns = head.get("columns", {"names": (), "key": ""})
        names, key = tuple(str(column) for column in columns["names"]), str(columns["key"])
        return Library(path.stem, name, count, nt, labelled, notices, file, float(head["created"]), path, names, key)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None
