"""The front page: ready-made views, your own model, what is installed."""

from core.ui.guard import page

page()

import streamlit as st

from core.ui import about, device, network_component
from core.ui.nav import ROOT
from core.ui.starts import STARTS, start_card

st.title("Gatescope")
st.markdown(
    "See which reactions, and which substrates and products of each, a trained gated network listens to when it predicts how a cell grows; "
    "and what a trained network passes along every edge of an RNA's graph."
)

with st.container(key="starts"):
    for row in (STARTS[:3], STARTS[3:]):
        for column, start in zip(st.columns(len(row)), row, strict=True):
            with column:
                start_card(start)

picture, accuracy = st.columns([3, 2], gap="large")
with picture:
    st.image(
        str(ROOT / "assets" / "explorer.png"),
        caption="E. coli core on glucose: every spoke is one metabolite in one reaction, coloured by the gate of the trained network.",
        alt="The explorer: a reaction network with spokes coloured by gate, and the card of phosphofructokinase beside it",
        width="stretch",
    )
with accuracy:
    about.draw_accuracy()

st.subheader("This installation")
where, networks, packages = st.columns([1, 1, 2], gap="large")
with where:
    device.line()
names = about.checkpoint_names()
networks.markdown(f"**Trained networks**  \n{', '.join(names) if names else 'none installed'}")
packages.markdown("**Packages**  \n" + ", ".join(f"{package} {version}" for package, version in about.versions().items()))
network_component.preload()
