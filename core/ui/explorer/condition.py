"""The bar above the drawing: which model, which network, which medium, what is knocked out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError, MissingObjective
from core.storage import digest_of
from core.ui import data, networks, state
from core.ui.bind import bind
from core.ui.popover import done, popover
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.metabolic import ModelTables

OWN = "the model's own"
LOAD = "explorer_load"
EDITED = "edited"
LISTED = 600
"""With more genes and reactions than this they are typed, not listed: the browser would build thousands of options at every view."""
_FRESH = {
    "medium": None,
    "knockouts": (),
    "objective": None,
    "medium_b": None,
    "knockouts_b": (),
    "media": None,
    "selection": None,
    "subsystem": None,
    "view": "overview",
    "search": None,
    "gene": None,
}


@dataclass(frozen=True)
class Side:
    """Where a bar's choices go: the fields of the view it writes, the start of its widgets' keys and the end of their labels.

    ``own`` is what stands for the model's own medium in that field.
    """

    key: str = "explorer"
    medium: str = "medium"
    knockouts: str = "knockouts"
    checkpoint: str = "checkpoint"
    own: str | None = None
    suffix: str = ""


def open_model(source: str, objective: str | None = None) -> None:
    """Shows another model with its own condition and the shipped network that knows it best; the step can be undone."""
    settings = {"explorer.model_objective": objective, "explorer.upload": None}
    network = data.fitting_network(source, state.current().checkpoint)
    state.update(model=source, settings=settings, compartment=None, currency=None, checkpoint=network, checkpoint_b=None, **_FRESH)


def model_bar(view: ViewState) -> None:
    """Model and network choice, and the place for an own file."""
    from core.metabolic import BUNDLED, list_uploads, model_label

    with st.container(key="twos-model"):
        left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    sources = list(dict.fromkeys([*BUNDLED, *(source for source, _ in list_uploads()), view.model]))
    key = bind("explorer_model", view.model)
    left.selectbox(
        "Model",
        sources,
        format_func=model_label,
        key=key,
        on_change=lambda: open_model(st.session_state[key]),
        help="Bundled models, and the files loaded earlier on this computer.",
    )
    network_box(middle, view)
    opens = "The file is checked, kept on this computer and shown with the model's own medium and without knock-outs."
    with popover(right, "Load a model file", LOAD, ":material/upload_file:", help=opens):
        _upload()
    if view.settings.get("explorer.upload"):
        with st.container(border=True):
            _upload(key="start")


def network_box(place: DeltaGenerator, view: ViewState, side: Side = Side()) -> None:
    """Choice of the trained network."""
    key = bind(f"{side.key}_network", view.checkpoint)
    place.selectbox(
        f"Network{side.suffix}",
        list(dict.fromkeys([*networks.choices(), view.checkpoint])),
        format_func=networks.label,
        key=key,
        on_change=lambda: state.update(**{side.checkpoint: st.session_state[key]}),
        help="The trained network whose gates are shown; its card is on the Checkpoints page.",
    )


def _upload(key: str = "bar") -> None:
    from core.metabolic import store_upload

    st.caption("SBML (.xml, .sbml; also .gz, .bz2, .zip), COBRA JSON, YAML or MATLAB, up to 100 MB. It stays on this computer.")
    given = st.file_uploader("Model file", key=f"upload-{key}", label_visibility="collapsed", help="SBML, COBRA JSON, YAML or MATLAB, packed or not.")
    if given is None:
        return
    handled = st.session_state.setdefault("uploads_handled", {})
    if given.file_id in handled:
        if handled[given.file_id]:
            st.error(plain(handled[given.file_id]))
        return
    try:
        with st.spinner("Reading the model ..."):
            source = store_upload(given.getvalue(), given.name)
    except MissingObjective as error:
        st.warning(plain(str(error)))
        chosen = st.selectbox("Objective", error.candidates, help="The reaction whose flux is maximised, usually biomass.", key=f"candidate-{key}")
        how = "The model is shown with its own medium, and this reaction is what FBA maximises in it."
        if st.button("Open with this objective", key=f"open-{key}", type="primary", help=how):
            source = store_upload(given.getvalue(), given.name, objective=chosen)
            handled[given.file_id] = None
            done(LOAD)
            open_model(source, chosen)
            st.rerun()
        return
    except InputError as error:
        handled[given.file_id] = str(error)
        st.error(plain(str(error)))
        return
    handled[given.file_id] = None
    done(LOAD)
    open_model(source)
    st.rerun()


def condition_bar(view: ViewState) -> None:
    """Medium, knock-outs and objective."""
    with st.container(key="twos-condition"):
        left, middle, right, last = st.columns([2, 3, 2, 2], vertical_alignment="bottom")
    medium_box(left, view)
    knockout_box(middle, view)
    objective_box(right, view)
    uptakes_box(last, view)


def medium_box(place: DeltaGenerator, view: ViewState, side: Side = Side()) -> None:
    """Choice of a named medium."""
    media: list[str] = [OWN, *data.media(*model_of(view))]
    now = OWN if view.medium is None else view.medium if isinstance(view.medium, str) else EDITED
    if now not in media:
        media.append(now)
    key = bind(f"{side.key}_medium", now)

    def choose() -> None:
        picked = st.session_state[key]
        if picked != EDITED:
            state.update(**{side.medium: side.own if picked == OWN else picked})

    place.selectbox(f"Medium{side.suffix}", media, key=key, on_change=choose, help="Named media replace every uptake of the model.")


def knockout_box(place: DeltaGenerator, view: ViewState, side: Side = Side()) -> None:
    """Genes and reactions to knock out."""
    tables = data.tables(*model_of(view))
    known = [*tables.genes, *tables.reactions]
    symbols = dict(zip(tables.genes, tables.gene_names, strict=True))
    large = len(known) > LISTED
    lost = bind(f"{side.key}_knockouts", list(view.knockouts))
    place.multiselect(
        f"Knock-outs{side.suffix}",
        list(dict.fromkeys([*view.knockouts, *(_near(view, tables) if large else known)])),
        format_func=lambda k: f"{symbols[k]} ({k})" if symbols.get(k) and symbols[k] != k else k,
        key=lost,
        on_change=lambda: state.update(**{side.knockouts: tuple(_locus(k, tables) for k in st.session_state[lost])}),
        placeholder="type genes or reactions" if large else "genes or reactions",
        accept_new_options=large,
        help="Genes (locus or symbol) act through the gene-reaction rule: an isozyme keeps its reaction open. In a large model type the id.",
    )


def objective_box(place: DeltaGenerator, view: ViewState) -> None:
    """The reaction that is maximised."""
    tables = data.tables(*model_of(view))
    large = len(tables.genes) + len(tables.reactions) > LISTED
    aims = _objectives(view, tables) if large else tables.reactions
    options = list(dict.fromkeys([OWN, *aims, *([view.objective] if view.objective else [])]))
    aim = bind("explorer_objective", view.objective or OWN)
    place.selectbox(
        "Objective",
        options,
        key=aim,
        on_change=lambda: state.update(objective=None if st.session_state[aim] == OWN else st.session_state[aim]),
        accept_new_options=large,
        help="The reaction whose flux FBA maximises and the network reads out as growth. In a large model type any reaction's id.",
    )


def uptakes_box(place: DeltaGenerator, view: ViewState, side: Side = Side()) -> None:
    """The uptake of every nutrient, to edit."""
    how = "The largest uptake of each nutrient and the fluxes the cell is forced to carry, mmol/gDW/h; the medium then counts as edited."
    with place.popover(f"Edit uptakes{side.suffix}", icon=":material/edit:", width="stretch", help=how):
        _uptakes(view, side)


def _near(view: ViewState, tables: ModelTables) -> list[str]:
    """What the selection suggests to knock out: the reaction itself and its genes, or the gene."""
    kind, _, name = (view.selection or "").partition(":")
    if kind == "rxn" and name in set(tables.reactions):
        rule = set(re.findall(r"[^\s()]+", tables.gprs[tables.reactions.index(name)]))
        return [name, *(g for g in tables.genes if g in rule)]
    return [name] if kind == "gene" and name in set(tables.genes) else []


def _objectives(view: ViewState, tables: ModelTables) -> list[str]:
    """Reactions likely to be an objective: those that are one, biomass and maintenance, and the selected one."""
    kind, _, name = (view.selection or "").partition(":")
    likely = [r for r, c in zip(tables.reactions, tables.objective, strict=True) if c or "biomass" in r.lower() or r == "ATPM"]
    return [*likely, name] if kind == "rxn" and name in set(tables.reactions) else likely


def _locus(typed: str, tables: ModelTables) -> str:
    """The gene's locus for a symbol, anything else as it is."""
    typed = typed.strip()
    symbols = {symbol.lower(): gene for gene, symbol in zip(tables.genes, tables.gene_names, strict=True) if symbol}
    return typed if typed in set(tables.genes) | set(tables.reactions) else symbols.get(typed.lower(), typed)


def _uptakes(view: ViewState, side: Side) -> None:
    import pandas as pd

    from core.metabolic import demands, resolve_medium

    tables = data.tables(*model_of(view))
    medium, forced = resolve_medium(tables, view.medium), demands(tables)
    index = tables.reaction_index()
    for reaction, usual in forced.items():
        key = bind(f"{side.key}_demand_{reaction}", medium.get(reaction, usual))
        st.number_input(
            f"{plain(tables.reaction_names[index[reaction]] or reaction)}, at least",
            min_value=0.0,
            max_value=float(tables.upper[index[reaction]]) if isfinite(tables.upper[index[reaction]]) else None,
            key=key,
            on_change=lambda r=reaction, k=key: state.update(**{side.medium: {**medium, r: st.session_state[k]}}),
            help=f"{reaction}: a flux the cell is forced to carry, mmol/gDW/h; {usual:g} in the model.",
        )
    names = data.nutrients(*model_of(view))
    exchanges = sorted(names, key=lambda r: (r not in medium, r))
    rows = pd.DataFrame(
        {
            "nutrient": [names[r] for r in exchanges],
            "exchange": exchanges,
            "uptake": [medium.get(r, 0.0) for r in exchanges],
        }
    )
    st.caption("Largest uptake of each nutrient, mmol/gDW/h; 0 closes it.")
    edited = st.data_editor(
        rows,
        key=f"{side.key}-uptakes-{digest_of(model=view.model, medium=medium)}",
        hide_index=True,
        disabled=["nutrient", "exchange"],
        column_config={"uptake": st.column_config.NumberColumn("uptake", min_value=0.0, max_value=1e6, required=True)},
        height=360,
    )
    changed = {r: float(b) for r, b in zip(edited["exchange"], edited["uptake"], strict=True) if b > 0}
    changed |= {r: b for r, b in medium.items() if r in forced}
    if changed != medium:
        state.update(**{side.medium: changed})
        st.rerun()


def model_of(view: ViewState) -> tuple[str, str | None]:
    """The arguments that name a view's model to :mod:`core.ui.data`."""
    chosen = view.settings.get("explorer.model_objective")
    return view.model, str(chosen) if chosen else None
