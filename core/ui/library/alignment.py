"""The bases of two RNAs lined up by their vectors, with both drawings linked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui.bind import clicked_row, take
from core.ui.library.data import Asked, bases
from core.ui.rna import data
from core.ui.rna.pick import select
from core.ui.rna_component import rna_drawing
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas
    from core.rna import FoldResult, RnaRecord
    from core.rna.alignment import Alignment

AT_ONCE = 300
"""Longest of the two RNAs that is aligned unasked, nt."""
WIDTH = 60
"""Columns of the alignment in a line."""


@st.cache_resource(max_entries=32, show_spinner="Aligning ...")
def _aligned(first: str, second: str, _first: np.ndarray, _second: np.ndarray) -> Alignment:
    from core.rna.alignment import align

    return align(_first, _second)


def draw(own: EmbeddedRnas, found: EmbeddedRnas, asked: Asked, folded: FoldResult, id: str, view: ViewState) -> None:
    """The best local alignment of the RNA of the view and one of the collection."""
    one, other = own.records[0], found.record(id)
    longest = max(one.length, other.length)
    if longest > AT_ONCE and not st.toggle(
        f"Align {one.id} and {other.id} ({one.length:,} and {other.length:,} nt)",
        key="search_align",
        help="Long RNAs take a moment to line up base by base.",
    ):
        return
    common = (asked.network, asked.weights, asked.where)
    pairs = None if folded.ensemble is None else folded.ensemble.key
    vectors = (
        bases(one.id, *common, str(one.structure), one.sequence, pairs, folded),
        bases(other.id, *common, str(other.structure), other.sequence, None, None),
    )
    try:
        made = _aligned(f"{one.key}:{asked.weights}:{pairs}", f"{other.key}:{asked.weights}", *vectors)
    except InputError as error:
        st.info(plain(str(error)))
        return
    if not len(made.pairs):
        st.info("No two stretches of these RNAs have vectors more alike than their bases are on average.")
        return
    st.markdown(
        f"{len(made.pairs)} columns, score {made.score:.1f}; mean cosine {made.cosines.mean():.3f} against {made.mean:.3f} of all pairs of bases. "
        f"Of {len(made.shuffled)} alignments with {plain(other.id)} shuffled in pieces, {int((made.shuffled >= made.score).sum())} score as high "
        f"(p = {made.p:.2g})."
    )
    st.caption(what_p_says(other.id, made))
    _drawings(one, other, made, view)
    st.code(text(one, other, made), language=None)
    table = pd.DataFrame(
        {
            one.id: [f"{one.sequence[i - 1]}{i}" for i, _ in made.pairs],
            "hit": [f"{other.sequence[j - 1]}{j}" for _, j in made.pairs],
            "cosine": made.cosines,
        }
    ).rename(columns={"hit": other.id if other.id != one.id else f"{other.id} (hit)"})
    row = clicked_row(table, "search_columns", height=240, alt="Aligned bases and the cosine of their vectors")
    take(f"base:{made.pairs[row][0]}" if row is not None else None, "search_columns", select)


def what_p_says(other: str, made: Alignment) -> str:
    """What the p value is against, and what it cannot call unusual."""
    piece, shuffles = int(made.settings["piece"]), len(made.shuffled)
    return (
        f"p is against random placements: {plain(other)} is cut into pieces of {piece} bases, which are put in random order. A shared motif that is "
        "shorter stays whole in most of them, so by itself it never counts as unusual, however alike it is; a small p says that more is shared, in "
        f"the same order. With {shuffles} shuffles p cannot be below {1 / (1 + shuffles):.2g}."
    )


def _drawings(one: RnaRecord, other: RnaRecord, made: Alignment, view: ViewState) -> None:
    """Both structures, aligned bases coloured by cosine; the selected base and its counterpart are marked."""
    from core.viz.colour import CIVIDIS, Scale
    from core.viz.rna_drawing import rna_svg, rna_view

    chosen = data.bases_of(view.selection, data.elements(str(one.structure)))
    partner = {int(i): int(j) for i, j in made.pairs}
    back = {j: i for i, j in partner.items()}
    marked = (chosen, tuple(partner[i] for i in chosen if i in partner))
    scale = Scale("cosine of aligned bases", "", 0.0, 1.0, CIVIDIS, "fixed scale 0 to 1")

    def other_way(entity: str) -> None:
        place = int(entity.partition(":")[2]) if entity.startswith("base:") else 0
        if place in back:
            select(f"base:{back[place]}")

    for side, (column, record, own) in enumerate(zip(st.columns(2), (one, other), marked, strict=True)):
        values = np.full(record.length, np.nan)
        values[made.pairs[:, side] - 1] = made.cosines
        drawn = rna_view(record, colour_by="values", values=values, scale=scale, elements=data.elements(str(record.structure)))
        with column:
            st.caption(plain(record.id))
            rna_drawing(
                rna_svg(drawn, interactive=True),
                key=f"search-aligned-{side}",
                on_pick=select if side == 0 else other_way,
                sentence=drawn.sentence,
                name=f"aligned-{side}",
                entity="aligned" if own else None,
                selected=own,
                height=380,
            )


def text(one: RnaRecord, other: RnaRecord, made: Alignment) -> str:
    """The alignment in letters: structure and sequence of the first, a mark for equal letters, sequence and structure of the second."""
    rows: list[list[str]] = [[] for _ in range(5)]
    before: tuple[int, int] | None = None
    for i, j in ((int(i) - 1, int(j) - 1) for i, j in made.pairs):
        if before is not None:
            for place in range(before[0] + 1, i):
                _column(rows, str(one.structure)[place], one.sequence[place], " ", "-", "-")
            for place in range(before[1] + 1, j):
                _column(rows, "-", "-", " ", other.sequence[place], str(other.structure)[place])
        equal = "|" if one.sequence[i] == other.sequence[j] else " "
        _column(rows, str(one.structure)[i], one.sequence[i], equal, other.sequence[j], str(other.structure)[j])
        before = (i, j)
    lines = ["".join(row) for row in rows]
    blocks = ["\n".join(line[start : start + WIDTH] for line in lines) for start in range(0, len(lines[0]), WIDTH)]
    return "\n\n".join(blocks)


def _column(rows: list[list[str]], *signs: str) -> None:
    for row, sign in zip(rows, signs, strict=True):
        row.append(sign)
