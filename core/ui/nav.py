"""The pages, in the order of the sidebar, and the sidebar's list of links to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.ui import state

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class PageEntry:
    """A page: its file below the project's root, its place in the URL, and how it is called."""

    file: str
    path: str
    title: str
    icon: str
    help: str


PAGES = (
    PageEntry("pages/home.py", "home", "Home", ":material/home:", "Start here: ready-made views, your own model, what is installed."),
    PageEntry(
        "pages/stories.py",
        "stories",
        "Stories",
        ":material/auto_stories:",
        "Guided: what one expects of a network, where to look, the numbers, and whether it agrees; with a presenter mode.",
    ),
    PageEntry(
        "pages/explorer.py",
        "explorer",
        "Metabolic explorer",
        ":material/hub:",
        "A metabolic model as a hypergraph, coloured by a trained network's gates.",
    ),
    PageEntry(
        "pages/conditions.py",
        "conditions",
        "Conditions",
        ":material/compare_arrows:",
        "Two media, knock-outs or networks side by side, many media as a matrix, and whether gates move where fluxes move.",
    ),
    PageEntry(
        "pages/explain.py",
        "explain",
        "Explain",
        ":material/account_tree:",
        "How much of a prediction each pathway, reaction and message carries: attributions with a ledger that adds up.",
    ),
    PageEntry(
        "pages/gates.py",
        "gates",
        "Metabolite gates",
        ":material/scatter_plot:",
        "Whether a network weighs ATP, or any other metabolite, differently in its reactions; beside untrained and shuffled controls.",
    ),
    PageEntry(
        "pages/gating.py",
        "gating",
        "Does gating help?",
        ":material/rule:",
        "Networks with and without gates, with other activations and of other kinds, compared over seeds on the same conditions.",
    ),
    PageEntry(
        "pages/lab.py",
        "lab",
        "Gate lab",
        ":material/science:",
        "One reaction or one base taken apart: gate, sign, weights and activation, each step as formula and number.",
    ),
    PageEntry(
        "pages/measurements.py",
        "measurements",
        "Measurements",
        ":material/labs:",
        "Essential genes, fitness or fold changes from a file, beside gates, FBA and the model's structure.",
    ),
    PageEntry(
        "pages/rna.py", "rna", "RNA", ":material/genetics:", "An RNA's structure and graph, and what a trained network passes along each edge."
    ),
    PageEntry(
        "pages/rnaexplain.py",
        "rnaexplain",
        "RNA: explain",
        ":material/schema:",
        "Which bases, elements, pairs and edges make an RNA like itself, like another RNA or like a family to the network.",
    ),
    PageEntry(
        "pages/motifs.py",
        "motifs",
        "RNA: motif map",
        ":material/bubble_chart:",
        "Elements or whole RNAs as points: PCA or UMAP of a trained network's vectors, your RNA among the library's.",
    ),
    PageEntry(
        "pages/search.py",
        "search",
        "RNA: search",
        ":material/search:",
        "The RNAs and motifs nearest to yours in the reference library or your own, and how their bases line up.",
    ),
    PageEntry(
        "pages/whatif.py",
        "whatif",
        "RNA: what if",
        ":material/edit_note:",
        "Edit a base, a pair or an element, fold again, and see how far the embedding moves; every single mutant at once.",
    ),
    PageEntry(
        "pages/scoreboard.py",
        "scoreboard",
        "RNA: scoreboard",
        ":material/leaderboard:",
        "How well embeddings tell relatives from strangers, beside length, k-mers and profiles; on Rfam and on your own labelled set.",
    ),
    PageEntry(
        "pages/checkpoints.py",
        "checkpoints",
        "Checkpoints",
        ":material/model_training:",
        "The trained networks: how they were made, how good they are.",
    ),
    PageEntry(
        "pages/train.py",
        "train",
        "Train",
        ":material/play_circle:",
        "Start, follow, stop, resume and compare trainings; they go on when this tab is closed.",
    ),
    PageEntry(
        "pages/concepts.py",
        "concepts",
        "In plain words",
        ":material/menu_book:",
        "What a gate, attention, an attribution and a trial are, and are not; a glossary.",
    ),
    PageEntry("pages/storage.py", "storage", "Stored data", ":material/folder:", "What Gatescope keeps on this computer, and how to clear it."),
)


def pages() -> list[StreamlitPage]:
    """The pages for ``st.navigation``; the first is the front page."""
    return [page_of(page) for page in PAGES]


def entry(path: str) -> PageEntry:
    """The page at a place in the URL.

    Raises:
        KeyError: there is none.
    """
    return {page.path: page for page in PAGES}[path]


def page_of(page: PageEntry) -> StreamlitPage:
    """The page as Streamlit knows it, for links and ``st.switch_page``.

    Without its icon: Streamlit would make that the icon of the browser's tab and fetch it from a font server.
    """
    return st.Page(ROOT / page.file, title=page.title, url_path=page.path, default=page is PAGES[0], help=page.help)


def title_of(page: StreamlitPage) -> str:
    """What the browser's tab says."""
    return "Gatescope" if page.url_path == "" else f"{page.title} · Gatescope"


def links(current: StreamlitPage) -> None:
    """The list of pages, the current one marked; each link carries the view along."""
    query = state.current().to_query()
    with st.container(key="nav", gap=None):
        for page in PAGES:
            target = page_of(page)
            with st.container(key="nav_current" if target.url_path == current.url_path else f"nav_{page.path}"):
                st.page_link(target, icon=page.icon, query_params=query, width="stretch", help=page.help)
