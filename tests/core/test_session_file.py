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
from core.ui.session_file import VIEW, Session, adopted_networks, pack, remove_adopted, suggested_name, unpack
from core.ui.view_state import ViewState

NETWORK = [Path(__file__).resolve().parents[2] / "assets" / "checkpoints" / f"genome-no-messages.{ending}" for ending in ("json", "safetensors")]


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


def _broken(data: bytes) -> bytes:
    """A session file whose packed bytes are damaged."""
    at = data.index(VIEW.encode()) + len(VIEW) + 20
    return data[:at] + bytes(255 - b for b in data[at : at + 30]) + data[at + 30 :]


def test_a_colleague_opens_the_model_the_rna_and_the_network(computers):
    source, rna = store_upload(to_json(load_model("toy")).encode(), "mine.json"), uploads.keep(b">a\nGGGGAAAACCCC\n((((....))))\n", "mine.fa")
    library = add_library("ours", b">a\nGGGGAAAACCCC\n>b\nGGGGAAAACCCU\n").key
    run = storage.folder("runs") / "20260101-000000-abcdef"
    run.mkdir()
    for file in NETWORK:
        (run / file.name).write_bytes(file.read_bytes())
    storage.write_json(run / "config.json", {"schema": 1, "name": "ours", "arguments": ["train", "metabolic"]})
    view = ViewState(model=source, rna=rna, checkpoint=f"run:{run.name}", settings={"library.shown": library})
    packed = pack(Session(view, "search"))
    assert packed == pack(Session(view, "search"))
    sizes, weights = load_tables(source).key, NETWORK[1].read_bytes()

    computers("theirs")
    with pytest.raises(InputError, match="no longer stored"):
        pack(Session(ViewState(model=source)))
    found = unpack(packed)
    assert found == Session(view, "search")
    assert load_tables(source).key == sizes and uploads.stored(rna).read_text().startswith(">a\n") and uploads.label(rna) == "mine.fa"
    assert [r.id for r in open_library(library).records] == ["a", "b"]
    there = networks.source(view.checkpoint)
    assert Path(there).read_bytes() == weights and networks.label(view.checkpoint).startswith("from a session: genome-no-messages")
    assert list_runs() == []  # it is a network, no run of this computer that could be resumed
    assert unpack(packed) == found  # again: what is here stays
    assert adopted_networks() == [run.name]
    remove_adopted(run.name)
    assert adopted_networks() == [] and not any(storage.folder("runs").iterdir())


def test_a_network_of_this_computer_is_never_replaced(computers):
    run = storage.folder("runs") / "20260101-000000-abcdef"
    for file in NETWORK:
        storage.write_bytes(run / file.name, file.read_bytes())
    packed = pack(Session(ViewState(checkpoint=f"run:{run.name}")))
    assert unpack(packed).view.checkpoint == f"run:{run.name}"  # the same one is welcome
    computers("theirs")
    other = storage.folder("runs") / run.name
    storage.write_bytes(other / "mine.safetensors", b"mine")
    with pytest.raises(InputError, match="Another network is called"):
        unpack(packed)
    assert [file.name for file in other.iterdir()] == ["mine.safetensors"]
    assert adopted_networks() == []
    remove_adopted(run.name)
    assert other.is_dir()  # it did not come in a session


def test_a_view_of_shipped_things_is_small_and_its_json_alone_is_read(computers):
    session = Session(ViewState(selection="rxn:PFK"), "explain")
    packed = pack(session)
    assert len(packed) < 2_000 and unpack(packed) == session
    assert unpack(session.view.to_json().encode()) == Session(session.view, "explorer")
    key = session.view.key[:8]
    assert [suggested_name(Session(session.view, page)) for page in ("explain", "rna", "motifs")] == [
        f"e_coli_core-{key}.gatescope",
        f"trna-phe-{key}.gatescope",
        f"trna-phe-{key}.gatescope",
    ]


def test_what_is_no_session_is_refused_whole(computers):
    packed = pack(Session(ViewState()))
    good = uploads.keep(b">a\nGGGG\n", "a.fa").removeprefix("upload:")
    held = pack(Session(ViewState(rna=f"upload:{good}")))
    computers("theirs")
    for wrong, told in (
        (b"PK no zip", "not a Gatescope session file"),
        (b"[1]", "not a Gatescope session file"),
        (_changed(packed, drop=VIEW), "not a Gatescope session file"),
        (held[: len(held) // 2], "not a Gatescope session file"),
        (_changed(packed, "uploads/../../evil.txt"), "belongs to no session"),
        (_changed(packed, "/etc/passwd"), "belongs to no session"),
        (_changed(packed, "networks/../config.json"), "belongs to no session"),
        (_changed(packed, "networks/a/run.sh"), "belongs to no session"),
        (_changed(packed, "networks/a/config.json", json.dumps({"schema": 1, "module": "timeit"}).encode()), "name of a run's own file"),
        (_changed(packed, "networks/a/b.json", NETWORK[0].read_bytes()), "is not whole"),
        (_changed(_changed(packed, "networks/a/b.json", b"7"), "networks/a/b.safetensors", b"x"), "cannot be read"),
        (_changed(_changed(packed, "networks/a/b.json", b'{"schema": 1}'), "networks/a/b.safetensors", b"x"), "lacks name, kind"),
        (_changed(_changed(packed, "networks/a/b.json", NETWORK[0].read_bytes()), "networks/a/b.safetensors", b"x"), "not those its card describes"),
        (_changed(packed, f"libraries/{'0' * 64}.jsonl", b'{"schema": 1}'), "library in the file is damaged"),
        (_changed(packed, VIEW, b'{"schema": 1, "view": {"medium": {"EX_a": 1' + b"0" * 400 + b"}}}"), "value that cannot be used"),
        (_broken(packed), "or it is damaged"),
        (_changed(packed, f"uploads/rna-{good}/a.fa", b"other"), "is not what the view names"),
        (_changed(packed, VIEW, json.dumps({"schema": 99, "view": {}}).encode()), "has schema '99'"),
    ):
        with pytest.raises(InputError, match=told):
            unpack(wrong)
    assert not any(storage.usage().values())


def _card(**changed: object) -> bytes:
    return json.dumps(json.loads(NETWORK[0].read_bytes()) | changed).encode()


def test_a_card_from_anybody_takes_no_memory_and_no_page_down(computers):
    """The weights are right and so is their hash; what the card says of them is not."""
    packed, content = pack(Session(ViewState())), json.loads(NETWORK[0].read_bytes())
    sizes = content["network"]
    for wrong, told in (
        (_card(network=sizes | {"hidden": 2**40}), "cannot be read"),
        (_card(network=sizes | {"hidden": 2**15}), "cannot be read"),
        (_card(network=sizes | {"layers": 10**9}), "cannot be read"),
        (_card(network=sizes | {"heads": 0}), "cannot be read"),
        (_card(network=sizes | {"activation": "nope"}), "cannot be read"),
        (_card(network=sizes | {"nobody": 1}), "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (_card(trained_on={}), "lacks what the pages read"),
        (_card(trained_on=content["trained_on"] | {"bounds": {"EX_glc__D_e": [0, "x", 0, 0]}}), "lacks what the pages read"),
        (_card(test={}), "lacks what the pages read"),
        (_card(test=content["test"] | {"growth_r2": "high"}), "lacks what the pages read"),
        (_card(limits="none"), "lacks what the pages read"),
    ):
        name = content["name"]
        held = _changed(_changed(packed, f"networks/a/{name}.json", wrong), f"networks/a/{name}.safetensors", NETWORK[1].read_bytes())
        with pytest.raises(InputError, match=told):
            unpack(held)
    assert not any(storage.usage().values())


def test_nothing_is_stored_where_one_part_is_wrong(computers):
    good = add_library("ours", b">a\nGGGGAAAACCCC\n").key
    packed = pack(Session(ViewState(settings={"library.shown": good})))
    computers("theirs")
    with pytest.raises(InputError, match="library in the file is damaged"):
        unpack(_changed(packed, f"libraries/{'f' * 64}.jsonl", b'{"schema": 1}'))
    assert not any(storage.usage().values())


def test_a_session_names_what_is_gone(computers):
    with pytest.raises(InputError, match="is not on this computer"):
        pack(Session(ViewState(checkpoint="run:20260101-000000-abcdef")))
