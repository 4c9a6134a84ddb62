"""The page of two conditions from top to bottom. What the networks say is drawn first; flux balance analysis fills its places when it is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.errors import InputError
from core.ui import data, state
from core.ui.bind import option_row
from core.ui.conditions import card, media, moved, pair, tables
from core.ui.conditions.data import FIRST, SECOND, Pair, comparison, words
from core.ui.explorer import condition, head
from core.ui.text import plain
from core.ui.view_state import OWN_MEDIUM, ViewState

VIEWS = {"pair": "A and B", "media": "Media", "moved": "Moved"}
_GOOD = "conditions_good"


def draw() -> None:
    """Draws the page for the current view; a condition that cannot be used is one sentence, with the last good one still there."""
    view = state.current()
    condition.model_bar(view)
    both = _usable(view)
    _bars(both)
    fill = _growth(both)
    for text in _warnings(both):
        st.warning(plain(text), icon=":material/travel_explore:")
    instant = comparison(both, truth=False)
    for note in instant.notes:
        st.info(plain(note), icon=":material/info:")
    left, right = st.columns([7, 4], vertical_alignment="bottom")
    with left:
        now = option_row("View", VIEWS, "conditions.view", words=VIEWS.__getitem__, help="Two conditions side by side, or many media as a matrix.")
    with right:
        head.search(both.first)
    left, right = st.columns([7, 4])
    later: list[Callable[[], None]] = [fill]
    with right, st.container(border=True, key="detail-card"):
        later.append(card.card(both, instant))
    with left:
        if now == "pair":
            pair.draw(both, instant)
        elif now == "media":
            media.draw(both)
        else:
            place = st.empty()
            later.append(lambda: moved.draw(both, place))
    below = st.container()
    for one in later:
        one()
    with below:
        tables.below(both, now)


def _usable(view: ViewState) -> Pair:
    """A and B; where one cannot be used, one sentence and the last good pair of this model, or A beside the B the page starts with."""
    wanted = _checked(view)
    if wanted is not None:
        st.session_state[_GOOD] = view
        return wanted
    last = st.session_state.get(_GOOD, ViewState())
    without = replace(view, medium_b=None, knockouts_b=(), checkpoint_b=None)
    for other in (last, without) if last.model == view.model else (without, last):
        if (found := _checked(other, tell=False)) is not None:
            return found
    return Pair.of(ViewState())


def _checked(view: ViewState, *, tell: bool = True) -> Pair | None:
    """A and B once both could be observed."""
    try:
        both = Pair.of(view)
    except InputError as error:
        if tell:
            st.error(plain(str(error)))
        return None
    for letter, one in (("A", both.first), ("B", both.second)):
        try:
            data.importance(data.Given.of(one), one.checkpoint)
        except InputError as error:
            if tell:
                st.error(plain(f"{letter}: {error}"))
            return None
    return both


def _bars(both: Pair) -> None:
    """A's condition, and B's below it with the same widgets."""
    with st.container(key="twos-first"):
        first = st.columns([2, 3, 2, 2], vertical_alignment="bottom")
    condition.medium_box(first[0], both.first, FIRST)
    condition.knockout_box(first[1], both.first, FIRST)
    condition.objective_box(first[2], both.first)
    condition.uptakes_box(first[3], both.first, FIRST)
    with st.container(key="twos-second"):
        second = st.columns([2, 3, 2, 2], vertical_alignment="bottom")
    condition.medium_box(second[0], both.second, SECOND)
    condition.knockout_box(second[1], both.second, SECOND)
    condition.network_box(second[2], both.second, SECOND)
    condition.uptakes_box(second[3], both.second, SECOND)
    with st.container(horizontal=True, gap="small"):
        turned = "Medium, knock-outs and network change places, so that A - B changes its sign."
        st.button("Swap A and B", icon=":material/swap_vert:", key="conditions_swap", on_click=swap, args=(both,), help=turned)
        alike = "B gets A's medium, knock-outs and network, to change one thing there; Undo brings the old B back."
        st.button("Copy A to B", icon=":material/content_copy:", key="conditions_copy", on_click=copy, args=(both,), help=alike)
    if not data.media(*condition.model_of(both.first)):
        st.info("This model has no named media (no exchange of a known carbon source and oxygen was found); edit the uptakes of A and of B instead.")


def swap(both: Pair) -> None:
    """A becomes B and B becomes A."""
    a, b = both.first, both.second
    state.update(medium=b.medium, knockouts=b.knockouts, checkpoint=b.checkpoint, **_as_second(a))


def copy(both: Pair) -> None:
    """B becomes what A is: the place to start from for a knock-out or one more nutrient."""
    state.update(**_as_second(both.first))


def _as_second(view: ViewState) -> dict[str, object]:
    return {"medium_b": OWN_MEDIUM if view.medium is None else view.medium, "knockouts_b": view.knockouts, "checkpoint_b": view.checkpoint}


def _growth(both: Pair) -> Callable[[], None]:
    """Growth of A and B by the networks at once; by FBA, and why nothing grows, when what is returned is called."""
    places = []
    for letter, column, given, view in zip("AB", st.columns(2), both.given, (both.first, both.second), strict=True):
        with column, st.container(border=True):
            st.markdown(f"**{letter}**: {plain(words(view))}")
            with st.container(key=f"twos-growth-{letter}"):
                left, right = st.columns(2)
            with left:
                head.network_growth(given, view, spread=True)
            places.append((right.empty(), st.empty(), given))

    def fill() -> None:
        for metric, trouble, given in places:
            with metric.container():
                head.fba_growth(given)
            with trouble.container():
                head.fba_trouble(given)

    return fill


def _warnings(both: Pair) -> list[str]:
    found = [text for given, name in zip(both.given, both.names, strict=True) for text in data.warnings(given, name)]
    return list(dict.fromkeys(found))
