"""The motif map under Streamlit's own test runner: what stands on it, kinds and colours, one's own library, what cannot be mapped."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.explain.reference import open_reference
from core.rna import load_example
from core.rna.libraries import add_library
from core.rna.projection import project
from core.ui.library.data import work
from core.ui.library.map import COLOURS, maps
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
