"""Which bases, elements and edges of an RNA a trained network listens to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from core.errors import InputError
from core.explain.attribution import attribute
from core.explain.edges import edge_table
from core.explain.manifest import BASES, RNA, checkpoint_in_manifest, columns, heading, pairs_in_manifest, record_in_manifest
from core.explain.rna_masks import Batches, rna_masks
from core.models.checkpoint import Card
from core.models.rna import RnaGine, RnaTrace
from core.rna.elements import Elements, decompose
from core.rna.embedding import open_network, prepare
from core.rna.ensemble import PairEnsemble
from core.rna.graph import EDGE_FEATURES
from core.rna.records import RnaRecord
from core.storage import digest_of

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from core.rna.embedding import Encoder

METHODS = ("attention", "message", "openness", "saliency", "integrated_gradients", "occlusion")
INSTANT = ("attention", "message", "openness")
"""Methods that come with the forward pass itself."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class BaseImportance:
    """What a network listens to in an RNA, by name.

    Attributes:
        bases: one row per base: ``base`` (1-based), ``name`` ("base:1"), ``nucleotide``, ``element``, ``paired_with`` (1-based, 0 for none),
            ``attention`` (Set2Set, mean over steps; nan without), ``message`` (summed length of incoming messages, mean over layers),
            ``openness`` (mean over incoming edges and layers), and a column for each attribution asked for.
        elements: one row per element: ``name`` ("elem:s0"), ``element``, ``kind``, ``size``, ``bases`` ("1-7,66-72") and the same quantities of
            its node. The standard encoding has no element nodes: there attention is the sum over its bases, the others their mean.
        edges: one row per directed edge: ``source``, ``target``, ``kind`` (of :data:`core.explain.edges.KINDS`), ``direction``, ``weight`` (the
            probability of a pair where the network reads the ensemble, else 1), ``openness`` and ``message`` (means over layers).
        per_layer: one row per layer (from 1) and directed edge.
        weights: W_e of each layer, a row per hidden unit and a column per relation.
        manifest: versions, hashes, settings, completeness.
        record: the RNA with the structure that was used; elements_found: its elements; trace: of the forward pass.
    """

    bases: pd.DataFrame
    elements: pd.DataFrame
    edges: pd.DataFrame
    per_layer: pd.DataFrame
    weights: list[pd.DataFrame]
    manifest: dict[str, Any]
    record: RnaRecord
    elements_found: Elements = field(repr=False)
    trace: RnaTrace = field(repr=False)


def base_importance(
    record: RnaRecord,
    checkpoint: str | Path | tuple[Encoder, Card] | None = None,
    *,
    target: str = "norm",
    methods: Sequence[str] = INSTANT,
    steps: int | None = None,
    ensemble: PairEnsemble | None = None,
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> BaseImportance:
    """Attention, messages, openness and attributions of a network on an RNA.

    Attributions explain ``target`` by a mask over bases that multiplies their features: the gradient (saliency, absolute), integrated gradients
    from the all-zero to the all-one mask (Sundararajan et al. 2017, by Captum), and occlusion, the target minus the target with one
    base masked. A masked base keeps its place, its pair and its messages' edges: masking is not deleting.

    Args:
        record: without a structure it is folded (37 °C); its own structure is taken as certain unless an ensemble comes with it.
        checkpoint: a shipped RNA network, the path of one or an open one; None is "rna".
        target: "norm", the L2 norm of the RNA's embedding.
        methods: of :data:`METHODS`; those of :data:`INSTANT` always come.
        steps: points of the integral; None puts them where they are needed (:func:`core.explain.attribution.attributions`).
        ensemble: pair probabilities that belong to the record's structure, for a network that reads them.
        on_progress: called with (what, done, total).

    Raises:
        InputError: an unknown method, target or checkpoint, one that gives vectors alone (GINFINITY), or a record too long to fold.
    """
    unknown = [m for m in methods if m not in METHODS]
    if unknown:
        raise InputError(f"There is no method {unknown[0]!r}; choose of {', '.join(METHODS)}.")
    if target != "norm":
        raise InputError(f"The target {target!r} is not known for RNAs; give 'norm', the length of the RNA's embedding.")
    opened, card = open_network(checkpoint)
    network = _ours(opened, card)
    folded = record.structure is None
    config = network.config
    record, ensemble = prepare(record, config.ensemble, ensemble)
    found = decompose(str(record.structure))
    graph = network.graph_of(record, found, ensemble)
    with torch.no_grad():
        out, trace = network(**Batches(graph, device, torch.float32).of(1), return_trace=True)
    edges = edge_table(graph, config.encoding)
    openness, message = (values.cpu().double().numpy() for values in (trace.openness, trace.message))
    per_layer = pd.concat([edges] * len(openness), ignore_index=True)
    per_layer.insert(0, "layer", np.repeat(np.arange(1, len(openness) + 1), len(edges)))
    per_layer = per_layer.assign(openness=openness.ravel(), message=message.ravel())
    edges = edges.assign(openness=openness.mean(0), message=message.mean(0))
    nodes = _node_quantities(graph, trace, openness.mean(0), message.mean(0))
    bases = _base_table(record, found, nodes)
    completeness, points = None, None
    told = None if on_progress is None else lambda what, done, total: on_progress(what.replace("_", " "), done, total)
    if wanted := [m for m in METHODS if m in methods and m not in INSTANT]:
        masked = rna_masks((network, card), record, ensemble=ensemble, device=device)
        for method in wanted:
            made = attribute(masked, method, steps=steps, on_progress=told)
            bases[method] = made.values
            if made.completeness is not None:
                completeness, points = made.completeness, made.settings["steps"]
    manifest = {
        "key": digest_of(
            record=record.key,
            ensemble=None if ensemble is None else ensemble.key,
            checkpoint=card.weights_sha256,
            target=target,
            methods=sorted(methods),
            steps=steps,
        ),
        **heading(BASES, RNA),
        "record": record_in_manifest(record),
        "structure": "minimum free energy, 37 °C, by ViennaRNA" if folded else "given",
        "pairs": pairs_in_manifest(ensemble),
        "elements": found.method,
        "checkpoint": checkpoint_in_manifest(card),
        "device": device,
        "target": target,
        "value": float(out.graph.norm()),
        "methods": list(methods),
        "baseline": "features of all bases masked",
        "steps": points,
        "asked_steps": steps,
        "completeness": completeness,
        "figures": columns(bases["name"], bases, [m for m in METHODS if m in bases]),
    }
    weights = [pd.DataFrame(w.cpu().numpy(), columns=list(EDGE_FEATURES[config.encoding])) for w in trace.edge_weights]
    return BaseImportance(bases, _element_table(graph, found, nodes, bases), edges, per_layer, weights, manifest, record, found, trace)


def ranges(bases: Sequence[int]) -> str:
    """0-based ascending positions as 1-based ranges: "1-7,66-72"."""
    parts: list[list[int]] = []
    for base in bases:
        if parts and base == parts[-1][1] + 1:
            parts[-1][1] = base
        else:
            parts.append([base, base])
    return ",".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in parts)


def _ours(network: Encoder, card: Card) -> RnaGine:
    """The network, where it is one of Gatescope's, whose inside is known."""
    if not isinstance(network, RnaGine):
        raise InputError(f"{card.name} gives vectors alone, and neither attention nor messages; choose one of Gatescope's networks, like rna.")
    return network


def _node_quantities(graph: Data, trace: RnaTrace, openness: np.ndarray, message: np.ndarray) -> pd.DataFrame:
    """Attention, message and openness of every node."""
    count, target = len(graph.x), graph.edge_index[1].numpy()
    incoming = np.bincount(target, minlength=count)
    summed = np.bincount(target, openness, minlength=count)
    attention = np.full(count, np.nan) if trace.attention is None else trace.attention.mean(0).cpu().double().numpy()
    return pd.DataFrame(
        {
            "attention": attention,
            "message": np.bincount(target, message, minlength=count),
            "openness": np.divide(summed, incoming, out=np.full(count, np.nan), where=incoming > 0),
        }
    )


def _base_table(record: RnaRecord, found: Elements, nodes: pd.DataFrame) -> pd.DataFrame:
    n = record.length
    partner = np.zeros(n, dtype=int)
    for i, j in record.pairs:
        partner[i], partner[j] = j + 1, i + 1
    place = np.arange(1, n + 1)
    told = {"base": place, "name": [f"base:{p}" for p in place], "nucleotide": list(record.sequence), "element": list(found.of_base)}
    return pd.concat([pd.DataFrame({**told, "paired_with": partner}), nodes.iloc[:n].reset_index(drop=True)], axis=1)


def _element_table(graph: Data, found: Elements, nodes: pd.DataFrame, bases: pd.DataFrame) -> pd.DataFrame:
    told = [{"name": f"elem:{e.name}", "element": e.name, "kind": e.kind, "size": len(e.bases), "bases": ranges(e.bases)} for e in found.elements]
    if graph.element_names:
        values = nodes.iloc[graph.num_bases :].reset_index(drop=True)
    else:
        own = [bases.iloc[list(e.bases)][list(INSTANT)] for e in found.elements]
        values = pd.DataFrame([{"attention": t["attention"].sum(min_count=1), **t[["message", "openness"]].mean()} for t in own])
    return pd.concat([pd.DataFrame(told), values], axis=1)
