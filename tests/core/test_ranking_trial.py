"""Rankings on trial where the answer is known: the true one wins, one that knows nothing does not, and a flat function has nothing to explain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from core.errors import Cancelled
from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.metabolic_masks import incidence_masks
from core.explain.reactions import INSTANT, reaction_importance
from core.explain.trial import BETTER, CHANCE, UNTOLD, WORSE, reaction_rankings, try_rankings
from core.metabolic import build_hypergraph
from core.metabolic.tables import ModelTables
from core.models import load_checkpoint
from core.viz.plots import alt_text
from core.viz.trial_plots import curve_plot
from tests.core.masked_functions import planted, weighted

COUNT = 60
TRUE = np.array([2.0 ** -(i / 5) for i in range(COUNT)])
NAMES = [f"g{i}" for i in range(COUNT)]


def series(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=NAMES)


def test_the_true_ranking_wins_and_the_others_are_what_they_are() -> None:
    masked = weighted(TRUE.tolist())
    rng = np.random.default_rng(3)
    rankings = {"gate": series(rng.random(COUNT)), "truth": series(TRUE).sample(frac=1, random_state=1), "attention": series(TRUE[::-1].copy())}
    told: list[tuple[str, int, int]] = []
    trial = try_rankings(masked, rankings, level="group", on_progress=lambda *step: told.append(step))
    assert {name: trial.verdict(name) for name in rankings} == {"truth": BETTER, "gate": CHANCE, "attention": WORSE}
    assert trial.table["ranking"].tolist() == ["truth", "gate", "attention"]
    assert trial.sentence().startswith("Of 3 rankings truth is best (z ")
    assert (
        "Truth ranks groups better than chance. Gate ranks groups no better than chance. Attention ranks groups worse than chance."
        in trial.sentence()
    )
    assert told[0] == ("taking away", 1, 23) and told[-1] == ("adding", 3, 3)
    gone = trial.table.set_index("ranking")["deletion"]
    assert gone["truth"] == pytest.approx(np.trapezoid((1 - np.concatenate([[0], np.cumsum(TRUE)]) / TRUE.sum())[::3], dx=1 / 20))


def test_a_gate_that_must_matter_a_gate_that_cannot_and_uniform_attention() -> None:
    """F goes through a gate on part a alone; part b's gate multiplies nothing; attention is the same everywhere."""
    masked = planted(lambda m: 3 * torch.sigmoid(4 * m[:, 0] - 2) + 0 * m[:, 1] + 0.1 * m[:, 2:].sum(1), ["a", "b", *NAMES[:18]])
    names = masked.groups("group")[1]
    must = pd.Series(np.where(np.array(names) == "a", 1.0, 0.01), index=names)
    cannot = pd.Series(np.where(np.array(names) == "b", 1.0, np.where(np.array(names) == "a", 0.0, 0.01)), index=names)
    even = pd.Series(1 / len(names), index=names)
    trial = try_rankings(masked, {"must": must, "cannot": cannot, "even": even[::-1]}, level="group", seed=1)
    z = trial.table.set_index("ranking")[["deletion_z", "insertion_z"]].sum(axis=1)
    assert z["must"] > 2 > 0 > z["cannot"] and trial.verdict("cannot") != BETTER
    assert attribute(masked, OCCLUSION).values[1] == 0 and attribute(masked, INTEGRATED_GRADIENTS).values[1] == 0


def test_without_an_effect_nothing_is_told() -> None:
    flat = weighted([0.0] * 5)
    trial = try_rankings(flat, {"gate": pd.Series(np.arange(5.0), index=[f"g{i}" for i in range(5)])}, level="group")
    assert trial.verdict("gate") == UNTOLD and "no effect to explain" in trial.sentence()
    nothing = try_rankings(weighted(TRUE.tolist()), {"gate": series(np.ones(COUNT))[::-1]}, level="group")
    assert nothing.verdict("gate") in (CHANCE, BETTER)
    with pytest.raises(Cancelled):
        try_rankings(flat, {}, level="group", should_stop=lambda: True)


def test_on_a_trained_network_all_rankings_of_reactions_stand_trial(tabled: Callable[[str], ModelTables]) -> None:
    network, tables = load_checkpoint("core"), tabled("e_coli_core")
    masked = incidence_masks(network, build_hypergraph(tables))
    factors = reaction_importance(tables, network, methods=INSTANT)
    occluded = attribute(masked, OCCLUSION, level="reaction")
    rankings = reaction_rankings(masked, factors, occluded)
    assert list(rankings) == ["gate", "message", "attention", "saliency", "input_x_gradient", "occlusion", "integrated_gradients", "degree"]
    assert rankings["degree"]["PFK"] == 5
    assert rankings["gate"]["PFK"] == factors.table.set_index("reaction")["gate"]["PFK"]
    trial = try_rankings(masked, {name: rankings[name] for name in ("gate", "occlusion")}, level="reaction")
    figure = curve_plot(trial.deletion, {"gate": "gate"}, title="Taken away", moved="taken away", target="growth")
    band, gate, occlusion = figure.data
    assert (gate.name, occlusion.name) == ("gate", "occlusion") and gate.y[0] == pytest.approx(1) and gate.y[-1] == pytest.approx(0, abs=1e-5)
    assert len(band.x) == 42 and "random orders" in alt_text(figure)
