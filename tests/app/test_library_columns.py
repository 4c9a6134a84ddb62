"""Further columns of an own table on the motif map and in the search: offered as colours, told of the point picked, beside the hits."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.explain.reference import open_reference
from core.rna.libraries import Library, add_library
from core.ui.library.colour import COLOURS, HELP, colour, scale_of
from core.ui.library.data import _typed, work
from core.ui.library.map import maps
from core.viz.colour import UNKNOWN
from core.viz.embedding_map import Kinds, Values
from tests.app.steps import opened
from tests.app.test_motif_map_page import ended, figure, told

pytestmark = pytest.mark.usefixtures("own_home")

RECORDS = [record for record in open_reference("rna").records if record.length < 100][:24]
KD = [None if i == 5 else 10.0 ** (i % 4) + i / 10 for i in range(len(RECORDS))]
ORGANISMS = ["" if i == 7 else ("E. coli", "yeast", "human")[i % 3] for i in range(len(RECORDS))]
CLUSTERS = [3 - i % 3 for i in range(len(RECORDS))]


def added(**columns: list) -> Library:  # type: ignore[type-arg]
    frame = pd.DataFrame({"id": [r.id for r in RECORDS], "sequence": [r.sequence for r in RECORDS], "structure": [r.structure for r in RECORDS]})
    return add_library("mine", frame.assign(**columns).to_csv(index=False).encode(), "mine.csv")


def page(name: str, library: Library, **settings: object) -> AppTest:
    """A page on a library, which is embedded where that was not done before."""
    asked = {"library.shown": library.key, "map.method": "pca", **settings}
    test = opened(name, **{f"s.{key.replace('__', '.')}": json.dumps(value) for key, value in asked.items()})
    if any(button.key == "library_start" for button in test.button):
        test.button(key="library_start").click().run()
    return ended(ended(test, work()), maps())


def colours(test: AppTest, level: str) -> list[str]:
    key = f"map_colour_{level}"
    return next(list(widget.options) for widget in (*test.selectbox, *test.segmented_control) if widget.key == key)


def by_name(test: AppTest) -> dict[str, dict]:  # type: ignore[type-arg]
    return {trace["name"]: trace for trace in figure(test)["data"]}


def test_columns_are_offered_after_what_is_known_of_all_and_colour_both_levels():
    library = added(organism=ORGANISMS, Kd=KD, cluster=CLUSTERS)
    rna = page("motifs", library, map__level="rna", map__colour__rna="organism", map__pick=RECORDS[0].id)
    assert colours(rna, "rna") == [*COLOURS["rna"].values(), "organism", "Kd", "cluster"]
    counts = {name: ORGANISMS.count(name) for name in ("E. coli", "yeast", "human")}
    assert {f"{name}, {count}" for name, count in counts.items()} | {"not known, 1"} <= set(by_name(rna))
    assert figure(rna)["layout"]["legend"]["title"]["text"] == "organism"
    assert f"{RECORDS[0].length} nt, organism: E. coli, Kd: 1, cluster: 3" in told(rna)

    element = page("motifs", library, map__level="element", map__colour__element="Kd", map__pick=f"{RECORDS[1].id}/s0")
    assert colours(element, "element") == [*COLOURS["element"].values(), "organism", "Kd", "cluster"]
    traces = by_name(element)
    (cells,) = (trace for name, trace in traces.items() if name.startswith("with a value"))
    low, high = np.percentile([kd for kd in KD if kd is not None], (2, 98))
    assert (cells["marker"]["cmin"], cells["marker"]["cmax"]) == pytest.approx((low, high))
    assert cells["marker"]["colorbar"]["title"]["text"] == f"Kd, {low:.4g} to {high:.4g}, where 96% lie"
    table = open_reference("rna").elements
    without = int(((table["rna"] == RECORDS[5].id) & (table["size"] > 0)).sum())
    assert traces[f"no value, {without}"]["marker"]["color"] == UNKNOWN
    assert "Kd: 10.1, organism: yeast, cluster: 2" in told(element)

    element.selectbox(key="map_colour_element").select("cluster").run()
    assert not element.exception
    names = [name.split(",")[0] for name in by_name(element)]
    assert names[:3] == ["1", "2", "3"] and figure(element)["layout"]["legend"]["title"]["text"] == "cluster"


def test_a_link_that_names_a_column_the_library_lacks_gets_the_first_colour():
    library = added(organism=ORGANISMS)
    for level, first in (("rna", "family"), ("element", "kind of element")):
        test = page("motifs", library, **{"map__level": level, f"map__colour__{level}": "Kd"})
        assert figure(test)["layout"]["legend"]["title"]["text"] == first
    reference = opened("motifs", **{"s.map.method": '"pca"', "s.map.level": '"rna"', "s.map.colour.rna": '"organism"'})
    assert colours(reference, "rna") == list(COLOURS["rna"].values())


def test_columns_named_like_ours_and_hostile_ones_stay_apart():
    html = "<img src=x onerror=\"window.hostile='img'\">"
    library = added(**{"Length": range(24), "GC content": KD, html: [html] * 24, "motif": ORGANISMS})
    test = page("motifs", library, map__level="rna", map__colour__rna=html, map__pick=RECORDS[3].id)
    assert colours(test, "rna") == [*COLOURS["rna"].values(), "Length (yours)", "GC content", html, "motif (yours)"]
    assert figure(test)["layout"]["legend"]["title"]["text"].startswith("&lt;img src=x")
    assert f"{RECORDS[3].length} nt, {html[:39]}…: {html[:39]}…, Length (yours): 3, GC content: 1000.3" in told(test)
    test.selectbox(key="map_colour_rna").select("Length (yours)").run()
    assert not test.exception and "Length (yours): 3" in told(test)


def test_new_columns_of_the_same_rnas_are_shown_without_embedding_anew():
    library = added(organism=ORGANISMS)
    page("motifs", library, map__level="rna")
    again = added(Kd=KD)
    assert again.key == library.key
    test = opened("motifs", **{"s.library.shown": json.dumps(library.key), "s.map.method": '"pca"', "s.map.level": '"rna"'})
    assert colours(test, "rna") == [*COLOURS["rna"].values(), "Kd"] and not any(button.key == "library_start" for button in test.button)


def test_hits_stand_beside_the_first_columns_of_the_library():
    library = added(organism=ORGANISMS, Kd=KD, cluster=CLUSTERS, fourth=CLUSTERS, measure=CLUSTERS)
    of = {record.id: place for place, record in enumerate(RECORDS)}
    for level, name in (("rna", "title"), ("element", "name")):
        test = page("search", library, search__level=level)
        table = next(frame.value for frame in test.dataframe if "percentile" in frame.value.columns)
        assert list(table.columns)[-4:] == ["same", "organism", "Kd", "cluster"] and len(table) > 5
        rows = [of[hit.split("/")[0]] for hit in table[name]]
        assert table["organism"].tolist() == [ORGANISMS[row] for row in rows]
        assert table["Kd"].tolist() == pytest.approx([np.nan if KD[row] is None else KD[row] for row in rows], nan_ok=True)


def test_a_library_whose_columns_cannot_be_read_keeps_its_map():
    library = added(organism=ORGANISMS)
    page("motifs", library, map__level="rna")
    library.path.write_text(library.path.read_text().replace("yeast", "beast"))
    _typed.clear()
    test = page("motifs", library, map__level="rna", map__colour__rna="organism")
    assert "The library mine is damaged on disk; remove it and add its file again." in told(test)
    assert colours(test, "rna") == list(COLOURS["rna"].values()) and "PCA of 24 vectors" in told(test)


@pytest.mark.parametrize(
    ("values", "low", "high", "note"),
    [
        ([*range(101), np.nan], 2, 98, "2 to 98, where 96% lie"),
        ([2.5, 2.5, np.nan], 1.25, 3.75, "all are 2.5"),
        ([0.0], -0.5, 0.5, "all are 0"),
        ([-4.0, -4.0], -6, -2, "all are -4"),
        ([0.5] * 99 + [9], 0.5, 9, "0.5 to 9, all"),
    ],
)
def test_a_scale_is_where_most_values_lie(values, low, high, note):
    scale = scale_of(np.array(values), "Kd")
    assert (scale.low, scale.high) == pytest.approx((low, high)) and scale.note == note and scale.quantity == "Kd"


def test_text_and_few_whole_numbers_are_kinds_and_other_numbers_a_scale():
    columns = pd.DataFrame({"yes": [0.0, 1, 1, 0, np.nan], "kd": [1.0, 2, 3, 4, np.nan], "text": ["a", "", "b", "a", "a"]})
    table = columns.iloc[[4, 0, 1, 1]]
    yes = colour(table, "yes", "rna", columns)
    assert isinstance(yes, Kinds) and yes.of == [None, "0", "1", "1"] and yes.order == ["0", "1"]
    text = colour(table, "text", "rna", columns)
    assert isinstance(text, Kinds) and text.of == ["a", "a", None, None]
    kd = colour(table, "kd", "rna", columns)
    assert isinstance(kd, Values) and kd.of.tolist() == pytest.approx([np.nan, 1, 2, 2], nan_ok=True)
    assert (kd.scale.low, kd.scale.high) == pytest.approx((1.06, 3.94))  # of all RNAs, not of the points alone
    assert "kinds" in HELP and "scale" in HELP
