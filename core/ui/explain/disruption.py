"""Elements of the RNA masked, disrupted and folded again: what the network does beside what the fold says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.ui import device, networks
from core.ui.background import FOLLOWED, Background, Job, follow
from core.ui.bind import clicked_row, take
from core.ui.explorer.drawing import picked_entity
from core.ui.rna import data
from core.ui.rna.data import Given
from core.ui.rna.pick import select
from core.ui.text import duration, plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.disruption import Disruption, Progress, Stop
    from core.explain.embedded import EmbeddedRnas
    from core.rna import FoldResult, RnaRecord

Key = tuple[object, ...]
START, EACH = 8, 0.02
"""Seconds a process takes to be ready to fold, and a mutant to be embedded."""


@st.cache_resource(max_entries=1, show_spinner=False)
def disruptions() -> Background[Key, Disruption]:
    """Disruptions made or being made."""
    return Background(12)


def draw(key: Key, given: Given, folded: FoldResult, view: ViewState) -> None:
    """The section, or the button that begins it.

    Args:
        key: RNA, pair probabilities, network and device it follows from.
    """
    from core.rna.folding import PARTITION_LIMIT

    st.subheader("Biology as the judge: plausibility", anchor=False)
    found = disruptions().result(key)
    if found is not None:
        _shown(found, view)
    elif disruptions().job(key) is not None:
        follow(disruptions(), key, "explain_disruption")
    elif len(folded.structure) > PARTITION_LIMIT:
        st.info(
            f"Elements are disrupted, and the RNA folded again for each, up to {PARTITION_LIMIT} bases; choose a shorter RNA or a part of this one."
        )
    else:
        _offer(key, given, folded, view)


def _offer(key: Key, given: Given, folded: FoldResult, view: ViewState) -> None:
    from core.explain.disruption import DRAWS
    from core.rna.folding import estimate

    st.button(
        "Disrupt every element",
        type="primary",
        icon=":material/content_cut:",
        on_click=_start,
        args=(key, given, folded, view),
        key="explain_disrupt",
        help=FOLLOWED,
    )
    kinds = [element.kind for element in data.elements(folded.structure).elements if element.bases]
    stems = kinds.count("stem")
    mutants = 2 * DRAWS * (len(kinds) - stems) + (DRAWS + 2) * stems
    seconds = START + mutants * (EACH + estimate(len(folded.structure), "pf") / 2)
    st.caption(
        f"Every element is masked, and its bases are replaced so that it is destroyed, beside {DRAWS} random segments as long; both strands of "
        f"every stem are exchanged. About {mutants:,} mutants are folded by ViennaRNA and embedded, {duration(seconds)} on two cores. Likeness to "
        "itself is asked about, whatever is explained above."
    )


def _start(key: Key, given: Given, folded: FoldResult, view: ViewState) -> None:
    disruptions().start(key, _work(given, folded, view))


def _work(given: Given, folded: FoldResult, view: ViewState) -> Callable[[Job], Disruption]:
    network, checkpoint, where = data.network(view.rna_net), networks.source(view.rna_net, "rna"), device.choice().device
    record, ensemble = data.with_structure(given, folded), folded.ensemble

    def embed(records: Sequence[RnaRecord], told: Progress | None, stop: Stop | None) -> EmbeddedRnas:
        from core.explain._embed_apart import embed_apart
        from core.explain.disruption import TOGETHER

        return embed_apart("mutants", records, checkpoint, device=where, batch_size=TOGETHER, on_progress=told, should_stop=stop)

    def run(job: Job) -> Disruption:
        from core.explain.disruption import disrupt

        return disrupt(record, network, ensemble=ensemble, device=where, embed=embed, on_progress=job.counted, should_stop=job.stopped)

    return run


def _shown(found: Disruption, view: ViewState) -> None:
    from core.explain.disruption_trial import told_of_one
    from core.viz.disruption_plots import compensation_bars, effect_scatter
    from core.viz.plots import alt_text

    with st.container(border=True, key="explain_disruption_verdict"):
        st.markdown(plain(told_of_one(found)))
    fold = found.manifest["fold"]
    if fold["kept"] < fold["pairs"]:
        st.caption(
            f"ViennaRNA folds the intact RNA with {fold['kept']:,} of the {fold['pairs']:,} pairs of the structure shown; what its fold lacks cannot "
            "be disrupted. Choose the structure of minimum free energy above to judge the elements of the fold itself."
        )
    left, right = st.columns(2)
    figures = [(left, "effects", effect_scatter(found.elements, selected=view.selection))]
    if found.elements["pairs"].notna().any():
        figures.append((right, "stems", compensation_bars(found.elements)))
    for column, name, figure in figures:
        event = column.plotly_chart(figure, key=f"explain_disruption_{name}", on_select="rerun", selection_mode="points", alt=alt_text(figure))
        take(picked_entity(event), f"explain_disruption_{name}", select)
    left.caption(
        "Across: the element's bases masked, nothing folded again. An attribution that agrees with this is *faithful* to the network. Upwards: its "
        "bases replaced so that it is destroyed, and the RNA folded again; an attribution that agrees with this is *plausible*, it looks like what "
        "the fold needs. Plausible is not faithful: the network may not use what biology does. Hollow: random segments as long, elsewhere."
    )
    if len(figures) > 1:
        right.caption(
            "One strand replaced by the letters of the other cannot pair; with both exchanged the stem can stay, though twice as many bases changed. "
            "A network that hears structure loses less then. Beside the bars: the share of the loss taken back, and the pairs that the fold keeps."
        )
    _table(found)


def _table(found: Disruption) -> None:
    number = st.column_config.NumberColumn
    table = found.elements.sort_values("disrupted", ascending=False, kind="stable").reset_index(drop=True)
    columns = ["element", "kind", "bases", "integrated_gradients", "mask", "disrupted", "random", "excess", "compensated", "rescue"]
    row = clicked_row(
        table[columns],
        "explain_disruption_table",
        height=320,
        column_config={
            "integrated_gradients": number("integrated gradients", format="%.3f", help="Of likeness to itself, summed over the element's bases."),
            "mask": number("masked", format="%.3f", help="Faithfulness: likeness to itself lost when the bases are masked."),
            "disrupted": number("disrupted", format="%.3f", help="Plausibility: 1 - cosine to the intact RNA, folded again; mean over draws."),
            "random": number("random segments", format="%.3f", help="The same of random segments as long elsewhere, mean over draws."),
            "excess": number("excess", format="%+.3f", help="Disrupted less random segments."),
            "compensated": number("strands exchanged", format="%.3f", help="Stems: 1 - cosine with both strands exchanged, folded again."),
            "rescue": number("rescue", format="%.2f", help="Share of the disrupted stem's loss that the exchange takes back."),
        },
        alt="Every element with its loss when masked, disrupted and compensated",
    )
    take(None if row is None else str(table["name"][row]), "explain_disruption_table", select)
    left, right, _ = st.columns([2, 2, 5])
    of_elements = "One row per element: likeness lost when it is masked, disrupted or compensated, beside random segments, and the pairs left."
    of_mutants = "One row per mutant: its sequence, the structure it folds into, the pairs left and the likeness lost."
    for column, label, what, rows, file in (
        (left, "Elements, CSV", of_elements, found.elements, "elements_disrupted.csv"),
        (right, "Mutants, CSV", of_mutants, found.mutants, "mutants.csv"),
    ):
        column.download_button(label, rows.to_csv(index=False), file, "text/csv", on_click="ignore", icon=":material/download:", help=what)
