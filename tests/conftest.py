"""Every test session keeps its user data in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def gatescope_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Points ``GATESCOPE_HOME`` at a temporary folder, for this process and those it starts."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATESCOPE_HOME", str(home))
        yield home
