"""The map: elements or whole RNAs of a collection as points, the RNA of the view among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui import networks, state
from core.ui.background import Background, Job, follow
from core.ui.bind import bind, option_row
from core.ui.library.bar import library_box
from core.ui.library.data import LEVELS, Asked, query, ready
from core.ui.nav import entry, page_of
from core.ui.rna import data, source, structure
from core.ui.rna.data import Given
from core.ui.rna_component import rna_drawing
from core.ui.text import plain
from core.ui.view_state import ViewState

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas
    from core.rna import FoldResult
    from core.rna.projection import Projection
    from core.viz.embedding_map import Kinds, Values

METHODS = {"umap": "UMAP", "pca": "PCA"}
COLOURS = {
    "rna": {"family": "family", "length": "length", "gc": "GC content", "paired": "share of paired bases"},
    "element": {
        "kind": "kind of element",
        "motif": "known motif",
        "family": "family",
        "size": "size",
        "gc": "GC content",
        "place": "place along the RNA",
    },
}
UNITS = {"length": ("length", "nt"), "size": ("size", "bases"), "gc": ("GC content", "share of bases"), "paired": ("paired", "share of bases")}
FIXED = ("gc", "paired", "place")
"""Columns on a fixed scale from 0 to 1."""
ALL = "all"
DRAWN = 6
"""Drawings of picked points at most."""
LISTED = 2000
_GOOD = "map_good"


@dataclass(frozen=True)
class Mapped:
    """Which vectors, by which method. Hashable, so that it is the key of what follows."""

    asked: Asked
    key: str
    level: str
    method: str
    kind: str
    seed: int


@st.cache_resource(max_entries=1, show_spinner=False)
def maps() -> Background[Mapped, Projection]:
    """Maps made or being made."""
    return Background(12)


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view = state.current()
    source.bar(view, encoders=True)
    try:
        given, folded, asked = _ready(view)
    except InputError as error:
        st.error(plain(str(error)))
        view = st.session_state.get(_GOOD, ViewState())
        given, folded, asked = _ready(view)
    st.session_state[_GOOD] = view
    source.records(view)
    library_box(asked)
    found = ready(asked)
    if found is None:
        return
    level = _level_and_method(view)
    rows, mapped = _rows(found, asked, level, view)
    if len(rows) < 4:
        st.info(f"{len(rows)} of them are of this kind, and a map needs at least 4; choose another kind.")
        return
    projection = _projection(mapped, found, rows)
    if projection is None:
        return
    _caption(projection)
    own = None if folded is None else query(given, folded, asked)
    picked = _figure(found, projection, rows, level, own, view, mapped)
    _picked(found, asked, picked, level)
    _exports(found, projection, rows, level)


def _ready(view: ViewState) -> tuple[Given, FoldResult | None, Asked]:
    given = Given.of(view)
    data.reactivities(given)
    return given, structure.current(given), Asked.of(view)


def _level_and_method(view: ViewState) -> str:
    left, middle, right = st.columns([4, 3, 2], vertical_alignment="bottom")
    with left:
        level = option_row("Points are", list(reversed(LEVELS)), "map.level", words=LEVELS.__getitem__)
    with middle:
        option_row("Method", METHODS, "map.method", words=METHODS.__getitem__)
    seed = bind("map_seed", _seed(view))
    right.number_input(
        "Seed",
        0,
        9999,
        key=seed,
        on_change=lambda: state.update(settings={"map.seed": st.session_state[seed]}),
        help="PCA needs none.",
    )
    return level


def _seed(view: ViewState) -> int:
    seed = view.settings.get("map.seed", 0)
    return seed if isinstance(seed, int) and 0 <= seed <= 9999 else 0


def _rows(found: EmbeddedRnas, asked: Asked, level: str, view: ViewState) -> tuple[np.ndarray, Mapped]:
    """The rows of the collection that are on the map: all, or those of one kind of element."""
    method = str(view.settings.get("map.method") or "umap")
    kind = ALL
    rows = np.arange(len(found.vectors[level].names))
    if level == "element":
        table = found.elements
        rows = rows[table["size"].to_numpy() > 0]
        kinds = [ALL, *table["kind"].iloc[rows].value_counts().index]
        kind = option_row("Kind of element", kinds, "map.kind", words=str)
        if kind != ALL:
            rows = rows[table["kind"].iloc[rows].to_numpy() == kind]
    return rows, Mapped(asked, found.key, level, method if method in METHODS else "umap", kind, _seed(view))


def _projection(mapped: Mapped, found: EmbeddedRnas, rows: np.ndarray) -> Projection | None:
    """The map; where making it takes a while the page shows how far it is."""
    projection = maps().result(mapped)
    if projection is not None:
        return projection
    vectors = found.vectors[mapped.level].vectors[rows]

    def work(job: Job) -> Projection:
        from core.rna.projection import project

        return project(
            vectors,
            method=mapped.method,
            seed=mapped.seed,
            on_progress=lambda done, total: job.told(f"making the {METHODS[mapped.method]} map", done, total),
            should_stop=job.stopped,
        )

    job = maps().job(mapped)
    if job is None:
        job = maps().start(mapped, work)
    if job.error is None and job.ended.wait(1.0 if mapped.method == "pca" else 0.05):
        return maps().result(mapped)
    follow(maps(), mapped, "map")
    return None


def _caption(projection: Projection) -> None:
    how = f"UMAP, seed {projection.seed}, {projection.settings['neighbours']} neighbours" if projection.method == "umap" else "PCA"
    judged = f" (measured on {projection.judged:,})" if projection.judged < len(projection.points) else ""
    st.caption(
        f"{how} of {len(projection.points):,} vectors by cosine. Trustworthiness {projection.trustworthiness:.2f}{judged}: 1 when the nearest on the "
        f"map are nearest by cosine. Distances between clusters mean little. {' '.join(projection.notices)}"
    )


def _figure(
    found: EmbeddedRnas, projection: Projection, rows: np.ndarray, level: str, own: EmbeddedRnas | None, view: ViewState, mapped: Mapped
) -> list[str]:
    """The map on the page; names of the points picked on it."""
    from core.rna.projection import place
    from core.viz.embedding_map import embedding_map
    from core.viz.plots import alt_text

    table = found.table(level).iloc[rows].reset_index(drop=True)
    names = table["name"].tolist()
    by = option_row("Colour", COLOURS[level], f"map.colour.{level}", words=COLOURS[level].__getitem__)
    placed, selected = None, []
    if own is not None:
        mine = own.table(level)
        kept = np.arange(len(mine)) if level == "rna" else np.flatnonzero((mine["size"] > 0) & ((mine["kind"] == mapped.kind) | (mapped.kind == ALL)))
        known = set(names)
        labels = [n if n not in known else f"{n} (yours)" for n in mine["name"].iloc[kept]]
        if len(kept):
            placed = (labels, place(projection, own.vectors[level].vectors[kept]))
        element = (view.selection or "").removeprefix("elem:")
        selected = [label for label, name in zip(labels, mine["name"].iloc[kept], strict=True) if name.endswith(f"/{element}")]
    figure = embedding_map(
        projection,
        names,
        colour=_colour(table, by, level),
        placed=placed,
        selected=selected,
        title=f"{LEVELS[level].capitalize()} of the {found.name}{networks.credit(mapped.asked.network)}",
    )
    event = st.plotly_chart(figure, key="map_figure", on_select="rerun", selection_mode=("points", "lasso", "box"), alt=alt_text(figure))
    st.caption("Drag to lasso points: they are listed and drawn below. A click picks one. Diamonds are the RNA of the view.")
    return list(dict.fromkeys(str(point["customdata"][0]) for point in event["selection"]["points"] if point.get("customdata")))


def _colour(table: pd.DataFrame, by: str, level: str) -> Kinds | Values:
    from core.viz.colour import CIVIDIS, Scale
    from core.viz.embedding_map import Kinds, Values
    from core.viz.rna_colour import ELEMENTS

    words = COLOURS[level][by]
    if by in ("family", "motif", "kind"):
        kinds = [value or None for value in table[by]]
        return Kinds(kinds, words, ELEMENTS if by == "kind" else None)
    values = table[by].to_numpy(float)
    quantity, unit = UNITS.get(by, (words, ""))
    low, high = (0.0, 1.0) if by in FIXED else (0.0, float(np.nanpercentile(values, 98)) or 1.0)
    note = "fixed scale 0 to 1" if by in FIXED else f"0 to {high:.3g}, where 98% lie"
    return Values(values, Scale(quantity, unit, low, high, CIVIDIS, note))


def _picked(found: EmbeddedRnas, asked: Asked, names: list[str], level: str) -> None:
    """The points picked, as a table and as drawings."""
    from core.viz.rna_drawing import rna_svg, rna_view

    table = found.table(level)
    chosen = table[table["name"].isin(names)]
    if not len(chosen):
        return
    st.subheader(f"{len(chosen):,} picked")
    st.dataframe(chosen.head(LISTED), hide_index=True, height=min(400, 60 + 36 * len(chosen)), alt="The points picked on the map")
    st.download_button("Picked, CSV", chosen.to_csv(index=False), "picked.csv", "text/csv", on_click="ignore", icon=":material/download:")
    columns = st.columns(3)
    for place, row in enumerate(chosen.head(DRAWN).to_dict("records")):
        record = found.record(str(row["name"] if level == "rna" else row["rna"]))
        element = str(row.get("element", ""))
        elements = data.elements(str(record.structure))
        bases = data.bases_of(f"elem:{element}", elements) if element else ()
        drawn = rna_view(record, colour_by="element", elements=elements)
        with columns[place % 3]:
            st.caption(plain(str(row["name"])))
            rna_drawing(
                rna_svg(drawn, interactive=True),
                key=f"map-drawing-{place}",
                on_pick=lambda _: None,
                sentence=drawn.sentence,
                name=f"picked-{place}",
                entity=f"elem:{element}" if bases else None,
                selected=bases,
                height=280,
            )
            if asked.library == "reference":
                link = {"rna": data.EXAMPLE + record.id} | ({"sel": f"elem:{element}"} if element else {})
                st.page_link(page_of(entry("rna")), label="Open on the RNA page", icon=":material/genetics:", query_params=link, help="")
    if len(chosen) > DRAWN:
        st.caption(f"The first {DRAWN} are drawn.")


def _exports(found: EmbeddedRnas, projection: Projection, rows: np.ndarray, level: str) -> None:
    """The vectors on the map with their names, tables and points."""
    from core.rna.embedding_files import csv, h5ad, npz

    own = found.vectors[level]
    shown = replace(own, names=[own.names[i] for i in rows], vectors=own.vectors[rows])
    obs = found.table(level).iloc[rows].reset_index(drop=True)
    maps_of: dict[str, Any] = {f"X_{projection.method}": projection}
    with st.popover("Export the vectors", icon=":material/download:"):
        made = {
            "AnnData (h5ad)": ("embeddings.h5ad", "application/octet-stream", lambda: h5ad(shown, obs=obs, obsm=maps_of)),
            "CSV": ("embeddings.csv", "text/csv", lambda: csv(shown, obs=obs, obsm=maps_of)),
            "npz": ("embeddings.npz", "application/octet-stream", lambda: npz({level: shown})),
        }
        for label, (name, mime, make) in made.items():
            st.download_button(label, make, name, mime, on_click="ignore", key=f"map_export_{name}")
