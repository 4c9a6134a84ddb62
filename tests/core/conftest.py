"""Models every core test shares, each parsed at most once per session."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import cobra
import pytest

from core.metabolic.tables import ModelTables, tables_from_model

FILES = {"e_coli_core": "textbook", "iJO1366": "iJO1366", "salmonella": "salmonella"}
BUNDLED = ["e_coli_core", "iJO1366", "salmonella"]


@pytest.fixture(scope="session")
def parsed() -> Callable[[str], cobra.Model]:
    """A model of COBRApy's wheel by its bundled name; shared, so a test leaves it as it was."""
    models: dict[str, cobra.Model] = {}

    def read(name: str) -> cobra.Model:
        if name not in models:
            models[name] = cobra.io.read_sbml_model(str(Path(cobra.__file__).parent / "data" / f"{FILES[name]}.xml.gz"))
        return models[name]

    return read


@pytest.fixture(scope="session")
def tabled(parsed: Callable[[str], cobra.Model]) -> Callable[[str], ModelTables]:
    """The tables of a bundled model."""
    made: dict[str, ModelTables] = {}
    return lambda name: made.setdefault(name, tables_from_model(parsed(name))) if name not in made else made[name]


@pytest.fixture
def core_model(parsed: Callable[[str], cobra.Model]) -> Iterator[cobra.Model]:
    """E. coli core for one test; changes made inside are reverted."""
    with parsed("e_coli_core") as model:
        yield model


@pytest.fixture
def core_tables(tabled: Callable[[str], ModelTables]) -> ModelTables:
    return tabled("e_coli_core")


@pytest.fixture
def own_copy(parsed: Callable[[str], cobra.Model]) -> cobra.Model:
    """A copy of E. coli core that a test may change for good."""
    return copy.deepcopy(parsed("e_coli_core"))


@pytest.fixture(scope="session", params=BUNDLED)
def bundled(request: pytest.FixtureRequest) -> str:
    """Each bundled model's name in turn."""
    return str(request.param)
