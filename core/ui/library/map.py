"""The map: elements or whole RNAs of a collection as points, the RNA of the view among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import streamlit as st

from core import __version__, storage
from core.ui import networks, state
from core.ui.background import Background, Job, follow
from core.ui.bind import bind, option_row
from core.ui.library import colour
from core.ui.library.bar import library_box
from core.ui.library.data import LEVELS, REFERENCE, Asked, query, ready, with_columns
from core.ui.library.filters import Filter, choose
from core.ui.library.picked import PICK, Point, card, several
from core.ui.rna.begin import begin
from core.ui.text import plain
from core.ui.view_state import MAX_TEXT, ViewState

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas
    from core.rna.projection import Projection

METHODS = {"umap": "UMAP", "pca": "PCA"}
ALL = "all"
RINGED = 20_000
"""Points up to which the one picked has a ring; drawing all again for it would take seconds, and the browser marks what was clicked by itself."""
_STOPPED = "map_stopped"


@dataclass(frozen=True)
class Mapped:
    """Which vectors, by which method. Hashable, so that it is the key of what follows."""

    asked: Asked
    key: str
    level: str
    method: str
    kind: str
    seed: int

    @property
    def path(self) -> Path:
        """Where a map that takes long to make is kept."""
        of = storage.digest_of(vectors=self.key, level=self.level, method=self.method, kind=self.kind, seed=self.seed, gatescope=__version__)
        return storage.folder("cache") / "maps" / f"{of}.npz"


@st.cache_resource(max_entries=1, show_spinner=False)
def maps() -> Background[Mapped, Projection]:
    """Maps made or being made."""
    return Background(12)


def draw() -> None:
    """Draws the page for the current view; what cannot be used is one sentence, with the last good view still there."""
    view, given, folded, asked = begin("map", Asked.of, encoders=True)
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
    everything, columns = with_columns(asked, found, level)
    table = everything.iloc[rows].reset_index(drop=True)
    kept = choose(table, view)
    mine = None if folded is None else query(given, folded, asked)
    own = None if mine is None else Own.on(projection, mine, set(table["name"]), level, mapped.kind)
    if kept.words:
        (st.caption if kept.rows.any() else st.info)(plain(kept.sentence()))
    several(_figure(found, projection, table, columns, kept, level, own, mapped), found, asked, level)
    if kept.rows.any():
        _exports(found, projection, table, rows, kept.rows, level)


def _level_and_method(view: ViewState) -> str:
    with st.container(key="pairs-map"):
        left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        level = option_row(
            "Points are", list(reversed(LEVELS)), "map.level", words=LEVELS.__getitem__, help="Structural elements (motifs), or whole RNAs."
        )
    with right.popover("How it is made", icon=":material/tune:", width="stretch", help="UMAP or PCA, and the seed of UMAP."):
        option_row(
            "Method",
            METHODS,
            "map.method",
            words=METHODS.__getitem__,
            help="UMAP keeps neighbours together; PCA shows the directions of largest variance.",
        )
        seed = bind("map_seed", _seed(view))
        st.number_input(
            "Seed",
            0,
            9999,
            key=seed,
            on_change=lambda: state.update(settings={"map.seed": st.session_state[seed]}),
            help="Of UMAP, which begins at random; PCA needs none.",
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
        kind = option_row("Kind of element", kinds, "map.kind", words=str, help="Only elements of this kind are on the map.")
        if kind != ALL:
            rows = rows[table["kind"].iloc[rows].to_numpy() == kind]
    return rows, Mapped(asked, found.key, level, method if method in METHODS else "umap", kind, _seed(view))


def _projection(mapped: Mapped, found: EmbeddedRnas, rows: np.ndarray) -> Projection | None:
    """The map; where making it takes a while the page shows how far it is, and keeps it for the next visit."""
    from core.rna.projection import load_projection

    projection = maps().result(mapped)
    if projection is None and maps().job(mapped) is None and (stored := load_projection(mapped.path)) is not None:
        projection = maps().remember(mapped, stored)
    if projection is not None:
        return projection
    vectors = found.vectors[mapped.level].vectors[rows]

    def work(job: Job) -> Projection:
        from core.rna.projection import project, save_projection

        made = project(
            vectors,
            method=mapped.method,
            seed=mapped.seed,
            on_progress=lambda done, total: job.told(f"making the {METHODS[mapped.method]} map", done, total),
            should_stop=job.stopped,
        )
        if made.method == "umap":
            save_projection(made, mapped.path)
        return made

    def stop() -> None:
        st.session_state[_STOPPED] = mapped

    job = maps().job(mapped)
    if job is None and st.session_state.get(_STOPPED) == mapped:
        remedy = "make it after all, or choose PCA, which takes a moment" if mapped.method == "umap" else "make it after all"
        st.info(f"The {METHODS[mapped.method]} map was stopped; {remedy}.")
        how = "It starts from the beginning; a UMAP that is finished is kept for the next visit."
        st.button("Make the map", icon=":material/play_arrow:", key="map_make", on_click=lambda: st.session_state.pop(_STOPPED, None), help=how)
        return None
    if job is None:
        job = maps().start(mapped, work)
    if job.error is None and job.ended.wait(1.0 if mapped.method == "pca" else 0.05):
        return maps().result(mapped)
    follow(maps(), mapped, "map", stop)
    return None


def _caption(projection: Projection) -> None:
    how = f"UMAP, seed {projection.seed}, {projection.settings['neighbours']} neighbours" if projection.method == "umap" else "PCA"
    judged = f" (measured on {projection.judged:,})" if projection.judged < len(projection.points) else ""
    st.caption(
        f"{how} of {len(projection.points):,} vectors by cosine. Trustworthiness {projection.trustworthiness:.2f}{judged}: 1 when the nearest on the "
        f"map are nearest by cosine. Distances between clusters mean little. {' '.join(projection.notices)}"
    )


def _figure(
    found: EmbeddedRnas,
    projection: Projection,
    table: pd.DataFrame,
    columns: pd.DataFrame,
    kept: Filter,
    level: str,
    own: Own | None,
    mapped: Mapped,
) -> pd.DataFrame:
    """The map on the page with the point picked beside it; those of the table that a lasso holds and the filter keeps."""
    from core.viz.crowds import within
    from core.viz.embedding_map import embedding_map
    from core.viz.plots import alt_text

    own_names = [str(name) for name in columns]
    by = colour.choose(level, own_names)
    key = "map_figure"

    def take() -> None:
        selection = st.session_state[key]["selection"]
        names = _names(selection)
        if not (selection.get("lasso") or selection.get("box")) and len(names) == 1 and len(names[0]) <= MAX_TEXT:
            mine = "" if own is None else own.elements.get(names[0], "")
            state.update(settings={PICK: names[0]}, **({"selection": f"elem:{mine}"} if mine else {}))

    view = state.current()
    asked_for = view.settings.get(PICK)
    told = sorted(own_names, key=lambda name: name != by)  # what the points are coloured by comes first
    point = _point(asked_for, table, told, found, own) if isinstance(asked_for, str) else None
    ringed = [] if own is None else own.selected(view)
    if point is not None and len(table) <= RINGED:
        ringed.append(point.label)
    figure = embedding_map(
        projection,
        table["name"].tolist(),
        colour=colour.colour(table, by, level, columns),
        placed=None if own is None else (own.labels, own.points),
        labels=None if own is None else own.short,
        selected=ringed,
        shown=kept.rows,
        others=not kept.hide,
        title=f"{LEVELS[level][0].upper()}{LEVELS[level][1:]} of {_called(found, mapped.asked)}{networks.credit(mapped.asked.network)}",
    )
    left, right = st.columns([7, 3])
    with left:
        event = st.plotly_chart(
            figure, key=key, on_select=take, selection_mode=("points", "lasso", "box"), config={"scrollZoom": True}, alt=alt_text(figure)
        )
        st.caption(
            "Click a point to see it beside the map. Drag moves the map and the wheel zooms. *Lasso* or *Box* above the map selects many points: "
            "they are listed and drawn below. Diamonds are the RNA of the view; where they are crowded some have their name on hovering only."
        )
        if (count := figure.layout.meta["drawn"]) is not None:
            total = int(kept.rows.sum()) if kept.hide else len(table)
            st.caption(
                f"Where points lie on each other one stands for several, so that the map moves smoothly: {count:,} of {total:,} are drawn. Lasso and "
                "box take all that lie inside, and a filter shows more of what it keeps."
            )
    with right:
        card(point, asked_for if isinstance(asked_for, str) else "", mapped.asked)
    inside = within(projection.points, event["selection"])
    return table[:0] if inside is None else table[kept.rows & inside]


def _called(found: EmbeddedRnas, asked: Asked) -> str:
    return f"the {found.name}" if asked.library == REFERENCE else found.name


def _names(selection: Any) -> list[str]:
    """Names of the points of a selection, each once; points without one are filtered out."""
    return list(dict.fromkeys(str(point["customdata"][0]) for point in selection["points"] if point.get("customdata")))


def _point(name: str, table: pd.DataFrame, columns: list[str], found: EmbeddedRnas, own: Own | None) -> Point | None:
    """The point of this name, one's own first; None where the map has none."""
    if own is not None and name in own.labels:
        row = own.table.iloc[own.labels.index(name)]
        return Point(name, {str(k): v for k, v in row.items()}, own.of, True)
    rows = table[table["name"] == name]
    return Point(name, {str(k): v for k, v in rows.iloc[0].items()}, found, False, tuple(columns)) if len(rows) else None


@dataclass(frozen=True, eq=False)
class Own:
    """The RNA of the view on the map: its rows, what each is called there and beside its mark, and where it stands."""

    of: EmbeddedRnas
    table: pd.DataFrame
    labels: list[str]
    short: list[str]
    points: np.ndarray

    @classmethod
    def on(cls, projection: Projection, own: EmbeddedRnas, names: set[str], level: str, kind: str) -> Own | None:
        """Its elements of a kind, or the whole RNA, among points of these names; None where it has none."""
        from core.rna.projection import place

        mine = own.table(level)
        rows = np.arange(len(mine)) if level == "rna" else np.flatnonzero((mine["size"] > 0) & ((mine["kind"] == kind) | (kind == ALL)))
        if not len(rows):
            return None
        table = mine.iloc[rows].reset_index(drop=True)
        labels = [name if name not in names else f"{name} (yours)" for name in table["name"]]
        short = table["name" if level == "rna" else "element"].tolist()
        return cls(own, table, labels, short, place(projection, own.vectors[level].vectors[rows]))

    @property
    def elements(self) -> dict[str, str]:
        """Names of the elements by what they are called on the map; none for a whole RNA."""
        return dict(zip(self.labels, self.table["element"], strict=True)) if "element" in self.table else {}

    def selected(self, view: ViewState) -> list[str]:
        """What the view's selection is called on the map."""
        element = (view.selection or "").removeprefix("elem:")
        return [label for label, name in self.elements.items() if name == element]


def _exports(found: EmbeddedRnas, projection: Projection, table: pd.DataFrame, rows: np.ndarray, kept: np.ndarray, level: str) -> None:
    """The vectors in colour with their names, tables and points on the map of all.

    Args:
        table: of what is on the map; rows: of the collection, those on the map; kept: [len(rows)] bool, those in colour.
    """
    from core.rna.embedding_files import csv, h5ad, npz

    own, chosen = found.vectors[level], rows[kept]
    shown = replace(own, names=[own.names[i] for i in chosen], vectors=own.vectors[chosen])
    obs = table[kept].reset_index(drop=True)
    maps_of: dict[str, Any] = {f"X_{projection.method}": replace(projection, points=projection.points[kept])}
    octets = "application/octet-stream"
    with st.popover("Export the vectors", icon=":material/download:", help="Of the points in colour: what a filter leaves out is not in the file."):
        made = {
            "AnnData (h5ad)": (
                "One row per vector: its numbers in X, what is known of it in obs, the place on the map in obsm.",
                "embeddings.h5ad",
                octets,
                lambda: h5ad(shown, obs=obs, obsm=maps_of),
            ),
            "CSV": (
                "One row per vector: name, what is known of it, the place on the map, then the vector as unit 1, unit 2 and so on.",
                "embeddings.csv",
                "text/csv",
                lambda: csv(shown, obs=obs, obsm=maps_of),
            ),
            "npz": ("Names and vectors alone, as two arrays of NumPy.", "embeddings.npz", octets, lambda: npz({level: shown})),
        }
        for label, (what, name, mime, make) in made.items():
            st.download_button(label, make, name, mime, on_click="ignore", key=f"map_export_{name}", help=what)
