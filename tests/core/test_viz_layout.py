"""Where things are drawn: direction, distance, determinism."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from core.viz.layout import GAP, flow_layout, place_beside, separate
from core.viz.view import CurrencyMode, NetworkView, pathway_view
from tests.core.viz_models import Tabled, chain, model_of

CURRENCY = {"atp_c", "adp_c", "h_c", "h_e", "h2o_c", "h2o_e", "pi_c", "pi_e", "nad_c", "nadh_c", "nadp_c", "nadph_c", "coa_c", "co2_c", "co2_e"}


def boxes_of(view: NetworkView) -> tuple[np.ndarray, np.ndarray]:
    """Centres and sizes of what each node covers, the label under a circle included."""
    text = np.array([0 if n.kind == "reaction" else n.font + 5 for n in view.nodes])
    width = [n.width if n.kind == "reaction" else max(n.width, n.font * 0.58 * len(n.label)) for n in view.nodes]
    centres = np.array([(n.x, n.y) for n in view.nodes]) + np.column_stack([np.zeros(len(text)), text / 2])
    return centres, np.column_stack([width, np.array([n.height for n in view.nodes]) + text])


def least_gap(centres: np.ndarray, sizes: np.ndarray) -> float:
    """Smallest free space over all pairs, along the axis that separates the pair better."""
    free = np.abs(centres[:, None] - centres[None]) - (sizes[:, None] + sizes[None]) / 2
    pair = free.max(axis=2)
    return float(pair[~np.eye(len(pair), dtype=bool)].min())


def test_linear_pathway_runs_from_left_to_right() -> None:
    view = pathway_view(chain(10), None, reactions=[f"R{i}" for i in range(1, 11)])
    x = {node.id: node.x for node in view.nodes}
    order = [name for i in range(10) for name in (f"met:A{i}", f"rxn:R{i + 1}")] + ["met:A10"]
    assert all(x[a] < x[b] for a, b in pairwise(order))


def test_substrates_stand_left_of_their_reaction_and_products_right() -> None:
    tables = model_of({"R": {"A": -1, "B": -1, "C": 1, "D": 2}})
    x = {node.id: node.x for node in pathway_view(tables, None, reactions=["R"]).nodes}
    assert max(x["met:A"], x["met:B"]) < x["rxn:R"] < min(x["met:C"], x["met:D"])


@pytest.mark.parametrize("mode", ["hide", "clone", "show"])
def test_nothing_overlaps_in_all_of_e_coli_core(tabled: Tabled, mode: CurrencyMode) -> None:
    tables = tabled("e_coli_core")
    view = pathway_view(tables, None, reactions=tables.reactions, currency=CURRENCY, currency_mode=mode)
    assert least_gap(*boxes_of(view)) >= GAP.min() - 0.02


def test_sides_of_reactions_in_e_coli_core(tabled: Tabled) -> None:
    """Seen from a reaction, the middle of its substrates and the middle of its products lie more than 90 degrees apart."""
    tables = tabled("e_coli_core")
    view = pathway_view(tables, None, reactions=tables.reactions, currency=CURRENCY, currency_mode="clone")
    at = {node.id: np.array([node.x, node.y]) for node in view.nodes}
    apart = []
    for name in tables.reactions:
        box = at[f"rxn:{name}"]
        before = [at[e.source] - box for e in view.edges if e.reaction == name and e.consumed]
        after = [at[e.target] - box for e in view.edges if e.reaction == name and not e.consumed]
        if before and after:
            apart.append(float(np.mean(before, axis=0) @ np.mean(after, axis=0)) < 0)
    assert len(apart) == 75
    assert np.mean(apart) > 0.85


def test_layout_is_deterministic() -> None:
    boxes, spokes = np.full((6, 2), 30.0), np.array([(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)])
    reaction = np.arange(6) % 2 == 1
    assert np.array_equal(flow_layout(boxes, spokes, reaction), flow_layout(boxes, spokes, reaction))


def test_layout_of_nothing_and_of_one() -> None:
    none = np.zeros((0, 2), dtype=np.int64)
    assert flow_layout(np.zeros((0, 2)), none, np.zeros(0, dtype=bool)).shape == (0, 2)
    assert flow_layout(np.array([[10.0, 10.0]]), none, np.array([True])).shape == (1, 2)


def test_coincident_boxes_are_separated() -> None:
    boxes = np.tile([40.0, 20.0], (12, 1))
    assert least_gap(separate(np.zeros((12, 2)), boxes), boxes) >= GAP.min() - 1e-6


def test_known_places_stay_and_the_rest_stands_beside() -> None:
    boxes, spokes = np.full((4, 2), 20.0), np.array([(0, 1), (1, 2)])
    placed = place_beside({0: np.array([0.0, 0.0]), 2: np.array([300.0, 0.0])}, boxes, spokes)
    assert placed[0].tolist() == [0, 0] and placed[2].tolist() == [300, 0]
    assert 0 < placed[1][0] < 300
    assert placed[3][1] > placed[:3, 1].max()
