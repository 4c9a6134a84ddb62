"""The pages run as in a server that has served before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import app_test


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """User data that only this test knows."""
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))


@pytest.fixture(autouse=True)
def _warm_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AppTest starts every run as the first of a cold process, in which the page guard runs a click's request twice and
    the click is gone; the cold process itself is tested in a real browser."""

    class Warm(PagesManager):
        pass

    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr(app_test, "PagesManager", Warm)
    return
