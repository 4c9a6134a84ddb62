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
from pathlib import Path

import psutil
import pytest

from core import storage
from core.errors import InputError
from core.runs import RUN_FOLDER, ProgressWriter, RunInfo, cancel_run, delete_run, list_runs, read_run, record, rename_run, start_job

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


def test_list_rename_delete() -> None:
    first = until(ended, start("good"))
    second = until(ended, start("exit"))
    (storage.folder("runs") / "not-a-run").mkdir()
    (storage.folder("runs") / "broken").mkdir()
    (storage.folder("runs") / "broken" / record.CONFIG_FILE).write_text("{")
    assert [run.id for run in list_runs()] == [second.id, first.id]
    assert rename_run(first.id, "  mine ").name == "mine"
    assert read_run(first.id).state == "finished"
    with pytest.raises(InputError, match="needs a name"):
        rename_run(first.id, " ")
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


def test_history_leaves_out_a_line_cut_off(tmp_path: Path) -> None:
    writer = ProgressWriter(tmp_path)
    writer.record(epoch=1, loss=float("inf"))
    with open(tmp_path / "history.jsonl", "a") as lines:
        lines.write('{"epoch": 2, "lo')
    run = RunInfo(id="x", folder=tmp_path, kind="test", name="x", arguments=(), state="lost", created=0.0)
    assert run.history() == [{"epoch": 1, "loss": None}]
