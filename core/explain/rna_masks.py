"""What a network says of an RNA, as a function of masks: over bases, pairs, edges or features."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.errors import InputError
from core.explain.edges import edge_table
from core.explain.masked import PRESENT, Masked, apart_of
from core.models.checkpoint import Card
from core.models.rna import RnaGine, RnaOutput
from core.rna.elements import Elements, decompose
from core.rna.embedding import embed_levels, prepare
from core.rna.ensemble import PairEnsemble
from core.rna.graph import ENSEMBLE_FEATURES, NODE_FEATURES
from core.rna.records import RnaRecord
from core.storage import digest, digest_of

if TYPE_CHECKING:
    from torch_geometric.data import Data

Network = tuple[RnaGine, Card]
Over = Literal["bases", "pairs", "edges", "features"]
OVER = ("bases", "pairs", "edges", "features")
Baseline = Literal["empty", "shuffled"]
TOGETHER = 3_000
"""Masked nodes that are evaluated together at most."""


@dataclass(frozen=True, eq=False)
class RnaTarget:
    """A number read from what the network gives for an RNA.

    Attributes:
        kind: "norm" (length of the RNA's embedding), "likeness" (cosine of it with a direction) or "motif" (cosine of an element's vector with one).
        words: for legends. direction: [out] or [hidden]; element: the RNA's own element, for a motif.
        again: the same target of another network, whose directions are its own; None where there is none to ask.
    """

    kind: Literal["norm", "likeness", "motif"] = "norm"
    words: str = "length of the embedding"
    direction: np.ndarray | None = None
    element: str = ""
    again: Callable[[Network], RnaTarget] | None = None

    @property
    def key(self) -> str:
        """sha256 of it."""
        return digest_of(kind=self.kind, element=self.element, direction=None if self.direction is None else digest(self.direction.tobytes()))


def like_rnas(network: Network, others: Sequence[RnaRecord], words: str, *, device: str = "cpu") -> RnaTarget:
    """The mean cosine of the RNA's embedding with those of others: another RNA, or the members of a family.

    Raises:
        InputError: none is given.
    """
    if not others:
        raise InputError("There is no RNA to be like; choose one, or a family with members.")
    records = [replace(record, id=str(i)) for i, record in enumerate(others)]
    vectors = embed_levels(records, checkpoint=network, levels=("rna",), device=device)["rna"].vectors.astype(np.float64)
    direction = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).mean(0)
    return RnaTarget("likeness", words, direction, again=lambda other: like_rnas(other, others, words, device=device))


def like_itself(network: Network, record: RnaRecord, *, ensemble: PairEnsemble | None = None, device: str = "cpu") -> RnaTarget:
    """The cosine of the RNA's embedding with what it is with nothing masked: 1, and less the more of what makes it so is gone."""
    found = embed_levels([record], checkpoint=network, levels=("rna",), ensembles=[ensemble], device=device)["rna"].vectors[0].astype(np.float64)
    again = lambda other: like_itself(other, record, ensemble=ensemble, device=device)  # noqa: E731
    return RnaTarget("likeness", "likeness to itself", found / np.linalg.norm(found), again=again)


def like_motif(element: str, vector: np.ndarray, words: str) -> RnaTarget:
    """The cosine of an element of the RNA with another motif's vector; 1 less this is their distance."""
    vector = np.asarray(vector, dtype=np.float64)
    return RnaTarget("motif", words, vector / np.linalg.norm(vector), element)


def rna_masks(
    network: Network,
    record: RnaRecord,
    *,
    over: Over = "bases",
    target: RnaTarget | None = None,
    baseline: Baseline = "empty",
    ensemble: PairEnsemble | None = None,
    seed: int = 0,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Masked:
    """Masks over what an RNA's graph is made of; the graph itself stays.

    "bases" (levels base, element): a base's features. "pairs" (pair, stem): the messages along a base pair, both ways. "edges" (edge, kind): the
    messages along a directed edge. "features": a column of the node features.

    Args:
        record: folded at 37 °C where it has no structure.
        target: the length of the embedding unless given.
        baseline: "empty", zero features (of "pairs" and "edges" no messages); "shuffled", for bases: the features of another order of the same
            bases, so that composition is no part of what is explained.
        seed: of that order. device, dtype: of the network.

    Raises:
        InputError: a mask, a baseline or an element that is not known, or a record too long to fold.
    """
    if over not in OVER:
        raise InputError(f"There is no mask over {over!r}; choose of {', '.join(OVER)}.")
    if baseline not in ("empty", "shuffled") or (baseline == "shuffled" and over != "bases"):
        raise InputError(f"The baseline {baseline!r} is not known for {over}; choose 'empty', or 'shuffled' for bases.")
    opened, card = network
    target = RnaTarget() if target is None else target
    record, ensemble = prepare(record, opened.config.ensemble, ensemble)
    elements = decompose(str(record.structure))
    graph = opened.graph_of(record, elements, ensemble)
    batches = Batches(graph, device, dtype)
    read = _reader(target, graph, elements, device, dtype)

    def made(one: RnaGine) -> tuple[Value, pd.DataFrame, str]:
        return _parts(over, one, batches, read, record, elements, ensemble, baseline, seed)

    value, parts, words = made(opened)
    about: dict[str, Any] = {
        "checkpoint": card.weights_sha256,
        "record": record.key,
        "pairs": None if ensemble is None else ensemble.key,
        "target": target.key,
        "masked": over,
        "baseline": baseline if baseline == "empty" else f"shuffled, seed {seed}",
    }
    rows = max(1, min(64, TOGETHER // max(1, batches.nodes)))
    asked = target

    def like(other: Network) -> Masked:
        own = asked if asked.again is None else asked.again(other)
        return rna_masks(other, record, over=over, target=own, baseline=baseline, ensemble=ensemble, seed=seed, device=device, dtype=dtype)

    found = Masked(
        value,
        parts,
        target.words,
        "",
        words,
        rows,
        device,
        dtype,
        about=about | {"key": digest_of(**about)},
        apart=apart_of(opened, lambda one: made(one)[0]),
        like=like if target.kind == "norm" or target.again is not None else None,
    )
    leaves = over == "bases" and baseline == "empty" and target.kind != "motif"
    return replace(found, deleted=lambda: _deleted(found, opened, batches, read)) if leaves else found


def _deleted(masked: Masked, network: RnaGine, batches: Batches, read: Read) -> Masked:
    """The same where bases leave the graph with their edges; an element leaves with its last base."""
    n, (source, target) = batches.bases, batches.graph.edge_index
    joined = torch.zeros(batches.nodes, batches.nodes, dtype=torch.bool)
    joined[source, target] = joined[target, source] = True
    holds = joined[n:, :n].to(masked.device, masked.dtype)

    def value(masks: Tensor) -> Tensor:
        bases = masks > PRESENT
        kept = torch.cat([bases, (bases.to(holds.dtype) @ holds.T) > 0], 1).reshape(-1)
        given = batches.of(len(masks))
        along, place = kept[given["edge_index"]].all(0), kept.cumsum(0) - 1
        rest = {name: given[name][kept] for name in ("x", "batch")} | {
            name: given[name][along] for name in ("edge_attr", "edge_weight") if name in given
        }
        return read(network(**rest, edge_index=place[given["edge_index"][:, along]], num_graphs=len(masks)), len(masks))

    about = {name: told for name, told in masked.about.items() if name != "key"} | {"deleted": True}
    return replace(masked, value=value, baseline="no bases", about=about | {"key": digest_of(**about)}, apart=None, like=None, deleted=None)


class Batches:
    """An RNA's graph set side by side with itself, so that many masks are evaluated at once."""

    def __init__(self, graph: Data, device: str, dtype: torch.dtype) -> None:
        self.graph, self.nodes, self.edges, self.bases = graph, len(graph.x), graph.edge_index.shape[1], int(graph.num_bases)
        self._device, self._dtype = device, dtype
        self._made: dict[int, dict[str, Tensor]] = {}

    def of(self, copies: int) -> dict[str, Tensor]:
        """What the network is called with."""
        if copies not in self._made:
            graph = self.graph
            shift = torch.arange(copies).repeat_interleave(self.edges) * self.nodes
            made = {
                "x": graph.x.to(self._dtype).repeat(copies, 1),
                "edge_index": graph.edge_index.repeat(1, copies) + shift,
                "edge_attr": graph.edge_attr.to(self._dtype).repeat(copies, 1),
                "batch": torch.arange(copies).repeat_interleave(self.nodes),
            }
            if "edge_weight" in graph:
                made["edge_weight"] = graph.edge_weight.to(self._dtype).repeat(copies)
            self._made[copies] = {name: tensor.to(self._device) for name, tensor in made.items()}
        return self._made[copies]


Read = Callable[[RnaOutput, int], Tensor]
Value = Callable[[Tensor], Tensor]


def _parts(
    over: Over,
    network: RnaGine,
    batches: Batches,
    read: Read,
    record: RnaRecord,
    elements: Elements,
    ensemble: PairEnsemble | None,
    baseline: Baseline,
    seed: int,
) -> tuple[Value, pd.DataFrame, str]:
    """F, its parts, and the baseline in words."""
    graph, n = batches.graph, batches.bases

    def run(count: int, **given: Any) -> Tensor:
        return read(network(**(batches.of(count) | given), num_graphs=count), count)

    if over == "bases":
        parts = pd.DataFrame(
            {"base": [f"base:{i}" for i in range(1, n + 1)], "element": [f"elem:{name}" if name else "" for name in elements.of_base]}
        )
        if baseline == "empty":

            def value(mask: Tensor) -> Tensor:
                rest = mask.new_ones(len(mask), batches.nodes - n)
                return run(len(mask), node_mask=torch.cat([mask, rest], 1).reshape(-1))

            return value, parts, "bases without features"
        order = list(range(n))
        random.Random(seed).shuffle(order)
        shuffled = replace(record, sequence="".join(record.sequence[i] for i in order))
        other = network.graph_of(shuffled, elements, ensemble).x
        return _between(batches, run, other), parts, f"the same bases in another order (seed {seed})"
    table = edge_table(graph, network.config.encoding)
    if over == "edges":
        kinds = [f"{k}, {d}" for k, d in zip(table["kind"], table["direction"], strict=True)]
        parts = pd.DataFrame({"edge": [f"{a} {b}" for a, b in zip(table["source"], table["target"], strict=True)], "kind": kinds})
        return (lambda mask: run(len(mask), edge_mask=mask.reshape(-1))), parts, "no messages"
    if over == "pairs":
        return _pairs(table, elements, run)
    columns = [*NODE_FEATURES[network.config.encoding], *(ENSEMBLE_FEATURES if network.config.ensemble else ())]

    def of_columns(mask: Tensor) -> Tensor:
        x = batches.of(len(mask))["x"].unflatten(0, (len(mask), -1))
        return run(len(mask), x=(x * mask.unsqueeze(1)).flatten(0, 1))

    return of_columns, pd.DataFrame({"feature": columns}), "features at zero"


def _between(batches: Batches, run: Callable[..., Tensor], other: Tensor) -> Value:
    """Bases between the features of another graph (0) and their own (1)."""

    def value(mask: Tensor) -> Tensor:
        own = batches.of(len(mask))["x"].unflatten(0, (len(mask), -1))
        away = other.to(own.device, own.dtype)
        whole = torch.cat([mask, mask.new_ones(len(mask), batches.nodes - batches.bases)], 1).unsqueeze(-1)
        return run(len(mask), x=(away + whole * (own - away)).flatten(0, 1))

    return value


def _pairs(table: pd.DataFrame, elements: Elements, run: Callable[..., Tensor]) -> tuple[Value, pd.DataFrame, str]:
    of_pair = table["kind"].isin(["pair", "pair+backbone"]).to_numpy()
    ends = [
        sorted((int(a.partition(":")[2]), int(b.partition(":")[2]))) if p else (0, 0) for a, b, p in zip(table["source"], table["target"], of_pair)
    ]
    keys = sorted({(i, j) for (i, j), p in zip(ends, of_pair, strict=True) if p})
    number = {key: place for place, key in enumerate(keys)}
    column = np.array([number[tuple(end)] if p else len(keys) for end, p in zip(ends, of_pair, strict=True)])  # type: ignore[index]
    stems = [elements.of_base[i - 1] if elements.of_base[i - 1] == elements.of_base[j - 1] else "" for i, j in keys]
    parts = pd.DataFrame({"pair": [f"pair:{i}-{j}" for i, j in keys], "element": [f"elem:{name}" if name else "" for name in stems]})

    def value(mask: Tensor) -> Tensor:
        where = torch.from_numpy(column).to(mask.device)
        return run(len(mask), edge_mask=torch.cat([mask, mask.new_ones(len(mask), 1)], 1)[:, where].reshape(-1))

    return value, parts, "no messages along pairs"


def _named(element: str | None) -> str:
    return f"elem:{element}" if element else ""


def _reader(target: RnaTarget, graph: Data, elements: Elements, device: str, dtype: torch.dtype) -> Read:
    if target.kind == "norm":
        return lambda out, _: out.graph.norm(dim=-1)
    direction = torch.from_numpy(np.asarray(target.direction)).to(device, dtype)
    if target.kind == "likeness":
        return lambda out, _: torch.nn.functional.normalize(out.graph, dim=-1) @ direction
    names = [e.name for e in elements.elements]
    if target.element not in names:
        raise InputError(f"The RNA has no element {target.element!r}; choose of {', '.join(names)}.")
    place = names.index(target.element)
    nodes = [int(graph.num_bases) + place] if graph.element_names else list(elements.elements[place].bases)
    rows = torch.tensor(nodes, device=device)

    def read(out: RnaOutput, copies: int) -> Tensor:
        own = out.nodes.unflatten(0, (copies, -1))[:, rows].mean(1)
        return torch.nn.functional.normalize(own, dim=-1) @ direction

    return read
