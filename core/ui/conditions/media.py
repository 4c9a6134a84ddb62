"""Several media as a matrix of reactions and media, and growth on each."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.bind import bind, option_row
from core.ui.conditions.data import Pair, chosen_media, media_choices, media_matrix, wanted_pathway
from core.ui.conditions.pair import pathway_filter
from core.ui.conditions.pick import plot
from core.ui.explorer import kinetics
from core.ui.text import plain

ROWS = (25, 50, 100)
MOST = 12


def draw(both: Pair) -> None:
    """Which media, the matrix and growth."""
    _controls(both)
    chosen = chosen_media(both)
    if not chosen:
        st.info("Choose at least one medium.")
        return
    try:
        found = media_matrix(both, chosen[:MOST])
    except InputError as error:
        st.error(plain(str(error)))
        return
    lost = f" and A's knock-outs ({', '.join(both.first.knockouts)})" if both.first.knockouts else ""
    st.caption(plain(f"A's network ({both.first.checkpoint}){lost} on every medium."))
    kinetics.left_out(both.given[0], "in the comparison of media")
    _heat(both, chosen)
    from core.viz.condition_plots import growth_bars

    plot(growth_bars(found.growth), "growth", selects=False)
    silent = [str(name) for name, status in found.growth["status"].items() if status != "optimal"]
    if silent:
        st.caption(plain(f"FBA finds no flux distribution on {', '.join(silent)}: no bar there. The network's numbers are shown all the same."))


def _heat(both: Pair, chosen: tuple[str, ...]) -> None:
    from core.viz.condition_plots import media_heatmap

    found = media_matrix(both, chosen[:MOST])
    rows = both.first.settings.get("conditions.rows")
    clustered = found.clustered(rows if isinstance(rows, int) and rows in ROWS else ROWS[0], wanted_pathway(both))
    st.caption(plain(clustered.sentence))
    if len(clustered.gates):
        centred = bool(both.first.settings.get("conditions.centred", True))
        plot(media_heatmap(clustered, spread=found.gate_sd, centred=centred, selected=both.first.selection), "matrix")


def _controls(both: Pair) -> None:
    choices = media_choices(both)
    key = bind("conditions_media", list(chosen_media(both)))
    st.multiselect(
        f"Media, at most {MOST}",
        list(choices),
        format_func=choices.__getitem__,
        key=key,
        max_selections=MOST,
        on_change=lambda: state.update(media=tuple(st.session_state[key])),
        help="The model's named media, A's and B's own, and the aerobic minimal medium with any single carbon source, all at 60 mmol of carbon.",
    )
    left, middle, right = st.columns([4, 3, 4], vertical_alignment="bottom")
    with left:
        pathway_filter(both)
    with middle:
        option_row("Reactions", ROWS, "conditions.rows", help="Which reactions are rows of the matrix.")
    centred = bind("conditions_centred", bool(both.first.settings.get("conditions.centred", True)))
    right.toggle(
        "Minus the mean",
        key=centred,
        on_change=lambda: state.update(settings={"conditions.centred": st.session_state[centred]}),
        help="Gates differ more between reactions than between media; minus its mean, what a medium changes in a reaction is seen.",
    )
