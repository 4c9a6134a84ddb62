"""The bar that says how the structure is found, and the fold itself: at once, or apart with progress and Cancel."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InputError
from core.ui import state
from core.ui.background import FOLLOWED, follow
from core.ui.bind import bind
from core.ui.popover import done, popover
from core.ui.rna import data, uploads
from core.ui.rna.data import METHODS, Given
from core.ui.rna.folds import folds, start_fold
from core.ui.text import duration, plain

if TYPE_CHECKING:
    from core.rna import FoldResult, RnaRecord

ENSEMBLE_TOO = 10.0
"""Seconds up to which pair probabilities come along with the structure of minimum free energy; beyond they are asked for."""


def bar(given: Given) -> None:
    """Structure, temperature, reactivities."""
    record = data.record(given.source, given.record)
    short = record.length <= data.AT_ONCE
    several = given.method in data.LISTED and short
    with st.container(key="twos-structure"):
        left, *middle, heat, shape = st.columns([3, 3, 2, 2] if several else [3, 2, 2], vertical_alignment="bottom")
    offered = [m for m in METHODS if (m not in data.OWN or record.structure is not None) and (m not in data.LISTED or short)]
    key = bind("rna_method", given.method)
    left.selectbox(
        "Structure",
        list(dict.fromkeys([*offered, given.method])),
        format_func=METHODS.__getitem__,
        key=key,
        on_change=lambda: state.update(settings={"rna.fold": st.session_state[key], "rna.number": None}),
        help="Given: as it came with the sequence. The others are computed by ViennaRNA: given pairs kept is the best fold that has them; "
        "windowed allows local pairs only, for long RNAs.",
    )
    if several:
        listed = data.alternatives(given.source, given.record, given.temperature, given.method)
        number = bind("rna_number", min(given.number, len(listed) - 1))
        middle[0].selectbox(
            f"Which of {len(listed)}",
            range(len(listed)),
            format_func=lambda i: f"{i + 1}: {listed[i][1]:+.2f} kcal/mol",
            key=number,
            on_change=lambda: state.update(settings={"rna.number": st.session_state[number] or None}),
            help="Structures within 3 kcal/mol of the best one, best first."
            if given.method == "sub"
            else f"The different ones among {data.SAMPLES} drawn with their Boltzmann probability, most frequent first; the same draw every time.",
        )
    warm = bind("rna_temperature", given.temperature)
    heat.number_input(
        "Temperature, °C",
        0.0,
        100.0,
        step=1.0,
        key=warm,
        on_change=lambda: state.update(settings={"rna.temperature": None if st.session_state[warm] == 37.0 else st.session_state[warm]}),
        help="ViennaRNA folds at this temperature.",
    )
    label = "Reactivities" if given.shape is None else "Reactivities in use"
    how = "SHAPE reactivities, one number for each base, for ViennaRNA to fold with."
    with popover(shape, label, "open-rna.shape", ":material/bar_chart:", help=how):
        numbers("SHAPE reactivities", "rna.shape", given, "They act on folds (MFE, centroid, MEA), not on a structure that was given.")


def numbers(title: str, setting: str, given: Given, note: str) -> None:
    """The form for one number per base, kept as an upload under a setting of the view."""
    st.caption(f"One number for each base, or lines of position and number; NA where there is none. {note}")
    slug = setting.replace(".", "-")
    with st.form(f"form-{slug}", border=False):
        text = st.text_area(
            title,
            key=f"text-{slug}",
            height=120,
            placeholder="1,0.12\n2,0.80\n3,NA",
            help="One number for each base, in order, or position,value lines.",
        )
        file = st.file_uploader("or a CSV file", key=f"file-{slug}", help="Columns position and value.")
        how = "They are checked against the length of the RNA and kept on this computer; a file goes before the text."
        if st.form_submit_button("Use them", type="primary", help=how):
            content = file.getvalue() if file is not None else text.encode()
            _use(content, setting, given)
    if st.session_state.get(f"error-{setting}"):
        st.error(plain(st.session_state[f"error-{setting}"]))
    gone = "The view goes on without them; Undo brings them back."
    if state.current().settings.get(setting) and st.button("Remove them", key=f"remove-{slug}", help=gone):
        done(f"open-{setting}")
        state.update(settings={setting: None})
        st.rerun()


def _use(content: bytes, setting: str, given: Given) -> None:
    from core.ui.rna.values import read_values

    length = data.record(given.source, given.record).length
    what = "reactivities" if setting == "rna.shape" else "values"
    try:
        read_values(content.decode(errors="replace"), length, what)
    except InputError as error:
        st.session_state[f"error-{setting}"] = str(error)
        return
    st.session_state.pop(f"error-{setting}", None)
    kept = uploads.keep(content, f"{what}.csv", sequences=False)
    done(f"open-{setting}")
    changes: dict[str, str] = {setting: kept}
    if setting == "rna.values":
        changes["rna.colour"] = "values"
    elif given.method == "given":
        changes["rna.fold"] = "mfe"
    state.update(settings=changes)
    st.rerun()


def current(given: Given) -> FoldResult | None:
    """The structure to show; None while it is not computed.

    Raises:
        InputError: a setting that cannot be used.
    """
    if data.is_quick(given):
        found = data.quick_fold(given)
        if found.pair_probabilities is None and (apart := folds().result(_ensemble_of(given))) is not None:
            return replace(found, pair_probabilities=apart.pair_probabilities, entropy=apart.entropy, ensemble_energy=apart.ensemble_energy)
        return found
    return folds().result(given)


def _ensemble_of(given: Given) -> Given:
    """The fold whose pair probabilities are those of the sequence, whatever structure is shown."""
    return given if given.method == "keep" else replace(given, method="mfe", number=0)


def waiting(given: Given, folded: FoldResult | None) -> None:
    """For long RNAs: the offer to fold, or the progress of a fold under way with Cancel."""
    from core.rna import PARTITION_LIMIT

    record = data.record(given.source, given.record)
    if record.length <= data.AT_ONCE:
        return
    wanted = given if folded is None else _ensemble_of(given)
    if folds().job(wanted) is not None:
        follow(folds(), wanted, "rna_fold")
    elif folded is None:
        _offer(wanted, record)
    elif folded.pair_probabilities is None and record.length <= PARTITION_LIMIT:
        if not st.button("Compute pair probabilities", icon=":material/play_arrow:", help=f"About {duration(_seconds(record.length, True))}."):
            return
        start_fold(wanted, ensemble=True)
        st.rerun()


def _offer(given: Given, record: RnaRecord) -> None:
    from core.rna import too_long

    sentence = None if given.method == "window" else too_long(record.length, "mfe" if given.method == "keep" else given.method)
    if sentence:
        st.warning(plain(sentence), icon=":material/hourglass_top:")
        how = "Allows local pairs only; Structure above offers the other ways again."
        if st.button("Use the windowed fold", type="primary", key="rna_windowed", help=how):
            state.update(settings={"rna.fold": "window"})
            st.rerun()
        return
    ensemble = given.method in ("centroid", "mea") or _seconds(record.length, True) <= ENSEMBLE_TOO
    wait = f", about {duration(_seconds(record.length, ensemble))}" if given.method != "window" else ""
    st.info(plain(f"{record.id} has {record.length:,} bases and no structure yet."), icon=":material/timer:")
    if st.button(f"Fold it{wait}", type="primary", icon=":material/play_arrow:", key="rna_fold", help=FOLLOWED):
        start_fold(given, ensemble=ensemble)
        st.rerun()


def _seconds(length: int, ensemble: bool) -> float:
    from core.rna.folding import estimate

    return max(1.0, math.ceil(estimate(length, "mea" if ensemble else "mfe")))


def summary(given: Given, folded: FoldResult) -> None:
    """One line of facts, and the notes on them."""
    record = data.record(given.source, given.record)
    known = sum(record.sequence.count(letter) for letter in "ACGU")
    share = (record.sequence.count("G") + record.sequence.count("C")) / known if known else 0.0
    facts = [f"**{plain(record.id)}**", f"{record.length:,} nt", f"GC {share:.1%}"]
    facts.append("no energy in the model" if math.isnan(folded.energy) else f"{folded.energy:+.2f} kcal/mol at {folded.temperature:g} °C")
    if folded.ensemble_energy is not None:
        facts.append(f"ensemble {folded.ensemble_energy:+.2f} kcal/mol")
    if folded.ensemble_defect is not None:
        facts.append(f"ensemble defect {folded.ensemble_defect:.1%}")
    facts.append(f"structure: {plain(METHODS.get(folded.method, folded.method))}")
    st.markdown(" · ".join(facts))
    for note in (*record.notices, *folded.notes):
        st.caption(plain(note))
