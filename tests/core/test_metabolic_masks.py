"""Masked functions of metabolic networks: their ends are predictions, their attributions those of a slow loop, their sums exact."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from captum.attr import IntegratedGradients

from core.errors import InputError
from core.explain.attribution import DEEP_LIFT, INTEGRATED_GRADIENTS, METHODS, OCCLUSION, attribute
from core.explain.ledger import ledger
from core.explain.masked import Masked
from core.explain.metabolic_masks import condition_masks, feature_masks, incidence_masks
from core.explain.reactions import reaction_importance
from core.metabolic import build_hypergraph
from core.metabolic.hypergraph import MetabolicHypergraph
from core.metabolic.media import named_media
from core.metabolic.tables import ModelTables
from core.models import load_checkpoint
from core.models.prediction import run_network


@pytest.fixture(scope="module")
def graph(tabled: Callable[[str], ModelTables]) -> MetabolicHypergraph:
    return build_hypergraph(tabled("e_coli_core"))


@pytest.fixture(scope="module")
def acetate(tabled: Callable[[str], ModelTables]) -> MetabolicHypergraph:
    tables = tabled("e_coli_core")
    (name,) = [name for name in named_media(tables) if "acetate" in name.lower() and "anaer" not in name.lower()][:1]
    return build_hypergraph(tables, medium=name)


@pytest.fixture(scope="module")
def doubled(graph: MetabolicHypergraph) -> Masked:
    network, card = load_checkpoint("core")
    return incidence_masks((copy.deepcopy(network).double(), card), graph, dtype=torch.float64)


def test_the_ends_are_the_prediction_and_the_empty_network(graph: MetabolicHypergraph) -> None:
    network, card = load_checkpoint("core")
    masked = incidence_masks((network, card), graph)
    with torch.no_grad():
        out = run_network(network, graph)
        nothing = run_network(network, graph, mask=torch.zeros(len(graph.stoich)))
    weight = torch.from_numpy(graph.bounds.objective).float()
    assert masked.ends[0] == pytest.approx(float((torch.sinh(out.raw) * weight).sum()), rel=1e-5)
    assert masked.ends[1] == pytest.approx(float((torch.sinh(nothing.raw) * weight).sum()), rel=1e-5)
    flux = incidence_masks((network, card), graph, target="PFK")
    assert flux.ends[0] == pytest.approx(float(torch.sinh(out.raw[graph.reactions.index("PFK")])), rel=1e-4)
    assert (flux.target, flux.unit) == ("flux of PFK", "mmol/gDW/h")
    with pytest.raises(InputError, match="'XYZ' is no reaction of e_coli_core"):
        incidence_masks((network, card), graph, target="XYZ")


def test_integrated_gradients_are_captums_and_a_slow_loops(doubled: Masked) -> None:
    steps = 12
    ours = attribute(doubled, INTEGRATED_GRADIENTS, steps=steps).values
    captum = IntegratedGradients(doubled.value).attribute(doubled.full_mask(), n_steps=steps, internal_batch_size=5)[0].detach().numpy()
    slow = np.zeros(len(doubled))
    for node, size in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        mask = torch.full((1, len(doubled)), (1 + node) / 2, dtype=torch.float64, requires_grad=True)
        doubled.value(mask).sum().backward()
        assert mask.grad is not None
        slow += size / 2 * mask.grad[0].numpy()
    assert np.abs(ours - slow).max() < 1e-10 and np.abs(captum - slow).max() < 1e-6


def test_every_sum_is_exact(doubled: Masked, graph: MetabolicHypergraph) -> None:
    values = attribute(doubled, INTEGRATED_GRADIENTS, steps=5).values
    table = doubled.parts.assign(value=values)
    for level in ("reaction", "metabolite", "subsystem"):
        found = doubled.summed(values, level)
        assert found.sum() == pytest.approx(values.sum(), abs=1e-12)
        assert found.to_dict() == pytest.approx(table.groupby(level)["value"].sum().to_dict(), abs=1e-12)
    per_reaction = doubled.summed(values, "reaction")
    gene = next(g for g, rule in zip(*_rules(graph), strict=True) if rule == ["PFK"])
    assert doubled.summed(values, "gene")[gene] == pytest.approx(per_reaction["PFK"])


def _rules(graph: MetabolicHypergraph) -> tuple[list[str], list[list[str]]]:
    from core.metabolic.rules import reactions_by_gene

    found = reactions_by_gene(graph.tables)
    return list(found), [[graph.reactions[e] for e in rows] for rows in found.values()]


@pytest.mark.parametrize(("model", "name"), [("e_coli_core", "core"), ("iJO1366", "genome")])
def test_the_ledger_of_growth_misses_less_than_a_hundredth(model: str, name: str, tabled: Callable[[str], ModelTables]) -> None:
    masked = incidence_masks(load_checkpoint(name), build_hypergraph(tabled(model)))
    found = attribute(masked, INTEGRATED_GRADIENTS)
    assert found.completeness is not None
    print(f"{model}: completeness {found.completeness} with {found.settings['steps']} points")
    assert found.completeness["relative"] < 0.01
    whole = ledger(masked, found, "subsystem")
    assert whole.table["end"].iloc[-1] == pytest.approx(masked.ends[0], abs=1e-6)
    first = whole.table["name"][0]
    inside = ledger(masked, found, "reaction", within=("subsystem", first), shown=1000)
    assert inside.table["value"].sum() == pytest.approx(whole.table["value"][0], abs=1e-9)


def test_leaving_reactions_out_is_what_the_reaction_table_says(graph: MetabolicHypergraph) -> None:
    network = load_checkpoint("core")
    masked = incidence_masks(network, graph)
    found = attribute(masked, OCCLUSION, level="reaction")
    table = reaction_importance(graph.tables, network, methods=("occlusion", "integrated_gradients"), steps=50).table.set_index("reaction")
    weight = torch.from_numpy(graph.bounds.objective).float()
    for reaction in ("PFK", "CS", "O2t"):
        mask = (graph.hyperedge_index[1] != graph.reactions.index(reaction)).float()
        with torch.no_grad():
            without = float((torch.sinh(run_network(network[0], graph, mask=mask).raw) * weight).sum())
        assert table["occlusion"][reaction] == pytest.approx(masked.ends[0] - without, abs=2e-5)
    assert found.at(masked, "reaction").to_numpy() == pytest.approx(table["occlusion"].loc[found.names].to_numpy(), abs=2e-5)
    same = attribute(masked, INTEGRATED_GRADIENTS, steps=50).at(masked, "reaction")
    assert same.to_numpy() == pytest.approx(table["integrated_gradients"].loc[same.index].to_numpy(), abs=2e-4)


def test_frozen_gates_leave_the_direct_effect(graph: MetabolicHypergraph) -> None:
    network = load_checkpoint("core")
    live, frozen = incidence_masks(network, graph), incidence_masks(network, graph, frozen_gates=True)
    assert frozen.ends[0] == pytest.approx(live.ends[0], abs=1e-5)
    with torch.no_grad():
        traces = run_network(network[0], graph, return_trace=True).traces
        mask = torch.ones(len(graph.stoich))
        mask[:40] = 0
        assert traces is not None
        held = run_network(network[0], graph, mask=mask, gate_override=[t.gate for t in traces])
    weight = torch.from_numpy(graph.bounds.objective).float()
    assert frozen.of(mask.unsqueeze(0))[0] == pytest.approx(float((torch.sinh(held.raw) * weight).sum()), abs=1e-5)
    assert abs(live.of(mask.unsqueeze(0))[0] - frozen.of(mask.unsqueeze(0))[0]) > 1e-4


def test_two_conditions_under_one_mask_and_the_way_between_them(graph: MetabolicHypergraph, acetate: MetabolicHypergraph) -> None:
    network = load_checkpoint("core")
    here, there = (incidence_masks(network, g).ends[0] for g in (graph, acetate))
    both = incidence_masks(network, graph, minus=acetate)
    assert both.ends[0] == pytest.approx(here - there, abs=1e-5) and both.target == "growth, this condition less the other"
    between = condition_masks(network, graph, acetate)
    assert between.ends == pytest.approx((here, there), abs=1e-5)
    found = attribute(between, INTEGRATED_GRADIENTS)
    assert found.completeness is not None and found.completeness["relative"] < 0.02
    sums = pd.Series(found.values, index=found.names)
    assert {"rxn:EX_glc__D_e", "rxn:EX_ac_e"} <= set(sums.index)
    with pytest.raises(InputError, match="the same; choose another"):
        condition_masks(network, graph, graph)


def test_columns_at_zero_are_columns_at_zero(graph: MetabolicHypergraph) -> None:
    network, card = load_checkpoint("core")
    masked = feature_masks((network, card), graph)
    names = list(masked.parts["feature"])
    place = names.index(f"reaction: {graph.feature_names.reaction[1]}")
    u = graph.u.clone()
    u[:, 1] = 0
    with torch.no_grad():
        out = run_network(network, replace(graph, u=u))
    weight = torch.from_numpy(graph.bounds.objective).float()
    mask = np.ones((1, len(names)), dtype=np.float32)
    mask[0, place] = 0
    assert masked.of(mask)[0] == pytest.approx(float((torch.sinh(out.raw) * weight).sum()), abs=1e-5)


def test_sessions_that_share_a_network_do_not_meet_and_an_error_leaves_nothing(graph: MetabolicHypergraph, acetate: MetabolicHypergraph) -> None:
    network = load_checkpoint("core")

    def predictions() -> list[float]:
        with torch.no_grad():
            return [float(run_network(network[0], g).growth) for g in (graph, acetate)]

    before = predictions()
    alone = {name: attribute(incidence_masks(network, g), INTEGRATED_GRADIENTS, steps=10).values for name, g in (("a", graph), ("b", acetate))}
    found: dict[str, list[np.ndarray]] = {"a": [], "b": []}

    def session(name: str, own: MetabolicHypergraph) -> None:
        for method in METHODS:
            attribute(incidence_masks(network, own), method, level="subsystem", orders=1, draws=2)
            found[name].append(attribute(incidence_masks(network, own), INTEGRATED_GRADIENTS, steps=10).values)

    threads = [threading.Thread(target=session, args=pair) for pair in (("a", graph), ("b", acetate))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, values in found.items():
        assert len(values) == len(METHODS)
        for one in values:
            assert one == pytest.approx(alone[name], abs=1e-6)

    class Broken(RuntimeError):
        pass

    def breaks(*_: object) -> None:
        raise Broken

    for method in [method for method in METHODS if method != DEEP_LIFT]:  # which tells of no progress
        with pytest.raises(Broken):
            attribute(incidence_masks(network, graph), method, level="subsystem", on_progress=breaks)
    assert predictions() == before
