"""The worked examples: one incidence, two signs, three activations, with the gate in its place and out of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.ui.lab.reaction import vector

FEATURES, GATE, ACTIVATIONS = (0.5, 1.0), 0.8, ("tanh", "relu", "gelu")


@st.cache_data(show_spinner=False)
def table() -> pd.DataFrame:
    """One row a sign and activation: ``s``, ``activation``, ``m`` and ``h`` ungated and gated (before the activation), and gated after it."""
    import torch

    from core.explain.anatomy import take_apart

    rows = []
    for activation in ACTIVATIONS:
        for s in (-1, 1):
            found = take_apart(torch.tensor([float(s)]), torch.tensor([FEATURES]), torch.eye(2), gate=GATE, activation=activation)
            rows.append(
                {
                    "s": f"{s:+d}",
                    "activation": activation,
                    "m, ungated": vector(found.ungated.messages[0]),
                    f"m, g = {GATE:g}": vector(found.gated.messages[0]),
                    "h, ungated": vector(found.ungated.state),
                    "h, gate before (the layer)": vector(found.gate_before),
                    "h, gate after": vector(found.gate_after),
                }
            )
    return pd.DataFrame(rows)


def draw() -> None:
    """The table, and the two-step way of A -> 2 B beside it."""
    import torch

    from core.explain.anatomy import take_apart

    st.subheader("Worked examples", anchor=False)
    st.dataframe(table(), hide_index=True, alt="Worked examples: messages and states for two signs and three activations")
    st.caption(f"One metabolite with x = {list(FEATURES)}, W the identity, no normalisation, g = {GATE:g}; h here is φ(z), what the reaction says.")
    both = take_apart(torch.tensor([-1.0, 2.0]), torch.tensor([[1.0], [0.5]]), torch.eye(1), gate=GATE, activation="identity")
    alone = take_apart(torch.tensor([-1.0, 2.0]), torch.tensor([[0.0], [0.5]]), torch.eye(1), gate=GATE, activation="identity")
    (a,), (b,) = both.gated.messages.tolist()
    share = float(alone.gated.h[0, 0] / alone.ungated.h[0, 0])
    st.markdown(
        f"**Two vertices.** A → 2 B with x = 1 for A and 0.5 for B: m of A is {a:.4g}, m of B is {b:+.4g}: opposite signs, the same gate. "
        f"And two steps: of what B says to A by way of the reaction, A hears {share:.4g} = g²: the layer gates "
        "on the way there and on the way back."
    )
