"""The shipped metabolic networks: which one a model begins with, that each is under its size, and that genome knows what its card says."""

from __future__ import annotations

import numpy as np
import pytest

from core.explain import reaction_importance
from core.metabolic import fba, load_model, load_tables
from core.metabolic.hypergraph import build_hypergraph
from core.models import checkpoint_warnings, list_checkpoints, load_card, load_checkpoint, network_for, predict
from core.models.checkpoint import SHIPPED

SHIPPED_METABOLIC = list_checkpoints(kind="metabolic", controls=True)


@pytest.mark.parametrize(("model", "network"), [("e_coli_core", "core"), ("iJO1366", "genome"), ("salmonella", "genome")])
def test_a_model_begins_with_the_network_that_knows_most_of_it(model: str, network: str) -> None:
    assert network_for(load_tables(model).reactions) == network


@pytest.mark.parametrize("name", SHIPPED_METABOLIC)
def test_every_checkpoint_is_small_and_says_how_it_was_made(name: str) -> None:
    content = load_card(name).content
    assert (SHIPPED / f"{name}.safetensors").stat().st_size + (SHIPPED / f"{name}.json").stat().st_size < 5 * 2**20
    assert f"--name {name}" in content["training"]["command"]
    kept_back = {"nutrient", "gene", "both"} if content["training"]["split"] == "seen" else set()
    assert set(content.get("held_out", ())) == kept_back
    assert content["test"]["samples"] >= 1000


def test_genome_is_at_home_on_ijo1366() -> None:
    tables = load_tables("iJO1366")
    _, card = load_checkpoint("genome")
    for condition in ({}, {"medium": "anaerobic glucose"}, {"objective": "BIOMASS_Ec_iJO1366_WT_53p95M"}, {"knockouts": ["b2779"]}):
        assert checkpoint_warnings(card, build_hypergraph(tables, **condition)) == [], condition


def test_genome_ranks_the_media_as_flux_balance_analysis_does() -> None:
    tables, model = load_tables("iJO1366"), load_model("iJO1366")
    media = ["aerobic glucose", "anaerobic glucose", "acetate", "succinate", "rich"]
    predicted = [predict(tables, "genome", medium=medium).growth for medium in media]
    truth = [fba(model, medium=medium).growth for medium in media]
    assert np.argsort(predicted).tolist() == np.argsort(truth).tolist()


def test_growth_is_told_apart_by_uptake() -> None:
    found = reaction_importance(load_tables("iJO1366"), "genome", medium="aerobic glucose", knockouts=["ENO"], methods=["gate"])
    table = found.table.set_index("reaction")
    assert table["growth_brought"].sum() == pytest.approx(found.prediction, abs=1e-5)
    assert table["growth_brought"].idxmax() == "EX_glc__D_e"
    assert table.loc["ENO", "growth_lost"] > 0
    assert (table.loc[(table["lower"] != 0) | (table["upper"] != 0), "growth_lost"] == 0).all()
