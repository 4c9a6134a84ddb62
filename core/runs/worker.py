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


def main(folder: Path, module: str, arguments: list[str]) -> int:
    """Runs ``module`` with ``arguments`` and returns the exit code, having written the run's last state."""
    storage.write_json(folder / record.PROCESS_FILE, record.identity(os.getpid()))
    signal.signal(signal.SIGTERM, _leave)
    sys.argv = [module, *arguments]
    state, error, code = _run(module)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ending: dict[str, Any] = {"state": state, "ended": time.time(), "exit_code": code}
    storage.write_json(folder / record.STATE_FILE, ending if error is None else {**ending, "error": error})
    return code


def _run(module: str) -> tuple[record.State, str | None, int]:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        if code == 0:
            return "finished", None, 0
        said = exit_.code if isinstance(exit_.code, str) else f"it ended with exit code {code}; its log says why"
        return "failed", said, code
    except (Cancelled, KeyboardInterrupt):
        return "cancelled", None, 0
    except InputError as error:
        print(error, file=sys.stderr)
        return "failed", str(error), 2
    except Exception as error:
        traceback.print_exc()
        return "failed", f"{type(error).__name__}: {error}", 1
    return "finished", None, 0


def _leave(number: int, frame: FrameType | None) -> None:
    raise Cancelled


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
