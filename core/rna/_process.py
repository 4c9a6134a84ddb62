"""A process of its own for what holds Python's lock, cannot be interrupted, or must not share this process's threads."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import Cancelled

_ROOT = Path(__file__).parents[2]
_LOOK = 0.05  # seconds between two looks at the process


def run_module(module: str, folder: Path, *, on_look: Callable[[], None] | None = None, should_stop: Callable[[], bool] | None = None) -> None:
    """Runs ``python -m MODULE FOLDER`` to its end; what it read and wrote is in the folder.

    Args:
        on_look: called twenty times a second, for progress.
        should_stop: asked as often; True kills the process.

    Raises:
        Cancelled: ``should_stop`` said so; the process is gone.
    """
    command = [sys.executable, "-m", module, str(folder)]
    process = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            if should_stop and should_stop():
                raise Cancelled
            if on_look:
                on_look()
            time.sleep(_LOOK)
    finally:  # also when a page is left and its script ends inside on_look
        process.kill()
        process.wait()
