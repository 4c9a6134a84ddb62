"""The view as a value: URL and session file bring it back, broken input gives defaults and a sentence, history undoes."""

from __future__ import annotations

import json

import pytest

from core.errors import InputError
from core.ui.view_state import COLOURS, CURRENCY_MODES, OWN_MEDIUM, VIEWS, History, ViewState, is_parameter, with_changes

FULL = ViewState(
    model="upload:" + "0a" * 32,
    medium={"EX_glc__D_e": 10.0, "EX_o2_e": 0.125, "EX_nh4_e": 1e-7},
    knockouts=("PFK", "b3916"),
    objective="BIOMASS_Ecoli_core_w_GAM",
    checkpoint="genome",
    selection="sub:Glycolysis/Gluconeogenesis: one, two",
    view="neighbourhood",
    subsystem="Citric Acid Cycle",
    hops=3,
    currency_mode="cloned",
    currency=("atp_c", "h_c"),
    colour_by="attention",
    layer=0,
    head=1,
    compartment="c",
    gene="b3916",
    search="pyruvate & lactate = 100 %",
    medium_b={"EX_ac_e": 30.0},
    knockouts_b=("b0720",),
    checkpoint_b="run:20260101-000000-abcdef",
    media=("aerobic glucose", "EX_fru_e", "B"),
    settings={"explorer.upload": True, "runs.rows": 20, "runs.share": 0.5, "runs.name": "a b"},
)


@pytest.mark.parametrize(
    "view",
    [
        ViewState(),
        FULL,
        ViewState(medium="acetate"),
        ViewState(medium_b=OWN_MEDIUM, checkpoint_b="genome"),
        ViewState(media=()),
        ViewState(medium={}),
        ViewState(currency=()),
        ViewState(medium={"EX_o2_e": 1 / 3}),
        ViewState(search=":"),
    ],
    ids=["default", "full", "named medium", "own medium as B", "no media", "closed medium", "no currency", "awkward number", "punctuation"],
)
def test_url_and_file_bring_the_same_view_back(view: ViewState) -> None:
    assert ViewState.from_query(view.to_query()) == (view, [])
    assert ViewState.from_json(view.to_json()) == view
    assert ViewState.from_json(view.to_json()).key == view.key


def test_the_url_holds_only_what_differs_from_the_default() -> None:
    assert ViewState().to_query() == {}
    assert ViewState(model="iJO1366").to_query() == {"model": "iJO1366", "net": "core"}  # without it a link takes the fitting network
    view = ViewState(medium={"EX_o2_e": 20, "EX_glc__D_e": 10}, knockouts=("PFK",), selection="rxn:PFK", layer=0)
    assert view.to_query() == {"medium": "EX_glc__D_e:10,EX_o2_e:20", "ko": "PFK", "sel": "rxn:PFK", "layer": "0"}
    assert ViewState(settings={"a.b": False}).to_query() == {"s.a.b": "false"}


def test_the_key_is_the_content() -> None:
    one = ViewState(medium={"a": 1.0, "b": 2.0}, settings={"x": 1, "y": 2})
    other = ViewState(medium={"b": 2.0, "a": 1.0}, settings={"y": 2, "x": 1})
    assert one == other
    assert one.key == other.key
    assert hash(one) == hash(other)
    assert len(one.key) == 64
    assert len({one.key, ViewState().key, ViewState(hops=2).key, ViewState(medium={"a": 1.0}).key}) == 4


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("model", "../etc passwd"),
        ("model", ""),
        ("medium", "EX_o2_e:-1"),
        ("medium", "EX_o2_e:nan"),
        ("medium", "EX_o2_e:inf"),
        ("medium", "EX_o2_e:1,EX_o2_e:2"),
        ("medium", "EX_o2_e:1,"),
        ("medium", "EX_o2_e:ten"),
        ("medium", "a\nb"),
        ("ko", "PFK,<script>"),
        ("mediumb", "EX_o2_e:-1"),
        ("kob", "PFK,<script>"),
        ("netb", "../core x"),
        ("media", "a,\n"),
        ("ko", ",".join(f"r{i}" for i in range(501))),
        ("sel", "PFK"),
        ("sel", "atom:C"),
        ("sel", "rxn:"),
        ("view", "hairball"),
        ("hops", "0"),
        ("hops", "5"),
        ("hops", "two"),
        ("hubs", "gone"),
        ("by", "magic"),
        ("layer", "-1"),
        ("head", "1.5"),
        ("q", "x" * 201),
        ("s.explorer", "{}"),
        ("s.explorer", "not json"),
        ("s.explorer", "NaN"),
        ("s.", "1"),
        ("s.deep", "[" * 100_000),
    ],
)
def test_a_broken_parameter_gives_its_default_and_one_sentence(parameter: str, text: str) -> None:
    view, notices = ViewState.from_query({parameter: text, "net": "genome"})
    assert view == ViewState(checkpoint="genome")
    assert len(notices) == 1
    assert notices[0].endswith(".")
    assert "\n" not in notices[0]
    assert len(notices[0]) < 200


def test_parameters_of_others_are_left_alone() -> None:
    assert ViewState.from_query({"utm_source": "x", "embed": "true"}) == (ViewState(), [])
    assert [is_parameter(name) for name in ("ko", "s.x", "utm_source", "knockouts")] == [True, True, False, False]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema": 1}', '{"schema": 1, "view": 3}', b"\xff\xfe"])
def test_what_is_no_session_file_is_refused(text: str | bytes) -> None:
    with pytest.raises(InputError, match="not a Gatescope session file"):
        ViewState.from_json(text)


def test_a_session_file_is_checked() -> None:
    document = json.loads(FULL.to_json())
    with pytest.raises(InputError, match="schema '2' and this version reads 1"):
        ViewState.from_json(json.dumps({**document, "schema": 2}))
    for name, value in [("hops", "3"), ("hops", True), ("view", 3), ("knockouts", [1]), ("settings", {"a": []}), ("settings", 3), ("model", None)]:
        with pytest.raises(InputError, match="cannot be used"):
            ViewState.from_json(json.dumps({**document, "view": {**document["view"], name: value}}))
    later = {**document, "view": {**document["view"], "field_of_a_later_version": 1}}
    assert ViewState.from_json(json.dumps(later)) == FULL


def test_changes_are_checked_and_settings_merged() -> None:
    view = with_changes(ViewState(settings={"a": 1, "b": 2}), {"hops": 2, "medium": {"EX_o2_e": 5}, "settings": {"b": None, "c": "x"}})
    assert (view.hops, view.medium, dict(view.settings)) == (2, {"EX_o2_e": 5.0}, {"a": 1, "c": "x"})
    assert with_changes(view, {"medium": None, "knockouts": ["PFK", "PGI", "PFK"]}).knockouts == ("PFK", "PGI")
    for choices, name in [(VIEWS, "view"), (CURRENCY_MODES, "currency_mode"), (COLOURS, "colour_by")]:
        assert [getattr(with_changes(view, {name: choice}), name) for choice in choices] == list(choices)
    with pytest.raises(ValueError, match="not one of overview"):
        with_changes(view, {"view": "elsewhere"})
    with pytest.raises(TypeError, match="no field colour"):
        with_changes(view, {"colour": "gate"})


def test_history_undoes_redoes_and_is_bounded() -> None:
    views = [ViewState(hops=1, head=step) for step in range(6)]
    history = History(views[0], limit=3)
    assert history.undo() == history.redo() == views[0]
    assert not history.can_undo
    assert not history.can_redo
    for view in views[1:]:
        assert history.push(view)
    assert not history.push(views[5])
    assert [history.undo().head for _ in range(4)] == [4, 3, 2, 2]
    assert not history.can_undo
    assert [history.redo().head for _ in range(4)] == [3, 4, 5, 5]
    assert not history.can_redo
    history.undo()
    history.push(views[0])
    assert not history.can_redo
    assert history.undo() == views[4]


def test_the_browsers_back_and_forward_walk_the_same_history() -> None:
    first, second, third = (ViewState(head=step) for step in range(3))
    history = History(first)
    history.push(second)
    assert history.go(first) == first
    assert history.can_redo
    assert not history.can_undo
    assert history.go(second) == second
    assert history.can_undo
    assert not history.can_redo
    assert history.go(third) == third
    assert history.undo() == second
