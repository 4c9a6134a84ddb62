"""What stands between the condition and the drawing: growth by FBA and by the network, search, warnings."""

from __future__ import annotations

import math

import streamlit as st

from core.ui import data, state
from core.ui.bind import bind
from core.ui.data import Given
from core.ui.text import plain
from core.ui.view_state import ViewState

NO_GROWTH = 1e-6
SHOWN_PARTS = 3
"""How many uptakes are named beside the growth they bring."""


def network_growth(given: Given, view: ViewState, *, spread: bool = False) -> None:
    """The network's prediction and how good it is on held-out conditions; with ``spread`` also its standard deviation over seeds."""
    found = data.importance(given, view.checkpoint)
    test = data.checkpoint(view.checkpoint)[1].content["test"]
    over_seeds = data.seed_spread(given, view.checkpoint) if spread else None
    count = data.seeds(view.checkpoint)
    said = f"{count} networks were trained from other seeds; ± is their standard deviation." if count > 1 else "A single network: no error bar."
    st.metric(
        "Growth, network",
        f"{found.prediction:.3f} /h",
        delta=f"± {over_seeds.growth_sd:.3f} /h ({over_seeds.seeds} seeds)" if over_seeds else None,
        delta_color="off",
        delta_arrow="off",
        help=f"What the network predicts, not a measurement. {said} "
        f"Held out: growth R² {test['growth_r2']:.3f}, median flux R² {test['flux_r2_median']:.3f}.",
    )
    if "growth_brought" in found.table:
        parts = found.table.set_index("reaction")["growth_brought"]
        largest = parts[parts.abs().nlargest(SHOWN_PARTS).index]
        st.caption(plain("From " + ", ".join(f"{r} {v:+.2f}" for r, v in largest.items() if abs(v) >= 0.005)))


def fba_growth(given: Given) -> None:
    """Growth by FBA with its status."""
    solved = data.fba(given)
    shown = "none" if math.isnan(solved.growth) else f"{solved.growth:.3f} /h"
    how = f"The largest value of the objective under this condition: flux balance analysis, solved by HiGHS. Solver status: {solved.status}."
    st.metric("Growth, FBA", shown, help=how)


def fba_trouble(given: Given) -> None:
    """Why nothing grows, when nothing does."""
    solved = data.fba(given)
    if solved.status == "optimal" and solved.growth > NO_GROWTH:
        return
    tables = data.tables(given.model, given.model_objective)
    what = "No flux distribution satisfies this condition (FBA is infeasible)" if solved.status == "infeasible" else "FBA finds no growth here"
    if solved.status not in ("infeasible", "optimal"):
        what = f"FBA gave no answer (solver status: {solved.status})"
    lacking = data.missing(given)
    if lacking:
        from core.metabolic import nutrient_name

        names = ", ".join(f"{nutrient_name(tables, r)} ({r})" for r in lacking)
        st.warning(plain(f"{what}. Missing from the medium: {names}."), icon=":material/block:")
    elif given.knockouts:
        st.warning(plain(f"{what}, whatever the medium: the knock-outs ({', '.join(given.knockouts)}) are the cause."), icon=":material/block:")
    else:
        st.warning(plain(f"{what}, even with every uptake open."), icon=":material/block:")


def search(view: ViewState) -> None:
    """Finds an entity and selects it."""
    key = bind("explorer_search", view.search or "")

    def ask() -> None:
        state.update(search=st.session_state[key].strip()[:100] or None)

    st.text_input(
        "Find",
        key=key,
        on_change=ask,
        placeholder="PFK, pyruvate, pfkA, b3916, 2.7.1.11, R00756 ...",
        help="Reaction, metabolite or gene by id, name, gene symbol or locus, EC number, KEGG or BiGG identifier.",
    )
    if not view.search:
        return
    hits = data.index(view.model, Given.of(view).model_objective).find(view.search)
    if not hits:
        st.caption(plain(f"Nothing in this model is called {view.search}."))
        return
    names = {h.entity: _hit(h.entity, h.name, h.matched) for h in hits}
    picks = bind("explorer_hits", None)

    def take() -> None:
        if st.session_state[picks]:
            select(st.session_state[picks])

    st.pills(
        "Found",
        list(names),
        format_func=names.__getitem__,
        key=picks,
        on_change=take,
        label_visibility="collapsed",
        help="What the search found; one of them selects it.",
    )


def _hit(entity: str, name: str, matched: str) -> str:
    kind, _, identifier = entity.partition(":")
    extra = "" if matched in (identifier.lower(), name.lower()) else f" [{matched}]"
    word = {"rxn": "reaction", "met": "metabolite", "gene": "gene"}[kind]
    return plain(f"{word} {identifier}" + (f": {name[:40]}" if name and name != identifier else "") + extra)


def select(entity: str | None) -> None:
    """Makes an entity the selection; from an overview of pathways a reaction or metabolite is shown in its neighbourhood."""
    view = state.current()
    changes: dict[str, object] = {"selection": entity}
    if entity and entity.startswith("sub:"):
        changes |= {"view": "pathway", "subsystem": entity.removeprefix("sub:")}
    elif entity and entity.startswith(("rxn:", "met:")) and view.view == "overview" and not is_small(view):
        changes["view"] = "neighbourhood"
    state.update(**changes)


def is_small(view: ViewState) -> bool:
    """Whether the whole network fits one readable drawing."""
    return len(data.tables(view.model, Given.of(view).model_objective).reactions) <= 150
