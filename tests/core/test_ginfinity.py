"""GINFINITY's network read from its own file: the same numbers as written out by hand, and nothing opened that is not its weights.

The weights are not ours to ship, so most tests use random ones in the published format. To hold the real ones against the package itself,
give its wheel and the Python of an environment that has it (pip install ginfinity):

    GATESCOPE_GINFINITY=ginfinity-1.2.2-py3-none-any.whl GATESCOPE_GINFINITY_PYTHON=venv/bin/python pytest -n0 tests/core/test_ginfinity.py
"""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from ginfinity_weights import CONFIG, archive, random_state, zipped
from rna_structures import random_nested

from core.errors import Cancelled, InputError
from core.rna import RnaRecord, decompose, embed, embed_ginfinity, ginfinity, load_example, nucleotide_graph, open_ginfinity
from core.rna.records import nested_part
from core.storage import digest

RECORDS = [
    RnaRecord("hairpin", "GGGGAAAACCCC", "((((....))))"),
    RnaRecord("open", "ACGUACGGU", "........."),
    RnaRecord("sharp", "AGCU", ".()."),
    RnaRecord("two", "AC", ".."),
    RnaRecord("one", "U", "."),
    load_example("trna-phe"),
    load_example("5s-rrna"),
]


def by_hand(state: dict[str, torch.Tensor], layers: int, sequence: str, structure: str) -> np.ndarray:
    """[n, out] the vectors of the bases, base by base and edge by edge in double precision. ``structure`` has ``.()`` only."""
    s = {name: tensor.double().numpy() for name, tensor in state.items()}
    n = len(sequence)
    waiting: list[int] = []
    heard: list[list[tuple[int, int]]] = [[] for _ in range(n)]  # of each base: whom it hears, and by which column

    def join(low: int, high: int, column: int) -> None:
        heard[high].append((low, column))
        heard[low].append((high, column + 1))

    for i, sign in enumerate(structure):
        if i >= 1:
            join(i - 1, i, 0)
        if i >= 2:
            join(i - 2, i, 4)
        if sign == "(":
            waiting.append(i)
        elif sign == ")":
            join(waiting.pop(), i, 2)
    h = []
    for i in range(n):
        letter = [float(sequence[i] == base) if sequence[i] != "N" else 0.25 for base in "ACGU"]
        angle = np.pi * i / (n - 1) if n > 1 else 0.0
        h.append(s["input.weight"] @ np.array([*letter, float(structure[i] != "."), np.sin(angle), np.cos(angle)]) + s["input.bias"])
    for layer in range(layers):
        c = {name.removeprefix(f"convs.{layer}."): value for name, value in s.items() if name.startswith(f"convs.{layer}.")}
        news = []
        for i in range(n):
            total = (1 + c["eps"]) * h[i]
            for j, column in heard[i]:
                total = total + np.maximum(h[j] + c["edge_lin.weight"][:, column] + c["edge_lin.bias"], 0)
            u = c["mlp.0.weight"] @ total + c["mlp.0.bias"]
            u = (u - c["mlp.1.running_mean"]) / np.sqrt(c["mlp.1.running_var"] + 1e-5) * c["mlp.1.weight"] + c["mlp.1.bias"]
            u = c["mlp.4.weight"] @ np.maximum(u, 0) + c["mlp.4.bias"]
            u = (u - u.mean()) / np.sqrt(u.var() + 1e-5)
            news.append(u * s[f"norms.{layer}.weight"] + s[f"norms.{layer}.bias"])
        h = [old + new for old, new in zip(h, news, strict=True)]
    out = [s["head.2.weight"] @ np.maximum(s["head.0.weight"] @ v + s["head.0.bias"], 0) + s["head.2.bias"] for v in h]
    return np.stack([v / np.linalg.norm(v) for v in out])


Give = Callable[[bytes], Path]


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Give:
    """Writes a weights file whose checksum counts as a known one."""

    def give(weights: bytes) -> Path:
        monkeypatch.setattr(ginfinity, "CHECKSUMS", {digest(weights): "of the test"})
        path = tmp_path / "encoder.pt"
        path.write_bytes(weights)
        return path

    return give


@pytest.fixture
def opened(known: Give) -> Any:
    """The network with the weights of ``random_state(CONFIG)``."""
    return open_ginfinity(known(archive({"cfg": CONFIG, "state_dict": random_state(CONFIG)})), accept_licence=True)


def of(level: Any, record: str) -> np.ndarray:
    return level.vectors[[name.rsplit("/", 1)[0] == record for name in level.names]]


def test_the_network_computes_what_is_written_out_by_hand(opened: Any):
    found = embed_ginfinity(RECORDS, opened, device="cpu")
    assert found["rna"].names == [record.id for record in RECORDS]
    for i, record in enumerate(RECORDS):
        expected = by_hand(random_state(CONFIG), CONFIG["layers"], record.sequence, str(record.structure))
        bases = of(found["base"], record.id)
        assert bases.shape == expected.shape and bases.dtype == np.float32
        assert np.abs(bases - expected).max() < 1e-5
        assert np.abs(found["rna"].vectors[i] - expected.mean(0)).max() < 1e-5
        for element, vector in zip(decompose(str(record.structure)).elements, of(found["element"], record.id), strict=True):
            assert np.abs(vector - (expected[list(element.bases)].mean(0) if element.bases else 0)).max() < 1e-5
    assert found["rna"].notices == ()


def test_every_part_of_the_weights_matters(known: Give):
    """So that the equality above says something of each of them."""
    unused = {f"convs.{layer}.mlp.1.num_batches_tracked" for layer in range(CONFIG["layers"])}

    def vectors(state: dict[str, torch.Tensor]) -> np.ndarray:
        network = open_ginfinity(known(archive({"cfg": CONFIG, "state_dict": state})), accept_licence=True)
        return embed_ginfinity(RECORDS[:1], network, device="cpu")["base"].vectors

    plain = vectors(random_state(CONFIG))
    still = {name for name, tensor in random_state(CONFIG).items() if np.abs(vectors(random_state(CONFIG) | {name: tensor * 2}) - plain).max() < 1e-4}
    assert still == unused
    idle = random_state(CONFIG)
    for layer in range(CONFIG["layers"]):
        idle[f"convs.{layer}.edge_lin.weight"][:, 6:] += 1  # columns of relations that no graph has
    assert np.array_equal(vectors(idle), plain)


def test_batches_and_order_change_nothing(opened: Any):
    together = embed_ginfinity(RECORDS, opened, device="cpu")
    for size in (1, 3):
        parts = embed_ginfinity(RECORDS[::-1], opened, device="cpu", batch_size=size)
        assert parts["rna"].names == together["rna"].names[::-1]
        assert np.abs(parts["rna"].vectors[::-1] - together["rna"].vectors).max() < 1e-6
        for record in RECORDS:
            assert np.abs(of(parts["base"], record.id) - of(together["base"], record.id)).max() < 1e-6


def test_mean_and_standard_deviation_side_by_side(opened: Any):
    plain = embed_ginfinity(RECORDS, opened, device="cpu")
    both = embed_ginfinity(RECORDS, opened, pooling="mean_std", device="cpu")
    for i, record in enumerate(RECORDS):
        bases = of(plain["base"], record.id).astype(float)
        deviation = np.sqrt(((bases - bases.mean(0)) ** 2).mean(0))
        assert np.abs(both["rna"].vectors[i] - np.concatenate([bases.mean(0), deviation])).max() < 1e-6
    assert np.array_equal(both["base"].vectors, plain["base"].vectors)
    assert "standard deviation" in both["rna"].manifest["levels"]["rna"] and "L1" in both["rna"].manifest["levels"]["rna"]
    assert both["rna"].manifest["key"] != plain["rna"].manifest["key"]
    with pytest.raises(InputError, match="no pooling 'max'; choose one of mean, mean_std"):
        embed_ginfinity(RECORDS, opened, pooling="max")


def test_the_manifest_says_whose_numbers_these_are(opened: Any):
    manifest = embed_ginfinity([RnaRecord("bare", "GGGGAAAACCCC")], opened, device="cpu")["rna"].manifest
    assert manifest["checkpoint"] == {"name": "ginfinity", "sha256": opened[1].weights_sha256} and manifest["folded"] == 1
    assert manifest["licence"]["name"] == "CC BY-NC 4.0" and manifest["licence"]["statement"] == ginfinity.LICENCE.statement
    assert manifest["licence"]["credit"] == "GINFINITY by the GINFINITY maintainers (https://github.com/nicoaira/GINFINITY), CC BY-NC 4.0"
    assert manifest["levels"]["element"] == "mean of the vectors of the element's bases"
    assert manifest["key"] != embed([RECORDS[0]], device="cpu").manifest["key"]
    assert "licence" not in embed([RECORDS[0]], device="cpu").manifest


def test_it_goes_where_our_own_networks_go(opened: Any):
    """An open network for ``embed``, with progress, stop and halved batches."""
    told: list[tuple[int, int]] = []
    network = opened[0]
    alone = embed(RECORDS, checkpoint=opened, level="base", device="cpu", batch_size=4, on_progress=lambda i, n: told.append((i, n)))
    assert told == [(4, 7), (7, 7)] and np.array_equal(alone.vectors, embed_ginfinity(RECORDS, opened, device="cpu", batch_size=4)["base"].vectors)
    with pytest.raises(Cancelled, match="after 1 of 7 RNAs"):
        embed_ginfinity(RECORDS, opened, device="cpu", batch_size=1, should_stop=lambda: True)
    assert not network.training and not any(p.requires_grad for p in network.parameters())


def test_an_unknown_base_is_a_quarter_of_each_and_said_so(opened: Any):
    record = RnaRecord("gap", "GGNNAAAACCNC", "((((....))))")
    found = embed_ginfinity([record, RECORDS[0]], opened, device="cpu")
    assert np.abs(of(found["base"], "gap") - by_hand(random_state(CONFIG), CONFIG["layers"], record.sequence, str(record.structure))).max() < 1e-5
    assert found["base"].notices == ("This network knows A, C, G and U only: N counts as a quarter of each (gap).",)
    assert embed([record], device="cpu").notices == ()


def test_pairs_of_pseudoknots_are_left_out_and_said_so(opened: Any):
    sequence = "GGGGAAAACCCCUUUUCC"
    knotted = RnaRecord("knot", sequence, "((((..[[))))..]]..")
    apart = RnaRecord("apart", sequence, "[[[[....]]]].(..).")
    found = embed_ginfinity([knotted, apart], opened, device="cpu")
    for record, nested in ((knotted, "((((....))))......"), (apart, "((((....)))).(..).")):
        assert np.abs(of(found["base"], record.id) - by_hand(random_state(CONFIG), CONFIG["layers"], sequence, nested)).max() < 1e-5
    assert found["rna"].notices == ("This network knows nested pairs only: those of pseudoknots were left out (knot).",)
    names = [f"knot/{element.name}" for element in decompose(str(knotted.structure)).elements]
    assert found["element"].names[: len(names)] == names  # the elements are those of the structure as given


def test_names_in_a_notice_are_few(opened: Any):
    many = [RnaRecord(f"r{i}", "ACNN", "....") for i in range(12)]
    assert embed_ginfinity(many, opened, device="cpu")["rna"].notices[0].endswith("(r0, r1, r2 and 9 more).")


def test_an_rna_longer_than_it_reads_is_refused_before_any_is_folded(opened: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nucleotide_graph, "MAX_LENGTH", 20)
    monkeypatch.setattr("core.rna.folding.fold", lambda *a, **k: pytest.fail("folded"))
    with pytest.raises(InputError, match=r"^long has 21 nt and this network reads at most 20; shorten it or take one of Gatescope's networks\.$"):
        embed_ginfinity([RnaRecord("short", "ACGU"), RnaRecord("long", "A" * 21)], opened)
    with pytest.raises(InputError, match="bare has no structure; fold it first or give one"):
        nucleotide_graph.build_nucleotide_graph(RnaRecord("bare", "ACGU"))


def test_wheel_and_weights_file_are_the_same(known: Give, tmp_path: Path):
    weights = archive({"cfg": CONFIG, "state_dict": random_state(CONFIG), "extra": {}})
    network, card = open_ginfinity(known(weights), accept_licence=True)
    wheel = tmp_path / "ginfinity-0-py3-none-any.whl"
    wheel.write_bytes(zipped({"ginfinity/__init__.py": b"raise SystemExit", ginfinity.WEIGHTS: weights}))
    twin, other = open_ginfinity(wheel, accept_licence=True)
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), twin.state_dict().values(), strict=True))
    assert card == other and card.weights_sha256 == digest(weights)
    assert (card.name, card.kind, card.content["version"]) == ("ginfinity", "rna", "of the test")
    assert card.content["network"] == {"node_features": 7, "relations": 6, "hidden": 12, "out": 5, "layers": 3}


def test_parameters_are_counted_as_published(known: Give):
    """306,436 is the figure of the package's own metadata."""
    full = CONFIG | {"hidden": 128, "layers": 4, "out_dim": 128}
    card = open_ginfinity(known(archive({"cfg": full, "state_dict": random_state(full)})), accept_licence=True)[1]
    assert card.content["parameters"] == 306_436


def test_the_licence_is_accepted_first(tmp_path: Path):
    with pytest.raises(InputError, match=r"CC BY-NC 4\.0 \(non-commercial use, with credit\); accept this licence"):
        open_ginfinity(tmp_path / "no such file", accept_licence=False)
    name, statement, _ = ginfinity.LICENCE
    assert name == "CC BY-NC 4.0" and all(word in statement for word in ("non-commercial", "credit", "GINFINITY", "vectors"))
    assert "://" not in statement and "www" not in statement


class _Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


def test_a_file_that_would_run_code_is_refused_and_runs_nothing(tmp_path: Path, known: Give):
    marker = tmp_path / "ran"
    hostile = archive({"cfg": CONFIG, "state_dict": _Runs(marker)})
    torch.load(io.BytesIO(hostile), weights_only=False)
    assert marker.exists()  # it does run code where it is let
    marker.unlink()
    path = tmp_path / "hostile.pt"
    path.write_bytes(hostile)
    with pytest.raises(
        InputError, match=r"are none that Gatescope knows: their sha256 is [0-9a-f]{64}, known is 7e9cd61028c4\w* \(1\.0\.0 to 1\.2\.2\); give"
    ):
        open_ginfinity(path, accept_licence=True)
    with pytest.raises(InputError, match=r"^The weights in encoder\.pt cannot be read as GINFINITY's \(UnpicklingError\); give the wheel [^\n]*\.$"):
        open_ginfinity(known(hostile), accept_licence=True)  # even with a checksum that counts as known
    assert not marker.exists()


def _encrypted(data: bytes) -> bytes:
    """Sets the flag of encryption in both headers of a zip's first entry."""
    changed = bytearray(data)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = changed.find(magic) + offset
        changed[place] |= 1
    return bytes(changed)


def _understated(data: bytes) -> bytes:
    """Makes a zip's list of contents claim one byte for its first entry."""
    changed = bytearray(data)
    place = changed.find(b"PK\x01\x02") + 24
    changed[place : place + 4] = struct.pack("<I", 1)
    return bytes(changed)


def _wrong_files() -> Iterator[tuple[str, bytes, str]]:
    weights = archive({"cfg": CONFIG, "state_dict": random_state(CONFIG)})
    wheel = zipped({ginfinity.WEIGHTS: weights})
    bomb = zipped({ginfinity.WEIGHTS: bytes(64 * 2**20)})
    yield "empty.whl", b"", "neither a wheel nor a weights file"
    yield "notes.txt", b"weights, honestly", "neither a wheel nor a weights file"
    yield "plain.pkl", pickle.dumps({"cfg": {}}), "neither a wheel nor a weights file"
    yield "cut.whl", wheel[: len(wheel) // 2], "damaged or cut off"
    yield "cut.pt", weights[: len(weights) // 2], "damaged or cut off"
    yield "torn.whl", wheel[:300] + b"\xff" * 200 + wheel[500:], "damaged or cut off"
    yield "locked.whl", _encrypted(wheel), "damaged or cut off"
    yield "only.pk", b"PK", "damaged or cut off"
    yield "other.whl", zipped({"other/__init__.py": b""}), "holds no weights of GINFINITY"
    yield "nothing.zip", zipped({}), "holds no weights of GINFINITY"
    yield "bomb.whl", bomb, "decompression bomb"
    yield "liar.whl", _understated(bomb), "damaged or cut off"
    yield "large.pt", b"PK" + bytes(9 * 2**20), "is larger than 8 MiB and no file of GINFINITY"
    yield "unknown.pt", weights, "none that Gatescope knows"
    yield "unknown.whl", wheel, "none that Gatescope knows"


@pytest.mark.parametrize(("name", "content", "said"), [pytest.param(*case, id=case[0]) for case in _wrong_files()])
def test_a_wrong_file_is_refused_in_one_sentence(name: str, content: bytes, said: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as refused:
        open_ginfinity(path, accept_licence=True)
    text = str(refused.value)
    assert name in text and "give the wheel of GINFINITY 1.0.0 to 1.2.2, or the encoder.pt inside it." in text and "\n" not in text


def test_no_file_and_a_folder_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"^There is no file gone\.whl; check the path and its spelling\.$"):
        open_ginfinity(tmp_path / "gone.whl", accept_licence=True)
    (tmp_path / "ginfinity").mkdir()
    with pytest.raises(InputError, match=r"^ginfinity is a folder; name the file inside it\.$"):
        open_ginfinity(tmp_path / "ginfinity", accept_licence=True)


def _content(**changes: Any) -> dict[str, Any]:
    return {"cfg": CONFIG, "state_dict": random_state(CONFIG)} | changes


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"weights": torch.zeros(2)}, id="neither part"),
        pytest.param([1, 2], id="a list"),
        pytest.param(_content(cfg={}), id="no choices"),
        pytest.param(_content(cfg=CONFIG | {"struct_feature": "B"}), id="other node features"),
        pytest.param(_content(cfg=CONFIG | {"extra_edges": ()}), id="other edges"),
        pytest.param(_content(cfg=CONFIG | {"extra_edges": None}), id="edges of another type"),
        pytest.param(_content(cfg=CONFIG | {"hidden": 13}), id="another width"),
        pytest.param(_content(cfg=CONFIG | {"hidden": -1}), id="a negative width"),
        pytest.param(_content(cfg=CONFIG | {"hidden": "12"}), id="a width in letters"),
        pytest.param(_content(cfg=CONFIG | {"layers": 4}), id="a layer too few"),
        pytest.param(_content(state_dict={}), id="no tensors"),
        pytest.param(_content(state_dict=random_state(CONFIG) | {"head.2.weight": torch.zeros(5, 11)}), id="a wrong shape"),
        pytest.param(_content(state_dict=random_state(CONFIG) | {"input.bias": 3}), id="a number for a tensor"),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_sentence(content: Any, known: Give):
    with pytest.raises(InputError, match=r"^The weights in encoder\.pt cannot be read as GINFINITY's \(\w+\); give [^\n]*\.$"):
        open_ginfinity(known(archive(content)), accept_licence=True)


PEER = """
import dataclasses, json, sys, numpy, ginfinity
encoder, builder = ginfinity.Ginfinity.load(), ginfinity.GraphBuilder()
vectors = {}
for name, sequence, structure in json.load(sys.stdin):
    graph = builder.build(ginfinity.RNA(name, sequence.replace("N", "A"), structure))
    features = graph.node_features.copy()
    features[[letter == "N" for letter in sequence], :4] = 0.25
    vectors[name] = encoder.encode_graph(dataclasses.replace(graph, node_features=features), embedding_dtype="float32")
numpy.savez(sys.argv[1], **vectors)
"""
"""The package embeds (name, sequence, nested structure). It refuses N, which is put into its graph."""


def kinds() -> list[RnaRecord]:
    """RNAs of many kinds."""
    draw = random.Random(8)
    trna, rrna = load_example("trna-phe"), load_example("16s-rrna")
    letters = "".join(draw.choices("ACGU", k=400))
    return [
        *(load_example(name) for name in ("trna-phe", "5s-rrna", "hammerhead", "hiv-1-tar", "adenine-riboswitch", "hdv-ribozyme", "16s-rrna")),
        RnaRecord("with-n", "".join("N" if draw.random() < 0.1 else letter for letter in trna.sequence), trna.structure),
        RnaRecord("long", letters, random_nested(draw, 400)),
        RnaRecord("long-folded", rrna.sequence[:400]),
        RnaRecord("no-pairs", letters[:60], "." * 60),
        RnaRecord("one-hairpin", "GGGGCAAAAGCCCC", "(((((....)))))"),
        RnaRecord("sharp", "ACGU", ".()."),
        RnaRecord("two", "GA", ".."),
        RnaRecord("one", "C", "."),
    ]


def test_the_real_weights_give_the_packages_own_numbers(tmp_path: Path):
    asked = {name: os.environ.get(name) for name in ("GATESCOPE_GINFINITY", "GATESCOPE_GINFINITY_PYTHON")}
    if absent := [name for name, value in asked.items() if not value]:
        pytest.skip(f"GINFINITY is not ours to ship; to compare with it set {' and '.join(absent)} (see the head of this file)")
    from core.rna.embedding import prepare

    records = [prepare(record, False).record for record in kinds()]
    given = [(r.id, r.sequence, nested_part(str(r.structure))) for r in records]
    reference = tmp_path / "reference.npz"
    subprocess.run([str(asked["GATESCOPE_GINFINITY_PYTHON"]), "-c", PEER, str(reference)], input=json.dumps(given), text=True, check=True)
    opened = open_ginfinity(Path(str(asked["GATESCOPE_GINFINITY"])), accept_licence=True)
    found = embed_ginfinity(records, opened, device="cpu")
    both = embed_ginfinity(records, opened, pooling="mean_std", device="cpu")
    with np.load(reference) as theirs:
        for i, record in enumerate(records):
            expected = theirs[record.id].astype(float)
            bases = np.abs(of(found["base"], record.id) - expected).max()
            mean = np.abs(found["rna"].vectors[i] - expected.mean(0)).max()
            spread = np.abs(both["rna"].vectors[i] - np.concatenate([expected.mean(0), expected.std(0)])).max()
            print(f"{record.id:20} {record.length:5} nt  bases {bases:.1e}  mean {mean:.1e}  mean and std {spread:.1e}")
            assert max(bases, mean, spread) < 1e-4, record.id
