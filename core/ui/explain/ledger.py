"""The ledger on the page: a waterfall from the baseline to the prediction, and the way down into its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.ui import state
from core.ui.bind import take
from core.ui.explain.data import WITHIN
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked

DOWN = {"": "subsystem", "subsystem": "reaction", "reaction": "incidence"}
"""From the level of the group that is opened to that of its entries."""


def draw(function: Masked, found: Attribution, view: ViewState) -> None:
    """One page of the ledger; a click on an entry opens it and selects what it stands for."""
    from core.explain.ledger import ledger
    from core.viz.ledger_plot import waterfall
    from core.viz.plots import alt_text

    path = _path(function, view)
    within = path[-1] if path else None
    level = DOWN[within[0] if within else ""]
    page = ledger(function, found, level, within=within)
    _way(path)
    title = f"Ledger by {level}" if within is None else f"{within[1]} by {level}"
    prefix = "" if level == "incidence" else f"{level}|"
    figure = waterfall(page, title=title, target=function.target, unit=function.unit, baseline=function.baseline, prefix=prefix)
    event = st.plotly_chart(figure, key="explain_ledger", on_select="rerun", selection_mode="points", alt=alt_text(figure))
    take(picked_entity(event) or None, "explain_ledger", lambda entity: _open(path, entity))
    if level != "incidence":
        st.caption(f"Red raises the target, blue lowers it. Click an entry to see its {DOWN[level]}s." if level in DOWN else "")


def _path(function: Masked, view: ViewState) -> list[tuple[str, str]]:
    """The groups that are open, from the coarsest on; a link that names what is not there opens the whole."""
    wanted = str(view.settings.get(WITHIN) or "")
    level, _, name = wanted.partition("|")
    if level not in ("subsystem", "reaction") or not (function.parts[level] == name).any():
        return []
    if level == "subsystem":
        return [(level, name)]
    row = function.parts.index[function.parts["reaction"] == name][0]
    return [("subsystem", str(function.parts["subsystem"][row])), (level, name)]


def _way(path: list[tuple[str, str]]) -> None:
    """Where one is, with a button for each step back."""
    if not path:
        return
    steps = [("", "the model"), *path]
    columns = st.columns(len(steps) + 1, vertical_alignment="center")
    for place, (column, (level, name)) in enumerate(zip(columns, steps, strict=False)):
        if place == len(steps) - 1:
            column.markdown(f"**{plain(name)}**")
        else:
            setting = f"{level}|{name}" if level else None
            column.button(
                plain(name[:40]), key=f"explain_back_{place}", icon=":material/chevron_left:", on_click=_go, args=(setting,), type="tertiary"
            )


def _go(setting: str | None) -> None:
    state.update(settings={WITHIN: setting})


def _open(path: list[tuple[str, str]], entity: str) -> None:
    level, _, name = entity.partition("|")
    state.update(settings={WITHIN: entity})
    select(f"{'sub' if level == 'subsystem' else 'rxn'}:{name}")
