"""When garbage is collected."""

from __future__ import annotations

import gc
import tomllib
from pathlib import Path

import pytest

from core.ui import memory


def test_garbage_is_collected_now_and_then_and_not_after_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now, cost, collected = 100.0, 2.0, []

    def collect() -> None:
        nonlocal now
        collected.append(now)
        now += cost

    monkeypatch.setattr(memory, "_next", 0.0)
    monkeypatch.setattr(memory.time, "monotonic", lambda: now)
    monkeypatch.setattr(gc, "collect", collect)
    for moment in (100.0, 103.0, 131.0, 301.0, 302.0, 310.0):
        now = moment
        memory.tidy()
    assert collected == [100.0, 302.0]  # 2 s are 1% of 200 s
    cost, now = 0.01, 502.1
    for moment in (505.0, 505.5, 534.9, 535.02):
        now = moment
        memory.tidy()
    assert collected == [100.0, 302.0, 505.0, 535.02]


def test_streamlit_does_not_collect_after_every_run() -> None:
    root = Path(__file__).resolve().parents[2]
    settings = tomllib.loads((root / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["runner"]["postScriptGC"] is False
    assert "memory.tidy()" in (root / "app.py").read_text(encoding="utf-8")
