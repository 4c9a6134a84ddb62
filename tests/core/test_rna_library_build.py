"""The reference library put together from its sources: small archives of every kind give their RNAs, and what is not as it was is refused."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from core.__main__ import main
from core.errors import InputError
from core.rna import _library_sources, library_build
from core.rna._library_sources import Archive, Source
from core.rna.records import dot_bracket

STEM, OTHER, CHAIN, ROW = "GGGCUAUCGAUAUGCCAUCGAGCUAAGG", "GUGGUUCACACUUUAGACCA", "GGACUUCGGUCC", "CUUGAACCGCUCACCCUUUCAAG"

SEED = f"""# STOCKHOLM 1.0

#=GF AC   RF00001
#=GF ID   one
#=GF SS   Published; PMID:123

X1.1/1-28            {STEM[:10]}--{STEM[10:]}
X2.1/1-28            GGGCUAUCGA--UAUGCCAUCGAGCUAACC
#=GC SS_cons         <<<<<_____--AAAA>>>>>_aaaa____
//
"""
MEMBER = {
    "source": "Rfam RF00002 seed alignment member (Y1.1/5-24)",
    "rfam_id": "RF00002",
    "sequence": OTHER,
    "dot_bracket": "(((...))).(((...))).",
}
CHAINS = f">1ABC [8],1.A.G.3.:1.A.C.10.\nGGAAAACC\n((....))\n>1ABC [12],1.B.G.-1.,1.B.G.1.:1.B.C.10.A\n{CHAIN}\n((((....))))\n"
ROWS = f"# STOCKHOLM 1.0\nONE.   {ROW}\n#=GR ONE. SS {'>' * 5}{'.' * 13}{'<' * 5}\n#=GC SS_cons {'<' * 5}{'.' * 13}{'>' * 5}\n//\n"
RECIPES = """id\ttitle\tfamily\tsource\tentry\tremark
a\tFirst\tRF00001 one\tseed-long\tX1.1/1-28\t
b\tSecond\tRF00002 two\tseed-member\ttwo\tEqual to nothing.
c\tThird\tRF00003 three\tSRtest150\t1ABC B\t
d\tFourth\tRF00004 four\tsrp-euk\tONE.\t
"""


def packed(files: dict[str, str], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def debian(data: bytes) -> bytes:
    """An ar archive of an odd member and the data, each behind its 60-byte header."""
    parts = [("debian-binary", b"2.0"), ("data.tar.xz", data)]
    return b"!<arch>\n" + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(held):<10}`\n".encode() + held + b"\n" * (len(held) % 2) for name, held in parts
    )


def place(archives: Path) -> Path:
    return archives.parent / "assets"


def rebuilt(archives: Path, *, check: bool = True) -> list[bytes]:
    written = library_build.rebuild(archives, [archives.parent / "members.tsv"] if check else [], place=place(archives))
    assert [path.name for path in written] == ["library.json", "README.md"]
    return [path.read_bytes() for path in written]


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four small archives, which stand in for the real ones; the assets beside it."""
    folder = tmp_path / "archives"
    folder.mkdir()
    (folder / "seeds-1.tar.gz").write_bytes(packed({"seeds/seed.stk": SEED, "seeds/other.txt": "x"}, "w:gz"))
    (folder / "rows_1_amd64.deb").write_bytes(debian(packed({"./usr/rows.sto": ROWS}, "w:xz")))
    for name, file, text in (("members-1.whl", "data/two.json", json.dumps(MEMBER)), ("Chains-1.whl", "chains.fas", CHAINS)):
        with zipfile.ZipFile(folder / name, "w") as wheel:
            wheel.writestr(file, text)
    names = {"t": "seeds-1.tar.gz", "d": "rows_1_*.deb", "m": "members-1.whl", "c": "chains-1.whl"}
    for module in (_library_sources, library_build):
        monkeypatch.setattr(module, "ARCHIVES", {key: Archive(pattern, f"pip download {key}") for key, pattern in names.items()})
    held = {
        "seed-long": ("t", "seeds/*.stk", SEED),
        "seed-member": ("m", "data/*.json", json.dumps(MEMBER)),
        "SRtest150": ("c", "*.fas", CHAINS),
        "srp-euk": ("d", "./usr/*.sto", ROWS),
    }
    sources = {name: Source(archive, files, hashlib.sha256(text.encode()).hexdigest(), "CC0") for name, (archive, files, text) in held.items()}
    monkeypatch.setattr(library_build, "SOURCES", sources)
    assets = place(folder)
    assets.mkdir()
    (assets / library_build.RECIPES).write_text(RECIPES)
    (assets / library_build.README).write_text(f"# RNAs\n\n{library_build.BEGIN}\nold\n{library_build.END}\n\nThe end.\n")
    sequences = {"RF00001\tone": STEM, "RF00002\ttwo": OTHER, "RF00003\tthree": CHAIN, "RF00004\tfour": ROW}
    rows = [f"{family}\tm{number}\t{sequence}" for number, (family, sequence) in enumerate(sequences.items())]
    (tmp_path / "members.tsv").write_text("\n".join(["family\tname\taccession\tsequence", *rows]) + "\n")
    return folder


def test_every_kind_of_source_gives_its_rna(archives: Path) -> None:
    entries = {entry["id"]: entry for entry in library_build.extract(archives, place(archives) / library_build.RECIPES)}
    first, second, third, fourth = (entries[name] for name in "abcd")
    assert (first["accession"], first["sequence"]) == ("GenBank X1.1/1-28", STEM)
    assert first["structure"] == "(((((.....[[[[)))))" + "." + "]]]]" + "...."
    assert (
        first["structure_source"]
        == "Family consensus: RF00001 (published, PMID 123), pseudoknots included, projected onto this member in the same alignment."
    )
    assert (second["accession"], second["structure"]) == ("GenBank Y1.1/5-24", MEMBER["dot_bracket"])
    assert second["source"].endswith("in rna-structure-audit 0.2.1 (PyPI). Equal to nothing.")
    assert (third["accession"], third["sequence"], third["structure"]) == ("PDB 1ABC chain B, -1-10", CHAIN, "((((....))))")
    assert (fourth["sequence"], fourth["structure"]) == (ROW, dot_bracket([(k, 22 - k) for k in range(5)], 23))


def test_rebuilding_gives_the_same_files_and_keeps_the_checks_it_is_not_given(archives: Path) -> None:
    first = rebuilt(archives)
    library, readme = json.loads(first[0]), first[1].decode()
    assert [entry["id"] for entry in library] == ["a", "b", "c", "d"]
    assert library[1]["check"] == {"family": "RF00002 two", "hit": "m1", "identity": 1.0, "columns": 20}
    assert "| `b` | Second | 20 | RF00002 two | GenBank Y1.1/5-24 | m1: 100.0% of 20 | CC0 |" in readme
    assert readme.startswith("# RNAs\n") and readme.endswith("\n\nThe end.\n") and "old" not in readme
    assert rebuilt(archives) == rebuilt(archives, check=False) == first


def test_an_rna_that_was_never_checked_needs_known_members(archives: Path) -> None:
    with pytest.raises(InputError, match=r"^a was not checked before; give known family members with --check.$"):
        rebuilt(archives, check=False)


def test_an_rna_of_another_family_is_refused_and_nothing_is_written(archives: Path) -> None:
    replace_in(place(archives) / library_build.RECIPES, "RF00003 three", "RF00004 four")
    replace_in(archives.parent / "members.tsv", "RF00001\tone", "RF00009\tnine")
    replace_in(place(archives) / library_build.RECIPES, "a\tFirst", "z\tFirst")
    with pytest.raises(InputError, match="No file of known members holds the family RF00001 one"):
        rebuilt(archives)
    replace_in(archives.parent / "members.tsv", "RF00009\tnine", "RF00001\tone")
    with pytest.raises(
        InputError, match=r"^c claims to be RF00004 four, but its best hit is m2 of RF00003 three; take it out of library_sources.tsv"
    ):
        rebuilt(archives)
    assert not (place(archives) / library_build.LIBRARY).exists()


def test_an_rna_that_two_families_claim_alike_is_refused(archives: Path) -> None:
    with (archives.parent / "members.tsv").open("a") as lines:
        lines.write(f"RF00008\teight\tm8\t{STEM[1:]}\n")
    with pytest.raises(InputError, match=r"^a: The best hit, m0 of RF00001 one, is hardly better than one of another family"):
        rebuilt(archives)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed-long\tX1.1/1-28", "seed-long\tX3.1/1-28", "There is no X3.1/1-28 in the alignment of RF00001 one; correct library_sources.tsv."),
        ("RF00001 one\tseed-long", "RF00006 six\tseed-long", "There is no alignment of RF00006 six in seed.stk; correct library_sources.tsv."),
        ("seed-member\ttwo", "seed-member\tthree", "There is no three in rna-structure-audit; correct library_sources.tsv."),
        ("RF00002 two", "RF00006 six", "two of rna-structure-audit is no member of RF00006 six by its own words; correct library_sources.tsv."),
        ("seed-long", "seed-lost", "There is no source seed-lost; choose one of seed-long, seed-member, SRtest150, srp-euk in library_sources.tsv."),
        ("1ABC B", "1ABC C", "There is no chain C of 1ABC in SRtest150 of SQUARNA; correct library_sources.tsv."),
        ("srp-euk\tONE.", "srp-euk\tTWO.", "There is no TWO. in the alignment of RF00004 four; correct library_sources.tsv."),
        ("RF00004 four\tsrp-euk\tONE.", "RF00001 one\tseed-long\tX1.1/1-28", "d has the sequence of a; keep one of them in library_sources.tsv."),
    ],
)
def test_an_entry_that_is_not_in_its_source_is_one_sentence(archives: Path, old: str, new: str, said: str) -> None:
    replace_in(place(archives) / library_build.RECIPES, old, new)
    with pytest.raises(InputError) as error:
        rebuilt(archives)
    assert str(error.value) == said


def test_a_missing_archive_is_named_with_the_command_that_fetches_it(archives: Path) -> None:
    (archives / "rows_1_amd64.deb").unlink()
    with pytest.raises(InputError, match=r"There is no rows_1_\*.deb in archives; fetch it there with: pip download d."):
        rebuilt(archives)
    with pytest.raises(InputError, match=r"There is no chains-1.whl in nowhere"):
        rebuilt(archives.parent / "nowhere")


def test_the_command_tells_what_to_fetch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "rebuild", "--sources", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert (
        said
        == f"gatescope: There is no squarna-3.2.2-py3-none-any.whl in {tmp_path.name}; fetch it there with: pip download --no-deps SQUARNA==3.2.2.\n"
    )
    with pytest.raises(SystemExit):
        main(["library", "rebuild", "--help"])
    shown = capsys.readouterr().out
    assert all(archive.fetch in shown for archive in _library_sources.ARCHIVES.values())


def test_other_contents_and_damaged_archives_are_refused(archives: Path) -> None:
    seeds = archives / "seeds-1.tar.gz"
    whole = seeds.read_bytes()
    seeds.write_bytes(packed({"seeds/seed.stk": SEED.replace("GGGC", "GGGG")}, "w:gz"))
    with pytest.raises(InputError, match=r"seeds/\*.stk in seeds-1.tar.gz is not what the library was built from; fetch it with: pip download t."):
        rebuilt(archives)
    for broken in (whole[: len(whole) // 2], b"nothing of the kind"):
        seeds.write_bytes(broken)
        with pytest.raises(InputError, match=r"seeds-1.tar.gz cannot be unpacked; fetch it again with: pip download t."):
            rebuilt(archives)
    seeds.write_bytes(whole)
    (archives / "rows_1_amd64.deb").write_bytes(b"!<arch>\n")
    with pytest.raises(InputError, match=r"rows_1_amd64.deb cannot be unpacked; fetch it again with: pip download d."):
        rebuilt(archives)
