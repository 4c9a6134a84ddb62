"""Scoreboards of own labelled sets, done and under way, and the shipped ones from the cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from core.rna.ginfinity_kept import GINFINITY, kept_ginfinity
from core.ui import networks
from core.ui.background import Background, Job
from core.ui.rna import data
from core.ui.view_state import ViewState
from core.uploads import Uploads

if TYPE_CHECKING:
    import pandas as pd

    from core.explain.labelled import LabelledRnas
    from core.explain.scoreboard import Scoreboard

FILE = "scoreboard.file"
FILES = Uploads("labelled-", "This labelled set is no longer stored on this computer; load its file again.")


@dataclass(frozen=True)
class Asked:
    """Which labelled set, measured with which network, and which weights of GINFINITY beside it ("": none are kept). Hashable, so that it is
    the key of what follows."""

    file: str
    network: str
    weights: str
    beside: str

    @classmethod
    def of(cls, file: str, network: str) -> Asked:
        """A set and a network.

        Raises:
            InputError: there is no such network.
        """
        kept = kept_ginfinity()
        return cls(file, network, networks.weights_of(network, "rna", encoders=True), kept.sha256 if kept else "")

    @property
    def row(self) -> str:
        """Name of the network's row."""
        return row_of(self.network)


@st.cache_resource(max_entries=8, show_spinner="Reading ...")
def labelled(file: str) -> LabelledRnas:
    """The RNAs of a stored file, with their labels."""
    from core.explain.labelled import read_labelled

    return read_labelled(FILES.stored(file))


@st.cache_resource(max_entries=1, show_spinner=False)
def boards() -> Background[Asked, Scoreboard]:
    """Scoreboards of own sets."""
    return Background(12)


def start(asked: Asked) -> None:
    """Starts measuring."""
    rnas = labelled(asked.file)
    own = {} if asked.network == GINFINITY else {asked.network: data.network(asked.network)}
    beside = data.encoder(GINFINITY) if asked.beside else None

    def work(job: Job) -> Scoreboard:
        from core.explain.ginfinity_scores import PEER, ginfinity_scores
        from core.explain.scoreboard import scoreboard

        peers = {} if beside is None else {PEER: ginfinity_scores(beside)}
        return scoreboard(rnas, {**own, **peers}, on_progress=job.told, should_stop=job.stopped)

    boards().start(asked, work)


def row_of(network: str) -> str:
    """Name of a network's row in a scoreboard."""
    from core.explain.ginfinity_scores import MEAN

    return MEAN if network == GINFINITY else network


def shipped(name: str) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, object]] | None:
    """Of a network's card: the scores on Rfam, those of elements and bases, the hits by family, and what they were measured on; None where its card
    has none. GINFINITY's may stand on the card of the default network."""
    import pandas as pd

    rfam = data.network(ViewState().rna_net if name == GINFINITY else name)[1].content.get("rfam") or {}
    if "scores" not in rfam:
        return None
    told = {key: value for key, value in rfam.items() if key not in ("scores", "motifs", "nearest")}
    return pd.DataFrame(rfam["scores"]), pd.DataFrame(rfam.get("motifs", [])), pd.DataFrame(rfam.get("nearest", [])), told
