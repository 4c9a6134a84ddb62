"""Five tests of gates: do their values matter to the prediction, and do they rank what an intervention ranks?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.errors import Cancelled
from core.explain.faithfulness import alike
from core.explain.masked import EPS, Masked, Stop
from core.explain.metabolic_masks import Network, asker_of, runner_of
from core.explain.seed_spread import seed_spread
from core.explain.trial import WORDS
from core.metabolic.hypergraph import MetabolicHypergraph

PERMUTATIONS = 100
KEPT = 0.2
"""Share of incidences, those with the widest gates, that are kept in the fourth test."""
CLOSED, OPEN = 0.05, 0.95
MATTERS = 0.01
"""Share of F1 - F0 from which a change of the prediction counts."""
Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class GateTests:
    """What the gates of a network with its other parts held do to a target.

    Attributes:
        mean_change: |F with every layer's and head's gates at their mean - F| / |F1 - F0|.
        permuted_change, permuted_sd: mean and standard deviation of the same over permutations of the gates among incidences.
        correlations: Spearman's correlation of a reaction's mean gate with other quantities, by their name.
        kept_agreement: Spearman's correlation of the widest gates with themselves when only their incidences are kept.
        kept_effect, random_effect: (F of those alone - F0) / (F1 - F0), and the mean of as many random incidences.
        seeds_spearman: mean over pairs of seeds of the correlation of their incidence gates; nan for a single seed. seeds: how many.
        closed, open: shares of gates below :data:`CLOSED` and above :data:`OPEN`.
    """

    mean_change: float
    permuted_change: float
    permuted_sd: float
    correlations: dict[str, float]
    kept_agreement: float
    kept_effect: float
    random_effect: float
    seeds_spearman: float
    seeds: int
    closed: float
    open: float

    @property
    def matter(self) -> bool:
        """Whether the prediction changes when the gates of different incidences are exchanged."""
        return self.permuted_change > MATTERS

    @property
    def table(self) -> pd.DataFrame:
        """One row a test: ``test``, ``result``, ``reading``."""
        rows = [
            (
                "every gate replaced by its layer's mean",
                f"{self.mean_change:.1%} of the effect",
                "their differences matter" if self.mean_change > MATTERS else "their differences do not matter",
            ),
            (
                f"gates permuted among incidences, {PERMUTATIONS} times",
                f"{self.permuted_change:.1%} ± {self.permuted_sd:.1%} of the effect",
                "it matters which incidence has which gate" if self.matter else "it does not matter which incidence has which gate",
            ),
            *((f"rank correlation with {WORDS.get(name, name)}", f"{value:.2f}", _strength(value)) for name, value in self.correlations.items()),
            (
                f"only the {KEPT:.0%} widest gates kept",
                f"{self.kept_effect:.0%} of the effect (as many random incidences {self.random_effect:.0%}); "
                f"gates agree with themselves, {self.kept_agreement:.2f}",
                "they carry more than random ones" if self.kept_effect > self.random_effect + MATTERS else "they carry no more than random ones",
            ),
            (
                f"rank correlation between {self.seeds} seeds",
                "one seed" if self.seeds < 2 else f"{self.seeds_spearman:.2f}",
                "cannot be told" if self.seeds < 2 else _strength(self.seeds_spearman),
            ),
            ("closed and open gates", f"{self.closed:.0%} below {CLOSED}, {self.open:.0%} above {OPEN}", _used(self.closed + self.open)),
        ]
        return pd.DataFrame(rows, columns=["test", "result", "reading"])


def gate_tests(
    masked: Masked,
    network: Network,
    graph: MetabolicHypergraph,
    *,
    target: str,
    beside: Mapping[str, pd.Series],
    seeds: Sequence[Network] = (),
    seed: int = 0,
    told: Told | None = None,
    should_stop: Stop | None = None,
) -> GateTests | None:
    """The tests, on one condition; None for a network without gates.

    Args:
        masked: the function of incidences with live gates, of this network and target. beside: rankings of reactions, "gate" among them.
        seeds: the other networks of its ensemble. seed: of permutations and random incidences.

    Raises:
        Cancelled: ``should_stop`` said so.
    """
    opened, _ = network
    if opened.config.gate == "none":
        return None
    run, ask = runner_of(opened, graph, masked.device, masked.dtype), asker_of(opened, graph, target, masked.device, masked.dtype)
    whole, empty = masked.ends
    scale = max(abs(whole - empty), EPS)
    with torch.no_grad():
        gates = _gates(run)
    held = read_of(ask, gates)
    count, rng = len(graph.stoich), np.random.default_rng(seed)
    flat = [gate.mean(0, keepdim=True).expand_as(gate) for gate in gates]
    changes = []
    for start in range(0, PERMUTATIONS, masked.rows):
        if should_stop and should_stop():
            raise Cancelled("The trial was stopped.")
        orders = [torch.from_numpy(rng.permutation(count)).to(masked.device) for _ in range(min(masked.rows, PERMUTATIONS - start))]
        changes += read_of(ask, [torch.stack([gate[order] for order in orders]) for gate in gates]).tolist()
        if told:
            told(len(changes), PERMUTATIONS)
    permuted = np.abs(np.array(changes) - float(held)) / scale
    own = torch.stack(gates).mean((0, -1)).cpu().double().numpy()
    top = np.argsort(-own, kind="stable")[: max(1, round(KEPT * count))]
    kept = np.zeros((1, count), dtype=np.float32)
    kept[0, top] = 1.0
    with torch.no_grad():
        again = torch.stack(_gates(run, mask=torch.from_numpy(kept[0]).to(masked.device, masked.dtype))).mean((0, -1))
    random = np.zeros((20, count), dtype=np.float32)
    for row in random:
        row[rng.choice(count, size=len(top), replace=False)] = 1.0
    effects = (masked.of(np.concatenate([kept, random]), should_stop=should_stop) - empty) / (whole - empty if abs(whole - empty) > EPS else EPS)
    spread = seed_spread([network, *seeds], graph, device=masked.device).incidence_gate
    pairs = [alike(a, b).spearman for a, b in combinations(spread, 2)]
    values = torch.stack(gates)
    gate = beside["gate"]
    return GateTests(
        float(abs(read_of(ask, flat) - held)) / scale,
        float(permuted.mean()),
        float(permuted.std(ddof=1)),
        {name: alike(*_together(gate, one)).spearman for name, one in beside.items() if name != "gate"},
        alike(own[top], again.cpu().double().numpy()[top]).spearman,
        float(effects[0]),
        float(effects[1:].mean()),
        float(np.mean(pairs)) if pairs else float("nan"),
        1 + len(seeds),
        float((values < CLOSED).double().mean()),
        float((values > OPEN).double().mean()),
    )


@torch.no_grad()
def read_of(ask: Callable[..., Tensor], gates: list[Tensor]) -> Tensor:
    """The target with given gates."""
    return ask(gate_override=gates)


def _gates(run: Callable[..., Any], **given: Any) -> list[Tensor]:
    traces = run(return_trace=True, **given).traces
    return [trace.gate for trace in traces]


def _together(first: pd.Series, second: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    return first.to_numpy(dtype=float), second.reindex(first.index).to_numpy(dtype=float)


def _strength(value: float) -> str:
    if not np.isfinite(value):
        return "cannot be told"
    return "strong" if abs(value) > 0.6 else "weak" if abs(value) > 0.2 else "none"


def _used(share: float) -> str:
    return (
        "gates are used as switches" if share > 0.5 else "gates are used as weights, not as switches" if share < 0.05 else "some gates are switches"
    )
