"""The test of one metabolite's gates: its numbers are the layers' own, controls behave as they must, and a null result is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.__main__ import main
from core.errors import Cancelled, InputError
from core.explain import metabolite_gate_test, reaction_importance, replace_gates
from core.explain.atp import controls_of, gates_over_reactions, role_of
from core.explain.gate_replacement import KEPT, MINE, RANDOM, incidences_of
from core.metabolic import build_hypergraph, load_tables
from core.metabolic.condition import Condition
from core.models import ReactionNetwork, load_checkpoint, load_members
from core.models.checkpoint import Card
from core.models.prediction import run_network
from core.train.conditions import bounds_of, sample_conditions
from core.viz.gate_test_plots import network_strip, pathway_strip, replacement_plot
from core.viz.plots import alt_text

OWN = {"own": Condition()}


@pytest.fixture(scope="module")
def tables():
    return load_tables("e_coli_core")


@pytest.fixture(scope="module")
def shipped():
    return load_checkpoint("core")


@pytest.fixture(scope="module")
def found(tables, shipped):
    return metabolite_gate_test(tables, shipped, samples=8)


def made(shipped: tuple[ReactionNetwork, Card], name: str, **changes) -> tuple[ReactionNetwork, Card]:
    """An untrained network with a card that calls it something, e.g. a control."""
    network, card = shipped
    control = changes.pop("control", None)
    torch.manual_seed(1)
    built = ReactionNetwork(replace(network.config, **changes)).eval()
    content = {**card.content, "name": name, "network": built.config.to_dict(), "control": control}
    return built, replace(card, name=name, content=content, weights_sha256=name)


def test_gates_are_those_of_the_explanation(tables, shipped, found):
    assert len(found.gates.query("network == 'core'")) == 13
    alone = metabolite_gate_test(tables, shipped, conditions=OWN, untrained=0)
    importance = reaction_importance(tables, shipped, methods=())
    known = importance.incidences.query("metabolite == 'atp_c'").set_index("reaction")["gate"]
    mine = alone.gates.query("network == 'core'").set_index("reaction")
    assert np.allclose(mine["gate"], known.loc[mine.index], atol=1e-7)
    assert alone.networks["spread"].iloc[0] == pytest.approx(float(known.std(ddof=0)), abs=1e-9)
    first = importance.per_layer.query("layer == 1 and metabolite == 'atp_c'").groupby("reaction")["gate"].mean()
    assert np.allclose(mine["layer_1"], first.loc[mine.index], atol=1e-7)
    here = gates_over_reactions(importance, "atp_c").set_index("reaction")
    assert np.allclose(here["gate"], known.loc[here.index])
    assert here["role"].to_dict() == mine["role"].to_dict()


def test_a_gate_per_metabolite_has_no_spread_and_the_subject_more_than_untrained_ones(found):
    by_kind = found.networks.set_index("kind")
    assert by_kind.loc["one gate per metabolite", "spread"] == 0
    assert by_kind.loc["one gate per metabolite", "spread_high"] == 0
    assert by_kind.loc["one gate per metabolite", "auroc"] == 0.5
    untrained = by_kind.loc["untrained", "spread"]
    assert len(untrained) == untrained.nunique() == 5
    row = found.comparisons.set_index("kind").loc["untrained"]
    assert row["spread_difference"] == pytest.approx(by_kind.loc["shown", "spread"] - untrained.mean())
    assert 0 < row["spread_difference_low"] < row["spread_difference"] < row["spread_difference_high"]
    assert "That is more than 5 untrained networks show" in found.verdict


def test_central_and_peripheral_are_told_by_the_pathway(found):
    roles = found.gates.query("network == 'core'").set_index("reaction")["role"]
    assert {r for r, role in roles.items() if role == "central"} == {"ACKr", "ATPS4r", "PFK", "PGK", "PPCK", "PPS", "PYK", "SUCOAS"}
    assert {r for r, role in roles.items() if role == "neither"} == {"ATPM", "Biomass_Ecoli_core", "GLNabc"}
    assert role_of("Citrate cycle (TCA cycle)") == role_of("Glycolysis / Gluconeogenesis") == "central"
    assert role_of("Transport, Inner Membrane") == role_of("around L-Glutamate") == role_of("") == "neither"
    assert role_of("Cell Envelope Biosynthesis") == role_of("Glyoxylate Metabolism") == "peripheral"


def test_an_order_of_too_few_reactions_is_no_finding(found):
    """Six against two: even a perfect order is 1 of 28, on either side, and the verdict may not make anything of it."""
    subject = found.networks.iloc[0]
    assert (subject["central"], subject["peripheral"]) == (6, 2)
    assert subject["auroc_p"] >= 2 / 28 - 1e-9
    assert "cannot be told from peripheral ones" in found.verdict
    assert "too few to tell" in found.verdict


def test_an_auroc_agrees_with_scikit_learn():
    from sklearn.metrics import roc_auc_score

    large = load_tables("iJO1366")
    test = metabolite_gate_test(large, "core", conditions=OWN, untrained=1)
    mine = test.gates.query("network == 'core' and coefficient == -1 and role != 'neither'")
    assert test.networks["auroc"].iloc[0] == pytest.approx(roc_auc_score(mine["role"] == "central", mine["gate"]))
    assert (test.networks["central"].iloc[0], test.networks["peripheral"].iloc[0]) == (15, 209)
    assert test.networks["auroc_low"].iloc[0] < test.networks["auroc"].iloc[0] < test.networks["auroc_high"].iloc[0]


def test_the_seeds_of_an_ensemble_are_asked_too(tables, shipped):
    seeds = load_members("core")[:3]
    test = metabolite_gate_test(tables, seeds, conditions=OWN, untrained=1)
    assert list(test.networks["kind"]) == ["shown", "another seed", "another seed", "one gate per metabolite", "untrained"]
    alone = [metabolite_gate_test(tables, one, conditions=OWN, untrained=0).networks.iloc[0] for one in seeds]
    assert test.networks["auroc"][:3].tolist() == pytest.approx([row["auroc"] for row in alone])
    assert test.networks["spread"][:3].tolist() == pytest.approx([row["spread"] for row in alone])
    assert set(test.comparisons["kind"]) == {"one gate per metabolite", "untrained"}  # a seed is no control
    aurocs, spreads = ([row[what] for row in alone] for what in ("auroc", "spread"))
    said = f"Over 3 seeds the spread is {np.mean(spreads):.3f} ± {np.std(spreads, ddof=1):.3f} and the AUROC {np.mean(aurocs):.2f} ± "
    assert said in test.verdict
    unclear = abs(np.mean(aurocs) - 0.5) <= 2 * np.std(aurocs, ddof=1)
    assert ("another training may say otherwise" in test.verdict) == unclear
    assert "seeds" not in metabolite_gate_test(tables, shipped, conditions=OWN, untrained=1).verdict


def test_controls_are_known_by_their_cards_and_a_control_as_good_as_the_network_takes_the_finding_back(tables, shipped):
    others = [made(shipped, "shuffled", control="shuffled labels"), made(shipped, "gated by metabolite", gate="metabolite")]
    test = metabolite_gate_test(tables, others[0], controls=[shipped, others[1]], conditions=OWN, untrained=1)
    assert list(test.networks["kind"]) == ["shown", "other network", "one gate per metabolite", "untrained"]
    assert test.networks["spread"].iloc[2] == 0
    itself = metabolite_gate_test(tables, shipped, controls=[(shipped[0], replace(others[0][1], name="twin"))], conditions=OWN, untrained=1)
    assert itself.networks["kind"].iloc[1] == "control"
    assert "That cannot be told from what twin (shuffled labels) show" in itself.verdict
    assert all(load_checkpoint(name)[1].content.get("control") or load_checkpoint(name)[1].gate == "metabolite" for name in controls_of(shipped[1]))


@pytest.mark.parametrize(
    ("gate", "said"), [("metabolite", "the same gate in its 13 reactions by construction"), ("none", "every gate of atp_c is 1")]
)
def test_a_network_that_cannot_differ_says_so_and_replacing_its_gates_does_nothing(tables, shipped, gate, said):
    test = metabolite_gate_test(tables, made(shipped, "plain", gate=gate), conditions=OWN, untrained=0, samples=4)
    assert said in test.verdict
    assert "changes nothing the network predicts" in test.verdict
    assert test.networks["spread"].iloc[0] == 0


def test_replacing_gates_is_a_forward_pass_with_the_mean_in_their_place(tables, shipped):
    network, _ = shipped
    table = replace_gates(tables, shipped, samples=3, draws=2, seed=4).table
    assert list(table["replaced"]) == [KEPT, MINE, RANDOM, RANDOM]
    assert list(table["incidences"]) == [0, 13, 13, 13]
    rows, changes = incidences_of(tables, "atp_c"), []
    for condition in sample_conditions(tables, 3, 4):
        graph = build_hypergraph(tables, medium=condition.medium, knockouts=condition.knockouts)
        assert np.array_equal(graph.bounds.lower, bounds_of(tables, condition).lower)
        with torch.no_grad():
            plain = run_network(network, graph, return_trace=True)
            gates = [trace.gate.clone() for trace in plain.traces]
            for gate in gates:
                gate[rows] = gate[rows].mean(0)
            changes.append(abs(float(run_network(network, graph, gate_override=gates).growth - plain.growth)))
    assert table["growth_change"].iloc[1] == pytest.approx(np.mean(changes), abs=1e-5)
    assert table["growth_change_largest"].iloc[1] == pytest.approx(np.max(changes), abs=1e-5)
    assert (table["flux_change"].iloc[1:] > 0).all()


def test_the_growth_r2_before_is_the_networks_own(tables, found):
    kept = found.replacement.table.iloc[0]
    assert kept["growth_r2"] > 0.8
    assert found.replacement.sentence in found.verdict
    assert found.manifest["replacement"] == {"samples": 8, "draws": 10, "distribution": "core-conditions-v1"}


def test_it_can_be_stopped_and_is_the_same_again(tables, shipped):
    first, second = (metabolite_gate_test(tables, shipped, conditions=OWN, untrained=2) for _ in range(2))
    assert first.networks.equals(second.networks)
    assert first.manifest["key"] == second.manifest["key"]
    with pytest.raises(Cancelled):
        metabolite_gate_test(tables, shipped, should_stop=lambda: True)
    with pytest.raises(Cancelled):
        replace_gates(tables, shipped, samples=2, should_stop=lambda: True)


def test_other_metabolites_and_unknown_ones(tables, shipped):
    single = metabolite_gate_test(
        tables, shipped, "glc__D_e" if "glc__D_e" in tables.metabolites else tables.metabolites[0], conditions=OWN, untrained=1
    )
    assert single.networks["reactions"].iloc[0] >= 1
    lone = next(m for m, n in zip(tables.metabolites, np.bincount(tables.rows, minlength=len(tables.metabolites)), strict=True) if n == 2)
    assert "cannot be compared" in metabolite_gate_test(tables, shipped, lone, conditions=OWN, untrained=1).verdict
    with pytest.raises(InputError, match="e_coli_core has no metabolite 'nope'"):
        metabolite_gate_test(tables, shipped, "nope")


def test_figures_stand_on_the_fixed_scale_and_carry_ids(found):
    mine = found.gates[found.gates["network"] == "core"]
    strip, beside = pathway_strip(mine, "atp_c", "core", over="mean", selected="rxn:PFK"), network_strip(found.gates, "atp_c")
    for figure in (strip, beside):
        assert tuple(figure.layout.xaxis.range) == (0, 1)
        assert "atp_c" in alt_text(figure)
    assert {point[0] for point in strip.data[0].customdata} == {f"rxn:{r}" for r in mine["reaction"]}
    assert (strip.data[0].marker.cmin, strip.data[0].marker.cmax) == (0, 1)
    assert sum(len(trace.x) for trace in beside.data if trace.customdata is not None) == len(found.gates)
    assert len(replacement_plot(found.replacement.table, "atp_c").data[1].x) == 10


def test_the_command_writes_tables_and_the_verdict(tmp_path, capsys):
    assert main(["gates", "e_coli_core", "--metabolite", "atp_c", "--samples", "2", "--device", "cpu", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["verdict"] in said.out
    assert {f.name for f in tmp_path.iterdir()} == {f"{n}.csv" for n in ("gates", "spread", "networks", "comparisons", "replacement")} | {
        "manifest.json"
    }
    assert main(["gates", "e_coli_core", "--metabolite", "nope", "--out", str(tmp_path)]) == 2
    assert "has no metabolite 'nope'" in capsys.readouterr().err
    assert main(["gates", "e_coli_core", "--samples", "-1", "--out", str(tmp_path)]) == 2
