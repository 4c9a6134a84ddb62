"""The trial on the page: rankings of reactions against random orders, and the badge that follows a ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from core.ui.background import Background, Job, follow
from core.ui.text import duration, plain

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked
    from core.explain.trial import RankingTrial

LOOK = {
    "better than chance": ("green", ":material/verified:"),
    "no better than chance": ("orange", ":material/help:"),
    "worse than chance": ("red", ":material/cancel:"),
    "cannot be told": ("gray", ":material/help:"),
}
Key = tuple[object, ...]
PASSES = 2 * 28 * 19
"""Evaluations of the network a trial takes, about."""


@st.cache_resource(max_entries=1, show_spinner=False)
def trials() -> Background[Key, RankingTrial]:
    """Trials made or being made; a method that was attributed by groups joins those that always stand trial."""
    return Background(24)


def badge(key: Key, found: Attribution) -> None:
    """What the trial said of the ranking shown, or that there was none."""
    trial = trials().result(key)
    if trial is None or found.method not in set(trial.table["ranking"]):
        st.badge("not on trial yet", icon=":material/gavel:", color="gray")
        return
    verdict = trial.verdict(found.method)
    colour, icon = LOOK[verdict]
    st.badge(f"ranks {trial.level}s {verdict}", icon=icon, color=colour)  # type: ignore[arg-type]


def draw(key: Key, function: Masked, found: Attribution, prepare: Callable[[], Callable[[Job], RankingTrial]]) -> None:
    """The trial, or the button that begins it.

    Args:
        key: what it follows from. prepare: fetches in the session what it needs, and gives the work.
    """
    st.subheader("Is this ranking true of the network?", anchor=False)
    trial = trials().result(key)
    if trial is None:
        if trials().job(key) is not None:
            follow(trials(), key, "explain_trial")
            return
        st.button(
            "Put the rankings on trial",
            type="primary",
            icon=":material/gavel:",
            on_click=_start,
            args=(key, prepare),
            key="explain_try",
        )
        seconds = PASSES * (0.002 + 1.5e-6 * len(function))
        st.caption(
            f"Parts are masked in the order of each ranking and of 20 random ones, and added back; the prediction is followed. About {PASSES:,} "
            f"evaluations, {duration(seconds)} on two cores."
        )
        return
    _shown(trial, function)


def _start(key: Key, prepare: Callable[[], Callable[[Job], RankingTrial]]) -> None:
    trials().start(key, prepare())


def _shown(trial: RankingTrial, function: Masked) -> None:
    from core.explain.trial import WORDS
    from core.viz.plots import alt_text
    from core.viz.trial_plots import curve_plot

    with st.container(border=True, key="explain_verdict"):
        st.markdown(plain(trial.sentence()))
    left, right = st.columns(2)
    for column, curves, moved, title in (
        (left, trial.deletion, "taken away", f"{trial.level.capitalize()}s taken away"),
        (right, trial.insertion, "added", f"{trial.level.capitalize()}s added to the baseline"),
    ):
        figure = curve_plot(curves, WORDS, title=title, moved=moved, target=function.target)
        column.plotly_chart(figure, key=f"explain_curves_{moved.partition(' ')[0]}", alt=alt_text(figure))
    number = st.column_config.NumberColumn
    st.dataframe(
        trial.table.assign(ranking=trial.table["ranking"].map(lambda name: WORDS.get(name, name))),
        hide_index=True,
        column_config={
            "deletion": number("area, taken away", format="%.3f", help="Under the curve; a good ranking makes it small."),
            "deletion_z": number("z", format="%.1f", help="Standard deviations of 20 random orders by which the area is smaller than theirs."),
            "insertion": number("area, added", format="%.3f", help="Under the curve; a good ranking makes it large."),
            "insertion_z": number("z, added", format="%.1f", help="Standard deviations by which the area is larger than that of random orders."),
        },
        alt="Every ranking with its areas and z scores",
    )
    st.download_button("Trial, CSV", trial.table.to_csv(index=False), "trial.csv", "text/csv", on_click="ignore", icon=":material/download:")
    st.caption(
        "Rankings are by absolute value. This is faithfulness, whether a ranking says what the network does when parts are masked; it says "
        "nothing of biology. Masking is not deleting: what stands around stays. These curves favour occlusion by construction. Better than "
        "chance means beyond two standard deviations both ways."
    )
