"""Plots of an RNA: what their points hold, on which scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError
from core.viz.plots import alt_text
from core.viz.rna_plots import dot_plot, highlight, layer_heatmap, sequence_track, weight_matrix
from tests.core.viz_models import HOSTILE

STRUCTURE = "((...))"


@pytest.fixture
def bases() -> pd.DataFrame:
    return pd.DataFrame(
        {"base": range(1, 8), "nucleotide": list("GGAAACC"), "element": ["s0"] * 7, "openness": np.linspace(0.1, 0.7, 7), "mine": [np.nan] * 7}
    )


def test_dot_plot_has_probabilities_above_and_the_structure_below() -> None:
    likely = np.zeros((7, 7))
    for i, j, p in ((0, 6, 0.9), (1, 5, 0.4), (0, 5, 1e-5)):
        likely[i, j] = likely[j, i] = p
    figure = dot_plot(likely, STRUCTURE)
    cells, chosen = figure.data
    assert list(zip(cells.y, cells.x, strict=True)) == [(1, 7), (2, 6)] and list(cells.marker.color) == [0.9, 0.4]
    assert list(zip(chosen.x, chosen.y, strict=True)) == [(1, 7), (2, 6)]
    assert (cells.marker.cmin, cells.marker.cmax) == (0, 1)
    assert [c[0] for c in cells.customdata] == ["base:1", "base:2"]
    assert cells.marker.size[0] ** 2 / cells.marker.size[1] ** 2 == pytest.approx(0.9 / 0.4)
    assert "2 pairs of 7 bases" in alt_text(figure)
    with pytest.raises(InputError, match="3 signs"):
        dot_plot(likely, "...")


def test_track_holds_entities_on_a_fixed_scale(bases: pd.DataFrame) -> None:
    figure = sequence_track(bases, "openness")
    bars = figure.data[0]
    assert [c[0] for c in bars.customdata] == [f"base:{i}" for i in range(1, 8)] and list(bars.y) == bases["openness"].tolist()
    assert figure.layout.yaxis.range == (0, 1) and "0.7 at base 7" in alt_text(figure)
    assert sequence_track(bases, "mine").layout.yaxis.range is None
    with pytest.raises(InputError, match="no column 'gate'"):
        sequence_track(bases, "gate")


def test_heatmaps_state_their_scale() -> None:
    layers = layer_heatmap(np.arange(14.0).reshape(2, 7))
    assert (layers.data[0].zmin, layers.data[0].zmax) == (0, 13) and list(layers.data[0].y) == ["layer 1", "layer 2"]
    weights = weight_matrix(np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 0.0]]), ["adjacent", "base_pair"])
    cells = weights.data[0]
    assert (cells.zmin, cells.zmax) == (-2, 2) and np.asarray(cells.z).shape == (2, 3) and list(cells.y) == ["adjacent", "base pair"]
    assert "base_pair" in alt_text(weights)
    with pytest.raises(InputError, match="one name for each column"):
        weight_matrix(np.zeros((3, 2)), ["adjacent"])


def test_hostile_names_are_text(bases: pd.DataFrame) -> None:
    hostile = bases.assign(element=HOSTILE)
    assert "<img" not in str(sequence_track(hostile, "openness").data[0].customdata)
    assert "<img" not in str(weight_matrix(np.zeros((2, 1)), [HOSTILE]).data[0].y)


def test_selected_bases_are_framed_run_by_run(bases: pd.DataFrame) -> None:
    track = highlight(sequence_track(bases, "openness"), (1, 2, 6))
    assert [(shape.x0, shape.x1, shape.yref) for shape in track.layout.shapes] == [(0.5, 2.5, "y domain"), (5.5, 6.5, "y domain")]
    dots = highlight(dot_plot(np.zeros((7, 7)), STRUCTURE), (3,), rows=True)
    framed = [shape for shape in dots.layout.shapes if shape.name == "selected"]
    assert [(shape.type, shape.x0, shape.y0) for shape in framed] == [("rect", 2.5, 0), ("rect", 0, 2.5)]
