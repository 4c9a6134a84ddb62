"""Elements disrupted and folded again: mutants that do what they say, losses and ranks known by construction, figures with entity ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import core.explain.disruption_trial as trials
from core.__main__ import main
from core.disrupt_command import _library
from core.errors import Cancelled, InputError
from core.explain.attribution import INTEGRATED_GRADIENTS, OCCLUSION, attribute
from core.explain.disruption import COMPENSATED, DISRUPTED, RANDOM, Disruption, destroyed, disrupt, mutants_of
from core.explain.disruption_trial import ALL, EXCESS, FAITHFULNESS, KEPT, LEAD, LENGTH, LOSE_LESS, MASK, PLAUSIBILITY, RESCUE, element_trial
from core.explain.embedded import EmbeddedRnas
from core.explain.rna_masks import like_itself, rna_masks
from core.explain.what_if import CANONICAL
from core.models import load_checkpoint
from core.rna import RnaRecord, embed, fold, load_example
from core.rna.elements import walk
from core.rna.embedding import Embeddings
from core.rna.fingerprints import unit
from core.rna.library import list_library
from core.viz.disruption_plots import compensation_bars, effect_scatter
from core.viz.plots import alt_text

HAIRPIN = RnaRecord("hairpin", "AAGGGACCUUCGGGUCCCAA", "..((((((....))))))..")
TWO = RnaRecord("two", "AGGCACCGAAAGGUGCCAAAACGUGGCUUCGGCCACGA", ".((((((....))))))....((((((....)))))).")


def only(record: RnaRecord, element: str, what: str) -> list[RnaRecord]:
    return [mutant.record for mutant in mutants_of(record) if mutant.element == element and mutant.what == what]


def test_one_strand_replaced_removes_every_pair_of_the_stem() -> None:
    (mutant,) = only(HAIRPIN, "elem:s0", DISRUPTED)
    assert mutant.sequence == "AACCCUGGUUCGGGUCCCAA"
    assert not any(mutant.sequence[i] + mutant.sequence[j] in CANONICAL for i, j in HAIRPIN.pairs)
    assert not set(HAIRPIN.pairs) & set(replace(HAIRPIN, structure=fold(mutant).structure).pairs)


def test_both_strands_exchanged_keep_the_stem() -> None:
    (mutant,) = only(HAIRPIN, "elem:s0", COMPENSATED)
    assert mutant.sequence == "AACCCUGGUUCGCCAGGGAA"
    assert fold(mutant).structure == fold(HAIRPIN).structure == HAIRPIN.structure


def test_loops_and_segments_elsewhere_get_other_bases() -> None:
    record = load_example("trna-phe")
    found = mutants_of(record, draws=4)
    for element in walk(str(record.structure)).elements:
        own = [mutant for mutant in found if mutant.element == f"elem:{element.name}"]
        if not element.bases:
            assert not own
            continue
        pairs = len(element.bases) // 2 if element.kind == "stem" else 0
        assert [mutant.what for mutant in own] == [DISRUPTED] * (1 if pairs else 4) + [RANDOM] * 4 + [COMPENSATED] * bool(pairs)
        for mutant in own:
            changed = {i for i, (a, b) in enumerate(zip(record.sequence, mutant.record.sequence, strict=True)) if a != b}
            assert changed == set(mutant.places)
            if mutant.what == RANDOM:
                assert not changed & set(element.bases) and len(changed) == (pairs or len(element.bases))
    whole = destroyed(HAIRPIN, range(HAIRPIN.length), np.random.default_rng(0))
    assert not any(a == b for a, b in zip(whole, HAIRPIN.sequence)) and not any(whole[i] + whole[j] in CANONICAL for i, j in HAIRPIN.pairs)
    odd = RnaRecord("odd", "GANAAAAAAC", "(((....)))")  # A-A and N-A, which cannot pair as they are
    assert destroyed(odd, [0, 1, 2], np.random.default_rng(0))[0] == "C" and "A" not in destroyed(odd, [1], np.random.default_rng(0))[1]


def test_what_is_drawn_follows_from_the_seed() -> None:
    first, again, other = (mutants_of(TWO, seed=seed) for seed in (3, 3, 4))
    assert first == again != other
    no_room = mutants_of(RnaRecord("full", "GGGGAAACCCC", "((((...))))"))
    assert {mutant.element for mutant in no_room if mutant.what == RANDOM} == {"elem:h0"}


def hearing(hears: str):  # type: ignore[no-untyped-def]
    """An embedding of known losses: of an RNA that keeps its "structure", or its "letters", 0, else 1."""

    def embedded(records: Sequence[RnaRecord], told: object, stop: object) -> EmbeddedRnas:
        folded = tuple(replace(record, structure=fold(record, probabilities=False).structure) for record in records)
        kept = [getattr(one, "structure" if hears == "structure" else "sequence") for one in folded]
        vectors = np.array([[1.0, 0.0] if value == kept[0] else [0.0, 1.0] for value in kept], dtype=np.float32)
        return EmbeddedRnas("planted", folded, {"rna": Embeddings([r.id for r in folded], vectors)}, ("",) * len(folded), ("",) * len(folded))

    return embedded


def test_rescue_is_of_networks_that_hear_structure() -> None:
    network = load_checkpoint("rna")
    ear, eye = (disrupt(TWO, network, embed=hearing(hears)).elements.set_index("element") for hears in ("structure", "letters"))
    stems = ["s0", "s1"]
    assert list(ear.loc[stems, "disrupted"]) == list(eye.loc[stems, "disrupted"]) == [1, 1]
    assert list(ear.loc[stems, "compensated"]) == [0, 0] and list(ear.loc[stems, "rescue"]) == [1, 1]
    assert list(eye.loc[stems, "compensated"]) == [1, 1] and list(eye.loc[stems, "rescue"]) == [0, 0]
    assert list(ear.loc[stems, "pairs_kept"]) == list(ear.loc[stems, "pairs"]) == [6, 6] and list(ear.loc[stems, "pairs_left"]) == [0, 0]
    assert (eye["disrupted"] == 1).all() and (eye["random"] == 1).all() and (eye["excess"] == 0).all()
    assert ear["rescue"].drop(stems).isna().all()


def test_masks_and_losses_are_those_of_the_network() -> None:
    network = load_checkpoint("rna")
    found = disrupt(TWO, network, draws=1)
    function = rna_masks(network, TWO, target=like_itself(network, TWO))
    table = found.elements.set_index("name")
    for column, made in (("mask", attribute(function, OCCLUSION, level="element")), (INTEGRATED_GRADIENTS, attribute(function))):
        expected = made.at(function, "element")
        assert table[column].to_dict() == pytest.approx(expected.to_dict(), abs=1e-5)
    row = found.mutants[found.mutants["mutant"] == "s1 compensated 0"].iloc[0]
    vectors = unit(embed([RnaRecord("a", TWO.sequence), RnaRecord("b", row["sequence"])], checkpoint=network, device="cpu").vectors.astype(float))
    assert row["loss"] == pytest.approx(1 - vectors[0] @ vectors[1], abs=1e-5) and table.loc["elem:s1", "compensated"] == row["loss"]
    assert found.manifest["fold"]["pairs"] == found.manifest["fold"]["kept"] == 12
    assert found.manifest["key"] != disrupt(TWO, network, draws=1, seed=1, embed=hearing("letters")).manifest["key"]


def test_it_stops_and_refuses() -> None:
    network = load_checkpoint("rna")
    told: list[str] = []
    with pytest.raises(Cancelled):
        disrupt(TWO, network, on_progress=lambda what, done, total: told.append(what), should_stop=lambda: True)
    assert "folding and embedding" not in told
    with pytest.raises(Cancelled, match="stopped after 16 of"):
        disrupt(TWO, network, on_progress=lambda what, done, total: told.append(what), should_stop=lambda: "folding and embedding" in told)
    with pytest.raises(InputError, match="long has 701 bases, too many to fold"):
        disrupt(RnaRecord("long", "A" * 701), network)
    with pytest.raises(InputError, match="0 draws are not possible"):
        disrupt(TWO, network, draws=0)
    with pytest.raises(InputError, match="None of the 1 RNA has 4 elements"):
        element_trial([RnaRecord("line", "A" * 30)], network)


def planted(record: RnaRecord, turn: int) -> Disruption:
    """Six elements whose masks follow integrated gradients, whose disruptions go the other way, and whose excess is up to ``turn``."""
    rank = np.arange(1.0, 7.0)
    elements = pd.DataFrame(
        {
            "name": [f"elem:s{i}" for i in range(6)],
            "element": [f"s{i}" for i in range(6)],
            "kind": ["stem"] * 4 + ["hairpin", "internal"],
            "size": [2, 1, 4, 3, 6, 5],
            INTEGRATED_GRADIENTS: -rank,
            "attention": 1.0,
            "message": rank[::-1],
            "mask": rank**2,
            "disrupted": (7 - rank) / 10,
            "random": (7 - rank) / 10 - turn * rank / 100,
            "excess": turn * rank / 100,
            "pairs": [2.0, 2, 2, 2, np.nan, np.nan],
            "compensated": [0.3, 0.6, 0.2, 0.1, np.nan, np.nan],
            "pairs_kept": [2.0, 1, 2, 2, np.nan, np.nan],
            "rescue": [0.5, -0.2, 0.5, 2 / 3, np.nan, np.nan],
        }
    )
    manifest = {"gatescope": "", "versions": {}, "checkpoint": {}, "target": "", "draws": 1, "seed": 0, "key": record.id, "record": {"id": record.id}}
    return Disruption(record, elements, pd.DataFrame(), manifest)


def test_ranks_over_rnas_are_those_that_were_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = {"a": 1, "b": -1, "c": 1, "d": -1}
    monkeypatch.setattr(trials, "disrupt", lambda record, *_, **__: planted(record, turns[record.id]))
    records = [*(replace(TWO, id=name) for name in turns), replace(HAIRPIN, id="line", sequence="A" * 20, structure=None)]
    found = element_trial(records, load_checkpoint("rna"))
    assert found.left_out == ("line",) == tuple(found.manifest["left_out"]) and len(found.elements) == 24

    def figure(*of: str) -> list[float]:
        return [float(found.figure(*of)[name]) for name in ("value", "low", "high")]

    assert figure(FAITHFULNESS, INTEGRATED_GRADIENTS, MASK) == pytest.approx([1, 1, 1])
    assert figure(PLAUSIBILITY, INTEGRATED_GRADIENTS, "disrupted") == pytest.approx([-1, -1, -1]) == figure(PLAUSIBILITY, MASK, "disrupted")
    length = 1 - 6 * 6 / (6 * 35)  # six ranks, each one off
    assert figure(FAITHFULNESS, LENGTH, MASK) == pytest.approx([length] * 3)
    assert figure(FAITHFULNESS, LEAD, MASK) == pytest.approx([1 - length] * 3)
    value, low, high = figure(PLAUSIBILITY, INTEGRATED_GRADIENTS, "excess")
    assert value == pytest.approx(0) and low == -1 and high == 1
    assert found.figure(FAITHFULNESS, "attention", MASK)["rnas"] == 0 and np.isnan(found.figure(FAITHFULNESS, "attention", MASK)["value"])
    assert figure(RESCUE, ALL) == pytest.approx([1 - 1.2 / 1.8] * 3) and figure(RESCUE, KEPT) == pytest.approx([1 - 0.6 / 1.3] * 3)
    assert figure(RESCUE, LOSE_LESS) == pytest.approx([0.75] * 3) and figure(EXCESS, "stems")[0] == pytest.approx(0)
    faithful, plausible, rescue = found.sentences()
    assert "over 4 RNAs and 24 elements" in faithful and "Spearman correlation of 1.00 (1.00 to 1.00)" in faithful and "plausib" not in faithful
    assert "attention cannot be told" in faithful
    assert "by -1.00 (-1.00 to -1.00)" in plausible and "0.00 (-1.00 to 1.00, not told from 0)" in plausible and "aithful" not in plausible
    assert "0.33 (0.33 to 0.33) of the loss of the one-sided mutants of 16 stems, and 0.54 (0.54 to 0.54) for the 12 stems" in rescue
    one = trials.told_of_one(planted(TWO, 1))
    assert "have a Spearman correlation of 1.00; length alone has 0.83" in one and "share of 0.33 of the loss of 4 disrupted stems; 3 of them" in one


def test_figures_carry_entities_and_names() -> None:
    table = planted(TWO, 1).elements
    scatter = effect_scatter(table, selected="elem:s2")
    _, random, stems, *_, ring = scatter.data
    assert [row[0] for row in random.customdata] == list(table["name"]) and random.marker.symbol == "circle-open"
    assert list(random.y) == list(table["random"]) and list(stems.x) == [1, 4, 9, 16] and list(stems.text) == ["s0", "s1", "s2", "s3"]
    assert (list(ring.x), list(ring.y)) == ([9], [0.4]) and alt_text(scatter).startswith("Scatter of 6 elements")
    one, both = compensation_bars(table).data
    assert list(one.y) == ["s0", "s1", "s2", "s3"] and [row[0] for row in both.customdata] == [f"elem:s{i}" for i in range(4)]
    assert list(both.text) == ["+50% (2/2)", "-20% (1/2)", "+50% (2/2)", "+67% (2/2)"] and one.text is None


def test_the_command_writes_tables_and_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("core.train.command.workers", lambda _: nullcontext(None))  # a worker of pytest starts no processes
    file = tmp_path / "rnas.fa"
    file.write_text(f">two\n{TWO.sequence}\n>line\n{'A' * 30}\n>long\n{'ACGU' * 60}\n")
    assert main(["disrupt", str(file), "--draws", "1", "--device", "cpu", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["sentences"]) == 3 and all(text in said.out for text in manifest["sentences"])
    assert "2 of 3 RNAs have at most 200 bases; 2 of them were taken" in said.err and manifest["left_out"] == ["line"]
    tables = {name: pd.read_csv(tmp_path / "out" / f"{name}.csv") for name in ("elements", "rnas", "summary")}
    assert set(tables["elements"]["rna"]) == set(tables["rnas"]["rna"]) == {"two"} and "elem:s0" in set(tables["elements"]["name"])
    assert main(["disrupt", str(file), "--longest", "10", "--out", str(tmp_path)]) == 2
    assert "has at most 10 bases; give a larger --longest" in capsys.readouterr().err
    assert main(["disrupt", "library", "--limit", "0", "--out", str(tmp_path)]) == 2
    families = {example.id: example.family for example in list_library()}
    taken = [families[record.id] for record in _library()]
    assert len(taken) == len(families) and len(set(taken[: len(set(taken))])) == len(set(taken))
