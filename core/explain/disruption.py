"""Is what the network hears of an element its structure? Elements masked, disrupted and folded again, and stems whose strands are exchanged.

Masking an element asks the network alone: whether an attribution agrees with it is *faithfulness*. Replacing the element's bases and folding again
asks what the element is worth to the fold: agreement with that is *plausibility*, of which a network that never heard of folds could have as much.
Compensatory double mutants are the classical test of a stem (Woese et al. 1983, Microbiol. Rev. 47:621): both letters of every pair are exchanged,
so that the sequence is another and the stem can stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from core import __version__
from core.errors import Cancelled, InputError
from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.bases import base_importance, ranges
from core.explain.embedded import EmbeddedRnas, embed_rnas
from core.explain.masked import EPS
from core.explain.rna_masks import RnaTarget, like_itself, rna_masks
from core.explain.what_if import CANONICAL, LETTERS
from core.rna.elements import Element, walk
from core.rna.embedding import open_network, prepare
from core.rna.ensemble import PairEnsemble
from core.rna.fingerprints import unit
from core.rna.folding import PARTITION_LIMIT
from core.rna.records import RnaRecord, parse_pairs, partners
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.rna.embedding import Encoder

What = Literal["disrupted", "random", "compensated"]
DISRUPTED: Final = "disrupted"
RANDOM: Final = "random"
COMPENSATED: Final = "compensated"
DRAWS = 5
"""Random segments for each element, and draws of the bases a loop gets."""
TOGETHER = 16
"""Mutants folded and embedded between two looks at Cancel."""
_INTACT = "intact"

Progress = Callable[[str, int, int], None]
Stop = Callable[[], bool]
Embed = Callable[[Sequence[RnaRecord], Progress | None, Stop | None], EmbeddedRnas]
"""Folds records and embeds them, given progress and stop: in this process or apart from it."""


@dataclass(frozen=True)
class Mutant:
    """An RNA with the bases of an element, or of random segments as long, replaced.

    Attributes:
        element: whose mutant it is, "elem:s0"; what: of the three; draw: counted from 0.
        places: 0-based, ascending, of the bases that were replaced.
        record: without a structure: it has to be folded again.
    """

    element: str
    what: What
    draw: int
    places: tuple[int, ...]
    record: RnaRecord


@dataclass(frozen=True, eq=False)
class Disruption:
    """The elements of an RNA by what masking and disrupting them does.

    Attributes:
        record: with the structure whose elements these are.
        elements: one row an element that has bases: ``name`` ("elem:s0"), ``element``, ``kind``, ``size``, ``bases`` ("1-7,66-72");
            ``integrated_gradients`` (of the target, summed over its bases), ``attention`` and ``message`` (means over them);
            ``mask``, the target less the target with its bases masked;
            ``mutated`` (bases replaced), ``disrupted`` (1 - cosine to the intact RNA, mean over draws), ``random`` (the same of random segments as
            long, elsewhere; nan where there is no room) and ``excess``, their difference;
            of stems ``pairs``, ``pairs_left`` (of them, in the disrupted RNA's fold), ``compensated`` (1 - cosine with both strands exchanged),
            ``pairs_kept`` (in that fold) and ``rescue``, 1 - compensated / disrupted; nan for loops.
        mutants: one row a mutant: ``mutant``, ``name`` of the element, ``what``, ``draw``, ``mutated`` ("1-7"), ``sequence``, ``structure``,
            ``pairs_changed`` (lost and gained against the intact RNA's fold), ``pairs_left`` of the element and ``loss`` (1 - cosine).
        manifest: versions, checkpoint, settings; "fold": pairs of the structure, and how many of them the intact RNA's fold has.
    """

    record: RnaRecord
    elements: pd.DataFrame
    mutants: pd.DataFrame
    manifest: dict[str, Any]


def mutants_of(record: RnaRecord, *, draws: int = DRAWS, seed: int = 0) -> list[Mutant]:
    """The mutants of every element that has bases.

    Of a stem every base of the 5' strand gets its partner's letter, which cannot pair with it; every base of a loop gets another letter, drawn
    ``draws`` times. Random segments lie outside the element and are as many and as long as those replaced in it; there, too, a paired base gets its
    partner's letter and an unpaired one a letter that is drawn. Exchanged are the letters of every pair of a stem.

    Args:
        record: with its structure.
    """
    partner = partners(str(record.structure))
    generator = np.random.default_rng(seed)
    found: list[Mutant] = []

    def add(element: Element, what: What, draw: int, places: Sequence[int], sequence: str) -> None:
        changed = RnaRecord(f"{element.name} {what} {draw}", sequence)
        found.append(Mutant(f"elem:{element.name}", what, draw, tuple(sorted(places)), changed))

    for element in _with_bases(record):
        pairs = _pairs_of(element, partner)
        places = [i for i, _ in pairs] or list(element.bases)
        for draw in range(1 if pairs else draws):
            add(element, DISRUPTED, draw, places, destroyed(record, places, generator))
        for draw in range(draws):
            elsewhere = _elsewhere(_runs(places), element.bases, record.length, generator)
            if elsewhere:
                add(element, RANDOM, draw, elsewhere, destroyed(record, elsewhere, generator))
        if pairs:
            letters = list(record.sequence)
            for i, j in pairs:
                letters[i], letters[j] = record.sequence[j], record.sequence[i]
            add(element, COMPENSATED, 0, element.bases, "".join(letters))
    return found


def destroyed(record: RnaRecord, places: Sequence[int], generator: np.random.Generator) -> str:
    """The sequence with another base at every place, none of which can pair with its partner in the structure.

    A paired base gets its partner's letter; where that is its own already or the partner is replaced too, one is drawn of those that cannot pair.

    Args:
        places: 0-based.
    """
    partner, letters = partners(str(record.structure)), list(record.sequence)
    for place in sorted(places):
        facing = letters[partner[place]] if partner[place] >= 0 else ""
        allowed = [letter for letter in LETTERS if letter != record.sequence[place] and letter + facing not in CANONICAL]
        letters[place] = facing if facing in allowed else allowed[generator.integers(len(allowed))]
    return "".join(letters)


def disrupt(
    record: RnaRecord,
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    *,
    target: RnaTarget | None = None,
    ensemble: PairEnsemble | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    device: str = "cpu",
    executor: Executor | None = None,
    embed: Embed | None = None,
    on_progress: Progress | None = None,
    should_stop: Stop | None = None,
) -> Disruption:
    """Masks and disrupts every element of an RNA.

    Masks keep the structure given; mutants and the intact RNA they are compared with are all folded by ViennaRNA at 37 °C.

    Args:
        record: folded where it has no structure.
        target: of masks and integrated gradients; likeness to itself unless given, so that the effect of a mask is a 1 - cosine too.
        ensemble: pair probabilities that belong to the record's structure.
        draws: random segments an element, and draws of a loop's bases; seed: of all that is drawn.
        executor: folds on its workers.
        embed: folds and embeds the mutants instead of this process.
        on_progress: called with (what, done, total).

    Raises:
        InputError: the RNA is too long to fold many times, no draw is asked for, or the network gives vectors alone (GINFINITY).
        Cancelled: ``should_stop`` said so.
    """
    if record.length > PARTITION_LIMIT:
        raise InputError(
            f"{record.id} has {record.length:,} bases, too many to fold with every element disrupted; the limit is {PARTITION_LIMIT} bases."
        )
    if draws < 1:
        raise InputError(f"{draws} draws are not possible; give at least 1.")
    opened, card = open_network(checkpoint)
    record, ensemble = prepare(record, opened.soft, ensemble)
    factors = base_importance(record, (opened, card), ensemble=ensemble, device=device)
    masks = _masked_elements(record, (opened, card), target, ensemble, device, on_progress, should_stop)
    mutants = mutants_of(record, draws=draws, seed=seed)
    bare = [RnaRecord(_INTACT, record.sequence), *(mutant.record for mutant in mutants)]
    if on_progress:
        on_progress("folding and embedding", 0, len(bare))
    if embed is None:
        given = {"device": device, "batch_size": TOGETHER, "executor": executor}
        found = embed_rnas("mutants", bare, (opened, card), on_progress=on_progress, should_stop=should_stop, **given)  # type: ignore[arg-type]
    else:
        found = embed(bare, on_progress, should_stop)
    table = _mutant_table(record, mutants, found)
    told = factors.elements[["name", "element", "kind", "size", "bases"]]
    means = factors.bases.assign(name="elem:" + factors.bases["element"]).groupby("name")[["attention", "message"]].mean()
    elements = told[told["size"] > 0].set_index("name").join(means).join(masks).join(_losses(record, table)).reset_index()
    own, folded = set(record.pairs), set(parse_pairs(str(found.records[0].structure)))
    settings = {"target": "likeness to itself" if target is None else target.words, "draws": draws, "seed": seed}
    manifest = {
        "key": digest_of(
            record=record.key,
            ensemble=None if ensemble is None else ensemble.key,
            checkpoint=card.weights_sha256,
            of=None if target is None else target.key,
            **settings,
        ),
        "gatescope": __version__,
        "versions": factors.manifest["versions"],
        "checkpoint": {"name": card.name, "sha256": card.weights_sha256},
        "record": {"id": record.id, "sha256": record.key, "structure": record.structure},
        "fold": {"pairs": len(own), "kept": len(own & folded), "structure": found.records[0].structure},
        **settings,
    }
    return Disruption(record, elements, table, manifest)


def _masked_elements(
    record: RnaRecord,
    network: tuple[Any, Card],
    target: RnaTarget | None,
    ensemble: PairEnsemble | None,
    device: str,
    on_progress: Progress | None,
    should_stop: Stop | None,
) -> pd.DataFrame:
    """``integrated_gradients`` and ``mask`` of every element, by name."""
    target = like_itself(network, record, ensemble=ensemble, device=device) if target is None else target
    masked = rna_masks(network, record, target=target, ensemble=ensemble, device=device)
    columns = {}
    for column, method, level in ((INTEGRATED_GRADIENTS, INTEGRATED_GRADIENTS, None), ("mask", OCCLUSION, "element")):
        told = None if on_progress is None else lambda name, done, total: on_progress(name.replace("_", " "), done, total)
        found = attribute(masked, method, level=level, on_progress=told, should_stop=should_stop)
        if not found.whole:
            raise Cancelled("The disruption was stopped.")
        columns[column] = found.at(masked, "element")
    return pd.DataFrame(columns)


def _mutant_table(record: RnaRecord, mutants: Sequence[Mutant], found: EmbeddedRnas) -> pd.DataFrame:
    vectors = unit(found.vectors["rna"].vectors.astype(float))
    loss = np.maximum(0.0, 1 - vectors[1:] @ vectors[0])
    partner = partners(str(record.structure))
    own = {f"elem:{element.name}": set(_pairs_of(element, partner)) for element in _with_bases(record)}
    folds = [set(parse_pairs(str(one.structure))) for one in found.records]
    return pd.DataFrame(
        {
            "mutant": [mutant.record.id for mutant in mutants],
            "name": [mutant.element for mutant in mutants],
            "what": [mutant.what for mutant in mutants],
            "draw": [mutant.draw for mutant in mutants],
            "mutated": [ranges(mutant.places) for mutant in mutants],
            "sequence": [mutant.record.sequence for mutant in mutants],
            "structure": [str(one.structure) for one in found.records[1:]],
            "pairs_changed": [len(folds[0] ^ fold) for fold in folds[1:]],
            "pairs_left": [len(own[mutant.element] & fold) for mutant, fold in zip(mutants, folds[1:], strict=True)],
            "loss": loss,
        }
    )


def _losses(record: RnaRecord, mutants: pd.DataFrame) -> pd.DataFrame:
    """What mutants say of each element, by name."""
    partner, rows = partners(str(record.structure)), []
    for element in _with_bases(record):
        own = mutants[mutants["name"] == f"elem:{element.name}"]
        by = {what: own[own["what"] == what] for what in (DISRUPTED, RANDOM, COMPENSATED)}
        loss = {what: float(table["loss"].mean()) for what, table in by.items()}
        pairs = len(_pairs_of(element, partner))
        left = {what: float(by[what]["pairs_left"].mean()) if pairs else np.nan for what in (DISRUPTED, COMPENSATED)}
        rows.append(
            {
                "name": f"elem:{element.name}",
                "mutated": pairs or len(element.bases),
                "disrupted": loss[DISRUPTED],
                "random": loss[RANDOM],
                "excess": loss[DISRUPTED] - loss[RANDOM],
                "pairs": pairs or np.nan,
                "pairs_left": left[DISRUPTED],
                "compensated": loss[COMPENSATED],
                "pairs_kept": left[COMPENSATED],
                "rescue": 1 - loss[COMPENSATED] / loss[DISRUPTED] if loss[DISRUPTED] > EPS else np.nan,
            }
        )
    return pd.DataFrame(rows).set_index("name")


def _with_bases(record: RnaRecord) -> list[Element]:
    return [element for element in walk(str(record.structure)).elements if element.bases]


def _pairs_of(element: Element, partner: np.ndarray) -> list[tuple[int, int]]:
    """The pairs of a stem; none of another element, whose bases have no partner in it."""
    return [(i, int(partner[i])) for i in element.bases if partner[i] > i] if element.kind == "stem" else []


def _runs(places: Sequence[int]) -> list[int]:
    """Lengths of the stretches without a gap."""
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    return [len(part) for part in np.split(np.asarray(places), breaks)]


def _elsewhere(lengths: Sequence[int], taken: Sequence[int], n: int, generator: np.random.Generator) -> list[int]:
    """Places of stretches of these lengths outside ``taken`` and each other, drawn evenly one after the other; none where there is no room."""
    free = np.ones(n, dtype=int)
    free[list(taken)] = 0
    found: list[int] = []
    for length in sorted(lengths, reverse=True):
        starts = np.flatnonzero(np.convolve(free, np.ones(length, dtype=int), "valid") == length)
        if not len(starts):
            return []
        start = int(starts[generator.integers(len(starts))])
        free[start : start + length] = 0
        found += range(start, start + length)
    return sorted(found)
