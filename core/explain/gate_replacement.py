"""What a network's predictions lose when the gates of one metabolite are replaced by their mean, beside as many random other gates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from core.errors import Cancelled, InputError
from core.metabolic.condition import ConditionBounds, as_networks_read
from core.metabolic.features import metabolite_features, reaction_features
from core.metabolic.programme import OPTIMAL, FluxProgramme
from core.metabolic.tables import ModelTables, known_tables
from core.models.checkpoint import Card
from core.models.network import NetworkOutput, ReactionNetwork
from core.models.prediction import Checkpoint, open_checkpoint
from core.storage import digest_of
from core.train.conditions import DISTRIBUTION, bounds_of, sample_conditions
from core.train.metrics import r2

if TYPE_CHECKING:
    import cobra

SAMPLES, DRAWS = 64, 10
TRACED = 12_000_000
"""Numbers of one layer's messages held at once: conditions are run together up to this."""
TOGETHER = 16
"""Conditions run together at most, so that progress is told and a stop is heard in between."""
SAME = 1e-4
"""A growth or a share of flux that changes by less is the same: single precision."""
RARE = 0.1
"""A change that fewer of the random draws reach than this is more than theirs; one that all but as few reach is less."""
KEPT, MINE, RANDOM = "nothing replaced", "the metabolite's gates", "random other gates"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class GateReplacement:
    """Gates replaced by their mean, over sampled conditions.

    Attributes:
        table: one row per set of gates: ``replaced`` (:data:`KEPT`, :data:`MINE`, or :data:`RANDOM`, one row per draw), ``incidences``
            (how many), ``growth_r2`` against FBA, ``growth_change`` (mean |change| of the predicted growth, 1/h), ``growth_change_largest``
            and ``flux_change`` (sum of |change| over sum of |flux| of all predicted fluxes).
        metabolite: its id. samples, draws: conditions, and draws of random incidences. distribution: of the conditions.
    """

    table: pd.DataFrame
    metabolite: str
    samples: int
    draws: int
    distribution: str

    @property
    def sentence(self) -> str:
        """What the replacement did, in plain words."""
        mine, kept = (self.table[self.table["replaced"] == what].iloc[0] for what in (MINE, KEPT))
        random = self.table[self.table["replaced"] == RANDOM]
        what = f"Replacing the {int(mine['incidences'])} gates of {self.metabolite} by their mean"
        if mine["growth_change"] < SAME and mine["flux_change"] < SAME:
            return f"{what} changes nothing the network predicts over {self.samples} sampled conditions: it does not use their differences."
        beyond = int((random["growth_change"] >= mine["growth_change"]).sum())
        matter = "more than" if beyond <= RARE * len(random) else "less than" if beyond >= (1 - RARE) * len(random) else "about as much as"
        return (
            f"{what} changes the predicted growth by {mine['growth_change']:.4f} 1/h on average over {self.samples} sampled conditions "
            f"(R2 against FBA {kept['growth_r2']:.3f} before, {mine['growth_r2']:.3f} after) and {mine['flux_change']:.1%} of the predicted flux; "
            f"as many random other gates change {random['growth_change'].mean():.4f} 1/h and {random['flux_change'].mean():.1%}, growth at least as "
            f"much in {beyond} of {len(random)} draws: to growth these differences matter {matter} those between gates at random."
        )


def replace_gates(
    model: cobra.Model | ModelTables,
    checkpoint: Checkpoint,
    metabolite: str = "atp_c",
    *,
    samples: int = SAMPLES,
    draws: int = DRAWS,
    seed: int = 0,
    device: str = "cpu",
    on_progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> GateReplacement:
    """Replaces the gates of a metabolite's incidences by their mean and predicts again.

    The mean is taken over the metabolite's reactions within each condition, layer and head: what a gate of the metabolite would be that is
    the same in all its reactions. Every other gate is held at the value it had. Random other incidences, as many, are replaced by their
    own mean in the same way (they are of different metabolites, so that their gates differ for more reasons).

    Args:
        samples: conditions, drawn from the distribution the network was trained on; draws: of random other incidences; seed: of both.
        on_progress: called with (what, conditions done, conditions in all).

    Raises:
        InputError: no such metabolite or checkpoint, or a model on which no condition can be sampled.
        Cancelled: ``should_stop`` said so.
    """
    network, card = open_checkpoint(checkpoint)
    tables = known_tables(model)
    mine = incidences_of(tables, metabolite)
    distribution, split = distribution_of(card)
    conditions = [bounds_of(tables, c) for c in sample_conditions(tables, samples, seed, distribution=distribution, split=split)]
    sets = [mine, *_random_others(tables, mine, draws, seed)]
    truth, programme = np.zeros(samples), FluxProgramme(tables)
    growth, moved, flowing = np.zeros((len(sets) + 1, samples)), np.zeros((len(sets), samples)), np.zeros(samples)
    at_once = min(TOGETHER, max(1, TRACED // max(1, len(tables.stoich) * network.config.hidden)))
    for start in range(0, samples, at_once):
        rows = slice(start, min(start + at_once, samples))
        for n in range(rows.start, rows.stop):
            found = programme.maximise(conditions[n].lower, conditions[n].upper, conditions[n].objective)
            truth[n] = found.value if found.status == OPTIMAL else 0.0
        first: NetworkOutput | None = None
        for number, out in enumerate(_predictions(network, tables, conditions[rows], sets, device)):
            growth[number, rows] = out.growth.cpu().double().numpy()
            if first is None:
                first = out
                flowing[rows] = first.flux.abs().sum(-1).cpu().double().numpy()
            else:
                moved[number - 1, rows] = (out.flux - first.flux).abs().sum(-1).cpu().double().numpy()
            if should_stop and should_stop():
                raise Cancelled("The replacement of gates was stopped.")
        if on_progress:
            on_progress("replacing gates by their mean", rows.stop, samples)
    return GateReplacement(_table(sets, truth, growth, moved, flowing), metabolite, samples, len(sets) - 1, distribution)


def incidences_of(tables: ModelTables, metabolite: str) -> np.ndarray:
    """Rows of a metabolite's incidences.

    Raises:
        InputError: the model does not have it.
    """
    index = tables.metabolite_index()
    if metabolite not in index:
        raise InputError(f"{tables.id} has no metabolite {metabolite!r}; choose an id of the model, such as {tables.metabolites[0]}.")
    return np.flatnonzero(tables.rows == index[metabolite])


def replacement_key(tables: ModelTables, weights: str, metabolite: str, samples: int = SAMPLES, draws: int = DRAWS, seed: int = 0) -> str:
    """sha256 of what a replacement follows from."""
    return digest_of(model=tables.key, checkpoint=weights, metabolite=metabolite, samples=samples, draws=draws, seed=seed, what="gate replacement 2")


def distribution_of(card: Card) -> tuple[str, str]:
    """Distribution and split of a network's training."""
    content = card.content
    return str(content.get("data", {}).get("distribution", DISTRIBUTION)), str(content.get("training", {}).get("split", "all"))


def _random_others(tables: ModelTables, mine: np.ndarray, draws: int, seed: int) -> list[np.ndarray]:
    others = np.setdiff1d(np.arange(len(tables.stoich)), mine)
    rng = np.random.default_rng(seed)
    return [np.sort(rng.choice(others, size=min(len(mine), len(others)), replace=False)) for _ in range(draws if len(others) else 0)]


@torch.no_grad()
def growth_of(
    network: ReactionNetwork,
    tables: ModelTables,
    conditions: list[ConditionBounds],
    *,
    device: str = "cpu",
    should_stop: Callable[[], bool] | None = None,
) -> np.ndarray:
    """[N] predicted growth (1/h) under conditions.

    Raises:
        Cancelled: ``should_stop`` said so.
    """
    growth: list[float] = []
    for start in range(0, len(conditions), TOGETHER):
        if should_stop and should_stop():
            raise Cancelled("The prediction of sampled conditions was stopped.")
        inputs, given = _inputs(tables, conditions[start : start + TOGETHER], device)
        growth += network(*inputs, **given).growth.cpu().double().tolist()
    return np.array(growth)


@torch.no_grad()
def _predictions(
    network: ReactionNetwork, tables: ModelTables, conditions: list[ConditionBounds], sets: list[np.ndarray], device: str
) -> Iterator[NetworkOutput]:
    """The prediction for some conditions as it is, then with each set of gates replaced."""
    inputs, given = _inputs(tables, conditions, device)
    out = network(*inputs, return_trace=True, **given)
    assert out.traces is not None
    gates = [trace.gate.expand(len(conditions), -1, -1) for trace in out.traces]
    yield out._replace(traces=None)
    for rows in sets:
        yield network(*inputs, gate_override=[_flattened(gate, torch.from_numpy(rows).to(device)) for gate in gates], **given)


def _inputs(tables: ModelTables, conditions: list[ConditionBounds], device: str) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """What a network is called with for several conditions at once."""
    bounds = ConditionBounds(*(np.stack([getattr(c, name) for c in conditions]) for name in ("lower", "upper", "objective", "knocked_out", "uptake")))
    bounds = as_networks_read(tables, bounds)
    x, u = (torch.from_numpy(values).to(device) for values in (metabolite_features(tables, bounds), reaction_features(tables, bounds)))
    index = torch.stack([torch.from_numpy(tables.rows), torch.from_numpy(tables.cols)]).to(device)
    given = {name: torch.from_numpy(getattr(bounds, name)).float().to(device) for name in ("lower", "upper", "objective")}
    return (x, u, index, torch.from_numpy(tables.stoich).float().to(device)), given


def _flattened(gate: Tensor, rows: Tensor) -> Tensor:
    """[B, K, H] gates with those of some incidences replaced by their mean over these incidences."""
    replaced = gate.clone()
    replaced[:, rows] = gate[:, rows].mean(1, keepdim=True)
    return replaced


def _table(sets: list[np.ndarray], truth: np.ndarray, growth: np.ndarray, moved: np.ndarray, flowing: np.ndarray) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {"replaced": KEPT, "incidences": 0, "growth_r2": r2(truth, growth[0]), "growth_change": 0.0, "growth_change_largest": 0.0, "flux_change": 0.0}
    ]
    for number, one in enumerate(sets):
        change = np.abs(growth[number + 1] - growth[0])
        rows.append(
            {
                "replaced": RANDOM if number else MINE,
                "incidences": len(one),
                "growth_r2": r2(truth, growth[number + 1]),
                "growth_change": float(change.mean()),
                "growth_change_largest": float(change.max()),
                "flux_change": float(moved[number].sum() / flowing.sum()) if flowing.sum() > 0 else 0.0,
            }
        )
    return pd.DataFrame(rows)
