"""Maps of very many points: few enough are drawn, every crowd has one that stands for it, and a lasso takes those that are not drawn too."""

from __future__ import annotations

import numpy as np

from core.rna.projection import Projection
from core.viz.crowds import DRAWN, drawn, within
from core.viz.embedding_map import Kinds, embedding_map
from core.viz.plots import alt_text


def crowd(n: int) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(n, 2)).astype(np.float32)


def test_all_are_drawn_up_to_the_limit_and_points_of_nan_never() -> None:
    points = crowd(50)
    points[7] = np.nan
    assert drawn(points, np.ones(50, bool)).tolist() == [i != 7 for i in range(50)]
    assert drawn(points, np.ones(50, bool), most=10).sum() <= 10


def test_every_cell_keeps_one_and_the_first_go_before_the_others() -> None:
    points = crowd(100_000)
    first = np.zeros(len(points), dtype=bool)
    first[::1000] = True
    kept = drawn(points, first)
    assert DRAWN // 2 < kept.sum() <= DRAWN
    assert kept[first].mean() > 0.95 > kept[~first].mean()  # only those that share a cell with another of the first are missing
    span = np.ptp(points, axis=0).max()
    far = [np.abs(points[kept] - point).max(axis=1).min() for point in points[::500]]
    assert max(far) < span / 100  # whoever is not drawn has a neighbour that is, a hundredth of the map away at most
    assert (drawn(points, first) == kept).all()


def test_colours_keep_their_shares() -> None:
    points = crowd(60_000)
    red = np.random.default_rng(5).random(len(points)) < 0.25
    kept = drawn(points, np.ones(len(points), bool))
    assert abs(red[kept].mean() - 0.25) < 0.015


def test_equal_points_are_one() -> None:
    points = np.zeros((30_000, 2), dtype=np.float32)
    assert drawn(points, np.ones(30_000, bool)).sum() == 1


def test_lasso_and_box_take_what_lies_inside() -> None:
    points = np.array([[0, 0], [1, 1], [2, 0], [1, 0.2], [3, 3], [np.nan, np.nan]], dtype=np.float32)
    arrow = {"x": [-1, 1, 3, 1], "y": [-1, 2, -1, 0.5]}  # a notch from below: (1, 0.2) lies in it, outside
    found = within(points, {"points": [], "lasso": [arrow], "box": []})
    assert found is not None and found.tolist() == [True, True, True, False, False, False]
    both = within(points, {"lasso": [arrow], "box": [{"x": [4, 2.5], "y": [2.5, 4]}]})
    assert both is not None and both.tolist() == [True, True, True, False, True, False]
    assert within(points, {"points": [{"x": 0}], "lasso": [], "box": []}) is None


def test_the_map_draws_few_and_counts_all() -> None:
    points = crowd(80_000)
    frame = (np.zeros((1, 3)), np.zeros((2, 3)))
    projection = Projection(points, "umap", 0, {}, None, 0.9, len(points), len(points), (), "key", frame)
    kinds = ["a" if i % 4 else "b" for i in range(len(points))]
    figure = embedding_map(projection, [str(i) for i in range(len(points))], colour=Kinds(kinds, "kind"))
    count = sum(len(trace.x) for trace in figure.data)
    assert count == figure.layout.meta["drawn"] <= DRAWN
    assert [trace.name for trace in figure.data] == ["a, 60,000", "b, 20,000"] and {trace.marker.symbol for trace in figure.data} == {"circle"}
    assert f"{count:,} are drawn" in alt_text(figure)
    assert all(points[int(row[0])].tolist() == [x, y] for t in figure.data for row, x, y in list(zip(t.customdata, t.x, t.y, strict=True))[:50])
