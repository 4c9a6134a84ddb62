"""What every bundled RNA must pass, those that come as examples and those of the reference library."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pytest

from core.rna.examples import SHIPPED, Example
from core.rna.family_check import Member, check_family, members_for, read_members
from core.rna.records import RnaRecord

DEV_DATA = Path(os.environ.get("GATESCOPE_DEV_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "rna"
MEMBERS, FURTHER = DEV_DATA / "known_families_check.tsv", DEV_DATA / "rfam_families_dev.tsv"
CANONICAL = {"GC", "CG", "AU", "UA", "GU", "UG"}


@lru_cache
def members(path: Path) -> tuple[Member, ...]:
    """The known members in a file of the development data, or the test is skipped."""
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the project")
    return read_members(path)


def canonical(record: RnaRecord) -> list[bool]:
    """For each pair whether its bases are Watson and Crick's or G and U."""
    return [record.sequence[i] + record.sequence[j] in CANONICAL for i, j in record.pairs]


def states_its_sources(example: Example) -> None:
    for stated in (example.title, example.accession, example.source, example.licence, example.structure_source):
        assert len(stated) > 3
    assert example.family.startswith("RF0") and example.check.family == example.family
    assert example.record.id == example.id and example.accession in example.record.description
    assert example.licence in SHIPPED.with_name("README.md").read_text(encoding="utf-8")


def check_is_reproduced(example: Example) -> None:
    first = members(MEMBERS)
    known = any(member.family == example.family for member in first)
    found = check_family(example.record.sequence, members_for(example.family, [first] if known else [first, members(FURTHER)]))
    assert found.family == example.check.family
    assert (found.hit, found.columns) == (example.check.hit, example.check.columns)
    assert found.identity == pytest.approx(example.check.identity, abs=5e-4)
