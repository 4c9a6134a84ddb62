"""How well every score ranks the measurement: the table with intervals, the intervals drawn, precision and recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ui import data
from core.ui.background import follow
from core.ui.measurements import data as measured
from core.ui.measurements.data import Asked
from core.ui.text import duration, plain

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.measured_ranking import Comparison

METRICS = {"auroc": "AUROC", "ap": "Average precision", "spearman": "Spearman"}
DRAWN = 6
"""Curves drawn before others are chosen."""


def computing(asked: Asked, comparison: Comparison) -> None:
    """The offers to compute what takes longer: FBA's references, and each network's own knock-outs.

    What was finished after ``comparison`` was made and before this is drawn is nobody's to tell any more, so that the page starts again.
    """
    from core.explain.flux_references import estimated_seconds

    given, key = asked.given, measured.references_key_of(asked.given)
    if measured.references().job(key) is not None:
        follow(measured.references(), key, "measurements_fba")
    elif measured.known_references(given) is None:
        wait = duration(max(1.0, estimated_seconds(data.tables(given.model, given.model_objective))))
        if st.button(
            f"Compute the FBA references, about {wait}",
            type="primary",
            icon=":material/play_arrow:",
            key="measurements_fba",
            help="Every gene's and reaction's knock-out, pFBA and flux variability on this medium; kept for the next visit.",
        ):
            measured.start_references(given)
            st.rerun()
    elif comparison.manifest["references"] is None:
        st.rerun()
    for name in asked.networks:
        screen = measured.screen_key(asked, name)
        if measured.screens().job(screen) is not None:
            follow(measured.screens(), screen, f"measurements_screen_{name}")
        elif measured.screens().result(screen) is not None:
            if name not in comparison.manifest["predicted"]:
                st.rerun()
        elif st.button(
            f"Predict every knock-out with {name}",
            icon=":material/play_arrow:",
            key=f"measurements_screen_{name}",
            help="Its own growth prediction without each gene (or reaction), by every seed of an ensemble; a minute or more at genome scale.",
        ):
            measured.start_screen(asked, name)
            st.rerun()


def draw(asked: Asked, comparison: Comparison) -> None:
    """The panel."""
    from core.explain.measured_ranking import MEANING, verdicts
    from core.viz import measurement_plots as plots

    omics = "essential" not in comparison.scores
    shown = ["spearman"] if omics else list(METRICS)
    st.dataframe(
        _for_reading(comparison.table, shown), hide_index=True, column_config=_columns(shown), alt="Scores and how well they rank the measurement"
    )
    unit = "gene" if comparison.targets.level == "gene" else "reaction"
    kept = "" if omics else f" AUROC of chance .5, average precision of chance {comparison.prevalence:.3f} (the share of essential {unit}s)."
    of = "the size of the change or amount" if omics else "the measurement"
    st.caption(
        plain(
            f"Intervals: 95%, percentiles of {comparison.manifest['bootstrap']['draws']:,} bootstrap draws"
            f"{' with the share of essential ' + unit + 's kept' if not omics else ''}.{kept} Spearman's correlation is with {of}."
            + (f" A {unit}'s score is the maximum over its reactions, but for knock-outs." if unit == "gene" else "")
        )
    )
    if not omics and comparison.prevalence in (0.0, 1.0):
        st.info(
            f"Every {unit} that was measured is {'essential' if comparison.prevalence else 'not essential'}, so nothing can be ranked above the rest."
        )
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in verdicts(comparison)))
    st.caption("A score that ranks the measurement well is plausible; whether the network itself relies on those reactions is another question.")
    with st.expander("What each score is"):
        st.markdown("\n".join(f"- **{plain(name)}**: {plain(what)}" for name, what in MEANING.items()))
    left, right = st.columns(2)
    with left:
        metric = shown[0]
        if len(shown) > 1:
            metric = st.segmented_control(
                "Metric",
                shown,
                format_func=METRICS.__getitem__,
                default=metric,
                required=True,
                key="measurements_metric",
                help="AUROC, average precision or Spearman's correlation, with bootstrap intervals.",
            )
        chance = {"auroc": 0.5, "ap": comparison.prevalence, "spearman": 0.0}[str(metric)]
        _plot(plots.interval_plot(comparison.table, str(metric), chance=chance), "intervals")
    if not omics:
        with right:
            _curves(comparison)


def _curves(comparison: Comparison) -> None:
    from core.explain.measured_ranking import recall_curves
    from core.viz import measurement_plots as plots

    names = comparison.labels
    chosen = st.multiselect(
        "Curves", names, default=names[:DRAWN], key=f"measurements_curves_{len(names)}", help="The scores whose precision-recall curves are drawn."
    )
    curves = recall_curves(comparison, chosen)
    if curves:
        _plot(plots.precision_recall_plot(curves, prevalence=comparison.prevalence), "recall")
    elif chosen:
        st.info("Precision and recall need essential and non-essential genes; all that were measured are of one kind.")
    else:
        st.info("Choose at least one score to draw its curve.")


def _for_reading(table: pd.DataFrame, metrics: list[str]) -> pd.DataFrame:
    """The table with each interval as one text."""
    shown = table[["score"]].assign(of=table["source"])
    for metric in metrics:
        shown[metric] = table[metric]
        seeded = list(zip(table[f"{metric}_seed_mean"], table[f"{metric}_seed_sd"], strict=True))
        shown[f"{metric}_interval"] = [
            f"{low:.3f} to {high:.3f}" if low == low else "not defined"
            for low, high in zip(table[f"{metric}_low"], table[f"{metric}_high"], strict=True)
        ]
        if table[f"{metric}_seed_sd"].notna().any():
            shown[f"{metric}_seeds"] = [f"{mean:.2f} ± {sd:.2f}" if sd == sd else "" for mean, sd in seeded]
    shown["n"] = table["n"]
    return shown


def _columns(metrics: list[str]) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    found: dict[str, Any] = {"n": number("n", help="genes or reactions that have this score and were measured")}
    for metric in metrics:
        found[metric] = number("AP" if metric == "ap" else METRICS[metric], format="%.3f", help=METRICS[metric])
        found[f"{metric}_interval"] = st.column_config.TextColumn("95% interval", help="Over genes or reactions, of the network that is shown")
        found[f"{metric}_seeds"] = st.column_config.TextColumn("over seeds", help="Mean and standard deviation over the networks of the ensemble")
    return found


def _plot(figure: object, name: str) -> None:
    from core.viz.plots import alt_text

    st.plotly_chart(figure, key=f"measurements-{name}", alt=alt_text(figure))  # type: ignore[arg-type]
