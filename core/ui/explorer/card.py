"""The card of the selection: everything known of one reaction, metabolite, gene or pathway."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.ui import data, state
from core.ui.data import Given
from core.ui.explorer.head import select
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    import pandas as pd

    from core.explain import ReactionImportance

Later = Callable[[], None]
AROUND = "The drawing shows only what lies around it, 1 to 3 reactions away; the choices above it bring the others back."


def card(given: Given, view: ViewState) -> Later:
    """The card, or a hint when nothing is selected; returns what fills in the places that wait for flux balance analysis."""
    kind, _, name = (view.selection or "").partition(":")
    tables = data.tables(given.model, given.model_objective)
    ids = {"met": tables.metabolites, "gene": tables.genes}
    if kind == "sub":
        _pathway(given, view, name)
    elif kind == "rxn" and name in set(tables.reactions):
        return _reaction(given, view, name)
    elif kind in ids and name in set(ids[kind]):
        {"met": _metabolite, "gene": _gene}[kind](given, view, name)
    elif kind in ("rxn", "met", "gene"):
        st.info(plain(f"{name} is not in this model; search for another entity."))
    else:
        st.markdown("**Nothing selected**")
        st.caption("Click a reaction, a metabolite or a spoke in the drawing, a row of the table, or search above.")
    return _nothing


def _nothing() -> None:
    """Nothing waits."""


def _title(kind: str, name: str, full: str) -> None:
    left, right = st.columns([5, 1])
    left.markdown(f"**{kind} {plain(name)}**" + (f"  \n{plain(full)}" if full and full != name else ""))
    right.button("", icon=":material/close:", key="card-close", on_click=select, args=(None,), help="Clear the selection", type="tertiary")


def _facts(rows: dict[str, str]) -> None:
    st.markdown("\n".join(f"- **{what}**: {value}" for what, value in rows.items() if value))


def _reaction(given: Given, view: ViewState, name: str) -> Later:
    from core.metabolic import links
    from core.viz.svg import reaction_box_svg

    tables = data.tables(given.model, given.model_objective)
    e = tables.reactions.index(name)
    found = data.shown(given, view)
    row = found.table.iloc[e]
    _title("Reaction", name, tables.reaction_names[e])
    rows = found.incidences[found.incidences["reaction"] == name]
    gates = {(name, m): float(g) for m, g in zip(rows["metabolite"], rows["gate"], strict=True)}
    st.image(reaction_box_svg(tables, gates, name), width="stretch", alt=f"{name}: {tables.equation(e)}, spokes coloured by gate")
    source = "" if row["subsystem_source"] == "model" else f" ({row['subsystem_source']})"
    found_links = [f"[{db} {plain(i)}]({address})" for db, i, address in links(tables.reaction_annotations[e])]
    _facts(
        {
            "Gate": f"mean {row['gate']:.3f}, max {row['gate_max']:.3f}, spread {row['gate_spread']:.3f}",
            "Mean |message|": f"{row['message']:.4g}",
            **_growth(row),
            "Bounds here": f"{row['lower']:g} to {row['upper']:g} mmol/gDW/h",
            "Pathway": plain(f"{row['subsystem']}{source}"),
            "Genes": plain(tables.gprs[e]) or "no rule",
            "Equation": plain(tables.equation(e)),
            "Links": " · ".join(found_links),
        }
    )
    has_attention = data.checkpoint(view.checkpoint)[1].has_attention
    flux = st.empty()
    st.markdown(f"**Incidences**, {data.over(view)}")
    shown = ["metabolite", "coefficient", "gate", *(["attention", "attention_log2"] if has_attention else []), "norm", "message"]
    incidences = st.empty()
    incidences.dataframe(rows[shown], hide_index=True, column_config=columns(), alt=f"Incidences of {name}")
    if not has_attention:
        st.caption(f"The network {view.checkpoint} has no attention.")
    with st.expander("By layer and head"):
        detail = data.importance(given, view.checkpoint).of_reaction(name)
        by_layer = ["metabolite", "coefficient", "layer", "head", "gate", *(["attention"] if has_attention else []), "norm", "message"]
        st.dataframe(detail[by_layer], hide_index=True, column_config=columns(), alt=f"Incidences of {name} by layer and head")
    left, right = st.columns(2)
    left.button("Neighbourhood", icon=":material/hub:", on_click=state.update, kwargs={"view": "neighbourhood"}, width="stretch", help=AROUND)
    _knock_out(right, view, name)

    def fill() -> None:
        seeded = data.with_seeds(given, view)
        flux.markdown(f"- **Flux**: FBA {_flux(given, name)}, network {row['flux_predicted']:.3f} mmol/gDW/h\n- **Seeds**: {_seeds(seeded, e)}")
        if "gate_seed_sd" in seeded.incidences:
            mine = seeded.incidences[seeded.incidences["reaction"] == name]
            spread = [column for one in shown for column in ((one, "gate_seed_sd") if one == "gate" else (one,))]
            incidences.dataframe(mine[spread], hide_index=True, column_config=columns(), alt=f"Incidences of {name}")

    return fill


def _growth(row: pd.Series) -> dict[str, str]:
    """What the reaction does to a growth that is read from the uptakes."""
    if row.get("growth_brought", 0.0):
        return {"Growth": f"{row['growth_brought']:+.3f} /h of the network's prediction"}
    return {"Growth": f"closed, which costs {row['growth_lost']:.1%} of the network's prediction"} if row.get("growth_lost", 0.0) else {}


def _metabolite(given: Given, view: ViewState, name: str) -> None:
    from core.metabolic import links

    tables = data.tables(given.model, given.model_objective)
    v = tables.metabolites.index(name)
    found = data.with_seeds(given, view)
    rows = found.incidences[found.incidences["metabolite"] == name].sort_values("gate", ascending=False, kind="stable")
    _title("Metabolite", name, tables.metabolite_names[v])
    charge = tables.charges[v]
    found_links = [f"[{db} {plain(i)}]({address})" for db, i, address in links(tables.metabolite_annotations[v])]
    _facts(
        {
            "Formula": plain(tables.formulas[v]) or "unknown",
            "Charge": "unknown" if np.isnan(charge) else f"{charge:+g}",
            "Compartment": plain(tables.compartment_names.get(tables.compartments[v]) or tables.compartments[v]),
            "Reactions": f"{len(rows)}",
            "Gate": f"mean {rows['gate'].mean():.3f}, from {rows['gate'].min():.3f} to {rows['gate'].max():.3f} over its reactions",
            "Links": " · ".join(found_links),
        }
    )
    st.markdown("**Its reactions**, widest gate first")
    spread = ["gate_seed_sd"] if "gate_seed_sd" in rows else []
    shown = [
        "reaction",
        "coefficient",
        "gate",
        *spread,
        *(["attention_log2"] if data.checkpoint(view.checkpoint)[1].has_attention else []),
        "message",
    ]
    event = st.dataframe(
        rows[shown],
        hide_index=True,
        column_config=columns(),
        on_select="rerun",
        selection_mode="single-row",
        key=f"met-{name}",
        height=330,
        alt=f"Reactions of {name}",
    )
    chosen = event["selection"]["rows"]
    if chosen:
        select(f"rxn:{rows['reaction'].iloc[chosen[0]]}")
        st.rerun()
    st.button("Neighbourhood", icon=":material/hub:", on_click=state.update, kwargs={"view": "neighbourhood"}, width="stretch", help=AROUND)


def _gene(given: Given, view: ViewState, name: str) -> None:
    import re

    from core.metabolic import links

    tables = data.tables(given.model, given.model_objective)
    g = tables.genes.index(name)
    _title("Gene", name, tables.gene_names[g])
    mine = [r for r, rule in zip(tables.reactions, tables.gprs, strict=True) if name in re.findall(r"[^\s()]+", rule)]
    found = data.shown(given, view).table.set_index("reaction")
    _facts(
        {"Links": " · ".join(f"[{db} {plain(i)}]({address})" for db, i, address in links(tables.gene_annotations[g])), "Reactions": str(len(mine))}
    )
    rows = found.loc[mine, ["gpr", "gate", "message"]].reset_index()
    event = st.dataframe(
        rows, hide_index=True, column_config=columns(), on_select="rerun", selection_mode="single-row", key=f"gene-{name}", alt=f"Reactions of {name}"
    )
    chosen = event["selection"]["rows"]
    if chosen:
        select(f"rxn:{rows['reaction'].iloc[chosen[0]]}")
        st.rerun()
    _knock_out(st.container(), view, name)


def _pathway(given: Given, view: ViewState, name: str) -> None:
    from core.viz.view import over_seeds

    table = data.with_seeds(given, view).table
    _title("Pathway", name, "")
    if name not in set(table["subsystem"]):
        st.info(plain(f"This model has no pathway {name}."))
        return
    mine = table[table["subsystem"] == name]
    sources = ", ".join(sorted(set(mine["subsystem_source"])))
    spread = data.subsystem_rows(given, view).set_index("subsystem")["gate_seed_sd"].get(name, float("nan"))
    _facts(
        {
            "Reactions": str(len(mine)),
            "Mean gate": f"{mine['gate'].mean():.3f}{over_seeds(spread)}",
            "Mean |message|": f"{mine['message'].mean():.4g}",
            "Assigned by": plain(sources),
        }
    )
    st.dataframe(
        mine[[c for c in ("reaction", "gate", "gate_seed_sd", "message") if c in mine]].sort_values("gate", ascending=False),
        hide_index=True,
        column_config=columns(),
        alt=f"Reactions of {name}",
    )


def _knock_out(place: DeltaGenerator, view: ViewState, name: str) -> None:
    place.button(
        "Knock out",
        icon=":material/block:",
        on_click=state.update,
        kwargs={"knockouts": (*view.knockouts, name)},
        disabled=name in view.knockouts,
        width="stretch",
        help="Joins the knock-outs above: the network and FBA are asked again without it; Undo takes it back.",
    )


def _seeds(found: ReactionImportance, reaction: int) -> str:
    """The error bars of one reaction over the seeds of an ensemble, in words."""
    if found.seeds < 2:
        return "a single network, no error bar"
    row = found.table.iloc[reaction]
    gate = f"gate ± {row['gate_seed_sd']:.3f}" if "gate_seed_sd" in found.table else "gate: no error bar for one layer or head"
    return f"{gate}, flux ± {row['flux_seed_sd']:.3f} mmol/gDW/h ({found.seeds} networks, standard deviation)"


def _flux(given: Given, name: str) -> str:
    solved = data.fba(given)
    return f"{solved.fluxes[name]:.3f}" if name in solved.fluxes.index else f"none ({solved.status})"


def columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "coefficient": number("s", help="Stoichiometric coefficient: negative is consumed", format="%+g"),
        "gate": st.column_config.ProgressColumn("gate", min_value=0.0, max_value=1.0, format="%.3f", help="0 closed, 1 open"),
        "gate_spread": number("gate sd", format="%.3f", help="Standard deviation over layers and heads"),
        "gate_seed_sd": number("± seeds", format="%.3f", help="Standard deviation of the mean gate over the networks of the ensemble"),
        "flux_seed_sd": number("± flux", format="%.3f", help="Standard deviation of the predicted flux over the networks of the ensemble"),
        "growth_brought": number(
            "growth brought", format="%+.3f", help="1/h of the predicted growth that this limited uptake brings, or a forced flux costs"
        ),
        "growth_lost": number("growth lost", format="%.3f", help="Share of the predicted growth that is lost because this reaction is closed"),
        "gate_max": number("max", format="%.3f"),
        "attention": number("attention", format="%.3f"),
        "attention_log2": number("log2 att.", format="%+.2f", help="log2 of attention times competitors: 0 is an even share"),
        "norm": number("norm", format="%.3g", help="B of the reaction: 1 / sum of |s|"),
        "message": number("|message|", format="%.3g"),
    }
