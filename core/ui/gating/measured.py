"""The ablation that came with this release: questions and answers, figures, table, files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from core.train.ablation_report import MEASURES, Ablation, by_variant, group_of, verdict
from core.train.ablation_variants import REFERENCE
from core.ui import state
from core.ui.bind import bind
from core.ui.text import duration, plain
from core.viz.ablation_plots import differences_plot, iterations_plot, variants_plot
from core.viz.plots import alt_text

_MARKS = {
    "better": ":material/trending_up:",
    "worse": ":material/trending_down:",
    "no difference": ":material/trending_flat:",
    "one seed": ":material/question_mark:",
}
ALL = "Everything"
_SHORT = {
    "growth_r2": "Growth",
    "flux_r2_median": "Fluxes",
    "essentiality_ap": "Essential reactions",
    "nutrient_growth_r2": "Unseen nutrient (pyruvate)",
    "gene_growth_r2": "Unseen knock-outs",
    "both_growth_r2": "Unseen both",
}


def draw(found: Ablation) -> None:
    """What a group of variants says: questions and answers, then the figures behind them; below, everything as a table and as files."""
    _made(found)
    means = by_variant(found.table)
    every: list[dict[str, Any]] = found.summary["questions"]
    group = _choice("About", [*dict.fromkeys(map(group_of, every)), ALL], "gating.group", str, "Which questions, and the variants they compare.")
    questions = [q for q in every if group in (ALL, group_of(q))]
    answers_of(questions)
    for one in found.summary["findings"]:
        if group in (ALL, one["group"]):
            st.markdown(f"- {plain(one['sentence'])}")
    st.caption(
        "A difference to the right of 0 is an improvement. "
        f"The arrow is for growth: {_MARKS['better']} better, {_MARKS['worse']} worse, {_MARKS['no difference']} no difference that the seeds can "
        f"show. {len(every)} questions are asked in all, and one interval in twenty leaves zero out by chance: an answer that does not survive "
        "Holm's correction for that says so."
    )
    measure = _choice(
        "Measured on",
        [m for m in MEASURES if m in means and means[m].notna().any()],
        "gating.measure",
        _SHORT.__getitem__,
        "Which of the measured figures is drawn.",
    )
    named = {name for q in questions for name in (q["first"], q["second"])}
    left, right = st.columns(2)
    with left:
        _plot(variants_plot(found.table, means[means["variant"].isin(named)], measure, MEASURES[measure], reference=REFERENCE), "gating-variants")
    with right:
        _plot(differences_plot(questions, measure, MEASURES[measure]), "gating-differences")
    if group in (ALL, "Other networks"):
        _iterations(found, means)
    st.subheader("Every variant", anchor=False)
    table(means)
    _files(found, means)


def table(means: pd.DataFrame) -> None:
    """Means over seeds, one row per variant."""
    shown = [c for c in _columns() if c in means and means[c].notna().any()]
    st.dataframe(
        means[shown],
        hide_index=True,
        column_config=_columns(),
        height="content",
        alt=f"Means over seeds of {len(means)} variants: accuracy, gates, activations, size and time",
    )


def answers_of(questions: Sequence[Mapping[str, Any]]) -> None:
    """Each question with its sentence, marked by what the growth R2 shows."""
    for question in questions:
        pair = question["measures"].get("growth_r2")
        mark = _MARKS[verdict(pair)] if pair else ""
        st.markdown(f"{mark} **{plain(question['text'])}** {plain(question['sentence'])}")


def _made(found: Ablation) -> None:
    budget, summary = found.summary["budget"], found.summary
    st.caption(
        f"{budget['samples']:,} training, {budget['validation']:,} validation and {budget['test']:,} test conditions of {budget['distribution']}, "
        f"{budget['held_out']:,} of each held-out kind; {budget['steps']:,} steps of {budget['batch']} conditions for every network; hidden width "
        f"{budget['hidden']}, {budget['heads']} heads, {budget['layers']} layers; {len(found.table):,} trainings, {duration(summary['seconds'])} of "
        f"training in all, {summary['device']}, {summary['threads']} thread each. "
        "Intervals are 95% t intervals of the paired difference over seeds: how the chance of training moves it, not how the choice of conditions "
        "does."
    )


def _choice(label: str, options: list[str], setting: str, words: Callable[[str], str], help: str) -> str:
    """A row of choices, the first at first; part of the link."""
    wanted = state.current().settings.get(setting)
    key = bind(setting.replace(".", "_"), wanted if wanted in options else options[0])
    st.segmented_control(
        label,
        options,
        format_func=words,
        key=key,
        required=True,
        on_change=lambda: state.update(settings={setting: st.session_state[key]}),
        help=help,
    )
    return str(st.session_state[key])


def _iterations(found: Ablation, means: pd.DataFrame) -> None:
    rows: list[dict[str, Any]] = found.summary["iterations"]
    if not rows:
        return
    levels = means[means["variant"].isin(("primal-dual", REFERENCE))]
    learned = {str(title): float(growth) for title, growth in zip(levels["title"], levels["growth_r2"], strict=True)}
    left, right = st.columns([3, 2])
    with left:
        _plot(iterations_plot(rows, learned), "gating-iterations")
    with right:
        st.markdown(
            "Flux balance analysis is a linear programme, and the primal-dual method solves it by products with the stoichiometric matrix and its "
            "transpose alone: the message passes of the gated network. So a deep network can imitate the solver. Here is the method itself on the "
            "test conditions, with step sizes that theory gives; the network of the same iterations with learned steps, costs and gates is a row of "
            "the table."
        )
        st.dataframe(
            pd.DataFrame(rows)[["rule", "iterations", "growth_r2", "growth_error_median", "imbalance"]],
            hide_index=True,
            column_config=_columns(),
            alt="Growth by the plain primal-dual iteration after 10 to 3,000 iterations",
        )


def _files(found: Ablation, means: pd.DataFrame) -> None:
    flat = pd.DataFrame(
        [
            {"question": q["text"], "first": q["first"], "second": q["second"], "measure": measure, **pair}
            for q in found.summary["questions"]
            for measure, pair in q["measures"].items()
        ]
    )
    with st.container(horizontal=True, gap="small"):
        for label, what, name, make in (
            ("Every seed, CSV", "One row for each variant and seed, with every figure.", "ablation.csv", lambda: found.table.to_csv(index=False)),
            (
                "Variants, CSV",
                "One row per variant: every figure as the mean over its seeds, the accuracies with 95% intervals.",
                "ablation-variants.csv",
                lambda: means.to_csv(index=False),
            ),
            (
                "Questions, CSV",
                "One row for each question and accuracy: which two variants are compared, and their difference.",
                "ablation-questions.csv",
                lambda: flat.to_csv(index=False),
            ),
        ):
            st.download_button(label, make, name, "text/csv", on_click="ignore", icon=":material/download:", key=f"gating-{name}", help=what)
        manifest = json.dumps(dict(found.summary), indent=1)
        st.download_button(
            "Everything, JSON",
            manifest,
            "ablation.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
            key="gating-json",
            help="Budget, questions with their answers, findings and the command that made them; the figures of each seed are in the CSV.",
        )
    st.code(found.summary["command"], language="bash")


def _plot(figure: Any, key: str) -> None:
    st.plotly_chart(figure, key=key, alt=alt_text(figure), config={"displaylogo": False})


def _columns() -> dict[str, Any]:
    """Titles, formats and explanations, in the order of the table."""
    number = st.column_config.NumberColumn
    shares = {
        "zeroed": ("units zeroed", "Hidden units between a layer's two passes that are exactly 0, on 200 test conditions."),
        "negative_kept": ("negative kept", "Of the size of negative hidden units, the share the activation passes on."),
        "gate_closed": ("gates below 0.05", "Of all incidences, heads, layers and test conditions."),
    }
    return {
        "title": st.column_config.TextColumn("variant", width=270),
        "group": "group",
        "rule": st.column_config.TextColumn("step sizes", width="medium"),
        "iterations": number("iterations", format="localized"),
        "seeds": number("seeds"),
        **{m: number(title, format="%.3f") for m, title in MEASURES.items()},
        "growth_error_median": number("median growth error, 1/h", format="%.3f"),
        "imbalance": number("imbalance", format="%.3f", help="|S v| / |S||v| of predicted fluxes where the truth grows; 0 is steady state."),
        **{name: number(title, format="percent", help=help_) for name, (title, help_) in shares.items()},
        "gate_mean": number("mean gate", format="%.2f"),
        "growth_r2_shut": number("growth R², those at 0", format="%.3f", help="With every gate below 0.05 held at 0: masking."),
        "droppable": number("incidences closed", format="%.0f", help="In every layer, head and validation condition."),
        "growth_r2_masked": number("growth R², masked", format="%.3f", help="With those incidences masked."),
        "growth_r2_deleted": number("growth R², deleted", format="%.3f", help="With those incidences deleted from the hypergraph."),
        "parameters": number("parameters", format="localized"),
        "seconds_per_step": number("seconds a step", format="%.4f", help="Processor time of one training step on one thread."),
        "selected_epoch": number("epoch kept", format="%.1f", help="By validation; the mean over seeds."),
    }
