"""What the tests of several pages do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def opened(page: str, **query: str) -> AppTest:
    """A page under an address's parameters, drawn without an exception."""
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    test.query_params.update(query)
    test.run()
    test.switch_page(f"pages/{page}.py").run()
    assert not test.exception
    return test


def explained(page: str, settings: dict[str, object], **query: str) -> AppTest:
    """An explain page under an address's parameters and settings, once its attribution is there."""
    return settled(opened(page, **query, **{f"s.{page}.{name}": json.dumps(value) for name, value in settings.items()}))


def settled(test: AppTest) -> AppTest:
    """A page once the attribution under way is done."""
    from core.ui.explain.data import work

    for job in list(work()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    return test


def told(test: AppTest) -> str:
    """All sentences of a page."""
    return " ".join(str(e.value) for kind in (test.markdown, test.caption, test.info, test.warning, test.error) for e in kind).replace("\\", "")


def attribution_table(test: AppTest, level: str) -> dict[str, float]:
    """The attribution by group that a page lists."""
    (found,) = [frame.value for frame in test.dataframe if level in frame.value.columns and "attribution" in frame.value.columns]
    return dict(zip(found[level], found["attribution"], strict=True))


def replays(monkeypatch: pytest.MonkeyPatch, folder: Path, make: Callable[[], AppTest]) -> dict[str, Any]:
    """The manifest of the page that is made, which gives the page's numbers again."""
    from core.__main__ import main
    from core.explain import manifest

    made: list[dict[str, Any]] = []
    explanation = manifest.explanation
    monkeypatch.setattr(manifest, "explanation", lambda *given, **named: made.append(explanation(*given, **named)) or made[-1])
    make()
    (folder / "attribution.json").write_text(json.dumps(made[-1], allow_nan=False))
    assert main(["replay", str(folder / "attribution.json"), "--device", "cpu"]) == 0
    return made[-1]


def charts(test: AppTest) -> set[str]:
    """Keys of the charts of a page; what another test computed in the same process is kept, and may add charts of its own."""
    return {chart.key for chart in test.get("plotly_chart")}
