"""What the form is filled with and what it asks for: settings by the names the command line knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from core.train.saved import flat

RECIPES = Path(__file__).resolve().parents[3] / "assets" / "recipes"
DEFAULTS: dict[str, dict[str, Any]] = {
    "metabolic": {
        "model": "e_coli_core",
        "distribution": "core-conditions-v1",
        "split": "all",
        "samples": 2_400,
        "validation": 500,
        "test": 1_000,
        "held_out": 500,
        "epochs": 30,
        "batch": 32,
        "learning_rate": 0.002,
        "growth_weight": 10.0,
        "steady_state": 0.0,
        "gate_sparsity": 0.0,
        "shuffle_labels": False,
        "seed": 10,
        "members": 1,
        "device": "auto",
        "network.hidden": 48,
        "network.heads": 2,
        "network.layers": 6,
        "network.gate": "incidence",
        "network.attention": "reaction",
        "network.activation": "gelu",
        "network.tied": False,
        "network.normalization": "stoichiometric",
        "network.magnitude": "sqrt",
        "network.growth": "flux",
        "network.coupled": False,
    },
    "rna": {
        "encoding": "forgi",
        "families": 1_000,
        "validation": 100,
        "test": 200,
        "epochs": 40,
        "shuffle_labels": False,
        "seed": 40,
        "members": 1,
        "device": "auto",
    },
}
"""What the form starts with: the command line's own defaults, but fewer conditions and families, so that a first run ends soon."""
_NAME, _BASE, _FROM = "train_name", "train_base", "train_from"


def key(kind: str, name: str) -> str:
    """The key of the widget of a setting, its value put there when it has none."""
    widget = f"train_{kind}_{name.replace('.', '_')}"
    st.session_state.setdefault(widget, DEFAULTS[kind][name])
    return widget


def fill(kind: str, values: Mapping[str, Any], told: str) -> None:
    """Puts settings into the form; call it from a callback. What the form has no widget for is kept and goes into the run as it is.

    Args:
        told: where the settings come from, for the form to say.
    """
    given = flat(values)
    for name, default in DEFAULTS[kind].items():
        st.session_state[f"train_{kind}_{name.replace('.', '_')}"] = _shown(name, given.get(name, default), default)
    st.session_state["train_kind"] = kind
    st.session_state[f"{_BASE}_{kind}"] = {name: value for name, value in given.items() if name not in DEFAULTS[kind]}
    st.session_state[f"{_FROM}_{kind}"] = told


def _shown(name: str, value: Any, default: Any) -> Any:
    """A setting as its widget holds it."""
    if name == "network.attention":
        return value or "none"
    if name == "held_out":
        return value or default
    return float(value) if isinstance(default, float) else value


def filled_from(kind: str) -> tuple[str, dict[str, Any]]:
    """Where the form's settings come from ("" for nowhere), and those of them it has no widget for."""
    return st.session_state.get(f"{_FROM}_{kind}", ""), st.session_state.get(f"{_BASE}_{kind}", {})


def asked(kind: str) -> dict[str, Any]:
    """The settings the form asks for, as ``python -m core train`` takes them in a file."""
    values = {name: st.session_state[key(kind, name)] for name in DEFAULTS[kind]}
    if kind == "metabolic":
        values["network.attention"] = None if values["network.attention"] == "none" else values["network.attention"]
        values["held_out"] = values["held_out"] if values["split"] == "seen" else 0
    return nested({**filled_from(kind)[1], **values})


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names taken apart again; the opposite of :func:`core.train.saved.flat`."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *above, last = name.split(".")
        place = found
        for part in above:
            place = place.setdefault(part, {})
        place[last] = value
    return found


@st.cache_data(show_spinner=False)
def recipes() -> dict[str, dict[str, Any]]:
    """The settings the shipped networks were trained with, by the network's name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RECIPES.glob("*.json"))}
