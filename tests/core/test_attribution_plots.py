"""Waterfall and ranking: every bar begins where the last ended, signs are written, scales are symmetric, names are plain text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from core.explain.attribution import INTEGRATED_GRADIENTS, attribute
from core.explain.ledger import ledger
from core.explain.masked import Masked
from core.viz.attribution_plots import signed_bars
from core.viz.ledger_plot import DOWN, ENDS, MISSING, UP, waterfall
from core.viz.plots import alt_text

W = torch.tensor([3.0, -1.0, 0.5, -2.0], dtype=torch.float64)


def test_a_waterfall_goes_from_the_baseline_to_the_prediction() -> None:
    parts = pd.DataFrame({"part": list("abcd"), "reaction": ["<b>r1</b>", "<b>r1</b>", "r2", "a name of far too many letters to stand on an axis"]})
    masked = Masked(lambda m: 1.5 + m @ W, parts, "growth", "1/h", "nothing", dtype=torch.float64)
    page = ledger(masked, attribute(masked, INTEGRATED_GRADIENTS), "reaction")
    figure = waterfall(page, title="Ledger", target="growth", unit="1/h", baseline="nothing", prefix="reaction|")
    (bars,) = figure.data
    ends = np.array(bars.base) + np.array(bars.x)
    assert bars.x[0] == 1.5 and bars.x[-1] == pytest.approx(2.0) and ends[-2] == pytest.approx(2.0)
    assert np.array(bars.base)[2:-1] == pytest.approx(ends[1:-2]) and bars.base[1] == 1.5
    assert list(bars.y) == ["nothing", "&lt;b&gt;r1&lt;/b&gt;", "a name of far too many le…", "r2", "residual", "growth"]
    assert list(bars.marker.color) == [ENDS, UP, DOWN, UP, bars.marker.color[4], ENDS] and bars.marker.color[4] == MISSING
    assert list(bars.text)[:3] == ["1.5", "+2", "-2"]
    assert [row[0] for row in bars.customdata] == ["", "reaction|<b>r1</b>", f"reaction|{parts['reaction'][3]}", "reaction|r2", "", ""]
    assert alt_text(figure).startswith("Waterfall of growth by reaction: from 1.5 to 2 1/h") and "residual" in alt_text(figure)
    low, high = figure.layout.xaxis.range
    assert low < 0 and high > 3.5
    inside = ledger(masked, attribute(masked, INTEGRATED_GRADIENTS), "part", within=("reaction", "<b>r1</b>"))
    assert list(waterfall(inside, title="", target="growth", unit="1/h", baseline="nothing", prefix="").data[0].y) == ["a", "b", "sum"]


def test_bars_are_signed_and_symmetric() -> None:
    values = pd.Series({"x": 0.5, "y": -2.0, "z": np.nan, "<i>": 0.1})
    figure = signed_bars(values, level="reaction", title="Most", unit="1/h", prefix="rxn:", top=2)
    (bars,) = figure.data
    assert list(bars.y) == ["y", "x"] and list(bars.text) == ["-2", "+0.5"] and (bars.marker.cmin, bars.marker.cmax) == (-2, 2)
    low, high = figure.layout.xaxis.range
    assert low == -high and [row[0] for row in bars.customdata] == ["rxn:y", "rxn:x"]
    assert signed_bars(values, level="reaction", title="", unit="", prefix="").data[0].y[-1] == "&lt;i&gt;"
    assert len(signed_bars(pd.Series(dtype=float), level="reaction", title="", unit="", prefix="").data[0].x) == 0
