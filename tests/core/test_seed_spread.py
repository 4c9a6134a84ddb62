"""Error bars over the seeds of an ensemble: the standard deviation of what each network does alone, and nothing for a single one."""

from __future__ import annotations

import json
from math import isnan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from core.__main__ import main
from core.explain import reaction_importance
from core.explain.atp import gates_over_reactions
from core.explain.seed_spread import seed_spread
from core.metabolic import build_hypergraph, load_tables
from core.models import ReactionNetwork, load_checkpoint, load_members, predict
from core.train.command import save_ensemble
from core.viz.gate_test_plots import pathway_strip
from core.viz.plots import ranking_bars


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory) -> Path:
    """Three seeds: the shipped network, and two whose weights are its own with noise."""
    network, card = load_checkpoint("core")
    others = []
    for seed in (1, 2):
        generator = torch.Generator().manual_seed(seed)
        noisy = ReactionNetwork(network.config).eval()
        noisy.load_state_dict({k: v + 0.02 * torch.randn(v.shape, generator=generator) for k, v in network.state_dict().items()})
        others.append(noisy)
    content = {k: v for k, v in card.content.items() if k not in ("members", "member_of", "weights_sha256", "schema")} | {"name": "three"}
    return save_ensemble([network, *others], content, [10, 11, 12], tmp_path_factory.mktemp("ensemble"))


@pytest.fixture(scope="module")
def alone(tables, ensemble):
    """Each seed by itself."""
    return [reaction_importance(tables, one, methods=(), medium="succinate") for one in load_members(ensemble)]


def test_spreads_are_those_of_the_seeds_one_by_one(tables, ensemble, alone):
    found = reaction_importance(tables, ensemble, methods=(), medium="succinate")
    assert found.seeds == 3
    assert found.prediction == alone[0].prediction
    assert found.prediction_sd == pytest.approx(np.std([one.prediction for one in alone], ddof=1))
    for column, name in (("gate_seed_sd", "gate"), ("flux_seed_sd", "flux_predicted")):
        assert np.allclose(found.table[column], np.std([one.table[name] for one in alone], axis=0, ddof=1), atol=1e-6)
    assert np.allclose(found.incidences["gate_seed_sd"], np.std([one.incidences["gate"] for one in alone], axis=0, ddof=1), atol=1e-7)
    assert found.prediction_sd > 0
    assert (found.incidences["gate_seed_sd"] > 0).all()
    pd.testing.assert_frame_equal(found.table.drop(columns=["gate_seed_sd", "flux_seed_sd"]), alone[0].table)


def test_the_manifest_names_every_seed_and_the_key_depends_on_them(tables, ensemble, alone):
    found = reaction_importance(tables, ensemble, methods=(), medium="succinate")
    members = load_members(ensemble)
    assert found.manifest["seeds"]["sha256"] == [card.weights_sha256 for _, card in members]
    assert found.manifest["seeds"]["predicted_growth"] == pytest.approx([one.prediction for one in alone])
    two = reaction_importance(tables, members[0], methods=(), medium="succinate", members=members[1:2])
    assert two.seeds == 2
    assert len({found.manifest["key"], two.manifest["key"], alone[0].manifest["key"]}) == 3


def test_a_single_network_has_no_error_bar(tables, alone):
    assert isnan(alone[0].prediction_sd)
    assert alone[0].seeds == 1
    assert not {"gate_seed_sd", "flux_seed_sd"} & set(alone[0].table.columns)
    assert "seeds" not in alone[0].manifest
    spread = seed_spread([load_checkpoint("core")], build_hypergraph(tables))
    assert isnan(spread.growth_sd)
    assert np.isnan(spread.gate_sd).all()
    assert np.isnan(spread.incidence_gate_sd).all()
    assert np.isnan(spread.flux_sd).all()


def test_one_layer_or_head_has_no_spread_over_seeds(tables, ensemble):
    part = reaction_importance(tables, ensemble, methods=()).part(layer=1)
    assert "gate_seed_sd" not in part.table.columns
    assert "gate_seed_sd" not in part.incidences.columns
    assert "flux_seed_sd" in part.table.columns
    assert part.seeds == 3


def test_predict_carries_the_spread(tables, ensemble, alone):
    got = predict(tables, ensemble, medium="succinate")
    assert (got.growth, got.seeds) == (pytest.approx(alone[0].prediction), 3)
    assert got.growth_sd == pytest.approx(np.std([one.prediction for one in alone], ddof=1), rel=1e-4)
    assert got.fluxes_sd is not None
    assert np.allclose(got.fluxes_sd, np.std([one.table["flux_predicted"] for one in alone], axis=0, ddof=1), atol=1e-5)
    single = predict(tables, load_checkpoint("core"))
    assert isnan(single.growth_sd)
    assert single.fluxes_sd is None


def test_the_command_writes_the_column_or_says_there_is_one_network(tmp_path, ensemble, capsys):
    assert main(["reactions", "e_coli_core", "--checkpoint", str(ensemble), "--device", "cpu", "--out", str(tmp_path / "three")]) == 0
    assert "single network" not in capsys.readouterr().err
    rows = pd.read_csv(tmp_path / "three" / "reactions.csv")
    assert (rows["gate_seed_sd"] > 0).all()
    assert (pd.read_csv(tmp_path / "three" / "incidences.csv")["gate_seed_sd"] > 0).all()
    assert json.loads((tmp_path / "three" / "manifest.json").read_text())["predicted_growth_sd"] > 0
    lone = ensemble.with_name("three.seed11.safetensors")
    assert main(["reactions", "e_coli_core", "--checkpoint", str(lone), "--device", "cpu", "--out", str(tmp_path / "one")]) == 0
    assert "'three.seed11' is a single network" in capsys.readouterr().err
    assert "gate_seed_sd" not in pd.read_csv(tmp_path / "one" / "reactions.csv").columns


def test_figures_draw_the_spread_as_error_bars(tables, ensemble, alone):
    found = reaction_importance(tables, ensemble, methods=())
    bars = ranking_bars(found.table, "gate", top=5).data[0]
    best = found.table.sort_values("gate", ascending=False, kind="stable").head(5)
    assert np.allclose(bars.error_x.array, best["gate_seed_sd"])
    assert ranking_bars(alone[0].table, "gate").data[0].error_x.array is None
    assert ranking_bars(found.table, "message").data[0].error_x.array is None
    gates = gates_over_reactions(found, "atp_c")
    assert sorted(pathway_strip(gates, "atp_c", "three", over="mean").data[0].error_x.array) == pytest.approx(sorted(gates["gate_seed_sd"]))
