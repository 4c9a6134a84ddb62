"""The page of attributions from top to bottom: what is explained, by which method, the ledger with the way down to single incidences, the ranking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import data, state
from core.ui.bind import bind, option_list, option_row, take
from core.ui.data import Given
from core.ui.explain import ledger, trial
from core.ui.explain.data import AGAINST, FROZEN, GATES, GROWTH, LEVEL, LIVE, METHOD, OF_GROUPS, TARGET, Asked, masked, start, target_of, work
from core.ui.explain.running import running
from core.ui.explorer import card, condition
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.masked import Masked

METHODS = {
    "integrated_gradients": "integrated gradients",
    "saliency": "saliency",
    "input_x_gradient": "input x gradient",
    "occlusion": "occlusion",
    "shapley": "Shapley sampling",
    "deep_lift": "DeepLift",
    "noise_tunnel": "noise tunnel",
}
LEVELS = ("reaction", "metabolite", "subsystem", "gene", "incidence")
PREFIX = {"subsystem": "sub:", "reaction": "rxn:", "metabolite": "met:", "gene": "gene:", "incidence": ""}
"""Entities of the levels' groups."""
LISTED = 2000
_GOOD = "explain_good"


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view = state.current()
    condition.model_bar(view)
    given = Given.of(view)
    try:
        data.tables(given.model, given.model_objective)
        data.importance(given, view.checkpoint)
    except InputError as error:
        st.error(plain(str(error)))
        view = st.session_state.get(_GOOD, ViewState())
        given = Given.of(view)
    st.session_state[_GOOD] = view
    condition.condition_bar(view)
    method = _what(view, given)
    level = _levels(method)
    asked = Asked.of(view, given, method, level)
    try:
        function = masked(asked)
    except InputError as error:
        st.error(plain(str(error)))
        return
    for text in data.warnings(given, view.checkpoint):
        st.warning(plain(text), icon=":material/travel_explore:")
    found = work().result(asked)
    if found is None:
        found = running(asked, function, lambda: start(asked))
        if found is None:
            return
    _said(asked, function, found)
    trial.badge(asked, found)
    left, right = st.columns([7, 4])
    with left:
        if found.level == function.part and found.completeness is not None:
            ledger.draw(function, found, view)
        _ranking(function, found, level)
    with right, st.container(border=True, key="detail-card"):
        finish = card.card(given, view)
    _table(asked, function, found, level)
    trial.draw(asked, function, found)
    finish()


def _what(view: ViewState, given: Given) -> str:
    """What is explained and by which method; returns the method."""
    target, how, against, gates = st.columns([4, 4, 4, 3], vertical_alignment="bottom")
    tables = data.tables(given.model, given.model_objective)
    now = target_of(view, given)
    chosen = (view.selection or "").removeprefix("rxn:") if (view.selection or "").startswith("rxn:") else ""
    offered = list(dict.fromkeys([GROWTH, *([now] if now != GROWTH else []), *([chosen] if chosen in tables.reactions else [])]))
    key = bind("explain_target", now)

    def ask() -> None:
        typed = str(st.session_state[key]).strip()
        if typed == GROWTH or typed in tables.reactions:
            state.update(settings={TARGET: None if typed == GROWTH else typed})
        else:
            st.session_state["explain_unknown"] = typed

    target.selectbox(
        "Explain",
        offered,
        format_func=lambda name: "growth" if name == GROWTH else f"flux of {name}",
        key=key,
        on_change=ask,
        accept_new_options=True,
        help="Growth, or the flux of a reaction: type its id, or select it first. Both before the bounds hold them.",
    )
    media = data.media(given.model, given.model_objective)
    other = str(view.settings.get(AGAINST) or "")
    medium = bind("explain_against", other if other in media else "")
    against.selectbox(
        "Less the same in",
        ["", *media],
        format_func=lambda name: name or "no other condition",
        key=medium,
        on_change=lambda: state.update(settings={AGAINST: st.session_state[medium] or None}),
        help="Explains the difference between this condition and the same with another medium, under one mask.",
    )
    with gates:
        option_row(
            "Gates",
            [LIVE, FROZEN],
            GATES,
            help="Live: masking a message also changes the gates that read it. Frozen: the gates stay, so that the direct effect is left.",
        )
    if unknown := st.session_state.pop("explain_unknown", None):
        st.error(plain(f"{unknown[:60]} is no reaction of this model; type an id such as {tables.reactions[0]}, or growth."))
    with how:
        return option_list("Method", METHODS, METHOD, words=METHODS.__getitem__)


def _levels(method: str) -> str:
    offered = OF_GROUPS.get(method, LEVELS)
    return option_row("Ranking of", offered, LEVEL)


def _said(asked: Asked, function: Masked, found: Attribution) -> None:
    """The legend in words: what, by which method, from which baseline, and whether it adds up."""
    from core.explain.attribution import METHODS as TOLD
    from core.explain.attribution import judged

    st.caption(
        plain(
            f"{METHODS[asked.method].capitalize()}: {TOLD[asked.method]}. Target: {function.target} ({function.unit}), before the bounds hold it. "
            f"Baseline: {function.baseline}; gates {asked.gates}. Masking a message is not deleting a reaction: normalisation and softmax stay."
        )
    )
    if found.completeness is not None:
        told = found.completeness
        steps = f" with {found.settings['steps']} points on the way" if "steps" in found.settings else ""
        verdict = judged(told)
        (st.caption if verdict in ("good", "fair") else st.warning)(
            plain(f"Completeness: the sum misses {told['relative']:.2%} of F(1) - F(0) = {told['change']:+.4g} {function.unit}{steps}: {verdict}.")
        )
    if not found.whole:
        st.warning(f"Stopped after {found.done:,} of {found.total:,}: this is what is known so far.", icon=":material/hourglass_bottom:")


def _ranking(function: Masked, found: Attribution, level: str) -> None:
    from core.viz.attribution_plots import signed_bars
    from core.viz.plots import alt_text

    figure = signed_bars(
        found.at(function, level),
        level=level,
        title=f"The {level}s that carry most",
        unit=function.unit,
        prefix=PREFIX[level],
    )
    event = st.plotly_chart(figure, key="explain_ranking", on_select="rerun", selection_mode="points", alt=alt_text(figure))
    take(picked_entity(event) or None, "explain_ranking", select)
    if level in function.overlapping:
        st.caption("Genes share reactions: these sums overlap and do not add up to the prediction.")


def _table(asked: Asked, function: Masked, found: Attribution, level: str) -> None:
    values = found.at(function, level)
    table = values.rename("attribution").rename_axis(level).reset_index()
    table = table.reindex(table["attribution"].abs().sort_values(ascending=False, kind="stable").index).reset_index(drop=True)
    st.dataframe(
        table.head(LISTED),
        hide_index=True,
        height=320,
        column_config={"attribution": st.column_config.NumberColumn(f"attribution ({function.unit})", format="%.5g")},
        alt=f"Attribution of {function.target} by {level}, the largest first",
    )
    left, right, _ = st.columns([2, 2, 5])
    left.download_button(
        f"By {level}, CSV", table.to_csv(index=False), f"attribution_{level}.csv", "text/csv", on_click="ignore", icon=":material/download:"
    )
    told = json.dumps(manifest(asked, function, found), indent=1)
    right.download_button("Manifest, JSON", told, "attribution.json", "application/json", on_click="ignore", icon=":material/receipt_long:")


def manifest(asked: Asked, function: Masked, found: Attribution) -> dict[str, object]:
    """What an attribution follows from, and whether it adds up."""
    from core import __version__

    return {
        "gatescope": __version__,
        **function.about,
        "model": asked.given.model,
        "network": asked.network,
        "condition": asked.given.condition(),
        "against": asked.against or None,
        "target": function.target,
        "unit": function.unit,
        "baseline": function.baseline,
        "gates": asked.gates,
        "method": found.method,
        "level": found.level,
        "settings": found.settings,
        "done": found.done,
        "total": found.total,
        "completeness": found.completeness,
        "device": asked.where,
    }
