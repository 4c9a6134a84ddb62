"""Below the drawing: reactions ranked by gate, plots over layers and heads, and everything as files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.ui import data, state
from core.ui.bind import bind, take
from core.ui.data import Given
from core.ui.explain import trial
from core.ui.explain.data import Asked
from core.ui.explorer.card import columns
from core.ui.explorer.drawing import network_view, picked_entity
from core.ui.explorer.head import select
from core.ui.view_state import ViewState
from core.viz.plots import alt_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PANELS = ("Reactions", "Incidences", "Plots", "Export")
SHOWN = [
    "reaction",
    "name",
    "gate",
    "gate_seed_sd",
    "gate_max",
    "gate_spread",
    "message",
    "attention",
    "flux_predicted",
    "flux_seed_sd",
    "growth_brought",
    "growth_lost",
    "subsystem",
    "equation",
    "gpr",
]
ALL = "all"


def below(given: Given, view: ViewState) -> None:
    """The chosen panel."""
    panel = st.segmented_control(
        "Panel",
        PANELS,
        default=PANELS[0],
        required=True,
        key="explorer_panel",
        label_visibility="collapsed",
        help="Which table or plots are shown below, or everything as files.",
    )
    if panel != "Export":
        _filters(given, view)
    {"Reactions": _reactions, "Incidences": _incidences, "Plots": _plots, "Export": _export}[panel or PANELS[0]](given, view)


def _filters(given: Given, view: ViewState) -> None:
    tables = data.tables(given.model, given.model_objective)
    with st.container(key="twos-table"):
        left, middle, right = st.columns(3, vertical_alignment="bottom")
    names = [ALL, *sorted(set(data.subsystems(given.model, given.model_objective).names))]
    chosen = bind("filter_subsystem", view.settings.get("explorer.filter") if view.settings.get("explorer.filter") in names else ALL)
    left.selectbox(
        "Pathway",
        names,
        key=chosen,
        on_change=lambda: state.update(settings={"explorer.filter": None if st.session_state[chosen] == ALL else st.session_state[chosen]}),
        help="Only reactions of this pathway (subsystem of the model).",
    )
    places = [ALL, *sorted(set(tables.compartments))]
    place = bind("filter_compartment", view.compartment if view.compartment in places else ALL)
    middle.selectbox(
        "Compartment",
        places,
        format_func=lambda c: tables.compartment_names.get(c) or c,
        key=place,
        on_change=lambda: state.update(compartment=None if st.session_state[place] == ALL else st.session_state[place]),
        help="Only reactions with a metabolite in this compartment.",
    )
    gene = bind("filter_gene", view.gene or "")
    right.text_input(
        "Gene (symbol or locus)",
        key=gene,
        on_change=lambda: state.update(gene=st.session_state[gene].strip()[:100] or None),
        help="Only reactions whose gene rule names this gene.",
    )


def filtered(given: Given, view: ViewState) -> pd.DataFrame:
    """Reactions that pass the filters, widest mean gate first."""
    tables = data.tables(given.model, given.model_objective)
    table = data.with_seeds(given, view).table
    keep = pd.Series(True, index=table.index)
    if view.settings.get("explorer.filter") in set(table["subsystem"]):
        keep &= table["subsystem"] == view.settings["explorer.filter"]
    if view.compartment in set(tables.compartments):
        inside = {tables.reactions[e] for v, e in zip(tables.rows, tables.cols, strict=True) if tables.compartments[v] == view.compartment}
        keep &= table["reaction"].isin(inside)
    if view.gene:
        wanted = view.gene.lower()
        genes = {g for g, symbol in zip(tables.genes, tables.gene_names, strict=True) if wanted in (g.lower(), symbol.lower())}
        keep &= table["gpr"].map(lambda rule: bool(genes & set(re.findall(r"[^\s()]+", rule))))
    return table[keep].sort_values("gate", ascending=False, kind="stable")


def _reactions(given: Given, view: ViewState) -> None:
    rows = filtered(given, view)
    if rows.empty:
        _nothing_passes()
        return
    has_attention = data.checkpoint(view.checkpoint)[1].has_attention
    st.caption(
        f"{len(rows):,} reactions, widest mean gate first ({data.over(view)}). Gate, |message| and attention are different things; none of them "
        "proves what the network relies on." + ("" if has_attention else f" The network {view.checkpoint} has no attention.") + f" {_seeds(view)}"
    )
    trial.standing(Asked.growth(given, view).function, ("gate", "message", "attention"))
    shown = [c for c in SHOWN if c in rows and (has_attention or c != "attention")]
    config = columns() | {
        "attention": st.column_config.NumberColumn("log2 att.", format="%+.2f", help="Mean log2 of attention times competitors: 0 is an even share"),
        "gate_spread": st.column_config.NumberColumn("gate sd", format="%.3f", help="Standard deviation over incidences, layers and heads"),
        "flux_predicted": st.column_config.NumberColumn("flux, network", format="%.3f", help="mmol/gDW/h, predicted by the network"),
        "subsystem": "pathway",
        "gpr": "genes",
    }
    of_growth = [c for c in ("growth_brought", "growth_lost") if c in shown]  # most reactions have no part in it, and +0.000 would read as a finding
    event = st.dataframe(
        rows[shown].assign(**{c: rows[c].replace(0.0, float("nan")) for c in of_growth}),
        hide_index=True,
        column_config=config,
        on_select="rerun",
        selection_mode="single-row",
        key=f"reactions-{given.model[-12:]}",
        height=420,
        placeholder="",
        alt="Reactions ranked by mean gate",
    )
    chosen = event["selection"]["rows"]
    take(f"rxn:{rows['reaction'].iloc[chosen[0]]}" if chosen and chosen[0] < len(rows) else None, "table", select)


def _seeds(view: ViewState) -> str:
    count = data.seeds(view.checkpoint)
    return f"± is the standard deviation over {count} networks of other seeds." if count > 1 else "A single network: no error bars over seeds."


def _nothing_passes() -> None:
    st.info("No reaction passes these filters; clear one of them.")


def _incidences(given: Given, view: ViewState) -> None:
    found = data.with_seeds(given, view)
    rows = found.incidences[found.incidences["reaction"].isin(filtered(given, view)["reaction"])].sort_values("gate", ascending=False, kind="stable")
    if rows.empty:
        _nothing_passes()
        return
    has_attention = data.checkpoint(view.checkpoint)[1].has_attention
    st.caption(f"{len(rows):,} incidences of these reactions, widest gate first; {data.over(view)}.")
    dropped = [] if has_attention else ["attention", "attention_log2"]
    st.dataframe(rows.drop(columns=dropped), hide_index=True, column_config=columns(), height=420, alt="Incidences ranked by gate")


def _plots(given: Given, view: ViewState) -> None:
    from core.viz import plots

    found = data.shown(given, view)
    rows = filtered(given, view)
    if rows.empty:
        _nothing_passes()
        return
    st.caption(f"{data.over(view).capitalize()}; the histograms show every layer and head.")
    left, right = st.columns(2)
    with left:
        _plot(plots.ranking_bars(rows, "gate"), "ranking")
    with right:
        _plot(plots.message_vs_gate(rows), "scatter")
    detail = data.importance(given, view.checkpoint).per_layer
    _plot(plots.gate_histogram(detail[detail["reaction"].isin(rows["reaction"])]), "histogram", selects=False)
    if not data.checkpoint(view.checkpoint)[1].has_attention:
        st.info(f"The network {view.checkpoint} has no attention.")
    elif view.selection and view.selection.startswith(("rxn:", "met:")):
        _plot(plots.attention_bars(found.incidences, view.selection), "attention")
    else:
        st.caption("Select a reaction or a metabolite to see the attention of its incidences.")


def _plot(figure: Figure, name: str, *, selects: bool = True) -> None:
    alt = alt_text(figure)
    if not selects:
        st.plotly_chart(figure, key=f"plot-{name}", alt=alt)
        return
    event = st.plotly_chart(figure, key=f"plot-{name}", on_select="rerun", selection_mode="points", alt=alt)
    take(picked_entity(event), name, select)


def _export(given: Given, view: ViewState) -> None:
    from core.explain.interchange import escher_metabolites, escher_reactions, to_graphml, to_hif
    from core.explain.manifest import model_in_manifest
    from core.explain.reports import reactions_report
    from core.viz.network import standalone_html
    from core.viz.svg import network_svg

    found = data.with_seeds(given, view)
    stem = f"{found.graph.tables.id}-{found.manifest['key'][:12]}"
    st.caption(f"Everything of this view, named {stem}; plots download through their own toolbar, the network's PNG through its own button.")
    fluxes = data.fba(given).fluxes.reindex(found.table["reaction"]).to_numpy()
    table = found.table.assign(flux_fba=fluxes)
    drawn, _ = (None, []) if view.view == "matrix" else network_view(given, view)
    solved = data.fba(given)
    manifest = found.manifest | {
        "model": model_in_manifest(found.graph.tables, given.model, objective=given.model_objective),
        "fba": {"growth": solved.growth if solved.status == "optimal" else None, "status": solved.status, "fluxes": solved.method},
        "view": view.to_query(),
        "numbers": data.over(view),
    }
    title = found.graph.tables.name or found.graph.tables.id
    card = data.checkpoint(view.checkpoint)[1].content
    about = {
        "Model": found.graph.tables.id,
        "Medium": "the model's own" if given.medium is None else given.medium if isinstance(given.medium, str) else "edited: in the manifest",
        "Knock-outs": ", ".join(given.knockouts) or "none",
        "Objective": given.objective or "the model's own",
        "Network": view.checkpoint,
        "Numbers": data.over(view),
        "Growth by the network (1/h)": found.prediction,
        "Growth by flux balance analysis (1/h)": solved.growth if solved.status == "optimal" else solved.status,
    }

    def whole_report() -> str:
        ordered = table.sort_values("gate", ascending=False, kind="stable")
        svg = None if drawn is None else network_svg(drawn, title=title)
        return reactions_report(ordered, manifest, about=about, card=card, drawn=svg, said=f"The network of {title} as shown")

    load = "In Escher: Data, Load reaction data."
    parquet = "application/vnd.apache.parquet"
    files: list[tuple[str, str, str, str, Callable[[], str | bytes]]] = [
        (
            "Report, HTML that opens offline",
            "What was asked, the network as drawn, plots, the table of reactions, methods with references, and the manifest.",
            f"{stem}-report.html",
            "text/html",
            whole_report,
        ),
        (
            "Reactions, CSV",
            "One row per reaction of the whole model, whatever is filtered: gate, |message|, attention, and flux by network and FBA (mmol/gDW/h).",
            f"{stem}-reactions.csv",
            "text/csv",
            lambda: table.to_csv(index=False),
        ),
        (
            "Reactions, Parquet",
            "The same rows and columns as the CSV, for programs that read Parquet.",
            f"{stem}-reactions.parquet",
            parquet,
            lambda: table.to_parquet(index=False),
        ),
        (
            "Incidences, CSV",
            "One row for each metabolite in each reaction of the model: stoichiometric coefficient, gate, attention and |message|.",
            f"{stem}-incidences.csv",
            "text/csv",
            lambda: found.incidences.to_csv(index=False),
        ),
        (
            "Incidences, Parquet",
            "The same rows and columns as the CSV, for programs that read Parquet.",
            f"{stem}-incidences.parquet",
            parquet,
            lambda: found.incidences.to_parquet(index=False),
        ),
        (
            "Layers and heads, Parquet",
            "One row for each incidence in each layer and head, before anything is averaged.",
            f"{stem}-layers.parquet",
            parquet,
            lambda: found.per_layer.to_parquet(index=False),
        ),
        (
            "Manifest, JSON",
            "What the numbers follow from: model, condition, network, versions and hashes; also FBA's growth and the view.",
            f"{stem}-manifest.json",
            "application/json",
            lambda: json.dumps(manifest, indent=1, default=str),
        ),
        (
            "Hypergraph, HIF JSON",
            "Metabolites as nodes, reactions as edges, |s| as weight, what is consumed as tail; gates and fluxes as attributes.",
            f"{stem}.hif.json",
            "application/json",
            lambda: json.dumps(to_hif(found), default=str),
        ),
        (
            "Graph of two kinds of nodes, GraphML",
            "Metabolites and reactions as nodes, an edge from what is consumed to the reaction and on to what is made; gates as attributes.",
            f"{stem}.graphml",
            "application/xml",
            lambda: to_graphml(found),
        ),
        (
            "Escher reaction data: gates",
            f"The mean gate of each reaction, 0 to 1. {load}",
            f"{stem}-escher-gates.json",
            "application/json",
            lambda: json.dumps(escher_reactions(found, "gate")),
        ),
        (
            "Escher reaction data: predicted fluxes",
            f"The flux that the network predicts, mmol/gDW/h. {load}",
            f"{stem}-escher-fluxes.json",
            "application/json",
            lambda: json.dumps(escher_reactions(found, "flux_predicted")),
        ),
        (
            "Escher metabolite data: mean gates",
            "The mean gate of each metabolite over its reactions. In Escher: Data, Load metabolite data.",
            f"{stem}-escher-metabolites.json",
            "application/json",
            lambda: json.dumps(escher_metabolites(found)),
        ),
    ]
    if drawn is not None:
        files += [
            (
                "Network, SVG",
                "The drawing of this view as vectors, written from its coordinates, for a figure or a slide.",
                f"{stem}-network.svg",
                "image/svg+xml",
                lambda: network_svg(drawn, title=title),
            ),
            (
                "Network, HTML that opens offline",
                "The drawing of this view with its legend as a page to move and zoom in.",
                f"{stem}-network.html",
                "text/html",
                lambda: standalone_html(drawn, title),
            ),
        ]
    for column, (label, what, name, mime, make) in zip(st.columns(2) * len(files), files, strict=False):
        column.download_button(
            label,
            data=make,
            file_name=name,
            mime=mime,
            on_click="ignore",
            key=f"download-{label}",
            width="stretch",
            icon=":material/download:",
            help=what,
        )
