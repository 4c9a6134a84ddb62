"""Findings of the stories: their numbers are those of the explorer and of COBRApy, and their rules tell knowledge from chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.errors import Cancelled, InputError
from core.explain.outcomes import (
    AGREES,
    AGREES_NOT,
    FEWEST,
    UNTOLD,
    Finding,
    all_of,
    judged,
    over_seeds,
    place,
    shifted,
    side,
    spread,
    stands_out,
    stays,
)
from core.explain.reactions import INSTANT, reaction_importance
from core.explain.stories import atp_gates, change, control_point, rescue, share_of_second, two_ways
from core.metabolic.condition import Condition, own_medium
from core.metabolic.media import named_media
from core.metabolic.tables import ModelTables
from core.models import load_checkpoint, load_members
from core.ui.stories.scripts import ACETATE, DEMANDING, FED, GIVEN, OWN, SHORT, SHORT_OF_AMMONIUM, STORIES, story_of


@pytest.fixture(scope="module")
def core(tabled: Callable[[str], ModelTables]) -> ModelTables:
    return tabled("e_coli_core")


def test_an_expectation_holds_over_the_seeds_or_cannot_be_told() -> None:
    assert over_seeds([0.7, 0.8, 0.75], 0.5) == AGREES and over_seeds([0.2, 0.25, 0.3], 0.5) == AGREES_NOT
    assert over_seeds([0.9, 0.3, 0.8], 0.5) == UNTOLD and over_seeds([0.5, 0.5], 0.5) == UNTOLD and over_seeds([np.nan, 1.0], 0.5) == UNTOLD
    assert stays([0.01, -0.01, 0.0], 0.1) == AGREES and stays([-0.3, -0.31, -0.29], 0.1) == AGREES_NOT and stays([0.0, 0.3, 0.1], 0.1) == UNTOLD
    assert all_of([AGREES, AGREES]) == AGREES and all_of([AGREES, UNTOLD]) == UNTOLD and all_of([UNTOLD, AGREES_NOT]) == AGREES_NOT
    assert spread([0.5, 0.7], ".0%") == "60% ± 14% (2 seeds)" and spread([0.5], ".0%") == "50%"
    agrees, untold = (Finding({}, outcome, "", pd.DataFrame(), judge="FBA") for outcome in (AGREES, UNTOLD))
    assert agrees.words == "the network agrees with FBA" and untold.words == UNTOLD


def test_one_network_alone_tells_nothing() -> None:
    assert over_seeds([0.9], 0.5) == stays([0.0], 0.1) == stands_out([1], 100) == UNTOLD


def test_a_steady_place_in_the_middle_is_no_evidence() -> None:
    """A gate wider than 60% of others in every seed once counted as agreement, as if chance gave 50%."""
    others = np.linspace(0, 1, 100)
    assert place(0.6, others) == pytest.approx(0.6) and side(0.6, others) == 0
    assert stands_out([side(gate, others) for gate in (0.6, 0.61, 0.59, 0.6, 0.6)], len(others)) == AGREES_NOT


def test_what_stands_out_does_so_in_every_seed_and_not_in_the_control() -> None:
    others = np.linspace(0, 1, 100)
    wide, narrow = side(0.99, others), side(0.01, others)
    assert (wide, narrow) == (1, -1)
    assert stands_out([wide] * 5, 100) == stands_out([narrow] * 5, 100) == stands_out([wide] * 5, 100, control=narrow) == AGREES
    assert stands_out([wide] * 5, 100, control=wide) == stands_out([narrow] * 5, 100, control=narrow) == UNTOLD
    assert stands_out([wide, wide, narrow], 100) == stands_out([wide, wide, 0], 100) == UNTOLD
    assert side(2.0, others[: FEWEST - 1]) == 0 and side(2.0, others[:FEWEST]) == 1  # 1 of 20 is 5%
    assert stands_out([1, 1], FEWEST - 1) == UNTOLD


def test_chance_stands_out_once_in_ten_on_either_side() -> None:
    draws = np.random.default_rng(0).random((2000, 100))
    found = [side(one[0], one[1:]) for one in draws]
    assert 0.03 < np.mean(np.array(found) == 1) < 0.07 and 0.03 < np.mean(np.array(found) == -1) < 0.07


def test_fluxes_agree_where_they_go_at_least_half_of_the_way() -> None:
    wanted = np.array([10.0, -4.0, 0.0])
    near = np.array([[9.0, -3.0, 0.1], [8.0, -3.2, -0.1], [8.5, -3.1, 0.0]])
    told, strayed = judged(near, wanted)
    assert told == [AGREES, AGREES] and strayed == [AGREES]
    told, _ = judged(near * 0.3, wanted)  # 30% of the way once counted as moved the same way
    assert told == [AGREES_NOT, AGREES_NOT]
    stray = near + np.array([0.0, 0.0, 3.0])
    assert judged(stray, wanted)[1] == [AGREES_NOT]
    shuffled = np.random.default_rng(0).permuted(np.tile(wanted, (5, 1)), axis=1)
    assert AGREES not in judged(shuffled, wanted)[0]
    torn = near * np.array([[1.0], [0.1], [1.0]])
    assert judged(torn, wanted)[0] == [UNTOLD, UNTOLD]
    assert judged(near, np.zeros(3)) == ([], []) and judged(near, np.full(3, np.nan)) == ([], [])


def test_atp_gates_are_those_of_the_explorer(core: ModelTables) -> None:
    found = atp_gates(core, load_members("core"), "PFK", control=load_checkpoint("core-shuffled"))
    for network, column in (("core", "gate"), ("core-shuffled", "gate, shuffled labels")):
        rows = reaction_importance(core, load_checkpoint(network), methods=INSTANT).incidences
        gates = rows[rows["metabolite"] == "atp_c"].set_index("reaction")["gate"]
        assert found.table[column].to_numpy() == pytest.approx(gates[found.table["reaction"]].to_numpy(), abs=1e-6)
    own = found.table["reaction"] == "PFK"
    assert set(found.table["role"][~own]) == {"peripheral"} and set(found.table["coefficient"]) == {-1.0}
    for numbered, column in (("share narrower", "gate"), ("share narrower, shuffled labels", "gate, shuffled labels")):
        assert found.numbers[numbered] == pytest.approx((found.table[column][~own] < found.table[column][own].iloc[0]).mean())
    assert found.numbers["peripheral reactions"] == (~own).sum() < FEWEST
    assert found.outcome == UNTOLD and "not even the widest gate of all" in found.reason
    with pytest.raises(InputError, match="'PGI' does not use atp_c"):
        atp_gates(core, load_members("core"), "PGI")


def test_a_gate_that_the_control_shows_too_is_told_as_such() -> None:
    """On the genome there are enough reactions: the network as its own control can never stand out from it."""
    from core.metabolic import load_tables

    tables, network = load_tables("iJO1366"), load_checkpoint("genome")
    rows = reaction_importance(tables, network, methods=INSTANT).incidences
    gates = rows[rows["metabolite"] == "atp_c"].set_index("reaction")["gate"]
    found = atp_gates(tables, [network, network], "HEX1", control=network)
    assert found.numbers["gate"] == pytest.approx(gates["HEX1"], abs=1e-6) and found.numbers["peripheral reactions"] > FEWEST
    assert found.numbers["share narrower"] == found.numbers["share narrower, shuffled labels"]
    assert found.table["gate"].to_numpy() == pytest.approx(gates[found.table["reaction"]].to_numpy(), abs=1e-6)
    assert found.outcome != AGREES
    widest = found.table["reaction"].iloc[0]
    alone = atp_gates(tables, [network, network], widest)
    assert alone.outcome == AGREES and atp_gates(tables, [network, network], widest, control=network).outcome == UNTOLD
    assert atp_gates(tables, [network], widest).outcome == UNTOLD and "one network alone" in atp_gates(tables, [network], widest).reason


def test_nothing_makes_a_point_of_control_of_a_reaction(core: ModelTables) -> None:
    import cobra

    found = control_point(core, load_members("core"), "PYK")
    model = cobra.io.load_model("textbook")
    with model:
        model.reactions.PYK.knock_out()
        lost = model.slim_optimize()
    seen = reaction_importance(core, load_checkpoint("core"), knockouts=("PYK",), methods=INSTANT)
    assert found.numbers["growth without it, FBA"] == pytest.approx(lost, abs=1e-6)
    assert found.numbers["growth without it, network"] == pytest.approx(seen.prediction, abs=1e-6)
    assert found.outcome == UNTOLD and "cannot show a point of control" in found.reason


def test_oxygen_moves_fluxes_as_flux_balance_does(core: ModelTables) -> None:
    found = change(core, load_members("core"), Condition("aerobic glucose"), Condition("anaerobic glucose"), ("PFL", "CS", "ATPS4r"))
    table = found.table.set_index("reaction")
    assert table.loc["PFL", "flux after, FBA"] > 10 > 1e-6 > table.loc["PFL", "flux before, FBA"] and table.loc["ATPS4r", "flux after, FBA"] < 0
    seen = reaction_importance(core, load_checkpoint("core"), medium="anaerobic glucose", methods=INSTANT).table.set_index("reaction")
    assert table["flux after, network"].to_dict() == pytest.approx(seen.loc[table.index, "flux_predicted"].to_dict(), abs=1e-4)
    assert table["gate after"].to_dict() == pytest.approx(seen.loc[table.index, "gate"].to_dict(), abs=1e-6)
    assert table["network / FBA"].to_dict() == pytest.approx((table["change, network, mean over seeds"] / table["change, FBA"]).to_dict())
    assert found.words == "the network agrees with FBA" and found.numbers["moved the same way"] == found.numbers["reactions that FBA moves"] == 3
    shuffled = load_checkpoint("core-shuffled")
    untaught = change(core, [shuffled, shuffled], *found.conditions, ("PFL", "CS", "ATPS4r"))
    assert untaught.outcome == AGREES_NOT
    counts = [found.numbers[f"moved{how}"] for how in (" the same way", " in some seeds only")]
    assert sum(counts) + found.numbers["hardly moved, or the other way"] == 3
    with pytest.raises(InputError, match="no reaction 'XYZ'"):
        change(core, load_members("core"), Condition(), Condition(), ("XYZ",))
    still = change(core, load_members("core"), Condition(), Condition(), ("PFL", "CS"))
    assert still.outcome == UNTOLD and still.numbers["reactions that FBA moves"] == 0


def test_the_share_of_a_way_counts_only_what_it_makes() -> None:
    assert share_of_second(np.array([[3.0, 1.0], [-2.0, 1.0], [4.0, -1.0]])).tolist() == [0.25, 1.0, 0.0]
    assert np.isnan(share_of_second(np.array([[-1.0, 0.0]]))[0])


def test_a_network_that_does_not_hear_a_shortage_cannot_be_said_to_stay() -> None:
    none, falls = np.array([0.0, 0.01, -0.01]), np.array([-0.5, -0.45, -0.4])
    assert shifted(none, 0.0, falls, -0.5) == AGREES and shifted(none, 0.0, none, -0.5) == UNTOLD == shifted(none, 0.0, -falls, -0.5)
    assert shifted(none + 0.5, float("nan"), falls, -0.5) == UNTOLD
    assert shifted(none + 0.5, 0.0, falls, -0.5) == AGREES_NOT
    assert shifted(none + 0.5, 0.6, none, -0.5) == AGREES and shifted(none - 0.5, 0.6, falls, -0.5) == AGREES_NOT


def test_the_two_ways_to_glutamate_are_those_of_flux_balance_and_of_the_explorer(core: ModelTables) -> None:
    import cobra
    from cobra.flux_analysis import pfba

    found = two_ways(core, load_members("core"), GIVEN, SHORT, "GLUDy", "GLUSy", "glu__L_c", also=("GLNS",))
    table = found.table.set_index("reaction")
    model = cobra.io.load_model("textbook")
    model.medium = dict(SHORT.medium)  # type: ignore[arg-type]
    fluxes = pfba(model).fluxes
    assert table["flux after, FBA"].to_dict() == pytest.approx({r: fluxes[r] for r in table.index}, abs=1e-5)
    assert [found.numbers[f"share of GLUSy {when}, FBA"] for when in ("before", "after")] == pytest.approx([0, 0], abs=1e-6)
    seen = reaction_importance(core, load_checkpoint("core"), medium=SHORT.medium, methods=INSTANT).table.set_index("reaction")
    assert table["flux after, network"].to_dict() == pytest.approx(seen.loc[table.index, "flux_predicted"].to_dict(), abs=1e-4)
    made = max(0.0, -table.loc["GLUDy", "flux after, network"]), max(0.0, table.loc["GLUSy", "flux after, network"])
    assert found.numbers["share of GLUSy after, network"] == pytest.approx(made[1] / sum(made), abs=1e-5)
    with pytest.raises(InputError, match="PGI neither makes nor uses glu__L_c"):
        two_ways(core, load_members("core"), GIVEN, SHORT, "GLUDy", "PGI", "glu__L_c")


def test_a_knock_out_is_fed_round(core: ModelTables) -> None:
    found = rescue(core, load_members("core"), "CS", "EX_akg_e")
    whole, lost, fed = found.table["growth, FBA"]
    assert found.words == "the network agrees with FBA" and whole == pytest.approx(0.8739, abs=1e-4) and lost == 0 < whole < fed
    for condition, grown in zip(found.conditions, found.table["growth, network"], strict=True):
        seen = reaction_importance(core, load_checkpoint("core"), medium=condition.medium, knockouts=condition.knockouts, methods=INSTANT)
        assert grown == pytest.approx(seen.prediction, abs=1e-5)
    shuffled = load_checkpoint("core-shuffled")
    assert rescue(core, [shuffled, shuffled], "CS", "EX_akg_e").outcome == AGREES_NOT  # one that learned from shuffled labels does not know
    assert rescue(core, [load_checkpoint("core")], "CS", "EX_akg_e").outcome == UNTOLD


def test_the_conditions_of_the_stories_are_those_of_the_model(core: ModelTables) -> None:
    own = own_medium(core)
    assert own == OWN
    assert SHORT.medium == {**own, "EX_nh4_e": SHORT_OF_AMMONIUM} and FED.medium == {**own, "EX_akg_e": 10.0}
    assert DEMANDING.medium == {**named_media(core)["acetate"], "ATPM": 20.0}


def test_a_raised_maintenance_is_told_beside_flux_balance(core: ModelTables) -> None:
    found = change(core, load_members("core"), ACETATE, DEMANDING, ("ICDHyr", "ICL"))
    table = found.table.set_index("reaction")
    assert table.loc["ICDHyr", "flux after, FBA"] > table.loc["ICDHyr", "flux before, FBA"] + 1
    assert table.loc["ICL", "flux after, FBA"] < table.loc["ICL", "flux before, FBA"] - 0.5
    seen = reaction_importance(core, load_checkpoint("core"), medium=DEMANDING.medium, methods=INSTANT).table.set_index("reaction")
    assert table["flux after, network"].to_dict() == pytest.approx(seen.loc[table.index, "flux_predicted"].to_dict(), abs=1e-4)
    assert found.outcome == AGREES_NOT and found.numbers["hardly moved, or the other way"] == 2


def test_what_stories_call_outside_of_training_is_so() -> None:
    bounds = load_checkpoint("core")[1].content["trained_on"]["bounds"]  # lowest and highest lower bound, then of the upper one
    assert bounds["ATPM"][:2] == [8.39, 8.39] and bounds["EX_nh4_e"][:2] == [-1000.0, -1000.0]
    assert -bounds["EX_ac_e"][0] < DEMANDING.medium["EX_ac_e"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize("key", [story.key for story in STORIES])
def test_a_story_that_is_stopped_asks_no_further(key: str) -> None:
    with pytest.raises(Cancelled):
        story_of(key).find_out("cpu", lambda: True)


def test_the_command_line_tells_what_the_page_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stories", "oxygen", "pep", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    for key in ("oxygen", "pep"):
        found = story_of(key).find_out("cpu")
        assert f"{key}: {found.words}; {found.reason}." in told
        stored = pd.read_csv(tmp_path / f"{key}.csv")
        assert stored["reaction"].tolist() == found.table["reaction"].tolist()
        assert json.loads((tmp_path / "numbers.json").read_text())[key] == pytest.approx(found.numbers)
    assert pd.read_csv(tmp_path / "stories.csv")["story"].tolist() == ["oxygen", "pep"]
    assert main(["stories", "love", "--out", str(tmp_path)]) == 2
    assert "no story 'love'" in capsys.readouterr().err
