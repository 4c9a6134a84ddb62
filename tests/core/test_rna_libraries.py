"""Users' own libraries: what is read from a file, what is kept on disk, and what happens when a file or the disk is not as it should be."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from core import storage
from core.errors import InputError
from core.rna import libraries
from core.rna.libraries import add_library, list_libraries, open_library, remove_library, rename_library
from core.rna.reading import MAX_RECORDS, read_rna
from tests.core.rna_examples import FURTHER

ROOT = Path(__file__).parents[2]
TWO = b">one a hairpin\nGGGAAAUCCC\n(((....)))\n>two\nACGUACGU\n"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))


def fasta(count: int, *, seed: int = 0, length: int = 30) -> bytes:
    draw = random.Random(seed)
    return "".join(f">r{n}\n{''.join(draw.choices('ACGU', k=length))}\n" for n in range(count)).encode()


def in_another_process(code: str, *arguments: str) -> subprocess.Popen[str]:
    lines = ["import sys", "from pathlib import Path", "from core.rna.libraries import *", code]
    return subprocess.Popen([sys.executable, "-c", "\n".join(lines), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_library_holds_what_its_file_holds() -> None:
    library = add_library("My RNAs", TWO, "rnas.fa")
    assert (library.name, library.file, library.count, library.nt, library.labelled, library.notices) == ("My RNAs", "rnas.fa", 2, 18, 0, ())
    assert list(library.records) == read_rna(TWO)
    assert library.labels is None and library.alignments is None
    assert open_library(library.key) == library and list_libraries() == [library]


def test_the_key_is_of_the_rnas_and_not_of_the_name_or_the_format() -> None:
    first = add_library("A", TWO)
    remove_library(first.key)
    table = b"id;structure;sequence\none;(((....)));GGGAAATCCC\n\ntwo;;acguacgu\n"
    assert add_library("B", table).key == first.key
    assert add_library("C", TWO.replace(b"two", b"2")).key != first.key
    assert add_library("D", TWO.replace(b"(((....)))", b"((......))")).key != first.key
    assert add_library("E", TWO.replace(b">two", b">two family=x")).key != first.key


def test_a_library_outlives_the_process_that_added_it() -> None:
    adding = in_another_process("print(add_library('Kept', Path(sys.argv[1]).read_bytes(), 'kept.fa').key)", str(written(fasta(40))))
    key, problems = adding.communicate()
    assert problems == ""
    library = open_library(key.strip())
    assert (library.name, library.count) == ("Kept", 40)
    assert [record.sequence for record in library.records] == [record.sequence for record in read_rna(fasta(40))]


def written(data: bytes) -> Path:
    return storage.write_bytes(storage.home() / "given.fa", data)


def test_writers_at_the_same_time_leave_whole_libraries() -> None:
    """Six processes at once: four libraries of their own, and one twice."""
    code = "print(add_library(sys.argv[2], Path(sys.argv[1]).read_bytes()).key)"
    files = [storage.write_bytes(storage.home() / f"{seed}.fa", fasta(300, seed=seed)) for seed in (1, 2, 3, 4, 5, 5)]
    started = [in_another_process(code, str(path), f"set {n}") for n, path in enumerate(files)]
    told = [process.communicate() for process in started]
    assert [problems for _, problems in told] == [""] * 6
    keys = [key.strip() for key, _ in told]
    notices: list[str] = []
    found = {library.key: library for library in list_libraries(notices.append)}
    assert set(found) == set(keys) and len(found) == 5 and notices == []
    for seed, key in zip((1, 2, 3, 4, 5, 5), keys):
        assert [record.sequence for record in found[key].records] == [record.sequence for record in read_rna(fasta(300, seed=seed))]
    assert [path for path in storage.folder("libraries").iterdir() if path.name.startswith(".")] == []


# What comes from a file.


def test_families_come_from_a_table_with_structures_and_alignments() -> None:
    table = (
        "Family\tName\tAccession\tSequence\tStructure\taligned_sequence\n"
        "RF1\tone\tX1/1-10\tGGGAAATCCC\t(((....)))\tGG-GAAAUC.CC\n"
        "RF1\tone\tX2/1-8\tacguacgu\t\tACGUACGA\n"
        "\ttwo\tX3\tCCCCAAAAGGGG\t((((....))))\t\n"
    )
    library = add_library("Table", table.encode(), "t.tsv")
    assert [record.id for record in library.records] == ["X1/1-10", "X2/1-8", "X3"]
    assert [record.structure for record in library.records] == ["(((....)))", None, "((((....))))"]
    assert library.labels == {"X1/1-10": "RF1", "X2/1-8": "RF1"} and library.labelled == 2
    assert library.alignments == {"X1/1-10": "GG-GAAAUC.CC"}
    assert library.notices == ("1 of 3 alignment rows is not of the RNA beside them and left out.", "1 of 3 RNAs is without a family.")


def test_families_come_from_the_word_behind_a_fasta_name() -> None:
    library = add_library("Words", b">a family=RF00005 tRNA\nGGGG\n>b seen family=x/y\nCCCC\n>c superfamily=no\nAAAA\n")
    assert library.labels == {"a": "RF00005", "b": "x/y"}
    assert library.records[0].description == "family=RF00005 tRNA"
    assert library.notices == ("1 of 3 RNAs is without a family.",)


def test_families_come_from_the_accession_of_an_alignment_with_its_rows() -> None:
    text = "# STOCKHOLM 1.0\n#=GF AC RF1\n#=GF ID one\na GG-AAACC\nb GGCAAAC-\n#=GC SS_cons ((....))\n//\n# STOCKHOLM 1.0\n#=GF ID two\nc ACGU\n//\n"
    library = add_library("Alignments", text.encode())
    assert library.labels == {"a": "RF1", "b": "RF1", "c": "two"}
    assert library.alignments == {"a": "GG-AAACC", "b": "GGCAAAC-", "c": "ACGU"}
    assert library.records[0].structure == "((...))"


def test_rfams_families_are_a_labelled_library() -> None:
    if not FURTHER.exists():
        pytest.skip(f"{FURTHER.name} is not beside the project")
    library = add_library("Rfam", FURTHER.read_bytes(), FURTHER.name)
    labels, alignments = library.labels, library.alignments
    assert labels is not None and alignments is not None
    assert len(set(labels.values())) == 608 and library.labelled == library.count == len(alignments)
    assert labels["AF196778.1/2-154"] == "RF00002"


def test_duplicates_by_sequence_are_kept_once_and_counted() -> None:
    text = b">a family=x\nGGGG\n>b family=x\nGGGG\n>c family=y\nggGG\n>d family=y\nACGT\n>e\nACGU\n"
    library = add_library("Twins", text)
    assert [record.id for record in library.records] == ["a", "d"] and library.labels == {"a": "x", "d": "y"}
    assert library.notices == (
        "3 of 5 RNAs are duplicates by sequence and kept once.",
        "2 of 3 duplicates are of another family than the first of the same sequence, whose family was kept.",
    )


def test_what_cannot_be_used_is_left_out_with_notices() -> None:
    text = b">long\n" + b"ACGU" * 800 + b"\n>odd\nACGJ\n>ns\nACRUN\n>fine\nGGGAAACCC\n"
    library = add_library("Mixed", text)
    assert [record.id for record in library.records] == ["ns", "fine"]
    assert library.notices == (
        "1 of 4 records is left out, the first because: Letter 'J' at position 4 of odd is no base; use A, C, G, U or T, and N for an unknown base.",
        "1 of 3 RNAs is longer than 3,000 nt and left out, the first long.",
        "1 of 2 RNAs is with bases that are not known, read as N.",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "l.fa is empty; give at least one sequence"),
        (b" \n\n", "l.fa is empty"),
        (b"# only a comment\n", "There is no RNA in the text, only comments or headers"),
        (b"sequence,id\n", "There is no RNA in the text"),
        (b">p\nMKLVFQWE\n", "Letter 'L' at position 3 of p is no base; this looks like a protein, so give the RNA or DNA sequence instead"),
        (b"id\tsequence\np\tMKLVFQWE\n", "this looks like a protein"),
        (b"id\tsequence\n\t\np\t\n", "Line 3 of the table has no sequence; give each RNA one"),
        (b"id\tsequence\tstructure\np\tACGU\t((.)\n", "Bracket '(' at position 1 of the structure of p is never closed"),
        (b'id,sequence\np,"ACGU\n', "Line 2 of the table cannot be read; look for a quotation mark that is never closed"),
        (b"\x89PNG\r\n\x1a\n\0\0", "l.fa holds an image, not text"),
        (b"PK\x03\x04" + bytes(40), "l.fa holds a zip archive, not text"),
        (b"\0\1\2", "l.fa is binary data"),
        (b">x\n" + b"A" * 3_001 + b"\n", "x has 3,001 bases; a library holds RNAs of at most 3,000, so give their parts of interest"),
    ],
)
def test_a_file_without_a_usable_rna_is_one_sentence_and_leaves_nothing(text: bytes, said: str) -> None:
    with pytest.raises(InputError) as error:
        add_library("Bad", text, "l.fa")
    assert said in str(error.value)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    assert list_libraries() == [] and storage.usage()["libraries"] == 0


def test_limits_are_stated_and_can_be_set() -> None:
    assert (libraries.MOST, libraries.LONGEST) == (20_000, 3_000)
    with pytest.raises(InputError, match="There are more than 3 records; split the file into smaller ones"):
        add_library("Many", fasta(4), most=3)
    assert add_library("Many", fasta(4), most=4).count == 4
    with pytest.raises(InputError, match="r0 has 30 bases; a library holds RNAs of at most 29"):
        add_library("Long", fasta(2, seed=9), longest=29)


def test_more_rnas_than_one_look_holds_fit_into_a_library() -> None:
    assert MAX_RECORDS < 12_000
    library = add_library("Large", fasta(12_000))
    assert library.count == len(library.records) == 12_000


# Names.


def test_a_name_that_is_taken_gets_a_number() -> None:
    names = [add_library(name, fasta(2, seed=seed)).name for seed, name in enumerate(("Set", "set", "SET", "Set (2)"))]
    assert names == ["Set", "set (2)", "SET (3)", "Set (2) (2)"]
    assert add_library("Set", fasta(2, seed=9)).notices == ("Another library is called Set, so this one is called Set (4).",)


def test_a_library_without_a_name_is_called_like_its_file() -> None:
    assert [add_library("", fasta(2, seed=seed), file).name for seed, file in enumerate(("folder/my rnas.fa.txt", ""))] == ["my rnas.fa", "Library"]
    assert add_library("two\nlines\x07 ", fasta(2, seed=7)).name == "two?lines?"


def test_renaming_keeps_key_and_rnas() -> None:
    one, two = add_library("One", fasta(3, seed=1)), add_library("Two", fasta(3, seed=2))
    renamed = rename_library(one.key, " Uno ")
    assert (renamed.name, renamed.key, renamed.created) == ("Uno", one.key, one.created)
    assert open_library(one.key) == renamed and open_library(one.key).records == one.records
    assert rename_library(one.key, "uno").name == "uno"  # its own name in other letters
    with pytest.raises(InputError, match="Another library is called two; choose another name"):
        rename_library(one.key, "two")
    with pytest.raises(InputError, match="name is empty; give at least one letter"):
        rename_library(two.key, "  ")
    assert {library.name for library in list_libraries()} == {"uno", "Two"}


def test_the_same_rnas_again_are_told_and_not_stored_twice() -> None:
    first = add_library("One", TWO)
    again = add_library("Other", TWO, "other.fa")
    assert (again.key, again.name, again.created) == (first.key, "One", first.created)
    assert again.notices == ("These RNAs are stored already, as One; nothing was added.",)
    assert list_libraries() == [first]


# The disk.


def test_the_newest_library_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, now in ((1, 50.0), (2, 70.0), (3, 60.0)):
        monkeypatch.setattr(libraries.time, "time", lambda now=now: now)
        add_library(f"L{seed}", fasta(2, seed=seed))
    assert [library.name for library in list_libraries()] == ["L2", "L3", "L1"]


def test_a_removed_library_is_gone_in_one_sentence() -> None:
    library = add_library("One", TWO)
    remove_library(library.key)
    assert list_libraries() == [] and storage.usage()["libraries"] == 0
    for act in (open_library, remove_library, lambda key: rename_library(key, "x"), lambda _: library.records):
        with pytest.raises(InputError, match="This library is no longer stored on this computer; add its file again"):
            act(library.key)


@pytest.mark.parametrize("key", ["", "x", "../" * 3 + "etc/passwd", "A" * 64, "0" * 63])
def test_a_key_that_is_none_opens_no_file(key: str) -> None:
    for act in (open_library, remove_library):
        with pytest.raises(InputError, match="no longer stored"):
            act(key)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"not json\n",
        b"[1]\n",
        b"{}\n",
        b'{"schema": 99}\n',
        b'{"schema": 1, "name": "x"}\n',
        b"\xff\xfe\n",
        b'{"schema": 1, "notices": 3}\n',
        b"\0" * 100,
    ],
)
def test_a_library_that_cannot_be_read_is_skipped_with_a_notice(head: bytes) -> None:
    fine, broken = add_library("Fine", fasta(2, seed=1)), add_library("Broken", fasta(2, seed=2))
    broken.path.write_bytes(head)
    notices: list[str] = []
    assert list_libraries(notices.append) == [fine] == list_libraries()
    shown = f"{broken.path.name[:79]}…" if len(broken.path.name) > 80 else broken.path.name
    assert notices == [f"The stored library {shown} cannot be read and was left out; remove it or add its file again."]
    with pytest.raises(InputError, match="This library cannot be read; remove it and add its file again"):
        open_library(broken.key)
    again = add_library("Broken", fasta(2, seed=2))  # the remedy works
    assert again.key == broken.key and again.notices == () and len(again.records) == 2
    broken.path.write_bytes(head)
    remove_library(broken.key)
    assert list_libraries(notices.append) == [fine] and len(notices) == 1


def test_a_changed_or_cut_library_is_noticed_when_its_rnas_are_read() -> None:
    library = add_library("One", TWO)
    whole = library.path.read_text()
    head, *rows, _ = whole.split("\n")
    for text in (whole.replace("GGGAAAUCCC", "GGGAAAUCCA"), "\n".join([head, rows[0], ""]), whole[:-20], "\n".join([head, *rows, "[1]", ""])):
        library.path.write_text(text)
        found = open_library(library.key)  # its first line is as it was
        with pytest.raises(InputError, match="The library One is damaged on disk; remove it and add its file again"):
            _ = found.records
        assert [record.sequence for record in add_library("One", TWO).records] == ["GGGAAAUCCC", "ACGUACGU"]


def test_a_full_shelf_refuses_a_library_and_keeps_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    first = add_library("One", fasta(20, seed=1))
    monkeypatch.setattr(libraries, "MAX_BYTES", storage.usage()["libraries"] + 100)
    with pytest.raises(InputError, match="The stored libraries fill their 0 MiB; remove one that you no longer need"):
        add_library("Two", fasta(20, seed=2))
    assert rename_library(first.key, "Uno").name == "Uno"  # in place of itself
    remove_library(first.key)
    assert add_library("Two", fasta(20, seed=2)).count == 20


def test_temporary_files_of_killed_writers_are_no_libraries() -> None:
    library = add_library("One", TWO)
    (library.path.parent / f".{library.path.name}.0-1-x.jsonl").write_bytes(library.path.read_bytes())
    assert list_libraries() == [library]


def test_a_stored_file_says_what_it_is() -> None:
    head, *rows = add_library("One", TWO, "two.fa").path.read_text().splitlines()
    told = json.loads(head)
    assert told.pop("created") > 1e9
    assert told == {"schema": 1, "name": "One", "count": 2, "nt": 18, "labelled": 0, "notices": [], "file": "two.fa"}
    assert json.loads(rows[0]) == ["one", "GGGAAAUCCC", "(((....)))", "a hairpin", "", ""]
