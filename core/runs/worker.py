"""What runs inside a job's process: ``python -m core.runs.worker FOLDER MODULE ARGUMENTS``.

Runs the module as ``python -m`` would and writes into the folder how it ended. A process that is killed writes
nothing; its readers find it gone.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from core import storage
from core.errors import Cancelled, InputError
from core.runs import record

STOPPED = 130
"""Exit code of a command line that stopped because it was asked to."""


def main(folder: Path, module: str, arguments: list[str]) -> int:
    """Runs ``module`` with ``arguments`` and returns the exit code, having written the run's last state."""
    storage.write_json(folder / record.PROCESS_FILE, record.identity(os.getpid()))
    signal.signal(signal.SIGTERM, _leave)
    sys.argv = [module, *arguments]
    state, error, code = _run(folder, module)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ending: dict[str, Any] = {**record.read_json(folder / record.STATE_FILE), "state": state, "ended": time.time(), "exit_code": code}
    storage.write_json(folder / record.STATE_FILE, ending if error is None else {**ending, "error": error})
    return code


def _run(folder: Path, module: str) -> tuple[record.State, str | None, int]:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        return _exited(folder, exit_.code)
    except (Cancelled, KeyboardInterrupt):
        return "cancelled", None, STOPPED
    except InputError as error:
        print(error, file=sys.stderr)
        return "failed", str(error), 2
    except Exception as error:
        traceback.print_exc()
        return "failed", f"{type(error).__name__}: {error}", 1
    return "finished", None, 0


def _exited(folder: Path, code: object) -> tuple[record.State, str | None, int]:
    """The end a command line chose: by its exit code, and the reason by the last line it printed."""
    if code in (None, 0):
        return "finished", None, 0
    if code == STOPPED:
        return "cancelled", None, STOPPED
    number = code if isinstance(code, int) else 1
    said = code if isinstance(code, str) else record.last_line(folder).removeprefix("gatescope: ")
    return "failed", said or f"It ended with exit code {number} and printed nothing.", number


def _leave(number: int, frame: FrameType | None) -> None:
    raise Cancelled


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
