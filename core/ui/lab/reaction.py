"""A typed reaction through the layer: both drawings, every step as formula and number, both orders of gate and activation, the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui.bind import option_list
from core.ui.lab import controls
from core.ui.text import plain

if TYPE_CHECKING:
    from torch import Tensor

    from core.explain.anatomy import Anatomy
    from core.metabolic.equation import Equation
    from core.metabolic.tables import ModelTables

DEFAULT = "A -> 2 B"
FEATURES = ((1.0, 0.5), (0.5, 1.0))
"""Features of the first metabolite and of the second, then of the first again; A and B of the proof with two vertices in the first column."""
WEIGHT = ((1.0, 0.0), (0.0, 1.0))
NORMS = {"none": "none (B = D = 1)", "stoichiometric": "by stoichiometry (1 / sum of |s|)", "count": "by count (1 / number)"}
SIZES = {"linear": "|s|", "sqrt": "square root of |s|", "log1p": "log(1 + |s|)"}
ACTIVATIONS = {
    "gelu": "GELU (the networks' own)",
    "tanh": "tanh",
    "identity": "none (identity)",
    "silu": "SiLU",
    "leaky_relu": "leaky ReLU",
    "relu": "ReLU",
}
RANGE = np.linspace(-3, 3, 241)


@st.cache_data(max_entries=64, show_spinner=False)
def _tables(equation: Equation) -> ModelTables:
    from core.metabolic.equation import typed_tables

    return typed_tables(equation)


def draw() -> None:
    """The typed reaction; what is no reaction is one sentence, with the last good one still there."""
    from core.explain.anatomy import take_apart
    from core.metabolic.equation import read_equation

    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        typed = controls.text("Reaction", "lab.equation", DEFAULT, help="Such as 2 A + B -> 3 C; <=> for a reversible one.")
    with right:
        backwards = controls.switch("Written backwards", "lab.backwards", help="The sign of every coefficient turns: what was consumed is made.")
    try:
        equation = read_equation(typed)
        st.session_state["lab_good"] = typed
    except InputError as error:
        st.error(plain(str(error)))
        equation = read_equation(st.session_state.get("lab_good", DEFAULT))
    equation = equation.backwards() if backwards else equation
    gate, activation, norm, size = _choices()
    features, weight = _numbers(equation)
    how: dict[str, Any] = {"gate": gate, "activation": activation, "normalization": norm, "magnitude": size}
    found = take_apart(_tensor(equation.coefficients), _tensor(features), _tensor(weight), **how)
    _drawings(equation, gate)
    _messages(equation, found)
    _orders(found, activation)
    _back(equation, found)
    _turned(equation, features, weight, found, how)
    _kept(found, activation)


def _tensor(values: Sequence[object]) -> Tensor:
    import torch

    return torch.tensor(values, dtype=torch.float64)


def _choices() -> tuple[float, str, str, str]:
    first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
    with first:
        gate = controls.slider("Gate g", "lab.gate", 0.8, help="In a network it is learned, between 0 and 1; here every message has this one.")
    with second:
        activation = option_list(
            "Activation φ",
            ACTIVATIONS,
            "lab.activation",
            words=ACTIVATIONS.__getitem__,
            help="What follows the gate; each keeps another part of a negative message.",
        )
    with third:
        norm = option_list("Normalisation", NORMS, "lab.norm", words=NORMS.__getitem__, help="What a sum over metabolites is divided by.")
    with fourth:
        size = option_list(
            "What stands for |s|", SIZES, "lab.size", words=SIZES.__getitem__, help="How the size of a stoichiometric coefficient enters the message."
        )
    return gate, activation, norm, size


def _numbers(equation: Equation) -> tuple[list[list[float]], list[list[float]]]:
    """Features of every metabolite and the weight matrix."""
    with st.expander("Features and weights", icon=":material/tune:"):
        of_names, of_weights = st.columns([3, 2], gap="large")
        with of_names:
            features = []
            for i, name in enumerate(equation.names):
                columns = st.columns(2)
                row = []
                for j, column in enumerate(columns):
                    with column:
                        row.append(
                            controls.number(
                                f"{plain(name)}, feature {j + 1}",
                                f"lab.x{i}.{j}",
                                FEATURES[i % 2][j],
                                help="x of the metabolite, before the weights.",
                            )
                        )
                features.append(row)
        with of_weights:
            weight = []
            for i in range(2):
                row = []
                for j, column in enumerate(st.columns(2)):
                    with column:
                        row.append(
                            controls.number(
                                f"W, row {i + 1}, column {j + 1}", f"lab.w{i}.{j}", WEIGHT[i][j], help="What turns x into the message: x W."
                            )
                        )
                weight.append(row)
    return features, weight


def _drawings(equation: Equation, gate: float) -> None:
    from core.metabolic.equation import TYPED
    from core.viz.svg import network_svg, reaction_box_svg
    from core.viz.view import pathway_view

    tables = _tables(equation)
    rows = pd.DataFrame({"reaction": TYPED, "metabolite": list(tables.metabolites), "gate": gate})
    view = pathway_view(tables, rows, reactions=[TYPED], over="as set above", positions=_star(equation))
    spokes, box = st.columns(2, vertical_alignment="center")
    spokes.image(network_svg(view), width="stretch", alt=f"{equation}: the reaction with a spoke to each metabolite, its coefficient on the spoke")
    values = {(TYPED, name): gate for name in tables.metabolites}
    box.image(reaction_box_svg(tables, values, TYPED), width="stretch", alt=f"{equation}: a box with reactants and products")


def _star(equation: Equation) -> dict[str, tuple[float, float]]:
    """Reactants to the left of the reaction, products to its right, far enough for the coefficients on the spokes."""
    sides = [[n for n, c in zip(equation.names, equation.coefficients, strict=True) if (c > 0) == made] for made in (False, True)]
    places = {
        f"met:{name}": (x, 80.0 * (i - (len(side) - 1) / 2)) for x, side in zip((-220.0, 220.0), sides, strict=True) for i, name in enumerate(side)
    }
    return {"rxn:typed": (0.0, 0.0), **places}


def _messages(equation: Equation, found: Anatomy) -> None:
    st.subheader("1. What each metabolite says", anchor=False)
    st.latex(r"m_k = B_e \; g \; |s_k| \; \mathrm{sgn}(s_k) \; (x W)_{v_k}")
    rows = {
        "metabolite": list(equation.names),
        "s": equation.coefficients,
        "sgn(s)": found.signs.tolist(),
        "|s|, as it counts": found.sizes.tolist(),
        "x W": [vector(row) for row in found.values],
        "B": found.per_reaction,
        "m, ungated (g = 1)": [vector(row) for row in found.ungated.messages],
        f"m, gated (g = {found.gate:g})": [vector(row) for row in found.gated.messages],
    }
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, column_config=_config(table), alt="The message of every metabolite, factor by factor")
    st.caption("The sign comes from the coefficient alone: a gate between 0 and 1 makes a message smaller and never turns it.")
    st.subheader("2. What the reaction hears, and says", anchor=False)
    st.latex(r"z_e = \sum_{k \in e} m_k \qquad \varphi(z_e)")
    table = pd.DataFrame(
        {"": ["ungated (g = 1)", f"gated (g = {found.gate:g})"], "z": [vector(found.ungated.z), vector(found.gated.z)]}
        | {"φ(z)": [vector(found.ungated.state), vector(found.gated.state)]}
    )
    st.dataframe(table, hide_index=True, alt="The sum of the messages, and what the activation leaves of it, ungated and gated")


def _orders(found: Anatomy, activation: str) -> None:
    """Gate before the activation, and after it."""
    first, second = st.columns(2)
    first.markdown(f"**Gate before the activation: the layer's order**  \nφ(g m) = {plain(vector(found.gate_before))}")
    second.markdown(f"**Gate after the activation: not the layer's**  \ng φ(m) = {plain(vector(found.gate_after))}")
    same = bool((found.gate_before - found.gate_after).abs().max() < 1e-12)
    st.caption(
        f"With {ACTIVATIONS[activation]} and this gate the two orders "
        + ("give the same numbers." if same else "give different numbers: it has to be said which one is meant.")
    )


def _back(equation: Equation, found: Anatomy) -> None:
    st.subheader("3. What each metabolite hears back", anchor=False)
    st.latex(r"h_v = \sum_{k \in v} D_v \; g \; |s_k| \; \mathrm{sgn}(s_k) \; \varphi(z)_{e_k}")
    table = pd.DataFrame(
        {
            "metabolite": list(equation.names),
            "D": found.per_metabolite.tolist(),
            "h, ungated": [vector(row) for row in found.ungated.h],
            f"h, gated (g = {found.gate:g})": [vector(row) for row in found.gated.h],
        }
    )
    st.dataframe(table, hide_index=True, column_config=_config(table), alt="What every metabolite hears back, ungated and gated")
    st.caption(
        f"The gate stands in both steps: without an activation in between, h is g² = {found.gate**2:.4g} times what it is ungated. "
        "The sign stands in both steps, too."
    )


def _turned(equation: Equation, features: list[list[float]], weight: list[list[float]], found: Anatomy, how: dict[str, Any]) -> None:
    """The same reaction written the other way round."""
    from core.explain.anatomy import take_apart

    other = take_apart(_tensor(equation.backwards().coefficients), _tensor(features), _tensor(weight), **how)
    apart = float((other.gated.h - found.gated.h).abs().max())
    st.subheader("Does the layer know which way the reaction runs?", anchor=False)
    text = (
        f"Written backwards ({equation.backwards()}) the sum turns its sign: z = {vector(other.gated.z)} instead of {vector(found.gated.z)}. "
        f"What comes back to the metabolites differs by at most {apart:.4g}"
    )
    if not float(found.gated.h.abs().max()):
        text += ": nothing is passed, so nothing can be told. Open the gate, or give the metabolites features that the weights let through."
    elif apart < 1e-9:
        text += (
            ": the sign acts twice, and the layer cannot tell substrate from product. An odd activation (identity, tanh) is no help; GELU, SiLU and "
            "ReLU treat z and -z differently, and so do the reactions' own features in a network."
        )
    else:
        text += ": this activation treats z and -z differently, so the layer can tell substrate from product."
    st.markdown(plain(text))


def _kept(found: Anatomy, activation: str) -> None:
    import torch

    from core.explain.anatomy import kept
    from core.viz.lab_plots import activation_curves
    from core.viz.plots import alt_text

    st.subheader("What an activation keeps of a negative message", anchor=False)
    at = torch.from_numpy(RANGE)
    curves = {name: kept(name, at).numpy() for name in ACTIVATIONS}
    sums = [("ungated", found.ungated), ("gated", found.gated)]
    marks = [(f"{name}, unit {i + 1}", float(z), float(s)) for name, one in sums for i, (z, s) in enumerate(zip(one.z, one.state, strict=True))]
    figure = activation_curves(RANGE, curves, marks, chosen=activation)
    st.plotly_chart(figure, key="lab_curves", alt=alt_text(figure))
    at = torch.tensor([-2.0, -1.0, -0.5], dtype=torch.float64)
    table = pd.DataFrame({f"of {float(m):g}": [float(kept(name, at)[i]) for name in ACTIVATIONS] for i, m in enumerate(at)})
    table.insert(0, "activation", list(ACTIVATIONS.values()))
    st.dataframe(table, hide_index=True, column_config=_config(table), alt="What each activation leaves of three negative messages")
    st.caption("ReLU throws every negative sum away: a reaction that consumes more than it makes is silent. The activation does so, not the gate.")


def vector(values: Tensor) -> str:
    """Numbers to four decimals at most."""
    return f"[{', '.join(np.format_float_positional(round(float(v), 4) + 0.0, trim='-') for v in values)}]"


def _config(table: pd.DataFrame) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {str(name): number(str(name), format="%.4g") for name in table if pd.api.types.is_numeric_dtype(table[name])}
