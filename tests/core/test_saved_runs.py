"""What trainings leave behind and what can be said before one starts: loss curves, comparison, estimates, plots."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.errors import Cancelled, InputError
from core.metabolic import store_upload
from core.runs import RunInfo
from core.runs.record import read_lines
from core.storage import write_json
from core.train.ahead import check, measure, parameters
from core.train.command import Terminal, train_metabolic
from core.train.metabolic import Run, TrainConfig
from core.train.resume import POINTS, append_history, append_loss
from core.train.saved import best_epoch, comparison, curves, figures, labels, overview, settings
from core.viz.plots import alt_text
from core.viz.training_plots import LOWEST, Line, held_out_plot, loss_plot
from tests.core.hostile import sbml

TINY = {"samples": 40, "validation": 8, "test": 8, "epochs": 2, "batch": 2, "seed": 5, "network": {"hidden": 4, "heads": 1, "layers": 1}}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))


def quiet(*_: object, **__: float) -> None:
    """Progress nobody watches."""


def a_run(folder: Path, **changes: Any) -> RunInfo:
    about: dict[str, Any] = {"kind": "train-metabolic", "name": folder.name, "arguments": (), "state": "finished", "created": 1000.0}
    return RunInfo(id=folder.name, folder=folder, **{**about, "started": 1000.0, "ended": 1060.0, **changes})


def test_the_loss_curve_is_bounded_and_the_same_after_an_interruption(tmp_path: Path) -> None:
    for step in range(1, 50_001):
        append_loss(tmp_path, step, 50_000, 1 / step) if step % 10 == 0 else None
    written = read_lines(tmp_path / "losses.jsonl")
    assert len(written) == POINTS
    assert written[-1] == {"step": 50_000, "loss": 1 / 50_000}
    config = TrainConfig.from_dict(TINY)
    whole, broken = Run(config, tmp_path / "whole"), Run(config, tmp_path / "broken")
    with ThreadPoolExecutor(1) as pool:
        splits = whole.samples(pool, quiet, lambda: False)
    whole.fit(splits["train"], splits["validation"], quiet, lambda: False)
    left = iter(range(25))
    with pytest.raises(Cancelled):
        broken.fit(splits["train"], splits["validation"], quiet, lambda: next(left, None) is None)
    append_loss(tmp_path / "broken", 30, 40, 9.0)  # a step beyond the saved one, a line cut off, and an epoch of the future
    append_history(tmp_path / "broken", {"epoch": 2, "loss": 9.0, "seconds": 1.0})
    with open(tmp_path / "broken" / "losses.jsonl", "a") as lines:
        lines.write('{"step": 35, "lo')
    broken.fit(splits["train"], splits["validation"], quiet, lambda: False)
    assert [row["step"] for row in read_lines(tmp_path / "broken" / "losses.jsonl")] == [10, 20, 30, 40]
    for name in ("losses.jsonl", "best.safetensors"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [row["epoch"] for row in read_lines(tmp_path / "broken" / "history.jsonl")] == [1, 2]


def test_a_first_epoch_killed_before_it_was_saved_is_told_once(tmp_path: Path) -> None:
    """The history kept the line of an epoch whose state never reached the disk, and got it again."""
    run = Run(TrainConfig.from_dict(TINY), tmp_path)
    with ThreadPoolExecutor(1) as pool:
        splits = run.samples(pool, quiet, lambda: False)
    append_history(tmp_path, {"epoch": 1, "loss": 9.0, "seconds": 1.0})
    run.fit(splits["train"], splits["validation"], quiet, lambda: False)
    assert [row["epoch"] for row in read_lines(tmp_path / "history.jsonl")] == [1, 2]


def test_a_state_that_does_not_fit_the_network_is_one_sentence(tmp_path: Path) -> None:
    small = Run(TrainConfig.from_dict(TINY), tmp_path)
    with ThreadPoolExecutor(1) as pool:
        splits = small.samples(pool, quiet, lambda: False)
    with pytest.raises(Cancelled):
        small.fit(splits["train"], splits["validation"], quiet, lambda: True)
    (tmp_path / "training.json").unlink()
    wide = Run(TrainConfig.from_dict({**TINY, "network": {**TINY["network"], "hidden": 6}}), tmp_path)  # type: ignore[dict-item]
    with pytest.raises(InputError, match="is of another version"):
        wide.fit(splits["train"], splits["validation"], quiet, lambda: False)


def test_an_ensemble_leaves_a_curve_for_each_seed_and_says_what_is_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.train.baselines.GROWTH_ROUNDS", 1)
    monkeypatch.setattr("core.train.baselines.FLUX_ROUNDS", 1)
    monkeypatch.setattr("core.train.command.workers", lambda _: ThreadPoolExecutor(1))
    told: list[tuple[str, int]] = []
    call = Terminal.__call__

    def listen(self: Terminal, stage: str, done: int, total: int, **metrics: float) -> None:
        call(self, stage, done, total, **metrics)
        told.append((self._stage, self.ahead))

    monkeypatch.setattr(Terminal, "__call__", listen)
    wanted = {**TINY, "members": 2}
    folder = tmp_path / "both"
    write_json(folder / "settings.json", wanted)
    (folder / ".best.safetensors.00000000-1-x.safetensors").touch()
    train_metabolic(wanted, folder, name="checkpoint")
    stages = list(dict.fromkeys(told))
    assert stages[:4] == [("solving train conditions", 0), ("solving validation conditions", 0), ("training, seed 5", 1), ("training, seed 6", 0)]
    assert all("seed" not in stage for stage, _ in stages[4:])
    run = a_run(folder)
    assert [one.label for one in curves(run)] == ["seed 5", "seed 6"]
    assert [list(one.losses["step"]) for one in curves(run)] == [[10, 20, 30, 40]] * 2
    assert (settings(run)["members"], settings(run)["network"]["gate"]) == (2, "incidence")
    card = json.loads((folder / "checkpoint.json").read_text())
    assert figures(run)["growth_r2"] == ("test", card["test"]["growth_r2"])
    row = overview([run]).iloc[0]
    assert (row["parameters"], row["gate"], row["headline"], row["seconds"]) == (card["parameters"], "incidence", card["test"]["growth_r2"], 60.0)


def test_runs_side_by_side_show_what_differs(tmp_path: Path) -> None:
    for name, gate, values in (("a", "incidence", [0.1, 0.9, 0.5]), ("b", "none", [0.2])):
        write_json(tmp_path / name / "settings.json", {"epochs": 3, "device": name, "network": {"gate": gate, "hidden": 8}})
        for epoch, value in enumerate(values, 1):
            append_history(tmp_path / name, {"epoch": epoch, "loss": 1.0, "growth_r2": value, "growth_r2_growing": value, "flux_r2_median": 0.0})
    write_json(tmp_path / "b" / "checkpoint.json", {"test": {"growth_r2": 0.3, "growth_r2_growing": None, "flux_r2_median": 0.1}})
    write_json(tmp_path / "b" / "about.json", {"parameters": 7, "device": "CPU"})
    runs = [a_run(tmp_path / "a", state="lost", ended=None, heartbeat=1030.0), a_run(tmp_path / "b"), a_run(tmp_path / "none", kind="screen")]
    table = comparison(runs).set_index("quantity")
    assert list(table.columns) == ["part", "a", "b", "none"]
    assert list(table.loc["test, growth R²", ["a", "b"]]) == [None, 0.3]
    assert list(table.loc["validation, growth R²", ["a", "b"]]) == [0.9, 0.2]
    assert list(table.loc["parameters", ["a", "b"]]) == [None, 7]
    assert list(table.loc["seconds", ["a", "b", "none"]]) == [30.0, 60.0, 60.0]
    alike = comparison(runs[:2])
    assert list(alike.loc[alike["part"] == "settings", "quantity"]) == ["network.gate"]
    assert figures(runs[0])["growth_r2"] == ("validation", 0.9)
    assert labels([runs[0], replace(runs[1], name="a")]) == {"a": "a (a)", "b": "a (b)"}
    assert best_epoch("metabolic", pd.DataFrame({"epoch": [1], "growth_r2": [None], "flux_r2_median": [0.1]})) is None


def test_settings_that_cannot_start_are_one_sentence(tmp_path: Path) -> None:
    assert check(TINY).samples == 40
    cases = {
        "core-conditions-v1 varies glucose and oxygen": {"model": "toy"},
        "no training setting 'epoch'": {"epoch": 3},
        "no longer stored": {"model": "upload:" + "0" * 64},
    }
    for sentence, changes in cases.items():
        with pytest.raises(InputError, match=sentence):
            check({**TINY, **changes})
    kept = store_upload(sbml().encode(), "own.xml")
    with pytest.raises(InputError, match="varies glucose and oxygen"):  # its tables were read; only the conditions do not fit
        check({**TINY, "model": kept})


def test_an_estimate_counts_steps_conditions_and_parameters() -> None:
    wanted = {**TINY, "split": "seen", "held_out": 10, "members": 3, "epochs": 4}
    told: list[str] = []
    found = measure(wanted, on_progress=lambda stage, done, total: told.append(stage), should_stop=lambda: False)
    assert (found.steps, found.conditions, found.validations) == (20 * 4 * 3, 40 + 8 + 8 + 3 * 10, 12)
    assert found.parameters == parameters(TINY["network"])  # type: ignore[arg-type]
    assert min(found.step_seconds, found.solve_seconds, found.validate_seconds) > 0
    assert found.training == found.step_seconds * 240 + found.validate_seconds * 12
    assert set(told) == {"solving conditions", "measuring training steps"}
    with pytest.raises(Cancelled):
        measure(wanted, on_progress=quiet, should_stop=lambda: True)


def test_plots_have_one_line_for_each_seed_and_say_where_they_end() -> None:
    steps = np.arange(1, 101)
    losses = pd.DataFrame({"step": steps, "loss": 100.0 / steps})
    history = pd.DataFrame({"epoch": [1, 2, 3], "growth_r2": [-40.0, np.nan, 0.75]})
    one = Line("", "", losses, history)
    figure = loss_plot([one])
    assert [len(trace.x) for trace in figure.data] == [100, 100]
    assert figure.layout.yaxis.type == "log"
    assert list(figure.data[0].y) == list(losses["loss"])
    assert figure.data[1].y[50] == losses["loss"].iloc[38:63].median()
    assert alt_text(figure) == "Loss by training step, running median; it is at 1 after step 100."
    held = held_out_plot([one], "growth_r2", "growth R²")
    assert list(held.data[0].y)[::2] == [LOWEST, 0.75]
    assert held.data[0].customdata[0] == -40.0
    assert held.layout.yaxis.range == (LOWEST - 0.05, 1.05)
    assert "drawn at the edge" in held.layout.title.text
    assert alt_text(held) == "growth R² on held-out validation conditions by epoch; 0.750 after epoch 3."
    several = held_out_plot([Line("<b>x", f"seed {s}", losses, history) for s in (1, 2)] + [Line("y", "", losses, history)], "growth_r2", "R²")
    assert [trace.name for trace in several.data] == ["&lt;b&gt;x, seed 1", "&lt;b&gt;x, seed 2", "y"]
    assert several.data[0].line.color == several.data[1].line.color != several.data[2].line.color
    assert several.data[0].line.dash != several.data[1].line.dash
    assert several.layout.showlegend
