"""The motif map under Streamlit's own test runner: what stands on it, kinds and colours, one's own library, what cannot be mapped."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import InputError
from core.explain.embedded import NO_MOTIF
from core.explain.reference import open_reference
from core.rna import load_example, projection
from core.rna.libraries import add_library
from core.rna.motifs import MOTIFS
from core.rna.neighbours import unit_rows
from core.rna.projection import project
from core.ui.library.colour import COLOURS
from core.ui.library.data import work
from core.ui.library.map import maps
from core.ui.view_state import MAX_TEXT
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")


def page(**settings: object) -> AppTest:
    test = opened("motifs", **{f"s.map.{name}": json.dumps(value) for name, value in settings.items()})
    return ended(test, maps())


def ended(test: AppTest, background) -> AppTest:  # type: ignore[no-untyped-def]
    for job in list(background._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    return test


def told(test: AppTest) -> str:
    return " ".join(str(e.value) for kind in (test.markdown, test.caption, test.info, test.error) for e in kind).replace("\\", "")


def test_pca_of_the_library_states_its_trustworthiness():
    test = page(method="pca", level="rna")
    library = open_reference("rna")
    expected = project(library.vectors["rna"].vectors, method="pca")
    assert f"PCA of {len(library):,} vectors by cosine. Trustworthiness {expected.trustworthiness:.2f}" in told(test)
    assert figure(test)["layout"]["title"]["text"].startswith("Whole RNAs of the reference library")
    options = test.segmented_control(key="map_colour_rna").options if hasattr(test, "segmented_control") else list(COLOURS["rna"].values())
    assert set(options) >= set(COLOURS["rna"].values())


def test_a_kind_of_element_has_a_map_of_its_own():
    elements = open_reference("rna").elements
    hairpins = elements[(elements["kind"] == "hairpin") & (elements["size"] > 0)]
    test = page(method="pca", level="element", kind="hairpin")
    assert f"PCA of {len(hairpins):,} vectors" in told(test)
    sizes = elements[elements["size"] > 0]
    assert f"PCA of {len(sizes):,} vectors" in told(page(method="pca", level="element"))


def test_too_few_points_make_no_map():
    records = [load_example(name) for name in ("trna-phe", "5s-rrna")]
    text = "".join(f">{r.id}\n{r.sequence}\n{r.structure}\n" for r in records)
    library = add_library("two", text.encode(), "two.fa")
    test = opened("motifs", **{"s.library.shown": json.dumps(library.key), "s.map.level": json.dumps("rna"), "s.map.method": json.dumps("pca")})
    test.button(key="library_start").click().run()
    ended(test, work())
    assert "2 of them are of this kind, and a map needs at least 4" in told(test)


def figure(test: AppTest) -> dict:  # type: ignore[type-arg]
    (chart,) = test.get("plotly_chart")
    return json.loads(chart.proto.spec)


def exports(test: AppTest) -> list[str]:
    return [button.proto.label for button in test.get("download_button")]


def test_motifs_and_families_are_shown_and_the_others_grey_or_left_out():
    elements = open_reference("rna").elements
    elements = elements[elements["size"] > 0]
    gnra, uncg = (int((elements["motif"] == name).sum()) for name in ("GNRA tetraloop", "UNCG tetraloop"))
    chosen = page(method="pca", level="element", motifs="GNRA tetraloop|UNCG tetraloop")
    assert gnra and uncg and f"{gnra + uncg:,} of {len(elements):,} points are of the motif GNRA tetraloop or UNCG tetraloop" in told(chosen)
    names = [trace["name"] for trace in figure(chosen)["data"]]
    assert names[0] == f"filtered out, {len(elements) - gnra - uncg:,}"
    chosen.toggle(key="map_hide").set_value(True).run()
    assert not any(trace["name"].startswith("filtered out") for trace in figure(chosen)["data"])
    chosen.multiselect(key="map_motifs").set_value(["T-loop"]).run()
    assert f"{(elements['motif'] == 'T-loop').sum():,} of" in told(chosen) and "left out" in told(chosen)
    chosen.multiselect(key="map_motifs").set_value([]).run()
    assert not chosen.exception and "points are of" not in told(chosen)


def test_a_family_is_shown_and_nothing_to_show_is_a_sentence():
    library = open_reference("rna")
    family = library.families[library.place["trna-lys"]]
    test = page(method="pca", level="rna", family=family)
    assert f"{library.families.count(family)} of {len(library)} points are of the family {family}" in told(test)
    none = page(method="pca", level="rna", family="RF99999 nothing")
    assert "No point of this map is of the family RF99999 nothing; choose another motif or family." in told(none)
    assert next(trace["name"] for trace in figure(none)["data"]) == f"filtered out, {len(library)}"
    assert "AnnData (h5ad)" in exports(test) and exports(none) == []


def test_all_motifs_at_once_fit_into_a_link():
    assert len("|".join([*MOTIFS, NO_MOTIF])) <= MAX_TEXT


def test_a_link_names_the_point_that_is_drawn_beside_the_map():
    test = page(method="pca", level="element", pick="trna-lys/h1")
    assert "**trna-lys/h1**" in told(test) and "Open in the RNA page" in [link.proto.label for link in test.get("page_link")]
    (query,) = [link.proto.query_string for link in test.get("page_link") if link.proto.label == "Open in the RNA page"]
    assert "rna=example%3Atrna-lys" in query and "sel=elem%3Ah1" in query
    lost = page(method="pca", level="rna", pick="trna-lys/h1")
    assert "trna-lys/h1 is not on this map. Click a point" in told(lost)
    own = page(method="pca", level="element", pick="trna-phe/h2 (yours)")
    (query,) = [link.proto.query_string for link in own.get("page_link") if link.proto.label == "Open in the RNA page"]
    assert "rna=example%3Atrna-phe" in query and "sel=elem%3Ah2" in query


def test_a_map_that_was_stopped_is_not_made_again_by_itself():
    """The page started the map anew in the run that followed Cancel."""
    test = opened("motifs", **{"s.map.seed": "4321"})
    test.button(key="map_cancel").click().run()
    assert not test.exception and not maps()._jobs
    assert "The UMAP map was stopped; make it after all, or choose PCA, which takes a moment." in told(test)
    test.button(key="map_make").click().run()
    assert not test.exception and len(maps()._jobs) == 1
    test.button(key="map_cancel").click().run()
    assert "The UMAP map was stopped" in told(test) and not maps()._jobs


def test_a_map_is_kept_for_the_next_visit(monkeypatch: pytest.MonkeyPatch):
    vectors = open_reference("rna").vectors["rna"].vectors
    made = project(vectors, method="pca")
    made = replace(made, method="umap", seed=77, settings={"neighbours": 15}, frame=(unit_rows(vectors), made.points))
    monkeypatch.setattr(projection, "project", lambda *_, **__: made)
    assert "UMAP, seed 77, 15 neighbours" in told(page(level="rna", seed=77))
    maps()._done.clear()

    def again(*_: object, **__: object) -> None:
        raise InputError("The map is made again.")

    monkeypatch.setattr(projection, "project", again)
    test = opened("motifs", **{"s.map.level": '"rna"', "s.map.seed": "77"})
    assert "UMAP, seed 77, 15 neighbours" in told(test) and not test.exception and not maps()._jobs
    other = opened("motifs", **{"s.map.level": '"rna"', "s.map.seed": "78"})
    assert "The map is made again." in told(ended(other, maps()))
    maps().forget(next(iter(maps()._jobs)))
