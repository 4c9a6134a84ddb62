"""What a person is asked to cite is what is installed."""

from __future__ import annotations

from pathlib import Path

from core import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_citation_and_the_changelog_name_this_version() -> None:
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1].splitlines()[0] == __version__
