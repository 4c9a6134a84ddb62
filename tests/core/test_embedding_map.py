"""The map's figure: every name in customdata, kinds counted, limits as given, axes that say what they mean, small enough to send."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.io import to_json

from core.errors import InputError
from core.rna.projection import Projection
from core.viz.colour import CIVIDIS, UNKNOWN, Scale
from core.viz.embedding_map import KINDS, LABELLED, PANEL, SYMBOLS, Kinds, Values, embedding_map
from core.viz.labels import LETTER, LINE, free_sides
from core.viz.plots import alt_text
from core.viz.rna_colour import ELEMENTS
from tests.core.viz_models import HOSTILE

SCALE = Scale("GC content", "%", 0.0, 100.0, CIVIDIS, "fixed scale 0 to 100")


def projected(points: np.ndarray, method: str = "umap") -> Projection:
    frame = (np.zeros((1, 3)), np.zeros((2, 3)))
    explained = (0.5123, 0.25) if method == "pca" else None
    return Projection(np.asarray(points, np.float32), method, 0, {}, explained, 0.9, len(points), len(points), (), "key", frame)


def grid(n: int) -> tuple[Projection, list[str]]:
    return projected(np.stack([np.arange(n), np.arange(n) % 7], axis=1)), [f"rna{i}/s{i % 3}" for i in range(n)]


def names_in(figure: go.Figure) -> dict[str, tuple[float, float]]:
    return {row[0]: (float(x), float(y)) for t in figure.data for row, x, y in zip(t.customdata, t.x, t.y, strict=True)}


@pytest.mark.parametrize("n", [20, 3000])
@pytest.mark.parametrize("coloured", ["one", "kinds", "values"])
def test_every_name_is_in_customdata_beside_its_point(n: int, coloured: str) -> None:
    projection, names = grid(n)
    kinds = [None if i == 3 else f"kind {i % 11}" for i in range(n)]
    values = np.where(np.arange(n) == 5, np.nan, np.arange(n, dtype=float))
    colour: Any = {"one": None, "kinds": Kinds(kinds, "kind"), "values": Values(values, SCALE)}[coloured]
    figure = embedding_map(projection, names, colour=colour)
    assert names_in(figure) == {name: (float(x), float(y)) for name, (x, y) in zip(names, projection.points, strict=True)}
    assert sum(len(t.x) for t in figure.data) == n
    assert all(isinstance(t, go.Scattergl if n == 3000 else go.Scatter) for t in figure.data)
    assert all(t.x.dtype == np.float32 and t.text is None for t in figure.data)


def test_kinds_are_counted_and_the_rare_ones_together() -> None:
    counts = {f"k{i:02d}": 12 - i for i in range(11)}  # 12, 11, ... 2
    kinds: list[str | None] = [kind for kind, count in counts.items() for _ in range(count)] + [None, float("nan")]  # type: ignore[list-item]
    projection, names = grid(len(kinds))
    figure = embedding_map(projection, names, colour=Kinds(kinds, "kind of element"))
    assert [t.name for t in figure.data] == ["not known, 2", "other (3 kinds), 9"] + [f"k{i:02d}, {12 - i}" for i in range(8)]
    assert [len(t.x) for t in figure.data] == [2, 9, *range(12, 4, -1)]
    assert [t.marker.color for t in figure.data] == [UNKNOWN, UNKNOWN, *KINDS] and [t.marker.symbol for t in figure.data[2:]] == list(SYMBOLS)
    assert figure.layout.showlegend and figure.layout.legend.title.text == "kind of element"
    assert "k00 12" in alt_text(figure) and "and 3 others" in alt_text(figure)


def test_kinds_with_a_colour_of_their_own_keep_it() -> None:
    projection, names = grid(6)
    figure = embedding_map(projection, names, colour=Kinds(["stem", "stem", "stem", "hairpin", "hairpin", "mine"], "kind", ELEMENTS))
    assert [t.marker.color for t in figure.data] == [ELEMENTS["stem"], ELEMENTS["hairpin"], KINDS[2]]


def test_kinds_keep_the_order_they_are_given_and_long_names_are_cut_in_the_legend_alone() -> None:
    projection, names = grid(7)
    figure = embedding_map(projection, names, colour=Kinds(["2", "2", "10", "10", "10", "free " * 20, "0"], "cluster", order=["0", "2", "10"]))
    assert [t.name for t in figure.data] == ["0, 1", "2, 2", "10, 3", f"{'free ' * 7}free…, 1"]
    assert "free " * 20 in figure.data[-1].hovertemplate and "free " * 20 not in alt_text(figure)


def test_numbers_no_float32_holds_keep_their_colour_and_are_written_as_asked() -> None:
    projection, names = grid(3)
    (cells,) = embedding_map(projection, names, colour=Values(np.array([1e-180, 2014, 1e200]), SCALE, digits=".6~g")).data
    assert cells.marker.color.tolist() == [1e-180, 2014, 1e200] and "%{marker.color:.6~g}" in cells.hovertemplate


def test_values_stand_on_the_scale_given() -> None:
    projection, names = grid(5)
    figure = embedding_map(projection, names, colour=Values(np.array([-5, 20, np.nan, 70, 400]), SCALE))
    without, cells = figure.data
    assert (cells.marker.cmin, cells.marker.cmax) == (0, 100)
    assert [colour for _, colour in cells.marker.colorscale] == list(CIVIDIS)
    assert cells.marker.color.tolist() == [-5, 20, 70, 400]
    assert cells.marker.colorbar.title.text == "GC content (%), fixed scale 0 to 100"
    assert without.name == "no value, 1" and without.customdata[0][0] == names[2]
    assert "from 0 to 100" in alt_text(figure)


def test_ones_own_points_stand_on_top_with_names_and_the_selected_are_ringed() -> None:
    projection, names = grid(9)
    own = ["mine/s0", "mine/h0", "lost"]
    figure = embedding_map(projection, names, placed=(own, np.array([[1.5, 2], [3, 4], [np.nan, np.nan]])), selected=["rna4/s1", "mine/h0", "gone"])
    cloud, placed, ring = figure.data
    assert placed.name == "yours (3)" and placed.text is None and placed.mode == "markers"
    assert {(note.text, note.x, note.y) for note in figure.layout.annotations} == {("mine/s0", 1.5, 2), ("mine/h0", 3, 4)}
    assert placed.marker.size > cloud.marker.size and placed.marker.line.width > 0
    assert ring.name == "selected (2)" and [row[0] for row in ring.customdata] == ["rna4/s1", "mine/h0"]
    assert ring.x.tolist() == [4, 3] and ring.y.tolist() == [4, 4]
    many = embedding_map(projection, names, placed=([f"m{i}" for i in range(LABELLED + 1)], np.zeros((LABELLED + 1, 2))))
    assert many.layout.annotations == ()


def boxes(figure: go.Figure, scale: float) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right and top of each note's text in px, by the width of letters that placing reckons with."""
    found = []
    for note in figure.layout.annotations:
        width, x, y = LETTER * len(note.text), note.x * scale + note.xshift, note.y * scale + note.yshift
        left = {"left": x, "center": x - width / 2, "right": x - width}[note.xanchor]
        bottom = {"bottom": y, "middle": y - LINE / 2, "top": y - LINE}[note.yanchor]
        found.append((left, bottom, left + width, bottom + LINE))
    return found


def test_labels_of_ones_own_points_never_overlap_and_the_selected_come_first() -> None:
    draw = np.random.default_rng(1)
    projection, names = projected(draw.uniform(0, 1, (400, 2))), [f"r{i}" for i in range(400)]
    own, points = [f"mine/h{i}" for i in range(30)], draw.uniform(0.45, 0.55, (30, 2)).astype(np.float32)
    short = [name.partition("/")[2] for name in own]
    figure = embedding_map(projection, names, placed=(own, points), labels=short, selected=["mine/h29"])
    notes = [note.text for note in figure.layout.annotations]
    assert 1 <= len(notes) < 30 and set(notes) <= set(short) and "h29" in notes
    extent = np.ptp(np.concatenate([projection.points, points]), axis=0)
    found = boxes(figure, min(PANEL / extent))
    for i, one in enumerate(found):
        for other in found[:i]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1], "two labels lie on each other"
    apart = embedding_map(projection, names, placed=(own[:4], np.array([[0, 0], [0, 1], [1, 0], [1, 1]])), labels=short[:4])
    assert sorted(note.text for note in apart.layout.annotations) == ["h0", "h1", "h2", "h3"]


def test_a_label_takes_the_first_side_that_is_free() -> None:
    assert free_sides(np.array([[0.0, 0.0]]), ["a"], radius=5) == ["top"]
    above = np.array([[0.0, 0.0], [0.0, 15.0]])  # the second mark stands where the first one's label would
    assert free_sides(above, ["a", "b"], radius=5) == ["bottom", "top"]
    crowd = np.array([[0.0, 0.0], *([x, y] for x in (-12, 0, 12) for y in (-12, 0, 12) if (x, y) != (0, 0)), [np.nan, np.nan]])
    assert free_sides(crowd, ["middle", *"abcdefgh", "lost"], radius=5)[0] is None
    assert free_sides(crowd, ["middle", *"abcdefgh", "lost"], radius=5)[-1] is None
    near = np.array([[0.0, 0.0], [6.0, 0.0]])
    assert free_sides(near, ["aaaa", "bbbb"], radius=2) == ["top", "bottom"]
    assert free_sides(near, ["aaaa", "bbbb"], radius=2, first=[1]) == ["bottom", "top"]


def test_points_that_are_filtered_out_are_grey_and_have_no_names_or_are_not_drawn() -> None:
    projection, names = grid(6)
    shown = np.array([True, False, True, False, False, True])
    colour = Kinds(["a", "a", "b", "b", "b", "a"], "kind")
    figure = embedding_map(projection, names, colour=colour, shown=shown)
    faint, *kinds = figure.data
    assert faint.name == "filtered out, 3" and faint.customdata is None and faint.hoverinfo == "skip" and faint.x.tolist() == [1, 3, 4]
    assert [t.name for t in kinds] == ["a, 2", "b, 1"] and [row[0] for row in kinds[0].customdata] == [names[0], names[5]]
    assert "3 of them coloured by kind: a 2, b 1, the others grey" in alt_text(figure)
    hidden = embedding_map(projection, names, colour=colour, shown=shown, others=False)
    assert [t.name for t in hidden.data] == ["a, 2", "b, 1"] and "the others not drawn" in alt_text(hidden)
    none = embedding_map(projection, names, colour=Values(np.arange(6.0), SCALE), shown=np.zeros(6, bool))
    assert none.data[0].name == "filtered out, 6" and sum(len(t.x) for t in none.data) == 6
    with pytest.raises(InputError, match="2 points to show or not for 6 vectors"):
        embedding_map(projection, names, shown=shown[:2])


def test_drag_moves_a_click_selects_equal_axes_and_titles() -> None:
    projection, names = grid(9)
    umap = embedding_map(projection, names)
    assert (umap.layout.dragmode, umap.layout.clickmode) == ("pan", "event+select")
    assert umap.layout.yaxis.scaleanchor == "x" and umap.layout.yaxis.scaleratio == 1
    assert umap.layout.xaxis.title.text == "UMAP 1" and umap.layout.yaxis.title.text == "UMAP 2"
    assert umap.layout.xaxis.showticklabels is False and umap.layout.yaxis.showticklabels is False
    pca = embedding_map(projected(projection.points, "pca"), names)
    assert pca.layout.xaxis.title.text == "PC 1 (51.2% of the variance)" and pca.layout.yaxis.title.text == "PC 2 (25.0% of the variance)"
    assert pca.layout.xaxis.showticklabels is None
    assert umap.layout.uirevision == "key" and umap.layout.plot_bgcolor == "rgba(0,0,0,0)"


def test_points_without_a_place_are_left_out_and_counted() -> None:
    figure = embedding_map(projected([[0, 0], [np.nan, np.nan], [1, 1]]), ["a", "b", "c"], colour=Kinds(["x", "x", "y"], "kind"))
    assert set(names_in(figure)) == {"a", "c"} and [t.name for t in figure.data] == ["x, 1", "y, 1"]
    assert "1 have no place" in alt_text(figure)


def test_hostile_names_stay_text() -> None:
    figure = embedding_map(
        projected([[0, 0], [1, 1]]), [HOSTILE, "b"], colour=Kinds([HOSTILE, "y"], HOSTILE), placed=([HOSTILE], np.ones((1, 2))), title=HOSTILE
    )
    assert figure.data[0].customdata[0][0] == HOSTILE  # the id, to be looked up
    shown = [
        figure.layout.title.text,
        figure.layout.legend.title.text,
        figure.data[0].name,
        figure.data[0].customdata[0][1],
        *(note.text for note in figure.layout.annotations),
    ]
    assert all("<" not in text for text in shown)
    assert figure.data[0].hovertemplate.startswith("%{customdata[1]}<br>") and "<script" not in figure.data[0].hovertemplate


def test_coordinates_travel_as_binary_float32() -> None:
    """20,000 points: 8 bytes each in base 64, and their names; no list of numbers."""
    projection, names = grid(20_000)
    text = to_json(embedding_map(projection, names, colour=Kinds(["x"] * 20_000, "kind")), validate=False)
    data = json.loads(text)["data"][0]
    assert data["x"]["dtype"] == "f4" and len(data["x"]["bdata"]) < 4 * 20_000 * 4 / 3 + 4
    assert len(text) < 20_000 * (2 * 4 * 4 / 3 + 32)


def test_what_does_not_fit_is_said() -> None:
    projection, names = grid(4)
    with pytest.raises(InputError, match="3 names for 4 vectors"):
        embedding_map(projection, names[:3])
    with pytest.raises(InputError, match="2 colours for 4 vectors"):
        embedding_map(projection, names, colour=Kinds(["a", "b"], "kind"))
    with pytest.raises(InputError, match="1 placed points for 2 vectors"):
        embedding_map(projection, names, placed=(["a", "b"], np.zeros((1, 2))))
