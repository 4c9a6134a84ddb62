"""The scoreboard under Streamlit's own test runner: the card's table, an own labelled set measured, files that cannot be used."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.explain.labelled import read_labelled
from core.explain.scoreboard import scoreboard, verdict
from core.models import load_checkpoint
from core.ui.scoreboard.data import FILES, boards
from tests.app.steps import opened
from tests.core.test_rna_pairs import families

pytestmark = pytest.mark.usefixtures("own_home")


def labelled_file() -> bytes:
    rnas = families()
    rows = [f"{f},{r.id},{r.sequence},{r.structure},{row}" for f, r, row in zip(rnas.families, rnas.records, rnas.rows, strict=True)]
    return "\n".join(["family,id,sequence,structure,aligned_sequence", *rows]).encode()


def own(file: str) -> dict[str, str]:
    return {"s.scoreboard.file": json.dumps(file)}


def told(test: AppTest) -> str:
    return " ".join(str(e.value) for kind in (test.markdown, test.caption, test.info, test.error) for e in kind).replace("\\", "")


def test_the_cards_table_and_its_verdict():
    network, card = load_checkpoint("rna")
    scores = card.content["rfam"]["scores"]
    test = opened("scoreboard")
    folded = [row for row in scores if row["structures"] == "folded"]
    frame = next(frame.value for frame in test.dataframe if "hit_1" in frame.value.columns)
    assert len(frame) == len(folded) and frame["distant"].max() == max(row["distant"] for row in folded)
    assert verdict(pd.DataFrame(scores), "rna") in told(test)
    motifs = next(frame.value for frame in test.dataframe if "level" in frame.value.columns)
    assert set(motifs["level"]) == {"element", "base"} and network is not None


def test_an_own_set_is_measured_as_core_measures_it():
    file = FILES.keep(labelled_file(), "mine.csv")
    test = opened("scoreboard", **own(file))
    assert "24 RNAs of 6 families" in told(test)
    test.button(key="scoreboard_start").click().run()
    job = next(iter(boards()._jobs.values()), None)
    if job is not None:
        assert job.ended.wait(120)
    test.run()
    assert not test.exception
    frame = next(frame.value for frame in test.dataframe if "hit_1" in frame.value.columns).set_index("score")
    expected = scoreboard(read_labelled(labelled_file()), {"rna": load_checkpoint("rna")}).table
    for row in expected[expected["structures"] == "folded"].itertuples():
        assert frame.loc[row.score, "all"] == pytest.approx(row.all, abs=1e-9)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"family,letters\nx,ACGU", "no column 'sequence'"),
        (b"\xff\xfe\x00\x01", "no text in UTF-8"),
        (b"family,sequence\nx,ACGU\nx,ACGU", "two families"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_beside_the_cards_table(data: bytes, sentence: str):
    test = opened("scoreboard", **own(FILES.keep(data, "bad.csv")))
    assert sentence in told(test) and not test.exception
    gone = opened("scoreboard", **own("upload:" + "0" * 64))
    assert "no longer stored" in told(gone)
