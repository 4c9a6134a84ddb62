"""Further columns of users' tables: what is read, which type they get, how they are stored beside the RNAs and stand beside our own tables."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core import storage
from core.errors import InputError
from core.rna._tables import MOST_COLUMNS
from core.rna.columns import RESERVED, beside, of_few_values, told_apart, typed
from core.rna.libraries import Library, add_library, list_libraries, open_library, remove_library, rename_library
from tests.core.hostile import PAYLOADS

TWO = b">one a hairpin\nGGGAAAUCCC\n(((....)))\n>two\nACGUACGU\n"
TABLE = (
    "id\tsequence\tstructure\tfamily\taligned_sequence\torganism\tKd\n"
    "one\tGGGAAATCCC\t(((....)))\tRF1\tGGG-AAATCCC\tE. coli\t1e-3\n"
    "two\tACGUACGU\t\t\t\tyeast\t\n"
)
BEFORE = """\
{"schema": 1, "name": "Old", "count": 2, "nt": 18, "labelled": 1, "notices": ["1 of 2 RNAs is without a family."], "file": "old.tsv", "created": 1.5}
["one", "GGGAAAUCCC", "(((....)))", "", "RF1", "GGG-AAAUCCC"]
["two", "ACGUACGU", null, "", "", ""]
"""
BEFORE_KEY = "6d79010b3a5f09077a0ec24acd433d94f3d1c5e77d30f75029ced8bd9bc04e0c"
"""What was stored of :data:`TABLE` before further columns were kept."""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))


def columns(library: Library) -> pd.DataFrame:
    found = library.columns
    assert found is not None
    return found


def table(head: str, *rows: str) -> bytes:
    """A CSV of RNAs of their own sequences; ``rows`` are the cells behind id and sequence."""
    return "\n".join([f"id,sequence,{head}", *(f"r{n},GG{'A' * (n + 3)}CC,{row}" for n, row in enumerate(rows))]).encode()


# What is read.


def test_a_table_keeps_every_further_column_as_it_is_written() -> None:
    library = add_library("Mine", TABLE.encode(), "mine.tsv")
    found = columns(library)
    assert list(found.index) == ["one", "two"] and list(found.columns) == list(library.column_names) == ["organism", "Kd"]
    assert found["organism"].tolist() == ["E. coli", "yeast"]
    assert found["Kd"].dtype == float and found["Kd"].iloc[0] == 1e-3 and np.isnan(found["Kd"].iloc[1])
    assert library.labels == {"one": "RF1"} and library.alignments == {"one": "GGG-AAAUCCC"}
    assert open_library(library.key) == library
    pd.testing.assert_frame_equal(columns(open_library(library.key)), found)


def test_columns_without_a_name_or_anything_in_them_are_left_out() -> None:
    data = table("Organism ,, empty,Year,", "E. coli,x, ,1999,9", "yeast,y", "  ,z,,2001")
    library = add_library("Mine", data)
    assert list(columns(library).columns) == ["Organism", "Year"] and library.notices == ()
    assert columns(library)["Organism"].tolist() == ["E. coli", "yeast", ""]
    assert columns(library)["Year"].tolist() == pytest.approx([1999, np.nan, 2001], nan_ok=True)


def test_the_first_name_of_a_table_with_tabs_may_be_missing() -> None:
    """Tables of pandas begin with a tab, which was taken for white space before the first name: every cell stood under the next one's name."""
    library = add_library("Mine", b"\n \n\tid\tsequence\tKd\n0\ta\tGGGAAAUCCC\t5.5\n1\tb\tACGUACGU\t7\n")
    assert [(record.id, record.sequence) for record in library.records] == [("a", "GGGAAAUCCC"), ("b", "ACGUACGU")]
    assert columns(library)["Kd"].tolist() == [5.5, 7]


def test_what_is_read_under_another_name_is_no_further_column() -> None:
    data = b"accession;name;sequence;label;class;row\na;first;GGGAAAUCCC;F;x;GGGAAAUCCC\n"
    library = add_library("Mine", data)
    assert library.records[0].id == "a" and library.labels == {"a": "F"} and library.alignments == {"a": "GGGAAAUCCC"}
    assert columns(library).iloc[0].to_dict() == {"name": "first", "class": "x"}


def test_of_two_columns_of_one_name_the_first_is_kept_and_told() -> None:
    library = add_library("Mine", table("Kd,note,Kd,note,kd", "1,a,2,b,3", "4,c,5,d,6"))
    assert columns(library).loc["r1"].to_dict() == {"Kd": 4, "note": "c", "kd": 6}
    assert library.notices == ("More than one column is called Kd, note; the first was kept.",)


def test_duplicates_by_sequence_with_other_values_are_told() -> None:
    data = b"id,sequence,Kd\na,GGGG,1\nb,GGGG,2\nc,GGGG,1\nd,CCCC,\n"
    library = add_library("Mine", data)
    assert columns(library)["Kd"].tolist() == pytest.approx([1, np.nan], nan_ok=True)
    assert library.notices == (
        "2 of 4 RNAs are duplicates by sequence and kept once.",
        "1 of 2 duplicates is with other values in further columns than the first, whose values were kept.",
    )


def test_a_column_of_rnas_that_are_left_out_is_left_out_too() -> None:
    library = add_library("Mine", b"id,sequence,Kd,note\na,GGGG,1,\nb,GGGG,2,x\nc,JJJJ,3,y\n")
    assert list(columns(library).columns) == ["Kd"]


def test_of_a_thousand_columns_fifty_are_kept_and_the_rest_is_told() -> None:
    names = [f"c{n}" for n in range(1000)]
    row = ",".join("" if n < 10 else str(n) for n in range(1000))  # the first ten are empty and take no place
    library = add_library("Wide", table(",".join(names), row, row))
    assert MOST_COLUMNS == 50 and list(columns(library).columns) == names[10:60]
    assert columns(library)["c59"].tolist() == [59, 59]
    assert library.notices == ("940 of 990 further columns left out, as a library keeps 50: c60, c61, c62 and 937 more.",)
    assert columns(open_library(library.key)).shape == (2, 50)


def test_hostile_names_and_cells_stay_text() -> None:
    names = [*PAYLOADS, "two\nlines", "nul\x07", "n" * 300]
    cells = [*PAYLOADS, '=HYPERLINK("http://x","y")', "c\nd\te", "=1+1" + "f" * 300]
    frame = pd.DataFrame([["a", "GGGAAAUCCC", *cells]], columns=["id", "sequence", *names])
    found = columns(add_library("Hostile", frame.to_csv(index=False).encode()))
    assert list(found.columns) == [*PAYLOADS, "two?lines", "nul?", "n" * 79 + "…"]
    assert found.iloc[0].tolist() == [*PAYLOADS, '=HYPERLINK("http://x","y")', "c?d?e", "=1+1" + "f" * 195 + "…"]
    back = beside(pd.DataFrame({"name": ["a"]}), told_apart(found)).to_csv(index=False)
    assert '"=HYPERLINK(""http://x"",""y"")"' in back and pd.read_csv(io.StringIO(back)).iloc[0].tolist()[1:] == found.iloc[0].tolist()


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1", "2", "-3.5", "+.5", "1e-3", "4.E2"], [1, 2, -3.5, 0.5, 1e-3, 400]),
        (["1", "", "NA", "nan", "NaN", "n.a.", "N/A"], [1, *[np.nan] * 6]),
        (["-0", "0"], [0, 0]),
        (["1", "2 nM"], None),
        (["1,5", "2"], None),
        (["1_000"], None),
        (["0x10"], None),
        (["inf", "1"], None),
        (["1e999"], None),
        (["٣"], None),
        (["NA", ""], None),
        (["yes", "no", "NA"], None),
    ],
)
def test_a_column_is_numbers_when_all_its_filled_cells_are(cells: list[str], numbers: list[float] | None) -> None:
    found = typed(cells)
    if numbers is None:
        assert found.dtype == object and found.tolist() == cells
    else:
        assert found.dtype == float and found.tolist() == pytest.approx(numbers, nan_ok=True)
        assert not np.signbit(found[found == 0]).any()


@pytest.mark.parametrize(
    ("values", "few"),
    [
        ([0, 1, 1, 0], True),
        ([3, 1, np.nan, 3, 1], True),
        ([*range(8), *range(8)], True),
        ([*range(9), *range(9)], False),
        ([5, 10, 20, 50], False),  # each value once: measured, not a kind
        ([0.5, 1, 0.5, 1], False),
        ([np.nan, np.nan], False),
    ],
)
def test_whole_numbers_that_come_again_are_kinds(values: list[float], few: bool) -> None:
    assert of_few_values(np.array(values)) is few


# What is stored.


def test_a_library_stored_before_columns_were_kept_opens_and_gets_them() -> None:
    path = storage.folder("libraries") / f"{BEFORE_KEY}.jsonl"
    path.write_text(BEFORE)
    old = open_library(BEFORE_KEY)
    assert [record.id for record in old.records] == ["one", "two"] and old.columns is None and old.columns_key == ""
    again = add_library("", TABLE.encode(), "new.tsv")
    assert again.notices == (
        "These RNAs are stored already, as Old; their further columns are now those of this file: organism, Kd.",
        "1 of 2 RNAs is without a family.",
    )
    assert list_libraries() == [open_library(BEFORE_KEY)]
    assert (again.key, again.name, again.file, again.created) == (BEFORE_KEY, "Old", "old.tsv", 1.5)
    assert columns(open_library(BEFORE_KEY))["organism"].tolist() == ["E. coli", "yeast"]


def test_columns_are_no_part_of_the_key_and_leave_nothing_in_a_file_without_them() -> None:
    plain = add_library("Plain", b"id,sequence,structure\none,GGGAAAUCCC,(((....)))\ntwo,ACGUACGU,\n")
    head, *rows = plain.path.read_text().splitlines()
    assert "columns" not in json.loads(head) and [len(json.loads(row)) for row in rows] == [6, 6]
    remove_library(plain.key)
    wide = add_library("Wide", b"id,sequence,structure,Kd\none,GGGAAAUCCC,(((....))),4\ntwo,ACGUACGU,,\n")
    assert wide.key == plain.key and columns(wide)["Kd"].iloc[0] == 4


def test_other_columns_of_the_same_rnas_replace_those_that_are_there() -> None:
    first = add_library("One", TWO)
    organism = b"id,sequence,structure,organism\none,GGGAAAUCCC,(((....))),yeast\ntwo,ACGUACGU,,\n"
    second = add_library("Other", organism)
    assert second.key == first.key and columns(second)["organism"].tolist() == ["yeast", ""]
    kept = open_library(first.key)
    assert kept.records == first.records and kept.records[0].description == "a hairpin"
    assert (kept.name, kept.created, kept.notices, kept.labels) == (first.name, first.created, (), None)
    third = add_library("", organism.replace(b"organism", b"Kd").replace(b"yeast", b"3"))
    assert list(columns(open_library(first.key)).columns) == ["Kd"] and third.columns_key != second.columns_key
    assert add_library("", organism.replace(b"organism", b"Kd").replace(b"yeast", b"3")).notices == (
        "These RNAs are stored already, as One; nothing was added.",
    )
    assert add_library("", TWO).notices == ("These RNAs are stored already, as One; nothing was added.",)
    assert columns(open_library(first.key))["Kd"].iloc[0] == 3  # a file without columns takes none away
    renamed = rename_library(first.key, "Uno")
    assert list(columns(renamed).columns) == ["Kd"] and len(list_libraries()) == 1


def test_changed_cells_are_noticed_like_changed_rnas() -> None:
    library = add_library("One", TABLE.encode())
    library.path.write_text(library.path.read_text().replace("yeast", "beast"))
    with pytest.raises(InputError, match="The library One is damaged on disk; remove it and add its file again"):
        _ = open_library(library.key).columns
    assert columns(add_library("One", TABLE.encode()))["organism"].tolist() == ["E. coli", "yeast"]


# Beside our own tables.


def test_names_of_our_own_columns_get_a_mark() -> None:
    names = ["Name", "kind", "unit 3", "X_umap 1", "kind (yours)", "organism", "Unity"]
    marked = told_apart(pd.DataFrame([range(7)], columns=names))
    expected = ["Name (yours)", "kind (yours) (yours)", "unit 3 (yours)", "X_umap 1 (yours)", "kind (yours)", "organism", "Unity"]
    assert list(marked.columns) == expected and marked.iloc[0].tolist() == list(range(7))
    every = told_apart(pd.DataFrame(columns=[*sorted(RESERVED)]))
    assert list(every.columns) == [f"{name} (yours)" for name in sorted(RESERVED)]


def test_elements_take_the_values_of_their_rna() -> None:
    own = told_apart(pd.DataFrame({"size": [np.nan, 1.0], "organism": ["E. coli", "yeast"]}, index=["a", "b"]))
    elements = pd.DataFrame({"name": ["b/s0", "x/h0", "a/s0", "b/h0"], "rna": ["b", "x", "a", "b"], "size": [4, 3, 2, 1]})
    found = beside(elements, own)
    assert list(found.columns) == ["name", "rna", "size", "size (yours)", "organism"]
    assert found["size"].tolist() == [4, 3, 2, 1]
    assert found["size (yours)"].tolist() == pytest.approx([1, np.nan, np.nan, 1], nan_ok=True)
    assert found["organism"].tolist() == ["yeast", "", "E. coli", "yeast"]
    assert beside(pd.DataFrame({"name": ["b"]}, index=[7]), own)["organism"].to_dict() == {7: "yeast"}
