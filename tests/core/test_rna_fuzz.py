"""Ten thousand generated texts, well formed, broken and hostile: each gives records or one InputError of one line.

Nothing hangs (every text is small and the whole module takes seconds), nothing else is raised, and what comes out is sound.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.rna import ALPHABET, dot_bracket, parse_pairs, read_report

NAMES = ["FASTA", "Vienna", "CT and BPSEQ", "Stockholm", "plain", "hostile"]

HOSTILE = st.sampled_from(
    [
        "\0",
        "\ufeff",
        "\u202e",
        "\u2028",
        "\x0b",
        "\x1c",
        "é",
        "İ",
        "ß",
        "ſ",
        "🧬",
        "\ud800",
        "<script>alert(1)</script>",
        "'; DROP TABLE rna;--",
        "=HYPERLINK()",
        "../../etc/passwd",
        "{{7*7}}",
        "%n%s",
        "&",
        "*",
        "--",
        "9" * 5000,
        "-1",
        "1e999",
        "nan",
        "٣",
        "²",
        "(" * 3000,
        ")" * 50,
        "((((....))))",
        ">",
        ">>",
        "//",
        "#=GC SS_cons",
        "# STOCKHOLM 1.0",
        "#",
        ";",
        "\r",
        "\t",
    ]
)
SEQUENCE = st.text("ACGUacgutTN", max_size=30) | st.text("ACGUNRYSWKMBDHVX-.~*EFL&5", max_size=20)
BRACKETS = st.text("().[]{}<>Aa", max_size=30) | st.text(".,:_-~()|zZ", max_size=20)
NAME = st.text(max_size=12) | st.sampled_from(["seq1", "a", "a-2", ""]) | HOSTILE
END = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
NUMBER = st.integers(-3, 12).map(str) | st.sampled_from(["0", "1", "9" * 30, "1.5", "x", "", "²", "+1", "-0"])


@st.composite
def sound_structure(draw: st.DrawFn, n: int) -> str:
    places = draw(st.permutations(range(n)))
    count = draw(st.integers(0, n // 2))
    return dot_bracket(zip(places[:count], places[count : 2 * count]), n)


def joined(draw: st.DrawFn, lines: list[str]) -> str:
    """The lines with one kind of end, and now and then something hostile thrown in."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(lines)))
        intruder = draw(HOSTILE | NAME)
        if lines and draw(st.booleans()):
            at = min(at, len(lines) - 1)
            cut = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:cut] + intruder + lines[at][cut:]
        else:
            lines.insert(at, intruder)
    return draw(END).join(lines)


@st.composite
def fasta(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        lines += [">" + draw(NAME), *draw(st.lists(SEQUENCE, max_size=3))]
    return joined(draw, lines)


@st.composite
def vienna(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        sequence = draw(SEQUENCE)
        structure = draw(sound_structure(len(sequence))) if draw(st.booleans()) else draw(BRACKETS)
        energy = draw(st.sampled_from(["", " (-12.30)", " ( -1.20)", " -3", " (" + "9" * 400 + ")", " (nan)", " {-1 d=2}", " ("]))
        lines += [*([">" + draw(NAME)] if draw(st.booleans()) else []), sequence, structure + energy]
    return joined(draw, lines)


@st.composite
def table(draw: st.DrawFn) -> str:
    """CT or BPSEQ: a sound one, then some of its cells exchanged for anything."""
    n, columns = draw(st.integers(1, 8)), draw(st.sampled_from([3, 6]))
    partner = [0] * (n + 1)
    for i, j in parse_pairs(draw(sound_structure(n))):
        partner[i + 1], partner[j + 1] = j + 1, i + 1
    rows = []
    for i in range(1, n + 1):
        base = draw(st.sampled_from("ACGUNacgut"))
        rows.append([str(i), base, str(partner[i])] if columns == 3 else [str(i), base, str(i - 1), str((i + 1) % (n + 1)), str(partner[i]), str(i)])
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        rows[draw(st.integers(0, n - 1))][draw(st.integers(0, columns - 1))] = draw(NUMBER)
    if draw(st.integers(0, 5)) == 0:
        rows.insert(draw(st.integers(0, n)), draw(st.sampled_from(rows)))  # the same index twice
    header = draw(NUMBER | st.just(str(n))) if draw(st.integers(0, 4)) == 0 else str(n)
    top = ["# " + draw(NAME)] if columns == 3 else [f"{header} ENERGY = {draw(NUMBER)} {draw(NAME)}"]
    return joined(draw, [*top, *(" ".join(row) for row in rows)])


@st.composite
def stockholm(draw: st.DrawFn) -> str:
    n = draw(st.integers(1, 15))
    column = st.text("ACGU-.", min_size=n, max_size=n)
    consensus = draw(sound_structure(n)) if draw(st.booleans()) else draw(BRACKETS)
    lines = ["# STOCKHOLM 1.0"]
    for name in draw(st.lists(NAME, max_size=4)):
        lines.append(f"{name} {draw(column | SEQUENCE)}")
        if draw(st.integers(0, 4)) == 0:
            lines.append(f"#=GR {name} SS {draw(BRACKETS)}")
    return joined(draw, [*lines, f"#=GC SS_cons {consensus}", "//"])


@st.composite
def pieces(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", " ", "\n"])).join(draw(st.lists(HOSTILE | SEQUENCE | BRACKETS | NUMBER, max_size=8)))


def check(source: str | bytes) -> bool:
    """Whether the source gave records; fails on every other outcome but one InputError, and on unsound records."""
    try:
        report = read_report(source)
    except InputError as caught:
        check_sentence(str(caught))
        return False
    assert report.records
    assert len({record.id for record in report.records}) == len(report.records)
    for record in report.records:
        assert set(record.sequence) <= set(ALPHABET)
        assert record.id and record.id.isprintable()
        assert record.structure is None or len(record.structure) == record.length
        assert len({place for pair in record.pairs for place in pair}) == 2 * len(record.pairs)
        for notice in record.notices:
            check_sentence(notice)
    for problem in report.problems:
        check_sentence(problem)
    return True


def check_sentence(text: str) -> None:
    assert text.endswith((".", "…")) and len(text) < 600 and text.isprintable(), text


def variants(text: str, seed: int) -> Iterator[str | bytes]:
    """The text, cut off, with lines exchanged, with one sign exchanged, and as bytes of a file."""
    rng = random.Random(seed)
    yield text
    yield text[: rng.randint(0, len(text))]
    lines = text.splitlines(keepends=True)
    yield "".join(rng.sample(lines, len(lines)))
    at = rng.randint(0, len(text))
    yield text[:at] + rng.choice("()[]<>.&0-9ACGUX\0\n \u2028é") + text[at + 1 :]
    yield text.encode(rng.choice(["utf-8", "utf-16", "latin-1"]), rng.choice(["replace", "ignore"]))


@pytest.mark.parametrize("texts", [fasta(), vienna(), table(), stockholm(), SEQUENCE | st.text(max_size=60), pieces()], ids=NAMES)
def test_ten_thousand_texts(texts: st.SearchStrategy[str]) -> None:
    readable = 0
    seen = 0

    @settings(max_examples=340, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(texts, st.integers(0, 2**16))
    def check_all(text: str, seed: int) -> None:
        nonlocal readable, seen
        for source in variants(text, seed):
            seen += 1
            readable += check(source)

    check_all()
    assert seen >= 10_000 / len(NAMES)
    assert seen / 20 < readable < seen  # both ways out are taken


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=80))
def test_bytes(data: bytes) -> None:
    check(data)
