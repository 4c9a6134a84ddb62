"""What whole RNAs are compared by in the search: the network's embedding, what needs no training, or both joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ui import state
from core.ui.bind import bind
from core.ui.library.data import Asked
from core.ui.scoreboard.data import row_of, shipped
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas
    from core.explain.likeness import Likeness

NETWORK = "network"
BY = "search.by"
MEASURES = {
    "cosine": "Of the two descriptions; 1 is the same direction.",
    "minus difference": "The summed differences of the two descriptions with a minus before them; 0 is equal.",
}
"""What scores are, with what that means."""


def choose(where: Any, beside: Any, asked: Asked, found: EmbeddedRnas, view: ViewState) -> str:
    """The box of what RNAs are compared by, and beside it which is better."""
    from core.explain.likeness import ways

    offered = ways()
    by = str(view.settings.get(BY) or NETWORK)
    by = by if by in offered else NETWORK
    key = bind("search_by", by)
    where.selectbox(
        "Compare by",
        list(offered),
        format_func=lambda name: label(name, offered[name], asked.network),
        key=key,
        on_change=lambda: state.update(settings={BY: None if st.session_state[key] == NETWORK else st.session_state[key]}),
        help="The network's embedding is trained; k-mers and pair-probability profiles need no training; a hybrid is both side by side.",
    )
    how = "What the network's card says of each, measured on Rfam families kept back."
    with beside.popover("Which is better?", icon=":material/leaderboard:", width="stretch", help=how):
        _which(asked, found)
    return by


def label(by: str, kind: str, network: str) -> str:
    """A way in words; the network by its own name."""
    if by == NETWORK:
        return f"embedding of {network}"
    return f"{by.replace(NETWORK, network, 1) if kind == 'hybrid' else by} ({kind})"


def _which(asked: Asked, found: EmbeddedRnas) -> None:
    """What the network's card says of each way, on Rfam families kept back."""
    from core.explain.likeness import which_is_better

    measured = shipped(asked.network)
    if measured is None:
        st.caption("The card of this network has no figures on Rfam; the scoreboard measures it on a labelled set of yours.")
    else:
        scores, *_, about = measured
        sentences = " ".join(which_is_better(scores, row_of(asked.network)))
        st.markdown(plain(f"On {about['families']} Rfam families kept back, counting relatives under 60% identity. {sentences}"))
        columns = ["score", "kind", "structures", "hit_1", "distant", "remote"]
        st.dataframe(
            scores[columns].sort_values(["structures", "hit_1"], ascending=[False, False]),
            hide_index=True,
            height=300,
            column_config={
                "distant": st.column_config.NumberColumn("AUC, under 60%", format="%.3f"),
                "remote": st.column_config.NumberColumn("AUC, under 50%", format="%.3f"),
                "hit_1": st.column_config.NumberColumn("nearest", format="percent", help="Share of RNAs whose nearest is a relative."),
            },
            alt="Scores of the network's card on Rfam, by what RNAs are compared by",
        )
    soft = 0 if found.ensembles is None else int((found.ensembles.lengths >= 0).sum())
    st.caption(f"Profiles are of pair probabilities for {soft:,} RNAs of this collection, of the structure alone for {len(found) - soft:,}.")


@st.cache_resource(max_entries=4, show_spinner="Comparing ...")
def _compared(asked: Asked, key: str, own: str, by: str, _found: EmbeddedRnas, _own: EmbeddedRnas) -> Likeness:
    from core.explain.likeness import likeness

    return likeness(_found, _own, by)


def compared(asked: Asked, found: EmbeddedRnas, own: EmbeddedRnas, by: str) -> Likeness:
    """The RNA of the view compared with a collection by a way. Errors as for :func:`core.explain.likeness.likeness`."""
    return _compared(asked, found.key, own.key, by, found, own)
