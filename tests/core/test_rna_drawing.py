"""The drawing of an RNA: what each base and pair looks like, its scales, and an SVG in which nothing runs."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import numpy as np
import pytest

from core.errors import InputError
from core.rna.elements import decompose
from core.rna.records import RnaRecord
from core.viz.colour import ACCENT, UNKNOWN, Scale
from core.viz.rna_colour import COLOUR_BY, ELEMENTS, NUCLEOTIDES, PSEUDOKNOT, ColourBy, letter_on, luminance, scale_of
from core.viz.rna_drawing import rna_svg, rna_view
from core.viz.rna_layout import LAYOUTS, Layout
from tests.core.test_rna_layout import TRNA, nested
from tests.core.viz_models import HOSTILE

SEQUENCE = "GCGGAUUUAGCUCAGUUGGGAGAGCGCCAGACUGAAGAUCUGGAGGUCCUGUGUUCGAUCCACAGAAUUCGCACCA"
PHE = RnaRecord("tRNA-Phe", SEQUENCE, TRNA)
KNOT = RnaRecord("knot", "GGGGAAACCAACCCCAAAGG", "((((...[[..))))...]]")
SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def unwrapped(text: str) -> str:
    """With the lines of its legend joined."""
    return re.sub(r"</text><text[^>]*>", " ", text)


def groups(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [g for g in root.iter(f"{SVG}g") if name in (g.get("class") or "").split()]


@pytest.mark.parametrize("interactive", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_base_is_an_element_with_its_index(layout: Layout, interactive: bool) -> None:
    root = parsed(rna_svg(rna_view(PHE, layout=layout), interactive=interactive))
    bases = groups(root, "rna-base")
    assert [int(g.get("data-index") or 0) for g in bases] == list(range(1, 77))
    assert [g.get("data-entity") for g in bases] == [f"base:{i}" for i in range(1, 77)]
    assert "".join(g.findtext(f"{SVG}text") or "" for g in bases) == SEQUENCE
    assert (bases[0].findtext(f"{SVG}title") or "").startswith("G1\npairs with C72")


def test_everything_drawn_lies_on_the_page() -> None:
    for layout in LAYOUTS:
        root = parsed(rna_svg(rna_view(KNOT, layout=layout)))
        _, _, width, height = map(float, (root.get("viewBox") or "").split())
        shift = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", groups(root, "rna-stage")[0].get("transform") or "")
        assert shift
        dx, dy = float(shift[1]), float(shift[2])
        for circle in (c for g in groups(root, "rna-base") for c in g.iter(f"{SVG}circle")):
            assert 7 <= float(circle.get("cx") or 0) + dx <= width - 7 and 7 <= float(circle.get("cy") or 0) + dy <= height - 7


def test_pairs_are_told_apart() -> None:
    record = RnaRecord("r", "GGUAAAAAGCUC", "((((....))))")
    kinds = {(p.i, p.j): (p.kind, p.crossing) for p in rna_view(record).pairs}
    assert kinds == {(0, 11): ("canonical", False), (1, 10): ("wobble", False), (2, 9): ("other", False), (3, 8): ("other", False)}
    knotted = rna_view(KNOT)
    assert [(p.i, p.j) for p in knotted.pairs if p.crossing] == [(7, 19), (8, 18)]
    text = rna_svg(knotted)
    assert text.count(f'stroke="{PSEUDOKNOT}"') == 3 and "pseudoknot pair" in text
    assert "pseudoknot" not in rna_svg(rna_view(PHE))


def test_probabilities_show_as_width_and_opacity() -> None:
    likely = np.zeros((20, 20))
    for i, j, p in ((0, 14, 1.0), (1, 13, 0.5), (2, 12, 0.1), (3, 11, 0.0)):
        likely[i, j] = likely[j, i] = p
    view = rna_view(KNOT, probabilities=likely, colour_by="probability")
    assert [p.probability for p in view.pairs][:4] == [1.0, 0.5, 0.1, 0.0]
    text = rna_svg(view)
    assert 'stroke-opacity="1.00"' in text and 'stroke-opacity="0.35"' in text
    assert view.colours[0] == scale_of("probability").colour(1.0) and view.colours[4] == scale_of("probability").colour(0.0)


@pytest.mark.parametrize(("quantity", "low", "high"), [("probability", 0, 1), ("openness", 0, 1), ("attention", -3, 3)])
def test_fixed_scales_do_not_follow_the_values(quantity: ColourBy, low: float, high: float) -> None:
    for values in (np.full(76, 0.01), np.full(76, 0.9)):
        scale = rna_view(PHE, colour_by=quantity, values=values).legend.scale
        assert scale is not None and (scale.low, scale.high) == (low, high)


def test_attention_is_relative_to_the_uniform_share() -> None:
    view = rna_view(PHE, colour_by="attention", values=np.full(76, 1 / 84), competitors=84)
    assert set(view.colours) == {"#f7f7f7"}
    assert "0 = uniform" in unwrapped(rna_svg(view))


def test_unknown_is_grey_and_other_scales_end_at_the_largest() -> None:
    values = np.r_[np.nan, np.linspace(0, 5, 75)]
    for quantity in ("message", "entropy", "reactivity", "values"):
        view = rna_view(PHE, colour_by=quantity, values=values)
        assert view.legend.scale is not None and (view.legend.scale.low, view.legend.scale.high) == (0, 5)
        assert view.colours[0] == UNKNOWN and "unknown" in view.tooltips[0]
    signed = rna_view(PHE, colour_by="values", values=values - 4).legend.scale
    assert signed is not None and (signed.low, signed.high) == (-4, 4)
    shared = Scale("mine", "kcal", 0, 9, signed.colours, "given")
    assert rna_view(PHE, colour_by="values", values=values, scale=shared).legend.scale is shared


def test_kinds_have_letters_beside_their_colours() -> None:
    view = rna_view(PHE, colour_by="element", elements=decompose(TRNA))
    assert view.colours[0] == ELEMENTS["stem"] and view.colours[34] == ELEMENTS["hairpin"]
    assert {m.text for m in view.marks if m.kind == "element"} == {e.name for e in decompose(TRNA).elements if e.bases}
    assert "s stem" in [words for _, words in view.legend.swatches]
    assert {words: colour for colour, words in rna_view(PHE).legend.swatches} == {base: NUCLEOTIDES[base] for base in "ACGU"}


def test_letters_can_be_read_on_every_fill() -> None:
    for fill in (*NUCLEOTIDES.values(), *ELEMENTS.values(), UNKNOWN, *(scale_of("attention").colour(v / 10) for v in range(-30, 31))):
        pair = sorted((luminance(fill), luminance(letter_on(fill))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.4


def test_numbers_and_ends_at_every_length() -> None:
    texts = [m.text for m in rna_view(PHE).marks]
    assert texts == ["5′", "3′", "10", "20", "30", "40", "50", "60", "70"]
    for n, step in ((400, 20), (1000, 50), (2000, 100)):
        marks = rna_view(RnaRecord("r", "A" * n, "." * n), layout="circle").marks
        assert [m.text for m in marks if m.kind == "number"] == [str(at) for at in range(step, n + 1, step)]
    assert [m.text for m in rna_view(RnaRecord("r", "A", ".")).marks] == ["5′"]


def test_selection_is_outlined() -> None:
    elements = decompose(TRNA)
    for selected, bases in (("base:20", (19,)), ("elem:h0", elements.elements[elements.index["h0"]].bases), ("base:99", ()), ("rxn:PFK", ())):
        view = rna_view(PHE, elements=elements, selected=selected)
        assert view.outlined == bases
        chosen = groups(parsed(rna_svg(view)), "rna-selected")
        assert [int(g.get("data-index") or 0) - 1 for g in chosen] == list(bases)
        assert (ACCENT in rna_svg(view)) is bool(bases)


def test_export_stands_alone_and_the_page_takes_its_own_colours() -> None:
    view = rna_view(PHE, colour_by="openness", values=np.linspace(0, 1, 76))
    export, page, dark = rna_svg(view), rna_svg(view, interactive=True), rna_svg(view, background="#101010")
    assert '<rect width="100%" height="100%" fill="#ffffff"/>' in export and "currentColor" not in export
    assert 'height="100%"' not in page and "currentColor" in page and 'class="rna-stage"' in page
    assert 'fill="#ffffff">tRNA-Phe' in dark
    assert parsed(export).findtext(f"{SVG}desc") == view.sentence
    assert "openness of the edges to a base, mean over layers, share of units (fixed scale 0 to 1)" in unwrapped(export)
    for text in (export, page, dark):
        assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?https?:", text) and "<script" not in text


@pytest.mark.parametrize("interactive", [False, True])
def test_hostile_names_are_text(interactive: bool) -> None:
    view = rna_view(RnaRecord(HOSTILE, "GGGAAACCC", "(((...)))"), selected=f"elem:{HOSTILE}")
    text = rna_svg(view, interactive=interactive, title=HOSTILE)
    parsed(text)
    assert "<img" not in text and "<script" not in text


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="fold it first"):
        rna_view(RnaRecord("r", "ACGU"))
    with pytest.raises(InputError, match="3 signs"):
        rna_view(RnaRecord("r", "ACGU"), "...")
    with pytest.raises(InputError, match=r"76 values.*there are 3"):
        rna_view(PHE, colour_by="values", values=[1, 2, 3])
    with pytest.raises(InputError, match="give the elements"):
        rna_view(PHE, colour_by="element")
    with pytest.raises(InputError, match="cannot be coloured"):
        rna_view(PHE, colour_by="taste")  # type: ignore[arg-type]
    assert len(COLOUR_BY) == 9


def test_3000_bases_are_all_drawn() -> None:
    structure = nested(3000, 4)
    record = RnaRecord("long", "A" * 3000, structure)
    elements = decompose(structure)
    start = time.process_time()
    text = rna_svg(rna_view(record, layout="naview", colour_by="values", values=np.arange(3000), elements=elements), interactive=True)
    assert time.process_time() - start < 1
    assert "rna-far" in text and text.count("data-index") == 3000
