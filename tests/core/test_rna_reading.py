"""Every format in, every refusal with its place and remedy."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from core.errors import InputError
from core.rna import MAX_BYTES, MAX_LENGTH, RnaRecord, read_report, read_rna
from core.rna import reading as module

HAIRPIN = ("GGGAAACCC", "(((...)))")
CT = "9 ENERGY = -1.2 hairpin from a table\n" + "".join(
    f"{i} {base} {i - 1} {(i + 1) % 10} {10 - i if abs(i - 5) > 1 else 0} {i}\n" for i, base in enumerate("GGGAAACCC", 1)
)
BPSEQ = "# hairpin\n" + "".join(f"{i} {base} {10 - i if abs(i - 5) > 1 else 0}\n" for i, base in enumerate("GGGAAACCC", 1))
STOCKHOLM = """# STOCKHOLM 1.0
#=GF ID  test

one       GGGAAAC-CC
two/1-9   GGGA-AC.CC

#=GC SS_cons  <<<___>.>>
one       ..AU
two/1-9   AUAU
#=GC SS_cons  ,,,,
//
"""


def one(source: str | bytes | Path) -> RnaRecord:
    (record,) = read_rna(source)
    return record


@pytest.mark.parametrize(
    "text",
    [
        "GGGAAACCC",
        "gggaaaccc\n",
        "GGG\nAAA\r\nCCC\r\n",
        "\ufeffGGG AAA CCC",
        ">\nGGGAAACCC",
        "  1 gggaaa\n  7 ccc\n",
        "; a comment\nGGGAAACCC",
        b"\xef\xbb\xbfGGGAAACCC",
        "GGGAAACCC".encode("utf-16"),
    ],
)
def test_a_sequence_alone(text: str | bytes) -> None:
    assert one(text) == RnaRecord("rna", "GGGAAACCC")


def test_t_is_u() -> None:
    assert one("acgt tGcA").sequence == "ACGUUGCA"


def test_fasta_with_many_records() -> None:
    text = ">a first one\nACGU\nACGU\n\n>b\r\nGGTT\r\n>a\nCC\n>a-2\nGG\n>a\nUU\n"
    assert [(r.id, r.description, r.sequence) for r in read_rna(text)] == [
        ("a", "first one", "ACGUACGU"),
        ("b", "", "GGUU"),
        ("a-2", "", "CC"),
        ("a-2-2", "", "GG"),
        ("a-3", "", "UU"),
    ]


@pytest.mark.parametrize(
    ("line", "energy"),
    [
        ("(((...)))", None),
        ("(((...))) (-12.30)", -12.3),
        ("(((...))) ( -1.20)", -1.2),
        ("(((...))) -3", -3.0),
        ("(((:,_)))", None),
        ("(((...))) mfe", None),
    ],
)
@pytest.mark.parametrize("head", ["", ">hairpin\n"])
def test_vienna(head: str, line: str, energy: float | None) -> None:
    record = one(f"{head}GGGAAACCC\n{line}\n")
    assert (record.sequence, record.structure, record.energy) == (*HAIRPIN, energy)
    assert record.id == ("hairpin" if head else "rna")


def test_vienna_wrapped_and_repeated() -> None:
    assert one(">w\nGGGAA\nACCC\n(((..\n.)))\n").structure == HAIRPIN[1]
    several = read_rna("GGGAAACCC\n(((...)))\n((.....)) 1.10\nAAAA\n....\n")
    assert [(r.id, r.structure, r.energy) for r in several] == [("rna", "(((...)))", None), ("rna-2", "((.....))", 1.1), ("rna-3", "....", None)]


def test_what_rnafold_prints() -> None:
    text = (
        ">x\nGGGAAACCC\n(((...))) ( -1.20)\n{{|...||} [ -1.62]\n(((...))) { -1.20 d=2.20}\n"
        " frequency of mfe structure in ensemble 0.51; ensemble diversity 2.9\n"
    )
    records = read_rna(text)
    assert [(r.structure, r.energy) for r in records] == [(HAIRPIN[1], -1.2)] * 2
    assert "skipped" in records[0].notices[0]


@pytest.mark.parametrize("structure", ["((..[[..))..]]", "((..{{..))..}}", "((..AA..))..aa", "<<..((..>>..))"])
def test_pseudoknots_keep_their_brackets(structure: str) -> None:
    assert one(f"GGAAGGAACCAACC\n{structure}").structure == structure


def test_ct_and_bpseq() -> None:
    record = one(CT)
    assert (record.id, record.description, record.energy) == ("hairpin", "from a table", -1.2)
    assert (record.sequence, record.structure) == HAIRPIN
    assert [(r.id, r.sequence, r.structure) for r in read_rna(CT + CT)] == [("hairpin", *HAIRPIN), ("hairpin-2", *HAIRPIN)]
    assert (one(BPSEQ).id, one(BPSEQ).sequence, one(BPSEQ).structure) == ("hairpin", *HAIRPIN)
    assert [r.id for r in read_rna(BPSEQ + BPSEQ)] == ["hairpin", "hairpin-2"]


def test_a_pseudoknot_in_a_table() -> None:
    partner = {1: 5, 5: 1, 3: 8, 8: 3}
    text = "\n".join(f"{i} G {partner.get(i, 0)}" for i in range(1, 10))
    assert one(text).structure == "(.[.)..]."


def test_stockholm_projects_the_consensus() -> None:
    first, second = read_rna(STOCKHOLM)
    assert (first.id, first.sequence, first.structure) == ("one", "GGGAAACCCAU", "(((...)))..")
    assert (second.id, second.sequence, second.structure) == ("two/1-9", "GGGAACCCAUAU", "(((..)))....")
    assert any("gap" in notice for notice in first.notices)


def test_stockholm_drops_a_pair_with_a_gap() -> None:
    text = "# STOCKHOLM 1.0\na  G-GAAACCC\nb  GGGAAACCC\n#=GC SS_cons ((<___>))\n//"
    first, second = read_rna(text)
    assert (first.sequence, first.structure) == ("GGAAACCC", "((...).)")
    assert any(notice.startswith("1 pair is") for notice in first.notices)
    assert (second.structure, second.notices) == ("(((...)))", ())


def test_wuss_letters_are_pseudoknots() -> None:
    text = "# STOCKHOLM 1.0\na  GGAAGGAACCAACC\n#=GC SS_cons <<::BB::>>::bb\n//"
    assert one(text).structure == "((..[[..))..]]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \r\n\t", "empty"),
        (">only a name", "no sequence"),
        ("# a comment", "no RNA"),
        ("((..))", "no sequence"),
        ("ACG!U", "'!' at position 4"),
        (">s\nACG5U", "'5' at position 4 of s"),
        ("MKVLAAGIVGLLLAQWERTY", "protein"),
        ("MKVHSWRYDMKVHH", "protein"),
        ("ACGU&ACGU", "position 5 joins two strands"),
        ("ACGUA\n((.)", "4 signs and the sequence 5"),
        ("ACGUA\n((.).", "position 1"),
        ("ACGUA\n(..))", "position 5"),
        ("ACGUA\n(..)a", "'a' at position 5"),
        ("A" * (MAX_LENGTH + 1), f"{MAX_LENGTH:,}"),
        ("1 G 3\n2 G 3\n3 C 1\n", "Base 3 is in two pairs"),
        ("1 G 3\n2 G 0\n3 C 2\n", "make the two rows agree"),
        ("1 G 9\n2 G 0\n", "Line 1 pairs base 1 with 9"),
        ("1 G -1\n2 G 0\n", "with -1"),
        ("1 G 1\n2 G 0\n", "with 1"),
        ("1 G 0\n3 G 0\n", "where 2 is due"),
        (f"1 G {'9' * 5000}\n", "pairs base 1"),
        ("3 name\n1 G 0 2 0 1\n2 G 1 0 0 2\n", "announces 3 bases but 2"),
        ("2 name\n1 G 0 2 0 1\nbroken\n", "Line 3 is no row"),
        ("# STOCKHOLM 1.0\na ACGU\n#=GC SS_cons <<.>\n//", "SS_cons"),
        ("# STOCKHOLM 1.0\nalone\n//", "Line 2"),
        ("# STOCKHOLM 1.0\n//", "no RNA"),
    ],
)
def test_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_rna(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_good_record_beside_bad_ones_is_kept() -> None:
    report = read_report(">bad\nACG!\n>good\nACGU\n>worse\nACGU\n(((.\n")
    assert [record.id for record in report.records] == ["good"]
    assert [problem.count("bad") + 2 * problem.count("worse") for problem in report.problems] == [1, 2]


def test_ambiguous_letters_are_n_with_a_notice() -> None:
    record = one("ACGURYACGU")
    assert record.sequence == "ACGUNNACGU"
    assert record.notices == ("2 ambiguous letters are read as N, the first R at position 5.",)
    assert one("ACGUN").notices == ()


def test_sharp_hairpins_and_odd_pairs_are_kept_with_a_notice() -> None:
    record = one("GAACAAGA\n(..)(..)")
    assert record.structure == "(..)(..)"
    assert record.notices == (
        "2 hairpin loops of fewer than three bases are kept, the first closed by pair 1-4.",
        "1 non-canonical pair is kept, the first A5-A8.",
    )
    assert one("GCCG\n(())").notices[0].count("1 hairpin loop") == 1
    assert one("GAAAN\n(...)").notices == ()


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.fa"
    path.write_bytes(b">caf\xe9\r\nACGU\r\n")
    assert (one(path).id, one(path).sequence) == ("café", "ACGU")
    for name, content, said in [
        ("noise.bin", bytes(range(256)) * 4, "binary"),
        ("x.gz", gzip.compress(b">a\nACGU"), "gzip"),
        ("empty.fa", b"", "empty.fa is empty"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=said):
            read_rna(tmp_path / name)
    with pytest.raises(InputError, match="folder"):
        read_rna(tmp_path)
    with pytest.raises(InputError, match=r"no file missing\.fa"):
        read_rna(tmp_path / "missing.fa")
    with open(tmp_path / "large.fa", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="20 MiB"):
        read_rna(tmp_path / "large.fa")


def test_a_str_is_text_even_when_a_file_has_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ACGU").write_text(">other\nGG")
    assert one("ACGU").sequence == "ACGU"


def test_a_hostile_text_takes_no_quadratic_time() -> None:
    many = 2 * 10**6
    began = time.monotonic()
    for text in ("a" + " " * many + "b", "ACGU\n(..)" + " " * many + "x", "1" + " " * many + "x\n1 A 0 0 0 1", "A\n" * 10**5, "(" * many):
        try:
            read_rna(text)
        except InputError:
            pass
    assert time.monotonic() - began < 8


def test_too_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LINES", 3)
    with pytest.raises(InputError, match="more than 3 lines"):
        read_rna("A\n" * 4)


def test_too_many_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECORDS", 3)
    with pytest.raises(InputError, match="more than 3 records"):
        read_rna(">a\nA\n" * 4)


def test_names_are_one_printable_line() -> None:
    record = one("><script>\u202e\x07alert(1)</script>" + "x" * 500 + "\nACGU")
    assert record.id.startswith("<script>??alert(1)</script>") and len(record.id) == 80 and record.id.isprintable()
