"""The page of attributions from top to bottom: what is explained, by which method, the ledger with the way down to single incidences, the ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import InputError
from core.ui import data, networks, state
from core.ui.background import Job
from core.ui.bind import bind, option_list, option_row
from core.ui.data import Given
from core.ui.explain import judge, ledger, trial
from core.ui.explain.data import (
    AGAINST,
    CONDITION,
    FEATURES,
    FROZEN,
    GATES,
    GROWTH,
    INCIDENCES,
    LEVEL,
    LEVELS,
    LIVE,
    METHOD,
    OF_GROUPS,
    OVER,
    OVERS,
    TARGET,
    WITHIN,
    Asked,
    inputs,
    masked,
    over_of,
    start,
    target_of,
    work,
)
from core.ui.explain.running import running
from core.ui.explain.shown import METHODS, Told, ranking, said, table
from core.ui.explorer import card
from core.ui.explorer.begin import begin
from core.ui.explorer.head import select
from core.ui.text import plain
from core.ui.view_state import SELECTION_KINDS, ViewState

if TYPE_CHECKING:
    from core.explain.attribution import Attribution
    from core.explain.whole_trial import Trial

REACTION = "reaction"
CHAINS = {INCIDENCES: ("subsystem", REACTION, "incidence"), FEATURES: ("side", "feature"), CONDITION: ("side", "part")}
"""Levels of the ledger."""
PREFIX = {"subsystem": "sub:", "reaction": "rxn:", "metabolite": "met:", "gene": "gene:"}
"""Entities of the levels' groups; a part of a condition is one itself."""
NOTES = {
    INCIDENCES: "Gates {gates}. Masking a message is not deleting a reaction: normalisation and softmax stay.",
    FEATURES: "A masked feature is zero for all metabolites or reactions, which the network may never have met; bounds stay.",
    CONDITION: "A masked reaction or metabolite has the features and bounds of the other condition ({against}): all together are the change.",
}


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view, given = begin("explain")
    method = _what(view, given)
    over = over_of(view)
    level = _levels(over, method)
    asked = Asked.of(view, given, method, level)
    try:
        function = masked(asked)
    except InputError as error:
        (st.info if over == CONDITION else st.error)(plain(str(error)))
        return
    for text in data.warnings(given, view.checkpoint):
        st.warning(plain(text), icon=":material/travel_explore:")
    found = work().result(asked)
    if found is None:
        found = running(asked, function, lambda: start(asked))
        if found is None:
            return
    said(function, found, note=NOTES[over].format(gates=asked.gates, against=asked.against))
    key = (*asked.function, found.method if found.level == REACTION and found.whole else "")
    if over == INCIDENCES:
        trial.badge(key, found.method)
    left, right = st.columns([7, 4])
    with left:
        if found.level == function.part and found.completeness is not None:
            ledger.draw(function, found, view, chain=CHAINS[over], setting=WITHIN, whole="the model", open_entry=_open)
        ranking(function, found, level, prefix=PREFIX.get(level, ""), select=_picked)
        if level in function.overlapping:
            st.caption("Genes share reactions: these sums overlap and do not add up to the prediction.")
    with right, st.container(border=True, key="detail-card"):
        finish = card.card(given, view)
    tried = (lambda: trial.trials().result(key)) if over == INCIDENCES else (lambda: None)
    card_of = data.checkpoint(asked.network)[1].content
    table(function, found, level, "metabolic", inputs(asked), Told(lambda: _about(asked), card_of, CHAINS[over][0], tried))
    if over == INCIDENCES:
        trial.draw(key, function, lambda: _judge(asked, found), prefix="rxn:", pick=select)
        judge.draw(asked, function, found, view)
    finish()


def _open(level: str, name: str) -> None:
    """Selects what an entry of the ledger stands for."""
    if level in ("subsystem", REACTION):
        select(f"{PREFIX[level]}{name}")
    elif level == "part":
        select(name)


def _picked(entity: str) -> None:
    """Selects what a bar stands for; features and sides are nothing that can be selected."""
    if entity.partition(":")[0] in SELECTION_KINDS:
        select(entity)


def _about(asked: Asked) -> dict[str, Any]:
    """What was asked, for the report."""
    given, solved = asked.given, data.fba(asked.given)
    return {
        "Model": data.tables(given.model, given.model_objective).id,
        "Medium": "the model's own" if given.medium is None else given.medium if isinstance(given.medium, str) else "edited: in the manifest",
        "Knock-outs": ", ".join(given.knockouts) or "none",
        "Objective": given.objective or "the model's own",
        "Network": asked.network,
        "Growth by the network (1/h)": data.importance(given, asked.network).prediction,
        "Growth by flux balance analysis (1/h)": solved.growth if solved.status == "optimal" else solved.status,
    }


def _judge(asked: Asked, found: Attribution) -> Callable[[Job], Trial]:
    from core.explain.whole_trial import control_of, reactions_on_trial

    function, factors = masked(asked), data.importance(asked.given, asked.network)
    network, *seeds = networks.ensemble(asked.network)
    name = control_of(network[1])
    control = (name, data.checkpoint(name)) if name else None

    def run(job: Job) -> Trial:
        given = {"target": asked.target, "found": found if found.whole else None, "seeds": seeds, "control": control}
        return reactions_on_trial(function, network, factors, **given, on_progress=job.counted, should_stop=job.stopped)  # type: ignore[arg-type]

    return run


def _what(view: ViewState, given: Given) -> str:
    """What is explained and by which method; returns the method."""
    with st.container(key="twos-asked"):
        target, how, parts, against, gates = st.columns([4, 4, 4, 4, 3], vertical_alignment="bottom")
    over = over_of(view)
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
    with parts:
        option_list(
            "Masked are", OVERS, OVER, words=OVERS.__getitem__, help="What is taken away in part: messages, kinds of knowledge, or the condition."
        )
    if over != FEATURES:
        with against:
            _against(view, given, over)
    if over == INCIDENCES:
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
        return option_list(
            "Method",
            METHODS,
            METHOD,
            words=METHODS.__getitem__,
            help="How the change of the prediction is shared out; the line below says what each method is.",
        )


def _against(view: ViewState, given: Given, over: str) -> None:
    """The other medium: taken off, or the baseline."""
    media = data.media(given.model, given.model_objective)
    other = str(view.settings.get(AGAINST) or "")
    medium = bind("explain_against", other if other in media else "")
    label, none, told = (
        ("Baseline: the same in", "choose a medium", "Everything that differs between the two conditions is masked part by part.")
        if over == CONDITION
        else (
            "Less the same in",
            "no other condition",
            "Explains the difference between this condition and the same with another medium, under one mask.",
        )
    )
    st.selectbox(
        label,
        ["", *media],
        format_func=lambda name: name or none,
        key=medium,
        on_change=lambda: state.update(settings={AGAINST: st.session_state[medium] or None}),
        help=told,
    )


def _levels(over: str, method: str) -> str:
    if over == INCIDENCES:
        return option_row(
            "Ranking of",
            OF_GROUPS.get(method, LEVELS[over]),
            LEVEL,
            help="The groups that are ranked: attributions of messages are summed over them.",
        )
    return option_row(
        "Ranking of", LEVELS[over], f"{LEVEL}.{over}", help="The groups that are ranked: attributions of messages are summed over them."
    )
