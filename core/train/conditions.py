"""Random growth conditions for training and for quoting figures, and their truth by flux balance analysis.

Two distributions, each fixed by its name: ``core-conditions-v1`` (few carbon sources, oxygen, reactions knocked out) and ``genome-conditions-v1``
(carbon, nitrogen and oxygen sources, genes knocked out, each biomass objective a model has). What is held out is fixed by the ids alone, before
anything is drawn: about a fifth of the carbon sources and of the genes (of the reactions, where reactions are knocked out); :func:`kept_back` names
them. Models with few have few: E. coli core has one such carbon source, pyruvate.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from core.errors import InputError
from core.metabolic.condition import ConditionBounds, apply_condition, own_medium, uptake_side
from core.metabolic.flux_balance import NO_GROWTH
from core.metabolic.media import CARBON, TRACE, carbon_exchanges, find_exchange
from core.metabolic.programme import OPTIMAL, FluxProgramme
from core.metabolic.tables import ModelTables

DISTRIBUTION = "core-conditions-v1"
GENOME = "genome-conditions-v1"
DISTRIBUTIONS = (DISTRIBUTION, GENOME)

SPLITS = ("all", "seen", "nutrient", "gene", "both")
"""``all``: everything may occur. ``seen``: no held-out nutrient or gene, what a network that is asked about the others is trained on. ``nutrient``:
at least one held-out carbon source, no held-out gene. ``gene``: the other way round. ``both``: at least one of each."""

HELD_OUT = 5
"""One id in this many is held out."""
KNOCKOUTS = (0.4, 0.3, 0.2, 0.1)
"""Probability of 0, 1, 2 and 3 genes knocked out in :data:`GENOME`."""
OTHER_OBJECTIVE = 0.15
"""How often :data:`GENOME` aims at another biomass reaction than the model's own, where it has one."""
BIOMASS_PARTS = 15
"""A biomass reaction joins at least this many metabolites."""


@dataclass(frozen=True)
class SampledCondition:
    """One draw: uptake bounds (mmol/gDW/h) that replace the medium, reactions or genes knocked out, the objective (None: the model's own)."""

    medium: dict[str, float]
    knockouts: tuple[str, ...]
    objective: str | None = None


class _Pool(NamedTuple):
    """What may be drawn freely, and what a held-out split draws at least one of."""

    free: list[str]
    asked: list[str]

    def draw(self, rng: np.random.Generator, count: int | np.integer) -> list[str]:
        """``count`` different ids, in the order drawn; one of them from ``asked`` where there is any."""
        if not self.asked:
            return [self.free[i] for i in rng.choice(len(self.free), size=min(count, len(self.free)), replace=False)]
        first = self.asked[rng.integers(len(self.asked))]
        others = [i for i in self.free + self.asked if i != first]
        return [first, *(others[i] for i in rng.choice(len(others), size=min(count - 1, len(others)), replace=False))]


def is_held_out(identifier: str) -> bool:
    """Whether a nutrient, gene or reaction is kept back from training in the held-out splits: by its id alone, the same in every model."""
    return hashlib.sha256(identifier.encode()).digest()[0] % HELD_OUT == 0


def kept_back(tables: ModelTables, distribution: str) -> tuple[list[str], list[str], tuple[int, int]]:
    """What training with the split "seen" never meets: exchanges of carbon sources, and genes (or reactions, where those are knocked out).

    Returns:
        Both, and out of how many each.
    """
    carbon, lost = (
        (carbon_exchanges(tables), internal_reactions(tables))
        if distribution == DISTRIBUTION
        else (usable_carbon_sources(tables), knockable_genes(tables))
    )
    glucose, _ = _glucose_and_oxygen(tables, distribution)
    return [r for r in carbon if is_held_out(r) and r != glucose], [k for k in lost if is_held_out(k)], (len(carbon), len(lost))


def internal_reactions(tables: ModelTables) -> list[str]:
    """Reactions that may be knocked out: not on the boundary, not an objective (biomass), not ATP maintenance."""
    sides = np.zeros((2, len(tables.reactions)), dtype=bool)
    sides[(tables.stoich > 0).astype(int), tables.cols] = True
    return [
        r
        for i, r in enumerate(tables.reactions)
        if sides[:, i].all() and not tables.exchange[i] and tables.objective[i] == 0 and "biomass" not in r.lower() and r != "ATPM"
    ]


def biomass_reactions(tables: ModelTables) -> list[str]:
    """The model's own objective first, then its other biomass reactions (by id and size)."""
    size = np.bincount(tables.cols, minlength=len(tables.reactions))
    own = [tables.reactions[e] for e in np.flatnonzero(tables.objective)]
    return own + [r for e, r in enumerate(tables.reactions) if "biomass" in r.lower() and size[e] >= BIOMASS_PARTS and r not in own]


def knockable_genes(tables: ModelTables) -> list[str]:
    """Genes that occur in a rule, without placeholders for spontaneous reactions (``s0001``)."""
    used = {g for rule in tables.gprs for g in re.findall(r"[^\s()]+", rule)}
    return [g for g in tables.genes if g in used and not re.fullmatch(r"s\d+", g.lower())]


def sample_conditions(tables: ModelTables, count: int, seed: int, *, distribution: str = DISTRIBUTION, split: str = "all") -> list[SampledCondition]:
    """``count`` conditions of a distribution and split, the same for the same model and seed.

    core-conditions-v1: glucose is removed; 1 to 3 carbon sources are drawn without replacement from the exchanges whose metabolite holds
    carbon (not CO2), each uptake uniform on 1-20; glucose comes back with probability 0.5, uniform on 1-20; oxygen is
    0 with probability 0.2, uniform on 1-40 with 0.4 and 1000 otherwise; other uptakes are the model's own; 0 to 3
    internal reactions are knocked out.

    genome-conditions-v1: the model's own medium without its carbon sources; 1 to 3 of the carbon sources that support growth
    when they are the only one (:func:`usable_carbon_sources`), each bringing 6-120 mmol carbon/gDW/h (uniform, divided by its
    carbon atoms); glucose back with probability 0.5, uniform on 1-20; oxygen as above; ammonium unlimited with probability
    0.7, uniform on 1-20 with 0.15, otherwise replaced by 1 or 2 other nitrogen sources, each uniform on 1-20; 0 to 3 genes
    knocked out (:data:`KNOCKOUTS`); another biomass reaction as objective with probability 0.15, where the model has one.

    Raises:
        InputError: the model lacks what the distribution varies, or distribution or split are unknown.
    """
    if distribution not in DISTRIBUTIONS or split not in SPLITS:
        raise InputError(f"There are no conditions {distribution!r}, {split!r}; choose of {', '.join(DISTRIBUTIONS)} and of {', '.join(SPLITS)}.")
    rng = np.random.default_rng(seed)
    return (_core_conditions if distribution == DISTRIBUTION else _genome_conditions)(tables, count, rng, split)


def _core_conditions(tables: ModelTables, count: int, rng: np.random.Generator, split: str) -> list[SampledCondition]:
    glucose, oxygen = _glucose_and_oxygen(tables, DISTRIBUTION)
    sources = carbon_exchanges(tables)
    hidden = {r for r in sources if split != "all" and is_held_out(r)}
    base = {r: bound for r, bound in own_medium(tables).items() if r not in hidden}
    carbon = _pool(sources, split, "nutrient", never=(glucose,))
    internal = _pool(internal_reactions(tables), split, "gene")
    order = {r: i for i, r in enumerate(tables.reactions)}
    drawn = []
    for _ in range(count):
        medium = dict(base)
        medium.pop(glucose, None)
        medium |= {r: float(rng.uniform(1, 20)) for r in carbon.draw(rng, rng.integers(1, 4))}
        if rng.random() < 0.5:
            medium[glucose] = float(rng.uniform(1, 20))
        medium[oxygen] = _oxygen(rng)
        lost = internal.draw(rng, max(int(rng.integers(0, 4)), bool(internal.asked)))
        drawn.append(SampledCondition(medium, tuple(sorted(lost, key=order.__getitem__))))
    return drawn


def _genome_conditions(tables: ModelTables, count: int, rng: np.random.Generator, split: str) -> list[SampledCondition]:
    glucose, oxygen = _glucose_and_oxygen(tables, GENOME)
    atoms, base = _exchanged_atoms(tables), _without_carbon(tables)
    ammonium = next((r for r, a in atoms.items() if a.get("N") == 1 and set(a) == {"N", "H"}), None)
    carbon = _pool(usable_carbon_sources(tables), split, "nutrient", never=(glucose,))
    nitrogen = _pool([r for r in atoms if atoms[r].get("N") and r != ammonium and r not in base], split, "nutrient", required=False)
    genes = _pool(knockable_genes(tables), split, "gene")
    aims = biomass_reactions(tables)
    drawn = []
    for _ in range(count):
        medium = dict(base)
        medium |= {r: float(rng.uniform(6, 120) / atoms[r]["C"]) for r in carbon.draw(rng, rng.integers(1, 4))}
        if rng.random() < 0.5:
            medium[glucose] = float(rng.uniform(1, 20))
        medium[oxygen] = _oxygen(rng)
        kind = rng.random()
        if ammonium and kind >= 0.7:
            medium.pop(ammonium, None)
            if kind < 0.85:
                medium[ammonium] = float(rng.uniform(1, 20))
            else:
                medium |= {r: float(rng.uniform(1, 20)) for r in nitrogen.draw(rng, rng.integers(1, 3))}
        lost = genes.draw(rng, max(int(rng.choice(len(KNOCKOUTS), p=KNOCKOUTS)), bool(genes.asked)))
        other = aims[rng.integers(1, len(aims))] if len(aims) > 1 and rng.random() < OTHER_OBJECTIVE else None
        drawn.append(SampledCondition(medium, tuple(sorted(lost)), other))
    return drawn


@lru_cache(maxsize=4)
def usable_carbon_sources(tables: ModelTables) -> tuple[str, ...]:
    """Exchanges whose compound supports growth as the only carbon source, 60 mmol C/gDW/h with oxygen, on the model's own minerals."""
    _, oxygen = _glucose_and_oxygen(tables, GENOME)
    atoms, index, side = _exchanged_atoms(tables), tables.reaction_index(), uptake_side(tables)
    bare = apply_condition(tables, medium=_without_carbon(tables) | {oxygen: 1000.0})
    programme, usable = FluxProgramme(tables), []
    for source in carbon_exchanges(tables):
        if atoms[source].get("C"):
            lower, upper, e = bare.lower.copy(), bare.upper.copy(), index[source]
            (lower if side[e] > 0 else upper)[e] = -side[e] * CARBON / atoms[source]["C"]
            if programme.maximise(lower, upper, tables.objective).value > NO_GROWTH:
                usable.append(source)
    return tuple(usable)


def _exchanged_atoms(tables: ModelTables) -> dict[str, dict[str, float]]:
    """Atoms by element of what each exchange reaction exchanges; empty where no formula is known."""
    from core.metabolic.features import parse_formula

    pairs = zip(tables.rows, tables.cols, strict=True)
    return {tables.reactions[e]: parse_formula(tables.formulas[v]) or {} for v, e in pairs if tables.exchange[e]}


def _without_carbon(tables: ModelTables) -> dict[str, float]:
    """The model's own medium without its carbon sources; traces of cofactors stay."""
    sources = set(carbon_exchanges(tables))
    return {r: b for r, b in own_medium(tables).items() if r not in sources or b <= TRACE}


def _pool(ids: Sequence[str], split: str, kind: str, *, never: Sequence[str] = (), required: bool = True) -> _Pool:
    """What a split may draw of some ids; ``never`` names ids that are not held out."""
    if split == "all":
        return _Pool(list(ids), [])
    held = [i for i in ids if is_held_out(i) and i not in never]
    if required and split in (kind, "both") and not held:
        raise InputError(f"This model has no {kind} that training keeps back, so there is nothing to test on; train with the split 'all'.")
    return _Pool([i for i in ids if i not in held], held if required and split in (kind, "both") else [])


def _glucose_and_oxygen(tables: ModelTables, distribution: str) -> tuple[str, str]:
    glucose, oxygen = find_exchange(tables, "glucose"), find_exchange(tables, "oxygen")
    if glucose is None or oxygen is None:
        raise InputError(f"{distribution} varies glucose and oxygen, and {tables.id} does not exchange both; train on another model.")
    return glucose, oxygen


def _oxygen(rng: np.random.Generator) -> float:
    kind = rng.random()
    return 0.0 if kind < 0.2 else float(rng.uniform(1, 40)) if kind < 0.6 else 1000.0


def bounds_of(tables: ModelTables, condition: SampledCondition) -> ConditionBounds:
    """The flux bounds of a sampled condition."""
    return apply_condition(tables, medium=condition.medium, knockouts=condition.knockouts, objective=condition.objective)


def solve(source: str, lower: np.ndarray, upper: np.ndarray, objective: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth for a block of conditions: growth by FBA [N] (1/h), fluxes by pFBA [N, E] (mmol/gDW/h), and whether each was solved [N] bool.

    An infeasible condition has growth 0 and no flux. One that the solver gives up on has nan, and False.

    Args:
        source: what :func:`core.metabolic.load_tables` reads.
        lower, upper: [N, E] flux bounds; objective: [N] row of the reaction that is maximised.
    """
    from core.metabolic import load_tables

    # A programme of its own, never one that has solved before: among equal optima HiGHS chooses by its matrix, in which an objective that was
    # held once leaves its place. So a block's truth is the same to the last bit whichever worker solves it, after whatever.
    programme, count = FluxProgramme(load_tables(source), split=True), lower.shape[1]
    growth, fluxes, known = np.zeros(len(lower)), np.zeros(lower.shape), np.ones(len(lower), dtype=bool)
    for n, (low, high, aim) in enumerate(zip(lower, upper, objective, strict=True)):
        solved = programme.parsimonious(low, high, np.eye(1, count, int(aim))[0])
        if solved.status == OPTIMAL and solved.fluxes is not None:
            growth[n], fluxes[n] = solved.value, solved.fluxes
        elif solved.status != "infeasible":
            growth[n], fluxes[n], known[n] = np.nan, np.nan, False
    return growth, fluxes, known
