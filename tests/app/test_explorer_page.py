"""The explorer under Streamlit's own test runner: networks of one's own, no attention, a file without objective, an Escher map."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import storage
from core.explain import reaction_importance
from core.metabolic import load_tables
from core.models import load_checkpoint
from tests.app.steps import opened
from tests.core.hostile import sbml

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("own_home")


def explorer(**query: str) -> AppTest:
    return opened("explorer", **query)


def shown(test: AppTest) -> str:
    return " ".join(str(element.value) for kind in (test.markdown, test.caption, test.info, test.warning, test.error) for element in kind)


def metric(test: AppTest, label: str) -> str:
    return next(str(m.value) for m in test.metric if m.label == label)


@pytest.fixture
def trained_here() -> str:
    """A tiny network without attention, trained as a run on this computer."""
    from core.models import save_checkpoint
    from core.train.evaluate import figures
    from core.train.metabolic import Run, TrainConfig

    folder = storage.folder("runs") / "20260101-000000-abcdef"
    network = {"hidden": 8, "heads": 1, "layers": 2, "attention": None}
    run = Run(TrainConfig(samples=32, validation=10, test=10, epochs=1, batch=16, network=network), folder)
    with ThreadPoolExecutor(1) as pool:
        parts = run.samples(pool, lambda *_: None, lambda: False)
    trained = run.fit(parts["train"], parts["validation"], lambda *_, **__: None, lambda: False)
    _, card = load_checkpoint("core")
    alone = {k: v for k, v in card.content.items() if k != "members"}
    content = {**alone, "name": "checkpoint", "network": run.config.build().to_dict(), "test": figures(run.tables, trained, parts["test"])}
    save_checkpoint(trained, content, folder)
    return f"run:{folder.name}"


def test_a_network_trained_here_can_be_looked_at_and_says_when_it_has_no_attention(trained_here: str) -> None:
    test = explorer(net=trained_here, by="attention", sel="rxn:PFK")
    growth = reaction_importance(
        load_tables("e_coli_core"), storage.folder("runs") / trained_here[4:] / "checkpoint.safetensors", methods=()
    ).prediction
    assert metric(test, "Growth, network") == f"{growth:.3f} /h"
    assert f"The network {trained_here} has no attention; choose gate or |message|." in shown(test)
    columns = {column for frame in test.dataframe for column in frame.value.columns}
    assert "gate" in columns
    assert not columns & {"attention", "attention_log2"}


def test_a_link_opens_no_file_of_this_computer(tmp_path: Path) -> None:
    core = ROOT / "assets" / "checkpoints" / "core.safetensors"
    assert "There is no network" in shown(explorer(net=str(core)))
    (tmp_path / "m.xml").write_text(sbml())
    assert "There is no model" in shown(explorer(model=str(tmp_path / "m.xml")))


def test_numbers_follow_the_layer_and_head() -> None:
    part = reaction_importance(load_tables("e_coli_core"), "core", methods=()).part(layer=2, head=1)
    row = part.table.set_index("reaction").loc["PFK"]
    test = explorer(sel="rxn:PFK", layer="2", head="1")
    assert f"mean {row['gate']:.3f}, max {row['gate_max']:.3f}" in shown(test)
    assert "layer 3, head 2" in shown(test)


def test_a_file_without_objective_offers_to_choose_one() -> None:
    test = explorer()
    test.file_uploader(key="upload-bar").set_value([("m.xml", sbml(objective=None).encode(), "text/xml")]).run()
    assert metric(test, "Growth, FBA") == "0.874 /h"
    choice = next(box for box in test.selectbox if box.label == "Objective" and box.options[0] == "BIOMASS")
    choice.select("BIOMASS")
    next(button for button in test.button if button.label == "Open with this objective").click().run()
    assert not test.exception
    assert "3 reactions" in shown(test)
    assert metric(test, "Growth, FBA") == "10.000 /h"


def test_an_escher_map_gives_positions_and_states_its_coverage() -> None:
    nodes = {
        "1": {"node_type": "metabolite", "x": 100, "y": 100, "bigg_id": "f6p_c", "name": "", "label_x": 0, "label_y": 0, "node_is_primary": True},
        "2": {"node_type": "midmarker", "x": 100, "y": 300},
        "3": {"node_type": "metabolite", "x": 100, "y": 500, "bigg_id": "fdp_c", "name": "", "label_x": 0, "label_y": 0, "node_is_primary": True},
    }
    segments = {"1": {"from_node_id": "1", "to_node_id": "2"}, "2": {"from_node_id": "2", "to_node_id": "3"}}
    pfk = {
        "bigg_id": "PFK",
        "name": "",
        "label_x": 0,
        "label_y": 0,
        "reversibility": False,
        "gene_reaction_rule": "",
        "genes": [],
        "segments": segments,
    }
    pfk["metabolites"] = [{"bigg_id": "f6p_c", "coefficient": -1}, {"bigg_id": "fdp_c", "coefficient": 1}]
    escher = [{"map_name": "m", "homepage": "", "schema": ""}, {"reactions": {"9": pfk}, "nodes": nodes, "text_labels": {}, "canvas": {}}]
    test = explorer()
    test.file_uploader(key="explorer_escher").set_value([("m.json", json.dumps(escher).encode(), "application/json")]).run()
    assert not test.exception
    assert "places 1 of the model's 95 reactions" in shown(test)
    test.file_uploader(key="explorer_escher").set_value([("m.json", b"{}", "application/json")]).run()
    assert any("Escher" in error.value for error in test.error)
    assert metric(test, "Growth, FBA") == "0.874 /h"
