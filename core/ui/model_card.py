"""A model card on the page: every figure as it was measured on held-out conditions, baselines beside it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui import networks, state
from core.ui.bind import bind
from core.ui.text import duration, plain

FIGURES = {
    "growth_r2": "growth R²",
    "growth_r2_growing": "growth R², growing only",
    "growth_mae": "growth error, 1/h",
    "flux_r2_median": "flux R², median",
    "flux_r2_pooled": "flux R², pooled",
}


def draw() -> None:
    """The card of the checkpoint of the view."""
    from core.models import load_card

    names = networks.choices()
    now = state.current().checkpoint
    key = bind("card_checkpoint", now if now in names else names[0])
    name = st.selectbox("Checkpoint", names, format_func=networks.label, key=key, on_change=lambda: state.update(checkpoint=st.session_state[key]))
    try:
        card = load_card(networks.source(name))
    except InputError as error:
        st.error(plain(str(error)))
        return
    content = card.content
    st.markdown(plain(card.summary))
    _headline(content)
    st.subheader("Held out, beside its baselines")
    rows = {f"{name} (this network)": content["test"], **content["baselines"]}
    table = pd.DataFrame({label: {title: figures.get(figure) for figure, title in FIGURES.items()} for label, figures in rows.items()}).T
    st.dataframe(
        table,
        column_config={c: st.column_config.NumberColumn(c, format="%.3f") for c in FIGURES.values()},
        alt="Held-out figures of the network and its baselines",
    )
    st.caption(
        f"{content['test']['samples']:,} conditions of {content['data']['distribution']}, none seen in training or selection; "
        f"the baselines had the network's own {content['training']['samples']:,} training samples. Truth: {content['data']['truth']}."
    )
    left, right = st.columns(2)
    with left:
        st.subheader("By kind of condition")
        kinds = pd.DataFrame(content["test"]["by_condition"]).T[["samples", "growth_r2", "growth_mae"]]
        st.dataframe(kinds, column_config=_numbers(), alt="Held-out figures by kind of condition")
    with right:
        st.subheader("Where it fails")
        st.markdown("\n".join(f"- {plain(text)}" for text in content["limits"]))
        share = content["test"]["growth_called_where_none"]
        st.markdown(f"- Of held-out conditions without growth, it calls growth above 0.05 /h in {share:.1%}.")
        worst = pd.DataFrame({"reaction": list(content["test"]["worst_reactions"]), "flux R²": list(content["test"]["worst_reactions"].values())})
        st.dataframe(worst, hide_index=True, column_config=_numbers(), height=250, alt="The ten worst predicted reactions")
    st.subheader("How it was made")
    st.code(content["training"]["command"], language="bash")
    st.markdown(
        f"Seed {content['training']['seed']}, {content['training']['samples']:,} samples, {content['training']['epochs']} epochs, "
        f"{content['parameters']:,} parameters, {duration(content['training']['seconds'])} of training. "
        f"{plain(content['data']['splits'].capitalize())}."
    )
    with st.expander("The whole card"):
        st.json(content, expanded=1)
    st.download_button("Card, JSON", json.dumps(content, indent=1), f"{name}.json", "application/json", on_click="ignore", icon=":material/download:")


def _headline(content: dict[str, Any]) -> None:
    best = content["baselines"].get("gradient boosting on the bounds", {})
    columns = st.columns(4)
    columns[0].metric("Growth R², held out", f"{content['test']['growth_r2']:.3f}")
    columns[1].metric("Gradient boosting, same samples", f"{best['growth_r2']:.3f}" if best else "not measured")
    columns[2].metric("Flux R², median", f"{content['test']['flux_r2_median']:.3f}")
    columns[3].metric("Gate", str(content["network"]["gate"]), help=f"Attention: {content['network']['attention'] or 'none'}")


def _numbers() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "growth_r2": number("growth R²", format="%.3f"),
        "growth_mae": number("growth error, 1/h", format="%.3f"),
        "flux R²": number(format="%.3f"),
    }
