"""Plots of two conditions: one scale for A and B, a stated symmetric one for A - B, the same places in all three."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.explain.media_matrix import MediaMatrix
from core.viz.colour import DIVERGING
from core.viz.condition_plots import difference_limit, difference_view, growth_bars, media_heatmap, moved_scatter, strips
from core.viz.network import payload, standalone_html
from core.viz.overview import overview_view, subsystem_links, subsystem_table
from core.viz.plots import alt_text
from core.viz.svg import network_svg
from core.viz.view import pathway_view
from tests.core.viz_models import HOSTILE, chain, incidences_of


@pytest.fixture
def table() -> pd.DataFrame:
    made = pd.DataFrame({"reaction": ["R1", "R2", "R3", HOSTILE], "name": ["one", "two", "three", HOSTILE]})
    values = {
        "gate": ([0.5, 0.6, 0.1, 0.9], [0.4, 0.62, 0.3, 0.9]),
        "message": ([1.0, 2.0, 3.0, 4.0], [2.0, 2.0, 8.0, 4.0]),
        "flux_fba": ([10.0, -2.0, 0.0, 0.0], [4.0, 3.0, 0.0, 5.0]),
    }
    for name, (a, b) in values.items():
        made[f"{name}_a"], made[f"{name}_b"] = a, b
        made[f"{name}_difference"] = made[f"{name}_a"] - made[f"{name}_b"]
        made[f"rank_{name}"] = made[f"{name}_difference"].abs().rank(ascending=False, method="min").astype("Int64")
    return made


def test_strips_share_one_scale_and_state_the_other(table: pd.DataFrame) -> None:
    figure = strips(table, "gate", selected="rxn:R1")
    a, b, difference = figure.data
    assert list(a.y)[:3] == ["R3", "R1", "R2"]  # moved most first
    assert str(a.y[3]).startswith("&lt;img")
    assert [(t.marker.cmin, t.marker.cmax) for t in (a, b, difference)] == [(0, 1), (0, 1), (-0.2, 0.2)]
    assert [c for _, c in difference.marker.colorscale] == list(DIVERGING)
    assert list(difference.x) == pytest.approx([-0.2, 0.1, -0.02, 0.0])
    assert [row[0] for row in difference.customdata][:2] == ["rxn:R3", "rxn:R1"]
    assert figure.layout.xaxis3.ticktext == ("", "0", "0.2")
    assert figure.layout.xaxis.range == figure.layout.xaxis2.range == (-0.05, 1.05)
    message = strips(table, "message")
    assert [(t.marker.cmin, t.marker.cmax) for t in message.data] == [(0, 8), (0, 8), (-8, 8)]
    assert "R3 moved most, -0.2" in alt_text(figure)
    spread = strips(table.assign(gate_sd_a=0.1, gate_sd_b=0.2, gate_difference_sd=0.05), "gate")
    assert [t.error_x.array[0] for t in spread.data] == [0.1, 0.2, 0.05]


@pytest.mark.parametrize(
    ("widest", "limit"), [(0.0, 0.05), (0.05, 0.05), (0.06, 0.1), (0.13, 0.15), (0.25, 0.25), (0.3, 0.3), (0.6, 0.75), (0.76, 1.0), (np.nan, 0.05)]
)
def test_gate_differences_have_fixed_scales(widest: float, limit: float) -> None:
    assert difference_limit("gate", np.array([0.0, -widest, np.nan])) == limit


def test_the_difference_is_drawn_at_the_places_of_a() -> None:
    tables = chain(4)
    incidences = incidences_of(tables)
    drawn = pathway_view(tables, incidences, reactions=tables.reactions, selected="rxn:R2")
    keys = list(zip(incidences["reaction"], incidences["metabolite"], strict=True))
    values = dict(zip(keys, np.linspace(-0.2, 0.2, len(keys)), strict=True))
    shown = difference_view(drawn, values, "gate", 0.25)
    assert payload(shown)["structure"] == payload(drawn)["structure"] and shown.nodes == drawn.nodes
    assert (shown.scale.low, shown.scale.high) == (-0.25, 0.25) and shown.scale.diverging
    for edge in shown.edges:
        assert edge.value == values[(edge.reaction, edge.metabolite)]
        assert edge.colour == shown.scale.colour(edge.value)
        assert edge.tooltip[-1] == f"A - B {edge.value:+.4f}"
    assert "fixed scale -0.25 to 0.25, red: more in A" in network_svg(shown) and "A - B of the gate" in standalone_html(shown, "t")


def test_subsystems_take_the_difference_as_their_fill() -> None:
    tables = chain(4)
    reactions = pd.DataFrame({"reaction": tables.reactions, "gate": 0.5, "message": 1.0})
    drawn = overview_view(subsystem_table(tables, ["one", "one", "two", ""], reactions), subsystem_links(tables, ["one", "one", "two", ""]))
    shown = difference_view(drawn, {"sub:one": 0.04, "sub:two": -0.04}, "gate", 0.05)
    expected = {"sub:one": 0.04, "sub:two": -0.04, "sub:no subsystem": np.nan}
    assert {n.entity: n.fill for n in shown.nodes} == {entity: shown.scale.colour(value) for entity, value in expected.items()}
    assert [(n.x, n.y) for n in shown.nodes] == [(n.x, n.y) for n in drawn.nodes]


def test_the_scatter_holds_sizes_of_fluxes_and_marks_reversals(table: pd.DataFrame) -> None:
    figure = moved_scatter(table, selected="rxn:R3")
    points = figure.data[0]
    assert list(points.x) == pytest.approx([0.1, -0.02, -0.2, 0.0])
    assert np.sinh(np.array(points.y, dtype=float)) == pytest.approx([6, -1, 0, -5])
    assert list(points.marker.symbol) == ["circle", "diamond", "circle", "circle"]
    named = {note.text for note in figure.layout.annotations}
    assert {"R1", "R3", "gate larger in A<br>flux larger in A"} <= named
    assert points.customdata[2][0] == "rxn:R3" and "2 changed in both" in alt_text(figure)
    many = pd.concat([table] * 300, ignore_index=True)
    assert moved_scatter(many).data[0].type == "scattergl"


@pytest.fixture
def media() -> MediaMatrix:
    generator = np.random.default_rng(0)
    index = pd.Index([f"R{i}" for i in range(6)], name="reaction")
    gates = pd.DataFrame(generator.random((6, 3)), index=index, columns=["air", "none", HOSTILE])
    growth = pd.DataFrame(
        {"predicted": [1.0, 0.5, 0.1], "predicted_sd": np.nan, "fba": [1.1, np.nan, 0.2], "status": ["optimal", "infeasible", "optimal"]}
    )
    return MediaMatrix(gates, None, growth.set_index(gates.columns), pd.Series("s", index=index), {})


def test_the_heat_map_follows_the_trees_and_its_cells_select(media: MediaMatrix) -> None:
    shown = media.clustered(4)
    figure = media_heatmap(shown, selected=f"rxn:{shown.gates.index[1]}")
    heat, cells, across, down = figure.data
    assert np.array_equal(heat.z, shown.gates.to_numpy()) and (heat.zmin, heat.zmax) == (0, 1)
    assert [row[0] for row in cells.customdata][:3] == [f"rxn:{shown.gates.index[0]}"] * 3
    assert cells.customdata[5][3] == shown.gates.iloc[1, 2]
    assert figure.layout.yaxis4.ticktext[1] == f"<b>{shown.gates.index[1]}</b>"
    assert figure.layout.xaxis4.ticktext[list(shown.gates.columns).index(HOSTILE)].startswith("&lt;img")
    for line, tree, upright in ((across, shown.columns, True), (down, shown.rows, False)):
        assert tree is not None
        place = np.array(line.x if upright else line.y, dtype=float).reshape(-1, 5)[:, :4]
        assert np.array_equal(place, tree.place)
    seeded = media_heatmap(shown, spread=media.gates * 0 + 0.0312).data[1]
    assert seeded.customdata[5][5] == " ± 0.031 over seeds" and cells.customdata[5][5] == ""
    centred = media_heatmap(shown, centred=True).data[0]
    assert np.allclose(np.array(centred.z).mean(axis=1), 0) and centred.zmin == -centred.zmax == -0.75


def test_growth_has_no_bar_where_nothing_is_feasible(media: MediaMatrix) -> None:
    truth, network = growth_bars(media.growth).data
    assert np.isnan(truth.x[1]) and list(network.x) == [1.0, 0.5, 0.1]
