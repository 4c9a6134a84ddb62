"""The trial on the page: every ranking's verdict with its reason, the curves and tests behind it, and the badge that follows a ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.ui.background import FOLLOWED, Background, Job, follow
from core.ui.bind import take
from core.ui.explorer.drawing import picked_entity
from core.ui.text import duration, plain

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.masked import Masked
    from core.explain.whole_trial import Trial

LOOK = {
    "faithful": ("green", ":material/verified:"),
    "not faithful": ("red", ":material/cancel:"),
    "knows no network": ("gray", ":material/tag:"),
    "cannot be told": ("gray", ":material/help:"),
}
Key = tuple[object, ...]
PASSES = 3000
"""Evaluations of the network a trial takes, about."""
HELP = {
    "deletion": "Area under the curve while groups are masked in the ranking's order; a good ranking makes it small.",
    "deletion_z": "Standard deviations of 20 random orders by which the area is smaller than theirs.",
    "insertion": "Area while groups are added back to the baseline; a good ranking makes it large.",
    "insertion_z": "Standard deviations by which that area is larger than that of random orders.",
    "deleted_z": "The same as taking away, but the graph loses the groups: normalisation, softmax and pooling follow.",
    "correlation": "Faithfulness correlation: summed importance of random 5% subsets with what taking each away does.",
    "infidelity": "Mean squared error of those sums, by the mean square of what taking away does; 0 is perfect, 1 is as bad as saying 0.",
    "fid_plus": "Change of the prediction without the top 10%, by the whole effect; large is good.",
    "fid_minus": "Change with the top 10% alone; small is good.",
    "characterization": "Harmonic mean of fidelity+ and 1 - fidelity-.",
    "robust_plus": "Change per explained group when each goes with chance .1 (50 draws).",
    "robust_minus": "The same for the other groups; a good ranking has a larger first number.",
    "sensitivity": "Largest relative change of the ranking when the mask moves by up to .02 (10 draws).",
    "gini": "0: all alike; towards 1: one alone.",
    "effective": "Effectively how many groups the ranking names.",
}
WORDED = {
    "deletion": "area, taken away",
    "deletion_z": "z, taken away",
    "insertion": "area, added",
    "insertion_z": "z, added",
    "deleted": "area, deleted",
    "deleted_z": "z, deleted",
    "fid_plus": "fidelity+",
    "fid_minus": "fidelity-",
    "robust_plus": "robust+",
    "robust_minus": "robust-",
    "effective": "effectively",
}


@st.cache_resource(max_entries=1, show_spinner=False)
def trials() -> Background[Key, Trial]:
    """Trials made or being made; a method that was attributed by groups joins those that always stand trial."""
    return Background(24)


def badge(key: Key, ranking: str) -> None:
    """What the trial said of a ranking that is shown, or that there was none."""
    trial = trials().result(key)
    if trial is None or ranking not in trial.values:
        st.badge("not on trial yet", icon=":material/gavel:", color="gray")
        return
    verdict, why = trial.judged(ranking)
    colour, icon = LOOK[verdict]
    st.badge(plain(f"{verdict}: {why}"[:120]), icon=icon, color=colour)  # type: ignore[arg-type]


def standing(function: Key, rankings: Sequence[str]) -> None:
    """What trials said of rankings shown elsewhere, a badge for each.

    Args:
        function: what the masked function follows from: a key without the method that was attributed.
    """
    from core.explain.trial import WORDS

    trial = trials().find(lambda key: key[:-1] == function)
    told = [name for name in rankings if trial is not None and name in trial.values]
    if trial is None or not told:
        st.badge("these rankings are not on trial yet: open Explain", icon=":material/gavel:", color="gray")
        return
    with st.container(horizontal=True):
        for name in told:
            verdict, why = trial.judged(name)
            colour, icon = LOOK[verdict]
            st.badge(plain(f"{WORDS.get(name, name)} {verdict}: {why}"[:120]), icon=icon, color=colour)  # type: ignore[arg-type]


def draw(
    key: Key,
    function: Masked,
    prepare: Callable[[], Callable[[Job], Trial]],
    *,
    prefix: str,
    pick: Callable[[str], None],
    words: Mapping[str, str] | None = None,
) -> None:
    """The trial, or the button that begins it.

    Args:
        key: what it follows from. prepare: fetches in the session what it needs, and gives the work.
        prefix: makes an entity of a group's name; pick: selects one; words: what groups are called who are not called by their own name.
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
            help=FOLLOWED,
        )
        seconds = 6 + PASSES * (0.003 + 1.2e-6 * len(function))
        st.caption(
            "Parts are masked, deleted and added back in the order of each ranking and of 20 random ones; weights are drawn anew; "
            f"gates are exchanged. About {PASSES:,} evaluations of the network, {duration(seconds)} on two cores."
        )
        return
    _shown(trial, function, prefix, pick, words or {})


def _start(key: Key, prepare: Callable[[], Callable[[Job], Trial]]) -> None:
    trials().start(key, prepare())


def _shown(trial: Trial, function: Masked, prefix: str, pick: Callable[[str], None], words: Mapping[str, str]) -> None:
    from core.explain.trial import WORDS

    with st.container(border=True, key="explain_verdict"):
        st.markdown(plain(trial.sentence()))
        if trial.skill is not None:
            st.caption(plain(trial.skill.sentence))
    table = trial.table.assign(ranking=lambda t: t["ranking"].map(lambda name: WORDS.get(name, name)))
    st.table(table[["ranking", "verdict", "why"]].map(plain).set_index("ranking"))  # its cells wrap
    names = ["Curves", "Side by side", "Faithfulness", "Controls", "Agreement", *(["Gates"] if trial.gates is not None else [])]
    curves, side, tests, controls, agreement, *gates = st.tabs(names)
    with curves:
        _curves(trial, function)
    with side:
        _side_by_side(trial, prefix, pick, words)
    with tests:
        _tests(table)
    with controls:
        _controls(trial)
    with agreement:
        _agreement(trial)
    for tab in gates:
        assert trial.gates is not None
        with tab:
            st.table(trial.gates.table.map(lambda cell: plain(str(cell))).set_index(trial.gates.table.columns[0]))
            st.caption("Gates are held at other values while all else follows. Gates are factors inside the network, not proof of what it relies on.")
    text = trial.table.to_csv(index=False)
    how = "One row per ranking: verdict and reason, areas and z scores, and its figure in each test of faithfulness."
    st.download_button("Trial, CSV", text, "trial.csv", "text/csv", on_click="ignore", icon=":material/download:", help=how)
    st.caption(
        "Faithful: masking in the ranking's order moves the prediction sooner than 20 random orders both ways (z above 2), the ranking adds up "
        "where it claims to, changes with the weights, and the network knows what it predicts. This says what the network does when "
        f"{trial.level}s are masked; it says nothing of biology. These curves favour occlusion by construction."
    )


def _curves(trial: Trial, function: Masked) -> None:
    from core.explain.trial import WORDS
    from core.viz.plots import alt_text
    from core.viz.trial_plots import curve_plot

    ways = [("masked", trial.rankings.deletion, f"{trial.level.capitalize()}s masked"), ("added", trial.rankings.insertion, "Added to the baseline")]
    if trial.deletion is not None:
        ways.append(("deleted", trial.deletion, f"{trial.level.capitalize()}s deleted from the graph"))
    way = st.segmented_control(
        "Curve",
        [name for name, _, _ in ways],
        default="masked",
        required=True,
        key="explain_way",
        label_visibility="collapsed",
        help="Parts masked, added back to the baseline, or deleted from the graph, in the order of each ranking.",
    )
    moved, found, title = next(one for one in ways if one[0] == way)
    figure = curve_plot(found, WORDS, title=title, moved=moved, target=function.target)
    st.plotly_chart(figure, key=f"explain_curves_{moved}", alt=alt_text(figure))
    st.caption(
        "Masked: what stands around a part stays, and so do normalisation and softmax. Deleted: they are those of the graph that is left. "
        "The grey band is 20 random orders."
    )


def _side_by_side(trial: Trial, prefix: str, pick: Callable[[str], None], words: Mapping[str, str]) -> None:
    from core.explain.trial import WORDS
    from core.viz.plots import alt_text
    from core.viz.trial_plots import methods_map

    figure = methods_map(trial.values, WORDS, level=trial.level, prefix=prefix, called=words)
    event = st.plotly_chart(figure, key="explain_side", on_select="rerun", selection_mode="points", alt=alt_text(figure))
    take(picked_entity(event) or None, "explain_side", pick)
    st.caption(
        f"The {trial.level}s that any ranking puts first, every ranking by its own largest absolute value; red raises and blue lowers the target "
        "where a ranking has signs."
    )


def _tests(table: pd.DataFrame) -> None:
    shown = [name for name in ("ranking", "deletion_z", "insertion_z", "deleted_z", *HELP) if name in table]
    shown = list(dict.fromkeys(shown))
    config = {name: st.column_config.NumberColumn(WORDED.get(name, name), format="%.3g", help=HELP.get(name)) for name in shown[1:]}
    st.dataframe(table[shown], hide_index=True, column_config=config, alt="Every ranking with its scores in each test of faithfulness")
    st.caption("By absolute value; infidelity only of rankings in the target's unit. Empty where a test cannot be asked of a ranking.")


def _controls(trial: Trial) -> None:
    from core.explain.trial import WORDS
    from core.viz.plots import alt_text
    from core.viz.trial_plots import drawn_anew_plot

    if trial.randomisation is None:
        st.caption("This target has no counterpart in another network, so no other network can be asked.")
        return
    figure = drawn_anew_plot(trial.randomisation, WORDS)
    st.plotly_chart(figure, key="explain_drawn", alt=alt_text(figure))
    st.caption("A ranking that stays the same when weights are drawn anew from the top follows from the graph and the features, not from training.")
    if trial.control:
        listed = ", ".join(f"{WORDS.get(name, name)} {value:.2f}" for name, value in trial.control_alike.items())
        st.markdown(plain(f"Rank correlation with the rankings of {trial.control}, trained on shuffled labels: {listed}."))
    assert trial.stability is not None
    if int(trial.stability["seeds"].iloc[0]) < 2:
        st.caption("This network has one seed: how stable its rankings are over seeds cannot be told.")
    else:
        rows = trial.stability.assign(method=trial.stability["method"].map(lambda name: WORDS.get(name, name)))
        number = st.column_config.NumberColumn
        st.dataframe(
            rows,
            hide_index=True,
            column_config={
                "spearman": number("rank correlation", format="%.2f", help="Mean over pairs of seeds."),
                "jaccard": number("top 20 shared (Jaccard)", format="%.2f"),
            },
            alt="How alike the rankings of different seeds are",
        )


def _agreement(trial: Trial) -> None:
    from core.explain.trial import WORDS
    from core.viz.plots import alt_text
    from core.viz.trial_plots import agreement_plot

    figure = agreement_plot(trial.agreement, WORDS)
    st.plotly_chart(figure, key="explain_alike", alt=alt_text(figure))
    st.caption("Two methods that agree need not be right; two that disagree cannot both be.")
