"""GINFINITY as one more network: kept with its licence accepted, chosen on the pages of vectors, its numbers and its credit, removed again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core import storage
from core.explain.ginfinity_scores import PEER, ROWS, ginfinity_scores
from core.explain.labelled import read_labelled
from core.explain.reference import embed_reference
from core.explain.scoreboard import scoreboard, verdict
from core.models import load_checkpoint
from core.rna import embed, ginfinity, load_example, nucleotide_graph
from core.rna.alignment import align
from core.rna.fingerprints import unit
from core.rna.ginfinity_kept import GINFINITY, keep_ginfinity, kept_ginfinity, open_kept
from core.ui import networks
from core.ui.library.data import work
from core.ui.library.map import maps
from core.ui.scoreboard.data import FILES, boards, shipped
from tests.app.steps import opened
from tests.app.test_scoreboard_page import labelled_file
from tests.core.ginfinity_weights import CONFIG, archive, random_state, zipped

WEIGHTS = archive({"cfg": CONFIG, "state_dict": random_state(CONFIG)})


@pytest.fixture(autouse=True)
def known(own_home: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights count as published ones, and nothing was embedded with them before."""
    for background in (work, maps, boards):
        background.clear()  # type: ignore[attr-defined]
    monkeypatch.setattr(ginfinity, "CHECKSUMS", {storage.digest(WEIGHTS): "of the test"})


def told(test: AppTest) -> str:
    return " ".join(str(e.value) for kind in (test.markdown, test.caption, test.info, test.error, test.warning) for e in kind).replace("\\", "")


def ended(test: AppTest) -> AppTest:
    """The page once the reference library has its vectors."""
    for background in (work(), maps()):
        for job in list(background._jobs.values()):
            assert job.ended.wait(180)
        test.run()
    assert not test.exception
    return test


def page(name: str, **query: str) -> AppTest:
    return ended(opened(name, rnanet=GINFINITY, **query))


def hits(test: AppTest):  # type: ignore[no-untyped-def]
    return next(frame.value for frame in test.dataframe if "percentile" in frame.value.columns)


def test_it_is_kept_once_the_licence_is_accepted_and_removed_again(tmp_path: Path):
    wheel = tmp_path / "own.whl"
    wheel.write_bytes(zipped({ginfinity.WEIGHTS: WEIGHTS}))
    test = opened("search")
    assert GINFINITY not in networks.choices("rna", encoders=True) and "non-commercial purposes only" in told(test)
    (keep,) = [button for button in test.button if button.label == "Keep it"]
    assert keep.disabled
    test.checkbox(key="ginfinity_licence").check().run()
    test.text_input(key="ginfinity_path").input(str(tmp_path / "gone.whl"))
    next(button for button in test.button if button.label == "Keep it").click().run()
    assert "There is no file gone.whl; check the path and its spelling." in told(test) and kept_ginfinity() is None
    test.text_input(key="ginfinity_path").input(str(wheel))
    next(button for button in test.button if button.label == "Keep it").click().run()
    ended(test)
    kept = kept_ginfinity()
    assert kept is not None and kept.sha256 == storage.digest(WEIGHTS)
    assert test.selectbox(key="rna_network").value == GINFINITY and "Weights of GINFINITY of the test are kept" in told(test)
    assert "The vectors here are made with GINFINITY by the GINFINITY maintainers" in told(test)
    test.button(key="ginfinity_remove").click().run()
    assert not test.exception and kept_ginfinity() is None
    assert test.selectbox(key="rna_network").value == "rna" and "The vectors here" not in told(test)


def test_the_search_finds_what_its_vectors_say_and_keeps_the_librarys():
    keep_ginfinity(WEIGHTS, accept_licence=True)
    library = embed_reference(GINFINITY)
    record = load_example("trna-phe")
    own = embed([record], checkpoint=GINFINITY, device="cpu").vectors[0].astype(float)
    rows = [place for place, other in enumerate(library.records) if other.id != record.id]
    cosines = unit(library.vectors["rna"].vectors[rows].astype(float)) @ unit(own)
    best = np.argsort(-cosines)[:25]
    short = next(library.records[rows[i]] for i in best if library.records[rows[i]].length <= 150)
    test = page("search", **{"s.search.hit": json.dumps(short.id)})
    assert hits(test)["title"].tolist() == [library.titles[rows[i]] for i in best]
    assert hits(test)["alike"].to_numpy() == pytest.approx(cosines[best], abs=1e-4)
    made = align(*(embed([one], checkpoint=GINFINITY, level="base", device="cpu").vectors for one in (record, short)))
    assert f"{len(made.pairs)} columns, score {made.score:.1f}" in told(test), "the bases are lined up by its vectors"
    (stored,) = (storage.folder("cache") / "embedded").glob("*.npz")
    with np.load(stored) as held:
        assert json.loads(held["about"].tobytes())["manifest"]["licence"]["name"] == "CC BY-NC 4.0"
    elements = page("search", sel="elem:h2", **{"s.search.level": json.dumps("element")})
    assert len(hits(elements)) == 25 and len(list((storage.folder("cache") / "embedded").glob("*.npz"))) == 1


def test_map_and_what_if_show_its_numbers_and_whose_they_are():
    keep_ginfinity(WEIGHTS, accept_licence=True)
    motifs = page("motifs", **{"s.map.level": json.dumps("rna"), "s.map.method": json.dumps("pca")})
    figure = json.loads(motifs.get("plotly_chart")[0].proto.spec)
    assert "vectors by GINFINITY (CC BY-NC 4.0)" in json.dumps(figure["layout"]["title"]) and "PCA of 97 vectors" in told(motifs)
    edited = page("whatif", **{"s.whatif.edit": json.dumps("G10A")})
    from core.explain.what_if import change_base, what_if

    record = load_example("trna-phe")
    expected = what_if(record, change_base(record, 10, "A"), GINFINITY)
    assert next(metric.value for metric in edited.metric if metric.label == "Cosine to the original") == f"{expected.cosine:.3f}"
    assert len([frame for frame in edited.dataframe if list(frame.value.columns) == ["title", "family", "cosine"]]) == 2


def test_pages_that_look_inside_a_network_do_not_offer_it():
    keep_ginfinity(WEIGHTS, accept_licence=True)
    plain = opened("rna")
    assert GINFINITY not in plain.selectbox(key="rna_network").options and not [b for b in plain.button if b.key == "ginfinity_remove"]
    linked = opened("rna", rnanet=GINFINITY)
    assert "GINFINITY gives vectors alone, and neither attention nor messages; choose one of rna" in told(linked)
    cards = opened("checkpoints")
    assert "GINFINITY" not in cards.selectbox(key="card_checkpoint").options


@pytest.mark.parametrize("name", ["motifs", "search", "whatif", "scoreboard"])
def test_a_link_to_it_where_it_is_not_kept_says_so(name: str):
    test = opened(name, rnanet=GINFINITY)
    assert [error.value.replace("\\", "") for error in test.error] == [
        "GINFINITY's weights are not on this computer; give its wheel under GINFINITY on the motif map, search, what-if or scoreboard page."
    ]


def test_an_rna_it_cannot_read_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    keep_ginfinity(WEIGHTS, accept_licence=True)
    pca = {"s.map.level": json.dumps("rna"), "s.map.method": json.dumps("pca")}
    page("motifs", **pca)
    monkeypatch.setattr(nucleotide_graph, "MAX_LENGTH", 100)
    test = page("motifs", rna="example:5s-rrna", **pca)
    assert "5s-rrna has 120 nt and this network reads at most 100; shorten it or take one of Gatescope's networks." in told(test)


def board(test: AppTest):  # type: ignore[no-untyped-def]
    return next(frame.value for frame in test.dataframe if "hit_1" in frame.value.columns).set_index("score")


@pytest.mark.parametrize("network", ["rna", GINFINITY])
def test_a_scoreboard_of_an_own_set_has_its_rows(network: str):
    keep_ginfinity(WEIGHTS, accept_licence=True)
    file = json.dumps(FILES.keep(labelled_file(), "mine.csv"))
    test = opened("scoreboard", rnanet=network, **{"s.scoreboard.file": file})
    test.button(key="scoreboard_start").click().run()
    for job in list(boards()._jobs.values()):
        assert job.ended.wait(120)
    test.run()
    assert not test.exception
    own = {} if network == GINFINITY else {"rna": load_checkpoint("rna")}
    expected = scoreboard(read_labelled(labelled_file()), {**own, PEER: ginfinity_scores(open_kept())}, sources=("folded",)).table
    assert board(test)["all"].to_dict() == pytest.approx(expected.set_index("score")["all"].to_dict(), abs=1e-9)
    assert verdict(expected, "GINFINITY, mean" if network == GINFINITY else "rna", cut="distant") in told(test)
    assert "Rows of GINFINITY: GINFINITY by the GINFINITY maintainers" in told(test)


@pytest.mark.parametrize("measured", [True, False])
def test_the_cards_scoreboard_where_it_holds_its_figures_and_where_not(measured: bool, monkeypatch: pytest.MonkeyPatch):
    keep_ginfinity(WEIGHTS, accept_licence=True)
    scores, motifs, nearest, about = shipped("rna") or pytest.fail("the card of rna has no scoreboard")
    scores = scores[~scores["score"].isin(ROWS)]
    if measured:
        scores = pd.concat([scores, scores[scores["score"] == "4-mers"].assign(score=ROWS[0], kind="peer")])
    monkeypatch.setattr("core.ui.scoreboard.page.shipped", lambda name: (scores, motifs, nearest, about))
    test = opened("scoreboard", rnanet=GINFINITY)
    assert ("The card of rna, shown here, holds no figures of GINFINITY" in told(test)) != measured
    assert verdict(scores, ROWS[0] if measured else "rna") in told(test)
    assert (ROWS[0] in board(test).index) == measured == ("Rows of GINFINITY" in told(test))
