"""Two conditions, two knock-outs or two networks side by side: A, B and A - B of what a network does and of what flux balance analysis finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.errors import InputError
from core.explain.agreement import RESAMPLES, TOP, WORDS, Agreement, agreement
from core.explain.reactions import INSTANT, ReactionImportance, reaction_importance
from core.explain.seed_spread import SeedSpread, seed_spread
from core.metabolic.condition import Condition
from core.metabolic.flux_balance import FLOWING, FbaResult, fba
from core.metabolic.programme import INFEASIBLE, OPTIMAL
from core.metabolic.tables import ModelTables, tables_from_model
from core.models.checkpoint import Card, load_members
from core.models.network import ReactionNetwork
from core.models.prediction import Checkpoint, open_checkpoint
from core.storage import digest_of

if TYPE_CHECKING:
    import cobra

QUANTITIES = ("gate", "message", "attention", "flux_predicted")
"""What is compared of a network, per reaction; per incidence the last is left out."""
SEEDED = ("gate", "flux_predicted")
"""What of it has a spread over seeds; per incidence the gate alone."""
STILL = 1e-6
"""A quantity of the network that changes by less is the same: single precision."""
MOVED = 0.01
"""A gate that changes by at least this counts among the moved ones."""
SURE = 2.0
"""Standard deviations over seeds that a change must exceed to hold over them."""
ALL, UNTOUCHED = "all reactions", "reactions whose own bounds are the same in A and B"

Networks = Checkpoint | list[tuple[ReactionNetwork, Card]]
"""A checkpoint, or the members of an ensemble, the first being the one that is shown."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One condition as a network and its seeds see it.

    Attributes:
        condition: medium, knock-outs, objective.
        found: gates, messages, attention and prediction of the network itself.
        spread: what each seed of its ensemble does, the network itself first; None for a single network.
    """

    condition: Condition
    found: ReactionImportance
    spread: SeedSpread | None = field(default=None, repr=False)

    @property
    def seeds(self) -> int:
        """How many networks there are."""
        return 1 if self.spread is None else self.spread.seeds

    @property
    def growth_sd(self) -> float:
        """Standard deviation of the predicted growth over seeds (1/h), nan for a single network."""
        return float("nan") if self.spread is None else self.spread.growth_sd


@dataclass(frozen=True, eq=False)
class ConditionComparison:
    """A, B and A - B, by name.

    Attributes:
        reactions: one row per reaction. For each of :data:`QUANTITIES`, ``flux_fba`` (parsimonious, mmol/gDW/h) and ``ratio`` (growth after
            the reaction's knock-out over growth without) the columns ``<quantity>_a``, ``<quantity>_b``, ``<quantity>_difference`` (A - B)
            and ``rank_<quantity>`` (1 = moved most, ties share the better rank, none for what did not move); nan where it is not known.
            ``bounds_changed`` tells whether the conditions give the reaction other bounds. Where A's or B's network has several seeds, of each
            of :data:`SEEDED` also ``<quantity>_sd_a`` and ``<quantity>_sd_b`` (ddof 1, nan for a single network); where both have,
            ``<quantity>_difference_mean`` and ``<quantity>_difference_sd``, and ``steady``: whether the gate's mean exceeds :data:`SURE` such
            deviations.
        incidences: one row per incidence with gate, message and attention_log2 in the same way.
        growth: rows A and B, columns predicted, predicted_sd, fba (1/h) and status (of FBA; "" where it was not asked).
        agreements: of every quantity of the network with FBA flux and knock-out ratio, as far as they are known; for the gate also without the
            reactions whose own bounds the conditions set.
        seeds: how many networks the standard deviations are taken over (1: none); moved, steady: how many gates changed by at least
            :data:`MOVED`, and how many of those exceed :data:`SURE` standard deviations of their change over seeds.
        same: A and B are the same condition and network. notes: what the reader should know, one sentence each.
        manifest: versions, hashes, settings, agreement.
        a, b: the two sides.
    """

    reactions: pd.DataFrame
    incidences: pd.DataFrame
    growth: pd.DataFrame
    agreements: tuple[Agreement, ...]
    seeds: int
    moved: int
    steady: int
    same: bool
    notes: tuple[str, ...]
    manifest: dict[str, Any]
    a: Seen = field(repr=False)
    b: Seen = field(repr=False)

    def by_subsystem(self) -> pd.DataFrame:
        """Mean gate of each subsystem's reactions, by its name ("" for none): gate_a, gate_b, gate_difference and, of ensembles, their spread."""
        groups = self.reactions["subsystem"].to_numpy()
        table = self.reactions[["gate_a", "gate_b", "gate_difference"]].groupby(groups).mean()
        sides = (None if one.spread is None else one.spread.gate for one in (self.a, self.b))
        first, second = (None if side is None else pd.DataFrame(side.T).groupby(groups).mean().T.to_numpy() for side in sides)
        _spreads(table, "gate", first, second, paired=_weights(self.a) == _weights(self.b))
        return table

    @property
    def headline(self) -> Agreement | None:
        """Gate against FBA flux over all reactions; None without fluxes."""
        return next((one for one in self.agreements if (one.quantity, one.truth, one.population) == ("gate", "flux_fba", ALL)), None)

    @property
    def agreement_table(self) -> pd.DataFrame:
        """One row per agreement, with its sentence."""
        return pd.DataFrame([{**asdict(one), "sentence": one.sentence} for one in self.agreements])


def observe(model: cobra.Model | ModelTables, networks: Networks, condition: Condition, *, device: str = "cpu") -> Seen:
    """What a network and the other seeds of its ensemble do on a model under a condition: one forward pass each.

    Raises:
        InputError: the checkpoint, the medium, a knock-out or the objective is unknown.
    """
    tables = model if isinstance(model, ModelTables) else tables_from_model(model)
    given: dict[str, Any] = {"medium": condition.medium, "knockouts": condition.knockouts, "objective": condition.objective}
    every = [(network.to(device), card) for network, card in members(networks)]
    found = reaction_importance(tables, every[0], methods=INSTANT, device=device, **given)
    return Seen(condition, found, seed_spread(every, found.graph, device=device) if len(every) > 1 else None)


def members(networks: Networks) -> list[tuple[ReactionNetwork, Card]]:
    """The networks of an ensemble, the shown one first."""
    if isinstance(networks, (str, Path)):
        return [open_checkpoint(networks), *load_members(networks)[1:]]
    return [networks] if isinstance(networks, tuple) else networks


def compare(
    model: cobra.Model | ModelTables,
    checkpoint_a: Networks,
    condition_a: Condition,
    checkpoint_b: Networks,
    condition_b: Condition,
    *,
    solved: tuple[FbaResult, FbaResult] | None = None,
    knockouts: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    top: int = TOP,
    resamples: int = RESAMPLES,
    seed: int = 0,
    device: str = "cpu",
) -> ConditionComparison:
    """Compares what networks do on a model under two conditions, and how that goes with flux balance analysis.

    Args:
        solved: parsimonious FBA of A and of B, computed when not given.
        knockouts: :func:`core.metabolic.knockout_growth` of A and of B, for the essentiality.
        top, resamples, seed: of the agreement, see :func:`core.explain.agreement.agreement`.

    Raises:
        InputError: a checkpoint, a medium, a knock-out or the objective is unknown.
    """
    tables = model if isinstance(model, ModelTables) else tables_from_model(model)
    a, b = observe(tables, checkpoint_a, condition_a, device=device), observe(tables, checkpoint_b, condition_b, device=device)
    if solved is None:
        first, second = (
            fba(tables, medium=c.medium, knockouts=c.knockouts, objective=c.objective, parsimonious=True) for c in (condition_a, condition_b)
        )
        solved = (first, second)
    return compare_seen(a, b, solved=solved, knockouts=knockouts, top=top, resamples=resamples, seed=seed)


def compare_seen(
    a: Seen,
    b: Seen,
    *,
    solved: tuple[FbaResult, FbaResult] | None = None,
    knockouts: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    top: int = TOP,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> ConditionComparison:
    """:func:`compare` of two conditions that were observed already, on one model.

    Raises:
        InputError: they are of different models.
    """
    if a.found.graph.tables.key != b.found.graph.tables.key:
        raise InputError("A and B are of different models; compare two conditions or two networks on one model.")
    table, incidences = a.found.table[["reaction", "name", "subsystem", "equation", "gpr"]].copy(), a.found.incidences.iloc[:, :3].copy()
    bounds = [one.found.graph.bounds for one in (a, b)]
    table["bounds_changed"] = (bounds[0].lower != bounds[1].lower) | (bounds[0].upper != bounds[1].upper)
    for name in QUANTITIES:
        _beside(table, name, STILL, *(one.found.table[name].to_numpy(dtype=float) for one in (a, b)))
    for name in ("gate", "message", "attention_log2"):
        _beside(incidences, name, STILL, *(one.found.incidences[name].to_numpy(dtype=float) for one in (a, b)))
    seeds = _over_seeds(table, incidences, a, b)
    if solved is not None:
        _beside(table, "flux_fba", FLOWING, *(one.fluxes.reindex(table["reaction"]).to_numpy(dtype=float) for one in solved))
    if knockouts is not None:
        _beside(table, "ratio", STILL, *(_ratios(one, table["reaction"]) for one in knockouts))
    moved = table["gate_difference"].abs() >= MOVED
    found = _agreements(table, top, resamples, seed)
    same = _weights(a) == _weights(b) and all(
        np.array_equal(getattr(bounds[0], name), getattr(bounds[1], name)) for name in ("lower", "upper", "objective", "knocked_out")
    )
    notes = _notes(same, solved, knockouts)
    settings = {"top": top, "resamples": resamples, "seed": seed}
    return ConditionComparison(
        table,
        incidences,
        _growth(a, b, solved),
        found,
        seeds,
        int(moved.sum()),
        int((moved & table["steady"]).sum()) if seeds > 1 else 0,
        same,
        notes,
        _manifest(a, b, solved, knockouts is not None, settings, found, notes, seeds),
        a,
        b,
    )


def _beside(table: pd.DataFrame, name: str, still: float, a: np.ndarray, b: np.ndarray) -> None:
    """Adds A, B, A - B (0 below ``still``) and the rank of its size, columns named for the quantity."""
    difference = a - b
    difference[np.abs(difference) < still] = 0.0
    table[f"{name}_a"], table[f"{name}_b"], table[f"{name}_difference"] = a, b, difference
    size = table[f"{name}_difference"].abs()
    table[f"rank_{name}"] = size.where(size > 0).rank(ascending=False, method="min").astype("Int64")


def _over_seeds(table: pd.DataFrame, incidences: pd.DataFrame, a: Seen, b: Seen) -> int:
    """Adds the spread over seeds where a side has several; over how many that of A - B is taken, 1 where it has none.

    Seeds of one ensemble are paired, so that what a seed does in both conditions cancels; two networks' seeds are independent.
    """
    seeds = min(a.seeds, b.seeds)
    for added, quantity, values in ((table, "gate", "gate"), (table, "flux_predicted", "flux"), (incidences, "gate", "incidence_gate")):
        first, second = (None if one.spread is None else getattr(one.spread, values) for one in (a, b))
        _spreads(added, quantity, first, second, paired=_weights(a) == _weights(b))
    if seeds > 1:
        table["steady"] = table["gate_difference_mean"].abs() > SURE * table["gate_difference_sd"]
    return seeds


def _spreads(table: pd.DataFrame, quantity: str, a: np.ndarray | None, b: np.ndarray | None, *, paired: bool) -> None:
    """Adds the standard deviations over seeds of A and B, [S, rows] each or None for a single network, and mean and spread of A - B."""
    if a is None and b is None:
        return
    for name, side in (("a", a), ("b", b)):
        table[f"{quantity}_sd_{name}"] = np.nan if side is None else side.std(axis=0, ddof=1)
    if a is not None and b is not None:
        apart = np.hypot(table[f"{quantity}_sd_a"], table[f"{quantity}_sd_b"])
        table[f"{quantity}_difference_mean"] = a.mean(axis=0) - b.mean(axis=0)
        table[f"{quantity}_difference_sd"] = (a - b).std(axis=0, ddof=1) if paired else apart


def _ratios(knockouts: pd.DataFrame, reactions: pd.Series) -> np.ndarray:
    """[E] growth ratios; a knock-out without any feasible flux distribution grows 0, where the cell grows without it."""
    found = knockouts.set_index("reaction")
    grows = bool(found["ratio"].notna().any())
    ratio = found["ratio"].mask((found["status"] == INFEASIBLE) & grows, 0.0)
    return ratio.reindex(reactions).to_numpy(dtype=float)


def _agreements(table: pd.DataFrame, top: int, resamples: int, seed: int) -> tuple[Agreement, ...]:
    changed = {name: table[f"{name}_difference"].to_numpy(dtype=float) for name in WORDS if f"{name}_difference" in table}
    untouched = ~table["bounds_changed"].to_numpy(dtype=bool)
    populations = [(ALL, np.ones(len(table), dtype=bool))]
    populations += [(UNTOUCHED, untouched)] if 0 < untouched.sum() < len(table) else []
    return tuple(
        agreement(changed[name][rows], changed[truth][rows], quantity=name, of=truth, population=words, top=top, resamples=resamples, seed=seed)
        for truth in ("flux_fba", "ratio")
        if truth in changed and not np.isnan(changed[truth]).all()
        for name in QUANTITIES
        for words, rows in (populations if name == "gate" else populations[:1])
        if not np.isnan(changed[name]).all()
    )


def _growth(a: Seen, b: Seen, solved: tuple[FbaResult, FbaResult] | None) -> pd.DataFrame:
    rows = {
        "predicted": [one.found.prediction for one in (a, b)],
        "predicted_sd": [one.growth_sd for one in (a, b)],
        "fba": [np.nan, np.nan] if solved is None else [one.growth for one in solved],
        "status": ["", ""] if solved is None else [one.status for one in solved],
    }
    return pd.DataFrame(rows, index=pd.Index(["A", "B"], name="condition"))


def _notes(same: bool, solved: tuple[FbaResult, FbaResult] | None, knockouts: tuple[pd.DataFrame, pd.DataFrame] | None) -> tuple[str, ...]:
    notes = ["A and B are the same condition and the same network, so every difference is zero; change one of them."] if same else []
    for name, one in zip("AB", solved or (), strict=False):
        if one.status != OPTIMAL:
            notes.append(f"FBA finds no flux distribution in {name} ({one.status}), so fluxes cannot be compared; gates can.")
    for name, table in zip("AB", knockouts or (), strict=False):
        if table["ratio"].isna().all():
            notes.append(f"Nothing grows in {name}, so no reaction can be called essential there.")
    return tuple(notes)


def _weights(one: Seen) -> str:
    return str(one.found.manifest["checkpoint"]["sha256"])


def _manifest(
    a: Seen,
    b: Seen,
    solved: tuple[FbaResult, FbaResult] | None,
    essentiality: bool,
    settings: dict[str, int],
    found: tuple[Agreement, ...],
    notes: tuple[str, ...],
    seeds: int,
) -> dict[str, Any]:
    sides = {
        name: {key: one.found.manifest[key] for key in ("condition", "checkpoint", "predicted_growth")}
        | ({} if flux is None else {"fba": {"growth": flux.growth if flux.status == OPTIMAL else None, "status": flux.status, "fluxes": flux.method}})
        for name, one, flux in zip("AB", (a, b), solved or (None, None), strict=True)
    }
    keys = {f"{name}_{what}": sides[name][what]["sha256"] for name in "AB" for what in ("condition", "checkpoint")}
    return {
        "key": digest_of(**keys, settings=settings, seeds=seeds, fba=solved is not None, essentiality=essentiality),
        **{key: a.found.manifest[key] for key in ("gatescope", "versions", "model", "device")},
        **sides,
        "seeds": seeds,
        "settings": settings,
        "agreement": [{name: None if value != value else value for name, value in asdict(one).items()} | {"sentence": one.sentence} for one in found],
        "notes": list(notes),
    }
