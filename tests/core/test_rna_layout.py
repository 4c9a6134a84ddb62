"""Where bases are drawn: ViennaRNA's own places, nothing on top of another, and structures on which its layouts fail."""

from __future__ import annotations

import random

import numpy as np
import pytest
import RNA

from core.errors import InputError
from core.viz.rna_layout import BOND, LAYOUTS, PUZZLER_LIMIT, RADIUS, Layout, nested_pairs, place, positions, room_for

TRNA = "(((((((..((((........)))).((((.........)))).....(((((.......))))))))))))...."


def nested(n: int, seed: int) -> str:
    """A random nested structure with hairpins of three bases or more."""
    choose = random.Random(seed)
    signs, open_ = ["."] * n, [(0, n - 1)]
    while open_:
        i, j = open_.pop()
        while j - i > 8:
            if choose.random() < 0.3:
                i += 1
                continue
            k = choose.randint(i + 8, j) if choose.random() < 0.5 else j
            a, b = i, k
            for _ in range(choose.randint(3, 8)):
                if b - a > 4:
                    signs[a], signs[b] = "(", ")"
                    a, b = a + 1, b - 1
            open_.append((a, b))
            i = k + 1
    return "".join(signs)


def of_vienna(structure: str, layout: str) -> np.ndarray:
    if layout == "naview":
        found = RNA.naview_xy_coordinates(structure)
        return np.array([(found[i].X, found[i].Y) for i in range(len(structure))])
    before, RNA.cvar.rna_plot_type = RNA.cvar.rna_plot_type, 4
    found = RNA.get_xy_coordinates(structure)
    RNA.cvar.rna_plot_type = before
    return np.array([(found.get(i).X, found.get(i).Y) for i in range(len(structure))])


@pytest.mark.parametrize("structure", [TRNA, nested(200, 1), nested(300, 2)])
@pytest.mark.parametrize("layout", ["puzzler", "naview"])
def test_places_are_viennas_scaled(layout: Layout, structure: str) -> None:
    ours, theirs = positions(structure, layout), of_vienna(structure, layout)
    scale = np.ptp(ours, axis=0) / np.ptp(theirs, axis=0)
    assert scale[0] == pytest.approx(scale[1])
    assert np.allclose(ours, (theirs - theirs.min(axis=0)) * scale[0], atol=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_two_bases_of_a_trna_overlap(layout: Layout) -> None:
    xy = positions(TRNA, layout)
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2) + 1e9 * np.eye(len(xy))
    assert apart.min() > 2 * RADIUS
    assert np.median(np.linalg.norm(np.diff(xy, axis=0), axis=1)) == pytest.approx(BOND, rel=0.25)


def test_the_layout_type_of_the_process_is_left_alone() -> None:
    before = RNA.cvar.rna_plot_type
    place("((((....))))", "puzzler")
    assert RNA.cvar.rna_plot_type == before


@pytest.mark.parametrize(
    "structure", [".", "..", "()", "(.)", "(())", ".(()).", "()()", "((.)(.))", "((((..))))", "((()).)", "." * 50, "([)]", "<A>a"]
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sharp_hairpins_and_knots_get_places(layout: Layout, structure: str) -> None:
    """RNApuzzler hung on "()()" and ended the process on "()"; naview gave nan for a single base."""
    placed = place(structure, layout)
    assert placed.xy.shape == (len(structure), 2) and np.isfinite(placed.xy).all()
    assert not placed.xy.flags.writeable
    assert len(structure) == 1 or np.ptp(placed.xy, axis=0).max() > 0


def test_beyond_the_limit_naview_takes_over_and_says_so() -> None:
    placed = place(nested(PUZZLER_LIMIT + 1, 3), "puzzler")
    assert placed.layout == "naview" and "1,500" in placed.note
    assert place(TRNA, "puzzler").note == ""


def test_of_crossing_helices_the_shorter_is_left_out() -> None:
    short, long = [(0, 12), (1, 11)], [(5, 20), (6, 19), (7, 18)]
    assert nested_pairs(sorted(short + long)) == long
    assert nested_pairs([(0, 9), (2, 5)]) == [(0, 9), (2, 5)]


def test_circle_and_line() -> None:
    circle, line = positions(TRNA, "circle"), positions(TRNA, "arc")
    radius = np.linalg.norm(circle - np.ptp(circle, axis=0) / 2, axis=1)
    assert np.ptp(radius) < 0.5 * BOND
    assert np.allclose(np.diff(line, axis=0), (BOND, 0))


def test_unknown_layout_and_empty_structure_are_refused() -> None:
    with pytest.raises(InputError, match="puzzler, naview, circle or arc"):
        place("...", "spiral")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="empty"):
        place("", "arc")


def test_labels_stay_off_bases_and_each_other() -> None:
    xy = positions(TRNA, "puzzler")
    boxes = np.full((8, 2), (16.0, 11.0))
    spots = room_for(xy[9::9], boxes, xy, radius=RADIUS, reach=(18.0, 25.0, 35.0))
    gaps = np.maximum(np.abs(spots[:, None] - xy[None]) - boxes[0] / 2, 0)
    assert np.linalg.norm(gaps, axis=2).min() > RADIUS
    between = (np.abs(spots[:, None] - spots[None]) - boxes[0]).max(axis=2) + 1e9 * np.eye(8)
    assert between.min() >= 0
