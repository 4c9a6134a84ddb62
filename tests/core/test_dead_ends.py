"""What dead ends rule out carries no flux by COBRApy's own linear programmes, and a broken chain goes dead along its whole length."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from cobra import Metabolite, Model, Reaction
from cobra.flux_analysis import flux_variability_analysis

from core.metabolic.condition import ConditionBounds, apply_condition
from core.metabolic.dead_ends import live_directions
from core.metabolic.features import METABOLITE_FEATURES, metabolite_features
from core.metabolic.tables import ModelTables, tables_from_model


def _chain() -> ModelTables:
    """Nothing -> a -> b <-> c -> d -> nothing, and c -> e <-> f, which only that reaction makes and uses."""
    model = Model("chain")
    a, b, c, d, e, f = (Metabolite(name, compartment="c") for name in "abcdef")
    for name, parts, lower, upper in (
        ("EX_a", {a: -1}, -10, 0),
        ("ab", {a: -1, b: 1}, 0, 1000),
        ("bc", {b: -1, c: 1}, -1000, 1000),
        ("cd", {c: -1, d: 1}, 0, 1000),
        ("ce", {c: -1, e: 1}, 0, 1000),
        ("ef", {e: -1, f: 1}, -1000, 1000),
        ("EX_d", {d: -1}, 0, 1000),
    ):
        reaction = Reaction(name, lower_bound=lower, upper_bound=upper)
        model.add_reactions([reaction])
        reaction.add_metabolites(parts)
    model.objective = "EX_d"
    return tables_from_model(model)


def _live(tables: ModelTables, **condition: object) -> dict[str, str]:
    forward, backward = live_directions(tables, apply_condition(tables, **condition))
    return {r: ">" * f + "<" * b for r, f, b in zip(tables.reactions, forward.astype(int), backward.astype(int), strict=True)}


def test_a_chain_runs_the_one_way_it_can() -> None:
    assert _live(_chain()) == {"EX_a": "<", "ab": ">", "bc": ">", "cd": ">", "ce": "", "ef": "", "EX_d": ">"}


@pytest.mark.parametrize("broken", ["ab", "bc", "cd"])
def test_a_broken_chain_is_dead_on_both_sides(broken: str) -> None:
    assert set(_live(_chain(), knockouts=[broken]).values()) == {""}


@pytest.mark.parametrize("medium", ["aerobic glucose", "anaerobic glucose", "acetate"])
def test_what_is_ruled_out_is_blocked_by_cobrapy(own_copy, core_tables, medium: str) -> None:
    bounds = apply_condition(core_tables, medium=medium, knockouts=["PGI", "SUCDi", "FUM"])
    forward, backward = live_directions(core_tables, bounds)
    for reaction, low, high in zip(own_copy.reactions, bounds.lower, bounds.upper, strict=True):
        reaction.bounds = (low, high)
    own_copy.reactions.ATPM.lower_bound = 0.0  # some of these conditions cannot pay for maintenance
    reach = flux_variability_analysis(own_copy, fraction_of_optimum=0.0)
    assert list(core_tables.reactions) == list(reach.index)
    assert (reach["maximum"].to_numpy()[~forward] < 1e-6).all()
    assert (reach["minimum"].to_numpy()[~backward] > -1e-6).all()
    open_ways = (bounds.upper > 0).sum() + (bounds.lower < 0).sum()
    assert 0 < forward.sum() + backward.sum() < open_ways


def test_a_batch_is_its_conditions_one_by_one(core_tables) -> None:
    alone = [apply_condition(core_tables, knockouts=[r]) for r in ("PGI", "PFK", "ENO")]
    together = ConditionBounds(*(np.stack([getattr(b, f.name) for b in alone]) for f in fields(ConditionBounds)))
    for whole, parts in zip(live_directions(core_tables, together), zip(*(live_directions(core_tables, b) for b in alone), strict=True), strict=True):
        np.testing.assert_array_equal(whole, np.stack(parts))


def test_features_count_what_is_live() -> None:
    tables = _chain()
    columns = [[f.name for f in METABOLITE_FEATURES].index(n) for n in ("open producers", "open consumers", "live producers", "live consumers")]
    counts = np.expm1(metabolite_features(tables, apply_condition(tables))[:, columns]).round(6)
    assert dict(zip(tables.metabolites, counts.tolist(), strict=True)) == {
        "a": [1, 1, 1, 1],
        "b": [2, 1, 1, 1],
        "c": [1, 3, 1, 1],
        "d": [1, 1, 1, 1],
        "e": [2, 1, 0, 0],
        "f": [1, 1, 0, 0],
    }
