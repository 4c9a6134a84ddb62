"""The scoreboard: how well an embedding tells relatives from strangers beside what needs no training, on Rfam and on an own labelled set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import InputError
from core.ui import networks, state
from core.ui.background import FOLLOWED, follow
from core.ui.bind import bind, option_row
from core.ui.popover import done, popover
from core.ui.rna import ginfinity
from core.ui.scoreboard.data import FILE, FILES, Asked, boards, labelled, row_of, shipped, start
from core.ui.text import duration, plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.labelled import LabelledRnas

LOAD = "scoreboard_load"
MEASURES = {"distant": "under 60% identity", "all": "all pairs", "remote": "under 50%"}
NEAREST = "Share of RNAs whose nearest neighbour is of their family; members alike in 60% or more are left out."
SOURCES = {"folded": "folded by ViennaRNA", "family": "family's structure"}


def draw() -> None:
    """Draws the page for the current view."""
    view = state.current()
    file = _bar(view)
    try:
        networks.source(view.rna_net, "rna", encoders=True)
    except InputError as error:
        st.error(plain(str(error)))
        return
    if file is None:
        _shipped(view)
        return
    try:
        found = labelled(file)
    except InputError as error:
        st.error(plain(str(error)))
        _shipped(view)
        return
    _own(Asked.of(file, view.rna_net), found)


def _bar(view: ViewState) -> str | None:
    now = view.settings.get(FILE)
    left, load, right, other = st.columns([5, 3, 3, 2], vertical_alignment="bottom")
    known = list(dict.fromkeys([*(source for source, _ in FILES.listed()), *([str(now)] if now else [])]))
    key = bind("scoreboard_file", str(now) if now else "")
    left.selectbox(
        "Measured on",
        ["", *known],
        format_func=lambda source: FILES.label(source) if source else "Rfam families kept back (the network's card)",
        key=key,
        on_change=lambda: state.update(settings={FILE: st.session_state[key] or None}),
        help="Rfam families kept back, or a labelled set of your own.",
    )
    how = "A table of RNAs with their families; nothing is computed until you ask for it."
    with popover(load, "Load a labelled set", LOAD, ":material/upload_file:", help=how):
        _upload()
    names = list(dict.fromkeys([*networks.choices("rna", encoders=True), view.rna_net]))
    net = bind("scoreboard_network", view.rna_net)
    right.selectbox(
        "Network",
        names,
        format_func=networks.label,
        key=net,
        on_change=lambda: state.update(rna_net=st.session_state[net]),
        help="The network whose embeddings are measured beside scores that need no training.",
    )
    ginfinity.place(other)
    return str(now) if now else None


def _upload() -> None:
    from core.explain.labelled import MOST_RNAS, read_labelled

    st.caption(
        f"CSV or TSV with a first line of names: family and sequence; optional id, structure (dot-bracket), aligned_sequence (the row of the "
        f"family's alignment, for identities) and group (families that are related). Up to {MOST_RNAS:,} RNAs. It stays on this computer."
    )
    given = st.file_uploader(
        "Labelled set",
        key="scoreboard_upload",
        label_visibility="collapsed",
        help="A table with columns id, sequence, family and, where known, structure.",
    )
    if given is None:
        return
    handled = st.session_state.setdefault("scoreboard_handled", {})
    if given.file_id not in handled:
        try:
            read_labelled(given.getvalue())
            handled[given.file_id] = None
        except InputError as error:
            handled[given.file_id] = str(error)
        if handled[given.file_id] is None:
            done(LOAD)
            state.update(settings={FILE: FILES.keep(given.getvalue(), given.name)})
            st.rerun()
    if handled[given.file_id]:
        st.error(plain(handled[given.file_id]))


def _shipped(view: ViewState) -> None:
    found = shipped(view.rna_net)
    if found is None:
        name = plain(view.rna_net)
        st.info(f"The card of {name} holds no scoreboard: Rfam's families were not at hand when it was made. Load a labelled set to measure it.")
        return
    scores, motifs, nearest, told = found
    counts: Any = told["pairs"]
    st.caption(
        f"Rfam seed members of {told['families']:,} families kept back: {told['rnas']:,} RNAs of 40 to 250 nt, at most eight a family. Pairs are of "
        f"like length (7%): {counts['all']:,}, of them {counts['distant']:,} under 60% identity and {counts['remote']:,} under 50%; a stranger is of "
        "another family, none that is visibly related. Settings were chosen on other families."
    )
    row = row_of(view.rna_net)
    if row not in set(scores["score"]):
        st.info(f"The card of {ViewState().rna_net}, shown here, holds no figures of GINFINITY: load a labelled set to measure it.")
        row = ViewState().rna_net
    _board(scores, row, "scoreboard_shipped")
    if len(motifs):
        _motifs(motifs)
    if len(nearest):
        _families(nearest, "Folded by ViennaRNA.")


def _own(asked: Asked, found: LabelledRnas) -> None:
    st.caption(f"{len(found):,} RNAs of {len(set(found.families)):,} families, {int(found.lengths.min())} to {int(found.lengths.max())} nt.")
    for notice in found.notices:
        st.info(plain(notice))
    board = boards().result(asked)
    if board is None:
        if boards().job(asked) is not None:
            follow(boards(), asked, "scoreboard")
            return
        left, right = st.columns([2, 5], vertical_alignment="center")
        left.button(
            "Measure",
            type="primary",
            icon=":material/play_arrow:",
            on_click=lambda: start(asked),
            key="scoreboard_start",
            width="stretch",
            help=FOLLOWED,
        )
        lengths = found.lengths[found.lengths <= 700]
        seconds = float((0.008 + 1.3 * (lengths / 500) ** 2.5).sum()) + 0.01 * len(found)
        right.caption(f"Folds every RNA and embeds it: about {duration(seconds)}.")
        return
    for note in board.manifest["notes"]:
        st.info(plain(note))
    from core.explain.scoreboard import beside

    _board(board.table, asked.row, "scoreboard_own")
    _families(beside(board.nearest, asked.row), "Folded by ViennaRNA.")


def _board(table: pd.DataFrame, network: str, key: str) -> None:
    from core.explain.ginfinity_scores import ROWS
    from core.explain.scoreboard import verdict
    from core.rna.ginfinity import LICENCE
    from core.viz.plots import alt_text
    from core.viz.scoreboard_plots import auc_plot

    left, right = st.columns(2)
    with left:
        offered = [s for s in SOURCES if (table["structures"] == s).any()]
        source = option_row(
            "Structures",
            offered,
            "scoreboard.structures",
            words=SOURCES.__getitem__,
            help="Folded from the sequence alone, or as the family's alignment gives them.",
        )
    with right:
        cut = option_row(
            "Pairs",
            [c for c in MEASURES if table[c].notna().any()],
            "scoreboard.pairs",
            words=MEASURES.__getitem__,
            help="All pairs of relatives, or only those of low sequence identity.",
        )
    with st.container(border=True, key="scoreboard_verdict"):
        st.markdown(plain(verdict(table, network, source=source, cut=cut)))
    rows = table[table["structures"] == source]
    figure = auc_plot(rows, cut, f"{MEASURES[cut].capitalize()}, {SOURCES[source]}")
    st.plotly_chart(figure, key=f"{key}_plot", alt=alt_text(figure))
    number = st.column_config.NumberColumn
    shown = rows[["score", "kind", "all", "distant", "distant_low", "distant_high", "remote", "hit_1", "hit_5"]]
    st.dataframe(
        shown.sort_values(cut, ascending=False, kind="stable"),
        hide_index=True,
        placeholder="–",
        column_config={
            "all": number("AUC, all", format="%.3f"),
            "distant": number("under 60%", format="%.3f", help="AUC on pairs whose rows of the alignment agree in under 60% of the columns."),
            "distant_low": number("from", format="%.3f", help="95% interval over families drawn again."),
            "distant_high": number("to", format="%.3f"),
            "remote": number("under 50%", format="%.3f"),
            "hit_1": number("hit@1", format="%.3f", help=NEAREST),
            "hit_5": number("hit@5", format="%.3f", help="The same for one of the five nearest."),
        },
        alt="Every score with its AUCs and hits",
    )
    st.caption(
        "A hybrid has counts joined to the embedding; the encoder alone has its own row. The family's structure was projected from one annotation, "
        "so relatives share it by construction: folding is the honest test."
    )
    if rows["score"].isin(ROWS).any():
        st.caption(f"Rows of GINFINITY: {LICENCE.credit}; for non-commercial use, with this credit.")
    st.download_button(
        "Scoreboard, CSV",
        table.to_csv(index=False),
        "scoreboard.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="One row for each score and source of structures: AUC on all three sets of pairs, with intervals, hit@1 and hit@5.",
    )


def _motifs(table: pd.DataFrame) -> None:
    st.subheader("Elements and bases")
    st.caption(
        "Members under 60% identity. Elements: the same one (more than half of its alignment columns) in a relative, against one of its kind in a "
        "stranger. Bases: the same alignment column, against another base of the relative with the same nucleotide."
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        table[["level", "structures", "score", "kind", "auc", "low", "high", "pairs", "families"]].sort_values(
            ["level", "structures", "auc"], ascending=False, kind="stable"
        ),
        hide_index=True,
        column_config={name: number(title, format="%.3f") for name, title in (("auc", "AUC"), ("low", "from"), ("high", "to"))},
        alt="AUC of element and base vectors beside what needs no network",
    )


def _families(table: pd.DataFrame, told: str) -> None:
    st.subheader("Nearest neighbours, family by family")
    st.caption(f"{told} {NEAREST} Families with three members or more; @5: one of the five nearest is.")
    scores = table.columns[3:]
    style: dict[str, Any] = {score: st.column_config.NumberColumn(score, format="%.2f") for score in scores}
    style["name"] = st.column_config.TextColumn("name", width=140)
    st.dataframe(table.sort_values(scores[0], kind="stable"), hide_index=True, placeholder="–", column_config=style, alt="Hits of every family")
    st.download_button(
        "Families, CSV",
        table.to_csv(index=False),
        "families.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="One row per family: how many of its RNAs were asked and, by each score, the share of hits, from 0 to 1.",
    )
