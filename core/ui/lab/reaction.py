"""A typed reaction through the layer: both drawings, every step as formula and number, both orders of gate and activation, the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import InputError
from core.metabolic.equation import LARGEST, TYPED
from core.ui import state
from core.ui.bind import bind, option_list
from core.ui.lab import controls, drawing
from core.ui.lab.numbers import columns, factor, number, tex, vector
from core.ui.text import plain
from core.ui.view_state import MAX_TEXT

if TYPE_CHECKING:
    from torch import Tensor

    from core.explain.anatomy import Anatomy, Passes
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
WIDEST, LARGEST_SLID = 5.0, 6
"""How far from 0 features and weights go, and the coefficients on a slider; a larger or broken coefficient is typed."""
REACH = 3.0
"""How far from 0 activations are drawn at least."""
SHORT = 3
"""A reaction of at most so many metabolites has its numbers in sight; those of a longer one are folded away."""
VERDICTS = {
    "nothing": "No message is passed, so nothing can be told. Open the gate, or give the metabolites features that the weights let through.",
    "cancels": "The messages cancel: they add up to 0 whichever way the reaction is written. The metabolites hear nothing of it, and no activation "
    "can tell substrate from product here. Change a feature or a coefficient.",
    "same": "The sign acts twice, and the layer cannot tell substrate from product. An odd activation (identity, tanh) is no help; GELU, SiLU and "
    "ReLU treat z and -z differently, and so do the reactions' own features in a network.",
    "apart": "This activation treats z and -z differently, so the layer can tell substrate from product.",
}


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
    written, equation = equation, equation.backwards() if backwards else equation
    drawn = st.container()
    for name, count, rest in equation.joined():
        st.info(plain(f"{name} was read as one metabolite; write {count} {rest} for {count} of {rest}."), icon=":material/info:")
    gate, activation, norm, size = _choices()
    features, weight = _numbers(written, backwards)
    how: dict[str, Any] = {"gate": gate, "activation": activation, "normalization": norm, "magnitude": size}
    found = take_apart(_tensor(equation.coefficients), _tensor(features), _tensor(weight), **how)
    tables = _tables(equation)
    with drawn:
        drawing.draw(tables, TYPED, dict.fromkeys(tables.metabolites, gate), "as set here")
    _messages(equation, found)
    _orders(found, activation)
    _back(equation, found)
    _turned(equation, features, weight, found, how)
    _kept(found, activation)


def _tensor(values: Sequence[object]) -> Tensor:
    import torch

    return torch.tensor(values, dtype=torch.float64)


def _choices() -> tuple[float, str, str, str]:
    with st.container(key="twos-lab-choices"):
        first, second, third, fourth = st.columns(4, vertical_alignment="bottom")
    with first:
        gate = controls.slider("Gate g", "lab.gate", 0.8, help="In a network it is learned, between 0 and 1; here every message has this one.")
    with second:
        activation = option_list(
            "Activation φ",
            ACTIVATIONS,
            "lab.activation",
            words=ACTIVATIONS.__getitem__,
            help="What the sum of the gated messages goes through; each keeps another part of a negative one.",
        )
    with third:
        norm = option_list("Normalisation", NORMS, "lab.norm", words=NORMS.__getitem__, help="What a sum over metabolites is divided by.")
    with fourth:
        size = option_list(
            "What stands for |s|", SIZES, "lab.size", words=SIZES.__getitem__, help="How the size of a stoichiometric coefficient enters the message."
        )
    return gate, activation, norm, size


def _numbers(written: Equation, backwards: bool) -> tuple[list[list[float]], list[list[float]]]:
    """Features of every metabolite and the weight matrix; the coefficients, too, which are kept in the equation."""
    with st.expander("Coefficients, features and weights", expanded=len(written.names) <= SHORT, icon=":material/tune:"):
        exact = controls.switch("Type the numbers", "lab.exact", help="Fields for exact numbers instead of sliders. The numbers stay as they are.")
        of_names, of_weights = st.columns([3, 2], gap="large")
        with of_names:
            features = [_of_metabolite(written, place, backwards, exact) for place in range(len(written.names))]
        with of_weights:
            weight = []
            for i in range(2):
                row = []
                with st.container(key=f"twos-lab-weights-{i}"):
                    both = st.columns(2)
                for j, column in enumerate(both):
                    with column:
                        row.append(
                            _slider(f"W, row {i + 1}, column {j + 1}", f"lab.w{i}.{j}", WEIGHT[i][j], exact, "What turns x into the message: x W.")
                        )
                weight.append(row)
    return features, weight


def _of_metabolite(written: Equation, place: int, backwards: bool, exact: bool) -> list[float]:
    """A row of controls: the coefficient of a metabolite, and its features."""
    name, row = plain(written.names[place]), list[float]()
    with st.container(key=f"threes-lab-{place}"):
        first, *others = st.columns(3, vertical_alignment="bottom")
    with first:
        _coefficient(name, written, place, backwards, exact)
    for j, column in enumerate(others):
        with column:
            row.append(
                _slider(f"{name}, feature {j + 1}", f"lab.x{place}.{j}", _feature(place, j), exact, "x of the metabolite, before the weights.")
            )
    return row


def _coefficient(name: str, written: Equation, place: int, backwards: bool, exact: bool) -> None:
    value = (-1 if backwards else 1) * written.coefficients[place]
    key = bind(f"lab_s{place}", value)
    help = "The stoichiometric coefficient, negative where consumed. It is written into the reaction above; with 0 the metabolite changes sides."
    how: dict[str, Any] = {"step": 1.0, "format": "%g", "key": key, "on_change": _write, "args": (written, place, backwards, key), "help": help}
    if exact or value % 1 or abs(value) > LARGEST_SLID:
        st.number_input(f"{name}, s", -LARGEST, LARGEST, **how)
    else:
        st.slider(f"{name}, s", -float(LARGEST_SLID), float(LARGEST_SLID), **how)


def _slider(label: str, setting: str, default: float, exact: bool, help: str) -> float:
    return controls.slider(label, setting, default, low=-WIDEST, high=WIDEST, step=0.1, help=help, exact=exact)


def _feature(place: int, unit: int) -> float:
    """What a feature is while nobody has set it."""
    return FEATURES[place % 2][unit]


def _write(written: Equation, place: int, backwards: bool, key: str) -> None:
    """Writes a coefficient into the equation; features stay with their metabolites where these change places in it."""
    set_to = (-1 if backwards else 1) * st.session_state[key]
    changed = written.with_coefficient(place, set_to or -written.coefficients[place])
    text, moved = str(changed), dict[str, float | None]()
    if len(text) > MAX_TEXT:
        st.toast(f"The reaction would have more than {MAX_TEXT} characters; shorten its names first.")
        return
    for now, before in enumerate(changed.as_written()):
        for j in range(2):
            value = st.session_state[f"lab_x{before}_{j}"]
            moved[f"lab.x{now}.{j}"] = None if value == _feature(now, j) else value
    state.update(settings={"lab.equation": None if text == DEFAULT else text, **moved})


def _heard(found: Anatomy, one: Passes) -> list[str]:
    """What each metabolite hears back, rounding left out."""
    sizes = (found.sizes * found.per_metabolite).unsqueeze(1) * one.passed
    return [vector(row, scale) for row, scale in zip(one.h, sizes, strict=True)]


def _messages(equation: Equation, found: Anatomy) -> None:
    st.subheader("1. What each metabolite says", anchor=False)
    st.latex(r"m_k = B_e \; g \; |s_k| \; \mathrm{sgn}(s_k) \; (x W)_{v_k}")
    numbers = [found.per_reaction, found.gate, float(found.sizes[0])]
    of_first = r" \cdot ".join([*map(factor, numbers), f"({float(found.signs[0]):+g})", tex(vector(found.values[0]))])
    st.latex(rf"\begin{{aligned}} m_1 &= {of_first} \\ &= {tex(vector(found.gated.messages[0]))} \end{{aligned}}")
    st.caption(plain(f"m₁ is the message of {equation.names[0]}, the first metabolite, with its numbers put in."))
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
    st.dataframe(table, hide_index=True, column_config=columns(table), alt="The message of every metabolite, factor by factor")
    st.caption("The gate never turns a sign: that of m is sgn(s) times the sign of x W, and a gate from 0 to 1 makes a message smaller at most.")
    st.subheader("2. What the reaction hears, and says", anchor=False)
    st.latex(r"z_e = \sum_{k \in e} m_k \qquad \varphi(z_e)")
    both = (found.ungated, found.gated)
    table = pd.DataFrame(
        {"": ["ungated (g = 1)", f"gated (g = {found.gate:g})"], "z": [vector(one.z, one.passed) for one in both]}
        | {"φ(z)": [vector(one.state, one.passed) for one in both]}
    )
    st.dataframe(table, hide_index=True, alt="The sum of the messages, and what the activation leaves of it, ungated and gated")


def _orders(found: Anatomy, activation: str) -> None:
    """Gate before the activation, and after it."""
    before, after = vector(found.gate_before, found.gated.passed), vector(found.gate_after, found.ungated.passed)
    first, second = st.columns(2)
    first.markdown(f"**Gate before the activation: the layer's order**  \nφ(Σ g m) = {plain(before)}")
    second.markdown(f"**Gate after the activation: not the layer's**  \ng φ(Σ m) = {plain(after)}")
    st.caption(
        f"Σ adds up the messages, m without the gate. With {ACTIVATIONS[activation]} and this gate the two orders "
        + ("give the same numbers." if found.orders_agree else "give different numbers: it has to be said which one is meant.")
    )


def _back(equation: Equation, found: Anatomy) -> None:
    st.subheader("3. What each metabolite hears back", anchor=False)
    st.latex(r"h_v = \sum_{k \in v} D_v \; g \; |s_k| \; \mathrm{sgn}(s_k) \; \varphi(z)_{e_k}")
    heard, said = _heard(found, found.gated), vector(found.gated.state, found.gated.passed)
    numbers = [float(found.per_metabolite[0]), found.gate, float(found.sizes[0])]
    of_first = r" \cdot ".join([*map(factor, numbers), f"({float(found.signs[0]):+g})", tex(said)])
    st.latex(rf"\begin{{aligned}} h_1 &= {of_first} \\ &= {tex(heard[0])} \end{{aligned}}")
    st.caption(plain(f"h₁ is what {equation.names[0]} hears, with its numbers put in."))
    table = pd.DataFrame(
        {
            "metabolite": list(equation.names),
            "D": found.per_metabolite.tolist(),
            "h, ungated": _heard(found, found.ungated),
            f"h, gated (g = {found.gate:g})": heard,
        }
    )
    st.dataframe(table, hide_index=True, column_config=columns(table), alt="What every metabolite hears back, ungated and gated")
    st.caption(
        f"The gate stands in both steps: without an activation in between, h is g² = {found.gate**2:.4g} times what it is ungated. "
        "The sign stands in both steps, too."
    )


def _turned(equation: Equation, features: list[list[float]], weight: list[list[float]], found: Anatomy, how: dict[str, Any]) -> None:
    """The same reaction written the other way round."""
    from core.explain.anatomy import direction_read, take_apart

    turned = equation.backwards()
    there, back = found.gated, take_apart(_tensor(turned.coefficients), _tensor(features), _tensor(weight), **how).gated
    verdict = direction_read(there, back)
    st.subheader("Does the layer know which way the reaction runs?", anchor=False)
    text = f"Written backwards ({turned}) the sum is z = {vector(back.z, back.passed)} instead of {vector(there.z, there.passed)}. "
    if verdict in ("same", "apart"):
        apart = 0.0 if verdict == "same" else float((back.h - there.h).abs().max())
        text += f"What comes back to the metabolites differs by at most {number(apart)}. "
    st.markdown(plain(text + VERDICTS[verdict]))


def _kept(found: Anatomy, activation: str) -> None:
    import torch

    from core.explain.anatomy import kept
    from core.viz.lab_plots import activation_curves
    from core.viz.plots import alt_text

    st.subheader("What an activation keeps of a negative sum", anchor=False)
    sums = [(name, one.settled, kept(activation, one.settled)) for name, one in (("ungated", found.ungated), ("gated", found.gated))]
    marks = [(f"{name}, unit {i + 1}", float(z), float(s)) for name, zs, left in sums for i, (z, s) in enumerate(zip(zs, left, strict=True))]
    reach = max(REACH, *(1.1 * abs(z) for _, z, _ in marks))
    at = np.linspace(-reach, reach, 241)
    curves = {name: kept(name, torch.from_numpy(at)).numpy() for name in ACTIVATIONS}
    figure = activation_curves(at, curves, marks, chosen=activation)
    st.plotly_chart(figure, key="lab_curves", alt=alt_text(figure))
    some = torch.tensor([-2.0, -1.0, -0.5], dtype=torch.float64)
    table = pd.DataFrame({f"of {float(z):g}": [float(kept(name, some)[i]) for name in ACTIVATIONS] for i, z in enumerate(some)})
    table.insert(0, "activation", list(ACTIVATIONS.values()))
    st.dataframe(table, hide_index=True, column_config=columns(table), alt="What each activation leaves of three negative sums")
    st.caption(
        "ReLU makes every negative z 0, and in that unit the reaction says nothing: the activation does so, not the gate. A negative z does not "
        "mean that more is consumed than made, for x W has a sign, too. In the trained networks φ does not meet z itself: z is normalised, linear "
        "maps mix it with the reaction's own state, and what φ leaves is added to that state. A negative z is not lost there."
    )
