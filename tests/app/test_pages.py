"""The pages under Streamlit's own test runner: what they show, and what they do not import."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import storage
from core.ui.about import PACKAGES
from core.ui.model_card import RNA_FIGURES
from core.ui.starts import STARTS
from core.ui.text import duration, plain, size
from core.ui.view_state import ViewState

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path))


def app(page: str | None = None, **query: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    test.query_params.update(query)
    test.run()
    if page:
        test.switch_page(f"pages/{page}.py").run()
    assert not test.exception
    return test


def test_another_python_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 13, 1, "final", 0))
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert [error.value for error in test.error] == ["Gatescope needs Python 3.11 or 3.12 and this is Python 3.13; run it with one of those."]
    assert not test.title
    assert not test.exception


def test_home_shows_the_starts_and_the_installed_versions() -> None:
    test = app()
    assert [heading.value for heading in test.subheader] == [*(start.title for start in STARTS), "This installation"]
    shown = " ".join(text.value for text in test.markdown)
    for package in PACKAGES:
        assert f"{package} {metadata.version(package)}" in shown


def test_each_start_opens_its_view_from_the_link_alone() -> None:
    for start in STARTS:
        if start.page != "lab":  # which asks of no model
            named = "rna" if start.page == "rna" else "model"
            assert start.query()[named] == getattr(start.view, named)
        assert ViewState.from_query(start.query()) == (start.view, [])


def test_the_front_page_needs_no_heavy_package() -> None:
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; test = AppTest.from_file('app.py', default_timeout=60).run(); "
        "assert not test.exception and test.title[0].value == 'Gatescope'; "
        "print(sorted({'torch', 'torch_geometric', 'cobra', 'forgi', 'captum', 'pyvis', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_both_halves_are_imported_once_the_first_page_is_at_rest() -> None:
    code = (
        "import sys, threading; from core.ui import device; device.AT_REST = 0.0; from streamlit.testing.v1 import AppTest; "
        "assert not AppTest.from_file('app.py', default_timeout=60).run().exception; "
        "[thread.join() for thread in threading.enumerate() if isinstance(thread, threading.Timer)]; "
        "print(sorted({'torch', 'torch_geometric', 'cobra', 'forgi', 'captum', 'RNA'} - set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_undo_redo_and_the_url_agree() -> None:
    test = app(ko="PFK")
    assert test.button(key="undo").disabled
    assert test.button(key="redo").disabled
    test.query_params.update({"ko": "PGI", "hops": "2"})
    test.run()
    assert not test.button(key="undo").disabled
    test.button(key="undo").click().run()
    assert dict(test.query_params) in ({"ko": "PFK"}, {"ko": ["PFK"]})
    assert test.button(key="undo").disabled
    assert not test.button(key="redo").disabled


def test_a_broken_link_is_told_once() -> None:
    test = app(hops="99", view="hairball")
    assert [plain("'99' is not a whole number from 1 to 4") in w.value and plain("'hairball' is not one of") in w.value for w in test.warning] == [
        True
    ]
    test.button(key="dismiss_notices").click().run()
    assert not test.warning


def test_storage_shows_the_sizes_on_disk_and_clears_one_folder() -> None:
    (storage.folder("uploads") / "model.xml").write_bytes(b"x" * 4_321)
    (storage.folder("cache") / "table.npz").write_bytes(b"x" * 99)
    test = app("storage")
    assert [metric.value for metric in test.metric] == [size(held) for held in storage.usage().values()] == ["4.3 kB", "0 B", "0 B", "99 B", "0 B"]
    assert test.code[0].value == str(storage.home())
    test.button(key="clear_uploads").click().run()
    assert storage.usage() == {"uploads": 0, "libraries": 0, "encoders": 0, "cache": 99, "runs": 0}
    assert [metric.value for metric in test.metric] == ["0 B", "0 B", "0 B", "99 B", "0 B"]


def test_the_cards_of_both_halves_are_shown_with_what_beats_them() -> None:
    from core.models import list_checkpoints, load_card

    test = app("checkpoints")
    assert test.selectbox(key="card_checkpoint").value == "core"
    assert list(test.selectbox(key="card_checkpoint").options) == [
        *list_checkpoints(kind="metabolic", controls=True),
        *list_checkpoints(kind="rna", controls=True),
    ]
    test.selectbox(key="card_checkpoint").set_value("rna").run()
    assert not test.exception
    content = load_card("rna").content
    rows = [row for row in content["rfam"]["scores"] if row["structures"] == "folded" and row["kind"] in ("network", "untrained")]
    real = {row["score"]: row["distant"] for row in rows}
    assert [metric.value for metric in test.metric] == [
        f"{content['test']['folded']:.3f}",
        f"{max(figures['folded'] for figures in content['baselines'].values()):.3f}",
        f"{real['rna']:.3f}",
        f"{max(value for score, value in real.items() if score != 'rna'):.3f}",
    ]
    table = test.dataframe[0].value
    assert table.loc["rna (this network)", "folded, distant"] == content["test"]["folded_distant"]
    said = " ".join(element.value for element in test.markdown)
    assert (plain("Element counts is better on") in said) == any(
        content["baselines"]["element counts"][figure] > content["test"][figure] for figure in RNA_FIGURES
    )
    assert app("checkpoints", **{"s.checkpoints.card": '"rna_standard"'}).selectbox(key="card_checkpoint").value == "rna_standard"


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (1_449, "1.4 kB"), (23_000_000, "23.0 MB"), (5_400_000_000, "5.4 GB")]
)
def test_sizes_in_words(count: int, said: str) -> None:
    assert size(count) == said


@pytest.mark.parametrize(("seconds", "said"), [(-1, "0 s"), (59.9, "59 s"), (200, "3 min 20 s"), (7_530, "2 h 5 min")])
def test_durations_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_control_is_read_about_and_not_put_into_the_explorer():
    from core.models import load_card

    test = app("checkpoints", net="core")
    test.selectbox(key="card_checkpoint").set_value("core-shuffled").run()
    assert not test.exception
    assert [e.value for e in test.info] == ["A control: shuffled labels. It is here to be compared with, and is not offered elsewhere."]
    growth = load_card("core-shuffled").content["test"]["growth_r2"]
    assert next(m for m in test.metric if m.label == "Growth R², held out").value == f"{growth:.3f}"
    assert test.query_params.get("net", ["core"]) == ["core"]


def test_networks_of_the_same_conditions_stand_beside_each_other():
    from core.models import load_card

    test = app("checkpoints")
    assert "None predicts growth better than core." in " ".join(c.value for c in test.caption)
    rows = next(f.value for f in test.dataframe if "core-shuffled (shuffled labels)" in f.value.index)
    assert list(rows.index) == ["core (one gate per incidence)", "core-shuffled (shuffled labels)"]
    for name, row in zip(("core", "core-shuffled"), rows.index, strict=True):
        content = load_card(name).content
        assert rows.loc[row, "growth R²"] == content["test"]["growth_r2"]
        assert rows.loc[row, "essential reactions, average precision"] == content["essentiality"]["ap_knockout"]


def test_a_network_is_better_only_by_more_than_its_seeds_differ() -> None:
    from core.models import load_card
    from core.ui.model_card import _better

    test = app("checkpoints", net="genome")
    assert "None predicts growth better than genome by more than the seeds differ." in " ".join(c.value for c in test.caption).replace("\\", "")
    card = load_card("genome").content
    ahead = {"test": {"growth_r2": 0.99}, "ensemble": {"each": [{"growth_r2": r} for r in (0.99, 0.98, 0.985)]}}
    assert _better(card, ahead) and not _better(ahead, card) and not _better(card, card)
    assert _better({"test": {"growth_r2": 0.5}}, {"test": {"growth_r2": 0.6}}) and not _better({"test": {"growth_r2": None}}, ahead)
