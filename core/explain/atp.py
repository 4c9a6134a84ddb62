"""Does a network weigh one metabolite differently in its reactions? The gates of ATP (or another) over all of them, beside controls.

The incidence gate was made for this: glucose phosphorylation and a peripheral reaction use ATP with the same coefficient, and only a gate of
their own can tell them apart. A gate per metabolite cannot: its spread over reactions is zero by construction. Whether a spread means anything
is asked of two controls, networks that were never trained and a network trained on labels dealt out at random: their gates differ between
reactions as well, because the features of reactions do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from core import __version__
from core.errors import Cancelled
from core.explain.conditions import Networks, members
from core.explain.gate_replacement import GateReplacement, Progress, incidences_of, replace_gates
from core.explain.gate_statistics import CENTRAL, LEVEL, PERIPHERAL, Draws, Score, interval
from core.explain.ranking_metrics import DRAWS
from core.metabolic.condition import Condition
from core.metabolic.hypergraph import build_hypergraph
from core.metabolic.tables import ModelTables, known_tables
from core.models.checkpoint import Card, list_checkpoints, load_card
from core.models.network import NetworkConfig, ReactionNetwork
from core.models.prediction import Checkpoint, open_checkpoint, run_network
from core.storage import digest_of

if TYPE_CHECKING:
    import cobra

    from core.explain.reactions import ReactionImportance

UNTRAINED = 5
"""Initialisations an untrained network is tried with."""
NEITHER = "neither"
SHOWN, SEED, TRAINED, CONTROL = "shown", "another seed", "other network", "control"
METABOLITE, INITIAL = "one gate per metabolite", "untrained"
"""Kinds of networks."""

_CENTRAL = re.compile(
    r"glycolysis|gluconeogenesis|pentose phosphate|citric acid cycle|citrate cycle|tca cycle|tricarboxylic acid cycle|anaplerotic|"
    r"oxidative phosphorylation|^pyruvate metabolism"
)
_NEITHER = re.compile(r"transport|exchange|demand|sink|biomass|maintenance|unassigned|^around |^without metabolites|^$")


def role_of(subsystem: str) -> str:
    """Whether a subsystem's reactions are central carbon and energy metabolism, the periphery, or neither.

    Central: glycolysis and gluconeogenesis, the pentose phosphate pathway, the citric acid cycle, anaplerotic reactions, oxidative
    phosphorylation and pyruvate metabolism, under the names BiGG and KEGG give them. Neither: transport, exchange, demand, biomass and
    maintenance, whose metabolite pays for moving something or stands for the whole cell and not for a step of a pathway, and
    reactions whose pathway is not known. Peripheral: all others.
    """
    name = subsystem.lower()
    return CENTRAL if _CENTRAL.search(name) else NEITHER if _NEITHER.search(name) else PERIPHERAL


@dataclass(frozen=True, eq=False)
class MetaboliteGateTest:
    """The gates of one metabolite over its reactions, in several networks.

    Attributes:
        metabolite, model: ids. subject: name of the network that is asked about. conditions: names of the conditions.
        gates: one row per network and reaction of the metabolite: ``network``, ``kind``, ``reaction``, ``name``, ``coefficient``,
            ``size`` (|s|), ``subsystem``, ``role`` (:func:`role_of`), ``gate`` (mean over conditions, layers and heads), ``gate_conditions_sd``
            (over conditions) and ``layer_1`` and on (mean over conditions and heads).
        spread: one row per network and condition: ``spread``, the standard deviation over reactions of the mean gate, and ``spread_in_layers``,
            that within each layer and head, averaged over them.
        networks: one row per network: ``network``, ``kind``, ``gate`` (its mode), ``checkpoint`` (sha256, "" when untrained), ``reactions``,
            ``spread`` (mean over conditions) with ``spread_low`` and ``spread_high``, ``spread_in_layers``, ``auroc`` of the gate for central against
            peripheral reactions that consume one molecule, with ``auroc_low`` and ``auroc_high``, how many of each, and ``auroc_produced``, the same
            for reactions that produce one. Intervals: 95%, bootstrap over reactions.
        comparisons: one row per kind of control: ``against``, the subject's spread and AUROC minus the control's (the mean of several),
            with intervals from the same draws.
        replacement: what replacing the gates by their mean does; None when not asked for.
        manifest: versions, hashes, settings.
    """

    metabolite: str
    model: str
    subject: str
    conditions: tuple[str, ...]
    gates: pd.DataFrame
    spread: pd.DataFrame
    networks: pd.DataFrame
    comparisons: pd.DataFrame
    replacement: GateReplacement | None
    manifest: dict[str, Any] = field(repr=False)

    def with_replacement(self, replacement: GateReplacement) -> MetaboliteGateTest:
        """The same with the replacement of gates known."""
        manifest = self.manifest | {"replacement": {k: getattr(replacement, k) for k in ("samples", "draws", "distribution")}}
        return replace(self, replacement=replacement, manifest=manifest)

    @cached_property
    def verdict(self) -> str:
        """What was found, in plain sentences; a null result is said as one."""
        from core.explain.gate_verdict import verdict

        return verdict(self)


@dataclass(frozen=True)
class _Network:
    """A network to ask, and what it is."""

    name: str
    kind: str
    network: ReactionNetwork
    card: Card | None


def metabolite_gate_test(
    model: cobra.Model | ModelTables,
    checkpoint: Networks,
    metabolite: str = "atp_c",
    *,
    controls: Sequence[Checkpoint] = (),
    conditions: Mapping[str, Condition] | None = None,
    untrained: int = UNTRAINED,
    samples: int = 0,
    draws: int = DRAWS,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> MetaboliteGateTest:
    """The gates of a metabolite over all its reactions, against untrained and label-shuffled networks, and central against peripheral.

    An untrained network with one gate per metabolite is added where none of ``controls`` has such gates, to show its spread of zero.

    Args:
        checkpoint: the network that is asked about; of an ensemble, by its name or as the list of its networks, the other seeds are asked too.
        controls: checkpoints to compare with; their cards tell what they are.
        conditions: by name; None is the model's named media, or its own medium where it has none.
        untrained: initialisations of an untrained network of the same configuration.
        samples: conditions for :func:`~core.explain.gate_replacement.replace_gates`; 0 leaves it out.
        draws: of the bootstrap; seed: of the draws, the initialisations (counted up from it) and the sampled conditions.

    Raises:
        InputError: no such metabolite, checkpoint or condition.
        Cancelled: ``should_stop`` said so.
    """
    tables = known_tables(model)
    mine = incidences_of(tables, metabolite)
    chosen = standard_conditions(tables) if conditions is None else dict(conditions)
    (opened, *seeds), others = members(checkpoint), [open_checkpoint(c) for c in controls]
    networks = _networks(opened, seeds, others, untrained, seed, device)
    found: list[np.ndarray] = []
    for number, one in enumerate(networks):
        found.append(np.stack([_gates(one.network, tables, condition, mine, device) for condition in chosen.values()]))
        if on_progress:
            on_progress("gates", number + 1, len(networks))
        if should_stop and should_stop():
            raise Cancelled("The test of gates was stopped.")
    rows = _reactions(tables, mine)
    drawn = Draws(rows, draws, seed)
    scores = [drawn.of(gates.mean((1, 3))) for gates in found]
    table = pd.DataFrame([_row(one, gates, score, drawn) for one, gates, score in zip(networks, found, scores, strict=True)])
    replacement = None
    if samples:
        replacement = replace_gates(
            tables, opened, metabolite, samples=samples, seed=seed, device=device, on_progress=on_progress, should_stop=should_stop
        )
    names = {"metabolite": metabolite, "conditions": {n: _plain(c) for n, c in chosen.items()}, "untrained": untrained, "draws": draws, "seed": seed}
    hashes = {one.name: one.card.weights_sha256 for one in networks if one.card}
    manifest = {
        "key": digest_of(model=tables.key, networks=hashes, **names),
        "gatescope": __version__,
        "torch": torch.__version__,
        "model": {"id": tables.id, "sha256": tables.key},
        "checkpoints": hashes,
        **names,
        "interval": f"{LEVEL:.0%}, percentiles of a bootstrap over reactions",
        "central": role_of.__doc__,
    }
    test = MetaboliteGateTest(
        metabolite,
        tables.id,
        networks[0].name,
        tuple(chosen),
        pd.concat([_gate_rows(one, gates, rows) for one, gates in zip(networks, found, strict=True)], ignore_index=True),
        pd.concat([_spread_rows(one, gates, chosen) for one, gates in zip(networks, found, strict=True)], ignore_index=True),
        table,
        _comparisons(networks, scores),
        None,
        manifest,
    )
    return test if replacement is None else test.with_replacement(replacement)


def gates_over_reactions(found: ReactionImportance, metabolite: str) -> pd.DataFrame:
    """The gate of a metabolite in each of its reactions under one condition, from what was computed of it already.

    Returns:
        Columns reaction, name, coefficient, size, subsystem, role, gate, gate_spread (over layers and heads), and of an ensemble gate_seed_sd.
    """
    rows = incidences_of(found.graph.tables, metabolite)
    table = found.table.iloc[found.graph.tables.cols[rows]]
    incidences = found.incidences.iloc[rows]
    gates = pd.DataFrame(
        {
            "reaction": incidences["reaction"].to_numpy(),
            "name": table["name"].to_numpy(),
            "coefficient": incidences["coefficient"].to_numpy(),
            "size": incidences["coefficient"].abs().to_numpy(),
            "subsystem": table["subsystem"].to_numpy(),
            "role": [role_of(s) for s in table["subsystem"]],
            "gate": incidences["gate"].to_numpy(),
            "gate_spread": incidences["gate_spread"].to_numpy(),
        }
    )
    return gates.assign(gate_seed_sd=incidences["gate_seed_sd"].to_numpy()) if "gate_seed_sd" in incidences else gates


def standard_conditions(tables: ModelTables) -> dict[str, Condition]:
    """The model's named media, or its own medium where it has none, by name."""
    from core.metabolic.media import named_media

    return {name: Condition(medium) for name, medium in named_media(tables).items()} or {"own medium": Condition()}


def controls_of(card: Card) -> list[str]:
    """Shipped networks that serve as controls of another: trained on the same model, on shuffled labels or with one gate per metabolite."""
    shipped = [load_card(name) for name in list_checkpoints(kind="metabolic", controls=True)]
    same = [c for c in shipped if c.content["trained_on"]["model"] == card.content["trained_on"]["model"] and c.weights_sha256 != card.weights_sha256]
    return [c.name for c in same if c.content.get("control") == "shuffled labels" or (c.gate == "metabolite" and card.gate != "metabolite")]


def _networks(
    opened: tuple[ReactionNetwork, Card],
    seeds: Sequence[tuple[ReactionNetwork, Card]],
    others: Sequence[tuple[ReactionNetwork, Card]],
    untrained: int,
    seed: int,
    device: str,
) -> list[_Network]:
    network, card = opened
    found = [_Network(card.name, SHOWN, network, card), *(_Network(described.name, SEED, other, described) for other, described in seeds)]
    for other, described in others:
        shuffled = "shuffled" in str(described.content.get("control", ""))
        kind = METABOLITE if described.gate == "metabolite" else CONTROL if shuffled else TRAINED
        found.append(_Network(described.name, kind, other, described))
    if card.gate != "metabolite" and all(one.kind != METABOLITE for one in found):
        found.append(
            _Network("untrained, one gate per metabolite", METABOLITE, _initial(replace(network.config, gate="metabolite"), seed, device), None)
        )
    for number in range(seed, seed + untrained):
        found.append(_Network(f"untrained, seed {number}", INITIAL, _initial(network.config, number, device), None))
    return found


def _initial(config: NetworkConfig, seed: int, device: str) -> ReactionNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ReactionNetwork(config).eval().requires_grad_(False).to(device)


@torch.no_grad()
def _gates(network: ReactionNetwork, tables: ModelTables, condition: Condition, rows: np.ndarray, device: str) -> np.ndarray:
    """[L, k, H] gates of some incidences under a condition."""
    graph = build_hypergraph(tables, medium=condition.medium, knockouts=condition.knockouts, objective=condition.objective)
    traces = run_network(network, graph, device=device, return_trace=True).traces
    assert traces is not None
    return np.stack([trace.gate[torch.from_numpy(rows).to(device)].cpu().double().numpy() for trace in traces])


def _reactions(tables: ModelTables, rows: np.ndarray) -> pd.DataFrame:
    from core.metabolic.subsystems import assign_subsystems

    subsystems = np.array(assign_subsystems(tables).names, dtype=object)[tables.cols[rows]]
    return pd.DataFrame(
        {
            "reaction": np.array(tables.reactions, dtype=object)[tables.cols[rows]],
            "name": np.array(tables.reaction_names, dtype=object)[tables.cols[rows]],
            "coefficient": tables.stoich[rows],
            "size": np.abs(tables.stoich[rows]),
            "subsystem": subsystems,
            "role": [role_of(s) for s in subsystems],
        }
    )


def _row(one: _Network, gates: np.ndarray, score: Score, drawn: Draws) -> dict[str, Any]:
    spread, auroc = interval(score.spread, score.spreads), interval(score.auroc, score.aurocs)
    return {
        "network": one.name,
        "kind": one.kind,
        "gate": one.network.config.gate,
        "checkpoint": one.card.weights_sha256 if one.card else "",
        "reactions": gates.shape[2],
        **{f"spread{end}": value for end, value in zip(("", "_low", "_high"), spread, strict=True)},
        "spread_in_layers": float(_in_layers(gates).mean()),
        **{f"auroc{end}": value for end, value in zip(("", "_low", "_high"), auroc, strict=True)},
        "auroc_p": score.p_value,
        "central": int(drawn.central[drawn.consumed].sum()),
        "peripheral": int(drawn.peripheral[drawn.consumed].sum()),
        "auroc_produced": drawn.auroc(gates.mean((0, 1, 3)), drawn.produced),
    }


def _in_layers(gates: np.ndarray) -> np.ndarray:
    """[C] spread over reactions within each layer and head of [C, L, k, H] gates, averaged over layers and heads."""
    return (gates - gates[:, :, :1]).std(2).mean((1, 2))


def _gate_rows(one: _Network, gates: np.ndarray, rows: pd.DataFrame) -> pd.DataFrame:
    by_condition, by_layer = gates.mean((1, 3)), gates.mean((0, 3))
    table = rows.assign(gate=by_condition.mean(0), gate_conditions_sd=by_condition.std(0))
    table = table.assign(**{f"layer_{number}": values for number, values in enumerate(by_layer, 1)})
    table.insert(0, "network", one.name)
    table.insert(1, "kind", one.kind)
    return table


def _spread_rows(one: _Network, gates: np.ndarray, conditions: Mapping[str, Condition]) -> pd.DataFrame:
    mean = gates.mean((1, 3))
    spread = (mean - mean[:, :1]).std(1)
    return pd.DataFrame(
        {"network": one.name, "kind": one.kind, "condition": list(conditions), "spread": spread, "spread_in_layers": _in_layers(gates)}
    )


def _comparisons(networks: Sequence[_Network], scores: Sequence[Score]) -> pd.DataFrame:
    subject, rows = scores[0], []
    groups: dict[str, list[Score]] = {}
    for one, score in zip(networks[1:], scores[1:], strict=True):
        if one.kind != SEED:
            groups.setdefault("untrained networks" if one.kind == INITIAL else one.name, []).append(score)
    kinds = {one.name: one.kind for one in networks} | {"untrained networks": INITIAL}
    for name, group in groups.items():
        spread = interval(subject.spread - float(np.mean([s.spread for s in group])), subject.spreads - np.mean([s.spreads for s in group], axis=0))
        auroc = interval(subject.auroc - float(np.mean([s.auroc for s in group])), subject.aurocs - np.mean([s.aurocs for s in group], axis=0))
        row: dict[str, Any] = {"against": name, "kind": kinds[name], "networks": len(group)}
        for what, found in (("spread", spread), ("auroc", auroc)):
            row |= {f"{what}_difference{end}": float(value) for end, value in zip(("", "_low", "_high"), found, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)


def _plain(condition: Condition) -> dict[str, Any]:
    medium = condition.medium
    return {
        "medium": medium if medium is None or isinstance(medium, str) else dict(medium),
        "knockouts": list(condition.knockouts),
        "objective": condition.objective,
    }
