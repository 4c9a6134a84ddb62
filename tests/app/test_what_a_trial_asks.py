"""A trial asks every seed of an ensemble: what is kept of one follows from the weights of all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from core import storage
from core.models import load_checkpoint
from core.models.checkpoint import save_checkpoint
from core.rna import read_rna
from core.train.command import save_ensemble
from core.ui.data import Given
from core.ui.explain import rna_page
from core.ui.explain.data import Asked
from core.ui.view_state import ViewState

pytestmark = pytest.mark.usefixtures("own_home")
RUN = "20260101-000000-abcdef"


def rna_asked(view: ViewState) -> rna_page.Asked:
    (record,) = read_rna(">one\nGGGAAACCC")
    return rna_page.Asked.of(record, None, replace(view, rna_net=view.checkpoint), "likeness", "bases", "empty", "integrated_gradients", "base")


def metabolic_asked(view: ViewState) -> Asked:
    return Asked.of(view, Given.of(view), "integrated_gradients", "")


def growth_asked(view: ViewState) -> Asked:
    return Asked.growth(Given.of(view), view)


@pytest.mark.parametrize(("shipped", "of"), [("core", metabolic_asked), ("core", growth_asked), ("rna", rna_asked)], ids=["flux", "growth", "rna"])
def test_another_second_seed_is_another_trial(shipped: str, of: Any) -> None:
    first, card = load_checkpoint(shipped)
    second, _ = load_checkpoint(shipped)
    content = {k: v for k, v in card.content.items() if k not in ("members", "weights_sha256", "schema")} | {"name": "checkpoint"}
    folder = storage.folder("runs") / RUN
    weights = save_ensemble([first, second], content, [1, 2], folder)
    before, view = load_file(weights), ViewState(checkpoint=f"run:{RUN}")
    asked = of(view)
    assert of(view) == asked
    with torch.no_grad():
        next(second.parameters()).add_(0.01)
    save_checkpoint(second, {**content, "name": "checkpoint.seed2", "member_of": "checkpoint"}, folder)
    assert all(torch.equal(value, before[name]) for name, value in load_file(weights).items())
    assert of(view).function != asked.function
    assert replace(of(view), weights=asked.weights) == asked
