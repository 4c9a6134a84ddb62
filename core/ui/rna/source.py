"""The bar at the top: which RNA, from an example, a text or a file, and which network reads it."""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.ui import networks, state
from core.ui.bind import bind
from core.ui.popover import done, popover
from core.ui.rna import data, ginfinity, uploads
from core.ui.text import plain
from core.ui.view_state import ViewState

PROBLEMS = 8
"""Sentences on bad records shown at most."""
OWN = "rna_own"
"""Key of the popover for an own RNA."""
_PER_RNA = ("rna.fold", "rna.number", "rna.shape", "rna.values", "rna.with", "rna.find")


def open_rna(source: str, index: int = 0) -> None:
    """Shows another RNA; what belonged to the one before is left behind, and the step can be undone."""
    state.update(rna=source, rna_record=index, selection=None, settings=dict.fromkeys(_PER_RNA))


def bar(view: ViewState, *, encoders: bool = False) -> None:
    """Example or earlier text, place for an own one, network.

    Args:
        encoders: the page needs vectors alone, so that GINFINITY is offered too, with the place where its weights are given.
    """
    with st.container(key="pairs-rna"):
        left, paste, middle, *others = st.columns([5, 3, 3, 2] if encoders else [5, 3, 3], vertical_alignment="bottom")
    sources = list(dict.fromkeys([*(data.EXAMPLE + name for name in data.examples()), *uploads.listed(), view.rna]))
    key = bind("rna_source", view.rna)
    left.selectbox(
        "RNA",
        sources,
        format_func=data.label,
        key=key,
        on_change=lambda: open_rna(st.session_state[key]),
        help="Examples with their database entry, and the texts opened earlier on this computer.",
    )
    names = list(dict.fromkeys([*networks.choices("rna", encoders=encoders), view.rna_net]))
    net = bind("rna_network", view.rna_net)
    middle.selectbox(
        "Network",
        names,
        format_func=networks.label,
        key=net,
        on_change=lambda: state.update(rna_net=st.session_state[net]),
        help="The trained network whose vectors are compared."
        if encoders
        else "The trained network whose attention, messages and openness are shown.",
    )
    for where in others:
        ginfinity.place(where)
    how = "A sequence, with or without its structure; selection, reactivities and own values of the RNA before are left behind."
    with popover(paste, "Paste or load an RNA", OWN, ":material/content_paste:", help=how):
        _own()
    if encoders:
        ginfinity.credit(view)


def _own() -> None:
    st.caption(
        "Plain sequence, FASTA, Vienna dot-bracket, CT, BPSEQ or Stockholm; T or U, one or many RNAs. "
        "A structure that comes along is kept. It stays on this computer."
    )
    with st.form("rna_paste", border=False):
        text = st.text_area(
            "Sequence, with or without a structure",
            key="rna_text",
            height=140,
            placeholder=">my RNA\nGGGGAAAACCCC\n((((....))))",
            help="A bare sequence, FASTA, or dot-bracket below it.",
        )
        how = "Its first RNA is shown and the text is kept on this computer; what cannot be read changes nothing."
        if st.form_submit_button("Open", type="primary", width="stretch", help=how):
            _take(text.encode(), None, "rna_paste_error")
    if st.session_state.get("rna_paste_error"):
        st.error(plain(st.session_state["rna_paste_error"]))
    given = st.file_uploader("RNA file", key="rna_file", help="FASTA, Vienna, CT, BPSEQ or Stockholm.")
    if given is None:
        return
    handled = st.session_state.setdefault("rna_handled", {})
    if given.file_id not in handled:
        _take(given.getvalue(), given.name, f"rna_error_{given.file_id}", lambda: handled.setdefault(given.file_id, True))
    if st.session_state.get(f"rna_error_{given.file_id}"):
        st.error(plain(st.session_state[f"rna_error_{given.file_id}"]))


def _take(content: bytes, name: str | None, error_key: str, before: object = None) -> None:
    """Keeps and opens a text that can be read, named after its first record unless it has a name; of another, the sentence is kept."""
    from core.rna import read_report

    if callable(before):
        before()
    try:
        first, *more = read_report(content).records
    except InputError as error:
        st.session_state[error_key] = str(error)
        return
    st.session_state.pop(error_key, None)
    done(OWN)
    open_rna(uploads.keep(content, name or f"{first.id}_({first.length}_nt)" + (f"_+{len(more)}" if more else "")))
    st.rerun()


def records(view: ViewState) -> None:
    """Problems of records left out, and the choice between several."""
    found = data.reading(view.rna)
    if found.problems:
        more = len(found.problems) - PROBLEMS
        lines = [plain(text) for text in found.problems[:PROBLEMS]] + ([f"{more:,} more records could not be read."] if more > 0 else [])
        st.warning("\n\n".join(lines), icon=":material/rule:")
    if len(found.records) > 1:
        now = min(view.rna_record, len(found.records) - 1)
        key = bind("rna_record", now)
        st.selectbox(
            f"Record, {len(found.records):,} in this text",
            range(len(found.records)),
            format_func=lambda i: f"{i + 1}: {found.records[i].id} ({found.records[i].length:,} nt)",
            key=key,
            on_change=lambda: open_rna(view.rna, st.session_state[key]),
            help="Which RNA of the text is shown.",
        )
