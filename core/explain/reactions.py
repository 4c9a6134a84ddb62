"""Which reactions and incidences a trained network listens to under a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from core.errors import InputError
from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.incidences import incidence_table, per_layer_table, per_reaction, stack
from core.explain.manifest import METABOLIC, REACTIONS, checkpoint_in_manifest, columns, condition_in_manifest, heading, model_in_manifest
from core.explain.metabolic_masks import incidence_masks
from core.explain.seed_spread import SeedSpread, seed_spread
from core.metabolic.hypergraph import MetabolicHypergraph, build_hypergraph
from core.models.checkpoint import Card
from core.models.network import ReactionNetwork
from core.models.prediction import Checkpoint, open_checkpoint, other_members, run_network
from core.storage import digest_of

if TYPE_CHECKING:
    import cobra

    from core.metabolic.condition import Medium
    from core.metabolic.kinetics import Kinetics
    from core.metabolic.tables import ModelTables

METHODS = ("gate", "message", "attention", "integrated_gradients", "occlusion")
INSTANT = ("gate", "message", "attention")
"""Methods that come with the forward pass itself."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class ReactionImportance:
    """What a network listens to, by name.

    Attributes:
        table: one row per reaction. ``gate`` (mean over incidences, heads and layers), ``gate_max``, ``gate_spread``,
            ``message`` (mean length), ``attention`` (mean log2 of attention x competitors, nan without attention),
            ``integrated_gradients`` and ``occlusion`` (in the target's unit, when asked for), and what the model says of
            the reaction. Of a network that reads growth from the uptakes also ``growth_brought`` (1/h, adds up to the predicted growth) and
            ``growth_lost`` (share of growth a closed reaction takes). Of an ensemble also ``gate_seed_sd`` and ``flux_seed_sd``, standard
            deviations over its seeds.
        incidences: one row per incidence, means over layers and heads; of an ensemble with ``gate_seed_sd``.
        per_layer: one row per layer, head and incidence.
        prediction: predicted growth (1/h), of the network itself.
        manifest: versions, hashes, settings, completeness.
        graph: the hypergraph that was explained.
        prediction_sd: standard deviation of the predicted growth over seeds (1/h), nan for a single network; seeds: how many there are.
    """

    table: pd.DataFrame
    incidences: pd.DataFrame
    prediction: float
    manifest: dict[str, Any]
    graph: MetabolicHypergraph = field(repr=False)
    _factors: dict[str, np.ndarray] = field(repr=False)
    _attention_mode: str | None = None
    prediction_sd: float = nan
    seeds: int = 1

    def with_seeds(self, spread: SeedSpread) -> ReactionImportance:
        """The same with standard deviations over the seeds of its ensemble; unchanged for a single network."""
        if spread.seeds < 2:
            return self
        seeds = {"count": spread.seeds, "sha256": list(spread.weights), "predicted_growth": spread.growth.tolist()}
        manifest = self.manifest | {"seeds": seeds, "predicted_growth_sd": spread.growth_sd}
        return replace(
            self,
            table=self.table.assign(gate_seed_sd=spread.gate_sd, flux_seed_sd=spread.flux_sd),
            incidences=self.incidences.assign(gate_seed_sd=spread.incidence_gate_sd),
            manifest=manifest | {"key": digest_of(key=self.manifest["key"], seeds=seeds["sha256"])},
            prediction_sd=spread.growth_sd,
            seeds=spread.seeds,
        )

    def part(self, layer: int | None = None, head: int | None = None) -> ReactionImportance:
        """The same for one layer, one head or both (counted from 0), instead of the mean over them; attributions stay as they are.

        Layers and heads of two seeds have nothing to do with each other: their gates have no spread over seeds.
        """
        if layer is None and head is None:
            return self
        layers = slice(None) if layer is None else slice(layer, layer + 1)
        heads = slice(None) if head is None else slice(head, head + 1)
        factors = {name: values[layers][:, :, heads] for name, values in self._factors.items()}
        incidences = incidence_table(self.graph, factors, self._attention_mode)
        found = per_reaction(self.graph, factors, incidences)
        table, kept = self.table.copy(), self.incidences.copy()
        table[found.columns] = found
        kept[incidences.columns] = incidences
        table, kept = (one.drop(columns="gate_seed_sd", errors="ignore") for one in (table, kept))
        return replace(self, table=table, incidences=kept, _factors=factors)

    @property
    def gate_sd(self) -> pd.Series | None:
        """Standard deviation over seeds of each reaction's mean gate, by reaction; None without one."""
        return self.table.set_index("reaction")["gate_seed_sd"] if "gate_seed_sd" in self.table else None

    @property
    def per_layer(self) -> pd.DataFrame:
        """Built when asked for: L x H rows for every incidence."""
        return per_layer_table(self.graph, self._factors)

    def of_reaction(self, reaction: str) -> pd.DataFrame:
        """The rows of :attr:`per_layer` of one reaction."""
        rows = np.flatnonzero(self.incidences["reaction"].to_numpy() == reaction)
        part = {name: values[:, rows] for name, values in self._factors.items()}
        layers, count, heads = part["gate"].shape
        chosen = self.incidences.iloc[np.tile(rows, layers * heads)][["reaction", "metabolite", "coefficient"]].reset_index(drop=True)
        chosen["layer"] = np.repeat(np.arange(1, layers + 1), heads * count)
        chosen["head"] = np.tile(np.repeat(np.arange(1, heads + 1), count), layers)
        return chosen.assign(**{name: values.transpose(0, 2, 1).ravel() for name, values in part.items()})


def reaction_importance(
    model: cobra.Model | ModelTables,
    checkpoint: Checkpoint,
    *,
    medium: str | Medium | None = None,
    knockouts: Iterable[str] = (),
    objective: str | None = None,
    kinetics: Kinetics | None = None,
    target: str = "growth",
    methods: Sequence[str] = METHODS,
    steps: int | None = None,
    device: str = "cpu",
    members: Sequence[tuple[ReactionNetwork, Card]] | None = None,
    on_progress: Progress | None = None,
) -> ReactionImportance:
    """Gates, attention, messages and attributions of a network on a model under a condition.

    Attributions explain ``target`` by a mask over incidences that multiplies both passes of every layer: integrated
    gradients from the all-zero to the all-one mask (Sundararajan et al. 2017, by Captum), summed over a reaction's
    incidences; occlusion is the target minus the target with all incidences of a reaction masked. Masking is not
    deletion: normalisation and softmax stay as they were.

    Args:
        kinetics: turnover numbers and Michaelis constants, which only a network that was trained on such reads.
        target: "growth" (1/h) or a reaction id (its flux, mmol/gDW/h), before the prediction is held to the bounds.
        methods: of :data:`METHODS`.
        steps: points of the integral; None puts them where they are needed (:func:`core.explain.attribution.attributions`).
        members: the other seeds of the checkpoint's ensemble, on ``device``; None is all of them where the checkpoint is given by name or path,
            and none where it is open already.
        on_progress: called with (what, done, total).

    Raises:
        InputError: an unknown method, target, medium, knock-out or checkpoint.
    """
    unknown = [m for m in methods if m not in METHODS]
    if unknown:
        raise InputError(f"There is no method {unknown[0]!r}; choose of {', '.join(METHODS)}.")
    graph = build_hypergraph(model, medium=medium, knockouts=knockouts, objective=objective, kinetics=kinetics)
    if target != "growth" and target not in graph.reactions:
        raise InputError(f"The target {target!r} is no reaction of {graph.tables.id}; give 'growth' or a reaction id.")
    network, card = open_checkpoint(checkpoint)
    with torch.no_grad():
        out = run_network(network, graph, device=device, return_trace=True)
    assert out.traces is not None
    factors = stack(out.traces)
    incidences = incidence_table(graph, factors, network.config.attention)
    table = _describe(graph, per_reaction(graph, factors, incidences))
    table["flux_predicted"] = out.flux.cpu().double().numpy()
    if out.parts is not None:
        table["growth_brought"], table["growth_lost"] = (part.cpu().double().numpy() for part in out.parts)
    completeness = None
    points = None
    told = None if on_progress is None else lambda what, done, total: on_progress(what.replace("_", " "), done, total)
    masked = incidence_masks((network, card), graph, target=target, device=device)
    if INTEGRATED_GRADIENTS in methods:
        found = attribute(masked, INTEGRATED_GRADIENTS, steps=steps, on_progress=told)
        completeness, points = found.completeness, found.settings["steps"]
        incidences[INTEGRATED_GRADIENTS] = found.values
        table[INTEGRATED_GRADIENTS] = found.at(masked, "reaction").reindex(table["reaction"]).fillna(0.0).to_numpy()
    if OCCLUSION in methods:
        lost = attribute(masked, OCCLUSION, level="reaction", on_progress=told)
        table[OCCLUSION] = lost.at(masked, "reaction").reindex(table["reaction"]).fillna(0.0).to_numpy()
    manifest = {
        "key": digest_of(graph=graph.key, checkpoint=card.weights_sha256, target=target, methods=sorted(methods), steps=steps),
        **heading(REACTIONS, METABOLIC),
        "model": model_in_manifest(graph.tables),
        "condition": condition_in_manifest(medium, knockouts, objective) | {"sha256": graph.key},
        **({} if kinetics is None else {"kinetics": kinetics_in_manifest(kinetics, graph, network)}),
        "checkpoint": checkpoint_in_manifest(card),
        "device": device,
        "target": target,
        "methods": list(methods),
        "baseline": "all incidences masked",
        "steps": points,
        "asked_steps": steps,
        "completeness": completeness,
        "predicted_growth": float(out.growth),
        "figures": columns(graph.reactions, table, [m for m in METHODS if m in methods]),
    }
    importance = ReactionImportance(table, incidences, float(out.growth), manifest, graph, factors, network.config.attention)
    others = other_members(checkpoint) if members is None else members
    return importance.with_seeds(seed_spread([(network, card), *others], graph, device=device)) if others else importance


def kinetics_in_manifest(kinetics: Kinetics, graph: MetabolicHypergraph, network: ReactionNetwork) -> dict[str, Any]:
    """What a manifest says of kinetic parameters: their hash, what of the model they cover, and whether the network reads them."""
    from core.metabolic.kinetics import reads_kinetics

    covered = kinetics.coverage(graph.tables)
    return {"sha256": kinetics.key, **asdict(covered), "read_by_network": reads_kinetics(network.config.reaction_channels)}


def _describe(graph: MetabolicHypergraph, table: pd.DataFrame) -> pd.DataFrame:
    from core.metabolic.subsystems import assign_subsystems

    tables = graph.tables
    subsystems = assign_subsystems(tables)
    text: dict[str, Any] = {
        "name": tables.reaction_names,
        "subsystem": subsystems.names,
        "subsystem_source": subsystems.source,
        "equation": [tables.equation(e) for e in range(len(tables.reactions))],
        "gpr": tables.gprs,
        "lower": graph.bounds.lower,
        "upper": graph.bounds.upper,
    }
    return table.assign(**text)
