"""The search under Streamlit's own test runner: nearest RNAs and motifs as core finds them, the alignment, own libraries, what cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.explain.reference import open_reference
from core.explain.scoreboard import JOINED
from core.models import load_checkpoint
from core.rna import embed, load_example
from core.rna.fingerprints import FINGERPRINTS, kmer_counts, unit
from core.rna.libraries import add_library, list_libraries
from core.ui.library.data import work
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")


def page(**query: str) -> AppTest:
    return opened("search", **query)


def told(test: AppTest) -> str:
    return " ".join(str(e.value) for kind in (test.markdown, test.caption, test.info, test.error) for e in kind).replace("\\", "")


def hits(test: AppTest):  # type: ignore[no-untyped-def]
    return next(frame.value for frame in test.dataframe if "percentile" in frame.value.columns)


def test_the_nearest_rnas_are_those_of_the_vectors():
    test = page()
    library = open_reference("rna")
    record = load_example("trna-phe")
    own = embed([record], checkpoint="rna", device="cpu").vectors[0].astype(float)
    others = [r.id for r in library.records if r.id != record.id]
    rows = [library.place[id] for id in others]
    cosines = unit(library.vectors["rna"].vectors[rows].astype(float)) @ unit(own)
    best = np.argsort(-cosines)[:25]
    table = hits(test)
    assert table["title"].tolist() == [library.titles[rows[i]] for i in best]
    assert table["alike"].to_numpy() == pytest.approx(cosines[best], abs=1e-4)
    assert (table["percentile"].diff().dropna() <= 0).all()
    assert "columns, score" in told(test) and test.code


def test_whole_rnas_are_compared_by_what_is_chosen():
    library = open_reference("rna")
    record = load_example("trna-phe")
    counts = unit(np.stack([kmer_counts(r.sequence) for r in library.records]))
    cosines = counts @ counts[library.place[record.id]]
    cosines[library.place[record.id]] = -np.inf
    best = np.argsort(-cosines, kind="stable")[:25]
    test = page(**{"s.search.by": json.dumps("4-mers")})
    assert test.selectbox(key="search_by").value == "4-mers" and len(test.selectbox(key="search_by").options) == 1 + len(JOINED) + len(FINGERPRINTS)
    table = hits(test)
    assert table["title"].tolist() == [library.titles[i] for i in best]
    assert table["alike"].to_numpy() == pytest.approx(cosines[best]) and (table["percentile"] <= 100).all() and table["percentile"].iloc[0] > 90
    assert "whatever whole RNAs are compared by" in told(
        test
    ) and "counting relatives under 60% identity. Folded from the sequence alone, the nearest" in told(test)
    test.selectbox(key="search_by").select("length").run()
    assert not test.exception and "minus difference" in told(test)
    test.selectbox(key="search_by").select("network").run()
    assert "whatever whole RNAs are compared by" not in told(test) and len(hits(test)) == 25


def test_the_alignment_says_what_its_p_value_is_against():
    test = page()
    nearest = open_reference("rna").records[open_reference("rna").titles.index(hits(test)["title"].iloc[0])]
    pieces = nearest.length // 4
    assert f"{nearest.id} is cut into pieces of {pieces} bases" in told(test) and 16 < pieces < 20
    assert "never counts as unusual" in told(test) and "p cannot be below 0.02" in told(test)


def test_the_nearest_motifs_are_of_the_elements_kind():
    test = page(sel="elem:h2", **{"s.search.level": json.dumps("element")})
    assert test.selectbox(key="search_element").value == "h2"
    library = open_reference("rna").elements.set_index("name")
    table = hits(test)
    assert set(library.loc[table["name"], "kind"]) == {"hairpin"} and not table["name"].str.startswith("trna-phe/").any()
    test.toggle(key="search_kind").set_value(False).run()
    assert not test.exception and len(hits(test)) == 25


def test_an_own_library_is_embedded_searched_and_kept():
    records = [load_example(name) for name in ("trna-phe", "5s-rrna", "adenine-riboswitch")]
    text = "".join(f">{r.id} family=own\n{r.sequence}\n{r.structure}\n" for r in records)
    library = add_library("mine", text.encode(), "mine.fa")
    own = {"s.library.shown": json.dumps(library.key)}
    test = page(rna="example:hammerhead", **own)
    assert "3 RNAs have no vectors by this network yet" in told(test)
    test.button(key="library_start").click().run()
    job = next(iter(work()._jobs.values()), None)
    if job is not None:
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    assert len(hits(test)) == 3 and set(hits(test)["family"]) == {"own"}
    test.selectbox(key="library_remove").select(library.key).run()
    test.button(key="library_remove_now").click().run()
    assert not test.exception and not list_libraries()
    assert test.selectbox(key="library_shown").value == "reference"


def test_the_only_rna_of_a_library_is_no_neighbour_of_itself():
    record = load_example("trna-phe")
    library = add_library("one", f">trna-phe\n{record.sequence}\n{record.structure}\n".encode(), "one.fa")
    test = page(**{"s.library.shown": json.dumps(library.key)})
    test.button(key="library_start").click().run()
    job = next(iter(work()._jobs.values()), None)
    if job is not None:
        assert job.ended.wait(180)
    test.run()
    assert not test.exception and "No vector of the library is left to search" in told(test)


def test_a_link_to_a_network_or_library_that_is_gone():
    gone = page(**{"s.library.shown": json.dumps("0" * 64)})
    assert gone.selectbox(key="library_shown").value == "reference" and len(hits(gone)) == 25
    bad = page(rnanet="nothing")
    assert "no network 'nothing'" in told(bad) and len(hits(bad)) == 25
    assert load_checkpoint("rna")[1].kind == "rna"
