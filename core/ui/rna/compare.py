"""A second structure of the same RNA, or a second RNA, beside the first: one scale, one selection."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.bind import bind
from core.ui.rna import data, structure, uploads
from core.ui.rna.data import METHODS, Given
from core.ui.rna.drawing import COLOURS, Numbers, base_numbers, chosen, controls, shown, svg_view
from core.ui.rna.pick import plot
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import FoldResult
    from core.viz.colour import Scale

STRUCTURE = "structure:"


def other(given: Given, view: ViewState) -> Given:
    """The second RNA: another structure of the first one, or another source's first record."""
    wanted = str(view.settings.get("rna.with") or "")
    if wanted.startswith((data.EXAMPLE, uploads.PREFIX)):
        return Given.of(replace(view, rna=wanted, rna_record=0, settings={}))
    method = wanted.removeprefix(STRUCTURE)
    if method not in METHODS or method == given.method:
        method = next(m for m in _methods(given) if m != given.method)
    return replace(given, method=method, number=0)


def _methods(given: Given) -> list[str]:
    own = data.record(given.source, given.record).structure is not None
    return [*(["given"] if own else []), "mfe", "centroid", "mea"]


def draw(given: Given, folded: FoldResult, view: ViewState) -> None:
    """Both drawings, and what differs."""
    second = other(given, view)
    options = [STRUCTURE + m for m in _methods(given) if m != given.method]
    options += [s for s in [*(data.EXAMPLE + name for name in data.examples()), *uploads.listed()] if s != given.source]
    now = second.source if second.source != given.source else STRUCTURE + second.method
    key = bind("rna_with", now)
    st.selectbox(
        "Compare with",
        list(dict.fromkeys([*options, now])),
        format_func=lambda o: f"this RNA, {METHODS[o.removeprefix(STRUCTURE)]}" if o.startswith(STRUCTURE) else data.label(o),
        key=key,
        on_change=lambda: state.update(settings={"rna.with": st.session_state[key]}),
        help="Another structure of this RNA, or another RNA, drawn beside it.",
    )
    controls(given, view)
    _, colour = chosen(view)
    found = structure.current(second)
    if found is None:
        structure.waiting(second, None)
        return
    sides = [(given, folded), (second, found)]
    try:
        numbers = [base_numbers(one, result, view, colour) for one, result in sides]
    except InputError as error:
        numbers = [Numbers(None, str(error))] * 2
    for text in dict.fromkeys(n.missing for n in numbers if n.missing):
        st.info(plain(text))
    if any(n.missing for n in numbers):
        colour, numbers = "element", [Numbers(), Numbers()]
    scale = _shared(colour, numbers)
    for number, (column, (one, result), values) in enumerate(zip(st.columns(2), sides, numbers, strict=True)):
        with column:
            st.markdown(f"**{'AB'[number]}**: {plain(data.record(one.source, one.record).id)}, {plain(METHODS.get(result.method, result.method))}")
            view_of = replace(view, selection=view.selection if number == 0 or one.source == given.source else None)
            drawn = svg_view(one, result, view, colour=colour, found=values, scale=scale)
            shown(drawn, one, result, view_of, key=f"rna-compare-{number}", height=480)
            structure.summary(one, result)
    _differences(sides, numbers, colour, view)


def _shared(colour: str, numbers: list[Numbers]) -> Scale | None:
    """One scale over both; None where it is fixed or there are no numbers."""
    from core.viz.rna_colour import scale_of

    known = [np.asarray(n.values, dtype=float) for n in numbers if n.values is not None]
    if len(known) < 2 or colour in ("element", "identity", "attention", "openness", "probability"):
        return None
    return scale_of(colour, np.concatenate(known).tolist())  # type: ignore[arg-type]


def _differences(sides: list[tuple[Given, FoldResult]], numbers: list[Numbers], colour: str, view: ViewState) -> None:
    from core.rna import parse_pairs
    from core.viz import rna_plots

    (one, first), (two, second) = sides
    if one.source != two.source:
        lengths = [data.record(side.source, side.record).length for side, _ in sides]
        st.caption(f"Two RNAs of {lengths[0]:,} and {lengths[1]:,} bases, on one scale.")
        return
    a, b = set(parse_pairs(first.structure)), set(parse_pairs(second.structure))
    st.markdown(f"**{len(a & b)}** pairs in both · **{len(a - b)}** only in A · **{len(b - a)}** only in B")
    rows = [(i + 1, j + 1, "A" if (i, j) in a else "B") for i, j in sorted(a ^ b)]
    table = pd.DataFrame(rows, columns=["5' base", "3' base", "only in"])
    if a == b:
        st.caption("Both are the same structure, so every number of the network is the same too; choose another to compare with.")
        return
    if numbers[0].values is not None and numbers[1].values is not None:
        what = COLOURS[colour]
        left, right = (np.asarray(n.values, dtype=float) for n in numbers)
        letters = list(data.record(one.source, one.record).sequence)
        per_base = pd.DataFrame({"base": np.arange(1, len(left) + 1), "nucleotide": letters, "A": left, "B": right, "A - B": left - right})
        chosen = data.bases_of(view.selection, data.elements(first.structure))
        plot(rna_plots.highlight(rna_plots.sequence_track(per_base, "A - B"), chosen), "difference")
        st.caption(f"A, B and A - B of each base, {what}; largest difference first.")
        st.dataframe(
            per_base.sort_values("A - B", key=np.abs, ascending=False, kind="stable"),
            hide_index=True,
            height=260,
            alt=f"{what} of each base in both structures and the difference",
        )
    if rows:
        st.dataframe(table, hide_index=True, height=220, alt="Base pairs in one of the two structures only")
