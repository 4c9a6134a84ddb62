"""The worked examples: one incidence, two signs, three activations, with the gate in its place and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from core.ui.lab.numbers import factor, vector

if TYPE_CHECKING:
    from core.explain.anatomy import Anatomy

FEATURES, GATE, ACTIVATIONS = (0.5, 1.0), 0.8, ("tanh", "relu", "gelu")
PAIR = (-1.0, 2.0)
"""Coefficients of A and B in A -> 2 B."""
INPUTS = {"A and B speak": (1.0, 0.5), "B alone speaks": (0.0, 0.5)}
"""Features of A and B: those of the proof, whose messages cancel, and without A's, so that what went both ways can be seen."""


@st.cache_data(show_spinner=False)
def table() -> pd.DataFrame:
    """One row per sign and activation: ``s``, ``activation``, ``m`` and ``h`` ungated and gated (before the activation), and gated after it."""
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


def _pair(features: tuple[float, float]) -> Anatomy:
    """A -> 2 B by the layer, with one feature, no activation and no normalisation."""
    import torch

    from core.explain.anatomy import take_apart

    return take_apart(torch.tensor(PAIR), torch.tensor(features).unsqueeze(1), torch.eye(1), gate=GATE, activation="identity")


@st.cache_data(show_spinner=False)
def two_steps() -> pd.DataFrame:
    """One row per input: ``x of A, B``, and ``z`` and ``h of A, B``, ungated and gated."""
    rows = []
    for name, features in INPUTS.items():
        found = _pair(features)
        rows.append(
            {
                "": name,
                "x of A, B": vector(found.values[:, 0]),
                "z, ungated": vector(found.ungated.z),
                "z, gated": vector(found.gated.z),
                "h of A, B, ungated": vector(found.ungated.h[:, 0]),
                "h of A, B, gated": vector(found.gated.h[:, 0]),
            }
        )
    return pd.DataFrame(rows)


def draw() -> None:
    """The table, and the two-step way of A -> 2 B beside it."""
    st.subheader("Worked examples", anchor=False)
    st.dataframe(table(), hide_index=True, alt="Worked examples: messages and states for two signs and three activations")
    st.caption(
        f"One metabolite with x = {list(FEATURES)}, W the identity, no normalisation, g = {GATE:g}; h here is φ(z), what the reaction says. "
        "The layer's order is the gate before the activation."
    )
    both, alone = (_pair(features) for features in INPUTS.values())
    (a,), (b,) = both.gated.messages.tolist()
    st.markdown(
        f"**Two vertices.** A → 2 B with x = {both.values[0, 0]:g} for A and {both.values[1, 0]:g} for B, no normalisation: m of A is {a:.4g}, "
        f"m of B is {b:+.4g}: opposite signs, the same gate."
    )
    st.latex(r"m_k = g \; |s_k| \; \mathrm{sgn}(s_k) \; x_k")
    st.latex(rf"\begin{{aligned}} m_A &= {_product(both, 0)} = {a:.4g} \\ m_B &= {_product(both, 1)} = {b:+.4g} \end{{aligned}}")
    share = float(alone.gated.h[0, 0] / alone.ungated.h[0, 0])
    st.markdown(
        "**And two steps**, there and back, with no activation in between. With both features the messages add up to 0, and nothing comes back. "
        f"With x = {alone.values[0, 0]:g} for A one sees what B says to A by way of the reaction: A hears {share:.4g} = g² of it, for the layer "
        "gates on the way there and on the way back."
    )
    st.latex(r"h_v = g \; |s_v| \; \mathrm{sgn}(s_v) \; z \qquad z = \sum_k m_k")
    st.dataframe(two_steps(), hide_index=True, alt="What A and B hear after two steps, ungated and gated, for two inputs")


def _product(found: Anatomy, place: int) -> str:
    """The factors of a message: gate, size and sign of the coefficient, and the feature."""
    sign = f"({float(found.signs[place]):+g})"
    return r" \cdot ".join([factor(found.gate), factor(float(found.sizes[place])), sign, factor(float(found.values[place, 0]))])
