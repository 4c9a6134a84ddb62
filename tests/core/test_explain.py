"""What the explanation tables say is what the layers did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from core.errors import InputError
from core.explain import reaction_importance
from core.metabolic import build_hypergraph, load_model, load_tables, own_medium
from core.models import checkpoint_warnings, list_checkpoints, load_checkpoint, predict
from core.models.prediction import run_network
from core.storage import write_json


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def core_network():
    return load_checkpoint("core")


@pytest.fixture(scope="module")
def found(tables, core_network):
    return reaction_importance(tables, core_network, methods=("gate", "message", "attention", "integrated_gradients", "occlusion"))


def test_tables_hold_the_layers_own_numbers(found, tables, core_network):
    network, _ = core_network
    graph = build_hypergraph(tables)
    with torch.no_grad():
        traces = run_network(network, graph, return_trace=True).traces
    gates = torch.stack([t.gate for t in traces]).double()
    k = 17
    row = found.incidences.iloc[k]
    assert row["reaction"] == tables.reactions[tables.cols[k]]
    assert row["metabolite"] == tables.metabolites[tables.rows[k]]
    assert row["gate"] == pytest.approx(float(gates[:, k].mean()), abs=1e-6)
    assert row["gate_spread"] == pytest.approx(float(gates[:, k].std(correction=0)), abs=1e-6)
    mine = torch.from_numpy(tables.cols == tables.reactions.index("PFK"))
    pfk = found.table.set_index("reaction").loc["PFK"]
    assert pfk["gate"] == pytest.approx(float(gates[:, mine].mean()), abs=1e-6)
    assert pfk["gate_max"] == pytest.approx(float(gates[:, mine].max()), abs=1e-6)
    assert pfk["gate_spread"] == pytest.approx(float(gates[:, mine].std(correction=0)), abs=1e-5)
    layer = found.per_layer
    assert len(layer) == 360 * len(traces) * gates.shape[2]
    one = layer[(layer["reaction"] == "PFK") & (layer["metabolite"] == "atp_c") & (layer["layer"] == 3) & (layer["head"] == 2)].iloc[0]
    atp = int(np.flatnonzero((tables.cols == tables.reactions.index("PFK")) & (tables.rows == tables.metabolites.index("atp_c")))[0])
    assert one["gate"] == pytest.approx(float(gates[2, atp, 1]), abs=1e-6)
    assert one["message"] == pytest.approx(float((traces[2].to_reaction.message_norm + traces[2].to_metabolite.message_norm)[atp, 1] / 2), rel=1e-5)
    pd.testing.assert_frame_equal(found.of_reaction("PFK"), layer[layer["reaction"] == "PFK"].reset_index(drop=True))


def test_attention_of_a_reaction_sums_to_one_in_every_layer_and_head(found):
    sums = found.per_layer.groupby(["reaction", "layer", "head"])["attention"].sum()
    assert np.allclose(sums, 1.0, atol=1e-5)
    lone = found.incidences.groupby("reaction").filter(lambda rows: len(rows) == 1)
    assert np.allclose(lone["attention_log2"], 0.0, atol=1e-6)


def test_attributions_are_complete_and_roll_up(found):
    assert found.manifest["completeness"]["relative"] < 0.05
    total = found.incidences.groupby("reaction", sort=False)["integrated_gradients"].sum()
    by_reaction = found.table.set_index("reaction")["integrated_gradients"]
    assert np.allclose(total, by_reaction.loc[total.index], atol=1e-9)


def test_occlusion_is_the_change_when_a_reaction_is_masked(found, tables, core_network):
    network, _ = core_network
    graph = build_hypergraph(tables)
    objective = int(np.flatnonzero(tables.objective)[0])
    mask = torch.from_numpy((tables.cols != tables.reactions.index("GAPD")).astype(np.float32))
    with torch.no_grad():
        whole, without = (torch.sinh(run_network(network, graph, mask=m).raw[objective]) for m in (None, mask))
    value = found.table.set_index("reaction").loc["GAPD", "occlusion"]
    assert value == pytest.approx(float(whole - without), abs=1e-4)


def test_prediction_is_the_objectives_flux_and_closed_reactions_carry_none(tables):
    got = predict(
        load_model("e_coli_core"), "core", medium={"EX_glc__D_e": 8, "EX_o2_e": 1000, "EX_nh4_e": 1000, "EX_pi_e": 1000}, knockouts=["PFK", "b0720"]
    )
    assert got.growth == pytest.approx(got.fluxes["Biomass_Ecoli_core"])
    assert got.fluxes["PFK"] == 0
    assert got.fluxes["CS"] == 0  # b0720 is citrate synthase, its only gene
    assert got.fluxes["EX_fru_e"] >= 0
    assert list(got.fluxes.index) == list(tables.reactions)


def test_the_network_tells_air_from_none(tables):
    from core.metabolic import fba

    model = load_model("e_coli_core")
    media = ["aerobic glucose", "anaerobic glucose", "succinate", {**own_medium(tables), "EX_glc__D_e": 0, "EX_ac_e": 15}]
    for medium in media:
        truth = fba(model, medium=medium).growth
        assert predict(tables, "core", medium=medium).growth == pytest.approx(truth, abs=0.12), medium


def test_what_lies_outside_training_is_said(tables, core_network):
    _, card = core_network
    assert checkpoint_warnings(card, build_hypergraph(tables)) == []
    own = own_medium(tables)
    assert checkpoint_warnings(card, build_hypergraph(tables, medium=own | {"EX_glc__D_e": 19, "EX_ac_e": 3}, knockouts=["PFK"])) == []
    [far] = checkpoint_warnings(card, build_hypergraph(tables, medium=own | {"EX_glc__D_e": 500}))
    assert "1 bound lies outside what 'core' was trained on (EX_glc__D_e from -500 to 1000" in far
    [aim] = checkpoint_warnings(card, build_hypergraph(tables, objective="ATPM"))
    assert "trained with the objective Biomass_Ecoli_core only" in aim
    [other] = checkpoint_warnings(card, build_hypergraph(load_tables("toy")))
    assert "3 of 3 reactions here (100%)" in other


def test_unknown_names_are_one_sentence(tables):
    with pytest.raises(InputError, match="no checkpoint 'nope'; choose one of core"):
        reaction_importance(tables, "nope")
    with pytest.raises(InputError, match="no method 'magic'"):
        reaction_importance(tables, "core", methods=("magic",))
    with pytest.raises(InputError, match="target 'XYZ' is no reaction"):
        reaction_importance(tables, "core", target="XYZ")
    assert "core" in list_checkpoints(kind="metabolic")


def test_a_card_of_other_weights_is_refused(tmp_path):
    from core.models.checkpoint import SHIPPED

    (tmp_path / "x.json").write_bytes((SHIPPED / "core.json").read_bytes())
    damaged = bytearray((SHIPPED / "core.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "x.safetensors").write_bytes(bytes(damaged))
    with pytest.raises(InputError, match="not those its card describes"):
        load_checkpoint(tmp_path / "x.safetensors")


def test_a_card_is_parsed_once_until_its_file_changes(tmp_path):
    from core.models.checkpoint import SHIPPED, load_card

    for suffix in ("json", "safetensors"):
        (tmp_path / f"x.{suffix}").write_bytes((SHIPPED / f"core.{suffix}").read_bytes())
    weights, card = tmp_path / "x.safetensors", tmp_path / "x.json"
    first = load_card(weights)
    assert load_card(weights).content is first.content
    write_json(card, first.content | {"summary": first.summary.swapcase()})  # as long as before
    assert load_card(weights).summary == first.summary.swapcase()
    write_json(card, first.content | {"schema": 2})
    with pytest.raises(InputError, match=r"x\.json is of version 2, this Gatescope reads 1"):
        load_card(weights)
    card.write_bytes(card.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"x\.json cannot be read"):
        load_card(weights)


def test_one_layer_and_head_are_the_rows_of_that_layer_and_head(found):
    part = found.part(layer=2, head=1)
    rows = found.per_layer.query("layer == 3 and head == 2").reset_index(drop=True)
    assert np.allclose(part.incidences["gate"], rows["gate"])
    assert np.allclose(part.incidences["message"], rows["message"])
    assert np.allclose(part.incidences["gate_spread"], 0)
    by_reaction = rows.groupby("reaction")["gate"].max()
    assert np.allclose(part.table.set_index("reaction")["gate_max"].loc[by_reaction.index], by_reaction)
    assert np.allclose(part.incidences["integrated_gradients"], found.incidences["integrated_gradients"])
    assert found.part() is found
