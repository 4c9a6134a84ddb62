"""The page of edits from top to bottom: the edit, both structures, how far the embedding moved, every single mutant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.background import FOLLOWED, follow
from core.ui.bind import bind, clicked_row, option_row, take
from core.ui.rna import data, source
from core.ui.rna.pick import plot, select
from core.ui.rna_component import rna_drawing
from core.ui.text import duration, plain
from core.ui.view_state import ViewState
from core.ui.what_if.data import EDIT, KINDS, Asked, compared, edit_of, folded, mutants, seconds, start_mutants

if TYPE_CHECKING:
    from core.explain.what_if import Edit, WhatIf
    from core.rna import RnaRecord

_GOOD = "whatif_good"
NEAREST = 6


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view = state.current()
    source.bar(view, encoders=True)
    try:
        asked = Asked.of(view)
        record = folded(asked.source, asked.record)
    except InputError as error:
        st.error(plain(str(error)))
        view = st.session_state.get(_GOOD, ViewState())
        asked = Asked.of(view)
        record = folded(asked.source, asked.record)
    st.session_state[_GOOD] = view
    source.records(view)
    st.caption(
        "Original and edit are both folded by ViennaRNA at 37 °C, so that they differ by the edit alone; a structure that came with the RNA is "
        "not used."
    )
    text = str(view.settings.get(EDIT) or "") or None
    try:
        edit = edit_of(asked, text)
    except InputError as error:
        st.error(plain(str(error)))
        edit, text = None, None
    _choose(asked, record, view)
    if edit is None or text is None:
        _draw_one(record, view)
    else:
        _result(compared(asked, text), view)
    _mutants(asked, edit)


def _choose(asked: Asked, record: RnaRecord, view: ViewState) -> None:
    """What to change."""
    kind = option_row("Change", KINDS, "whatif.kind", words=KINDS.__getitem__, help="What is edited: one base, one base pair, or a whole element.")
    left, middle, right, undo = st.columns([3, 3, 2, 2], vertical_alignment="bottom")
    if kind == "element":
        element = _element_box(left, record, view)
        _apply(right, f"-{element}" if element else None)
    else:
        place = _place_box(left, record, view)
        new = _letters_box(middle, record, place, kind)
        _apply(right, (f"{record.sequence[place - 1]}{place}{new}" if kind == "base" else f"{place}:{new}") if new else None)
    undo.button(
        "Original",
        icon=":material/undo:",
        on_click=lambda: state.update(settings={EDIT: None}),
        disabled=not view.settings.get(EDIT),
        width="stretch",
        key="whatif_reset",
        help="Takes the edit away; Undo brings it back.",
    )


def _apply(place: st.delta_generator.DeltaGenerator, text: str | None) -> None:
    place.button(
        "Apply",
        type="primary",
        icon=":material/edit:",
        on_click=lambda: state.update(settings={EDIT: text}),
        disabled=text is None,
        width="stretch",
        key="whatif_apply",
        help="Folds the RNA with this one change and compares it with the original; an earlier edit is replaced.",
    )


def _place_box(place: st.delta_generator.DeltaGenerator, record: RnaRecord, view: ViewState) -> int:
    chosen = data.bases_of(view.selection, data.elements(str(record.structure)))
    key = bind("whatif_place", chosen[0] if chosen else 1)
    return int(
        place.number_input(
            "Base",
            1,
            record.length,
            key=key,
            on_change=lambda: select(f"base:{st.session_state[key]}"),
            help="Or click a base in a drawing below.",
        )
    )


AGAIN = "The RNA is folded again with this change."


def _letters_box(place: st.delta_generator.DeltaGenerator, record: RnaRecord, base: int, kind: str) -> str | None:
    from core.explain.what_if import CANONICAL, LETTERS
    from core.rna import partners

    own = record.sequence[base - 1]
    if kind == "base":
        return place.selectbox(f"{own}{base} becomes", [letter for letter in LETTERS if letter != own], key="whatif_letter", help=AGAIN)
    partner = int(partners(str(record.structure))[base - 1])
    if partner < 0:
        place.caption(f"{own}{base} is unpaired in the structure below: choose a paired base.")
        return None
    first, second = sorted((base - 1, partner))
    now = record.sequence[first] + record.sequence[second]
    options = [pair for pair in (*CANONICAL, "AA", "CC") if pair != now]
    words = {"AA": "AA, which cannot pair", "CC": "CC, which cannot pair"}
    return place.selectbox(f"{now} ({first + 1}-{second + 1}) becomes", options, format_func=lambda p: words.get(p, p), key="whatif_pair", help=AGAIN)


def _element_box(place: st.delta_generator.DeltaGenerator, record: RnaRecord, view: ViewState) -> str | None:
    found = [e for e in data.elements(str(record.structure)).elements if e.bases]
    chosen = (view.selection or "").removeprefix("elem:")
    names = [e.name for e in found]
    key = bind("whatif_element", chosen if chosen in names else names[0])
    words = {e.name: f"{e.name}: {e.kind}, {len(e.bases)} bases" for e in found}
    return place.selectbox(
        "Element to delete",
        names,
        format_func=words.__getitem__,
        key=key,
        on_change=lambda: select(f"elem:{st.session_state[key]}"),
        help="Its bases are cut out and the rest is folded again.",
    )


def _draw_one(record: RnaRecord, view: ViewState) -> None:
    from core.viz.rna_drawing import rna_svg, rna_view

    elements = data.elements(str(record.structure))
    drawn = rna_view(record, colour_by="element", elements=elements, selected=view.selection if data.bases_of(view.selection, elements) else None)
    bases = data.bases_of(view.selection, elements)
    rna_drawing(
        rna_svg(drawn, interactive=True),
        key="whatif-original",
        on_pick=select,
        sentence=drawn.sentence,
        name="original",
        entity=view.selection if bases else None,
        selected=bases,
        height=460,
    )


def _result(found: WhatIf, view: ViewState) -> None:
    import numpy as np

    from core.viz.rna_drawing import rna_svg, rna_view
    from core.viz.what_if_plots import moved_scale, moved_track

    first, second, third = st.columns(3)
    first.metric("Cosine to the original", f"{found.cosine:.3f}", help="Of the embeddings of the whole RNA; 1 is the same.")
    second.metric("Pairs lost", found.pairs_lost, help="Of the structure of minimum free energy.")
    third.metric("Pairs gained", found.pairs_gained)
    moved = found.bases["moved"].to_numpy(float)
    scale = moved_scale(float(np.nanmax(moved)))
    sides = ((found.before, moved, "Original"), (found.after, moved[list(found.edit.kept)], found.edit.title))
    for number, (column, (record, values, title)) in enumerate(zip(st.columns(2), sides, strict=True)):
        with column:
            st.markdown(f"**{'AB'[number]}**: {plain(title)}, {record.length:,} nt")
            elements = data.elements(str(record.structure))
            drawn = rna_view(record, colour_by="values", values=values, scale=scale, elements=elements)
            bases = data.bases_of(view.selection, elements) if number == 0 else tuple(found.edit.kept.index(p) + 1 for p in _marked(found.edit))
            rna_drawing(
                rna_svg(drawn, interactive=True),
                key=f"whatif-{number}",
                on_pick=select if number == 0 else lambda _: None,
                sentence=drawn.sentence,
                name=f"{'original' if number == 0 else 'edited'}",
                entity=view.selection if number == 0 and bases else None,
                selected=bases,
                height=440,
            )
    plot(moved_track(found.bases), "whatif-moved")
    _neighbours(found, view)


def _neighbours(found: WhatIf, view: ViewState) -> None:
    """The RNAs of the reference library nearest to the original and to the edit."""
    from core.ui.library.data import REFERENCE, index, ready
    from core.ui.library.data import Asked as Collection

    collection = replace(Collection.of(view), library=REFERENCE)
    st.subheader("Nearest in the reference library")
    library = ready(collection)
    if library is None:
        return
    made = index(collection, library.key, "rna", library)
    own = [library.place[found_id] for found_id in (view.rna.removeprefix(data.EXAMPLE),) if found_id in library.place]
    for title, column, vector in zip(("Original", found.edit.title), st.columns(2), found.vectors, strict=True):
        near = made.nearest(vector, NEAREST, exclude=own)
        table = library.rnas.iloc[near.rows][["title", "family"]].assign(cosine=near.cosines)
        column.caption(plain(title))
        number = st.column_config.NumberColumn("cosine", format="%.3f")
        column.dataframe(table, hide_index=True, column_config={"cosine": number}, alt=f"RNAs nearest to {title}")


def _marked(edit: Edit) -> list[int]:
    """The changed bases that are still there."""
    return [place for place in edit.places if place in edit.kept]


def _mutants(asked: Asked, edit: Edit | None) -> None:
    from core.explain.what_if import MUTANTS_LIMIT
    from core.viz.plots import alt_text
    from core.viz.what_if_plots import mutants_map

    st.subheader("Every single mutant")
    n = asked.bare.length
    if n > MUTANTS_LIMIT:
        st.info(f"This RNA has {n:,} bases; single mutants are folded for up to {MUTANTS_LIMIT} bases.")
        return
    found = mutants().result(asked)
    if found is None:
        if mutants().job(asked) is None:
            left, right = st.columns([2, 5], vertical_alignment="center")
            left.button(
                f"Fold and embed all {3 * n:,}",
                icon=":material/play_arrow:",
                on_click=lambda: start_mutants(asked),
                key="whatif_mutants",
                width="stretch",
                help=FOLLOWED,
            )
            right.caption(f"Takes about {duration(seconds(n))}.")
            return
        follow(mutants(), asked, "whatif_mutants")
        return
    figure = mutants_map(found.table, found.record.sequence, chosen=edit.title if edit else None)
    event = st.plotly_chart(figure, key="whatif_map", on_select="rerun", selection_mode="points", alt=alt_text(figure))
    points = event["selection"]["points"]
    picked = points[0].get("customdata", [None])[0] if points else None
    take(picked, "whatif_map", _open)
    st.caption(
        "Click a square to see that mutant. A base that moves the embedding much is one the network's description rests on; whether the molecule's "
        "function does, it cannot say."
    )
    table = found.table.sort_values("moved", ascending=False, kind="stable").reset_index(drop=True)
    row = clicked_row(
        table,
        "whatif_table",
        height=260,
        column_config={
            "moved": st.column_config.NumberColumn("moved, 1 - cosine", format="%.4f"),
            "pairs_changed": st.column_config.NumberColumn("pairs changed"),
        },
        alt="Single mutants, the furthest first",
    )
    take(str(table["mutant"][row]) if row is not None else None, "whatif_table", _open)
    st.download_button(
        "Mutants, CSV",
        table.to_csv(index=False),
        f"{asked.bare.id}-mutants.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="One row per mutant: base, letters before and after, 1 - cosine to the original, and the number of pairs changed.",
    )


def _open(mutant: str) -> None:
    state.update(settings={EDIT: mutant}, selection=f"base:{mutant[1:-1]}")
