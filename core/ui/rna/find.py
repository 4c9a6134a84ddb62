"""Finds a base, an element or a motif and selects it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.bind import bind
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.pick import select
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.rna import Elements, FoldResult

HITS = 12
"""Hits shown at most."""


def bar(given: Given, folded: FoldResult, view: ViewState) -> None:
    """The field, and what it found."""
    asked = str(view.settings.get("rna.find") or "")
    key = bind("rna_find", asked)

    def ask() -> None:
        state.update(settings={"rna.find": st.session_state[key].strip()[:100] or None})

    st.text_input(
        "Find",
        key=key,
        on_change=ask,
        placeholder="20, G20, h1, hairpin, GGUC ...",
        help="A base by its position, an element by its name or kind, or a motif by its sequence (N stands for any base).",
    )
    if not asked:
        return
    found = hits(data.record(given.source, given.record).sequence, data.elements(folded.structure), asked)
    if not found:
        st.caption(plain(f"There is no base, element or motif {asked} in this RNA."))
        return
    names = dict(found[:HITS])
    picks = bind("rna_hits", None)

    def take() -> None:
        if st.session_state[picks]:
            select(st.session_state[picks])

    st.pills(
        "Found",
        list(names),
        format_func=names.__getitem__,
        key=picks,
        on_change=take,
        label_visibility="collapsed",
        help="What the search found; one of them selects it.",
    )
    if len(found) > HITS:
        st.caption(f"The first {HITS} of {len(found):,}.")


def hits(sequence: str, elements: Elements, asked: str) -> list[tuple[str, str]]:
    """Entity ids and how they are called: a base by position, elements by name or kind, and where a motif starts (overlaps count)."""
    found: list[tuple[str, str]] = []
    base = re.fullmatch(r"([ACGUTN]?)(\d+)", asked, re.IGNORECASE | re.ASCII)
    if base and 1 <= int(base[2]) <= len(sequence):
        letter = sequence[int(base[2]) - 1]
        if base[1].upper().replace("T", "U") in ("", letter):
            found.append((f"base:{int(base[2])}", f"base {letter}{int(base[2])}"))
    wanted = asked.lower()
    found += [(f"elem:{e.name}", f"element {e.name}, {e.kind}") for e in elements.elements if wanted in (e.name, e.kind)]
    if re.fullmatch(r"[ACGUTN]{2,}", asked, re.IGNORECASE | re.ASCII):
        motif = asked.upper().replace("T", "U")
        pattern = re.compile(f"(?={motif.replace('N', '.')})")
        found += [(f"base:{m.start() + 1}", f"{motif} at {m.start() + 1}-{m.start() + len(motif)}") for m in pattern.finditer(sequence)]
    return found
