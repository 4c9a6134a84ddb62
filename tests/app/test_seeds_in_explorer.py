"""Error bars over seeds in the explorer: those of core, and a sentence where the network is a single one."""

from __future__ import annotations

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import storage
from core.explain import reaction_importance
from core.metabolic import load_tables
from core.models import ReactionNetwork, load_checkpoint
from core.train.command import save_ensemble
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")


def texts(test: AppTest) -> str:
    return " ".join(str(element.value) for kind in (test.markdown, test.caption) for element in kind)


@pytest.fixture
def runs() -> tuple[str, str]:
    """An ensemble of two networks trained here (the shipped one and itself with noise), and one network alone."""
    network, card = load_checkpoint("core")
    noisy = ReactionNetwork(network.config).eval()
    generator = torch.Generator().manual_seed(1)
    noisy.load_state_dict({k: v + 0.02 * torch.randn(v.shape, generator=generator) for k, v in network.state_dict().items()})
    content = {k: v for k, v in card.content.items() if k not in ("members", "member_of", "weights_sha256", "schema")} | {"name": "checkpoint"}
    names = "20260101-000000-abcdef", "20260101-000001-abcdef"
    for name, networks in zip(names, ([network, noisy], [network]), strict=True):
        save_ensemble(networks, content, [10, 11][: len(networks)], storage.folder("runs") / name)
    return f"run:{names[0]}", f"run:{names[1]}"


def test_growth_card_and_table_carry_the_spread(runs: tuple[str, str]) -> None:
    found = reaction_importance(load_tables("e_coli_core"), storage.folder("runs") / runs[0][4:] / "checkpoint.safetensors", methods=())
    assert found.seeds == 2
    test = opened("explorer", net=runs[0], sel="rxn:PFK")
    metric = next(m for m in test.metric if m.label == "Growth, network")
    assert metric.value == f"{found.prediction:.3f} /h"
    assert metric.delta == f"± {found.prediction_sd:.3f} /h (2 seeds)"
    row = found.table.set_index("reaction").loc["PFK"]
    assert f"gate ± {row['gate_seed_sd']:.3f}, flux ± {row['flux_seed_sd']:.3f} mmol/gDW/h (2 networks" in texts(test)
    tables = [frame.value for frame in test.dataframe if "gate_seed_sd" in frame.value.columns]
    assert len(tables) == 2  # the card's incidences and the ranked reactions
    ranked = next(t for t in tables if "gpr" in t.columns).set_index("reaction")
    assert ranked.loc["PFK", "gate_seed_sd"] == pytest.approx(row["gate_seed_sd"])
    assert "standard deviation over 2 networks" in texts(test)
    one_layer = opened("explorer", net=runs[0], sel="rxn:PFK", layer="2")
    assert "gate: no error bar for one layer or head, flux ±" in texts(one_layer)
    metabolite = opened("explorer", net=runs[0], sel="met:atp_c")
    assert sum("gate_seed_sd" in frame.value.columns for frame in metabolite.dataframe) == 2


def test_a_single_network_says_that_it_has_none(runs: tuple[str, str]) -> None:
    test = opened("explorer", net=runs[1], sel="rxn:PFK")
    assert next(m for m in test.metric if m.label == "Growth, network").delta in (None, "")
    assert "a single network, no error bar" in texts(test)
    assert "A single network: no error bars over seeds." in texts(test)
    assert not any("gate_seed_sd" in frame.value.columns for frame in test.dataframe)
