"""Plots: what their points hold, on which scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.viz.network import payload
from core.viz.overview import overview_view, subsystem_links, subsystem_table
from core.viz.plots import attention_bars, gate_histogram, gate_matrix, held_out_bars, message_vs_gate, ranking_bars
from core.viz.svg import network_svg
from tests.core.viz_models import HOSTILE, Tabled, incidences_of, model_of

EQUATIONS = {
    "R1": {"A": -1, "B": 1},
    "R2": {"B": -1, "C": 1},
    "R3": {"C": -1, "D": 2, "B": 1},
    "R4": {"D": -1, "X": -1, "E": 1},
    "R5": {"X": -1, "A": 1},
}
SUBSYSTEMS = ["one", "one", "two", "two", ""]


@pytest.fixture
def reactions() -> pd.DataFrame:
    values = {"gate": [0.1, 0.3, 0.5, 0.9, 0.2], "message": [1.0, 2.0, 3.0, 4.0, 5.0], "change": [0.1, -0.9, 0.5, np.nan, 0.0]}
    return pd.DataFrame({"reaction": list(EQUATIONS), "name": list(EQUATIONS), **values})


def test_subsystem_table_by_hand(reactions: pd.DataFrame) -> None:
    table = subsystem_table(model_of(EQUATIONS), SUBSYSTEMS, reactions).set_index("subsystem")
    assert table.index.tolist() == ["one", "two", "no subsystem"]
    assert table["reactions"].tolist() == [2, 2, 1]
    assert table["gate"].tolist() == pytest.approx([0.2, 0.7, 0.2])
    assert table["gate_sd"].tolist() == pytest.approx([0.1, 0.2, 0.0])
    assert table["message"].tolist() == pytest.approx([1.5, 3.5, 5.0])
    assert table["gate_seed_sd"].isna().all()
    # The mean gate of "one" is .2 in one network and .4 in the other: their standard deviation is .1 times the root of 2.
    seeds = np.array([[0.1, 0.3, 0.5, 0.9, 0.2], [0.3, 0.5, 0.5, 0.9, 0.2]])
    seeded = subsystem_table(model_of(EQUATIONS), SUBSYSTEMS, reactions, seeds)
    assert seeded["gate_seed_sd"].tolist() == pytest.approx([0.1 * np.sqrt(2), 0.0, 0.0])
    drawn = overview_view(seeded, subsystem_links(model_of(EQUATIONS), SUBSYSTEMS))
    assert drawn.nodes[0].tooltip[2] == "mean gate 0.200 ± 0.141 over seeds (its reactions differ by 0.100)"


def test_subsystem_links_by_hand() -> None:
    links = subsystem_links(model_of(EQUATIONS), SUBSYSTEMS, {"X"})
    assert list(links.itertuples(index=False, name=None)) == [("one", "two", 2), ("no subsystem", "one", 1)]
    with_currency = subsystem_links(model_of(EQUATIONS), SUBSYSTEMS)
    assert ("no subsystem", "two", 1) in set(with_currency.itertuples(index=False, name=None))


def test_overview_circles_hold_entity_ids_on_a_fixed_scale(reactions: pd.DataFrame) -> None:
    tables = model_of(EQUATIONS)
    table = subsystem_table(tables, SUBSYSTEMS, reactions)
    view = overview_view(table, subsystem_links(tables, SUBSYSTEMS), selected="sub:two")
    drawn = payload(view)
    assert list(drawn["entities"].values()) == ["sub:one", "sub:two", "sub:no subsystem"] and drawn["selected"] == ["n1"]
    assert (view.scale.low, view.scale.high) == (0, 1)
    assert [n.fill for n in view.nodes] == [view.scale.colour(gate) for gate in table["gate"]]
    assert [node["color"]["background"] for node in drawn["nodes"]] == [n.fill for n in view.nodes]
    area = (np.array([n.width for n in view.nodes]) - 14) ** 2
    assert area[0] / area[2] == pytest.approx(2)
    assert (view.links[0].source, view.links[0].target) == ("sub:one", "sub:two")
    assert view.sentence.startswith("Overview of 3 subsystems")
    assert "Circle colour: <b>gate" in drawn["legend"] and "Circle colour: gate" in network_svg(view)


@pytest.mark.parametrize("narrow", [False, True])
def test_overview_circles_and_labels_stay_apart(tabled: Tabled, narrow: bool) -> None:
    tables = tabled("iJO1366")
    reactions = pd.DataFrame({"reaction": tables.reactions, "gate": 0.5, "message": 1.0})
    table = subsystem_table(tables, tables.subsystems, reactions)
    assert table["reactions"].sum() == 2583
    view = overview_view(table, subsystem_links(tables, tables.subsystems))
    at = np.array([n.narrow if narrow else (n.x, n.y) for n in view.nodes])
    assert np.ptp(at[:, 0]) < (270 if narrow else 700)
    radius = np.array([n.width / 2 for n in view.nodes])
    lines = np.array([n.label.count("\n") + 1 for n in view.nodes])
    for i, (x, y) in enumerate(at):
        below = (np.abs(at[:, 0] - x) < 40) & (at[:, 1] > y)
        assert np.all(at[below, 1] - radius[below] > y + radius[i] + 12 * lines[i])
    assert overview_view(table, subsystem_links(tables, tables.subsystems)) == view


def test_ranking_is_by_magnitude_without_unknowns(reactions: pd.DataFrame) -> None:
    bars = ranking_bars(reactions, "change", top=3).data[0]
    assert [c[0] for c in bars.customdata] == ["rxn:R2", "rxn:R3", "rxn:R1"]
    assert list(bars.x) == [-0.9, 0.5, 0.1] and (bars.marker.cmin, bars.marker.cmax) == (-0.9, 0.9)
    gates = ranking_bars(reactions, "gate")
    assert gates.layout.xaxis.range == (0, 1) and (gates.data[0].marker.cmin, gates.data[0].marker.cmax) == (0, 1)
    assert gates.layout.xaxis.title.text == "gate, mean over incidences (0 to 1)"


def test_histogram_has_a_panel_per_layer_and_head_with_shares_of_one() -> None:
    rows = [(layer, head, gate) for layer in (0, 1) for head in (0, 1, 2) for gate in (0.0, 0.01, 0.5, 1.0)]
    figure = gate_histogram(pd.DataFrame(rows, columns=["layer", "head", "gate"]))
    assert len(figure.data) == 6
    for panel in figure.data:
        assert sum(panel.y) == pytest.approx(1) and panel.y[0] == 0.5 and panel.y[-1] == 0.25
    assert figure.layout.xaxis.range == (0, 1)
    assert len({figure.layout[f"yaxis{i}"].range for i in ("", 2, 3, 4, 5, 6)}) == 1


def test_matrix_is_blank_where_there_is_no_incidence() -> None:
    tables = model_of(EQUATIONS)
    incidences = incidences_of(tables)
    squares = gate_matrix(incidences, ["R1", "R2"], ["A", "B", "C"]).data[0]
    seeded = gate_matrix(incidences.assign(gate_seed_sd=0.0312), ["R1"], ["A"]).data[0]
    assert [c[2] for c in squares.customdata] == [""] * 4 and [c[2] for c in seeded.customdata] == [" ± 0.031 over seeds"]
    assert set(zip(squares.y, squares.x, strict=True)) == {("A", "R1"), ("B", "R1"), ("B", "R2"), ("C", "R2")}
    expected = incidences.set_index(["metabolite", "reaction"])["gate"]
    assert [expected[pair] for pair in zip(squares.y, squares.x, strict=True)] == list(squares.marker.color)
    assert (squares.marker.cmin, squares.marker.cmax) == (0, 1)


def test_message_against_gate(reactions: pd.DataFrame) -> None:
    figure = message_vs_gate(reactions)
    points = figure.data[0]
    assert list(points.x) == reactions["gate"].tolist() and list(points.y) == reactions["message"].tolist()
    assert [c[0] for c in points.customdata] == [f"rxn:{r}" for r in EQUATIONS]
    assert figure.layout.yaxis.type == "linear"
    assert message_vs_gate(reactions.assign(message=[0.001, 1, 1, 1, 1])).layout.yaxis.type == "log"


def test_attention_is_clipped_but_told() -> None:
    incidences = incidences_of(model_of(EQUATIONS)).assign(attention_log2=lambda frame: np.linspace(-5, 5, len(frame)))
    bars = attention_bars(incidences, "met:B").data[0]
    mine = incidences[incidences["metabolite"] == "B"].sort_values("attention_log2", ascending=False)
    assert [c[0] for c in bars.customdata] == [f"rxn:{r}" for r in mine["reaction"]]
    assert [c[1] for c in bars.customdata] == mine["attention_log2"].tolist()
    assert list(bars.x) == mine["attention_log2"].clip(-3, 3).tolist()


def test_hostile_names_are_text(reactions: pd.DataFrame) -> None:
    hostile = reactions.assign(reaction=[f"{HOSTILE}{i}" for i in range(5)], name=HOSTILE)
    for figure in (ranking_bars(hostile, "gate"), message_vs_gate(hostile)):
        drawn = figure.data[0]
        assert not any("<" in text for text in drawn.hovertext)
    assert not any("<" in text for text in ranking_bars(hostile, "gate").data[0].y)
    tables = model_of(EQUATIONS)
    view = overview_view(subsystem_table(tables, [HOSTILE] * 5, reactions), subsystem_links(tables, [HOSTILE] * 5))
    assert "<img" not in network_svg(view) and "<img" not in payload(view)["legend"]


def test_accuracy_is_the_cards() -> None:
    content = {"test": {"growth_r2": 0.9, "flux_r2_median": 0.8}, "baselines": {"mean": {"growth_r2": 0.0, "flux_r2_median": -0.1}}}
    flux, growth = held_out_bars("net", content).data
    assert list(growth.x) == [0.9, 0.0]
    assert list(flux.x) == [0.8, -0.1]
    assert list(growth.y) == ["net", "mean"]
