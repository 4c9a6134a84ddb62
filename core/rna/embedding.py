"""Vectors for RNAs, their elements and their bases, by a trained network; near vectors (by cosine) mean alike RNAs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core import __version__
from core.errors import Cancelled, InputError
from core.rna.records import RnaRecord
from core.storage import digest_of

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from core.models.checkpoint import Card
    from core.models.rna import RnaGine

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
    checkpoint: str | Path | tuple[RnaGine, Card] | None = None,
    level: str = "rna",
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> Embeddings:
    """Embeds RNAs at one level.

    Args:
        records: a record without a structure is folded by ViennaRNA (minimum free energy, 37 °C).
        checkpoint: a shipped RNA network, the path of one or an open one; None is "rna".
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
    if level not in LEVELS:
        raise InputError(f"There is no embedding level {level!r}; choose one of {', '.join(LEVELS)}.")
    return embed_levels(
        records,
        checkpoint=checkpoint,
        device=device,
        batch_size=batch_size,
        on_progress=on_progress,
        should_stop=should_stop,
        executor=executor,
    )[level]


def embed_levels(
    records: Sequence[RnaRecord],
    *,
    checkpoint: str | Path | tuple[RnaGine, Card] | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    executor: Executor | None = None,
) -> dict[str, Embeddings]:
    """All three levels from one pass of the network, by level; arguments and errors as for :func:`embed`.

    Elements are nodes of the FORGI encoding; with the standard encoding, which has none, an element's vector is the mean of its
    bases' (zero for one without bases).
    """
    from core.models.device import resolve_device

    records = list(records)
    if not records:
        raise InputError("There is no RNA to embed; give at least one record.")
    ids = [record.id for record in records]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise InputError(f"Two RNAs are called {twice!r}; give each its own name.")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"The batch size is {batch_size}; give at least 1.")
    network, card = open_network(checkpoint)
    choice = resolve_device(device)
    if choice.device != next(network.parameters()).device.type:
        network = copy.deepcopy(network).to(choice.device)  # an open network may be shared: it stays where it is
    notices = [choice.message] if choice.message else []
    folded = sum(record.structure is None for record in records)
    records = with_structures(records, executor)
    vectors: dict[str, list[np.ndarray]] = {level: [] for level in LEVELS}
    names: dict[str, list[str]] = {level: [] for level in LEVELS}
    done = 0
    for part in _batches(records, batch_size):
        for record, found in zip(part, _run(network, part, choice.device, notices), strict=True):
            for level, (suffixes, values) in found.items():
                names[level] += [f"{record.id}/{suffix}" if suffix else record.id for suffix in suffixes]
                vectors[level].append(values)
        done += len(part)
        if on_progress:
            on_progress(done, len(records))
        if should_stop and should_stop() and done < len(records):
            raise Cancelled(f"Embedding was stopped after {done:,} of {len(records):,} RNAs.")
    manifest = {
        "key": digest_of(records=[record.key for record in records], checkpoint=card.weights_sha256),
        "gatescope": __version__,
        "checkpoint": {"name": card.name, "sha256": card.weights_sha256},
        "device": choice.device,
        "records": len(records),
        "folded": folded,
        "structures": "given, or minimum free energy at 37 °C by ViennaRNA",
    }
    return {level: Embeddings(names[level], np.concatenate(vectors[level]), level, tuple(notices), manifest) for level in LEVELS}


def open_network(checkpoint: str | Path | tuple[RnaGine, Card] | None) -> tuple[RnaGine, Card]:
    """An RNA network by name or path, one that is open already, or the default."""
    if isinstance(checkpoint, tuple):
        return checkpoint
    from core.models.checkpoint import load_checkpoint

    return load_checkpoint("rna" if checkpoint is None else checkpoint, kind="rna")


def with_structures(records: Sequence[RnaRecord], executor: Executor | None = None) -> list[RnaRecord]:
    """The records, those without a structure folded (minimum free energy, 37 °C)."""
    missing = [record for record in records if record.structure is None]
    structures = iter((executor.map if executor else map)(_fold, missing))
    return [replace(record, structure=next(structures)) if record.structure is None else record for record in records]


def _fold(record: RnaRecord) -> str:
    from core.rna.folding import fold

    return fold(record, probabilities=False).structure


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


def _run(network: RnaGine, records: Sequence[RnaRecord], device: str, notices: list[str]) -> list[Found]:
    """Every record's names and vectors by level; halves the batch where the GPU's memory does not hold it, and says so."""
    import torch

    from core.rna.elements import walk
    from core.rna.graph import batch, build_graph

    config = network.config
    elements = [walk(str(record.structure)) for record in records]  # forgi gives the same and takes most of the time
    graphs = [
        build_graph(record, encoding=config.encoding, sequence_weight=config.sequence_weight, elements=parts)
        for record, parts in zip(records, elements, strict=True)
    ]
    try:
        together = batch(graphs)
        inputs = [tensor.to(device) for tensor in (together.x, together.edge_index, together.edge_attr, together.batch)]
        with torch.no_grad():
            out = network(*inputs, num_graphs=len(records))
    except torch.cuda.OutOfMemoryError:
        if len(records) == 1:
            raise InputError(f"{records[0].id} does not fit into the memory of the GPU; choose the CPU.") from None
        notice = "The GPU's memory did not hold a whole batch; it was halved."
        if notice not in notices:
            notices.append(notice)
        half = len(records) // 2
        return [*_run(network, records[:half], device, notices), *_run(network, records[half:], device, notices)]
    nodes = np.split(out.nodes.float().cpu().numpy(), np.cumsum([graph.num_nodes for graph in graphs])[:-1])
    whole = out.graph.float().cpu().numpy()
    return [
        {"rna": ([""], whole[i : i + 1]), "element": _of_elements(parts.elements, graph, own), "base": _of_bases(graph, own)}
        for i, (graph, parts, own) in enumerate(zip(graphs, elements, nodes, strict=True))
    ]


def _of_bases(graph: Data, nodes: np.ndarray) -> tuple[list[str], np.ndarray]:
    return [str(place) for place in range(1, graph.num_bases + 1)], nodes[: graph.num_bases]


def _of_elements(elements: Sequence[Any], graph: Data, nodes: np.ndarray) -> tuple[list[str], np.ndarray]:
    names = [element.name for element in elements]
    if graph.element_names:
        return names, nodes[graph.num_bases :]
    zero = np.zeros(nodes.shape[1], dtype=np.float32)
    means = [nodes[list(element.bases)].mean(0) if element.bases else zero for element in elements]
    return names, np.stack(means)
