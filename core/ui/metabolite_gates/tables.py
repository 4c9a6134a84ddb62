"""The controls beside the network, the tables of the test and their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.ui.bind import take
from core.ui.explorer.drawing import picked_entity
from core.ui.explorer.head import select
from core.ui.metabolite_gates.data import Asked, controls
from core.ui.text import plain
from core.ui.view_state import ViewState
from core.viz.plots import alt_text

if TYPE_CHECKING:
    import pandas as pd

    from core.explain import MetaboliteGateTest

PANELS = ("Networks", "Reactions", "Conditions", "Export")
HELD = {
    "gates": "One row for each network and reaction of the metabolite: coefficient, role, mean gate and its spread over conditions.",
    "networks": "One row per network: spread of the gates and AUROC, with 95% intervals.",
    "comparisons": "One row per kind of control: this network's spread and AUROC minus the control's, with intervals.",
    "spread": "One row for each network and condition: the standard deviation of the gates over reactions.",
    "replacement": "One row for each set of gates that was replaced: growth R² against FBA, and how far growth and fluxes changed.",
}
"""What is in each table's file."""


def networks(asked: Asked, test: MetaboliteGateTest, view: ViewState) -> None:
    """The same gates in the controls, on one scale."""
    from core.viz.gate_test_plots import network_strip

    if not controls(asked.network):
        st.info(
            plain(
                f"No control of {asked.network} is installed (a network trained on shuffled labels, or with one gate per metabolite): it is compared "
                "with untrained networks of its own configuration."
            ),
            icon=":material/info:",
        )
    st.caption(f"Means over layers and heads, and over {len(test.conditions)} conditions: {plain(', '.join(test.conditions))}.")
    figure = network_strip(test.gates, asked.metabolite, selected=view.selection)
    key = "metabolite_gates_networks"
    take(picked_entity(st.plotly_chart(figure, key=key, on_select="rerun", selection_mode="points", alt=alt_text(figure))), key, select)


def below(asked: Asked, test: MetaboliteGateTest) -> None:
    """The chosen panel."""
    panel = st.segmented_control(
        "Panel",
        PANELS,
        default=PANELS[0],
        required=True,
        key="metabolite_gates_panel",
        label_visibility="collapsed",
        help="Which table of the test is shown.",
    )
    if panel == "Export":
        _export(asked, test)
    elif panel == "Reactions":
        _reactions(test)
    elif panel == "Conditions":
        table = test.spread.pivot(index="network", columns="condition", values="spread")[list(test.conditions)].loc[list(test.networks["network"])]
        st.caption("Standard deviation over reactions of the mean gate, under each condition.")
        st.dataframe(table, column_config={c: _number(c) for c in table.columns}, alt="Spread of the gates by network and condition")
    else:
        _networks(test)


def _networks(test: MetaboliteGateTest) -> None:
    st.caption(
        "Spread: standard deviation over reactions, mean over conditions. AUROC: how well the gate ranks central above peripheral reactions that "
        "consume one molecule; .5 is chance. Intervals: 95%, bootstrap over reactions."
    )
    shown = ["network", "kind", "gate", "spread", "spread_low", "spread_high", "spread_in_layers", "auroc", "auroc_low", "auroc_high", "auroc_p"]
    config = {
        "gate": st.column_config.TextColumn("gate mode"),
        "spread_low": _number("from"),
        "spread": _number("spread"),
        "spread_high": _number("to"),
        "spread_in_layers": _number("spread in layers", "Standard deviation over reactions within each layer and head, averaged over them"),
        "auroc": _number("AUROC"),
        "auroc_low": _number("from "),
        "auroc_high": _number("to "),
        "auroc_p": _number("p", "Two-sided Mann-Whitney test of central against peripheral"),
        "central": "central",
        "peripheral": "peripheral",
    }
    st.dataframe(test.networks[[*shown, "central", "peripheral"]], hide_index=True, column_config=config, alt="Spread and AUROC of every network")


def _reactions(test: MetaboliteGateTest) -> None:
    mine = test.gates[test.gates["network"] == test.subject].drop(columns=["network", "kind", "size"])
    rows = mine.sort_values("gate", ascending=False, kind="stable")
    config = {
        "gate": st.column_config.ProgressColumn("gate", min_value=0.0, max_value=1.0, format="%.3f", help="Mean over conditions, layers and heads"),
        "coefficient": st.column_config.NumberColumn("s", format="%+g", help="Stoichiometric coefficient: negative is consumed"),
        "subsystem": "pathway",
        "gate_conditions_sd": _number("sd over conditions"),
        **{c: _number(c.replace("_", " ")) for c in rows.columns if c.startswith("layer_")},
    }
    event = st.dataframe(
        rows,
        hide_index=True,
        column_config=config,
        on_select="rerun",
        selection_mode="single-row",
        key="metabolite_gates_reactions",
        height=420,
        alt=f"Gates of {test.metabolite} in each of its reactions",
    )
    picked = event["selection"]["rows"]
    take(f"rxn:{rows['reaction'].iloc[picked[0]]}" if picked and picked[0] < len(rows) else None, "metabolite_gates_reactions", select)


def _number(label: str, text: str | None = None) -> Any:
    return st.column_config.NumberColumn(label, format="%.3f", help=text)


def _export(asked: Asked, test: MetaboliteGateTest) -> None:
    stem = f"{test.model}-{asked.metabolite}-gates-{test.manifest['key'][:12]}"
    tables: dict[str, pd.DataFrame] = {"gates": test.gates, "networks": test.networks, "comparisons": test.comparisons, "spread": test.spread}
    if test.replacement is not None:
        tables["replacement"] = test.replacement.table
    manifest = test.manifest | {"verdict": test.verdict}
    files: list[tuple[str, str, str, str, Callable[[], str]]] = [
        (f"{name.capitalize()}, CSV", HELD[name], f"{stem}-{name}.csv", "text/csv", lambda table=table: table.to_csv(index=False))  # type: ignore[misc]
        for name, table in tables.items()
    ]
    told = "What the numbers follow from: versions, hashes and settings; and the verdict."
    files.append(("Manifest, JSON", told, f"{stem}-manifest.json", "application/json", lambda: json.dumps(manifest, indent=1, default=str)))
    for column, (label, what, name, mime, make) in zip(st.columns(2) * 4, files, strict=False):
        column.download_button(
            label,
            make,
            name,
            mime,
            on_click="ignore",
            key=f"metabolite-gates-{label}",
            width="stretch",
            icon=":material/download:",
            help=what,
        )
