"""forgi is imported in one place, silently, and reads a hairpin as expected."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from core.rna import _forgi

pytestmark = pytest.mark.skipif(_forgi.version() is None, reason="forgi has no wheel for this platform")


def test_importing_forgi_prints_nothing_and_reads_a_hairpin() -> None:
    code = (
        "from core.rna._forgi import load; graph = load().BulgeGraph.from_dotbracket('.((((....))))..', 'AGGGGAAAACCCCAA'); "
        "assert graph.to_element_string() == 'fsssshhhhsssstt', graph.to_element_string(); "
        "assert graph.defines['s0'] == [2, 5, 10, 13] and graph.defines['h0'] == [6, 9]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_version_is_the_installed_one() -> None:
    assert _forgi.version() == metadata.version("forgi")
