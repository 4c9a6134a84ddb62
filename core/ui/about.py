"""What is installed: package versions and shipped checkpoints, told without importing any of them."""

from __future__ import annotations

from importlib import metadata

PACKAGES = ("streamlit", "torch", "torch-geometric", "cobra", "captum", "plotly", "pyvis", "forgi", "ViennaRNA")


def versions() -> dict[str, str]:
    """Installed version of each of :data:`PACKAGES`; ``not installed`` where there is none."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def draw_accuracy() -> None:
    """How good the first shipped network is on conditions it never saw, beside its baselines."""
    import streamlit as st

    from core.models import list_checkpoints, load_card
    from core.viz.plots import alt_text, held_out_bars

    card = load_card(list_checkpoints(kind="metabolic")[0])
    figure = held_out_bars(card.name, card.content)
    st.plotly_chart(figure, key="home-accuracy", alt=alt_text(figure), config={"displayModeBar": False})


def checkpoint_names() -> list[str]:
    """Names of the shipped checkpoints, controls and ablations left out."""
    from core.models import list_checkpoints

    return list_checkpoints()
