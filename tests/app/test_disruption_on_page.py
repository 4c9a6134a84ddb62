"""The section of disrupted elements under Streamlit's own test runner: a button starts it, and what it shows is core's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from threading import Event
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.explain.disruption import disrupt
from core.explain.disruption_trial import told_of_one
from core.explain.embedded import EmbeddedRnas, embed_rnas
from core.models import load_checkpoint
from core.rna import RnaRecord, load_example
from core.ui.explain.data import work
from core.ui.explain.disruption import disruptions
from tests.app.steps import opened

pytestmark = pytest.mark.usefixtures("own_home")
GO = Event()
TITLE = "Biology as the judge: plausibility"


def page(**settings: object) -> AppTest:
    test = opened("rnaexplain", rna="example:hammerhead", **{f"s.rnaexplain.{name}": json.dumps(value) for name, value in settings.items()})
    for job in list(work()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception
    return test


def embedded_here(name: str, records: Sequence[RnaRecord], checkpoint: str, *, device: str, batch_size: int, **how: Any) -> EmbeddedRnas:
    """What the process apart gives, without its start, once :data:`GO` is set."""
    assert GO.wait(180)
    return embed_rnas(name, records, checkpoint, device=device, batch_size=batch_size, **how)


def test_elements_are_disrupted_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.explain._embed_apart.embed_apart", embedded_here)
    test = page()
    assert TITLE in [one.value for one in test.subheader] and any("mutants are folded by ViennaRNA" in one.value for one in test.caption)
    test.button(key="explain_disrupt").click().run()
    assert test.button(key="explain_disruption_cancel").label == "Cancel"
    GO.set()
    for job in list(disruptions()._jobs.values()):
        assert job.ended.wait(180)
    test.run()
    assert not test.exception and not test.error
    expected = disrupt(load_example("hammerhead"), load_checkpoint("rna"))
    (table,) = [frame.value for frame in test.dataframe if "disrupted" in frame.value.columns]
    ordered = expected.elements.sort_values("disrupted", ascending=False, kind="stable")
    assert table["disrupted"].to_numpy() == pytest.approx(ordered["disrupted"].to_numpy(), abs=1e-5)
    assert table["mask"].to_numpy() == pytest.approx(ordered["mask"].to_numpy(), abs=1e-4)
    assert told_of_one(expected) in " ".join(str(one.value) for one in test.markdown).replace("\\", "")
    drawn = [json.loads(chart.proto.spec) for chart in test.get("plotly_chart") if "elem:s0" in chart.proto.spec]
    titles = [figure["layout"]["title"]["text"] for figure in drawn]
    assert {"Elements masked and disrupted", "Compensatory double mutants of stems"} <= set(titles)
    assert TITLE not in [one.value for one in page(over="pairs").subheader]
