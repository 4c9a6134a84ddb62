"""Motifs where the literature has them, to the base; gone once a letter the rule needs is changed; and how often in families and by chance."""

from __future__ import annotations

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.rna.elements import walk
from core.rna.examples import load_example
from core.rna.motifs import MOTIFS, Motif, find_motifs, motifs_of_elements
from core.rna.records import RnaRecord, dot_bracket, parse_pairs
from tests.core.rna_structures import DEV_DATA, random_structure

Places = tuple[int, ...]

FRAGMENTS: dict[str, tuple[str, str, str, Places]] = {
    # Kt-7 of the 23S rRNA of H. marismortui, PDB 1S72 chain 0, from base 70 on (Klein et al. 2001)
    "Kt-7": ("GCCAUGGGGAGCCGCACGGAGGCGAAGAACCAUGG", ".((((((...(((.......)))......))))))", "Kink-turn", (9, 10, 24, 25, 26, 27, 28)),
    # human U4 snRNA, PDB 1E7K chain C: the bulge is on the first strand
    "U4": ("GCCAAUGAGGUUUAUCCGAGGC", "(((.....((.....))..)))", "Kink-turn", (4, 5, 6, 7, 8, 18, 19)),
    # SAM-I riboswitch of T. tengcongensis, PDB 2GIS chain A
    "SAM-I": ("GAGAGGUGGAGGGACUGGCCCGAUGAAACCCGG", "....(((...(((.....)))......)))...", "Kink-turn", (9, 10, 22, 23, 24, 25, 26)),
    # SNORD73, Z83334.1/4297-4361 of RF00071: C box UGAUGA, D box CUGA; the consensus gives the terminal stem only
    "SNORD73": (
        "AAUAAGUGAUGAAAAAAGUUUCGGUCCCAGAUGAUGGCCAGUGAUAACAACAUUUUUCUGAUGUU",
        "((((.........................................................))))",
        "Kink-turn",
        (5, 6, 7, 8, 9, 60, 61),
    ),
    # lysine riboswitch of B. subtilis, M93419.1/363-399 of RF00168: the consensus leaves the C stem open
    "lysine": ("AAAGCUUGGAGAAGAAUGAGCUUCAAUGAAAAGCUUU", "((((((((.....................))))))))", "Kink-turn", (9, 10, 25, 26, 27, 28, 29)),
    # the sarcin-ricin loop of the 23S rRNA of E. coli, from base 2646 on: AGUA 2654-2657, GAC 2664-2666
    "SRL": ("CUGCUCCUAGUACGAGAGGACCGGAGUGG", "((((((......(....).....))))))", "Sarcin-ricin motif", (9, 10, 11, 12, 19, 20, 21)),
    # a loop of the 23S rRNA of H. marismortui, PDB 1S72 chain 0, 204-232 (Leontis and Westhof 1998)
    "H. marismortui 213": ("GUCGUUAGUAACCGCGAGUGAACGCGAU", "(((((.....((.....))....)))))", "Sarcin-ricin motif", (7, 8, 9, 10, 20, 21, 22)),
    # J6a/6b of the Tetrahymena intron, V01416.1/271-304 of RF00028: the receptor of the loop L5b (Costa and Michel 1995)
    "J6a/6b": (
        "GUCCUAAGUCAACAGAUCUUCUGUUGAUAUGGAU",
        "((((...(((((..........)))))...))))",
        "11-nt tetraloop receptor",
        (3, 4, 5, 6, 7, 8, 28, 29, 30, 31, 32),
    ),
    "tandem": ("GGCGAGCCUUCGGGCGAGCC", "(((..(((....)))..)))", "Tandem GA", (4, 5, 16, 17)),
}

BUNDLED: dict[str, list[tuple[str, Places]]] = {
    "trna-phe": [("Anticodon-like loop", tuple(range(32, 39))), ("T-loop", tuple(range(54, 61)))],
    # A104·G72, U103·A73, U77·A99 and A78·G98 close the loop (Correll et al. 1997)
    "5s-rrna": [("Bacterial loop E", (*range(72, 79), *range(98, 105)))],
    "hammerhead": [("Hammerhead core", (*range(26, 33), 45, 46, 47)), ("GNRA tetraloop", (37, 38, 39, 40))],
    "adenine-riboswitch": [],
    "hdv-ribozyme": [],
    "hiv-1-tar": [],
    "16s-rrna": [
        ("CUUG tetraloop", (83, 84, 85, 86)),  # Woese et al. 1990
        *(("GNRA tetraloop", (first, first + 1, first + 2, first + 3)) for first in (159, 187, 297, 380, 898, 1013, 1077, 1266, 1516)),
        *(("UNCG tetraloop", (first, first + 1, first + 2, first + 3)) for first in (208, 343, 420, 1029, 1450)),
        ("Sarcin-ricin motif", (1346, 1347, 1348, 1349, 1373, 1374, 1375)),  # 1345-1350/1372-1376 in Leontis and Westhof 1998
        ("Tandem GA", (1417, 1418, 1482, 1483)),
    ],
}


def fragment(name: str) -> RnaRecord:
    return RnaRecord(name, *FRAGMENTS[name][:2])


def found(record: RnaRecord) -> list[tuple[str, Places]]:
    return [(motif.name, motif.bases) for motif in find_motifs(record)]


def changed(record: RnaRecord, place: int, letter: str) -> RnaRecord:
    return RnaRecord(record.id, record.sequence[: place - 1] + letter + record.sequence[place:], record.structure)


def turned(record: RnaRecord) -> tuple[RnaRecord, dict[int, int]]:
    """The hairpin opened in its middle and its ends joined by AAAAA: the same helices with the strands in the other order; and where bases go."""
    n, middle = record.length, max(i for i, _ in record.pairs) + 2
    where = {base: base - middle if base >= middle else n - middle + 5 + base for base in range(n)}
    sequence = record.sequence[middle:] + "AAAAA" + record.sequence[:middle]
    pairs = [(where[i], where[j]) for i, j in record.pairs]
    return RnaRecord(record.id, sequence, dot_bracket(pairs, n + 5)), {base + 1: place + 1 for base, place in where.items()}


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_rnas_hold_their_known_motifs_and_no_others(name: str) -> None:
    assert sorted(found(load_example(name)), key=lambda motif: motif[1]) == sorted(BUNDLED[name], key=lambda motif: motif[1])


@pytest.mark.parametrize("name", FRAGMENTS)
def test_motifs_of_known_structures_to_the_base(name: str) -> None:
    _, _, motif, bases = FRAGMENTS[name]
    assert (motif, bases) in found(fragment(name))


def test_what_a_motif_says() -> None:
    anticodon, t_loop = find_motifs(load_example("trna-phe"))
    assert t_loop == Motif("T-loop", tuple(range(54, 61)), ("h2",), "The hairpin loop UUCGAUC, closed by G-C, reads UNNRANN.", MOTIFS["T-loop"][1])
    assert anticodon.elements == ("h1",)
    turn = find_motifs(fragment("Kt-7"))[0]
    assert turn.elements == ("i0",) and "The bulge GAA after a C stem" in turn.rule
    junction = next(motif for motif in find_motifs(load_example("hammerhead")) if motif.name == "Hammerhead core")
    assert junction.elements == ("m1", "m2") and "UCUGAUGA, GAA and A" in junction.rule


LOST = [
    # a letter the rule needs, in place of the one that is there
    ("hammerhead", "GNRA tetraloop", 40, "C"),
    ("hammerhead", "GNRA tetraloop", 39, "U"),
    ("hammerhead", "Hammerhead core", 28, "A"),
    ("hammerhead", "Hammerhead core", 46, "G"),
    ("16s-rrna", "CUUG tetraloop", 85, "C"),
    ("trna-phe", "T-loop", 54, "C"),
    ("trna-phe", "T-loop", 58, "G"),
    ("trna-phe", "Anticodon-like loop", 33, "C"),
    ("trna-phe", "Anticodon-like loop", 38, "G"),
    ("5s-rrna", "Bacterial loop E", 77, "C"),
    ("Kt-7", "Kink-turn", 9, "A"),
    ("Kt-7", "Kink-turn", 28, "C"),
    ("U4", "Kink-turn", 7, "C"),
    ("SNORD73", "Kink-turn", 61, "G"),
    ("lysine", "Kink-turn", 10, "G"),
    ("SRL", "Sarcin-ricin motif", 10, "A"),
    ("SRL", "Sarcin-ricin motif", 19, "C"),
    ("J6a/6b", "11-nt tetraloop receptor", 6, "G"),
    ("tandem", "Tandem GA", 17, "G"),
]


@pytest.mark.parametrize(("name", "motif", "place", "letter"), LOST)
@pytest.mark.parametrize("unknown", [False, True], ids=["mutated", "N"])
def test_a_required_letter_changed_or_unknown_and_the_motif_is_gone(name: str, motif: str, place: int, letter: str, unknown: bool) -> None:
    record = fragment(name) if name in FRAGMENTS else load_example(name)
    here = {bases for other, bases in found(record) if other == motif and place in bases}
    assert len(here) == 1
    assert not here & {bases for other, bases in found(changed(record, place, "N" if unknown else letter)) if other == motif}


@pytest.mark.parametrize(("name", "motif", "place"), [("hammerhead", "GNRA tetraloop", 38), ("trna-phe", "T-loop", 55), ("Kt-7", "Kink-turn", 24)])
@pytest.mark.parametrize("letter", "ACGUN")
def test_any_letter_will_do_where_the_rule_asks_for_none(name: str, motif: str, place: int, letter: str) -> None:
    record = fragment(name) if name in FRAGMENTS else load_example(name)
    assert motif in dict(found(changed(record, place, letter)))


@pytest.mark.parametrize("name", ["Kt-7", "U4", "SAM-I", "H. marismortui 213", "J6a/6b", "tandem"])
def test_either_strand_may_come_first(name: str) -> None:
    record, where = turned(fragment(name))
    _, _, motif, bases = FRAGMENTS[name]
    assert (motif, tuple(sorted(where[base] for base in bases))) in found(record)


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_base_in_another_pair_is_no_part_of_a_motif(name: str) -> None:
    """A pseudoknot that pairs the 5' side of the motif with a strand beyond the fragment."""
    sequence, structure, motif, bases = FRAGMENTS[name]
    base = next(base for base in bases if structure[base - 1] == ".")
    knotted = RnaRecord(name, sequence + "AAA" + "N", structure[: base - 1] + "[" + structure[base:] + "...]")
    assert (motif, bases) not in found(knotted)


def test_pseudoknots_elsewhere_do_not_matter() -> None:
    """A hairpin with a GNRA loop between the strands of a pseudoknot; and the same in brackets of another kind."""
    sequence = "GGGG" "AAC" "CCUU" "A" "GGCGAAAGCC" "A" "CCCC" "AAA" "AAGG"  # fmt: skip
    for inner in ("(((....)))", "{{{....}}}"):
        structure = "((((" "..." "[[[[" "." + inner + "." "))))" "..." "]]]]"  # fmt: skip
        record = RnaRecord("knot", sequence, structure)
        assert found(record) == [("GNRA tetraloop", (16, 17, 18, 19))]
        assert motifs_of_elements(record) == {find_motifs(record)[0].elements[0]: "GNRA tetraloop"}


@pytest.mark.parametrize(("name", "extra"), [("Kt-7", [(9, 28), (10, 27)]), ("U4", [(7, 19), (8, 18)]), ("SRL", [(11, 20)]), ("J6a/6b", [(8, 28)])])
def test_pairs_that_are_not_canonical_may_be_given(name: str, extra: list[tuple[int, int]]) -> None:
    """Sheared G·A pairs, the reverse Hoogsteen U·A of a bulged G, or G·U beyond an A platform, as some structures write them."""
    sequence, structure, motif, bases = FRAGMENTS[name]
    pairs = {frozenset(pair) for pair in parse_pairs(structure)}
    used = {place for i, j in extra for place in (i - 1, j - 1)}
    kept = [tuple(sorted(pair)) for pair in pairs if not pair & used]
    record = RnaRecord(name, sequence, dot_bracket([*kept, *((i - 1, j - 1) for i, j in extra)], len(sequence)))
    assert (motif, bases) in found(record)


def test_a_closing_pair_left_open_still_closes() -> None:
    assert found(RnaRecord("open", "GGACGAAAGUCC", "(((......)))")) == [("GNRA tetraloop", (5, 6, 7, 8))]
    assert found(RnaRecord("no pair", "GGAAGAAAGUCC", "(((......)))")) == []
    turn = RnaRecord("turn", *FRAGMENTS["U4"][:2])
    assert found(RnaRecord("turn", turn.sequence, "((......((.....))...))")) == found(turn)


def test_closing_pairs_that_rules_ask_for() -> None:
    def loop(sequence: str) -> list[str]:
        stem = (len(sequence) - (4 if len(sequence) == 12 else 7)) // 2
        return [name for name, _ in found(RnaRecord("loop", sequence, "(" * stem + "." * (len(sequence) - 2 * stem) + ")" * stem))]

    assert loop("GGGGCUUGCCCC") == ["CUUG tetraloop"] and loop("GGGCCUUGGCCC") == []
    assert loop("GGGGUUCGAAUCCCC") == ["T-loop"] and loop("GGGAUUCGAAUUCCC") == []
    assert loop("GGGGGCUGAAAACCCCC") == ["Anticodon-like loop"] and loop("GGGGCUGAAAACCCC") == []  # five pairs, four pairs


def test_elements_of_a_map() -> None:
    assert motifs_of_elements(load_example("trna-phe")) == {"h1": "Anticodon-like loop", "h2": "T-loop"}
    assert motifs_of_elements(load_example("hammerhead")) == {"m1": "Hammerhead core", "m2": "Hammerhead core", "h1": "GNRA tetraloop"}
    assert motifs_of_elements(load_example("hiv-1-tar")) == {}
    # pairs of the loop itself are stems to FORGI; stems around a motif keep no name
    loop_e = motifs_of_elements(load_example("5s-rrna"))
    assert set(loop_e) == {"i4", "i5", "i6", "s7", "s8"} and set(loop_e.values()) == {"Bacterial loop E"}
    assert set(motifs_of_elements(fragment("J6a/6b"))) == {"i0"}


def test_an_element_with_several_motifs_takes_the_most_specific() -> None:
    """The open loop of SNORD73 holds a kink-turn; a sarcin-ricin motif on a GNRA loop is put in, in place of what lies between."""
    record = RnaRecord("both", "AAUAAGUGAUGAAA" + "AGUACGAGAGGAA" + "UUUUCUGAUGUU", "((((" + "." * 31 + "))))")
    assert [name for name, _ in found(record)] == ["Kink-turn", "Sarcin-ricin motif"]
    assert motifs_of_elements(record) == {"h0": "Kink-turn"}
    assert list(MOTIFS).index("Kink-turn") < list(MOTIFS).index("Sarcin-ricin motif")


def test_structure_and_elements_may_be_given() -> None:
    record = load_example("trna-phe")
    bare = RnaRecord("bare", record.sequence)
    assert record.structure is not None
    assert find_motifs(bare, structure=record.structure, elements=walk(record.structure)) == find_motifs(record)
    assert motifs_of_elements(bare, structure=record.structure, elements=walk(record.structure)) == motifs_of_elements(record)
    assert find_motifs(record, structure="." * record.length) == []


def test_what_cannot_be_read_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="bare has no structure; fold it first or give one"):
        find_motifs(RnaRecord("bare", "GAAA"))
    with pytest.raises(InputError, match="3 signs and short has 4 bases"):
        motifs_of_elements(RnaRecord("short", "GAAA"), structure="...")
    with pytest.raises(InputError, match="position 1 of the structure is never closed"):
        find_motifs(RnaRecord("unbalanced", "GAAA", "(..."))
    with pytest.raises(InputError, match="elements are of 5 bases and other has 4"):
        find_motifs(RnaRecord("other", "GAAA", "...."), elements=walk("....."))


def test_every_motif_has_a_rule_and_references() -> None:
    assert {motif for _, _, motif, _ in FRAGMENTS.values()} | {name for known in BUNDLED.values() for name, _ in known} == set(MOTIFS)
    for rule, reference in MOTIFS.values():
        assert len(rule) > 10 and re.search(r"\b(19|20)\d\d\b", reference)


@st.composite
def rnas(draw: st.DrawFn) -> RnaRecord:
    """Fragments that hold motifs, among random bases, in a structure that keeps some of their pairs and adds pairs elsewhere, knots too."""
    rng = draw(st.randoms(use_true_random=False))
    sequence, pairs = "", []
    for name in draw(st.lists(st.sampled_from(sorted(FRAGMENTS)), max_size=3)):
        letters, structure, _, _ = FRAGMENTS[name]
        sequence += "".join(rng.choices("ACGUN", k=rng.randint(0, 6)))
        pairs += [(i + len(sequence), j + len(sequence)) for i, j in parse_pairs(structure) if rng.random() < 0.95]
        sequence += letters
    sequence += "".join(rng.choices("AAGGCU", k=rng.randint(1, 40)))
    taken = {base for pair in pairs for base in pair}
    more = parse_pairs(random_structure(random.Random(rng.random()), len(sequence))) if rng.random() < 0.5 else ()
    pairs += [pair for pair in more if not taken & set(pair) and rng.random() < 0.3]
    return RnaRecord("drawn", sequence, dot_bracket(pairs, len(sequence)))


@settings(max_examples=120, deadline=None)
@given(rnas(), st.text("ACGU", max_size=5))
def test_bases_lie_in_the_elements_named_and_places_move_with_the_sequence(record: RnaRecord, before: str) -> None:
    assert record.structure is not None
    motifs = find_motifs(record)
    elements = {element.name: element.bases for element in walk(record.structure).elements}
    for motif in motifs:
        assert motif.name in MOTIFS and list(motif.bases) == sorted(set(motif.bases))
        assert all(any(base - 1 in elements[name] for name in motif.elements) for base in motif.bases)
        assert all(any(base - 1 in elements[name] for base in motif.bases) for name in motif.elements)
    named = motifs_of_elements(record)
    assert set(named) <= {name for motif in motifs for name in motif.elements}
    assert all(any(motif.name == name and element in motif.elements for motif in motifs) for element, name in named.items())
    moved = RnaRecord("moved", before + record.sequence, "." * len(before) + record.structure)
    assert found(moved) == [(name, tuple(base + len(before) for base in bases)) for name, bases in found(record)]
    assert found(RnaRecord("unknown", "N" * record.length, record.structure)) == []


MEMBERS = [DEV_DATA / "rna" / name for name in ("rfam_families_dev.tsv", "known_families_check.tsv")]
C_D_BOX = re.compile(r"SNORD\d")
KNOWN: dict[str, tuple[str, ...]] = {
    "Hammerhead core": ("Hammerhead_1", "Hammerhead_3", "Hammerhead_HH9"),
    "11-nt tetraloop receptor": ("Intron_gpI",),
    "Bacterial loop E": ("5S_rRNA",),
    "Kink-turn": ("U4", "SAM", "c-di-GMP-II", "Lysine", "SNORD", "LSU_rRNA_bacteria", "LSU_rRNA_archaea"),
    "Sarcin-ricin motif": ("SSU_rRNA_bacteria", "LSU_rRNA_bacteria", "LSU_rRNA_archaea", "Lysine", "5S_rRNA"),
    "GNRA tetraloop": ("Bacteria_small_SRP", "Intron_gpII", "RNaseP_bact_a", "SSU_rRNA_bacteria"),
    "UNCG tetraloop": ("SSU_rRNA_bacteria", "STAXI"),
    "CUUG tetraloop": (),
    "T-loop": ("tRNA", "tRNA-Sec", "tmRNA", "LSU_rRNA_bacteria"),
    "Anticodon-like loop": ("tRNA", "tRNA-Sec"),
    "Tandem GA": (),
}
"""Families among the development data that are known to have a motif, in all members or in some."""

AT_MOST_BY_CHANCE = {"GNRA tetraloop": 0.05, "Tandem GA": 0.03}
"""Share of folded shuffles with a motif that few letters make, and that the energy model favours."""


@cache
def members() -> dict[str, list[RnaRecord]]:
    """Members by family (SNORD for all families of that name), each with its family's consensus structure; skips where they are not at hand."""
    if missing := [str(file) for file in MEMBERS if not file.exists()]:
        pytest.skip(f"real RNA families are not there: {', '.join(missing)}")
    found: dict[str, dict[str, RnaRecord]] = defaultdict(dict)
    for file in MEMBERS:
        with file.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                sequence = re.sub("[^ACGU]", "N", row["sequence"].upper().replace("T", "U"))
                family = "SNORD" if C_D_BOX.match(row["name"]) else row["name"]
                found[family][f"{row['name']} {row['accession']}"] = RnaRecord(row["accession"], sequence, row["structure"])
    return {family: list(records.values()) for family, records in found.items()}


@cache
def names(record: RnaRecord) -> frozenset[str]:
    return frozenset(motif.name for motif in find_motifs(record))


def share(records: list[RnaRecord], motif: str) -> tuple[int, int]:
    return sum(motif in names(record) for record in records), len(records)


@pytest.mark.parametrize(
    ("motif", "family", "least"),
    [
        ("Kink-turn", "U4", 1.0),
        ("Kink-turn", "SAM", 1.0),
        ("Kink-turn", "c-di-GMP-II", 1.0),
        ("Kink-turn", "LSU_rRNA_archaea", 1.0),
        ("Sarcin-ricin motif", "LSU_rRNA_bacteria", 1.0),
        ("Hammerhead core", "Hammerhead_HH9", 1.0),
        ("GNRA tetraloop", "Bacteria_small_SRP", 0.95),
        ("T-loop", "tRNA-Sec", 0.9),
        ("T-loop", "tRNA", 0.7),
        ("Anticodon-like loop", "tRNA", 0.8),
    ],
)
def test_families_known_to_have_a_motif(motif: str, family: str, least: float) -> None:
    hits, total = share(members()[family], motif)
    assert total >= 12 and hits / total >= least


def test_the_sarcin_ricin_loop_of_every_large_subunit_that_has_its_letters() -> None:
    hits = []
    for record in members()["LSU_rRNA_bacteria"] + members()["LSU_rRNA_archaea"]:
        place = record.sequence.find("AGUACGAGAGGA", record.length * 4 // 5) + 1
        if place:
            hits.append(("Sarcin-ricin motif", (*range(place, place + 4), *range(place + 10, place + 13))) in found(record))
    assert len(hits) > 20 and all(hits)


def test_box_h_aca_rnas_have_no_kink_turn() -> None:
    """They are guides like the box C/D RNAs, without the C and D boxes."""
    records = [record for family, records in members().items() if family.startswith("SNORA") for record in records]
    assert share(records, "Kink-turn") == (0, len(records)) and len(records) > 400


def short_families(longest: int = 260) -> Iterator[tuple[str, list[RnaRecord]]]:
    for family, records in members().items():
        if short := [record for record in records if record.length <= longest]:
            yield family, short


@pytest.mark.slow
def test_how_often_a_motif_is_found_where_it_is_not_known() -> None:
    """The table of assets/rna/README.md: known families, all others, and folded shuffles of four members of each family."""
    from core.train.rna_families import fold_mfe, shuffle_dinucleotides

    rng = random.Random(1)
    wanted = {family for families in KNOWN.values() for family in families}
    shuffled, folded = [], defaultdict(list)
    for family, records in short_families():
        for record in records[:4]:
            sequence = shuffle_dinucleotides(record.sequence, rng)
            shuffled.append(RnaRecord(record.id, sequence, fold_mfe(sequence)))
        for record in records[: 40 if family in wanted else 0]:
            folded[family].append(RnaRecord(record.id, record.sequence, fold_mfe(record.sequence)))
    by_chance = Counter(name for record in shuffled for name in names(record))
    print(f"\n{len(shuffled)} shuffled and folded RNAs of up to 260 nt")
    for motif, families in KNOWN.items():
        known = {family: share(members()[family], motif) for family in families}
        others = share([record for family, records in short_families() if family not in families for record in records], motif)
        mfe = share([record for family in families for record in folded.get(family, [])], motif)
        print(f"{motif} | {known} | folded {mfe} | others {others} | shuffled {by_chance[motif]}")
        assert by_chance[motif] / len(shuffled) < AT_MOST_BY_CHANCE.get(motif, 0.01)
    assert by_chance["Kink-turn"] + by_chance["Sarcin-ricin motif"] < 0.005 * len(shuffled)
