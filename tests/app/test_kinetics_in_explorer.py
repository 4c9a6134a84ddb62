"""Kinetic parameters in the explorer: loaded, covered, ignored in words, kept in the address, and a bad file leaves the view as it was."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core import storage
from core.metabolic.features import REACTION_FEATURES
from core.metabolic.kinetics import KINETIC_FEATURES
from core.models import NetworkConfig, ReactionNetwork, load_checkpoint, save_checkpoint
from core.ui import kinetics
from core.ui.explorer.kinetics import EXAMPLE
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")


def told(test: AppTest) -> str:
    return " ".join(str(e.value) for kind in (test.info, test.warning, test.error) for e in kind).replace("\\", "")


def growth(test: AppTest) -> str:
    return next(str(m.value) for m in test.metric if m.label == "Growth, network")


def test_loaded_covered_ignored_and_kept_in_the_address() -> None:
    test = opened("explorer")
    before = growth(test)
    test.file_uploader(key="upload-kinetics").set_value([("mine.csv", EXAMPLE.encode(), "text/csv")]).run()
    assert not test.exception
    assert "mine.csv: kcat is known for 1 of 95 reactions and Km for 1 of 360 incidences." in told(test)
    assert "The network core was never trained on kinetic parameters and ignores them" in told(test)
    assert growth(test) == before
    setting = "".join(test.query_params["s.explorer.kinetics"])
    assert re.fullmatch(r'"[0-9a-f]{64}"', setting)
    linked = opened("explorer", model="toy", **{"s.explorer.kinetics": setting})
    assert "2 entries of the file are not in this model: PFK, atp_c in PFK" in told(linked)
    next(b for b in test.button if b.label == "Remove").click().run()
    assert "kcat is known" not in told(test)


def test_a_bad_file_is_one_sentence_and_a_lost_one_too() -> None:
    test = opened("explorer")
    test.file_uploader(key="upload-kinetics").set_value([("bad.csv", b"reaction,kcat_forward\nPFK,fast\n", "text/csv")]).run()
    assert not test.exception
    assert "bad.csv, line 2: kcat_forward is 'fast'; give a positive number (1/s)" in told(test)
    assert "s.explorer.kinetics" not in test.query_params
    lost = opened("explorer", **{"s.explorer.kinetics": f'"{"0a" * 32}"'})
    assert "no longer stored on this computer" in told(lost)


def test_two_files_are_one_set_of_parameters() -> None:
    first, second = b"reaction,kcat_forward\nPFK,110\n", b"reaction,metabolite,km\nPFK,atp_c,0.12\n"
    assert kinetics.keep([(first, "a.csv"), (second, "b.csv")]) == kinetics.keep([(EXAMPLE.encode(), "c.csv")])


def test_pages_that_leave_parameters_out_say_so() -> None:
    _, card = load_checkpoint("core")
    folder = storage.folder("runs") / "20260101-000000-abcdef"
    reader = ReactionNetwork(replace(NetworkConfig(**card.content["network"]), reaction_channels=len(REACTION_FEATURES) + len(KINETIC_FEATURES)))
    content = {k: v for k, v in card.content.items() if k != "members"}
    save_checkpoint(reader, {**content, "name": "checkpoint", "network": reader.config.to_dict()}, folder)
    given = {"net": f"run:{folder.name}", "s.explorer.kinetics": f'"{kinetics.keep([(EXAMPLE.encode(), "mine.csv")])}"'}
    said = "The kinetic parameters of mine.csv are not used in the comparison of media: the network reads them as unknown there."
    assert said in told(opened("conditions", **given, **{"s.conditions.view": '"media"'}))
    assert "mine.csv are not used" not in told(opened("conditions", **given))
    assert "mine.csv are not used" not in told(opened("conditions", **{**given, "net": "core"}, **{"s.conditions.view": '"media"'}))
