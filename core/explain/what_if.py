"""What if a base, a pair or an element were another: the RNA is edited, folded again, and its embedding is compared with what it was."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.errors import Cancelled, InputError
from core.rna.elements import walk
from core.rna.embedding import embed_levels, open_network, prepare
from core.rna.ensemble import PairEnsemble
from core.rna.fingerprints import unit
from core.rna.records import RnaRecord, parse_pairs, partners
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

LETTERS = "ACGU"
CANONICAL = ("AU", "UA", "GC", "CG", "GU", "UG")
MUTANTS_LIMIT = 400
"""Longest RNA (nt) whose single mutants are all folded: three a base."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Edit:
    """A change of an RNA.

    Attributes:
        title: what was done, like ``G10A``, ``10-25 to GC`` or ``s1 deleted``.
        record: the edited RNA, without a structure: it has to be folded again.
        kept: [n'] 0-based place in the original of each base of the edited RNA.
        places: 0-based places in the original that were changed or deleted.
    """

    title: str
    record: RnaRecord
    kept: tuple[int, ...]
    places: tuple[int, ...]


def change_base(record: RnaRecord, place: int, base: str) -> Edit:
    """The RNA with another base.

    Args:
        place: 1-based; base: of A, C, G, U.

    Raises:
        InputError: no such place or base, or the base is that already.
    """
    _check_place(record, place)
    if base not in LETTERS or len(base) != 1:
        raise InputError(f"{base!r} is no base; choose A, C, G or U.")
    old = record.sequence[place - 1]
    if old == base:
        raise InputError(f"Base {place} of {record.id} is {base} already; choose another base.")
    return _edit(record, f"{old}{place}{base}", {place - 1: base})


def change_pair(record: RnaRecord, place: int, bases: str) -> Edit:
    """The RNA with other bases in one of its pairs: a compensatory change when they can pair.

    Args:
        record: with its structure; place: 1-based, one of the two; bases: that at the 5' end first, like GC.

    Raises:
        InputError: the base is unpaired, or the bases are those already.
    """
    _check_place(record, place)
    partner = partners(_structure(record))[place - 1]
    if partner < 0:
        raise InputError(f"Base {place} of {record.id} has no partner in the structure shown; choose a paired base, or change the base alone.")
    if len(bases) != 2 or set(bases) - set(LETTERS):
        raise InputError(f"{bases!r} is no pair of bases; give two letters, like GC.")
    first, second = sorted((place - 1, int(partner)))
    if record.sequence[first] + record.sequence[second] == bases:
        raise InputError(f"The pair {first + 1}-{second + 1} of {record.id} is {bases} already; choose other bases.")
    return _edit(record, f"{first + 1}-{second + 1} to {bases}", {first: bases[0], second: bases[1]})


def delete_element(record: RnaRecord, name: str) -> Edit:
    """The RNA without the bases of one element, named as forgi does.

    Raises:
        InputError: no such element, one without bases, or nothing would be left.
    """
    found = {element.name: element for element in walk(_structure(record)).elements}
    if name not in found:
        raise InputError(f"{record.id} has no element {name!r} in the structure shown; it has {', '.join(found)}.")
    gone = set(found[name].bases)
    if not gone:
        raise InputError(f"Element {name} of {record.id} has no base to delete; choose another.")
    kept = tuple(place for place in range(record.length) if place not in gone)
    if not kept:
        raise InputError(f"Without {name}, nothing of {record.id} is left; choose another element.")
    sequence = "".join(record.sequence[place] for place in kept)
    return Edit(f"{name} deleted", RnaRecord(f"{record.id} without {name}", sequence), kept, tuple(sorted(gone)))


@dataclass(frozen=True, eq=False)
class WhatIf:
    """An RNA before and after an edit, both folded alike.

    Attributes:
        edit: what was changed.
        before, after: records with the structures they fold into; ensembles: their pair probabilities.
        cosine: of the two embeddings of the whole RNA.
        bases: one row per base of the original: ``base`` (1-based), ``nucleotide``, ``after`` (its letter then, "" when deleted), ``moved``
            (1 - cosine of its vectors before and after; nan when deleted) and ``unpaired_before``, ``unpaired_after`` (probabilities).
        pairs_lost, pairs_gained: of the best structures, in places of the original.
        vectors: [2, D] embeddings before and after.
    """

    edit: Edit
    before: RnaRecord
    after: RnaRecord
    ensembles: tuple[PairEnsemble, PairEnsemble]
    cosine: float
    bases: pd.DataFrame
    pairs_lost: int
    pairs_gained: int
    vectors: np.ndarray


def what_if(record: RnaRecord, edit: Edit, checkpoint: str | tuple[Encoder, Card] | None = None, *, device: str = "cpu") -> WhatIf:
    """Folds an RNA (its own structure is not used) and an edit of it, and compares their embeddings.

    Raises:
        InputError: too long to fold.
    """
    network = open_network(checkpoint)
    before = prepare(replace(record, structure=None), True)
    after = prepare(replace(edit.record, structure=None), True)
    records = [replace(before.record, id="before"), replace(after.record, id="after")]
    ensembles = [before.ensemble, after.ensemble]
    found = embed_levels(records, checkpoint=network, levels=("rna", "base"), ensembles=ensembles, device=device)
    whole = found["rna"].vectors
    bases = unit(found["base"].vectors)
    own, other = bases[: record.length], bases[record.length :]
    moved = np.full(record.length, np.nan)
    kept = np.array(edit.kept)
    moved[kept] = 1 - np.einsum("nd,nd->n", own[kept], other)
    letters = np.full(record.length, "", dtype=object)
    letters[kept] = list(edit.record.sequence)
    alone = [1 - np.minimum(1, e.upstream + e.downstream) for e in ensembles if e is not None]
    unpaired = np.full(record.length, np.nan)
    unpaired[kept] = alone[1]
    table = pd.DataFrame(
        {
            "base": np.arange(1, record.length + 1),
            "nucleotide": list(record.sequence),
            "after": letters,
            "moved": moved,
            "unpaired_before": alone[0],
            "unpaired_after": unpaired,
        }
    )
    old = set(parse_pairs(str(before.record.structure)))
    new = {(edit.kept[i], edit.kept[j]) for i, j in parse_pairs(str(after.record.structure))}
    cosine = float(np.dot(*unit(whole.astype(float))))
    both = tuple(e for e in ensembles if e is not None)
    return WhatIf(edit, before.record, after.record, (both[0], both[1]), cosine, table, len(old - new), len(new - old), whole)


@dataclass(frozen=True, eq=False)
class SingleMutants:
    """Every single substitution of an RNA.

    Attributes:
        record: the original, with the structure it folds into.
        moved: [4, n] 1 - cosine of the whole embedding to the original's, rows A, C, G, U; 0 where the base is that already.
        table: one row a mutant: ``mutant`` (G10A), ``base``, ``from``, ``to``, ``moved``, ``pairs_changed`` (pairs of the best structure lost and
            gained).
        manifest: versions, checkpoint, key.
    """

    record: RnaRecord
    moved: np.ndarray
    table: pd.DataFrame
    manifest: dict[str, Any]


def single_mutants(
    record: RnaRecord,
    checkpoint: str | tuple[Encoder, Card] | None = None,
    *,
    device: str = "cpu",
    executor: Executor | None = None,
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SingleMutants:
    """Folds and embeds all 3 n single mutants.

    Raises:
        InputError: longer than :data:`MUTANTS_LIMIT`.
        Cancelled: ``should_stop`` said so.
    """
    if record.length > MUTANTS_LIMIT:
        raise InputError(f"{record.id} has {record.length:,} bases and so {3 * record.length:,} single mutants; the limit is {MUTANTS_LIMIT} bases.")
    network = open_network(checkpoint)
    edits = [change_base(record, place, base) for place in range(1, record.length + 1) for base in LETTERS if record.sequence[place - 1] != base]
    bare = [RnaRecord("original", record.sequence), *(replace(edit.record, id=edit.title) for edit in edits)]
    prepared = []
    for done, one in enumerate((executor.map if executor else map)(prepare, bare, [True] * len(bare)), 1):
        prepared.append(one)
        if on_progress and done % 10 == 0:
            on_progress("folding mutants", done, len(bare))
        _stop(should_stop)
    found = embed_levels(
        [p.record for p in prepared],
        checkpoint=network,
        levels=("rna",),
        ensembles=[p.ensemble for p in prepared],
        device=device,
        on_progress=None if on_progress is None else lambda i, n: on_progress("embedding mutants", i, n),
        should_stop=should_stop,
    )["rna"]
    vectors = unit(found.vectors.astype(float))
    distance = np.maximum(0, 1 - vectors[1:] @ vectors[0])
    own = set(parse_pairs(str(prepared[0].record.structure)))
    changed = [len(own ^ set(parse_pairs(str(p.record.structure)))) for p in prepared[1:]]
    places = [edit.places[0] for edit in edits]
    to = [edit.record.sequence[place] for edit, place in zip(edits, places, strict=True)]
    moved = np.zeros((4, record.length))
    moved[[LETTERS.index(base) for base in to], places] = distance
    table = pd.DataFrame(
        {
            "mutant": [edit.title for edit in edits],
            "base": np.array(places) + 1,
            "from": [record.sequence[place] for place in places],
            "to": to,
            "moved": distance,
            "pairs_changed": changed,
        }
    )
    manifest = found.manifest | {"key": digest_of(record=record.sequence, checkpoint=found.manifest["checkpoint"], what="single mutants")}
    return SingleMutants(replace(record, structure=prepared[0].record.structure), moved, table, manifest)


def _stop(should_stop: Callable[[], bool] | None) -> None:
    if should_stop and should_stop():
        raise Cancelled("The mutants were stopped.")


def _edit(record: RnaRecord, title: str, changes: dict[int, str]) -> Edit:
    sequence = "".join(changes.get(place, base) for place, base in enumerate(record.sequence))
    return Edit(title, RnaRecord(f"{record.id} {title}", sequence), tuple(range(record.length)), tuple(sorted(changes)))


def _check_place(record: RnaRecord, place: int) -> None:
    if not 1 <= place <= record.length:
        raise InputError(f"{record.id} has no base {place}; choose one from 1 to {record.length:,}.")


def _structure(record: RnaRecord) -> str:
    if record.structure is None:
        raise InputError(f"{record.id} has no structure; fold it first or give one.")
    return record.structure
