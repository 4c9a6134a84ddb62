"""kill -9 at any moment: at most one checkpoint interval is lost, never a saved run, and the end is that of an unbroken run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from core import storage
from core.models import load_checkpoint
from core.runs.record import read_json, read_lines

ROOT = Path(__file__).resolve().parents[2]
TINY = {"samples": 1_000, "validation": 100, "test": 100, "epochs": 5, "batch": 4, "seed": 5, "network": {"hidden": 8, "heads": 2, "layers": 2}}
PER_EPOCH, INTERVAL = 250, 200
TOTAL = 5 * PER_EPOCH
KILLS = ["sampling"] * 6 + ["training"] * 6 + ["saving"] * 4 + ["card"] * 4
FINISHED = 18
"""Before this kill the run is let finish: the last ones hit a saved run while it is written again."""

COMMAND = """
import sys
from core.__main__ import main
from core.train import baselines
baselines.GROWTH_ROUNDS = baselines.FLUX_ROUNDS = 2
sys.exit(main(sys.argv[1:]))
"""
"""The command line with small baselines: fitting them is not what is tested."""

pause = threading.Event()


def start(folder: Path) -> subprocess.Popen[bytes]:
    """``python -m core train metabolic`` in a session of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder.parent / "tiny.json"
    config.write_text(json.dumps(TINY))
    command = [sys.executable, "-c", COMMAND, "train", "metabolic", "--config", str(config), "--out", str(folder)]
    with open(folder.parent / f"{folder.name}.log", "ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def blocks(folder: Path) -> dict[Path, int]:
    """Solved blocks and when each was written, in ns."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("samples-*/[0-9]*.npz")}


def last_step(folder: Path) -> int:
    return max((row["step"] for row in read_lines(folder / "losses.jsonl")), default=0)


def saved_step(folder: Path) -> int:
    """The step of the saved state, every tensor of which has to be readable."""
    if not (folder / "resume.safetensors").exists():
        return 0
    with safe_open(folder / "resume.safetensors", framework="np") as stored:
        assert all(np.isfinite(stored.get_tensor(name)).all() for name in stored.keys())  # noqa: SIM118 - not a mapping
        return int(stored.metadata()["step"])


def temporary(folder: Path, name: str = "") -> list[Path]:
    return list(folder.glob(f"**/.{name}*"))


def moment(phase: str, folder: Path, rng: random.Random) -> Callable[[], bool]:
    """Whether the random moment of a phase at which to kill has come."""
    before, step, saved = len(blocks(folder)), last_step(folder), saved_step(folder)
    if phase == "sampling":
        more = rng.choice([0, 1, 1, 2])
        return lambda: len(blocks(folder)) >= before + more and (more > 0 or bool(temporary(folder)) or last_step(folder) > 0)
    if phase == "training":
        more = rng.randrange(20, 260)
        return lambda: last_step(folder) >= min(step + more, TOTAL)
    if phase == "saving":
        return lambda: bool(temporary(folder, "resume") or temporary(folder, "best")) or saved_step(folder) > saved
    card = folder / "checkpoint.safetensors"
    written = card.stat().st_mtime_ns if card.exists() else 0
    if written or rng.random() < 0.5:
        return lambda: bool(temporary(folder, "checkpoint")) or (card.exists() and card.stat().st_mtime_ns != written)
    return lambda: read_json(folder / "progress.json").get("message", "").startswith("boosting")


def kill(process: subprocess.Popen[bytes], *, group: bool) -> None:
    """kill -9 of the process or of all it started; either way nothing it started may go on."""
    family = psutil.Process(process.pid).children(recursive=True)
    (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)
    process.wait()
    assert psutil.wait_procs(family, timeout=30)[1] == []


def without_time(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """History and card of a run without what depends on the clock."""
    card = read_json(folder / "checkpoint.json")
    card["training"].pop("seconds")
    card["training"].pop("command")
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_lines(folder / "history.jsonl")], card


@pytest.mark.slow
def test_twenty_kills_lose_at_most_one_interval_and_never_a_saved_run(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    unbroken = start(whole)
    rng = random.Random(4)
    known: dict[Path, int] = {}
    lost, hit = [], Counter[str]()
    for number, phase in enumerate(KILLS):
        if number == FINISHED:
            assert start(killed).wait() == 0
            known = blocks(killed)
        process = start(killed)
        now = moment(phase, killed, rng)
        while not now():
            assert process.poll() is None, f"kill {number} ({phase}) came too late\n{(tmp_path / 'killed.log').read_text()[-2000:]}"
            pause.wait(0.002)
        pause.wait(rng.choice([0.0, 0.0, rng.random() / 20]))
        kill(process, group=number % 2 == 0)
        step, state = last_step(killed), saved_step(killed)
        lost.append(max(0, step - state))
        hit[where(killed, step)] += 1
        assert lost[-1] <= INTERVAL
        assert len(temporary(killed)) <= 4, "temporary files pile up"
        assert {path: when for path, when in blocks(killed).items() if path in known} == known, "a solved block was solved again"
        known = blocks(killed)
        for path in known:
            np.load(path)["fluxes"]
        if (killed / "best.safetensors").exists():
            assert load_file(killed / "best.safetensors")
        if number >= FINISHED:
            load_checkpoint(killed / "checkpoint.safetensors")
        print(f"kill {number + 1:2d}, {phase:8s} at step {step:4d}, saved {state:4d}, {len(known):2d} blocks, {len(temporary(killed))} temporary")
    assert start(killed).wait() == 0
    assert unbroken.wait() == 0
    print(f"steps lost: {lost}, most {max(lost)} of {INTERVAL} allowed; killed while {dict(hit)}")
    assert all(hit[part] >= 3 for part in ("sampling", "training", "finishing"))
    assert temporary(killed) == []
    assert {path.name: np.load(path)["fluxes"].tobytes() for path in blocks(killed)} == {
        path.name: np.load(path)["fluxes"].tobytes() for path in blocks(whole)
    }
    for file in ("best.safetensors", "checkpoint.safetensors", "losses.jsonl"):
        assert (killed / file).read_bytes() == (whole / file).read_bytes(), file
    assert without_time(killed) == without_time(whole)


def where(folder: Path, step: int) -> str:
    """What the run was doing, by what it left."""
    return "finishing" if step == TOTAL else "training" if step else "sampling"


DRIVER = """
import os, signal, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from core.runs.record import read_lines
from core.storage import sweep
from core.train.metabolic import Run, TrainConfig

root, pause = Path(sys.argv[1]), threading.Event()
settings = {"samples": 64, "validation": 16, "test": 16, "epochs": 6, "batch": 4, "network": {"hidden": 8, "heads": 2, "layers": 1}}
config = TrainConfig.from_dict(settings)
quiet, never = (lambda *a, **k: None), (lambda: False)
with ThreadPoolExecutor(1) as pool:
    splits = Run(config, root / "data").samples(pool, quiet, never)

def train(folder, kill_at=None):
    child = os.fork()
    if not child:
        sweep(folder)
        Run(config, folder).fit(splits["train"], splits["validation"], quiet, never)
        os._exit(0)
    while kill_at is not None and max((row["step"] for row in read_lines(folder / "losses.jsonl")), default=0) < kill_at:
        pause.wait(0.001)
    if kill_at is not None:
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

print([train(root / "whole"), *(train(root / "killed", at) for at in (30, 70, None))])
"""


def test_a_training_killed_twice_ends_with_the_weights_of_an_unbroken_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.stdout.splitlines() == ["[0, -9, -9, 0]"], done.stderr
    for file in ("best.safetensors", "losses.jsonl"):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
    epochs = [[row["epoch"] for row in read_lines(tmp_path / name / "history.jsonl")] for name in ("killed", "whole")]
    assert epochs == [list(range(1, 7))] * 2


POOL = """
import multiprocessing, os, threading
from concurrent.futures import ProcessPoolExecutor
from core.runs.parent import end_with_parent
with ProcessPoolExecutor(2, multiprocessing.get_context("spawn"), end_with_parent) as pool:
    pids = {pool.submit(os.getpid).result() for _ in range(2)}
    print(*pids, flush=True)
    threading.Event().wait(60)
"""


def test_the_workers_of_a_killed_process_end_too() -> None:
    process = subprocess.Popen([sys.executable, "-c", POOL], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    workers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
    assert workers
    kill(process, group=False)
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    process.stdout.close()


WRITER = """
import sys
from pathlib import Path
from core.storage import write_bytes
for n in range(10**9):
    write_bytes(Path(sys.argv[1]), bytes([n % 256]) * 300_000)
"""


def test_a_writer_killed_leaves_a_whole_file_and_what_it_left_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    left: list[Path] = []
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT)
        while not (path.exists() and len(temporary(tmp_path)) > len(left)):
            assert process.poll() is None
            pause.wait(0.001)
        process.kill()
        process.wait()
        content = path.read_bytes()
        assert content == content[:1] * 300_000
        if len(left := temporary(tmp_path)) > 1:
            break
    assert len(left) > 1
    mine = storage.write_atomic(tmp_path / "sub" / "other.txt", lambda file: file.write_text(f"{storage.sweep(tmp_path)}"))
    assert mine.read_text() == str(left), "what is being written is not swept"
    assert temporary(tmp_path) == []
    (tmp_path / ".hidden.json").write_text("{}")
    assert storage.sweep(tmp_path) == []
