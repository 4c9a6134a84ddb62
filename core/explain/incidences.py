"""The factors of a network's messages as tables with names: per layer and head, per incidence, per reaction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from core.metabolic.hypergraph import MetabolicHypergraph
from core.models.conv import IncidenceTrace


def stack(traces: tuple[IncidenceTrace, ...]) -> dict[str, np.ndarray]:
    """[L, K, H] arrays ``gate``, ``attention`` (nan without attention), ``norm`` and ``message``.

    ``norm`` is that of the metabolite-to-reaction pass (B of the reaction); ``message`` the mean over the two passes of
    the message's Euclidean length.
    """
    gate = torch.stack([t.gate for t in traces])
    attention = torch.stack([torch.full_like(t.gate, torch.nan) if t.attention is None else t.attention for t in traces])
    norm = torch.stack([t.to_reaction.norm.unsqueeze(-1).expand_as(t.gate) for t in traces])
    message = torch.stack([(t.to_reaction.message_norm + t.to_metabolite.message_norm) / 2 for t in traces])
    return {n: v.detach().cpu().double().numpy() for n, v in (("gate", gate), ("attention", attention), ("norm", norm), ("message", message))}


def competitors(graph: MetabolicHypergraph, mode: str | None) -> np.ndarray:
    """[K] how many incidences share each softmax: those of the reaction, or of the metabolite."""
    index = graph.hyperedge_index[1 if mode == "reaction" else 0].numpy()
    return np.bincount(index)[index]


def per_layer_table(graph: MetabolicHypergraph, factors: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row per layer, head and incidence; layers and heads count from 1."""
    layers, count, heads = factors["gate"].shape
    metabolite, reaction = (graph.hyperedge_index[i].numpy() for i in (0, 1))
    order = {
        "reaction": np.array(graph.reactions, dtype=object)[reaction],
        "metabolite": np.array(graph.metabolites, dtype=object)[metabolite],
        "coefficient": graph.stoich.numpy(),
    }
    table = {name: np.tile(values, layers * heads) for name, values in order.items()}
    table["layer"] = np.repeat(np.arange(1, layers + 1), heads * count)
    table["head"] = np.tile(np.repeat(np.arange(1, heads + 1), count), layers)
    table |= {name: values.transpose(0, 2, 1).ravel() for name, values in factors.items()}
    return pd.DataFrame(table)


def incidence_table(graph: MetabolicHypergraph, factors: dict[str, np.ndarray], mode: str | None) -> pd.DataFrame:
    """One row per incidence, in the hypergraph's order; means over layers and heads, ``gate_spread`` their standard deviation.

    ``attention_log2`` is the mean of log2(attention x competitors): 0 is a uniform share, 1 twice as much.
    """
    metabolite, reaction = (graph.hyperedge_index[i].numpy() for i in (0, 1))
    share = factors["attention"] * competitors(graph, mode)[None, :, None]
    with np.errstate(divide="ignore"):
        relative = np.log2(share)
    return pd.DataFrame(
        {
            "reaction": np.array(graph.reactions, dtype=object)[reaction],
            "metabolite": np.array(graph.metabolites, dtype=object)[metabolite],
            "coefficient": graph.stoich.numpy(),
            "gate": factors["gate"].mean((0, 2)),
            "gate_spread": factors["gate"].std((0, 2)),
            "attention": factors["attention"].mean((0, 2)),
            "attention_log2": relative.mean((0, 2)),
            "norm": factors["norm"].mean((0, 2)),
            "message": factors["message"].mean((0, 2)),
        }
    )


def per_reaction(graph: MetabolicHypergraph, factors: dict[str, np.ndarray], incidences: pd.DataFrame) -> pd.DataFrame:
    """One row per reaction: gate mean, max and spread over incidences, heads and layers; mean |message|; mean log2 attention."""
    reaction = graph.hyperedge_index[1].numpy()
    count = len(graph.reactions)
    size = np.bincount(reaction, minlength=count).astype(float)
    samples = factors["gate"].shape[0] * factors["gate"].shape[2]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(reaction, factors["gate"].sum((0, 2)), minlength=count) / (size * samples)
        square = np.bincount(reaction, (factors["gate"] ** 2).sum((0, 2)), minlength=count) / (size * samples)
        message = np.bincount(reaction, incidences["message"], minlength=count) / size
        attention = np.bincount(reaction, incidences["attention_log2"], minlength=count) / size
    largest = np.full(count, -np.inf)
    np.maximum.at(largest, reaction, factors["gate"].max((0, 2)))
    return pd.DataFrame(
        {
            "reaction": graph.reactions,
            "gate": mean,
            "gate_max": np.where(size > 0, largest, np.nan),
            "gate_spread": np.sqrt(np.maximum(square - mean**2, 0.0)),
            "message": message,
            "attention": attention,
        }
    )
