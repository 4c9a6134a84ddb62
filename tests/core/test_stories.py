"""Findings of the stories: their numbers are those of the explorer, of COBRApy and of counting by hand; an outcome holds over the seeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.errors import InputError
from core.explain.bases import base_importance
from core.explain.reactions import INSTANT, reaction_importance
from core.explain.rna_stories import _places, elements_carry, found_from_each_other, through_elements
from core.explain.stories import AGREES, AGREES_NOT, UNTOLD, atp_gates, change, control_point, over_seeds, rescue
from core.metabolic.condition import Condition
from core.metabolic.media import named_media
from core.metabolic.tables import ModelTables
from core.models import load_checkpoint, load_members
from core.rna.library import list_library
from core.ui.stories.scripts import DEMANDING, Asked, story_of


@pytest.fixture(scope="module")
def core(tabled: Callable[[str], ModelTables]) -> ModelTables:
    return tabled("e_coli_core")


def test_an_expectation_holds_over_the_seeds_or_cannot_be_told() -> None:
    assert over_seeds([0.7, 0.8, 0.75], 0.5) == AGREES and over_seeds([0.2, 0.25, 0.3], 0.5) == AGREES_NOT
    assert over_seeds([0.9, 0.3, 0.8], 0.5) == UNTOLD and over_seeds([0.6], 0.5) == AGREES and over_seeds([0.5], 0.5) == UNTOLD


def test_atp_gates_are_those_of_the_explorer(core: ModelTables) -> None:
    found = atp_gates(core, load_members("core"), "PFK")
    rows = reaction_importance(core, load_checkpoint("core"), methods=INSTANT).incidences
    own = rows[(rows["reaction"] == "PFK") & (rows["metabolite"] == "atp_c")]["gate"].iloc[0]
    assert found.numbers["gate"] == pytest.approx(own, abs=1e-6)
    others = found.table[found.table["reaction"] != "PFK"]
    assert set(others["role"]) == {"peripheral"} and set(found.table["coefficient"]) == {-1.0}
    assert found.numbers["share narrower"] == pytest.approx((others["gate"] < own).mean()) and found.numbers["peripheral reactions"] == len(others)
    with pytest.raises(InputError, match="'PGI' does not use atp_c"):
        atp_gates(core, load_members("core"), "PGI")


def test_nothing_makes_a_point_of_control_of_a_reaction(core: ModelTables) -> None:
    import cobra

    found = control_point(core, load_members("core"), "PYK")
    model = cobra.io.load_model("textbook")
    with model:
        model.reactions.PYK.knock_out()
        lost = model.slim_optimize()
    assert found.outcome == UNTOLD and found.numbers["growth without it, FBA"] == pytest.approx(lost, abs=1e-6)
    assert "cannot show a point of control" in found.reason


def test_oxygen_moves_fluxes_as_flux_balance_does(core: ModelTables) -> None:
    found = change(core, load_members("core"), Condition("aerobic glucose"), Condition("anaerobic glucose"), ("PFL", "CS", "ATPS4r"))
    table = found.table.set_index("reaction")
    assert found.outcome == AGREES and found.numbers["moved the same way"] == found.numbers["reactions that FBA moves"] == 3
    assert table.loc["PFL", "flux after, FBA"] > 10 > 1e-6 > table.loc["PFL", "flux before, FBA"] and table.loc["ATPS4r", "flux after, FBA"] < 0
    seen = reaction_importance(core, load_checkpoint("core"), medium="anaerobic glucose", methods=INSTANT).table.set_index("reaction")
    assert table["flux after, network"].to_dict() == pytest.approx(seen.loc[table.index, "flux_predicted"].to_dict(), abs=1e-4)
    assert table["gate after"].to_dict() == pytest.approx(seen.loc[table.index, "gate"].to_dict(), abs=1e-6)
    with pytest.raises(InputError, match="no reaction 'XYZ'"):
        change(core, load_members("core"), Condition(), Condition(), ("XYZ",))
    still = change(core, load_members("core"), Condition(), Condition(), ("PFL", "CS"))
    assert still.outcome == UNTOLD and still.numbers["reactions that FBA moves"] == 0


def test_a_knock_out_is_fed_round(core: ModelTables) -> None:
    found = rescue(core, load_members("core"), "CS", "EX_akg_e")
    whole, lost, fed = found.table["growth, FBA"]
    assert found.outcome == AGREES and whole == pytest.approx(0.8739, abs=1e-4) and lost == 0 < whole < fed
    untrained = [(load_checkpoint("core-shuffled")[0], load_checkpoint("core-shuffled")[1])]
    assert rescue(core, untrained, "CS", "EX_akg_e").outcome != AGREES  # one that learned from shuffled labels does not know


def test_elements_carry_shares_that_add_up() -> None:
    record = next(one.record for one in list_library() if one.id == "trna-phe")
    found = elements_carry(record, [load_checkpoint("rna")], ("h1", "h2"))
    assert found.table["share of bases"].sum() == pytest.approx(1) and found.table["share of attribution"].sum() == pytest.approx(1, abs=1e-6)
    assert found.numbers["share of bases"] == pytest.approx(14 / 76)
    with pytest.raises(InputError, match="no element 'h9'"):
        elements_carry(record, [load_checkpoint("rna")], ("h9",))


def test_messages_through_elements_are_those_of_the_page() -> None:
    record = next(one.record for one in list_library() if one.id == "trna-phe")
    found = through_elements(record, [load_checkpoint("rna")])
    edges = base_importance(record, "rna").edges
    means = edges.groupby("kind")["message"].mean()
    assert found.table.set_index("kind of edge")["mean |message|"].to_dict() == pytest.approx(means.to_dict())
    assert found.numbers["ratio to base pairs"] == pytest.approx((means["element to base"] + means["base to element"]) / 2 / means["pair"])
    with pytest.raises(InputError, match="no elements"):
        through_elements(record, [load_checkpoint("rna_standard")])


def test_places_by_hand_and_hammerheads_both_ways() -> None:
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.5, 0.5]])
    assert _places(vectors, [(0, 1), (0, 3), (0, 2), (2, 3)]).tolist() == [1, 2, 3, 1]
    found = found_from_each_other("hammerhead", [load_checkpoint("rna")])
    assert found.numbers["pairs"] == len(found.table) == 20
    both = found.numbers["sooner by the network"] + found.numbers["later by the network"]
    assert both + (found.table["place, network"] == found.table["place, 4-mers"]).sum() == 20
    gain = np.log(found.table["place, 4-mers"] / found.table["place, network"]).mean()
    assert found.numbers["mean log ratio"] == pytest.approx(gain)
    with pytest.raises(InputError, match="no two RNAs"):
        found_from_each_other("nothing-of-it", [load_checkpoint("rna")])


def test_a_network_that_never_met_another_maintenance_does_not_hear_it(core: ModelTables) -> None:
    raised = {**named_media(core)["acetate"], "ATPM": 20.0}
    assert raised == DEMANDING
    found = change(core, load_members("core"), Condition("acetate"), Condition(raised), ("ICDHyr", "ICL"))
    table = found.table.set_index("reaction")
    assert table.loc["ICDHyr", "flux after, FBA"] > table.loc["ICDHyr", "flux before, FBA"] + 1
    assert table.loc["ICL", "flux after, FBA"] < table.loc["ICL", "flux before, FBA"] - 0.5
    assert found.outcome == AGREES_NOT and found.numbers["hardly moved, or the other way"] == 2


def test_the_command_line_tells_what_the_page_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stories", "oxygen", "pep", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    for key in ("oxygen", "pep"):
        story = story_of(key)
        found = story.ask(Asked(load_members(story.network), "cpu"))
        assert f"{key}: {found.outcome}; {found.reason}." in told
        stored = pd.read_csv(tmp_path / f"{key}.csv")
        assert stored["reaction"].tolist() == found.table["reaction"].tolist()
        assert json.loads((tmp_path / "numbers.json").read_text())[key] == pytest.approx(found.numbers)
    assert pd.read_csv(tmp_path / "stories.csv")["story"].tolist() == ["oxygen", "pep"]
    assert main(["stories", "love", "--out", str(tmp_path)]) == 2
    assert "no story 'love'" in capsys.readouterr().err
