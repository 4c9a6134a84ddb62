"""Files a person loaded: one kind beside another, named without being used, and one sentence once they are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InputError
from core.uploads import Uploads

NOTES, MODELS = Uploads("notes-", "These notes are gone; load them again."), Uploads("", "This model is gone.")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))


def test_the_same_content_is_two_files_in_two_kinds() -> None:
    note, model = NOTES.keep(b"x", "x.txt"), MODELS.keep(b"x", "x.xml")
    assert (NOTES.listed(), MODELS.listed()) == ([(note, "x.txt")], [(model, "x.xml")])


def test_a_file_is_used_by_reading_it_not_by_naming_it() -> None:
    first, second = NOTES.keep(b"1", "first.txt"), NOTES.keep(b"2", "second.txt")
    assert [NOTES.label(source) for source in (second, first)] == ["second.txt", "first.txt"]
    assert [source for source, _ in NOTES.listed()] == [second, first]
    assert NOTES.stored(first).read_bytes() == b"1"
    assert [source for source, _ in NOTES.listed()] == [first, second]


def test_other_content_of_a_name_that_is_taken_gets_a_number() -> None:
    kept = [NOTES.keep(content, "set.csv") for content in (b"1", b"2", b"3", b"1")]
    assert [NOTES.label(source) for source in kept] == ["set.csv", "set (2).csv", "set (3).csv", "set.csv"]
    assert MODELS.label(MODELS.keep(b"4", "set.csv")) == "set.csv"  # another kind, another list


@pytest.mark.parametrize("source", ["upload:" + "0" * 64, "upload:../secret", "upload:"])
def test_what_is_not_there_is_one_sentence(source: str) -> None:
    with pytest.raises(InputError, match="These notes are gone"):
        NOTES.stored(source)
    assert NOTES.label(source) == "removed upload"
