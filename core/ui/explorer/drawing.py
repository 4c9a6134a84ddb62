"""The drawing: subsystems of a large model, a pathway, a neighbourhood, or gates as a matrix."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import InputError
from core.ui import data, state
from core.ui.bind import bind
from core.ui.data import Given
from core.ui.explorer.head import is_small, select
from core.ui.network_component import network
from core.ui.text import plain
from core.ui.view_state import ViewState
from core.viz.plots import alt_text
from core.viz.view import NetworkView, neighbourhood, pathway_view

ALL = "all"
VIEWS = {"overview": "Overview", "pathway": "Pathway", "neighbourhood": "Neighbourhood", "matrix": "Matrix"}
MODES = {"hidden": "hide", "cloned": "clone", "shown": "show"}
COLOURS = {"gate": "gate", "attention": "attention", "message": "|message|"}
LARGEST = 150
"""Reactions in one drawing at most; a larger pathway shows those with the widest mean gates."""


def view_bar(given: Given, view: ViewState) -> None:
    """Which drawing, of what, coloured by what."""
    has_attention = data.checkpoint(view.checkpoint)[1].has_attention
    with st.container(key="view-bar"):
        left, middle, right, layer, head = st.columns([6, 4, 2, 2, 2], vertical_alignment="bottom")
    key = bind("explorer_view", view.view)
    left.segmented_control(
        "View",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        key=key,
        required=True,
        on_change=lambda: state.update(view=st.session_state[key]),
        help="All pathways, one pathway, what lies around the selection, or the stoichiometric matrix.",
    )
    with middle:
        if view.view in ("pathway", "matrix"):
            names = sorted(set(data.subsystems(given.model, given.model_objective).names))
            pathway = bind("explorer_pathway", chosen_pathway(given, view))
            st.selectbox(
                "Pathway",
                names,
                key=pathway,
                on_change=lambda: state.update(subsystem=st.session_state[pathway], selection=None),
                help="The pathway (subsystem of the model) that is drawn.",
            )
        elif view.view == "neighbourhood":
            hops = bind("explorer_hops", view.hops)
            st.segmented_control(
                "Reach, reactions away from the selection",
                [1, 2, 3],
                key=hops,
                required=True,
                on_change=lambda: state.update(hops=st.session_state[hops]),
                help="How far around the selection the drawing goes, counted in reactions.",
            )
    if is_network(view):
        with right:
            colour = bind("explorer_colour", view.colour_by if view.colour_by in COLOURS else "gate")
            st.selectbox(
                "Colour",
                list(COLOURS),
                format_func=COLOURS.__getitem__,
                key=colour,
                on_change=lambda: state.update(colour_by=st.session_state[colour]),
                help="Gate: 0 closed, 1 open, on a fixed scale. Attention: log2 of attention times competitors, 0 = an even share.",
            )
    config = data.checkpoint(view.checkpoint)[0].config
    now_layer, now_head = data.layer_and_head(view)
    _which(layer, "Layer", "layer", now_layer, config.layers)
    _which(head, "Head", "head", now_head, config.heads)
    if view.colour_by == "attention" and not has_attention:
        st.info(f"The network {view.checkpoint} has no attention; choose gate or |message|.")


def _which(place: DeltaGenerator, label: str, name: str, now: int | None, count: int) -> None:
    options: list[int | str] = [ALL, *range(count)]
    key = bind(f"explorer_{name}", ALL if now is None else now)
    place.selectbox(
        label,
        options,
        format_func=lambda n: n if isinstance(n, str) else str(n + 1),
        key=key,
        on_change=lambda: state.update(**{name: None if st.session_state[key] == ALL else st.session_state[key]}),
        help="All: the mean over them. Every number on this page follows.",
    )


def currency_bar(given: Given, view: ViewState) -> None:
    """Currency metabolites, an own map, blocked reactions."""
    with st.popover("Drawing options", icon=":material/tune:", help="How ATP, water and other hubs are drawn, and an Escher map for positions."):
        mode = bind("explorer_currency_mode", view.currency_mode)
        st.segmented_control(
            "Currency metabolites",
            list(MODES),
            key=mode,
            required=True,
            on_change=lambda: state.update(currency_mode=st.session_state[mode]),
            help="Water, protons, ATP and other hubs tie everything to everything: hide them, draw a copy for each reaction, or show them.",
        )
        tables = data.tables(given.model, given.model_objective)
        known = set(tables.metabolites)
        listed = bind("explorer_currency", [m for m in currency(given, view) if m in known])
        st.multiselect(
            "Which are currency",
            list(dict.fromkeys([*data.hubs(given.model, given.model_objective), *currency(given, view)])),
            key=listed,
            on_change=lambda: state.update(currency=tuple(st.session_state[listed])),
            help="Offered are the metabolites in most reactions; by default the first of them.",
        )
        usual = "The metabolites in most reactions of this model; Undo brings your own list back."
        if st.button("Back to the default list", disabled=view.currency is None, help=usual):
            state.update(currency=None)
            st.rerun()
        st.file_uploader("Escher map (JSON) for positions", type=["json"], key="explorer_escher", help="Made with Escher; matched by reaction id.")
        if not is_small(view):
            grey = bind("explorer_grey", wants_blocked(view))
            st.toggle(
                "Grey out blocked reactions",
                key=grey,
                on_change=lambda: state.update(settings={"explorer.blocked": st.session_state[grey] or None}),
                help="Which reactions cannot carry flux here; takes some seconds on a genome-scale model.",
            )


def wants_blocked(view: ViewState) -> bool:
    """Whether blocked reactions are greyed: always in small models, on request in large ones."""
    return is_small(view) or bool(view.settings.get("explorer.blocked"))


def currency(given: Given, view: ViewState) -> tuple[str, ...]:
    """The currency metabolites of the view."""
    return view.currency if view.currency is not None else data.default_currency(given.model, given.model_objective)


def chosen_pathway(given: Given, view: ViewState) -> str:
    """The pathway shown: the one chosen, that of the selected reaction, or the largest."""
    found = data.subsystems(given.model, given.model_objective)
    tables = data.tables(given.model, given.model_objective)
    if view.subsystem in set(found.names):
        return str(view.subsystem)
    reaction = (view.selection or "").removeprefix("rxn:")
    if reaction in set(tables.reactions):
        return found.names[tables.reactions.index(reaction)]
    inner = [n for n, exchange in zip(found.names, tables.exchange, strict=True) if not exchange]
    return max(sorted(set(inner or found.names)), key=(inner or list(found.names)).count)


def shown_reactions(given: Given, view: ViewState) -> tuple[list[str], str]:
    """The reactions of the drawing, and a sentence on what was left out."""
    tables = data.tables(given.model, given.model_objective)
    if view.view == "overview" and is_small(view):
        return list(tables.reactions), ""
    if view.view == "neighbourhood":
        if not view.selection or not view.selection.startswith(("rxn:", "met:")):
            return [], "Select a reaction or a metabolite (search, table or drawing) to see its neighbourhood."
        near = neighbourhood(tables, view.selection, view.hops, currency(given, view), limit=LARGEST)
        return list(near.reactions), near.sentence
    wanted = chosen_pathway(given, view)
    reactions = data.members(data.subsystems(given.model, given.model_objective).names, wanted, tables.reactions)
    if len(reactions) <= LARGEST:
        return reactions, ""
    ranked = data.shown(given, view).table.set_index("reaction").loc[reactions, "gate"].sort_values(ascending=False, kind="stable")
    return list(ranked.index[:LARGEST]), f"{wanted} has {len(reactions)} reactions; the {LARGEST} with the largest mean gate are drawn."


def network_view(given: Given, view: ViewState) -> tuple[NetworkView | None, list[str]]:
    """The drawing as data, and notes on it."""
    if not is_network(view):
        return data.overview(given, view, currency(given, view)), []
    reactions, note = shown_reactions(given, view)
    notes = [note] if note else []
    if not reactions:
        return None, notes
    tables = data.tables(given.model, given.model_objective)
    positions, coverage = escher_positions(given)
    notes += [coverage] if coverage else []
    found = data.with_seeds(given, view)
    blocked = data.blocked(given) if wants_blocked(view) else frozenset()
    drawn = pathway_view(
        tables,
        found.incidences,
        reactions=reactions,
        currency=currency(given, view),
        currency_mode=MODES[view.currency_mode],  # type: ignore[arg-type]
        selected=view.selection,
        colour_by=view.colour_by if view.colour_by in COLOURS else "gate",  # type: ignore[arg-type]
        positions=positions,
        blocked=blocked,
        gate_sd=found.gate_sd,
        over=data.over(view),
    )
    return drawn, notes


def escher_positions(given: Given) -> tuple[dict[str, tuple[float, float]] | None, str]:
    """Coordinates of the Escher map that was loaded, and how much of the model they cover."""
    uploaded = st.session_state.get("explorer_escher")
    if uploaded is None:
        return None, ""
    from core.viz.escher import map_positions, read_escher

    try:
        positions, coverage = map_positions(read_escher(uploaded.getvalue()), data.tables(given.model, given.model_objective))
    except InputError as error:
        st.error(plain(str(error)))
        return None, ""
    return positions, coverage.sentence


def is_network(view: ViewState) -> bool:
    """Whether the drawing is a network (and not the overview of a large model, nor a matrix)."""
    return view.view in ("pathway", "neighbourhood") or (view.view == "overview" and is_small(view))


def draw(given: Given, view: ViewState) -> None:
    """The drawing itself; a click changes the selection."""
    if view.view == "matrix":
        _matrix(given, view)
        return
    drawn, notes = network_view(given, view)
    for note in notes:
        st.caption(plain(note))
    if drawn is not None:
        network(drawn, key="explorer-network", on_pick=select)
    if drawn is not None and drawn.of_subsystems:
        st.caption("Each circle is a pathway: its size the number of reactions, its colour their mean gate. Click one to open it.")


def _matrix(given: Given, view: ViewState) -> None:
    from core.viz.plots import gate_matrix

    reactions, note = shown_reactions(given, view)
    if note:
        st.caption(plain(note))
    found = data.with_seeds(given, view)
    rows = found.incidences[found.incidences["reaction"].isin(reactions)]
    hidden = set(currency(given, view)) if view.currency_mode == "hidden" else set()
    metabolites = [m for m in dict.fromkeys(rows["metabolite"]) if m not in hidden]
    figure = gate_matrix(found.incidences, reactions, metabolites)
    st.plotly_chart(figure, key="explorer-matrix", alt=alt_text(figure))


def picked_entity(event: object) -> str | None:
    """The entity of a clicked point: figures carry it in ``customdata``."""
    points = event.get("selection", {}).get("points", []) if hasattr(event, "get") else []
    if not points:
        return None
    custom = points[0].get("customdata")
    custom = custom[0] if isinstance(custom, (list, tuple)) and custom else custom
    return custom if isinstance(custom, str) else None
