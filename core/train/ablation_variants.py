"""The choices the ablation compares, and the budget that each of them gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from core.errors import InputError

Kind = Literal["gated", "primal_dual", "hypergraph", "bipartite", "bounds", "boosting"]
REFERENCE = "incidence"
"""The shipped choice, which every other differs from in one."""


@dataclass(frozen=True)
class Variant:
    """One choice.

    Attributes:
        name: in folders and tables; title: for people; group: its section of the table.
        kind: which network; "gated" is the :class:`~core.models.network.ReactionNetwork`.
        network, training: what differs from the reference: settings of the network, and of the :class:`~core.train.metabolic.TrainConfig`.
        seeds: how many it gets at most.
    """

    name: str
    title: str
    group: str
    kind: Kind = "gated"
    network: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 3


@dataclass(frozen=True)
class Budget:
    """What every variant gets; ``epochs`` passes over ``samples`` in batches of ``batch`` are its steps."""

    name: str = "full"
    model: str = "e_coli_core"
    samples: int = 3_000
    validation: int = 300
    test: int = 1_000
    held_out: int = 300
    epochs: int = 12
    batch: int = 32
    learning_rate: float = 2e-3
    average: float = 0.995
    data_seed: int = 40
    hidden: int = 32
    heads: int = 2
    layers: int = 6

    @property
    def steps(self) -> int:
        """Optimizer steps of one training."""
        return self.samples // self.batch * self.epochs


FULL = Budget()
QUICK = Budget("quick", samples=640, validation=100, test=300, held_out=0, epochs=30, learning_rate=5e-3, hidden=16, layers=4)
"""A minute or two of work: enough for the networks to have learned something, too little to tell much about them."""
QUICK_VARIANTS, QUICK_SEEDS = ("none", "incidence", "mlp"), 2

VARIANTS = (
    Variant("incidence", "gate per incidence (the shipped choice)", "Gate", seeds=5),
    Variant("metabolite", "gate per metabolite", "Gate", network={"gate": "metabolite"}, seeds=5),
    Variant("none", "no gate", "Gate", network={"gate": "none"}, seeds=5),
    Variant("relu", "ReLU", "Activation", network={"activation": "relu"}, seeds=5),
    Variant("leaky_relu", "LeakyReLU", "Activation", network={"activation": "leaky_relu"}, seeds=5),
    Variant("tanh", "tanh", "Activation", network={"activation": "tanh"}, seeds=5),
    Variant("identity", "no activation", "Activation", network={"activation": "identity"}, seeds=5),
    Variant("linear", "messages weighed by |s|", "Messages", network={"magnitude": "linear"}),
    Variant("log1p", "messages weighed by ln(1 + |s|)", "Messages", network={"magnitude": "log1p"}),
    Variant("count", "normalised by count", "Messages", network={"normalization": "count"}),
    Variant("unnormalised", "not normalised", "Messages", network={"normalization": "none"}),
    Variant("no-attention", "no attention", "Messages", network={"attention": None}),
    Variant("no-messages", "no messages at all", "Messages", network={"layers": 0}),
    Variant("tied", "6 layers of one set of weights", "Depth", network={"tied": True}),
    Variant("tied-12", "12 layers of one set of weights", "Depth", network={"tied": True, "layers": 12}),
    Variant("sparse-0.01", "gate sparsity, weight 0.01", "Penalties", training={"gate_sparsity": 0.01}),
    Variant("sparse-0.1", "gate sparsity, weight 0.1", "Penalties", training={"gate_sparsity": 0.1}),
    Variant("steady", "steady-state penalty, weight 0.3", "Penalties", training={"steady_state": 0.3}),
    Variant("primal-dual", "16 primal-dual iterations", "Other networks", "primal_dual", network={"iterations": 16}),
    Variant("primal-dual-ungated", "16 primal-dual iterations, no gate", "Other networks", "primal_dual", network={"iterations": 16, "gate": "none"}),
    Variant("hypergraph-conv", "PyG HypergraphConv", "Other networks", "hypergraph"),
    Variant("gcn", "PyG GCNConv on the bipartite graph", "Other networks", "bipartite"),
    Variant("mlp", "plain network on the bounds", "Other networks", "bounds", seeds=5),
    Variant("boosting", "gradient boosting on the bounds", "Other networks", "boosting", seeds=1),
)


def variants(names: Sequence[str] | None = None) -> list[Variant]:
    """Those of the given names, all by default.

    Raises:
        InputError: there is no such variant.
    """
    known = {variant.name: variant for variant in VARIANTS}
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise InputError(f"There is no variant {unknown[0]!r}; choose of {', '.join(known)}.")
    return [variant for variant in VARIANTS if names is None or variant.name in names]


def jobs_of(chosen: Sequence[Variant], seeds: int) -> list[tuple[Variant, int]]:
    """Every pair of variant and seed, all variants of a seed before the next, so that a grid that was stopped can be compared."""
    return [(variant, seed) for seed in range(seeds) for variant in chosen if seed < variant.seeds]
