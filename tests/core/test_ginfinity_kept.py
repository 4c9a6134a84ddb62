"""GINFINITY's weights kept between visits: only with their licence accepted, whole or not at all, and gone once removed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ginfinity_weights import CONFIG, archive, random_state, zipped

from core import storage
from core.errors import InputError
from core.explain import base_importance
from core.rna import embed, embed_ginfinity, ginfinity, load_example, open_ginfinity
from core.rna.ginfinity_kept import keep_ginfinity, kept_ginfinity, open_kept, remove_ginfinity

WEIGHTS = archive({"cfg": CONFIG, "state_dict": random_state(CONFIG)})


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own, in which the random weights count as published ones."""
    monkeypatch.setenv("GATESCOPE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ginfinity, "CHECKSUMS", {storage.digest(WEIGHTS): "of the test"})


def files() -> set[str]:
    return {file.name for file in storage.folder("encoders").rglob("*") if file.is_file()}


def test_a_wheel_and_the_file_inside_it_are_kept_as_the_same_network(tmp_path: Path):
    wheel = tmp_path / "ginfinity.whl"
    wheel.write_bytes(zipped({ginfinity.WEIGHTS: WEIGHTS}))
    first = keep_ginfinity(wheel, accept_licence=True)
    assert (first.sha256, first.version, first.licence) == (storage.digest(WEIGHTS), "of the test", "CC BY-NC 4.0")
    assert first.path.read_bytes() == WEIGHTS and first == kept_ginfinity()
    second = keep_ginfinity(WEIGHTS, "encoder.pt", accept_licence=True)
    assert second.sha256 == first.sha256 and second.accepted >= first.accepted and files() == {"encoder.pt", "about.json"}


def test_it_is_embedded_with_by_its_name():
    records = [load_example("trna-phe"), load_example("5s-rrna")]
    with pytest.raises(InputError, match=r"^GINFINITY's weights are not on this computer; give its wheel under GINFINITY on the motif map, .*\.$"):
        embed(records, checkpoint="ginfinity", device="cpu")
    kept = keep_ginfinity(WEIGHTS, accept_licence=True)
    expected = embed_ginfinity(records, open_ginfinity(kept.path, accept_licence=True), device="cpu")
    found = embed(records, checkpoint="ginfinity", device="cpu")
    assert np.array_equal(found.vectors, expected["rna"].vectors) and found.manifest["checkpoint"]["sha256"] == kept.sha256
    with pytest.raises(InputError, match="gives vectors alone, and neither attention nor messages"):
        base_importance(records[0], "ginfinity")


def test_nothing_is_kept_without_the_licence_or_of_a_wrong_file():
    with pytest.raises(InputError, match="accept this licence"):
        keep_ginfinity(WEIGHTS, accept_licence=False)
    assert kept_ginfinity() is None and files() == set()
    keep_ginfinity(WEIGHTS, accept_licence=True)
    with pytest.raises(InputError, match=r"^notes\.txt is neither a wheel nor a weights file of GINFINITY; give the wheel"):
        keep_ginfinity(b"some text", "notes.txt", accept_licence=True)
    with pytest.raises(InputError, match=r"^The file is larger than 8 MiB"):
        keep_ginfinity(b"PK" + bytes(9 * 2**20), accept_licence=True)
    assert open_kept()[1].weights_sha256 == storage.digest(WEIGHTS), "what was kept before stays"


def test_weights_of_a_known_checksum_that_cannot_be_read_are_not_kept(monkeypatch: pytest.MonkeyPatch):
    other = archive({"weights": 3})
    monkeypatch.setattr(ginfinity, "CHECKSUMS", {storage.digest(other): "damaged"})
    with pytest.raises(InputError, match="cannot be read as GINFINITY's"):
        keep_ginfinity(other, accept_licence=True)
    assert kept_ginfinity() is None and files() == set()


def test_removed_it_is_gone_with_its_acceptance():
    keep_ginfinity(WEIGHTS, accept_licence=True)
    remove_ginfinity()
    assert kept_ginfinity() is None and files() == set()
    with pytest.raises(InputError, match="not on this computer"):
        open_kept()
    remove_ginfinity()


@pytest.mark.parametrize("change", [{"licence": "another"}, {"sha256": "0" * 64}, {"schema": 99}, {"accepted": None}])
def test_an_acceptance_of_something_else_does_not_count(change: dict[str, object]):
    kept = keep_ginfinity(WEIGHTS, accept_licence=True)
    path = kept.path.with_name("about.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert kept_ginfinity() is None


def test_bytes_changed_on_disk_are_refused():
    kept = keep_ginfinity(WEIGHTS, accept_licence=True)
    kept.path.write_bytes(archive({"cfg": CONFIG, "state_dict": random_state(CONFIG, seed=1)}))
    with pytest.raises(InputError, match="none that Gatescope knows"):
        open_kept()
