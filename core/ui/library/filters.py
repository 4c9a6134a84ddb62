"""Which points of the map are shown in colour: those of some motifs, of one family."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core.ui import state
from core.ui.bind import bind
from core.ui.view_state import ViewState

MOTIFS, FAMILY, HIDE = "map.motifs", "map.family", "map.hide"
"""Settings of the view: names of motifs with ``|`` between them, a family, and whether the other points are left out."""
EVERY = ""


@dataclass(frozen=True, eq=False)
class Filter:
    """The points in colour.

    Attributes:
        rows: [N] bool, which of the map's points.
        words: what they have in common, "" where nothing is filtered.
        hide: whether the others are left out rather than grey.
    """

    rows: np.ndarray
    words: str
    hide: bool

    def sentence(self) -> str:
        """How many points are in colour, or that there are none."""
        if not self.rows.any():
            return f"No point of this map is {self.words}; choose another motif or family."
        others = "the others are left out" if self.hide else "the others are grey"
        return f"{int(self.rows.sum()):,} of {len(self.rows):,} points are {self.words}; {others}. Lists and exports hold these alone."


def wanted_motifs(view: ViewState) -> list[str]:
    """The motifs a view asks for."""
    from core.explain.embedded import NO_MOTIF
    from core.rna.motifs import MOTIFS as KNOWN

    asked = view.settings.get(MOTIFS)
    names = asked.split("|") if isinstance(asked, str) else []
    return [name for name in (*KNOWN, NO_MOTIF) if name in names]


def choose(table: pd.DataFrame, view: ViewState) -> Filter:
    """The row of filters for the points of a table (columns family and, of elements, motif)."""
    with st.container(key="twos-filters"):
        columns = st.columns([5, 4, 3], vertical_alignment="bottom")
    rows, parts = np.ones(len(table), dtype=bool), []
    if "motif" in table:
        with columns[0]:
            motifs = _motifs(table["motif"], view)
        if motifs:
            rows &= table["motif"].isin(motifs).to_numpy()
            parts.append("of the motif " + " or ".join(motifs))
    with columns[1]:
        family = _family(table["family"], view)
    if family:
        rows &= (table["family"] == family).to_numpy()
        parts.append(f"of the family {family}")
    hide = view.settings.get(HIDE) is True
    if parts:
        key = bind("map_hide", hide)
        columns[2].toggle(
            "Leave the others out",
            key=key,
            on_change=lambda: state.update(settings={HIDE: st.session_state[key] or None}),
            help="Points that the filter does not keep are not drawn, rather than grey.",
        )
    return Filter(rows, " and ".join(parts), hide)


def _motifs(column: pd.Series, view: ViewState) -> list[str]:
    """Motifs by name, each with its number of points; none means all."""
    from core.explain.embedded import NO_MOTIF
    from core.rna.motifs import MOTIFS as KNOWN

    counts, wanted = column.value_counts().to_dict(), wanted_motifs(view)
    offered = [name for name in (*KNOWN, NO_MOTIF) if name in counts or name in wanted]
    key = bind("map_motifs", wanted)
    st.multiselect(
        "Known motifs shown",
        offered,
        format_func=lambda name: f"{name} ({counts.get(name, 0):,})",
        key=key,
        placeholder="all points",
        on_change=lambda: state.update(settings={MOTIFS: "|".join(st.session_state[key]) or None}),
        help="Named by rule from letters and pairs; what the rules miss and over-call stands in assets/rna/README.md.",
    )
    return wanted


def _family(column: pd.Series, view: ViewState) -> str:
    """A family, or "" for all; one that a link names and the collection lacks is kept in the list."""
    counts = {str(name): int(count) for name, count in column[column != EVERY].value_counts().items()}
    asked = view.settings.get(FAMILY)
    family = asked if isinstance(asked, str) else EVERY
    if not counts and not family:
        return EVERY
    offered = [EVERY, *counts, *([family] if family and family not in counts else [])]
    key = bind("map_family", family)
    st.selectbox(
        "Family shown",
        offered,
        format_func=lambda name: f"{name} ({counts.get(name, 0):,})" if name else "all families",
        key=key,
        on_change=lambda: state.update(settings={FAMILY: st.session_state[key] or None}),
        help="Only points of this family keep their colour.",
    )
    return family
