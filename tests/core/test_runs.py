"""Runs as real processes: every test starts a child and looks at what it leaves on disk."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from core import storage
from core.errors import InputError
from core.runs import RUN_FOLDER, ProgressWriter, RunInfo, annotate_run, cancel_run, delete_run, list_runs, read_run, record, resume_run, start_job
from core.runs.progress import Pace

JOB = """
import sys, threading
from core.runs import ProgressWriter
what, folder = sys.argv[1], sys.argv[2]
writer = ProgressWriter(folder)
writer.update(1, 4, "first step", loss=0.5)
writer.record(epoch=1, loss=0.5)
if what == "good":
    writer.update(4, 4, "all done", loss=0.25)
    print("said before the end")
elif what == "bad":
    raise RuntimeError("no such thing")
elif what == "refused":
    from core.errors import InputError
    raise InputError("This cannot be used; use that.")
elif what == "exit":
    sys.exit(3)
elif what == "stopped":
    sys.exit(130)
elif what == "command":
    print("50 %\\r100 %", "gatescope: This file is empty.", sep="\\n", file=sys.stderr)
    sys.exit(2)
elif what == "polite":
    while not writer.should_stop():
        writer.update(2, 4, "looking")
        threading.Event().wait(0.01)
    writer.record(epoch=2, loss=0.25)
    sys.exit(130)
elif what == "later":
    import os
    if os.path.exists(folder + "/started"):
        print("the second sitting")
    else:
        open(folder + "/started", "w").close()
        threading.Event().wait(60)
elif what == "file":
    import json
    print(json.load(open(sys.argv[3])))
elif what == "stubborn":
    import signal, subprocess
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deaf = "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Event().wait(60)"
    child = subprocess.Popen([sys.executable, "-c", deaf])
    writer.update(4, 4, "deaf", child=child.pid)
    while True:
        threading.Event().wait(60)
else:
    threading.Event().wait(60)
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "a_job.py").write_text(JOB)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", "")]))


def start(what: str) -> RunInfo:
    return start_job("test", [what, RUN_FOLDER], name=f"a {what} run", module="a_job")


def until(condition: Callable[[RunInfo], bool], run: RunInfo) -> RunInfo:
    pause = threading.Event()
    for _ in range(600):
        run = read_run(run.id)
        if condition(run):
            return run
        pause.wait(0.05)
    raise AssertionError(f"{run}\n{run.log_tail()}")


def ended(run: RunInfo) -> bool:
    return not run.running


def test_a_finished_run_tells_its_steps_numbers_and_log() -> None:
    run = until(ended, start("good"))
    assert (run.state, run.done, run.total, run.fraction, run.message) == ("finished", 4, 4, 1.0, "all done")
    assert run.metrics == {"loss": 0.25}
    assert run.history() == [{"epoch": 1, "loss": 0.5}]
    assert run.log_tail() == "said before the end"
    assert run.arguments == ("good", str(run.folder))
    assert run.ended is not None
    assert run.heartbeat is not None
    assert run.created <= run.heartbeat <= run.ended


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("bad", "RuntimeError: no such thing"),
        ("refused", "This cannot be used; use that."),
        ("exit", "It ended with exit code 3 and printed nothing."),
        ("command", "This file is empty."),
    ],
)
def test_a_failed_run_says_why(what: str, error: str) -> None:
    run = until(ended, start(what))
    assert (run.state, run.error, run.done) == ("failed", error, 1)
    assert ("Traceback" in run.log_tail()) == (what == "bad")


def test_a_command_line_that_stopped_when_asked_is_cancelled() -> None:
    assert until(ended, start("stopped")).state == "cancelled"


def test_the_log_shows_the_last_state_of_a_line_redrawn() -> None:
    assert until(ended, start("command")).log_tail().splitlines() == ["100 %", "gatescope: This file is empty."]


def test_a_killed_process_is_lost_and_keeps_what_it_wrote() -> None:
    run = until(lambda r: r.done == 1, start("waits"))
    assert run.state == "running"
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    run = until(ended, run)
    assert (run.state, run.done, run.ended) == ("lost", 1, None)
    assert run.history() == [{"epoch": 1, "loss": 0.5}]
    assert cancel_run(run.id).state == "lost"


def test_a_process_number_given_to_another_process_is_not_taken_for_the_run() -> None:
    run = until(lambda r: r.done == 1, start("waits"))
    process = json.loads((run.folder / record.PROCESS_FILE).read_text())
    storage.write_json(run.folder / record.PROCESS_FILE, {**process, "started": process["started"] - 60})
    assert read_run(run.id).state == "lost"
    storage.write_json(run.folder / record.PROCESS_FILE, process)
    assert cancel_run(run.id).state == "cancelled"


def test_cancel_ends_the_process_and_keeps_partial_results() -> None:
    run = until(lambda r: r.done == 1, start("waits"))
    cancelled = cancel_run(run.id)
    assert (cancelled.state, cancelled.done, cancelled.history()) == ("cancelled", 1, [{"epoch": 1, "loss": 0.5}])
    assert cancelled.pid is not None
    assert not psutil.pid_exists(cancelled.pid)
    assert ProgressWriter(run.folder).should_stop()


def test_cancel_kills_a_deaf_process_and_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.runs.jobs.GRACE_SECONDS", 0.2)
    run = until(lambda r: r.message == "deaf", start("stubborn"))
    child = psutil.Process(int(run.metrics["child"]))
    assert cancel_run(run.id).state == "cancelled"
    assert run.pid is not None
    assert not psutil.pid_exists(run.pid)
    until(lambda _: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, run)


def test_a_run_that_looks_for_the_request_leaves_by_itself() -> None:
    run = until(lambda r: r.asked is not None, start("polite"))
    cancelled = cancel_run(run.id)
    assert (cancelled.state, cancelled.history()) == ("cancelled", [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])


def test_a_lost_run_is_resumed_in_its_folder_and_a_finished_or_running_one_is_not() -> None:
    run = until(lambda r: r.done == 1 and (r.folder / "started").exists(), start("later"))
    with pytest.raises(InputError, match="is running and cannot be resumed"):
        resume_run(run.id)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    lost = until(ended, run)
    assert (lost.state, lost.resumable, lost.sittings) == ("lost", True, 1)
    again = resume_run(run.id)
    assert (again.state, again.sittings, again.created, again.spent) == ("running", 2, run.created, lost.seconds())
    assert again.pid != run.pid
    finished = until(ended, again)
    assert (finished.state, finished.sittings, finished.log_tail()) == ("finished", 2, "the second sitting")
    assert finished.ended is not None
    assert finished.started is not None
    assert finished.seconds() == pytest.approx(again.spent + finished.ended - finished.started)
    assert finished.history() == [{"epoch": 1, "loss": 0.5}] * 2
    with pytest.raises(InputError, match="is finished and cannot be resumed"):
        resume_run(run.id)
    assert [one.id for one in list_runs()] == [run.id]


def test_of_two_that_resume_at_once_one_starts_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    run = until(ended, start("stopped"))
    seen = read_run(run.id)
    resumed = resume_run(run.id)
    monkeypatch.setattr("core.runs.jobs.read_run", lambda _: seen)  # another server, which read the folder a moment before
    (run.folder / record.PROCESS_FILE).rename(run.folder / "aside.json")
    with pytest.raises(InputError, match="is being resumed by another window"):
        resume_run(run.id)
    assert resumed.sittings == 2


def test_a_cancelled_run_forgets_the_request_when_it_is_resumed() -> None:
    run = until(lambda r: r.asked is not None, start("polite"))
    cancel_run(run.id)
    again = until(lambda r: r.asked is not None and r.message == "looking", resume_run(run.id))
    assert again.running
    assert cancel_run(run.id).state == "cancelled"


def test_files_are_there_before_the_start_and_arguments_name_them() -> None:
    run = start_job("test", ["file", RUN_FOLDER, f"{RUN_FOLDER}/given.json"], module="a_job", files={"given.json": {"epochs": 3}})
    run = until(ended, run)
    assert (run.state, run.log_tail()) == ("finished", "{'epochs': 3}")
    assert run.arguments[2] == str(run.folder / "given.json")


def test_another_process_sees_and_cancels_the_run() -> None:
    run = until(lambda r: r.done == 1, start("waits"))
    code = f"from core.runs import *; print(list_runs()[0].state, list_runs()[0].message); print(cancel_run({run.id!r}).state)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert other.stdout.splitlines() == ["running first step", "cancelled"]
    assert read_run(run.id).state == "cancelled"


def test_a_silent_run_of_another_computer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    run = until(ended, start("good"))
    storage.write_json(run.folder / record.STATE_FILE, {"state": "running"})
    storage.write_json(run.folder / record.PROCESS_FILE, {"pid": 1, "started": 0.0, "host": f"not-{socket.gethostname()}"})
    assert read_run(run.id).state == "running"
    monkeypatch.setattr(record, "SILENCE_SECONDS", -1.0)
    assert read_run(run.id).state == "lost"


def test_list_annotate_delete() -> None:
    first = until(ended, start("good"))
    second = until(ended, start("exit"))
    (storage.folder("runs") / "not-a-run").mkdir()
    (storage.folder("runs") / "broken").mkdir()
    (storage.folder("runs") / "broken" / record.CONFIG_FILE).write_text("{")
    assert [run.id for run in list_runs()] == [second.id, first.id]
    assert annotate_run(first.id, name="  mine ").name == "mine"
    assert (read_run(first.id).state, read_run(first.id).notes) == ("finished", "")
    assert annotate_run(first.id, notes=" two\nlines ").notes == "two\nlines"
    assert read_run(first.id).name == "mine"
    with pytest.raises(InputError, match="needs a name"):
        annotate_run(first.id, name=" ")
    with pytest.raises(InputError, match="at most 4,000 characters and these have 4,001"):
        annotate_run(first.id, notes="x" * 4_001)
    delete_run(second.id)
    assert [run.name for run in list_runs()] == ["mine"]
    assert not second.folder.exists()
    for wrong in (second.id, "../home", "..", ""):
        with pytest.raises(InputError):
            read_run(wrong)
    assert (storage.folder("runs") / "broken").exists()


def test_progress_is_rate_limited_except_at_the_end(tmp_path: Path) -> None:
    writer = ProgressWriter(tmp_path, interval=3600)
    for done in range(11):
        writer.update(done, 10, f"step {done}", loss=1.0 / (done + 1), odd=float("nan"))
        written = json.loads((tmp_path / "progress.json").read_text())
        assert written["done"] == (10 if done == 10 else 0)
    assert written["metrics"] == {"loss": pytest.approx(1 / 11)}
    assert written["message"] == "step 10"


def test_the_pace_is_that_of_the_later_half_and_of_one_stage() -> None:
    pace = Pace(points=8)
    pace.add("solving", 0, 0.0)
    assert pace.rate() is None
    for second in range(1, 1001):  # ten steps a second, then two
        pace.add("solving", 10 * second if second <= 300 else 3000 + 2 * (second - 300), float(second))
    assert pace.rate() == pytest.approx(2.0)
    pace.add("training", 600, 1001.0)
    assert pace.rate() is None
    pace.add("training", 605, 1002.0)
    assert pace.rate() == 5.0
    pace.add("training", 600, 1003.0)
    assert pace.rate() is None, "steps taken back are a new beginning"


def test_time_left_follows_the_pace_and_the_clock(tmp_path: Path) -> None:
    about: dict[str, Any] = {"id": "x", "folder": tmp_path, "kind": "test", "name": "x", "arguments": (), "created": 0.0}
    run = RunInfo(**about, state="running", done=30, total=100, heartbeat=1000.0, pace=0.5, ahead=2)
    assert run.time_left(1000.0) == 140.0
    assert run.time_left(1090.0) == 50.0
    assert run.time_left(2000.0) == 0.0
    assert run.time_ahead() == 400.0
    assert replace(run, pace=None).time_left(1000.0) is None
    assert replace(run, state="lost").time_left(1000.0) is None


def test_progress_tells_the_pace_and_what_is_ahead(tmp_path: Path) -> None:
    writer = ProgressWriter(tmp_path, interval=0.0)
    for done in (1, 2, 3):
        writer.update(done, 9, "training", ahead=4)
    written = json.loads((tmp_path / "progress.json").read_text())
    assert written["pace"] > 0
    assert (written["ahead"], written["asked"]) == (4, None)
    assert not writer.should_stop()
    writer.update(4, 9, "training")
    assert json.loads((tmp_path / "progress.json").read_text())["asked"] is not None


def test_history_leaves_out_a_line_cut_off(tmp_path: Path) -> None:
    writer = ProgressWriter(tmp_path)
    writer.record(epoch=1, loss=float("inf"))
    with open(tmp_path / "history.jsonl", "a") as lines:
        lines.write('{"epoch": 2, "lo')
    run = RunInfo(id="x", folder=tmp_path, kind="test", name="x", arguments=(), state="lost", created=0.0)
    assert run.history() == [{"epoch": 1, "loss": None}]
