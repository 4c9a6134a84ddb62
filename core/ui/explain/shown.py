"""What both halves show of an attribution: the legend in words, the ranking, the table with its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ui import device
from core.ui.bind import take
from core.ui.explorer.drawing import picked_entity
from core.ui.text import plain

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked
    from core.explain.whole_trial import Trial
    from core.viz.report import Part

METHODS = {
    "integrated_gradients": "integrated gradients",
    "saliency": "saliency",
    "input_x_gradient": "input x gradient",
    "occlusion": "occlusion",
    "shapley": "Shapley sampling",
    "deep_lift": "DeepLift",
    "noise_tunnel": "noise tunnel",
}
LISTED = 2000


def said(function: Masked, found: Attribution, *, note: str) -> None:
    """The legend: what, by which method, from which baseline, and whether it adds up.

    Args:
        note: what masking is here.
    """
    from core.explain.attribution import METHODS as TOLD
    from core.explain.attribution import judged, without_slope

    what = f"{METHODS[found.method][0].upper()}{METHODS[found.method][1:]}: {TOLD[found.method]}."
    unit = f" ({function.unit})" if function.unit else ""
    st.caption(plain(f"{what} Target: {function.target}{unit}. Baseline: {function.baseline}. {note}"))
    if without_slope(found.method, found.values, function.effect):
        st.warning(
            "These values are rounding errors: with nothing masked the target has no slope, as at a maximum. "
            "Choose integrated gradients or occlusion."
        )
    if found.completeness is not None:
        told = found.completeness
        steps = f" with {found.settings['steps']} points on the way" if "steps" in found.settings else ""
        verdict = judged(told)
        change = f"{told['change']:+.4g}{f' {function.unit}' if function.unit else ''}"
        (st.caption if verdict in ("good", "fair") else st.warning)(
            plain(f"Completeness: the sum misses {told['relative']:.2%} of F(1) - F(0) = {change}{steps}: {verdict}.")
        )
    if not found.whole:
        st.warning(f"Stopped after {found.done:,} of {found.total:,}: this is what is known so far.", icon=":material/hourglass_bottom:")


def ranking(
    function: Masked,
    found: Attribution,
    level: str,
    *,
    prefix: str,
    select: Callable[[str], None],
    words: Mapping[str, str] | None = None,
) -> None:
    """Bars of the groups that carry most; one of them selects what it stands for.

    Args:
        prefix: makes an entity of a group's name. words: what groups are called, their names unless given.
    """
    from core.viz.attribution_plots import signed_bars
    from core.viz.plots import alt_text

    values, title = found.at(function, level), f"The {level}s that carry most"
    figure = signed_bars(values, level=level, title=title, unit=function.unit, prefix=prefix, words=words)
    event = st.plotly_chart(figure, key="explain_ranking", on_select="rerun", selection_mode="points", alt=alt_text(figure))
    take(picked_entity(event) or None, "explain_ranking", select)


@dataclass(frozen=True)
class Told:
    """What a half adds to the report: facts of what was asked, the network's card, the level its ledger begins with, the trial if there was one,
    figures of its own, and what groups are called. What takes a while is made when the report is."""

    about: Callable[[], Mapping[str, Any]]
    card: Mapping[str, Any]
    coarse: str
    trial: Callable[[], Trial | None]
    drawn: Callable[[], Sequence[Part]] = tuple
    words: Mapping[str, str] | None = None


def table(function: Masked, found: Attribution, level: str, half: str, inputs: Mapping[str, Any], report: Told) -> None:
    """All groups, the largest first, with their file, the manifest of all figures of the page and a report.

    Args:
        half: "metabolic" or "rna". inputs: what the masked function is made of, for the manifest. report: what the half adds to it.
    """
    from core.explain.manifest import explanation

    values = found.at(function, level)
    rows = values.rename("attribution").rename_axis(level).reset_index()
    rows = rows.reindex(rows["attribution"].abs().sort_values(ascending=False, kind="stable").index).reset_index(drop=True)
    unit = f" ({function.unit})" if function.unit else ""
    st.dataframe(
        rows.head(LISTED),
        hide_index=True,
        height=320,
        column_config={"attribution": st.column_config.NumberColumn(f"attribution{unit}", format="%.5g")},
        alt=f"Attribution of {function.target} by {level}, the largest first",
    )
    with st.container(key="twos-files"):
        left, right, last, _ = st.columns([2, 2, 2, 3])
    text, file = rows.to_csv(index=False), f"attribution_{level}.csv"
    how = f"One row per {level}, all of them, the largest first: its name and its attribution{unit}."
    left.download_button(f"By {level}, CSV", text, file, "text/csv", on_click="ignore", icon=":material/download:", help=how)
    told = explanation(function, found, level, half, inputs, shows=[file, *_figures(function, found, level)])
    right.download_button(
        "Manifest, JSON",
        json.dumps(told, indent=1, allow_nan=False),
        "attribution.json",
        "application/json",
        on_click="ignore",
        icon=":material/receipt_long:",
        help="All that is needed to compute these figures again: python -m core replay attribution.json",
    )

    def whole() -> str:
        from core.explain.reports import attribution_report

        shared: dict[str, Any] = {"card": report.card, "coarse": report.coarse, "words": report.words}
        return attribution_report(function, found, level, told, about=report.about(), trial=report.trial(), drawn=report.drawn(), **shared)

    last.download_button(
        "Report, HTML",
        device.kept(whole),
        "report.html",
        "text/html",
        on_click="ignore",
        icon=":material/description:",
        help="Figures, tables, trial, methods with references and manifest in one file that opens offline. Put the rankings on trial first to "
        "have the verdict in it.",
    )


def _figures(function: Masked, found: Attribution, level: str) -> list[str]:
    """The figures of the page that its manifest is of."""
    adds_up = found.level == function.part and found.completeness is not None
    return [f"ranking by {level}", *(["ledger"] if adds_up else []), *(["colours of the drawing"] if function.part == "base" else [])]
