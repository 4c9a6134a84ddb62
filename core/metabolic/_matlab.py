"""MATLAB files, read in a process of their own: SciPy's reader can crash on damaged ones, which must not end the app.

The child keeps the variables that look like models and writes them again; what reaches this process is well formed.
"""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

FIELDS = {"rxns", "mets", "S", "lb", "ub"}
"""What a struct must have to be a model of the COBRA Toolbox."""
TIMEOUT = 300
"""Seconds after which a file counts as unreadable."""


def read_structs(content: bytes) -> dict[str, Any] | None:
    """The model structs in a MATLAB 5 file, by variable name; None when the file cannot be read."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "core.metabolic._matlab"]
    try:
        child = subprocess.run(command, input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=root, timeout=TIMEOUT, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return _structs(child.stdout)


def _structs(content: bytes) -> dict[str, Any]:
    from scipy.io import loadmat

    variables = loadmat(io.BytesIO(content))
    return {key: value for key, value in variables.items() if set(getattr(getattr(value, "dtype", None), "names", None) or ()) >= FIELDS}


def _child() -> None:
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, _structs(sys.stdin.buffer.read()), long_field_names=True)
    sys.stdout.buffer.write(out.getvalue())


if __name__ == "__main__":
    _child()
