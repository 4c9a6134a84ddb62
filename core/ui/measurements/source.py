"""The bar at the top: which file, which of its columns mean what, on which medium it was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import data, state
from core.ui.bind import bind
from core.ui.data import Given
from core.ui.explorer.condition import OWN
from core.ui.measurements import data as measured
from core.ui.popover import done, popover
from core.ui.text import plain
from core.ui.view_state import MAX_TEXT, ViewState

if TYPE_CHECKING:
    from core.explain.measurement_file import Choice, Sheet
    from core.explain.measurements import Measurement, Targets

LOAD = "measurements_load"
ELSEWHERE = "another medium, or not known"
USUAL = "aerobic glucose"
JOINS = {"max": "the largest", "mean": "their mean", "sum": "their sum"}
SHOWN = 12
"""Unmatched ids shown before the rest is counted."""


def open_file(source: str | None) -> None:
    """Shows another file, read as it suggests itself."""
    state.update(
        settings={measured.FILE: source, "measurements.score": None} | {f"measurements.{name}": None for name in (*measured.READING, "join")}
    )


def bar(view: ViewState) -> str | None:
    """Choice between earlier files and place for a new one; the id of the file that is shown."""
    now = view.settings.get(measured.FILE)
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    known = list(dict.fromkeys([*(source for source, _ in measured.FILES.listed()), *([str(now)] if now else [])]))
    if known:
        key = bind("measurements_file", str(now) if now else None)
        left.selectbox(
            "Measurement",
            known,
            index=None,
            format_func=measured.FILES.label,
            key=key,
            placeholder="choose a file loaded earlier",
            on_change=lambda: open_file(st.session_state[key]),
            help="Files loaded earlier on this computer.",
        )
    else:
        left.markdown("**No measurement yet**  \nLoad a table with a column of genes or reactions and a column of values.")
    how = "A table of genes or reactions with values; it is matched with the model's ids and kept on this computer."
    with popover(right, "Load a measurement", LOAD, ":material/upload_file:", help=how):
        _upload(view)
    return str(now) if now else None


def _upload(view: ViewState) -> None:
    st.caption(
        "CSV or TSV, up to 50 MB: one column of genes (locus, symbol or database id) or reactions, one of values: yes or no, a growth ratio or "
        "fitness, fold changes, amounts. It stays on this computer."
    )
    given = st.file_uploader(
        "Measurement file",
        key="measurements_upload",
        label_visibility="collapsed",
        help="CSV or TSV with a column of gene or reaction ids and one of values.",
    )
    if given is None:
        return
    handled = st.session_state.setdefault("measurements_handled", {})
    if given.file_id not in handled:
        handled[given.file_id] = _refused(given.getvalue(), view)
        if handled[given.file_id] is None:
            done(LOAD)
            open_file(measured.FILES.keep(given.getvalue(), given.name))
            st.rerun()
    if handled[given.file_id]:
        st.error(plain(handled[given.file_id]))


def _refused(content: bytes, view: ViewState) -> str | None:
    """Why a file cannot be read at all, None where it can."""
    from core.explain.measurements import open_measurement

    found = data.tables(*_model(view))
    try:
        open_measurement(content, found)
    except InputError as error:
        return str(error)
    return None


def _model(view: ViewState) -> tuple[str, str | None]:
    given = Given.of(view)
    return given.model, given.model_objective


def template(given: Given) -> None:
    """What a file looks like, with a list of the model's genes to fill in."""
    from core.explain.measurements import template_csv

    found = data.tables(given.model, given.model_objective)
    st.markdown("The table may look like this; names of columns, their order and further columns do not matter:")
    st.code("gene,essential\nb0720,yes\nb1136,yes\nb3956,no", language=None)
    st.download_button(
        "This model's genes to fill in, CSV",
        data=lambda: template_csv(found),
        file_name=f"{found.id}-genes.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="measurements_template",
        help="Columns gene, name and an empty column essential; fill it in and load it here.",
    )


def reading_bar(sheet: Sheet, choice: Choice, join: str) -> None:
    """Which columns are read, and how; every guess can be changed."""
    from core.explain.measurement_file import KINDS

    first, second, third, fourth = st.columns([2, 2, 3, 3], vertical_alignment="bottom")
    _select(first, "Column of ids", "ids", list(sheet.columns), choice.ids, {}, "Genes or reactions of the model: locus, symbol or database id.")
    _select(
        second,
        "Column of values",
        "values",
        [c for c in sheet.columns if c != choice.ids],
        choice.values,
        {},
        "What was measured of each; the scores are compared with it.",
    )
    _select(third, "The values are", "kind", list(KINDS), choice.kind, dict(KINDS), "How the column is read; at first guessed from what is in it.")
    with fourth:
        _meaning(sheet, choice, join)
    with st.expander(f"The file: {len(sheet.rows):,} rows, {len(sheet.columns)} columns", icon=":material/table:"):
        _select(
            st,
            "The ids are",
            "entity",
            ["gene", "reaction"],
            choice.entity,
            {"gene": "genes", "reaction": "reactions"},
            "Which ids of the model the column is matched with.",
        )
        st.dataframe(_head(sheet), hide_index=True, height=240, alt="The first rows of the file")


def _meaning(sheet: Sheet, choice: Choice, join: str) -> None:
    from core.explain.measurement_file import value_words

    if choice.kind == "yes_no":
        words = value_words(sheet, choice.values)
        _select(
            st,
            "Essential is",
            "yes",
            list(dict.fromkeys([*words, choice.yes])),
            choice.yes,
            {},
            "The word in the column of values that means essential.",
        )
    elif choice.kind == "cutoff":
        side, number = st.columns(2, vertical_alignment="bottom")
        _select(
            side,
            "Essential is",
            "below",
            [True, False],
            choice.below,
            {True: "below", False: "above"},
            "The side of the cut-off on which a gene or reaction counts as essential.",
        )
        key = bind("measurements_cutoff", choice.cutoff)
        number.number_input(
            "Cut-off",
            key=key,
            format="%g",
            on_change=lambda: state.update(settings={"measurements.cutoff": st.session_state[key]}),
            help="What lies on the chosen side of this value counts as essential; the value itself does not.",
        )
    else:
        options = ["max", "mean", *(["sum"] if choice.kind == "level" else [])]
        _select(st, "Isozymes count as", "join", options, join, JOINS, "Subunits of a complex count as the least of them.")


def _select(place: object, text: str, name: str, options: list, now: object, called: dict, tip: str) -> None:
    key = bind(f"measurements_{name}", now if now in options else None)

    def take() -> None:
        changes = {f"measurements.{name}": st.session_state[key]}
        if name in ("ids", "values", "kind"):  # what was said of another column does not hold for this one
            later = READING_ORDER[READING_ORDER.index(name) + 1 :]
            changes |= {f"measurements.{other}": None for other in later}
        state.update(settings=changes)

    place.selectbox(text, options, format_func=lambda o: called.get(o, o), key=key, on_change=take, help=tip)  # type: ignore[attr-defined]


READING_ORDER = ("ids", "values", "kind", "yes", "cutoff", "below", "join")
"""A change in one makes the later ones guesses again."""


def _head(sheet: Sheet) -> object:
    import pandas as pd

    return pd.DataFrame(sheet.rows[:200], columns=list(sheet.columns))


def medium_bar(view: ViewState, given: Given) -> None:
    """On which medium it was measured, and whether that is the one everything here is computed on."""
    from core.metabolic import resolve_medium

    named = data.media(given.model, given.model_objective)
    options = [*named, ELSEWHERE]
    wanted = view.settings.get("measurements.medium")
    now = str(wanted) if wanted in options else USUAL if USUAL in named else ELSEWHERE
    left, right = st.columns([2, 6], vertical_alignment="center")
    key = bind("measurements_medium", now)
    left.selectbox(
        "Measured on",
        options,
        key=key,
        on_change=lambda: state.update(settings={"measurements.medium": st.session_state[key]}),
        help="The file does not say; you do. It is stated beside the results.",
    )
    here = view.medium if isinstance(view.medium, str) else OWN if view.medium is None else "an edited medium"
    lost = f", without {', '.join(view.knockouts)}" if view.knockouts else ""
    if now == ELSEWHERE:
        right.info(plain(f"Scores are computed on {here}{lost}; that the measurement was made on the same is not known."), icon=":material/help:")
        return
    same = resolve_medium(data.tables(given.model, given.model_objective), view.medium) == named[now]
    if same and not view.knockouts:
        right.success(plain(f"Measured on {now}; scores are computed on the same medium ({here})."), icon=":material/check:")
        return
    right.warning(
        plain(f"Measured on {now}, but scores are computed on {here}{lost}: they speak of another condition."), icon=":material/compare_arrows:"
    )
    right.button(
        f"Compute on {now}",
        on_click=state.update,
        kwargs={"medium": now, "knockouts": ()},
        key="measurements_same_medium",
        help="Changes the medium on every page and takes all knock-outs back; Undo brings them again.",
    )


def mapped(measurement: Measurement, ranked: Targets, model: str) -> None:
    """What could be placed, and what not."""
    table, choice = measurement.table, measurement.choice
    facts = [f"**{len(table):,}** {choice.entity}s of {plain(model)} measured"]
    if measurement.level != choice.entity:
        facts.append(f"carried to **{len(ranked.table):,}** reactions through the gene-reaction rules")
    if "essential" in ranked.table:
        facts.append(f"**{int(ranked.table['essential'].sum()):,}** essential of {len(ranked.table):,} compared")
    facts.append(f"**{len(measurement.unmatched):,}** ids not matched")
    st.markdown(" · ".join(facts))
    st.caption(
        plain(
            f"{choice.sentence}. Gene-associated reactions only: no exchange, biomass or ATP maintenance."
            + (f" {len(ranked.left_out):,} measured {choice.entity}s have none of those and are left out." if ranked.left_out else "")
        )
    )
    for notice in measurement.notices:
        st.caption(plain(notice))
    if measurement.unmatched:
        with st.expander(f"{len(measurement.unmatched):,} ids that {model} does not know, or that stand for several", icon=":material/link_off:"):
            more = len(measurement.unmatched) - SHOWN
            st.markdown(plain(", ".join(name[:60] for name in measurement.unmatched[:SHOWN])) + (f" and {more:,} more" if more > 0 else ""))
            st.download_button(
                "All of them, CSV",
                data="\n".join(["id", *(f'"{name}"' for name in measurement.unmatched)]),
                file_name="unmatched.csv",
                mime="text/csv",
                icon=":material/download:",
                on_click="ignore",
                key="measurements_unmatched",
                help="One column, the ids as your file names them.",
            )


def networks_box(view: ViewState) -> None:
    """Networks compared beside the view's own."""
    from core.ui import networks

    others = [name for name in networks.choices() if name != view.checkpoint]
    if not others:
        return
    now = [name for name in measured.networks_of(view) if name != view.checkpoint]
    key = bind("measurements_networks", now)

    def take() -> None:
        names = ",".join(st.session_state[key])
        state.update(settings={"measurements.networks": names[:MAX_TEXT] or None})

    st.multiselect(
        f"Networks beside {networks.label(view.checkpoint)}",
        others,
        format_func=networks.label,
        key=key,
        on_change=take,
        help="Further networks whose scores stand beside this one's.",
        max_selections=measured.NETWORKS - 1,
        placeholder="compare more networks",
    )
