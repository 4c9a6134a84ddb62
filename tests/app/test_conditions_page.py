"""The page of two conditions under Streamlit's own test runner: core's numbers, conditions that cannot be used, links, undo, essentiality."""

from __future__ import annotations

import json
import re
import threading

import pytest
import torch
from streamlit.testing.v1 import AppTest

from core import storage
from core.errors import Cancelled
from core.explain import compare, matrix
from core.metabolic import fba, load_model, load_tables, named_media
from core.metabolic.condition import Condition
from core.models import ReactionNetwork, load_checkpoint, save_checkpoint
from core.ui.conditions.essential import knockouts
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture(scope="module")
def found():
    """Air against none, as the page starts."""
    return compare(load_model("e_coli_core"), "core", Condition(), "core", Condition("anaerobic glucose"))


def page(**query: str) -> AppTest:
    return opened("conditions", **query)


def shown(test: AppTest) -> str:
    said = " ".join(str(element.value) for kind in (test.markdown, test.caption, test.info, test.warning, test.error) for element in kind)
    return re.sub(r"\\(.)", r"\1", said)


def metrics(test: AppTest, label: str) -> list[str]:
    return [str(m.value) for m in test.metric if m.label == label]


def reactions(test: AppTest):
    return next(frame.value for frame in test.dataframe if "gate_difference" in frame.value and "equation" in frame.value).set_index("reaction")


def test_the_first_look_is_air_against_none(found) -> None:
    test = page()
    assert metrics(test, "Growth, network") == [f"{value:.3f} /h" for value in found.growth["predicted"]]
    assert metrics(test, "Growth, FBA") == [f"{value:.3f} /h" for value in found.growth["fba"]]
    table = reactions(test)
    expected = found.reactions.set_index("reaction").loc[table.index]
    for column in ("gate_a", "gate_difference", "flux_fba_b", "rank_flux_fba"):
        assert (table[column] - expected[column]).abs().max() < 1e-6, column
    assert table["rank_gate"].iloc[0] == 1
    first = next(frame.value for frame in test.dataframe if "gate_difference" in frame.value and "equation" not in frame.value)
    assert first["gate_difference"].abs().tolist() == sorted(found.reactions["gate_difference"].abs(), reverse=True)[:30]
    assert "the model's own medium (the same as aerobic glucose)" in shown(test)
    said = f"{found.moved} of 95 gates moved by 0.01 or more; {found.steady} of them by more than 2 standard deviations of their change over 5 seeds"
    assert said in shown(test)


def test_moved_says_the_agreement_in_words(found) -> None:
    test = page(**{"s.conditions.view": '"moved"'})
    assert found.headline.sentence in shown(test)
    table = next(frame.value for frame in test.dataframe if "Spearman" in frame.value)
    assert table["Spearman"].tolist() == pytest.approx([one.spearman for one in found.agreements])


def test_media_show_the_matrix_and_offer_single_carbon_sources() -> None:
    test = page(**{"s.conditions.view": '"media"', "ko": "PGI"})
    tables = load_tables("e_coli_core")
    made = matrix(tables, "core", named_media(tables), ["PGI"])
    assert made.clustered(25).sentence in shown(test)
    first = made.clustered(25).gates.index[0]
    assert f"{made.gate_sd.loc[first].iloc[0]:.3f} over seeds" in " ".join(str(chart.proto.spec) for chart in test.get("plotly_chart"))
    silent = [name for name, status in made.growth["status"].items() if status != "optimal"]
    assert silent and f"no flux distribution on {', '.join(silent)}" in shown(test)
    picked = test.multiselect(key="conditions_media")
    assert picked.value == list(named_media(tables))
    picked.select("EX_fru_e").run()
    assert not test.exception
    assert "".join(test.query_params["media"]) == ",".join([*named_media(tables), "EX_fru_e"])


def test_b_is_in_the_link_and_can_be_undone_swapped_and_copied() -> None:
    test = page(mediumb="acetate", kob="PFK", ko="PGI")
    assert "acetate, without PFK, network core" in shown(test)
    test.button(key="conditions_swap").click().run()
    swapped = {name: test.query_params[name] for name in ("medium", "ko", "mediumb", "kob")}
    assert {name: "".join(value) for name, value in swapped.items()} == {"medium": "acetate", "ko": "PFK", "mediumb": "own", "kob": "PGI"}
    test.button(key="undo").click().run()
    assert "".join(test.query_params["mediumb"]) == "acetate"
    test.button(key="conditions_copy").click().run()
    assert not test.exception
    assert "A and B are the same condition and the same network" in shown(test)


def test_the_card_follows_the_selection_in_both_conditions(found) -> None:
    test = page(sel="rxn:G6PDH2r")
    row = found.reactions.set_index("reaction").loc["G6PDH2r"]
    card = next(frame.value for frame in test.dataframe if "quantity" in frame.value).set_index("quantity")
    assert card.loc["gate", "A - B"] == pytest.approx(row["gate_difference"])
    assert card.loc["flux, FBA", "A"] == pytest.approx(row["flux_fba_a"])
    assert card.loc["gate", "rank"] == row["rank_gate"]
    other = page(sel="met:atp_c", by="attention")
    assert next(frame.value for frame in other.dataframe if "reaction" in frame.value)["reaction"].isin(found.reactions["reaction"]).all()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"mediumb": "soup"}, "B: e_coli_core has no medium called 'soup'"),
        ({"kob": "XYZ"}, "B: e_coli_core has no gene or reaction 'XYZ'"),
        ({"netb": "nope"}, "B: There is no network 'nope'"),
        ({"medium": "soup"}, "no medium called 'soup'"),
        ({"mediumb": "EX_nh4_e:10"}, "FBA finds no flux distribution in B"),
        ({"model": "toy"}, "This model has no named media"),
        ({"model": "toy"}, "3 of 3 reactions here (100%) were never seen"),
    ],
    ids=["medium", "knock-out", "network", "medium of A", "infeasible", "no named media", "not trained on it"],
)
def test_what_cannot_be_used_is_one_sentence_and_the_page_stays(query: dict[str, str], words: str) -> None:
    test = page(**query, **({"s.conditions.view": '"moved"'} if "EX_nh4_e" in str(query) else {}))
    assert words in shown(test)
    assert len(metrics(test, "Growth, network")) == 2
    assert len(reactions(test)) in (95, 3)


def test_seeds_of_an_ensemble_give_the_spread() -> None:
    folder = storage.folder("runs") / "20260101-000000-abcdef"
    network, card = load_checkpoint("core")
    save_checkpoint(network, {**card.content, "name": "checkpoint", "members": ["checkpoint.seed1"]}, folder)
    torch.manual_seed(1)
    shaken = ReactionNetwork(network.config)
    shaken.load_state_dict({name: value + 0.02 * torch.randn_like(value) for name, value in network.state_dict().items()})
    save_checkpoint(shaken, {**card.content, "name": "checkpoint.seed1", "member_of": "checkpoint"}, folder)
    test = page(net=f"run:{folder.name}", sel="rxn:PFL")
    weights = folder / "checkpoint.safetensors"
    made = compare(load_tables("e_coli_core"), weights, Condition(), weights, Condition("anaerobic glucose"))
    assert made.seeds == 2
    assert f"{made.steady} of them by more than 2 standard deviations of their change over 2 seeds" in shown(test)
    assert (reactions(test)["gate_difference_sd"] - made.reactions.set_index("reaction")["gate_difference_sd"]).abs().max() < 1e-6
    row = made.reactions.set_index("reaction").loc["PFL"]
    mean, sd = row["gate_difference_mean"], row["gate_difference_sd"]
    said = f"gate A - B {mean:+.3f} ± {sd:.3f} (A ± {row['gate_sd_a']:.3f}, B ± {row['gate_sd_b']:.3f})"
    assert f"Means and standard deviations over 2 seeds: {said}; flux, network A - B {row['flux_predicted_difference_mean']:+.3f}" in shown(test)
    bars = [m.delta for m in test.metric if m.label == "Growth, network"]
    assert bars == [f"± {sd:.3f} /h (2 seeds)" for sd in made.growth["predicted_sd"]]


def test_essentiality_is_asked_for_and_then_shown(found) -> None:
    query = {"s.conditions.view": '"moved"', "mediumb": "acetate"}
    test = page(**query)
    assert "ratio_a" not in reactions(test)
    test.button(key="conditions_essential").click().run()
    assert not test.exception
    for job in list(knockouts()._jobs.values()):
        assert job.ended.wait(60)
    test.run()
    table = reactions(test)
    model = load_model("e_coli_core")
    alone, whole = fba(model, knockouts=["PGI"]).growth, fba(model).growth
    assert table.loc["PGI", "ratio_a"] == pytest.approx(alone / whole, abs=1e-6)
    assert "knock-out growth ratio moved" in shown(test)
    assert not [button for button in test.button if button.key == "conditions_essential"]


def test_cancel_reaches_the_knock_outs_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def endless(model, *, on_progress, should_stop, **condition):
        begun.set()
        while not should_stop():
            on_progress(1, 2)
        raise Cancelled("stopped")

    monkeypatch.setattr("core.metabolic.knockouts.knockout_growth", endless)
    test = page(**{"s.conditions.view": '"moved"', "mediumb": "succinate"})
    test.button(key="conditions_essential").click().run()
    assert begun.wait(30)
    [job] = knockouts()._jobs.values()
    test.button(key="conditions_essential_cancel").click().run()
    assert job.ended.wait(30)
    assert not test.exception
    assert [button.label for button in test.button if button.key == "conditions_essential"] == ["Compute essentiality in A and B"]
    assert "ratio_a" not in reactions(test)


def test_everything_can_be_taken_along(found) -> None:
    test = page(**{"s.conditions.panel": '"Export"'})
    assert not test.exception
    labels = [element.label for element in test.get("download_button")]
    assert {"Reactions, CSV", "Incidences, CSV", "Agreement, CSV", "Manifest, JSON", "Network A - B, SVG", "Network B, HTML"} <= set(labels)
    assert json.dumps(found.manifest, allow_nan=False)
