"""What was picked on the map: one point beside it, with the way to the RNA page, and the points of a lasso below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from core.ui.library.data import Asked
from core.ui.library.opening import open_in_rna
from core.ui.rna import data
from core.ui.rna_component import rna_drawing
from core.ui.text import plain

if TYPE_CHECKING:
    from core.explain.embedded import EmbeddedRnas

PICK = "map.pick"
"""Setting of the view: the name of the point picked."""
DRAWN = 6
"""Drawings of the points of a lasso at most."""
LISTED = 2000
TOLD = 3
"""Columns of one's own in the line of words of a point, and in the table of hits."""


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the map.

    Attributes:
        row: of the table of the collection that holds it; own: it is of the RNA of the view.
        columns: names of the library's further columns, those first that are told first.
    """

    label: str
    row: dict[str, Any]
    of: EmbeddedRnas
    own: bool
    columns: tuple[str, ...] = ()

    @property
    def element(self) -> str:
        """Name of the element, "" for a whole RNA."""
        return str(self.row.get("element", ""))

    @property
    def words(self) -> str:
        """What is known of it, in a line."""
        from core.rna.reading import clean

        row = self.row
        if self.element:
            parts = [row["kind"], f"{row['size']} bases", row["motif"] if row["motif"] != "none known" else "", row["family"], row["sequence"]]
        else:
            parts = [row["title"] if row["title"] != row["name"] else "", row["family"], f"{row['length']:,} nt"]
        filled = [(name, row[name]) for name in self.columns if row[name] == row[name] and row[name] != ""]
        parts += [f"{clean(name, 40)}: {f'{value:.10g}' if isinstance(value, float) else clean(value, 40)}" for name, value in filled[:TOLD]]
        return ", ".join(str(part) for part in parts if part)


def card(point: Point | None, asked_for: str, asked: Asked) -> None:
    """One point: its RNA drawn with the element marked, and the way to the RNA page.

    Args:
        asked_for: the name of the pick, said where no point has it.
    """
    if point is None:
        lost = f"{plain(asked_for)} is not on this map. " if asked_for else ""
        st.info(f"{lost}Click a point: it is drawn here, with a link to the RNA page.", icon=":material/touch_app:")
        return
    with st.container(border=True, key="map_card"):
        st.markdown(f"**{plain(point.label)}**")
        st.caption(plain(point.words))
        open_in_rna(asked, point.of.record(_rna(point)), point.element, "map_open", own=point.own)
        _drawing(point, "map-picked", 340)


def several(points: pd.DataFrame, found: EmbeddedRnas, asked: Asked, level: str) -> None:
    """The points of a lasso: a table, and drawings of the first."""
    if not len(points):
        return
    st.subheader(f"{len(points):,} picked")
    st.dataframe(points.head(LISTED), hide_index=True, height=min(400, 60 + 36 * len(points)), alt="The points picked on the map")
    if len(points) > LISTED:
        st.caption(f"The first {LISTED:,} are listed; the file holds all.")
    st.download_button(
        "Picked, CSV",
        points.to_csv(index=False),
        "picked.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="All points that were picked, with the columns of the table above; the vectors are not in it.",
    )
    columns = st.columns(3)
    for place, row in enumerate(points.head(DRAWN).to_dict("records")):
        point = Point(str(row["name"]), {str(k): v for k, v in row.items()}, found, False)
        with columns[place % 3]:
            st.caption(plain(point.label))
            open_in_rna(asked, found.record(_rna(point)), point.element, f"map_open_{place}")
            _drawing(point, f"map-drawing-{place}", 280)
    if len(points) > DRAWN:
        st.caption(f"The first {DRAWN} are drawn.")


def _rna(point: Point) -> str:
    return str(point.row["rna"] if point.element else point.row["name"])


def _drawing(point: Point, key: str, height: int) -> None:
    from core.viz.rna_drawing import rna_svg, rna_view

    record = point.of.record(_rna(point))
    elements = data.elements(str(record.structure))
    bases = data.bases_of(f"elem:{point.element}", elements) if point.element else ()
    drawn = rna_view(record, colour_by="element", elements=elements)
    rna_drawing(
        rna_svg(drawn, interactive=True),
        key=key,
        on_pick=lambda _: None,
        sentence=drawn.sentence,
        name=key,
        entity=f"elem:{point.element}" if bases else None,
        selected=bases,
        height=height,
    )
