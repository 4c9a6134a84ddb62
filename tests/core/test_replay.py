"""Manifests are computed again: the same numbers agree, a changed one is found, and what cannot be replayed is one sentence and exit code 2."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from core.__main__ import main
from core.explain import base_importance, reaction_importance
from core.explain.attribution import attribute, attributions
from core.explain.manifest import (
    condition_in_manifest,
    explanation,
    metabolic_inputs,
    model_in_manifest,
    pairs_in_manifest,
    pairs_of_manifest,
    rna_inputs,
)
from core.explain.masked import Masked
from core.explain.metabolic_masks import condition_masks, feature_masks, incidence_masks
from core.explain.replay import Figure
from core.explain.rna_masks import rna_masks
from core.explain.rna_targets import TargetRecipe
from core.metabolic import build_hypergraph, load_model, load_tables
from core.models import load_checkpoint
from core.models.checkpoint import SHIPPED, save_checkpoint
from core.rna import RnaRecord
from core.rna.ensemble import fold_ensemble
from tests.core.test_rna_bases import checkpoint as tiny

MEDIUM, OTHER = "anaerobic glucose", "aerobic glucose"
HALF, WHOLE = {"EX_A": 5.0}, {"EX_A": 10.0}
"""Media of the toy."""
Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def opened() -> tuple[Any, Any]:
    return load_checkpoint("core")


def of_model(
    network: tuple[Any, Any], model: str = "e_coli_core", medium: Any = MEDIUM, over: str = "incidences", other: Any = None, **how: Any
) -> tuple[Masked, dict[str, Any]]:
    """A masked function of a model, and what a manifest tells of it."""
    tables, lost = load_tables(model), ("PPC",) if model == "e_coli_core" else ()
    graph, second = (build_hypergraph(tables, medium=one, knockouts=lost) for one in (medium, other))
    if over == "incidences":
        masked = incidence_masks(network, graph, minus=second if other else None, **how)
    else:
        masked = feature_masks(network, graph, **how) if over == "features" else condition_masks(network, graph, second, **how)
    told = metabolic_inputs(
        graph,
        network[1],
        network="core",
        target=how.get("target", "growth"),
        model=model_in_manifest(tables, model),
        condition=condition_in_manifest(medium, lost, None),
        other=other,
        frozen_gates=how.get("frozen_gates", False),
    )
    return masked, told


def written(path: Path, manifest: dict[str, Any]) -> Path:
    path.write_text(json.dumps(manifest, allow_nan=False))
    return path


def replayed(path: Path, *arguments: str) -> int:
    return main(["replay", str(path), "--device", "cpu", *arguments])


@pytest.fixture(scope="module")
def manifest(opened: tuple[Any, Any]) -> dict[str, Any]:
    """Of a quick attribution of E. coli core."""
    masked, told = of_model(opened)
    return explanation(masked, attribute(masked, "saliency"), "reaction", "metabolic", told)


def test_growth_of_e_coli_core_comes_out_again(opened: tuple[Any, Any], tmp_path: Path, capsys: Said) -> None:
    masked, told = of_model(opened)
    made = explanation(masked, attribute(masked), "reaction", "metabolic", told, shows=["ledger"])
    assert made["figures"]["values"]["count"] == masked.parts["reaction"].nunique() and made["shows"] == ["ledger"]
    assert made["figures"]["F(1)"] == masked.ends[0] and made["settings"]["chosen"] and made["condition"]["knockouts"] == ["PPC"]
    assert replayed(written(tmp_path / "m.json", made)) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1] == ["F(1)", f"{masked.ends[0]:.6g}", f"{masked.ends[0]:.6g}", "agrees"]
    assert " ".join(rows[-1]) == f"All {5 + made['figures']['values']['count']} numbers agree within 0.001 of the largest."


@pytest.mark.parametrize(
    ("given", "level", "method", "how"),
    [
        ({"other": WHOLE, "target": "A_to_2B", "frozen_gates": True}, "reaction", "integrated_gradients", {"steps": 3}),
        ({}, "reaction", "shapley", {"level": "reaction", "orders": 2, "seed": 3}),
        ({}, "metabolite", "noise_tunnel", {"draws": 2, "seed": 5, "noise": 0.1}),
        ({"over": "features"}, "side", "integrated_gradients", {"steps": 3}),
        ({"over": "condition", "other": WHOLE}, "part", "occlusion", {}),
    ],
)
def test_every_mask_method_and_setting_comes_out_again(
    opened: tuple[Any, Any], tmp_path: Path, given: dict[str, Any], level: str, method: str, how: dict[str, Any]
) -> None:
    masked, told = of_model(opened, "toy", HALF, **given)
    made = explanation(masked, attribute(masked, method, **how), level, "metabolic", told)
    assert made["figures"]["values"]["largest"] and replayed(written(tmp_path / "m.json", made), "--tolerance", "1e-6") == 0
    moved = {"steps": 5, "seed": 1, "orders": 1, "draws": 1, "noise": 0.2}
    others = [made | {"settings": made["settings"] | {name: moved[name]}} for name in moved if name in made["settings"]]
    others += [made | {"other": {"medium": {"EX_A": 3.0}}}] if made["other"] else []
    others += [made | {"gates": "live"}] if made["gates"] == "frozen" else []
    others += [made | {"condition": made["condition"] | {"medium": {"EX_A": 2.0}}}]
    for other in others:
        assert replayed(written(tmp_path / "m.json", other), "--tolerance", "1e-6") == 1


def test_a_stopped_explanation_stops_there_again(opened: tuple[Any, Any], tmp_path: Path) -> None:
    masked, told = of_model(opened)
    (*_, part) = islice(attributions(masked, "occlusion", level="metabolite"), 2)
    made = explanation(masked, part, "metabolite", "metabolic", told)
    largest = made["figures"]["values"]["largest"]
    assert 0 < part.done < part.total and sum(value is None for value in largest.values()) == part.total - part.done
    assert replayed(written(tmp_path / "m.json", made)) == 0
    assert replayed(written(tmp_path / "m.json", made | {"done": part.total})) == 1


RECORD = RnaRecord("mine", "GGGGAAAACCCC", "((((....))))")
LIKE = RnaRecord("other", "GGCGAAAGCCAUGC", "(((....)))....")


@pytest.mark.parametrize(
    "recipe",
    [
        TargetRecipe("length"),
        TargetRecipe("itself"),
        TargetRecipe("rnas", "others", (LIKE, RnaRecord("bare", "GGGGAAAACCCC"))),
        TargetRecipe("motif", "the hairpin of other", (LIKE,), "h0", "h0"),
    ],
    ids=lambda recipe: recipe.of,
)
def test_a_short_rna_comes_out_again(tmp_path: Path, recipe: TargetRecipe) -> None:
    network = load_checkpoint("rna")
    structure, ensemble, _ = fold_ensemble(RECORD.sequence)
    record = RnaRecord("mine", RECORD.sequence, structure)
    baseline = "shuffled" if recipe.of == "itself" else "empty"
    target = recipe.made(network, record, ensemble=ensemble)
    masked = rna_masks(network, record, target=target, baseline=baseline, ensemble=ensemble, seed=4)  # type: ignore[arg-type]
    told = rna_inputs(record, ensemble, network[1], recipe, network="rna", fold={"method": "mfe"}, baseline=baseline, seed=4)
    made = explanation(masked, attribute(masked, steps=4), "element", "rna", told)
    assert replayed(written(tmp_path / "m.json", made), "--tolerance", "1e-5") == 0
    for other in ("length", "itself", "rnas"):
        again = made["target"] | {"of": other, "rnas": [{"id": "x", "sequence": "GGCGAAUGCCAUGG", "structure": None}]}
        assert replayed(written(tmp_path / "m.json", made | {"target": again})) == (0 if other == recipe.of != "rnas" else 1)


def test_pair_probabilities_are_written_whole() -> None:
    _, ensemble, _ = fold_ensemble("GGGGAAAACCCCAAGGGCUUUUGCCC")
    told = pairs_in_manifest(ensemble)
    assert told is not None and told["pairs"] == len(ensemble.first) > 7
    assert pairs_of_manifest(told["probabilities"], ensemble.length).key == ensemble.key == told["sha256"]


def test_commands_write_manifests_that_come_out_again(tmp_path: Path, capsys: Said) -> None:
    assert main(["reactions", "e_coli_core", "--medium", MEDIUM, "--methods", "gate", "attention", "occlusion", "--out", str(tmp_path / "r")]) == 0
    assert replayed(tmp_path / "r" / "manifest.json") == 0
    assert "predicted growth" in capsys.readouterr().out
    made = json.loads((tmp_path / "r" / "manifest.json").read_text())
    assert set(made["figures"]) == {"gate", "attention", "occlusion"} and made["model"]["name"] == "e_coli_core"
    (tmp_path / "two.fa").write_text(">a\nGGGGAAAACCCCAAGGGCUUUUGCCC\n>b\nGGCGAAAACGCC\n((((....))))\n")
    assert main(["rna", str(tmp_path / "two.fa"), "--out", str(tmp_path / "n")]) == 0
    capsys.readouterr()
    assert replayed(tmp_path / "n" / "manifest.json") == 0
    out = capsys.readouterr().out
    assert "a: length of the embedding" in out and "b: attention base:12" in out
    rnas = json.loads((tmp_path / "n" / "manifest.json").read_text())
    rnas["rnas"][1]["explanation"]["value"] *= 1.01
    assert replayed(written(tmp_path / "m.json", rnas)) == 1
    assert "differs by more than 0.001 of the largest: b: length of the embedding." in capsys.readouterr().out


def test_a_changed_number_is_found_and_named(manifest: dict[str, Any], tmp_path: Path, capsys: Said) -> None:
    name = next(iter(manifest["figures"]["values"]["largest"]))
    changed = copy.deepcopy(manifest)
    changed["figures"]["values"]["largest"][name] *= 1.01
    path = written(tmp_path / "m.json", changed)
    assert replayed(path) == 1
    assert capsys.readouterr().out.endswith(
        f"1 of {len(changed['figures']['values']['largest']) + 4} numbers differs by more than 0.001 of the largest: {name}.\n"
    )
    assert replayed(path, "--tolerance", "0.02") == 0
    changed["figures"]["F(0)"] += 0.1
    changed["figures"]["values"]["largest"]["nobody"] = 0.0
    assert replayed(written(path, changed)) == 1
    assert f": F(0), {name}, nobody." in capsys.readouterr().out


def test_figures_are_compared_with_the_largest_of_their_kind() -> None:
    assert Figure("a", 1.0, 1.5, 1000).agrees(1e-3) and not Figure("a", 1.0, 2.5, 1000).agrees(1e-3)
    assert Figure("a", None, None, 1).agrees(0) and not Figure("a", None, 0.0, 1).agrees(1) and not Figure("a", 0.0, None, 1).agrees(1)
    assert Figure("a", 0.0, 0.0, 0).agrees(0)


def refused(path: Path, capsys: Said, *arguments: str) -> str:
    assert replayed(path, *arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("gatescope: ") and said.err.count("\n") == 1
    return said.err


def test_other_weights_other_models_and_paths_are_refused(manifest: dict[str, Any], tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "m.json"
    changed = manifest | {"checkpoint": {"name": "core", "sha256": "0" * 64}}
    assert "of other weights (000000000000) than those of core here" in refused(written(path, changed), capsys)
    assert "of other weights" in refused(path, capsys, "--checkpoint", str(SHIPPED / "core.safetensors"))
    for name in ("renamed", "genome"):  # found by its weights
        assert replayed(written(path, manifest | {"checkpoint": manifest["checkpoint"] | {"name": name}})) == 0
    capsys.readouterr()
    for name in ("mine.xml", "upload:" + "0" * 64, str(SHIPPED)):
        assert "--model" in refused(written(path, manifest | {"model": manifest["model"] | {"name": name}}), capsys) or name.startswith("upload")
    changed = manifest | {"model": manifest["model"] | {"sha256": "0" * 64}}
    assert "another content of model e_coli_core" in refused(written(path, changed), capsys)
    changed = manifest | {"kinetics": {"sha256": "0" * 64, "stored": "../../x"}}
    assert "--kinetics" in refused(written(path, changed), capsys)


def test_a_model_and_a_network_from_files(tmp_path: Path, capsys: Said) -> None:
    """A person may give them; a manifest that names a path opens nothing."""
    import cobra

    file = tmp_path / "own.json"
    cobra.io.save_json_model(load_model("toy"), file)
    tables = load_tables(file)
    importance = reaction_importance(tables, "core", methods=("gate",))
    path = written(tmp_path / "m.json", importance.manifest | {"model": model_in_manifest(tables, "own.json")})
    assert "model 'own.json' is none of this computer; give its file with --model" in refused(path, capsys)
    assert replayed(path, "--model", str(file)) == 0

    network, card = tiny()
    weights = save_checkpoint(network, {"name": "tiny", "kind": "rna", "summary": "small", **card.content}, tmp_path / "net")
    told = base_importance(RECORD, load_checkpoint(weights)).manifest
    named = told | {"checkpoint": told["checkpoint"] | {"name": str(weights)}}
    capsys.readouterr()
    assert "is none of this computer; give it with --checkpoint" in refused(written(path, named), capsys)
    assert replayed(path, "--checkpoint", str(weights)) == 0
    shutil.rmtree(weights.parent)


def _deep(_: dict[str, Any]) -> bytes:
    return b"[" * 200_000


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "empty": lambda _: b"",
    "binary": lambda _: bytes(range(256)),
    "a list": lambda _: [],
    "deep": _deep,
    "another file": lambda _: {"schema": 1, "view": {}},
    "kind": lambda m: m | {"kind": ["explanation"]},
    "half": lambda m: m | {"half": {}},
    "schema": lambda m: m | {"schema": 99},
    "nan": lambda m: json.dumps(m | {"figures": m["figures"] | {"F(1)": float("nan")}}).encode(),
    "huge number": lambda m: json.dumps(m).replace('"F(0)": ', '"F(0)": 1e999, "x": ').encode(),
    "huge integer": lambda m: m | {"figures": m["figures"] | {"F(1)": 10**400}},
    "no figures": lambda m: {name: value for name, value in m.items() if name != "figures"},
    "text for a number": lambda m: m | {"figures": m["figures"] | {"F(1)": "1"}},
    "many values": lambda m: m | {"figures": m["figures"] | {"values": m["figures"]["values"] | {"largest": {f"r{i}": 0 for i in range(3000)}}}},
    "escape codes": lambda m: m | {"figures": m["figures"] | {"values": m["figures"]["values"] | {"largest": {"\x1b[2J": 0}}}},
    "method": lambda m: m | {"method": "__import__"},
    "level": lambda m: m | {"level": "x" * 50},
    "steps": lambda m: m | {"method": "integrated_gradients", "settings": {"steps": 10**9}},
    "draws": lambda m: m | {"method": "noise_tunnel", "settings": {"draws": True}},
    "settings": lambda m: m | {"settings": 3},
    "checkpoint": lambda m: m | {"checkpoint": "core"},
    "weights": lambda m: m | {"checkpoint": {"name": "../../etc/passwd", "sha256": ["0"]}},
    "model": lambda m: m | {"model": None},
    "path": lambda m: m | {"model": m["model"] | {"name": "/etc/passwd"}},
    "medium": lambda m: m | {"condition": m["condition"] | {"medium": {"EX_glc__D_e": None}}},
    "unknown medium": lambda m: m | {"condition": m["condition"] | {"medium": "sea"}},
    "knock-outs": lambda m: m | {"condition": m["condition"] | {"knockouts": "PFK"}},
    "target": lambda m: m | {"target": {"of": "length"}},
    "mask": lambda m: m | {"masked": "condition"},
    "done": lambda m: m | {"done": -1},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_manifests_are_one_sentence(name: str, manifest: dict[str, Any], tmp_path: Path, capsys: Said) -> None:
    made = HOSTILE[name](manifest)
    path = tmp_path / "m.json"
    path.write_bytes(made if isinstance(made, bytes) else json.dumps(made).encode())
    assert len(refused(path, capsys)) < 400


RNA_HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "changed sequence": lambda m: m | {"record": m["record"] | {"sequence": "GGGGAAAACCCG"}},
    "sequence": lambda m: m | {"record": m["record"] | {"sequence": ["G"] * 12}},
    "long": lambda m: m | {"record": m["record"] | {"sequence": "A" * 40_000}},
    "pairs": lambda m: m | {"pairs": {"sha256": "", "pairs": 1, "probabilities": "1-99:0.5"}},
    "pair": lambda m: m | {"pairs": {"sha256": "", "pairs": 1, "probabilities": "1-2-3:x"}},
    "other pairs": lambda m: m | {"pairs": {"sha256": "", "pairs": 1, "probabilities": "1-12:0.5"}},
    "methods": lambda m: m | {"methods": [1]},
    "steps": lambda m: m | {"asked_steps": 1.5},
    "column": lambda m: m | {"figures": {"nothing": {}}},
    "many": lambda m: m | {"kind": "rnas", "rnas": 5},
    "target": lambda m: m | {"kind": "explanation", "masked": "bases", "target": {"of": "rnas", "words": "x", "rnas": 1, "element": "", "motif": ""}},
}


@pytest.mark.parametrize("name", RNA_HOSTILE)
def test_hostile_manifests_of_rnas_are_one_sentence(name: str, tmp_path: Path, capsys: Said) -> None:
    made = base_importance(RECORD, "rna").manifest
    assert len(refused(written(tmp_path / "m.json", RNA_HOSTILE[name](made)), capsys)) < 400


def test_a_file_that_is_too_large_or_not_there(tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no file none.json" in refused(tmp_path / "none.json", capsys)
    (tmp_path / "large.json").write_bytes(b" " * 101)
    monkeypatch.setattr("core.replay_command.MOST_BYTES", 100)
    assert "no manifest" in refused(tmp_path / "large.json", capsys)
    assert "--tolerance" in refused(tmp_path / "large.json", capsys, "--tolerance", "nan")
