"""What a network says of a metabolic model, as a function of masks: over incidences, over features, or over the way from one condition to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.errors import InputError
from core.explain.masked import PRESENT, Masked, apart_of
from core.metabolic.condition import as_networks_read
from core.metabolic.hypergraph import MetabolicHypergraph
from core.models.checkpoint import Card
from core.models.network import NetworkOutput, ReactionNetwork
from core.storage import digest_of

GROWTH = "growth"
TOGETHER = 60_000
"""Masked incidences that are evaluated together at most: what a laptop's cache takes."""
REACTION, METABOLITE = "reaction", "metabolite"

Network = tuple[ReactionNetwork, Card]
Value = Callable[[Tensor], Tensor]


def incidence_masks(
    network: Network,
    graph: MetabolicHypergraph,
    *,
    target: str = GROWTH,
    minus: MetabolicHypergraph | None = None,
    frozen_gates: bool = False,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Masked:
    """Masks over incidences, which multiply both passes of every layer; the baseline is the empty network, without a single message.

    Levels: incidence, reaction, metabolite, subsystem, and the genes, which share reactions.

    Args:
        target: "growth" (1/h) or a reaction id (its flux, mmol/gDW/h), both before the bounds hold them.
        minus: another condition of the same model: the target is then the difference, this condition less that one, under one mask.
        frozen_gates: the gates stay as they are with nothing masked, so that only the direct effect of a message is left.
        device, dtype: of the network.

    Raises:
        InputError: an unknown target, or conditions of two models.
    """
    opened, card = network
    if minus is not None and minus.tables.key != graph.tables.key:
        raise InputError("The two conditions are of different models; give two conditions of one model.")

    def make(one: ReactionNetwork) -> Value:
        value = _value(one, graph, target, frozen_gates, device, dtype)
        if minus is None:
            return value
        other = _value(one, minus, target, frozen_gates, device, dtype)
        return lambda mask: value(mask) - other(mask)

    def like(other: Network) -> Masked:
        return incidence_masks(other, graph, target=target, minus=minus, frozen_gates=frozen_gates, device=device, dtype=dtype)

    what, unit = words_of_target(graph, target)
    about = _about(card, graph, minus, target) | {"masked": "incidences", "frozen_gates": frozen_gates}
    made = _masked(
        opened,
        make,
        _incidence_parts(graph),
        graph,
        target=f"{what}, this condition less the other" if minus is not None else what,
        unit=unit,
        baseline="the network without messages",
        device=device,
        dtype=dtype,
        about=about,
        overlapping={"gene": _genes(graph)},
        like=like,
    )
    return made if frozen_gates else replace(made, deleted=lambda: _deleted(made, opened, graph, target, minus))


def _deleted(masked: Masked, network: ReactionNetwork, graph: MetabolicHypergraph, target: str, minus: MetabolicHypergraph | None) -> Masked:
    """The same where incidences leave the graph.

    A reaction that lost all of them stays as one that touches no metabolite: it sends and hears nothing, exchanges nothing, and keeps its features.
    The degrees among the features of others stay what they were.
    """
    graphs = [graph] if minus is None else [graph, minus]
    device, dtype = masked.device, masked.dtype
    asked = [asker_of(network, one, target, device, dtype) for one in graphs]
    index, stoich = graph.hyperedge_index.to(device), graph.stoich.to(device, dtype)

    def value(masks: Tensor) -> Tensor:
        found = []
        for kept in masks > PRESENT:
            own, *other = (ask(index=index[:, kept], stoich=stoich[kept]) for ask in asked)
            found.append(own - other[0] if other else own)
        return torch.stack(found)

    about = {name: told for name, told in masked.about.items() if name != "key"} | {"deleted": True}
    words = "the graph without reactions"
    return replace(masked, value=value, baseline=words, about=about | {"key": digest_of(**about)}, apart=None, like=None, deleted=None)


def feature_masks(
    network: Network, graph: MetabolicHypergraph, *, target: str = GROWTH, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> Masked:
    """Masks over the columns of x and u: which kinds of knowledge about metabolites and reactions count; the baseline has zeros in a column."""
    opened, card = network
    x, u = graph.x.to(device, dtype), graph.u.to(device, dtype)
    names = [*(f"{METABOLITE}: {n}" for n in graph.feature_names.metabolite), *(f"{REACTION}: {n}" for n in graph.feature_names.reaction)]

    def make(one: ReactionNetwork) -> Value:
        ask = asker_of(one, graph, target, device, dtype)

        def value(mask: Tensor) -> Tensor:
            own, other = mask.split([x.shape[1], u.shape[1]], dim=1)
            return ask(x=x * own.unsqueeze(1), u=u * other.unsqueeze(1))

        return value

    what, unit = words_of_target(graph, target)
    about = _about(card, graph, None, target) | {"masked": "features"}
    parts = pd.DataFrame({"feature": names, "side": [n.partition(":")[0] for n in names]})
    return _masked(opened, make, parts, graph, target=what, unit=unit, baseline="features at zero", device=device, dtype=dtype, about=about)


def condition_masks(
    network: Network,
    graph: MetabolicHypergraph,
    baseline: MetabolicHypergraph,
    *,
    target: str = GROWTH,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Masked:
    """Masks over what the network reads that differs between two conditions: at 0 a reaction or metabolite is as in the other condition.

    F(1) - F(0) is what the target changes from the other condition to this one.

    Raises:
        InputError: two models, or nothing differs.
    """
    if baseline.tables.key != graph.tables.key:
        raise InputError("The two conditions are of different models; give two conditions of one model.")
    opened, card = network
    (x, u, bounds), (x0, u0, bounds0) = (_inputs(g, device, dtype) for g in (graph, baseline))
    bounds_differ = torch.stack([bounds[n] != bounds0[n] for n in bounds]).any(0)
    reads = opened.config
    reactions = ((u != u0)[:, : reads.reaction_channels].any(1) | bounds_differ).nonzero().squeeze(1)
    metabolites = (x != x0)[:, : reads.metabolite_channels].any(1).nonzero().squeeze(1)
    if not len(reactions) + len(metabolites):
        raise InputError("The two conditions are the same; choose another one to compare with.")

    def make(one: ReactionNetwork) -> Value:
        ask = asker_of(one, graph, target, device, dtype)

        def value(mask: Tensor) -> Tensor:
            of_reactions, of_metabolites = mask.split([len(reactions), len(metabolites)], dim=1)
            edges = mask.new_zeros(len(mask), len(u)).index_copy(1, reactions, of_reactions)
            nodes = mask.new_zeros(len(mask), len(x)).index_copy(1, metabolites, of_metabolites)
            between = {n: bounds0[n] + edges * (bounds[n] - bounds0[n]) for n in bounds}
            return ask(x=x0 + nodes.unsqueeze(-1) * (x - x0), u=u0 + edges.unsqueeze(-1) * (u - u0), **between)

        return value

    what, unit = words_of_target(graph, target)
    about = _about(card, graph, baseline, target) | {"masked": "condition"}
    names = [*(f"rxn:{graph.reactions[e]}" for e in reactions.tolist()), *(f"met:{graph.metabolites[v]}" for v in metabolites.tolist())]
    parts = pd.DataFrame({"part": names, "side": [REACTION] * len(reactions) + [METABOLITE] * len(metabolites)})
    return _masked(opened, make, parts, graph, target=what, unit=unit, baseline="the other condition", device=device, dtype=dtype, about=about)


def words_of_target(graph: MetabolicHypergraph, target: str) -> tuple[str, str]:
    """What a target is in words, and its unit.

    Raises:
        InputError: it is no reaction of the model.
    """
    if target == GROWTH:
        return "growth", "1/h"
    if target not in graph.reactions:
        raise InputError(f"The target {target!r} is no reaction of {graph.tables.id}; give 'growth' or a reaction id.")
    return f"flux of {target}", "mmol/gDW/h"


def _masked(
    network: ReactionNetwork, make: Callable[[ReactionNetwork], Value], parts: pd.DataFrame, graph: MetabolicHypergraph, **told: Any
) -> Masked:
    about = told.pop("about")
    rows = max(1, min(64, TOGETHER // max(1, len(graph.stoich))))
    return Masked(make(network), parts, rows=rows, about=about | {"key": digest_of(**about)}, apart=apart_of(network, make), **told)


def _about(card: Card, graph: MetabolicHypergraph, other: MetabolicHypergraph | None, target: str) -> dict[str, Any]:
    return {"checkpoint": card.weights_sha256, "graph": graph.key, "other": None if other is None else other.key, "target": target}


def _inputs(graph: MetabolicHypergraph, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    given = as_networks_read(graph.tables, graph.bounds)
    bounds = {name: torch.from_numpy(getattr(given, name)).to(device, dtype) for name in ("lower", "upper", "objective")}
    return graph.x.to(device, dtype), graph.u.to(device, dtype), bounds


def runner_of(network: ReactionNetwork, graph: MetabolicHypergraph, device: str, dtype: torch.dtype) -> Callable[..., NetworkOutput]:
    """The network on a graph whose tensors were moved once; what is given to a call takes the place of the graph's own."""
    x, u, bounds = _inputs(graph, device, dtype)
    index, stoich = graph.hyperedge_index.to(device), graph.stoich.to(device, dtype)

    def run(**given: Any) -> NetworkOutput:
        own = {"x": x, "u": u, "index": index, "stoich": stoich, **bounds} | given
        first = [own.pop(name) for name in ("x", "u", "index", "stoich")]
        return network(*first, **own)  # type: ignore[no-any-return]

    return run


def asker_of(network: ReactionNetwork, graph: MetabolicHypergraph, target: str, device: str, dtype: torch.dtype) -> Callable[..., Tensor]:
    """The target [...] as a function of what takes the place of the graph's own: before the bounds hold it, as a clipped read-out has no gradient.

    The network reads out nothing else.
    """
    run, (rows, weight) = runner_of(network, graph, device, dtype), _read_from(graph, target)
    only, share = torch.from_numpy(rows).to(device), torch.from_numpy(weight).to(device, dtype)
    return lambda **given: linear_of(run(only=only, **given).raw, share)


def linear_of(raw: Tensor, weight: Tensor) -> Tensor:
    """The weighted sum [...] of the fluxes that have these asinh [..., R]."""
    return (torch.sinh(raw.clamp(-12, 12)) * weight).sum(-1)


def _read_from(graph: MetabolicHypergraph, target: str) -> tuple[np.ndarray, np.ndarray]:
    """[R] the reactions a target is read from, and with which weight."""
    words_of_target(graph, target)
    if target != GROWTH:
        return np.array([graph.reactions.index(target)]), np.ones(1)
    rows = np.flatnonzero(graph.bounds.objective)
    return rows, graph.bounds.objective[rows]


def _value(
    network: ReactionNetwork, graph: MetabolicHypergraph, target: str, frozen: bool, device: str, dtype: torch.dtype
) -> Callable[[Tensor], Tensor]:
    ask = asker_of(network, graph, target, device, dtype)
    held: list[Tensor] | None = None
    if frozen:
        with torch.no_grad():
            traces = runner_of(network, graph, device, dtype)(return_trace=True).traces
        assert traces is not None
        held = [trace.gate for trace in traces]
    return lambda mask: ask(mask=mask, gate_override=held)


def _incidence_parts(graph: MetabolicHypergraph) -> pd.DataFrame:
    from core.metabolic.subsystems import assign_subsystems

    metabolite, reaction = (graph.hyperedge_index[i].numpy() for i in (0, 1))
    reactions = np.array(graph.reactions, dtype=object)[reaction]
    metabolites = np.array(graph.metabolites, dtype=object)[metabolite]
    subsystems = np.array(assign_subsystems(graph.tables).names, dtype=object)[reaction]
    names = [f"{r} {m}" for r, m in zip(reactions, metabolites, strict=True)]
    return pd.DataFrame({"incidence": names, REACTION: reactions, METABOLITE: metabolites, "subsystem": subsystems})


def _genes(graph: MetabolicHypergraph) -> dict[str, np.ndarray]:
    from core.metabolic.rules import reactions_by_gene

    reaction = graph.hyperedge_index[1].numpy()
    order = np.argsort(reaction, kind="stable")
    starts = np.searchsorted(reaction[order], np.arange(len(graph.reactions) + 1))
    return {
        gene: np.sort(np.concatenate([order[starts[e] : starts[e + 1]] for e in rows])) if rows else np.zeros(0, dtype=int)
        for gene, rows in reactions_by_gene(graph.tables).items()
    }
