"""A session file opens on a computer that has none of its files, and says in a sentence what it cannot use."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from cobra.io import to_json

from core import storage
from core.errors import InputError
from core.metabolic import load_model, load_tables, store_upload
from core.rna import add_library, open_library
from core.runs import list_runs
from core.ui import networks
from core.ui.rna import uploads
from core.ui.session_file import VIEW, Session, pack, suggested_name, unpack
from core.ui.view_state import ViewState

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def computers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Moves to another computer: user data that know nothing of the others."""

    def at(name: str) -> None:
        monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / name))

    at("mine")
    return at


def _changed(data: bytes, name: str | None = None, content: bytes = b"", drop: str | None = None) -> bytes:
    """A session file with an entry more, or one less."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        held = {entry: archive.read(entry) for entry in archive.namelist() if entry != drop}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for entry, value in (held | ({name: content} if name else {})).items():
            archive.writestr(entry, value)
    return packed.getvalue()


def test_a_colleague_opens_the_model_the_rna_and_the_network(computers):
    source, rna = store_upload(to_json(load_model("toy")).encode(), "mine.json"), uploads.keep(b">a\nGGGGAAAACCCC\n((((....))))\n", "mine.fa")
    library = add_library("ours", b">a\nGGGGAAAACCCC\n>b\nGGGGAAAACCCU\n").key
    run = storage.folder("runs") / "20260101-000000-abcdef"
    run.mkdir()
    for ending in (".json", ".safetensors"):
        (run / f"ours{ending}").write_bytes((ROOT / "assets" / "checkpoints" / f"core{ending}").read_bytes())
    storage.write_json(run / "config.json", {"schema": 1, "name": "ours", "arguments": ["train", "metabolic"]})
    view = ViewState(model=source, rna=rna, checkpoint=f"run:{run.name}", settings={"library.shown": library})
    packed = pack(Session(view, "search"))
    assert packed == pack(Session(view, "search"))
    sizes, weights = load_tables(source).key, (run / "ours.safetensors").read_bytes()

    computers("theirs")
    with pytest.raises(InputError, match="no longer stored"):
        pack(Session(ViewState(model=source)))
    found = unpack(packed)
    assert found == Session(view, "search")
    assert load_tables(source).key == sizes and uploads.stored(rna).read_text().startswith(">a\n") and uploads.label(rna) == "mine.fa"
    assert [r.id for r in open_library(library).records] == ["a", "b"]
    there = networks.source(view.checkpoint)
    assert Path(there).read_bytes() == weights and networks.label(view.checkpoint).startswith("trained here: core")
    assert list_runs() == []  # it is a network, no run of this computer that could be resumed
    assert unpack(packed) == found  # again: what is here stays


def test_a_view_of_shipped_things_is_small_and_its_json_alone_is_read(computers):
    session = Session(ViewState(selection="rxn:PFK"), "explain")
    packed = pack(session)
    assert len(packed) < 2_000 and unpack(packed) == session
    assert unpack(session.view.to_json().encode()) == Session(session.view, "explorer")
    assert suggested_name(session.view) == f"e_coli_core-{session.view.key[:8]}.gatescope"


def test_what_is_no_session_is_refused_whole(computers):
    packed = pack(Session(ViewState()))
    good = uploads.keep(b">a\nGGGG\n", "a.fa").removeprefix("upload:")
    held = pack(Session(ViewState(rna=f"upload:{good}")))
    computers("theirs")
    for wrong, told in (
        (b"PK no zip", "not a Gatescope session file"),
        (b"[1]", "not a Gatescope session file"),
        (_changed(packed, drop=VIEW), "or it is damaged"),
        (held[: len(held) // 2], "not a Gatescope session file"),
        (_changed(packed, "uploads/../../evil.txt"), "belongs to no session"),
        (_changed(packed, "/etc/passwd"), "belongs to no session"),
        (_changed(packed, "networks/../config.json"), "belongs to no session"),
        (_changed(packed, "networks/a/run.sh"), "belongs to no session"),
        (_changed(packed, f"uploads/rna-{good}/a.fa", b"other"), "is not what the view names"),
        (_changed(packed, VIEW, json.dumps({"schema": 99, "view": {}}).encode()), "has schema '99'"),
    ):
        with pytest.raises(InputError, match=told):
            unpack(wrong)
    assert not any(storage.usage().values())


def test_a_session_names_what_is_gone(computers):
    with pytest.raises(InputError, match="is not on this computer"):
        pack(Session(ViewState(checkpoint="run:20260101-000000-abcdef")))
