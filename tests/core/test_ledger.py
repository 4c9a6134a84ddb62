"""The ledger adds up, page by page, and says what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from core.errors import InputError
from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.ledger import ledger
from core.explain.masked import Masked

W = torch.tensor([3.0, -1.0, 0.5, 2.0, -4.0, 0.25], dtype=torch.float64)


def masked() -> Masked:
    parts = pd.DataFrame({"part": list("abcdef"), "reaction": ["r1", "r1", "r2", "r3", "r3", ""], "subsystem": ["s1", "s1", "s1", "s2", "s2", ""]})
    return Masked(lambda m: 1.5 + m @ W, parts, "planted", "1/h", "nothing", dtype=torch.float64)


def test_every_page_adds_up_to_the_one_above() -> None:
    function = masked()
    found = attribute(function, INTEGRATED_GRADIENTS)
    whole = ledger(function, found, "subsystem")
    assert whole.table["name"].tolist() == ["s1", "s2", "all others", "residual"]
    assert whole.table["value"].tolist() == pytest.approx([2.5, -2.0, 0.25, 0.0], abs=1e-9)
    assert (whole.first, whole.last) == (1.5, 2.25) and whole.table["end"].iloc[-1] == pytest.approx(2.25)
    assert np.array_equal(whole.table["start"].to_numpy()[1:], whole.table["end"].to_numpy()[:-1])
    inside = ledger(function, found, "reaction", within=("subsystem", "s1"))
    assert inside.table["name"].tolist() == ["r1", "r2"] and inside.last == pytest.approx(2.5)
    assert inside.table["value"].sum() == pytest.approx(whole.table["value"][0])
    deepest = ledger(function, found, "part", within=("reaction", "r3"))
    assert deepest.table["name"].tolist() == ["e", "d"] and deepest.table["parts"].tolist() == [1, 1]


def test_small_entries_are_one_and_the_residual_is_what_is_missing() -> None:
    function = masked()
    found = attribute(function, INTEGRATED_GRADIENTS)
    short = ledger(function, found, "part", shown=2)
    assert short.table["name"].tolist() == ["e", "a", "all others", "residual"]
    assert short.table["value"][2] == pytest.approx(-1 + 0.5 + 2 + 0.25) and short.table["parts"][2] == 4
    curved = Masked(lambda m: (m @ W) ** 3, function.parts, "planted", "", "nothing", dtype=torch.float64)
    rough = attribute(curved, INTEGRATED_GRADIENTS, steps=1)
    page = ledger(curved, rough, "subsystem")
    assert page.table["kind"].iloc[-1] == "residual" and abs(page.table["value"].iloc[-1]) > 0.01
    assert page.table["value"].sum() == pytest.approx(curved.effect)
    assert page.table["value"].iloc[-1] == pytest.approx(curved.effect - rough.values.sum())


def test_what_has_no_ledger_is_said() -> None:
    function = masked()
    with pytest.raises(InputError, match="occlusion does not add up"):
        ledger(function, attribute(function, OCCLUSION), "reaction")
    with pytest.raises(InputError, match="no subsystem 'x' here"):
        ledger(function, attribute(function, INTEGRATED_GRADIENTS), "reaction", within=("subsystem", "x"))
