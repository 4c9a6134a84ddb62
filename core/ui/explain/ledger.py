"""The ledger on the page: a waterfall from the baseline to the prediction, and the way down into its entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.bind import take
from core.ui.explorer.drawing import picked_entity
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked


def draw(
    function: Masked,
    found: Attribution,
    view: ViewState,
    *,
    chain: Sequence[str],
    setting: str,
    whole: str,
    open_entry: Callable[[str, str], None],
    words: Mapping[str, str] | None = None,
) -> None:
    """One page of the ledger; a click on an entry opens it, and a button for each step leads back.

    Args:
        chain: levels from the coarsest to the parts. setting: of the view, the group that is open, "level|name".
        whole: what the first page is of. open_entry: called with the level and name of an entry that was clicked.
        words: what groups are called, their names unless given.
    """
    from core.explain.ledger import ledger
    from core.viz.ledger_plot import waterfall
    from core.viz.plots import alt_text

    path = _path(function, view, chain, setting)
    within = path[-1] if path else None
    place = len(path)
    level, last = chain[place], place == len(chain) - 1
    page = ledger(function, found, level, within=within)
    called = {} if words is None else words
    _way(path, whole, setting, called)
    title = f"Ledger by {level}" if within is None else f"{called.get(within[1], within[1])} by {level}"
    figure = waterfall(
        page, title=title, target=function.target, unit=function.unit, baseline=function.baseline, prefix="" if last else f"{level}|", words=called
    )
    event = st.plotly_chart(figure, key="explain_ledger", on_select="rerun", selection_mode="points", alt=alt_text(figure))

    def take_entry(entity: str) -> None:
        of, _, name = (f"{level}|{entity}" if last else entity).partition("|")
        if not last:
            state.update(settings={setting: entity})
        open_entry(of, name)

    take(picked_entity(event) or None, "explain_ledger", take_entry)
    if not last:
        st.caption(f"Red raises the target, blue lowers it. Click an entry to see its {chain[place + 1]}s.")


def _path(function: Masked, view: ViewState, chain: Sequence[str], setting: str) -> list[tuple[str, str]]:
    """The groups that are open, from the coarsest on; a link that names what is not there opens the whole."""
    level, _, name = str(view.settings.get(setting) or "").partition("|")
    if level not in chain[:-1] or not (rows := function.parts.index[function.parts[level] == name]).size:
        return []
    row = function.parts.loc[rows[0]]
    return [(one, str(row[one])) for one in chain[: list(chain).index(level) + 1] if row[one] != ""]


def _way(path: Sequence[tuple[str, str]], whole: str, setting: str, words: Mapping[str, str]) -> None:
    """Where one is, with a button for each step back."""
    if not path:
        return
    steps = [("", whole), *path]
    columns = st.columns(len(steps) + 1, vertical_alignment="center")
    for place, (column, (level, name)) in enumerate(zip(columns, steps, strict=False)):
        if place == len(steps) - 1:
            column.markdown(f"**{plain(words.get(name, name))}**")
        else:
            to = (setting, f"{level}|{name}" if level else None)
            column.button(
                plain(words.get(name, name)[:40]),
                key=f"explain_back_{place}",
                icon=":material/chevron_left:",
                on_click=_go,
                args=to,
                type="tertiary",
                help="Back up to the ledger of this; what is selected stays.",
            )


def _go(setting: str, to: str | None) -> None:
    state.update(settings={setting: to})
