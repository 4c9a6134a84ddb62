"""The search: what lies nearest to the RNA of the view, or to one of its motifs, and how the bases of both line up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.bind import bind, clicked_row, option_row, take
from core.ui.library import alignment, ways
from core.ui.library.bar import library_box
from core.ui.library.data import LEVELS, Asked, background, index, query, ready, with_columns
from core.ui.library.opening import open_in_rna
from core.ui.library.picked import TOLD
from core.ui.rna import data, structure
from core.ui.rna.begin import begin
from core.ui.rna.pick import select
from core.ui.rna_component import rna_drawing
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas

HIT = "search.hit"
SHOWN = 25
EQUAL = "The same description: the same RNA under another name, or one that cannot be told from it by what is compared."


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view, given, folded, asked = begin("search", Asked.of, encoders=True)
    structure.bar(given)
    structure.waiting(given, folded)
    if folded is None:
        return
    library_box(asked)
    found = ready(asked)
    if found is None:
        return
    own = query(given, folded, asked)
    if own is None:
        return
    left, middle, right = st.columns([4, 4, 3], vertical_alignment="bottom")
    with left:
        level = option_row("Find the nearest", LEVELS, "search.level", words=LEVELS.__getitem__, help="Whole RNAs, or structural elements (motifs).")
    by = ways.choose(middle, right, asked, found, view) if level == "rna" else ways.NETWORK
    known, columns = with_columns(asked, found, level)
    table = _neighbours(own, found, known, asked, level, by, view)
    if table is None:
        return
    left, right = st.columns([6, 5])
    with left:
        row = _table(table, level, [str(name) for name in columns][:TOLD])
    if row is None:
        row = _hit(table, view)
    with right:
        _both(own, found, asked, view, table.iloc[row], level)
    st.subheader("Base by base")
    if by != ways.NETWORK:
        st.caption(f"The bases are lined up by the vectors of {plain(asked.network)}, whatever whole RNAs are compared by.")
    alignment.draw(own, found, asked, folded, str(table.iloc[row]["rna"]), view)


def _neighbours(
    own: EmbeddedRnas, found: EmbeddedRnas, library: pd.DataFrame, asked: Asked, level: str, by: str, view: ViewState
) -> pd.DataFrame | None:
    """The nearest of the collection, nearest first, as rows of its table; None with a sentence where there are none.

    The column "alike" holds their scores, which are what the column "measure" says; higher is more alike.
    """
    from core.rna.neighbours import percentile

    row, kind = 0, None
    if level == "element":
        row, kind = _element(own, view)
    exclude = _left_out(library, level, own, kind)
    try:
        if by == ways.NETWORK:
            near = index(asked, found.key, level, found).nearest(own.vectors[level].vectors[row], SHOWN, exclude=exclude)
            random, measure = background(asked, found.key, level, found), "cosine"
        else:
            compared = ways.compared(asked, found, own, by)
            near, random = compared.nearest(SHOWN, np.array(exclude, dtype=int)), compared.background
            measure = "cosine" if compared.measure == "cosine" else "minus difference"
    except InputError as error:
        st.info(plain(str(error)))
        return None
    hits = library.iloc[near.rows].reset_index(drop=True)
    hits.insert(0, "alike", near.cosines)
    hits.insert(1, "percentile", percentile(near.cosines, random))
    hits["same"], hits["measure"], hits["compared_by"] = near.same, measure, by
    if level == "rna":
        hits["rna"] = hits["name"]
    return hits


def _element(own: EmbeddedRnas, view: ViewState) -> tuple[int, str | None]:
    """Row of the element that is searched for, and the kind hits have to be of."""
    elements = own.elements
    names = [name for name, size in zip(elements["element"], elements["size"], strict=True) if size]
    chosen = (view.selection or "").removeprefix("elem:")
    hairpins = [name for name in names if name.startswith("h")]
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    key = bind("search_element", chosen if chosen in names else (hairpins or names)[0])
    words = {e["element"]: f"{e['element']}: {e['kind']}, {e['sequence']}" for e in elements.to_dict("records")}
    name = left.selectbox(
        "Motif",
        names,
        format_func=lambda n: words[n][:60],
        key=key,
        on_change=lambda: select(f"elem:{st.session_state[key]}"),
        help="The element of your RNA that is searched for.",
    )
    same = right.toggle("Of its kind only", value=True, key="search_kind", help="A hairpin among hairpins, a stem among stems.")
    row = elements.index[elements["element"] == name][0]
    return int(row), str(elements["kind"][row]) if same else None


def _left_out(library: pd.DataFrame, level: str, own: EmbeddedRnas, kind: str | None) -> list[int]:
    """Rows of the RNA itself, and of other kinds."""
    (record,) = own.records
    names = library["name"] if level == "rna" else library["rna"]
    out = names == record.id
    if kind is not None:
        out |= library["kind"] != kind
    return [int(i) for i in library.index[out]]


def _table(table: pd.DataFrame, level: str, own: list[str]) -> int | None:
    """The hits; the place of the one clicked.

    Args:
        own: columns of the library's own to show behind ours; the file holds all.
    """
    columns = ["title", "family", "length", "gc"] if level == "rna" else ["name", "family", "motif", "size", "sequence"]
    number = st.column_config.NumberColumn
    shown = table[["alike", "percentile", *columns, "same", *own]]
    measure = str(table["measure"].iloc[0])
    row = clicked_row(
        shown,
        "search_table",
        height=480,
        column_config={
            "alike": number(measure, format="%.3f", help=ways.MEASURES[measure]),
            "percentile": number("less alike", format="%.1f%%", help="Share of random pairs of this collection that are less alike."),
            "gc": number("GC", format="%.2f"),
            "same": st.column_config.CheckboxColumn("equal", help=EQUAL),
        },
        alt="Nearest neighbours, the nearest first",
    )
    st.download_button(
        "Neighbours, CSV",
        table.to_csv(index=False),
        "neighbours.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="One row per hit: its score, the percentage of random pairs that are less alike, what is known of it and what was compared.",
    )
    take(str(table["name"][row]) if row is not None else None, "search_table", lambda name: state.update(settings={HIT: name}))
    return row


def _hit(table: pd.DataFrame, view: ViewState) -> int:
    """The hit of the view, else the nearest."""
    places = table.index[table["name"] == view.settings.get(HIT)]
    return int(places[0]) if len(places) else 0


def _both(own: EmbeddedRnas, found: EmbeddedRnas, asked: Asked, view: ViewState, hit: pd.Series, level: str) -> None:
    """Small drawings of the RNA and of the hit, the motif marked in each."""
    from core.viz.rna_drawing import rna_svg, rna_view

    record = found.record(str(hit["rna"]))
    st.markdown(f"**{plain(str(hit['name']))}**, {hit['measure']} {hit['alike']:.3f}: more alike than {hit['percentile']:.1f}% of random pairs")
    if hit["same"]:
        st.caption("Equal: a duplicate, or an RNA that cannot be told from yours by what is compared.")
    sides = st.columns(2)
    selected = (view.selection or "").removeprefix("elem:") if level == "element" else ""
    for place, (column, one, element) in enumerate(zip(sides, (own.records[0], record), (selected, hit.get("element", "")), strict=True)):
        elements = data.elements(str(one.structure))
        bases = data.bases_of(f"elem:{element}", elements) if level == "element" and element else ()
        drawn = rna_view(one, colour_by="element", elements=elements)
        with column:
            st.caption(plain(one.id))
            rna_drawing(
                rna_svg(drawn, interactive=True),
                key=f"search-drawing-{place}",
                on_pick=select if place == 0 else lambda _: None,
                sentence=drawn.sentence,
                name=f"neighbour-{place}",
                entity=f"elem:{element}" if bases else None,
                selected=bases,
                height=300,
            )
    open_in_rna(asked, record, str(hit.get("element", "")), "search_open")
