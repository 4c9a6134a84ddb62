"""The Train page under Streamlit's own test runner: the form and what it starts, runs in every state, their curves, notes and comparison."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core import storage
from core.errors import InputError
from core.metabolic import store_upload
from core.models import ReactionNetwork
from core.runs import ProgressWriter, RunInfo, list_runs, read_run, record
from core.train.metabolic import TrainConfig
from core.train.rna import RnaTrainConfig
from core.train.saved import flat
from core.ui.text import plain
from core.ui.train.form import RELU
from core.ui.train.settings import DEFAULTS, nested, recipes
from tests.core.hostile import sbml

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], str, dict[str, Any]]]:
    """What the form would have started."""
    calls: list[tuple[str, list[str], str, dict[str, Any]]] = []

    def start_job(kind: str, arguments: list[str], *, name: str, files: dict[str, Any]) -> RunInfo:
        calls.append((kind, arguments, name, files))
        return RunInfo(id="x", folder=Path("x"), kind=kind, name=name, arguments=tuple(arguments), state="running", created=0.0)

    monkeypatch.setattr("core.ui.train.form.start_job", start_job)
    return calls


def train_page(**query: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params.update(query)
    test.run()
    test.switch_page("pages/train.py").run()
    assert not test.exception
    return test


def a_run(run_id: str, state: dict[str, object], settings: dict[str, Any] | None = None, **config: object) -> Path:
    folder = storage.folder("runs") / run_id
    about = {"schema": record.SCHEMA, "kind": "train-metabolic", "name": run_id, "arguments": ["train", "--seed", "1"], "created": 1_700_000_000.0}
    storage.write_json(folder / record.STATE_FILE, state)
    storage.write_json(folder / record.CONFIG_FILE, {**about, **config})
    storage.write_json(folder / "settings.json", settings or {"seed": 1})
    return folder


def learned(folder: Path, *growth: float, loss: float = 1.0) -> None:
    """Curves of as many epochs as there are figures."""
    rows = [{"epoch": e, "growth_r2": r, "growth_r2_growing": r / 2, "flux_r2_median": r / 4} for e, r in enumerate(growth, 1)]
    storage.write_bytes(folder / "history.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    steps = [{"step": 10 * e, "loss": loss / e} for e in range(1, len(growth) + 1)]
    storage.write_bytes(folder / "losses.jsonl", "".join(json.dumps(row) + "\n" for row in steps).encode())


def said(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success)
    return " ".join(str(element.value) for kind in kinds for element in kind)


def plots(test: AppTest) -> list[dict[str, Any]]:
    return [json.loads(element.proto.spec) for element in test.get("plotly_chart")]


def test_the_form_starts_with_the_command_lines_own_defaults() -> None:
    fewer = {"samples", "validation", "test", "held_out"}
    made = TrainConfig()
    assert {n: v for n, v in DEFAULTS["metabolic"].items() if n not in fewer} == {
        n: v for n, v in {**flat({**vars(made), "network": made.build().to_dict()})}.items() if n in DEFAULTS["metabolic"] and n not in fewer
    }
    rna = vars(RnaTrainConfig())
    assert {n: v for n, v in DEFAULTS["rna"].items() if n not in ("families", "validation", "test")} == {
        n: rna[n] for n in DEFAULTS["rna"] if n not in ("families", "validation", "test")
    }
    assert nested(flat({"a": 1, "b": {"c": 2, "d": {"e": 3}}})) == {"a": 1, "b": {"c": 2, "d": {"e": 3}}}


def test_the_form_starts_the_training_it_describes(started: list[Any]) -> None:
    test = train_page()
    assert "No runs yet." in said(test)
    test.text_input(key="train_name").set_value("mine")
    test.number_input(key="train_metabolic_samples").set_value(64)
    test.number_input(key="train_metabolic_epochs").set_value(3)
    test.segmented_control(key="train_metabolic_network_gate").set_value("metabolite")
    test.segmented_control(key="train_metabolic_network_attention").set_value("none")
    test.radio(key="train_metabolic_split").set_value("seen").run()
    test.number_input(key="train_metabolic_held_out").set_value(40)
    test.button(key="train_start").click().run()
    assert not test.error
    ((kind, arguments, name, files),) = started
    assert (kind, name) == ("train-metabolic", "mine")
    assert arguments == ["train", "metabolic", "--config", "{run}/settings.json", "--out", "{run}"]
    config = TrainConfig.from_dict(files["settings.json"])
    assert (config.samples, config.epochs, config.split, config.held_out, config.members) == (64, 3, "seen", 40, 1)
    assert (config.build().gate, config.build().attention) == ("metabolite", None)
    assert TrainConfig.from_dict({**files["settings.json"], "held_out": 0}).network == config.network


def test_size_relu_and_devices_are_told_before_the_start() -> None:
    from core.ui import device

    expected = device.choice()
    test = train_page()
    config = TrainConfig.from_dict({"network": {"hidden": 16, "layers": 2, "tied": True}})
    test.number_input(key="train_metabolic_network_hidden").set_value(16)
    test.number_input(key="train_metabolic_network_layers").set_value(2)
    test.checkbox(key="train_metabolic_network_tied").check().run()
    size = sum(p.numel() for p in ReactionNetwork(config.build()).parameters())
    assert f"Parameters: **{size:,}**" in said(test)
    assert RELU not in said(test)
    test.segmented_control(key="train_metabolic_network_activation").set_value("relu").run()
    assert RELU in said(test)
    if expected.device != "cuda":
        test.segmented_control(key="train_metabolic_device").set_value("cuda").run()
        assert plain("CUDA was asked for, but PyTorch finds none on this machine") in said(test)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"network_hidden": 9}, "hidden (9) has to be a multiple of heads (2)"),
        ({"samples": 32, "batch": 64}, "as many samples as a batch holds"),
    ],
)
def test_settings_that_cannot_work_are_one_sentence_and_stay_in_the_form(changes: dict[str, int], told: str, started: list[Any]) -> None:
    test = train_page()
    for name, value in changes.items():
        test.number_input(key=f"train_metabolic_{name}").set_value(value)
    test.run()
    test.button(key="train_start").click().run()
    assert plain(told) in " ".join(error.value for error in test.error)
    assert [test.number_input(key=f"train_metabolic_{name}").value for name in changes] == list(changes.values())
    assert started == []


def test_an_uploaded_model_can_be_chosen_and_says_what_it_lacks(started: list[Any]) -> None:
    source = store_upload(sbml().encode(), "mine.xml")
    test = train_page()
    box = test.selectbox(key="train_metabolic_model")
    assert any("mine.xml" in option for option in box.options)
    box.set_value(source).run()
    test.button(key="train_start").click().run()
    assert plain("core-conditions-v1 varies glucose and oxygen") in test.error[0].value
    assert started == []


def test_the_time_is_measured_when_asked_for() -> None:
    from core.ui.train import form

    test = train_page()
    test.number_input(key="train_metabolic_network_hidden").set_value(4)
    test.number_input(key="train_metabolic_network_layers").set_value(1)
    test.number_input(key="train_metabolic_samples").set_value(64).run()
    test.button(key="train_measure").click().run()
    for job in list(form._estimates._jobs.values()):
        assert job.ended.wait(60)
    test.run()
    assert plain("2,000") not in said(test)
    assert plain("to solve 1,564 conditions") in said(test)
    assert plain("for 60 training steps") in said(test)


def test_an_rna_run_is_started_from_its_own_form(started: list[Any]) -> None:
    test = train_page()
    test.segmented_control(key="train_kind").set_value("rna").run()
    test.number_input(key="train_rna_families").set_value(256)
    test.segmented_control(key="train_rna_encoding").set_value("standard").run()
    test.button(key="train_start").click().run()
    assert not test.error
    ((kind, arguments, _, files),) = started
    assert (kind, arguments[:2]) == ("train-rna", ["train", "rna"])
    assert RnaTrainConfig.from_dict(files["settings.json"]).encoding == "standard"


def test_every_state_is_shown_in_words_and_a_run_is_deleted() -> None:
    done = a_run("20250101-000003-aaaaaa", {"state": "finished", "ended": 1_700_000_065.0}, created=1_700_000_003.0, name="**bold** <b>run</b>")
    ProgressWriter(done).update(2, 2, "trained", loss=0.125)
    learned(done, 0.5, 0.75)
    failed = {"state": "failed", "ended": 1_700_000_005.0, "error": "The file is empty; choose another."}
    a_run("20250101-000002-bbbbbb", failed, created=1_700_000_002.0)
    a_run("20250101-000001-cccccc", {"state": "running"}, created=1_700_000_001.0)
    a_run("20250101-000000-dddddd", {"state": "cancelled", "ended": 1_700_000_005.0})
    assert [run.state for run in list_runs()] == ["finished", "failed", "lost", "cancelled"]
    test = train_page()
    assert r"\*\*bold\*\* \<b\>run\</b\>" in [heading.value for heading in test.subheader]
    assert "took 1 min 2 s" in said(test)
    assert {metric.label: metric.value for metric in test.metric} == {
        "validation: growth R²": "0.750",
        "validation: growth R², growing only": "0.375",
        "validation: flux R², median": "0.188",
    }
    assert [figure["layout"]["title"]["text"] for figure in plots(test)] == [
        "Loss, running median",
        "growth R²",
        "growth R², growing only",
        "flux R², median",
    ]
    table = test.dataframe[0].value
    assert list(table["state"]) == ["finished", "failed", "lost", "cancelled"]
    assert table["headline"].iloc[0] == 0.75
    assert plain("The file is empty; choose another.") in train_page(**{"s.train.run": '"20250101-000002-bbbbbb"'}).error[0].value
    lost = train_page(**{"s.train.run": '"20250101-000001-cccccc"'})
    assert "killed" in lost.warning[0].value
    assert lost.button(key="resume_20250101-000001-cccccc").label == "Resume"
    cancelled = train_page(**{"s.train.run": '"20250101-000000-dddddd"'})
    cancelled.button(key="delete_20250101-000000-dddddd").click().run()
    assert not cancelled.exception
    assert [run.state for run in list_runs()] == ["finished", "failed", "lost"]
    assert "was deleted; the newest one is shown" in cancelled.warning[0].value.replace("\\", "")


def test_a_run_under_way_tells_stage_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_run("20250101-000000-aaaaaa", {"state": "running"}, {"seed": 5, "members": 3})
    monkeypatch.setattr(record, "_alive", lambda *_: True)
    learned(folder, 0.1, 0.2)
    (folder / "seed-6").mkdir()
    learned(folder / "seed-6", 0.3)
    progress = {"done": 40, "total": 100, "message": "training, seed 6", "metrics": {"loss": 0.5}, "pace": 0.5, "ahead": 1, "asked": None}
    storage.write_json(folder / "progress.json", {**progress, "heartbeat": 4_000_000_000.0})
    storage.write_json(folder / "about.json", {"device": "CPU (1 threads)", "parameters": 1865, "network": {"gate": "incidence"}})
    test = train_page()
    monkeypatch.setattr("time.time", lambda: 4_000_000_000.0)
    test.run()
    bar = next(element.proto.text for element in test.get("progress"))
    assert bar == plain("training, seed 6: 40 of 100; about 2 min 0 s left of this stage, then about 3 min 20 s for 1 more seed")
    assert "1,865 parameters" in said(test)
    assert [[trace["name"] for trace in figure["data"]] for figure in plots(test)] == [["seed 5", "seed 6"]] * 4
    assert not [button for button in test.button if (button.key or "").startswith(("resume_", "delete_"))]
    assert test.button(key="cancel_20250101-000000-aaaaaa")


def test_a_run_is_resumed_and_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    a_run("20250101-000000-aaaaaa", {"state": "cancelled", "ended": 1_700_000_005.0})
    resumed: list[str] = []
    monkeypatch.setattr("core.ui.train.card.resume_run", resumed.append)
    test = train_page()
    test.button(key="resume_20250101-000000-aaaaaa").click().run()
    assert resumed == ["20250101-000000-aaaaaa"]

    def refuse(_: str) -> None:
        raise InputError("The run is being resumed by another window.")

    monkeypatch.setattr("core.ui.train.card.resume_run", refuse)
    test.button(key="resume_20250101-000000-aaaaaa").click().run()
    assert plain("is being resumed by another window") in test.error[0].value


def test_name_and_notes_are_kept() -> None:
    run_id = "20250101-000000-aaaaaa"
    a_run(run_id, {"state": "cancelled", "ended": 1_700_000_005.0})
    test = train_page()
    next(box for box in test.text_input if box.label == "Name" and box.value == run_id).set_value("second try")
    test.text_area[0].set_value("two *lines*\nof notes")
    next(button for button in test.button if button.label == "Save").click().run()
    assert not test.exception
    assert (read_run(run_id).name, read_run(run_id).notes) == ("second try", "two *lines*\nof notes")
    assert r"two \*lines\*" in said(test)


def test_chosen_runs_stand_side_by_side_and_the_link_keeps_them() -> None:
    for i, gate in enumerate(("incidence", "metabolite")):
        folder = a_run(
            f"20250101-00000{i}-aaaaaa", {"state": "finished", "ended": 1_700_000_009.0}, {"seed": 1, "network": {"gate": gate}}, name=gate
        )
        learned(folder, 0.1, 0.5 + i / 10)
    test = train_page()
    test.multiselect(key="train_compare").set_value(["20250101-000000-aaaaaa", "20250101-000001-aaaaaa"]).run()
    assert not test.exception
    table = test.dataframe[1].value
    assert list(table.columns) == ["part", "quantity", "metabolite", "incidence"]
    shown = table.set_index("quantity")
    assert list(table.loc[table["part"] == "settings", "quantity"]) == ["network.gate"]
    assert list(shown.loc["validation, growth R²", ["metabolite", "incidence"]]) == ["0.6", "0.5"]
    assert [trace["name"] for trace in plots(test)[-1]["data"]] == ["metabolite", "incidence"]
    link = {name: value[0] if isinstance(value, list) else value for name, value in dict(test.query_params).items()}
    assert train_page(**link).multiselect(key="train_compare").value == ["20250101-000000-aaaaaa", "20250101-000001-aaaaaa"]


def test_settings_of_a_run_fill_the_form(started: list[Any]) -> None:
    given = {"seed": 77, "split": "seen", "held_out": 60, "growth_weight": 400, "spread_floor": 0.05, "network": {"attention": None, "tied": True}}
    a_run("20250101-000000-aaaaaa", {"state": "finished", "ended": 1_700_000_009.0}, given, name="first")
    test = train_page()
    test.button(key="again_20250101-000000-aaaaaa").click().run()
    assert not test.exception
    assert plain("Filled in from the run 'first'. Also set, without a field here: spread_floor 0.05.") in said(test)
    test.button(key="train_start").click().run()
    assert not test.error
    config = TrainConfig.from_dict(started[0][3]["settings.json"])
    assert (config.seed, config.held_out, config.growth_weight, config.spread_floor) == (77, 60, 400.0, 0.05)
    assert (config.build().attention, config.build().tied) == (None, True)


@pytest.mark.parametrize("name", sorted(recipes()))
def test_the_recipe_of_every_shipped_network_starts_what_made_it(name: str, started: list[Any]) -> None:
    test = train_page()
    test.selectbox(key="train_recipe").set_value(name).run()
    assert not test.exception
    test.button(key="train_start").click().run()
    assert not test.error
    made = RnaTrainConfig if "families" in recipes()[name] else TrainConfig
    given, asked_for = (made.from_dict(values) for values in (recipes()[name], started[0][3]["settings.json"]))
    assert asked_for.build() == given.build()
    assert replace(asked_for, network={}) == replace(given, network={})


def test_many_runs_are_filtered_by_name_notes_and_state() -> None:
    for i in range(7):
        state = {"state": "cancelled" if i % 2 else "finished", "ended": 1_700_000_009.0}
        a_run(f"20250101-00000{i}-aaaaaa", state, name=f"run {i}", notes="the good one" if i == 3 else "")
    test = train_page()
    assert len(test.dataframe[0].value) == 7
    test.text_input(key="train_filter").set_value("GOOD").run()
    assert list(test.dataframe[0].value["name"]) == ["run 3"]
    test.text_input(key="train_filter").set_value("nothing like it").run()
    assert "No run matches the filter." in said(test)
