"""Biology as the judge on the page: what the network's growth leans on beside what FBA needs, kept apart from whether a ranking is faithful."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import data, kinetics
from core.ui.background import FOLLOWED, Background, Job, follow
from core.ui.bind import clicked_row, take
from core.ui.explain.data import GROWTH, Asked
from core.ui.explain.shown import METHODS
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.ui.text import duration, plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.attribution import Attribution
    from core.explain.flux_references import References
    from core.explain.judged_by_fba import Judged
    from core.explain.masked import Masked

WORDS = {"occlusion": "occlusion (masked)", "knockout": "own knock-out (closed)"}
LISTED = 200
SMALL_EFFECT = 0.25
"""Share of the prediction below which F(1) - F(0) makes shares of it look large."""
Key = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Screen:
    """All reactions that count, judged; what may be so where FBA and the network disagree; how well each ranking agrees."""

    judged: Judged
    references: References
    hypotheses: pd.DataFrame
    agreement: pd.DataFrame


@st.cache_resource(max_entries=1, show_spinner=False)
def screens() -> Background[Key, Screen]:
    """Screens made or being made, by what the masked function follows from."""
    return Background(12)


def draw(asked: Asked, function: Masked, found: Attribution, view: ViewState) -> None:
    """The numbers of the selected reaction, and the comparison of all reactions or the button that begins it."""
    st.subheader("Biology as the judge: plausibility", anchor=False)
    if asked.target != GROWTH or asked.against:
        st.caption("FBA knock-outs judge growth under one condition: explain growth, less nothing, to compare with them.")
        return
    st.caption(
        "Does the network's growth lean on what flux balance analysis needs? This is plausibility, not faithfulness: a ranking may be true of the "
        "network and biologically wrong, or the other way round. Nor is agreement independent evidence, where a network was trained on FBA "
        "with knock-outs."
    )
    screen = screens().result(asked.function)
    selected = (view.selection or "").removeprefix("rxn:") if (view.selection or "").startswith("rxn:") else ""
    try:
        _selected(asked, function, selected, screen)
    except InputError as error:
        st.error(plain(str(error)))
        return
    if screen is not None:
        _shown(screen, asked, function, found, selected)
    elif screens().job(asked.function) is not None:
        follow(screens(), asked.function, "explain_judge")
    else:
        _offer(asked, function, found)


def _selected(asked: Asked, function: Masked, reaction: str, screen: Screen | None) -> None:
    if reaction not in data.tables(asked.given.model, asked.given.model_objective).reactions:
        st.caption("Select a reaction, by a bar, a dot or the search, to see what growth loses without it, three ways.")
        return
    judged = (
        screen.judged
        if screen is not None and (screen.judged.table["reaction"] == reaction).any()
        else _one(function, asked, reaction, asked.function)
    )
    row = judged.table.set_index("reaction").loc[reaction]
    st.markdown(f"**Growth without {plain(reaction)}**: {row['quadrant']}")
    masks, bounds, flux = st.columns(3)
    masks.metric("Network, messages masked", _lost(float(row["ablation_share"])), help="Of F(1) - F(0): everything else stays, its bounds too.")
    kept = "The network's own knock-out, as for a condition: its bounds and all that follows from them."
    bounds.metric("Network, bounds closed", _lost(1 - float(row["network_ratio"])), help=kept)
    flux.metric("FBA knock-out", _lost(1 - float(row["fba_ratio"])), help="The best growth with this reaction knocked out, solved by HiGHS.")
    st.caption(
        plain(
            f"With the messages of {reaction} masked the network predicts {judged.ends[0] - row['ablation']:.3f} 1/h instead of "
            f"{judged.ends[0]:.3f}, without any messages {judged.ends[1]:.3f}; with its bounds closed {_kept(float(row['network_ratio']))} of the "
            f"prediction; by FBA {judged.growth - row['fba_lost']:.3f} 1/h grow instead of {judged.growth:.3f}."
        )
    )
    if screen is not None and (said := screen.hypotheses.loc[screen.hypotheses["reaction"] == reaction, "hypothesis"]).size:
        st.markdown(f"Hypothesis: {plain(said.iloc[0])}")


def _lost(share: float) -> str:
    if share != share:
        return "cannot be told"
    return "nothing lost" if abs(share) < 0.0005 else f"{abs(share):.1%} {'lost' if share > 0 else 'gained'}"


def _kept(ratio: float) -> str:
    return "an unknown share" if ratio != ratio else f"{ratio:.1%}"


@st.cache_resource(max_entries=64, show_spinner="Knocking out the reaction ...")
def _one(_function: Masked, _asked: Asked, reaction: str, key: Key) -> Judged:
    """The numbers of one reaction."""
    from core.explain.judged_by_fba import judged_by_fba

    given = _asked.given
    return judged_by_fba(
        data.tables(given.model, given.model_objective),
        data.checkpoint(_asked.network),
        [reaction],
        masked=_function,
        kinetics=kinetics.stored(given.kinetics) if given.kinetics else None,
        device=_asked.where,
        **given.condition(),
    )


def _offer(asked: Asked, function: Masked, found: Attribution) -> None:
    from core.explain.judged_by_fba import counted

    st.button(
        "Compare all reactions with FBA",
        type="primary",
        icon=":material/balance:",
        on_click=_start,
        args=(asked, function, found),
        key="explain_compare",
        help=FOLLOWED,
    )
    count = len(counted(data.tables(asked.given.model, asked.given.model_objective)))
    st.caption(
        f"Knocks out {count:,} reactions with a gene rule by FBA and in the network, and masks each: "
        f"{duration(max(1.0, sum(_seconds(asked, function).values())))} on two cores."
    )


def _seconds(asked: Asked, function: Masked) -> dict[str, float]:
    """How long each part takes, about."""
    from core.explain.flux_references import estimated_seconds
    from core.explain.judged_by_fba import CLOSED, FBA, MASKED, counted

    tables = data.tables(asked.given.model, asked.given.model_objective)
    count, size = len(counted(tables)), len(function)
    return {
        "references": estimated_seconds(tables),
        FBA: 0.0,
        CLOSED: count * (0.002 + 2.4e-6 * size),
        MASKED: count * (0.002 + 1.5e-6 * size),
        "agreement": 1.0 + 1e-3 * count,
    }


def _start(asked: Asked, function: Masked, found: Attribution) -> None:
    given, seconds = asked.given, _seconds(asked, function)
    tables, network, factors = data.tables(given.model, given.model_objective), data.checkpoint(asked.network), data.importance(given, asked.network)
    known = kinetics.stored(given.kinetics) if given.kinetics else None
    gradients = found if found.method == "integrated_gradients" and found.whole else None

    def run(job: Job) -> Screen:
        from core.explain.flux_references import flux_references
        from core.explain.judged_by_fba import agreement_with_knockouts, hypotheses, judged_by_fba
        from core.explain.trial import reaction_rankings

        condition, told = given.condition(), _progress(job, seconds)
        references = flux_references(
            tables, on_progress=lambda what, *counts: told("references", *counts, words=f"FBA, {what}"), should_stop=job.stopped, **condition
        )
        judged = judged_by_fba(
            tables, network, masked=function, kinetics=known, device=asked.where, on_progress=told, should_stop=job.stopped, **condition
        )
        told("agreement", 0, 1, words="rankings beside FBA")
        rows = judged.table.set_index("reaction")
        own = {"occlusion": rows["ablation"], "knockout": 1 - rows["network_ratio"]}
        agreed = agreement_with_knockouts(reaction_rankings(function, factors, gradients) | own, references.reactions, tables=tables)
        return Screen(judged, references, hypotheses(judged, references, tables), agreed)

    screens().start(asked.function, run)


def _progress(job: Job, seconds: Mapping[str, float]) -> Callable[..., None]:
    """Notes progress of parts that follow each other, each as long as it takes."""
    order, whole = list(seconds), sum(seconds.values())

    def told(part: str, done: int, total: int, words: str = "") -> None:
        passed = sum(seconds[one] for one in order[: order.index(part)]) + seconds[part] * done / max(1, total)
        job.told(f"{words or part}: {done:,} of {total:,}" if total > 1 else words or part, round(1000 * passed / whole), 1000)

    return told


def _shown(screen: Screen, asked: Asked, function: Masked, found: Attribution, selected: str) -> None:
    from core.explain.judged_by_fba import NEEDED, UNTOLD
    from core.viz.judge_plots import judge_scatter
    from core.viz.plots import alt_text

    judged = screen.judged
    with st.container(border=True, key="explain_judged"):
        st.markdown(plain(judged.sentence()))
    if function.effect < SMALL_EFFECT * abs(judged.ends[0]):
        brought = f"{function.effect:+.3g} of the {judged.ends[0]:.3g} 1/h that are predicted"
        st.warning(plain(f"All messages together bring only {brought}; shares of that look large."))
    figure = judge_scatter(judged.table, selected=selected or None)
    event = st.plotly_chart(figure, key="explain_judged_plot", on_select="rerun", selection_mode="points", alt=alt_text(figure))
    take(picked_entity(event) or None, "explain_judged_plot", select)
    counts = judged.counts
    with st.container(horizontal=True, gap="large"):
        for quadrant, count in counts.drop(UNTOLD).items():
            st.metric(str(quadrant), f"{count:,}", width="content")
    untold = f" {counts[UNTOLD]:,} cannot be told, as the solver failed." if counts[UNTOLD] else ""
    st.caption(
        f"The lines are at {NEEDED:.0%}: FBA needs a reaction without which it loses that much of its growth; the network leans on one that, with "
        f"its messages masked, costs that much of F(1) - F(0), with gates {asked.gates}. Masking is not closing: bounds stay.{untold}"
    )
    st.download_button(
        "All reactions, CSV",
        judged.table.to_csv(index=False),
        "judged_by_fba.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="explain_judged_csv",
        help="One row per reaction: what masking it costs, the share of growth that the network and FBA keep without it, and the quadrant.",
    )
    _hypotheses(screen.hypotheses)
    _agreement(screen, asked, function, found)


def _hypotheses(table: pd.DataFrame) -> None:
    st.markdown("**Where they disagree: hypotheses**")
    if table.empty:
        st.caption("FBA and the network disagree on no reaction.")
        return
    number = st.column_config.NumberColumn
    lost = {"masked": table["ablation_share"], "closed": 1 - table["network_ratio"], "fba": 1 - table["fba_ratio"]}
    shown = table[["reaction", "hypothesis", "quadrant"]].assign(**{name: (100 * share).round(1) + 0.0 for name, share in lost.items()}).head(LISTED)
    chosen = clicked_row(
        shown,
        "explain_hypotheses",
        height=420,
        row_height=96,
        column_config={
            "reaction": st.column_config.TextColumn(width=110),
            "hypothesis": st.column_config.TextColumn(width=640),
            "quadrant": st.column_config.TextColumn(width="small"),
            "masked": number("network, masked", format="%.1f%%", help="Share of F(1) - F(0) lost with its messages masked"),
            "closed": number("network, closed", format="%.1f%%", help="Share of the network's growth lost with its bounds closed"),
            "fba": number("FBA", format="%.1f%%", help="Share of FBA's growth lost with it knocked out"),
        },
        alt="Reactions on which FBA and the network disagree, each with a hypothesis",
    )
    take(None if chosen is None else f"rxn:{shown['reaction'].iloc[chosen]}", "explain_hypotheses", select)
    st.download_button(
        "Hypotheses, CSV",
        table.to_csv(index=False),
        "hypotheses.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="explain_hypotheses_csv",
        help="One row per disagreement: the sentence, the quadrant and the three shares it was written from.",
    )
    more = f" The first {LISTED} of {len(table):,}; the file has all." if len(table) > LISTED else ""
    st.caption(
        f"Written by rule from the three numbers, the gene rules and FBA: to be checked, not findings. First where closed bounds do not settle it. "
        f"Choose a row to read it above.{more}"
    )


def _agreement(screen: Screen, asked: Asked, function: Masked, found: Attribution) -> None:
    import pandas as pd

    from core.explain.trial import WORDS as RANKINGS

    st.markdown("**Rankings beside FBA's knock-outs**")
    table = screen.agreement
    if found.whole and found.method not in set(table["score"]) and found.level in (function.part, "reaction"):
        table = pd.concat([_row(screen, found, function, (*asked.function, found.method)), table], ignore_index=True)
    names = {**RANKINGS, **METHODS, **WORDS}
    table = table.sort_values("average_precision", ascending=False, kind="stable")
    number = st.column_config.NumberColumn
    ap = "Average precision for the essential reactions: 1 is perfect, chance is the share that is essential"
    st.dataframe(
        table.assign(score=table["score"].map(lambda name: names.get(name, name))),
        hide_index=True,
        column_order=[
            "score",
            "average_precision",
            "average_precision_low",
            "average_precision_high",
            "prevalence",
            "spearman",
            "spearman_low",
            "spearman_high",
        ],
        column_config={
            "score": st.column_config.TextColumn("ranking", width="medium"),
            "average_precision": number("average precision", format="%.3f", help=ap),
            "average_precision_low": number("from", format="%.3f", help="95% bootstrap interval over reactions"),
            "average_precision_high": number("to", format="%.3f"),
            "prevalence": number("chance", format="%.3f", help="Share of reactions that FBA needs: what a random order gives"),
            "spearman": number("Spearman", format="%.3f", help="With the growth FBA loses; 0 is chance"),
            "spearman_low": number("from", format="%.3f", help="95% bootstrap interval over reactions"),
            "spearman_high": number("to", format="%.3f"),
        },
        alt="Every ranking with its average precision and Spearman's correlation with FBA's knock-outs",
    )
    first = table.iloc[0]
    st.caption(
        f"{first['n']:,} reactions, of which {first['essential']:,} leave less than a hundredth of growth by FBA. By absolute value. The number of "
        "metabolites knows nothing of the network and is the one to beat, beside chance."
    )
    st.download_button(
        "Agreement, CSV",
        table.to_csv(index=False),
        "agreement_with_fba.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="explain_agreement_csv",
        help="One row per ranking: average precision and Spearman with 95% intervals, and how many reactions are essential.",
    )


@st.cache_resource(max_entries=24, show_spinner=False)
def _row(_screen: Screen, _found: Attribution, _function: Masked, key: Key) -> pd.DataFrame:
    """The agreement of a method that does not always stand beside the others."""
    from core.explain.judged_by_fba import agreement_with_knockouts

    return agreement_with_knockouts({_found.method: _found.at(_function, "reaction")}, _screen.references.reactions)
