"""Vectors for RNAs, their elements and their bases, by a trained network; near vectors (by cosine) mean alike RNAs."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from core import __version__
from core.errors import Cancelled, InputError
from core.rna.ensemble import PairEnsemble, fold_ensemble
from core.rna.ginfinity_kept import GINFINITY, open_kept
from core.rna.records import RnaRecord
from core.storage import digest_of

if TYPE_CHECKING:
    from core.models.checkpoint import Card
    from core.models.nucleotide_gine import NucleotideGine
    from core.models.rna import RnaGine
    from core.rna.elements import Element

    Encoder = RnaGine | NucleotideGine

LEVELS = ("rna", "element", "base")
NODE_BUDGET = 20_000
"""Nodes (bases and elements) of a batch when no batch size is given: what a laptop's memory and cache take."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors by name.

    Attributes:
        names: the record's id; ``id/s0`` for an element, ``id/12`` for a base (1-based). Ids may hold '/': split from the right.
        vectors: [N, D] float32, compared by cosine.
        level: of :data:`LEVELS`.
        notices: sentences on what was done differently from what was asked.
        manifest: versions, checkpoint, device, structures used, and the key of all inputs.
    """

    names: list[str]
    vectors: np.ndarray
    level: str = "rna"
    notices: tuple[str, ...] = ()
    manifest: dict[str, Any] = field(default_factory=dict)


def embed(
    records: Sequence[RnaRecord],
    *,
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    level: str = "rna",
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> Embeddings:
    """Embeds RNAs at one level.

    Args:
        records: a record without a structure is folded by ViennaRNA at 37 °C: a network of ensembles reads its pair probabilities and takes the
            elements of the structure of minimum free energy, another reads that structure alone. A structure of the record's own is taken as certain.
        checkpoint: a shipped RNA network, the path of one, an open one (GINFINITY's too) or, where it is kept, "ginfinity"; None is "rna".
        level: "rna" (one vector a record), "element" (one a structural element) or "base" (one a base).
        device: "auto", "cuda", "mps" or "cpu". Not run on a GPU yet.
        batch_size: RNAs of a forward pass; None chooses by their size.
        on_progress: called with (RNAs done, RNAs in all).
        should_stop: asked between batches.
        executor: folds on its workers.

    Raises:
        InputError: no record, two of one name, an unknown level or checkpoint, or a record too long to fold.
        Cancelled: ``should_stop`` said so.
    """
    return embed_levels(
        records,
        checkpoint=checkpoint,
        levels=(level,),
        device=device,
        batch_size=batch_size,
        on_progress=on_progress,
        should_stop=should_stop,
        executor=executor,
    )[level]


def embed_levels(
    records: Sequence[RnaRecord],
    *,
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    levels: Sequence[str] = LEVELS,
    ensembles: Sequence[PairEnsemble | None] | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
    on_prepared: Callable[[Sequence[Prepared]], None] | None = None,
) -> dict[str, Embeddings]:
    """Several levels from one pass of the network, by level; arguments and errors as for :func:`embed`.

    RNAs are folded and embedded batch by batch, so that memory holds the vectors of the levels asked for and one batch.
    Elements are nodes of the FORGI encoding; where a network's graphs have none, an element's vector is the mean of its bases' (zero
    for one without bases).

    Args:
        ensembles: for each record the pair probabilities that belong to its structure, or None.
        on_prepared: called with each batch, in order, once its structures are known.
    """
    from core.models.device import resolve_device

    records = list(records)
    _check(records, levels, batch_size)
    network, card = open_network(checkpoint)
    choice = resolve_device(device)
    if choice.device != next(network.parameters()).device.type:
        network = copy.deepcopy(network).to(choice.device)  # an open network may be shared: it stays where it is
    notices = [*([choice.message] if choice.message else []), *network.notices(records)]
    soft = network.soft
    known: Sequence[PairEnsemble | None] = [None] * len(records) if ensembles is None else ensembles
    vectors: dict[str, list[np.ndarray]] = {level: [] for level in levels}
    names: dict[str, list[str]] = {level: [] for level in levels}
    done = 0
    for part in _batches(records, batch_size):
        prepared = list((executor.map if executor else map)(prepare, part, [soft] * len(part), known[done : done + len(part)]))
        if on_prepared:
            on_prepared(prepared)
        for record, found in zip(part, _run(network, prepared, choice.device, notices), strict=True):
            for level in levels:
                suffixes, values = found[level]
                names[level] += [f"{record.id}/{suffix}" if suffix else record.id for suffix in suffixes]
                vectors[level].append(values)
        done += len(part)
        if on_progress:
            on_progress(done, len(records))
        if should_stop and should_stop() and done < len(records):
            raise Cancelled(f"Embedding was stopped after {done:,} of {len(records):,} RNAs.")
    if soft and (long := [record.id for record in records if _too_long_for_pairs(record)]):
        notices.append(f"{_listed(long)} too long for pair probabilities: the best structure is taken as certain.")
    manifest: dict[str, Any] = {
        "key": digest_of(
            records=[record.key for record in records],
            ensembles=[None if e is None else e.key for e in known],
            checkpoint=card.weights_sha256,
        ),
        "gatescope": __version__,
        "checkpoint": {"name": card.name, "sha256": card.weights_sha256},
        "device": choice.device,
        "records": len(records),
        "folded": sum(record.structure is None for record in records),
        "structures": "given (certain), or folded at 37 °C by ViennaRNA: " + ("pair probabilities" if soft else "minimum free energy"),
    }
    manifest |= {name: card.content[name] for name in ("licence", "levels") if name in card.content}
    return {level: Embeddings(names[level], np.concatenate(vectors[level]), level, tuple(notices), manifest) for level in levels}


def _check(records: Sequence[RnaRecord], levels: Sequence[str], batch_size: int | None) -> None:
    unknown = [level for level in levels if level not in LEVELS]
    if unknown:
        raise InputError(f"There is no embedding level {unknown[0]!r}; choose one of {', '.join(LEVELS)}.")
    if not records:
        raise InputError("There is no RNA to embed; give at least one record.")
    counts = Counter(record.id for record in records)
    if len(counts) < len(records):
        raise InputError(f"Two RNAs are called {counts.most_common(1)[0][0]!r}; give each its own name.")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"The batch size is {batch_size}; give at least 1.")


def _listed(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:3]) + (f" and {len(ids) - 3:,} more" if len(ids) > 3 else "")
    return f"{shown} {'is' if len(ids) == 1 else 'are'}"


def open_network(checkpoint: str | Path | tuple[Encoder, Card] | None) -> tuple[Encoder, Card]:
    """An RNA network by name or path, GINFINITY's kept one by its name, one that is open already, or the default.

    Raises:
        InputError: there is none, it reads no RNAs, or it is damaged.
    """
    if isinstance(checkpoint, tuple):
        return checkpoint
    if checkpoint == GINFINITY:
        return open_kept()
    from core.models.checkpoint import load_checkpoint

    return load_checkpoint("rna" if checkpoint is None else checkpoint, kind="rna")


class Prepared(NamedTuple):
    """A record with its structure, and its pair probabilities where the network reads them."""

    record: RnaRecord
    ensemble: PairEnsemble | None


def prepare(record: RnaRecord, soft: bool, ensemble: PairEnsemble | None = None) -> Prepared:
    """A record ready for a network: folded at 37 °C when it has no structure.

    Args:
        soft: whether the network reads pair probabilities.
        ensemble: those that belong to the record's structure; without them a structure that came with the record is taken as certain.

    Raises:
        InputError: too long to fold.
    """
    from core.rna.folding import fold

    if record.structure is None and soft and not _too_long_for_pairs(record):
        structure, folded, _ = fold_ensemble(record.sequence)
        return Prepared(replace(record, structure=structure), folded)
    if record.structure is None:
        record = replace(record, structure=fold(record, probabilities=False).structure)
    if not soft:
        return Prepared(record, None)
    return Prepared(record, PairEnsemble.certain(str(record.structure)) if ensemble is None else ensemble)


def _too_long_for_pairs(record: RnaRecord) -> bool:
    from core.rna.folding import PARTITION_LIMIT

    return record.structure is None and record.length > PARTITION_LIMIT


def _batches(records: Sequence[RnaRecord], size: int | None) -> Iterator[list[RnaRecord]]:
    """Runs of ``size`` records, or of about :data:`NODE_BUDGET` nodes."""
    part: list[RnaRecord] = []
    bases = 0
    for record in records:
        full = len(part) >= size if size else bases + record.length > NODE_BUDGET
        if part and full:
            yield part
            part, bases = [], 0
        part.append(record)
        bases += record.length
    if part:
        yield part


Found = dict[str, tuple[list[str], np.ndarray]]


def _run(network: Encoder, batch: Sequence[Prepared], device: str, notices: list[str]) -> list[Found]:
    """Every record's names and vectors by level; halves the batch where the GPU's memory does not hold it, and says so."""
    import torch

    from core.rna.elements import walk

    elements = [walk(str(record.structure)) for record, _ in batch]  # forgi gives the same and takes most of the time
    found = network.graphs_of(batch, elements)
    try:
        x, index, attr, weight, of_graph = (torch.from_numpy(array).to(device) for array in found[:5])
        with torch.no_grad():
            out = network(x, index, attr, of_graph, num_graphs=len(batch), **({"edge_weight": weight} if network.soft else {}))
    except torch.cuda.OutOfMemoryError:
        if len(batch) == 1:
            raise InputError(f"{batch[0].record.id} does not fit into the memory of the GPU; choose the CPU.") from None
        notice = "The GPU's memory did not hold a whole batch; it was halved."
        if notice not in notices:
            notices.append(notice)
        half = len(batch) // 2
        return [*_run(network, batch[:half], device, notices), *_run(network, batch[half:], device, notices)]
    nodes = np.split(out.nodes.float().cpu().numpy(), found.starts[1:-1])
    whole = out.graph.float().cpu().numpy()
    return [
        {"rna": ([""], whole[i : i + 1]), "element": _of_elements(parts.elements, record.length, own), "base": _of_bases(record.length, own)}
        for i, ((record, _), parts, own) in enumerate(zip(batch, elements, nodes, strict=True))
    ]


def _of_bases(n: int, nodes: np.ndarray) -> tuple[list[str], np.ndarray]:
    return [str(place) for place in range(1, n + 1)], nodes[:n].copy()  # a view would keep the whole batch


def _of_elements(elements: Sequence[Element], n: int, nodes: np.ndarray) -> tuple[list[str], np.ndarray]:
    names = [element.name for element in elements]
    if len(nodes) > n:
        return names, nodes[n:].copy()
    zero = np.zeros(nodes.shape[1], dtype=np.float32)
    means = [nodes[list(element.bases)].mean(0) if element.bases else zero for element in elements]
    return names, np.stack(means)
