"""What the bar of long work says."""

from __future__ import annotations

import pytest

from core.ui import background
from core.ui.background import Job


@pytest.mark.parametrize(
    ("passed", "done", "sentence"),
    [
        (5.0, 5_000, "Folding: 5,000 of 10,000, 5 s so far"),
        (60.0, 200, "Folding: 200 of 10,000, 1 min 0 s so far"),
        (60.0, 2_500, "Folding: 2,500 of 10,000, 1 min 0 s so far, about 3 min 0 s left"),
        (60.0, 10_000, "Folding: 10,000 of 10,000, 1 min 0 s so far"),
    ],
)
def test_the_rest_is_told_once_its_pace_is_known(monkeypatch: pytest.MonkeyPatch, passed: float, done: int, sentence: str) -> None:
    monkeypatch.setattr(background.time, "monotonic", lambda: 100.0 + passed)
    job = Job(started=100.0)
    job.counted("folding", done, 10_000)
    assert job.sentence() == sentence
    assert job.share == done / 10_000
